/* Month arithmetic of R41 and R43; see validity.h for how days are counted. */
#include "domain/validity.h"

#include <stddef.h>

#include "base/date.h"

int32_t validity_period_last_day(int32_t first_day, int32_t months)
{
    int32_t same_day = date_add_months(first_day, months);
    /* coming back to another day means the month was too short and the date was moved to its last
     * day */
    bool moved = date_add_months(same_day, -months) != first_day;
    return moved ? same_day : same_day - 1;
}

enum err validity_valid_until(int32_t period_end, uint32_t months, bool inclusive,
                              int32_t *valid_until)
{
    if (months == 0 || months > VALIDITY_MONTHS_MAX)
        return ERR_INVAL;
    *valid_until = validity_period_last_day(period_end + 1, (int32_t)months) + (inclusive ? 0 : 1);
    return ERR_OK;
}

enum period_fault validity_audit_period(int32_t start, int32_t end, const int32_t *previous_end)
{
    if (end < start)
        return PERIOD_REVERSED;
    if (end > validity_period_last_day(start, AUDIT_PERIOD_MONTHS_MAX))
        return PERIOD_TOO_LONG;
    if (end < validity_period_last_day(start, AUDIT_PERIOD_MONTHS_MIN))
        return PERIOD_TOO_SHORT;
    if (previous_end != NULL && start != *previous_end + 1)
        return PERIOD_GAP;
    return PERIOD_OK;
}
