/* What has left the store in memory, as liu_freeze, liu_seek and liu_thaw of the Function have it.
 */
#include "replay/memstore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "crypto/crypto.h"
#include "store/receipts.h"

#define PLACES 4
#define LEFT_BITS_MAX 4294967296u
#define LEFT_BITS_EACH 16
#define LEFT_MS (72 * 3600000LL)
#define NAME_BYTES 512
#define RECEIPT_OVERHEAD 80
#define RECEIPT_MAX (5u << 20)

static void *need(void *p)
{
    if (p == NULL) {
        (void)fputs("replay: out of memory\n", stderr);
        abort();
    }
    return p;
}

/* ---- filters */

static void places_of(const char *name, uint64_t bits, uint64_t out[PLACES])
{
    uint8_t digest[SHA1_BYTES];
    const struct crypto_part part = {name, strlen(name)};
    if (crypto_sha1(&part, 1, digest) != ERR_OK)
        abort();
    for (size_t i = 0; i < PLACES; i++)
        out[i] = be32_get(digest + 4 * i) % bits;
}

static void filter_add(uint8_t *set, uint64_t bits, const char *name)
{
    uint64_t at[PLACES];
    places_of(name, bits, at);
    for (size_t i = 0; i < PLACES; i++)
        set[at[i] / 8] |= (uint8_t)(1u << at[i] % 8);
}

static bool filter_has(const uint8_t *set, uint64_t bits, const char *name)
{
    uint64_t at[PLACES];
    bool all = true;
    places_of(name, bits, at);
    for (size_t i = 0; i < PLACES; i++)
        all = all && (set[at[i] / 8] >> at[i] % 8 & 1) != 0;
    return all;
}

static void record_name(const struct memstore *s, enum record_kind kind, const char *id,
                        char out[NAME_BYTES])
{
    struct key k;
    key_records(&k, s->partition, kind);
    (void)snprintf(out, NAME_BYTES, "%s %s", k.text, id);
}

static void receipt_key(const struct memstore *s, const char *name, char out[NAME_BYTES])
{
    (void)snprintf(out, NAME_BYTES, "{%s}:rcpt:%s", s->partition, name);
}

static bool is_live(const struct memstore *s, const struct mem_left *f)
{
    return f->set != NULL && s->server_ms < f->expires_ms;
}

static bool in_left(const struct memstore *s, const char *name)
{
    char key[NAME_BYTES];
    receipt_key(s, name, key);
    for (size_t i = 0; i < s->n_lefts; i++)
        if (is_live(s, &s->lefts[i]) && filter_has(s->lefts[i].set, s->lefts[i].bits, key))
            return true;
    return false;
}

/* ---- what was asked for */

static bool is_page(const char *id)
{
    return id[0] == COLD_PAGE;
}

static void asked_name(char out[NAME_BYTES], enum record_kind kind, const char *id, bool show)
{
    (void)snprintf(out, NAME_BYTES, "%s%s/%s", show ? "=" : "", record_type_of(kind)->name, id);
}

static struct mem_asked *asked_find(const struct memstore *s, const char *name)
{
    struct mem_asked *a = NULL;
    HASH_FIND_STR(s->asked, name, a);
    return a;
}

static struct mem_asked *asked_set(struct memstore *s, const char *name, char said, int64_t at_ms)
{
    struct mem_asked *a = asked_find(s, name);
    if (a == NULL) {
        a = need(calloc(1, sizeof *a));
        a->name = need(strdup(name));
        HASH_ADD_KEYPTR(hh, s->asked, a->name, strlen(a->name), a);
    }
    free(a->value);
    a->value = NULL;
    a->bytes = 0;
    a->said = said;
    a->at_ms = at_ms;
    return a;
}

static void asked_drop(struct memstore *s, enum record_kind kind, const char *id, bool show)
{
    char name[NAME_BYTES];
    asked_name(name, kind, id, show);
    struct mem_asked *a = asked_find(s, name);
    if (a == NULL)
        return;
    HASH_DEL(s->asked, a);
    free(a->name);
    free(a->value);
    free(a);
}

size_t memstore_asked(const struct memstore *s, struct cold_asked *out, size_t max)
{
    size_t n = 0;
    for (const struct mem_asked *a = s->asked; a != NULL && n < max; a = a->hh.next) {
        const char *name = a->name + (a->name[0] == '=');
        const char *bar = strchr(name, '/');
        out[n++] = (struct cold_asked){.kind = record_named(name, (size_t)(bar - name)),
                                       .id = bar + 1,
                                       .show = a->name[0] == '=',
                                       .answered_ms = a->said == '?' ? 0 : a->at_ms};
    }
    return n;
}

bool memstore_left(const struct memstore *s, const char *name)
{
    char asked[NAME_BYTES];
    if (s->n_lefts == 0 || !in_left(s, name))
        return false;
    asked_name(asked, RECORD_RECEIPT, name, true);
    const struct mem_asked *a = asked_find(s, asked);
    return a == NULL || a->said != '-';
}

/* ---- liu_seek */

