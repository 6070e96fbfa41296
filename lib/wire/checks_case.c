/* Pre-applications and the ministries' assessment sheets. R14 lists the fields of the sheet. */
#include "wire/checks.h"

#include "ismap/liu/v1/case.pb-c.h"

#define ASSESSMENT_BYTES (64 * 1024)

#define CLASS_ROW(name, top, text_ja, text_en)                                                     \
    {                                                                                              \
        .field = name, .flags = CHECK_REQUIRED, .min = 1, .max = top, .rule = "R14",               \
        .ja = text_ja, .en = text_en                                                               \
    }
#define LEVEL_ROW(name, text_ja, text_en)                                                          \
    {                                                                                              \
        .field = name, .flags = CHECK_REQUIRED | CHECK_ENUM_SET, .rule = "R14", .ja = text_ja,     \
        .en = text_en                                                                              \
    }
#define SHEET_ROW(name, bytes, text_ja, text_en)                                                   \
    {                                                                                              \
        .field = name, .flags = CHECK_REQUIRED, .max = bytes, .rule = "R14", .ja = text_ja,        \
        .en = text_en                                                                              \
    }
#define SHEET_PARTY_ROW(name, text_ja, text_en)                                                    \
    {                                                                                              \
        .field = name, .flags = CHECK_REQUIRED | CHECK_ID, .rule = "R14", .ja = text_ja,           \
        .en = text_en                                                                              \
    }

static const struct check question_answer[] = {
    {.field = "question",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .max = RECORD_ID_BYTES,
     .rule = "R20",
     .ja = "設問の番号を指定してください（例: TB1.Q1）。",
     .en = "Name the question, e.g. TB1.Q1."},
    {.field = "answer",
     .flags = CHECK_REQUIRED | CHECK_ENUM_SET,
     .rule = "R20",
     .ja = "「はい」「いいえ」「不明」のいずれかで回答してください。",
     .en = "Answer yes, no or unknown."},
};

static const struct check business_claim[] = {
    SHEET_ROW("description", TEXT_BYTES, "業務の内容を記入してください。",
              "Describe the business."),
    {.field = "target_code",
     .flags = CHECK_TOKEN,
     .max = 32,
     .rule = "R14",
     .ja = "対象業務一覧の番号（例: TB-1）を指定するか、一覧にない場合は空にしてください。",
     .en = "Give the entry of the target list, e.g. TB-1; leave it empty when unlisted."},
    {.field = "answers",
     .max = 64,
     .rule = "R20",
     .ja = "回答は設問ごとに1つにしてください。",
     .en = "Give one answer to each question."},
};

static const struct check base_service[] = {
    {.field = "name",
     .flags = CHECK_REQUIRED,
     .max = NAME_BYTES,
     .rule = "R17",
     .ja = "基盤とするクラウドサービスの名称を記入してください。",
     .en = "Name the underlying cloud service."},
    {.field = "registration_number",
     .flags = CHECK_TOKEN,
     .max = RECORD_ID_BYTES,
     .rule = "R17",
     .ja = "ISMAP の登録番号を英数字で記入するか、空にしてください。",
     .en = "Give its registration number in letters and digits, or leave it empty."},
};

static const struct check service_description[] = {
    SHEET_ROW("name", NAME_BYTES, "サービスの名称を記入してください。", "Name the service."),
    {.field = "model",
     .flags = CHECK_REQUIRED | CHECK_ENUM_SET,
     .rule = "R10",
     .ja = "サービス形態（SaaS、PaaS、IaaS）を指定してください。",
     .en = "Say what the service is: SaaS, PaaS or IaaS."},
    SHEET_ROW("function_used", TEXT_BYTES, "利用する機能を記入してください。",
              "Say which function of the service is used."),
    {.field = "confidentiality_class",
     .flags = CHECK_REQUIRED,
     .min = 1,
     .max = 3,
     .rule = "R11",
     .ja = "取り扱う情報の機密性の最高区分を1〜3で指定してください。",
     .en = "Give the highest confidentiality class handled: 1 to 3."},
    {.field = "base_services",
     .max = 32,
     .rule = "R17",
     .ja = "基盤とするサービスは32件までです。",
     .en = "Name at most 32 underlying services."},
};

static const struct check information_item[] = {
    SHEET_ROW("description", TEXT_BYTES, "情報の内容を記入してください。",
              "Describe the information."),
    CLASS_ROW("confidentiality_class", 3, "機密性の区分を1〜3で指定してください。",
              "Give the confidentiality class: 1 to 3."),
    CLASS_ROW("integrity_class", 2, "完全性の区分を1〜2で指定してください。",
              "Give the integrity class: 1 or 2."),
    CLASS_ROW("availability_class", 2, "可用性の区分を1〜2で指定してください。",
              "Give the availability class: 1 or 2."),
    LEVEL_ROW("confidentiality",
              "機密性が損なわれた場合の影響度（低位、中位、高位）を指定してください。",
              "Give the impact of a loss of confidentiality: low, moderate or high."),
    LEVEL_ROW("integrity", "完全性が損なわれた場合の影響度（低位、中位、高位）を指定してください。",
              "Give the impact of a loss of integrity: low, moderate or high."),
    LEVEL_ROW("availability",
              "可用性が損なわれた場合の影響度（低位、中位、高位）を指定してください。",
              "Give the impact of a loss of availability: low, moderate or high."),
    {.field = "damage_categories",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .min = 1,
     .max = 16,
     .rule = "R14",
     .ja = "想定される被害の区分を1つ以上指定してください。",
     .en = "Name at least one category of damage.",
     .item_bytes_max = RECORD_ID_BYTES},
    SHEET_ROW("reason", TEXT_BYTES, "影響度をそのように評価した理由を記入してください。",
              "Say why the impact is judged so."),
};

