/* Small cases at their optimum: all ways to place the turns, turn by turn, where ways that leave
 * the same counts and hours are one. What is left at the end holds the best of all.
 *
 * A state is what later turns can see: the hours of each year, of the party at hand besides when it
 * has ceilings, its counts, and those of the domain at hand. Two ways to one state differ in cost
 * only, and the cheaper one stays, of equals the one found first. Nothing is guessed: either every
 * state was looked at or the work got too much, and then the plan stays as it was. Limits are
 * counted, never timed, so that the same input gives the same plan on any machine.
 */
#include "services/audit/core/plan_level.h"

#include <stdlib.h>
#include <string.h>

#define UNITS_MAX LEVEL_EXACT_UNITS
#define STATES_MAX 16384 /* of one layer */
#define KEPT_MAX 98304   /* of all layers */
#define WORK_MAX 600000  /* of one search: states and years looked at, times years */
#define MEMORY_MAX (8u << 20)
#define KEY_MAX (4 * PLAN_YEARS_MAX + 2)
#define NO_STATE UINT32_MAX

/* years[k * n_years + i]: of year open + i. */
enum part { HOURS, OWN, COUNTS, CELLS, PARTS };

/* In layers only as long as its key. */
struct state {
    int64_t cost;
    uint32_t years[KEY_MAX]; /* and behind the parts: squares of counts, hours above ceilings */
};

struct came {
    uint32_t from; /* state of the layer before */
    uint32_t year;
};

struct step {
    size_t class;
    unsigned side;
    bool first[2]; /* of its party, of its domain */
    bool last[2];
    uint32_t behind[LEVEL_YEARS]; /* turns of the party that come later and can be in the year */
    uint32_t rest;                /* turns of the domain that come later */
    uint64_t hours;               /* that all later turns take at least */
    int64_t least;                /* squares that later domains cost at least */
};

/* What counts, in this order. */
struct worth {
    uint64_t excess;
    uint64_t squares; /* of counts */
    uint64_t heaviest;
    int64_t score;
};

struct search {
    struct level *l;
    uint32_t open;
    uint32_t n_years;
    size_t key;      /* length of it */
    size_t size;     /* of a state in a layer */
    bool cells;      /* domains and moves count; else excess, counts and hours only */
    bool hard;       /* ceilings are kept, not counted */
    bool ceiling[3]; /* there is one: of both parties, external, internal */
    struct worth now;
    uint64_t most; /* hours of a year */
    struct step steps[UNITS_MAX];
    size_t n;
    char *layers[2];
    uint32_t sizes[2];
    uint32_t room;    /* for states of one layer: no more than there can be */
    uint32_t n_slots; /* of the table of a layer: a power of two above it */
    uint32_t *slots;
    size_t kept;       /* of all layers, at most */
    struct came *came; /* of all layers, one behind the other */
    size_t starts[UNITS_MAX + 1];
    uint64_t work;
    bool too_much;
    uint32_t best; /* of the last layer */
    struct worth found;
};

static uint32_t *at(const struct search *s, struct state *st, enum part part)
{
    return &st->years[(size_t)part * s->n_years];
}

static uint64_t squared(uint64_t n)
{
    return n * n;
}

static bool has_ceiling(const struct search *s, unsigned k)
{
    for (uint32_t i = 0; i < s->n_years; i++)
        if (s->l->caps[k][s->open + i] != LEVEL_NO_CAP)
            return true;
    return false;
}

static uint64_t above(const struct search *s, unsigned k, uint32_t i, uint64_t hours)
{
    uint64_t cap = s->l->caps[k][s->open + i];
    return hours > cap ? hours - cap : 0;
}

static struct worth worth_of(const struct search *s)
{
    const struct level *l = s->l;
    struct worth v = {.score = l->score};
    for (uint32_t i = 0; i < s->n_years; i++) {
        uint32_t y = s->open + i;
        v.squares += squared(l->n[0][y]) + squared(l->n[1][y]);
        v.heaviest = l->hours[0][y] > v.heaviest ? l->hours[0][y] : v.heaviest;
        for (unsigned k = 0; k < 3; k++)
            v.excess += above(s, k, i, l->hours[k][y]);
    }
    return v;
}

