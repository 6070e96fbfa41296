/* R12 to R15: the form, the sheet, and who counts as one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "expect.h"
#include "services/intake/core/completeness.h"

static char mof[] = "mof";
static char meti[] = "meti";
static char csp[] = "csp";
static char empty[] = "";

static void a_form_with_identity_and_distinct_ministries_is_good(void **state)
{
    (void)state;
    char *asked[] = {mof, meti};
    struct form_facts f = {"csp", "g-1", asked, 2, 1};
    struct violations v = {0};
    completeness_check_form(&f, &v);
    assert_int_equal(v.n, 0);
    f.n_asked = 0; /* nobody asked, nothing attached: it waits */
    f.n_attached = 0;
    completeness_check_form(&f, &v);
    assert_int_equal(v.n, 0);
}

static void every_fault_of_a_form_is_told(void **state)
{
    (void)state;
    char *asked[] = {mof, csp, mof, empty};
    struct form_facts f = {"csp", "", asked, 4, ATTACHED_MAX + 1};
    static const struct expected expected[] = {
        {"gbizId", "R15"},
        {"attached", "P-LIMIT"},
        {"askedMinistries[1]", "R14"},
        {"askedMinistries[2]", "R12"},
        {"askedMinistries[3]", "P-FIELD"},
    };
    struct violations v = {0};
    completeness_check_form(&f, &v);
    assert_violations(&v, expected, 5);
}

static void eight_ministries_may_be_asked_and_not_nine(void **state)
{
    (void)state;
    char names[9][4];
    char *asked[9];
    for (size_t i = 0; i < 9; i++) {
        names[i][0] = 'm';
        names[i][1] = (char)('0' + i);
        names[i][2] = '\0';
        asked[i] = names[i];
    }
    struct form_facts f = {"csp", "g-1", asked, 8, 0};
    struct violations v = {0};
    completeness_check_form(&f, &v);
    assert_int_equal(v.n, 0);
    f.n_asked = 9;
    completeness_check_form(&f, &v);
    static const struct expected expected[] = {{"askedMinistries", "P-LIMIT"}};
    assert_violations(&v, expected, 1);
}

static struct item_facts good_item(void)
{
    return (struct item_facts){"names of participants", {2, 1, 1}, {1, 1, 1}, "published anyway"};
}

static struct sheet_facts good_sheet(const struct item_facts *items, size_t n)
{
    return (struct sheet_facts){"mof", "meetings", "assessor", "approver", "2026-04-01", items, n};
}

static void a_whole_sheet_is_complete(void **state)
{
    (void)state;
    struct item_facts items[] = {good_item(), good_item()};
    struct sheet_facts f = good_sheet(items, 2);
    struct violations v = {0};
    completeness_check_sheet(&f, "", &v);
    assert_int_equal(v.n, 0);
}

static void an_empty_sheet_names_each_missing_field(void **state)
{
    (void)state;
    struct sheet_facts f = {0};
    static const struct expected expected[] = {
        {"a.ministry", "R13"}, {"a.business.description", "R13"}, {"a.assessor", "R13"},
        {"a.approver", "R13"}, {"a.assessedOn", "R13"},           {"a.items", "R13"},
    };
    struct violations v = {0};
    completeness_check_sheet(&f, "a.", &v);
    assert_violations(&v, expected, 6);
}

static void an_empty_item_names_each_missing_field_with_its_place(void **state)
{
    (void)state;
    struct item_facts items[] = {good_item(), {0}};
    struct sheet_facts f = good_sheet(items, 2);
    static const struct expected expected[] = {
        {"items[1].description", "R13"},          {"items[1].reason", "R13"},
        {"items[1].confidentialityClass", "R13"}, {"items[1].confidentiality", "R13"},
        {"items[1].integrityClass", "R13"},       {"items[1].integrity", "R13"},
        {"items[1].availabilityClass", "R13"},    {"items[1].availability", "R13"},
    };
    struct violations v = {0};
    completeness_check_sheet(&f, "", &v);
    assert_violations(&v, expected, 8);
}

static void more_faults_than_fit_are_dropped_without_harm(void **state)
{
    (void)state;
    struct item_facts items[10] = {0};
    struct sheet_facts f = good_sheet(items, 10);
    struct violations v = {0};
    completeness_check_sheet(&f, "assessment.", &v);
    assert_int_equal(v.n, VIOLATIONS_MAX);
}

static void bureaux_of_one_ministry_are_one_body(void **state)
{
    (void)state;
    assert_string_equal(completeness_body("mof-tax", "mof"), "mof");
    assert_string_equal(completeness_body("mof", ""), "mof");
    static const struct {
        const char *bodies[4];
        size_t n;
        uint32_t distinct;
    } rows[] = {
        {{"mof"}, 0, 0},
        {{"mof"}, 1, 1},
        {{"mof", "mof"}, 2, 1},
        {{"mof", "meti", "mof"}, 3, 2},
        {{"mof", "meti", "mic", "meti"}, 4, 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(completeness_bodies(rows[i].bodies, rows[i].n), rows[i].distinct);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_form_with_identity_and_distinct_ministries_is_good),
        cmocka_unit_test(every_fault_of_a_form_is_told),
        cmocka_unit_test(eight_ministries_may_be_asked_and_not_nine),
        cmocka_unit_test(a_whole_sheet_is_complete),
        cmocka_unit_test(an_empty_sheet_names_each_missing_field),
        cmocka_unit_test(an_empty_item_names_each_missing_field_with_its_place),
        cmocka_unit_test(more_faults_than_fit_are_dropped_without_harm),
        cmocka_unit_test(bureaux_of_one_ministry_are_one_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
