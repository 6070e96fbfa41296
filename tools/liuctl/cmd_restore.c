/* restore: every file is checked before anything is written; the partition gets its head last, and
 * a new epoch, so that everybody who followed the old one is told to start again.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"
#include "liuctl/backup_set.h"
#include "liuctl/commands.h"
#include "liuctl/restore.h"
#include "liuctl/restore_cold.h"
#include "liuctl/restore_files.h"
#include "liuctl/restore_room.h"
#include "liuctl/restore_state.h"
#include "liuctl/restore_verify.h"
#include "liuctl/store_clear.h"
#include "liuctl/store_session.h"
#include "services/ledger/folder.h"
#include "services/ledger/retention_plan.h"
#include "services/ledger/segment.h"
#include "store/receipts.h"
#include "store/restore.h"
#include "wire/unpack.h"

#define RECEIPT_MS                                                                                 \
    (LIMIT_RECEIPT_WINDOW_MS + 2 * LIMIT_CLOCK_AHEAD_MS) /* those before are needless */

struct restore {
    struct cli *cli;
    const char *dir;
    bool aside; /* a drill: no ledger will work on it, so it needs no archive */
    bool leave; /* records and receipts that may leave Redis do */
    json_t *manifest;
    struct restore_survey survey;
    struct restore_files files;
    struct restore_room room;
    struct restore_cold cold;
    char journal[BACKUP_PATH_BYTES];
    char table[sizeof "/tmp/liu-drill-XXXXXX" + 256]; /* of a drill: where it keeps what leaves */
    uint64_t head;
    uint64_t seq;      /* last entry checked */
    int64_t made_ms;   /* the backup */
    int64_t newest_ms; /* its last entries, not behind that */
    struct session session;
    struct store_restore to;
    struct backup_records records;
    char epoch[EPOCH_DIGITS + 1];
    struct err_text why;
    struct cli_wait wait;
    uint64_t done; /* of the wait */
};

static void begin_wait(struct restore *r, const char *ja, const char *en)
{
    r->done = 0;
    cli_wait_begin(r->cli, &r->wait, r->cli->ja ? ja : en);
}

/* ---- before anything is written */

static int check_files(struct restore *r)
{
    struct cli *c = r->cli;
    json_t *files = json_object_get(r->manifest, "files");
    size_t i;
    json_t *f;
    if (!json_is_array(files))
        return cli_fail(
            c, CLI_INPUT,
            c->ja ? "%s/manifest.json: ファイル名がありません。liuctl backup のフォルダですか"
                  : "%s/manifest.json: names no files: is it a folder of liuctl backup?",
            r->dir);
    json_array_foreach(files, i, f)
    {
        const char *name = json_string_value(json_object_get(f, "name"));
        json_t *now = name == NULL || strstr(name, "..") != NULL ? NULL : backup_file(r->dir, name);
        bool same = now != NULL && json_equal(now, f);
        json_decref(now);
        if (!same)
            return cli_fail(c, CLI_INPUT, "%s/%s: %s", r->dir, name == NULL ? "?" : name,
                            c->ja ? "ないか、バックアップ時と違います"
                                  : "is missing, or not as it was backed up");
    }
    return CLI_OK;
}

/* What the entry needs of Redis' memory, besides the records as the last one leaves them. */
static void count(struct restore *r, const struct segment_entry *e,
                  const Ismap__Liu__V1__JournalEntry *entry)
{
    struct restore_room *room = &r->room;
    bool behind = e->pos.seq > r->files.upto;
    if (e->pos.seq > r->files.begins)
        room->stays += restore_room_entry(e->bytes, entry->n_audience);
    for (size_t i = 0; behind && i < entry->n_puts; i++)
        room->stays += restore_room_entry(entry->puts[i]->value.len, 1);
    if (entry->reply == NULL || entry->at_ms < r->newest_ms - RECEIPT_MS)
        return;
    *(behind ? &room->stays : &room->leaves) += restore_room_receipt(entry->reply->payload.len);
    room->receipts += !behind;
}

static enum err on_checked(void *arg, const struct segment_entry *e)
{
    struct restore *r = arg;
    struct arena a;
    ProtobufCMessage *m = NULL;
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    enum err x = wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, e->data, e->bytes, &m);
    if (x == ERR_OK) {
        const Ismap__Liu__V1__JournalEntry *entry = (const void *)m;
        count(r, e, entry);
        x = restore_files_entry(&r->files, e, &r->why);
        if (x == ERR_OK && e->pos.seq > r->files.snapshot)
            x = backup_records_take(&r->records, entry);
    }
    arena_fini(&a);
    r->seq = e->pos.seq;
    cli_wait_count(&r->wait, ++r->done, r->head);
    return x;
}

