/* The shipped redis.conf and users.acl: every service can do its work under them, and no more. */
#include "lib/store/client_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "store/cold.h"
#include "store/restore.h"
#include "store/measure.h"
#include "store/rewrite.h"

#define SECRET "correct horse"

struct deployed {
    struct client client;
    char dir[64];
    char acl[96];
    char password[96];
};

/* Each service, and a kind of record that it writes. */
static const char *const users[] = {"intake", "eligibility", "audit", "monitor", "ledger"};
static const enum record_kind kinds[] = {RECORD_CASE, RECORD_JUDGMENT, RECORD_PLAN, RECORD_HOLD,
                                         RECORD_QUARANTINED};

static void write_file(const char *path, const void *p, size_t n)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, n), n);
    assert_int_equal(close(fd), 0);
}

/* A line that begins with a space goes on with the user above it; a comment is dropped. */
static void join_lines(char *text)
{
    char *to = text;
    for (const char *p = text; *p != '\0';) {
        size_t n = strcspn(p, "\n");
        if (*p == ' ')
            *(to - 1) = ' ';
        if (*p != '#') {
            size_t indent = strspn(p, " ");
            memmove(to, p + indent, n - indent);
            to += n - indent;
            *to++ = '\n';
        }
        p += n + (p[n] == '\n');
    }
    *to = '\0';
}

/* users.acl.in, a user a line, with each @...@ replaced by the hash of SECRET. */
static void render_acl(const char *path)
{
    static char in[16384];
    static char out[32768];
    char hex[2 * SHA256_BYTES + 1];
    uint8_t digest[SHA256_BYTES];
    size_t n = 0;
    int fd = open(LIU_SOURCE_DIR "/deploy/redis/users.acl.in", O_RDONLY);
    ssize_t len = read(fd, in, sizeof(in) - 1);
    assert_true(len > 0);
    assert_int_equal(close(fd), 0);
    in[len] = '\0';
    join_lines(in);
    assert_int_equal(crypto_sha256(&(struct crypto_part){SECRET, strlen(SECRET)}, 1, digest),
                     ERR_OK);
    text_hex(digest, sizeof(digest), hex);
    for (const char *p = in; *p != '\0'; p++) {
        if (strncmp(p, "@SHA256_", 8) != 0) {
            out[n++] = *p;
            continue;
        }
        memcpy(out + n, hex, 64);
        n += 64;
        p = strchr(p + 1, '@');
        assert_non_null(p);
    }
    write_file(path, out, n);
}

static int deploy(void **state)
{
    struct deployed *d = calloc(1, sizeof(*d));
    *state = d;
    (void)snprintf(d->dir, sizeof(d->dir), "/tmp/liu-acl-XXXXXX");
    if (mkdtemp(d->dir) == NULL)
        return -1;
    (void)snprintf(d->acl, sizeof(d->acl), "%s/users.acl", d->dir);
    (void)snprintf(d->password, sizeof(d->password), "%s/password", d->dir);
    render_acl(d->acl);
    write_file(d->password, SECRET "\n", strlen(SECRET) + 1);
    const char *const extra[] = {"--aclfile", d->acl, NULL};
    return test_redis_start_with(&d->client.redis, LIU_SOURCE_DIR "/deploy/redis/redis.conf", extra)
               ? 0
               : -1;
}

static int undeploy(void **state)
{
    struct deployed *d = *state;
    test_redis_destroy(&d->client.redis);
    (void)unlink(d->acl);
    (void)unlink(d->password);
    (void)rmdir(d->dir);
    free(d);
    return 0;
}

static void open_as(struct deployed *d, const char *user)
{
    struct store_config config = {.address = d->client.redis.address,
                                  .user = user,
                                  .password_file = d->password,
                                  .partition = "p0"};
    struct err_text why;
    assert_int_equal(loop_create(&d->client.loop), ERR_OK);
    assert_int_equal(store_create(d->client.loop, &config, &d->client.store, &why), ERR_OK);
}

static void operator_initialises_the_store(void **state)
{
    struct deployed *d = *state;
    struct err_text why = {.text = ""};
    open_as(d, "operator");
    if (client_init_store(&d->client, &why) != ERR_OK)
        fail_msg("%s", why.text);
    client_until_ready(&d->client);
    client_disconnect(&d->client);
}

struct seen {
    bool done;
    enum err e;
};

static void on_read(void *arg, enum err e, const struct store_record *r, size_t n)
{
    (void)r;
    (void)n;
    *(struct seen *)arg = (struct seen){true, e};
}

