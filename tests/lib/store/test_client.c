/* The store's calls against a real server: commits in batches, reads, receipts, audience, tail,
 * trim. */
#include "lib/store/client_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

static void library_and_epoch_are_known_when_ready(void **state)
{
    struct client *c = *state;
    const char *why = NULL;
    assert_true(store_ready(c->store, &why));
    assert_string_equal(why, "");
    assert_string_equal(store_epoch(c->store), EPOCH);
    assert_int_equal(strlen(store_library_hash()), 64);
    assert_int_equal(store_pressure(c->store), STORE_PRESSURE_NONE);
}

static void init_refuses_a_store_in_use(void **state)
{
    struct err_text why;
    assert_int_equal(client_init_store(*state, &why), ERR_EXISTS);
}

struct read_result {
    bool done;
    enum err e;
    size_t n;
    struct store_record records[8];
    char values[8][16];
};

static void on_read(void *arg, enum err e, const struct store_record *records, size_t n)
{
    struct read_result *r = arg;
    r->done = true;
    r->e = e;
    r->n = n;
    for (size_t i = 0; i < n && i < 8; i++) {
        r->records[i] = records[i];
        (void)snprintf(r->values[i], sizeof(r->values[i]), "%.*s", (int)records[i].bytes,
                       records[i].bytes > 0 ? (const char *)records[i].value : "");
    }
}

static void committed_records_are_read_back_in_the_order_asked(void **state)
{
    struct client *c = *state;
    struct commit_memory m;
    commit_make(&m, "read-1", true);
    assert_int_equal(client_commit(c, STORE_MAIN, &m.commit).status, COMMIT_OK);
    struct store_key keys[] = {
        {RECORD_CASE, "absent"}, {RECORD_PARTY, "min-a"}, {RECORD_CASE, "read-1"}};
    struct read_result r = {.done = false};
    assert_int_equal(store_read(c->store, keys, 3, on_read, &r), ERR_OK);
    client_until(c, &r.done);
    assert_int_equal(r.e, ERR_OK);
    assert_int_equal(r.n, 3);
    assert_false(r.records[0].exists);
    assert_string_equal(r.values[1], "A");
    assert_int_equal(r.records[2].revision, 1);
    assert_string_equal(r.values[2], "read-1");
}

static void resent_commit_is_a_duplicate_and_both_lanes_work(void **state)
{
    struct client *c = *state;
    struct commit_memory m;
    commit_make(&m, "urgent-1", true);
    struct committed first = client_commit(c, STORE_URGENT, &m.commit);
    assert_int_equal(first.status, COMMIT_OK);
    struct committed again = client_commit(c, STORE_MAIN, &m.commit);
    assert_int_equal(again.status, COMMIT_DUPLICATE);
    assert_int_equal(again.seq, first.seq);
    struct committed asked = {.done = false};
    uint8_t other[32] = {7};
    assert_int_equal(
        store_receipt(c->store, "min-a", "urgent-1", m.commit.request_hash, on_committed, &asked),
        ERR_OK);
    client_until(c, &asked.done);
    assert_int_equal(asked.status, COMMIT_DUPLICATE);
    asked = (struct committed){.done = false};
    assert_int_equal(store_receipt(c->store, "min-a", "urgent-1", other, on_committed, &asked),
                     ERR_OK);
    client_until(c, &asked.done);
    assert_int_equal(asked.status, COMMIT_MISMATCH);
    asked = (struct committed){.done = false};
    assert_int_equal(store_receipt(c->store, "min-a", "never", other, on_committed, &asked),
                     ERR_OK);
    client_until(c, &asked.done);
    assert_int_equal(asked.status, COMMIT_OK);
}

static void commit_that_can_never_be_sent_is_refused_with_a_reason(void **state)
{
    struct client *c = *state;
    struct commit_memory m;
    commit_make(&m, "bad", false);
    m.put.kind = (enum record_kind)99;
    struct committed r = client_commit(c, STORE_MAIN, &m.commit);
    assert_int_equal(r.status, COMMIT_REFUSED);
    assert_true(strlen(r.text) > 0);
}

struct scan_result {
    bool done;
    enum err e;
    size_t n;
    char page[32];
};

