/* What was removed from a folder of segments because its period was over (core/retention.h), so
 * that a file that is missing for another reason is still found.
 *
 * Two files in the folder, of the same form:
 *   retention.plan  what is to go next; nothing has gone yet. Told is the last entry that was
 *                   archived when it was made: what tells of it can only come behind
 *   retention.mark  what has gone: a walk takes it for the link before the first segment, and files
 *                   up to its last position are no part of the chain any more
 * Order of a removal: plan; then the event SegmentsExpired in the journal; then mark, with the
 * number of that entry; then the plan goes; then the files. After a crash at any point it goes on
 * from what is there.
 *
 * Form: lines of text, each a name and its values, always all and in the order of mark.c; the last
 * one is the SHA-256 of those before. Blocking calls.
 */
#ifndef LIU_LEDGER_MARK_H
#define LIU_LEDGER_MARK_H

#include "services/ledger/folder.h"
#include "services/ledger/segment.h"

#define MARK_FILE "retention.mark"
#define MARK_PLAN "retention.plan"
#define MARK_BYTES 1024

/* The file `name` of a folder of segments. *found false: there is none. ERR_DATA_LOSS: it is not as
 * it was written; ERR_IO. */
enum err mark_read(const char *dir, const char *name, struct mark *out, bool *found,
                   struct err_text *why) LIU_MUST_USE;
/* Durable when it returns ERR_OK, and whole or not there at all before. ERR_IO. */
enum err mark_write(const char *dir, const char *name, const struct mark *m,
                    struct err_text *why) LIU_MUST_USE;
/* Removes the plan. No error when there is none. ERR_IO. */
enum err mark_drop_plan(const char *dir, struct err_text *why) LIU_MUST_USE;

/* First and last position in the name of a segment; false when it is none of this kind. */
bool segment_name_range(enum segment_kind kind, const char *name, struct segment_pos *first,
                        struct segment_pos *last);

/* Removes the files up to the mark; *n counts them. ERR_IO, ERR_NOMEM. */
enum err mark_sweep(const char *dir, const struct mark *m, size_t *n,
                    struct err_text *why) LIU_MUST_USE;

#endif
