/* See agent.h. */
#include "replay/agent.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "crypto/envelope.h"
#include "replay/check.h"

#define ANSWER_MS 2000
#define ANSWER_MS_MAX 8000
#define FETCH_WAIT_MS 1500
#define FETCH_ANSWER_MS 5000
#define REFUSED_TRIES 12 /* a party that was revoked is not even told */

struct agents agents;
static const char *const doors[AGENT_DOORS] = {"main", "urgent", "bulk"};

static const struct link_events events;

/* ---- life */

void agents_begin(void)
{
    agents = (struct agents){.n = world.n_parties};
    for (size_t i = 0; i < world.n_parties; i++)
        agents.items[i] =
            (struct agent){.party = &world.parties[i], .lane_epoch = {1, 1}, .lane_next = {1, 1}};
}

static void agent_end(struct agent *a)
{
    for (struct request *r = a->all, *next; r != NULL; r = next) {
        next = r->next;
        HASH_DEL(a->requests, r);
        free(r->frame);
        free(r->reply);
        free(r);
    }
    for (size_t n = 0; n < SIM_NODES; n++)
        for (size_t d = 0; d < AGENT_DOORS; d++)
            if (a->links[n][d] != NULL)
                link_close(a->links[n][d]);
    free(a->seen);
}

void agents_end(void)
{
    for (size_t i = 0; i < agents.n; i++)
        agent_end(&agents.items[i]);
    agents.n = 0;
}

struct agent *agent_of(const char *id)
{
    for (size_t i = 0; i < agents.n; i++)
        if (strcmp(agents.items[i].party->id, id) == 0)
            return &agents.items[i];
    return NULL;
}

static struct link *link_to(struct agent *a, int node, const char *door)
{
    size_t d = 0;
    while (d + 1 < AGENT_DOORS && strcmp(doors[d], door) != 0)
        d++;
    if (a->links[node][d] == NULL)
        a->links[node][d] = link_open(a->party->curve[a->key], node, doors[d], &events, a);
    return a->links[node][d];
}

void agent_rekey(struct agent *a, unsigned key)
{
    a->key = key;
    for (size_t n = 0; n < SIM_NODES; n++)
        for (size_t d = 0; d < AGENT_DOORS; d++)
            if (a->links[n][d] != NULL)
                link_rekey(a->links[n][d], a->party->curve[key]);
}

/* ---- requests */

static bool is_fetch(const struct request *r)
{
    return r->agent->fetch == r;
}

static void settle(struct request *r)
{
    if (r->settled)
        return;
    r->settled = true;
    agents.answered++;
    if (!is_fetch(r))
        agents.open--;
    if (r->done != NULL)
        r->done(r);
}

static bool revoked(const struct agent *a)
{
    bool feed = a->party->feed != NULL;
    return check_revoked(feed ? RECORD_FEED : RECORD_PARTY, a->party->id);
}

static void on_time(void *arg);

/* While its keys are being changed a party holds both pairs: it uses what is in force. */
static void use_live_key(struct agent *a)
{
    struct arena tmp;
    bool feed = a->party->feed != NULL;
    const struct mem_record *r =
        memstore_record(&sim.store, feed ? RECORD_FEED : RECORD_PARTY, a->party->id);
    ProtobufCMessage *m = NULL;
    arena_init(&tmp, LIMIT_PAYLOAD_BYTES);
    if (r != NULL &&
        wire_unpack(&tmp, record_type_of(r->kind)->descriptor, r->value, r->bytes, &m) == ERR_OK) {
        const Ismap__Liu__V1__PartyKeys *k =
            feed ? ((const Ismap__Liu__V1__Feed *)(const void *)m)->keys
                 : ((const Ismap__Liu__V1__Party *)(const void *)m)->keys;
        unsigned live = strcmp(k->curve[0], a->party->curve[0]) == 0 ? 0 : 1;
        if (live != a->key)
            agent_rekey(a, live);
    }
    arena_fini(&tmp);
}

static void attempt(struct request *r)
{
    int64_t wait = is_fetch(r) ? FETCH_ANSWER_MS : ANSWER_MS << (r->tries < 2 ? r->tries : 2);
    r->tries++;
    sim_trace("%s %s %s %s (try %u)", r->agent->party->id, r->tries > 1 ? "sends again" : "sends",
              flow_short_type(r->type), r->id, r->tries);
    link_send(r->link, r->frame, r->bytes);
    sim_after((wait > ANSWER_MS_MAX ? ANSWER_MS_MAX : wait) * SIM_MS, on_time, r);
}

