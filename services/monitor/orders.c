/* Operators' decisions on incidents and suspensions: confirm, lift, order. Signed; each leaves who,
 * when and why in the record. R82, R83, R86, R92.
 */
#include <string.h>

#include "base/date.h"
#include "services/monitor/suspend.h"

typedef Ismap__Liu__V1__ConfirmIncident pb_confirm;
typedef Ismap__Liu__V1__LiftSuspension pb_lift;
typedef Ismap__Liu__V1__SuspendService pb_suspend;

static enum decide reply_incident(struct work *w, pb_incident *inc)
{
    Ismap__Liu__V1__IncidentAnswer *answer = arena_alloc(work_arena(w), sizeof *answer);
    if (answer == NULL)
        return work_no_memory(w);
    ismap__liu__v1__incident_answer__init(answer);
    answer->incident = inc;
    work_reply(w, &answer->base);
    return DECIDE_DONE;
}

static enum decide refuse_no_rules(struct work *w)
{
    return work_refuse(w, STATUS(FAILED_PRECONDITION), "", "R82",
                       "有効な規則集がありません。先に規則集を有効にしてください。",
                       "No rulebook is in force. Activate one first.");
}

/* *out NULL: none is in force, or no memory (then the work has failed). False = return DECIDE_WAIT.
 */
static bool rules_load(struct work *w, struct rules *rules, const char **hash, bool *there)
{
    const pb_rulebook *rb;
    *there = false;
    if (!work_rulebook(w, &rb, hash))
        return false;
    *there = rb != NULL && rb->incident != NULL && map_incident_rules(work_arena(w), rb, rules);
    return true;
}

/* The brake lets go of an incident it held. */
static void brake_release(struct work *w, const pb_brake *stored, const char *incident_id)
{
    pb_brake brake = ISMAP__LIU__V1__BRAKE__INIT;
    if (stored != NULL)
        brake = *stored;
    brake.held -= brake.held > 0;
    work_put(w, RECORD_BRAKE, BRAKE_ID, &brake.base);
    work_timer(w, TIMER_BRAKE, incident_id, -1);
}

/* ---- ConfirmIncident */

struct confirm {
    const pb_confirm *m;
    const pb_incident *stored;
    const pb_brake *brake;
    struct scene scene;
    struct rules rules;
    const char *rulebook_hash;
    bool rules_there;
};

static bool confirm_load(struct work *w, struct confirm *c)
{
    bool ok = work_get(w, RECORD_INCIDENT, c->m->incident_id, (const void **)&c->stored);
    ok &= work_get(w, RECORD_BRAKE, BRAKE_ID, (const void **)&c->brake);
    ok &= rules_load(w, &c->rules, &c->rulebook_hash, &c->rules_there);
    if (c->stored != NULL && c->stored->number[0] != '\0')
        ok &= scene_load(w, c->stored->number, &c->scene);
    return ok;
}

static enum decide refuse_confirm(struct work *w, enum fsm_result r, enum incident_state s)
{
    if (s == INCIDENT_SUSPENDED && r == FSM_GUARDED)
        return work_refuse(
            w, STATUS(FAILED_PRECONDITION), "severity", "R86",
            "停止中のインシデントは、最上位の区分で承認するか、停止を解除してください。",
            "A suspension is confirmed with the top grade, or lifted.");
    return work_refuse(w, STATUS(FAILED_PRECONDITION), "incidentId", "R84",
                       "このインシデントは既に承認、解除または終了しています。",
                       "The incident has been confirmed, lifted or closed already.");
}