static bool better(const struct worth *a, const struct worth *b)
{
    if (a->excess != b->excess)
        return a->excess < b->excess;
    if (a->squares != b->squares)
        return a->squares < b->squares;
    return a->heaviest != b->heaviest ? a->heaviest < b->heaviest : a->score < b->score;
}

/* ---- the order of turns */

/* Party by party; then by domain where domains count, else the heavy ones first. */
static bool comes_before(const struct search *s, const struct step *a, const struct step *b)
{
    const struct level_class *x = &s->l->classes[a->class];
    const struct level_class *y = &s->l->classes[b->class];
    if (a->side != b->side)
        return a->side < b->side;
    if (s->cells && x->domain != y->domain)
        return x->domain < y->domain;
    if (s->l->kinds[x->kind].hours != s->l->kinds[y->kind].hours)
        return s->l->kinds[x->kind].hours > s->l->kinds[y->kind].hours;
    return a->class < b->class;
}

static bool same_group(const struct search *s, const struct step *a, const struct step *b)
{
    return s->cells && a->side == b->side &&
           s->l->classes[a->class].domain == s->l->classes[b->class].domain;
}

/* Squares that n more turns add to counts at least, wherever they may go. */
static int64_t fill(const uint32_t *cells, uint32_t n_years, uint32_t n)
{
    uint32_t c[PLAN_YEARS_MAX] = {0};
    int64_t sum = 0;
    memcpy(c, cells, n_years * sizeof c[0]);
    for (uint32_t k = 0; k < n; k++) {
        uint32_t least = 0;
        for (uint32_t i = 1; i < n_years; i++)
            least = c[i] < c[least] ? i : least;
        sum += 2 * (int64_t)c[least]++ + 1;
    }
    return sum;
}

static const uint32_t *fixed_cells(const struct search *s, const struct step *t)
{
    return &s->l->cells[t->side][s->l->classes[t->class].domain * LEVEL_YEARS + s->open];
}

static uint64_t least_hours(const struct search *s, const struct step *t)
{
    const struct level_class *c = &s->l->classes[t->class];
    uint32_t least = UINT32_MAX;
    for (uint32_t y = c->from; y <= c->due; y++) {
        uint32_t h = level_hours(&s->l->kinds[c->kind], y, y);
        least = h < least ? h : least;
    }
    return least;
}

/* From the last to the first: what is still to come behind each. */
static void look_ahead(struct search *s)
{
    int64_t least = 0;
    for (size_t i = s->n; i-- > 0;) {
        struct step *t = &s->steps[i];
        const struct step *next = i + 1 < s->n ? &s->steps[i + 1] : NULL;
        const struct step *prev = i > 0 ? &s->steps[i - 1] : NULL;
        t->last[0] = next == NULL || next->side != t->side;
        t->last[1] = next == NULL || !same_group(s, t, next);
        t->first[0] = prev == NULL || prev->side != t->side;
        t->first[1] = prev == NULL || !same_group(s, t, prev);
        t->rest = next == NULL || t->last[1] ? 0 : next->rest + 1;
        t->hours = next == NULL ? 0 : next->hours + least_hours(s, next);
        t->least = least;
        for (uint32_t y = s->open; next != NULL && !t->last[0] && y <= s->l->w->years; y++) {
            const struct level_class *c = &s->l->classes[next->class];
            t->behind[y] = next->behind[y] + (y >= c->from && y <= c->due);
        }
        if (t->first[1] && s->cells)
            least += fill(fixed_cells(s, t), s->n_years, t->rest + 1);
    }
}

/* Every turn that can be in more than one year, once for each unit; they leave the plan. */
static void take_out(struct search *s)
{
    struct level *l = s->l;
    for (size_t i = 0; i < l->n_classes; i++) {
        const struct level_class *c = &l->classes[i];
        for (uint32_t y = c->from; c->from < c->due && y <= c->due; y++)
            while (c->x[y] > 0) {
                struct step t = {.class = i, .side = l->kinds[c->kind].side};
                size_t k = s->n++;
                for (; k > 0 && comes_before(s, &t, &s->steps[k - 1]); k--)
                    s->steps[k] = s->steps[k - 1];
                s->steps[k] = t;
                level_take(l, i, y);
            }
    }
}

/* ---- states */

