/* Results of audits and what follows from them. Whether controls exist and a report suffices is
 * decided by audit. R67, R69, R72 */
#include "wire/checks.h"

#include "ismap/liu/v1/audit.pb-c.h"

#define CONTROLS_MAX 2048
#define FINDINGS_MAX 256
#define CONTROL_BYTES 23

#define YEAR_ROW                                                                                   \
    {                                                                                              \
        .field = "year", .flags = CHECK_REQUIRED, .min = 2000, .max = 2999, .rule = "R72",         \
        .ja = "監査した年を西暦で指定してください。",                                              \
        .en = "Give the civil year that was audited."                                              \
    }
#define RESULTS_ROW                                                                                \
    {                                                                                              \
        .field = "results", .flags = CHECK_REQUIRED, .rule = "R72",                                \
        .ja = "監査の結果を記入してください。", .en = "Give the results of the audit."             \
    }
#define DOCUMENT_ROW                                                                               \
    {                                                                                              \
        .field = "document", .flags = CHECK_REQUIRED, .rule = "R72",                               \
        .ja = "報告書の所在とハッシュ値を記入してください。",                                      \
        .en = "Name the report: where it is kept and its hash."                                    \
    }
#define CORRECTS_ROW                                                                               \
    {                                                                                              \
        .field = "corrects", .flags = CHECK_TOKEN, .max = RECORD_ID_BYTES,                         \
        .ja = "訂正する報告の番号を指定するか、空にしてください。",                                \
        .en = "Give the report that this one corrects, or leave it empty."                         \
    }
#define CONTROL_ROW                                                                                \
    {                                                                                              \
        .field = "control_id", .flags = CHECK_REQUIRED | CHECK_TOKEN, .max = CONTROL_BYTES,        \
        .rule = "R60", .ja = "管理策の番号を指定してください（例: 9.2.1.6.PB）。",                 \
        .en = "Give the control's id, e.g. 9.2.1.6.PB."                                            \
    }

static const struct check audited_control[] = {
    CONTROL_ROW,
    {.field = "mode",
     .flags = CHECK_REQUIRED | CHECK_ENUM_SET,
     .rule = "R67",
     .ja = "整備状況、運用状況、またはその両方を指定してください。",
     .en = "Say what was examined: design, operating or both."},
    {.field = "auditor",
     .max = NAME_BYTES,
     .rule = "R69",
     .ja = "監査した者を記入してください。",
     .en = "Say who audited it."},
    {.field = "operator",
     .max = NAME_BYTES,
     .rule = "R69",
     .ja = "管理策を運用する者を記入してください。",
     .en = "Say who operates it."},
};

static const struct check skipped_control[] = {
    CONTROL_ROW,
    {.field = "reason",
     .flags = CHECK_REQUIRED,
     .max = LINE_BYTES,
     .rule = "R65",
     .ja = "監査しなかった理由を記入してください。",
     .en = "Say why it was not audited."},
};

static const struct check audit_finding[] = {
    {.field = "finding_id",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .max = RECORD_ID_BYTES,
     .rule = "R72",
     .ja = "発見事項の番号を指定してください。",
     .en = "Give the finding's id."},
    CONTROL_ROW,
    {.field = "severity",
     .flags = CHECK_REQUIRED | CHECK_ENUM_SET,
     .rule = "R72",
     .ja = "観察事項、軽微な不備、重大な不備のいずれかを指定してください。",
     .en = "Say how grave it is: observation, minor or major."},
    {.field = "description",
     .flags = CHECK_REQUIRED,
     .max = TEXT_BYTES,
     .rule = "R72",
     .ja = "発見事項の内容を記入してください。",
     .en = "Describe the finding."},
    {.field = "correction",
     .max = TEXT_BYTES,
     .rule = "R72",
     .ja = "是正の内容を記入してください。",
     .en = "Say what is done about it."},
    {.field = "correct_by",
     .flags = CHECK_DATE,
     .rule = "R72",
     .ja = "是正の期限を YYYY-MM-DD の形式で入力してください。",
     .en = "Give the day by which it is corrected as YYYY-MM-DD."},
};

static const struct check audit_results[] = {
    {.field = "period_start",
     .flags = CHECK_REQUIRED | CHECK_DATE,
     .rule = "R41",
     .ja = "監査対象期間の初日を YYYY-MM-DD の形式で入力してください。",
     .en = "Give the first day of the audit period as YYYY-MM-DD."},
    {.field = "period_end",
     .flags = CHECK_REQUIRED | CHECK_DATE,
     .rule = "R41",
     .ja = "監査対象期間の末日を YYYY-MM-DD の形式で入力してください。",
     .en = "Give the last day of the audit period as YYYY-MM-DD."},
    {.field = "controls",
     .max = CONTROLS_MAX,
     .rule = "R65",
     .ja = "監査した管理策は2048件以内で指定してください。",
     .en = "Name the controls that were audited, at most 2048."},
    {.field = "skipped",
     .max = CONTROLS_MAX,
     .rule = "R65",
     .ja = "監査しなかった管理策は2048件以内で指定してください。",
     .en = "Name the controls that were not audited, at most 2048."},
    {.field = "findings",
     .max = FINDINGS_MAX,
     .rule = "R72",
     .ja = "発見事項は256件以内で記入してください。",
     .en = "Give at most 256 findings."},
};

static const struct check submit_audit_report[] = {CASE_ID_ROW, YEAR_ROW, RESULTS_ROW, DOCUMENT_ROW,
                                                   CORRECTS_ROW};

