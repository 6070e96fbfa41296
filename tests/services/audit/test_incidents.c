/* Suspensions, their lifting, and the controls that operators name: what the scope says of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "services/audit/scene.h"
#include "services/audit/scopes.h"

#define INCIDENT(x) ISMAP__LIU__V1__INCIDENT_STATE__INCIDENT_STATE_##x

static char *shipped[] = {(char *)(uintptr_t) "16.1.1", (char *)(uintptr_t) "16.1.5"};
static char *named[] = {(char *)(uintptr_t) "9.4.2", (char *)(uintptr_t) "99.1.1"};

struct story {
    struct scene s;
    Ismap__Liu__V1__Incident incident;
    Ismap__Liu__V1__SuspensionImposed imposed;
    Ismap__Liu__V1__SuspensionLifted lifted;
    Ismap__Liu__V1__NameAffectedControls names;
};

static void begin(struct story *t)
{
    scene_begin(&t->s, PARTY(INTERNAL));
    t->s.audit.incident_controls = shipped;
    t->s.audit.n_incident_controls = 2;
    ismap__liu__v1__incident__init(&t->incident);
    t->incident.id = lend("inc-1");
    t->incident.number = lend("N-1");
    t->incident.state = INCIDENT(SUSPENDED);
    t->incident.opened_at_ms = NOW_MS;
    ismap__liu__v1__suspension_imposed__init(&t->imposed);
    t->imposed.number = lend("N-1");
    t->imposed.incident_id = lend("inc-1");
    t->imposed.at_ms = NOW_MS;
    ismap__liu__v1__suspension_lifted__init(&t->lifted);
    t->lifted.number = lend("N-1");
    t->lifted.incident_id = lend("inc-1");
    t->lifted.at_ms = scene_day_ms("2028-02-01");
    ismap__liu__v1__name_affected_controls__init(&t->names);
    t->names.incident_id = lend("inc-1");
    t->names.controls = named;
    t->names.n_controls = 1;
    t->names.reason = lend("様式7");
    t->s.w.actor = "operator";
    fake_record(&t->s.w, RECORD_INCIDENT, "inc-1", &t->incident);
}

/* The next message or event, on what the last one left. */
static const pb_scope *next(struct story *t, const void *message, work_fn *fn)
{
    struct work *w = &t->s.w;
    const void *scope = fake_put(w, RECORD_AUDIT_SCOPE);
    const void *standing = fake_put(w, RECORD_STANDING);
    for (size_t i = 0; i < w->n_records; i++) {
        if (w->records[i].kind == RECORD_AUDIT_SCOPE && scope != NULL)
            w->records[i].message = scope;
        if (w->records[i].kind == RECORD_STANDING && standing != NULL)
            w->records[i].message = standing;
    }
    w->n_puts = w->n_events = w->n_faults = 0;
    w->status = STATUS(OK);
    w->timer_kind = NULL;
    w->message = message;
    (void)fake_run(w, fn);
    return fake_put(w, RECORD_AUDIT_SCOPE);
}

static void a_suspension_brings_the_rulebooks_controls_once(void **state)
{
    (void)state;
    struct story t;
    begin(&t);
    const pb_scope *scope = next(&t, &t.imposed, audit_on_suspension);
    const pb_standing *st = fake_put(&t.s.w, RECORD_STANDING);
    assert_int_equal(scope->n_triggers, 2);
    assert_string_equal(scope->triggers[0]->control_id, "16.1.1");
    assert_string_equal(scope->triggers[0]->ref, "inc-1");
    assert_int_equal(scope->triggers[0]->year, YEAR);
    assert_int_equal(scope->triggers[0]->cause, ISMAP__LIU__V1__PLAN_CAUSE__PLAN_CAUSE_INCIDENT);
    assert_int_equal(scope->incidents[0]->suspended_at_ms, NOW_MS);
    assert_int_equal(st->pending[0]->cause, CAUSE(INCIDENT));
    assert_string_equal(t.s.w.timer_kind, TIMER_REPLAN);
    assert_null(next(&t, &t.imposed, audit_on_suspension)); /* for more of its audience */
    scene_end(&t.s);
}

