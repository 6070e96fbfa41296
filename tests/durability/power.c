/* See power.h. */
#include "durability/power.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "durability/shim.h"
#include "base/bytes.h"
#include "store/keys.h"

#define OUTSTANDING 200
#define PATIENCE_MS 60000
#define AOF_FILE "appendonlydir/appendonly.aof.1.incr.aof"

static void shim(const struct power *p, bool on)
{
    if (on) {
        assert_int_equal(setenv("LD_PRELOAD", LIU_SHIM, 1), 0);
        assert_int_equal(setenv("LIU_SHIM_DIR", p->dir, 1), 0);
    } else {
        assert_int_equal(unsetenv("LD_PRELOAD"), 0);
    }
}

void power_tell(const struct power *p, const char *name, bool on)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", p->dir, name);
    if (on) {
        int fd = open(path, O_CREAT | O_WRONLY, 0600);
        assert_true(fd >= 0);
        (void)close(fd);
    } else {
        (void)unlink(path);
    }
}

static void connect_store(struct power *p, bool init)
{
    struct err_text why = {""};
    client_connect(&p->client, p->client.redis.address, 0);
    if (init && client_init_store(&p->client, &why) != ERR_OK)
        fail_msg("init: %s", why.text);
    client_until_ready(&p->client);
}

int power_start(void **state)
{
    struct power *p = calloc(1, sizeof *p);
    assert_non_null(p);
    *state = p;
    memcpy(p->dir, "/tmp/liu-shim-XXXXXX", 21);
    assert_non_null(mkdtemp(p->dir));
    shim(p, true);
    bool ok = test_redis_start(&p->client.redis, NULL);
    shim(p, false);
    assert_true(ok);
    p->all = calloc(POWER_COMMITS, sizeof *p->all);
    assert_non_null(p->all);
    for (size_t i = 0; i < POWER_COMMITS; i++) {
        char id[24];
        (void)snprintf(id, sizeof id, "power-%zu", i);
        commit_make(&p->all[i].memory, id, true);
        p->all[i].power = p;
    }
    connect_store(p, true);
    return 0;
}

int power_stop(void **state)
{
    struct power *p = *state;
    static const char *const names[] = {"log", "lose", "torn", "lie"};
    client_disconnect(&p->client);
    test_redis_destroy(&p->client.redis);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", p->dir, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(p->dir);
    free(p->all);
    free(p);
    return 0;
}

bool power_restart(struct power *p)
{
    shim(p, true);
    bool ok = test_redis_restart(&p->client.redis);
    shim(p, false);
    return ok;
}

bool power_restart_ready(struct power *p)
{
    bool ok = power_restart(p);
    if (ok)
        client_until_ready(&p->client);
    return ok;
}

static void on_result(void *arg, const struct commit_result *r)
{
    struct power_one *o = arg;
    if (r->status == COMMIT_OK || r->status == COMMIT_DUPLICATE) {
        o->state = POWER_DONE;
        o->seq = r->seq;
        o->power->done++;
    } else if (r->status == COMMIT_UNKNOWN || r->status == COMMIT_UNAVAILABLE) {
        o->state = POWER_AGAIN;
    } else {
        fail_msg("commit ended with status %d: %s", (int)r->status, r->text);
    }
}

static void pump(struct power *p)
{
    size_t n = store_commits_pending(p->client.store);
    for (size_t i = 0; i < POWER_COMMITS && n < OUTSTANDING; i++) {
        struct power_one *o = &p->all[i];
        if (o->state != POWER_IDLE && o->state != POWER_AGAIN)
            continue;
        if (store_commit(p->client.store, STORE_MAIN, &o->memory.commit, on_result, o) != ERR_OK)
            break;
        o->state = POWER_SENT;
        n++;
    }
    (void)loop_turn(p->client.loop, 5);
}

void power_run(struct power *p, size_t done)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;
    while (p->done < done && clock_mono_ms() < end)
        pump(p);
    assert_true(p->done >= done);
}

void power_run_while_ready(struct power *p, size_t done)
{
    while (p->done < done && store_ready(p->client.store, NULL))
        pump(p);
}

void power_run_until_dead(struct power *p)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;
    int status = 0;
    while (waitpid(p->client.redis.pid, &status, WNOHANG) == 0) {
        assert_true(clock_mono_ms() < end);
        pump(p);
    }
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    p->client.redis.pid = 0;
    for (int i = 0; i < 20; i++) /* what it sent before it died is taken in, nothing new is sent */
        (void)loop_turn(p->client.loop, 5);
    assert_false(store_ready(p->client.store, NULL));
}

