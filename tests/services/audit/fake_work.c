/* See fake_work.h. */
#include "services/audit/fake_work.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"

void fake_begin(struct work *w)
{
    *w = (struct work){.now_ms = 1700000000000};
    arena_init(&w->arena, LIMIT_WORK_ARENA_BYTES);
}

void fake_end(struct work *w)
{
    arena_fini(&w->arena);
}

void fake_record(struct work *w, enum record_kind kind, const char *id, const void *message)
{
    assert(w->n_records < sizeof(w->records) / sizeof(w->records[0]));
    w->records[w->n_records++] = (struct fake_record){.kind = kind, .id = id, .message = message};
}

unsigned fake_run(struct work *w, work_fn *fn)
{
    unsigned runs = 1;
    while (fn(w, NULL) == DECIDE_WAIT) {
        runs++;
        assert(runs < 10);
    }
    return runs;
}

struct arena *work_arena(struct work *w)
{
    return &w->arena;
}

int64_t work_now_ms(const struct work *w)
{
    return w->now_ms;
}

const void *work_message(const struct work *w)
{
    return w->message;
}

const char *work_actor(const struct work *w)
{
    return w->actor;
}

Ismap__Liu__V1__Role work_role(const struct work *w)
{
    return w->role;
}

const char *work_timer_record(const struct work *w)
{
    return w->timer_record;
}

bool work_get(struct work *w, enum record_kind kind, const char *id, const void **message)
{
    for (size_t i = 0; i < w->n_records; i++) {
        struct fake_record *r = &w->records[i];
        if (r->kind != kind || strcmp(r->id, id) != 0)
            continue;
        *message = r->message;
        bool loaded = r->loaded;
        r->loaded = true;
        return loaded;
    }
    fake_record(w, kind, arena_strdup(&w->arena, id), NULL);
    w->records[w->n_records - 1].loaded = true;
    return false;
}

bool work_rulebook(struct work *w, const Ismap__Liu__V1__Rulebook **rules, const char **hash)
{
    bool loaded = w->rules_loaded;
    w->rules_loaded = true;
    *rules = w->rules;
    *hash = w->rules != NULL ? "f00d" : "";
    return loaded;
}

void work_put(struct work *w, enum record_kind kind, const char *id, const ProtobufCMessage *m)
{
    w->put = m;
    w->put_kind = kind;
    w->put_id = id;
    w->n_puts++;
}

/* The caller's message ends with its function, so a copy is kept. */
void work_emit(struct work *w, const ProtobufCMessage *event, const char *const *audience,
               size_t n_audience)
{
    w->event = arena_dup(&w->arena, event, event->descriptor->sizeof_message);
    w->audience = n_audience == 1 ? audience[0] : NULL;
    w->n_events++;
}

void work_timer(struct work *w, const char *kind, const char *record, int64_t due_ms)
{
    (void)record;
    w->timer_kind = kind;
    w->timer_due_ms = due_ms;
}

void work_reply(struct work *w, const ProtobufCMessage *payload)
{
    w->reply = payload;
}

enum decide work_refuse(struct work *w, Ismap__Liu__V1__Status status, const char *field,
                        const char *rule, const char *ja, const char *en)
{
    (void)field;
    (void)rule;
    (void)ja;
    (void)en;
    w->status = status;
    return DECIDE_DONE;
}

enum decide work_no_memory(struct work *w)
{
    w->no_memory = true;
    return DECIDE_DONE;
}
