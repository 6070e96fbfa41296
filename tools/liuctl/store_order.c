#include "liuctl/store_order.h"

#include <string.h>

#include "ismap/liu/v1/event.pb-c.h"
#include "ismap/liu/v1/party.pb-c.h"
#include "wire/unpack.h"

int store_order_reason(struct cli *c, const char *why, char **reason)
{
    if (why == NULL || why[0] == '\0')
        return cli_usage(c, c->ja ? "--reason に理由を指定してください。記録簿に残ります"
                                  : "give --reason: it is kept in the journal");
    *reason = (char *)(uintptr_t)why;
    int status = cli_load_keys(c);
    if (status == CLI_OK && c->signing == NULL)
        status = cli_fail(
            c, CLI_USAGE,
            c->ja ? "%s/%s.sign がありません。--as で署名鍵のある運用者を指定してください"
                  : "%s/%s.sign is missing: name an operator whose signing key is there with --as",
            c->config.key_dir, c->identity);
    return status;
}

struct asked {
    struct session *session;
    bool operator_;
    bool key;
};

static bool has_key(const Ismap__Liu__V1__PartyKeys *keys, const struct signing_key *mine)
{
    uint8_t public_key[ED25519_KEY_BYTES];
    signing_key_public(mine, public_key);
    for (size_t i = 0; keys != NULL && i < keys->n_signing; i++) {
        const Ismap__Liu__V1__SigningKey *k = keys->signing[i];
        if (strcmp(k->key_id, signing_key_id(mine)) == 0 &&
            k->public_key.len == sizeof public_key &&
            memcmp(k->public_key.data, public_key, sizeof public_key) == 0)
            return true;
    }
    return false;
}

static void on_party(void *arg, enum err e, const struct store_record *records, size_t n)
{
    struct asked *k = arg;
    struct cli *c = k->session->cli;
    ProtobufCMessage *m = NULL;
    if (e == ERR_OK && n == 1 && records[0].exists)
        e = wire_unpack(&c->arena, &ismap__liu__v1__party__descriptor, records[0].value,
                        records[0].bytes, &m);
    const Ismap__Liu__V1__Party *p = (const void *)m;
    k->operator_ = p != NULL && p->role == ISMAP__LIU__V1__ROLE__ROLE_OPERATOR && !p->revoked;
    k->key = k->operator_ && has_key(p->keys, c->signing);
    k->session->err = e;
    k->session->done = true;
}

int store_order_allowed(struct session *s)
{
    struct cli *c = s->cli;
    struct asked k = {.session = s};
    const struct store_key key = {RECORD_PARTY, c->identity};
    if (store_read(s->store, &key, 1, on_party, &k) != ERR_OK)
        return cli_redis_away(c);
    int status = session_wait(s);
    if (status == CLI_OK && !k.operator_)
        return cli_fail(c, CLI_REFUSED,
                        c->ja ? "%s はこの保存先の運用者ではありません。--as "
                                "で運用者を指定してください"
                              : "%s is no operator of this store: name one with --as",
                        c->identity);
    if (status == CLI_OK && !k.key)
        return cli_fail(c, CLI_REFUSED,
                        c->ja ? "%s の署名鍵 %s は登録された鍵ではありません"
                              : "%s's signing key %s is not the one that is registered",
                        c->identity, signing_key_id(c->signing));
    return status;
}

int store_order_sign(struct cli *c, const ProtobufCMessage *order, struct store_order *out)
{
    return cli_envelope(c, order, true, &out->id, &out->envelope, &out->bytes);
}

bool store_order_entry(struct cli *c, const struct store_order *o, const ProtobufCMessage *event,
                       int64_t now_ms, struct commit_entry *out)
{
    Ismap__Liu__V1__JournalEntry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    const uint8_t *payload;
    if (wire_pack(&c->arena, event, &payload, &e.payload.len) != ERR_OK)
        return false;
    e.payload.data = (uint8_t *)(uintptr_t)payload;
    e.at_ms = now_ms;
    e.actor = (char *)(uintptr_t)c->identity;
    e.cause = (char *)(uintptr_t)o->id;
    e.type = (char *)(uintptr_t)event->descriptor->name;
    const char *dot = strrchr(e.type, '.');
    *out = (struct commit_entry){.type = dot == NULL ? e.type : dot + 1};
    return wire_pack(&c->arena, &e.base, &out->data, &out->bytes) == ERR_OK;
}
