/* Each rule of the judgment by itself: gates, numbers of ministries, impact, policies, regimes. */
#include "services/eligibility/fixture.h"

#include <string.h>

static struct fixture fx;

static int setup(void **state)
{
    (void)state;
    fixture_init(&fx);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_fini(&fx);
    return 0;
}

struct row {
    struct case_spec spec;
    const char *word;
    const char *rule; /* a finding that must be there ... */
    const char *fact;
    enum elig_outcome outcome; /* ... with this outcome */
};

static void run_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct elig_verdict v = fixture_run(&fx, &rows[i].spec, NULL);
        if (strcmp(fixture_word(&v), rows[i].word) != 0)
            fail_msg("%s: %s instead of %s\n%s", rows[i].spec.name, fixture_word(&v), rows[i].word,
                     fixture_text(&fx, &v));
        const struct elig_finding *x = fixture_finding(&v, rows[i].rule, rows[i].fact);
        if (x == NULL || x->outcome != rows[i].outcome)
            fail_msg("%s: no finding %s \"%s\" of that outcome\n%s", rows[i].spec.name,
                     rows[i].rule, rows[i].fact, fixture_text(&fx, &v));
    }
}

#define RUN(rows) run_rows(rows, sizeof(rows) / sizeof(rows)[0])
#define MET ELIG_OUTCOME_MET
#define NOT_MET ELIG_OUTCOME_NOT_MET
#define OPEN ELIG_OUTCOME_OPEN
#define NOTE ELIG_OUTCOME_NOTE
#define LOW(m)                                                                                     \
    {                                                                                              \
        .ministry = (m), .levels = "LLL"                                                           \
    }
#define RATED(m, l)                                                                                \
    {                                                                                              \
        .ministry = (m), .levels = (l)                                                             \
    }

static void only_the_allowed_service_model_passes(void **state)
{
    (void)state;
    const struct row rows[] = {
        {{.name = "saas", .code = "TB-1", .answers = NULL, .sheets = {LOW("mof")}},
         "ELIGIBLE",
         "R10",
         "model=SAAS",
         MET},
        {{.name = "paas",
          .code = "TB-1",
          .answers = NULL,
          .sheets = {LOW("mof")},
          .model = ELIG_MODEL_PAAS},
         "NOT_ELIGIBLE",
         "R10",
         "model=PAAS",
         NOT_MET},
        {{.name = "iaas without a sheet",
          .code = "TB-1",
          .answers = NULL,
          .sheets = {{0}},
          .model = ELIG_MODEL_IAAS},
         "NOT_ELIGIBLE",
         "R10",
         "model=IAAS",
         NOT_MET},
    };
    RUN(rows);
}

static void the_highest_class_of_provider_and_ministries_is_exactly_two(void **state)
{
    (void)state;
    const struct row rows[] = {
        {{.name = "provider says three",
          .code = "TB-1",
          .answers = NULL,
          .sheets = {LOW("mof")},
          .provider_class = 3},
         "NOT_ELIGIBLE",
         "R11",
         "highest=3 stated_by=provider",
         NOT_MET},
        {{.name = "a ministry's item is three",
          .code = "TB-1",
          .answers = NULL,
          .sheets = {{.ministry = "mof", .levels = "LLL", .item_class = 3}}},
         "NOT_ELIGIBLE",
         "R11",
         "highest=3 stated_by=mof",
         NOT_MET},
        {{.name = "only class one",
          .code = "TB-1",
          .answers = NULL,
          .sheets = {{0}},
          .provider_class = 1},
         "NOT_NEEDED",
         "R11",
         "highest=1",
         NOT_MET},
        {{.name = "provider one, a ministry two",
          .code = "TB-1",
          .answers = NULL,
          .sheets = {LOW("mof")},
          .provider_class = 1},
         "ELIGIBLE",
         "R11",
         "highest=2 stated_by=mof provider=1",
         MET},
        {{.name = "provider two, ministry one",
          .code = "TB-1",
          .answers = NULL,
          .sheets = {{.ministry = "mof", .levels = "LLL", .item_class = 1}}},
         "ELIGIBLE",
         "R11",
         "highest=2 stated_by=provider",
         MET},
    };
    RUN(rows);
}

