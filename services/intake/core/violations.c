/* A list of faults with a fixed end; see violations.h. */
#include "services/intake/core/violations.h"

#include <stdio.h>

#include "base/text.h"

void violations_add(struct violations *v, const char *field, const char *rule, const char *ja,
                    const char *en)
{
    if (v->n == VIOLATIONS_MAX)
        return;
    struct violation *item = &v->items[v->n++];
    (void)text_copy(item->field, sizeof item->field, field);
    item->rule = rule;
    item->ja = ja;
    item->en = en;
}

void violations_add_item(struct violations *v, const char *list, size_t index, const char *sub,
                         const char *rule, const char *ja, const char *en)
{
    char field[VIOLATION_FIELD_BYTES];
    (void)snprintf(field, sizeof field, "%s[%zu]%s%s", list, index, sub[0] == '\0' ? "" : ".", sub);
    violations_add(v, field, rule, ja, en);
}
