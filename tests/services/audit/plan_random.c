/* The worlds. What must not be possible (doubled ids, unknown ones) is not made here. */
#include "services/audit/plan_random.h"

#include <stdio.h>
#include <stdlib.h>

#define ITEMS_MAX 2000
#define FIRST_YEAR 2027

static void *take(struct world *w, size_t n, size_t bytes)
{
    void *p = arena_alloc(&w->a, (n + 1) * bytes);
    if (p == NULL)
        abort();
    return p;
}

uint32_t world_below(struct world *w, uint32_t n)
{
    w->seed ^= w->seed << 13;
    w->seed ^= w->seed >> 7;
    w->seed ^= w->seed << 17;
    return n == 0 ? 0 : (uint32_t)((w->seed >> 11) % n);
}

static void add(struct world *w, struct catalogue_item *items, size_t *n, const char *id)
{
    if (*n == ITEMS_MAX || !catalogue_read_id(id, &items[*n]))
        abort();
    items[*n].not_assessed = items[*n].objective && world_below(w, 25) == 0;
    (*n)++;
}

static void make_catalogue(struct world *w, const struct world_size *size)
{
    struct catalogue_item *items = take(w, ITEMS_MAX, sizeof *items);
    size_t n = 0;
    uint32_t domains = 1 + world_below(w, size->domains);
    for (uint32_t d = 0; d < domains; d++) {
        uint32_t objectives = 1 + world_below(w, size->objectives);
        uint32_t chapter = size->domains > 14 ? 3 + d % 16 : 4 + d % 14;
        for (uint32_t o = 1; o <= objectives; o++) {
            char id[48]; /* room for any numbers; add() refuses what is no id */
            (void)snprintf(id, sizeof id, "%u.%u.%u", chapter, 1 + d / 16, o);
            add(w, items, &n, id);
            uint32_t details = world_below(w, size->details + 1);
            for (uint32_t k = 1; k <= details; k++) {
                (void)snprintf(id, sizeof id, "%u.%u.%u.%u", chapter, 1 + d / 16, o, k);
                add(w, items, &n, id);
            }
        }
    }
    if (catalogue_index(&w->a, items, n, &w->c, &w->faults) != ERR_OK)
        abort();
}

static void make_effort(struct world *w)
{
    struct plan_effort *e = take(w, 8, sizeof *e);
    struct plan_mode_rule *m = take(w, 2, sizeof *m);
    for (size_t i = 0; i < 8; i++) {
        bool own = w->c.n > 0 && i < 5;
        e[i] = (struct plan_effort){
            .id = own ? w->c.items[world_below(w, (uint32_t)w->c.n)].id : NULL,
            .tier = own ? CATALOGUE_NO_TIER : (enum catalogue_tier)world_below(w, 4),
            .party = (enum plan_party)world_below(w, 3),
            .design_hours = world_below(w, 7),
            .operating_hours = 1 + world_below(w, 7)};
    }
    for (size_t i = 0; i < 2; i++)
        m[i] = (struct plan_mode_rule){(enum catalogue_tier)world_below(w, 4),
                                       (enum plan_party)world_below(w, 3),
                                       (enum plan_mode)(1 + world_below(w, 3))};
    w->policy.effort = e;
    w->policy.n_effort = 8;
    w->policy.modes = m;
    w->policy.n_modes = world_below(w, 3);
}

static void make_policy(struct world *w, const struct world_size *size)
{
    struct plan_important *im = take(w, w->c.n, sizeof *im);
    struct plan_excluded *out = take(w, w->c.n, sizeof *out);
    uint32_t share = 1 + world_below(w, 4);
    size_t n = 0;
    size_t excluded = 0;
    for (size_t i = 0; i < w->c.n; i++) {
        if (w->c.items[i].tier != CATALOGUE_CONTROLS)
            continue;
        if (world_below(w, share) == 0)
            im[n++] = (struct plan_important){w->c.items[i].id, world_below(w, 5) == 0};
        if (world_below(w, 25) == 0)
            out[excluded++] = (struct plan_excluded){w->c.items[i].id, "cannot apply"};
    }
    uint32_t years = size->years;
    w->policy = (struct plan_policy){
        .rotation_years = size->equal ? years : 1 + world_below(w, years),
        .internal_cycle_years = size->equal ? years : 1 + world_below(w, years),
        .internal_all_tiers = world_below(w, 2) == 0,
        .internal_sliding = world_below(w, 2) == 0,
        .important = im,
        .n_important = n,
        .hours_external = 1 + world_below(w, 9),
        .hours_internal = 1 + world_below(w, 9),
        .force_on_change = world_below(w, 2) == 0,
        .special_measure_offered = true,
        .special_until_day = 100};
    w->in = (struct plan_input){.catalogue = &w->c,
                                .policy = &w->policy,
                                .excluded = out,
                                .n_excluded = excluded,
                                .special_measure = size->special && world_below(w, 3) == 0,
                                .first_year = FIRST_YEAR};
    if (size->efforts)
        make_effort(w);
}

