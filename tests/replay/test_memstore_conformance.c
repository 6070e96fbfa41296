/* The store in memory answers as the real Function does: one table and a seeded stream of commits
 * go to both, answers are compared one by one and the state that is left as a whole.
 */
#include "base/clock.h"
#include "lib/store/function_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "replay/memstore.h"
#include "replay/random.h"
#include "store/keys.h"

#define STREAM 3000
#define CALL_MAX 6
#define COMPARE_EVERY 500
#define PARTS 3 /* of each kind in one commit */

static const char *const parties[] = {"min-a", "min-b", "prov-a", "public"};
static const enum record_kind kinds[] = {RECORD_PARTY, RECORD_CASE, RECORD_HOLD};
static const char *const owners[] = {"monitor", "audit"};
static const char *const feeds[] = {"feed-a", "feed-b"};

/* Memory of one commit of the stream. */
struct made {
    struct commit commit;
    struct commit_guard guards[PARTS];
    struct commit_put puts[PARTS];
    struct commit_entry entries[PARTS];
    struct commit_timer timers[PARTS];
    struct commit_noise noise;
    const char *audience[PARTS][4];
    char ids[2 * PARTS][16];
    char members[PARTS][16];
    char receipt[16];
    char reply[16];
    uint8_t value[64];
};

static struct memstore mem;
static size_t seen[COMMIT_COLD + 1]; /* answers by status */

/* ---- both sides */

static void begin(const struct fixture *f)
{
    static const char *const audience[] = {"public"};
    struct commit_put put = {RECORD_PARTY, "min-a", 0, (const uint8_t *)"A", 1};
    struct commit_entry entry = {(const uint8_t *)"genesis", 7, "StoreInitialised", audience, 1};
    struct commit c = {.now_ms = AT, .puts = &put, .n_puts = 1, .entries = &entry, .n_entries = 1};
    char text[256];
    memstore_init(&mem, f->partition, EPOCH);
    mem.server_ms = clock_wall_ms();
    mem.receipt_window_ms = f->call.receipt_window_ms;
    mem.receipts_max = f->call.receipts_max;
    assert_int_equal(memstore_commit(&mem, &c, text).status, COMMIT_OK);
}

static void same_answer(const struct commit_result *redis, const struct commit *c)
{
    char text[256];
    const struct commit_result m = memstore_commit(&mem, c, text);
    assert_int_equal(m.status, redis->status);
    seen[m.status]++;
    assert_int_equal(m.seq, redis->seq);
    assert_string_equal(m.text, redis->text);
    if (m.status == COMMIT_DUPLICATE) {
        assert_int_equal(m.at_ms, redis->at_ms);
        assert_string_equal(m.reply_type, redis->reply_type);
        assert_int_equal(m.reply_bytes, redis->reply_bytes);
        assert_memory_equal(m.reply, redis->reply, m.reply_bytes);
    }
}

static void both(struct fixture *f, const struct commit *c, enum commit_status expected)
{
    const struct commit_result *r = fixture_commit(f, c);
    assert_int_equal(r->status, expected);
    same_answer(r, c);
}

/* ---- the state that is left */

static void same_records(struct fixture *f)
{
    for (int kind = RECORD_NONE + 1; kind < RECORD_KINDS; kind++) {
        struct key k;
        key_records(&k, f->partition, (enum record_kind)kind);
        const redisReply *all = fixture_ask(f, "HGETALL %s", k.text);
        assert_int_equal(all->elements / 2, mem.n_scan[kind]);
        for (size_t i = 0; i + 1 < all->elements; i += 2) {
            const redisReply *v = all->element[i + 1];
            const struct mem_record *r =
                memstore_record(&mem, (enum record_kind)kind, all->element[i]->str);
            assert_non_null(r);
            assert_int_equal(r->bytes + 8, v->len);
            assert_int_equal(r->revision, be64_get((const uint8_t *)v->str));
            assert_memory_equal(r->value, v->str + 8, r->bytes);
        }
    }
}

