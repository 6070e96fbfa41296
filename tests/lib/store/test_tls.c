/* TLS between the store and a real server: who is let in, what is told of who is not, and that the
 * connection behaves as a plain one does. */
#include "lib/store/client_fixture.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

#define SKIPPED 77

static struct server {
    struct client plain; /* over the unix socket: genesis, and settings of the server */
    char certs[64];
    char ports[2][8]; /* TLS, plain */
    char texts[3][128];
} srv;

static const char *file(const char *name)
{
    static char paths[32][128];
    static unsigned n;
    char *p = paths[n++ % 32];
    (void)snprintf(p, sizeof paths[0], "%s/%s", srv.certs, name);
    return p;
}

/* A port that was free a moment ago. */
static bool free_port(char out[8])
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
              getsockname(fd, (struct sockaddr *)&a, &n) == 0;
    (void)snprintf(out, 8, "%u", ntohs(a.sin_port));
    return close(fd) == 0 && ok;
}

static int up(void **state)
{
    char command[256];
    *state = &srv;
    (void)snprintf(srv.certs, sizeof srv.certs, "/tmp/liu-tls-XXXXXX");
    if (mkdtemp(srv.certs) == NULL || !free_port(srv.ports[0]) || !free_port(srv.ports[1]))
        return -1;
    (void)snprintf(command, sizeof command, "%s/tests/support/make-certs %s", LIU_SOURCE_DIR,
                   srv.certs);
    if (system(command) != 0)
        return -1;
    (void)snprintf(srv.texts[0], sizeof srv.texts[0], "%s", file("server.crt"));
    (void)snprintf(srv.texts[1], sizeof srv.texts[1], "%s", file("server.key"));
    (void)snprintf(srv.texts[2], sizeof srv.texts[2], "%s", file("ca.crt"));
    static const char *extra[] = {"--bind",
                                  "127.0.0.1",
                                  "--port",
                                  srv.ports[1],
                                  "--tls-port",
                                  srv.ports[0],
                                  "--tls-cert-file",
                                  srv.texts[0],
                                  "--tls-key-file",
                                  srv.texts[1],
                                  "--tls-ca-cert-file",
                                  srv.texts[2],
                                  NULL};
    struct err_text why = {""};
    if (!test_redis_start(&srv.plain.redis, extra))
        return -1;
    client_connect(&srv.plain, srv.plain.redis.address, 0);
    enum err e = client_init_store(&srv.plain, &why);
    if (e != ERR_OK)
        fprintf(stderr, "init: %s\n", why.text);
    client_disconnect(&srv.plain);
    return e == ERR_OK ? 0 : -1;
}

static int down(void **state)
{
    char command[128];
    (void)state;
    test_redis_destroy(&srv.plain.redis);
    (void)snprintf(command, sizeof command, "rm -rf %s", srv.certs);
    return srv.certs[0] != '\0' ? system(command) : 0;
}

static void set(const char *name, const char *value)
{
    redisContext *r = test_redis_connect(&srv.plain.redis);
    assert_non_null(r);
    redisReply *reply = redisCommand(r, "CONFIG SET %s %s", name, value);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("CONFIG SET %s %s: %s", name, value, reply->str);
    freeReplyObject(reply);
    redisFree(r);
}

/* Both at once: they must fit each other. */
static void show_certificate(const char *name)
{
    char crt[16];
    char key[16];
    (void)snprintf(crt, sizeof crt, "%s.crt", name);
    (void)snprintf(key, sizeof key, "%s.key", name);
    redisContext *r = test_redis_connect(&srv.plain.redis);
    assert_non_null(r);
    redisReply *reply =
        redisCommand(r, "CONFIG SET tls-cert-file %s tls-key-file %s", file(crt), file(key));
    assert_non_null(reply);
    assert_int_equal(reply->type, REDIS_REPLY_STATUS);
    freeReplyObject(reply);
    redisFree(r);
}

static const char *address(const char *scheme, const char *host, unsigned port)
{
    static char text[64];
    (void)snprintf(text, sizeof text, "%s:%s:%s", scheme, host, srv.ports[port]);
    return text;
}

