/* The audit plan of a registered service: which control is audited in which year, by whom, and by
 * which rule. What differs from ISMAP proper is that the external audit of LIU is narrow and the
 * rest is the provider's own internal audit.
 *
 * R62  external, every year: all detailed controls of governance and management
 * R63  external, important controls (重要な管理策): annual ones every year, the others once in
 *      rotation_years, as level as their due years allow
 * R64  only adopted controls: an excluded objective takes its detailed controls with it
 * R65  what was really audited counts; what is overdue comes first
 * R66  what was changed, newly adopted, found wrong or failed is audited in the next year that can
 *      still be planned, whatever its turn
 * R67  design, operation or both; the special measure once
 * R68  internal: every objective (統制目標) in any internal_cycle_years years, sliding or fixed
 * R69  nobody audits what he operates
 * R70  what is inherited from a listed base service is not audited while that listing is valid
 *
 * Pure and deterministic: the same input gives the same plan, byte for byte. History is never
 * rewritten: the years before open_year hold what was audited in them and nothing else.
 * docs/planner.md has the method and its formulas.
 */
#ifndef LIU_AUDIT_CORE_PLAN_H
#define LIU_AUDIT_CORE_PLAN_H

#include "services/audit/core/catalogue.h"

#define AUDIT_CORE_VERSION "audit-core-4" /* raised when the same input gives another plan */
#define PLAN_YEARS_MAX 10
#define PLAN_CONTROLS_MAX 16384
#define PLAN_HISTORY_MAX 65536
#define PLAN_HOURS_MAX 10000 /* of one item */
#define PLAN_EFFORT_MAX 4096 /* rows */
#define PLAN_CEILINGS_MAX 32
#define PLAN_STAFF_MAX 256 /* internal auditors */

/* Numbers as in ismap.liu.v1: AuditParty, AuditMode, AuditResult, PlanCause. */
enum plan_party { PLAN_ANY_PARTY = 0, PLAN_EXTERNAL = 1, PLAN_INTERNAL = 2 };
enum plan_mode { PLAN_NO_MODE = 0, PLAN_DESIGN = 1, PLAN_OPERATING = 2, PLAN_BOTH = 3 };
enum plan_result { PLAN_AUDITED = 0, PLAN_PASSED = 1, PLAN_FAILED = 2, PLAN_SKIPPED = 3 };
enum plan_cause {
    PLAN_NO_CAUSE = 0,
    PLAN_CHANGED = 1,
    PLAN_ADOPTED = 2,
    PLAN_FINDING = 3,
    PLAN_FAILED_AUDIT = 4,
    PLAN_INCIDENT = 5,
    PLAN_BASE_LAPSED = 6
};

struct plan_important {
    const char *id;
    bool annual; /* false = rotates */
};

/* Hours of an item: what of design and operation its mode asks. The rows of a control come before
 * those of tiers, then the first that fits decides. */
struct plan_effort {
    const char *id;           /* NULL = of the tier */
    enum catalogue_tier tier; /* CATALOGUE_NO_TIER = any */
    enum plan_party party;    /* PLAN_ANY_PARTY = both */
    uint32_t design_hours;
    uint32_t operating_hours;
};

struct plan_mode_rule {
    enum catalogue_tier tier;
    enum plan_party party;
    enum plan_mode mode;
};

struct plan_ceiling {
    int32_t year;          /* civil; 0 = every year */
    enum plan_party party; /* PLAN_ANY_PARTY = both together */
    uint32_t hours;
};

struct plan_policy {
    uint32_t rotation_years;       /* R63; 1 to PLAN_YEARS_MAX */
    uint32_t internal_cycle_years; /* R68; 1 to PLAN_YEARS_MAX */
    bool internal_all_tiers;       /* R68: false = objectives of the controls tier only */
    bool internal_sliding; /* R68: any consecutive years; false = periods from cycle_first_year */
    const struct plan_important *important;
    size_t n_important;
    uint32_t hours_external; /* of one item without a row of effort, both modes; one mode: half */
    uint32_t hours_internal;
    const struct plan_effort *effort;
    size_t n_effort;
    const struct plan_mode_rule *modes; /* first that fits decides; none = both. R67 */
    size_t n_modes;
    const struct plan_ceiling *ceilings;
    size_t n_ceilings;
    bool force_on_change;         /* R66 */
    bool special_measure_offered; /* R67 */
    int32_t special_until_day;    /* last day of application (base/date.h) */
};

