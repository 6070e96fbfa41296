/* A walk over raw protobuf bytes, for the faults that unpacking hides: text cut at a NUL, unknown
 * fields of a sub-message that came twice, two values of one single field. */
#include "wire/validate.h"

#include <string.h>

#include "base/limits.h"
#include "wire/path.h"
#include "wire/text_check.h"

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct level {
    const ProtobufCMessageDescriptor *type;
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
    uint64_t seen; /* single fields by index; messages have fewer than 64 fields (tested) */
    const ProtobufCFieldDescriptor *field; /* being read */
    const uint8_t *field_at;               /* its tag */
};

struct scan {
    struct arena *arena;
    struct faults *out;
    struct level levels[LIMIT_NESTING];
    size_t depth;
};

struct piece {
    uint64_t number;
    unsigned wire_type;
    const uint8_t *data; /* of WIRE_BYTES */
    size_t bytes;
};

static bool read_varint(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70 && *at < end; shift += 7) {
        uint8_t b = *(*at)++;
        v |= (uint64_t)(b & 0x7f) << (shift < 64 ? shift : 63);
        if ((b & 0x80) == 0) {
            *out = v;
            return true;
        }
    }
    return false;
}

/* Reads tag and value of one field; false = malformed. */
static bool read_piece(const uint8_t **at, const uint8_t *end, struct piece *p)
{
    uint64_t v;
    if (!read_varint(at, end, &v) || v >> 3 == 0 || v > UINT32_MAX)
        return false;
    p->number = v >> 3;
    p->wire_type = (unsigned)(v & 7);
    size_t skip;
    switch (p->wire_type) {
    case WIRE_VARINT:
        return read_varint(at, end, &v);
    case WIRE_FIXED64:
        skip = 8;
        break;
    case WIRE_FIXED32:
        skip = 4;
        break;
    case WIRE_BYTES:
        if (!read_varint(at, end, &v) || v > (uint64_t)(end - *at))
            return false;
        p->data = *at;
        p->bytes = (size_t)v;
        skip = p->bytes;
        break;
    default:
        return false;
    }
    if (skip > (size_t)(end - *at))
        return false;
    *at += skip;
    return true;
}

/* How often the field came before: only for the path of a fault. */
static size_t item_of(const struct level *l)
{
    size_t n = 0;
    const uint8_t *at = l->start;
    struct piece p;
    while (at < l->field_at && read_piece(&at, l->end, &p))
        if (p.number == l->field->id)
            n++;
    return n;
}

static void report(struct scan *s, const struct level *last, const char *rule, const char *ja,
                   const char *en)
{
    struct path_step steps[LIMIT_NESTING];
    size_t n = 0;
    for (const struct level *l = s->levels; l <= last; l++) {
        if (l->field == NULL)
            break;
        bool list = l->field->label == PROTOBUF_C_LABEL_REPEATED;
        steps[n++] = (struct path_step){l->field, list ? item_of(l) : PATH_NO_ITEM};
    }
    char path[WIRE_PATH_BYTES];
    wire_path(steps, n, path);
    faults_add(s->out, s->arena, path, rule, ja, en);
}

static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessageDescriptor *d,
                                                uint64_t number)
{
    return number > INT32_MAX ? NULL : protobuf_c_message_descriptor_get_field(d, (unsigned)number);
}

static void check_text(struct scan *s, const struct level *l, const struct piece *p)
{
    if (memchr(p->data, 0, p->bytes) != NULL)
        report(s, l, "P-NUL", "文字列に NUL 文字を含めることはできません。",
               "Text must not contain a NUL character.");
    else if (!text_check_utf8((const char *)p->data, p->bytes))
        report(s, l, "P-UTF8", "文字列は UTF-8 で送信してください。", "Send text as UTF-8.");
}

static void check_once(struct scan *s, struct level *l)
{
    if (l->field->label == PROTOBUF_C_LABEL_REPEATED)
        return;
    size_t i = (size_t)(l->field - l->type->fields);
    uint64_t bit = i < 64 ? (uint64_t)1 << i : 0;
    if ((l->seen & bit) != 0)
        report(s, l, "P-DUPLICATE-FIELD", "この項目は一度だけ送信してください。",
               "Send this field only once.");
    l->seen |= bit;
}

/* One field of the top level; may open a level. */
static enum err scan_field(struct scan *s, struct level *l)
{
    struct piece p = {0};
    l->field_at = l->at;
    l->field = NULL;
    if (!read_piece(&l->at, l->end, &p))
        return ERR_PROTO;
    l->field = field_of(l->type, p.number);
    if (l->field == NULL) {
        report(s, l, "P-UNKNOWN-FIELD", "この形式にない項目が含まれています。",
               "There is a field that this message type does not have.");
        return ERR_OK;
    }
    check_once(s, l);
    bool text = l->field->type == PROTOBUF_C_TYPE_STRING;
    bool message = l->field->type == PROTOBUF_C_TYPE_MESSAGE;
    if (!text && !message)
        return ERR_OK; /* a wrong wire type is found by unpacking */
    if (p.wire_type != WIRE_BYTES)
        return ERR_PROTO;
    if (text) {
        check_text(s, l, &p);
        return ERR_OK;
    }
    if (s->depth == LIMIT_NESTING)
        return ERR_LIMIT;
    s->levels[s->depth++] = (struct level){
        .type = l->field->descriptor, .start = p.data, .at = p.data, .end = p.data + p.bytes};
    return ERR_OK;
}

enum err wire_scan(const ProtobufCMessageDescriptor *d, const uint8_t *data, size_t bytes,
                   struct arena *a, struct faults *out)
{
    if (bytes == 0)
        return ERR_OK;
    struct scan s;
    s.arena = a;
    s.out = out;
    s.depth = 1;
    s.levels[0] = (struct level){.type = d, .start = data, .at = data, .end = data + bytes};
    while (s.depth > 0 && !out->more) {
        struct level *l = &s.levels[s.depth - 1];
        if (l->at == l->end) {
            s.depth--;
            continue;
        }
        enum err e = scan_field(&s, l);
        if (e != ERR_OK)
            return e;
    }
    return ERR_OK;
}
