/* The oldest part of the journal goes when its period is over: told once, marked, gone on with
 * after a kill at any step; what is left makes every record again. */
#include "services/ledger/kill_step.h"
#include "services/ledger/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "ismap/liu/v1/health.pb-c.h"
#include "services/ledger/core/retention.h"
#include "services/ledger/journal_begins.h"
#include "services/ledger/ledger_private.h"
#include "services/ledger/mark.h"
#include "services/ledger/noise_folder.h"
#include "services/ledger/retention_plan.h"

#define OLD_MS 1500000000000 /* 2017 */
#define OLD 30               /* entries of then, in segments of ten */
#define ALL 50

static struct rig rig;
static char root[200];

/* A segment that is written is none of a removal's steps. */
static bool counts(const char *path, bool renamed)
{
    return strstr(path, renamed ? "/journal/retention." : "/journal/") != NULL;
}

/* ---- the fixture */

static size_t pack(uint8_t *out, uint64_t n, struct commit_put *put)
{
    static char id[16];
    static const uint8_t value[] = "value";
    Ismap__Liu__V1__RecordPut record = ISMAP__LIU__V1__RECORD_PUT__INIT;
    Ismap__Liu__V1__RecordPut *records[] = {&record};
    Ismap__Liu__V1__JournalEntry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    (void)snprintf(id, sizeof id, "C-%llu", (unsigned long long)n);
    e.at_ms = n <= OLD ? OLD_MS + (int64_t)n : clock_wall_ms();
    record.kind = RECORD_CASE;
    record.id = id;
    record.revision = 1;
    record.value = (ProtobufCBinaryData){5, (uint8_t *)(uintptr_t)value};
    e.puts = records;
    e.n_puts = put != NULL;
    if (put != NULL)
        *put = (struct commit_put){.kind = RECORD_CASE, .id = id, .value = value, .value_bytes = 5};
    return ismap__liu__v1__journal_entry__pack(&e, out);
}

static void on_commit(void *arg, const struct commit_result *r)
{
    *(enum commit_status *)arg = r->status;
}

static void add(uint64_t n)
{
    uint8_t packed[200];
    struct commit_put put;
    struct commit_entry entry = {.data = packed, .bytes = pack(packed, n, &put), .type = "T"};
    struct commit c = {.reply_type = "",
                       .now_ms = clock_wall_ms(),
                       .puts = &put,
                       .n_puts = 1,
                       .entries = &entry,
                       .n_entries = 1};
    enum commit_status status = COMMIT_UNKNOWN;
    assert_int_equal(store_commit(rig.store, STORE_MAIN, &c, on_commit, &status), ERR_OK);
    while (status == COMMIT_UNKNOWN)
        assert_int_equal(loop_turn(rig.loop, 20), ERR_OK);
    assert_int_equal(status, COMMIT_OK);
}

static const struct ledger *ledger(void)
{
    return rig.ledger;
}

/* Five segments, a snapshot of the head, and Redis has the last five entries only; then the period
 * is stated. */
static int begin(void **state)
{
    uint8_t packed[200];
    (void)state;
    rig_begin_with(&rig, packed, pack(packed, 1, NULL));
    for (uint64_t n = 2; n <= ALL; n++)
        add(n);
    rig.set.segment_seconds = 600;
    rig.set.snapshot_entries = 10;
    rig.set.snapshot_keep = 1;
    rig.set.keep_entries = 5;
    rig.set.trim_seconds = 0;
    rig_start_ledger(&rig);
    int64_t until = clock_mono_ms() + 20000;
    while (ledger()->snapshots.seq < ALL || ledger()->trim.gone < ALL - 5) {
        assert_true(clock_mono_ms() < until);
        rig_turn(&rig, 20);
    }
    rig_stop_ledger(&rig);
    rig.set.segment_seconds = 0;
    rig.set.retention_seconds = 0;
    rig.set.retain_journal_days = 1600;
    (void)snprintf(root, sizeof(root), "%s/" RIG_EPOCH, rig.archive);
    noise_witness(rig.archive, clock_wall_ms(), 1600);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_end(&rig);
    return 0;
}

