/* Answers. Receipts of one turn share one signature: their digests are the leaves of a hash tree
 * whose root is signed once, so that signing costs no more under load than when idle.
 */
#include "flow/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"

#define RETRY_AFTER_MS 250
#define TREE_NODE 0x01

static bool retryable(Ismap__Liu__V1__Status s)
{
    return s == FLOW_STATUS(UNAVAILABLE) || s == FLOW_STATUS(RESOURCE_EXHAUSTED) ||
           s == FLOW_STATUS(ABORTED);
}

static void send_packed(struct flow_door *d, const struct bus_peer *peer, struct arena *a,
                        const pb_reply *r)
{
    const uint8_t *data;
    size_t bytes;
    if (wire_pack(a, &r->base, &data, &bytes) != ERR_OK || bytes > LIMIT_REPLY_BYTES) {
        pb_reply small = ISMAP__LIU__V1__REPLY__INIT;
        small.request_id = r->request_id;
        small.status = FLOW_STATUS(RESOURCE_EXHAUSTED);
        uint8_t buf[256];
        size_t n = ismap__liu__v1__reply__get_packed_size(&small);
        if (n <= sizeof buf && ismap__liu__v1__reply__pack(&small, buf) == n)
            (void)bus_send(d->door, peer, buf, n);
        return;
    }
    (void)bus_send(d->door, peer, data,
                   bytes); /* peer gone or slow: counted by the bus, it asks again */
}

void reply_plain(struct flow_door *d, const struct bus_peer *peer, const char *request_id,
                 Ismap__Liu__V1__Status status, const char *field, const char *rule, const char *ja,
                 const char *en)
{
    struct arena a;
    arena_init(&a, LIMIT_REPLY_BYTES);
    Ismap__Liu__V1__Violation v = ISMAP__LIU__V1__VIOLATION__INIT;
    v.field = (char *)(uintptr_t)field;
    v.rule = (char *)(uintptr_t)rule;
    v.message_ja = (char *)(uintptr_t)ja;
    v.message_en = (char *)(uintptr_t)en;
    Ismap__Liu__V1__Violation *list[] = {&v};
    pb_reply r = ISMAP__LIU__V1__REPLY__INIT;
    r.request_id = (char *)(uintptr_t)request_id;
    r.status = status;
    r.n_details = 1;
    r.details = list;
    r.in_flight_limit = LIMIT_PARTY_IN_FLIGHT;
    r.retry_after_ms = retryable(status) ? RETRY_AFTER_MS : 0;
    send_packed(d, peer, &a, &r);
    arena_fini(&a);
}

static bool fill_details(struct work *w, pb_reply *r)
{
    if (w->faults.n == 0)
        return true;
    r->details = arena_alloc(&w->arena, w->faults.n * sizeof *r->details);
    Ismap__Liu__V1__Violation *v = arena_alloc(&w->arena, w->faults.n * sizeof *v);
    if (r->details == NULL || v == NULL)
        return false;
    for (size_t i = 0; i < w->faults.n; i++) {
        ismap__liu__v1__violation__init(&v[i]);
        v[i].field = (char *)(uintptr_t)w->faults.items[i].field;
        v[i].rule = (char *)(uintptr_t)w->faults.items[i].rule;
        v[i].message_ja = (char *)(uintptr_t)w->faults.items[i].ja;
        v[i].message_en = (char *)(uintptr_t)w->faults.items[i].en;
        v[i].number = w->faults.items[i].number;
        r->details[i] = &v[i];
    }
    r->n_details = w->faults.n;
    return true;
}

static void reply_now(struct work *w, pb_receipt *receipt)
{
    pb_reply r = ISMAP__LIU__V1__REPLY__INIT;
    r.request_id = (char *)(uintptr_t)w->request_id;
    r.status = w->status;
    r.in_flight_limit = LIMIT_PARTY_IN_FLIGHT;
    r.retry_after_ms = retryable(w->status) ? RETRY_AFTER_MS : 0;
    r.receipt = receipt;
    bool whole = fill_details(w, &r);
    if (w->status == FLOW_STATUS(OK)) {
        r.type = (char *)(uintptr_t)w->reply_type;
        r.payload.len = w->reply_bytes;
        r.payload.data = (uint8_t *)(uintptr_t)w->reply;
    }
    if (whole)
        send_packed(w->door, &w->peer, &w->arena, &r);
    else
        reply_plain(w->door, &w->peer, w->request_id, FLOW_STATUS(RESOURCE_EXHAUSTED), "",
                    "P-LIMIT", "応答が大きすぎます。", "The answer is too large.");
    work_destroy(w);
}

static pb_receipt *receipt_of(struct work *w)
{
    pb_receipt *r = arena_alloc(&w->arena, sizeof *r);
    if (r == NULL)
        return NULL;
    ismap__liu__v1__receipt__init(r);
    r->epoch = (char *)(uintptr_t)store_epoch(w->flow->store);
    r->seq = w->commit_seq;
    r->at_ms = w->commit_at_ms;
    r->request_hash = (ProtobufCBinaryData){.len = SHA256_BYTES, .data = w->request_hash};
    r->duplicate = w->duplicate;
    return r;
}

void reply_send(struct work *w)
{
    struct flow *f = w->flow;
    bool receipt = w->status == FLOW_STATUS(OK) && w->committed;
    if (receipt && f->scheme_key != NULL && (w->row->flags & ROW_NO_RECEIPT) == 0) {
        lock_release_all(w);
        w->next = f->unsigned_replies;
        f->unsigned_replies = w;
        return;
    }
    reply_now(w, receipt ? receipt_of(w) : NULL);
}

/* ---- the tree of a turn */

