/* The audit service (監査): one three-year plan for each case whose verdict is ELIGIBLE
 * (該当性あり).
 *
 * Consumes VerdictChanged, writes RECORD_PLAN (id = case), emits PlanMade to the provider, answers
 * GetPlan: operators and audit bodies see every plan, a provider its own; any other plan does not
 * exist for it. While no catalogue or rulebook is in force, or they do not fit each other, a timer
 * tries again every AUDIT_RETRY_MS: the event is not held up, and nothing is forgotten.
 *
 * A plan over 261 controls takes well under a millisecond, so it is made on the loop. A catalogue
 * of thousands, or a history to read from many records, would have to go to a worker.
 */
#ifndef LIU_AUDIT_AUDIT_H
#define LIU_AUDIT_AUDIT_H

#include "flow/service.h"

#define AUDIT_RETRY_MS (60LL * 1000)

extern const struct service audit_service;

#endif
