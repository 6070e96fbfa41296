/* What of a service is audited, and what happened to its controls between audits, as input of the
 * next plan.
 *
 * R61, R64  what is not adopted is excluded, with a reason; a basic one only with its objective
 *
 * R69  who operates a control does not audit it
 *
 * R70  what is inherited is not the service's own while its base service stands
 *
 * R48  a change notice (変更届) names the controls that changed, of the plan's catalogue
 *
 * R66  they are audited in the next year that can still be planned
 *
 * Pure. Strings are borrowed.
 */
#ifndef LIU_AUDIT_CORE_SCOPE_H
#define LIU_AUDIT_CORE_SCOPE_H

#include "services/audit/core/plan.h"

#define SCOPE_TRIGGERS_MAX 4096
/* A change of an earlier year says nothing any more: everything is audited within the longest
 * cycle. */
#define SCOPE_TRIGGER_YEARS PLAN_YEARS_MAX

/* What a provider states of its service. */
struct scope_statement {
    const struct plan_excluded *excluded;
    size_t n_excluded;
    const struct plan_operator *operators;
    size_t n_operators;
    const char *const *auditors;
    size_t n_auditors;
    const struct plan_inherited *inherited;
    size_t n_inherited;
};

/* ERR_INVAL with every fault, by its path in the message (excluded[3].controlId): ids unknown,
 * doubled or of a tier without choice, a basic requirement excluded without its objective, somebody
 * who operates or inherits what is excluded, an auditor twice. That everything has an auditor is
 * the planner's to say. ERR_NOMEM. */
enum err scope_check_statement(struct arena *a, const struct catalogue *c,
                               const struct scope_statement *s,
                               struct audit_faults *faults) LIU_MUST_USE;

/* The controls that `old` excludes and `now` does not, in the catalogue's order: newly adopted
 * (R66). NULL: no memory. */
const char *const *scope_adopted(struct arena *a, const struct catalogue *c,
                                 const struct scope_statement *old,
                                 const struct scope_statement *now, size_t *n);

struct scope_notice {
    bool adopts;                          /* the change is that they are adopted now */
    bool stated;                          /* there is a statement */
    const struct scope_statement *before; /* what is excluded so far */
    const char *const *controls;
    size_t n;
    int32_t changed_day; /* base/date.h */
    int32_t today;
};

/* ERR_INVAL with a fault for each of controls[i] that is not in the catalogue, has nothing to audit
 * or is named twice. ERR_NOMEM. */
enum err scope_check_controls(struct arena *a, const struct catalogue *c,
                              const char *const *controls, size_t n,
                              struct audit_faults *faults) LIU_MUST_USE;

/* ERR_INVAL with every fault, by its path in the message (controls[3], changedOn): a control that
 * is not in the catalogue, has nothing to audit or is named twice, is excluded (or, when the change
 * is its adoption, is not, or is so because of its objective); a day more than a year ahead, or
 * longer ago than any plan looks back. ERR_NOMEM. */
enum err scope_check_notice(struct arena *a, const struct catalogue *c,
                            const struct scope_notice *n, struct audit_faults *faults) LIU_MUST_USE;

struct scope_triggers {
    const struct plan_trigger *items; /* sorted by id, cause, ref */
    size_t n;
};

/* Both together, sorted. Of one control's changes the latest counts (an audit after it resolves the
 * earlier ones, too), of two in one year the one with the greater ref; other causes stay apart by
 * ref, the later year of each. What happened before `oldest_year` is left out. The outcome does not
 * depend on the order in which things came, nor on how often. ERR_LIMIT above SCOPE_TRIGGERS_MAX;
 * ERR_NOMEM. */
enum err scope_merge(struct arena *a, const struct scope_triggers *old,
                     const struct scope_triggers *more, int32_t oldest_year,
                     struct scope_triggers *out) LIU_MUST_USE;

#endif
