/* The calls about cold records; see the Functions liu_seek, liu_freeze and liu_thaw. */
#include "store/cold.h"

#include <stdlib.h>
#include <string.h>

#include "store/encode.h"
#include "store/receipts.h"
#include "store/reply.h"
#include "store/store_private.h"

#define FIXED_KEYS 4

struct asked {
    union {
        store_seek_fn *seek;
        store_moved_fn *moved;
        store_asked_fn *asked;
        commit_fn *receipt;
    } fn;
    void *arg;
    size_t n;
    uint8_t hash[32]; /* of a receipt */
};

static struct conn *reader(struct store *s)
{
    struct conn *c = &s->conns[CONN_READS];
    return c->state == CONN_READY && !c->lost ? c : NULL;
}

/* Sends the command that is in the buffer. */
static enum err ask(struct store *s, struct conn *c, conn_reply_fn *on_reply, struct asked a)
{
    struct asked *copy = malloc(sizeof(*copy));
    if (copy == NULL)
        conn_out(c)->failed = true; /* conn_send drops the half-written command */
    else
        *copy = a;
    enum err e = conn_send(c, s->timeout_ms, on_reply, copy);
    if (e != ERR_OK)
        free(copy);
    return e;
}

/* The numbers of the kinds' keys, 1 = the first of all. */
static size_t number_kinds(const struct cold_move *moves, size_t n, size_t of[RECORD_KINDS])
{
    size_t last = FIXED_KEYS;
    memset(of, 0, RECORD_KINDS * sizeof(*of));
    for (size_t i = 0; i < n; i++)
        if (of[moves[i].kind] == 0)
            of[moves[i].kind] = ++last;
    return last;
}

/* Function, keys and epoch; `args` follow. */
static void begin_at(const char *partition, const struct key *head, const char *epoch,
                     struct buf *out, const char *function, size_t n_keys, size_t args,
                     const size_t of[RECORD_KINDS])
{
    struct key k;
    resp_array(out, 3 + n_keys + 1 + args);
    resp_text(out, "FCALL");
    resp_text(out, function);
    resp_number(out, n_keys);
    resp_text(out, head->text);
    key_records(&k, partition, RECORD_UPKEEP);
    resp_text(out, k.text);
    key_asked(&k, partition);
    resp_text(out, k.text);
    key_cold(&k, partition);
    resp_text(out, k.text);
    for (size_t at = FIXED_KEYS + 1; at <= n_keys; at++)
        for (int kind = 0; kind < RECORD_KINDS; kind++)
            if (of[kind] == at) {
                key_records(&k, partition, (enum record_kind)kind);
                resp_text(out, k.text);
            }
    resp_text(out, epoch);
}

static void begin(struct store *s, struct buf *out, const char *function, size_t n_keys,
                  size_t args, const size_t of[RECORD_KINDS])
{
    struct key head;
    key_head(&head, s->partition);
    begin_at(s->partition, &head, s->epoch, out, function, n_keys, args, of);
}

static void put_revision(struct buf *out, uint64_t revision)
{
    uint8_t be[8];
    be64_put(be, revision);
    resp_string(out, be, sizeof(be));
}

static enum err check(const struct cold_move *moves, size_t n)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        bytes += moves[i].bytes;
        if (!record_freezes(moves[i].kind) || moves[i].id[0] == '\0')
            return ERR_INVAL;
    }
    return n == 0 || n > COLD_ASK_MAX || (n > 1 && bytes > COLD_CALL_BYTES) ? ERR_INVAL : ERR_OK;
}

/* ---- seek */

/* A shown record: revision and value; a page is text. */
static bool read_shown(const redisReply *r, struct store_record *out)
{
    const char *p = NULL;
    size_t n = 0;
    if (!reply_string(r, &p, &n) || n < 8)
        return false;
    *out = (struct store_record){.exists = true,
                                 .revision = be64_get((const uint8_t *)p),
                                 .value = (const uint8_t *)p + 8,
                                 .bytes = n - 8};
    return true;
}

static void on_seek(void *arg, enum err e, redisReply **reply)
{
    struct asked *a = arg;
    struct store_record shown[COLD_ASK_MAX] = {{0}};
    const char *revision = NULL;
    const char *letters = NULL;
    size_t n = 0;
    size_t n_letters = 0;
    size_t at = 2;
    bool ok = e == ERR_OK && reply_string(reply_at(*reply, 0), &revision, &n) && n == 8 &&
              reply_string(reply_at(*reply, 1), &letters, &n_letters) && n_letters == a->n;
    for (size_t i = 0; ok && i < n_letters; i++)
        ok = letters[i] != COLD_SHOWN || read_shown(reply_at(*reply, at++), &shown[i]);
    if (ok)
        a->fn.seek(a->arg, ERR_OK, be64_get((const uint8_t *)revision), letters, shown, n_letters);
    else
        a->fn.seek(a->arg, ERR_UNAVAILABLE, 0, NULL, NULL, 0);
    free(a);
}

