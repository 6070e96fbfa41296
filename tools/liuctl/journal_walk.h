/* The whole journal in order: the ledger's segments first, then the stream up to its head. */
#ifndef LIU_LIUCTL_JOURNAL_WALK_H
#define LIU_LIUCTL_JOURNAL_WALK_H

#include "ismap/liu/v1/event.pb-c.h"
#include "liuctl/store_session.h"
#include "services/ledger/snapshot.h"
#include "store/link.h"

struct journal_walk {
    struct session *session;
    /* Called for each entry once, in order; `entry` NULL = it cannot be read. ERR_OK goes on. */
    enum err (*entry)(void *arg, uint64_t seq, const Ismap__Liu__V1__JournalEntry *entry);
    /* The same entry as it was written, before `entry`; may be NULL. */
    enum err (*raw)(void *arg, const struct store_entry *entry);
    /* Called for each fault: gaps, links that do not fit, damaged segments. */
    void (*fault)(void *arg, const char *where, const char *what);
    /* Each record of the snapshot to start from; NULL = start from entry 1. */
    enum err (*record)(void *arg, const struct snapshot_record *r);
    void *arg;
    /* Of a journal that the archive is ahead of: what Redis has behind this entry is passed over,
     * and that it ends early is no fault. 0 = all of it. */
    uint64_t upto;
    /* The archive may begin late (services/ledger/snapshot.h): its first entry is no gap then.
     * `link` may say what it follows. */
    bool late;
    struct cli_wait wait; /* its own */

    /* results */
    uint64_t first; /* entry seen; 0 = none yet */
    uint64_t seq;   /* last entry seen */
    uint64_t entries;
    uint64_t from_segments;
    uint64_t snapshot;          /* entry of the snapshot it started from; 0 = none */
    uint64_t head;              /* of the journal, when last looked at */
    char link[LINK_DIGITS + 1]; /* SHA-1 link of the last entry, "" = not known */
};

/* Walks from entry 1, or from the newest good snapshot, to the head. CLI_OK, or an exit status with
 * a message printed. May be called again to take in what has been added since. */
int journal_walk(struct journal_walk *w);

#endif
