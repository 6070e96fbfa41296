/* Entries that have left Redis, asked for by FetchEvents of a service that has the archive (the
 * ledger): service.archive.
 *
 * The asker fills the question and hands the struct over; the service reads and filters off the
 * loop, and gives it back by `done` on the loop, or by `drop` (which frees, and touches nothing
 * else) when it ends before. What `wanted` looks at must not change meanwhile.
 */
#ifndef LIU_FLOW_ARCHIVE_H
#define LIU_FLOW_ARCHIVE_H

#include "store/store.h"

#define ARCHIVE_ASK_ENTRIES 256
#define ARCHIVE_ASK_BYTES (4u * 1024 * 1024) /* of the entries together; one may be longer */

struct archive_ask {
    uint64_t after; /* wanted: after < seq <= to */
    uint64_t to;
    uint64_t store_first; /* the first entry that Redis has; 0 = not known */
    uint32_t max;         /* entries, at most ARCHIVE_ASK_ENTRIES */
    /* ERR_NOMEM: it cannot be said now, and the asking ends with that. */
    enum err (*wanted)(const struct archive_ask *ask, const uint8_t *data, size_t bytes, bool *is);
    void (*done)(struct archive_ask *ask);
    void (*drop)(struct archive_ask *ask);
    void *arg;

    /* the answer: what was wanted of the entries up to `next`, which is not below `after`.
     * ERR_NOT_FOUND: the archive has not the entry behind `after`; ERR_DATA_LOSS: it is damaged. */
    enum err result;
    uint64_t begins; /* ERR_NOT_FOUND: the first entry there is, what came before being kept no more
                        (decision 0026); 0 = what was asked for is missing, or to come */
    struct err_text why;
    uint64_t next;
    size_t n;
    struct store_entry entries[ARCHIVE_ASK_ENTRIES];
    struct buf data; /* what the entries point to */
};

#endif
