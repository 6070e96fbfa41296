/* The table of a listing; see listing_fsm.h. */
#include "services/intake/core/listing_fsm.h"

static bool still_valid(const void *facts)
{
    const struct listing_facts *f = facts;
    return f->valid_until != EFFECTIVE_NO_DAY && f->today <= f->valid_until;
}

static bool over(const void *facts)
{
    return !still_valid(facts);
}

static const struct fsm_row rows[] = {
    {LISTING_NONE, LISTING_APPLY, NULL, LISTING_APPLIED},
    {LISTING_REJECTED, LISTING_APPLY, NULL, LISTING_APPLIED},
    {LISTING_WITHDRAWN, LISTING_APPLY, NULL, LISTING_APPLIED},
    {LISTING_APPLIED, LISTING_REGISTER, NULL, LISTING_REGISTERED},
    {LISTING_APPLIED, LISTING_REJECT, NULL, LISTING_REJECTED},
    {LISTING_APPLIED, LISTING_WITHDRAW, NULL, LISTING_WITHDRAWN},
    {LISTING_REGISTERED, LISTING_RENEW, still_valid, LISTING_RENEWAL_PENDING},
    {LISTING_REGISTERED, LISTING_EXPIRE, over, LISTING_EXPIRED},
    {LISTING_REGISTERED, LISTING_CANCEL, NULL, LISTING_CANCELLED},
    {LISTING_RENEWAL_PENDING, LISTING_REGISTER, NULL, LISTING_REGISTERED},
    {LISTING_RENEWAL_PENDING, LISTING_REJECT, still_valid, LISTING_REGISTERED},
    {LISTING_RENEWAL_PENDING, LISTING_REJECT, NULL, LISTING_EXPIRED},
    {LISTING_RENEWAL_PENDING, LISTING_WITHDRAW, still_valid, LISTING_REGISTERED},
    {LISTING_RENEWAL_PENDING, LISTING_WITHDRAW, NULL, LISTING_EXPIRED},
    {LISTING_RENEWAL_PENDING, LISTING_CANCEL, NULL, LISTING_CANCELLED},
};
static const struct fsm machine = {rows, sizeof rows / sizeof rows[0]};

enum fsm_result listing_step(enum listing_state s, enum listing_event e,
                             const struct listing_facts *facts, enum listing_state *next)
{
    int to = (int)s;
    enum fsm_result r = fsm_step(&machine, (int)s, (int)e, facts, &to);
    if (r == FSM_OK)
        *next = (enum listing_state)to;
    return r;
}
