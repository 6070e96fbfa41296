/* Redis killed under load: whatever was answered OK is there afterwards, the tail goes on without a
 * gap, and nothing of it ever blocks the loop.
 */
#include "lib/store/client_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { COMMITS = 6000, KILLS = 3 };

struct one {
    struct commit_memory memory;
    struct load *load;
    enum { IDLE, SENT, AGAIN, DONE } state;
    uint64_t seq;
};

struct load {
    struct client *c;
    struct one *all;
    size_t done;
    size_t unknown;
    uint64_t tail_last;
    bool tail_broken;
};

static void on_result(void *arg, const struct commit_result *r)
{
    struct one *o = arg;
    switch (r->status) {
    case COMMIT_OK:
    case COMMIT_DUPLICATE:
        o->state = DONE;
        o->seq = r->seq;
        o->load->done++;
        break;
    case COMMIT_UNKNOWN:
        o->load->unknown++;
        o->state = AGAIN;
        break;
    case COMMIT_UNAVAILABLE:
        o->state = AGAIN;
        break;
    default:
        fail_msg("commit ended with status %d: %s", (int)r->status, r->text);
    }
}

static void on_tail(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct load *l = arg;
    l->tail_broken = l->tail_broken || e != ERR_OK;
    for (size_t i = 0; i < n; i++) {
        l->tail_broken = l->tail_broken || entries[i].seq != l->tail_last + 1;
        l->tail_last = entries[i].seq;
    }
}

/* Keeps up to 400 commits on their way; sends again what is not settled. */
static void queue(struct load *l)
{
    size_t on_their_way = store_commits_pending(l->c->store);
    for (size_t i = 0; i < COMMITS && on_their_way < 400; i++) {
        struct one *o = &l->all[i];
        if (o->state != IDLE && o->state != AGAIN)
            continue;
        if (store_commit(l->c->store, STORE_MAIN, &o->memory.commit, on_result, o) != ERR_OK)
            return;
        o->state = SENT;
        on_their_way++;
    }
}

static void pump(struct load *l)
{
    queue(l);
    (void)loop_turn(l->c->loop, 5);
}

static void verify(struct load *l)
{
    redisContext *r = test_redis_connect(&l->c->redis);
    assert_non_null(r);
    for (size_t i = 0; i < COMMITS; i++) {
        char seq[32];
        (void)snprintf(seq, sizeof(seq), "%llu-0", (unsigned long long)l->all[i].seq);
        assert_int_equal(redisAppendCommand(r, "XRANGE {p0}:journal %s %s", seq, seq), REDIS_OK);
    }
    for (size_t i = 0; i < COMMITS; i++) {
        void *p = NULL;
        assert_int_equal(redisGetReply(r, &p), REDIS_OK);
        redisReply *reply = p;
        assert_int_equal(reply->elements, 1);
        assert_string_equal(reply->element[0]->element[1]->element[1]->str, l->all[i].memory.id);
        freeReplyObject(reply);
    }
    redisReply *n = redisCommand(r, "XLEN {p0}:journal");
    assert_int_equal(n->integer, COMMITS + 1); /* each took effect once */
    freeReplyObject(n);
    redisFree(r);
}

static void every_acknowledged_commit_survives_sigkill_under_load(void **state)
{
    struct client *c = *state;
    struct load l = {.c = c, .all = calloc(COMMITS, sizeof(struct one))};
    assert_non_null(l.all);
    for (size_t i = 0; i < COMMITS; i++) {
        char id[24];
        (void)snprintf(id, sizeof(id), "crash-%zu", i);
        commit_make(&l.all[i].memory, id, true);
        l.all[i].load = &l;
    }
    assert_int_equal(store_tail(c->store, 0, on_tail, &l), ERR_OK);
    for (int kill = 0; kill <= KILLS; kill++) {
        size_t until = (size_t)(kill + 1) * COMMITS / (KILLS + 1);
        int64_t end = clock_mono_ms() + 15000;
        while (l.done < until && clock_mono_ms() < end)
            pump(&l);
        assert_true(l.done >= until);
        if (kill < KILLS) {
            queue(&l);
            (void)loop_turn(c->loop, 0); /* sent; answers are read in later turns */
            assert_true(store_commits_pending(c->store) > 0);
            assert_true(test_redis_kill(&c->redis));
            for (int i = 0; i < 20; i++)
                pump(&l);
            assert_false(store_ready(c->store, NULL));
            assert_true(test_redis_restart_mended(&c->redis));
        }
    }
    client_until_ready(c);
    int64_t end = clock_mono_ms() + 5000;
    while (l.tail_last < COMMITS + 1 && clock_mono_ms() < end)
        (void)loop_turn(c->loop, 10);
    assert_int_equal(l.tail_last, COMMITS + 1);
    assert_false(l.tail_broken);
    verify(&l);
    free(l.all);
}

static void on_ready(void *arg, bool ready)
{
    int *changes = arg;
    (void)ready;
    (*changes)++;
}

