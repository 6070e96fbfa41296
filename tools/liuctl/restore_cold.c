/* See restore_cold.h. The table is whole when the archive gets its name: what an interrupted
 * restore has made goes with it.
 */
#include "liuctl/restore_cold.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "ismap/liu/v1/health.pb-c.h"
#include "store/receipts.h"

#define GENERATION 1u
#define NAME_BYTES (COLD_ID_MAX + 1)
#define SYNC_EACH 5000u         /* records and receipts */
#define SYNC_BYTES (16u << 20)  /* of them */
#define FILTER_BYTES (8u << 20) /* the ledger's cold_filter, unless it is set */
#define FILTER_BYTES_LEAST 1024u
#define FILTER_BYTES_MAX (512ull << 20) /* of Redis, a string */
#define LEFT_BYTES (1u << 20)           /* the least filter of receipts (liu.lua) */
#define RECEIPT_BYTES (LIMIT_REPLY_JOURNALED + 1024)
#define DROP_MS (2 * (LIMIT_RECEIPT_WINDOW_MS + 2 * LIMIT_CLOCK_AHEAD_MS)) /* as the ledger */

bool restore_cold_may(enum record_kind kind, size_t id_bytes)
{
    return kind < RECORD_KINDS && record_freezes(kind) && id_bytes > 0 && id_bytes <= COLD_ID_MAX;
}

/* 32 bits a record: it cannot grow, and twice as many are to find room in it. */
uint64_t restore_cold_filter(uint64_t n, uint64_t max_bytes)
{
    uint64_t bytes = max_bytes / 16 < FILTER_BYTES ? max_bytes / 16 : FILTER_BYTES;
    if (max_bytes == 0) /* without a limit */
        bytes = FILTER_BYTES;
    else if (bytes < FILTER_BYTES_LEAST)
        bytes = FILTER_BYTES_LEAST;
    while (bytes < 4 * n)
        bytes *= 2;
    return bytes < FILTER_BYTES_MAX ? bytes : FILTER_BYTES_MAX;
}

/* 16 bits each, and each filter is twice the one before. */
uint64_t restore_cold_left(uint64_t receipts)
{
    uint64_t all = 0;
    for (uint64_t bytes = LEFT_BYTES; 2 * receipts > all; bytes *= 2)
        all += bytes;
    return all;
}

/* The generation, which the first that leaves is bound to. */
static enum err begin_generation(const struct restore_cold *c)
{
    uint8_t value[256];
    Ismap__Liu__V1__Upkeep m = ISMAP__LIU__V1__UPKEEP__INIT;
    m.at_ms = clock_wall_ms();
    m.seq = c->upto;
    struct commit_put put = {.kind = RECORD_UPKEEP,
                             .id = COLD_GENERATION,
                             .expected = GENERATION - 1,
                             .value = value,
                             .value_bytes = ismap__liu__v1__upkeep__pack(&m, value)};
    struct commit commit = {.reply_type = "", .puts = &put, .n_puts = 1};
    return store_restore_add(c->to, &commit, c->why);
}

enum err restore_cold_begin(struct restore_cold *c, struct store_restore *to, const char *dir,
                            struct err_text *why)
{
    c->to = to;
    c->why = why;
    if (dir == NULL)
        return ERR_OK;
    buf_init(&c->names, sizeof c->moves / sizeof c->moves[0] * NAME_BYTES);
    enum err e = cold_open(dir, false, &c->file, why);
    if (e == ERR_OK)
        e = begin_generation(c);
    return e == ERR_OK ? cold_begin(c->file, why) : e;
}

static enum err sync_table(struct restore_cold *c)
{
    c->written = 0;
    c->bytes = 0;
    enum err e = cold_commit(c->file, c->why);
    return e == ERR_OK ? cold_begin(c->file, c->why) : e;
}

/* What was sent leaves. */
static enum err leave(struct restore_cold *c)
{
    if (c->n == 0)
        return ERR_OK;
    for (size_t i = 0; i < c->n; i++) /* the buffer may have moved */
        c->moves[i].id = (const char *)c->names.data + i * NAME_BYTES;
    enum err e = store_restore_freeze(c->to, GENERATION, c->filter_bits, c->moves, c->n, c->why);
    c->n = 0;
    buf_clear(&c->names);
    if (e == ERR_OK && (c->written >= SYNC_EACH || c->bytes >= SYNC_BYTES))
        e = sync_table(c);
    return e;
}

