/* Handlers: read the records, ask the core, put the plan. */
#include "services/audit/audit.h"

#include <string.h>

#include "base/date.h"
#include "obs/log.h"
#include "services/audit/audit_record.h"
#include "services/audit/bases.h"
#include "services/audit/runs.h"
#include "services/audit/standing.h"

/* Log event "plan-waits": a plan cannot be made now, and why. Once a minute and case at most. */
static enum decide try_later(struct work *w, const char *case_id, const char *field,
                             const char *why)
{
    log_event(LOG_LEVEL_WARN, "plan-waits", "a plan cannot be made yet", "case", case_id, "field",
              field, "why", why, NULL);
    work_timer(w, TIMER_PLAN, case_id, work_now_ms(w) + AUDIT_RETRY_MS);
    return DECIDE_DONE;
}

static enum decide put_plan(struct work *w, const struct plan *p,
                            const struct audit_record_about *about)
{
    Ismap__Liu__V1__AuditPlan *m = NULL;
    enum err e = audit_record_plan(work_arena(w), p, about, &m);
    if (e == ERR_NOMEM)
        return work_no_memory(w);
    if (e != ERR_OK)
        return try_later(w, about->case_id, "plan_hash", err_name(e));
    pb_standing *standing = standing_edit(work_arena(w), about->standing, m->case_id, m->provider);
    if (standing == NULL)
        return work_no_memory(w);
    standing->run = about->run;
    work_put(w, RECORD_STANDING, m->case_id, &standing->base);
    work_put(w, RECORD_PLAN, about->case_id, &m->base);
    Ismap__Liu__V1__PlanMade made;
    ismap__liu__v1__plan_made__init(&made);
    made.case_id = m->case_id;
    made.provider = m->provider;
    made.years = m->years;
    made.n_loads = m->n_loads;
    made.loads = m->loads;
    made.plan_hash = m->plan_hash;
    const char *audience[] = {about->provider};
    work_emit(w, &made.base, audience, 1);
    return DECIDE_DONE;
}

enum err audit_make(struct arena *a, struct audit_making *m, struct audit_faults *faults)
{
    struct catalogue *catalogue = arena_alloc(a, sizeof *catalogue);
    struct plan_policy *policy = arena_alloc(a, sizeof *policy);
    if (catalogue == NULL || policy == NULL)
        return ERR_NOMEM;
    m->in = (struct plan_input){.catalogue = catalogue,
                                .policy = policy,
                                .first_year = m->first_year,
                                .open_year = m->first_year};
    m->in.history = standing_history(a, m->standing, &m->in.n_history);
    enum err e = m->in.history == NULL ? ERR_NOMEM : ERR_OK;
    if (e == ERR_OK && m->before != NULL)
        e = audit_record_before(a, m->before, &m->in);
    if (e == ERR_OK)
        e = audit_record_catalogue(a, m->catalogue, catalogue, faults);
    if (e == ERR_OK)
        e = scope_input(a, m->scope, &m->in);
    if (e == ERR_OK)
        e = audit_record_policy(a, m->rules, policy);
    if (e == ERR_OK)
        e = audit_record_keys(a, catalogue, policy);
    if (e == ERR_OK)
        e = audit_plan_make(a, &m->in, &m->plan, faults);
    if (e == ERR_OK)
        e = audit_plan_check(a, &m->in, &m->plan, faults);
    if (e == ERR_OK)
        e = audit_plan_certify(a, &m->in, &m->plan, &m->certificate);
    return e;
}

static enum decide plan_with(struct work *w, const Ismap__Liu__V1__Catalogue *cat,
                             const pb_audit_rules *rules, const struct audit_record_about *about)
{
    struct audit_faults faults = {0};
    struct audit_making m = {.catalogue = cat, .rules = rules, .first_year = about->first_year};
    enum err e = audit_make(work_arena(w), &m, &faults);
    if (e == ERR_NOMEM)
        return work_no_memory(w);
    if (e != ERR_OK)
        return try_later(w, about->case_id, faults.n > 0 ? faults.items[0].field : "catalogue",
                         faults.n > 0 ? faults.items[0].en : err_name(e));
    struct audit_record_about with = *about;
    with.in = &m.in;
    with.certificate = &m.certificate;
    return put_plan(w, &m.plan, &with);
}

