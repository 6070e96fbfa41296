/* The one event loop of a service: ZeroMQ sockets, descriptors, timers, signals, in one thread.
 *
 * Built on zmq_poll (ten items cost 2.4 us). Each turn: sources by priority (lower number first),
 * each bounded by its callback; then timers that are due; then the `after` callbacks (batchers
 * flush there); then sleep, unless a callback said it has more to do (loop_again). A turn over 5 ms
 * is logged with the name of the slowest source. No callback may block.
 *
 * Sources may be added and removed from callbacks; a removed source is never called again.
 */
#ifndef LIU_LOOP_LOOP_H
#define LIU_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct loop;
struct loop_source;
struct loop_timer;

#define LOOP_READ 1u
#define LOOP_WRITE 2u

/* `events` is what is ready: LOOP_READ, LOOP_WRITE. Errors of a descriptor come as LOOP_READ. */
typedef void loop_fn(void *arg, unsigned events);
typedef void loop_tick_fn(void *arg);

enum err loop_create(struct loop **out) LIU_MUST_USE;
void loop_destroy(struct loop *l); /* NULL-safe; sources and timers left are freed */

/* A ZeroMQ socket (void *) or a descriptor. `name` is borrowed for the source's life and shows in
 * logs. `priority` 0 (first) to 7. The callback is called while events it asked for are ready. */
enum err loop_add_socket(struct loop *l, void *zmq_socket, unsigned events, unsigned priority,
                         const char *name, loop_fn *fn, void *arg,
                         struct loop_source **out) LIU_MUST_USE;
enum err loop_add_fd(struct loop *l, int fd, unsigned events, unsigned priority, const char *name,
                     loop_fn *fn, void *arg, struct loop_source **out) LIU_MUST_USE;
void loop_set_events(struct loop_source *s, unsigned events); /* 0 = pause */
void loop_remove(struct loop_source *s);                      /* NULL-safe */

/* Timers. period_ms 0 = once (freed after firing unless re-armed inside). */
enum err loop_add_timer(struct loop *l, int64_t delay_ms, int64_t period_ms, loop_tick_fn *fn,
                        void *arg, struct loop_timer **out) LIU_MUST_USE;
void loop_cancel_timer(struct loop_timer *t); /* NULL-safe; not after a one-shot has fired */

/* Called at the end of every turn, in the order added; at most 16. */
enum err loop_add_after(struct loop *l, loop_tick_fn *fn, void *arg) LIU_MUST_USE;

/* Do not sleep before the next turn. */
void loop_again(struct loop *l);

/* SIGTERM and SIGINT call `stop` once (drain); a second one ends the process with status 1 at once.
 * SIGHUP calls `reload` (may be NULL). Blocks the signals; SIGPIPE is ignored. Call before threads
 * start. */
enum err loop_handle_signals(struct loop *l, loop_tick_fn *stop, loop_tick_fn *reload,
                             void *arg) LIU_MUST_USE;

/* Runs until loop_stop; one turn (waiting at most wait_ms) for tests and tools. */
enum err loop_run(struct loop *l);
enum err loop_turn(struct loop *l, int64_t wait_ms);
void loop_stop(struct loop *l);

#endif
