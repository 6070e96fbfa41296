/* First objectives of levelling: counts of each party as even as due years allow (R63, R68), then
 * the lightest heaviest year. plan_spread.c does the rest. */
#include "services/audit/core/plan_level.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 20000

/* ---- one unit at a time */

uint32_t level_moves(const struct level *l, const struct level_class *c, uint32_t year)
{
    if (c->before == 0)
        return 0;
    uint32_t n = 0;
    uint32_t period = plan_period(l->w, l->kinds[c->kind].side);
    for (uint32_t y = year; y <= l->w->years; y += period)
        n += ((l->w->before_years & ~c->before) >> y) & 1u;
    return n;
}

uint32_t level_hours(const struct level_kind *k, uint32_t first, uint32_t year)
{
    if (year == first && k->hours_first != UINT32_MAX)
        return k->hours_first;
    return year == 1 ? k->hours_year1 : k->hours;
}

static void change(struct level *l, size_t class, uint32_t year, bool put)
{
    struct level_class *c = &l->classes[class];
    const struct level_kind *k = &l->kinds[c->kind];
    uint32_t *cell = &l->cells[k->side][c->domain * LEVEL_YEARS + year];
    int64_t moves = level_moves(l, c, year);
    int64_t squares = put ? 2 * (int64_t)*cell + 1 : 2 * (int64_t)*cell - 1;
    uint32_t step = put ? 1u : UINT32_MAX; /* adds or takes one */
    l->score += put ? squares * LEVEL_SPREAD + moves : -squares * LEVEL_SPREAD - moves;
    c->x[year] += step;
    *cell += step;
    l->n[k->side][year] += step;
    for (uint32_t y = year; y <= l->w->years; y += plan_period(l->w, k->side)) {
        uint64_t h = level_hours(k, year, y);
        l->hours[0][y] += put ? h : 0 - h;
        l->hours[1 + k->side][y] += put ? h : 0 - h;
    }
}

void level_put(struct level *l, size_t class, uint32_t year)
{
    change(l, class, year, true);
}

void level_take(struct level *l, size_t class, uint32_t year)
{
    change(l, class, year, false);
}

static void hop(struct level *l, const struct level_hop *h)
{
    level_take(l, h->class, h->from);
    level_put(l, h->class, h->to);
}

static void walk(struct level *l, const struct level_hop *hops, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hop(l, &hops[i]);
}

static void walk_back(struct level *l, const struct level_hop *hops, size_t n)
{
    while (n-- > 0) {
        struct level_hop back = {hops[n].class, hops[n].to, hops[n].from};
        hop(l, &back);
    }
}

static bool fits(const struct level_class *c, uint32_t from, uint32_t to)
{
    return c->x[from] > 0 && to >= c->from && to <= c->due;
}

size_t level_movable(const struct level *l, unsigned side, uint32_t from, uint32_t to)
{
    size_t best = SIZE_MAX;
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < l->n_classes; i++) {
        const struct level_class *c = &l->classes[i];
        if (l->kinds[c->kind].side != side || !fits(c, from, to))
            continue;
        const uint32_t *cell = &l->cells[side][c->domain * LEVEL_YEARS];
        int64_t cost = ((int64_t)cell[to] - (int64_t)cell[from]) * 2 * LEVEL_SPREAD +
                       level_moves(l, c, to) - (int64_t)level_moves(l, c, from);
        if (cost < least) {
            least = cost;
            best = i;
        }
    }
    return best;
}

size_t level_way(const struct level *l, unsigned side, uint32_t from, uint32_t to,
                 struct level_hop hops[LEVEL_YEARS])
{
    uint32_t came[LEVEL_YEARS] = {0};
    size_t class[LEVEL_YEARS] = {0};
    uint32_t queue[LEVEL_YEARS];
    size_t head = 0;
    size_t tail = 0;
    size_t n = 0;
    queue[tail++] = from;
    came[from] = from;
    while (head < tail && came[to] == 0) {
        uint32_t y = queue[head++];
        for (uint32_t z = l->w->open; z <= l->w->years; z++) {
            if (came[z] != 0 || (class[z] = level_movable(l, side, y, z)) == SIZE_MAX)
                continue;
            came[z] = y;
            queue[tail++] = z;
        }
    }
    if (came[to] == 0)
        return 0;
    for (uint32_t y = to; y != from; y = came[y])
        n++;
    size_t at = n;
    for (uint32_t y = to; y != from; y = came[y])
        hops[--at] = (struct level_hop){class[y], came[y], y};
    return n;
}