/* Into the table, and on the list of those that leave. */
static enum err keep(struct restore_cold *c, const struct cold_record *r)
{
    char name[NAME_BYTES] = "";
    memcpy(name, r->id, r->id_bytes);
    enum err e = cold_put(c->file, r, c->why);
    if (e == ERR_OK)
        e = buf_put(&c->names, name, sizeof name);
    if (e != ERR_OK)
        return e;
    c->moves[c->n++] =
        (struct cold_move){.kind = (enum record_kind)r->kind, .revision = r->revision};
    c->written++;
    c->bytes += r->bytes;
    return c->n == sizeof c->moves / sizeof c->moves[0] ? leave(c) : ERR_OK;
}

enum err restore_cold_record(struct restore_cold *c, const struct cold_record *r)
{
    char id[512 + 1];
    if (r->id_bytes >= sizeof id)
        return err_say(c->why, ERR_LIMIT, "a record's id is too long");
    memcpy(id, r->id, r->id_bytes);
    id[r->id_bytes] = '\0';
    struct commit_put put = {
        .kind = (enum record_kind)r->kind, .id = id, .value = r->value, .value_bytes = r->bytes};
    struct commit commit = {.reply_type = "", .puts = &put, .n_puts = 1, .revisions = &r->revision};
    enum err e = store_restore_add(c->to, &commit, c->why);
    if (e != ERR_OK || c->file == NULL || r->seq > c->upto ||
        !restore_cold_may(put.kind, r->id_bytes))
        return e;
    return keep(c, r);
}

static enum err add_receipt(struct restore_cold *c, const struct commit *receipt, uint64_t seq)
{
    struct commit commit = *receipt;
    commit.receipt_seq = seq;
    return store_restore_add(c->to, &commit, c->why);
}

enum err restore_cold_receipt(struct restore_cold *c, const struct commit *receipt, uint64_t seq)
{
    char name[RECEIPT_NAME_BYTES];
    struct buf value;
    enum err e = add_receipt(c, receipt, seq);
    if (e != ERR_OK || c->file == NULL || seq > c->upto || !receipt_name(receipt, name))
        return e;
    /* like those in Redis, whose window begins anew with the restore */
    int64_t from_ms = clock_wall_ms();
    if (receipt->now_ms > from_ms)
        from_ms = receipt->now_ms;
    buf_init(&value, RECEIPT_BYTES);
    e = receipt_encode(&value, seq, receipt);
    if (e == ERR_OK)
        e = keep(c, &(struct cold_record){.kind = RECORD_RECEIPT,
                                          .id = name,
                                          .id_bytes = strlen(name),
                                          .revision = seq,
                                          .seq = seq,
                                          .value = value.data,
                                          .bytes = value.len,
                                          .drop_ms = from_ms + DROP_MS});
    buf_fini(&value);
    return e;
}

enum err restore_cold_other(struct restore_cold *c, const struct commit *receipt, uint64_t seq)
{
    char name[RECEIPT_NAME_BYTES];
    struct cold_record found;
    enum err e = ERR_NOT_FOUND;
    if (c->file != NULL && receipt_name(receipt, name))
        e = cold_get(c->file, RECORD_RECEIPT, name, strlen(name), NULL, &found, c->why);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && found.revision < seq))
        return add_receipt(c, receipt, seq);
    return e;
}

enum err restore_cold_end(struct restore_cold *c)
{
    if (c->file == NULL)
        return ERR_OK;
    enum err e = leave(c);
    if (e == ERR_OK)
        e = cold_set_stored(c->file, c->upto, c->why);
    if (e == ERR_OK)
        e = cold_set_frozen(c->file, c->upto, c->why);
    if (e == ERR_OK)
        e = cold_commit(c->file, c->why);
    cold_close(c->file);
    c->file = NULL;
    return e;
}

void restore_cold_fini(struct restore_cold *c)
{
    cold_close(c->file);
    c->file = NULL;
    buf_fini(&c->names);
}
