/* Files of rows as people write them: a line a row, fields between commas, no quotes. Pure.
 *
 * UTF-8, LF or CRLF; a byte order mark, empty lines, lines that begin with # and a heading are
 * passed over. The text is cut in place.
 */
#ifndef LIU_BASE_ROWS_H
#define LIU_BASE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rows {
    char *at; /* NULL = behind the last line */
    const char *heading;
    uint32_t line; /* of the row just given, from 1 */
    bool begun;
};

/* NULL when the bytes are text that can be read, else what they are instead, in Japanese or
 * English: UTF-16, another encoding, not text. Literal. */
const char *rows_encoding_fault(const char *text, size_t bytes, bool ja);

/* `text` ends with a NUL and outlives the rows. The first row is passed over when it begins with
 * `heading`; NULL = there is none. */
void rows_begin(struct rows *r, char *text, const char *heading);

/* The next row without its end; NULL behind the last. */
char *rows_next(struct rows *r);

/* Cuts a row at its commas; the last of `max` fields keeps what is left with its commas. The number
 * of fields, 1 to max. */
size_t rows_cut(char *row, char **fields, size_t max);

#endif
