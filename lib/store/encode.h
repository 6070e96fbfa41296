/* Commits as one call of the server-side Function, and its answers back.
 *
 * An encoder gathers up to requests_max commits; each distinct key is named once. It knows
 * nothing of connections, so tests drive the Function with it directly. The format is described in
 * deploy/redis/liu.lua, which must change together with this.
 */
#ifndef LIU_STORE_ENCODE_H
#define LIU_STORE_ENCODE_H

#include "base/buf.h"
#include "base/bytes.h"
#include "store/commit.h"
#include "store/keys.h"

#define ENCODE_KEYS_MAX 8192
#define ENCODE_BYTES_MAX (16 * 1024 * 1024) /* of one call with a single large commit */

struct key_space {
    struct buf text; /* the keys as RESP strings, in order of their index */
    uint32_t n;
};

struct encoder {
    struct key_space streams; /* audience index */
    struct key_space others;
    struct buf args;  /* RESP strings after the fixed ones */
    struct buf names; /* keys as text, for the table */
    uint32_t n_args;
    uint32_t n_requests;
    uint32_t requests_max; /* LIMIT_BATCH_REQUESTS, so that others have their turn */
    char partition[PARTITION_BYTES_MAX + 1];
    struct key_slot *slots; /* open addressing by hash of the key */
    uint32_t round;         /* slots of earlier calls count as empty */
};

/* ERR_NOMEM. `partition` is at most PARTITION_BYTES_MAX long. */
enum err encoder_init(struct encoder *e, const char *partition) LIU_MUST_USE;
void encoder_fini(struct encoder *e); /* NULL-safe */

void encoder_clear(struct encoder *e);

/* Adds a commit. ERR_AGAIN: the call is full, send it first. ERR_LIMIT, ERR_INVAL, ERR_NOMEM: this
 * commit can never be sent (text says why); the call is as before, but for keys that nobody uses.
 */
enum err encoder_add(struct encoder *e, const struct commit *c, const char **why) LIU_MUST_USE;

struct encoder_call {
    const char *function; /* liu_commit, liu_init, liu_restore */
    const char *epoch;    /* a restore's first call: "epoch seq link" */
    int64_t receipt_window_ms;
    int64_t receipts_max; /* of a party within the window */
    bool all_records;     /* name every record key, used or not: genesis wants them empty */
    bool restoring;       /* the restore's own head stands for the head, which is named last */
};

/* Appends the call in RESP to `out` (whose own limit holds) and clears the encoder. */
enum err encoder_finish(struct encoder *e, const struct encoder_call *call,
                        struct buf *out) LIU_MUST_USE;

/* One string of the Function's answer. `at_ms` is the commit's time. The result borrows `p`, and
 * `text` (which takes copies of what must end in NUL). ERR_PROTO when it cannot be read. */
struct answer_text {
    char text[256];
};
enum err answer_decode(const uint8_t *p, size_t n, int64_t at_ms, struct answer_text *text,
                       struct commit_result *out) LIU_MUST_USE;

/* A stored receipt (a DUPLICATE without asking the Function). `hash` NULL = any. */
enum err receipt_decode(const uint8_t *p, size_t n, const uint8_t *hash, struct answer_text *text,
                        struct commit_result *out) LIU_MUST_USE;

/* RESP pieces, for all commands. */
void resp_array(struct buf *b, size_t n);
void resp_string(struct buf *b, const void *p, size_t n);
void resp_text(struct buf *b, const char *s);
void resp_number(struct buf *b, uint64_t v);

#endif
