/* JSON to messages, level by level. Types and bounds are those of the descriptors; the arena pays.
 */
#include "wire/json.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/limits.h"
#include "base/text.h"
#include "wire/path.h"

/* One message being filled. */
struct level {
    ProtobufCMessage *m;
    json_t *object;
    void *next;    /* member to read next */
    uint64_t seen; /* fields by index; messages have fewer than 64 (tested) */
    struct path_step at;
    json_t *list; /* items still to read of the field `at`; NULL: none */
    size_t next_item;
    char *items; /* where they go */
};

struct reader {
    struct arena *arena;
    struct err_text *why;
    struct level levels[LIMIT_NESTING];
    size_t depth;
};

struct integer {
    bool negative;
    uint64_t magnitude;
};

/* jansson iterates only over objects it may change, and we change none. */
static json_t *borrowed(const json_t *json)
{
    return (json_t *)(uintptr_t)json;
}

static enum err wrong(struct reader *r, enum err e, const char *what)
{
    struct path_step steps[LIMIT_NESTING] = {0};
    size_t n = 0;
    while (n < r->depth && r->levels[n].at.field != NULL) {
        steps[n] = r->levels[n].at;
        n++;
    }
    char path[WIRE_PATH_BYTES];
    wire_path(steps, n, path);
    return err_say(r->why, e, "%s%s%s", path, n > 0 ? ": " : "", what);
}

static enum err no_memory(struct reader *r)
{
    return wrong(r, ERR_NOMEM, "the message is too large");
}

static bool name_is(const char *field, const char *key)
{
    char name[WIRE_NAME_BYTES];
    if (strcmp(field, key) == 0)
        return true;
    wire_json_name(field, name);
    return strcmp(name, key) == 0;
}

static const ProtobufCFieldDescriptor *field_named(const ProtobufCMessageDescriptor *d,
                                                   const char *key)
{
    for (unsigned i = 0; i < d->n_fields; i++)
        if (name_is(d->fields[i].name, key))
            return &d->fields[i];
    return NULL;
}

static bool integer_of(const json_t *v, struct integer *out)
{
    if (json_is_integer(v)) {
        json_int_t n = json_integer_value(v);
        out->negative = n < 0;
        out->magnitude = n < 0 ? (uint64_t)(-(n + 1)) + 1 : (uint64_t)n;
        return true;
    }
    if (!json_is_string(v))
        return false;
    const char *s = json_string_value(v);
    if (strlen(s) != json_string_length(v))
        return false;
    out->negative = s[0] == '-';
    return text_u64(s + (out->negative ? 1 : 0), UINT64_MAX, &out->magnitude) == ERR_OK;
}

static enum err read_signed(struct reader *r, const json_t *v, uint64_t max, int64_t *out)
{
    struct integer n;
    if (!integer_of(v, &n))
        return wrong(r, ERR_INVAL, "expected an integer");
    if (n.magnitude > max + (n.negative ? 1 : 0))
        return wrong(r, ERR_INVAL, "the integer is out of range");
    *out = n.negative ? (n.magnitude == 0 ? 0 : -(int64_t)(n.magnitude - 1) - 1)
                      : (int64_t)n.magnitude;
    return ERR_OK;
}

static enum err read_unsigned(struct reader *r, const json_t *v, uint64_t max, uint64_t *out)
{
    struct integer n;
    if (!integer_of(v, &n))
        return wrong(r, ERR_INVAL, "expected an integer");
    if (n.magnitude > max || (n.negative && n.magnitude != 0))
        return wrong(r, ERR_INVAL, "the integer is out of range");
    *out = n.magnitude;
    return ERR_OK;
}

static enum err read_int32(struct reader *r, const json_t *v, void *slot)
{
    int64_t n;
    enum err e = read_signed(r, v, INT32_MAX, &n);
    if (e == ERR_OK)
        *(int32_t *)slot = (int32_t)n;
    return e;
}

static enum err read_uint32(struct reader *r, const json_t *v, void *slot)
{
    uint64_t n;
    enum err e = read_unsigned(r, v, UINT32_MAX, &n);
    if (e == ERR_OK)
        *(uint32_t *)slot = (uint32_t)n;
    return e;
}

