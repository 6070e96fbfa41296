/* How good a plan is, told from its items and the rules alone: nothing here comes from the planner.
 * docs/planner.md derives the bound. */
#include "services/audit/core/plan_proof.h"

#include <string.h>

/* Turns of one party: counts, and what hours one takes. */
struct turns {
    uint32_t n[PROOF_YEARS];
    bool reach[PROOF_YEARS][PROOF_YEARS]; /* a turn of the one year can go to the other */
    uint32_t hours[PROOF_YEARS];          /* of a turn that could be elsewhere */
    bool one_kind;                        /* all those take the same */
    bool any;
};

struct counting {
    struct proof p;
    uint64_t hours[PROOF_YEARS]; /* all of a year */
    uint64_t fixed[PROOF_YEARS]; /* of these, what is no turn */
    struct turns turns[2];
    bool repeats;
    bool even; /* counts of both parties: no turn can go to a year that has two fewer */
};

static uint64_t divide_up(uint64_t n, uint64_t by)
{
    return (n + by - 1) / by;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t r = a % b;
        a = b;
        b = r;
    }
    return a;
}

static void count_hours(struct counting *k)
{
    const struct plan *plan = k->p.plan;
    for (size_t j = 0; j < plan->n; j++) {
        const struct plan_item *item = &plan->items[j];
        const struct catalogue_item *it = catalogue_find(k->p.in->catalogue, item->control_id);
        if (it == NULL || item->year < k->p.open || item->year > plan->years)
            continue;
        k->hours[item->year] += item->hours;
        if (!proof_moves(&k->p, (size_t)(it - k->p.in->catalogue->items),
                         item->party == PLAN_EXTERNAL ? 0 : 1, item->year))
            k->fixed[item->year] += item->hours;
    }
}

static void count_turns(struct counting *k, unsigned n)
{
    struct turns *t = &k->turns[n];
    t->one_kind = true;
    for (size_t i = 0; i < k->p.in->catalogue->n; i++) {
        const struct proof_side *s = &k->p.controls[i].sides[n];
        if (!s->in_turn || s->turn == 0)
            continue;
        t->n[s->turn]++;
        k->repeats |= s->earliest + proof_period(&k->p, n) <= k->p.years;
        for (uint32_t y = s->earliest; y <= s->latest; y++) {
            t->reach[s->turn][y] = true;
            if (s->earliest == s->latest)
                continue;
            uint32_t h = proof_turn_hours(&k->p, i, n, y);
            t->one_kind &= t->hours[y] == 0 || t->hours[y] == h + 1;
            t->hours[y] = h + 1; /* 0 stands for none seen */
            t->any = true;
        }
    }
    for (uint32_t y = 1; y < PROOF_YEARS; y++)
        t->hours[y] -= t->hours[y] != 0;
    for (uint32_t j = 1; j <= k->p.years; j++)
        for (uint32_t y = 1; y <= k->p.years; y++)
            for (uint32_t z = 1; z <= k->p.years; z++)
                t->reach[y][z] |= t->reach[y][j] && t->reach[j][z];
}

/* Work of turns that no plan puts later than `year`, and the greatest common divisor of its parts.
 */
static uint64_t work_until(const struct counting *k, uint32_t year, uint64_t *unit)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < k->p.in->catalogue->n; i++)
        for (unsigned n = 0; n < 2; n++) {
            const struct proof_side *s = &k->p.controls[i].sides[n];
            if (!s->in_turn || s->turn == 0 || s->latest > year)
                continue;
            uint64_t h = proof_turn_hours(&k->p, i, n, PROOF_YEARS);
            uint64_t h1 = proof_turn_hours(&k->p, i, n, 1);
            uint64_t again = (year - s->latest) / proof_period(&k->p, n);
            uint64_t least = k->p.open == 1 && h1 < h ? h1 : h;
            if (s->cause != PLAN_NO_CAUSE) /* only its first turn is the whole */
                again = 0;
            sum += least + again * least;
            *unit = common_divisor(*unit, h);
            *unit = k->p.open == 1 ? common_divisor(*unit, h1) : *unit;
        }
    return sum;
}

/* The lightest heaviest year of open .. year that holds the work: it goes into whole units on top
 * of what is fixed. */
