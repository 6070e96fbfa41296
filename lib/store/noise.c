/* Reading a feed's stream of noise, for the archive. */
#include "store/store_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/reply.h"

struct asked {
    store_noise_fn *fn;
    void *arg;
};

/* "ms-n", 48 bytes at most. */
static bool read_id(const redisReply *r, struct store_noise *out)
{
    const char *text = reply_text(r);
    char *end = NULL;
    if (text == NULL || *text < '0' || *text > '9')
        return false;
    out->ms = strtoull(text, &end, 10);
    if (end[0] != '-' || end[1] < '0' || end[1] > '9')
        return false;
    out->n = strtoull(end + 1, &end, 10);
    return *end == '\0';
}

static bool noise_decode(const redisReply *r, struct store_noise *out)
{
    const char *p = NULL;
    const redisReply *fields = reply_at(r, 1);
    *out = (struct store_noise){0};
    if (!read_id(reply_at(r, 0), out) || !reply_string(reply_at(fields, 1), &p, &out->bytes))
        return false;
    out->data = (const uint8_t *)p;
    return true;
}

static void on_noise(void *arg, enum err e, redisReply **reply)
{
    struct asked *a = arg;
    size_t n = reply_count(*reply);
    struct store_noise *noise = calloc(n + 1, sizeof(*noise));
    if (e != ERR_OK || noise == NULL || reply_error(*reply) != NULL)
        e = ERR_UNAVAILABLE;
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        if (!noise_decode(reply_at(*reply, i), &noise[i]))
            e = ERR_DATA_LOSS;
    }
    a->fn(a->arg, e, e == ERR_OK ? noise : NULL, e == ERR_OK ? n : 0);
    free(noise);
    free(a);
}

enum err store_noise(struct store *s, const char *feed, uint64_t after_ms, uint64_t after_n,
                     uint32_t max, store_noise_fn *fn, void *arg)
{
    struct conn *c = &s->conns[CONN_READS];
    struct key k;
    char from[64];
    char count[16];
    if (c->state != CONN_READY || c->lost)
        return ERR_UNAVAILABLE;
    key_noise(&k, s->partition, feed);
    if (k.bytes == 0)
        return ERR_INVAL;
    struct asked *a = malloc(sizeof(*a));
    if (a == NULL)
        return ERR_NOMEM;
    *a = (struct asked){fn, arg};
    (void)snprintf(from, sizeof(from), "(%" PRIu64 "-%" PRIu64, after_ms, after_n);
    (void)snprintf(count, sizeof(count), "%" PRIu32, max == 0 ? 1 : max);
    enum err e = conn_command(c, s->timeout_ms, on_noise, a, "XRANGE", k.text, from, "+", "COUNT",
                              count, NULL);
    if (e != ERR_OK)
        free(a);
    return e;
}
