/* The engine tells "never" from "not now" and takes the first row that holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "domain/fsm.h"

static bool is_set(const void *facts)
{
    return *(const bool *)facts;
}

static const struct fsm_row rows[] = {
    {1, 1, is_set, 2},
    {1, 2, is_set, 3},
    {1, 2, NULL, 4},
    {2, 1, NULL, 2},
};
static const struct fsm machine = {rows, 4};

static void result_and_next_state_follow_the_table(void **state)
{
    (void)state;
    static const struct {
        int from;
        int event;
        bool fact;
        enum fsm_result result;
        int next;
    } cases[] = {
        {1, 1, true, FSM_OK, 2},       {1, 1, false, FSM_GUARDED, -1},
        {1, 2, true, FSM_OK, 3},       {1, 2, false, FSM_OK, 4},
        {2, 1, false, FSM_OK, 2},      {2, 2, true, FSM_UNKNOWN, -1},
        {9, 1, true, FSM_UNKNOWN, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int next = -1;
        assert_int_equal(fsm_step(&machine, cases[i].from, cases[i].event, &cases[i].fact, &next),
                         cases[i].result);
        assert_int_equal(next, cases[i].next);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(result_and_next_state_follow_the_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
