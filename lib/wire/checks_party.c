/* Parties and feeds. */
#include "wire/checks.h"

#include "base/limits.h"
#include "ismap/liu/v1/party.pb-c.h"

#define PARTY_ID_ROW(name)                                                                         \
    {                                                                                              \
        .field = name, .flags = CHECK_REQUIRED | CHECK_ID,                                         \
        .ja = "識別子を英小文字・数字・ハイフンの2〜32文字で指定してください。",                   \
        .en = "Give the id: 2 to 32 lower-case letters, digits and hyphens."                       \
    }

static const struct check signing_key[] = {
    {.field = "key_id",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .max = KEY_ID_BYTES,
     .ja = "署名鍵に、この主体の中で一意な識別子を付けてください。",
     .en = "Give the signing key an id that is unique within the party."},
    {.field = "public_key",
     .flags = CHECK_REQUIRED,
     .min = 32,
     .max = 32,
     .ja = "Ed25519 公開鍵を32バイトで指定してください。",
     .en = "Give the Ed25519 public key: 32 bytes."},
};

static const struct check party_keys[] = {
    {.field = "curve",
     .flags = CHECK_REQUIRED | CHECK_Z85,
     .min = 1,
     .max = 2,
     .ja = "CURVE 公開鍵（Z85、40文字）を1つか2つ指定してください。",
     .en = "Give one or two CURVE public keys, 40 characters of Z85 each."},
    {.field = "signing",
     .max = 2,
     .ja = "有効な署名鍵は2つまでです。",
     .en = "At most two signing keys may be live."},
};

static const struct check party[] = {
    PARTY_ID_ROW("id"),
    {.field = "role",
     .flags = CHECK_REQUIRED | CHECK_ENUM_SET,
     .ja = "主体の種別（運用者、事業者、省庁、監査機関、閲覧者）を指定してください。",
     .en = "Say what the party is: operator, provider, ministry, audit body, observer."},
    {.field = "name_ja",
     .flags = CHECK_REQUIRED,
     .max = NAME_BYTES,
     .ja = "日本語の名称を入力してください。",
     .en = "Give the name in Japanese."},
    {.field = "name_en",
     .max = NAME_BYTES,
     .ja = "英語の名称を入力してください。",
     .en = "Give the name in English."},
    {.field = "keys",
     .flags = CHECK_REQUIRED,
     .ja = "鍵を指定してください。",
     .en = "Give the keys."},
    {.field = "body",
     .flags = CHECK_ID,
     .rule = "R12",
     .ja = "属する府省庁の識別子を指定するか、空にしてください。",
     .en = "Give the id of the ministry this bureau belongs to, or leave it empty."},
    {.field = "valid_until",
     .flags = CHECK_DATE,
     .rule = "R55",
     .ja = "登録の最終日を YYYY-MM-DD で入力するか、空にしてください。",
     .en = "Give the last day of registration as YYYY-MM-DD, or leave it empty."},
    {.field = "gbiz_id",
     .flags = CHECK_TOKEN,
     .max = RECORD_ID_BYTES,
     .rule = "R15",
     .ja = "確認済みの GビズID を英数字で入力してください。",
     .en = "Give the verified GbizID reference in letters and digits."},
    {.field = "changed_by", .max = RECORD_ID_BYTES},
};

static const struct check add_party[] = {
    {.field = "party",
     .flags = CHECK_REQUIRED,
     .ja = "主体の情報を指定してください。",
     .en = "Give the party."},
};

static const struct check revoke_party[] = {PARTY_ID_ROW("id"), REASON_ROW("reason")};

static const struct check feed[] = {
    PARTY_ID_ROW("id"),
    {.field = "name_ja",
     .flags = CHECK_REQUIRED,
     .max = NAME_BYTES,
     .ja = "日本語の名称を入力してください。",
     .en = "Give the name in Japanese."},
    {.field = "name_en",
     .max = NAME_BYTES,
     .ja = "英語の名称を入力してください。",
     .en = "Give the name in English."},
    {.field = "operator_body",
     .flags = CHECK_REQUIRED,
     .max = NAME_BYTES,
     .ja = "運営する組織を指定してください。独立した情報源かどうかの判定に使用します。",
     .en = "Say who runs the feed: it decides whether two feeds are independent."},
    {.field = "keys",
     .flags = CHECK_REQUIRED,
     .ja = "鍵を指定してください。",
     .en = "Give the keys."},
    {.field = "speaks_for",
     .flags = CHECK_REQUIRED,
     .item_bytes_max = RECORD_ID_BYTES,
     .ja = "対象の登録番号、またはすべてを表す * を指定してください。",
     .en = "Give the listing numbers the feed speaks for, or * for all."},
    {.field = "heartbeat_s",
     .max = 7 * 24 * 3600,
     .ja = "無音とみなすまでの秒数を7日以内で指定してください。0 は監視なしです。",
     .en = "Give the silence that is an alarm, in seconds, up to 7 days; 0 = not watched."},
    {.field = "urgent_per_minute",
     .max = 60000,
     .ja = "緊急口の1分あたりの上限を指定してください。",
     .en = "Give the rate of the urgent door, alerts a minute."},
    {.field = "changed_by", .max = RECORD_ID_BYTES},
};

static const struct check add_feed[] = {
    {.field = "feed",
     .flags = CHECK_REQUIRED,
     .ja = "フィードの情報を指定してください。",
     .en = "Give the feed."},
};

static const struct check revoke_feed[] = {PARTY_ID_ROW("id"), REASON_ROW("reason")};

static const struct check page[] = {PAGE_ROWS};

static const struct check_table tables[] = {
    CHECKS_TABLE(signing_key, signing_key),
    CHECKS_TABLE(party_keys, party_keys),
    CHECKS_TABLE(party, party),
    CHECKS_TABLE(add_party, add_party),
    CHECKS_TABLE(revoke_party, revoke_party),
    CHECKS_TABLE(list_parties, page),
    CHECKS_TABLE(feed, feed),
    CHECKS_TABLE(add_feed, add_feed),
    CHECKS_TABLE(revoke_feed, revoke_feed),
    CHECKS_TABLE(list_feeds, page),
};

const struct check_topic checks_party = {tables, CHECKS_COUNT(tables)};
