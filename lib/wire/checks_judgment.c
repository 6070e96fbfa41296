/* Operators' decisions on verdicts, entries of the target list, rulebooks; plans. */
#include "wire/checks.h"

#include "ismap/liu/v1/judgment.pb-c.h"
#include "ismap/liu/v1/plan.pb-c.h"

#define RULEBOOK_BYTES (200 * 1024)

#define WORDS_ROW(name, text_ja, text_en)                                                          \
    {                                                                                              \
        .field = name, .flags = CHECK_REQUIRED, .max = TEXT_BYTES, .rule = "R20", .ja = text_ja,   \
        .en = text_en                                                                              \
    }
#define CHOICE_ROW(name, text_ja, text_en)                                                         \
    {                                                                                              \
        .field = name, .flags = CHECK_REQUIRED | CHECK_ENUM_SET, .rule = "R20", .ja = text_ja,     \
        .en = text_en                                                                              \
    }

static const struct check question[] = {
    {.field = "id",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .max = RECORD_ID_BYTES,
     .rule = "R20",
     .ja = "設問の番号を指定してください（例: TB9.Q1）。",
     .en = "Give the question an id, e.g. TB9.Q1."},
    WORDS_ROW("text_ja", "設問を日本語で記入してください。", "Give the question in Japanese."),
    WORDS_ROW("text_en", "設問を英語で記入してください。", "Give the question in English."),
    CHOICE_ROW("match", "該当となる回答を指定してください。",
               "Give the answer that lets the business match."),
    CHOICE_ROW("basis", "設問の根拠（明記、例示、推定）を指定してください。",
               "Say what the question rests on: stated, example or inferred."),
    CHOICE_ROW("effect", "設問の効果（判定、要確認、注記）を指定してください。",
               "Say what the answer does: decides, review or note."),
    {.field = "any_of",
     .flags = CHECK_TOKEN,
     .max = RECORD_ID_BYTES,
     .rule = "R20",
     .ja = "設問の組の名前を英数字で指定するか、空にしてください。",
     .en = "Name the group of questions in letters and digits, or leave it empty."},
};

static const struct check target_business[] = {
    {.field = "code",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .max = 32,
     .rule = "R20",
     .ja = "対象業務の番号を指定してください（例: TB-9）。",
     .en = "Give the entry a code, e.g. TB-9."},
    WORDS_ROW("criterion_ja", "対象業務の基準を日本語で記入してください。",
              "Give the criterion in Japanese."),
    WORDS_ROW("criterion_en", "対象業務の基準を英語で記入してください。",
              "Give the criterion in English."),
    {.field = "checklist",
     .flags = CHECK_REQUIRED,
     .min = 1,
     .max = 32,
     .rule = "R20",
     .ja = "設問を1〜32件記入してください。",
     .en = "Give 1 to 32 questions."},
    {.field = "examples_ja",
     .max = 32,
     .rule = "R20",
     .ja = "例は32件までです。",
     .en = "Give at most 32 examples."},
    {.field = "examples_en",
     .max = 32,
     .rule = "R20",
     .ja = "例は32件までです。",
     .en = "Give at most 32 examples."},
    {.field = "from_case",
     .flags = CHECK_TOKEN,
     .max = RECORD_ID_BYTES,
     .rule = "R23",
     .ja = "もとになった案件の番号を指定するか、空にしてください。",
     .en = "Give the case that led to the entry, or leave it empty."},
};

static const struct check confirm_verdict[] = {
    CASE_ID_ROW,
    {.field = "reason",
     .flags = CHECK_REQUIRED,
     .max = TEXT_BYTES,
     .rule = "R23",
     .ja = "妥当性を認める、または認めない理由を記入してください。",
     .en = "Say why the judgment is confirmed or denied."},
};

static const struct check case_id[] = {CASE_ID_ROW};

static const struct check activate_rulebook[] = {
    {.field = "canonical",
     .flags = CHECK_REQUIRED,
     .max = RULEBOOK_BYTES,
     .ja = "正規形の規則集を指定してください。",
     .en = "Give the rulebook in its canonical form."},
    {.field = "reason",
     .flags = CHECK_REQUIRED,
     .max = TEXT_BYTES,
     .ja = "規則集を有効にする理由を記入してください。",
     .en = "Say why the rulebook is activated."},
};

static const struct check_table tables[] = {
    CHECKS_TABLE(question, question),
    CHECKS_TABLE(target_business, target_business),
    CHECKS_TABLE(confirm_verdict, confirm_verdict),
    CHECKS_TABLE(get_verdict, case_id),
    CHECKS_TABLE(replay_verdict, case_id),
    CHECKS_TABLE(get_plan, case_id),
    CHECKS_TABLE(activate_rulebook, activate_rulebook),
};

const struct check_topic checks_judgment = {tables, CHECKS_COUNT(tables)};
