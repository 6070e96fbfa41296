/* What the sources of lib/store share. Nobody else includes this but the store's own tests. */
#ifndef LIU_STORE_STORE_PRIVATE_H
#define LIU_STORE_STORE_PRIVATE_H

#include "base/limits.h"
#include "store/certs.h"
#include "store/check.h"
#include "store/cold.h"
#include "store/conn.h"
#include "store/encode.h"
#include "store/store.h"

enum { CONN_URGENT, CONN_MAIN, CONN_READS, CONN_TAIL, CONN_BELL, N_CONNS };
#define N_LANES 2 /* the first connections, in the order of enum store_lane */

/* A commit waiting to be sent, or sent and waiting for its answer. */
struct queued {
    struct commit commit; /* what it points to is borrowed */
    commit_fn *fn;
    void *arg;
    int64_t queued_us;
};

struct batch {
    struct lane *lane;
    size_t n;
    struct queued items[LIMIT_BATCH_REQUESTS];
    redisReply *reply; /* kept until replicas have it */
    bool waits;        /* on_replicated will come */
};

struct lane {
    struct store *store;
    struct conn *conn;
    struct encoder encoder;
    struct queued *ring; /* LIMIT_REDIS_PENDING */
    size_t first;
    size_t n;
    size_t in_flight; /* batches */
    size_t sent;      /* commits in them */
    bool unsynced;    /* WAIT's own write failed */
    struct batch *spare[LIMIT_BATCHES_IN_FLIGHT];
    size_t n_spare;
};

struct tail {
    store_tail_fn *fn;
    void *arg;
    uint64_t seq;         /* last one handed out */
    uint64_t heard;       /* the highest that a bell told */
    uint64_t heard_asked; /* that, when the XREAD was sent */
    int64_t look_at_ms;   /* without a bell */
    bool asked;           /* an XREAD is outstanding */
    bool stopped;
    bool position_seen; /* compared with the head on this connection */
};

struct store {
    struct loop *loop;
    char address[300];
    char user[64];
    char password_file[512];
    char partition[PARTITION_BYTES_MAX + 1];
    char tls_ca[512];
    char tls_cert[512];
    char tls_key[512];
    char tls_name[ADDRESS_HOST_BYTES]; /* "" = the number that Sentinels told */
    struct certs certs;
    int64_t timeout_ms;
    uint32_t replicas;
    struct conn conns[N_CONNS];
    struct lane lanes[N_LANES];
    struct tail tail;
    uint64_t bell_seq;       /* the last of this process's commits */
    uint64_t rung_seq;       /* and the last it told of */
    struct loop_timer *bell; /* NULL = nothing to tell */
    struct loop_timer *clock;
    struct store **hook; /* what the loop's after-callback knows */
    char epoch[EPOCH_DIGITS + 1];
    char run[STORE_RUN_BYTES];    /* of Redis, as of the last check */
    int64_t unconfirmed_ms;       /* 0 = it does not matter */
    int64_t unconfirmed_until_ms; /* 0 = not waiting */
    bool halted_too;
    uint64_t head_seq; /* the highest that checks, the tail or answered commits have shown */
    enum store_pressure pressure;
    struct check_memory memory;
    int64_t memory_at_ms; /* asked again then */
    bool asked_memory;
    bool ready;
    void (*on_ready)(void *arg, bool ready);
    void *on_ready_arg;
    uint64_t jitter;
    int64_t receipt_window_ms; /* tests shorten them */
    int64_t receipts_max;
    struct metric *m_used, *m_max, *m_ready, *m_commits, *m_calls, *m_conflicts, *m_commit_us,
        *m_pending;
    struct metric *m_failed[COMMIT_COLD + 1]; /* by status; NULL = no failure */
};

/* for conn.c and check.c */
struct loop *store_loop(const struct store *s);
const char *store_address(const struct store *s);
const char *store_user(const struct store *s);
const char *store_password_file(const struct store *s);
const char *store_tls_name(const struct store *s); /* "" = as address_is_tls and Sentinels say */
enum err store_tls_context(const struct store *s, struct tls_context **out,
                           struct err_text *why) LIU_MUST_USE;
const char *store_partition(const struct store *s);
int64_t store_timeout_ms(const struct store *s);
uint32_t store_replicas(const struct store *s);
int64_t store_jitter(struct store *s, int64_t most_ms); /* 0 .. most_ms - 1 */
void store_memory(struct store *s, const struct check_memory *m);

/* The journal reaches at least to here. */
void store_reached(struct store *s, uint64_t seq);
/* May a start of Redis that the ledger has not confirmed be used? What this process has seen before
 * is enough: a journal that ends before it is refused anyway. */
bool store_may_begin(struct store *s, bool confirmed);
/* ERR_DATA_LOSS when the epoch is another than before, or the journal ends before `least`: what was
 * known to be there (head_seq) when the head was asked for. */
enum err store_head_seen(struct store *s, const struct head *head, uint64_t least,
                         struct err_text *why) LIU_MUST_USE;

/* commit.c */
enum err lane_init(struct lane *l, struct store *s, struct conn *c) LIU_MUST_USE;
void lane_fini(struct lane *l);
void lane_flush(struct lane *l);                 /* sends batches */
void lane_drop(struct lane *l, const char *why); /* ends what was not sent: UNAVAILABLE */

/* tail.c */
void tail_resume(struct store *s); /* asks again when it can */
void tail_lost(struct store *s);
void tail_heard(struct store *s, uint64_t seq); /* the journal reaches to there */
void tail_look(struct store *s);                /* it may have grown unheard */
/* One element of a journal range; borrows the reply. False when it is none. */
bool entry_decode(const redisReply *r, struct store_entry *out);

/* cold.c: the call of liu_freeze, whose head may be a restore's. ERR_INVAL: no such moves. */
enum err cold_freeze_call(struct buf *out, const char *partition, const struct key *head,
                          const char *epoch, uint64_t generation, uint64_t filter_bits,
                          const struct cold_move *moves, size_t n) LIU_MUST_USE;

/* bell.c */
bool store_is_bell(const struct conn *c);
void bell_listen(struct store *s);                    /* on a connection that is checked */
enum err bell_pause(struct store *s) LIU_MUST_USE;    /* so that it can be checked again */
void bell_ring(struct store *s);                      /* in a moment, if there are new commits */
bool bell_takes(struct conn *c, const redisReply *r); /* false: an answer, not a bell */

#endif
