/* A refused request leaves data and append file as they were: wrong types in each key, an error
 * injected at each reading call of the Function, every refusal of the checks.
 */
#include "lib/store/function_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"

/* One request that touches every family of keys. */
struct whole {
    struct commit_guard guard;
    struct commit_put put;
    struct commit_entry entry;
    struct commit_timer timer;
    struct commit_noise noise;
    struct commit commit;
};

static const char *const audience[] = {"csp-b", "public"};

static struct commit *whole(struct whole *w, const char *id)
{
    w->guard = (struct commit_guard){RECORD_PARTY, "min-a", 1};
    w->put = (struct commit_put){RECORD_CASE, id, 0, (const uint8_t *)"v", 1};
    w->entry = (struct commit_entry){(const uint8_t *)"e", 1, "T", audience, 2};
    w->timer = (struct commit_timer){"intake", "k|r", AT, -1};
    w->noise = (struct commit_noise){"feed-1", (const uint8_t *)"n", 1};
    w->commit = (struct commit){.receipt_party = "min-a",
                                .receipt_id = id,
                                .now_ms = AT,
                                .guards = &w->guard,
                                .n_guards = 1,
                                .puts = &w->put,
                                .n_puts = 1,
                                .entries = &w->entry,
                                .n_entries = 1,
                                .timers = &w->timer,
                                .n_timers = 1,
                                .noise = &w->noise};
    return &w->commit;
}

static long long aof_bytes(struct fixture *f)
{
    redisReply *r = fixture_ask(f, "INFO persistence");
    const char *at = strstr(r->str, "aof_current_size:");
    assert_non_null(at);
    return strtoll(at + strlen("aof_current_size:"), NULL, 10);
}

static void wrong_type_in_any_key_is_refused_before_the_first_write(void **state)
{
    static const char *const keys[] = {"head",          "left",         "journal",     "r:party",
                                       "r:case",        "rcnt:min-a",   "aud:csp-b",   "aud:public",
                                       "timers:intake", "noise:feed-1", "rcpt:min-a:a"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct whole w;
        if (i > 0) {
            assert_int_equal(fixture_done(state), 0);
            assert_int_equal(fixture_partition(state), 0);
        }
        (void)fixture_ask(f, "DEL {%s}:%s", f->partition, keys[i]);
        (void)fixture_ask(f, "SADD {%s}:%s wrong", f->partition, keys[i]);
        char before[64];
        (void)snprintf(before, sizeof(before), "%s", fixture_digest(f));
        long long bytes = aof_bytes(f);
        fixture_add(f, whole(&w, "a"));
        const char *error = fixture_send(f);
        if (error != NULL)
            assert_memory_equal(error, "LIUBROKEN", 9);
        else
            assert_int_equal(f->results[0].status, COMMIT_BROKEN);
        assert_string_equal(fixture_digest(f), before);
        assert_int_equal(aof_bytes(f), bytes);
    }
}

static void one_broken_key_does_not_hold_up_other_requests_of_the_call(void **state)
{
    struct fixture *f = *state;
    struct whole w;
    (void)fixture_ask(f, "SET {%s}:aud:csp-b wrong", f->partition);
    struct commit good = plain("good");
    fixture_add(f, whole(&w, "a"));
    fixture_add(f, &good);
    assert_null(fixture_send(f));
    assert_int_equal(f->results[0].status, COMMIT_BROKEN);
    assert_non_null(strstr(f->results[0].text, "aud:csp-b"));
    assert_int_equal(f->results[1].status, COMMIT_OK);
    assert_int_equal(f->results[1].seq, 2);
}

static void audience_ahead_of_the_journal_is_refused(void **state)
{
    struct fixture *f = *state;
    struct whole w;
    (void)fixture_ask(f, "XADD {%s}:aud:csp-b 99-0 t x", f->partition);
    assert_int_equal(fixture_commit(f, whole(&w, "a"))->status, COMMIT_BROKEN);
}