static void make_events(struct world *w)
{
    static const char *const people[] = {"aoki", "baba", "chiba"};
    struct plan_trigger *t = take(w, 6, sizeof *t);
    struct plan_inherited *h = take(w, 4, sizeof *h);
    struct plan_operator *o = take(w, 6, sizeof *o);
    uint32_t years = w->policy.rotation_years > w->policy.internal_cycle_years
                         ? w->policy.rotation_years
                         : w->policy.internal_cycle_years;
    uint32_t open = world_below(w, years);
    w->in.open_year = FIRST_YEAR + (int32_t)open;
    for (size_t i = 0; i < 6; i++) {
        t[i] = (struct plan_trigger){w->c.items[world_below(w, (uint32_t)w->c.n)].id,
                                     (enum plan_cause)(1 + world_below(w, 5)),
                                     FIRST_YEAR - 1 + (int32_t)world_below(w, open + 2), "ref"};
        o[i] = (struct plan_operator){w->c.items[world_below(w, (uint32_t)w->c.n)].id,
                                      people[world_below(w, 2)]};
    }
    for (size_t i = 0; i < 4; i++) {
        const struct catalogue_item *it = &w->c.items[world_below(w, (uint32_t)w->c.n)];
        bool clash = it->tier != CATALOGUE_CONTROLS;
        for (size_t k = 0; k < w->in.n_excluded; k++) {
            const struct catalogue_item *x = catalogue_find(&w->c, w->in.excluded[k].id);
            clash |= x->numbers[0] == it->numbers[0] && x->numbers[1] == it->numbers[1] &&
                     x->numbers[2] == it->numbers[2];
        }
        if (!clash)
            h[w->in.n_inherited++] = (struct plan_inherited){
                it->id, "C21-0001-2",
                world_below(w, 2) == 0 ? 0 : FIRST_YEAR - 1 + (int32_t)world_below(w, open + 2)};
    }
    w->in.triggers = t;
    w->in.n_triggers = world_below(w, 7);
    w->in.inherited = h;
    w->in.operators = o;
    w->in.n_operators = world_below(w, 7);
    w->in.auditors = people;
    w->in.n_auditors = world_below(w, 2) * 3; /* chiba operates nothing */
}

void world_history(struct world *w)
{
    int32_t open = w->in.open_year != 0 ? w->in.open_year : w->in.first_year;
    struct plan_history *h = take(w, 4 * w->c.n, sizeof *h);
    uint32_t share = 1 + world_below(w, 3);
    uint32_t back = 1 + world_below(w, 7);
    for (size_t i = 0; i < 4 * w->c.n; i++)
        if (world_below(w, share) == 0)
            h[w->in.n_history++] =
                (struct plan_history){.id = w->c.items[i / 4].id,
                                      .party = (enum plan_party)(1 + i % 2),
                                      .year = open - (int32_t)world_below(w, back),
                                      .result = (enum plan_result)world_below(w, 4),
                                      .mode = (enum plan_mode)world_below(w, 4)};
    w->in.history = h;
}

void world_keep_plan(struct world *w)
{
    struct plan_before *b = take(w, w->plan.n, sizeof *b);
    for (size_t i = 0; i < w->plan.n; i++)
        b[i] = (struct plan_before){w->plan.items[i].control_id, w->plan.items[i].party,
                                    w->in.first_year + (int32_t)w->plan.items[i].year - 1};
    w->in.before = b;
    w->in.n_before = w->plan.n;
}

void world_begin(struct world *w, uint64_t seed, const struct world_size *size)
{
    *w = (struct world){.seed = (seed + 1) * 0x9e3779b97f4a7c15u};
    arena_init(&w->a, 64u << 20);
    (void)world_below(w, 1);
    make_catalogue(w, size);
    make_policy(w, size);
    if (size->events)
        make_events(w);
}

void world_end(struct world *w)
{
    arena_fini(&w->a);
}
