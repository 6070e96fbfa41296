/* An archive's older part goes, as retention takes it out, but at once and without a mark. */
#ifndef LIU_TESTS_LEDGER_DROP_H
#define LIU_TESTS_LEDGER_DROP_H

#include <stddef.h>
#include <stdint.h>

/* Removes the journal's segments that end at `seq` or before; how many went. Fails the test. */
size_t drop_segments(const char *journal, uint64_t seq);

#endif
