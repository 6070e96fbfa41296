/* A CURVE key belongs to one party or feed. What two operators do at the same moment, in two
 * services, is kept apart by a record for each key that both have to write.
 */
#ifndef LIU_FLOW_CLAIMS_H
#define LIU_FLOW_CLAIMS_H

#include "flow/work.h"

/* For the holder ("p:PARTY" or "f:FEED"): takes the CURVE keys of `after` and gives back those of
 * `before` that are not among them (either may be NULL). Refuses with P-KEY-TAKEN at FIELD.curve[i]
 * what another holds. False = return DECIDE_WAIT. */
bool claim_keys(struct work *w, const char *holder, const Ismap__Liu__V1__PartyKeys *before,
                const Ismap__Liu__V1__PartyKeys *after, const char *field);

#endif