static void same_journal(struct fixture *f)
{
    struct key k;
    char head[128];
    (void)snprintf(head, sizeof head, "%s %zu %lld %s", mem.epoch, mem.n_journal,
                   (long long)mem.at_ms, mem.link);
    key_head(&k, f->partition);
    assert_string_equal(fixture_ask(f, "GET %s", k.text)->str, head);
    key_journal(&k, f->partition);
    const redisReply *all = fixture_ask(f, "XRANGE %s - +", k.text);
    assert_int_equal(all->elements, mem.n_journal);
    for (size_t i = 0; i < all->elements; i++) {
        const redisReply *fields = all->element[i]->element[1];
        assert_int_equal(strtoull(all->element[i]->element[0]->str, NULL, 10), i + 1);
        assert_int_equal(fields->element[1]->len, mem.journal[i].bytes);
        assert_memory_equal(fields->element[1]->str, mem.journal[i].data, mem.journal[i].bytes);
        assert_string_equal(fields->element[3]->str, mem.journal[i].link);
    }
    for (size_t p = 0; p < sizeof parties / sizeof parties[0]; p++) {
        const struct mem_index *x = memstore_index(&mem, parties[p]);
        key_audience(&k, f->partition, parties[p]);
        all = fixture_ask(f, "XRANGE %s - +", k.text);
        assert_int_equal(all->elements, x == NULL ? 0 : x->n);
        for (size_t i = 0; i < all->elements; i++) {
            assert_int_equal(strtoull(all->element[i]->element[0]->str, NULL, 10), x->seqs[i]);
            assert_string_equal(all->element[i]->element[1]->element[1]->str, x->types[i]);
        }
    }
}

static void same_rest(struct fixture *f)
{
    struct key k;
    for (size_t o = 0; o < sizeof owners / sizeof owners[0]; o++) {
        const struct mem_timer *due[1024];
        size_t n = memstore_due(&mem, owners[o], INT64_MAX, due, 1024);
        key_timers(&k, f->partition, owners[o]);
        const redisReply *all = fixture_ask(f, "ZRANGEBYSCORE %s -inf +inf WITHSCORES", k.text);
        assert_int_equal(all->elements / 2, n);
        for (size_t i = 0; i < n; i++) {
            assert_string_equal(all->element[2 * i]->str, due[i]->member);
            assert_int_equal(strtoll(all->element[2 * i + 1]->str, NULL, 10), due[i]->due_ms);
        }
    }
    for (size_t i = 0; i < sizeof feeds / sizeof feeds[0]; i++) {
        struct mem_noise *n = NULL;
        HASH_FIND_STR(mem.noise, feeds[i], n);
        key_noise(&k, f->partition, feeds[i]);
        assert_int_equal(fixture_ask(f, "XLEN %s", k.text)->integer, n == NULL ? 0 : n->n);
    }
    for (const struct mem_count *c = mem.counts; c != NULL; c = c->hh.next) {
        key_receipts(&k, f->partition, c->party);
        assert_int_equal(strtoll(fixture_ask(f, "GET %s", k.text)->str, NULL, 10), c->n);
    }
}

static void same_state(struct fixture *f)
{
    same_journal(f);
    same_records(f);
    same_rest(f);
}

/* ---- the table */

static void one_of_each_answer(void **state)
{
    struct fixture *f = *state;
    begin(f);
    struct commit c = plain("one");
    both(f, &c, COMMIT_OK);
    both(f, &c, COMMIT_DUPLICATE);
    c.request_hash[0] ^= 1;
    both(f, &c, COMMIT_MISMATCH);
    struct commit again = plain("one");
    again.receipt_id = "another";
    both(f, &again, COMMIT_CONFLICT); /* the record exists */
    struct commit guarded = plain("two");
    struct commit_guard old = {RECORD_PARTY, "min-a", 7};
    guarded.guards = &old;
    both(f, &guarded, COMMIT_CONFLICT);
    struct commit quiet = {.now_ms = AT - 5};
    both(f, &quiet, COMMIT_OK); /* nothing at all; the head's time does not run backwards */
    same_state(f);
    memstore_fini(&mem);
}

static void timers_are_guarded_moved_and_deleted(void **state)
{
    static const struct {
        int64_t due_ms, expected_ms;
        enum commit_status status;
    } steps[] = {
        {-1, 5, COMMIT_CONFLICT},      {AT, -1, COMMIT_OK},           {-1, AT + 1, COMMIT_CONFLICT},
        {AT + 9, AT, COMMIT_OK},       {AT + 3, AT, COMMIT_CONFLICT}, {-1, AT + 9, COMMIT_OK},
        {-1, AT + 9, COMMIT_CONFLICT}, {-1, -1, COMMIT_OK},
    };
    struct fixture *f = *state;
    begin(f);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct commit_timer t = {"audit", "plan|case-1", steps[i].due_ms, steps[i].expected_ms};
        struct commit c = {.now_ms = AT, .timers = &t, .n_timers = 1};
        both(f, &c, steps[i].status);
    }
    same_state(f);
    memstore_fini(&mem);
}

