/* Incidents of a service: the controls they concern are audited in the next year that can be
 * planned. R66, R83, R86
 *
 * A suspension names no controls: the rulebook's incident_controls stand for it, until an operator
 * names those that really failed, or none. After the lifting, only what is audited in a later year
 * than it resolves the incident: what was looked at before does not show that the service is sound
 * again.
 */
#include <string.h>

#include "services/audit/audit_record.h"
#include "services/audit/bases.h"
#include "services/audit/standing.h"

typedef Ismap__Liu__V1__IncidentRef pb_ref;

/* The case whose listing it is; plan NULL = there is none to plan again. */
struct hit {
    const char *number;
    const char *incident_id;
    const pb_plan *plan;
    const Ismap__Liu__V1__Rulebook *rules;
    pb_scope *scope;       /* edited */
    pb_standing *standing; /* edited */
    pb_ref *ref;           /* edited, in the scope */
};

/* False: return DECIDE_WAIT. */
static bool load(struct work *w, struct hit *h)
{
    const void *listing = NULL;
    const void *plan = NULL;
    const void *scope = NULL;
    const void *standing = NULL;
    const char *hash = NULL;
    bool loaded = work_get(w, RECORD_LISTING, h->number, &listing);
    loaded &= work_rulebook(w, &h->rules, &hash);
    if (!loaded)
        return false;
    if (listing == NULL)
        return true;
    const char *case_id = ((const Ismap__Liu__V1__Listing *)listing)->case_id;
    loaded = work_get(w, RECORD_PLAN, case_id, &plan);
    loaded &= work_get(w, RECORD_AUDIT_SCOPE, case_id, &scope);
    loaded &= work_get(w, RECORD_STANDING, case_id, &standing);
    if (!loaded || plan == NULL)
        return loaded;
    h->plan = plan;
    h->scope = scope_edit(work_arena(w), scope, h->plan->case_id, h->plan->provider);
    h->standing = standing_edit(work_arena(w), standing, h->plan->case_id, h->plan->provider);
    return true;
}

/* What happened to each of these controls, because of the incident. */
static enum err trigger(struct work *w, struct hit *h, char *const *controls, size_t n,
                        int32_t year)
{
    return scope_happened(
        w, h->scope, (const char *const *)controls, n,
        &(struct plan_trigger){.cause = PLAN_INCIDENT, .year = year, .ref = h->incident_id});
}

/* `e` is of the scope; a scope that is full keeps what it has, and a person has to look. */
static enum decide put(struct work *w, struct hit *h, enum err e)
{
    if (e == ERR_LIMIT)
        return work_refuse(w, STATUS(RESOURCE_EXHAUSTED), "controls", "P-LIMIT",
                           "監査を待つ事由の件数が上限を超えます。",
                           "More would wait for its audit than is kept.");
    if (e != ERR_OK || !standing_replan(w, h->standing, CAUSE(INCIDENT), h->incident_id))
        return work_no_memory(w);
    work_put(w, RECORD_AUDIT_SCOPE, h->scope->case_id, &h->scope->base);
    work_put(w, RECORD_STANDING, h->standing->case_id, &h->standing->base);
    return DECIDE_DONE;
}

/* The case's part in an incident, to be edited. False: return *d; records are not there yet, there
 * is no plan, or no memory. */
static bool take_part(struct work *w, struct hit *h, enum decide *d)
{
    bool loaded = bases_moved(w, h->number);
    loaded &= load(w, h);
    *d = loaded ? DECIDE_DONE : DECIDE_WAIT;
    if (!loaded || h->plan == NULL)
        return false;
    if (h->scope != NULL && h->standing != NULL)
        h->ref = scope_incident(work_arena(w), h->scope, h->incident_id);
    if (h->ref == NULL)
        *d = work_no_memory(w);
    return h->ref != NULL;
}

/* The event comes once for each part of its audience: the first one counts. */
enum decide audit_on_suspension(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__SuspensionImposed *ev = work_message(w);
    struct hit h = {.number = ev->number, .incident_id = ev->incident_id};
    enum decide d;
    if (!take_part(w, &h, &d))
        return d;
    if (h.ref->suspended_at_ms != 0)
        return DECIDE_DONE;
    h.ref->number = ev->number;
    h.ref->suspended_at_ms = ev->at_ms;
    const pb_audit_rules *rules = h.rules == NULL ? NULL : h.rules->audit;
    enum err e = ERR_OK;
    if (rules != NULL && h.ref->named_by[0] == '\0')
        e = trigger(w, &h, rules->incident_controls, rules->n_incident_controls,
                    audit_year_of(ev->at_ms));
    return put(w, &h, e);
}

