/* See fake_work.h. */
#include "support/fake_work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "wire/unpack.h"

#define RULES_REF "rules-in-force"

void fake_init(struct work *w, const char *service, int64_t now_ms)
{
    *w = (struct work){.service = service, .now_ms = now_ms, .door = "main"};
    arena_init(&w->arena, 512u * 1024 * 1024);
}

static void drop_outcome(struct work *w)
{
    for (size_t i = 0; i < w->n_puts; i++)
        free(w->puts[i].value);
    w->n_puts = 0;
    w->n_events = 0;
    w->n_set = 0;
    w->noise_bytes = 0;
    w->quiet = false;
    w->reply = NULL;
    w->status = ISMAP__LIU__V1__STATUS__STATUS_OK;
    w->faults = (struct faults){0};
    w->no_memory = false;
}

void fake_fini(struct work *w)
{
    drop_outcome(w);
    for (size_t i = 0; i < w->n_records; i++)
        free(w->records[i].value);
    arena_fini(&w->arena);
}

/* ---- records */

static struct fake_record *slot(struct work *w, enum record_kind kind, const char *id)
{
    for (size_t i = 0; i < w->n_records; i++)
        if (w->records[i].kind == kind && strcmp(w->records[i].id, id) == 0)
            return &w->records[i];
    assert_true(w->n_records < FAKE_RECORDS_MAX);
    struct fake_record *r = &w->records[w->n_records++];
    *r = (struct fake_record){.kind = kind};
    assert_true(text_copy(r->id, sizeof r->id, id));
    return r;
}

static void fill(struct fake_record *r, const ProtobufCMessage *m)
{
    r->type = m->descriptor;
    r->bytes = protobuf_c_message_get_packed_size(m);
    r->value = malloc(r->bytes + 1);
    assert_non_null(r->value);
    (void)protobuf_c_message_pack(m, r->value);
}

static void *unpacked(struct work *w, const struct fake_record *r)
{
    ProtobufCMessage *m = NULL;
    if (r->value != NULL)
        assert_int_equal(wire_unpack(&w->arena, r->type, r->value, r->bytes, &m), ERR_OK);
    return m;
}

/* What a reader of the bytes would see: nothing the sender does later changes it. */
static ProtobufCMessage *copied(struct work *w, const ProtobufCMessage *m, const uint8_t **packed,
                                size_t *bytes)
{
    ProtobufCMessage *copy = NULL;
    assert_int_equal(wire_pack(&w->arena, m, packed, bytes), ERR_OK);
    assert_int_equal(wire_unpack(&w->arena, m->descriptor, *packed, *bytes, &copy), ERR_OK);
    return copy;
}

static void record_written(struct work *w, struct fake_record *r)
{
    r->revision++;
    for (size_t i = 0; w->view_state != NULL && i < w->n_views; i++)
        if (w->views[i].kind == r->kind && w->views[i].changed != NULL)
            w->views[i].changed(w->view_state, r->id, r->revision, unpacked(w, r));
}

static struct fake_record *store(struct work *w, enum record_kind kind, const char *id,
                                 const ProtobufCMessage *m)
{
    struct fake_record *r = slot(w, kind, id);
    free(r->value);
    fill(r, m);
    return r;
}

void fake_store(struct work *w, enum record_kind kind, const char *id, const ProtobufCMessage *m)
{
    record_written(w, store(w, kind, id, m));
}

void fake_store_late(struct work *w, enum record_kind kind, const char *id,
                     const ProtobufCMessage *m)
{
    w->late = store(w, kind, id, m);
}

const void *fake_load(struct work *w, enum record_kind kind, const char *id)
{
    return unpacked(w, slot(w, kind, id));
}

void fake_rules(struct work *w, const Ismap__Liu__V1__Rulebook *rules)
{
    char ref[] = RULES_REF;
    Ismap__Liu__V1__Active active = ISMAP__LIU__V1__ACTIVE__INIT;
    active.ref = ref;
    active.version = 1;
    fake_store(w, RECORD_RULEBOOK, RULES_REF, &rules->base);
    fake_store(w, RECORD_ACTIVE, "rulebook", &active.base);
}

/* ---- running */

static void timer_apply(struct work *w, const struct fake_timer *t)
{
    size_t i = 0;
    while (i < w->n_timers &&
           (strcmp(w->timers[i].kind, t->kind) != 0 || strcmp(w->timers[i].record, t->record) != 0))
        i++;
    assert_true(i < FAKE_TIMERS_MAX);
    w->n_timers += i == w->n_timers;
    w->timers[i] = *t;
}

