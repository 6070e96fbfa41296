/* Base64 (RFC 4648, section 4) for bytes that travel in JSON.
 *
 * Written with padding. Read strictly, but in both alphabets (+/ and -_) and with or without
 * padding, as the protobuf JSON mapping asks of a reader. No white space.
 */
#ifndef LIU_BASE_BASE64_H
#define LIU_BASE_BASE64_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Characters that n bytes become, without the NUL. */
#define BASE64_TEXT_BYTES(n) (((n) + 2) / 3 * 4)

/* No more bytes than this come out of n characters. */
#define BASE64_DATA_BYTES(n) ((n) / 4 * 3 + 2)

/* out has room for BASE64_TEXT_BYTES(n) + 1; ends with NUL. */
void base64_encode(const uint8_t *p, size_t n, char *out);

/* out has room for BASE64_DATA_BYTES(n). ERR_INVAL: foreign character, impossible length, wrong
 * padding, or bits set that no byte owns (two texts must not mean the same bytes). */
enum err base64_decode(const char *s, size_t n, uint8_t *out, size_t *out_bytes) LIU_MUST_USE;

#endif
