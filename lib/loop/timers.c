/* Timers in a binary heap by (due, order armed). A timer armed by a callback never fires in the
 * same turn, so a timer of 0 ms cannot keep the loop from its sockets.
 */
#include "loop/loop_private.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"

static bool before(const struct loop_timer *a, const struct loop_timer *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void place(struct loop_timers *h, size_t at, struct loop_timer *t)
{
    h->heap[at] = t;
    t->at = at;
}

static void sift_up(struct loop_timers *h, size_t at, struct loop_timer *t)
{
    while (at > 0) {
        size_t up = (at - 1) / 2;
        if (!before(t, h->heap[up]))
            break;
        place(h, at, h->heap[up]);
        at = up;
    }
    place(h, at, t);
}

static void sift_down(struct loop_timers *h, size_t at, struct loop_timer *t)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= h->count)
            break;
        if (child + 1 < h->count && before(h->heap[child + 1], h->heap[child]))
            child++;
        if (!before(h->heap[child], t))
            break;
        place(h, at, h->heap[child]);
        at = child;
    }
    place(h, at, t);
}

static void take_out(struct loop_timers *h, struct loop_timer *t)
{
    size_t at = t->at;
    struct loop_timer *last = h->heap[--h->count];
    t->at = TIMER_OUT;
    if (last == t)
        return;
    if (at > 0 && before(last, h->heap[(at - 1) / 2]))
        sift_up(h, at, last);
    else
        sift_down(h, at, last);
}

enum err loop_add_timer(struct loop *l, int64_t delay_ms, int64_t period_ms, loop_tick_fn *fn,
                        void *arg, struct loop_timer **out)
{
    struct loop_timers *h = &l->timers;
    if (fn == NULL || period_ms < 0)
        return ERR_INVAL;
    if (h->count >= LIMIT_LOOP_TIMERS)
        return ERR_LIMIT;
    if (h->count == h->cap) {
        size_t cap = h->cap == 0 ? 64 : h->cap * 2;
        struct loop_timer **p = realloc(h->heap, cap * sizeof(struct loop_timer *));
        if (p == NULL)
            return ERR_NOMEM;
        h->heap = p;
        h->cap = cap;
    }
    struct loop_timer *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return ERR_NOMEM;
    t->loop = l;
    t->due_ms = clock_mono_ms() + (delay_ms > 0 ? delay_ms : 0);
    t->period_ms = period_ms;
    t->order = h->next_order++;
    t->fn = fn;
    t->arg = arg;
    h->count++;
    sift_up(h, h->count - 1, t);
    if (out != NULL)
        *out = t;
    return ERR_OK;
}

void loop_cancel_timer(struct loop_timer *t)
{
    if (t == NULL)
        return;
    struct loop_timers *h = &t->loop->timers;
    if (t->at != TIMER_OUT)
        take_out(h, t);
    if (h->firing == t)
        t->cancelled = true; /* its callback is running: freed behind it */
    else
        free(t);
}

int64_t timers_wait_ms(const struct loop *l, int64_t now_ms)
{
    if (l->timers.count == 0)
        return -1;
    int64_t wait = l->timers.heap[0]->due_ms - now_ms;
    return wait > 0 ? wait : 0;
}

static void fire(struct loop *l, struct loop_timer *t, int64_t now_ms)
{
    struct loop_timers *h = &l->timers;
    bool once = t->period_ms == 0;
    if (once) {
        take_out(h, t);
    } else {
        /* Armed again before the call: its slot cannot be lost. Missed periods are not made up. */
        t->due_ms += t->period_ms;
        if (t->due_ms <= now_ms)
            t->due_ms = now_ms + t->period_ms;
        t->order = h->next_order++;
        sift_down(h, t->at, t);
    }
    h->firing = t;
    t->fn(t->arg);
    h->firing = NULL;
    if (once || t->cancelled)
        free(t);
}

void timers_fire(struct loop *l)
{
    struct loop_timers *h = &l->timers;
    int64_t now_ms = clock_mono_ms();
    uint64_t armed_now = h->next_order;
    for (int fired = 0; fired < LIMIT_TIMERS_PER_TURN && h->count > 0; fired++) {
        struct loop_timer *t = h->heap[0];
        if (t->due_ms > now_ms || t->order >= armed_now)
            break;
        fire(l, t, now_ms);
        watch_note(l, "timer");
    }
}

void timers_fini(struct loop *l)
{
    for (size_t i = 0; i < l->timers.count; i++)
        free(l->timers.heap[i]);
    free(l->timers.heap);
}