static enum decide make_plan(struct work *w, const char *case_id, const char *provider,
                             uint32_t run)
{
    const void *plan = NULL;
    const void *found = NULL;
    const Ismap__Liu__V1__Rulebook *rules = NULL;
    const char *hash = NULL;
    const void *standing = NULL;
    const void *submitted = NULL;
    bool there = work_get(w, RECORD_PLAN, case_id, &plan);
    there &= work_get(w, RECORD_CASE, case_id, &submitted);
    there &= work_get(w, RECORD_STANDING, case_id, &standing);
    there &= work_get(w, RECORD_ACTIVE, "catalogue", &found);
    there &= work_rulebook(w, &rules, &hash);
    if (!there)
        return DECIDE_WAIT;
    if (plan != NULL || audit_is_withdrawn(submitted))
        return DECIDE_DONE;
    const Ismap__Liu__V1__Active *active = found;
    if (active == NULL)
        return try_later(w, case_id, "catalogue", "no catalogue is in force");
    if (rules == NULL || rules->audit == NULL)
        return try_later(w, case_id, "rulebook", "no rulebook with audit rules is in force");
    const void *catalogue = NULL;
    if (!work_get(w, RECORD_CATALOGUE, active->ref, &catalogue))
        return DECIDE_WAIT;
    if (catalogue == NULL)
        return try_later(w, case_id, "catalogue", "the catalogue in force is missing");
    struct audit_record_about about = {.case_id = case_id,
                                       .provider = provider,
                                       .catalogue_version = active->ref,
                                       .rulebook_hash = hash,
                                       .made_at_ms = work_now_ms(w),
                                       .first_year = audit_year_of(work_now_ms(w)),
                                       .revision = 1,
                                       .standing = standing,
                                       .run = run};
    return plan_with(w, catalogue, rules->audit, &about);
}

static enum decide on_verdict(struct work *w, void *state)
{
    const Ismap__Liu__V1__VerdictChanged *ev = work_message(w);
    if (ev->result != ISMAP__LIU__V1__VERDICT_RESULT__VERDICT_RESULT_ELIGIBLE)
        return DECIDE_DONE;
    return make_plan(w, ev->case_id, ev->provider, audit_current_run(state));
}

/* The verdict may have changed since the timer was set: the judgment tells. */
static enum decide on_plan_timer(struct work *w, void *state)
{
    const char *case_id = work_timer_record(w);
    const void *found = NULL;
    if (!work_get(w, RECORD_JUDGMENT, case_id, &found))
        return DECIDE_WAIT;
    const Ismap__Liu__V1__Judgment *j = found;
    if (j == NULL || j->verdict == NULL ||
        j->verdict->result != ISMAP__LIU__V1__VERDICT_RESULT__VERDICT_RESULT_ELIGIBLE)
        return DECIDE_DONE;
    return make_plan(w, case_id, j->provider, audit_current_run(state));
}

static enum decide get_plan(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__GetPlan *m = work_message(w);
    const void *found = NULL;
    const void *kept = NULL;
    bool loaded = work_get(w, RECORD_PLAN, m->case_id, &found);
    if (m->revision != 0)
        loaded &= audit_get_kept(w, m->case_id, m->revision, &kept);
    if (!loaded)
        return DECIDE_WAIT;
    const pb_plan *plan = found;
    if (plan != NULL && m->revision != 0 && m->revision != audit_revision(plan))
        plan = kept;
    if (plan == NULL || !audit_may_see(w, plan->provider))
        return work_refuse(w, ISMAP__LIU__V1__STATUS__STATUS_NOT_FOUND, "caseId", "P-NOT-FOUND",
                           "この案件の監査計画はありません", "there is no audit plan of this case");
    work_reply(w, &plan->base);
    return DECIDE_DONE;
}

#define READERS (ROLE_BIT(ROLE(OPERATOR)) | ROLE_BIT(ROLE(PROVIDER)) | ROLE_BIT(ROLE(AUDIT_BODY)))
#define ROW(name, who, how, bytes, fn)                                                             \
    {                                                                                              \
        .type = &ismap__liu__v1__##name##__descriptor, .roles = (who), .flags = (how),             \
        .bytes_max = (bytes), .decide = (fn)                                                       \
    }