static bool entry_is(redisContext *r, uint64_t seq, const char *id)
{
    redisReply *e = redisCommand(r, "XRANGE {p0}:journal %llu-0 %llu-0", (unsigned long long)seq,
                                 (unsigned long long)seq);
    assert_non_null(e);
    bool ok = e->elements == 1 && strcmp(e->element[0]->element[1]->element[1]->str, id) == 0;
    freeReplyObject(e);
    return ok;
}

size_t power_missing(const struct power *p)
{
    size_t missing = 0;
    unsigned long long head = 0;
    redisContext *r = test_redis_connect(&p->client.redis);
    assert_non_null(r);
    redisReply *h = redisCommand(r, "GET {p0}:head");
    redisReply *n = redisCommand(r, "XLEN {p0}:journal");
    redisReply *last = redisCommand(r, "XREVRANGE {p0}:journal + - COUNT 1");
    assert_int_equal(h->type, REDIS_REPLY_STRING);
    head = strtoull(h->str + EPOCH_DIGITS + 1, NULL, 10);
    assert_int_equal(n->integer, head); /* sequences 1..n without a gap */
    assert_int_equal(strtoull(last->element[0]->element[0]->str, NULL, 10), head);
    freeReplyObject(h);
    freeReplyObject(n);
    freeReplyObject(last);
    for (size_t i = 0; i < POWER_COMMITS; i++)
        if (p->all[i].state == POWER_DONE && !entry_is(r, p->all[i].seq, p->all[i].memory.id))
            missing++;
    redisFree(r);
    return missing;
}

static uint8_t *read_file(const char *dir, const char *name, size_t *bytes)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    off_t n = lseek(fd, 0, SEEK_END);
    assert_true(n >= 0 && lseek(fd, 0, SEEK_SET) == 0);
    uint8_t *p = malloc((size_t)n + 1);
    assert_non_null(p);
    assert_int_equal(read(fd, p, (size_t)n), n);
    (void)close(fd);
    *bytes = (size_t)n;
    return p;
}

/* ends[seq]: length the append-only file must have on disk for entry seq to be durable: up to the
 * EXEC of the transaction it is in. */
static uint64_t *transaction_ends(const struct power *p)
{
    static const char journal[] = "{p0}:journal\r\n$";
    size_t n = 0;
    uint8_t *aof = read_file(p->client.redis.dir, AOF_FILE, &n);
    uint64_t *ends = calloc(POWER_COMMITS + 2, sizeof *ends);
    assert_non_null(ends);
    for (const uint8_t *at = aof;
         (at = memmem(at, n - (size_t)(at - aof), journal, sizeof journal - 1)) != NULL;) {
        char *digits = NULL;
        at += sizeof journal - 1;
        const uint8_t *line = memchr(at, '\n', n - (size_t)(at - aof));
        assert_non_null(line);
        uint64_t seq = strtoull((const char *)line + 1, &digits, 10);
        const uint8_t *end = memmem(at, n - (size_t)(at - aof), "EXEC\r\n", 6);
        assert_non_null(end);
        if (seq <= POWER_COMMITS + 1 && strncmp(digits, "-0\r\n", 4) == 0)
            ends[seq] = (uint64_t)(end - aof) + 6;
    }
    free(aof);
    return ends;
}

/* Answers of the Function: bulk strings of a status byte, 0 = committed, and the sequence. */
static void judge_reply(struct power_order *o, const struct shim_record *r, const uint8_t *data,
                        const uint64_t *ends)
{
    static const char answer[] = "\r\n$9\r\n\0";
    const uint8_t *end = data + r->bytes;
    for (const uint8_t *at = data;
         (at = memmem(at, (size_t)(end - at), answer, sizeof answer - 1)) != NULL &&
         end - at >= (ptrdiff_t)(sizeof answer - 1 + 8);) {
        uint64_t seq = be64_get(at + sizeof answer - 1);
        at += sizeof answer - 1;
        if (seq < 2 || seq > POWER_COMMITS + 1)
            continue;
        o->acknowledged++;
        if (ends[seq] == 0 || r->synced < ends[seq])
            o->early++;
    }
}

struct power_order power_order(const struct power *p)
{
    struct power_order o = {0};
    size_t n = 0;
    uint64_t *ends = transaction_ends(p);
    uint8_t *log = read_file(p->dir, "log", &n);
    for (size_t at = 0; at + sizeof(struct shim_record) <= n;) {
        struct shim_record r;
        memcpy(&r, log + at, sizeof r);
        at += sizeof r;
        assert_true(r.bytes <= n - at);
        if (r.kind == SHIM_SYNC)
            o.syncs++;
        else if (r.kind == SHIM_LOST && r.length > r.synced)
            o.lost++;
        else if (r.kind == SHIM_REPLY)
            judge_reply(&o, &r, log + at, ends);
        at += r.bytes;
    }
    free(log);
    free(ends);
    return o;
}
