/* See rows.h. */
#include "base/rows.h"

#include <string.h>

#include "base/text.h"

#define MARK "\xef\xbb\xbf" /* byte order mark */

const char *rows_encoding_fault(const char *text, size_t bytes, bool ja)
{
    bool wide =
        bytes >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0);
    if (wide)
        return ja ? "UTF-16 です。UTF-8 で保存してください" : "is UTF-16: save it as UTF-8";
    if (memchr(text, '\0', bytes) != NULL)
        return ja ? "NUL 文字があり、テキストではありません"
                  : "is not text: it holds a NUL character";
    if (!text_is_utf8(text, bytes))
        return ja ? "UTF-8 ではありません(Shift_JIS など)。UTF-8 で保存してください"
                  : "is not UTF-8 (Shift_JIS?): save it as UTF-8";
    return NULL;
}

void rows_begin(struct rows *r, char *text, const char *heading)
{
    *r = (struct rows){.at = text, .heading = heading};
    if (strncmp(text, MARK, sizeof MARK - 1) == 0)
        r->at += sizeof MARK - 1;
}

char *rows_next(struct rows *r)
{
    while (r->at != NULL) {
        char *row = r->at;
        char *end = strchr(row, '\n');
        r->at = end == NULL ? NULL : end + 1;
        if (end != NULL)
            *end = '\0';
        r->line++;
        size_t n = strlen(row);
        if (n > 0 && row[n - 1] == '\r')
            row[n - 1] = '\0';
        if (row[0] == '\0' || row[0] == '#')
            continue;
        bool first = !r->begun;
        r->begun = true;
        if (!first || r->heading == NULL || strncmp(row, r->heading, strlen(r->heading)) != 0)
            return row;
    }
    return NULL;
}

size_t rows_cut(char *row, char **fields, size_t max)
{
    size_t n = 0;
    fields[n++] = row;
    for (char *comma = strchr(row, ','); n < max && comma != NULL; comma = strchr(comma + 1, ',')) {
        *comma = '\0';
        fields[n++] = comma + 1;
    }
    return n;
}
