/* What the fuzz targets share. */
#ifndef LIU_FUZZ_FUZZ_H
#define LIU_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "wire/json.h"
#include "wire/unpack.h"
#include "wire/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* The first byte picks the message type. bytes > 0. */
static inline const ProtobufCMessageDescriptor *fuzz_type(const uint8_t *data)
{
    return wire_type_at(data[0] % wire_type_count());
}

#endif
