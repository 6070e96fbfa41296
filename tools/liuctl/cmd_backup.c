/* backup: the state that no entry carries is read first, together with the head it belongs to; then
 * the journal up to that head, whatever services write meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/text.h"
#include "liuctl/backup.h"
#include "liuctl/backup_late.h"
#include "liuctl/backup_set.h"
#include "liuctl/commands.h"
#include "liuctl/journal_walk.h"
#include "liuctl/upkeep_note.h"
#include "services/ledger/segment.h"
#include "store/reply.h"
#include "store/restore.h"
#include "wire/unpack.h"

#define SEGMENT_ENTRIES 10000u
#define RECEIPTS_PAGE 4096 /* far more than a SCAN of 100 answers */
#define STATE_BYTES_MAX (512u * 1024 * 1024)

struct backup {
    struct cli *cli;
    const struct backup_recover *recover; /* NULL = of a store that works */
    struct session session;
    struct journal_walk walk;
    struct store_snapshot snapshot;
    struct backup_late late;
    struct backup_records records;
    struct segment_builder builder;
    struct buf state;
    json_t *files;
    const char *dir;
    char journal[BACKUP_PATH_BYTES];
    char link[2 * SHA1_BYTES + 1];
    size_t faults;
    struct err_text why;
};

static const char *const owners[] = {"intake", "eligibility", "audit", "monitor", "ledger"};

static void on_record(void *arg, enum record_kind kind, const char *id, const uint8_t *value,
                      size_t bytes)
{
    struct backup *b = arg;
    size_t n = bytes - 8; /* the revision starts anew */
    char *hex = malloc(2 * n + 1);
    if (hex == NULL) {
        b->state.failed = true;
        return;
    }
    text_hex(value + 8, n, hex);
    (void)buf_printf(&b->state, "%s\t%s\t", kind == RECORD_LANE ? "lane" : "cursor", id);
    (void)buf_put(&b->state, hex, 2 * n);
    (void)buf_put(&b->state, "\n", 1);
    free(hex);
}

static void on_timer(void *arg, const char *owner, const char *member, int64_t due_ms)
{
    struct backup *b = arg;
    (void)buf_printf(&b->state, "timer\t%s\t%lld\t%s\n", owner, (long long)due_ms, member);
}

/* ---- receipts: read after the snapshot, and kept when they are of an entry up to its head */

struct receipts {
    struct backup *b;
    char cursor[32];
    char (*keys)[KEY_BYTES_MAX + 1]; /* RECEIPTS_PAGE */
    size_t n;                        /* of keys, in one page */
    size_t at;
};

static void on_page(void *arg, enum err e, const struct redisReply *reply)
{
    struct receipts *r = arg;
    const redisReply *list = reply_at(reply, 1);
    const char *cursor = reply_text(reply_at(reply, 0));
    r->n = 0;
    if (e == ERR_OK &&
        (cursor == NULL || !reply_is_array(list) || reply_count(list) > RECEIPTS_PAGE))
        e = ERR_PROTO;
    for (size_t i = 0; e == ERR_OK && i < reply_count(list); i++) {
        const char *key = reply_text(reply_at(list, i));
        if (key != NULL && text_copy(r->keys[r->n], sizeof r->keys[0], key))
            r->n++;
    }
    (void)text_copy(r->cursor, sizeof r->cursor, cursor == NULL ? "0" : cursor);
    r->b->session.err = e;
    r->b->session.done = true;
}

static void on_receipt(void *arg, enum err e, const struct redisReply *reply)
{
    struct receipts *r = arg;
    struct backup *b = r->b;
    const char *p = NULL;
    size_t n = 0;
    char *key = r->keys[r->at] + strlen(b->cli->config.partition) + sizeof "{}:rcpt:" - 1;
    char *colon = strchr(key, ':');
    b->session.err = e;
    b->session.done = true;
    if (e != ERR_OK || colon == NULL || !reply_string(reply, &p, &n) || n < 40 ||
        be64_get((const uint8_t *)p + 32) > b->snapshot.head.seq)
        return; /* expired meanwhile, or of a later entry */
    char *hex = malloc(2 * n + 1);
    if (hex == NULL) {
        b->state.failed = true;
        return;
    }
    text_hex((const uint8_t *)p, n, hex);
    *colon = '\0';
    (void)buf_printf(&b->state, "receipt\t%s\t%s\t", key, colon + 1);
    (void)buf_put(&b->state, hex, 2 * n);
    (void)buf_put(&b->state, "\n", 1);
    free(hex);
}

