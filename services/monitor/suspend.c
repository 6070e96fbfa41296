/* Hold, notices and clocks; see suspend.h. */
#include "services/monitor/suspend.h"

#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "obs/log.h"
#include "services/monitor/core/hold_fsm.h"

bool scene_load(struct work *w, const char *number, struct scene *s)
{
    *s = (struct scene){.number = number};
    bool ok = work_get(w, RECORD_LISTING, number, (const void **)&s->listing);
    ok &= work_get(w, RECORD_HOLD, number, (const void **)&s->hold);
    ok &= work_get(w, RECORD_USERS, number, (const void **)&s->users);
    return ok;
}

/* ---- who is told */

struct audience {
    const char **ids;
    size_t n;
};

static size_t audience_most(const struct scene *s)
{
    return 2 + s->listing->n_ministries + (s->users == NULL ? 0 : s->users->n_ministries);
}

size_t suspend_entries(const struct scene *s)
{
    return s->listing == NULL ? 1 : (audience_most(s) + LIMIT_AUDIENCE - 1) / LIMIT_AUDIENCE;
}

static void audience_add(struct audience *a, const char *id)
{
    for (size_t i = 0; i < a->n; i++)
        if (strcmp(a->ids[i], id) == 0)
            return;
    if (id[0] != '\0')
        a->ids[a->n++] = id;
}

static bool audience_of(struct work *w, const struct scene *s, struct audience *a)
{
    a->n = 0;
    a->ids = arena_alloc(work_arena(w), audience_most(s) * sizeof *a->ids);
    if (a->ids == NULL)
        return false;
    audience_add(a, "public");
    audience_add(a, s->listing->provider);
    for (size_t i = 0; i < s->listing->n_ministries; i++)
        audience_add(a, s->listing->ministries[i]);
    for (size_t i = 0; s->users != NULL && i < s->users->n_ministries; i++)
        audience_add(a, s->users->ministries[i]);
    return true;
}

static void emit_to(struct work *w, const ProtobufCMessage *event, const struct audience *a)
{
    for (size_t at = 0; at < a->n; at += LIMIT_AUDIENCE) {
        size_t n = a->n - at < LIMIT_AUDIENCE ? a->n - at : LIMIT_AUDIENCE;
        work_emit(w, event, a->ids + at, n);
    }
}

/* ---- the hold */

/* The hold in its next state, with one more line of history. NULL without memory. */
static pb_hold *hold_next(struct work *w, const struct scene *s, enum hold_state state,
                          const char *by, const char *reason, const char *incident_id)
{
    struct arena *a = work_arena(w);
    pb_hold *h = arena_alloc(a, sizeof *h);
    pb_hold_change *change = arena_alloc(a, sizeof *change);
    pb_hold_change **history = arena_alloc(a, HOLD_HISTORY_MAX * sizeof(pb_hold_change *));
    if (h == NULL || change == NULL || history == NULL)
        return NULL;
    ismap__liu__v1__hold__init(h);
    ismap__liu__v1__hold_change__init(change);
    size_t kept = s->hold == NULL ? 0 : s->hold->n_history;
    size_t first = kept >= HOLD_HISTORY_MAX ? kept - (HOLD_HISTORY_MAX - 1) : 0;
    for (size_t i = first; i < kept; i++)
        history[h->n_history++] = s->hold->history[i];
    change->state = (Ismap__Liu__V1__HoldState)state;
    change->at_ms = work_now_ms(w);
    change->by = TEXT(by);
    change->reason = TEXT(reason);
    change->incident_id = TEXT(incident_id);
    history[h->n_history++] = change;
    h->history = history;
    h->number = TEXT(s->number);
    h->state = change->state;
    h->incident_id = change->incident_id;
    h->since_ms = change->at_ms;
    h->cause = change->by;
    return h;
}

static enum err hold_move(struct work *w, struct scene *s, enum hold_event event, const char *by,
                          const char *reason, const char *incident_id)
{
    enum hold_state state = s->hold == NULL ? HOLD_UNSET : (enum hold_state)s->hold->state;
    if (hold_step(state, event, &state) != FSM_OK)
        return ERR_CONFLICT;
    pb_hold *h = hold_next(w, s, state, by, reason, incident_id);
    if (h == NULL)
        return ERR_NOMEM;
    work_put(w, RECORD_HOLD, s->number, &h->base);
    s->hold = h;
    return ERR_OK;
}

/* Signed are, in this order: number, incident id, service name, at_ms as 8 bytes big-endian, cause.
 * Without a key the notice goes out unsigned: a suspension never waits for it. */
