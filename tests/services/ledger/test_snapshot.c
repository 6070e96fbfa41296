/* Snapshots against a model of the records, and every way in which a folder of them can be wrong.
 */
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

#include "ismap/liu/v1/event.pb-c.h"
#include "services/ledger/snapshot.h"
#include "store/records.h"
#include "support/folder.h"

#define EPOCH "00112233445566778899aabbccddeeff"
#define OTHER_EPOCH "ffeeddccbbaa99887766554433221100"
#define CASES 7 /* records that the entries write in turn */

static char dir[64];
static atomic_bool go_on;

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/liu-snapshot-XXXXXX");
    atomic_init(&go_on, false);
    return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
    (void)state;
    return test_folder_remove(dir);
}

/* Entry n writes case n % CASES, and a cursor, which no snapshot holds; every tenth deletes one. */
static size_t entry_bytes(uint64_t n, uint8_t *out)
{
    char id[16];
    char value[32];
    (void)snprintf(id, sizeof(id), "C-%llu", (unsigned long long)(n % CASES));
    (void)snprintf(value, sizeof(value), "value %llu", (unsigned long long)n);
    Ismap__Liu__V1__RecordPut puts[2];
    Ismap__Liu__V1__RecordPut *list[] = {&puts[0], &puts[1]};
    Ismap__Liu__V1__RecordKey gone = ISMAP__LIU__V1__RECORD_KEY__INIT;
    Ismap__Liu__V1__RecordKey *keys[] = {&gone};
    Ismap__Liu__V1__JournalEntry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    for (int i = 0; i < 2; i++) {
        ismap__liu__v1__record_put__init(&puts[i]);
        puts[i].kind = i == 0 ? RECORD_CASE : RECORD_CURSOR;
        puts[i].id = id;
        puts[i].revision = n;
        puts[i].value = (ProtobufCBinaryData){strlen(value), (uint8_t *)value};
    }
    e.puts = list;
    e.n_puts = 2;
    gone.kind = RECORD_CASE;
    gone.id = id;
    e.deletes = keys;
    e.n_deletes = n % 10 == 0;
    return ismap__liu__v1__journal_entry__pack(&e, out);
}

static uint8_t chain[SHA256_BYTES];
static uint64_t written;

static void write_segment(const char *epoch, uint64_t entries)
{
    char folder[128];
    struct segment_builder b = {.head = {.count = 0}};
    struct err_text why = {{0}};
    (void)snprintf(folder, sizeof(folder), "%s/journal", dir);
    assert_int_equal(
        segment_begin(&b, SEGMENT_JOURNAL, epoch, "journal", written == 0 ? NULL : chain), ERR_OK);
    for (uint64_t i = 0; i < entries; i++) {
        uint8_t bytes[512];
        written++;
        struct segment_entry e = {.pos = {written, 0},
                                  .data = bytes,
                                  .bytes = entry_bytes(written, bytes),
                                  .link =
                                      (const uint8_t *)"0123456789012345678901234567890123456789",
                                  .link_bytes = LINK_DIGITS};
        assert_int_equal(segment_add(&b, &e), ERR_OK);
    }
    if (segment_write(&b, folder, &why) != ERR_OK)
        fail_msg("%s", why.text);
    memcpy(chain, b.head.digest, SHA256_BYTES);
    segment_builder_fini(&b);
}

