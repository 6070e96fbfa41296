/* See noise_folder.h. */
#include "services/ledger/noise_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

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
