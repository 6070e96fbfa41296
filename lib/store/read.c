/* Reads. One question may take several commands, pipelined; its callback runs once, when the last
 * of them has been answered. Replies are kept until then, so nothing is copied.
 */
#include "store/store_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "store/reply.h"

#define AUDIENCE_COMMANDS 3

struct op {
    struct store *store;
    void (*done)(struct op *o);
    union {
        store_read_fn *read;
        store_scan_fn *scan;
        store_head_fn *head;
        store_entries_fn *entries;
        store_audience_fn *audience;
        store_due_fn *due;
        commit_fn *commit;
    } fn;
    void *arg;
    enum err err;
    size_t expected;
    size_t answered;
    redisReply **replies;
    size_t room;
    size_t n_keys;      /* read */
    uint32_t *places;   /* read: command << 16 | position, by key */
    uint64_t after;     /* audience */
    uint64_t first_seq; /* audience */
    uint32_t max;
    bool more;
};

static void op_free(struct op *o)
{
    for (size_t i = 0; o->replies != NULL && i < o->room; i++)
        freeReplyObject(o->replies[i]);
    free(o->replies);
    free(o->places);
    free(o);
}

static struct op *op_create(struct store *s, size_t commands, void (*done)(struct op *o), void *arg)
{
    struct op *o = calloc(1, sizeof(*o));
    if (o == NULL)
        return NULL;
    *o = (struct op){.store = s, .done = done, .arg = arg, .room = commands};
    o->replies = calloc(commands, sizeof(redisReply *));
    if (o->replies == NULL) {
        free(o);
        return NULL;
    }
    return o;
}

static void on_reply(void *arg, enum err e, redisReply **reply)
{
    struct op *o = arg;
    if (e != ERR_OK || reply_error(*reply) != NULL) {
        o->err = ERR_UNAVAILABLE;
    } else {
        o->replies[o->answered] = *reply;
        *reply = NULL;
    }
    o->answered++;
    if (o->answered == o->expected)
        o->done(o);
}

static struct conn *ready(struct conn *c)
{
    return c->state == CONN_READY && !c->lost ? c : NULL;
}

static struct conn *reader(struct store *s)
{
    return ready(&s->conns[CONN_READS]);
}

/* Sends the command in the connection's buffer for this question. */
static void op_send(struct op *o, struct conn *c)
{
    enum err e = conn_send(c, o->store->timeout_ms, on_reply, o);
    if (e == ERR_OK)
        o->expected++;
    else
        o->err = ERR_UNAVAILABLE;
}

/* After the last command: nothing was sent = the caller is told at once. */
static enum err op_begin(struct op *o)
{
    if (o->expected > 0)
        return ERR_OK;
    op_free(o);
    return ERR_UNAVAILABLE;
}

/* ---- records */

static bool to_record(const redisReply *r, struct store_record *out)
{
    const char *p = NULL;
    size_t n = 0;
    *out = (struct store_record){0};
    if (reply_is_nil(r))
        return true;
    if (!reply_string(r, &p, &n) || n < 8)
        return false;
    *out = (struct store_record){.exists = true,
                                 .revision = be64_get((const uint8_t *)p),
                                 .value = (const uint8_t *)p + 8,
                                 .bytes = n - 8};
    return true;
}

static void read_done(struct op *o)
{
    struct store_record *records = calloc(o->n_keys, sizeof(*records));
    enum err e = records == NULL ? ERR_UNAVAILABLE : o->err;
    for (size_t i = 0; e == ERR_OK && i < o->n_keys; i++) {
        const redisReply *r = reply_at(o->replies[o->places[i] >> 16], o->places[i] & 0xffff);
        if (!to_record(r, &records[i]))
            e = ERR_UNAVAILABLE;
    }
    o->fn.read(o->arg, e, e == ERR_OK ? records : NULL, e == ERR_OK ? o->n_keys : 0);
    free(records);
    op_free(o);
}

