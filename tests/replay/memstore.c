/* See memstore.h; the order of the checks is that of deploy/redis/liu.lua. */
#include "replay/memstore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "store/keys.h"

#define VALUE_BYTES_MAX (4 * 1024 * 1024)
#define KEY_TEXT_BYTES 400
#define ENTRY_OVERHEAD 40 /* of an entry or a record, reckoned */

/* ---- memory */

static void *need(void *p)
{
    if (p == NULL) {
        (void)fputs("replay: out of memory\n", stderr);
        abort();
    }
    return p;
}

static char *text_of(const char *s)
{
    return need(strdup(s));
}

static uint8_t *bytes_of(const void *p, size_t n)
{
    uint8_t *out = need(malloc(n + 1));
    if (n > 0)
        memcpy(out, p, n);
    return out;
}

/* Room for one more of n items. */
static void *room(void *list, size_t n, size_t *cap, size_t item_bytes)
{
    if (n < *cap)
        return list;
    *cap = *cap == 0 ? 16 : *cap * 2;
    return need(realloc(list, *cap * item_bytes));
}

/* ---- links */

static void link_next(char link[MEMSTORE_LINK_BYTES], const void *data, size_t bytes)
{
    uint8_t digest[SHA1_BYTES];
    struct crypto_part parts[] = {{link, strlen(link)}, {data, bytes}};
    if (crypto_sha1(parts, 2, digest) != ERR_OK)
        abort();
    text_hex(digest, sizeof digest, link);
}

void memstore_init(struct memstore *s, const char *partition, const char *epoch)
{
    *s = (struct memstore){.receipt_window_ms = LIMIT_RECEIPT_WINDOW_MS + 2 * LIMIT_CLOCK_AHEAD_MS,
                           .receipts_max = LIMIT_RECEIPTS_PER_PARTY,
                           .cold_bits_max = UINT64_MAX,
                           .left_bits_min = 8388608};
    (void)text_copy(s->partition, sizeof s->partition, partition);
    (void)text_copy(s->epoch, sizeof s->epoch, epoch);
    link_next(s->link, epoch, strlen(epoch));
}

/* ---- records */

static size_t record_key(char out[KEY_TEXT_BYTES], enum record_kind kind, const char *id)
{
    int n = snprintf(out, KEY_TEXT_BYTES, "%d/%s", (int)kind, id);
    return n < 0 ? 0 : (size_t)n < KEY_TEXT_BYTES ? (size_t)n : KEY_TEXT_BYTES - 1;
}

struct mem_record *memstore_record_ever(const struct memstore *s, enum record_kind kind,
                                        const char *id)
{
    char key[KEY_TEXT_BYTES];
    struct mem_record *r = NULL;
    size_t n = record_key(key, kind, id);
    HASH_FIND(hh, s->records, key, (unsigned)n, r);
    return r;
}

const struct mem_record *memstore_record(const struct memstore *s, enum record_kind kind,
                                         const char *id)
{
    const struct mem_record *r = memstore_record_ever(s, kind, id);
    return r == NULL || r->left ? NULL : r;
}

static uint64_t revision(const struct memstore *s, enum record_kind kind, const char *id)
{
    const struct mem_record *r = memstore_record(s, kind, id);
    return r == NULL ? 0 : r->revision;
}

static struct mem_record *record_new(struct memstore *s, enum record_kind kind, const char *id)
{
    char key[KEY_TEXT_BYTES];
    size_t n = record_key(key, kind, id);
    struct mem_record *r = need(calloc(1, sizeof *r + n + 1));
    memcpy(r->key, key, n);
    r->kind = kind;
    r->id = r->key + (strchr(r->key, '/') - r->key) + 1;
    r->left = true;
    HASH_ADD(hh, s->records, key, (unsigned)n, r);
    s->scan[kind] =
        room(s->scan[kind], s->n_scan[kind], &s->cap_scan[kind], sizeof(struct mem_record *));
    s->scan[kind][s->n_scan[kind]++] = r;
    return r;
}

void memstore_leave(struct memstore *s, struct mem_record *r)
{
    if (!r->left)
        s->bytes[FAMILY_RECORDS] -= r->bytes + ENTRY_OVERHEAD;
    r->left = true;
}