static void a_party_has_so_many_receipts_until_they_expire(void **state)
{
    struct fixture *f = *state;
    f->call.receipts_max = 2;
    f->call.receipt_window_ms = 40;
    begin(f);
    struct commit a = plain("one"), b = plain("two"), c = plain("three");
    both(f, &a, COMMIT_OK);
    struct key k;
    key_receipts(&k, f->partition, "min-a");
    while (fixture_ask(f, "EXISTS %s", k.text)->integer != 0)
        (void)usleep(5000);
    mem.server_ms += 41;
    a = plain("one"); /* its receipt is gone: the record refuses it */
    both(f, &a, COMMIT_CONFLICT);
    f->call.receipt_window_ms = mem.receipt_window_ms = 60000;
    struct commit d = plain("four");
    both(f, &b, COMMIT_OK);
    both(f, &c, COMMIT_OK);
    both(f, &d, COMMIT_REFUSED);
    same_state(f);
    memstore_fini(&mem);
}

static void what_is_too_big_is_refused(void **state)
{
    static uint8_t big[4 * 1024 * 1024 + 1];
    struct fixture *f = *state;
    begin(f);
    struct commit_put put = {RECORD_CASE, "case-1", 0, big, sizeof big - 8};
    struct commit c = {.now_ms = AT, .puts = &put, .n_puts = 1};
    both(f, &c, COMMIT_REFUSED);
    put.value_bytes = sizeof big - 9;
    both(f, &c, COMMIT_OK);
    struct commit_entry entry = {big, sizeof big, "X", NULL, 0};
    c = (struct commit){.now_ms = AT, .entries = &entry, .n_entries = 1};
    both(f, &c, COMMIT_REFUSED);
    same_state(f);
    memstore_fini(&mem);
}

/* ---- trimming */

static void put_cursor(struct fixture *f, const char *consumer, uint64_t revision, uint64_t seq)
{
    uint8_t value[64];
    Ismap__Liu__V1__Cursor m = ISMAP__LIU__V1__CURSOR__INIT;
    m.consumer = (char *)(uintptr_t)consumer;
    m.seq = seq;
    struct commit_put put = {RECORD_CURSOR, consumer, revision, value,
                             ismap__liu__v1__cursor__pack(&m, value)};
    struct commit c = {.now_ms = AT, .puts = &put, .n_puts = 1};
    both(f, &c, COMMIT_OK);
}

static void same_trim(struct fixture *f, uint64_t seq, uint64_t archived, bool taken)
{
    char text[200];
    uint64_t gone = 0;
    const struct store_trim t = {.seq = seq, .archived = archived};
    const redisReply *r = fixture_ask(
        f, "FCALL liu_trim 4 {%s}:head {%s}:journal {%s}:r:cursor {%s}:aud:min-a " EPOCH " %d %d 1",
        f->partition, f->partition, f->partition, f->partition, (int)seq, (int)archived);
    const char *why = memstore_trim(&mem, &t, &gone, text);
    assert_int_equal(why == NULL, taken);
    assert_int_equal(r->type == REDIS_REPLY_ERROR, why != NULL);
    if (why != NULL)
        assert_string_equal(r->str + strlen("LIUREFUSED "), why);
    else
        assert_int_equal(r->integer, gone);
    assert_int_equal(fixture_ask(f, "XLEN {%s}:journal", f->partition)->integer,
                     memstore_head(&mem) - mem.gone);
}

static void what_is_not_archived_or_passed_is_not_trimmed(void **state)
{
    struct fixture *f = *state;
    begin(f);
    for (int i = 0; i < 150; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "r%d", i);
        struct commit c = plain(id);
        both(f, &c, COMMIT_OK);
    }
    same_trim(f, 5, 4, false);     /* not archived */
    same_trim(f, 151, 151, false); /* the head stays */
    same_trim(f, 2, 5, true);
    put_cursor(f, "audit", 0, 3);
    same_trim(f, 3, 150, true);
    same_trim(f, 4, 150, false); /* the consumer has not passed it */
    put_cursor(f, "audit", 1, 150);
    put_cursor(f, "eligibility", 0, 149);
    same_trim(f, 150, 150, false);
    same_trim(f, 149, 150, true); /* so many a call */
    same_trim(f, 149, 150, true);
    same_trim(f, 149, 150, true);
    memstore_fini(&mem);
}

/* ---- the stream */

static void make_records(struct made *m, struct rng *r)
{
    m->commit.guards = m->guards;
    m->commit.puts = m->puts;
    m->commit.n_guards = rng_below(r, PARTS);
    m->commit.n_puts = rng_below(r, PARTS);
    for (size_t i = 0; i < m->commit.n_guards + m->commit.n_puts; i++) {
        enum record_kind kind = kinds[rng_below(r, 3)];
        (void)snprintf(m->ids[i], sizeof m->ids[i], "r-%u", (unsigned)rng_below(r, 12));
        const struct mem_record *is = memstore_record(&mem, kind, m->ids[i]);
        uint64_t revision = is == NULL ? 0 : is->revision;
        revision += rng_below(r, 12) == 0;
        if (i < m->commit.n_guards)
            m->guards[i] = (struct commit_guard){kind, m->ids[i], revision};
        else
            m->puts[i - m->commit.n_guards] = (struct commit_put){
                kind, m->ids[i], revision, m->value, rng_below(r, sizeof m->value)};
    }
}

