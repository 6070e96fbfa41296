/* From a frame to a work: envelope, sender, role, size, signature, shape. Nothing is decoded before
 * the sender is known, and nothing decided before everything is decoded.
 */
#include "flow/internal.h"

#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "crypto/envelope.h"

#define ENVELOPE_VERSION 1

struct refusal {
    Ismap__Liu__V1__Status status;
    const char *field;
    const char *rule;
    const char *ja;
    const char *en;
};

static const struct refusal refuse_frame = {FLOW_STATUS(INVALID_ARGUMENT), "", "P-FRAME",
                                            "封筒(Envelope)として読めません。",
                                            "The frame is not a readable Envelope."};
static const struct refusal refuse_sender = {
    FLOW_STATUS(PERMISSION_DENIED), "", "P-REVOKED",
    "この鍵の当事者は登録されていないか、取り消されています。",
    "The party of this key is unknown or has been revoked."};
static const struct refusal refuse_type = {FLOW_STATUS(UNIMPLEMENTED), "type", "P-TYPE",
                                           "この窓口では扱わない種類の要求です。",
                                           "This door does not serve requests of this type."};
static const struct refusal refuse_role = {FLOW_STATUS(PERMISSION_DENIED), "type", "P-ROLE",
                                           "この役割の当事者には許されていない要求です。",
                                           "A party of this role may not send this type."};
static const struct refusal refuse_size = {FLOW_STATUS(INVALID_ARGUMENT), "payload", "P-SIZE",
                                           "内容がこの種類の上限より大きいです。",
                                           "The payload is larger than this type allows."};
static const struct refusal refuse_stale = {
    FLOW_STATUS(FAILED_PRECONDITION), "sentAtMs", "P-STALE",
    "送信時刻が受付期間の外です。新しい番号(id)と時刻で送ってください。",
    "sent_at_ms lies outside the receipt window. Send anew under a new id and time."};
static const struct refusal refuse_ahead = {
    FLOW_STATUS(FAILED_PRECONDITION), "sentAtMs", "P-AHEAD",
    "送信時刻がこちらの時計より5分以上進んでいます。誤っている方の時計を直し、同じ要求をそのまま再"
    "送してください。",
    "sent_at_ms is more than 5 minutes ahead of our clock. Put the wrong clock right, then send "
    "the "
    "same request again."};
static const struct refusal refuse_deadline = {FLOW_STATUS(DEADLINE_EXCEEDED), "deadlineMs",
                                               "P-DEADLINE", "期限を過ぎています。",
                                               "The deadline has passed."};
static const struct refusal refuse_unsigned = {
    FLOW_STATUS(UNAUTHENTICATED), "signature", "P-SIGNATURE",
    "この要求には送信者の署名が必要です。", "This type must be signed by the sender."};
static const struct refusal refuse_signature = {
    FLOW_STATUS(UNAUTHENTICATED), "signature", "P-SIGNATURE",
    "署名を確認できません。鍵番号(key_id)、時刻、内容を確かめてください。",
    "The signature does not verify. Check key_id, sent_at_ms and content."};
static const struct refusal refuse_payload = {FLOW_STATUS(INVALID_ARGUMENT), "payload", "P-PAYLOAD",
                                              "内容を、名乗った種類として読めません。",
                                              "The payload is not a readable message of its type."};
static const struct refusal refuse_busy = {
    FLOW_STATUS(RESOURCE_EXHAUSTED), "", "P-IN-FLIGHT", "処理中の要求が上限に達しています。",
    "Too many requests are open. Wait for answers, then send again."};
static const struct refusal refuse_store = {FLOW_STATUS(UNAVAILABLE), "", "P-STORE",
                                            "準備ができていません。しばらくして再送してください。",
                                            "The service is not ready. Send again in a moment."};
static const struct refusal refuse_memory = {
    FLOW_STATUS(RESOURCE_EXHAUSTED), "", "P-MEMORY", "保存先の空きが少ないため受け付けられません。",
    "The store is short of memory; this kind of request is refused for now."};
