/* Timers of this service: looked for twice a second, and at once when those of a look have ended;
 * fired as works whose commit guards and deletes the timer, so that each fires once. What a look
 * finds stands in line, and LIMIT_DUE_IN_FLIGHT of it are in flight: thousands that are due
 * together hold up neither messages nor, in Redis, what is urgent.
 */
#include "flow/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define POLL_MS 500
#define LOOK_AT (8 * LIMIT_DUE_IN_LINE) /* beyond those that are paused */
#define AGAIN_MS 1000                   /* after the first failure; doubles */
#define AGAIN_MS_MAX 300000

/* A timer that failed is not tried at every look: it would keep others from their turn. */
struct timer_pause {
    char member[160];
    int64_t until_ms; /* monotonic */
    int64_t pause_ms;
    UT_hash_handle hh;
};

static void pause_for(struct flow *f, const char *member)
{
    struct timer_pause *p = NULL;
    HASH_FIND_STR(f->timer_pauses, member, p);
    if (p == NULL) {
        p = calloc(1, sizeof *p);
        if (p == NULL)
            return; /* tried again at the next look */
        (void)text_copy(p->member, sizeof p->member, member);
        HASH_ADD_STR(f->timer_pauses, member, p);
        if (!HASH_IS_IN(p)) {
            free(p);
            return;
        }
    }
    p->pause_ms = p->pause_ms == 0 ? AGAIN_MS : p->pause_ms * 2;
    if (p->pause_ms > AGAIN_MS_MAX)
        p->pause_ms = AGAIN_MS_MAX;
    p->until_ms = clock_mono_ms() + p->pause_ms;
}

static bool paused(const struct flow *f, const char *member)
{
    struct timer_pause *p = NULL;
    HASH_FIND_STR(f->timer_pauses, member, p);
    return p != NULL && clock_mono_ms() < p->until_ms;
}

static size_t in_flight(const struct flow *f)
{
    size_t n = 0;
    for (const struct work *w = f->all_works; w != NULL; w = w->next_all)
        n += w->source == WORK_TIMER;
    return n;
}

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

/* Did it start a work? */
static bool fire(struct flow *f, const char *member, int64_t due_ms)
{
    const char *record = "";
    const struct timer_row *row = row_of(f, member, &record);
    if (row == NULL) {
        log_event(LOG_LEVEL_ERROR, "timer-unknown", "a timer of an unknown kind is due", "timer",
                  member, NULL);
        pause_for(f, member);
        return false;
    }
    struct work *w = work_create(f, WORK_TIMER);
    if (w == NULL)
        return false;
    w->actor = f->svc->name;
    w->decide = row->decide;
    w->timer_kind = row->kind;
    w->timer_member = arena_strdup(&w->arena, member);
    w->timer_due_ms = due_ms;
    if (w->timer_member != NULL) {
        w->timer_record = w->timer_member + (record - member);
        w->cause =
            arena_printf(&w->arena, "t:%s:%s:%lld", w->timer_record, row->kind, (long long)due_ms);
    }
    if (w->timer_member == NULL || w->cause == NULL) {
        work_destroy(w);
        return false;
    }
    work_run(w);
    return true;
}

static void line_drop(struct flow *f)
{
    while (f->due_at < f->n_due)
        free(f->due[f->due_at++].member);
    f->due_at = f->n_due = 0;
}

/* Fires from the line while there is room. What ends at once comes back here: the loop goes on. */
static void line_go(struct flow *f, size_t ending)
{
    if (f->due_firing)
        return;
    f->due_firing = true;
    while (f->due_at < f->n_due && in_flight(f) < LIMIT_DUE_IN_FLIGHT + ending) {
        char *member = f->due[f->due_at].member;
        f->timers_more |= fire(f, member, f->due[f->due_at].due_ms);
        f->due_at++;
        free(member);
    }
    f->due_firing = false;
}

static void on_due(void *arg, enum err e, const struct store_due *due, size_t n)
{
    struct flow *f = arg;
    f->due_asked = false;
    if (e != ERR_OK || f->due_at < f->n_due)
        return;
    line_drop(f);
    for (size_t i = 0; i < n && f->n_due < LIMIT_DUE_IN_LINE; i++) {
        if (paused(f, due[i].member) || under_way(f, due[i].member))
            continue;
        f->due[f->n_due].member = strdup(due[i].member);
        f->due[f->n_due].due_ms = due[i].due_ms;
        f->n_due += f->due[f->n_due].member != NULL;
    }
    line_go(f, 0);
}

static void poll_due(void *flow)
{
    struct flow *f = flow;
    if (f->phase != FLOW_READY || !store_ready(f->store, NULL) || f->due_asked)
        return;
    line_go(f, 0);
    if (f->due_at < f->n_due)
        return;
    f->due_asked = true;
    enum err e = store_due(f->store, f->svc->name, flow_now_ms(f), LOOK_AT, on_due, f);
    if (e == ERR_OK)
        return;
    f->due_asked = false;
    log_event(LOG_LEVEL_DEBUG, "timers-later", "timers are looked for again soon", "why",
              err_name(e), NULL);
}

/* The work that ends is still counted. */
void timers_fired(struct flow *f, const char *member, bool held)
{
    struct timer_pause *p = NULL;
    HASH_FIND_STR(f->timer_pauses, member, p);
    if (!held) {
        pause_for(f, member);
    } else if (p != NULL) {
        HASH_DEL(f->timer_pauses, p);
        free(p);
    }
    line_go(f, 1);
    if (held && f->timers_more && in_flight(f) <= 1) { /* the last of a look: more may be due */
        f->timers_more = false;
        poll_due(f);
    }
}

void timers_destroy(struct flow *f)
{
    struct timer_pause *p, *next;
    line_drop(f);
    HASH_ITER(hh, f->timer_pauses, p, next)
    {
        HASH_DEL(f->timer_pauses, p);
        free(p);
    }
}

enum err timers_start(struct flow *f)
{
    struct loop_timer *t;
    return f->svc->n_timers == 0 ? ERR_OK
                                 : loop_add_timer(f->loop, POLL_MS, POLL_MS, poll_due, f, &t);
}
