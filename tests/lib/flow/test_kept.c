/* What urgent works find in memory: no reads in the usual case, never a wrong outcome, bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "rows.h"

static int up(void **state)
{
    (void)state;
    fake_up(&rows_service);
    return 0;
}

static int down(void **state)
{
    (void)state;
    fake_down();
    return 0;
}

/* As another process would. */
static void write_behind(const char *id, unsigned version)
{
    Ismap__Liu__V1__Case c = ISMAP__LIU__V1__CASE__INIT;
    c.id = (char *)(uintptr_t)id;
    c.evidence_version = version;
    (void)fake_store(RECORD_CASE, id, &c.base);
}

static void urgent_works_read_nothing(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 5; i++) { /* the first relies on the case not existing */
        send_urgent("case-a", 99, NULL);
        assert_int_equal(fake.n_commits, 1);
        fake_commit_all();
        assert_int_equal(fake_status(i - 1), FLOW_STATUS(OK));
        assert_int_equal(touched("case-a"), i);
        assert_int_equal(fake.commits_seen, i); /* none of them conflicted */
    }
    assert_int_equal(fake.reads_seen, 0);
}

static void what_waited_for_another_sees_its_effect(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        send_urgent("case-a", 99, NULL);
    fake_commit_all();
    assert_int_equal(touched("case-a"), 4);
    assert_int_equal(fake.commits_seen, 4);
    assert_int_equal(fake.reads_seen, 0);
}

static void works_that_are_not_urgent_read(void **state)
{
    (void)state;
    send_urgent("case-a", 99, NULL);
    fake_commit_all();
    send_touch("case-a", NULL);
    fake_commit_all();
    assert_int_equal(fake.reads_seen, 1);
    send_urgent("case-a", 99, NULL); /* and what they wrote is known */
    fake_commit_all();
    assert_int_equal(fake.reads_seen, 1);
    assert_int_equal(fake.commits_seen, 3);
    assert_int_equal(touched("case-a"), 3);
}

static void old_memory_is_a_conflict_and_then_read(void **state)
{
    (void)state;
    static const bool there[] = {false, true}; /* it believes: no such case; an older one */
    for (size_t i = 0; i < 2; i++) {
        if (there[i]) {
            send_urgent("case-b", 99, NULL);
            fake_commit_all();
        }
        const char *id = there[i] ? "case-b" : "case-a";
        size_t reads = fake.reads_seen;
        size_t commits = fake.commits_seen;
        write_behind(id, 10);
        send_urgent(id, 99, NULL);
        fake_commit_all();
        assert_int_equal(fake_status(fake.n_sent - 1), FLOW_STATUS(OK));
        assert_int_equal(touched(id), 11);
        assert_int_equal(fake.reads_seen, reads + 1);
        assert_int_equal(fake.commits_seen, commits + 2);
        send_urgent(id, 99, NULL); /* what was read and written is known now */
        fake_commit_all();
        assert_int_equal(fake.reads_seen, reads + 1);
        assert_int_equal(touched(id), 12);
    }
}

static void nothing_is_refused_by_memory_alone(void **state)
{
    (void)state;
    send_urgent("case-a", 99, NULL);
    fake_commit_all();
    send_urgent("case-a", 1, NULL); /* enough, and Redis says so too */
    fake_commit_all();
    assert_int_equal(fake_status(1), FLOW_STATUS(FAILED_PRECONDITION));
    assert_int_equal(fake.reads_seen, 1);
    write_behind("case-a", 0);
    send_urgent("case-a", 1, NULL); /* enough for memory, not for Redis */
    fake_commit_all();
    assert_int_equal(fake_status(2), FLOW_STATUS(OK));
    assert_int_equal(fake.reads_seen, 2);
    assert_int_equal(touched("case-a"), 1);
}

/* ---- waiting for the views */

static void what_needs_current_views_waits_for_the_tail(void **state)
{
    (void)state;
    fake.seq = 7;
    fake.flow.tail_seq = 5;
    send_current("case-a");
    send_current("case-b");
    fake_turn();
    assert_int_equal(fake.n_commits, 0);
    fake.flow.tail_seq = 6;
    load_views_moved(&fake.flow);
    engine_sweep(&fake.flow);
    assert_int_equal(fake.n_commits, 0);
    send_urgent("case-c", 99, NULL); /* nobody else waits */
    assert_int_equal(fake.n_commits, 1);
    fake.flow.tail_seq = 8;
    load_views_moved(&fake.flow);
    assert_int_equal(fake.n_commits, 3);
    fake_commit_all();
    assert_int_equal(fake.n_sent, 3);
    send_current("case-d"); /* they are current: no wait */
    fake_commit_all();
    fake.flow.tail_seq = fake.seq;
    load_views_moved(&fake.flow);
    fake_commit_all();
    assert_int_equal(touched("case-d"), 1);
    assert_int_equal(fake.flow.works, 0);
}

