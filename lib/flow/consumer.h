/* What consumer.c (batches and the cursor), consumer_queue.c (what is to be acted on) and
 * quarantine.c (what failed for good) share. Nobody else includes this. */
#ifndef LIU_FLOW_CONSUMER_H
#define LIU_FLOW_CONSUMER_H

#include "flow/internal.h"

#define CONSUMER_QUEUE_MAX 4096
#define CONSUMER_REASON_BYTES 512

struct queued {
    uint64_t seq;
    const struct consumer_row *row; /* NULL: the entry cannot be read */
    uint8_t *payload;
    size_t bytes;
    struct queued *next;
};

struct batch {
    struct flow *flow;
    struct arena arena;
    struct work *works[LIMIT_CONSUMER_EVENTS];
    size_t n;
    size_t taken; /* of the works, by the commit in flight */
    unsigned undecided;
    bool failed; /* a passing fault */
    uint64_t to_seq;
};

struct consumer {
    uint64_t seq; /* the cursor as committed */
    uint64_t revision;
    uint64_t scanned; /* entries up to here are queued or of no interest */
    struct queued *first;
    struct queued *last;
    size_t n_queued;
    bool overflow; /* entries after `scanned` are in Redis only */
    bool refilling;
    bool busy;    /* a batch is under way */
    bool waiting; /* for the retry timer */
    unsigned attempts;
    unsigned refusals;  /* of the commit of one event alone */
    unsigned conflicts; /* likewise */
    char why[200];      /* of the last refusal or conflict */
    unsigned batch_max;
    int64_t advanced_ms;
    struct loop_timer *timer;
};

/* consumer_queue.c */
void consumer_pop(struct consumer *c);
void consumer_refill(struct flow *f); /* what did not fit, read again from Redis */

/* consumer.c: the id of the commit that acts on the work's event; NULL without memory */
const char *consumer_cause(struct work *w);

/* quarantine.c */
/* Makes room in a work whose memory is used up; what it read does not matter any more. */
bool consumer_work_clear(struct work *w);
/* Makes the work's outcome its quarantine. False without memory: a passing fault. */
bool consumer_quarantine(struct work *w, const char *reason);
bool consumer_quarantine_refused(struct work *w); /* with the reason of its refusal */
void consumer_refusal_text(const struct work *w, char out[CONSUMER_REASON_BYTES]);

#endif
