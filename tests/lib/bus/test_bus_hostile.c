/* A door towards peers who do not keep to the protocol: nothing they send stops the next client. */
#include "fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <zmq.h>

#include "base/buf.h"
#include "base/limits.h"
#include "obs/metrics.h"

static struct fixture f;
static struct curve_keys k;
static void *context;
static void *rogue; /* the socket of a test, closed behind it even where the test failed */

static void *open_rogue(int type, const struct curve_keys *keys, const char *routing_id)
{
    rogue = fixture_raw(&f, context, type, keys, routing_id);
    return rogue;
}

static void close_rogue(void)
{
    if (rogue != NULL)
        (void)zmq_close(rogue);
    rogue = NULL;
}

static int start(void **state)
{
    (void)state;
    context = zmq_ctx_new();
    fixture_start(&f, BUS_SERVER);
    fixture_know(&f, &k, "rogue");
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&f);
    close_rogue();
    return zmq_ctx_term(context);
}

static int make_keys(void **state)
{
    (void)state;
    return curve_keys_generate(&k);
}

static void frames_beyond_the_limit_are_read_away(void **state)
{
    (void)state;
    static uint8_t kilobyte[1024];
    void *s = open_rogue(ZMQ_DEALER, &k, NULL);
    for (int i = 0; i < 5001; i++)
        assert_true(
            fixture_raw_send(&f, s, kilobyte, sizeof(kilobyte), i < 5000 ? ZMQ_SNDMORE : 0, 5000));
    assert_true(fixture_until(&f, &f.garbage, 1));
    assert_string_equal(f.why, "too-many-frames");
    assert_int_equal(f.messages, 0);
    fixture_assert_served(&f);
    /* and the connection itself goes on at the next message */
    assert_true(fixture_raw_send(&f, s, "ok", 2, 0, 5000));
    assert_true(fixture_until(&f, &f.messages, 2));
    assert_memory_equal(f.data, "ok", 2);
    assert_string_equal(f.user, "rogue");
    assert_int_equal(f.garbage, 1);
    close_rogue();
}

static void every_malformed_shape_has_its_word(void **state)
{
    (void)state;
    static const struct {
        int type;
        const char *routing_id, *frames[4], *why;
    } cases[] = {
        {ZMQ_DEALER, NULL, {"a", "b", NULL}, "too-many-frames"},
        {ZMQ_DEALER, NULL, {"", "b", NULL}, "delimiter-frame"},
        {ZMQ_DEALER, NULL, {"", NULL}, "empty-frame"},
        {ZMQ_REQ, NULL, {"hello", NULL}, "delimiter-frame"},
        {ZMQ_DEALER, "me", {"hello", NULL}, "chosen-routing-id"},
        {ZMQ_DEALER,
         "a name longer than any address of ours",
         {"a", "b", NULL},
         "chosen-routing-id"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        void *s = open_rogue(cases[i].type, &k, cases[i].routing_id);
        for (int j = 0; cases[i].frames[j] != NULL; j++)
            assert_true(fixture_raw_send(&f, s, cases[i].frames[j], strlen(cases[i].frames[j]),
                                         cases[i].frames[j + 1] != NULL ? ZMQ_SNDMORE : 0, 5000));
        assert_true(fixture_until(&f, &f.garbage, (int)i + 1));
        assert_string_equal(f.why, cases[i].why);
        close_rogue();
    }
    assert_int_equal(f.messages, 0);
    fixture_assert_served(&f);
}

static void an_oversize_frame_ends_only_its_own_connection(void **state)
{
    (void)state;
    static uint8_t big[LIMIT_FRAME_BYTES + 1];
    void *s = open_rogue(ZMQ_DEALER, &k, NULL);
    assert_true(fixture_raw_send(&f, s, big, sizeof(big), 0, 5000));
    fixture_turns(&f, 300);
    assert_int_equal(f.messages, 0);
    fixture_assert_served(&f);
    assert_int_equal(f.messages, 1);
    close_rogue();
}

static void the_urgent_door_takes_small_frames_only(void **state)
{
    (void)state;
    static uint8_t big[LIMIT_URGENT_FRAME_BYTES + 1];
    bus_close(f.door);
    f.door = fixture_door(&f, "urgent", BUS_SERVER_URGENT);
    struct bus_client *c = fixture_client(&f, &k);
    assert_true(fixture_send(&f, c, big, LIMIT_URGENT_FRAME_BYTES, 5000));
    assert_true(fixture_until(&f, &f.messages, 1));
    assert_int_equal(f.bytes, LIMIT_URGENT_FRAME_BYTES);
    assert_true(fixture_send(&f, c, big, sizeof(big), 5000));
    fixture_turns(&f, 300);
    assert_int_equal(f.messages, 1);
    bus_client_destroy(c);
    fixture_assert_served(&f);
}

static void a_client_without_curve_is_refused(void **state)
{
    (void)state;
    void *s = open_rogue(ZMQ_DEALER, NULL, NULL);
    f.open_to_all = true;
    assert_false(fixture_raw_send(&f, s, "x", 1, 0, 500));
    assert_int_equal(f.messages, 0);
    assert_int_equal(f.lookups, 0);
    close_rogue();
    fixture_assert_served(&f);
}

static int connect_tcp(void)
{
    unsigned port = 0;
    assert_int_equal(sscanf(bus_endpoint(f.door), "tcp://127.0.0.1:%u", &port), 1);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)(const void *)&to, sizeof(to)), 0);
    return fd;
}

