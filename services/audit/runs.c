/* Planning all services again after a catalogue or rulebook has changed.
 *
 * A run is a record with a cursor. The sweep, a timer that sets itself, walks all plans page by
 * page and gives each case a timer of its own; these make one commit a service. Whatever is killed
 * goes on from the cursor and the timers that are left. How many cases have taken part is counted
 * from their standings, which are kept in memory.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/text.h"
#include "services/audit/runs.h"
#include "services/audit/standing.h"
#include "wire/unpack.h"

#define SWEEP_PAGE 24u /* plans of one step: with what Redis adds, below LIMIT_WORK_WRITES */
#define SWEEP_LOOK_MS 500

struct audit_case {
    char id[72];
    uint32_t run;
    bool refused; /* no plan could be made */
    UT_hash_handle hh;
};

struct audit_state {
    struct audit_case *cases;
    uint32_t run;
    uint64_t done;
    uint64_t refused;
};

enum err audit_create(const struct service_env *env, void **state, struct err_text *why)
{
    (void)env;
    *state = calloc(1, sizeof(struct audit_state));
    return *state == NULL ? err_say(why, ERR_NOMEM, "no memory") : ERR_OK;
}

void audit_destroy(void *state)
{
    struct audit_state *st = state;
    struct audit_case *c, *next;
    if (st == NULL)
        return;
    HASH_ITER(hh, st->cases, c, next)
    {
        HASH_DEL(st->cases, c);
        free(c);
    }
    free(st);
}

static void count(struct audit_state *st, const struct audit_case *c, bool in)
{
    if (c->run != st->run || st->run == 0)
        return;
    st->done += in ? 1 : (uint64_t)-1;
    if (c->refused)
        st->refused += in ? 1 : (uint64_t)-1;
}

void audit_standing_changed(void *state, const char *id, uint64_t revision,
                            const ProtobufCMessage *m)
{
    struct audit_state *st = state;
    const pb_standing *s = (const void *)m;
    struct audit_case *c = NULL;
    (void)revision;
    HASH_FIND_STR(st->cases, id, c);
    if (c == NULL) {
        c = calloc(1, sizeof *c);
        if (c == NULL || !text_copy(c->id, sizeof c->id, id)) {
            free(c);
            return; /* not counted: progress only */
        }
        HASH_ADD_STR(st->cases, id, c);
        if (!HASH_IS_IN(c)) {
            free(c);
            return;
        }
    } else {
        count(st, c, false);
    }
    c->run = s->run;
    c->refused = false;
    for (size_t i = 0; i < s->n_problems; i++)
        c->refused |= s->problems[i]->kind == PROBLEM(PLAN) && s->problems[i]->resolved_at_ms == 0;
    count(st, c, true);
}

void audit_run_changed(void *state, const char *id, uint64_t revision, const ProtobufCMessage *m)
{
    struct audit_state *st = state;
    const pb_run *r = (const void *)m;
    (void)id;
    (void)revision;
    if (r->number == st->run)
        return;
    st->run = r->number;
    st->done = st->refused = 0;
    for (struct audit_case *c = st->cases; c != NULL; c = c->hh.next)
        count(st, c, true);
}

uint32_t audit_current_run(const void *state)
{
    const struct audit_state *st = state;
    return st == NULL ? 0 : st->run;
}

uint32_t audit_run_start(struct work *w, const pb_run *last, Ismap__Liu__V1__ReplanCause cause,
                         const char *reason)
{
    pb_run run = ISMAP__LIU__V1__REPLAN_RUN__INIT;
    run.number = last == NULL ? 1 : last->number + 1;
    run.cause = cause;
    run.reason = lend(reason);
    run.by = lend(work_actor(w));
    run.started_at_ms = work_now_ms(w);
    work_put(w, RECORD_REPLAN_RUN, AUDIT_RUN, &run.base);
    work_timer(w, TIMER_SWEEP, AUDIT_RUN, work_now_ms(w));
    return run.number;
}

enum decide audit_run_answer(struct work *w, uint32_t run)
{
    Ismap__Liu__V1__ReplanStarted reply = ISMAP__LIU__V1__REPLAN_STARTED__INIT;
    reply.run = run;
    work_reply(w, &reply.base);
    return DECIDE_DONE;
}

enum decide audit_replan_all(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__ReplanAll *m = work_message(w);
    const void *last = NULL;
    if (!work_get(w, RECORD_REPLAN_RUN, AUDIT_RUN, &last))
        return DECIDE_WAIT;
    return audit_run_answer(w, audit_run_start(w, last, CAUSE(ORDER), m->reason));
}