static enum decide confirm_apply(struct work *w, struct confirm *c, enum severity severity)
{
    enum incident_state before = (enum incident_state)c->stored->state;
    enum incident_state after = before;
    const struct incident_facts facts = {.grave = severity >= c->rules.grade.top,
                                         .suspendable = map_registered(c->scene.listing) &&
                                                        !map_suspended(c->scene.hold)};
    enum fsm_result r = incident_step(before, INCIDENT_EV_CONFIRM, &facts, &after);
    if (r != FSM_OK)
        return refuse_confirm(w, r, before);
    pb_incident *inc = incident_edit(work_arena(w), c->stored);
    if (inc == NULL ||
        !incident_add_step(work_arena(w), inc, after, work_actor(w), c->m->reason, work_now_ms(w)))
        return work_no_memory(w);
    inc->severity = (Ismap__Liu__V1__Severity)severity;
    inc->rings = false;
    if (before == INCIDENT_HELD)
        brake_release(w, c->brake, inc->id);
    if (after == INCIDENT_CONFIRMED && before != INCIDENT_SUSPENDED) {
        incident_because(inc, REASON_CONFIRMED);
        if (suspend_impose(w, &c->scene, &c->rules, inc->id, work_actor(w), c->m->reason) != ERR_OK)
            return work_no_memory(w);
    }
    work_put(w, RECORD_INCIDENT, inc->id, &inc->base);
    return reply_incident(w, inc);
}

enum decide confirm_incident(struct work *w, void *service_state)
{
    struct confirm c = {.m = work_message(w)};
    (void)service_state;
    if (!confirm_load(w, &c))
        return DECIDE_WAIT;
    if (c.stored == NULL)
        return work_refuse(w, STATUS(NOT_FOUND), "incidentId", "P-NOT-FOUND",
                           "そのインシデントはありません。", "There is no such incident.");
    if (!c.rules_there)
        return refuse_no_rules(w);
    enum severity severity = (enum severity)c.m->severity;
    if (severity == SEVERITY_UNSET)
        severity = (enum severity)c.stored->severity;
    if (severity == SEVERITY_UNSET)
        return work_refuse(w, STATUS(INVALID_ARGUMENT), "severity", "R82",
                           "このインシデントは重大度が未判定です。重大度を指定してください。",
                           "This incident has no grade: say which it gets.");
    return confirm_apply(w, &c, severity);
}

/* ---- LiftSuspension */

static bool lift_date_wrong(struct work *w, const pb_lift *m)
{
    int32_t day;
    if (date_parse(m->decided_on, &day) == ERR_OK && day <= date_of_ms(work_now_ms(w)))
        return false;
    (void)work_refuse(w, STATUS(INVALID_ARGUMENT), "decidedOn", "R86",
                      "解除の決定日は、今日以前の日付(YYYY-MM-DD)で記入してください。",
                      "The day of the decision must be a date (YYYY-MM-DD), today or before.");
    return true;
}

static enum decide lift_apply(struct work *w, const pb_lift *m, struct scene *s,
                              const pb_incident *stored)
{
    struct arena *a = work_arena(w);
    const char *reason =
        arena_printf(a, "%s [basis: %s; decided on %s]", m->reason, m->basis, m->decided_on);
    if (reason == NULL)
        return work_no_memory(w);
    pb_incident *inc = NULL;
    enum incident_state state = INCIDENT_NONE;
    /* without an incident that can be lifted the hold is lifted all the same: it is what suspends
     */
    if (stored != NULL && incident_step((enum incident_state)stored->state, INCIDENT_EV_LIFT, NULL,
                                        &state) == FSM_OK) {
        inc = incident_edit(a, stored);
        if (inc == NULL || !incident_add_step(a, inc, state, work_actor(w), reason, work_now_ms(w)))
            return work_no_memory(w);
        inc->rings = false;
        work_put(w, RECORD_INCIDENT, inc->id, &inc->base);
    }
    if (suspend_lift(w, s, work_actor(w), m->basis, reason) != ERR_OK)
        return work_no_memory(w);
    return inc == NULL ? DECIDE_DONE : reply_incident(w, inc);
}

enum decide lift_suspension(struct work *w, void *service_state)
{
    const pb_lift *m = work_message(w);
    struct scene s;
    const pb_incident *stored = NULL;
    const char *hash;
    const pb_rulebook *rb;
    (void)service_state;
    bool ok = scene_load(w, m->number, &s);
    ok &= work_rulebook(w, &rb, &hash);
    if (s.hold != NULL && s.hold->incident_id[0] != '\0')
        ok &= work_get(w, RECORD_INCIDENT, s.hold->incident_id, (const void **)&stored);
    if (!ok)
        return DECIDE_WAIT;
    if (s.listing == NULL)
        return work_refuse(w, STATUS(NOT_FOUND), "number", "P-NOT-FOUND",
                           "その登録番号のサービスはありません。", "There is no such listing.");
    if (!map_suspended(s.hold))
        return work_refuse(w, STATUS(FAILED_PRECONDITION), "number", "R86",
                           "このサービスは一時停止中ではありません。",
                           "The listing is not suspended.");
    if (lift_date_wrong(w, m))
        return DECIDE_DONE;
    return lift_apply(w, m, &s, stored);
}