static void on_scan(void *arg, enum err e, const char *next, const char *const *ids,
                    const struct store_record *records, size_t n)
{
    struct scan_result *r = arg;
    r->done = true;
    r->e = e;
    r->n += n;
    (void)snprintf(r->page, sizeof(r->page), "%s", next);
    for (size_t i = 0; i < n; i++)
        r->e = strlen(ids[i]) == 0 || !records[i].exists ? ERR_INTERNAL : r->e;
}

static void all_records_of_a_kind_are_paged_through(void **state)
{
    struct client *c = *state;
    static struct commit_memory m[600];
    static struct committed r[600];
    for (size_t i = 0; i < 600; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "scan-%zu", i);
        commit_make(&m[i], id, false);
        m[i].put.kind = RECORD_PLAN;
        assert_int_equal(store_commit(c->store, STORE_MAIN, &m[i].commit, on_committed, &r[i]),
                         ERR_OK);
    }
    assert_int_equal(store_commits_pending(c->store), 600);
    client_until(c, &r[599].done);
    assert_int_equal(store_commits_pending(c->store), 0);
    struct scan_result s = {.done = false};
    int pages = 0;
    do {
        s.done = false;
        assert_int_equal(store_scan(c->store, RECORD_PLAN, s.page, 100, on_scan, &s), ERR_OK);
        client_until(c, &s.done);
        assert_int_equal(s.e, ERR_OK);
        pages++;
    } while (s.page[0] != '\0');
    assert_int_equal(s.n, 600);
    assert_true(pages > 3);
    assert_int_equal(store_scan(c->store, RECORD_PLAN, "1 MATCH", 100, on_scan, &s), ERR_INVAL);
}

struct list_result {
    bool done;
    enum err e;
    size_t n;
    uint64_t first;
    uint64_t seqs[300];
    bool more;
};

static void on_entries(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct list_result *r = arg;
    r->done = true;
    r->e = e;
    for (size_t i = 0; i < n && r->n < 300; i++)
        r->seqs[r->n++] = entries[i].link_bytes == 40 ? entries[i].seq : 0;
}

static void on_audience(void *arg, enum err e, uint64_t first, const struct store_entry *entries,
                        size_t n, bool more)
{
    struct list_result *r = arg;
    r->first = first;
    r->more = more;
    on_entries(arg, e, entries, n);
}

static void on_head(void *arg, enum err e, uint64_t seq)
{
    struct list_result *r = arg;
    r->done = true;
    r->e = e;
    r->first = seq;
}

static uint64_t head(struct client *c)
{
    struct list_result r = {.done = false};
    assert_int_equal(store_head(c->store, on_head, &r), ERR_OK);
    client_until(c, &r.done);
    assert_int_equal(r.e, ERR_OK);
    return r.first;
}

static void entries_come_by_range_and_the_head_is_the_last(void **state)
{
    struct client *c = *state;
    struct commit_memory m;
    commit_make(&m, "range-1", false);
    uint64_t seq = client_commit(c, STORE_MAIN, &m.commit).seq;
    assert_int_equal(head(c), seq);
    struct list_result r = {.done = false};
    assert_int_equal(store_entries(c->store, 1, seq, 2, on_entries, &r), ERR_OK);
    client_until(c, &r.done);
    assert_int_equal(r.n, 2);
    assert_int_equal(r.seqs[0], 1);
    assert_int_equal(r.seqs[1], 2);
}

static struct list_result audience(struct client *c, const char *party, uint64_t after, uint64_t to,
                                   uint32_t max)
{
    struct list_result r = {.done = false};
    assert_int_equal(store_audience(c->store, party, after, to, max, on_audience, &r), ERR_OK);
    client_until(c, &r.done);
    assert_int_equal(r.e, ERR_OK);
    return r;
}

