/* FetchEvents: a party asks for what follows a sequence number and is answered as soon as there is
 * something for it. What it may see comes from the index written in the commit; nothing is scanned.
 *
 * A waiter holds no Redis resource: it is woken by the tail when an entry for it passes. What has
 * left Redis is served by the service that has the archive (decision 0017).
 */
#include "flow/internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "flow/archive.h"
#include "flow/waiters.h"

#define FEED_ACTOR "feed" /* which one it was is for operators */

struct fetch {
    struct waiters waiters;
    struct metric *m_waiters;
};

static void waiter_free(struct waiter *x)
{
    struct fetch *fe = x->work->flow->fetch;
    struct actor *a = directory_actor(x->work->flow->dir, x->work->actor_key);
    if (a != NULL && a->waiting > 0)
        a->waiting--;
    waiters_remove(&fe->waiters, x);
    metric_set(fe->m_waiters, (int64_t)fe->waiters.n);
}

static void refuse(struct waiter *x, Ismap__Liu__V1__Status status, const char *field,
                   const char *rule, const char *ja, const char *en)
{
    struct work *w = x->work;
    waiter_free(x);
    (void)work_refuse(w, status, field, rule, ja, en);
    reply_send(w);
}

/* The texts, of the work's arena, name a number to go on by. */
static void refuse_number(struct waiter *x, Ismap__Liu__V1__Status status, const char *rule,
                          uint64_t number, const char *ja, const char *en)
{
    struct work *w = x->work;
    waiter_free(x);
    (void)work_refuse(w, status, "afterSeq", rule, ja == NULL ? "" : ja, en == NULL ? "" : en);
    faults_number(&w->faults, number);
    reply_send(w);
}

static Ismap__Liu__V1__Events *answer_new(struct waiter *x, uint64_t next_seq)
{
    struct work *w = x->work;
    Ismap__Liu__V1__Events *ev = arena_alloc(&w->arena, sizeof *ev);
    if (ev == NULL)
        return NULL;
    ismap__liu__v1__events__init(ev);
    ev->epoch = (char *)(uintptr_t)store_epoch(w->flow->store);
    ev->next_seq = next_seq;
    ev->head_seq = w->flow->tail_seq;
    return ev;
}

static void answer(struct waiter *x, Ismap__Liu__V1__Events *ev)
{
    struct work *w = x->work;
    const struct actor *a = directory_actor(w->flow->dir, w->actor_key);
    if (a == NULL || a->revoked) { /* authority is asked again when answering */
        refuse(x, FLOW_STATUS(PERMISSION_DENIED), "", "P-REVOKED",
               "この当事者の登録は取り消されています。", "This party has been revoked.");
        return;
    }
    waiter_free(x);
    if (ev != NULL)
        work_reply(w, &ev->base);
    if (ev == NULL || w->failed)
        w->status = FLOW_STATUS(RESOURCE_EXHAUSTED);
    reply_send(w);
}

static void answer_empty(struct waiter *x)
{
    answer(x, answer_new(x, x->after));
}

static uint32_t max_of(const Ismap__Liu__V1__FetchEvents *ask)
{
    return ask->max == 0 || ask->max > LIMIT_FETCH_EVENTS ? LIMIT_FETCH_EVENTS : ask->max;
}

/* Adds one entry; false = the answer is full before it. */
static bool add_event(struct work *w, const Ismap__Liu__V1__FetchEvents *ask,
                      Ismap__Liu__V1__Events *ev, const struct store_entry *s, size_t *bytes)
{
    ProtobufCMessage *m;
    enum err err =
        wire_unpack(&w->arena, &ismap__liu__v1__journal_entry__descriptor, s->data, s->bytes, &m);
    if (err != ERR_OK)
        return err != ERR_NOMEM;
    const pb_entry *e = (const pb_entry *)m;
    if (e->type[0] == '\0' || !waiter_wants(ask, e->type))
        return true;
    if (ev->n_events > 0 && *bytes + e->payload.len > LIMIT_FETCH_BYTES)
        return false;
    Ismap__Liu__V1__Event *out = arena_alloc(&w->arena, sizeof *out);
    if (out == NULL)
        return false;
    ismap__liu__v1__event__init(out);
    out->seq = s->seq;
    out->at_ms = e->at_ms;
    bool feed = strncmp(e->actor, FEED_ACTOR "/", sizeof FEED_ACTOR) == 0;
    out->actor = feed && !waiter_sees_all(w) ? (char *)(uintptr_t)FEED_ACTOR : e->actor;
    out->type = e->type;
    out->payload = e->payload;
    ev->events[ev->n_events++] = out;
    *bytes += e->payload.len + 64;
    return true;
}

