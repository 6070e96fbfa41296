/* See check.h. The journal alone feeds the model here, so that model and store can be compared. */
#include "replay/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "replay/check_moves.h"
#include "replay/check_private.h"

#define ENTRY_BYTES (32u * 1024 * 1024)
#define KEY_BYTES 200

struct model {
    char key[KEY_BYTES];
    enum record_kind kind;
    const char *id; /* within key */
    uint64_t revision;
    uint64_t first, last; /* entries that put it */
    int state;
    uint8_t *value;
    size_t bytes;
    UT_hash_handle hh;
};

struct effect { /* of one cause */
    char key[KEY_BYTES];
    uint64_t first, last; /* entries */
    int64_t at_us;
    int64_t wall_ms;
    uint8_t hash[SHA256_BYTES]; /* of the request; 0 = none */
    UT_hash_handle hh;
};

static struct {
    uint64_t seq;
    struct model *records;
    struct effect *effects;
    struct arena entry;
    struct arena tmp;
    bool holds_moved;
} check;

/* ---- the model */

static struct model *model_of(enum record_kind kind, const char *id)
{
    char key[KEY_BYTES];
    struct model *m = NULL;
    (void)snprintf(key, sizeof key, "%d/%s", (int)kind, id);
    HASH_FIND_STR(check.records, key, m);
    return m;
}

/* Unpacked into the arena; NULL when there is none. */
const void *check_record(struct arena *a, enum record_kind kind, const char *id)
{
    const struct model *m = model_of(kind, id);
    ProtobufCMessage *out = NULL;
    if (m != NULL &&
        wire_unpack(a, record_type_of(kind)->descriptor, m->value, m->bytes, &out) != ERR_OK)
        sim_fail("record %s cannot be read", m->key);
    return out;
}

static void take_put(uint64_t seq, const Ismap__Liu__V1__RecordPut *p)
{
    enum record_kind kind = (enum record_kind)p->kind;
    const struct record_type *t = record_type_of(kind);
    struct model *m = model_of(kind, p->id);
    ProtobufCMessage *now = NULL;
    if (t == NULL ||
        wire_unpack(&check.tmp, t->descriptor, p->value.data, p->value.len, &now) != ERR_OK) {
        sim_fail("entry %" PRIu64 ": put %u/%s cannot be read", seq, p->kind, p->id);
        return;
    }
    if (m == NULL) {
        m = sim_need(calloc(1, sizeof *m));
        (void)snprintf(m->key, sizeof m->key, "%d/%s", (int)kind, p->id);
        m->kind = kind;
        m->first = seq;
        m->id = strchr(m->key, '/') + 1;
        HASH_ADD_STR(check.records, key, m);
    }
    int state = check_state_of(kind, now);
    /* lanes are put without an entry when nothing but noise came */
    if (p->revision != m->revision + 1 && !(kind == RECORD_LANE && p->revision > m->revision))
        sim_fail("entry %" PRIu64 ": %s/%s goes from revision %" PRIu64 " to %" PRIu64, seq,
                 t->name, p->id, m->revision, p->revision);
    bool same_listing = kind == RECORD_LISTING && state == m->state;
    if (seq > 1 && !same_listing && !check_move(kind, m->state, state))
        sim_fail("entry %" PRIu64 ": %s/%s goes from state %d to %d, which no row allows", seq,
                 t->name, p->id, m->state, state);
    m->revision = p->revision;
    m->last = seq;
    m->state = state;
    free(m->value);
    m->value = sim_need(malloc(p->value.len + 1));
    if (p->value.len > 0)
        memcpy(m->value, p->value.data, p->value.len);
    m->bytes = p->value.len;
    check.holds_moved = check.holds_moved || kind == RECORD_HOLD || kind == RECORD_INCIDENT;
}

bool check_revoked(enum record_kind kind, const char *id)
{
    struct arena a;
    bool revoked = true;
    arena_init(&a, ENTRY_BYTES);
    const void *m = check_record(&a, kind, id);
    if (m != NULL)
        revoked = kind == RECORD_FEED ? ((const Ismap__Liu__V1__Feed *)m)->revoked
                                      : ((const Ismap__Liu__V1__Party *)m)->revoked;
    arena_fini(&a);
    return revoked;
}

/* ---- causes */

