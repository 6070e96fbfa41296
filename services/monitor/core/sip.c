/* SipHash-1-3: one round for each 8 bytes, three at the end; see sip.h. */
#include "services/monitor/core/sip.h"

struct sip {
    uint64_t a, b, c, d;
};

static uint64_t rotate(uint64_t x, unsigned n)
{
    return x << n | x >> (64u - n);
}

static void sip_round(struct sip *s)
{
    s->a += s->b;
    s->c += s->d;
    s->b = rotate(s->b, 13) ^ s->a;
    s->d = rotate(s->d, 16) ^ s->c;
    s->a = rotate(s->a, 32);
    s->c += s->b;
    s->a += s->d;
    s->b = rotate(s->b, 17) ^ s->c;
    s->d = rotate(s->d, 21) ^ s->a;
    s->c = rotate(s->c, 32);
}

static uint64_t load_le(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v |= (uint64_t)p[i] << (8u * i);
    return v;
}

uint64_t sip_hash(const struct sip_key *key, const void *data, size_t n)
{
    const uint8_t *p = data;
    struct sip s = {key->k0 ^ 0x736f6d6570736575u, key->k1 ^ 0x646f72616e646f6du,
                    key->k0 ^ 0x6c7967656e657261u, key->k1 ^ 0x7465646279746573u};
    size_t whole = n / 8;
    for (size_t i = 0; i < whole; i++) {
        uint64_t m = load_le(p + i * 8, 8);
        s.d ^= m;
        sip_round(&s);
        s.a ^= m;
    }
    uint64_t last = (uint64_t)n << 56;
    if (n % 8 != 0)
        last |= load_le(p + whole * 8, n % 8);
    s.d ^= last;
    sip_round(&s);
    s.a ^= last;
    s.c ^= 0xff;
    sip_round(&s);
    sip_round(&s);
    sip_round(&s);
    return s.a ^ s.b ^ s.c ^ s.d;
}
