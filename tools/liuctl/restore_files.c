/* See restore_files.h. Killed anywhere the restore is made again: until the archive has its epoch's
 * name nobody looks at it, and as long as Redis' partition has no head nobody has used that epoch.
 */
#include "liuctl/restore_files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define PART_NAME "restore.part" /* no epoch: nobody takes it for one */
#define SEGMENT_ENTRIES 10000u
#define FAULT_BYTES_MAX (64u * 1024)
#define OPEN_FOLDERS 8

static int wrong(struct cli *c, const char *dir, const char *what)
{
    return cli_fail(c, CLI_INPUT, "%s/snapshots: %s", dir,
                    what[0] != '\0' ? what
                    : c->ja         ? "目録の示すスナップショットがありません"
                                    : "the snapshot that the manifest names is not there");
}

static bool see_snapshot(struct restore_files *f, const char *epoch)
{
    struct snapshot *s = NULL;
    struct err_text why = {""};
    struct buf faults;
    buf_init(&faults, FAULT_BYTES_MAX);
    enum err e = snapshot_newest(f->dir, epoch, &s, &faults, &why);
    if (s != NULL)
        f->head = *snapshot_head_of(s);
    snapshot_close(s);
    if (e == ERR_OK)
        e = buf_put(&faults, "", 1);
    bool good = e == ERR_OK && faults.len == 1 && f->head.seq == f->snapshot;
    if (!good)
        (void)wrong(f->cli, f->dir, e == ERR_OK ? (const char *)faults.data : why.text);
    buf_fini(&faults);
    return good;
}

/* False: Redis' journal would be empty. */
static bool divide(struct restore_files *f, uint64_t cursor, uint64_t head)
{
    f->begins = head > 0 && cursor >= head ? head - 1 : cursor;
    f->upto = f->begins > f->snapshot ? f->begins : f->snapshot;
    if (f->begins < f->first && f->snapshot + 1 == f->first) {
        f->begins = f->snapshot; /* 0, or the entry before: its link is known */
        memcpy(f->link, f->head.link, sizeof f->link);
    } else if (f->begins < f->first) {
        f->begins = f->first;
    }
    return f->begins < head;
}

int restore_files_open(struct cli *c, const char *dir, const json_t *manifest, const char *epoch,
                       uint64_t cursor, struct restore_files *out)
{
    bool late = json_integer_value(json_object_get(manifest, "format")) == BACKUP_LATE;
    uint64_t head = (uint64_t)json_integer_value(json_object_get(manifest, "head"));
    const char *old = json_string_value(json_object_get(manifest, "epoch"));
    *out = (struct restore_files){.cli = c, .dir = dir, .first = 1};
    memcpy(out->epoch, epoch, SEGMENT_EPOCH_DIGITS);
    if (late) {
        out->first = (uint64_t)json_integer_value(json_object_get(manifest, "first"));
        out->snapshot = (uint64_t)json_integer_value(json_object_get(manifest, "snapshot"));
    }
    if (late && (out->first < 2 || out->snapshot + 1 < out->first || old == NULL))
        return cli_fail(c, CLI_INPUT, "%s/manifest.json: %s", dir,
                        c->ja ? "first、snapshot、epoch のどれかがないか、合いません"
                              : "first, snapshot or epoch is missing, or they do not fit");
    if (late && !see_snapshot(out, old))
        return CLI_INPUT;
    return divide(out, cursor, head)
               ? CLI_OK
               : cli_fail(c, CLI_INPUT,
                          c->ja ? "%s/journal: %llu 番より後の記録がありません"
                                : "%s/journal: nothing for Redis' journal behind entry %llu",
                          dir, (unsigned long long)head);
}

/* The link of the entry in the new epoch: of the one before, or as it was. */
static enum err link_of(const struct restore_files *f, const struct segment_entry *e,
                        char link[LINK_DIGITS + 1])
{
    enum err x = ERR_OK;
    if (f->snapshot != 0) {
        memcpy(link, e->link, LINK_DIGITS);
        link[LINK_DIGITS] = '\0';
        return ERR_OK;
    }
    if (e->pos.seq == 1)
        x = link_first(f->epoch, link);
    return x == ERR_OK ? link_next(link, e->data, e->bytes, link) : x;
}

