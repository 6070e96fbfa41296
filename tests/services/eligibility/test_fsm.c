/* Every pair of state and event of a judgment, with every state the rules may find. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "services/eligibility/core/judgment_fsm.h"

#define N_STATES 6

/* What must come of it, written apart from the table: */
static enum fsm_result expected(enum elig_state from, enum judgment_event event,
                                enum elig_state found, bool reason)
{
    if (from == ELIG_STATE_DECIDED)
        return FSM_UNKNOWN;
    if (event == JUDGMENT_EVIDENCE)
        return found == ELIG_STATE_NONE ? FSM_GUARDED : FSM_OK;
    if (from != ELIG_STATE_WAITING_CONFIRMATION && from != ELIG_STATE_WAITING_REVIEW)
        return FSM_UNKNOWN;
    return found == ELIG_STATE_DECIDED && reason ? FSM_OK : FSM_GUARDED;
}

static void every_pair_moves_or_is_refused_by_type(void **state)
{
    (void)state;
    for (int from = 0; from < N_STATES; from++)
        for (int event = 0; event < JUDGMENT_EVENTS; event++)
            for (int found = 0; found < N_STATES; found++)
                for (int reason = 0; reason < 2; reason++) {
                    const struct judgment_facts facts = {(enum elig_state)found, reason == 1};
                    enum elig_state next = ELIG_STATE_NONE;
                    enum fsm_result want =
                        expected((enum elig_state)from, (enum judgment_event)event, facts.found,
                                 facts.has_reason);
                    enum fsm_result got = judgment_step((enum elig_state)from,
                                                        (enum judgment_event)event, &facts, &next);
                    assert_int_equal(got, want);
                    assert_int_equal(next, want == FSM_OK ? found : 0);
                }
}

static void what_is_decided_never_moves(void **state)
{
    const struct fsm *table = judgment_table();
    (void)state;
    for (size_t i = 0; i < table->n_rows; i++) {
        assert_int_not_equal(table->rows[i].state, ELIG_STATE_DECIDED);
        assert_non_null(table->rows[i].guard);
    }
}

static void an_unknown_state_or_event_is_refused(void **state)
{
    const struct judgment_facts facts = {ELIG_STATE_DECIDED, true};
    enum elig_state next;
    (void)state;
    assert_int_equal(judgment_step((enum elig_state)99, JUDGMENT_CONFIRM, &facts, &next),
                     FSM_UNKNOWN);
    assert_int_equal(judgment_step(ELIG_STATE_NONE, JUDGMENT_EVENTS, &facts, &next), FSM_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_moves_or_is_refused_by_type),
        cmocka_unit_test(what_is_decided_never_moves),
        cmocka_unit_test(an_unknown_state_or_event_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
