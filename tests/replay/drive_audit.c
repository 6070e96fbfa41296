/* Random stories of the audit service. */
#include "replay/drive_pick.h"

/* What the plan's first year asks for, a part of it with its reason. */
static Ismap__Liu__V1__AuditResults *results_of(const Ismap__Liu__V1__AuditPlan *plan,
                                                Ismap__Liu__V1__AuditParty party)
{
    Ismap__Liu__V1__AuditResults *r = sim_need(arena_alloc(&scratch, sizeof *r));
    ismap__liu__v1__audit_results__init(r);
    r->period_start = TEXT("2026-01-01");
    r->period_end = TEXT("2026-10-31");
    r->controls = sim_need(arena_alloc(&scratch, plan->n_items * sizeof *r->controls));
    r->skipped = sim_need(arena_alloc(&scratch, plan->n_items * sizeof *r->skipped));
    for (size_t i = 0; i < plan->n_items; i++) {
        if (plan->items[i]->year != 1 || plan->items[i]->party != party)
            continue;
        if (below(20) == 0) {
            Ismap__Liu__V1__SkippedControl *k = sim_need(arena_alloc(&scratch, sizeof *k));
            ismap__liu__v1__skipped_control__init(k);
            k->control_id = plan->items[i]->control_id;
            k->reason = TEXT("not in use this year");
            r->skipped[r->n_skipped++] = k;
            continue;
        }
        Ismap__Liu__V1__AuditedControl *c = sim_need(arena_alloc(&scratch, sizeof *c));
        ismap__liu__v1__audited_control__init(c);
        c->control_id = plan->items[i]->control_id;
        c->mode = ISMAP__LIU__V1__AUDIT_MODE__AUDIT_MODE_BOTH;
        if (party == ISMAP__LIU__V1__AUDIT_PARTY__AUDIT_PARTY_INTERNAL) {
            c->auditor = TEXT("one");
            c->operator_ = TEXT("another");
        }
        r->controls[r->n_controls++] = c;
    }
    return r;
}

static void report(void)
{
    const Ismap__Liu__V1__AuditPlan *plan = any_record(RECORD_PLAN);
    const Ismap__Liu__V1__AuditReport *old = any_record(RECORD_AUDIT_REPORT);
    const Ismap__Liu__V1__SubmitRegistration *doc =
        (const void *)any_of(&world.registrations)->message;
    if (plan == NULL)
        return;
    char *corrects = old != NULL && below(2) == 0 ? old->id : TEXT("");
    if (below(2) == 0) {
        Ismap__Liu__V1__SubmitAuditReport m = ISMAP__LIU__V1__SUBMIT_AUDIT_REPORT__INIT;
        m.case_id = plan->case_id;
        m.year = 2026;
        m.corrects = corrects;
        m.results = results_of(plan, ISMAP__LIU__V1__AUDIT_PARTY__AUDIT_PARTY_EXTERNAL);
        m.document = doc->audit_report;
        (void)agent_send(any_agent(ISMAP__LIU__V1__ROLE__ROLE_AUDIT_BODY), NODE_AUDIT, &m.base,
                         NULL);
        return;
    }
    Ismap__Liu__V1__SubmitInternalReport m = ISMAP__LIU__V1__SUBMIT_INTERNAL_REPORT__INIT;
    m.case_id = plan->case_id;
    m.year = 2026;
    m.corrects = corrects;
    m.results = results_of(plan, ISMAP__LIU__V1__AUDIT_PARTY__AUDIT_PARTY_INTERNAL);
    m.document = m.internal_report = doc->internal_audit_report;
    m.approved_by = TEXT("the board");
    m.approved_on = TEXT("2026-11-02");
    (void)agent_send(agent_of(plan->provider), NODE_AUDIT, &m.base, NULL);
}

static void notify_change(void)
{
    const Ismap__Liu__V1__AuditPlan *plan = any_record(RECORD_PLAN);
    Ismap__Liu__V1__SubmitChangeNotice m = ISMAP__LIU__V1__SUBMIT_CHANGE_NOTICE__INIT;
    if (plan == NULL)
        return;
    m.case_id = plan->case_id;
    m.kind = (Ismap__Liu__V1__ChangeKind)(1 + below(5));
    m.changed_on = TEXT("2026-10-15");
    m.controls = &plan->items[below(plan->n_items)]->control_id;
    m.n_controls = 1;
    m.before = m.after = TEXT("as it was, as it is");
    (void)agent_send(agent_of(plan->provider), NODE_AUDIT, &m.base, NULL);
}

static void resolve(void)
{
    const Ismap__Liu__V1__AuditStanding *st = any_record(RECORD_STANDING);
    Ismap__Liu__V1__ResolveAuditProblem m = ISMAP__LIU__V1__RESOLVE_AUDIT_PROBLEM__INIT;
    if (st == NULL || st->n_problems == 0)
        return;
    m.case_id = st->case_id;
    m.problem_id = st->problems[below(st->n_problems)]->id;
    m.resolution = TEXT("seen");
    (void)agent_send(OPERATOR(), NODE_AUDIT, &m.base, NULL);
}

/* An operator names what an incident affected. */
static void name_affected(void)
{
    const Ismap__Liu__V1__AuditPlan *plan = any_record(RECORD_PLAN);
    const Ismap__Liu__V1__Incident *i = any_record(RECORD_INCIDENT);
    Ismap__Liu__V1__NameAffectedControls m = ISMAP__LIU__V1__NAME_AFFECTED_CONTROLS__INIT;
    if (plan == NULL || i == NULL)
        return;
    m.incident_id = i->id;
    m.controls = &plan->items[below(plan->n_items)]->control_id;
    m.n_controls = below(2);
    m.reason = TEXT("looked at");
    (void)agent_send(OPERATOR(), NODE_AUDIT, &m.base, NULL);
}

/* A provider states what is not adopted, rightly or not. */
static void state_scope(void)
{
    const Ismap__Liu__V1__AuditPlan *plan = any_record(RECORD_PLAN);
    Ismap__Liu__V1__StateAuditScope m = ISMAP__LIU__V1__STATE_AUDIT_SCOPE__INIT;
    Ismap__Liu__V1__PlanExclusion x = ISMAP__LIU__V1__PLAN_EXCLUSION__INIT;
    Ismap__Liu__V1__PlanExclusion *list[] = {&x};
    char *auditors[] = {TEXT("one"), TEXT("another")};
    if (plan == NULL)
        return;
    x.control_id = plan->items[plan->n_items - 1 - below(plan->n_items / 4)]->control_id;
    x.reason = TEXT("not in use");
    const Ismap__Liu__V1__Listing *base = any_record(RECORD_LISTING);
    Ismap__Liu__V1__PlanInherited h = ISMAP__LIU__V1__PLAN_INHERITED__INIT;
    Ismap__Liu__V1__PlanInherited *inherited[] = {&h};
    if (base != NULL && below(2) == 0) {
        h.control_id = plan->items[plan->n_items - 1 - below(plan->n_items / 4)]->control_id;
        h.base_number = base->number;
        m.inherited = inherited;
        m.n_inherited = 1;
    }
    m.case_id = plan->case_id;
    m.excluded = list;
    m.n_excluded = below(3) > 0;
    m.auditors = auditors;
    m.n_auditors = below(3);
    (void)agent_send(agent_of(plan->provider), NODE_AUDIT, &m.base, NULL);
}

void drive_audit(void)
{
    static void (*const acts[])(void) = {report,        report,        report,      notify_change,
                                         notify_change, name_affected, state_scope, resolve};
    acts[below(sizeof acts / sizeof acts[0])]();
}
