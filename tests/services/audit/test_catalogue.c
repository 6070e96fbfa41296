/* The grammar of ids, the faults of a file, and the catalogue that is shipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/audit/catalogue_load.h"

#define BUDGET (4u * 1024 * 1024)
#define HEADER "id,tier,level,domain,suffix,basic_statement_B,provider_specific_P\n"
#define SHIPPED LIU_SOURCE_DIR "/catalog/ismap-control-criteria-2022-04-01.csv"

static void ids_follow_the_grammar(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        bool good;
    } rows[] = {
        {"3.1.1", true},
        {"4.9.2", true},
        {"18.2.3", true},
        {"9.2.1.6.PB", true},
        {"6.3.1.P", true},
        {"9.4.2.2.B", true},
        {"5.1.1.1", true},
        {"10.1.2.20.PB", true},
        {"", false},
        {"2.1.1", false},
        {"19.1.1", false},
        {"1.1.1", false},
        {"9.2", false},
        {"9.2.1.6.7", false},
        {"9.02.1", false},
        {"9.2.0", false},
        {"9.2.1.", false},
        {"9.2.1.BP", false},
        {"9.2.1.PBx", false},
        {"9..1.1", false},
        {"09.2.1", false},
        {"9.2.1.6.", false},
        {"A.9.2.1", false},
        {" 9.2.1", false},
        {"9.2.1 ", false},
        {"9.2.1.p", false},
        {"9.2.99999", false},
        {"9,2,1", false},
        {"-9.2.1", false},
        {"9.2.1.6.PB.P", false},
        {"18.9999.9999.9999.PB", true},
        {"18.9999.9999.9999.PB0", false},
        {"111111111111111111111111111.1.1", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct catalogue_item it;
        if (catalogue_read_id(rows[i].id, &it) != rows[i].good)
            fail_msg("%s", rows[i].id);
    }
}

static void an_id_tells_tier_level_and_flags(void **state)
{
    (void)state;
    struct catalogue_item it;
    assert_true(catalogue_read_id("12.1.5.1.PB", &it));
    assert_int_equal(it.tier, CATALOGUE_CONTROLS);
    assert_false(it.objective);
    assert_true(it.basic_statement && it.provider_specific);
    assert_int_equal(it.numbers[0], 12);
    assert_int_equal(it.numbers[3], 1);
    assert_true(catalogue_read_id("6.3.1.P", &it));
    assert_true(it.objective && it.provider_specific && !it.basic_statement);
    assert_true(catalogue_read_id("4.4.1.1", &it));
    assert_int_equal(it.tier, CATALOGUE_MANAGEMENT);
    assert_false(it.objective);
    assert_true(catalogue_read_id("3.1.1", &it));
    assert_int_equal(it.tier, CATALOGUE_GOVERNANCE);
}

struct bad_file {
    const char *name;
    const char *text;
    const char *field;
    uint32_t line;
    size_t faults;
};

static const struct bad_file bad_files[] = {
    {"empty", "", "header", 0, 1},
    {"no header", "5.1.1,controls,objective,5,,no,no\n", "header", 1, 1},
    {"header only", HEADER, "line", 1, 1},
    {"tier", HEADER "5.1.1,management,objective,5,,no,no\n", "tier", 2, 1},
    {"level", HEADER "5.1.1,controls,detailed,5,,no,no\n", "level", 2, 1},
    {"domain", HEADER "5.1.1,controls,objective,6,,no,no\n", "domain", 2, 1},
    {"suffix", HEADER "6.3.1.P,controls,objective,6,B,no,yes\n", "suffix", 2, 1},
    {"B flag", HEADER "5.1.1,controls,objective,5,,yes,no\n", "basic_statement_B", 2, 1},
    {"P flag", HEADER "6.3.1.P,controls,objective,6,P,no,no\n", "provider_specific_P", 2, 1},
    {"id", HEADER "5.1,controls,objective,5,,no,no\n", "id", 2, 1},
    {"columns", HEADER "5.1.1,controls,objective,5,,no\n", "line", 2, 1},
    {"many columns", HEADER "5.1.1,controls,objective,5,,no,no,,,,,,,\n", "line", 2, 1},
    {"blank line", HEADER "\n5.1.1,controls,objective,5,,no,no\n", "line", 2, 1},
    {"twice",
     HEADER "5.1.1,controls,objective,5,,no,no\n5.1.2,controls,objective,5,,no,no\n"
            "5.1.1,controls,objective,5,,no,no\n",
     "id", 4, 1},
    {"twice but for the suffix",
     HEADER "5.1.1,controls,objective,5,,no,no\n"
            "5.1.1.P,controls,objective,5,P,no,yes\n",
     "id", 3, 1},
    {"Shift_JIS", HEADER "5.1.1,controls,objective,5,\x8a\xc7,no,no\n", "encoding", 0, 1},
    {"UTF-16", "\xff\xfei", "encoding", 0, 1},
    {"no objective", HEADER "5.1.1.1,controls,detailed,5,,no,no\n", "id", 2, 1},
    {"all at once", HEADER "5.1.1,governance,detailed,7,B,yes,yes\nx\n5.1,,,,,,\n", "tier", 2, 8},
};

static void every_fault_is_named_with_line_and_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++) {
        const struct bad_file *b = &bad_files[i];
        struct arena a;
        arena_init(&a, BUDGET);
        struct audit_faults f = {0};
        struct catalogue c;
        if (catalogue_parse(&a, b->text, strlen(b->text), &c, &f) != ERR_INVAL)
            fail_msg("%s was accepted", b->name);
        if (f.n != b->faults || f.items[0].line != b->line ||
            strcmp(f.items[0].field, b->field) != 0)
            fail_msg("%s: %zu faults, line %u, %s", b->name, f.n, f.items[0].line,
                     f.items[0].field);
        arena_fini(&a);
    }
}

static void carriage_returns_and_a_byte_order_mark_are_read(void **state)
{
    (void)state;
    static const char text[] =
        "\xef\xbb\xbfid,tier,level,domain,suffix,basic_statement_B,provider_specific_P\r\n"
        "9.10.1,controls,objective,9,,no,no\r\n9.2.1,controls,objective,9,,no,no";
    struct arena a;
    arena_init(&a, BUDGET);
    struct audit_faults f = {0};
    struct catalogue c;
    assert_int_equal(catalogue_parse(&a, text, sizeof(text) - 1, &c, &f), ERR_OK);
    assert_int_equal(c.n, 2);
    assert_string_equal(c.items[0].id, "9.2.1"); /* by number, not by text */
    arena_fini(&a);
}

