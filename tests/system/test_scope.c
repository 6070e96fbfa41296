/* What happens between audits, over real processes: the plan follows, whatever is killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/date.h"
#include "ismap/liu/v1/audit.pb-c.h"
#include "ismap/liu/v1/scope.pb-c.h"
#include "rig.h"

#define CAUSE(x) ISMAP__LIU__V1__REPLAN_CAUSE__REPLAN_CAUSE_##x
#define WHY(x) ISMAP__LIU__V1__PLAN_CAUSE__PLAN_CAUSE_##x

static struct rig rig;

static int up(void **state)
{
    (void)state;
    static const char *const ids[] = {"acme", "blossom", "mof", "mlit", "soumu", "moj"};
    if (rig_up(&rig,
               STACK_BIT(STACK_INTAKE) | STACK_BIT(STACK_ELIGIBILITY) | STACK_BIT(STACK_AUDIT) |
                   STACK_BIT(STACK_MONITOR),
               NULL) != 0)
        return -1;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        (void)rig_party(&rig, ids[i]);
    (void)rig_party(&rig, "minato-audit");
    return 0;
}

static int down(void **state)
{
    (void)state;
    return rig_down(&rig);
}

static char *lend(const char *s)
{
    return (char *)(uintptr_t)s;
}

static const char *case_of(const char *provider, const char *key, const char *ministry,
                           const char *sheet)
{
    const char *id = rig_open_case(&rig, provider, key, ministry);
    rig_assess(&rig, id, sheet, ministry);
    rig_await_eligible(&rig, id, provider);
    rig_await_plan(&rig, id, provider);
    return id;
}

static const Ismap__Liu__V1__AuditPlan *plan_of(struct client *c, const char *case_id)
{
    Ismap__Liu__V1__GetPlan m = ISMAP__LIU__V1__GET_PLAN__INIT;
    m.case_id = lend(case_id);
    pb_reply *r = client_call(c, &m.base);
    assert_status(r, ST(OK));
    return client_payload(c, r, &ismap__liu__v1__audit_plan__descriptor);
}

/* The latest revision of the plan, when it is at least this one; waits for it. */
static const Ismap__Liu__V1__PlanRevision *revision_of(struct client *c, const char *case_id,
                                                       uint32_t least)
{
    Ismap__Liu__V1__GetPlanRevisions m = ISMAP__LIU__V1__GET_PLAN_REVISIONS__INIT;
    m.case_id = lend(case_id);
    for (int i = 0; i < 100; i++, (void)usleep(100000)) {
        pb_reply *r = client_persist(c, &m.base, false);
        assert_status(r, ST(OK));
        const Ismap__Liu__V1__PlanRevisions *l =
            client_payload(c, r, &ismap__liu__v1__plan_revisions__descriptor);
        if (l->n_revisions > 0 && l->revisions[0]->revision >= least)
            return l->revisions[0];
    }
    fail_msg("no revision %u of %s", least, case_id);
    return NULL;
}

static void kill_audit(void)
{
    stack_kill(&rig.stack, STACK_AUDIT);
    assert_true(stack_start(&rig.stack, STACK_BIT(STACK_AUDIT)));
}

static bool moved_to(const Ismap__Liu__V1__PlanRevision *r, const char *control, int32_t year,
                     Ismap__Liu__V1__PlanCause cause)
{
    for (size_t i = 0; i < r->n_moves; i++)
        if (strcmp(r->moves[i]->control_id, control) == 0 && r->moves[i]->to_year == year &&
            r->moves[i]->cause == cause)
            return true;
    return false;
}

/* A control objective that is planned for a later year than the first. */
static char *later_objective(const Ismap__Liu__V1__AuditPlan *p)
{
    for (size_t i = p->n_items; i-- > 0;)
        if (p->items[i]->party == ISMAP__LIU__V1__AUDIT_PARTY__AUDIT_PARTY_INTERNAL &&
            p->items[i]->year > 1)
            return arena_strdup(&rig.arena, p->items[i]->control_id);
    return NULL;
}

