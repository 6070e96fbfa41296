/* Hexadecimal, base32, UTF-8 and numbers. */
#include "base/text.h"

#include <string.h>

void text_hex(const uint8_t *p, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * n] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum err text_unhex(const char *s, uint8_t *out, size_t n)
{
    if (strlen(s) != 2 * n)
        return ERR_INVAL;
    for (size_t i = 0; i < n; i++) {
        int hi = hex_value(s[2 * i]);
        int lo = hex_value(s[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return ERR_INVAL;
        out[i] = (uint8_t)(hi * 16 + lo);
    }
    return ERR_OK;
}

/* Length of the well-formed sequence at p, 0 when there is none: Table 3-7 of Unicode. */
static size_t utf8_sequence(const uint8_t *p, size_t n)
{
    if (p[0] >= 0x01 && p[0] <= 0x7f)
        return 1;
    size_t len = 0;
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        len = 2;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        len = 3;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        len = 4;
    }
    if (len == 0 || len > n)
        return 0;
    uint8_t low = 0x80;
    uint8_t high = 0xbf;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if (p[i] < 0x80 || p[i] > 0xbf)
            return 0;
    return len;
}

bool text_is_utf8(const char *s, size_t n)
{
    const uint8_t *p = (const uint8_t *)s;
    size_t i = 0;
    while (i < n) {
        size_t len = utf8_sequence(p + i, n - i);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}

void text_base32(const uint8_t *p, size_t n, char *out)
{
    static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    unsigned acc = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < n; i++) {
        acc = (acc << 8) | p[i];
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            *out++ = digits[(acc >> bits) & 31];
        }
        acc &= (1u << bits) - 1u;
    }
    if (bits > 0)
        *out++ = digits[(acc << (5 - bits)) & 31];
    *out = '\0';
}

bool text_copy(char *out, size_t cap, const char *s)
{
    size_t n = strlen(s);
    bool whole = n < cap;
    if (!whole)
        n = cap - 1;
    memcpy(out, s, n);
    out[n] = '\0';
    return whole;
}

enum err text_u64(const char *s, uint64_t max, uint64_t *out)
{
    if (*s == '\0')
        return ERR_INVAL;
    uint64_t v = 0;
    for (; *s != '\0'; s++) {
        if (*s < '0' || *s > '9')
            return ERR_INVAL;
        uint64_t d = (uint64_t)(*s - '0');
        if (v > (UINT64_MAX - d) / 10)
            return ERR_LIMIT;
        v = v * 10 + d;
    }
    if (v > max)
        return ERR_LIMIT;
    *out = v;
    return ERR_OK;
}
