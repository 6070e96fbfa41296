/* Normal forms of identities; see match_key.h. */
#include "services/monitor/core/match_key.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "services/monitor/core/match.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool match_key_number(struct match_key *k, const char *text)
{
    size_t n = text == NULL ? 0 : strlen(text);
    if (n == 0 || n > MATCH_TEXT_MAX)
        return false;
    k->bytes[0] = KIND_NUMBER;
    memcpy(k->bytes + 1, text, n);
    k->n = n + 1;
    return true;
}

bool match_key_domain(struct match_key *k, const char *text)
{
    if (text == NULL)
        return false;
    if (text[0] == '*' && text[1] == '.')
        text += 2;
    size_t n = strlen(text);
    if (n > 0 && text[n - 1] == '.')
        n--;
    if (n == 0 || n > MATCH_TEXT_MAX || text[0] == '.')
        return false;
    k->bytes[0] = KIND_DOMAIN;
    for (size_t i = 0; i < n; i++)
        k->bytes[i + 1] = lower((uint8_t)text[i]);
    k->n = n + 1;
    return true;
}

/* Length of the blank at p: ASCII blanks or the ideographic space U+3000; 0 = none. */
static size_t blank_at(const char *p)
{
    if (*p == ' ' || (*p >= '\t' && *p <= '\r'))
        return 1;
    return (uint8_t)p[0] == 0xe3 && (uint8_t)p[1] == 0x80 && (uint8_t)p[2] == 0x80 ? 3 : 0;
}

/* U+FF01 to U+FF5E are the ASCII characters 0x21 to 0x7e in full width; 0 = another character. */
static uint8_t full_width_at(const char *p)
{
    const uint8_t *u = (const uint8_t *)p;
    if (u[0] != 0xef || (u[1] != 0xbc && u[1] != 0xbd) || (u[2] & 0xc0u) != 0x80)
        return 0;
    unsigned point = 0xf000u | (unsigned)(u[1] & 0x3f) << 6 | (unsigned)(u[2] & 0x3f);
    return point >= 0xff01 && point <= 0xff5e ? (uint8_t)(point - 0xff01 + 0x21) : 0;
}

/* Blanks at both ends fall away, others become one space each run. */
static bool key_text(struct match_key *k, enum match_kind kind, const char *text, bool widths)
{
    if (text == NULL)
        return false;
    k->bytes[0] = (uint8_t)kind;
    k->n = 1;
    bool blank = false;
    for (const char *p = text; *p != '\0';) {
        size_t skip = blank_at(p);
        if (skip > 0) {
            blank = k->n > 1;
            p += skip;
            continue;
        }
        uint8_t narrow = widths ? full_width_at(p) : 0;
        if (k->n + 2 > MATCH_TEXT_MAX + 1)
            return false;
        if (blank)
            k->bytes[k->n++] = ' ';
        blank = false;
        k->bytes[k->n++] = lower(narrow != 0 ? narrow : (uint8_t)*p);
        p += narrow != 0 ? 3 : 1;
    }
    return k->n > 1;
}

bool match_key_product(struct match_key *k, const char *text)
{
    return key_text(k, KIND_PRODUCT, text, false);
}

bool match_key_alias(struct match_key *k, const char *text)
{
    return key_text(k, KIND_ALIAS, text, true);
}

/* ::ffff:a.b.c.d is the IPv4 address; a range wider than that prefix stays IPv6. */
static void unwrap_ipv4(struct match_address *a)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (a->bits < 96 || memcmp(a->bytes, mapped, sizeof mapped) != 0)
        return;
    memmove(a->bytes, a->bytes + 12, 4);
    memset(a->bytes + 4, 0, 12);
    a->kind = KIND_RANGE4;
    a->bits -= 96;
}

bool match_address_parse(struct match_address *a, const char *text)
{
    char address[64];
    if (text == NULL)
        return false;
    const char *slash = strchr(text, '/');
    size_t n = slash == NULL ? strlen(text) : (size_t)(slash - text);
    if (n == 0 || n >= sizeof address)
        return false;
    memcpy(address, text, n);
    address[n] = '\0';
    *a = (struct match_address){.kind = KIND_RANGE4, .bits = 32};
    if (inet_pton(AF_INET, address, a->bytes) != 1) {
        a->kind = KIND_RANGE6;
        a->bits = 128;
        if (inet_pton(AF_INET6, address, a->bytes) != 1)
            return false;
    }
    uint64_t bits = a->bits;
    if (slash != NULL && text_u64(slash + 1, a->bits, &bits) != ERR_OK)
        return false;
    a->bits = (unsigned)bits;
    if (a->kind == KIND_RANGE6)
        unwrap_ipv4(a);
    return true;
}

void match_key_range(struct match_key *k, const struct match_address *a, unsigned bits)
{
    size_t n = a->kind == KIND_RANGE4 ? 4 : 16;
    k->bytes[0] = (uint8_t)a->kind;
    k->bytes[1] = (uint8_t)bits;
    k->n = 2 + n;
    for (size_t i = 0; i < n; i++) {
        unsigned here = bits > i * 8 ? bits - (unsigned)(i * 8) : 0;
        unsigned mask = here >= 8 ? 0xffu : 0xffu & ~(0xffu >> here);
        k->bytes[2 + i] = (uint8_t)(a->bytes[i] & mask);
    }
}

unsigned match_key_labels(const struct match_key *k)
{
    unsigned labels = 1;
    for (size_t i = 1; i < k->n; i++)
        labels += k->bytes[i] == '.';
    return labels;
}
