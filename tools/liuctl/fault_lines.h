/* What a walk over files has told, line by line, for a person or for JSON: names of files may hold
 * any bytes, and there may be more faults than its buffer takes. None goes untold.
 */
#ifndef LIU_LIUCTL_FAULT_LINES_H
#define LIU_LIUCTL_FAULT_LINES_H

#include <stdbool.h>

#include "base/buf.h"

/* `line` is UTF-8 without control characters, borrowed for the call. */
typedef void fault_line_fn(void *arg, const char *line);

/* `text`: lines that each end in a newline; it is changed. Bytes that a terminal or JSON cannot
 * take come as '?'. When it was too small (text->failed) a last line says that there are more. */
void fault_lines(struct buf *text, bool ja, fault_line_fn *fn, void *arg);

#endif