enum err restore_files_entry(struct restore_files *f, const struct segment_entry *e,
                             struct err_text *why)
{
    uint64_t seq = e->pos.seq;
    if (f->seen == 0 && seq != f->first)
        return err_say(why, ERR_DATA_LOSS, "%s/journal: begins with entry %llu instead of %llu",
                       f->dir, (unsigned long long)seq, (unsigned long long)f->first);
    f->seen = seq;
    if (f->snapshot != 0 &&
        (e->link_bytes != LINK_DIGITS ||
         (seq == f->snapshot && memcmp(e->link, f->head.link, LINK_DIGITS) != 0)))
        return err_say(why, ERR_DATA_LOSS,
                       "%s/snapshots: replaced: it was not made at entry %llu of this journal",
                       f->dir, (unsigned long long)f->snapshot);
    enum err x = link_of(f, e, f->last);
    if (seq == f->begins)
        memcpy(f->link, f->last, sizeof f->link);
    return x;
}

static enum err open_it(const struct restore_files *f, struct snapshot **out, struct err_text *why)
{
    char folder[FOLDER_PATH_BYTES];
    char name[FOLDER_NAME_BYTES];
    snapshot_name(f->snapshot, name);
    if (!folder_path(folder, f->dir, "snapshots"))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    return snapshot_open(folder, name, out, why);
}

enum err restore_files_each(const struct restore_files *f,
                            enum err (*fn)(void *arg, const struct snapshot_record *r), void *arg,
                            struct err_text *why)
{
    struct snapshot *s = NULL;
    enum err e = f->snapshot == 0 ? ERR_OK : open_it(f, &s, why);
    if (e == ERR_OK && s != NULL)
        e = backup_late_each(s, fn, arg);
    snapshot_close(s);
    return e;
}

/* ---- the archive of the new epoch */

int restore_files_allowed(struct cli *c)
{
    const char *dir = c->config.archive_dir;
    if (dir[0] == '\0')
        return cli_fail(c, CLI_USAGE,
                        c->ja ? "復元には、設定に archive_dir (台帳の書庫)が必要です。Redis "
                                "に置かないものを書き込みます"
                              : "a restore needs archive_dir, the ledger's, in the configuration: "
                                "what is not for Redis goes there");
    if (access(dir, W_OK) != 0)
        return cli_fail(c, CLI_INPUT, "archive_dir: %s: %s", dir, cli_errno(c));
    return CLI_OK;
}

