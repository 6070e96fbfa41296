/* See rewrite.h. */
#include "store/rewrite.h"

#include <stdlib.h>
#include <string.h>

#include "store/check.h"
#include "store/reply.h"
#include "store/store_private.h"

struct asked {
    store_append_file_fn *file;
    store_rewrite_fn *rewrite;
    void *arg;
};

static bool number(const char *info, const char *name, uint64_t *out)
{
    char value[64];
    char *end = value;
    check_info_value(info, name, value);
    *out = strtoull(value, &end, 10);
    return end != value;
}

enum err append_file_of(const char *info, struct store_append_file *out)
{
    uint64_t under_way, scheduled, copy;
    char status[64];
    *out = (struct store_append_file){.bytes = 0};
    if (!number(info, "aof_current_size", &out->bytes) ||
        !number(info, "aof_base_size", &out->base_bytes) ||
        !number(info, "aof_rewrite_in_progress", &under_way) ||
        !number(info, "aof_rewrite_scheduled", &scheduled) ||
        !number(info, "rdb_bgsave_in_progress", &copy))
        return ERR_PROTO;
    check_info_value(info, "aof_last_bgrewrite_status", status);
    out->rewriting = under_way != 0 || scheduled != 0 || copy != 0;
    out->failed = strcmp(status, "ok") != 0;
    return ERR_OK;
}

static void on_info(void *arg, enum err e, redisReply **reply)
{
    struct asked *a = arg;
    struct store_append_file f;
    const char *text = e == ERR_OK ? reply_text(*reply) : NULL;
    if (e == ERR_OK && reply_error(*reply) == NULL && text != NULL)
        e = append_file_of(text, &f);
    else
        e = ERR_UNAVAILABLE;
    a->file(a->arg, e, e == ERR_OK ? &f : NULL);
    free(a);
}

static void on_rewrite(void *arg, enum err e, redisReply **reply)
{
    struct asked *a = arg;
    const char *text = e == ERR_OK ? reply_error(*reply) : "Redis is away";
    a->rewrite(a->arg,
               e != ERR_OK    ? ERR_UNAVAILABLE
               : text != NULL ? ERR_CONFLICT
                              : ERR_OK,
               text == NULL ? "" : text);
    free(a);
}

static enum err ask(struct store *s, struct asked what)
{
    struct conn *c = &s->conns[CONN_READS];
    if (c->state != CONN_READY || c->lost)
        return ERR_UNAVAILABLE;
    struct asked *a = malloc(sizeof(*a));
    if (a == NULL)
        return ERR_NOMEM;
    *a = what;
    enum err e = what.file != NULL
                     ? conn_command(c, s->timeout_ms, on_info, a, "INFO", "persistence", NULL)
                     : conn_command(c, s->timeout_ms, on_rewrite, a, "BGREWRITEAOF", NULL);
    if (e != ERR_OK)
        free(a);
    return e;
}

enum err store_append_file(struct store *s, store_append_file_fn *fn, void *arg)
{
    return ask(s, (struct asked){.file = fn, .arg = arg});
}

enum err store_rewrite(struct store *s, store_rewrite_fn *fn, void *arg)
{
    return ask(s, (struct asked){.rewrite = fn, .arg = arg});
}
