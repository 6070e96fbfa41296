/* Walks an unpacked message with its descriptors and holds every value against its row. No
 * recursion: the levels of the message are an array. */
#include "wire/validate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "wire/checks.h"
#include "wire/path.h"
#include "wire/text_check.h"

#define STRING_BYTES_MAX 4096
#define LIST_ITEMS_MAX 256

enum kind {
    FAULT_MISSING,
    FAULT_EMPTY_ITEM,
    FAULT_LENGTH,
    FAULT_RANGE,
    FAULT_ITEMS,
    FAULT_FORMAT,
    FAULT_ENUM,
    FAULT_UTF8,
};

/* What is said when the row has no words, or must not have the last one. */
static const struct {
    const char *rule;
    const char *ja;
    const char *en;
} general[] = {
    [FAULT_MISSING] = {"P-FIELD", "必須の項目です。入力してください。", "This field is required."},
    [FAULT_EMPTY_ITEM] = {"P-FIELD", "空の要素を含めないでください。",
                          "The list must not have empty items."},
    [FAULT_LENGTH] = {"P-LENGTH", "長さを範囲内にしてください。", "The length is out of bounds."},
    [FAULT_RANGE] = {"P-FIELD", "値を範囲内にしてください。", "The value is out of bounds."},
    [FAULT_ITEMS] = {"P-ITEMS", "件数を範囲内にしてください。",
                     "The number of items is out of bounds."},
    [FAULT_FORMAT] = {"P-FIELD", "形式が正しくありません。", "The format is wrong."},
    [FAULT_ENUM] = {"P-ENUM", "定義された値のいずれかを指定してください。",
                    "Use one of the defined values."},
    [FAULT_UTF8] = {"P-UTF8", "文字列は UTF-8 で送信してください。", "Send text as UTF-8."},
};

static const struct {
    unsigned flag;
    const char *ja;
    const char *en;
} formats[] = {
    {CHECK_DATE, "実在する日付を YYYY-MM-DD の形式で入力してください。",
     "Give a real date as YYYY-MM-DD."},
    {CHECK_ID, "英小文字・数字・ハイフンで2〜32文字にしてください。先頭は英小文字か数字です。",
     "Use 2 to 32 lower-case letters, digits and hyphens, not beginning with a hyphen."},
    {CHECK_TOKEN, "英数字と . _ / - だけを使用してください。",
     "Use letters, digits and . _ / - only."},
    {CHECK_TIME, "2000年から2999年までの時刻をミリ秒で指定してください。",
     "Give a time of the years 2000 to 2999 in milliseconds since 1970."},
    {CHECK_CIDR, "ネットワークを 192.0.2.0/24 や 2001:db8::/32 の形式で入力してください。",
     "Give a network such as 192.0.2.0/24 or 2001:db8::/32, with no bit set behind the prefix."},
    {CHECK_DOMAIN, "ドメイン名を example.jp のように英小文字で入力してください。",
     "Give a domain name such as example.jp, in lower case."},
    {CHECK_MESSAGE_ID, "英数字と . _ - だけを使用してください。",
     "Use letters, digits and . _ - only."},
    {CHECK_Z85, "CURVE 公開鍵を Z85 の40文字で入力してください。",
     "Give the CURVE public key as 40 characters of Z85."},
};

struct level {
    const ProtobufCMessage *m;
    const struct check *const *rows; /* NULL: none for this type */
    unsigned field;                  /* next to look at */
    struct path_step at;             /* the one being looked at */
    ProtobufCMessage *const *subs;   /* messages still to enter */
    size_t n_subs;
    size_t next_sub;
};

struct walk {
    struct arena *arena;
    struct faults *out;
    struct level levels[LIMIT_NESTING];
    size_t depth;
};

static void say(struct walk *w, const char *rule, const char *ja, const char *en)
{
    struct path_step steps[LIMIT_NESTING];
    for (size_t i = 0; i < w->depth; i++)
        steps[i] = w->levels[i].at;
    char path[WIRE_PATH_BYTES];
    wire_path(steps, w->levels[w->depth - 1].at.field == NULL ? w->depth - 1 : w->depth, path);
    faults_add(w->out, w->arena, path, rule, ja, en);
}

static void report(struct walk *w, const struct check *row, enum kind kind)
{
    bool own = row != NULL && kind != FAULT_ENUM && kind != FAULT_UTF8;
    const char *rule = own ? (row->rule != NULL ? row->rule : "P-FIELD") : general[kind].rule;
    bool words = own && row->ja != NULL && row->en != NULL;
    say(w, rule, words ? row->ja : general[kind].ja, words ? row->en : general[kind].en);
}

