/* Redis for a service: checked connections, reads, commits in batches, the journal's tail.
 *
 * hiredis serves as codec only (formatter and reader); sockets are our own and live on the loop, so
 * nothing here blocks. Callbacks run on the loop, never from inside the call that asked.
 *
 * At every connect and every 10 s each connection is checked: primary, version >= 7, append-only
 * with fsync always, last write ok, noeviction, no snapshots, aof-load-truncated no, the Function
 * library's hash, the epoch. A store that fails is not used; store_why says why. A lost connection
 * is tried again with back-off and jitter; what was in flight ends as COMMIT_UNKNOWN or
 * ERR_UNAVAILABLE.
 */
#ifndef LIU_STORE_STORE_H
#define LIU_STORE_STORE_H

#include "base/buf.h"
#include "crypto/tls.h"
#include "loop/loop.h"
#include "store/commit.h"

struct store;

struct store_config {
    const char *address; /* unix:/path, tcp:, tls:host:port, sentinel:, sentinel-tls:NAME@... */
    const char *user;    /* ACL user; NULL or "" = none */
    const char *password_file; /* NULL or "" = none */
    const char *partition;     /* "p0" */
    int64_t timeout_ms;        /* of a command; default 2000 when 0 */
    uint32_t replicas;         /* that must have a commit before it counts (WAIT); 0 = none */
    /* with tls: and sentinel-tls: only. The files are read at every connect, so new ones need no
     * restart. */
    struct tls_files tls;
    const char *tls_name; /* that the server's certificate must have; NULL or "" = the host */
    /* A start of Redis of which this process knows nothing yet is used only when the ledger has
     * confirmed it: how long that is waited for. 0 = it need not be (tools, the ledger itself). */
    int64_t unconfirmed_ms;
    bool halted_too; /* a halted store can be read as well, by what mends it */
};

enum store_lane { STORE_URGENT, STORE_MAIN }; /* each its own connection, for commits */

/* How short memory is, and with it what is refused: see store/budget.h. */
enum store_pressure {
    STORE_PRESSURE_NONE,
    STORE_PRESSURE_NOISE,   /* noise */
    STORE_PRESSURE_CASES,   /* new cases too */
    STORE_PRESSURE_RESERVE, /* all that changes something and is not urgent */
    STORE_PRESSURE_FULL,    /* that, and consumers stand still */
};

enum err store_create(struct loop *l, const struct store_config *c, struct store **out,
                      struct err_text *why) LIU_MUST_USE;
void store_destroy(struct store *s); /* NULL-safe */

/* All connections up and checked? `why` (may be NULL) gets the reason when not. */
bool store_ready(const struct store *s, const char **why);
const char *store_epoch(const struct store *s); /* "" before the first check */
#define STORE_RUN_BYTES 48
const char *store_run(const struct store *s); /* of Redis, another one at each start */
/* By the whole of the memory, as of half a second ago at the most. */
enum store_pressure store_pressure(const struct store *s);
void store_memory_used(const struct store *s, uint64_t *used_bytes, uint64_t *max_bytes);

/* Redis' own clock, as of half a second ago at the most while it is in reach; 0 = not known. */
int64_t store_server_ms(const struct store *s);

/* The files of TLS are new, perhaps: looks whether a new connection would be made with them, and
 * until when. Connections that are open stay. */
void store_tls_look(struct store *s);
/* When the first of our certificate, the CA's and the server's expires: seconds since 1970; 0 = not
 * TLS, or not known yet. */
int64_t store_tls_until_s(const struct store *s);
/* How long commands wait from now on. */
void store_set_timeout(struct store *s, int64_t timeout_ms);

/* Called at every change between ready and not ready. */
void store_on_ready(struct store *s, void (*fn)(void *arg, bool ready), void *arg);

/* ---- reads */

struct store_record {
    bool exists;
    uint64_t revision;
    const uint8_t *value; /* packed message; borrowed for the callback's duration */
    size_t bytes;
};
struct store_key {
    enum record_kind kind;
    const char *id;
};

/* Reads n records. ERR_OK, or ERR_UNAVAILABLE with records == NULL. Keys are copied. */
typedef void store_read_fn(void *arg, enum err e, const struct store_record *records, size_t n);
enum err store_read(struct store *s, const struct store_key *keys, size_t n, store_read_fn *fn,
                    void *arg) LIU_MUST_USE;

/* The same on the urgent commits' connection, where no other read is in front. */
enum err store_read_urgent(struct store *s, const struct store_key *keys, size_t n,
                           store_read_fn *fn, void *arg) LIU_MUST_USE;

/* Pages through all records of a kind in no order; page "" starts, the next page "" ends. A record
 * may come twice when the hash grows meanwhile. At most about `max` records a page. */
typedef void store_scan_fn(void *arg, enum err e, const char *next_page, const char *const *ids,
                           const struct store_record *records, size_t n);
enum err store_scan(struct store *s, enum record_kind kind, const char *page, uint32_t max,
                    store_scan_fn *fn, void *arg) LIU_MUST_USE;

/* The journal's head, read from Redis now. */
typedef void store_head_fn(void *arg, enum err e, uint64_t seq);
enum err store_head(struct store *s, store_head_fn *fn, void *arg) LIU_MUST_USE;

/* Entries of the journal with seq in [from, to], at most max. */
struct store_entry {
    uint64_t seq;
    const uint8_t *data;
    size_t bytes;
    const uint8_t *link;
    size_t link_bytes;
};
typedef void store_entries_fn(void *arg, enum err e, const struct store_entry *entries, size_t n);
enum err store_entries(struct store *s, uint64_t from, uint64_t to, uint32_t max,
                       store_entries_fn *fn, void *arg) LIU_MUST_USE;

