/* A door towards peers who keep to the protocol: who gets in, as whom, and how answers go back. */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"

static struct fixture f;
static struct curve_keys k;

static int start(void **state)
{
    (void)state;
    fixture_start(&f, BUS_SERVER);
    return curve_keys_generate(&k);
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&f);
    return 0;
}

static void a_known_key_is_served_under_its_party(void **state)
{
    (void)state;
    uint8_t *data = NULL;
    size_t bytes = 0;
    fixture_know(&f, &k, "ministry-1");
    f.echo = true;
    struct bus_client *c = fixture_client(&f, &k);
    assert_true(fixture_send(&f, c, "hello", 5, 5000));
    assert_true(fixture_recv(&f, c, &data, &bytes, 5000));
    assert_int_equal(bytes, 5);
    assert_memory_equal(data, "hello", 5);
    assert_string_equal(f.user, "ministry-1");
    assert_int_equal(f.messages, 1);
    assert_int_equal(f.garbage, 0);
    assert_int_equal(bus_client_state(c), ERR_OK);
    free(data);
    bus_client_destroy(c);
}

static void an_unknown_key_is_refused_and_told(void **state)
{
    (void)state;
    struct bus_client *c = fixture_client(&f, &k);
    assert_false(fixture_send(&f, c, "hello", 5, 500));
    assert_int_equal(bus_client_state(c), ERR_AUTH);
    assert_int_equal(f.lookups, 1); /* it does not come again and again */
    assert_int_equal(f.messages, 0);
    bus_client_destroy(c);
    fixture_assert_served(&f);
}

static void a_revoked_party_is_still_named_for_dispatch_to_refuse(void **state)
{
    (void)state;
    fixture_know(&f, &k, "leaver");
    struct bus_client *c = fixture_client(&f, &k);
    assert_true(fixture_send(&f, c, "1", 1, 5000));
    assert_true(fixture_until(&f, &f.messages, 1));
    fixture_forget(&f, "leaver");
    assert_true(fixture_send(&f, c, "2", 1, 5000));
    assert_true(fixture_until(&f, &f.messages, 2));
    assert_string_equal(f.user, "leaver");
    struct bus_client *again = fixture_client(&f, &k);
    assert_false(fixture_send(&f, again, "3", 1, 500));
    assert_int_equal(f.messages, 2);
    bus_client_destroy(again);
    bus_client_destroy(c);
}

static void two_clients_of_one_party_get_their_own_answers(void **state)
{
    (void)state;
    struct bus_client *c[2];
    fixture_know(&f, &k, "org");
    f.echo = true;
    for (int i = 0; i < 2; i++) {
        c[i] = fixture_client(&f, &k);
        assert_true(fixture_send(&f, c[i], i == 0 ? "A" : "B", 1, 5000));
    }
    for (int i = 1; i >= 0; i--) {
        uint8_t *data = NULL;
        size_t bytes = 0;
        assert_true(fixture_recv(&f, c[i], &data, &bytes, 5000));
        assert_int_equal(data[0], i == 0 ? 'A' : 'B');
        free(data);
        bus_client_destroy(c[i]);
    }
}

static void a_peer_that_left_is_not_found(void **state)
{
    (void)state;
    fixture_know(&f, &k, "org");
    struct bus_client *c = fixture_client(&f, &k);
    assert_true(fixture_send(&f, c, "x", 1, 5000));
    assert_true(fixture_until(&f, &f.messages, 1));
    struct bus_peer peer = f.peer;
    assert_int_equal(bus_send(f.door, &peer, "y", 1), ERR_OK);
    bus_client_destroy(c);
    enum err e = ERR_OK;
    int64_t end = clock_mono_ms() + 5000;
    while (e != ERR_NOT_FOUND && clock_mono_ms() < end) {
        fixture_turns(&f, 10);
        e = bus_send(f.door, &peer, "y", 1);
    }
    assert_int_equal(e, ERR_NOT_FOUND);
    struct bus_peer nobody = {.bytes = 0}, invented = {.id = {0, 1, 2, 3, 4}, .bytes = 5};
    assert_int_equal(bus_send(f.door, &nobody, "y", 1), ERR_NOT_FOUND);
    assert_int_equal(bus_send(f.door, &invented, "y", 1), ERR_NOT_FOUND);
}

static void a_peer_that_does_not_read_gets_again_and_never_blocks(void **state)
{
    (void)state;
    static uint8_t block[32 * 1024];
    fixture_know(&f, &k, "sloth");
    struct bus_client *c = fixture_client(&f, &k);
    assert_true(fixture_send(&f, c, "x", 1, 5000));
    assert_true(fixture_until(&f, &f.messages, 1));
    int64_t start_ms = clock_mono_ms();
    enum err e = ERR_OK;
    int sent = 0;
    for (; e == ERR_OK && sent < 20000; sent++)
        e = bus_send(f.door, &f.peer, block, sizeof(block));
    assert_int_equal(e, ERR_AGAIN);
    assert_in_range(clock_mono_ms() - start_ms, 0, 5000);
    fixture_assert_served(&f); /* another one does not notice */
    int64_t close_ms = clock_mono_ms();
    bus_client_destroy(c);
    assert_in_range(clock_mono_ms() - close_ms, 0, 2000);
}

