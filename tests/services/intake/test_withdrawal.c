/* Withdrawals by the provider and the committee's cancellation: who may, when, what is told to
 * whom, and what it does to the list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/date.h"
#include "build.h"

#define LISTING(x) ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_##x
#define WISH ISMAP__LIU__V1__CANCELLATION_GROUND__CANCELLATION_GROUND_PROVIDERS_WISH

static struct work w;

static int setup(void **state)
{
    (void)state;
    fake_init(&w, "intake", 1718000000000);
    build_rulebook(&w);
    fake_store(&w, RECORD_PARTY, "auditor",
               &build_party(&w, "auditor", ROLE(AUDIT_BODY), 'a', NULL)->base);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_fini(&w);
    return 0;
}

static Ismap__Liu__V1__Status withdraw_case(const char *who, const char *id)
{
    Ismap__Liu__V1__WithdrawCase m = ISMAP__LIU__V1__WITHDRAW_CASE__INIT;
    m.case_id = lend(id);
    m.reason = lend("discontinued");
    return fake_send(&w, who, ROLE(PROVIDER), intake_withdraw_case, NULL, &m.base);
}

static Ismap__Liu__V1__Status withdraw_application(const char *who, const char *number)
{
    Ismap__Liu__V1__WithdrawRegistration m = ISMAP__LIU__V1__WITHDRAW_REGISTRATION__INIT;
    m.number = lend(number);
    m.reason = lend("filed too early");
    return fake_send(&w, who, ROLE(PROVIDER), intake_withdraw_registration, NULL, &m.base);
}

static Ismap__Liu__V1__Status cancel(const char *number, const char *date)
{
    Ismap__Liu__V1__CancelRegistration m = ISMAP__LIU__V1__CANCEL_REGISTRATION__INIT;
    m.number = lend(number);
    m.ground = WISH;
    m.committee_date = lend(date);
    m.decision_reference = lend("committee 13-1");
    m.reason = lend("asked for");
    return fake_send(&w, "ipa", ROLE(OPERATOR), intake_cancel_registration, NULL, &m.base);
}

static const char *apply(const char *id)
{
    assert_int_equal(fake_send(&w, "csp", ROLE(PROVIDER), intake_submit_registration, NULL,
                               &build_registration(&w, id, "auditor")->base),
                     STATUS(OK));
    return arena_strdup(&w.arena, ((const Ismap__Liu__V1__RegistrationReceived *)w.reply)->number);
}

static void decide(const char *number)
{
    Ismap__Liu__V1__DecideRegistration d = ISMAP__LIU__V1__DECIDE_REGISTRATION__INIT;
    d.number = lend(number);
    d.register_ = 1;
    d.committee_date = lend("2024-06-01");
    d.decision_reference = lend("committee 12-3");
    assert_int_equal(
        fake_send(&w, "ipa", ROLE(OPERATOR), intake_decide_registration, NULL, &d.base),
        STATUS(OK));
}

static Ismap__Liu__V1__ListingState state_of(const char *number)
{
    return ((const pb_listing *)fake_load(&w, RECORD_LISTING, number))->state;
}

static void a_case_is_withdrawn_once_by_its_provider(void **state)
{
    (void)state;
    const char *id = open_case(&w);
    assert_int_equal(withdraw_case("rival", id), STATUS(NOT_FOUND));
    assert_int_equal(withdraw_case("csp", "C-NONE"), STATUS(NOT_FOUND));
    assert_int_equal(withdraw_case("csp", id), STATUS(OK));
    assert_int_equal(w.n_events, 1);
    assert_string_equal(w.events[0].type, "CaseWithdrawn");
    assert_true(fake_told(&w.events[0], "csp"));
    assert_false(fake_told(&w.events[0], "public"));
    const pb_case *c = fake_load(&w, RECORD_CASE, id);
    assert_int_equal(c->state, ISMAP__LIU__V1__CASE_STATE__CASE_STATE_WITHDRAWN);
    assert_string_equal(c->withdrawn_reason, "discontinued");
    assert_true(c->withdrawn_at_ms > 0);
    assert_int_equal(withdraw_case("csp", id), STATUS(FAILED_PRECONDITION));
}

static void the_application_goes_with_its_case(void **state)
{
    (void)state;
    const char *id = eligible_case(&w);
    const char *number = apply(id);
    assert_int_equal(withdraw_case("csp", id), STATUS(OK));
    assert_int_equal(state_of(number), LISTING(WITHDRAWN));
    assert_int_equal(w.n_events, 2);
    assert_int_equal(fake_send(&w, "csp", ROLE(PROVIDER), intake_submit_registration, NULL,
                               &build_registration(&w, id, "auditor")->base),
                     STATUS(FAILED_PRECONDITION));
}

static void an_application_is_withdrawn_and_filed_anew(void **state)
{
    (void)state;
    const char *id = eligible_case(&w);
    const char *number = apply(id);
    assert_int_equal(withdraw_application("rival", number), STATUS(NOT_FOUND));
    assert_int_equal(withdraw_application("csp", number), STATUS(OK));
    assert_int_equal(state_of(number), LISTING(WITHDRAWN));
    assert_string_equal(w.events[0].type, "RegistrationWithdrawn");
    assert_int_equal(w.events[0].n_audience, 1); /* applications are nobody else's affair, R47 */
    assert_int_equal(withdraw_application("csp", number), STATUS(FAILED_PRECONDITION));
    assert_string_equal(apply(id), number);
    assert_int_equal(state_of(number), LISTING(APPLIED));
}

