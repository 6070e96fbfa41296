/* The runtime's neighbours in memory: store, loop, clock; the bus is in fake_bus.c. Linked instead
 * of the real ones. */
#include "fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"

#define RECORDS 2048
#define OPS 1024
#define RECEIPTS 1024

struct record {
    enum record_kind kind;
    char id[96];
    uint64_t revision;
    uint8_t *value;
    size_t bytes;
};

struct op {
    enum { OP_READ, OP_HEAD, OP_RECEIPT, OP_SEEK } kind;
    struct store_key keys[LIMIT_WORK_READS + 1];
    char ids[LIMIT_WORK_READS + 1][96];
    size_t n;
    store_read_fn *read;
    store_head_fn *head;
    store_seek_fn *seek;
    commit_fn *receipt;
    void *arg;
    char party[64], id[80];
    uint8_t hash[SHA256_BYTES];
};

struct receipt {
    char party[64], id[80], type[128];
    uint8_t hash[SHA256_BYTES];
    uint8_t *reply;
    size_t bytes;
    uint64_t seq;
    int64_t at_ms;
};

struct fake fake;
static struct record records[RECORDS];
static size_t n_records;
static struct op *ops[OPS];
static size_t n_ops;
static struct receipt receipts[RECEIPTS];
static size_t n_receipts;

/* ---- records */

static struct record *find(enum record_kind kind, const char *id)
{
    for (size_t i = 0; i < n_records; i++)
        if (records[i].kind == kind && strcmp(records[i].id, id) == 0)
            return &records[i];
    return NULL;
}

static uint64_t put(enum record_kind kind, const char *id, const uint8_t *value, size_t bytes)
{
    struct record *r = find(kind, id);
    if (r == NULL) {
        assert_true(n_records < RECORDS);
        r = &records[n_records++];
        *r = (struct record){.kind = kind};
        (void)text_copy(r->id, sizeof r->id, id);
    }
    free(r->value);
    r->value = malloc(bytes + 1);
    assert_non_null(r->value);
    if (bytes > 0)
        memcpy(r->value, value, bytes);
    r->bytes = bytes;
    return ++r->revision;
}

uint64_t fake_revision(enum record_kind kind, const char *id)
{
    const struct record *r = find(kind, id);
    return r == NULL ? 0 : r->revision;
}

uint64_t fake_store(enum record_kind kind, const char *id, const ProtobufCMessage *m)
{
    struct arena a;
    const uint8_t *value;
    size_t bytes;
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    assert_int_equal(wire_pack(&a, m, &value, &bytes), ERR_OK);
    uint64_t revision = put(kind, id, value, bytes);
    arena_fini(&a);
    return revision;
}

const void *fake_load(struct arena *a, enum record_kind kind, const char *id)
{
    const struct record *r = find(kind, id);
    ProtobufCMessage *m = NULL;
    if (r != NULL)
        assert_int_equal(wire_unpack(a, record_type_of(kind)->descriptor, r->value, r->bytes, &m),
                         ERR_OK);
    return m;
}

void fake_curve(const char *id, char out[CURVE_Z85_BYTES])
{
    memset(out, '0', CURVE_Z85_BYTES - 1);
    out[CURVE_Z85_BYTES - 1] = '\0';
    memcpy(out, id, strlen(id));
}

void fake_party(const char *id, Ismap__Liu__V1__Role role, bool revoked, bool quietly)
{
    char curve[CURVE_Z85_BYTES];
    uint8_t public_key[ED25519_KEY_BYTES];
    Ismap__Liu__V1__Party p = ISMAP__LIU__V1__PARTY__INIT;
    Ismap__Liu__V1__PartyKeys keys = ISMAP__LIU__V1__PARTY_KEYS__INIT;
    Ismap__Liu__V1__SigningKey sk = ISMAP__LIU__V1__SIGNING_KEY__INIT;
    Ismap__Liu__V1__SigningKey *signing[] = {&sk};
    char *curves[] = {curve};
    fake_curve(id, curve);
    signing_key_public(fake.key, public_key);
    sk.key_id = (char *)(uintptr_t)signing_key_id(fake.key);
    sk.public_key = (ProtobufCBinaryData){.len = sizeof public_key, .data = public_key};
    keys.curve = curves;
    keys.signing = signing;
    keys.n_curve = keys.n_signing = 1;
    p.id = (char *)(uintptr_t)id;
    p.role = role;
    p.revoked = revoked;
    p.keys = &keys;
    uint64_t revision = fake_store(RECORD_PARTY, id, &p.base);
    const struct record *r = find(RECORD_PARTY, id);
    if (!quietly)
        assert_int_equal(
            directory_update(fake.flow.dir, RECORD_PARTY, id, revision, r->value, r->bytes),
            ERR_OK);
}