static void take_cause(uint64_t seq, const pb_entry *e)
{
    char key[KEY_BYTES];
    struct effect *f = NULL;
    (void)snprintf(key, sizeof key, "%s|%s", e->actor, e->cause);
    HASH_FIND_STR(check.effects, key, f);
    bool first = e->request_hash.len == SHA256_BYTES;
    bool numbered = strncmp(e->actor, "feed/", 5) == 0; /* alerts are taken in parts */
    bool timer = strncmp(e->cause, "t:", 2) == 0;
    /* an id may come again for other content when its receipt is gone */
    bool anew = f != NULL && first && sim_wall_ms() - f->wall_ms > LIMIT_RECEIPT_WINDOW_MS &&
                memcmp(f->hash, e->request_hash.data, SHA256_BYTES) != 0;
    if (anew) {
        HASH_DEL(check.effects, f);
        free(f);
        f = NULL;
    }
    if (f == NULL) {
        f = sim_need(calloc(1, sizeof *f));
        if (first)
            memcpy(f->hash, e->request_hash.data, SHA256_BYTES);
        f->wall_ms = sim_wall_ms();
        (void)text_copy(f->key, sizeof f->key, key);
        f->first = seq;
        f->at_us = sim.now_us;
        HASH_ADD_STR(check.effects, key, f);
    } else if (!numbered && !timer && (first || f->last + 1 != seq)) {
        sim_fail("entry %" PRIu64 ": the effect of %s is there since entry %" PRIu64, seq, key,
                 f->first);
    }
    f->last = seq;
}

/* Who was revoked may change nothing any more. */
static void check_authority(uint64_t seq, const pb_entry *e)
{
    if (e->request_hash.len == 0)
        return;
    bool feed = strncmp(e->actor, "feed/", 5) == 0;
    if (check_revoked(feed ? RECORD_FEED : RECORD_PARTY, feed ? e->actor + 5 : e->actor))
        sim_fail("entry %" PRIu64 ": %s by %s, who is revoked", seq, e->type, e->actor);
}

/* ---- what belongs together */

static void check_listing(uint64_t seq, const char *number)
{
    const Ismap__Liu__V1__Listing *l = check_record(&check.tmp, RECORD_LISTING, number);
    if (l == NULL)
        return;
    const Ismap__Liu__V1__Case *c = check_record(&check.tmp, RECORD_CASE, l->case_id);
    const Ismap__Liu__V1__Judgment *j = check_record(&check.tmp, RECORD_JUDGMENT, l->case_id);
    bool alive = l->state == ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_APPLIED ||
                 l->state == ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_REGISTERED;
    if (alive && c != NULL && c->state == ISMAP__LIU__V1__CASE_STATE__CASE_STATE_WITHDRAWN)
        sim_fail("entry %" PRIu64 ": listing %s lives on a withdrawn case", seq, number);
    if (c == NULL || strcmp(c->provider, l->provider) != 0)
        sim_fail("entry %" PRIu64 ": listing %s is not of its case's provider", seq, number);
    if (j == NULL || j->verdict == NULL ||
        j->verdict->result != ISMAP__LIU__V1__VERDICT_RESULT__VERDICT_RESULT_ELIGIBLE)
        sim_fail("entry %" PRIu64 ": listing %s has no verdict that allows it", seq, number);
}

static bool suspends(int incident_state)
{
    return incident_state == ISMAP__LIU__V1__INCIDENT_STATE__INCIDENT_STATE_SUSPENDED ||
           incident_state == ISMAP__LIU__V1__INCIDENT_STATE__INCIDENT_STATE_CONFIRMED;
}

static void check_incident(const struct model *m)
{
    const Ismap__Liu__V1__Incident *inc = check_record(&check.tmp, RECORD_INCIDENT, m->id);
    const Ismap__Liu__V1__Hold *h =
        inc == NULL ? NULL : check_record(&check.tmp, RECORD_HOLD, inc->number);
    bool held = h != NULL && h->state == ISMAP__LIU__V1__HOLD_STATE__HOLD_STATE_SUSPENDED &&
                strcmp(h->incident_id, m->id) == 0;
    if (held != suspends(m->state))
        sim_fail("incident %s of %s is in state %d, its listing is %ssuspended by it", m->id,
                 inc == NULL ? "?" : inc->number, m->state, held ? "" : "not ");
}

/* After whole commits: an incident that suspends and a hold come and go together; the brake counts
 * what it holds. */
static void check_holds(void)
{
    unsigned n_held = 0;
    for (const struct model *m = check.records; m != NULL; m = m->hh.next) {
        if (m->kind != RECORD_INCIDENT)
            continue;
        arena_reset(&check.tmp);
        check_incident(m);
        n_held += m->state == ISMAP__LIU__V1__INCIDENT_STATE__INCIDENT_STATE_HELD;
    }
    const Ismap__Liu__V1__Brake *b = check_record(&check.tmp, RECORD_BRAKE, "brake");
    if (n_held != (b == NULL ? 0 : b->held))
        sim_fail("the brake counts %u held incidents, there are %u", b == NULL ? 0 : b->held,
                 n_held);
    check.holds_moved = false;
}

/* ---- the journal as it grows */