static void both_gates_are_reported_when_both_fail(void **state)
{
    (void)state;
    const struct case_spec spec = {.name = "both",
                                   .code = "TB-1",
                                   .answers = NULL,
                                   .sheets = {{0}},
                                   .model = ELIG_MODEL_PAAS,
                                   .provider_class = 3};
    struct elig_verdict v = fixture_run(&fx, &spec, NULL);
    assert_non_null(fixture_finding(&v, "R10", "PAAS"));
    assert_non_null(fixture_finding(&v, "R11", "highest=3"));
    assert_null(fixture_finding(&v, "R20", ""));
}

static void ministries_are_counted_by_body(void **state)
{
    (void)state;
    const struct row rows[] = {
        {{.name = "listed, none", .code = "TB-1", .answers = NULL, .sheets = {{0}}},
         "MINISTRY",
         "R12",
         "ministries=0 required=1",
         OPEN},
        {{.name = "listed, one", .code = "TB-1", .answers = NULL, .sheets = {LOW("mof")}},
         "ELIGIBLE",
         "R12",
         "ministries=1",
         MET},
        {{.name = "unlisted, one", .code = "", .answers = NULL, .sheets = {LOW("mof")}},
         "MINISTRY",
         "R12",
         "ministries=1 required=2",
         OPEN},
        {{.name = "unlisted, two", .code = "", .answers = NULL, .sheets = {LOW("mof"), LOW("mic")}},
         "CONFIRMATION",
         "R12",
         "ministries=2",
         MET},
        {{.name = "two bureaux of one",
          .code = "",
          .answers = NULL,
          .sheets = {{.ministry = "mof", .levels = "LLL", .bureau = "tax"},
                     {.ministry = "mof", .levels = "LLL", .bureau = "budget"}}},
         "MINISTRY",
         "R12",
         "ministries=1 required=2",
         OPEN},
        {{.name = "two parties of one body",
          .code = "",
          .answers = NULL,
          .sheets = {{.ministry = "mof-tax", .levels = "LLL", .body = "mof"}, LOW("mof")}},
         "MINISTRY",
         "R12",
         "ministries=1 required=2",
         OPEN},
        {{.name = "a later sheet replaces",
          .code = "",
          .answers = NULL,
          .sheets = {{.ministry = "mof", .levels = "HLL", .received_at_ms = 1},
                     {.ministry = "mof", .levels = "LLL", .received_at_ms = 2},
                     LOW("mic")}},
         "CONFIRMATION",
         "R12",
         "replaced=1",
         MET},
    };
    RUN(rows);
}

static void bureaux_may_count_apart(void **state)
{
    (void)state;
    const struct elig_rules saved = fx.rules;
    fx.rules.bureaux_count_once = false;
    const struct row rows[] = {
        {{.name = "two bureaux",
          .code = "",
          .answers = NULL,
          .sheets = {{.ministry = "mof", .levels = "LLL", .bureau = "tax"},
                     {.ministry = "mof", .levels = "LLL", .bureau = "budget"}}},
         "CONFIRMATION",
         "R12",
         "ministries=2",
         MET},
    };
    RUN(rows);
    fx.rules = saved;
}

static void the_next_one_waited_for_is_named(void **state)
{
    (void)state;
    const struct case_spec asked = {.name = "asked",
                                    .code = "",
                                    .answers = NULL,
                                    .sheets = {LOW("mof")},
                                    .asked = {"mof", "mic"}};
    const struct case_spec nobody = {
        .name = "nobody", .code = "", .answers = NULL, .sheets = {LOW("mof")}, .asked = {"mof"}};
    assert_string_equal(fixture_run(&fx, &asked, NULL).waits_for, "mic");
    assert_string_equal(fixture_run(&fx, &nobody, NULL).waits_for, "csp-a");
}

