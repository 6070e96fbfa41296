/* That no plan is better than this one, by looking for one everywhere. Nothing here comes from the
 * planner: it walks forwards over layers of states, this goes into the depth and comes back.
 *
 * The turns that could be elsewhere are taken out of the plan and put in again one after the other,
 * each in its first year that is still promising. What was reached once in the same state and at no
 * higher price is not looked at again. When all ways are walked and none led to a better plan,
 * there is none. Limits are counted, never timed.
 */
#include "services/audit/core/plan_proof.h"

#include <string.h>

#define TURNS_MAX 32
#define MEMORIES_MAX 49152 /* states remembered */
#define WORK_MAX 400000    /* placements times years */
#define ARENA_MAX (24u << 20)

struct turn {
    size_t control;
    unsigned side;
    uint16_t domain;
    uint32_t earliest;
    uint32_t latest;
    uint32_t avoid;               /* years where it counts as moved */
    uint32_t coming[PROOF_YEARS]; /* later turns of the party that can be in the year */
    uint32_t rest;                /* later turns of party and domain */
    uint64_t later_squares;       /* that later domains have at least */
    uint32_t others[PROOF_YEARS]; /* turns of party and domain that stay where they are */
};

/* A plan half put in. The first four are years of the plan. */
struct view {
    uint32_t hours[PROOF_YEARS];
    uint32_t own[PROOF_YEARS]; /* of the party at hand, when it has ceilings */
    uint32_t counts[PROOF_YEARS];
    uint32_t cells[PROOF_YEARS];
    uint64_t evenness; /* squared counts of the party before */
    uint64_t squares;
    uint64_t moves;
};

struct hunt {
    const struct proof *p;
    enum proof_goal goal;
    struct turn turns[TURNS_MAX];
    size_t n;
    struct view fixed[2];            /* what stays, as its party's view */
    uint32_t counts[2][PROOF_YEARS]; /* of this plan */
    uint32_t ceilings[3][PROOF_YEARS];
    bool even;
    uint64_t evenness; /* of this plan, like the rest */
    uint64_t heaviest;
    uint64_t squares;
    uint64_t moves;
    uint64_t work;
    uint32_t *keys; /* remembered: stride numbers each */
    size_t stride;
    uint32_t n_keys;
    uint32_t room;
    uint32_t *table;
    uint32_t table_mask;
    struct view stack[TURNS_MAX + 1];
    uint32_t next[TURNS_MAX + 1]; /* year to be tried */
};

static uint64_t square(uint64_t n)
{
    return n * n;
}

static uint64_t sum_squares(const struct hunt *h, const uint32_t *counts)
{
    uint64_t sum = 0;
    for (uint32_t y = h->p->open; y <= h->p->years; y++)
        sum += square(counts[y]);
    return sum;
}

/* ---- what stays, and what is put in again */

static bool is_free(const struct proof_side *s)
{
    return s->in_turn && s->turn != 0 && s->earliest < s->latest;
}

static uint32_t avoided(const struct proof *p, const struct proof_side *s)
{
    return (s->before & p->before_years) == 0 ? 0 : p->before_years & ~s->before;
}

static uint32_t moved(const struct hunt *h, const struct turn *t, uint32_t year)
{
    uint32_t n = 0;
    for (uint32_t y = year; y <= h->p->years; y += proof_period(h->p, t->side))
        n += (t->avoid >> y) & 1u;
    return n;
}

static void add_hours(const struct hunt *h, struct view *v, size_t i, unsigned side, uint32_t year,
                      bool own)
{
    for (uint32_t y = year; y <= h->p->years; y += proof_period(h->p, side)) {
        uint32_t hours = proof_turn_hours(h->p, i, side, y);
        v->hours[y] += hours;
        v->own[y] += own ? hours : 0;
    }
}

static bool has_ceiling(const struct hunt *h, unsigned k)
{
    for (uint32_t y = h->p->open; y <= h->p->years; y++)
        if (h->ceilings[k][y] != UINT32_MAX)
            return true;
    return false;
}

static void read_ceilings(struct hunt *h)
{
    const struct plan_policy *policy = h->p->in->policy;
    memset(h->ceilings, 0xff, sizeof h->ceilings);
    for (size_t k = 0; k < policy->n_ceilings; k++)
        for (uint32_t y = h->p->open; y <= h->p->years; y++) {
            const struct plan_ceiling *c = &policy->ceilings[k];
            uint32_t *of = &h->ceilings[(unsigned)c->party % 3][y];
            if (c->year == 0 || c->year == h->p->in->first_year + (int32_t)y - 1)
                *of = c->hours < *of ? c->hours : *of;
        }
}

