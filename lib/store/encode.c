/* Gathers commits into one call of liu_commit. Keys are named once a call, audience streams first,
 * so that the Function can look at all of them with one command.
 */
#include "store/encode.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

#define SLOTS (2 * ENCODE_KEYS_MAX)
#define COUNT_MAX 255 /* one byte in the header */
#define HEADER_BYTES 27

struct key_slot {
    uint32_t round;
    uint32_t name_at;
    uint32_t name_bytes;
    uint16_t index;
};

enum err encoder_init(struct encoder *e, const char *partition)
{
    *e = (struct encoder){.round = 1, .requests_max = LIMIT_BATCH_REQUESTS};
    if (strlen(partition) > PARTITION_BYTES_MAX)
        return ERR_LIMIT;
    memcpy(e->partition, partition, strlen(partition) + 1);
    buf_init(&e->streams.text, ENCODE_BYTES_MAX);
    buf_init(&e->others.text, ENCODE_BYTES_MAX);
    buf_init(&e->args, ENCODE_BYTES_MAX);
    buf_init(&e->names, ENCODE_KEYS_MAX * (KEY_BYTES_MAX + 1));
    e->slots = calloc(SLOTS, sizeof(*e->slots));
    return e->slots == NULL ? ERR_NOMEM : ERR_OK;
}

void encoder_fini(struct encoder *e)
{
    if (e == NULL || e->slots == NULL)
        return;
    buf_fini(&e->streams.text);
    buf_fini(&e->others.text);
    buf_fini(&e->args);
    buf_fini(&e->names);
    free(e->slots);
    e->slots = NULL;
}

void encoder_clear(struct encoder *e)
{
    buf_clear(&e->streams.text);
    buf_clear(&e->others.text);
    buf_clear(&e->args);
    buf_clear(&e->names);
    e->streams.n = 0;
    e->others.n = 0;
    e->n_args = 0;
    e->n_requests = 0;
    if (++e->round == 0) {
        memset(e->slots, 0, SLOTS * sizeof(*e->slots));
        e->round = 1;
    }
}

static uint32_t hash(const struct key *k)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < k->bytes; i++)
        h = (h ^ (uint8_t)k->text[i]) * 16777619u;
    return h;
}

/* The key's number from 1 within its space; 0 when it cannot be named. */
static uint16_t index_of(struct encoder *e, struct key_space *space, const struct key *k)
{
    if (k->bytes == 0 || e->streams.n + e->others.n >= ENCODE_KEYS_MAX)
        return 0;
    for (uint32_t at = hash(k);; at++) {
        struct key_slot *s = &e->slots[at % SLOTS];
        if (s->round != e->round) {
            *s = (struct key_slot){.round = e->round,
                                   .name_at = (uint32_t)e->names.len,
                                   .name_bytes = (uint32_t)k->bytes,
                                   .index = (uint16_t)(++space->n)};
            (void)buf_put(&e->names, k->text, k->bytes);
            resp_string(&space->text, k->text, k->bytes);
            return s->index;
        }
        if (s->name_bytes == k->bytes && memcmp(e->names.data + s->name_at, k->text, k->bytes) == 0)
            return s->index;
    }
}

static void arg(struct encoder *e, const void *p, size_t n)
{
    resp_string(&e->args, p, n);
    e->n_args++;
}

static void arg_text(struct encoder *e, const char *s)
{
    arg(e, s, strlen(s));
}

static void arg_revision(struct encoder *e, uint64_t revision)
{
    uint8_t be[8];
    be64_put(be, revision);
    arg(e, be, sizeof(be));
}

static void arg_time(struct encoder *e, int64_t ms)
{
    if (ms < 0)
        arg(e, "", 0);
    else
        resp_number(&e->args, (uint64_t)ms);
    e->n_args += ms >= 0;
}

static void put16(uint8_t *p, size_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)(v & 0xff);
}

static void add_receipt(struct encoder *e, const struct commit *c)
{
    const char *type = c->reply_type == NULL ? "" : c->reply_type;
    size_t type_bytes = strlen(type);
    uint8_t fixed[10];
    uint8_t named[sizeof(c->request_hash) + 8];
    memcpy(named, c->request_hash, sizeof(c->request_hash));
    be64_put(named + sizeof(c->request_hash), c->receipt_seq);
    arg(e, named, c->receipt_seq == 0 ? sizeof(c->request_hash) : sizeof(named));
    be64_put(fixed, (uint64_t)c->now_ms);
    put16(fixed + 8, type_bytes);
    size_t n = sizeof(fixed) + type_bytes + c->reply_bytes;
    (void)buf_printf(&e->args, "$%zu\r\n", n);
    (void)buf_put(&e->args, fixed, sizeof(fixed));
    (void)buf_put(&e->args, type, type_bytes);
    (void)buf_put(&e->args, c->reply, c->reply_bytes);
    (void)buf_put(&e->args, "\r\n", 2);
    e->n_args++;
}

