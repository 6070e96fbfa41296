/* The blocking client. It polls its socket together with its monitor, because only the monitor
 * knows that the server will never let us in.
 */
#include "bus/bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "base/clock.h"
#include "base/limits.h"
#include "bus/monitor.h"
#include "bus/profile.h"

#define HANG_UPS 2u /* in a row mean that the server cannot read us */

struct bus_client {
    void *context;
    void *socket;
    void *monitor;
    enum err state;
    bool connected;    /* TCP of the running attempt */
    bool nobody;       /* the last attempt found no listener */
    bool given_up;     /* libzmq does not try again after an explicit refusal */
    unsigned hang_ups; /* handshakes in a row that ended without a word */
};

static void take_event(struct bus_client *c, const struct monitor_event *ev)
{
    switch (ev->event) {
    case ZMQ_EVENT_CONNECTED:
        c->connected = true;
        c->nobody = false;
        break;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        c->state = ERR_OK;
        c->hang_ups = 0;
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        c->state = ERR_AUTH;
        c->given_up = true;
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        c->state = ERR_AUTH;
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        /* A server that cannot read our HELLO hangs up without a word: wrong server key. One that
         * is killed in the middle of a handshake does so too, but not each time. CONNECTED is of
         * another thread of libzmq, and may come late. */
        c->connected = true;
        c->hang_ups++;
        c->state = ev->value == ETIMEDOUT || c->hang_ups < HANG_UPS ? ERR_UNAVAILABLE : ERR_AUTH;
        break;
    case ZMQ_EVENT_DISCONNECTED:
    case ZMQ_EVENT_CLOSED:
        if (!c->connected)
            c->hang_ups = 0; /* nobody listened */
        c->nobody = !c->connected;
        if (!c->connected || c->state == ERR_OK)
            c->state = ERR_UNAVAILABLE;
        c->connected = false;
        break;
    default:
        break;
    }
}

static void take_events(struct bus_client *c)
{
    struct monitor_event ev;
    while (monitor_next(c->monitor, &ev))
        take_event(c, &ev);
}

enum err bus_client_create(const struct bus_client_config *c, struct bus_client **out,
                           struct err_text *why)
{
    struct profile_curve curve = {.keys = c->keys, .server_public_z85 = c->server_public_z85};
    *out = NULL;
    if (c->endpoint == NULL || c->server_public_z85 == NULL || c->keys == NULL)
        return err_say(why, ERR_INVAL, "a client needs an endpoint, the server's key and its own");
    enum err e = profile_check_endpoint(c->endpoint, false, why);
    if (e != ERR_OK)
        return e;
    struct bus_client *n = calloc(1, sizeof(*n));
    if (n == NULL)
        return err_say(why, ERR_NOMEM, "no memory");
    n->state = ERR_UNAVAILABLE;
    n->context = profile_context();
    e = n->context == NULL
            ? err_say(why, ERR_IO, "cannot make a ZeroMQ context: %s", zmq_strerror(errno))
            : ERR_OK;
    if (e == ERR_OK)
        e = profile_socket(n->context, PROFILE_CLIENT, &curve, &n->socket, why);
    if (e == ERR_OK)
        e = monitor_attach(n->context, n->socket, &n->monitor, why);
    if (e == ERR_OK && zmq_connect(n->socket, c->endpoint) != 0)
        e = err_say(why, ERR_CONFIG, "%s: %s", c->endpoint, zmq_strerror(errno));
    if (e != ERR_OK) {
        bus_client_destroy(n);
        return e;
    }
    *out = n;
    return ERR_OK;
}

void bus_client_destroy(struct bus_client *c)
{
    if (c == NULL)
        return;
    int saved = errno;
    if (c->socket != NULL) {
        monitor_detach(c->socket, c->monitor);
        (void)zmq_close(c->socket);
    }
    if (c->context != NULL) {
        (void)zmq_ctx_shutdown(c->context);
        while (zmq_ctx_term(c->context) != 0 && errno == EINTR) {
            /* interrupted: the context is still there */
        }
    }
    free(c);
    errno = saved;
}

/* Sleeps until the socket is ready for `events` or the monitor has news. False: the time is over,
 * or waiting is pointless. */
static bool wait_for(struct bus_client *c, short events, int64_t deadline_ms)
{
    take_events(c);
    int64_t left = deadline_ms - clock_mono_ms();
    if (left <= 0 || c->given_up)
        return false;
    zmq_pollitem_t items[2] = {{.socket = c->socket, .events = events},
                               {.socket = c->monitor, .events = ZMQ_POLLIN}};
    (void)zmq_poll(items, 2, (long)left);
    take_events(c);
    return true;
}

enum err bus_client_send(struct bus_client *c, const void *data, size_t bytes, int64_t timeout_ms)
{
    int64_t deadline = clock_mono_ms() + timeout_ms;
    if (bytes == 0)
        return ERR_INVAL;
    if (bytes > LIMIT_FRAME_BYTES)
        return ERR_LIMIT; /* the server would hang up while the send succeeds */
    for (;;) {
        if (zmq_send(c->socket, data, bytes, ZMQ_DONTWAIT) >= 0)
            return ERR_OK;
        if (errno != EAGAIN && errno != EINTR)
            return ERR_IO;
        if (!wait_for(c, ZMQ_POLLOUT, deadline))
            return ERR_AGAIN;
    }
}

/* One frame; more than one is no message of this protocol and is read away. */
static enum err take(zmq_msg_t *msg, void *socket, uint8_t **data, size_t *bytes)
{
    enum err e = ERR_OK;
    while (zmq_msg_more(msg) != 0) {
        e = ERR_PROTO;
        if (zmq_msg_recv(msg, socket, ZMQ_DONTWAIT) < 0 && errno != EINTR)
            return e;
    }
    if (e != ERR_OK)
        return e;
    size_t n = zmq_msg_size(msg);
    uint8_t *copy = malloc(n > 0 ? n : 1);
    if (copy == NULL)
        return ERR_NOMEM;
    memcpy(copy, zmq_msg_data(msg), n);
    *data = copy;
    *bytes = n;
    return ERR_OK;
}

enum err bus_client_recv(struct bus_client *c, uint8_t **data, size_t *bytes, int64_t timeout_ms)
{
    int64_t deadline = clock_mono_ms() + timeout_ms;
    zmq_msg_t msg;
    *data = NULL;
    *bytes = 0;
    (void)zmq_msg_init(&msg);
    enum err e = ERR_OK;
    for (;;) {
        if (zmq_msg_recv(&msg, c->socket, ZMQ_DONTWAIT) >= 0) {
            e = take(&msg, c->socket, data, bytes);
            break;
        }
        if (errno != EAGAIN && errno != EINTR) {
            e = ERR_IO;
            break;
        }
        if (!wait_for(c, ZMQ_POLLIN, deadline)) {
            e = ERR_AGAIN;
            break;
        }
    }
    (void)zmq_msg_close(&msg);
    return e;
}

enum err bus_client_wait(struct bus_client *c, int64_t timeout_ms)
{
    int64_t deadline = clock_mono_ms() + timeout_ms;
    take_events(c);
    while (c->state == ERR_UNAVAILABLE && !c->nobody && wait_for(c, 0, deadline)) {
        /* the monitor tells */
    }
    return c->state;
}

enum err bus_client_state(struct bus_client *c)
{
    take_events(c);
    return c->state;
}
