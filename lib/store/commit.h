/* One commit: what the server-side Function checks, and what it writes when every check holds.
 *
 * All memory a commit points to is borrowed until its callback has run (it lives in the arena of
 * the work it belongs to). See deploy/redis/liu.lua for the Function's two phases.
 */
#ifndef LIU_STORE_COMMIT_H
#define LIU_STORE_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "store/records.h"

/* A record that was read: it must still have this revision (0 = must not exist). */
struct commit_guard {
    enum record_kind kind;
    const char *id;
    uint64_t revision;
};

/* A record to write. It must have `expected` now (0 = must not exist) and gets expected + 1. */
struct commit_put {
    enum record_kind kind;
    const char *id;
    uint64_t expected;
    const uint8_t *value; /* packed message, without the revision */
    size_t value_bytes;
};

/* One journal entry. Indexed for each party of the audience ("public" for all). */
struct commit_entry {
    const uint8_t *data; /* packed JournalEntry */
    size_t bytes;
    const char
        *type; /* short type name kept in the index for filtering, e.g. "SuspensionImposed" */
    const char *const *audience;
    size_t n_audience;
};

/* Timers: member = kind|record, score = due. `expected_due_ms` -1 = not checked. */
struct commit_timer {
    const char *owner; /* service */
    const char *member;
    int64_t due_ms; /* < 0 = delete */
    int64_t expected_due_ms;
};

/* Bytes appended to a feed's stream of noise. */
struct commit_noise {
    const char *feed;
    const uint8_t *data;
    size_t bytes;
};

struct commit {
    /* receipt of a party's message; party NULL = none (events, timers, alerts) */
    const char *receipt_party;
    const char *receipt_id;
    int64_t
        receipt_until_ms; /* by Redis' clock, LATE behind it; the receipt lives on. 0 = no end */
    uint8_t request_hash[32];
    const uint8_t *reply; /* packed reply payload, kept with the receipt */
    size_t reply_bytes;
    const char *reply_type;
    int64_t now_ms;
    uint64_t receipt_seq; /* a restore's only: the place that the receipt names; else 0 */

    const struct commit_guard *guards;
    size_t n_guards;
    const struct commit_put *puts;
    size_t n_puts;
    const uint64_t *revisions; /* a restore's only: what each put gets instead; else NULL */
    const struct commit_entry *entries;
    size_t n_entries;
    const struct commit_timer *timers;
    size_t n_timers;
    const struct commit_noise *noise; /* NULL = none */
};

enum commit_status {
    COMMIT_OK,          /* durable */
    COMMIT_CONFLICT,    /* a guard or expected revision no longer holds: decide again */
    COMMIT_DUPLICATE,   /* the same request was committed before: its reply is in the result */
    COMMIT_MISMATCH,    /* the id was used for other bytes */
    COMMIT_REFUSED,     /* a limit of the store (receipts of a party, sizes); text says which */
    COMMIT_UNKNOWN,     /* connection lost or time-out: send the same commit again first */
    COMMIT_UNAVAILABLE, /* never sent, or refused by Redis before anything was written */
    COMMIT_BROKEN,      /* the store failed its own checks (journal and sequence differ ...) */
    COMMIT_LATE,        /* behind receipt_until_ms: an earlier copy's receipt may have expired */
    COMMIT_COLD, /* an earlier copy's receipt may be in the ledger's table: store_receipt tells */
};

struct commit_result {
    enum commit_status status;
    uint64_t seq; /* of the first entry; 0 = none was written */
    int64_t at_ms;
    const uint8_t *reply; /* DUPLICATE: stored reply; borrowed for the callback's duration */
    size_t reply_bytes;
    const char *reply_type; /* DUPLICATE */
    const char *text;       /* REFUSED, BROKEN, UNAVAILABLE, LATE: why; never NULL */
};

typedef void commit_fn(void *arg, const struct commit_result *result);

#endif
