/* The generic filler. */
#include "fill.h"

#include <stdint.h>
#include <string.h>

#include "wire/path.h"

static uint64_t next(uint64_t *seed)
{
    /* xorshift64* */
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * 0x2545f4914f6cdd1dULL;
}

static char *fill_text(struct arena *a, uint64_t *seed)
{
    static const char *const words[] = {
        "a", "Z9", "業務", "\"quoted\\", "tab\t", "é", "\xf0\x9f\x8f\x9b", "/"};
    char text[64] = "";
    size_t used = 0;
    for (uint64_t n = 1 + next(seed) % 5; n > 0; n--) {
        const char *w = words[next(seed) % (sizeof words / sizeof words[0])];
        memcpy(text + used, w, strlen(w) + 1);
        used += strlen(w);
    }
    return arena_strdup(a, text);
}

static int fill_enum(const ProtobufCEnumDescriptor *d, uint64_t *seed)
{
    unsigned at = 1 + (unsigned)(next(seed) % (d->n_values - 1));
    return d->values[at].value;
}

static bool fill_value(struct arena *a, const ProtobufCFieldDescriptor *f, void *slot,
                       uint64_t *seed)
{
    ProtobufCBinaryData bytes = {.len = 1 + next(seed) % 40};
    uint64_t number = next(seed) >> next(seed) % 60;
    uint32_t small = (uint32_t)number | 1;
    number |= 1;
    switch (f->type) {
    case PROTOBUF_C_TYPE_STRING:
        return (*(char **)slot = fill_text(a, seed)) != NULL;
    case PROTOBUF_C_TYPE_BYTES:
        bytes.data = arena_alloc(a, bytes.len);
        for (size_t i = 0; bytes.data != NULL && i < bytes.len; i++)
            bytes.data[i] = (uint8_t)next(seed);
        *(ProtobufCBinaryData *)slot = bytes;
        return bytes.data != NULL;
    case PROTOBUF_C_TYPE_MESSAGE:
        return (*(ProtobufCMessage **)slot = fill_message(a, f->descriptor, seed)) != NULL;
    case PROTOBUF_C_TYPE_ENUM:
        *(int *)slot = fill_enum(f->descriptor, seed);
        return true;
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)slot = 1;
        return true;
    default:
        if (wire_item_bytes(f->type) == sizeof small)
            memcpy(slot, &small, sizeof small);
        else
            memcpy(slot, &number, sizeof number);
        return true;
    }
}

static bool fill_field(struct arena *a, ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
                       uint64_t *seed)
{
    char *base = (char *)m;
    if (f->label != PROTOBUF_C_LABEL_REPEATED)
        return fill_value(a, f, base + f->offset, seed);
    size_t n = 1 + (size_t)(next(seed) % 3);
    char *items = arena_alloc(a, n * wire_item_bytes(f->type));
    if (items == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!fill_value(a, f, items + i * wire_item_bytes(f->type), seed))
            return false;
    memcpy(base + f->offset, &items, sizeof items);
    memcpy(base + f->quantifier_offset, &n, sizeof n);
    return true;
}

ProtobufCMessage *fill_message(struct arena *a, const ProtobufCMessageDescriptor *d, uint64_t *seed)
{
    ProtobufCMessage *m = arena_alloc(a, d->sizeof_message);
    if (m == NULL)
        return NULL;
    protobuf_c_message_init(d, m);
    for (unsigned i = 0; i < d->n_fields; i++)
        if (!fill_field(a, m, &d->fields[i], seed))
            return NULL;
    return m;
}