/* Counts of a party are done: their squares; its ceilings when they are not kept. */
static void leave_side(const struct search *s, struct state *st, unsigned side)
{
    uint32_t *counts = at(s, st, COUNTS);
    uint32_t *own = at(s, st, OWN);
    for (uint32_t i = 0; i < s->n_years; i++) {
        st->years[s->key - 2] += (uint32_t)squared(counts[i]);
        st->years[s->key - 1] += (uint32_t)above(s, 1 + side, i, own[i]);
        counts[i] = 0;
        own[i] = 0;
    }
}

static void enter_side(const struct search *s, struct state *st, unsigned side)
{
    bool ceiling = s->ceiling[1 + side];
    for (uint32_t i = 0; i < s->n_years; i++) {
        at(s, st, COUNTS)[i] = s->l->n[side][s->open + i];
        at(s, st, OWN)[i] = ceiling ? (uint32_t)s->l->hours[1 + side][s->open + i] : 0;
    }
}

/* Without any turn that moves; a party that has none is done. */
static void start_state(const struct search *s, struct state *st)
{
    *st = (struct state){.cost = s->l->score};
    for (uint32_t i = 0; i < s->n_years; i++)
        at(s, st, HOURS)[i] = (uint32_t)s->l->hours[0][s->open + i];
    for (unsigned side = 0; side < 2; side++) {
        bool any = false;
        for (size_t k = 0; k < s->n; k++)
            any |= s->steps[k].side == side;
        if (any)
            continue;
        enter_side(s, st, side);
        leave_side(s, st, side);
    }
}

/* What can still become a plan as good as the one at hand. */
static bool is_hopeful(const struct search *s, struct state *st, const struct step *t)
{
    const struct level *l = s->l;
    uint64_t room = 0; /* below the most hours */
    uint64_t excess = st->years[s->key - 1];
    for (uint32_t i = 0; i < s->n_years; i++) {
        uint32_t y = s->open + i;
        uint32_t n = at(s, st, COUNTS)[i];
        room += s->most - at(s, st, HOURS)[i];
        if (at(s, st, HOURS)[i] > s->most)
            return false;
        excess += above(s, 0, i, at(s, st, HOURS)[i]) + above(s, 1 + t->side, i, at(s, st, OWN)[i]);
        /* any two best counts of a year differ by one at most (docs/planner.md) */
        if (!l->uneven &&
            (n > l->even[t->side][y] + 1 || n + t->behind[y] + 1 < l->even[t->side][y]))
            return false;
    }
    if (room < t->hours || (s->hard ? excess > 0 : excess >= s->now.excess))
        return false;
    return !s->cells ||
           st->cost + (t->least + fill(at(s, st, CELLS), s->n_years, t->rest)) * LEVEL_SPREAD <
               s->now.score;
}

static struct state *state_of(const struct search *s, size_t layer, uint32_t k)
{
    return (struct state *)(void *)(s->layers[layer % 2] + k * s->size);
}

static uint32_t *slot_of(const struct search *s, size_t layer, const struct state *st)
{
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < s->key; i++)
        h = (h ^ st->years[i]) * 1099511628211u;
    size_t k = (size_t)(h ^ h >> 32) & (s->n_slots - 1);
    while (s->slots[k] != NO_STATE && memcmp(state_of(s, layer, s->slots[k])->years, st->years,
                                             s->key * sizeof st->years[0]) != 0)
        k = (k + 1) & (s->n_slots - 1);
    return &s->slots[k];
}

static void keep(struct search *s, size_t layer, const struct state *st, struct came came)
{
    uint32_t *slot = slot_of(s, layer, st);
    uint32_t n = s->sizes[layer % 2];
    if (*slot == NO_STATE) {
        if (n == s->room || s->starts[layer] + n == s->kept) {
            s->too_much = true;
            return;
        }
        *slot = n;
        s->sizes[layer % 2]++;
    } else if (state_of(s, layer, *slot)->cost <= st->cost) {
        return;
    }
    memcpy(state_of(s, layer, *slot), st, s->size);
    s->came[s->starts[layer] + *slot] = came;
}

