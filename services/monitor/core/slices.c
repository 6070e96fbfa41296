/* Walks the outermost level of a protobuf message; see slices.h. */
#include "services/monitor/core/slices.h"

#include <stdbool.h>

static bool read_varint(const uint8_t **p, const uint8_t *end, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64 && *p < end; shift += 7) {
        uint8_t byte = *(*p)++;
        *out |= (uint64_t)(byte & 0x7fu) << shift;
        if ((byte & 0x80u) == 0)
            return true;
    }
    return false;
}

/* Content of one field behind its tag. */
static bool read_field(const uint8_t **p, const uint8_t *end, unsigned wire_type, struct slice *out)
{
    uint64_t n = 0;
    switch (wire_type) {
    case 0:
        return read_varint(p, end, &n);
    case 1:
        n = 8;
        break;
    case 2:
        if (!read_varint(p, end, &n))
            return false;
        break;
    case 5:
        n = 4;
        break;
    default:
        return false;
    }
    if (n > (uint64_t)(end - *p))
        return false;
    *out = (struct slice){.data = *p, .bytes = (size_t)n};
    *p += n;
    return true;
}

enum err slices_find(const uint8_t *data, size_t bytes, uint32_t field, struct slice *out,
                     size_t max, size_t *n)
{
    const uint8_t *p = data;
    const uint8_t *end = data + bytes;
    *n = 0;
    while (p < end) {
        uint64_t tag;
        struct slice s = {0};
        if (!read_varint(&p, end, &tag) || tag >> 3 == 0 ||
            !read_field(&p, end, (unsigned)(tag & 7u), &s))
            return ERR_PROTO;
        if (tag >> 3 != field || (tag & 7u) != 2)
            continue;
        if (*n == max)
            return ERR_LIMIT;
        out[(*n)++] = s;
    }
    return ERR_OK;
}
