/* Puts back what services ask for. */
#include <string.h>

#include "base/clock.h"
#include "services/ledger/cold.h"
#include "services/ledger/ledger_private.h"

#define FORGET_MS 2000     /* an answer has been read by then */
#define FORGET_PAGE_MS 500 /* each is for one alone */

static void answer(struct cold *c);

static void answer_sent(void *arg, enum err e, int64_t n, const char *why)
{
    struct ledger *l = arg;
    struct cold *c = l->cold;
    if (ledger_answered(l))
        return;
    c->asking = false;
    if (e != ERR_OK) { /* asked for still: the next look finds it */
        if (e == ERR_CONFLICT && c->answer_generation == c->revision)
            ledger_fault(l, "cold-failed", "answers", why);
        return;
    }
    metric_add(c->m_thawed, (uint64_t)n);
    answer(c);
}

/* An empty record is one, too. */
static const uint8_t *value_of(const struct cold *c, const struct cold_item *i)
{
    return i->bytes == 0 ? (const uint8_t *)"" : c->asked.data.data + i->value_at;
}

/* The next call's worth of answers. */
static void answer(struct cold *c)
{
    struct ledger *l = c->ledger;
    struct cold_move moves[COLD_CALL];
    size_t n = 0;
    size_t bytes = 0;
    for (; c->answered < c->asked.n && n < COLD_CALL; c->answered++) {
        const struct cold_item *i = &c->asked.items[c->answered];
        if (i->skip)
            continue;
        if (n > 0 && bytes + i->bytes > COLD_CALL_BYTES / 4)
            break;
        bytes += i->bytes;
        moves[n++] = (struct cold_move){.kind = (enum record_kind)i->kind,
                                        .id = cold_list_id(&c->asked, i),
                                        .revision = i->revision,
                                        .value = i->known ? value_of(c, i) : NULL,
                                        .bytes = i->bytes,
                                        .show = i->show,
                                        .forget = i->forget};
    }
    if (n == 0)
        return;
    c->asking = true;
    l->pending++;
    if (store_thaw(l->store, c->answer_generation, c->answer_ms, moves, n, answer_sent, l) ==
        ERR_OK)
        return;
    c->asking = false;
    l->pending--;
}

static void looked(void *arg, struct archive_job *job)
{
    struct cold *c = arg;
    c->looking = false;
    if (job->result != ERR_OK)
        ledger_fault(c->ledger, "cold-failed", "answers", job->why.text);
    if (store_ready(c->ledger->store, NULL))
        answer(c);
}

/* What is forgotten needs no look. */
static enum err add(struct cold *c, const struct cold_asked *a, bool forget)
{
    enum err e = cold_list_add(&c->asked, (uint32_t)a->kind, a->id, strlen(a->id), 0);
    if (e == ERR_OK) {
        c->asked.items[c->asked.n - 1].show = a->show;
        c->asked.items[c->asked.n - 1].forget = forget;
    }
    return e;
}

/* The last memory is not for what is only shown; who asked is refused (lib/flow/cold.c). Records
 * are put back as long as consumers trickle: the journal behind them has to be trimmed. An order
 * may wait for its receipt. */
static bool has_room(const struct cold *c, const struct cold_asked *a)
{
    return a->kind == RECORD_RECEIPT ||
           store_pressure(c->ledger->store) <
               (a->show ? STORE_PRESSURE_RESERVE : STORE_PRESSURE_FULL);
}

/* An answer of the future was given by a clock that has been set back since. */
static bool is_over(const struct cold *c, const struct cold_asked *a)
{
    int64_t keep_ms = a->id[0] == COLD_PAGE ? FORGET_PAGE_MS : FORGET_MS;
    int64_t age_ms = c->answer_ms - a->answered_ms;
    return age_ms < 0 || age_ms > keep_ms;
}

/* First who waits, then what is forgotten: that comes with every look, so that the table has room
 * whoever asks. *open: how many wait. */
static enum err collect(struct cold *c, const struct cold_asked *list, size_t n, size_t *open)
{
    enum err e = ERR_OK;
    *open = 0;
    for (size_t i = 0; i < n && e == ERR_OK && *open < COLD_ASK_MAX; i++)
        if (list[i].answered_ms == 0 && has_room(c, &list[i])) {
            e = add(c, &list[i], false);
            ++*open;
        }
    for (size_t i = 0; i < n && e == ERR_OK; i++)
        if (list[i].answered_ms == 0 ? !has_room(c, &list[i]) : is_over(c, &list[i]))
            e = add(c, &list[i], true);
    return e;
}

static void asked(void *arg, enum err e, const struct cold_asked *list, size_t n)
{
    struct ledger *l = arg;
    struct cold *c = l->cold;
    size_t open;
    if (ledger_answered(l))
        return;
    c->asking = false;
    cold_list_clear(&c->asked);
    c->answered = 0;
    c->answer_ms = clock_wall_ms();
    c->answer_generation = c->revision;
    /* while the file has not all that has left nothing can be said */
    if (e != ERR_OK || !c->known || c->stored < c->published || l->stopped)
        return;
    if (collect(c, list, n, &open) != ERR_OK || c->asked.n == 0)
        return;
    if (open == 0) {
        answer(c);
        return;
    }
    c->looking = true;
    c->look = (struct archive_job){
        .task = ARCHIVE_CALL, .call = cold_step_look, .done = looked, .arg = c};
    archiver_submit(c->worker, &c->look);
}

void cold_answer_tick(void *cold)
{
    struct cold *c = cold;
    struct ledger *l = c->ledger;
    if (c->asking || c->looking || c->stage <= COLD_OPENING || l->stopped ||
        !store_ready(l->store, NULL))
        return;
    c->asking = true;
    l->pending++;
    if (store_asked(l->store, asked, l) == ERR_OK)
        return;
    c->asking = false;
    l->pending--;
}
