/* Incident records: their ids, finding the open one, and editing a copy of one within a work.
 *
 * Copies and their parts live in the work's arena. Every function that needs memory says false (or
 * NULL) when there is none; the caller ends with work_no_memory.
 */
#ifndef LIU_MONITOR_INCIDENT_H
#define LIU_MONITOR_INCIDENT_H

#include "services/monitor/core/decide.h"
#include "services/monitor/monitor.h"

#define INCIDENT_SOURCES_MAX 32
#define INCIDENT_STEPS_MAX 64
#define INCIDENT_REFRESH_MS                                                                        \
    60000 /* the same feed with the same grade is written down again after this */
#define INCIDENT_UNMATCHED_TOPICS 16 /* open unmatched incidents of one feed at once */

/* What incidents are about. An id is inc-TOPIC-N: 16 characters made from the text of the topic,
 * and the number within it (see core/book.h). */
enum topic_kind {
    TOPIC_LISTING,   /* one listing */
    TOPIC_UNGRADED,  /* what one feed says of one listing (or of none) without a grade */
    TOPIC_UNMATCHED, /* what one feed says of no listing, in INCIDENT_UNMATCHED_TOPICS parts */
};
/* False when hashing fails. out gets a NUL. */
bool incident_topic(enum topic_kind kind, const char *feed, const char *number, uint32_t part,
                    char out[BOOK_TOPIC_BYTES + 1]);

/* Takes an id apart; false for what is no such id. */
bool incident_id_read(const char *id, char topic[BOOK_TOPIC_BYTES], uint32_t *n);

/* The open incident of a topic: *stored; or NULL and in *id the next free id, guarded to be free.
 * False = return DECIDE_WAIT. *id NULL: the book lags too far behind or there is no memory; refuse.
 */
bool incident_find(struct work *w, const struct monitor *mon,
                   const char topic[BOOK_TOPIC_BYTES + 1], const char **id,
                   const pb_incident **stored);

/* A new one without sources, steps or state. `alert` NULL: by an operator's order. Strings are
 * borrowed. */
pb_incident *incident_new(struct arena *a, const char *id, const char *number,
                          const pb_alert *alert, const char *rulebook_hash, int64_t now_ms);

/* A copy that may be changed, with room for one more source and step at any time. */
pb_incident *incident_edit(struct arena *a, const pb_incident *stored);

/* One more source. A feed's word of the same grade is written down once in INCIDENT_REFRESH_MS:
 * *news says whether anything changed. With 32 sources the oldest makes room. */
bool incident_add_source(struct arena *a, pb_incident *inc, const pb_source *source, bool *news);

/* Would incident_add_source change anything? Hashes are made only then. */
bool incident_source_is_news(const pb_incident *inc, const char *feed, enum severity severity,
                             int64_t now_ms);

/* Moves it to a state and remembers who and why. With 64 steps the second oldest makes room. */
bool incident_add_step(struct arena *a, pb_incident *inc, enum incident_state state, const char *by,
                       const char *reason, int64_t now_ms);

/* Sets why_ja, why_en and grade_rule. */
void incident_because(pb_incident *inc, enum reason reason);

#endif
