/* Table-driven validation: all faults of a message at once, each with field path, rule and text in
 * Japanese and English.
 *
 * What comes from outside goes through wire_scan (raw bytes), wire_unpack, wire_validate, in this
 * order and with one struct faults: protobuf-c loses the length of strings, so a NUL inside one
 * shows only in the bytes.
 *
 * A table row names a field of one message type by its path below that message; sub-messages have
 * tables of their own. Checked for every message without a row being needed: strings are UTF-8
 * without NUL, enums have a known value, no unknown fields (P-UNKNOWN-FIELD), no string above 4096
 * bytes, no list above 256 items (unless a row allows more or less).
 *
 * An optional field is checked only when it is set: empty text and 0 mean "not stated". Items of a
 * list of strings that has a row are never empty, and each has the row's format. Rules of the
 * protocol cited without a row: P-UTF8, P-NUL, P-ENUM, P-UNKNOWN-FIELD, P-DUPLICATE-FIELD,
 * P-LENGTH, P-ITEMS. Field paths are those of the JSON form: assessment.items[0].reason.
 */
#ifndef LIU_WIRE_VALIDATE_H
#define LIU_WIRE_VALIDATE_H

#include <stdbool.h>
#include <stdint.h>
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"

#define CHECK_REQUIRED 1u  /* non-empty string or bytes, not 0, set message, >= 1 item */
#define CHECK_DATE 2u      /* YYYY-MM-DD */
#define CHECK_ID 4u        /* [a-z0-9][a-z0-9-]{1,31} */
#define CHECK_TOKEN 8u     /* [A-Za-z0-9._/-]+ */
#define CHECK_ENUM_SET 16u /* an enum that must not be UNSPECIFIED when the message is there */
#define CHECK_TIME 32u     /* int64 ms, 2000-01-01 .. 2999-12-31 */
#define CHECK_CIDR 64u /* IPv4 or IPv6 network with prefix length, no bit set behind the prefix */
#define CHECK_DOMAIN 128u     /* host name of two labels or more, lower case, no dot at the end */
#define CHECK_MESSAGE_ID 256u /* [A-Za-z0-9._-]+ */
#define CHECK_Z85 512u        /* a CURVE key: 40 characters of Z85 */

struct check {
    const char *field; /* name of a direct field */
    unsigned flags;
    int64_t min;      /* least value of a number, length in bytes of a string, count of a list */
    int64_t max;      /* 0 = the default above; numbers: none */
    const char *rule; /* rule id cited, e.g. "R14"; NULL = "P-FIELD" */
    const char *ja;   /* NULL = a general text */
    const char *en;
    uint32_t item_bytes_max; /* lists of strings: longest item; 0 = default */
};

/* One row for each message type that has checks; lib/wire/checks.c holds the table of all. */
struct check_table {
    const ProtobufCMessageDescriptor *type;
    const struct check *checks;
    size_t n;
};

struct fault {
    const char *field;
    const char *rule;
    const char *ja;
    const char *en;
    uint64_t number; /* that the text names, for programs; 0 = none */
};

struct faults {
    struct fault *items; /* in the arena */
    size_t n;
    size_t cap;
    bool more; /* beyond LIMIT_VIOLATIONS */
};

/* Adds a fault; texts are copied into the arena; `field` may be formatted with arena_printf before.
 * The same field and rule twice count once. Without memory the fault is kept as one without a
 * field: n is never 0 after a fault. */
void faults_add(struct faults *f, struct arena *a, const char *field, const char *rule,
                const char *ja, const char *en);
/* The number that the last fault names. */
void faults_number(struct faults *f, uint64_t number);

/* Walks the bytes of a message before it is unpacked, without memory but for faults: text with a
 * NUL inside or that is not UTF-8, fields unknown to the descriptor, a single field that comes
 * twice (readers would not agree which one counts). ERR_OK although there are faults; ERR_PROTO
 * malformed, ERR_LIMIT deeper than LIMIT_NESTING. */
enum err wire_scan(const ProtobufCMessageDescriptor *d, const uint8_t *data, size_t bytes,
                   struct arena *a, struct faults *out) LIU_MUST_USE;

/* Checks a message and all below it. Found faults are appended. Also finds unknown fields and bad
 * text by itself, for messages that did not come over the wire. The table of all checks is in
 * lib/wire/checks.c. */
void wire_validate(struct arena *a, const ProtobufCMessage *m, struct faults *out);

#endif
