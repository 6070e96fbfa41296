/* See fault_lines.h. */
#include "liuctl/fault_lines.h"

#include <string.h>

#include "base/text.h"

static void clean(char *line, size_t n)
{
    bool utf8 = text_is_utf8(line, n);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)line[i];
        if (c < ' ' || c == 0x7f || (c >= 0x80 && !utf8))
            line[i] = '?';
    }
}

void fault_lines(struct buf *text, bool ja, fault_line_fn *fn, void *arg)
{
    char *at = (char *)text->data;
    char *end = at == NULL ? NULL : at + text->len;
    while (at < end) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL)
            break; /* the rest did not fit */
        clean(at, (size_t)(stop - at));
        *stop = '\0';
        fn(arg, at);
        at = stop + 1;
    }
    if (text->failed)
        fn(arg, ja ? "不備はほかにもあります" : "there are more faults than are told here");
}
