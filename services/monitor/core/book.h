/* Which incident is the open one? Incidents about the same thing (a listing, what a feed says of it
 * ungraded, what matches nothing) share a topic and are numbered: 1, 2, 3 ... Only the last can be
 * open, because an incident that ended never opens again.
 *
 * The book is a hint in memory, fed from the records. A decision reads the record it points to, and
 * the next one if that has ended, so a hint that lags costs one more look and never a second
 * incident.
 */
#ifndef LIU_MONITOR_BOOK_H
#define LIU_MONITOR_BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "services/monitor/core/sip.h"

#define BOOK_TOPIC_BYTES 16 /* base32 text without NUL */
#define BOOK_TOPICS_MAX 1000000

struct book;

enum err book_create(const struct sip_key *secret, struct book **out) LIU_MUST_USE;
void book_destroy(struct book *b); /* NULL-safe */

/* Notes what the record of number `n` of a topic says; older news than known is passed over.
 * ERR_LIMIT, ERR_NOMEM. */
enum err book_note(struct book *b, const char topic[BOOK_TOPIC_BYTES], uint32_t n,
                   bool open) LIU_MUST_USE;

/* The number to look at first: the last one when it is open, else the one after it; 1 for a new
 * topic. */
uint32_t book_guess(const struct book *b, const char topic[BOOK_TOPIC_BYTES]);

size_t book_topics(const struct book *b);

#endif
