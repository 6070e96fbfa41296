/* Tables, and lists of records page by page. */
#include "liuctl/cli.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "wire/json.h"

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

static int by_first_cell(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* The first `kept` rows stay where they are. */
static void sort_rows(struct cli_table *t, size_t kept)
{
    if (t->rows > kept + 1)
        qsort(t->cells + kept * t->columns, t->rows - kept, t->columns * sizeof *t->cells,
              by_first_cell);
}

void cli_list_begin(struct cli *c, struct cli_list *l, size_t columns, const char *const *head_en,
                    const char *const *head_ja)
{
    *l = (struct cli_list){.lines.columns = 2};
    cli_table_row(c, &l->table, columns, c->ja ? head_ja : head_en);
}

void cli_list_row(struct cli *c, struct cli_list *l, const ProtobufCMessage *m,
                  const char *const *cells)
{
    if (!c->json) {
        cli_table_row(c, &l->table, l->table.columns, cells);
        return;
    }
    json_t *j = wire_to_json(m);
    char *text = j == NULL ? NULL : json_dumps(j, JSON_COMPACT);
    const char *line[] = {cells[0], text};
    if (text == NULL)
        (void)cli_no_memory(c);
    else
        cli_table_row(c, &l->lines, 2, line);
    free(text);
    json_decref(j);
}

void cli_list_print(struct cli *c, struct cli_list *l)
{
    sort_rows(&l->table, 1);
    sort_rows(&l->lines, 0);
    if (!c->json)
        cli_table_print(c, &l->table);
    for (size_t i = 0; i < l->lines.rows; i++)
        (void)printf("%s\n", l->lines.cells[2 * i + 1]);
}

int cli_list_pages(struct cli *c, enum cli_service from, const ProtobufCMessage *m, char **page,
                   cli_page_fn *take, struct cli_list *l)
{
    const char *next;
    do {
        ProtobufCMessage *answer;
        int status = cli_request(c, from, m, false, &answer);
        if (status != CLI_OK || answer == NULL)
            return status;
        next = take(c, l, answer);
        *page = (char *)(uintptr_t)next;
    } while (next[0] != '\0');
    cli_list_print(c, l);
    return CLI_OK;
}
