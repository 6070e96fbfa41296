/* Starts, stops and kills a private redis-server, by its own pid only. */
#include "support/redis.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/folder.h"

#define ANSWER_TRIES 1000 /* of 10 ms */

static const char *const base[] = {"--port", "0", "--daemonize", "no", "--logfile", "redis.log"};
#define N_BASE (sizeof(base) / sizeof(base[0]))

/* Without a configuration file. */
static const char *const settings[] = {"--appendonly",
                                       "yes",
                                       "--appendfsync",
                                       "always",
                                       "--aof-load-truncated",
                                       "no",
                                       "--save",
                                       "",
                                       "--maxmemory-policy",
                                       "noeviction",
                                       "--loglevel",
                                       "warning",
                                       "--auto-aof-rewrite-percentage",
                                       "0",
                                       "--enable-debug-command",
                                       "local"};
#define N_SETTINGS (sizeof(settings) / sizeof(settings[0]))

redisContext *test_redis_connect(const struct test_redis *r)
{
    struct timeval limit = {.tv_sec = 10};
    redisContext *c = redisConnectUnixWithTimeout(r->socket, limit);
    if (c != NULL && c->err != 0) {
        redisFree(c);
        return NULL;
    }
    if (c != NULL)
        (void)redisSetTimeout(c, limit);
    return c;
}

/* An error but LOADING counts as an answer too: a server with ACLs wants AUTH first. */
static bool answers(const struct test_redis *r)
{
    redisContext *c = test_redis_connect(r);
    if (c == NULL)
        return false;
    redisReply *reply = redisCommand(c, "PING");
    bool ok = reply != NULL && strncmp(reply->str, "LOADING", 7) != 0;
    freeReplyObject(reply);
    redisFree(c);
    return ok;
}

static void run(const struct test_redis *r)
{
    char *argv[2 + N_BASE + N_SETTINGS + 4 + TEST_REDIS_EXTRA_MAX + 1];
    size_t n = 0;
    argv[n++] = strdup("redis-server");
    if (r->config != NULL)
        argv[n++] = strdup(r->config);
    for (size_t i = 0; i < N_SETTINGS && r->config == NULL; i++)
        argv[n++] = strdup(settings[i]);
    for (size_t i = 0; i < N_BASE; i++)
        argv[n++] = strdup(base[i]);
    argv[n++] = strdup("--dir");
    argv[n++] = strdup(r->dir);
    argv[n++] = strdup("--unixsocket");
    argv[n++] = strdup(r->socket);
    for (size_t i = 0; i < TEST_REDIS_EXTRA_MAX && r->extra[i] != NULL; i++)
        argv[n++] = strdup(r->extra[i]);
    argv[n] = NULL;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
        _exit(127);
    (void)execvp(argv[0], argv);
    _exit(127);
}

bool test_redis_restart(struct test_redis *r)
{
    (void)unlink(r->socket);
    pid_t pid = fork();
    if (pid == 0)
        run(r);
    if (pid < 0) {
        fprintf(stderr, "fork: %s\n", strerror(errno));
        return false;
    }
    r->pid = pid;
    for (int i = 0; i < ANSWER_TRIES; i++) {
        int status = 0;
        if (waitpid(pid, &status, WNOHANG) == pid) {
            fprintf(stderr, "redis-server ended with status %d, see %s\n", status, r->dir);
            r->pid = 0;
            return false;
        }
        if (answers(r))
            return true;
        (void)usleep(10000);
    }
    fprintf(stderr, "redis-server does not answer\n");
    return false;
}

bool test_redis_start(struct test_redis *r, const char *const *extra)
{
    return test_redis_start_with(r, NULL, extra);
}

bool test_redis_start_with(struct test_redis *r, const char *config, const char *const *extra)
{
    *r = (struct test_redis){.dir = "/tmp/liu-redis-XXXXXX", .config = config};
    for (size_t i = 0; extra != NULL && extra[i] != NULL && i < TEST_REDIS_EXTRA_MAX; i++)
        r->extra[i] = extra[i];
    if (mkdtemp(r->dir) == NULL) {
        fprintf(stderr, "mkdtemp: %s\n", strerror(errno));
        return false;
    }
    (void)snprintf(r->socket, sizeof(r->socket), "%s/redis.sock", r->dir);
    (void)snprintf(r->address, sizeof(r->address), "unix:%s", r->socket);
    return test_redis_restart(r);
}

static bool end(struct test_redis *r, int sig)
{
    int status = 0;
    if (r->pid == 0)
        return true;
    (void)kill(r->pid, SIGCONT);
    (void)kill(r->pid, sig);
    bool ok = waitpid(r->pid, &status, 0) == r->pid;
    r->pid = 0;
    return ok;
}

bool test_redis_stop(struct test_redis *r)
{
    return end(r, SIGTERM);
}

bool test_redis_kill(struct test_redis *r)
{
    return end(r, SIGKILL);
}

bool test_redis_restart_mended(struct test_redis *r)
{
    char command[256];
    (void)snprintf(command, sizeof command,
                   "yes | redis-check-aof --fix %s/appendonlydir/*.incr.aof > /dev/null 2>&1",
                   r->dir);
    if (test_redis_restart(r))
        return true;
    fprintf(stderr, "the append-only file was torn by the kill: cutting its end\n");
    return system(command) == 0 && test_redis_restart(r);
}

void test_redis_pause(struct test_redis *r)
{
    (void)kill(r->pid, SIGSTOP);
}

void test_redis_resume(struct test_redis *r)
{
    (void)kill(r->pid, SIGCONT);
}

bool test_redis_installed(void)
{
    char path[512];
    const char *dirs = getenv("PATH");
    while (dirs != NULL && *dirs != '\0') {
        size_t n = strcspn(dirs, ":");
        (void)snprintf(path, sizeof path, "%.*s/redis-server", (int)n, dirs);
        if (access(path, X_OK) == 0)
            return true;
        dirs += n + (dirs[n] == ':');
    }
    return false;
}

long long test_redis_ask(const struct test_redis *r, const char *command)
{
    long long n = -1;
    redisContext *c = test_redis_connect(r);
    redisReply *reply = c == NULL ? NULL : redisCommand(c, command);
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR)
        fprintf(stderr, "%s: %s\n", command, reply == NULL ? "no answer" : reply->str);
    else if (reply->type == REDIS_REPLY_ARRAY)
        n = (long long)reply->elements;
    else
        n = reply->type == REDIS_REPLY_STRING ? (long long)reply->len : reply->integer;
    freeReplyObject(reply);
    if (c != NULL)
        redisFree(c);
    return n;
}

void test_redis_destroy(struct test_redis *r)
{
    (void)end(r, SIGKILL);
    if (r->dir[0] != '\0')
        (void)test_folder_remove(r->dir);
    r->dir[0] = '\0';
}