static struct fake_timer timer_of(const char *kind, const char *record, int64_t due_ms)
{
    struct fake_timer t = {.due_ms = due_ms};
    assert_true(text_copy(t.kind, sizeof t.kind, kind));
    assert_true(text_copy(t.record, sizeof t.record, record));
    return t;
}

static void commit(struct work *w)
{
    const uint8_t *packed;
    size_t bytes;
    if (w->reply != NULL)
        w->reply = copied(w, w->reply, &packed, &bytes);
    if (w->status != ISMAP__LIU__V1__STATUS__STATUS_OK) {
        assert_true(w->faults.n > 0);
        return;
    }
    assert_false(w->quiet && w->n_events > 0);
    for (size_t i = 0; i < w->n_puts; i++) {
        struct fake_record *r = slot(w, w->puts[i].kind, w->puts[i].id);
        assert_true(r->loaded || r->value == NULL); /* else the runtime would find a conflict */
        free(r->value);
        r->type = w->puts[i].type;
        r->value = w->puts[i].value;
        r->bytes = w->puts[i].bytes;
        w->puts[i].value = NULL;
        record_written(w, r);
    }
    for (size_t i = 0; i < w->n_set; i++)
        timer_apply(w, &w->set[i]);
}

static Ismap__Liu__V1__Status run(struct work *w, work_fn *fn, void *state)
{
    w->rules_loaded = w->scan_loaded = w->head_loaded = false;
    w->runs = 0;
    w->n_reads = 0;
    w->serial++;
    for (size_t i = 0; i < w->n_records; i++)
        w->records[i].loaded = w->records[i].pending = false;
    for (;;) {
        drop_outcome(w);
        assert_true(++w->runs < 12);
        if (fn(w, state) == DECIDE_DONE)
            break;
        for (size_t i = 0; i < w->n_records; i++)
            w->records[i].loaded = w->records[i].loaded || w->records[i].pending;
    }
    assert_false(w->no_memory);
    commit(w);
    return w->status;
}

Ismap__Liu__V1__Status fake_send(struct work *w, const char *actor, Ismap__Liu__V1__Role role,
                                 work_fn *fn, void *state, const ProtobufCMessage *m)
{
    w->actor = actor;
    w->role = role;
    w->timer_record = "";
    w->message = copied(w, m, &w->payload, &w->payload_bytes);
    return run(w, fn, state);
}

Ismap__Liu__V1__Status fake_hear(struct work *w, work_fn *fn, void *state,
                                 const ProtobufCMessage *event)
{
    return fake_send(w, w->service, ISMAP__LIU__V1__ROLE__ROLE_UNSPECIFIED, fn, state, event);
}

Ismap__Liu__V1__Status fake_fire(struct work *w, const char *kind, const char *record, work_fn *fn,
                                 void *state)
{
    struct fake_timer gone = timer_of(kind, record, -1);
    timer_apply(w, &gone);
    w->actor = w->service;
    w->role = ISMAP__LIU__V1__ROLE__ROLE_UNSPECIFIED;
    w->message = NULL;
    w->timer_record = record;
    return run(w, fn, state);
}

/* ---- looking at the outcome */

bool fake_has_fault(const struct work *w, const char *field, const char *rule)
{
    for (size_t i = 0; i < w->faults.n; i++)
        if (strcmp(w->faults.items[i].field, field) == 0 &&
            strcmp(w->faults.items[i].rule, rule) == 0)
            return w->faults.items[i].ja[0] != '\0' && w->faults.items[i].en[0] != '\0';
    return false;
}

const struct fake_event *fake_event(const struct work *w, const char *type, size_t n)
{
    for (size_t i = 0; i < w->n_events; i++)
        if (strcmp(w->events[i].type, type) == 0 && n-- == 0)
            return &w->events[i];
    return NULL;
}

size_t fake_events(const struct work *w, const char *type)
{
    size_t n = 0;
    while (fake_event(w, type, n) != NULL)
        n++;
    return n;
}

bool fake_told(const struct fake_event *e, const char *party)
{
    for (size_t i = 0; i < e->n_audience; i++)
        if (strcmp(e->audience[i], party) == 0)
            return true;
    return false;
}

