/* What the frame itself must have, and the requests that every service answers. */
#include "wire/checks.h"

#include "base/limits.h"
#include "ismap/liu/v1/envelope.pb-c.h"
#include "ismap/liu/v1/event.pb-c.h"

#define TYPE_BYTES 128
#define FETCH_TYPES 32

static const struct check envelope[] = {
    {.field = "version",
     .flags = CHECK_REQUIRED,
     .min = 1,
     .max = 1,
     .rule = "P-VERSION",
     .ja = "このプロトコルの版は 1 です。",
     .en = "The protocol version is 1."},
    {.field = "id",
     .flags = CHECK_REQUIRED | CHECK_MESSAGE_ID,
     .min = 8,
     .max = 64,
     .rule = "P-ID",
     .ja = "送信者内で一意な識別子を、英数字と . _ - の8〜64文字で付けてください。",
     .en = "Give an id unique for the sender: 8 to 64 letters, digits and . _ -"},
    {.field = "type",
     .flags = CHECK_REQUIRED | CHECK_TOKEN,
     .max = TYPE_BYTES,
     .rule = "P-TYPE",
     .ja = "payload の完全な型名を指定してください（例: ismap.liu.v1.GetCase）。",
     .en = "Give the full name of the payload's type, e.g. ismap.liu.v1.GetCase."},
    {.field = "payload", .max = LIMIT_FRAME_BYTES, .rule = "P-LENGTH"},
    {.field = "sent_at_ms",
     .flags = CHECK_REQUIRED | CHECK_TIME,
     .rule = "P-TIME",
     .ja = "送信時刻を1970年からのミリ秒で指定してください。",
     .en = "Give the time of sending in milliseconds since 1970."},
    {.field = "deadline_ms",
     .flags = CHECK_TIME,
     .rule = "P-TIME",
     .ja = "期限は1970年からのミリ秒で指定するか、0 にしてください。",
     .en = "Give the deadline in milliseconds since 1970, or 0 for none."},
    {.field = "trace",
     .flags = CHECK_TOKEN,
     .max = 128,
     .rule = "P-TRACE",
     .ja = "W3C traceparent の形式で指定するか、空にしてください。",
     .en = "Give a W3C traceparent, or leave it empty."},
    {.field = "signature",
     .min = 64,
     .max = 64,
     .rule = "P-SIGNATURE",
     .ja = "Ed25519 署名は64バイトです。",
     .en = "An Ed25519 signature has 64 bytes."},
    {.field = "key_id",
     .flags = CHECK_TOKEN,
     .max = KEY_ID_BYTES,
     .rule = "P-SIGNATURE",
     .ja = "署名鍵の識別子を英数字と . _ / - で指定してください。",
     .en = "Name the signing key with letters, digits and . _ / -"},
};

static const struct check fetch_events[] = {
    {.field = "epoch",
     .flags = CHECK_TOKEN,
     .max = 64,
     .ja = "最初の呼び出しでは空に、以後は前回の応答の値を指定してください。",
     .en = "Leave it empty in the first call, then give the value of the last answer."},
    {.field = "types",
     .flags = CHECK_TOKEN,
     .max = FETCH_TYPES,
     .item_bytes_max = TYPE_BYTES,
     .ja = "イベントの完全な型名を32件以内で指定してください。",
     .en = "Give full names of event types, at most 32."},
    {.field = "max",
     .min = 1,
     .max = LIMIT_FETCH_EVENTS,
     .rule = "P-FETCH",
     .ja = "一度に取得できるイベントは256件までです。",
     .en = "One call fetches at most 256 events."},
    {.field = "wait_ms",
     .max = LIMIT_FETCH_WAIT_MS,
     .rule = "P-FETCH",
     .ja = "待ち時間は30000ミリ秒までです。",
     .en = "The wait is at most 30000 ms."},
};

static const struct check settle_event[] = {
    {.field = "seq",
     .flags = CHECK_REQUIRED,
     .ja = "隔離された出来事の記録番号を指定してください。",
     .en = "Give the journal number of the quarantined event."},
    REASON_ROW("reason"),
};

static const struct check_table tables[] = {
    CHECKS_TABLE(requeue_event, settle_event),
    CHECKS_TABLE(discard_event, settle_event),
    CHECKS_TABLE(envelope, envelope),
    CHECKS_TABLE(fetch_events, fetch_events),
};

const struct check_topic checks_frame = {tables, CHECKS_COUNT(tables)};
