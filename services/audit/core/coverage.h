/* Which objectives (統制目標) no internal audit has really covered in time. R68
 *
 * Pure. Years are civil years. Overdue means: the years up to `upto` are over and reported or not,
 * and a whole window of internal_cycle_years that lies between `since` and `upto` holds no audit.
 */
#ifndef LIU_AUDIT_CORE_COVERAGE_H
#define LIU_AUDIT_CORE_COVERAGE_H

#include "services/audit/core/plan.h"

struct coverage_gap {
    const char *id;    /* borrowed from the catalogue */
    int32_t last_year; /* of its last audit; 0 = never */
};

struct coverage {
    uint32_t objectives; /* that have to be covered */
    uint32_t covered;    /* within the last window, or not yet due */
    struct coverage_gap *gaps;
    size_t n_gaps; /* overdue, in the catalogue's order */
};

/* The last year of the window that must be covered by now: sliding, `upto` itself; fixed periods
 * count from `since`, the last one that has ended. 0 = none has ended. */
int32_t coverage_window_end(const struct plan_policy *policy, int32_t since, int32_t upto);

/* `history` as for planning: entries of internal audits count. ERR_NOMEM. */
enum err coverage_of(struct arena *a, const struct plan_input *in, int32_t since, int32_t upto,
                     struct coverage *out) LIU_MUST_USE;

#endif
