/* The ledger removes what is older than its period, tells of it once, and goes on after a kill at
 * any step. Positions of noise are times: old noise is noise with old positions. */
#include "services/ledger/kill_step.h"
#include "services/ledger/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "ismap/liu/v1/health.pb-c.h"
#include "services/ledger/core/retention.h"
#include "services/ledger/mark.h"
#include "services/ledger/noise_folder.h"

#define OLD_MS 1500000000000u /* 2017 */

static struct rig rig;
static char dir[400];

static bool counts(const char *path, bool renamed)
{
    (void)renamed;
    return strstr(path, "/noise/feed-1/") != NULL;
}

/* This machine's clock is set. */
static int64_t jump_ms;
int64_t __real_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void)
{
    return __real_clock_wall_ms() + jump_ms;
}

/* ---- the fixture */

/* Entry 1 is made now: its time is the second of the two clocks. */
static void begin_at(int64_t at_ms)
{
    uint8_t packed[64];
    Ismap__Liu__V1__JournalEntry j = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    j.at_ms = at_ms;
    size_t n = ismap__liu__v1__journal_entry__pack(&j, packed);
    rig_begin_with(&rig, packed, n);
    rig.set.segment_seconds = 0;
    rig.set.retention_seconds = 0;
    rig.set.retain_noise_days = 500;
    (void)snprintf(dir, sizeof(dir), "%s/" RIG_EPOCH "/noise/feed-1", rig.archive);
    noise_witness(rig.archive, __real_clock_wall_ms(), 500);
}

static int begin(void **state)
{
    (void)state;
    begin_at(clock_wall_ms());
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_end(&rig);
    return 0;
}

/* `old` segments of 2017, then one of today. */
static void fill(int old)
{
    uint8_t chain[SHA256_BYTES] = {0};
    for (int i = 0; i < old; i++)
        noise_segment(dir, RIG_EPOCH, OLD_MS + (uint64_t)i * 1000, chain);
    noise_segment(dir, RIG_EPOCH, (uint64_t)clock_wall_ms() - 5000, chain);
}

