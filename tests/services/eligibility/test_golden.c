/* Whole verdicts as text: a change of the core that alters one must raise ELIG_CORE_VERSION and say
 * so here. With LIU_GOLDEN_UPDATE set the files are written instead of compared. */
#include "services/eligibility/fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

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

static const struct elig_confirmation CONFIRMED = {true, "ipa", "二省庁の評価は妥当",
                                                   FIXTURE_NOW_MS + 86400000};
static const struct elig_confirmation DENIED = {false, "ipa", "集約時の影響を考慮していない",
                                                FIXTURE_NOW_MS + 86400000};

struct golden {
    struct case_spec spec; /* its name is the file's */
    const struct elig_confirmation *confirmation;
    const char *regime; /* NULL = A */
};

#define LOW(m)                                                                                     \
    {                                                                                              \
        .ministry = (m), .levels = "LLL,LLL"                                                       \
    }

static const struct golden GOLDEN[] = {
    {{.name = "listed-low", .code = "TB-1", .sheets = {LOW("mof")}}, NULL, NULL},
    {{.name = "listed-not-low",
      .code = "TB-8",
      .sheets = {{.ministry = "mof", .levels = "LLL,LMH"}}},
     NULL,
     NULL},
    {{.name = "listed-review",
      .code = "TB-4",
      .answers = "Q1=Y Q2=Y Q3=N Q4=N",
      .sheets = {LOW("mof")}},
     NULL,
     NULL},
    {{.name = "answers-differ",
      .code = "TB-1",
      .sheets = {{.ministry = "mof", .levels = "LLL", .answers = "Q1=Y Q2=N Q3=Y Q4=N"}}},
     NULL,
     NULL},
    {{.name = "answer-unknown", .code = "TB-7", .answers = "Q1=Y Q2=U Q3=Y Q4=N"}, NULL, NULL},
    {{.name = "failed-match",
      .code = "TB-2",
      .answers = "Q1=Y Q2=Y Q3=Y Q4=N",
      .sheets = {LOW("mod")},
      .asked = {"mod", "moj"}},
     NULL,
     NULL},
    {{.name = "unlisted-waiting", .code = "", .sheets = {LOW("mof"), LOW("mic")}}, NULL, NULL},
    {{.name = "unlisted-confirmed", .code = "", .sheets = {LOW("mof"), LOW("mic")}},
     &CONFIRMED,
     NULL},
    {{.name = "unlisted-denied", .code = "", .sheets = {LOW("mof"), LOW("mic")}}, &DENIED, NULL},
    {{.name = "unlisted-disagreement",
      .code = "",
      .sheets = {LOW("mof"), {.ministry = "mic", .levels = "LHL"}}},
     NULL,
     NULL},
    {{.name = "not-saas-class-three",
      .code = "TB-1",
      .sheets = {LOW("mof")},
      .model = ELIG_MODEL_IAAS,
      .provider_class = 3},
     NULL,
     NULL},
    {{.name = "class-one", .code = "TB-3", .provider_class = 1}, NULL, NULL},
    {{.name = "tb5-not-confidential",
      .code = "TB-5",
      .answers = "Q1=Y Q2=N Q3=N Q4=Y",
      .sheets = {LOW("mofa")}},
     NULL,
     NULL},
    {{.name = "regime-b", .code = "", .sheets = {LOW("mof")}, .received = "2025-04-02"}, NULL, "B"},
    {{.name = "before-the-scheme",
      .code = "TB-1",
      .sheets = {LOW("mof")},
      .received = "2022-10-31"},
     NULL,
     NULL},
};

static void compare(const char *path, const char *name, const char *text)
{
    static char stored[256 * 1024];
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        fail_msg("%s is missing", path);
    size_t n = fread(stored, 1, sizeof stored - 1, f);
    (void)fclose(f);
    stored[n] = '\0';
    if (strcmp(stored, text) != 0)
        fail_msg("%s differs from its golden file; now it is\n%s", name, text);
}

static void verdicts_are_those_of_the_golden_files(void **state)
{
    const struct elig_rules saved = fx.rules;
    (void)state;
    for (size_t i = 0; i < sizeof GOLDEN / sizeof GOLDEN[0]; i++) {
        const struct golden *g = &GOLDEN[i];
        fx.rules.regime = g->regime != NULL ? g->regime : "A";
        struct elig_verdict v = fixture_run(&fx, &g->spec, g->confirmation);
        const char *text = arena_printf(&fx.arena, "core         %s\n%s", ELIG_CORE_VERSION,
                                        fixture_text(&fx, &v));
        const char *path = arena_printf(&fx.arena, "%s/tests/services/eligibility/golden/%s.txt",
                                        LIU_SOURCE_DIR, g->spec.name);
        assert_non_null(text);
        assert_non_null(path);
        if (getenv("LIU_GOLDEN_UPDATE") == NULL) {
            compare(path, g->spec.name, text);
            continue;
        }
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
    }
    fx.rules = saved;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_are_those_of_the_golden_files),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
