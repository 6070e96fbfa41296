/* An archive that begins late: with which snapshots it is whole, and what is missed by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/ledger/late_archive.h"
#include "services/ledger/mark.h"
#include "services/ledger/snapshot.h"
#include "support/folder.h"

#define EPOCH "00112233445566778899aabbccddeeff"

static char dir[64];
static char journal[80];

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/liu-late-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(journal, sizeof(journal), "%s/journal", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    return test_folder_remove(dir);
}

static uint64_t begins(void)
{
    uint64_t first = 0;
    struct err_text why = {{0}};
    assert_int_equal(segment_first(journal, &first, &why), ERR_OK);
    return first;
}

/* Fifty entries in segments of ten, snapshots at 20 and 40, and the first `gone` removed. */
static struct late_archive make(uint64_t gone)
{
    struct late_archive a = {.dir = dir, .epoch = EPOCH};
    for (int i = 1; i <= 5; i++) {
        late_archive_add(&a, 10);
        if (i % 2 == 0)
            late_archive_snapshot(&a);
    }
    assert_int_equal(begins(), 1);
    if (gone > 0)
        late_archive_remove(&a, gone);
    return a;
}

/* Walks behind the newest good snapshot; "" or what is wrong. */
static const char *walk(uint64_t *last)
{
    static char said[1024];
    struct snapshot *s = NULL;
    struct err_text why = {{0}};
    struct segment_report report;
    struct buf text;
    struct segment_range range = {.epoch = EPOCH};
    buf_init(&text, sizeof(said));
    assert_int_equal(snapshot_newest(dir, EPOCH, &s, &text, &why), ERR_OK);
    if (s != NULL) {
        range.after = snapshot_head_of(s)->seq;
        range.digest = snapshot_head_of(s)->segment;
    }
    enum err e = segment_walk_range(journal, &range, &report, &text, &why);
    assert_true(e == ERR_OK || e == ERR_DATA_LOSS);
    assert_int_equal(buf_put(&text, "", 1), ERR_OK);
    (void)snprintf(said, sizeof(said), "%s", (char *)text.data);
    buf_fini(&text);
    *last = report.last.last.seq;
    snapshot_close(s);
    return said;
}

static void remove_snapshot(uint64_t seq)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/snapshots/%020llu.snap", dir, (unsigned long long)seq);
    assert_int_equal(unlink(path), 0);
}

static void it_is_whole_with_a_snapshot_behind_its_beginning(void **state)
{
    for (uint64_t gone = 10; gone <= 40; gone += 10) {
        struct snapshot_report report;
        struct err_text why = {{0}};
        struct segment_report segments;
        uint64_t last = 0;
        struct late_archive a = make(gone);
        assert_int_equal(begins(), gone + 1);
        assert_int_equal(segment_walk(journal, NULL, NULL, &segments, NULL, &why), ERR_OK);
        assert_int_equal(segments.entries, 50 - gone);
        assert_int_equal(snapshot_survey(dir, EPOCH, &report, NULL, &why), ERR_OK);
        assert_int_equal(report.faults, 0);
        assert_int_equal(report.newest, 40);
        assert_string_equal(walk(&last), "");
        assert_int_equal(last, 50);
        late_archive_add(&a, 10); /* and goes on */
        late_archive_snapshot(&a);
        assert_string_equal(walk(&last), "");
        assert_int_equal(last, 60);
        if (gone < 40) {
            assert_int_equal(remove_dir(state), 0);
            assert_int_equal(make_dir(state), 0);
        }
    }
}

static void a_snapshot_of_before_is_good_for_nothing(void **state)
{
    (void)state;
    struct snapshot_head made;
    struct err_text why = {{0}};
    atomic_bool stop;
    uint64_t last = 0;
    atomic_init(&stop, false);
    (void)make(30);
    remove_snapshot(40);
    assert_non_null(strstr(walk(&last), "missing: the segments between this one and the one "
                                        "before"));
    assert_int_equal(snapshot_make(dir, EPOCH, 9, &stop, &made, NULL, &why), ERR_DATA_LOSS);
}

static void without_a_snapshot_nothing_is_made_of_it(void **state)
{
    (void)state;
    struct snapshot_head made;
    struct err_text why = {{0}};
    atomic_bool stop;
    atomic_init(&stop, false);
    (void)make(20);
    remove_snapshot(40);
    remove_snapshot(20);
    assert_int_equal(snapshot_make(dir, EPOCH, 9, &stop, &made, NULL, &why), ERR_DATA_LOSS);
    assert_non_null(strstr(why.text, "begins with entry 21"));
}

static void a_segment_that_no_mark_explains_is_missed(void **state)
{
    (void)state;
    char path[160];
    struct segment_report report;
    struct err_text why = {{0}};
    uint64_t last = 0;
    (void)make(20);
    (void)snprintf(path, sizeof(path), "%s/%020d-%020d.seg", journal, 21, 30);
    assert_int_equal(unlink(path), 0);
    assert_string_equal(walk(&last), ""); /* the newest snapshot needs it no more */
    assert_int_equal(segment_walk(journal, NULL, NULL, &report, NULL, &why), ERR_DATA_LOSS);
    (void)snprintf(path, sizeof(path), "%s/%020d-%020d.seg", journal, 41, 50);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(segment_walk(journal, NULL, NULL, &report, NULL, &why), ERR_DATA_LOSS);
    (void)snprintf(path, sizeof(path), "%s/" MARK_FILE, journal);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(segment_walk(journal, NULL, NULL, &report, NULL, &why), ERR_DATA_LOSS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_whole_with_a_snapshot_behind_its_beginning, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_snapshot_of_before_is_good_for_nothing, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(without_a_snapshot_nothing_is_made_of_it, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(a_segment_that_no_mark_explains_is_missed, make_dir,
                                        remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
