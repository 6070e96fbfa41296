/* GetHealth: the same facts as /readyz, for those who hold a key. */
#include "flow/internal.h"

#include <stdio.h>

bool flow_ready(void *arg, const char **why)
{
    const struct flow *f = arg;
    *why = f->why_not;
    if (f->phase != FLOW_READY) {
        static char text[320];
        const char *store = "";
        if (f->phase == FLOW_WAITS_FOR_STORE && f->store != NULL &&
            !store_ready(f->store, &store)) {
            (void)snprintf(text, sizeof text, "%s: %s", f->why_not, store);
            *why = text;
        }
        return false;
    }
    if (!f->probe_ok) {
        *why = "the self-probe of the doors failed: see the log";
        return false;
    }
    if (f->store_broken) {
        *why = "the store failed its own checks: see the log, then repair or restore it";
        return false;
    }
    return store_ready(f->store, why) && (f->svc->ready == NULL || f->svc->ready(f->state, why));
}

static const char *pressure_word(const struct flow *f)
{
    static const char *const words[] = {"none", "noise", "cases", "reserve"};
    int p = STORE_PRESSURE_RESERVE;
    while (p > STORE_PRESSURE_NONE && !flow_refuses(f, (enum store_pressure)p))
        p--;
    return words[p];
}

void health_answer(struct work *w)
{
    struct flow *f = w->flow;
    Ismap__Liu__V1__Health *h = arena_alloc(&w->arena, sizeof *h);
    if (h == NULL) {
        w->status = FLOW_STATUS(RESOURCE_EXHAUSTED);
        reply_send(w);
        return;
    }
    ismap__liu__v1__health__init(h);
    const char *why = "";
    h->service = (char *)(uintptr_t)f->svc->name;
    h->version = (char *)(uintptr_t)LIU_VERSION;
    h->ready = flow_ready(f, &why);
    h->why_not = (char *)(uintptr_t)(h->ready ? "" : why);
    h->head_seq = f->tail_seq;
    h->consumed_seq = consumer_seq(f);
    h->started_at_ms = f->started_at_ms;
    h->epoch = (char *)(uintptr_t)store_epoch(f->store);
    h->requests_in_flight = (uint32_t)f->works;
    h->memory_pressure = (char *)(uintptr_t)pressure_word(f);
    store_memory_used(f->store, &h->redis_used_bytes, &h->redis_max_bytes);
    h->usage = (pb_upkeep *)(uintptr_t)upkeep_usage(f);
    h->backup = (pb_upkeep *)(uintptr_t)upkeep_backup(f);
    h->drill = (pb_upkeep *)(uintptr_t)upkeep_drill(f);
    h->tls_until_s = store_tls_until_s(f->store);
    h->consumer_waits = consumer_waits(f);
    alarms_tell(w, h);
    doors_tell(w, h);
    if (f->svc->health != NULL)
        f->svc->health(f->state, h);
    uint64_t revision;
    const uint8_t *value;
    size_t bytes;
    ProtobufCMessage *m;
    if (directory_record(f->dir, RECORD_ACTIVE, "rulebook", &revision, &value, &bytes) &&
        revision > 0 &&
        wire_unpack(&w->arena, &ismap__liu__v1__active__descriptor, value, bytes, &m) == ERR_OK)
        h->rulebook_hash = ((Ismap__Liu__V1__Active *)m)->ref;
    work_reply(w, &h->base);
    reply_send(w);
}
