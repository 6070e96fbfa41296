/* The halted store as it is, before anything is changed: lines of words between tabs, bytes in
 * hexadecimal digits. It is for people and for what may be asked later; nothing reads it back.
 *
 *   head <text>                      record <kind> <id> <revision> <bytes>
 *   entry <number> <link> <bytes>    timer <owner> <due in ms> <member>
 *   receipt <key> <bytes>
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"
#include "liuctl/recover.h"
#include "store/reply.h"
#include "store/restore.h"
#include "wire/unpack.h"

#define PAGE 512
#define KEYS_MAX 4096 /* far more than a SCAN of 100 answers */

struct dump {
    struct session *session;
    const struct recover_found *found;
    FILE *file;
    struct buf hex;
    enum record_kind kind;
    char page[64];
    uint64_t seq;
    bool ended;
    recover_aside_fn *aside;
    void *arg;
    char (*keys)[KEY_BYTES_MAX + 1];
    size_t n_keys;
    size_t at;
};

/* Two digits a byte, then the line's end. */
static enum err put_bytes(struct dump *d, const void *p, size_t n)
{
    buf_clear(&d->hex);
    uint8_t *hex = buf_room(&d->hex, 2 * n + 1);
    if (hex == NULL)
        return ERR_NOMEM;
    text_hex(p, n, (char *)hex);
    return fwrite(hex, 1, 2 * n, d->file) == 2 * n && fputc('\n', d->file) == '\n' ? ERR_OK
                                                                                   : ERR_IO;
}

static void answered(struct dump *d, enum err e)
{
    d->session->err = e;
    d->session->done = true;
}

/* ---- the journal */

static enum err tell_aside(struct dump *d, const struct store_entry *s)
{
    struct arena a;
    ProtobufCMessage *m = NULL;
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    /* one that cannot be read is in the file like the others, and changed nothing that is known */
    enum err e = ERR_OK;
    if (wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, s->data, s->bytes, &m) ==
        ERR_OK)
        e = d->aside(d->arg, s->seq, (const void *)m);
    arena_fini(&a);
    return e;
}

static void on_entries(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct dump *d = arg;
    d->ended = n == 0;
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        const struct store_entry *s = &entries[i];
        (void)fprintf(d->file, "entry\t%" PRIu64 "\t%.*s\t", s->seq, (int)s->link_bytes,
                      (const char *)s->link);
        e = put_bytes(d, s->data, s->bytes);
        if (e == ERR_OK && s->seq > d->found->right)
            e = tell_aside(d, s);
        d->seq = s->seq;
    }
    answered(d, e);
}

static int dump_journal(struct dump *d)
{
    int status = CLI_OK;
    while (status == CLI_OK && !d->ended) {
        if (store_entries(d->session->store, d->seq + 1, INT64_MAX, PAGE, on_entries, d) != ERR_OK)
            return cli_redis_away(d->session->cli);
        status = session_wait(d->session);
    }
    return status;
}

/* ---- records and timers */

static void on_scan(void *arg, enum err e, const char *next_page, const char *const *ids,
                    const struct store_record *records, size_t n)
{
    struct dump *d = arg;
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        (void)fprintf(d->file, "record\t%s\t%s\t%" PRIu64 "\t", record_type_of(d->kind)->name,
                      ids[i], records[i].revision);
        e = put_bytes(d, records[i].value, records[i].bytes);
    }
    (void)text_copy(d->page, sizeof d->page, next_page == NULL ? "" : next_page);
    answered(d, e);
}

static int dump_records(struct dump *d)
{
    int status = CLI_OK;
    for (int k = RECORD_NONE + 1; status == CLI_OK && k < RECORD_KINDS; k++) {
        d->kind = (enum record_kind)k;
        d->page[0] = '\0';
        do {
            if (store_scan(d->session->store, d->kind, d->page, PAGE, on_scan, d) != ERR_OK)
                return cli_redis_away(d->session->cli);
            status = session_wait(d->session);
        } while (status == CLI_OK && d->page[0] != '\0');
    }
    return status;
}

static void on_record(void *arg, enum record_kind kind, const char *id, const uint8_t *value,
                      size_t bytes)
{
    (void)arg; /* the scan has had it */
    (void)kind;
    (void)id;
    (void)value;
    (void)bytes;
}

