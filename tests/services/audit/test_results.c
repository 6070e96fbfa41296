/* Reports against catalogue and plan, and coverage told from history: the cores alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "services/audit/core/coverage.h"
#include "services/audit/core/results.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct ground {
    struct arena a;
    struct catalogue_item items[5];
    struct catalogue catalogue;
    struct plan_item planned[4];
    struct plan plan;
};

static void begin(struct ground *g)
{
    static const char *const ids[] = {"4.4.1", "4.4.1.1", "5.1.1", "6.1.1", "6.1.1.1"};
    struct audit_faults faults = {.n = 0};
    memset(g, 0, sizeof *g);
    arena_init(&g->a, 1u << 20);
    for (size_t i = 0; i < COUNT(ids); i++)
        assert_true(catalogue_read_id(ids[i], &g->items[i]));
    assert_int_equal(catalogue_index(&g->a, g->items, COUNT(ids), &g->catalogue, &faults), ERR_OK);
    static const struct plan_item planned[] = {
        {.control_id = "4.4.1.1", .party = PLAN_EXTERNAL, .year = 1},
        {.control_id = "5.1.1", .party = PLAN_INTERNAL, .year = 1},
        {.control_id = "6.1.1", .party = PLAN_INTERNAL, .year = 1},
        {.control_id = "4.4.1", .party = PLAN_INTERNAL, .year = 2},
    };
    memcpy(g->planned, planned, sizeof planned);
    g->plan = (struct plan){.years = 2, .items = g->planned, .n = COUNT(planned)};
}

static bool has(const struct audit_faults *f, const char *field, const char *rule)
{
    for (size_t i = 0; i < audit_faults_kept(f); i++)
        if (strcmp(f->items[i].field, field) == 0 && strcmp(f->items[i].rule, rule) == 0)
            return true;
    return false;
}

static void every_fault_of_a_report_is_named_with_its_path(void **state)
{
    (void)state;
    static const struct audited_control twice[] = {
        {"5.1.1", PLAN_BOTH, "", ""}, {"99.1", PLAN_BOTH, "", ""}, {"5.1.1", PLAN_DESIGN, "", ""}};
    static const char *const skipped[] = {"6.1.1", "5.1.1"};
    static const struct audit_finding findings[] = {
        {"F1", "5.1.1", "", ""}, {"F1", "5.1.1", "", ""}, {"F2", "6.1.1", "", ""}};
    static const struct {
        struct audit_results r;
        const char *field;
        const char *rule;
    } rows[] = {
        {{.controls = twice, .n_controls = 1}, NULL, NULL},
        {{.controls = twice, .n_controls = 2}, "controls[1].controlId", "R60"},
        {{.controls = twice, .n_controls = 3}, "controls[2].controlId", "R65"},
        {{.controls = twice, .n_controls = 1, .skipped = skipped, .n_skipped = 1}, NULL, NULL},
        {{.controls = twice, .n_controls = 1, .skipped = skipped, .n_skipped = 2},
         "skipped[1].controlId",
         "R65"},
        {{.controls = twice, .n_controls = 1, .findings = findings, .n_findings = 1}, NULL, NULL},
        {{.controls = twice, .n_controls = 1, .findings = findings, .n_findings = 2},
         "findings[1].findingId",
         "R72"},
        {{.controls = twice, .n_controls = 1, .findings = findings, .n_findings = 3},
         "findings[2].controlId",
         "R72"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ground g;
        struct audit_faults faults = {.n = 0};
        begin(&g);
        enum err e = results_check(&g.a, &g.catalogue, &rows[i].r, &faults);
        assert_int_equal(e, rows[i].field == NULL ? ERR_OK : ERR_INVAL);
        if (rows[i].field != NULL && !has(&faults, rows[i].field, rows[i].rule))
            fail_msg("row %zu: no fault of %s", i, rows[i].field);
        arena_fini(&g.a);
    }
}

static void what_was_planned_is_performed_skipped_or_unexplained(void **state)
{
    (void)state;
    static const struct audited_control done[] = {{"5.1.1", PLAN_BOTH, "sato", "suzuki"},
                                                  {"6.1.1.1", PLAN_BOTH, "", ""}};
    static const struct audited_control own[] = {{"5.1.1", PLAN_BOTH, "sato", "sato"}};
    static const char *const skipped[] = {"6.1.1"};
    static const struct {
        struct audit_results r;
        enum plan_party party;
        uint32_t planned, performed, skipped, unplanned;
        size_t unexplained;
    } rows[] = {
        {{.n_controls = 0}, PLAN_INTERNAL, 2, 0, 0, 0, 2},
        {{.controls = done, .n_controls = 2}, PLAN_INTERNAL, 2, 1, 0, 1, 1},
        {{.controls = done, .n_controls = 1, .skipped = skipped, .n_skipped = 1},
         PLAN_INTERNAL,
         2,
         1,
         1,
         0,
         0},
        {{.controls = own, .n_controls = 1, .skipped = skipped, .n_skipped = 1},
         PLAN_INTERNAL,
         2,
         0,
         1,
         0,
         1}, /* R69 */
        {{.controls = own, .n_controls = 1}, PLAN_EXTERNAL, 1, 0, 0, 1, 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ground g;
        struct results_summary s;
        begin(&g);
        assert_int_equal(
            results_compare(&g.a, &g.catalogue, &g.plan, rows[i].party, 1, &rows[i].r, &s), ERR_OK);
        assert_int_equal(s.planned, rows[i].planned);
        assert_int_equal(s.performed, rows[i].performed);
        assert_int_equal(s.skipped, rows[i].skipped);
        assert_int_equal(s.unplanned, rows[i].unplanned);
        assert_int_equal(s.n_unexplained, rows[i].unexplained);
        arena_fini(&g.a);
    }
}

