/* See fake_work.h. */
#include "services/eligibility/fake_work.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "wire/unpack.h"

static const ProtobufCMessageDescriptor *descriptor_of(enum record_kind kind)
{
    switch ((int)kind) {
    case RECORD_CASE:
        return wire_type("ismap.liu.v1.Case");
    case RECORD_JUDGMENT:
        return &ismap__liu__v1__judgment__descriptor;
    case RECORD_TARGETS:
        return &ismap__liu__v1__target_list__descriptor;
    case RECORD_RULEBOOK:
        return &ismap__liu__v1__rulebook__descriptor;
    case RECORD_ACTIVE:
        return &ismap__liu__v1__active__descriptor;
    default:
        fail_msg("record kind %d is not expected here", (int)kind);
        return NULL;
    }
}

void fake_init(struct work *w)
{
    *w = (struct work){.now_ms = 1718000000000};
    arena_init(&w->arena, 256u * 1024 * 1024);
}

void fake_fini(struct work *w)
{
    arena_fini(&w->arena);
}

static struct fake_bytes packed(struct work *w, const ProtobufCMessage *m)
{
    struct fake_bytes b;
    assert_int_equal(wire_pack(&w->arena, m, &b.data, &b.bytes), ERR_OK);
    return b;
}

static ProtobufCMessage *unpacked(struct work *w, const ProtobufCMessageDescriptor *d,
                                  const struct fake_bytes *b)
{
    ProtobufCMessage *m = NULL;
    if (b->data != NULL)
        assert_int_equal(wire_unpack(&w->arena, d, b->data, b->bytes, &m), ERR_OK);
    return m;
}

static struct fake_record *slot(struct work *w, enum record_kind kind, const char *id)
{
    for (size_t i = 0; i < w->n_records; i++)
        if (w->records[i].kind == kind && strcmp(w->records[i].id, id) == 0)
            return &w->records[i];
    assert_true(w->n_records < FAKE_RECORDS_MAX);
    struct fake_record *r = &w->records[w->n_records++];
    *r = (struct fake_record){.kind = kind, .id = arena_strdup(&w->arena, id)};
    assert_non_null(r->id);
    return r;
}

void fake_store(struct work *w, enum record_kind kind, const char *id, const ProtobufCMessage *m)
{
    slot(w, kind, id)->value = packed(w, m);
}

const void *fake_load(struct work *w, enum record_kind kind, const char *id)
{
    return unpacked(w, descriptor_of(kind), &slot(w, kind, id)->value);
}

const void *fake_event(struct work *w, size_t i)
{
    assert_true(i < w->n_events);
    return unpacked(w, w->events[i].type, &w->events[i].value);
}

bool fake_told(const struct work *w, size_t i, const char *party)
{
    for (size_t k = 0; k < w->events[i].n_audience; k++)
        if (strcmp(w->events[i].audience[k], party) == 0)
            return true;
    return false;
}

static void drop_outcome(struct work *w)
{
    w->n_puts = 0;
    w->n_events = 0;
    w->timer_kind = NULL;
    w->reply = NULL;
    w->status = ISMAP__LIU__V1__STATUS__STATUS_OK;
    w->field = w->en = NULL;
}

Ismap__Liu__V1__Status fake_run(struct work *w, work_fn *fn, const void *message)
{
    w->message = message;
    for (size_t i = 0; i < w->n_records; i++)
        w->records[i].asked = w->records[i].loaded = false;
    for (unsigned runs = 0;; runs++) {
        assert_true(runs < 6);
        drop_outcome(w);
        if (fn(w, NULL) == DECIDE_DONE)
            break;
        for (size_t i = 0; i < w->n_records; i++)
            w->records[i].loaded = w->records[i].asked;
    }
    if (w->status != ISMAP__LIU__V1__STATUS__STATUS_OK)
        return w->status;
    if (w->reply != NULL) {
        struct fake_bytes b = packed(w, w->reply);
        w->reply = unpacked(w, w->reply->descriptor, &b);
    }
    for (size_t i = 0; i < w->n_puts; i++) {
        struct fake_record *r = slot(w, w->puts[i].kind, w->puts[i].id);
        assert_true(r->loaded || r->value.data == NULL); /* else a conflict without end */
        r->value = w->puts[i].value;
    }
    return w->status;
}

