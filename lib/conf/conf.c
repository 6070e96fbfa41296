/* Reads one flat mapping from the events of libyaml, so that every fault has its line. Anchors,
 * tags, nesting and further documents are refused: a setting is a name and one value.
 */
#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "conf/value.h"

#define FILE_BYTES_MAX (64 * 1024)
#define NAME_BYTES_MAX 63
#define NEAR_EDITS 2 /* an unknown name this close to a known one is taken for a slip */

struct reading {
    const char *path;
    const struct conf_table *tables;
    size_t n_tables;
    struct buf *report;
    size_t *lines; /* per row over all tables: where it was given, 0 = not yet */
    size_t last_line;
    bool faulty;
    bool broken; /* could not be read to its end: what is missing is not known */
    bool no_memory;
};

static void fault(struct reading *r, size_t line, const char *field, const char *fmt, ...)
    LIU_PRINTF(4, 5);
static void fault(struct reading *r, size_t line, const char *field, const char *fmt, ...)
{
    struct err_text what;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(what.text, sizeof what.text, fmt, ap);
    va_end(ap);
    r->faulty = true;
    (void)buf_printf(r->report, "%s:%zu: %s%s%s\n", r->path, line, field,
                     *field == '\0' ? "" : ": ", what.text);
}

static const struct conf_row *row_at(const struct reading *r, size_t index, void **out)
{
    for (size_t t = 0; t < r->n_tables; t++) {
        if (index < r->tables[t].n) {
            *out = r->tables[t].out;
            return &r->tables[t].rows[index];
        }
        index -= r->tables[t].n;
    }
    return NULL;
}

/* A name as it may be shown: no control characters, no endless text. */
static void show_name(char out[NAME_BYTES_MAX + 1], const char *name, size_t n)
{
    if (n > NAME_BYTES_MAX)
        n = NAME_BYTES_MAX;
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)name[i] < 0x20 || name[i] == 0x7f ? '?' : name[i];
    out[n] = '\0';
}

static size_t edits(const char *a, const char *b)
{
    size_t row[NAME_BYTES_MAX + 1];
    size_t n = strlen(b);
    if (n > NAME_BYTES_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            size_t insert = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            row[j] = replace < insert ? replace : insert;
        }
    }
    return row[n];
}

static void fault_unknown(struct reading *r, size_t line, const char *shown)
{
    const char *near = NULL;
    size_t least = NEAR_EDITS + 1;
    void *out = NULL;
    const struct conf_row *row;
    for (size_t i = 0; (row = row_at(r, i, &out)) != NULL; i++) {
        size_t d = edits(shown, row->name);
        if (d < least) {
            least = d;
            near = row->name;
        }
    }
    if (near == NULL)
        fault(r, line, shown, "no such setting");
    else
        fault(r, line, shown, "no such setting; did you mean %s?", near);
}

/* Index of the row called so; SIZE_MAX when the name is unknown. */
static size_t find_row(const struct reading *r, const char *name, size_t n)
{
    void *out = NULL;
    const struct conf_row *row;
    for (size_t i = 0; (row = row_at(r, i, &out)) != NULL; i++)
        if (strlen(row->name) == n && memcmp(row->name, name, n) == 0)
            return i;
    return SIZE_MAX;
}

static void take_pair(struct reading *r, const yaml_event_t *key, const yaml_event_t *value)
{
    char shown[NAME_BYTES_MAX + 1];
    size_t line = key->start_mark.line + 1;
    const char *name = (const char *)key->data.scalar.value;
    show_name(shown, name, key->data.scalar.length);
    size_t index = find_row(r, name, key->data.scalar.length);
    if (index == SIZE_MAX) {
        fault_unknown(r, line, shown);
        return;
    }
    if (r->lines[index] != 0) {
        fault(r, line, shown, "given twice, first in line %zu", r->lines[index]);
        return;
    }
    r->lines[index] = line;
    if (value->type != YAML_SCALAR_EVENT) {
        fault(r, line, shown, "want one value, not a list, mapping or alias");
        return;
    }
    if (value->data.scalar.anchor != NULL || value->data.scalar.tag != NULL) {
        fault(r, line, shown, "anchors and tags are not used here");
        return;
    }
    struct err_text why;
    void *out = NULL;
    const struct conf_row *row = row_at(r, index, &out);
    enum err e =
        value_set(row, out, (const char *)value->data.scalar.value, value->data.scalar.length,
                  value->data.scalar.style == YAML_PLAIN_SCALAR_STYLE, &why);
    if (e != ERR_OK)
        fault(r, value->start_mark.line + 1, shown, "%s", why.text);
    r->no_memory = r->no_memory || e == ERR_NOMEM;
}

static bool next(struct reading *r, yaml_parser_t *p, yaml_event_t *event)
{
    if (yaml_parser_parse(p, event) == 1) {
        r->last_line = event->end_mark.line + 1;
        return true;
    }
    bool reader = p->error == YAML_READER_ERROR;
    r->broken = true;
    r->no_memory = r->no_memory || p->error == YAML_MEMORY_ERROR;
    fault(r, (reader ? p->mark.line : p->problem_mark.line) + 1, "", "not YAML: %s",
          p->problem == NULL ? "no memory" : p->problem);
    return false;
}

static int depth_change(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SEQUENCE_START_EVENT:
    case YAML_MAPPING_START_EVENT:
        return 1;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return -1;
    default:
        return 0;
    }
}

/* Passes over what `first` opened. */
static bool skip_node(struct reading *r, yaml_parser_t *p, const yaml_event_t *first)
{
    yaml_event_t event;
    int depth = depth_change(first);
    while (depth > 0) {
        if (!next(r, p, &event))
            return false;
        depth += depth_change(&event);
        yaml_event_delete(&event);
    }
    return true;
}