/* All of the plan, as both parties see it. */
static void read_all(struct hunt *h)
{
    const struct plan *plan = h->p->plan;
    for (size_t k = 0; k < plan->n; k++) {
        const struct plan_item *item = &plan->items[k];
        if (item->year < h->p->open || item->year > h->p->years)
            continue;
        h->fixed[0].hours[item->year] += item->hours;
        h->fixed[item->party == PLAN_EXTERNAL ? 0 : 1].own[item->year] += item->hours;
    }
    for (uint32_t y = h->p->open; y <= h->p->years; y++)
        h->heaviest = h->fixed[0].hours[y] > h->heaviest ? h->fixed[0].hours[y] : h->heaviest;
    for (size_t i = 0; i < h->p->in->catalogue->n; i++)
        for (unsigned n = 0; n < 2; n++) {
            const struct proof_side *s = &h->p->controls[i].sides[n];
            if (s->in_turn && s->turn != 0)
                h->counts[n][s->turn]++;
        }
    for (unsigned n = 0; n < 2; n++)
        h->evenness += sum_squares(h, h->counts[n]);
}

/* Parties one after the other, and in each its domains, in the catalogue's order: the heavy turns
 * first where domains do not matter. False when there are too many. */
static bool take_turns(struct hunt *h)
{
    const struct catalogue *c = h->p->in->catalogue;
    for (unsigned n = 0; n < 2; n++)
        for (size_t i = 0; i < c->n; i++) {
            const struct proof_side *s = &h->p->controls[i].sides[n];
            if (!is_free(s))
                continue;
            if (h->n == TURNS_MAX)
                return false;
            struct turn t = {
                i, n,  c->items[i].numbers[0], s->earliest, s->latest, avoided(h->p, s), {0}, 0,
                0, {0}};
            size_t at = h->n++;
            uint32_t hours = proof_turn_hours(h->p, i, n, PLAN_YEARS_MAX);
            for (; h->goal != PROOF_SPREAD && at > 0 && h->turns[at - 1].side == n &&
                   proof_turn_hours(h->p, h->turns[at - 1].control, n, PLAN_YEARS_MAX) < hours;
                 at--)
                h->turns[at] = h->turns[at - 1];
            h->turns[at] = t;
        }
    return true;
}

static void take_out(struct hunt *h)
{
    for (size_t k = 0; k < h->n; k++) {
        const struct turn *t = &h->turns[k];
        const struct proof_side *s = &h->p->controls[t->control].sides[t->side];
        for (uint32_t y = s->turn; y <= h->p->years; y += proof_period(h->p, t->side)) {
            uint32_t hours = proof_turn_hours(h->p, t->control, t->side, y);
            h->fixed[0].hours[y] -= hours;
            h->fixed[t->side].own[y] -= hours;
        }
        h->moves += moved(h, t, s->turn);
    }
    for (unsigned n = 0; n < 2; n++) {
        memcpy(h->fixed[n].counts, h->counts[n], sizeof h->counts[n]);
        for (size_t k = 0; k < h->n; k++)
            if (h->turns[k].side == n)
                h->fixed[n].counts[h->p->controls[h->turns[k].control].sides[n].turn]--;
    }
}

static bool same_domain(const struct turn *a, const struct turn *b)
{
    return a->side == b->side && a->domain == b->domain;
}

/* Squares of `cells` with n more, wherever they go: each where there are fewest. */
static uint64_t levelled(const struct hunt *h, const uint32_t *cells, uint32_t n)
{
    uint32_t c[PROOF_YEARS] = {0};
    uint64_t level = 0;
    memcpy(c, cells, sizeof c);
    while (n > 0) {
        for (uint32_t y = h->p->open; n > 0 && y <= h->p->years; y++)
            if (c[y] <= level) {
                c[y]++;
                n--;
            }
        level++;
    }
    return sum_squares(h, c);
}

static void count_domain(struct hunt *h, struct turn *t)
{
    const struct catalogue *c = h->p->in->catalogue;
    for (size_t i = 0; i < c->n; i++) {
        const struct proof_side *s = &h->p->controls[i].sides[t->side];
        if (c->items[i].numbers[0] == t->domain && s->in_turn && s->turn != 0 && !is_free(s))
            t->others[s->turn]++;
    }
}

