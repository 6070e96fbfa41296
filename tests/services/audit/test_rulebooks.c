/* The shipped rulebooks and the shipped catalogue fit each other: a plan comes out of every pair.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "services/audit/audit_record.h"
#include "services/audit/catalogue_load.h"
#include "tools/rulebook/rulebook.h"

#define CATALOGUE LIU_SOURCE_DIR "/catalog/ismap-control-criteria-2022-04-01.csv"

static void every_shipped_rulebook_gives_a_plan(void **state)
{
    (void)state;
    static const char *const rulebooks[] = {LIU_SOURCE_DIR "/rules/regime-a.yaml",
                                            LIU_SOURCE_DIR "/rules/regime-b.yaml"};
    for (size_t i = 0; i < sizeof(rulebooks) / sizeof(rulebooks[0]); i++) {
        struct arena a;
        struct err_text why = {{0}};
        struct audit_faults faults = {.n = 0};
        Ismap__Liu__V1__Catalogue *m = NULL;
        Ismap__Liu__V1__Rulebook *rules = NULL;
        struct catalogue c;
        struct plan_policy policy;
        struct plan plan;
        struct plan_input in = {.catalogue = &c, .policy = &policy, .first_year = 2023};
        arena_init(&a, 8u << 20);
        assert_int_equal(catalogue_load(&a, CATALOGUE, NULL, &m, NULL, NULL, &why), ERR_OK);
        if (rulebook_load(rulebooks[i], &a, &rules, &why) != ERR_OK)
            fail_msg("%s", why.text);
        assert_int_equal(audit_record_catalogue(&a, m, &c, &faults), ERR_OK);
        assert_int_equal(audit_record_policy(&a, rules->audit, &policy), ERR_OK);
        if (audit_plan_make(&a, &in, &plan, &faults) != ERR_OK ||
            audit_plan_check(&a, &in, &plan, &faults) != ERR_OK)
            fail_msg("%s: %s", faults.items[0].field, faults.items[0].en);
        assert_true(policy.n_important > 0);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shipped_rulebook_gives_a_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