static int scan_receipts(struct backup *b, struct receipts *r)
{
    struct store *s = b->session.store;
    char pattern[PARTITION_BYTES_MAX + 16];
    int status = CLI_OK;
    (void)snprintf(pattern, sizeof pattern, "{%s}:rcpt:*", b->cli->config.partition);
    do {
        const char *scan[] = {"SCAN", r->cursor, "MATCH", pattern, "COUNT", "100"};
        if (store_raw(s, 6, scan, NULL, on_page, r) != ERR_OK)
            return cli_redis_away(b->cli);
        status = session_wait(&b->session);
        for (r->at = 0; status == CLI_OK && r->at < r->n; r->at++) {
            const char *get[] = {"GET", r->keys[r->at]};
            if (store_raw(s, 2, get, NULL, on_receipt, r) != ERR_OK)
                return cli_redis_away(b->cli);
            status = session_wait(&b->session);
        }
    } while (status == CLI_OK && strcmp(r->cursor, "0") != 0);
    return status;
}

static int copy_receipts(struct backup *b)
{
    struct receipts r = {.b = b, .cursor = "0", .keys = calloc(RECEIPTS_PAGE, sizeof *r.keys)};
    int status = r.keys == NULL ? cli_no_memory(b->cli) : scan_receipts(b, &r);
    free(r.keys);
    return status;
}

static void on_fault(void *arg, const char *where, const char *what)
{
    struct backup *b = arg;
    b->faults++;
    (void)cli_fail(b->cli, CLI_REFUSED, "%s: %s", where, what);
}

static enum err close_segment(struct backup *b)
{
    char name[SEGMENT_NAME_BYTES];
    char path[SEGMENT_NAME_BYTES + 16];
    if (b->builder.head.count == 0)
        return ERR_OK;
    enum err e = segment_write(&b->builder, b->journal, &b->why);
    if (e != ERR_OK)
        return e;
    segment_name(&b->builder.head, name);
    (void)snprintf(path, sizeof path, "journal/%s", name);
    if (json_array_append_new(b->files, backup_file(b->dir, path)) != 0)
        return err_say(&b->why, ERR_IO, "%s: cannot be read back", path);
    uint8_t before[SHA256_BYTES];
    memcpy(before, b->builder.head.digest, sizeof before);
    return segment_begin(&b->builder, SEGMENT_JOURNAL, b->snapshot.head.epoch, "journal", before);
}

static enum err take_record(void *arg, const struct snapshot_record *r)
{
    struct backup *b = arg;
    if (b->recover != NULL)
        b->recover->kept(b->recover->arg, r->id, r->id_bytes);
    return backup_records_put(&b->records, r->kind, r->id, r->id_bytes, r->revision, r->value,
                              r->bytes);
}

/* The entries so far make a segment, to which the snapshot belongs. */
static enum err copy_snapshot(struct backup *b)
{
    char name[FOLDER_NAME_BYTES];
    char path[FOLDER_NAME_BYTES + 16];
    enum err e = close_segment(b);
    if (b->link[0] != '\0' && strcmp(b->link, b->late.link) != 0)
        on_fault(b, "snapshot", "its entry is not the one that the journal has under this number");
    if (e == ERR_OK)
        e = backup_late_copy(b->late.from, b->dir, b->snapshot.head.epoch, b->builder.head.previous,
                             take_record, b, &b->why);
    if (e != ERR_OK)
        return e;
    snapshot_name(b->late.seq, name);
    (void)snprintf(path, sizeof path, "snapshots/%s", name);
    return json_array_append_new(b->files, backup_file(b->dir, path)) == 0 ? ERR_OK : ERR_NOMEM;
}

