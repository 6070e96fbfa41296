/* The catalogue's file, line by line. Every column but the id is redundant on purpose: it was typed
 * by a person, and what differs from the id is refused rather than believed. */
#include "services/audit/core/catalogue.h"

#include <string.h>

#include "base/rows.h"

#define COLUMNS 7

static const char header[] = "id,tier,level,domain,suffix,basic_statement_B,provider_specific_P";
static const char *const names[COLUMNS] = {
    "id", "tier", "level", "domain", "suffix", "basic_statement_B", "provider_specific_P"};

struct reader {
    struct arena *arena;
    struct audit_faults *faults;
    struct catalogue_item *items;
    size_t n;
    uint32_t line;
};

static void fault(struct reader *r, const char *field, const char *ja, const char *en)
{
    audit_fault_add(r->faults, r->arena, r->line, field, "R60", ja, en);
}

/* The next line into `out`, without its end. ERR_NOT_FOUND at the end of the text. A line that is
 * too long or has a NUL is passed over with its fault: ERR_INVAL. */
static enum err next_line(struct reader *r, const char **p, const char *end,
                          char out[CATALOGUE_LINE_BYTES])
{
    if (*p == end)
        return ERR_NOT_FOUND;
    const char *eol = memchr(*p, '\n', (size_t)(end - *p));
    size_t len = (size_t)((eol != NULL ? eol : end) - *p);
    const char *start = *p;
    *p = eol != NULL ? eol + 1 : end;
    r->line++;
    if (len > 0 && start[len - 1] == '\r')
        len--;
    if (len >= CATALOGUE_LINE_BYTES) {
        fault(r, "line", "行が長すぎます", "the line is too long");
        return ERR_INVAL;
    }
    if (memchr(start, '\0', len) != NULL) {
        fault(r, "line", "NUL 文字があります", "the line contains a NUL character");
        return ERR_INVAL;
    }
    memcpy(out, start, len);
    out[len] = '\0';
    return ERR_OK;
}

/* Cuts the line in place; the number of columns, also when there are more than fit. */
static size_t split(char *line, char *columns[COLUMNS])
{
    size_t n = 0;
    char *p = line;
    for (;;) {
        char *comma = strchr(p, ',');
        if (n < COLUMNS)
            columns[n] = p;
        n++;
        if (comma == NULL)
            return n;
        *comma = '\0';
        p = comma + 1;
    }
}

static void expect(struct reader *r, size_t column, const char *got, const char *want)
{
    if (strcmp(got, want) != 0)
        fault(r, names[column],
              arena_printf(r->arena, "「%s」は id と合いません。「%s」のはずです", got, want),
              arena_printf(r->arena, "\"%s\" does not agree with the id, expected \"%s\"", got,
                           want));
}

static void read_item(struct reader *r, char *line)
{
    static const char *const tiers[] = {"", "governance", "management", "controls"};
    char *c[COLUMNS] = {0};
    size_t n = split(line, c);
    if (n != COLUMNS) {
        fault(r, "line", arena_printf(r->arena, "列が %zu 個です。%d 個のはずです", n, COLUMNS),
              arena_printf(r->arena, "%zu columns, expected %d", n, COLUMNS));
        return;
    }
    struct catalogue_item it;
    if (!catalogue_read_id(c[0], &it)) {
        fault(r, names[0], arena_printf(r->arena, "「%s」は管理策の番号の形式ではありません", c[0]),
              arena_printf(r->arena, "\"%s\" is not the identifier of a control", c[0]));
        return;
    }
    it.line = r->line;
    expect(r, 1, c[1], tiers[it.tier]);
    expect(r, 2, c[2], it.objective ? "objective" : "detailed");
    char domain[8];
    size_t first = strcspn(it.id, ".");
    memcpy(domain, it.id, first);
    domain[first] = '\0';
    expect(r, 3, c[3], domain);
    expect(r, 4, c[4],
           it.provider_specific ? (it.basic_statement ? "PB" : "P")
                                : (it.basic_statement ? "B" : ""));
    expect(r, 5, c[5], it.basic_statement ? "yes" : "no");
    expect(r, 6, c[6], it.provider_specific ? "yes" : "no");
    if (r->n < CATALOGUE_ITEMS_MAX)
        r->items[r->n] = it;
    r->n++;
}

static void mark_overviews(struct catalogue *c)
{
    for (size_t i = 0; i < c->n; i++) {
        struct catalogue_item *it = &c->items[i];
        bool broken_down = i + 1 < c->n && !c->items[i + 1].objective;
        it->not_assessed = it->objective && it->tier != CATALOGUE_CONTROLS && !broken_down;
    }
}

enum err catalogue_parse(struct arena *a, const char *text, size_t bytes, struct catalogue *out,
                         struct audit_faults *faults)
{
    *out = (struct catalogue){0};
    if (bytes > CATALOGUE_FILE_BYTES)
        return ERR_LIMIT;
    struct reader r = {.arena = a, .faults = faults};
    size_t before = faults->n;
    r.items = arena_alloc(a, CATALOGUE_ITEMS_MAX * sizeof(*r.items));
    if (r.items == NULL)
        return ERR_NOMEM;
    const char *p = text;
    const char *end = text + bytes;
    if (rows_encoding_fault(text, bytes, true) != NULL) {
        fault(&r, "encoding", rows_encoding_fault(text, bytes, true),
              rows_encoding_fault(text, bytes, false));
        return ERR_INVAL;
    }
    if (bytes >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    char line[CATALOGUE_LINE_BYTES];
    enum err e = next_line(&r, &p, end, line);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && strcmp(line, header) != 0))
        fault(&r, "header", "1 行目の見出しが違います",
              "the first line is not the expected header");
    while (faults->n <= AUDIT_FAULTS_MAX && (e = next_line(&r, &p, end, line)) != ERR_NOT_FOUND)
        if (e == ERR_OK)
            read_item(&r, line);
    if (r.n > CATALOGUE_ITEMS_MAX)
        fault(&r, "line", "管理策が多すぎます", "more controls than a catalogue may have");
    else if (r.n == 0 && faults->n == before)
        fault(&r, "line", "管理策がありません", "no control at all");
    if (faults->n != before)
        return ERR_INVAL;
    e = catalogue_index(a, r.items, r.n, out, faults);
    if (e == ERR_OK)
        mark_overviews(out);
    return e;
}
