/* The time line, and what of the libraries below lib/flow is replaced by it: clock, loop, log. */
#include "replay/sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "replay/files.h"

#define AFTER_MAX 16
#define ALLOCATIONS 40 /* that one of the next ones fails */
#define LATE_IN_1000 30
#define LATE_TIMES 60

struct sim sim;

void *sim_need(void *p)
{
    if (p == NULL) {
        (void)fputs("replay: out of memory\n", stderr);
        abort();
    }
    return p;
}

/* ---- words */

void sim_fail(const char *fmt, ...)
{
    va_list ap;
    if (sim.failed[0] != '\0')
        return;
    va_start(ap, fmt);
    (void)vsnprintf(sim.failed, sizeof sim.failed, fmt, ap);
    va_end(ap);
    sim_trace("BROKEN %s", sim.failed);
}

void sim_trace(const char *fmt, ...)
{
    va_list ap;
    if (!sim.trace)
        return;
    (void)printf("%10.3f ms  %-11s ", (double)sim.now_us / 1000,
                 sim.current == NULL ? "" : sim.current->svc->name);
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
    (void)putchar('\n');
}

enum err log_start(const char *service, enum log_level least)
{
    (void)service, (void)least;
    return ERR_OK;
}

void log_stop(void)
{
}

void log_set_level(enum log_level least)
{
    (void)least;
}

uint64_t log_dropped(void)
{
    return 0;
}

void log_event(enum log_level level, const char *event, const char *message, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    char more[512] = "";
    size_t at = 0;
    va_list ap;
    if (!sim.trace)
        return;
    va_start(ap, message);
    for (const char *name; (name = va_arg(ap, const char *)) != NULL && at < sizeof more - 1;) {
        const char *value = va_arg(ap, const char *);
        int n = snprintf(more + at, sizeof more - at, " %s=%s", name, value == NULL ? "" : value);
        at += n < 0 ? 0 : (size_t)n;
    }
    va_end(ap);
    sim_trace("log %s %s: %s%s", names[level], event, message, more);
}

/* ---- clocks */

int64_t sim_wall_ms(void)
{
    return SIM_WALL_MS + sim.skipped_ms + sim.now_us / 1000;
}

int64_t clock_wall_ms(void)
{
    return sim_wall_ms() + (sim.current == NULL ? 0 : sim.current->clock_ms);
}

int64_t clock_mono_us(void)
{
    return 1000000000 + sim.now_us;
}

int64_t clock_mono_ms(void)
{
    return clock_mono_us() / 1000;
}

int64_t sim_delay_us(int64_t lo_us, int64_t hi_us)
{
    int64_t d = lo_us + (int64_t)rng_below(&sim.rng, (uint64_t)(hi_us - lo_us + 1));
    return sim.faults.frame_late > 0 && rng_chance(&sim.rng, LATE_IN_1000) ? d * LATE_TIMES : d;
}

/* ---- events: a heap by (time, order) */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void push(const struct sim_event *e)
{
    if (sim.n_heap == sim.cap_heap) {
        sim.cap_heap = sim.cap_heap == 0 ? 256 : sim.cap_heap * 2;
        sim.heap = sim_need(realloc(sim.heap, sim.cap_heap * sizeof *sim.heap));
    }
    size_t at = sim.n_heap++;
    for (size_t up; at > 0 && before(e, &sim.heap[up = (at - 1) / 2]); at = up)
        sim.heap[at] = sim.heap[up];
    sim.heap[at] = *e;
}

static struct sim_event pop(void)
{
    struct sim_event first = sim.heap[0];
    struct sim_event last = sim.heap[--sim.n_heap];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < sim.n_heap; at = child) {
        if (child + 1 < sim.n_heap && before(&sim.heap[child + 1], &sim.heap[child]))
            child++;
        if (!before(&sim.heap[child], &last))
            break;
        sim.heap[at] = sim.heap[child];
    }
    if (sim.n_heap > 0)
        sim.heap[at] = last;
    return first;
}

void sim_after(int64_t delay_us, void (*fn)(void *arg), void *arg)
{
    sim_after_drop(delay_us, fn, arg, NULL);
}

void sim_after_drop(int64_t delay_us, void (*fn)(void *arg), void *arg, void (*drop)(void *arg))
{
    struct sim_event e = {.at_us = sim.now_us + (delay_us > 0 ? delay_us : 0),
                          .order = sim.order++,
                          .fn = fn,
                          .arg = arg,
                          .node = -1,
                          .drop = drop};
    push(&e);
}

void sim_after_node(const struct node *n, int64_t delay_us, void (*fn)(void *arg), void *arg,
                    void (*drop)(void *arg))
{
    struct sim_event e = {.at_us = sim.now_us + (delay_us > 0 ? delay_us : 0),
                          .order = sim.order++,
                          .fn = fn,
                          .arg = arg,
                          .node = (int)(n - sim.nodes),
                          .incarnation = n->incarnation,
                          .drop = drop};
    push(&e);
}

static bool live(const struct sim_event *e)
{
    return e->node < 0 ||
           (sim.nodes[e->node].incarnation == e->incarnation && sim.nodes[e->node].flow != NULL);
}

