/* The formats that messages may ask of a text. */
#include "wire/text_check.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/date.h"
#include "base/text.h"

#define TIME_MIN_MS 946684800000LL   /* 2000-01-01T00:00:00Z */
#define TIME_MAX_MS 32503679999999LL /* 2999-12-31T23:59:59.999Z */
#define DOMAIN_BYTES_MAX 253         /* RFC 1035, 2.3.4, as text */
#define LABEL_BYTES_MAX 63
#define ID_BYTES_MIN 2
#define ID_BYTES_MAX 32
#define Z85_KEY_BYTES 40
#define CIDR_BYTES_MAX (INET6_ADDRSTRLEN + 4)

#define ASCII_WORD_MASK 0x8080808080808080ULL
#define ASCII_WORD_ONES 0x0101010101010101ULL

bool text_check_utf8(const char *s, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t w;
        memcpy(&w, s + i, sizeof w);
        /* the high bit of a byte is set by non-ASCII, and by borrowing from a zero byte */
        if (((w | (w - ASCII_WORD_ONES)) & ASCII_WORD_MASK) != 0)
            break;
    }
    return i == n || text_is_utf8(s + i, n - i);
}

bool text_check_time(int64_t ms)
{
    return ms >= TIME_MIN_MS && ms <= TIME_MAX_MS;
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z');
}

static bool is_id(const char *s, size_t n)
{
    if (n < ID_BYTES_MIN || n > ID_BYTES_MAX || s[0] == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_lower(s[i]) && !is_digit(s[i]) && s[i] != '-')
            return false;
    return true;
}

/* Letters, digits and the characters of `others`. */
static bool is_of(const char *s, size_t n, const char *others)
{
    for (size_t i = 0; i < n; i++)
        if (!is_alnum(s[i]) && (s[i] == '\0' || strchr(others, s[i]) == NULL))
            return false;
    return n > 0;
}

static bool is_label(const char *s, size_t n)
{
    if (n == 0 || n > LABEL_BYTES_MAX || s[0] == '-' || s[n - 1] == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!is_lower(s[i]) && !is_digit(s[i]) && s[i] != '-')
            return false;
    return true;
}

static bool is_domain(const char *s, size_t n)
{
    size_t labels = 0;
    size_t start = 0;
    if (n > DOMAIN_BYTES_MAX)
        return false;
    for (size_t i = 0; i <= n; i++) {
        if (i < n && s[i] != '.')
            continue;
        if (!is_label(s + start, i - start))
            return false;
        labels++;
        if (i < n)
            start = i + 1;
    }
    return labels >= 2 && !is_digit(s[start]); /* the last label of an address is a number */
}

static bool tail_is_zero(const uint8_t *p, size_t bytes, unsigned prefix)
{
    for (size_t bit = prefix; bit < bytes * 8; bit++)
        if ((p[bit / 8] & (0x80u >> bit % 8)) != 0)
            return false;
    return true;
}

static bool is_cidr(const char *s, size_t n)
{
    char text[CIDR_BYTES_MAX + 1];
    const char *slash = memchr(s, '/', n);
    if (slash == NULL || n > CIDR_BYTES_MAX)
        return false;
    memcpy(text, s, n);
    text[n] = '\0';
    text[slash - s] = '\0';
    const char *length = text + (slash - s) + 1;
    uint8_t address[16];
    size_t bytes = 4;
    if (inet_pton(AF_INET, text, address) != 1) {
        bytes = 16;
        if (inet_pton(AF_INET6, text, address) != 1)
            return false;
    }
    uint64_t prefix;
    if (strlen(length) > 3 || text_u64(length, bytes * 8, &prefix) != ERR_OK)
        return false;
    return tail_is_zero(address, bytes, (unsigned)prefix);
}

static bool is_date(const char *s, size_t n)
{
    char text[DATE_TEXT_BYTES];
    int32_t days;
    if (n != sizeof text - 1)
        return false;
    memcpy(text, s, n);
    text[n] = '\0';
    return date_parse(text, &days) == ERR_OK;
}

unsigned text_check_format(unsigned flags, const char *s, size_t n)
{
    if ((flags & CHECK_ID) != 0 && !is_id(s, n))
        return CHECK_ID;
    if ((flags & CHECK_TOKEN) != 0 && !is_of(s, n, "._/-"))
        return CHECK_TOKEN;
    if ((flags & CHECK_MESSAGE_ID) != 0 && !is_of(s, n, "._-"))
        return CHECK_MESSAGE_ID;
    if ((flags & CHECK_DATE) != 0 && !is_date(s, n))
        return CHECK_DATE;
    if ((flags & CHECK_DOMAIN) != 0 && !is_domain(s, n))
        return CHECK_DOMAIN;
    if ((flags & CHECK_CIDR) != 0 && !is_cidr(s, n))
        return CHECK_CIDR;
    if ((flags & CHECK_Z85) != 0 && (n != Z85_KEY_BYTES || !is_of(s, n, ".-:+=^!/*?&<>()[]{}@%$#")))
        return CHECK_Z85;
    return 0;
}