static void take_entry(uint64_t seq, const struct mem_entry *raw)
{
    ProtobufCMessage *m;
    arena_reset(&check.entry);
    arena_reset(&check.tmp);
    if (wire_unpack(&check.entry, &ismap__liu__v1__journal_entry__descriptor, raw->data, raw->bytes,
                    &m) != ERR_OK) {
        sim_fail("entry %" PRIu64 " cannot be read", seq);
        return;
    }
    const pb_entry *e = (const void *)m;
    sim_trace("journal %" PRIu64 ": %s by %s, cause %s, %zu records, to %zu parties", seq,
              flow_short_type(e->type), e->actor, e->cause, e->n_puts, e->n_audience);
    take_cause(seq, e);
    check_authority(seq, e);
    for (size_t i = 0; i < e->n_puts; i++)
        take_put(seq, e->puts[i]);
    arena_reset(&check.tmp);
    check_audience(seq, e);
    for (size_t i = 0; i < e->n_puts; i++)
        if (e->puts[i]->kind == RECORD_LISTING)
            check_listing(seq, e->puts[i]->id);
}

void check_journal(void)
{
    while (check.seq < memstore_head(&sim.store)) {
        check.seq++;
        take_entry(check.seq, &sim.store.journal[check.seq - 1]);
    }
    if (check.holds_moved)
        check_holds();
}

/* ---- what agents are told */

const pb_entry *check_entry(uint64_t seq)
{
    ProtobufCMessage *m;
    arena_reset(&check.entry);
    if (seq == 0 || seq > memstore_head(&sim.store) ||
        wire_unpack(&check.entry, &ismap__liu__v1__journal_entry__descriptor,
                    sim.store.journal[seq - 1].data, sim.store.journal[seq - 1].bytes,
                    &m) != ERR_OK)
        return NULL;
    return (const void *)m;
}

/* As docs/protocol.md tells a client to do it. */
static bool receipt_verifies(const struct request *r, const pb_receipt *c)
{
    uint8_t seq[8], at[8], node[SHA256_BYTES], public_key[ED25519_KEY_BYTES];
    static const uint8_t tag = 1;
    be64_put(seq, c->seq);
    be64_put(at, (uint64_t)c->at_ms);
    struct crypto_part parts[] = {
        {c->epoch, strlen(c->epoch)},
        {seq, 8},
        {at, 8},
        {c->request_hash.data, c->request_hash.len},
        {r->agent->party->id, strlen(r->agent->party->id)},
        {r->id, strlen(r->id)},
    };
    bool ok = crypto_digest(DOMAIN_RECEIPT, parts, 6, node) == ERR_OK;
    for (size_t i = 0; ok && i < c->n_path; i++) {
        struct crypto_part mine = {node, sizeof node};
        struct crypto_part other = {c->path[i]->hash.data, c->path[i]->hash.len};
        struct crypto_part both[] = {{&tag, 1},
                                     c->path[i]->sibling_is_left ? other : mine,
                                     c->path[i]->sibling_is_left ? mine : other};
        ok = crypto_sha256(both, 3, node) == ERR_OK;
    }
    static const uint8_t scheme_seed[32] = {7};
    struct signing_key *key;
    if (!ok || c->signature.len != ED25519_SIGNATURE_BYTES ||
        signing_key_from_seed("scheme-1", scheme_seed, &key) != ERR_OK)
        return false;
    signing_key_public(key, public_key);
    signing_key_free(key);
    struct crypto_part root = {node, sizeof node};
    return crypto_verify(public_key, DOMAIN_RECEIPT, &root, 1, c->signature.data) == ERR_OK;
}

void check_receipt(const struct request *r, const pb_receipt *receipt)
{
    check_journal();
    const pb_entry *e = check_entry(receipt->seq);
    if (e == NULL || strcmp(e->actor, r->agent->party->id) != 0 || strcmp(e->cause, r->id) != 0)
        sim_fail("receipt of %s: entry %" PRIu64 " is by %s, cause %s", r->id, receipt->seq,
                 e == NULL ? "nobody" : e->actor, e == NULL ? "none" : e->cause);
    else if (e->request_hash.len != receipt->request_hash.len ||
             memcmp(e->request_hash.data, receipt->request_hash.data, e->request_hash.len) != 0)
        sim_fail("receipt of %s: entry %" PRIu64 " has another request hash", r->id, receipt->seq);
    else if (strcmp(receipt->epoch, SIM_EPOCH) != 0 || !receipt_verifies(r, receipt))
        sim_fail("the receipt of %s does not verify", r->id);
}

void check_refusal(const struct request *r, int status)
{
    char key[KEY_BYTES];
    struct effect *f = NULL;
    check_journal();
    (void)snprintf(key, sizeof key, "%s|%s", r->agent->party->id, r->id);
    HASH_FIND_STR(check.effects, key, f);
    if (f != NULL && f->at_us < r->clean_us)
        sim_fail("%s is refused (%d), but took effect at entry %" PRIu64 " before it arrived",
                 r->id, status, f->first);
}

