/* Random stories that end early: cases and applications withdrawn, registrations cancelled. */
#include "base/date.h"
#include "replay/drive_pick.h"

static void withdraw_case(void)
{
    const Ismap__Liu__V1__Case *c = any_record(RECORD_CASE);
    Ismap__Liu__V1__WithdrawCase m = ISMAP__LIU__V1__WITHDRAW_CASE__INIT;
    if (c == NULL)
        return;
    m.case_id = c->id;
    m.reason = TEXT("discontinued");
    struct agent *a =
        below(10) == 0 ? any_agent(ISMAP__LIU__V1__ROLE__ROLE_PROVIDER) : agent_of(c->provider);
    (void)agent_send(a, NODE_INTAKE, &m.base, NULL);
}

static void withdraw_application(void)
{
    const Ismap__Liu__V1__Listing *l = any_record(RECORD_LISTING);
    Ismap__Liu__V1__WithdrawRegistration m = ISMAP__LIU__V1__WITHDRAW_REGISTRATION__INIT;
    if (l == NULL)
        return;
    m.number = l->number;
    m.reason = TEXT("to be filed anew");
    (void)agent_send(agent_of(l->provider), NODE_INTAKE, &m.base, NULL);
}

static void cancel(void)
{
    const Ismap__Liu__V1__Listing *l = any_record(RECORD_LISTING);
    Ismap__Liu__V1__CancelRegistration m = ISMAP__LIU__V1__CANCEL_REGISTRATION__INIT;
    char *day = sim_need(arena_alloc(&scratch, DATE_TEXT_BYTES));
    if (l == NULL)
        return;
    date_format(date_of_ms(sim_wall_ms()), day);
    m.number = l->number;
    m.ground = (Ismap__Liu__V1__CancellationGround)(1 + below(4));
    m.committee_date = day;
    m.decision_reference = TEXT("2026-9");
    m.reason = TEXT("a drill");
    (void)agent_send(OPERATOR(), NODE_INTAKE, &m.base, NULL);
}

void drive_withdraw(void)
{
    static void (*const acts[])(void) = {withdraw_case, withdraw_application, cancel};
    acts[below(sizeof acts / sizeof acts[0])]();
}
