/* Closed segments: files that hold a run of a stream (the journal, or a feed's noise) for ever.
 *
 * A segment is written once, under a temporary name, synced, then renamed: a file that has its name
 * is whole. Each names the digest of the segment before it, so that a missing, damaged, replaced or
 * swapped one is found and named. Used by the ledger and by tools that verify or rebuild. Blocking
 * calls: not for a loop's thread.
 *
 * Format 1, numbers big-endian:
 *
 *   header, 256 bytes
 *     0   8  magic "LIUSEG1\n"
 *     8   4  format version, 1
 *    12   4  kind: 1 journal, 2 noise
 *    16  32  epoch of the partition, hexadecimal
 *    48  80  name of the stream ("journal", or the feed's id), filled up with zeros
 *   128  16  first position: sequence, sub-sequence (0 in the journal)
 *   144  16  last position
 *   160   4  number of entries
 *   164   4  zero
 *   168   8  bytes of all entries
 *   176  32  SHA-256 at the end of the segment before; zeros in the first
 *   208  48  zeros
 *   then each entry: sequence 8, sub-sequence 8, length 4, length of the link 4, bytes, link
 *   then 32 bytes: SHA-256 of everything before
 *
 * Name: <first>-<last>.seg, each 20 digits; for noise <sequence>.<sub>, 20 and 10 digits. Positions
 * rise; in the journal there is no gap, within a segment or between them. One folder holds one
 * stream of one epoch.
 */
#ifndef LIU_LEDGER_SEGMENT_H
#define LIU_LEDGER_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "crypto/crypto.h"

#define SEGMENT_HEADER_BYTES 256
#define SEGMENT_ENTRY_BYTES 24                /* before the bytes of an entry */
#define SEGMENT_BYTES_MAX (64u * 1024 * 1024) /* of a whole file */
#define SEGMENT_DATA_MAX (4u * 1024 * 1024)   /* of one entry */
#define SEGMENT_LINK_MAX 256u
#define SEGMENT_EPOCH_DIGITS 32
#define SEGMENT_STREAM_BYTES 80 /* with its NUL */
#define SEGMENT_NAME_BYTES 80

enum segment_kind { SEGMENT_JOURNAL = 1, SEGMENT_NOISE = 2 };

struct segment_pos {
    uint64_t seq;
    uint64_t sub;
};

struct segment_head {
    enum segment_kind kind;
    char epoch[SEGMENT_EPOCH_DIGITS + 1];
    char stream[SEGMENT_STREAM_BYTES];
    struct segment_pos first;
    struct segment_pos last;
    uint32_t count;
    uint64_t body_bytes;
    uint8_t previous[SHA256_BYTES];
    uint8_t digest[SHA256_BYTES]; /* the trailer */
    /* of the last entry; not in the header's bytes */
    uint8_t link[SEGMENT_LINK_MAX];
    size_t link_bytes;
};

/* `data` and `link` are borrowed. */
struct segment_entry {
    struct segment_pos pos;
    const uint8_t *data;
    size_t bytes;
    const uint8_t *link;
    size_t link_bytes;
};

int segment_pos_compare(struct segment_pos x, struct segment_pos y);

/* ---- writing */

/* Entries are collected in memory; an embedded value. */
struct segment_builder {
    struct segment_head head;
    struct buf buf; /* header (filled in at the end) and entries */
};

/* Starts anew and keeps the memory. `previous` NULL = the first segment. ERR_INVAL when epoch or
 * stream is not of the form above. */
enum err segment_begin(struct segment_builder *b, enum segment_kind kind, const char *epoch,
                       const char *stream, const uint8_t previous[SHA256_BYTES]) LIU_MUST_USE;
void segment_builder_fini(struct segment_builder *b); /* NULL-safe */

/* ERR_INVAL: not behind the last position (journal: not exactly the next). ERR_LIMIT: the entry is
 * too long, or the segment is full; it is unchanged then. ERR_NOMEM. */
enum err segment_add(struct segment_builder *b, const struct segment_entry *e) LIU_MUST_USE;

/* Writes the segment into `dir`, which is made (with what is above it) when it does not exist;
 * durable when it returns ERR_OK, with head.digest filled. Writing the same segment again is no
 * error. ERR_INVAL without entries; ERR_EXISTS when another segment has that name; ERR_IO. The
 * builder is kept in every case, so that it can be tried again. */
enum err segment_write(struct segment_builder *b, const char *dir,
                       struct err_text *why) LIU_MUST_USE;

/* File name of a segment. */
void segment_name(const struct segment_head *h, char out[SEGMENT_NAME_BYTES]);

/* ---- reading */

struct segment;

