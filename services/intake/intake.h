/* The intake service (受付): parties, pre-applications and assessments, registrations and uses.
 *
 * Writes the records PARTY, CASE, LISTING, USE and USERS; reads JUDGMENT (eligibility) and HOLD
 * (monitor). Rules live in core/ and lib/domain; the files beside this one load records, ask the
 * core, and put down what it says. Changing rows emit the events of
 * proto/ismap/liu/v1/{party,case,listing}.proto.
 */
#ifndef LIU_INTAKE_INTAKE_H
#define LIU_INTAKE_INTAKE_H

#include "flow/service.h"

extern const struct service intake_service;

#endif
