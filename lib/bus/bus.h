/* ZeroMQ for a service: a context, a ZAP handler that fails closed, ROUTER doors, and a client.
 *
 * Sockets are made here only, with one of the option profiles of bus/profile.c. All of it runs on
 * the loop's thread. Server doors are CURVE servers with ZAP domain and enforcement; without a
 * running handler nobody gets in. bus_probe proves it at start and again every minute: a fresh key
 * must be refused, the probe's key accepted.
 */
#ifndef LIU_BUS_BUS_H
#define LIU_BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/keys.h"
#include "loop/loop.h"

struct bus;
struct bus_door;
struct bus_client;

/* Who owns this CURVE public key (Z85)? Returns the party id (borrowed until the next call), NULL =
 * refuse. In memory only; called for each handshake. */
typedef const char *bus_lookup_fn(void *arg, const char *public_z85);

enum err bus_create(struct loop *l, bus_lookup_fn *lookup, void *arg, struct bus **out,
                    struct err_text *why) LIU_MUST_USE;
void bus_destroy(struct bus *b); /* closes doors and clients; bounded by LINGER */

/* ---- server doors */

enum bus_profile { BUS_SERVER, BUS_SERVER_URGENT };

/* Opaque address of a connection: copy it to answer later. */
struct bus_peer {
    uint8_t id[32];
    uint8_t bytes;
    uint8_t door; /* two doors may give the same id to two connections */
};

/* One well-formed message: exactly one frame behind the routing id. user_id is the ZAP User-Id.
 * Frame bytes are borrowed for the call. */
typedef void bus_message_fn(void *arg, const struct bus_peer *peer, const char *user_id,
                            const uint8_t *data, size_t bytes);
/* A malformed one (too many frames, no User-Id): `why` is a stable word. May answer. */
typedef void bus_garbage_fn(void *arg, const struct bus_peer *peer, const char *why);

struct bus_door_config {
    const char *name;       /* "main", "urgent", "bulk": shows in logs and metrics */
    const char *endpoint;   /* tcp://0.0.0.0:7101 or tcp://127.0.0.1:* */
    const char *zap_domain; /* service name */
    const struct curve_keys *keys;
    enum bus_profile profile;
    unsigned priority;         /* on the loop */
    int64_t messages_per_turn; /* 0 = LIMIT_MESSAGES_PER_TURN */
    bus_message_fn *message;
    bus_garbage_fn *garbage;
    void *arg;
};
enum err bus_open(struct bus *b, const struct bus_door_config *c, struct bus_door **out,
                  struct err_text *why) LIU_MUST_USE;
const char *bus_endpoint(const struct bus_door *d); /* as bound, with the real port */
/* TCP connections that are open now, those in their handshake among them. */
unsigned bus_connections(const struct bus_door *d);
void bus_pause(struct bus_door *d, bool paused); /* stop and go on reading */
void bus_close(struct bus_door *d);              /* NULL-safe; stops accepting */

/* Never blocks: ERR_NOT_FOUND peer gone, ERR_AGAIN its queue is full (both counted). */
enum err bus_send(struct bus_door *d, const struct bus_peer *to, const void *data, size_t bytes);

/* Probes every door once: fn(arg, ok, why). */
typedef void bus_probe_fn(void *arg, bool ok, const char *why);
enum err bus_probe(struct bus *b, bus_probe_fn *fn, void *arg) LIU_MUST_USE;

/* ---- client for liuctl, tests and bench: no loop, a context of its own, blocking calls. */

struct bus_client_config {
    const char *endpoint;
    const char *server_public_z85;
    const struct curve_keys *keys;
};
enum err bus_client_create(const struct bus_client_config *c, struct bus_client **out,
                           struct err_text *why) LIU_MUST_USE;
void bus_client_destroy(struct bus_client *c);
enum err bus_client_send(struct bus_client *c, const void *data, size_t bytes,
                         int64_t timeout_ms); /* ERR_AGAIN not connected in time */
enum err bus_client_recv(struct bus_client *c, uint8_t **data, size_t *bytes,
                         int64_t timeout_ms); /* data is malloc'd; ERR_AGAIN none in time */
/* Waits until the connection stands (ERR_OK), is refused, or nobody listens: as bus_client_state.
 */
enum err bus_client_wait(struct bus_client *c, int64_t timeout_ms) LIU_MUST_USE;
/* After a failed send: ERR_AUTH the server refused our key or we hold a wrong server key,
 * ERR_UNAVAILABLE no connection, ERR_OK connected. */
enum err bus_client_state(struct bus_client *c);

#endif
