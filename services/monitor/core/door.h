/* The urgent door of one feed: how much it may push there, and when it loses the door for a while
 * because it claimed urgency for what is not. Kept in memory only: a restart forgives.
 *
 * Numbers that were charged once are not charged again, so that asking for the same decision twice
 * (a retry, a record that had to be loaded first) costs the feed nothing.
 *
 * Pure: time is an input.
 */
#ifndef LIU_MONITOR_DOOR_H
#define LIU_MONITOR_DOOR_H

#include <stdbool.h>
#include <stdint.h>

#define DOOR_DEFAULT_PER_MINUTE 600u /* for a feed whose record says 0 */
#define DOOR_STRIKES 3u              /* misuses within DOOR_STRIKE_WINDOW_MS that close the door */
#define DOOR_STRIKE_WINDOW_MS 60000
#define DOOR_CLOSED_MS 60000

/* Zeroed = new. */
struct door {
    int64_t filled_ms;    /* 0 = never used */
    uint64_t thousandths; /* of an alert, that may come now */
    uint64_t epoch;       /* charged through this number */
    uint64_t seq;
    int64_t strikes_since_ms;
    uint32_t strikes;
    int64_t closed_until_ms;
};

enum door_answer { DOOR_OPEN, DOOR_CLOSED, DOOR_TOO_FAST };

/* May alerts up to number `last_seq` (n of them in the message) come now? Changes nothing but the
 * fill. */
enum door_answer door_ask(struct door *d, uint32_t per_minute, uint64_t epoch, uint64_t last_seq,
                          uint32_t n, int64_t now_ms);

/* Charges what door_ask let in; `misused`: something of it was not urgent. Once for each number. */
void door_charge(struct door *d, uint64_t epoch, uint64_t last_seq, uint32_t n, bool misused,
                 int64_t now_ms);

#endif
