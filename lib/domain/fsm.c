/* Looks a transition up; see fsm.h. */
#include "domain/fsm.h"

enum fsm_result fsm_step(const struct fsm *m, int state, int event, const void *facts, int *next)
{
    enum fsm_result result = FSM_UNKNOWN;
    for (size_t i = 0; i < m->n_rows; i++) {
        const struct fsm_row *row = &m->rows[i];
        if (row->state != state || row->event != event)
            continue;
        if (row->guard == NULL || row->guard(facts)) {
            *next = row->next;
            return FSM_OK;
        }
        result = FSM_GUARDED;
    }
    return result;
}
