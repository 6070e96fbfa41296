/* The match index: an open-addressing table of keys, each with the list of listings that claim it.
 *
 * Entries (keys), pairs (key and listing) and listings live in three pools addressed by number, so
 * that the table can move its slots freely; removal shifts slots back and leaves no tombstones.
 */
#include "services/monitor/core/match.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "services/monitor/core/match_key.h"

#define NONE UINT32_MAX
#define LABELS_MAX 128

struct slot {
    uint32_t tag;   /* upper half of the hash */
    uint32_t entry; /* NONE = free */
};

struct entry {
    uint64_t hash;
    uint8_t *key;
    uint32_t n;
    uint32_t first; /* pair; in a free entry: the next free one */
};

struct pair {
    uint32_t entry;
    uint32_t listing;
    uint32_t before; /* of the same key */
    uint32_t after;
    uint32_t next_own; /* of the same listing; in a free pair: the next free one */
};

struct listing {
    char *number;
    uint32_t first; /* pair; in a free listing: the next free one */
    uint32_t n_pairs;
};

struct pool {
    void *items;
    uint32_t n;
    uint32_t cap;
    uint32_t free;
};

struct match_index {
    struct sip_key secret;
    size_t listings_max;
    size_t n_listings;
    size_t n_pairs;
    struct slot *slots;
    size_t n_slots; /* power of two, 0 at first */
    size_t n_entries;
    struct pool entries;
    struct pool pairs;
    struct pool listings;
    uint32_t labels[LABELS_MAX]; /* domains in use by number of labels */
    uint32_t bits4[33];          /* ranges in use by prefix length */
    uint32_t bits6[129];
};

enum err match_create(const struct sip_key *secret, size_t listings_max, struct match_index **out)
{
    struct match_index *ix = calloc(1, sizeof *ix);
    *out = ix;
    if (ix == NULL)
        return ERR_NOMEM;
    ix->secret = *secret;
    ix->listings_max = listings_max < NONE / 2 ? listings_max : NONE / 2;
    ix->entries.free = ix->pairs.free = ix->listings.free = NONE;
    return ERR_OK;
}

static struct entry *entry_at(const struct match_index *ix, uint32_t i)
{
    return (struct entry *)ix->entries.items + i;
}

static struct pair *pair_at(const struct match_index *ix, uint32_t i)
{
    return (struct pair *)ix->pairs.items + i;
}

static struct listing *listing_at(const struct match_index *ix, uint32_t i)
{
    return (struct listing *)ix->listings.items + i;
}

void match_destroy(struct match_index *ix)
{
    if (ix == NULL)
        return;
    for (uint32_t i = 0; i < ix->entries.n; i++)
        free(entry_at(ix, i)->key);
    for (uint32_t i = 0; i < ix->listings.n; i++)
        free(listing_at(ix, i)->number);
    free(ix->entries.items);
    free(ix->pairs.items);
    free(ix->listings.items);
    free(ix->slots);
    free(ix);
}

/* A fresh item at the pool's end; NONE without memory. */
static uint32_t pool_grow(struct pool *p, size_t item_bytes)
{
    if (p->n == p->cap) {
        uint32_t cap = p->cap == 0 ? 64 : p->cap * 2;
        void *more = p->cap >= NONE / 4 ? NULL : realloc(p->items, cap * item_bytes);
        if (more == NULL)
            return NONE;
        p->items = more;
        p->cap = cap;
    }
    return p->n++;
}

/* ---- the table */

static size_t home_of(const struct match_index *ix, uint64_t hash)
{
    return (size_t)hash & (ix->n_slots - 1);
}

