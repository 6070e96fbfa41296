/* The signature of an envelope, for the sender and for the receiver: one place knows the signed
 * text (docs/protocol.md), so that both cannot come to differ.
 *
 * The text under DOMAIN_MESSAGE: type, request id, sender, scheme instance, sent_at_ms as 8 bytes
 * big-endian, SHA-256 of the payload. The sender and the scheme instance are not in the envelope:
 * the one is who the connection's key belongs to, the other what the receiver serves.
 */
#ifndef LIU_CRYPTO_ENVELOPE_H
#define LIU_CRYPTO_ENVELOPE_H

#include "crypto/crypto.h"

/* Borrowed; none may be NULL but payload.data without bytes. */
struct envelope_text {
    const char *type;
    const char *id;
    const char *sender;
    const char *scheme;
    int64_t sent_at_ms;
    struct crypto_part payload;
};

enum err envelope_sign(const struct signing_key *k, const struct envelope_text *t,
                       uint8_t out[ED25519_SIGNATURE_BYTES]) LIU_MUST_USE;
/* ERR_AUTH when it does not verify. */
enum err envelope_verify(const uint8_t public_key[ED25519_KEY_BYTES], const struct envelope_text *t,
                         const uint8_t signature[ED25519_SIGNATURE_BYTES]) LIU_MUST_USE;

#endif
