/* The table of an incident's states; see incident_fsm.h. */
#include "services/monitor/core/incident_fsm.h"

static bool grave_and_suspendable(const void *facts)
{
    const struct incident_facts *f = facts;
    return f->grave && f->suspendable;
}

static bool suspendable(const void *facts)
{
    const struct incident_facts *f = facts;
    return f->suspendable;
}

static bool grave(const void *facts)
{
    const struct incident_facts *f = facts;
    return f->grave;
}

/* clang-format off */
static const struct fsm_row rows[] = {
    {INCIDENT_NONE, INCIDENT_EV_REPORT, NULL, INCIDENT_REPORTED},
    {INCIDENT_NONE, INCIDENT_EV_HOLD_BACK, suspendable, INCIDENT_HELD},
    {INCIDENT_NONE, INCIDENT_EV_SUSPEND, suspendable, INCIDENT_SUSPENDED},
    {INCIDENT_NONE, INCIDENT_EV_ORDER, suspendable, INCIDENT_CONFIRMED},

    {INCIDENT_REPORTED, INCIDENT_EV_REPORT, NULL, INCIDENT_REPORTED},
    {INCIDENT_REPORTED, INCIDENT_EV_HOLD_BACK, suspendable, INCIDENT_HELD},
    {INCIDENT_REPORTED, INCIDENT_EV_SUSPEND, suspendable, INCIDENT_SUSPENDED},
    {INCIDENT_REPORTED, INCIDENT_EV_CONFIRM, grave_and_suspendable, INCIDENT_CONFIRMED},
    {INCIDENT_REPORTED, INCIDENT_EV_CONFIRM, NULL, INCIDENT_CLOSED},
    {INCIDENT_REPORTED, INCIDENT_EV_ORDER, suspendable, INCIDENT_CONFIRMED},

    {INCIDENT_HELD, INCIDENT_EV_REPORT, NULL, INCIDENT_HELD},
    {INCIDENT_HELD, INCIDENT_EV_HOLD_BACK, NULL, INCIDENT_HELD},
    {INCIDENT_HELD, INCIDENT_EV_SUSPEND, suspendable, INCIDENT_SUSPENDED},
    {INCIDENT_HELD, INCIDENT_EV_CONFIRM, grave_and_suspendable, INCIDENT_CONFIRMED},
    {INCIDENT_HELD, INCIDENT_EV_CONFIRM, NULL, INCIDENT_CLOSED},
    {INCIDENT_HELD, INCIDENT_EV_ORDER, suspendable, INCIDENT_CONFIRMED},

    {INCIDENT_SUSPENDED, INCIDENT_EV_REPORT, NULL, INCIDENT_SUSPENDED},
    {INCIDENT_SUSPENDED, INCIDENT_EV_CONFIRM, grave, INCIDENT_CONFIRMED},
    {INCIDENT_SUSPENDED, INCIDENT_EV_LIFT, NULL, INCIDENT_LIFTED},

    {INCIDENT_CONFIRMED, INCIDENT_EV_REPORT, NULL, INCIDENT_CONFIRMED},
    {INCIDENT_CONFIRMED, INCIDENT_EV_LIFT, NULL, INCIDENT_LIFTED},
};
/* clang-format on */

static const struct fsm machine = {rows, sizeof rows / sizeof rows[0]};

enum fsm_result incident_step(enum incident_state s, enum incident_event e,
                              const struct incident_facts *facts, enum incident_state *next)
{
    int to = (int)s;
    enum fsm_result r = fsm_step(&machine, (int)s, (int)e, facts, &to);
    if (r == FSM_OK)
        *next = (enum incident_state)to;
    return r;
}

bool incident_is_open(enum incident_state s)
{
    return s == INCIDENT_REPORTED || s == INCIDENT_HELD || s == INCIDENT_SUSPENDED ||
           s == INCIDENT_CONFIRMED;
}
