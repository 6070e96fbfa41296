/* Bytes of any message type; what can be written as JSON must read back as the same JSON. */
#include "fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    const ProtobufCMessageDescriptor *d = fuzz_type(data);
    struct arena a;
    struct faults faults = {0};
    ProtobufCMessage *m = NULL;
    ProtobufCMessage *back = NULL;
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    if (wire_scan(d, data + 1, bytes - 1, &a, &faults) == ERR_OK &&
        wire_unpack(&a, d, data + 1, bytes - 1, &m) == ERR_OK) {
        json_t *json = wire_to_json(m);
        if (json == NULL ? faults.n == 0 : wire_from_json(&a, d, json, &back, NULL) == ERR_INVAL)
            abort();
        json_t *again = back == NULL ? NULL : wire_to_json(back);
        if (again != NULL && !json_equal(json, again))
            abort();
        json_decref(json);
        json_decref(again);
        wire_validate(&a, m, &faults);
    }
    arena_fini(&a);
    return 0;
}
