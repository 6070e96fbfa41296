/* A backup of a store that the ledger has halted, as the store should be: what `store recover`
 * restores. The journal is the archive's, then what Redis has behind it; the caller gives the state
 * that belongs to its end.
 */
#ifndef LIU_LIUCTL_BACKUP_H
#define LIU_LIUCTL_BACKUP_H

#include "base/buf.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "liuctl/store_session.h"

#define BACKUP_RECOVERS "recovers" /* in the manifest: the head of the halted store */

struct backup_recover {
    const char *head;         /* of the halted store, as Redis has it */
    uint64_t right;           /* receipts in Redis are kept up to this entry */
    uint64_t upto;            /* last entry to be copied */
    struct commit_entry last; /* goes behind it */
    const char *file;         /* in the folder already, to be named in the manifest */
    /* cursors, lanes and timers of Redis, as store_snapshot calls them */
    void (*record)(void *arg, enum record_kind kind, const char *id, const uint8_t *value,
                   size_t bytes);
    void (*timer)(void *arg, const char *owner, const char *member, int64_t due_ms);
    /* each record of the snapshot that stands for what is gone, before the entry behind it */
    void (*kept)(void *arg, const char *id, size_t id_bytes);
    /* each entry that is copied, in order, after those */
    enum err (*entry)(void *arg, uint64_t seq, const Ismap__Liu__V1__JournalEntry *e);
    /* at the end: lines of the backup's state (backup_set.h) */
    enum err (*state)(void *arg, struct buf *out);
    void *arg;
};

/* Into `dir`, which exists. `s` may be of a halted store; it stays the caller's. CLI_OK, or an exit
 * status with a message printed. */
int backup_recovered(const struct session *s, const char *dir, const struct backup_recover *r);

#endif
