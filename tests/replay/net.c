/* lib/bus without sockets: doors of the services and the agents' connections to them. A connection
 * belongs to one life of a service; the key is asked about when it is made. Frames may come late,
 * twice or never; the private HTTP port is not there. Signatures are checked for what they cover,
 * but made of a hash: Ed25519 would take most of a run's time.
 */
#include "replay/sim.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define FRAME_US 200
#define PROBE_US (5 * SIM_MS)
#define LINKS 256

struct bus_door {
    struct bus *bus;
    struct bus_door_config config;
    char name[16];
    bool paused;
};

struct bus {
    struct node *node;
    bus_lookup_fn *lookup;
    void *lookup_arg;
    struct bus_door doors[SIM_DOORS];
    size_t n_doors;
};

struct link {
    uint16_t number;
    uint16_t life; /* of the connection: answers to an earlier one are lost */
    struct node *node;
    uint64_t incarnation; /* of the service it is connected to; 0 = to none */
    char door[16];
    char curve[CURVE_Z85_BYTES];
    char *user_id;
    const struct link_events *events;
    void *arg;
};

struct frame {
    uint16_t link, life;
    size_t bytes;
    uint8_t data[];
};

static struct link *links[LINKS];

/* ---- agents' side */

struct link *link_open(const char *curve, int node, const char *door, const struct link_events *ev,
                       void *arg)
{
    for (uint16_t i = 0; i < LINKS; i++) {
        if (links[i] != NULL)
            continue;
        struct link *l = sim_need(calloc(1, sizeof *l));
        l->number = i;
        l->node = &sim.nodes[node];
        l->events = ev;
        l->arg = arg;
        (void)text_copy(l->door, sizeof l->door, door);
        (void)text_copy(l->curve, sizeof l->curve, curve);
        links[i] = l;
        return l;
    }
    (void)fputs("replay: too many connections\n", stderr);
    abort();
}

void link_lose(struct link *l)
{
    l->incarnation = 0;
    l->life++;
}

void link_rekey(struct link *l, const char *curve)
{
    (void)text_copy(l->curve, sizeof l->curve, curve);
    link_lose(l);
}

void link_close(struct link *l)
{
    links[l->number] = NULL;
    free(l->user_id);
    free(l);
}

static struct bus_door *door_of(const struct link *l)
{
    struct bus *b = l->node->flow == NULL ? NULL : l->node->bus;
    for (size_t i = 0; b != NULL && i < b->n_doors; i++)
        if (strcmp(b->doors[i].name, l->door) == 0)
            return &b->doors[i];
    return NULL;
}

/* The handshake. */
static bool connected(struct link *l, const struct bus *b)
{
    if (l->incarnation == l->node->incarnation)
        return true;
    const char *user = b->lookup(b->lookup_arg, l->curve);
    if (user == NULL) {
        sim_trace("refuses a connection to %s: key %.12s", l->door, l->curve);
        return false;
    }
    free(l->user_id);
    l->user_id = sim_need(strdup(user));
    l->incarnation = l->node->incarnation;
    return true;
}

static void on_frame(void *arg)
{
    struct frame *f = arg;
    struct link *l = links[f->link];
    struct bus_door *d = l == NULL ? NULL : door_of(l);
    if (d != NULL && !d->paused && connected(l, d->bus)) {
        struct bus_peer peer = {.bytes = 4};
        memcpy(peer.id, &l->number, 2);
        memcpy(peer.id + 2, &l->life, 2);
        memory_calm();
        l->events->reached(l->arg, f->data, f->bytes);
        memory_uncalm();
        d->config.message(d->config.arg, &peer, l->user_id, f->data, f->bytes);
    }
    free(f);
}

static struct frame *frame_new(const struct link *l, const void *data, size_t bytes)
{
    struct frame *f = sim_need(malloc(sizeof *f + bytes));
    f->link = l->number;
    f->life = l->life;
    f->bytes = bytes;
    memcpy(f->data, data, bytes);
    return f;
}

/* How many copies arrive: 0, 1 or 2. */
static unsigned copies(void)
{
    if (rng_chance(&sim.rng, sim.faults.frame_drop))
        return 0;
    return rng_chance(&sim.rng, sim.faults.frame_twice) ? 2 : 1;
}

void link_send(struct link *l, const void *data, size_t bytes)
{
    if (l->node->flow == NULL)
        return;
    for (unsigned n = copies(); n > 0; n--)
        sim_after_node(l->node, sim_delay_us(20, FRAME_US), on_frame, frame_new(l, data, bytes),
                       free);
}

void net_node_down(struct node *n)
{
    for (size_t i = 0; i < LINKS; i++)
        if (links[i] != NULL && links[i]->node == n)
            link_lose(links[i]);
}

/* ---- services' side */

static void on_reply(void *arg)
{
    struct frame *f = arg;
    struct link *l = links[f->link];
    if (l != NULL && l->life == f->life)
        l->events->reply(l->arg, f->data, f->bytes);
    free(f);
}