enum err store_seek(struct store *s, enum cold_want want, const struct store_key *keys, size_t n,
                    store_seek_fn *fn, void *arg)
{
    struct conn *c = reader(s);
    struct cold_move moves[COLD_ASK_MAX];
    size_t of[RECORD_KINDS];
    if (c == NULL)
        return ERR_UNAVAILABLE;
    if (n == 0 || n > COLD_ASK_MAX)
        return ERR_INVAL;
    for (size_t i = 0; i < n; i++)
        moves[i] = (struct cold_move){.kind = keys[i].kind, .id = keys[i].id};
    if (check(moves, n) != ERR_OK)
        return ERR_INVAL;
    size_t n_keys = number_kinds(moves, n, of);
    struct buf *out = conn_out(c);
    begin(s, out, "liu_seek", n_keys, 3 * n, of);
    for (size_t i = 0; i < n; i++) {
        resp_number(out, of[keys[i].kind]);
        resp_text(out, keys[i].id);
        resp_text(out, want == COLD_SHOW ? "=" : "");
    }
    return ask(s, c, on_seek, (struct asked){.fn.seek = fn, .arg = arg, .n = n});
}

/* ---- receipts */

static struct commit_result receipt_result(const struct asked *a, enum err e, redisReply *reply,
                                           struct answer_text *text)
{
    struct commit_result r = {.status = COMMIT_UNAVAILABLE, .text = "Redis is away"};
    struct store_record shown = {0};
    const char *letters = NULL;
    size_t n = 0;
    if (e != ERR_OK || !reply_string(reply_at(reply, 1), &letters, &n) || n != 1)
        return r;
    r = (struct commit_result){.status = letters[0] == COLD_ABSENT ? COMMIT_OK : COMMIT_COLD,
                               .text = ""};
    if (letters[0] == COLD_SHOWN &&
        (!read_shown(reply_at(reply, 2), &shown) ||
         receipt_decode(shown.value, shown.bytes, a->hash, text, &r) != ERR_OK))
        r = (struct commit_result){.status = COMMIT_BROKEN, .text = "the receipt cannot be read"};
    return r;
}

static void on_receipt(void *arg, enum err e, redisReply **reply)
{
    struct asked *a = arg;
    struct answer_text text;
    const struct commit_result r = receipt_result(a, e, *reply, &text);
    a->fn.receipt(a->arg, &r);
    free(a);
}

enum err store_receipt(struct store *s, const char *party, const char *id,
                       const uint8_t request_hash[32], commit_fn *fn, void *arg)
{
    struct conn *c = reader(s);
    size_t of[RECORD_KINDS] = {[RECORD_RECEIPT] = FIXED_KEYS + 1};
    struct asked a = {.fn.receipt = fn, .arg = arg, .n = 1};
    struct key k;
    char name[RECEIPT_NAME_BYTES];
    const struct commit asked = {.receipt_party = party, .receipt_id = id};
    if (c == NULL)
        return ERR_UNAVAILABLE;
    key_receipt(&k, s->partition, party, id);
    if (k.bytes == 0 || !receipt_name(&asked, name))
        return ERR_INVAL;
    memcpy(a.hash, request_hash, sizeof(a.hash));
    struct buf *out = conn_out(c);
    begin(s, out, "liu_seek", FIXED_KEYS + 1, 3, of);
    resp_number(out, FIXED_KEYS + 1);
    resp_text(out, name);
    resp_text(out, "=");
    return ask(s, c, on_receipt, a);
}

/* ---- freeze and thaw */

static void on_moved(void *arg, enum err e, redisReply **reply)
{
    struct asked *a = arg;
    int64_t n = 0;
    const char *text = reply_error(*reply);
    if (e != ERR_OK)
        a->fn.moved(a->arg, ERR_UNAVAILABLE, 0, "Redis is away");
    else if (text != NULL)
        a->fn.moved(a->arg, ERR_CONFLICT, 0, text);
    else if (!reply_integer(*reply, &n))
        a->fn.moved(a->arg, ERR_CONFLICT, 0, "the answer of Redis cannot be read");
    else
        a->fn.moved(a->arg, ERR_OK, n, "");
    free(a);
}

