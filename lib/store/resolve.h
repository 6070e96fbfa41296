/* Where Redis listens: unix:/path, tcp:host:port, tls:host:port, or where Sentinels say
 * (sentinel.h). Names are resolved on a thread of their own, because getaddrinfo and Sentinels may
 * take many seconds.
 */
#ifndef LIU_STORE_RESOLVE_H
#define LIU_STORE_RESOLVE_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"
#include "crypto/tls.h"

struct address {
    struct sockaddr_storage sa;
    socklen_t bytes;
};

struct resolve;

#define ADDRESS_HOST_BYTES 256

/* ERR_CONFIG with a reason when the text is no address. */
enum err address_check(const char *text, struct err_text *why) LIU_MUST_USE;
/* Is Redis, and are the Sentinels that name it, spoken to over TLS? */
bool address_is_tls(const char *text);
/* The host of a tcp: or tls: address, without brackets; "" of another. */
void address_host(const char *text, char host[ADDRESS_HOST_BYTES]);

/* Does the address have to be asked for anew when the Redis that it led to is refused? */
bool address_moves(const char *text);
/* Host and port of "tcp:host:port" or "tls:host:port". */
enum err address_split(const char *text, char host[ADDRESS_HOST_BYTES], char port[6],
                       struct err_text *why) LIU_MUST_USE;
/* Blocks; `flags` of getaddrinfo. */
bool address_look_up(const char *host, const char *port, int flags, struct address *out);

/* The address at once when it needs no name service; else ERR_AGAIN and *out is a look-up under
 * way, whose descriptor becomes readable when it is done. Sentinels are asked with `tls` (NULL = in
 * clear) and must be `tls_name` (sentinel.h); `tls` is taken over, whatever the answer. */
enum err resolve_start(const char *text, struct tls_context *tls, const char *tls_name,
                       struct address *address, struct resolve **out) LIU_MUST_USE;
int resolve_fd(const struct resolve *r);
/* ERR_NOT_FOUND with a reason. */
enum err resolve_take(struct resolve *r, struct address *address,
                      struct err_text *why) LIU_MUST_USE;
/* The same look-up, and then a TLS handshake with whom it leads to, as a new connection would:
 * until when is the server's certificate good? Takes over `tls`; always ERR_AGAIN when it begins.
 */
enum err resolve_probe(const char *text, struct tls_context *tls, const char *tls_name,
                       struct resolve **out) LIU_MUST_USE;
/* Seconds since 1970; 0 with a reason. */
int64_t resolve_take_until_s(struct resolve *r, struct err_text *why);
void resolve_drop(struct resolve *r); /* NULL-safe; also while it is under way */

#endif
