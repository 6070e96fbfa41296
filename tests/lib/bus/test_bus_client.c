/* The client tells its user why there is no connection. */
#include "fixture.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <zmq.h>

#include "base/clock.h"

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

static void a_refused_key_is_told_apart(void **state)
{
    (void)state;
    struct bus_client *c = fixture_client(&f, &k);
    assert_false(fixture_send(&f, c, "x", 1, 800));
    assert_int_equal(bus_client_state(c), ERR_AUTH);
    int64_t start_ms = clock_mono_ms();
    assert_int_equal(bus_client_send(c, "x", 1, 5000), ERR_AGAIN); /* at once: it is hopeless */
    assert_in_range(clock_mono_ms() - start_ms, 0, 1000);
    bus_client_destroy(c);
}

static void a_wrong_server_key_is_told_apart(void **state)
{
    (void)state;
    struct curve_keys other;
    struct bus_client *c = NULL;
    struct err_text why;
    fixture_know(&f, &k, "org");
    assert_int_equal(curve_keys_generate(&other), ERR_OK);
    struct bus_client_config config = {
        .endpoint = bus_endpoint(f.door), .server_public_z85 = other.public_z85, .keys = &k};
    assert_int_equal(bus_client_create(&config, &c, &why), ERR_OK);
    assert_false(fixture_send(&f, c, "x", 1, 800));
    assert_int_equal(bus_client_state(c), ERR_AUTH);
    assert_int_equal(f.lookups, 0);
    bus_client_destroy(c);
}

/* Lets one peer in and hangs up in the middle of its handshake. */
static void hang_up_once(int listener)
{
    int peer = accept(listener, NULL, NULL);
    assert_true(peer >= 0);
    assert_int_equal(close(peer), 0);
}

static void a_server_killed_in_a_handshake_is_no_refusal(void **state)
{
    (void)state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(at);
    struct err_text why;
    struct bus_client *c = NULL;
    char endpoint[64];
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &bytes), 0);
    (void)snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%u", ntohs(at.sin_port));
    struct bus_client_config config = {
        .endpoint = endpoint, .server_public_z85 = f.server.public_z85, .keys = &k};
    assert_int_equal(bus_client_create(&config, &c, &why), ERR_OK);
    hang_up_once(listener);
    assert_int_equal(bus_client_send(c, "x", 1, 50), ERR_AGAIN);
    assert_int_equal(bus_client_state(c), ERR_UNAVAILABLE);
    hang_up_once(listener); /* each time: it is not the server that we take it for */
    for (int i = 0; i < 100 && bus_client_state(c) == ERR_UNAVAILABLE; i++)
        assert_int_equal(bus_client_send(c, "x", 1, 50), ERR_AGAIN);
    assert_int_equal(bus_client_state(c), ERR_AUTH);
    bus_client_destroy(c);
    (void)close(listener);
}

static void nobody_listening_is_told_apart(void **state)
{
    (void)state;
    struct err_text why;
    struct bus_client *c = NULL;
    char endpoint[64];
    (void)strncpy(endpoint, bus_endpoint(f.door), sizeof(endpoint) - 1);
    endpoint[sizeof(endpoint) - 1] = '\0';
    bus_close(f.door);
    fixture_turns(&f, 100);
    struct bus_client_config config = {
        .endpoint = endpoint, .server_public_z85 = f.server.public_z85, .keys = &k};
    assert_int_equal(bus_client_create(&config, &c, &why), ERR_OK);
    int64_t start_ms = clock_mono_ms();
    assert_int_equal(bus_client_send(c, "x", 1, 400), ERR_AGAIN);
    assert_in_range(clock_mono_ms() - start_ms, 380, 2000);
    assert_int_equal(bus_client_state(c), ERR_UNAVAILABLE);
    bus_client_destroy(c);
}

static void a_server_that_went_away_is_noticed(void **state)
{
    (void)state;
    fixture_know(&f, &k, "org");
    struct bus_client *c = fixture_client(&f, &k);
    assert_true(fixture_send(&f, c, "x", 1, 5000));
    assert_int_equal(bus_client_state(c), ERR_OK);
    bus_close(f.door);
    int64_t end = clock_mono_ms() + 3000;
    while (bus_client_state(c) == ERR_OK && clock_mono_ms() < end)
        fixture_turns(&f, 20);
    assert_int_equal(bus_client_state(c), ERR_UNAVAILABLE);
    bus_client_destroy(c);
}

