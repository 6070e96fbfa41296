/* What people read: why an alert did or did not suspend, in both languages. */
#include "services/monitor/core/decide.h"

static const struct reason_text texts[REASONS] = {
    [REASON_BELOW] = {"BELOW", "R82", "重大度が基準に達しないため、件数のみ記録しました。",
                      "Below the grade that opens an incident: counted only."},
    [REASON_FOR_PERSON] = {"FOR_PERSON", "R82",
                           "重大ですが最上位の区分ではないため、担当者の確認を求めます。",
                           "Grave, but below the top grade: a person has to look."},
    [REASON_UNGRADED] =
        {"UNGRADED", "R82",
         "影響度の記載がないため重大度を判定できません。担当者が至急確認してください。"
         "自動では停止しません。",
         "No grade can be given from what the alert states: a person has to look "
         "urgently. It does not suspend by itself."},
    [REASON_UNMATCHED] = {"UNMATCHED", "R82",
                          "該当する登録サービスが見つかりません。担当者が確認してください。",
                          "No listing matches: a person has to look."},
    [REASON_UNCLEAR] =
        {"UNCLEAR", "R82",
         "複数の登録サービスが同程度に該当し、特定できません。担当者が確認してください。",
         "Several listings match equally: a person has to tell which is meant."},
    [REASON_NO_SAY] =
        {"NO_SAY", "R83",
         "この通報元はこのサービスについて発言する権限がありません。担当者が確認してください。",
         "The feed does not speak for this listing: a person has to look."},
    [REASON_NOT_ALONE] =
        {"NOT_ALONE", "R83",
         "この通報元は単独ではこの区分で停止できません。独立した別の運営者の通報か、"
         "担当者の確認を待ちます。",
         "The feed may not act alone on this grade: waits for another independent "
         "operator's feed or for a person."},
    [REASON_NOT_REGISTERED] = {"NOT_REGISTERED", "R83",
                               "登録中のサービスではないため停止の対象になりません。",
                               "The listing is not registered now: there is nothing to suspend."},
    [REASON_ALREADY_SUSPENDED] = {"ALREADY_SUSPENDED", "R83", "このサービスは既に一時停止中です。",
                                  "The listing is suspended already."},
    [REASON_BRAKE] =
        {"BRAKE", "R92",
         "自動停止の件数が上限に達したため、停止を保留しています。担当者が承認すれば直ちに停止"
         "します。",
         "The brake holds this suspension back because too many came at once: it takes "
         "effect as soon as an operator confirms it."},
    [REASON_ALONE] =
        {"SUSPENDED", "R83",
         "単独で停止できる通報元から、特に重大な影響を及ぼしうる通報があったため、直ちに"
         "一時停止しました。",
         "A feed that may act alone reported a particularly serious effect: suspended at "
         "once."},
    [REASON_CORROBORATED] =
        {"CORROBORATED", "R83",
         "独立した複数の運営者から、特に重大な影響を及ぼしうる通報があったため、直ちに"
         "一時停止しました。",
         "Feeds of several independent operators reported a particularly serious "
         "effect: suspended at once."},
    [REASON_ORDERED] = {"ORDERED", "R83", "運用者の決定により一時停止しました。",
                        "Suspended by an operator's decision."},
    [REASON_CONFIRMED] = {"CONFIRMED", "R83", "運用者が特に重大と確認したため一時停止しました。",
                          "Suspended because an operator confirmed it as particularly serious."},
};

const struct reason_text *reason_text_of(enum reason r)
{
    return &texts[(unsigned)r < REASONS ? r : REASON_BELOW];
}
