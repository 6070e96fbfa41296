/* Registration, the public list, declared uses. Which documents must be there is decided under R40
 * by intake, not here. */
#include "wire/checks.h"

#include "ismap/liu/v1/listing.pb-c.h"

#define CLASS_ROW                                                                                  \
    {                                                                                              \
        .field = "data_class", .flags = CHECK_REQUIRED, .min = 1, .max = 3, .rule = "R88",         \
        .ja = "取り扱う情報の機密性の区分を1〜3で指定してください。",                              \
        .en = "Give the confidentiality class of the data: 1 to 3."                                \
    }
#define LEVEL_ROW                                                                                  \
    {                                                                                              \
        .field = "level", .flags = CHECK_REQUIRED | CHECK_ENUM_SET, .rule = "R88",                 \
        .ja = "業務・情報の影響度（低位、中位、高位）を指定してください。",                        \
        .en = "Give the impact level of the use: low, moderate or high."                           \
    }

static const struct check document_ref[] = {
    {.field = "reference",
     .flags = CHECK_REQUIRED,
     .max = LINE_BYTES,
     .rule = "R40",
     .ja = "文書の所在を記入してください。",
     .en = "Say where the document is kept."},
    {.field = "sha256",
     .flags = CHECK_REQUIRED,
     .min = 32,
     .max = 32,
     .rule = "R40",
     .ja = "文書の SHA-256（32バイト）を指定してください。",
     .en = "Give the document's SHA-256: 32 bytes."},
    {.field = "issued_on",
     .flags = CHECK_DATE,
     .rule = "R40",
     .ja = "発行日を YYYY-MM-DD の形式で入力してください。",
     .en = "Give the date of issue as YYYY-MM-DD."},
    {.field = "issuer",
     .max = NAME_BYTES,
     .rule = "R40",
     .ja = "発行者を記入してください。",
     .en = "Say who issued the document."},
};

static const struct check service_identity[] = {
    {.field = "domains",
     .flags = CHECK_DOMAIN,
     .max = 64,
     .item_bytes_max = 253,
     .ja = "ドメイン名を example.jp のように英小文字で、64件以内で入力してください。",
     .en = "Give domain names such as example.jp, in lower case, at most 64."},
    {.field = "address_ranges",
     .flags = CHECK_CIDR,
     .max = 64,
     .item_bytes_max = 64,
     .ja = "ネットワークを 192.0.2.0/24 や 2001:db8::/32 の形式で、64件以内で入力してください。",
     .en = "Give networks such as 192.0.2.0/24 or 2001:db8::/32, at most 64, no bit set behind the "
           "prefix."},
    {.field = "product_ids",
     .max = 64,
     .item_bytes_max = NAME_BYTES,
     .ja = "製品の識別子を64件以内で入力してください。",
     .en = "Give at most 64 product ids."},
    {.field = "aliases",
     .max = 64,
     .item_bytes_max = NAME_BYTES,
     .ja = "別名を64件以内で入力してください。",
     .en = "Give at most 64 other names."},
};

static const struct check submit_registration[] = {
    {.field = "case_id",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .max = RECORD_ID_BYTES,
     .rule = "R40",
     .ja = "該当性ありと判定された案件の番号を指定してください。",
     .en = "Give the case whose verdict is positive."},
    {.field = "audit_period_start",
     .flags = CHECK_REQUIRED | CHECK_DATE,
     .rule = "R41",
     .ja = "監査対象期間の初日を YYYY-MM-DD の形式で入力してください。",
     .en = "Give the first day of the audit period as YYYY-MM-DD."},
    {.field = "audit_period_end",
     .flags = CHECK_REQUIRED | CHECK_DATE,
     .rule = "R41",
     .ja = "監査対象期間の末日を YYYY-MM-DD の形式で入力してください。",
     .en = "Give the last day of the audit period as YYYY-MM-DD."},
    {.field = "scope",
     .max = TEXT_BYTES,
     .rule = "R47",
     .ja = "言明の対象範囲を記入してください。",
     .en = "Describe the scope of the statement."},
    {.field = "regions",
     .max = 16,
     .rule = "R47",
     .item_bytes_max = NAME_BYTES,
     .ja = "リージョンを16件以内で記入してください。",
     .en = "Name the regions, at most 16."},
};

