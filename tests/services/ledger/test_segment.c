/* What a segment gives back, and every way in which a folder of them can be wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/ledger/segment.h"

#define EPOCH "00112233445566778899aabbccddeeff"
#define OTHER_EPOCH "ffeeddccbbaa99887766554433221100"

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/liu-segment-XXXXXX");
    return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
    (void)state;
    char path[400];
    DIR *d = opendir(dir);
    if (d == NULL)
        return 1;
    const struct dirent *f;
    while ((f = readdir(d)) != NULL) {
        if (f->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof(path), "%s/%s", dir, f->d_name);
        if (remove(path) != 0)
            return 1;
    }
    (void)closedir(d);
    return rmdir(dir);
}

static void path_of(uint64_t first, uint64_t last, char out[256])
{
    (void)snprintf(out, 256, "%s/%020llu-%020llu.seg", dir, (unsigned long long)first,
                   (unsigned long long)last);
}

/* Entries first..last, entry n holding "entry n" and a link. */
static void write_run(uint64_t first, uint64_t last, const char *epoch, uint8_t chain[SHA256_BYTES])
{
    static const uint8_t zeros[SHA256_BYTES];
    struct segment_builder b = {.head = {.count = 0}};
    struct err_text why = {{0}};
    assert_int_equal(segment_begin(&b, SEGMENT_JOURNAL, epoch, "journal",
                                   memcmp(chain, zeros, SHA256_BYTES) == 0 ? NULL : chain),
                     ERR_OK);
    for (uint64_t n = first; n <= last; n++) {
        char text[64];
        int len = snprintf(text, sizeof(text), "entry %llu", (unsigned long long)n);
        struct segment_entry e = {.pos = {n, 0},
                                  .data = (const uint8_t *)text,
                                  .bytes = (size_t)len,
                                  .link = (const uint8_t *)"link",
                                  .link_bytes = 4};
        assert_int_equal(segment_add(&b, &e), ERR_OK);
    }
    if (segment_write(&b, dir, &why) != ERR_OK)
        fail_msg("%s", why.text);
    memcpy(chain, b.head.digest, SHA256_BYTES);
    segment_builder_fini(&b);
}

/* Segments 1-10, 11-20, 21-30, 31-40. */
static void write_four(void)
{
    uint8_t chain[SHA256_BYTES] = {0};
    for (uint64_t n = 1; n < 40; n += 10)
        write_run(n, n + 9, EPOCH, chain);
}

static enum err in_order(void *arg, const struct segment_entry *e)
{
    uint64_t *next = arg;
    char text[64];
    int len = snprintf(text, sizeof(text), "entry %llu", (unsigned long long)*next);
    if (e->pos.seq != *next || e->bytes != (size_t)len || memcmp(e->data, text, e->bytes) != 0 ||
        e->link_bytes != 4 || memcmp(e->link, "link", 4) != 0)
        return ERR_INTERNAL;
    (*next)++;
    return ERR_OK;
}

/* Walks and wants these faults, the first named by this text. */
static void expect(size_t faults, const char *file, const char *fault)
{
    struct segment_report r;
    struct buf text;
    struct err_text why = {{0}};
    buf_init(&text, 65536);
    enum err e = segment_walk(dir, NULL, NULL, &r, &text, &why);
    assert_int_equal(e, faults == 0 ? ERR_OK : ERR_DATA_LOSS);
    assert_int_equal(buf_put(&text, "", 1), ERR_OK);
    char *line = (char *)text.data;
    if (r.faults != faults ||
        (faults > 0 && (strstr(line, file) == NULL || strstr(line, fault) == NULL)))
        fail_msg("%zu faults:\n%s", r.faults, line);
    buf_fini(&text);
}

