/* Second and third objective of levelling, by cancelling cycles.
 *
 * A unit that goes from one year to another changes the squares of its domain and perhaps a move;
 * that the counts of years stay, another has to come back for it, or a leftover goes the other way.
 * Such exchanges are the cycles of a network: nodes are the years of each group of equal turns, and
 * for leftovers one node for each year and a sink. As long as some cycle has a negative cost, it is
 * walked. Where there is none, no plan with these counts and this heaviest year has fewer squares,
 * and none with as few squares fewer moves: costs are convex, so the best is found from anywhere.
 */
#include "services/audit/core/plan_level.h"

#include <string.h>

#define NONE INT64_MAX
#define CYCLES_MAX 50000
#define NODES_MAX (3 * PLAN_YEARS_MAX + 1)
#define CELL(d, y, z) (((size_t)(d)*LEVEL_YEARS + (y)) * LEVEL_YEARS + (z))

/* One way of a unit within a domain, from year to year. */
struct way {
    int64_t moves; /* NONE = there is none */
    uint32_t class;
    uint32_t through; /* year in between, 0 = straight */
};

struct group {
    unsigned side;
    uint32_t kind;
    struct way *ways;          /* [CELL(domain, from, to)] */
    size_t *first;             /* of each domain and its end: classes */
    uint32_t low[LEVEL_YEARS]; /* fewest turns of a year; it has that or one more */
    bool spare[LEVEL_YEARS];   /* whether it may have the one more */
};

struct net {
    struct level *l;
    struct group groups[2];
    unsigned n_groups;
    bool leftovers;
    uint64_t heaviest;
    uint32_t years; /* that are open */
    uint32_t nodes;
    int64_t cost[NODES_MAX][NODES_MAX];
    uint32_t domain[2][LEVEL_YEARS][LEVEL_YEARS]; /* of the cheapest way */
};

/* ---- within a domain */

static void straight(const struct net *t, const struct group *g, uint32_t d, struct way *ways)
{
    const struct level *l = t->l;
    for (uint32_t y = l->w->open; y <= l->w->years; y++)
        for (uint32_t z = l->w->open; z <= l->w->years; z++)
            ways[y * LEVEL_YEARS + z] = (struct way){NONE, 0, 0};
    for (size_t i = g->first[d]; i < g->first[d + 1]; i++) {
        const struct level_class *c = &l->classes[i];
        for (uint32_t y = c->from; y <= c->due; y++) {
            if (c->x[y] == 0)
                continue;
            int64_t here = level_moves(l, c, y);
            for (uint32_t z = c->from; z <= c->due; z++) {
                struct way *w = &ways[y * LEVEL_YEARS + z];
                int64_t cost = (int64_t)level_moves(l, c, z) - here;
                if (z != y && cost < w->moves)
                    *w = (struct way){cost, (uint32_t)i, 0};
            }
        }
    }
}

/* Ways from y through k. True when the way back to y costs less than nothing. */
static bool close_through(const struct net *t, struct way *ways, uint32_t y, uint32_t k)
{
    const struct way one = ways[y * LEVEL_YEARS + k];
    for (uint32_t z = t->l->w->open; z <= t->l->w->years; z++) {
        const struct way *two = &ways[k * LEVEL_YEARS + z];
        struct way *w = &ways[y * LEVEL_YEARS + z];
        if (z == k || two->moves == NONE)
            continue;
        int64_t cost = one.moves + two->moves;
        if (y == z ? cost < 0 : cost < w->moves)
            *w = (struct way){cost, 0, k};
        if (y == z && cost < 0)
            return true;
    }
    return false;
}

/* Through other years of the same domain, whose counts stay. True when a way back to its own year
 * costs less than nothing: then *at is that year. */
static bool close_ways(const struct net *t, struct way *ways, uint32_t *at)
{
    uint32_t open = t->l->w->open;
    uint32_t years = t->l->w->years;
    for (uint32_t k = open; k <= years; k++)
        for (uint32_t y = open; y <= years; y++)
            if (y != k && ways[y * LEVEL_YEARS + k].moves != NONE && close_through(t, ways, y, k)) {
                *at = y;
                return true;
            }
    return false;
}

static bool walk_straight(struct net *t, const struct way *w, uint32_t from, uint32_t to)
{
    if (w->moves == NONE || t->l->classes[w->class].x[from] == 0)
        return false;
    level_take(t->l, w->class, from);
    level_put(t->l, w->class, to);
    return true;
}

/* Walks the way from year to year; false when it cannot be walked to its end. Depth: each part
 * goes through earlier years of the closure only, kept on a stack of at most one entry a year. */
static bool walk_way(struct net *t, const struct way *ways, uint32_t from, uint32_t to)
{
    uint32_t stops[2 * LEVEL_YEARS];
    size_t n = 0;
    uint32_t at = from;
    stops[n++] = to;
    while (n > 0) {
        uint32_t next = stops[n - 1];
        const struct way *w = &ways[at * LEVEL_YEARS + next];
        if (w->through != 0 && n < 2 * LEVEL_YEARS) {
            stops[n++] = w->through;
            continue;
        }
        if (!walk_straight(t, w, at, next))
            return false;
        at = next;
        n--;
    }
    return true;
}

