/* Between client.c (what every service asks of the store), client_cold.c (about what has left it)
 * and client_ledger.c (what the ledger does). */
#ifndef LIU_TESTS_REPLAY_CLIENT_PRIVATE_H
#define LIU_TESTS_REPLAY_CLIENT_PRIVATE_H

#include "replay/commit_copy.h"
#include "replay/sim.h"
#include "store/cold.h"
#include "store/measure.h"
#include "store/rewrite.h"

enum { CONN_URGENT, CONN_MAIN, CONN_READS, CONN_TAIL, CONNS };
enum op_kind { OP_READ, OP_SCAN, OP_HEAD, OP_ENTRIES, OP_AUDIENCE, OP_DUE, OP_COMMIT, OP_CALL };

struct conn {
    bool ready;
    int64_t runs_us;    /* when the last command runs at the server */
    int64_t answers_us; /* when its answer is there */
};

struct store {
    struct node *node;
    struct conn conns[CONNS];
    bool ready;
    void (*on_ready)(void *arg, bool ready);
    void *on_ready_arg;
    store_tail_fn *tail;
    void *tail_arg;
    uint64_t tail_seq;
    bool tail_asked;
    struct op *ops; /* whose callers wait */
};

struct op {
    struct store *store; /* NULL: nobody waits for it any more */
    struct op *prev, *next;
    enum op_kind kind;
    int conn;
    bool ran, lost; /* lost: never reaches the server */
    bool writes;    /* it may run although the connection was lost, */
    bool late;      /* and long after that */
    struct arena arena;
    void *arg;
    union {
        store_read_fn *read;
        store_scan_fn *scan;
        store_head_fn *head;
        store_entries_fn *entries;
        store_audience_fn *audience;
        store_due_fn *due;
        commit_fn *commit;
        store_noise_fn *noise;
        store_trim_fn *trim; /* and halt, confirm */
        store_measure_fn *measure;
        store_append_file_fn *append_file;
        store_seek_fn *seek;
        store_moved_fn *moved;
        store_asked_fn *asked;
    } fn;
    void (*run)(struct op *o);  /* OP_CALL: at the server, */
    void (*tell)(struct op *o); /* and back */
    /* the question */
    enum record_kind records;
    const struct store_key *keys;
    size_t n;
    uint64_t from, to;
    uint32_t max;
    int64_t now_ms;
    const char *text, *text2;
    const uint8_t *hash;
    const struct store_trim *trim;
    const struct cold_move *moves;
    enum cold_want want;
    const struct commit *commit; /* borrowed until the caller has its answer, then a copy */
    /* the answer */
    enum err err;
    struct store_record *found;
    const char **ids;
    struct store_entry *entries;
    struct store_due *due;
    struct store_noise *noise;
    struct cold_asked *asked;
    char *letters;
    uint64_t bytes[N_FAMILIES];
    uint64_t seq;
    bool more;
    struct commit_result result;
    char reason[256];
};

/* NULL: the connection is away. */
struct op *op_new(struct store *s, int conn, enum op_kind kind, void *arg);
enum err op_send(struct op *o) LIU_MUST_USE;
/* As op_new, of what `run` does at the server and `tell` tells back. */
struct op *op_call(struct store *s, void (*run)(struct op *o), void (*tell)(struct op *o),
                   void *arg);
/* Answers with a number, or why it is refused: run and tell of such a call. */
void op_take_reason(struct op *o, const char *why);

#endif
