/* Formats of single values, as the flags of validate.h name them. Internal to lib/wire; pure. */
#ifndef LIU_WIRE_TEXT_CHECK_H
#define LIU_WIRE_TEXT_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/validate.h"

#define CHECK_FORMATS                                                                              \
    (CHECK_DATE | CHECK_ID | CHECK_TOKEN | CHECK_CIDR | CHECK_DOMAIN | CHECK_MESSAGE_ID | CHECK_Z85)

/* text_is_utf8 with a quick way for ASCII, which nearly all text of a message is. */
bool text_check_utf8(const char *s, size_t n);

/* The first format of `flags` that the text does not have; 0 = it has all. The empty text has none.
 */
unsigned text_check_format(unsigned flags, const char *s, size_t n);

/* 2000-01-01 .. 2999-12-31 (UTC). */
bool text_check_time(int64_t ms);

#endif
