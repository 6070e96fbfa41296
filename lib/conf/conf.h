/* Configuration: one flat YAML mapping a file, described by a table of rows.
 *
 * Every fault is reported with file, line, field and reason, all at once: unknown and duplicate
 * names, wrong types, values out of bounds. A missing file is a fault. Environment variables do not
 * configure.
 */
#ifndef LIU_CONF_CONF_H
#define LIU_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum conf_type { CONF_STRING, CONF_INT, CONF_BOOL, CONF_PATH };

struct conf_row {
    const char *name;
    enum conf_type type;
    size_t offset;        /* into the caller's struct: char * (STRING, PATH), int64_t, bool */
    int64_t min;          /* INT: least; STRING: least length */
    int64_t max;          /* INT: greatest; STRING: greatest length, 0 = 255 */
    const char *fallback; /* text of the default; NULL = required */
    const char *help;     /* one line, with the unit */
    bool reloadable;      /* by SIGHUP */
};

/* Reads `path` into the struct at `out`; strings are owned by it (conf_free). Faults go to
 * `report`, one line each ("file:line: field: reason"), and make it ERR_CONFIG. Rows of several
 * tables may be given as tables[] each with its own n. */
struct conf_table {
    const struct conf_row *rows;
    size_t n;
    void *out;
};
enum err conf_load(const char *path, const struct conf_table *tables, size_t n_tables,
                   struct buf *report) LIU_MUST_USE;
void conf_free(const struct conf_table *tables, size_t n_tables);

/* Takes over from `fresh` (loaded again, the same rows in other structs) what differs in rows that
 * are reloadable, and tells of every difference. Both are still to be freed; texts change hands. */
#define CONF_SHOWN_BYTES 256 /* longer values are cut when they are shown */
struct conf_change {
    const struct conf_row *row;
    bool taken; /* false = needs a restart */
    char was[CONF_SHOWN_BYTES];
    char now[CONF_SHOWN_BYTES];
};
typedef void conf_change_fn(void *arg, const struct conf_change *c);
void conf_take(const struct conf_table *live, const struct conf_table *fresh, size_t n_tables,
               conf_change_fn *fn, void *arg);

/* A commented example of all rows, for --print-config. */
void conf_print(const struct conf_table *tables, size_t n_tables, struct buf *out);

#endif
