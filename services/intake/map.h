/* Between messages and the structs of the cores, and short names for both sides.
 *
 * Whatever is returned borrows from the message or lives in the arena given; nothing is to be
 * freed. The numbers of the cores' enums are those of the messages: map.c asserts it at compile
 * time, so that a number may pass through a cast.
 */
#ifndef LIU_INTAKE_MAP_H
#define LIU_INTAKE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "domain/effective.h"
#include "ismap/liu/v1/case.pb-c.h"
#include "ismap/liu/v1/envelope.pb-c.h"
#include "ismap/liu/v1/judgment.pb-c.h"
#include "ismap/liu/v1/listing.pb-c.h"
#include "ismap/liu/v1/party.pb-c.h"
#include "services/intake/core/completeness.h"
#include "services/intake/core/requirements.h"
#include "services/intake/core/waiting.h"

typedef Ismap__Liu__V1__Party pb_party;
typedef Ismap__Liu__V1__Feed pb_feed;
typedef Ismap__Liu__V1__Case pb_case;
typedef Ismap__Liu__V1__Assessment pb_assessment;
typedef Ismap__Liu__V1__RecordedAssessment pb_recorded;
typedef Ismap__Liu__V1__SubmitPreApplication pb_application;
typedef Ismap__Liu__V1__Judgment pb_judgment;
typedef Ismap__Liu__V1__Rulebook pb_rulebook;
typedef Ismap__Liu__V1__Listing pb_listing;
typedef Ismap__Liu__V1__Hold pb_hold;
typedef Ismap__Liu__V1__SubmitRegistration pb_registration;
typedef Ismap__Liu__V1__DocumentRef pb_document;
typedef Ismap__Liu__V1__RegistryEntry pb_entry;
typedef Ismap__Liu__V1__ServiceUsers pb_users;

/* Generated structs have no const: this lends a text to a message that will only be packed. */
static inline char *lend(const char *s)
{
    return (char *)(uintptr_t)s;
}

/* The last day written in a record; `otherwise` when it is empty or not a date. */
int32_t map_day(const char *date, int32_t otherwise);

/* An assessment as the completeness rules see it; NULL without memory. A NULL message gives an
 * empty sheet. */
const struct sheet_facts *map_sheet(struct arena *a, const pb_assessment *m);

/* A case and its judgment (NULL = none yet) as waiting_decide sees them; false without memory. */
bool map_waiting(struct arena *a, const pb_case *c, const pb_judgment *j,
                 struct waiting_facts *out);

/* A main application with what was read for it; c is never NULL, the others may be. */
void map_requirements(const pb_registration *m, const pb_case *c, const pb_judgment *j,
                      const pb_party *issuer, int32_t today, struct requirement_facts *out);

/* The effective state of a listing (never NULL) and its hold (NULL = never held). */
enum effective_state map_effective(const pb_listing *l, const pb_hold *h, int32_t today);

/* The public record, R47: nothing of the application but name, scope, regions, period. NULL without
 * memory. */
pb_entry *map_entry(struct arena *a, const pb_listing *l, const pb_hold *h, enum effective_state s);

#endif
