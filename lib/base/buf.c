/* Growth by doubling up to the stated maximum. */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf){.max = max_bytes};
}

void buf_fini(struct buf *b)
{
    if (b == NULL)
        return;
    free(b->data);
    *b = (struct buf){.max = b->max};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

uint8_t *buf_room(struct buf *b, size_t n)
{
    if (b->failed)
        return NULL;
    if (n > b->max - b->len) {
        b->failed = true;
        return NULL;
    }
    if (n > b->cap - b->len) {
        size_t cap = b->cap == 0 ? 256 : b->cap;
        while (cap - b->len < n)
            cap *= 2;
        if (cap > b->max)
            cap = b->max;
        uint8_t *p = realloc(b->data, cap == 0 ? 1 : cap);
        if (p == NULL) {
            b->failed = true;
            return NULL;
        }
        b->data = p;
        b->cap = cap;
    }
    return b->data + b->len;
}

enum err buf_put(struct buf *b, const void *p, size_t n)
{
    if (n == 0)
        return b->failed ? ERR_LIMIT : ERR_OK;
    uint8_t *room = buf_room(b, n);
    if (room == NULL)
        return n > b->max - b->len ? ERR_LIMIT : ERR_NOMEM;
    memcpy(room, p, n);
    b->len += n;
    return ERR_OK;
}

enum err buf_puts(struct buf *b, const char *s)
{
    return buf_put(b, s, strlen(s));
}

enum err buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    enum err e = n < 0 ? ERR_INVAL : ERR_OK;
    uint8_t *room = n < 0 ? NULL : buf_room(b, (size_t)n + 1);
    if (room != NULL) {
        (void)vsnprintf((char *)room, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    } else if (e == ERR_OK) {
        e = ERR_LIMIT;
    }
    va_end(again);
    return e;
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->len);
    if (n > 0)
        memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
}