static void counter_that_is_no_number_is_refused(void **state)
{
    struct fixture *f = *state;
    struct whole w;
    (void)fixture_ask(f, "SET {%s}:rcnt:min-a many", f->partition);
    assert_int_equal(fixture_commit(f, whole(&w, "a"))->status, COMMIT_BROKEN);
}

/* The library with its nth redis.pcall replaced; false when there are fewer. */
static bool injected(size_t nth, struct buf *out)
{
    const char *text = store_library_text();
    const char *first_line = strchr(text, '\n');
    const char *at = text;
    for (size_t i = 0;; i++, at++) {
        at = strstr(at, "redis.pcall(");
        if (at == NULL)
            return false;
        if (i == nth)
            break;
    }
    buf_init(out, 1 << 20);
    (void)buf_put(out, text, (size_t)(first_line - text));
    (void)buf_puts(out, "\nlocal function injected() return {err = 'injected'} end");
    (void)buf_put(out, first_line, (size_t)(at - first_line));
    (void)buf_puts(out, "injected(");
    (void)buf_puts(out, at + strlen("redis.pcall("));
    return !out->failed;
}

static void error_at_any_reading_call_leaves_no_trace(void **state)
{
    struct fixture *f = *state;
    struct buf text;
    size_t n = 0;
    size_t refused = 0;
    for (; injected(n, &text); n++) {
        struct whole w;
        char id[16];
        redisReply *r = fixture_ask(f, "FUNCTION LOAD REPLACE %b", text.data, text.len);
        assert_int_equal(r->type, REDIS_REPLY_STRING);
        buf_fini(&text);
        char before[64];
        (void)snprintf(before, sizeof(before), "%s", fixture_digest(f));
        long long bytes = aof_bytes(f);
        (void)snprintf(id, sizeof(id), "i%zu", n);
        fixture_add(f, whole(&w, id));
        const char *error = fixture_send(f);
        if (error == NULL && f->results[0].status == COMMIT_OK)
            continue; /* a call this request does not make */
        refused++;
        if (error == NULL)
            assert_int_not_equal(f->results[0].status, COMMIT_OK);
        assert_string_equal(fixture_digest(f), before);
        assert_int_equal(aof_bytes(f), bytes);
    }
    assert_true(n >= 10);
    assert_int_equal(refused, 8); /* the look at all streams is repeated for each */
    redisReply *r = fixture_ask(f, "FUNCTION LOAD REPLACE %s", store_library_text());
    assert_int_equal(r->type, REDIS_REPLY_STRING);
}

static void refusals_leave_no_trace(void **state)
{
    struct fixture *f = *state;
    struct whole w;
    (void)fixture_commit(f, whole(&w, "used"));
    char before[64];
    (void)snprintf(before, sizeof(before), "%s", fixture_digest(f));
    long long bytes = aof_bytes(f);
    for (int i = 0; i < 6; i++) {
        struct commit *c = whole(&w, i < 2 ? "used" : "new");
        c->request_hash[0] = i == 1;
        w.guard.revision = i == 2 ? 9 : 1;
        w.put.expected = i == 3 ? 9 : 0;
        w.timer.expected_due_ms = i == 4 ? AT + 7 : -1;
        f->call.receipts_max = i == 5 ? 1 : 1000;
        assert_int_not_equal(fixture_commit(f, c)->status, COMMIT_OK);
    }
    assert_string_equal(fixture_digest(f), before);
    assert_int_equal(aof_bytes(f), bytes);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_partition, fixture_done)
    const struct CMUnitTest tests[] = {
        T(wrong_type_in_any_key_is_refused_before_the_first_write),
        T(one_broken_key_does_not_hold_up_other_requests_of_the_call),
        T(audience_ahead_of_the_journal_is_refused),
        T(counter_that_is_no_number_is_refused),
        T(error_at_any_reading_call_leaves_no_trace),
        T(refusals_leave_no_trace),
    };
    return cmocka_run_group_tests_name("store_atomicity", tests, fixture_start, fixture_stop);
}