static struct store_config good(void)
{
    return (struct store_config){
        .address = address("tls", "127.0.0.1", 0),
        .partition = "p0",
        .tls = {.ca = file("ca.crt"), .cert = file("client.crt"), .key = file("client.key")}};
}

static void connect_with(struct client *c, const struct store_config *config)
{
    struct err_text why = {""};
    assert_int_equal(loop_create(&c->loop), ERR_OK);
    if (store_create(c->loop, config, &c->store, &why) != ERR_OK)
        fail_msg("store_create: %s", why.text);
}

static void refused(const struct store_config *config, const char *part)
{
    struct client c = {.store = NULL};
    connect_with(&c, config);
    client_until_refused(&c, part);
    client_disconnect(&c);
}

static void a_server_that_is_who_it_must_be_is_used(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct client c = {.store = NULL};
        struct store_config config = good();
        struct commit_memory m;
        config.address = address("tls", hosts[i], 0);
        connect_with(&c, &config);
        client_until_ready(&c);
        commit_make(&m, hosts[i], true);
        assert_int_equal(client_commit(&c, STORE_URGENT, &m.commit).status, COMMIT_OK);
        assert_int_equal(client_commit(&c, STORE_MAIN, &m.commit).status, COMMIT_DUPLICATE);
        client_disconnect(&c);
    }
}

static void who_is_not_is_refused_with_the_reason(void **state)
{
    struct store_config config = good();
    (void)state;
    config.tls.ca = file("ca-other.crt");
    refused(&config, "certificate is refused");

    show_certificate("expired");
    config = good();
    refused(&config, "certificate has expired");

    show_certificate("elsewhere");
    config = good();
    refused(&config, "address mismatch");
    config.address = address("tls", "localhost", 0);
    refused(&config, "ostname mismatch");

    struct client c = {.store = NULL};
    config.tls_name = "redis.example"; /* behind an address that is not in its certificate */
    connect_with(&c, &config);
    client_until_ready(&c);
    client_disconnect(&c);
    show_certificate("server");
}

static void a_server_that_wants_a_certificate_gets_none(void **state)
{
    struct store_config config = good();
    (void)state;
    config.tls.cert = config.tls.key = NULL;
    refused(&config, "TLS: "); /* "certificate required", unless the reset overtakes that word */
    set("tls-auth-clients", "no");
    struct client c = {.store = NULL};
    connect_with(&c, &config);
    client_until_ready(&c);
    client_disconnect(&c);
    set("tls-auth-clients", "yes");
}

static void tls_and_plain_do_not_meet(void **state)
{
    struct store_config config = good();
    (void)state;
    config.timeout_ms = 500;
    config.address = address("tls", "127.0.0.1", 1);
    struct client c = {.store = NULL};
    connect_with(&c, &config);
    client_until_refused(&c, "is this a port of TLS?"); /* such a server waits for more */
    client_disconnect(&c);
    config = (struct store_config){.address = address("tcp", "127.0.0.1", 0), .timeout_ms = 500};
    connect_with(&c, &config);
    int64_t end = clock_mono_ms() + 700;
    while (clock_mono_ms() < end) {
        (void)loop_turn(c.loop, 20);
        assert_false(store_ready(c.store, NULL));
    }
    client_disconnect(&c);
}

static bool write_sentinel_conf(const char *path)
{
    FILE *f = fopen(path, "w");
    return f != NULL &&
           fprintf(f,
                   "bind 127.0.0.1\nprotected-mode no\ntls-replication yes\n"
                   "sentinel monitor liu 127.0.0.1 %s 1\n",
                   srv.ports[0]) > 0 &&
           fclose(f) == 0;
}

