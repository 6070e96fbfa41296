/* An epoch's folder as the ledger leaves it, and as retention would: entries of the journal with
 * their links, snapshots, and the oldest segments gone behind a mark (services/ledger/snapshot.h).
 * What fails, fails the test.
 *
 * Entry n writes case C-<n % LATE_CASES> with the value "value n", each with revisions from 1.
 */
#ifndef LIU_TESTS_LEDGER_LATE_ARCHIVE_H
#define LIU_TESTS_LEDGER_LATE_ARCHIVE_H

#include "services/ledger/segment.h"
#include "store/link.h"

#define LATE_CASES 7

struct late_archive {
    const char *dir; /* of the epoch, which exists */
    const char *epoch;
    uint64_t last;     /* entry written */
    int64_t begins_ms; /* entry n has this time and n steps */
    int64_t step_ms;   /* 0: 1 */
    char link[LINK_DIGITS + 1];
    uint8_t chain[SHA256_BYTES]; /* of the last segment */
};

/* The next segment. */
void late_archive_add(struct late_archive *a, uint64_t entries);
/* A snapshot of all that was written; all are kept. */
void late_archive_snapshot(const struct late_archive *a);
/* Fifty entries in segments of ten, with snapshots at 20 and 40. */
void late_archive_fifty(struct late_archive *a);
/* Removes the segments up to the one that ends with `last`, and writes the mark. */
void late_archive_remove(const struct late_archive *a, uint64_t last);

#endif
