/* The numbering of a feed's alerts. A feed numbers its two lanes apart, from 1 and without gaps, so
 * that both sides know after any crash what has been taken and what has not. A feed that has lost
 * its counter starts a higher epoch.
 *
 * Pure: the state is a value handed in, the next state a value handed back; nothing is kept.
 */
#ifndef LIU_MONITOR_LANE_H
#define LIU_MONITOR_LANE_H

#include <stddef.h>
#include <stdint.h>

#include "services/monitor/core/slices.h"

#define LANE_RECENT_MAX 4   /* batches whose digests are remembered */
#define LANE_DIGEST_BYTES 8 /* an alert */
#define LANE_ALERTS_MAX 256 /* of one message */

/* Digests of alerts that were taken: n_bytes / LANE_DIGEST_BYTES of them, of first_seq and on. */
struct lane_batch {
    uint64_t first_seq;
    const uint8_t *digests; /* borrowed */
    size_t n_bytes;
};

/* epoch 0: nothing was ever taken. */
struct lane_state {
    uint64_t epoch;
    uint64_t next_seq;                         /* expected next */
    struct lane_batch recent[LANE_RECENT_MAX]; /* oldest first */
    size_t n_recent;
};

struct lane_push {
    uint64_t epoch;
    uint64_t first_seq;
    uint32_t n;             /* 1 to LANE_ALERTS_MAX */
    const uint8_t *digests; /* n * LANE_DIGEST_BYTES */
};

enum lane_answer {
    LANE_TAKEN,     /* `skip` were there already (perhaps all), the others are new */
    LANE_GAP,       /* refused: `expected_seq` comes next in `expected_epoch` */
    LANE_CHANGED,   /* refused, and an alarm: `changed_seq` was taken with other bytes */
    LANE_OLD_EPOCH, /* refused: `expected_epoch` is in force */
    LANE_INVALID,   /* refused: number or epoch 0, no alerts or too many, numbers run over */
};

struct lane_result {
    enum lane_answer answer;
    uint32_t skip; /* TAKEN: alerts at the front that were there already */
    uint64_t expected_epoch;
    uint64_t expected_seq;
    uint64_t changed_seq;
};

/* Digests of n alerts as they stand in their message; `out` has n * LANE_DIGEST_BYTES. A checksum
 * against lost counters: its key is fixed, and part of the stored records. */
void lane_digests(const struct slice *alerts, size_t n, uint8_t *out);

/* A higher epoch, and the first message ever, must start at 1. Digests of alerts that are no longer
 * remembered cannot be compared: those are skipped. */
struct lane_result lane_check(const struct lane_state *s, const struct lane_push *p);

/* The state after the first `taken` alerts of a push that lane_check answered with TAKEN. Batches
 * in `s` and the push's digests are borrowed on. With taken <= skip only a higher epoch changes
 * anything. */
void lane_take(struct lane_state *s, const struct lane_push *p, uint32_t skip, uint32_t taken);

#endif
