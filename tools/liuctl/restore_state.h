/* The state of a backup that no entry carries (backup_set.h): places of consumers and lanes,
 * timers, receipts. They are of the backup's head, whatever the journal begins with.
 */
#ifndef LIU_LIUCTL_RESTORE_STATE_H
#define LIU_LIUCTL_RESTORE_STATE_H

#include "liuctl/restore_cold.h"

struct restore_state {
    const char *dir;   /* of the backup */
    const char *epoch; /* the new one */
    struct store_restore *to;
    struct restore_cold *receipts;
    struct err_text *why;
    struct restore_survey *survey; /* its own */
};

/* After the entries: a receipt that came with its entry stays as it is. ERR_PROTO, ERR_IO, and what
 * store_restore_add returns. */
enum err restore_state_write(const struct restore_state *r) LIU_MUST_USE;

struct restore_survey {
    uint64_t cursor; /* the least entry that a consumer, other than the ledger, has seen; UINT64_MAX
                        = there is none */
    uint64_t bytes;  /* of all lines but receipts, about what Redis needs for them */
    uint64_t receipts; /* of those that an entry carries */
    uint64_t others;   /* of the others */
};
enum err restore_state_survey(const char *dir, struct restore_survey *out,
                              struct err_text *why) LIU_MUST_USE;

#endif