/* Reads and checks a whole file: lengths, digest, order. ERR_DATA_LOSS with the reason when it is
 * not sound; ERR_IO, ERR_NOMEM. */
enum err segment_open(const char *path, struct segment **out, struct err_text *why) LIU_MUST_USE;
void segment_close(struct segment *s); /* NULL-safe */
const struct segment_head *segment_head_of(const struct segment *s);

/* The first entry of a file, as it is: nothing but the header's form is checked. Borrowed of
 * `room`, which is filled anew. ERR_DATA_LOSS, ERR_IO, ERR_NOMEM. */
enum err segment_peek(const char *path, struct buf *room, struct segment_entry *out,
                      struct err_text *why) LIU_MUST_USE;

/* The next entry, borrowed until segment_close; false at the end. */
bool segment_next(struct segment *s, struct segment_entry *out);
void segment_rewind(struct segment *s); /* to the first entry */

/* ---- a folder */

/* Head of the last segment of a folder, read and checked; *found false when there is none.
 * Leftovers of an interrupted write are removed. ERR_DATA_LOSS, ERR_IO, ERR_NOMEM. */
enum err segment_last(const char *dir, struct segment_head *out, bool *found,
                      struct err_text *why) LIU_MUST_USE;

/* First entry of a folder of the journal, by the names of its segments, behind what was removed; 0
 * when there is none. More than 1: the archive begins late, snapshot.h. ERR_DATA_LOSS: the mark is
 * damaged; ERR_IO, ERR_NOMEM. */
enum err segment_first(const char *dir, uint64_t *first, struct err_text *why) LIU_MUST_USE;

/* The digest at the end of the journal's segment that ends with `last`, of the names listed; false
 * when there is no such file, or it cannot be read. */
struct folder_names;
bool segment_digest(const char *dir, const struct folder_names *names, uint64_t last,
                    uint8_t out[SHA256_BYTES]);

/* What was removed from a folder because its period was over; see mark.h. */
struct mark {
    enum segment_kind kind;
    char epoch[SEGMENT_EPOCH_DIGITS + 1];
    char stream[SEGMENT_STREAM_BYTES];
    struct segment_pos first; /* of this removal */
    struct segment_pos last;
    uint8_t digest[SHA256_BYTES]; /* at the end of the last segment */
    uint64_t segments;            /* of this removal */
    uint64_t entries;
    uint64_t all_segments; /* and of all before */
    uint64_t all_entries;
    uint64_t days;                             /* the period then */
    char told_epoch[SEGMENT_EPOCH_DIGITS + 1]; /* of the journal that tells of it */
    uint64_t told_seq;                         /* the entry; in a plan: it comes behind this one */
};

struct segment_report {
    size_t segments;  /* files looked at */
    uint64_t entries; /* of sound ones */
    size_t faults;
    bool found;               /* `last` is filled */
    struct segment_head last; /* of the last sound one, or the last that was removed */
    bool removed;             /* `mark` is filled: the chain begins behind it */
    struct mark mark;
    size_t leftover; /* files that were removed, and are still there: the ledger's next start */
};

/* Called for every entry in order, up to the first fault. Another value than ERR_OK ends the walk
 * and is returned. */
typedef enum err segment_entry_fn(void *arg, const struct segment_entry *e);

/* Reads all segments of a folder and checks each and the chain. Every fault is one line in `text`
 * (may be NULL): which file, and whether it is damaged, missing or in the wrong place. What the
 * folder's mark (mark.h) tells of is not missing. That segments are missing at the end is not seen
 * here: compare `last` with the ledger's cursor. `fn` may be NULL; the ledger may go on meanwhile.
 * What it removes in time is passed over; ERR_AGAIN when `fn` would miss it in the middle: why says
 * to run it again. ERR_DATA_LOSS when there are faults; ERR_IO when the folder cannot be read,
 * ERR_NOMEM. */
enum err segment_walk(const char *dir, segment_entry_fn *fn, void *arg, struct segment_report *out,
                      struct buf *text, struct err_text *why) LIU_MUST_USE;

/* A walk over a part of a folder of the journal. */
struct segment_range {
    uint64_t after; /* segments that end here or before are passed over; 0 = from the first */
    const uint8_t *digest;   /* of the segment that ends at `after` */
    const char *epoch;       /* of the journal; NULL = as the first segment says */
    segment_entry_fn *entry; /* may be NULL */
    bool gaps;               /* `entry` may miss what is removed while the walk is under way */
    /* After each segment, when it and all before are sound: false ends the walk. May be NULL. */
    bool (*closed)(void *arg, const struct segment_head *h);
    void *arg;
};
enum err segment_walk_range(const char *dir, const struct segment_range *r,
                            struct segment_report *out, struct buf *text,
                            struct err_text *why) LIU_MUST_USE;

#endif
