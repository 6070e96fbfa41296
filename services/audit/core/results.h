/* What an audit body or a provider reports of one year, held against catalogue and plan.
 *
 * R65  what counts is what was really audited; what was planned and was not is told with a reason
 * R67  design, operating or both
 * R69  the internal auditor of a control is not its operator: such an item does not count
 * R72  the yearly report on internal audits is checked for coverage and content
 *
 * Pure. Strings are borrowed from the input.
 */
#ifndef LIU_AUDIT_CORE_RESULTS_H
#define LIU_AUDIT_CORE_RESULTS_H

#include "services/audit/core/plan.h"

struct audited_control {
    const char *id;
    enum plan_mode mode;
    const char *auditor; /* "" = not stated */
    const char *operated_by;
};

struct audit_finding {
    const char *id;
    const char *control;
    const char *correction;
    const char *correct_by; /* "" = not stated */
};

struct audit_results {
    const struct audited_control *controls;
    size_t n_controls;
    const char *const *skipped; /* ids; each has a reason */
    size_t n_skipped;
    const struct audit_finding *findings;
    size_t n_findings;
};

/* Whether a report can be taken in at all: every id is in the catalogue and comes once, every
 * finding is about a control that was audited and has an id of its own. Fields of faults are JSON
 * paths below the results ("controls[3].controlId"). ERR_INVAL with faults; ERR_NOMEM. */
enum err results_check(struct arena *a, const struct catalogue *c, const struct audit_results *r,
                       struct audit_faults *faults) LIU_MUST_USE;

/* Results of one party against the items of one year of the plan. */
struct results_summary {
    uint32_t planned;
    uint32_t performed;       /* of the planned ones, those that count */
    uint32_t skipped;         /* of the planned ones, with a reason */
    uint32_t unplanned;       /* audited beyond the plan */
    const char **unexplained; /* planned, neither; in the arena */
    size_t n_unexplained;
};

/* `year` counts from 1 as in the plan. For a report that results_check has accepted. ERR_NOMEM. */
enum err results_compare(struct arena *a, const struct catalogue *c, const struct plan *p,
                         enum plan_party party, uint32_t year, const struct audit_results *r,
                         struct results_summary *out) LIU_MUST_USE;

/* Content of the yearly report on internal audits (内容確認, R72): `faults` gets what it lacks.
 * `approved` tells whether the management's approval is stated with its day. */
void results_content(struct arena *a, const struct audit_results *r,
                     const struct results_summary *s, bool approved, struct audit_faults *faults);

/* Does this item count as audited? R69 */
bool results_counts(const struct audited_control *k, enum plan_party party);

#endif
