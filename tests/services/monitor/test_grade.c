/* R82: the grading table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "services/monitor/core/grade.h"

#define COUNT(x) (sizeof(x) / sizeof(x)[0])

static const struct grade_row rows[] = {
    {.severity = SEVERITY_CRITICAL,
     .min_confidentiality = 4,
     .min_integrity = 4,
     .min_availability = 4,
     .any_effect = true},
    {.severity = SEVERITY_CRITICAL,
     .min_confidentiality = 3,
     .min_data_class = 2,
     .min_agencies = 2},
    {.severity = SEVERITY_CRITICAL, .min_integrity = 3, .base_involved = true},
    {.severity = SEVERITY_HIGH, .min_confidentiality = 3, .min_integrity = 3},
    {.severity = SEVERITY_MODERATE,
     .min_confidentiality = 2,
     .min_integrity = 2,
     .min_availability = 2,
     .any_effect = true},
    {.severity = SEVERITY_HIGH, .min_agencies = 10},
};
static const struct grade_rules rules = {rows, COUNT(rows), UNGRADED_PERSON_URGENT,
                                         SEVERITY_CRITICAL};

struct row {
    const char *fact;
    struct grade_input in;
    enum severity severity;
    size_t row;
};

static const struct row table[] = {
    {"nothing stated is ungraded",
     {.agencies = 99, .data_class = 3, .base_involved = true},
     SEVERITY_UNSET,
     GRADE_NO_ROW},
    {"one grave actual effect is enough for an any-row",
     {.actual = {.availability = EFFECT_GRAVE}},
     SEVERITY_CRITICAL,
     0},
    {"a grave potential effect counts as an actual one",
     {.actual = {.integrity = EFFECT_NONE}, .potential = {.integrity = EFFECT_GRAVE}},
     SEVERITY_CRITICAL,
     0},
    {"the worse of actual and potential counts",
     {.actual = {.confidentiality = EFFECT_GRAVE}, .potential = {.confidentiality = EFFECT_NONE}},
     SEVERITY_CRITICAL,
     0},
    {"data class and agencies are both needed",
     {.actual = {.confidentiality = EFFECT_SERIOUS}, .data_class = 2, .agencies = 2},
     SEVERITY_CRITICAL,
     1},
    {"one agency less falls through",
     {.actual = {.confidentiality = EFFECT_SERIOUS}, .data_class = 2, .agencies = 1},
     SEVERITY_MODERATE,
     4},
    {"one class less falls through",
     {.actual = {.confidentiality = EFFECT_SERIOUS}, .data_class = 1, .agencies = 2},
     SEVERITY_MODERATE,
     4},
    {"a base row needs the base",
     {.actual = {.integrity = EFFECT_SERIOUS}, .base_involved = true},
     SEVERITY_CRITICAL,
     2},
    {"without the base it does not match",
     {.actual = {.integrity = EFFECT_SERIOUS}},
     SEVERITY_MODERATE,
     4},
    {"an all-row needs each named axis",
     {.actual = {.confidentiality = EFFECT_SERIOUS, .integrity = EFFECT_SERIOUS}},
     SEVERITY_HIGH,
     3},
    {"axes may come from actual and potential together",
     {.actual = {.confidentiality = EFFECT_SERIOUS}, .potential = {.integrity = EFFECT_SERIOUS}},
     SEVERITY_HIGH,
     3},
    {"the first matching row decides, not the gravest",
     {.actual = {.availability = EFFECT_LIMITED}, .agencies = 50},
     SEVERITY_MODERATE,
     4},
    {"a row without axes asks nothing of the effects",
     {.actual = {.availability = EFFECT_NONE}, .agencies = 10},
     SEVERITY_HIGH,
     5},
    {"no effect at all is low",
     {.actual = {.availability = EFFECT_NONE}},
     SEVERITY_LOW,
     GRADE_NO_ROW},
};

static void each_alert_gets_the_grade_of_the_first_matching_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        struct grade g = grade_alert(&rules, &table[i].in);
        if (g.severity != table[i].severity || g.row != table[i].row || g.by_policy)
            fail_msg("%s: %s, row %zu", table[i].fact, severity_name(g.severity), g.row);
    }
}

static void a_gap_of_the_table_is_ungraded_not_low(void **state)
{
    (void)state;
    const struct grade_rules none = {NULL, 0, UNGRADED_PERSON_URGENT, SEVERITY_CRITICAL};
    struct grade_input in = {.actual = {.availability = EFFECT_LIMITED}};
    assert_int_equal(grade_alert(&none, &in).severity, SEVERITY_UNSET);
}

static void the_policy_worst_takes_the_ungraded_as_the_top_grade(void **state)
{
    (void)state;
    const struct grade_rules worst = {rows, COUNT(rows), UNGRADED_WORST, SEVERITY_HIGH};
    struct grade_input in = {0};
    struct grade g = grade_alert(&worst, &in);
    assert_int_equal(g.severity, SEVERITY_HIGH);
    assert_true(g.by_policy);
    in.actual.availability = EFFECT_NONE;
    assert_int_equal(grade_alert(&worst, &in).severity, SEVERITY_LOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_alert_gets_the_grade_of_the_first_matching_row),
        cmocka_unit_test(a_gap_of_the_table_is_ungraded_not_low),
        cmocka_unit_test(the_policy_worst_takes_the_ungraded_as_the_top_grade),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