#define SIGNED (ROW_CHANGES | ROW_SIGNED)

static const struct dispatch_row rows[] = {
    ROW(get_plan, READERS, 0, 256, get_plan),
    ROW(get_plan_revisions, READERS, 0, 256, audit_get_revisions),
    ROW(replan_case, ROLE_BIT(ROLE(OPERATOR)), SIGNED, 0, audit_replan_case),
    ROW(replan_all, ROLE_BIT(ROLE(OPERATOR)), SIGNED, 0, audit_replan_all),
    ROW(get_replan_run, READERS, 0, 256, audit_get_run),
    ROW(put_catalogue, ROLE_BIT(ROLE(OPERATOR)), SIGNED, 0, audit_put_catalogue),
    ROW(activate_catalogue, ROLE_BIT(ROLE(OPERATOR)), SIGNED, 0, audit_activate_catalogue),
    ROW(list_catalogues, READERS, 0, 1024, audit_list_catalogues),
    ROW(submit_audit_report, ROLE_BIT(ROLE(AUDIT_BODY)), SIGNED, 0, audit_submit_report),
    ROW(submit_internal_report, ROLE_BIT(ROLE(PROVIDER)), SIGNED, 0, audit_submit_internal),
    ROW(submit_change_notice, ROLE_BIT(ROLE(PROVIDER)), SIGNED, 0, audit_submit_change),
    ROW(name_affected_controls, ROLE_BIT(ROLE(OPERATOR)), SIGNED, 0, audit_name_affected),
    ROW(state_audit_scope, ROLE_BIT(ROLE(PROVIDER)), SIGNED, 0, audit_state_scope),
    ROW(get_change_notice, READERS, 0, 256, audit_get_change),
    ROW(get_audit_scope, READERS, 0, 256, audit_get_scope),
    ROW(get_audit_report, READERS, 0, 256, audit_get_report),
    ROW(get_audit_standing, READERS, 0, 256, audit_get_standing),
    ROW(list_audit_problems, READERS, 0, 1024, audit_list_problems),
    ROW(resolve_audit_problem, ROLE_BIT(ROLE(OPERATOR)), SIGNED, 0, audit_resolve_problem),
};

static const struct consumer_row consumers[] = {
    {&ismap__liu__v1__verdict_changed__descriptor, on_verdict},
    {&ismap__liu__v1__registration_decided__descriptor, audit_on_registration},
    {&ismap__liu__v1__registration_cancelled__descriptor, audit_on_cancellation},
    {&ismap__liu__v1__suspension_imposed__descriptor, audit_on_suspension},
    {&ismap__liu__v1__suspension_lifted__descriptor, audit_on_lifting},
    {&ismap__liu__v1__rulebook_activated__descriptor, audit_on_rulebook},
};

static const struct timer_row timers[] = {
    {TIMER_PLAN, on_plan_timer},   {TIMER_YEARLY, audit_on_yearly}, {TIMER_REPLAN, audit_on_replan},
    {TIMER_SWEEP, audit_on_sweep}, {TIMER_MASS, audit_on_mass},     {TIMER_BASES, audit_on_bases},
    {TIMER_BASE, audit_on_base},
};

static const struct view_row views[] = {
    {.kind = RECORD_STANDING, .changed = audit_standing_changed},
    {.kind = RECORD_REPLAN_RUN, .changed = audit_run_changed},
};

const struct service audit_service = {
    .name = "audit",
    .main_fallback = "tcp://127.0.0.1:5703",
    .http_fallback = "127.0.0.1:9103",
    .rows = rows,
    .n_rows = sizeof(rows) / sizeof(rows[0]),
    .consumers = consumers,
    .n_consumers = sizeof(consumers) / sizeof(consumers[0]),
    .timers = timers,
    .n_timers = sizeof(timers) / sizeof(timers[0]),
    .views = views,
    .n_views = sizeof(views) / sizeof(views[0]),
    .create = audit_create,
    .destroy = audit_destroy,
};