static void on_scan(void *arg, enum err e, const char *page, const char *const *ids,
                    const struct store_record *r, size_t n)
{
    (void)page;
    (void)ids;
    on_read(arg, e, r, n);
}

static void on_audience(void *arg, enum err e, uint64_t first, const struct store_entry *entries,
                        size_t n, bool more)
{
    (void)first;
    (void)entries;
    (void)more;
    on_read(arg, e, NULL, n);
}

static void on_due(void *arg, enum err e, const struct store_due *due, size_t n)
{
    (void)due;
    on_read(arg, e, NULL, n);
}

static void on_entries(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    (void)entries;
    on_read(arg, e, NULL, n);
}

static void expect_ok(struct client *c, struct seen *seen, enum err asked)
{
    assert_int_equal(asked, ERR_OK);
    client_until(c, &seen->done);
    assert_int_equal(seen->e, ERR_OK);
    seen->done = false;
}

static void every_service_can_do_its_work(void **state)
{
    struct deployed *d = *state;
    struct client *c = &d->client;
    for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
        struct commit_memory m;
        struct seen seen = {.done = false};
        struct store_key key = {RECORD_PARTY, "min-a"};
        struct commit_timer timer = {users[i], "k|r", AT, -1};
        struct commit_noise noise = {"feed", (const uint8_t *)"n", 1};
        open_as(d, users[i]);
        client_until_ready(c);
        commit_make(&m, users[i], true);
        m.put.kind = kinds[i];
        m.commit.timers = &timer;
        m.commit.n_timers = 1;
        if (strcmp(users[i], "monitor") == 0)
            m.commit.noise = &noise;
        assert_int_equal(client_commit(c, STORE_MAIN, &m.commit).status, COMMIT_OK);
        timer = (struct commit_timer){users[i], "k|r", -1, AT};
        commit_make(&m, users[i], true);
        m.put.kind = kinds[i];
        (void)snprintf(m.id, sizeof(m.id), "%s-2", users[i]);
        m.commit.timers = &timer;
        m.commit.n_timers = 1;
        assert_int_equal(client_commit(c, STORE_URGENT, &m.commit).status, COMMIT_OK);
        expect_ok(c, &seen, store_read(c->store, &key, 1, on_read, &seen));
        expect_ok(c, &seen, store_scan(c->store, RECORD_CASE, "", 10, on_scan, &seen));
        expect_ok(c, &seen, store_audience(c->store, "min-a", 0, 99, 10, on_audience, &seen));
        expect_ok(c, &seen, store_due(c->store, users[i], AT, 10, on_due, &seen));
        expect_ok(c, &seen, store_entries(c->store, 1, 9, 9, on_entries, &seen));
        assert_int_equal(store_tail(c->store, 0, on_entries, &seen), ERR_OK);
        expect_ok(c, &seen, ERR_OK);
        client_disconnect(c);
    }
}

static void on_trim(void *arg, enum err e, uint64_t gone, const char *why)
{
    (void)why;
    *(struct seen *)arg = (struct seen){true, gone == 2 ? e : ERR_INTERNAL};
}

static void on_rewrite(void *arg, enum err e, const char *why)
{
    (void)why;
    *(struct seen *)arg = (struct seen){true, e};
}

static void on_measured(void *arg, enum err e, const uint64_t *bytes)
{
    bool sane = bytes != NULL && bytes[FAMILY_JOURNAL] > 0 && bytes[FAMILY_RECEIPTS] > 0;
    *(struct seen *)arg = (struct seen){true, e == ERR_OK && !sane ? ERR_INTERNAL : e};
}

static void ledger_measures_what_the_memory_is_used_for(void **state)
{
    static const char *const parties[] = {"min-a"};
    struct deployed *d = *state;
    struct seen seen = {.done = false};
    struct store_measure what = {.parties = parties, .n_parties = 1};
    open_as(d, "ledger");
    client_until_ready(&d->client);
    expect_ok(&d->client, &seen, store_measure(d->client.store, &what, on_measured, &seen));
    client_disconnect(&d->client);
}

static void ledger_trims(void **state)
{
    struct deployed *d = *state;
    struct seen seen = {.done = false};
    struct store_trim trim = {.seq = 2, .archived = 2};
    open_as(d, "ledger");
    client_until_ready(&d->client);
    expect_ok(&d->client, &seen, store_trim(d->client.store, &trim, on_trim, &seen));
    seen.done = false;
    expect_ok(&d->client, &seen, store_rewrite(d->client.store, on_rewrite, &seen));
    client_disconnect(&d->client);
}