static const struct check submit_internal_report[] = {
    CASE_ID_ROW,
    YEAR_ROW,
    RESULTS_ROW,
    DOCUMENT_ROW,
    CORRECTS_ROW,
    {.field = "approved_by",
     .max = NAME_BYTES,
     .rule = "R72",
     .ja = "承認した経営者を記入してください。",
     .en = "Say who of the management approved it."},
    {.field = "approved_on",
     .flags = CHECK_DATE,
     .rule = "R72",
     .ja = "承認した日を YYYY-MM-DD の形式で入力してください。",
     .en = "Give the day of the approval as YYYY-MM-DD."},
};

static const struct check get_audit_report[] = {
    {.field = "report_id",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .max = RECORD_ID_BYTES,
     .ja = "報告の番号を指定してください。",
     .en = "Give the id of the report."},
};

static const struct check resolve_audit_problem[] = {
    CASE_ID_ROW,
    {.field = "problem_id",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .max = RECORD_ID_BYTES,
     .rule = "R84",
     .ja = "問題の番号を指定してください。",
     .en = "Give the id of the problem."},
    {.field = "resolution",
     .flags = CHECK_REQUIRED,
     .max = TEXT_BYTES,
     .rule = "R84",
     .ja = "どのように解決したかを記入してください。",
     .en = "Say how it was resolved."},
};

static const struct check replan_case[] = {
    CASE_ID_ROW,
    {.field = "reason",
     .flags = CHECK_REQUIRED,
     .max = LINE_BYTES,
     .ja = "計画を作り直す理由を記入してください。",
     .en = "Say why it is planned again."},
};

static const struct check replan_all[] = {
    {.field = "reason",
     .flags = CHECK_REQUIRED,
     .max = LINE_BYTES,
     .ja = "計画を作り直す理由を記入してください。",
     .en = "Say why all are planned again."},
};

static const struct check control_item[] = {
    {.field = "id",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .max = CONTROL_BYTES,
     .rule = "R60",
     .ja = "管理策の番号は23文字以内の英数字と記号で指定してください。",
     .en = "A control's id has at most 23 characters, letters, digits and . _ / -"},
    {.field = "tier",
     .flags = CHECK_REQUIRED | CHECK_ENUM_SET,
     .rule = "R60",
     .ja = "ガバナンス、マネジメント、管理策のいずれの基準かを指定してください。",
     .en = "Say of which tier it is: governance, management or controls."},
    {.field = "numbers",
     .max = 4,
     .rule = "R60",
     .ja = "並び順の番号は4つです。",
     .en = "The numbers of its place are four."},
    {.field = "key", .max = 2, .rule = "R63", .ja = "0、1、2 のいずれかです。", .en = "0, 1 or 2."},
};

static const struct check catalogue[] = {
    {.field = "version",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .max = RECORD_ID_BYTES,
     .rule = "R60",
     .ja = "管理基準の版を指定してください。",
     .en = "Give the version of the catalogue."},
    {.field = "items",
     .flags = CHECK_REQUIRED,
     .max = CONTROLS_MAX,
     .rule = "R60",
     .ja = "管理策は1件以上2048件以内で指定してください。",
     .en = "A catalogue has 1 to 2048 controls."},
    {.field = "source",
     .max = NAME_BYTES,
     .rule = "R60",
     .ja = "出典を記入してください。",
     .en = "Say where it comes from."},
};

static const struct check put_catalogue[] = {
    {.field = "catalogue",
     .flags = CHECK_REQUIRED,
     .rule = "R60",
     .ja = "管理基準を指定してください。",
     .en = "Give the catalogue."},
};

static const struct check activate_catalogue[] = {
    {.field = "version",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .max = RECORD_ID_BYTES,
     .rule = "R60",
     .ja = "適用する版を指定してください。",
     .en = "Give the version that is put in force."},
    {.field = "reason",
     .flags = CHECK_REQUIRED,
     .max = TEXT_BYTES,
     .rule = "R60",
     .ja = "適用の理由を記入してください。",
     .en = "Say why it is put in force."},
};

static const struct check list_catalogues[] = {
    {.field = "page",
     .max = 256,
     .ja = "前回の応答の nextPage を指定するか、空にしてください。",
     .en = "Give nextPage of the last answer, or leave it empty."},
};

static const struct check get_audit_standing[] = {CASE_ID_ROW};
static const struct check page[] = {PAGE_ROWS};

static const struct check_table tables[] = {
    CHECKS_TABLE(audited_control, audited_control),
    CHECKS_TABLE(skipped_control, skipped_control),
    CHECKS_TABLE(audit_finding, audit_finding),
    CHECKS_TABLE(audit_results, audit_results),
    CHECKS_TABLE(submit_audit_report, submit_audit_report),
    CHECKS_TABLE(submit_internal_report, submit_internal_report),
    CHECKS_TABLE(get_audit_report, get_audit_report),
    CHECKS_TABLE(get_audit_standing, get_audit_standing),
    CHECKS_TABLE(get_plan_revisions, get_audit_standing),
    CHECKS_TABLE(replan_case, replan_case),
    CHECKS_TABLE(replan_all, replan_all),
    CHECKS_TABLE(control_item, control_item),
    CHECKS_TABLE(catalogue, catalogue),
    CHECKS_TABLE(put_catalogue, put_catalogue),
    CHECKS_TABLE(activate_catalogue, activate_catalogue),
    CHECKS_TABLE(list_catalogues, list_catalogues),
    CHECKS_TABLE(list_audit_problems, page),
    CHECKS_TABLE(resolve_audit_problem, resolve_audit_problem),
};

const struct check_topic checks_audit = {tables, CHECKS_COUNT(tables)};
