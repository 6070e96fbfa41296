/* What happened between audits: which notices are taken, what they become, and that neither their
 * order nor their repetition matters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "services/audit/core/scope.h"
#include "services/audit/plan_random.h"

static const struct world_size small = {.domains = 8, .objectives = 4, .details = 3, .years = 4};
static const struct scope_triggers none = {NULL, 0};

static const char *const refs[] = {"CN-1", "CN-2", "CN-3", "INC-1", "INC-2"};

/* Something that happened to any control in or around the plan's first years. */
static struct plan_trigger happened(struct world *w)
{
    static const enum plan_cause causes[] = {PLAN_CHANGED, PLAN_ADOPTED, PLAN_INCIDENT};
    return (struct plan_trigger){.id = w->c.items[world_below(w, (uint32_t)w->c.n)].id,
                                 .cause = causes[world_below(w, 3)],
                                 .year = w->in.first_year - 3 + (int32_t)world_below(w, 6),
                                 .ref = refs[world_below(w, 5)]};
}

static void merge(struct world *w, struct scope_triggers *all, const struct plan_trigger *one)
{
    const struct scope_triggers more = {one, 1};
    struct scope_triggers out;
    assert_int_equal(scope_merge(&w->a, all, &more, w->in.first_year - 2, &out), ERR_OK);
    *all = out;
}

static void must_be_same(const struct scope_triggers *a, const struct scope_triggers *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_string_equal(a->items[i].id, b->items[i].id);
        assert_int_equal(a->items[i].cause, b->items[i].cause);
        assert_int_equal(a->items[i].year, b->items[i].year);
        assert_string_equal(a->items[i].ref, b->items[i].ref);
    }
}

static void make(struct world *w, const struct scope_triggers *t, struct plan *out)
{
    w->in.triggers = t->items;
    w->in.n_triggers = t->n;
    w->policy.force_on_change = true;
    assert_int_equal(audit_plan_make(&w->a, &w->in, out, &w->faults), ERR_OK);
    assert_int_equal(audit_plan_check(&w->a, &w->in, out, &w->faults), ERR_OK);
}

static void order_and_repetition_make_no_difference(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 200; round++) {
        struct world w;
        struct plan_trigger events[24];
        struct scope_triggers forth = none;
        struct scope_triggers back = none;
        struct plan plans[2];
        world_begin(&w, round, &small);
        size_t n = 1 + world_below(&w, 24);
        for (size_t i = 0; i < n; i++)
            events[i] = happened(&w);
        for (size_t i = 0; i < n; i++) {
            merge(&w, &forth, &events[i]);
            merge(&w, &forth, &events[world_below(&w, (uint32_t)i + 1)]);
            merge(&w, &back, &events[n - 1 - i]);
        }
        must_be_same(&forth, &back);
        make(&w, &forth, &plans[0]);
        make(&w, &back, &plans[1]);
        assert_int_equal(plans[0].n, plans[1].n);
        for (size_t i = 0; i < plans[0].n; i++) {
            assert_ptr_equal(plans[0].items[i].control_id, plans[1].items[i].control_id);
            assert_int_equal(plans[0].items[i].year, plans[1].items[i].year);
            assert_int_equal(plans[0].items[i].cause, plans[1].items[i].cause);
        }
        world_end(&w);
    }
}

static void the_latest_change_counts_and_incidents_stay_apart(void **state)
{
    (void)state;
    static const struct plan_trigger in[] = {
        {"9.4.2", PLAN_CHANGED, 2026, "CN-1"},   {"9.4.2", PLAN_CHANGED, 2027, "CN-2"},
        {"9.4.2", PLAN_ADOPTED, 2026, "CN-3"},   {"9.4.2", PLAN_INCIDENT, 2026, "INC-1"},
        {"9.4.2", PLAN_INCIDENT, 2026, "INC-2"}, {"9.4.2", PLAN_INCIDENT, 2027, "INC-1"},
        {"9.4.1", PLAN_CHANGED, 2010, "CN-0"},
    };
    static const struct plan_trigger wanted[] = {
        {"9.4.2", PLAN_CHANGED, 2027, "CN-2"},
        {"9.4.2", PLAN_ADOPTED, 2026, "CN-3"},
        {"9.4.2", PLAN_INCIDENT, 2027, "INC-1"},
        {"9.4.2", PLAN_INCIDENT, 2026, "INC-2"},
    };
    struct arena a;
    struct scope_triggers out;
    const struct scope_triggers all = {in, sizeof in / sizeof in[0]};
    const struct scope_triggers want = {wanted, sizeof wanted / sizeof wanted[0]};
    arena_init(&a, 1u << 20);
    assert_int_equal(scope_merge(&a, &none, &all, 2017, &out), ERR_OK);
    must_be_same(&out, &want);
    arena_fini(&a);
}

static void more_than_a_scope_holds_is_refused(void **state)
{
    (void)state;
    static struct plan_trigger many[SCOPE_TRIGGERS_MAX + 1];
    static char ids[SCOPE_TRIGGERS_MAX + 1][8];
    struct arena a;
    struct scope_triggers out;
    arena_init(&a, 8u << 20);
    for (size_t i = 0; i <= SCOPE_TRIGGERS_MAX; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "%zu", i);
        many[i] = (struct plan_trigger){ids[i], PLAN_CHANGED, 2026, "CN-1"};
    }
    for (size_t n = SCOPE_TRIGGERS_MAX; n <= SCOPE_TRIGGERS_MAX + 1; n++) {
        const struct scope_triggers all = {many, n};
        assert_int_equal(scope_merge(&a, &none, &all, 2017, &out),
                         n > SCOPE_TRIGGERS_MAX ? ERR_LIMIT : ERR_OK);
    }
    arena_fini(&a);
}

