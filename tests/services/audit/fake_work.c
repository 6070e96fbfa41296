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
        w->n_puts = w->n_events = w->n_faults = 0;
        w->status = ISMAP__LIU__V1__STATUS__STATUS_OK;
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
    assert(w->n_puts < sizeof(w->puts) / sizeof(w->puts[0]));
    w->puts[w->n_puts++] = (struct fake_record){.kind = kind, .id = id, .message = m};
}

/* The caller's message ends with its function, so a copy is kept. */
void work_emit(struct work *w, const ProtobufCMessage *event, const char *const *audience,
               size_t n_audience)
{
    w->event = arena_dup(&w->arena, event, event->descriptor->sizeof_message);
    w->audience = n_audience == 1 ? audience[0] : NULL;
    assert(w->n_events < sizeof(w->events) / sizeof(w->events[0]));
    w->events[w->n_events++] =
        (struct fake_record){.id = n_audience == 0 ? "" : audience[0], .message = w->event};
}

void work_timer(struct work *w, const char *kind, const char *record, int64_t due_ms)
{
    (void)record;
    w->timer_kind = kind;
    w->timer_due_ms = due_ms;
}

void work_reply(struct work *w, const ProtobufCMessage *payload)
{
    w->reply = arena_dup(&w->arena, payload, payload->descriptor->sizeof_message);
}

bool work_refused(const struct work *w)
{
    return w->status != ISMAP__LIU__V1__STATUS__STATUS_OK;
}

const char *work_derive_id(struct work *w, const char *prefix)
{
    return arena_printf(&w->arena, "%s-%s", prefix, w->cause == NULL ? "cause" : w->cause);
}

/* The records of the kind, all on one page. */
bool work_scan(struct work *w, enum record_kind kind, const char *page, uint32_t max,
               struct work_page *out)
{
    (void)page;
    const void **all = arena_alloc(&w->arena, w->n_records * sizeof *all);
    const char **ids = arena_alloc(&w->arena, w->n_records * sizeof *ids);
    *out = (struct work_page){.next_page = "", .messages = all, .ids = ids};
    for (size_t i = 0; i < w->n_records && out->n < max; i++) {
        if (w->records[i].kind != kind || w->records[i].message == NULL)
            continue;
        ids[out->n] = w->records[i].id;
        all[out->n++] = w->records[i].message;
    }
    return true;
}

const void *fake_put(const struct work *w, enum record_kind kind)
{
    for (size_t i = 0; i < w->n_puts; i++)
        if (w->puts[i].kind == kind)
            return w->puts[i].message;
    return NULL;
}

const void *fake_event(const struct work *w, const ProtobufCMessageDescriptor *d)
{
    for (size_t i = 0; i < w->n_events; i++)
        if (((const ProtobufCMessage *)w->events[i].message)->descriptor == d)
            return w->events[i].message;
    return NULL;
}

bool fake_fault(const struct work *w, const char *field_and_rule)
{
    for (size_t i = 0; i < w->n_faults; i++)
        if (strcmp(w->faults[i], field_and_rule) == 0)
            return true;
    return false;
}

enum decide work_refuse(struct work *w, Ismap__Liu__V1__Status status, const char *field,
                        const char *rule, const char *ja, const char *en)
{
    assert(ja[0] != '\0' && en[0] != '\0');
    if (w->n_faults < sizeof(w->faults) / sizeof(w->faults[0]))
        w->faults[w->n_faults++] = arena_printf(&w->arena, "%s %s", field, rule);
    if (w->status == ISMAP__LIU__V1__STATUS__STATUS_OK)
        w->status = status;
    return DECIDE_DONE;
}

enum decide work_no_memory(struct work *w)
{
    w->no_memory = true;
    return DECIDE_DONE;
}
