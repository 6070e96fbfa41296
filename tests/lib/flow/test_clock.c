/* Time goes on from the journal's newest entry, unless that is too far ahead to be true. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/clock.h"
#include "flow/internal.h"

#define HOUR_MS 3600000LL

static void time_follows_the_journal_but_not_too_far(void **state)
{
    (void)state;
    struct flow f = {.last_now_ms = 0};
    int64_t now = clock_wall_ms();
    const struct {
        int64_t at_ms;
        int64_t becomes_ms;
        bool told;
    } rows[] = {
        {now, now, false},
        {now + 24 * HOUR_MS, now + 24 * HOUR_MS, false},
        {now + HOUR_MS, now + 24 * HOUR_MS, false}, /* never back */
        {now + LIMIT_CLOCK_FOLLOWED_MS + HOUR_MS, now + 24 * HOUR_MS, true},
        {now + LIMIT_CLOCK_FOLLOWED_MS - HOUR_MS, now + LIMIT_CLOCK_FOLLOWED_MS - HOUR_MS, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        flow_follow_clock(&f, rows[i].at_ms);
        assert_int_equal(f.last_now_ms, rows[i].becomes_ms);
        assert_int_equal(f.clock_told, rows[i].told);
    }
    /* following must not make a message of now a stale one */
    assert_true(LIMIT_CLOCK_FOLLOWED_MS < LIMIT_RECEIPT_WINDOW_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_follows_the_journal_but_not_too_far),
    };
    return cmocka_run_group_tests_name("flow_clock", tests, NULL, NULL);
}
