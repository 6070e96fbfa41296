/* The events that a consumer is to act on, in the order of the journal. What does not fit is read
 * again from Redis. An event that was quarantined comes again with the entry that requeues it: it
 * takes its place there, behind all that has happened since. */
#include "flow/consumer.h"

#include <stdlib.h>
#include <string.h>

void consumer_pop(struct consumer *c)
{
    struct queued *q = c->first;
    c->first = q->next;
    if (c->first == NULL)
        c->last = NULL;
    c->n_queued--;
    free(q->payload);
    free(q);
}

static const struct consumer_row *row_of(const struct flow *f, const char *type)
{
    for (size_t i = 0; i < f->svc->n_consumers; i++)
        if (strcmp(f->svc->consumers[i].type->name, type) == 0)
            return &f->svc->consumers[i];
    return NULL;
}

/* What an entry asks of this consumer: the row and payload of its own event, or of one that was
 * quarantined and is played again. Ours without a row: it cannot be read. */
struct meant {
    bool ours;
    const struct consumer_row *row;
    ProtobufCBinaryData payload;
};

/* False without memory. */
static bool meant_by(const struct flow *f, struct arena *a, const pb_entry *e, struct meant *out)
{
    *out = (struct meant){.ours = e == NULL};
    if (e == NULL)
        return true;
    out->row = row_of(f, e->type);
    out->payload = e->payload;
    out->ours = out->row != NULL;
    if (strcmp(e->type, ismap__liu__v1__event_requeued__descriptor.name) != 0)
        return true;
    ProtobufCMessage *m;
    enum err err = wire_unpack(a, &ismap__liu__v1__event_requeued__descriptor, e->payload.data,
                               e->payload.len, &m);
    if (err != ERR_OK)
        return err != ERR_NOMEM; /* whose it was cannot be known: nobody's */
    const Ismap__Liu__V1__EventRequeued *again = (const void *)m;
    if (strcmp(again->consumer, f->svc->name) != 0)
        return true;
    out->ours = true;
    out->row = row_of(f, again->type);
    out->payload = again->payload;
    return true;
}

static bool queue_push(struct consumer *c, uint64_t seq, const struct meant *meant)
{
    struct queued *q = c->n_queued >= CONSUMER_QUEUE_MAX ? NULL : calloc(1, sizeof *q);
    size_t n = meant->payload.len;
    uint8_t *copy = q == NULL ? NULL : malloc(n + 1);
    if (copy == NULL) {
        free(q);
        return false;
    }
    if (n > 0)
        memcpy(copy, meant->payload.data, n);
    *q = (struct queued){.seq = seq, .row = meant->row, .payload = copy, .bytes = n};
    if (c->last == NULL)
        c->first = q;
    else
        c->last->next = q;
    c->last = q;
    c->n_queued++;
    return true;
}

static void take_in(struct flow *f, uint64_t seq, const pb_entry *e)
{
    struct consumer *c = f->consumer;
    if (seq <= c->scanned)
        return;
    if (seq > c->scanned + 1) { /* one was missed for want of memory: they are read again */
        c->overflow = true;
        return;
    }
    struct meant meant;
    struct arena a;
    arena_init(&a, 4 * (size_t)LIMIT_WORK_ARENA_BYTES);
    bool ok = meant_by(f, &a, e, &meant) && (!meant.ours || queue_push(c, seq, &meant));
    arena_fini(&a);
    if (!ok) {
        c->overflow = true;
        return;
    }
    c->scanned = seq;
}

void consumer_offer(struct flow *f, uint64_t seq, const pb_entry *e)
{
    if (f->consumer != NULL && !f->consumer->overflow)
        take_in(f, seq, e);
}

/* ---- refill after an overflow */

static void on_refill(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct flow *f = arg;
    struct consumer *c = f->consumer;
    c->refilling = false;
    if (e != ERR_OK)
        return;
    c->overflow = false;
    for (size_t i = 0; i < n && !c->overflow; i++) {
        struct arena a;
        arena_init(&a, 4 * (size_t)LIMIT_WORK_ARENA_BYTES);
        ProtobufCMessage *m = NULL;
        enum err u = wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, entries[i].data,
                                 entries[i].bytes, &m);
        if (u == ERR_NOMEM)
            c->overflow = true;
        else
            take_in(f, entries[i].seq, u == ERR_OK ? (const pb_entry *)m : NULL);
        arena_fini(&a);
    }
    bool progress = n > 0 && !c->overflow;
    c->overflow = c->overflow || c->scanned < f->tail_seq;
    if (progress)
        consumer_go(f); /* otherwise at the next tick */
}

void consumer_refill(struct flow *f)
{
    struct consumer *c = f->consumer;
    if (c->refilling || c->scanned >= f->tail_seq)
        return;
    c->refilling =
        store_entries(f->store, c->scanned + 1, f->tail_seq, 512, on_refill, f) == ERR_OK;
}