/* The audit service is killed when the notice is on disk and its plan is not. */
static void a_change_notice_is_planned_for_whatever_is_killed(void **state)
{
    (void)state;
    struct client own;
    struct client other;
    static char *controls[] = {(char *)(uintptr_t) "5.1.1", (char *)(uintptr_t) "9.9.9"};
    char today[DATE_TEXT_BYTES];
    const char *id = case_of("blossom", "tb3", "mlit", "tb3-mlit");
    date_format(date_of_ms(clock_wall_ms()), today);
    client_open(&own, &rig.stack, STACK_AUDIT, rig_who(&rig, "blossom"));
    client_open(&other, &rig.stack, STACK_AUDIT, rig_who(&rig, "acme"));
    const Ismap__Liu__V1__AuditPlan *plan = plan_of(&own, id);
    controls[0] = later_objective(plan);
    int32_t first = plan->first_year;
    Ismap__Liu__V1__SubmitChangeNotice m = ISMAP__LIU__V1__SUBMIT_CHANGE_NOTICE__INIT;
    m.case_id = lend(id);
    m.kind = ISMAP__LIU__V1__CHANGE_KIND__CHANGE_KIND_OPERATION;
    m.changed_on = today;
    m.controls = controls;
    m.n_controls = 2;
    m.before = lend("四半期ごとの記録");
    m.after = lend("毎月の記録");
    assert_status(client_call(&own, &m.base), ST(UNAUTHENTICATED));
    assert_status(client_sign(&own, &m.base), ST(INVALID_ARGUMENT));
    m.n_controls = 1;
    assert_status(client_sign(&other, &m.base), ST(NOT_FOUND));
    assert_status(client_sign(&own, &m.base), ST(OK));
    kill_audit();
    const Ismap__Liu__V1__PlanRevision *r = revision_of(&own, id, 2);
    assert_int_equal(r->reasons[0]->cause, CAUSE(CHANGE));
    assert_true(moved_to(r, controls[0], first, WHY(CHANGED)));
    client_close(&own);
    client_close(&other);
}

/* Suspended by order, while the audit service is down; then an operator names what failed. */
static void a_suspension_is_planned_for_and_named_controls_take_its_place(void **state)
{
    (void)state;
    struct client op;
    struct client monitor;
    Ismap__Liu__V1__SuspendService order = ISMAP__LIU__V1__SUSPEND_SERVICE__INIT;
    Ismap__Liu__V1__NameAffectedControls name = ISMAP__LIU__V1__NAME_AFFECTED_CONTROLS__INIT;
    Ismap__Liu__V1__GetAuditScope get = ISMAP__LIU__V1__GET_AUDIT_SCOPE__INIT;
    const char *id = case_of("acme", "tb2", "mof", "tb2-mof");
    const char *number = rig_register(&rig, id, "tb2", "acme");
    rig_decide(&rig, number);
    client_open(&op, &rig.stack, STACK_AUDIT, &rig.stack.operator_);
    client_open(&monitor, &rig.stack, STACK_MONITOR, &rig.stack.operator_);
    char *control = later_objective(plan_of(&op, id));
    order.number = lend(number);
    order.reason = lend("漏えい");
    order.basis = lend("運営委員会");
    stack_kill(&rig.stack, STACK_AUDIT);
    assert_status(client_persist(&monitor, &order.base, true), ST(OK));
    assert_true(stack_start(&rig.stack, STACK_BIT(STACK_AUDIT)));
    const Ismap__Liu__V1__PlanRevision *r = revision_of(&op, id, 2);
    assert_int_equal(r->reasons[0]->cause, CAUSE(INCIDENT));
    int32_t first = r->to_first_year;
    assert_true(moved_to(r, "16.1.1", first, WHY(INCIDENT)) ||
                moved_to(r, "16.1.2", first, WHY(INCIDENT)) ||
                moved_to(r, "16.1.3", first, WHY(INCIDENT)));

    name.incident_id = arena_strdup(&rig.arena, r->reasons[0]->ref);
    name.controls = &control;
    name.n_controls = 1;
    name.reason = lend("様式7");
    assert_status(client_sign(&op, &name.base), ST(OK));
    kill_audit();
    assert_true(moved_to(revision_of(&op, id, 3), control, first, WHY(INCIDENT)));
    get.case_id = lend(id);
    const Ismap__Liu__V1__AuditScope *s = client_payload(&op, client_persist(&op, &get.base, false),
                                                         &ismap__liu__v1__audit_scope__descriptor);
    assert_int_equal(s->n_triggers, 1);
    assert_string_equal(s->triggers[0]->control_id, control);
    client_close(&op);
    client_close(&monitor);
}

static size_t items_of(const Ismap__Liu__V1__AuditPlan *p, const char *control)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_items; i++)
        n += strcmp(p->items[i]->control_id, control) == 0;
    return n;
}

