/* The parts of a main application, one check each; see requirements.h. */
#include "services/intake/core/requirements.h"

#include "base/date.h"
#include "domain/validity.h"

static void check_verdict(const struct requirement_facts *f, struct violations *out)
{
    if (!f->verdict_decided)
        violations_add(out, "caseId", "R40", "ISMAP-LIU該当性の判断がまだ完了していません。",
                       "the case has no decided verdict yet");
    else if (f->verdict != VERDICT_ELIGIBLE)
        violations_add(out, "caseId", "R40", "「該当性あり」の判断がないため、本申請はできません。",
                       "the verdict is not 'eligible'");
    else if (f->verdict_valid_until < f->today)
        violations_add(out, "caseId", "R28", "該当性の判断は有効期間を過ぎています。",
                       "the verdict has expired");
}

struct document_texts {
    const char *field;
    const char *missing_ja;
    const char *missing_en;
    const char *hash_field;
};

static void check_document(const struct document_facts *d, const struct document_texts *t,
                           struct violations *out)
{
    if (!d->given || d->reference == NULL || d->reference[0] == '\0')
        violations_add(out, t->field, "R40", t->missing_ja, t->missing_en);
    else if (d->hash_bytes != DOCUMENT_HASH_BYTES)
        violations_add(out, t->hash_field, "R40", "文書のSHA-256(32バイト)が必要です。",
                       "the document's SHA-256 (32 bytes) is required");
}

static void check_documents(const struct requirement_facts *f, struct violations *out)
{
    const struct {
        const struct document_facts *facts;
        struct document_texts texts;
    } rows[] = {
        {&f->statement,
         {"statement", "言明書がありません。", "the statement is missing", "statement.sha256"}},
        {&f->audit_report,
         {"auditReport", "実施結果報告書がありません。", "the external audit report is missing",
          "auditReport.sha256"}},
        {&f->management_confirmation,
         {"managementConfirmation", "経営者確認書がありません。",
          "the management confirmation is missing", "managementConfirmation.sha256"}},
        {&f->internal_audit_report,
         {"internalAuditReport", "内部監査報告書がありません。",
          "the internal audit report is missing", "internalAuditReport.sha256"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        check_document(rows[i].facts, &rows[i].texts, out);
}

static void check_issuer(const struct requirement_facts *f, struct violations *out)
{
    if (!f->issuer_named)
        violations_add(out, "auditReport.issuer", "R55",
                       "実施結果報告書を作成した監査機関が記入されていません。",
                       "the audit body that issued the report is missing");
    else if (!f->issuer_registered)
        violations_add(out, "auditReport.issuer", "R55", "登録された監査機関ではありません。",
                       "the issuer is not a registered audit body");
    else if (f->issuer_valid_until < f->today)
        violations_add(out, "auditReport.issuer", "R55", "監査機関の登録は有効期間を過ぎています。",
                       "the audit body's registration has lapsed");
}

static void check_period(const struct requirement_facts *f, struct violations *out)
{
    if (!f->period_given) {
        violations_add(out, "auditPeriodEnd", "R41", "監査対象期間が記入されていません。",
                       "the audit period is missing");
        return;
    }
    switch (validity_audit_period(f->period_start, f->period_end, NULL)) {
    case PERIOD_REVERSED:
        violations_add(out, "auditPeriodEnd", "R41", "監査対象期間の終了日が開始日より前です。",
                       "the audit period ends before it starts");
        break;
    case PERIOD_TOO_LONG:
        violations_add(out, "auditPeriodEnd", "R41",
                       "監査対象期間は12か月以内でなければなりません。",
                       "the audit period is longer than 12 months");
        break;
    case PERIOD_TOO_SHORT:
        violations_add(out, "auditPeriodEnd", "R41",
                       "監査対象期間は3か月以上でなければなりません。",
                       "the audit period is shorter than 3 months");
        break;
    case PERIOD_GAP: /* renewals only */
    case PERIOD_OK:
        if (f->period_end > f->today)
            violations_add(out, "auditPeriodEnd", "R41", "監査対象期間がまだ終わっていません。",
                           "the audit period is not over yet");
        break;
    }
}

void requirements_check(const struct requirement_facts *f, struct violations *out)
{
    check_verdict(f, out);
    check_documents(f, out);
    check_issuer(f, out);
    check_period(f, out);
    if (f->base_services_unnumbered > 0)
        violations_add(out, "caseId", "R17",
                       "基盤となるクラウドサービスの登録番号が事前申請に記入されていません。",
                       "a base service of the pre-application has no registration number");
}

void requirements_check_decision(const char *committee_date, const char *reference, int32_t today,
                                 struct violations *out)
{
    int32_t held;
    if (date_parse(committee_date, &held) != ERR_OK)
        violations_add(out, "committeeDate", "R46", "運営委員会の開催日(YYYY-MM-DD)が必要です。",
                       "the date of the committee's meeting (YYYY-MM-DD) is required");
    else if (held > today)
        violations_add(out, "committeeDate", "R46", "開催日が未来の日付です。",
                       "the meeting is still to come");
    if (reference[0] == '\0')
        violations_add(out, "decisionReference", "R46", "決定の文書番号が必要です。",
                       "the reference of the decision is required");
}
