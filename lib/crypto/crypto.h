/* OpenSSL behind one door: SHA-256, Ed25519, random bytes. Contexts are reused; one thread.
 *
 * Signed texts are length-prefixed parts (4 bytes big-endian, then the bytes) after a domain
 * string, so that no signature can be taken for another.
 */
#ifndef LIU_CRYPTO_CRYPTO_H
#define LIU_CRYPTO_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SHA256_BYTES 32
#define SHA1_BYTES 20
#define ED25519_KEY_BYTES 32
#define ED25519_SIGNATURE_BYTES 64

/* Domain strings, part of the protocol (docs/protocol.md). */
#define DOMAIN_MESSAGE "ismap-liu/v1/message"       /* parties' envelopes */
#define DOMAIN_ASSESSMENT "ismap-liu/v1/assessment" /* assessments handed to a provider */
#define DOMAIN_RECEIPT "ismap-liu/v1/receipt"       /* the scheme's receipts */
#define DOMAIN_VERDICT "ismap-liu/v1/verdict"
#define DOMAIN_NOTICE "ismap-liu/v1/notice"
#define DOMAIN_DOOR "ismap-liu/v1/door"       /* the scheme's word for a service's CURVE key */
#define DOMAIN_REQUEST "ismap-liu/v1/request" /* request hash: type and payload */

struct crypto_part {
    const void *data;
    size_t bytes;
};

/* SHA-256 of the parts one after the other, without prefixes. Aborts never; ERR_INTERNAL if OpenSSL
 * fails. */
enum err crypto_sha256(const struct crypto_part *parts, size_t n,
                       uint8_t out[SHA256_BYTES]) LIU_MUST_USE;

/* The same, from any thread: with a context of its own. For big pieces, such as files. */
enum err crypto_sha256_any_thread(const struct crypto_part *parts, size_t n,
                                  uint8_t out[SHA256_BYTES]) LIU_MUST_USE;

/* SHA-256 of what comes piece by piece, from any thread (one at a time). NULL without memory. */
struct crypto_hash;
struct crypto_hash *crypto_hash_create(void);
void crypto_hash_destroy(struct crypto_hash *h); /* NULL-safe */
enum err crypto_hash_add(struct crypto_hash *h, const void *p, size_t n) LIU_MUST_USE;
/* Gives the digest and starts anew. */
enum err crypto_hash_end(struct crypto_hash *h, uint8_t out[SHA256_BYTES]) LIU_MUST_USE;

/* SHA-1 of the parts one after the other. Only to check the journal's links, which Redis makes
 * (docs/decisions/0003): nothing may rest on it. */
enum err crypto_sha1(const struct crypto_part *parts, size_t n,
                     uint8_t out[SHA1_BYTES]) LIU_MUST_USE;

/* SHA-256 over domain and parts, each length-prefixed. */
enum err crypto_digest(const char *domain, const struct crypto_part *parts, size_t n,
                       uint8_t out[SHA256_BYTES]) LIU_MUST_USE;

struct signing_key; /* a private Ed25519 key with its id */

/* ids: 1 to 64 letters, digits and . _ - (ERR_INVAL).
 * Reads a key file: two lines "key_id <id>" and "ed25519_secret <64 hex digits>"; refuses files
 * others can read (ERR_AUTH). */
enum err signing_key_load(const char *path, struct signing_key **out,
                          struct err_text *why) LIU_MUST_USE;
enum err signing_key_generate(const char *key_id, struct signing_key **out) LIU_MUST_USE;
enum err signing_key_from_seed(const char *key_id, const uint8_t seed[32],
                               struct signing_key **out) LIU_MUST_USE;
enum err signing_key_save(const struct signing_key *k, const char *path, struct err_text *why)
    LIU_MUST_USE;                             /* mode 0600, fsync; ERR_EXISTS: never overwrites */
void signing_key_free(struct signing_key *k); /* NULL-safe, wipes */
const char *signing_key_id(const struct signing_key *k);
void signing_key_public(const struct signing_key *k, uint8_t out[ED25519_KEY_BYTES]);

/* Ed25519 over the length-prefixed text of domain and parts. */
enum err crypto_sign(const struct signing_key *k, const char *domain,
                     const struct crypto_part *parts, size_t n,
                     uint8_t out[ED25519_SIGNATURE_BYTES]) LIU_MUST_USE;
/* ERR_AUTH when it does not verify; a public key of small order verifies nothing. ERR_LIMIT beyond
 * 2 MiB of text, here and in crypto_sign. */
enum err crypto_verify(const uint8_t public_key[ED25519_KEY_BYTES], const char *domain,
                       const struct crypto_part *parts, size_t n,
                       const uint8_t signature[ED25519_SIGNATURE_BYTES]) LIU_MUST_USE;

enum err crypto_random(void *out, size_t bytes) LIU_MUST_USE;

#endif
