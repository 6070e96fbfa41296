/* Memory of one piece of work: taken piece by piece, freed at once, never beyond a budget.
 *
 * Memory comes zeroed (protobuf-c 1.4.1 leaves some fields uninitialised) and 16-byte aligned. One
 * arena belongs to one thread. A NULL answer means the budget is used up or malloc failed; `spent`
 * tells which.
 */
#ifndef LIU_BASE_ARENA_H
#define LIU_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct arena_block;

/* A bound that several arenas share: what their blocks hold together. */
struct arena_pool {
    size_t held_bytes;
    size_t max_bytes;
};

struct arena {
    struct arena_block *head;
    struct arena_pool *pool; /* NULL = none; must outlive the arena */
    size_t used_bytes;       /* handed out since init or reset */
    size_t budget_bytes;     /* refuses beyond it */
    bool spent;              /* a request was refused because of the budget */
    bool no_memory;          /* or because of malloc or the shared bound: that passes */
};

/* Takes no memory until the first use. */
void arena_init(struct arena *a, size_t budget_bytes);

/* The same, within a shared bound. */
void arena_init_pooled(struct arena *a, size_t budget_bytes, struct arena_pool *pool);

/* Zeroed memory, valid until reset or fini; NULL when refused. n == 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t n);

/* Copies; the string copy adds a NUL. NULL when refused. */
void *arena_dup(struct arena *a, const void *p, size_t n);
char *arena_strdup(struct arena *a, const char *s);

/* Formatted text in the arena; NULL when refused. */
char *arena_printf(struct arena *a, const char *fmt, ...) LIU_PRINTF(2, 3);

/* Forgets everything but keeps the first block for reuse. */
void arena_reset(struct arena *a);

/* Returns all memory. NULL-safe, may be called twice. */
void arena_fini(struct arena *a);

#endif