static void on_time(void *arg)
{
    struct request *r = arg;
    if (r->settled)
        return;
    if (r->tries >= REFUSED_TRIES && revoked(r->agent)) {
        r->status = FLOW_STATUS(PERMISSION_DENIED);
        settle(r);
        return;
    }
    use_live_key(r->agent);
    if (rng_chance(&sim.rng, 300))
        link_lose(r->link);
    attempt(r);
}

void agent_repeat(struct request *r)
{
    sim_trace("%s repeats %s", r->agent->party->id, r->id);
    link_send(r->link, r->frame, r->bytes);
}

static void pack(struct request *r, const ProtobufCMessage *m, const struct agent_how *how)
{
    struct agent *a = r->agent;
    Ismap__Liu__V1__Envelope env = ISMAP__LIU__V1__ENVELOPE__INIT;
    uint8_t signature[ED25519_SIGNATURE_BYTES];
    struct arena tmp;
    const uint8_t *payload, *frame;
    arena_init(&tmp, 4 * LIMIT_FRAME_BYTES);
    if (wire_pack(&tmp, m, &payload, &env.payload.len) != ERR_OK)
        abort();
    env.payload.data = (uint8_t *)(uintptr_t)payload;
    env.version = 1;
    env.id = r->id;
    env.type = (char *)(uintptr_t)m->descriptor->name;
    env.sent_at_ms = sim_wall_ms();
    env.deadline_ms = how->deadline_ms;
    if (!how->unsigned_) {
        struct envelope_text t = {env.type,   r->id,          a->party->id,
                                  SIM_SCHEME, env.sent_at_ms, {payload, env.payload.len}};
        if (envelope_sign(a->party->signing[a->key], &t, signature) != ERR_OK)
            abort();
        env.signature = (ProtobufCBinaryData){sizeof signature, signature};
        env.key_id = (char *)(uintptr_t)signing_key_id(a->party->signing[a->key]);
    }
    if (wire_pack(&tmp, &env.base, &frame, &r->bytes) != ERR_OK)
        abort();
    r->frame = sim_need(malloc(r->bytes));
    memcpy(r->frame, frame, r->bytes);
    arena_fini(&tmp);
}

static const struct dispatch_row *row_of(int node, const char *type, const char *door)
{
    const struct service *s = sim.nodes[node].svc;
    for (size_t i = 0; i < s->n_rows; i++)
        if (strcmp(s->rows[i].type->name, type) == 0 &&
            strstr(s->rows[i].doors == NULL ? "main" : s->rows[i].doors, door) != NULL)
            return &s->rows[i];
    return NULL;
}

static struct request *request_new(struct agent *a, int node, const ProtobufCMessage *m,
                                   const struct agent_how *how)
{
    static const struct agent_how plain = {.id = NULL};
    const struct agent_how *h = how == NULL ? &plain : how;
    const char *door = h->door == NULL ? "main" : h->door;
    const struct dispatch_row *row = row_of(node, m->descriptor->name, door);
    struct request *r = sim_need(calloc(1, sizeof *r));
    r->agent = a;
    r->type = m->descriptor->name;
    r->changes = row != NULL && (row->flags & ROW_CHANGES) != 0;
    r->numbered = row != NULL && (row->flags & ROW_NO_RECEIPT) != 0;
    r->reserve = row != NULL && (row->flags & (ROW_URGENT | ROW_RESERVE)) != 0;
    r->link = link_to(a, node, door);
    r->done = h->done;
    r->done_arg = h->done_arg;
    if (h->id != NULL)
        (void)text_copy(r->id, sizeof r->id, h->id);
    else
        (void)snprintf(r->id, sizeof r->id, "%s-%06llu", a->party->id,
                       (unsigned long long)++a->serial);
    pack(r, m, h);
    r->next = a->all;
    a->all = r;
    HASH_ADD_STR(a->requests, id, r);
    return r;
}

