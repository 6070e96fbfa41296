/* Main applications, the committee's decisions, the end of validity. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/date.h"
#include "build.h"

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

static Ismap__Liu__V1__Status apply_as(const char *provider, pb_registration *m)
{
    return fake_send(&w, provider, ROLE(PROVIDER), intake_submit_registration, NULL, &m->base);
}

static Ismap__Liu__V1__Status decide(const char *number, bool yes, const char *date)
{
    Ismap__Liu__V1__DecideRegistration d;
    ismap__liu__v1__decide_registration__init(&d);
    d.number = lend(number);
    d.register_ = yes;
    d.committee_date = lend(date);
    d.decision_reference = lend("committee 12-3");
    return fake_send(&w, "ipa", ROLE(OPERATOR), intake_decide_registration, NULL, &d.base);
}

static const char *number_of_reply(void)
{
    return ((const Ismap__Liu__V1__RegistrationReceived *)w.reply)->number;
}

static void a_whole_application_becomes_a_listing(void **state)
{
    (void)state;
    const char *id = eligible_case(&w);
    assert_int_equal(apply_as("csp", build_registration(&w, id, "auditor")), STATUS(OK));
    const char *number = number_of_reply();
    assert_memory_equal(number, "LIU-", 4);
    assert_int_equal(strlen(number), 4 + 16);
    const pb_listing *l = fake_load(&w, RECORD_LISTING, number);
    assert_int_equal(l->state, ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_APPLIED);
    assert_string_equal(l->provider, "csp");
    assert_string_equal(l->service_name, SERVICE_NAME);
    assert_string_equal(l->matched_code, "TB-1");
    assert_int_equal(l->verdict_list_version, 1);
    assert_int_equal(l->n_ministries, 1);
    assert_string_equal(l->ministries[0], "mof");
    assert_string_equal(l->valid_until, "");
    assert_string_equal(w.events[0].type, "RegistrationApplied");
    assert_int_equal(w.events[0].n_audience, 1);
    assert_true(fake_told(&w.events[0], "csp"));
}

static void what_is_missing_is_told_at_once(void **state)
{
    (void)state;
    const char *id = open_case(&w);
    Ismap__Liu__V1__SubmitRegistration m;
    ismap__liu__v1__submit_registration__init(&m);
    m.case_id = lend(id);
    assert_int_equal(apply_as("csp", &m), STATUS(FAILED_PRECONDITION));
    static const char *const fields[] = {"caseId",
                                         "statement",
                                         "auditReport",
                                         "managementConfirmation",
                                         "internalAuditReport",
                                         "auditReport.issuer",
                                         "auditPeriodEnd"};
    assert_int_equal(w.faults.n, 7);
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(w.faults.items[i].field, fields[i]);
}

static void an_issuer_that_is_no_live_registered_audit_body_is_refused(void **state)
{
    (void)state;
    const char *id = eligible_case(&w);
    pb_party *lapsed = build_party(&w, "lapsed", ROLE(AUDIT_BODY), 'l', NULL);
    lapsed->valid_until = lend("2024-06-09");
    pb_party *revoked = build_party(&w, "revoked", ROLE(AUDIT_BODY), 'r', NULL);
    revoked->revoked = true;
    fake_store(&w, RECORD_PARTY, "lapsed", &lapsed->base);
    fake_store(&w, RECORD_PARTY, "revoked", &revoked->base);
    static const char *const issuers[] = {"lapsed", "revoked", "mof", "nobody", ""};
    for (size_t i = 0; i < sizeof issuers / sizeof issuers[0]; i++) {
        assert_int_equal(apply_as("csp", build_registration(&w, id, issuers[i])),
                         STATUS(FAILED_PRECONDITION));
        assert_true(fake_has_fault(&w, "auditReport.issuer", "R55"));
        assert_int_equal(w.faults.n, 1);
    }
}

static void a_case_of_another_provider_does_not_exist(void **state)
{
    (void)state;
    const char *id = eligible_case(&w);
    assert_int_equal(apply_as("csp-2", build_registration(&w, id, "auditor")), STATUS(NOT_FOUND));
    assert_int_equal(apply_as("csp", build_registration(&w, "C-NONE", "auditor")),
                     STATUS(NOT_FOUND));
}

static void one_listing_a_case_unless_it_was_rejected(void **state)
{
    (void)state;
    const char *id = eligible_case(&w);
    assert_int_equal(apply_as("csp", build_registration(&w, id, "auditor")), STATUS(OK));
    const char *number = number_of_reply();
    assert_int_equal(apply_as("csp", build_registration(&w, id, "auditor")),
                     STATUS(ALREADY_EXISTS));
    assert_non_null(strstr(w.faults.items[0].en, number));
    assert_int_equal(decide(number, false, "2024-06-05"), STATUS(OK));
    const pb_listing *l = fake_load(&w, RECORD_LISTING, number);
    assert_int_equal(l->state, ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_REJECTED);
    assert_string_equal(l->valid_until, "");
    assert_int_equal(w.n_set, 0);
    assert_int_equal(apply_as("csp", build_registration(&w, id, "auditor")), STATUS(OK));
    assert_string_equal(number_of_reply(), number);
    l = fake_load(&w, RECORD_LISTING, number);
    assert_null(l->decision);
}

/* A suspended service must not come back under another case. */
static void another_case_of_the_same_service_has_the_same_number(void **state)
{
    (void)state;
    const char *number = registered(&w);
    const char *again = eligible_case(&w);
    assert_int_equal(apply_as("csp", build_registration(&w, again, "auditor")),
                     STATUS(ALREADY_EXISTS));
    assert_non_null(strstr(w.faults.items[0].en, number));
}

