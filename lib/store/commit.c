/* Batches commits: whatever has gathered by the end of a turn goes out as one call, so the busier
 * the service is the bigger the batch. A lane keeps a few calls in flight and its order.
 */
#include "store/store_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "obs/log.h"
#include "obs/metrics.h"
#include "store/reply.h"

/* Redis refused to run the call at all: nothing was written. */
static const char *const never_ran[] = {
    "OOM",  "MISCONF", "LOADING", "NOREPLICAS", "READONLY",
    "BUSY", "NOPERM",  "NOAUTH",  "MASTERDOWN", "ERR Function not found"};

enum err lane_init(struct lane *l, struct store *s, struct conn *c)
{
    l->store = s;
    l->conn = c;
    l->ring = calloc(LIMIT_REDIS_PENDING, sizeof(*l->ring));
    if (l->ring == NULL)
        return ERR_NOMEM;
    return encoder_init(&l->encoder, s->partition);
}

void lane_fini(struct lane *l)
{
    if (l->ring == NULL)
        return;
    lane_drop(l, "the service stops");
    encoder_fini(&l->encoder);
    for (size_t i = 0; i < l->n_spare; i++)
        free(l->spare[i]);
    l->n_spare = 0;
    free(l->ring);
    l->ring = NULL;
}

static void answer(struct lane *l, const struct queued *q, const struct commit_result *r)
{
    struct store *s = l->store;
    if (r->status == COMMIT_OK || r->status == COMMIT_DUPLICATE)
        store_reached(s, r->seq);
    if (r->status == COMMIT_OK) {
        s->bell_seq = r->seq > s->bell_seq ? r->seq : s->bell_seq;
        metric_add(s->m_commits, 1);
        metric_observe_us(s->m_commit_us, clock_mono_us() - q->queued_us);
    } else if (r->status == COMMIT_CONFLICT) {
        metric_add(s->m_conflicts, 1);
    } else if (s->m_failed[r->status] != NULL) {
        metric_add(s->m_failed[r->status], 1);
    }
    q->fn(q->arg, r);
}

void lane_drop(struct lane *l, const char *why)
{
    size_t n = l->n; /* callbacks may queue again, which is refused */
    struct commit_result r = {.status = COMMIT_UNAVAILABLE, .text = why};
    while (n-- > 0) {
        struct queued q = l->ring[l->first];
        l->first = (l->first + 1) % LIMIT_REDIS_PENDING;
        l->n--;
        answer(l, &q, &r);
    }
}

static void answer_all(struct batch *b, enum commit_status status, const char *text)
{
    struct commit_result r = {.status = status, .text = text};
    for (size_t i = 0; i < b->n; i++)
        answer(b->lane, &b->items[i], &r);
}

static bool starts_with(const char *s, const char *start)
{
    return strncmp(s, start, strlen(start)) == 0;
}

/* An error for the whole call. */
static void answer_error(struct batch *b, const char *text)
{
    struct conn *c = b->lane->conn;
    for (size_t i = 0; i < sizeof(never_ran) / sizeof(never_ran[0]); i++) {
        if (starts_with(text, never_ran[i])) {
            c->check_at_ms = c->check_at_ms == INT64_MAX ? INT64_MAX : 0;
            answer_all(b, COMMIT_UNAVAILABLE, text);
            return;
        }
    }
    log_event(LOG_LEVEL_ERROR, "store-broken", "the Function refuses the store", "why", text, NULL);
    c->check_at_ms = c->check_at_ms == INT64_MAX ? INT64_MAX : 0;
    answer_all(b, COMMIT_BROKEN, text);
}

static void answer_each(struct batch *b, const redisReply *reply)
{
    for (size_t i = 0; i < b->n; i++) {
        struct commit_result r;
        struct answer_text text;
        const char *p = NULL;
        size_t n = 0;
        if (!reply_string(reply_at(reply, i), &p, &n) ||
            answer_decode((const uint8_t *)p, n, b->items[i].commit.now_ms, &text, &r) != ERR_OK)
            r = (struct commit_result){.status = COMMIT_BROKEN,
                                       .text = "the answer cannot be read"};
        answer(b->lane, &b->items[i], &r);
    }
}

static void batch_done(struct batch *b)
{
    struct lane *l = b->lane;
    freeReplyObject(b->reply);
    if (l->n_spare < LIMIT_BATCHES_IN_FLIGHT)
        l->spare[l->n_spare++] = b;
    else
        free(b);
    if (l->n > 0)
        loop_again(l->store->loop);
}

static void answer_batch(struct batch *b, enum err e, const redisReply *reply)
{
    struct lane *l = b->lane;
    l->in_flight--;
    l->sent -= b->n;
    if (e == ERR_UNAVAILABLE)
        answer_all(b, COMMIT_UNAVAILABLE,
                   "the connection to Redis ended before the commit was sent");
    else if (e != ERR_OK)
        answer_all(b, COMMIT_UNKNOWN, "no answer: the commit may or may not have happened");
    else if (reply_error(reply) != NULL)
        answer_error(b, reply_error(reply));
    else if (reply_count(reply) != b->n)
        answer_all(b, COMMIT_BROKEN, "the answer has the wrong number of results");
    else
        answer_each(b, reply);
}

