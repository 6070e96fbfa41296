/* Configuration, keys, and one request with its answer.
 *
 * A time-out says nothing about the effect, so the same id and bytes are sent again until the
 * answer comes or the time is up; the service makes the effect once.
 */
#include "liuctl/cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "conf/conf.h"
#include "crypto/envelope.h"
#include "wire/unpack.h"

#define SEND_AGAIN_MS 2000
#define WAY_MS 1500 /* of two ways one is given so long to connect */

#define ROW(n, t, f, lo, hi, def, h)                                                               \
    {                                                                                              \
        .name = n, .type = t, .offset = offsetof(struct cli_config, f), .min = lo, .max = hi,      \
        .fallback = def, .help = h                                                                 \
    }
#define SERVICE_ROWS(word, index)                                                                  \
    ROW(word "_endpoint", CONF_STRING, endpoints[index], 0, 255, "", "endpoint of this door"),     \
        ROW(word "_key", CONF_PATH, server_keys[index], 0, 0, "",                                  \
            "file with its public CURVE key"),                                                     \
        ROW(word "_second_endpoint", CONF_STRING, second_endpoints[index], 0, 255, "",             \
            "the same door under the service's second key"),                                       \
        ROW(word "_second_key", CONF_PATH, second_keys[index], 0, 0, "",                           \
            "file with that key; what is newer is tried first, what is missing is not used")

static const struct conf_row rows[] = {
    ROW("identity", CONF_STRING, identity, 0, 64, "", "whose keys are used when --as is not given"),
    ROW("key_dir", CONF_PATH, key_dir, 0, 0, ".",
        "directory with IDENTITY.curve and IDENTITY.sign"),
    ROW("scheme_instance", CONF_STRING, scheme_instance, 1, 64, "ismap-liu",
        "name that signatures are bound to"),
    SERVICE_ROWS("intake", CLI_INTAKE),
    SERVICE_ROWS("eligibility", CLI_ELIGIBILITY),
    SERVICE_ROWS("audit", CLI_AUDIT),
    SERVICE_ROWS("monitor", CLI_MONITOR),
    SERVICE_ROWS("urgent", CLI_URGENT),
    SERVICE_ROWS("bulk", CLI_BULK),
    SERVICE_ROWS("ledger", CLI_LEDGER),
    ROW("redis_address", CONF_STRING, redis_address, 0, 255, "", "for store and journal commands"),
    STORE_TLS_ROWS(ROW, redis_tls),
    ROW("redis_user", CONF_STRING, redis_user, 0, 64, "", "ACL user of those commands"),
    ROW("redis_password_file", CONF_PATH, redis_password_file, 0, 0, "",
        "file that holds its password"),
    ROW("partition", CONF_STRING, partition, 1, 16, "p0", "partition tag"),
    ROW("archive_dir", CONF_PATH, archive_dir, 0, 0, "", "the ledger's segments"),
    ROW("timeout_ms", CONF_INT, timeout_ms, 100, 600000, "10000", "longest wait for one answer"),
};

static const char *const service_names[CLI_SERVICES] = {"intake", "eligibility", "audit", "monitor",
                                                        "urgent", "bulk",        "ledger"};

int cli_load_config(struct cli *c)
{
    if (c->config.partition != NULL)
        return CLI_OK;
    const char *path = c->config_path;
    if (path == NULL)
        path = getenv("LIUCTL_CONFIG");
    if (path == NULL)
        path = access("liuctl.yaml", R_OK) == 0 ? "liuctl.yaml" : "/etc/ismap-liu/liuctl.yaml";
    struct buf report;
    buf_init(&report, 65536);
    struct conf_table t = {rows, sizeof rows / sizeof rows[0], &c->config};
    enum err e = conf_load(path, &t, 1, &report);
    if (e != ERR_OK && report.len > 0)
        (void)cli_fail(c, CLI_USAGE, "%.*s", (int)(report.len - 1), (const char *)report.data);
    buf_fini(&report);
    if (e != ERR_OK && access(path, R_OK) != 0)
        return cli_usage(c, c->ja
                                ? "設定ファイルを --config または LIUCTL_CONFIG で指定してください"
                                : "name the settings with --config FILE or LIUCTL_CONFIG");
    if (e == ERR_OK && c->identity == NULL)
        c->identity = c->config.identity;
    return e == ERR_OK ? CLI_OK : CLI_USAGE;
}

void cli_free_config(struct cli *c)
{
    struct conf_table t = {rows, sizeof rows / sizeof rows[0], &c->config};
    conf_free(&t, 1);
}

