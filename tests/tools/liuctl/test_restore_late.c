/* Where the journal of a restore begins, and the archive that it makes of a backup. */
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

#include "liuctl/restore_late.h"
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

static int open_late(struct restore_late *l, uint64_t first, uint64_t snapshot)
{
    json_t *m = json_pack("{s:s, s:I, s:I}", "epoch", EPOCH, "first", (json_int_t)first, "snapshot",
                          (json_int_t)snapshot);
    int status = restore_late_open(&cli, backup, m, l);
    json_decref(m);
    return status;
}

static enum err on_entry(void *arg, const struct segment_entry *e)
{
    return restore_late_entry(arg, e, (int64_t)e->pos.seq, e->pos.seq, NULL);
}

static enum err read_all(struct restore_late *l)
{
    char journal[FOLDER_PATH_BYTES];
    struct segment_report report;
    assert_true(folder_path(journal, backup, "journal"));
    return segment_walk(journal, on_entry, l, &report, NULL, NULL);
}

static const struct begins {
    int64_t needed_ms;
    uint64_t cursor;
    uint64_t head;
    uint64_t seq;
} begins[] = {
    {1000, HEAD, HEAD, 400}, /* a place before the snapshot's entry: not all are kept */
    {401, HEAD, HEAD, 400},  /* the receipt of 401 is needed */
    {400, HEAD, HEAD, 300},  /* that of 400 */
    {1000, 399, HEAD, 300},  /* a consumer has not seen 400 */
    {1000, 400, HEAD, 400},  /* it has */
    {1000, HEAD, 400, 300},  /* Redis' journal needs an entry */
    {101, 100, HEAD, 100},   /* both */
    {10, HEAD, HEAD, FIRST}, /* receipts of before: what there is */
    {1000, 10, HEAD, FIRST},
};

static void redis_gets_what_is_asked_for(void **state)
{
    (void)state;
    struct restore_late l;
    assert_int_equal(open_late(&l, FIRST, SNAPSHOT), CLI_OK);
    assert_int_equal(read_all(&l), ERR_OK);
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        const struct begins *c = &begins[i];
        assert_int_equal(restore_late_choose(&l, c->needed_ms, c->cursor, c->head, NULL), ERR_OK);
        if (l.begins.seq != c->seq)
            fail_msg("case %zu: behind %llu", i, (unsigned long long)l.begins.seq);
        assert_int_equal(l.begins.bytes, c->seq);
        assert_int_equal(strlen(l.begins.link), LINK_DIGITS);
    }
    assert_int_equal(restore_late_choose(&l, 0, 0, FIRST, NULL), ERR_DATA_LOSS);
    restore_late_fini(&l);
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct restore_late l;
    struct err_text why = {""};
    struct segment_entry e = {.pos = {FIRST + 1, 0}, .link_bytes = LINK_DIGITS};
    assert_int_equal(open_late(&l, FIRST, SNAPSHOT - 1), CLI_INPUT);
    assert_int_equal(open_late(&l, 1, SNAPSHOT), CLI_INPUT);
    assert_int_equal(open_late(&l, SNAPSHOT + 2, SNAPSHOT), CLI_INPUT);
    assert_int_equal(open_late(&l, FIRST, SNAPSHOT), CLI_OK);
    e.link = (const uint8_t *)l.head.link;
    assert_int_equal(restore_late_entry(&l, &e, 1, 1, &why), ERR_DATA_LOSS);
    assert_non_null(strstr(why.text, "begins with entry 52 instead of 51"));
    e.pos.seq = FIRST;
    e.link = (const uint8_t *)"0123456789012345678901234567890123456789";
    assert_int_equal(restore_late_entry(&l, &e, 1, 1, &why), ERR_OK);
    e.pos.seq = SNAPSHOT;
    assert_int_equal(restore_late_entry(&l, &e, 1, 1, &why), ERR_DATA_LOSS);
    assert_non_null(strstr(why.text, "replaced: it was not made at entry 450"));
    restore_late_fini(&l);
}