/* That a control was audited in a civil year, or should have been (PLAN_SKIPPED). Entries of later
 * years than open_year, and of controls that are no longer in the catalogue, are passed over. */
struct plan_history {
    const char *id;
    enum plan_party party;
    int32_t year;
    enum plan_result result;
    enum plan_mode mode; /* PLAN_NO_MODE = both */
};

struct plan_excluded {
    const char *id;
    const char *reason; /* why it cannot apply; must not be empty. R61, R64 */
};

/* An objective takes its detailed controls along. Controls tier only: R62 leaves no choice. */
struct plan_inherited {
    const char *id;
    const char *base;    /* registration number of the base service; must not be empty */
    int32_t lapsed_year; /* civil year in which it was suspended or expired: audited again, next; 0
                            = valid */
};

/* Something happened to a control in a civil year. It is resolved by an audit in a later year.
 * A detailed control is audited externally again, an objective internally, an important control
 * externally whatever it is. Controls that are not adopted are passed over. */
struct plan_trigger {
    const char *id;
    enum plan_cause cause;
    int32_t year;
    const char *ref; /* of the notice, finding or incident; NULL = none */
};

struct plan_operator {
    const char *id; /* control or objective; of an objective: it and its detailed controls */
    const char *person;
};

/* An item of the plan that is replaced. */
struct plan_before {
    const char *id;
    enum plan_party party;
    int32_t year; /* civil */
};

struct plan_input {
    const struct catalogue *catalogue;
    const struct plan_policy *policy;
    const struct plan_history *history; /* all lists may be empty */
    size_t n_history;
    const struct plan_excluded *excluded; /* R64: controls tier only */
    size_t n_excluded;
    int32_t first_year; /* civil year in Tokyo that is year 1 of the plan */
    int32_t open_year; /* first civil year that can still be planned, in the plan; 0 = first_year */
    int32_t cycle_first_year; /* civil year in which the first plan of the service began: fixed
                                 periods count from it, and what was never audited; at most
                                 first_year; 0 = first_year */
    const struct plan_inherited *inherited;
    size_t n_inherited;
    const struct plan_trigger *triggers;
    size_t n_triggers;
    const struct plan_before *before;
    size_t n_before;
    const struct plan_operator *operators; /* R69 */
    size_t n_operators;
    const char *const *auditors; /* internal; none = nobody is assigned */
    size_t n_auditors;
    bool special_measure; /* R67: asked for; for year 1 */
    bool special_used;    /* the service had it before */
    int32_t applied_day;  /* of the application (base/date.h) */
};

struct plan_item {
    const char *control_id; /* borrowed from the catalogue */
    enum plan_party party;
    uint32_t year;    /* 1 .. years */
    const char *rule; /* R62, R63, R66, R68 or R70; literal */
    uint32_t hours;
    enum plan_mode mode;
    enum plan_cause cause;
    const char *ref;     /* of the trigger; NULL = none; borrowed from the input */
    const char *auditor; /* R69; NULL = not assigned; borrowed from the input */
};

struct plan_load {
    uint32_t year;
    uint32_t external_items;
    uint32_t external_hours;
    uint32_t internal_items;
    uint32_t internal_hours;
    uint32_t governance; /* of the external items */
    uint32_t management;
    uint32_t important; /* controls tier */
};

