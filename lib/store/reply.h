/* Typed access to replies: a field of a reply is never read without its type being checked here.
 *
 * A server error is a reply of type ERROR, not NULL, and its integer reads 0: every helper below is
 * false for it. Strings are binary and carry a length.
 */
#ifndef LIU_STORE_REPLY_H
#define LIU_STORE_REPLY_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <hiredis/hiredis.h>

#include "store/keys.h"

static inline bool reply_is_array(const redisReply *r)
{
    return r != NULL && r->type == REDIS_REPLY_ARRAY;
}

static inline bool reply_is_nil(const redisReply *r)
{
    return r != NULL && r->type == REDIS_REPLY_NIL;
}

static inline bool reply_is_ok(const redisReply *r)
{
    return r != NULL && r->type == REDIS_REPLY_STATUS && strcmp(r->str, "OK") == 0;
}

/* The error's text, NULL when it is none. */
static inline const char *reply_error(const redisReply *r)
{
    return r != NULL && r->type == REDIS_REPLY_ERROR ? r->str : NULL;
}

/* Element i of an array; NULL when it is no array or shorter. */
static inline const redisReply *reply_at(const redisReply *r, size_t i)
{
    return reply_is_array(r) && i < r->elements ? r->element[i] : NULL;
}

static inline size_t reply_count(const redisReply *r)
{
    return reply_is_array(r) ? r->elements : 0;
}

static inline bool reply_string(const redisReply *r, const char **s, size_t *n)
{
    if (r == NULL || (r->type != REDIS_REPLY_STRING && r->type != REDIS_REPLY_STATUS))
        return false;
    *s = r->str;
    *n = (size_t)r->len;
    return true;
}

/* A string that ends in its first NUL byte, as text. NULL when it is no string or holds a NUL. */
static inline const char *reply_text(const redisReply *r)
{
    const char *s = NULL;
    size_t n = 0;
    return reply_string(r, &s, &n) && strlen(s) == n ? s : NULL;
}

static inline bool reply_integer(const redisReply *r, int64_t *v)
{
    if (r == NULL || r->type != REDIS_REPLY_INTEGER)
        return false;
    *v = (int64_t)r->integer;
    return true;
}

#endif