static void ask_store(struct waiter *x);

/* Entries found; all up to `next` have been looked at. */
static void found(struct waiter *x, const struct store_entry *entries, size_t n, uint64_t next)
{
    struct work *w = x->work;
    bool more = next < x->asked_to;
    Ismap__Liu__V1__Events *ev = answer_new(x, next);
    if (ev != NULL)
        ev->events = arena_alloc(&w->arena, (n + 1) * sizeof *ev->events);
    if (ev == NULL || ev->events == NULL) {
        answer(x, NULL);
        return;
    }
    size_t bytes = 0;
    size_t i = 0;
    while (i < n && add_event(w, x->ask, ev, &entries[i], &bytes))
        i++;
    bool full = i < n; /* answered now: the rest is asked for by the next question */
    if (full && i == 0) {
        answer(x, NULL);
        return;
    }
    if (full)
        ev->next_seq = entries[i - 1].seq;
    x->after = ev->next_seq;
    bool wait =
        !full && ev->n_events == 0 && clock_mono_ms() < x->until_ms && w->flow->phase == FLOW_READY;
    if (!wait)
        answer(x, ev);
    else if (x->woken || more)
        ask_store(x);
}

static void refuse_archived(struct waiter *x)
{
    refuse(x, FLOW_STATUS(OUT_OF_RANGE), "afterSeq", "P-ARCHIVED",
           x->work->flow->svc->archive != NULL
               ? "この番号の記録は書庫にもありません。運用者に求めてください。"
               : "この番号の記録は書庫に移されています。ledger サービスに求めてください。",
           x->work->flow->svc->archive != NULL
               ? "Events after this number are no longer in the archive. Ask the operator for them."
               : "Events after this number have moved to the archive: fetch them from the ledger.");
}

/* ---- the archive */

/* What a worker of the service looks at while the waiter's work belongs to the loop: copies. */
struct archive_question {
    struct archive_ask ask;
    struct arena arena;
    bool all;
    const char *audience;
    const Ismap__Liu__V1__FetchEvents *types;
};

static void question_free(struct archive_ask *ask)
{
    struct archive_question *q = (struct archive_question *)ask;
    buf_fini(&ask->data);
    arena_fini(&q->arena);
    free(q);
}

/* The same rule as waiters_mark and as the index in Redis, which is made of the same list. */
static enum err archive_wanted(const struct archive_ask *ask, const uint8_t *data, size_t bytes,
                               bool *is)
{
    const struct archive_question *q = (const struct archive_question *)ask;
    struct arena a;
    ProtobufCMessage *m;
    arena_init(&a, 4 * (size_t)LIMIT_WORK_ARENA_BYTES);
    enum err err = wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, data, bytes, &m);
    const pb_entry *e = err == ERR_OK ? (const pb_entry *)m : NULL;
    bool mine = q->all;
    for (size_t i = 0; e != NULL && !mine && i < e->n_audience; i++)
        mine = strcmp(e->audience[i], "public") == 0 || strcmp(e->audience[i], q->audience) == 0;
    *is = e != NULL && mine && e->type[0] != '\0' && waiter_wants(q->types, e->type);
    arena_fini(&a);
    return err;
}

/* What came before is kept no more (decision 0026). */
static void refuse_first(struct waiter *x, uint64_t first)
{
    unsigned long long n = first;
    char *en = arena_printf(&x->work->arena,
                            "The journal begins with entry %llu: what came before is kept no more. "
                            "Read your state by queries, then go on with afterSeq %llu.",
                            n, n - 1);
    char *ja = arena_printf(&x->work->arena,
                            "記録は %llu 番から始まり、それより前は残っていません。"
                            "照会で現在の状態を読み直し、afterSeq を %llu として続けてください。",
                            n, n - 1);
    refuse_number(x, FLOW_STATUS(OUT_OF_RANGE), "P-FIRST", first, ja, en);
}

static void archive_done(struct archive_ask *ask)
{
    struct waiter *x = ask->arg;
    x->asking = false;
    if (ask->result == ERR_NOT_FOUND && ask->begins > 0)
        refuse_first(x, ask->begins);
    else if (ask->result == ERR_NOT_FOUND)
        refuse_archived(x);
    else if (ask->result == ERR_OK)
        found(x, ask->entries, ask->n, ask->next < x->asked_to ? ask->next : x->asked_to);
    else
        refuse(x, FLOW_STATUS(UNAVAILABLE), "afterSeq", "P-ARCHIVE",
               "書庫を読めません。運用者が確認します。",
               "The archive cannot be read now; the operators look at it.");
    question_free(ask);
}