/* What is told is what a new connection would find, also while the old one stays. */
static void the_first_expiry_is_known_and_looked_at_again(void **state)
{
    struct client c = {.store = NULL};
    struct store_config config = good();
    (void)state;
    connect_with(&c, &config);
    client_until_ready(&c);
    store_tls_look(c.store);
    int64_t now_s = clock_wall_ms() / 1000;
    int64_t end = clock_mono_ms() + 5000;
    while (store_tls_until_s(c.store) == 0 && clock_mono_ms() < end)
        (void)loop_turn(c.loop, 20);
    /* the CA's thirty days; server's and client's last longer */
    assert_in_range(store_tls_until_s(c.store) - now_s, 29 * 86400, 30 * 86400);
    show_certificate("soon");
    store_tls_look(c.store);
    while (store_tls_until_s(c.store) > now_s + 29 * 86400 && clock_mono_ms() < end + 5000)
        (void)loop_turn(c.loop, 20);
    assert_in_range(store_tls_until_s(c.store) - now_s, 86400, 3 * 86400);
    assert_true(store_ready(c.store, NULL));
    client_disconnect(&c);
    show_certificate("server");
}

/* A real Sentinel behind TLS: it is asked, and must be who it says; so must whom it names. */
static void sentinels_and_whom_they_name_are_verified(void **state)
{
    struct test_redis sentinel = {.pid = 0};
    struct client c = {.store = NULL};
    struct store_config config = good();
    char port[8];
    char text[64];
    (void)state;
    assert_true(free_port(port) && write_sentinel_conf(file("sentinel.conf")));
    const char *const extra[] = {"--sentinel", "--tls-port",
                                 port,         "--tls-cert-file",
                                 srv.texts[0], "--tls-key-file",
                                 srv.texts[1], "--tls-ca-cert-file",
                                 srv.texts[2], NULL};
    assert_true(test_redis_start_with(&sentinel, file("sentinel.conf"), extra));
    (void)snprintf(text, sizeof text, "sentinel-tls:liu@127.0.0.1:1,localhost:%s", port);
    config.address = text;
    connect_with(&c, &config);
    client_until_ready(&c);
    client_disconnect(&c);

    config.tls.ca = file("ca-other.crt");
    refused(&config, "Sentinel localhost: TLS: the server's certificate is refused");
    config = good();
    config.address = text;
    show_certificate("elsewhere"); /* the Sentinel's is good, the primary's is not */
    refused(&config, "address mismatch");
    show_certificate("server");
    (void)snprintf(text, sizeof text, "sentinel-tls:other@localhost:%s", port);
    config.address = text;
    refused(&config, "it knows no primary of the name other");
    test_redis_destroy(&sentinel);
}

static void faulty_settings_are_told_at_the_start(void **state)
{
    const struct {
        const char *address, *ca, *cert, *key, *reason;
    } rows[] = {
        {"tls:localhost:1", NULL, NULL, NULL, "needs the file of the CA"},
        {"tls:localhost:1", file("none"), NULL, NULL, "none: no CA certificate"},
        {"tls:localhost:1", file("ca.cnf"), NULL, NULL, "ca.cnf: no CA certificate"},
        {"tls:localhost:1", file("ca.crt"), file("client.crt"), NULL, "needs its key"},
        {"tls:localhost:1", file("ca.crt"), file("client.crt"), file("server.key"),
         "not that of the certificate"},
        {"tls:localhost:1", file("ca.crt"), file("client.crt"), file("ca.cnf"), "mode 0600"},
        {"tls:localhost", file("ca.crt"), NULL, NULL, "tls:host:port is expected"},
        {"tcp:localhost:1", file("ca.crt"), NULL, NULL, "no tls: or sentinel-tls: address"},
        {"unix:/tmp/x", file("ca.crt"), NULL, NULL, "no tls: or sentinel-tls: address"},
    };
    struct loop *l = NULL;
    (void)state;
    assert_int_equal(chmod(file("ca.cnf"), 0644), 0);
    assert_int_equal(loop_create(&l), ERR_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct store_config config = {.address = rows[i].address,
                                      .tls = {rows[i].ca, rows[i].cert, rows[i].key}};
        struct store *s = NULL;
        struct err_text why = {""};
        assert_int_equal(store_create(l, &config, &s, &why), ERR_CONFIG);
        assert_null(s);
        if (strstr(why.text, rows[i].reason) == NULL)
            fail_msg("row %zu: %s", i, why.text);
    }
    loop_destroy(l);
}

