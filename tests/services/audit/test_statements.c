/* What providers state: kept, planned for, held together with change notices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "services/audit/scene.h"
#include "services/audit/scopes.h"

#define KIND(x) ISMAP__LIU__V1__CHANGE_KIND__CHANGE_KIND_##x

struct story {
    struct scene s;
    Ismap__Liu__V1__StateAuditScope m;
    Ismap__Liu__V1__PlanExclusion exclusions[2];
    Ismap__Liu__V1__PlanExclusion *excluded[2];
    Ismap__Liu__V1__PlanOperator operator_;
    Ismap__Liu__V1__PlanOperator *operators[1];
    char *auditors[2];
    Ismap__Liu__V1__SubmitChangeNotice change;
    char *changed[1];
    Ismap__Liu__V1__Active active;
};

static void begin(struct story *t)
{
    static const char *const ids[] = {"14.2.7", "5.1.1"};
    scene_begin(&t->s, PARTY(INTERNAL));
    t->s.audit.force_on_change = true;
    ismap__liu__v1__state_audit_scope__init(&t->m);
    for (size_t i = 0; i < 2; i++) {
        ismap__liu__v1__plan_exclusion__init(&t->exclusions[i]);
        t->exclusions[i].control_id = lend(ids[i]);
        t->exclusions[i].reason = lend("該当なし");
        t->excluded[i] = &t->exclusions[i];
    }
    ismap__liu__v1__plan_operator__init(&t->operator_);
    t->operator_.control_id = lend("9.4.2");
    t->operator_.person = lend("佐藤");
    t->operators[0] = &t->operator_;
    t->auditors[0] = lend("佐藤");
    t->auditors[1] = lend("高橋");
    t->m.case_id = lend("case-1");
    t->m.excluded = t->excluded;
    t->m.n_excluded = 1;
    t->m.operators = t->operators;
    t->m.n_operators = 1;
    t->m.auditors = t->auditors;
    t->m.n_auditors = 2;
    ismap__liu__v1__submit_change_notice__init(&t->change);
    t->change.case_id = lend("case-1");
    t->change.changed_on = lend("2027-10-01");
    t->change.before = t->change.after = lend("採用の状況");
    t->change.controls = t->changed;
    t->change.n_controls = 1;
    ismap__liu__v1__active__init(&t->active);
    t->active.ref = lend("2022-04-01");
    t->s.w.role = ROLE(PROVIDER);
    t->s.w.actor = "acme";
    t->s.w.timer_record = "case-1";
    fake_record(&t->s.w, RECORD_ACTIVE, "catalogue", &t->active);
}

/* The next work, on what the last one left. */
static const pb_scope *next(struct story *t, const void *message, work_fn *fn)
{
    struct work *w = &t->s.w;
    static const enum record_kind kinds[] = {RECORD_AUDIT_SCOPE, RECORD_STANDING, RECORD_PLAN};
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        for (size_t i = 0; i < w->n_records; i++)
            if (w->records[i].kind == kinds[k] && fake_put(w, kinds[k]) != NULL)
                w->records[i].message = fake_put(w, kinds[k]);
    w->n_puts = w->n_events = w->n_faults = 0;
    w->status = STATUS(OK);
    w->message = message;
    (void)fake_run(w, fn);
    return fake_put(w, RECORD_AUDIT_SCOPE);
}

static size_t items_of(const pb_plan *p, const char *control)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_items; i++)
        n += strcmp(p->items[i]->control_id, control) == 0;
    return n;
}

