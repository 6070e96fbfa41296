/* Of the check and the certificate only: what the rules ask of each control, read from the input a
 * second time and another way. Nothing here comes from the planner, and nothing may. */
#ifndef LIU_AUDIT_CORE_PLAN_PROOF_H
#define LIU_AUDIT_CORE_PLAN_PROOF_H

#include "services/audit/core/plan.h"

#define PROOF_YEARS (PLAN_YEARS_MAX + 1)

/* One control and party. Years are of the plan, sets of years are bits. */
struct proof_side {
    bool every_year;
    bool in_turn;
    const char *rule;
    bool audited; /* ever, up to the open year */
    int64_t last; /* when audited */
    bool last_failed;
    uint32_t history; /* years of the plan in which it was audited */
    uint32_t designs; /* of these, with this mode said */
    uint32_t operatings;
    int64_t adopted; /* 0 = no notice of adoption; else year + 2^20, later is greater */
    uint32_t must;   /* year in which a trigger demands it, 0 = none */
    enum plan_cause cause;
    const char *ref;
    int64_t due_said;  /* year by which its turn is due, may lie before the open year */
    uint32_t earliest; /* its turn: earliest .. latest; latest 0 = not in this plan */
    uint32_t latest;
    uint32_t before;
    uint32_t items; /* of the plan under check */
    uint32_t turn;  /* first item that is no history; 0 = none */
};

struct proof_control {
    bool excluded;
    bool inherited;
    bool important;
    bool in_scope;
    struct proof_side sides[2]; /* external, internal */
};

struct proof {
    struct arena *arena;
    const struct plan_input *in;
    const struct plan *plan;
    struct proof_control *controls;
    uint32_t years;
    uint32_t open;
    int64_t cycle; /* year in which the first plan of the service began: 1 or before */
    uint32_t before_years;
};

/* The plan's years must be 1 to PLAN_YEARS_MAX and open_year within. ERR_NOMEM. */
enum err proof_read(struct proof *p) LIU_MUST_USE;

uint32_t proof_period(const struct proof *p, unsigned side);

/* What an item of that control, party and year has to say. */
enum plan_mode proof_mode(const struct proof *p, size_t i, unsigned side, uint32_t year);
uint32_t proof_hours(const struct proof *p, size_t i, unsigned side, enum plan_mode mode);

/* Hours of a turn of the control that is in that year, which is no history. */
uint32_t proof_turn_hours(const struct proof *p, size_t i, unsigned side, uint32_t year);

/* What a plan could do better than this one, what comes before being as good. */
enum proof_goal {
    PROOF_EVENNESS, /* counts of a smaller sum of squares within the ceilings */
    PROOF_HEAVIEST, /* a lighter heaviest year */
    PROOF_SPREAD    /* fewer squares of domains, or as many and fewer moves */
};
enum proof_answer {
    PROOF_REFUTED, /* no plan does */
    PROOF_FOUND,   /* some plan does */
    PROOF_UNKNOWN  /* too many turns, or too much work */
};

/* Looks for such a plan everywhere. `even`: this plan's counts are the most even that due years
 * allow. Takes memory of its own for the time being. ERR_NOMEM. */
enum err proof_refute(const struct proof *p, enum proof_goal goal, bool even,
                      enum proof_answer *out) LIU_MUST_USE;

/* Squares of domains that every plan has at least, and the moves of the plans that have so few.
 * ERR_NOMEM.
 */
enum err proof_least(const struct proof *p, uint64_t *squares, uint64_t *moves) LIU_MUST_USE;

/* Bits of the years first .. last. */
uint32_t proof_span(uint32_t first, uint32_t last);

/* Of an item that is neither history nor asked for by a trigger alone: it could be in another year.
 */
bool proof_moves(const struct proof *p, size_t i, unsigned side, uint32_t year);

#endif