static void add_put(struct encoder *e, const struct commit_put *p, uint64_t revision)
{
    uint8_t be[8];
    arg_text(e, p->id);
    arg_revision(e, p->expected);
    be64_put(be, revision);
    (void)buf_printf(&e->args, "$%zu\r\n", p->value_bytes + sizeof(be));
    (void)buf_put(&e->args, be, sizeof(be));
    (void)buf_put(&e->args, p->value, p->value_bytes);
    (void)buf_put(&e->args, "\r\n", 2);
    e->n_args++;
}

static int by_value(const void *a, const void *b)
{
    uint16_t x = *(const uint16_t *)a;
    uint16_t y = *(const uint16_t *)b;
    return (x > y) - (x < y);
}

/* Writes an entry's audience at p, ascending and each once. Returns the bytes; 0 = a key is bad. */
static size_t audience(struct encoder *e, const struct commit_entry *entry, uint8_t *p)
{
    uint16_t index[LIMIT_AUDIENCE] = {0};
    size_t n = 0;
    for (size_t i = 0; i < entry->n_audience; i++) {
        struct key k;
        key_audience(&k, e->partition, entry->audience[i]);
        index[i] = index_of(e, &e->streams, &k);
        if (index[i] == 0)
            return 0;
    }
    qsort(index, entry->n_audience, sizeof(index[0]), by_value);
    for (size_t i = 0; i < entry->n_audience; i++) {
        if (i > 0 && index[i] == index[i - 1])
            continue;
        n++;
        put16(p + 2 * n, index[i]);
    }
    put16(p, n);
    return 2 + 2 * n;
}

static size_t header_bytes(const struct commit *c)
{
    size_t n = HEADER_BYTES + 2 * (c->n_guards + c->n_puts + c->n_timers + 1);
    for (size_t i = 0; i < c->n_entries; i++)
        n += 2 + 2 * c->entries[i].n_audience;
    return n;
}

static size_t args_bytes(const struct commit *c)
{
    size_t n = 64 + c->reply_bytes + header_bytes(c) + 96 * (c->n_guards + c->n_puts + c->n_timers);
    for (size_t i = 0; i < c->n_puts; i++)
        n += c->puts[i].value_bytes;
    for (size_t i = 0; i < c->n_entries; i++)
        n += c->entries[i].bytes + 64;
    return n + (c->noise == NULL ? 0 : c->noise->bytes);
}

static size_t keys_most(const struct commit *c)
{
    size_t n = 3 + c->n_guards + c->n_puts + c->n_timers;
    for (size_t i = 0; i < c->n_entries; i++)
        n += c->entries[i].n_audience;
    return n;
}

static enum err check(const struct encoder *e, const struct commit *c, const char **why)
{
    *why = "a list of the commit is too long";
    if (c->n_guards > COUNT_MAX || c->n_puts > COUNT_MAX || c->n_entries > COUNT_MAX ||
        c->n_timers > COUNT_MAX)
        return ERR_LIMIT;
    for (size_t i = 0; i < c->n_entries; i++) {
        if (c->entries[i].n_audience > LIMIT_AUDIENCE)
            return ERR_LIMIT;
    }
    if (c->reply_type != NULL && strlen(c->reply_type) > 255)
        return ERR_LIMIT;
    *why = "the commit names too many keys";
    if (keys_most(c) > ENCODE_KEYS_MAX)
        return ERR_LIMIT;
    *why = "the commit is too large";
    if (args_bytes(c) > ENCODE_BYTES_MAX / 2)
        return ERR_LIMIT;
    *why = "a time is negative";
    if (c->now_ms < 0 || c->receipt_until_ms < 0)
        return ERR_INVAL;
    *why = "the call is full";
    if (e->n_requests > 0 &&
        (e->n_requests >= e->requests_max || e->args.len + args_bytes(c) > LIMIT_BATCH_BYTES ||
         e->streams.n + e->others.n + keys_most(c) > ENCODE_KEYS_MAX))
        return ERR_AGAIN;
    *why = "";
    return ERR_OK;
}

/* Names a key of the header at *p; false when it cannot be named. */
static bool name(struct encoder *e, const struct key *k, uint8_t **p)
{
    uint16_t i = index_of(e, &e->others, k);
    put16(*p, i);
    *p += 2;
    return i != 0;
}