void memstore_put(struct memstore *s, enum record_kind kind, const char *id, uint64_t revision,
                  const void *value, size_t bytes)
{
    struct mem_record *r = memstore_record_ever(s, kind, id);
    if (r == NULL)
        r = record_new(s, kind, id);
    memstore_leave(s, r);
    uint8_t *copy = bytes_of(value, bytes);
    free(r->value);
    r->value = copy;
    r->bytes = bytes;
    r->revision = revision;
    r->left = false;
    s->bytes[FAMILY_RECORDS] += bytes + ENTRY_OVERHEAD;
}

/* ---- receipts */

struct mem_receipt *memstore_receipt_ever(const struct memstore *s, const char *name)
{
    struct mem_receipt *r = NULL;
    HASH_FIND_STR(s->receipts, name, r);
    return r;
}

static struct mem_receipt *receipt_find(struct memstore *s, const char *party, const char *id)
{
    char key[KEY_TEXT_BYTES];
    (void)snprintf(key, sizeof key, "%s:%s", party, id);
    struct mem_receipt *r = memstore_receipt_ever(s, key);
    return r != NULL && !r->left && s->server_ms < r->expires_ms ? r : NULL;
}

struct commit_result memstore_receipt(struct memstore *s, const char *party, const char *id,
                                      const uint8_t *hash)
{
    const struct mem_receipt *r = receipt_find(s, party, id);
    struct commit_result out = {.status = COMMIT_OK, .text = ""};
    if (r == NULL)
        return out;
    if (hash != NULL && memcmp(r->hash, hash, sizeof r->hash) != 0) {
        out.status = COMMIT_MISMATCH;
        return out;
    }
    return (struct commit_result){.status = COMMIT_DUPLICATE,
                                  .seq = r->seq,
                                  .at_ms = r->at_ms,
                                  .reply = r->reply,
                                  .reply_bytes = r->reply_bytes,
                                  .reply_type = r->type,
                                  .text = ""};
}

static struct mem_count *count_find(const struct memstore *s, const char *party)
{
    struct mem_count *c = NULL;
    HASH_FIND_STR(s->counts, party, c);
    return c;
}

static void receipt_free(struct mem_receipt *r)
{
    free(r->key);
    free(r->type);
    free(r->reply);
    free(r);
}

static int64_t receipt_life_ms(const struct memstore *s, const struct commit *c)
{
    int64_t left = c->receipt_until_ms == 0 ? 0 : c->receipt_until_ms - s->server_ms;
    if (left <= s->receipt_window_ms)
        return s->receipt_window_ms;
    return left < 2 * s->receipt_window_ms ? left + 1 : 2 * s->receipt_window_ms;
}

static void receipt_put(struct memstore *s, const struct commit *c, uint64_t first)
{
    char key[KEY_TEXT_BYTES];
    struct mem_receipt *r = NULL;
    (void)snprintf(key, sizeof key, "%s:%s", c->receipt_party, c->receipt_id);
    HASH_FIND_STR(s->receipts, key, r);
    if (r != NULL) { /* expired */
        if (!r->left)
            s->bytes[FAMILY_RECEIPTS] -= r->reply_bytes + 2 * ENTRY_OVERHEAD;
        HASH_DEL(s->receipts, r);
        receipt_free(r);
    }
    r = need(calloc(1, sizeof *r));
    r->key = text_of(key);
    memcpy(r->hash, c->request_hash, sizeof r->hash);
    r->seq = first;
    r->at_ms = c->now_ms;
    r->type = text_of(c->reply_type == NULL ? "" : c->reply_type);
    r->reply = bytes_of(c->reply, c->reply_bytes);
    r->reply_bytes = c->reply_bytes;
    s->bytes[FAMILY_RECEIPTS] += c->reply_bytes + 2 * ENTRY_OVERHEAD;
    r->expires_ms = s->server_ms + receipt_life_ms(s, c);
    HASH_ADD_KEYPTR(hh, s->receipts, r->key, strlen(r->key), r);
    struct mem_count *n = count_find(s, c->receipt_party);
    if (n == NULL) {
        n = need(calloc(1, sizeof *n));
        n->party = text_of(c->receipt_party);
        HASH_ADD_KEYPTR(hh, s->counts, n->party, strlen(n->party), n);
    }
    if (s->server_ms >= n->expires_ms) {
        n->n = 0;
        n->expires_ms = s->server_ms + s->receipt_window_ms;
    }
    n->n++;
}