static void on_timer(void *arg, const char *owner, const char *member, int64_t due_ms)
{
    struct dump *d = arg;
    (void)fprintf(d->file, "timer\t%s\t%" PRId64 "\t%s\n", owner, due_ms, member);
}

static int dump_timers(struct dump *d)
{
    static const char *const owners[] = {"intake", "eligibility", "audit", "monitor", "ledger"};
    struct store_snapshot snapshot = {.record = on_record, .timer = on_timer, .arg = d};
    struct err_text why = {""};
    return store_snapshot(d->session->store, owners, sizeof owners / sizeof owners[0], &snapshot,
                          &why) == ERR_OK
               ? CLI_OK
               : cli_fail(d->session->cli, CLI_TEMPORARY, "%s", why.text);
}

/* ---- receipts */

static void on_keys(void *arg, enum err e, const struct redisReply *reply)
{
    struct dump *d = arg;
    const redisReply *list = reply_at(reply, 1);
    const char *cursor = reply_text(reply_at(reply, 0));
    d->n_keys = 0;
    if (e == ERR_OK && (cursor == NULL || !reply_is_array(list) || reply_count(list) > KEYS_MAX))
        e = ERR_PROTO;
    for (size_t i = 0; e == ERR_OK && i < reply_count(list); i++) {
        const char *key = reply_text(reply_at(list, i));
        if (key != NULL && text_copy(d->keys[d->n_keys], sizeof d->keys[0], key))
            d->n_keys++;
    }
    (void)text_copy(d->page, sizeof d->page, cursor == NULL ? "0" : cursor);
    answered(d, e);
}

static void on_receipt(void *arg, enum err e, const struct redisReply *reply)
{
    struct dump *d = arg;
    const char *p = NULL;
    size_t n = 0;
    if (e == ERR_OK && reply_string(reply, &p, &n)) {
        (void)fprintf(d->file, "receipt\t%s\t", d->keys[d->at]);
        e = put_bytes(d, p, n);
    }
    answered(d, e);
}

static int dump_receipts(struct dump *d)
{
    char pattern[PARTITION_BYTES_MAX + 16];
    int status = CLI_OK;
    (void)snprintf(pattern, sizeof pattern, "{%s}:rcpt:*", d->session->cli->config.partition);
    (void)text_copy(d->page, sizeof d->page, "0");
    do {
        const char *scan[] = {"SCAN", d->page, "MATCH", pattern, "COUNT", "100"};
        status = session_raw(d->session, 6, scan, on_keys, d);
        for (d->at = 0; status == CLI_OK && d->at < d->n_keys; d->at++) {
            const char *get[] = {"GET", d->keys[d->at]};
            status = session_raw(d->session, 2, get, on_receipt, d);
        }
    } while (status == CLI_OK && strcmp(d->page, "0") != 0);
    return status;
}

int recover_dump(struct session *s, const struct recover_found *f, const char *path,
                 recover_aside_fn *aside, void *arg)
{
    struct cli *c = s->cli;
    struct dump d = {.session = s, .found = f, .aside = aside, .arg = arg};
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    d.file = fd < 0 ? NULL : fdopen(fd, "w");
    if (d.file == NULL)
        return cli_fail(c, CLI_TEMPORARY, "%s: %s", path, cli_errno(c));
    buf_init(&d.hex, 2 * LIMIT_REDIS_REPLY_BYTES + 1);
    d.keys = calloc(KEYS_MAX, sizeof *d.keys);
    (void)fprintf(d.file, "head\t%s\n", f->head_text);
    int status = d.keys == NULL ? cli_no_memory(c) : dump_journal(&d);
    if (status == CLI_OK)
        status = dump_records(&d);
    if (status == CLI_OK)
        status = dump_timers(&d);
    if (status == CLI_OK)
        status = dump_receipts(&d);
    bool whole = fflush(d.file) == 0 && ferror(d.file) == 0 && fsync(fd) == 0;
    whole = fclose(d.file) == 0 && whole;
    free(d.keys);
    buf_fini(&d.hex);
    if (status == CLI_OK && !whole)
        status = cli_fail(c, CLI_TEMPORARY, "%s: %s", path, cli_errno(c));
    return status;
}
