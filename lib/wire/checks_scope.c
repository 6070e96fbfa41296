/* What providers tell of changes, and operators of incidents. Whether controls exist and fit is
 * decided by audit. R48, R66 */
#include "wire/checks.h"

#include "ismap/liu/v1/scope.pb-c.h"

#define NOTICE_CONTROLS_MAX 256
#define CONTROL_BYTES 23

static const struct check submit_change_notice[] = {
    CASE_ID_ROW,
    {.field = "kind",
     .flags = CHECK_REQUIRED | CHECK_ENUM_SET,
     .rule = "R48",
     .ja = "規程・手順、実現方法、運用、手段、不採用から採用のいずれの変更かを指定してください。",
     .en = "Say what changed: documents, realisation, operation, tooling, or adopted."},
    {.field = "changed_on",
     .flags = CHECK_REQUIRED | CHECK_DATE,
     .rule = "R48",
     .ja = "変更した日を YYYY-MM-DD の形式で入力してください。",
     .en = "Give the day of the change as YYYY-MM-DD."},
    {.field = "controls",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .max = NOTICE_CONTROLS_MAX,
     .item_bytes_max = CONTROL_BYTES,
     .rule = "R48",
     .ja = "変更した管理策の番号を1件以上256件以内で指定してください。",
     .en = "Name the controls that changed, 1 to 256."},
    {.field = "before",
     .flags = CHECK_REQUIRED,
     .max = TEXT_BYTES,
     .rule = "R48",
     .ja = "変更前の内容を記入してください。",
     .en = "Describe the control before the change."},
    {.field = "after",
     .flags = CHECK_REQUIRED,
     .max = TEXT_BYTES,
     .rule = "R48",
     .ja = "変更後の内容を記入してください。",
     .en = "Describe the control after the change."},
};

static const struct check get_change_notice[] = {
    {.field = "notice_id",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .max = RECORD_ID_BYTES,
     .ja = "変更届の番号を指定してください。",
     .en = "Give the id of the change notice."},
};

static const struct check name_affected_controls[] = {
    {.field = "incident_id",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .max = RECORD_ID_BYTES,
     .rule = "R66",
     .ja = "インシデントの番号を指定してください。",
     .en = "Give the id of the incident."},
    {.field = "controls",
     .flags = CHECK_TOKEN,
     .max = NOTICE_CONTROLS_MAX,
     .item_bytes_max = CONTROL_BYTES,
     .rule = "R66",
     .ja = "影響を受けた管理策の番号を256件以内で指定してください。",
     .en = "Name the controls that were affected, at most 256."},
    {.field = "reason",
     .flags = CHECK_REQUIRED,
     .max = LINE_BYTES,
     .rule = "R66",
     .ja = "判断の理由を記入してください。",
     .en = "Say how it is known."},
};

static const struct check by_case[] = {CASE_ID_ROW};

static const struct check_table tables[] = {
    CHECKS_TABLE(submit_change_notice, submit_change_notice),
    CHECKS_TABLE(get_change_notice, get_change_notice),
    CHECKS_TABLE(name_affected_controls, name_affected_controls),
    CHECKS_TABLE(get_audit_scope, by_case),
};

const struct check_topic checks_scope = {tables, CHECKS_COUNT(tables)};