static enum err read_enum(struct reader *r, const json_t *v, void *slot)
{
    const ProtobufCFieldDescriptor *f = r->levels[r->depth - 1].at.field;
    if (json_is_integer(v))
        return read_int32(r, v, slot);
    if (!json_is_string(v))
        return wrong(r, ERR_INVAL, "expected the name of a value");
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value_by_name(f->descriptor, json_string_value(v));
    if (value == NULL || strlen(value->name) != json_string_length(v))
        return wrong(r, ERR_INVAL, "no value has this name");
    *(int *)slot = value->value;
    return ERR_OK;
}

static enum err read_string(struct reader *r, const json_t *v, void *slot)
{
    if (!json_is_string(v))
        return wrong(r, ERR_INVAL, "expected a string");
    size_t n = json_string_length(v);
    if (!text_is_utf8(json_string_value(v), n))
        return wrong(r, ERR_INVAL, "expected UTF-8 without NUL");
    char *s = arena_dup(r->arena, json_string_value(v), n + 1);
    if (s == NULL)
        return no_memory(r);
    *(char **)slot = s;
    return ERR_OK;
}

static enum err read_bytes(struct reader *r, const json_t *v, void *slot)
{
    if (!json_is_string(v))
        return wrong(r, ERR_INVAL, "expected bytes in base64");
    size_t n = json_string_length(v);
    ProtobufCBinaryData bytes = {.data = arena_alloc(r->arena, BASE64_DATA_BYTES(n))};
    if (bytes.data == NULL)
        return no_memory(r);
    if (base64_decode(json_string_value(v), n, bytes.data, &bytes.len) != ERR_OK)
        return wrong(r, ERR_INVAL, "expected bytes in base64");
    *(ProtobufCBinaryData *)slot = bytes;
    return ERR_OK;
}

static enum err open_message(struct reader *r, const ProtobufCMessageDescriptor *d, const json_t *v,
                             ProtobufCMessage **slot)
{
    if (!json_is_object(v))
        return wrong(r, ERR_INVAL, "expected an object");
    if (r->depth == LIMIT_NESTING)
        return wrong(r, ERR_INVAL, "nested too deeply");
    ProtobufCMessage *m = arena_alloc(r->arena, d->sizeof_message);
    if (m == NULL)
        return no_memory(r);
    protobuf_c_message_init(d, m);
    *slot = m;
    json_t *object = borrowed(v);
    r->levels[r->depth++] =
        (struct level){.m = m, .object = object, .next = json_object_iter(object)};
    return ERR_OK;
}

static enum err read_value(struct reader *r, const ProtobufCFieldDescriptor *f, const json_t *v,
                           void *slot)
{
    switch (f->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return read_int32(r, v, slot);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return read_uint32(r, v, slot);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return read_signed(r, v, INT64_MAX, slot);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return read_unsigned(r, v, UINT64_MAX, slot);
    case PROTOBUF_C_TYPE_BOOL:
        if (!json_is_boolean(v))
            return wrong(r, ERR_INVAL, "expected true or false");
        *(protobuf_c_boolean *)slot = json_is_true(v);
        return ERR_OK;
    case PROTOBUF_C_TYPE_ENUM:
        return read_enum(r, v, slot);
    case PROTOBUF_C_TYPE_STRING:
        return read_string(r, v, slot);
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(r, v, slot);
    case PROTOBUF_C_TYPE_MESSAGE:
        return open_message(r, f->descriptor, v, slot);
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        break; /* not used by our messages (tested) */
    }
    return wrong(r, ERR_INVAL, "this type is not supported");
}

static enum err open_list(struct reader *r, struct level *l, json_t *v)
{
    const ProtobufCFieldDescriptor *f = l->at.field;
    if (!json_is_array(v))
        return wrong(r, ERR_INVAL, "expected a list");
    size_t n = json_array_size(v);
    if (n == 0)
        return ERR_OK;
    if (n > r->arena->budget_bytes / wire_item_bytes(f->type))
        return no_memory(r);
    l->items = arena_alloc(r->arena, n * wire_item_bytes(f->type));
    if (l->items == NULL)
        return no_memory(r);
    l->list = v;
    l->next_item = 0;
    char *base = (char *)l->m;
    *(void **)(void *)(base + f->offset) = l->items;
    return ERR_OK;
}

