/* Plans that roll on for years: planned, partly audited, partly skipped, planned again. Whatever
 * happened, the next plan holds the windows, never rewrites the past, and tells what is overdue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "services/audit/plan_random.h"

#define ROLLS 9
#define WORLDS 40
#define HISTORY_MAX 20000

static const struct world_size size = {
    .domains = 8, .objectives = 4, .details = 2, .years = 4, .efforts = true};

struct life {
    struct world w;
    struct plan_history *history; /* of all years */
    int32_t begin;
    bool stays;       /* the plan keeps its first year until it is over, only the open year moves */
    uint32_t skipped; /* of a hundred items */
};

static void plan_year(struct life *l, int32_t year)
{
    struct world *w = &l->w;
    if (w->plan.n > 0)
        world_keep_plan(w);
    w->in.cycle_first_year = l->begin;
    if (!l->stays || year >= w->in.first_year + (int32_t)w->plan.years)
        w->in.first_year = year;
    w->in.open_year = year;
    w->faults.n = 0;
    enum err e = audit_plan_make(&w->a, &w->in, &w->plan, &w->faults);
    if (e == ERR_OK)
        e = audit_plan_check(&w->a, &w->in, &w->plan, &w->faults);
    if (e == ERR_OK)
        e = audit_plan_certify(&w->a, &w->in, &w->plan, &w->cert);
    if (e != ERR_OK)
        fail_msg("%d: %s: %s", year, w->faults.items[0].field, w->faults.items[0].en);
}

/* Most of the year's items are audited, some fail, the others are reported as skipped. */
static void audit_year(struct life *l, int32_t year)
{
    struct world *w = &l->w;
    for (size_t i = 0; i < w->plan.n; i++) {
        const struct plan_item *item = &w->plan.items[i];
        if (w->in.first_year + (int32_t)item->year - 1 != year)
            continue;
        bool skipped = world_below(w, 100) < l->skipped;
        assert_true(w->in.n_history < HISTORY_MAX);
        l->history[w->in.n_history++] =
            (struct plan_history){.id = item->control_id,
                                  .party = item->party,
                                  .year = year,
                                  .result = skipped                   ? PLAN_SKIPPED
                                            : world_below(w, 20) == 0 ? PLAN_FAILED
                                                                      : PLAN_PASSED};
    }
}

static bool was_audited(const struct life *l, const char *id, enum plan_party party, int32_t from,
                        int32_t to)
{
    for (size_t k = 0; k < l->w.in.n_history; k++) {
        const struct plan_history *h = &l->history[k];
        if (h->result != PLAN_SKIPPED && h->party == party && h->year >= from && h->year <= to &&
            strcmp(h->id, id) == 0)
            return true;
    }
    return false;
}

static bool is_planned(const struct life *l, const struct plan_cover *v, int32_t year)
{
    return ((v->years >> (year - l->w.in.first_year + 1)) & 1u) != 0;
}

/* The last window before `year` is over: [from, to]; false when none is. */
static bool last_window(const struct life *l, unsigned party, int32_t year, int32_t *from)
{
    const struct plan_policy *p = &l->w.policy;
    int32_t period =
        (int32_t)(party == PLAN_EXTERNAL ? p->rotation_years : p->internal_cycle_years);
    int32_t years = year - l->begin;
    *from = year - period;
    if (party == PLAN_INTERNAL && !p->internal_sliding)
        *from = l->begin + (years / period - 1) * period;
    return years >= period;
}

/* What no audit covered in the window that is over is overdue, and planned at once; nothing else
 * is overdue. */
static void overdue_is_told(const struct life *l, int32_t year)
{
    uint32_t told = 0;
    for (size_t i = 0; i < l->w.cert.n_covers; i++) {
        const struct plan_cover *v = &l->w.cert.covers[i];
        int32_t from;
        bool over = last_window(l, v->party, year, &from);
        uint32_t period = v->party == PLAN_EXTERNAL ? l->w.policy.rotation_years
                                                    : l->w.policy.internal_cycle_years;
        bool fixed = v->party == PLAN_INTERNAL && !l->w.policy.internal_sliding;
        int32_t to = fixed ? from + (int32_t)period - 1 : year - 1;
        bool missed = over && !was_audited(l, v->control_id, v->party, from, to) &&
                      !was_audited(l, v->control_id, v->party, to + 1, year - 1);
        if (v->overdue != missed)
            fail_msg("%d: %s is %s", year, v->control_id, missed ? "not told" : "told wrongly");
        told += v->overdue;
        if (missed)
            assert_true(is_planned(l, v, year));
    }
    assert_int_equal(told, l->w.cert.overdue);
}