static const struct refusal refuse_work_memory = {
    FLOW_STATUS(RESOURCE_EXHAUSTED), "payload", "P-BUDGET", "内容の展開が上限を超えました。",
    "Unpacking the payload exceeds its memory budget."};

static void refuse(struct flow_door *d, const struct bus_peer *peer, const char *id,
                   const struct refusal *r)
{
    reply_plain(d, peer, id, r->status, r->field, r->rule, r->ja, r->en);
}

static const struct dispatch_row builtin_rows[] = {
    {.type = &ismap__liu__v1__fetch_events__descriptor, .roles = ROLES_ALL},
    {.type = &ismap__liu__v1__get_health__descriptor, .roles = ROLES_ALL},
};

/* Of services that act on events. */
static const struct dispatch_row consumer_rows[] = {
    {.type = &ismap__liu__v1__requeue_event__descriptor,
     .roles = ROLE_BIT(ISMAP__LIU__V1__ROLE__ROLE_OPERATOR),
     .flags = ROW_CHANGES | ROW_SIGNED,
     .decide = quarantine_requeue},
    {.type = &ismap__liu__v1__discard_event__descriptor,
     .roles = ROLE_BIT(ISMAP__LIU__V1__ROLE__ROLE_OPERATOR),
     .flags = ROW_CHANGES | ROW_SIGNED,
     .decide = quarantine_discard},
};

static const struct dispatch_row *row_among(const struct dispatch_row *rows, size_t n,
                                            const char *type)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].type->name, type) == 0)
            return &rows[i];
    return NULL;
}

static bool door_listed(const char *doors, const char *name)
{
    if (doors == NULL)
        return strcmp(name, "main") == 0;
    size_t n = strlen(name);
    for (const char *at = doors; (at = strstr(at, name)) != NULL; at += n)
        if ((at == doors || at[-1] == ',') && (at[n] == '\0' || at[n] == ','))
            return true;
    return false;
}

static const struct dispatch_row *row_find(const struct flow *f, const char *type, const char *door)
{
    for (size_t i = 0; i < f->svc->n_rows; i++)
        if (strcmp(f->svc->rows[i].type->name, type) == 0 &&
            door_listed(f->svc->rows[i].doors, door))
            return &f->svc->rows[i];
    if (strcmp(door, "main") != 0)
        return NULL;
    const struct dispatch_row *r =
        row_among(builtin_rows, sizeof builtin_rows / sizeof builtin_rows[0], type);
    if (r == NULL && f->svc->n_consumers > 0)
        r = row_among(consumer_rows, sizeof consumer_rows / sizeof consumer_rows[0], type);
    return r;
}

static const struct refusal *check_envelope(struct work *w, const uint8_t *data, size_t bytes)
{
    ProtobufCMessage *m;
    struct faults faults = {0};
    const ProtobufCMessageDescriptor *d = &ismap__liu__v1__envelope__descriptor;
    enum err e = wire_scan(d, data, bytes, &w->arena, &faults);
    if (e == ERR_OK)
        e = wire_unpack(&w->arena, d, data, bytes, &m);
    if (e != ERR_OK)
        return e == ERR_NOMEM ? &refuse_busy : &refuse_frame;
    w->envelope = (pb_envelope *)m;
    wire_validate(&w->arena, m, &faults);
    if (faults.n > 0) {
        /* the id is echoed only if it is one */
        for (size_t i = 0; i < faults.n; i++)
            if (strcmp(faults.items[i].field, "id") == 0)
                w->envelope->id = (char *)(uintptr_t) "";
        w->request_id = w->envelope->id;
        w->faults = faults;
        return &refuse_frame;
    }
    w->request_id = w->envelope->id;
    return w->envelope->version == ENVELOPE_VERSION ? NULL : &refuse_frame;
}

