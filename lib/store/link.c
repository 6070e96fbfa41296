/* See link.h. */
#include "store/link.h"

#include <string.h>

#include "base/text.h"
#include "crypto/crypto.h"

enum err link_first(const char *epoch, char out[LINK_DIGITS + 1])
{
    uint8_t sha1[SHA1_BYTES];
    struct crypto_part part = {epoch, strlen(epoch)};
    enum err e = crypto_sha1(&part, 1, sha1);
    if (e == ERR_OK)
        text_hex(sha1, sizeof(sha1), out);
    return e;
}

enum err link_next(const char before[LINK_DIGITS + 1], const uint8_t *data, size_t bytes,
                   char out[LINK_DIGITS + 1])
{
    uint8_t sha1[SHA1_BYTES];
    struct crypto_part parts[] = {{before, LINK_DIGITS}, {data, bytes}};
    enum err e = crypto_sha1(parts, 2, sha1);
    if (e == ERR_OK)
        text_hex(sha1, sizeof(sha1), out);
    return e;
}
