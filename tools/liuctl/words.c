/* Values of enums in words of the scheme. The names of the protocol serve as English. */
#include "liuctl/cli.h"

#include <string.h>

struct word {
    const char *name;
    const char *ja;
    const char *en; /* NULL = the name without its enum's prefix */
};

static const struct word words[] = {
    {"CASE_STATE_SUBMITTED", "提出済み", NULL},
    {"CASE_STATE_ACCEPTED", "受理", NULL},
    {"CASE_STATE_WITHDRAWN", "取下げ", NULL},
    {"JUDGMENT_STATE_WAITING_MINISTRY", "省庁の回答待ち", NULL},
    {"JUDGMENT_STATE_WAITING_CONFIRMATION", "妥当性の確認待ち", NULL},
    {"JUDGMENT_STATE_WAITING_APPLICANT", "申請者の補正待ち", NULL},
    {"JUDGMENT_STATE_DECIDED", "判断済み", NULL},
    {"JUDGMENT_STATE_WAITING_REVIEW", "審査待ち", NULL},
    {"VERDICT_RESULT_ELIGIBLE", "該当性あり", NULL},
    {"VERDICT_RESULT_NOT_ELIGIBLE", "該当性なし", NULL},
    {"VERDICT_RESULT_NOT_NEEDED", "ISMAP-LIU は不要", NULL},
    {"EFFECTIVE_STATE_NOT_LISTED", "未登録", NULL},
    {"EFFECTIVE_STATE_REGISTERED", "登録", NULL},
    {"EFFECTIVE_STATE_RENEWAL_PENDING", "更新審査中", NULL},
    {"EFFECTIVE_STATE_SUSPENDED", "一時停止", NULL},
    {"EFFECTIVE_STATE_EXPIRED", "期限切れ", NULL},
    {"EFFECTIVE_STATE_CANCELLED", "登録取消し", NULL},
    {"LISTING_STATE_APPLIED", "申請中", NULL},
    {"LISTING_STATE_REGISTERED", "登録", NULL},
    {"LISTING_STATE_REJECTED", "不登録", NULL},
    {"LISTING_STATE_RENEWAL_PENDING", "更新審査中", NULL},
    {"LISTING_STATE_EXPIRED", "期限切れ", NULL},
    {"LISTING_STATE_CANCELLED", "登録取消し", NULL},
    {"LISTING_STATE_WITHDRAWN", "取下げ", NULL},
    {"HOLD_STATE_NONE", "停止なし", NULL},
    {"HOLD_STATE_SUSPENDED", "一時停止", NULL},
    {"HOLD_STATE_RE_AUDIT", "再監査", NULL},
    {"INCIDENT_STATE_REPORTED", "要確認", NULL},
    {"INCIDENT_STATE_HELD", "停止を抑止中", NULL},
    {"INCIDENT_STATE_SUSPENDED", "一時停止", NULL},
    {"INCIDENT_STATE_CONFIRMED", "確定", NULL},
    {"INCIDENT_STATE_LIFTED", "解除", NULL},
    {"INCIDENT_STATE_CLOSED", "終了", NULL},
    {"SEVERITY_UNSPECIFIED", "未評価", "ungraded"},
    {"SEVERITY_LOW", "低", NULL},
    {"SEVERITY_MODERATE", "中", NULL},
    {"SEVERITY_HIGH", "高", NULL},
    {"SEVERITY_CRITICAL", "特に重大", NULL},
    {"ALERT_VERDICT_COUNTED", "計数のみ", NULL},
    {"ALERT_VERDICT_INCIDENT", "インシデント", NULL},
    {"ALERT_VERDICT_SUSPENDED", "一時停止", NULL},
    {"ALERT_VERDICT_HELD_BY_BRAKE", "停止を抑止", NULL},
    {"ALERT_VERDICT_UNMATCHED", "対象の登録なし", NULL},
    {"ALERT_VERDICT_DUPLICATE", "重複", NULL},
    {"LANE_URGENT", "緊急", NULL},
    {"LANE_BULK", "一括", NULL},
    {"ROLE_OPERATOR", "運用者", NULL},
    {"ROLE_PROVIDER", "事業者", NULL},
    {"ROLE_MINISTRY", "省庁", NULL},
    {"ROLE_AUDIT_BODY", "監査機関", NULL},
    {"ROLE_FEED", "通報元", NULL},
    {"ROLE_OBSERVER", "閲覧者", NULL},
    {"IMPACT_LEVEL_LOW", "低位", NULL},
    {"IMPACT_LEVEL_MODERATE", "中位", NULL},
    {"IMPACT_LEVEL_HIGH", "高位", NULL},
    {"ANSWER_YES", "はい", NULL},
    {"ANSWER_NO", "いいえ", NULL},
    {"ANSWER_UNKNOWN", "不明", NULL},
    {"OUTCOME_MET", "満たす", NULL},
    {"OUTCOME_NOT_MET", "満たさない", NULL},
    {"OUTCOME_OPEN", "未確定", NULL},
    {"OUTCOME_NOTE", "参考", NULL},
    {"AUDIT_PARTY_EXTERNAL", "外部監査", NULL},
    {"AUDIT_PARTY_INTERNAL", "内部監査", NULL},
    {"REPLAN_CAUSE_REPORT", "監査の報告", "audit report"},
    {"REPLAN_CAUSE_CHANGE", "変更の届出", "change notice"},
    {"REPLAN_CAUSE_INCIDENT", "インシデント", "incident"},
    {"REPLAN_CAUSE_BASE", "基盤サービスの状態", "base service"},
    {"REPLAN_CAUSE_CATALOGUE", "管理基準・規則の改正", "catalogue or rulebook"},
    {"REPLAN_CAUSE_SCOPE", "監査範囲の言明", "scope"},
    {"REPLAN_CAUSE_YEAR", "年度の経過", "year over"},
    {"REPLAN_CAUSE_ORDER", "運用者の指示", "order"},
    {"CHANGE_KIND_DOCUMENTS", "規程・手順書", NULL},
    {"CHANGE_KIND_REALISATION", "実現方法", NULL},
    {"CHANGE_KIND_OPERATION", "運用", NULL},
    {"CHANGE_KIND_TOOLING", "手段", NULL},
    {"CHANGE_KIND_ADOPTED", "不採用から採用", NULL},
    {"PLAN_CAUSE_CHANGED", "変更", NULL},
    {"PLAN_CAUSE_ADOPTED", "新規採用", NULL},
    {"PLAN_CAUSE_FINDING", "発見事項", NULL},
    {"PLAN_CAUSE_FAILED", "不合格", NULL},
    {"PLAN_CAUSE_INCIDENT", "インシデント", NULL},
    {"PLAN_CAUSE_BASE_LAPSED", "基盤サービスの失効", "base lapsed"},
    {"REPORT_STATE_DUE", "提出待ち", NULL},
    {"REPORT_STATE_MISSING", "未提出", NULL},
    {"REPORT_STATE_INSUFFICIENT", "内容不十分", NULL},
    {"REPORT_STATE_ACCEPTED", "受理", NULL},
    {"FINDING_SEVERITY_OBSERVATION", "観察事項", NULL},
    {"FINDING_SEVERITY_MINOR", "軽微な不備", NULL},
    {"FINDING_SEVERITY_MAJOR", "重大な不備", NULL},
    {"AUDIT_MODE_DESIGN", "整備状況", NULL},
    {"AUDIT_MODE_OPERATING", "運用状況", NULL},
    {"AUDIT_MODE_BOTH", "整備・運用状況", NULL},
    {"TIER_GOVERNANCE", "ガバナンス基準", NULL},
    {"TIER_MANAGEMENT", "マネジメント基準", NULL},
    {"TIER_CONTROLS", "管理策基準", NULL},
};

static const struct word *find(const char *name)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i].name, name) == 0)
            return &words[i];
    return NULL;
}

const char *cli_word_ja(const char *name)
{
    const struct word *w = find(name);
    return w == NULL ? NULL : w->ja;
}

/* What all names of an enum begin with: that of its first value, up to UNSPECIFIED. */
static size_t prefix_of(const ProtobufCEnumDescriptor *d)
{
    static const char none[] = "UNSPECIFIED";
    const char *first = d->n_values == 0 ? "" : d->values[0].name;
    size_t n = strlen(first);
    size_t k = sizeof none - 1;
    return n > k && strcmp(first + n - k, none) == 0 ? n - k : 0;
}

const char *cli_enum_name(const ProtobufCEnumDescriptor *d, int value)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(d, value);
    return v == NULL ? "?" : v->name + prefix_of(d);
}

const char *cli_word(const struct cli *c, const ProtobufCEnumDescriptor *d, int value)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(d, value);
    const struct word *w = v == NULL ? NULL : find(v->name);
    if (w != NULL && c->ja)
        return w->ja;
    if (w != NULL && w->en != NULL)
        return w->en;
    return cli_enum_name(d, value);
}
