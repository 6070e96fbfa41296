/* Entries of the journal that Redis no longer has, out of the ledger's archive. */
#ifndef LIU_LIUCTL_JOURNAL_ARCHIVED_H
#define LIU_LIUCTL_JOURNAL_ARCHIVED_H

#include "liuctl/store_session.h"
#include "services/ledger/segment.h"

/* Each entry from `from` on and before `store`, in order, of the session's epoch, up to the first
 * that is not there; only segments that have one of them are read, and each is checked. *last: the
 * last one, from - 1 = none, also when no archive_dir is configured. CLI_OK, or an exit status with
 * a message printed. */
int journal_archived(struct session *s, uint64_t from, uint64_t store, segment_entry_fn *fn,
                     void *arg, uint64_t *last);

#endif
