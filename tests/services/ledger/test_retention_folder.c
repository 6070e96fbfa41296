/* Periods, marks and plans: what may go, and that what is missing for another reason is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/ledger/core/retention.h"
#include "services/ledger/noise_folder.h"
#include "services/ledger/retention_folder.h"
#include "support/folder.h"

#define EPOCH "00112233445566778899aabbccddeeff"
#define DAY ((uint64_t)RETENTION_DAY_MS)
#define DAYS 500
#define N 5 /* segments, one each 100 days */

static char archive[64];
static char root[128];
static char dir[256];
static struct retention_folder folder;

static uint64_t begins(int i)
{
    return (uint64_t)(i + 1) * 100 * DAY;
}

/* So that the first `over` segments are older than DAYS. */
static int64_t now_for(int over)
{
    return (int64_t)(begins(over) + DAYS * DAY);
}

static int begin(void **state)
{
    uint8_t chain[SHA256_BYTES] = {0};
    (void)state;
    (void)snprintf(archive, sizeof(archive), "/tmp/liu-retention-XXXXXX");
    assert_non_null(mkdtemp(archive));
    (void)snprintf(dir, sizeof(dir), "%s/%s/noise/feed-1", archive, EPOCH);
    (void)snprintf(root, sizeof(root), "%s/%s", archive, EPOCH);
    folder = (struct retention_folder){SEGMENT_NOISE, root, dir, EPOCH, "feed-1"};
    for (int i = 0; i < N; i++)
        noise_segment(dir, EPOCH, begins(i), chain);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return test_folder_remove(archive);
}

static void segment_path(int i, char out[400])
{
    (void)snprintf(out, 400, "%s/%020llu.%010u-%020llu.%010u.seg", dir,
                   (unsigned long long)begins(i), 0u, (unsigned long long)begins(i) + 2, 2u);
}

static void remove_segment(int i)
{
    char path[400];
    segment_path(i, path);
    assert_int_equal(unlink(path), 0);
}

static void spoil(const char *path, off_t at)
{
    assert_int_equal(chmod(path, 0600), 0);
    int fd = open(path, O_RDWR);
    char c = 0;
    assert_int_equal(pread(fd, &c, 1, at), 1);
    c = (char)(c ^ 1);
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    assert_int_equal(close(fd), 0);
}

static enum err plan_of(const struct retention_folder *f, int64_t days, int64_t now_ms, size_t most,
                        struct mark *out, bool *due, struct err_text *why)
{
    struct retention_period p = {.days = days, .now_ms = now_ms, .most = most};
    return retention_plan_noise(f, &p, out, due, why);
}

