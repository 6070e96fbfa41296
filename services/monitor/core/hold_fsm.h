/* The hold (一時停止) on a registration: one table, monitor's half of its state. R83, R86.
 *
 * States are those of domain/effective.h. A listing that was never held has no record (UNSET).
 * Pure.
 */
#ifndef LIU_MONITOR_HOLD_FSM_H
#define LIU_MONITOR_HOLD_FSM_H

#include "domain/effective.h"
#include "domain/fsm.h"

enum hold_event {
    HOLD_EV_SUSPEND,
    HOLD_EV_LIFT,
};
#define HOLD_STATES 4
#define HOLD_EVENTS 2

/* FSM_UNKNOWN is the refusal: to suspend twice, to lift what is not suspended. A re-audit has no
 * end here yet: nothing that is written today starts one. */
enum fsm_result hold_step(enum hold_state s, enum hold_event e, enum hold_state *next);

#endif
