/* A folder of a feed's noise, written as the ledger would. */
#ifndef LIU_TESTS_LEDGER_NOISE_FOLDER_H
#define LIU_TESTS_LEDGER_NOISE_FOLDER_H

#include "services/ledger/segment.h"

/* A segment of three entries at at_ms, at_ms + 1, at_ms + 2 of feed-1; `chain` is the digest of the
 * one before, zeros for the first, and gets its own. Fails the test. */
void noise_segment(const char *dir, const char *epoch, uint64_t at_ms, uint8_t chain[SHA256_BYTES]);

/* So that an archive shows that `days` have passed before now_ms: names of segments of another
 * epoch, one each ten days, none of before; the files are empty. Fails the test. */
void noise_witness(const char *archive, int64_t now_ms, int64_t days);

#endif
