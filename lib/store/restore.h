/* Backup and restore, for liuctl only: they run the loop themselves until the answer is there.
 *
 * A restore writes into an empty partition under a new epoch. Until its end the partition has no
 * head, so that services refuse it (docs/runbook.md, "Restore").
 */
#ifndef LIU_STORE_RESTORE_H
#define LIU_STORE_RESTORE_H

#include "store/cold.h"
#include "store/encode.h"
#include "store/link.h"
#include "store/store.h"

/* State that no journal entry carries, at the moment of one head. */
struct store_snapshot {
    struct head head;
    /* Called for each; what they get is borrowed. `value` includes the revision's 8 bytes. */
    void (*record)(void *arg, enum record_kind kind, const char *id, const uint8_t *value,
                   size_t bytes);
    void (*timer)(void *arg, const char *owner, const char *member, int64_t due_ms);
    void *arg;
};

/* Cursors, lanes and the timers of these owners (at most 8). ERR_PROTO, ERR_UNAVAILABLE,
 * ERR_CONFIG with a reason; at most LIMIT_REDIS_REPLY_ELEMENTS / 2 of each. */
enum err store_snapshot(struct store *s, const char *const *owners, size_t n_owners,
                        struct store_snapshot *out, struct err_text *why) LIU_MUST_USE;

struct store_restore {
    struct store *store;
    char epoch[EPOCH_DIGITS + 1]; /* the new one, 32 lower-case hexadecimal digits */
    struct encoder encoder;
    char begin[EPOCH_DIGITS + LINK_DIGITS + 24];
    bool begun;
};

/* The Function library is loaded. The journal goes on behind entry `seq`, whose link that is;
 * 0 and NULL = it begins with entry 1 (link.h). */
enum err store_restore_begin(struct store_restore *r, struct store *s, const char *epoch,
                             uint64_t seq, const char *link, struct err_text *why) LIU_MUST_USE;
/* Adds a commit, which is copied; sent in batches. ERR_EXISTS: the partition is not empty. */
enum err store_restore_add(struct store_restore *r, const struct commit *c,
                           struct err_text *why) LIU_MUST_USE;
/* Sends the rest; then these leave Redis, as with store_freeze (cold.h). The generation is the
 * revision of its record, which was added before; all must be durable elsewhere before the restore
 * ends. */
enum err store_restore_freeze(struct store_restore *r, uint64_t generation, uint64_t filter_bits,
                              const struct cold_move *moves, size_t n,
                              struct err_text *why) LIU_MUST_USE;
/* Sends the rest; then the partition has its head. */
enum err store_restore_end(struct store_restore *r, struct err_text *why) LIU_MUST_USE;
void store_restore_fini(struct store_restore *r); /* NULL-safe */

#endif
