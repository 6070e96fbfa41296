/* What the restore drill and a recovery take of a restore. */
#ifndef LIU_LIUCTL_RESTORE_H
#define LIU_LIUCTL_RESTORE_H

#include "liuctl/backup_set.h"
#include "liuctl/store_clear.h"
#include "store/keys.h"

struct restored {
    struct backup_records records; /* those of the backup; the caller ends them */
    char epoch[EPOCH_DIGITS + 1];  /* that of the store that was backed up */
    uint64_t head;
};

/* Restores the backup in `dir` into the empty Redis of c's settings and compares all of it.
 * `aside`: no ledger is to work on it, so nothing goes into an archive. The status of `restore
 * --verify`; *out is to be ended whatever it is. */
int restore_for_drill(struct cli *c, const char *dir, bool aside, struct restored *out);

/* Empties the partition, store_clear; of a restore that was interrupted what it left in the
 * archive, too, unless it was one aside. */
int restore_sweep(struct session *s, const struct store_heads *h, bool aside);

#endif
