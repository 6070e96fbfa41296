/* What an archive shows of the time that has passed (core/retention.h): a removal does not rest on
 * clocks alone, which one machine can have wrong from its start on. Blocking calls. */
#ifndef LIU_LEDGER_RETENTION_TIME_H
#define LIU_LEDGER_RETENTION_TIME_H

#include <stdatomic.h>

#include "services/ledger/core/retention.h"

/* Adds the days on which something in `archive_dir` was written, of all epochs: for noise as the
 * names of its segments say, for journals as the first entries of so many segments say that no more
 * than RETENTION_JUMP_MS is between two of them where there are that many. A file that cannot be
 * read shows nothing. `stop` may be NULL. ERR_AGAIN: *stop was set; ERR_IO, ERR_NOMEM. */
enum err retention_look(const char *archive_dir, const atomic_bool *stop,
                        struct retention_seen *out, struct err_text *why) LIU_MUST_USE;

#endif
