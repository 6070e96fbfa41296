/* Until when the certificates of TLS to Redis are good: ours and the CA's as the files have them
 * now, the server's as a new connection would see it, looked at by a handshake of its own when the
 * store is ready, every hour, and on demand. Begins with store_tls_look: a program that ends at
 * once must not end in the middle of a handshake on another thread. Metric
 * liu_redis_tls_until_timestamp_seconds.
 */
#ifndef LIU_STORE_CERTS_H
#define LIU_STORE_CERTS_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"

struct store;
struct metric;
struct resolve;

enum { CERT_OWN, CERT_CA, CERT_SERVER, N_CERTS };

struct certs {
    int64_t until_s[N_CERTS]; /* 0 = not known, or none */
    bool wanted;
    int64_t next_ms;       /* looked at again then */
    struct resolve *probe; /* NULL = none under way */
    struct loop_source *source;
    struct metric *metrics[N_CERTS];
};

void certs_tick(struct store *s, int64_t now_ms);
void certs_fini(struct store *s);

#endif
