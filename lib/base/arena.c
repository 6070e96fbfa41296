/* A bump allocator over malloc'd blocks of growing size. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_ALIGN 16u
#define ARENA_FIRST_BLOCK_BYTES 4096u
#define ARENA_BLOCK_BYTES_MAX (256u * 1024u)

struct arena_block {
    struct arena_block *next;
    size_t size;
    size_t used;
    _Alignas(ARENA_ALIGN) unsigned char data[];
};

void arena_init(struct arena *a, size_t budget_bytes)
{
    *a = (struct arena){.budget_bytes = budget_bytes};
}

void arena_init_pooled(struct arena *a, size_t budget_bytes, struct arena_pool *pool)
{
    arena_init(a, budget_bytes);
    a->pool = pool;
}

static void block_free(struct arena *a, struct arena_block *b)
{
    if (a->pool != NULL)
        a->pool->held_bytes -= b->size;
    free(b);
}

static struct arena_block *block_add(struct arena *a, size_t need)
{
    size_t size = a->head == NULL ? ARENA_FIRST_BLOCK_BYTES : a->head->size * 2;
    if (size > ARENA_BLOCK_BYTES_MAX)
        size = ARENA_BLOCK_BYTES_MAX;
    if (size < need)
        size = need;
    if (a->pool != NULL && size > a->pool->max_bytes - a->pool->held_bytes) {
        a->spent = a->no_memory = true;
        return NULL;
    }
    struct arena_block *b = malloc(sizeof *b + size);
    if (b == NULL) {
        a->no_memory = true;
        return NULL;
    }
    if (a->pool != NULL)
        a->pool->held_bytes += size;
    b->next = a->head;
    b->size = size;
    b->used = 0;
    a->head = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n > a->budget_bytes) {
        a->spent = true;
        return NULL;
    }
    size_t need = (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (need == 0)
        need = ARENA_ALIGN;
    if (a->used_bytes > a->budget_bytes || need > a->budget_bytes - a->used_bytes) {
        a->spent = true;
        return NULL;
    }
    struct arena_block *b = a->head;
    if (b == NULL || b->size - b->used < need) {
        b = block_add(a, need);
        if (b == NULL)
            return NULL;
    }
    void *p = b->data + b->used;
    b->used += need;
    a->used_bytes += need;
    memset(p, 0, need);
    return p;
}

void *arena_dup(struct arena *a, const void *p, size_t n)
{
    void *q = arena_alloc(a, n);
    if (q != NULL && n > 0)
        memcpy(q, p, n);
    return q;
}

char *arena_strdup(struct arena *a, const char *s)
{
    return arena_dup(a, s, strlen(s) + 1);
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    char *s = n < 0 ? NULL : arena_alloc(a, (size_t)n + 1);
    if (s != NULL)
        (void)vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    return s;
}

void arena_reset(struct arena *a)
{
    while (a->head != NULL && a->head->next != NULL) {
        struct arena_block *b = a->head;
        a->head = b->next;
        block_free(a, b);
    }
    if (a->head != NULL)
        a->head->used = 0;
    a->used_bytes = 0;
    a->spent = a->no_memory = false;
}

void arena_fini(struct arena *a)
{
    if (a == NULL)
        return;
    while (a->head != NULL) {
        struct arena_block *b = a->head;
        a->head = b->next;
        block_free(a, b);
    }
    a->used_bytes = 0;
}
