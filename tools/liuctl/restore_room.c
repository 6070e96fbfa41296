/* See restore_room.h. */
#include "liuctl/restore_room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "liuctl/restore_cold.h"
#include "store/budget.h"
#include "store/keys.h"
#include "store/reply.h"

/* What Redis needs besides the bytes, measured: of an entry its link and its place, of each party's
 * index a line, of a field of a hash two strings and a place in its table. */
#define ENTRY_BYTES 60
#define INDEX_BYTES 24
#define RECEIPT_BYTES 220
#define RECORD_BYTES 96
#define EMPTY_BYTES (2u << 20) /* Redis itself, with the Function library */
#define CALL_BYTES (1u << 20)  /* what is there before it leaves, and the call itself */

uint64_t restore_room_entry(size_t bytes, size_t audience)
{
    return bytes + ENTRY_BYTES + audience * INDEX_BYTES;
}

uint64_t restore_room_receipt(size_t bytes)
{
    return bytes + RECEIPT_BYTES;
}

void restore_room_records(struct restore_room *r, const struct backup_records *records)
{
    for (const struct backup_record *m = records->all; m != NULL; m = m->hh.next) {
        const char *id = strchr(m->key, '/');
        unsigned long kind = strtoul(m->key, NULL, 10);
        uint64_t bytes = m->bytes + strlen(m->key) + RECORD_BYTES;
        if (id != NULL && restore_cold_may((enum record_kind)kind, strlen(id + 1))) {
            r->leaves += bytes;
            r->n_leaves++;
        } else {
            r->stays += bytes;
        }
    }
}

struct asking {
    struct restore_room *room;
    struct session *session;
};

static void on_info(void *arg, enum err e, const struct redisReply *reply)
{
    struct asking *a = arg;
    const char *info = e == ERR_OK ? reply_text(reply) : NULL;
    const char *at = info == NULL ? NULL : strstr(info, "\nmaxmemory:");
    a->room->max = at == NULL ? 0 : strtoull(at + sizeof "\nmaxmemory:" - 1, NULL, 10);
    a->session->err = e;
    a->session->done = true;
}

/* A server that does not tell is not asked: what has no room is then refused while it is written.
 */
static void on_usage(void *arg, enum err e, const struct redisReply *reply)
{
    struct asking *a = arg;
    int64_t bytes = 0;
    if (e == ERR_OK && reply_integer(reply, &bytes) && bytes > 0)
        a->room->noise += (uint64_t)bytes;
    a->session->err = e;
    a->session->done = true;
}

int restore_room_ask(struct restore_room *r, struct session *s,
                     const struct backup_records *records)
{
    struct asking a = {r, s};
    const char *info[] = {"INFO", "memory"};
    char feeds[16];
    int n = snprintf(feeds, sizeof feeds, "%d/", (int)RECORD_FEED);
    int status = session_raw(s, 2, info, on_info, &a);
    for (struct backup_record *m = records->all; status == CLI_OK && r->max != 0 && m != NULL;
         m = m->hh.next) {
        struct key key;
        if (strncmp(m->key, feeds, (size_t)n) != 0)
            continue;
        key_noise(&key, s->cli->config.partition, m->key + n);
        const char *usage[] = {"MEMORY", "USAGE", key.text};
        status = session_raw(s, 3, usage, on_usage, &a);
    }
    return status;
}

int restore_room_look(const struct restore_room *r, struct cli *c, bool *leave)
{
    uint64_t all = r->stays + r->leaves + EMPTY_BYTES;
    uint64_t need = r->stays + EMPTY_BYTES + CALL_BYTES + restore_cold_filter(r->n_leaves, r->max) +
                    restore_cold_left(r->receipts);
    all += all / 16 + r->noise; /* what was measured differed by a hundredth */
    need += need / 16 + r->noise;
    *leave = budget_whole(all, r->max) != STORE_PRESSURE_NONE && need < all;
    need = *leave ? need : all;
    if (r->max == 0 || need <= r->max)
        return CLI_OK;
    return cli_fail(
        c, CLI_REFUSED,
        c->ja ? "復元には約 %llu MiB のメモリ(残る通報ノイズ %llu MiB を含む)が必要ですが、"
                "Redis の maxmemory は %llu "
                "MiB です。maxmemory を上げてから、もう一度実行してください"
              : "the restore needs about %llu MiB of memory (%llu MiB of it noise that "
                "stays) and Redis' maxmemory is %llu MiB: raise maxmemory, then run it "
                "again",
        (unsigned long long)(need >> 20) + 1, (unsigned long long)r->noise >> 20,
        (unsigned long long)r->max >> 20);
}
