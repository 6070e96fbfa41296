/* The table of a case; see case_fsm.h. */
#include "services/intake/core/case_fsm.h"

static bool complete(const void *facts)
{
    return ((const struct case_facts *)facts)->complete_assessments > 0;
}

static bool open_and_complete(const void *facts)
{
    return !((const struct case_facts *)facts)->judgment_decided && complete(facts);
}

static bool open_and_incomplete(const void *facts)
{
    return !((const struct case_facts *)facts)->judgment_decided && !complete(facts);
}

static const struct fsm_row rows[] = {
    {CASE_NONE, CASE_SUBMIT, complete, CASE_ACCEPTED},
    {CASE_NONE, CASE_SUBMIT, NULL, CASE_SUBMITTED},
    {CASE_SUBMITTED, CASE_ASSESS, open_and_complete, CASE_ACCEPTED},
    {CASE_SUBMITTED, CASE_ASSESS, open_and_incomplete, CASE_SUBMITTED},
    {CASE_ACCEPTED, CASE_ASSESS, open_and_complete, CASE_ACCEPTED},
    {CASE_SUBMITTED, CASE_WITHDRAW, NULL, CASE_WITHDRAWN},
    {CASE_ACCEPTED, CASE_WITHDRAW, NULL, CASE_WITHDRAWN},
};
static const struct fsm machine = {rows, sizeof rows / sizeof rows[0]};

enum fsm_result case_step(enum case_state s, enum case_event e, const struct case_facts *facts,
                          enum case_state *next)
{
    int to = (int)s;
    enum fsm_result r = fsm_step(&machine, (int)s, (int)e, facts, &to);
    if (r == FSM_OK)
        *next = (enum case_state)to;
    return r;
}
