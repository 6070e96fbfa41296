/* Acts on events of the journal, each exactly once: the cursor is written in the commit of the
 * effect.
 *
 * Up to LIMIT_CONSUMER_EVENTS events are decided side by side and committed together, as long as
 * none touches a record an earlier one of the batch writes. An event that fails for good goes to
 * quarantine (quarantine.c) in that same commit; a passing fault never advances the cursor.
 */
#include "flow/consumer.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define RETRY_MS 200
#define IDLE_ADVANCE_MS 2000
#define TRICKLE_MS 400 /* between two batches when memory is all but used up */
#define IDLE_ADVANCE_ENTRIES 1000
#define BATCH_WRITES_MAX 56
#define CONFLICTS_MAX                                                                              \
    (8 * LIMIT_COMMIT_ATTEMPTS) /* of one event alone, the cursor standing still */

/* Work that was accepted goes on while new cases are refused, and with it what the ledger may trim.
 * In the last part of the memory it only trickles: the journal behind it cannot be trimmed, so that
 * standing still might be for ever. What is left then is for suspensions. */
bool consumer_waits(const struct flow *f)
{
    return f->consumer != NULL && f->consumer->first != NULL &&
           flow_refuses(f, STORE_PRESSURE_RESERVE);
}

uint64_t consumer_seq(const struct flow *f)
{
    return f->consumer == NULL ? f->tail_seq : f->consumer->seq;
}

/* ---- a batch */

static void batch_free(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        work_destroy(b->works[i]);
    arena_fini(&b->arena);
    free(b);
}

static void on_retry(void *flow)
{
    struct flow *f = flow;
    f->consumer->waiting = false;
    f->consumer->timer = NULL;
    consumer_go(f);
}

static void retry_later(struct flow *f)
{
    struct consumer *c = f->consumer;
    if (!c->waiting)
        c->waiting = loop_add_timer(f->loop, RETRY_MS, 0, on_retry, f, &c->timer) == ERR_OK;
}

static void on_cursor(void *arg, enum err e, const struct store_record *records, size_t n)
{
    struct flow *f = arg;
    struct consumer *c = f->consumer;
    c->busy = false;
    uint64_t seq;
    if (e == ERR_OK && n == 1 && cursor_read_seq(&records[0], &seq) == ERR_OK) {
        uint64_t revision = records[0].exists ? records[0].revision : 0;
        if (revision != c->revision)
            c->refusals = c->conflicts = 0;
        c->seq = seq;
        c->revision = revision;
        if (c->scanned < seq)
            c->scanned = seq;
        while (c->first != NULL && c->first->seq <= c->seq)
            consumer_pop(c);
    }
    retry_later(f);
}

enum err cursor_read_seq(const struct store_record *r, uint64_t *seq)
{
    struct arena a;
    ProtobufCMessage *m;
    enum err e = ERR_OK;
    *seq = 0;
    arena_init(&a, 4096);
    if (r->exists)
        e = wire_unpack(&a, &ismap__liu__v1__cursor__descriptor, r->value, r->bytes, &m);
    if (r->exists && e == ERR_OK)
        *seq = ((const Ismap__Liu__V1__Cursor *)m)->seq;
    arena_fini(&a);
    return e;
}

/* Something did not hold: look at the cursor again (the commit may have taken effect), then go on.
 */
static void batch_again(struct flow *f)
{
    struct consumer *c = f->consumer;
    c->attempts++;
    if (c->attempts >= 2)
        c->batch_max = 1;
    struct store_key key = {.kind = RECORD_CURSOR, .id = f->svc->name};
    if (store_read(f->store, &key, 1, on_cursor, f) != ERR_OK) {
        c->busy = false;
        retry_later(f);
    }
}

