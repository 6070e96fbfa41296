/* The doors of the services with their keys, and who still uses a key that is to go. The scheme
 * signs each door's key, so that a client may take a new one over without a telephone call.
 *
 * liuctl doors [SERVICE] [--save] */
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "ismap/liu/v1/health.pb-c.h"
#include "liuctl/commands.h"

#define COLUMNS 7
#define KEY_SHOWN 8

typedef Ismap__Liu__V1__Door pb_door;
typedef Ismap__Liu__V1__Health pb_health;

static const struct {
    const char *name;
    enum cli_service service; /* that is asked */
} services[] = {
    {"intake", CLI_INTAKE},   {"eligibility", CLI_ELIGIBILITY}, {"audit", CLI_AUDIT},
    {"monitor", CLI_MONITOR}, {"ledger", CLI_LEDGER},
};

struct doors {
    struct cli *c;
    struct cli_table table;
    json_t *scheme; /* keys of the scheme; NULL = none at hand */
    bool save;
    int worst;
};

/* scheme.json: in the directory of our keys, else where the services' keys are. */
static json_t *scheme_load(struct cli *c)
{
    const char *pub = c->config.server_keys[CLI_INTAKE];
    const char *slash = strrchr(pub, '/');
    const char *first = arena_printf(&c->arena, "%s/scheme.json", c->config.key_dir);
    const char *other =
        arena_printf(&c->arena, "%.*s/scheme.json", slash == NULL ? 1 : (int)(slash - pub),
                     slash == NULL ? "." : pub);
    json_t *j = first == NULL ? NULL : json_load_file(first, 0, NULL);
    return j != NULL || other == NULL ? j : json_load_file(other, 0, NULL);
}

/* The scheme's public key of this id. */
static bool scheme_key(const struct doors *d, const char *key_id, uint8_t out[ED25519_KEY_BYTES])
{
    const json_t *keys = json_object_get(d->scheme, "signing");
    size_t i;
    const json_t *k;
    json_array_foreach(keys, i, k)
    {
        const char *id = json_string_value(json_object_get(k, "keyId"));
        const char *text = json_string_value(json_object_get(k, "publicKey"));
        uint8_t raw[BASE64_DATA_BYTES(64)];
        size_t n = 0;
        if (id == NULL || text == NULL || strcmp(id, key_id) != 0 || strlen(text) > 64 ||
            base64_decode(text, strlen(text), raw, &n) != ERR_OK || n != ED25519_KEY_BYTES)
            continue;
        memcpy(out, raw, ED25519_KEY_BYTES);
        return true;
    }
    return false;
}

static bool verifies(const struct doors *d, const char *service, const pb_door *door)
{
    uint8_t key[ED25519_KEY_BYTES];
    const char *instance = d->c->config.scheme_instance;
    const struct crypto_part parts[] = {
        {instance, strlen(instance)},
        {service, strlen(service)},
        {door->name, strlen(door->name)},
        {door->endpoint, strlen(door->endpoint)},
        {door->public_key, strlen(door->public_key)},
    };
    return door->signature.len == ED25519_SIGNATURE_BYTES && scheme_key(d, door->key_id, key) &&
           crypto_verify(key, DOMAIN_DOOR, parts, sizeof parts / sizeof parts[0],
                         door->signature.data) == ERR_OK;
}

static enum cli_service door_service(enum cli_service of, const char *name)
{
    if (strcmp(name, "urgent") == 0)
        return CLI_URGENT;
    return strcmp(name, "bulk") == 0 ? CLI_BULK : of;
}

/* Is the key in one of our two files? */
static bool is_known(const char *file, const char *key)
{
    char have[CURVE_Z85_BYTES];
    struct err_text why;
    return file[0] != '\0' && curve_public_load(file, have, &why) == ERR_OK &&
           strcmp(have, key) == 0;
}

