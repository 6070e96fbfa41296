/* Where the journal begins, for those who ask for what is before, and whether what is before was
 * lost. Blocking calls. */
#ifndef LIU_LEDGER_JOURNAL_BEGINS_H
#define LIU_LEDGER_JOURNAL_BEGINS_H

#include <stdint.h>

#include "base/err.h"

/* *first = the first entry that there is, when the archive of an epoch (`dir` =
 * <archive_dir>/<epoch>) begins late (snapshot.h): what came before is kept no more, and a snapshot
 * makes up for it. 0 = entry 1 is there, or what is not is missing. `store_first` is the first
 * entry that Redis has, 0 = not known; without it an archive that has no segment yet gives 0.
 * Names and headers are looked at: that all is sound is for a walk to say. ERR_DATA_LOSS: the
 * first file or the mark is damaged; ERR_IO, ERR_NOMEM. */
enum err journal_begins(const char *dir, uint64_t store_first, uint64_t *first,
                        struct err_text *why) LIU_MUST_USE;

/* Was the folder of the journal lost, and perhaps begun anew? A walk over it cannot tell: its first
 * segment names none before it, as the first one that a restore writes (decision 0026). But a
 * restore's snapshot, and each that the ledger makes after it, belongs to a segment of the folder;
 * those of a journal that was lost name segments that are not there. `what` says what is missing;
 * empty = nothing is. Errors as above. */
enum err journal_lost(const char *dir, struct err_text *what, struct err_text *why) LIU_MUST_USE;

#endif