static void what_was_written_is_read(void **state)
{
    (void)state;
    uint64_t next = 1;
    struct segment_report r;
    struct err_text why = {{0}};
    assert_int_equal(segment_walk(dir, in_order, &next, &r, NULL, &why), ERR_OK);
    assert_int_equal(r.segments, 0);
    write_four();
    if (segment_walk(dir, in_order, &next, &r, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(next, 41);
    assert_int_equal(r.segments, 4);
    assert_int_equal(r.entries, 40);
    assert_int_equal(r.last.last.seq, 40);
    assert_string_equal(r.last.epoch, EPOCH);
    struct segment_head last;
    bool found;
    assert_int_equal(segment_last(dir, &last, &found, &why), ERR_OK);
    assert_true(found);
    assert_int_equal(last.first.seq, 31);
    assert_memory_equal(last.digest, r.last.digest, SHA256_BYTES);
    next = 3;
    assert_int_equal(segment_walk(dir, in_order, &next, &r, NULL, &why), ERR_INTERNAL);
}

static void writing_a_segment_again_changes_nothing(void **state)
{
    (void)state;
    uint8_t chain[SHA256_BYTES] = {0};
    uint8_t again[SHA256_BYTES] = {0};
    write_run(1, 10, EPOCH, chain);
    write_run(1, 10, EPOCH, again);
    assert_memory_equal(chain, again, SHA256_BYTES);
    expect(0, "", "");
    struct segment_builder b = {.head = {.count = 0}};
    struct err_text why = {{0}};
    assert_int_equal(segment_begin(&b, SEGMENT_JOURNAL, EPOCH, "journal", chain), ERR_OK);
    assert_int_equal(segment_write(&b, dir, &why), ERR_INVAL);
    for (uint64_t n = 1; n <= 10; n++) {
        struct segment_entry e = {.pos = {n, 0}};
        assert_int_equal(segment_add(&b, &e), ERR_OK);
    }
    assert_int_equal(segment_write(&b, dir, &why), ERR_EXISTS);
    segment_builder_fini(&b);
}

static void a_journal_segment_has_no_gap(void **state)
{
    (void)state;
    static const struct {
        struct segment_pos first;
        struct segment_pos next;
        enum segment_kind kind;
        enum err want;
    } rows[] = {
        {{5, 0}, {6, 0}, SEGMENT_JOURNAL, ERR_OK},    {{5, 0}, {7, 0}, SEGMENT_JOURNAL, ERR_INVAL},
        {{5, 0}, {5, 0}, SEGMENT_JOURNAL, ERR_INVAL}, {{5, 0}, {6, 1}, SEGMENT_JOURNAL, ERR_INVAL},
        {{5, 0}, {5, 1}, SEGMENT_NOISE, ERR_OK},      {{5, 3}, {9, 0}, SEGMENT_NOISE, ERR_OK},
        {{5, 3}, {5, 3}, SEGMENT_NOISE, ERR_INVAL},   {{5, 3}, {4, 9}, SEGMENT_NOISE, ERR_INVAL},
    };
    struct segment_builder b = {.head = {.count = 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(segment_begin(&b, rows[i].kind, EPOCH, "stream", NULL), ERR_OK);
        struct segment_entry e = {.pos = rows[i].first};
        assert_int_equal(segment_add(&b, &e), ERR_OK);
        e.pos = rows[i].next;
        assert_int_equal(segment_add(&b, &e), rows[i].want);
    }
    struct segment_entry huge = {.pos = {1, 0}, .bytes = SEGMENT_DATA_MAX + 1};
    assert_int_equal(segment_begin(&b, SEGMENT_JOURNAL, EPOCH, "journal", NULL), ERR_OK);
    assert_int_equal(segment_add(&b, &huge), ERR_LIMIT);
    assert_int_equal(segment_begin(&b, SEGMENT_JOURNAL, "short", "journal", NULL), ERR_INVAL);
    assert_int_equal(segment_begin(&b, SEGMENT_JOURNAL, EPOCH, "", NULL), ERR_INVAL);
    segment_builder_fini(&b);
}

static long size_of(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return (long)st.st_size;
}

static void every_flipped_byte_is_seen(void **state)
{
    (void)state;
    char path[256];
    uint8_t chain[SHA256_BYTES] = {0};
    write_run(1, 10, EPOCH, chain);
    path_of(1, 10, path);
    assert_int_equal(chmod(path, 0600), 0);
    long bytes = size_of(path);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    for (long at = 0; at < bytes; at += 1 + (at > 600 ? 7 : 0)) {
        assert_int_equal(fseek(f, at, SEEK_SET), 0);
        int c = fgetc(f);
        assert_int_equal(fseek(f, at, SEEK_SET), 0);
        assert_int_equal(fputc(c ^ 0x20, f), c ^ 0x20);
        assert_int_equal(fflush(f), 0);
        struct segment *s = NULL;
        struct err_text why = {{0}};
        if (segment_open(path, &s, &why) != ERR_DATA_LOSS)
            fail_msg("byte %ld", at);
        assert_int_equal(fseek(f, at, SEEK_SET), 0);
        assert_int_equal(fputc(c, f), c);
        assert_int_equal(fflush(f), 0);
    }
    assert_int_equal(fclose(f), 0);
    expect(0, "", "");
}

static void every_torn_tail_is_seen(void **state)
{
    (void)state;
    char path[256];
    write_four();
    path_of(31, 40, path);
    assert_int_equal(chmod(path, 0600), 0);
    for (long bytes = size_of(path) - 1; bytes >= 0; bytes -= bytes > 40 ? 37 : 1) {
        assert_int_equal(truncate(path, bytes), 0);
        expect(1, "/00000000000000000031-", "damaged");
        struct segment_head last;
        struct err_text why = {{0}};
        bool found;
        assert_int_equal(segment_last(dir, &last, &found, &why), ERR_DATA_LOSS);
        assert_non_null(strstr(why.text, "-00000000000000000040.seg: damaged"));
    }
}

static void a_missing_segment_is_named(void **state)
{
    (void)state;
    static const struct {
        uint64_t first;
        const char *after;
    } rows[] = {{1, "/00000000000000000011-"},
                {11, "/00000000000000000021-"},
                {21, "/00000000000000000031-"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char path[256];
        write_four();
        path_of(rows[i].first, rows[i].first + 9, path);
        assert_int_equal(unlink(path), 0);
        expect(1, rows[i].after, "missing: the segments");
    }
}

static void swapped_segments_are_named(void **state)
{
    (void)state;
    char one[256];
    char two[256];
    char aside[256];
    write_four();
    path_of(11, 20, one);
    path_of(21, 30, two);
    (void)snprintf(aside, sizeof(aside), "%s/aside", dir);
    assert_int_equal(rename(one, aside), 0);
    assert_int_equal(rename(two, one), 0);
    assert_int_equal(rename(aside, two), 0);
    expect(2, "/00000000000000000011-",
           "in the wrong place: it is 00000000000000000021-00000000000000000030.seg");
}

static void a_replaced_segment_breaks_the_chain(void **state)
{
    (void)state;
    char path[256];
    write_four();
    path_of(11, 20, path);
    assert_int_equal(unlink(path), 0);
    uint8_t forged[SHA256_BYTES] = {1}; /* sound by itself, another history */
    write_run(11, 20, EPOCH, forged);
    expect(2, "/00000000000000000011-", "replaced");
}

static void a_segment_of_another_epoch_is_named(void **state)
{
    (void)state;
    uint8_t chain[SHA256_BYTES] = {0};
    write_run(1, 10, EPOCH, chain);
    write_run(11, 20, OTHER_EPOCH, chain);
    expect(1, "/00000000000000000011-", "of another stream or epoch");
}

static void a_rebuild_stops_at_the_first_fault(void **state)
{
    (void)state;
    char path[256];
    write_four();
    path_of(21, 30, path);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 300), 0);
    uint64_t next = 1;
    struct segment_report r;
    struct err_text why = {{0}};
    assert_int_equal(segment_walk(dir, in_order, &next, &r, NULL, &why), ERR_DATA_LOSS);
    assert_int_equal(next, 21);
    assert_int_equal(r.faults, 1);
}

static void an_interrupted_write_leaves_nothing(void **state)
{
    (void)state;
    char path[256];
    char left[300];
    uint8_t chain[SHA256_BYTES] = {0};
    write_run(1, 10, EPOCH, chain);
    path_of(11, 20, path);
    (void)snprintf(left, sizeof(left), "%s.tmp", path);
    FILE *f = fopen(left, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    expect(0, "", "");
    struct segment_head last;
    struct err_text why = {{0}};
    bool found;
    assert_int_equal(segment_last(dir, &last, &found, &why), ERR_OK);
    assert_int_equal(last.last.seq, 10);
    assert_int_equal(access(left, F_OK), -1);
}

static void folders_are_made_and_bad_ones_told(void **state)
{
    (void)state;
    struct segment_builder b = {.head = {.count = 0}};
    struct segment_entry e = {.pos = {1700000000000, 3}, .data = (const uint8_t *)"x", .bytes = 1};
    struct err_text why = {{0}};
    char deep[256];
    char path[400];
    assert_int_equal(segment_begin(&b, SEGMENT_NOISE, EPOCH, "feed-1", NULL), ERR_OK);
    assert_int_equal(segment_add(&b, &e), ERR_OK);
    (void)snprintf(deep, sizeof(deep), "%s/noise/feed-1", dir);
    if (segment_write(&b, deep, &why) != ERR_OK)
        fail_msg("%s", why.text);
    (void)snprintf(path, sizeof(path), "%s/%s", deep,
                   "00000001700000000000.0000000003-00000001700000000000.0000000003.seg");
    assert_int_equal(access(path, R_OK), 0);
    assert_int_equal(segment_write(&b, path, &why), ERR_IO); /* a file is no folder */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(deep), 0);
    segment_builder_fini(&b);
}

int main(void)
{
#define CASE(t) cmocka_unit_test_setup_teardown(t, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        CASE(what_was_written_is_read),
        CASE(writing_a_segment_again_changes_nothing),
        CASE(a_journal_segment_has_no_gap),
        CASE(every_flipped_byte_is_seen),
        CASE(every_torn_tail_is_seen),
        CASE(a_missing_segment_is_named),
        CASE(swapped_segments_are_named),
        CASE(a_replaced_segment_breaks_the_chain),
        CASE(a_segment_of_another_epoch_is_named),
        CASE(a_rebuild_stops_at_the_first_fault),
        CASE(an_interrupted_write_leaves_nothing),
        CASE(folders_are_made_and_bad_ones_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
