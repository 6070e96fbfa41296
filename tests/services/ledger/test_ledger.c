/* The ledger against a real Redis: what it archives, what it trims, and what a crash leaves. */
#include "services/ledger/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

static struct rig rig;

static int begin(void **state)
{
    (void)state;
    rig_begin(&rig);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_end(&rig);
    return 0;
}

static enum err in_order(void *arg, const struct segment_entry *e)
{
    uint64_t *next = arg;
    char text[32];
    int len = snprintf(text, sizeof(text), "entry %llu", (unsigned long long)*next);
    if (e->pos.seq != *next || e->bytes != (size_t)len || memcmp(e->data, text, e->bytes) != 0 ||
        e->link_bytes != 40)
        return ERR_INTERNAL;
    (*next)++;
    return ERR_OK;
}

/* The files hold every entry from 1, once, in order. */
static void files_are_whole(uint64_t entries)
{
    uint64_t next = 1;
    struct segment_report report;
    struct err_text why = {{0}};
    if (segment_walk(rig.journal, in_order, &next, &report, NULL, &why) != ERR_OK)
        fail_msg("at %llu: %s", (unsigned long long)next, why.text);
    assert_int_equal(next, entries + 1);
}

static size_t count_segments(void)
{
    struct segment_report report;
    struct err_text why = {{0}};
    enum err e = segment_walk(rig.journal, NULL, NULL, &report, NULL, &why);
    assert_true(e == ERR_OK || e == ERR_DATA_LOSS); /* damaged ones count, too */
    return report.segments;
}

static void last_segment(char out[600])
{
    struct dirent **names = NULL;
    int n = scandir(rig.journal, &names, NULL, alphasort);
    assert_true(n > 2);
    (void)snprintf(out, 600, "%s/%s", rig.journal, names[n - 1]->d_name);
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

static void the_journal_goes_into_files_and_the_cursor_follows(void **state)
{
    (void)state;
    rig_add(&rig, 54);
    rig_start_ledger(&rig);
    rig_await(&rig, rig.journal, 55);
    files_are_whole(55);
    assert_int_equal(count_segments(), 6); /* five of ten, one by age */
    rig_turn(&rig, 300);
    assert_int_equal(rig_ledger_cursor(&rig), 55);
    rig_add(&rig, 10);
    rig_await(&rig, rig.journal, 65);
    files_are_whole(65);
    rig_stop_ledger(&rig);
    rig_add(&rig, 3);
    rig_start_ledger(&rig);
    rig_await(&rig, rig.journal, 68);
    files_are_whole(68);
    assert_int_equal(rig_ask(&rig, "XLEN {p0}:journal"), 68); /* keep_entries */
}

/* The next trim comes within 2 s. */
static void await_length(const char *command, long long want)
{
    int64_t until = clock_mono_ms() + 15000;
    while (rig_ask(&rig, command) != want) {
        if (clock_mono_ms() > until)
            fail_msg("%s: %lld, not %lld", command, rig_ask(&rig, command), want);
        rig_turn(&rig, 100);
    }
}

static void only_what_is_archived_and_passed_by_all_is_trimmed(void **state)
{
    (void)state;
    static char waits[] = "eligibility, audit";
    rig.set.trim_waits_for = waits;
    rig.set.keep_entries = 20;
    rig.set.segment_seconds = 600;
    rig_add(&rig, 98);
    rig_cursor(&rig, "eligibility", 45);
    rig_start_ledger(&rig);
    rig_await(&rig, rig.journal, 90); /* the last nine wait for a tenth */
    rig_turn(&rig, 2500);
    assert_int_equal(rig_ask(&rig, "XLEN {p0}:journal"), 99); /* audit has no cursor yet */
    rig_cursor(&rig, "audit", 99);
    await_length("XLEN {p0}:journal", 99 - 45);
    assert_int_equal(rig_ask(&rig, "XLEN {p0}:aud:csp-a"), 99 - 45);
    assert_int_equal(rig_ask(&rig, "XLEN {p0}:aud:public"), 99 - 45);
    assert_int_equal(rig_ask(&rig, "XRANGE {p0}:journal 45-0 45-0"), 0);
    assert_int_equal(rig_ask(&rig, "XRANGE {p0}:journal 46-0 46-0"), 1);
    files_are_whole(90);
}

static void the_head_is_kept(void **state)
{
    (void)state;
    rig.set.keep_entries = 20;
    rig_add(&rig, 99);
    rig_start_ledger(&rig);
    rig_await(&rig, rig.journal, 100);
    await_length("XLEN {p0}:journal", 20);
    files_are_whole(100);
    rig_stop_ledger(&rig);
    rig_start_ledger(&rig); /* goes on where the stream no longer begins */
    rig_add(&rig, 5);
    rig_await(&rig, rig.journal, 105);
    files_are_whole(105);
}

static void a_crash_between_file_and_cursor_is_made_good(void **state)
{
    (void)state;
    rig_add(&rig, 29);
    rig_start_ledger(&rig);
    rig_await(&rig, rig.journal, 30);
    rig_turn(&rig, 300);
    rig_stop_ledger(&rig);
    assert_int_equal(rig_ask(&rig, "HDEL {p0}:r:cursor ledger"), 1);
    rig_start_ledger(&rig);
    rig_turn(&rig, 700);
    assert_int_equal(rig_ledger_cursor(&rig), 30);
    files_are_whole(30);
    assert_int_equal(count_segments(), 3);
}

/* Runs until it is killed. */
static void child_runs(void)
{
    struct rig child = rig;
    child.ledger = NULL;
    rig_connect(&child);
    rig_start_ledger(&child);
    for (;;)
        rig_turn(&child, 1000);
}

static void any_kill_leaves_whole_files(void **state)
{
    (void)state;
    rig.set.segment_entries = 3;
    rig.set.keep_entries = 5;
    for (int round = 0; round < 12; round++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            child_runs();
        int64_t until = clock_mono_ms() + 150 + 53 * round;
        while (clock_mono_ms() < until) {
            rig_add(&rig, 1);
            rig_turn(&rig, 1);
        }
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        struct segment_report report;
        struct err_text why = {{0}};
        if (segment_walk(rig.journal, NULL, NULL, &report, NULL, &why) != ERR_OK)
            fail_msg("%s", why.text);
        assert_true(rig_ledger_cursor(&rig) <= report.entries);
    }
    rig_start_ledger(&rig);
    rig_await(&rig, rig.journal, rig.head);
    files_are_whole(rig.head);
}

static void noise_goes_into_files_and_leaves_redis(void **state)
{
    (void)state;
    char dir[400];
    (void)snprintf(dir, sizeof(dir), "%s/%s/noise/feed-1", rig.archive, RIG_EPOCH);
    rig.set.noise_keep = 0;
    for (int i = 0; i < 25; i++)
        rig_noise(&rig, "a batch of alerts");
    rig_start_ledger(&rig);
    rig_await(&rig, dir, 25);
    await_length("XLEN {p0}:noise:feed-1", 0);
    rig_stop_ledger(&rig);
    rig_start_ledger(&rig);
    rig_noise(&rig, "one more");
    rig_await(&rig, dir, 26);
}

static void a_damaged_archive_is_left_alone(void **state)
{
    (void)state;
    char path[600];
    rig.set.keep_entries = 1;
    rig_add(&rig, 9);
    rig_start_ledger(&rig);
    rig_await(&rig, rig.journal, 10);
    rig_stop_ledger(&rig);
    long long kept = rig_ask(&rig, "XLEN {p0}:journal");
    last_segment(path);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 400), 0);
    rig_start_ledger(&rig);
    rig_add(&rig, 20);
    rig_turn(&rig, 2500);
    assert_int_equal(count_segments(), 1);
    assert_int_equal(rig_ask(&rig, "XLEN {p0}:journal"), kept + 20);
}

