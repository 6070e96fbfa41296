/* Redis absent, wrongly set, a replica, short of memory, hanging, or gone: the service is not ready
 * and says why, or answers UNAVAILABLE with a retry hint; it never gives a false receipt, and it
 * answers for its own health all the while. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "ismap/liu/v1/health.pb-c.h"
#include "rig.h"

#define EFFECTIVE(x) ISMAP__LIU__V1__EFFECTIVE_STATE__EFFECTIVE_STATE_##x
/* Whatever Redis does, /healthz and handshakes are answered within this. Sanitizers are slow; and a
 * machine may be busy elsewhere for a moment, so one of three in a row is enough: a service that
 * waits for Redis is late in all of them. */
#if defined(__SANITIZE_ADDRESS__)
#define HEALTH_MS 1000
#else
#define HEALTH_MS 100
#endif
#define HEALTH_TRIES 3
#define POLL_US 50000

static struct rig rig;

static int up(void **state)
{
    (void)state;
    static const char *const ids[] = {"acme", "mof", "moj", "minato-audit", "reader"};
    if (rig_up(&rig, STACK_ALL & ~STACK_BIT(STACK_LEDGER), NULL) != 0)
        return -1;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        (void)rig_party(&rig, ids[i]);
    return 0;
}

static int down(void **state)
{
    (void)state;
    return rig_down(&rig);
}

/* ---- Redis */

static long long redis(const char *command)
{
    redisContext *c = test_redis_connect(&rig.stack.redis);
    assert_non_null(c);
    redisReply *r = redisCommand(c, command);
    assert_non_null(r);
    if (r->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", command, r->str);
    long long n = r->integer;
    freeReplyObject(r);
    redisFree(c);
    return n;
}

static void redis_set(const char *name, const char *value)
{
    redisContext *c = test_redis_connect(&rig.stack.redis);
    assert_non_null(c);
    redisReply *r = redisCommand(c, "CONFIG SET %s %s", name, value);
    assert_non_null(r);
    if (r->type == REDIS_REPLY_ERROR)
        fail_msg("CONFIG SET %s %s: %s", name, value, r->str);
    freeReplyObject(r);
    redisFree(c);
}

/* So that the services look at Redis now and not within 10 s. */
static void cut_connections(void)
{
    (void)redis("CLIENT KILL TYPE normal SKIPME yes");
}

static uint64_t used_memory(void)
{
    redisContext *c = test_redis_connect(&rig.stack.redis);
    assert_non_null(c);
    redisReply *r = redisCommand(c, "INFO memory");
    assert_non_null(r);
    const char *at = strstr(r->str, "used_memory:");
    assert_non_null(at);
    uint64_t n = strtoull(at + strlen("used_memory:"), NULL, 10);
    freeReplyObject(r);
    redisFree(c);
    return n;
}

/* ---- what is seen of the service */

/* Until /readyz answers so, with `why` in its text. */
static void await_readyz(enum stack_service svc, int code, const char *why)
{
    char body[1024] = "";
    int got = -1;
    for (int64_t until = clock_mono_ms() + STACK_READY_MS; clock_mono_ms() < until;) {
        got = stack_http(&rig.stack, svc, "/readyz", body, sizeof body);
        if (got == code && strstr(body, why) != NULL)
            return;
        (void)usleep(POLL_US);
    }
    fail_msg("/readyz of %s: %d %s, expected %d %s", stack_name(svc), got, body, code, why);
}

/* How long one answer took. */
typedef int64_t took_fn(enum stack_service svc);

static int64_t healthz_took(enum stack_service svc)
{
    int64_t began = clock_mono_ms();
    assert_int_equal(stack_http(&rig.stack, svc, "/healthz", NULL, 0), 200);
    return clock_mono_ms() - began;
}

/* A new handshake (ZAP) and a message that needs no store: refused or answered, but answered. */
static int64_t handshake_took(enum stack_service svc)
{
    struct client c;
    Ismap__Liu__V1__GetHealth m = ISMAP__LIU__V1__GET_HEALTH__INIT;
    int64_t began = clock_mono_ms();
    client_open(&c, &rig.stack, svc, rig_who(&rig, "mof"));
    pb_reply *r = client_call(&c, &m.base);
    int64_t took = clock_mono_ms() - began;
    assert_true(r->status == ST(OK) || r->status == ST(UNAVAILABLE));
    client_close(&c);
    return took;
}

static void is_prompt(took_fn *took, enum stack_service svc, const char *what)
{
    int64_t ms = 0;
    for (int i = 0; i < HEALTH_TRIES; i++) {
        ms = took(svc);
        if (ms <= HEALTH_MS)
            return;
    }
    fail_msg("%s: %s took %lld ms", stack_name(svc), what, (long long)ms);
}

static void is_alive(enum stack_service svc)
{
    is_prompt(healthz_took, svc, "/healthz");
    is_prompt(handshake_took, svc, "a handshake");
}

static void is_unavailable(const pb_reply *r)
{
    assert_status(r, ST(UNAVAILABLE));
    assert_true(r->retry_after_ms > 0);
    assert_null(r->receipt);
}

static pb_reply *ask_plainly(const char *who, const ProtobufCMessage *m, struct client *c)
{
    client_open(c, &rig.stack, STACK_INTAKE, rig_who(&rig, who));
    return client_call(c, m);
}

/* ---- tests */

static void absent_at_start_is_waited_for(void **state)
{
    (void)state;
    assert_int_equal(stack_stop(&rig.stack, STACK_INTAKE), 0);
    assert_true(test_redis_stop(&rig.stack.redis));
    assert_true(stack_spawn(&rig.stack, STACK_INTAKE));
    await_readyz(STACK_INTAKE, 503, "store");
    is_prompt(healthz_took, STACK_INTAKE, "/healthz"); /* it cannot know its parties yet */
    assert_true(test_redis_restart(&rig.stack.redis));
    await_readyz(STACK_INTAKE, 503, "the ledger has not compared this start of Redis");
    assert_true(stack_spawn(&rig.stack, STACK_LEDGER)); /* and stays */
    await_readyz(STACK_INTAKE, 200, "");
}

static void wrong_settings_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *name, *wrong, *right;
    } rows[] = {
        {"appendfsync", "everysec", "always"},
        {"maxmemory-policy", "allkeys-lru", "noeviction"},
        {"save", "60 1", ""},
        {"aof-load-truncated", "yes", "no"},
    };
    Ismap__Liu__V1__SubmitPreApplication *m = rig_application(&rig, "tb2", "mof");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct client c;
        redis_set(rows[i].name, rows[i].wrong);
        cut_connections();
        await_readyz(STACK_INTAKE, 503,
                     strcmp(rows[i].name, "save") == 0 ? "snapshots" : rows[i].name);
        is_alive(STACK_INTAKE);
        is_unavailable(ask_plainly("acme", &m->base, &c));
        client_close(&c);
        redis_set(rows[i].name, rows[i].right);
        await_readyz(STACK_INTAKE, 200, "");
    }
}

