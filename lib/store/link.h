/* The journal's links (docs/decisions/0003): 40 digits, each made of the one before and the entry's
 * bytes, the first one of the epoch. Redis makes them; these compute what they must be.
 */
#ifndef LIU_STORE_LINK_H
#define LIU_STORE_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define LINK_DIGITS 40

/* What stands for the link before entry 1. ERR_INTERNAL if OpenSSL fails; so does link_next. */
enum err link_first(const char *epoch, char out[LINK_DIGITS + 1]) LIU_MUST_USE;

/* The link of an entry with these bytes; `before` and `out` may be the same. */
enum err link_next(const char before[LINK_DIGITS + 1], const uint8_t *data, size_t bytes,
                   char out[LINK_DIGITS + 1]) LIU_MUST_USE;

#endif
