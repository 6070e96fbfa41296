/* The cold records: the last content of every record of the kinds that may leave Redis, as the
 * archived journal left it, found by kind and id. One LMDB database in <archive_dir>/<epoch>/cold/:
 * a transaction is durable when it ends, or has not happened.
 *
 * It is made of the journal's segments (or of a snapshot and the segments behind it) and can be
 * made of them again: nothing is here alone. A value carries a digest, so that what the disk
 * changed is never put back. Not thread-safe; blocking calls, not for a loop's thread. Tools open
 * it to read beside the ledger.
 *
 *   "records"  kind 4 bytes, id -> revision 8, sequence 8, digest 16, packed record; big-endian
 *   "receipts" the same, of RECORD_RECEIPT: revision = sequence; store/encode.h has the value
 *   "expiry"   when a receipt is dropped, ms 8, and its key -> its revision 8: a later use of
 *              the id stays
 *   "thawed"   the same key -> when it was put back, ms 8
 *   "meta"     "stored" -> 8: the journal is in here up to this entry; "frozen" -> 8: what it wrote
 * and nobody wrote again has left Redis up to this entry
 */
#ifndef LIU_LEDGER_COLD_FILE_H
#define LIU_LEDGER_COLD_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define COLD_ID_MAX 400u /* a longer id stays in Redis: LMDB's keys end at 511 */

struct cold_file;

struct cold_record {
    uint32_t kind;
    const char *id; /* not NUL-terminated */
    size_t id_bytes;
    uint64_t revision;
    uint64_t seq; /* the entry that wrote it, or a later one (from a snapshot) */
    const uint8_t *value;
    size_t bytes;
    int64_t drop_ms; /* put only, receipts only: cold_drop takes it from then on */
};

struct cold_state {
    uint64_t stored;
    uint64_t frozen;
    uint64_t records;
    uint64_t receipts;
    uint64_t thawed;
    uint64_t file_bytes;
};

/* `reading`: the database must exist, and is not changed. ERR_NOT_FOUND, ERR_IO, ERR_DATA_LOSS. */
enum err cold_open(const char *dir, bool reading, struct cold_file **out,
                   struct err_text *why) LIU_MUST_USE;
void cold_close(struct cold_file *f); /* NULL-safe */
enum err cold_state(struct cold_file *f, struct cold_state *out, struct err_text *why) LIU_MUST_USE;

/* ---- one transaction: begin, any of these, then commit (durable) or abandon */

enum err cold_begin(struct cold_file *f, struct err_text *why) LIU_MUST_USE;
enum err cold_commit(struct cold_file *f, struct err_text *why) LIU_MUST_USE;
void cold_abandon(struct cold_file *f);

/* Keeps the record unless the same or a newer revision is there. */
enum err cold_put(struct cold_file *f, const struct cold_record *r,
                  struct err_text *why) LIU_MUST_USE;
/* Receipts whose time has come, at most `max`. */
enum err cold_drop(struct cold_file *f, int64_t now_ms, size_t max,
                   struct err_text *why) LIU_MUST_USE;
enum err cold_set_stored(struct cold_file *f, uint64_t seq, struct err_text *why) LIU_MUST_USE;
enum err cold_set_frozen(struct cold_file *f, uint64_t seq, struct err_text *why) LIU_MUST_USE;
enum err cold_set_thawed(struct cold_file *f, uint32_t kind, const char *id, size_t id_bytes,
                         int64_t at_ms, struct err_text *why) LIU_MUST_USE;
/* Unless it was put back at before_ms or later. */
enum err cold_clear_thawed(struct cold_file *f, uint32_t kind, const char *id, size_t id_bytes,
                           int64_t before_ms, struct err_text *why) LIU_MUST_USE;

/* ---- reading, by itself or within a transaction */

/* The value is appended to `data` and *out points at nothing: bytes are the last out->bytes of
 * data. ERR_NOT_FOUND; ERR_DATA_LOSS: it is not as it was written. `data` may be NULL. */
enum err cold_get(struct cold_file *f, uint32_t kind, const char *id, size_t id_bytes,
                  struct buf *data, struct cold_record *out, struct err_text *why) LIU_MUST_USE;

/* Called for each; what it gets is borrowed. False ends. */
typedef bool cold_each_fn(void *arg, const struct cold_record *r);

/* Those put back before `before_ms`, without value and revision. */
enum err cold_each_thawed(struct cold_file *f, int64_t before_ms, cold_each_fn *fn, void *arg,
                          struct err_text *why) LIU_MUST_USE;

/* Records of a kind with an id behind `after` ("" = from the first), in the order of their ids. */
enum err cold_each_record(struct cold_file *f, uint32_t kind, const char *after, cold_each_fn *fn,
                          void *arg, struct err_text *why) LIU_MUST_USE;

#endif
