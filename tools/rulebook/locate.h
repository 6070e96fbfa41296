/* Where in a YAML file a field stands, for faults found after reading. */
#ifndef LIU_RULEBOOK_LOCATE_H
#define LIU_RULEBOOK_LOCATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Syntax, and no name twice in one mapping (a reader would not know which one counts). ERR_INVAL
 * with *line and `why`; ERR_NOMEM. */
enum err locate_check(const uint8_t *text, size_t bytes, size_t *line,
                      struct err_text *why) LIU_MUST_USE;

/* Line of the node at a path like audit.important[3].id; of its nearest parent when it is not
 * there; 1 for an empty file. */
size_t locate_line(const uint8_t *text, size_t bytes, const char *path);

#endif
