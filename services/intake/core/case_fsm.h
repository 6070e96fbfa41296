/* The states of a case (事前申請の案件). The table is the only place where a case changes state.
 *
 * R12: a pre-application is the form and at least one complete assessment; R13: without it the case
 * waits and no review clock starts; the clock starts on acceptance (受理). An accepted case goes on
 * taking assessments until its judgment is decided: an unlisted business needs its second ministry.
 *
 * The numbers of the states are those of CaseState in case.proto.
 */
#ifndef LIU_INTAKE_CORE_CASE_FSM_H
#define LIU_INTAKE_CORE_CASE_FSM_H

#include <stdbool.h>
#include <stdint.h>

#include "domain/fsm.h"

enum case_state {
    CASE_NONE = 0,      /* no record yet */
    CASE_SUBMITTED = 1, /* 受付: waits for its first assessment */
    CASE_ACCEPTED = 2,  /* 受理 */
    CASE_WITHDRAWN = 3, /* 取下げ */
    CASE_STATES
};

enum case_event {
    CASE_SUBMIT = 1,   /* the provider's form arrives */
    CASE_ASSESS = 2,   /* a ministry's assessment arrives */
    CASE_WITHDRAW = 3, /* the provider gives up, R49 */
    CASE_EVENTS
};

struct case_facts {
    uint32_t complete_assessments; /* after the event */
    bool judgment_decided;
};

/* FSM_GUARDED only for CASE_ASSESS after the judgment has been decided. */
enum fsm_result case_step(enum case_state s, enum case_event e, const struct case_facts *facts,
                          enum case_state *next);

#endif