static char seek_asked(const struct memstore *s, const char *name, size_t most,
                       struct store_record *shown)
{
    const struct mem_asked *a = asked_find(s, name);
    if (a == NULL)
        return HASH_COUNT(s->asked) < most ? COLD_ASKED : COLD_BUSY;
    if (a->said == '=')
        *shown = (struct store_record){
            .exists = true, .revision = a->revision, .value = a->value, .bytes = a->bytes};
    return a->said == '=' ? COLD_SHOWN : a->said == '-' ? COLD_ABSENT : COLD_ASKED;
}

static char show_receipt(const struct mem_receipt *r, struct store_record *shown, struct arena *a)
{
    struct buf value;
    struct commit c = {.reply = r->reply,
                       .reply_bytes = r->reply_bytes,
                       .reply_type = r->type,
                       .now_ms = r->at_ms};
    memcpy(c.request_hash, r->hash, sizeof c.request_hash);
    buf_init(&value, RECEIPT_MAX);
    if (receipt_encode(&value, r->seq, &c) != ERR_OK)
        abort();
    *shown = (struct store_record){
        .exists = true, .value = need(arena_dup(a, value.data, value.len)), .bytes = value.len};
    buf_fini(&value);
    return COLD_SHOWN;
}

static char seek_one(const struct memstore *s, const struct store_key *k, bool show,
                     struct store_record *shown, struct arena *a)
{
    char name[NAME_BYTES];
    char asked[NAME_BYTES];
    asked_name(asked, k->kind, k->id, show);
    if (k->kind == RECORD_RECEIPT) {
        const struct mem_receipt *r = memstore_receipt_ever(s, k->id);
        if (r != NULL && !r->left && s->server_ms < r->expires_ms)
            return show_receipt(r, shown, a);
        return in_left(s, k->id) ? seek_asked(s, asked, COLD_ASKED_MAX, shown) : COLD_ABSENT;
    }
    if (memstore_record(s, k->kind, k->id) != NULL)
        return COLD_HERE;
    record_name(s, k->kind, k->id, name);
    if (s->cold == NULL || (!is_page(k->id) && !filter_has(s->cold, s->cold_bits, name)))
        return COLD_ABSENT;
    return seek_asked(s, asked, COLD_ASKED_OTHERS, shown);
}

void memstore_seek(struct memstore *s, enum cold_want want, const struct store_key *keys, size_t n,
                   char *letters, struct store_record *shown, struct arena *a)
{
    char name[NAME_BYTES];
    bool show = want == COLD_SHOW;
    memset(shown, 0, n * sizeof *shown);
    for (size_t i = 0; i < n; i++)
        letters[i] = seek_one(s, &keys[i], show, &shown[i], a);
    for (size_t i = 0; i < n; i++) {
        asked_name(name, keys[i].kind, keys[i].id, show);
        if (letters[i] == COLD_ASKED && asked_find(s, name) == NULL)
            (void)asked_set(s, name, '?', 0);
    }
}

/* ---- liu_freeze */

uint64_t memstore_generation(const struct memstore *s)
{
    const struct mem_record *r = memstore_record(s, RECORD_UPKEEP, COLD_GENERATION);
    return r == NULL ? 0 : r->revision;
}

static struct mem_receipt *leaving(const struct memstore *s, const struct cold_move *m)
{
    struct mem_receipt *r = m->kind == RECORD_RECEIPT ? memstore_receipt_ever(s, m->id) : NULL;
    return r != NULL && !r->left && s->server_ms < r->expires_ms && r->seq == m->revision ? r
                                                                                          : NULL;
}

static void next_left(const struct memstore *s, const struct mem_left *last, struct mem_left *f)
{
    *f = (struct mem_left){.n = 1, .bits = s->left_bits_min, .made_ms = s->server_ms};
    if (last == NULL)
        return;
    bool young = s->server_ms - last->made_ms < LEFT_MS;
    f->n = last->n + 1;
    f->bits = last->bits;
    if (young && 2 * last->bits <= LEFT_BITS_MAX)
        f->bits *= 2;
    while (!young && f->bits > s->left_bits_min && 2 * LEFT_BITS_EACH * last->count <= f->bits)
        f->bits /= 2;
}

/* The filter that takes so many more; those that have expired are forgotten. */
static struct mem_left *filter_for(struct memstore *s, uint64_t n)
{
    struct mem_left made;
    const struct mem_left *last = s->n_lefts == 0 ? NULL : &s->lefts[s->n_lefts - 1];
    struct mem_left was = last == NULL ? (struct mem_left){.n = 0} : *last;
    bool any = last != NULL;
    size_t kept = 0;
    for (size_t i = 0; i < s->n_lefts; i++) {
        if (is_live(s, &s->lefts[i]))
            s->lefts[kept++] = s->lefts[i];
        else
            free(s->lefts[i].set);
    }
    s->n_lefts = kept;
    last = kept > 0 ? &s->lefts[kept - 1] : any ? &was : NULL;
    if (kept > 0 && (last->count + n) * LEFT_BITS_EACH <= last->bits &&
        s->server_ms - last->made_ms < LEFT_MS)
        return &s->lefts[kept - 1];
    next_left(s, last, &made);
    made.set = need(calloc(1, made.bits / 8 + 1));
    if (kept == s->cap_lefts) {
        s->cap_lefts = s->cap_lefts == 0 ? 4 : 2 * s->cap_lefts;
        s->lefts = need(realloc(s->lefts, s->cap_lefts * sizeof *s->lefts));
    }
    s->lefts[s->n_lefts++] = made;
    return &s->lefts[kept];
}

