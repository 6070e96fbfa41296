/* Between the files of check.h. */
#ifndef LIU_TESTS_REPLAY_CHECK_PRIVATE_H
#define LIU_TESTS_REPLAY_CHECK_PRIVATE_H

#include "replay/check.h"

/* A record as the journal has it so far, unpacked into the arena; NULL when there is none. */
const void *check_record(struct arena *a, enum record_kind kind, const char *id);
/* Borrowed until the next call; NULL when there is none, or it cannot be read. */
const pb_entry *check_entry(uint64_t seq);
struct arena *check_scratch(void); /* emptied often */

/* check_audience.c */
void check_audience(uint64_t seq, const pb_entry *e);

#endif
