/* What of a journal may go: by its entries' own time, and only what snapshots make up for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/ledger/drop.h"
#include "services/ledger/late_archive.h"
#include "services/ledger/retention_plan.h"
#include "support/folder.h"

#define EPOCH "00112233445566778899aabbccddeeff"
#define DAYS 1600

static char dir[64];
static char journal[80];
static struct late_archive a;
static struct retention_folder folder;

/* Fifty entries in segments of ten, entry n of the time n; snapshots at 20 and 40. */
static int begin(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/liu-plan-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(journal, sizeof(journal), "%s/journal", dir);
    folder = (struct retention_folder){SEGMENT_JOURNAL, dir, journal, EPOCH, "journal"};
    a = (struct late_archive){.dir = dir, .epoch = EPOCH};
    late_archive_fifty(&a);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return test_folder_remove(dir);
}

/* When all of the time `over` and before is older than the period. */
static enum err plan(int64_t over, uint64_t upto, size_t most, struct mark *m, bool *due)
{
    struct err_text why = {{0}};
    struct retention_period p = {.days = DAYS,
                                 .now_ms = DAYS * (int64_t)RETENTION_DAY_MS + over + 1,
                                 .most = most,
                                 .upto = upto};
    return retention_plan(&folder, &p, m, due, &why);
}

static void expect(int64_t over, uint64_t upto, size_t most, uint64_t last)
{
    struct mark m;
    bool due = false;
    assert_int_equal(plan(over, upto, most, &m, &due), ERR_OK);
    assert_int_equal(due, last > 0);
    assert_int_equal(m.segments, last / 10);
    if (last > 0)
        assert_int_equal(m.last.seq, last);
}

static void path_of(char out[160], const char *folder_name, int first, int last)
{
    if (first > 0)
        (void)snprintf(out, 160, "%s/%s/%020d-%020d.seg", dir, folder_name, first, last);
    else
        (void)snprintf(out, 160, "%s/%s/%020d.snap", dir, folder_name, last);
}

static void spoil(const char *path)
{
    char c = 0;
    assert_int_equal(chmod(path, 0600), 0);
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &c, 1, 300), 1);
    c = (char)(c ^ 1);
    assert_int_equal(pwrite(fd, &c, 1, 300), 1);
    assert_int_equal(close(fd), 0);
}

static void what_is_over_goes_up_to_the_oldest_snapshot(void **state)
{
    static const struct {
        int64_t over;
        uint64_t upto;
        size_t most;
        uint64_t last;
    } rows[] = {
        {50, UINT64_MAX, 9, 20}, /* no further than the oldest snapshot that is kept */
        {50, UINT64_MAX, 1, 10}, {19, UINT64_MAX, 9, 10}, {20, UINT64_MAX, 9, 20},
        {9, UINT64_MAX, 9, 0},   {50, 19, 9, 10},         {50, 20, 9, 20},
        {50, 0, 9, 0},           {-5, UINT64_MAX, 9, 0},
    };
    char path[160];
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect(rows[i].over, rows[i].upto, rows[i].most, rows[i].last);
    path_of(path, "snapshots", 0, 20);
    assert_int_equal(unlink(path), 0);
    expect(50, UINT64_MAX, 9, 40);
    late_archive_add(&a, 10);
    late_archive_snapshot(&a);
    path_of(path, "snapshots", 0, 40);
    assert_int_equal(unlink(path), 0);
    expect(60, UINT64_MAX, 9, 50); /* the newest segment stays */
    path_of(path, "snapshots", 0, 60);
    assert_int_equal(unlink(path), 0);
    expect(60, UINT64_MAX, 9, 0); /* nothing makes up for anything */
}

static void a_plan_goes_on_behind_the_mark(void **state)
{
    struct mark m;
    bool due = false;
    (void)state;
    late_archive_remove(&a, 10);
    assert_int_equal(plan(50, UINT64_MAX, 9, &m, &due), ERR_OK);
    assert_true(due);
    assert_int_equal(m.first.seq, 11);
    assert_int_equal(m.last.seq, 20);
    assert_int_equal(m.segments, 1);
    assert_int_equal(m.all_segments, 2);
    assert_int_equal(m.all_entries, 20);
}

static void what_is_damaged_lets_nothing_go(void **state)
{
    struct mark m;
    bool due = true;
    char path[160];
    (void)state;
    path_of(path, "snapshots", 0, 40);
    spoil(path);
    assert_int_equal(plan(50, UINT64_MAX, 9, &m, &due), ERR_DATA_LOSS);
    assert_false(due);
    expect(5, UINT64_MAX, 9, 0); /* nothing is due: nothing is looked at */
    spoil(path);
    path_of(path, "journal", 21, 30); /* the one that stays */
    spoil(path);
    assert_int_equal(plan(50, UINT64_MAX, 9, &m, &due), ERR_DATA_LOSS);
    spoil(path);
    expect(50, UINT64_MAX, 9, 20);
    assert_int_equal(drop_segments(journal, 10), 1);
    assert_int_equal(plan(50, UINT64_MAX, 9, &m, &due), ERR_DATA_LOSS);
}

static void a_plan_stops_when_it_shall(void **state)
{
    struct mark m;
    struct err_text why = {{0}};
    bool due = true;
    atomic_bool stop;
    (void)state;
    atomic_init(&stop, true);
    struct retention_period p = {.days = DAYS,
                                 .now_ms = DAYS * (int64_t)RETENTION_DAY_MS + 51,
                                 .most = 9,
                                 .upto = UINT64_MAX,
                                 .stop = &stop};
    assert_int_equal(retention_plan(&folder, &p, &m, &due, &why), ERR_AGAIN);
    assert_false(due);
}

static void a_segment_is_as_old_as_its_newest_entry(void **state)
{
    int64_t at_ms = 0;
    struct err_text why = {{0}};
    (void)state;
    assert_int_equal(retention_ended(&folder, (struct segment_pos){30, 0}, &at_ms, &why), ERR_OK);
    assert_int_equal(at_ms, 30);
    assert_int_equal(retention_ended(&folder, (struct segment_pos){35, 0}, &at_ms, &why),
                     ERR_NOT_FOUND);
    struct retention_folder noise = {SEGMENT_NOISE, dir, dir, EPOCH, "feed-1"};
    assert_int_equal(retention_ended(&noise, (struct segment_pos){77, 3}, &at_ms, &why), ERR_OK);
    assert_int_equal(at_ms, 77);
}

static void a_good_snapshot_must_reach_what_goes(void **state)
{
    char path[160];
    struct err_text why = {{0}};
    (void)state;
    assert_int_equal(retention_covered(dir, EPOCH, 40, &why), ERR_OK);
    assert_int_equal(retention_covered(dir, EPOCH, 41, &why), ERR_DATA_LOSS);
    path_of(path, "snapshots", 0, 40);
    spoil(path);
    assert_int_equal(retention_covered(dir, EPOCH, 20, &why), ERR_OK);
    assert_int_equal(retention_covered(dir, EPOCH, 21, &why), ERR_DATA_LOSS);
}

int main(void)
{
#define CASE(t) cmocka_unit_test_setup_teardown(t, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(what_is_over_goes_up_to_the_oldest_snapshot),
        CASE(a_plan_goes_on_behind_the_mark),
        CASE(what_is_damaged_lets_nothing_go),
        CASE(a_segment_is_as_old_as_its_newest_entry),
        CASE(a_good_snapshot_must_reach_what_goes),
        CASE(a_plan_stops_when_it_shall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
