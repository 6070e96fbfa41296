/* ROUTER doors. A message is two frames: who, and the envelope. Everything else is garbage that is
 * read away in bounded steps. Only routing ids that libzmq made (five bytes, the first 0) are
 * served: a peer that chose its own name and left could have its answer delivered to the next one
 * with that name.
 */
#include "bus/bus_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "bus/monitor.h"
#include "bus/profile.h"
#include "obs/log.h"

#define ROUTING_ID_BYTES 5
#define DRAIN_FRAMES_PER_TURN 1024
#define MONITOR_EVENTS_PER_TURN 256
#define FAILED_LOG_EVERY_MS 1000

/* ---- reading */

static bool read_frame(struct bus_door *d, zmq_msg_t *frame)
{
    int rc;
    do
        rc = zmq_msg_recv(frame, d->socket, ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    return rc >= 0;
}

/* Throws the rest of the current message away; false when this turn has had its share of it. */
static bool drain(struct bus_door *d, int *frames_left)
{
    zmq_msg_t frame;
    (void)zmq_msg_init(&frame);
    while (d->draining && *frames_left > 0) {
        (*frames_left)--;
        if (!read_frame(d, &frame) || zmq_msg_more(&frame) == 0)
            d->draining = false;
    }
    (void)zmq_msg_close(&frame);
    return !d->draining;
}

static bool copy_peer(const struct bus_door *d, zmq_msg_t *id, struct bus_peer *peer)
{
    const uint8_t *data = zmq_msg_data(id);
    size_t bytes = zmq_msg_size(id);
    *peer = (struct bus_peer){.door = d->number};
    if (bytes != ROUTING_ID_BYTES || data[0] != 0)
        return false;
    memcpy(peer->id, data, bytes);
    peer->bytes = (uint8_t)bytes;
    return true;
}

/* The stable words of bus_garbage_fn; NULL = well-formed. */
static const char *what_is_wrong(zmq_msg_t *body, bool has_body, bool served, const char *user)
{
    if (!served)
        return "chosen-routing-id";
    if (!has_body)
        return "no-body";
    if (zmq_msg_more(body) != 0)
        return zmq_msg_size(body) == 0 ? "delimiter-frame" : "too-many-frames";
    if (zmq_msg_size(body) == 0)
        return "empty-frame";
    if (user == NULL || user[0] == '\0')
        return "no-user-id";
    return NULL;
}

/* One message; false when there is none. */
static bool read_message(struct bus_door *d, int *frames_left)
{
    zmq_msg_t id, body;
    struct bus_peer peer;
    (void)zmq_msg_init(&id);
    (void)zmq_msg_init(&body);
    bool got = read_frame(d, &id);
    if (!got)
        goto out;
    bool has_body = zmq_msg_more(&id) != 0 && read_frame(d, &body);
    bool served = copy_peer(d, &id, &peer);
    const char *user = has_body ? zmq_msg_gets(&body, "User-Id") : NULL;
    const char *wrong = what_is_wrong(&body, has_body, served, user);
    d->draining = has_body && zmq_msg_more(&body) != 0;
    (void)drain(d, frames_left);
    if (user != NULL && user[0] == BUS_RESERVED_USER)
        goto out; /* the probe has nothing to say */
    metric_add(wrong == NULL ? d->count.received : d->count.garbage, 1);
    if (wrong == NULL)
        d->config.message(d->config.arg, &peer, user, zmq_msg_data(&body), zmq_msg_size(&body));
    else if (d->config.garbage != NULL)
        d->config.garbage(d->config.arg, &peer, wrong);
out:
    (void)zmq_msg_close(&body);
    (void)zmq_msg_close(&id);
    return got;
}

static void door_read(void *arg, unsigned events)
{
    struct bus_door *d = arg;
    int frames_left = DRAIN_FRAMES_PER_TURN;
    (void)events;
    d->reading = true;
    for (int64_t i = 0; i < d->config.messages_per_turn; i++) {
        if (d->socket == NULL || d->paused || !drain(d, &frames_left) ||
            !read_message(d, &frames_left))
            break;
    }
    d->reading = false;
    if (d->socket == NULL)
        free(d);
}

/* ---- the monitor */

/* Event handshake-failed: somebody could not get in. At most one line a second and door. */
static void note_failure(struct bus_door *d, const char *kind, uint32_t value)
{
    int64_t now = clock_mono_ms();
    d->failed_unlogged++;
    if (now - d->failed_logged_ms < FAILED_LOG_EVERY_MS)
        return;
    char count[24], code[16];
    (void)snprintf(count, sizeof(count), "%" PRIu64, d->failed_unlogged);
    (void)snprintf(code, sizeof(code), "%" PRIu32, value);
    log_event(LOG_LEVEL_WARN, "handshake-failed", "a connection was not let in", "door", d->name,
              "kind", kind, "code", code, "count", count, NULL);
    d->failed_logged_ms = now;
    d->failed_unlogged = 0;
}

static void count_connections(struct bus_door *d, unsigned n)
{
    d->connections = n;
    metric_set(d->count.connections, n);
}

static void take_event(struct bus_door *d, const struct monitor_event *ev)
{
    switch (ev->event) {
    case ZMQ_EVENT_ACCEPTED:
        metric_add(d->count.accepted, 1);
        count_connections(d, d->connections + 1);
        break;
    case ZMQ_EVENT_ACCEPT_FAILED:
        metric_add(d->count.accept_failed, 1);
        note_failure(d, "accept", ev->value);
        break;
    case ZMQ_EVENT_DISCONNECTED:
        metric_add(d->count.disconnected, 1);
        if (d->connections > 0)
            count_connections(d, d->connections - 1);
        break;
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        metric_add(d->count.shaken, 1);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        metric_add(d->count.failed_auth, 1);
        if (d->bus->probe == NULL) /* whose fresh key is refused by design */
            note_failure(d, "auth", ev->value);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        metric_add(d->count.failed_protocol, 1);
        note_failure(d, "protocol", ev->value);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        metric_add(d->count.failed_other, 1);
        note_failure(d, "other", ev->value);
        break;
    default:
        break;
    }
}

void door_monitor_read(void *arg, unsigned events)
{
    struct bus_door *d = arg;
    struct monitor_event ev;
    (void)events;
    for (int i = 0; i < MONITOR_EVENTS_PER_TURN && monitor_next(d->monitor, &ev); i++)
        take_event(d, &ev);
}

/* ---- opening and closing */

static struct metric *counter(const struct bus_door *d, const char *name, const char *label,
                              const char *help)
{
    char labels[96];
    (void)snprintf(labels, sizeof(labels), "door=\"%s\"%s", d->name, label);
    return metrics_counter(name, labels, help);
}

static void count_on(struct bus_door *d)
{
    static const char lost[] = "liu_bus_send_failed_total";
    static const char lost_help[] = "Answers not sent: peer gone, or its queue full";
    static const char failed[] = "liu_bus_handshake_failed_total";
    static const char failed_help[] = "Connections not let in; one of kind auth is each self-probe";
    d->count.received = counter(d, "liu_bus_received_total", "", "Well-formed messages");
    d->count.garbage = counter(d, "liu_bus_garbage_total", "", "Malformed messages");
    d->count.sent = counter(d, "liu_bus_sent_total", "", "Answers given to libzmq");
    d->count.send_gone = counter(d, lost, ",reason=\"gone\"", lost_help);
    d->count.send_full = counter(d, lost, ",reason=\"full\"", lost_help);
    d->count.accepted = counter(d, "liu_bus_accepted_total", "", "TCP connections");
    d->count.accept_failed =
        counter(d, "liu_bus_accept_failed_total", "", "TCP connections that could not be taken");
    d->count.disconnected = counter(d, "liu_bus_disconnected_total", "", "Connections ended");
    d->count.shaken = counter(d, "liu_bus_handshake_succeeded_total", "", "Connections let in");
    d->count.failed_auth = counter(d, failed, ",kind=\"auth\"", failed_help);
    d->count.failed_protocol = counter(d, failed, ",kind=\"protocol\"", failed_help);
    d->count.failed_other = counter(d, failed, ",kind=\"other\"", failed_help);
    /* the one figure that must not be added up over two doors of a name: is the old key in use? */
    char labels[96];
    (void)snprintf(labels, sizeof(labels), "door=\"%s\",key=\"%.8s\"", d->name,
                   d->server_public_z85);
    d->count.connections =
        metrics_gauge("liu_bus_connections", labels, "Connections open now, by server key");
}

static enum err listen_on(struct bus_door *d, const char *endpoint, struct err_text *why)
{
    size_t bytes = sizeof(d->endpoint);
    enum err e = profile_check_endpoint(endpoint, true, why);
    if (e != ERR_OK)
        return e;
    if (zmq_bind(d->socket, endpoint) != 0)
        return err_say(why, errno == EINVAL || errno == ENODEV ? ERR_CONFIG : ERR_IO,
                       "cannot listen on %s: %s", endpoint, zmq_strerror(errno));
    if (zmq_getsockopt(d->socket, ZMQ_LAST_ENDPOINT, d->endpoint, &bytes) != 0)
        return err_say(why, ERR_IO, "%s: %s", endpoint, zmq_strerror(errno));
    return ERR_OK;
}

static enum err start(struct bus_door *d, const struct bus_door_config *c, struct err_text *why)
{
    struct profile_curve curve = {.keys = c->keys, .zap_domain = c->zap_domain};
    struct bus *b = d->bus;
    enum profile p = c->profile == BUS_SERVER_URGENT ? PROFILE_SERVER_URGENT : PROFILE_SERVER;
    enum err e = profile_socket(b->context, p, &curve, &d->socket, why);
    if (e == ERR_OK)
        e = monitor_attach(b->context, d->socket, &d->monitor, why);
    if (e != ERR_OK)
        return e;
    e = loop_add_socket(b->loop, d->monitor, LOOP_READ, BUS_PRIORITY_MONITOR, d->name,
                        door_monitor_read, d, &d->monitor_source);
    if (e == ERR_OK)
        e = loop_add_socket(b->loop, d->socket, LOOP_READ, c->priority, d->name, door_read, d,
                            &d->source);
    return e == ERR_OK ? listen_on(d, c->endpoint, why)
                       : err_say(why, e, "the loop has no room for the door %s", d->name);
}

enum err bus_open(struct bus *b, const struct bus_door_config *c, struct bus_door **out,
                  struct err_text *why)
{
    *out = NULL;
    if (c->name == NULL || c->endpoint == NULL || c->zap_domain == NULL || c->keys == NULL ||
        c->message == NULL || c->messages_per_turn < 0)
        return err_say(why, ERR_INVAL, "a door lacks a name, endpoint, domain, keys or handler");
    struct bus_door *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return err_say(why, ERR_NOMEM, "no memory");
    d->bus = b;
    d->config = *c;
    d->failed_logged_ms = -FAILED_LOG_EVERY_MS;
    if (c->messages_per_turn == 0)
        d->config.messages_per_turn = LIMIT_MESSAGES_PER_TURN;
    d->number = ++b->doors_opened;
    d->next = b->doors;
    b->doors = d;
    enum err e = ERR_OK;
    if (!text_copy(d->name, sizeof(d->name), c->name) ||
        !text_copy(d->zap_domain, sizeof(d->zap_domain), c->zap_domain))
        e = err_say(why, ERR_LIMIT, "the name or domain of a door is too long");
    memcpy(d->server_public_z85, c->keys->public_z85, CURVE_Z85_BYTES);
    count_on(d);
    if (e == ERR_OK)
        e = start(d, c, why);
    if (e != ERR_OK) {
        bus_close(d);
        return e;
    }
    d->config.name = d->config.endpoint = d->config.zap_domain = NULL;
    d->config.keys = NULL;
    *out = d;
    return ERR_OK;
}

const char *bus_endpoint(const struct bus_door *d)
{
    return d->endpoint;
}

unsigned bus_connections(const struct bus_door *d)
{
    return d->connections;
}

void bus_pause(struct bus_door *d, bool paused)
{
    d->paused = paused;
    loop_set_events(d->source, paused ? 0 : LOOP_READ);
}

void bus_close(struct bus_door *d)
{
    if (d == NULL)
        return;
    probe_forget(d->bus, d);
    for (struct bus_door **p = &d->bus->doors; *p != NULL; p = &(*p)->next) {
        if (*p == d) {
            *p = d->next;
            break;
        }
    }
    loop_remove(d->source);
    loop_remove(d->monitor_source);
    count_connections(d, 0);
    if (d->socket != NULL) {
        monitor_detach(d->socket, d->monitor);
        (void)zmq_close(d->socket);
    }
    d->socket = d->monitor = NULL;
    if (!d->reading)
        free(d);
}

/* ---- sending */

static int send_frame(struct bus_door *d, zmq_msg_t *frame, int flags)
{
    int rc;
    do
        rc = zmq_msg_send(frame, d->socket, flags | ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    return rc;
}

static enum err not_sent(struct bus_door *d)
{
    switch (errno) {
    case EHOSTUNREACH:
        metric_add(d->count.send_gone, 1);
        return ERR_NOT_FOUND;
    case EAGAIN:
        metric_add(d->count.send_full, 1);
        return ERR_AGAIN;
    case ENOMEM:
        return ERR_NOMEM;
    default:
        return ERR_IO;
    }
}

enum err bus_send(struct bus_door *d, const struct bus_peer *to, const void *data, size_t bytes)
{
    zmq_msg_t id, body;
    if (bytes > LIMIT_FRAME_BYTES)
        return ERR_LIMIT; /* the peer would be cut off while the send succeeds */
    if (to->bytes == 0 || to->bytes > sizeof(to->id))
        return ERR_NOT_FOUND;
    /* Both frames exist before the first is sent: half a message cannot be taken back. */
    if (zmq_msg_init_size(&id, to->bytes) != 0)
        return ERR_NOMEM;
    if (zmq_msg_init_size(&body, bytes) != 0) {
        (void)zmq_msg_close(&id);
        return ERR_NOMEM;
    }
    memcpy(zmq_msg_data(&id), to->id, to->bytes);
    if (bytes > 0)
        memcpy(zmq_msg_data(&body), data, bytes);
    enum err e = ERR_OK;
    if (send_frame(d, &id, ZMQ_SNDMORE) < 0 || send_frame(d, &body, 0) < 0)
        e = not_sent(d);
    else
        metric_add(d->count.sent, 1);
    (void)zmq_msg_close(&id);
    (void)zmq_msg_close(&body);
    return e;
}
