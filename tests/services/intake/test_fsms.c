/* All pairs of state and event of a case and of a listing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "services/intake/core/case_fsm.h"
#include "services/intake/core/listing_fsm.h"

#define NEVER (-1)   /* FSM_UNKNOWN */
#define NOT_NOW (-2) /* FSM_GUARDED */

static int outcome(enum fsm_result r, int next)
{
    return r == FSM_OK ? next : r == FSM_GUARDED ? NOT_NOW : NEVER;
}

/* [complete][decided][state][event]: where it leads */
static int case_expected(bool complete, bool decided, int state, int event)
{
    if (state == CASE_NONE && event == CASE_SUBMIT)
        return complete ? CASE_ACCEPTED : CASE_SUBMITTED;
    if (state == CASE_SUBMITTED && event == CASE_ASSESS)
        return decided ? NOT_NOW : complete ? CASE_ACCEPTED : CASE_SUBMITTED;
    if (state == CASE_ACCEPTED && event == CASE_ASSESS)
        return decided || !complete ? NOT_NOW : CASE_ACCEPTED;
    if ((state == CASE_SUBMITTED || state == CASE_ACCEPTED) && event == CASE_WITHDRAW)
        return CASE_WITHDRAWN;
    return NEVER;
}

static void every_pair_of_a_case(void **unused)
{
    (void)unused;
    for (int bits = 0; bits < 4; bits++) {
        struct case_facts facts = {(bits & 1) != 0 ? 2 : 0, (bits & 2) != 0};
        for (int s = 0; s <= CASE_STATES; s++)
            for (int e = 0; e <= CASE_EVENTS; e++) {
                enum case_state next = CASE_STATES;
                enum fsm_result r =
                    case_step((enum case_state)s, (enum case_event)e, &facts, &next);
                assert_int_equal(
                    outcome(r, (int)next),
                    case_expected(facts.complete_assessments > 0, facts.judgment_decided, s, e));
                if (r != FSM_OK)
                    assert_int_equal(next, CASE_STATES);
            }
    }
}

/* Rows: state; columns: event 1 to 7 as APPLY REGISTER REJECT WITHDRAW RENEW EXPIRE CANCEL, while
 * still valid. */
#define A LISTING_APPLIED
#define R LISTING_REGISTERED
#define J LISTING_REJECTED
#define P LISTING_RENEWAL_PENDING
#define E LISTING_EXPIRED
#define C LISTING_CANCELLED
#define W LISTING_WITHDRAWN
static const int while_valid[LISTING_STATES][LISTING_EVENTS - 1] = {
    [LISTING_NONE] = {A, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER},
    [LISTING_APPLIED] = {NEVER, R, J, W, NEVER, NEVER, NEVER},
    [LISTING_REGISTERED] = {NEVER, NEVER, NEVER, NEVER, P, NOT_NOW, C},
    [LISTING_REJECTED] = {A, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER},
    [LISTING_RENEWAL_PENDING] = {NEVER, R, R, R, NEVER, NEVER, C},
    [LISTING_EXPIRED] = {NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER},
    [LISTING_CANCELLED] = {NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER},
    [LISTING_WITHDRAWN] = {A, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER},
};
static const int when_over[LISTING_STATES][LISTING_EVENTS - 1] = {
    [LISTING_NONE] = {A, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER},
    [LISTING_APPLIED] = {NEVER, R, J, W, NEVER, NEVER, NEVER},
    [LISTING_REGISTERED] = {NEVER, NEVER, NEVER, NEVER, NOT_NOW, E, C},
    [LISTING_REJECTED] = {A, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER},
    [LISTING_RENEWAL_PENDING] = {NEVER, R, E, E, NEVER, NEVER, C},
    [LISTING_EXPIRED] = {NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER},
    [LISTING_CANCELLED] = {NEVER, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER},
    [LISTING_WITHDRAWN] = {A, NEVER, NEVER, NEVER, NEVER, NEVER, NEVER},
};

static void check_listing(const int table[LISTING_STATES][LISTING_EVENTS - 1], int32_t valid_until,
                          int32_t today)
{
    struct listing_facts facts = {valid_until, today};
    for (int s = 0; s < LISTING_STATES; s++)
        for (int e = 1; e < LISTING_EVENTS; e++) {
            enum listing_state next = LISTING_NONE;
            enum fsm_result r =
                listing_step((enum listing_state)s, (enum listing_event)e, &facts, &next);
            if (outcome(r, (int)next) != table[s][e - 1])
                fail_msg("state %d event %d: %d, expected %d", s, e, outcome(r, (int)next),
                         table[s][e - 1]);
        }
}

static void every_pair_of_a_listing_while_valid_the_last_day_included(void **unused)
{
    (void)unused;
    check_listing(while_valid, 20000, 19999);
    check_listing(while_valid, 20000, 20000);
}

static void every_pair_of_a_listing_one_day_late_or_without_a_date(void **unused)
{
    (void)unused;
    check_listing(when_over, 20000, 20001);
    check_listing(when_over, EFFECTIVE_NO_DAY, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_a_case),
        cmocka_unit_test(every_pair_of_a_listing_while_valid_the_last_day_included),
        cmocka_unit_test(every_pair_of_a_listing_one_day_late_or_without_a_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
