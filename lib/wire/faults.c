/* The list of a message's faults. It must never come out empty after a fault, not even without
 * memory. */
#include "wire/validate.h"

#include <string.h>

#include "base/limits.h"

#define FAULTS_FIRST 8u

static struct fault no_memory[1] = {{
    .field = "",
    .rule = "P-FIELD",
    .ja = "メッセージに誤りがありますが、詳細を記録するメモリーがありません。小さく分けて送信してく"
          "ださい。",
    .en = "The message has faults, but there is no memory to list them. Send smaller messages.",
}};

static void no_room(struct faults *f)
{
    f->more = true;
    if (f->n > 0)
        return;
    f->items = no_memory;
    f->n = 1;
    f->cap = 1; /* so that the next one makes a copy */
}

static bool is_known(const struct faults *f, const char *field, const char *rule)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->items[i].field, field) == 0 && strcmp(f->items[i].rule, rule) == 0)
            return true;
    return false;
}

static bool grow(struct faults *f, struct arena *a)
{
    size_t cap = f->cap == 0 ? FAULTS_FIRST : f->cap * 2;
    struct fault *items = arena_alloc(a, cap * sizeof *items);
    if (items == NULL)
        return false;
    if (f->n > 0)
        memcpy(items, f->items, f->n * sizeof *items);
    f->items = items;
    f->cap = cap;
    return true;
}

void faults_add(struct faults *f, struct arena *a, const char *field, const char *rule,
                const char *ja, const char *en)
{
    if (field == NULL || rule == NULL || ja == NULL || en == NULL) { /* could not be made */
        no_room(f);
        return;
    }
    if (is_known(f, field, rule))
        return;
    if (f->n >= LIMIT_VIOLATIONS) {
        f->more = true;
        return;
    }
    struct fault one = {.field = arena_strdup(a, field),
                        .rule = arena_strdup(a, rule),
                        .ja = arena_strdup(a, ja),
                        .en = arena_strdup(a, en)};
    if (one.field == NULL || one.rule == NULL || one.ja == NULL || one.en == NULL ||
        (f->n == f->cap && !grow(f, a))) {
        no_room(f);
        return;
    }
    f->items[f->n++] = one;
}

void faults_number(struct faults *f, uint64_t number)
{
    if (f->n > 0 && f->items != no_memory)
        f->items[f->n - 1].number = number;
}
