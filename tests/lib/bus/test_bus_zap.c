/* The ZAP handler by itself, with requests that libzmq would never make. */
#include "fixture.h"

#include <string.h>

#include <zmq.h>

#include "base/clock.h"
#include "bus/bus_private.h"

struct request {
    const char *name;
    const char *frames[12];
    size_t bytes[12]; /* 0 = length of the text */
    const char *status;
    const char *user;
    const char *id; /* echoed */
};

static char key31[32] = "0123456789012345678901234567890";
static char known[32], reserved[32], unknown[32] = "unknown";
static char long_frame[300];

static const struct request requests[] = {
    {"known",
     {"1.0", "7", "test", "127.0.0.1", "", "CURVE", known},
     {0, 0, 0, 0, 0, 0, 32},
     "200",
     "org",
     "7"},
    {"unknown",
     {"1.0", "8", "test", "127.0.0.1", "", "CURVE", unknown},
     {0, 0, 0, 0, 0, 0, 32},
     "400",
     "",
     "8"},
    {"reserved user",
     {"1.0", "9", "test", "", "", "CURVE", reserved},
     {0, 0, 0, 0, 0, 0, 32},
     "400",
     "",
     "9"},
    {"other domain",
     {"1.0", "1", "tes", "", "", "CURVE", known},
     {0, 0, 0, 0, 0, 0, 32},
     "400",
     "",
     "1"},
    {"empty domain",
     {"1.0", "1", "", "", "", "CURVE", known},
     {0, 0, 0, 0, 0, 0, 32},
     "400",
     "",
     "1"},
    {"other version",
     {"1.1", "1", "test", "", "", "CURVE", known},
     {0, 0, 0, 0, 0, 0, 32},
     "400",
     "",
     "1"},
    {"NULL mechanism", {"1.0", "1", "test", "", "", "NULL"}, {0}, "400", "", "1"},
    {"PLAIN", {"1.0", "1", "test", "", "", "PLAIN", "me", "secret"}, {0}, "400", "", "1"},
    {"other mechanism",
     {"1.0", "1", "test", "", "", "CURVES", known},
     {0, 0, 0, 0, 0, 0, 32},
     "400",
     "",
     "1"},
    {"short key",
     {"1.0", "1", "test", "", "", "CURVE", key31},
     {0, 0, 0, 0, 0, 0, 31},
     "400",
     "",
     "1"},
    {"no key", {"1.0", "1", "test", "", "", "CURVE"}, {0}, "400", "", "1"},
    {"one frame", {"1.0"}, {0}, "400", "", ""},
    {"extra frame",
     {"1.0", "1", "test", "", "", "CURVE", known, "x"},
     {0, 0, 0, 0, 0, 0, 32},
     "400",
     "",
     "1"},
    {"many frames",
     {"1.0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"},
     {0},
     "400",
     "",
     "1"},
    {"long id",
     {"1.0", long_frame, "test", "", "", "CURVE", known},
     {0, sizeof(long_frame), 0, 0, 0, 0, 32},
     "400",
     "",
     ""},
    {"known again",
     {"1.0", "7", "test", "", "", "CURVE", known},
     {0, 0, 0, 0, 0, 0, 32},
     "200",
     "org",
     "7"},
};

static void ask(struct fixture *f, void *req, const struct request *r)
{
    char got[6][64];
    int more = 1;
    size_t n = sizeof(more), frames = 0;
    for (size_t i = 0; r->frames[i] != NULL; i++) {
        size_t bytes = r->bytes[i] != 0 ? r->bytes[i] : strlen(r->frames[i]);
        int flags = r->frames[i + 1] != NULL ? ZMQ_SNDMORE : 0;
        assert_int_equal(zmq_send(req, r->frames[i], bytes, flags | ZMQ_DONTWAIT), (int)bytes);
    }
    zmq_pollitem_t item = {.socket = req, .events = ZMQ_POLLIN};
    int64_t end = clock_mono_ms() + 2000;
    while (zmq_poll(&item, 1, 0) == 0 && clock_mono_ms() < end)
        assert_int_equal(loop_turn(f->loop, 5), ERR_OK);
    for (; more != 0 && frames < 6; frames++) {
        int bytes = zmq_recv(req, got[frames], 63, ZMQ_DONTWAIT);
        assert_in_range(bytes, 0, 63);
        got[frames][bytes] = '\0';
        assert_int_equal(zmq_getsockopt(req, ZMQ_RCVMORE, &more, &n), 0);
    }
    assert_int_equal(more, 0);
    assert_int_equal(frames, 6);
    assert_string_equal(got[0], "1.0");
    assert_string_equal(got[1], r->id);
    assert_string_equal(got[2], r->status);
    assert_string_equal(got[4], r->user);
    assert_string_equal(got[5], "");
}

static void the_handler_answers_every_shape_and_admits_one(void **state)
{
    (void)state;
    struct fixture f;
    struct curve_keys k, bad;
    fixture_start(&f, BUS_SERVER);
    assert_int_equal(curve_keys_generate(&k), ERR_OK);
    assert_int_equal(curve_keys_generate(&bad), ERR_OK);
    fixture_know(&f, &k, "org");
    fixture_know(&f, &bad, "~probe");
    assert_non_null(zmq_z85_decode((uint8_t *)known, k.public_z85));
    assert_non_null(zmq_z85_decode((uint8_t *)reserved, bad.public_z85));
    void *req = zmq_socket(f.bus->context, ZMQ_REQ);
    assert_int_equal(zmq_connect(req, "inproc://zeromq.zap.01"), 0);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        print_message("%s\n", requests[i].name);
        ask(&f, req, &requests[i]);
    }
    assert_int_equal(zmq_close(req), 0);
    fixture_stop(&f);
}

static void the_switches_are_set_on_both_kinds_of_door(void **state)
{
    (void)state;
    struct fixture f;
    fixture_start(&f, BUS_SERVER);
    struct bus_door *urgent = fixture_door(&f, "urgent", BUS_SERVER_URGENT);
    const struct bus_door *doors[2] = {f.door, urgent};
    const int64_t frame_bytes[2] = {1024 * 1024 + 33, 32 * 1024 + 33};
    for (int i = 0; i < 2; i++) {
        int v = -1;
        size_t n = sizeof(v);
        char domain[32];
        assert_int_equal(zmq_getsockopt(doors[i]->socket, 93, &v, &n), 0);
        assert_int_equal(v, 1);
        assert_int_equal(zmq_getsockopt(doors[i]->socket, ZMQ_MECHANISM, &v, &n), 0);
        assert_int_equal(v, ZMQ_CURVE);
        assert_int_equal(zmq_getsockopt(doors[i]->socket, ZMQ_HANDSHAKE_IVL, &v, &n), 0);
        assert_int_equal(v, 3000);
        int64_t max = 0;
        n = sizeof(max);
        assert_int_equal(zmq_getsockopt(doors[i]->socket, ZMQ_MAXMSGSIZE, &max, &n), 0);
        assert_int_equal(max, frame_bytes[i]);
        n = sizeof(domain);
        assert_int_equal(zmq_getsockopt(doors[i]->socket, ZMQ_ZAP_DOMAIN, domain, &n), 0);
        assert_string_equal(domain, "test");
    }
    fixture_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_handler_answers_every_shape_and_admits_one),
        cmocka_unit_test(the_switches_are_set_on_both_kinds_of_door),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
