/* From a decision to its commit: conflicts, unknown outcomes, duplicates, and what an operator may
 * do to the sender meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
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
static void write_behind(const char *id)
{
    Ismap__Liu__V1__Case c = ISMAP__LIU__V1__CASE__INIT;
    c.id = (char *)(uintptr_t)id;
    c.evidence_version = touched(id) + 1;
    (void)fake_store(RECORD_CASE, id, &c.base);
}

static void a_conflict_is_decided_again_on_fresh_records(void **state)
{
    (void)state;
    send_touch("case-a", NULL);
    fake_turn();
    write_behind("case-a");
    fake_commit_all();
    assert_int_equal(fake.n_sent, 1);
    assert_int_equal(fake_status(0), FLOW_STATUS(OK));
    assert_non_null(fake.sent[0].reply->receipt);
    assert_int_equal(touched("case-a"), 2);
    assert_int_equal(fake.commits_seen, 2);
}

/* Not only when the journal brings it: who asked may use what the answer promised. */
static void what_was_committed_here_is_known_at_once(void **state)
{
    (void)state;
    assert_null(directory_actor(fake.flow.dir, "p:" PARTY_ID));
    send_touch(PARTY_ID, NULL);
    fake_turn();
    fake_commit_ok();
    assert_int_equal(fake_status(0), FLOW_STATUS(OK));
    assert_non_null(directory_actor(fake.flow.dir, "p:" PARTY_ID));
}

/* The revocation comes between being let in and the decision's own read of the sender. */
static void a_sender_revoked_before_it_is_read_has_no_effect(void **state)
{
    (void)state;
    send_touch(SENDER_READ_ID, NULL);
    fake_party("acme", ISMAP__LIU__V1__ROLE__ROLE_OPERATOR, true, false);
    fake_commit_all();
    assert_int_equal(fake_status(0), FLOW_STATUS(PERMISSION_DENIED));
    assert_true(fake_has_rule(0, "P-REVOKED"));
    assert_int_equal(touched(SENDER_READ_ID), 0);
}

static void conflicts_end_in_aborted(void **state)
{
    (void)state;
    send_touch("case-a", NULL);
    fake_turn();
    for (int i = 0; i < LIMIT_COMMIT_ATTEMPTS; i++) {
        assert_int_equal(fake.n_sent, 0);
        write_behind("case-a");
        fake_commit_ok();
    }
    assert_int_equal(fake.n_commits, 0);
    assert_int_equal(fake_status(0), FLOW_STATUS(ABORTED));
    assert_true(fake.sent[0].reply->retry_after_ms > 0);
    assert_null(fake.sent[0].reply->receipt);
    assert_int_equal(touched("case-a"), LIMIT_COMMIT_ATTEMPTS);
    assert_int_equal(fake.flow.works, 0);
}

/* The same commit goes out again; its effect is not doubled. */
static void an_unknown_outcome_is_asked_for_first(void **state)
{
    (void)state;
    static const bool done[] = {true, false};
    for (size_t i = 0; i < 2; i++) {
        send_touch("case-a", NULL);
        fake_turn();
        const struct commit *first = fake.commits[0].commit;
        const uint8_t *value = first->puts[0].value;
        fake_commit_as(COMMIT_UNKNOWN, done[i]);
        assert_int_equal(fake.n_sent, i);
        assert_int_equal(fake.n_commits, 0); /* until the store is ready again */
        engine_store_ready(&fake.flow);
        assert_int_equal(fake.n_commits, 1);
        assert_ptr_equal(fake.commits[0].commit, first);
        assert_ptr_equal(fake.commits[0].commit->puts[0].value, value);
        fake_commit_ok();
        assert_int_equal(fake_status(i), FLOW_STATUS(OK));
        assert_non_null(fake.sent[i].reply->receipt);
        assert_int_equal(touched("case-a"), i + 1);
    }
}