static void on_moved(void *arg, enum err e, int64_t n, const char *why)
{
    if (e != ERR_OK)
        (void)fprintf(stderr, "moved: %s\n", why);
    *(struct seen *)arg = (struct seen){true, n == 1 ? e : ERR_INTERNAL};
}

static void on_sought(void *arg, enum err e, uint64_t generation, const char *letters,
                      const struct store_record *shown, size_t n)
{
    (void)shown;
    bool asked = e == ERR_OK && generation == 1 && n == 1 && letters[0] == COLD_ASKED;
    *(struct seen *)arg = (struct seen){true, asked ? ERR_OK : ERR_INTERNAL};
}

static void records_leave_and_come_back(void **state)
{
    struct deployed *d = *state;
    struct client *c = &d->client;
    struct seen seen = {.done = false};
    struct cold_move m = {.kind = RECORD_CASE, .id = "intake", .revision = 1};
    struct store_key key = {RECORD_CASE, "intake"};
    struct commit_put put = {.kind = RECORD_UPKEEP,
                             .id = COLD_GENERATION,
                             .value = (const uint8_t *)"",
                             .value_bytes = 0};
    struct commit generation = {.reply_type = "", .now_ms = AT, .puts = &put, .n_puts = 1};
    open_as(d, "ledger");
    client_until_ready(c);
    assert_int_equal(client_commit(c, STORE_MAIN, &generation).status, COMMIT_OK);
    expect_ok(c, &seen, store_freeze(c->store, 1, 8192, &m, 1, on_moved, &seen));
    client_disconnect(c);
    for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
        open_as(d, users[i]);
        client_until_ready(c);
        expect_ok(c, &seen, store_seek(c->store, COLD_PUT_BACK, &key, 1, on_sought, &seen));
        expect_ok(c, &seen, store_seek(c->store, COLD_SHOW, &key, 1, on_sought, &seen));
        client_disconnect(c);
    }
    open_as(d, "ledger");
    client_until_ready(c);
    m.value = (const uint8_t *)"";
    expect_ok(c, &seen, store_thaw(c->store, 1, AT, &m, 1, on_moved, &seen));
    client_disconnect(c);
}

static void on_halt(void *arg, enum err e, uint64_t seq, const char *why)
{
    (void)why;
    *(struct seen *)arg = (struct seen){true, seq > 0 ? e : ERR_INTERNAL};
}

/* As the operator; `head` NULL = the one that is there. Its first word or ":" and a number. */
static void clear(struct deployed *d, const char *key, const char *head, const char *last,
                  const char *want)
{
    redisContext *r = test_redis_connect(&d->client.redis);
    freeReplyObject(redisCommand(r, "AUTH operator %s", SECRET));
    redisReply *there = redisCommand(r, "GET {p0}:head");
    const char *now = there->type == REDIS_REPLY_STRING ? there->str : "";
    redisReply *reply = redisCommand(r, "FCALL liu_clear 3 {p0}:head {p0}:restoring %s %s %s", key,
                                     head == NULL ? now : head, last);
    char told[32];
    (void)snprintf(told, sizeof(told), ":%lld", reply->integer);
    if (reply->type == REDIS_REPLY_ERROR)
        (void)snprintf(told, sizeof(told), "%.*s", (int)strcspn(reply->str, " "), reply->str);
    assert_string_equal(told, want);
    freeReplyObject(reply);
    freeReplyObject(there);
    redisFree(r);
}

static long long exists(struct deployed *d, const char *key)
{
    redisContext *r = test_redis_connect(&d->client.redis);
    freeReplyObject(redisCommand(r, "AUTH operator %s", SECRET));
    redisReply *reply = redisCommand(r, "EXISTS %s", key);
    long long n = reply->integer;
    freeReplyObject(reply);
    redisFree(r);
    return n;
}

static void a_store_that_works_is_not_emptied(void **state)
{
    struct deployed *d = *state;
    clear(d, "{p0}:r:party", NULL, "", "LIUREFUSED");
    clear(d, "{p0}:r:party", NULL, "end", "LIUREFUSED");
    assert_int_equal(exists(d, "{p0}:r:party"), 1);
}

/* At the end: with the head that was seen, and the head goes last. */
static void a_halted_store_is_emptied_by_the_operator(void **state)
{
    struct deployed *d = *state;
    clear(d, "{p0}:r:party", "0123456789abcdef0123456789abcdef 1 1 x halted", "", "LIUREFUSED");
    assert_int_equal(exists(d, "{p0}:r:party"), 1);
    clear(d, "{p0}:r:party", NULL, "", ":1");
    assert_int_equal(exists(d, "{p0}:r:party"), 0);
    assert_int_equal(exists(d, "{p0}:head"), 1);
    clear(d, "{p0}:journal", NULL, "end", ":1");
    assert_int_equal(exists(d, "{p0}:head"), 0);
    clear(d, "{p0}:journal", NULL, "", "LIUREFUSED");
}

