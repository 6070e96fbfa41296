/* What a signing key is, for the two files of this folder. */
#ifndef LIU_CRYPTO_KEY_H
#define LIU_CRYPTO_KEY_H

#include <openssl/evp.h>

#define KEY_ID_BYTES_MAX 64 /* letters, digits and . _ - */

struct signing_key {
    EVP_PKEY *pkey; /* owned; OpenSSL wipes it when freed */
    char id[KEY_ID_BYTES_MAX + 1];
};

#endif
