/* Table-driven validation: all faults of a message at once, each with field path, rule and text in
 * Japanese and English.
 *
 * A table row names a field of one message type by its path below that message; sub-messages have
 * tables of their own. Checked for every message without a row being needed: strings are UTF-8 without
 * NUL, enums have a known value, no unknown fields (P-UNKNOWN-FIELD), no string above 4096 bytes, no
 * list above 256 items (unless a row allows more or less).
 */
#ifndef LIU_WIRE_VALIDATE_H
#define LIU_WIRE_VALIDATE_H

#include <stdbool.h>
#include <stdint.h>
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"

#define CHECK_REQUIRED 1u  /* present: non-empty string or bytes, non-zero number or enum, set message, >= 1 item */
#define CHECK_DATE 2u      /* YYYY-MM-DD */
#define CHECK_ID 4u        /* [a-z0-9][a-z0-9-]{1,31} */
#define CHECK_TOKEN 8u     /* [A-Za-z0-9._/-]+ */
#define CHECK_ENUM_SET 16u /* an enum that must not be UNSPECIFIED when the message is there */
#define CHECK_TIME 32u     /* int64 ms, 2000-01-01 .. 2999-12-31 */
#define CHECK_CIDR 64u
#define CHECK_DOMAIN 128u

struct check {
    const char *field;      /* name of a direct field */
    unsigned flags;
    int64_t min;            /* numbers: least value; strings and bytes: least length; lists: least items */
    int64_t max;            /* 0 = the default above */
    const char *rule;       /* rule id cited, e.g. "R14"; NULL = "P-FIELD" */
    const char *ja;         /* NULL = a general text */
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
};

struct faults {
    struct fault *items; /* in the arena */
    size_t n;
    size_t cap;
    bool more;           /* beyond LIMIT_VIOLATIONS */
};

/* Adds a fault; texts are copied into the arena; `field` may be formatted with arena_printf before. */
void faults_add(struct faults *f, struct arena *a, const char *field, const char *rule, const char *ja, const char *en);

/* Checks a message and all below it. Found faults are appended. */
void wire_validate(struct arena *a, const ProtobufCMessage *m, struct faults *out);

#endif
