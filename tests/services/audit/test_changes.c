/* Change notices at the service: who may send them, what is kept, and how the plan follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "services/audit/scene.h"
#include "services/audit/scopes.h"

typedef Ismap__Liu__V1__SubmitChangeNotice pb_submitted;
typedef Ismap__Liu__V1__ChangeNotice pb_notice;

#define KIND(x) ISMAP__LIU__V1__CHANGE_KIND__CHANGE_KIND_##x

static Ismap__Liu__V1__Active active = ISMAP__LIU__V1__ACTIVE__INIT;
static char *controls[] = {(char *)(uintptr_t) "9.4.2", (char *)(uintptr_t) "5.1.1"};

static void begin(struct scene *s, pb_submitted *m)
{
    scene_begin(s, PARTY(INTERNAL));
    s->audit.force_on_change = true;
    ismap__liu__v1__submit_change_notice__init(m);
    m->case_id = lend("case-1");
    m->kind = KIND(TOOLING);
    m->changed_on = lend("2027-10-01");
    m->controls = controls;
    m->n_controls = 2;
    m->before = lend("手作業");
    m->after = lend("自動化");
    s->w.message = m;
    s->w.role = ROLE(PROVIDER);
    s->w.actor = "acme";
}

/* What was put, as what the planning of the case finds. */
static const pb_plan *plan_again(struct scene *s, const pb_scope *scope, const pb_standing *st)
{
    active.ref = lend("2022-04-01");
    s->w.n_puts = s->w.n_events = 0;
    for (size_t i = 0; i < s->w.n_records; i++) {
        if (s->w.records[i].kind == RECORD_AUDIT_SCOPE)
            s->w.records[i].message = scope;
        if (s->w.records[i].kind == RECORD_STANDING)
            s->w.records[i].message = st;
    }
    s->w.timer_record = "case-1";
    fake_record(&s->w, RECORD_ACTIVE, "catalogue", &active);
    (void)fake_run(&s->w, audit_on_replan);
    return fake_put(&s->w, RECORD_PLAN);
}

static void a_notice_is_kept_told_and_planned_for(void **state)
{
    (void)state;
    struct scene s;
    pb_submitted m;
    begin(&s, &m);
    (void)fake_run(&s.w, audit_submit_change);
    assert_int_equal(s.w.status, STATUS(OK));
    const pb_notice *n = fake_put(&s.w, RECORD_CHANGE_NOTICE);
    const pb_scope *scope = fake_put(&s.w, RECORD_AUDIT_SCOPE);
    const pb_standing *st = fake_put(&s.w, RECORD_STANDING);
    assert_string_equal(n->provider, "acme");
    assert_ptr_equal(n->notice, &m);
    assert_int_equal(n->late_days, 0); /* no clock in the rulebook */
    assert_int_equal(scope->n_triggers, 2);
    assert_string_equal(scope->triggers[0]->control_id, "5.1.1");
    assert_int_equal(scope->triggers[0]->year, YEAR);
    assert_int_equal(scope->n_notices, 1);
    assert_int_equal(st->pending[0]->cause, CAUSE(CHANGE));
    assert_string_equal(s.w.timer_kind, TIMER_REPLAN);
    const Ismap__Liu__V1__ChangeNoticeRecorded *ev =
        fake_event(&s.w, &ismap__liu__v1__change_notice_recorded__descriptor);
    assert_string_equal(ev->notice_id, n->id);
    assert_string_equal(s.w.audience, "acme");

    const pb_plan *to = plan_again(&s, scope, st);
    const Ismap__Liu__V1__PlanRevision *r = fake_put(&s.w, RECORD_PLAN_REVISION);
    size_t found = 0;
    for (size_t i = 0; i < to->n_items; i++)
        if (to->items[i]->cause == ISMAP__LIU__V1__PLAN_CAUSE__PLAN_CAUSE_CHANGED) {
            assert_int_equal(to->items[i]->year, 1);
            assert_string_equal(to->items[i]->cause_ref, n->id);
            found++;
        }
    assert_true(found > 0);
    assert_int_equal(to->basis->n_triggers, 2);
    assert_int_equal(r->reasons[0]->cause, CAUSE(CHANGE));
    assert_string_equal(r->reasons[0]->ref, n->id);
    assert_true(r->n_moves > 0);
    scene_end(&s);
}