/* Those behind it in line wait too, and then see its effect. */
static void who_waits_behind_an_unknown_outcome_sees_its_effect(void **state)
{
    (void)state;
    send_touch("case-a", NULL);
    send_touch("case-a", NULL);
    fake_turn();
    fake_commit_as(COMMIT_UNKNOWN, true);
    assert_int_equal(fake.n_commits, 0);
    engine_store_ready(&fake.flow);
    fake_commit_all();
    assert_int_equal(fake.n_sent, 2);
    assert_int_equal(touched("case-a"), 2);
}

static void an_unknown_outcome_is_given_up_in_the_end(void **state)
{
    (void)state;
    send_touch("case-a", NULL);
    send_touch("case-a", NULL);
    fake_turn();
    fake_commit_as(COMMIT_UNKNOWN, false);
    fake.flow.resend->resend_until_ms = 1;
    fake.ready = false;
    engine_sweep(&fake.flow);
    assert_int_equal(fake.n_sent, 2); /* the one behind it cannot read, and is told too */
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(fake_status(i), FLOW_STATUS(UNAVAILABLE));
        assert_true(fake.sent[i].reply->retry_after_ms > 0);
        assert_null(fake.sent[i].reply->receipt);
    }
    assert_null(fake.flow.resend);
    assert_int_equal(fake.flow.works, 0);
}

static void the_same_id_gives_the_stored_answer(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        send_touch("case-a", &(struct fake_how){.id = "same-id-1"});
        fake_commit_all();
    }
    assert_int_equal(touched("case-a"), 1);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(fake_status(i), FLOW_STATUS(OK));
        assert_int_equal(fake.sent[i].reply->receipt->duplicate, i > 0);
        assert_int_equal(fake.sent[i].reply->receipt->seq, 1);
    }
    send_touch("case-b", &(struct fake_how){.id = "same-id-1"});
    fake_commit_all();
    assert_int_equal(fake_status(3), FLOW_STATUS(ALREADY_EXISTS));
    assert_int_equal(touched("case-b"), 0);
}

static void another_use_of_an_id_is_journaled_once(void **state)
{
    (void)state;
    const struct fake_how same = {.id = "same-id-1"};
    send_touch("case-a", &same);
    fake_commit_all();
    assert_int_equal(fake.seq, 1);
    for (size_t i = 0; i < 3; i++) { /* the same other bytes twice, then others again */
        send_touch(i < 2 ? "case-b" : "case-c", &same);
        fake_turn();
        fake_commit_ok(); /* told apart from the first */
        assert_int_equal(fake.n_commits, 1);
        const struct commit *c = fake.commits[0].commit;
        assert_int_equal(c->n_puts, 0);
        assert_int_equal(c->n_entries, 1);
        assert_string_equal(c->entries[0].type, "IdReused");
        assert_int_equal(c->entries[0].n_audience, 1);
        assert_string_equal(c->entries[0].audience[0], "acme");
        fake_commit_ok();
        assert_int_equal(fake.n_commits, 0);
        assert_int_equal(fake.seq, 2);
        assert_int_equal(fake_status(i + 1), FLOW_STATUS(ALREADY_EXISTS));
        assert_null(fake.sent[i + 1].reply->receipt);
    }
    send_touch("case-a", &same); /* the first is as good as before */
    fake_commit_all();
    assert_int_equal(fake_status(4), FLOW_STATUS(OK));
    assert_true(fake.sent[4].reply->receipt->duplicate);
    assert_int_equal(fake.flow.works, 0);
}