static struct segment_report walk(void)
{
    struct segment_report report;
    struct err_text why = {{0}};
    if (segment_walk(rig.journal, NULL, NULL, &report, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return report;
}

static void await_removed(uint64_t last)
{
    char plan[300];
    int64_t until = clock_mono_ms() + 20000;
    (void)snprintf(plan, sizeof(plan), "%s/" MARK_PLAN, rig.journal);
    for (;;) {
        struct segment_report r = walk();
        if (r.removed && r.mark.last.seq == last && r.leftover == 0 && access(plan, F_OK) != 0)
            return;
        if (clock_mono_ms() > until)
            fail_msg("removed up to %llu", (unsigned long long)r.mark.last.seq);
        rig_turn(&rig, 20);
    }
}

/* What was committed behind ALL: nobody but the ledger does. */
static uint64_t events(void)
{
    redisContext *c = test_redis_connect(&rig.redis);
    assert_non_null(c);
    redisReply *reply = redisCommand(c, "GET {p0}:head");
    assert_non_null(reply);
    const char *space = strchr(reply->str, ' ');
    assert_non_null(space);
    uint64_t head = strtoull(space + 1, NULL, 10);
    freeReplyObject(reply);
    redisFree(c);
    return head - ALL;
}

static uint64_t begins(void)
{
    uint64_t first = 0;
    struct err_text why = {{0}};
    assert_int_equal(journal_begins(root, 0, &first, &why), ERR_OK);
    return first;
}

/* Snapshot and what is behind it have all records. */
static void expect_records(uint64_t n)
{
    struct snapshot *s = NULL;
    struct err_text why = {{0}};
    struct buf faults;
    buf_init(&faults, 4096);
    assert_int_equal(snapshot_newest(root, RIG_EPOCH, &s, &faults, &why), ERR_OK);
    assert_int_equal(faults.len, 0);
    assert_non_null(s);
    assert_int_equal(snapshot_head_of(s)->records, n);
    snapshot_close(s);
    buf_fini(&faults);
}

/* ---- the tests */

static void what_is_over_goes_and_is_told_once(void **state)
{
    (void)state;
    rig_start_ledger(&rig);
    await_removed(OLD);
    struct segment_report r = walk();
    assert_int_equal(events(), 1);
    assert_int_equal(begins(), OLD + 1);
    assert_int_equal(r.mark.kind, SEGMENT_JOURNAL);
    assert_int_equal(r.mark.entries, OLD);
    assert_int_equal(r.mark.days, 1600);
    assert_int_equal(r.mark.told_seq, ALL + 1);
    Ismap__Liu__V1__Health h = ISMAP__LIU__V1__HEALTH__INIT;
    int64_t until = clock_mono_ms() + 20000;
    do {
        assert_true(clock_mono_ms() < until);
        rig_turn(&rig, 20); /* the files go before the ledger hears of it */
        ledger_service.health(rig.ledger, &h);
    } while (h.retention[RETENTION_JOURNAL]->removed_segments == 0);
    assert_int_equal(h.retention[RETENTION_JOURNAL]->period_days, 1600);
    assert_int_equal(h.retention[RETENTION_JOURNAL]->removed_segments, 3);
    assert_int_equal(h.retention[RETENTION_JOURNAL]->removed_to_seq, OLD);
    assert_int_equal(h.retention[RETENTION_NOISE]->removed_segments, 0);
    assert_int_equal(h.retention[RETENTION_JOURNAL]->left_seq, ledger()->trim.gone);
    for (uint64_t n = ALL + 2; n <= ALL + 20; n++) /* it goes on */
        add(n);
    until = clock_mono_ms() + 20000;
    while (ledger()->snapshots.seq < ALL + 20) {
        assert_true(clock_mono_ms() < until);
        rig_turn(&rig, 20);
    }
    expect_records(ALL - 1 + 19);
    assert_int_equal(events(), 20); /* and nothing is told again */
    rig_stop_ledger(&rig);
    rig_start_ledger(&rig);
    rig_turn(&rig, 700);
    assert_int_equal(events(), 20);
    assert_int_equal(walk().mark.last.seq, OLD);
    assert_true(ledger_service.ready(rig.ledger, &(const char *){""}));
}

static void nothing_goes_without_a_period_or_what_makes_up_for_it(void **state)
{
    char path[300];
    (void)state;
    rig.set.retain_journal_days = 0;
    rig.set.retain_noise_days = 500;
    rig_start_ledger(&rig);
    rig_turn(&rig, 600);
    rig_stop_ledger(&rig);
    assert_false(walk().removed);
    rig.set.retain_journal_days = 1600;
    rig.set.snapshot_entries = 1000000;
    (void)snprintf(path, sizeof(path), "%s/snapshots/%020d.snap", root, ALL);
    assert_int_equal(__real_unlink(path), 0);
    rig_start_ledger(&rig);
    rig_turn(&rig, 600);
    assert_false(walk().removed);
    assert_int_equal(events(), 0);
}

/* The two clocks say so, but they are one: the archive does not show that the time has passed. */
static void what_is_over_by_clocks_alone_stays(void **state)
{
    char path[300];
    (void)state;
    (void)snprintf(path, sizeof(path), "%s/ffffffffffffffffffffffffffffffff", rig.archive);
    rig_remove(path);
    rig_start_ledger(&rig);
    rig_turn(&rig, 600);
    assert_false(walk().removed);
    assert_int_equal(events(), 0);
}

/* Redis keeps them, so a consumer may want them. */
static void what_redis_still_has_stays(void **state)
{
    (void)state;
    rig_stop_ledger(&rig);
    rig.set.keep_entries = 1000;
    rig_start_ledger(&rig);
    rig_turn(&rig, 600); /* no trim, nothing is known to have left */
    assert_false(walk().removed);
    assert_int_equal(events(), 0);
}

/* Who only looks asks the ledger. */
static void what_redis_still_has_is_not_shown_as_next(void **state)
{
    struct retention_folder f = {SEGMENT_JOURNAL, root, rig.journal, RIG_EPOCH, "journal"};
    struct retention_folder other = {SEGMENT_JOURNAL, root, rig.journal, "of before", "journal"};
    struct retention_period p = {.days = 1600, .now_ms = clock_wall_ms(), .most = 9};
    struct err_text why = {{0}};
    struct mark m;
    bool due = false;
    Ismap__Liu__V1__Health h = ISMAP__LIU__V1__HEALTH__INIT;
    (void)state;
    rig.set.retain_journal_days = 0;
    rig_start_ledger(&rig);
    h.epoch = (char *)(uintptr_t)RIG_EPOCH;
    assert_int_equal(retention_upto(&f, &h), UINT64_MAX); /* it tells of no period */
    for (uint64_t gone = 0; gone <= 30; gone += 15) {
        ((struct ledger *)rig.ledger)->trim.gone = gone;
        ledger_service.health(rig.ledger, &h);
        assert_int_equal(retention_upto(&f, &h), gone);
        assert_int_equal(retention_upto(&other, &h), UINT64_MAX);
        assert_int_equal(retention_upto(&f, NULL), UINT64_MAX);
        p.upto = retention_upto(&f, &h);
        assert_int_equal(retention_plan(&f, &p, &m, &due, &why), ERR_OK);
        assert_int_equal(due ? m.last.seq : 0, gone / 10 * 10);
    }
}

/* Its folder was lost, and what Redis still has is archived anew: that is no period. */
static void a_journal_that_was_lost_is_told(void **state)
{
    struct err_text what = {{0}};
    struct err_text why = {{0}};
    uint64_t entries = 0;
    (void)state;
    rig_remove(rig.journal);
    rig_start_ledger(&rig);
    int64_t until = clock_mono_ms() + 20000;
    while ((entries < 5 || ledger()->said[0] == '\0') && clock_mono_ms() < until) {
        rig_turn(&rig, 20);
        entries = walk().entries;
    }
    assert_string_equal(ledger()->said, "journal-lost");
    assert_int_equal(entries, 5);
    assert_int_equal(journal_lost(root, &what, &why), ERR_OK);
    assert_non_null(strstr(what.text, "before entry 46"));
    assert_int_equal(begins(), 0);
    assert_int_equal(events(), 0);
}

/* Of the first segment, as a kill leaves it. */
static void write_plan(void)
{
    char path[400];
    struct err_text why = {{0}};
    struct segment *s = NULL;
    (void)snprintf(path, sizeof(path), "%s/%020d-%020d.seg", rig.journal, 1, 10);
    assert_int_equal(segment_open(path, &s, &why), ERR_OK);
    struct mark m = {.kind = SEGMENT_JOURNAL,
                     .epoch = RIG_EPOCH,
                     .stream = "journal",
                     .first = {1, 0},
                     .last = {10, 0},
                     .segments = 1,
                     .all_segments = 1,
                     .entries = 10,
                     .all_entries = 10,
                     .days = 1600,
                     .told_epoch = RIG_EPOCH,
                     .told_seq = ALL};
    memcpy(m.digest, segment_head_of(s)->digest, SHA256_BYTES);
    segment_close(s);
    assert_int_equal(mark_write(rig.journal, MARK_PLAN, &m, &why), ERR_OK);
}

/* The snapshot went between the plan and now. */
static void a_plan_waits_for_what_makes_up_for_it(void **state)
{
    char path[300];
    (void)state;
    write_plan();
    rig.set.snapshot_entries = 1000000;
    (void)snprintf(path, sizeof(path), "%s/snapshots/%020d.snap", root, ALL);
    assert_int_equal(__real_unlink(path), 0);
    rig_start_ledger(&rig);
    int64_t until = clock_mono_ms() + 20000;
    while (events() == 0 && clock_mono_ms() < until)
        rig_turn(&rig, 20);
    rig_turn(&rig, 300);
    assert_int_equal(events(), 1);
    assert_false(walk().removed);
    assert_int_equal(walk().segments >= ALL / 10, 1);
    rig_stop_ledger(&rig);
    rig.set.snapshot_entries = 10;
    rig_start_ledger(&rig);
    await_removed(OLD);
    assert_int_equal(events(), 2); /* the rest is told with it */
    assert_int_equal(walk().mark.all_segments, 3);
}

static const char *waits(enum retention_class c)
{
    static Ismap__Liu__V1__Health h = ISMAP__LIU__V1__HEALTH__INIT;
    ledger_service.health(rig.ledger, &h);
    return h.retention[c]->waits;
}

/* It is told, and noise goes meanwhile; when the snapshot is there again, it is finished. */
static void a_plan_that_cannot_be_finished_keeps_no_other(void **state)
{
    char path[300];
    char noise[300];
    char aside[300];
    uint8_t chain[SHA256_BYTES] = {0};
    struct segment_report r = {.removed = false};
    struct err_text why = {{0}};
    (void)state;
    (void)snprintf(noise, sizeof(noise), "%s/noise/feed-1", root);
    noise_segment(noise, RIG_EPOCH, OLD_MS, chain);
    noise_segment(noise, RIG_EPOCH, (uint64_t)clock_wall_ms() - 5000, chain);
    write_plan();
    (void)snprintf(path, sizeof(path), "%s/snapshots/%020d.snap", root, ALL);
    (void)snprintf(aside, sizeof(aside), "%s/aside", root);
    assert_int_equal(rename(path, aside), 0);
    rig.set.snapshot_entries = 1000000;
    rig.set.retain_noise_days = 500;
    rig_start_ledger(&rig);
    int64_t until = clock_mono_ms() + 20000;
    while ((!r.removed || r.leftover > 0 || waits(RETENTION_JOURNAL)[0] == '\0') &&
           clock_mono_ms() < until) {
        rig_turn(&rig, 20);
        assert_int_equal(segment_walk(noise, NULL, NULL, &r, NULL, &why), ERR_OK);
    }
    assert_true(r.removed);
    assert_non_null(strstr(waits(RETENTION_JOURNAL), "no good snapshot makes up for entry 10"));
    assert_false(walk().removed);
    assert_int_equal(rename(aside, path), 0);
    await_removed(OLD);
    until = clock_mono_ms() + 20000;
    while (waits(RETENTION_JOURNAL)[0] != '\0' && clock_mono_ms() < until)
        rig_turn(&rig, 20);
    assert_string_equal(waits(RETENTION_JOURNAL), "");
    assert_int_equal(events(), 3); /* noise, the plan, the rest: each once */
}

static void a_longer_period_ends_a_plan(void **state)
{
    char path[300];
    (void)state;
    write_plan();
    (void)snprintf(path, sizeof(path), "%s/" MARK_PLAN, rig.journal);
    rig.set.retain_journal_days = 36500;
    rig_start_ledger(&rig);
    int64_t until = clock_mono_ms() + 20000;
    while (access(path, F_OK) == 0 && clock_mono_ms() < until)
        rig_turn(&rig, 20);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(events(), 0);
    assert_false(walk().removed);
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
        uint64_t events; /* told by then */
        size_t gone;     /* files */
    } rows[] = {
        {1, false, 0, 0}, {2, true, 1, 0}, {2, false, 1, 0}, {3, false, 1, 0}, {4, false, 1, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int status = 0;
        assert_int_equal(begin(NULL), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            child_runs(rows[i].at, rows[i].before);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        struct segment_report r = walk(); /* sound at any time */
        assert_int_equal(events(), rows[i].events);
        bool marked = rows[i].at > 2 || (rows[i].at == 2 && !rows[i].before);
        assert_int_equal(r.removed, marked);
        assert_int_equal(begins(), marked ? OLD + 1 : 0);
        if (marked)
            assert_int_equal(r.leftover, 3 - rows[i].gone);
        rig_start_ledger(&rig);
        await_removed(OLD);
        assert_int_equal(events(), 1);
        assert_int_equal(walk().mark.told_seq, ALL + 1);
        assert_int_equal(begins(), OLD + 1);
        expect_records(ALL - 1);
        rig_end(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_over_goes_and_is_told_once, begin, end),
        cmocka_unit_test_setup_teardown(nothing_goes_without_a_period_or_what_makes_up_for_it,
                                        begin, end),
        cmocka_unit_test_setup_teardown(what_is_over_by_clocks_alone_stays, begin, end),
        cmocka_unit_test_setup_teardown(what_redis_still_has_stays, begin, end),
        cmocka_unit_test_setup_teardown(what_redis_still_has_is_not_shown_as_next, begin, end),
        cmocka_unit_test_setup_teardown(a_journal_that_was_lost_is_told, begin, end),
        cmocka_unit_test_setup_teardown(a_plan_waits_for_what_makes_up_for_it, begin, end),
        cmocka_unit_test_setup_teardown(a_plan_that_cannot_be_finished_keeps_no_other, begin, end),
        cmocka_unit_test_setup_teardown(a_longer_period_ends_a_plan, begin, end),
        cmocka_unit_test(after_any_kill_it_goes_on_and_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