static void a_party_gets_its_own_and_public_entries_only(void **state)
{
    static const char *const parties[] = {"aud-x", "public", "aud-y", "aud-x"};
    struct client *c = *state;
    uint64_t start = head(c);
    for (size_t i = 0; i < 4; i++) {
        struct commit_memory m;
        char id[16];
        (void)snprintf(id, sizeof(id), "aud-%zu", i);
        commit_make(&m, id, false);
        m.audience[0] = parties[i];
        assert_int_equal(client_commit(c, STORE_MAIN, &m.commit).status, COMMIT_OK);
    }
    struct list_result r = audience(c, "aud-x", start, start + 4, 10);
    assert_int_equal(r.n, 3);
    assert_int_equal(r.seqs[0], start + 1);
    assert_int_equal(r.seqs[1], start + 2);
    assert_int_equal(r.seqs[2], start + 4);
    assert_int_equal(r.first, 1);
    assert_false(r.more);
    r = audience(c, "aud-x", start, start + 3, 10);
    assert_int_equal(r.n, 2);
    r = audience(c, "aud-x", start, start + 4, 2);
    assert_int_equal(r.n, 2);
    assert_true(r.more);
    r = audience(c, "nobody", start + 2, start + 4, 10);
    assert_int_equal(r.n, 0);
}

static void on_due(void *arg, enum err e, const struct store_due *due, size_t n)
{
    struct list_result *r = arg;
    r->done = true;
    r->e = e;
    for (size_t i = 0; i < n; i++)
        r->seqs[r->n++] = strncmp(due[i].member, "due|", 4) == 0 ? (uint64_t)due[i].due_ms : 0;
}

static void due_timers_come_oldest_first(void **state)
{
    struct client *c = *state;
    struct commit_timer t[] = {{"audit", "due|c", AT + 30, -1},
                               {"audit", "due|a", AT + 10, -1},
                               {"audit", "due|b", AT + 20, -1}};
    struct commit commit = {.now_ms = AT, .timers = t, .n_timers = 3};
    assert_int_equal(client_commit(c, STORE_MAIN, &commit).status, COMMIT_OK);
    struct list_result r = {.done = false};
    assert_int_equal(store_due(c->store, "audit", AT + 20, 10, on_due, &r), ERR_OK);
    client_until(c, &r.done);
    assert_int_equal(r.n, 2);
    assert_int_equal(r.seqs[0], AT + 10);
    assert_int_equal(r.seqs[1], AT + 20);
}

struct tail_result {
    uint64_t last;
    size_t n;
    bool reached;
    uint64_t until;
    enum err e;
    bool stopped;
};

static void on_tail(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct tail_result *t = arg;
    t->e = e;
    t->stopped = e != ERR_OK;
    for (size_t i = 0; i < n; i++) {
        if (entries[i].seq != t->last + 1)
            t->e = ERR_INTERNAL;
        t->last = entries[i].seq;
    }
    t->n += n;
    t->reached = t->last >= t->until;
}

static void tail_hands_on_what_was_and_what_comes(void **state)
{
    struct client *c = *state;
    struct tail_result t = {.until = head(c)};
    assert_true(t.until > 256);
    assert_int_equal(store_tail(c->store, 0, on_tail, &t), ERR_OK);
    assert_int_equal(store_tail(c->store, 0, on_tail, &t), ERR_EXISTS);
    client_until(c, &t.reached);
    struct commit_memory m;
    commit_make(&m, "tail-1", false);
    t.until++;
    t.reached = false;
    assert_int_equal(client_commit(c, STORE_MAIN, &m.commit).seq, t.until);
    client_until(c, &t.reached);
    assert_int_equal(t.e, ERR_OK);
    assert_int_equal(t.n, t.until);
}

static void tail_beyond_the_head_is_data_loss(void **state)
{
    struct client *c = *state;
    struct tail_result t = {.last = head(c) + 1};
    assert_int_equal(store_tail(c->store, t.last, on_tail, &t), ERR_OK);
    client_until(c, &t.stopped);
    assert_int_equal(t.e, ERR_DATA_LOSS);
}

static void on_trim(void *arg, enum err e, uint64_t gone, const char *why)
{
    struct list_result *r = arg;
    (void)why;
    r->done = true;
    r->e = e;
    r->first = gone;
}

/* Behind the others: the start of the journal is gone afterwards. */
static void trimmed_entries_are_gone_and_a_tail_from_before_them_is_data_loss(void **state)
{
    static const char *const parties[] = {"min-a"};
    struct client *c = *state;
    struct store_trim trim = {.seq = 10, .archived = 5, .parties = parties, .n_parties = 1};
    struct list_result r = {.done = false};
    assert_int_equal(store_trim(c->store, &trim, on_trim, &r), ERR_OK);
    client_until(c, &r.done);
    assert_int_equal(r.e, ERR_CONFLICT);
    trim.archived = 10;
    r = (struct list_result){.done = false};
    assert_int_equal(store_trim(c->store, &trim, on_trim, &r), ERR_OK);
    client_until(c, &r.done);
    assert_int_equal(r.e, ERR_OK);
    assert_int_equal(r.first, 10);
    assert_int_equal(audience(c, "min-a", 10, 20, 1).first, 11);
    struct tail_result t = {.last = 5};
    assert_int_equal(store_tail(c->store, 5, on_tail, &t), ERR_OK);
    client_until(c, &t.stopped);
    assert_int_equal(t.e, ERR_DATA_LOSS);
}