static void one_cell_above_low_makes_the_whole_not_low(void **state)
{
    (void)state;
    const struct row rows[] = {
        {{.name = "all low", .code = "TB-1", .answers = NULL, .sheets = {RATED("mof", "LLL,LLL")}},
         "ELIGIBLE",
         "R21",
         "overall=LOW",
         MET},
        {{.name = "last cell",
          .code = "TB-1",
          .answers = NULL,
          .sheets = {RATED("mof", "LLL,LLM")}},
         "NOT_ELIGIBLE",
         "R21",
         "overall=MODERATE",
         NOT_MET},
        {{.name = "highest counts",
          .code = "TB-1",
          .answers = NULL,
          .sheets = {RATED("mof", "MLL,LHL")}},
         "NOT_ELIGIBLE",
         "R21",
         "overall=HIGH",
         NOT_MET},
        {{.name = "a cell not stated",
          .code = "TB-1",
          .answers = NULL,
          .sheets = {RATED("mof", "LL-")}},
         "NOT_ELIGIBLE",
         "R21",
         "overall=UNSPECIFIED",
         NOT_MET},
        {{.name = "no items", .code = "TB-1", .answers = NULL, .sheets = {RATED("mof", "")}},
         "NOT_ELIGIBLE",
         "R21",
         "items=0 overall=UNSPECIFIED",
         NOT_MET},
        {{.name = "a second ministry above low",
          .code = "TB-1",
          .answers = NULL,
          .sheets = {LOW("mof"), RATED("mic", "LML")}},
         "NOT_ELIGIBLE",
         "R22",
         "low=1 of 2",
         NOT_MET},
    };
    RUN(rows);
}

static void a_listed_business_that_is_not_low_follows_the_policy(void **state)
{
    (void)state;
    const struct elig_rules saved = fx.rules;
    const struct row refer[] = {
        {{.name = "refer", .code = "TB-1", .answers = NULL, .sheets = {RATED("mof", "MLL")}},
         "REVIEW",
         "R22",
         "policy=REFER_TO_OPERATOR",
         NOT_MET}};
    const struct row consider[] = {
        {{.name = "one", .code = "TB-1", .answers = NULL, .sheets = {RATED("mof", "MLL")}},
         "MINISTRY",
         "R12",
         "required=2 to be considered",
         OPEN},
        {{.name = "two",
          .code = "TB-1",
          .answers = NULL,
          .sheets = {RATED("mof", "MLL"), LOW("mic")}},
         "NOT_ELIGIBLE",
         "R24",
         "low=1 of 2",
         NOT_MET},
    };
    fx.rules.listed_not_low_policy = "REFER_TO_OPERATOR";
    RUN(refer);
    fx.rules.listed_not_low_policy = "TO_BE_CONSIDERED";
    RUN(consider);
    fx.rules = saved;
}

static void unlisted_and_low_waits_for_a_person_unless_automatic(void **state)
{
    (void)state;
    const struct elig_rules saved = fx.rules;
    const struct case_spec two_low = {
        .name = "two", .code = "", .answers = NULL, .sheets = {LOW("mof"), LOW("mic")}};
    struct elig_verdict v = fixture_run(&fx, &two_low, NULL);
    assert_string_equal(fixture_word(&v), "CONFIRMATION");
    assert_string_equal(v.waits_for, "operator");
    assert_int_equal(v.decided_at_ms, 0);
    fx.rules.validity_confirmation = "AUTOMATIC";
    v = fixture_run(&fx, &two_low, NULL);
    assert_string_equal(fixture_word(&v), "ELIGIBLE");
    assert_true(v.proposes_list_addition);
    fx.rules = saved;
}

static void the_operator_confirms_or_denies_with_reasons(void **state)
{
    (void)state;
    const struct case_spec two_low = {
        .name = "two", .code = "", .answers = NULL, .sheets = {LOW("mof"), LOW("mic")}};
    struct elig_confirmation k = {true, "ipa", "妥当", FIXTURE_NOW_MS + 5};
    struct elig_verdict v = fixture_run(&fx, &two_low, &k);
    assert_string_equal(fixture_word(&v), "ELIGIBLE");
    assert_string_equal(v.decided_by, "ipa");
    assert_int_equal(v.decided_at_ms, FIXTURE_NOW_MS + 5);
    assert_true(v.proposes_list_addition);
    assert_non_null(fixture_finding(&v, "R23", "reason=妥当"));
    k.confirm = false;
    v = fixture_run(&fx, &two_low, &k);
    assert_string_equal(fixture_word(&v), "NOT_ELIGIBLE");
    assert_false(v.proposes_list_addition);
}

static void a_confirmation_decides_nothing_that_does_not_wait_for_one(void **state)
{
    (void)state;
    const struct elig_confirmation k = {true, "ipa", "妥当", FIXTURE_NOW_MS};
    const struct case_spec one = {
        .name = "one", .code = "", .answers = NULL, .sheets = {LOW("mof")}};
    const struct case_spec refused = {.name = "paas",
                                      .code = "",
                                      .answers = NULL,
                                      .sheets = {LOW("mof"), LOW("mic")},
                                      .model = ELIG_MODEL_PAAS};
    struct elig_verdict v = fixture_run(&fx, &one, &k);
    assert_string_equal(fixture_word(&v), "MINISTRY");
    v = fixture_run(&fx, &refused, &k);
    assert_string_equal(fixture_word(&v), "NOT_ELIGIBLE");
    assert_string_equal(v.decided_by, "rule");
}