static void a_mute_listener_is_no_connection(void **state)
{
    (void)state;
    struct err_text why;
    struct bus_client *c = NULL;
    char endpoint[64];
    size_t n = sizeof(endpoint);
    void *context = zmq_ctx_new(), *stream = zmq_socket(context, ZMQ_STREAM);
    assert_int_equal(zmq_bind(stream, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(stream, ZMQ_LAST_ENDPOINT, endpoint, &n), 0);
    struct bus_client_config config = {
        .endpoint = endpoint, .server_public_z85 = f.server.public_z85, .keys = &k};
    assert_int_equal(bus_client_create(&config, &c, &why), ERR_OK);
    assert_int_equal(bus_client_send(c, "x", 1, 300), ERR_AGAIN);
    assert_int_equal(bus_client_state(c), ERR_UNAVAILABLE);
    bus_client_destroy(c);
    assert_int_equal(zmq_close(stream), 0);
    assert_int_equal(zmq_ctx_term(context), 0);
}

static void a_wait_without_answer_ends_in_time(void **state)
{
    (void)state;
    uint8_t *data = NULL;
    size_t bytes = 0;
    fixture_know(&f, &k, "org");
    struct bus_client *c = fixture_client(&f, &k);
    assert_true(fixture_send(&f, c, "x", 1, 5000));
    int64_t start_ms = clock_mono_ms();
    assert_int_equal(bus_client_recv(c, &data, &bytes, 200), ERR_AGAIN);
    assert_in_range(clock_mono_ms() - start_ms, 190, 1500);
    assert_null(data);
    assert_int_equal(bus_client_send(c, "", 0, 100), ERR_INVAL);
    bus_client_destroy(c);
}

static void messages_on_their_way_survive_the_clients_end(void **state)
{
    (void)state;
    static uint8_t block[200 * 1024]; /* more of them than TCP buffers hold */
    fixture_know(&f, &k, "org");
    struct bus_client *c = fixture_client(&f, &k);
    assert_true(fixture_send(&f, c, "x", 1, 5000));
    for (int i = 0; i < 40; i++)
        assert_int_equal(bus_client_send(c, block, sizeof(block), 0), ERR_OK);
    bus_client_destroy(c);
    assert_true(fixture_until(&f, &f.messages, 41));
}

static void wrong_configurations_are_refused(void **state)
{
    (void)state;
    struct err_text why;
    struct bus_client *c = NULL;
    struct bus_client_config bad[] = {
        {.endpoint = "nonsense", .server_public_z85 = f.server.public_z85, .keys = &k},
        {.endpoint = "tcp://127.0.0.1:1", .server_public_z85 = "short", .keys = &k},
        {.endpoint = "tcp://127.0.0.1:99999", .server_public_z85 = f.server.public_z85, .keys = &k},
        {.endpoint = "tcp://127.0.0.1:*", .server_public_z85 = f.server.public_z85, .keys = &k},
        {.endpoint = NULL, .server_public_z85 = f.server.public_z85, .keys = &k},
    };
    enum err expected[] = {ERR_CONFIG, ERR_CONFIG, ERR_CONFIG, ERR_CONFIG, ERR_INVAL};
    for (size_t i = 0; i < 5; i++) {
        why.text[0] = '\0';
        assert_int_equal(bus_client_create(&bad[i], &c, &why), expected[i]);
        assert_null(c);
        assert_true(why.text[0] != '\0');
    }
    bus_client_destroy(NULL);
}

int main(void)
{
#define WITH_DOOR(t) cmocka_unit_test_setup_teardown(t, start, stop)
    const struct CMUnitTest tests[] = {
        WITH_DOOR(a_refused_key_is_told_apart),
        WITH_DOOR(a_wrong_server_key_is_told_apart),
        WITH_DOOR(a_server_killed_in_a_handshake_is_no_refusal),
        WITH_DOOR(nobody_listening_is_told_apart),
        WITH_DOOR(a_server_that_went_away_is_noticed),
        WITH_DOOR(a_mute_listener_is_no_connection),
        WITH_DOOR(a_wait_without_answer_ends_in_time),
        WITH_DOOR(messages_on_their_way_survive_the_clients_end),
        WITH_DOOR(wrong_configurations_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