int cli_load_keys(struct cli *c)
{
    int status = cli_load_config(c);
    if (status != CLI_OK || c->keys_loaded)
        return status;
    if (c->identity == NULL || c->identity[0] == '\0')
        return cli_usage(c, c->ja ? "--as で名乗る当事者を指定してください"
                                  : "say whose keys to use: --as IDENTITY");
    struct err_text why = {""};
    const char *curve = arena_printf(&c->arena, "%s/%s.curve", c->config.key_dir, c->identity);
    const char *sign = arena_printf(&c->arena, "%s/%s.sign", c->config.key_dir, c->identity);
    if (curve == NULL || sign == NULL)
        return CLI_TEMPORARY;
    if (access(curve, R_OK) != 0)
        return cli_fail(c, CLI_USAGE,
                        c->ja ? "%s: %s。--as で鍵のある当事者を選ぶか、liuctl keygen %s "
                                "で鍵を作って運用者に登録を求めてください"
                              : "%s: %s: choose one whose keys are there with --as, or make them "
                                "(liuctl keygen %s) and have the operator add the party",
                        curve, cli_errno(c), c->identity);
    if (curve_keys_load(curve, &c->curve, &why) != ERR_OK)
        return cli_fail(c, CLI_USAGE, "%s", why.text);
    if (access(sign, F_OK) == 0 && signing_key_load(sign, &c->signing, &why) != ERR_OK)
        return cli_fail(c, CLI_USAGE, "%s", why.text);
    c->keys_loaded = true;
    return CLI_OK;
}

/* A service has two endpoints with a key each while its key is changed. */
struct way {
    const char *endpoint;
    const char *key_file;
    int64_t at_ms; /* when the file was made; -1 = there is none */
};