/* ---- timers */

static struct mem_timer *timer_find(const struct memstore *s, const char *owner, const char *member)
{
    char key[KEY_TEXT_BYTES];
    struct mem_timer *t = NULL;
    (void)snprintf(key, sizeof key, "%s|%s", owner, member);
    HASH_FIND_STR(s->timers, key, t);
    return t;
}

static void timer_free(struct mem_timer *t)
{
    free(t->key);
    free(t->owner);
    free(t);
}

static void timer_put(struct memstore *s, const struct commit_timer *c)
{
    struct mem_timer *t = timer_find(s, c->owner, c->member);
    if (c->due_ms < 0) {
        if (t != NULL) {
            HASH_DEL(s->timers, t);
            timer_free(t);
        }
        return;
    }
    if (t == NULL) {
        char key[KEY_TEXT_BYTES];
        (void)snprintf(key, sizeof key, "%s|%s", c->owner, c->member);
        t = need(calloc(1, sizeof *t));
        t->key = text_of(key);
        t->owner = text_of(c->owner);
        t->member = t->key + strlen(c->owner) + 1;
        HASH_ADD_KEYPTR(hh, s->timers, t->key, strlen(t->key), t);
    }
    t->due_ms = c->due_ms;
}

static int by_due(const void *a, const void *b)
{
    const struct mem_timer *x = *(const struct mem_timer *const *)a;
    const struct mem_timer *y = *(const struct mem_timer *const *)b;
    if (x->due_ms != y->due_ms)
        return x->due_ms < y->due_ms ? -1 : 1;
    return strcmp(x->member, y->member);
}

size_t memstore_due(const struct memstore *s, const char *owner, int64_t now_ms,
                    const struct mem_timer **out, size_t max)
{
    const struct mem_timer *all[1024];
    size_t n = 0;
    for (const struct mem_timer *t = s->timers; t != NULL && n < 1024; t = t->hh.next)
        if (t->due_ms <= now_ms && strcmp(t->owner, owner) == 0)
            all[n++] = t;
    qsort(all, n, sizeof all[0], by_due);
    if (n > max)
        n = max;
    for (size_t i = 0; i < n; i++)
        out[i] = all[i];
    return n;
}

/* ---- the journal */

const struct mem_index *memstore_index(const struct memstore *s, const char *party)
{
    struct mem_index *x = NULL;
    HASH_FIND_STR(s->indexes, party, x);
    return x;
}

static void index_add(struct memstore *s, const char *party, uint64_t seq, const char *type)
{
    struct mem_index *x = (struct mem_index *)(uintptr_t)memstore_index(s, party);
    if (x == NULL) {
        x = need(calloc(1, sizeof *x));
        x->party = text_of(party);
        HASH_ADD_KEYPTR(hh, s->indexes, x->party, strlen(x->party), x);
    }
    if (x->n > 0 && x->seqs[x->n - 1] == seq)
        return; /* named twice: the encoder names it once */
    size_t cap = x->cap;
    x->seqs = room(x->seqs, x->n, &x->cap, sizeof *x->seqs);
    x->types = room(x->types, x->n, &cap, sizeof *x->types);
    x->seqs[x->n] = seq;
    x->types[x->n++] = text_of(type);
}

static void entry_add(struct memstore *s, const struct commit_entry *e)
{
    s->journal = room(s->journal, s->n_journal, &s->cap_journal, sizeof *s->journal);
    struct mem_entry *m = &s->journal[s->n_journal++];
    link_next(s->link, e->data, e->bytes);
    m->data = bytes_of(e->data, e->bytes);
    m->bytes = e->bytes;
    m->type = text_of(e->type);
    m->link = text_of(s->link);
    s->bytes[FAMILY_JOURNAL] += e->bytes + ENTRY_OVERHEAD;
    for (size_t i = 0; i < e->n_audience; i++)
        index_add(s, e->audience[i], s->n_journal, e->type);
}

