/* Acts on events of the journal, each exactly once: the cursor is written in the commit of the
 * effect.
 *
 * Up to LIMIT_CONSUMER_EVENTS events are decided side by side and committed together, as long as
 * none touches a record an earlier one of the batch writes. An event that fails for good goes to
 * quarantine in that same commit; a passing fault never advances the cursor.
 */
#include "flow/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define QUEUE_MAX 4096
#define RETRY_MS 200
#define IDLE_ADVANCE_MS 2000
#define IDLE_ADVANCE_ENTRIES 1000
#define BATCH_WRITES_MAX 56

struct queued {
    uint64_t seq;
    const struct consumer_row *row;
    uint8_t *payload;
    size_t bytes;
    struct queued *next;
};

struct batch {
    struct flow *flow;
    struct arena arena;
    struct work *works[LIMIT_CONSUMER_EVENTS];
    size_t n;
    size_t taken; /* of the works, by the commit in flight */
    unsigned undecided;
    bool failed; /* a passing fault */
    uint64_t to_seq;
};

struct consumer {
    uint64_t seq; /* the cursor as committed */
    uint64_t revision;
    uint64_t scanned; /* entries up to here are queued or of no interest */
    struct queued *first;
    struct queued *last;
    size_t n_queued;
    bool overflow; /* entries after `scanned` are in Redis only */
    bool refilling;
    bool busy;    /* a batch is under way */
    bool waiting; /* for the retry timer */
    unsigned attempts;
    unsigned batch_max;
    int64_t advanced_ms;
    struct loop_timer *timer;
};

uint64_t consumer_seq(const struct flow *f)
{
    return f->consumer == NULL ? f->tail_seq : f->consumer->seq;
}

static void queue_pop(struct consumer *c)
{
    struct queued *q = c->first;
    c->first = q->next;
    if (c->first == NULL)
        c->last = NULL;
    c->n_queued--;
    free(q->payload);
    free(q);
}

static const struct consumer_row *row_of(const struct flow *f, const char *type)
{
    for (size_t i = 0; i < f->svc->n_consumers; i++)
        if (strcmp(f->svc->consumers[i].type->name, type) == 0)
            return &f->svc->consumers[i];
    return NULL;
}

static bool queue_push(struct consumer *c, uint64_t seq, const struct consumer_row *row,
                       const pb_entry *e)
{
    struct queued *q = c->n_queued >= QUEUE_MAX ? NULL : calloc(1, sizeof *q);
    uint8_t *copy = q == NULL ? NULL : malloc(e->payload.len + 1);
    if (copy == NULL) {
        free(q);
        return false;
    }
    if (e->payload.len > 0)
        memcpy(copy, e->payload.data, e->payload.len);
    *q = (struct queued){.seq = seq, .row = row, .payload = copy, .bytes = e->payload.len};
    if (c->last == NULL)
        c->first = q;
    else
        c->last->next = q;
    c->last = q;
    c->n_queued++;
    return true;
}

static void take_in(struct flow *f, uint64_t seq, const pb_entry *e)
{
    struct consumer *c = f->consumer;
    if (seq != c->scanned + 1)
        return;
    const struct consumer_row *row = row_of(f, e->type);
    if (row != NULL && !queue_push(c, seq, row, e)) {
        c->overflow = true;
        return;
    }
    c->scanned = seq;
}

void consumer_offer(struct flow *f, uint64_t seq, const pb_entry *e)
{
    if (f->consumer != NULL && !f->consumer->overflow)
        take_in(f, seq, e);
}

/* ---- refill after an overflow */

static void on_refill(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct flow *f = arg;
    struct consumer *c = f->consumer;
    c->refilling = false;
    if (e != ERR_OK)
        return;
    c->overflow = false;
    for (size_t i = 0; i < n && !c->overflow; i++) {
        struct arena a;
        arena_init(&a, LIMIT_WORK_ARENA_BYTES);
        ProtobufCMessage *m;
        if (wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, entries[i].data,
                        entries[i].bytes, &m) == ERR_OK)
            take_in(f, entries[i].seq, (const pb_entry *)m);
        arena_fini(&a);
    }
    c->overflow = c->overflow || c->scanned < f->tail_seq;
    consumer_go(f);
}

static void refill(struct flow *f)
{
    struct consumer *c = f->consumer;
    if (c->refilling || c->scanned >= f->tail_seq)
        return;
    c->refilling =
        store_entries(f->store, c->scanned + 1, f->tail_seq, 512, on_refill, f) == ERR_OK;
}

/* ---- a batch */

