/* An alert right behind a registration: the views have not heard of it, yet it is suspended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "world.h"

#define REGISTERED ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_REGISTERED

static struct said said;

static void registered(struct world *wd, const char *number, const char *domain)
{
    wd->late = true;
    world_listing(wd, number, domain, "csp-99", REGISTERED);
    wd->late = false;
}

static void a_registration_of_this_moment_is_found_by_domain(void **state)
{
    struct world *wd = *state;
    registered(wd, "LIU-99", "fresh.example");
    assert_int_equal(push_one(wd, "strong", GRAVE, "fresh.example"), OK);
    assert_int_equal(verdict(wd, 0), V(SUSPENDED));
    assert_true(suspended(wd, "LIU-99"));
}

static void and_by_number(void **state)
{
    struct world *wd = *state;
    registered(wd, "LIU-99", "fresh.example");
    said_begin(&said, URGENT, 1);
    say(&said, GRAVE, "");
    said.refs[0].number = TEXT("LIU-99");
    assert_int_equal(push(wd, "strong", &said), OK);
    assert_int_equal(verdict(wd, 0), V(SUSPENDED));
    assert_true(suspended(wd, "LIU-99"));
}

static void an_applied_one_that_was_registered_this_moment_too(void **state)
{
    struct world *wd = *state;
    registered(wd, "LIU-90", "applied.example"); /* the index still knows it as applied for */
    assert_int_equal(push_one(wd, "strong", GRAVE, "applied.example"), OK);
    assert_true(suspended(wd, "LIU-90"));
}

static void one_known_alert_does_not_hide_an_unknown_one(void **state)
{
    struct world *wd = *state;
    registered(wd, "LIU-99", "fresh.example");
    said_begin(&said, BULK, 1);
    say(&said, GRAVE, "s1.example");
    say(&said, GRAVE, "fresh.example");
    assert_int_equal(push(wd, "strong", &said), OK);
    assert_true(suspended(wd, "LIU-1"));
    assert_true(suspended(wd, "LIU-99"));
}

static void what_is_only_counted_waits_for_no_view(void **state)
{
    struct world *wd = *state;
    registered(wd, "LIU-99", "fresh.example");
    said_begin(&said, BULK, 1);
    say(&said, LIMITED, "fresh.example");
    assert_int_equal(push(wd, "strong", &said), OK);
    assert_non_null(wd->w.late); /* nobody asked */
    assert_int_equal(push_one(wd, "strong", GRAVE, "s2.example"), OK);
    assert_non_null(wd->w.late);
}

static void views_that_never_catch_up_leave_it_to_a_person(void **state)
{
    struct world *wd = *state;
    registered(wd, "LIU-99", "fresh.example");
    wd->w.views_stuck = true;
    assert_int_equal(push_one(wd, "strong", GRAVE, "fresh.example"), OK);
    assert_int_equal(verdict(wd, 0), V(UNMATCHED));
    assert_int_equal(fake_events(&wd->w, "AlarmRang"), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(a_registration_of_this_moment_is_found_by_domain),
        T(and_by_number),
        T(an_applied_one_that_was_registered_this_moment_too),
        T(one_known_alert_does_not_hide_an_unknown_one),
        T(what_is_only_counted_waits_for_no_view),
        T(views_that_never_catch_up_leave_it_to_a_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
