/* Envelopes, right and wrong, to real services. */
#include "client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "wire/unpack.h"

#define CLIENT_ARENA_BYTES (64 * 1024 * 1024)
#define SEND_AGAIN_MS 2000

static void put_u64(uint8_t out[8], uint64_t v)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> (56 - 8 * i));
}

void client_open(struct client *c, const struct stack *s, unsigned door, const struct identity *who)
{
    static const unsigned owner[STACK_DOORS] = {STACK_INTAKE,  STACK_ELIGIBILITY, STACK_AUDIT,
                                                STACK_MONITOR, STACK_LEDGER,      STACK_MONITOR,
                                                STACK_MONITOR};
    char endpoint[64];
    (void)snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", s->ports[door]);
    client_open_at(c, endpoint, s->servers[owner[door]].curve.public_z85, who);
}

void client_open_at(struct client *c, const char *endpoint, const char *server_z85,
                    const struct identity *who)
{
    struct err_text why = {""};
    *c = (struct client){.who = who};
    arena_init(&c->arena, CLIENT_ARENA_BYTES);
    struct bus_client_config bc = {
        .endpoint = endpoint, .server_public_z85 = server_z85, .keys = &who->curve};
    assert_int_equal(bus_client_create(&bc, &c->bus, &why), ERR_OK);
}

void client_close(struct client *c)
{
    bus_client_destroy(c->bus);
    arena_fini(&c->arena);
    *c = (struct client){.bus = NULL};
}

static void sign(struct client *c, Ismap__Liu__V1__Envelope *env, const struct how *h)
{
    const struct identity *signer = h->signer == NULL ? c->who : h->signer;
    const char *instance = h->instance == NULL ? STACK_INSTANCE : h->instance;
    const char *id = h->sign_id == NULL ? env->id : h->sign_id;
    uint8_t at[8];
    uint8_t hash[SHA256_BYTES];
    struct crypto_part payload = {env->payload.data, env->payload.len};
    put_u64(at, (uint64_t)env->sent_at_ms);
    assert_int_equal(crypto_sha256(&payload, 1, hash), ERR_OK);
    struct crypto_part parts[] = {
        {env->type, strlen(env->type)}, {id, strlen(id)}, {c->who->id, strlen(c->who->id)},
        {instance, strlen(instance)},   {at, sizeof at},  {hash, sizeof hash},
    };
    uint8_t *signature = arena_alloc(&c->arena, ED25519_SIGNATURE_BYTES);
    assert_non_null(signature);
    assert_int_equal(crypto_sign(signer->signing, DOMAIN_MESSAGE, parts, 6, signature), ERR_OK);
    env->signature = (ProtobufCBinaryData){.len = ED25519_SIGNATURE_BYTES, .data = signature};
    env->key_id =
        (char *)(uintptr_t)(h->key_id == NULL ? signing_key_id(signer->signing) : h->key_id);
}

void client_envelope(struct client *c, const ProtobufCMessage *m, const struct how *h,
                     const uint8_t **data, size_t *bytes)
{
    static const struct how plain = {.id = NULL};
    Ismap__Liu__V1__Envelope env = ISMAP__LIU__V1__ENVELOPE__INIT;
    if (h == NULL)
        h = &plain;
    if (h->id != NULL) {
        (void)text_copy(c->last_id, sizeof c->last_id, h->id);
    } else {
        uint8_t random[15];
        assert_int_equal(crypto_random(random, sizeof random), ERR_OK);
        text_base32(random, sizeof random, c->last_id);
    }
    const uint8_t *payload = h->payload;
    env.payload.len = h->payload_bytes;
    if (payload == NULL && !h->no_payload)
        assert_int_equal(wire_pack(&c->arena, m, &payload, &env.payload.len), ERR_OK);
    env.version = h->version == 0 ? 1 : h->version;
    env.id = (char *)(uintptr_t)(h->id != NULL ? h->id : c->last_id);
    env.type = (char *)(uintptr_t)(h->type != NULL ? h->type : m->descriptor->name);
    env.payload.data = (uint8_t *)(uintptr_t)payload;
    env.sent_at_ms = h->sent_at_ms == 0 ? clock_wall_ms() : h->sent_at_ms;
    env.deadline_ms = h->deadline_ms;
    if (h->sign)
        sign(c, &env, h);
    assert_int_equal(wire_pack(&c->arena, &env.base, data, bytes), ERR_OK);
}

void client_send(struct client *c, const uint8_t *data, size_t bytes)
{
    assert_int_equal(bus_client_send(c->bus, data, bytes, CLIENT_WAIT_MS), ERR_OK);
}

pb_reply *client_receive(struct client *c, int64_t timeout_ms)
{
    uint8_t *in = NULL;
    size_t n = 0;
    ProtobufCMessage *m = NULL;
    if (bus_client_recv(c->bus, &in, &n, timeout_ms) != ERR_OK)
        return NULL;
    enum err e = wire_unpack(&c->arena, &ismap__liu__v1__reply__descriptor, in, n, &m);
    free(in);
    assert_int_equal(e, ERR_OK);
    return (pb_reply *)(void *)m;
}

pb_reply *client_await(struct client *c, const char *id, int64_t timeout_ms)
{
    int64_t until = clock_mono_ms() + timeout_ms;
    for (int64_t left = timeout_ms; left > 0; left = until - clock_mono_ms()) {
        pb_reply *r = client_receive(c, left);
        if (r != NULL && (strcmp(r->request_id, id) == 0 || r->request_id[0] == '\0'))
            return r;
    }
    return NULL;
}