static void look_ahead(struct hunt *h)
{
    uint64_t later = 0;
    for (size_t k = h->n; k-- > 0;) {
        struct turn *t = &h->turns[k];
        const struct turn *after = k + 1 < h->n ? t + 1 : NULL;
        uint32_t cells[PROOF_YEARS] = {0};
        count_domain(h, t);
        t->rest = after != NULL && same_domain(t, after) ? after->rest + 1 : 0;
        t->later_squares = later;
        for (uint32_t y = 1; after != NULL && after->side == t->side && y < PROOF_YEARS; y++)
            t->coming[y] = after->coming[y] + (y >= after->earliest && y <= after->latest);
        if (k > 0 && same_domain(t, t - 1))
            continue;
        later += levelled(h, t->others, t->rest + 1);
        memcpy(cells, t->others, sizeof cells);
        for (size_t j = k; j < h->n && same_domain(t, &h->turns[j]); j++)
            cells[h->p->controls[h->turns[j].control].sides[t->side].turn]++;
        h->squares += sum_squares(h, cells);
    }
}

/* ---- one step */

static void enter(const struct hunt *h, struct view *v, unsigned side)
{
    memcpy(v->counts, h->fixed[side].counts, sizeof v->counts);
    memset(v->own, 0, sizeof v->own);
    if (has_ceiling(h, 1 + side))
        memcpy(v->own, h->fixed[side].own, sizeof v->own);
}

static void leave(const struct hunt *h, struct view *v)
{
    v->evenness += sum_squares(h, v->counts);
    memset(v->counts, 0, sizeof v->counts);
    memset(v->own, 0, sizeof v->own);
}

static bool keeps(const struct hunt *h, const struct view *v, unsigned side)
{
    uint64_t most = h->goal == PROOF_EVENNESS                      ? UINT32_MAX
                    : h->goal == PROOF_HEAVIEST && h->heaviest > 0 ? h->heaviest - 1
                                                                   : h->heaviest;
    for (uint32_t y = h->p->open; y <= h->p->years; y++)
        if (v->hours[y] > most || v->hours[y] > h->ceilings[0][y] ||
            v->own[y] > h->ceilings[1 + side][y])
            return false;
    return true;
}

/* Counts as even as this plan's can still be had. Where those are the most even that due years
 * allow, a year's count is in any other such plan at most one more or less. */
static bool may_be_even(const struct hunt *h, const struct view *v, const struct turn *t)
{
    uint64_t most = h->evenness - (h->goal == PROOF_EVENNESS && h->evenness > 0 ? 1 : 0);
    if (v->evenness + sum_squares(h, v->counts) > most)
        return false;
    for (uint32_t y = h->p->open; h->even && y <= h->p->years; y++)
        if (v->counts[y] > h->counts[t->side][y] + 1 ||
            v->counts[y] + t->coming[y] + 1 < h->counts[t->side][y])
            return false;
    return true;
}

static bool is_better(const struct hunt *h, uint64_t squares, uint64_t moves)
{
    return squares < h->squares || (squares == h->squares && moves < h->moves);
}

static bool is_promising(const struct hunt *h, const struct view *v, const struct turn *t)
{
    if (!keeps(h, v, t->side) || !may_be_even(h, v, t))
        return false;
    return h->goal != PROOF_SPREAD ||
           is_better(h, v->squares + levelled(h, v->cells, t->rest) + t->later_squares, v->moves);
}

/* With turn k in the year; false when that leads nowhere. */
static bool put(struct hunt *h, struct view *v, size_t k, uint32_t year)
{
    const struct turn *t = &h->turns[k];
    bool ends_domain = k + 1 == h->n || !same_domain(t, t + 1);
    if (k == 0 || t[-1].side != t->side)
        enter(h, v, t->side);
    if (h->goal == PROOF_SPREAD && (k == 0 || !same_domain(t, t - 1)))
        memcpy(v->cells, t->others, sizeof v->cells);
    add_hours(h, v, t->control, t->side, year, has_ceiling(h, 1 + t->side));
    v->counts[year]++;
    if (h->goal == PROOF_SPREAD) {
        v->cells[year]++;
        v->moves += moved(h, t, year);
    }
    if (!is_promising(h, v, t))
        return false;
    if (h->goal == PROOF_SPREAD && ends_domain) {
        v->squares += sum_squares(h, v->cells);
        memset(v->cells, 0, sizeof v->cells);
    }
    if (k + 1 == h->n || t[1].side != t->side)
        leave(h, v);
    return true;
}

/* ---- memory of what led nowhere */

static void write_key(const struct hunt *h, const struct view *v, size_t k, uint32_t *key)
{
    size_t n = 0;
    key[n++] = (uint32_t)k;
    key[n++] = (uint32_t)v->evenness;
    for (uint32_t y = h->p->open; y <= h->p->years; y++) {
        key[n++] = v->hours[y];
        key[n++] = v->own[y];
        key[n++] = v->counts[y];
        key[n++] = v->cells[y];
    }
    key[n++] = (uint32_t)v->squares; /* the price: the last two */
    key[n] = (uint32_t)v->moves;
}

