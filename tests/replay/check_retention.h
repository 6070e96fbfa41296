/* Invariants of removals from the archive: nothing goes that is not told, nothing is told twice. */
#ifndef LIU_TESTS_REPLAY_CHECK_RETENTION_H
#define LIU_TESTS_REPLAY_CHECK_RETENTION_H

#include <stdbool.h>
#include <stdint.h>

#include "services/ledger/segment.h"

/* What the mark of this folder says was removed; *found false = nothing. The journal must say the
 * same, and no file that it names is part of the archive. */
void check_mark(const char *dir, struct mark *out, bool *found);

/* At the end: ranges of a stream follow each other. Adds to *segments what was removed. */
void check_retention_settled(uint64_t *segments);

#endif
