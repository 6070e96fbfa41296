/* Each question of each target business: what another answer, no answer and a difference do. */
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

/* What becomes of a case that is low and matches in every other answer, when on this question both
 * sides give the other answer, both do not know, neither answers, only the ministry gives the other
 * answer, only the provider does. M waits for a second ministry (no match, to be considered), A
 * goes back to the applicant, R waits for a person, E eligible, N not needed. */
struct row {
    const char *question;
    const char *becomes;
};

static const struct row ROWS[] = {
    {"TB1.Q1", "MAAAA"}, {"TB1.Q2", "MAAAA"}, {"TB1.Q3", "MAAAA"}, {"TB1.Q4", "RRRRR"},
    {"TB2.Q1", "MAAAA"}, {"TB2.Q2", "MAAAA"}, {"TB2.Q3", "MAAAA"}, {"TB2.Q4", "RRRRR"},
    {"TB3.Q1", "EEEEE"}, {"TB3.Q2", "EEEEE"}, {"TB3.Q3", "MAAAA"}, {"TB4.Q1", "MAAAA"},
    {"TB4.Q2", "MAAAA"}, {"TB4.Q3", "RRRRR"}, {"TB4.Q4", "RRRRR"}, {"TB5.Q1", "EEEEE"},
    {"TB5.Q2", "EEEEE"}, {"TB5.Q3", "NAAAA"}, {"TB5.Q4", "AAAAA"}, {"TB6.Q1", "MAAAA"},
    {"TB6.Q2", "MAAAA"}, {"TB6.Q3", "MAAAA"}, {"TB6.Q4", "MAAAA"}, {"TB6.Q5", "RRRRR"},
    {"TB7.Q1", "MAAAA"}, {"TB7.Q2", "MAAAA"}, {"TB7.Q3", "MAAAA"}, {"TB7.Q4", "RRRRR"},
    {"TB8.Q1", "MAAAA"}, {"TB8.Q2", "MAAAA"}, {"TB8.Q3", "RRRRR"},
};
#define N_ROWS (sizeof ROWS / sizeof ROWS[0])

static const char *code_of(const char *question)
{
    const char *code = arena_printf(&fx.arena, "TB-%c", question[2]);
    assert_non_null(code);
    return code;
}

static char letter_of(const struct elig_verdict *v)
{
    const char *word = fixture_word(v);
    return strcmp(word, "NOT_NEEDED") == 0 ? 'N' : word[0];
}

static enum elig_answer other(enum elig_answer a)
{
    return a == ELIG_ANSWER_YES ? ELIG_ANSWER_NO : ELIG_ANSWER_YES;
}

static struct elig_claim with_answer(const struct elig_claim *c, const char *question,
                                     enum elig_answer a)
{
    struct elig_answered *copy = arena_dup(&fx.arena, c->answers, c->n_answers * sizeof *copy);
    assert_non_null(copy);
    for (size_t i = 0; i < c->n_answers; i++)
        if (strcmp(copy[i].question, question) == 0)
            copy[i].answer = a;
    struct elig_claim out = *c;
    out.answers = copy;
    return out;
}

static enum elig_answer matching(const struct elig_claim *c, const char *question)
{
    for (size_t i = 0; i < c->n_answers; i++)
        if (strcmp(c->answers[i].question, question) == 0)
            return c->answers[i].answer;
    fail_msg("the list has no question %s", question);
    return ELIG_ANSWER_UNSET;
}

static struct elig_verdict vary(const char *question, size_t how)
{
    const struct case_spec spec = {.name = question,
                                   .code = code_of(question),
                                   .sheets = {{.ministry = "mof", .levels = "LLL"}}};
    struct elig_case *c = fixture_case(&fx, &spec);
    struct elig_assessment sheet = c->assessments[0];
    enum elig_answer match = matching(&c->business, question);
    const enum elig_answer by_provider[] = {other(match), ELIG_ANSWER_UNKNOWN, ELIG_ANSWER_UNSET,
                                            match, other(match)};
    const enum elig_answer by_ministry[] = {other(match), ELIG_ANSWER_UNKNOWN, ELIG_ANSWER_UNSET,
                                            other(match), match};
    sheet.business = with_answer(&c->business, question, by_ministry[how]);
    c->business = with_answer(&c->business, question, by_provider[how]);
    c->assessments = &sheet;
    return fixture_judge(&fx, c, NULL);
}

static void every_answer_to_every_question_has_its_effect(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ROWS; i++)
        for (size_t how = 0; how < 5; how++) {
            struct elig_verdict v = vary(ROWS[i].question, how);
            if (letter_of(&v) != ROWS[i].becomes[how])
                fail_msg("%s, variation %zu: %s instead of %c\n%s", ROWS[i].question, how,
                         fixture_word(&v), ROWS[i].becomes[how], fixture_text(&fx, &v));
            assert_non_null(fixture_finding(&v, "R20", ROWS[i].question));
        }
}

