/* The state of a backup that no entry carries (backup_set.h): places of consumers and lanes,
 * timers, receipts. They are of the backup's head, whatever the journal begins with.
 */
#ifndef LIU_LIUCTL_RESTORE_STATE_H
#define LIU_LIUCTL_RESTORE_STATE_H

#include "store/restore.h"

struct restore_state {
    const char *dir;   /* of the backup */
    const char *epoch; /* the new one */
    struct store_restore *to;
    struct err_text *why;
    uint64_t *least; /* its own */
};

/* After the entries: a receipt that came with its entry stays as it is. ERR_PROTO, ERR_IO, and what
 * store_restore_add returns. */
enum err restore_state_write(const struct restore_state *r) LIU_MUST_USE;

/* The least entry that a consumer, other than the ledger, has seen; UINT64_MAX = there is none. */
enum err restore_state_cursor(const char *dir, uint64_t *least, struct err_text *why) LIU_MUST_USE;

#endif