static const struct refusal *check_times(const struct work *w, int64_t now)
{
    const pb_envelope *env = w->envelope;
    if (env->deadline_ms > 0 && now > env->deadline_ms)
        return &refuse_deadline;
    if ((w->row->flags & ROW_CHANGES) == 0)
        return NULL;
    if (env->sent_at_ms < now - LIMIT_RECEIPT_WINDOW_MS)
        return &refuse_stale;
    if (env->sent_at_ms > now + LIMIT_CLOCK_AHEAD_MS)
        return &refuse_ahead;
    return NULL;
}

void message_refuse_stale(struct work *w)
{
    const struct refusal *r = &refuse_stale;
    (void)work_refuse(w, r->status, r->field, r->rule, r->ja, r->en);
}

bool message_signed_by(const struct work *w, const Ismap__Liu__V1__PartyKeys *keys)
{
    const pb_envelope *env = w->envelope;
    const Ismap__Liu__V1__SigningKey *key = NULL;
    for (size_t i = 0; keys != NULL && i < keys->n_signing; i++)
        if (strcmp(keys->signing[i]->key_id, env->key_id) == 0)
            key = keys->signing[i];
    if (key == NULL || key->public_key.len != ED25519_KEY_BYTES ||
        env->signature.len != ED25519_SIGNATURE_BYTES)
        return false;
    const struct envelope_text text = {
        .type = env->type,
        .id = env->id,
        .sender = w->actor,
        .scheme = w->flow->set.scheme_instance,
        .sent_at_ms = env->sent_at_ms,
        .payload = {env->payload.data, env->payload.len},
    };
    return envelope_verify(key->public_key.data, &text, env->signature.data) == ERR_OK;
}

static const struct refusal *check_signature(const struct work *w, const struct actor *a)
{
    if (w->envelope->signature.len == 0)
        return &refuse_unsigned;
    return message_signed_by(w, a->keys) ? NULL : &refuse_signature;
}

static const struct refusal *check_pressure(const struct flow *f, unsigned flags)
{
    if (((flags & ROW_NOISE) != 0 && flow_refuses(f, STORE_PRESSURE_NOISE)) ||
        ((flags & ROW_NEW_CASE) != 0 && flow_refuses(f, STORE_PRESSURE_CASES)) ||
        ((flags & ROW_CHANGES) != 0 && (flags & (ROW_URGENT | ROW_RESERVE)) == 0 &&
         flow_refuses(f, STORE_PRESSURE_RESERVE)))
        return &refuse_memory;
    return NULL;
}

static const struct refusal *check_row(struct work *w, struct actor *a)
{
    struct flow *f = w->flow;
    const pb_envelope *env = w->envelope;
    w->row = row_find(f, env->type, w->door->name);
    if (w->row == NULL)
        return &refuse_type;
    if ((w->row->roles & ROLE_BIT(a->role)) == 0)
        return &refuse_role;
    if (env->payload.len > (w->row->bytes_max == 0 ? LIMIT_PAYLOAD_BYTES : w->row->bytes_max))
        return &refuse_size;
    const struct refusal *r = check_times(w, flow_now_ms(f));
    if (r == NULL && (w->row->flags & ROW_SIGNED) != 0)
        r = check_signature(w, a);
    if (r == NULL && !w->door->urgent)
        r = check_pressure(f, w->row->flags);
    return r;
}

static const struct refusal *check_payload(struct work *w)
{
    const pb_envelope *env = w->envelope;
    ProtobufCMessage *m;
    struct faults faults = {0};
    const ProtobufCMessageDescriptor *d = w->row->type;
    enum err e = wire_scan(d, env->payload.data, env->payload.len, &w->arena, &faults);
    if (e == ERR_OK)
        e = wire_unpack(&w->arena, d, env->payload.data, env->payload.len, &m);
    if (e == ERR_NOMEM)
        return w->arena.no_memory ? &refuse_busy : &refuse_work_memory;
    if (e != ERR_OK)
        return &refuse_payload;
    wire_validate(&w->arena, m, &faults);
    w->message = m;
    w->payload = env->payload.data;
    w->payload_bytes = env->payload.len;
    w->faults = faults;
    return NULL;
}