Ismap__Liu__V1__Status fake_send(struct work *w, const char *actor, Ismap__Liu__V1__Role role,
                                 work_fn *fn, const void *message)
{
    w->actor = actor;
    w->role = role;
    return fake_run(w, fn, message);
}

/* ---- the interface of flow/work.h, as far as this service uses it */

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
    struct fake_record *r = slot(w, kind, id);
    *message = NULL;
    r->asked = true;
    if (!r->loaded)
        return false;
    *message = unpacked(w, descriptor_of(kind), &r->value);
    return true;
}

bool work_rulebook(struct work *w, const Ismap__Liu__V1__Rulebook **rules, const char **hash)
{
    const void *active = NULL;
    const void *book = NULL;
    *rules = NULL;
    *hash = "";
    if (!work_get(w, RECORD_ACTIVE, "rulebook", &active))
        return false;
    if (active == NULL)
        return true;
    const char *ref = ((const Ismap__Liu__V1__Active *)active)->ref;
    if (!work_get(w, RECORD_RULEBOOK, ref, &book))
        return false;
    *rules = book;
    *hash = ref;
    return true;
}

void work_put(struct work *w, enum record_kind kind, const char *id, const ProtobufCMessage *m)
{
    assert_true(w->n_puts < 8);
    assert_ptr_equal(m->descriptor, descriptor_of(kind));
    struct fake_put *p = &w->puts[w->n_puts++];
    *p = (struct fake_put){kind, arena_strdup(&w->arena, id), packed(w, m)};
}

void work_emit(struct work *w, const ProtobufCMessage *event, const char *const *audience,
               size_t n_audience)
{
    assert_true(w->n_events < FAKE_EVENTS_MAX && n_audience <= FAKE_AUDIENCE_MAX);
    struct fake_event *e = &w->events[w->n_events++];
    *e = (struct fake_event){.type = event->descriptor, .value = packed(w, event)};
    for (size_t i = 0; i < n_audience; i++)
        e->audience[i] = arena_strdup(&w->arena, audience[i]);
    e->n_audience = n_audience;
}

void work_timer(struct work *w, const char *kind, const char *record, int64_t due_ms)
{
    (void)record;
    w->timer_kind = kind;
    w->timer_due_ms = due_ms;
}

void work_reply(struct work *w, const ProtobufCMessage *payload)
{
    w->reply = payload; /* kept as it is, as the runtime does: it must outlive the handler */
}

enum decide work_refuse(struct work *w, Ismap__Liu__V1__Status status, const char *field,
                        const char *rule, const char *ja, const char *en)
{
    assert_true(rule[0] != '\0' && ja[0] != '\0' && en[0] != '\0');
    if (w->status == ISMAP__LIU__V1__STATUS__STATUS_OK) {
        w->status = status;
        w->field = arena_strdup(&w->arena, field);
        w->en = arena_strdup(&w->arena, en);
    }
    return DECIDE_DONE;
}

bool work_refused(const struct work *w)
{
    return w->status != ISMAP__LIU__V1__STATUS__STATUS_OK;
}

enum decide work_no_memory(struct work *w)
{
    w->status = ISMAP__LIU__V1__STATUS__STATUS_RESOURCE_EXHAUSTED;
    return DECIDE_DONE;
}

enum err work_sign(struct work *w, const char *domain, const struct crypto_part *parts, size_t n,
                   uint8_t out[ED25519_SIGNATURE_BYTES], const char **key_id)
{
    if (w->key == NULL)
        return ERR_UNAVAILABLE;
    *key_id = signing_key_id(w->key);
    return crypto_sign(w->key, domain, parts, n, out);
}
