/* From grave alerts to incidents and suspensions; see push.h. */
#include "services/monitor/push.h"

#include <string.h>

#include "crypto/crypto.h"
#include "obs/log.h"
#include "services/monitor/core/sip.h"

/* ---- gathering */

static uint32_t part_of(const struct match_ref *ref)
{
    static const struct sip_key key = {1, 2};
    const char *const texts[] = {ref->number, ref->domain, ref->address, ref->product_id,
                                 ref->alias};
    uint64_t h = 0;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i] != NULL)
            h = h * 31 + sip_hash(&key, texts[i], strlen(texts[i]));
    return (uint32_t)(h % INCIDENT_UNMATCHED_TOPICS);
}

/* The concern this alert belongs to, added when it is new; CONCERN_NONE when there is no room. */
static enum err concern_find_or_add(struct push *p, const struct concern *wanted, uint8_t *out)
{
    for (size_t i = 0; i < p->n_concerns; i++) {
        const struct concern *e = &p->concerns[i];
        if (e->kind == wanted->kind && e->part == wanted->part &&
            strcmp(e->scene.number, wanted->scene.number) == 0) {
            *out = (uint8_t)i;
            return ERR_OK;
        }
    }
    *out = CONCERN_NONE;
    if (p->n_concerns >= CONCERNS_MAX)
        return ERR_OK;
    struct concern *e = &p->concerns[p->n_concerns];
    *e = *wanted;
    e->scene.number = arena_strdup(work_arena(p->w), wanted->scene.number);
    if (e->scene.number == NULL)
        return ERR_NOMEM;
    const char *feed = e->kind == TOPIC_LISTING ? "" : p->feed_id;
    if (!incident_topic(e->kind, feed, e->scene.number, e->part, e->topic))
        return ERR_INTERNAL;
    *out = (uint8_t)p->n_concerns++;
    return ERR_OK;
}

enum err concerns_gather(struct push *p)
{
    p->n = (uint32_t)p->m->n_alerts;
    for (uint32_t i = p->skip; i < p->n; i++) {
        const pb_alert *alert = p->m->alerts[i];
        const struct grade_input in = map_alert(alert);
        enum severity s = grade_alert(&p->rules.grade, &in).severity;
        p->severity[i] = (uint8_t)s;
        p->concern_of[i] = CONCERN_NONE;
        if (s != SEVERITY_UNSET && s < p->rules.decide.incident_from)
            continue;
        p->grave = p->grave || s >= p->rules.grade.top;
        const struct match_ref ref = map_ref(alert);
        const struct match_found f = monitor_match(p->mon, &ref);
        p->unmatched = p->unmatched || f.number == NULL;
        struct concern wanted = {.kind = TOPIC_LISTING, .how = f.how};
        wanted.scene.number = f.number == NULL ? "" : f.number;
        if (s == SEVERITY_UNSET) {
            wanted.kind = TOPIC_UNGRADED;
        } else if (f.number == NULL) {
            wanted.kind = TOPIC_UNMATCHED;
            wanted.part = part_of(&ref);
        }
        enum err e = concern_find_or_add(p, &wanted, &p->concern_of[i]);
        if (e != ERR_OK)
            return e;
        if (p->concern_of[i] == CONCERN_NONE)
            p->n = i; /* ends the loop: the rest does not fit */
    }
    return ERR_OK;
}

/* ---- reading */

/* While a listing is suspended, what is said of it belongs to the incident of its suspension. */
static bool concern_load(struct push *p, struct concern *e)
{
    const pb_incident *stored = NULL;
    bool ok = true;
    if (e->scene.number[0] != '\0')
        ok = scene_load(p->w, e->scene.number, &e->scene);
    ok &= incident_find(p->w, p->mon, e->topic, &e->incident_id, &stored);
    if (!ok)
        return false;
    if (e->kind == TOPIC_LISTING && map_suspended(e->scene.hold)) {
        const pb_incident *of_hold = NULL;
        if (!work_get(p->w, RECORD_INCIDENT, e->scene.hold->incident_id, (const void **)&of_hold))
            return false;
        if (of_hold != NULL) {
            stored = of_hold;
            e->incident_id = of_hold->id;
        }
    }
    if (stored != NULL)
        e->incident = incident_edit(work_arena(p->w), stored);
    if (e->incident_id == NULL || (stored != NULL && e->incident == NULL))
        e->incident_id = NULL; /* told by concerns_apply */
    return true;
}

bool concerns_load(struct push *p)
{
    bool ok = true;
    if (p->grave)
        ok &= work_get(p->w, RECORD_BRAKE, BRAKE_ID, (const void **)&p->stored_brake);
    for (size_t i = 0; i < p->n_concerns; i++)
        ok &= concern_load(p, &p->concerns[i]);
    if (ok)
        p->brake = map_brake(p->stored_brake);
    return ok;
}

/* ---- deciding */

