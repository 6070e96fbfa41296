/* Who waits for events: each waiter in the line of those whose index it reads, so that an entry is
 * held against the parties it names and not against everyone, and by its connection. fetch.c only.
 */
#ifndef LIU_FLOW_WAITERS_H
#define LIU_FLOW_WAITERS_H

#include "flow/internal.h"

#define AUDIENCE_ALL "*" /* the line of operators, who see everything; no id is this */

struct line;

struct waiter {
    struct work *work;
    const Ismap__Liu__V1__FetchEvents *ask;
    uint64_t after;
    uint64_t asked_to; /* head when the store was asked */
    int64_t until_ms;
    bool asking;
    bool woken;     /* something came for it */
    bool connected; /* found by its connection: not overtaken by a later one */
    struct line *line;
    struct waiter *next, *prev;           /* of all */
    struct waiter *line_next, *line_prev; /* of its line */
    struct waiter *woken_next, *woken_prev;
    UT_hash_handle hh; /* by connection */
};

struct waiters {
    struct waiter *all;
    struct waiter *woken;
    struct waiter *peers;
    struct line *lines;
    size_t n;
};

/* Does the work see every entry? Otherwise, whose index does it read? A feed may have the id of a
 * party, whose events are not the feed's. */
bool waiter_sees_all(const struct work *w);
const char *waiter_audience(const struct work *w);

/* NULL without memory. */
struct waiter *waiters_add(struct waiters *q, struct work *w);
void waiters_remove(struct waiters *q, struct waiter *x); /* frees it */

/* The one on this connection; NULL when there is none. */
struct waiter *waiters_by_peer(struct waiters *q, const struct bus_peer *peer);
/* It is answered as soon as it can be, and no longer found by its connection. */
void waiters_overtake(struct waiters *q, struct waiter *x);

bool waiter_wants(const Ismap__Liu__V1__FetchEvents *ask, const char *type);

/* Marks those whom the entry concerns and who wait for what is before it. */
void waiters_mark(struct waiters *q, uint64_t seq, const pb_entry *e);
/* Takes one that was marked off the list; NULL = none is left. Its mark stays. */
struct waiter *waiters_take_marked(struct waiters *q);

#endif