/* ---- the store as lib/flow sees it */

static struct op *op_new(void *arg)
{
    assert_true(n_ops < OPS);
    struct op *o = calloc(1, sizeof *o);
    assert_non_null(o);
    o->arg = arg;
    ops[n_ops++] = o;
    return o;
}

bool store_ready(const struct store *s, const char **why)
{
    (void)s;
    if (why != NULL)
        *why = fake.ready ? "" : "away";
    return fake.ready;
}

const char *store_epoch(const struct store *s)
{
    (void)s;
    return FAKE_EPOCH;
}

enum store_pressure store_pressure(const struct store *s)
{
    (void)s;
    return fake.pressure;
}

int64_t store_tls_until_s(const struct store *s)
{
    (void)s;
    return 0;
}

void store_memory_used(const struct store *s, uint64_t *used_bytes, uint64_t *max_bytes)
{
    (void)s;
    *used_bytes = *max_bytes = 0;
}

enum err store_read(struct store *s, const struct store_key *keys, size_t n, store_read_fn *fn,
                    void *arg)
{
    (void)s;
    if (!fake.ready)
        return ERR_UNAVAILABLE;
    struct op *o = op_new(arg);
    o->kind = OP_READ;
    o->read = fn;
    o->n = n;
    fake.reads_seen++;
    for (size_t i = 0; i < n; i++) {
        (void)text_copy(o->ids[i], sizeof o->ids[i], keys[i].id);
        o->keys[i] = (struct store_key){.kind = keys[i].kind, .id = o->ids[i]};
    }
    return ERR_OK;
}

enum err store_read_urgent(struct store *s, const struct store_key *keys, size_t n,
                           store_read_fn *fn, void *arg)
{
    return store_read(s, keys, n, fn, arg);
}

enum err store_seek(struct store *s, enum cold_want want, const struct store_key *keys, size_t n,
                    store_seek_fn *fn, void *arg)
{
    (void)s;
    (void)want;
    if (!fake.ready)
        return ERR_UNAVAILABLE;
    struct op *o = op_new(arg);
    o->kind = OP_SEEK;
    o->seek = fn;
    o->n = n;
    fake.seeks_seen++;
    for (size_t i = 0; i < n; i++) {
        (void)text_copy(o->ids[i], sizeof o->ids[i], keys[i].id);
        o->keys[i] = (struct store_key){.kind = keys[i].kind, .id = o->ids[i]};
    }
    return ERR_OK;
}

enum err store_head(struct store *s, store_head_fn *fn, void *arg)
{
    (void)s;
    struct op *o = op_new(arg);
    o->kind = OP_HEAD;
    o->head = fn;
    return ERR_OK;
}

enum err store_receipt(struct store *s, const char *party, const char *id,
                       const uint8_t request_hash[32], commit_fn *fn, void *arg)
{
    (void)s;
    if (!fake.ready)
        return ERR_UNAVAILABLE;
    struct op *o = op_new(arg);
    o->kind = OP_RECEIPT;
    o->receipt = fn;
    (void)text_copy(o->party, sizeof o->party, party);
    (void)text_copy(o->id, sizeof o->id, id);
    memcpy(o->hash, request_hash, SHA256_BYTES);
    fake.receipts_asked++;
    return ERR_OK;
}

enum err store_commit(struct store *s, enum store_lane lane, const struct commit *c, commit_fn *fn,
                      void *arg)
{
    (void)s;
    if (!fake.ready)
        return ERR_UNAVAILABLE;
    assert_true(fake.n_commits < FAKE_COMMITS);
    fake.commits[fake.n_commits++] =
        (struct fake_commit){.commit = c, .fn = fn, .arg = arg, .lane = lane};
    fake.commits_seen++;
    return ERR_OK;
}

/* What these tests do not use. */
enum err store_scan(struct store *s, enum record_kind kind, const char *page, uint32_t max,
                    store_scan_fn *fn, void *arg)
{
    (void)s, (void)kind, (void)page, (void)max, (void)fn, (void)arg;
    return ERR_UNAVAILABLE;
}
enum err store_entries(struct store *s, uint64_t from, uint64_t to, uint32_t max,
                       store_entries_fn *fn, void *arg)
{
    (void)s, (void)from, (void)to, (void)max, (void)fn, (void)arg;
    return ERR_UNAVAILABLE;
}
enum err store_audience(struct store *s, const char *party, uint64_t after, uint64_t to,
                        uint32_t max, store_audience_fn *fn, void *arg)
{
    (void)s, (void)party, (void)after, (void)to, (void)max, (void)fn, (void)arg;
    return ERR_UNAVAILABLE;
}
/* ---- what the Function would do */

