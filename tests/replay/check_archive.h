/* Invariants of the archive, after each step and at the end. */
#ifndef LIU_TESTS_REPLAY_CHECK_ARCHIVE_H
#define LIU_TESTS_REPLAY_CHECK_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

struct check_archive_count { /* of all runs */
    uint64_t trimmed, archived, snapshots, removed;
};
extern struct check_archive_count check_archive_count;

void check_archive_begin(void);
void check_archive(void);       /* costs nothing while nothing is trimmed */
bool check_archive_rests(void); /* the ledger says that all is archived */
/* Everything is archived, nothing twice, and the newest snapshot is what the journal says. */
void check_archive_settled(void);

#endif
