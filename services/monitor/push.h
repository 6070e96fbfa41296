/* One PushAlerts message on its way through grading, matching, numbering and decision. Shared by
 * push.c (the way) and push_concerns.c (what follows from the grave ones).
 *
 * Most alerts of a flood are only counted: for them nothing is matched, read or allocated. What is
 * more belongs to an concern: one listing, or one topic for a person. A message that touches more
 * concerns than one commit can hold is taken up to there; the answer says how far, and the feed
 * goes on from there.
 */
#ifndef LIU_MONITOR_PUSH_H
#define LIU_MONITOR_PUSH_H

#include "base/limits.h"
#include "services/monitor/core/slices.h"
#include "services/monitor/suspend.h"

#define CONCERNS_MAX (LIMIT_WORK_ENTRIES / 2 < 16 ? LIMIT_WORK_ENTRIES / 2 : 16)
#define CONCERN_NONE 255u /* in the place of an concern: only counted */

struct concern {
    enum topic_kind kind;
    enum match_how how;
    uint32_t part;
    char topic[BOOK_TOPIC_BYTES + 1];
    struct scene scene;      /* number "" when nothing matched */
    const char *incident_id; /* of `incident`, or the id a new one gets */
    pb_incident *incident;   /* a copy to change; NULL = there is none yet */
    bool changed;            /* has to be put */
};

struct push {
    struct work *w;
    struct monitor *mon;
    const pb_push *m;
    const char *feed_id;
    const pb_feed *feed;
    const pb_lane *lane;
    const pb_rulebook *rulebook;
    const char *rulebook_hash;
    struct rules rules;
    uint32_t n;    /* alerts looked at: from here on they do not fit into this commit */
    uint32_t skip; /* at the front, taken before */
    uint8_t severity[LIMIT_ALERTS_BULK];
    uint8_t concern_of[LIMIT_ALERTS_BULK];
    struct concern concerns[16];
    size_t n_concerns;
    struct slice slices[LIMIT_ALERTS_BULK];
    uint8_t digests[LIMIT_ALERTS_BULK * LANE_DIGEST_BYTES];
    bool unmatched; /* some grave enough for an incident belong to no listing that is known */
    bool grave;     /* some alert has the top grade: only then the brake is read, and so guarded */
    const pb_brake *stored_brake;
    struct brake brake;
    bool brake_changed;
    size_t entries;    /* of the journal, so far */
    uint32_t counted;  /* alerts that were only counted */
    uint32_t archived; /* alerts whose bytes are kept in the noise only */
    pb_outcome **outcomes;
    size_t n_outcomes;
};

/* Grades all alerts behind p->skip and gathers the concerns; shortens p->n when they are too many.
 * ERR_INTERNAL. */
enum err concerns_gather(struct push *p) LIU_MUST_USE;

/* Reads what the concerns need. False = return DECIDE_WAIT. */
bool concerns_load(struct push *p);

/* Decides on alerts p->skip to p->n in their order; shortens p->n when the commit is full.
 * ERR_NOMEM; ERR_AGAIN when the book lags too far behind. */
enum err concerns_apply(struct push *p) LIU_MUST_USE;

/* Puts the incidents and the brake that changed. */
void concerns_put(struct push *p);

#endif
