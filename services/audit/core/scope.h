/* What happened to the controls of a service between its audits, as triggers of the next plan.
 *
 * R48  a change notice (変更届) names the controls that changed, of the plan's catalogue
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

struct scope_notice {
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
 * is not in the catalogue, has nothing to audit or is named twice; a day more than a year ahead, or
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
