/* UTF-8, hexadecimal, base32, copies and numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/text.h"

static void utf8_is_told_from_what_only_looks_like_it(void **state)
{
    static const struct {
        const char *what;
        const char *bytes;
        size_t n;
        bool ok;
    } rows[] = {
        {"empty", "", 0, true},
        {"ASCII", "abc", 3, true},
        {"Japanese", "\xe5\xbd\xb1\xe9\x9f\xbf", 6, true},
        {"first of two bytes", "\xc2\x80", 2, true},
        {"last of two bytes", "\xdf\xbf", 2, true},
        {"first of three bytes", "\xe0\xa0\x80", 3, true},
        {"last before the surrogates", "\xed\x9f\xbf", 3, true},
        {"first after the surrogates", "\xee\x80\x80", 3, true},
        {"U+FFFF", "\xef\xbf\xbf", 3, true},
        {"first of four bytes", "\xf0\x90\x80\x80", 4, true},
        {"U+10FFFF", "\xf4\x8f\xbf\xbf", 4, true},
        {"NUL", "\0", 1, false},
        {"NUL inside", "a\0b", 3, false},
        {"lone continuation", "\x80", 1, false},
        {"over-long NUL", "\xc0\x80", 2, false},
        {"over-long slash", "\xc0\xaf", 2, false},
        {"over-long C1", "\xc1\xbf", 2, false},
        {"over-long three", "\xe0\x9f\xbf", 3, false},
        {"over-long four", "\xf0\x8f\xbf\xbf", 4, false},
        {"first surrogate", "\xed\xa0\x80", 3, false},
        {"last surrogate", "\xed\xbf\xbf", 3, false},
        {"above U+10FFFF", "\xf4\x90\x80\x80", 4, false},
        {"F5", "\xf5\x80\x80\x80", 4, false},
        {"FE", "\xfe", 1, false},
        {"FF", "\xff", 1, false},
        {"cut after one of two", "\xc2", 1, false},
        {"cut after two of three", "\xe5\xbd", 2, false},
        {"cut after three of four", "\xf0\x90\x80", 3, false},
        {"continuation missing",
         "\xe5\xbd"
         "a",
         3, false},
        {"good then bad", "ok\xff", 3, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        /* a block of its own, so that reading beyond it is seen */
        char *copy = malloc(rows[i].n == 0 ? 1 : rows[i].n);
        assert_non_null(copy);
        memcpy(copy, rows[i].bytes, rows[i].n);
        bool ok = text_is_utf8(copy, rows[i].n);
        free(copy);
        if (ok != rows[i].ok)
            fail_msg("%s", rows[i].what);
    }
}

static void hex_round_trips_every_byte(void **state)
{
    uint8_t bytes[256];
    uint8_t back[256];
    char text[513];
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    text_hex(bytes, sizeof bytes, text);
    assert_int_equal(strlen(text), 512);
    assert_memory_equal(text, "000102030405060708090a0b", 24);
    assert_int_equal(text_unhex(text, back, sizeof back), ERR_OK);
    assert_memory_equal(bytes, back, sizeof bytes);
}

static void hex_takes_both_cases_and_nothing_else(void **state)
{
    static const char *const bad[] = {"", "0", "000", "0g", "g0", " 0", "0x", "00 ", "0000"};
    uint8_t byte = 0;
    (void)state;
    assert_int_equal(text_unhex("aF", &byte, 1), ERR_OK);
    assert_int_equal(byte, 0xaf);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(text_unhex(bad[i], &byte, 1), ERR_INVAL);
}

static void base32_is_crockford_s(void **state)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *text;
    } rows[] = {
        {"", 0, ""},
        {"\x00", 1, "00"},
        {"\xff", 1, "ZW"},
        {"f", 1, "CR"},
        {"fo", 2, "CSQG"},
        {"foo", 3, "CSQPY"},
        {"foob", 4, "CSQPYRG"},
        {"fooba", 5, "CSQPYRK1"},
        {"foobar", 6, "CSQPYRK1E8"},
        {"\xff\xff\xff\xff\xff", 5, "ZZZZZZZZ"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[16];
        memset(text, '#', sizeof text);
        text_base32((const uint8_t *)rows[i].bytes, rows[i].n, text);
        assert_string_equal(text, rows[i].text);
        assert_true(strlen(text) <= (rows[i].n * 8 + 4) / 5);
    }
}

static void copies_are_cut_and_say_so(void **state)
{
    char out[4];
    (void)state;
    assert_true(text_copy(out, sizeof out, "abc"));
    assert_string_equal(out, "abc");
    assert_false(text_copy(out, sizeof out, "abcd"));
    assert_string_equal(out, "abc");
    assert_true(text_copy(out, 1, ""));
    assert_string_equal(out, "");
    assert_false(text_copy(out, 1, "x"));
    assert_string_equal(out, "");
}

static void numbers_are_whole_strings_within_bounds(void **state)
{
    static const struct {
        const char *text;
        uint64_t max;
        enum err e;
        uint64_t value;
    } rows[] = {
        {"0", 0, ERR_OK, 0},
        {"1", 0, ERR_LIMIT, 0},
        {"00012", 12, ERR_OK, 12},
        {"13", 12, ERR_LIMIT, 0},
        {"18446744073709551615", UINT64_MAX, ERR_OK, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, ERR_LIMIT, 0},
        {"99999999999999999999999", UINT64_MAX, ERR_LIMIT, 0},
        {"", 9, ERR_INVAL, 0},
        {"-1", 9, ERR_INVAL, 0},
        {"+1", 9, ERR_INVAL, 0},
        {" 1", 9, ERR_INVAL, 0},
        {"1 ", 9, ERR_INVAL, 0},
        {"0x1", 9, ERR_INVAL, 0},
        {"1e1", 99, ERR_INVAL, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t value = 0;
        assert_int_equal(text_u64(rows[i].text, rows[i].max, &value), rows[i].e);
        assert_true(value == rows[i].value);
    }
}

static void every_error_has_its_own_name(void **state)
{
    (void)state;
    for (int i = 0; i >= ERR_INTERNAL; i--) {
        assert_string_not_equal(err_name((enum err)i), "UNKNOWN");
        for (int j = 0; j > i; j--)
            assert_string_not_equal(err_name((enum err)i), err_name((enum err)j));
    }
    assert_string_equal(err_name(ERR_CONFLICT), "CONFLICT");
    assert_string_equal(err_name(ERR_INTERNAL), "INTERNAL");
    assert_string_equal(err_name((enum err)(ERR_INTERNAL - 1)), "UNKNOWN");
    assert_string_equal(err_name((enum err)1), "UNKNOWN");
}

static void words_of_an_error_are_cut_and_may_be_unwanted(void **state)
{
    struct err_text why;
    char big[2000];
    (void)state;
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_int_equal(err_say(&why, ERR_IO, "%s", big), ERR_IO);
    assert_int_equal(strlen(why.text), sizeof why.text - 1);
    assert_int_equal(err_say(NULL, ERR_AUTH, "%s", big), ERR_AUTH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_told_from_what_only_looks_like_it),
        cmocka_unit_test(hex_round_trips_every_byte),
        cmocka_unit_test(hex_takes_both_cases_and_nothing_else),
        cmocka_unit_test(base32_is_crockford_s),
        cmocka_unit_test(copies_are_cut_and_say_so),
        cmocka_unit_test(numbers_are_whole_strings_within_bounds),
        cmocka_unit_test(every_error_has_its_own_name),
        cmocka_unit_test(words_of_an_error_are_cut_and_may_be_unwanted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
