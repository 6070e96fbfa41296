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
#include "services/ledger/mark.h"
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

static void what_was_removed_is_kept_no_more(void **state)
{
    (void)state;
    char path[160];
    assert_int_equal(begins(0), 0);
    assert_int_equal(begins(30), 0);
    late_archive_remove(&a, 20);
    assert_int_equal(begins(0), 21);
    assert_int_equal(begins(30), 21);
    assert_int_equal(begins(15), 15); /* Redis has them still */
    assert_int_equal(begins(1), 0);
    late_archive_remove(&a, 40);
    assert_int_equal(begins(0), 41);
    (void)snprintf(path, sizeof(path), "%s/snapshots/%020d.snap", dir, 40);
    assert_int_equal(unlink(path), 0);
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

/* As a restore leaves it: no mark, and the first segment names none before it. */
static void an_archive_that_was_made_late_begins_there(void **state)
{
    (void)state;
    struct err_text why = {{0}};
    uint64_t first = 0;
    assert_int_equal(drop_segments(journal, 50), 5);
    assert_int_equal(begins(0), 0);
    assert_int_equal(begins(41), 41); /* nothing is archived yet */
    assert_int_equal(begins(42), 0);
    memset(a.chain, 0, sizeof(a.chain));
    a.last = 40;
    late_archive_add(&a, 10);
    assert_int_equal(begins(0), 41);
    assert_int_equal(drop_segments(journal, 50), 1);
    assert_int_equal(rmdir(journal), 0);
    assert_int_equal(begins(0), 0);
    assert_int_equal(journal_begins("/nowhere", 0, &first, &why), ERR_OK);
    assert_int_equal(first, 0);
}

int main(void)
{
#define CASE(t) cmocka_unit_test_setup_teardown(t, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(what_was_removed_is_kept_no_more),
        CASE(what_no_mark_tells_of_is_missing),
        CASE(a_file_that_a_kill_left_behind_the_mark_counts_for_nothing),
        CASE(an_archive_that_was_made_late_begins_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