static struct receipt *receipt_find(const char *party, const char *id)
{
    for (size_t i = 0; i < n_receipts; i++)
        if (strcmp(receipts[i].party, party) == 0 && strcmp(receipts[i].id, id) == 0)
            return &receipts[i];
    return NULL;
}

static struct commit_result from_receipt(const struct receipt *r, const uint8_t hash[SHA256_BYTES])
{
    struct commit_result out = {.text = ""};
    out.status = r == NULL                                  ? COMMIT_OK
                 : memcmp(r->hash, hash, SHA256_BYTES) == 0 ? COMMIT_DUPLICATE
                                                            : COMMIT_MISMATCH;
    if (r != NULL) {
        out.seq = r->seq;
        out.at_ms = r->at_ms;
        out.reply = r->reply;
        out.reply_bytes = r->bytes;
        out.reply_type = r->type;
    }
    return out;
}

static struct commit_result apply(const struct commit *c)
{
    struct commit_result out = {.text = "", .at_ms = c->now_ms};
    const struct receipt *old =
        c->receipt_party == NULL ? NULL : receipt_find(c->receipt_party, c->receipt_id);
    if (old != NULL)
        return from_receipt(old, c->request_hash);
    for (size_t i = 0; i < c->n_guards; i++)
        if (fake_revision(c->guards[i].kind, c->guards[i].id) != c->guards[i].revision)
            out.status = COMMIT_CONFLICT;
    if (!fake_timers_hold(c))
        out.status = COMMIT_CONFLICT;
    for (size_t i = 0; i < c->n_puts; i++)
        if (fake_revision(c->puts[i].kind, c->puts[i].id) != c->puts[i].expected)
            out.status = COMMIT_CONFLICT;
    if (out.status == COMMIT_CONFLICT)
        return out;
    for (size_t i = 0; i < c->n_puts; i++)
        (void)put(c->puts[i].kind, c->puts[i].id, c->puts[i].value, c->puts[i].value_bytes);
    fake_timers_apply(c);
    out.seq = c->n_entries == 0 ? 0 : fake.seq + 1;
    fake.seq += c->n_entries;
    if (c->receipt_party != NULL) {
        assert_true(n_receipts < RECEIPTS);
        struct receipt *r = &receipts[n_receipts++];
        *r = (struct receipt){.seq = out.seq, .at_ms = c->now_ms, .bytes = c->reply_bytes};
        (void)text_copy(r->party, sizeof r->party, c->receipt_party);
        (void)text_copy(r->id, sizeof r->id, c->receipt_id);
        (void)text_copy(r->type, sizeof r->type, c->reply_type);
        memcpy(r->hash, c->request_hash, SHA256_BYTES);
        r->reply = malloc(c->reply_bytes + 1);
        assert_non_null(r->reply);
        if (c->reply_bytes > 0)
            memcpy(r->reply, c->reply, c->reply_bytes);
    }
    return out;
}

static void answer_read(const struct op *o)
{
    struct store_record out[LIMIT_WORK_READS + 1];
    for (size_t i = 0; i < o->n; i++) {
        const struct record *r = find(o->keys[i].kind, o->keys[i].id);
        out[i] = (struct store_record){.exists = r != NULL};
        if (r != NULL) {
            out[i].revision = r->revision;
            out[i].value = r->value;
            out[i].bytes = r->bytes;
        }
    }
    if (fake.reads_fail)
        o->read(o->arg, ERR_UNAVAILABLE, NULL, 0);
    else
        o->read(o->arg, ERR_OK, out, o->n);
}

static void answer_seek(const struct op *o)
{
    char letters[LIMIT_WORK_READS + 1];
    static const struct store_record none[LIMIT_WORK_READS + 1];
    for (size_t i = 0; i < o->n; i++)
        letters[i] = find(o->keys[i].kind, o->keys[i].id) != NULL ? COLD_HERE
                     : strcmp(o->keys[i].id, fake.cold_id) == 0   ? COLD_ASKED
                                                                  : COLD_ABSENT;
    o->seek(o->arg, fake.reads_fail ? ERR_UNAVAILABLE : ERR_OK,
            fake_revision(RECORD_UPKEEP, COLD_GENERATION), letters, none, o->n);
}

void fake_answer(void)
{
    while (n_ops > 0) {
        struct op *o = ops[0];
        memmove(&ops[0], &ops[1], (n_ops - 1) * sizeof ops[0]);
        n_ops--;
        if (o->kind == OP_READ) {
            answer_read(o);
        } else if (o->kind == OP_SEEK) {
            answer_seek(o);
        } else if (o->kind == OP_HEAD) {
            o->head(o->arg, ERR_OK, fake.seq);
        } else {
            struct commit_result r = from_receipt(receipt_find(o->party, o->id), o->hash);
            if (fake.receipts_cold)
                r = (struct commit_result){.status = COMMIT_COLD, .text = ""};
            o->receipt(o->arg, &r);
        }
        free(o);
    }
}

