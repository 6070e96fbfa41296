/* Messages and records for the tests of the handlers, in the arena of the work. */
#ifndef LIU_TESTS_INTAKE_BUILD_H
#define LIU_TESTS_INTAKE_BUILD_H

#include "support/fake_work.h"
#include "services/intake/map.h"
#include "services/intake/shell.h"

#define SERVICE_NAME "Kaigi Cloud"
#define Z85_KEY(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c

/* With one CURVE key made of 40 times `key_char` and, for signing, the public half of `key` (may be
 * NULL). */
pb_party *build_party(struct work *w, const char *id, Ismap__Liu__V1__Role role, char key_char,
                      const struct signing_key *key);

pb_assessment *build_assessment(struct work *w, const char *ministry, const char *provider);
/* Asks the ministries of `asked`, ended by NULL. */
pb_application *build_application(struct work *w, const char *const *asked);
Ismap__Liu__V1__SignedAssessment *build_signed(struct work *w, const pb_assessment *a,
                                               const struct signing_key *key);
pb_registration *build_registration(struct work *w, const char *case_id, const char *issuer);
pb_judgment *build_judgment(struct work *w, const char *case_id, enum judgment_state state,
                            enum verdict_result r);

/* Active rulebook: prefix LIU, 16 months, inclusive. */
void build_rulebook(struct work *w);

/* The provider "csp" opens a case that asks mof and meti; its id. */
const char *open_case(struct work *w);
/* A case with mof's assessment and the verdict ELIGIBLE (TB-1). */
const char *eligible_case(struct work *w);
/* The listing of an eligible case, registered until 2025-07-31; its number. */
const char *registered(struct work *w);
void hold(struct work *w, const char *number, enum hold_state state);

#endif
