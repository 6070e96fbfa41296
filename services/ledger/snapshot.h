/* Snapshots: files that hold every record as the journal left it at one entry.
 *
 * A snapshot is made from the one before and the segments since, never from Redis: it is right
 * because the segments are, and any of them can be made again. A rebuild starts from the newest
 * good one instead of entry 1. It holds what the journal holds: cursors and lanes are not in it.
 * Written under a temporary name, synced, then renamed. Blocking calls: not for a loop's thread.
 *
 * An archive that begins late is an epoch's folder whose first segment begins with an entry N > 1
 * (segment_first). It is whole when at least one good snapshot of an entry S >= N - 1 is there:
 * that snapshot and the entries behind S are the state, the entries from N on the history. The
 * segments of before N were removed, which the mark of the folder says (mark.h), or the first one
 * names none before it (zeros): then a restore has made the archive, of one that began late
 * (docs/decisions/0026). A snapshot of an entry before N - 1 is good for nothing: what came between
 * it and N is missing, and told. Of entries before N nobody can tell the reply, the timers, the
 * place of a consumer: no snapshot holds them.
 *
 * Format 1, numbers big-endian:
 *
 *   header, 256 bytes
 *     0   8  magic "LIUSNP1\n"
 *     8   4  format version, 1
 *    12   4  zero
 *    16  32  epoch of the partition, hexadecimal
 *    48   8  sequence: the state is as this entry left it, and a segment ends with it
 *    56  40  link of that entry
 *    96  32  SHA-256 at the end of that segment
 *   128   8  sequence of the snapshot before; 0 = none
 *   136  32  its digest
 *   168   8  records
 *   176   8  bytes of all records
 *   184  32  SHA-256 of these bytes
 *   216   8  zeros
 *   224  32  SHA-256 of the 224 bytes before: the digest of the snapshot
 *   then each record: kind 4, length of the id 4, revision 8, length of the value 4, id, value;
 *   ascending by kind, then id
 *
 * Name: <sequence, 20 digits>.snap, in <archive_dir>/<epoch>/snapshots/.
 */
#ifndef LIU_LEDGER_SNAPSHOT_H
#define LIU_LEDGER_SNAPSHOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/ledger/folder.h"
#include "services/ledger/segment.h"
#include "store/link.h"

#define SNAPSHOT_ID_MAX 512u
#define SNAPSHOT_DELTA_BYTES (64u << 20) /* of changed records held in memory at once, about */

struct snapshot_head {
    char epoch[SEGMENT_EPOCH_DIGITS + 1];
    uint64_t seq;
    char link[LINK_DIGITS + 1];
    uint8_t segment[SHA256_BYTES];
    uint64_t previous_seq;
    uint8_t previous[SHA256_BYTES];
    uint64_t records;
    uint64_t body_bytes;
    uint8_t body[SHA256_BYTES];
    uint8_t digest[SHA256_BYTES];
};

/* What it points to is borrowed. */
struct snapshot_record {
    uint32_t kind;
    const char *id; /* not NUL-terminated */
    size_t id_bytes;
    uint64_t revision;
    const uint8_t *value;
    size_t bytes;
};

/* Does the journal carry this kind of record whole? (Places in a stream are kept elsewhere.) */
bool snapshot_holds(uint32_t kind);

/* Order of records in a snapshot. */
int snapshot_compare(const struct snapshot_record *x, const struct snapshot_record *y);

void snapshot_name(uint64_t seq, char out[FOLDER_NAME_BYTES]);

/* ---- one file */

struct snapshot_writer;

/* Begins `dir`/<seq>.snap with what `h` says but its counts and digests. ERR_IO, ERR_NOMEM. */
enum err snapshot_create(const char *dir, const struct snapshot_head *h,
                         struct snapshot_writer **out, struct err_text *why) LIU_MUST_USE;
/* ERR_INVAL when not behind the last one, ERR_LIMIT when too long, ERR_IO. */
enum err snapshot_put(struct snapshot_writer *w, const struct snapshot_record *r) LIU_MUST_USE;
/* Durable when it returns ERR_OK; *out (may be NULL) is the whole header. Frees the writer in every
 * case. */
enum err snapshot_finish(struct snapshot_writer *w, struct snapshot_head *out,
                         struct err_text *why) LIU_MUST_USE;
void snapshot_abandon(struct snapshot_writer *w); /* NULL-safe */

struct snapshot;

/* Reads the whole file once and checks it: header, digests, length, and that its name is its own.
 * ERR_DATA_LOSS with the reason; ERR_IO, ERR_NOMEM. */
enum err snapshot_open(const char *dir, const char *name, struct snapshot **out,
                       struct err_text *why) LIU_MUST_USE;
/* The header only, sound: what its records are is not looked at. As snapshot_open. */
enum err snapshot_peek(const char *dir, const char *name, struct snapshot_head *out,
                       struct err_text *why) LIU_MUST_USE;
void snapshot_close(struct snapshot *s); /* NULL-safe */
const struct snapshot_head *snapshot_head_of(const struct snapshot *s);
/* The next record, borrowed until the next call; *end instead at the end. ERR_IO when the file can
 * no longer be read. */
enum err snapshot_next(struct snapshot *s, struct snapshot_record *out, bool *end) LIU_MUST_USE;

/* ---- a folder */

struct snapshot_report {
    size_t files;
    size_t faults;
    uint64_t newest; /* sequence of the newest good one; 0 = none */
};

/* Checks every snapshot of an epoch (`dir` = <archive_dir>/<epoch>): each file, the chain between
 * them, and that each belongs to the segment it names. Every fault is one line in `text` (may be
 * NULL): damaged, missing, replaced, in the wrong place. ERR_OK whatever is found; ERR_IO when the
 * folder cannot be read, ERR_NOMEM. */
enum err snapshot_survey(const char *dir, const char *epoch, struct snapshot_report *out,
                         struct buf *text, struct err_text *why) LIU_MUST_USE;

/* The newest good one, open; NULL when there is none. Those that are not good are told as above. */
enum err snapshot_newest(const char *dir, const char *epoch, struct snapshot **out,
                         struct buf *text, struct err_text *why) LIU_MUST_USE;

/* Makes one from the newest good one and the segments behind it, up to the last segment, or less
 * when more than SNAPSHOT_DELTA_BYTES have changed: call it again. Then removes the oldest beyond
 * `keep`. *made.seq is 0 when there is nothing new. ERR_AGAIN: *stop was set. ERR_DATA_LOSS: the
 * segments are not sound. */
enum err snapshot_make(const char *dir, const char *epoch, size_t keep, const atomic_bool *stop,
                       struct snapshot_head *made, struct buf *text,
                       struct err_text *why) LIU_MUST_USE;

#endif
