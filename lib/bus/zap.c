/* The ZAP handler (ZeroMQ RFC 27): default deny, CURVE only, in memory only, since handshakes wait
 * for it one by one. It answers 200 or 400 and nothing else: to a client, 300 means never to be
 * told.
 */
#include "bus/bus_private.h"

#include <errno.h>
#include <string.h>

#include <zmq.h>

#include "bus/profile.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_FRAMES 7 /* version, request id, domain, address, identity, mechanism, public key */
#define ZAP_FIELD_BYTES 255
#define ZAP_REQUESTS_PER_TURN 32
#define ZAP_KEY_BYTES 32

enum {
    FRAME_VERSION,
    FRAME_REQUEST,
    FRAME_DOMAIN,
    FRAME_ADDRESS,
    FRAME_IDENTITY,
    FRAME_MECHANISM,
    FRAME_KEY
};

struct zap_request {
    struct {
        uint8_t data[ZAP_FIELD_BYTES];
        size_t bytes;
    } frame[ZAP_FRAMES];
    size_t frames;
    bool too_long; /* a frame does not fit */
};

static int receive(void *socket, zmq_msg_t *msg)
{
    int rc;
    do
        rc = zmq_msg_recv(msg, socket, ZMQ_DONTWAIT);
    while (rc < 0 && errno == EINTR);
    return rc;
}

/* The whole message, whatever its shape: an unread rest would block the socket. */
static bool read_request(void *socket, struct zap_request *r)
{
    zmq_msg_t msg;
    bool more = true;
    r->frames = 0;
    r->too_long = false;
    (void)zmq_msg_init(&msg);
    while (more && receive(socket, &msg) >= 0) {
        size_t bytes = zmq_msg_size(&msg);
        if (bytes > ZAP_FIELD_BYTES) {
            r->too_long = true;
            bytes = 0;
        }
        if (r->frames < ZAP_FRAMES) {
            memcpy(r->frame[r->frames].data, zmq_msg_data(&msg), bytes);
            r->frame[r->frames].bytes = bytes;
        }
        r->frames++;
        more = zmq_msg_more(&msg) != 0;
    }
    (void)zmq_msg_close(&msg);
    return r->frames > 0;
}

static bool frame_is(const struct zap_request *r, size_t i, const char *text)
{
    size_t bytes = strlen(text);
    return r->frame[i].bytes == bytes && memcmp(r->frame[i].data, text, bytes) == 0;
}

static bool is_well_formed(const struct bus *b, const struct zap_request *r)
{
    if (r->too_long || r->frames != ZAP_FRAMES || !frame_is(r, FRAME_VERSION, "1.0") ||
        !frame_is(r, FRAME_MECHANISM, "CURVE") || r->frame[FRAME_KEY].bytes != ZAP_KEY_BYTES)
        return false;
    for (const struct bus_door *d = b->doors; d != NULL; d = d->next)
        if (frame_is(r, FRAME_DOMAIN, d->zap_domain))
            return true;
    return false;
}

/* The user id of this key, or NULL. */
static const char *decide(struct bus *b, const struct zap_request *r)
{
    char z85[CURVE_Z85_BYTES];
    if (!is_well_formed(b, r) ||
        zmq_z85_encode(z85, r->frame[FRAME_KEY].data, ZAP_KEY_BYTES) == NULL) {
        metric_add(b->count.zap_malformed, 1);
        return NULL;
    }
    if (strcmp(z85, b->probe_keys.public_z85) == 0)
        return BUS_PROBE_USER;
    const char *user = b->lookup(b->lookup_arg, z85);
    /* RFC 27 gives the user id at most 255 octets */
    if (user != NULL &&
        (user[0] == '\0' || user[0] == BUS_RESERVED_USER || strlen(user) > ZAP_FIELD_BYTES))
        user = NULL;
    if (strcmp(z85, b->fresh_z85) != 0)
        metric_add(user != NULL ? b->count.zap_allowed : b->count.zap_refused, 1);
    return user;
}

static bool put(void *socket, const void *data, size_t bytes, int more)
{
    int rc;
    do
        rc = zmq_send(socket, data, bytes, ZMQ_DONTWAIT | more);
    while (rc < 0 && errno == EINTR);
    return rc >= 0;
}

/* A reply that cannot be sent leaves the client without an answer until its handshake times out:
 * closed, as it should be. */
static void answer(void *socket, const struct zap_request *r, const char *user)
{
    const char *status = user != NULL ? "200" : "400";
    const char *text = user != NULL ? "OK" : "unknown key";
    bool has_id = r->frames > FRAME_REQUEST;
    bool ok = put(socket, "1.0", 3, ZMQ_SNDMORE) &&
              put(socket, has_id ? (const char *)r->frame[FRAME_REQUEST].data : "",
                  has_id ? r->frame[FRAME_REQUEST].bytes : 0, ZMQ_SNDMORE) &&
              put(socket, status, strlen(status), ZMQ_SNDMORE) &&
              put(socket, text, strlen(text), ZMQ_SNDMORE) &&
              put(socket, user != NULL ? user : "", user != NULL ? strlen(user) : 0, ZMQ_SNDMORE) &&
              put(socket, "", 0, 0);
    (void)ok;
}

static void zap_read(void *arg, unsigned events)
{
    struct bus *b = arg;
    struct zap_request r = {.frames = 0};
    (void)events;
    for (int i = 0; i < ZAP_REQUESTS_PER_TURN && read_request(b->zap, &r); i++)
        answer(b->zap, &r, decide(b, &r));
}

enum err zap_open(struct bus *b, struct err_text *why)
{
    enum err e = profile_socket(b->context, PROFILE_ZAP, NULL, &b->zap, why);
    if (e != ERR_OK)
        return e;
    if (zmq_bind(b->zap, ZAP_ENDPOINT) != 0)
        return err_say(why, ERR_IO, "cannot answer at %s: %s", ZAP_ENDPOINT, zmq_strerror(errno));
    e = loop_add_socket(b->loop, b->zap, LOOP_READ, BUS_PRIORITY_ZAP, "zap", zap_read, b,
                        &b->zap_source);
    return e == ERR_OK ? e : err_say(why, e, "the loop has no room for the ZAP handler");
}

void zap_close(struct bus *b)
{
    loop_remove(b->zap_source);
    b->zap_source = NULL;
    if (b->zap != NULL)
        (void)zmq_close(b->zap);
    b->zap = NULL;
}