struct request *agent_send(struct agent *a, int node, const ProtobufCMessage *m,
                           const struct agent_how *how)
{
    use_live_key(a);
    struct request *r = request_new(a, node, m, how);
    agents.open++;
    attempt(r);
    return r;
}

void agent_impostor(struct request *r, const ProtobufCMessage *m)
{
    static const struct agent_how plain = {.id = NULL};
    struct request other = {.agent = r->agent};
    (void)text_copy(other.id, sizeof other.id, r->id);
    pack(&other, m, &plain);
    r->spoiled = true;
    sim_trace("%s sends another message under %s", r->agent->party->id, r->id);
    link_send(link_to(r->agent, NODE_INTAKE, "main"), other.frame, other.bytes);
    free(other.frame);
}

/* ---- answers */

static bool again(const struct request *r, const pb_reply *reply)
{
    const char *rule = reply->n_details > 0 ? reply->details[0]->rule : "";
    (void)r;
    if (reply->status == FLOW_STATUS(RESOURCE_EXHAUSTED))
        return strcmp(rule, "P-BUDGET") != 0 && strcmp(rule, "P-LIMIT") != 0 &&
               strncmp(rule, "P-URGENT", 8) != 0;
    return reply->status == FLOW_STATUS(UNAVAILABLE) || reply->status == FLOW_STATUS(ABORTED) ||
           strcmp(rule, "P-AHEAD") == 0;
}

static void keep_reply(struct request *r, const pb_reply *reply)
{
    const ProtobufCMessageDescriptor *d = wire_type(reply->type);
    free(r->reply);
    r->reply = sim_need(malloc(reply->payload.len + 1));
    if (reply->payload.len > 0)
        memcpy(r->reply, reply->payload.data, reply->payload.len);
    r->reply_bytes = reply->payload.len;
    r->reply_type = d == NULL ? "" : d->name;
}

static void take_receipt(struct request *r, const pb_reply *reply)
{
    if (reply->receipt == NULL) {
        sim_fail("%s %s was answered OK without a receipt", r->id, r->type);
        return;
    }
    if (r->acknowledged) {
        if (r->seq != reply->receipt->seq || r->at_ms != reply->receipt->at_ms ||
            r->reply_bytes != reply->payload.len ||
            (r->reply_bytes > 0 && memcmp(r->reply, reply->payload.data, r->reply_bytes) != 0))
            sim_fail("%s got two different receipts: seq %llu and %llu", r->id,
                     (unsigned long long)r->seq, (unsigned long long)reply->receipt->seq);
        return;
    }
    r->acknowledged = true;
    r->seq = reply->receipt->seq;
    r->at_ms = reply->receipt->at_ms;
    keep_reply(r, reply);
    check_receipt(r, reply->receipt);
}

/* Those that may come although the message was taken before. */
static bool harmless(const struct request *r, const pb_reply *reply)
{
    const char *rule = reply->n_details > 0 ? reply->details[0]->rule : "";
    return again(r, reply) || reply->status == FLOW_STATUS(DEADLINE_EXCEEDED) ||
           strcmp(rule, "P-STALE") == 0 || strcmp(rule, "P-REVOKED") == 0 ||
           strcmp(rule, "P-SIGNATURE") == 0 || strcmp(rule, "P-ID-REUSED") == 0 ||
           strcmp(rule, "P-ROLE") == 0;
}

static void take_refusal(struct request *r, const pb_reply *reply)
{
    if (harmless(r, reply) || !r->changes || r->numbered)
        return;
    if (r->acknowledged && sim_wall_ms() - r->at_ms > LIMIT_RECEIPT_WINDOW_MS)
        sim_trace("(its time is over, but not by the clock of that service)");
    else if (r->acknowledged)
        sim_fail("%s has a receipt (seq %llu) and is refused: %d %s", r->id,
                 (unsigned long long)r->seq, (int)reply->status,
                 reply->n_details > 0 ? reply->details[0]->message_en : "");
    else
        check_refusal(r, (int)reply->status);
}

static void take_recalled(struct request *r, const pb_reply *reply)
{
    if (r->recalls == 0 || r->recalled || again(r, reply))
        return;
    r->recalled = true;
    agents.recalling--;
    agents.recalled++;
}

