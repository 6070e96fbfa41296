/* A Redis that could lose acknowledged work, or that speaks another library, is refused with the
 * reason. */
#include "lib/store/client_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/check.h"

static void ask(struct client *c, const char *format, ...)
{
    redisContext *r = test_redis_connect(&c->redis);
    assert_non_null(r);
    va_list ap;
    va_start(ap, format);
    redisReply *reply = redisvCommand(r, format, ap);
    va_end(ap);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", format, reply->str);
    freeReplyObject(reply);
    redisFree(r);
}

static void each_unsafe_setting_is_refused_and_accepted_again_when_mended(void **state)
{
    static const struct {
        const char *name, *bad, *good, *reason;
    } rows[] = {
        {"appendfsync", "everysec", "always", "appendfsync must be always"},
        {"maxmemory-policy", "allkeys-lru", "noeviction", "noeviction"},
        {"save", "60 1", "", "snapshots must be off"},
        {"aof-load-truncated", "yes", "no", "aof-load-truncated must be no"},
        {"appendonly", "no", "yes", "append file is off"},
    };
    struct client *c = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct client other = {.store = NULL};
        ask(c, "CONFIG SET %s %s", rows[i].name, rows[i].bad);
        client_connect(&other, c->redis.address, 0);
        client_until_refused(&other, rows[i].reason);
        ask(c, "CONFIG SET %s %s", rows[i].name, rows[i].good);
        client_until_ready(&other);
        client_disconnect(&other);
    }
}

static void replica_is_refused(void **state)
{
    struct client *c = *state;
    struct client other = {.store = NULL};
    ask(c, "REPLICAOF 127.0.0.1 1");
    client_connect(&other, c->redis.address, 0);
    client_until_refused(&other, "replica");
    ask(c, "REPLICAOF NO ONE");
    client_until_ready(&other);
    client_disconnect(&other);
}

static void missing_or_other_library_is_refused(void **state)
{
    struct client *c = *state;
    struct client other = {.store = NULL};
    struct err_text why;
    ask(c, "FUNCTION DELETE liu");
    client_connect(&other, c->redis.address, 0);
    client_until_refused(&other, "Function library is missing");
    ask(c, "FUNCTION LOAD %s",
        "#!lua name=liu\nredis.register_function('liu_commit', function() return 1 end)");
    client_until_refused(&other, "this program needs");
    struct commit_memory m;
    commit_make(&m, "x", false);
    assert_int_equal(store_commit(other.store, STORE_MAIN, &m.commit, on_committed, NULL),
                     ERR_UNAVAILABLE);
    assert_int_equal(store_load_library(other.store, &why), ERR_OK);
    client_until_ready(&other);
    client_disconnect(&other);
}

static void empty_store_is_refused_until_it_is_initialised(void **state)
{
    struct client *c = *state;
    struct client other = {.store = NULL};
    struct store_config config = {.address = c->redis.address, .partition = "p9"};
    struct err_text why;
    assert_int_equal(loop_create(&other.loop), ERR_OK);
    assert_int_equal(store_create(other.loop, &config, &other.store, &why), ERR_OK);
    client_until_refused(&other, "run liuctl store init");
    assert_int_equal(client_init_store(&other, &why), ERR_OK);
    client_until_ready(&other);
    assert_int_equal(client_init_store(&other, &why), ERR_EXISTS);
    client_disconnect(&other);
}

/* A service that lives through a restore holds memory of another history: it must not write. */
static void changed_epoch_breaks_commits_and_stops_the_store(void **state)
{
    struct client *c = *state;
    struct client other = {.store = NULL};
    struct commit_memory m;
    commit_make(&m, "epoch-1", false);
    client_connect(&other, c->redis.address, 0);
    client_until_ready(&other);
    ask(c, "SETRANGE {p0}:head 0 aa");
    struct committed r = client_commit(&other, STORE_MAIN, &m.commit);
    assert_int_equal(r.status, COMMIT_BROKEN);
    client_until_refused(&other, "the epoch changed");
    ask(c, "SETRANGE {p0}:head 0 00");
    client_until_ready(&other);
    assert_int_equal(client_commit(&other, STORE_MAIN, &m.commit).status, COMMIT_OK);
    client_disconnect(&other);
}

static void full_memory_is_unavailable_and_writes_nothing(void **state)
{
    struct client *c = *state;
    struct client other = {.store = NULL};
    struct commit_memory m;
    commit_make(&m, "full-1", false);
    client_connect(&other, c->redis.address, 0);
    client_until_ready(&other);
    ask(c, "CONFIG SET maxmemory 1");
    struct committed r = client_commit(&other, STORE_MAIN, &m.commit);
    assert_int_equal(r.status, COMMIT_UNAVAILABLE);
    assert_memory_equal(r.text, "OOM", 3);
    client_disconnect(&other);
    client_connect(&other, c->redis.address, 0);
    client_until_ready(&other);
    assert_int_equal(store_pressure(other.store), STORE_PRESSURE_FULL);
    ask(c, "CONFIG SET maxmemory 0");
    assert_int_equal(client_commit(&other, STORE_MAIN, &m.commit).status, COMMIT_OK);
    client_disconnect(&other);
}