static void a_wrong_setting_is_refused_at_start_too(void **state)
{
    (void)state;
    assert_int_equal(stack_stop(&rig.stack, STACK_INTAKE), 0);
    redis_set("appendfsync", "everysec");
    assert_true(stack_spawn(&rig.stack, STACK_INTAKE));
    for (int i = 0; i < 200 && !stack_logged(&rig.stack, STACK_INTAKE, "appendfsync"); i++)
        (void)usleep(POLL_US);
    assert_int_not_equal(stack_http(&rig.stack, STACK_INTAKE, "/readyz", NULL, 0), 200);
    redis_set("appendfsync", "always");
    await_readyz(STACK_INTAKE, 200, "");
}

static void a_replica_is_refused(void **state)
{
    (void)state;
    (void)redis("REPLICAOF 127.0.0.1 1");
    cut_connections();
    await_readyz(STACK_INTAKE, 503, "replica");
    is_alive(STACK_INTAKE);
    (void)redis("REPLICAOF NO ONE");
    await_readyz(STACK_INTAKE, 200, "");
}

static void another_function_library_is_refused(void **state)
{
    (void)state;
    char out[4096];
    (void)redis("FUNCTION FLUSH");
    cut_connections();
    await_readyz(STACK_INTAKE, 503, "");
    const char *const argv[] = {
        "--config", stack_path(&rig.stack, "liuctl.yaml"), "--quiet", "store", "migrate", NULL};
    assert_int_equal(stack_run("liuctl", argv, out, sizeof out), 0);
    for (int i = 0; i < STACK_LEDGER; i++)
        await_readyz((enum stack_service)i, 200, "");
}