pb_reply *client_exchange(struct client *c, const uint8_t *data, size_t bytes)
{
    char id[65];
    memcpy(id, c->last_id, sizeof id);
    int64_t until = clock_mono_ms() + CLIENT_WAIT_MS;
    while (clock_mono_ms() < until) {
        if (bus_client_send(c->bus, data, bytes, SEND_AGAIN_MS) != ERR_OK)
            continue;
        pb_reply *r = client_await(c, id, SEND_AGAIN_MS);
        if (r != NULL)
            return r;
    }
    return NULL;
}

pb_reply *client_ask(struct client *c, const ProtobufCMessage *m, const struct how *h)
{
    const uint8_t *data;
    size_t bytes;
    client_envelope(c, m, h, &data, &bytes);
    pb_reply *r = client_exchange(c, data, bytes);
    if (r == NULL)
        fprintf(stderr, "%s: no answer to %s\n", c->who->id,
                m == NULL ? h->type : m->descriptor->name);
    assert_non_null(r);
    return r;
}

pb_reply *client_call(struct client *c, const ProtobufCMessage *m)
{
    return client_ask(c, m, NULL);
}

pb_reply *client_sign(struct client *c, const ProtobufCMessage *m)
{
    return client_ask(c, m, &(struct how){.sign = true});
}

pb_reply *client_persist(struct client *c, const ProtobufCMessage *m, bool sign)
{
    const uint8_t *data;
    size_t bytes;
    client_envelope(c, m, &(struct how){.sign = sign}, &data, &bytes);
    for (int i = 0; i < 100; i++) {
        pb_reply *r = client_exchange(c, data, bytes);
        if (r != NULL && r->status != ST(UNAVAILABLE) && r->status != ST(ABORTED))
            return r;
        (void)usleep(100000);
    }
    fail_msg("%s: %s stays refused", c->who->id, m->descriptor->name);
    return NULL;
}

const void *client_payload(struct client *c, const pb_reply *r, const ProtobufCMessageDescriptor *d)
{
    ProtobufCMessage *m = NULL;
    assert_string_equal(r->type, d->name);
    assert_int_equal(wire_unpack(&c->arena, d, r->payload.data, r->payload.len, &m), ERR_OK);
    return m;
}

bool reply_has_rule(const pb_reply *r, const char *rule)
{
    for (size_t i = 0; i < r->n_details; i++)
        if (rule == NULL || strcmp(r->details[i]->rule, rule) == 0)
            return true;
    return false;
}

bool receipt_verifies(const struct stack *s, const Ismap__Liu__V1__Receipt *r, const char *sender,
                      const char *request_id)
{
    static const uint8_t tag = 0x01;
    uint8_t seq[8], at[8], node[SHA256_BYTES], key[ED25519_KEY_BYTES];
    put_u64(seq, r->seq);
    put_u64(at, (uint64_t)r->at_ms);
    struct crypto_part leaf[] = {
        {r->epoch, strlen(r->epoch)},
        {seq, 8},
        {at, 8},
        {r->request_hash.data, r->request_hash.len},
        {sender, strlen(sender)},
        {request_id, strlen(request_id)},
    };
    if (crypto_digest(DOMAIN_RECEIPT, leaf, 6, node) != ERR_OK)
        return false;
    for (size_t i = 0; i < r->n_path; i++) {
        const ProtobufCBinaryData *sib = &r->path[i]->hash;
        bool left = r->path[i]->sibling_is_left;
        if (sib->len != SHA256_BYTES)
            return false;
        struct crypto_part pair[] = {{&tag, 1},
                                     {left ? sib->data : node, SHA256_BYTES},
                                     {left ? node : sib->data, SHA256_BYTES}};
        uint8_t up[SHA256_BYTES];
        if (crypto_sha256(pair, 3, up) != ERR_OK)
            return false;
        memcpy(node, up, sizeof node);
    }
    struct crypto_part root = {node, sizeof node};
    signing_key_public(s->scheme, key);
    return r->signature.len == ED25519_SIGNATURE_BYTES &&
           strcmp(r->key_id, signing_key_id(s->scheme)) == 0 &&
           crypto_verify(key, DOMAIN_RECEIPT, &root, 1, r->signature.data) == ERR_OK;
}

const Ismap__Liu__V1__Events *client_fetch(struct client *c, uint64_t after_seq, uint32_t wait_ms,
                                           const char *type)
{
    Ismap__Liu__V1__FetchEvents ask = ISMAP__LIU__V1__FETCH_EVENTS__INIT;
    char *types[] = {(char *)(uintptr_t)type};
    const uint8_t *data;
    size_t bytes;
    char id[65];
    ask.after_seq = after_seq;
    ask.wait_ms = wait_ms;
    ask.types = types;
    ask.n_types = type == NULL ? 0 : 1;
    client_envelope(c, &ask.base, NULL, &data, &bytes);
    memcpy(id, c->last_id, sizeof id);
    client_send(c, data, bytes);
    pb_reply *r = client_await(c, id, wait_ms + CLIENT_WAIT_MS);
    assert_non_null(r);
    assert_status(r, ST(OK));
    return client_payload(c, r, &ismap__liu__v1__events__descriptor);
}

void assert_status_at(const pb_reply *r, Ismap__Liu__V1__Status want, const char *file, int line)
{
    if (r == NULL) {
        print_error("%s:%d: no answer, status %d expected\n", file, line, (int)want);
        _fail(file, line);
        return;
    }
    if (r->status == want)
        return;
    print_error("%s:%d: status %d, expected %d\n", file, line, (int)r->status, (int)want);
    for (size_t i = 0; i < r->n_details; i++)
        print_error("  %s [%s] %s\n", r->details[i]->field, r->details[i]->rule,
                    r->details[i]->message_en);
    _fail(file, line);
}
