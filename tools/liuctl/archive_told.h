/* What the archived journals tell of removals, and whether a folder's mark says the same: a mark
 * alone could hide that files are missing. */
#ifndef LIU_LIUCTL_ARCHIVE_TOLD_H
#define LIU_LIUCTL_ARCHIVE_TOLD_H

#include "base/arena.h"
#include "services/ledger/segment.h"

struct archive_told {
    struct arena *arena; /* of the command */
    struct told_event *events;
    struct told_journal *journals;
};

/* Entries of a journal are handed to told_entry (`arg` is this), then told_journal_end says from
 * where to where it went (`first` 0: not known); `sound` false: not all of it was read. */
enum err told_entry(void *told, const struct segment_entry *e);
enum err told_journal_end(struct archive_told *t, const char *epoch, uint64_t first, uint64_t last,
                          bool sound) LIU_MUST_USE;

/* NULL: the journal tells of it, or cannot yet, or no more: the entry is kept no longer. Else what
 * is wrong. */
const char *told_fault(const struct archive_told *t, const struct mark *m);

#endif
