/* The bell: how a tail learns that the journal has grown, and what it does without it. */
#include "lib/store/client_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store_private.h"

struct heard {
    uint64_t seq;
    bool reached;
    uint64_t until;
    enum err e;
};

static void on_entries(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct heard *h = arg;
    h->e = e;
    h->seq = n > 0 ? entries[n - 1].seq : h->seq;
    h->reached = e != ERR_OK || h->seq >= h->until;
}

static void redis(struct client *c, const char *command, char answer[64])
{
    redisContext *r = test_redis_connect(&c->redis);
    assert_non_null(r);
    redisReply *reply = redisCommand(r, command);
    assert_non_null(reply);
    assert_int_not_equal(reply->type, REDIS_REPLY_ERROR);
    const redisReply *last = reply->elements > 0 ? reply->element[reply->elements - 1] : reply;
    (void)snprintf(answer, 64, "%s%lld", last->str == NULL ? "" : last->str, last->integer);
    freeReplyObject(reply);
    redisFree(r);
}

static void until_listeners(struct client *c, const char *wanted)
{
    char is[64] = "";
    for (int i = 0; i < 500 && strcmp(is, wanted) != 0; i++) {
        (void)loop_turn(c->loop, 10);
        redis(c, "PUBSUB NUMSUB {p0}:bell", is);
    }
    assert_string_equal(is, wanted);
}

static struct heard follow(struct client *c)
{
    struct heard h = {.seq = 0};
    char head[64] = "";
    redis(c, "XLEN {p0}:journal", head);
    h.until = strtoull(head, NULL, 10);
    return h;
}

static void commit_and_wait(struct client *c, struct heard *h, const char *id)
{
    struct commit_memory m;
    commit_make(&m, id, false);
    struct committed done = client_commit(c, STORE_MAIN, &m.commit);
    assert_int_equal(done.status, COMMIT_OK);
    h->until = done.seq;
    h->reached = h->seq >= h->until;
    client_until(c, &h->reached);
    assert_int_equal(h->e, ERR_OK);
    assert_int_equal(h->seq, done.seq);
}

static void what_others_commit_is_told_by_them(void **state)
{
    struct client *c = *state;
    struct heard h = follow(c);
    assert_int_equal(store_tail(c->store, 0, on_entries, &h), ERR_OK);
    until_listeners(c, "1");
    h.reached = h.seq >= h.until;
    client_until(c, &h.reached);
    while (c->store->tail.asked)
        (void)loop_turn(c->loop, 10);
    c->store->tail.look_at_ms = INT64_MAX; /* only a bell lets it read */
    struct client other = {.redis = c->redis};
    client_connect(&other, c->redis.address, 0);
    client_until_ready(&other);
    struct commit_memory m;
    commit_make(&m, "bell-1", false);
    struct committed done = client_commit(&other, STORE_MAIN, &m.commit);
    assert_int_equal(done.status, COMMIT_OK);
    for (int i = 0; i < 500 && other.store->rung_seq < done.seq; i++)
        (void)loop_turn(other.loop, 10);
    (void)loop_turn(other.loop, 10); /* sent */
    client_disconnect(&other);
    h.until = done.seq;
    h.reached = h.seq >= h.until;
    client_until(c, &h.reached);
}

static void a_connection_that_was_checked_again_listens_again(void **state)
{
    struct client *c = *state;
    until_listeners(c, "1");
    int64_t *check_at_ms = &c->store->conns[CONN_BELL].check_at_ms;
    for (int i = 0; i < 3; i++) {
        *check_at_ms = 0;
        for (int n = 0; n < 500 && (*check_at_ms == 0 || *check_at_ms == INT64_MAX); n++)
            (void)loop_turn(c->loop, 10);
        assert_true(*check_at_ms > 0 && *check_at_ms < INT64_MAX);
        assert_true(store_ready(c->store, NULL));
        until_listeners(c, "1");
    }
}

static void entries_come_without_a_bell_too(void **state)
{
    struct client *c = *state;
    struct heard h = follow(c);
    char ignored[64];
    assert_int_equal(store_tail(c->store, 0, on_entries, &h), ERR_OK);
    commit_and_wait(c, &h, "bell-2");
    until_listeners(c, "1");
    redis(c, "CLIENT KILL TYPE pubsub", ignored);
    client_until_ready(c);
    commit_and_wait(c, &h, "bell-3");
    c->store->rung_seq = UINT64_MAX; /* as one that dies before it rings */
    commit_and_wait(c, &h, "bell-4");
    c->store->rung_seq = 0;
    until_listeners(c, "1");
}

/* A restore or an older file: what was heard of is not there. Asking for it without end would cost
 * a core. */
static void a_bell_for_what_is_not_there_is_forgotten(void **state)
{
    struct client *c = *state;
    struct heard h = follow(c);
    char ignored[64];
    assert_int_equal(store_tail(c->store, 0, on_entries, &h), ERR_OK);
    commit_and_wait(c, &h, "bell-5");
    until_listeners(c, "1");
    redis(c, "PUBLISH {p0}:bell 900000000", ignored);
    for (int i = 0; i < 500 && c->store->tail.heard < 900000000; i++)
        (void)loop_turn(c->loop, 10);
    for (int i = 0; i < 500 && c->store->tail.heard != c->store->tail.seq; i++)
        (void)loop_turn(c->loop, 10);
    assert_int_equal(c->store->tail.heard, c->store->tail.seq);
    redis(c, "PUBLISH {p0}:bell nonsense", ignored);
    commit_and_wait(c, &h, "bell-6");
}

#define T(name) cmocka_unit_test_setup_teardown(name, client_open, client_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_others_commit_is_told_by_them),
        T(a_connection_that_was_checked_again_listens_again),
        T(entries_come_without_a_bell_too),
        T(a_bell_for_what_is_not_there_is_forgotten),
    };
    return cmocka_run_group_tests_name("store_bell", tests, client_server_start,
                                       client_server_stop);
}
