/* The shipped YAML files load, and every kind of fault in one is told with its line and place. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/eligibility/rulecheck.h"
#include "tools/rulebook/rulebook.h"
#include "wire/validate.h"

#define PB(name) Ismap__Liu__V1__##name
#define REGIME_A LIU_SOURCE_DIR "/rules/regime-a.yaml"
#define REGIME_B LIU_SOURCE_DIR "/rules/regime-b.yaml"
#define TARGETS LIU_SOURCE_DIR "/rules/targets.yaml"

static struct arena arena;
static char dir[] = "/tmp/liu-rulebook-XXXXXX";
static char file[64];

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 64 * 1024 * 1024);
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(file, sizeof file, "%s/x.yaml", dir);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    (void)unlink(file);
    return rmdir(dir);
}

static char *slurp(const char *path)
{
    char *text = arena_alloc(&arena, RULEBOOK_FILE_BYTES_MAX);
    FILE *f = fopen(path, "rb");
    assert_non_null(text);
    assert_non_null(f);
    assert_true(fread(text, 1, RULEBOOK_FILE_BYTES_MAX - 1, f) > 0);
    (void)fclose(f);
    return text;
}

static void write_file(const char *text)
{
    FILE *f = fopen(file, "wb");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

/* The text with its first `from` replaced, and the line that stood on. */
static int replace(const char *text, const char *from, const char *to)
{
    const char *at = strstr(text, from);
    if (at == NULL)
        fail_msg("not in the file: %s", from);
    int line = 1;
    for (const char *p = text; p < at; p++)
        line += *p == '\n';
    const char *changed =
        arena_printf(&arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    assert_non_null(changed);
    write_file(changed);
    return line;
}

static void shipped_rulebooks_load_and_pass_the_general_checks(void **state)
{
    static const char *const paths[] = {REGIME_A, REGIME_B};
    static const char *const regimes[] = {"A", "B"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct err_text why = {""};
        struct faults faults = {0};
        PB(Rulebook) *r = NULL;
        if (rulebook_load(paths[i], &arena, &r, &why) != ERR_OK)
            fail_msg("%s", why.text);
        assert_string_equal(r->regime, regimes[i]);
        assert_string_equal(r->effective_until, "");
        wire_validate(&arena, &r->base, &faults);
        if (faults.n > 0)
            fail_msg("%s: %s", faults.items[0].field, faults.items[0].en);
    }
}

static void shipped_target_list_passes_the_general_checks(void **state)
{
    struct err_text why = {""};
    struct faults faults = {0};
    PB(TargetList) *t = NULL;
    (void)state;
    if (targets_load(TARGETS, &arena, &t, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(t->version, 1);
    assert_int_equal(t->n_entries, 8);
    wire_validate(&arena, &t->base, &faults);
    if (faults.n > 0)
        fail_msg("%s: %s", faults.items[0].field, faults.items[0].en);
}

static void important_controls_exist_in_the_catalogue(void **state)
{
    PB(Rulebook) *r = NULL;
    struct err_text why;
    const char *csv = slurp(LIU_SOURCE_DIR "/catalog/ismap-control-criteria-2022-04-01.csv");
    size_t basic = 0;
    size_t annual = 0;
    (void)state;
    assert_int_equal(rulebook_load(REGIME_A, &arena, &r, &why), ERR_OK);
    for (size_t i = 0; i < r->audit->n_important; i++) {
        const char *id = r->audit->important[i]->id;
        const char *row = arena_printf(&arena, "\n%s,controls,", id);
        assert_non_null(row);
        if (strstr(csv, row) == NULL)
            fail_msg("%s is not a control of the catalogue", id);
        basic += id[strlen(id) - 1] == 'B';
        annual += r->audit->important[i]->annual != 0;
    }
    assert_in_range(r->audit->n_important, 40, 60);
    assert_int_equal(basic, 31);
    assert_in_range(annual, 1, r->audit->n_important - 1);
}

static void canonical_bytes_have_one_hash(void **state)
{
    PB(Rulebook) *first = NULL;
    PB(Rulebook) *again = NULL;
    PB(Rulebook) *other = NULL;
    const uint8_t *data;
    size_t bytes;
    char x[RULEBOOK_HASH_BYTES];
    char y[RULEBOOK_HASH_BYTES];
    (void)state;
    assert_int_equal(rulebook_load(REGIME_A, &arena, &first, NULL), ERR_OK);
    assert_int_equal(rulebook_load(REGIME_A, &arena, &again, NULL), ERR_OK);
    assert_int_equal(rulebook_load(REGIME_B, &arena, &other, NULL), ERR_OK);
    assert_int_equal(rulebook_canonical(&arena, first, &data, &bytes, x), ERR_OK);
    assert_int_equal(rulebook_canonical(&arena, again, &data, &bytes, y), ERR_OK);
    assert_string_equal(x, y);
    assert_int_equal(strlen(x), 64);
    assert_int_equal(rulebook_canonical(&arena, other, &data, &bytes, y), ERR_OK);
    assert_string_not_equal(x, y);
}

struct fault_row {
    const char *from;
    const char *to;
    const char *path;   /* what the message must name */
    const char *reason; /* ... and say */
};

static void expect_fault(const char *text, const struct fault_row *row, bool targets)
{
    struct err_text why = {""};
    PB(Rulebook) *r = NULL;
    PB(TargetList) *t = NULL;
    int line = replace(text, row->from, row->to);
    enum err e =
        targets ? targets_load(file, &arena, &t, &why) : rulebook_load(file, &arena, &r, &why);
    const char *where = arena_printf(&arena, "%s:%d: ", file, line);
    assert_non_null(where);
    if (e != ERR_INVAL || strstr(why.text, where) == NULL || strstr(why.text, row->path) == NULL ||
        strstr(why.text, row->reason) == NULL)
        fail_msg("%s -> %s: %s \"%s\" (line %d)", row->from, row->to, err_name(e), why.text, line);
    assert_null(r);
    assert_null(t);
}

static const struct fault_row RULEBOOK_FAULTS[] = {
    {"  rotation_years: 3", "  rotation_yearz: 3", "audit", "rotation_yearz"},
    {"  rotation_years: 3", "  rotation_years: three", "audit.rotation_years", "three"},
    /* libcyaml 1.4 tells a negative number as its complement */
    {"  rotation_years: 3", "  rotation_years: -3", "audit.rotation_years", "Invalid UINT value"},
    {"  rotation_years: 3", "  rotation_years: 11", "audit.rotation_years", "1 to 10"},
    {"  bureaux_count_once: true", "  bureaux_count_once: [1]", "eligibility.bureaux_count_once",
     ""},
    {"service_models: [SAAS]", "service_models: [FAAS]", "service_models", "FAAS"},
    {"service_models: [SAAS]", "service_models: []", "service_models", ""},
    {"listed_not_low_policy: NOT_ELIGIBLE", "listed_not_low_policy: REFUSE",
     "eligibility.listed_not_low_policy", "REFER_TO_OPERATOR"},
    {"  confidentiality_class: 2", "  confidentiality_class: 4",
     "eligibility.confidentiality_class", "1, 2 or 3"},
    {"regime: A", "regime: C", "regime", "A or B"},
    {"effective_from: 2022-11-01", "effective_from: 2022-11-31", "effective_from", "date"},
    {"id: 6.1.1.13.PB", "id: 6.1.1.13.X", "audit.important[0].id", "identifier"},
    {"id: 6.1.3.3.PB", "id: 6.1.1.13.PB", "audit.important[1].id", "twice"},
    {"id: 6.1.3.3.PB", "id: 4.4.1.1", "audit.important[1].id", "every year"},
    {"severity: CRITICAL, min_c", "severity: WORST, min_c", "severity", "WORST"},
    {"ungraded_policy: PERSON_URGENT", "ungraded_policy: IGNORE", "incident.ungraded_policy",
     "PERSON_URGENT"},
    {"  brake_suspensions: 20", "  brake_suspensions: 0", "incident.brake_suspensions", "1 to"},
    {"number_prefix: LIU", "number_prefix: liu", "listing.number_prefix", "[A-Z0-9-]"},
};

static void a_fault_of_a_rulebook_is_told_with_line_and_path(void **state)
{
    const char *text = slurp(REGIME_A);
    (void)state;
    for (size_t i = 0; i < sizeof RULEBOOK_FAULTS / sizeof RULEBOOK_FAULTS[0]; i++)
        expect_fault(text, &RULEBOOK_FAULTS[i], false);
}

static const struct fault_row TARGET_FAULTS[] = {
    {"match: YES", "match: MAYBE", "match", "MAYBE"},
    {"basis: S", "basis: X", "basis", "X"},
    {"effect: DECIDES", "effect: REVIEW", "entries[0].checklist[0].effect", "stated question"},
    {"id: TB1.Q2", "id: TB1.Q1", "entries[0].checklist[1].id", "twice"},
    {"code: TB-2", "code: TB-1", "entries[1].code", "twice"},
    {"any_of: TB3.KIND", "any_of: TB3.OTHER", "entries[2].checklist[0].any_of", "second question"},
    {"adopted_on: 2022-11-01", "adopted_on: today", "adopted_on", "date"},
    {"version: 1", "version: 0", "version", "1 or more"},
};

static void a_fault_of_the_target_list_is_told_with_line_and_path(void **state)
{
    const char *text = strstr(slurp(TARGETS), "version: 1\n");
    (void)state;
    for (size_t i = 0; i < sizeof TARGET_FAULTS / sizeof TARGET_FAULTS[0]; i++)
        expect_fault(text, &TARGET_FAULTS[i], true);
}

static void a_name_that_is_there_twice_is_refused(void **state)
{
    struct err_text why = {""};
    PB(Rulebook) *r = NULL;
    (void)state;
    int line =
        replace(slurp(REGIME_A), "  prelim_hours: 24", "  prelim_hours: 24\n  prelim_hours: 2");
    const char *where = arena_printf(&arena, ":%d: ", line + 1);
    assert_non_null(where);
    assert_int_equal(rulebook_load(file, &arena, &r, &why), ERR_INVAL);
    assert_non_null(strstr(why.text, where));
    assert_non_null(strstr(why.text, "prelim_hours: is there twice"));
}

static void a_missing_field_is_named(void **state)
{
    struct err_text why = {""};
    PB(TargetList) *t = NULL;
    (void)state;
    (void)replace(slurp(TARGETS), "    impact_example_en:", "    # impact_example_en:");
    assert_int_equal(targets_load(file, &arena, &t, &why), ERR_INVAL);
    assert_non_null(strstr(why.text, "impact_example_en"));
}

static void what_is_not_yaml_at_all_is_refused(void **state)
{
    static const char *const texts[] = {"", "{", "- a\n- b\n", "\x01", "name: [\n", "a: &x [*x]\n"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct err_text why = {""};
        PB(Rulebook) *r = NULL;
        write_file(texts[i]);
        assert_int_equal(rulebook_load(file, &arena, &r, &why), ERR_INVAL);
        assert_non_null(strstr(why.text, file));
    }
}

static void a_missing_file_and_a_folder_are_io_errors(void **state)
{
    struct err_text why = {""};
    PB(Rulebook) *r = NULL;
    (void)state;
    assert_int_equal(rulebook_load("/nonexistent/x.yaml", &arena, &r, &why), ERR_IO);
    assert_non_null(strstr(why.text, "/nonexistent/x.yaml"));
    assert_int_equal(rulebook_load(dir, &arena, &r, &why), ERR_IO);
}

static void control_ids_follow_their_grammar(void **state)
{
    static const char *const good[] = {"9.2.3.11.PB", "5.1.1", "18.1.5.7.PB", "9.5.1.P",
                                       "15.1.1.14.B"};
    static const char *const bad[] = {"",       "9",        "9.2",     "19.1.1",      "2.1.1",
                                      "9.0.1",  "9.2.3.",   "9.2.3.Q", "9.2.3.11.12", "09.1.1",
                                      "9.2.3 ", "9.2.3.BP", "9..2.3",  "+9.2.3"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(rulecheck_is_control_id(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(rulecheck_is_control_id(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_rulebooks_load_and_pass_the_general_checks),
        cmocka_unit_test(shipped_target_list_passes_the_general_checks),
        cmocka_unit_test(important_controls_exist_in_the_catalogue),
        cmocka_unit_test(canonical_bytes_have_one_hash),
        cmocka_unit_test(a_fault_of_a_rulebook_is_told_with_line_and_path),
        cmocka_unit_test(a_fault_of_the_target_list_is_told_with_line_and_path),
        cmocka_unit_test(a_name_that_is_there_twice_is_refused),
        cmocka_unit_test(a_missing_field_is_named),
        cmocka_unit_test(what_is_not_yaml_at_all_is_refused),
        cmocka_unit_test(a_missing_file_and_a_folder_are_io_errors),
        cmocka_unit_test(control_ids_follow_their_grammar),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
