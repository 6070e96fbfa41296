/* See late_archive.h. */
#include "services/ledger/late_archive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ismap/liu/v1/event.pb-c.h"
#include "services/ledger/mark.h"
#include "services/ledger/snapshot.h"
#include "services/ledger/segment_format.h"
#include "store/records.h"

#define ENTRY_BYTES 512
#define KEEP_ALL 1000

static size_t entry_bytes(const struct late_archive *a, uint64_t n, uint8_t *out)
{
    char id[16];
    char value[32];
    int len = snprintf(value, sizeof(value), "value %llu", (unsigned long long)n);
    (void)snprintf(id, sizeof(id), "C-%llu", (unsigned long long)(n % LATE_CASES));
    Ismap__Liu__V1__RecordPut put = ISMAP__LIU__V1__RECORD_PUT__INIT;
    Ismap__Liu__V1__RecordPut *puts[] = {&put};
    Ismap__Liu__V1__JournalEntry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    put.kind = RECORD_CASE;
    put.id = id;
    put.revision = (n + LATE_CASES - 1) / LATE_CASES;
    put.value = (ProtobufCBinaryData){(size_t)len, (uint8_t *)value};
    e.at_ms = a->begins_ms + (int64_t)n * (a->step_ms == 0 ? 1 : a->step_ms);
    e.puts = puts;
    e.n_puts = 1;
    return ismap__liu__v1__journal_entry__pack(&e, out);
}

static void journal_of(const struct late_archive *a, char out[FOLDER_PATH_BYTES])
{
    assert_true(folder_path(out, a->dir, "journal"));
}

void late_archive_add(struct late_archive *a, uint64_t entries)
{
    char folder[FOLDER_PATH_BYTES];
    struct segment_builder b = {.head = {.count = 0}};
    struct err_text why = {{0}};
    journal_of(a, folder);
    assert_int_equal(
        segment_begin(&b, SEGMENT_JOURNAL, a->epoch, "journal", a->last == 0 ? NULL : a->chain),
        ERR_OK);
    if (a->last == 0)
        assert_int_equal(link_first(a->epoch, a->link), ERR_OK);
    for (uint64_t i = 0; i < entries; i++) {
        uint8_t bytes[ENTRY_BYTES];
        size_t n = entry_bytes(a, ++a->last, bytes);
        assert_int_equal(link_next(a->link, bytes, n, a->link), ERR_OK);
        struct segment_entry e = {.pos = {a->last, 0},
                                  .data = bytes,
                                  .bytes = n,
                                  .link = (const uint8_t *)a->link,
                                  .link_bytes = LINK_DIGITS};
        assert_int_equal(segment_add(&b, &e), ERR_OK);
    }
    if (segment_write(&b, folder, &why) != ERR_OK)
        fail_msg("%s", why.text);
    memcpy(a->chain, b.head.digest, SHA256_BYTES);
    segment_builder_fini(&b);
}

void late_archive_snapshot(const struct late_archive *a)
{
    atomic_bool stop;
    struct snapshot_head made;
    struct err_text why = {{0}};
    atomic_init(&stop, false);
    if (snapshot_make(a->dir, a->epoch, KEEP_ALL, &stop, &made, NULL, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_int_equal(made.seq, a->last);
}

void late_archive_fifty(struct late_archive *a)
{
    for (int i = 1; i <= 5; i++) {
        late_archive_add(a, 10);
        if (i % 2 == 0)
            late_archive_snapshot(a);
    }
}

void late_archive_remove(const struct late_archive *a, uint64_t last)
{
    char folder[FOLDER_PATH_BYTES];
    char path[FOLDER_PATH_BYTES];
    struct folder_names l = {0};
    struct mark before;
    bool found = false;
    size_t gone = 0;
    struct err_text why = {{0}};
    struct mark m = {.kind = SEGMENT_JOURNAL, .stream = "journal", .days = 1, .told_seq = a->last};
    journal_of(a, folder);
    assert_int_equal(folder_list(folder, SEGMENT_SUFFIX, false, &l, &why), ERR_OK);
    assert_int_equal(mark_read(folder, MARK_FILE, &before, &found, &why), ERR_OK);
    memcpy(m.epoch, a->epoch, sizeof(m.epoch));
    memcpy(m.told_epoch, a->epoch, sizeof(m.told_epoch));
    m.all_segments = found ? before.all_segments : 0;
    m.all_entries = found ? before.all_entries : 0;
    for (size_t i = 0; i < l.n && strtoull(l.items[i], NULL, 10) <= last; i++) {
        struct segment *s = NULL;
        assert_true(folder_path(path, folder, l.items[i]));
        assert_int_equal(segment_open(path, &s, &why), ERR_OK);
        const struct segment_head *h = segment_head_of(s);
        m.first = m.segments == 0 ? h->first : m.first;
        m.last = h->last;
        memcpy(m.digest, h->digest, SHA256_BYTES);
        m.segments++;
        m.entries += h->count;
        segment_close(s);
    }
    assert_int_equal(m.last.seq, last);
    m.all_segments += m.segments;
    m.all_entries += m.entries;
    folder_names_fini(&l);
    assert_int_equal(mark_write(folder, MARK_FILE, &m, &why), ERR_OK);
    assert_int_equal(mark_sweep(folder, &m, &gone, &why), ERR_OK);
    assert_int_equal(gone, m.segments);
}