static enum err read_item(struct reader *r, struct level *l)
{
    const ProtobufCFieldDescriptor *f = l->at.field;
    size_t i = l->next_item++;
    const json_t *v = json_array_get(l->list, i);
    l->at.item = i;
    if (l->next_item == json_array_size(l->list))
        l->list = NULL;
    enum err e = read_value(r, f, v, l->items + i * wire_item_bytes(f->type));
    if (e != ERR_OK)
        return e;
    char *base = (char *)l->m;
    *(size_t *)(void *)(base + f->quantifier_offset) = i + 1;
    return ERR_OK;
}

static enum err read_member(struct reader *r, struct level *l)
{
    const char *key = json_object_iter_key(l->next);
    json_t *v = json_object_iter_value(l->next);
    l->next = json_object_iter_next(l->object, l->next);
    const ProtobufCFieldDescriptor *f = field_named(l->m->descriptor, key);
    l->at = (struct path_step){NULL, PATH_NO_ITEM};
    if (f == NULL) {
        char what[128];
        char name[80];
        (void)text_copy(name, sizeof name, key);
        (void)snprintf(what, sizeof what, "there is no field \"%s\" here", name);
        return wrong(r, ERR_INVAL, what);
    }
    l->at.field = f;
    size_t i = (size_t)(f - l->m->descriptor->fields);
    uint64_t bit = i < 64 ? (uint64_t)1 << i : 0;
    if ((l->seen & bit) != 0)
        return wrong(r, ERR_INVAL, "the field is there twice");
    l->seen |= bit;
    if (json_is_null(v))
        return ERR_OK; /* the mapping's way to say: default value */
    if (f->label == PROTOBUF_C_LABEL_REPEATED)
        return open_list(r, l, v);
    char *base = (char *)l->m;
    return read_value(r, f, v, base + f->offset);
}

enum err wire_from_json(struct arena *a, const ProtobufCMessageDescriptor *d, const json_t *json,
                        ProtobufCMessage **out, struct err_text *why)
{
    struct reader r;
    r.arena = a;
    r.why = why;
    r.depth = 0;
    ProtobufCMessage *root = NULL;
    enum err e = open_message(&r, d, json, &root);
    while (e == ERR_OK && r.depth > 0) {
        struct level *l = &r.levels[r.depth - 1];
        if (l->list != NULL)
            e = read_item(&r, l);
        else if (l->next != NULL)
            e = read_member(&r, l);
        else
            r.depth--;
    }
    if (e == ERR_OK)
        *out = root;
    return e;
}

/* Nesting is bounded before the parser sees the text: it recurses. Says where the bound is passed.
 */
static enum err check_nesting(const char *text, size_t bytes, struct err_text *why)
{
    size_t depth = 0;
    size_t line = 1;
    size_t line_start = 0;
    bool quoted = false;
    for (size_t i = 0; i < bytes; i++) {
        char c = text[i];
        if (c == '\n') {
            line++;
            line_start = i + 1;
        }
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > LIMIT_NESTING)
                return err_say(why, ERR_INVAL, "line %zu column %zu: nested deeper than %d", line,
                               i - line_start + 1, LIMIT_NESTING);
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return ERR_OK;
}

enum err wire_from_json_text(struct arena *a, const ProtobufCMessageDescriptor *d, const char *text,
                             size_t bytes, ProtobufCMessage **out, struct err_text *why)
{
    enum err e = check_nesting(text, bytes, why);
    if (e != ERR_OK)
        return e;
    json_error_t error;
    json_t *json = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) {
        if (json_error_code(&error) == json_error_out_of_memory)
            return err_say(why, ERR_NOMEM, "no memory to read the JSON text");
        bool nul = json_error_code(&error) == json_error_null_character;
        return err_say(why, ERR_INVAL, "line %d column %d: %s", error.line, error.column,
                       nul ? "text must not contain NUL" : error.text);
    }
    e = wire_from_json(a, d, json, out, why);
    json_decref(json);
    return e;
}
