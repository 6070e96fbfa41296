/* What follows from one graded alert: nothing but a count, an incident for a person, or the
 * suspension (一時停止) of the registration. R82, R83, R92.
 *
 * Pure: everything known is handed in, what should happen is handed back with the reason in both
 * languages and the rule it rests on.
 *
 * A suspension needs the top grade, and a feed that may act alone on it for this listing, or N
 * feeds of independent operators within a window. The brake then holds back what exceeds its count:
 * it guards against our own mistakes and lying feeds, so it counts automatic suspensions only.
 */
#ifndef LIU_MONITOR_DECIDE_H
#define LIU_MONITOR_DECIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/monitor/core/grade.h"
#include "services/monitor/core/incident_fsm.h"
#include "services/monitor/core/match.h"

struct decide_rules {
    enum severity top;                /* suspends */
    enum severity incident_from;      /* the least grade that opens an incident */
    uint32_t corroborating_operators; /* 0 = corroboration never suspends */
    int64_t corroboration_window_ms;
    uint32_t brake_suspensions; /* automatic ones within the window; 0 = no brake */
    int64_t brake_window_ms;
};

struct decide_feed {
    const char *operator_body;     /* "" never counts as independent */
    const char *const *speaks_for; /* listing numbers, or one "*" */
    size_t n_speaks_for;
    enum severity acts_alone_up_to; /* UNSET: on nothing */
};

/* An alert as it is kept with its incident. */
struct decide_source {
    const char *operator_body;
    enum severity
        severity; /* UNSET when it was ungraded, or spoken without a say over the listing */
    int64_t at_ms;
};

struct decide_facts {
    enum severity severity; /* UNSET = ungraded */
    enum match_how match;
    const char *number; /* of the matched listing, else NULL */
    bool registered;    /* it is registered or renewal pending */
    bool suspended;     /* it is suspended already */
    enum incident_state
        incident; /* of the open incident this alert would join; NONE = there is none */
    enum severity incident_severity;
    const struct decide_source *sources; /* of that incident */
    size_t n_sources;
};

/* R92. One for the whole scheme, stored and guarded. */
struct brake {
    int64_t window_start_ms;
    uint32_t suspensions; /* automatic ones since then */
    uint32_t held;        /* waiting for a person now */
};

enum outcome {
    OUTCOME_COUNT,    /* noise: counted and archived */
    OUTCOME_JOIN,     /* of an open incident: one more source, nothing else changes */
    OUTCOME_INCIDENT, /* opens an incident for a person, or raises the grade of the open one */
    OUTCOME_HELD,     /* the brake holds the suspension back */
    OUTCOME_SUSPEND,
};

enum reason {
    REASON_BELOW,      /* graded below what opens an incident */
    REASON_FOR_PERSON, /* grave, but below the top grade */
    REASON_UNGRADED,
    REASON_UNMATCHED,
    REASON_UNCLEAR,   /* several listings are meant */
    REASON_NO_SAY,    /* the feed does not speak for this listing */
    REASON_NOT_ALONE, /* the feed may not act alone on this grade: waits for others */
    REASON_NOT_REGISTERED,
    REASON_ALREADY_SUSPENDED,
    REASON_BRAKE,
    REASON_ALONE,        /* suspended on one feed's word */
    REASON_CORROBORATED, /* suspended on the word of several */
    REASON_ORDERED,      /* suspended by an operator's order */
    REASON_CONFIRMED,    /* suspended by an operator's answer */
    REASONS
};

struct reason_text {
    const char *kind; /* stable word, e.g. of an alarm */
    const char *rule;
    const char *ja;
    const char *en;
};

struct decision {
    enum outcome outcome;
    enum reason reason;
    bool rings;         /* an operator's alarm rings */
    bool has_say;       /* this alert may corroborate: its grade is kept with the source */
    uint32_t operators; /* independent ones that have said the top grade within the window */
};

/* *brake is read only: whoever carries the decision out calls brake_count, or counts one more held.
 */
struct decision decide_alert(const struct decide_rules *rules, const struct decide_feed *feed,
                             const struct decide_facts *facts, const struct brake *brake,
                             int64_t now_ms);

/* Does the feed speak for this listing? */
bool decide_speaks_for(const struct decide_feed *feed, const char *number);

/* Is one more automatic suspension allowed now? At most brake_suspensions are, from the first of a
 * window until brake_window_ms later. A clock that stands before the window's start keeps the
 * window. */
bool brake_allows(const struct brake *b, const struct decide_rules *rules, int64_t now_ms);
/* Counts one that brake_allows has allowed; opens a new window where the old one is over. */
void brake_count(struct brake *b, const struct decide_rules *rules, int64_t now_ms);

/* Never NULL. */
const struct reason_text *reason_text_of(enum reason r);

#endif
