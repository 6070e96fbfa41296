/* Small text helpers that every layer needs: hexadecimal, base64, UTF-8, identifiers. */
#ifndef LIU_BASE_TEXT_H
#define LIU_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Lower-case hexadecimal; out has room for 2 * n + 1. */
void text_hex(const uint8_t *p, size_t n, char *out);

/* Exactly n bytes from 2 * n digits; ERR_INVAL otherwise. */
enum err text_unhex(const char *s, uint8_t *out, size_t n) LIU_MUST_USE;

/* Valid UTF-8 without NUL, surrogates or over-long forms? */
bool text_is_utf8(const char *s, size_t n);

/* Crockford base32 without padding, upper case; out has room for (n * 8 + 4) / 5 + 1. */
void text_base32(const uint8_t *p, size_t n, char *out);

/* Copies at most cap - 1 bytes and ends with NUL; false when something was cut. */
bool text_copy(char *out, size_t cap, const char *s);

/* Whole-string decimal without sign; ERR_INVAL on anything else, ERR_LIMIT beyond max. */
enum err text_u64(const char *s, uint64_t max, uint64_t *out) LIU_MUST_USE;

#endif
