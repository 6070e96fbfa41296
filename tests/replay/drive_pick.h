/* What the parts of random stories choose from. */
#ifndef LIU_TESTS_REPLAY_DRIVE_PICK_H
#define LIU_TESTS_REPLAY_DRIVE_PICK_H

#include "replay/agent.h"

#define OPERATOR() any_agent(ISMAP__LIU__V1__ROLE__ROLE_OPERATOR)
#define TEXT(s) ((char *)(uintptr_t)(s))

extern struct arena scratch; /* of one action */

uint64_t below(uint64_t n);
const struct example *any_of(const struct examples *e);
struct agent *any_agent(Ismap__Liu__V1__Role role);
/* A record of the store as it is now; NULL = there is none. */
const void *any_record(enum record_kind kind);

/* One thing that happens between providers, audit bodies, operators and the audit service. */
void drive_audit(void);
/* The same bytes of an earlier request once more; other bytes under its id. */
void drive_repeat(void);
void drive_reuse_id(void);
/* Something about what is cold (drive_cold.c). */
void drive_cold(void);
/* A case, an application or a registration ends before its time. */
void drive_withdraw(void);

#endif
