/* How much memory each family of keys takes, by sampling: MEMORY USAGE looks at a few elements of
 * a key, so its cost does not grow with the key, and nothing walks over all keys. Receipts are keys
 * of their own and by far the most: their number is DBSIZE, their size that of some random ones.
 * Needs the rights +memory|usage +dbsize +randomkey +hlen; for the ledger. */
#ifndef LIU_STORE_MEASURE_H
#define LIU_STORE_MEASURE_H

#include "store/budget.h"

#define MEASURE_SAMPLES 32 /* parties, feeds */

struct store_measure {
    const char *const *parties; /* some; they stand for all */
    size_t n_parties;
    const char *const *feeds; /* likewise, of feeds_all */
    size_t n_feeds;
    size_t feeds_all;
};

/* bytes[N_FAMILIES]; NULL with an error. */
typedef void store_measure_fn(void *arg, enum err e, const uint64_t *bytes);
enum err store_measure(struct store *s, const struct store_measure *what, store_measure_fn *fn,
                       void *arg) LIU_MUST_USE;

#endif