static void the_table_has_every_question_of_the_list(void **state)
{
    (void)state;
    size_t n = 0;
    for (size_t i = 0; i < fx.list.n_entries; i++)
        for (size_t k = 0; k < fx.list.entries[i].n_checklist; k++, n++)
            assert_string_equal(fx.list.entries[i].checklist[k].id, ROWS[n].question);
    assert_int_equal(n, N_ROWS);
    assert_int_equal(fx.list.n_entries, 8);
}

static void all_matching_answers_and_low_make_each_business_eligible(void **state)
{
    (void)state;
    for (size_t i = 0; i < fx.list.n_entries; i++) {
        const struct case_spec spec = {.name = "all",
                                       .code = fx.list.entries[i].code,
                                       .sheets = {{.ministry = "mof", .levels = "LLL"}}};
        struct elig_verdict v = fixture_run(&fx, &spec, NULL);
        assert_string_equal(fixture_word(&v), "ELIGIBLE");
        assert_string_equal(v.matched_code, fx.list.entries[i].code);
    }
}

struct shorthand {
    const char *name;
    const char *code;
    const char *provider;
    const char *ministry;
    const char *word;
};

static void check(const struct shorthand *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct case_spec spec = {
            .name = rows[i].name,
            .code = rows[i].code,
            .answers = rows[i].provider,
            .sheets = {{.ministry = "mof", .levels = "LLL", .answers = rows[i].ministry}}};
        struct elig_verdict v = fixture_run(&fx, &spec, NULL);
        if (strcmp(fixture_word(&v), rows[i].word) != 0)
            fail_msg("%s: %s instead of %s\n%s", rows[i].name, fixture_word(&v), rows[i].word,
                     fixture_text(&fx, &v));
    }
}
#define CHECK(rows) check(rows, sizeof(rows) / sizeof(rows)[0])

static void a_group_needs_one_answer_on_which_both_sides_agree(void **state)
{
    (void)state;
    const struct shorthand rows[] = {
        {"cards only", "TB-3", "Q1=Y Q2=N Q3=N", NULL, "ELIGIBLE"},
        {"accounts only", "TB-3", "Q1=N Q2=Y Q3=N", NULL, "ELIGIBLE"},
        {"neither", "TB-3", "Q1=N Q2=N Q3=N", NULL, "MINISTRY"},
        {"other kinds too", "TB-3", "Q1=Y Q2=Y Q3=Y", NULL, "MINISTRY"},
        {"one unknown does not matter", "TB-3", "Q1=Y Q2=U Q3=N", NULL, "ELIGIBLE"},
        {"nothing known", "TB-3", "Q1=N Q2=U Q3=N", NULL, "APPLICANT"},
        {"each by another", "TB-3", "Q1=Y Q2=N Q3=N", "Q1=N Q2=Y Q3=N", "APPLICANT"},
        {"agreed on one", "TB-3", "Q1=Y Q2=N Q3=N", "Q1=Y Q2=Y Q3=N", "ELIGIBLE"},
        {"open source", "TB-5", "Q1=Y Q2=N Q3=Y Q4=Y", NULL, "ELIGIBLE"},
        {"release decided", "TB-5", "Q1=N Q2=Y Q3=Y Q4=Y", NULL, "ELIGIBLE"},
        {"expected but not decided", "TB-5", "Q1=N Q2=N Q3=Y Q4=Y", NULL, "MINISTRY"},
        {"not confidential at all", "TB-5", "Q1=Y Q2=N Q3=N Q4=Y", NULL, "NOT_NEEDED"},
        {"not confidential, not open", "TB-5", "Q1=N Q2=N Q3=N Q4=Y", NULL, "MINISTRY"},
        {"reason not given", "TB-5", "Q1=Y Q2=N Q3=Y Q4=N", NULL, "APPLICANT"},
    };
    CHECK(rows);
}

static void both_kinds_may_be_required_of_tb3(void **state)
{
    (void)state;
    const struct elig_rules saved = fx.rules;
    fx.rules.tb3_both_required = true;
    const struct shorthand rows[] = {
        {"cards only", "TB-3", "Q1=Y Q2=N Q3=N", NULL, "MINISTRY"},
        {"both", "TB-3", "Q1=Y Q2=Y Q3=N", NULL, "ELIGIBLE"},
        {"another group stays a group", "TB-5", "Q1=Y Q2=N Q3=Y Q4=Y", NULL, "ELIGIBLE"},
    };
    CHECK(rows);
    fx.rules = saved;
}

static void two_answers_to_one_question_are_none(void **state)
{
    (void)state;
    const struct shorthand rows[] = {
        {"yes and no", "TB-8", "Q1=Y Q2=Y Q2=N Q3=N", NULL, "APPLICANT"},
        {"yes twice", "TB-8", "Q1=Y Q2=Y Q2=Y Q3=N", NULL, "ELIGIBLE"},
    };
    CHECK(rows);
}

