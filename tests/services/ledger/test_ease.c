/* Long work rests for as long as its share says; the clock and the sleep are the test's. */
#include "services/ledger/ease.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static int64_t now_us;
static int64_t rested_us;
static atomic_bool hurry;

int64_t __wrap_clock_mono_us(void);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left);

int64_t __wrap_clock_mono_us(void)
{
    return now_us;
}

int __wrap_nanosleep(const struct timespec *t, struct timespec *left)
{
    (void)left;
    rested_us += t->tv_sec * 1000000 + t->tv_nsec / 1000;
    now_us += t->tv_sec * 1000000 + t->tv_nsec / 1000;
    return 0;
}

static int64_t rest_after(int64_t worked_us)
{
    rested_us = 0;
    now_us += worked_us;
    ease();
    return rested_us;
}

static int begin(void **state)
{
    (void)state;
    now_us = 1000000;
    atomic_store(&hurry, false);
    return 0;
}

/* The first test: no thread is told before it. */
static void a_thread_that_was_not_told_never_rests(void **state)
{
    (void)state;
    assert_int_equal(rest_after(1000000), 0);
}

static void rests_are_of_the_share(void **state)
{
    static const struct {
        unsigned percent;
        int64_t worked_us;
        int64_t rest_us;
    } rows[] = {
        {10, 199, 0},   {10, 200, 1800}, {10, 1000, 9000}, {10, 2000, 10000}, /* at most */
        {25, 200, 600}, {25, 400, 1200}, {50, 300, 300},   {99, 9900, 100},   {100, 1000000, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ease_begin(rows[i].percent, &hurry);
        assert_int_equal(rest_after(rows[i].worked_us), rows[i].rest_us);
    }
}

/* A tenth of the time goes into work, however short its pieces are. */
static void the_share_holds_over_many_pieces(void **state)
{
    (void)state;
    int64_t all_us = 0;
    ease_begin(10, &hurry);
    for (int i = 0; i < 1000; i++)
        all_us += rest_after(70);
    assert_in_range(all_us, 8 * 1000 * 70, 10 * 1000 * 70);
}

static void who_is_in_a_hurry_does_not_rest(void **state)
{
    (void)state;
    ease_begin(10, &hurry);
    assert_int_equal(rest_after(1000), 9000);
    atomic_store(&hurry, true);
    assert_int_equal(rest_after(1000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_thread_that_was_not_told_never_rests, begin),
        cmocka_unit_test_setup(rests_are_of_the_share, begin),
        cmocka_unit_test_setup(the_share_holds_over_many_pieces, begin),
        cmocka_unit_test_setup(who_is_in_a_hurry_does_not_rest, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