/* ---- SuspendService */

struct order {
    const pb_suspend *m;
    struct scene scene;
    struct rules rules;
    const char *rulebook_hash;
    bool rules_there;
    const pb_brake *brake;
    const char *incident_id;
    const pb_incident *stored;
};

static enum decide order_apply(struct work *w, struct order *o)
{
    struct arena *a = work_arena(w);
    bool fresh = o->stored == NULL;
    pb_incident *inc = fresh ? incident_new(a, o->incident_id, o->scene.number, NULL,
                                            o->rulebook_hash, work_now_ms(w))
                             : incident_edit(a, o->stored);
    const char *reason = arena_printf(a, "%s [basis: %s]", o->m->reason, o->m->basis);
    if (inc == NULL || reason == NULL)
        return work_no_memory(w);
    enum incident_state before = (enum incident_state)inc->state;
    enum incident_state state = before;
    const struct incident_facts facts = {.grave = true, .suspendable = true};
    if (incident_step(before, INCIDENT_EV_ORDER, &facts, &state) != FSM_OK)
        return work_refuse(w, STATUS(FAILED_PRECONDITION), "number", "R84",
                           "このサービスのインシデントは停止できる状態ではありません。",
                           "The open incident of this listing is in no state to suspend from.");
    if (!incident_add_step(a, inc, state, work_actor(w), reason, work_now_ms(w)))
        return work_no_memory(w);
    inc->severity = (Ismap__Liu__V1__Severity)o->rules.grade.top;
    inc->rings = false;
    incident_because(inc, REASON_ORDERED);
    if (before == INCIDENT_HELD)
        brake_release(w, o->brake, inc->id);
    if (suspend_impose(w, &o->scene, &o->rules, inc->id, work_actor(w), reason) != ERR_OK)
        return work_no_memory(w);
    if (fresh)
        incident_emit_opened(w, inc, &o->scene, true);
    work_put(w, RECORD_INCIDENT, inc->id, &inc->base);
    return reply_incident(w, inc);
}

static bool order_load(struct work *w, const struct monitor *mon, struct order *o, bool *hashed)
{
    char topic[BOOK_TOPIC_BYTES + 1];
    bool ok = scene_load(w, o->m->number, &o->scene);
    ok &= rules_load(w, &o->rules, &o->rulebook_hash, &o->rules_there);
    ok &= work_get(w, RECORD_BRAKE, BRAKE_ID, (const void **)&o->brake);
    *hashed = incident_topic(TOPIC_LISTING, "", o->m->number, 0, topic);
    if (*hashed)
        ok &= incident_find(w, mon, topic, &o->incident_id, &o->stored);
    return ok;
}

enum decide suspend_service(struct work *w, void *service_state)
{
    struct order o = {.m = work_message(w)};
    bool hashed;
    if (!order_load(w, service_state, &o, &hashed))
        return DECIDE_WAIT;
    if (!hashed || o.incident_id == NULL)
        return work_no_memory(w);
    if (!o.rules_there)
        return refuse_no_rules(w);
    if (o.scene.listing == NULL)
        return work_refuse(w, STATUS(NOT_FOUND), "number", "P-NOT-FOUND",
                           "その登録番号のサービスはありません。", "There is no such listing.");
    if (!map_registered(o.scene.listing))
        return work_refuse(w, STATUS(FAILED_PRECONDITION), "number", "R83",
                           "登録中のサービスではないため停止の対象になりません。",
                           "The listing is not registered now: there is nothing to suspend.");
    if (map_suspended(o.scene.hold))
        return work_refuse(w, STATUS(FAILED_PRECONDITION), "number", "R83",
                           "このサービスは既に一時停止中です。",
                           "The listing is suspended already.");
    return order_apply(w, &o);
}