/* One name and its value; *more false at the end of the mapping. */
static bool read_pair(struct reading *r, yaml_parser_t *p, bool *more)
{
    yaml_event_t key;
    yaml_event_t value;
    if (!next(r, p, &key))
        return false;
    *more = key.type != YAML_MAPPING_END_EVENT;
    bool ok = true;
    if (*more) {
        ok = skip_node(r, p, &key) && next(r, p, &value);
        if (ok) {
            if (key.type == YAML_SCALAR_EVENT)
                take_pair(r, &key, &value);
            else
                fault(r, key.start_mark.line + 1, "", "a name must be plain text");
            ok = skip_node(r, p, &value);
            yaml_event_delete(&value);
        }
    }
    yaml_event_delete(&key);
    return ok;
}

static void read_mapping(struct reading *r, yaml_parser_t *p)
{
    yaml_event_t event;
    bool more = true;
    while (more)
        if (!read_pair(r, p, &more))
            return;
    do { /* what follows can only be the end, or a second document */
        if (!next(r, p, &event))
            return;
        more = event.type != YAML_STREAM_END_EVENT;
        bool second = event.type == YAML_DOCUMENT_START_EVENT;
        size_t line = event.start_mark.line + 1;
        yaml_event_delete(&event);
        if (second) {
            fault(r, line, "", "a second document; want one mapping");
            return;
        }
    } while (more);
}

static void read_stream(struct reading *r, yaml_parser_t *p)
{
    yaml_event_t event;
    for (;;) {
        if (!next(r, p, &event))
            return;
        yaml_event_type_t type = event.type;
        size_t line = event.start_mark.line + 1;
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT) /* empty: all defaults, if there are */
            return;
        if (type == YAML_MAPPING_START_EVENT) {
            read_mapping(r, p);
            return;
        }
        if (type != YAML_STREAM_START_EVENT && type != YAML_DOCUMENT_START_EVENT) {
            r->broken = true;
            fault(r, line, "", "want one mapping of names to values");
            return;
        }
    }
}

static void apply_defaults(struct reading *r)
{
    struct err_text why;
    void *out = NULL;
    const struct conf_row *row;
    for (size_t i = 0; (row = row_at(r, i, &out)) != NULL; i++) {
        if (r->lines[i] != 0)
            continue;
        if (row->fallback == NULL && r->broken)
            continue;
        if (row->fallback == NULL) {
            fault(r, r->last_line, row->name, "missing; it is required (%s)", row->help);
            continue;
        }
        bool textual = row->type == CONF_STRING || row->type == CONF_PATH;
        enum err e = value_set(row, out, row->fallback, strlen(row->fallback), !textual, &why);
        if (e != ERR_OK)
            fault(r, 0, row->name, "the built-in default is wrong: %s", why.text);
        r->no_memory = r->no_memory || e == ERR_NOMEM;
    }
}

static enum err read_file(const char *path, struct buf *out, struct err_text *why)
{
    char room[128];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return err_say(why, ERR_CONFIG, "%s", strerror_r(errno, room, sizeof room));
    enum err e = ERR_OK;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        e = err_say(why, ERR_CONFIG, "not a regular file");
    while (e == ERR_OK) {
        uint8_t chunk[4096];
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n == 0)
            break;
        if (n < 0)
            e = err_say(why, ERR_CONFIG, "%s", strerror_r(errno, room, sizeof room));
        else if (buf_put(out, chunk, (size_t)n) != ERR_OK)
            e = err_say(why, ERR_CONFIG, "longer than %d bytes", FILE_BYTES_MAX);
    }
    (void)close(fd);
    return e;
}

static void clear_strings(const struct conf_table *tables, size_t n_tables, bool release)
{
    for (size_t t = 0; t < n_tables; t++)
        for (size_t i = 0; i < tables[t].n; i++) {
            const struct conf_row *row = &tables[t].rows[i];
            if (row->type != CONF_STRING && row->type != CONF_PATH)
                continue;
            char **field = value_place(row, tables[t].out);
            if (release)
                free(*field);
            *field = NULL;
        }
}

enum err conf_load(const char *path, const struct conf_table *tables, size_t n_tables,
                   struct buf *report)
{
    struct reading r = {
        .path = path, .tables = tables, .n_tables = n_tables, .report = report, .last_line = 1};
    struct buf file;
    struct err_text why;
    yaml_parser_t parser;
    size_t rows = 0;
    for (size_t t = 0; t < n_tables; t++)
        rows += tables[t].n;
    clear_strings(tables, n_tables, false);
    buf_init(&file, FILE_BYTES_MAX);
    r.lines = calloc(rows + 1, sizeof *r.lines);
    if (r.lines == NULL || yaml_parser_initialize(&parser) != 1) {
        free(r.lines);
        return ERR_NOMEM;
    }
    if (read_file(path, &file, &why) != ERR_OK) {
        fault(&r, 0, "", "%s", why.text);
    } else {
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
        /* libyaml asserts on a NULL, which is what an empty file has */
        const unsigned char *input = file.len == 0 ? (const unsigned char *)"" : file.data;
        yaml_parser_set_input_string(&parser, input, file.len);
        read_stream(&r, &parser);
        apply_defaults(&r);
    }
    yaml_parser_delete(&parser);
    buf_fini(&file);
    free(r.lines);
    if (r.faulty)
        conf_free(tables, n_tables);
    return r.no_memory ? ERR_NOMEM : r.faulty ? ERR_CONFIG : ERR_OK;
}

void conf_free(const struct conf_table *tables, size_t n_tables)
{
    clear_strings(tables, n_tables, true);
}
