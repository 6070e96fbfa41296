/* Almost every default of libzmq is wrong for us: unlimited frames, LINGER for ever, half-open
 * handshakes for 30 s, authentication that lets everybody in. So each kind of socket has one table
 * of all its options, and a socket that refuses one of them is not used.
 */
#include "bus/profile.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include <zmq.h>

#include "base/limits.h"
#include "base/text.h"

/* Only in the header of a libzmq with draft API, but understood by every one since 4.3.0. */
#define OPTION_ZAP_ENFORCE_DOMAIN 93

#define IO_THREADS 2
#define IO_THREAD_COMMON 1 /* bit masks of ZMQ_AFFINITY */
#define IO_THREAD_URGENT 2
#define RECONNECT_MS 100

/* ZMQ_MAXMSGSIZE measures the encrypted frame: command name, short nonce, authenticator, flags.
 * Without the allowance a message of exactly the limit would cut the connection. */
#define CURVE_FRAME_BYTES (8 + 8 + 16 + 1)

enum kind { KIND_INT, KIND_INT64, KIND_UINT64 };

struct option {
    int option;
    enum kind kind;
    int64_t value;
    const char *name;
};

#define INT(o, v)                                                                                  \
    {                                                                                              \
        .option = (o), .kind = KIND_INT, .value = (v), .name = #o                                  \
    }
#define INT64(o, v)                                                                                \
    {                                                                                              \
        .option = (o), .kind = KIND_INT64, .value = (v), .name = #o                                \
    }
#define UINT64(o, v)                                                                               \
    {                                                                                              \
        .option = (o), .kind = KIND_UINT64, .value = (v), .name = #o                               \
    }
#define END                                                                                        \
    {                                                                                              \
        .name = NULL                                                                               \
    }

static const struct option server[] = {
    INT(ZMQ_LINGER, 500),
    INT(ZMQ_SNDHWM, 256),
    INT(ZMQ_RCVHWM, 256),
    INT64(ZMQ_MAXMSGSIZE, LIMIT_FRAME_BYTES + CURVE_FRAME_BYTES),
    INT(ZMQ_ROUTER_MANDATORY, 1),
    INT(ZMQ_ROUTER_HANDOVER, 0),
    INT(ZMQ_HANDSHAKE_IVL, 3000),
    INT(ZMQ_BACKLOG, 256),
    INT(ZMQ_HEARTBEAT_IVL, 5000),
    INT(ZMQ_HEARTBEAT_TIMEOUT, 15000),
    INT(ZMQ_HEARTBEAT_TTL, 30000),
    UINT64(ZMQ_AFFINITY, IO_THREAD_COMMON),
    END,
};

static const struct option server_urgent[] = {
    INT(ZMQ_LINGER, 500),
    INT(ZMQ_SNDHWM, 64),
    INT(ZMQ_RCVHWM, 64),
    INT64(ZMQ_MAXMSGSIZE, LIMIT_URGENT_FRAME_BYTES + CURVE_FRAME_BYTES),
    INT(ZMQ_ROUTER_MANDATORY, 1),
    INT(ZMQ_ROUTER_HANDOVER, 0),
    INT(ZMQ_HANDSHAKE_IVL, 3000),
    INT(ZMQ_BACKLOG, 256),
    INT(ZMQ_HEARTBEAT_IVL, 5000),
    INT(ZMQ_HEARTBEAT_TIMEOUT, 15000),
    INT(ZMQ_HEARTBEAT_TTL, 30000),
    UINT64(ZMQ_AFFINITY, IO_THREAD_URGENT),
    END,
};

static const struct option client[] = {
    INT(ZMQ_LINGER, 500),
    INT(ZMQ_SNDHWM, 256),
    INT(ZMQ_RCVHWM, 256),
    INT64(ZMQ_MAXMSGSIZE, LIMIT_FRAME_BYTES + CURVE_FRAME_BYTES),
    INT(ZMQ_IMMEDIATE, 1),
    INT(ZMQ_HANDSHAKE_IVL, 3000),
    INT(ZMQ_HEARTBEAT_IVL, 5000),
    INT(ZMQ_HEARTBEAT_TIMEOUT, 15000),
    INT(ZMQ_HEARTBEAT_TTL, 30000),
    INT(ZMQ_RECONNECT_IVL_MAX, 5000),
    END,
};