/* The state with the turn in the year. */
static void place(const struct search *s, struct state *st, const struct step *t, uint32_t year)
{
    const struct level_class *c = &s->l->classes[t->class];
    const struct level_kind *k = &s->l->kinds[c->kind];
    bool ceiling = s->ceiling[1 + t->side];
    uint32_t i = year - s->open;
    if (s->cells) {
        st->cost += (2 * (int64_t)at(s, st, CELLS)[i] + 1) * LEVEL_SPREAD +
                    (int64_t)level_moves(s->l, c, year);
        at(s, st, CELLS)[i]++;
    }
    at(s, st, COUNTS)[i]++;
    for (uint32_t y = year; y <= s->l->w->years; y += plan_period(s->l->w, t->side)) {
        uint32_t h = level_hours(k, year, y);
        at(s, st, HOURS)[y - s->open] += h;
        at(s, st, OWN)[y - s->open] += ceiling ? h : 0;
    }
}

static void expand(struct search *s, size_t layer, uint32_t from)
{
    const struct step *t = &s->steps[layer - 1];
    const struct level_class *c = &s->l->classes[t->class];
    struct state base = {.cost = 0};
    memcpy(&base, state_of(s, layer - 1, from), s->size);
    if (t->first[0])
        enter_side(s, &base, t->side);
    if (t->first[1] && s->cells)
        memcpy(at(s, &base, CELLS), fixed_cells(s, t), s->n_years * sizeof(uint32_t));
    for (uint32_t y = c->from; y <= c->due && !s->too_much; y++) {
        struct state st = base;
        s->work += s->n_years;
        s->too_much |= s->work > WORK_MAX;
        place(s, &st, t, y);
        if (!is_hopeful(s, &st, t))
            continue;
        if (t->last[1])
            memset(at(s, &st, CELLS), 0, s->n_years * sizeof(uint32_t));
        if (t->last[0])
            leave_side(s, &st, t->side);
        /* even counts are kept while they are asked for; then fewer squares give way to ceilings */
        if (st.years[s->key - 2] <= s->now.squares || (s->now.excess > 0 && s->l->uneven))
            keep(s, layer, &st, (struct came){from, y});
    }
}

/* ---- the search */

static void end_search(struct search *s)
{
    s->best = NO_STATE;
    s->found = s->now;
    for (uint32_t k = 0; k < s->sizes[s->n % 2]; k++) {
        struct state *st = state_of(s, s->n, k);
        struct worth v = {.excess = st->years[s->key - 1],
                          .squares = st->years[s->key - 2],
                          .score = s->cells ? st->cost : s->now.score};
        for (uint32_t i = 0; i < s->n_years; i++) {
            uint32_t h = at(s, st, HOURS)[i];
            v.heaviest = h > v.heaviest ? h : v.heaviest;
            v.excess += above(s, 0, i, h);
        }
        if (better(&v, &s->found)) {
            s->found = v;
            s->best = k;
        }
    }
}

static void run(struct search *s)
{
    struct state start;
    start_state(s, &start);
    memcpy(state_of(s, 0, 0), &start, s->size);
    s->sizes[0] = 1;
    s->work = 0;
    s->too_much = false;
    s->starts[0] = 0;
    for (size_t layer = 1; layer <= s->n && !s->too_much; layer++) {
        s->starts[layer] = s->starts[layer - 1] + s->sizes[(layer - 1) % 2];
        s->sizes[layer % 2] = 0;
        memset(s->slots, 0xff, s->n_slots * sizeof *s->slots);
        for (uint32_t k = 0; k < s->sizes[(layer - 1) % 2] && !s->too_much; k++)
            expand(s, layer, k);
    }
    s->best = NO_STATE;
    if (!s->too_much)
        end_search(s);
}

static void put_found(struct search *s)
{
    uint32_t state = s->best;
    for (size_t layer = s->n; layer > 0; layer--) {
        struct came came = s->came[s->starts[layer] + state];
        level_put(s->l, s->steps[layer - 1].class, came.year);
        state = came.from;
    }
}

/* Turns that can be in more than one year, and how many ways there are to place them. */
static size_t count_free(const struct level *l, uint32_t *ways)
{
    size_t n = 0;
    *ways = 1;
    for (size_t i = 0; i < l->n_classes; i++) {
        const struct level_class *c = &l->classes[i];
        if (c->from == c->due)
            continue;
        n += c->n;
        for (size_t k = 0; k < c->n && *ways < STATES_MAX; k++)
            *ways *= c->due - c->from + 1;
    }
    *ways = *ways > STATES_MAX ? STATES_MAX : *ways;
    return n;
}

