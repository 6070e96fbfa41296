/* Every status of liu_commit, chains within one call, journal, index, receipts, timers, noise,
 * trim. */
#include "lib/store/function_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"

static void genesis_refuses_a_partition_in_use(void **state)
{
    struct fixture *f = *state;
    f->call.function = "liu_init";
    struct commit c = plain("x");
    fixture_add(f, &c);
    assert_memory_equal(fixture_send(f), "LIUEXISTS", 9);
}

static void plain_commit_is_stored_with_link_and_index(void **state)
{
    struct fixture *f = *state;
    struct commit c = plain("case-1");
    struct commit_result *r = fixture_commit(f, &c);
    assert_int_equal(r->status, COMMIT_OK);
    assert_int_equal(r->seq, 2);
    redisReply *v = fixture_ask(f, "HGET {%s}:r:case case-1", f->partition);
    assert_int_equal(v->len, 13);
    assert_memory_equal(v->str, "\0\0\0\0\0\0\0\1value", 13);
    v = fixture_ask(f, "XRANGE {%s}:journal 2 2", f->partition);
    assert_int_equal(v->elements, 1);
    assert_string_equal(v->element[0]->element[0]->str, "2-0");
    char link[41];
    (void)snprintf(link, sizeof(link), "%s", v->element[0]->element[1]->element[3]->str);
    v = fixture_ask(f, "GET {%s}:head", f->partition);
    char head[128];
    (void)snprintf(head, sizeof(head), "%s 2 %lld %s", EPOCH, AT, link);
    assert_string_equal(v->str, head);
    v = fixture_ask(f, "XRANGE {%s}:aud:min-a - +", f->partition);
    assert_int_equal(v->elements, 1);
    assert_string_equal(v->element[0]->element[0]->str, "2-0");
    assert_string_equal(v->element[0]->element[1]->element[1]->str, "CaseSubmitted");
}

static void link_covers_the_entry_and_the_link_before(void **state)
{
    struct fixture *f = *state;
    struct commit c = plain("a");
    (void)fixture_commit(f, &c);
    redisReply *v = fixture_ask(f, "EVAL %s 0 %s",
                                "local a = redis.sha1hex(ARGV[1]) a = redis.sha1hex(a .. "
                                "'genesis') return redis.sha1hex(a .. 'entry')",
                                EPOCH);
    char want[41];
    (void)snprintf(want, sizeof(want), "%s", v->str);
    v = fixture_ask(f, "XREVRANGE {%s}:journal + - COUNT 1", f->partition);
    assert_string_equal(v->element[0]->element[1]->element[3]->str, want);
}

static void same_bytes_again_get_the_stored_reply(void **state)
{
    struct fixture *f = *state;
    struct commit c = plain("a");
    (void)fixture_commit(f, &c);
    c.now_ms = AT + 5;
    struct commit_result *r = fixture_commit(f, &c);
    assert_int_equal(r->status, COMMIT_DUPLICATE);
    assert_int_equal(r->seq, 2);
    assert_int_equal(r->at_ms, AT);
    assert_string_equal(r->reply_type, "CaseOpened");
    assert_int_equal(r->reply_bytes, 7);
    assert_memory_equal(r->reply, "reply\0!", 7);
}

static void other_bytes_under_a_used_id_mismatch(void **state)
{
    struct fixture *f = *state;
    struct commit c = plain("a");
    (void)fixture_commit(f, &c);
    c.request_hash[31] = 9;
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_MISMATCH);
}

static void guards_and_expected_revisions_conflict_naming_the_record(void **state)
{
    struct fixture *f = *state;
    struct commit c = plain("a");
    struct commit_guard guard = {RECORD_PARTY, "min-a", 2};
    c.guards = &guard;
    struct commit_result *r = fixture_commit(f, &c);
    assert_int_equal(r->status, COMMIT_CONFLICT);
    assert_non_null(strstr(r->text, ":r:party min-a"));
    guard = (struct commit_guard){RECORD_PARTY, "nobody", 1};
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_CONFLICT);
    guard.revision = 0;
    struct commit_put put = {RECORD_CASE, "a", 1, (const uint8_t *)"v", 1};
    c.puts = &put;
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_CONFLICT);
    put.expected = 0;
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_OK);
}