static void password_is_read_from_its_file(void **state)
{
    struct client *c = *state;
    struct client other = {.store = NULL};
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/password", c->redis.dir);
    int fd = open(path, O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(fd, "secret\n", 7), 7);
    assert_int_equal(close(fd), 0);
    ask(c, "ACL SETUSER liu-intake on >other ~{p0}:* +@all");
    struct store_config config = {.address = c->redis.address,
                                  .user = "liu-intake",
                                  .password_file = path,
                                  .partition = "p0"};
    struct err_text why;
    assert_int_equal(loop_create(&other.loop), ERR_OK);
    assert_int_equal(store_create(other.loop, &config, &other.store, &why), ERR_OK);
    client_until_refused(&other, "AUTH");
    ask(c, "ACL SETUSER liu-intake >secret");
    client_until_ready(&other);
    client_disconnect(&other);
}

static void addresses_are_checked_at_the_start(void **state)
{
    static const struct {
        const char *address, *reason;
    } rows[] = {{"tls:redis:6380", "the file of the CA"},
                {"redis:6379", "is expected"},
                {"tcp:redis", "is expected"},
                {"tcp:redis:70000", "port"},
                {"unix:", "empty"},
                {"sentinel:liu", "sentinel:NAME@host:port"},
                {"sentinel:@a:1", "sentinel:NAME@host:port"},
                {"sentinel-tls:liu", "sentinel:NAME@host:port"},
                {"sentinel-tls:liu@a:1", "the file of the CA"},
                {"sentinel:liu@a:1,b", "is expected"},
                {"sentinel:liu@a:1,b:0", "port"},
                {"sentinel:liu@a:1,b:2,", "is expected"},
                {"sentinel:liu@a:1,b:2,c:3,d:4,e:5,f:6", "at most 5"},
                {"", "is expected"}};
    struct loop *l = NULL;
    (void)state;
    assert_int_equal(loop_create(&l), ERR_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct store_config config = {.address = rows[i].address};
        struct store *s = NULL;
        struct err_text why;
        assert_int_equal(store_create(l, &config, &s, &why), ERR_CONFIG);
        assert_null(s);
        if (strstr(why.text, rows[i].reason) == NULL)
            fail_msg("'%s': %s", rows[i].address, why.text);
    }
    loop_destroy(l);
}

static void replicas_are_counted(void **state)
{
    static const struct {
        const char *info;
        uint32_t wanted;
        enum err expected;
        const char *reason;
    } rows[] = {
        {"role:master\r\n", 0, ERR_OK, ""},
        {"role:master\r\n", 1, ERR_CONFIG, "min-replicas-to-write 1"},
        {"min_slaves_good_slaves:0\r\n", 1, ERR_UNAVAILABLE, "0 replicas in reach"},
        {"min_slaves_good_slaves:1\r\n", 2, ERR_UNAVAILABLE, "1 replicas in reach"},
        {"min_slaves_good_slaves:2\r\n", 2, ERR_OK, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err_text why = {""};
        assert_int_equal(check_replicas(rows[i].info, rows[i].wanted, &why), rows[i].expected);
        if (strstr(why.text, rows[i].reason) == NULL)
            fail_msg("%zu: %s", i, why.text);
    }
}

static void name_that_does_not_resolve_is_told_without_blocking(void **state)
{
    struct client other = {.store = NULL};
    (void)state;
    client_connect(&other, "tcp:no-such-host.invalid:6379", 200);
    client_until_refused(&other, "cannot be resolved");
    client_disconnect(&other);
}

/* ---- the judgments alone */

#define GOOD                                                                                       \
    "redis_version:7.0.15\r\nrole:master\r\nloading:0\r\naof_enabled:1\r\naof_last_write_status:"  \
    "ok\r\nused_memory:71"                                                                         \
    "\r\nmaxmemory:100\r\nserver_time_usec:1795434450123456\r\n"

static void info_is_judged_line_by_line(void **state)
{
    static const struct {
        const char *line, *instead, *reason;
    } rows[] = {{"redis_version:7", "redis_version:6", "Redis 7 or later"},
                {"role:master", "role:slave_", "replica"},
                {"loading:0", "loading:1", "loading"},
                {"aof_enabled:1", "aof_enabled:0", "append file is off"},
                {"status:ok", "status:er", "last write"}};
    struct check_memory m;
    struct err_text why;
    (void)state;
    assert_int_equal(check_info("# Server\r\n" GOOD, &m, &why), ERR_OK);
    assert_int_equal(m.used_bytes, 71);
    assert_int_equal(m.max_bytes, 100);
    assert_int_equal(m.server_ms, 1795434450123);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[sizeof(GOOD)] = GOOD;
        memcpy(strstr(text, rows[i].line), rows[i].instead, strlen(rows[i].instead));
        assert_int_equal(check_info(text, &m, &why), ERR_CONFIG);
        if (strstr(why.text, rows[i].reason) == NULL)
            fail_msg("%s", why.text);
    }
    assert_int_equal(check_info("", &m, &why), ERR_CONFIG);
}

