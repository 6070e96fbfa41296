/* Works on one record wait for each other in the order they came; who waits holds nothing; no two
 * commits in flight ever write the same record. */
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

/* Records written by commits that are not answered yet. */
static void none_is_written_twice_at_once(void)
{
    for (size_t i = 0; i < fake.n_commits; i++)
        for (size_t j = 0; j < i; j++)
            for (size_t p = 0; p < fake.commits[i].commit->n_puts; p++)
                for (size_t q = 0; q < fake.commits[j].commit->n_puts; q++)
                    assert_string_not_equal(fake.commits[i].commit->puts[p].id,
                                            fake.commits[j].commit->puts[q].id);
}

static void one_commit_at_a_time_for_a_record(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 20; i++)
        send_touch("case-a", &(struct fake_how){.peer = i});
    send_touch("case-b", NULL);
    fake_turn();
    assert_int_equal(fake.n_commits, 2); /* case-b does not wait */
    while (fake.n_commits > 0) {
        none_is_written_twice_at_once();
        fake_commit_ok();
    }
    assert_int_equal(touched("case-a"), 20);
    assert_int_equal(touched("case-b"), 1);
    assert_int_equal(fake.n_sent, 21);
    assert_int_equal(fake.commits_seen, 21); /* no CONFLICT within a process */
    assert_int_equal(fake.flow.works, 0);
    assert_null(fake.flow.locks);
}

static void the_line_is_in_the_order_of_arrival(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < 10; i++)
        send_touch("case-a", &(struct fake_how){.peer = i});
    fake_commit_all();
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(fake_status(i), FLOW_STATUS(OK));
        assert_int_equal(fake.sent[i].peer, i);
    }
}

static void a_full_line_refuses_with_a_hint(void **state)
{
    (void)state;
    size_t all = 1 + LIMIT_WAITERS_PER_RECORD + 3;
    for (size_t i = 0; i < all; i++)
        send_touch("case-a", NULL);
    fake_turn();
    assert_int_equal(fake.n_sent, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(fake_status(i), FLOW_STATUS(ABORTED));
        assert_true(fake_has_rule(i, "P-BUSY"));
        assert_true(fake.sent[i].reply->retry_after_ms > 0);
    }
    fake_commit_all();
    assert_int_equal(touched("case-a"), all - 3);
}

/* The first holds aa and bb. Passing aa on runs the second at once, which asks for bb, too: it has
 * to wait for it although the first is about to let it go, for the third is in line there. */
static void locks_of_one_work_are_handed_over_one_by_one(void **state)
{
    (void)state;
    static const bool blind[] = {false, true};
    for (size_t i = 0; i < 2; i++) {
        send_two("aa-bb", false, NULL);
        fake_turn();
        send_two("aa-bb", blind[i], NULL);
        send_touch("bb", NULL);
        send_two("bb-aa", false, NULL);
        send_touch("aa", NULL);
        fake_turn();
        while (fake.n_commits > 0) {
            none_is_written_twice_at_once();
            fake_commit_ok();
        }
        assert_int_equal(fake.flow.works, 0);
        assert_null(fake.flow.locks);
    }
    for (size_t i = 0; i < fake.n_sent; i++)
        assert_true(fake_status(i) == FLOW_STATUS(OK) || fake_status(i) == FLOW_STATUS(ABORTED));
    assert_int_equal(touched("aa"), touched("bb"));
}

/* Numbered lanes: also a CONFLICT of the first does not let the second pass it. */
static void a_serial_row_keeps_the_senders_order(void **state)
{
    (void)state;
    fake_party("other", ISMAP__LIU__V1__ROLE__ROLE_OPERATOR, false, false);
    for (uint8_t i = 0; i < 4; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "case%u", (unsigned)i);
        send_serial(id, &(struct fake_how){.peer = i});
    }
    send_serial("case9", &(struct fake_how){.from = "other", .peer = 9});
    fake_turn();
    assert_int_equal(fake.n_commits, 2); /* one of each sender */
    fake_commit_as(COMMIT_CONFLICT, false);
    fake_commit_all();
    size_t next = 0;
    for (size_t i = 0; i < fake.n_sent; i++) {
        assert_int_equal(fake_status(i), FLOW_STATUS(OK));
        if (fake.sent[i].peer != 9)
            assert_int_equal(fake.sent[i].peer, next++);
    }
    assert_int_equal(next, 4);
    assert_null(fake.flow.locks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_commit_at_a_time_for_a_record, up, down),
        cmocka_unit_test_setup_teardown(the_line_is_in_the_order_of_arrival, up, down),
        cmocka_unit_test_setup_teardown(a_full_line_refuses_with_a_hint, up, down),
        cmocka_unit_test_setup_teardown(locks_of_one_work_are_handed_over_one_by_one, up, down),
        cmocka_unit_test_setup_teardown(a_serial_row_keeps_the_senders_order, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
