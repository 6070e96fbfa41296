/* How a judgment (判断) may move: one table of state, event, guard and next state.
 *
 * Evidence moves an open judgment to whatever the rules find; only an operator's confirmation or
 * denial, or the rules themselves, decide; what is decided never moves again (no retroactive
 * change). A pair without a row is a typed refusal.
 */
#ifndef LIU_ELIGIBILITY_JUDGMENT_FSM_H
#define LIU_ELIGIBILITY_JUDGMENT_FSM_H

#include "domain/fsm.h"
#include "services/eligibility/core/eligibility.h"

enum judgment_event {
    JUDGMENT_EVIDENCE, /* case opened, sheet recorded, rules activated */
    JUDGMENT_CONFIRM,
    JUDGMENT_DENY,
    JUDGMENT_EVENTS
};

struct judgment_facts {
    enum elig_state found; /* the state the rules find, with the confirmation if there is one */
    bool has_reason;       /* of the operator */
};

/* FSM_OK: *next is the new state. FSM_UNKNOWN: never possible here. FSM_GUARDED: not with these
 * facts. */
enum fsm_result judgment_step(enum elig_state from, enum judgment_event event,
                              const struct judgment_facts *facts,
                              enum elig_state *next) LIU_MUST_USE;

/* The table itself, for tests and documents. */
const struct fsm *judgment_table(void);

#endif