static void what_is_stated_is_planned_for(void **state)
{
    (void)state;
    struct story t;
    begin(&t);
    const pb_scope *scope = next(&t, &t.m, audit_state_scope);
    assert_int_equal(scope->version, 1);
    assert_int_equal(scope->n_excluded, 1);
    const pb_standing *st = fake_put(&t.s.w, RECORD_STANDING);
    assert_int_equal(st->pending[0]->cause, CAUSE(SCOPE));
    assert_non_null(fake_event(&t.s.w, &ismap__liu__v1__scope_changed__descriptor));
    assert_true(items_of(t.s.plan, "14.2.7") > 0);
    (void)next(&t, NULL, audit_on_replan);
    const pb_plan *to = fake_put(&t.s.w, RECORD_PLAN);
    assert_int_equal(items_of(to, "14.2.7"), 0);
    for (size_t i = 0; i < to->n_items; i++)
        if (to->items[i]->party == PARTY(INTERNAL))
            assert_string_equal(
                to->items[i]->auditor,
                strcmp(to->items[i]->control_id, "9.4.2") == 0 ? "高橋" : to->items[i]->auditor);
    assert_true(items_of(to, "9.4.2") > 0);
    scene_end(&t.s);
}

static void nobody_left_to_audit_a_control_refuses_the_statement(void **state)
{
    (void)state;
    struct story t;
    begin(&t);
    t.m.n_auditors = 1; /* who operates 9.4.2 */
    assert_null(next(&t, &t.m, audit_state_scope));
    assert_int_equal(t.s.w.status, STATUS(FAILED_PRECONDITION));
    assert_true(fake_fault(&t.s.w, "scope.9.4.2 R69"));
    t.s.w.actor = "blossom";
    (void)next(&t, &t.m, audit_state_scope);
    assert_int_equal(t.s.w.status, STATUS(NOT_FOUND));
    scene_end(&t.s);
}

static void what_is_no_longer_excluded_is_newly_adopted(void **state)
{
    (void)state;
    for (int by_notice = 0; by_notice < 2; by_notice++) {
        struct story t;
        begin(&t);
        t.m.n_excluded = 2;
        (void)next(&t, &t.m, audit_state_scope);
        (void)next(&t, NULL, audit_on_replan);
        const pb_scope *scope = NULL;
        t.m.n_excluded = 1; /* 5.1.1 is adopted */
        t.change.kind = KIND(ADOPTED);
        t.changed[0] = lend("5.1.1");
        scope = by_notice ? next(&t, &t.change, audit_submit_change)
                          : next(&t, &t.m, audit_state_scope);
        assert_int_equal(t.s.w.status, STATUS(OK));
        assert_int_equal(scope->n_excluded, 1);
        assert_true(scope->n_triggers >= 1);
        assert_string_equal(scope->triggers[0]->control_id, "5.1.1");
        assert_int_equal(scope->triggers[0]->cause, ISMAP__LIU__V1__PLAN_CAUSE__PLAN_CAUSE_ADOPTED);
        (void)next(&t, NULL, audit_on_replan);
        const pb_plan *to = fake_put(&t.s.w, RECORD_PLAN);
        bool first = false;
        for (size_t i = 0; i < to->n_items; i++)
            first |= to->items[i]->year == 1 && strcmp(to->items[i]->control_id, "5.1.1") == 0;
        assert_true(first);
        scene_end(&t.s);
    }
}

static void notices_and_statement_cannot_contradict_each_other(void **state)
{
    (void)state;
    static const struct {
        const char *control;
        Ismap__Liu__V1__ChangeKind kind;
        const char *fault; /* NULL = taken */
    } rows[] = {
        {"14.2.7", KIND(TOOLING), "controls[0] R64"},
        {"14.2.7", KIND(ADOPTED), NULL},
        {"9.4.2", KIND(ADOPTED), "controls[0] R48"},
        {"9.4.2", KIND(TOOLING), NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct story t;
        begin(&t);
        (void)next(&t, &t.m, audit_state_scope);
        t.change.kind = rows[i].kind;
        t.changed[0] = lend(rows[i].control);
        (void)next(&t, &t.change, audit_submit_change);
        assert_int_equal(t.s.w.status,
                         rows[i].fault == NULL ? STATUS(OK) : STATUS(INVALID_ARGUMENT));
        assert_true(rows[i].fault == NULL || fake_fault(&t.s.w, rows[i].fault));
        scene_end(&t.s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_stated_is_planned_for),
        cmocka_unit_test(nobody_left_to_audit_a_control_refuses_the_statement),
        cmocka_unit_test(what_is_no_longer_excluded_is_newly_adopted),
        cmocka_unit_test(notices_and_statement_cannot_contradict_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
