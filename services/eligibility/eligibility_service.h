/* The tables of the eligibility service: messages, events and timers. */
#ifndef LIU_ELIGIBILITY_SERVICE_H
#define LIU_ELIGIBILITY_SERVICE_H

#include "flow/service.h"

extern const struct service eligibility_service;

#endif
