/* Alerts and operators' decisions on incidents. What an alert is about is only bounded, not checked
 * for its form: an unclear one must reach a person, not be refused. */
#include "wire/checks.h"

#include "base/limits.h"
#include "ismap/liu/v1/alert.pb-c.h"

#define INCIDENT_ID_ROW                                                                            \
    {                                                                                              \
        .field = "incident_id", .flags = CHECK_REQUIRED | CHECK_TOKEN, .max = RECORD_ID_BYTES,     \
        .ja = "インシデント番号を指定してください。", .en = "Give the id of the incident."         \
    }
#define WORDS_ROW(name, rule_id, text_ja, text_en)                                                 \
    {                                                                                              \
        .field = name, .flags = CHECK_REQUIRED, .max = TEXT_BYTES, .rule = rule_id, .ja = text_ja, \
        .en = text_en                                                                              \
    }

static const struct check service_ref[] = {
    {.field = "number", .max = NAME_BYTES},  {.field = "domain", .max = NAME_BYTES},
    {.field = "address", .max = NAME_BYTES}, {.field = "product_id", .max = NAME_BYTES},
    {.field = "alias", .max = NAME_BYTES},
};

static const struct check alert[] = {
    {.field = "alert_id",
     .flags = CHECK_REQUIRED,
     .max = 128,
     .ja = "警報の識別子を指定してください。",
     .en = "Give the alert's id."},
    {.field = "observed_at_ms",
     .flags = CHECK_REQUIRED | CHECK_TIME,
     .ja = "観測時刻を1970年からのミリ秒で指定してください。",
     .en = "Give the time of observation in milliseconds since 1970."},
    {.field = "data_class",
     .max = 3,
     .rule = "R82",
     .ja = "情報の機密性の区分を1〜3で指定してください。0 は不明です。",
     .en = "Give the confidentiality class of the data, 1 to 3; 0 = not stated."},
    {.field = "summary",
     .max = TEXT_BYTES,
     .ja = "概要を短くしてください。",
     .en = "Shorten the summary."},
};

static const struct check push_alerts[] = {
    {.field = "epoch",
     .flags = CHECK_REQUIRED,
     .min = 1,
     .rule = "P-SEQUENCE",
     .ja = "番号の世代を1以上で指定してください。番号を失った場合は上げてください。",
     .en = "Give the epoch of the numbers, 1 or more; raise it when the counter was lost."},
    {.field = "lane",
     .flags = CHECK_REQUIRED | CHECK_ENUM_SET,
     .rule = "P-SEQUENCE",
     .ja = "経路（緊急、一括）を指定してください。",
     .en = "Say which lane: urgent or bulk."},
    {.field = "first_seq",
     .flags = CHECK_REQUIRED,
     .min = 1,
     .rule = "P-SEQUENCE",
     .ja = "最初の警報の番号を1以上で指定してください。",
     .en = "Give the number of the first alert, 1 or more."},
    {.field = "alerts",
     .flags = CHECK_REQUIRED,
     .min = 1,
     .max = LIMIT_ALERTS_BULK,
     .rule = "P-ITEMS",
     .ja = "警報を1〜256件送信してください。",
     .en = "Send 1 to 256 alerts."},
};

static const struct check confirm_incident[] = {
    INCIDENT_ID_ROW,
    WORDS_ROW("reason", "R82", "確認の理由を記入してください。",
              "Say why the incident is confirmed."),
};

static const struct check lift_suspension[] = {
    NUMBER_ROW,
    WORDS_ROW("reason", "R86", "一時停止を解除する理由を記入してください。",
              "Say why the suspension is lifted."),
    WORDS_ROW("basis", "R86", "解除を決定した根拠（会議、文書番号）を記入してください。",
              "Give the basis of the decision: meeting, reference."),
    {.field = "decided_on",
     .flags = CHECK_REQUIRED | CHECK_DATE,
     .rule = "R86",
     .ja = "決定日を YYYY-MM-DD の形式で入力してください。",
     .en = "Give the date of the decision as YYYY-MM-DD."},
};

static const struct check suspend_service[] = {
    NUMBER_ROW,
    WORDS_ROW("reason", "R83", "一時停止の理由を記入してください。",
              "Say why the service is suspended."),
    WORDS_ROW("basis", "R83", "一時停止の根拠（会議、文書番号）を記入してください。",
              "Give the basis of the decision: meeting, reference."),
};

static const struct check incident_id[] = {INCIDENT_ID_ROW};

static const struct check page[] = {PAGE_ROWS};

static const struct check_table tables[] = {
    CHECKS_TABLE(service_ref, service_ref),
    CHECKS_TABLE(alert, alert),
    CHECKS_TABLE(push_alerts, push_alerts),
    CHECKS_TABLE(confirm_incident, confirm_incident),
    CHECKS_TABLE(lift_suspension, lift_suspension),
    CHECKS_TABLE(suspend_service, suspend_service),
    CHECKS_TABLE(get_incident, incident_id),
    CHECKS_TABLE(list_incidents, page),
};

const struct check_topic checks_alert = {tables, CHECKS_COUNT(tables)};