static void on_batch_commit(void *arg, const struct commit_result *r)
{
    struct batch *b = arg;
    struct flow *f = b->flow;
    struct consumer *c = f->consumer;
    uint64_t to = b->to_seq;
    bool alone = b->n == 1;
    for (size_t i = 0; r->status == COMMIT_OK && i < b->taken; i++)
        work_keep_puts(b->works[i]);
    batch_free(b);
    if (r->status != COMMIT_OK) {
        if (alone && (r->status == COMMIT_REFUSED || r->status == COMMIT_CONFLICT)) {
            c->refusals += r->status == COMMIT_REFUSED;
            c->conflicts += r->status == COMMIT_CONFLICT;
            (void)text_copy(c->why, sizeof c->why, r->text);
        }
        if (r->status != COMMIT_CONFLICT)
            log_event(LOG_LEVEL_WARN, "consumer-commit",
                      "a consumer's commit did not hold; trying again", "why", r->text, NULL);
        batch_again(f);
        return;
    }
    metric_add(f->m_commits, 1);
    c->seq = to;
    c->revision++;
    c->attempts = 0;
    c->refusals = 0;
    c->conflicts = 0;
    c->batch_max =
        c->batch_max * 2 > LIMIT_CONSUMER_EVENTS ? LIMIT_CONSUMER_EVENTS : c->batch_max * 2;
    c->advanced_ms = clock_mono_ms();
    while (c->first != NULL && c->first->seq <= to)
        consumer_pop(c);
    c->busy = false;
    metric_set(f->m_consumed, (int64_t)c->seq);
    consumer_go(f);
}

const char *consumer_cause(struct work *w)
{
    return arena_printf(&w->arena, "e:%s:%s:%llu", w->flow->svc->name, store_epoch(w->flow->store),
                        (unsigned long long)w->event_seq);
}

static bool same_record(const struct work_write *p, enum record_kind kind, const char *id)
{
    return p->kind == kind && strcmp(p->id, id) == 0;
}

/* Does work w touch what an earlier work of the batch writes? */
static bool overlaps(const struct batch *b, size_t at)
{
    const struct work *w = b->works[at];
    for (size_t i = 0; i < at; i++) {
        const struct work *e = b->works[i];
        for (size_t p = 0; p < e->n_puts; p++) {
            for (size_t r = 0; r < w->n_reads; r++)
                if (same_record(&e->puts[p], w->reads[r].kind, w->reads[r].id))
                    return true;
            for (size_t q = 0; q < w->n_puts; q++)
                if (same_record(&e->puts[p], w->puts[q].kind, w->puts[q].id))
                    return true;
        }
    }
    return false;
}

/* How many works from the front can go into one commit. */
static size_t batch_take(struct batch *b)
{
    size_t puts = 0;
    size_t entries = 0;
    size_t n = 0;
    for (; n < b->n; n++) {
        struct work *w = b->works[n];
        if (work_refused(w) && !consumer_quarantine_refused(w))
            break;
        size_t more = w->n_events == 0 && w->n_puts > 0 ? 1 : w->n_events;
        if (n > 0 && (puts + w->n_puts > BATCH_WRITES_MAX || entries + more > LIMIT_WORK_ENTRIES ||
                      overlaps(b, n)))
            break;
        puts += w->n_puts;
        entries += more;
    }
    return n;
}

static bool cursor_put(struct batch *b, struct commit_put *out)
{
    struct flow *f = b->flow;
    Ismap__Liu__V1__Cursor cur = ISMAP__LIU__V1__CURSOR__INIT;
    cur.consumer = (char *)(uintptr_t)f->svc->name;
    cur.seq = b->to_seq;
    cur.epoch = (char *)(uintptr_t)store_epoch(f->store);
    *out = (struct commit_put){
        .kind = RECORD_CURSOR, .id = f->svc->name, .expected = f->consumer->revision};
    return wire_pack(&b->arena, &cur.base, &out->value, &out->value_bytes) == ERR_OK;
}

