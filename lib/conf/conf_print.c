/* The example file: what can be set, in the words of the rows themselves. */
#include <inttypes.h>

#include "conf/value.h"

static void print_bounds(const struct conf_row *row, struct buf *out)
{
    switch (row->type) {
    case CONF_INT:
        (void)buf_printf(out, "number, %" PRId64 " to %" PRId64, row->min, row->max);
        break;
    case CONF_BOOL:
        (void)buf_puts(out, "true or false");
        break;
    case CONF_STRING:
        (void)buf_printf(out, "text, %" PRId64 " to %" PRId64 " bytes", row->min,
                         value_length_max(row));
        break;
    case CONF_PATH:
        (void)buf_puts(out, "path");
        break;
    }
}

static void print_value(const struct conf_row *row, struct buf *out)
{
    if (row->type == CONF_INT || row->type == CONF_BOOL) {
        (void)buf_puts(out, row->fallback);
        return;
    }
    (void)buf_puts(out, "\"");
    for (const char *s = row->fallback; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\')
            (void)buf_puts(out, "\\");
        (void)buf_put(out, s, 1);
    }
    (void)buf_puts(out, "\"");
}

void conf_print(const struct conf_table *tables, size_t n_tables, struct buf *out)
{
    for (size_t t = 0; t < n_tables; t++)
        for (size_t i = 0; i < tables[t].n; i++) {
            const struct conf_row *row = &tables[t].rows[i];
            (void)buf_printf(out, "# %s (", row->help);
            print_bounds(row, out);
            (void)buf_printf(out, "%s%s)\n%s: ", row->fallback == NULL ? "; required" : "",
                             row->reloadable ? "; read again on SIGHUP" : "", row->name);
            if (row->fallback != NULL)
                print_value(row, out);
            (void)buf_puts(out, "\n\n");
        }
}