void fake_turn(void)
{
    do {
        fake_answer();
        load_turn_ends(&fake.flow);
    } while (n_ops > 0 || fake.flow.first_later != NULL);
    reply_sign_turn(&fake.flow);
}

static struct fake_commit commit_pop(void)
{
    assert_true(fake.n_commits > 0);
    struct fake_commit c = fake.commits[0];
    fake.n_commits--;
    memmove(&fake.commits[0], &fake.commits[1], fake.n_commits * sizeof fake.commits[0]);
    return c;
}

void fake_commit_ok(void)
{
    struct fake_commit c = commit_pop();
    struct commit_result r = apply(c.commit);
    c.fn(c.arg, &r);
    fake_turn();
}

void fake_commit_all(void)
{
    fake_turn();
    while (fake.n_commits > 0)
        fake_commit_ok();
}

void fake_commit_as(enum commit_status status, bool done)
{
    struct fake_commit c = commit_pop();
    struct commit_result r = {.status = status, .text = "as the test says"};
    if (done)
        (void)apply(c.commit);
    c.fn(c.arg, &r);
    fake_turn();
}

/* ---- loop, clock */

void loop_stop(struct loop *l)
{
    (void)l;
}

int64_t flow_now_ms(struct flow *f)
{
    (void)f;
    return fake.now_ms;
}

/* ---- life */

void fake_up(const struct service *svc)
{
    fake = (struct fake){.now_ms = FAKE_NOW, .ready = true};
    struct flow *f = &fake.flow;
    log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
    f->svc = svc;
    f->set.scheme_instance = (char *)(uintptr_t) "test";
    f->phase = FLOW_READY;
    f->why_not = "";
    f->memory.max_bytes = 1024u * 1024 * 1024;
    f->doors[0] = (struct flow_door){.flow = f, .name = "main"};
    f->m_requests = metrics_counter("requests", "", "");
    f->m_refused = metrics_counter("refused", "", "");
    f->m_commits = metrics_counter("commits", "", "");
    f->m_conflicts = metrics_counter("conflicts", "", "");
    f->m_cold_asked = metrics_counter("cold_asked", "", "");
    f->m_cold_late = metrics_counter("cold_late", "", "");
    f->m_mismatches = metrics_counter("mismatches", "", "");
    f->m_quarantined = metrics_counter("quarantined", "", "");
    f->m_commit_us = metrics_histogram("commit_us", "", "");
    f->m_works = metrics_gauge("works", "", "");
    f->m_head = metrics_gauge("head", "", "");
    f->m_consumed = metrics_gauge("consumed", "", "");
    f->m_garbage = metrics_counter("garbage", "", "");
    assert_int_equal(directory_create(&f->dir), ERR_OK);
    assert_int_equal(kept_create(svc, LIMIT_KEPT_RECORDS, LIMIT_KEPT_BYTES, &f->kept), ERR_OK);
    assert_int_equal(fetch_create(f), ERR_OK);
    assert_int_equal(signing_key_generate("scheme-1", &f->scheme_key), ERR_OK);
    assert_int_equal(signing_key_generate("key-1", &fake.key), ERR_OK);
    fake_party("acme", ISMAP__LIU__V1__ROLE__ROLE_OPERATOR, false, false);
}

void fake_down(void)
{
    struct flow *f = &fake.flow;
    f->phase = FLOW_STOPPING;
    while (fake.n_commits > 0) {
        struct fake_commit c = commit_pop();
        struct commit_result r = {.status = COMMIT_UNKNOWN, .text = "the end"};
        c.fn(c.arg, &r);
    }
    for (size_t i = 0; i < n_ops; i++)
        free(ops[i]);
    fetch_destroy(f);
    consumer_destroy(f);
    engine_destroy(f);
    timers_destroy(f);
    directory_destroy(f->dir);
    kept_destroy(f->kept);
    signing_key_free(f->scheme_key);
    signing_key_free(fake.key);
    for (size_t i = 0; i < fake.n_sent; i++)
        arena_fini(&fake.sent[i].arena);
    for (size_t i = 0; i < n_records; i++)
        free(records[i].value);
    for (size_t i = 0; i < n_receipts; i++)
        free(receipts[i].reply);
    fake_timers_clear();
    n_records = n_ops = n_receipts = 0;
    memset(records, 0, sizeof records);
    memset(receipts, 0, sizeof receipts);
}