/* 85 % full: new cases are refused with a hint; a suspension is made all the same. */
static void short_of_memory_leaves_room_for_suspensions(void **state)
{
    (void)state;
    char value[32];
    struct client c;
    const char *id = rig_open_case(&rig, "acme", "tb2", "mof");
    rig_assess(&rig, id, "tb2-mof", "mof");
    rig_await_eligible(&rig, id, "acme");
    const char *number = rig_register(&rig, id, "tb2", "acme");
    rig_decide(&rig, number);

    (void)snprintf(value, sizeof value, "%llu", (unsigned long long)(used_memory() * 100 / 90));
    redis_set("maxmemory", value);
    cut_connections();
    pb_reply *r = NULL;
    for (int i = 0; i < 200; i++, (void)usleep(POLL_US)) {
        r = ask_plainly("acme", &rig_application(&rig, "tb1", NULL)->base, &c);
        if (r->status == ST(RESOURCE_EXHAUSTED))
            break;
        client_close(&c);
    }
    assert_status(r, ST(RESOURCE_EXHAUSTED));
    assert_true(reply_has_rule(r, "P-MEMORY"));
    assert_true(r->retry_after_ms > 0);
    assert_null(r->receipt);
    client_close(&c);

    Ismap__Liu__V1__SuspendService order = ISMAP__LIU__V1__SUSPEND_SERVICE__INIT;
    order.number = (char *)(uintptr_t)number;
    order.reason = (char *)(uintptr_t) "重大な事故";
    order.basis = (char *)(uintptr_t) "報告 2026-11";
    client_open(&c, &rig.stack, STACK_MONITOR, &rig.stack.operator_);
    r = client_persist(&c, &order.base, true);
    assert_status(r, ST(OK));
    assert_non_null(r->receipt);
    client_close(&c);
    assert_int_equal(rig_state(&rig, number, "reader"), EFFECTIVE(SUSPENDED));

    redis_set("maxmemory", "0");
    cut_connections();
    await_readyz(STACK_INTAKE, 200, "");
}

static void full_is_unavailable_and_commits_nothing(void **state)
{
    (void)state;
    struct client c;
    uint64_t head = (uint64_t)stack_metric(&rig.stack, STACK_INTAKE, "liu_journal_seq");
    for (int i = 0; i < STACK_LEDGER; i++)
        await_readyz((enum stack_service)i, 200, "");
    Ismap__Liu__V1__SubmitPreApplication *m = rig_application(&rig, "tb1", NULL);
    redis_set("maxmemory", "1mb"); /* less than is used; seen by the service only when it commits */
    client_open(&c, &rig.stack, STACK_INTAKE, rig_who(&rig, "acme"));
    pb_reply *r = client_ask(&c, &m->base, &(struct how){.id = "while-full"});
    assert_true(r->status == ST(UNAVAILABLE) || r->status == ST(RESOURCE_EXHAUSTED));
    assert_true(r->retry_after_ms > 0);
    assert_null(r->receipt);
    redis_set("maxmemory", "0");
    cut_connections();
    await_readyz(STACK_INTAKE, 200, "");
    r = client_persist(&c, &m->base, false);
    assert_status(r, ST(OK));
    assert_false(r->receipt->duplicate);
    const Ismap__Liu__V1__Events *ev =
        client_fetch(&rig.operator_, head, 0, "ismap.liu.v1.CaseSubmitted");
    assert_true(ev->n_events <= 1);
    client_close(&c);
}

/* After the trouble the same bytes are sent again: whatever was told before, there is one effect,
 * and its receipt is the one that stays. */
static void settles_to_one_effect(struct client *c, const uint8_t *data, size_t bytes,
                                  const pb_reply *told)
{
    pb_reply *last = NULL;
    for (int i = 0; i < 100 && (last == NULL || last->status != ST(OK)); i++) {
        last = client_exchange(c, data, bytes);
        if (last != NULL && last->status != ST(OK)) {
            is_unavailable(last);
            (void)usleep(POLL_US);
        }
    }
    assert_status(last, ST(OK));
    assert_non_null(last->receipt);
    if (told != NULL && told->status == ST(OK)) {
        assert_true(last->receipt->duplicate);
        assert_int_equal(told->receipt->seq, last->receipt->seq);
    }
    pb_reply *again = client_exchange(c, data, bytes);
    assert_status(again, ST(OK));
    assert_true(again->receipt->duplicate);
    assert_int_equal(again->receipt->seq, last->receipt->seq);
}