static void an_answer_beyond_the_frame_limit_is_not_sent(void **state)
{
    (void)state;
    static uint8_t big[LIMIT_FRAME_BYTES + 1];
    uint8_t *data = NULL;
    size_t bytes = 0;
    fixture_know(&f, &k, "org");
    struct bus_client *c = fixture_client(&f, &k);
    assert_true(fixture_send(&f, c, "x", 1, 5000));
    assert_true(fixture_until(&f, &f.messages, 1));
    assert_int_equal(bus_send(f.door, &f.peer, big, sizeof(big)), ERR_LIMIT);
    assert_int_equal(bus_send(f.door, &f.peer, big, LIMIT_FRAME_BYTES), ERR_OK);
    assert_true(fixture_recv(&f, c, &data, &bytes, 5000));
    assert_int_equal(bytes, LIMIT_FRAME_BYTES);
    assert_int_equal(bus_client_send(c, big, sizeof(big), 0), ERR_LIMIT);
    free(data);
    bus_client_destroy(c);
}

static void a_paused_door_reads_nothing_and_loses_nothing(void **state)
{
    (void)state;
    fixture_know(&f, &k, "org");
    struct bus_client *c = fixture_client(&f, &k);
    assert_true(fixture_send(&f, c, "1", 1, 5000));
    assert_true(fixture_until(&f, &f.messages, 1));
    bus_pause(f.door, true);
    for (int i = 0; i < 10; i++)
        assert_true(fixture_send(&f, c, "2", 1, 5000));
    fixture_turns(&f, 100);
    assert_int_equal(f.messages, 1);
    bus_pause(f.door, false);
    assert_true(fixture_until(&f, &f.messages, 11));
    bus_client_destroy(c);
}

static void a_turn_reads_no_more_than_its_share(void **state)
{
    (void)state;
    fixture_know(&f, &k, "org");
    struct bus_client *c = fixture_client(&f, &k);
    assert_true(fixture_send(&f, c, "1", 1, 5000));
    assert_true(fixture_until(&f, &f.messages, 1));
    bus_pause(f.door, true);
    for (int i = 0; i < 150; i++)
        assert_true(fixture_send(&f, c, "2", 1, 5000));
    fixture_turns(&f, 300);
    bus_pause(f.door, false);
    for (int before = f.messages; before < 151; before = f.messages) {
        assert_int_equal(loop_turn(f.loop, 2000), ERR_OK);
        assert_in_range(f.messages - before, 0, LIMIT_MESSAGES_PER_TURN);
    }
    bus_client_destroy(c);
}

static void doors_that_cannot_be_opened_say_why(void **state)
{
    (void)state;
    struct err_text why;
    struct bus_door *d = NULL;
    bus_message_fn *some = (bus_message_fn *)(uintptr_t)1;
    const struct {
        const char *endpoint, *domain, *name;
        enum err e;
    } cases[] = {
        {"tcp://127.0.0.1:99999", "test", "x", ERR_CONFIG},
        {"tcp://nonexistent-interface:*", "test", "x", ERR_CONFIG},
        {"inproc://no-authentication-there", "test", "x", ERR_CONFIG},
        {bus_endpoint(f.door), "test", "x", ERR_IO},
        {"tcp://127.0.0.1:*", "", "x", ERR_CONFIG},
        {"tcp://127.0.0.1:*", "test", "a-name-of-more-than-thirty-one-characters", ERR_LIMIT},
        {NULL, "test", "x", ERR_INVAL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bus_door_config c = {.name = cases[i].name,
                                    .endpoint = cases[i].endpoint,
                                    .zap_domain = cases[i].domain,
                                    .keys = &f.server,
                                    .message = some};
        print_message("case %zu\n", i);
        why.text[0] = '\0';
        assert_int_equal(bus_open(f.bus, &c, &d, &why), cases[i].e);
        assert_true(why.text[0] != '\0');
        assert_null(d);
    }
    fixture_assert_served(&f);
}

static void leaving_is_quick_with_answers_nobody_takes(void **state)
{
    (void)state;
    static uint8_t block[64 * 1024];
    struct fixture g;
    fixture_start(&g, BUS_SERVER);
    fixture_know(&g, &k, "org");
    struct bus_client *c = fixture_client(&g, &k);
    assert_true(fixture_send(&g, c, "x", 1, 5000));
    assert_true(fixture_until(&g, &g.messages, 1));
    for (int full = 0; full < 10;) { /* its queue, ours and TCP between them */
        if (bus_send(g.door, &g.peer, block, sizeof(block)) == ERR_OK) {
            full = 0;
        } else {
            fixture_turns(&g, 10);
            full++;
        }
    }
    int64_t start_ms = clock_mono_ms();
    fixture_stop(&g);
    int64_t took_ms = clock_mono_ms() - start_ms;
    assert_in_range(took_ms, 300, 1900); /* it tries, but not for ever */
    bus_client_destroy(c);
}

int main(void)
{
#define WITH_DOOR(t) cmocka_unit_test_setup_teardown(t, start, stop)
    const struct CMUnitTest tests[] = {
        WITH_DOOR(a_known_key_is_served_under_its_party),
        WITH_DOOR(an_unknown_key_is_refused_and_told),
        WITH_DOOR(a_revoked_party_is_still_named_for_dispatch_to_refuse),
        WITH_DOOR(two_clients_of_one_party_get_their_own_answers),
        WITH_DOOR(a_peer_that_left_is_not_found),
        WITH_DOOR(a_peer_that_does_not_read_gets_again_and_never_blocks),
        WITH_DOOR(an_answer_beyond_the_frame_limit_is_not_sent),
        WITH_DOOR(a_paused_door_reads_nothing_and_loses_nothing),
        WITH_DOOR(a_turn_reads_no_more_than_its_share),
        WITH_DOOR(doors_that_cannot_be_opened_say_why),
        WITH_DOOR(leaving_is_quick_with_answers_nobody_takes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