static void on_reply(void *arg, enum err e, redisReply **reply)
{
    struct batch *b = arg;
    bool ran = e == ERR_OK && reply_error(*reply) == NULL;
    if (ran && b->waits) {
        b->reply = *reply; /* told by on_replicated, which follows */
        *reply = NULL;
        return;
    }
    answer_batch(b, ran && b->lane->store->replicas > 0 ? ERR_TIMEOUT : e, *reply);
    b->n = 0; /* all told */
    if (!b->waits)
        batch_done(b);
}

/* What is durable here may still be lost with this host: until enough replicas have it, nobody may
 * say that it happened. It may yet; the same id sent again finds out. */
static void on_replicated(void *arg, enum err e, redisReply **reply)
{
    struct batch *b = arg;
    int64_t have = 0;
    bool enough = e == ERR_OK && !b->lane->unsynced && reply_integer(*reply, &have) &&
                  have >= b->lane->store->replicas;
    b->lane->unsynced = false;
    if (b->n > 0)
        answer_batch(b, enough ? ERR_OK : ERR_TIMEOUT, b->reply);
    batch_done(b);
}

static void on_synced(void *arg, enum err e, redisReply **reply)
{
    struct lane *l = arg;
    l->unsynced = e != ERR_OK || !reply_is_ok(*reply);
}

/* WAIT speaks of what this connection wrote; since Redis 7.2 a call that found all of its commits
 * done before counts as no write, so that others' may not be there yet. A write of our own makes it
 * speak of everything before it. */
static enum err send_wait(struct lane *l, struct batch *b)
{
    struct store *s = l->store;
    struct key key;
    key_sync(&key, s->partition);
    enum err e =
        conn_command(l->conn, s->timeout_ms, on_synced, l, "SET", key.text, s->epoch, NULL);
    if (e != ERR_OK)
        return e;
    char replicas[12];
    char ms[24];
    (void)snprintf(replicas, sizeof(replicas), "%" PRIu32, s->replicas);
    (void)snprintf(ms, sizeof(ms), "%" PRId64, s->timeout_ms / 2); /* before we give up ourselves */
    return conn_command(l->conn, s->timeout_ms, on_replicated, b, "WAIT", replicas, ms, NULL);
}

/* Moves commits into the encoder until it is full. Those that can never be sent are answered here,
 * on the loop. */
static void fill(struct lane *l, struct batch *b)
{
    while (l->n > 0) {
        struct queued q = l->ring[l->first];
        struct commit_result r = {.status = COMMIT_REFUSED};
        enum err e = encoder_add(&l->encoder, &q.commit, &r.text);
        if (e == ERR_AGAIN)
            return;
        l->first = (l->first + 1) % LIMIT_REDIS_PENDING;
        l->n--;
        if (e == ERR_OK) {
            b->items[b->n++] = q;
            continue;
        }
        if (e == ERR_NOMEM)
            r.status = COMMIT_UNAVAILABLE;
        answer(l, &q, &r);
    }
}

/* False when nothing more can be sent now. */
static bool send_batch(struct lane *l)
{
    struct store *s = l->store;
    struct batch *b = l->n_spare > 0 ? l->spare[--l->n_spare] : malloc(sizeof(*b));
    if (b == NULL)
        return false;
    b->lane = l;
    b->n = 0;
    b->reply = NULL;
    fill(l, b);
    struct encoder_call call = {.function = "liu_commit",
                                .epoch = s->epoch,
                                .receipt_window_ms = s->receipt_window_ms,
                                .receipts_max = s->receipts_max};
    enum err e = b->n == 0 ? ERR_AGAIN : encoder_finish(&l->encoder, &call, conn_out(l->conn));
    if (e == ERR_OK)
        e = conn_send(l->conn, s->timeout_ms, on_reply, b);
    if (e == ERR_OK) {
        b->waits = s->replicas > 0 && send_wait(l, b) == ERR_OK;
        l->in_flight++;
        l->sent += b->n;
        metric_add(s->m_calls, 1);
        return true;
    }
    encoder_clear(&l->encoder);
    if (b->n > 0)
        answer_all(b, COMMIT_UNAVAILABLE, "the connection to Redis takes no more");
    free(b);
    return false;
}

void lane_flush(struct lane *l)
{
    while (l->n > 0 && l->in_flight < LIMIT_BATCHES_IN_FLIGHT && l->conn->state == CONN_READY) {
        if (!send_batch(l))
            return;
    }
}

enum err store_commit(struct store *s, enum store_lane lane, const struct commit *c, commit_fn *fn,
                      void *arg)
{
    struct lane *l = &s->lanes[lane];
    if (l->conn->state != CONN_READY || l->conn->lost)
        return ERR_UNAVAILABLE;
    if (l->n == LIMIT_REDIS_PENDING)
        return ERR_LIMIT;
    l->ring[(l->first + l->n) % LIMIT_REDIS_PENDING] =
        (struct queued){.commit = *c, .fn = fn, .arg = arg, .queued_us = clock_mono_us()};
    l->n++;
    loop_again(s->loop);
    return ERR_OK;
}

size_t store_commits_pending(const struct store *s)
{
    size_t n = 0;
    for (size_t i = 0; i < N_LANES; i++)
        n += s->lanes[i].n + s->lanes[i].sent;
    return n;
}
