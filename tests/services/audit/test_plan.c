/* Plans over the shipped catalogue and over thousands of random ones (fixed seeds). Coverage is
 * counted here again, without the checker, and the checker is shown to see what is broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/audit/core/plan.h"

#define BUDGET (8u * 1024 * 1024)
#define SHIPPED LIU_SOURCE_DIR "/catalog/ismap-control-criteria-2022-04-01.csv"

struct fixture {
    struct arena a;
    struct catalogue c;
    struct plan_policy policy;
    struct plan_input in;
    struct plan plan;
    struct audit_faults faults;
};

static void load_shipped(struct fixture *f)
{
    static char text[CATALOGUE_FILE_BYTES];
    FILE *file = fopen(SHIPPED, "r");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof(text), file);
    assert_int_equal(fclose(file), 0);
    *f = (struct fixture){.policy = {.rotation_years = 3,
                                     .internal_cycle_years = 3,
                                     .internal_all_tiers = true,
                                     .internal_sliding = true,
                                     .hours_external = 4,
                                     .hours_internal = 2}};
    arena_init(&f->a, BUDGET);
    assert_int_equal(catalogue_parse(&f->a, text, n, &f->c, &f->faults), ERR_OK);
    f->in = (struct plan_input){.catalogue = &f->c, .policy = &f->policy, .first_year = 2023};
}

/* All B controls are important; every fourth of them annual. */
static void make_b_important(struct fixture *f)
{
    struct plan_important *im = arena_alloc(&f->a, f->c.n * sizeof(*im));
    assert_non_null(im);
    size_t n = 0;
    for (size_t i = 0; i < f->c.n; i++)
        if (f->c.items[i].basic_statement) {
            im[n] = (struct plan_important){f->c.items[i].id, n % 4 == 0};
            n++;
        }
    f->policy.important = im;
    f->policy.n_important = n;
}

static void must_plan(struct fixture *f)
{
    if (audit_plan_make(&f->a, &f->in, &f->plan, &f->faults) != ERR_OK)
        fail_msg("%s: %s", f->faults.items[0].field, f->faults.items[0].en);
    if (audit_plan_check(&f->a, &f->in, &f->plan, &f->faults) != ERR_OK)
        fail_msg("%s: %s", f->faults.items[0].field, f->faults.items[0].en);
}

static void governance_and_management_are_in_every_year(void **state)
{
    (void)state;
    struct fixture f;
    load_shipped(&f);
    make_b_important(&f);
    must_plan(&f);
    assert_int_equal(f.plan.years, 3);
    uint32_t rotating = 0;
    for (uint32_t y = 0; y < 3; y++) {
        assert_int_equal(f.plan.loads[y].governance, 18);
        assert_int_equal(f.plan.loads[y].management, 64);
        assert_int_equal(f.plan.loads[y].external_items, 82 + f.plan.loads[y].important);
        assert_int_equal(f.plan.loads[y].external_hours, 4 * f.plan.loads[y].external_items);
        rotating += f.plan.loads[y].important - 8; /* 31 B, every fourth annual */
    }
    assert_int_equal(rotating, 23);
    arena_fini(&f.a);
}

static void objectives_are_levelled_over_the_cycle(void **state)
{
    (void)state;
    static const struct {
        bool all_tiers;
        uint32_t years[3];
    } rows[] = {{true, {49, 49, 49}}, {false, {41, 40, 40}}}; /* 5 + 21 + 121, and 121 */
    for (size_t k = 0; k < 2; k++) {
        struct fixture f;
        load_shipped(&f);
        f.policy.internal_all_tiers = rows[k].all_tiers;
        must_plan(&f);
        for (uint32_t y = 0; y < 3; y++)
            assert_int_equal(f.plan.loads[y].internal_items, rows[k].years[y]);
        for (size_t i = 0; i < f.plan.n; i++)
            assert_string_not_equal(f.plan.items[i].control_id, "3.1.1");
        arena_fini(&f.a);
    }
}

static void the_same_input_gives_the_same_plan(void **state)
{
    (void)state;
    struct fixture f;
    load_shipped(&f);
    make_b_important(&f);
    must_plan(&f);
    struct plan again;
    assert_int_equal(audit_plan_make(&f.a, &f.in, &again, &f.faults), ERR_OK);
    assert_int_equal(again.n, f.plan.n);
    for (size_t i = 0; i < again.n; i++) {
        assert_ptr_equal(again.items[i].control_id, f.plan.items[i].control_id);
        assert_int_equal(again.items[i].year, f.plan.items[i].year);
    }
    arena_fini(&f.a);
}

