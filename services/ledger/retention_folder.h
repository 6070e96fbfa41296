/* What may go next from the folders of an archive (core/retention.h, mark.h). Blocking calls. */
#ifndef LIU_LEDGER_RETENTION_FOLDER_H
#define LIU_LEDGER_RETENTION_FOLDER_H

#include "services/ledger/mark.h"

/* One folder of segments whose class has periods: noise of a feed. Borrowed for the call. */
struct retention_folder {
    const char *dir;
    const char *epoch;
    const char *stream;
};

/* Called for each of them, of all epochs. Another value than ERR_OK ends it and is returned. */
typedef enum err retention_fn(void *arg, const struct retention_folder *f);
enum err retention_each(const char *archive_dir, retention_fn *fn, void *arg,
                        struct err_text *why) LIU_MUST_USE;

/* The plan of the next removal: the oldest segments whose period of `days` is over at now_ms, at
 * most `most`, never the newest. Each of them and the one behind them is read and must be sound and
 * in its place: what is damaged or missing is told, not removed. A segment of noise ended at its
 * last position, which Redis gave it by its clock. *due false: nothing is to go. ERR_DATA_LOSS with
 * the first fault, ERR_IO, ERR_NOMEM. */
enum err retention_plan(const struct retention_folder *f, int64_t days, int64_t now_ms, size_t most,
                        struct mark *out, bool *due, struct err_text *why) LIU_MUST_USE;

#endif