/* No year can be lighter than the mean, no domain more even than even: nothing to search for. */
static bool is_best(const struct level *l, bool cells)
{
    uint32_t years = l->w->years - l->w->open + 1;
    uint64_t hours = 0;
    uint64_t most = 0;
    int64_t least = 0;
    if (l->w->in->policy->n_ceilings > 0 || l->repeats || l->w->special)
        return false;
    for (uint32_t y = l->w->open; y <= l->w->years; y++) {
        hours += l->hours[0][y];
        most = l->hours[0][y] > most ? l->hours[0][y] : most;
    }
    if (!cells)
        return most == 0 || hours > (most - 1) * years;
    for (unsigned side = 0; side < 2; side++)
        for (uint32_t d = 0; d < l->domains; d++) {
            uint32_t n = 0;
            for (uint32_t y = l->w->open; y <= l->w->years; y++)
                n += l->cells[side][d * LEVEL_YEARS + y];
            least += (int64_t)(squared(n / years) * (years - n % years) +
                               squared(n / years + 1) * (n % years));
        }
    return l->score == least * LEVEL_SPREAD;
}

static struct search *begin(struct arena *a, struct level *l, bool cells, uint32_t room)
{
    struct search *s = arena_alloc(a, sizeof *s);
    if (s == NULL)
        return NULL;
    s->l = l;
    s->cells = cells;
    s->open = l->w->open;
    s->n_years = l->w->years - s->open + 1;
    s->key = (size_t)PARTS * s->n_years + 2;
    s->size = sizeof(int64_t) + s->key * sizeof(uint32_t);
    s->now = worth_of(s);
    for (unsigned k = 0; k < 3; k++)
        s->ceiling[k] = has_ceiling(s, k);
    s->room = room;
    s->kept = room * UNITS_MAX < KEPT_MAX ? room * UNITS_MAX + 1 : KEPT_MAX;
    for (s->n_slots = 2; s->n_slots < 2 * room; s->n_slots *= 2)
        ;
    for (unsigned k = 0; k < 2; k++)
        s->layers[k] = arena_alloc(a, room * s->size);
    s->slots = arena_alloc(a, s->n_slots * sizeof *s->slots);
    s->came = arena_alloc(a, s->kept * sizeof *s->came);
    bool ok = s->layers[0] != NULL && s->layers[1] != NULL && s->slots != NULL && s->came != NULL;
    return ok ? s : NULL;
}

/* Takes the turns out, searches, and puts them in as found, or as they were. */
static enum err search_with(struct arena *a, struct level *l, bool cells, uint32_t room)
{
    uint32_t(*old)[LEVEL_YEARS] = arena_alloc(a, (l->n_classes + 1) * sizeof *old);
    struct search *s = begin(a, l, cells, room);
    if (old == NULL || s == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < l->n_classes; i++)
        memcpy(old[i], l->classes[i].x, sizeof old[i]);
    s->hard = true;
    s->most = s->now.heaviest - (cells || s->now.heaviest == 0 ? 0 : 1);
    if (!cells && (l->uneven || s->now.excess > 0))
        s->most = UINT32_MAX; /* hours are not the first that counts */
    take_out(s);
    look_ahead(s);
    run(s);
    if (s->best == NO_STATE && !s->too_much && s->now.excess > 0 && l->uneven) {
        s->hard = false; /* they cannot be kept: by how little they are missed */
        run(s);
    }
    if (s->best != NO_STATE) {
        put_found(s);
        return ERR_OK;
    }
    for (size_t i = 0; i < l->n_classes; i++)
        for (uint32_t y = s->open; y <= l->w->years; y++)
            while (l->classes[i].from < l->classes[i].due && l->classes[i].x[y] < old[i][y])
                level_put(l, i, y);
    return ERR_OK;
}

/* Its memory is its own and given back: it is more than all the rest of a plan takes. */
static enum err search(struct level *l, bool cells)
{
    uint32_t room = 0;
    size_t n = count_free(l, &room);
    if (n == 0 || n > UNITS_MAX || level_is_simple(l) || is_best(l, cells))
        return ERR_OK;
    struct arena a;
    arena_init(&a, MEMORY_MAX);
    enum err e = search_with(&a, l, cells, room);
    arena_fini(&a);
    return e;
}

enum err level_exact_years(struct level *l)
{
    return search(l, false);
}

enum err level_exact_spread(struct level *l)
{
    return search(l, true);
}
