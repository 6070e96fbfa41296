/* The timers of the loop and those of the service in the store. */
#include "fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"

#define TIMERS 16

static struct {
    loop_tick_fn *fn;
    void *arg;
    bool once;
} timers[TIMERS];
static size_t n_timers;
static char due[FAKE_DUE][96];
static size_t n_due;

enum err loop_add_timer(struct loop *l, int64_t delay_ms, int64_t period_ms, loop_tick_fn *fn,
                        void *arg, struct loop_timer **out)
{
    (void)l, (void)delay_ms;
    *out = NULL;
    assert_true(n_timers < TIMERS);
    timers[n_timers].fn = fn;
    timers[n_timers].arg = arg;
    timers[n_timers++].once = period_ms == 0;
    return ERR_OK;
}

void loop_again(struct loop *l)
{
    (void)l;
}

void fake_look(void)
{
    loop_tick_fn *fn[TIMERS];
    void *arg[TIMERS];
    size_t n = n_timers;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        fn[i] = timers[i].fn;
        arg[i] = timers[i].arg;
        if (!timers[i].once)
            timers[kept++] = timers[i];
    }
    n_timers = kept;
    for (size_t i = 0; i < n; i++)
        fn[i](arg[i]);
}

void fake_fire(void)
{
    fake_look();
    fake_turn();
}

/* ---- of the service */

void fake_due(const char *member)
{
    assert_true(n_due < FAKE_DUE);
    assert_true(text_copy(due[n_due++], sizeof due[0], member));
}

size_t fake_n_due(void)
{
    return n_due;
}

enum err store_due(struct store *s, const char *owner, int64_t now_ms, uint32_t max,
                   store_due_fn *fn, void *arg)
{
    struct store_due out[FAKE_DUE];
    (void)s, (void)owner;
    for (size_t i = 0; i < n_due; i++)
        out[i] = (struct store_due){.member = due[i], .due_ms = now_ms};
    fn(arg, ERR_OK, out, n_due < max ? n_due : max);
    return ERR_OK;
}

static size_t place(const char *member)
{
    size_t i = 0;
    while (i < n_due && strcmp(due[i], member) != 0)
        i++;
    return i;
}

bool fake_timers_hold(const struct commit *c)
{
    for (size_t i = 0; i < c->n_timers; i++)
        if (c->timers[i].due_ms < 0 && place(c->timers[i].member) == n_due)
            return false;
    return true;
}

void fake_timers_apply(const struct commit *c)
{
    for (size_t i = 0; i < c->n_timers; i++) {
        size_t at = place(c->timers[i].member);
        if (c->timers[i].due_ms >= 0 || at == n_due)
            continue;
        memmove(due[at], due[at + 1], (n_due - at - 1) * sizeof due[0]);
        n_due--;
    }
}

void fake_timers_clear(void)
{
    n_timers = n_due = 0;
}