int64_t fake_due(const struct work *w, const char *kind, const char *record)
{
    for (size_t i = 0; i < w->n_timers; i++)
        if (strcmp(w->timers[i].kind, kind) == 0 && strcmp(w->timers[i].record, record) == 0)
            return w->timers[i].due_ms < 0 ? -1 : w->timers[i].due_ms;
    return -1;
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

const char *work_door(const struct work *w)
{
    return w->door;
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
        assert_true(w->n_reads <= LIMIT_WORK_READS);
        r->pending = true;
        return false;
    }
    *message = unpacked(w, r);
    return true;
}

/* The runtime keeps the rulebook: it costs a wait, but no read of the work's own. */
bool work_rulebook(struct work *w, const Ismap__Liu__V1__Rulebook **rules, const char **hash)
{
    *rules = NULL;
    *hash = "";
    if (!w->rules_loaded) {
        w->rules_loaded = true;
        return false;
    }
    const Ismap__Liu__V1__Active *active = unpacked(w, slot(w, RECORD_ACTIVE, "rulebook"));
    if (active == NULL)
        return true;
    *rules = unpacked(w, slot(w, RECORD_RULEBOOK, active->ref));
    *hash = active->ref;
    return true;
}

/* All on one page. */
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
    assert_true(ids != NULL && messages != NULL);
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
    bool loaded = w->head_loaded;
    *seq = 42;
    *epoch = "epoch-1";
    w->head_loaded = true;
    return loaded;
}

void work_put(struct work *w, enum record_kind kind, const char *id, const ProtobufCMessage *m)
{
    const struct fake_record *there = slot(w, kind, id);
    size_t i = 0;
    assert_true(there->type == NULL || there->type == m->descriptor);
    while (i < w->n_puts && (w->puts[i].kind != kind || strcmp(w->puts[i].id, id) != 0))
        i++;
    assert_true(i < LIMIT_WORK_WRITES);
    if (i < w->n_puts)
        free(w->puts[i].value);
    else
        w->n_puts++;
    w->puts[i] = (struct fake_record){.kind = kind};
    assert_true(text_copy(w->puts[i].id, sizeof w->puts[i].id, id));
    fill(&w->puts[i], m);
}

/* Each party is told once, and nobody without a name. */
void work_emit(struct work *w, const ProtobufCMessage *event, const char *const *audience,
               size_t n_audience)
{
    assert_true(w->n_events < LIMIT_WORK_ENTRIES && n_audience <= LIMIT_AUDIENCE);
    const uint8_t *packed = NULL;
    size_t bytes = 0;
    const char **names = arena_alloc(&w->arena, (n_audience + 1) * sizeof *names);
    assert_non_null(names);
    struct fake_event *e = &w->events[w->n_events++];
    *e = (struct fake_event){.type = event->descriptor->short_name,
                             .payload = copied(w, event, &packed, &bytes),
                             .audience = names};
    for (size_t i = 0; i < n_audience; i++)
        if (audience[i][0] != '\0' && !fake_told(e, audience[i]))
            names[e->n_audience++] = arena_strdup(&w->arena, audience[i]);
}

void work_timer(struct work *w, const char *kind, const char *record, int64_t due_ms)
{
    assert_true(w->n_set < FAKE_TIMERS_MAX);
    w->set[w->n_set++] = timer_of(kind, record, due_ms);
}

void work_noise(struct work *w, const char *feed, const uint8_t *data, size_t bytes)
{
    assert_string_equal(feed, w->actor);
    assert_non_null(data);
    w->noise = arena_dup(&w->arena, data, bytes);
    w->noise_bytes = bytes;
}

bool work_views_current(struct work *w)
{
    struct fake_record *r = w->late;
    if (r == NULL || w->views_stuck)
        return true;
    w->late = NULL;
    record_written(w, r);
    return false;
}

bool work_certain(const struct work *w)
{
    (void)w;
    return true;
}

void work_quiet(struct work *w)
{
    w->quiet = true;
}

/* Kept as it is, as the runtime does: it must outlive the decision. */
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

enum decide work_start_again(struct work *w)
{
    return work_no_memory(w);
}

enum err work_sign(struct work *w, const char *domain, const struct crypto_part *parts, size_t n,
                   uint8_t out[ED25519_SIGNATURE_BYTES], const char **key_id)
{
    if (w->key == NULL)
        return ERR_UNAVAILABLE;
    *key_id = signing_key_id(w->key);
    return crypto_sign(w->key, domain, parts, n, out);
}
