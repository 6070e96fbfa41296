/* The signed text of an envelope. */
#include "crypto/envelope.h"

#include <string.h>

#include "base/bytes.h"

#define N_PARTS 6

struct text {
    uint8_t at[8];
    uint8_t hash[SHA256_BYTES];
    struct crypto_part parts[N_PARTS];
};

static enum err text_of(const struct envelope_text *t, struct text *out)
{
    be64_put(out->at, (uint64_t)t->sent_at_ms);
    const struct crypto_part parts[N_PARTS] = {
        {t->type, strlen(t->type)},     {t->id, strlen(t->id)},    {t->sender, strlen(t->sender)},
        {t->scheme, strlen(t->scheme)}, {out->at, sizeof out->at}, {out->hash, sizeof out->hash},
    };
    memcpy(out->parts, parts, sizeof parts);
    return crypto_sha256(&t->payload, 1, out->hash);
}

enum err envelope_sign(const struct signing_key *k, const struct envelope_text *t,
                       uint8_t out[ED25519_SIGNATURE_BYTES])
{
    struct text text;
    enum err e = text_of(t, &text);
    return e == ERR_OK ? crypto_sign(k, DOMAIN_MESSAGE, text.parts, N_PARTS, out) : e;
}

enum err envelope_verify(const uint8_t public_key[ED25519_KEY_BYTES], const struct envelope_text *t,
                         const uint8_t signature[ED25519_SIGNATURE_BYTES])
{
    struct text text;
    enum err e = text_of(t, &text);
    return e == ERR_OK ? crypto_verify(public_key, DOMAIN_MESSAGE, text.parts, N_PARTS, signature)
                       : e;
}