static bool slots_grow(struct match_index *ix)
{
    size_t old_n = ix->n_slots;
    struct slot *old = ix->slots;
    size_t n = old_n == 0 ? 256 : old_n * 2;
    struct slot *slots = calloc(n, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        slots[i].entry = NONE;
    ix->slots = slots;
    ix->n_slots = n;
    for (size_t i = 0; i < old_n; i++) {
        if (old[i].entry == NONE)
            continue;
        size_t at = home_of(ix, entry_at(ix, old[i].entry)->hash);
        while (slots[at].entry != NONE)
            at = (at + 1) & (n - 1);
        slots[at] = old[i];
    }
    free(old);
    return true;
}

/* The slot that holds the key, or the free one where it belongs. n_slots > 0. */
static size_t slot_of(const struct match_index *ix, uint64_t hash, const uint8_t *key, size_t n)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    size_t at = home_of(ix, hash);
    for (;; at = (at + 1) & (ix->n_slots - 1)) {
        const struct slot *s = &ix->slots[at];
        if (s->entry == NONE)
            return at;
        if (s->tag != tag)
            continue;
        const struct entry *e = entry_at(ix, s->entry);
        if (e->n == n && memcmp(e->key, key, n) == 0)
            return at;
    }
}

static uint32_t entry_find(const struct match_index *ix, const uint8_t *key, size_t n)
{
    if (ix->n_slots == 0)
        return NONE;
    return ix->slots[slot_of(ix, sip_hash(&ix->secret, key, n), key, n)].entry;
}

static uint32_t *usage_of(struct match_index *ix, const uint8_t *key, size_t n)
{
    if (key[0] == KIND_RANGE4)
        return &ix->bits4[key[1]];
    if (key[0] == KIND_RANGE6)
        return &ix->bits6[key[1]];
    if (key[0] != KIND_DOMAIN)
        return NULL;
    size_t labels = 1;
    for (size_t i = 1; i < n; i++)
        labels += key[i] == '.';
    return labels < LABELS_MAX ? &ix->labels[labels] : NULL;
}

static uint32_t entry_take(struct match_index *ix)
{
    uint32_t i = ix->entries.free;
    if (i != NONE)
        ix->entries.free = entry_at(ix, i)->first;
    else
        i = pool_grow(&ix->entries, sizeof(struct entry));
    if (i != NONE)
        *entry_at(ix, i) = (struct entry){.first = NONE};
    return i;
}

static void entry_give(struct match_index *ix, uint32_t i)
{
    struct entry *e = entry_at(ix, i);
    free(e->key);
    *e = (struct entry){.first = ix->entries.free};
    ix->entries.free = i;
}

static uint32_t entry_find_or_add(struct match_index *ix, const struct match_key *k)
{
    if (4 * (ix->n_entries + 1) > 3 * ix->n_slots && !slots_grow(ix))
        return NONE;
    uint64_t hash = sip_hash(&ix->secret, k->bytes, k->n);
    size_t at = slot_of(ix, hash, k->bytes, k->n);
    if (ix->slots[at].entry != NONE)
        return ix->slots[at].entry;
    uint32_t i = entry_take(ix);
    if (i == NONE)
        return NONE;
    struct entry *e = entry_at(ix, i);
    e->key = malloc(k->n);
    if (e->key == NULL) {
        entry_give(ix, i);
        return NONE;
    }
    memcpy(e->key, k->bytes, k->n);
    e->n = (uint32_t)k->n;
    e->hash = hash;
    ix->slots[at] = (struct slot){.tag = (uint32_t)(hash >> 32), .entry = i};
    ix->n_entries++;
    uint32_t *usage = usage_of(ix, e->key, e->n);
    if (usage != NULL)
        ++*usage;
    return i;
}

/* Shifts later slots of the same run back, so that probing never meets a hole. */
static void slot_clear(struct match_index *ix, size_t hole)
{
    size_t mask = ix->n_slots - 1;
    for (size_t at = (hole + 1) & mask; ix->slots[at].entry != NONE; at = (at + 1) & mask) {
        size_t home = home_of(ix, entry_at(ix, ix->slots[at].entry)->hash);
        if (((at - home) & mask) < ((at - hole) & mask))
            continue;
        ix->slots[hole] = ix->slots[at];
        hole = at;
    }
    ix->slots[hole].entry = NONE;
}

static void entry_drop(struct match_index *ix, uint32_t i)
{
    const struct entry *e = entry_at(ix, i);
    uint32_t *usage = usage_of(ix, e->key, e->n);
    if (usage != NULL)
        --*usage;
    slot_clear(ix, slot_of(ix, e->hash, e->key, e->n));
    entry_give(ix, i);
    ix->n_entries--;
}

/* ---- listings */