static void a_refusal_waits_for_no_journal(void **state)
{
    (void)state;
    static const enum commit_status how[] = {COMMIT_UNKNOWN, COMMIT_REFUSED, COMMIT_UNAVAILABLE};
    const struct fake_how same = {.id = "same-id-1"};
    send_touch("case-a", &same);
    fake_commit_all();
    for (size_t i = 0; i < sizeof how / sizeof how[0]; i++) {
        send_touch("case-b", &same);
        fake_turn();
        fake_commit_ok();
        fake_commit_as(how[i], false);
        assert_int_equal(fake_status(i + 1), FLOW_STATUS(ALREADY_EXISTS));
    }
    fake.pressure = STORE_PRESSURE_NOISE;
    send_touch("case-b", &same);
    fake_turn();
    fake_commit_ok();
    assert_int_equal(fake.n_commits, 0);
    assert_int_equal(fake_status(4), FLOW_STATUS(ALREADY_EXISTS));
    assert_int_equal(fake.seq, 1);
}

static void a_refusal_asks_for_the_receipt_first(void **state)
{
    (void)state;
    send_touch(REFUSED_ID, NULL);
    fake_commit_all();
    assert_int_equal(fake_status(0), FLOW_STATUS(FAILED_PRECONDITION));
    assert_int_equal(fake.receipts_asked, 1);
    send_touch(REFUSED_ID, NULL);
    fake.ready = true;
    fake_turn();
    assert_int_equal(fake.receipts_asked, 2);
    send_query(NULL); /* a query leaves none */
    fake_turn();
    assert_int_equal(fake_status(2), FLOW_STATUS(OK));
    assert_int_equal(fake.receipts_asked, 2);
}

/* Not known whether an earlier copy took effect: the refusal is not final. */
static void a_refusal_without_the_store_is_unavailable(void **state)
{
    (void)state;
    Ismap__Liu__V1__Case c = ISMAP__LIU__V1__CASE__INIT;
    (void)fake_store(RECORD_CASE, REFUSED_ID, &c.base);
    send_touch(REFUSED_ID, NULL);
    fake.reads_fail = true;
    fake_turn();
    assert_int_equal(fake_status(0), FLOW_STATUS(UNAVAILABLE));
    assert_null(fake.sent[0].reply->receipt);
}

#define WINDOW_MS LIMIT_RECEIPT_WINDOW_MS

/* Its machine slept while it was under way: copies of it may have lost their receipt. */
static void what_slept_too_long_is_stale(void **state)
{
    (void)state;
    send_touch("case-a", NULL);
    fake_turn();
    fake.now_ms += WINDOW_MS + 1;
    fake_commit_as(COMMIT_LATE, false);
    assert_int_equal(fake_status(0), FLOW_STATUS(FAILED_PRECONDITION));
    assert_true(fake_has_rule(0, "P-STALE"));
    send_touch(REFUSED_ID, NULL); /* refused, perhaps by its own effect of long ago */
    fake.now_ms += WINDOW_MS + 1;
    fake_turn();
    assert_true(fake_has_rule(1, "P-STALE"));
    assert_int_equal(fake.receipts_asked, 1);
}

static void a_store_with_a_wrong_clock_is_no_final_refusal(void **state)
{
    (void)state;
    send_touch("case-a", NULL);
    fake_turn();
    fake_commit_as(COMMIT_LATE, false);
    assert_int_equal(fake_status(0), FLOW_STATUS(UNAVAILABLE));
    assert_true(fake_has_rule(0, "P-CLOCK"));
    send_touch("case-b", NULL);
    fake_turn();
    fake_commit_as(COMMIT_UNKNOWN, true);
    fake.now_ms += WINDOW_MS + 1;
    engine_store_ready(&fake.flow);
    fake_commit_as(COMMIT_LATE, false); /* the first try did take effect */
    assert_int_equal(fake_status(1), FLOW_STATUS(UNAVAILABLE));
    assert_int_equal(touched("case-b"), 1);
}