static enum err on_snapshot(void *arg, const struct snapshot_record *s)
{
    struct restore *r = arg;
    return backup_records_put(&r->records, s->kind, s->id, s->id_bytes, s->revision, s->value,
                              s->bytes);
}

/* What goes where. */
static int divide(struct restore *r)
{
    struct cli *c = r->cli;
    uint8_t random[EPOCH_DIGITS / 2];
    enum err e = crypto_random(random, sizeof random);
    text_hex(random, sizeof random, r->epoch);
    if (e == ERR_OK)
        e = restore_state_survey(r->dir, &r->survey, &r->why);
    if (e != ERR_OK)
        return cli_fail(c, CLI_INPUT, "%s", r->why.text[0] == '\0' ? err_name(e) : r->why.text);
    int status = restore_files_open(c, r->dir, r->manifest, r->epoch, r->survey.cursor, &r->files);
    if (status == CLI_OK && restore_files_each(&r->files, on_snapshot, r, &r->why) != ERR_OK)
        status = cli_fail(c, CLI_INPUT, "%s", r->why.text);
    return status;
}

/* A clock that was once ahead must not make receipts old. */
static enum err find_newest(struct restore *r)
{
    char path[FOLDER_PATH_BYTES];
    struct folder_names l = {0};
    enum err e = folder_list(r->journal, ".seg", false, &l, &r->why);
    if (e == ERR_OK && l.n > 0 && folder_path(path, r->journal, l.items[l.n - 1]))
        e = retention_segment_ended(path, &r->newest_ms, &r->why);
    folder_names_fini(&l);
    if (r->made_ms > 0 && r->newest_ms > r->made_ms)
        r->newest_ms = r->made_ms;
    return e == ERR_DATA_LOSS ? ERR_OK : e; /* each damage is told by name later */
}

static int check_set(struct restore *r)
{
    struct cli *c = r->cli;
    struct segment_report report = {0};
    struct buf text;
    char digest[2 * SHA256_BYTES + 1];
    const char *said = json_string_value(json_object_get(r->manifest, "recordsSha256"));
    int status = check_files(r);
    if (status == CLI_OK)
        status = divide(r);
    if (status == CLI_OK && find_newest(r) != ERR_OK)
        status = cli_fail(c, CLI_INPUT, "%s", r->why.text);
    if (status != CLI_OK)
        return status;
    buf_init(&text, 1024 * 1024);
    begin_wait(r, "バックアップの検査", "the backup to be checked");
    enum err e = segment_walk(r->journal, on_checked, r, &report, &text, &r->why);
    cli_wait_end(&r->wait);
    if (text.len > 0 && buf_put(&text, "", 1) == ERR_OK) { /* each by name */
        text.data[text.len - 2] = '\0';
        (void)cli_fail(c, CLI_INPUT, "%s", (const char *)text.data);
    }
    buf_fini(&text);
    if (e != ERR_OK)
        return cli_fail(c, CLI_INPUT, "%s", r->why.text);
    if (r->seq != r->head || backup_records_digest(&r->records, digest) != ERR_OK || said == NULL ||
        strcmp(said, digest) != 0)
        return cli_fail(c, CLI_INPUT, "%s: %s", r->journal,
                        c->ja ? "目録と一致しません" : "is not what the manifest says");
    r->room.stays += r->survey.bytes + r->survey.others;
    r->room.leaves += r->survey.receipts;
    restore_room_records(&r->room, &r->records);
    return CLI_OK;
}

/* ---- writing */

/* Each record once, as the last entry leaves it. */
static enum err write_record(struct restore *r, const struct cold_record *x)
{
    char id[SNAPSHOT_ID_MAX + 1];
    if (!backup_kind((enum record_kind)x->kind) || x->id_bytes > SNAPSHOT_ID_MAX)
        return ERR_OK;
    memcpy(id, x->id, x->id_bytes);
    id[x->id_bytes] = '\0';
    const struct backup_record *m = backup_records_find(&r->records, (int)x->kind, id);
    return m == NULL || m->revision != x->revision ? ERR_OK : restore_cold_record(&r->cold, x);
}

