/* What a restore puts into files, what is left for Redis, and the archive that it makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "liuctl/restore_files.h"
#include "services/ledger/late_archive.h"
#include "support/folder.h"

#define EPOCH "00112233445566778899aabbccddeeff"
#define NEW_EPOCH "0123456789abcdef0123456789abcdef"
#define OLD_EPOCH "fedcba9876543210fedcba9876543210"
#define FIRST 51
#define SNAPSHOT 450
#define HEAD 460

static char top[64];
static char backup[80];
static char archive[80];
static struct cli cli;

/* Entries 51 to 460, a snapshot of 450. Entry n has the time n. */
static int make(void **state)
{
    (void)state;
    (void)snprintf(top, sizeof top, "/tmp/liu-restore-XXXXXX");
    if (mkdtemp(top) == NULL)
        return -1;
    (void)snprintf(backup, sizeof backup, "%s/backup", top);
    (void)snprintf(archive, sizeof archive, "%s/archive", top);
    if (mkdir(backup, 0700) != 0 || mkdir(archive, 0700) != 0)
        return -1;
    struct late_archive a = {.dir = backup, .epoch = EPOCH};
    late_archive_add(&a, FIRST - 1);
    late_archive_add(&a, SNAPSHOT - FIRST + 1);
    late_archive_snapshot(&a);
    late_archive_remove(&a, FIRST - 1);
    late_archive_add(&a, HEAD - SNAPSHOT);
    cli = (struct cli){.json = true};
    cli.config.archive_dir = archive;
    return 0;
}

static int clean(void **state)
{
    (void)state;
    return test_folder_remove(top);
}

/* snapshot 0: of a journal from entry 1. */
static int open_files(struct restore_files *f, uint64_t first, uint64_t snapshot, uint64_t cursor,
                      uint64_t head)
{
    json_t *m =
        json_pack("{s:i, s:s, s:I, s:I, s:I}", "format",
                  snapshot == 0 ? BACKUP_FORMAT : BACKUP_LATE, "epoch", EPOCH, "first",
                  (json_int_t)first, "snapshot", (json_int_t)snapshot, "head", (json_int_t)head);
    int status = restore_files_open(&cli, backup, m, NEW_EPOCH, cursor, f);
    json_decref(m);
    return status;
}

static enum err on_entry(void *arg, const struct segment_entry *e)
{
    return restore_files_entry(arg, e, NULL);
}

static enum err read_all(struct restore_files *f)
{
    char journal[FOLDER_PATH_BYTES];
    struct segment_report report;
    assert_true(folder_path(journal, backup, "journal"));
    return segment_walk(journal, on_entry, f, &report, NULL, NULL);
}

static const struct divided {
    uint64_t first, snapshot, cursor, head;
    uint64_t begins, upto;
} divided[] = {
    {FIRST, SNAPSHOT, HEAD, HEAD, HEAD - 1, HEAD - 1}, /* Redis needs one entry */
    {FIRST, SNAPSHOT, UINT64_MAX, HEAD, HEAD - 1, HEAD - 1},
    {FIRST, SNAPSHOT, 455, HEAD, 455, 455},      /* and what a consumer has not seen */
    {FIRST, SNAPSHOT, 399, HEAD, 399, SNAPSHOT}, /* the snapshot's entry is archived */
    {FIRST, SNAPSHOT, HEAD, SNAPSHOT, SNAPSHOT - 1, SNAPSHOT},
    {FIRST, SNAPSHOT, 10, HEAD, FIRST, SNAPSHOT}, /* what there is */
    {SNAPSHOT + 1, SNAPSHOT, 10, HEAD, SNAPSHOT, SNAPSHOT},
    {SNAPSHOT + 1, SNAPSHOT, HEAD, SNAPSHOT + 1, SNAPSHOT, SNAPSHOT},
    {1, 0, HEAD, HEAD, HEAD - 1, HEAD - 1},
    {1, 0, 7, HEAD, 7, 7},
    {1, 0, 0, HEAD, 0, 0},
    {1, 0, 5, 1, 0, 0},
};