/* History from a plan that was carried out. */
static struct plan_history *carried_out(struct fixture *f, size_t *n)
{
    struct plan_history *h = arena_alloc(&f->a, f->plan.n * sizeof(*h));
    assert_non_null(h);
    for (size_t i = 0; i < f->plan.n; i++)
        h[i] = (struct plan_history){.id = f->plan.items[i].control_id,
                                     .party = f->plan.items[i].party,
                                     .year = f->in.first_year + (int32_t)f->plan.items[i].year - 1};
    *n = f->plan.n;
    return h;
}

static uint32_t year_in(const struct plan *p, const char *id, enum plan_party party)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->items[i].party == party && strcmp(p->items[i].control_id, id) == 0)
            return p->items[i].year;
    return 0;
}

static void a_renewal_goes_on_where_the_last_plan_ended(void **state)
{
    (void)state;
    struct fixture f;
    load_shipped(&f);
    make_b_important(&f);
    must_plan(&f);
    struct plan first = f.plan;
    f.in.history = carried_out(&f, &f.in.n_history);
    f.in.first_year += 3;
    must_plan(&f);
    assert_int_equal(first.n, f.plan.n);
    for (size_t i = 0; i < first.n; i++)
        assert_int_equal(year_in(&f.plan, first.items[i].control_id, first.items[i].party),
                         year_in(&first, first.items[i].control_id, first.items[i].party));
    arena_fini(&f.a);
}

static void what_was_skipped_comes_first(void **state)
{
    (void)state;
    struct fixture f;
    load_shipped(&f);
    make_b_important(&f);
    must_plan(&f);
    size_t n = 0;
    struct plan_history *h = carried_out(&f, &n);
    const char *skipped = NULL; /* of the last year: would wait till the last again */
    for (size_t i = 0; i < n; i++)
        if (h[i].party == PLAN_INTERNAL && h[i].year == 2025) {
            skipped = h[i].id;
            h[i].id = "5.9999.1"; /* no longer in the catalogue: passed over */
        }
    assert_int_equal(year_in(&f.plan, skipped, PLAN_INTERNAL), 3);
    f.in.history = h;
    f.in.n_history = n;
    f.in.first_year += 3;
    must_plan(&f);
    assert_int_equal(year_in(&f.plan, skipped, PLAN_INTERNAL), 1);
    arena_fini(&f.a);
}

static void an_excluded_objective_takes_its_controls_along(void **state)
{
    (void)state;
    static const struct plan_excluded excluded[] = {{"9.5.2.P", "no virtual machines"},
                                                    {"9.2.1.6.PB", "no users of its own"}};
    struct fixture f;
    load_shipped(&f);
    make_b_important(&f);
    f.in.excluded = excluded;
    f.in.n_excluded = 2;
    must_plan(&f);
    assert_int_equal(year_in(&f.plan, "9.5.2.P", PLAN_INTERNAL), 0);
    assert_int_equal(year_in(&f.plan, "9.5.2.1.PB", PLAN_EXTERNAL), 0);
    assert_int_equal(year_in(&f.plan, "9.2.1.6.PB", PLAN_EXTERNAL), 0);
    assert_int_not_equal(year_in(&f.plan, "9.2.1", PLAN_INTERNAL), 0);
    arena_fini(&f.a);
}

static void a_policy_that_does_not_fit_is_refused_with_its_faults(void **state)
{
    (void)state;
    static const struct plan_important rows[] = {{"9.9.9", false},   {"4.4.1.1", true},
                                                 {"9.2.1", true},    {"9.2.1", false},
                                                 {"9.2.1.6", false}, {"", true}};
    static const struct plan_excluded excluded[] = {
        {"3.1.2.1", "why"}, {"nothing", "why"}, {"9.5.2.P", ""}};
    struct fixture f;
    load_shipped(&f);
    f.policy.important = rows;
    f.policy.n_important = sizeof(rows) / sizeof(rows[0]);
    f.policy.rotation_years = 0;
    f.policy.internal_cycle_years = 11;
    f.in.excluded = excluded;
    f.in.n_excluded = 3;
    assert_int_equal(audit_plan_make(&f.a, &f.in, &f.plan, &f.faults), ERR_INVAL);
    assert_int_equal(f.faults.n, 10);
    arena_fini(&f.a);
}