static const struct check assessment[] = {
    SHEET_PARTY_ROW("ministry", "評価した省庁の識別子を指定してください。",
                    "Give the party id of the ministry that assesses."),
    SHEET_ROW("bureau", NAME_BYTES, "評価した部局を記入してください。", "Name the bureau."),
    SHEET_PARTY_ROW("provider", "クラウドサービス事業者の識別子を指定してください。",
                    "Give the party id of the provider."),
    SHEET_ROW("service_name", NAME_BYTES, "サービスの名称を記入してください。",
              "Name the service."),
    {.field = "business",
     .flags = CHECK_REQUIRED,
     .rule = "R14",
     .ja = "業務を記入してください。",
     .en = "Say which business the service is used for."},
    {.field = "items",
     .flags = CHECK_REQUIRED,
     .min = 1,
     .max = 64,
     .rule = "R14",
     .ja = "取り扱う情報を1件以上記入してください。",
     .en = "List the information handled, at least one item."},
    SHEET_ROW("assessor", NAME_BYTES, "評価者を記入してください。", "Name the assessor."),
    SHEET_ROW("approver", NAME_BYTES, "承認者を記入してください。", "Name the approver."),
    {.field = "assessed_on",
     .flags = CHECK_REQUIRED | CHECK_DATE,
     .rule = "R14",
     .ja = "評価日を YYYY-MM-DD の形式で入力してください。",
     .en = "Give the date of the assessment as YYYY-MM-DD."},
};

static const struct check signed_assessment[] = {
    {.field = "assessment",
     .flags = CHECK_REQUIRED,
     .max = ASSESSMENT_BYTES,
     .rule = "R14",
     .ja = "省庁が署名した影響度評価シートを、受け取ったまま添付してください。",
     .en = "Attach the assessment exactly as the ministry signed it."},
    {.field = "key_id",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .max = KEY_ID_BYTES,
     .rule = "R14",
     .ja = "省庁の署名鍵の識別子を指定してください。",
     .en = "Name the ministry's signing key."},
    {.field = "signature",
     .flags = CHECK_REQUIRED,
     .min = 64,
     .max = 64,
     .rule = "R14",
     .ja = "省庁の署名（Ed25519、64バイト）を添付してください。",
     .en = "Attach the ministry's signature: Ed25519, 64 bytes."},
};

static const struct check submit_pre_application[] = {
    {.field = "service",
     .flags = CHECK_REQUIRED,
     .rule = "R14",
     .ja = "サービスについて記入してください。",
     .en = "Describe the service."},
    {.field = "business",
     .flags = CHECK_REQUIRED,
     .rule = "R14",
     .ja = "業務を記入してください。",
     .en = "Say which business the service is used for."},
    {.field = "attached",
     .max = 8,
     .rule = "R12",
     .ja = "添付できる影響度評価シートは8件までです。",
     .en = "Attach at most 8 assessments."},
    {.field = "asked_ministries",
     .flags = CHECK_ID,
     .max = 16,
     .rule = "R12",
     .ja = "影響度評価を依頼した省庁の識別子を16件以内で指定してください。",
     .en = "Give the party ids of the ministries asked, at most 16."},
    {.field = "gbiz_id",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .max = RECORD_ID_BYTES,
     .rule = "R15",
     .ja = "GビズID を入力してください。",
     .en = "Give the GbizID reference of the applicant."},
    {.field = "contact",
     .max = LINE_BYTES,
     .ja = "連絡先を記入してください。",
     .en = "Give a contact."},
};

static const struct check submit_assessment[] = {
    CASE_ID_ROW,
    {.field = "assessment",
     .flags = CHECK_REQUIRED,
     .rule = "R14",
     .ja = "影響度評価シートを記入してください。",
     .en = "Fill in the assessment."},
};

static const struct check withdraw_case[] = {CASE_ID_ROW, REASON_ROW("reason")};

static const struct check case_id[] = {CASE_ID_ROW};

static const struct check page[] = {PAGE_ROWS};

static const struct check_table tables[] = {
    CHECKS_TABLE(question_answer, question_answer),
    CHECKS_TABLE(business_claim, business_claim),
    CHECKS_TABLE(base_service, base_service),
    CHECKS_TABLE(service_description, service_description),
    CHECKS_TABLE(information_item, information_item),
    CHECKS_TABLE(assessment, assessment),
    CHECKS_TABLE(signed_assessment, signed_assessment),
    CHECKS_TABLE(submit_pre_application, submit_pre_application),
    CHECKS_TABLE(submit_assessment, submit_assessment),
    CHECKS_TABLE(withdraw_case, withdraw_case),
    CHECKS_TABLE(get_case, case_id),
    CHECKS_TABLE(list_cases, page),
    CHECKS_TABLE(list_waiting, page),
};

const struct check_topic checks_case = {tables, CHECKS_COUNT(tables)};
