/* Who commits tells the others that the journal has grown, once its own answer is on its way.
 *
 * Who waits in XREAD BLOCK is served before the commit that woke him: every follower would run
 * ahead of the answer that somebody waits for. PUBLISH is in no append file and costs no sync. A
 * bell that is never rung (the committer died) delays its entries by TAIL_EVERY_MS and no more.
 */
#include "store/store_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/reply.h"

/* The answer still passes through threads of ours and of the client: followers that are woken now
 * would take a processor from them. */
#define BELL_AFTER_MS 1

bool store_is_bell(const struct conn *c)
{
    return c == &c->store->conns[CONN_BELL];
}

bool bell_takes(struct conn *c, const redisReply *r)
{
    if (!store_is_bell(c))
        return false;
    const char *kind = reply_text(reply_at(r, 0));
    if (kind == NULL || strcmp(kind, "message") != 0)
        return false;
    const char *seq = reply_text(reply_at(r, 2));
    if (seq != NULL)
        tail_heard(c->store, strtoull(seq, NULL, 10));
    return true;
}

/* What was rung before is not heard: the tail looks for itself. */
static void on_subscribed(void *arg, enum err e, redisReply **reply)
{
    struct store *s = arg;
    if (e != ERR_OK)
        return;
    if (reply_error(*reply) != NULL) {
        conn_lose(&s->conns[CONN_BELL], reply_error(*reply));
        return;
    }
    s->conns[CONN_BELL].back_off_ms = 0;
    tail_look(s);
}

/* Between the two nothing but subscribing is allowed on this connection. */
static void on_unsubscribed(void *arg, enum err e, redisReply **reply)
{
    struct store *s = arg;
    if (e == ERR_OK && reply_error(*reply) != NULL)
        conn_lose(&s->conns[CONN_BELL], reply_error(*reply));
}

void bell_listen(struct store *s)
{
    struct conn *c = &s->conns[CONN_BELL];
    struct key k;
    key_bell(&k, s->partition);
    if (conn_command(c, s->timeout_ms, on_subscribed, s, "SUBSCRIBE", k.text, NULL) != ERR_OK)
        conn_lose(c, "the connection is too busy to subscribe");
}

enum err bell_pause(struct store *s)
{
    return conn_command(&s->conns[CONN_BELL], s->timeout_ms, on_unsubscribed, s, "UNSUBSCRIBE",
                        NULL);
}

static void on_rung(void *arg, enum err e, redisReply **reply)
{
    struct store *s = arg;
    if (e == ERR_OK && reply_error(*reply) != NULL)
        conn_lose(&s->conns[CONN_TAIL], reply_error(*reply));
}

static bool can_ring(const struct store *s)
{
    const struct conn *c = &s->conns[CONN_TAIL];
    return s->bell_seq > s->rung_seq && c->state == CONN_READY && !c->lost;
}

static void ring(void *arg)
{
    struct store *s = arg;
    struct key k;
    char seq[24];
    s->bell = NULL;
    if (!can_ring(s))
        return;
    key_bell(&k, s->partition);
    (void)snprintf(seq, sizeof(seq), "%" PRIu64, s->bell_seq);
    s->rung_seq = s->bell_seq;
    if (conn_command(&s->conns[CONN_TAIL], s->timeout_ms, on_rung, s, "PUBLISH", k.text, seq,
                     NULL) == ERR_OK)
        tail_heard(s, s->bell_seq);
}

void bell_ring(struct store *s)
{
    if (s->bell == NULL && can_ring(s) &&
        loop_add_timer(s->loop, BELL_AFTER_MS, 0, ring, s, &s->bell) != ERR_OK)
        s->bell = NULL;
}
