/* Receipts that leave Redis: whoever comes again under the same id is not taken for new before the
 * ledger said that there was none, and a new id asks nobody.
 */
#include "lib/store/client_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/cold.h"
#include "store/receipts.h"

static uint64_t generation;

static long long ask(struct client *c, const char *command)
{
    long long n = test_redis_ask(&c->redis, command);
    assert_true(n >= 0);
    return n;
}

static void begin_generation(struct client *c)
{
    struct commit_put put = {.kind = RECORD_UPKEEP,
                             .id = COLD_GENERATION,
                             .expected = generation++,
                             .value = (const uint8_t *)"",
                             .value_bytes = 0};
    struct commit commit = {.reply_type = "", .now_ms = AT, .puts = &put, .n_puts = 1};
    assert_int_equal(client_commit(c, STORE_MAIN, &commit).status, COMMIT_OK);
}

struct moved {
    bool done;
    enum err e;
    int64_t n;
};

static void on_moved(void *arg, enum err e, int64_t n, const char *why)
{
    (void)why;
    *(struct moved *)arg = (struct moved){true, e, n};
}

static struct cold_move of(const char *id, uint64_t seq)
{
    static char name[4][64];
    static unsigned slot;
    (void)snprintf(name[++slot % 4], sizeof(name[0]), "min-a:%s", id);
    return (struct cold_move){
        .kind = RECORD_RECEIPT, .id = name[slot % 4], .revision = seq, .show = true};
}

/* How many of the receipts left. */
static int64_t leave(struct client *c, const char *id, uint64_t seq)
{
    struct moved m = {.done = false};
    struct cold_move one = of(id, seq);
    assert_int_equal(store_freeze(c->store, generation, 8192, &one, 1, on_moved, &m), ERR_OK);
    client_until(c, &m.done);
    assert_int_equal(m.e, ERR_OK);
    return m.n;
}

/* The ledger's answer; NULL = none of that id. */
static void say(struct client *c, const char *id, const struct commit *was, uint64_t seq)
{
    struct moved m = {.done = false};
    struct cold_move one = of(id, seq);
    struct buf b;
    buf_init(&b, 4096);
    if (was != NULL)
        assert_int_equal(receipt_encode(&b, seq, was), ERR_OK);
    one.value = b.data;
    one.bytes = b.len;
    assert_int_equal(store_thaw(c->store, generation, AT, &one, 1, on_moved, &m), ERR_OK);
    client_until(c, &m.done);
    assert_int_equal(m.e, ERR_OK);
    buf_fini(&b);
}

static struct committed look(struct client *c, const char *id, const uint8_t hash[32])
{
    struct committed r = {.done = false};
    assert_int_equal(store_receipt(c->store, "min-a", id, hash, on_committed, &r), ERR_OK);
    client_until(c, &r.done);
    return r;
}

static void one_that_left_is_found_with_its_reply(void **state)
{
    struct client *c = *state;
    struct commit_memory m;
    uint8_t other[32] = {7};
    begin_generation(c);
    commit_make(&m, "left-1", true);
    uint64_t seq = client_commit(c, STORE_MAIN, &m.commit).seq;
    assert_int_equal(leave(c, "left-1", seq + 1), 0); /* not of that entry */
    assert_int_equal(client_commit(c, STORE_MAIN, &m.commit).status, COMMIT_DUPLICATE);
    assert_int_equal(leave(c, "left-1", seq), 1);
    assert_int_equal(leave(c, "left-1", seq), 0);
    assert_int_equal(ask(c, "EXISTS {p0}:rcpt:min-a:left-1"), 0);
    assert_in_range(ask(c, "PTTL {p0}:left:1"), 72 * 3600 * 1000LL, 73 * 3600 * 1000LL);
    assert_int_equal(client_commit(c, STORE_MAIN, &m.commit).status, COMMIT_COLD);
    assert_int_equal(client_commit(c, STORE_URGENT, &m.commit).status, COMMIT_COLD);
    assert_int_equal(ask(c, "HLEN {p0}:asked"), 0); /* a commit that is refused writes nothing */
    assert_int_equal(look(c, "left-1", m.commit.request_hash).status, COMMIT_COLD);
    assert_int_equal(ask(c, "HLEN {p0}:asked"), 1);
    say(c, "left-1", &m.commit, seq);
    struct committed found = look(c, "left-1", m.commit.request_hash);
    assert_int_equal(found.status, COMMIT_DUPLICATE);
    assert_int_equal(found.seq, seq);
    assert_int_equal(look(c, "left-1", other).status, COMMIT_MISMATCH);
    assert_int_equal(client_commit(c, STORE_MAIN, &m.commit).status, COMMIT_COLD);
}

