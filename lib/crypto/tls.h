/* TLS as a client over a non-blocking descriptor of the caller's, with the semantics of send and
 * recv. The server is always verified: its chain to the CA of a file, and its name.
 *
 * TLS 1.2 and later. No SIGPIPE, no renegotiation, no session is kept. One thread.
 */
#ifndef LIU_CRYPTO_TLS_H
#define LIU_CRYPTO_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Files in PEM. Empty texts and NULL are the same. */
struct tls_files {
    const char *ca;   /* certificates that may have signed the server's; required */
    const char *cert; /* our certificate and its chain; empty = none is shown */
    const char *key;  /* its private key, readable by its owner only; with cert or not at all */
};

struct tls_context; /* what the files say */
struct tls;         /* one connection */

/* ERR_CONFIG with a reason that names the file; ERR_NOMEM. */
enum err tls_context_create(const struct tls_files *files, struct tls_context **out,
                            struct err_text *why) LIU_MUST_USE;
/* When our certificate, and the first of the CA's file, will have expired: seconds since 1970, 0 =
 * there is none. */
int64_t tls_context_own_until_s(const struct tls_context *c);
int64_t tls_context_ca_until_s(const struct tls_context *c);
void tls_context_free(struct tls_context *c); /* NULL-safe; connections made of it live on */

/* `name` must stand in the server's certificate: a host name or an address in numbers. The
 * descriptor is connected and stays the caller's. NULL without memory. */
struct tls *tls_create(const struct tls_context *c, int fd, const char *name);
void tls_free(struct tls *t); /* NULL-safe; says good-bye as far as that goes without waiting */

/* ERR_OK: established, the server is who it must be. ERR_AGAIN: call again when the descriptor can
 * be read, or written (tls_wants_write). ERR_AUTH: not verified. ERR_PROTO: anything else. */
enum err tls_handshake(struct tls *t) LIU_MUST_USE;
bool tls_wants_write(const struct tls *t);

/* As send and recv with MSG_DONTWAIT: bytes, or -1 with errno EAGAIN, or -1 with errno EPROTO and
 * the reason in tls_why; tls_recv answers 0 at the end. After EAGAIN tls_send is called again with
 * the same bytes in front (there may be more behind them). */
ssize_t tls_send(struct tls *t, const void *p, size_t n);
ssize_t tls_recv(struct tls *t, void *p, size_t n);
/* Is something decrypted that tls_recv has not handed out? The descriptor does not tell. */
bool tls_pending(const struct tls *t);

/* When the server's certificate will have expired; 0 before the handshake. */
int64_t tls_server_until_s(const struct tls *t);

/* Why the last call failed, for a person; never NULL. */
const char *tls_why(const struct tls *t);

#endif
