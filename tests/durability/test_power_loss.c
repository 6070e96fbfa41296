/* The power fails between a write and its sync: what was not synced is gone. Nothing that was
 * acknowledged may be among it.
 */
#include <stdio.h>

#include "durability/power.h"

enum { FAILURES = 6 };

static void a_power_failure_loses_only_what_was_not_acknowledged(void **state)
{
    struct power *p = *state;
    for (size_t i = 1; i <= FAILURES; i++) {
        power_run(p, i * POWER_COMMITS / (FAILURES + 2));
        power_tell(p, "lose", true);
        power_run_until_dead(p);
        power_tell(p, "lose", false);
        assert_true(p->done < POWER_COMMITS);
        assert_true(power_restart_ready(p));
        assert_int_equal(power_missing(p), 0);
    }
    power_run(p, POWER_COMMITS);
    assert_int_equal(power_missing(p), 0);
    struct power_order o = power_order(p);
    assert_int_equal(o.lost, FAILURES); /* each time there was something to lose */
    assert_int_equal(o.early, 0);
    print_message("%zu power failures, %zu acknowledgements, none lost\n", o.lost, p->done);
}

/* A disk that answers before it has written: nothing above it can help, but who knew a later entry
 * refuses such a store, and the judge of this test must see what is missing. */
static void the_judge_sees_what_a_lying_disk_loses(void **state)
{
    struct power *p = *state;
    power_run(p, POWER_COMMITS / 4);
    power_tell(p, "lie", true);
    power_run(p, POWER_COMMITS / 2);
    power_tell(p, "lose", true);
    power_run_until_dead(p);
    power_tell(p, "lose", false);
    power_tell(p, "lie", false);
    assert_true(power_restart(p));
    client_until_refused(&p->client, "an older file");
    assert_true(power_missing(p) > 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, power_start, power_stop)
    const struct CMUnitTest tests[] = {
        T(a_power_failure_loses_only_what_was_not_acknowledged),
        T(the_judge_sees_what_a_lying_disk_loses),
    };
    return cmocka_run_group_tests_name("durability_power_loss", tests, NULL, NULL);
}
