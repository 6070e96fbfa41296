/* R41 and R43 on dates, with the ends of months and leap years. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/date.h"
#include "domain/validity.h"

static int32_t day(const char *s)
{
    int32_t d = 0;
    assert_int_equal(date_parse(s, &d), ERR_OK);
    return d;
}

static void valid_until_is_counted_from_the_day_after_the_period(void **state)
{
    (void)state;
    static const struct {
        const char *end;
        uint32_t months;
        bool inclusive;
        const char *until;
    } rows[] = {
        {"2024-03-31", 16, true, "2025-07-31"}, /* the example of R43 */
        {"2024-03-31", 16, false, "2025-08-01"},
        {"2023-12-31", 16, true, "2025-04-30"},
        {"2023-02-28", 12, true, "2024-02-29"}, /* from 1 March to the end of a leap February */
        {"2024-02-29", 12, true, "2025-02-28"},
        {"2024-10-30", 16, true,
         "2026-02-28"}, /* from the 31st: February has none, so its last day */
        {"2024-06-14", 16, true, "2025-10-14"},
        {"2024-03-31", 1, true, "2024-04-30"},
        {"2024-03-31", 120, true, "2034-03-31"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int32_t until = 0;
        assert_int_equal(
            validity_valid_until(day(rows[i].end), rows[i].months, rows[i].inclusive, &until),
            ERR_OK);
        char text[DATE_TEXT_BYTES];
        date_format(until, text);
        assert_string_equal(text, rows[i].until);
    }
}

static void validity_of_no_or_absurdly_many_months_is_refused(void **state)
{
    (void)state;
    int32_t until = 7;
    assert_int_equal(validity_valid_until(19000, 0, true, &until), ERR_INVAL);
    assert_int_equal(validity_valid_until(19000, VALIDITY_MONTHS_MAX + 1, true, &until), ERR_INVAL);
    assert_int_equal(until, 7);
}

static void audit_period_is_three_to_twelve_months(void **state)
{
    (void)state;
    static const struct {
        const char *start;
        const char *end;
        enum period_fault fault;
    } rows[] = {
        {"2023-04-01", "2024-03-31", PERIOD_OK},        /* 12 months */
        {"2023-04-01", "2024-04-01", PERIOD_TOO_LONG},  /* 12 months and a day */
        {"2024-01-01", "2024-03-31", PERIOD_OK},        /* 3 months */
        {"2024-01-01", "2024-03-30", PERIOD_TOO_SHORT}, /* 2 months 30 days */
        {"2023-03-01", "2024-02-29", PERIOD_OK},        /* 12 months over a leap day */
        {"2023-08-31", "2023-11-30", PERIOD_OK},        /* from a 31st into a month of 30 */
        {"2023-08-31", "2023-11-29", PERIOD_TOO_SHORT},
        {"2023-04-15", "2024-04-14", PERIOD_OK},
        {"2023-04-15", "2024-04-15", PERIOD_TOO_LONG},
        {"2024-04-01", "2024-03-31", PERIOD_REVERSED},
        {"2024-04-01", "2024-04-01", PERIOD_TOO_SHORT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum period_fault f = validity_audit_period(day(rows[i].start), day(rows[i].end), NULL);
        if (f != rows[i].fault)
            fail_msg("%s to %s: %d", rows[i].start, rows[i].end, (int)f);
    }
}

static void a_renewal_leaves_no_gap(void **state)
{
    (void)state;
    int32_t previous = day("2024-03-31");
    assert_int_equal(validity_audit_period(day("2024-04-01"), day("2025-03-31"), &previous),
                     PERIOD_OK);
    assert_int_equal(validity_audit_period(day("2024-04-02"), day("2025-03-31"), &previous),
                     PERIOD_GAP);
    assert_int_equal(validity_audit_period(day("2024-03-31"), day("2025-03-30"), &previous),
                     PERIOD_GAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_until_is_counted_from_the_day_after_the_period),
        cmocka_unit_test(validity_of_no_or_absurdly_many_months_is_refused),
        cmocka_unit_test(audit_period_is_three_to_twelve_months),
        cmocka_unit_test(a_renewal_leaves_no_gap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