/* With all of it carried out, every window that is over holds an audit. */
static void windows_hold(const struct life *l, int32_t year)
{
    for (size_t i = 0; i < l->w.cert.n_covers; i++) {
        const struct plan_cover *v = &l->w.cert.covers[i];
        int32_t from;
        bool fixed = v->party == PLAN_INTERNAL && !l->w.policy.internal_sliding;
        int32_t cycle = (int32_t)l->w.policy.internal_cycle_years;
        if (last_window(l, v->party, year, &from))
            assert_true(
                was_audited(l, v->control_id, v->party, from, fixed ? from + cycle - 1 : year - 1));
    }
}

/* The years before the open one hold what was audited and nothing else. */
static void past_stays(const struct life *l, int32_t year)
{
    for (size_t i = 0; i < l->w.plan.n; i++) {
        const struct plan_item *item = &l->w.plan.items[i];
        int32_t of = l->w.in.first_year + (int32_t)item->year - 1;
        if (of < year)
            assert_true(was_audited(l, item->control_id, item->party, of, of));
    }
}

static void live(uint64_t seed, uint32_t skipped)
{
    struct life l = {.begin = 2027, .stays = seed % 3 == 0, .skipped = skipped};
    world_begin(&l.w, seed, &size);
    l.w.policy.internal_sliding = seed % 2 == 0;
    l.history = arena_alloc(&l.w.a, HISTORY_MAX * sizeof *l.history);
    assert_non_null(l.history);
    l.w.in.history = l.history;
    for (int32_t year = l.begin; year < l.begin + ROLLS; year++) {
        plan_year(&l, year);
        past_stays(&l, year);
        overdue_is_told(&l, year);
        if (skipped == 0)
            windows_hold(&l, year);
        audit_year(&l, year);
    }
    world_end(&l.w);
}

static void plans_that_are_carried_out_cover_every_window(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < WORLDS; seed++)
        live(seed, 0);
}

static void what_was_skipped_is_told_and_caught_up(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < WORLDS; seed++)
        live(1000 + seed, 10 + (uint32_t)(seed % 4) * 30);
}

/* Three objectives in periods of three years from 2027. All audited in 2027, and planned again in
 * 2028: due by 2032, not by 2030 as if the period began anew. */
static void a_fixed_period_does_not_begin_anew(void **state)
{
    (void)state;
    struct life l = {.begin = 2027, .skipped = 0};
    world_begin(&l.w, 7,
                &(struct world_size){
                    .domains = 3, .objectives = 2, .details = 1, .years = 3, .equal = true});
    l.w.policy.internal_sliding = false;
    l.history = arena_alloc(&l.w.a, HISTORY_MAX * sizeof *l.history);
    assert_non_null(l.history);
    l.w.in.history = l.history;
    l.w.in.n_excluded = 0;
    plan_year(&l, 2027);
    audit_year(&l, 2027);
    plan_year(&l, 2028);
    bool seen[2] = {false, false};
    for (size_t i = 0; i < l.w.cert.n_covers; i++) {
        const struct plan_cover *v = &l.w.cert.covers[i];
        if (v->party != PLAN_INTERNAL)
            continue;
        bool done = was_audited(&l, v->control_id, PLAN_INTERNAL, 2027, 2027);
        seen[done] = true;
        assert_int_equal(v->due_year, done ? 2032 : 2029);
    }
    assert_true(seen[0] && seen[1]);
    world_end(&l.w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_that_are_carried_out_cover_every_window),
        cmocka_unit_test(what_was_skipped_is_told_and_caught_up),
        cmocka_unit_test(a_fixed_period_does_not_begin_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