/* A request of a call sees what the ones before it wrote, and is not touched by one that failed. */
static void chains_work_within_one_call(void **state)
{
    struct fixture *f = *state;
    struct commit_put puts[4] = {{RECORD_CASE, "c", 0, (const uint8_t *)"1", 1},
                                 {RECORD_CASE, "c", 1, (const uint8_t *)"2", 1},
                                 {RECORD_CASE, "c", 1, (const uint8_t *)"x", 1},
                                 {RECORD_CASE, "c", 2, (const uint8_t *)"3", 1}};
    for (size_t i = 0; i < 4; i++) {
        char id[8];
        (void)snprintf(id, sizeof(id), "r%zu", i);
        struct commit c = plain(id);
        c.puts = &puts[i];
        fixture_add(f, &c);
    }
    struct commit again = plain("r0");
    fixture_add(f, &again);
    assert_null(fixture_send(f));
    static const enum commit_status want[] = {COMMIT_OK, COMMIT_OK, COMMIT_CONFLICT, COMMIT_OK,
                                              COMMIT_DUPLICATE};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(f->results[i].status, want[i]);
    assert_int_equal(f->results[3].seq, 4);
    redisReply *v = fixture_ask(f, "HGET {%s}:r:case c", f->partition);
    assert_memory_equal(v->str,
                        "\0\0\0\0\0\0\0\3"
                        "3",
                        9);
    assert_int_equal(fixture_ask(f, "XLEN {%s}:journal", f->partition)->integer, 4);
}

static void several_entries_are_numbered_in_order_and_indexed_once_for_each_party(void **state)
{
    struct fixture *f = *state;
    static const char *const twice[] = {"csp-b", "min-a", "csp-b"};
    struct commit_entry entries[2] = {{(const uint8_t *)"e1", 2, "T1", twice, 3},
                                      {(const uint8_t *)"e2", 2, "T2", NULL, 0}};
    struct commit c = plain("a");
    c.entries = entries;
    c.n_entries = 2;
    assert_int_equal(fixture_commit(f, &c)->seq, 2);
    assert_int_equal(fixture_ask(f, "XLEN {%s}:aud:csp-b", f->partition)->integer, 1);
    assert_int_equal(fixture_ask(f, "XLEN {%s}:journal", f->partition)->integer, 3);
    struct commit next = plain("b");
    assert_int_equal(fixture_commit(f, &next)->seq, 4);
}

static void commit_without_entries_has_no_sequence(void **state)
{
    struct fixture *f = *state;
    struct commit c = plain("a");
    c.n_entries = 0;
    struct commit_result *r = fixture_commit(f, &c);
    assert_int_equal(r->status, COMMIT_OK);
    assert_int_equal(r->seq, 0);
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_DUPLICATE);
    assert_int_equal(fixture_ask(f, "XLEN {%s}:journal", f->partition)->integer, 1);
}

static void timers_are_set_moved_guarded_and_deleted(void **state)
{
    struct fixture *f = *state;
    struct commit_timer t = {"intake", "waiting|case-1", AT + 1000, -1};
    struct commit c = {.now_ms = AT, .timers = &t, .n_timers = 1};
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_OK);
    redisReply *v = fixture_ask(f, "ZSCORE {%s}:timers:intake waiting|case-1", f->partition);
    assert_string_equal(v->str, "1760000001000");
    t = (struct commit_timer){"intake", "waiting|case-1", -1, AT + 999};
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_CONFLICT);
    t.expected_due_ms = AT + 1000;
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_OK);
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_CONFLICT);
    assert_int_equal(fixture_ask(f, "ZCARD {%s}:timers:intake", f->partition)->integer, 0);
}

static void noise_goes_to_the_feeds_stream_only(void **state)
{
    struct fixture *f = *state;
    struct commit_noise noise = {"feed-1", (const uint8_t *)"n\0ise", 5};
    struct commit c = {.now_ms = AT, .noise = &noise};
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_OK);
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_OK);
    redisReply *v = fixture_ask(f, "XRANGE {%s}:noise:feed-1 - +", f->partition);
    assert_int_equal(v->elements, 2);
    assert_int_equal(v->element[1]->element[1]->element[1]->len, 5);
    assert_int_equal(fixture_ask(f, "XLEN {%s}:journal", f->partition)->integer, 1);
}

static void receipts_of_a_party_are_capped_and_others_go_on(void **state)
{
    struct fixture *f = *state;
    f->call.receipts_max = 3;
    for (int i = 0; i < 5; i++) {
        char id[8];
        (void)snprintf(id, sizeof(id), "r%d", i);
        struct commit c = plain(id);
        fixture_add(f, &c);
    }
    struct commit other = plain("r9");
    other.receipt_party = "csp-b";
    fixture_add(f, &other);
    assert_null(fixture_send(f));
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(f->results[i].status, i < 3 || i == 5 ? COMMIT_OK : COMMIT_REFUSED);
    struct commit c = plain("later");
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_REFUSED);
    c = plain("r0");
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_DUPLICATE);
}