/* A trim takes entries first, then the indexes of parties: between the two an index says more. */
static void an_index_that_is_ahead_of_the_journal_is_not_followed(void **state)
{
    struct client *c = *state;
    struct commit_memory m;
    uint64_t start = head(c);
    for (size_t i = 0; i < 2; i++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "ahead-%zu", i);
        commit_make(&m, id, false);
        m.audience[0] = "aud-z";
        assert_int_equal(client_commit(c, STORE_MAIN, &m.commit).status, COMMIT_OK);
    }
    struct store_trim trim = {.seq = start + 1, .archived = start + 1};
    struct list_result r = {.first = 0};
    while (r.first < start + 1) { /* so many a call */
        r.done = false;
        assert_int_equal(store_trim(c->store, &trim, on_trim, &r), ERR_OK);
        client_until(c, &r.done);
        assert_int_equal(r.e, ERR_OK);
    }
    r = audience(c, "aud-z", start, start + 2, 10);
    assert_int_equal(r.first, start + 2);
    assert_int_equal(r.n, 0);
    r = audience(c, "aud-z", start + 1, start + 2, 10);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.seqs[0], start + 2);
}

static void two_clients_under_load_leave_a_gapless_sequence(void **state)
{
    enum { N = 1500 };
    struct client *a = *state;
    struct client b = {.store = NULL};
    static struct commit_memory m[2][N];
    static struct committed r[2][N];
    static bool seen[2 * N + 1];
    client_connect(&b, a->redis.address, 0);
    client_until_ready(&b);
    uint64_t start = head(a);
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < 2; k++) {
            struct client *c = k == 0 ? a : &b;
            char id[24];
            (void)snprintf(id, sizeof(id), "load-%zu-%zu", k, i);
            commit_make(&m[k][i], id, true);
            assert_int_equal(store_commit(c->store, i % 7 == 0 ? STORE_URGENT : STORE_MAIN,
                                          &m[k][i].commit, on_committed, &r[k][i]),
                             ERR_OK);
        }
        if (i % 20 == 0) {
            (void)loop_turn(a->loop, 0);
            (void)loop_turn(b.loop, 0);
        }
    }
    while (store_commits_pending(a->store) + store_commits_pending(b.store) > 0) {
        (void)loop_turn(a->loop, 1);
        (void)loop_turn(b.loop, 1);
    }
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(r[k][i].status, COMMIT_OK);
            uint64_t at = r[k][i].seq - start;
            assert_true(at >= 1 && at <= 2 * N && !seen[at]);
            seen[at] = true;
        }
    }
    assert_int_equal(head(a), start + 2 * N);
    client_disconnect(&b);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, client_open, client_close)
    const struct CMUnitTest tests[] = {
        T(library_and_epoch_are_known_when_ready),
        T(init_refuses_a_store_in_use),
        T(committed_records_are_read_back_in_the_order_asked),
        T(resent_commit_is_a_duplicate_and_both_lanes_work),
        T(commit_that_can_never_be_sent_is_refused_with_a_reason),
        T(all_records_of_a_kind_are_paged_through),
        T(entries_come_by_range_and_the_head_is_the_last),
        T(a_party_gets_its_own_and_public_entries_only),
        T(due_timers_come_oldest_first),
        T(tail_hands_on_what_was_and_what_comes),
        T(tail_beyond_the_head_is_data_loss),
        T(two_clients_under_load_leave_a_gapless_sequence),
        T(trimmed_entries_are_gone_and_a_tail_from_before_them_is_data_loss),
        T(an_index_that_is_ahead_of_the_journal_is_not_followed),
    };
    return cmocka_run_group_tests_name("store_client", tests, client_server_start,
                                       client_server_stop);
}
