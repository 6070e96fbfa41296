/* The certificate: how far the heaviest year is above what no plan can go below. The bound is
 * compared with every deal there is, for small catalogues. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "services/audit/core/plan.h"

struct fixture {
    struct arena a;
    struct catalogue c;
    struct plan_policy policy;
    struct plan_input in;
    struct plan plan;
    struct plan_certificate cert;
    struct audit_faults faults;
};

/* `rotating` important controls below the first objective of `objectives`. */
static void make(struct fixture *f, uint32_t objectives, uint32_t rotating, uint32_t years)
{
    *f = (struct fixture){.policy = {.rotation_years = years,
                                     .internal_cycle_years = years,
                                     .internal_sliding = true,
                                     .n_important = rotating}};
    arena_init(&f->a, 1u << 20);
    struct catalogue_item *items = arena_alloc(&f->a, (objectives + rotating) * sizeof(*items));
    struct plan_important *im = arena_alloc(&f->a, (rotating + 1) * sizeof(*im));
    assert_true(items != NULL && im != NULL);
    char id[CATALOGUE_ID_BYTES];
    for (uint32_t i = 0; i < objectives; i++) {
        (void)snprintf(id, sizeof(id), "9.1.%u", i + 1);
        assert_true(catalogue_read_id(id, &items[i]));
    }
    for (uint32_t i = 0; i < rotating; i++) {
        (void)snprintf(id, sizeof(id), "9.1.1.%u", i + 1);
        assert_true(catalogue_read_id(id, &items[objectives + i]));
    }
    assert_int_equal(catalogue_index(&f->a, items, objectives + rotating, &f->c, &f->faults),
                     ERR_OK);
    size_t n = 0;
    for (size_t i = 0; i < f->c.n; i++)
        if (!f->c.items[i].objective)
            im[n++].id = f->c.items[i].id;
    f->policy.important = im;
    f->in = (struct plan_input){.catalogue = &f->c, .policy = &f->policy, .first_year = 2026};
}

static void plan(struct fixture *f)
{
    assert_int_equal(audit_plan_make(&f->a, &f->in, &f->plan, &f->faults), ERR_OK);
    assert_int_equal(audit_plan_check(&f->a, &f->in, &f->plan, &f->faults), ERR_OK);
    assert_int_equal(audit_plan_certify(&f->a, &f->in, &f->plan, &f->cert), ERR_OK);
}

static bool level(uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t most = a > b ? a : b;
    uint32_t least = a < b ? a : b;
    most = c > most ? c : most;
    least = c < least ? c : least;
    return most <= least + 1;
}

/* The lightest heaviest year of all level ways to deal r and o items to three years. */
static uint32_t best_of_three(uint32_t r, uint32_t he, uint32_t o, uint32_t hi)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t r1 = 0; r1 <= r; r1++)
        for (uint32_t r2 = 0; r1 + r2 <= r; r2++)
            for (uint32_t o1 = 0; o1 <= o; o1++)
                for (uint32_t o2 = 0; o1 + o2 <= o; o2++) {
                    if (!level(r1, r2, r - r1 - r2) || !level(o1, o2, o - o1 - o2))
                        continue;
                    uint32_t y1 = r1 * he + o1 * hi;
                    uint32_t y2 = r2 * he + o2 * hi;
                    uint32_t y3 = (r - r1 - r2) * he + (o - o1 - o2) * hi;
                    uint32_t most = y1 > y2 ? y1 : y2;
                    most = y3 > most ? y3 : most;
                    best = most < best ? most : best;
                }
    return best;
}

static void the_bound_is_the_best_of_all_deals(void **state)
{
    (void)state;
    for (uint32_t o = 1; o <= 7; o++)
        for (uint32_t r = 0; r <= 7; r++)
            for (uint32_t he = 1; he <= 8; he += 7)
                for (uint32_t hi = 1; hi <= 6; hi += 1) {
                    struct fixture f;
                    make(&f, o, r, 3);
                    f.policy.hours_external = he;
                    f.policy.hours_internal = hi;
                    plan(&f);
                    uint32_t best = best_of_three(r, he, o, hi);
                    assert_int_equal(f.cert.heaviest_hours, best);
                    assert_int_equal(f.cert.bound_hours, best); /* as sharp as can be */
                    assert_int_equal(f.cert.gap_hours, 0);
                    arena_fini(&f.a);
                }
}

static void the_leftovers_of_both_parties_do_not_meet(void **state)
{
    (void)state;
    struct fixture f;
    make(&f, 5, 4, 3); /* 2 1 1 external, 1 2 2 internal */
    f.policy.hours_external = 4;
    f.policy.hours_internal = 4;
    plan(&f);
    for (uint32_t y = 0; y < 3; y++)
        assert_int_equal(f.plan.loads[y].external_items + f.plan.loads[y].internal_items, 3);
    assert_int_equal(f.cert.gap_hours, 0);
    assert_int_equal(f.cert.lightest_hours, f.cert.heaviest_hours);
    assert_int_equal(f.cert.domain_spread, 1);
    arena_fini(&f.a);
}

static void a_heavier_plan_has_a_gap(void **state)
{
    (void)state;
    struct fixture f;
    make(&f, 6, 0, 3);
    f.policy.hours_internal = 2;
    plan(&f);
    assert_int_equal(f.cert.gap_hours, 0);
    for (size_t i = 0; i < f.plan.n; i++)
        f.plan.items[i].year = 2; /* all in one year */
    assert_int_equal(audit_plan_certify(&f.a, &f.in, &f.plan, &f.cert), ERR_OK);
    assert_int_equal(f.cert.heaviest_year, 2);
    assert_int_equal(f.cert.heaviest_hours, 12);
    assert_int_equal(f.cert.bound_hours, 4);
    assert_int_equal(f.cert.gap_hours, 8);
    assert_int_equal(f.cert.domain_spread, 6);
    arena_fini(&f.a);
}

/* Plans of "audit-core-3" are still checked: what they do not claim is not held against them. */
static void a_certificate_may_claim_no_proof_but_not_a_wrong_one(void **state)
{
    (void)state;
    struct fixture f;
    struct audit_faults faults = {.n = 0};
    make(&f, 6, 4, 3);
    plan(&f);
    assert_int_equal(f.cert.proved, 4);
    struct plan_certificate old = f.cert;
    old.spread_bound = old.moves_bound = old.proved = 0;
    assert_int_equal(audit_certificate_check(&f.a, &f.in, &f.plan, &old, &faults), ERR_OK);
    old.proved = 3;
    assert_int_equal(audit_certificate_check(&f.a, &f.in, &f.plan, &old, &faults), ERR_INVAL);
    arena_fini(&f.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bound_is_the_best_of_all_deals),
        cmocka_unit_test(the_leftovers_of_both_parties_do_not_meet),
        cmocka_unit_test(a_heavier_plan_has_a_gap),
        cmocka_unit_test(a_certificate_may_claim_no_proof_but_not_a_wrong_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