static void report_format(struct walk *w, const struct check *row, unsigned flag)
{
    size_t i = 0;
    while (i + 1 < CHECKS_COUNT(formats) && formats[i].flag != flag)
        i++;
    if (row->ja != NULL && row->en != NULL)
        report(w, row, FAULT_FORMAT);
    else
        say(w, row->rule != NULL ? row->rule : "P-FIELD", formats[i].ja, formats[i].en);
}

/* Out of bounds: the row's words, and the bounds behind them. max 0 = no upper bound. */
static void report_bounds(struct walk *w, const struct check *row, enum kind kind, int64_t min,
                          int64_t max)
{
    bool words = row != NULL && row->ja != NULL && row->en != NULL;
    const char *unit_ja = kind == FAULT_LENGTH ? "バイト" : kind == FAULT_ITEMS ? "件" : "";
    const char *unit_en = kind == FAULT_LENGTH ? " bytes" : kind == FAULT_ITEMS ? " items" : "";
    char ja[640];
    char en[640];
    char upper[24] = "";
    if (max != 0)
        (void)snprintf(upper, sizeof upper, "%" PRId64, max);
    (void)snprintf(ja, sizeof ja, "%s（%" PRId64 "〜%s%s）", words ? row->ja : general[kind].ja,
                   min, upper, unit_ja);
    if (max != 0)
        (void)snprintf(en, sizeof en, "%s (%" PRId64 " to %s%s)",
                       words ? row->en : general[kind].en, min, upper, unit_en);
    else
        (void)snprintf(en, sizeof en, "%s (%" PRId64 " or more%s)",
                       words ? row->en : general[kind].en, min, unit_en);
    const char *rule = row == NULL ? general[kind].rule : row->rule != NULL ? row->rule : "P-FIELD";
    say(w, rule, ja, en);
}

static bool has(const struct check *row, unsigned flags)
{
    return row != NULL && (row->flags & flags) != 0;
}

static void check_string(struct walk *w, const struct check *row, const char *s, bool item)
{
    size_t n = s == NULL ? 0 : strlen(s);
    if (n == 0) {
        if (item && row != NULL)
            report(w, row, FAULT_EMPTY_ITEM);
        else if (!item && has(row, CHECK_REQUIRED))
            report(w, row, FAULT_MISSING);
        return;
    }
    int64_t min = row != NULL && !item ? row->min : 0;
    int64_t max = STRING_BYTES_MAX;
    if (row != NULL && item && row->item_bytes_max != 0)
        max = row->item_bytes_max;
    else if (row != NULL && !item && row->max != 0)
        max = row->max;
    if ((int64_t)n < min || (int64_t)n > max)
        report_bounds(w, row, FAULT_LENGTH, min, max);
    else if (!text_check_utf8(s, n))
        report(w, row, FAULT_UTF8);
    else if (has(row, CHECK_FORMATS)) {
        unsigned flag = text_check_format(row->flags, s, n);
        if (flag != 0)
            report_format(w, row, flag);
    }
}

static void check_bytes(struct walk *w, const struct check *row, size_t n)
{
    if (row == NULL)
        return;
    if (n == 0) {
        if (has(row, CHECK_REQUIRED))
            report(w, row, FAULT_MISSING);
        return;
    }
    if ((int64_t)n < row->min || (row->max != 0 && (int64_t)n > row->max))
        report_bounds(w, row, FAULT_LENGTH, row->min, row->max);
}

/* Numbers above INT64_MAX are given as INT64_MAX: no row allows either. */
static void check_number(struct walk *w, const struct check *row, int64_t v)
{
    if (row == NULL)
        return;
    if (v == 0) {
        if (has(row, CHECK_REQUIRED))
            report(w, row, FAULT_MISSING);
        return;
    }
    if (has(row, CHECK_TIME)) {
        if (!text_check_time(v))
            report_format(w, row, CHECK_TIME);
    } else if (v < row->min || (row->max != 0 && v > row->max)) {
        report_bounds(w, row, FAULT_RANGE, row->min, row->max);
    }
}

static void check_enum(struct walk *w, const struct check *row, const ProtobufCFieldDescriptor *f,
                       int v)
{
    if (v == 0 && has(row, CHECK_REQUIRED | CHECK_ENUM_SET))
        report(w, row, FAULT_MISSING);
    else if (protobuf_c_enum_descriptor_get_value(f->descriptor, v) == NULL)
        report(w, row, FAULT_ENUM);
}

