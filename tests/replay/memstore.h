/* What Redis and deploy/redis/liu.lua are to the services, in memory: records, journal, audience
 * index, timers, receipts, noise, what has left it, and commits that obey the Function's contract.
 *
 * test_memstore_conformance holds it against the real Function. Not a client: it answers at once;
 * latency and faults are the caller's (client.c). Ends the process when memory runs out.
 */
#ifndef LIU_TESTS_REPLAY_MEMSTORE_H
#define LIU_TESTS_REPLAY_MEMSTORE_H

#include "base/hash.h"

#include "base/arena.h"
#include "store/budget.h"
#include "store/cold.h"
#include "store/keys.h"
#include "store/store.h"

#define MEMSTORE_LINK_BYTES 41 /* hexadecimal SHA-1 and NUL */

struct mem_record {
    enum record_kind kind;
    char *id;
    uint64_t revision;
    uint8_t *value;
    size_t bytes;
    bool left;         /* it is not here any more: what it was is kept for the checks */
    UT_hash_handle hh; /* by kind and id: `key` */
    char key[];
};

struct mem_entry { /* seq = index + 1 */
    uint8_t *data;
    size_t bytes;
    char *link;
    char *type;
};

struct mem_index { /* the journal's index of one party */
    char *party;
    uint64_t *seqs;
    char **types;
    size_t n, cap;
    UT_hash_handle hh;
};

struct mem_timer {
    char *key; /* owner, a bar, member */
    char *owner;
    const char *member; /* within key */
    int64_t due_ms;
    UT_hash_handle hh;
};

struct mem_receipt {
    char *key; /* party:id */
    uint8_t hash[32];
    uint64_t seq;
    int64_t at_ms;
    char *type;
    uint8_t *reply;
    size_t reply_bytes;
    int64_t expires_ms;
    bool left; /* as of a record */
    UT_hash_handle hh;
};

struct mem_count { /* receipts of a party */
    char *party;
    int64_t n;
    int64_t expires_ms;
    UT_hash_handle hh;
};

struct mem_noise_entry {
    uint64_t ms, sub; /* its id */
    uint8_t *data;
    size_t bytes;
};

struct mem_noise {
    char *feed;
    struct mem_noise_entry *entries;
    size_t n, cap;
    size_t gone; /* trimmed: the first so many, kept for the checks */
    size_t bytes;
    UT_hash_handle hh;
};

struct mem_left { /* a filter of receipts that have left */
    uint64_t n, bits, count;
    int64_t made_ms, expires_ms;
    uint8_t *set;
};

struct mem_asked {
    char *name;
    char said; /* '?', or '-' and '=' with when */
    int64_t at_ms;
    uint64_t revision;
    uint8_t *value;
    size_t bytes;
    UT_hash_handle hh;
};

struct memstore {
    char partition[PARTITION_BYTES_MAX + 1];
    char epoch[EPOCH_DIGITS + 1];
    char link[MEMSTORE_LINK_BYTES];
    int64_t at_ms;     /* of the head */
    int64_t server_ms; /* the server's clock: receipts expire by it. Set by the caller */
    int64_t receipt_window_ms;
    int64_t receipts_max;
    struct mem_record *records;
    struct mem_record **scan[RECORD_KINDS]; /* in the order of creation */
    size_t n_scan[RECORD_KINDS], cap_scan[RECORD_KINDS];
    struct mem_entry *journal;
    size_t n_journal, cap_journal;
    uint64_t gone;              /* entries up to here were trimmed; they are kept for the checks */
    uint64_t max_bytes;         /* 0 = no bound. The caller refuses when it is reached */
    uint64_t bytes[N_FAMILIES]; /* of what is there, about */
    struct mem_index *indexes;
    struct mem_timer *timers;
    struct mem_receipt *receipts;
    struct mem_count *counts;
    struct mem_noise *noise;
    int64_t noise_behind_ms; /* ids of noise are so much older. Set by the caller */
    uint8_t *cold;           /* filter of the records that have left; NULL = none has */
    uint64_t cold_bits;
    struct mem_left *lefts; /* oldest first */
    size_t n_lefts, cap_lefts;
    struct mem_asked *asked;
    /* Sizes of filters: the one of records is no larger, those of receipts begin with it. As in
     * liu.lua, unless the caller wants them to be wrong often. */
    uint64_t cold_bits_max, left_bits_min;
};

/* An empty partition under this epoch; the first commit is its genesis. */
void memstore_init(struct memstore *s, const char *partition, const char *epoch);
void memstore_fini(struct memstore *s);

/* What liu_commit answers for this one request. The result borrows the store and `text`. */
struct commit_result memstore_commit(struct memstore *s, const struct commit *c, char text[256]);

/* What is here. NULL: it does not exist, or has left. */
const struct mem_record *memstore_record(const struct memstore *s, enum record_kind kind,
                                         const char *id);
static inline uint64_t memstore_head(const struct memstore *s)
{
    return s->n_journal;
}
/* DUPLICATE, MISMATCH, or OK = none. hash NULL = any. */
struct commit_result memstore_receipt(struct memstore *s, const char *party, const char *id,
                                      const uint8_t *hash);
const struct mem_index *memstore_index(const struct memstore *s, const char *party);
/* Timers of the owner due at now_ms, by (due, member), at most max. */
size_t memstore_due(const struct memstore *s, const char *owner, int64_t now_ms,
                    const struct mem_timer **out, size_t max);

const struct mem_noise *memstore_noise(const struct memstore *s, const char *feed);
/* What liu_trim answers: NULL with how far or how many, or why it refuses. Indexes of parties leave
 * with the entries. */
const char *memstore_trim(struct memstore *s, const struct store_trim *t, uint64_t *gone,
                          char text[200]);

/* ---- memstore_cold.c: what has left */

/* Writes it whatever was there. */
void memstore_put(struct memstore *s, enum record_kind kind, const char *id, uint64_t revision,
                  const void *value, size_t bytes);
/* It is not here any more. */
void memstore_leave(struct memstore *s, struct mem_record *r);
/* The same record, here or not; NULL = it was never written. */
struct mem_record *memstore_record_ever(const struct memstore *s, enum record_kind kind,
                                        const char *id);
struct mem_receipt *memstore_receipt_ever(const struct memstore *s, const char *name);

/* The generation of what is cold. */
uint64_t memstore_generation(const struct memstore *s);
/* What liu_freeze and liu_thaw answer: NULL with how many, or why they refuse. */
const char *memstore_freeze(struct memstore *s, uint64_t generation, uint64_t filter_bits,
                            const struct cold_move *moves, size_t n, uint64_t *moved);
const char *memstore_thaw(struct memstore *s, uint64_t generation, int64_t now_ms,
                          const struct cold_move *moves, size_t n, uint64_t *moved);
/* What liu_seek answers: n letters, and what is shown, by place, in the arena. */
void memstore_seek(struct memstore *s, enum cold_want want, const struct store_key *keys, size_t n,
                   char *letters, struct store_record *shown, struct arena *a);
/* May the receipt of this name (party:id) have left, and has the ledger not said otherwise? */
bool memstore_left(const struct memstore *s, const char *name);
/* What is in the table of what was asked for; at most max. Borrowed. */
size_t memstore_asked(const struct memstore *s, struct cold_asked *out, size_t max);
void memstore_cold_fini(struct memstore *s);

uint64_t memstore_used(const struct memstore *s);
void memstore_measure(const struct memstore *s, uint64_t bytes[N_FAMILIES]);

#endif