static const struct option probe[] = {
    INT(ZMQ_LINGER, 0),         INT(ZMQ_SNDHWM, 1),
    INT(ZMQ_RCVHWM, 1),         INT64(ZMQ_MAXMSGSIZE, 1024),
    INT(ZMQ_IMMEDIATE, 1),      INT(ZMQ_HANDSHAKE_IVL, 3000),
    INT(ZMQ_RECONNECT_IVL, -1), END,
};

static const struct option zap[] = {
    INT(ZMQ_LINGER, 0),
    INT(ZMQ_SNDHWM, 1000),
    INT(ZMQ_RCVHWM, 1000),
    END,
};

/* The I/O thread sends events to this socket with a blocking call, under a lock that closing the
 * watched socket takes as well: a full queue would stop every connection and then the shutdown.
 * No high-water mark is the lesser evil; events are small and only handshakes make them. */
static const struct option monitor[] = {
    INT(ZMQ_LINGER, 0),
    INT(ZMQ_RCVHWM, 0),
    END,
};

static const struct {
    int type;
    const struct option *options;
} profiles[] = {
    [PROFILE_SERVER] = {ZMQ_ROUTER, server}, [PROFILE_SERVER_URGENT] = {ZMQ_ROUTER, server_urgent},
    [PROFILE_CLIENT] = {ZMQ_DEALER, client}, [PROFILE_PROBE] = {ZMQ_DEALER, probe},
    [PROFILE_ZAP] = {ZMQ_REP, zap},          [PROFILE_MONITOR] = {ZMQ_PAIR, monitor},
};

void *profile_context(void)
{
    void *context = zmq_ctx_new();
    if (context == NULL)
        return NULL;
    if (zmq_ctx_set(context, ZMQ_IO_THREADS, IO_THREADS) != 0 ||
        zmq_ctx_set(context, ZMQ_BLOCKY, 0) != 0) {
        (void)zmq_ctx_term(context);
        return NULL;
    }
    return context;
}

enum err profile_check_endpoint(const char *endpoint, bool any_port, struct err_text *why)
{
    const char *port = strrchr(endpoint, ':');
    uint64_t number = 0;
    if (strncmp(endpoint, "tcp://", 6) != 0 || port < endpoint + 6)
        return err_say(why, ERR_CONFIG, "%s: an address is tcp://HOST:PORT", endpoint);
    if (any_port && strcmp(port, ":*") == 0)
        return ERR_OK;
    if (text_u64(port + 1, UINT16_MAX, &number) != ERR_OK || number == 0)
        return err_say(why, ERR_CONFIG, "%s: a port is a number from 1 to 65535", endpoint);
    return ERR_OK;
}

static enum err refused(struct err_text *why, const char *name)
{
    return err_say(why, ERR_CONFIG, "libzmq refuses the socket option %s: %s", name,
                   zmq_strerror(errno));
}

static enum err set_one(void *socket, const struct option *o, struct err_text *why)
{
    int as_int = (int)o->value;
    uint64_t as_uint64 = (uint64_t)o->value;
    int rc = -1;
    switch (o->kind) {
    case KIND_INT:
        rc = zmq_setsockopt(socket, o->option, &as_int, sizeof(as_int));
        break;
    case KIND_INT64:
        rc = zmq_setsockopt(socket, o->option, &o->value, sizeof(o->value));
        break;
    case KIND_UINT64:
        rc = zmq_setsockopt(socket, o->option, &as_uint64, sizeof(as_uint64));
        break;
    }
    return rc == 0 ? ERR_OK : refused(why, o->name);
}

static enum err set_int(void *socket, int option, int value, const char *name, struct err_text *why)
{
    struct option o = {.option = option, .kind = KIND_INT, .value = value, .name = name};
    return set_one(socket, &o, why);
}

static enum err set_text(void *socket, int option, const char *value, const char *name,
                         struct err_text *why)
{
    return zmq_setsockopt(socket, option, value, strlen(value)) == 0 ? ERR_OK : refused(why, name);
}

static enum err set_keys(void *socket, const struct curve_keys *k, struct err_text *why)
{
    enum err e = set_text(socket, ZMQ_CURVE_PUBLICKEY, k->public_z85, "ZMQ_CURVE_PUBLICKEY", why);
    return e != ERR_OK
               ? e
               : set_text(socket, ZMQ_CURVE_SECRETKEY, k->secret_z85, "ZMQ_CURVE_SECRETKEY", why);
}