static uint64_t bound_until(const struct counting *k, uint32_t year)
{
    uint64_t unit = 0;
    uint64_t work = work_until(k, year, &unit);
    uint64_t fixed = 0;
    uint64_t most = 0;
    for (uint32_t y = k->p.open; y <= year; y++) {
        fixed += k->fixed[y];
        most = k->fixed[y] > most ? k->fixed[y] : most;
    }
    if (unit == 0)
        return most;
    uint64_t h = divide_up(fixed + work, year - k->p.open + 1);
    for (h = h > most ? h : most;; h++) {
        uint64_t room = 0;
        for (uint32_t y = k->p.open; y <= year; y++)
            room += (h - k->fixed[y]) / unit;
        if (room * unit >= work)
            return h;
    }
}

/* A year's leftover of one party can be elsewhere, or one of elsewhere here: 0 = neither, 1 = it
 * may have one and has not, 2 = it has one that may go. */
static unsigned leftover(const struct counting *k, const struct turns *t, uint32_t y)
{
    unsigned found = 0;
    for (uint32_t z = k->p.open; z <= k->p.years; z++) {
        if (t->reach[y][z] && t->n[y] == t->n[z] + 1)
            found = 2;
        if (t->reach[z][y] && t->n[z] == t->n[y] + 1)
            found = 1;
    }
    return found;
}

struct leftovers {
    uint64_t base[PROOF_YEARS]; /* hours without any leftover */
    bool free[2][PROOF_YEARS];
    uint32_t many[2];
};

/* Whether all leftovers find a year below `h`: by Hall's condition for each party and for both. */
static bool holds(const struct counting *k, const struct leftovers *l, uint64_t h)
{
    uint32_t room[3] = {0, 0, 0};
    for (uint32_t y = k->p.open; y <= k->p.years; y++) {
        uint64_t e = k->turns[0].hours[y];
        uint64_t i = k->turns[1].hours[y];
        if (l->base[y] > h)
            return false;
        bool one = l->free[0][y] && l->base[y] + e <= h;
        bool other = l->free[1][y] && l->base[y] + i <= h;
        room[0] += one;
        room[1] += other;
        room[2] += one && other && l->base[y] + e + i <= h ? 2 : one || other;
    }
    return l->many[0] <= room[0] && l->many[1] <= room[1] && l->many[0] + l->many[1] <= room[2];
}

/* As the check demands: no turn can go to a year that has two fewer. */
static bool is_even(const struct counting *k, const struct turns *t)
{
    for (uint32_t y = k->p.open; y <= k->p.years; y++)
        for (uint32_t z = k->p.open; z <= k->p.years; z++)
            if (t->reach[y][z] && t->n[y] >= t->n[z] + 2)
                return false;
    return true;
}

static void find_leftovers(const struct counting *k, struct leftovers *l)
{
    *l = (struct leftovers){.many = {0, 0}};
    for (uint32_t y = k->p.open; y <= k->p.years; y++) {
        l->base[y] = k->hours[y];
        for (unsigned n = 0; n < 2; n++) {
            unsigned state = k->turns[n].any ? leftover(k, &k->turns[n], y) : 0;
            l->free[n][y] = state != 0;
            l->many[n] += state == 2;
            l->base[y] -= state == 2 ? k->turns[n].hours[y] : 0;
        }
    }
}

/* Counts of a party are the same in every plan that the check accepts, but for the years that have
 * the leftovers. */
static uint64_t bound_of_leftovers(const struct counting *k)
{
    struct leftovers l;
    if (k->repeats || k->p.in->policy->n_ceilings > 0 || !k->turns[0].one_kind ||
        !k->turns[1].one_kind || !k->even)
        return 0;
    find_leftovers(k, &l);
    uint64_t best = 0;
    for (uint32_t y = k->p.open; y <= k->p.years; y++)
        best = k->hours[y] > best ? k->hours[y] : best;
    for (uint32_t y = k->p.open; y <= k->p.years; y++)
        for (unsigned mask = 0; mask < 4; mask++) {
            uint64_t h = l.base[y] + (mask & 1u ? k->turns[0].hours[y] : 0) +
                         (mask & 2u ? k->turns[1].hours[y] : 0);
            if (h < best && holds(k, &l, h))
                best = h;
        }
    return best;
}

static uint64_t bound_of(const struct counting *k)
{
    uint64_t best = bound_of_leftovers(k);
    for (uint32_t y = k->p.open; y <= k->p.years; y++) {
        uint64_t h = bound_until(k, y);
        best = h > best ? h : best;
    }
    return best;
}