static void redis_gets_what_it_needs(void **state)
{
    (void)state;
    struct restore_files f;
    for (size_t i = 0; i < sizeof divided / sizeof divided[0]; i++) {
        const struct divided *d = &divided[i];
        assert_int_equal(open_files(&f, d->first, d->snapshot, d->cursor, d->head), CLI_OK);
        if (f.begins != d->begins || f.upto != d->upto)
            fail_msg("case %zu: behind %llu, archived to %llu", i, (unsigned long long)f.begins,
                     (unsigned long long)f.upto);
    }
    assert_int_equal(open_files(&f, FIRST, SNAPSHOT, 10, FIRST), CLI_INPUT); /* it has no entry */
    assert_int_equal(open_files(&f, 1, 0, 0, 0), CLI_INPUT);
}

static void links_go_on_as_they_were(void **state)
{
    (void)state;
    struct restore_files f;
    assert_int_equal(open_files(&f, FIRST, SNAPSHOT, SNAPSHOT, HEAD), CLI_OK);
    assert_int_equal(read_all(&f), ERR_OK);
    assert_string_equal(f.link, f.head.link);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct restore_files f;
    struct err_text why = {""};
    struct segment_entry e = {.pos = {FIRST + 1, 0}, .link_bytes = LINK_DIGITS};
    assert_int_equal(open_files(&f, FIRST, SNAPSHOT - 1, HEAD, HEAD), CLI_INPUT);
    assert_int_equal(open_files(&f, 1, SNAPSHOT, HEAD, HEAD), CLI_INPUT);
    assert_int_equal(open_files(&f, SNAPSHOT + 2, SNAPSHOT, HEAD, HEAD), CLI_INPUT);
    assert_int_equal(open_files(&f, FIRST, SNAPSHOT, HEAD, HEAD), CLI_OK);
    e.link = (const uint8_t *)f.head.link;
    assert_int_equal(restore_files_entry(&f, &e, &why), ERR_DATA_LOSS);
    assert_non_null(strstr(why.text, "begins with entry 52 instead of 51"));
    e.pos.seq = FIRST;
    e.link = (const uint8_t *)"0123456789012345678901234567890123456789";
    assert_int_equal(restore_files_entry(&f, &e, &why), ERR_OK);
    e.pos.seq = SNAPSHOT;
    assert_int_equal(restore_files_entry(&f, &e, &why), ERR_DATA_LOSS);
    assert_non_null(strstr(why.text, "replaced: it was not made at entry 450"));
}

