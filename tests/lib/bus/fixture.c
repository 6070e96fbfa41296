/* See fixture.h. */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "base/clock.h"
#include "base/text.h"

static const char *lookup(void *arg, const char *public_z85)
{
    struct fixture *f = arg;
    f->lookups++;
    for (int i = 0; i < FIXTURE_USERS; i++)
        if (f->known[i].user != NULL && strcmp(f->known[i].public_z85, public_z85) == 0)
            return f->known[i].user;
    return f->open_to_all ? "anybody" : NULL;
}

static void on_message(void *arg, const struct bus_peer *peer, const char *user_id,
                       const uint8_t *data, size_t bytes)
{
    struct fixture *f = arg;
    f->messages++;
    f->peer = *peer;
    (void)text_copy(f->user, sizeof(f->user), user_id);
    f->bytes = bytes;
    memcpy(f->data, data, bytes < sizeof(f->data) ? bytes : sizeof(f->data));
    if (f->echo)
        (void)bus_send(f->door, peer, data, bytes);
}

static void on_garbage(void *arg, const struct bus_peer *peer, const char *why)
{
    struct fixture *f = arg;
    f->garbage++;
    f->peer = *peer;
    (void)text_copy(f->why, sizeof(f->why), why);
}

struct bus_door *fixture_door(struct fixture *f, const char *name, enum bus_profile profile)
{
    struct err_text why = {.text = ""};
    struct bus_door *d = NULL;
    struct bus_door_config c = {.name = name,
                                .endpoint = "tcp://127.0.0.1:*",
                                .zap_domain = "test",
                                .keys = &f->server,
                                .profile = profile,
                                .priority = 1,
                                .message = on_message,
                                .garbage = on_garbage,
                                .arg = f};
    enum err e = bus_open(f->bus, &c, &d, &why);
    if (e != ERR_OK)
        print_error("bus_open: %s %s\n", err_name(e), why.text);
    assert_int_equal(e, ERR_OK);
    return d;
}

void fixture_start(struct fixture *f, enum bus_profile profile)
{
    struct err_text why = {.text = ""};
    *f = (struct fixture){.messages = 0};
    assert_int_equal(curve_keys_generate(&f->server), ERR_OK);
    assert_int_equal(loop_create(&f->loop), ERR_OK);
    assert_int_equal(bus_create(f->loop, lookup, f, &f->bus, &why), ERR_OK);
    f->door = fixture_door(f, "main", profile);
}

void fixture_stop(struct fixture *f)
{
    bus_destroy(f->bus);
    loop_destroy(f->loop);
}

void fixture_know(struct fixture *f, const struct curve_keys *k, const char *user)
{
    for (int i = 0; i < FIXTURE_USERS; i++) {
        if (f->known[i].user != NULL)
            continue;
        f->known[i].user = user;
        memcpy(f->known[i].public_z85, k->public_z85, CURVE_Z85_BYTES);
        return;
    }
    fail_msg("no room for another user");
}

void fixture_forget(struct fixture *f, const char *user)
{
    for (int i = 0; i < FIXTURE_USERS; i++)
        if (f->known[i].user != NULL && strcmp(f->known[i].user, user) == 0)
            f->known[i].user = NULL;
}

void fixture_turns(struct fixture *f, int64_t ms)
{
    int64_t end = clock_mono_ms() + ms;
    for (int64_t now = clock_mono_ms(); now < end; now = clock_mono_ms())
        assert_int_equal(loop_turn(f->loop, end - now), ERR_OK);
}

bool fixture_until(struct fixture *f, const int *counter, int value)
{
    int64_t end = clock_mono_ms() + 5000;
    while (*counter < value && clock_mono_ms() < end)
        assert_int_equal(loop_turn(f->loop, 20), ERR_OK);
    return *counter >= value;
}

struct bus_client *fixture_client(struct fixture *f, const struct curve_keys *k)
{
    struct err_text why = {.text = ""};
    struct bus_client *c = NULL;
    struct bus_client_config config = {
        .endpoint = bus_endpoint(f->door), .server_public_z85 = f->server.public_z85, .keys = k};
    assert_int_equal(bus_client_create(&config, &c, &why), ERR_OK);
    return c;
}

void *fixture_raw(struct fixture *f, void *context, int type, const struct curve_keys *k,
                  const char *routing_id)
{
    int zero = 0, one = 1;
    void *s = zmq_socket(context, type);
    assert_non_null(s);
    assert_int_equal(zmq_setsockopt(s, ZMQ_LINGER, &zero, sizeof(zero)), 0);
    assert_int_equal(zmq_setsockopt(s, ZMQ_IMMEDIATE, &one, sizeof(one)), 0);
    if (k != NULL) {
        assert_int_equal(zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, f->server.public_z85, 40), 0);
        assert_int_equal(zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, k->public_z85, 40), 0);
        assert_int_equal(zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, k->secret_z85, 40), 0);
    }
    if (routing_id != NULL)
        assert_int_equal(zmq_setsockopt(s, ZMQ_ROUTING_ID, routing_id, strlen(routing_id)), 0);
    assert_int_equal(zmq_connect(s, bus_endpoint(f->door)), 0);
    return s;
}

bool fixture_send(struct fixture *f, struct bus_client *c, const void *data, size_t bytes,
                  int64_t ms)
{
    int64_t end = clock_mono_ms() + ms;
    enum err e;
    while ((e = bus_client_send(c, data, bytes, 0)) == ERR_AGAIN && clock_mono_ms() < end)
        assert_int_equal(loop_turn(f->loop, 5), ERR_OK);
    return e == ERR_OK;
}

bool fixture_raw_send(struct fixture *f, void *socket, const void *data, size_t bytes, int flags,
                      int64_t ms)
{
    int64_t end = clock_mono_ms() + ms;
    while (zmq_send(socket, data, bytes, flags | ZMQ_DONTWAIT) < 0) {
        if (errno != EAGAIN || clock_mono_ms() >= end)
            return false;
        assert_int_equal(loop_turn(f->loop, 5), ERR_OK);
    }
    return true;
}

bool fixture_recv(struct fixture *f, struct bus_client *c, uint8_t **data, size_t *bytes,
                  int64_t ms)
{
    int64_t end = clock_mono_ms() + ms;
    enum err e;
    while ((e = bus_client_recv(c, data, bytes, 0)) == ERR_AGAIN && clock_mono_ms() < end)
        assert_int_equal(loop_turn(f->loop, 5), ERR_OK);
    return e == ERR_OK;
}

void fixture_assert_served(struct fixture *f)
{
    struct curve_keys k;
    uint8_t *data = NULL;
    size_t bytes = 0;
    assert_int_equal(curve_keys_generate(&k), ERR_OK);
    fixture_know(f, &k, "served");
    bool echo = f->echo;
    f->echo = true;
    struct bus_client *c = fixture_client(f, &k);
    assert_true(fixture_send(f, c, "ping", 4, 5000));
    assert_true(fixture_recv(f, c, &data, &bytes, 5000));
    assert_int_equal(bytes, 4);
    assert_memory_equal(data, "ping", 4);
    free(data);
    bus_client_destroy(c);
    f->echo = echo;
    fixture_forget(f, "served");
}
