/* What is refused before anything is decided, and that nothing is written then. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "rows.h"

static int up(void **state)
{
    (void)state;
    fake_up(&rows_service);
    fake_party("csp", ISMAP__LIU__V1__ROLE__ROLE_PROVIDER, false, false);
    fake_party("gone", ISMAP__LIU__V1__ROLE__ROLE_OPERATOR, true, false);
    return 0;
}

static int down(void **state)
{
    (void)state;
    assert_int_equal(fake.flow.works, 0);
    fake_down();
    return 0;
}

static void only_this_is_refused(const struct fake_how *how, Ismap__Liu__V1__Status status,
                                 const char *rule)
{
    size_t at = fake.n_sent;
    send_touch("case-a", how);
    fake_commit_all();
    assert_int_equal(fake.n_sent, at + 1);
    assert_int_equal(fake_status(at), status);
    if (rule != NULL)
        assert_true(fake_has_rule(at, rule));
}

static void bounds_of_the_window_are_exact(void **state)
{
    (void)state;
    const struct {
        struct fake_how how;
        Ismap__Liu__V1__Status status;
        const char *rule;
    } rows[] = {
        {{.sent_at_ms = FAKE_NOW - LIMIT_RECEIPT_WINDOW_MS}, FLOW_STATUS(OK), NULL},
        {{.sent_at_ms = FAKE_NOW - LIMIT_RECEIPT_WINDOW_MS - 1},
         FLOW_STATUS(FAILED_PRECONDITION),
         "P-STALE"},
        {{.sent_at_ms = FAKE_NOW + LIMIT_CLOCK_AHEAD_MS}, FLOW_STATUS(OK), NULL},
        {{.sent_at_ms = FAKE_NOW + LIMIT_CLOCK_AHEAD_MS + 1},
         FLOW_STATUS(FAILED_PRECONDITION),
         "P-AHEAD"},
        {{.deadline_ms = FAKE_NOW}, FLOW_STATUS(OK), NULL},
        {{.deadline_ms = FAKE_NOW - 1}, FLOW_STATUS(DEADLINE_EXCEEDED), "P-DEADLINE"},
        {{.from = "csp"}, FLOW_STATUS(PERMISSION_DENIED), "P-ROLE"},
        {{.from = "gone"}, FLOW_STATUS(PERMISSION_DENIED), "P-REVOKED"},
        {{.from = "nobody"}, FLOW_STATUS(PERMISSION_DENIED), "P-REVOKED"},
    };
    unsigned done = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        only_this_is_refused(&rows[i].how, rows[i].status, rows[i].rule);
        done += rows[i].status == FLOW_STATUS(OK);
    }
    assert_int_equal(touched("case-a"), done);
}

/* A message that waits in line is looked at again when its turn comes. */
static void a_deadline_passes_while_waiting(void **state)
{
    (void)state;
    send_touch("case-a", NULL);
    send_touch("case-a", &(struct fake_how){.deadline_ms = FAKE_NOW + 1000});
    fake_turn();
    fake.now_ms += 2000;
    fake_commit_all();
    assert_int_equal(fake.n_sent, 2);
    size_t late = fake_status(0) == FLOW_STATUS(OK) ? 1 : 0;
    assert_int_equal(fake_status(late), FLOW_STATUS(DEADLINE_EXCEEDED));
    assert_int_equal(touched("case-a"), 1);
}

static void a_query_may_be_of_any_age(void **state)
{
    (void)state;
    send_query(&(struct fake_how){.sent_at_ms = FAKE_NOW - 10 * LIMIT_RECEIPT_WINDOW_MS});
    fake_turn();
    assert_int_equal(fake_status(0), FLOW_STATUS(OK));
    assert_null(fake.sent[0].reply->receipt);
}

static void signed_rows_need_the_senders_signature(void **state)
{
    (void)state;
    struct signing_key *other;
    assert_int_equal(signing_key_generate("key-1", &other), ERR_OK);
    send_signed("case-a", NULL);
    send_signed("case-a", &(struct fake_how){.sign = true, .key = other});
    send_signed("case-a", &(struct fake_how){.sign = true});
    fake_commit_all();
    assert_int_equal(fake_status(0), FLOW_STATUS(UNAUTHENTICATED));
    assert_int_equal(fake_status(1), FLOW_STATUS(UNAUTHENTICATED));
    assert_int_equal(fake_status(2), FLOW_STATUS(OK));
    signing_key_free(other);
}

