/* The audit plan of a registered service: which control is audited in which year, by whom, and by
 * which rule. What differs from ISMAP proper is that the external audit of LIU is narrow and the
 * rest is the provider's own internal audit.
 *
 * R62  external, every year: all detailed controls of governance and management (18 + 64 in
 * 2022-04-01) R63  external, important controls (一部の重要な管理策): annual ones every year,
 * rotating ones exactly once in rotation_years, with loads that differ by at most one between years
 * R64  only adopted controls: an excluded objective takes its detailed controls with it
 * R65  what was audited longest ago, or never, comes first; without history the id order decides
 * R68  internal: every objective (統制目標) at least once in internal_cycle_years, levelled
 *
 * Pure and deterministic: the same input gives the same plan. The plan repeats: a control of slot s
 * is in the years s, s + period, ..., so every window of `period` years holds it exactly once (this
 * serves fixed and sliding windows alike).
 */
#ifndef LIU_AUDIT_CORE_PLAN_H
#define LIU_AUDIT_CORE_PLAN_H

#include "services/audit/core/catalogue.h"

#define AUDIT_CORE_VERSION "audit-core-2" /* raised when the same input gives another plan */
#define PLAN_YEARS_MAX 10
#define PLAN_HISTORY_MAX 65536

/* Numbers as in ismap.liu.v1.AuditParty. */
enum plan_party { PLAN_EXTERNAL = 1, PLAN_INTERNAL = 2 };

struct plan_important {
    const char *id;
    bool annual; /* false = rotates */
};

struct plan_policy {
    uint32_t rotation_years;       /* R63; 1 to PLAN_YEARS_MAX */
    uint32_t internal_cycle_years; /* R68; 1 to PLAN_YEARS_MAX */
    bool internal_all_tiers;       /* R68: false = objectives of the controls tier only */
    bool internal_sliding;         /* R68: any consecutive years; false = fixed periods */
    const struct plan_important *important;
    size_t n_important;
    uint32_t hours_external; /* of one item, one year */
    uint32_t hours_internal;
};

/* That a control was really audited in a civil year. Entries of later years than the plan's first,
 * and of controls that are no longer in the catalogue, are passed over. */
struct plan_history {
    const char *id;
    enum plan_party party;
    int32_t year;
};

struct plan_input {
    const struct catalogue *catalogue;
    const struct plan_policy *policy;
    const struct plan_history *history; /* may be empty */
    size_t n_history;
    const char *const
        *excluded; /* R64: controls or objectives not adopted, controls tier only; may be empty */
    size_t n_excluded;
    int32_t first_year; /* civil year in Tokyo that is year 1 of the plan */
};

struct plan_item {
    const char *control_id; /* borrowed from the catalogue */
    enum plan_party party;
    uint32_t year;    /* 1 .. years */
    const char *rule; /* R62, R63 or R68; literal */
    uint32_t hours;
};

struct plan_load {
    uint32_t year;
    uint32_t external_items;
    uint32_t external_hours;
    uint32_t internal_items;
    uint32_t internal_hours;
    uint32_t governance; /* of the external items */
    uint32_t management;
    uint32_t important;
};

/* Items by year, external before internal, then by id. */
struct plan {
    uint32_t years; /* the longer of rotation and internal cycle */
    struct plan_item *items;
    size_t n;
    struct plan_load loads[PLAN_YEARS_MAX];
};

/* Everything that lives in *out is in the arena or borrowed from the input. ERR_INVAL with faults
 * when the policy does not fit the catalogue (unknown, doubled or misplaced ids, years out of
 * bounds); ERR_NOMEM. */
enum err audit_plan_make(struct arena *a, const struct plan_input *in, struct plan *out,
                         struct audit_faults *faults) LIU_MUST_USE;

/* Tells whether a plan does what R62, R63, R64 and R68 demand of it, from the plan alone: shares no
 * code with the planner, so that a mistake there is seen here. ERR_INVAL with every fault.
 * ERR_NOMEM. */
enum err audit_plan_check(struct arena *a, const struct plan_input *in, const struct plan *p,
                          struct audit_faults *faults) LIU_MUST_USE;

/* How far the heaviest year is above what no plan can go below.
 *
 * The bound is the greatest of: all the work that must be done, spread evenly over the years; the
 * annual work with the rotating controls dealt evenly; the annual work with the objectives dealt
 * evenly; and, for equal periods, the annual work with both dealt evenly and as many leftovers as
 * must meet in one year. Work comes in whole items, so the part that can be moved is rounded up to
 * the greatest common divisor of both kinds of hours. No plan that audit_plan_check accepts has a
 * lighter heaviest year (it demands that the loads of each party differ by at most one); a gap of 0
 * therefore proves that this one is the best. A gap above 0 proves nothing: the bound may be too
 * low.
 */
struct plan_certificate {
    uint32_t heaviest_year; /* 1 .. years; the first of several */
    uint32_t heaviest_hours;
    uint32_t lightest_hours;
    uint32_t bound_hours;
    uint32_t gap_hours;     /* heaviest - bound; 0 = proved best */
    uint32_t total_hours;   /* of all years */
    uint32_t domain_spread; /* most - least items of a domain in a year, the worst domain, of the
                               rotating controls and of the objectives */
};

/* From the items of a plan that audit_plan_check has accepted: like the check it shares no code
 * with the planner. ERR_NOMEM. */
enum err audit_plan_certify(struct arena *a, const struct plan_input *in, const struct plan *p,
                            struct plan_certificate *out) LIU_MUST_USE;

#endif