static struct snapshot_head must_make(size_t keep)
{
    struct snapshot_head made;
    struct err_text why = {{0}};
    if (snapshot_make(dir, EPOCH, keep, &go_on, &made, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
    return made;
}

/* Snapshots at 10, 20, 30, 40, each made of the one before. */
static void make_four(void)
{
    written = 0;
    for (int i = 1; i <= 4; i++) {
        write_segment(EPOCH, 10);
        struct snapshot_head made = must_make(10);
        assert_int_equal(made.seq, 10 * i);
        assert_int_equal(made.previous_seq, 10 * (i - 1));
        assert_int_equal(must_make(10).seq, 0); /* nothing new */
    }
}

static void path_of(uint64_t seq, char out[256])
{
    (void)snprintf(out, 256, "%s/snapshots/%020llu.snap", dir, (unsigned long long)seq);
}

static void holds_the_newest_of_each_record(void **state)
{
    (void)state;
    make_four();
    struct snapshot *s = NULL;
    struct snapshot_record r;
    struct err_text why = {{0}};
    bool end = false;
    size_t n = 0;
    uint64_t newest[CASES] = {0};
    for (uint64_t i = 1; i <= 40; i++)
        newest[i % CASES] = i % 10 == 0 ? 0 : i;
    assert_int_equal(snapshot_newest(dir, EPOCH, &s, NULL, &why), ERR_OK);
    assert_non_null(s);
    assert_int_equal(snapshot_head_of(s)->seq, 40);
    for (; snapshot_next(s, &r, &end) == ERR_OK && !end; n++) {
        char value[32];
        uint64_t revision = newest[r.id[2] - '0'];
        int len = snprintf(value, sizeof(value), "value %llu", (unsigned long long)revision);
        assert_int_equal(r.kind, RECORD_CASE);
        assert_int_equal(r.revision, revision);
        assert_int_equal(r.bytes, len);
        assert_memory_equal(r.value, value, r.bytes);
    }
    assert_true(end);
    assert_int_equal(n, CASES - 1); /* entry 40 deleted one */
    assert_int_equal(snapshot_head_of(s)->records, n);
    snapshot_close(s);
}

/* Step by step or at once: the same bytes. */
static void steps_do_not_matter(void **state)
{
    (void)state;
    char path[256];
    make_four();
    uint8_t body[SHA256_BYTES];
    struct snapshot *s = NULL;
    struct err_text why = {{0}};
    assert_int_equal(snapshot_newest(dir, EPOCH, &s, NULL, &why), ERR_OK);
    memcpy(body, snapshot_head_of(s)->body, SHA256_BYTES);
    snapshot_close(s);
    for (uint64_t seq = 10; seq <= 40; seq += 10) {
        path_of(seq, path);
        assert_int_equal(unlink(path), 0);
    }
    struct snapshot_head made = must_make(10);
    assert_int_equal(made.seq, 40);
    assert_int_equal(made.previous_seq, 0);
    assert_memory_equal(made.body, body, SHA256_BYTES);
}

static void old_ones_go(void **state)
{
    (void)state;
    struct snapshot_report report;
    struct err_text why = {{0}};
    make_four();
    write_segment(EPOCH, 5);
    assert_int_equal(must_make(2).seq, 45);
    assert_int_equal(snapshot_survey(dir, EPOCH, &report, NULL, &why), ERR_OK);
    assert_int_equal(report.files, 2);
    assert_int_equal(report.faults, 0);
    assert_int_equal(report.newest, 45);
}

static void a_stop_leaves_nothing_behind(void **state)
{
    (void)state;
    struct snapshot_head made;
    struct snapshot_report report;
    struct err_text why = {{0}};
    written = 0;
    write_segment(EPOCH, 10);
    atomic_store(&go_on, true);
    assert_int_equal(snapshot_make(dir, EPOCH, 2, &go_on, &made, NULL, &why), ERR_AGAIN);
    assert_int_equal(snapshot_survey(dir, EPOCH, &report, NULL, &why), ERR_OK);
    assert_int_equal(report.files, 0);
}

/* ---- what can be wrong */

static void open_for_writing(const char *path, int *fd)
{
    assert_int_equal(chmod(path, 0600), 0);
    *fd = open(path, O_RDWR);
    assert_true(*fd >= 0);
}

static void flip(uint64_t seq, long at)
{
    char path[256];
    uint8_t byte;
    int fd;
    path_of(seq, path);
    open_for_writing(path, &fd);
    off_t place = at >= 0 ? at : lseek(fd, 0, SEEK_END) + at;
    assert_int_equal(pread(fd, &byte, 1, place), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, place), 1);
    assert_int_equal(close(fd), 0);
}

static void flip_header(void)
{
    flip(40, 60);
}
static void flip_digest(void)
{
    flip(40, 250);
}
static void flip_record(void)
{
    flip(40, 300);
}
static void flip_last(void)
{
    flip(40, -1);
}
static void flip_middle(void)
{
    flip(20, 300);
}

static void truncate_last(void)
{
    char path[256];
    path_of(40, path);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 280), 0);
}