static void batch_free(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        work_destroy(b->works[i]);
    arena_fini(&b->arena);
    free(b);
    b = NULL;
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
    if (e == ERR_OK && n == 1) {
        struct arena a;
        arena_init(&a, 4096);
        ProtobufCMessage *m;
        if (records[0].exists && wire_unpack(&a, &ismap__liu__v1__cursor__descriptor,
                                             records[0].value, records[0].bytes, &m) == ERR_OK)
            c->seq = ((const Ismap__Liu__V1__Cursor *)m)->seq;
        c->revision = records[0].exists ? records[0].revision : 0;
        arena_fini(&a);
        while (c->first != NULL && c->first->seq <= c->seq)
            queue_pop(c);
    }
    retry_later(f);
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
    batch_free(b);
    if (r->status != COMMIT_OK) {
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
    c->batch_max =
        c->batch_max * 2 > LIMIT_CONSUMER_EVENTS ? LIMIT_CONSUMER_EVENTS : c->batch_max * 2;
    c->advanced_ms = clock_mono_ms();
    while (c->first != NULL && c->first->seq <= to)
        queue_pop(c);
    c->busy = false;
    metric_set(f->m_consumed, (int64_t)c->seq);
    consumer_go(f);
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

static void quarantine(struct work *w, const char *reason)
{
    struct flow *f = w->flow;
    work_reset_outcome(w);
    Ismap__Liu__V1__Quarantined *q = arena_alloc(&w->arena, sizeof *q);
    Ismap__Liu__V1__EventQuarantined *e = arena_alloc(&w->arena, sizeof *e);
    char *id = arena_printf(&w->arena, "%s/%llu", f->svc->name, (unsigned long long)w->event_seq);
    char *why = arena_strdup(&w->arena, reason);
    if (q == NULL || e == NULL || id == NULL || why == NULL)
        return;
    ismap__liu__v1__quarantined__init(q);
    q->consumer = (char *)(uintptr_t)f->svc->name;
    q->seq = w->event_seq;
    q->reason = why;
    q->at_ms = w->now_ms;
    ismap__liu__v1__event_quarantined__init(e);
    e->consumer = q->consumer;
    e->seq = q->seq;
    e->reason = why;
    work_put(w, RECORD_QUARANTINED, id, &q->base);
    work_emit(w, &e->base, NULL, 0);
    metric_add(f->m_quarantined, 1);
    log_event(LOG_LEVEL_ERROR, "event-quarantined",
              "an event failed for good and waits for a person", "id", id, "why", why, NULL);
}

static const char *refusal_text(const struct work *w)
{
    return w->faults.n > 0 ? w->faults.items[0].en : "refused without a reason";
}

/* How many works from the front can go into one commit. */
static size_t batch_take(struct batch *b)
{
    size_t puts = 0;
    size_t entries = 0;
    size_t n = 0;
    for (; n < b->n; n++) {
        struct work *w = b->works[n];
        if (work_refused(w))
            quarantine(w, refusal_text(w));
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

static void merge(struct commit *all, const struct commit *from)
{
    APPEND(guards, struct commit_guard, n_guards)
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

static void batch_decided(struct batch *b)
{
    struct flow *f = b->flow;
    struct consumer *c = f->consumer;
    bool last_try = b->failed && b->n == 1 && c->attempts >= LIMIT_COMMIT_ATTEMPTS &&
                    store_ready(f->store, NULL);
    if (last_try)
        quarantine(b->works[0], refusal_text(b->works[0]));
    if (b->failed && !last_try) {
        batch_free(b);
        batch_again(f);
        return;
    }
    b->taken = batch_take(b);
    b->to_seq = b->works[b->taken - 1]->event_seq;
    if (b->taken == c->n_queued && !c->overflow)
        b->to_seq = c->scanned; /* nothing of interest follows */
    if (!batch_commit(b)) {
        batch_free(b);
        batch_again(f);
    }
}

void consumer_work_done(struct work *w, bool decided)
{
    if (w->source == WORK_TIMER) { /* a passing fault: the timer fires again */
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
    w->decide = q->row->decide;
    w->cause = arena_printf(&w->arena, "e:%s:%s:%llu", f->svc->name, store_epoch(f->store),
                            (unsigned long long)q->seq);
    ProtobufCMessage *m = NULL;
    if (w->cause == NULL ||
        wire_unpack(&w->arena, q->row->type, q->payload, q->bytes, &m) != ERR_OK) {
        w->cause = w->cause == NULL ? "" : w->cause;
        (void)work_refuse(w, FLOW_STATUS(INVALID_ARGUMENT), "", "P-EVENT", "イベントを読めません。",
                          "The event cannot be read.");
    }
    w->message = m;
    w->payload = q->payload;
    w->payload_bytes = q->bytes;
    return w;
}

static void advance_idle(struct flow *f)
{
    struct consumer *c = f->consumer;
    int64_t now = clock_mono_ms();
    if (c->scanned <= c->seq ||
        (c->scanned - c->seq < IDLE_ADVANCE_ENTRIES && now - c->advanced_ms < IDLE_ADVANCE_MS))
        return;
    struct batch *b = calloc(1, sizeof *b);
    if (b == NULL)
        return;
    b->flow = f;
    arena_init(&b->arena, LIMIT_WORK_ARENA_BYTES);
    b->to_seq = c->scanned;
    c->busy = true;
    if (!batch_commit(b)) {
        c->busy = false;
        batch_free(b);
    }
}

void consumer_go(struct flow *f)
{
    struct consumer *c = f->consumer;
    if (c == NULL || c->busy || c->waiting || !store_ready(f->store, NULL) ||
        f->phase == FLOW_STOPPING)
        return;
    if (store_pressure(f->store) == STORE_PRESSURE_CASES)
        return; /* what is left of the memory is for suspensions; the events wait in the journal */
    if (c->overflow && c->n_queued < QUEUE_MAX / 2)
        refill(f);
    if (c->first == NULL) {
        advance_idle(f);
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
        queue_pop(c);
    free(c);
    f->consumer = NULL;
}