static struct archive_question *question_of(struct waiter *x, uint64_t store_first)
{
    struct work *w = x->work;
    const uint8_t *packed;
    size_t bytes;
    ProtobufCMessage *m;
    struct archive_question *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    arena_init(&q->arena, 256 * 1024);
    buf_init(&q->ask.data, ARCHIVE_ASK_BYTES + LIMIT_WORK_ARENA_BYTES);
    q->all = waiter_sees_all(w);
    q->audience = arena_strdup(&q->arena, waiter_audience(w));
    if (q->audience == NULL || wire_pack(&q->arena, &x->ask->base, &packed, &bytes) != ERR_OK ||
        wire_unpack(&q->arena, x->ask->base.descriptor, packed, bytes, &m) != ERR_OK) {
        question_free(&q->ask);
        return NULL;
    }
    q->types = (const void *)m;
    q->ask.after = x->after;
    q->ask.to = x->asked_to;
    q->ask.store_first = store_first;
    q->ask.max = max_of(x->ask);
    q->ask.wanted = archive_wanted;
    q->ask.done = archive_done;
    q->ask.drop = question_free;
    q->ask.arg = x;
    return q;
}

/* What is behind x->after has left Redis, which begins with store_first; 0 = not known. */
static void ask_archive(struct waiter *x, uint64_t store_first)
{
    struct flow *f = x->work->flow;
    if (f->svc->archive == NULL || f->state == NULL) {
        refuse_archived(x);
        return;
    }
    struct archive_question *q = question_of(x, store_first);
    if (q == NULL) {
        answer(x, NULL);
        return;
    }
    x->asking = true;
    if (f->svc->archive(f->state, &q->ask) == ERR_OK)
        return;
    x->asking = false;
    question_free(&q->ask);
    refuse(x, FLOW_STATUS(RESOURCE_EXHAUSTED), "", "P-ARCHIVE-BUSY",
           "書庫の読み取りが混み合っています。しばらくして再送してください。",
           "Too many read the archive now. Ask again in a moment.");
}

static void on_entries(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct waiter *x = arg;
    x->asking = false;
    if (e != ERR_OK)
        answer_empty(x);
    else if (n == 0 || entries[0].seq != x->after + 1) /* the journal has no gaps */
        ask_archive(x, n == 0 ? 0 : entries[0].seq);
    else
        found(x, entries, n, n == max_of(x->ask) ? entries[n - 1].seq : x->asked_to);
}

static void on_audience(void *arg, enum err e, uint64_t first_seq,
                        const struct store_entry *entries, size_t n, bool more)
{
    struct waiter *x = arg;
    x->asking = false;
    if (e != ERR_OK && e != ERR_NOT_FOUND) {
        answer_empty(x);
        return;
    }
    if (e == ERR_NOT_FOUND || first_seq > x->after + 1) {
        ask_archive(x, e == ERR_OK ? first_seq : 0);
        return;
    }
    found(x, entries, n, more && n > 0 ? entries[n - 1].seq : x->asked_to);
}

static void ask_store(struct waiter *x)
{
    struct work *w = x->work;
    struct flow *f = w->flow;
    x->asked_to = f->tail_seq > x->after ? f->tail_seq : x->after;
    x->woken = false;
    if (x->after >= x->asked_to) {
        found(x, NULL, 0, x->asked_to);
        return;
    }
    x->asking = true;
    enum err e = waiter_sees_all(w) ? store_entries(f->store, x->after + 1, x->asked_to,
                                                    max_of(x->ask), on_entries, x)
                                    : store_audience(f->store, waiter_audience(w), x->after,
                                                     x->asked_to, max_of(x->ask), on_audience, x);
    if (e != ERR_OK) {
        x->asking = false;
        answer_empty(x);
    }
}

static void on_head(void *arg, enum err e, uint64_t seq)
{
    struct waiter *x = arg;
    x->asking = false;
    if (e == ERR_OK && x->after > seq) {
        char *en =
            arena_printf(&x->work->arena, "The journal's head is %llu: start again from there.",
                         (unsigned long long)seq);
        char *ja = arena_printf(&x->work->arena,
                                "記録の最終番号は %llu です。そこからやり直してください。",
                                (unsigned long long)seq);
        refuse_number(x, FLOW_STATUS(DATA_LOSS), "P-HEAD", seq, ja, en);
        return;
    }
    if (x->woken) /* the tail has passed it while the head was asked for */
        ask_store(x);
}