static void a_late_notice_is_taken_and_says_so(void **state)
{
    (void)state;
    static const struct {
        const char *changed_on; /* today is 2027-11-15 */
        uint32_t days;
        uint32_t late;
    } rows[] = {{"2027-10-16", 30, 0}, {"2027-10-15", 30, 1},  {"2027-10-15", 0, 0},
                {"2027-12-01", 30, 0}, {"2026-11-15", 365, 0}, {"2026-11-14", 365, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct scene s;
        pb_submitted m;
        begin(&s, &m);
        m.changed_on = lend(rows[i].changed_on);
        s.audit.change_notice_days = rows[i].days;
        (void)fake_run(&s.w, audit_submit_change);
        const pb_notice *n = fake_put(&s.w, RECORD_CHANGE_NOTICE);
        const Ismap__Liu__V1__ChangeNoticeReceived *reply = (const void *)s.w.reply;
        assert_int_equal(n->late_days, rows[i].late);
        assert_int_equal(reply->late_days, rows[i].late);
        scene_end(&s);
    }
}

static void what_cannot_be_is_refused_by_field_and_rule(void **state)
{
    (void)state;
    static char *unknown[] = {(char *)(uintptr_t) "99.1.1", (char *)(uintptr_t) "5.1.1",
                              (char *)(uintptr_t) "5.1.1"};
    struct scene s;
    pb_submitted m;
    begin(&s, &m);
    m.controls = unknown;
    m.n_controls = 3;
    (void)fake_run(&s.w, audit_submit_change);
    assert_int_equal(s.w.status, STATUS(INVALID_ARGUMENT));
    assert_true(fake_fault(&s.w, "controls[0] R60"));
    assert_true(fake_fault(&s.w, "controls[2] R66"));
    assert_int_equal(s.w.n_puts, 0);
    scene_end(&s);
    begin(&s, &m);
    s.w.actor = "blossom";
    (void)fake_run(&s.w, audit_submit_change);
    assert_int_equal(s.w.status, STATUS(NOT_FOUND));
    scene_end(&s);
}

/* 70 notices: the scope names the latest, the controls of all are in it. */
static void a_scope_remembers_the_latest_notices(void **state)
{
    (void)state;
    struct arena kept;
    const pb_scope *scope = NULL;
    arena_init(&kept, 1u << 20);
    for (unsigned i = 0; i < SCOPE_NOTICES_MAX + 6; i++) {
        struct scene s;
        pb_submitted m;
        begin(&s, &m);
        s.w.cause = arena_printf(&kept, "%u", i);
        m.changed_on = lend(i % 2 == 0 ? "2027-10-01" : "2026-10-01");
        fake_record(&s.w, RECORD_AUDIT_SCOPE, "case-1", scope);
        (void)fake_run(&s.w, audit_submit_change);
        const pb_scope *put = fake_put(&s.w, RECORD_AUDIT_SCOPE);
        assert_int_equal(put->n_triggers, 2);
        assert_int_equal(put->triggers[0]->year, YEAR);
        if (i + 1 == SCOPE_NOTICES_MAX + 6) {
            assert_int_equal(put->n_notices, SCOPE_NOTICES_MAX);
            assert_string_equal(put->notices[0]->notice_id, "CN-6");
        }
        size_t bytes = ismap__liu__v1__audit_scope__get_packed_size(put);
        uint8_t *packed = arena_alloc(&kept, bytes);
        ismap__liu__v1__audit_scope__pack(put, packed);
        if (scope != NULL)
            ismap__liu__v1__audit_scope__free_unpacked((pb_scope *)(uintptr_t)scope, NULL);
        scope = ismap__liu__v1__audit_scope__unpack(NULL, bytes, packed);
        scene_end(&s);
    }
    ismap__liu__v1__audit_scope__free_unpacked((pb_scope *)(uintptr_t)scope, NULL);
    arena_fini(&kept);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_notice_is_kept_told_and_planned_for),
        cmocka_unit_test(a_late_notice_is_taken_and_says_so),
        cmocka_unit_test(what_cannot_be_is_refused_by_field_and_rule),
        cmocka_unit_test(a_scope_remembers_the_latest_notices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
