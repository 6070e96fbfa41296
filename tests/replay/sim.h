/* Deterministic simulation: the real services, side by side in one process, over a store, a network
 * and clocks in memory. Everything that happens is an event on one virtual time line, and every
 * choice comes from one seed, so that the seed (or a scenario file) replays a run exactly.
 *
 * sim.c time line, clocks, log, lib/loop    client.c lib/store    net.c lib/bus and the HTTP port
 * client_cold.c what has left it    client_ledger.c what only the ledger asks of it
 * worker.c the ledger's threads    files.c its disk    lmdb.c its table
 * node.c start, stop and crash of a service    world.c what exists at the beginning
 * agent.c parties that send, repeat and follow events    check.c invariants
 * drive.c random stories    drive_run.c their frame    scenario.c told stories    main.c the
 * program
 *
 * One simulation at a time: the stand-ins are found by name, as the libraries they stand for.
 */
#ifndef LIU_TESTS_REPLAY_SIM_H
#define LIU_TESTS_REPLAY_SIM_H

#include <stdio.h>

#include "flow/internal.h"
#include "replay/memory.h"
#include "replay/memstore.h"
#include "replay/random.h"
#include "services/ledger/ledger.h"

#define SIM_WALL_MS 1795312800000LL /* virtual time 0: 2026-11-22 11:20 in Tokyo */
#define SIM_EPOCH "0123456789abcdef0123456789abcdef"
#define SIM_SCHEME "replay"
#define SIM_ARCHIVE "/sim/archive"
#define SIM_NODES 5
#define SIM_MS 1000 /* of the time line's microseconds */
#define SIM_DOORS 4

enum { NODE_INTAKE, NODE_ELIGIBILITY, NODE_AUDIT, NODE_MONITOR, NODE_LEDGER };

/* How often things go wrong, in 1000. */
struct faults_plan {
    unsigned frame_drop, frame_twice, frame_late;
    unsigned conn_lost;     /* a command */
    unsigned refused;       /* a commit, by Redis itself */
    unsigned conflict;      /* a commit, as if another had been first */
    unsigned read_fails;    /* a read */
    unsigned crash;         /* an event of a service */
    unsigned stop;          /* likewise, by SIGTERM */
    unsigned jump;          /* likewise, of its clock */
    unsigned crash_at_work; /* a job of the ledger's threads */
    unsigned disk;          /* a change of a file */
    unsigned alloc;         /* an event of a service: one of its allocations */
};

struct sim_event {
    int64_t at_us;
    uint64_t order;
    void (*fn)(void *arg);
    void *arg;
    int node;             /* -1: nobody's */
    uint64_t incarnation; /* the event is void when the node has another one */
    void (*drop)(void *arg);
};

struct node {
    const struct service *svc;
    struct flow *flow; /* NULL = down */
    struct loop *loop;
    struct bus *bus;
    uint64_t incarnation;
    int64_t clock_ms; /* how far its wall clock is off */
    bool crashing;    /* its memory is given back; nobody hears of it any more */
    bool restarts;    /* comes back by itself */
    unsigned starts;
};

struct sim {
    uint64_t seed;
    struct rng rng;
    int64_t now_us;
    int64_t skipped_ms; /* that all wall clocks went on without anything happening */
    uint64_t order;
    struct sim_event *heap;
    size_t n_heap, cap_heap;
    struct memstore store;
    struct node nodes[SIM_NODES];
    struct node *current; /* whose code runs */
    struct faults_plan faults;
    enum store_pressure pressure;
    struct ledger_settings ledger; /* of this run; the texts are node.c's */
    bool trace;
    uint64_t steps;
    uint64_t alloc_failed;
    uint64_t oom; /* commits that Redis had no memory for */
    /* records and receipts that left the store and that came back, commits that had to ask first,
     * questions to the ledger and answers with what was cold */
    uint64_t cold_left, cold_back, cold_receipts, cold_asked, cold_found;
    uint64_t cold_away;    /* requests that were told to come again, as the ledger was away */
    uint64_t reserve_used; /* of parties that were answered while others are refused for it */
    char failed[512];      /* "" = no invariant is broken */
};

extern struct sim sim;

/* ---- sim.c */
void sim_begin(uint64_t seed, bool trace);
void sim_end(void);
void sim_after(int64_t delay_us, void (*fn)(void *arg), void *arg);
/* The same; `drop` is called instead when the run ends before. */
void sim_after_drop(int64_t delay_us, void (*fn)(void *arg), void *arg, void (*drop)(void *arg));
/* An event of a service's: void, and its argument dropped, once that incarnation is gone. */
void sim_after_node(const struct node *n, int64_t delay_us, void (*fn)(void *arg), void *arg,
                    void (*drop)(void *arg));
bool sim_step(void); /* false = nothing is left, or an invariant is broken */
/* Until the virtual time; false when an invariant broke. */
bool sim_run_until(int64_t at_us);
int64_t sim_wall_ms(void); /* true time, as clients have it */
void sim_fail(const char *fmt, ...) LIU_PRINTF(1, 2);
void sim_trace(const char *fmt, ...) LIU_PRINTF(1, 2);
void *sim_need(void *p);
/* A delay from lo to hi ms, now and then much longer. */
int64_t sim_delay_us(int64_t lo_us, int64_t hi_us);

struct loop *loop_of(struct node *n);
/* Runs what a turn of the loop ends with; true = the service asked to end. */
bool loop_turn_ends(struct loop *l);

/* ---- node.c */
void nodes_begin(void);
void nodes_end(void);
void node_start(struct node *n);
void node_crash(struct node *n);
void node_dies(struct node *n);             /* crashes, with its machine perhaps, and comes back */
void node_stop(struct node *n);             /* SIGTERM */
void node_jump(struct node *n, int64_t ms); /* its wall clock */
void node_ended(struct node *n);            /* its loop was stopped */
struct node *node_named(const char *service);
void node_restart_after(struct node *n, int64_t delay_us);
bool nodes_ready(void);
/* Sum of the works under way. */
size_t nodes_works(void);

/* ---- client.c */
void client_lose(struct node *n); /* some or all connections, as an event of the service */
void client_commit_direct(const struct commit *c); /* genesis */
/* What it waits for, NULL = nothing. */
const char *client_busy(const struct node *n);
/* Has its receipt left, and is not over? */
bool cold_knows_receipt(const struct commit *c);

/* ---- net.c */
struct link; /* an agent's connection to a door */
/* What an agent is told: a frame came back; frames reached a service or left it (for the checks).
 */
struct link_events {
    void (*reply)(void *arg, const uint8_t *data, size_t bytes);
    void (*reached)(void *arg, const uint8_t *data, size_t bytes);
    void (*left)(void *arg, const uint8_t *data, size_t bytes);
};
struct link *link_open(const char *curve, int node, const char *door, const struct link_events *ev,
                       void *arg);
void link_send(struct link *l, const void *data, size_t bytes);
void link_lose(struct link *l); /* the connection: the next frame makes a new one */
void link_rekey(struct link *l, const char *curve);
void link_close(struct link *l);
void net_node_down(struct node *n);

#endif
