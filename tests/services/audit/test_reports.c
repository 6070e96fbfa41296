/* Reports, the clock of the yearly report, problems found: the handlers on the shipped catalogue.
 * "Now" is 2027-11-15 in Tokyo; the plan begins in 2027. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "services/audit/scene.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct plan_history *history(struct scene *s, size_t *n)
{
    const struct plan_history *h = standing_history(&s->a, fake_put(&s->w, RECORD_STANDING), n);
    assert_non_null(h);
    return h;
}

static void a_report_says_what_was_really_audited(void **state)
{
    (void)state;
    struct scene s;
    size_t n = 0;
    scene_begin(&s, PARTY(EXTERNAL));
    s.results.n_controls -= 2; /* one skipped, one forgotten */
    Ismap__Liu__V1__SkippedControl skip;
    Ismap__Liu__V1__SkippedControl *skips[] = {&skip};
    ismap__liu__v1__skipped_control__init(&skip);
    skip.control_id = s.controls[s.results.n_controls].control_id;
    skip.reason = lend("移転中");
    s.results.skipped = skips;
    s.results.n_skipped = 1;
    scene_add_finding(&s);
    (void)fake_run(&s.w, audit_submit_report);
    assert_int_equal(s.w.status, STATUS(OK));
    const pb_report *r = fake_put(&s.w, RECORD_AUDIT_REPORT);
    const pb_standing *st = fake_put(&s.w, RECORD_STANDING);
    assert_non_null(r);
    assert_non_null(st);
    assert_string_equal(r->submitted_by, "minato");
    assert_int_equal(r->state, REPORT(ACCEPTED));
    assert_int_equal(r->planned, s.results.n_controls + 2);
    assert_int_equal(r->performed, s.results.n_controls);
    assert_int_equal(r->skipped, 1);
    assert_int_equal(r->n_unexplained, 1);
    assert_memory_equal(r->plan_hash.data, s.plan->plan_hash.data, s.plan->plan_hash.len);
    const struct plan_history *h = history(&s, &n);
    assert_int_equal(n, s.results.n_controls);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(h[i].year, YEAR);
        assert_int_equal(h[i].party, PLAN_EXTERNAL);
        assert_string_not_equal(h[i].id, skip.control_id);
        assert_true(i == 0 || strcmp(h[i - 1].id, h[i].id) < 0);
    }
    assert_int_equal(st->n_findings, 1);
    assert_string_equal(st->findings[0]->report_id, r->id);
    const Ismap__Liu__V1__AuditReportRecorded *ev =
        fake_event(&s.w, &ismap__liu__v1__audit_report_recorded__descriptor);
    assert_non_null(ev);
    assert_int_equal(ev->performed, r->performed);
    scene_end(&s);
}

static void late_year(struct scene *s)
{
    s->external.year = YEAR + 1;
}
static void early_year(struct scene *s)
{
    s->external.year = YEAR - 1;
}
static void short_period(struct scene *s)
{
    s->results.period_end = lend("2027-02-15");
}
static void future_period(struct scene *s)
{
    s->results.period_end = lend("2027-12-31");
}
static void unknown_control(struct scene *s)
{
    s->controls[1].control_id = lend("9.9.9.9");
}
static void unknown_correction(struct scene *s)
{
    s->external.corrects = lend("AR-other");
}
static void lapsed(struct scene *s)
{
    static Ismap__Liu__V1__Party p;
    ismap__liu__v1__party__init(&p);
    p.valid_until = lend("2027-11-14");
    fake_record(&s->w, RECORD_PARTY, "minato", &p);
}
static void no_plan(struct scene *s)
{
    s->external.case_id = lend("case-2");
}

static void what_cannot_be_taken_in_is_refused_with_its_rule(void **state)
{
    (void)state;
    static const struct {
        void (*spoil)(struct scene *s);
        Ismap__Liu__V1__Status status;
        const char *fault;
    } rows[] = {
        {late_year, STATUS(FAILED_PRECONDITION), "year R65"},
        {early_year, STATUS(FAILED_PRECONDITION), "year R65"},
        {short_period, STATUS(INVALID_ARGUMENT), "results.periodEnd R41"},
        {future_period, STATUS(INVALID_ARGUMENT), "results.periodEnd R41"},
        {unknown_control, STATUS(INVALID_ARGUMENT), "results.controls[1].controlId R60"},
        {unknown_correction, STATUS(FAILED_PRECONDITION), "corrects R72"},
        {lapsed, STATUS(FAILED_PRECONDITION), " R55"},
        {no_plan, STATUS(NOT_FOUND), "caseId P-NOT-FOUND"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scene s;
        scene_begin(&s, PARTY(EXTERNAL));
        rows[i].spoil(&s);
        (void)fake_run(&s.w, audit_submit_report);
        assert_int_equal(s.w.status, rows[i].status);
        if (!fake_fault(&s.w, rows[i].fault))
            fail_msg("row %zu: not told: %s", i, rows[i].fault);
        assert_int_equal(s.w.n_puts, 0);
        scene_end(&s);
    }
}

static void a_provider_reports_its_own_service_only(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, PARTY(INTERNAL));
    s.w.actor = "blossom";
    (void)fake_run(&s.w, audit_submit_internal);
    assert_int_equal(s.w.status, STATUS(NOT_FOUND));
    scene_end(&s);
}

