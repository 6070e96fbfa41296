/* The engine of every state machine: ONE table of {state, event, guard, next} and a look-up.
 *
 * A pair of state and event that has no row is a typed refusal, never a silent no-op; so is a pair
 * whose guards all say no. The two are told apart because they mean different things to the sender:
 * "this can never be done here" and "not now".
 *
 * Pure: no memory, no clock. States and events are the machine's own enums, passed as int.
 */
#ifndef LIU_DOMAIN_FSM_H
#define LIU_DOMAIN_FSM_H

#include <stdbool.h>
#include <stddef.h>

struct fsm_row {
    int state;
    int event;
    bool (*guard)(const void *facts); /* NULL = always */
    int next;
};

struct fsm {
    const struct fsm_row *rows; /* the first row whose guard holds decides */
    size_t n_rows;
};

enum fsm_result {
    FSM_OK,      /* *next is set */
    FSM_UNKNOWN, /* no row for this state and event */
    FSM_GUARDED, /* rows exist, but no guard holds */
};

/* `facts` goes to the guards as it is (borrowed). *next is untouched unless FSM_OK. */
enum fsm_result fsm_step(const struct fsm *m, int state, int event, const void *facts, int *next);

#endif
