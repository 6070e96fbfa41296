/* What may go next from the folders of an archive (core/retention.h, mark.h). Blocking calls. */
#ifndef LIU_LEDGER_RETENTION_FOLDER_H
#define LIU_LEDGER_RETENTION_FOLDER_H

#include <stdatomic.h>

#include "services/ledger/core/retention.h"
#include "services/ledger/mark.h"

/* One folder of segments: the journal of an epoch, or noise of a feed. Borrowed for the call. */
struct retention_folder {
    enum segment_kind kind;
    const char *root; /* <archive_dir>/<epoch> */
    const char *dir;
    const char *epoch;
    const char *stream;
};

enum retention_class retention_class_of(enum segment_kind kind);

/* Called for each of them, of all epochs, an epoch's journal before its feeds. Another value than
 * ERR_OK ends it and is returned. */
typedef enum err retention_fn(void *arg, const struct retention_folder *f);
enum err retention_each(const char *archive_dir, retention_fn *fn, void *arg,
                        struct err_text *why) LIU_MUST_USE;

/* What may go. */
struct retention_period {
    int64_t days;
    int64_t now_ms;
    size_t most;             /* segments in one plan */
    uint64_t upto;           /* of the journal: none behind this entry */
    const atomic_bool *stop; /* of the journal: looked at for each entry; may be NULL */
};

/* The plan of the next removal from a feed's folder: the oldest segments whose period is over, at
 * most `most`, never the newest. Each of them and the one behind them is read and must be sound and
 * in its place: what is damaged or missing is told, not removed. A segment of noise ended at its
 * last position, which Redis gave it by its clock. *due false: nothing is to go. ERR_DATA_LOSS with
 * the first fault, ERR_IO, ERR_NOMEM. For any folder: retention_plan.h. */
enum err retention_plan_noise(const struct retention_folder *f, const struct retention_period *p,
                              struct mark *out, bool *due, struct err_text *why) LIU_MUST_USE;

/* The same with a choice of the caller's: `goes` is asked of each segment in order when its entries
 * were handed out, and the first that does not go is the one that stays. The newest is never asked
 * of: it stays. */
struct retention_choice {
    int64_t days;
    segment_entry_fn *entry; /* may be NULL */
    bool (*goes)(void *arg, const struct segment_head *h);
    void *arg;
};
enum err retention_plan_by(const struct retention_folder *f, const struct retention_choice *c,
                           struct mark *out, bool *due, struct err_text *why) LIU_MUST_USE;

#endif
