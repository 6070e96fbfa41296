/* Proleptic Gregorian calendar by day counts. */
#include "base/date.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TOKYO_OFFSET_MS (9 * 3600 * 1000LL)
#define DAY_MS (24 * 3600 * 1000LL)

/* Days from civil date: counts from 1 March so that the leap day is the last of its year. */
static int32_t days_of(int32_t y, int32_t m, int32_t d)
{
    y -= m <= 2;
    int32_t era = (y >= 0 ? y : y - 399) / 400;
    int32_t yoe = y - era * 400;
    int32_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int32_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void civil_of(int32_t days, int32_t *y, int32_t *m, int32_t *d)
{
    days += 719468;
    int32_t era = (days >= 0 ? days : days - 146096) / 146097;
    int32_t doe = days - era * 146097;
    int32_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int32_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int32_t mp = (5 * doy + 2) / 153;
    *d = doy - (153 * mp + 2) / 5 + 1;
    *m = mp < 10 ? mp + 3 : mp - 9;
    *y = yoe + era * 400 + (*m <= 2);
}

static int32_t month_days(int32_t y, int32_t m)
{
    static const int32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return days[m - 1] + (m == 2 && leap ? 1 : 0);
}

static bool digits(const char *s, size_t n, int32_t *out)
{
    int32_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = v * 10 + (s[i] - '0');
    }
    *out = v;
    return true;
}

enum err date_parse(const char *s, int32_t *days)
{
    int32_t y;
    int32_t m;
    int32_t d;
    if (strlen(s) != 10 || s[4] != '-' || s[7] != '-' || !digits(s, 4, &y) ||
        !digits(s + 5, 2, &m) || !digits(s + 8, 2, &d))
        return ERR_INVAL;
    if (y < 1900 || y > 2999 || m < 1 || m > 12 || d < 1 || d > month_days(y, m))
        return ERR_INVAL;
    *days = days_of(y, m, d);
    return ERR_OK;
}

void date_format(int32_t days, char out[DATE_TEXT_BYTES])
{
    int32_t y;
    int32_t m;
    int32_t d;
    civil_of(days, &y, &m, &d);
    if (y < 0 || y > 9999)
        y = 9999;
    out[0] = (char)('0' + y / 1000);
    out[1] = (char)('0' + y / 100 % 10);
    out[2] = (char)('0' + y / 10 % 10);
    out[3] = (char)('0' + y % 10);
    out[4] = '-';
    out[5] = (char)('0' + m / 10);
    out[6] = (char)('0' + m % 10);
    out[7] = '-';
    out[8] = (char)('0' + d / 10);
    out[9] = (char)('0' + d % 10);
    out[10] = '\0';
}

int32_t date_add_months(int32_t days, int32_t months)
{
    int32_t y;
    int32_t m;
    int32_t d;
    civil_of(days, &y, &m, &d);
    int32_t total = y * 12 + (m - 1) + months;
    y = total / 12;
    m = total % 12 + 1;
    int32_t last = month_days(y, m);
    return days_of(y, m, d < last ? d : last);
}

int32_t date_of_ms(int64_t ms)
{
    int64_t local = ms + TOKYO_OFFSET_MS;
    return (int32_t)((local >= 0 ? local : local - DAY_MS + 1) / DAY_MS);
}

int64_t date_start_ms(int32_t days)
{
    return (int64_t)days * DAY_MS - TOKYO_OFFSET_MS;
}
