/* Behind every call of the Function comes a write of our own, then WAIT: since Redis 7.2 a call
 * that found all of its commits done before counts as no write, and WAIT alone would speak of an
 * earlier one. Servers before that cannot show the loss, but any shows the order of commands
 * (MONITOR). */
#include "lib/store/client_fixture.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define COMMITS 6

static int free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    (void)close(fd);
    return ntohs(at.sin_port);
}

static void say(redisContext *r, const char *format, int value)
{
    redisReply *reply = redisCommand(r, format, value);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", format, reply->str);
    freeReplyObject(reply);
}

/* 'c' a call of the Function, 's' our own write, 'w' WAIT, 'e' the end; 0 what does not matter. */
static char kind_of(const char *line)
{
    if (strstr(line, " lua]") != NULL)
        return 0;
    return strstr(line, "\"liu_commit\"") != NULL ? 'c'
           : strstr(line, "{p0}:sync") != NULL    ? 's'
           : strstr(line, "\"WAIT\"") != NULL     ? 'w'
           : strstr(line, "\"the-end\"") != NULL  ? 'e'
                                                  : 0;
}

static void every_call_is_followed_by_a_write_and_a_wait(void **state)
{
    struct client *c = *state;
    struct test_redis replica;
    char port[16];
    struct commit_memory memory[COMMITS];
    struct err_text why;
    int number = free_port();
    (void)snprintf(port, sizeof(port), "%d", number);
    redisContext *tool = test_redis_connect(&c->redis);
    redisContext *monitor = test_redis_connect(&c->redis);
    assert_true(tool != NULL && monitor != NULL);
    say(tool, "CONFIG SET port %d", number);
    const char *const extra[] = {"--replicaof", "127.0.0.1", port, NULL};
    assert_true(test_redis_start(&replica, extra));
    say(tool, "CONFIG SET min-replicas-to-write %d", 1);
    struct client with = {.store = NULL};
    struct store_config config = {.address = c->redis.address, .partition = "p0", .replicas = 1};
    assert_int_equal(loop_create(&with.loop), ERR_OK);
    assert_int_equal(store_create(with.loop, &config, &with.store, &why), ERR_OK);
    client_until_ready(&with);
    say(monitor, "MONITOR", 0);
    for (size_t i = 0; i < COMMITS; i++) { /* each other one is known, and writes nothing */
        char id[16];
        (void)snprintf(id, sizeof(id), "replica-%zu", i / 2);
        commit_make(&memory[i], id, true);
        assert_int_equal(
            client_commit(&with, i % 3 == 0 ? STORE_URGENT : STORE_MAIN, &memory[i].commit).status,
            i % 2 == 0 ? COMMIT_OK : COMMIT_DUPLICATE);
    }
    say(tool, "ECHO the-end", 0);
    char seen[4 * COMMITS + 1] = "";
    size_t n = 0;
    for (char k = 0; k != 'e' && n < sizeof(seen) - 1;) {
        redisReply *line = NULL;
        assert_int_equal(redisGetReply(monitor, (void **)&line), REDIS_OK);
        k = kind_of(line->str);
        if (k != 0)
            seen[n++] = k;
        freeReplyObject(line);
    }
    seen[n] = '\0';
    assert_string_equal(seen, "cswcswcswcswcswcswe");
    client_disconnect(&with);
    say(tool, "CONFIG SET min-replicas-to-write %d", 0);
    redisFree(monitor);
    redisFree(tool);
    test_redis_destroy(&replica);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_is_followed_by_a_write_and_a_wait),
    };
    return cmocka_run_group_tests_name("store_replicas", tests, client_server_start,
                                       client_server_stop);
}