/* Year 1 gets less than its share: the others take it, as long as they may. */
static void a_plan_keeps_its_ceilings_or_says_by_how_much_it_cannot(void **state)
{
    (void)state;
    struct plan_ceiling caps[] = {{2023, PLAN_INTERNAL, 80}, {0, PLAN_ANY_PARTY, 500}};
    struct fixture f;
    load_shipped(&f);
    make_b_important(&f);
    f.policy.ceilings = caps;
    f.policy.n_ceilings = 2;
    must_plan(&f);
    assert_true(f.plan.loads[0].internal_hours <= 80);
    for (uint32_t y = 0; y < 3; y++)
        assert_true(f.plan.loads[y].internal_hours + f.plan.loads[y].external_hours <= 500);
    caps[1] = (struct plan_ceiling){0, PLAN_EXTERNAL, 380};
    assert_int_equal(audit_plan_make(&f.a, &f.in, &f.plan, &f.faults), ERR_INVAL);
    assert_string_equal(f.faults.items[0].field, "ceilings[1].hours");
    assert_string_equal(f.faults.items[0].rule, "R71");
    /* 3 x 90 items of every year and 23 in turn, 4 h each, are 32 h more than 3 x 380 */
    unsigned sum = 0;
    for (size_t i = 0; i < f.faults.n; i++) {
        const char *by = strstr(f.faults.items[i].en, "too low by ");
        assert_non_null(by);
        sum += (unsigned)strtoul(by + strlen("too low by "), NULL, 10);
    }
    assert_int_equal(sum, 32);
    arena_fini(&f.a);
}

static void the_special_measure_is_for_once_and_in_time(void **state)
{
    (void)state;
    struct fixture f;
    load_shipped(&f);
    make_b_important(&f);
    f.in.special_measure = true;
    f.in.applied_day = 100;
    assert_int_equal(audit_plan_make(&f.a, &f.in, &f.plan, &f.faults), ERR_INVAL);
    f.policy.special_measure_offered = true;
    f.policy.special_until_day = 99;
    f.in.special_used = true;
    assert_int_equal(audit_plan_make(&f.a, &f.in, &f.plan, &f.faults), ERR_INVAL);
    assert_int_equal(f.faults.n, 3); /* not offered; too late and had before */
    f.policy.special_until_day = 100;
    f.in.special_used = false;
    f.faults.n = 0;
    must_plan(&f);
    for (size_t i = 0; i < f.plan.n; i++) {
        const struct plan_item *item = &f.plan.items[i];
        bool first = item->party == PLAN_EXTERNAL && item->year == 1;
        if (!first || strcmp(item->rule, "R62") != 0)
            continue;
        assert_int_equal(item->mode, PLAN_DESIGN);
        assert_int_equal(item->hours, 2);
    }
    arena_fini(&f.a);
}

static void an_empty_catalogue_and_impossible_years_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    load_shipped(&f);
    f.in.open_year = 2026; /* behind the plan */
    assert_int_equal(audit_plan_make(&f.a, &f.in, &f.plan, &f.faults), ERR_INVAL);
    assert_string_equal(f.faults.items[0].field, "open_year");
    f.in.open_year = 2022;
    f.faults.n = 0;
    assert_int_equal(audit_plan_make(&f.a, &f.in, &f.plan, &f.faults), ERR_INVAL);
    struct catalogue none = {.n = 0};
    f.in.open_year = 0;
    f.in.catalogue = &none;
    f.faults.n = 0;
    assert_int_equal(audit_plan_make(&f.a, &f.in, &f.plan, &f.faults), ERR_INVAL);
    assert_string_equal(f.faults.items[0].field, "catalogue");
    arena_fini(&f.a);
}

static void nobody_audits_what_he_operates(void **state)
{
    (void)state;
    static const char *const auditors[] = {"aoki", "baba"};
    const struct plan_operator operators[] = {
        {"9.2.1", "aoki"}, {"9.5.2.1.PB", "aoki"}, {"10.1.1", "aoki"}, {"10.1.1.9.PB", "baba"}};
    struct fixture f;
    load_shipped(&f);
    f.in.auditors = auditors;
    f.in.n_auditors = 2;
    f.in.operators = operators;
    f.in.n_operators = 2;
    must_plan(&f);
    for (size_t i = 0; i < f.plan.n; i++) {
        const struct plan_item *item = &f.plan.items[i];
        if (strcmp(item->control_id, "9.2.1") == 0 || strcmp(item->control_id, "9.5.2.P") == 0)
            assert_string_equal(item->auditor, "baba");
    }
    f.in.n_operators = 4;
    assert_int_equal(audit_plan_make(&f.a, &f.in, &f.plan, &f.faults), ERR_INVAL);
    assert_string_equal(f.faults.items[0].field, "10.1.1");
    assert_string_equal(f.faults.items[0].rule, "R69");
    arena_fini(&f.a);
}

struct damage {
    const char *name;
    const char *rule;
    void (*hurt)(struct fixture *f);
};