static bool reads(void *socket, int option, int wanted)
{
    int got = -1;
    size_t bytes = sizeof(got);
    return zmq_getsockopt(socket, option, &got, &bytes) == 0 && got == wanted;
}

/* Domain, enforcement and CURVE: with any of the three missing, unknown keys are let in. */
static enum err check_closed(void *socket, const char *zap_domain, struct err_text *why)
{
    char domain[256] = "";
    size_t bytes = sizeof(domain);
    if (!reads(socket, ZMQ_CURVE_SERVER, 1) || !reads(socket, ZMQ_MECHANISM, ZMQ_CURVE) ||
        !reads(socket, OPTION_ZAP_ENFORCE_DOMAIN, 1) ||
        zmq_getsockopt(socket, ZMQ_ZAP_DOMAIN, domain, &bytes) != 0 ||
        strcmp(domain, zap_domain) != 0)
        return err_say(why, ERR_CONFIG,
                       "this libzmq does not enforce authentication; the door stays closed");
    return ERR_OK;
}

static enum err secure_server(void *socket, const struct profile_curve *c, struct err_text *why)
{
    size_t domain_bytes = c->zap_domain == NULL ? 0 : strlen(c->zap_domain);
    if (domain_bytes == 0 || domain_bytes > 200)
        return err_say(why, ERR_CONFIG, "a door needs a ZAP domain of 1 to 200 characters");
    enum err e = set_int(socket, ZMQ_CURVE_SERVER, 1, "ZMQ_CURVE_SERVER", why);
    if (e == ERR_OK)
        e = set_keys(socket, c->keys, why);
    if (e == ERR_OK)
        e = set_text(socket, ZMQ_ZAP_DOMAIN, c->zap_domain, "ZMQ_ZAP_DOMAIN", why);
    if (e == ERR_OK)
        e = set_int(socket, OPTION_ZAP_ENFORCE_DOMAIN, 1, "ZMQ_ZAP_ENFORCE_DOMAIN", why);
    return e != ERR_OK ? e : check_closed(socket, c->zap_domain, why);
}

static enum err secure_client(void *socket, const struct profile_curve *c, struct err_text *why)
{
    enum err e =
        set_text(socket, ZMQ_CURVE_SERVERKEY, c->server_public_z85, "ZMQ_CURVE_SERVERKEY", why);
    return e != ERR_OK ? e : set_keys(socket, c->keys, why);
}

/* Clients that lost the same server must not all return at the same moment. */
static enum err set_jitter(void *socket, struct err_text *why)
{
    uint8_t random = 0;
    (void)!getrandom(&random, sizeof(random), GRND_NONBLOCK);
    return set_int(socket, ZMQ_RECONNECT_IVL, RECONNECT_MS + random % RECONNECT_MS,
                   "ZMQ_RECONNECT_IVL", why);
}

enum err profile_socket(void *context, enum profile p, const struct profile_curve *c, void **out,
                        struct err_text *why)
{
    *out = NULL;
    void *socket = zmq_socket(context, profiles[p].type);
    if (socket == NULL)
        return err_say(why, errno == EMFILE ? ERR_LIMIT : ERR_IO, "cannot make a socket: %s",
                       zmq_strerror(errno));
    enum err e = ERR_OK;
    for (const struct option *o = profiles[p].options; e == ERR_OK && o->name != NULL; o++)
        e = set_one(socket, o, why);
    switch (p) {
    case PROFILE_SERVER:
    case PROFILE_SERVER_URGENT:
        assert(c != NULL && c->keys != NULL);
        if (e == ERR_OK)
            e = secure_server(socket, c, why);
        break;
    case PROFILE_CLIENT:
        if (e == ERR_OK)
            e = set_jitter(socket, why);
        /* fall through */
    case PROFILE_PROBE:
        assert(c != NULL && c->keys != NULL && c->server_public_z85 != NULL);
        if (e == ERR_OK)
            e = secure_client(socket, c, why);
        break;
    case PROFILE_ZAP:
    case PROFILE_MONITOR:
        break;
    }
    if (e != ERR_OK) {
        (void)zmq_close(socket);
        return e;
    }
    *out = socket;
    return ERR_OK;
}
