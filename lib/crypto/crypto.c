/* Digests, signatures and random bytes. OpenSSL's contexts and the text being signed are made once
 * and used again; every answer of OpenSSL is compared with 1, because some of its errors are
 * negative.
 */
#include "crypto/crypto.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "crypto/key.h"

#define SIGNED_TEXT_BYTES_MAX (2 * LIMIT_FRAME_BYTES)

static EVP_MD_CTX *hash_ctx;
static EVP_MD_CTX *sign_ctx;
static EVP_MD *sha256;
static struct buf text = {.max = SIGNED_TEXT_BYTES_MAX};

/* The first who asks is the only one: a second thread would write into the digest of the first. */
static bool ready(void)
{
    static pthread_t owner;
    if (hash_ctx == NULL) {
        owner = pthread_self();
        hash_ctx = EVP_MD_CTX_new();
    }
    assert(pthread_equal(owner, pthread_self()));
    if (sign_ctx == NULL)
        sign_ctx = EVP_MD_CTX_new();
    if (sha256 == NULL)
        sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    return hash_ctx != NULL && sign_ctx != NULL && sha256 != NULL;
}

static enum err failed(enum err e)
{
    ERR_clear_error();
    return e;
}

static void prefix(uint8_t out[4], size_t n)
{
    out[0] = (uint8_t)(n >> 24);
    out[1] = (uint8_t)(n >> 16);
    out[2] = (uint8_t)(n >> 8);
    out[3] = (uint8_t)n;
}

static bool hash_prefixed(const void *data, size_t n)
{
    uint8_t length[4];
    if (n > UINT32_MAX)
        return false;
    prefix(length, n);
    return EVP_DigestUpdate(hash_ctx, length, sizeof length) == 1 &&
           (n == 0 || EVP_DigestUpdate(hash_ctx, data, n) == 1);
}

enum err crypto_sha256(const struct crypto_part *parts, size_t n, uint8_t out[SHA256_BYTES])
{
    if (!ready() || EVP_DigestInit_ex2(hash_ctx, sha256, NULL) != 1)
        return failed(ERR_INTERNAL);
    for (size_t i = 0; i < n; i++)
        if (parts[i].bytes > 0 && EVP_DigestUpdate(hash_ctx, parts[i].data, parts[i].bytes) != 1)
            return failed(ERR_INTERNAL);
    if (EVP_DigestFinal_ex(hash_ctx, out, NULL) != 1)
        return failed(ERR_INTERNAL);
    return ERR_OK;
}

static enum err hash_once(const EVP_MD *md, const struct crypto_part *parts, size_t n, uint8_t *out)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestInit_ex(ctx, md, NULL) == 1;
    for (size_t i = 0; ok && i < n; i++)
        ok = parts[i].bytes == 0 || EVP_DigestUpdate(ctx, parts[i].data, parts[i].bytes) == 1;
    ok = ok && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
    EVP_MD_CTX_free(ctx);
    return ok ? ERR_OK : failed(ERR_INTERNAL);
}

enum err crypto_sha256_any_thread(const struct crypto_part *parts, size_t n,
                                  uint8_t out[SHA256_BYTES])
{
    return hash_once(EVP_sha256(), parts, n, out);
}

struct crypto_hash {
    EVP_MD_CTX *ctx;
};

struct crypto_hash *crypto_hash_create(void)
{
    struct crypto_hash *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return NULL;
    h->ctx = EVP_MD_CTX_new();
    if (h->ctx != NULL && EVP_DigestInit_ex2(h->ctx, EVP_sha256(), NULL) == 1)
        return h;
    crypto_hash_destroy(h);
    return NULL;
}

void crypto_hash_destroy(struct crypto_hash *h)
{
    if (h == NULL)
        return;
    EVP_MD_CTX_free(h->ctx);
    free(h);
}

enum err crypto_hash_add(struct crypto_hash *h, const void *p, size_t n)
{
    return EVP_DigestUpdate(h->ctx, p, n) == 1 ? ERR_OK : failed(ERR_INTERNAL);
}

enum err crypto_hash_end(struct crypto_hash *h, uint8_t out[SHA256_BYTES])
{
    bool ok = EVP_DigestFinal_ex(h->ctx, out, NULL) == 1 &&
              EVP_DigestInit_ex2(h->ctx, EVP_sha256(), NULL) == 1;
    return ok ? ERR_OK : failed(ERR_INTERNAL);
}

enum err crypto_sha1(const struct crypto_part *parts, size_t n, uint8_t out[SHA1_BYTES])
{
    return hash_once(EVP_sha1(), parts, n, out);
}