static enum err pair_add(struct match_index *ix, uint32_t listing, const struct match_key *k)
{
    struct listing *l = listing_at(ix, listing);
    if (l->n_pairs >= MATCH_KEYS_PER_LISTING)
        return ERR_LIMIT;
    uint32_t entry = entry_find_or_add(ix, k);
    if (entry == NONE)
        return ERR_NOMEM;
    uint32_t first = entry_at(ix, entry)->first;
    if (first != NONE && pair_at(ix, first)->listing == listing)
        return ERR_OK; /* named twice by the same listing; its pairs are added in one go */
    uint32_t i = ix->pairs.free;
    if (i != NONE)
        ix->pairs.free = pair_at(ix, i)->next_own;
    else
        i = pool_grow(&ix->pairs, sizeof(struct pair));
    if (i == NONE) {
        if (first == NONE)
            entry_drop(ix, entry);
        return ERR_NOMEM;
    }
    *pair_at(ix, i) = (struct pair){
        .entry = entry, .listing = listing, .before = NONE, .after = first, .next_own = l->first};
    if (first != NONE)
        pair_at(ix, first)->before = i;
    entry_at(ix, entry)->first = i;
    l->first = i;
    l->n_pairs++;
    ix->n_pairs++;
    return ERR_OK;
}

static void pair_drop(struct match_index *ix, uint32_t i)
{
    struct pair *p = pair_at(ix, i);
    if (p->after != NONE)
        pair_at(ix, p->after)->before = p->before;
    if (p->before != NONE)
        pair_at(ix, p->before)->after = p->after;
    else
        entry_at(ix, p->entry)->first = p->after;
    if (entry_at(ix, p->entry)->first == NONE)
        entry_drop(ix, p->entry);
    p->next_own = ix->pairs.free;
    ix->pairs.free = i;
    ix->n_pairs--;
}

static uint32_t listing_by_number(const struct match_index *ix, const char *number)
{
    struct match_key k;
    if (!match_key_number(&k, number))
        return NONE;
    uint32_t e = entry_find(ix, k.bytes, k.n);
    return e == NONE ? NONE : pair_at(ix, entry_at(ix, e)->first)->listing;
}

void match_remove(struct match_index *ix, const char *number)
{
    uint32_t i = listing_by_number(ix, number);
    if (i == NONE)
        return;
    struct listing *l = listing_at(ix, i);
    for (uint32_t p = l->first; p != NONE;) {
        uint32_t next = pair_at(ix, p)->next_own;
        pair_drop(ix, p);
        p = next;
    }
    free(l->number);
    *l = (struct listing){.first = ix->listings.free};
    ix->listings.free = i;
    ix->n_listings--;
}

static enum err listing_add(struct match_index *ix, const char *number, uint32_t *out)
{
    struct match_key k;
    if (!match_key_number(&k, number))
        return ERR_INVAL;
    if (ix->n_listings >= ix->listings_max)
        return ERR_LIMIT;
    char *copy = strdup(number);
    if (copy == NULL)
        return ERR_NOMEM;
    uint32_t i = ix->listings.free;
    if (i != NONE)
        ix->listings.free = listing_at(ix, i)->first;
    else
        i = pool_grow(&ix->listings, sizeof(struct listing));
    if (i == NONE) {
        free(copy);
        return ERR_NOMEM;
    }
    *listing_at(ix, i) = (struct listing){.number = copy, .first = NONE};
    enum err e = pair_add(ix, i, &k);
    if (e != ERR_OK) {
        free(copy);
        *listing_at(ix, i) = (struct listing){.first = ix->listings.free};
        ix->listings.free = i;
        return e;
    }
    ix->n_listings++;
    *out = i;
    return ERR_OK;
}

typedef bool key_fn(struct match_key *k, const char *text);

static bool key_range(struct match_key *k, const char *text)
{
    struct match_address a;
    if (!match_address_parse(&a, text))
        return false;
    match_key_range(k, &a, a.bits);
    return true;
}

static enum err add_all(struct match_index *ix, uint32_t listing, const char *const *texts,
                        size_t n, key_fn *key, size_t *left_out)
{
    for (size_t i = 0; i < n; i++) {
        struct match_key k;
        enum err e = key(&k, texts[i]) ? pair_add(ix, listing, &k) : ERR_INVAL;
        if (e == ERR_NOMEM)
            return e;
        if (e != ERR_OK)
            ++*left_out;
    }
    return ERR_OK;
}

