/* Messages to JSON, level by level. */
#include "wire/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/limits.h"
#include "wire/path.h"
#include "wire/unpack.h"

struct level {
    const ProtobufCMessage *m;
    json_t *object; /* owned by the level above */
    unsigned field;
    json_t *list; /* of sub-messages still to write; NULL: none */
    ProtobufCMessage *const *subs;
    size_t n_subs;
    size_t next_sub;
};

struct writer {
    struct level levels[LIMIT_NESTING];
    size_t depth;
};

static json_t *signed_text(int64_t v)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, v);
    return json_string(text);
}

static json_t *unsigned_text(uint64_t v)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, v);
    return json_string(text);
}

static json_t *base64_text(const uint8_t *data, size_t n)
{
    char *text = malloc(BASE64_TEXT_BYTES(n) + 1);
    if (text == NULL)
        return NULL;
    base64_encode(data, n, text);
    json_t *json = json_string(text);
    free(text);
    return json;
}

static json_t *enum_name(const ProtobufCFieldDescriptor *f, int v)
{
    const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(f->descriptor, v);
    return value == NULL ? json_integer(v) : json_string(value->name);
}

/* NULL for what cannot be written, see json.h. */
static json_t *scalar(const ProtobufCFieldDescriptor *f, const void *p)
{
    const ProtobufCBinaryData *bytes = p;
    const char *text;
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return json_integer(*(const int32_t *)p);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return json_integer(*(const uint32_t *)p);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return signed_text(*(const int64_t *)p);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return unsigned_text(*(const uint64_t *)p);
    case PROTOBUF_C_TYPE_BOOL:
        return json_boolean(*(const protobuf_c_boolean *)p);
    case PROTOBUF_C_TYPE_ENUM:
        return enum_name(f, *(const int *)p);
    case PROTOBUF_C_TYPE_STRING:
        text = *(const char *const *)p;
        return json_string(text == NULL ? "" : text);
    case PROTOBUF_C_TYPE_BYTES:
        return base64_text(bytes->data, bytes->len);
    case PROTOBUF_C_TYPE_MESSAGE:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        break; /* not scalar; not used by our messages (tested) */
    }
    return NULL;
}

static bool is_default(const ProtobufCFieldDescriptor *f, const void *p)
{
    static const uint64_t zero;
    const char *text;
    switch (f->type) {
    case PROTOBUF_C_TYPE_STRING:
        text = *(const char *const *)p;
        return text == NULL || text[0] == '\0';
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)p)->len == 0;
    default:
        return memcmp(p, &zero, wire_item_bytes(f->type)) == 0;
    }
}

static bool put(json_t *object, const ProtobufCFieldDescriptor *f, json_t *v)
{
    char name[WIRE_NAME_BYTES];
    wire_json_name(f->name, name);
    return v != NULL && json_object_set_new(object, name, v) == 0;
}

static bool put_list(struct level *l, const ProtobufCFieldDescriptor *f, const char *base)
{
    size_t n;
    memcpy(&n, base + f->quantifier_offset, sizeof n);
    if (n == 0)
        return true;
    json_t *list = json_array();
    if (!put(l->object, f, list))
        return false;
    const void *items = *(const void *const *)(const void *)(base + f->offset);
    if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        l->list = list;
        l->subs = items;
        l->n_subs = n;
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        json_t *v = scalar(f, (const char *)items + i * wire_item_bytes(f->type));
        if (v == NULL || json_array_append_new(list, v) != 0)
            return false;
    }
    return true;
}

static bool open_object(struct writer *w, const ProtobufCMessage *m, json_t *object)
{
    if (object == NULL || w->depth == LIMIT_NESTING)
        return false;
    w->levels[w->depth++] = (struct level){.m = m, .object = object};
    return true;
}

static bool put_field(struct writer *w, struct level *l)
{
    const ProtobufCFieldDescriptor *f = &l->m->descriptor->fields[l->field++];
    const char *base = (const char *)l->m;
    const void *p = base + f->offset;
    l->list = NULL;
    l->n_subs = 0;
    l->next_sub = 0;
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return put_list(l, f, base);
    if (f->type == PROTOBUF_C_TYPE_MESSAGE) {
        const ProtobufCMessage *sub = *(const ProtobufCMessage *const *)p;
        if (sub == NULL)
            return true;
        json_t *object = json_object();
        return put(l->object, f, object) && open_object(w, sub, object);
    }
    return is_default(f, p) || put(l->object, f, scalar(f, p));
}

static bool put_next_sub(struct writer *w, struct level *l)
{
    const ProtobufCMessage *sub = l->subs[l->next_sub++];
    json_t *object = json_object();
    if (object == NULL || json_array_append_new(l->list, object) != 0)
        return false;
    return sub == NULL || open_object(w, sub, object);
}

json_t *wire_to_json(const ProtobufCMessage *m)
{
    struct writer w;
    w.depth = 0;
    json_t *root = json_object();
    bool ok = open_object(&w, m, root);
    while (ok && w.depth > 0) {
        struct level *l = &w.levels[w.depth - 1];
        if (l->next_sub < l->n_subs)
            ok = put_next_sub(&w, l);
        else if (l->field < l->m->descriptor->n_fields)
            ok = put_field(&w, l);
        else
            w.depth--;
    }
    if (ok)
        return root;
    json_decref(root);
    return NULL;
}

json_t *wire_typed_to_json(const char *type, const uint8_t *data, size_t bytes)
{
    struct arena a;
    ProtobufCMessage *m = NULL;
    json_t *payload = NULL;
    const char *name = "payload";
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    const ProtobufCMessageDescriptor *d = wire_type(type);
    if (d != NULL && wire_unpack(&a, d, data, bytes, &m) == ERR_OK) {
        payload = wire_to_json(m);
    } else {
        name = "payloadBytes";
        payload = base64_text(data, bytes);
    }
    arena_fini(&a);
    json_t *out = json_object();
    if (out == NULL || payload == NULL ||
        json_object_set_new(out, "type", json_string(type)) != 0 ||
        json_object_set(out, name, payload) != 0) {
        json_decref(out);
        out = NULL;
    }
    json_decref(payload);
    return out;
}