static void after_the_lifting_only_later_audits_count(void **state)
{
    (void)state;
    struct story t;
    begin(&t);
    (void)next(&t, &t.imposed, audit_on_suspension);
    t.s.w.now_ms = t.lifted.at_ms;
    const pb_scope *scope = next(&t, &t.lifted, audit_on_lifting);
    assert_int_equal(scope->n_triggers, 2);
    assert_int_equal(scope->triggers[0]->year, YEAR + 1);
    assert_int_equal(scope->incidents[0]->lifted_at_ms, t.lifted.at_ms);
    assert_null(next(&t, &t.lifted, audit_on_lifting));
    scene_end(&t.s);
}

/* A timer's due time names what it causes. */
static void planning_waits_a_while_and_no_two_timers_share_a_time(void **state)
{
    (void)state;
    struct story t;
    begin(&t);
    const int64_t now = t.s.w.now_ms;
    (void)next(&t, &t.imposed, audit_on_suspension);
    assert_int_equal(t.s.w.timer_due_ms, now + STANDING_INCIDENT_PAUSE_MS);
    t.s.w.now_ms = now + 10;
    (void)next(&t, &t.lifted, audit_on_lifting); /* is planned with it, not later */
    pb_standing *st = (pb_standing *)(uintptr_t)fake_put(&t.s.w, RECORD_STANDING);
    assert_int_equal(t.s.w.timer_due_ms, now + STANDING_INCIDENT_PAUSE_MS);
    assert_int_equal(st->n_pending, 2);
    st->n_pending = 0; /* planned, by a clock that stands still */
    t.s.w.now_ms = now;
    (void)next(&t, &t.names, audit_name_affected);
    assert_int_equal(t.s.w.timer_due_ms, now + STANDING_INCIDENT_PAUSE_MS + 1);
    t.s.w.now_ms = now - 3600000; /* a clock that was put back does not hold planning up */
    t.imposed.incident_id = lend("inc-2");
    (void)next(&t, &t.imposed, audit_on_suspension);
    assert_int_equal(t.s.w.timer_due_ms, now - 3600000 + STANDING_INCIDENT_PAUSE_MS);
    scene_end(&t.s);
}

static void named_controls_take_the_place_of_the_rulebooks(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) { /* named before the suspension, or after it */
        struct story t;
        begin(&t);
        const pb_scope *scope = NULL;
        if (first)
            (void)next(&t, &t.names, audit_name_affected);
        scope = next(&t, &t.imposed, audit_on_suspension);
        if (!first) {
            scope = next(&t, &t.names, audit_name_affected);
            assert_non_null(
                fake_event(&t.s.w, &ismap__liu__v1__affected_controls_named__descriptor));
        }
        assert_int_equal(scope->n_triggers, 1);
        assert_string_equal(scope->triggers[0]->control_id, "9.4.2");
        assert_string_equal(scope->incidents[0]->named_by, "operator");
        t.names.n_controls = 0; /* nothing was affected */
        scope = next(&t, &t.names, audit_name_affected);
        assert_int_equal(scope->n_triggers, 0);
        assert_int_equal(scope->incidents[0]->suspended_at_ms, NOW_MS);
        scene_end(&t.s);
    }
}

static void controls_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    struct story t;
    begin(&t);
    t.names.n_controls = 2;
    assert_null(next(&t, &t.names, audit_name_affected));
    assert_int_equal(t.s.w.status, STATUS(INVALID_ARGUMENT));
    assert_true(fake_fault(&t.s.w, "controls[1] R60"));
    t.names.incident_id = lend("inc-2");
    assert_null(next(&t, &t.names, audit_name_affected));
    assert_int_equal(t.s.w.status, STATUS(NOT_FOUND));
    scene_end(&t.s);
}

static void a_listing_without_a_plan_is_passed_over(void **state)
{
    (void)state;
    struct story t;
    begin(&t);
    t.s.listing.case_id = lend("case-2");
    assert_null(next(&t, &t.imposed, audit_on_suspension));
    t.imposed.number = lend("N-2");
    assert_null(next(&t, &t.imposed, audit_on_suspension));
    assert_int_equal(t.s.w.status, STATUS(OK));
    scene_end(&t.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_suspension_brings_the_rulebooks_controls_once),
        cmocka_unit_test(after_the_lifting_only_later_audits_count),
        cmocka_unit_test(planning_waits_a_while_and_no_two_timers_share_a_time),
        cmocka_unit_test(named_controls_take_the_place_of_the_rulebooks),
        cmocka_unit_test(controls_that_do_not_exist_are_refused),
        cmocka_unit_test(a_listing_without_a_plan_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