static struct segment_report walk(void)
{
    struct segment_report report;
    struct err_text why = {{0}};
    if (segment_walk(dir, NULL, NULL, &report, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return report;
}

static bool is_there(const char *name)
{
    char path[500];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

static void await_removed(uint64_t segments)
{
    int64_t until = clock_mono_ms() + 20000;
    for (;;) {
        struct segment_report r = walk();
        if (r.removed && r.mark.all_segments == segments && r.leftover == 0 && !is_there(MARK_PLAN))
            return;
        if (clock_mono_ms() > until)
            fail_msg("%llu of %llu segments were removed", (unsigned long long)r.mark.all_segments,
                     (unsigned long long)segments);
        rig_turn(&rig, 50);
    }
}

/* Entries of the journal behind the first. */
static long long events(void)
{
    return rig_ask(&rig, "XLEN {p0}:journal") - 1;
}

/* ---- the tests */

static void what_is_over_goes_and_is_told_once(void **state)
{
    (void)state;
    fill(3);
    rig_start_ledger(&rig);
    await_removed(3);
    assert_int_equal(events(), 1);
    struct segment_report r = walk();
    assert_int_equal(r.segments, 1);
    assert_string_equal(r.mark.told_epoch, RIG_EPOCH);
    assert_int_equal(r.mark.told_seq, 2);
    assert_int_equal(r.mark.entries, 9);
    rig_turn(&rig, 800);
    assert_int_equal(events(), 1);
    Ismap__Liu__V1__Health h = ISMAP__LIU__V1__HEALTH__INIT;
    ledger_service.health(rig.ledger, &h);
    assert_int_equal(h.n_retention, RETENTION_CLASSES);
    assert_int_equal(h.retention[RETENTION_NOISE]->removed_segments, 3);
    assert_int_equal(h.retention[RETENTION_NOISE]->period_days, 500);
    assert_int_equal(h.retention[RETENTION_JOURNAL]->period_days, 0);
    rig_stop_ledger(&rig);
    rig_start_ledger(&rig); /* the feed's archive goes on behind what is left */
    rig_noise(&rig, "one more");
    int64_t until = clock_mono_ms() + 10000;
    while (walk().segments < 2 && clock_mono_ms() < until)
        rig_turn(&rig, 50);
    assert_int_equal(walk().segments, 2);
    assert_int_equal(events(), 1);
}

/* More than one step takes. */
static void a_long_archive_goes_in_steps(void **state)
{
    (void)state;
    fill(20);
    rig_start_ledger(&rig);
    await_removed(20);
    assert_int_equal(events(), 2);
    assert_int_equal(walk().mark.segments, 4);
}

static void nothing_goes_without_a_period(void **state)
{
    (void)state;
    rig.set.retain_noise_days = 0;
    fill(3);
    rig_start_ledger(&rig);
    rig_turn(&rig, 1500);
    assert_int_equal(walk().segments, 4);
    assert_int_equal(events(), 0);
}

static void a_period_below_the_least_keeps_the_ledger_from_starting(void **state)
{
    (void)state;
    struct err_text why = {{0}};
    rig.set.retain_noise_days = 499;
    struct service_env env = {
        .loop = rig.loop, .store = rig.store, .settings = &rig.set, .name = "ledger"};
    void *ledger = NULL;
    assert_int_equal(ledger_service.create(&env, &ledger, &why), ERR_CONFIG);
    assert_non_null(strstr(why.text, "retain_noise_days: 499 days"));
}

/* This machine's clock says now; the services' say 2017. */
static void a_clock_that_is_alone_removes_nothing(void **state)
{
    (void)state;
    begin_at(OLD_MS + 100000);
    fill(3);
    rig_start_ledger(&rig);
    rig_turn(&rig, 1500);
    assert_int_equal(walk().segments, 4);
    assert_int_equal(events(), 0);
}

static void a_clock_that_was_set_far_removes_nothing(void **state)
{
    (void)state;
    fill(3);
    rig_start_ledger(&rig);
    jump_ms = RETENTION_JUMP_MS + 60000;
    rig_turn(&rig, 1500);
    assert_int_equal(walk().segments, 4);
    assert_int_equal(events(), 0);
    jump_ms = RETENTION_JUMP_MS - 60000;
    await_removed(3);
    jump_ms = 0;
}

/* Nobody was there in the years between: not the services either, whose clock it is, too. */
static void a_machine_that_starts_years_ahead_removes_nothing(void **state)
{
    (void)state;
    uint8_t chain[SHA256_BYTES] = {0};
    uint64_t now = (uint64_t)__real_clock_wall_ms();
    jump_ms = 9 * 365 * (int64_t)RETENTION_DAY_MS;
    begin_at(clock_wall_ms());
    for (uint64_t days = 300; days > 0; days -= 100)
        noise_segment(dir, RIG_EPOCH, now - days * RETENTION_DAY_MS, chain);
    rig_start_ledger(&rig);
    rig_turn(&rig, 1500);
    assert_int_equal(walk().segments, 3);
    assert_int_equal(events(), 0);
    jump_ms = 0;
}

static void a_damaged_segment_stays_for_a_person(void **state)
{
    (void)state;
    struct segment_report r;
    struct err_text why = {{0}};
    char path[600];
    fill(3);
    (void)snprintf(path, sizeof(path), "%s/%020llu.0000000000-%020llu.0000000002.seg", dir,
                   (unsigned long long)OLD_MS, (unsigned long long)OLD_MS + 2);
    assert_int_equal(truncate(path, 300), 0);
    rig_start_ledger(&rig);
    rig_turn(&rig, 1500);
    assert_int_equal(segment_walk(dir, NULL, NULL, &r, NULL, &why), ERR_DATA_LOSS);
    assert_int_equal(r.segments, 4);
    assert_int_equal(events(), 0);
}

static void write_plan(void)
{
    struct err_text why = {{0}};
    struct mark m = {.kind = SEGMENT_NOISE,
                     .epoch = RIG_EPOCH,
                     .stream = "feed-1",
                     .first = {OLD_MS, 0},
                     .last = {OLD_MS + 2, 2},
                     .segments = 1,
                     .entries = 3,
                     .days = 500};
    assert_int_equal(mark_write(dir, MARK_PLAN, &m, &why), ERR_OK);
}

/* It may have been told already: dropped, its segments would be told again with the next plan. */
static void a_plan_is_gone_on_with_whatever_the_clocks_say_now(void **state)
{
    (void)state;
    begin_at(OLD_MS + 100000);
    fill(2);
    write_plan();
    rig_start_ledger(&rig);
    int64_t until = clock_mono_ms() + 10000;
    while (events() == 0 && clock_mono_ms() < until)
        rig_turn(&rig, 50);
    assert_int_equal(events(), 1);
}

/* A plan that was not told of is dropped when the period has become longer. */
static void a_longer_period_ends_a_plan(void **state)
{
    (void)state;
    fill(2);
    write_plan();
    rig.set.retain_noise_days = 36500;
    rig_start_ledger(&rig);
    int64_t until = clock_mono_ms() + 10000;
    while (is_there(MARK_PLAN) && clock_mono_ms() < until)
        rig_turn(&rig, 50);
    assert_false(is_there(MARK_PLAN));
    assert_int_equal(walk().segments, 3);
    assert_int_equal(events(), 0);
}

/* As if the ledger had been down for days. */
static void forget_receipts(void)
{
    redisContext *c = test_redis_connect(&rig.redis);
    assert_non_null(c);
    redisReply *keys = redisCommand(c, "KEYS {p0}:rcpt:*");
    assert_non_null(keys);
    for (size_t i = 0; i < keys->elements; i++)
        freeReplyObject(redisCommand(c, "DEL %s", keys->element[i]->str));
    freeReplyObject(keys);
    redisFree(c);
}

static void child_runs(int at, bool before)
{
    struct rig child = rig;
    kill_step = (struct kill_step){.at = at, .before = before, .counts = counts};
    child.ledger = NULL;
    rig_connect(&child);
    rig_start_ledger(&child);
    for (int i = 0; i < 100; i++)
        rig_turn(&child, 200);
    _exit(3); /* it was to be killed */
}

/* Steps: plan, (commit), mark, plan gone, each of three files. */
static void after_any_kill_it_goes_on_and_is_told_once(void **state)
{
    (void)state;
    static const struct {
        int at;
        bool before;
        long long events; /* told by then */
        size_t gone;      /* files */
    } rows[] = {
        {1, true, 0, 0},  {1, false, 0, 0}, {2, true, 1, 0},  {2, false, 1, 0},
        {3, false, 1, 0}, {4, false, 1, 1}, {5, false, 1, 2}, {6, false, 1, 3},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = 0;
        begin_at(clock_wall_ms());
        fill(3);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            child_runs(rows[i].at, rows[i].before);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        struct segment_report r = walk(); /* sound at any time */
        assert_int_equal(events(), rows[i].events);
        assert_int_equal(r.segments + r.leftover, 4 - rows[i].gone);
        assert_int_equal(r.removed, rows[i].at > 2 || (rows[i].at == 2 && !rows[i].before));
        if (rows[i].before)
            forget_receipts();
        rig_start_ledger(&rig);
        await_removed(3);
        assert_int_equal(events(), 1);
        assert_int_equal(walk().segments, 1);
        assert_int_equal(walk().mark.told_seq, 2);
        rig_end(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_over_goes_and_is_told_once, begin, end),
        cmocka_unit_test_setup_teardown(a_long_archive_goes_in_steps, begin, end),
        cmocka_unit_test_setup_teardown(nothing_goes_without_a_period, begin, end),
        cmocka_unit_test_setup_teardown(a_period_below_the_least_keeps_the_ledger_from_starting,
                                        begin, end),
        cmocka_unit_test_teardown(a_clock_that_is_alone_removes_nothing, end),
        cmocka_unit_test_setup_teardown(a_clock_that_was_set_far_removes_nothing, begin, end),
        cmocka_unit_test_teardown(a_machine_that_starts_years_ahead_removes_nothing, end),
        cmocka_unit_test_setup_teardown(a_damaged_segment_stays_for_a_person, begin, end),
        cmocka_unit_test_teardown(a_plan_is_gone_on_with_whatever_the_clocks_say_now, end),
        cmocka_unit_test_setup_teardown(a_longer_period_ends_a_plan, begin, end),
        cmocka_unit_test(after_any_kill_it_goes_on_and_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
