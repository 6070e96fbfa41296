/* What holds of every plan, over thousands of random catalogues, policies and pasts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "services/audit/plan_random.h"

static const struct world_size any = {.domains = 16,
                                      .objectives = 5,
                                      .details = 3,
                                      .years = 6,
                                      .efforts = true,
                                      .special = true,
                                      .events = true};
static const struct world_size plain = {
    .domains = 16, .objectives = 6, .details = 3, .years = 3, .equal = true};

static void must_make(struct world *w, uint64_t round)
{
    enum err e = audit_plan_make(&w->a, &w->in, &w->plan, &w->faults);
    if (e == ERR_OK)
        e = audit_plan_check(&w->a, &w->in, &w->plan, &w->faults);
    if (e == ERR_OK)
        e = audit_plan_certify(&w->a, &w->in, &w->plan, &w->cert);
    if (e == ERR_OK)
        e = audit_certificate_check(&w->a, &w->in, &w->plan, &w->cert, &w->faults);
    if (e != ERR_OK)
        fail_msg("%llu: %s: %s: %s", (unsigned long long)round, err_name(e),
                 w->faults.items[0].field, w->faults.items[0].en);
    assert_true(w->cert.bound_hours <= w->cert.heaviest_hours);
}

static bool same_item(const struct plan_item *a, const struct plan_item *b)
{
    return a->control_id == b->control_id && a->party == b->party && a->year == b->year &&
           strcmp(a->rule, b->rule) == 0 && a->hours == b->hours && a->mode == b->mode &&
           a->cause == b->cause && a->ref == b->ref && a->auditor == b->auditor;
}

static void every_plan_passes_its_check_and_comes_again(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 160; round++) {
        struct world w;
        world_begin(&w, round, round % 3 == 0 ? &plain : &any);
        if (round % 2 == 0)
            world_history(&w);
        must_make(&w, round);
        struct plan first = w.plan;
        must_make(&w, round);
        assert_int_equal(first.n, w.plan.n);
        for (size_t i = 0; i < first.n; i++)
            assert_true(same_item(&first.items[i], &w.plan.items[i]));
        world_end(&w);
    }
}

/* Nothing happened: nothing moves. */
static void a_plan_made_again_from_itself_is_the_same(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 120; round++) {
        struct world w;
        world_begin(&w, round, round % 2 == 0 ? &plain : &any);
        if (round % 3 != 0)
            world_history(&w);
        must_make(&w, round);
        struct plan first = w.plan;
        uint64_t squares = w.cert.spread_squares;
        world_keep_plan(&w);
        must_make(&w, round);
        assert_int_equal(w.cert.spread_squares, squares);
        assert_int_equal(w.cert.moves, 0);
        assert_int_equal(w.plan.n_moves, 0);
        assert_int_equal(first.n, w.plan.n);
        world_end(&w);
    }
}

/* One change to a plan of one kind of hours moves few: the control itself, and what makes room. */
static void one_change_moves_little(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 120; round++) {
        struct world w;
        world_begin(&w, round, &plain);
        w.policy.force_on_change = true;
        must_make(&w, round);
        world_keep_plan(&w);
        struct plan_trigger t = {w.c.items[world_below(&w, (uint32_t)w.c.n)].id, PLAN_CHANGED,
                                 w.in.first_year, "change-1"};
        w.in.triggers = &t;
        w.in.n_triggers = 1;
        must_make(&w, round);
        if (w.cert.moves > 8)
            fail_msg("%llu: %u moves", (unsigned long long)round, w.cert.moves);
        world_end(&w);
    }
}

/* The years that are over hold what was audited, and history is never rewritten. */
static void the_past_stays(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 80; round++) {
        struct world w;
        world_begin(&w, round, &any);
        world_history(&w);
        must_make(&w, round);
        for (size_t i = 0; i < w.plan.n; i++) {
            const struct plan_item *item = &w.plan.items[i];
            int32_t year = w.in.first_year + (int32_t)item->year - 1;
            bool done = year >= w.in.open_year;
            for (size_t k = 0; k < w.in.n_history; k++)
                done |= w.in.history[k].year == year && w.in.history[k].party == item->party &&
                        w.in.history[k].result != PLAN_SKIPPED &&
                        strcmp(w.in.history[k].id, item->control_id) == 0;
            assert_true(done);
        }
        world_end(&w);
    }
}