/* One HMGET for the keys of a kind. */
static void ask_kind(struct op *o, struct conn *c, const struct store_key *keys, size_t n,
                     enum record_kind kind)
{
    struct key k;
    uint32_t at = 0;
    uint32_t command = (uint32_t)o->expected;
    for (size_t i = 0; i < n; i++) {
        if (keys[i].kind == kind)
            o->places[i] = command << 16 | at++;
    }
    key_records(&k, o->store->partition, kind);
    struct buf *out = conn_out(c);
    resp_array(out, 2 + at);
    resp_text(out, "HMGET");
    resp_text(out, k.text);
    for (size_t i = 0; i < n; i++) {
        if (keys[i].kind == kind)
            resp_text(out, keys[i].id);
    }
    op_send(o, c);
}

static enum err read_on(struct store *s, struct conn *c, const struct store_key *keys, size_t n,
                        store_read_fn *fn, void *arg)
{
    bool asked[RECORD_KINDS] = {false};
    if (c == NULL)
        return ERR_UNAVAILABLE;
    if (n == 0 || n > UINT16_MAX)
        return ERR_INVAL;
    for (size_t i = 0; i < n; i++) {
        if (record_type_of(keys[i].kind) == NULL)
            return ERR_INVAL;
    }
    struct op *o = op_create(s, RECORD_KINDS, read_done, arg);
    if (o == NULL)
        return ERR_NOMEM;
    o->fn.read = fn;
    o->n_keys = n;
    o->places = calloc(n, sizeof(*o->places));
    if (o->places == NULL) {
        op_free(o);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < n && o->err == ERR_OK; i++) {
        if (!asked[keys[i].kind])
            ask_kind(o, c, keys, n, keys[i].kind);
        asked[keys[i].kind] = true;
    }
    return op_begin(o);
}

enum err store_read(struct store *s, const struct store_key *keys, size_t n, store_read_fn *fn,
                    void *arg)
{
    return read_on(s, reader(s), keys, n, fn, arg);
}

enum err store_read_urgent(struct store *s, const struct store_key *keys, size_t n,
                           store_read_fn *fn, void *arg)
{
    return read_on(s, ready(&s->conns[CONN_URGENT]), keys, n, fn, arg);
}

static void scan_done(struct op *o)
{
    const char *page = o->err == ERR_OK ? reply_text(reply_at(o->replies[0], 0)) : NULL;
    const redisReply *list = reply_at(o->replies[0], 1);
    size_t n = reply_count(list) / 2;
    const char **ids = calloc(n + 1, sizeof(*ids));
    struct store_record *records = calloc(n + 1, sizeof(*records));
    bool ok = page != NULL && ids != NULL && records != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        ids[i] = reply_text(reply_at(list, 2 * i));
        ok = ids[i] != NULL && to_record(reply_at(list, 2 * i + 1), &records[i]);
    }
    if (ok)
        o->fn.scan(o->arg, ERR_OK, strcmp(page, "0") == 0 ? "" : page, ids, records, n);
    else
        o->fn.scan(o->arg, ERR_UNAVAILABLE, "", NULL, NULL, 0);
    free(ids);
    free(records);
    op_free(o);
}

enum err store_scan(struct store *s, enum record_kind kind, const char *page, uint32_t max,
                    store_scan_fn *fn, void *arg)
{
    struct conn *c = reader(s);
    struct key k;
    char count[16];
    if (c == NULL)
        return ERR_UNAVAILABLE;
    if (record_type_of(kind) == NULL || page[strspn(page, "0123456789")] != '\0' ||
        strlen(page) > 20)
        return ERR_INVAL;
    struct op *o = op_create(s, 1, scan_done, arg);
    if (o == NULL)
        return ERR_NOMEM;
    o->fn.scan = fn;
    key_records(&k, s->partition, kind);
    (void)snprintf(count, sizeof(count), "%" PRIu32, max == 0 ? 1 : max);
    struct buf *out = conn_out(c);
    resp_array(out, 5);
    resp_text(out, "HSCAN");
    resp_text(out, k.text);
    resp_text(out, page[0] == '\0' ? "0" : page);
    resp_text(out, "COUNT");
    resp_text(out, count);
    op_send(o, c);
    return op_begin(o);
}

/* ---- head, timers */

static void head_done(struct op *o)
{
    const char *p = NULL;
    size_t n = 0;
    struct head h = {.seq = 0};
    enum err e = o->err;
    if (e == ERR_OK && (!reply_string(o->replies[0], &p, &n) || head_parse(p, n, &h) != ERR_OK ||
                        strcmp(h.epoch, o->store->epoch) != 0))
        e = ERR_DATA_LOSS;
    o->fn.head(o->arg, e, e == ERR_OK ? h.seq : 0);
    op_free(o);
}