const struct mem_noise *memstore_noise(const struct memstore *s, const char *feed)
{
    struct mem_noise *n = NULL;
    HASH_FIND_STR(s->noise, feed, n);
    return n;
}

/* Ids rise as in a stream of Redis. */
static void noise_add(struct memstore *s, const struct commit_noise *c)
{
    struct mem_noise *n = (struct mem_noise *)(uintptr_t)memstore_noise(s, c->feed);
    if (n == NULL) {
        n = need(calloc(1, sizeof *n));
        n->feed = text_of(c->feed);
        HASH_ADD_KEYPTR(hh, s->noise, n->feed, strlen(n->feed), n);
    }
    n->entries = room(n->entries, n->n, &n->cap, sizeof *n->entries);
    struct mem_noise_entry *e = &n->entries[n->n];
    *e = (struct mem_noise_entry){(uint64_t)(s->server_ms - s->noise_behind_ms), 0,
                                  bytes_of(c->data, c->bytes), c->bytes};
    if (n->n > 0 && e[-1].ms >= e->ms) {
        e->ms = e[-1].ms;
        e->sub = e[-1].sub + 1;
    }
    n->n++;
    n->bytes += c->bytes;
    s->bytes[FAMILY_NOISE] += c->bytes + ENTRY_OVERHEAD;
}

/* ---- phase 1 */

static struct commit_result answer(enum commit_status status, const char *text)
{
    return (struct commit_result){.status = status, .text = text};
}

static const char *say(char text[256], const char *key, const char *id, const char *more)
{
    (void)snprintf(text, 256, "%.100s %.100s%.40s", key, id, more);
    return text;
}

static struct commit_result check_records(const struct memstore *s, const struct commit *c,
                                          char text[256])
{
    struct key k;
    for (size_t i = 0; i < c->n_guards; i++) {
        const struct commit_guard *g = &c->guards[i];
        if (revision(s, g->kind, g->id) == g->revision)
            continue;
        key_records(&k, s->partition, g->kind);
        return answer(COMMIT_CONFLICT, say(text, k.text, g->id, ""));
    }
    for (size_t i = 0; i < c->n_puts; i++) {
        const struct commit_put *p = &c->puts[i];
        key_records(&k, s->partition, p->kind);
        if (revision(s, p->kind, p->id) != p->expected)
            return answer(COMMIT_CONFLICT, say(text, k.text, p->id, ""));
        if (p->value_bytes + 8 > VALUE_BYTES_MAX)
            return answer(COMMIT_REFUSED, say(text, k.text, p->id, ": wrong size"));
    }
    return answer(COMMIT_OK, "");
}

static struct commit_result check_rest(const struct memstore *s, const struct commit *c,
                                       char text[256])
{
    struct key k;
    for (size_t i = 0; i < c->n_entries; i++)
        if (c->entries[i].bytes > VALUE_BYTES_MAX)
            return answer(COMMIT_REFUSED, "entry: wrong size");
    for (size_t i = 0; i < c->n_timers; i++) {
        const struct commit_timer *t = &c->timers[i];
        const struct mem_timer *is = timer_find(s, t->owner, t->member);
        if (t->expected_due_ms < 0 || (is != NULL && is->due_ms == t->expected_due_ms))
            continue;
        key_timers(&k, s->partition, t->owner);
        return answer(COMMIT_CONFLICT, say(text, k.text, t->member, ""));
    }
    if (c->noise != NULL && c->noise->bytes > VALUE_BYTES_MAX)
        return answer(COMMIT_REFUSED, "noise: wrong size");
    return answer(COMMIT_OK, "");
}

