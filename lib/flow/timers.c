/* Timers of this service: looked for twice a second (sooner when one is known to be due), fired as
 * works whose commit guards and deletes the timer, so that each fires once.
 */
#include "flow/internal.h"

#include <string.h>

#include "base/clock.h"

#define POLL_MS 500

static const struct timer_row *row_of(const struct flow *f, const char *member, const char **record)
{
    const char *bar = strchr(member, '|');
    if (bar == NULL)
        return NULL;
    *record = bar + 1;
    for (size_t i = 0; i < f->svc->n_timers; i++) {
        const char *kind = f->svc->timers[i].kind;
        if (strlen(kind) == (size_t)(bar - member) && strncmp(kind, member, strlen(kind)) == 0)
            return &f->svc->timers[i];
    }
    return NULL;
}

/* Is a work of this timer still on its way? */
static bool under_way(const struct flow *f, const char *member)
{
    for (const struct work *w = f->all_works; w != NULL; w = w->next_all)
        if (w->source == WORK_TIMER && strcmp(w->timer_member, member) == 0)
            return true;
    return false;
}

static void fire(struct flow *f, const struct store_due *due)
{
    const char *record = "";
    const struct timer_row *row = row_of(f, due->member, &record);
    if (row == NULL) {
        log_event(LOG_LEVEL_ERROR, "timer-unknown", "a timer of an unknown kind is due", "timer",
                  due->member, NULL);
        return;
    }
    if (under_way(f, due->member))
        return;
    struct work *w = work_create(f, WORK_TIMER);
    if (w == NULL)
        return;
    w->actor = f->svc->name;
    w->decide = row->decide;
    w->timer_kind = row->kind;
    w->timer_member = arena_strdup(&w->arena, due->member);
    w->timer_due_ms = due->due_ms;
    if (w->timer_member != NULL) {
        w->timer_record = w->timer_member + (record - due->member);
        w->cause = arena_printf(&w->arena, "t:%s:%s:%lld", w->timer_record, row->kind,
                                (long long)due->due_ms);
    }
    if (w->timer_member == NULL || w->cause == NULL) {
        work_destroy(w);
        return;
    }
    work_run(w);
}

static void on_due(void *arg, enum err e, const struct store_due *due, size_t n)
{
    struct flow *f = arg;
    for (size_t i = 0; e == ERR_OK && i < n; i++)
        fire(f, &due[i]);
}

static void poll_due(void *flow)
{
    struct flow *f = flow;
    if (f->phase != FLOW_READY || !store_ready(f->store, NULL))
        return;
    enum err e =
        store_due(f->store, f->svc->name, flow_now_ms(f), LIMIT_TIMERS_PER_TURN, on_due, f);
    if (e != ERR_OK)
        log_event(LOG_LEVEL_DEBUG, "timers-later", "timers are looked for again soon", "why",
                  err_name(e), NULL);
}

enum err timers_start(struct flow *f)
{
    struct loop_timer *t;
    return f->svc->n_timers == 0 ? ERR_OK
                                 : loop_add_timer(f->loop, POLL_MS, POLL_MS, poll_due, f, &t);
}
