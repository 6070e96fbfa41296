/* Records that have left Redis for the ledger's files (docs/decisions/0020).
 *
 * The journal's segments say what every record is. The ledger keeps the last content of the kinds
 * that may leave (record_freezes) where it can be found by id, and removes from Redis what was not
 * written for a while. A filter in Redis says of a record that is not there whether it may be cold;
 * only then the ledger is asked, by a line in a table of Redis that it looks at. What was asked for
 * is put back as it was, so the guards of a commit stay what they are.
 *
 * Each run of removals has its generation: the revision of the record RECORD_UPKEEP "cold". Whoever
 * relies on it that a record does not exist guards the generation under which he was told so:
 * within it nothing leaves that was written after its beginning.
 */
#ifndef LIU_STORE_COLD_H
#define LIU_STORE_COLD_H

#include "store/store.h"

#define COLD_GENERATION "cold"     /* id of the RECORD_UPKEEP */
#define COLD_ASK_MAX 128           /* records in one call of any kind */
#define COLD_ASKED_MAX 768         /* in the table of what was asked for, as in liu.lua */
#define COLD_ASKED_OTHERS 512      /* of them before anything but a receipt is BUSY */
#define COLD_CALL_BYTES (4u << 20) /* of the values of one call, at most */

/* A letter for each record. */
#define COLD_HERE 'h'   /* in Redis now: read it again */
#define COLD_ABSENT '-' /* does not exist */
#define COLD_ASKED '?'  /* the ledger was asked: seek again in a moment */
#define COLD_SHOWN 'v'  /* not here; its content is in the answer */
#define COLD_BUSY 'b'   /* too many are asked for */

/* ERR_OK with the generation and n letters, and in `shown` the records that are, by their place;
 * ERR_UNAVAILABLE.
 */
typedef void store_seek_fn(void *arg, enum err e, uint64_t generation, const char *letters,
                           const struct store_record *shown, size_t n);

/* What to do about records that are cold. */
enum cold_want {
    COLD_PUT_BACK, /* into Redis: they may be written */
    COLD_SHOW,     /* only what is in them: Redis stays as it is */
};

/* An id that begins so is a page: the ids behind the rest of it that are or were cold, of this
 * kind, in order, one a line. Only with COLD_SHOW; the text is the value of what is shown.
 * COLD_PAGE_END ends the rest; behind it stands who asks: an answer is his alone, and looked up
 * after he asked, so that nothing that had left by then is missing. */
#define COLD_PAGE '~'
#define COLD_PAGE_END '\n'
#define COLD_PAGE_IDS 48
#define COLD_PAGE_BYTES 128

/* Are records that were not found cold? Asks for those that may be. */
enum err store_seek(struct store *s, enum cold_want want, const struct store_key *keys, size_t n,
                    store_seek_fn *fn, void *arg) LIU_MUST_USE;

/* ---- for the ledger */

struct cold_move {
    enum record_kind kind;
    const char *id;
    uint64_t revision;
    const uint8_t *value; /* thaw only; NULL = the record is not cold */
    size_t bytes;
    bool show;   /* thaw only: it is shown, and not put back */
    bool forget; /* thaw only: the answer is old enough to be forgotten */
};

/* ERR_OK with how many left or came back; ERR_CONFLICT: another generation has begun, or the call
 * was refused
 * (`why`); ERR_UNAVAILABLE: it may have happened or not, and may be done again. */
typedef void store_moved_fn(void *arg, enum err e, int64_t n, const char *why);

/* Removes records that still have this revision. All must be durable elsewhere. */
enum err store_freeze(struct store *s, uint64_t generation, uint64_t filter_bits,
                      const struct cold_move *moves, size_t n, store_moved_fn *fn,
                      void *arg) LIU_MUST_USE;

/* Puts records back that are absent, and says of others that they are not cold. */
enum err store_thaw(struct store *s, uint64_t generation, int64_t now_ms,
                    const struct cold_move *moves, size_t n, store_moved_fn *fn,
                    void *arg) LIU_MUST_USE;

/* What was asked for, with when it was answered (0 = not yet); at most COLD_ASKED_MAX.
 * Borrowed. */
struct cold_asked {
    enum record_kind kind;
    const char *id;
    bool show;
    int64_t answered_ms;
};
typedef void store_asked_fn(void *arg, enum err e, const struct cold_asked *asked, size_t n);
enum err store_asked(struct store *s, store_asked_fn *fn, void *arg) LIU_MUST_USE;

#endif