static void drop(struct fixture *f, enum plan_party party, const char *rule)
{
    for (size_t i = 0; i < f->plan.n; i++)
        if (f->plan.items[i].party == party && strcmp(f->plan.items[i].rule, rule) == 0) {
            memmove(&f->plan.items[i], &f->plan.items[i + 1],
                    (f->plan.n - i - 1) * sizeof(f->plan.items[0]));
            f->plan.n--;
            return;
        }
    fail();
}

static void hurt_management(struct fixture *f)
{
    drop(f, PLAN_EXTERNAL, "R62");
}
static void hurt_important(struct fixture *f)
{
    drop(f, PLAN_EXTERNAL, "R63");
}
static void hurt_internal(struct fixture *f)
{
    drop(f, PLAN_INTERNAL, "R68");
}
static void hurt_level(struct fixture *f)
{
    size_t moved = 0;
    for (size_t i = 0; i < f->plan.n && moved < 2; i++)
        if (f->plan.items[i].party == PLAN_INTERNAL && f->plan.items[i].year == 1) {
            f->plan.items[i].year = 2;
            moved++;
        }
}
static void hurt_stranger(struct fixture *f)
{
    f->plan.items[0].control_id = "3.1.1";
}
static void hurt_twice(struct fixture *f)
{
    f->plan.items[1] = f->plan.items[0];
}
static void hurt_year(struct fixture *f)
{
    f->plan.items[0].year = 4;
}
static void hurt_reason(struct fixture *f)
{
    f->plan.items[0].rule = "R68";
}
static void hurt_loads(struct fixture *f)
{
    f->plan.loads[2].internal_hours++;
}
static void hurt_extra(struct fixture *f)
{
    f->plan.items[0].control_id = "11.2.7.4.PB";
    f->policy.n_important = 0;
}
static void hurt_years(struct fixture *f)
{
    f->plan.years = 2;
}

static void the_check_sees_each_kind_of_damage(void **state)
{
    (void)state;
    static const struct damage rows[] = {
        {"a management control is missing", "R62", hurt_management},
        {"an important control is missing", "R63", hurt_important},
        {"an objective is missing", "R68", hurt_internal},
        {"the years are not level", "R68", hurt_level},
        {"an overview entry is audited", "R64", hurt_stranger},
        {"twice in a year", "R62", hurt_twice},
        {"a year outside", "R60", hurt_year},
        {"another reason", "R62", hurt_reason},
        {"other loads", "R71", hurt_loads},
        {"not an important control", "R63", hurt_extra},
        {"another number of years", "R63", hurt_years},
    };
    for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        struct fixture f;
        load_shipped(&f);
        make_b_important(&f);
        must_plan(&f);
        rows[k].hurt(&f);
        if (audit_plan_check(&f.a, &f.in, &f.plan, &f.faults) != ERR_INVAL)
            fail_msg("not seen: %s", rows[k].name);
        bool named = false;
        for (size_t i = 0; i < audit_faults_kept(&f.faults); i++)
            named = named || strcmp(f.faults.items[i].rule, rows[k].rule) == 0;
        if (!named)
            fail_msg("%s: %s not named", rows[k].name, rows[k].rule);
        arena_fini(&f.a);
    }
}

/* ---- random catalogues and policies */

static uint64_t seed;

static uint32_t below(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return n == 0 ? 0 : (uint32_t)((seed >> 11) % n);
}

static void random_catalogue(struct fixture *f)
{
    struct catalogue_item *items = arena_alloc(&f->a, 1500 * sizeof(*items));
    assert_non_null(items);
    size_t n = 0;
    for (unsigned chapter = 3; chapter <= 18; chapter++)
        for (unsigned section = 1; section <= below(4); section++)
            for (unsigned o = 1; o <= below(6); o++) {
                char id[CATALOGUE_ID_BYTES];
                (void)snprintf(id, sizeof(id), "%u.%u.%u", chapter, section, o);
                assert_true(catalogue_read_id(id, &items[n]));
                items[n++].not_assessed = below(20) == 0;
                for (unsigned d = 1; d <= below(4); d++) {
                    (void)snprintf(id, sizeof(id), "%u.%u.%u.%u%s", chapter, section, o, d,
                                   below(3) == 0 ? ".PB" : "");
                    assert_true(catalogue_read_id(id, &items[n++]));
                }
            }
    for (size_t i = n; i > 1; i--) {
        size_t j = below((uint32_t)i);
        struct catalogue_item t = items[i - 1];
        items[i - 1] = items[j];
        items[j] = t;
    }
    assert_int_equal(catalogue_index(&f->a, items, n, &f->c, &f->faults), ERR_OK);
}

