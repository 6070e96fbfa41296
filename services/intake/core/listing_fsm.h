/* The states of a listing (登録), intake's half of a registration; the other half is monitor's
 * hold. The table is the only place where a listing changes state; the states are those of
 * domain/effective.h.
 *
 * R44: a renewal filed on or before the last valid day keeps the registration valid until the
 * committee decides; filed one day late there is nothing to renew. R46: registered only by a
 * committee's decision. A rejected or withdrawn application may be followed by another one under
 * the same number.
 */
#ifndef LIU_INTAKE_CORE_LISTING_FSM_H
#define LIU_INTAKE_CORE_LISTING_FSM_H

#include <stdint.h>

#include "domain/effective.h"
#include "domain/fsm.h"

#define LISTING_STATES 8 /* NONE to WITHDRAWN */

enum listing_event {
    LISTING_APPLY = 1,    /* main application (本申請) */
    LISTING_REGISTER = 2, /* the committee registers or renews */
    LISTING_REJECT = 3,   /* the committee rejects */
    LISTING_WITHDRAW = 4, /* the provider withdraws the application, R49 */
    LISTING_RENEW = 5,    /* renewal filed (更新申請) */
    LISTING_EXPIRE = 6,   /* the last valid day is over */
    LISTING_CANCEL = 7,   /* 取消し, after a failed re-audit or at the provider's wish */
    LISTING_EVENTS
};

struct listing_facts {
    int32_t valid_until; /* EFFECTIVE_NO_DAY before the first registration */
    int32_t today;
};

enum fsm_result listing_step(enum listing_state s, enum listing_event e,
                             const struct listing_facts *facts, enum listing_state *next);

#endif
