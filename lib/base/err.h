/* The one error enum of the project. 0 is success; every other value is negative.
 *
 * Functions that can fail return `enum err`, with out-parameters last. Where an operator needs
 * words, a last `struct err_text *` (may be NULL) takes a message that says what to do next.
 */
#ifndef LIU_BASE_ERR_H
#define LIU_BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

enum err {
    ERR_OK = 0,
    ERR_NOMEM = -1, /* no memory, or a memory budget is used up */
    ERR_INVAL = -2, /* the input is wrong and would be wrong again */
    ERR_LIMIT = -3, /* a named limit is exceeded */
    ERR_AGAIN = -4, /* nothing to do now; ask again */
    ERR_IO = -5,    /* a system call failed; errno tells */
    ERR_PROTO = -6, /* a peer broke its protocol */
    ERR_AUTH = -7,  /* not allowed */
    ERR_NOT_FOUND = -8,
    ERR_EXISTS = -9,
    ERR_CONFLICT = -10,    /* state changed meanwhile */
    ERR_UNAVAILABLE = -11, /* a dependency is away; try later */
    ERR_TIMEOUT = -12,     /* outcome unknown */
    ERR_DATA_LOSS = -13,   /* other epoch, broken chain */
    ERR_CONFIG = -14,      /* configuration is wrong */
    ERR_INTERNAL = -15,    /* our own mistake */
};

#define LIU_MUST_USE __attribute__((warn_unused_result))
#define LIU_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* A message for a person. `text` is always NUL-terminated; longer text is cut. */
struct err_text {
    char text[512];
};

/* Name of an error, e.g. "CONFLICT". Never NULL. */
const char *err_name(enum err e);

/* Fill `out` (may be NULL) and return `e`: `return err_say(out, ERR_X, "...")`. */
enum err err_say(struct err_text *out, enum err e, const char *fmt, ...) LIU_PRINTF(3, 4);
/* The analyzer sees one file at a time, and would take it to return anything. */
#ifdef __clang_analyzer__
void err_say_seen(struct err_text *out, const char *fmt, ...);
#define err_say(out, e, ...) (err_say_seen(out, __VA_ARGS__), (e))
#endif

#endif
