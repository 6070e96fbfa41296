/* The journal as it grows: keeps the directory and the service's views current, feeds the consumer,
 * wakes those who wait for events. In that order, so that nobody is told of what is not yet looked
 * up.
 */
#include "flow/internal.h"

#include <stdio.h>

static void views_update(struct flow *f, struct arena *a, const Ismap__Liu__V1__RecordPut *p)
{
    const struct record_type *t = record_type_of((enum record_kind)p->kind);
    if (t == NULL)
        return;
    flow_take_put(f, t->kind, p->id, p->revision, p->value.data, p->value.len);
    enum err e;
    for (size_t i = 0; i < f->svc->n_views; i++) {
        ProtobufCMessage *m;
        if (f->svc->views[i].kind != t->kind || f->svc->views[i].changed == NULL)
            continue;
        e = wire_unpack(a, t->descriptor, p->value.data, p->value.len, &m);
        if (e == ERR_OK)
            f->svc->views[i].changed(f->state, p->id, p->revision, m);
        else if (e == ERR_NOMEM)
            flow_out_of_memory(f);
    }
}

static void take_in(struct flow *f, const struct store_entry *s)
{
    struct arena a;
    arena_init(&a, 4 * (size_t)LIMIT_WORK_ARENA_BYTES); /* an entry and all of its records */
    ProtobufCMessage *m;
    enum err err =
        wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, s->data, s->bytes, &m);
    if (err != ERR_OK) {
        char seq[24];
        (void)snprintf(seq, sizeof seq, "%llu", (unsigned long long)s->seq);
        log_event(LOG_LEVEL_ERROR, "entry-unreadable", "a journal entry cannot be read", "seq", seq,
                  NULL);
        if (err == ERR_NOMEM)
            flow_out_of_memory(f);
        else
            consumer_offer(f, s->seq, NULL);
    } else {
        const pb_entry *e = (const pb_entry *)m;
        flow_follow_clock(f, e->at_ms);
        for (size_t i = 0; i < e->n_puts; i++)
            views_update(f, &a, e->puts[i]);
        consumer_offer(f, s->seq, e);
        fetch_entry(f, s->seq, e);
    }
    f->tail_seq = s->seq;
    arena_fini(&a);
}

static void on_entries(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct flow *f = arg;
    if (e == ERR_DATA_LOSS) {
        log_event(
            LOG_LEVEL_ERROR, "journal-broken",
            "the journal has a gap or another epoch: stopping; start again once the store is right",
            NULL);
        f->exit_status = 1;
        loop_stop(f->loop);
        return;
    }
    for (size_t i = 0; e == ERR_OK && i < n; i++)
        take_in(f, &entries[i]);
    metric_set(f->m_head, (int64_t)f->tail_seq);
    load_views_moved(f);
    consumer_go(f);
    fetch_wake(f);
}

enum err tail_start(struct flow *f, uint64_t from)
{
    f->tail_seq = from;
    return store_tail(f->store, from, on_entries, f);
}