/* Changes one thing of the plan; false when this plan has nothing of that kind. */
static bool mutate(struct world *w, uint32_t kind)
{
    struct plan *p = &w->plan;
    struct plan_item *item = &p->items[world_below(w, (uint32_t)p->n)];
    switch (kind) {
    case 0:
        item->year = item->year % p->years + 1;
        return p->years > 1;
    case 1:
        item->party = item->party == PLAN_EXTERNAL ? PLAN_INTERNAL : PLAN_EXTERNAL;
        return true;
    case 2:
        item->hours++;
        return true;
    case 3:
        item->mode = (enum plan_mode)(item->mode % 3 + 1);
        return true;
    case 4:
        item->rule = strcmp(item->rule, "R63") == 0 ? "R68" : "R63";
        return true;
    case 5:
        item->cause = item->cause == PLAN_NO_CAUSE ? PLAN_FINDING : PLAN_NO_CAUSE;
        return true;
    case 6:
        item->ref = item->ref == NULL ? "other" : NULL;
        return true;
    case 7:
        memmove(item, item + 1, (size_t)(p->items + p->n - item - 1) * sizeof *item);
        p->n--;
        return true;
    case 8:
        *item = p->items[item == p->items ? p->n - 1 : 0];
        return p->n > 1;
    case 9: {
        struct plan_item other = p->items[0];
        p->items[0] = p->items[p->n - 1];
        p->items[p->n - 1] = other;
        return p->n > 1;
    }
    case 10:
        item->auditor = "dan";
        return true;
    case 11:
        p->loads[world_below(w, p->years)].external_items++;
        return true;
    case 12:
        p->years++;
        return true;
    default:
        if (p->n_moves == 0)
            return false;
        p->n_moves--;
        return p->moves[p->n_moves].rule[1] != '6' || p->moves[p->n_moves].rule[2] != '0';
    }
}

static void every_change_of_a_plan_is_refused(void **state)
{
    (void)state;
    uint32_t seen[14] = {0};
    for (uint64_t round = 0; round < 280; round++) {
        struct world w;
        world_begin(&w, round, round % 2 == 0 ? &plain : &any);
        must_make(&w, round);
        if (round % 3 == 0) {
            world_keep_plan(&w);
            world_history(&w);
            must_make(&w, round);
        }
        uint32_t kind = (uint32_t)(round % 14);
        if (w.plan.n > 0 && mutate(&w, kind)) {
            seen[kind]++;
            if (audit_plan_check(&w.a, &w.in, &w.plan, &w.faults) != ERR_INVAL)
                fail_msg("%llu: change %u passes", (unsigned long long)round, kind);
        }
        world_end(&w);
    }
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++)
        assert_true(seen[i] > 0);
}

/* Two controls of a party change places: their items, and what is summed up of them. */
static bool exchange(struct world *w)
{
    struct plan *p = &w->plan;
    struct plan_item *a = &p->items[world_below(w, (uint32_t)p->n)];
    struct plan_item *b = &p->items[world_below(w, (uint32_t)p->n)];
    if (a->party != b->party || a->year == b->year)
        return false;
    uint32_t year = a->year;
    a->year = b->year;
    b->year = year;
    return true;
}

static int in_order(const void *x, const void *y)
{
    const struct plan_item *a = x;
    const struct plan_item *b = y;
    if (a->year != b->year)
        return a->year < b->year ? -1 : 1;
    if (a->party != b->party)
        return a->party < b->party ? -1 : 1;
    return a->control_id < b->control_id ? -1 : 1; /* ids lie in the catalogue, in its order */
}

