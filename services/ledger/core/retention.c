/* See retention.h. */
#include "services/ledger/core/retention.h"

#include <inttypes.h>
#include <string.h>

static const struct retention_rule rules[RETENTION_CLASSES] = {
    [RETENTION_JOURNAL] =
        {.name = "journal",
         .setting = "retain_journal_days",
         .least_days = 1600,
         .reason_en = "an audit is shown of three years (1098 days), and the registration that "
                      "rests on it is valid for up to 16 months behind them (488 days)",
         .reason_ja = "監査は3年分(1098日)を示し、それに基づく登録の有効期間はその後"
                      "最長16か月(488日)です"},
    [RETENTION_NOISE] =
        {.name = "noise",
         .setting = "retain_noise_days",
         .least_days = 500,
         .reason_en = "a registration is valid for up to 16 months (488 days), and what was "
                      "reported meanwhile may be asked for; Redis keeps noise for a year at most",
         .reason_ja = "登録の有効期間は最長16か月(488日)で、その間の通報が求められることがあり"
                      "ます。Redis での保持は最長1年です"},
};

const struct retention_rule *retention_rule_of(enum retention_class c)
{
    return &rules[c];
}

enum retention_class retention_named(const char *name)
{
    int c = 0;
    while (c < RETENTION_CLASSES && strcmp(rules[c].name, name) != 0)
        c++;
    return (enum retention_class)c;
}

enum err retention_check(enum retention_class c, int64_t days, struct err_text *why)
{
    const struct retention_rule *r = &rules[c];
    if (days == 0)
        return ERR_OK;
    if (days >= r->least_days && days <= RETENTION_DAYS_MAX)
        return ERR_OK;
    return err_say(why, ERR_CONFIG,
                   "%s: %" PRId64 " days: must be 0 (for ever) or %" PRId64 " to %d: %s",
                   r->setting, days, r->least_days, RETENTION_DAYS_MAX, r->reason_en);
}

bool retention_over(int64_t ended_ms, int64_t days, int64_t now_ms)
{
    if (days <= 0 || ended_ms < 0 || now_ms <= ended_ms)
        return false;
    return now_ms - ended_ms > days * RETENTION_DAY_MS;
}

size_t retention_due(const uint64_t *ended_ms, size_t n, int64_t days, int64_t now_ms, size_t most)
{
    size_t due = 0;
    while (due + 1 < n && due < most && ended_ms[due] <= INT64_MAX &&
           retention_over((int64_t)ended_ms[due], days, now_ms))
        due++;
    return due;
}

static bool is_seen(const struct retention_seen *s, int64_t day)
{
    return (s->days[day / 8] >> (day % 8) & 1) != 0;
}

void retention_see(struct retention_seen *s, int64_t at_ms)
{
    int64_t day = at_ms / RETENTION_DAY_MS;
    if (at_ms >= 0 && day < RETENTION_SEEN_DAYS)
        s->days[day / 8] = (uint8_t)(s->days[day / 8] | 1u << (day % 8));
}

/* Back from now; `from` is the last day that counts for itself, `passed` what was counted to it. */
int64_t retention_believed(const struct retention_seen *s, int64_t now_ms, int64_t days)
{
    const int64_t most = RETENTION_JUMP_MS / RETENTION_DAY_MS;
    int64_t from = now_ms / RETENTION_DAY_MS;
    int64_t passed = 0;
    if (now_ms < 0 || from >= RETENTION_SEEN_DAYS || days <= 0)
        return 0;
    for (int64_t day = from - 1; day >= 0; day--) {
        int64_t gap = from - day < most ? from - day : most;
        if (passed + gap > days) /* whatever was the time of day */
            return (day + 1 + days) * RETENTION_DAY_MS;
        if (!is_seen(s, day))
            continue;
        passed += gap;
        from = day;
    }
    return 0;
}