/* One waiter a connection: an earlier one is answered at once. */
static void drop_earlier(struct fetch *fe, const struct bus_peer *peer)
{
    struct waiter *x = waiters_by_peer(&fe->waiters, peer);
    if (x == NULL)
        return;
    waiters_overtake(&fe->waiters, x);
    if (x->asking)
        x->until_ms = 0; /* answered when the store has answered */
    else
        answer_empty(x);
}

void fetch_begin(struct work *w)
{
    struct flow *f = w->flow;
    struct fetch *fe = f->fetch;
    const Ismap__Liu__V1__FetchEvents *ask = w->message;
    drop_earlier(fe, &w->peer);
    if (ask->epoch[0] != '\0' && strcmp(ask->epoch, store_epoch(f->store)) != 0) {
        char *en = arena_printf(&w->arena,
                                "The journal's epoch is %s and its head %llu: start again there.",
                                store_epoch(f->store), (unsigned long long)f->tail_seq);
        (void)work_refuse(w, FLOW_STATUS(DATA_LOSS), "epoch", "P-EPOCH",
                          "記録の世代(epoch)が変わりました。最初から取り直してください。",
                          en == NULL ? "" : en);
        reply_send(w);
        return;
    }
    struct actor *a = directory_actor(f->dir, w->actor_key);
    bool full =
        a == NULL || a->waiting >= LIMIT_WAITERS_PER_PARTY || fe->waiters.n >= LIMIT_WAITERS;
    struct waiter *x = full ? NULL : waiters_add(&fe->waiters, w);
    if (x == NULL) {
        (void)work_refuse(w, FLOW_STATUS(RESOURCE_EXHAUSTED), "", "P-WAITERS",
                          "待機中の取得要求が上限に達しています。",
                          "Too many FetchEvents are waiting.");
        reply_send(w);
        return;
    }
    a->waiting++;
    x->ask = ask;
    x->after = ask->after_seq;
    x->until_ms = clock_mono_ms() + ask->wait_ms;
    metric_set(fe->m_waiters, (int64_t)fe->waiters.n);
    if (x->after > f->tail_seq) { /* ahead of us, or of the journal? */
        x->asking = store_head(f->store, on_head, x) == ERR_OK;
        return;
    }
    ask_store(x);
}

void fetch_entry(struct flow *f, uint64_t seq, const pb_entry *e)
{
    waiters_mark(&f->fetch->waiters, seq, e);
}

void fetch_wake(struct flow *f)
{
    struct waiter *x;
    while ((x = waiters_take_marked(&f->fetch->waiters)) != NULL)
        if (!x->asking)
            ask_store(x);
}

static void on_tick(void *flow)
{
    struct flow *f = flow;
    int64_t now = clock_mono_ms();
    for (struct waiter *x = f->fetch->waiters.all, *next; x != NULL; x = next) {
        next = x->next;
        if (x->asking)
            continue;
        const struct actor *a = directory_actor(f->dir, x->work->actor_key);
        if (a == NULL || a->revoked) { /* told at once, not when its wait is over */
            answer_empty(x);
            continue;
        }
        if (now < x->until_ms)
            continue;
        x->after = x->after > f->tail_seq
                       ? x->after
                       : f->tail_seq; /* nothing for it up to here, or it had been woken */
        answer_empty(x);
    }
}

void fetch_answer_all(struct flow *f, const struct flow_door *d)
{
    for (struct waiter *x = f->fetch == NULL ? NULL : f->fetch->waiters.all, *next; x != NULL;
         x = next) {
        next = x->next;
        if (d != NULL && x->work->door != d)
            continue;
        if (x->asking)
            x->until_ms = 0;
        else
            answer_empty(x);
    }
}

enum err fetch_create(struct flow *f)
{
    f->fetch = calloc(1, sizeof *f->fetch);
    if (f->fetch == NULL)
        return ERR_NOMEM;
    f->fetch->m_waiters =
        metrics_gauge("liu_event_waiters", "", "FetchEvents waiting for an event");
    struct loop_timer *t;
    return loop_add_timer(f->loop, 50, 50, on_tick, f, &t);
}

void fetch_destroy(struct flow *f)
{
    while (f->fetch != NULL && f->fetch->waiters.all != NULL) {
        struct work *w = f->fetch->waiters.all->work;
        waiter_free(f->fetch->waiters.all);
        work_destroy(w);
    }
    free(f->fetch);
    f->fetch = NULL;
}