static void a_failed_match_is_to_be_considered_and_never_refused(void **state)
{
    (void)state;
    const struct case_spec spec = {
        .name = "secrecy",
        .code = "TB-2",
        .answers = "Q1=Y Q2=Y Q3=Y Q4=N",
        .sheets = {{.ministry = "mof", .levels = "LLL"}, {.ministry = "mic", .levels = "LLL"}}};
    struct elig_verdict v = fixture_run(&fx, &spec, NULL);
    assert_string_equal(fixture_word(&v), "CONFIRMATION");
    assert_string_equal(v.matched_code, "");
    assert_int_equal(fixture_finding(&v, "R20", "TB2.Q3")->outcome, ELIG_OUTCOME_NOT_MET);
}

static void a_match_is_not_a_verdict_when_the_impact_is_not_low(void **state)
{
    (void)state;
    const struct case_spec spec = {
        .name = "availability", .code = "TB-6", .sheets = {{.ministry = "cao", .levels = "LLM"}}};
    struct elig_verdict v = fixture_run(&fx, &spec, NULL);
    assert_string_equal(fixture_word(&v), "NOT_ELIGIBLE");
    assert_string_equal(v.matched_code, "TB-6");
}

static void another_code_of_the_ministry_is_a_difference(void **state)
{
    (void)state;
    const struct case_spec listed = {
        .name = "x",
        .code = "TB-1",
        .sheets = {{.ministry = "mof", .levels = "LLL", .code = "TB-7"}}};
    const struct case_spec none = {
        .name = "x", .code = "TB-1", .sheets = {{.ministry = "mof", .levels = "LLL", .code = ""}}};
    struct elig_verdict v = fixture_run(&fx, &listed, NULL);
    assert_string_equal(fixture_word(&v), "APPLICANT");
    assert_string_equal(v.waits_for, "csp-a");
    assert_non_null(fixture_finding(&v, "R20", "provider=TB-1 ministry mof=TB-7"));
    v = fixture_run(&fx, &none, NULL);
    assert_string_equal(fixture_word(&v), "APPLICANT");
}

static void no_claim_and_an_unknown_code_are_unlisted(void **state)
{
    (void)state;
    const struct case_spec none = {
        .name = "x", .code = "", .sheets = {{.ministry = "mof", .levels = "LLL", .code = "TB-1"}}};
    const struct case_spec unknown = {
        .name = "x", .code = "TB-99", .sheets = {{.ministry = "mof", .levels = "LLL"}}};
    struct elig_verdict v = fixture_run(&fx, &none, NULL);
    assert_string_equal(fixture_word(&v), "MINISTRY");
    assert_non_null(fixture_finding(&v, "R20", "ministry mof sees TB-1"));
    v = fixture_run(&fx, &unknown, NULL);
    assert_string_equal(fixture_word(&v), "MINISTRY");
    assert_non_null(fixture_finding(&v, "R20", "code=TB-99 not on list v1"));
}

static void the_question_and_both_answers_stand_in_the_finding(void **state)
{
    (void)state;
    struct elig_verdict v = vary("TB7.Q2", 3);
    const struct elig_finding *x = fixture_finding(&v, "R20", "TB7.Q2");
    assert_non_null(x);
    assert_string_equal(x->fact, "TB7.Q2 match=YES provider=YES ministry mof=NO");
    assert_int_equal(x->outcome, ELIG_OUTCOME_OPEN);
    assert_non_null(strstr(x->citation, "教育を行う業務"));
    assert_non_null(strstr(x->evidence_en, "TB7.Q2"));
}

static void what_the_examples_say_changes_nothing(void **state)
{
    (void)state;
    struct elig_target entries[8];
    const struct elig_list saved = fx.list;
    const struct case_spec spec = {
        .name = "x", .code = "TB-1", .sheets = {{.ministry = "mof", .levels = "LLL"}}};
    struct elig_verdict v = fixture_run(&fx, &spec, NULL);
    const char *with = fixture_text(&fx, &v);
    memcpy(entries, saved.entries, sizeof entries);
    for (size_t i = 0; i < 8; i++)
        entries[i].n_examples = 0;
    fx.list.entries = entries;
    v = fixture_run(&fx, &spec, NULL);
    assert_string_equal(fixture_text(&fx, &v), with);
    fx.list = saved;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_to_every_question_has_its_effect),
        cmocka_unit_test(the_table_has_every_question_of_the_list),
        cmocka_unit_test(all_matching_answers_and_low_make_each_business_eligible),
        cmocka_unit_test(a_group_needs_one_answer_on_which_both_sides_agree),
        cmocka_unit_test(both_kinds_may_be_required_of_tb3),
        cmocka_unit_test(two_answers_to_one_question_are_none),
        cmocka_unit_test(a_failed_match_is_to_be_considered_and_never_refused),
        cmocka_unit_test(a_match_is_not_a_verdict_when_the_impact_is_not_low),
        cmocka_unit_test(another_code_of_the_ministry_is_a_difference),
        cmocka_unit_test(no_claim_and_an_unknown_code_are_unlisted),
        cmocka_unit_test(the_question_and_both_answers_stand_in_the_finding),
        cmocka_unit_test(what_the_examples_say_changes_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