static void make_entries(struct made *m, struct rng *r)
{
    m->commit.entries = m->entries;
    m->commit.n_entries = rng_below(r, PARTS);
    for (size_t i = 0; i < m->commit.n_entries; i++) {
        size_t n = rng_below(r, 4);
        for (size_t k = 0; k < n; k++)
            m->audience[i][k] = parties[rng_below(r, 4)];
        m->entries[i] = (struct commit_entry){m->value, rng_below(r, sizeof m->value),
                                              i == 0 ? "CaseSubmitted" : "X", m->audience[i], n};
    }
}

static void make_rest(struct made *m, struct rng *r)
{
    m->commit.timers = m->timers;
    m->commit.n_timers = rng_below(r, PARTS);
    for (size_t i = 0; i < m->commit.n_timers; i++) {
        (void)snprintf(m->members[i], sizeof m->members[i], "plan|%u", (unsigned)rng_below(r, 4));
        m->timers[i] =
            (struct commit_timer){owners[rng_below(r, 2)], m->members[i],
                                  rng_below(r, 3) == 0 ? -1 : AT + (int64_t)rng_below(r, 3),
                                  rng_below(r, 3) == 0 ? AT + (int64_t)rng_below(r, 3) : -1};
    }
    m->noise = (struct commit_noise){feeds[rng_below(r, 2)], m->value, sizeof m->value};
    m->commit.noise = rng_below(r, 5) == 0 ? &m->noise : NULL;
    if (rng_below(r, 3) == 0)
        return;
    (void)snprintf(m->receipt, sizeof m->receipt, "id-%u", (unsigned)rng_below(r, 400));
    m->commit.receipt_party = parties[rng_below(r, 3)];
    m->commit.receipt_id = m->receipt;
    m->commit.request_hash[0] = (uint8_t)rng_below(r, 2);
    m->commit.reply = (const uint8_t *)m->receipt;
    m->commit.reply_bytes = rng_below(r, 5);
    m->commit.reply_type = "CaseOpened";
    if (rng_below(r, 4) == 0)
        m->commit.receipt_until_ms = mem.server_ms + (rng_below(r, 8) == 0 ? -3600000 : 3600000);
}

static void make(struct made *m, struct rng *r)
{
    *m = (struct made){.commit = {.now_ms = AT + (int64_t)rng_below(r, 1000), .reply_type = ""}};
    for (size_t i = 0; i < sizeof m->value; i++)
        m->value[i] = (uint8_t)rng_below(r, 256);
    make_records(m, r);
    make_entries(m, r);
    make_rest(m, r);
}

static void a_stream_of_commits_leaves_the_same_state(void **state)
{
    struct fixture *f = *state;
    struct rng r = {.state = 20261122};
    static struct made made[CALL_MAX];
    f->call.receipts_max = 600;
    memset(seen, 0, sizeof seen);
    begin(f);
    for (size_t sent = 0, compared = 0; sent < STREAM;) {
        size_t n = 1 + rng_below(&r, CALL_MAX);
        for (size_t i = 0; i < n; i++) {
            make(&made[i], &r);
            fixture_add(f, &made[i].commit);
        }
        assert_null(fixture_send(f));
        for (size_t i = 0; i < n; i++)
            same_answer(&f->results[i], &made[i].commit);
        sent += n;
        if (sent - compared >= COMPARE_EVERY) {
            same_state(f);
            compared = sent;
        }
    }
    same_state(f);
    for (int i = COMMIT_OK; i <= COMMIT_MISMATCH; i++)
        assert_true(seen[i] > STREAM / 100);
    assert_true(seen[COMMIT_LATE] > 0);
    memstore_fini(&mem);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_partition, fixture_done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_of_each_answer),
        TEST(timers_are_guarded_moved_and_deleted),
        TEST(a_party_has_so_many_receipts_until_they_expire),
        TEST(what_is_too_big_is_refused),
        TEST(what_is_not_archived_or_passed_is_not_trimmed),
        TEST(a_stream_of_commits_leaves_the_same_state),
    };
    if (!test_redis_installed()) {
        (void)printf("SKIPPED: redis-server is not installed; scripts/setup installs it\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, fixture_start, fixture_stop);
}
