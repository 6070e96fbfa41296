/* How long the archive keeps what, by class of record.
 *
 * No official source says how long these records must be kept, so everything is kept for ever
 * unless the operator states a period, and no setting can state one below the class's least value.
 * Least values are this project's own, each for the reason in retention.c; they can only be raised.
 *
 * noise, 500 days: a registration is valid for up to 16 months (R43: 488 days).
 * journal, 1600 days: what an audit shows is shown of three consecutive years (R68: 1098 days at
 * the most), the registration that rests on it is valid for up to 16 months behind them (488), and
 * until its end the entries that led to it may be asked for. Both have 12 days to spare for a clock
 * that was set while the ledger ran (RETENTION_JUMP_MS).
 */
#ifndef LIU_LEDGER_CORE_RETENTION_H
#define LIU_LEDGER_CORE_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define RETENTION_DAYS_MAX 36500
#define RETENTION_DAY_MS 86400000
#define RETENTION_JUMP_MS (12 * (int64_t)RETENTION_DAY_MS) /* what least values have to spare */

enum retention_class {
    RETENTION_JOURNAL, /* its entries; what they led to stays in snapshots (decision 0026) */
    RETENTION_NOISE,   /* alerts below an incident, by feed */
    RETENTION_CLASSES
};

struct retention_rule {
    const char *name;
    const char *setting; /* of the ledger, in days */
    int64_t least_days;
    const char *reason_en;
    const char *reason_ja;
};
const struct retention_rule *retention_rule_of(enum retention_class c);

/* RETENTION_CLASSES when there is none of this name. */
enum retention_class retention_named(const char *name);

/* May this period be stated? 0 = for ever, always. ERR_CONFIG names setting, value and least. */
enum err retention_check(enum retention_class c, int64_t days, struct err_text *why) LIU_MUST_USE;

/* Is the period of what ended at this time over? Never for 0 days. */
bool retention_over(int64_t ended_ms, int64_t days, int64_t now_ms);

/* How many of the oldest files may go, where each ended at ended_ms[i], ascending: those whose
 * period is over up to the first whose is not, never the newest one, at most `most`. */
size_t retention_due(const uint64_t *ended_ms, size_t n, int64_t days, int64_t now_ms, size_t most);

/* Days on which something was written that is in the archive, by its own time. Embedded. */
#define RETENTION_SEEN_DAYS 80000 /* since 1970 */
struct retention_seen {
    uint8_t days[RETENTION_SEEN_DAYS / 8];
};
void retention_see(struct retention_seen *s, int64_t at_ms); /* other times are passed over */

/* The time that may be taken for now when periods of so many days are judged, by clocks that say
 * now_ms: so early that what is over by it was written before `days` days that the archive shows to
 * have passed. Each time without a day seen counts as passed up to RETENTION_JUMP_MS, whatever
 * clocks say: a clock that starts years ahead makes nothing older than that. Whole days are
 * counted, so it is up to a day late. 0: the archive does not show so many days; nothing is over.
 */
int64_t retention_believed(const struct retention_seen *s, int64_t now_ms, int64_t days);

#endif
