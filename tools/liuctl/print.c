/* What people and programs see: JSON lines, trees, tables. */
#include "liuctl/cli.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "wire/json.h"

static void tree(const json_t *j, int depth, const char *name)
{
    if (depth > 16)
        return;
    int pad = depth * 2;
    if (json_is_object(j)) {
        if (name != NULL)
            (void)printf("%*s%s\n", pad, "", name);
        const char *key;
        json_t *v;
        json_object_foreach((json_t *)(uintptr_t)j, key, v) tree(v, depth + (name != NULL), key);
    } else if (json_is_array(j)) {
        size_t i;
        json_t *v;
        json_array_foreach(j, i, v)
        {
            char label[96];
            (void)snprintf(label, sizeof label, "%s[%zu]", name == NULL ? "" : name, i);
            tree(v, depth, label);
        }
    } else {
        char *text = json_is_string(j) ? NULL : json_dumps(j, JSON_ENCODE_ANY);
        (void)printf("%*s%s: %s\n", pad, "", name == NULL ? "" : name,
                     json_is_string(j) ? json_string_value(j)
                     : text == NULL    ? ""
                                       : text);
        free(text);
    }
}

void cli_print_json(struct cli *c, json_t *j)
{
    if (j == NULL) {
        (void)cli_fail(c, CLI_TEMPORARY, "no memory");
        return;
    }
    if (c->json) {
        char *text = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);
        (void)printf("%s\n", text == NULL ? "null" : text);
        free(text);
    } else {
        tree(j, 0, NULL);
    }
    json_decref(j);
}

void cli_print(struct cli *c, const ProtobufCMessage *m)
{
    if (m != NULL)
        cli_print_json(c, wire_to_json(m));
}

const char *cli_word(const ProtobufCEnumDescriptor *d, int value, const char *prefix)
{
    const ProtobufCEnumValue *v = protobuf_c_enum_descriptor_get_value(d, value);
    return v == NULL ? "?" : v->name + strlen(prefix);
}

/* Columns on a terminal: wide characters take two. */
static size_t width_of(const char *s)
{
    size_t n = 0;
    mbstate_t st = {0};
    while (*s != '\0') {
        wchar_t w;
        size_t k = mbrtowc(&w, s, 8, &st);
        if (k == 0 || k == (size_t)-1 || k == (size_t)-2) {
            s++;
            n++;
            st = (mbstate_t){0};
            continue;
        }
        int cols = wcwidth(w);
        n += cols < 0 ? 1 : (size_t)cols;
        s += k;
    }
    return n;
}

void cli_table_row(struct cli *c, struct cli_table *t, size_t columns, const char *const *cells)
{
    t->columns = columns;
    if (t->rows == t->cap) {
        size_t cap = t->cap == 0 ? 16 : t->cap * 2;
        const char **more = arena_alloc(&c->arena, cap * columns * sizeof *more);
        if (more == NULL)
            return;
        if (t->rows > 0)
            memcpy(more, t->cells, t->rows * columns * sizeof *more);
        t->cells = more;
        t->cap = cap;
    }
    for (size_t i = 0; i < columns; i++) {
        const char *cell = arena_strdup(&c->arena, cells[i] == NULL ? "" : cells[i]);
        t->cells[t->rows * columns + i] = cell == NULL ? "" : cell;
    }
    t->rows++;
}

static int by_first_cell(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

void cli_table_sort(struct cli_table *t)
{
    if (t->rows > 2)
        qsort(t->cells + t->columns, t->rows - 1, t->columns * sizeof *t->cells, by_first_cell);
}

void cli_table_print(struct cli *c, const struct cli_table *t)
{
    size_t *widths = arena_alloc(&c->arena, (t->columns + 1) * sizeof *widths);
    if (widths == NULL)
        return;
    for (size_t r = 0; r < t->rows; r++)
        for (size_t i = 0; i < t->columns; i++) {
            size_t w = width_of(t->cells[r * t->columns + i]);
            widths[i] = w > widths[i] ? w : widths[i];
        }
    for (size_t r = 0; r < t->rows; r++) {
        if (r == 0 && c->color)
            (void)fputs("\033[1m", stdout);
        for (size_t i = 0; i < t->columns; i++) {
            const char *s = t->cells[r * t->columns + i];
            (void)fputs(s, stdout);
            for (size_t w = width_of(s); i + 1 < t->columns && w < widths[i] + 2; w++)
                (void)fputc(' ', stdout);
        }
        (void)fputs(r == 0 && c->color ? "\033[0m\n" : "\n", stdout);
    }
}
