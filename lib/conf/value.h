/* One value of a row: from text into the caller's struct. Private to lib/conf. */
#ifndef LIU_CONF_VALUE_H
#define LIU_CONF_VALUE_H

#include "conf/conf.h"

#define CONF_STRING_BYTES_MAX 255
#define CONF_PATH_BYTES_MAX 4095

/* Greatest length of a string or path row. */
int64_t value_length_max(const struct conf_row *row);

/* Where the row's value lives in the struct at `out`. */
void *value_place(const struct conf_row *row, void *out);

/* Stores `text` of n bytes, or says in *why what is wrong: ERR_INVAL, ERR_NOMEM. `plain` = not
 * quoted in the file; numbers and booleans must be. */
enum err value_set(const struct conf_row *row, void *out, const char *text, size_t n, bool plain,
                   struct err_text *why) LIU_MUST_USE;

#endif
