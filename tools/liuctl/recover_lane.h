/* A feed's lane after the entries of a recovered journal: it goes on over the noise that was kept
 * behind them, message by message, up to the first that is missing. What is skipped when the feed
 * sends it again is there; what is not there the feed is told to send (P-LANE-GAP).
 *
 * A message with an entry counts by the entry alone: when that is lost, so is what it had done.
 */
#ifndef LIU_LIUCTL_RECOVER_LANE_H
#define LIU_LIUCTL_RECOVER_LANE_H

#include "base/arena.h"
#include "base/buf.h"
#include "ismap/liu/v1/alert.pb-c.h"
#include "services/monitor/core/lane.h"

struct recover_lane {
    Ismap__Liu__V1__Lane lane;
    struct arena arena;                   /* the record it began with */
    const Ismap__Liu__V1__FeedLane *base; /* NULL = none */
    struct lane_state state;
    uint8_t kept[LANE_RECENT_MAX + 1][LANE_ALERTS_MAX * LANE_DIGEST_BYTES];
    size_t next_kept;
    uint64_t counted;
    int64_t heard_ms;
    bool moved;
};

/* Of two lanes of one feed, packed FeedLane: is `a` further than `b`? One that cannot be read is at
 * the beginning. */
bool recover_lane_further(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes);

/* A packed FeedLane as it was before the message that made it so, into `out`. False when that is
 * not known: the message began an epoch. */
bool recover_lane_before(const uint8_t *lane, size_t bytes, struct buf *out);

/* `base` is copied; 0 bytes = nothing was ever taken. ERR_PROTO, ERR_NOMEM. */
enum err recover_lane_begin(struct recover_lane *r, Ismap__Liu__V1__Lane lane, const uint8_t *base,
                            size_t bytes) LIU_MUST_USE;
void recover_lane_fini(struct recover_lane *r);

/* A message of the feed's noise with its time, for the one of `n` lanes that it is of. In the order
 * of the stream; those that were taken before change nothing. One that cannot be read, also for
 * want of memory, is none: the lane then stops before it. */
void recover_lane_take(struct recover_lane *lanes, size_t n, int64_t at_ms, const uint8_t *data,
                       size_t bytes);

/* The packed FeedLane. ERR_NOMEM. */
enum err recover_lane_end(const struct recover_lane *r, const char *feed,
                          struct buf *out) LIU_MUST_USE;

#endif