static void disagreement_of_ministries_follows_the_policy(void **state)
{
    (void)state;
    const struct elig_rules saved = fx.rules;
    const struct row deny[] = {
        {{.name = "deny", .code = "", .answers = NULL, .sheets = {LOW("mof"), RATED("mic", "LLH")}},
         "NOT_ELIGIBLE",
         "R24",
         "low=1 of 2",
         NOT_MET}};
    const struct row hold[] = {
        {{.name = "hold", .code = "", .answers = NULL, .sheets = {LOW("mof"), RATED("mic", "LLH")}},
         "REVIEW",
         "R24",
         "HOLD_FOR_COMMITTEE",
         NOT_MET}};
    const struct row third[] = {
        {{.name = "two", .code = "", .answers = NULL, .sheets = {LOW("mof"), RATED("mic", "LLH")}},
         "MINISTRY",
         "R12",
         "ministries=2 required=3",
         OPEN},
        {{.name = "third low",
          .code = "",
          .answers = NULL,
          .sheets = {LOW("mof"), RATED("mic", "LLH"), LOW("meti")}},
         "CONFIRMATION",
         "R24",
         "low=2 of 3",
         NOT_MET},
        {{.name = "third not low",
          .code = "",
          .answers = NULL,
          .sheets = {LOW("mof"), RATED("mic", "LLH"), RATED("meti", "MLL")}},
         "NOT_ELIGIBLE",
         "R24",
         "low=1 of 3",
         NOT_MET},
        {{.name = "no majority",
          .code = "",
          .answers = NULL,
          .sheets = {LOW("mof"), LOW("mlit"), RATED("mic", "LLH"), RATED("meti", "MLL")}},
         "NOT_ELIGIBLE",
         "R24",
         "low=2 of 4",
         NOT_MET},
    };
    RUN(deny);
    fx.rules.unlisted_disagreement_policy = "HOLD_FOR_COMMITTEE";
    RUN(hold);
    fx.rules.unlisted_disagreement_policy = "REQUEST_THIRD";
    RUN(third);
    fx.rules = saved;
}

static void validity_ends_on_the_last_day_of_the_period(void **state)
{
    (void)state;
    const struct elig_rules saved = fx.rules;
    const struct case_spec low = {
        .name = "low", .code = "TB-1", .answers = NULL, .sheets = {LOW("mof")}};
    const struct case_spec high = {
        .name = "high", .code = "TB-1", .answers = NULL, .sheets = {RATED("mof", "HHH")}};
    assert_string_equal(fixture_run(&fx, &low, NULL).valid_until, "");
    fx.rules.verdict_valid_months = 12;
    assert_string_equal(fixture_run(&fx, &low, NULL).valid_until, "2025-05-01");
    assert_string_equal(fixture_run(&fx, &high, NULL).valid_until, "");
    fx.rules = saved;
}

static void an_eligible_verdict_says_it_is_no_registration(void **state)
{
    (void)state;
    const struct case_spec low = {
        .name = "low", .code = "TB-1", .answers = NULL, .sheets = {LOW("mof")}};
    const struct case_spec high = {
        .name = "high", .code = "TB-1", .answers = NULL, .sheets = {RATED("mof", "HHH")}};
    struct elig_verdict v = fixture_run(&fx, &low, NULL);
    assert_non_null(fixture_finding(&v, "R27", "registration=separate"));
    v = fixture_run(&fx, &high, NULL);
    assert_null(fixture_finding(&v, "R27", ""));
}