static void hanging_redis_is_survived(void **state)
{
    (void)state;
    struct client c;
    const uint8_t *data;
    size_t bytes;
    pb_reply *told = NULL;
    client_open(&c, &rig.stack, STACK_INTAKE, rig_who(&rig, "acme"));
    client_envelope(&c, &rig_application(&rig, "tb1", NULL)->base, NULL, &data, &bytes);
    test_redis_pause(&rig.stack.redis);
    client_send(&c, data, bytes);
    for (int64_t until = clock_mono_ms() + 5000; clock_mono_ms() < until;) {
        is_alive(STACK_INTAKE);
        is_alive(STACK_MONITOR);
        pb_reply *r = client_receive(&c, 100);
        if (r != NULL) {
            is_unavailable(r);
            told = r;
        }
    }
    test_redis_resume(&rig.stack.redis);
    settles_to_one_effect(&c, data, bytes, told);
    await_readyz(STACK_INTAKE, 200, "");
    client_close(&c);
}

static void a_killed_redis_is_unavailable_until_it_is_back(void **state)
{
    (void)state;
    struct client c;
    const uint8_t *data;
    size_t bytes;
    client_open(&c, &rig.stack, STACK_INTAKE, rig_who(&rig, "acme"));
    client_envelope(&c, &rig_application(&rig, "tb1", NULL)->base, NULL, &data, &bytes);
    client_send(&c, data, bytes); /* perhaps done, perhaps not, when Redis is killed */
    assert_true(test_redis_kill(&rig.stack.redis));
    await_readyz(STACK_INTAKE, 503, "");
    for (int i = 0; i < 10; i++) {
        struct client other;
        is_alive(STACK_INTAKE);
        is_unavailable(ask_plainly("acme", &rig_application(&rig, "tb1", NULL)->base, &other));
        client_close(&other);
        (void)usleep(POLL_US);
    }
    assert_true(stack_metric(&rig.stack, STACK_INTAKE, "liu_store_commits_failed_total") > 0);
    pb_reply *told = client_receive(&c, 12000);
    if (told != NULL && told->status != ST(OK))
        is_unavailable(told);
    assert_true(test_redis_restart_mended(&rig.stack.redis));
    await_readyz(STACK_INTAKE, 200, "");
    settles_to_one_effect(&c, data, bytes, told);
    client_close(&c);
}

/* Nobody reads the log: the pipe is full before the service writes its first line. */
static void a_full_log_pipe_blocks_nothing(void **state)
{
    (void)state;
    static char fill[4096];
    int fds[2];
    struct client c;
    assert_int_equal(stack_stop(&rig.stack, STACK_INTAKE), 0);
    assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    memset(fill, 'x', sizeof fill);
    while (write(fds[1], fill, sizeof fill) > 0) {
    }
    assert_int_equal(fcntl(fds[1], F_SETFL, 0), 0);
    assert_true(stack_spawn_to(&rig.stack, STACK_INTAKE, fds[1]));
    await_readyz(STACK_INTAKE, 200, "");
    for (int i = 0; i < 50; i++) { /* each is worth a log line */
        pb_reply *r = ask_plainly("acme", &rig_application(&rig, "tb1", NULL)->base, &c);
        assert_status(r, ST(OK));
        client_close(&c);
        is_alive(STACK_INTAKE);
    }
    assert_int_equal(stack_metric(&rig.stack, STACK_INTAKE, "liu_log_lines_dropped_total"), 0);
    assert_int_equal(stack_stop(&rig.stack, STACK_INTAKE), 0);
    (void)close(fds[0]);
    (void)close(fds[1]);
    assert_true(stack_start(&rig.stack, STACK_BIT(STACK_INTAKE)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_at_start_is_waited_for),
        cmocka_unit_test(wrong_settings_are_refused_with_the_reason),
        cmocka_unit_test(a_wrong_setting_is_refused_at_start_too),
        cmocka_unit_test(a_replica_is_refused),
        cmocka_unit_test(another_function_library_is_refused),
        cmocka_unit_test(short_of_memory_leaves_room_for_suspensions),
        cmocka_unit_test(full_is_unavailable_and_commits_nothing),
        cmocka_unit_test(hanging_redis_is_survived),
        cmocka_unit_test(a_killed_redis_is_unavailable_until_it_is_back),
        cmocka_unit_test(a_full_log_pipe_blocks_nothing),
    };
    return cmocka_run_group_tests(tests, up, down);
}