static void but_not_for_ever(void **state)
{
    (void)state;
    fake.seq = 7;
    fake.flow.tail_seq = 5;
    send_current("case-a");
    fake_turn();
    assert_non_null(fake.flow.view_waiters);
    fake.flow.view_waiters->view_until_ms = 1;
    engine_sweep(&fake.flow);
    fake_commit_all();
    assert_int_equal(fake_status(0), FLOW_STATUS(OK));
    assert_int_equal(touched("case-a"), 1);
    send_current("case-b"); /* one that waits at the end is freed */
    fake_turn();
    assert_non_null(fake.flow.view_waiters);
}

/* ---- the memory itself */

static const uint8_t bytes[64];

/* -1 = not known here. */
static int revision_of(struct kept *k, const char *id)
{
    uint64_t revision;
    const uint8_t *value;
    size_t n;
    return kept_find(k, RECORD_CASE, id, &revision, &value, &n) ? (int)revision : -1;
}

static void older_news_changes_nothing(void **state)
{
    (void)state;
    struct kept *k = fake.flow.kept;
    assert_int_equal(revision_of(k, "a"), 0);
    kept_take(k, RECORD_CASE, "a", 3, bytes, 8);
    kept_take(k, RECORD_CASE, "a", 2, bytes, 9);
    kept_take(k, RECORD_CASE, "a", 0, NULL, 0);
    assert_int_equal(revision_of(k, "a"), 3);
    kept_take(k, RECORD_PARTY, "a", 3, bytes, 8); /* not kept */
    uint64_t revision;
    const uint8_t *value;
    size_t n;
    assert_false(kept_find(k, RECORD_PARTY, "a", &revision, &value, &n));
}

static void values_make_room_and_are_read_again(void **state)
{
    (void)state;
    struct kept *k;
    assert_int_equal(kept_create(&rows_service, 100, 3 * sizeof bytes, &k), ERR_OK);
    kept_take(k, RECORD_CASE, "a", 1, bytes, sizeof bytes);
    kept_take(k, RECORD_CASE, "b", 1, bytes, sizeof bytes);
    kept_take(k, RECORD_CASE, "c", 1, bytes, sizeof bytes);
    assert_int_equal(revision_of(k, "a"), 1); /* used, so "b" is the oldest */
    kept_take(k, RECORD_CASE, "d", 1, bytes, sizeof bytes);
    assert_int_equal(revision_of(k, "b"), -1); /* exists, but has to be read */
    assert_int_equal(revision_of(k, "a"), 1);
    assert_int_equal(revision_of(k, "none"), 0);
    kept_take(k, RECORD_CASE, "b", 1, bytes, sizeof bytes); /* it was read */
    assert_int_equal(revision_of(k, "b"), 1);
    kept_take(k, RECORD_CASE, "a", 2, bytes, 4 * sizeof bytes); /* larger than all */
    assert_int_equal(revision_of(k, "a"), -1);
    assert_int_equal(revision_of(k, "b"), 1);
    kept_destroy(k);
}

static void beyond_the_bound_nothing_is_believed_absent(void **state)
{
    (void)state;
    struct kept *k;
    char long_id[200];
    memset(long_id, 'x', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    for (int too_long = 0; too_long < 2; too_long++) {
        assert_int_equal(kept_create(&rows_service, 2, 1000, &k), ERR_OK);
        kept_take(k, RECORD_CASE, "a", 1, bytes, 8);
        kept_take(k, RECORD_CASE, "b", 1, bytes, 8);
        assert_int_equal(revision_of(k, "c"), 0);
        kept_take(k, RECORD_CASE, too_long ? long_id : "c", 1, bytes, 8);
        assert_int_equal(revision_of(k, "c"), -1);
        assert_int_equal(revision_of(k, "none"), -1);
        kept_take(k, RECORD_CASE, "a", 2, bytes, 9);
        assert_int_equal(revision_of(k, "a"), 2); /* those that are here go on */
        kept_destroy(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(urgent_works_read_nothing, up, down),
        cmocka_unit_test_setup_teardown(what_waited_for_another_sees_its_effect, up, down),
        cmocka_unit_test_setup_teardown(works_that_are_not_urgent_read, up, down),
        cmocka_unit_test_setup_teardown(old_memory_is_a_conflict_and_then_read, up, down),
        cmocka_unit_test_setup_teardown(nothing_is_refused_by_memory_alone, up, down),
        cmocka_unit_test_setup_teardown(what_needs_current_views_waits_for_the_tail, up, down),
        cmocka_unit_test_setup_teardown(but_not_for_ever, up, down),
        cmocka_unit_test_setup_teardown(older_news_changes_nothing, up, down),
        cmocka_unit_test_setup_teardown(values_make_room_and_are_read_again, up, down),
        cmocka_unit_test_setup_teardown(beyond_the_bound_nothing_is_believed_absent, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
