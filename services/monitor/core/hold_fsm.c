/* The table of a hold's states; see hold_fsm.h. */
#include "services/monitor/core/hold_fsm.h"

static const struct fsm_row rows[] = {
    {HOLD_UNSET, HOLD_EV_SUSPEND, NULL, HOLD_SUSPENDED},
    {HOLD_NONE, HOLD_EV_SUSPEND, NULL, HOLD_SUSPENDED},
    {HOLD_RE_AUDIT, HOLD_EV_SUSPEND, NULL, HOLD_SUSPENDED},
    {HOLD_SUSPENDED, HOLD_EV_LIFT, NULL, HOLD_NONE},
};

static const struct fsm machine = {rows, sizeof rows / sizeof rows[0]};

enum fsm_result hold_step(enum hold_state s, enum hold_event e, enum hold_state *next)
{
    int to = (int)s;
    enum fsm_result r = fsm_step(&machine, (int)s, (int)e, NULL, &to);
    if (r == FSM_OK)
        *next = (enum hold_state)to;
    return r;
}