/* Packed, so that every field counts, those of later versions too. */
static bool same_audit_rules(struct arena *a, const Ismap__Liu__V1__Rulebook *x,
                             const Ismap__Liu__V1__Rulebook *y, bool *same)
{
    const uint8_t *px = NULL;
    const uint8_t *py = NULL;
    size_t nx = 0;
    size_t ny = 0;
    bool ok = (x->audit == NULL || wire_pack(a, &x->audit->base, &px, &nx) == ERR_OK) &&
              (y->audit == NULL || wire_pack(a, &y->audit->base, &py, &ny) == ERR_OK);
    *same = ok && nx == ny && (nx == 0 || memcmp(px, py, nx) == 0);
    return ok;
}

enum decide audit_on_rulebook(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__RulebookActivated *ev = work_message(w);
    const void *now = NULL;
    const void *before = NULL;
    const void *last = NULL;
    bool same = false;
    if (ev->previous[0] == '\0')
        return DECIDE_DONE; /* the first: there are no plans by another */
    bool loaded = work_get(w, RECORD_RULEBOOK, ev->hash, &now);
    loaded &= work_get(w, RECORD_RULEBOOK, ev->previous, &before);
    loaded &= work_get(w, RECORD_REPLAN_RUN, AUDIT_RUN, &last);
    if (!loaded)
        return DECIDE_WAIT;
    if (now == NULL || before == NULL)
        return DECIDE_DONE; /* rulebooks are never removed */
    if (!same_audit_rules(work_arena(w), now, before, &same))
        return work_no_memory(w);
    if (!same)
        (void)audit_run_start(w, last, CAUSE(CATALOGUE), ev->hash);
    return DECIDE_DONE;
}

/* Everything has its timer: wait until the last has fired. */
static enum decide wait_for_end(struct work *w, const struct audit_state *st, const pb_run *old)
{
    pb_run run = *old;
    Ismap__Liu__V1__ReplanFinished ev = ISMAP__LIU__V1__REPLAN_FINISHED__INIT;
    if (st == NULL || st->run != old->number || st->done < HASH_COUNT(st->cases)) {
        work_timer(w, TIMER_SWEEP, AUDIT_RUN, work_now_ms(w) + SWEEP_LOOK_MS);
        return DECIDE_DONE;
    }
    run.finished_at_ms = work_now_ms(w);
    ev.run = run.number;
    ev.services = st->done;
    ev.refused = st->refused;
    work_put(w, RECORD_REPLAN_RUN, AUDIT_RUN, &run.base);
    work_emit(w, &ev.base, NULL, 0);
    return DECIDE_DONE;
}

enum decide audit_on_sweep(struct work *w, void *state)
{
    const void *found = NULL;
    struct work_page page;
    if (!work_get(w, RECORD_REPLAN_RUN, AUDIT_RUN, &found))
        return DECIDE_WAIT;
    const pb_run *old = found;
    if (old == NULL || old->finished_at_ms != 0)
        return DECIDE_DONE;
    if (old->walked)
        return wait_for_end(w, state, old);
    if (!work_scan(w, RECORD_PLAN, old->page, SWEEP_PAGE, &page))
        return DECIDE_WAIT;
    pb_run run = *old;
    for (size_t i = 0; i < page.n; i++) {
        const char *id = arena_printf(work_arena(w), "%u/%s", run.number, page.ids[i]);
        if (id == NULL)
            return work_no_memory(w);
        work_timer(w, TIMER_MASS, id, work_now_ms(w));
    }
    run.queued += page.n;
    run.page = lend(page.next_page);
    run.walked = page.next_page[0] == '\0';
    work_put(w, RECORD_REPLAN_RUN, AUDIT_RUN, &run.base);
    work_timer(w, TIMER_SWEEP, AUDIT_RUN, work_now_ms(w));
    return DECIDE_DONE;
}

enum decide audit_get_run(struct work *w, void *state)
{
    const struct audit_state *st = state;
    const void *found = NULL;
    if (!work_get(w, RECORD_REPLAN_RUN, AUDIT_RUN, &found))
        return DECIDE_WAIT;
    if (found == NULL)
        return audit_not_found(w, "run");
    Ismap__Liu__V1__ReplanProgress reply = ISMAP__LIU__V1__REPLAN_PROGRESS__INIT;
    reply.run = (pb_run *)(uintptr_t)found;
    if (st != NULL && st->run == reply.run->number) {
        reply.done = st->done;
        reply.refused = st->refused;
        reply.total = HASH_COUNT(st->cases);
    }
    work_reply(w, &reply.base);
    return DECIDE_DONE;
}
