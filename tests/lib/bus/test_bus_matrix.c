/* When libzmq lets an unknown key into a CURVE server: domain x enforcement x handler, over TCP.
 * Only one column fails closed, and bus/profile.c stands on it; a libzmq that behaves otherwise
 * must be noticed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <string.h>

#include <zmq.h>

#include "base/clock.h"

#define ENFORCE_DOMAIN 93
#define REFUSAL_MS 700    /* nothing comes for so long */
#define PATIENCE_MS 10000 /* for what must come, on a busy machine */

enum handler { NONE, DENIES, DIED };

struct cell {
    enum handler handler;
    bool domain, enforce;
    bool accepted, asked;
};

static const struct cell cells[] = {
    {NONE, false, false, true, false},   {NONE, false, true, true, false},
    {NONE, true, false, true, false},    {NONE, true, true, false, false},
    {DENIES, false, false, false, true}, {DENIES, false, true, true, false},
    {DENIES, true, false, false, true},  {DENIES, true, true, false, true},
    {DIED, false, false, true, false},   {DIED, false, true, true, false},
    {DIED, true, false, true, false},    {DIED, true, true, false, false},
};

static void set(void *s, int option, const void *v, size_t n)
{
    assert_int_equal(zmq_setsockopt(s, option, v, n), 0);
}

static void *start_server(void *ctx, const struct cell *c, char public[41], char *endpoint,
                          size_t endpoint_bytes)
{
    char secret[41];
    int zero = 0, one = 1, enforce = c->enforce ? 1 : 0;
    void *s = zmq_socket(ctx, ZMQ_ROUTER);
    assert_non_null(s);
    assert_int_equal(zmq_curve_keypair(public, secret), 0);
    set(s, ZMQ_LINGER, &zero, sizeof(zero));
    set(s, ZMQ_CURVE_SERVER, &one, sizeof(one));
    set(s, ZMQ_CURVE_SECRETKEY, secret, 40);
    if (c->domain)
        set(s, ZMQ_ZAP_DOMAIN, "x", 1);
    set(s, ENFORCE_DOMAIN, &enforce, sizeof(enforce));
    assert_int_equal(zmq_bind(s, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(s, ZMQ_LAST_ENDPOINT, endpoint, &endpoint_bytes), 0);
    return s;
}

static void *start_client(void *ctx, const char *server_public, const char *endpoint)
{
    char public[41], secret[41];
    int zero = 0, one = 1;
    void *s = zmq_socket(ctx, ZMQ_DEALER);
    assert_non_null(s);
    assert_int_equal(zmq_curve_keypair(public, secret), 0);
    set(s, ZMQ_LINGER, &zero, sizeof(zero));
    set(s, ZMQ_IMMEDIATE, &one, sizeof(one));
    set(s, ZMQ_CURVE_SERVERKEY, server_public, 40);
    set(s, ZMQ_CURVE_PUBLICKEY, public, 40);
    set(s, ZMQ_CURVE_SECRETKEY, secret, 40);
    assert_int_equal(zmq_connect(s, endpoint), 0);
    return s;
}

/* Answers one request with 400 if there is one. */
static bool deny(void *zap)
{
    char id[64];
    int id_bytes = 0, more = 1;
    size_t n = sizeof(more);
    zmq_pollitem_t item = {.socket = zap, .events = ZMQ_POLLIN};
    if (zmq_poll(&item, 1, 0) <= 0)
        return false;
    for (int i = 0; more != 0; i++) {
        char frame[256];
        int got = zmq_recv(zap, frame, sizeof(frame), 0);
        assert_true(got >= 0);
        if (i == 1 && got <= (int)sizeof(id)) {
            id_bytes = got;
            memcpy(id, frame, (size_t)got);
        }
        assert_int_equal(zmq_getsockopt(zap, ZMQ_RCVMORE, &more, &n), 0);
    }
    assert_true(zmq_send(zap, "1.0", 3, ZMQ_SNDMORE) == 3);
    assert_true(zmq_send(zap, id, (size_t)id_bytes, ZMQ_SNDMORE) == id_bytes);
    assert_true(zmq_send(zap, "400", 3, ZMQ_SNDMORE) == 3);
    assert_true(zmq_send(zap, "no", 2, ZMQ_SNDMORE) == 2);
    assert_true(zmq_send(zap, "", 0, ZMQ_SNDMORE) == 0);
    assert_true(zmq_send(zap, "", 0, 0) == 0);
    return true;
}

static void run_cell(const struct cell *c)
{
    char public[41], endpoint[128] = "";
    bool accepted = false, asked = false, sent = false;
    void *ctx = zmq_ctx_new(), *client_ctx = zmq_ctx_new(), *zap = NULL;
    assert_non_null(ctx);
    if (c->handler != NONE) {
        zap = zmq_socket(ctx, ZMQ_REP);
        assert_int_equal(zmq_bind(zap, "inproc://zeromq.zap.01"), 0);
    }
    void *server = start_server(ctx, c, public, endpoint, sizeof(endpoint));
    if (c->handler == DIED) {
        assert_int_equal(zmq_close(zap), 0);
        zap = NULL;
    }
    void *client = start_client(client_ctx, public, endpoint);
    int64_t end = clock_mono_ms() + (c->accepted || c->asked ? PATIENCE_MS : REFUSAL_MS);
    while (!accepted && clock_mono_ms() < end) {
        char b[16];
        zmq_pollitem_t items[2] = {{.socket = server, .events = ZMQ_POLLIN},
                                   {.socket = zap, .events = ZMQ_POLLIN}};
        (void)zmq_poll(items, zap != NULL ? 2 : 1, 10);
        if (zap != NULL && deny(zap)) {
            if (!asked && !c->accepted)
                end = clock_mono_ms() + REFUSAL_MS;
            asked = true;
        }
        if (!sent)
            sent = zmq_send(client, "hi", 2, ZMQ_DONTWAIT) == 2;
        accepted = zmq_recv(server, b, sizeof(b), ZMQ_DONTWAIT) >= 0;
    }
    assert_int_equal(accepted, c->accepted);
    assert_int_equal(asked, c->asked);
    assert_int_equal(zmq_close(client), 0);
    assert_int_equal(zmq_close(server), 0);
    if (zap != NULL)
        assert_int_equal(zmq_close(zap), 0);
    assert_int_equal(zmq_ctx_term(client_ctx), 0);
    assert_int_equal(zmq_ctx_term(ctx), 0);
}

static void only_domain_and_enforcement_together_fail_closed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        print_message("handler %d, domain %d, enforce %d\n", (int)cells[i].handler, cells[i].domain,
                      cells[i].enforce);
        run_cell(&cells[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_domain_and_enforcement_together_fail_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
