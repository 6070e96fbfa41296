/* See check_moves.h: every event is tried with all facts its guards can look at. */
#include "replay/check_moves.h"

#include "ismap/liu/v1/alert.pb-c.h"
#include "ismap/liu/v1/case.pb-c.h"
#include "ismap/liu/v1/judgment.pb-c.h"
#include "ismap/liu/v1/listing.pb-c.h"
#include "services/eligibility/core/judgment_fsm.h"
#include "services/intake/core/case_fsm.h"
#include "services/intake/core/listing_fsm.h"
#include "services/monitor/core/hold_fsm.h"
#include "services/monitor/core/incident_fsm.h"

#define INCIDENT_STEPS 3 /* in one push of alerts */

int check_state_of(enum record_kind kind, const ProtobufCMessage *m)
{
    if (m == NULL)
        return 0;
    switch ((int)kind) {
    case RECORD_CASE:
        return (int)((const Ismap__Liu__V1__Case *)(const void *)m)->state;
    case RECORD_JUDGMENT: {
        const Ismap__Liu__V1__Judgment *j = (const void *)m;
        return j->verdict == NULL ? 0 : (int)j->verdict->state;
    }
    case RECORD_LISTING:
        return (int)((const Ismap__Liu__V1__Listing *)(const void *)m)->state;
    case RECORD_HOLD:
        return (int)((const Ismap__Liu__V1__Hold *)(const void *)m)->state;
    case RECORD_INCIDENT:
        return (int)((const Ismap__Liu__V1__Incident *)(const void *)m)->state;
    default:
        return 0;
    }
}

static bool case_moves(int from, int to)
{
    for (int e = CASE_SUBMIT; e < CASE_EVENTS; e++)
        for (uint32_t facts = 0; facts < 4; facts++) {
            const struct case_facts f = {facts & 1, (facts & 2) != 0};
            enum case_state next;
            if (case_step((enum case_state)from, (enum case_event)e, &f, &next) == FSM_OK &&
                (int)next == to)
                return true;
        }
    return false;
}

static bool judgment_moves(int from, int to)
{
    for (int e = 0; e < JUDGMENT_EVENTS; e++) {
        const struct judgment_facts f = {(enum elig_state)to, true};
        enum elig_state next;
        if (judgment_step((enum elig_state)from, (enum judgment_event)e, &f, &next) == FSM_OK &&
            (int)next == to)
            return true;
    }
    return false;
}

static bool listing_moves(int from, int to)
{
    for (int e = LISTING_APPLY; e < LISTING_EVENTS; e++)
        for (int today = 0; today < 3; today += 2) {
            const struct listing_facts f = {1, today};
            enum listing_state next;
            if (listing_step((enum listing_state)from, (enum listing_event)e, &f, &next) ==
                    FSM_OK &&
                (int)next == to)
                return true;
        }
    return false;
}

static bool hold_moves(int from, int to)
{
    for (int e = 0; e < HOLD_EVENTS; e++) {
        enum hold_state next;
        if (hold_step((enum hold_state)from, (enum hold_event)e, &next) == FSM_OK &&
            (int)next == to)
            return true;
    }
    return false;
}

static bool incident_moves(int from, int to)
{
    bool reached[INCIDENT_STATES] = {false};
    if (from < 0 || from >= INCIDENT_STATES || to < 0 || to >= INCIDENT_STATES)
        return false;
    reached[from] = true;
    for (int step = 0; step < INCIDENT_STEPS; step++)
        for (int s = 0; s < INCIDENT_STATES; s++)
            for (int e = 0; reached[s] && e < INCIDENT_EVENTS; e++)
                for (unsigned facts = 0; facts < 4; facts++) {
                    const struct incident_facts f = {(facts & 1) != 0, (facts & 2) != 0};
                    enum incident_state next;
                    if (incident_step((enum incident_state)s, (enum incident_event)e, &f, &next) ==
                        FSM_OK)
                        reached[next] = true;
                }
    return reached[to];
}

bool check_move(enum record_kind kind, int from, int to)
{
    switch ((int)kind) {
    case RECORD_CASE:
        return case_moves(from, to);
    case RECORD_JUDGMENT:
        return judgment_moves(from, to);
    case RECORD_LISTING:
        return listing_moves(from, to);
    case RECORD_HOLD:
        return hold_moves(from, to);
    case RECORD_INCIDENT:
        return from == to || incident_moves(from, to);
    default:
        return true;
    }
}