static void what_the_store_says_becomes_a_status(void **state)
{
    (void)state;
    static const struct {
        enum commit_status commit;
        Ismap__Liu__V1__Status status;
        bool hint;
    } rows[] = {
        {COMMIT_UNAVAILABLE, FLOW_STATUS(UNAVAILABLE), true},
        {COMMIT_REFUSED, FLOW_STATUS(RESOURCE_EXHAUSTED), true},
        {COMMIT_MISMATCH, FLOW_STATUS(ALREADY_EXISTS), false},
        {COMMIT_BROKEN, FLOW_STATUS(INTERNAL), false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        send_touch("case-a", NULL);
        fake_turn();
        fake_commit_as(rows[i].commit, false);
        fake_commit_all();
        assert_int_equal(fake_status(i), rows[i].status);
        assert_int_equal(fake.sent[i].reply->retry_after_ms > 0, rows[i].hint);
        assert_null(fake.sent[i].reply->receipt);
    }
    assert_int_equal(touched("case-a"), 0);
}

/* Final, it would contradict what the first copy of the message did. */
static void a_refusal_without_memory_is_none(void **state)
{
    (void)state;
    send_touch(SHORT_ID, NULL);
    fake_turn();
    fake_commit_all();
    assert_int_equal(fake_status(0), FLOW_STATUS(RESOURCE_EXHAUSTED));
    assert_int_equal(fake.sent[0].reply->n_details, 1);
    assert_string_equal(fake.sent[0].reply->details[0]->rule, "P-NO-MEMORY");
}

/* The tail has not told this process yet; the commit's guard does. */
static void a_sender_revoked_elsewhere_commits_nothing(void **state)
{
    (void)state;
    send_touch("case-a", NULL);
    fake_turn();
    fake_party("acme", ISMAP__LIU__V1__ROLE__ROLE_OPERATOR, true, true);
    fake_commit_all();
    assert_int_equal(fake_status(0), FLOW_STATUS(PERMISSION_DENIED));
    assert_int_equal(touched("case-a"), 0);
}

static void a_key_replaced_elsewhere_signs_nothing(void **state)
{
    (void)state;
    struct signing_key *old = fake.key;
    send_signed("case-a", &(struct fake_how){.sign = true});
    fake_turn();
    assert_int_equal(fake.n_commits, 1);
    assert_int_equal(signing_key_generate("key-1", &fake.key), ERR_OK);
    fake_party("acme", ISMAP__LIU__V1__ROLE__ROLE_OPERATOR, false, true);
    fake_commit_all();
    assert_int_equal(fake_status(0), FLOW_STATUS(UNAUTHENTICATED));
    assert_int_equal(touched("case-a"), 0);
    signing_key_free(old);
}

/* Its name was changed, say: the message is as good as before. */
static void a_sender_changed_elsewhere_is_taken_again(void **state)
{
    (void)state;
    send_signed("case-a", &(struct fake_how){.sign = true});
    fake_turn();
    fake_party("acme", ISMAP__LIU__V1__ROLE__ROLE_OPERATOR, false, true);
    fake_commit_all();
    assert_int_equal(fake_status(0), FLOW_STATUS(OK));
    assert_int_equal(touched("case-a"), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, up, down)
    const struct CMUnitTest tests[] = {
        T(a_conflict_is_decided_again_on_fresh_records),
        T(what_was_committed_here_is_known_at_once),
        T(a_sender_revoked_before_it_is_read_has_no_effect),
        T(conflicts_end_in_aborted),
        T(an_unknown_outcome_is_asked_for_first),
        T(who_waits_behind_an_unknown_outcome_sees_its_effect),
        T(an_unknown_outcome_is_given_up_in_the_end),
        T(the_same_id_gives_the_stored_answer),
        T(another_use_of_an_id_is_journaled_once),
        T(a_refusal_waits_for_no_journal),
        T(a_refusal_asks_for_the_receipt_first),
        T(a_refusal_without_the_store_is_unavailable),
        T(a_refusal_without_memory_is_none),
        T(what_slept_too_long_is_stale),
        T(a_store_with_a_wrong_clock_is_no_final_refusal),
        T(what_the_store_says_becomes_a_status),
        T(a_sender_revoked_elsewhere_commits_nothing),
        T(a_key_replaced_elsewhere_signs_nothing),
        T(a_sender_changed_elsewhere_is_taken_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
