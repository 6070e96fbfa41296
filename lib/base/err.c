/* Names of errors and the one way to put words to them. */
#include "base/err.h"

#include <stdio.h>

const char *err_name(enum err e)
{
    static const char *const names[] = {
        "OK",      "NOMEM",     "INVAL",     "LIMIT",    "AGAIN",    "IO",
        "PROTO",   "AUTH",      "NOT_FOUND", "EXISTS",   "CONFLICT", "UNAVAILABLE",
        "TIMEOUT", "DATA_LOSS", "CONFIG",    "INTERNAL",
    };
    int i = -(int)e;
    return i >= 0 && (size_t)i < sizeof names / sizeof names[0] ? names[i] : "UNKNOWN";
}

enum err(err_say)(struct err_text *out, enum err e, const char *fmt, ...)
{
    if (out != NULL) {
        va_list ap;
        va_start(ap, fmt);
        (void)vsnprintf(out->text, sizeof out->text, fmt, ap);
        va_end(ap);
    }
    return e;
}
