/* The check tables of the requests, one file a topic. Internal to lib/wire. */
#ifndef LIU_WIRE_CHECKS_H
#define LIU_WIRE_CHECKS_H

#include "wire/validate.h"

struct check_topic {
    const struct check_table *tables;
    size_t n;
};

extern const struct check_topic checks_frame;
extern const struct check_topic checks_party;
extern const struct check_topic checks_case;
extern const struct check_topic checks_judgment;
extern const struct check_topic checks_listing;
extern const struct check_topic checks_alert;
extern const struct check_topic checks_audit;
extern const struct check_topic checks_scope;

/* Rows of a message type by index of the field, NULL where there is none; NULL for a type without
 * rows. Built once, at the first call; safe from any thread. */
const struct check *const *checks_of(const ProtobufCMessageDescriptor *d);

/* All tables, for tests. NULL beyond the last. */
const struct check_table *checks_table_at(size_t i);

#define CHECKS_COUNT(a) (sizeof(a) / sizeof(a)[0])
#define CHECKS_TABLE(message, rows)                                                                \
    {                                                                                              \
        .type = &ismap__liu__v1__##message##__descriptor, .checks = rows, .n = CHECKS_COUNT(rows)  \
    }

/* Lengths in bytes; a Japanese character takes three. */
#define NAME_BYTES 256
#define LINE_BYTES 1024
#define TEXT_BYTES 4096
#define KEY_ID_BYTES 64
#define RECORD_ID_BYTES 64

/* Rows that several topics share. */
#define CASE_ID_ROW                                                                                \
    {                                                                                              \
        .field = "case_id", .flags = CHECK_REQUIRED | CHECK_TOKEN, .max = RECORD_ID_BYTES,         \
        .ja = "案件番号を指定してください。", .en = "Give the id of the case."                     \
    }
#define REASON_ROW(name)                                                                           \
    {                                                                                              \
        .field = name, .flags = CHECK_REQUIRED, .max = TEXT_BYTES,                                 \
        .ja = "理由を記入してください。", .en = "Give the reason."                                 \
    }
#define NUMBER_ROW                                                                                 \
    {                                                                                              \
        .field = "number", .flags = CHECK_REQUIRED | CHECK_TOKEN, .max = RECORD_ID_BYTES,          \
        .ja = "登録番号を指定してください。", .en = "Give the registration number."                \
    }
#define PAGE_ROWS                                                                                  \
    {.field = "page",                                                                              \
     .max = 256,                                                                                   \
     .ja = "前回の応答の nextPage を指定するか、空にしてください。",                               \
     .en = "Give nextPage of the last answer, or leave it empty."},                                \
    {                                                                                              \
        .field = "max", .max = 256, .ja = "一度に取得できるのは256件までです。0 は既定値です。",   \
        .en = "One call lists at most 256; 0 = the default."                                       \
    }

#endif
