#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/rows.h"

static void only_rows_are_given_with_their_lines(void **state)
{
    (void)state;
    char text[] = "\xef\xbb\xbf# prices\r\nparty,low\r\n\r\na,1\n\n#x\nparty,2\r\nb\rc,";
    static const struct {
        const char *row;
        uint32_t line;
    } want[] = {{"a,1", 4}, {"party,2", 7}, {"b\rc,", 8}};
    struct rows rows;
    rows_begin(&rows, text, "party,");
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(rows_next(&rows), want[i].row);
        assert_int_equal(rows.line, want[i].line);
    }
    assert_null(rows_next(&rows));
    assert_null(rows_next(&rows));
}

static void an_empty_text_has_no_rows(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n\n", "# only", "h,\n", "\xef\xbb\xbf"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[16];
        struct rows rows;
        memcpy(text, texts[i], strlen(texts[i]) + 1);
        rows_begin(&rows, text, "h,");
        assert_null(rows_next(&rows));
    }
}

static void the_last_field_keeps_its_commas(void **state)
{
    (void)state;
    static const struct {
        const char *row;
        size_t max;
        size_t n;
        const char *last;
    } cases[] = {
        {"a", 3, 1, "a"}, {"a,b", 3, 2, "b"}, {"a,b,c,d", 3, 3, "c,d"},
        {",,", 3, 3, ""}, {"", 1, 1, ""},     {"a,b", 1, 1, "a,b"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char row[16];
        char *fields[3];
        memcpy(row, cases[i].row, strlen(cases[i].row) + 1);
        assert_int_equal(rows_cut(row, fields, cases[i].max), cases[i].n);
        assert_string_equal(fields[cases[i].n - 1], cases[i].last);
    }
}

static void other_encodings_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t bytes;
        const char *says; /* NULL = can be read */
    } cases[] = {
        {"", 0, NULL},
        {"\xe7\xae\xa1,1\n", 6, NULL},
        {"\xef\xbb\xbf"
         "a",
         4, NULL},
        {"\xff\xfe"
         "a\0",
         4, "UTF-16"},
        {"\xfe\xff\0"
         "a",
         4, "UTF-16"},
        {"a\0b", 3, "NUL"},
        {"\x8a\xc7", 2, "not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *en = rows_encoding_fault(cases[i].text, cases[i].bytes, false);
        const char *ja = rows_encoding_fault(cases[i].text, cases[i].bytes, true);
        assert_int_equal(en == NULL, cases[i].says == NULL);
        assert_int_equal(ja == NULL, cases[i].says == NULL);
        if (en != NULL)
            assert_non_null(strstr(en, cases[i].says));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_rows_are_given_with_their_lines),
        cmocka_unit_test(an_empty_text_has_no_rows),
        cmocka_unit_test(the_last_field_keeps_its_commas),
        cmocka_unit_test(other_encodings_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
