#include "liuctl/cold_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "store/keys.h"
#include "store/reply.h"

#define PLACES 4 /* as in liu.lua */

static void on_filter(void *arg, enum err e, const struct redisReply *reply)
{
    struct cold_check *k = arg;
    const char *p = NULL;
    size_t n = 0;
    buf_clear(&k->filter);
    if (e == ERR_OK && reply_string(reply, &p, &n))
        e = buf_put(&k->filter, p, n);
    k->session->err = e;
    k->session->done = true;
}

int cold_check_begin(struct cold_check *k, struct session *s)
{
    struct cli *c = s->cli;
    struct err_text why = {{0}};
    char dir[1024];
    struct key key;
    if (k->session == NULL)
        buf_init(&k->filter, LIMIT_REDIS_REPLY_BYTES);
    k->session = s;
    k->found = 0;
    (void)snprintf(dir, sizeof dir, "%s/%s/cold", c->config.archive_dir, store_epoch(s->store));
    if (k->file == NULL && c->config.archive_dir[0] != '\0') {
        enum err e = cold_open(dir, true, &k->file, &why);
        if (e != ERR_OK && e != ERR_NOT_FOUND)
            return cli_fail(c, CLI_TEMPORARY, "%s", why.text);
    }
    key_cold(&key, c->config.partition);
    const char *get[] = {"GET", key.text};
    if (store_raw(s->store, 2, get, NULL, on_filter, k) != ERR_OK)
        return cli_redis_away(c);
    return session_wait(s);
}

void cold_check_end(struct cold_check *k)
{
    cold_close(k->file);
    if (k->session != NULL)
        buf_fini(&k->filter);
}

/* The same places as the Function's. */
static bool in_filter(const struct cold_check *k, enum record_kind kind, const char *id)
{
    struct key key;
    uint8_t sha1[SHA1_BYTES];
    uint64_t bits = 8 * (uint64_t)k->filter.len;
    key_records(&key, k->session->cli->config.partition, kind);
    struct crypto_part parts[] = {{key.text, key.bytes}, {" ", 1}, {id, strlen(id)}};
    if (bits == 0 || crypto_sha1(parts, 3, sha1) != ERR_OK)
        return false;
    bool all = true;
    for (size_t i = 0; i < PLACES; i++) {
        uint64_t at = be32_get(sha1 + 4 * i) % bits;
        all = all && (k->filter.data[at / 8] & (0x80u >> (at % 8))) != 0;
    }
    return all;
}

const char *cold_check_record(struct cold_check *k, const char *key, uint64_t revision,
                              const uint8_t digest[SHA256_BYTES])
{
    struct cold_record r;
    struct err_text why = {{0}};
    struct buf value;
    uint8_t found[SHA256_BYTES];
    const char *id = strchr(key, '/');
    unsigned long kind = strtoul(key, NULL, 10);
    if (k->file == NULL || id == NULL || kind >= RECORD_KINDS ||
        !record_freezes((enum record_kind)kind))
        return "is in the journal but not in Redis";
    id++;
    buf_init(&value, LIMIT_REDIS_REPLY_BYTES);
    enum err e = cold_get(k->file, (uint32_t)kind, id, strlen(id), &value, &r, &why);
    struct crypto_part part = {value.data, value.len};
    if (e == ERR_OK)
        e = crypto_sha256(&part, 1, found);
    buf_fini(&value);
    if (e == ERR_NOT_FOUND)
        return "is in the journal, but neither in Redis nor among the cold records";
    if (e != ERR_OK)
        return "is cold, and its copy is damaged: stop the ledger, remove the folder cold, start "
               "it";
    if (r.revision != revision || memcmp(found, digest, sizeof found) != 0)
        return "is cold with other content than the journal says";
    if (!in_filter(k, (enum record_kind)kind, id))
        return "is cold, but the filter in Redis does not know it";
    k->found++;
    return NULL;
}
