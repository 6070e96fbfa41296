/* OSCAL catalogues: whatever is read has distinct ids and can be counted; whatever is not has a
 * fault. */
#include "fuzz.h"

#include <stdlib.h>

#include "services/audit/catalogue_oscal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct arena a;
    struct catalogue c;
    const char *version = NULL;
    struct audit_faults faults = {.n = 0};
    arena_init(&a, 16u << 20);
    enum err e = catalogue_oscal_parse(&a, (const char *)data, bytes, "a=governance", &c, &version,
                                       NULL, &faults);
    if ((e == ERR_INVAL && faults.n == 0) ||
        (e == ERR_OK && (faults.n > 0 || c.n == 0 || version == NULL)))
        abort();
    for (size_t i = 0; e == ERR_OK && i < c.n; i++)
        if (catalogue_find(&c, c.items[i].id) != &c.items[i])
            abort();
    arena_fini(&a);
    return 0;
}