static void every_open_or_negative_finding_says_what_would_change_it(void **state)
{
    (void)state;
    const struct case_spec specs[] = {
        {.name = "paas",
         .code = "TB-1",
         .answers = NULL,
         .sheets = {{0}},
         .model = ELIG_MODEL_PAAS},
        {.name = "unknown", .code = "TB-1", .answers = "Q1=Y Q2=U", .sheets = {LOW("mof")}},
        {.name = "differs",
         .code = "TB-1",
         .answers = NULL,
         .sheets = {{.ministry = "mof", .levels = "LLL", .code = "TB-7"}}},
        {.name = "not low",
         .code = "",
         .answers = NULL,
         .sheets = {LOW("mof"), RATED("mic", "HHH")}},
        {.name = "waits", .code = "", .answers = NULL, .sheets = {LOW("mof"), LOW("mic")}},
        {.name = "early",
         .code = "TB-1",
         .answers = NULL,
         .sheets = {LOW("mof")},
         .received = "2022-10-31"},
    };
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        struct elig_verdict v = fixture_run(&fx, &specs[i], NULL);
        for (size_t k = 0; k < v.n_findings; k++) {
            const struct elig_finding *x = &v.findings[k];
            bool open = x->outcome == OPEN || x->outcome == NOT_MET;
            assert_int_equal(open, x->evidence_ja[0] != '\0');
            assert_int_equal(open, x->evidence_en[0] != '\0');
            assert_true(x->criterion_ja[0] != '\0' && x->criterion_en[0] != '\0');
        }
    }
}

static void the_regime_is_that_of_the_receipt_date(void **state)
{
    (void)state;
    const struct elig_rules saved = fx.rules;
    const struct case_spec before = {.name = "before",
                                     .code = "TB-1",
                                     .answers = NULL,
                                     .sheets = {LOW("mof")},
                                     .received = "2025-03-31"};
    const struct case_spec on = {.name = "on",
                                 .code = "TB-1",
                                 .answers = NULL,
                                 .sheets = {LOW("mof")},
                                 .received = "2025-04-01"};
    assert_string_equal(fixture_run(&fx, &on, NULL).regime, "A");
    fx.rules.next_regime = "B";
    fx.rules.next_from = "2025-04-01";
    assert_string_equal(fixture_run(&fx, &before, NULL).regime, "A");
    assert_string_equal(fixture_run(&fx, &on, NULL).regime, "B");
    fx.rules = saved;
    fx.rules.regime = "B";
    assert_string_equal(fixture_run(&fx, &before, NULL).regime, "B");
    fx.rules = saved;
}

static void the_same_payload_differs_by_regime(void **state)
{
    (void)state;
    const struct elig_rules saved = fx.rules;
    const struct case_spec unlisted = {.name = "unlisted",
                                       .code = "",
                                       .answers = NULL,
                                       .sheets = {LOW("mof")},
                                       .received = "2025-05-01"};
    assert_string_equal(fixture_word(&(struct elig_verdict){0}), "NONE");
    struct elig_verdict v = fixture_run(&fx, &unlisted, NULL);
    assert_string_equal(fixture_word(&v), "MINISTRY");
    fx.rules.regime = "B";
    v = fixture_run(&fx, &unlisted, NULL);
    assert_string_equal(fixture_word(&v), "ELIGIBLE");
    assert_string_equal(v.decided_by, "mof");
    assert_null(fixture_finding(&v, "R20", ""));
    assert_non_null(fixture_finding(&v, "R30", "low=1 of 1"));
    fx.rules = saved;
    fx.rules.next_regime = "B";
    fx.rules.next_from = "2025-04-01";
    v = fixture_run(&fx, &unlisted, NULL);
    assert_string_equal(fixture_word(&v), "ELIGIBLE");
    fx.rules = saved;
}

static void under_regime_b_the_ministry_still_has_to_rate_low(void **state)
{
    (void)state;
    const struct elig_rules saved = fx.rules;
    fx.rules.regime = "B";
    const struct row rows[] = {
        {{.name = "none", .code = "", .answers = NULL, .sheets = {{0}}},
         "MINISTRY",
         "R12",
         "required=1 procurement",
         OPEN},
        {{.name = "high", .code = "", .answers = NULL, .sheets = {RATED("mof", "LLH")}},
         "NOT_ELIGIBLE",
         "R30",
         "low=0 of 1",
         NOT_MET},
        {{.name = "paas",
          .code = "",
          .answers = NULL,
          .sheets = {LOW("mof")},
          .model = ELIG_MODEL_PAAS},
         "NOT_ELIGIBLE",
         "R10",
         "PAAS",
         NOT_MET},
    };
    RUN(rows);
    fx.rules = saved;
}

