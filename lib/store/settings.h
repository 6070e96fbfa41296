/* The settings of TLS to Redis, for the table of settings (conf/conf.h) of every program that
 * connects: one wording, one set of names.
 */
#ifndef LIU_STORE_SETTINGS_H
#define LIU_STORE_SETTINGS_H

#include "store/store.h"

struct store_tls_settings {
    char *ca;
    char *cert;
    char *key;
    char *name;
};

/* `row` makes a conf_row of (name, type, member, min, max, fallback, help). */
#define STORE_TLS_ROWS(row, member)                                                                \
    row("redis_tls_ca_file", CONF_PATH, member.ca, 0, 0, "",                                       \
        "with tls: or sentinel-tls: certificates of the CA, PEM"),                                 \
        row("redis_tls_cert_file", CONF_PATH, member.cert, 0, 0, "",                               \
            "with tls: our certificate, PEM; empty = none is shown"),                              \
        row("redis_tls_key_file", CONF_PATH, member.key, 0, 0, "",                                 \
            "with tls: its private key, PEM, mode 0600"),                                          \
        row("redis_tls_name", CONF_STRING, member.name, 0, 255, "",                                \
            "with tls: name in the server's certificate; empty = the host")

static inline void store_take_tls(struct store_config *c, const struct store_tls_settings *s)
{
    c->tls = (struct tls_files){.ca = s->ca, .cert = s->cert, .key = s->key};
    c->tls_name = s->name;
}

#endif