static void receipts_expire_with_their_window(void **state)
{
    struct fixture *f = *state;
    f->call.receipt_window_ms = 150;
    f->call.receipts_max = 1;
    struct commit c = plain("a");
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_OK);
    c = plain("b");
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_REFUSED);
    (void)usleep(200000);
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_OK);
    assert_int_equal(fixture_ask(f, "EXISTS {%s}:rcpt:min-a:a", f->partition)->integer, 0);
}

static int64_t server_ms(struct fixture *f)
{
    const redisReply *v = fixture_ask(f, "TIME");
    return strtoll(v->element[0]->str, NULL, 10) * 1000 +
           strtoll(v->element[1]->str, NULL, 10) / 1000;
}

/* A machine may sleep with a copy on its way: by the server's own clock it finds the receipt, or
 * it is too late. */
static void a_receipt_lives_as_long_as_copies_are_taken(void **state)
{
    struct fixture *f = *state;
    f->call.receipt_window_ms = 100;
    struct commit c = plain("a");
    c.receipt_until_ms = server_ms(f) + 180; /* sent by a clock that is ahead */
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_OK);
    (void)usleep(130000);
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_DUPLICATE);
    while (fixture_ask(f, "EXISTS {%s}:rcpt:min-a:a", f->partition)->integer != 0)
        (void)usleep(5000);
    c.n_guards = c.n_puts = 0; /* nothing but its age keeps it out */
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_LATE);
    assert_int_equal(fixture_ask(f, "XLEN {%s}:journal", f->partition)->integer, 2);
    c.receipt_until_ms = server_ms(f) + 86400000; /* by a clock that is far ahead */
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_OK);
    assert_in_range(fixture_ask(f, "PTTL {%s}:rcpt:min-a:a", f->partition)->integer, 1, 200);
}

static void another_epoch_is_refused_for_the_whole_call(void **state)
{
    struct fixture *f = *state;
    f->call.epoch = OTHER_EPOCH;
    struct commit c = plain("a");
    fixture_add(f, &c);
    assert_memory_equal(fixture_send(f), "LIUEPOCH", 8);
}

static void empty_partition_takes_no_commits(void **state)
{
    struct fixture *f = *state;
    (void)fixture_ask(f, "DEL {%s}:head", f->partition);
    struct commit c = plain("a");
    fixture_add(f, &c);
    assert_memory_equal(fixture_send(f), "LIUBROKEN", 9);
}

static void journal_that_differs_from_the_head_is_broken(void **state)
{
    static const char *const harm[] = {"XADD {%s}:journal 7-0 e x l y", "XDEL {%s}:journal 1-0",
                                       "SET {%s}:head garbage", "SETRANGE {%s}:head 49 0000000000"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(harm) / sizeof(harm[0]); i++) {
        if (i > 0) {
            assert_int_equal(fixture_done(state), 0);
            assert_int_equal(fixture_partition(state), 0);
        }
        assert_int_not_equal(fixture_ask(f, harm[i], f->partition)->type, REDIS_REPLY_ERROR);
        struct commit c = plain("a");
        fixture_add(f, &c);
        const char *error = fixture_send(f);
        assert_non_null(error);
        assert_memory_equal(error, "LIUBROKEN", 9);
    }
}

static void oversized_values_are_refused(void **state)
{
    struct fixture *f = *state;
    static uint8_t big[4 * 1024 * 1024 + 1];
    struct commit c = plain("a");
    struct commit_put put = {RECORD_CASE, "a", 0, big, sizeof(big)};
    c.puts = &put;
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_REFUSED);
    put.value_bytes = 10;
    struct commit_entry entry = {big, sizeof(big), "T", NULL, 0};
    c.entries = &entry;
    assert_int_equal(fixture_commit(f, &c)->status, COMMIT_REFUSED);
}