static void notice_sign(struct work *w, Ismap__Liu__V1__SuspensionImposed *n, uint8_t *signature)
{
    uint8_t at[8];
    be64_put(at, (uint64_t)n->at_ms);
    const struct crypto_part parts[] = {
        {n->number, strlen(n->number)},
        {n->incident_id, strlen(n->incident_id)},
        {n->service_name, strlen(n->service_name)},
        {at, sizeof at},
        {n->cause, strlen(n->cause)},
    };
    const char *key_id = "";
    enum err e =
        work_sign(w, DOMAIN_NOTICE, parts, sizeof parts / sizeof parts[0], signature, &key_id);
    if (e != ERR_OK) {
        log_event(LOG_LEVEL_WARN, "notice-unsigned",
                  "a suspension notice goes out without a signature", "number", n->number, "why",
                  err_name(e), NULL);
        return;
    }
    n->key_id = TEXT(key_id);
    n->signature = (ProtobufCBinaryData){.len = ED25519_SIGNATURE_BYTES, .data = signature};
}

enum err suspend_impose(struct work *w, struct scene *s, const struct rules *rules,
                        const char *incident_id, const char *cause, const char *reason)
{
    struct audience a;
    int64_t now = work_now_ms(w);
    uint8_t signature[ED25519_SIGNATURE_BYTES];
    if (!audience_of(w, s, &a))
        return ERR_NOMEM;
    enum err e = hold_move(w, s, HOLD_EV_SUSPEND, cause, reason, incident_id);
    if (e != ERR_OK)
        return e;
    Ismap__Liu__V1__SuspensionImposed n = ISMAP__LIU__V1__SUSPENSION_IMPOSED__INIT;
    n.number = TEXT(s->number);
    n.incident_id = TEXT(incident_id);
    n.service_name = s->listing->service_name;
    n.at_ms = now;
    /* the notice is public: which feed it was is not */
    n.cause = work_role(w) == ISMAP__LIU__V1__ROLE__ROLE_FEED ? TEXT("alert") : TEXT(cause);
    notice_sign(w, &n, signature);
    emit_to(w, &n.base, &a);
    if (rules->prelim_ms > 0)
        work_timer(w, TIMER_PRELIM, incident_id, now + rules->prelim_ms);
    if (rules->final_ms > 0)
        work_timer(w, TIMER_FINAL, incident_id, now + rules->final_ms);
    return ERR_OK;
}

enum err suspend_lift(struct work *w, struct scene *s, const char *by, const char *basis,
                      const char *reason)
{
    struct audience a;
    const char *incident_id = s->hold == NULL ? "" : s->hold->incident_id;
    if (!audience_of(w, s, &a))
        return ERR_NOMEM;
    enum err e = hold_move(w, s, HOLD_EV_LIFT, by, reason, incident_id);
    if (e != ERR_OK)
        return e;
    Ismap__Liu__V1__SuspensionLifted n = ISMAP__LIU__V1__SUSPENSION_LIFTED__INIT;
    n.number = TEXT(s->number);
    n.incident_id = TEXT(incident_id);
    n.service_name = s->listing->service_name;
    n.at_ms = work_now_ms(w);
    n.by = TEXT(by);
    n.basis = TEXT(basis);
    emit_to(w, &n.base, &a);
    work_timer(w, TIMER_PRELIM, incident_id, -1);
    work_timer(w, TIMER_FINAL, incident_id, -1);
    return ERR_OK;
}

/* ---- telling operators */

void incident_emit_opened(struct work *w, const pb_incident *inc, const struct scene *s,
                          bool provider)
{
    Ismap__Liu__V1__IncidentOpened n = ISMAP__LIU__V1__INCIDENT_OPENED__INIT;
    n.incident_id = inc->id;
    n.number = inc->number;
    n.severity = inc->severity;
    n.state = inc->state;
    n.why_ja = inc->why_ja;
    n.why_en = inc->why_en;
    bool told = provider && s != NULL && s->listing != NULL;
    const char *audience[] = {told ? s->listing->provider : ""};
    work_emit(w, &n.base, audience, told ? 1 : 0);
}

void alarm_ring(struct work *w, const char *incident_id, const char *kind, const char *ja,
                const char *en)
{
    pb_alarm n = ISMAP__LIU__V1__ALARM_RANG__INIT;
    n.incident_id = TEXT(incident_id);
    n.kind = TEXT(kind);
    n.why_ja = TEXT(ja);
    n.why_en = TEXT(en);
    work_emit(w, &n.base, NULL, 0);
}
