/* Commands in RESP, straight into the connection's buffer: hiredis' formatter would allocate and
 * copy each of them once more.
 */
#include "store/encode.h"

#include <string.h>

static void head(struct buf *b, char mark, uint64_t v)
{
    char text[24];
    size_t at = sizeof(text);
    text[--at] = '\n';
    text[--at] = '\r';
    do {
        text[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    text[--at] = mark;
    (void)buf_put(b, text + at, sizeof(text) - at);
}

void resp_array(struct buf *b, size_t n)
{
    head(b, '*', n);
}

void resp_string(struct buf *b, const void *p, size_t n)
{
    head(b, '$', n);
    (void)buf_put(b, p, n);
    (void)buf_put(b, "\r\n", 2);
}

void resp_text(struct buf *b, const char *s)
{
    resp_string(b, s, strlen(s));
}

void resp_number(struct buf *b, uint64_t v)
{
    char text[24];
    size_t at = sizeof(text);
    do {
        text[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    resp_string(b, text + at, sizeof(text) - at);
}
