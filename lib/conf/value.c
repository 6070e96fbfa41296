/* Types and bounds of settings. */
#include "conf/value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

int64_t value_length_max(const struct conf_row *row)
{
    if (row->max > 0)
        return row->max;
    return row->type == CONF_PATH ? CONF_PATH_BYTES_MAX : CONF_STRING_BYTES_MAX;
}

void *value_place(const struct conf_row *row, void *out)
{
    return (char *)out + row->offset;
}

static enum err set_text(const struct conf_row *row, void *place, const char *text, size_t n,
                         struct err_text *why)
{
    const char *what = row->type == CONF_PATH ? "path" : "text";
    if (!text_is_utf8(text, n))
        return err_say(why, ERR_INVAL, "the %s is not UTF-8 or holds a NUL", what);
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return err_say(why, ERR_INVAL, "the %s holds a control character (byte %zu)", what,
                           i + 1);
    if ((int64_t)n < row->min)
        return err_say(why, ERR_INVAL, "the %s has %zu bytes, want at least %" PRId64, what, n,
                       row->min);
    if ((int64_t)n > value_length_max(row))
        return err_say(why, ERR_INVAL, "the %s has %zu bytes, want at most %" PRId64, what, n,
                       value_length_max(row));
    char *copy = strndup(text, n);
    if (copy == NULL)
        return err_say(why, ERR_NOMEM, "no memory");
    char **field = place;
    free(*field);
    *field = copy;
    return ERR_OK;
}

static enum err set_int(const struct conf_row *row, void *place, const char *text, size_t n,
                        struct err_text *why)
{
    bool negative = n > 0 && text[0] == '-';
    char digits[24];
    uint64_t magnitude = 0;
    size_t skip = negative ? 1 : 0;
    enum err e = ERR_INVAL;
    if (n - skip < sizeof digits && memchr(text, '\0', n) == NULL) {
        memcpy(digits, text + skip, n - skip);
        digits[n - skip] = '\0';
        e = text_u64(digits, INT64_MAX, &magnitude);
    }
    if (e == ERR_INVAL)
        return err_say(why, ERR_INVAL, "not a whole number in decimal digits");
    int64_t value = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    if (e == ERR_LIMIT || value < row->min || value > row->max)
        return err_say(why, ERR_INVAL, "out of bounds, want %" PRId64 " to %" PRId64, row->min,
                       row->max);
    *(int64_t *)place = value;
    return ERR_OK;
}

static enum err set_bool(void *place, const char *text, size_t n, struct err_text *why)
{
    bool yes = n == 4 && memcmp(text, "true", 4) == 0;
    if (!yes && !(n == 5 && memcmp(text, "false", 5) == 0))
        return err_say(why, ERR_INVAL, "want true or false");
    *(bool *)place = yes;
    return ERR_OK;
}

enum err value_set(const struct conf_row *row, void *out, const char *text, size_t n, bool plain,
                   struct err_text *why)
{
    void *place = value_place(row, out);
    if (plain && n == 0)
        return err_say(why, ERR_INVAL, "has no value");
    if (!plain && row->type == CONF_INT)
        return err_say(why, ERR_INVAL, "want a number without quotes");
    if (!plain && row->type == CONF_BOOL)
        return err_say(why, ERR_INVAL, "want true or false without quotes");
    switch (row->type) {
    case CONF_INT:
        return set_int(row, place, text, n, why);
    case CONF_BOOL:
        return set_bool(place, text, n, why);
    case CONF_STRING:
    case CONF_PATH:
        break;
    }
    return set_text(row, place, text, n, why);
}
