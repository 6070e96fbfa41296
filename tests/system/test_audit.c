/* The audit service over real processes: reports come in, and what follows from them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/date.h"
#include "ismap/liu/v1/audit.pb-c.h"
#include "rig.h"
#include "services/audit/catalogue_load.h"

#define REPORT(x) ISMAP__LIU__V1__REPORT_STATE__REPORT_STATE_##x
#define PARTY(x) ISMAP__LIU__V1__AUDIT_PARTY__AUDIT_PARTY_##x

static struct rig rig;

static int up(void **state)
{
    (void)state;
    static const char *const ids[] = {"acme", "blossom", "mof", "minato-audit"};
    if (rig_up(&rig,
               STACK_BIT(STACK_INTAKE) | STACK_BIT(STACK_ELIGIBILITY) | STACK_BIT(STACK_AUDIT),
               NULL) != 0)
        return -1;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        (void)rig_party(&rig, ids[i]);
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

static const Ismap__Liu__V1__AuditPlan *plan_of(struct client *c, const char *case_id)
{
    Ismap__Liu__V1__GetPlan m = ISMAP__LIU__V1__GET_PLAN__INIT;
    m.case_id = lend(case_id);
    pb_reply *r = client_call(c, &m.base);
    assert_status(r, ST(OK));
    return client_payload(c, r, &ismap__liu__v1__audit_plan__descriptor);
}

static const Ismap__Liu__V1__AuditStandingAnswer *standing_of(struct client *c, const char *case_id)
{
    Ismap__Liu__V1__GetAuditStanding m = ISMAP__LIU__V1__GET_AUDIT_STANDING__INIT;
    m.case_id = lend(case_id);
    pb_reply *r = client_call(c, &m.base);
    assert_status(r, ST(OK));
    return client_payload(c, r, &ismap__liu__v1__audit_standing_answer__descriptor);
}

/* Results of the plan's first year, but for the last item. */
static Ismap__Liu__V1__AuditResults *results_of(const Ismap__Liu__V1__AuditPlan *p,
                                                Ismap__Liu__V1__AuditParty party)
{
    struct arena *a = &rig.arena;
    char *today = arena_alloc(a, DATE_TEXT_BYTES);
    char *start = arena_alloc(a, DATE_TEXT_BYTES);
    Ismap__Liu__V1__AuditResults *r = arena_alloc(a, sizeof *r);
    int32_t now = date_of_ms(clock_wall_ms());
    ismap__liu__v1__audit_results__init(r);
    date_format(now, today);
    date_format(date_add_months(now, -6), start);
    r->period_start = start;
    r->period_end = today;
    r->controls = arena_alloc(a, p->n_items * sizeof(Ismap__Liu__V1__AuditedControl *));
    for (size_t i = 0; i < p->n_items; i++) {
        if (p->items[i]->party != party || p->items[i]->year != 1)
            continue;
        Ismap__Liu__V1__AuditedControl *k = arena_alloc(a, sizeof *k);
        ismap__liu__v1__audited_control__init(k);
        k->control_id = arena_strdup(a, p->items[i]->control_id);
        k->mode = ISMAP__LIU__V1__AUDIT_MODE__AUDIT_MODE_BOTH;
        r->controls[r->n_controls++] = k;
    }
    r->n_controls--;
    return r;
}

static Ismap__Liu__V1__DocumentRef *document(void)
{
    static uint8_t hash[32] = {1};
    Ismap__Liu__V1__DocumentRef *d = arena_alloc(&rig.arena, sizeof *d);
    ismap__liu__v1__document_ref__init(d);
    d->reference = lend("https://acme.example/reports/2026");
    d->sha256 = (ProtobufCBinaryData){sizeof hash, hash};
    return d;
}

static const char *eligible_case(void)
{
    const char *id = rig_open_case(&rig, "acme", "tb2", "mof");
    rig_assess(&rig, id, "tb2-mof", "mof");
    rig_await_eligible(&rig, id, "acme");
    rig_await_plan(&rig, id, "acme");
    return id;
}