static void truncate_all(void)
{
    char path[256];
    path_of(40, path);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 0), 0);
}

static void remove_middle(void)
{
    char path[256];
    path_of(30, path);
    assert_int_equal(unlink(path), 0);
}

static void swap_two(void)
{
    char x[256], y[256], z[256];
    path_of(30, x);
    path_of(40, y);
    (void)snprintf(z, sizeof(z), "%s/swap", dir);
    assert_int_equal(rename(x, z), 0);
    assert_int_equal(rename(y, x), 0);
    assert_int_equal(rename(z, y), 0);
}

/* A snapshot that is sound in itself, with this header. */
static void forge(const struct snapshot_head *h)
{
    char folder[128];
    struct snapshot_writer *w = NULL;
    struct err_text why = {{0}};
    struct snapshot_record r = {.kind = RECORD_CASE, .id = "C-1", .id_bytes = 3, .revision = 9};
    (void)snprintf(folder, sizeof(folder), "%s/snapshots", dir);
    assert_int_equal(snapshot_create(folder, h, &w, &why), ERR_OK);
    assert_int_equal(snapshot_put(w, &r), ERR_OK);
    assert_int_equal(snapshot_finish(w, NULL, &why), ERR_OK);
}

static struct snapshot_head head_of(uint64_t seq)
{
    char folder[128];
    char name[FOLDER_NAME_BYTES];
    struct snapshot *s = NULL;
    struct err_text why = {{0}};
    (void)snprintf(folder, sizeof(folder), "%s/snapshots", dir);
    snapshot_name(seq, name);
    assert_int_equal(snapshot_open(folder, name, &s, &why), ERR_OK);
    struct snapshot_head h = *snapshot_head_of(s);
    snapshot_close(s);
    return h;
}

static void foreign_epoch(void)
{
    struct snapshot_head h = head_of(40);
    memcpy(h.epoch, OTHER_EPOCH, sizeof(h.epoch));
    forge(&h);
}

static void other_segment(void)
{
    struct snapshot_head h = head_of(40);
    h.segment[0] ^= 1;
    forge(&h);
}

static void other_before(void)
{
    struct snapshot_head h = head_of(40);
    h.previous[0] ^= 1;
    forge(&h);
}

static void between_segments(void)
{
    struct snapshot_head h = head_of(40);
    h.seq = 35;
    h.previous_seq = 30;
    forge(&h);
}

struct wrong {
    void (*harm)(void);
    const char *file;
    const char *fault;
    size_t faults;
    uint64_t newest; /* that a rebuild would start from */
};

static const struct wrong wrongs[] = {
    {flip_header, "0040.snap", "damaged: the digest does not fit the header", 1, 30},
    {flip_digest, "0040.snap", "damaged: the digest does not fit the header", 1, 30},
    {flip_record, "0040.snap", "damaged: the digest does not fit the records", 1, 30},
    {flip_last, "0040.snap", "damaged: the digest does not fit the records", 1, 30},
    {flip_middle, "0020.snap", "damaged: the digest does not fit the records", 1, 40},
    {truncate_last, "0040.snap", "damaged: 24 bytes of records", 1, 30},
    {truncate_all, "0040.snap", "damaged: 0 bytes long", 1, 30},
    {remove_middle, "0040.snap", "missing: the snapshot before this one", 1, 40},
    {swap_two, "0030.snap", "in the wrong place: it is 00000000000000000040.snap", 2, 20},
    {foreign_epoch, "0040.snap", "in the wrong place: of another epoch", 1, 30},
    {other_segment, "0040.snap", "replaced: it does not belong to the segment", 1, 30},
    {other_before, "0040.snap", "replaced: this snapshot or the one before it", 1, 40},
    {between_segments, "0035.snap", "in the wrong place: no segment ends with its entry", 1, 40},
};