static void rules_not_in_force_are_said_and_decide_nothing(void **state)
{
    (void)state;
    const struct elig_rules saved = fx.rules;
    const struct case_spec early = {.name = "early",
                                    .code = "TB-1",
                                    .answers = NULL,
                                    .sheets = {LOW("mof")},
                                    .received = "2022-10-31"};
    const struct case_spec late = {.name = "late",
                                   .code = "TB-1",
                                   .answers = NULL,
                                   .sheets = {LOW("mof")},
                                   .received = "2025-04-01"};
    const struct elig_confirmation k = {true, "ipa", "妥当", FIXTURE_NOW_MS};
    struct elig_verdict v = fixture_run(&fx, &early, &k);
    assert_string_equal(fixture_word(&v), "REVIEW");
    assert_true(v.retry);
    assert_int_equal(v.n_findings, 1);
    assert_int_equal(fixture_finding(&v, "R1", "received=2022-10-31")->outcome, OPEN);
    fx.rules.effective_until = "2025-03-31";
    v = fixture_run(&fx, &late, NULL);
    assert_string_equal(fixture_word(&v), "REVIEW");
    fx.rules = saved;
}

static void without_rulebook_or_list_the_case_waits(void **state)
{
    (void)state;
    const struct case_spec spec = {
        .name = "x", .code = "TB-1", .answers = NULL, .sheets = {LOW("mof")}};
    const struct elig_case *c = fixture_case(&fx, &spec);
    struct elig_verdict v;
    struct elig_input in = {.c = c, .list = &fx.list, .now_ms = FIXTURE_NOW_MS};
    assert_int_equal(elig_judge(&fx.arena, &in, &v), ERR_OK);
    assert_non_null(fixture_finding(&v, "R1", "rulebook=none"));
    in.rules = &fx.rules;
    in.list = NULL;
    assert_int_equal(elig_judge(&fx.arena, &in, &v), ERR_OK);
    assert_non_null(fixture_finding(&v, "R1", "target_list=none"));
    assert_true(v.retry);
}

static void no_memory_is_an_error_and_not_a_verdict(void **state)
{
    (void)state;
    const struct case_spec spec = {
        .name = "x", .code = "TB-1", .answers = NULL, .sheets = {LOW("mof"), LOW("mic")}};
    const struct elig_case *c = fixture_case(&fx, &spec);
    const struct elig_input in = {
        .c = c, .rules = &fx.rules, .list = &fx.list, .now_ms = FIXTURE_NOW_MS};
    struct elig_verdict v;
    enum err e = ERR_NOMEM;
    for (size_t budget = 0; e != ERR_OK && budget < 1024 * 1024; budget += 256) {
        struct arena small;
        arena_init(&small, budget);
        e = elig_judge(&small, &in, &v);
        assert_true(e == ERR_OK || e == ERR_NOMEM);
        arena_fini(&small);
    }
    assert_int_equal(e, ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_allowed_service_model_passes),
        cmocka_unit_test(the_highest_class_of_provider_and_ministries_is_exactly_two),
        cmocka_unit_test(both_gates_are_reported_when_both_fail),
        cmocka_unit_test(ministries_are_counted_by_body),
        cmocka_unit_test(bureaux_may_count_apart),
        cmocka_unit_test(the_next_one_waited_for_is_named),
        cmocka_unit_test(one_cell_above_low_makes_the_whole_not_low),
        cmocka_unit_test(a_listed_business_that_is_not_low_follows_the_policy),
        cmocka_unit_test(unlisted_and_low_waits_for_a_person_unless_automatic),
        cmocka_unit_test(the_operator_confirms_or_denies_with_reasons),
        cmocka_unit_test(a_confirmation_decides_nothing_that_does_not_wait_for_one),
        cmocka_unit_test(disagreement_of_ministries_follows_the_policy),
        cmocka_unit_test(validity_ends_on_the_last_day_of_the_period),
        cmocka_unit_test(an_eligible_verdict_says_it_is_no_registration),
        cmocka_unit_test(every_open_or_negative_finding_says_what_would_change_it),
        cmocka_unit_test(the_regime_is_that_of_the_receipt_date),
        cmocka_unit_test(the_same_payload_differs_by_regime),
        cmocka_unit_test(under_regime_b_the_ministry_still_has_to_rate_low),
        cmocka_unit_test(rules_not_in_force_are_said_and_decide_nothing),
        cmocka_unit_test(without_rulebook_or_list_the_case_waits),
        cmocka_unit_test(no_memory_is_an_error_and_not_a_verdict),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
