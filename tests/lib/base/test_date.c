/* Calendar arithmetic against the C library's timegm, and the months of R43. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/date.h"

#define DAY_S 86400

static int32_t day(const char *text)
{
    int32_t days = 0;
    assert_int_equal(date_parse(text, &days), ERR_OK);
    return days;
}

static void every_day_from_1900_to_2999_agrees_with_timegm(void **state)
{
    struct tm first = {.tm_year = 0, .tm_mon = 0, .tm_mday = 1};
    struct tm last = {.tm_year = 1099, .tm_mon = 11, .tm_mday = 31};
    int64_t end = (int64_t)timegm(&last) / DAY_S;
    (void)state;
    for (int64_t d = (int64_t)timegm(&first) / DAY_S; d <= end; d++) {
        char want[64];
        char got[DATE_TEXT_BYTES];
        struct tm tm;
        int32_t parsed = 0;
        time_t t = (time_t)(d * DAY_S);
        assert_non_null(gmtime_r(&t, &tm));
        assert_int_equal(strftime(want, sizeof want, "%Y-%m-%d", &tm), 10);
        date_format((int32_t)d, got);
        if (strcmp(got, want) != 0 || date_parse(want, &parsed) != ERR_OK || parsed != d)
            fail_msg("day %ld: want %s, got %s, parsed %d", (long)d, want, got, parsed);
    }
}

static void what_is_not_a_date_is_refused(void **state)
{
    static const char *const rows[] = {
        "",           "2024",       "2024-1-01",  "2024-01-1",   "2024-01-01 ",  " 2024-01-01",
        "2024/01/01", "2024-13-01", "2024-00-01", "2024-01-00",  "2024-01-32",   "2024-04-31",
        "2023-02-29", "1900-02-29", "2100-02-29", "1899-12-31",  "3000-01-01",   "20a4-01-01",
        "-024-01-01", "2024-+1-01", "2024-01-0x", "02024-01-01", "2024-01-01\n",
    };
    int32_t days;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (date_parse(rows[i], &days) != ERR_INVAL)
            fail_msg("accepted: %s", rows[i]);
}

static void leap_days_exist_where_they_should(void **state)
{
    static const char *const rows[] = {"2000-02-29", "2024-02-29", "2400-02-29", "1904-02-29"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        (void)day(rows[i]);
    assert_int_equal(day("1970-01-01"), 0);
    assert_int_equal(day("1969-12-31"), -1);
}

static void months_are_added_to_the_same_day_or_the_last(void **state)
{
    static const struct {
        const char *from;
        int32_t months;
        const char *to;
    } rows[] = {
        {"2024-01-15", 0, "2024-01-15"},  {"2024-01-15", 1, "2024-02-15"},
        {"2024-01-31", 1, "2024-02-29"},  {"2023-01-31", 1, "2023-02-28"},
        {"2024-01-31", 3, "2024-04-30"},  {"2024-02-29", 12, "2025-02-28"},
        {"2024-02-29", 48, "2028-02-29"}, {"2024-12-31", 2, "2025-02-28"},
        {"2024-12-01", 1, "2025-01-01"},  {"2024-03-31", -1, "2024-02-29"},
        {"2024-01-01", -1, "2023-12-01"}, {"2024-01-31", -12, "2023-01-31"},
        {"2024-04-01", 16, "2025-08-01"}, {"2023-10-31", 16, "2025-02-28"},
        {"2022-11-01", 36, "2025-11-01"}, {"2999-01-31", 1, "2999-02-28"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char got[DATE_TEXT_BYTES];
        date_format(date_add_months(day(rows[i].from), rows[i].months), got);
        if (strcmp(got, rows[i].to) != 0)
            fail_msg("%s %+d months: want %s, got %s", rows[i].from, rows[i].months, rows[i].to,
                     got);
    }
}

static void r43_end_2024_03_31_is_valid_to_2025_07_31(void **state)
{
    char got[DATE_TEXT_BYTES];
    (void)state;
    date_format(date_add_months(day("2024-03-31") + 1, 16) - 1, got);
    assert_string_equal(got, "2025-07-31");
}

static void adding_and_taking_months_keeps_days_up_to_28(void **state)
{
    (void)state;
    for (int32_t d = day("2019-01-01"); d < day("2025-01-01"); d++) {
        char text[DATE_TEXT_BYTES];
        date_format(d, text);
        if (strcmp(text + 8, "28") > 0)
            continue;
        for (int32_t m = -30; m <= 30; m++)
            assert_int_equal(date_add_months(date_add_months(d, m), -m), d);
    }
}

static void a_day_begins_at_fifteen_utc_in_tokyo(void **state)
{
    (void)state;
    /* 2024-03-31T15:00:00Z is midnight of 1 April in Tokyo */
    struct tm tm = {.tm_year = 124, .tm_mon = 2, .tm_mday = 31, .tm_hour = 15};
    int64_t midnight_ms = (int64_t)timegm(&tm) * 1000;
    assert_int_equal(date_start_ms(day("2024-04-01")), midnight_ms);
    assert_int_equal(date_of_ms(midnight_ms), day("2024-04-01"));
    assert_int_equal(date_of_ms(midnight_ms - 1), day("2024-03-31"));
    assert_int_equal(date_of_ms(midnight_ms + 86399999), day("2024-04-01"));
}

static void start_and_day_of_a_moment_agree_before_1970_too(void **state)
{
    (void)state;
    for (int32_t d = day("1900-01-01"); d < day("2100-01-01"); d += 37) {
        assert_int_equal(date_of_ms(date_start_ms(d)), d);
        assert_int_equal(date_of_ms(date_start_ms(d) - 1), d - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_from_1900_to_2999_agrees_with_timegm),
        cmocka_unit_test(what_is_not_a_date_is_refused),
        cmocka_unit_test(leap_days_exist_where_they_should),
        cmocka_unit_test(months_are_added_to_the_same_day_or_the_last),
        cmocka_unit_test(r43_end_2024_03_31_is_valid_to_2025_07_31),
        cmocka_unit_test(adding_and_taking_months_keeps_days_up_to_28),
        cmocka_unit_test(a_day_begins_at_fifteen_utc_in_tokyo),
        cmocka_unit_test(start_and_day_of_a_moment_agree_before_1970_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