static uint32_t fit(uint64_t v)
{
    return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

/* Bounds of all objectives, and how many of them, in their order, are proved to be reached. */
static enum err prove(const struct counting *k, uint64_t heaviest, uint64_t bound,
                      struct plan_certificate *out)
{
    enum proof_answer a = k->even ? PROOF_REFUTED : PROOF_UNKNOWN;
    enum err e = k->even ? ERR_OK : proof_refute(&k->p, PROOF_EVENNESS, false, &a);
    bool counts = a == PROOF_REFUTED;
    if (e == ERR_OK && bound < heaviest) {
        e = proof_refute(&k->p, PROOF_HEAVIEST, k->even, &a);
        bound = a == PROOF_REFUTED ? heaviest : bound;
    }
    uint64_t squares = 0;
    uint64_t moves = 0;
    if (e == ERR_OK)
        e = proof_least(&k->p, &squares, &moves);
    if (e == ERR_OK && (squares < out->spread_squares || moves < out->moves)) {
        e = proof_refute(&k->p, PROOF_SPREAD, k->even, &a);
        moves = a == PROOF_REFUTED ? out->moves : squares == out->spread_squares ? moves : 0;
        squares = a == PROOF_REFUTED ? out->spread_squares : squares;
    }
    out->bound_hours = fit(bound);
    out->gap_hours = fit(heaviest > bound ? heaviest - bound : 0);
    out->spread_bound = squares;
    out->moves_bound = fit(moves);
    const bool reached[] = {counts, bound >= heaviest, squares == out->spread_squares,
                            moves == out->moves};
    while (out->proved < 4 && reached[out->proved])
        out->proved++;
    return e;
}

static void add_spread(const struct counting *k, const uint32_t items[PROOF_YEARS],
                       const uint32_t first[PROOF_YEARS], struct plan_certificate *out)
{
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;
    for (uint32_t y = k->p.open; y <= k->p.years; y++) {
        least = items[y] < least ? items[y] : least;
        most = items[y] > most ? items[y] : most;
        out->spread_squares += (uint64_t)first[y] * first[y];
    }
    if (most - least > out->domain_spread)
        out->domain_spread = most - least;
}

/* Items of each domain that could be in another year. */
static void spread(const struct counting *k, struct plan_certificate *out)
{
    const struct catalogue *c = k->p.in->catalogue;
    for (unsigned n = 0; n < 2; n++)
        for (size_t i = 0; i < c->n;) {
            uint32_t items[PROOF_YEARS] = {0};
            uint32_t first[PROOF_YEARS] = {0}; /* the first turns only */
            uint16_t domain = c->items[i].numbers[0];
            for (; i < c->n && c->items[i].numbers[0] == domain; i++) {
                const struct proof_side *s = &k->p.controls[i].sides[n];
                for (uint32_t y = k->p.open; y <= k->p.years; y++) {
                    items[y] += proof_moves(&k->p, i, n, y) && ((s->items >> y) & 1u) != 0;
                    first[y] += s->in_turn && s->turn == y;
                }
            }
            add_spread(k, items, first, out);
        }
}

static enum err covers(const struct counting *k, struct arena *a, struct plan_certificate *out)
{
    const struct catalogue *c = k->p.in->catalogue;
    out->covers = arena_alloc(a, 2 * c->n * sizeof(*out->covers));
    if (out->covers == NULL)
        return ERR_NOMEM;
    for (unsigned n = 0; n < 2; n++)
        for (size_t i = 0; i < c->n; i++) {
            const struct proof_side *s = &k->p.controls[i].sides[n];
            if (!s->in_turn)
                continue;
            int32_t base = k->p.in->first_year - 1;
            struct plan_cover *v = &out->covers[out->n_covers++];
            *v = (struct plan_cover){.control_id = c->items[i].id,
                                     .party = n == 0 ? PLAN_EXTERNAL : PLAN_INTERNAL,
                                     .last_year = s->audited ? base + (int32_t)s->last : 0,
                                     .due_year = base + (int32_t)s->due_said,
                                     .years = s->items,
                                     .overdue = s->due_said < (int64_t)k->p.open};
            out->overdue += v->overdue;
            uint32_t planned = s->turn == 0 ? 0 : s->items & proof_span(s->turn, k->p.years);
            if ((s->before & k->p.before_years) != 0)
                for (uint32_t y = k->p.open; y <= k->p.years; y++)
                    out->moves += ((planned & k->p.before_years & ~s->before) >> y) & 1u;
        }
    return ERR_OK;
}

enum err audit_plan_certify(struct arena *a, const struct plan_input *in, const struct plan *p,
                            struct plan_certificate *out)
{
    *out = (struct plan_certificate){0};
    struct counting k = {.p = {.arena = a, .in = in, .plan = p}};
    if (p->years < 1 || p->years > PLAN_YEARS_MAX || in->policy->rotation_years == 0 ||
        in->policy->internal_cycle_years == 0 || proof_read(&k.p) != ERR_OK)
        return p->years < 1 || p->years > PLAN_YEARS_MAX ? ERR_INVAL : ERR_NOMEM;
    if (k.p.open < 1 || k.p.open > k.p.years)
        return ERR_INVAL;
    count_hours(&k);
    count_turns(&k, 0);
    count_turns(&k, 1);
    uint64_t total = 0;
    uint32_t most = k.p.open;
    uint32_t least = k.p.years;
    for (uint32_t y = k.p.open; y <= k.p.years; y++) {
        total += k.hours[y];
        most = k.hours[y] > k.hours[most] ? y : most;
        least = k.hours[y] < k.hours[least] ? y : least;
    }
    k.even = is_even(&k, &k.turns[0]) && is_even(&k, &k.turns[1]);
    out->heaviest_year = most;
    out->heaviest_hours = fit(k.hours[most]);
    out->lightest_hours = fit(k.hours[least]);
    out->total_hours = fit(total);
    spread(&k, out);
    enum err e = covers(&k, a, out);
    return e == ERR_OK ? prove(&k, k.hours[most], bound_of(&k), out) : e;
}

static bool same_cover(const struct plan_cover *a, const struct plan_cover *b)
{
    return a->control_id != NULL && strcmp(a->control_id, b->control_id) == 0 &&
           a->party == b->party && a->last_year == b->last_year && a->due_year == b->due_year &&
           a->years == b->years && a->overdue == b->overdue;
}

enum err audit_certificate_check(struct arena *a, const struct plan_input *in, const struct plan *p,
                                 const struct plan_certificate *cert, struct audit_faults *faults)
{
    struct plan_certificate k;
    size_t before = faults->n;
    enum err e = audit_plan_certify(a, in, p, &k);
    if (e != ERR_OK)
        return e;
    /* plans made before "audit-core-4" claim nothing of these: so may a certificate */
    if (cert->spread_bound == 0 && cert->moves_bound == 0 && cert->proved == 0)
        k.spread_bound = k.moves_bound = k.proved = 0;
    const struct {
        const char *field;
        uint64_t said;
        uint64_t is;
    } rows[] = {
        {"certificate.heaviest_year", cert->heaviest_year, k.heaviest_year},
        {"certificate.heaviest_hours", cert->heaviest_hours, k.heaviest_hours},
        {"certificate.lightest_hours", cert->lightest_hours, k.lightest_hours},
        {"certificate.bound_hours", cert->bound_hours, k.bound_hours},
        {"certificate.gap_hours", cert->gap_hours, k.gap_hours},
        {"certificate.total_hours", cert->total_hours, k.total_hours},
        {"certificate.domain_spread", cert->domain_spread, k.domain_spread},
        {"certificate.spread_squares", cert->spread_squares, k.spread_squares},
        {"certificate.moves", cert->moves, k.moves},
        {"certificate.spread_bound", cert->spread_bound, k.spread_bound},
        {"certificate.moves_bound", cert->moves_bound, k.moves_bound},
        {"certificate.proved", cert->proved, k.proved},
        {"certificate.overdue", cert->overdue, k.overdue},
        {"certificate.covers", cert->n_covers, k.n_covers},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].said != rows[i].is)
            audit_fault_add(faults, a, 0, rows[i].field, "R63",
                            arena_printf(a, "%llu のはずが %llu です",
                                         (unsigned long long)rows[i].is,
                                         (unsigned long long)rows[i].said),
                            arena_printf(a, "says %llu, is %llu", (unsigned long long)rows[i].said,
                                         (unsigned long long)rows[i].is));
    for (size_t i = 0; i < k.n_covers && i < cert->n_covers; i++)
        if (!same_cover(&cert->covers[i], &k.covers[i]))
            audit_fault_add(faults, a, 0, k.covers[i].control_id,
                            k.covers[i].party == PLAN_EXTERNAL ? "R63" : "R68",
                            "証明書の網羅が計画と違います",
                            "the certificate tells its coverage wrongly");
    return faults->n == before ? ERR_OK : ERR_INVAL;
}