#define APPEND(field, type, counter)                                                               \
    for (size_t k = 0; k < from->n_##field; k++)                                                   \
        ((type *)(uintptr_t)all->field)[all->n_##field++] = from->field[k];

static bool same_guard(const struct commit_guard *x, const struct commit_guard *y)
{
    return x->kind == y->kind && x->revision == y->revision && strcmp(x->id, y->id) == 0;
}

/* The generation of what is cold, which most works guard, goes in once. */
static void merge_guards(struct commit *all, const struct commit *from)
{
    for (size_t k = 0; k < from->n_guards; k++) {
        const struct commit_guard *g = &from->guards[k];
        bool there = false;
        for (size_t i = 0; g->kind == RECORD_UPKEEP && i < all->n_guards && !there; i++)
            there = same_guard(&all->guards[i], g);
        if (!there)
            ((struct commit_guard *)(uintptr_t)all->guards)[all->n_guards++] = *g;
    }
}

static void merge(struct commit *all, const struct commit *from)
{
    merge_guards(all, from);
    APPEND(puts, struct commit_put, n_puts)
    APPEND(entries, struct commit_entry, n_entries)
    APPEND(timers, struct commit_timer, n_timers)
}

static bool batch_commit(struct batch *b)
{
    struct flow *f = b->flow;
    size_t n = b->taken;
    size_t guards = 0, puts = 1, entries = 0, timers = 0;
    for (size_t i = 0; i < n; i++) {
        if (work_build_commit(b->works[i]) != ERR_OK)
            return false;
        guards += b->works[i]->commit.n_guards;
        puts += b->works[i]->commit.n_puts;
        entries += b->works[i]->commit.n_entries;
        timers += b->works[i]->commit.n_timers;
    }
    struct commit *all = arena_alloc(&b->arena, sizeof *all);
    if (all == NULL)
        return false;
    all->guards = arena_alloc(&b->arena, (guards + 1) * sizeof *all->guards);
    all->puts = arena_alloc(&b->arena, puts * sizeof *all->puts);
    all->entries = arena_alloc(&b->arena, (entries + 1) * sizeof *all->entries);
    all->timers = arena_alloc(&b->arena, (timers + 1) * sizeof *all->timers);
    all->reply_type = "";
    all->now_ms = flow_now_ms(f);
    if (all->guards == NULL || all->puts == NULL || all->entries == NULL || all->timers == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        merge(all, &b->works[i]->commit);
    if (!cursor_put(b, (struct commit_put *)(uintptr_t)&all->puts[all->n_puts]))
        return false;
    all->n_puts++;
    return store_commit(f->store, STORE_MAIN, all, on_batch_commit, b) == ERR_OK;
}

/* One event alone fails again and again, while the store is there: others wait behind it. */
static bool failed_for_good(const struct batch *b)
{
    const struct consumer *c = b->flow->consumer;
    if (b->n != 1 || !store_ready(b->flow->store, NULL))
        return false;
    if (b->failed) /* memory comes back, as the store does */
        return c->attempts >= LIMIT_COMMIT_ATTEMPTS &&
               b->works[0]->status != FLOW_STATUS(UNAVAILABLE) && !b->works[0]->arena.no_memory;
    return c->refusals >= LIMIT_COMMIT_ATTEMPTS || c->conflicts >= CONFLICTS_MAX;
}

static void batch_decided(struct batch *b)
{
    struct flow *f = b->flow;
    struct consumer *c = f->consumer;
    if (failed_for_good(b)) {
        struct work *w = b->works[0];
        char why[CONSUMER_REASON_BYTES];
        if (b->failed)
            consumer_refusal_text(w, why);
        else
            (void)text_copy(why, sizeof why, c->why);
        b->failed = !consumer_work_clear(w) || !consumer_quarantine(w, why);
    }
    b->taken = b->failed ? 0 : batch_take(b);
    if (b->taken > 0) {
        b->to_seq = b->works[b->taken - 1]->event_seq;
        if (b->taken == c->n_queued && !c->overflow)
            b->to_seq = c->scanned; /* nothing of interest follows */
        if (batch_commit(b))
            return;
        if (b->n == 1 && (b->works[0]->arena.spent || b->arena.spent)) {
            c->refusals++;
            (void)text_copy(c->why, sizeof c->why, "the effect is larger than a work may be");
        }
    }
    batch_free(b);
    batch_again(f);
}

void consumer_work_done(struct work *w, bool decided)
{
    if (w->source == WORK_TIMER) { /* a passing fault: the timer fires again */
        timers_fired(w->flow, w->timer_member, false);
        work_destroy(w);
        return;
    }
    struct batch *b = w->batch;
    b->failed = b->failed || !decided;
    if (--b->undecided == 0)
        batch_decided(b);
}

static struct work *event_work(struct flow *f, struct batch *b, const struct queued *q)
{
    struct work *w = work_create(f, WORK_EVENT);
    if (w == NULL)
        return NULL;
    w->batch = b;
    w->event_seq = q->seq;
    w->actor = f->svc->name;
    w->decide = q->row == NULL ? NULL : q->row->decide;
    w->event_type = q->row == NULL ? NULL : q->row->type->name;
    w->cause = consumer_cause(w);
    ProtobufCMessage *m = NULL;
    enum err e = ERR_PROTO;
    if (q->row != NULL)
        e = wire_unpack(&w->arena, q->row->type, q->payload, q->bytes, &m);
    if (w->cause == NULL || (e == ERR_NOMEM && !w->arena.spent)) { /* a passing fault */
        work_destroy(w);
        return NULL;
    }
    if (e != ERR_OK) {
        m = NULL;
        (void)work_refuse(w, FLOW_STATUS(INVALID_ARGUMENT), "", "P-EVENT", "イベントを読めません。",
                          "The event cannot be read.");
    }
    w->message = m;
    w->payload = q->payload;
    w->payload_bytes = q->bytes;
    return w;
}

/* Moves the cursor over entries of no interest, so that the ledger may trim them. */
static void advance_idle(struct flow *f, uint64_t to_seq)
{
    struct consumer *c = f->consumer;
    int64_t now = clock_mono_ms();
    if (to_seq <= c->seq ||
        (to_seq - c->seq < IDLE_ADVANCE_ENTRIES && now - c->advanced_ms < IDLE_ADVANCE_MS))
        return;
    struct batch *b = calloc(1, sizeof *b);
    if (b == NULL)
        return;
    b->flow = f;
    arena_init(&b->arena, LIMIT_WORK_ARENA_BYTES);
    b->to_seq = to_seq;
    c->busy = true;
    if (!batch_commit(b)) {
        c->busy = false;
        batch_free(b);
    }
}

static bool may_trickle(const struct flow *f)
{
    return clock_mono_ms() - f->consumer->advanced_ms >= TRICKLE_MS &&
           !flow_refuses(f, STORE_PRESSURE_FULL);
}

void consumer_go(struct flow *f)
{
    struct consumer *c = f->consumer;
    if (c == NULL || c->busy || c->waiting || !store_ready(f->store, NULL) ||
        f->phase == FLOW_STOPPING)
        return;
    if (c->overflow && c->n_queued < CONSUMER_QUEUE_MAX / 2)
        consumer_refill(f);
    if (c->first == NULL || (consumer_waits(f) && !may_trickle(f))) {
        advance_idle(f, c->first == NULL ? c->scanned : c->first->seq - 1);
        return;
    }
    struct batch *b = calloc(1, sizeof *b);
    if (b == NULL) {
        retry_later(f);
        return;
    }
    b->flow = f;
    arena_init(&b->arena, LIMIT_WORK_ARENA_BYTES);
    for (const struct queued *q = c->first; q != NULL && b->n < c->batch_max; q = q->next) {
        b->works[b->n] = event_work(f, b, q);
        if (b->works[b->n] == NULL)
            break;
        b->n++;
    }
    if (b->n == 0) {
        batch_free(b);
        retry_later(f);
        return;
    }
    c->busy = true;
    b->undecided = 1 + (unsigned)b->n;
    for (size_t i = 0; i < b->n; i++) {
        if (b->works[i]->message == NULL)
            b->undecided--; /* refused already */
        else
            work_run(b->works[i]);
    }
    if (--b->undecided == 0)
        batch_decided(b);
}

static void on_tick(void *flow)
{
    consumer_go(flow);
}

enum err consumer_start(struct flow *f, uint64_t seq, uint64_t revision)
{
    if (f->svc->n_consumers == 0)
        return ERR_OK;
    f->consumer = calloc(1, sizeof *f->consumer);
    if (f->consumer == NULL)
        return ERR_NOMEM;
    f->consumer->seq = seq;
    f->consumer->scanned = seq;
    f->consumer->revision = revision;
    f->consumer->batch_max = LIMIT_CONSUMER_EVENTS;
    f->consumer->advanced_ms = clock_mono_ms();
    struct loop_timer *t;
    return loop_add_timer(f->loop, 500, 500, on_tick, f, &t);
}

void consumer_destroy(struct flow *f)
{
    struct consumer *c = f->consumer;
    while (c != NULL && c->first != NULL)
        consumer_pop(c);
    free(c);
    f->consumer = NULL;
}
