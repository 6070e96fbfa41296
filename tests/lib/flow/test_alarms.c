/* What `status` tells and what Prometheus rings by are one list: each alarm has its rule, with the
 * same severity and the same section of the runbook. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flow/internal.h"
#include "store/budget.h"

static char rules[64 * 1024];

static int read_rules(void **state)
{
    (void)state;
    FILE *f = fopen(LIU_SOURCE_DIR "/deploy/prometheus/rules.yml", "r");
    if (f == NULL)
        return -1;
    size_t n = fread(rules, 1, sizeof rules - 1, f);
    rules[n] = '\0';
    return fclose(f);
}

static void each_alarm_is_a_rule_of_the_same_severity_and_section(void **state)
{
    size_t n;
    const struct alarm_row *rows = alarm_rows(&n);
    (void)state;
    assert_true(n > 0);
    for (size_t i = 0; i < n; i++) {
        char text[128];
        (void)snprintf(text, sizeof text, "- alert: %s\n", rows[i].name);
        char *at = strstr(rules, text);
        if (at == NULL)
            fail_msg("no rule %s", rows[i].name);
        const char *end = strstr(at + 1, "- alert: ");
        char rule[2048];
        (void)snprintf(rule, sizeof rule, "%.*s",
                       (int)(end == NULL ? strlen(at) : (size_t)(end - at)), at);
        assert_non_null(strstr(rule, rows[i].page ? "severity: page" : "severity: ticket"));
        (void)snprintf(text, sizeof text, "docs/runbook.md#%s\n", rows[i].section);
        if (strstr(rule, text) == NULL)
            fail_msg("%s: another section than %s", rows[i].name, rows[i].section);
    }
}

static void a_family_over_its_budget_refuses_what_makes_it_grow(void **state)
{
    (void)state;
    unsigned sum = 0;
    for (int i = 0; i < N_FAMILIES; i++) {
        enum family f = (enum family)i;
        sum += budget_family(f)->percent;
        assert_int_equal(budget_find(budget_family(f)->name), f);
        assert_int_equal(budget_pressure(f, 100, 100), STORE_PRESSURE_NONE);
        assert_int_equal(budget_pressure(f, 101, 0), STORE_PRESSURE_NONE);
        assert_int_equal(budget_pressure(f, 101, 100),
                         f == FAMILY_NOISE ? STORE_PRESSURE_NOISE : STORE_PRESSURE_CASES);
    }
    assert_true(sum <= BUDGET_PERCENT_MAX);
    assert_int_equal(budget_find("other"), N_FAMILIES);
    assert_int_equal(budget_pressure(N_FAMILIES, 101, 100), STORE_PRESSURE_NONE);
}

static void a_backlog_fits_when_what_comes_of_it_does(void **state)
{
    (void)state;
    assert_true(budget_backlog_fits(100000000, 0));
    assert_true(budget_backlog_fits(10, 100 * 4096));
    assert_false(budget_backlog_fits(11, 100 * 4096));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_alarm_is_a_rule_of_the_same_severity_and_section),
        cmocka_unit_test(a_backlog_fits_when_what_comes_of_it_does),
        cmocka_unit_test(a_family_over_its_budget_refuses_what_makes_it_grow),
    };
    return cmocka_run_group_tests(tests, read_rules, NULL);
}
