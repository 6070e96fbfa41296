/* Every pair of state and event of both machines, so that a row added or lost is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "services/monitor/core/hold_fsm.h"
#include "services/monitor/core/incident_fsm.h"

#define NO (-1)

/* [state][event]: REPORT HOLD_BACK SUSPEND CONFIRM ORDER LIFT; next state, NO = refused */
static const int grave_suspendable[INCIDENT_STATES][INCIDENT_EVENTS] = {
    [INCIDENT_NONE] = {INCIDENT_REPORTED, INCIDENT_HELD, INCIDENT_SUSPENDED, NO, INCIDENT_CONFIRMED,
                       NO},
    [INCIDENT_REPORTED] = {INCIDENT_REPORTED, INCIDENT_HELD, INCIDENT_SUSPENDED, INCIDENT_CONFIRMED,
                           INCIDENT_CONFIRMED, NO},
    [INCIDENT_HELD] = {INCIDENT_HELD, INCIDENT_HELD, INCIDENT_SUSPENDED, INCIDENT_CONFIRMED,
                       INCIDENT_CONFIRMED, NO},
    [INCIDENT_SUSPENDED] = {INCIDENT_SUSPENDED, NO, NO, INCIDENT_CONFIRMED, NO, INCIDENT_LIFTED},
    [INCIDENT_CONFIRMED] = {INCIDENT_CONFIRMED, NO, NO, NO, NO, INCIDENT_LIFTED},
    [INCIDENT_LIFTED] = {NO, NO, NO, NO, NO, NO},
    [INCIDENT_CLOSED] = {NO, NO, NO, NO, NO, NO},
};
/* not grave, nothing to suspend */
static const int mild[INCIDENT_STATES][INCIDENT_EVENTS] = {
    [INCIDENT_NONE] = {INCIDENT_REPORTED, NO, NO, NO, NO, NO},
    [INCIDENT_REPORTED] = {INCIDENT_REPORTED, NO, NO, INCIDENT_CLOSED, NO, NO},
    [INCIDENT_HELD] = {INCIDENT_HELD, INCIDENT_HELD, NO, INCIDENT_CLOSED, NO, NO},
    [INCIDENT_SUSPENDED] = {INCIDENT_SUSPENDED, NO, NO, NO, NO, INCIDENT_LIFTED},
    [INCIDENT_CONFIRMED] = {INCIDENT_CONFIRMED, NO, NO, NO, NO, INCIDENT_LIFTED},
    [INCIDENT_LIFTED] = {NO, NO, NO, NO, NO, NO},
    [INCIDENT_CLOSED] = {NO, NO, NO, NO, NO, NO},
};

static void check(const int want[INCIDENT_STATES][INCIDENT_EVENTS],
                  const struct incident_facts *facts)
{
    for (int s = 0; s < INCIDENT_STATES; s++)
        for (int e = 0; e < INCIDENT_EVENTS; e++) {
            enum incident_state next = (enum incident_state)99;
            enum fsm_result r =
                incident_step((enum incident_state)s, (enum incident_event)e, facts, &next);
            int got = r == FSM_OK ? (int)next : NO;
            if (got != want[s][e] || (r != FSM_OK && (int)next != 99))
                fail_msg("state %d event %d: %d, expected %d", s, e, got, want[s][e]);
        }
}

static void every_pair_of_an_incident(void **state)
{
    (void)state;
    check(grave_suspendable, &(struct incident_facts){.grave = true, .suspendable = true});
    check(mild, &(struct incident_facts){0});
}

static void a_grave_answer_without_anything_to_suspend_closes(void **state)
{
    (void)state;
    enum incident_state next;
    const struct incident_facts f = {.grave = true};
    assert_int_equal(incident_step(INCIDENT_REPORTED, INCIDENT_EV_CONFIRM, &f, &next), FSM_OK);
    assert_int_equal(next, INCIDENT_CLOSED);
}

static void refusals_say_never_or_not_now(void **state)
{
    (void)state;
    enum incident_state next;
    const struct incident_facts f = {0};
    assert_int_equal(incident_step(INCIDENT_CLOSED, INCIDENT_EV_LIFT, &f, &next), FSM_UNKNOWN);
    assert_int_equal(incident_step(INCIDENT_SUSPENDED, INCIDENT_EV_CONFIRM, &f, &next),
                     FSM_GUARDED);
}

static void every_pair_of_a_hold(void **state)
{
    (void)state;
    static const int want[HOLD_STATES][HOLD_EVENTS] = {
        [HOLD_UNSET] = {HOLD_SUSPENDED, NO},
        [HOLD_NONE] = {HOLD_SUSPENDED, NO},
        [HOLD_SUSPENDED] = {NO, HOLD_NONE},
        [HOLD_RE_AUDIT] = {HOLD_SUSPENDED, NO},
    };
    for (int s = 0; s < HOLD_STATES; s++)
        for (int e = 0; e < HOLD_EVENTS; e++) {
            enum hold_state next = (enum hold_state)99;
            enum fsm_result r = hold_step((enum hold_state)s, (enum hold_event)e, &next);
            assert_int_equal(r == FSM_OK ? (int)next : NO, want[s][e]);
            if (r != FSM_OK)
                assert_int_equal(r, FSM_UNKNOWN);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_an_incident),
        cmocka_unit_test(a_grave_answer_without_anything_to_suspend_closes),
        cmocka_unit_test(refusals_say_never_or_not_now),
        cmocka_unit_test(every_pair_of_a_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
