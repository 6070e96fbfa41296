/* Sources and turns. The poll items are rebuilt each turn from the sources that want something:
 * with some ten sources that costs less than keeping them in step would in mistakes. zmq_poll is
 * level-triggered on sockets too, so a callback that leaves messages behind is simply called again.
 */
#include "loop/loop_private.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "obs/log.h"

#define SLOW_TURN_US 5000
#define SLOW_LOG_EVERY_US 1000000

enum err loop_create(struct loop **out)
{
    struct loop *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return ERR_NOMEM;
    l->signals.fd = -1;
    l->watch.logged_us = -SLOW_LOG_EVERY_US;
    l->watch.turn = metrics_histogram("liu_loop_turn_seconds", "", "Time of one turn of the loop");
    l->watch.slow = metrics_counter("liu_loop_slow_turns_total", "", "Turns of more than 5 ms");
    *out = l;
    return ERR_OK;
}

static void free_dead(struct loop *l)
{
    while (l->dead != NULL) {
        struct loop_source *s = l->dead;
        l->dead = s->next_dead;
        free(s);
    }
}

void loop_destroy(struct loop *l)
{
    if (l == NULL)
        return;
    assert(!l->in_turn);
    signals_fini(l);
    timers_fini(l);
    for (size_t i = 0; i < l->source_count; i++)
        free(l->sources[i]);
    free_dead(l);
    free(l->sources);
    free(l->items);
    free(l->polled);
    free(l);
}

/* Room for one more source in the three arrays. The two that a running turn walks are replaced
 * only by the turn itself. */
static enum err reserve_source(struct loop *l)
{
    if (l->source_count >= LIMIT_LOOP_SOURCES)
        return ERR_LIMIT;
    if (l->source_count < l->source_cap)
        return ERR_OK;
    size_t cap = l->source_cap == 0 ? 16 : l->source_cap * 2;
    struct loop_source **p = realloc(l->sources, cap * sizeof(struct loop_source *));
    if (p == NULL)
        return ERR_NOMEM;
    l->sources = p;
    l->source_cap = cap;
    return ERR_OK;
}

static enum err add_source(struct loop *l, const struct loop_source *wanted, const char *name,
                           struct loop_source **out)
{
    if (wanted->fn == NULL || name == NULL || wanted->priority > LOOP_PRIORITY_MAX)
        return ERR_INVAL;
    enum err e = reserve_source(l);
    if (e != ERR_OK)
        return e;
    struct loop_source *s = malloc(sizeof(*s));
    if (s == NULL)
        return ERR_NOMEM;
    *s = *wanted;
    s->loop = l;
    (void)text_copy(s->name, sizeof(s->name), name);
    size_t at = l->source_count;
    while (at > 0 && l->sources[at - 1]->priority > s->priority) {
        l->sources[at] = l->sources[at - 1];
        at--;
    }
    l->sources[at] = s;
    l->source_count++;
    if (out != NULL)
        *out = s;
    return ERR_OK;
}

enum err loop_add_socket(struct loop *l, void *zmq_socket, unsigned events, unsigned priority,
                         const char *name, loop_fn *fn, void *arg, struct loop_source **out)
{
    if (zmq_socket == NULL)
        return ERR_INVAL;
    struct loop_source s = {.zmq_socket = zmq_socket,
                            .fd = -1,
                            .events = events,
                            .priority = priority,
                            .fn = fn,
                            .arg = arg};
    return add_source(l, &s, name, out);
}

enum err loop_add_fd(struct loop *l, int fd, unsigned events, unsigned priority, const char *name,
                     loop_fn *fn, void *arg, struct loop_source **out)
{
    if (fd < 0)
        return ERR_INVAL;
    struct loop_source s = {.fd = fd, .events = events, .priority = priority, .fn = fn, .arg = arg};
    return add_source(l, &s, name, out);
}

void loop_set_events(struct loop_source *s, unsigned events)
{
    s->events = events;
}

void loop_remove(struct loop_source *s)
{
    if (s == NULL || s->removed)
        return;
    struct loop *l = s->loop;
    size_t at = 0;
    while (at < l->source_count && l->sources[at] != s)
        at++;
    assert(at < l->source_count);
    l->source_count--;
    memmove(&l->sources[at], &l->sources[at + 1],
            (l->source_count - at) * sizeof(struct loop_source *));
    s->removed = true;
    if (!l->in_turn) {
        free(s);
        return;
    }
    s->next_dead = l->dead;
    l->dead = s;
}

enum err loop_add_after(struct loop *l, loop_tick_fn *fn, void *arg)
{
    if (l->after_count == LOOP_AFTER_MAX)
        return ERR_LIMIT;
    l->after[l->after_count++] = (struct loop_after){.fn = fn, .arg = arg};
    return ERR_OK;
}

void loop_again(struct loop *l)
{
    l->again = true;
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
}

/* ---- one turn */

void watch_note(struct loop *l, const char *name)
{
    int64_t now = clock_mono_us();
    if (now - l->watch.last_us > l->watch.worst_us) {
        l->watch.worst_us = now - l->watch.last_us;
        l->watch.worst = name;
    }
    l->watch.last_us = now;
}

