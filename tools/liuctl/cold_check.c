#include "liuctl/cold_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/limits.h"
#include "store/keys.h"
#include "store/receipts.h"
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

int cold_check_open(struct cold_check *k, struct session *s)
{
    struct cli *c = s->cli;
    struct err_text why = {{0}};
    struct cold_state state;
    char dir[1024];
    if (k->session == NULL) {
        buf_init(&k->filter, LIMIT_REDIS_REPLY_BYTES);
        buf_init(&k->left, 16 * (size_t)LIMIT_REDIS_REPLY_BYTES);
    }
    k->session = s;
    (void)snprintf(dir, sizeof dir, "%s/%s/cold", c->config.archive_dir, store_epoch(s->store));
    if (k->file != NULL || c->config.archive_dir[0] == '\0')
        return CLI_OK;
    enum err e = cold_open(dir, true, &k->file, &why);
    if (e == ERR_OK)
        e = cold_state(k->file, &state, &why);
    if (e == ERR_OK)
        k->stored = state.stored;
    return e == ERR_OK || e == ERR_NOT_FOUND ? CLI_OK : cli_fail(c, CLI_TEMPORARY, "%s", why.text);
}

int cold_check_begin(struct cold_check *k, struct session *s)
{
    struct key key;
    int status = cold_check_open(k, s);
    if (status != CLI_OK)
        return status;
    k->found = 0;
    key_cold(&key, s->cli->config.partition);
    const char *get[] = {"GET", key.text};
    if (store_raw(s->store, 2, get, NULL, on_filter, k) != ERR_OK)
        return cli_redis_away(s->cli);
    return session_wait(s);
}

void cold_check_end(struct cold_check *k)
{
    cold_close(k->file);
    if (k->session == NULL)
        return;
    buf_fini(&k->filter);
    buf_fini(&k->left);
}

/* The same places as the Function's. */
static bool in_bits(const uint8_t *filter, uint64_t bits, const uint8_t sha1[SHA1_BYTES])
{
    bool all = bits > 0;
    for (size_t i = 0; all && i < PLACES; i++) {
        uint64_t at = be32_get(sha1 + 4 * i) % bits;
        all = (filter[at / 8] & (0x80u >> (at % 8))) != 0;
    }
    return all;
}

