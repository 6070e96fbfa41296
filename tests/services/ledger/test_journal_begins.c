/* Where the journal begins: kept no more is told from missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/ledger/drop.h"
#include "services/ledger/journal_begins.h"
#include "services/ledger/late_archive.h"
#include "services/ledger/snapshot.h"
#include "support/folder.h"

#define EPOCH "00112233445566778899aabbccddeeff"

static char dir[64];
static char journal[80];
static struct late_archive a;

/* Fifty entries in segments of ten, snapshots at 20 and 40. */
static int begin(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/liu-begins-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(journal, sizeof(journal), "%s/journal", dir);
    a = (struct late_archive){.dir = dir, .epoch = EPOCH};
    late_archive_fifty(&a);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return test_folder_remove(dir);
}

static uint64_t begins(uint64_t store_first)
{
    uint64_t first = 77;
    struct err_text why = {{0}};
    if (journal_begins(dir, store_first, &first, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return first;
}

static void drop_snapshot(int seq)
{
    char path[160];
    (void)snprintf(path, sizeof(path), "%s/snapshots/%020d.snap", dir, seq);
    assert_int_equal(unlink(path), 0);
}

static void what_was_removed_is_kept_no_more(void **state)
{
    (void)state;
    assert_int_equal(begins(0), 0);
    assert_int_equal(begins(30), 0);
    late_archive_remove(&a, 20);
    assert_int_equal(begins(0), 21);
    assert_int_equal(begins(30), 21);
    assert_int_equal(begins(15), 15); /* Redis has them still */
    assert_int_equal(begins(1), 0);
    late_archive_remove(&a, 40);
    assert_int_equal(begins(0), 41);
    drop_snapshot(40);
    assert_int_equal(begins(0), 0); /* nothing makes up for it */
}

static void what_no_mark_tells_of_is_missing(void **state)
{
    (void)state;
    assert_int_equal(drop_segments(journal, 10), 1);
    assert_int_equal(begins(0), 0);
    late_archive_remove(&a, 20);
    assert_int_equal(begins(0), 21);
    assert_int_equal(drop_segments(journal, 30), 1); /* one more than the mark says */
    assert_int_equal(begins(0), 0);
}

static void a_file_that_a_kill_left_behind_the_mark_counts_for_nothing(void **state)
{
    (void)state;
    char from[160];
    char to[160];
    (void)snprintf(from, sizeof(from), "%s/journal/%020d-%020d.seg", dir, 11, 20);
    (void)snprintf(to, sizeof(to), "%s/kept", dir);
    assert_int_equal(link(from, to), 0);
    late_archive_remove(&a, 20);
    assert_int_equal(rename(to, from), 0);
    assert_int_equal(begins(0), 21);
}

/* NULL: nothing is missing. */
static void expect_lost(const char *word)
{
    struct err_text what = {"before"};
    struct err_text why = {{0}};
    if (journal_lost(dir, &what, &why) != ERR_OK)
        fail_msg("%s", why.text);
    if (word == NULL)
        assert_string_equal(what.text, "");
    else
        assert_non_null(strstr(what.text, word));
}

/* As a restore leaves it: all that was is gone, and its own snapshot names no segment. */
static void restored(uint64_t seq)
{
    struct snapshot_head h = {.epoch = EPOCH, .seq = seq};
    struct snapshot_writer *w = NULL;
    struct err_text why = {{0}};
    char folder[160];
    assert_int_equal(drop_segments(journal, 50), 5);
    drop_snapshot(20);
    drop_snapshot(40);
    (void)snprintf(folder, sizeof(folder), "%s/snapshots", dir);
    assert_int_equal(snapshot_create(folder, &h, &w, &why), ERR_OK);
    assert_int_equal(snapshot_finish(w, NULL, &why), ERR_OK);
    memset(a.chain, 0, sizeof(a.chain));
    a.last = seq;
}

/* No mark, and the first segment names none before it. */
static void an_archive_that_was_made_late_begins_there(void **state)
{
    (void)state;
    struct err_text why = {{0}};
    uint64_t first = 0;
    restored(40);
    assert_int_equal(begins(0), 0);
    assert_int_equal(begins(41), 41); /* nothing is archived yet */
    assert_int_equal(begins(42), 0);
    expect_lost(NULL);
    late_archive_add(&a, 10);
    assert_int_equal(begins(0), 41);
    expect_lost(NULL);
    late_archive_add(&a, 10);
    late_archive_snapshot(&a); /* from now on by the ledger's own */
    drop_snapshot(40);
    assert_int_equal(begins(0), 41);
    expect_lost(NULL);
    assert_int_equal(drop_segments(journal, 60), 2);
    assert_int_equal(rmdir(journal), 0);
    assert_int_equal(begins(0), 0);
    assert_int_equal(begins(61), 0);
    expect_lost("all segments");
    assert_int_equal(journal_begins("/nowhere", 0, &first, &why), ERR_OK);
    assert_int_equal(first, 0);
}

/* The folder was lost, and what Redis still had was archived anew. */
static void a_journal_that_was_begun_anew_is_missing_what_was_before(void **state)
{
    (void)state;
    static const struct {
        uint64_t from;
        int last;
    } rows[] = {{41, 50}, {36, 50}, {36, 39}, {15, 40}, {21, 40}};
    expect_lost(NULL);
    assert_int_equal(drop_segments(journal, 50), 5);
    expect_lost("all segments");
    assert_int_equal(begins(41), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(a.chain, 0, sizeof(a.chain));
        a.last = rows[i].from - 1;
        late_archive_add(&a, (uint64_t)rows[i].last - a.last);
        expect_lost("before entry");
        assert_int_equal(begins(0), 0);
        assert_int_equal(begins(rows[i].from), 0);
        assert_int_equal(drop_segments(journal, 50), 1);
    }
    drop_snapshot(20);
    drop_snapshot(40);
    expect_lost(NULL); /* an archive that was begun late, without anything before */
}

int main(void)
{
#define CASE(t) cmocka_unit_test_setup_teardown(t, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(what_was_removed_is_kept_no_more),
        CASE(what_no_mark_tells_of_is_missing),
        CASE(a_file_that_a_kill_left_behind_the_mark_counts_for_nothing),
        CASE(an_archive_that_was_made_late_begins_there),
        CASE(a_journal_that_was_begun_anew_is_missing_what_was_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