/* ---- as of an entry */

struct arena *check_scratch(void)
{
    return &check.tmp;
}

void check_as_of(uint64_t seq, const struct snapshot_record *r)
{
    char id[SNAPSHOT_ID_MAX + 1];
    (void)snprintf(id, sizeof id, "%.*s", (int)r->id_bytes, r->id);
    const struct model *m = model_of((enum record_kind)r->kind, id);
    bool as_now = m != NULL && m->last <= seq;
    if (m == NULL || m->first > seq || (!as_now && r->revision >= m->revision) ||
        (as_now && (r->revision != m->revision || r->bytes != m->bytes ||
                    memcmp(r->value, m->value, m->bytes) != 0)))
        sim_fail("the snapshot of entry %" PRIu64 " has record %u/%s otherwise than the journal",
                 seq, r->kind, id);
}

uint64_t check_count_as_of(uint64_t seq)
{
    uint64_t n = 0;
    for (const struct model *m = check.records; m != NULL; m = m->hh.next)
        n += m->first <= seq && snapshot_holds(m->kind);
    return n;
}

/* ---- at the end */

static void check_case_settled(const struct model *m)
{
    arena_reset(&check.tmp);
    const Ismap__Liu__V1__Case *c = check_record(&check.tmp, RECORD_CASE, m->id);
    const Ismap__Liu__V1__Judgment *j = check_record(&check.tmp, RECORD_JUDGMENT, m->id);
    if (c != NULL && c->state == ISMAP__LIU__V1__CASE_STATE__CASE_STATE_WITHDRAWN)
        return; /* nothing is judged or planned for it any more */
    if (c == NULL || j == NULL || j->verdict == NULL) {
        sim_fail("case %s was never judged", m->id);
        return;
    }
    bool decided = j->verdict->state == ISMAP__LIU__V1__JUDGMENT_STATE__JUDGMENT_STATE_DECIDED;
    if (!decided && j->verdict->waits_for[0] == '\0')
        sim_fail("case %s is open and waits for nobody", m->id);
    if (!decided && j->verdict->evidence_version != c->evidence_version)
        sim_fail("case %s was judged on evidence %u, it has %u", m->id,
                 j->verdict->evidence_version, c->evidence_version);
    if (decided && j->verdict->result == ISMAP__LIU__V1__VERDICT_RESULT__VERDICT_RESULT_ELIGIBLE &&
        model_of(RECORD_PLAN, m->id) == NULL)
        sim_fail("case %s is eligible and has no plan", m->id);
}

static void check_records_settled(void)
{
    for (const struct mem_record *r = sim.store.records; r != NULL; r = r->hh.next) {
        const struct model *m = model_of(r->kind, r->id);
        if (record_journaled(r->kind) &&
            (m == NULL || m->revision != r->revision || m->bytes != r->bytes ||
             memcmp(m->value, r->value, r->bytes) != 0))
            sim_fail("record %s differs from what the journal says", r->key);
    }
}

static void check_cursors_settled(void)
{
    for (size_t i = 0; i < SIM_NODES; i++) {
        const struct service *s = sim.nodes[i].svc;
        const struct mem_record *r = memstore_record(&sim.store, RECORD_CURSOR, s->name);
        ProtobufCMessage *m = NULL;
        arena_reset(&check.tmp);
        if (s->n_consumers == 0)
            continue;
        if (r == NULL ||
            wire_unpack(&check.tmp, &ismap__liu__v1__cursor__descriptor, r->value, r->bytes, &m) !=
                ERR_OK ||
            ((const Ismap__Liu__V1__Cursor *)(const void *)m)->seq != memstore_head(&sim.store))
            sim_fail("%s has not acted on all of the journal", s->name);
    }
}

void check_settled(void)
{
    check_journal();
    for (const struct model *m = check.records; m != NULL; m = m->hh.next)
        if (m->kind == RECORD_CASE)
            check_case_settled(m);
    check_records_settled();
    check_cursors_settled();
}

/* ---- life */

void check_begin(void)
{
    arena_init(&check.entry, ENTRY_BYTES);
    arena_init(&check.tmp, ENTRY_BYTES);
    check.seq = 0;
}

void check_end(void)
{
    struct model *m, *m2;
    HASH_ITER(hh, check.records, m, m2)
    {
        HASH_DEL(check.records, m);
        free(m->value);
        free(m);
    }
    struct effect *f, *f2;
    HASH_ITER(hh, check.effects, f, f2)
    {
        HASH_DEL(check.effects, f);
        free(f);
    }
    arena_fini(&check.entry);
    arena_fini(&check.tmp);
}
