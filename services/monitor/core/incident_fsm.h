/* The way of an incident (インシデント) from report to end: one table. R83, R84, R92.
 *
 * An incident is what people see of one or more alerts about one listing. Suspension runs beside
 * the explanation and re-audit of R84, so those are not states here.
 *
 * Enums carry the numbers of the messages; map.c asserts it. Pure.
 */
#ifndef LIU_MONITOR_INCIDENT_FSM_H
#define LIU_MONITOR_INCIDENT_FSM_H

#include <stdbool.h>

#include "domain/fsm.h"

enum incident_state {
    INCIDENT_NONE = 0,
    INCIDENT_REPORTED = 1,  /* a person has to look */
    INCIDENT_HELD = 2,      /* the brake holds its suspension back */
    INCIDENT_SUSPENDED = 3, /* suspended by rule, not confirmed yet */
    INCIDENT_CONFIRMED = 4, /* an operator confirmed or ordered the suspension */
    INCIDENT_LIFTED = 5,
    INCIDENT_CLOSED = 6, /* answered without a suspension */
};
#define INCIDENT_STATES 7

enum incident_event {
    INCIDENT_EV_REPORT,    /* an alert for a person, or one more source */
    INCIDENT_EV_HOLD_BACK, /* would suspend, but the brake is on */
    INCIDENT_EV_SUSPEND,   /* suspends by rule */
    INCIDENT_EV_CONFIRM,   /* an operator's answer, with a grade */
    INCIDENT_EV_ORDER,     /* an operator orders the suspension of the listing */
    INCIDENT_EV_LIFT,
};
#define INCIDENT_EVENTS 6

/* What the guards look at. */
struct incident_facts {
    bool grave;       /* the operator's grade is the top one */
    bool suspendable; /* there is a listing, registered or renewal pending, and not suspended */
};

/* FSM_UNKNOWN: never possible in this state; FSM_GUARDED: not with these facts. */
enum fsm_result incident_step(enum incident_state s, enum incident_event e,
                              const struct incident_facts *facts, enum incident_state *next);

/* Does a further alert join it, instead of opening another one? */
bool incident_is_open(enum incident_state s);

#endif
