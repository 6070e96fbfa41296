/* See fake_work.h. */
#include "fake_work.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "ismap/liu/v1/alert.pb-c.h"
#include "ismap/liu/v1/judgment.pb-c.h"
#include "ismap/liu/v1/listing.pb-c.h"
#include "ismap/liu/v1/party.pb-c.h"
#include "wire/unpack.h"

static const ProtobufCMessageDescriptor *descriptor_of(enum record_kind kind)
{
    switch ((int)kind) {
    case RECORD_FEED:
        return &ismap__liu__v1__feed__descriptor;
    case RECORD_KEY:
        return &ismap__liu__v1__key_holder__descriptor;
    case RECORD_RULEBOOK:
        return &ismap__liu__v1__rulebook__descriptor;
    case RECORD_LISTING:
        return &ismap__liu__v1__listing__descriptor;
    case RECORD_HOLD:
        return &ismap__liu__v1__hold__descriptor;
    case RECORD_USERS:
        return &ismap__liu__v1__service_users__descriptor;
    case RECORD_INCIDENT:
        return &ismap__liu__v1__incident__descriptor;
    case RECORD_BRAKE:
        return &ismap__liu__v1__brake__descriptor;
    case RECORD_LANE:
        return &ismap__liu__v1__feed_lane__descriptor;
    default:
        fail_msg("record kind %d is not expected here", (int)kind);
        return NULL;
    }
}

