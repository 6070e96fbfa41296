/* Where the journal begins, for those who ask for what is before. Blocking calls. */
#ifndef LIU_LEDGER_JOURNAL_BEGINS_H
#define LIU_LEDGER_JOURNAL_BEGINS_H

#include <stdint.h>

#include "base/err.h"

/* *first = the first entry that there is, when the archive of an epoch (`dir` =
 * <archive_dir>/<epoch>) begins late (snapshot.h): what came before is kept no more, and a snapshot
 * makes up for it. 0 = entry 1 is there, or what is not is missing. `store_first` is the first
 * entry that Redis has, 0 = not known; without it an archive that has no segment yet gives 0.
 * Names and one header are looked at: that all is sound is for a walk to say. ERR_DATA_LOSS: the
 * first file or the mark is damaged; ERR_IO, ERR_NOMEM. */
enum err journal_begins(const char *dir, uint64_t store_first, uint64_t *first,
                        struct err_text *why) LIU_MUST_USE;

#endif