static struct mark plan(int over)
{
    struct mark m;
    struct err_text why = {{0}};
    bool due = false;
    if (plan_of(&folder, DAYS, now_for(over), 100, &m, &due, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(due, over > 0);
    return m;
}

static void put_mark(const struct mark *m)
{
    struct err_text why = {{0}};
    if (mark_write(dir, MARK_FILE, m, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

/* `fault` NULL: the folder is sound and has so many segments. */
static void expect(size_t segments, size_t leftover, const char *fault)
{
    struct segment_report report;
    struct err_text why = {{0}};
    struct buf text;
    buf_init(&text, 10000);
    enum err e = segment_walk(dir, NULL, NULL, &report, &text, &why);
    assert_int_equal(buf_put(&text, "", 1), ERR_OK);
    if (e != (fault == NULL ? ERR_OK : ERR_DATA_LOSS) ||
        (fault != NULL && strstr((const char *)text.data, fault) == NULL))
        fail_msg("%s, not %s", (const char *)text.data, fault == NULL ? "sound" : fault);
    assert_int_equal(report.faults, fault == NULL ? 0 : 1);
    if (fault == NULL) {
        assert_int_equal(report.segments, segments);
        assert_int_equal(report.leftover, leftover);
    }
    buf_fini(&text);
}

/* ---- periods */

static void no_period_is_below_the_least(void **state)
{
    (void)state;
    static const struct {
        enum retention_class class;
        int64_t days;
        bool allowed;
    } rows[] = {
        {RETENTION_NOISE, 0, true},      {RETENTION_NOISE, 1, false},
        {RETENTION_NOISE, 499, false},   {RETENTION_NOISE, 500, true},
        {RETENTION_NOISE, 36500, true},  {RETENTION_NOISE, 36501, false},
        {RETENTION_NOISE, -1, false},    {RETENTION_JOURNAL, 0, true},
        {RETENTION_JOURNAL, 1, false},   {RETENTION_JOURNAL, 1599, false},
        {RETENTION_JOURNAL, 1600, true}, {RETENTION_JOURNAL, 36501, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err_text why = {{0}};
        enum err e = retention_check(rows[i].class, rows[i].days, &why);
        assert_int_equal(e, rows[i].allowed ? ERR_OK : ERR_CONFIG);
        if (!rows[i].allowed)
            assert_non_null(strstr(why.text, rows[i].class == RETENTION_NOISE
                                                 ? "retain_noise_days"
                                                 : "retain_journal_days"));
    }
    assert_int_equal(retention_named("noise"), RETENTION_NOISE);
    assert_int_equal(retention_named("nothing"), RETENTION_CLASSES);
}

static void the_newest_never_goes_and_nothing_without_a_period(void **state)
{
    (void)state;
    const uint64_t ended[] = {10, 20, 30};
    int64_t day = RETENTION_DAY_MS;
    assert_int_equal(retention_due(ended, 3, 1, day + 30, 9), 2); /* both, the newest stays */
    assert_int_equal(retention_due(ended, 3, 1, 9 * day, 9), 2);
    assert_int_equal(retention_due(ended, 3, 1, 9 * day, 1), 1);
    assert_int_equal(retention_due(ended, 3, 1, day + 20, 9), 1); /* the last day is not over */
    assert_int_equal(retention_due(ended, 3, 1, day + 10, 9), 0);
    assert_int_equal(retention_due(ended, 3, 0, INT64_MAX, 9), 0);
    assert_int_equal(retention_due(ended, 3, 1, 0, 9), 0); /* a clock behind */
    assert_int_equal(retention_due(ended, 3, 1, -5, 9), 0);
    assert_int_equal(retention_due(ended, 1, 1, 9 * day, 9), 0);
    assert_int_equal(retention_due(ended, 0, 1, 9 * day, 9), 0);
    const uint64_t wild[] = {UINT64_MAX, UINT64_MAX};
    assert_int_equal(retention_due(wild, 2, 1, INT64_MAX, 9), 0);
}

/* ---- marks */

static void a_mark_comes_back_as_it_was_written(void **state)
{
    (void)state;
    struct mark m = plan(2);
    struct mark back;
    struct err_text why = {{0}};
    bool found = true;
    assert_int_equal(mark_read(dir, MARK_FILE, &back, &found, &why), ERR_OK);
    assert_false(found);
    (void)snprintf(m.told_epoch, sizeof(m.told_epoch), "%s", EPOCH);
    m.told_seq = 77;
    put_mark(&m);
    put_mark(&m); /* once more is no error */
    assert_int_equal(mark_read(dir, MARK_FILE, &back, &found, &why), ERR_OK);
    assert_true(found);
    assert_int_equal(back.kind, SEGMENT_NOISE);
    assert_string_equal(back.epoch, EPOCH);
    assert_string_equal(back.stream, "feed-1");
    assert_int_equal(back.first.seq, begins(0));
    assert_int_equal(back.last.seq, begins(1) + 2);
    assert_int_equal(back.last.sub, 2);
    assert_memory_equal(back.digest, m.digest, SHA256_BYTES);
    assert_int_equal(back.segments, 2);
    assert_int_equal(back.all_entries, 6);
    assert_int_equal(back.days, DAYS);
    assert_string_equal(back.told_epoch, EPOCH);
    assert_int_equal(back.told_seq, 77);
    assert_int_equal(mark_write(dir, MARK_PLAN, &m, &why), ERR_OK);
    assert_int_equal(mark_drop_plan(dir, &why), ERR_OK);
    assert_int_equal(mark_drop_plan(dir, &why), ERR_OK); /* there is none: no error */
}

static void any_changed_byte_of_a_mark_is_found(void **state)
{
    (void)state;
    struct mark m = plan(2);
    struct err_text why = {{0}};
    char path[400];
    struct stat st;
    bool found;
    put_mark(&m);
    (void)snprintf(path, sizeof(path), "%s/" MARK_FILE, dir);
    assert_int_equal(stat(path, &st), 0);
    for (off_t at = 0; at < st.st_size; at++) {
        spoil(path, at);
        assert_int_equal(mark_read(dir, MARK_FILE, &m, &found, &why), ERR_DATA_LOSS);
        spoil(path, at);
        assert_int_equal(mark_read(dir, MARK_FILE, &m, &found, &why), ERR_OK);
    }
    for (off_t size = st.st_size - 1; size >= 0; size--) {
        assert_int_equal(truncate(path, size), 0);
        assert_int_equal(mark_read(dir, MARK_FILE, &m, &found, &why), ERR_DATA_LOSS);
    }
}

static void names_of_other_forms_have_no_range(void **state)
{
    (void)state;
    struct segment_pos first;
    struct segment_pos last;
    static const char *const bad[] = {
        "",
        "x.seg",
        "00000000000000000001-00000000000000000002.seg",
        "00000000000000000001.0000000001-00000000000000000002.0000000003.seg.tmp",
        "00000000000000000001.0000000001-00000000000000000002.seg",
        "0000000000000000000x.0000000001-00000000000000000002.0000000003.seg"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(segment_name_range(SEGMENT_NOISE, bad[i], &first, &last));
    assert_true(segment_name_range(SEGMENT_JOURNAL, bad[2], &first, &last));
    assert_int_equal(last.seq, 2);
    assert_true(segment_name_range(
        SEGMENT_NOISE, "00000000000000000001.0000000004-00000000000000000002.0000000003.seg",
        &first, &last));
    assert_int_equal(first.sub, 4);
    assert_int_equal(last.sub, 3);
}

/* ---- a folder from which something went */

static void a_walk_goes_on_behind_the_mark(void **state)
{
    (void)state;
    struct mark m = plan(2);
    struct err_text why = {{0}};
    size_t n = 0;
    expect(N, 0, NULL);
    put_mark(&m);
    expect(N - 2, 2, NULL); /* a crash came before the files went */
    remove_segment(0);
    expect(N - 2, 1, NULL);
    assert_int_equal(mark_sweep(dir, &m, &n, &why), ERR_OK);
    assert_int_equal(n, 1);
    expect(N - 2, 0, NULL);
    struct segment_head last;
    bool found = false;
    assert_int_equal(segment_last(dir, &last, &found, &why), ERR_OK);
    assert_true(found);
    assert_int_equal(last.first.seq, begins(N - 1));
    m = plan(3); /* the next one adds up */
    assert_int_equal(m.segments, 1);
    assert_int_equal(m.all_segments, 3);
    assert_int_equal(m.first.seq, begins(2));
}

static void a_file_that_no_mark_explains_is_missed(void **state)
{
    (void)state;
    struct mark m = plan(2);
    remove_segment(0);
    expect(0, 0, "missing: the segments before this one");
    remove_segment(1);
    put_mark(&m);
    expect(N - 2, 0, NULL);
    remove_segment(2);
    expect(0, 0, "missing or replaced: the segment before this one");
}

static void a_mark_of_other_segments_is_found(void **state)
{
    (void)state;
    struct mark m = plan(2);
    m.digest[0] ^= 1;
    put_mark(&m);
    expect(0, 0, "missing or replaced: the segment before this one");
    m.digest[0] ^= 1;
    m.stream[0] = 'x';
    put_mark(&m);
    expect(0, 0, "of another stream or epoch");
    m.stream[0] = 'f';
    m.kind = SEGMENT_JOURNAL;
    put_mark(&m);
    expect(0, 0, "of another stream or epoch");
}

static void a_damaged_mark_is_one_fault(void **state)
{
    (void)state;
    char path[400];
    struct mark m = plan(2);
    put_mark(&m);
    remove_segment(0);
    remove_segment(1);
    (void)snprintf(path, sizeof(path), "%s/" MARK_FILE, dir);
    spoil(path, 40);
    expect(0, 0, "retention.mark: damaged");
}

static void a_mark_without_a_segment_behind_it_is_found(void **state)
{
    (void)state;
    struct mark m = plan(N - 1);
    struct segment_head last;
    struct err_text why = {{0}};
    bool found = false;
    put_mark(&m);
    remove_segment(N - 1);
    expect(0, 0, "missing: the segments behind those that were removed");
    assert_int_equal(segment_last(dir, &last, &found, &why), ERR_DATA_LOSS);
    assert_non_null(strstr(why.text, "missing"));
}

/* ---- plans */

static void a_plan_takes_what_is_over_but_never_the_newest(void **state)
{
    (void)state;
    struct err_text why = {{0}};
    bool due = false;
    struct mark m;
    for (int over = 0; over <= N; over++) {
        assert_int_equal(plan_of(&folder, DAYS, now_for(over), 100, &m, &due, &why), ERR_OK);
        assert_int_equal(m.segments, over < N ? over : N - 1);
        assert_int_equal(due, over > 0);
    }
    assert_int_equal(plan_of(&folder, DAYS, now_for(N), 2, &m, &due, &why), ERR_OK);
    assert_int_equal(m.segments, 2);
    assert_int_equal(plan_of(&folder, 0, now_for(N), 2, &m, &due, &why), ERR_OK);
    assert_false(due);
}

static void what_is_damaged_or_missing_is_not_removed(void **state)
{
    (void)state;
    char path[400];
    struct err_text why = {{0}};
    struct mark m;
    bool due = false;
    segment_path(2, path);
    spoil(path, 300);
    (void)plan(1); /* it does not reach the damaged one */
    /* the one that stays is read, too: the chain goes on from it */
    assert_int_equal(plan_of(&folder, DAYS, now_for(2), 9, &m, &due, &why), ERR_DATA_LOSS);
    assert_int_equal(plan_of(&folder, DAYS, now_for(3), 9, &m, &due, &why), ERR_DATA_LOSS);
    assert_false(due);
    assert_non_null(strstr(why.text, "damaged"));
    remove_segment(2);
    assert_int_equal(plan_of(&folder, DAYS, now_for(4), 9, &m, &due, &why), ERR_DATA_LOSS);
    assert_non_null(strstr(why.text, "missing"));
    struct retention_folder other = {SEGMENT_NOISE, root, dir, EPOCH, "feed-2"};
    assert_int_equal(plan_of(&other, DAYS, now_for(1), 9, &m, &due, &why), ERR_DATA_LOSS);
}

static enum err count_folder(void *arg, const struct retention_folder *f)
{
    size_t *n = arg;
    bool journal = f->kind == SEGMENT_JOURNAL;
    assert_string_equal(f->root, root);
    assert_string_equal(f->epoch, EPOCH);
    assert_string_equal(f->stream, journal ? "journal" : "feed-1");
    if (!journal)
        assert_string_equal(f->dir, dir);
    *n += journal ? 10 : 1;
    return ERR_OK;
}

static void all_folders_of_all_epochs_are_looked_at(void **state)
{
    (void)state;
    char path[300];
    size_t n = 0;
    struct err_text why = {{0}};
    (void)snprintf(path, sizeof(path), "%s/notes", archive); /* nobody's */
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(retention_each(archive, count_folder, &n, &why), ERR_OK);
    assert_int_equal(n, 1);
    assert_int_equal(retention_each("/nonexistent", count_folder, &n, &why), ERR_OK);
    assert_int_equal(n, 1);
    (void)snprintf(path, sizeof(path), "%s/journal", root);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(retention_each(archive, count_folder, &n, &why), ERR_OK);
    assert_int_equal(n, 12);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_period_is_below_the_least),
        cmocka_unit_test(the_newest_never_goes_and_nothing_without_a_period),
        TEST(a_mark_comes_back_as_it_was_written),
        TEST(any_changed_byte_of_a_mark_is_found),
        cmocka_unit_test(names_of_other_forms_have_no_range),
        TEST(a_walk_goes_on_behind_the_mark),
        TEST(a_file_that_no_mark_explains_is_missed),
        TEST(a_mark_of_other_segments_is_found),
        TEST(a_damaged_mark_is_one_fault),
        TEST(a_mark_without_a_segment_behind_it_is_found),
        TEST(a_plan_takes_what_is_over_but_never_the_newest),
        TEST(what_is_damaged_or_missing_is_not_removed),
        TEST(all_folders_of_all_epochs_are_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