static enum err on_raw(void *arg, const struct store_entry *e)
{
    struct backup *b = arg;
    struct segment_entry entry = {.pos = {e->seq, 0},
                                  .data = e->data,
                                  .bytes = e->bytes,
                                  .link = e->link,
                                  .link_bytes = e->link_bytes};
    if (e->seq > b->snapshot.head.seq || b->faults > 0) /* all faults are told, nothing is kept */
        return ERR_OK;
    enum err x =
        b->builder.head.count < SEGMENT_ENTRIES ? segment_add(&b->builder, &entry) : ERR_LIMIT;
    if (x == ERR_LIMIT) {
        x = close_segment(b);
        if (x == ERR_OK)
            x = segment_add(&b->builder, &entry);
    }
    if (e->link_bytes < sizeof b->link) {
        memcpy(b->link, e->link, e->link_bytes);
        b->link[e->link_bytes] = '\0';
    }
    return x == ERR_OK && b->late.from != NULL && e->seq == b->late.seq ? copy_snapshot(b) : x;
}

static enum err on_entry(void *arg, uint64_t seq, const Ismap__Liu__V1__JournalEntry *entry)
{
    struct backup *b = arg;
    if (entry == NULL || seq > b->snapshot.head.seq)
        return ERR_OK;
    enum err e = b->recover == NULL ? ERR_OK : b->recover->entry(b->recover->arg, seq, entry);
    /* up to the snapshot's entry the records are its own */
    return e == ERR_OK && seq > b->late.seq ? backup_records_take(&b->records, entry) : e;
}

/* Durable when it answers true. */
static bool write_file(struct backup *b, const char *name, const void *p, size_t n)
{
    char path[BACKUP_PATH_BYTES];
    if (!backup_path(path, b->dir, name))
        return false;
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool ok = true;
    for (size_t at = 0; ok && at < n;) {
        ssize_t r = write(fd, (const char *)p + at, n - at);
        ok = r > 0;
        at += ok ? (size_t)r : 0;
    }
    ok = ok && fsync(fd) == 0;
    return close(fd) == 0 && ok;
}

/* The ledger may have removed more segments before they were read. */
static int check_first(struct backup *b)
{
    struct cli *c = b->cli;
    if (b->late.from == NULL || b->walk.first == b->late.first)
        return CLI_OK;
    if (b->walk.first > b->late.seq)
        return cli_fail(
            c, CLI_TEMPORARY, "%s",
            c->ja ? "スナップショットに続く記録が、その間に台帳により削除されました。もう一度"
                    "実行してください"
                  : "the segments behind the snapshot's entry were removed meanwhile: "
                    "run it again");
    b->late.first = b->walk.first;
    return CLI_OK;
}

static int copy_journal(struct backup *b)
{
    struct cli *c = b->cli;
    b->walk = (struct journal_walk){
        .session = &b->session, .entry = on_entry, .raw = on_raw, .fault = on_fault, .arg = b};
    b->walk.upto = b->recover == NULL ? 0 : b->recover->upto;
    b->walk.late = b->late.from != NULL;
    if (segment_begin(&b->builder, SEGMENT_JOURNAL, b->snapshot.head.epoch, "journal", NULL) !=
        ERR_OK)
        return cli_no_memory(c);
    if (b->late.from != NULL && b->late.seq + 1 == b->late.first) {
        memcpy(b->walk.link, b->late.link, sizeof b->walk.link);
        if (copy_snapshot(b) != ERR_OK)
            return cli_fail(c, CLI_TEMPORARY, "%s", b->why.text);
    }
    int status = journal_walk(&b->walk);
    if (status != CLI_OK && b->why.text[0] != '\0')
        (void)cli_fail(c, status, "%s", b->why.text);
    if (status == CLI_OK)
        status = check_first(b);
    if (status == CLI_OK && b->faults == 0 && close_segment(b) != ERR_OK)
        return cli_fail(c, CLI_TEMPORARY, "%s", b->why.text);
    if (status == CLI_OK && (b->faults > 0 || b->walk.seq < b->snapshot.head.seq))
        return cli_fail(c, CLI_REFUSED, "%s",
                        c->ja ? "記録に欠陥があるため、バックアップを作りません"
                              : "no backup is made of a journal with faults");
    return status;
}