/* A new key goes into the file of the two that is not there; what is there is never replaced. */
static void save(struct doors *d, enum cli_service to, const pb_door *door)
{
    struct cli *c = d->c;
    const char *files[] = {c->config.server_keys[to], c->config.second_keys[to]};
    const char *ends[] = {c->config.endpoints[to], c->config.second_endpoints[to]};
    struct err_text why = {""};
    if (ends[0][0] == '\0' || is_known(files[0], door->public_key) ||
        is_known(files[1], door->public_key))
        return;
    for (int i = 0; i < 2; i++) {
        if (files[i][0] == '\0' || ends[i][0] == '\0' || access(files[i], F_OK) == 0)
            continue;
        if (curve_public_save(door->public_key, files[i], &why) == ERR_OK)
            cli_note(c, c->ja ? "%s に保存しました (%s)" : "saved as %s (for %s)", files[i],
                     ends[i]);
        else
            d->worst = cli_fail(c, CLI_USAGE, "%s", why.text);
        return;
    }
    d->worst = cli_fail(c, CLI_USAGE,
                        c->ja ? "%s: 新しい鍵の置き場がありません。設定の second_endpoint と "
                                "second_key、または不要になった .pub を確かめてください"
                              : "%s: no place for a new key: set its second_endpoint and "
                                "second_key, or remove the .pub of a key that is gone",
                        door->name);
}

static const char *users_text(struct cli *c, const pb_door *door)
{
    const char *text = door->n_users == 0 ? "-" : "";
    char at[CLI_TIME_BYTES];
    for (size_t i = 0; i < door->n_users && text != NULL; i++) {
        cli_time(door->users[i]->at_ms, at);
        text = arena_printf(&c->arena, "%s%s%s (%s)", text, i == 0 ? "" : ", ", door->users[i]->id,
                            at);
    }
    return text == NULL ? "-" : text;
}

static void take(struct doors *d, enum cli_service of, const pb_health *h, const pb_door *door)
{
    struct cli *c = d->c;
    bool good = verifies(d, h->service, door);
    const char *cells[COLUMNS] = {
        h->service,
        door->name,
        door->endpoint,
        arena_printf(&c->arena, "%.*s", KEY_SHOWN, door->public_key),
        door->old ? (c->ja ? "旧" : "old") : (c->ja ? "現" : "current"),
        arena_printf(&c->arena, "%u", (unsigned)door->connections),
        users_text(c, door),
    };
    cli_table_row(c, &d->table, COLUMNS, cells);
    if (!good && d->worst == CLI_OK)
        d->worst =
            cli_fail(c, CLI_REFUSED,
                     c->ja ? "%s %s: 鍵の署名を確かめられません (%s/scheme.json を確かめてください)"
                           : "%s %s: the signature on its key does not verify (see %s/scheme.json)",
                     h->service, door->name, c->config.key_dir);
    if (good && d->save && !door->old)
        save(d, door_service(of, door->name), door);
}

static void ask(struct doors *d, enum cli_service of)
{
    struct cli *c = d->c;
    Ismap__Liu__V1__GetHealth m = ISMAP__LIU__V1__GET_HEALTH__INIT;
    ProtobufCMessage *answer;
    int status = cli_request(c, of, &m.base, false, &answer);
    const pb_health *h = (void *)answer;
    if (status != CLI_OK || h == NULL) {
        d->worst = status;
        return;
    }
    for (size_t i = 0; i < h->n_doors; i++)
        take(d, of, h, h->doors[i]);
    if (c->json)
        cli_print(c, &h->base);
}

int cmd_doors(struct cli *c, struct cli_args *a)
{
    static const char *const head_en[COLUMNS] = {"SERVICE", "DOOR",        "ENDPOINT", "KEY",
                                                 "IS",      "CONNECTIONS", "USED BY"};
    static const char *const head_ja[COLUMNS] = {"サービス", "受付", "エンドポイント", "鍵",
                                                 "新旧",     "接続", "利用者"};
    struct doors d = {.c = c, .save = cli_flag(a, "--save")};
    const char *only = cli_next(a);
    bool any = false;
    if (!cli_done(c, a))
        return CLI_USAGE;
    int status = cli_load_keys(c);
    if (status != CLI_OK)
        return status;
    d.scheme = scheme_load(c);
    cli_table_row(c, &d.table, COLUMNS, c->ja ? head_ja : head_en);
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        if (c->config.endpoints[services[i].service][0] == '\0' ||
            (only != NULL && strcmp(only, services[i].name) != 0))
            continue;
        any = true;
        ask(&d, services[i].service);
    }
    json_decref(d.scheme);
    if (!any)
        return cli_usage(c, c->ja ? "設定にないサービスです" : "no such service is configured");
    if (!c->json)
        cli_table_print(c, &d.table);
    return d.worst;
}
