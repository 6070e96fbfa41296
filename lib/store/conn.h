/* One connection to Redis on the loop: connects, authenticates, has itself checked, sends commands
 * in order, hands out replies in order.
 *
 * A command ends exactly once: with its reply (ERR_OK), with ERR_UNAVAILABLE when the connection
 * ended before a byte of it was sent, or with ERR_TIMEOUT when it may have run. After a time-out
 * the connection is closed at once: a late answer must never be taken for another command's.
 * Callbacks run on the loop, never inside conn_send. All limits: LIMIT_REDIS_*.
 */
#ifndef LIU_STORE_CONN_H
#define LIU_STORE_CONN_H

#include <hiredis/hiredis.h>

#include "base/buf.h"
#include "loop/loop.h"
#include "store/resolve.h"

struct store;
struct conn;

/* `*reply` is freed afterwards unless the callback takes it by setting it to NULL. */
typedef void conn_reply_fn(void *arg, enum err e, redisReply **reply);

enum conn_state {
    CONN_AWAY,      /* until retry_at_ms */
    CONN_RESOLVING, /* on a thread of its own */
    CONN_CONNECTING,
    CONN_CHECKING, /* connected, first check under way */
    CONN_REFUSED,  /* connected, but a check failed: only tools and checks may use it */
    CONN_READY,
};

struct conn_pending {
    conn_reply_fn *fn;
    void *arg;
    int64_t deadline_ms;
    uint64_t end; /* position in the stream of bytes after the command */
    uint64_t begin;
};

struct conn {
    struct store *store;
    const char *name;
    unsigned priority;
    enum conn_state state;
    char why[256]; /* not ready because */
    int fd;
    struct tls *tls; /* NULL = plain */
    struct loop_source *source;
    struct resolve *resolve;
    redisReader *reader;
    size_t reply_bytes; /* fed since the last whole reply */
    struct buf out;
    uint64_t sent;   /* bytes of this connection handed to the kernel */
    uint64_t queued; /* bytes of this connection put into out */
    struct conn_pending *ring;
    size_t first;
    size_t n_pending;
    bool in_callback;
    bool lost;        /* ended inside a callback: cleaned up after it */
    int64_t since_ms; /* start of this attempt */
    int64_t retry_at_ms;
    int64_t back_off_ms;
    int64_t check_at_ms; /* next check; INT64_MAX while one is under way */
    void (*changed)(struct conn *c, bool ready);
};

enum err conn_init(struct conn *c, struct store *s, const char *name,
                   unsigned priority) LIU_MUST_USE;
void conn_fini(struct conn *c); /* pending commands end with an error first */

/* Where a command is written: append RESP to conn_out, then conn_send. ERR_UNAVAILABLE when not
 * connected, ERR_LIMIT when too many are pending or the buffer is full (nothing is sent then). */
struct buf *conn_out(struct conn *c);
enum err conn_send(struct conn *c, int64_t timeout_ms, conn_reply_fn *fn, void *arg) LIU_MUST_USE;

/* A whole command from texts, NULL-terminated. */
enum err conn_command(struct conn *c, int64_t timeout_ms, conn_reply_fn *fn, void *arg,
                      const char *first, ...) __attribute__((sentinel)) LIU_MUST_USE;

/* Writes what the kernel takes now. */
void conn_flush(struct conn *c);

/* Time passes: connects, times out, checks. Called by the store's clock. */
void conn_tick(struct conn *c, int64_t now_ms);

/* Ends the connection: a fault that `why` tells. */
void conn_lose(struct conn *c, const char *why);

/* Result of a check. NULL = good. `elsewhere`: not this Redis' settings are wrong, but perhaps the
 * choice of it; where Sentinels choose they are asked again. `waits`: for the ledger, which is no
 * fault. */
void conn_checked(struct conn *c, const char *why, bool elsewhere, bool waits);

static inline bool conn_connected(const struct conn *c)
{
    return c->state >= CONN_CHECKING && !c->lost;
}

#endif
