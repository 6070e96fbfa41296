/* The kinds of records: one Redis hash each, field = id, value = 8-byte big-endian revision +
 * packed protobuf. Numbers are part of the journal's format and are never reused.
 *
 * Each kind has exactly one service that writes it (`writer`), checked when a commit is built. Two
 * kinds have two: keys (of parties and of feeds, kept apart by guards) and what is in force
 * (rulebook and targets by eligibility, the catalogue by audit: different ids).
 */
#ifndef LIU_STORE_RECORDS_H
#define LIU_STORE_RECORDS_H

#include <stdbool.h>
#include <protobuf-c/protobuf-c.h>

#include "base/err.h"

enum record_kind {
    RECORD_NONE = 0,
    RECORD_PARTY = 1,
    RECORD_FEED = 2,
    RECORD_CASE = 3,
    RECORD_JUDGMENT = 4,
    RECORD_TARGETS = 5,   /* immutable; id = version in decimal */
    RECORD_RULEBOOK = 6,  /* immutable; id = SHA-256 in hexadecimal */
    RECORD_CATALOGUE = 7, /* immutable; id = version */
    RECORD_ACTIVE = 8,    /* ids: rulebook, targets, catalogue */
    RECORD_PLAN = 9,
    RECORD_LISTING = 10,
    RECORD_HOLD = 11,
    RECORD_USE = 12,
    RECORD_USERS = 13, /* ServiceUsers by listing number */
    RECORD_INCIDENT = 14,
    RECORD_BRAKE = 15,
    RECORD_LANE = 16,        /* id = feed/urgent or feed/bulk */
    RECORD_CURSOR = 17,      /* id = consumer */
    RECORD_QUARANTINED = 18, /* id = consumer/seq */
    RECORD_AUDIT_REPORT = 19,
    RECORD_STANDING = 20,      /* AuditStanding by case */
    RECORD_UPKEEP = 21,        /* ids: usage (ledger), backup, drill (liuctl) */
    RECORD_KEY = 22,           /* KeyHolder by record_key_id */
    RECORD_PLAN_REVISION = 23, /* id = case/revision */
    RECORD_PLAN_KEPT = 24,     /* id = case/revision */
    RECORD_REPLAN_RUN = 25,    /* id = run */
    RECORD_AUDIT_SCOPE = 26,   /* AuditScope by case */
    RECORD_CHANGE_NOTICE = 27,
    RECORD_AUDIT_BASE = 28, /* AuditBase by listing number */
    RECORD_RECEIPT =
        29, /* stands for receipts, which are no records: id = party:id of the message */
    RECORD_KINDS
};

struct record_type {
    enum record_kind kind;
    const char *name; /* also the suffix of its key */
    const ProtobufCMessageDescriptor *descriptor;
    const char *writer; /* service, or several with commas; "*" = each its own ids */
    bool immutable;     /* needs no guard, may be cached for ever */
};

/* NULL for an unknown kind. */
const struct record_type *record_type_of(enum record_kind kind);

bool record_written_by(const struct record_type *t, const char *service);

/* The kind of this name, RECORD_NONE when there is none. */
enum record_kind record_named(const char *name, size_t bytes);

/* May records of this kind (or receipts) leave Redis for the ledger's files (cold.h)? None that an
 * alert needs, that a service keeps in memory, or that a consumer looks through. */
bool record_freezes(enum record_kind kind);

/* The id of a CURVE key's record. ERR_CRYPTO. */
#define RECORD_KEY_ID_BYTES 33
enum err record_key_id(const char *curve_z85, char out[RECORD_KEY_ID_BYTES]) LIU_MUST_USE;

/* Do changes of this kind go through the journal? Places of consumers and lanes and what is known
 * for upkeep do not, so a rebuild leaves them out. */
bool record_journaled(enum record_kind kind);

#endif