static void malformed_calls_are_refused_as_a_whole(void **state)
{
    struct fixture *f = *state;
    static const char *const calls[] = {
        "FCALL liu_commit 2 {%s}:head {%s}:journal",
        "FCALL liu_commit 2 {%s}:head {%s}:journal " EPOCH " 1000 10 1 0",
        "FCALL liu_commit 2 {%s}:head {%s}:journal " EPOCH " 1000 10 1 0 short",
        "FCALL liu_commit 2 {%s}:head {%s}:journal " EPOCH " 1000 10 0 9",
        "FCALL liu_commit 2 {%s}:head {%s}:journal " EPOCH " x 10 0 0",
    };
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        redisReply *r = fixture_ask(f, calls[i], f->partition, f->partition);
        assert_int_equal(r->type, REDIS_REPLY_ERROR);
        assert_memory_equal(r->str, "LIUMALFORMED", 12);
    }
}

/* ---- trim */

static redisReply *trim(struct fixture *f, int seq, int archived)
{
    return fixture_ask(
        f, "FCALL liu_trim 4 {%s}:head {%s}:journal {%s}:r:cursor {%s}:aud:min-a " EPOCH " %d %d 1",
        f->partition, f->partition, f->partition, f->partition, seq, archived);
}

/* A call takes little of Redis' time, however much may go. */
static void the_journal_is_trimmed_in_small_calls(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 300; i++) {
        char id[8];
        (void)snprintf(id, sizeof(id), "r%d", i);
        struct commit c = plain(id);
        (void)fixture_commit(f, &c);
    }
    assert_int_equal(trim(f, 299, 300)->integer, 64);
    assert_int_equal(fixture_ask(f, "XLEN {%s}:journal", f->partition)->integer, 301 - 64);
    assert_int_equal(trim(f, 299, 300)->integer, 128);
    assert_int_equal(trim(f, 299, 300)->integer, 192);
    assert_int_equal(trim(f, 299, 300)->integer, 256);
    assert_int_equal(trim(f, 299, 300)->integer, 299);
    assert_int_equal(trim(f, 299, 300)->integer, 299);
    assert_int_equal(fixture_ask(f, "XLEN {%s}:aud:min-a", f->partition)->integer, 301 - 299);
}

/* Else a store that is full would stay full: what could leave it is refused, too. */
static void a_full_store_is_still_trimmed_compared_and_halted(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 10; i++) {
        char id[8];
        (void)snprintf(id, sizeof(id), "r%d", i);
        struct commit c = plain(id);
        (void)fixture_commit(f, &c);
    }
    struct commit refused = plain("r10");
    (void)fixture_ask(f, "CONFIG SET maxmemory 1");
    fixture_add(f, &refused);
    assert_memory_equal(fixture_send(f), "OOM", 3);
    assert_int_equal(trim(f, 9, 10)->integer, 9);
    assert_int_equal(fixture_ask(f, "FCALL liu_confirm 2 {%s}:head {%s}:journal " EPOCH " 0 %s",
                                 f->partition, f->partition, "")
                         ->type,
                     REDIS_REPLY_INTEGER);
    assert_int_equal(fixture_ask(f, "FCALL liu_halt 1 {%s}:head " EPOCH, f->partition)->type,
                     REDIS_REPLY_INTEGER);
    (void)fixture_ask(f, "CONFIG SET maxmemory 0");
}

static redisReply *trim_noise(struct fixture *f, const char *first_kept)
{
    return fixture_ask(f,
                       "FCALL liu_trim 5 {%s}:head {%s}:journal {%s}:r:cursor {%s}:noise:f "
                       "{%s}:noise:g " EPOCH " 0 0 0 %s %s",
                       f->partition, f->partition, f->partition, f->partition, f->partition,
                       first_kept, first_kept);
}

static long long noise_left(struct fixture *f, const char *feed)
{
    return fixture_ask(f, "XLEN {%s}:noise:%s", f->partition, feed)->integer;
}

/* 8 KiB an entry: a node each. */
static void noise_is_trimmed_in_small_calls_until_none_is_left(void **state)
{
    struct fixture *f = *state;
    static char bytes[8192];
    struct commit c = plain("r0");
    (void)fixture_commit(f, &c);
    memset(bytes, 'x', sizeof(bytes));
    for (int i = 1; i <= 300; i++) {
        (void)fixture_ask(f, "XADD {%s}:noise:f %d-0 d %b", f->partition, i, bytes, sizeof(bytes));
        (void)fixture_ask(f, "XADD {%s}:noise:g %d-0 d x", f->partition, i);
    }
    for (long long gone = 1, i = 0; gone > 0; i++) {
        long long before = noise_left(f, "f");
        gone = trim_noise(f, "201-0")->integer;
        assert_in_range(before - noise_left(f, "f"), 0, 64);
        assert_true(i < 20);
    }
    assert_int_equal(noise_left(f, "f"), 100);
    assert_in_range(noise_left(f, "g"), 100, 200); /* whole nodes only */
    redisReply *r = fixture_ask(f, "XRANGE {%s}:noise:f - + COUNT 1", f->partition);
    assert_string_equal(r->element[0]->element[0]->str, "201-0");
    while (trim_noise(f, "301-0")->integer > 0)
        continue;
    assert_int_equal(noise_left(f, "f") + noise_left(f, "g"), 0);
}