static void a_gap_in_the_journal_stops_the_archive(void **state)
{
    (void)state;
    rig_add(&rig, 29);
    assert_int_equal(rig_ask(&rig, "XDEL {p0}:journal 15-0"), 1);
    rig_start_ledger(&rig);
    rig_turn(&rig, 2500);
    files_are_whole(10);
    assert_int_equal(rig_ledger_cursor(&rig), 10);
}

static void a_full_disk_is_waited_for(void **state)
{
    (void)state;
    char path[400];
    rig_add(&rig, 9);
    (void)snprintf(path, sizeof(path), "%s/%s", rig.archive, RIG_EPOCH);
    FILE *f = fopen(path, "w"); /* where the folder should be: no segment can be written */
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    rig_start_ledger(&rig);
    rig_turn(&rig, 1500);
    assert_int_equal(unlink(path), 0);
    rig_add(&rig, 10);
    rig_await(&rig, rig.journal, 20);
    files_are_whole(20);
}

static void a_redis_that_comes_back_is_gone_on_with(void **state)
{
    (void)state;
    rig_add(&rig, 14);
    rig_start_ledger(&rig);
    rig_await(&rig, rig.journal, 15);
    assert_true(test_redis_kill(&rig.redis));
    rig_turn(&rig, 500);
    assert_true(test_redis_restart_mended(&rig.redis));
    int64_t until = clock_mono_ms() + 15000;
    while (!store_ready(rig.store, NULL) && clock_mono_ms() < until)
        rig_turn(&rig, 50);
    rig_add(&rig, 10);
    rig_await(&rig, rig.journal, 25);
    files_are_whole(25);
    rig_turn(&rig, 600);
    assert_int_equal(rig_ledger_cursor(&rig), 25);
}

int main(void)
{
#define CASE(t) cmocka_unit_test_setup_teardown(t, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(the_journal_goes_into_files_and_the_cursor_follows),
        CASE(only_what_is_archived_and_passed_by_all_is_trimmed),
        CASE(the_head_is_kept),
        CASE(a_crash_between_file_and_cursor_is_made_good),
        CASE(any_kill_leaves_whole_files),
        CASE(noise_goes_into_files_and_leaves_redis),
        CASE(a_damaged_archive_is_left_alone),
        CASE(a_gap_in_the_journal_stops_the_archive),
        CASE(a_full_disk_is_waited_for),
        CASE(a_redis_that_comes_back_is_gone_on_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
