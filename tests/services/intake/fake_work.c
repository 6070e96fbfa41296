/* See fake_work.h. */
#include "fake_work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ismap/liu/v1/case.pb-c.h"
#include "ismap/liu/v1/listing.pb-c.h"
#include "wire/unpack.h"

static const ProtobufCMessageDescriptor *descriptor_of(enum record_kind kind)
{
    switch ((int)kind) {
    case RECORD_PARTY:
        return &ismap__liu__v1__party__descriptor;
    case RECORD_CASE:
        return &ismap__liu__v1__case__descriptor;
    case RECORD_JUDGMENT:
        return &ismap__liu__v1__judgment__descriptor;
    case RECORD_TARGETS:
        return &ismap__liu__v1__target_list__descriptor;
    case RECORD_ACTIVE:
        return &ismap__liu__v1__active__descriptor;
    case RECORD_KEY:
        return &ismap__liu__v1__key_holder__descriptor;
    case RECORD_RULEBOOK:
        return &ismap__liu__v1__rulebook__descriptor;
    case RECORD_LISTING:
        return &ismap__liu__v1__listing__descriptor;
    case RECORD_HOLD:
        return &ismap__liu__v1__hold__descriptor;
    case RECORD_USE:
        return &ismap__liu__v1__use__descriptor;
    case RECORD_USERS:
        return &ismap__liu__v1__service_users__descriptor;
    default:
        fail_msg("record kind %d is not expected here", (int)kind);
        return NULL;
    }
}

void fake_init(struct work *w)
{
    *w = (struct work){.now_ms = 1718000000000}; /* 2024-06-10 in Tokyo */
    arena_init(&w->arena, 64u * 1024 * 1024);
}

void fake_fini(struct work *w)
{
    for (size_t i = 0; i < w->n_records; i++)
        free(w->records[i].value);
    for (size_t i = 0; i < w->n_puts; i++)
        free(w->puts[i].value);
    arena_fini(&w->arena);
}

static struct fake_record *slot(struct work *w, enum record_kind kind, const char *id)
{
    for (size_t i = 0; i < w->n_records; i++)
        if (w->records[i].kind == kind && strcmp(w->records[i].id, id) == 0)
            return &w->records[i];
    assert_true(w->n_records < FAKE_RECORDS_MAX);
    struct fake_record *r = &w->records[w->n_records++];
    *r = (struct fake_record){.kind = kind};
    assert_true(strlen(id) < sizeof r->id);
    memcpy(r->id, id, strlen(id) + 1);
    return r;
}

static void fill(struct fake_record *r, const ProtobufCMessage *m)
{
    free(r->value);
    r->bytes = protobuf_c_message_get_packed_size(m);
    r->value = malloc(r->bytes + 1);
    assert_non_null(r->value);
    (void)protobuf_c_message_pack(m, r->value);
}

static void *unpacked(struct work *w, const struct fake_record *r)
{
    ProtobufCMessage *m = NULL;
    if (r->value != NULL)
        assert_int_equal(wire_unpack(&w->arena, descriptor_of(r->kind), r->value, r->bytes, &m),
                         ERR_OK);
    return m;
}

void fake_store(struct work *w, enum record_kind kind, const char *id, const ProtobufCMessage *m)
{
    fill(slot(w, kind, id), m);
}

const void *fake_load(struct work *w, enum record_kind kind, const char *id)
{
    return unpacked(w, slot(w, kind, id));
}

static void drop_outcome(struct work *w)
{
    for (size_t i = 0; i < w->n_puts; i++)
        free(w->puts[i].value);
    w->n_puts = 0;
    w->n_events = 0;
    w->timer_kind = NULL;
    w->reply = NULL;
    w->status = ISMAP__LIU__V1__STATUS__STATUS_OK;
    w->faults = (struct faults){0};
    w->no_memory = false;
}

static void run(struct work *w, work_fn *fn, void *state)
{
    w->head_loaded = false;
    w->scan_loaded = false;
    w->rules_loaded = false;
    w->n_reads = 0;
    w->runs = 0;
    w->serial++;
    for (size_t i = 0; i < w->n_records; i++)
        w->records[i].loaded = w->records[i].pending = false;
    for (;;) {
        drop_outcome(w);
        assert_true(++w->runs < 8);
        if (fn(w, state) == DECIDE_DONE)
            break;
        for (size_t i = 0; i < w->n_records; i++)
            w->records[i].loaded = w->records[i].loaded || w->records[i].pending;
    }
    assert_false(w->no_memory);
    if (w->status != ISMAP__LIU__V1__STATUS__STATUS_OK) {
        assert_true(w->faults.n > 0);
        return;
    }
    for (size_t i = 0; i < w->n_puts; i++) {
        struct fake_record *r = slot(w, w->puts[i].kind, w->puts[i].id);
        assert_true(r->loaded || r->value == NULL); /* else the runtime would find a conflict */
        free(r->value);
        r->value = w->puts[i].value;
        r->bytes = w->puts[i].bytes;
        w->puts[i].value = NULL;
    }
}