static enum err write_entry(struct restore *r, const Ismap__Liu__V1__JournalEntry *e,
                            const struct segment_entry *raw)
{
    enum err x = ERR_OK;
    struct commit receipt;
    if (raw->pos.seq > r->files.begins) { /* those before are in the archive */
        const char *dot = strrchr(e->type, '.');
        struct commit_entry entry = {.data = raw->data,
                                     .bytes = raw->bytes,
                                     .type = dot == NULL ? e->type : dot + 1,
                                     .audience = (const char *const *)e->audience,
                                     .n_audience = e->n_audience};
        struct commit c = {.reply_type = "", .now_ms = e->at_ms, .entries = &entry, .n_entries = 1};
        x = store_restore_add(&r->to, &c, &r->why);
    }
    /* up to the snapshot's entry the records are its own */
    for (size_t i = 0; x == ERR_OK && raw->pos.seq > r->files.snapshot && i < e->n_puts; i++) {
        const Ismap__Liu__V1__RecordPut *p = e->puts[i];
        x = write_record(r, &(struct cold_record){.kind = p->kind,
                                                  .id = p->id,
                                                  .id_bytes = strlen(p->id),
                                                  .revision = p->revision,
                                                  .seq = raw->pos.seq,
                                                  .value = p->value.data,
                                                  .bytes = p->value.len});
    }
    if (x == ERR_OK && e->at_ms >= r->newest_ms - RECEIPT_MS && receipt_of_entry(e, &receipt))
        x = restore_cold_receipt(&r->cold, &receipt, raw->pos.seq);
    return x;
}

static enum err on_write(void *arg, const struct segment_entry *raw)
{
    struct restore *r = arg;
    struct arena a;
    ProtobufCMessage *m = NULL;
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    enum err e =
        wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, raw->data, raw->bytes, &m);
    if (e == ERR_OK)
        e = write_entry(r, (const void *)m, raw);
    arena_fini(&a);
    cli_wait_count(&r->wait, ++r->done, r->head);
    return e;
}

static enum err write_kept(void *arg, const struct snapshot_record *s)
{
    struct restore *r = arg;
    return write_record(r, &(struct cold_record){.kind = s->kind,
                                                 .id = s->id,
                                                 .id_bytes = s->id_bytes,
                                                 .revision = s->revision,
                                                 .seq = r->files.snapshot,
                                                 .value = s->value,
                                                 .bytes = s->bytes});
}

static int not_empty(struct cli *c)
{
    return cli_fail(c, CLI_REFUSED, "%s",
                    c->ja ? "Redis は空ではありません。空の Redis に復元してください"
                          : "Redis is not empty: restore into an empty one");
}

/* The archive of the new epoch, under a name that is none. */
static enum err write_files(struct restore *r, char part[FOLDER_PATH_BYTES])
{
    if (r->aside && !r->leave)
        return ERR_OK;
    enum err e = restore_files_begin(r->cli, part, &r->why);
    return e == ERR_OK && !r->aside ? restore_files_write(&r->files, &r->why) : e;
}

static enum err write_journal(struct restore *r, const char *part)
{
    struct segment_report report = {0};
    struct err_text damage = {""};
    char table[FOLDER_PATH_BYTES];
    const struct restore_files *f = &r->files;
    r->cold.upto = f->upto;
    r->cold.filter_bits = 8 * restore_cold_filter(r->room.n_leaves, r->room.max);
    if (r->leave && !folder_path(table, part, "cold"))
        return err_say(&r->why, ERR_INVAL, "the folder's name is too long");
    enum err e = store_restore_begin(&r->to, r->session.store, r->epoch, f->begins,
                                     f->begins == 0 ? NULL : f->link, &r->why);
    if (e == ERR_OK)
        e = restore_cold_begin(&r->cold, &r->to, r->leave ? table : NULL, &r->why);
    if (e == ERR_OK)
        e = restore_files_each(f, write_kept, r, &r->why);
    if (e != ERR_OK)
        return e;
    begin_wait(r, "書き込み", "entries to be written");
    e = segment_walk(r->journal, on_write, r, &report, NULL, &damage);
    cli_wait_end(&r->wait);
    if (r->why.text[0] == '\0')
        r->why = damage;
    return e;
}