static void must_write(struct restore_late *l)
{
    struct err_text why = {""};
    if (restore_late_archive(l, NEW_EPOCH, &why) != ERR_OK)
        fail_msg("%s", why.text);
}

static void must_sweep(const char *begun)
{
    struct err_text why = {""};
    if (restore_late_sweep(&cli, begun, &why) != ERR_OK)
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

static void the_archive_is_whole(void **state)
{
    (void)state;
    struct restore_late l;
    struct err_text why = {""};
    char dir[160];
    char journal[FOLDER_PATH_BYTES];
    struct segment_report segments;
    struct snapshot_report snapshots;
    uint64_t first = 0;
    assert_int_equal(open_late(&l, FIRST, SNAPSHOT), CLI_OK);
    assert_int_equal(restore_late_allowed(&cli), CLI_OK);
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
    must_write(&l);
    put("restore.part/journal/half");
    must_write(&l); /* once more */
    assert_false(there("restore.part/journal/half"));
    assert_int_equal(restore_late_settle(&l, NEW_EPOCH, &why), ERR_OK);
    assert_false(there("restore.part"));
    (void)snprintf(dir, sizeof dir, "%s/" NEW_EPOCH, archive);
    assert_true(folder_path(journal, dir, "journal"));
    assert_int_equal(segment_first(journal, &first, &why), ERR_OK);
    assert_int_equal(first, FIRST);
    assert_int_equal(segment_walk(journal, NULL, NULL, &segments, NULL, &why), ERR_OK);
    assert_int_equal(segments.entries, SNAPSHOT - FIRST + 1);
    assert_string_equal(segments.last.epoch, NEW_EPOCH);
    assert_int_equal(segments.last.last.seq, SNAPSHOT);
    assert_memory_equal(segments.last.link, l.head.link, LINK_DIGITS);
    assert_int_equal(snapshot_survey(dir, NEW_EPOCH, &snapshots, NULL, &why), ERR_OK);
    assert_int_equal(snapshots.faults, 0);
    assert_int_equal(snapshots.newest, SNAPSHOT);
    restore_late_fini(&l);
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
    struct restore_late l;
    struct err_text why = {""};
    char dir[160];
    struct snapshot_report snapshots;
    struct late_archive a = {.dir = backup, .epoch = EPOCH};
    a.last = HEAD;
    late_archive_remove(&a, SNAPSHOT);
    assert_int_equal(open_late(&l, SNAPSHOT + 1, SNAPSHOT), CLI_OK);
    assert_int_equal(read_all(&l), ERR_OK);
    assert_int_equal(restore_late_choose(&l, 0, 0, HEAD, NULL), ERR_OK);
    assert_int_equal(l.begins.seq, SNAPSHOT);
    assert_string_equal(l.begins.link, l.head.link);
    must_write(&l);
    assert_int_equal(restore_late_settle(&l, NEW_EPOCH, &why), ERR_OK);
    (void)snprintf(dir, sizeof dir, "%s/" NEW_EPOCH, archive);
    assert_int_equal(snapshot_survey(dir, NEW_EPOCH, &snapshots, NULL, &why), ERR_OK);
    assert_int_equal(snapshots.newest, SNAPSHOT);
    restore_late_fini(&l);
}

static void without_an_archive_it_is_refused(void **state)
{
    (void)state;
    char empty[] = "";
    char none[80];
    cli.config.archive_dir = empty;
    must_sweep(OLD_EPOCH);
    assert_int_equal(restore_late_allowed(&cli), CLI_USAGE);
    (void)snprintf(none, sizeof none, "%s/none", top);
    cli.config.archive_dir = none;
    assert_int_equal(restore_late_allowed(&cli), CLI_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(redis_gets_what_is_asked_for, make, clean),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused, make, clean),
        cmocka_unit_test_setup_teardown(the_archive_is_whole, make, clean),
        cmocka_unit_test_setup_teardown(an_archive_that_was_used_stays, make, clean),
        cmocka_unit_test_setup_teardown(a_snapshot_alone_is_enough, make, clean),
        cmocka_unit_test_setup_teardown(without_an_archive_it_is_refused, make, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