static uint64_t freeze_receipts(struct memstore *s, const struct cold_move *moves, size_t n)
{
    char key[NAME_BYTES];
    uint64_t gone = 0;
    int64_t until_ms = 0;
    for (size_t i = 0; i < n; i++) {
        const struct mem_receipt *r = leaving(s, &moves[i]);
        gone += r != NULL;
        until_ms = r != NULL && r->expires_ms > until_ms ? r->expires_ms : until_ms;
    }
    if (gone == 0)
        return 0;
    struct mem_left *f = filter_for(s, gone);
    for (size_t i = 0; i < n; i++) {
        struct mem_receipt *r = leaving(s, &moves[i]);
        if (r == NULL)
            continue;
        receipt_key(s, moves[i].id, key);
        filter_add(f->set, f->bits, key);
        asked_drop(s, RECORD_RECEIPT, moves[i].id, true);
        s->bytes[FAMILY_RECEIPTS] -= r->reply_bytes + RECEIPT_OVERHEAD;
        r->left = true;
    }
    f->count += gone;
    f->expires_ms = until_ms > f->expires_ms ? until_ms : f->expires_ms;
    return gone;
}

const char *memstore_freeze(struct memstore *s, uint64_t generation, uint64_t filter_bits,
                            const struct cold_move *moves, size_t n, uint64_t *moved)
{
    char name[NAME_BYTES];
    *moved = 0;
    if (generation == 0 || generation != memstore_generation(s))
        return "another generation";
    if (s->cold == NULL) {
        s->cold_bits = filter_bits < s->cold_bits_max ? filter_bits : s->cold_bits_max;
        s->cold_bits = (s->cold_bits + 7) / 8 * 8;
        s->cold = need(calloc(1, s->cold_bits / 8));
    }
    struct mem_record *found[COLD_ASK_MAX] = {NULL}; /* all before any leaves */
    for (size_t i = 0; i < n && i < COLD_ASK_MAX; i++)
        if (moves[i].kind != RECORD_RECEIPT)
            found[i] = memstore_record_ever(s, moves[i].kind, moves[i].id);
    for (size_t i = 0; i < n && i < COLD_ASK_MAX; i++)
        if (found[i] != NULL && (found[i]->left || found[i]->revision != moves[i].revision))
            found[i] = NULL;
    for (size_t i = 0; i < n && i < COLD_ASK_MAX; i++) {
        const struct cold_move *m = &moves[i];
        struct mem_record *r = found[i];
        if (r == NULL)
            continue;
        record_name(s, m->kind, m->id, name);
        filter_add(s->cold, s->cold_bits, name);
        asked_drop(s, m->kind, m->id, false);
        asked_drop(s, m->kind, m->id, true);
        memstore_leave(s, r);
        ++*moved;
    }
    *moved += freeze_receipts(s, moves, n);
    return NULL;
}

/* ---- liu_thaw */

const char *memstore_thaw(struct memstore *s, uint64_t generation, int64_t now_ms,
                          const struct cold_move *moves, size_t n, uint64_t *moved)
{
    char name[NAME_BYTES];
    *moved = 0;
    if (generation != memstore_generation(s))
        return "another generation";
    for (size_t i = 0; i < n; i++) {
        const struct cold_move *m = &moves[i];
        asked_name(name, m->kind, m->id, m->show);
        if (!m->forget && m->value == NULL) {
            (void)asked_set(s, name, '-', now_ms);
        } else if (!m->forget && m->show) {
            struct mem_asked *a = asked_set(s, name, '=', now_ms);
            a->revision = m->revision;
            a->value = need(malloc(m->bytes + 1));
            if (m->bytes > 0)
                memcpy(a->value, m->value, m->bytes);
            a->bytes = m->bytes;
        } else {
            asked_drop(s, m->kind, m->id, m->show);
        }
        bool back = !m->show && !m->forget && m->value != NULL && !is_page(m->id);
        if (back && memstore_record(s, m->kind, m->id) == NULL) {
            memstore_put(s, m->kind, m->id, m->revision, m->value, m->bytes);
            ++*moved;
        }
    }
    return NULL;
}

/* ---- the end */

void memstore_cold_fini(struct memstore *s)
{
    struct mem_asked *a, *next;
    HASH_ITER(hh, s->asked, a, next)
    {
        HASH_DEL(s->asked, a);
        free(a->name);
        free(a->value);
        free(a);
    }
    for (size_t i = 0; i < s->n_lefts; i++)
        free(s->lefts[i].set);
    free(s->lefts);
    free(s->cold);
}