/* ---- units and classes */

static int compare(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

static int by_class(const struct level_unit *a, const struct level_unit *b)
{
    int c = compare(a->side, b->side);
    c = c != 0 ? c : compare(a->kind.hours, b->kind.hours);
    c = c != 0 ? c : compare(a->kind.hours_year1, b->kind.hours_year1);
    c = c != 0 ? c : compare(a->kind.hours_first, b->kind.hours_first);
    c = c != 0 ? c : compare(a->domain, b->domain);
    c = c != 0 ? c : compare(a->due, b->due);
    c = c != 0 ? c : compare(a->from, b->from);
    return c != 0 ? c : compare(a->before, b->before);
}

static int by_unit(const void *x, const void *y)
{
    const struct level_unit *a = x;
    const struct level_unit *b = y;
    int c = by_class(a, b);
    if (c == 0 && a->last != b->last)
        c = a->last < b->last ? -1 : 1;
    return c != 0 ? c : compare(a->control, b->control);
}

static void add_unit(struct level *l, size_t i, unsigned side, uint32_t domain)
{
    struct plan_work *w = l->w;
    struct plan_side *s = &w->duties[i].sides[side];
    if (!s->rotates || s->due == 0)
        return;
    struct level_unit *u = &l->units[l->n_units++];
    s->turn = 0;
    *u = (struct level_unit){.control = i,
                             .side = side,
                             .domain = domain,
                             .from = s->from,
                             .due = s->due,
                             .before = s->before,
                             .last = s->last};
    u->kind = (struct level_kind){.side = side, .hours_first = UINT32_MAX};
    u->kind.hours = plan_hours_in(w, i, side, plan_mode_in(w, i, side, LEVEL_YEARS));
    u->kind.hours_year1 = plan_hours_in(w, i, side, plan_mode_in(w, i, side, 1));
    if (s->cause != PLAN_NO_CAUSE)
        u->kind.hours_first = plan_hours_in(w, i, side, PLAN_BOTH);
    l->repeats |= s->from + plan_period(w, side) <= w->years;
}

static enum err collect(struct level *l)
{
    const struct catalogue *c = l->w->in->catalogue;
    l->units = arena_alloc(l->w->arena, 2 * c->n * sizeof(*l->units));
    if (l->units == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < c->n; i++) {
        l->domains += i == 0 || c->items[i].numbers[0] != c->items[i - 1].numbers[0];
        for (unsigned side = 0; side < 2; side++)
            add_unit(l, i, side, l->domains - 1);
    }
    if (l->n_units > 0)
        qsort(l->units, l->n_units, sizeof(*l->units), by_unit);
    l->classes = arena_alloc(l->w->arena, (l->n_units + 1) * sizeof(*l->classes));
    l->kinds = arena_alloc(l->w->arena, (l->n_units + 1) * sizeof(*l->kinds));
    for (unsigned side = 0; side < 2; side++) {
        l->cells[side] = arena_alloc(l->w->arena, ((size_t)l->domains + 1) * LEVEL_YEARS *
                                                      sizeof(*l->cells[side]));
        if (l->cells[side] == NULL)
            return ERR_NOMEM;
    }
    return l->classes == NULL || l->kinds == NULL ? ERR_NOMEM : ERR_OK;
}

static void classify(struct level *l)
{
    for (size_t i = 0; i < l->n_units; i++) {
        const struct level_unit *u = &l->units[i];
        const struct level_unit *last = i == 0 ? NULL : &l->units[i - 1];
        if (last == NULL || last->side != u->side || last->kind.hours != u->kind.hours ||
            last->kind.hours_year1 != u->kind.hours_year1 ||
            last->kind.hours_first != u->kind.hours_first)
            l->kinds[l->n_kinds++] = u->kind;
        if (last == NULL || by_class(last, u) != 0)
            l->classes[l->n_classes++] =
                (struct level_class){.kind = (uint32_t)l->n_kinds - 1,
                                     .domain = u->domain,
                                     .from = u->from,
                                     .due = u->due,
                                     .before = u->before & l->w->before_years,
                                     .first = i};
        l->classes[l->n_classes - 1].n++;
        l->kinds[l->n_kinds - 1].free |= u->from < u->due;
    }
}

/* Work that is where it is: every year's, forced besides, and done this year already. */
static void add_base(struct level *l)
{
    const struct plan_work *w = l->w;
    for (size_t i = 0; i < w->in->catalogue->n; i++)
        for (unsigned side = 0; side < 2; side++) {
            const struct plan_side *s = &w->duties[i].sides[side];
            for (uint32_t y = w->open; y <= w->years; y++) {
                bool done = y == w->open && ((s->done >> y) & 1u) != 0;
                if (!done && !s->annual && (y != s->forced || s->rotates))
                    continue;
                uint32_t h = plan_hours_in(w, i, side, plan_mode_in(w, i, side, y));
                l->hours[0][y] += h;
                l->hours[1 + side][y] += h;
            }
        }
}

static void read_ceilings(struct level *l)
{
    const struct plan_policy *p = l->w->in->policy;
    for (uint32_t y = 0; y < LEVEL_YEARS; y++)
        for (unsigned k = 0; k < 3; k++)
            l->caps[k][y] = LEVEL_NO_CAP;
    for (size_t i = 0; i < p->n_ceilings; i++)
        for (uint32_t y = l->w->open; y <= l->w->years; y++) {
            const struct plan_ceiling *c = &p->ceilings[i];
            if (c->year != 0 && c->year != l->w->in->first_year + (int32_t)y - 1)
                continue;
            uint64_t *cap = &l->caps[(unsigned)c->party % 3][y];
            *cap = c->hours < *cap ? c->hours : *cap;
        }
}

/* Where the plan before has it; else the year with the fewest so far, in party and domain. */
static uint32_t first_place(const struct level *l, const struct level_class *c)
{
    unsigned side = l->kinds[c->kind].side;
    const uint32_t *cell = &l->cells[side][c->domain * LEVEL_YEARS];
    uint32_t best = c->from;
    for (uint32_t y = c->from + 1; y <= c->due; y++) {
        uint32_t moves = level_moves(l, c, y);
        uint32_t least = level_moves(l, c, best);
        if (moves != least                      ? moves < least
            : l->n[side][y] != l->n[side][best] ? l->n[side][y] < l->n[side][best]
                                                : cell[y] < cell[best])
            best = y;
    }
    return best;
}

static void place_all(struct level *l)
{
    for (uint32_t due = l->w->open; due <= l->w->years; due++)
        for (size_t i = 0; i < l->n_classes; i++)
            for (size_t k = 0; l->classes[i].due == due && k < l->classes[i].n; k++)
                level_put(l, i, first_place(l, &l->classes[i]));
}

/* ---- even counts */

/* As long as one year has two turns more than another that some of them can reach, one goes there.
 * Where there is no such pair the counts are as even as they can be: no other has smaller sum of
 * squares. */
static void even_counts(struct level *l, unsigned side)
{
    struct level_hop hops[LEVEL_YEARS];
    uint32_t *n = l->n[side];
    for (size_t rounds = 0; rounds < 2 * l->n_units + 1; rounds++) {
        uint32_t most = 1;
        uint32_t from = 0;
        uint32_t to = 0;
        for (uint32_t y = l->w->open; y <= l->w->years; y++)
            for (uint32_t z = l->w->open; z <= l->w->years; z++)
                if (n[y] > n[z] + most && level_way(l, side, y, z, hops) > 0) {
                    most = n[y] - n[z];
                    from = y;
                    to = z;
                }
        if (from == 0)
            return;
        walk(l, hops, level_way(l, side, from, to, hops));
    }
}

/* ---- the heaviest year */

struct value {
    uint64_t excess; /* above ceilings */
    uint64_t most;
    uint32_t years; /* that have the most */
};

static struct value value_of(const struct level *l)
{
    struct value v = {0, 0, 0};
    for (uint32_t y = l->w->open; y <= l->w->years; y++) {
        for (unsigned k = 0; k < 3; k++)
            v.excess += l->hours[k][y] > l->caps[k][y] ? l->hours[k][y] - l->caps[k][y] : 0;
        if (l->hours[0][y] > v.most)
            v.years = 0;
        v.most = l->hours[0][y] > v.most ? l->hours[0][y] : v.most;
        v.years += l->hours[0][y] == v.most;
    }
    return v;
}

static bool better(const struct value *a, const struct value *b)
{
    if (a->excess != b->excess)
        return a->excess < b->excess;
    return a->most != b->most ? a->most < b->most : a->years < b->years;
}

struct shift {
    struct level_hop hops[2 * LEVEL_YEARS];
    size_t n;
};

/* A leftover turn goes from one year to another that has one less. */
static bool may_shift(const struct level *l, unsigned side, uint32_t from, uint32_t to)
{
    return from != to && l->n[side][from] > 0 &&
           (l->uneven || l->n[side][from] == l->n[side][to] + 1);
}

/* The best of one shift, or with `deep` of two; false when none is better than now. */
static bool find_shift(struct level *l, struct shift *done, bool deep, struct value *best,
                       struct shift *out)
{
    bool found = false;
    struct level_hop *hops = done->hops + done->n;
    uint32_t open = l->w->open;
    uint32_t years = l->w->years;
    for (unsigned side = 0; side < 2; side++)
        for (uint32_t pair = 0; pair < (years - open + 1) * (years - open + 1); pair++) {
            uint32_t from = open + pair / (years - open + 1);
            uint32_t to = open + pair % (years - open + 1);
            size_t n = may_shift(l, side, from, to) ? level_way(l, side, from, to, hops) : 0;
            if (n == 0)
                continue;
            walk(l, hops, n);
            done->n += n;
            struct value v = value_of(l);
            if (better(&v, best)) {
                *best = v;
                *out = *done;
                found = true;
            }
            if (deep && done->n == n)
                found |= find_shift(l, done, false, best, out); /* NOLINT(misc-no-recursion) */
            done->n -= n;
            walk_back(l, hops, n);
        }
    return found;
}

/* The first class of the kind of which a unit can go from year to year; SIZE_MAX = none. */
static size_t of_kind(const struct level *l, size_t kind, uint32_t from, uint32_t to)
{
    for (size_t i = 0; i < l->n_classes; i++)
        if (l->classes[i].kind == kind && fits(&l->classes[i], from, to))
            return i;
    return SIZE_MAX;
}

/* One kind's turn goes from y to z and a lighter one's back, when that is better than *best. */
static bool try_swap(struct level *l, const size_t kinds[2], uint32_t y, uint32_t z,
                     struct value *best, struct level_hop pair[2])
{
    struct level_hop now[2] = {{of_kind(l, kinds[0], y, z), y, z},
                               {of_kind(l, kinds[1], z, y), z, y}};
    if (now[0].class == SIZE_MAX || now[1].class == SIZE_MAX)
        return false;
    walk(l, now, 2);
    struct value v = value_of(l);
    walk_back(l, now, 2);
    if (!better(&v, best))
        return false;
    *best = v;
    memcpy(pair, now, sizeof now);
    return true;
}

/* Two turns of one party and different hours change places: the best such pair of the heaviest
 * year.
 */
static bool swap_hours(struct level *l, struct value *best)
{
    struct level_hop pair[2] = {{0, 0, 0}, {0, 0, 0}};
    bool found = false;
    uint32_t y = l->w->open;
    while (l->hours[0][y] != best->most)
        y++;
    for (size_t all = 0; all < l->n_kinds * l->n_kinds; all++) {
        const size_t kinds[2] = {all / l->n_kinds, all % l->n_kinds};
        const struct level_kind *a = &l->kinds[kinds[0]];
        const struct level_kind *b = &l->kinds[kinds[1]];
        if (a->side != b->side || b->hours >= a->hours)
            continue;
        for (uint32_t z = l->w->open; z <= l->w->years; z++)
            found |= z != y && try_swap(l, kinds, y, z, best, pair);
    }
    if (found)
        walk(l, pair, 2);
    return found;
}

static bool many_kinds(const struct level *l)
{
    size_t n[2] = {0, 0};
    for (size_t k = 0; k < l->n_kinds; k++)
        n[l->kinds[k].side] += l->kinds[k].free;
    return n[0] > 1 || n[1] > 1;
}

static void lighten(struct level *l)
{
    bool kinds = many_kinds(l);
    for (unsigned rounds = 0; rounds < ROUNDS_MAX; rounds++) {
        struct shift done = {.n = 0};
        struct shift found = {.n = 0};
        struct value best = value_of(l);
        if (find_shift(l, &done, false, &best, &found) || find_shift(l, &done, true, &best, &found))
            walk(l, found.hops, found.n);
        else if (!kinds || !swap_hours(l, &best))
            return;
    }
}

/* ---- ceilings */

static bool refuse_ceilings(struct level *l)
{
    static const char *const ja[] = {"合計", "外部監査", "内部監査"};
    static const char *const en[] = {"both audits", "the external audit", "the internal audit"};
    const struct plan_work *w = l->w;
    bool refused = false;
    for (size_t i = 0; i < w->in->policy->n_ceilings; i++) {
        const struct plan_ceiling *c = &w->in->policy->ceilings[i];
        unsigned k = (unsigned)c->party % 3;
        for (uint32_t y = w->open; y <= w->years; y++) {
            int32_t civil = w->in->first_year + (int32_t)y - 1;
            if ((c->year != 0 && c->year != civil) || l->hours[k][y] <= c->hours)
                continue;
            unsigned long long need = l->hours[k][y];
            plan_fault(l->w, arena_printf(w->arena, "ceilings[%zu].hours", i), "R71",
                       arena_printf(w->arena,
                                    "%d 年の%sは %llu 時間必要で、上限 %u 時間を %llu 時間"
                                    "超えます",
                                    civil, ja[k], need, c->hours, need - c->hours),
                       arena_printf(w->arena,
                                    "%s of %d need %llu h: the ceiling of %u h is too low by "
                                    "%llu h",
                                    en[k], civil, need, c->hours, need - c->hours));
            refused = true;
        }
    }
    return refused;
}

/* The heaviest year, exactly where that can be; counts become uneven only for a ceiling. */
static enum err keep_ceilings(struct level *l)
{
    enum err e = level_exact_years(l);
    if (e != ERR_OK || value_of(l).excess == 0)
        return e;
    l->uneven = true;
    lighten(l);
    e = level_exact_years(l);
    if (e == ERR_OK && refuse_ceilings(l))
        return ERR_INVAL;
    return e;
}

/* ---- all of it */

/* Within a class the one audited longest ago has the earliest turn. R65 */
static void write_turns(struct level *l)
{
    for (size_t i = 0; i < l->n_classes; i++) {
        const struct level_class *c = &l->classes[i];
        size_t at = c->first;
        for (uint32_t y = l->w->open; y <= l->w->years; y++)
            for (uint32_t k = 0; k < c->x[y]; k++, at++)
                l->w->duties[l->units[at].control].sides[l->units[at].side].turn = y;
    }
}

enum err plan_level(struct plan_work *w)
{
    struct level l = {.w = w};
    enum err e = collect(&l);
    if (e != ERR_OK)
        return e;
    classify(&l);
    add_base(&l);
    read_ceilings(&l);
    place_all(&l);
    even_counts(&l, 0);
    even_counts(&l, 1);
    memcpy(l.even, l.n, sizeof l.even);
    lighten(&l);
    e = keep_ceilings(&l);
    if (e == ERR_OK)
        e = level_spread(&l, value_of(&l).most);
    if (e == ERR_OK)
        e = level_exact_spread(&l);
    if (e == ERR_OK)
        write_turns(&l);
    return e;
}
