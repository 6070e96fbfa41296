/* The bus in memory: what the runtime sends is kept, messages arrive when a test says so. */
#include "fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

unsigned bus_connections(const struct bus_door *d)
{
    (void)d;
    return 0;
}

const char *bus_endpoint(const struct bus_door *d)
{
    (void)d;
    return "";
}

enum err bus_send(struct bus_door *d, const struct bus_peer *to, const void *data, size_t bytes)
{
    (void)d;
    assert_true(fake.n_sent < FAKE_SENT);
    struct fake_sent *s = &fake.sent[fake.n_sent++];
    ProtobufCMessage *m;
    arena_init(&s->arena, 1024 * 1024);
    assert_int_equal(wire_unpack(&s->arena, &ismap__liu__v1__reply__descriptor, data, bytes, &m),
                     ERR_OK);
    s->reply = (pb_reply *)(void *)m;
    s->peer = to->id[0];
    return ERR_OK;
}

Ismap__Liu__V1__Status fake_status(size_t n)
{
    assert_true(n < fake.n_sent);
    return fake.sent[n].reply->status;
}

bool fake_has_rule(size_t n, const char *rule)
{
    const pb_reply *r = fake.sent[n].reply;
    for (size_t i = 0; i < r->n_details; i++)
        if (strcmp(r->details[i]->rule, rule) == 0)
            return true;
    return false;
}

/* ---- messages */

static void sign(Ismap__Liu__V1__Envelope *env, const char *from, const struct signing_key *key,
                 uint8_t signature[ED25519_SIGNATURE_BYTES])
{
    uint8_t at[8], hash[SHA256_BYTES];
    struct crypto_part payload = {env->payload.data, env->payload.len};
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)((uint64_t)env->sent_at_ms >> (56 - 8 * i));
    assert_int_equal(crypto_sha256(&payload, 1, hash), ERR_OK);
    struct crypto_part parts[] = {
        {env->type, strlen(env->type)},
        {env->id, strlen(env->id)},
        {from, strlen(from)},
        {"test", 4},
        {at, sizeof at},
        {hash, sizeof hash},
    };
    assert_int_equal(crypto_sign(key, DOMAIN_MESSAGE, parts, 6, signature), ERR_OK);
    env->signature = (ProtobufCBinaryData){.len = ED25519_SIGNATURE_BYTES, .data = signature};
    env->key_id = (char *)(uintptr_t)signing_key_id(key);
}

void fake_message(const ProtobufCMessage *m, const struct fake_how *how)
{
    static unsigned serial;
    static const struct fake_how plain = {.from = NULL};
    const struct fake_how *h = how == NULL ? &plain : how;
    Ismap__Liu__V1__Envelope env = ISMAP__LIU__V1__ENVELOPE__INIT;
    const char *from = h->from == NULL ? "acme" : h->from;
    uint8_t signature[ED25519_SIGNATURE_BYTES];
    char id[32], curve[CURVE_Z85_BYTES], user[160];
    struct arena a;
    const uint8_t *payload, *data;
    size_t bytes;
    arena_init(&a, 2 * LIMIT_FRAME_BYTES);
    (void)snprintf(id, sizeof id, "message-%06u", serial++);
    fake_curve(from, curve);
    (void)snprintf(user, sizeof user, "p:%s#%s", from, curve);
    assert_int_equal(wire_pack(&a, m, &payload, &env.payload.len), ERR_OK);
    env.payload.data = (uint8_t *)(uintptr_t)payload;
    env.version = 1;
    env.id = (char *)(uintptr_t)(h->id == NULL ? id : h->id);
    env.type = (char *)(uintptr_t)m->descriptor->name;
    env.sent_at_ms = h->sent_at_ms == 0 ? fake.now_ms : h->sent_at_ms;
    env.deadline_ms = h->deadline_ms;
    if (h->sign)
        sign(&env, from, h->key == NULL ? fake.key : h->key, signature);
    assert_int_equal(wire_pack(&a, &env.base, &data, &bytes), ERR_OK);
    struct bus_peer peer = {.id = {h->peer}, .bytes = 1};
    message_arrived(&fake.flow.doors[0], &peer, user, data, bytes);
    arena_fini(&a);
}
