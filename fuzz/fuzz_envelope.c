/* The frame as it comes from a stranger: nothing it holds may do more than be refused. */
#include "fuzz.h"

#include "ismap/liu/v1/envelope.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const ProtobufCMessageDescriptor *d = &ismap__liu__v1__envelope__descriptor;
    struct arena a;
    struct faults faults = {0};
    ProtobufCMessage *m = NULL;
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    if (wire_scan(d, data, bytes, &a, &faults) == ERR_OK &&
        wire_unpack(&a, d, data, bytes, &m) == ERR_OK)
        wire_validate(&a, m, &faults);
    arena_fini(&a);
    return 0;
}
