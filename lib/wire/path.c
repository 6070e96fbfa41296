/* Field paths, built only when there is a fault to tell of. */
#include "wire/path.h"

#include <stdio.h>
#include <string.h>

void wire_json_name(const char *field, char out[WIRE_NAME_BYTES])
{
    size_t n = 0;
    for (size_t i = 0; field[i] != '\0' && n + 1 < WIRE_NAME_BYTES; i++) {
        if (field[i] != '_')
            out[n++] = field[i];
        else if (field[i + 1] >= 'a' && field[i + 1] <= 'z')
            out[n++] = (char)(field[++i] - 'a' + 'A');
    }
    out[n] = '\0';
}

void wire_path(const struct path_step *steps, size_t n, char out[WIRE_PATH_BYTES])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        char name[WIRE_NAME_BYTES];
        wire_json_name(steps[i].field->name, name);
        char step[WIRE_NAME_BYTES + 32];
        int len;
        if (steps[i].item == PATH_NO_ITEM)
            len = snprintf(step, sizeof step, "%s%s", i > 0 ? "." : "", name);
        else
            len = snprintf(step, sizeof step, "%s%s[%zu]", i > 0 ? "." : "", name, steps[i].item);
        if (len < 0 || used + (size_t)len >= WIRE_PATH_BYTES)
            return;
        memcpy(out + used, step, (size_t)len + 1);
        used += (size_t)len;
    }
}

size_t wire_item_bytes(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return sizeof(uint64_t);
    default:
        return sizeof(uint32_t);
    }
}
