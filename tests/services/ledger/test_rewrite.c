/* When the ledger has Redis rewrite its append-only file. */
#include "services/ledger/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/rewrite.h"

static struct rig rig;

static int begin(void **state)
{
    (void)state;
    rig_begin(&rig);
    rig.set.rewrite_growth = 100;
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_end(&rig);
    return 0;
}

static long rewrites(void)
{
    redisContext *c = test_redis_connect(&rig.redis);
    assert_non_null(c);
    redisReply *reply = redisCommand(c, "INFO persistence");
    const char *at = strstr(reply->str, "aof_rewrites:");
    assert_non_null(at);
    long n = strtol(at + strlen("aof_rewrites:"), NULL, 10);
    freeReplyObject(reply);
    redisFree(c);
    return n;
}

static void write_kilobytes(unsigned n)
{
    static char text[1025];
    memset(text, 'x', sizeof(text) - 1);
    for (unsigned i = 0; i < n; i++)
        rig_noise(&rig, text);
}

static void a_file_that_has_grown_is_rewritten_once_when_it_is_quiet(void **state)
{
    (void)state;
    long before = rewrites();
    rig_start_ledger(&rig);
    int64_t until = clock_mono_ms() + 4000;
    while (clock_mono_ms() < until) { /* a flood: never */
        write_kilobytes(8);
        rig_turn(&rig, 20);
    }
    assert_int_equal(rewrites(), before);
    until = clock_mono_ms() + 15000;
    while (rewrites() == before && clock_mono_ms() < until)
        rig_turn(&rig, 100);
    assert_int_equal(rewrites(), before + 1);
    rig_turn(&rig, 4000); /* it has not grown since */
    assert_int_equal(rewrites(), before + 1);
}

static void growth_0_means_never(void **state)
{
    (void)state;
    long before = rewrites();
    rig.set.rewrite_growth = 0;
    write_kilobytes(50);
    rig_start_ledger(&rig);
    rig_turn(&rig, 4500);
    assert_int_equal(rewrites(), before);
}

#define PERSISTENCE(rewriting, status)                                                             \
    "# Persistence\r\nrdb_bgsave_in_progress:0\r\naof_rewrite_in_progress:" rewriting              \
    "\r\naof_rewrite_scheduled:0\r\naof_last_bgrewrite_status:" status                             \
    "\r\naof_current_size:200\r\naof_base_size:88\r\n"

static void what_redis_says_is_read(void **state)
{
    struct store_append_file f;
    (void)state;
    assert_int_equal(append_file_of(PERSISTENCE("0", "ok"), &f), ERR_OK);
    assert_int_equal(f.bytes, 200);
    assert_int_equal(f.base_bytes, 88);
    assert_false(f.rewriting);
    assert_false(f.failed);
    assert_int_equal(append_file_of(PERSISTENCE("1", "err"), &f), ERR_OK);
    assert_true(f.rewriting);
    assert_true(f.failed);
    assert_int_equal(append_file_of("# Persistence\r\naof_enabled:0\r\n", &f), ERR_PROTO);
}

int main(void)
{
#define CASE(t) cmocka_unit_test_setup_teardown(t, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(a_file_that_has_grown_is_rewritten_once_when_it_is_quiet),
        CASE(growth_0_means_never),
        cmocka_unit_test(what_redis_says_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
