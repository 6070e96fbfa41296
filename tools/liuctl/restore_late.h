/* Restore of a backup whose journal begins late (backup_set.h, format 2).
 *
 *   backup   first ........ snapshot ........ head
 *   Redis         begins +1 ................. head    records: the snapshot's, then the entries'
 *   archive  first ........ snapshot                  of the new epoch, with the snapshot
 *
 * Links go on as they were. What is in the archive need not be in Redis: there the journal begins
 * before the first receipt that may be asked for, and where the last consumer is.
 */
#ifndef LIU_LIUCTL_RESTORE_LATE_H
#define LIU_LIUCTL_RESTORE_LATE_H

#include <jansson.h>

#include "liuctl/backup_late.h"

struct restore_place {
    uint64_t seq;
    char link[LINK_DIGITS + 1];
    int64_t newest_ms; /* time of an entry up to here */
    uint64_t bytes;    /* of memory that the entries up to here would need */
};

struct restore_late {
    struct cli *cli;
    const char *dir; /* the backup */
    uint64_t first;  /* 0 = the journal is whole, and nothing of this is needed */
    uint64_t seq;    /* of the snapshot */
    struct snapshot_head head;
    struct restore_place begins; /* what Redis' journal goes on behind */
    /* places among the entries up to the snapshot's: the first, and some of the others */
    struct restore_place *places;
    size_t n, cap;
};

/* Looks at the snapshot of the backup. CLI_OK, or an exit status with a message printed. */
int restore_late_open(struct cli *c, const char *dir, const json_t *manifest,
                      struct restore_late *out);
void restore_late_fini(struct restore_late *l);

/* An entry of the backup, in order; `bytes` as in a place. ERR_DATA_LOSS with a reason when it is
 * not the one that the snapshot was made at, or the journal does not begin where it should. */
enum err restore_late_entry(struct restore_late *l, const struct segment_entry *e, int64_t at_ms,
                            uint64_t bytes, struct err_text *why) LIU_MUST_USE;

/* Where Redis' journal begins: receipts of entries from `needed_ms` on are needed, and entries
 * behind `cursor`. ERR_DATA_LOSS: it would be empty. */
enum err restore_late_choose(struct restore_late *l, int64_t needed_ms, uint64_t cursor,
                             uint64_t head, struct err_text *why) LIU_MUST_USE;

/* Each record of the snapshot. */
enum err restore_late_each(const struct restore_late *l,
                           enum err (*fn)(void *arg, const struct snapshot_record *r), void *arg,
                           struct err_text *why) LIU_MUST_USE;

/* Can the archive of the configuration take it? CLI_OK, or an exit status with a message printed.
 */
int restore_late_allowed(struct cli *c);
/* Removes what an interrupted restore left in the archive of the configuration, if there is one;
 * `begun`: the epoch it had, whose partition has no head. Before the partition is emptied. ERR_IO.
 */
enum err restore_late_sweep(const struct cli *c, const char *begun,
                            struct err_text *why) LIU_MUST_USE;
/* Writes the archive of the new epoch under a name of its own, which no other restore may be using.
 */
enum err restore_late_archive(struct restore_late *l, const char *epoch,
                              struct err_text *why) LIU_MUST_USE;
/* Gives it its name; before Redis' partition gets its head. */
enum err restore_late_settle(const struct restore_late *l, const char *epoch,
                             struct err_text *why) LIU_MUST_USE;

#endif
