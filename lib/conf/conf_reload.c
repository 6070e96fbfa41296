/* What a file read again changes of the settings in force. */
#include "conf/conf.h"

#include <stdio.h>
#include <string.h>

#include "conf/value.h"

static bool textual(const struct conf_row *row)
{
    return row->type == CONF_STRING || row->type == CONF_PATH;
}

static size_t value_bytes(const struct conf_row *row)
{
    return row->type == CONF_INT ? sizeof(int64_t) : row->type == CONF_BOOL ? sizeof(bool) : 0;
}

static bool same(const struct conf_row *row, void *a, void *b)
{
    if (!textual(row))
        return memcmp(value_place(row, a), value_place(row, b), value_bytes(row)) == 0;
    char *const *x = value_place(row, a);
    char *const *y = value_place(row, b);
    return strcmp(*x, *y) == 0;
}

static void show(const struct conf_row *row, void *out, char text[CONF_SHOWN_BYTES])
{
    const void *at = value_place(row, out);
    if (textual(row))
        (void)snprintf(text, CONF_SHOWN_BYTES, "%s", *(char *const *)at);
    else if (row->type == CONF_BOOL)
        (void)snprintf(text, CONF_SHOWN_BYTES, "%s", *(const bool *)at ? "true" : "false");
    else
        (void)snprintf(text, CONF_SHOWN_BYTES, "%lld", (long long)*(const int64_t *)at);
}

/* A text changes hands, so that each struct still owns what it holds. */
static void take(const struct conf_row *row, void *live, void *fresh)
{
    if (textual(row)) {
        char **to = value_place(row, live);
        char **from = value_place(row, fresh);
        char *old = *to;
        *to = *from;
        *from = old;
    } else {
        memcpy(value_place(row, live), value_place(row, fresh), value_bytes(row));
    }
}

void conf_take(const struct conf_table *live, const struct conf_table *fresh, size_t n_tables,
               conf_change_fn *fn, void *arg)
{
    for (size_t t = 0; t < n_tables; t++)
        for (size_t i = 0; i < live[t].n; i++) {
            const struct conf_row *row = &live[t].rows[i];
            struct conf_change c = {.row = row, .taken = row->reloadable};
            if (same(row, live[t].out, fresh[t].out))
                continue;
            show(row, live[t].out, c.was);
            show(row, fresh[t].out, c.now);
            if (row->reloadable)
                take(row, live[t].out, fresh[t].out);
            fn(arg, &c);
        }
}