/* The ways of a domain as it is now; exchanges within it that save moves are made first. */
static void renew(struct net *t, struct group *g, uint32_t d)
{
    struct way *ways = &g->ways[CELL(d, 0, 0)];
    for (unsigned rounds = 0; rounds < CYCLES_MAX; rounds++) {
        uint32_t at = 0;
        int64_t score = t->l->score;
        straight(t, g, d, ways);
        if (!close_ways(t, ways, &at))
            return;
        uint32_t through = ways[at * LEVEL_YEARS + at].through;
        if (!walk_way(t, ways, at, through) || !walk_way(t, ways, through, at) ||
            t->l->score >= score)
            return;
    }
}

/* ---- between domains */

/* What a unit that goes from y to z adds to the squares of its domain. */
static int64_t squares(const struct net *t, const struct group *g, uint32_t d, uint32_t y,
                       uint32_t z)
{
    const uint32_t *cell = &t->l->cells[g->side][d * LEVEL_YEARS];
    return 2 * ((int64_t)cell[z] - (int64_t)cell[y] + 1);
}

static void cheapest_ways(struct net *t, unsigned k)
{
    const struct group *g = &t->groups[k];
    uint32_t open = t->l->w->open;
    uint32_t base = k * t->years;
    for (uint32_t y = open; y <= t->l->w->years; y++)
        for (uint32_t z = open; z <= t->l->w->years; z++) {
            int64_t best = NONE;
            for (uint32_t d = 0; y != z && d < t->l->domains; d++) {
                const struct way *w = &g->ways[CELL(d, y, z)];
                if (w->moves == NONE)
                    continue;
                int64_t cost = squares(t, g, d, y, z) * LEVEL_SPREAD + w->moves;
                if (cost < best) {
                    best = cost;
                    t->domain[k][y][z] = d;
                }
            }
            t->cost[base + y - open][base + z - open] = best;
        }
}

static bool has_spare(const struct net *t, unsigned k, uint32_t y)
{
    const struct group *g = &t->groups[k];
    return g->spare[y] && t->l->n[g->side][y] > g->low[y];
}

static uint64_t spare_hours(const struct net *t, unsigned k, uint32_t y)
{
    const struct level_kind *kind = &t->l->kinds[t->groups[k].kind];
    return y == 1 ? kind->hours_year1 : kind->hours;
}

/* Leftovers of one year: a group gives its spare turn up, or takes one, as long as the year gets no
 * heavier than the heaviest. Costs nothing. */
static void leftover_ways(struct net *t, uint32_t i)
{
    uint32_t y = t->l->w->open + i;
    uint32_t node = 2 * t->years + i;
    uint32_t sink = 3 * t->years;
    uint64_t base = t->l->hours[0][y];
    uint64_t all = 0;
    uint32_t used = 0;
    uint32_t fits = 0;
    for (unsigned k = 0; k < t->n_groups; k++)
        if (has_spare(t, k, y)) {
            base -= spare_hours(t, k, y);
            used++;
        }
    for (unsigned k = 0; k < t->n_groups; k++) {
        if (!t->groups[k].spare[y] || base + spare_hours(t, k, y) > t->heaviest)
            continue;
        all += spare_hours(t, k, y);
        fits++;
        bool has = has_spare(t, k, y);
        t->cost[k * t->years + i][node] = has ? NONE : 0;
        t->cost[node][k * t->years + i] = has ? 0 : NONE;
    }
    uint32_t room = fits > 1 && base + all > t->heaviest ? 1 : fits;
    t->cost[node][sink] = used < room ? 0 : NONE;
    t->cost[sink][node] = used > 0 ? 0 : NONE;
}

static void build(struct net *t)
{
    for (uint32_t i = 0; i < NODES_MAX; i++)
        for (uint32_t j = 0; j < NODES_MAX; j++)
            t->cost[i][j] = NONE;
    for (unsigned k = 0; k < t->n_groups; k++)
        cheapest_ways(t, k);
    for (uint32_t i = 0; t->leftovers && i < t->years; i++)
        leftover_ways(t, i);
}

/* Bellman and Ford from everywhere at once: the nodes of a cycle of negative cost, in its order; 0
 * when there is none. */
static uint32_t find_cycle(const struct net *t, uint32_t cycle[NODES_MAX])
{
    int64_t dist[NODES_MAX] = {0};
    uint32_t came[NODES_MAX] = {0};
    uint32_t last = UINT32_MAX;
    for (uint32_t round = 0; round <= t->nodes; round++) {
        last = UINT32_MAX;
        for (uint32_t i = 0; i < t->nodes; i++)
            for (uint32_t j = 0; j < t->nodes; j++)
                if (t->cost[i][j] != NONE && dist[i] + t->cost[i][j] < dist[j]) {
                    dist[j] = dist[i] + t->cost[i][j];
                    came[j] = i;
                    last = j;
                }
        if (last == UINT32_MAX)
            return 0;
    }
    for (uint32_t i = 0; i < t->nodes; i++)
        last = came[last];
    uint32_t n = 0;
    uint32_t at = last;
    do {
        cycle[n++] = at;
        at = came[at];
    } while (at != last && n < NODES_MAX);
    for (uint32_t i = 0; i < n / 2; i++) {
        uint32_t swap = cycle[i];
        cycle[i] = cycle[n - 1 - i];
        cycle[n - 1 - i] = swap;
    }
    return n;
}