static void an_insufficient_report_is_kept_and_opens_a_problem(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, PARTY(INTERNAL));
    s.internal.approved_on = lend("");
    scene_add_finding(&s); /* without correction */
    s.controls[1].auditor = s.controls[1].operator_ = lend("sato");
    (void)fake_run(&s.w, audit_submit_internal);
    assert_int_equal(s.w.status, STATUS(OK));
    const pb_report *r = fake_put(&s.w, RECORD_AUDIT_REPORT);
    const pb_standing *st = fake_put(&s.w, RECORD_STANDING);
    assert_int_equal(r->state, REPORT(INSUFFICIENT));
    assert_int_equal(r->n_shortfalls, 4); /* approval, correction, auditor, and so not covered */
    assert_int_equal(st->n_problems, 1);
    assert_int_equal(st->problems[0]->kind, PROBLEM(REPORT_INSUFFICIENT));
    const Ismap__Liu__V1__AuditProblemFound *ev =
        fake_event(&s.w, &ismap__liu__v1__audit_problem_found__descriptor);
    assert_non_null(ev);
    assert_string_equal(ev->problem->id, "insufficient-2027");
    scene_end(&s);
}

/* A corrected report takes the place of the first; what only the first had audited no longer
 * counts. */
static void a_correction_replaces_and_resolves(void **state)
{
    (void)state;
    struct scene s;
    size_t n = 0;
    scene_begin(&s, PARTY(INTERNAL));
    s.internal.approved_on = lend("");
    s.w.cause = "one";
    (void)fake_run(&s.w, audit_submit_internal);
    const pb_report *first = fake_put(&s.w, RECORD_AUDIT_REPORT);
    size_t audited = s.results.n_controls;
    pb_results kept = *first->results;
    pb_report stored = *first;
    stored.results = &kept;
    fake_record(&s.w, RECORD_STANDING, "case-1", NULL); /* replaced below */
    for (size_t i = 0; i < s.w.n_records; i++)
        if (s.w.records[i].kind == RECORD_STANDING)
            s.w.records[i].message = fake_put(&s.w, RECORD_STANDING);
    fake_record(&s.w, RECORD_AUDIT_REPORT, stored.id, &stored);
    s.w.n_puts = s.w.n_events = 0;

    s.w.cause = "two";
    (void)fake_run(&s.w, audit_submit_internal);
    assert_int_equal(s.w.status, STATUS(ALREADY_EXISTS)); /* does not say what it corrects */

    s.w.status = STATUS(OK);
    s.internal.corrects = lend("AR-one");
    s.internal.approved_on = lend("2027-11-12");
    s.results.n_controls--;
    Ismap__Liu__V1__SkippedControl skip;
    Ismap__Liu__V1__SkippedControl *skips[] = {&skip};
    ismap__liu__v1__skipped_control__init(&skip);
    skip.control_id = s.controls[s.results.n_controls].control_id;
    skip.reason = lend("誤記");
    s.results.skipped = skips;
    s.results.n_skipped = 1;
    (void)fake_run(&s.w, audit_submit_internal);
    assert_int_equal(s.w.status, STATUS(OK));
    const pb_report *r = fake_put(&s.w, RECORD_AUDIT_REPORT);
    assert_int_equal(r->state, REPORT(ACCEPTED));
    (void)history(&s, &n);
    assert_int_equal(n, audited - 1);
    const pb_standing *st = fake_put(&s.w, RECORD_STANDING);
    assert_int_equal(st->n_years, 1);
    assert_string_equal(st->years[0]->report_id, "AR-two");
    assert_int_not_equal(st->problems[0]->resolved_at_ms, 0);
    assert_non_null(fake_event(&s.w, &ismap__liu__v1__audit_problem_resolved__descriptor));
    scene_end(&s);
}

/* ---- the clock */