static void what_is_wrong_is_named(void **state)
{
    for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        const struct wrong *c = &wrongs[i];
        struct snapshot_report report;
        struct snapshot *s = NULL;
        struct err_text why = {{0}};
        struct buf text;
        buf_init(&text, 65536);
        if (i > 0)
            assert_int_equal(make_dir(state), 0);
        make_four();
        c->harm();
        assert_int_equal(snapshot_survey(dir, EPOCH, &report, &text, &why), ERR_OK);
        assert_int_equal(buf_put(&text, "", 1), ERR_OK);
        const char *line = (const char *)text.data;
        if (report.faults != c->faults || strstr(line, c->file) == NULL ||
            strstr(line, c->fault) == NULL)
            fail_msg("case %zu: %zu faults:\n%s\nnot %s: %s", i, report.faults, line, c->file,
                     c->fault);
        assert_int_equal(snapshot_newest(dir, EPOCH, &s, NULL, &why), ERR_OK);
        if (snapshot_head_of(s)->seq != c->newest)
            fail_msg("case %zu: starts from %llu", i, (unsigned long long)snapshot_head_of(s)->seq);
        snapshot_close(s);
        /* the next one is made all the same, and is right */
        write_segment(EPOCH, 5);
        assert_int_equal(must_make(10).seq, 45);
        buf_fini(&text);
        if (i + 1 < sizeof(wrongs) / sizeof(wrongs[0]))
            assert_int_equal(remove_dir(state), 0);
    }
}

static void damaged_segments_make_no_snapshot(void **state)
{
    (void)state;
    char path[256];
    struct snapshot_head made;
    struct err_text why = {{0}};
    struct buf text;
    buf_init(&text, 65536);
    make_four();
    write_segment(EPOCH, 10);
    write_segment(EPOCH, 10);
    (void)snprintf(path, sizeof(path), "%s/journal/%020d-%020d.seg", dir, 41, 50);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(snapshot_make(dir, EPOCH, 10, &go_on, &made, &text, &why), ERR_DATA_LOSS);
    assert_int_equal(buf_put(&text, "", 1), ERR_OK);
    assert_non_null(strstr((char *)text.data, "missing: the segments between"));
    buf_fini(&text);
    assert_int_equal(made.seq, 0);
}

/* As one that was begun when entries had been trimmed. */
static void segments_that_begin_late_make_no_snapshot(void **state)
{
    (void)state;
    struct snapshot_head made;
    struct err_text why = {{0}};
    written = 30;
    memset(chain, 0, sizeof(chain));
    write_segment(EPOCH, 10);
    assert_int_equal(snapshot_make(dir, EPOCH, 10, &go_on, &made, NULL, &why), ERR_DATA_LOSS);
    assert_non_null(strstr(why.text, "begins with entry 31"));
    assert_int_equal(made.seq, 0);
}

static void order_is_kept(void **state)
{
    (void)state;
    struct snapshot_writer *w = NULL;
    struct err_text why = {{0}};
    struct snapshot_head h = {.epoch = EPOCH, .seq = 1};
    struct snapshot_record a = {.kind = 3, .id = "a", .id_bytes = 1};
    struct snapshot_record ab = {.kind = 3, .id = "ab", .id_bytes = 2};
    struct snapshot_record next = {.kind = 4, .id = "a", .id_bytes = 1};
    assert_int_equal(snapshot_create(dir, &h, &w, &why), ERR_OK);
    assert_int_equal(snapshot_put(w, &a), ERR_OK);
    assert_int_equal(snapshot_put(w, &a), ERR_INVAL);
    assert_int_equal(snapshot_put(w, &ab), ERR_OK);
    assert_int_equal(snapshot_put(w, &a), ERR_INVAL);
    assert_int_equal(snapshot_put(w, &next), ERR_OK);
    assert_int_equal(snapshot_put(w, &ab), ERR_INVAL);
    snapshot_abandon(w);
}

int main(void)
{
#define CASE(t) cmocka_unit_test_setup_teardown(t, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        CASE(holds_the_newest_of_each_record),
        CASE(steps_do_not_matter),
        CASE(old_ones_go),
        CASE(a_stop_leaves_nothing_behind),
        CASE(what_is_wrong_is_named),
        CASE(damaged_segments_make_no_snapshot),
        CASE(segments_that_begin_late_make_no_snapshot),
        CASE(order_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
