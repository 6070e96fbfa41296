/* Civil dates, YYYY-MM-DD, in the zone of the scheme (Asia/Tokyo: UTC+9, no summer time).
 *
 * Pure: used by the cores. A date is a count of days since 1970-01-01.
 */
#ifndef LIU_BASE_DATE_H
#define LIU_BASE_DATE_H

#include <stdint.h>

#include "base/err.h"

#define DATE_TEXT_BYTES 11 /* YYYY-MM-DD and NUL */

/* ERR_INVAL unless exactly YYYY-MM-DD and a real day of years 1900 to 2999. */
enum err date_parse(const char *s, int32_t *days) LIU_MUST_USE;
void date_format(int32_t days, char out[DATE_TEXT_BYTES]);

/* Same day n months later (n may be negative); the last day of the month where that day does not
 * exist. Used by R43. */
int32_t date_add_months(int32_t days, int32_t months);

/* The day in Tokyo at this moment, and the moment that day begins there. */
int32_t date_of_ms(int64_t ms);
int64_t date_start_ms(int32_t days);

#endif
