/* The self-probe: that it passes on closed doors, and that it fails when something is wrong. */
#include "fixture.h"

#include <string.h>

#include <zmq.h>

#include "base/text.h"
#include "bus/bus_private.h"

static struct fixture f;

struct result {
    int calls;
    bool ok;
    char why[64];
};

static void on_result(void *arg, bool ok, const char *why)
{
    struct result *r = arg;
    r->calls++;
    r->ok = ok;
    (void)text_copy(r->why, sizeof(r->why), why);
}

static int start(void **state)
{
    (void)state;
    fixture_start(&f, BUS_SERVER);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&f);
    return 0;
}

static void expect(const char *why)
{
    struct result r = {.calls = 0};
    assert_int_equal(bus_probe(f.bus, on_result, &r), ERR_OK);
    assert_int_equal(bus_probe(f.bus, on_result, &r), ERR_AGAIN); /* one at a time */
    assert_true(fixture_until(&f, &r.calls, 1));
    assert_string_equal(r.why, why);
    assert_int_equal(r.ok, strcmp(why, "ok") == 0);
    fixture_turns(&f, 50);
    assert_int_equal(r.calls, 1);
}

static void closed_doors_pass_again_and_again(void **state)
{
    (void)state;
    (void)fixture_door(&f, "urgent", BUS_SERVER_URGENT);
    for (int i = 0; i < 3; i++)
        expect("ok");
    assert_int_equal(f.messages + f.garbage, 0);
    assert_int_equal(f.lookups, 6); /* of the two strangers a round; the probe's key is not asked */
}

static void a_handler_that_admits_everybody_fails_it(void **state)
{
    (void)state;
    f.open_to_all = true;
    expect("fresh-key-accepted");
    f.open_to_all = false;
    expect("ok");
}

static void a_handler_that_is_gone_fails_it(void **state)
{
    (void)state;
    zap_close(f.bus);
    struct result r = {.calls = 0};
    assert_int_equal(bus_probe(f.bus, on_result, &r), ERR_OK);
    assert_true(fixture_until(&f, &r.calls, 1));
    assert_false(r.ok);
}

static void a_handler_that_hangs_fails_it_in_time(void **state)
{
    (void)state;
    loop_set_events(f.bus->zap_source, 0);
    expect("timeout");
    loop_set_events(f.bus->zap_source, LOOP_READ);
    expect("ok");
}

static void the_probes_key_reaches_no_handler(void **state)
{
    (void)state;
    struct bus_client *c = fixture_client(&f, &f.bus->probe_keys);
    assert_true(fixture_send(&f, c, "x", 1, 5000));
    fixture_turns(&f, 200);
    assert_int_equal(f.messages + f.garbage, 0);
    bus_client_destroy(c);
    fixture_assert_served(&f);
}

static void closing_while_probing_is_safe(void **state)
{
    (void)state;
    struct result r = {.calls = 0};
    assert_int_equal(bus_probe(f.bus, on_result, &r), ERR_OK);
    bus_close(f.door);
    assert_int_equal(bus_probe(f.bus, on_result, &r), ERR_NOT_FOUND);
    f.door = fixture_door(&f, "main", BUS_SERVER);
    assert_int_equal(bus_probe(f.bus, on_result, &r), ERR_OK);
    fixture_stop(&f); /* with a probe running */
    assert_int_equal(r.calls, 0);
    fixture_start(&f, BUS_SERVER);
}

int main(void)
{
#define WITH_DOOR(t) cmocka_unit_test_setup_teardown(t, start, stop)
    const struct CMUnitTest tests[] = {
        WITH_DOOR(closed_doors_pass_again_and_again),
        WITH_DOOR(a_handler_that_admits_everybody_fails_it),
        WITH_DOOR(a_handler_that_is_gone_fails_it),
        WITH_DOOR(a_handler_that_hangs_fails_it_in_time),
        WITH_DOOR(the_probes_key_reaches_no_handler),
        WITH_DOOR(closing_while_probing_is_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
