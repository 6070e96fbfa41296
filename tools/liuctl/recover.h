/* What `store recover` knows of a halted store: where its journal and the archive part, and the
 * state that belongs to the journal made of both.
 *
 *   archive   1 ........ right ........ archived
 *   Redis       first .. right ... head
 *
 * Up to `right` both tell the same, or Redis goes on behind the archive as its links say. Entries
 * of the archive behind it were lost by Redis and come back. Entries of Redis behind it were given
 * numbers that the archive has for others, or do not follow: they are set aside, and told.
 */
#ifndef LIU_LIUCTL_RECOVER_H
#define LIU_LIUCTL_RECOVER_H

#include <uthash.h>

#include "base/buf.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "liuctl/store_session.h"

#define RECOVER_HEAD_BYTES 192

struct recover_found {
    char head_text[RECOVER_HEAD_BYTES]; /* of Redis, as it is */
    bool halted;
    uint64_t first; /* of Redis' journal; 0 = it is empty */
    uint64_t head;
    uint64_t now; /* the head when the archive had been read: services may be at work */
    uint64_t right;
    uint64_t begins; /* first entry of the archive, which may begin late */
    uint64_t archived;
    uint64_t noted; /* the ledger had read so far; 0 = not known */
};

/* The last entry that is somewhere. */
uint64_t recover_upto(const struct recover_found *f);

/* recover_compare.c. Reads both. CLI_OK, or an exit status with a message printed: a damaged
 * archive is none to recover from. */
int recover_compare(struct session *s, struct recover_found *out);

/* recover_state.c. What no record of the journal carries, at the journal's new end: as Redis has
 * it, changed by the entries that come back, and without what those that are set aside did. */
/* A cursor, a lane, a timer, or the record of a timer, under its key "kind<TAB>id". */
struct recover_item {
    char *key;
    uint8_t *value; /* lane: packed FeedLane */
    size_t bytes;
    int64_t number; /* timer: due, < 0 = ended; cursor: entry */
    bool aside;     /* an entry that is set aside changed it */
    bool again;     /* timer: the journal has said what it is; record: that there is one */
    UT_hash_handle hh;
};
struct recover_state {
    struct session *session;
    const struct recover_found *found;
    const char *epoch;
    int64_t right_ms; /* time of the entry `right` */
    struct recover_item *items;
    struct buf receipts; /* lines */
};
void recover_state_init(struct recover_state *r, struct session *s, const struct recover_found *f);
void recover_state_fini(struct recover_state *r);
/* An entry that is set aside; before anything else. */
enum err recover_state_aside(struct recover_state *r,
                             const Ismap__Liu__V1__JournalEntry *e) LIU_MUST_USE;
/* The callbacks of struct backup_recover; `arg` is the state. */
void recover_state_record(void *arg, enum record_kind kind, const char *id, const uint8_t *value,
                          size_t bytes);
void recover_state_timer(void *arg, const char *owner, const char *member, int64_t due_ms);
void recover_state_kept(void *arg, const char *id, size_t id_bytes);
enum err recover_state_entry(void *arg, uint64_t seq, const Ismap__Liu__V1__JournalEntry *e);
enum err recover_state_lines(void *arg, struct buf *out);

/* A lane; made when it is not there and `make`. NULL = none, or no memory (told at the end). */
struct recover_item *recover_state_lane(struct recover_state *r, const char *id, bool make);
void recover_state_set(struct recover_state *r, struct recover_item *i, const uint8_t *value,
                       size_t bytes);

/* recover_noise.c. Lanes go on over the noise that archive and Redis have behind the journal's end.
 * CLI_OK, or an exit status with a message printed. */
int recover_noise(struct recover_state *r);

/* recover_dump.c. All of the partition but noise into a file, one line a thing, durable; `aside` is
 * called for each entry of Redis behind `right`. CLI_OK, or an exit status with a message
 * printed. */
typedef enum err recover_aside_fn(void *arg, uint64_t seq, const Ismap__Liu__V1__JournalEntry *e);
int recover_dump(struct session *s, const struct recover_found *f, const char *path,
                 recover_aside_fn *aside, void *arg);

#endif