/* Takes the checks in order; NULL = fit to be decided. */
static const struct refusal *check_all(struct work *w, const char *user_id, const uint8_t *data,
                                       size_t bytes)
{
    struct flow *f = w->flow;
    const struct refusal *r = check_envelope(w, data, bytes);
    if (r != NULL)
        return r;
    struct actor *a = directory_sender(f->dir, user_id);
    if (a == NULL || a->revoked)
        return &refuse_sender;
    (void)text_copy(w->actor_key, sizeof w->actor_key, a->key);
    doors_used(w->door, a->key);
    w->actor = w->actor_key + 2;
    w->actor_kind = a->kind;
    w->actor_revision = a->revision;
    w->role = a->role;
    r = check_row(w, a);
    if (r == NULL)
        r = check_payload(w);
    if (r != NULL)
        return r;
    bool health = w->row->type == &ismap__liu__v1__get_health__descriptor; /* tells why not */
    if (!health &&
        ((f->phase != FLOW_READY && f->phase != FLOW_STOPPING) || !store_ready(f->store, NULL)))
        return &refuse_store;
    if (w->row->type != &ismap__liu__v1__fetch_events__descriptor) {
        /* the urgent door has its own bound, the sender's line: bulk must not shut it */
        if (!w->door->urgent && a->in_flight >= LIMIT_PARTY_IN_FLIGHT)
            return &refuse_busy;
        a->in_flight++;
        w->counted = true;
    }
    w->cause = w->request_id;
    struct crypto_part parts[] = {{w->envelope->type, strlen(w->envelope->type)},
                                  {w->payload, w->payload_bytes}};
    return crypto_digest(DOMAIN_REQUEST, parts, 2, w->request_hash) == ERR_OK ? NULL
                                                                              : &refuse_payload;
}

static void message_run(struct work *w)
{
    if (w->row->type == &ismap__liu__v1__fetch_events__descriptor) {
        fetch_begin(w);
        return;
    }
    if (w->row->type == &ismap__liu__v1__get_health__descriptor) {
        health_answer(w);
        return;
    }
    w->decide = w->row->decide;
    if ((w->row->flags & ROW_SERIAL) != 0 && !lock_take_serial(w))
        return; /* runs when its turn has come */
    if (w->failed) {
        refuse(w->door, &w->peer, w->request_id, &refuse_busy);
        work_destroy(w);
        return;
    }
    work_run(w);
}

void message_arrived(void *arg, const struct bus_peer *peer, const char *user_id,
                     const uint8_t *data, size_t bytes)
{
    struct flow_door *d = arg;
    bool room = d->urgent || d->flow->works < LIMIT_WORKS_IN_FLIGHT - LIMIT_WORKS_URGENT;
    struct work *w = room ? work_create(d->flow, WORK_MESSAGE) : NULL;
    if (w == NULL) {
        refuse(d, peer, "", &refuse_busy);
        return;
    }
    w->door = d;
    if (!d->urgent)
        w->arena.pool = &d->flow->memory;
    w->peer = *peer;
    const struct refusal *r = check_all(w, user_id, data, bytes);
    metric_add(d->flow->m_requests, 1);
    if (r != NULL || w->faults.n > 0)
        metric_add(d->flow->m_refused, 1);
    if (r != NULL) {
        if (w->faults.n > 0) {
            w->status = r->status;
            reply_send(w);
            return;
        }
        refuse(d, peer, w->request_id, r);
        work_destroy(w);
        return;
    }
    if (w->faults.n > 0) {
        w->status = FLOW_STATUS(INVALID_ARGUMENT);
        reply_send(w);
        return;
    }
    message_run(w);
}

void message_garbage(void *arg, const struct bus_peer *peer, const char *why)
{
    struct flow_door *d = arg;
    metric_add(d->flow->m_garbage, 1);
    log_event(LOG_LEVEL_WARN, "frame-garbage", "a message that is not one frame", "door", d->name,
              "why", why, NULL);
    refuse(d, peer, "", &refuse_frame);
}