static void empty(struct deployed *d)
{
    redisContext *r = test_redis_connect(&d->client.redis);
    freeReplyObject(redisCommand(r, "AUTH operator %s", SECRET));
    redisReply *all = redisCommand(r, "SCAN 0 COUNT 100000");
    for (size_t i = 0; i < all->element[1]->elements; i++)
        freeReplyObject(redisCommand(r, "UNLINK %s", all->element[1]->element[i]->str));
    freeReplyObject(all);
    redisFree(r);
}

/* And restored: what may leave does. */
static void the_operator_restores(void **state)
{
    struct deployed *d = *state;
    struct store_restore r;
    struct err_text why = {""};
    const char *id = "case";
    uint64_t revision = 1;
    struct commit_put put = {.kind = RECORD_UPKEEP, .id = COLD_GENERATION};
    struct commit_entry entry = {.data = (const uint8_t *)"e", .bytes = 1, .type = "T"};
    struct commit c = {.reply_type = "",
                       .now_ms = AT,
                       .puts = &put,
                       .n_puts = 1,
                       .revisions = &revision,
                       .entries = &entry,
                       .n_entries = 1};
    struct commit receipt = {
        .receipt_party = "p", .receipt_id = "m", .reply_type = "", .now_ms = AT, .receipt_seq = 1};
    const struct cold_move moves[] = {{.kind = RECORD_CASE, .id = id, .revision = 1},
                                      {.kind = RECORD_RECEIPT, .id = "p:m", .revision = 1}};
    put.value = (const uint8_t *)"v";
    put.value_bytes = 1;
    empty(d);
    open_as(d, "operator");
    enum err e = store_restore_begin(&r, d->client.store, EPOCH, 0, NULL, &why);
    if (e == ERR_OK)
        e = store_restore_add(&r, &c, &why);
    put.kind = RECORD_CASE;
    put.id = id;
    c.n_entries = 0;
    if (e == ERR_OK)
        e = store_restore_add(&r, &c, &why);
    if (e == ERR_OK)
        e = store_restore_add(&r, &receipt, &why);
    if (e == ERR_OK)
        e = store_restore_freeze(&r, 1, 8192, moves, 2, &why);
    if (e == ERR_OK)
        e = store_restore_end(&r, &why);
    store_restore_fini(&r);
    client_disconnect(&d->client);
    if (e != ERR_OK)
        fail_msg("%s: %s", err_name(e), why.text);
    assert_int_equal(exists(d, "{p0}:r:case"), 0);
    assert_int_equal(exists(d, "{p0}:rcpt:p:m"), 0);
    assert_int_equal(exists(d, "{p0}:left:1"), 1);
}

/* Nothing commits any more. */
static void ledger_halts_the_store_for_all(void **state)
{
    struct deployed *d = *state;
    struct seen seen = {.done = false};
    const char *why = "";
    open_as(d, "ledger");
    client_until_ready(&d->client);
    expect_ok(&d->client, &seen, store_halt(d->client.store, on_halt, &seen));
    client_disconnect(&d->client);
    open_as(d, "intake");
    int64_t until = clock_mono_ms() + 10000;
    while (!store_ready(d->client.store, &why) && strstr(why, "halted") == NULL &&
           clock_mono_ms() < until)
        (void)loop_turn(d->client.loop, 10);
    assert_non_null(strstr(why, "the ledger has halted the store"));
    client_disconnect(&d->client);
}

