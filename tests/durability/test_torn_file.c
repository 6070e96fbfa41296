/* A torn end of the append-only file: Redis refuses to start, scripts/repair-store cuts exactly
 * what was never acknowledged, says so, and refuses what is not a torn end.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "durability/power.h"

#define AOF_FILE "appendonlydir/appendonly.aof.1.incr.aof"

static int repair(const struct power *p, const char *archive, char *out, size_t n)
{
    char command[1024];
    (void)snprintf(command, sizeof command, "LC_ALL=C %s/scripts/repair-store %s %s 2>&1",
                   LIU_SOURCE_DIR, p->client.redis.dir, archive);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    size_t got = fread(out, 1, n - 1, f);
    out[got] = '\0';
    int status = pclose(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static off_t size_of(const struct power *p)
{
    char path[256];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/%s", p->client.redis.dir, AOF_FILE);
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

/* Zeros over the next XADD behind `at`: over payload they would leave the file well-formed. */
static void overwrite(const struct power *p, off_t at)
{
    char path[256];
    char block[8192];
    (void)snprintf(path, sizeof path, "%s/%s", p->client.redis.dir, AOF_FILE);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    ssize_t n = pread(fd, block, sizeof block, at);
    assert_true(n > 0);
    const char *command = memmem(block, (size_t)n, "$4\r\nXADD\r\n", 10);
    assert_non_null(command);
    assert_int_equal(pwrite(fd, "\0\0\0\0\0\0\0\0", 8, at + (command - block)), 8);
    (void)close(fd);
}

static void tear(struct power *p)
{
    power_run(p, POWER_COMMITS / 4);
    power_tell(p, "torn", true);
    power_run_until_dead(p);
    power_tell(p, "torn", false);
}

static void a_torn_end_is_refused_by_redis_and_cut_by_the_repair(void **state)
{
    struct power *p = *state;
    char out[4096];
    tear(p);
    off_t torn = size_of(p);
    assert_false(power_restart(p));
    assert_int_equal(repair(p, "", out, sizeof out), 0);
    print_message("%s", out);
    assert_true(size_of(p) < torn);
    char cut[64];
    (void)snprintf(cut, sizeof cut, "cut %lld bytes, from byte %lld",
                   (long long)(torn - size_of(p)), (long long)size_of(p));
    assert_non_null(strstr(out, cut));
    assert_non_null(strstr(out, ".torn-"));
    assert_true(power_restart_ready(p));
    assert_int_equal(power_missing(p), 0);
    power_run(p, POWER_COMMITS);
    assert_int_equal(power_missing(p), 0);
}

static void damage_inside_the_file_is_refused_and_nothing_changed(void **state)
{
    struct power *p = *state;
    char out[4096];
    power_run(p, POWER_COMMITS / 4);
    assert_true(test_redis_kill(&p->client.redis));
    off_t before = size_of(p);
    overwrite(p, before / 2);
    assert_int_equal(repair(p, "", out, sizeof out), 1);
    assert_non_null(strstr(out, "nothing was changed"));
    assert_int_equal(size_of(p), before);
}

static void a_running_server_is_left_alone(void **state)
{
    struct power *p = *state;
    char out[4096];
    power_run(p, 10);
    assert_int_equal(repair(p, "", out, sizeof out), 1);
    assert_non_null(strstr(out, "still runs"));
}

/* The ledger archives only what was synced: an archive beyond the journal means a disk that lied.
 */
static void archived_entries_that_are_gone_are_named(void **state)
{
    struct power *p = *state;
    char out[4096];
    char made[4][200];
    static const char *const parts[] = {"", "/" EPOCH, "/" EPOCH "/journal",
                                        "/" EPOCH
                                        "/journal/00000000000000000001-00000000000000000900.seg"};
    power_run(p, POWER_COMMITS / 10);
    assert_true(test_redis_kill(&p->client.redis));
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(made[i], sizeof made[i], "%s/archive%s", p->dir, parts[i]);
        int fd = i < 3 ? mkdir(made[i], 0700) : open(made[i], O_CREAT | O_WRONLY, 0600);
        assert_true(fd >= 0);
        if (i == 3)
            (void)close(fd);
    }
    assert_int_equal(repair(p, made[0], out, sizeof out), 3);
    assert_non_null(strstr(out, "..900 are in the archive but no longer in Redis"));
    for (size_t i = 4; i > 0; i--)
        assert_int_equal(remove(made[i - 1]), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, power_start, power_stop)
    const struct CMUnitTest tests[] = {
        T(a_torn_end_is_refused_by_redis_and_cut_by_the_repair),
        T(damage_inside_the_file_is_refused_and_nothing_changed),
        T(a_running_server_is_left_alone),
        T(archived_entries_that_are_gone_are_named),
    };
    return cmocka_run_group_tests_name("durability_torn_file", tests, NULL, NULL);
}