static void registration_starts_the_clock(void **state)
{
    (void)state;
    struct scene s;
    Ismap__Liu__V1__RegistrationDecided ev;
    scene_begin(&s, PARTY(INTERNAL));
    ismap__liu__v1__registration_decided__init(&ev);
    ev.number = lend("N-1");
    ev.state = ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_REGISTERED;
    s.w.message = &ev;
    (void)fake_run(&s.w, audit_on_registration);
    const pb_standing *st = fake_put(&s.w, RECORD_STANDING);
    assert_int_equal(st->since_year, YEAR);
    assert_int_equal(st->watched_year, YEAR);
    assert_string_equal(st->number, "N-1");
    assert_string_equal(s.w.timer_kind, TIMER_YEARLY);
    assert_int_equal(s.w.timer_due_ms, scene_day_ms("2028-03-01")); /* 30 days before 2028-03-31 */
    scene_end(&s);
}

static void run_clock(struct scene *s, pb_standing *st, const char *today)
{
    s->w.now_ms = scene_day_ms(today);
    s->w.message = NULL;
    s->w.timer_record = "case-1";
    fake_record(&s->w, RECORD_STANDING, "case-1", st);
    (void)fake_run(&s->w, audit_on_yearly);
}

static void a_missing_report_is_reminded_of_and_then_a_problem(void **state)
{
    (void)state;
    static const struct {
        const char *today;
        Ismap__Liu__V1__ReportState before;
        Ismap__Liu__V1__ReportState after; /* UNSPECIFIED: nothing is put */
        bool reminded;
        bool found;
        const char *next;
    } rows[] = {
        {"2028-02-01", REPORT(UNSPECIFIED), REPORT(UNSPECIFIED), false, false, "2028-03-01"},
        {"2028-03-01", REPORT(UNSPECIFIED), REPORT(DUE), true, false, "2028-04-01"},
        {"2028-03-31", REPORT(ACCEPTED), REPORT(ACCEPTED), false, false, "2028-04-01"},
        {"2028-04-01", REPORT(DUE), REPORT(MISSING), false, true, "2029-03-01"},
        {"2028-04-01", REPORT(ACCEPTED), REPORT(ACCEPTED), false, false, "2029-03-01"},
        {"2028-04-01", REPORT(INSUFFICIENT), REPORT(INSUFFICIENT), false, false, "2029-03-01"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scene s;
        scene_begin(&s, PARTY(INTERNAL));
        pb_standing *st = standing_edit(&s.a, NULL, "case-1", "acme");
        st->number = lend("N-1");
        st->since_year = st->watched_year = YEAR;
        if (rows[i].before != REPORT(UNSPECIFIED))
            standing_year(&s.a, st, YEAR, PARTY(INTERNAL))->state = rows[i].before;
        run_clock(&s, st, rows[i].today);
        const pb_standing *put = fake_put(&s.w, RECORD_STANDING);
        assert_int_equal(put != NULL, rows[i].after != REPORT(UNSPECIFIED));
        if (put != NULL)
            assert_int_equal(standing_find_year(put, YEAR, PARTY(INTERNAL))->state, rows[i].after);
        assert_int_equal(fake_event(&s.w, &ismap__liu__v1__internal_report_reminded__descriptor) !=
                             NULL,
                         rows[i].reminded);
        assert_int_equal(fake_event(&s.w, &ismap__liu__v1__audit_problem_found__descriptor) != NULL,
                         rows[i].found);
        if (s.w.timer_due_ms != scene_day_ms(rows[i].next))
            fail_msg("row %zu: the next look is not on %s", i, rows[i].next);
        scene_end(&s);
    }
}

/* Three years without any internal audit: all 147 objectives are overdue. */
static void gaps_of_coverage_are_a_problem_when_a_window_is_over(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, PARTY(INTERNAL));
    pb_standing *st = standing_edit(&s.a, NULL, "case-1", "acme");
    st->number = lend("N-1");
    st->since_year = YEAR;
    st->watched_year = YEAR + 2;
    run_clock(&s, st, "2030-04-01");
    const pb_standing *put = fake_put(&s.w, RECORD_STANDING);
    assert_int_equal(put->n_problems, 2);
    assert_int_equal(put->problems[1]->kind, PROBLEM(COVERAGE));
    assert_int_equal(put->problems[1]->n_controls, 147);
    scene_end(&s);
}

static void nobody_waits_for_reports_of_what_is_no_longer_registered(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, PARTY(INTERNAL));
    s.listing.state = ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_EXPIRED;
    pb_standing *st = standing_edit(&s.a, NULL, "case-1", "acme");
    st->number = lend("N-1");
    st->since_year = st->watched_year = YEAR;
    run_clock(&s, st, "2028-04-01");
    assert_int_equal(s.w.n_events, 0);
    assert_null(s.w.timer_kind);
    assert_int_equal(((const pb_standing *)fake_put(&s.w, RECORD_STANDING))->watched_year, 0);
    scene_end(&s);
}