/* A server that stops answering costs time-outs, never turns: they stay short throughout. */
static void stopped_server_never_blocks_the_loop(void **state)
{
    struct client *c = *state;
    struct client other = {.store = NULL};
    struct commit_memory m;
    struct committed r = {.done = false};
    int changes = 0;
    commit_make(&m, "stopped", true);
    client_connect(&other, c->redis.address, 300);
    client_until_ready(&other);
    store_on_ready(other.store, on_ready, &changes);
    test_redis_pause(&c->redis);
    assert_int_equal(store_commit(other.store, STORE_MAIN, &m.commit, on_committed, &r), ERR_OK);
    int64_t longest_us = 0;
    int64_t end = clock_mono_ms() + 2000;
    while (clock_mono_ms() < end) {
        int64_t start = clock_mono_us();
        (void)loop_turn(other.loop, 0);
        int64_t took = clock_mono_us() - start;
        longest_us = took > longest_us ? took : longest_us;
        (void)loop_turn(other.loop, 2);
    }
    assert_true(r.done);
    assert_int_equal(r.status, COMMIT_UNKNOWN);
    assert_false(store_ready(other.store, NULL));
    assert_int_equal(changes, 1);
    assert_true(longest_us < 50000);
    test_redis_resume(&c->redis);
    client_until_ready(&other);
    assert_int_equal(changes, 2);
    /* the command on the dead connection ran all the same: the resend gets its reply */
    struct committed again = client_commit(&other, STORE_MAIN, &m.commit);
    assert_int_equal(again.status, COMMIT_DUPLICATE);
    client_disconnect(&other);
}

static void swap_files(const struct client *c, const char *from, const char *to)
{
    char command[256];
    (void)snprintf(command, sizeof(command),
                   "cd %s && rm -rf %s && cp -r %s %s && rm -rf appendonlydir && cp -r %s "
                   "appendonlydir",
                   c->redis.dir, to, "appendonlydir", to, from);
    assert_int_equal(system(command), 0);
}

static void assert_head_seq(const struct client *c, uint64_t seq)
{
    char part[32];
    redisContext *r = test_redis_connect(&c->redis);
    assert_non_null(r);
    redisReply *head = redisCommand(r, "GET {p0}:head");
    (void)snprintf(part, sizeof(part), " %llu ", (unsigned long long)seq);
    assert_non_null(strstr(head->str, part));
    freeReplyObject(head);
    redisFree(r);
}

/* Redis comes back with an append-only file of before the last commit: its number must not be given
 * again, so nothing at all is sent there. With the right file the same process goes on. */
static void an_older_file_is_refused_before_anything_is_sent(void **state)
{
    struct client *c = *state;
    struct commit_memory m[3];
    struct committed r;
    char copy[160];
    commit_make(&m[0], "older-1", true);
    commit_make(&m[1], "older-2", true);
    commit_make(&m[2], "older-3", true);
    uint64_t seq = client_commit(c, STORE_MAIN, &m[0].commit).seq;
    (void)snprintf(copy, sizeof(copy), "cp -r %s/appendonlydir %s/older", c->redis.dir,
                   c->redis.dir);
    assert_int_equal(system(copy), 0);
    assert_int_equal(client_commit(c, STORE_MAIN, &m[1].commit).seq, seq + 1);
    assert_true(test_redis_kill(&c->redis));
    swap_files(c, "older", "right");
    assert_true(test_redis_restart(&c->redis));
    client_until_refused(c, "Redis has an older file");
    assert_int_equal(store_commit(c->store, STORE_MAIN, &m[2].commit, on_committed, &r),
                     ERR_UNAVAILABLE);
    assert_head_seq(c, seq);
    assert_true(test_redis_kill(&c->redis));
    swap_files(c, "right", "older");
    assert_true(test_redis_restart(&c->redis));
    client_until_ready(c);
    assert_int_equal(client_commit(c, STORE_MAIN, &m[2].commit).seq, seq + 2);
}

static void destroying_a_store_ends_its_commits(void **state)
{
    struct client *c = *state;
    struct client other = {.store = NULL};
    struct commit_memory m[2];
    struct committed r[2] = {{.done = false}};
    commit_make(&m[0], "ended-1", true);
    commit_make(&m[1], "ended-2", true);
    client_connect(&other, c->redis.address, 0);
    client_until_ready(&other);
    assert_int_equal(store_commit(other.store, STORE_MAIN, &m[0].commit, on_committed, &r[0]),
                     ERR_OK);
    test_redis_pause(&c->redis);
    (void)loop_turn(other.loop, 0);
    assert_int_equal(store_commit(other.store, STORE_MAIN, &m[1].commit, on_committed, &r[1]),
                     ERR_OK);
    store_destroy(other.store);
    assert_int_equal(r[0].status, COMMIT_UNKNOWN);
    assert_int_equal(r[1].status, COMMIT_UNAVAILABLE);
    (void)loop_turn(other.loop, 0);
    loop_destroy(other.loop);
    test_redis_resume(&c->redis);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, client_open, client_close)
    const struct CMUnitTest tests[] = {
        T(every_acknowledged_commit_survives_sigkill_under_load),
        T(stopped_server_never_blocks_the_loop),
        T(an_older_file_is_refused_before_anything_is_sent),
        T(destroying_a_store_ends_its_commits),
    };
    return cmocka_run_group_tests_name("store_crash", tests, client_server_start,
                                       client_server_stop);
}