int restore_files_lock(struct cli *c)
{
    static int held = -1;
    const char *dir = c->config.archive_dir;
    if (held >= 0 || dir == NULL || dir[0] == '\0')
        return CLI_OK;
    held = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (held < 0)
        return cli_fail(c, CLI_INPUT, "archive_dir: %s: %s", dir, cli_errno(c));
    /* a file system that cannot lock a folder (NFS) is taken as it is */
    if (flock(held, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
        return CLI_OK;
    (void)close(held);
    held = -1;
    return cli_fail(c, CLI_TEMPORARY,
                    c->ja ? "%s: 別の復元が実行中です。終わってからもう一度実行してください"
                          : "%s: another restore is at work here: run it again when that has ended",
                    dir);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

enum err restore_files_remove(const char *part, struct err_text *why)
{
    if (nftw(part, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return err_say(why, ERR_IO, "%s: %s", part, strerrordesc_np(errno));
    return ERR_OK;
}

/* Under its own name, or under the epoch's, when Redis' partition had no head yet. A ledger that
 * had used it would have left its note. */
enum err restore_files_sweep(const struct cli *c, const char *begun, struct err_text *why)
{
    const char *archive = c->config.archive_dir;
    char part[FOLDER_PATH_BYTES];
    char old[FOLDER_PATH_BYTES];
    char note[FOLDER_PATH_BYTES];
    if (archive == NULL || archive[0] == '\0')
        return ERR_OK;
    if (!folder_path(part, archive, PART_NAME) || !folder_path(old, archive, begun) ||
        !folder_path(note, old, "head"))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    enum err e = restore_files_remove(part, why);
    if (e != ERR_OK || strlen(begun) != SEGMENT_EPOCH_DIGITS || access(old, F_OK) != 0 ||
        access(note, F_OK) == 0 || errno != ENOENT)
        return e;
    if (rename(old, part) != 0)
        return err_say(why, ERR_IO, "%s: %s", old, strerrordesc_np(errno));
    return restore_files_remove(part, why);
}

enum err restore_files_begin(const struct cli *c, char out[FOLDER_PATH_BYTES], struct err_text *why)
{
    if (!folder_path(out, c->config.archive_dir, PART_NAME))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    enum err e = restore_files_remove(out, why);
    return e == ERR_OK ? folder_make(out, why) : e;
}

struct rewrite {
    const struct restore_files *files;
    struct segment_builder builder;
    char journal[FOLDER_PATH_BYTES]; /* of the new archive */
    char link[LINK_DIGITS + 1];
    uint8_t snapshot[SHA256_BYTES]; /* digest of the segment that ends with its entry */
    struct err_text *why;
};

static enum err end_segment(struct rewrite *w)
{
    uint8_t before[SHA256_BYTES];
    enum err e = segment_write(&w->builder, w->journal, w->why);
    memcpy(before, w->builder.head.digest, sizeof before);
    if (w->builder.head.last.seq == w->files->snapshot)
        memcpy(w->snapshot, before, sizeof w->snapshot);
    return e == ERR_OK
               ? segment_begin(&w->builder, SEGMENT_JOURNAL, w->files->epoch, "journal", before)
               : e;
}

static enum err on_entry(void *arg, const struct segment_entry *old)
{
    struct rewrite *w = arg;
    const struct restore_files *f = w->files;
    struct segment_entry e = *old;
    if (e.pos.seq > f->upto)
        return ERR_OK;
    enum err x = link_of(f, old, w->link);
    e.link = (const uint8_t *)w->link;
    e.link_bytes = LINK_DIGITS;
    if (x == ERR_OK)
        x = w->builder.head.count < SEGMENT_ENTRIES ? segment_add(&w->builder, &e) : ERR_LIMIT;
    if (x == ERR_LIMIT) {
        x = end_segment(w);
        if (x == ERR_OK)
            x = segment_add(&w->builder, &e);
    }
    return x == ERR_OK && (e.pos.seq == f->snapshot || e.pos.seq == f->upto) ? end_segment(w) : x;
}

static bool on_closed(void *arg, const struct segment_head *h)
{
    const struct rewrite *w = arg;
    return h->last.seq < w->files->upto;
}

static enum err write_segments(struct rewrite *w)
{
    const struct restore_files *f = w->files;
    char from[FOLDER_PATH_BYTES];
    struct segment_report report;
    struct segment_range all = {.entry = on_entry, .closed = on_closed, .arg = w};
    if (!folder_path(from, f->dir, "journal"))
        return err_say(w->why, ERR_INVAL, "the folder's name is too long");
    enum err e = segment_begin(&w->builder, SEGMENT_JOURNAL, f->epoch, "journal", NULL);
    return e == ERR_OK && f->upto >= f->first
               ? segment_walk_range(from, &all, &report, NULL, w->why)
               : e;
}

enum err restore_files_write(const struct restore_files *f, struct err_text *why)
{
    char part[FOLDER_PATH_BYTES];
    struct rewrite w = {.files = f, .why = why};
    struct snapshot *s = NULL;
    if (!folder_path(part, f->cli->config.archive_dir, PART_NAME) ||
        !folder_path(w.journal, part, "journal"))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    enum err e = folder_make(w.journal, why);
    if (e == ERR_OK)
        e = write_segments(&w);
    if (e == ERR_OK && f->snapshot != 0)
        e = open_it(f, &s, why);
    if (e == ERR_OK && s != NULL)
        e = backup_late_copy(s, part, f->epoch, w.snapshot, NULL, NULL, why);
    snapshot_close(s);
    segment_builder_fini(&w.builder);
    return e;
}

enum err restore_files_settle(const struct restore_files *f, struct err_text *why)
{
    char part[FOLDER_PATH_BYTES];
    char to[FOLDER_PATH_BYTES];
    const char *archive = f->cli->config.archive_dir;
    if (!folder_path(part, archive, PART_NAME) || !folder_path(to, archive, f->epoch))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    if (rename(part, to) != 0)
        return err_say(why, ERR_IO, "%s: %s", to, strerrordesc_np(errno));
    return folder_sync(archive, why);
}