static void sum_up(struct world *w)
{
    struct plan *p = &w->plan;
    qsort(p->items, p->n, sizeof *p->items, in_order);
    memset(p->loads, 0, sizeof p->loads);
    for (uint32_t y = 0; y < p->years; y++)
        p->loads[y].year = y + 1;
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_item *item = &p->items[i];
        struct plan_load *l = &p->loads[item->year - 1];
        enum catalogue_tier tier = catalogue_find(&w->c, item->control_id)->tier;
        bool external = item->party == PLAN_EXTERNAL;
        l->external_items += external;
        l->external_hours += external ? item->hours : 0;
        l->internal_items += !external;
        l->internal_hours += external ? 0 : item->hours;
        l->governance += external && tier == CATALOGUE_GOVERNANCE;
        l->management += external && tier == CATALOGUE_MANAGEMENT;
        l->important += external && tier == CATALOGUE_CONTROLS;
    }
}

/* Whether the plan still keeps all rules and is worse than the best: then no proof says otherwise.
 */
static bool worse_is_not_proved(struct world *w, const struct plan_certificate *best)
{
    w->faults.n = 0;
    if (audit_plan_check(&w->a, &w->in, &w->plan, &w->faults) != ERR_OK)
        return false;
    assert_int_equal(audit_plan_certify(&w->a, &w->in, &w->plan, &w->cert), ERR_OK);
    bool heavier = w->cert.heaviest_hours > best->heaviest_hours;
    bool wider = w->cert.heaviest_hours == best->heaviest_hours &&
                 w->cert.spread_squares > best->spread_squares;
    if (heavier)
        assert_true(w->cert.proved < 2 && w->cert.bound_hours <= best->heaviest_hours);
    if (wider)
        assert_true(w->cert.proved < 3 && w->cert.spread_bound <= best->spread_squares);
    return heavier || wider;
}

static void a_worse_plan_is_never_proved_the_best(void **state)
{
    (void)state;
    static const struct world_size few = {
        .domains = 4, .objectives = 3, .details = 2, .years = 3, .equal = true, .efforts = true};
    uint32_t worse = 0;
    for (uint64_t round = 0; round < 60; round++) {
        struct world w;
        world_begin(&w, round, &few);
        if (round % 2 == 0)
            world_history(&w);
        must_make(&w, round);
        struct plan_certificate best = w.cert;
        for (uint32_t attempt = 0; w.plan.n > 0 && attempt < 20; attempt++) {
            struct plan kept = w.plan;
            kept.items = arena_dup(&w.a, w.plan.items, w.plan.n * sizeof *w.plan.items);
            assert_non_null(kept.items);
            if (exchange(&w)) {
                sum_up(&w);
                worse += worse_is_not_proved(&w, &best);
            }
            w.plan = kept;
        }
        world_end(&w);
    }
    assert_true(worse > 20);
}

/* Each number of the certificate, one after the other. */
static void every_change_of_a_certificate_is_refused(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 130; round++) {
        struct world w;
        world_begin(&w, round, &any);
        world_history(&w);
        must_make(&w, round);
        struct plan_certificate *k = &w.cert;
        uint32_t *const numbers[] = {&k->heaviest_year, &k->heaviest_hours, &k->lightest_hours,
                                     &k->bound_hours,   &k->gap_hours,      &k->total_hours,
                                     &k->domain_spread, &k->moves,          &k->overdue};
        size_t which = round % 16;
        struct plan_cover *cover = k->n_covers == 0 ? NULL : &k->covers[round % k->n_covers];
        if (which < 9)
            ++*numbers[which];
        else if (which == 9)
            k->spread_squares++;
        else if (which == 13)
            k->spread_bound++;
        else if (which == 14)
            k->moves_bound++;
        else if (which == 15)
            k->proved = k->proved == 4 ? 3 : 4;
        else if (cover == NULL)
            k->n_covers++;
        else if (which == 10)
            cover->years ^= 2u;
        else if (which == 11)
            cover->due_year--;
        else
            cover->overdue = !cover->overdue;
        assert_int_equal(audit_certificate_check(&w.a, &w.in, &w.plan, k, &w.faults), ERR_INVAL);
        world_end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_plan_passes_its_check_and_comes_again),
        cmocka_unit_test(a_plan_made_again_from_itself_is_the_same),
        cmocka_unit_test(one_change_moves_little),
        cmocka_unit_test(the_past_stays),
        cmocka_unit_test(every_change_of_a_plan_is_refused),
        cmocka_unit_test(every_change_of_a_certificate_is_refused),
        cmocka_unit_test(a_worse_plan_is_never_proved_the_best),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