static int write_manifest(struct backup *b)
{
    struct cli *c = b->cli;
    char digest[2 * SHA256_BYTES + 1];
    if (backup_records_digest(&b->records, digest) != ERR_OK)
        return cli_no_memory(c);
    json_t *j = json_pack("{s:i, s:s, s:I, s:s, s:I, s:I, s:s, s:O}", "format",
                          b->late.from == NULL ? BACKUP_FORMAT : BACKUP_LATE, "epoch",
                          b->snapshot.head.epoch, "head", (json_int_t)b->snapshot.head.seq, "link",
                          b->link, "atMs", (json_int_t)clock_wall_ms(), "records",
                          (json_int_t)HASH_COUNT(b->records.all), "recordsSha256", digest, "files",
                          b->files);
    if (b->late.from != NULL) {
        (void)json_object_set_new(j, "first", json_integer((json_int_t)b->late.first));
        (void)json_object_set_new(j, "snapshot", json_integer((json_int_t)b->late.seq));
    }
    if (b->recover != NULL)
        (void)json_object_set_new(j, BACKUP_RECOVERS, json_string(b->recover->head));
    char *text = json_dumps(j, JSON_INDENT(1));
    bool ok = text != NULL && write_file(b, "manifest.json", text, strlen(text));
    free(text);
    int dir = ok ? open(b->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    ok = dir >= 0 && fsync(dir) == 0;
    if (dir >= 0)
        (void)close(dir);
    if (ok && c->json)
        cli_print_json(c, json_incref(j));
    json_decref(j);
    if (!ok)
        return cli_fail(c, CLI_TEMPORARY, "%s/manifest.json: %s", b->dir, cli_errno(c));
    if (b->late.from != NULL)
        cli_note(c,
                 c->ja ? "記録は %llu 番から、それより前は %llu 番のスナップショットが補います"
                       : "the journal begins with entry %llu; a snapshot of entry %llu stands for "
                         "what was before",
                 (unsigned long long)b->late.first, (unsigned long long)b->late.seq);
    cli_note(c, c->ja ? "記録 %llu 件、状態 %u 件" : "%llu entries, %u records",
             (unsigned long long)(b->late.from == NULL ? b->snapshot.head.seq
                                                       : b->snapshot.head.seq - b->late.first + 1),
             HASH_COUNT(b->records.all));
    return CLI_OK;
}

/* ---- what `status` tells of it */

/* The backup is good without: a failure is told only. */
static void note_backup(struct backup *b)
{
    struct cli *c = b->cli;
    Ismap__Liu__V1__Upkeep m = ISMAP__LIU__V1__UPKEEP__INIT;
    m.at_ms = clock_wall_ms();
    m.seq = b->snapshot.head.seq;
    m.place = (char *)(uintptr_t)b->dir;
    if (!upkeep_note(&b->session, "backup", &m))
        cli_note(c, "%s",
                 c->ja ? "バックアップは完成しましたが、status用の記録はできませんでした"
                       : "the backup is whole, but could not be noted for `status`");
}

static int write_state(struct backup *b)
{
    if (b->state.failed || !write_file(b, "state", b->state.data, b->state.len) ||
        json_array_append_new(b->files, backup_file(b->dir, "state")) != 0)
        return cli_fail(b->cli, CLI_TEMPORARY, "%s/state: %s", b->dir, cli_errno(b->cli));
    return write_manifest(b);
}

/* State and journal at one head; what the state of a halted store lacks its entries bring. */
static int copy_all(struct backup *b)
{
    const struct backup_recover *r = b->recover;
    int status = backup_late_open(&b->session, &b->late); /* so it is not ahead of the head */
    if (status != CLI_OK)
        return status;
    if (store_snapshot(b->session.store, owners, sizeof owners / sizeof owners[0], &b->snapshot,
                       &b->why) != ERR_OK)
        return cli_fail(b->cli, CLI_TEMPORARY, "%s", b->why.text);
    if (r != NULL)
        b->snapshot.head.seq = r->right;
    status = copy_receipts(b);
    if (r != NULL)
        b->snapshot.head.seq = r->upto;
    return status == CLI_OK ? copy_journal(b) : status;
}

static int run(struct backup *b)
{
    struct cli *c = b->cli;
    if (!backup_path(b->journal, b->dir, "journal"))
        return cli_fail(c, CLI_INPUT,
                        c->ja ? "%s: パスが長すぎます。短いフォルダ名にしてください"
                              : "%s: the path is too long: take a shorter folder",
                        b->dir);
    if (mkdir(b->dir, 0700) != 0)
        return cli_fail(c, CLI_INPUT,
                        c->ja ? "%s: %s。親フォルダのある、新しい名前を指定してください"
                              : "%s: %s: give a new name in a folder that is there",
                        b->dir, cli_errno(c));
    int status = session_open(c, &b->session, true);
    if (status == CLI_OK)
        status = copy_all(b);
    if (status == CLI_OK)
        status = write_state(b);
    if (status == CLI_OK)
        note_backup(b);
    else if (rmdir(b->dir) != 0) /* not empty */
        cli_note(c,
                 c->ja ? "%s は完成していません。削除してかまいません"
                       : "%s is no backup: it can be removed",
                 b->dir);
    return status;
}

/* The order that recovers the store is the last entry: what is restored says who and why. */
static enum err append_last(struct backup *b)
{
    const struct commit_entry *last = &b->recover->last;
    char link[LINK_DIGITS + 1];
    enum err e = b->link[0] == '\0' ? link_first(b->snapshot.head.epoch, b->link) : ERR_OK;
    if (e == ERR_OK)
        e = link_next(b->link, last->data, last->bytes, link);
    b->snapshot.head.seq = b->recover->upto + 1;
    struct store_entry raw = {b->snapshot.head.seq, last->data, last->bytes, (const uint8_t *)link,
                              LINK_DIGITS};
    if (e == ERR_OK)
        e = on_raw(b, &raw);
    return e == ERR_OK ? close_segment(b) : e;
}

static void fini(struct backup *b)
{
    segment_builder_fini(&b->builder);
    backup_late_close(&b->late);
    backup_records_fini(&b->records);
    buf_fini(&b->state);
    json_decref(b->files);
}

int backup_recovered(const struct session *s, const char *dir, const struct backup_recover *r)
{
    struct backup b = {
        .cli = s->cli, .recover = r, .session = *s, .dir = dir, .files = json_array()};
    b.snapshot = (struct store_snapshot){.record = r->record, .timer = r->timer, .arg = r->arg};
    buf_init(&b.state, STATE_BYTES_MAX);
    int status = backup_path(b.journal, dir, "journal") ? copy_all(&b) : CLI_INPUT;
    if (status == CLI_OK && (append_last(&b) != ERR_OK || r->state(r->arg, &b.state) != ERR_OK ||
                             json_array_append_new(b.files, backup_file(dir, r->file)) != 0))
        status = cli_fail(s->cli, CLI_TEMPORARY, "%s: %s", dir,
                          b.why.text[0] == '\0' ? cli_errno(s->cli) : b.why.text);
    if (status == CLI_OK)
        status = write_state(&b);
    fini(&b);
    return status;
}

int cmd_backup(struct cli *c, struct cli_args *a)
{
    struct backup b = {.cli = c, .dir = cli_next(a), .files = json_array()};
    if (!cli_done(c, a) || b.dir == NULL) {
        json_decref(b.files);
        return cli_usage(c, c->ja ? "新しいフォルダを指定してください" : "name a new folder");
    }
    if (c->dry_run) {
        json_decref(b.files);
        cli_note(
            c, c->ja ? "%s にバックアップします (--dry-run)" : "would back up into %s (--dry-run)",
            b.dir);
        return CLI_OK;
    }
    b.snapshot = (struct store_snapshot){.record = on_record, .timer = on_timer, .arg = &b};
    buf_init(&b.state, STATE_BYTES_MAX);
    int status = run(&b);
    if (b.session.loop != NULL)
        session_close(&b.session);
    fini(&b);
    return status;
}
