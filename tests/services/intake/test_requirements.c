/* R40, R41, R55, R17: each missing part by itself, and all of them at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/date.h"
#include "expect.h"
#include "services/intake/core/requirements.h"

#define TODAY "2024-06-10"

static int32_t day(const char *s)
{
    int32_t d = 0;
    assert_int_equal(date_parse(s, &d), ERR_OK);
    return d;
}

static const struct document_facts good = {true, "doc/1", DOCUMENT_HASH_BYTES};

static struct requirement_facts whole(void)
{
    return (struct requirement_facts){
        .today = day(TODAY),
        .verdict_decided = true,
        .verdict = VERDICT_ELIGIBLE,
        .verdict_valid_until = REQUIREMENTS_NO_DAY,
        .statement = good,
        .audit_report = good,
        .management_confirmation = good,
        .internal_audit_report = good,
        .issuer_named = true,
        .issuer_registered = true,
        .issuer_valid_until = day(TODAY),
        .period_given = true,
        .period_start = day("2023-04-01"),
        .period_end = day("2024-03-31"),
    };
}

static void no_verdict(struct requirement_facts *f)
{
    f->verdict_decided = false;
}
static void not_eligible(struct requirement_facts *f)
{
    f->verdict = VERDICT_NOT_ELIGIBLE;
}
static void not_needed(struct requirement_facts *f)
{
    f->verdict = VERDICT_NOT_NEEDED;
}
static void verdict_expired(struct requirement_facts *f)
{
    f->verdict_valid_until = day("2024-06-09");
}
static void verdict_last_day(struct requirement_facts *f)
{
    f->verdict_valid_until = day(TODAY);
}
static void no_statement(struct requirement_facts *f)
{
    f->statement.given = false;
}
static void statement_without_hash(struct requirement_facts *f)
{
    f->statement.hash_bytes = 31;
}
static void no_report(struct requirement_facts *f)
{
    f->audit_report.reference = "";
}
static void no_confirmation(struct requirement_facts *f)
{
    f->management_confirmation = (struct document_facts){0};
}
static void no_internal_report(struct requirement_facts *f)
{
    f->internal_audit_report = (struct document_facts){0};
}
static void no_issuer(struct requirement_facts *f)
{
    f->issuer_named = false;
}
static void stranger_as_issuer(struct requirement_facts *f)
{
    f->issuer_registered = false;
}
static void issuer_lapsed(struct requirement_facts *f)
{
    f->issuer_valid_until = day("2024-06-09");
}
static void issuer_open_ended(struct requirement_facts *f)
{
    f->issuer_valid_until = REQUIREMENTS_NO_DAY;
}
static void no_period(struct requirement_facts *f)
{
    f->period_given = false;
}
static void period_too_long(struct requirement_facts *f)
{
    f->period_end = day("2024-04-01");
}
static void period_too_short(struct requirement_facts *f)
{
    f->period_start = day("2024-01-01");
    f->period_end = day("2024-03-30");
}
static void period_reversed(struct requirement_facts *f)
{
    f->period_end = day("2023-03-31");
}
static void period_running(struct requirement_facts *f)
{
    f->period_start = day("2024-03-01");
    f->period_end = day("2024-06-11");
}
static void base_without_number(struct requirement_facts *f)
{
    f->base_services_unnumbered = 1;
}

static void each_part_is_asked_for_by_itself(void **state)
{
    (void)state;
    static const struct {
        void (*change)(struct requirement_facts *);
        struct expected expected; /* field NULL = still good */
    } rows[] = {
        {no_verdict, {"caseId", "R40"}},
        {not_eligible, {"caseId", "R40"}},
        {not_needed, {"caseId", "R40"}},
        {verdict_expired, {"caseId", "R28"}},
        {verdict_last_day, {NULL, NULL}},
        {no_statement, {"statement", "R40"}},
        {statement_without_hash, {"statement.sha256", "R40"}},
        {no_report, {"auditReport", "R40"}},
        {no_confirmation, {"managementConfirmation", "R40"}},
        {no_internal_report, {"internalAuditReport", "R40"}},
        {no_issuer, {"auditReport.issuer", "R55"}},
        {stranger_as_issuer, {"auditReport.issuer", "R55"}},
        {issuer_lapsed, {"auditReport.issuer", "R55"}},
        {issuer_open_ended, {NULL, NULL}},
        {no_period, {"auditPeriodEnd", "R41"}},
        {period_too_long, {"auditPeriodEnd", "R41"}},
        {period_too_short, {"auditPeriodEnd", "R41"}},
        {period_reversed, {"auditPeriodEnd", "R41"}},
        {period_running, {"auditPeriodEnd", "R41"}},
        {base_without_number, {"caseId", "R17"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct requirement_facts f = whole();
        rows[i].change(&f);
        struct violations v = {0};
        requirements_check(&f, &v);
        assert_violations(&v, &rows[i].expected, rows[i].expected.field == NULL ? 0 : 1);
    }
}

static void a_whole_application_has_no_violation(void **state)
{
    (void)state;
    struct requirement_facts f = whole();
    struct violations v = {0};
    requirements_check(&f, &v);
    assert_int_equal(v.n, 0);
}

static void an_empty_application_names_all_missing_parts_at_once(void **state)
{
    (void)state;
    struct requirement_facts f = {.today = day(TODAY), .base_services_unnumbered = 2};
    static const struct expected expected[] = {
        {"caseId", "R40"},
        {"statement", "R40"},
        {"auditReport", "R40"},
        {"managementConfirmation", "R40"},
        {"internalAuditReport", "R40"},
        {"auditReport.issuer", "R55"},
        {"auditPeriodEnd", "R41"},
        {"caseId", "R17"},
    };
    struct violations v = {0};
    requirements_check(&f, &v);
    assert_violations(&v, expected, sizeof expected / sizeof expected[0]);
}

static void a_decision_was_taken_and_is_written_somewhere(void **state)
{
    (void)state;
    static const struct {
        const char *date, *reference, *field;       /* NULL = no fault */
    } rows[] = {{"1970-01-11", "LIU-2024-3", NULL}, /* today: day 10 */
                {"1970-01-12", "LIU-2024-3", "committeeDate"},
                {"tomorrow", "LIU-2024-3", "committeeDate"},
                {"1970-01-11", "", "decisionReference"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct violations v = {0};
        requirements_check_decision(rows[i].date, rows[i].reference, 10, &v);
        assert_int_equal(v.n, rows[i].field != NULL);
        if (v.n > 0)
            assert_string_equal(v.items[0].field, rows[i].field);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_application_has_no_violation),
        cmocka_unit_test(each_part_is_asked_for_by_itself),
        cmocka_unit_test(a_decision_was_taken_and_is_written_somewhere),
        cmocka_unit_test(an_empty_application_names_all_missing_parts_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
