/* What the files of lib/loop share. Nobody else includes this. */
#ifndef LIU_LOOP_LOOP_PRIVATE_H
#define LIU_LOOP_LOOP_PRIVATE_H

#include <stddef.h>

#include <zmq.h>

#include "loop/loop.h"
#include "obs/metrics.h"

#define LOOP_AFTER_MAX 16
#define LOOP_PRIORITY_MAX 7u
#define LOOP_NAME_BYTES 32

struct loop_source {
    struct loop *loop;
    struct loop_source *next_dead;
    void *zmq_socket; /* NULL for a descriptor */
    int fd;
    unsigned events;
    unsigned priority;
    char name[LOOP_NAME_BYTES]; /* a copy: the log line of a turn may outlive the owner's */
    loop_fn *fn;
    void *arg;
    bool removed;
};

struct loop_timer {
    struct loop *loop;
    int64_t due_ms;
    int64_t period_ms;
    uint64_t order; /* equal due times fire in the order they were armed */
    size_t at;      /* index in the heap; TIMER_OUT when not in it */
    loop_tick_fn *fn;
    void *arg;
    bool cancelled;
};

#define TIMER_OUT ((size_t)-1)

struct loop_timers {
    struct loop_timer **heap;
    size_t count;
    size_t cap;
    uint64_t next_order;
    struct loop_timer *firing;
};

struct loop_after {
    loop_tick_fn *fn;
    void *arg;
};

struct loop_signals {
    int fd; /* -1 = not handled by this loop */
    loop_tick_fn *stop;
    loop_tick_fn *reload;
    void *arg;
    struct loop_source *source;
};

/* The slowest callback of the running turn, for the log line of a slow one. */
struct loop_watch {
    int64_t start_us;
    int64_t last_us;
    int64_t worst_us;
    const char *worst;
    int64_t logged_us; /* when the last line was written */
    uint64_t unlogged;
    struct metric *turn;
    struct metric *slow;
};

struct loop {
    struct loop_source **sources; /* by priority, then in the order added */
    size_t source_count;
    size_t source_cap;
    struct loop_source *dead; /* removed in this turn; freed at its end */
    zmq_pollitem_t *items;    /* of this turn, with `polled` telling whose they are */
    struct loop_source **polled;
    struct loop_after after[LOOP_AFTER_MAX];
    size_t after_count;
    struct loop_timers timers;
    struct loop_signals signals;
    struct loop_watch watch;
    bool in_turn;
    bool again;
    bool stopped;
};

/* timers.c */
int64_t timers_wait_ms(const struct loop *l, int64_t now_ms); /* -1 = no timer */
void timers_fire(struct loop *l);
void timers_fini(struct loop *l);

/* signals.c */
void signals_fini(struct loop *l);

/* loop.c: notes how long the callback that just returned took. */
void watch_note(struct loop *l, const char *name);

#endif
