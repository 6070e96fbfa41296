/* Events that failed for good: set aside with what they said and why, so that others are not held
 * up, until an operator has them played again or discards them.
 *
 * An order to play one again is a signed message to the consumer's service. Its commit marks the
 * record and puts EventRequeued, which carries the event, into the journal; there the consumer
 * meets it like any other entry, so that it takes effect exactly once, behind all that has happened
 * since. The mark is the guard: a second order finds it. When it fails again it is quarantined
 * again, under the number of that entry. */
#include "flow/consumer.h"

#include <string.h>

bool consumer_work_clear(struct work *w)
{
    work_drop_reads(w);
    work_reset_outcome(w);
    arena_reset(&w->arena);
    w->message = NULL;
    w->cause = consumer_cause(w);
    if (w->cause == NULL)
        w->cause = "";
    return w->cause[0] != '\0';
}

bool consumer_quarantine(struct work *w, const char *reason)
{
    struct flow *f = w->flow;
    work_reset_outcome(w);
    Ismap__Liu__V1__Quarantined *q = arena_alloc(&w->arena, sizeof *q);
    Ismap__Liu__V1__EventQuarantined *e = arena_alloc(&w->arena, sizeof *e);
    char *id = arena_printf(&w->arena, "%s/%llu", f->svc->name, (unsigned long long)w->event_seq);
    char *why = arena_strdup(&w->arena, reason);
    if (q == NULL || e == NULL || id == NULL || why == NULL)
        return false;
    ismap__liu__v1__quarantined__init(q);
    q->consumer = (char *)(uintptr_t)f->svc->name;
    q->seq = w->event_seq;
    q->reason = why;
    q->at_ms = w->now_ms;
    /* what could not be read, or is too much for a record, cannot be played again */
    if (w->event_type != NULL && w->payload_bytes <= LIMIT_PAYLOAD_BYTES) {
        q->type = (char *)(uintptr_t)w->event_type;
        q->payload = (ProtobufCBinaryData){.len = w->payload_bytes,
                                           .data = (uint8_t *)(uintptr_t)w->payload};
    }
    ismap__liu__v1__event_quarantined__init(e);
    e->consumer = q->consumer;
    e->seq = q->seq;
    e->reason = why;
    work_put(w, RECORD_QUARANTINED, id, &q->base);
    work_emit(w, &e->base, NULL, 0);
    if (w->failed)
        return false;
    metric_add(f->m_quarantined, 1);
    log_event(LOG_LEVEL_ERROR, "event-quarantined",
              "an event failed for good and waits for a person", "id", id, "why", why, NULL);
    return true;
}

void consumer_refusal_text(const struct work *w, char out[CONSUMER_REASON_BYTES])
{
    const char *en = w->faults.n > 0 ? w->faults.items[0].en : "refused without a reason";
    size_t n = strlen(en);
    if (n >= CONSUMER_REASON_BYTES)
        for (n = CONSUMER_REASON_BYTES - 1; n > 0 && ((unsigned char)en[n] & 0xc0u) == 0x80u; n--) {
        }
    memcpy(out, en, n);
    out[n] = '\0';
}

bool consumer_quarantine_refused(struct work *w)
{
    char why[CONSUMER_REASON_BYTES];
    consumer_refusal_text(w, why);
    return consumer_quarantine(w, why) || (consumer_work_clear(w) && consumer_quarantine(w, why));
}

/* ---- an operator settles it */

struct order {
    uint64_t seq;
    const char *reason;
    Ismap__Liu__V1__QuarantineState state;
};

/* False: there is nothing more to do, the work has its answer or waits. */
static bool order_find(struct work *w, const struct order *o, const char **id,
                       const Ismap__Liu__V1__Quarantined **q, enum decide *d)
{
    *d = DECIDE_DONE;
    *id = arena_printf(&w->arena, "%s/%llu", w->flow->svc->name, (unsigned long long)o->seq);
    if (*id == NULL) {
        *d = work_no_memory(w);
        return false;
    }
    if (!work_get(w, RECORD_QUARANTINED, *id, (const void **)q)) {
        *d = DECIDE_WAIT;
        return false;
    }
    if (*q == NULL) {
        *d = work_refuse(w, FLOW_STATUS(NOT_FOUND), "seq", "P-NOT-FOUND",
                         "この番号の隔離された出来事はありません。",
                         "No event of this number is quarantined at this service.");
        return false;
    }
    if ((*q)->state != ISMAP__LIU__V1__QUARANTINE_STATE__QUARANTINE_STATE_UNSPECIFIED) {
        *d = work_refuse(w, FLOW_STATUS(ALREADY_EXISTS), "seq", "P-SETTLED",
                         "この出来事はすでに再処理または破棄されています。",
                         "The event was played again or discarded already.");
        return false;
    }
    return true;
}

static void settle(struct work *w, const struct order *o, const char *id,
                   const Ismap__Liu__V1__Quarantined *q)
{
    Ismap__Liu__V1__Quarantined after = *q;
    after.state = o->state;
    after.settled_by = (char *)(uintptr_t)w->actor;
    after.settled_reason = (char *)(uintptr_t)o->reason;
    after.settled_at_ms = w->now_ms;
    work_put(w, RECORD_QUARANTINED, id, &after.base);
}

enum decide quarantine_requeue(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__RequeueEvent *m = work_message(w);
    const struct order o = {m->seq, m->reason,
                            ISMAP__LIU__V1__QUARANTINE_STATE__QUARANTINE_STATE_REQUEUED};
    const Ismap__Liu__V1__Quarantined *q;
    const char *id;
    enum decide d;
    if (!order_find(w, &o, &id, &q, &d))
        return d;
    if (q->type[0] == '\0')
        return work_refuse(w, FLOW_STATUS(FAILED_PRECONDITION), "seq", "P-UNREADABLE",
                           "読み取れなかった出来事、または旧版が隔離した出来事は再処理できません。"
                           "内容を確かめて破棄してください。",
                           "An event that could not be read, or that an older version quarantined, "
                           "cannot be played again: look at it and discard it.");
    Ismap__Liu__V1__EventRequeued e = ISMAP__LIU__V1__EVENT_REQUEUED__INIT;
    e.consumer = q->consumer;
    e.seq = q->seq;
    e.reason = m->reason;
    e.type = q->type;
    e.payload = q->payload;
    settle(w, &o, id, q);
    work_emit(w, &e.base, NULL, 0);
    return DECIDE_DONE;
}

enum decide quarantine_discard(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__DiscardEvent *m = work_message(w);
    const struct order o = {m->seq, m->reason,
                            ISMAP__LIU__V1__QUARANTINE_STATE__QUARANTINE_STATE_DISCARDED};
    const Ismap__Liu__V1__Quarantined *q;
    const char *id;
    enum decide d;
    if (!order_find(w, &o, &id, &q, &d))
        return d;
    Ismap__Liu__V1__EventDiscarded e = ISMAP__LIU__V1__EVENT_DISCARDED__INIT;
    e.consumer = q->consumer;
    e.seq = q->seq;
    e.reason = m->reason;
    settle(w, &o, id, q);
    work_emit(w, &e.base, NULL, 0);
    return DECIDE_DONE;
}
