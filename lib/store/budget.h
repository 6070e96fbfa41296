/* What the memory of Redis is for: each family of keys has a part of maxmemory, and what is refused
 * when it is used up. Pure.
 *
 * Two rules stand side by side, and the stricter one holds. Of the whole: at 70 % of maxmemory
 * noise is refused, at 85 % new cases too, at 95 % whatever changes something and is not urgent,
 * and consumers only trickle, at 97.5 % not even that; the rest is for suspensions. Of a family:
 * one over its budget refuses what makes it grow (noise, or new cases) and nothing else, long
 * before the whole is short. The budgets together leave the last 15 % free.
 */
#ifndef LIU_STORE_BUDGET_H
#define LIU_STORE_BUDGET_H

#include <stdbool.h>

#include "store/store.h"

enum family {
    FAMILY_RECORDS,  /* r:* */
    FAMILY_RECEIPTS, /* rcpt:*, rcnt:* and whatever else is small: they expire by themselves */
    FAMILY_JOURNAL,  /* journal: the ledger trims it */
    FAMILY_INDEX,    /* aud:*: trimmed with the journal */
    FAMILY_NOISE,    /* noise:*: the ledger trims it */
    FAMILY_TIMERS,   /* timers:* */
    N_FAMILIES
};

struct family_row {
    const char *name;
    unsigned percent;         /* of maxmemory, unless configured */
    enum store_pressure full; /* what is refused when the budget is used up */
};

#define BUDGET_PERCENT_MAX 85 /* of all families together */

const struct family_row *budget_family(enum family f);

/* The family of this name, N_FAMILIES when there is none. */
enum family budget_find(const char *name);

/* NONE while bytes <= budget, or with a budget of 0 (maxmemory 0: nothing is bounded). */
enum store_pressure budget_pressure(enum family f, uint64_t bytes, uint64_t budget_bytes);

/* May new cases be taken while consumers are so many journal entries behind? What they write for an
 * entry (records, further entries that stay until they are passed, too) is reckoned with
 * BACKLOG_ENTRY_BYTES, and must fit between 85 and 95 %: else working off a backlog would fill the
 * memory, and with it stand still. */
#define BACKLOG_ENTRY_BYTES 4096
bool budget_backlog_fits(uint64_t entries, uint64_t max_bytes);

/* By the whole: the 70 / 85 / 95 % rule. max_bytes 0 = unlimited. */
enum store_pressure budget_whole(uint64_t used_bytes, uint64_t max_bytes);

#endif
