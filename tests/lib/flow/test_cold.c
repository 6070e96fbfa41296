/* Records that are not in Redis because they are cold: who writes them waits until they are back,
 * who makes a new one knows that there is none, and nothing is asked while nothing was ever cold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/text.h"
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

static void generation_begins(void)
{
    Ismap__Liu__V1__Upkeep m = ISMAP__LIU__V1__UPKEEP__INIT;
    (void)fake_store(RECORD_UPKEEP, COLD_GENERATION, &m.base);
}

static void nothing_is_asked_while_nothing_is_cold(void **state)
{
    (void)state;
    send_touch("case-a", NULL);
    fake_turn();
    fake_commit_all();
    assert_int_equal(fake_status(0), FLOW_STATUS(OK));
    assert_int_equal(fake.seeks_seen, 0);
    assert_int_equal(touched("case-a"), 1);
}

/* Between the look and the commit the first record leaves: it might have been this one. */
static void a_generation_that_begins_meanwhile_is_a_conflict(void **state)
{
    (void)state;
    send_touch("case-a", NULL);
    fake_turn();
    generation_begins();
    fake_commit_all();
    assert_int_equal(fake_status(0), FLOW_STATUS(OK));
    assert_int_equal(fake.commits_seen, 2);
    assert_int_equal(fake.seeks_seen, 1);
    assert_int_equal(touched("case-a"), 1);
}

static void a_new_record_is_known_to_be_none(void **state)
{
    (void)state;
    generation_begins();
    send_touch("case-a", NULL);
    fake_commit_all();
    assert_int_equal(fake_status(0), FLOW_STATUS(OK));
    assert_int_equal(fake.seeks_seen, 1);
    assert_int_equal(fake.commits_seen, 1);
    assert_int_equal(touched("case-a"), 1);
}

static void a_cold_record_is_waited_for(void **state)
{
    (void)state;
    Ismap__Liu__V1__Case c = ISMAP__LIU__V1__CASE__INIT;
    generation_begins();
    (void)text_copy(fake.cold_id, sizeof fake.cold_id, "case-a");
    send_touch("case-a", NULL);
    fake_turn();
    fake_fire();
    assert_int_equal(fake.n_commits, 0);
    assert_int_equal(fake.n_sent, 0);
    c.id = (char *)(uintptr_t) "case-a"; /* the ledger puts it back */
    c.evidence_version = 7;
    (void)fake_store(RECORD_CASE, "case-a", &c.base);
    fake_fire();
    fake_commit_all();
    assert_int_equal(fake_status(0), FLOW_STATUS(OK));
    assert_int_equal(touched("case-a"), 8);
}

static void a_store_that_goes_away_meanwhile_is_told(void **state)
{
    (void)state;
    generation_begins();
    (void)text_copy(fake.cold_id, sizeof fake.cold_id, "case-a");
    send_touch("case-a", NULL);
    fake_turn();
    fake.reads_fail = true;
    fake_fire();
    assert_int_equal(fake_status(0), FLOW_STATUS(UNAVAILABLE));
    assert_true(fake_has_rule(0, "P-STORE"));
    assert_int_equal(fake.n_commits, 0);
}

/* The ledger shows nothing then: who only looks is told at once, also when memory got short while
 * he waited. What events write is waited for: the journal behind them cannot be trimmed. */
static void who_only_looks_is_refused_while_memory_is_short(void **state)
{
    (void)state;
    generation_begins();
    (void)text_copy(fake.cold_id, sizeof fake.cold_id, "case-a");
    fake.pressure = STORE_PRESSURE_CASES;
    send_look("case-a");
    fake_turn();
    fake_fire();
    assert_int_equal(fake.n_sent, 0);
    fake.pressure = STORE_PRESSURE_RESERVE;
    fake_fire();
    assert_int_equal(fake.n_sent, 1);
    send_look("case-a");
    fake_turn();
    assert_int_equal(fake.n_sent, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(fake_status(i), FLOW_STATUS(RESOURCE_EXHAUSTED));
        assert_true(fake_has_rule(i, "P-MEMORY"));
    }
    send_look("case-b");
    fake_turn();
    assert_int_equal(fake_status(2), FLOW_STATUS(NOT_FOUND));
    fake.pressure = STORE_PRESSURE_NONE;
    send_touch("case-a", NULL);
    fake_turn();
    fake.pressure = STORE_PRESSURE_RESERVE;
    fake_fire();
    assert_int_equal(fake.n_sent, 3);
}