static int32_t day(const char *text)
{
    int32_t d = 0;
    assert_int_equal(date_parse(text, &d), ERR_OK);
    return d;
}

static void a_notice_that_cannot_be_is_refused_with_every_fault(void **state)
{
    (void)state;
    static const struct {
        const char *controls[3];
        const char *changed_on;
        const char *field; /* NULL = taken */
        const char *rule;
    } rows[] = {
        {{"5.1.1", "5.1.2"}, "2026-11-01", NULL, NULL},
        {{"5.1.1"}, "2027-11-15", NULL, NULL},
        {{"5.1.1"}, "2027-11-16", "changedOn", "R48"},
        {{"5.1.1"}, "2016-11-15", NULL, NULL},
        {{"5.1.1"}, "2016-11-14", "changedOn", "R48"},
        {{"5.1.1", "99.1.1"}, "2026-11-01", "controls[1]", "R60"},
        {{"5.1.1", "5.1.2", "5.1.1"}, "2026-11-01", "controls[2]", "R66"},
        {{"5.1.1", "3.1.1"}, "2026-11-01", "controls[1]", "R66"},
    };
    static const char *const ids[] = {"3.1.1", "5.1.1", "5.1.2"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena a;
        struct catalogue c;
        struct catalogue_item items[3] = {{.line = 0}};
        struct audit_faults faults = {.n = 0};
        struct scope_notice n = {.controls = rows[i].controls,
                                 .changed_day = day(rows[i].changed_on),
                                 .today = day("2026-11-15")};
        arena_init(&a, 1u << 20);
        for (size_t k = 0; k < 3; k++)
            assert_true(catalogue_read_id(ids[k], &items[k]));
        items[0].not_assessed = true;
        assert_int_equal(catalogue_index(&a, items, 3, &c, &faults), ERR_OK);
        while (n.n < 3 && rows[i].controls[n.n] != NULL)
            n.n++;
        assert_int_equal(scope_check_notice(&a, &c, &n, &faults),
                         rows[i].field == NULL ? ERR_OK : ERR_INVAL);
        if (rows[i].field != NULL) {
            assert_int_equal(faults.n, 1);
            assert_string_equal(faults.items[0].field, rows[i].field);
            assert_string_equal(faults.items[0].rule, rows[i].rule);
        }
        arena_fini(&a);
    }
}

static void a_statement_that_contradicts_itself_is_refused_by_path_and_rule(void **state)
{
    (void)state;
    static const char *const ids[] = {"4.1.1",      "5.1.1", "9.2.1",    "9.2.1.1",
                                      "9.2.1.6.PB", "9.4.2", "9.4.2.2.B"};
    static const struct {
        const char *excluded[3];
        const char *operated; /* NULL = nothing */
        const char *auditors[2];
        const char *field; /* NULL = taken */
        const char *rule;
    } rows[] = {
        {{"5.1.1", "9.2.1.1"}, "9.4.2", {"a", "b"}, NULL, NULL},
        {{NULL}, NULL, {NULL}, NULL, NULL},
        {{"5.1.1", "99.1.1"}, NULL, {NULL}, "excluded[1].controlId", "R60"},
        {{"4.1.1"}, NULL, {NULL}, "excluded[0].controlId", "R64"},
        {{"5.1.1", "5.1.1"}, NULL, {NULL}, "excluded[1].controlId", "R64"},
        {{"9.4.2.2.B"}, NULL, {NULL}, "excluded[0].controlId", "R61"},
        {{"9.4.2.2.B", "9.4.2"}, NULL, {NULL}, NULL, NULL},
        {{"9.2.1.6.PB"}, NULL, {NULL}, "excluded[0].controlId", "R61"},
        {{"9.2.1"}, "9.2.1.1", {NULL}, "operators[0].controlId", "R64"},
        {{NULL}, "9.2.2", {NULL}, "operators[0].controlId", "R60"},
        {{NULL}, NULL, {"a", "a"}, "auditors[1]", "R69"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arena a;
        struct catalogue c;
        struct catalogue_item items[7] = {{.line = 0}};
        struct audit_faults faults = {.n = 0};
        struct plan_excluded x[3];
        const struct plan_operator o = {rows[i].operated, "somebody"};
        struct scope_statement s = {.excluded = x,
                                    .operators = &o,
                                    .n_operators = rows[i].operated != NULL,
                                    .auditors = rows[i].auditors};
        arena_init(&a, 1u << 20);
        for (size_t k = 0; k < 7; k++)
            assert_true(catalogue_read_id(ids[k], &items[k]));
        assert_int_equal(catalogue_index(&a, items, 7, &c, &faults), ERR_OK);
        for (; s.n_excluded < 3 && rows[i].excluded[s.n_excluded] != NULL; s.n_excluded++)
            x[s.n_excluded] = (struct plan_excluded){rows[i].excluded[s.n_excluded], "unused"};
        while (s.n_auditors < 2 && rows[i].auditors[s.n_auditors] != NULL)
            s.n_auditors++;
        assert_int_equal(scope_check_statement(&a, &c, &s, &faults),
                         rows[i].field == NULL ? ERR_OK : ERR_INVAL);
        if (rows[i].field != NULL) {
            assert_int_equal(faults.n, 1);
            assert_string_equal(faults.items[0].field, rows[i].field);
            assert_string_equal(faults.items[0].rule, rows[i].rule);
        }
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_repetition_make_no_difference),
        cmocka_unit_test(the_latest_change_counts_and_incidents_stay_apart),
        cmocka_unit_test(more_than_a_scope_holds_is_refused),
        cmocka_unit_test(a_notice_that_cannot_be_is_refused_with_every_fault),
        cmocka_unit_test(a_statement_that_contradicts_itself_is_refused_by_path_and_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
