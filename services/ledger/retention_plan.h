/* What may go next from any folder of an archive, a journal's, too (decision 0026). Blocking calls.
 *
 * A segment of the journal is as old as the newest time in its entries: they say when they were
 * made. It goes when its period is over, and besides only up to the oldest snapshot that is kept:
 * with the snapshots and what stays, every record can be made again (snapshot.h).
 */
#ifndef LIU_LEDGER_RETENTION_PLAN_H
#define LIU_LEDGER_RETENTION_PLAN_H

#include "ismap/liu/v1/health.pb-c.h"
#include "services/ledger/retention_folder.h"

/* As retention_plan_noise. Of a journal, when something is to go, all snapshots are read, and must
 * be good. ERR_AGAIN: *stop was set. */
enum err retention_plan(const struct retention_folder *f, const struct retention_period *p,
                        struct mark *out, bool *due, struct err_text *why) LIU_MUST_USE;

/* For `upto`, as somebody else's ledger tells: of the journal of its epoch nothing goes that Redis
 * still has. `h` NULL: it does not answer, and no such bound is known. */
uint64_t retention_upto(const struct retention_folder *f, const Ismap__Liu__V1__Health *h);

/* When the segment that ends at `last` ended. ERR_DATA_LOSS, ERR_IO, ERR_NOMEM; ERR_NOT_FOUND:
 * there is none. */
enum err retention_ended(const struct retention_folder *f, struct segment_pos last, int64_t *at_ms,
                         struct err_text *why) LIU_MUST_USE;

/* The newest time in the entries of this segment of a journal. ERR_DATA_LOSS, ERR_IO, ERR_NOMEM. */
enum err retention_segment_ended(const char *path, int64_t *at_ms,
                                 struct err_text *why) LIU_MUST_USE;

/* Looked at once more before the files go: is there a good snapshot that makes up for what ends at
 * `last`? `root` is <archive_dir>/<epoch>. ERR_DATA_LOSS: there is none; ERR_IO, ERR_NOMEM. */
enum err retention_covered(const char *root, const char *epoch, uint64_t last,
                           struct err_text *why) LIU_MUST_USE;

#endif
