/* What the ledger removes in time is no fault to those who read the archive meanwhile. */
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
#include "services/ledger/late_archive.h"
#include "services/ledger/snapshot.h"
#include "support/folder.h"

#define EPOCH "00112233445566778899aabbccddeeff"

static char dir[64];
static char journal[80];
static struct late_archive a;

/* Before the n-th file is opened the segments up to `last` are removed, and the snapshot of 20. */
static struct {
    int at;
    uint64_t last;
    bool lost; /* without a mark */
} removal;

static void remove_now(void)
{
    char path[160];
    if (removal.at == 0 || --removal.at > 0)
        return;
    if (removal.lost)
        (void)drop_segments(journal, removal.last);
    else
        late_archive_remove(&a, removal.last);
    (void)snprintf(path, sizeof(path), "%s/snapshots/%020d.snap", dir, 20);
    assert_int_equal(unlink(path), 0);
}

enum err __real_segment_open(const char *path, struct segment **out, struct err_text *why);
enum err __wrap_segment_open(const char *path, struct segment **out, struct err_text *why);
enum err __wrap_segment_open(const char *path, struct segment **out, struct err_text *why)
{
    remove_now();
    return __real_segment_open(path, out, why);
}

enum err __real_snapshot_open(const char *in, const char *name, struct snapshot **out,
                              struct err_text *why);
enum err __wrap_snapshot_open(const char *in, const char *name, struct snapshot **out,
                              struct err_text *why);
enum err __wrap_snapshot_open(const char *in, const char *name, struct snapshot **out,
                              struct err_text *why)
{
    remove_now();
    return __real_snapshot_open(in, name, out, why);
}

/* Fifty entries in segments of ten, snapshots at 20 and 40. */
static int begin(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/liu-beside-XXXXXX");
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(journal, sizeof(journal), "%s/journal", dir);
    a = (struct late_archive){.dir = dir, .epoch = EPOCH};
    removal.at = 0;
    late_archive_fifty(&a);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return test_folder_remove(dir);
}

struct got {
    uint64_t first, last;
    size_t n;
};

static enum err take(void *arg, const struct segment_entry *e)
{
    struct got *g = arg;
    g->first = g->n++ == 0 ? e->pos.seq : g->first;
    g->last = e->pos.seq;
    return ERR_OK;
}

static enum err walk(bool entries, bool gaps, struct got *g, struct segment_report *report)
{
    struct err_text why = {{0}};
    struct segment_range all = {.entry = entries ? take : NULL, .gaps = gaps, .arg = g};
    *g = (struct got){.n = 0};
    enum err e = segment_walk_range(journal, &all, report, NULL, &why);
    if (e == ERR_AGAIN)
        assert_non_null(strstr(why.text, "run it again"));
    return e;
}

static void a_walk_goes_on_behind_what_is_removed_meanwhile(void **state)
{
    static const struct {
        int at; /* segment that is about to be opened */
        uint64_t last;
        bool entries, gaps;
        enum err err;
        size_t n;
        size_t segments;
    } rows[] = {
        {1, 20, true, false, ERR_OK, 30, 3}, /* nothing was handed out yet */
        {2, 20, true, false, ERR_AGAIN, 10, 1},
        {3, 20, true, false, ERR_OK, 50, 5}, /* it had passed */
        {2, 20, true, true, ERR_OK, 40, 4},
        {2, 30, true, true, ERR_OK, 30, 3},
        {2, 20, false, false, ERR_OK, 0, 4},
        {5, 40, true, false, ERR_OK, 50, 5},
        {4, 40, true, true, ERR_OK, 40, 4},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct segment_report report;
        struct got g;
        assert_int_equal(end(NULL) + begin(NULL), 0);
        removal.at = rows[i].at;
        removal.last = rows[i].last;
        /* the removal itself opens files, too: only the first counts */
        assert_int_equal(walk(rows[i].entries, rows[i].gaps, &g, &report), rows[i].err);
        assert_int_equal(g.n, rows[i].n);
        assert_int_equal(report.segments, rows[i].segments);
        assert_int_equal(report.faults, 0);
        assert_int_equal(report.leftover, 0);
        if (rows[i].err == ERR_OK && g.n > 0)
            assert_int_equal(g.last, 50);
    }
}

static void what_is_lost_meanwhile_is_missed(void **state)
{
    (void)state;
    struct segment_report report;
    struct got g;
    removal.lost = true;
    removal.at = 2;
    removal.last = 20;
    assert_int_equal(walk(true, true, &g, &report), ERR_DATA_LOSS);
    removal.lost = false;
    assert_int_equal(report.faults, 1);
}

/* The segment of the oldest snapshot goes, or that one itself. */
static void snapshots_are_good_beside_a_removal(void **state)
{
    (void)state;
    for (int at = 1; at <= 2; at++) {
        struct snapshot_report report;
        struct err_text why = {{0}};
        struct buf text;
        assert_int_equal(end(NULL) + begin(NULL), 0);
        buf_init(&text, 4096);
        removal.at = at;
        removal.last = 40;
        assert_int_equal(snapshot_survey(dir, EPOCH, &report, &text, &why), ERR_OK);
        assert_int_equal(text.len, 0);
        assert_int_equal(report.faults, 0);
        assert_int_equal(report.newest, 40);
        assert_int_equal(report.files, at);
        buf_fini(&text);
    }
}

int main(void)
{
#define CASE(t) cmocka_unit_test_setup_teardown(t, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(a_walk_goes_on_behind_what_is_removed_meanwhile),
        CASE(what_is_lost_meanwhile_is_missed),
        CASE(snapshots_are_good_beside_a_removal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