static struct commit_result check_receipt(struct memstore *s, const struct commit *c)
{
    struct commit_result r = memstore_receipt(s, c->receipt_party, c->receipt_id, c->request_hash);
    if (r.status != COMMIT_OK)
        return r;
    char name[KEY_TEXT_BYTES];
    (void)snprintf(name, sizeof name, "%s:%s", c->receipt_party, c->receipt_id);
    if (strncmp(name, "ledger:r:", 9) != 0 && memstore_left(s, name))
        return answer(COMMIT_COLD, "");
    if (c->receipt_until_ms != 0 && s->server_ms > c->receipt_until_ms)
        return answer(COMMIT_LATE, "too old to be known from its copies");
    const struct mem_count *n = count_find(s, c->receipt_party);
    if (n != NULL && s->server_ms < n->expires_ms && n->n >= s->receipts_max)
        return answer(COMMIT_REFUSED, "the party has too many receipts within the window");
    size_t type_bytes = c->reply_type == NULL ? 0 : strlen(c->reply_type);
    if (10 + type_bytes + c->reply_bytes > VALUE_BYTES_MAX)
        return answer(COMMIT_REFUSED, "receipt: wrong size");
    return r;
}

/* ---- phase 2 */

struct commit_result memstore_commit(struct memstore *s, const struct commit *c, char text[256])
{
    struct commit_result r = answer(COMMIT_OK, "");
    if (c->receipt_party != NULL)
        r = check_receipt(s, c);
    if (r.status == COMMIT_OK)
        r = check_records(s, c, text);
    if (r.status == COMMIT_OK)
        r = check_rest(s, c, text);
    if (r.status != COMMIT_OK)
        return r;
    r.at_ms = c->now_ms;
    r.seq = c->n_entries == 0 ? 0 : s->n_journal + 1;
    for (size_t i = 0; i < c->n_puts; i++)
        memstore_put(s, c->puts[i].kind, c->puts[i].id, c->puts[i].expected + 1, c->puts[i].value,
                     c->puts[i].value_bytes);
    for (size_t i = 0; i < c->n_entries; i++)
        entry_add(s, &c->entries[i]);
    for (size_t i = 0; i < c->n_timers; i++)
        timer_put(s, &c->timers[i]);
    if (c->noise != NULL)
        noise_add(s, c->noise);
    if (c->receipt_party != NULL)
        receipt_put(s, c, r.seq);
    if (c->now_ms > s->at_ms)
        s->at_ms = c->now_ms;
    return r;
}

/* ---- the end */

static void journal_fini(struct memstore *s)
{
    for (size_t i = 0; i < s->n_journal; i++) {
        free(s->journal[i].data);
        free(s->journal[i].link);
        free(s->journal[i].type);
    }
    free(s->journal);
    struct mem_index *x, *next;
    HASH_ITER(hh, s->indexes, x, next)
    {
        HASH_DEL(s->indexes, x);
        for (size_t i = 0; i < x->n; i++)
            free(x->types[i]);
        free(x->types);
        free(x->seqs);
        free(x->party);
        free(x);
    }
}

static void receipts_fini(struct memstore *s)
{
    struct mem_receipt *r, *r2;
    HASH_ITER(hh, s->receipts, r, r2)
    {
        HASH_DEL(s->receipts, r);
        receipt_free(r);
    }
    struct mem_count *c, *c2;
    HASH_ITER(hh, s->counts, c, c2)
    {
        HASH_DEL(s->counts, c);
        free(c->party);
        free(c);
    }
}

void memstore_fini(struct memstore *s)
{
    struct mem_record *r, *r2;
    HASH_ITER(hh, s->records, r, r2)
    {
        HASH_DEL(s->records, r);
        free(r->value);
        free(r);
    }
    for (size_t i = 0; i < RECORD_KINDS; i++)
        free(s->scan[i]);
    struct mem_timer *t, *t2;
    HASH_ITER(hh, s->timers, t, t2)
    {
        HASH_DEL(s->timers, t);
        timer_free(t);
    }
    struct mem_noise *n, *n2;
    HASH_ITER(hh, s->noise, n, n2)
    {
        HASH_DEL(s->noise, n);
        for (size_t i = 0; i < n->n; i++)
            free(n->entries[i].data);
        free(n->entries);
        free(n->feed);
        free(n);
    }
    journal_fini(s);
    receipts_fini(s);
    memstore_cold_fini(s);
}
