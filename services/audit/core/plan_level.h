/* Of the planner only: turns to be levelled. What can take the same places is one class, so that
 * the work depends on the kinds of controls and hardly on their number. Arrays of years are by the
 * plan's year, 1 .. years. */
#ifndef LIU_AUDIT_CORE_PLAN_LEVEL_H
#define LIU_AUDIT_CORE_PLAN_LEVEL_H

#include "services/audit/core/plan_duty.h"

#define LEVEL_YEARS (PLAN_YEARS_MAX + 1)
#define LEVEL_SPREAD ((int64_t)1 << 24) /* weight of one square against one move */
#define LEVEL_NO_CAP UINT64_MAX
#define LEVEL_EXACT_UNITS 32 /* turns that can be in more than one year: planned exactly */

/* Turns of one party that take the same hours. */
struct level_kind {
    unsigned side;
    uint32_t hours;       /* of a turn in any year but these two */
    uint32_t hours_year1; /* special measure */
    uint32_t hours_first; /* of a triggered first turn; UINT32_MAX = not triggered */
    bool free;            /* some of it can be in more than one year */
};

struct level_unit {
    size_t control;
    unsigned side;
    struct level_kind kind;
    uint32_t domain;
    uint32_t from;
    uint32_t due;
    uint32_t before;
    int32_t last;
};

/* Units of one kind, domain, span and place in the plan before: x[y] of them begin in year y. */
struct level_class {
    uint32_t kind;
    uint32_t domain;
    uint32_t from;
    uint32_t due;
    uint32_t before;
    size_t first; /* unit */
    size_t n;
    uint32_t x[LEVEL_YEARS];
};

struct level {
    struct plan_work *w;
    struct level_unit *units;
    size_t n_units;
    struct level_class *classes; /* by kind, then domain */
    size_t n_classes;
    struct level_kind *kinds;
    size_t n_kinds;
    uint32_t domains;
    uint32_t *cells[2];             /* first turns: [domain * LEVEL_YEARS + year] */
    uint32_t n[2][LEVEL_YEARS];     /* first turns of each side */
    uint64_t hours[3][LEVEL_YEARS]; /* all work: both, external, internal */
    uint64_t caps[3][LEVEL_YEARS];  /* ceilings, LEVEL_NO_CAP */
    int64_t score;                  /* LEVEL_SPREAD * squares + moves */
    bool repeats;                   /* some turn comes twice in the plan */
    bool uneven;                    /* counts were made uneven to keep a ceiling */
    uint32_t even[2][LEVEL_YEARS];  /* counts of each side at their most even */
};

struct level_hop {
    size_t class;
    uint32_t from;
    uint32_t to;
};

/* Puts one unit of the class, or takes it away. */
void level_put(struct level *l, size_t class, uint32_t year);
void level_take(struct level *l, size_t class, uint32_t year);

/* Moves against the plan before of a unit of the class that begins in the year. */
uint32_t level_moves(const struct level *l, const struct level_class *c, uint32_t year);

/* Hours in `year` of a turn of the kind that begins in `first`. */
uint32_t level_hours(const struct level_kind *k, uint32_t first, uint32_t year);

/* The class from which a unit of the side can go from year to year at the least cost in moves;
 * SIZE_MAX = none. */
size_t level_movable(const struct level *l, unsigned side, uint32_t from, uint32_t to);

/* A way from year to year for one unit of the side each, through other years where needed; the
 * number of hops, 0 = none. */
size_t level_way(const struct level *l, unsigned side, uint32_t from, uint32_t to,
                 struct level_hop hops[LEVEL_YEARS]);

/* One kind of hours in each party, nothing twice, no ceilings: exchanges alone find the best. */
bool level_is_simple(const struct level *l);

/* Second and third objective: fewest squares within domains, then fewest moves, with the heaviest
 * year at most `heaviest` (plan_spread.c). ERR_NOMEM. */
enum err level_spread(struct level *l, uint64_t heaviest) LIU_MUST_USE;

/* With at most LEVEL_EXACT_UNITS turns to place, and as long as the work stays within limits that
 * are counted (plan_exact.c): the least excess above ceilings, the most even counts that keep them,
 * the lightest heaviest year; and, these held, the fewest squares, then moves. Otherwise the plan
 * stays as it is. ERR_NOMEM. */
enum err level_exact_years(struct level *l) LIU_MUST_USE;
enum err level_exact_spread(struct level *l) LIU_MUST_USE;

#endif
