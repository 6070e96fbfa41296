/* JSON text of any message type: read it; what was read must pack, and be written again. */
#include "fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes < 1)
        return 0;
    struct arena a;
    struct err_text why;
    ProtobufCMessage *m = NULL;
    const uint8_t *packed;
    size_t n;
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    if (wire_from_json_text(&a, fuzz_type(data), (const char *)data + 1, bytes - 1, &m, &why) ==
        ERR_OK) {
        json_t *json = wire_to_json(m);
        if (json == NULL || (wire_pack(&a, m, &packed, &n) != ERR_OK && !a.spent))
            abort();
        json_decref(json);
    }
    arena_fini(&a);
    return 0;
}