static void watch_start(struct loop *l)
{
    l->watch.start_us = l->watch.last_us = clock_mono_us();
    l->watch.worst_us = 0;
    l->watch.worst = "";
}

/* Event slow-turn: what the loop did instead of answering. At most one line a second. */
static void watch_end(struct loop *l)
{
    struct loop_watch *w = &l->watch;
    int64_t us = w->last_us - w->start_us;
    metric_observe_us(w->turn, us);
    if (us <= SLOW_TURN_US)
        return;
    metric_add(w->slow, 1);
    if (w->last_us - w->logged_us < SLOW_LOG_EVERY_US) {
        w->unlogged++;
        return;
    }
    char turn[24], worst[24], unlogged[24];
    (void)snprintf(turn, sizeof(turn), "%" PRId64, us);
    (void)snprintf(worst, sizeof(worst), "%" PRId64, w->worst_us);
    (void)snprintf(unlogged, sizeof(unlogged), "%" PRIu64, w->unlogged);
    log_event(LOG_LEVEL_WARN, "slow-turn", "a turn of the loop took more than 5 ms", "turn_us",
              turn, "slowest", w->worst, "slowest_us", worst, "not_logged", unlogged, NULL);
    w->logged_us = w->last_us;
    w->unlogged = 0;
}

static enum err reserve_items(struct loop *l)
{
    if (l->source_count == 0)
        return ERR_OK;
    zmq_pollitem_t *items = realloc(l->items, l->source_count * sizeof(zmq_pollitem_t));
    if (items == NULL)
        return ERR_NOMEM;
    l->items = items;
    struct loop_source **polled =
        realloc(l->polled, l->source_count * sizeof(struct loop_source *));
    if (polled == NULL)
        return ERR_NOMEM;
    l->polled = polled;
    return ERR_OK;
}

static int build_items(struct loop *l)
{
    int n = 0;
    for (size_t i = 0; i < l->source_count; i++) {
        struct loop_source *s = l->sources[i];
        if (s->events == 0)
            continue; /* poll would still report errors of it */
        short want = 0;
        if ((s->events & LOOP_READ) != 0)
            want = (short)(want | ZMQ_POLLIN);
        if ((s->events & LOOP_WRITE) != 0)
            want = (short)(want | ZMQ_POLLOUT);
        l->items[n] = (zmq_pollitem_t){.socket = s->zmq_socket, .fd = s->fd, .events = want};
        l->polled[n] = s;
        n++;
    }
    return n;
}

static long poll_wait_ms(const struct loop *l, int64_t wait_ms)
{
    if (l->again)
        return 0;
    int64_t timer = timers_wait_ms(l, clock_mono_ms());
    if (timer >= 0 && (wait_ms < 0 || timer < wait_ms))
        wait_ms = timer;
    if (wait_ms > INT_MAX)
        wait_ms = INT_MAX;
    return (long)(wait_ms < 0 ? -1 : wait_ms);
}

static void run_sources(struct loop *l, int n)
{
    for (int i = 0; i < n; i++) {
        struct loop_source *s = l->polled[i];
        short got = l->items[i].revents;
        if (got == 0 || s->removed || s->events == 0)
            continue;
        unsigned events = 0;
        if ((got & ZMQ_POLLIN) != 0)
            events |= LOOP_READ & s->events;
        if ((got & ZMQ_POLLOUT) != 0)
            events |= LOOP_WRITE & s->events;
        if ((got & (ZMQ_POLLERR | ZMQ_POLLPRI)) != 0)
            events |= LOOP_READ;
        if (events == 0)
            continue; /* a callback before changed what it waits for */
        s->fn(s->arg, events);
        watch_note(l, s->name);
    }
}

static enum err poll_error(void)
{
    switch (errno) {
    case EINTR:
        return ERR_OK;
    case ENOMEM:
        return ERR_NOMEM;
    case ETERM:
    case ENOTSOCK:
    case EFAULT:
        return ERR_INTERNAL; /* a socket was closed before its source was removed */
    default:
        return ERR_IO;
    }
}

enum err loop_turn(struct loop *l, int64_t wait_ms)
{
    if (l->in_turn)
        return ERR_INTERNAL;
    enum err e = reserve_items(l);
    if (e != ERR_OK)
        return e;
    int n = build_items(l);
    long wait = poll_wait_ms(l, wait_ms);
    if (n == 0 && wait < 0)
        return ERR_INTERNAL; /* nothing could ever wake it */
    l->again = false;
    int ready = zmq_poll(l->items, n, wait);
    if (ready < 0) {
        e = poll_error();
        if (e != ERR_OK)
            return e;
        n = 0; /* interrupted: revents are not set */
    }
    l->in_turn = true;
    watch_start(l);
    if (ready > 0)
        run_sources(l, n);
    timers_fire(l);
    for (size_t i = 0; i < l->after_count; i++) {
        l->after[i].fn(l->after[i].arg);
        watch_note(l, "after");
    }
    l->in_turn = false;
    watch_end(l);
    free_dead(l);
    return ERR_OK;
}

enum err loop_run(struct loop *l)
{
    enum err e = ERR_OK;
    while (e == ERR_OK && !l->stopped)
        e = loop_turn(l, -1);
    l->stopped = false;
    return e;
}
