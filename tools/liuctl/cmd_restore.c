/* restore: every file is checked before anything is written; the partition gets its head last, and
 * a new epoch, so that everybody who followed the old one is told to start again.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/text.h"
#include "liuctl/backup_set.h"
#include "liuctl/commands.h"
#include "liuctl/restore.h"
#include "liuctl/restore_late.h"
#include "liuctl/restore_state.h"
#include "liuctl/store_clear.h"
#include "liuctl/store_session.h"
#include "services/ledger/segment.h"
#include "store/receipts.h"
#include "store/reply.h"
#include "store/restore.h"
#include "wire/unpack.h"

#define PAGE 512
/* What Redis needs besides the bytes, measured: of an entry its link and its place, of each party's
 * index a line. */
#define ENTRY_BYTES 60
#define INDEX_BYTES 24
#define RECEIPT_BYTES 220
#define EMPTY_BYTES (2u << 20) /* Redis itself, with the Function library */
#define RECEIPT_MS                                                                                 \
    (LIMIT_RECEIPT_WINDOW_MS + 2 * LIMIT_CLOCK_AHEAD_MS) /* those before are needless */

struct restore {
    struct cli *cli;
    const char *dir;
    bool aside; /* a drill: no ledger will work on it, so it needs no archive */
    json_t *manifest;
    struct restore_late late;
    char journal[BACKUP_PATH_BYTES];
    uint64_t head;
    uint64_t seq;           /* last entry written */
    uint64_t journal_bytes; /* of memory, in Redis */
    int64_t newest_ms;      /* time of an entry */
    int64_t made_ms;        /* the backup; for the look at memory only */
    struct session session;
    struct store_restore to;
    struct backup_records records;
    uint64_t max_bytes; /* Redis' maxmemory, 0 = no limit */
    uint64_t noise_bytes;
    char epoch[EPOCH_DIGITS + 1];
    enum record_kind kind; /* scan */
    char page[64];
    size_t scanned;
    size_t differences;
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

static enum err on_checked(void *arg, const struct segment_entry *e)
{
    struct restore *r = arg;
    struct arena a;
    ProtobufCMessage *m = NULL;
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    enum err x = wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, e->data, e->bytes, &m);
    if (x == ERR_OK) {
        const Ismap__Liu__V1__JournalEntry *entry = (const void *)m;
        r->journal_bytes += e->bytes + ENTRY_BYTES + entry->n_audience * INDEX_BYTES;
        if (entry->at_ms > r->newest_ms)
            r->newest_ms = entry->at_ms;
        if (entry->reply != NULL && entry->at_ms > r->made_ms - RECEIPT_MS)
            r->journal_bytes += entry->reply->payload.len + RECEIPT_BYTES;
        if (r->late.first != 0)
            x = restore_late_entry(&r->late, e, entry->at_ms, r->journal_bytes, &r->why);
        if (x == ERR_OK && e->pos.seq > r->late.seq)
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

static int check_late(struct restore *r)
{
    struct cli *c = r->cli;
    if (json_integer_value(json_object_get(r->manifest, "format")) != BACKUP_LATE)
        return CLI_OK;
    int status = restore_late_open(c, r->dir, r->manifest, &r->late);
    if (status == CLI_OK && restore_late_each(&r->late, on_snapshot, r, &r->why) != ERR_OK)
        status = cli_fail(c, CLI_INPUT, "%s", r->why.text);
    return status;
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
        status = check_late(r);
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
    uint64_t cursor = UINT64_MAX;
    if (e == ERR_OK && r->late.first != 0)
        e = restore_state_cursor(r->dir, &cursor, &r->why);
    if (e == ERR_OK && r->late.first != 0)
        e = restore_late_choose(&r->late, r->newest_ms - RECEIPT_MS, cursor, r->head, &r->why);
    if (e != ERR_OK)
        return cli_fail(c, CLI_INPUT, "%s", r->why.text);
    r->journal_bytes -= r->late.begins.bytes;
    if (r->seq != r->head || backup_records_digest(&r->records, digest) != ERR_OK || said == NULL ||
        strcmp(said, digest) != 0)
        return cli_fail(c, CLI_INPUT, "%s: %s", r->journal,
                        c->ja ? "目録と一致しません" : "is not what the manifest says");
    return CLI_OK;
}

/* ---- writing */

static enum err write_entry(struct restore *r, struct arena *a,
                            const Ismap__Liu__V1__JournalEntry *e, const struct segment_entry *raw)
{
    struct commit_put *puts = arena_alloc(a, (e->n_puts + 1) * sizeof *puts);
    size_t n = 0;
    if (puts == NULL)
        return ERR_NOMEM;
    /* up to the snapshot's entry the records are its own */
    for (size_t i = 0; raw->pos.seq > r->late.seq && i < e->n_puts; i++) {
        const Ismap__Liu__V1__RecordPut *p = e->puts[i];
        if (backup_kind((enum record_kind)p->kind))
            puts[n++] = (struct commit_put){.kind = (enum record_kind)p->kind,
                                            .id = p->id,
                                            .expected = p->revision - 1,
                                            .value = p->value.data,
                                            .value_bytes = p->value.len};
    }
    const char *dot = strrchr(e->type, '.');
    struct commit_entry entry = {.data = raw->data,
                                 .bytes = raw->bytes,
                                 .type = dot == NULL ? e->type : dot + 1,
                                 .audience = (const char *const *)e->audience,
                                 .n_audience = e->n_audience};
    struct commit c;
    if (!receipt_of_entry(e, &c) || e->at_ms < r->newest_ms - RECEIPT_MS)
        c = (struct commit){.reply_type = ""};
    c.now_ms = e->at_ms;
    c.puts = puts;
    c.n_puts = n;
    c.entries = &entry;
    c.n_entries = 1;
    return store_restore_add(&r->to, &c, &r->why);
}

static enum err on_write(void *arg, const struct segment_entry *raw)
{
    struct restore *r = arg;
    struct arena a;
    ProtobufCMessage *m = NULL;
    if (raw->pos.seq <= r->late.begins.seq)
        return ERR_OK; /* in the archive */
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    enum err e =
        wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, raw->data, raw->bytes, &m);
    if (e == ERR_OK)
        e = write_entry(r, &a, (const void *)m, raw);
    arena_fini(&a);
    cli_wait_count(&r->wait, ++r->done, r->head);
    return e;
}

static enum err write_kept(void *arg, const struct snapshot_record *s)
{
    struct restore *r = arg;
    char id[SNAPSHOT_ID_MAX + 1];
    if (!backup_kind((enum record_kind)s->kind))
        return ERR_OK;
    memcpy(id, s->id, s->id_bytes);
    id[s->id_bytes] = '\0';
    struct commit_put put = {
        .kind = (enum record_kind)s->kind, .id = id, .value = s->value, .value_bytes = s->bytes};
    struct commit c = {.reply_type = "", .puts = &put, .n_puts = 1, .revisions = &s->revision};
    return store_restore_add(&r->to, &c, &r->why);
}

static int not_empty(struct cli *c)
{
    return cli_fail(c, CLI_REFUSED, "%s",
                    c->ja ? "Redis は空ではありません。空の Redis に復元してください"
                          : "Redis is not empty: restore into an empty one");
}

static enum err write_journal(struct restore *r)
{
    struct segment_report report = {0};
    struct err_text damage = {""};
    const struct restore_place *b = &r->late.begins;
    enum err e = ERR_OK;
    if (r->late.first != 0 && !r->aside)
        e = restore_late_archive(&r->late, r->epoch, &r->why);
    if (e == ERR_OK)
        e = store_restore_begin(&r->to, r->session.store, r->epoch, b->seq, b->link, &r->why);
    if (e == ERR_OK && r->late.first != 0)
        e = restore_late_each(&r->late, write_kept, r, &r->why);
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
    uint8_t random[EPOCH_DIGITS / 2];
    enum err e = crypto_random(random, sizeof random);
    text_hex(random, sizeof random, r->epoch);
    if (e == ERR_OK)
        e = write_journal(r);
    if (e == ERR_OK)
        e = restore_state_write(&(struct restore_state){
            .dir = r->dir, .epoch = r->epoch, .to = &r->to, .why = &r->why});
    if (e == ERR_OK && r->late.first != 0 && !r->aside)
        e = restore_late_settle(&r->late, r->epoch, &r->why);
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

/* ---- afterwards */

static void differ(struct restore *r, const char *id, const char *what)
{
    r->differences++;
    (void)printf("%d/%s: %s\n", (int)r->kind, id, what);
}

static void on_scan(void *arg, enum err e, const char *next_page, const char *const *ids,
                    const struct store_record *records, size_t n)
{
    struct restore *r = arg;
    for (size_t i = 0; e == ERR_OK && i < n; i++) {
        uint8_t digest[SHA256_BYTES];
        struct backup_record *m = backup_records_find(&r->records, (int)r->kind, ids[i]);
        struct crypto_part part = {records[i].value, records[i].bytes};
        e = crypto_sha256(&part, 1, digest);
        if (m == NULL)
            differ(r, ids[i], "is not in the backup");
        else if (m->revision != records[i].revision ||
                 memcmp(m->digest, digest, sizeof digest) != 0)
            differ(r, ids[i], "differs from the backup");
        if (m != NULL && !m->seen) {
            m->seen = true;
            r->scanned++;
        }
    }
    (void)text_copy(r->page, sizeof r->page, next_page == NULL ? "" : next_page);
    r->session.err = e;
    r->session.done = true;
}

static int verify(struct restore *r)
{
    struct cli *c = r->cli;
    uint64_t head = 0;
    session_close(&r->session); /* it must pass all checks a service makes */
    int status = session_open(c, &r->session, true);
    if (status == CLI_OK)
        status = session_head(&r->session, &head);
    begin_wait(r, "照合", "records to be compared");
    for (int k = RECORD_NONE + 1; status == CLI_OK && k < RECORD_KINDS; k++) {
        r->kind = (enum record_kind)k;
        r->page[0] = '\0';
        if (!backup_kind(r->kind))
            continue;
        do {
            if (store_scan(r->session.store, r->kind, r->page, PAGE, on_scan, r) != ERR_OK)
                return cli_redis_away(c);
            status = session_wait(&r->session);
            cli_wait_count(&r->wait, r->scanned, HASH_COUNT(r->records.all));
        } while (status == CLI_OK && r->page[0] != '\0');
    }
    cli_wait_end(&r->wait);
    if (status != CLI_OK)
        return status;
    if (r->differences > 0 || r->scanned != HASH_COUNT(r->records.all) || head != r->head)
        return cli_fail(c, CLI_NEGATIVE,
                        c->ja ? "一致しません: 状態 %zu / %u 件、記録の最終番号 %llu / %llu"
                              : "not the same: %zu of %u records, head %llu of %llu",
                        r->scanned, HASH_COUNT(r->records.all), (unsigned long long)head,
                        (unsigned long long)r->head);
    cli_note(c, c->ja ? "照合: 状態 %zu 件、一致" : "verified: %zu records, no difference",
             r->scanned);
    return CLI_OK;
}

static void on_info(void *arg, enum err e, const struct redisReply *reply)
{
    struct restore *r = arg;
    const char *info = e == ERR_OK ? reply_text(reply) : NULL;
    const char *at = info == NULL ? NULL : strstr(info, "\nmaxmemory:");
    r->max_bytes = at == NULL ? 0 : strtoull(at + sizeof "\nmaxmemory:" - 1, NULL, 10);
    r->session.err = e;
    r->session.done = true;
}

/* A server that does not tell is not asked: what has no room is then refused while it is written.
 */
static void on_usage(void *arg, enum err e, const struct redisReply *reply)
{
    struct restore *r = arg;
    int64_t bytes = 0;
    if (e == ERR_OK && reply_integer(reply, &bytes) && bytes > 0)
        r->noise_bytes += (uint64_t)bytes;
    r->session.err = e;
    r->session.done = true;
}

/* A recovery leaves the feeds' noise where it is. */
static int measure_noise(struct restore *r)
{
    char feeds[16];
    int status = CLI_OK;
    int n = snprintf(feeds, sizeof feeds, "%d/", (int)RECORD_FEED);
    for (struct backup_record *m = r->records.all; status == CLI_OK && m != NULL; m = m->hh.next) {
        struct key key;
        if (strncmp(m->key, feeds, (size_t)n) != 0)
            continue;
        key_noise(&key, r->cli->config.partition, m->key + n);
        const char *usage[] = {"MEMORY", "USAGE", key.text};
        status = session_raw(&r->session, 3, usage, on_usage, r);
    }
    return status;
}

/* All records and the whole journal come back into Redis at once, also those that had left it: what
 * has no room is refused before the first is written. */
static int check_memory(struct restore *r)
{
    struct cli *c = r->cli;
    char path[BACKUP_PATH_BYTES];
    struct stat st = {.st_size = 0};
    const char *info[] = {"INFO", "memory"};
    if (backup_path(path, r->dir, "state"))
        (void)stat(path, &st);
    uint64_t need =
        r->journal_bytes + backup_records_memory(&r->records) + (uint64_t)st.st_size + EMPTY_BYTES;
    int status = session_raw(&r->session, 2, info, on_info, r);
    if (status == CLI_OK && r->max_bytes != 0)
        status = measure_noise(r);
    need += need / 16 + r->noise_bytes; /* what was measured differed by a hundredth */
    if (status != CLI_OK || r->max_bytes == 0 || need <= r->max_bytes)
        return status;
    return cli_fail(
        c, CLI_REFUSED,
        c->ja ? "復元には約 %llu MiB のメモリ(残る通報ノイズ %llu MiB を含む)が必要ですが、"
                "Redis の maxmemory は %llu "
                "MiB です。maxmemory を上げてから、もう一度実行してください"
              : "the restore needs about %llu MiB of memory (%llu MiB of it noise that "
                "stays) and Redis' maxmemory is %llu MiB: raise maxmemory, then run it "
                "again",
        (unsigned long long)(need >> 20) + 1, (unsigned long long)r->noise_bytes >> 20,
        (unsigned long long)r->max_bytes >> 20);
}

/* A dry run without a Redis looks at the backup alone. */
static int check_target(struct restore *r)
{
    struct cli *c = r->cli;
    int status = cli_load_config(c);
    if (status != CLI_OK || (c->dry_run && c->config.redis_address[0] == '\0'))
        return c->dry_run ? CLI_OK : status;
    if (r->late.first != 0 && !r->aside)
        status = restore_late_allowed(c);
    if (status == CLI_OK)
        status = session_open(c, &r->session, false);
    return status == CLI_OK ? check_memory(r) : status;
}

/* What an interrupted restore has written has no head, so nobody has used it: it goes, and the
 * restore is made again. */
static int begin_again(struct restore *r)
{
    struct cli *c = r->cli;
    struct store_heads h;
    int status = store_heads(&r->session, &h);
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
    if (!aside && store_interrupted(h) && restore_late_sweep(s->cli, begun, &why) != ERR_OK)
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
                 (unsigned long long)(r->late.first == 0 ? r->head : r->head - r->late.first + 1),
                 r->epoch);
    return status == CLI_OK && and_verify ? verify(r) : status;
}

int restore_for_drill(struct cli *c, const char *dir, bool aside, struct restored *out)
{
    struct restore r = {.cli = c, .dir = dir, .aside = aside};
    *out = (struct restored){0};
    int status = run(&r, true);
    store_restore_fini(&r.to);
    restore_late_fini(&r.late);
    if (r.session.loop != NULL)
        session_close(&r.session);
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
    store_restore_fini(&r.to);
    restore_late_fini(&r.late);
    if (r.session.loop != NULL)
        session_close(&r.session);
    backup_records_fini(&r.records);
    json_decref(r.manifest);
    return status;
}