static void a_new_id_asks_nobody(void **state)
{
    struct client *c = *state;
    struct commit_memory m;
    long long asked = ask(c, "HLEN {p0}:asked");
    for (int i = 0; i < 50; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "new-%d", i);
        commit_make(&m, id, true);
        assert_int_equal(look(c, id, m.commit.request_hash).status, COMMIT_OK);
        assert_int_equal(client_commit(c, STORE_MAIN, &m.commit).status, COMMIT_OK);
    }
    assert_int_equal(ask(c, "HLEN {p0}:asked"), asked);
}

/* The filter may be wrong about an id; what was said of it ends when a receipt of it leaves. */
static void one_that_never_was_is_taken_once_the_ledger_said_so(void **state)
{
    struct client *c = *state;
    struct commit_memory m;
    commit_make(&m, "taken-1", true);
    uint64_t seq = client_commit(c, STORE_MAIN, &m.commit).seq;
    assert_int_equal(leave(c, "taken-1", seq), 1);
    assert_int_equal(look(c, "taken-1", m.commit.request_hash).status, COMMIT_COLD);
    say(c, "taken-1", NULL, 0); /* as if the filter were wrong */
    assert_int_equal(look(c, "taken-1", m.commit.request_hash).status, COMMIT_OK);
    (void)ask(c, "HDEL {p0}:r:case taken-1");
    struct committed second = client_commit(c, STORE_MAIN, &m.commit);
    assert_int_equal(second.status, COMMIT_OK);
    assert_int_equal(client_commit(c, STORE_MAIN, &m.commit).status, COMMIT_DUPLICATE);
    assert_int_equal(leave(c, "taken-1", second.seq), 1);
    assert_int_equal(client_commit(c, STORE_MAIN, &m.commit).status, COMMIT_COLD);
}

/* What has begun to leave goes on: it is what gives a full store its memory back. */
static void receipts_leave_a_full_store(void **state)
{
    struct client *c = *state;
    struct commit_memory m;
    commit_make(&m, "oom-1", true);
    uint64_t seq = client_commit(c, STORE_MAIN, &m.commit).seq;
    (void)ask(c, "CONFIG SET maxmemory 1");
    int64_t left = leave(c, "oom-1", seq);
    (void)ask(c, "CONFIG SET maxmemory 0");
    assert_int_equal(left, 1);
    assert_int_equal(client_commit(c, STORE_MAIN, &m.commit).status, COMMIT_COLD);
}

static void filters_follow_each_other_and_expire(void **state)
{
    struct client *c = *state;
    struct commit_memory a;
    struct commit_memory b;
    assert_int_equal(ask(c, "STRLEN {p0}:left:1"), 1 << 20);
    commit_make(&a, "full-1", true);
    commit_make(&b, "full-2", true);
    uint64_t first = client_commit(c, STORE_MAIN, &a.commit).seq;
    uint64_t second = client_commit(c, STORE_MAIN, &b.commit).seq;
    assert_int_equal(leave(c, "full-1", first), 1);
    redisContext *r = test_redis_connect(&c->redis); /* as if it were full */
    freeReplyObject(redisCommand(r, "EVAL %s 0",
                                 "local t = redis.call('TIME') redis.call('SET', '{p0}:left', "
                                 "'1 8388608 524288 ' .. t[1] .. '000')"));
    redisFree(r);
    assert_int_equal(leave(c, "full-2", second), 1);
    assert_int_equal(ask(c, "STRLEN {p0}:left:2"), 2 << 20);
    assert_int_equal(client_commit(c, STORE_MAIN, &a.commit).status, COMMIT_COLD);
    assert_int_equal(client_commit(c, STORE_MAIN, &b.commit).status, COMMIT_COLD);
    (void)ask(c, "PEXPIRE {p0}:left:1 1");
    while (ask(c, "EXISTS {p0}:left:1") != 0)
        ;
    assert_int_equal(look(c, "full-1", a.commit.request_hash).status, COMMIT_OK);
    assert_int_equal(client_commit(c, STORE_MAIN, &b.commit).status, COMMIT_COLD);
    commit_make(&a, "full-3", true);
    assert_int_equal(leave(c, "full-3", client_commit(c, STORE_MAIN, &a.commit).seq), 1);
    assert_in_range(ask(c, "GET {p0}:left"), 20, 32); /* one line: the other is forgotten */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_that_left_is_found_with_its_reply, client_open,
                                        client_close),
        cmocka_unit_test_setup_teardown(a_new_id_asks_nobody, client_open, client_close),
        cmocka_unit_test_setup_teardown(one_that_never_was_is_taken_once_the_ledger_said_so,
                                        client_open, client_close),
        cmocka_unit_test_setup_teardown(receipts_leave_a_full_store, client_open, client_close),
        cmocka_unit_test_setup_teardown(filters_follow_each_other_and_expire, client_open,
                                        client_close),
    };
    return cmocka_run_group_tests(tests, client_server_start, client_server_stop);
}
