/* Backup of an archive that begins late (services/ledger/snapshot.h): with the newest good
 * snapshot, which stands for the entries that are gone, and all entries that are there.
 *
 * Not an older snapshot, though one would do: what lies between the two is in the entries, which
 * are kept whole for their period, and records are written the faster the less comes behind.
 */
#ifndef LIU_LIUCTL_BACKUP_LATE_H
#define LIU_LIUCTL_BACKUP_LATE_H

#include "liuctl/backup_set.h"
#include "liuctl/store_session.h"
#include "services/ledger/snapshot.h"

struct backup_late {
    uint64_t first;        /* entry the archive begins with; at most 1: nothing below is filled */
    struct snapshot *from; /* open: the ledger may remove the file */
    uint64_t seq;          /* its entry */
    char link[LINK_DIGITS + 1];
};

/* Looks at the archive of the session's epoch. CLI_OK, also when it begins with entry 1 or there is
 * none; or an exit status with a message printed: no snapshot makes up for what is gone. */
int backup_late_open(struct session *s, struct backup_late *out);
void backup_late_close(struct backup_late *l);

/* Copies the snapshot into `dir`/snapshots under this epoch, as one that belongs to the segment
 * with this digest and has none before it. Each record is handed to `fn` (may be NULL), which says
 * whether to go on. Durable when it returns ERR_OK. */
enum err backup_late_copy(struct snapshot *from, const char *dir, const char *epoch,
                          const uint8_t segment[SHA256_BYTES],
                          enum err (*fn)(void *arg, const struct snapshot_record *r), void *arg,
                          struct err_text *why) LIU_MUST_USE;

/* Each record of the snapshot to `fn`. */
enum err backup_late_each(struct snapshot *from,
                          enum err (*fn)(void *arg, const struct snapshot_record *r),
                          void *arg) LIU_MUST_USE;

#endif