static void must_write(const struct restore_files *f)
{
    struct err_text why = {""};
    char part[FOLDER_PATH_BYTES];
    if (restore_files_begin(&cli, part, &why) != ERR_OK || restore_files_write(f, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static void must_sweep(const char *begun)
{
    struct err_text why = {""};
    if (restore_files_sweep(&cli, begun, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static bool there(const char *name)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", archive, name);
    return access(path, F_OK) == 0;
}

static void put(const char *name)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", archive, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
}

static void folder(const char *name)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", archive, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

/* The archive has the entries `first` to `last`, and its newest snapshot is of `snapshot`. */
static void expect_archive(struct segment_report *segments, uint64_t first, uint64_t last,
                           uint64_t snapshot)
{
    char dir[160];
    char journal[FOLDER_PATH_BYTES];
    struct err_text why = {""};
    struct snapshot_report snapshots;
    uint64_t begins = 0;
    assert_false(there("restore.part"));
    (void)snprintf(dir, sizeof dir, "%s/" NEW_EPOCH, archive);
    assert_true(folder_path(journal, dir, "journal"));
    assert_int_equal(segment_first(journal, &begins, &why), ERR_OK);
    assert_int_equal(begins, first);
    assert_int_equal(segment_walk(journal, NULL, NULL, segments, NULL, &why), ERR_OK);
    assert_int_equal(segments->entries, last - first + 1);
    assert_string_equal(segments->last.epoch, NEW_EPOCH);
    assert_int_equal(segments->last.last.seq, last);
    assert_int_equal(snapshot_survey(dir, NEW_EPOCH, &snapshots, NULL, &why), ERR_OK);
    assert_int_equal(snapshots.faults, 0);
    assert_int_equal(snapshots.newest, snapshot);
}

static void the_archive_is_whole(void **state)
{
    (void)state;
    struct restore_files f;
    struct err_text why = {""};
    struct segment_report segments;
    assert_int_equal(open_files(&f, FIRST, SNAPSHOT, HEAD, HEAD), CLI_OK);
    assert_int_equal(read_all(&f), ERR_OK);
    assert_int_equal(restore_files_allowed(&cli), CLI_OK);
    /* an interrupted restore has left something, under either name */
    folder("restore.part");
    folder("restore.part/journal");
    put("restore.part/journal/half");
    folder(OLD_EPOCH);
    put(OLD_EPOCH "/half");
    must_sweep(OLD_EPOCH);
    assert_false(there(OLD_EPOCH));
    assert_false(there("restore.part"));
    must_sweep(OLD_EPOCH);
    must_write(&f);
    put("restore.part/journal/half");
    must_write(&f); /* once more */
    assert_false(there("restore.part/journal/half"));
    assert_int_equal(restore_files_settle(&f, &why), ERR_OK);
    expect_archive(&segments, FIRST, HEAD - 1, SNAPSHOT);
    assert_memory_equal(segments.last.link, f.link, LINK_DIGITS);
}

/* From entry 1: links are those of the new epoch. */
static void a_whole_journal_is_linked_anew(void **state)
{
    (void)state;
    struct restore_files f;
    struct err_text why = {""};
    struct segment_report segments;
    char journal[FOLDER_PATH_BYTES];
    assert_true(folder_path(journal, backup, "journal"));
    assert_int_equal(test_folder_remove(journal), 0);
    struct late_archive a = {.dir = backup, .epoch = EPOCH};
    struct late_archive b = {.dir = top, .epoch = NEW_EPOCH};
    late_archive_add(&a, 25);
    late_archive_add(&b, 24);
    assert_int_equal(open_files(&f, 1, 0, UINT64_MAX, 25), CLI_OK);
    assert_int_equal(read_all(&f), ERR_OK);
    assert_string_equal(f.link, b.link);
    must_write(&f);
    assert_int_equal(restore_files_settle(&f, &why), ERR_OK);
    expect_archive(&segments, 1, 24, 0);
    assert_memory_equal(segments.last.link, b.link, LINK_DIGITS);
}

static void an_archive_that_was_used_stays(void **state)
{
    (void)state;
    folder(OLD_EPOCH);
    put(OLD_EPOCH "/head");
    must_sweep(OLD_EPOCH);
    assert_true(there(OLD_EPOCH "/head"));
    must_sweep("");
    assert_true(there(""));
}

/* Nothing but the snapshot: the journal goes on behind it. */
static void a_snapshot_alone_is_enough(void **state)
{
    (void)state;
    struct restore_files f;
    struct err_text why = {""};
    char dir[160];
    struct snapshot_report snapshots;
    struct late_archive a = {.dir = backup, .epoch = EPOCH};
    a.last = HEAD;
    late_archive_remove(&a, SNAPSHOT);
    assert_int_equal(open_files(&f, SNAPSHOT + 1, SNAPSHOT, 0, HEAD), CLI_OK);
    assert_int_equal(read_all(&f), ERR_OK);
    assert_int_equal(f.begins, SNAPSHOT);
    assert_string_equal(f.link, f.head.link);
    must_write(&f);
    assert_int_equal(restore_files_settle(&f, &why), ERR_OK);
    (void)snprintf(dir, sizeof dir, "%s/" NEW_EPOCH, archive);
    assert_int_equal(snapshot_survey(dir, NEW_EPOCH, &snapshots, NULL, &why), ERR_OK);
    assert_int_equal(snapshots.newest, SNAPSHOT);
}

static void without_an_archive_it_is_refused(void **state)
{
    (void)state;
    char empty[] = "";
    char none[80];
    cli.config.archive_dir = empty;
    must_sweep(OLD_EPOCH);
    assert_int_equal(restore_files_allowed(&cli), CLI_USAGE);
    (void)snprintf(none, sizeof none, "%s/none", top);
    cli.config.archive_dir = none;
    assert_int_equal(restore_files_allowed(&cli), CLI_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(redis_gets_what_it_needs, make, clean),
        cmocka_unit_test_setup_teardown(links_go_on_as_they_were, make, clean),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused, make, clean),
        cmocka_unit_test_setup_teardown(the_archive_is_whole, make, clean),
        cmocka_unit_test_setup_teardown(a_whole_journal_is_linked_anew, make, clean),
        cmocka_unit_test_setup_teardown(an_archive_that_was_used_stays, make, clean),
        cmocka_unit_test_setup_teardown(a_snapshot_alone_is_enough, make, clean),
        cmocka_unit_test_setup_teardown(without_an_archive_it_is_refused, make, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