/* What every decision of the committee carries. */
#define COMMITTEE_DATE_ROW                                                                         \
    {                                                                                              \
        .field = "committee_date", .flags = CHECK_REQUIRED | CHECK_DATE, .rule = "R46",            \
        .ja = "ISMAP運営委員会の開催日を YYYY-MM-DD の形式で入力してください。",                   \
        .en = "Give the date of the committee meeting as YYYY-MM-DD."                              \
    }
#define DECISION_REFERENCE_ROW                                                                     \
    {                                                                                              \
        .field = "decision_reference", .flags = CHECK_REQUIRED, .max = NAME_BYTES, .rule = "R46",  \
        .ja = "決定の文書番号を記入してください。", .en = "Give the reference of the decision."    \
    }

static const struct check decide_registration[] = {
    NUMBER_ROW,
    COMMITTEE_DATE_ROW,
    DECISION_REFERENCE_ROW,
    {.field = "reason",
     .max = TEXT_BYTES,
     .rule = "R46",
     .ja = "決定の理由を記入してください。",
     .en = "Give the reason of the decision."},
};

static const struct check withdraw_registration[] = {NUMBER_ROW, REASON_ROW("reason")};

static const struct check cancel_registration[] = {
    NUMBER_ROW,
    {.field = "ground",
     .flags = CHECK_REQUIRED | CHECK_ENUM_SET,
     .rule = "R87",
     .ja = "取消しの事由の区分を指定してください。",
     .en = "Give the ground of the cancellation."},
    COMMITTEE_DATE_ROW,
    DECISION_REFERENCE_ROW,
    REASON_ROW("reason"),
};

static const struct check query_procurable[] = {
    {.field = "list",
     .flags = CHECK_REQUIRED | CHECK_ENUM_SET,
     .rule = "R88",
     .ja = "照会するリスト（ISMAP、ISMAP-LIU）を指定してください。",
     .en = "Say which list is asked: ISMAP or ISMAP-LIU."},
    {.field = "business",
     .flags = CHECK_TOKEN,
     .max = 32,
     .rule = "R88",
     .ja = "対象業務の番号（例: TB-1）を指定するか、空にしてください。",
     .en = "Give the target business, e.g. TB-1, or leave it empty."},
    CLASS_ROW,
    LEVEL_ROW,
    PAGE_ROWS,
};

static const struct check declare_use[] = {
    NUMBER_ROW,
    {.field = "business",
     .flags = CHECK_REQUIRED,
     .max = LINE_BYTES,
     .rule = "R88",
     .ja = "利用する業務を記入してください。",
     .en = "Say which business the service is used for."},
    CLASS_ROW,
    LEVEL_ROW,
    {.field = "contact",
     .max = LINE_BYTES,
     .ja = "一時停止の連絡先を記入してください。",
     .en = "Say whom to tell of a suspension."},
};

static const struct check number[] = {NUMBER_ROW};
static const struct check page[] = {PAGE_ROWS};

static const struct check_table tables[] = {
    CHECKS_TABLE(document_ref, document_ref),
    CHECKS_TABLE(service_identity, service_identity),
    CHECKS_TABLE(submit_registration, submit_registration),
    CHECKS_TABLE(decide_registration, decide_registration),
    CHECKS_TABLE(withdraw_registration, withdraw_registration),
    CHECKS_TABLE(cancel_registration, cancel_registration),
    CHECKS_TABLE(query_procurable, query_procurable),
    CHECKS_TABLE(declare_use, declare_use),
    CHECKS_TABLE(get_registry_entry, number),
    CHECKS_TABLE(list_registry, page),
};

const struct check_topic checks_listing = {tables, CHECKS_COUNT(tables)};
