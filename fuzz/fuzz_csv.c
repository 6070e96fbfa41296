/* Catalogues and statements as CSV: whatever is read can be found and counted; whatever is not has
 * a fault. The first byte decides which of them it is. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "services/audit/core/statement.h"

static const char small[] = "id,tier,level,domain,suffix,basic_statement_B,provider_specific_P\n"
                            "5.1.1,controls,objective,5,,no,no\n"
                            "5.1.1.1,controls,detailed,5,,no,no\n";

static void catalogue(struct arena *a, const char *text, size_t bytes)
{
    struct catalogue c;
    struct audit_faults faults = {.n = 0};
    enum err e = catalogue_parse(a, text, bytes, &c, &faults);
    if ((e == ERR_INVAL && faults.n == 0) || (e == ERR_OK && (faults.n > 0 || c.n == 0)))
        abort();
    for (size_t i = 0; e == ERR_OK && i < c.n; i++)
        if (catalogue_find(&c, c.items[i].id) != &c.items[i])
            abort();
}

static void statement(struct arena *a, const char *data, size_t bytes)
{
    struct catalogue c;
    struct audit_faults faults = {.n = 0};
    struct statement_counts counts;
    struct statement_entry *entries = NULL;
    size_t n = 0;
    char *text = arena_alloc(a, bytes + 1);
    if (text == NULL || catalogue_parse(a, small, sizeof small - 1, &c, &faults) != ERR_OK)
        abort();
    if (bytes > 0)
        memcpy(text, data, bytes);
    enum err e = statement_parse(a, text, &entries, &n, &faults);
    if ((e == ERR_INVAL) != (faults.n > 0) && e != ERR_LIMIT)
        abort();
    if (e == ERR_OK && statement_check(a, &c, entries, n, &counts, &faults) == ERR_OK &&
        counts.declared + counts.excluded + counts.carried != c.n)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct arena a;
    if (bytes == 0)
        return 0;
    arena_init(&a, 8u << 20);
    if (data[0] % 2 == 0)
        catalogue(&a, (const char *)data + 1, bytes - 1);
    else
        statement(&a, (const char *)data + 1, bytes - 1);
    arena_fini(&a);
    return 0;
}