static bool add_header(struct encoder *e, const struct commit *c, uint8_t *h, size_t *bytes)
{
    struct key k;
    bool ok = true;
    uint8_t *p = h + 2;
    put16(p, 0);
    put16(p + 2, 0);
    if (c->receipt_party != NULL) {
        key_receipt(&k, e->partition, c->receipt_party, c->receipt_id);
        ok = name(e, &k, &p);
        key_receipts(&k, e->partition, c->receipt_party);
        ok = name(e, &k, &p) && ok;
    }
    p = h + 6;
    be64_put(p, (uint64_t)c->now_ms);
    be64_put(p + 8, (uint64_t)c->receipt_until_ms);
    h[22] = (uint8_t)c->n_guards;
    h[23] = (uint8_t)c->n_puts;
    h[24] = (uint8_t)c->n_entries;
    h[25] = (uint8_t)c->n_timers;
    h[26] = c->noise == NULL ? 0 : 1;
    p = h + HEADER_BYTES;
    for (size_t i = 0; i < c->n_guards; i++) {
        key_records(&k, e->partition, c->guards[i].kind);
        ok = name(e, &k, &p) && ok;
    }
    for (size_t i = 0; i < c->n_puts; i++) {
        key_records(&k, e->partition, c->puts[i].kind);
        ok = name(e, &k, &p) && ok;
    }
    for (size_t i = 0; i < c->n_timers; i++) {
        key_timers(&k, e->partition, c->timers[i].owner);
        ok = name(e, &k, &p) && ok;
    }
    if (c->noise != NULL) {
        key_noise(&k, e->partition, c->noise->feed);
        ok = name(e, &k, &p) && ok;
    }
    for (size_t i = 0; i < c->n_entries && ok; i++) {
        size_t n = audience(e, &c->entries[i], p);
        ok = n > 0;
        p += n;
    }
    *bytes = (size_t)(p - h);
    return ok;
}

static void add_args(struct encoder *e, const struct commit *c)
{
    if (c->receipt_party != NULL)
        add_receipt(e, c);
    for (size_t i = 0; i < c->n_guards; i++) {
        arg_text(e, c->guards[i].id);
        arg_revision(e, c->guards[i].revision);
    }
    for (size_t i = 0; i < c->n_puts; i++)
        add_put(e, &c->puts[i], c->revisions != NULL ? c->revisions[i] : c->puts[i].expected + 1);
    for (size_t i = 0; i < c->n_entries; i++) {
        arg(e, c->entries[i].data, c->entries[i].bytes);
        arg_text(e, c->entries[i].type);
    }
    for (size_t i = 0; i < c->n_timers; i++) {
        arg_text(e, c->timers[i].member);
        arg_time(e, c->timers[i].due_ms);
        arg_time(e, c->timers[i].expected_due_ms);
    }
    if (c->noise != NULL)
        arg(e, c->noise->data, c->noise->bytes);
}

enum err encoder_add(struct encoder *e, const struct commit *c, const char **why)
{
    enum err err = check(e, c, why);
    if (err != ERR_OK)
        return err;
    size_t bytes = header_bytes(c);
    size_t args_len = e->args.len;
    uint32_t n_args = e->n_args;
    uint8_t *h = malloc(bytes);
    *why = "no memory";
    if (h == NULL)
        return ERR_NOMEM;
    if (!add_header(e, c, h, &bytes)) {
        *why = "a name is empty, too long or of an unknown kind";
        free(h);
        return ERR_INVAL;
    }
    arg(e, h, bytes);
    size_t header_at = e->args.len - bytes - 2;
    free(h);
    add_args(e, c);
    if (e->args.failed || e->names.failed || e->streams.text.failed || e->others.text.failed) {
        e->args.len = args_len;
        e->args.failed = false;
        e->n_args = n_args;
        return ERR_NOMEM;
    }
    put16(e->args.data + header_at, e->n_args - n_args - 1);
    e->n_requests++;
    *why = "";
    return ERR_OK;
}

enum err encoder_finish(struct encoder *e, const struct encoder_call *call, struct buf *out)
{
    struct key k;
    for (int kind = RECORD_NONE + 1; call->all_records && kind < RECORD_KINDS; kind++) {
        key_records(&k, e->partition, (enum record_kind)kind);
        (void)index_of(e, &e->others, &k);
    }
    key_head(&k, e->partition);
    if (call->restoring)
        (void)index_of(e, &e->others, &k);
    size_t len = out->len;
    uint32_t n_keys = 2 + e->streams.n + e->others.n;
    resp_array(out, 3 + n_keys + 5 + e->n_args);
    resp_text(out, "FCALL");
    resp_text(out, call->function);
    resp_number(out, n_keys);
    if (call->restoring)
        key_restoring(&k, e->partition);
    resp_text(out, k.text);
    key_journal(&k, e->partition);
    resp_text(out, k.text);
    (void)buf_put(out, e->streams.text.data, e->streams.text.len);
    (void)buf_put(out, e->others.text.data, e->others.text.len);
    resp_text(out, call->epoch);
    resp_number(out, (uint64_t)call->receipt_window_ms);
    resp_number(out, (uint64_t)call->receipts_max);
    resp_number(out, e->n_requests);
    resp_number(out, e->streams.n);
    (void)buf_put(out, e->args.data, e->args.len);
    bool failed = out->failed || e->streams.text.failed || e->others.text.failed;
    if (failed) {
        out->len = len;
        out->failed = false;
    }
    encoder_clear(e);
    return failed ? ERR_NOMEM : ERR_OK;
}