static int64_t number_at(ProtobufCType type, const void *p)
{
    union {
        int32_t i32;
        uint32_t u32;
        int64_t i64;
        uint64_t u64;
    } v;
    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        memcpy(&v, p, sizeof v.i32);
        return v.i32;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        memcpy(&v, p, sizeof v.u32);
        return v.u32;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        memcpy(&v, p, sizeof v.u64);
        return v.u64 > INT64_MAX ? INT64_MAX : (int64_t)v.u64;
    default:
        memcpy(&v, p, sizeof v.i64);
        return v.i64;
    }
}

static void check_single(struct walk *w, struct level *l, const ProtobufCFieldDescriptor *f,
                         const struct check *row, const void *p)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_STRING:
        check_string(w, row, *(const char *const *)p, false);
        break;
    case PROTOBUF_C_TYPE_BYTES:
        check_bytes(w, row, ((const ProtobufCBinaryData *)p)->len);
        break;
    case PROTOBUF_C_TYPE_ENUM:
        check_enum(w, row, f, *(const int *)p);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        l->subs = p;
        l->n_subs = *l->subs == NULL ? 0 : 1;
        if (l->n_subs == 0 && has(row, CHECK_REQUIRED))
            report(w, row, FAULT_MISSING);
        break;
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        break;
    default:
        check_number(w, row, number_at(f->type, p));
        break;
    }
}

static void check_list(struct walk *w, struct level *l, const ProtobufCFieldDescriptor *f,
                       const struct check *row, const void *p, size_t n)
{
    int64_t min = row == NULL ? 0 : row->min;
    int64_t max = row == NULL || row->max == 0 ? LIST_ITEMS_MAX : row->max;
    if (n == 0) {
        if (has(row, CHECK_REQUIRED))
            report(w, row, FAULT_MISSING);
        return;
    }
    if ((int64_t)n < min || (int64_t)n > max) {
        report_bounds(w, row, FAULT_ITEMS, min, max);
        return;
    }
    const void *items = *(const void *const *)p;
    if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        l->subs = items;
        l->n_subs = n;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        l->at.item = i;
        if (f->type == PROTOBUF_C_TYPE_STRING)
            check_string(w, row, ((const char *const *)items)[i], true);
        else if (f->type == PROTOBUF_C_TYPE_ENUM)
            check_enum(w, row, f, ((const int *)items)[i]);
    }
}

static void check_field(struct walk *w, struct level *l)
{
    const ProtobufCFieldDescriptor *f = &l->m->descriptor->fields[l->field];
    const struct check *row = l->rows == NULL ? NULL : l->rows[l->field];
    const char *base = (const char *)l->m;
    l->at = (struct path_step){f, PATH_NO_ITEM};
    l->subs = NULL;
    l->n_subs = 0;
    l->next_sub = 0;
    l->field++;
    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
        size_t n;
        memcpy(&n, base + f->quantifier_offset, sizeof n);
        check_list(w, l, f, row, base + f->offset, n);
    } else {
        check_single(w, l, f, row, base + f->offset);
    }
}

static void enter(struct walk *w, const ProtobufCMessage *m)
{
    /* message types are not recursive (tested), and none is as deep as this */
    if (w->depth == LIMIT_NESTING) {
        say(w, "P-FIELD", "入れ子が深すぎます。", "The message is nested too deeply.");
        return;
    }
    struct level *l = &w->levels[w->depth++];
    *l = (struct level){.m = m, .rows = checks_of(m->descriptor)};
    if (m->n_unknown_fields != 0)
        say(w, "P-UNKNOWN-FIELD", "この形式にない項目が含まれています。",
            "There is a field that this message type does not have.");
}

void wire_validate(struct arena *a, const ProtobufCMessage *m, struct faults *out)
{
    struct walk w;
    w.arena = a;
    w.out = out;
    w.depth = 0;
    enter(&w, m);
    while (w.depth > 0 && !out->more) {
        struct level *l = &w.levels[w.depth - 1];
        if (l->next_sub < l->n_subs) {
            const ProtobufCMessage *sub = l->subs[l->next_sub];
            l->at.item =
                l->at.field->label == PROTOBUF_C_LABEL_REPEATED ? l->next_sub : PATH_NO_ITEM;
            l->next_sub++;
            if (sub != NULL)
                enter(&w, sub);
        } else if (l->field < l->m->descriptor->n_fields) {
            check_field(&w, l);
        } else {
            w.depth--;
        }
    }
}
