/* What providers tell of changes, and operators of incidents. Whether controls exist and fit is
 * decided by audit. R48, R64,
 * R66, R69 */
#include "wire/checks.h"

#include "ismap/liu/v1/scope.pb-c.h"

#define NOTICE_CONTROLS_MAX 256
#define SCOPE_CONTROLS_MAX 2048
#define SCOPE_AUDITORS_MAX 256
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

#define CONTROL_ROW                                                                                \
    {                                                                                              \
        .field = "control_id", .flags = CHECK_REQUIRED | CHECK_TOKEN, .max = CONTROL_BYTES,        \
        .rule = "R60", .ja = "管理策の番号を指定してください（例: 9.2.1.6.PB）。",                 \
        .en = "Give the control's id, e.g. 9.2.1.6.PB."                                            \
    }

static const struct check plan_exclusion[] = {
    CONTROL_ROW,
    {.field = "reason",
     .flags = CHECK_REQUIRED,
     .max = LINE_BYTES,
     .rule = "R64",
     .ja = "除外の理由を記入してください。",
     .en = "Say why it is excluded."},
};

static const struct check plan_operator[] = {
    CONTROL_ROW,
    {.field = "person",
     .flags = CHECK_REQUIRED,
     .max = NAME_BYTES,
     .rule = "R69",
     .ja = "管理策を運用する者を記入してください。",
     .en = "Say who operates it."},
};

static const struct check plan_inherited[] = {
    CONTROL_ROW,
    {.field = "base_number",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .max = RECORD_ID_BYTES,
     .rule = "R70",
     .ja = "引き継ぎ元の基盤サービスの登録番号を指定してください。",
     .en = "Give the registration number of the base service."},
};

static const struct check state_audit_scope[] = {
    CASE_ID_ROW,
    {.field = "excluded",
     .max = SCOPE_CONTROLS_MAX,
     .rule = "R64",
     .ja = "除外する管理策は2048件以内で指定してください。",
     .en = "Exclude at most 2048 controls."},
    {.field = "operators",
     .max = SCOPE_CONTROLS_MAX,
     .rule = "R69",
     .ja = "運用する者は2048件以内で指定してください。",
     .en = "Name at most 2048 operators of controls."},
    {.field = "inherited",
     .max = SCOPE_CONTROLS_MAX,
     .rule = "R70",
     .ja = "引き継ぐ管理策は2048件以内で指定してください。",
     .en = "Inherit at most 2048 controls."},
    {.field = "auditors",
     .max = SCOPE_AUDITORS_MAX,
     .item_bytes_max = NAME_BYTES,
     .rule = "R69",
     .ja = "内部監査人は256人以内で指定してください。",
     .en = "Name at most 256 internal auditors."},
};

static const struct check by_case[] = {CASE_ID_ROW};

static const struct check_table tables[] = {
    CHECKS_TABLE(submit_change_notice, submit_change_notice),
    CHECKS_TABLE(get_change_notice, get_change_notice),
    CHECKS_TABLE(name_affected_controls, name_affected_controls),
    CHECKS_TABLE(plan_exclusion, plan_exclusion),
    CHECKS_TABLE(plan_operator, plan_operator),
    CHECKS_TABLE(plan_inherited, plan_inherited),
    CHECKS_TABLE(state_audit_scope, state_audit_scope),
    CHECKS_TABLE(get_audit_scope, by_case),
};

const struct check_topic checks_scope = {tables, CHECKS_COUNT(tables)};