static void take_answer(struct request *r, const pb_reply *reply)
{
    const char *rule = reply->n_details > 0 ? reply->details[0]->rule : "";
    sim.cold_away += strcmp(rule, "P-COLD") == 0;
    take_recalled(r, reply);
    sim_trace("%s is answered %s: %d %s %s seq %llu", r->agent->party->id, r->id,
              (int)reply->status, rule,
              reply->n_details > 0 ? reply->details[0]->message_en : reply->type,
              reply->receipt == NULL ? 0 : (unsigned long long)reply->receipt->seq);
    if (reply->status == FLOW_STATUS(INTERNAL))
        sim_fail("%s was answered INTERNAL", r->id);
    if (r->reserve && strcmp(rule, "P-MEMORY") == 0)
        sim_fail("%s %s is refused for memory that is kept for it", r->id, r->type);
    sim.reserve_used += r->reserve && reply->status == FLOW_STATUS(OK) &&
                        store_pressure(NULL) >= STORE_PRESSURE_RESERVE;
    if (r->spoiled && reply->status == FLOW_STATUS(OK) && r->acknowledged &&
        sim_wall_ms() - r->at_ms < LIMIT_RECEIPT_WINDOW_MS)
        take_receipt(r, reply); /* nothing else may come of its id */
    else if (r->spoiled)
        sim_trace("(or the other message under this id)");
    else if (reply->status == FLOW_STATUS(OK) && r->changes && !r->numbered)
        take_receipt(r, reply);
    else if (reply->status == FLOW_STATUS(OK) && !r->settled)
        keep_reply(r, reply);
    else if (reply->status != FLOW_STATUS(OK))
        take_refusal(r, reply);
    if (r->settled || again(r, reply))
        return;
    r->status = reply->status;
    (void)text_copy(r->rule, sizeof r->rule, rule);
    settle(r);
}

static struct request *request_of(struct agent *a, const char *id)
{
    struct request *r = NULL;
    HASH_FIND_STR(a->requests, id, r);
    return r;
}

static void on_reply(void *arg, const uint8_t *data, size_t bytes)
{
    struct agent *a = arg;
    struct arena tmp;
    ProtobufCMessage *m;
    arena_init(&tmp, 8 * LIMIT_REPLY_BYTES);
    if (wire_unpack(&tmp, &ismap__liu__v1__reply__descriptor, data, bytes, &m) != ERR_OK) {
        sim_fail("an answer to %s cannot be read", a->party->id);
    } else {
        const pb_reply *reply = (const void *)m;
        struct request *r = request_of(a, reply->request_id);
        if (r != NULL)
            take_answer(r, reply);
    }
    arena_fini(&tmp);
}

/* Field 1 of a Reply and field 2 of an Envelope are ids: found without unpacking all of it. */
static struct request *frame_request(struct agent *a, const uint8_t *data, size_t bytes, bool reply)
{
    struct arena tmp;
    ProtobufCMessage *m;
    struct request *r = NULL;
    arena_init(&tmp, 8 * LIMIT_REPLY_BYTES);
    if (wire_unpack(&tmp,
                    reply ? &ismap__liu__v1__reply__descriptor
                          : &ismap__liu__v1__envelope__descriptor,
                    data, bytes, &m) == ERR_OK)
        r = request_of(a, reply ? ((const pb_reply *)(const void *)m)->request_id
                                : ((const pb_envelope *)(const void *)m)->id);
    arena_fini(&tmp);
    return r;
}

static void on_reached(void *arg, const uint8_t *data, size_t bytes)
{
    struct request *r = frame_request(arg, data, bytes, false);
    if (r == NULL)
        return;
    if (r->inside_of != sim.current->incarnation) /* with an earlier one they are gone */
        r->inside = 0;
    r->inside_of = sim.current->incarnation;
    if (r->inside++ == 0)
        r->clean_us = sim.now_us;
}

static void on_left(void *arg, const uint8_t *data, size_t bytes)
{
    struct request *r = frame_request(arg, data, bytes, true);
    if (r != NULL && r->inside > 0)
        r->inside--;
}

static const struct link_events events = {on_reply, on_reached, on_left};

/* ---- events */

static void fetch_again(struct agent *a, int node);

