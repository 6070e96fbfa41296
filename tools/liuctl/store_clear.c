/* See store_clear.h. */
#include "liuctl/store_clear.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/keys.h"
#include "store/reply.h"

#define KEYS_A_CALL 512

/* ---- heads */

struct reading {
    struct session *session;
    char *into; /* STORE_HEAD_BYTES */
};

static void on_text(void *arg, enum err e, const struct redisReply *reply)
{
    struct reading *r = arg;
    const char *text = e == ERR_OK ? reply_text(reply) : NULL;
    if (!text_copy(r->into, STORE_HEAD_BYTES, text == NULL ? "" : text))
        e = ERR_DATA_LOSS;
    r->session->err = e;
    r->session->done = true;
}

int store_heads(struct session *s, struct store_heads *out)
{
    struct key key;
    struct reading r = {.session = s, .into = out->now};
    const char *get[] = {"GET", key.text};
    *out = (struct store_heads){.now = ""};
    key_head(&key, s->cli->config.partition);
    int status = session_raw(s, 2, get, on_text, &r);
    key_restoring(&key, s->cli->config.partition);
    r.into = out->begun;
    return status == CLI_OK ? session_raw(s, 2, get, on_text, &r) : status;
}

bool store_interrupted(const struct store_heads *h)
{
    return h->now[0] == '\0' && h->begun[0] != '\0' && strcmp(h->begun, "done") != 0;
}

/* ---- emptying */

struct clearing {
    struct session *session;
    const char *now;
    char (*keys)[KEY_BYTES_MAX + 1];
    size_t n;
    char page[64];
    size_t gone;
};

/* Noise stays: no entry carries it, and the new epoch's ledger archives it. */
static void on_page(void *arg, enum err e, const struct redisReply *reply)
{
    struct clearing *k = arg;
    const struct redisReply *list = reply_at(reply, 1);
    const char *page = reply_text(reply_at(reply, 0));
    const char *partition = k->session->cli->config.partition;
    struct key head, restoring, noise;
    key_head(&head, partition);
    key_restoring(&restoring, partition);
    key_noise(&noise, partition, "x");
    k->n = 0;
    for (size_t i = 0; e == ERR_OK && i < reply_count(list); i++) {
        const char *key = reply_text(reply_at(list, i));
        if (key == NULL || k->n == KEYS_A_CALL) {
            e = ERR_PROTO;
        } else if (strcmp(key, head.text) != 0 && strcmp(key, restoring.text) != 0 &&
                   strncmp(key, noise.text, noise.bytes - 1) != 0) {
            (void)text_copy(k->keys[k->n++], sizeof k->keys[0], key);
        }
    }
    (void)text_copy(k->page, sizeof k->page, page == NULL ? "0" : page);
    k->session->err = e;
    k->session->done = true;
}

static void on_cleared(void *arg, enum err e, const struct redisReply *reply)
{
    struct clearing *k = arg;
    const char *text = e == ERR_OK ? reply_error(reply) : NULL;
    if (text != NULL)
        (void)cli_fail(k->session->cli, CLI_REFUSED, "%s", text);
    k->session->err = text != NULL ? ERR_CONFLICT : e;
    k->session->done = true;
}

static int clear_call(struct clearing *k, const char *last)
{
    const char *argv[7 + KEYS_A_CALL] = {"FCALL", "liu_clear"};
    const char *partition = k->session->cli->config.partition;
    char count[16];
    struct key head, restoring;
    int n = 2;
    key_head(&head, partition);
    key_restoring(&restoring, partition);
    (void)snprintf(count, sizeof count, "%zu", k->n + 2);
    argv[n++] = count;
    argv[n++] = head.text;
    argv[n++] = restoring.text;
    for (size_t i = 0; i < k->n; i++)
        argv[n++] = k->keys[i];
    argv[n++] = k->now;
    argv[n++] = last;
    k->gone += k->n;
    return session_raw(k->session, n, argv, on_cleared, k);
}

static int clear_once(struct clearing *k)
{
    char pattern[PARTITION_BYTES_MAX + 8];
    int status = CLI_OK;
    (void)snprintf(pattern, sizeof pattern, "{%s}:*", k->session->cli->config.partition);
    (void)text_copy(k->page, sizeof k->page, "0");
    k->gone = 0;
    do {
        const char *scan[] = {"SCAN", k->page, "MATCH", pattern, "COUNT", "64"};
        status = session_raw(k->session, 6, scan, on_page, k);
        if (status == CLI_OK && k->n > 0)
            status = clear_call(k, "");
    } while (status == CLI_OK && strcmp(k->page, "0") != 0);
    return status;
}

static int clear_all(struct clearing *k)
{
    int status = CLI_OK;
    do
        status = clear_once(k);
    while (status == CLI_OK && k->gone > 0);
    k->n = 0;
    return status == CLI_OK ? clear_call(k, "end") : status;
}

int store_clear(struct session *s, const struct store_heads *h)
{
    struct clearing k = {.session = s, .now = h->now, .keys = calloc(KEYS_A_CALL, sizeof *k.keys)};
    struct err_text why = {""};
    int status = CLI_OK;
    if (k.keys == NULL)
        status = cli_no_memory(s->cli);
    else if (store_load_library(s->store, &why) != ERR_OK)
        status = cli_fail(s->cli, CLI_TEMPORARY, "%s", why.text);
    if (status == CLI_OK)
        status = clear_all(&k);
    free(k.keys);
    return status;
}