enum err crypto_digest(const char *domain, const struct crypto_part *parts, size_t n,
                       uint8_t out[SHA256_BYTES])
{
    if (!ready() || EVP_DigestInit_ex2(hash_ctx, sha256, NULL) != 1)
        return failed(ERR_INTERNAL);
    if (!hash_prefixed(domain, strlen(domain)))
        return failed(ERR_INTERNAL);
    for (size_t i = 0; i < n; i++)
        if (!hash_prefixed(parts[i].data, parts[i].bytes))
            return failed(ERR_INTERNAL);
    if (EVP_DigestFinal_ex(hash_ctx, out, NULL) != 1)
        return failed(ERR_INTERNAL);
    return ERR_OK;
}

/* Ed25519 takes its text in one piece. */
static void text_add(const void *data, size_t n)
{
    uint8_t length[4];
    if (n > SIGNED_TEXT_BYTES_MAX)
        text.failed = true;
    prefix(length, n);
    (void)buf_put(&text, length, sizeof length);
    (void)buf_put(&text, data, n);
}

static enum err text_build(const char *domain, const struct crypto_part *parts, size_t n)
{
    buf_clear(&text);
    text_add(domain, strlen(domain));
    for (size_t i = 0; i < n; i++)
        text_add(parts[i].data, parts[i].bytes);
    return text.failed ? ERR_LIMIT : ERR_OK;
}

enum err crypto_sign(const struct signing_key *k, const char *domain,
                     const struct crypto_part *parts, size_t n,
                     uint8_t out[ED25519_SIGNATURE_BYTES])
{
    if (!ready())
        return failed(ERR_INTERNAL);
    enum err e = text_build(domain, parts, n);
    if (e != ERR_OK)
        return e;
    size_t bytes = ED25519_SIGNATURE_BYTES;
    bool ok = EVP_MD_CTX_reset(sign_ctx) == 1 &&
              EVP_DigestSignInit(sign_ctx, NULL, NULL, NULL, k->pkey) == 1 &&
              EVP_DigestSign(sign_ctx, out, &bytes, text.data, text.len) == 1 &&
              bytes == ED25519_SIGNATURE_BYTES;
    (void)EVP_MD_CTX_reset(sign_ctx); /* holds a reference to the key */
    return ok ? ERR_OK : failed(ERR_INTERNAL);
}

/* The points whose order divides 8, by y with the sign bit cleared, and the two ways to write y >=
 * p. Under such a key one signature fits every text, and RFC 8032 does not ask a verifier to look.
 */
static bool key_is_degenerate(const uint8_t key[ED25519_KEY_BYTES])
{
    static const uint8_t points[][ED25519_KEY_BYTES] = {
        {0},
        {1},
        {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
         0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
         0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
        {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
         0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
         0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
    };
    uint8_t y[ED25519_KEY_BYTES];
    memcpy(y, key, sizeof y);
    y[ED25519_KEY_BYTES - 1] &= 0x7f;
    for (size_t i = 0; i < sizeof points / sizeof points[0]; i++)
        if (memcmp(y, points[i], sizeof y) == 0)
            return true;
    /* p - 1, p and p + 1 differ only in their first byte: ec, ed, ee */
    bool near_p = y[0] >= 0xec && y[0] <= 0xee && y[ED25519_KEY_BYTES - 1] == 0x7f;
    for (size_t i = 1; near_p && i < ED25519_KEY_BYTES - 1; i++)
        near_p = y[i] == 0xff;
    return near_p;
}

enum err crypto_verify(const uint8_t public_key[ED25519_KEY_BYTES], const char *domain,
                       const struct crypto_part *parts, size_t n,
                       const uint8_t signature[ED25519_SIGNATURE_BYTES])
{
    if (!ready())
        return failed(ERR_INTERNAL);
    if (key_is_degenerate(public_key))
        return ERR_AUTH;
    enum err e = text_build(domain, parts, n);
    if (e != ERR_OK)
        return e;
    EVP_PKEY *pkey =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, ED25519_KEY_BYTES);
    if (pkey == NULL)
        return failed(ERR_INTERNAL);
    e = ERR_INTERNAL;
    if (EVP_MD_CTX_reset(sign_ctx) == 1 &&
        EVP_DigestVerifyInit(sign_ctx, NULL, NULL, NULL, pkey) == 1)
        e = EVP_DigestVerify(sign_ctx, signature, ED25519_SIGNATURE_BYTES, text.data, text.len) == 1
                ? ERR_OK
                : ERR_AUTH;
    (void)EVP_MD_CTX_reset(sign_ctx);
    EVP_PKEY_free(pkey);
    return e == ERR_OK ? ERR_OK : failed(e);
}

enum err crypto_random(void *out, size_t bytes)
{
    if (bytes > INT_MAX)
        return ERR_LIMIT;
    return RAND_bytes(out, (int)bytes) == 1 ? ERR_OK : failed(ERR_INTERNAL);
}