static void a_registration_is_valid_for_sixteen_months_and_public(void **state)
{
    (void)state;
    const char *number = registered(&w);
    const pb_listing *l = fake_load(&w, RECORD_LISTING, number);
    assert_int_equal(l->state, ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_REGISTERED);
    assert_string_equal(l->valid_until, "2025-07-31");
    assert_int_equal(l->registered_at_ms, w.now_ms);
    assert_string_equal(l->decided_by, "ipa");
    assert_string_equal(l->decision->decision_reference, "committee 12-3");
    assert_string_equal(w.events[0].type, "RegistrationDecided");
    assert_true(fake_told(&w.events[0], "public") && fake_told(&w.events[0], "csp"));
    int32_t day;
    assert_int_equal(date_parse("2025-08-01", &day), ERR_OK);
    assert_int_equal(fake_due(&w, TIMER_EXPIRE, number), date_start_ms(day));
    assert_int_equal(decide(number, true, "2024-06-05"), STATUS(FAILED_PRECONDITION));
    assert_int_equal(decide("LIU-NONE", true, "2024-06-05"), STATUS(NOT_FOUND));
}

static void a_decision_needs_a_meeting_that_was_held_and_a_reference(void **state)
{
    (void)state;
    const char *id = eligible_case(&w);
    assert_int_equal(apply_as("csp", build_registration(&w, id, "auditor")), STATUS(OK));
    const char *number = number_of_reply();
    assert_int_equal(decide(number, true, "2024-06-11"), STATUS(INVALID_ARGUMENT));
    assert_true(fake_has_fault(&w, "committeeDate", "R46"));
    Ismap__Liu__V1__DecideRegistration d;
    ismap__liu__v1__decide_registration__init(&d);
    d.number = lend(number);
    d.register_ = true;
    assert_int_equal(
        fake_send(&w, "ipa", ROLE(OPERATOR), intake_decide_registration, NULL, &d.base),
        STATUS(INVALID_ARGUMENT));
    assert_true(fake_has_fault(&w, "committeeDate", "R46"));
    assert_true(fake_has_fault(&w, "decisionReference", "R46"));
    assert_int_equal(decide(number, true, "2024-06-10"), STATUS(OK));
}

static void a_validity_that_is_over_already_is_not_registered(void **state)
{
    (void)state;
    const char *id = eligible_case(&w);
    pb_registration *m = build_registration(&w, id, "auditor");
    m->audit_period_start = lend("2022-01-01");
    m->audit_period_end = lend("2022-12-31");
    assert_int_equal(apply_as("csp", m), STATUS(OK));
    const char *number = number_of_reply();
    assert_int_equal(decide(number, true, "2024-06-05"), STATUS(FAILED_PRECONDITION));
    assert_true(fake_has_fault(&w, "number", "R43"));
    assert_int_equal(decide(number, false, "2024-06-05"), STATUS(OK));
}

static void the_timer_expires_a_registration_only_when_its_last_day_is_over(void **state)
{
    (void)state;
    const char *number = registered(&w);
    int32_t day;
    assert_int_equal(date_parse("2025-07-31", &day), ERR_OK);
    w.now_ms = date_start_ms(day + 1) - 1;
    fake_fire(&w, TIMER_EXPIRE, number, intake_expire, NULL);
    assert_int_equal(w.n_puts, 0);
    w.now_ms++;
    fake_fire(&w, TIMER_EXPIRE, number, intake_expire, NULL);
    assert_int_equal(w.n_puts, 1);
    assert_string_equal(w.events[0].type, "RegistrationDecided");
    const pb_listing *l = fake_load(&w, RECORD_LISTING, number);
    assert_int_equal(l->state, ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_EXPIRED);
    fake_fire(&w, TIMER_EXPIRE, number, intake_expire, NULL);
    assert_int_equal(w.n_puts, 0);
    fake_fire(&w, TIMER_EXPIRE, "LIU-NONE", intake_expire, NULL);
    assert_int_equal(w.n_puts, 0);
}

static void without_a_rulebook_nothing_is_registered(void **state)
{
    (void)state;
    struct work empty;
    fake_init(&empty, "intake", 1718000000000);
    const char *id = eligible_case(&empty);
    fake_store(&empty, RECORD_PARTY, "auditor",
               &build_party(&empty, "auditor", ROLE(AUDIT_BODY), 'a', NULL)->base);
    assert_int_equal(fake_send(&empty, "csp", ROLE(PROVIDER), intake_submit_registration, NULL,
                               &build_registration(&empty, id, "auditor")->base),
                     STATUS(FAILED_PRECONDITION));
    assert_true(fake_has_fault(&empty, "", "P-NO-RULEBOOK"));
    fake_fini(&empty);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_whole_application_becomes_a_listing),
        TEST(what_is_missing_is_told_at_once),
        TEST(an_issuer_that_is_no_live_registered_audit_body_is_refused),
        TEST(a_case_of_another_provider_does_not_exist),
        TEST(one_listing_a_case_unless_it_was_rejected),
        TEST(another_case_of_the_same_service_has_the_same_number),
        TEST(a_registration_is_valid_for_sixteen_months_and_public),
        TEST(a_decision_needs_a_meeting_that_was_held_and_a_reference),
        TEST(a_validity_that_is_over_already_is_not_registered),
        TEST(the_timer_expires_a_registration_only_when_its_last_day_is_over),
        TEST(without_a_rulebook_nothing_is_registered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