/* One difference to the plan before, in years that both have and that are open. */
struct plan_move {
    const char *control_id;
    enum plan_party party;
    int32_t from_year; /* civil; 0 = was not planned */
    int32_t to_year;   /* 0 = is no longer planned */
    const char *rule;  /* why: R60 no longer in the catalogue, R64 excluded, R70 inherited, R65
                          audited already or due earlier, R66 triggered, R63 and R68 levelled */
    enum plan_cause cause;
};

/* Items by year, external before internal, then in the catalogue's order. */
struct plan {
    uint32_t years; /* the longer of rotation and internal cycle */
    struct plan_item *items;
    size_t n;
    struct plan_load loads[PLAN_YEARS_MAX];
    struct plan_move *moves;
    size_t n_moves;
};

/* Everything that lives in *out is in the arena or borrowed from the input. ERR_INVAL with faults
 * (field, rule, Japanese, English) when the input contradicts itself or no plan can be had:
 * unknown, doubled or misplaced ids, years out of bounds, an empty catalogue, ceilings too low
 * (which and by how much), an item that nobody may audit. ERR_LIMIT, ERR_NOMEM. */
enum err audit_plan_make(struct arena *a, const struct plan_input *in, struct plan *out,
                         struct audit_faults *faults) LIU_MUST_USE;

/* Tells whether a plan does what R62 to R70 demand of it, from the plan alone: shares no code with
 * the planner, so that a mistake there is seen here. ERR_INVAL with every fault. ERR_NOMEM. */
enum err audit_plan_check(struct arena *a, const struct plan_input *in, const struct plan *p,
                          struct audit_faults *faults) LIU_MUST_USE;

/* When an objective or an important control that rotates is covered. */
struct plan_cover {
    const char *control_id;
    enum plan_party party;
    int32_t last_year; /* civil year of its last audit before open_year; 0 = never */
    int32_t due_year;  /* civil year by which it has to be audited, counted from the last audit or,
                          never audited, from the cycle's first year or the first with any
                          audit before it (R65, R68) */
    uint32_t years;    /* bit y for year y of the plan */
    bool overdue;      /* due before open_year */
};

/* How good a plan is. The bounds: docs/planner.md. A gap of 0 proves that no plan with counts as
 * even has a lighter heaviest year. A gap above 0 proves nothing: the bound may be too low. */
struct plan_certificate {
    uint32_t heaviest_year; /* 1 .. years, of those that are open; the first of several */
    uint32_t heaviest_hours;
    uint32_t lightest_hours;
    uint32_t bound_hours;
    uint32_t gap_hours;      /* heaviest - bound; 0 = proved best */
    uint32_t total_hours;    /* of all open years */
    uint32_t domain_spread;  /* most - least items of a domain in a year, the worst domain, of the
                                rotating controls and of the objectives */
    uint64_t spread_squares; /* sum of the squares of the first of those items of each control, of
                                all domains, parties and years */
    uint32_t moves;          /* of those items, in a year where the plan before has not got them */
    uint64_t spread_bound;   /* no plan with such counts and no heavier heaviest year has fewer */
    uint32_t moves_bound;    /* and none that also has so few squares has fewer moves */
    uint32_t proved; /* objectives that are proved to be reached, in their order: 1 counts as even
                        as can be (within the ceilings), 2 heaviest year, 3 spread, 4 moves */
    uint32_t overdue;
    struct plan_cover *covers; /* external before internal, in the catalogue's order */
    size_t n_covers;
};

/* From the items of a plan that audit_plan_check has accepted: like the check it shares no code
 * with the planner. ERR_NOMEM. */
enum err audit_plan_certify(struct arena *a, const struct plan_input *in, const struct plan *p,
                            struct plan_certificate *out) LIU_MUST_USE;

/* Whether a certificate says of the plan what is true of it. One with neither spread_bound,
 * moves_bound nor proved claims no proof, as those made before "audit-core-4". ERR_INVAL with every
 * fault; ERR_NOMEM. */
enum err audit_certificate_check(struct arena *a, const struct plan_input *in, const struct plan *p,
                                 const struct plan_certificate *cert,
                                 struct audit_faults *faults) LIU_MUST_USE;

#endif
