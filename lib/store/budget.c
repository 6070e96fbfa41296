#include "store/budget.h"

#include <string.h>

#define NOISE_PERCENT 70
#define CASES_PERCENT 85
#define RESERVE_PERCENT 95
#define FULL_PERCENT 97.5

/* Judged by what a case costs: record and judgment in all years, receipts for three days, journal
 * and index until they are archived. */
static const struct family_row families[N_FAMILIES] = {
    [FAMILY_RECORDS] = {"records", 40, STORE_PRESSURE_CASES},
    [FAMILY_RECEIPTS] = {"receipts", 15, STORE_PRESSURE_CASES},
    [FAMILY_JOURNAL] = {"journal", 14, STORE_PRESSURE_CASES},
    [FAMILY_INDEX] = {"index", 4, STORE_PRESSURE_CASES},
    [FAMILY_NOISE] = {"noise", 10, STORE_PRESSURE_NOISE},
    [FAMILY_TIMERS] = {"timers", 2, STORE_PRESSURE_CASES},
};

const struct family_row *budget_family(enum family f)
{
    return &families[f];
}

enum family budget_find(const char *name)
{
    int f = 0;
    while (f < N_FAMILIES && strcmp(families[f].name, name) != 0)
        f++;
    return (enum family)f;
}

enum store_pressure budget_pressure(enum family f, uint64_t bytes, uint64_t budget_bytes)
{
    if (f >= N_FAMILIES || budget_bytes == 0 || bytes <= budget_bytes)
        return STORE_PRESSURE_NONE;
    return families[f].full;
}

bool budget_backlog_fits(uint64_t entries, uint64_t max_bytes)
{
    uint64_t room = max_bytes / 100 * (RESERVE_PERCENT - CASES_PERCENT);
    return max_bytes == 0 || entries <= room / BACKLOG_ENTRY_BYTES;
}

enum store_pressure budget_whole(uint64_t used_bytes, uint64_t max_bytes)
{
    if (max_bytes == 0)
        return STORE_PRESSURE_NONE;
    double percent = 100.0 * (double)used_bytes / (double)max_bytes;
    if (percent >= FULL_PERCENT)
        return STORE_PRESSURE_FULL;
    if (percent >= RESERVE_PERCENT)
        return STORE_PRESSURE_RESERVE;
    if (percent >= CASES_PERCENT)
        return STORE_PRESSURE_CASES;
    return percent >= NOISE_PERCENT ? STORE_PRESSURE_NOISE : STORE_PRESSURE_NONE;
}
