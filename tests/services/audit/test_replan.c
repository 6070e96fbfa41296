/* Planning again: what follows from results, other rules and years, and what is kept of the plan
 * before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "services/audit/audit_record.h"
#include "services/audit/catalogue_load.h"
#include "services/audit/catalogue_oscal.h"
#include "services/audit/runs.h"
#include "services/audit/scene.h"

typedef Ismap__Liu__V1__PlanRevision pb_revision;

static Ismap__Liu__V1__Active active = ISMAP__LIU__V1__ACTIVE__INIT;

/* A standing with the results of both parties for the plan's first year. */
static pb_standing *reported(struct scene *s)
{
    pb_standing *st = standing_edit(&s->a, NULL, "case-1", "acme");
    st->since_year = YEAR;
    for (int p = PARTY(EXTERNAL); p <= PARTY(INTERNAL); p++) {
        pb_year *y = standing_year(&s->a, st, YEAR, (Ismap__Liu__V1__AuditParty)p);
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

/* ---- all services, catalogues */

static void a_case_takes_part_in_a_run_once(void **state)
{
    (void)state;
    static const struct {
        uint32_t before;
        const char *timer;
        bool put;
    } rows[] = {{0, "3/case-1", true},  {2, "3/case-1", true},  {3, "3/case-1", false},
                {4, "3/case-1", false}, {0, "x/case-1", false}, {0, "case-1", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene s;
        scene_begin(&s, PARTY(INTERNAL));
        pb_standing *st = standing_edit(&s.a, NULL, "case-1", "acme");
        st->run = rows[i].before;
        s.w.message = NULL;
        s.w.timer_record = rows[i].timer;
        fake_record(&s.w, RECORD_ACTIVE, "catalogue", &active);
        fake_record(&s.w, RECORD_STANDING, "case-1", st);
        (void)fake_run(&s.w, audit_on_mass);
        const pb_standing *put = fake_put(&s.w, RECORD_STANDING);
        assert_int_equal(put != NULL, rows[i].put);
        if (put != NULL)
            assert_int_equal(put->run, 3);
        scene_end(&s);
    }
}

static void a_sweep_goes_on_from_its_cursor_and_ends_when_all_are_done(void **state)
{
    (void)state;
    struct scene s;
    void *st = NULL;
    struct err_text why = {{0}};
    pb_run r = ISMAP__LIU__V1__REPLAN_RUN__INIT;
    scene_begin(&s, PARTY(INTERNAL));
    r.number = 7;
    r.page = lend("12");
    s.w.timer_record = AUDIT_RUN;
    fake_record(&s.w, RECORD_REPLAN_RUN, AUDIT_RUN, &r);
    (void)fake_run(&s.w, audit_on_sweep);
    const pb_run *put = fake_put(&s.w, RECORD_REPLAN_RUN);
    assert_int_equal(put->queued, 1);
    assert_true(put->walked);
    assert_string_equal(s.w.timer_kind, TIMER_SWEEP);

    assert_int_equal(audit_create(NULL, &st, &why), ERR_OK);
    pb_standing *one = standing_edit(&s.a, NULL, "case-1", "acme");
    r.walked = 1;
    audit_run_changed(st, AUDIT_RUN, 1, &r.base);
    for (uint32_t run = 6; run <= 7; run++) {
        s.w.n_puts = s.w.n_events = 0;
        one->run = run;
        audit_standing_changed(st, "case-1", 1, &one->base);
        assert_int_equal(audit_on_sweep(&s.w, st), DECIDE_DONE);
        assert_int_equal(s.w.n_events, run == 7);
    }
    audit_destroy(st);
    scene_end(&s);
}

static void a_catalogue_without_a_plan_is_not_put_in_force(void **state)
{
    (void)state;
    for (int bad = 0; bad < 2; bad++) {
        struct scene s;
        Ismap__Liu__V1__ImportantControl im = ISMAP__LIU__V1__IMPORTANT_CONTROL__INIT;
        Ismap__Liu__V1__ImportantControl *list[] = {&im};
        Ismap__Liu__V1__ActivateCatalogue m = ISMAP__LIU__V1__ACTIVATE_CATALOGUE__INIT;
        Ismap__Liu__V1__Active old = ISMAP__LIU__V1__ACTIVE__INIT;
        scene_begin(&s, PARTY(INTERNAL));
        im.id = lend("99.1.1");
        s.audit.important = list;
        s.audit.n_important = (size_t)bad;
        old.ref = lend("2020-01-01");
        m.version = lend("2022-04-01");
        s.w.message = &m;
        fake_record(&s.w, RECORD_ACTIVE, "catalogue", &old);
        (void)fake_run(&s.w, audit_activate_catalogue);
        assert_int_equal(s.w.status, bad ? STATUS(FAILED_PRECONDITION) : STATUS(OK));
        assert_int_equal(fake_fault(&s.w, "catalogue.99.1.1 R63"), bad);
        assert_int_equal(fake_put(&s.w, RECORD_ACTIVE) != NULL, !bad);
        assert_int_equal(fake_put(&s.w, RECORD_REPLAN_RUN) != NULL, !bad);
        scene_end(&s);
    }
}

/* A run only for what plans are made from. */
static void another_rulebook_starts_a_run_when_its_audit_rules_differ(void **state)
{
    (void)state;
    static const struct {
        const char *previous;
        bool other_cycle, other_name, runs;
    } rows[] = {{"", true, false, false}, /* the first */
                {"old", false, true, false},
                {"old", true, false, true},
                {"lost", true, false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene s;
        Ismap__Liu__V1__RulebookActivated ev = ISMAP__LIU__V1__RULEBOOK_ACTIVATED__INIT;
        Ismap__Liu__V1__AuditRules audit;
        Ismap__Liu__V1__Rulebook old;
        scene_begin(&s, PARTY(INTERNAL));
        audit = s.audit;
        old = s.rules;
        old.audit = &audit;
        old.name = lend(rows[i].other_name ? "before" : s.rules.name);
        audit.internal_cycle_years += rows[i].other_cycle;
        ev.hash = lend("f00d");
        ev.previous = lend(rows[i].previous);
        s.w.message = &ev;
        fake_record(&s.w, RECORD_RULEBOOK, "f00d", &s.rules);
        fake_record(&s.w, RECORD_RULEBOOK, "old", &old);
        (void)fake_run(&s.w, audit_on_rulebook);
        const pb_run *run = fake_put(&s.w, RECORD_REPLAN_RUN);
        assert_int_equal(run != NULL, rows[i].runs);
        assert_int_equal(s.w.timer_kind != NULL, rows[i].runs);
        if (run != NULL)
            assert_string_equal(run->reason, "f00d");
        assert_null(s.w.reply);
        scene_end(&s);
    }
}

/* Ids of OSCAL follow no grammar: the record carries their places. */
static void an_oscal_catalogue_survives_the_store(void **state)
{
    (void)state;
    struct arena a;
    struct catalogue from;
    struct catalogue to;
    const char *version = NULL;
    struct err_text why = {{0}};
    struct audit_faults faults = {.n = 0};
    Ismap__Liu__V1__Catalogue *m = NULL;
    arena_init(&a, 64u << 20);
    assert_int_equal(
        catalogue_oscal_load(&a, LIU_SOURCE_DIR "/tests/services/audit/oscal-catalogue.json", NULL,
                             &from, &version, NULL, &why),
        ERR_OK);
    assert_int_equal(catalogue_message(&a, &from, version, "test", &m), ERR_OK);
    assert_true(m->named);
    assert_int_equal(audit_record_catalogue(&a, m, &to, &faults), ERR_OK);
    assert_int_equal(to.n, from.n);
    assert_non_null(to.by_id);
    for (size_t i = 0; i < to.n; i++) {
        assert_string_equal(to.items[i].id, from.items[i].id);
        assert_memory_equal(to.items[i].numbers, from.items[i].numbers, sizeof to.items[i].numbers);
        assert_int_equal(to.items[i].key, from.items[i].key);
    }
    m->items[0]->n_numbers = 3;
    assert_int_equal(audit_record_catalogue(&a, m, &to, &faults), ERR_INVAL);
    assert_string_equal(faults.items[0].field, m->items[0]->id);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_new_leaves_the_plan_as_it_is),
        cmocka_unit_test(results_lead_to_the_next_plan_and_the_old_one_is_kept),
        cmocka_unit_test(other_rules_lead_to_a_revision_that_says_what_moved),
        cmocka_unit_test(rules_without_any_plan_are_a_problem_and_the_plan_stays),
        cmocka_unit_test(a_late_report_is_held_against_the_plan_of_its_year),
        cmocka_unit_test(a_case_takes_part_in_a_run_once),
        cmocka_unit_test(a_sweep_goes_on_from_its_cursor_and_ends_when_all_are_done),
        cmocka_unit_test(a_catalogue_without_a_plan_is_not_put_in_force),
        cmocka_unit_test(another_rulebook_starts_a_run_when_its_audit_rules_differ),
        cmocka_unit_test(an_oscal_catalogue_survives_the_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