/* Walks the arcs that are ways of units; the others follow from the counts. False when the plan got
 * no better: then the search is over. */
static bool walk_cycle(struct net *t, const uint32_t *cycle, uint32_t n)
{
    int64_t score = t->l->score;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t a = cycle[i];
        uint32_t b = cycle[(i + 1) % n];
        unsigned k = a / t->years;
        if (k >= t->n_groups || b / t->years != k)
            continue;
        struct group *g = &t->groups[k];
        uint32_t y = t->l->w->open + a % t->years;
        uint32_t z = t->l->w->open + b % t->years;
        uint32_t d = t->domain[k][y][z];
        (void)walk_way(t, &g->ways[CELL(d, 0, 0)], y, z);
        renew(t, g, d);
    }
    return t->l->score < score;
}

static void cancel(struct net *t)
{
    uint32_t cycle[NODES_MAX];
    for (unsigned rounds = 0; rounds < CYCLES_MAX; rounds++) {
        build(t);
        uint32_t n = find_cycle(t, cycle);
        if (n == 0 || !walk_cycle(t, cycle, n))
            return;
    }
}

/* ---- groups */

/* Which years may have one turn more or less than now, by what can go where. */
static void find_spare(const struct net *t, struct group *g)
{
    const struct level *l = t->l;
    struct level_hop hops[LEVEL_YEARS];
    const uint32_t *n = l->n[g->side];
    for (uint32_t y = l->w->open; y <= l->w->years; y++) {
        g->low[y] = n[y];
        g->spare[y] = false;
        for (uint32_t z = l->w->open; z <= l->w->years; z++) {
            if (n[y] == n[z] + 1 && level_way(l, g->side, y, z, hops) > 0) {
                g->low[y] = n[z];
                g->spare[y] = true;
            }
            if (n[z] == n[y] + 1 && level_way(l, g->side, z, y, hops) > 0)
                g->spare[y] = true;
        }
    }
}

static enum err start_group(struct net *t, uint32_t kind)
{
    struct level *l = t->l;
    struct group *g = &t->groups[t->n_groups++];
    g->side = l->kinds[kind].side;
    g->kind = kind;
    if (g->ways == NULL) {
        g->ways = arena_alloc(l->w->arena, CELL(l->domains, 0, 0) * sizeof(*g->ways));
        g->first = arena_alloc(l->w->arena, ((size_t)l->domains + 1) * sizeof(*g->first));
    }
    if (g->ways == NULL || g->first == NULL)
        return ERR_NOMEM;
    size_t i = 0;
    while (i < l->n_classes && l->classes[i].kind < kind)
        i++;
    for (uint32_t d = 0; d <= l->domains; d++) {
        while (i < l->n_classes && l->classes[i].kind == kind && l->classes[i].domain < d)
            i++;
        g->first[d] = i;
    }
    for (uint32_t d = 0; d < l->domains; d++)
        renew(t, g, d);
    find_spare(t, g);
    return ERR_OK;
}

/* One kind a party, nothing twice: both parties at once, leftovers included. */
static enum err together(struct net *t)
{
    enum err e = ERR_OK;
    t->n_groups = 0;
    t->leftovers = true;
    for (uint32_t k = 0; e == ERR_OK && k < t->l->n_kinds; k++)
        if (t->l->kinds[k].free)
            e = start_group(t, k);
    if (e == ERR_OK)
        cancel(t);
    return e;
}

/* Each kind by itself, the counts of its years as they are, until nothing gets better. */
static enum err one_by_one(struct net *t)
{
    int64_t score;
    enum err e = ERR_OK;
    t->leftovers = false;
    do {
        score = t->l->score;
        for (uint32_t k = 0; e == ERR_OK && k < t->l->n_kinds; k++) {
            t->n_groups = 0;
            if (!t->l->kinds[k].free)
                continue;
            e = start_group(t, k);
            if (e == ERR_OK)
                cancel(t);
        }
    } while (e == ERR_OK && t->l->score < score);
    return e;
}

bool level_is_simple(const struct level *l)
{
    size_t free[2] = {0, 0};
    for (size_t k = 0; k < l->n_kinds; k++)
        free[l->kinds[k].side] += l->kinds[k].free;
    return free[0] <= 1 && free[1] <= 1 && !l->repeats && !l->uneven &&
           l->w->in->policy->n_ceilings == 0;
}

enum err level_spread(struct level *l, uint64_t heaviest)
{
    struct net t = {.l = l, .heaviest = heaviest};
    t.years = l->w->years - l->w->open + 1;
    t.nodes = 3 * t.years + 1;
    return level_is_simple(l) ? together(&t) : one_by_one(&t);
}