/* Something happens to the service instead of the event, or before it. */
static bool misfortune(struct node *n)
{
    const struct faults_plan *p = &sim.faults;
    if (p->crash + p->stop + p->jump == 0)
        return false;
    uint64_t dice = rng_below(&sim.rng, 100000);
    if (dice < p->crash) {
        node_dies(n);
        return true;
    }
    if (dice < p->crash + p->stop) {
        node_stop(n);
    } else if (dice < p->crash + p->stop + p->jump) {
        static const int64_t jumps[] = {3600000, -3600000, 86400000, -86400000, 240000, -240000};
        int64_t to = rng_below(&sim.rng, 2) == 0 ? 0 : jumps[rng_below(&sim.rng, 6)];
        node_jump(n, to - n->clock_ms);
    }
    return false;
}

bool sim_step(void)
{
    if (sim.n_heap == 0 || sim.failed[0] != '\0')
        return false;
    struct sim_event e = pop();
    sim.now_us = e.at_us;
    sim.steps++;
    if (!live(&e)) {
        if (e.drop != NULL)
            e.drop(e.arg);
        return true;
    }
    if (e.node < 0) {
        e.fn(e.arg);
        return true;
    }
    struct node *n = &sim.nodes[e.node];
    if (misfortune(n)) {
        if (e.drop != NULL)
            e.drop(e.arg);
        return true;
    }
    sim.current = n;
    if (sim.faults.alloc > 0 && rng_below(&sim.rng, 100000) < sim.faults.alloc)
        memory_fails_at(1 + rng_below(&sim.rng, ALLOCATIONS));
    e.fn(e.arg);
    bool ended = n->loop != NULL && loop_turn_ends(n->loop);
    sim.current = NULL;
    if (memory_failed()) {
        sim.alloc_failed++;
        sim_trace("an allocation of %s failed", n->svc->name);
    }
    if (ended)
        node_ended(n);
    return true;
}

bool sim_run_until(int64_t at_us)
{
    while (sim.n_heap > 0 && sim.heap[0].at_us <= at_us)
        if (!sim_step())
            return false;
    if (sim.now_us < at_us)
        sim.now_us = at_us;
    return sim.failed[0] == '\0';
}

void sim_begin(uint64_t seed, bool trace)
{
    struct sim_event *heap = sim.heap;
    size_t cap = sim.cap_heap;
    sim = (struct sim){.seed = seed, .rng = {seed}, .trace = trace, .heap = heap, .cap_heap = cap};
    files_begin();
    memstore_init(&sim.store, "p0", SIM_EPOCH);
    sim.store.server_ms = SIM_WALL_MS;
    nodes_begin();
}

void sim_end(void)
{
    nodes_end();
    while (sim.n_heap > 0) {
        struct sim_event e = pop();
        if (e.drop != NULL)
            e.drop(e.arg);
    }
    memstore_fini(&sim.store);
    lmdb_end();
    files_end();
}

/* ---- lib/loop: timers and the end of a turn */

struct loop_timer {
    struct loop *loop;
    loop_tick_fn *fn;
    void *arg;
    int64_t period_ms;
    bool cancelled;
};

struct loop {
    struct node *node;
    struct {
        loop_tick_fn *fn;
        void *arg;
    } after[AFTER_MAX];
    size_t n_after;
    bool stopped;
};

enum err loop_create(struct loop **out)
{
    *out = sim_need(calloc(1, sizeof **out));
    (*out)->node = sim.current;
    sim.current->loop = *out;
    return ERR_OK;
}

void loop_destroy(struct loop *l)
{
    if (l != NULL)
        l->node->loop = NULL;
    free(l);
}

static void timer_fires(void *arg)
{
    struct loop_timer *t = arg;
    if (t->cancelled) {
        free(t);
        return;
    }
    loop_tick_fn *fn = t->fn;
    void *a = t->arg;
    if (t->period_ms > 0)
        sim_after_node(t->loop->node, t->period_ms * SIM_MS, timer_fires, t, free);
    else
        free(t);
    fn(a);
}

enum err loop_add_timer(struct loop *l, int64_t delay_ms, int64_t period_ms, loop_tick_fn *fn,
                        void *arg, struct loop_timer **out)
{
    struct loop_timer *t = sim_need(calloc(1, sizeof *t));
    *t = (struct loop_timer){.loop = l, .fn = fn, .arg = arg, .period_ms = period_ms};
    sim_after_node(l->node, delay_ms * SIM_MS, timer_fires, t, free);
    if (out != NULL)
        *out = t;
    return ERR_OK;
}

void loop_cancel_timer(struct loop_timer *t)
{
    if (t != NULL)
        t->cancelled = true;
}

enum err loop_add_after(struct loop *l, loop_tick_fn *fn, void *arg)
{
    if (l->n_after == AFTER_MAX)
        return ERR_LIMIT;
    l->after[l->n_after].fn = fn;
    l->after[l->n_after++].arg = arg;
    return ERR_OK;
}

bool loop_turn_ends(struct loop *l)
{
    for (size_t i = 0; i < l->n_after; i++)
        l->after[i].fn(l->after[i].arg);
    return l->stopped;
}

void loop_again(struct loop *l)
{
    (void)l;
}

enum err loop_handle_signals(struct loop *l, loop_tick_fn *stop, loop_tick_fn *reload, void *arg)
{
    (void)l, (void)stop, (void)reload, (void)arg;
    return ERR_OK;
}

enum err loop_run(struct loop *l)
{
    (void)l;
    return ERR_INTERNAL; /* the time line runs it */
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
}
