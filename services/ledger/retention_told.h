/* The journal's word for removals: SegmentsExpired. Blocking calls. */
#ifndef LIU_LEDGER_RETENTION_TOLD_H
#define LIU_LEDGER_RETENTION_TOLD_H

#include <stdatomic.h>

#include "base/arena.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "services/ledger/segment.h"

/* The event in a packed JournalEntry, in the arena; NULL when it is none, or cannot be read. */
const Ismap__Liu__V1__SegmentsExpired *expired_read(struct arena *a, const uint8_t *entry,
                                                    size_t bytes);

/* Does it tell of what this mark, or plan, says? */
bool expired_is(const Ismap__Liu__V1__SegmentsExpired *x, const struct mark *m);

/* Looks for it behind the entry `after` in a folder of the journal. *seq is its entry, 0 = there is
 * none. ERR_AGAIN: *stop was set; ERR_DATA_LOSS, ERR_IO: not all could be read, ERR_NOMEM. */
enum err expired_find(const char *journal, uint64_t after, const struct mark *m,
                      const atomic_bool *stop, uint64_t *seq, struct err_text *why) LIU_MUST_USE;

#endif