static void hostile_bytes_end_in_faults(void **state)
{
    (void)state;
    static char text[CATALOGUE_FILE_BYTES + 1];
    struct arena a;
    arena_init(&a, BUDGET);
    struct audit_faults f = {0};
    struct catalogue c;
    memset(text, 'x', sizeof(text));
    assert_int_equal(catalogue_parse(&a, text, sizeof(text), &c, &f), ERR_LIMIT);
    assert_int_equal(catalogue_parse(&a, text, CATALOGUE_FILE_BYTES, &c, &f), ERR_INVAL);
    memset(text, '\n', sizeof(text));
    f = (struct audit_faults){0};
    assert_int_equal(catalogue_parse(&a, text, CATALOGUE_FILE_BYTES, &c, &f), ERR_INVAL);
    assert_true(f.n > AUDIT_FAULTS_MAX && audit_faults_kept(&f) == AUDIT_FAULTS_MAX);
    memset(text, 0, sizeof(text));
    f = (struct audit_faults){0};
    assert_int_equal(catalogue_parse(&a, text, 100, &c, &f), ERR_INVAL);
    arena_fini(&a);
    arena_init(&a, 64);
    assert_int_equal(catalogue_parse(&a, HEADER, sizeof(HEADER) - 1, &c, &f), ERR_NOMEM);
    arena_fini(&a);
}

static void the_shipped_catalogue_has_the_published_counts(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, BUDGET);
    struct err_text why = {{0}};
    struct catalogue_counts n;
    Ismap__Liu__V1__Catalogue *m = NULL;
    if (catalogue_load(&a, SHIPPED, NULL, &m, &n, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_string_equal(m->version, "2022-04-01");
    assert_int_equal(m->n_items, 261);
    assert_int_equal(n.objectives[CATALOGUE_GOVERNANCE], 6);
    assert_int_equal(n.detailed[CATALOGUE_GOVERNANCE], 18);
    assert_int_equal(n.objectives[CATALOGUE_MANAGEMENT], 21);
    assert_int_equal(n.detailed[CATALOGUE_MANAGEMENT], 64);
    assert_int_equal(n.objectives[CATALOGUE_CONTROLS], 121);
    assert_int_equal(n.basic_statement, 31);
    assert_int_equal(n.provider_specific, 7);
    for (size_t i = 0; i < m->n_items; i++)
        assert_int_equal(m->items[i]->not_assessed, strcmp(m->items[i]->id, "3.1.1") == 0);
    arena_fini(&a);
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void a_bad_file_is_reported_by_file_line_and_field(void **state)
{
    (void)state;
    char dir[] = "/tmp/liu-catalogue-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/list-2022-04-01.csv", dir);
    struct arena a;
    arena_init(&a, BUDGET);
    struct buf report;
    buf_init(&report, 65536);
    struct err_text why = {{0}};
    Ismap__Liu__V1__Catalogue *m = NULL;
    write_text(path, HEADER "5.1.1,management,objective,5,,no,no\nx,,,,,,\n");
    assert_int_equal(catalogue_load(&a, path, NULL, &m, NULL, &report, &why), ERR_INVAL);
    assert_null(m);
    assert_non_null(strstr(why.text, "list-2022-04-01.csv:2: tier: "));
    assert_non_null(strstr(why.text, "(and 1 more)"));
    assert_int_equal(buf_put(&report, "", 1), ERR_OK);
    assert_non_null(strstr((const char *)report.data, ":3: id: "));
    write_text(path,
               HEADER "5.1.1,controls,objective,5,,no,no\n"); /* sound, but not that version */
    assert_int_equal(catalogue_load(&a, path, NULL, &m, NULL, NULL, &why), ERR_INVAL);
    assert_non_null(strstr(why.text, "governance objectives"));
    assert_int_equal(catalogue_load(&a, path, "trial", &m, NULL, NULL, &why), ERR_OK);
    assert_int_equal(m->n_items, 1);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(catalogue_load(&a, path, NULL, &m, NULL, NULL, &why), ERR_IO);
    assert_int_equal(catalogue_load(&a, "/x/none.csv", NULL, &m, NULL, NULL, &why), ERR_INVAL);
    assert_int_equal(rmdir(dir), 0);
    buf_fini(&report);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_follow_the_grammar),
        cmocka_unit_test(an_id_tells_tier_level_and_flags),
        cmocka_unit_test(every_fault_is_named_with_line_and_field),
        cmocka_unit_test(carriage_returns_and_a_byte_order_mark_are_read),
        cmocka_unit_test(hostile_bytes_end_in_faults),
        cmocka_unit_test(the_shipped_catalogue_has_the_published_counts),
        cmocka_unit_test(a_bad_file_is_reported_by_file_line_and_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
