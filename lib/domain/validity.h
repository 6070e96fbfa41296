/* Dates of a registration: until when it is valid (R43) and which audit periods count (R41).
 *
 * Pure. Days are counts since 1970-01-01 (base/date.h). A period of n months that starts on day D
 * ends on the day before the corresponding day n months later; where that month has no such day, on
 * the last day of that month (Civil Code of Japan, article 143). The scheme's text does not say how
 * days are counted, so the general law of periods is used; for periods that start on the first of a
 * month all readings agree.
 */
#ifndef LIU_DOMAIN_VALIDITY_H
#define LIU_DOMAIN_VALIDITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define VALIDITY_MONTHS_MAX 120u

/* Audit period (監査対象期間), rule text: CC2022 2.2.5. */
#define AUDIT_PERIOD_MONTHS_MAX 12
#define AUDIT_PERIOD_MONTHS_MIN 3

/* Last day of a period of n months that starts on this day. */
int32_t validity_period_last_day(int32_t first_day, int32_t months);

/* R43: the last valid day, counted from the day after the audit period's last day. With `inclusive`
 * (rulebook: expiry_inclusive) the last day of that period; without it one day more. Example:
 * period end 2024-03-31, 16 months, inclusive: 2025-07-31. ERR_INVAL for 0 months or more than
 * VALIDITY_MONTHS_MAX. */
enum err validity_valid_until(int32_t period_end, uint32_t months, bool inclusive,
                              int32_t *valid_until) LIU_MUST_USE;

enum period_fault {
    PERIOD_OK = 0,
    PERIOD_REVERSED,  /* ends before it starts */
    PERIOD_TOO_LONG,  /* more than 12 months */
    PERIOD_TOO_SHORT, /* less than 3 months */
    PERIOD_GAP,       /* a renewal does not start on the day after the previous period's end */
};

/* R41. `previous_end` NULL: a first application. */
enum period_fault validity_audit_period(int32_t start, int32_t end, const int32_t *previous_end);

#endif
