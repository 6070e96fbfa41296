/* Sockets with their options. The only place where sockets are made and options are set. */
#ifndef LIU_BUS_PROFILE_H
#define LIU_BUS_PROFILE_H

#include <stdbool.h>

#include "base/err.h"
#include "bus/keys.h"

enum profile {
    PROFILE_SERVER,        /* ROUTER */
    PROFILE_SERVER_URGENT, /* ROUTER: small frames, short queues, the second I/O thread */
    PROFILE_CLIENT,        /* DEALER */
    PROFILE_PROBE,         /* DEALER of the self-probe: tries once */
    PROFILE_ZAP,           /* REP */
    PROFILE_MONITOR,       /* PAIR that receives a socket's events */
};

/* What is not the same for all sockets of a profile. Servers need keys and zap_domain, clients keys
 * and server_public; the others nothing (NULL). */
struct profile_curve {
    const struct curve_keys *keys;
    const char *zap_domain;
    const char *server_public_z85;
};

/* A context with the I/O threads that the profiles' affinities name. NULL: errno tells. */
void *profile_context(void);

/* The socket with every option set; of a server, the switches without which ZAP fails open are read
 * back. ERR_CONFIG: an option was refused or did not stick; *out is then NULL. */
enum err profile_socket(void *context, enum profile p, const struct profile_curve *c, void **out,
                        struct err_text *why) LIU_MUST_USE;

/* tcp://HOST:PORT, ERR_CONFIG otherwise. libzmq takes port 99999 and listens on 34463. any_port:
 * "*" will do. */
enum err profile_check_endpoint(const char *endpoint, bool any_port,
                                struct err_text *why) LIU_MUST_USE;

#endif
