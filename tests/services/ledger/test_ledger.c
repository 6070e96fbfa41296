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
#include "ismap/liu/v1/health.pb-c.h"

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

/* More than a page and more than a call may take. */
static void a_backlog_is_archived_and_trimmed_to_its_end(void **state)
{
    (void)state;
    rig.set.keep_entries = 20;
    rig.set.noise_keep = 0;
    rig.set.segment_entries = 200;
    rig_add(&rig, 799);
    for (int i = 0; i < 300; i++)
        rig_noise(&rig, "slow responses seen by a probe");
    rig_start_ledger(&rig);
    rig_await(&rig, rig.journal, 800);
    await_length("XLEN {p0}:journal", 20);
    await_length("XLEN {p0}:aud:csp-a", 20);
    await_length("XLEN {p0}:noise:feed-1", 0);
    files_are_whole(800);
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

/* The journal as an older append-only file would leave it: entries up to `keep`. */
static void rewind_journal(uint64_t keep)
{
    redisContext *c = test_redis_connect(&rig.redis);
    assert_non_null(c);
    redisReply *last = redisCommand(c, "XRANGE {p0}:journal %llu %llu", (unsigned long long)keep,
                                    (unsigned long long)keep);
    assert_int_equal(last->elements, 1);
    const char *link = last->element[0]->element[1]->element[3]->str;
    freeReplyObject(redisCommand(c, "SET {p0}:head %s", "")); /* no commit meanwhile */
    for (uint64_t seq = keep + 1; seq <= rig.head; seq++)
        freeReplyObject(redisCommand(c, "XDEL {p0}:journal %llu-0", (unsigned long long)seq));
    freeReplyObject(redisCommand(c, "XSETID {p0}:journal %llu-0", (unsigned long long)keep));
    char head[160];
    (void)snprintf(head, sizeof(head), RIG_EPOCH " %llu 2 %s", (unsigned long long)keep, link);
    freeReplyObject(redisCommand(c, "SET {p0}:head %s", head));
    freeReplyObject(last);
    redisFree(c);
}

static bool is_halted(void)
{
    redisContext *c = test_redis_connect(&rig.redis);
    assert_non_null(c);
    redisReply *head = redisCommand(c, "GET {p0}:head");
    bool halted = head->len > 7 && strcmp(head->str + head->len - 7, " halted") == 0;
    freeReplyObject(head);
    redisFree(c);
    return halted;
}

struct wrong_journal {
    uint64_t keep;      /* of 20 entries that are archived, 24 in all */
    const char *insert; /* a command behind that; NULL = none */
    const char *reason; /* of not being ready */
    bool halted;
};

#define WRONG_ENTRY " e other l 0123456789012345678901234567890123456789"

static const struct wrong_journal wrong_journals[] = {
    {12, NULL, "archive-ahead: journal: the archive has entry 20", true},
    {19, NULL, "archive-ahead: journal: the archive has entry 20", true},
    {19, "XADD {p0}:journal 20-0" WRONG_ENTRY, "archive-differs: journal: entry 20", false},
    {20, "XADD {p0}:journal 21-0" WRONG_ENTRY, "journal-link: journal: the link of entry 21",
     false},
    {22, "XADD {p0}:journal 23-0" WRONG_ENTRY, "journal-link: journal: the link of entry 23",
     false},
    {20, "XADD {p0}:journal 22-0" WRONG_ENTRY, "journal-gap: journal: after 20 comes 22", false},
};

static void expect_broken(const struct wrong_journal *w)
{
    const char *why = "";
    int64_t until = clock_mono_ms() + 15000;
    while (ledger_service.ready(rig.ledger, &why)) {
        if (clock_mono_ms() > until)
            fail_msg("still ready, not: %s", w->reason);
        rig_turn(&rig, 20);
    }
    if (strncmp(why, w->reason, strlen(w->reason)) != 0)
        fail_msg("%s\nnot: %s", why, w->reason);
    rig_turn(&rig, 400);
    assert_int_equal(is_halted(), w->halted);
}

static void a_journal_that_is_not_the_archives_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong_journals) / sizeof(wrong_journals[0]); i++) {
        if (i > 0)
            rig_begin(&rig);
        rig.set.segment_seconds = 600;
        rig_add(&rig, 23);
        rig_start_ledger(&rig);
        rig_await(&rig, rig.journal, 20);
        rig_stop_ledger(&rig);
        rewind_journal(wrong_journals[i].keep);
        if (wrong_journals[i].insert != NULL)
            (void)rig_ask(&rig, wrong_journals[i].insert);
        rig_start_ledger(&rig);
        expect_broken(&wrong_journals[i]);
        files_are_whole(20);
        if (i + 1 < sizeof(wrong_journals) / sizeof(wrong_journals[0]))
            rig_end(&rig);
    }
}

/* Redis came back with an older file while the ledger ran; what it holds in memory counts, too. */
static void a_journal_that_ends_earlier_than_before_halts_the_store(void **state)
{
    (void)state;
    const char *why = "";
    rig_add(&rig, 13);
    rig.set.segment_seconds = 600;
    rig_start_ledger(&rig);
    rig_await(&rig, rig.journal, 10);
    rig_turn(&rig, 600);
    assert_true(ledger_service.ready(rig.ledger, &why));
    rewind_journal(12);
    expect_broken(&(struct wrong_journal){
        .reason = "archive-ahead: journal: the archive has entry 14", .halted = true});
    files_are_whole(10);
}

static unsigned long long noted(void)
{
    char path[400];
    char line[80] = "";
    (void)snprintf(path, sizeof(path), "%s/%s/head", rig.archive, RIG_EPOCH);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return 0;
    bool read = fgets(line, sizeof(line), f) != NULL;
    assert_int_equal(fclose(f), 0);
    return read ? strtoull(line, NULL, 10) : 0;
}