static void seen_add(struct agent *a, uint64_t seq)
{
    if (a->n_seen == a->cap_seen) {
        a->cap_seen = a->cap_seen == 0 ? 64 : 2 * a->cap_seen;
        a->seen = sim_need(realloc(a->seen, a->cap_seen * sizeof *a->seen));
    }
    a->seen[a->n_seen++] = seq;
}

static void take_events(struct agent *a, const Ismap__Liu__V1__Events *ev)
{
    uint64_t last = a->after;
    for (size_t i = 0; i < ev->n_events; i++) {
        const Ismap__Liu__V1__Event *e = ev->events[i];
        if (e->seq <= last || e->seq > ev->next_seq)
            sim_fail("%s is told of event %llu after %llu, next %llu", a->party->id,
                     (unsigned long long)e->seq, (unsigned long long)last,
                     (unsigned long long)ev->next_seq);
        last = e->seq;
        check_told(a, e);
        seen_add(a, e->seq);
    }
    if (ev->next_seq < a->after)
        sim_fail("%s is sent back from %llu to %llu", a->party->id, (unsigned long long)a->after,
                 (unsigned long long)ev->next_seq);
    a->after = ev->next_seq;
}

static void on_fetched(struct request *r)
{
    struct agent *a = r->agent;
    int node = (int)(uintptr_t)r->done_arg;
    struct arena tmp;
    ProtobufCMessage *m;
    if (r->status != FLOW_STATUS(OK)) {
        a->follows = a->follows && r->status != FLOW_STATUS(PERMISSION_DENIED);
        bool archived = strcmp(r->rule, "P-ARCHIVED") == 0 && node != NODE_LEDGER;
        if (archived)
            node = NODE_LEDGER;
        else if (r->status == FLOW_STATUS(DATA_LOSS) || r->status == FLOW_STATUS(OUT_OF_RANGE))
            sim_fail("%s cannot follow: %d %s", a->party->id, (int)r->status, r->rule);
    } else {
        arena_init(&tmp, 8 * LIMIT_REPLY_BYTES);
        if (wire_unpack(&tmp, &ismap__liu__v1__events__descriptor, r->reply, r->reply_bytes, &m) ==
            ERR_OK)
            take_events(a, (const void *)m);
        arena_fini(&tmp);
    }
    if (a->follows)
        fetch_again(a, rng_chance(&sim.rng, 100) ? (int)rng_below(&sim.rng, SIM_NODES) : node);
}

static void fetch_again(struct agent *a, int node)
{
    Ismap__Liu__V1__FetchEvents ask = ISMAP__LIU__V1__FETCH_EVENTS__INIT;
    ask.epoch = (char *)(uintptr_t)(a->after == 0 ? "" : SIM_EPOCH);
    ask.after_seq = a->after;
    ask.max = (uint32_t)rng_below(&sim.rng, 6);
    ask.wait_ms = (uint32_t)rng_below(&sim.rng, FETCH_WAIT_MS);
    const struct agent_how how = {
        .unsigned_ = true, .done = on_fetched, .done_arg = (void *)(uintptr_t)node};
    a->fetch = request_new(a, node, &ask.base, &how);
    attempt(a->fetch);
}

void agent_follow(struct agent *a, int node)
{
    a->follows = true;
    fetch_again(a, node);
}

void agents_check_followed(void)
{
    for (size_t i = 0; i < agents.n; i++)
        if (agents.items[i].follows && !revoked(&agents.items[i]))
            check_followed(&agents.items[i]);
}

/* ---- the end */

static void on_recall(void *arg)
{
    struct request *r = arg;
    if (r->recalled)
        return;
    r->recalls++;
    use_live_key(r->agent);
    agent_repeat(r);
    sim_after(ANSWER_MS_MAX * SIM_MS, on_recall, r);
}

void agents_recall(void)
{
    for (size_t i = 0; i < agents.n; i++)
        for (struct request *r = agents.items[i].all; r != NULL; r = r->next) {
            if (!r->acknowledged || r->numbered || revoked(&agents.items[i]))
                continue;
            agents.recalling++;
            on_recall(r);
        }
}

void agents_check_recalled(void)
{
    for (size_t i = 0; i < agents.n; i++)
        for (const struct request *r = agents.items[i].all; r != NULL; r = r->next)
            if (r->recalls > 0 && !r->recalled)
                sim_fail("%s (%s) was acknowledged and is not answered again", r->id, r->type);
}
