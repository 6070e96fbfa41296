/* Assessments by the ministries' gateways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "build.h"

static struct work w;

static int setup(void **state)
{
    (void)state;
    fake_init(&w, "intake", 1718000000000);
    fake_store(&w, RECORD_PARTY, "mof", &build_party(&w, "mof", ROLE(MINISTRY), 'm', NULL)->base);
    pb_party *bureau = build_party(&w, "mic-post", ROLE(MINISTRY), 'p', NULL);
    bureau->body = lend("mic");
    fake_store(&w, RECORD_PARTY, "mic-post", &bureau->base);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fake_fini(&w);
    return 0;
}

static Ismap__Liu__V1__Status assess(const char *case_id, const char *sender, pb_assessment *a)
{
    Ismap__Liu__V1__SubmitAssessment m;
    ismap__liu__v1__submit_assessment__init(&m);
    m.case_id = lend(case_id);
    m.assessment = a;
    return fake_send(&w, sender, ROLE(MINISTRY), intake_submit_assessment, NULL, &m.base);
}

static void the_first_assessment_accepts_the_case_and_tells_all(void **state)
{
    (void)state;
    const char *id = open_case(&w);
    w.now_ms += 5000;
    assert_int_equal(assess(id, "mof", build_assessment(&w, "mof", "csp")), STATUS(OK));
    assert_int_equal(((const Ismap__Liu__V1__AssessmentAccepted *)w.reply)->state,
                     ISMAP__LIU__V1__CASE_STATE__CASE_STATE_ACCEPTED);
    const pb_case *c = fake_load(&w, RECORD_CASE, id);
    assert_int_equal(c->n_assessments, 1);
    assert_int_equal(c->evidence_version, 2);
    assert_int_equal(c->accepted_at_ms, w.now_ms);
    assert_false(c->assessments[0]->attached);
    assert_int_equal(c->assessments[0]->evidence_hash.len, SHA256_BYTES);
    assert_string_equal(w.events[0].type, "AssessmentRecorded");
    assert_true(fake_told(&w.events[0], "csp") && fake_told(&w.events[0], "mof") &&
                fake_told(&w.events[0], "meti"));
}

static void a_ministry_that_was_not_asked_may_assess_and_is_counted_by_its_body(void **state)
{
    (void)state;
    const char *id = open_case(&w);
    assert_int_equal(assess(id, "mof", build_assessment(&w, "mof", "csp")), STATUS(OK));
    int64_t accepted = w.now_ms;
    w.now_ms += 1000;
    assert_int_equal(assess(id, "mic-post", build_assessment(&w, "mic-post", "csp")), STATUS(OK));
    const pb_case *c = fake_load(&w, RECORD_CASE, id);
    assert_int_equal(c->n_assessments, 2);
    assert_int_equal(c->evidence_version, 3);
    assert_int_equal(c->accepted_at_ms, accepted);
    assert_string_equal(c->assessments[1]->body, "mic");
    assert_true(fake_told(&w.events[0], "mic-post"));
}

static void a_second_one_of_the_same_ministry_exists_already(void **state)
{
    (void)state;
    const char *id = open_case(&w);
    assert_int_equal(assess(id, "mof", build_assessment(&w, "mof", "csp")), STATUS(OK));
    assert_int_equal(assess(id, "mof", build_assessment(&w, "mof", "csp")), STATUS(ALREADY_EXISTS));
    assert_non_null(strstr(w.faults.items[0].en, "mof"));
    assert_non_null(strstr(w.faults.items[0].ja, "mof"));
}

static void faults_against_sender_and_case_come_together(void **state)
{
    (void)state;
    const char *id = open_case(&w);
    pb_assessment *a = build_assessment(&w, "meti", "csp-2");
    a->service_name = lend("Other");
    assert_int_equal(assess(id, "mof", a), STATUS(INVALID_ARGUMENT));
    assert_true(fake_has_fault(&w, "assessment.ministry", "R14"));
    assert_true(fake_has_fault(&w, "assessment.provider", "R14"));
    assert_true(fake_has_fault(&w, "assessment.serviceName", "R14"));
    assert_int_equal(assess("C-NONE", "mof", build_assessment(&w, "mof", "csp")),
                     STATUS(NOT_FOUND));
}

static void an_incomplete_sheet_is_returned(void **state)
{
    (void)state;
    const char *id = open_case(&w);
    pb_assessment *a = build_assessment(&w, "mof", "csp");
    a->approver = lend("");
    a->items[0]->integrity = ISMAP__LIU__V1__IMPACT_LEVEL__IMPACT_LEVEL_UNSPECIFIED;
    assert_int_equal(assess(id, "mof", a), STATUS(INVALID_ARGUMENT));
    assert_true(fake_has_fault(&w, "assessment.approver", "R13"));
    assert_true(fake_has_fault(&w, "assessment.items[0].integrity", "R13"));
    assert_int_equal(assess(id, "mof", NULL), STATUS(INVALID_ARGUMENT));
}

static void nothing_is_added_to_a_decided_or_withdrawn_case(void **state)
{
    (void)state;
    const char *id = eligible_case(&w);
    assert_int_equal(assess(id, "mic-post", build_assessment(&w, "mic-post", "csp")),
                     STATUS(FAILED_PRECONDITION));
    assert_true(fake_has_fault(&w, "caseId", "R20"));
    fake_store(&w, RECORD_JUDGMENT, id,
               &build_judgment(&w, id, JUDGMENT_WAITING_MINISTRY, VERDICT_NONE)->base);
    assert_int_equal(assess(id, "mic-post", build_assessment(&w, "mic-post", "csp")), STATUS(OK));

    pb_case *c = (pb_case *)(uintptr_t)fake_load(&w, RECORD_CASE, id);
    c->state = ISMAP__LIU__V1__CASE_STATE__CASE_STATE_WITHDRAWN;
    c->n_assessments = 0;
    fake_store(&w, RECORD_CASE, id, &c->base);
    assert_int_equal(assess(id, "mof", build_assessment(&w, "mof", "csp")),
                     STATUS(FAILED_PRECONDITION));
    assert_true(fake_has_fault(&w, "caseId", "R49"));
}

static void a_case_holds_sixteen_assessments(void **state)
{
    (void)state;
    const char *id = open_case(&w);
    for (int i = 0; i <= 16; i++) {
        const char *ministry = arena_printf(&w.arena, "m-%d", i);
        assert_int_equal(assess(id, ministry, build_assessment(&w, ministry, "csp")),
                         i < 16 ? STATUS(OK) : STATUS(FAILED_PRECONDITION));
    }
    assert_true(fake_has_fault(&w, "caseId", "P-LIMIT"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_assessment_accepts_the_case_and_tells_all),
        TEST(a_ministry_that_was_not_asked_may_assess_and_is_counted_by_its_body),
        TEST(a_second_one_of_the_same_ministry_exists_already),
        TEST(faults_against_sender_and_case_come_together),
        TEST(an_incomplete_sheet_is_returned),
        TEST(nothing_is_added_to_a_decided_or_withdrawn_case),
        TEST(a_case_holds_sixteen_assessments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