/* What was read behind the last segment is in the note alone: an older store, which goes on behind
 * the archive, does not take its place. */
static void what_was_noted_outlives_an_older_store(void **state)
{
    (void)state;
    rig_add(&rig, 13);
    rig.set.segment_seconds = 600;
    rig_start_ledger(&rig);
    rig_await(&rig, rig.journal, 10);
    for (int i = 0; i < 200 && noted() < 14; i++)
        rig_turn(&rig, 50);
    rig_stop_ledger(&rig);
    assert_int_equal(noted(), 14);
    rewind_journal(12);
    rig_start_ledger(&rig);
    expect_broken(&(struct wrong_journal){
        .reason = "archive-ahead: journal: the archive has entry 14", .halted = true});
    assert_int_equal(noted(), 14);
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

/* ---- memory */

struct seen_usage {
    bool done;
    Ismap__Liu__V1__Upkeep *usage;
};

static void on_usage(void *arg, enum err e, const struct store_record *r, size_t n)
{
    struct seen_usage *s = arg;
    s->done = true;
    if (e == ERR_OK && n == 1 && r[0].exists)
        s->usage = ismap__liu__v1__upkeep__unpack(NULL, r[0].bytes, r[0].value);
}

/* Bytes of a family as the record has it, at most 20 s after something was written. */
static uint64_t measured(struct rig *r, const char *family, uint64_t *budget)
{
    static const struct store_key key = {RECORD_UPKEEP, "usage"};
    uint64_t bytes = 0;
    *budget = 0;
    for (int i = 0; i < 200 && (bytes == 0 || *budget == 0); i++) {
        struct seen_usage s = {0};
        rig_turn(r, 100);
        assert_int_equal(store_read(r->store, &key, 1, on_usage, &s), ERR_OK);
        while (!s.done)
            rig_turn(r, 10);
        for (size_t k = 0; s.usage != NULL && k < s.usage->n_families; k++) {
            if (strcmp(s.usage->families[k]->family, family) == 0) {
                bytes = s.usage->families[k]->bytes;
                *budget = s.usage->families[k]->budget_bytes;
            }
        }
        ismap__liu__v1__upkeep__free_unpacked(s.usage, NULL);
    }
    return bytes;
}

static void each_family_is_measured_and_told_with_its_budget(void **state)
{
    struct rig *r = &rig;
    (void)state;
    uint64_t budget = 1;
    (void)rig_ask(r, "CONFIG SET maxmemory 100mb");
    for (int i = 0; i < N_FAMILIES; i++)
        r->set.budget[i] = i + 1;
    rig_add(r, 300);
    rig_noise(r, "noise");
    rig_start_ledger(r);
    long long of_journal = rig_ask(r, "MEMORY USAGE {p0}:journal SAMPLES 0");
    uint64_t bytes = measured(r, "journal", &budget);
    assert_true(bytes > (uint64_t)of_journal / 2 && bytes < 2 * (uint64_t)of_journal);
    assert_int_equal(budget, 3 * 1048576);
    assert_true(measured(r, "noise", &budget) > 0);
    assert_true(measured(r, "index", &budget) > bytes / 20);
    assert_true(measured(r, "records", &budget) > 0);
}

/* keep_entries and noise_keep would keep all of it. */
static void what_is_archived_leaves_when_its_family_is_near_its_budget(void **state)
{
    struct rig *r = &rig;
    (void)state;
    (void)rig_ask(r, "CONFIG SET maxmemory 4mb");
    r->set.budget[FAMILY_JOURNAL] = r->set.budget[FAMILY_NOISE] = 1;
    r->set.segment_entries = 200;
    r->set.keep_entries = 1000000;
    rig_add(r, 1000);
    for (int i = 0; i < 200; i++)
        rig_noise(r, "0123456789012345678901234567890123456789012345678901234567890123456789"
                     "0123456789012345678901234567890123456789012345678901234567890123456789");
    rig_start_ledger(r);
    int64_t until = clock_mono_ms() + 20000;
    while ((rig_ask(r, "XLEN {p0}:journal") > 600 || rig_ask(r, "XLEN {p0}:noise:feed-1") > 0) &&
           clock_mono_ms() < until)
        rig_turn(r, 100);
    assert_true(rig_ask(r, "XLEN {p0}:journal") <= 600);
    assert_int_equal(rig_ask(r, "XLEN {p0}:noise:feed-1"), 0);
    rig_await(r, r->journal, r->head);
}

int main(void)
{
#define CASE(t) cmocka_unit_test_setup_teardown(t, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(the_journal_goes_into_files_and_the_cursor_follows),
        CASE(only_what_is_archived_and_passed_by_all_is_trimmed),
        CASE(the_head_is_kept),
        CASE(a_backlog_is_archived_and_trimmed_to_its_end),
        CASE(a_crash_between_file_and_cursor_is_made_good),
        CASE(any_kill_leaves_whole_files),
        CASE(noise_goes_into_files_and_leaves_redis),
        CASE(a_damaged_archive_is_left_alone),
        CASE(a_gap_in_the_journal_stops_the_archive),
        CASE(a_journal_that_is_not_the_archives_is_told),
        CASE(what_was_noted_outlives_an_older_store),
        CASE(a_journal_that_ends_earlier_than_before_halts_the_store),
        CASE(a_full_disk_is_waited_for),
        CASE(a_redis_that_comes_back_is_gone_on_with),
        CASE(each_family_is_measured_and_told_with_its_budget),
        CASE(what_is_archived_leaves_when_its_family_is_near_its_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