struct got {
    bool done;
    enum err e;
    size_t bytes;
    bool same;
};

static uint8_t big[300000];

static void on_big(void *arg, enum err e, const struct store_record *records, size_t n)
{
    struct got *g = arg;
    g->e = e;
    g->done = true;
    g->bytes = n == 1 ? records[0].bytes : 0;
    g->same = g->bytes == sizeof big && memcmp(records[0].value, big, sizeof big) == 0;
}

/* More than a record of TLS, than a socket buffer and than a turn's reads, both ways at once. */
static void long_commands_and_answers_pass_whole(void **state)
{
    struct client c = {.store = NULL};
    struct store_config config = good();
    static struct commit_memory m[24];
    static struct committed r[24];
    struct got g[24] = {{false, ERR_OK, 0, false}};
    (void)state;
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (uint8_t)(i * 2654435761u >> 13);
    connect_with(&c, &config);
    client_until_ready(&c);
    for (size_t i = 0; i < 24; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "big-%zu", i);
        commit_make(&m[i], id, false);
        m[i].put.value = big;
        m[i].put.value_bytes = sizeof big;
        r[i].done = false;
        assert_int_equal(store_commit(c.store, STORE_MAIN, &m[i].commit, on_committed, &r[i]),
                         ERR_OK);
    }
    for (size_t i = 0; i < 24; i++) {
        client_until(&c, &r[i].done);
        assert_int_equal(r[i].status, COMMIT_OK);
    }
    for (size_t i = 0; i < 24; i++) {
        struct store_key key = {RECORD_CASE, m[i].id};
        assert_int_equal(store_read(c.store, &key, 1, on_big, &g[i]), ERR_OK);
    }
    for (size_t i = 0; i < 24; i++) {
        client_until(&c, &g[i].done);
        assert_int_equal(g[i].e, ERR_OK);
        assert_true(g[i].same);
    }
    client_disconnect(&c);
}

/* Killed with commands under way: SIGPIPE would end this program. */
static void a_server_that_is_killed_is_found_again(void **state)
{
    struct client c = {.store = NULL};
    struct store_config config = good();
    static struct commit_memory m[8];
    static struct committed r[8];
    (void)state;
    connect_with(&c, &config);
    client_until_ready(&c);
    for (size_t i = 0; i < 8; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "killed-%zu", i);
        commit_make(&m[i], id, true);
        r[i].done = false;
        assert_int_equal(store_commit(c.store, STORE_MAIN, &m[i].commit, on_committed, &r[i]),
                         ERR_OK);
    }
    assert_true(test_redis_kill(&srv.plain.redis));
    (void)loop_turn(c.loop, 0);
    assert_true(test_redis_restart_mended(&srv.plain.redis));
    client_until_ready(&c);
    for (size_t i = 0; i < 8; i++) {
        client_until(&c, &r[i].done);
        struct committed again = client_commit(&c, STORE_MAIN, &m[i].commit);
        assert_true(again.status == COMMIT_OK || again.status == COMMIT_DUPLICATE);
    }
    client_disconnect(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_is_who_it_must_be_is_used),
        cmocka_unit_test(who_is_not_is_refused_with_the_reason),
        cmocka_unit_test(a_server_that_wants_a_certificate_gets_none),
        cmocka_unit_test(tls_and_plain_do_not_meet),
        cmocka_unit_test(the_first_expiry_is_known_and_looked_at_again),
        cmocka_unit_test(sentinels_and_whom_they_name_are_verified),
        cmocka_unit_test(faulty_settings_are_told_at_the_start),
        cmocka_unit_test(long_commands_and_answers_pass_whole),
        cmocka_unit_test(a_server_that_is_killed_is_found_again),
    };
    if (system("command -v openssl >/dev/null") != 0) {
        puts("SKIPPED: no openssl to make certificates with");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, up, down);
}