static void reports_are_kept_and_tell_what_was_really_audited(void **state)
{
    (void)state;
    struct client body;
    struct client acme;
    struct client other;
    const char *id = eligible_case();
    client_open(&body, &rig.stack, STACK_AUDIT, rig_who(&rig, "minato-audit"));
    client_open(&acme, &rig.stack, STACK_AUDIT, rig_who(&rig, "acme"));
    client_open(&other, &rig.stack, STACK_AUDIT, rig_who(&rig, "blossom"));
    const Ismap__Liu__V1__AuditPlan *plan = plan_of(&body, id);
    Ismap__Liu__V1__SubmitAuditReport ext = ISMAP__LIU__V1__SUBMIT_AUDIT_REPORT__INIT;
    Ismap__Liu__V1__SubmitInternalReport in = ISMAP__LIU__V1__SUBMIT_INTERNAL_REPORT__INIT;
    ext.case_id = in.case_id = lend(id);
    ext.year = in.year = plan->first_year;
    ext.document = in.document = document();
    ext.results = results_of(plan, PARTY(EXTERNAL));
    in.results = results_of(plan, PARTY(INTERNAL));

    assert_status(client_call(&body, &ext.base), ST(UNAUTHENTICATED));
    assert_status(client_sign(&acme, &ext.base), ST(PERMISSION_DENIED));
    assert_status(client_sign(&other, &in.base), ST(NOT_FOUND));
    pb_reply *r = client_sign(&body, &ext.base);
    assert_status(r, ST(OK));
    const Ismap__Liu__V1__ReportRecorded *done =
        client_payload(&body, r, &ismap__liu__v1__report_recorded__descriptor);
    assert_int_equal(done->state, REPORT(ACCEPTED));
    assert_int_equal(done->n_unexplained, 1);
    assert_status(client_sign(&body, &ext.base), ST(ALREADY_EXISTS));

    stack_kill(&rig.stack, STACK_AUDIT);
    assert_true(stack_start(&rig.stack, STACK_BIT(STACK_AUDIT)));

    r = client_persist(&acme, &in.base, true);
    assert_status(r, ST(OK));
    done = client_payload(&acme, r, &ismap__liu__v1__report_recorded__descriptor);
    assert_int_equal(done->state, REPORT(INSUFFICIENT));
    assert_int_equal(done->n_shortfalls, 2); /* one unexplained, no approval */
    const Ismap__Liu__V1__AuditStandingAnswer *s = standing_of(&acme, id);
    assert_int_equal(s->standing->n_years, 2);
    assert_int_equal(s->standing->n_history, ext.results->n_controls + in.results->n_controls);
    assert_int_equal(s->standing->n_problems, 1);

    /* the next plan follows: by a timer, once this year has both reports */
    const Ismap__Liu__V1__AuditPlan *next = plan_of(&acme, id);
    for (int i = 0; i < 100 && next->first_year == plan->first_year; i++, (void)usleep(100000))
        next = plan_of(&acme, id);
    assert_int_equal(next->first_year, plan->first_year + 1);
    Ismap__Liu__V1__GetPlanRevisions get = ISMAP__LIU__V1__GET_PLAN_REVISIONS__INIT;
    get.case_id = lend(id);
    r = client_call(&acme, &get.base);
    const Ismap__Liu__V1__PlanRevisions *list =
        client_payload(&acme, r, &ismap__liu__v1__plan_revisions__descriptor);
    assert_int_equal(list->n_revisions, next->revision - 1);
    assert_true(list->revisions[0]->n_reasons > 0);
    client_close(&body);
    client_close(&acme);
    client_close(&other);
}

/* Half way through the planning of all services the audit service is killed. */
static void a_new_catalogue_plans_every_service_again_once_whatever_is_killed(void **state)
{
    (void)state;
    struct client op;
    struct err_text why = {{0}};
    static const char *const keys[][3] = {{"tb1", "soumu", "tb1-soumu"}, {"tb4", "moj", "tb4-moj"}};
    const char *ids[2];
    Ismap__Liu__V1__PutCatalogue put = ISMAP__LIU__V1__PUT_CATALOGUE__INIT;
    Ismap__Liu__V1__ActivateCatalogue act = ISMAP__LIU__V1__ACTIVATE_CATALOGUE__INIT;
    Ismap__Liu__V1__GetReplanRun get = ISMAP__LIU__V1__GET_REPLAN_RUN__INIT;
    const Ismap__Liu__V1__ReplanProgress *p = NULL;
    static const char *const providers[] = {"acme", "blossom"};
    (void)rig_party(&rig, "moj");
    (void)rig_party(&rig, "soumu");
    for (size_t i = 0; i < 2; i++) {
        ids[i] = rig_open_case(&rig, providers[i], keys[i][0], keys[i][1]);
        rig_assess(&rig, ids[i], keys[i][2], keys[i][1]);
        rig_await_plan(&rig, ids[i], providers[i]);
    }
    assert_int_equal(catalogue_load(&rig.arena,
                                    LIU_SOURCE_DIR "/catalog/ismap-control-criteria-2022-04-01.csv",
                                    "2026-04-01", &put.catalogue, NULL, NULL, &why),
                     ERR_OK);
    client_open(&op, &rig.stack, STACK_AUDIT, &rig.stack.operator_);
    act.version = lend("2026-04-01");
    act.reason = lend("改定");
    assert_status(client_sign(&op, &act.base), ST(NOT_FOUND));
    assert_status(client_sign(&op, &put.base), ST(OK));
    assert_status(client_sign(&op, &put.base), ST(ALREADY_EXISTS));
    assert_status(client_sign(&op, &act.base), ST(OK));
    stack_kill(&rig.stack, STACK_AUDIT);
    assert_true(stack_start(&rig.stack, STACK_BIT(STACK_AUDIT)));
    for (int i = 0; i < 200 && (p == NULL || p->run->finished_at_ms == 0); i++) {
        pb_reply *r = client_persist(&op, &get.base, false);
        assert_status(r, ST(OK));
        p = client_payload(&op, r, &ismap__liu__v1__replan_progress__descriptor);
        (void)usleep(100000);
    }
    assert_int_not_equal(p->run->finished_at_ms, 0);
    assert_int_equal(p->total, 3);
    assert_int_equal(p->done, 3);
    assert_int_equal(p->refused, 0);
    for (size_t i = 0; i < 2; i++) {
        const Ismap__Liu__V1__AuditPlan *plan = plan_of(&op, ids[i]);
        assert_string_equal(plan->catalogue_version, "2026-04-01");
        assert_int_equal(plan->revision, 2);
    }
    client_close(&op);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_are_kept_and_tell_what_was_really_audited),
        cmocka_unit_test(a_new_catalogue_plans_every_service_again_once_whatever_is_killed),
    };
    return cmocka_run_group_tests(tests, up, down);
}
