/* The table of a judgment's moves; see judgment_fsm.h. */
#include "services/eligibility/core/judgment_fsm.h"

static enum elig_state found_of(const void *facts)
{
    return ((const struct judgment_facts *)facts)->found;
}

static bool finds_ministry(const void *facts)
{
    return found_of(facts) == ELIG_STATE_WAITING_MINISTRY;
}

static bool finds_confirmation(const void *facts)
{
    return found_of(facts) == ELIG_STATE_WAITING_CONFIRMATION;
}

static bool finds_applicant(const void *facts)
{
    return found_of(facts) == ELIG_STATE_WAITING_APPLICANT;
}

static bool finds_review(const void *facts)
{
    return found_of(facts) == ELIG_STATE_WAITING_REVIEW;
}

static bool finds_decision(const void *facts)
{
    return found_of(facts) == ELIG_STATE_DECIDED;
}

static bool decides_with_reason(const void *facts)
{
    return found_of(facts) == ELIG_STATE_DECIDED &&
           ((const struct judgment_facts *)facts)->has_reason;
}

#define FROM_EVIDENCE(state)                                                                       \
    {state, JUDGMENT_EVIDENCE, finds_ministry, ELIG_STATE_WAITING_MINISTRY},                       \
        {state, JUDGMENT_EVIDENCE, finds_confirmation, ELIG_STATE_WAITING_CONFIRMATION},           \
        {state, JUDGMENT_EVIDENCE, finds_applicant, ELIG_STATE_WAITING_APPLICANT},                 \
        {state, JUDGMENT_EVIDENCE, finds_review, ELIG_STATE_WAITING_REVIEW},                       \
    {                                                                                              \
        state, JUDGMENT_EVIDENCE, finds_decision, ELIG_STATE_DECIDED                               \
    }

static const struct fsm_row ROWS[] = {
    FROM_EVIDENCE(ELIG_STATE_NONE),
    FROM_EVIDENCE(ELIG_STATE_WAITING_MINISTRY),
    FROM_EVIDENCE(ELIG_STATE_WAITING_CONFIRMATION),
    FROM_EVIDENCE(ELIG_STATE_WAITING_APPLICANT),
    FROM_EVIDENCE(ELIG_STATE_WAITING_REVIEW),
    {ELIG_STATE_WAITING_CONFIRMATION, JUDGMENT_CONFIRM, decides_with_reason, ELIG_STATE_DECIDED},
    {ELIG_STATE_WAITING_CONFIRMATION, JUDGMENT_DENY, decides_with_reason, ELIG_STATE_DECIDED},
    {ELIG_STATE_WAITING_REVIEW, JUDGMENT_CONFIRM, decides_with_reason, ELIG_STATE_DECIDED},
    {ELIG_STATE_WAITING_REVIEW, JUDGMENT_DENY, decides_with_reason, ELIG_STATE_DECIDED},
};

static const struct fsm TABLE = {ROWS, sizeof ROWS / sizeof ROWS[0]};

const struct fsm *judgment_table(void)
{
    return &TABLE;
}

enum fsm_result judgment_step(enum elig_state from, enum judgment_event event,
                              const struct judgment_facts *facts, enum elig_state *next)
{
    int to;
    enum fsm_result r = fsm_step(&TABLE, (int)from, (int)event, facts, &to);
    if (r == FSM_OK)
        *next = (enum elig_state)to;
    return r;
}