struct told {
    bool done;
    enum err e;
    char why[64];
};

static void on_told(void *arg, enum err e, uint64_t seq, const char *why)
{
    struct told *t = arg;
    (void)seq;
    t->e = e;
    (void)snprintf(t->why, sizeof(t->why), "%s", why);
    t->done = true;
}

static struct told confirm(struct client *c, uint64_t seq, const char *link)
{
    struct told t = {.done = false};
    assert_int_equal(store_confirm(c->store, seq, link, on_told, &t), ERR_OK);
    client_until(c, &t.done);
    return t;
}

/* Redis was started again, perhaps on an older file: who comes up with it waits for the ledger; who
 * was there before knows himself. */
static void a_start_that_nobody_has_confirmed_is_waited_for(void **state)
{
    struct client *c = *state;
    struct client tool = {.store = NULL}, new = {.store = NULL}, urgent = {.store = NULL};
    struct client old = {.store = NULL};
    client_connect_waiting(&old, c->redis.address, INT64_MAX);
    client_until_ready(&old); /* genesis was on this start */
    test_redis_kill(&c->redis);
    assert_true(test_redis_restart(&c->redis));
    client_connect(&tool, c->redis.address, 0);
    client_until_ready(&tool);
    client_connect_waiting(&new, c->redis.address, INT64_MAX);
    client_until_refused(&new, "has not compared this start");
    client_connect_waiting(&urgent, c->redis.address, 300);
    client_until_refused(&urgent, "has not compared this start");
    client_until_ready(&urgent);
    client_until_ready(&old);
    client_until_refused(&new, "has not compared this start");
    struct told t = confirm(&tool, 7000, "");
    assert_int_equal(t.e, ERR_CONFLICT);
    assert_memory_equal(t.why, "LIUREFUSED the journal ends with entry", 38);
    t = confirm(&tool, 1, "0123456789012345678901234567890123456789");
    assert_int_equal(t.e, ERR_CONFLICT);
    client_until_refused(&new, "has not compared this start");
    assert_int_equal(confirm(&tool, 1, "").e, ERR_OK);
    client_until_ready(&new);
    struct client *const all[] = {&tool, &new, &urgent, &old};
    for (size_t i = 0; i < 4; i++)
        client_disconnect(all[i]);
}

static void pressure_begins_at_70_85_and_95_percent(void **state)
{
    (void)state;
    assert_int_equal(check_pressure(&(struct check_memory){69, 100, 0}), STORE_PRESSURE_NONE);
    assert_int_equal(check_pressure(&(struct check_memory){70, 100, 0}), STORE_PRESSURE_NOISE);
    assert_int_equal(check_pressure(&(struct check_memory){85, 100, 0}), STORE_PRESSURE_CASES);
    assert_int_equal(check_pressure(&(struct check_memory){94, 100, 0}), STORE_PRESSURE_CASES);
    assert_int_equal(check_pressure(&(struct check_memory){95, 100, 0}), STORE_PRESSURE_RESERVE);
    assert_int_equal(check_pressure(&(struct check_memory){98, 100, 0}), STORE_PRESSURE_FULL);
    assert_int_equal(check_pressure(&(struct check_memory){85, 0, 0}), STORE_PRESSURE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_unsafe_setting_is_refused_and_accepted_again_when_mended),
        cmocka_unit_test(replica_is_refused),
        cmocka_unit_test(missing_or_other_library_is_refused),
        cmocka_unit_test(empty_store_is_refused_until_it_is_initialised),
        cmocka_unit_test(a_start_that_nobody_has_confirmed_is_waited_for),
        cmocka_unit_test(changed_epoch_breaks_commits_and_stops_the_store),
        cmocka_unit_test(full_memory_is_unavailable_and_writes_nothing),
        cmocka_unit_test(password_is_read_from_its_file),
        cmocka_unit_test(addresses_are_checked_at_the_start),
        cmocka_unit_test(replicas_are_counted),
        cmocka_unit_test(name_that_does_not_resolve_is_told_without_blocking),
        cmocka_unit_test(info_is_judged_line_by_line),
        cmocka_unit_test(pressure_begins_at_70_85_and_95_percent),
    };
    return cmocka_run_group_tests_name("store_checks", tests, client_server_start,
                                       client_server_stop);
}