enum err store_head(struct store *s, store_head_fn *fn, void *arg)
{
    struct conn *c = reader(s);
    struct key k;
    if (c == NULL)
        return ERR_UNAVAILABLE;
    struct op *o = op_create(s, 1, head_done, arg);
    if (o == NULL)
        return ERR_NOMEM;
    o->fn.head = fn;
    key_head(&k, s->partition);
    resp_array(conn_out(c), 2);
    resp_text(conn_out(c), "GET");
    resp_text(conn_out(c), k.text);
    op_send(o, c);
    return op_begin(o);
}

static void due_done(struct op *o)
{
    size_t n = reply_count(o->replies[0]) / 2;
    struct store_due *due = calloc(n + 1, sizeof(*due));
    bool ok = o->err == ERR_OK && due != NULL;
    for (size_t i = 0; ok && i < n; i++) {
        const char *score = reply_text(reply_at(o->replies[0], 2 * i + 1));
        due[i].member = reply_text(reply_at(o->replies[0], 2 * i));
        ok = due[i].member != NULL && score != NULL;
        if (ok)
            due[i].due_ms = (int64_t)strtod(score, NULL);
    }
    o->fn.due(o->arg, ok ? ERR_OK : ERR_UNAVAILABLE, ok ? due : NULL, ok ? n : 0);
    free(due);
    op_free(o);
}

enum err store_due(struct store *s, const char *owner, int64_t now_ms, uint32_t max,
                   store_due_fn *fn, void *arg)
{
    struct conn *c = reader(s);
    struct key k;
    if (c == NULL)
        return ERR_UNAVAILABLE;
    key_timers(&k, s->partition, owner);
    if (k.bytes == 0 || now_ms < 0)
        return ERR_INVAL;
    struct op *o = op_create(s, 1, due_done, arg);
    if (o == NULL)
        return ERR_NOMEM;
    o->fn.due = fn;
    struct buf *out = conn_out(c);
    resp_array(out, 8);
    resp_text(out, "ZRANGEBYSCORE");
    resp_text(out, k.text);
    resp_text(out, "-inf");
    resp_number(out, (uint64_t)now_ms);
    resp_text(out, "WITHSCORES");
    resp_text(out, "LIMIT");
    resp_text(out, "0");
    resp_number(out, max);
    op_send(o, c);
    return op_begin(o);
}

/* ---- the journal */

static void ask_range(struct op *o, struct conn *c, const char *key, uint64_t from, uint64_t to,
                      uint32_t max)
{
    struct buf *out = conn_out(c);
    resp_array(out, 6);
    resp_text(out, "XRANGE");
    resp_text(out, key);
    resp_number(out, from);
    resp_number(out, to);
    resp_text(out, "COUNT");
    resp_number(out, max);
    op_send(o, c);
}

static void entries_done(struct op *o)
{
    size_t n = reply_count(o->replies[0]);
    struct store_entry *entries = calloc(n + 1, sizeof(*entries));
    enum err e = entries == NULL ? ERR_UNAVAILABLE : o->err;
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        if (!entry_decode(reply_at(o->replies[0], i), &entries[i]))
            e = ERR_DATA_LOSS;
    }
    o->fn.entries(o->arg, e, e == ERR_OK ? entries : NULL, e == ERR_OK ? n : 0);
    free(entries);
    op_free(o);
}

enum err store_entries(struct store *s, uint64_t from, uint64_t to, uint32_t max,
                       store_entries_fn *fn, void *arg)
{
    struct conn *c = reader(s);
    struct key k;
    if (c == NULL)
        return ERR_UNAVAILABLE;
    struct op *o = op_create(s, 1, entries_done, arg);
    if (o == NULL)
        return ERR_NOMEM;
    o->fn.entries = fn;
    key_journal(&k, s->partition);
    ask_range(o, c, k.text, from, to, max == 0 ? 1 : max);
    return op_begin(o);
}