/* ---- receipts */

static void a_commit_that_does_not_know_asks_and_is_decided_anew(void **state)
{
    (void)state;
    send_touch("case-a", NULL);
    fake_turn();
    fake_commit_as(COMMIT_COLD, false);
    assert_int_equal(fake.receipts_asked, 1);
    assert_int_equal(fake.n_sent, 0);
    fake_commit_all();
    assert_int_equal(fake_status(0), FLOW_STATUS(OK));
    assert_false(fake.sent[0].reply->receipt->duplicate);
    assert_int_equal(touched("case-a"), 1);
}

/* What it would have locked is free for others while the ledger is asked. */
static void nobody_waits_for_the_ledger_with_it(void **state)
{
    (void)state;
    fake.receipts_cold = true;
    send_touch("case-a", NULL);
    fake_turn();
    fake_commit_as(COMMIT_COLD, false);
    const struct fake_how other = {.id = "other-id-1", .peer = 2};
    send_touch("case-a", &other);
    fake_commit_all();
    assert_int_equal(fake.n_sent, 1);
    assert_int_equal(fake_status(0), FLOW_STATUS(OK));
    fake.receipts_cold = false;
    fake_fire();
    fake_commit_all();
    assert_int_equal(fake_status(1), FLOW_STATUS(OK));
    assert_int_equal(touched("case-a"), 2);
}

static void a_repetition_gets_the_answer_of_the_first_time(void **state)
{
    (void)state;
    fake.receipts_cold = true;
    send_touch("case-a", NULL);
    fake_turn();
    fake_commit_as(COMMIT_COLD, true);
    fake_fire();
    assert_int_equal(fake.n_sent, 0);
    fake.receipts_cold = false;
    fake_fire();
    assert_int_equal(fake_status(0), FLOW_STATUS(OK));
    assert_true(fake.sent[0].reply->receipt->duplicate);
    assert_int_equal(fake.n_commits, 0);
    assert_int_equal(touched("case-a"), 1);
}

/* A refusal may be the fault of one's own first copy. */
static void a_refusal_waits_for_the_receipt(void **state)
{
    (void)state;
    fake.receipts_cold = true;
    send_touch(REFUSED_ID, NULL);
    fake_turn();
    fake_fire();
    assert_int_equal(fake.n_sent, 0);
    fake.receipts_cold = false;
    fake_fire();
    assert_int_equal(fake_status(0), FLOW_STATUS(FAILED_PRECONDITION));
}

static void without_the_ledger_it_is_told_to_come_again(void **state)
{
    (void)state;
    fake.receipts_cold = true;
    send_touch("case-a", NULL);
    fake_turn();
    fake_commit_as(COMMIT_COLD, false);
    for (int i = 0; i < 1000 && fake.n_sent == 0; i++) {
        (void)usleep(5000);
        fake_fire();
    }
    assert_int_equal(fake_status(0), FLOW_STATUS(UNAVAILABLE));
    assert_true(fake_has_rule(0, "P-COLD"));
    assert_int_equal(fake.n_commits, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_asked_while_nothing_is_cold, up, down),
        cmocka_unit_test_setup_teardown(a_generation_that_begins_meanwhile_is_a_conflict, up, down),
        cmocka_unit_test_setup_teardown(a_new_record_is_known_to_be_none, up, down),
        cmocka_unit_test_setup_teardown(a_cold_record_is_waited_for, up, down),
        cmocka_unit_test_setup_teardown(who_only_looks_is_refused_while_memory_is_short, up, down),
        cmocka_unit_test_setup_teardown(a_store_that_goes_away_meanwhile_is_told, up, down),
        cmocka_unit_test_setup_teardown(a_commit_that_does_not_know_asks_and_is_decided_anew, up,
                                        down),
        cmocka_unit_test_setup_teardown(nobody_waits_for_the_ledger_with_it, up, down),
        cmocka_unit_test_setup_teardown(a_repetition_gets_the_answer_of_the_first_time, up, down),
        cmocka_unit_test_setup_teardown(a_refusal_waits_for_the_receipt, up, down),
        cmocka_unit_test_setup_teardown(without_the_ledger_it_is_told_to_come_again, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