static void silent_connections_do_not_keep_others_out(void **state)
{
    (void)state;
    int fd[200];
    for (int i = 0; i < 200; i++)
        fd[i] = connect_tcp();
    fixture_turns(&f, 100);
    fixture_assert_served(&f);
    for (int i = 0; i < 200; i++)
        (void)close(fd[i]);
}

static void a_silent_connection_is_cut_after_three_seconds(void **state)
{
    (void)state;
    int fd = connect_tcp();
    char greeting[128];
    struct timeval patience = {.tv_sec = 6};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    ssize_t n;
    while ((n = read(fd, greeting, sizeof(greeting))) > 0) {
        /* its greeting */
    }
    assert_true(n == 0); /* not EAGAIN: the server hung up */
    (void)close(fd);
}

static void bytes_that_are_no_zeromq_are_survived(void **state)
{
    (void)state;
    static const char http[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    static const uint8_t curveish[] =
        "\xff\0\0\0\0\0\0\0\1\x7f\3\0CURVE\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        "\6\xff\xff\xff\xff\xff\xff\xff\xff\5HELLO";
    int a = connect_tcp(), b = connect_tcp();
    assert_true(write(a, http, sizeof(http) - 1) > 0);
    assert_true(write(b, curveish, sizeof(curveish) - 1) > 0);
    fixture_turns(&f, 100);
    fixture_assert_served(&f);
    (void)close(a);
    (void)close(b);
}

static void failures_are_counted_by_kind(void **state)
{
    (void)state;
    struct curve_keys fresh;
    struct buf text;
    assert_int_equal(curve_keys_generate(&fresh), ERR_OK);
    bus_close(f.door);
    f.door = fixture_door(&f, "counted", BUS_SERVER);
    struct bus_client *c = fixture_client(&f, &fresh);
    assert_false(fixture_send(&f, c, "x", 1, 300));
    struct curve_keys server = f.server;
    f.server = fresh; /* a client that holds a wrong server key cannot be read: protocol */
    void *s = open_rogue(ZMQ_DEALER, &k, NULL);
    f.server = server;
    assert_false(fixture_raw_send(&f, s, "x", 1, 0, 300));
    fixture_assert_served(&f);
    fixture_turns(&f, 100);
    buf_init(&text, 1024 * 1024);
    metrics_render(&text);
    assert_int_equal(buf_put(&text, "", 1), ERR_OK);
    static const struct {
        const char *line;
        bool present;
    } lines[] = {
        {"liu_bus_handshake_failed_total{door=\"counted\",kind=\"auth\"} 1\n", true},
        {"liu_bus_handshake_failed_total{door=\"counted\",kind=\"protocol\"} 0\n", false},
        {"liu_bus_handshake_succeeded_total{door=\"counted\"} 1\n", true},
        {"liu_bus_received_total{door=\"counted\"} 1\n", true},
        {"liu_bus_sent_total{door=\"counted\"} 1\n", true},
        {"liu_bus_accepted_total{door=\"counted\"} 0\n", false},
        {"liu_bus_disconnected_total{door=\"counted\"} 0\n", false},
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        bool present = strstr((const char *)text.data, lines[i].line) != NULL;
        if (present != lines[i].present)
            print_error("%s in %s\n", lines[i].line, (const char *)text.data);
        assert_int_equal(present, lines[i].present);
    }
    buf_fini(&text);
    bus_client_destroy(c);
    close_rogue();
}

int main(void)
{
#define WITH_DOOR(t) cmocka_unit_test_setup_teardown(t, start, stop)
    const struct CMUnitTest tests[] = {
        WITH_DOOR(frames_beyond_the_limit_are_read_away),
        WITH_DOOR(every_malformed_shape_has_its_word),
        WITH_DOOR(an_oversize_frame_ends_only_its_own_connection),
        WITH_DOOR(the_urgent_door_takes_small_frames_only),
        WITH_DOOR(a_client_without_curve_is_refused),
        WITH_DOOR(silent_connections_do_not_keep_others_out),
        WITH_DOOR(a_silent_connection_is_cut_after_three_seconds),
        WITH_DOOR(bytes_that_are_no_zeromq_are_survived),
        WITH_DOOR(failures_are_counted_by_kind),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}