/* Entries of a feed's stream of noise behind the position (ms, n), in order, at most max; 0, 0 =
 * from the start. ERR_DATA_LOSS when the stream is not of its form. */
struct store_noise {
    uint64_t ms;
    uint64_t n;
    const uint8_t *data;
    size_t bytes;
};
typedef void store_noise_fn(void *arg, enum err e, const struct store_noise *noise, size_t n);
enum err store_noise(struct store *s, const char *feed, uint64_t after_ms, uint64_t after_n,
                     uint32_t max, store_noise_fn *fn, void *arg) LIU_MUST_USE;

/* Sequence numbers of entries for this party or for "public", after `after`, not beyond `to`, in
 * order, at most max; then their entries. `first_seq` is the oldest still in the stream (1 = all);
 * where that is behind after + 1 there are no entries. ERR_NOT_FOUND: some of them left the stream
 * meanwhile. */
typedef void store_audience_fn(void *arg, enum err e, uint64_t first_seq,
                               const struct store_entry *entries, size_t n, bool more);
enum err store_audience(struct store *s, const char *party, uint64_t after, uint64_t to,
                        uint32_t max, store_audience_fn *fn, void *arg) LIU_MUST_USE;

/* Timers of an owner that are due at now_ms, oldest first. */
struct store_due {
    const char *member;
    int64_t due_ms;
};
typedef void store_due_fn(void *arg, enum err e, const struct store_due *due, size_t n);
enum err store_due(struct store *s, const char *owner, int64_t now_ms, uint32_t max,
                   store_due_fn *fn, void *arg) LIU_MUST_USE;

/* ---- commits */

/* Queues a commit; batches are sent at the end of the loop's turn, at most LIMIT_BATCHES_IN_FLIGHT
 * a lane, so the busier it is the bigger the batch. Commits of one lane are decided in order. */
enum err store_commit(struct store *s, enum store_lane lane, const struct commit *c, commit_fn *fn,
                      void *arg) LIU_MUST_USE;
size_t store_commits_pending(const struct store *s);

/* Looks up the receipt of (party, id), in Redis or in the ledger's table (cold.h): DUPLICATE with
 * the stored reply, MISMATCH, OK = there is none, or COLD = the ledger was asked: look again in a
 * moment (UNAVAILABLE when Redis is away). */
enum err store_receipt(struct store *s, const char *party, const char *id,
                       const uint8_t request_hash[32], commit_fn *fn, void *arg) LIU_MUST_USE;

/* ---- the tail */

/* Every journal entry after `from`, in order, as it becomes durable; fn is called on the loop with
 * runs of entries. A gap or another epoch stops the tail with ERR_DATA_LOSS. After a reconnect it
 * goes on where it was. One tail a store. */
typedef void store_tail_fn(void *arg, enum err e, const struct store_entry *entries, size_t n);
enum err store_tail(struct store *s, uint64_t from, store_tail_fn *fn, void *arg) LIU_MUST_USE;

/* ---- tools: liuctl, ledger, tests. They run the loop themselves until the answer is there. */

/* Loads (or replaces) the Function library. */
enum err store_load_library(struct store *s, struct err_text *why) LIU_MUST_USE;

/* Genesis: writes the first records and entry 1 into an empty partition, under a new epoch (32
 * lower-case hexadecimal digits, random). The library must be loaded. ERR_EXISTS when the partition
 * is not empty. */
enum err store_init(struct store *s, const char *epoch, const struct commit *first,
                    struct err_text *why) LIU_MUST_USE;

/* Removes entries up to `seq` from the journal and from the indexes of `parties` ("public" included
 * by itself); noise before `first_kept` (a stream id) of each feed. Refused unless seq <=
 * archived and every RECORD_CURSOR has passed it. A call takes little, because Redis does nothing
 * else meanwhile: without feeds `gone` is the last sequence removed, 128 entries on at the most;
 * with feeds it is how many of their entries went, whole nodes of a stream only: ask again until it
 * is 0. fn gets ERR_OK, ERR_UNAVAILABLE, or ERR_CONFLICT with a reason. */
struct store_trim {
    uint64_t seq;
    uint64_t archived;
    const char *const *parties;
    size_t n_parties;
    const char *const *feeds;
    const char *const *first_kept;
    size_t n_feeds;
};
typedef void store_trim_fn(void *arg, enum err e, uint64_t gone, const char *why);
enum err store_trim(struct store *s, const struct store_trim *t, store_trim_fn *fn,
                    void *arg) LIU_MUST_USE;

/* Ends all commits: the head is marked so that no service takes it. For a journal that has lost
 * entries; what follows is a restore (docs/runbook.md). fn gets the head's sequence. */
enum err store_halt(struct store *s, store_trim_fn *fn, void *arg) LIU_MUST_USE;

/* Tells the services that this start of Redis holds what the archive does: the entry `seq` with its
 * link (0 and "" = it holds nothing; "" = the link is not known). fn gets the head's sequence;
 * ERR_CONFLICT with "LIUREFUSED ...": the journal ends before, or the entry is another one. */
enum err store_confirm(struct store *s, uint64_t seq, const char *link, store_trim_fn *fn,
                       void *arg) LIU_MUST_USE;

/* Any command, answered as a tree. argv bytes are copied. Not for writes outside a Function. The
 * reply is hiredis' redisReply, borrowed for the callback; NULL with an error when the connection
 * failed. */
struct redisReply;
typedef void store_raw_fn(void *arg, enum err e, const struct redisReply *reply);
enum err store_raw(struct store *s, int argc, const char *const *argv, const size_t *argv_bytes,
                   store_raw_fn *fn, void *arg) LIU_MUST_USE;

/* SHA-256, hexadecimal, of the library this program was built with, and its text. */
const char *store_library_hash(void);
const char *store_library_text(void);

#endif