Ismap__Liu__V1__Status fake_send(struct work *w, const char *actor, Ismap__Liu__V1__Role role,
                                 work_fn *fn, void *state, const ProtobufCMessage *m)
{
    w->actor = actor;
    w->role = role;
    w->message = m;
    const uint8_t *packed = NULL;
    assert_int_equal(wire_pack(&w->arena, m, &packed, &w->payload_bytes), ERR_OK);
    w->payload = packed;
    run(w, fn, state);
    return w->status;
}

void fake_fire(struct work *w, const char *record, work_fn *fn, void *state)
{
    w->actor = "intake";
    w->timer_record = record;
    run(w, fn, state);
}

bool fake_has_fault(const struct work *w, const char *field, const char *rule)
{
    for (size_t i = 0; i < w->faults.n; i++)
        if (strcmp(w->faults.items[i].field, field) == 0 &&
            strcmp(w->faults.items[i].rule, rule) == 0)
            return w->faults.items[i].ja[0] != '\0' && w->faults.items[i].en[0] != '\0';
    return false;
}

bool fake_told(const struct fake_event *e, const char *party)
{
    for (size_t i = 0; i < e->n_audience; i++)
        if (strcmp(e->audience[i], party) == 0)
            return true;
    return false;
}

/* ---- the interface of flow/work.h */

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

const uint8_t *work_payload(const struct work *w, size_t *bytes)
{
    *bytes = w->payload_bytes;
    return w->payload;
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

const char *work_derive_id(struct work *w, const char *prefix)
{
    return arena_printf(&w->arena, "%s-%016u", prefix, w->serial);
}

bool work_get(struct work *w, enum record_kind kind, const char *id, const void **message)
{
    struct fake_record *r = slot(w, kind, id);
    *message = NULL;
    if (!r->loaded) {
        w->n_reads += r->pending ? 0 : 1;
        r->pending = true;
        return false;
    }
    *message = unpacked(w, r);
    return true;
}

bool work_rulebook(struct work *w, const Ismap__Liu__V1__Rulebook **rules, const char **hash)
{
    *rules = NULL;
    *hash = "";
    if (!w->rules_loaded) {
        w->rules_loaded = true;
        return false;
    }
    *rules = unpacked(w, slot(w, RECORD_RULEBOOK, "active"));
    return true;
}

bool work_scan(struct work *w, enum record_kind kind, const char *page, uint32_t max,
               struct work_page *out)
{
    (void)page;
    *out = (struct work_page){.next_page = ""};
    if (!w->scan_loaded) {
        w->scan_loaded = true;
        return false;
    }
    const char **ids = arena_alloc(&w->arena, w->n_records * sizeof *ids);
    const void **messages = arena_alloc(&w->arena, w->n_records * sizeof *messages);
    assert_non_null(ids);
    assert_non_null(messages);
    for (size_t i = 0; i < w->n_records && out->n < max; i++)
        if (w->records[i].kind == kind && w->records[i].value != NULL) {
            ids[out->n] = w->records[i].id;
            messages[out->n++] = unpacked(w, &w->records[i]);
        }
    out->ids = ids;
    out->messages = messages;
    return true;
}

bool work_head(struct work *w, uint64_t *seq, const char **epoch)
{
    *seq = 42;
    *epoch = "epoch-1";
    if (w->head_loaded)
        return true;
    w->head_loaded = true;
    return false;
}

void work_put(struct work *w, enum record_kind kind, const char *id, const ProtobufCMessage *m)
{
    assert_true(w->n_puts < sizeof w->puts / sizeof w->puts[0]);
    assert_ptr_equal(m->descriptor, descriptor_of(kind));
    struct fake_record *r = &w->puts[w->n_puts++];
    *r = (struct fake_record){.kind = kind};
    assert_true(strlen(id) < sizeof r->id);
    memcpy(r->id, id, strlen(id) + 1);
    fill(r, m);
}

void work_emit(struct work *w, const ProtobufCMessage *event, const char *const *audience,
               size_t n_audience)
{
    assert_true(w->n_events < FAKE_EVENTS_MAX && n_audience <= FAKE_AUDIENCE_MAX);
    struct fake_event *e = &w->events[w->n_events++];
    *e = (struct fake_event){.type = event->descriptor->short_name, .n_audience = n_audience};
    const uint8_t *packed = NULL;
    size_t bytes = 0;
    ProtobufCMessage *copy = NULL;
    assert_int_equal(wire_pack(&w->arena, event, &packed, &bytes), ERR_OK);
    assert_int_equal(wire_unpack(&w->arena, event->descriptor, packed, bytes, &copy), ERR_OK);
    e->payload = copy;
    for (size_t i = 0; i < n_audience; i++)
        e->audience[i] = arena_strdup(&w->arena, audience[i]);
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
    if (w->status == ISMAP__LIU__V1__STATUS__STATUS_OK)
        w->status = status;
    faults_add(&w->faults, &w->arena, field, rule, ja, en);
    return DECIDE_DONE;
}

bool work_refused(const struct work *w)
{
    return w->status != ISMAP__LIU__V1__STATUS__STATUS_OK;
}

enum decide work_no_memory(struct work *w)
{
    w->no_memory = true;
    return DECIDE_DONE;
}