static void audience_entries_done(struct op *o)
{
    struct store_entry *entries = calloc(o->room + 1, sizeof(*entries));
    enum err e = entries == NULL ? ERR_UNAVAILABLE : o->err;
    size_t n = 0;
    for (size_t i = 0; e == ERR_OK && i < o->expected; i++) {
        const redisReply *one = reply_at(o->replies[i], 0);
        if (one == NULL) /* trimmed meanwhile */
            e = ERR_NOT_FOUND;
        else if (!entry_decode(one, &entries[n++]))
            e = ERR_DATA_LOSS;
    }
    o->fn.audience(o->arg, e, o->first_seq, e == ERR_OK ? entries : NULL, e == ERR_OK ? n : 0,
                   o->more);
    free(entries);
    op_free(o);
}

static void audience_fail(struct op *o, enum err e)
{
    o->fn.audience(o->arg, e, 0, NULL, 0, false);
    op_free(o);
}

/* Merges the two index streams into `seqs`; false when they cannot be read. */
static bool merge(struct op *o, uint64_t *seqs, size_t *n)
{
    const redisReply *list[2] = {o->replies[0], o->replies[1]};
    size_t at[2] = {0, 0};
    for (*n = 0;;) {
        uint64_t next = UINT64_MAX;
        uint64_t seq[2] = {UINT64_MAX, UINT64_MAX};
        for (size_t i = 0; i < 2; i++) {
            const char *id = reply_text(reply_at(reply_at(list[i], at[i]), 0));
            if (at[i] < reply_count(list[i]) &&
                (id == NULL || stream_seq(id, strlen(id), &seq[i]) != ERR_OK))
                return false;
            next = seq[i] < next ? seq[i] : next;
        }
        if (next == UINT64_MAX)
            return true;
        o->more = *n == o->max;
        if (o->more)
            return true;
        seqs[(*n)++] = next;
        at[0] += seq[0] == next;
        at[1] += seq[1] == next;
    }
}

static void audience_indexed(struct op *o)
{
    struct conn *c = reader(o->store);
    struct store_entry first = {.seq = 0};
    size_t n = 0;
    if (o->err != ERR_OK || c == NULL) {
        audience_fail(o, ERR_UNAVAILABLE);
        return;
    }
    uint64_t *seqs = calloc(o->max, sizeof(*seqs));
    struct op *next = op_create(o->store, o->max, audience_entries_done, o->arg);
    if (seqs == NULL || next == NULL || !merge(o, seqs, &n) ||
        !entry_decode(reply_at(o->replies[2], 0), &first)) {
        if (next != NULL)
            op_free(next);
        free(seqs);
        audience_fail(o, ERR_UNAVAILABLE);
        return;
    }
    next->fn = o->fn;
    next->more = o->more;
    next->first_seq = first.seq;
    if (first.seq > o->after + 1) /* the index is trimmed behind the journal: it may say more */
        n = 0;
    struct key k;
    key_journal(&k, o->store->partition);
    for (size_t i = 0; i < n && next->err == ERR_OK; i++)
        ask_range(next, c, k.text, seqs[i], seqs[i], 1);
    free(seqs);
    op_free(o);
    if (next->expected == 0)
        audience_entries_done(next);
}

enum err store_audience(struct store *s, const char *party, uint64_t after, uint64_t to,
                        uint32_t max, store_audience_fn *fn, void *arg)
{
    struct conn *c = reader(s);
    struct key k;
    if (c == NULL)
        return ERR_UNAVAILABLE;
    key_audience(&k, s->partition, party);
    if (k.bytes == 0 || max == 0 || max > LIMIT_FETCH_EVENTS)
        return ERR_INVAL;
    struct op *o = op_create(s, AUDIENCE_COMMANDS, audience_indexed, arg);
    if (o == NULL)
        return ERR_NOMEM;
    o->fn.audience = fn;
    o->after = after;
    o->max = max;
    ask_range(o, c, k.text, after + 1, to, max + 1);
    key_audience(&k, s->partition, "public");
    if (o->err == ERR_OK)
        ask_range(o, c, k.text, after + 1, to, max + 1);
    key_journal(&k, s->partition);
    if (o->err == ERR_OK)
        ask_range(o, c, k.text, 0, UINT64_MAX, 1);
    return op_begin(o);
}