static void a_report_that_lacks_something_says_what(void **state)
{
    (void)state;
    static const struct audited_control own[] = {{"5.1.1", PLAN_BOTH, "sato", "sato"}};
    static const struct audit_finding open[] = {{"F1", "5.1.1", "", ""}};
    static const struct audit_finding closed[] = {{"F1", "5.1.1", "手順を改めた", "2027-01-31"}};
    static const char *unexplained[] = {"6.1.1"};
    static const struct {
        struct audit_results r;
        struct results_summary s;
        bool approved;
        const char *field;
        const char *rule;
    } rows[] = {
        {{.findings = closed, .n_findings = 1}, {.planned = 1}, true, NULL, NULL},
        {{.n_controls = 0}, {.planned = 1}, false, "approvedBy", "R72"},
        {{.findings = open, .n_findings = 1},
         {.planned = 1},
         true,
         "findings[0].correction",
         "R72"},
        {{.controls = own, .n_controls = 1}, {.planned = 1}, true, "controls[0].auditor", "R69"},
        {{.n_controls = 0}, {.unexplained = unexplained, .n_unexplained = 1}, true, "6.1.1", "R72"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ground g;
        struct audit_faults faults = {.n = 0};
        begin(&g);
        results_content(&g.a, &rows[i].r, &rows[i].s, rows[i].approved, &faults);
        assert_int_equal(faults.n, rows[i].field == NULL ? 0 : 1);
        if (rows[i].field != NULL)
            assert_true(has(&faults, rows[i].field, rows[i].rule));
        arena_fini(&g.a);
    }
}

/* R68: three objectives; 5.1.1 was audited in 2026, 6.1.1 in 2024, 4.4.1 never. */
static void an_objective_is_overdue_when_a_whole_window_is_without_it(void **state)
{
    (void)state;
    static const struct plan_history history[] = {
        {.id = "5.1.1", .party = PLAN_INTERNAL, .year = 2026},
        {.id = "6.1.1", .party = PLAN_INTERNAL, .year = 2024},
        {.id = "4.4.1", .party = PLAN_EXTERNAL, .year = 2026},
        {.id = "gone", .party = PLAN_INTERNAL, .year = 2026}};
    static const struct {
        bool sliding;
        bool all_tiers;
        int32_t since, upto;
        uint32_t objectives;
        size_t gaps;
    } rows[] = {
        {true, true, 2024, 2025, 3, 0},  /* no window is over */
        {true, true, 2024, 2026, 3, 1},  /* 2024 to 2026: 4.4.1 */
        {true, false, 2024, 2026, 2, 0}, /* controls tier only */
        {true, true, 2024, 2027, 3, 2},  /* 2025 to 2027: 6.1.1 too */
        {false, true, 2024, 2027, 3, 1}, /* fixed: still 2024 to 2026 */
        {false, true, 2024, 2029, 3, 3}, /* fixed: 2027 to 2029 */
        {true, true, 0, 2029, 3, 0},     /* nothing has to be reported yet */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct ground g;
        struct coverage c;
        begin(&g);
        const struct plan_policy policy = {.internal_cycle_years = 3,
                                           .internal_sliding = rows[i].sliding,
                                           .internal_all_tiers = rows[i].all_tiers};
        const struct plan_input in = {.catalogue = &g.catalogue,
                                      .policy = &policy,
                                      .history = history,
                                      .n_history = COUNT(history)};
        assert_int_equal(coverage_of(&g.a, &in, rows[i].since, rows[i].upto, &c), ERR_OK);
        assert_int_equal(c.objectives, rows[i].objectives);
        if (c.n_gaps != rows[i].gaps)
            fail_msg("row %zu: %zu gaps", i, c.n_gaps);
        assert_int_equal(c.covered + c.n_gaps, c.objectives);
        arena_fini(&g.a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_of_a_report_is_named_with_its_path),
        cmocka_unit_test(what_was_planned_is_performed_skipped_or_unexplained),
        cmocka_unit_test(a_report_that_lacks_something_says_what),
        cmocka_unit_test(an_objective_is_overdue_when_a_whole_window_is_without_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
