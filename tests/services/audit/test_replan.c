/* Planning again: what follows from results, other rules and years, and what is kept of the plan
 * before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "services/audit/scene.h"

typedef Ismap__Liu__V1__PlanRevision pb_revision;

static Ismap__Liu__V1__Active active = ISMAP__LIU__V1__ACTIVE__INIT;

/* A standing with the results of both parties for the plan's first year. */
static pb_standing *reported(struct scene *s)
{
    pb_standing *st = standing_edit(&s->a, NULL, "case-1", "acme");
    st->since_year = YEAR;
    for (int p = PARTY(EXTERNAL); p <= PARTY(INTERNAL); p++) {
        pb_year *y = standing_year(&s->a, st, YEAR, p);
        y->state = REPORT(ACCEPTED);
        y->report_id = lend("AR-1");
    }
    assert_true(standing_audited(&s->a, st, &s->results, YEAR, PARTY(INTERNAL)));
    return st;
}

static void run(struct scene *s, const pb_standing *st)
{
    active.ref = lend("2022-04-01");
    s->w.message = NULL;
    s->w.timer_record = "case-1";
    fake_record(&s->w, RECORD_ACTIVE, "catalogue", &active);
    fake_record(&s->w, RECORD_STANDING, "case-1", st);
    (void)fake_run(&s->w, audit_on_replan);
}

static void nothing_new_leaves_the_plan_as_it_is(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, PARTY(INTERNAL));
    run(&s, NULL);
    assert_null(fake_put(&s.w, RECORD_PLAN));
    assert_int_equal(s.w.n_events, 0);
    scene_end(&s);
}

static void results_lead_to_the_next_plan_and_the_old_one_is_kept(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, PARTY(INTERNAL));
    pb_standing *st = reported(&s);
    assert_true(standing_replan(&s.w, st, CAUSE(REPORT), "AR-1"));
    run(&s, st);
    const pb_plan *to = fake_put(&s.w, RECORD_PLAN);
    const pb_revision *r = fake_put(&s.w, RECORD_PLAN_REVISION);
    const pb_plan *kept = fake_put(&s.w, RECORD_PLAN_KEPT);
    const pb_standing *after = fake_put(&s.w, RECORD_STANDING);
    assert_int_equal(to->first_year, YEAR + 1);
    assert_int_equal(to->revision, 2);
    assert_ptr_equal(kept, s.plan);
    assert_int_equal(after->n_kept, 1);
    assert_int_equal(after->kept[0]->last_year, YEAR);
    assert_int_equal(after->n_pending, 0);
    assert_int_equal(r->reasons[0]->cause, CAUSE(REPORT));
    assert_memory_equal(r->from_hash.data, s.plan->plan_hash.data, r->from_hash.len);
    assert_memory_equal(r->to_hash.data, to->plan_hash.data, r->to_hash.len);
    /* what was audited in 2027 is not the first to be audited in 2028 */
    size_t early = 0;
    for (size_t i = 0; i < to->n_items; i++)
        for (size_t k = 0; k < s.results.n_controls; k++)
            early += to->items[i]->party == PARTY(INTERNAL) && to->items[i]->year == 1 &&
                     strcmp(to->items[i]->control_id, s.results.controls[k]->control_id) == 0;
    assert_int_equal(early, 0);
    assert_non_null(fake_event(&s.w, &ismap__liu__v1__plan_revised__descriptor));
    scene_end(&s);
}

static void other_rules_lead_to_a_revision_that_says_what_moved(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, PARTY(INTERNAL));
    s.audit.internal_cycle_years = 2;
    run(&s, NULL);
    const pb_revision *r = fake_put(&s.w, RECORD_PLAN_REVISION);
    assert_non_null(r);
    assert_null(fake_put(&s.w, RECORD_PLAN_KEPT)); /* the same years */
    assert_true(r->n_moves > 0);
    scene_end(&s);
}

static void rules_without_any_plan_are_a_problem_and_the_plan_stays(void **state)
{
    (void)state;
    struct scene s;
    Ismap__Liu__V1__ImportantControl im = ISMAP__LIU__V1__IMPORTANT_CONTROL__INIT;
    Ismap__Liu__V1__ImportantControl *list[] = {&im};
    scene_begin(&s, PARTY(INTERNAL));
    im.id = lend("99.1.1");
    s.audit.important = list;
    s.audit.n_important = 1;
    run(&s, NULL);
    const pb_standing *st = fake_put(&s.w, RECORD_STANDING);
    assert_null(fake_put(&s.w, RECORD_PLAN));
    assert_int_equal(st->n_problems, 1);
    assert_int_equal(st->problems[0]->kind, PROBLEM(PLAN));
    assert_non_null(strstr(st->problems[0]->why_en, "99.1.1"));
    assert_non_null(fake_event(&s.w, &ismap__liu__v1__audit_problem_found__descriptor));
    scene_end(&s);
}

/* The report of 2027 comes when the plan in force begins in 2028. */
static void a_late_report_is_held_against_the_plan_of_its_year(void **state)
{
    (void)state;
    struct scene s;
    Ismap__Liu__V1__KeptPlan k = ISMAP__LIU__V1__KEPT_PLAN__INIT;
    Ismap__Liu__V1__KeptPlan *kept[] = {&k};
    scene_begin(&s, PARTY(INTERNAL));
    pb_plan next = *s.plan;
    next.first_year = YEAR + 1;
    next.revision = 2;
    s.w.records[0].message = &next; /* the first record is the plan */
    k.revision = 1;
    k.first_year = k.last_year = YEAR;
    pb_standing *st = standing_edit(&s.a, NULL, "case-1", "acme");
    st->kept = kept;
    st->n_kept = 1;
    fake_record(&s.w, RECORD_STANDING, "case-1", st);
    fake_record(&s.w, RECORD_PLAN_KEPT, "case-1/1", s.plan);
    (void)fake_run(&s.w, audit_submit_internal);
    assert_int_equal(s.w.status, STATUS(OK));
    const pb_report *r = fake_put(&s.w, RECORD_AUDIT_REPORT);
    assert_int_equal(r->performed, s.results.n_controls);
    assert_string_equal(s.w.timer_kind, TIMER_REPLAN);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_new_leaves_the_plan_as_it_is),
        cmocka_unit_test(results_lead_to_the_next_plan_and_the_old_one_is_kept),
        cmocka_unit_test(other_rules_lead_to_a_revision_that_says_what_moved),
        cmocka_unit_test(rules_without_any_plan_are_a_problem_and_the_plan_stays),
        cmocka_unit_test(a_late_report_is_held_against_the_plan_of_its_year),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
