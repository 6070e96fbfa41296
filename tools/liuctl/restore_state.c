/* See restore_state.h. */
#include "liuctl/restore_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "liuctl/backup_set.h"
#include "wire/unpack.h"

/* A consumer goes on where it was. The ledger starts its archive anew: the epoch is new. */
static enum err write_cursor(const struct restore_state *r, struct arena *a, const char *id,
                             uint8_t *value, size_t bytes)
{
    ProtobufCMessage *m = NULL;
    if (strcmp(id, "ledger") == 0)
        return ERR_OK;
    enum err e = wire_unpack(a, &ismap__liu__v1__cursor__descriptor, value, bytes, &m);
    if (e != ERR_OK)
        return e;
    ((Ismap__Liu__V1__Cursor *)(void *)m)->epoch = (char *)(uintptr_t)r->epoch;
    struct commit_put put = {.kind = RECORD_CURSOR, .id = id};
    struct commit c = {.reply_type = "", .puts = &put, .n_puts = 1};
    e = wire_pack(a, m, &put.value, &put.value_bytes);
    return e == ERR_OK ? store_restore_add(r->to, &c, r->why) : e;
}

static enum err write_record(const struct restore_state *r, const char *kind, const char *id,
                             const char *hex)
{
    struct arena a;
    size_t n = strlen(hex) / 2;
    enum err e = ERR_NOMEM;
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    uint8_t *value = arena_alloc(&a, n + 1);
    if (value != NULL)
        e = strlen(hex) % 2 == 0 ? text_unhex(hex, value, n) : ERR_PROTO;
    if (e == ERR_OK && strcmp(kind, "cursor") == 0) {
        e = write_cursor(r, &a, id, value, n);
    } else if (e == ERR_OK) {
        struct commit_put put = {.kind = RECORD_LANE, .id = id, .value = value, .value_bytes = n};
        struct commit c = {.reply_type = "", .puts = &put, .n_puts = 1};
        e = store_restore_add(r->to, &c, r->why);
    }
    arena_fini(&a);
    return e;
}

static enum err write_timer(const struct restore_state *r, const char *owner, const char *due,
                            const char *member)
{
    uint64_t due_ms = 0;
    enum err e = text_u64(due, INT64_MAX, &due_ms);
    struct commit_timer t = {
        .owner = owner, .member = member, .due_ms = (int64_t)due_ms, .expected_due_ms = -1};
    struct commit c = {.reply_type = "", .timers = &t, .n_timers = 1};
    return e == ERR_OK ? store_restore_add(r->to, &c, r->why) : e;
}

/* Its window begins anew: a receipt may live longer, never shorter. One that came with its entry
 * stays as it is. */
static enum err write_receipt(const struct restore_state *r, const char *party, const char *id,
                              const char *hex)
{
    struct arena a;
    struct answer_text text;
    struct commit_result was;
    size_t n = strlen(hex) / 2;
    enum err e = ERR_NOMEM;
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    uint8_t *value = arena_alloc(&a, n + 1);
    if (value != NULL)
        e = strlen(hex) % 2 == 0 ? text_unhex(hex, value, n) : ERR_PROTO;
    if (e == ERR_OK)
        e = receipt_decode(value, n, NULL, &text, &was);
    if (e == ERR_OK) {
        struct commit c = {.receipt_party = party,
                           .receipt_id = id,
                           .reply = was.reply,
                           .reply_bytes = was.reply_bytes,
                           .reply_type = was.reply_type,
                           .now_ms = was.at_ms};
        memcpy(c.request_hash, value, sizeof c.request_hash);
        e = restore_cold_other(r->receipts, &c, was.seq);
    }
    arena_fini(&a);
    return e;
}

/* One line: fields between tabs, in place; NULL = there is none. */
static void split(char *line, char *f[4])
{
    f[0] = line;
    line[strcspn(line, "\n")] = '\0';
    for (size_t i = 1; i < 4; i++) {
        f[i] = f[i - 1] == NULL ? NULL : strchr(f[i - 1], '\t');
        if (f[i] != NULL)
            *f[i]++ = '\0';
    }
}

static enum err write_line(const struct restore_state *r, char *line)
{
    char *f[4];
    split(line, f);
    if (strcmp(f[0], "timer") == 0 && f[3] != NULL)
        return write_timer(r, f[1], f[2], f[3]);
    if (strcmp(f[0], "receipt") == 0 && f[3] != NULL)
        return write_receipt(r, f[1], f[2], f[3]);
    if ((strcmp(f[0], "cursor") == 0 || strcmp(f[0], "lane") == 0) && f[2] != NULL)
        return write_record(r, f[0], f[1], f[2]);
    return err_say(r->why, ERR_PROTO, "state: a line cannot be read");
}

static enum err each_line(const struct restore_state *r,
                          enum err (*fn)(const struct restore_state *r, char *line))
{
    char path[BACKUP_PATH_BYTES];
    char *line = NULL;
    size_t room = 0;
    enum err e = ERR_OK;
    FILE *f = backup_path(path, r->dir, "state") ? fopen(path, "r") : NULL;
    if (f == NULL)
        return err_say(r->why, ERR_IO, "%s/state: cannot be read", r->dir);
    while (e == ERR_OK && getline(&line, &room, f) > 0)
        e = fn(r, line);
    if (e == ERR_OK && feof(f) == 0) /* no line left out in silence */
        e = err_say(r->why, ERR_IO, "%s/state: cannot be read", r->dir);
    free(line);
    (void)fclose(f);
    return e;
}

enum err restore_state_write(const struct restore_state *r)
{
    return each_line(r, write_line);
}

static enum err take_cursor(const char *hex, uint64_t *least)
{
    struct arena a;
    ProtobufCMessage *m = NULL;
    size_t n = strlen(hex) / 2;
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    uint8_t *value = arena_alloc(&a, n + 1);
    enum err e = value == NULL ? ERR_NOMEM : text_unhex(hex, value, n);
    if (e == ERR_OK)
        e = wire_unpack(&a, &ismap__liu__v1__cursor__descriptor, value, n, &m);
    if (e == ERR_OK) {
        uint64_t seq = ((const Ismap__Liu__V1__Cursor *)(const void *)m)->seq;
        *least = seq < *least ? seq : *least;
    }
    arena_fini(&a);
    return e;
}

static enum err survey_line(const struct restore_state *r, char *line)
{
    struct restore_survey *s = r->survey;
    char *f[4];
    size_t bytes = strlen(line);
    split(line, f);
    if (strcmp(f[0], "receipt") != 0)
        s->bytes += bytes;
    else if (f[3] != NULL && strlen(f[3]) / 2 > LIMIT_REPLY_JOURNALED)
        s->others += bytes;
    else
        s->receipts += bytes;
    return strcmp(f[0], "cursor") == 0 && f[2] != NULL && strcmp(f[1], "ledger") != 0
               ? take_cursor(f[2], &s->cursor)
               : ERR_OK;
}

enum err restore_state_survey(const char *dir, struct restore_survey *out, struct err_text *why)
{
    struct restore_state r = {.dir = dir, .why = why, .survey = out};
    *out = (struct restore_survey){.cursor = UINT64_MAX};
    return each_line(&r, survey_line);
}