/* The partition gets its head last. */
static int write_all(struct restore *r)
{
    struct cli *c = r->cli;
    char part[FOLDER_PATH_BYTES] = "";
    enum err e = write_files(r, part);
    if (e == ERR_OK)
        e = write_journal(r, part);
    if (e == ERR_OK)
        e = restore_state_write(&(struct restore_state){
            .dir = r->dir, .epoch = r->epoch, .to = &r->to, .receipts = &r->cold, .why = &r->why});
    if (e == ERR_OK)
        e = restore_cold_end(&r->cold);
    if (e == ERR_OK && part[0] != '\0')
        e = restore_files_settle(&r->files, &r->why);
    if (e == ERR_OK)
        e = store_restore_end(&r->to, &r->why);
    if (e == ERR_EXISTS)
        return not_empty(c);
    const char *why = r->why.text[0] == '\0' ? err_name(e) : r->why.text;
    if (e == ERR_UNAVAILABLE || e == ERR_TIMEOUT)
        return cli_fail(c, CLI_TEMPORARY,
                        c->ja ? "%s。同じコマンドをもう一度実行してください"
                              : "%s: run the same command again",
                        why);
    return e == ERR_OK ? CLI_OK : cli_fail(c, CLI_REFUSED, "%s", why);
}

/* ---- where to */

/* A drill has no archive: what leaves its Redis lies in a folder of its own. */
static int begin_table(struct restore *r)
{
    struct cli *c = r->cli;
    const char *tmp = getenv("TMPDIR");
    int n = snprintf(r->table, sizeof r->table, "%s/liu-drill-XXXXXX",
                     tmp == NULL || tmp[0] == '\0' ? "/tmp" : tmp);
    if (n < 0 || (size_t)n >= sizeof r->table || mkdtemp(r->table) == NULL) {
        r->table[0] = '\0';
        return cli_fail(c, CLI_TEMPORARY, "%s: %s", tmp == NULL ? "/tmp" : tmp, cli_errno(c));
    }
    char *copy = strdup(r->table);
    if (copy == NULL)
        return cli_no_memory(c);
    free(c->config.archive_dir);
    c->config.archive_dir = copy;
    return CLI_OK;
}

/* A dry run without a Redis looks at the backup alone. */
static int check_target(struct restore *r)
{
    struct cli *c = r->cli;
    int status = cli_load_config(c);
    if (status != CLI_OK || (c->dry_run && c->config.redis_address[0] == '\0'))
        return status;
    if (!r->aside)
        status = restore_files_allowed(c);
    if (status == CLI_OK)
        status = session_open(c, &r->session, false);
    if (status == CLI_OK)
        status = restore_room_ask(&r->room, &r->session, &r->records);
    if (status == CLI_OK)
        status = restore_room_look(&r->room, c, &r->leave);
    return status == CLI_OK && r->aside && r->leave ? begin_table(r) : status;
}

/* What an interrupted restore has written has no head, so nobody has used it: it goes, and the
 * restore is made again. */
static int begin_again(struct restore *r)
{
    struct cli *c = r->cli;
    struct store_heads h;
    int status = r->aside ? CLI_OK : restore_files_lock(c);
    if (status == CLI_OK)
        status = store_heads(&r->session, &h);
    if (status == CLI_OK && h.now[0] != '\0')
        return not_empty(c);
    if (status != CLI_OK || !store_interrupted(&h))
        return status;
    cli_note(c, "%s",
             c->ja ? "途中で終わった復元を消して、やり直します"
                   : "a restore that was interrupted is removed and made again");
    return restore_sweep(&r->session, &h, r->aside);
}

int restore_sweep(struct session *s, const struct store_heads *h, bool aside)
{
    struct err_text why = {""};
    char begun[EPOCH_DIGITS + 1] = "";
    size_t n = strspn(h->begun, "0123456789abcdef");
    if (n == EPOCH_DIGITS)
        memcpy(begun, h->begun, n);
    int status = aside ? CLI_OK : restore_files_lock(s->cli);
    if (status != CLI_OK)
        return status;
    if (!aside && store_interrupted(h) && restore_files_sweep(s->cli, begun, &why) != ERR_OK)
        return cli_fail(s->cli, CLI_TEMPORARY, "%s", why.text);
    return store_clear(s, h);
}