enum err match_put(struct match_index *ix, const struct match_listing *l, size_t *left_out)
{
    size_t unread = 0;
    uint32_t i = NONE;
    match_remove(ix, l->number);
    enum err e = listing_add(ix, l->number, &i);
    if (e == ERR_OK)
        e = add_all(ix, i, l->domains, l->n_domains, match_key_domain, &unread);
    if (e == ERR_OK)
        e = add_all(ix, i, l->ranges, l->n_ranges, key_range, &unread);
    if (e == ERR_OK)
        e = add_all(ix, i, l->product_ids, l->n_product_ids, match_key_product, &unread);
    if (e == ERR_OK)
        e = add_all(ix, i, l->aliases, l->n_aliases, match_key_alias, &unread);
    if (left_out != NULL)
        *left_out = unread;
    return e;
}

/* ---- looking up */

static bool found_entry(const struct match_index *ix, uint32_t entry, enum match_how how,
                        struct match_found *out)
{
    if (entry == NONE)
        return false;
    const struct pair *p = pair_at(ix, entry_at(ix, entry)->first);
    const char *number = listing_at(ix, p->listing)->number;
    if (p->after == NONE) {
        *out = (struct match_found){.how = how, .number = number};
        return true;
    }
    const char *second = listing_at(ix, pair_at(ix, p->after)->listing)->number;
    *out = (struct match_found){.how = MATCH_UNCLEAR, .first = number, .second = second};
    return true;
}

static bool find_key(const struct match_index *ix, const struct match_key *k, enum match_how how,
                     struct match_found *out)
{
    return found_entry(ix, entry_find(ix, k->bytes, k->n), how, out);
}

static bool find_domain(const struct match_index *ix, struct match_key *k, struct match_found *out)
{
    unsigned labels = match_key_labels(k);
    for (size_t at = 1; at < k->n; labels--) {
        if (labels < LABELS_MAX && ix->labels[labels] > 0) {
            k->bytes[at - 1] = KIND_DOMAIN; /* overwrites the dot before, which is done with */
            uint32_t e = entry_find(ix, k->bytes + at - 1, k->n - at + 1);
            if (found_entry(ix, e, MATCH_DOMAIN, out))
                return true;
        }
        while (at < k->n && k->bytes[at] != '.')
            at++;
        at++;
    }
    return false;
}

static bool find_address(const struct match_index *ix, const char *text, struct match_found *out)
{
    struct match_address a;
    struct match_key k;
    if (!match_address_parse(&a, text))
        return false;
    const uint32_t *used = a.kind == KIND_RANGE4 ? ix->bits4 : ix->bits6;
    for (unsigned bits = a.bits + 1; bits-- > 0;) {
        if (used[bits] == 0)
            continue;
        match_key_range(&k, &a, bits);
        if (find_key(ix, &k, MATCH_ADDRESS, out))
            return true;
    }
    return false;
}

static bool stated(const char *text)
{
    return text != NULL && text[0] != '\0';
}

struct match_found match_find(const struct match_index *ix, const struct match_ref *ref)
{
    struct match_found out = {.how = MATCH_NOTHING};
    struct match_key k;
    if (stated(ref->number) && match_key_number(&k, ref->number) &&
        find_key(ix, &k, MATCH_NUMBER, &out))
        return out;
    if (stated(ref->domain) && match_key_domain(&k, ref->domain) && find_domain(ix, &k, &out))
        return out;
    if (stated(ref->address) && find_address(ix, ref->address, &out))
        return out;
    if (stated(ref->product_id) && match_key_product(&k, ref->product_id) &&
        find_key(ix, &k, MATCH_PRODUCT, &out))
        return out;
    if (stated(ref->alias) && match_key_alias(&k, ref->alias) &&
        find_key(ix, &k, MATCH_ALIAS, &out))
        return out;
    return out;
}

size_t match_listings(const struct match_index *ix)
{
    return ix->n_listings;
}

size_t match_keys(const struct match_index *ix)
{
    return ix->n_pairs;
}
