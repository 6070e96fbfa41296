/* A growable byte buffer that knows its maximum. There is no buffer without one.
 *
 * Errors are sticky: after the first refused append `failed` is set and later appends do nothing,
 * so a writer checks once at the end.
 */
#ifndef LIU_BASE_BUF_H
#define LIU_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t max;
    bool failed;
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_fini(struct buf *b);  /* NULL-safe */
void buf_clear(struct buf *b); /* keeps the memory */

/* ERR_LIMIT beyond max, ERR_NOMEM without memory; the buffer is then unchanged and `failed`. */
enum err buf_put(struct buf *b, const void *p, size_t n);
enum err buf_puts(struct buf *b, const char *s);
enum err buf_printf(struct buf *b, const char *fmt, ...) LIU_PRINTF(2, 3);

/* Room for n more bytes at data + len; NULL when refused. The caller raises len by what it used. */
uint8_t *buf_room(struct buf *b, size_t n);

/* Drops n bytes from the front. n <= len. */
void buf_consume(struct buf *b, size_t n);

#endif