static void random_policy(struct fixture *f)
{
    struct plan_important *im = arena_alloc(&f->a, (f->c.n + 1) * sizeof(*im));
    struct plan_excluded *excluded = arena_alloc(&f->a, (f->c.n + 1) * sizeof(*excluded));
    assert_true(im != NULL && excluded != NULL);
    uint32_t share = 1 + below(9);
    size_t n = 0;
    size_t out = 0;
    for (size_t i = 0; i < f->c.n; i++) {
        if (f->c.items[i].tier != CATALOGUE_CONTROLS)
            continue;
        if (below(share) == 0)
            im[n++] = (struct plan_important){f->c.items[i].id, below(5) == 0};
        if (below(25) == 0)
            excluded[out++] = (struct plan_excluded){f->c.items[i].id, "cannot apply"};
    }
    f->policy = (struct plan_policy){.rotation_years = 1 + below(PLAN_YEARS_MAX),
                                     .internal_cycle_years = 1 + below(PLAN_YEARS_MAX),
                                     .internal_all_tiers = below(2) == 0,
                                     .internal_sliding = below(2) == 0,
                                     .important = im,
                                     .n_important = n,
                                     .hours_external = below(9),
                                     .hours_internal = below(9)};
    f->in = (struct plan_input){.catalogue = &f->c,
                                .policy = &f->policy,
                                .excluded = excluded,
                                .n_excluded = out,
                                .first_year = 2023};
}

/* Without history the objectives of one domain differ by at most one between years, too. */
static void domains_are_level(const struct fixture *f)
{
    uint32_t n[19][PLAN_YEARS_MAX + 1] = {{0}};
    for (size_t i = 0; i < f->plan.n; i++) {
        const struct plan_item *item = &f->plan.items[i];
        if (item->party == PLAN_INTERNAL)
            n[catalogue_find(&f->c, item->control_id)->numbers[0]][item->year]++;
    }
    for (size_t d = 3; d <= 18; d++) {
        uint32_t least = UINT32_MAX;
        uint32_t most = 0;
        for (uint32_t y = 1; y <= f->policy.internal_cycle_years; y++) {
            least = n[d][y] < least ? n[d][y] : least;
            most = n[d][y] > most ? n[d][y] : most;
        }
        assert_true(most <= least + 1);
    }
}

static void any_catalogue_and_policy_gives_a_plan_that_covers(void **state)
{
    (void)state;
    for (uint64_t round = 1; round <= 200; round++) {
        seed = round * 0x9e3779b97f4a7c15u;
        struct fixture f = {.faults = {.n = 0}};
        arena_init(&f.a, BUDGET);
        random_catalogue(&f);
        random_policy(&f);
        must_plan(&f);
        domains_are_level(&f);
        f.in.history = carried_out(&f, &f.in.n_history);
        f.in.first_year += (int32_t)(1 + below(12));
        must_plan(&f); /* any history keeps coverage and level */
        arena_fini(&f.a);
    }
}

static void no_memory_is_an_answer(void **state)
{
    (void)state;
    struct fixture f;
    load_shipped(&f);
    struct arena small;
    arena_init(&small, 1024);
    assert_int_equal(audit_plan_make(&small, &f.in, &f.plan, &f.faults), ERR_NOMEM);
    must_plan(&f);
    assert_int_equal(audit_plan_check(&small, &f.in, &f.plan, &f.faults), ERR_NOMEM);
    arena_fini(&small);
    arena_fini(&f.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(governance_and_management_are_in_every_year),
        cmocka_unit_test(objectives_are_levelled_over_the_cycle),
        cmocka_unit_test(the_same_input_gives_the_same_plan),
        cmocka_unit_test(a_renewal_goes_on_where_the_last_plan_ended),
        cmocka_unit_test(what_was_skipped_comes_first),
        cmocka_unit_test(an_excluded_objective_takes_its_controls_along),
        cmocka_unit_test(a_policy_that_does_not_fit_is_refused_with_its_faults),
        cmocka_unit_test(a_plan_keeps_its_ceilings_or_says_by_how_much_it_cannot),
        cmocka_unit_test(the_special_measure_is_for_once_and_in_time),
        cmocka_unit_test(an_empty_catalogue_and_impossible_years_are_refused),
        cmocka_unit_test(nobody_audits_what_he_operates),
        cmocka_unit_test(the_check_sees_each_kind_of_damage),
        cmocka_unit_test(any_catalogue_and_policy_gives_a_plan_that_covers),
        cmocka_unit_test(no_memory_is_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