/* A server whose nodes are larger than a call may take: they go all the same. */
static void a_node_larger_than_a_call_is_trimmed_too(void **state)
{
    struct fixture *f = *state;
    struct commit c = plain("r0");
    (void)fixture_commit(f, &c);
    (void)fixture_ask(f, "CONFIG SET stream-node-max-entries 1000");
    for (int i = 1; i <= 300; i++)
        (void)fixture_ask(f, "XADD {%s}:noise:f %d-0 d x", f->partition, i);
    (void)fixture_ask(f, "CONFIG SET stream-node-max-entries 100");
    assert_true(trim_noise(f, "301-0")->integer > 0);
    while (trim_noise(f, "301-0")->integer > 0)
        continue;
    assert_int_equal(noise_left(f, "f"), 0);
}

static void trim_takes_only_what_is_archived_and_passed_by_every_consumer(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 9; i++) {
        char id[8];
        (void)snprintf(id, sizeof(id), "r%d", i);
        struct commit c = plain(id);
        (void)fixture_commit(f, &c);
    }
    /* packed Cursor {consumer "e", seq 5} after its revision */
    (void)fixture_ask(f, "HSET {%s}:r:cursor e %b", f->partition, "\0\0\0\0\0\0\0\1\n\1e\x10\5",
                      (size_t)13);
    assert_non_null(strstr(trim(f, 5, 4)->str, "not archived"));
    assert_non_null(strstr(trim(f, 6, 9)->str, "consumer e is at 5"));
    assert_non_null(strstr(trim(f, 10, 10)->str, "not archived"));
    assert_int_equal(trim(f, 5, 9)->integer, 5);
    redisReply *r = fixture_ask(f, "XRANGE {%s}:journal - + COUNT 1", f->partition);
    assert_string_equal(r->element[0]->element[0]->str, "6-0");
    r = fixture_ask(f, "XRANGE {%s}:aud:min-a - + COUNT 1", f->partition);
    assert_string_equal(r->element[0]->element[0]->str, "6-0");
    struct commit c = plain("after");
    assert_int_equal(fixture_commit(f, &c)->seq, 11);
    (void)fixture_ask(f, "HSET {%s}:r:cursor bad %b", f->partition, "\0\0\0\0\0\0\0\1\x10\x85",
                      (size_t)10);
    assert_non_null(strstr(trim(f, 5, 9)->str, "cannot be read"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_partition, fixture_done)
    const struct CMUnitTest tests[] = {
        T(genesis_refuses_a_partition_in_use),
        T(plain_commit_is_stored_with_link_and_index),
        T(link_covers_the_entry_and_the_link_before),
        T(same_bytes_again_get_the_stored_reply),
        T(other_bytes_under_a_used_id_mismatch),
        T(guards_and_expected_revisions_conflict_naming_the_record),
        T(chains_work_within_one_call),
        T(several_entries_are_numbered_in_order_and_indexed_once_for_each_party),
        T(commit_without_entries_has_no_sequence),
        T(timers_are_set_moved_guarded_and_deleted),
        T(noise_goes_to_the_feeds_stream_only),
        T(receipts_of_a_party_are_capped_and_others_go_on),
        T(receipts_expire_with_their_window),
        T(a_receipt_lives_as_long_as_copies_are_taken),
        T(another_epoch_is_refused_for_the_whole_call),
        T(empty_partition_takes_no_commits),
        T(journal_that_differs_from_the_head_is_broken),
        T(oversized_values_are_refused),
        T(malformed_calls_are_refused_as_a_whole),
        T(trim_takes_only_what_is_archived_and_passed_by_every_consumer),
        T(the_journal_is_trimmed_in_small_calls),
        T(a_full_store_is_still_trimmed_compared_and_halted),
        T(noise_is_trimmed_in_small_calls_until_none_is_left),
        T(a_node_larger_than_a_call_is_trimmed_too),
    };
    return cmocka_run_group_tests_name("store_function", tests, fixture_start, fixture_stop);
}