enum err cold_freeze_call(struct buf *out, const char *partition, const struct key *head,
                          const char *epoch, uint64_t generation, uint64_t filter_bits,
                          const struct cold_move *moves, size_t n)
{
    size_t of[RECORD_KINDS];
    if (check(moves, n) != ERR_OK)
        return ERR_INVAL;
    size_t n_keys = number_kinds(moves, n, of);
    begin_at(partition, head, epoch, out, "liu_freeze", n_keys, 2 + 3 * n, of);
    put_revision(out, generation);
    resp_number(out, filter_bits);
    for (size_t i = 0; i < n; i++) {
        resp_number(out, of[moves[i].kind]);
        resp_text(out, moves[i].id);
        put_revision(out, moves[i].revision);
    }
    return ERR_OK;
}

enum err store_freeze(struct store *s, uint64_t generation, uint64_t filter_bits,
                      const struct cold_move *moves, size_t n, store_moved_fn *fn, void *arg)
{
    struct conn *c = reader(s);
    struct key head;
    if (c == NULL)
        return ERR_UNAVAILABLE;
    key_head(&head, s->partition);
    enum err e = cold_freeze_call(conn_out(c), s->partition, &head, s->epoch, generation,
                                  filter_bits, moves, n);
    return e == ERR_OK ? ask(s, c, on_moved, (struct asked){.fn.moved = fn, .arg = arg}) : e;
}

static void put_thawed(struct buf *out, const struct cold_move *m)
{
    uint8_t be[8];
    if (m->forget || m->value == NULL) {
        resp_text(out, m->forget ? "-" : "");
        return;
    }
    be64_put(be, m->revision);
    (void)buf_printf(out, "$%zu\r\n", m->bytes + sizeof(be));
    (void)buf_put(out, be, sizeof(be));
    (void)buf_put(out, m->value, m->bytes);
    (void)buf_put(out, "\r\n", 2);
}

enum err store_thaw(struct store *s, uint64_t generation, int64_t now_ms,
                    const struct cold_move *moves, size_t n, store_moved_fn *fn, void *arg)
{
    struct conn *c = reader(s);
    size_t of[RECORD_KINDS];
    if (c == NULL)
        return ERR_UNAVAILABLE;
    if (check(moves, n) != ERR_OK || now_ms < 0)
        return ERR_INVAL;
    size_t n_keys = number_kinds(moves, n, of);
    struct buf *out = conn_out(c);
    begin(s, out, "liu_thaw", n_keys, 2 + 4 * n, of);
    put_revision(out, generation);
    resp_number(out, (uint64_t)now_ms);
    for (size_t i = 0; i < n; i++) {
        resp_number(out, of[moves[i].kind]);
        resp_text(out, moves[i].id);
        resp_text(out, moves[i].show ? "=" : "");
        put_thawed(out, &moves[i]);
    }
    return ask(s, c, on_moved, (struct asked){.fn.moved = fn, .arg = arg});
}

/* ---- what was asked for */

static bool read_asked(const redisReply *name, const redisReply *value, struct cold_asked *out)
{
    const char *mark = NULL;
    size_t n = 0;
    const char *text = reply_text(name);
    bool show = text != NULL && text[0] == '=';
    text = show ? text + 1 : text;
    const char *bar = text == NULL ? NULL : strchr(text, '/');
    if (bar == NULL || !reply_string(value, &mark, &n) || n == 0)
        return false;
    *out = (struct cold_asked){
        .kind = record_named(text, (size_t)(bar - text)), .id = bar + 1, .show = show};
    if (mark[0] != '?') /* a string of a reply ends in a NUL */
        out->answered_ms = strtoll(mark + 1, NULL, 10);
    return record_freezes(out->kind);
}

static void on_asked(void *arg, enum err e, redisReply **reply)
{
    struct asked *a = arg;
    struct cold_asked asked[COLD_ASKED_MAX];
    const redisReply *list = reply_at(*reply, 1);
    size_t n = 0;
    for (size_t i = 0; i + 1 < reply_count(list) && n < COLD_ASKED_MAX; i += 2)
        n += read_asked(reply_at(list, i), reply_at(list, i + 1), &asked[n]);
    bool ok = e == ERR_OK && reply_is_array(list);
    a->fn.asked(a->arg, ok ? ERR_OK : ERR_UNAVAILABLE, asked, ok ? n : 0);
    free(a);
}

enum err store_asked(struct store *s, store_asked_fn *fn, void *arg)
{
    struct conn *c = reader(s);
    struct key k;
    if (c == NULL)
        return ERR_UNAVAILABLE;
    key_asked(&k, s->partition);
    struct buf *out = conn_out(c);
    resp_array(out, 5);
    resp_text(out, "HSCAN");
    resp_text(out, k.text);
    resp_text(out, "0");
    resp_text(out, "COUNT");
    resp_number(out, COLD_ASKED_MAX);
    return ask(s, c, on_asked, (struct asked){.fn.asked = fn, .arg = arg});
}