static void a_registration_is_cancelled_not_withdrawn(void **state)
{
    (void)state;
    const char *id = eligible_case(&w);
    const char *number = apply(id);
    assert_int_equal(cancel(number, "2024-06-02"), STATUS(FAILED_PRECONDITION));
    decide(number);
    assert_int_equal(withdraw_application("csp", number), STATUS(FAILED_PRECONDITION));
    assert_int_equal(withdraw_case("csp", id), STATUS(FAILED_PRECONDITION));
    assert_int_equal(cancel(number, "2031-01-01"), STATUS(INVALID_ARGUMENT));
    assert_int_equal(cancel("LIU-NONE", "2024-06-02"), STATUS(NOT_FOUND));
    assert_int_equal(cancel(number, "2024-06-02"), STATUS(OK));
    assert_int_equal(state_of(number), LISTING(CANCELLED));
    assert_string_equal(w.events[0].type, "RegistrationCancelled");
    assert_true(fake_told(&w.events[0], "public"));
    const pb_listing *l = fake_load(&w, RECORD_LISTING, number);
    assert_string_equal(l->cancellation->by, "ipa");
    assert_int_equal(cancel(number, "2024-06-02"), STATUS(FAILED_PRECONDITION));

    /* history stays visible with date and ground, R87; the reason does not */
    Ismap__Liu__V1__GetRegistryEntry get = ISMAP__LIU__V1__GET_REGISTRY_ENTRY__INIT;
    get.number = lend(number);
    assert_int_equal(
        fake_send(&w, "reader", ROLE(OBSERVER), intake_get_registry_entry, NULL, &get.base),
        STATUS(OK));
    const Ismap__Liu__V1__Registry *r = (const void *)w.reply;
    assert_int_equal(r->entries[0]->state,
                     ISMAP__LIU__V1__EFFECTIVE_STATE__EFFECTIVE_STATE_CANCELLED);
    assert_string_equal(r->entries[0]->cancelled_on, "2024-06-02");
    assert_int_equal(r->entries[0]->cancellation_ground, WISH);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(a_case_is_withdrawn_once_by_its_provider),
        T(the_application_goes_with_its_case),
        T(an_application_is_withdrawn_and_filed_anew),
        T(a_registration_is_cancelled_not_withdrawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