void fake_init(struct work *w, const struct service *svc)
{
    *w = (struct work){.now_ms = 1800000000000, .views = svc->views, .n_views = svc->n_views};
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

static void record_written(struct work *w, void *state, struct fake_record *r)
{
    r->revision++;
    for (size_t i = 0; state != NULL && i < w->n_views; i++)
        if (w->views[i].kind == r->kind && w->views[i].changed != NULL)
            w->views[i].changed(state, r->id, r->revision, unpacked(w, r));
}

void fake_store(struct work *w, void *state, enum record_kind kind, const char *id,
                const ProtobufCMessage *m)
{
    struct fake_record *r = slot(w, kind, id);
    free(r->value);
    fill(r, m);
    record_written(w, state, r);
}

void fake_store_late(struct work *w, void *state, enum record_kind kind, const char *id,
                     const ProtobufCMessage *m)
{
    fake_store(w, NULL, kind, id, m);
    w->late = slot(w, kind, id);
    w->late_state = state;
}

const void *fake_load(struct work *w, enum record_kind kind, const char *id)
{
    return unpacked(w, slot(w, kind, id));
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

static void commit(struct work *w, void *state)
{
    if (w->status != ISMAP__LIU__V1__STATUS__STATUS_OK) {
        assert_true(w->faults.n > 0);
        return;
    }
    assert_false(w->quiet && w->n_events > 0);
    for (size_t i = 0; i < w->n_puts; i++) {
        struct fake_record *r = slot(w, w->puts[i].kind, w->puts[i].id);
        assert_true(r->loaded || r->value == NULL); /* else the runtime would find a conflict */
        free(r->value);
        r->value = w->puts[i].value;
        r->bytes = w->puts[i].bytes;
        w->puts[i].value = NULL;
        record_written(w, state, r);
    }
    for (size_t i = 0; i < w->n_set; i++)
        timer_apply(w, &w->set[i]);
}

static void run(struct work *w, work_fn *fn, void *state)
{
    w->rules_loaded = false;
    w->scan_loaded = false;
    w->runs = 0;
    w->n_reads = 0;
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
    commit(w, state);
}

Ismap__Liu__V1__Status fake_send(struct work *w, const char *actor, Ismap__Liu__V1__Role role,
                                 const char *door, work_fn *fn, void *state,
                                 const ProtobufCMessage *m)
{
    const uint8_t *packed = NULL;
    ProtobufCMessage *copy = NULL;
    w->actor = actor;
    w->role = role;
    w->door = door;
    assert_int_equal(wire_pack(&w->arena, m, &packed, &w->payload_bytes), ERR_OK);
    assert_int_equal(wire_unpack(&w->arena, m->descriptor, packed, w->payload_bytes, &copy),
                     ERR_OK);
    w->payload = packed;
    w->message = copy;
    run(w, fn, state);
    return w->status;
}

void fake_fire(struct work *w, const char *kind, const char *record, work_fn *fn, void *state)
{
    struct fake_timer gone = {.due_ms = -1};
    assert_true(text_copy(gone.kind, sizeof gone.kind, kind));
    assert_true(text_copy(gone.record, sizeof gone.record, record));
    timer_apply(w, &gone);
    w->actor = "monitor";
    w->door = "";
    w->timer_record = record;
    run(w, fn, state);
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
    size_t n = 0;
    for (size_t i = 0; i < e->n_audience; i++)
        n += strcmp(e->audience[i], party) == 0;
    assert_true(n <= 1); /* nobody is told twice */
    return n == 1;
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

/* In place of lib/base/clock.c. */
int64_t fake_mono_ms = 1000000;

int64_t clock_wall_ms(void)
{
    return 1800000000000;
}

int64_t clock_mono_ms(void)
{
    return fake_mono_ms;
}

int64_t clock_mono_us(void)
{
    return fake_mono_ms * 1000;
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

bool work_rulebook(struct work *w, const Ismap__Liu__V1__Rulebook **rules, const char **hash)
{
    *rules = NULL;
    *hash = "";
    if (!w->rules_loaded) {
        w->rules_loaded = true;
        return false;
    }
    *rules = unpacked(w, slot(w, RECORD_RULEBOOK, "active"));
    *hash = "hash-of-rules";
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

void work_put(struct work *w, enum record_kind kind, const char *id, const ProtobufCMessage *m)
{
    size_t i = 0;
    assert_ptr_equal(m->descriptor, descriptor_of(kind));
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

void work_emit(struct work *w, const ProtobufCMessage *event, const char *const *audience,
               size_t n_audience)
{
    assert_true(w->n_events < LIMIT_WORK_ENTRIES && n_audience <= LIMIT_AUDIENCE);
    const uint8_t *packed = NULL;
    size_t bytes = 0;
    ProtobufCMessage *copy = NULL;
    const char **names = arena_alloc(&w->arena, (n_audience + 1) * sizeof *names);
    assert_non_null(names);
    assert_int_equal(wire_pack(&w->arena, event, &packed, &bytes), ERR_OK);
    assert_int_equal(wire_unpack(&w->arena, event->descriptor, packed, bytes, &copy), ERR_OK);
    for (size_t i = 0; i < n_audience; i++)
        names[i] = arena_strdup(&w->arena, audience[i]);
    w->events[w->n_events++] = (struct fake_event){.type = event->descriptor->short_name,
                                                   .payload = copy,
                                                   .audience = names,
                                                   .n_audience = n_audience};
}

void work_timer(struct work *w, const char *kind, const char *record, int64_t due_ms)
{
    assert_true(w->n_set < FAKE_TIMERS_MAX);
    struct fake_timer *t = &w->set[w->n_set++];
    assert_true(text_copy(t->kind, sizeof t->kind, kind));
    assert_true(text_copy(t->record, sizeof t->record, record));
    t->due_ms = due_ms;
}

void work_noise(struct work *w, const char *feed, const uint8_t *data, size_t bytes)
{
    assert_string_equal(feed, w->actor);
    assert_non_null(data);
    w->noise_bytes = bytes;
}

bool work_views_current(struct work *w)
{
    struct fake_record *r = w->late;
    if (r == NULL || w->views_stuck)
        return true;
    w->late = NULL;
    r->revision--;
    record_written(w, w->late_state, r);
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

enum err work_sign(struct work *w, const char *domain, const struct crypto_part *parts, size_t n,
                   uint8_t out[ED25519_SIGNATURE_BYTES], const char **key_id)
{
    if (w->no_key)
        return ERR_UNAVAILABLE;
    assert_string_equal(domain, DOMAIN_NOTICE);
    assert_int_equal(n, 5);
    assert_true(parts[0].bytes > 0);
    memset(out, 0x5a, ED25519_SIGNATURE_BYTES);
    *key_id = "scheme-1";
    return ERR_OK;
}