/* Whether this state was reached before at no higher price; remembers it. */
static bool was_seen(struct hunt *h, const struct view *v, size_t k, bool *full)
{
    uint32_t key[4 * PROOF_YEARS + 4] = {0};
    size_t same = h->stride - 2;
    uint64_t hash = 88172645463325252u;
    write_key(h, v, k, key);
    for (size_t i = 0; i < same; i++)
        hash = (hash ^ key[i]) * 0x9e3779b97f4a7c15u;
    uint32_t at = (uint32_t)(hash >> 32) & h->table_mask;
    for (; h->table[at] != 0; at = (at + 1) & h->table_mask) {
        uint32_t *old = &h->keys[(h->table[at] - 1) * h->stride];
        if (memcmp(old, key, same * sizeof key[0]) != 0)
            continue;
        if (old[same] < key[same] || (old[same] == key[same] && old[same + 1] <= key[same + 1]))
            return true;
        memcpy(old, key, h->stride * sizeof key[0]);
        return false;
    }
    *full = h->n_keys == h->room;
    if (*full)
        return false;
    memcpy(&h->keys[h->n_keys * h->stride], key, h->stride * sizeof key[0]);
    h->table[at] = ++h->n_keys;
    return false;
}

/* ---- the hunt */

/* A party without turns to place is done from the beginning. */
static void start(const struct hunt *h, struct view *v)
{
    *v = (struct view){.evenness = 0};
    memcpy(v->hours, h->fixed[0].hours, sizeof v->hours);
    for (unsigned n = 0; n < 2; n++) {
        bool any = false;
        for (size_t k = 0; k < h->n; k++)
            any |= h->turns[k].side == n;
        if (!any)
            v->evenness += sum_squares(h, h->fixed[n].counts);
    }
}

static enum proof_answer walk(struct hunt *h)
{
    size_t depth = 0;
    bool full = false;
    start(h, &h->stack[0]);
    h->next[0] = h->turns[0].earliest;
    for (;;) {
        if (h->next[depth] > h->turns[depth].latest) {
            if (depth-- == 0)
                return PROOF_REFUTED;
            continue;
        }
        struct view v = h->stack[depth];
        uint32_t year = h->next[depth]++;
        h->work += h->p->years - h->p->open + 1;
        if (h->work > WORK_MAX)
            return PROOF_UNKNOWN;
        if (!put(h, &v, depth, year))
            continue;
        if (depth + 1 == h->n)
            return PROOF_FOUND;
        bool seen = was_seen(h, &v, depth + 1, &full);
        if (full)
            return PROOF_UNKNOWN;
        if (seen)
            continue;
        h->stack[++depth] = v;
        h->next[depth] = h->turns[depth].earliest;
    }
}

/* Room for all states that there can be, or as many as are allowed. */
static enum err make_room(struct hunt *h, struct arena *a)
{
    uint64_t ways = 1;
    uint64_t all = 1;
    for (size_t k = 0; k < h->n && all < MEMORIES_MAX; k++) {
        ways *= h->turns[k].latest - h->turns[k].earliest + 1;
        all += ways;
    }
    h->room = all > MEMORIES_MAX ? MEMORIES_MAX : (uint32_t)all;
    h->stride = 4 * (size_t)(h->p->years - h->p->open + 1) + 4;
    uint32_t slots = 2;
    while (slots < 2 * h->room)
        slots *= 2;
    h->table_mask = slots - 1;
    h->keys = arena_alloc(a, h->room * h->stride * sizeof *h->keys);
    h->table = arena_alloc(a, slots * sizeof *h->table);
    return h->keys == NULL || h->table == NULL ? ERR_NOMEM : ERR_OK;
}

enum err proof_refute(const struct proof *p, enum proof_goal goal, bool even,
                      enum proof_answer *out)
{
    struct arena a;
    arena_init(&a, ARENA_MAX);
    *out = PROOF_UNKNOWN;
    struct hunt *h = arena_alloc(&a, sizeof *h);
    enum err e = h == NULL ? ERR_NOMEM : ERR_OK;
    if (e == ERR_OK) {
        *h = (struct hunt){.p = p, .goal = goal, .even = even};
        read_ceilings(h);
        read_all(h);
        if (take_turns(h)) {
            take_out(h);
            look_ahead(h);
            e = h->n == 0 ? ERR_OK : make_room(h, &a);
            if (e == ERR_OK)
                *out = h->n == 0 ? PROOF_REFUTED : walk(h);
        }
    }
    arena_fini(&a);
    return e;
}