/* Its triggers move to the year of the lifting. */
enum decide audit_on_lifting(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__SuspensionLifted *ev = work_message(w);
    struct hit h = {.number = ev->number, .incident_id = ev->incident_id};
    enum decide d;
    if (!take_part(w, &h, &d))
        return d;
    if (h.ref->lifted_at_ms != 0)
        return DECIDE_DONE;
    h.ref->number = ev->number;
    h.ref->lifted_at_ms = ev->at_ms;
    char **controls = arena_alloc(work_arena(w), (h.scope->n_triggers + 1) * sizeof *controls);
    size_t n = 0;
    if (controls == NULL)
        return work_no_memory(w);
    for (size_t i = 0; i < h.scope->n_triggers; i++)
        if (h.scope->triggers[i]->cause == ISMAP__LIU__V1__PLAN_CAUSE__PLAN_CAUSE_INCIDENT &&
            strcmp(h.scope->triggers[i]->ref, ev->incident_id) == 0)
            controls[n++] = h.scope->triggers[i]->control_id;
    return put(w, &h, trigger(w, &h, controls, n, audit_year_of(ev->at_ms)));
}

/* Every fault at once. ERR_INVAL: refused. */
static enum err check(struct work *w, const Ismap__Liu__V1__NameAffectedControls *m,
                      const Ismap__Liu__V1__Catalogue *catalogue)
{
    struct audit_faults faults = {.n = 0};
    struct catalogue core = {.n = 0};
    enum err e = catalogue == NULL
                     ? ERR_INTERNAL
                     : audit_record_catalogue(work_arena(w), catalogue, &core, &faults);
    if (e != ERR_OK)
        return e == ERR_NOMEM ? e : ERR_INTERNAL;
    e = scope_check_controls(work_arena(w), &core, (const char *const *)m->controls, m->n_controls,
                             &faults);
    if (e == ERR_INVAL)
        (void)audit_refuse_faults(w, STATUS(INVALID_ARGUMENT), "", &faults);
    return e;
}

static enum decide name(struct work *w, const Ismap__Liu__V1__NameAffectedControls *m,
                        struct hit *h, int64_t since_ms)
{
    Ismap__Liu__V1__AffectedControlsNamed ev = ISMAP__LIU__V1__AFFECTED_CONTROLS_NAMED__INIT;
    const char *audience[] = {h->plan->provider};
    if (h->scope == NULL || h->standing == NULL ||
        (h->ref = scope_incident(work_arena(w), h->scope, m->incident_id)) == NULL ||
        !scope_drop(work_arena(w), h->scope, PLAN_INCIDENT, m->incident_id))
        return work_no_memory(w);
    h->ref->number = lend(h->number);
    h->ref->named_by = lend(work_actor(w));
    h->ref->named_at_ms = work_now_ms(w);
    h->ref->reason = m->reason;
    int64_t at_ms = h->ref->lifted_at_ms != 0 ? h->ref->lifted_at_ms : since_ms;
    enum err e = trigger(w, h, m->controls, m->n_controls, audit_year_of(at_ms));
    ev.incident_id = m->incident_id;
    ev.case_id = h->plan->case_id;
    ev.provider = h->plan->provider;
    ev.number = lend(h->number);
    ev.controls = (uint32_t)m->n_controls;
    if (e == ERR_OK)
        work_emit(w, &ev.base, audience, 1);
    return put(w, h, e);
}

enum decide audit_name_affected(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__NameAffectedControls *m = work_message(w);
    const void *found = NULL;
    const void *catalogue = NULL;
    if (!work_get(w, RECORD_INCIDENT, m->incident_id, &found))
        return DECIDE_WAIT;
    const Ismap__Liu__V1__Incident *i = found;
    if (i == NULL || i->number[0] == '\0')
        return audit_not_found(w, "incidentId");
    struct hit h = {.number = i->number, .incident_id = m->incident_id};
    if (!load(w, &h))
        return DECIDE_WAIT;
    if (h.plan == NULL)
        return audit_not_found(w, "incidentId");
    if (!work_get(w, RECORD_CATALOGUE, h.plan->catalogue_version, &catalogue))
        return DECIDE_WAIT;
    enum err e = check(w, m, catalogue);
    if (e == ERR_NOMEM)
        return work_no_memory(w);
    if (e == ERR_INVAL)
        return DECIDE_DONE;
    return e == ERR_OK ? name(w, m, &h, i->opened_at_ms) : audit_bad_catalogue(w);
}