static void commands_outside_a_users_duty_are_refused(void **state)
{
    static const struct {
        const char *user, *command;
    } rows[] = {{"intake", "FCALL liu_trim 1 {p0}:head"},
                {"intake", "FCALL liu_halt 1 {p0}:head"},
                {"intake", "FCALL liu_clear 2 {p0}:head {p0}:restoring x x"},
                {"ledger", "FCALL liu_clear 2 {p0}:head {p0}:restoring x x"},
                {"intake", "FCALL liu_freeze 1 {p0}:head"},
                {"intake", "FCALL liu_thaw 1 {p0}:head"},
                {"intake", "FCALL liu_init 1 {p0}:head"},
                {"monitor", "FCALL liu_trim 1 {p0}:head"},
                {"ledger", "FCALL liu_init 1 {p0}:head"},
                {"intake", "DEL {p0}:head"},
                {"intake", "FLUSHALL"},
                {"intake", "CONFIG SET appendonly no"},
                {"operator", "CONFIG SET appendonly no"},
                {"audit", "GET other"},
                {"audit", "KEYS *"},
                {"eligibility", "FUNCTION LOAD x"},
                {"ledger", "SHUTDOWN"},
                {"intake", "HSET {p0}:r:hold x 1"},
                {"monitor", "ZADD {p0}:timers:intake 1 x"},
                {"audit", "XADD {p0}:noise:feed * d x"},
                {"audit", "SET {p0}:journal x"},
                {"operator", "FCALL liu_trim 1 {p0}:head"},
                {"audit", "EVAL return 0"}};
    struct deployed *d = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        redisContext *r = test_redis_connect(&d->client.redis);
        assert_non_null(r);
        redisReply *reply = redisCommand(r, "AUTH %s %s", rows[i].user, SECRET);
        assert_string_equal(reply->str, "OK");
        freeReplyObject(reply);
        reply = redisCommand(r, rows[i].command);
        if (reply->type != REDIS_REPLY_ERROR || strncmp(reply->str, "NOPERM", 6) != 0)
            fail_msg("%s may: %s", rows[i].user, rows[i].command);
        freeReplyObject(reply);
        redisFree(r);
    }
}

/* The table in the code and the access list name the same writer of each kind. */
static void only_its_writer_may_write_a_kind_of_record(void **state)
{
    struct deployed *d = *state;
    for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
        redisContext *r = test_redis_connect(&d->client.redis);
        freeReplyObject(redisCommand(r, "AUTH %s %s", users[i], SECRET));
        for (int k = RECORD_NONE + 1; k < RECORD_KINDS; k++) {
            const struct record_type *t = record_type_of((enum record_kind)k);
            /* the ledger puts back, by its Function alone, what had left */
            bool own = record_written_by(t, users[i]) ||
                       (strcmp(users[i], "ledger") == 0 && record_freezes(t->kind) &&
                        t->kind != RECORD_RECEIPT);
            /* no value: what is allowed fails for its arguments, and changes nothing */
            redisReply *reply = redisCommand(r, "HSET {p0}:r:%s a b c", t->name);
            assert_int_equal(reply->type, REDIS_REPLY_ERROR);
            if (own != (strncmp(reply->str, "NOPERM", 6) != 0))
                fail_msg("%s, %s: %s", users[i], t->name, reply->str);
            freeReplyObject(reply);
        }
        redisFree(r);
    }
}

/* While the append file is loaded, Redis holds its transactions against the default user's rights.
 */
static void everything_is_there_after_a_restart(void **state)
{
    struct deployed *d = *state;
    struct seen seen = {.done = false};
    struct store_key key = {RECORD_PARTY, "min-a"};
    open_as(d, "audit");
    client_until_ready(&d->client);
    assert_true(test_redis_kill(&d->client.redis));
    assert_true(test_redis_restart(&d->client.redis));
    client_disconnect(&d->client);
    open_as(d, "audit");
    client_until_ready(&d->client);
    expect_ok(&d->client, &seen, store_read(d->client.store, &key, 1, on_read, &seen));
    client_disconnect(&d->client);
}

static void nobody_gets_in_without_a_name(void **state)
{
    struct deployed *d = *state;
    redisContext *r = test_redis_connect(&d->client.redis);
    redisReply *reply = redisCommand(r, "GET {p0}:head");
    assert_int_equal(reply->type, REDIS_REPLY_ERROR);
    assert_memory_equal(reply->str, "NOAUTH", 6);
    freeReplyObject(reply);
    redisFree(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operator_initialises_the_store),
        cmocka_unit_test(every_service_can_do_its_work),
        cmocka_unit_test(ledger_measures_what_the_memory_is_used_for),
        cmocka_unit_test(ledger_trims),
        cmocka_unit_test(records_leave_and_come_back),
        cmocka_unit_test(only_its_writer_may_write_a_kind_of_record),
        cmocka_unit_test(everything_is_there_after_a_restart),
        cmocka_unit_test(commands_outside_a_users_duty_are_refused),
        cmocka_unit_test(nobody_gets_in_without_a_name),
        cmocka_unit_test(a_store_that_works_is_not_emptied),
        cmocka_unit_test(ledger_halts_the_store_for_all),
        cmocka_unit_test(a_halted_store_is_emptied_by_the_operator),
        cmocka_unit_test(the_operator_restores),
    };
    return cmocka_run_group_tests_name("store_deploy", tests, deploy, undeploy);
}