static bool in_filter(const struct cold_check *k, enum record_kind kind, const char *id)
{
    struct key key;
    uint8_t sha1[SHA1_BYTES];
    uint64_t bits = 8 * (uint64_t)k->filter.len;
    key_records(&key, k->session->cli->config.partition, kind);
    struct crypto_part parts[] = {{key.text, key.bytes}, {" ", 1}, {id, strlen(id)}};
    return crypto_sha1(parts, 3, sha1) == ERR_OK && in_bits(k->filter.data, bits, sha1);
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

/* ---- receipts */

const char *cold_check_entry(struct cold_check *k, uint64_t seq,
                             const Ismap__Liu__V1__JournalEntry *entry)
{
    char name[RECEIPT_NAME_BYTES];
    struct err_text why = {{0}};
    struct cold_record r;
    struct commit was;
    struct buf here, there;
    const char *what = NULL;
    if (k->file == NULL || seq > k->stored || !receipt_of_entry(entry, &was) ||
        !receipt_name(&was, name) || entry->at_ms < clock_wall_ms() - LIMIT_RECEIPT_WINDOW_MS)
        return NULL;
    buf_init(&here, LIMIT_REDIS_REPLY_BYTES);
    buf_init(&there, LIMIT_REDIS_REPLY_BYTES);
    enum err e = cold_get(k->file, RECORD_RECEIPT, name, strlen(name), &there, &r, &why);
    if (e == ERR_OK)
        e = receipt_encode(&here, seq, &was);
    if (e == ERR_NOT_FOUND)
        what = "its receipt is not among the cold ones";
    else if (e != ERR_OK)
        what = "its receipt is damaged: stop the ledger, remove the folder cold, start it";
    else if (r.revision < seq ||
             (r.revision == seq &&
              (here.len != there.len || memcmp(here.data, there.data, here.len) != 0)))
        what = "its receipt is not as the journal says";
    buf_fini(&here);
    buf_fini(&there);
    return what;
}

static void on_left(void *arg, enum err e, const struct redisReply *reply)
{
    struct cold_check *k = arg;
    const char *at = reply_text(reply);
    char *end;
    k->n_filters = 0;
    for (; e == ERR_OK && at != NULL && k->n_filters < COLD_FILTERS_MAX;
         at = strchr(at, ';'), at = at == NULL ? NULL : at + 1) {
        struct left_filter *f = &k->filters[k->n_filters];
        f->at = (size_t)strtoull(at, &end, 10);
        f->bits = strtoull(end, NULL, 10);
        k->n_filters++;
    }
    k->session->err = e;
    k->session->done = true;
}

static void on_bits(void *arg, enum err e, const struct redisReply *reply)
{
    struct cold_check *k = arg;
    struct left_filter *f = k->waiting;
    const char *p = NULL;
    size_t n = 0;
    f->at = k->left.len;
    if (e != ERR_OK || !reply_string(reply, &p, &n) || 8 * n < f->bits)
        f->bits = 0; /* it has expired */
    else
        e = buf_put(&k->left, p, n);
    k->session->err = e;
    k->session->done = true;
}

static int read_filters(struct cold_check *k)
{
    struct session *s = k->session;
    struct key key;
    char name[KEY_BYTES_MAX + 24];
    key_left(&key, s->cli->config.partition);
    const char *get[] = {"GET", key.text};
    if (store_raw(s->store, 2, get, NULL, on_left, k) != ERR_OK)
        return cli_redis_away(s->cli);
    int status = session_wait(s);
    buf_clear(&k->left);
    for (size_t i = 0; status == CLI_OK && i < k->n_filters; i++) {
        (void)snprintf(name, sizeof name, "%s:%zu", key.text, k->filters[i].at);
        k->waiting = &k->filters[i];
        get[1] = name;
        if (store_raw(s->store, 2, get, NULL, on_bits, k) != ERR_OK)
            return cli_redis_away(s->cli);
        status = session_wait(s);
    }
    return status;
}

static void on_exists(void *arg, enum err e, const struct redisReply *reply)
{
    struct cold_check *k = arg;
    const char *p = NULL;
    size_t n = 0;
    *(bool *)k->waiting = e == ERR_OK && reply_string(reply, &p, &n);
    k->session->err = e;
    k->session->done = true;
}

struct receipts {
    struct cold_check *k;
    void (*fn)(void *arg, const char *id, const char *what);
    void *arg;
    int status;
};

static bool check_one(void *arg, const struct cold_record *r)
{
    struct receipts *x = arg;
    struct cold_check *k = x->k;
    struct session *s = k->session;
    struct key key;
    uint8_t sha1[SHA1_BYTES];
    char name[RECEIPT_NAME_BYTES];
    bool led = false;
    bool here = false;
    (void)snprintf(name, sizeof name, "%.*s", (int)r->id_bytes, r->id);
    char *colon = strchr(name, ':');
    /* one that is about to expire may be gone */
    if (colon == NULL || r->bytes < 48 ||
        (int64_t)be64_get(r->value + 40) < clock_wall_ms() - LIMIT_RECEIPT_WINDOW_MS)
        return true;
    *colon = '\0';
    key_receipt(&key, s->cli->config.partition, name, colon + 1);
    *colon = ':';
    struct crypto_part part = {key.text, key.bytes};
    if (crypto_sha1(&part, 1, sha1) != ERR_OK)
        return true;
    for (size_t i = 0; !led && i < k->n_filters; i++)
        led = in_bits(k->left.data + k->filters[i].at, k->filters[i].bits, sha1);
    k->receipts += led;
    if (led)
        return true;
    const char *get[] = {"GET", key.text};
    k->waiting = &here;
    x->status = store_raw(s->store, 2, get, NULL, on_exists, k) == ERR_OK ? session_wait(s)
                                                                          : cli_redis_away(s->cli);
    if (x->status == CLI_OK && !here)
        x->fn(x->arg, name, "the receipt is neither in Redis nor led to by a filter");
    return x->status == CLI_OK;
}

int cold_check_receipts(struct cold_check *k,
                        void (*fn)(void *arg, const char *id, const char *what), void *arg)
{
    struct receipts x = {.k = k, .fn = fn, .arg = arg};
    struct err_text why = {{0}};
    k->receipts = 0;
    if (k->file == NULL)
        return CLI_OK;
    x.status = read_filters(k);
    if (x.status == CLI_OK &&
        cold_each_record(k->file, RECORD_RECEIPT, "", check_one, &x, &why) != ERR_OK)
        return cli_fail(k->session->cli, CLI_TEMPORARY, "%s", why.text);
    return x.status;
}