static struct decision concern_decide(const struct push *p, const struct concern *e,
                                      enum severity s)
{
    struct decide_source sources[INCIDENT_SOURCES_MAX];
    const struct decide_feed feed = map_feed(p->feed);
    bool there = e->scene.listing != NULL;
    struct decide_facts facts = {
        .severity = s,
        .match = there || e->how == MATCH_UNCLEAR ? e->how : MATCH_NOTHING,
        .number = there ? e->scene.number : NULL,
        .registered = map_registered(e->scene.listing),
        .suspended = map_suspended(e->scene.hold),
        .sources = sources,
    };
    if (e->incident != NULL) {
        facts.incident = (enum incident_state)e->incident->state;
        facts.incident_severity = (enum severity)e->incident->severity;
        facts.n_sources = e->incident->n_sources;
        for (size_t i = 0; i < facts.n_sources; i++)
            sources[i] =
                (struct decide_source){.operator_body = e->incident->sources[i]->operator_body,
                                       .severity = (enum severity)e->incident->sources[i]->severity,
                                       .at_ms = e->incident->sources[i]->at_ms};
    }
    return decide_alert(&p->rules.decide, &feed, &facts, &p->brake, work_now_ms(p->w));
}

static bool add_source(struct push *p, struct concern *e, uint32_t i, const struct decision *d)
{
    struct arena *a = work_arena(p->w);
    enum severity s = (enum severity)p->severity[i];
    if (e->scene.listing != NULL && !d->has_say)
        s = SEVERITY_UNSET; /* its grade must not corroborate */
    bool news = incident_source_is_news(e->incident, p->feed_id, s, work_now_ms(p->w));
    p->archived += !news;
    if (!news)
        return true;
    uint8_t *hash = arena_alloc(a, SHA256_BYTES);
    const struct crypto_part part = {p->slices[i].data, p->slices[i].bytes};
    if (hash == NULL || crypto_sha256(&part, 1, hash) != ERR_OK)
        return false;
    pb_source source = ISMAP__LIU__V1__INCIDENT_SOURCE__INIT;
    source.feed = TEXT(p->feed_id);
    source.operator_body = p->feed->operator_body;
    source.seq = p->m->first_seq + i;
    source.lane = p->m->lane;
    source.at_ms = work_now_ms(p->w);
    source.severity = (Ismap__Liu__V1__Severity)s;
    source.alert_hash = (ProtobufCBinaryData){.len = SHA256_BYTES, .data = hash};
    e->changed = true;
    return incident_add_source(a, e->incident, &source, &news);
}

static bool add_outcome(struct push *p, const struct concern *e, uint32_t i,
                        Ismap__Liu__V1__AlertVerdict verdict)
{
    pb_outcome *o = arena_alloc(work_arena(p->w), sizeof *o);
    if (o == NULL)
        return false;
    ismap__liu__v1__alert_outcome__init(o);
    o->seq = p->m->first_seq + i;
    o->verdict = verdict;
    o->incident_id = TEXT(e->incident_id);
    o->number = TEXT(e->scene.number);
    p->outcomes[p->n_outcomes++] = o;
    return true;
}

/* What a change of the incident does to the world around it. */
static enum err concern_carry_out(struct push *p, struct concern *e, const struct decision *d,
                                  bool was_held)
{
    struct work *w = p->w;
    const struct reason_text *t = reason_text_of(d->reason);
    int64_t now = work_now_ms(w);
    if (d->outcome == OUTCOME_SUSPEND) {
        enum err err = suspend_impose(w, &e->scene, &p->rules, e->incident_id, p->feed_id, t->en);
        if (err != ERR_OK)
            return err;
        p->entries += suspend_entries(&e->scene);
        brake_count(&p->brake, &p->rules.decide, now);
        p->brake_changed = true;
        e->incident->rings = false;
        if (was_held) {
            p->brake.held -= p->brake.held > 0;
            work_timer(w, TIMER_BRAKE, e->incident_id, -1);
        }
    } else if (d->outcome == OUTCOME_HELD) {
        p->brake.held++;
        p->brake_changed = true;
        if (p->rules.brake_clock_ms > 0)
            work_timer(w, TIMER_BRAKE, e->incident_id, now + p->rules.brake_clock_ms);
    }
    if (d->rings) {
        e->incident->rings = true;
        alarm_ring(w, e->incident_id, t->kind, t->ja, t->en);
        p->entries++;
    }
    return ERR_OK;
}