static void a_statement_is_planned_for_and_contradictions_are_refused(void **state)
{
    (void)state;
    struct client own;
    const char *id = case_of("acme", "tb1", "soumu", "tb1-soumu");
    Ismap__Liu__V1__StateAuditScope *m =
        rig_message(&rig, &ismap__liu__v1__state_audit_scope__descriptor, "scopes/tb1.json");
    client_open(&own, &rig.stack, STACK_AUDIT, rig_who(&rig, "acme"));
    m->case_id = lend(id);
    assert_true(items_of(plan_of(&own, id), m->excluded[0]->control_id) > 0);
    char *good = m->excluded[0]->control_id;
    m->excluded[0]->control_id = lend("4.9.1"); /* there is no choice in management */
    pb_reply *r = client_sign(&own, &m->base);
    assert_status(r, ST(INVALID_ARGUMENT));
    assert_string_equal(r->details[0]->field, "excluded[0].controlId");
    m->excluded[0]->control_id = good;
    assert_status(client_call(&own, &m->base), ST(UNAUTHENTICATED));
    assert_status(client_sign(&own, &m->base), ST(OK));
    kill_audit();
    assert_int_equal(revision_of(&own, id, 2)->reasons[0]->cause, CAUSE(SCOPE));
    const Ismap__Liu__V1__AuditPlan *plan = plan_of(&own, id);
    assert_int_equal(items_of(plan, good), 0);
    assert_int_equal(plan->basis->n_excluded, 1);
    client_close(&own);
}

/* The base is suspended and lifted while the audit service of its dependents dies. */
static void dependents_of_a_base_service_are_planned_again(void **state)
{
    (void)state;
    struct client own;
    struct client monitor;
    Ismap__Liu__V1__StateAuditScope m = ISMAP__LIU__V1__STATE_AUDIT_SCOPE__INIT;
    Ismap__Liu__V1__PlanInherited h = ISMAP__LIU__V1__PLAN_INHERITED__INIT;
    Ismap__Liu__V1__PlanInherited *inherited[] = {&h};
    Ismap__Liu__V1__SuspendService order = ISMAP__LIU__V1__SUSPEND_SERVICE__INIT;
    Ismap__Liu__V1__LiftSuspension lift = ISMAP__LIU__V1__LIFT_SUSPENSION__INIT;
    const char *base = case_of("acme", "tb1", "soumu", "tb1-soumu");
    const char *number = rig_register(&rig, base, "tb1", "acme");
    const char *id = case_of("blossom", "tb4", "moj", "tb4-moj");
    rig_decide(&rig, number);
    client_open(&own, &rig.stack, STACK_AUDIT, rig_who(&rig, "blossom"));
    client_open(&monitor, &rig.stack, STACK_MONITOR, &rig.stack.operator_);
    h.control_id = later_objective(plan_of(&own, id));
    h.base_number = order.number = lift.number = lend(number);
    m.case_id = lend(id);
    m.inherited = inherited;
    m.n_inherited = 1;
    assert_status(client_sign(&own, &m.base), ST(OK));
    (void)revision_of(&own, id, 2);
    assert_int_equal(items_of(plan_of(&own, id), h.control_id), 0);

    order.reason = lift.reason = lend("漏えい");
    order.basis = lift.basis = lend("運営委員会");
    assert_status(client_persist(&monitor, &order.base, true), ST(OK));
    kill_audit();
    const Ismap__Liu__V1__PlanRevision *r = revision_of(&own, id, 3);
    assert_int_equal(r->reasons[0]->cause, CAUSE(BASE));
    assert_true(moved_to(r, h.control_id, r->to_first_year, WHY(BASE_LAPSED)));

    char today[DATE_TEXT_BYTES];
    date_format(date_of_ms(clock_wall_ms()), today);
    lift.decided_on = today;
    assert_status(client_persist(&monitor, &lift.base, true), ST(OK));
    kill_audit();
    (void)revision_of(&own, id, 4);
    assert_int_equal(items_of(plan_of(&own, id), h.control_id), 0);
    client_close(&own);
    client_close(&monitor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_notice_is_planned_for_whatever_is_killed),
        cmocka_unit_test(a_suspension_is_planned_for_and_named_controls_take_its_place),
        cmocka_unit_test(a_statement_is_planned_for_and_contradictions_are_refused),
        cmocka_unit_test(dependents_of_a_base_service_are_planned_again),
    };
    return cmocka_run_group_tests(tests, up, down);
}
