/* What must hold of every case: the order of the sheets does not matter, and a sheet that is not
 * low never helps. Cases are drawn from a fixed seed. */
#include "services/eligibility/fixture.h"

#include <string.h>

static struct fixture fx;
static struct elig_rules shipped;
static uint64_t seed;

static int setup(void **state)
{
    (void)state;
    fixture_init(&fx);
    shipped = fx.rules;
    seed = 20221101;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_fini(&fx);
    return 0;
}

static uint32_t draw(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static struct elig_claim drawn_claim(const char *code)
{
    const struct elig_target *t = elig_target_find(&fx.list, code);
    struct elig_claim c = {.description = "x", .code = code};
    if (t == NULL)
        return c;
    struct elig_answered *a = arena_alloc(&fx.arena, t->n_checklist * sizeof *a);
    assert_non_null(a);
    for (size_t i = 0; i < t->n_checklist; i++) {
        a[i] = (struct elig_answered){t->checklist[i].id, t->checklist[i].match};
        if (draw(24) == 0)
            a[i].answer = (enum elig_answer)draw(4);
    }
    c.answers = a;
    c.n_answers = t->n_checklist;
    return c;
}

static const char *drawn_code(void)
{
    return draw(2) == 0 ? "" : fx.list.entries[draw(8)].code;
}

static void draw_sheet(struct elig_assessment *s, const char *code, bool low)
{
    static const char *const ministries[] = {"mof", "mic", "meti", "mlit", "mext"};
    static const char *const bureaux[] = {"", "a", "b"};
    struct elig_item *items = arena_alloc(&fx.arena, 2 * sizeof *items);
    assert_non_null(items);
    for (size_t i = 0; i < 2; i++)
        items[i] = (struct elig_item){2, ELIG_LEVEL_LOW, ELIG_LEVEL_LOW, ELIG_LEVEL_LOW};
    if (!low)
        items[draw(2)].integrity = draw(2) == 0 ? ELIG_LEVEL_MODERATE : ELIG_LEVEL_HIGH;
    const char *ministry = ministries[draw(5)];
    *s = (struct elig_assessment){.ministry = ministry,
                                  .body = ministry,
                                  .bureau = bureaux[draw(3)],
                                  .business = drawn_claim(draw(12) == 0 ? drawn_code() : code),
                                  .items = items,
                                  .n_items = 2,
                                  .received_at_ms = draw(3)};
}

static void draw_rules(void)
{
    static const char *const listed[] = {"NOT_ELIGIBLE", "TO_BE_CONSIDERED", "REFER_TO_OPERATOR"};
    static const char *const third[] = {"NOT_ELIGIBLE", "REQUEST_THIRD", "HOLD_FOR_COMMITTEE"};
    fx.rules = shipped;
    fx.rules.listed_not_low_policy = listed[draw(3)];
    fx.rules.unlisted_disagreement_policy = third[draw(3)];
    fx.rules.validity_confirmation = draw(2) == 0 ? "OPERATOR" : "AUTOMATIC";
    fx.rules.bureaux_count_once = draw(3) != 0;
    fx.rules.regime = draw(5) == 0 ? "B" : "A";
}

#define SHEETS 5

struct drawn {
    struct elig_case c;
    struct elig_assessment sheets[SHEETS + 1];
};

static void draw_case(struct drawn *d)
{
    const char *code = drawn_code();
    d->c = (struct elig_case){.id = "case-1",
                              .provider = "csp-a",
                              .model = ELIG_MODEL_SAAS,
                              .confidentiality_class = 2,
                              .business = drawn_claim(code),
                              .assessments = d->sheets,
                              .n_assessments = draw(SHEETS + 1),
                              .submitted_at_ms = FIXTURE_NOW_MS};
    for (size_t i = 0; i < d->c.n_assessments; i++)
        draw_sheet(&d->sheets[i], code, draw(4) != 0);
}

static void the_order_of_the_sheets_does_not_matter(void **state)
{
    (void)state;
    for (int round = 0; round < 600; round++) {
        struct drawn d;
        draw_rules();
        draw_case(&d);
        struct elig_verdict v = fixture_judge(&fx, &d.c, NULL);
        const char *first = fixture_text(&fx, &v);
        for (size_t i = d.c.n_assessments; i > 1; i--) {
            size_t k = draw((uint32_t)i);
            struct elig_assessment s = d.sheets[i - 1];
            d.sheets[i - 1] = d.sheets[k];
            d.sheets[k] = s;
        }
        v = fixture_judge(&fx, &d.c, NULL);
        assert_string_equal(fixture_text(&fx, &v), first);
    }
    fx.rules = shipped;
}

static void a_sheet_that_is_not_low_never_makes_a_case_eligible(void **state)
{
    int refused = 0;
    (void)state;
    for (int round = 0; round < 600; round++) {
        struct drawn d;
        draw_rules();
        draw_case(&d);
        struct elig_verdict v = fixture_judge(&fx, &d.c, NULL);
        bool eligible_before = v.result == ELIG_RESULT_ELIGIBLE;
        refused += v.result == ELIG_RESULT_NOT_ELIGIBLE;
        draw_sheet(&d.sheets[d.c.n_assessments], d.c.business.code, false);
        d.c.n_assessments++;
        v = fixture_judge(&fx, &d.c, NULL);
        if (v.result == ELIG_RESULT_ELIGIBLE && !eligible_before)
            fail_msg("round %d\n%s", round, fixture_text(&fx, &v));
    }
    assert_true(refused > 20);
    fx.rules = shipped;
}

static void a_decided_case_says_who_decided_and_when_and_waits_for_nobody(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct drawn d;
        draw_rules();
        draw_case(&d);
        struct elig_verdict v = fixture_judge(&fx, &d.c, NULL);
        bool decided = v.state == ELIG_STATE_DECIDED;
        assert_int_not_equal(v.state, ELIG_STATE_NONE);
        assert_int_equal(decided, v.result != ELIG_RESULT_OPEN);
        assert_int_equal(decided, v.decided_by[0] != '\0');
        assert_int_equal(decided, v.decided_at_ms != 0);
        assert_int_equal(decided, v.waits_for[0] == '\0');
    }
    fx.rules = shipped;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_the_sheets_does_not_matter),
        cmocka_unit_test(a_sheet_that_is_not_low_never_makes_a_case_eligible),
        cmocka_unit_test(a_decided_case_says_who_decided_and_when_and_waits_for_nobody),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