static int64_t made_at_ms(const char *path)
{
    struct stat st;
    if (path[0] == '\0' || stat(path, &st) != 0)
        return -1;
    return (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
}

/* One or two, the newer key first. */
static size_t ways_to(const struct cli *c, enum cli_service to, struct way ways[2])
{
    struct way a = {c->config.endpoints[to], c->config.server_keys[to], 0};
    struct way b = {c->config.second_endpoints[to], c->config.second_keys[to], 0};
    a.at_ms = made_at_ms(a.key_file);
    b.at_ms = b.endpoint[0] == '\0' ? -1 : made_at_ms(b.key_file);
    bool b_first = b.at_ms >= 0 && b.at_ms >= a.at_ms;
    ways[0] = b_first ? b : a;
    ways[1] = b_first ? a : b;
    return ways[1].at_ms < 0 ? 1 : 2;
}

static int way_open(struct cli *c, enum cli_service to, const struct way *w)
{
    char server[CURVE_Z85_BYTES];
    struct err_text why = {""};
    if (curve_public_load(w->key_file, server, &why) != ERR_OK)
        return cli_fail(c, CLI_USAGE, "%s", why.text);
    struct bus_client_config bc = {
        .endpoint = w->endpoint, .server_public_z85 = server, .keys = &c->curve};
    if (bus_client_create(&bc, &c->clients[to], &why) != ERR_OK)
        return cli_fail(c, CLI_USAGE, "%s", why.text);
    c->connected_to[to] = w->endpoint;
    return CLI_OK;
}

static void way_close(struct cli *c, enum cli_service to)
{
    bus_client_destroy(c->clients[to]);
    c->clients[to] = NULL;
}

int cli_connect(struct cli *c, enum cli_service to)
{
    if (c->clients[to] != NULL)
        return CLI_OK;
    int status = cli_load_keys(c);
    if (status != CLI_OK)
        return status;
    if (c->config.endpoints[to][0] == '\0')
        return cli_fail(c, CLI_USAGE,
                        c->ja ? "設定に %s_endpoint がありません" : "%s_endpoint is not configured",
                        service_names[to]);
    struct way ways[2];
    size_t n = ways_to(c, to, ways);
    for (size_t i = 0; n == 2 && i < n; i++) {
        status = way_open(c, to, &ways[i]);
        if (status != CLI_OK || bus_client_wait(c->clients[to], WAY_MS) == ERR_OK)
            return status;
        way_close(c, to);
    }
    return way_open(c, to, &ways[0]);
}

static bool sign_envelope(struct cli *c, Ismap__Liu__V1__Envelope *env)
{
    const struct envelope_text text = {
        .type = env->type,
        .id = env->id,
        .sender = c->identity,
        .scheme = c->config.scheme_instance,
        .sent_at_ms = env->sent_at_ms,
        .payload = {env->payload.data, env->payload.len},
    };
    uint8_t *signature = arena_alloc(&c->arena, ED25519_SIGNATURE_BYTES);
    if (signature == NULL || envelope_sign(c->signing, &text, signature) != ERR_OK)
        return false;
    env->signature = (ProtobufCBinaryData){.len = ED25519_SIGNATURE_BYTES, .data = signature};
    env->key_id = (char *)(uintptr_t)signing_key_id(c->signing);
    return true;
}

/* Its door was closed, and there is another one by now: the connection is given up. */
static bool other_way(struct cli *c, enum cli_service to)
{
    struct way ways[2];
    if (bus_client_state(c->clients[to]) == ERR_OK ||
        (ways_to(c, to, ways) == 1 && strcmp(ways[0].endpoint, c->connected_to[to]) == 0))
        return false;
    way_close(c, to);
    return true;
}

static const char *fresh_id(struct cli *c)
{
    uint8_t random[15];
    char text[32];
    if (crypto_random(random, sizeof random) != ERR_OK)
        return NULL;
    text_base32(random, sizeof random, text);
    return arena_strdup(&c->arena, text);
}

int cli_envelope(struct cli *c, const ProtobufCMessage *m, bool sign, const char **id,
                 const uint8_t **data, size_t *bytes)
{
    Ismap__Liu__V1__Envelope env = ISMAP__LIU__V1__ENVELOPE__INIT;
    const uint8_t *payload;
    *id = c->request_id != NULL ? c->request_id : fresh_id(c);
    if (*id == NULL || wire_pack(&c->arena, m, &payload, &env.payload.len) != ERR_OK)
        return cli_fail(c, CLI_INPUT, c->ja ? "要求が大きすぎます" : "the message is too large");
    env.version = 1;
    env.id = (char *)(uintptr_t)*id;
    env.type = (char *)(uintptr_t)m->descriptor->name;
    env.payload.data = (uint8_t *)(uintptr_t)payload;
    env.sent_at_ms = clock_wall_ms();
    if (sign && c->signing == NULL)
        return cli_fail(c, CLI_USAGE,
                        c->ja ? "署名鍵がありません: %s/%s.sign" : "no signing key: %s/%s.sign",
                        c->config.key_dir, c->identity);
    if (sign && !sign_envelope(c, &env))
        return cli_fail(c, CLI_USAGE, c->ja ? "署名できません" : "signing failed");
    return wire_pack(&c->arena, &env.base, data, bytes) == ERR_OK ? CLI_OK : CLI_INPUT;
}

static int no_answer(struct cli *c, enum cli_service to)
{
    enum err e = bus_client_state(c->clients[to]);
    const char *name = service_names[to];
    if (e == ERR_AUTH)
        return cli_fail(
            c, CLI_REFUSED,
            c->ja ? "%s: 鍵が受け入れられません (%s は登録されていますか。サーバ鍵は正しいですか)"
                  : "%s: our key was refused (is %s registered, and the server's key right?)",
            name, c->identity);
    return cli_fail(c, CLI_TEMPORARY,
                    c->ja ? "%s: %s から応答がありません" : "%s: no answer from %s", name,
                    c->connected_to[to]);
}

/* Is this the reply to `id`? An empty id: the frame could not be read far enough to know. */
static bool take_reply(struct cli *c, const char *id, uint8_t *in, size_t n)
{
    ProtobufCMessage *m = NULL;
    enum err e = wire_unpack(&c->arena, &ismap__liu__v1__reply__descriptor, in, n, &m);
    Ismap__Liu__V1__Reply *r = (void *)m;
    free(in);
    if (e != ERR_OK || (strcmp(r->request_id, id) != 0 && r->request_id[0] != '\0'))
        return false;
    c->reply = r;
    return true;
}

struct sending {
    enum cli_service to;
    const char *id;
    const uint8_t *data;
    size_t bytes;
    int64_t send_at_ms;
    struct cli_wait wait;
};

/* A slice of the exchange, so that a long wait can be told. ERR_OK: the reply is there; ERR_AGAIN:
 * not yet. */
static enum err exchange_slice(struct cli *c, struct sending *s, int64_t until_ms)
{
    int64_t now = clock_mono_ms();
    int64_t slice = until_ms - now < CLI_WAIT_TICK_MS ? until_ms - now : CLI_WAIT_TICK_MS;
    if (now >= s->send_at_ms) {
        if (other_way(c, s->to) && cli_connect(c, s->to) != CLI_OK)
            return ERR_UNAVAILABLE;
        enum err e = bus_client_send(c->clients[s->to], s->data, s->bytes, slice);
        if (e == ERR_AGAIN && bus_client_state(c->clients[s->to]) == ERR_AUTH)
            return ERR_AUTH;
        if (e != ERR_OK)
            return e;
        s->send_at_ms = clock_mono_ms() + SEND_AGAIN_MS;
    }
    uint8_t *in = NULL;
    size_t n = 0;
    if (bus_client_recv(c->clients[s->to], &in, &n, slice) != ERR_OK)
        return ERR_AGAIN;
    return take_reply(c, s->id, in, n) ? ERR_OK : ERR_AGAIN;
}

/* Waits for the reply to `id`, sending again now and then. */
static int exchange(struct cli *c, struct sending *s)
{
    int64_t until = clock_mono_ms() + c->config.timeout_ms;
    const char *what =
        arena_printf(&c->arena, "%s (%s)", service_names[s->to], c->connected_to[s->to]);
    enum err e = ERR_AGAIN;
    cli_wait_begin(c, &s->wait, what == NULL ? service_names[s->to] : what);
    while (e == ERR_AGAIN && clock_mono_ms() < until) {
        e = exchange_slice(c, s, until);
        cli_wait_tick(&s->wait, NULL);
    }
    cli_wait_end(&s->wait);
    return e == ERR_OK ? CLI_OK : no_answer(c, s->to);
}

int cli_request_quiet(struct cli *c, enum cli_service to, const ProtobufCMessage *m, bool sign,
                      ProtobufCMessage **answer)
{
    *answer = NULL;
    c->reply = NULL;
    int status = cli_connect(c, to);
    struct sending s = {.to = to};
    if (status == CLI_OK)
        status = cli_envelope(c, m, sign, &s.id, &s.data, &s.bytes);
    if (status == CLI_OK)
        status = exchange(c, &s);
    if (status != CLI_OK)
        return status;
    const ProtobufCMessageDescriptor *d =
        c->reply->type[0] == '\0' ? NULL : wire_type(c->reply->type);
    if (d != NULL &&
        wire_unpack(&c->arena, d, c->reply->payload.data, c->reply->payload.len, answer) != ERR_OK)
        return cli_fail(c, CLI_TEMPORARY,
                        c->ja ? "応答を読み取れません" : "the answer cannot be read");
    return cli_status_exit(c->reply->status);
}

int cli_request(struct cli *c, enum cli_service to, const ProtobufCMessage *m, bool sign,
                ProtobufCMessage **answer)
{
    if (c->dry_run) {
        *answer = NULL;
        cli_note(c, "%s: %s", c->ja ? "送信しません(--dry-run)" : "not sent (--dry-run)",
                 m->descriptor->name);
        cli_print(c, m);
        return CLI_OK;
    }
    int status = cli_request_quiet(c, to, m, sign, answer);
    if (c->reply != NULL && c->reply->status != ISMAP__LIU__V1__STATUS__STATUS_OK)
        cli_print_refusal(c, c->reply);
    return status;
}

int cli_ask(struct cli *c, enum cli_service to, const ProtobufCMessage *m, bool sign)
{
    ProtobufCMessage *answer;
    int status = cli_request(c, to, m, sign, &answer);
    cli_print(c, answer);
    return status;
}

const char *cli_status_name(Ismap__Liu__V1__Status s)
{
    const ProtobufCEnumValue *v =
        protobuf_c_enum_descriptor_get_value(&ismap__liu__v1__status__descriptor, (int)s);
    return v == NULL ? "UNKNOWN" : v->name + strlen("STATUS_");
}

int cli_status_exit(Ismap__Liu__V1__Status s)
{
    switch (s) {
    case ISMAP__LIU__V1__STATUS__STATUS_OK:
        return CLI_OK;
    case ISMAP__LIU__V1__STATUS__STATUS_INVALID_ARGUMENT:
    case ISMAP__LIU__V1__STATUS__STATUS_OUT_OF_RANGE:
        return CLI_INPUT;
    case ISMAP__LIU__V1__STATUS__STATUS_UNAVAILABLE:
    case ISMAP__LIU__V1__STATUS__STATUS_RESOURCE_EXHAUSTED:
    case ISMAP__LIU__V1__STATUS__STATUS_ABORTED:
    case ISMAP__LIU__V1__STATUS__STATUS_DEADLINE_EXCEEDED:
        return CLI_TEMPORARY;
    default:
        return CLI_REFUSED;
    }
}
