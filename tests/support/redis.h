/* A Redis of a test's own: private directory, unix socket, the durability settings the store asks
 * for.
 *
 * The server ends with the test, also when that is killed. Everything returns false on failure and
 * says why on stderr. Not for services: it blocks.
 */
#ifndef LIU_TESTS_SUPPORT_REDIS_H
#define LIU_TESTS_SUPPORT_REDIS_H

#include <stdbool.h>
#include <sys/types.h>
#include <hiredis/hiredis.h>

#define TEST_REDIS_EXTRA_MAX 16

struct test_redis {
    char dir[64]; /* removed by test_redis_destroy */
    char socket[96];
    char address[104];  /* unix:... for struct store_config */
    const char *config; /* a configuration file instead of the settings above; NULL = none */
    const char *extra[TEST_REDIS_EXTRA_MAX];
    pid_t pid; /* 0 = not running */
};

/* Is a redis-server in the PATH? */
bool test_redis_installed(void);

/* `extra`: NULL-terminated further arguments ("--maxmemory", "10mb"), later ones win; NULL = none;
 * kept for restarts (borrowed). Returns when the server answers. */
bool test_redis_start(struct test_redis *r, const char *const *extra);

/* The same with a configuration file of the caller's (borrowed), which then brings the settings. */
bool test_redis_start_with(struct test_redis *r, const char *config, const char *const *extra);

bool test_redis_stop(struct test_redis *r);    /* SIGTERM and wait */
bool test_redis_kill(struct test_redis *r);    /* SIGKILL and wait */
bool test_redis_restart(struct test_redis *r); /* starts it again on its data */
/* After a kill: an end that the kill tore is cut first, as an operator would (it was never
 * acknowledged; Redis refuses to start with it). */
bool test_redis_restart_mended(struct test_redis *r);
void test_redis_pause(struct test_redis *r);   /* SIGSTOP */
void test_redis_resume(struct test_redis *r);  /* SIGCONT */
void test_redis_destroy(struct test_redis *r); /* ends it and removes its directory */

/* A blocking connection, NULL on failure. The caller frees it. */
redisContext *test_redis_connect(const struct test_redis *r);

/* One command on a connection of its own: the integer, the length of a text, or the number of
 * elements that it answers; 0 = nothing. -1, and why on stderr, when it fails. */
long long test_redis_ask(const struct test_redis *r, const char *command);

#endif
