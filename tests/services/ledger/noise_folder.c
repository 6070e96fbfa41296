/* See noise_folder.h. */
#include "services/ledger/noise_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "services/ledger/core/retention.h"
#include "services/ledger/folder.h"
#include "services/ledger/segment_format.h"

void noise_segment(const char *dir, const char *epoch, uint64_t at_ms, uint8_t chain[SHA256_BYTES])
{
    static const uint8_t zeros[SHA256_BYTES];
    struct segment_builder b = {.head = {.count = 0}};
    struct err_text why = {{0}};
    assert_int_equal(segment_begin(&b, SEGMENT_NOISE, epoch, "feed-1",
                                   memcmp(chain, zeros, SHA256_BYTES) == 0 ? NULL : chain),
                     ERR_OK);
    for (uint64_t n = 0; n < 3; n++) {
        struct segment_entry e = {
            .pos = {at_ms + n, n}, .data = (const uint8_t *)"alert", .bytes = 5};
        assert_int_equal(segment_add(&b, &e), ERR_OK);
    }
    if (segment_write(&b, dir, &why) != ERR_OK)
        fail_msg("%s", why.text);
    memcpy(chain, b.head.digest, SHA256_BYTES);
    segment_builder_fini(&b);
}

void noise_witness(const char *archive, int64_t now_ms, int64_t days)
{
    char dir[FOLDER_PATH_BYTES];
    char path[FOLDER_PATH_BYTES];
    char name[SEGMENT_NAME_BYTES];
    struct segment_head h = {.kind = SEGMENT_NOISE};
    struct err_text why = {{0}};
    assert_true(folder_path(dir, archive, "ffffffffffffffffffffffffffffffff/noise/witness"));
    assert_int_equal(folder_make(dir, &why), ERR_OK);
    for (int64_t day = 0; day < days; day += 10) {
        h.first.seq = h.last.seq = (uint64_t)(now_ms - day * RETENTION_DAY_MS);
        segment_name(&h, name);
        assert_true(folder_path(path, dir, name));
        int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(close(fd), 0);
    }
}