static void open_requests_of_a_party_are_bounded(void **state)
{
    (void)state;
    char id[16] = "caseXXXX";
    for (unsigned i = 0; i <= LIMIT_PARTY_IN_FLIGHT; i++) {
        for (unsigned k = 0; k < 4; k++)
            id[4 + k] = (char)('a' + (i >> (3 * k) & 7));
        send_touch(id, NULL);
    }
    assert_int_equal(fake.n_sent, 1);
    assert_int_equal(fake_status(0), FLOW_STATUS(RESOURCE_EXHAUSTED));
    assert_true(fake_has_rule(0, "P-IN-FLIGHT"));
    assert_int_equal(fake.sent[0].reply->in_flight_limit, LIMIT_PARTY_IN_FLIGHT);
    send_query(&(struct fake_how){.from = "csp"}); /* another party is not held up */
    assert_int_equal(fake.n_sent, 2);
    assert_int_equal(fake_status(1), FLOW_STATUS(OK));
    fake_commit_all();
    send_query(NULL); /* nor this one any more */
    assert_int_equal(fake_status(fake.n_sent - 1), FLOW_STATUS(OK));
}

static void memory_pressure_refuses_noise_then_cases_then_all_that_is_not_urgent(void **state)
{
    (void)state;
    static const struct {
        enum store_pressure pressure;
        Ismap__Liu__V1__Status noise, new_case, other;
    } rows[] = {
        {STORE_PRESSURE_NONE, FLOW_STATUS(OK), FLOW_STATUS(OK), FLOW_STATUS(OK)},
        {STORE_PRESSURE_NOISE, FLOW_STATUS(RESOURCE_EXHAUSTED), FLOW_STATUS(OK), FLOW_STATUS(OK)},
        {STORE_PRESSURE_CASES, FLOW_STATUS(RESOURCE_EXHAUSTED), FLOW_STATUS(RESOURCE_EXHAUSTED),
         FLOW_STATUS(OK)},
        {STORE_PRESSURE_RESERVE, FLOW_STATUS(RESOURCE_EXHAUSTED), FLOW_STATUS(RESOURCE_EXHAUSTED),
         FLOW_STATUS(RESOURCE_EXHAUSTED)},
    };
    for (size_t i = 0; i < 4; i++) {
        size_t at = fake.n_sent;
        fake.pressure = rows[i].pressure;
        send_query(NULL); /* marked as noise */
        fake_commit_all();
        send_two("aa-bb", false, NULL); /* marked as a new case */
        fake_commit_all();
        send_touch("case-a", NULL);
        fake_commit_all();
        assert_int_equal(fake_status(at), rows[i].noise);
        assert_int_equal(fake_status(at + 1), rows[i].new_case);
        assert_int_equal(fake_status(at + 2), rows[i].other);
    }
}

static void without_the_store_the_answer_is_unavailable(void **state)
{
    (void)state;
    fake.ready = false;
    only_this_is_refused(NULL, FLOW_STATUS(UNAVAILABLE), "P-STORE");
    assert_true(fake.sent[0].reply->retry_after_ms > 0);
    fake.ready = true;
    fake.flow.phase = FLOW_PROBING;
    only_this_is_refused(NULL, FLOW_STATUS(UNAVAILABLE), "P-STORE");
    fake.flow.phase = FLOW_READY;
    only_this_is_refused(NULL, FLOW_STATUS(OK), NULL);
}

static void frames_that_are_none_are_refused(void **state)
{
    (void)state;
    static const uint8_t junk[] = {0x0a, 0xff, 0x01};
    struct bus_peer peer = {.id = {7}, .bytes = 1};
    message_arrived(&fake.flow.doors[0], &peer, "p:acme", junk, sizeof junk);
    message_arrived(&fake.flow.doors[0], &peer, "p:acme", junk, 0);
    message_garbage(&fake.flow.doors[0], &peer, "frames");
    assert_int_equal(fake.n_sent, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(fake_status(i), FLOW_STATUS(INVALID_ARGUMENT));
        assert_string_equal(fake.sent[i].reply->request_id, "");
        assert_int_equal(fake.sent[i].peer, 7);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, up, down)
    const struct CMUnitTest tests[] = {
        T(bounds_of_the_window_are_exact),
        T(a_deadline_passes_while_waiting),
        T(a_query_may_be_of_any_age),
        T(signed_rows_need_the_senders_signature),
        T(open_requests_of_a_party_are_bounded),
        T(memory_pressure_refuses_noise_then_cases_then_all_that_is_not_urgent),
        T(without_the_store_the_answer_is_unavailable),
        T(frames_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