/* Opens the incident, or moves the open one. */
static enum err concern_change(struct push *p, struct concern *e, uint32_t i,
                               const struct decision *d)
{
    struct arena *a = work_arena(p->w);
    int64_t now = work_now_ms(p->w);
    enum severity s = (enum severity)p->severity[i];
    const struct reason_text *t = reason_text_of(d->reason);
    bool fresh = e->incident == NULL;
    if (fresh)
        e->incident = incident_new(a, e->incident_id, e->scene.number, p->m->alerts[i],
                                   p->rulebook_hash, now);
    const char *why = arena_printf(a, "%s / %s", t->ja, t->en);
    if (e->incident == NULL || why == NULL)
        return ERR_NOMEM;
    enum incident_state state = (enum incident_state)e->incident->state;
    bool was_held = state == INCIDENT_HELD;
    enum incident_event ev = d->outcome == OUTCOME_SUSPEND ? INCIDENT_EV_SUSPEND
                             : d->outcome == OUTCOME_HELD  ? INCIDENT_EV_HOLD_BACK
                                                           : INCIDENT_EV_REPORT;
    const struct incident_facts facts = {.grave = s >= p->rules.grade.top,
                                         .suspendable = map_registered(e->scene.listing) &&
                                                        !map_suspended(e->scene.hold)};
    if (incident_step(state, ev, &facts, &state) != FSM_OK)
        return ERR_CONFLICT;
    if (!incident_add_step(a, e->incident, state, p->feed_id, why, now) || !add_source(p, e, i, d))
        return ERR_NOMEM;
    if ((enum severity)e->incident->severity < s)
        e->incident->severity = (Ismap__Liu__V1__Severity)s;
    incident_because(e->incident, d->reason);
    e->changed = true;
    enum err err = concern_carry_out(p, e, d, was_held);
    if (err == ERR_OK && fresh) {
        incident_emit_opened(p->w, e->incident, &e->scene, s != SEVERITY_UNSET);
        p->entries++;
    }
    return err;
}

static Ismap__Liu__V1__AlertVerdict verdict_of(const struct decision *d)
{
    bool nowhere = d->reason == REASON_UNMATCHED || d->reason == REASON_UNCLEAR;
    switch (d->outcome) {
    case OUTCOME_JOIN:
        return ISMAP__LIU__V1__ALERT_VERDICT__ALERT_VERDICT_DUPLICATE;
    case OUTCOME_HELD:
        return ISMAP__LIU__V1__ALERT_VERDICT__ALERT_VERDICT_HELD_BY_BRAKE;
    case OUTCOME_SUSPEND:
        return ISMAP__LIU__V1__ALERT_VERDICT__ALERT_VERDICT_SUSPENDED;
    case OUTCOME_COUNT:
    case OUTCOME_INCIDENT:
    default:
        return nowhere ? ISMAP__LIU__V1__ALERT_VERDICT__ALERT_VERDICT_UNMATCHED
                       : ISMAP__LIU__V1__ALERT_VERDICT__ALERT_VERDICT_INCIDENT;
    }
}

/* An incident in a state that the decision does not expect must not block the lane: it is told to a
 * person and the alert is kept as one more source. */
static enum err concern_stuck(struct push *p, struct concern *e, uint32_t i, struct decision *d)
{
    log_event(LOG_LEVEL_ERROR, "incident-stuck", "an alert does not fit the state of its incident",
              "incident", e->incident_id, NULL);
    d->outcome = OUTCOME_JOIN;
    if (!add_source(p, e, i, d))
        return ERR_NOMEM;
    alarm_ring(p->w, e->incident_id, "STUCK",
               "警報とインシデントの状態が合いません。担当者が確認してください。",
               "An alert does not fit the state of its incident: a person has to look.");
    p->entries++;
    return ERR_OK;
}

static enum err concern_apply(struct push *p, struct concern *e, uint32_t i)
{
    if (e->incident_id == NULL)
        return ERR_AGAIN;
    struct decision d = concern_decide(p, e, (enum severity)p->severity[i]);
    enum err err = ERR_OK;
    if (d.outcome == OUTCOME_JOIN) {
        if (!add_source(p, e, i, &d))
            err = ERR_NOMEM;
    } else {
        err = concern_change(p, e, i, &d);
        if (err == ERR_CONFLICT)
            err = concern_stuck(p, e, i, &d);
    }
    if (err == ERR_OK && !add_outcome(p, e, i, verdict_of(&d)))
        err = ERR_NOMEM;
    return err;
}

enum err concerns_apply(struct push *p)
{
    p->outcomes = arena_alloc(work_arena(p->w), (p->n + 1) * sizeof(pb_outcome *));
    if (p->outcomes == NULL)
        return ERR_NOMEM;
    for (uint32_t i = p->skip; i < p->n; i++) {
        if (p->concern_of[i] == CONCERN_NONE) {
            p->counted++;
            p->archived++;
            continue;
        }
        struct concern *e = &p->concerns[p->concern_of[i]];
        if (i > p->skip && p->entries + 1 + suspend_entries(&e->scene) > LIMIT_WORK_ENTRIES) {
            p->n = i;
            break;
        }
        enum err err = concern_apply(p, e, i);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

void concerns_put(struct push *p)
{
    for (size_t i = 0; i < p->n_concerns; i++) {
        const struct concern *e = &p->concerns[i];
        if (e->changed)
            work_put(p->w, RECORD_INCIDENT, e->incident_id, &e->incident->base);
    }
    if (!p->brake_changed)
        return;
    pb_brake brake = ISMAP__LIU__V1__BRAKE__INIT;
    brake.window_start_ms = p->brake.window_start_ms;
    brake.suspensions = p->brake.suspensions;
    brake.held = p->brake.held;
    work_put(p->w, RECORD_BRAKE, BRAKE_ID, &brake.base);
}