enum err bus_send(struct bus_door *d, const struct bus_peer *to, const void *data, size_t bytes)
{
    uint16_t number, life;
    (void)d;
    memcpy(&number, to->id, 2);
    memcpy(&life, to->id + 2, 2);
    const struct link *l = links[number];
    if (l == NULL || l->life != life || l->node->crashing)
        return ERR_NOT_FOUND;
    memory_calm();
    l->events->left(l->arg, data, bytes);
    memory_uncalm();
    for (unsigned n = copies(); n > 0; n--)
        sim_after_drop(sim_delay_us(20, FRAME_US), on_reply, frame_new(l, data, bytes), free);
    return ERR_OK;
}

enum err bus_create(struct loop *l, bus_lookup_fn *lookup, void *arg, struct bus **out,
                    struct err_text *why)
{
    (void)l, (void)why;
    struct bus *b = sim_need(calloc(1, sizeof *b));
    *b = (struct bus){.node = sim.current, .lookup = lookup, .lookup_arg = arg};
    sim.current->bus = b;
    *out = b;
    return ERR_OK;
}

void bus_destroy(struct bus *b)
{
    if (b != NULL)
        b->node->bus = NULL;
    free(b);
}

enum err bus_open(struct bus *b, const struct bus_door_config *c, struct bus_door **out,
                  struct err_text *why)
{
    (void)why;
    if (b->n_doors == SIM_DOORS)
        return ERR_LIMIT;
    struct bus_door *d = &b->doors[b->n_doors++];
    *d = (struct bus_door){.bus = b, .config = *c};
    (void)text_copy(d->name, sizeof d->name, c->name);
    *out = d;
    return ERR_OK;
}

const char *bus_endpoint(const struct bus_door *d)
{
    return d->name;
}

unsigned bus_connections(const struct bus_door *d)
{
    (void)d;
    return 0;
}

enum err curve_keys_load(const char *path, struct curve_keys *out, struct err_text *why)
{
    (void)path, (void)why;
    *out = (struct curve_keys){.public_z85 = "a service's key"};
    return ERR_OK;
}

void curve_keys_wipe(struct curve_keys *k)
{
    *k = (struct curve_keys){.public_z85 = ""};
}

void bus_pause(struct bus_door *d, bool paused)
{
    d->paused = paused;
}

void bus_close(struct bus_door *d)
{
    (void)d;
}

struct probe {
    bus_probe_fn *fn;
    void *arg;
};

static void on_probe(void *arg)
{
    struct probe p = *(struct probe *)arg;
    free(arg);
    p.fn(p.arg, true, "");
}

enum err bus_probe(struct bus *b, bus_probe_fn *fn, void *arg)
{
    struct probe *p = sim_need(malloc(sizeof *p));
    *p = (struct probe){fn, arg};
    sim_after_node(b->node, PROBE_US, on_probe, p, free);
    return ERR_OK;
}

/* ---- the HTTP port */

enum err obs_http_create(struct loop *l, const char *address, obs_ready_fn *ready, void *arg,
                         struct obs_http **out, struct err_text *why)
{
    (void)l, (void)address, (void)ready, (void)arg, (void)why;
    *out = NULL;
    return ERR_OK;
}

void obs_http_destroy(struct obs_http *h)
{
    (void)h;
}

/* ---- signatures: digest of the signed text, then the public key. Put in place by the linker. */

enum err __wrap_crypto_sign(const struct signing_key *k, const char *domain,
                            const struct crypto_part *parts, size_t n,
                            uint8_t out[ED25519_SIGNATURE_BYTES]);
enum err __wrap_crypto_verify(const uint8_t public_key[ED25519_KEY_BYTES], const char *domain,
                              const struct crypto_part *parts, size_t n,
                              const uint8_t signature[ED25519_SIGNATURE_BYTES]);

enum err __wrap_crypto_sign(const struct signing_key *k, const char *domain,
                            const struct crypto_part *parts, size_t n,
                            uint8_t out[ED25519_SIGNATURE_BYTES])
{
    signing_key_public(k, out + SHA256_BYTES);
    return crypto_digest(domain, parts, n, out);
}

enum err __wrap_crypto_verify(const uint8_t public_key[ED25519_KEY_BYTES], const char *domain,
                              const struct crypto_part *parts, size_t n,
                              const uint8_t signature[ED25519_SIGNATURE_BYTES])
{
    uint8_t digest[SHA256_BYTES];
    if (crypto_digest(domain, parts, n, digest) != ERR_OK)
        return ERR_INTERNAL;
    return memcmp(digest, signature, SHA256_BYTES) == 0 &&
                   memcmp(public_key, signature + SHA256_BYTES, ED25519_KEY_BYTES) == 0
               ? ERR_OK
               : ERR_AUTH;
}
