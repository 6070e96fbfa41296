/* Stories: random ones from a seed, told ones from a file. */
#ifndef LIU_TESTS_REPLAY_DRIVE_H
#define LIU_TESTS_REPLAY_DRIVE_H

#include "replay/agent.h"

/* One run from the seed; false = an invariant broke (sim.failed). */
bool drive_seed(uint64_t seed, bool trace);

/* A scenario file; `seed` for delays, and with `rough` for faults. False: broken, or not as it
 * expects. */
bool drive_scenario(const char *path, uint64_t seed, bool trace, bool rough);

/* For both: everything up and followed; then, at the end, faults cease and all comes to rest. */
void drive_begin(uint64_t seed, bool trace, bool may_be_cold);
void drive_choose_faults(void);
/* The store's memory is bounded, so that what is in use is so much of it; what comes on top fills
 * it further, what the ledger takes out empties it. 0 = it is not bounded. */
void drive_memory(unsigned percent);
bool drive_settle(void);
/* drive_cold.c: before drive_begin's services start. Whether anything leaves the store is the
 * seed's choice. */
void drive_cold_begin(uint64_t seed);
bool drive_is_cold(void);
extern bool drive_all_cold; /* it leaves in all of them, whatever the seed says */
void drive_end(void);
/* The time line up to then, the journal being looked at after each event. */
bool drive_until(int64_t at_us);

#endif