/* ---- what people see */

static void problems_are_listed_to_those_they_concern_and_resolved_once(void **state)
{
    (void)state;
    static const struct {
        Ismap__Liu__V1__Role role;
        const char *who;
        size_t seen;
    } rows[] = {{ROLE(OPERATOR), "operator", 1},
                {ROLE(PROVIDER), "acme", 1},
                {ROLE(PROVIDER), "blossom", 0}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct scene s;
        bool news = false;
        Ismap__Liu__V1__ListAuditProblems ask;
        scene_begin(&s, PARTY(INTERNAL));
        pb_standing *st = standing_edit(&s.a, NULL, "case-1", "acme");
        assert_non_null(standing_problem(&s.a, st, PROBLEM(REPORT_MISSING), YEAR, NOW_MS, "未提出",
                                         "missing", &news));
        assert_true(news);
        assert_non_null(standing_problem(&s.a, st, PROBLEM(REPORT_MISSING), YEAR, NOW_MS, "未提出",
                                         "missing", &news));
        assert_false(news);
        ismap__liu__v1__list_audit_problems__init(&ask);
        s.w.message = &ask;
        s.w.role = rows[i].role;
        s.w.actor = rows[i].who;
        fake_record(&s.w, RECORD_STANDING, "case-1", st);
        (void)fake_run(&s.w, audit_list_problems);
        const Ismap__Liu__V1__AuditProblemList *l = (const void *)s.w.reply;
        assert_int_equal(l->n_standings, rows[i].seen);

        Ismap__Liu__V1__ResolveAuditProblem m;
        ismap__liu__v1__resolve_audit_problem__init(&m);
        m.case_id = lend("case-1");
        m.problem_id = lend("missing-2027");
        m.resolution = lend("期限を延長した");
        s.w.message = &m;
        (void)fake_run(&s.w, audit_resolve_problem);
        const pb_standing *put = fake_put(&s.w, RECORD_STANDING);
        assert_int_not_equal(put->problems[0]->resolved_at_ms, 0);
        assert_int_equal(st->problems[0]->resolved_at_ms, 0); /* what was read stays as it was */
        s.w.n_puts = 0;
        m.problem_id = lend("missing-2026");
        (void)fake_run(&s.w, audit_resolve_problem);
        assert_int_equal(s.w.status, STATUS(NOT_FOUND));
        scene_end(&s);
    }
}

static void a_standing_tells_coverage(void **state)
{
    (void)state;
    struct scene s;
    Ismap__Liu__V1__GetAuditStanding ask;
    scene_begin(&s, PARTY(INTERNAL));
    pb_standing *st = standing_edit(&s.a, NULL, "case-1", "acme");
    st->since_year = YEAR;
    assert_true(standing_audited(&s.a, st, &s.results, YEAR, PARTY(INTERNAL)));
    ismap__liu__v1__get_audit_standing__init(&ask);
    ask.case_id = lend("case-1");
    s.w.message = &ask;
    s.w.now_ms = scene_day_ms("2030-01-01");
    fake_record(&s.w, RECORD_STANDING, "case-1", st);
    (void)fake_run(&s.w, audit_get_standing);
    const Ismap__Liu__V1__AuditStandingAnswer *r = (const void *)s.w.reply;
    assert_int_equal(r->objectives, 147);
    assert_int_equal(r->covered, s.results.n_controls);
    assert_int_equal(r->n_overdue, 147 - s.results.n_controls);
    assert_int_equal(r->covered_to, 2029);
    scene_end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_says_what_was_really_audited),
        cmocka_unit_test(what_cannot_be_taken_in_is_refused_with_its_rule),
        cmocka_unit_test(a_provider_reports_its_own_service_only),
        cmocka_unit_test(an_insufficient_report_is_kept_and_opens_a_problem),
        cmocka_unit_test(a_correction_replaces_and_resolves),
        cmocka_unit_test(registration_starts_the_clock),
        cmocka_unit_test(a_missing_report_is_reminded_of_and_then_a_problem),
        cmocka_unit_test(gaps_of_coverage_are_a_problem_when_a_window_is_over),
        cmocka_unit_test(nobody_waits_for_reports_of_what_is_no_longer_registered),
        cmocka_unit_test(problems_are_listed_to_those_they_concern_and_resolved_once),
        cmocka_unit_test(a_standing_tells_coverage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