struct leaf {
    struct work *work;
    pb_receipt *receipt;
    uint8_t node[SHA256_BYTES];
    size_t group; /* index of the subtree it is in, while the tree is built */
};

static bool leaf_digest(const struct work *w, uint8_t out[SHA256_BYTES])
{
    uint8_t seq[8];
    uint8_t at[8];
    be64_put(seq, w->commit_seq);
    be64_put(at, (uint64_t)w->commit_at_ms);
    const char *epoch = store_epoch(w->flow->store);
    struct crypto_part parts[] = {
        {epoch, strlen(epoch)},
        {seq, 8},
        {at, 8},
        {w->request_hash, SHA256_BYTES},
        {w->actor, strlen(w->actor)},
        {w->request_id, strlen(w->request_id)},
    };
    return crypto_digest(DOMAIN_RECEIPT, parts, sizeof parts / sizeof parts[0], out) == ERR_OK;
}

static bool path_add(struct leaf *l, const uint8_t sibling[SHA256_BYTES], bool left)
{
    struct arena *a = &l->work->arena;
    pb_receipt *r = l->receipt;
    if (r->path == NULL)
        r->path =
            arena_alloc(a, 16 * sizeof *r->path); /* 2^16 leaves a turn: beyond what is in flight */
    Ismap__Liu__V1__ReceiptStep *s = arena_alloc(a, sizeof *s);
    uint8_t *hash = arena_dup(a, sibling, SHA256_BYTES);
    if (r->path == NULL || s == NULL || hash == NULL || r->n_path == 16)
        return false;
    ismap__liu__v1__receipt_step__init(s);
    s->sibling_is_left = left;
    s->hash = (ProtobufCBinaryData){.len = SHA256_BYTES, .data = hash};
    r->path[r->n_path++] = s;
    return true;
}

/* One level: pairs (0,1), (2,3) ... become one; an odd last one goes up as it is. */
static bool tree_level(struct leaf *leaves, size_t n, uint8_t (*nodes)[SHA256_BYTES],
                       size_t *n_nodes)
{
    for (size_t i = 0; i < n; i++) {
        size_t sibling = leaves[i].group ^ 1;
        if (sibling < *n_nodes && !path_add(&leaves[i], nodes[sibling], (leaves[i].group & 1) == 1))
            return false;
        leaves[i].group /= 2;
    }
    static const uint8_t tag = TREE_NODE;
    size_t up = 0;
    for (size_t i = 0; i < *n_nodes; i += 2, up++) {
        if (i + 1 == *n_nodes) {
            memmove(nodes[up], nodes[i], SHA256_BYTES);
            continue;
        }
        struct crypto_part parts[] = {
            {&tag, 1}, {nodes[i], SHA256_BYTES}, {nodes[i + 1], SHA256_BYTES}};
        uint8_t out[SHA256_BYTES];
        if (crypto_sha256(parts, 3, out) != ERR_OK)
            return false;
        memcpy(nodes[up], out, SHA256_BYTES);
    }
    *n_nodes = up;
    return true;
}

static bool tree_sign(struct flow *f, struct leaf *leaves, size_t n)
{
    uint8_t(*nodes)[SHA256_BYTES] = malloc(n * SHA256_BYTES);
    if (nodes == NULL)
        return false;
    bool ok = true;
    for (size_t i = 0; i < n; i++)
        memcpy(nodes[i], leaves[i].node, SHA256_BYTES);
    size_t n_nodes = n;
    while (ok && n_nodes > 1)
        ok = tree_level(leaves, n, nodes, &n_nodes);
    uint8_t signature[ED25519_SIGNATURE_BYTES];
    struct crypto_part root = {nodes[0], SHA256_BYTES};
    ok = ok && crypto_sign(f->scheme_key, DOMAIN_RECEIPT, &root, 1, signature) == ERR_OK;
    for (size_t i = 0; ok && i < n; i++) {
        pb_receipt *r = leaves[i].receipt;
        r->signature.data = arena_dup(&leaves[i].work->arena, signature, sizeof signature);
        r->signature.len = sizeof signature;
        ok = r->signature.data != NULL;
        r->key_id = (char *)(uintptr_t)signing_key_id(f->scheme_key);
    }
    free(nodes);
    return ok;
}

/* It took effect, and that cannot be shown now: asked again it is answered as a copy. */
static void reply_unsigned(struct work *w)
{
    reply_plain(w->door, &w->peer, w->request_id, FLOW_STATUS(UNAVAILABLE), "", "P-RECEIPT",
                "受領証に署名できませんでした。同じ内容を同じ番号で再送してください。",
                "The receipt could not be signed: send the same bytes again.");
    work_destroy(w);
}

void reply_sign_turn(void *flow)
{
    struct flow *f = flow;
    struct work *list = f->unsigned_replies;
    f->unsigned_replies = NULL;
    size_t n = 0;
    for (struct work *w = list; w != NULL; w = w->next)
        n++;
    if (n == 0)
        return;
    struct leaf *leaves = calloc(n, sizeof *leaves);
    bool ok = leaves != NULL;
    size_t i = 0;
    for (struct work *w = list; ok && w != NULL; w = w->next, i++) {
        leaves[i].work = w;
        leaves[i].receipt = receipt_of(w);
        leaves[i].group = i;
        ok = leaves[i].receipt != NULL && leaf_digest(w, leaves[i].node);
    }
    ok = ok && tree_sign(f, leaves, n);
    if (!ok)
        log_event(LOG_LEVEL_ERROR, "receipt-unsigned",
                  "receipts of this turn cannot be signed: they are asked for again", NULL);
    for (i = 0; list != NULL; i++) {
        struct work *next = list->next;
        if (ok)
            reply_now(list, leaves[i].receipt);
        else
            reply_unsigned(list);
        list = next;
    }
    free(leaves);
}