static int read_manifest(struct restore *r)
{
    struct cli *c = r->cli;
    char path[BACKUP_PATH_BYTES];
    json_error_t where;
    if (!backup_path(path, r->dir, "manifest.json") || !backup_path(r->journal, r->dir, "journal"))
        return cli_fail(c, CLI_INPUT,
                        c->ja ? "%s: パスが長すぎます。短いフォルダ名にしてください"
                              : "%s: the path is too long: take a shorter folder",
                        r->dir);
    r->manifest = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    if (r->manifest == NULL && access(path, R_OK) != 0)
        return cli_fail(c, CLI_INPUT,
                        c->ja ? "%s: %s。liuctl backup で作ったフォルダを指定してください"
                              : "%s: %s: name a folder that liuctl backup has made",
                        path, cli_errno(c));
    if (r->manifest == NULL)
        return cli_fail(c, CLI_INPUT,
                        c->ja ? "%s:%d: 壊れています。別の控えを使ってください: %s"
                              : "%s:%d: damaged, take another copy of it: %s",
                        path, where.line, where.text);
    json_int_t format = json_integer_value(json_object_get(r->manifest, "format"));
    if (format != BACKUP_FORMAT && format != BACKUP_LATE)
        return cli_fail(
            c, CLI_INPUT,
            c->ja ? "%s: この版の形式ではありません。作成した版の liuctl で復元してください"
                  : "%s: another format: restore it with the version of liuctl that made it",
            path);
    r->head = (uint64_t)json_integer_value(json_object_get(r->manifest, "head"));
    r->made_ms = json_integer_value(json_object_get(r->manifest, "atMs"));
    return CLI_OK;
}

static int verify(struct restore *r)
{
    struct cli *c = r->cli;
    session_close(&r->session); /* it must pass all checks a service makes */
    int status = session_open(c, &r->session, true);
    return status == CLI_OK ? restore_verify(&r->session, &r->records, r->head, r->leave) : status;
}

static int run(struct restore *r, bool and_verify)
{
    struct cli *c = r->cli;
    int status = read_manifest(r);
    if (status == CLI_OK)
        status = check_set(r);
    if (status == CLI_OK)
        status = check_target(r);
    if (status == CLI_OK && c->dry_run) {
        cli_note(c, c->ja ? "バックアップに誤りはありません (--dry-run)"
                          : "the backup is sound (--dry-run)");
        return CLI_OK;
    }
    if (status == CLI_OK &&
        !cli_confirm(c, c->ja ? "空の Redis に復元しますか" : "Restore into an empty Redis?"))
        status = CLI_USAGE;
    if (status == CLI_OK)
        status = begin_again(r);
    if (status == CLI_OK)
        status = write_all(r);
    if (status == CLI_OK)
        cli_note(c,
                 c->ja ? "復元しました。記録 %llu 件、新しい世代(epoch): %s"
                       : "restored %llu entries, new epoch %s",
                 (unsigned long long)r->head - r->files.first + 1, r->epoch);
    return status == CLI_OK && and_verify ? verify(r) : status;
}

static void fini(struct restore *r)
{
    struct err_text why = {""};
    store_restore_fini(&r->to);
    restore_cold_fini(&r->cold);
    if (r->session.loop != NULL)
        session_close(&r->session);
    if (r->table[0] != '\0' && restore_files_remove(r->table, &why) != ERR_OK)
        (void)cli_fail(r->cli, CLI_TEMPORARY, "%s", why.text);
}

int restore_for_drill(struct cli *c, const char *dir, bool aside, struct restored *out)
{
    struct restore r = {.cli = c, .dir = dir, .aside = aside};
    *out = (struct restored){0};
    int status = run(&r, true);
    fini(&r);
    const char *epoch = json_string_value(json_object_get(r.manifest, "epoch"));
    if (status == CLI_OK && (epoch == NULL || !text_copy(out->epoch, sizeof out->epoch, epoch)))
        status = cli_fail(c, CLI_INPUT,
                          c->ja ? "%s/manifest.json: epoch がありません"
                                : "%s/manifest.json: no epoch in it",
                          dir);
    out->head = r.head;
    out->records = r.records;
    json_decref(r.manifest);
    return status;
}

int cmd_restore(struct cli *c, struct cli_args *a)
{
    struct restore r = {.cli = c};
    bool and_verify = cli_flag(a, "--verify");
    r.dir = cli_next(a);
    if (!cli_done(c, a) || r.dir == NULL)
        return cli_usage(c, c->ja ? "バックアップのフォルダを指定してください"
                                  : "name the folder of the backup");
    int status = run(&r, and_verify);
    fini(&r);
    backup_records_fini(&r.records);
    json_decref(r.manifest);
    return status;
}
