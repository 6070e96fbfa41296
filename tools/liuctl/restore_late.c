/* See restore_late.h. Killed anywhere the restore is made again: until the archive has its epoch's
 * name nobody looks at it, and as long as Redis' partition has no head nobody has used that epoch.
 */
#include "liuctl/restore_late.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PART_NAME "restore.part" /* no epoch: nobody takes it for one */
#define SEGMENT_ENTRIES 10000u
#define PLACES_APART 100u
#define FAULT_BYTES_MAX (64u * 1024)
#define OPEN_FOLDERS 8

static int wrong(struct cli *c, const char *dir, const char *what)
{
    return cli_fail(c, CLI_INPUT, "%s/snapshots: %s", dir,
                    what[0] != '\0' ? what
                    : c->ja         ? "目録の示すスナップショットがありません"
                                    : "the snapshot that the manifest names is not there");
}

int restore_late_open(struct cli *c, const char *dir, const json_t *manifest,
                      struct restore_late *out)
{
    struct snapshot *s = NULL;
    struct err_text why = {""};
    struct buf faults;
    const char *epoch = json_string_value(json_object_get(manifest, "epoch"));
    *out = (struct restore_late){
        .cli = c,
        .dir = dir,
        .first = (uint64_t)json_integer_value(json_object_get(manifest, "first")),
        .seq = (uint64_t)json_integer_value(json_object_get(manifest, "snapshot"))};
    if (out->first < 2 || out->seq + 1 < out->first || epoch == NULL)
        return cli_fail(c, CLI_INPUT, "%s/manifest.json: %s", dir,
                        c->ja ? "first、snapshot、epoch のどれかがないか、合いません"
                              : "first, snapshot or epoch is missing, or they do not fit");
    buf_init(&faults, FAULT_BYTES_MAX);
    enum err e = snapshot_newest(dir, epoch, &s, &faults, &why);
    if (s != NULL)
        out->head = *snapshot_head_of(s);
    snapshot_close(s);
    if (e == ERR_OK)
        e = buf_put(&faults, "", 1);
    bool good = e == ERR_OK && faults.len == 1 && out->head.seq == out->seq;
    int status = good ? CLI_OK : wrong(c, dir, e == ERR_OK ? (const char *)faults.data : why.text);
    buf_fini(&faults);
    return status;
}

void restore_late_fini(struct restore_late *l)
{
    free(l->places);
    l->places = NULL;
}

static enum err keep_place(struct restore_late *l, const struct segment_entry *e, int64_t at_ms,
                           uint64_t bytes)
{
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 64 : 2 * l->cap;
        struct restore_place *more = realloc(l->places, cap * sizeof *more);
        if (more == NULL)
            return ERR_NOMEM;
        l->places = more;
        l->cap = cap;
    }
    struct restore_place *p = &l->places[l->n++];
    *p = (struct restore_place){.seq = e->pos.seq, .newest_ms = at_ms, .bytes = bytes};
    memcpy(p->link, e->link, LINK_DIGITS);
    return ERR_OK;
}

enum err restore_late_entry(struct restore_late *l, const struct segment_entry *e, int64_t at_ms,
                            uint64_t bytes, struct err_text *why)
{
    uint64_t seq = e->pos.seq;
    bool linked = e->link_bytes == LINK_DIGITS;
    if (l->begins.seq == 0 && seq != l->first)
        return err_say(why, ERR_DATA_LOSS, "%s/journal: begins with entry %llu instead of %llu",
                       l->dir, (unsigned long long)seq, (unsigned long long)l->first);
    l->begins.seq = seq; /* so far: the one before */
    if (at_ms > l->begins.newest_ms)
        l->begins.newest_ms = at_ms;
    if (!linked || (seq == l->seq && memcmp(e->link, l->head.link, LINK_DIGITS) != 0))
        return err_say(why, ERR_DATA_LOSS,
                       "%s/snapshots: replaced: it was not made at entry %llu of this journal",
                       l->dir, (unsigned long long)l->seq);
    if (seq > l->seq || (seq != l->first && seq % PLACES_APART != 0))
        return ERR_OK;
    return keep_place(l, e, l->begins.newest_ms, bytes);
}

enum err restore_late_choose(struct restore_late *l, int64_t needed_ms, uint64_t cursor,
                             uint64_t head, struct err_text *why)
{
    l->begins = (struct restore_place){.seq = l->seq};
    memcpy(l->begins.link, l->head.link, sizeof l->begins.link);
    for (size_t i = 0; i < l->n; i++) { /* ascending; without a better one the first */
        const struct restore_place *p = &l->places[i];
        if (i == 0 || (p->newest_ms < needed_ms && p->seq <= cursor && p->seq < head))
            l->begins = *p;
    }
    if (l->begins.seq < head)
        return ERR_OK;
    return err_say(why, ERR_DATA_LOSS, "%s/journal: nothing for Redis' journal behind entry %llu",
                   l->dir, (unsigned long long)head);
}

static enum err open_it(const struct restore_late *l, struct snapshot **out, struct err_text *why)
{
    char folder[FOLDER_PATH_BYTES];
    char name[FOLDER_NAME_BYTES];
    snapshot_name(l->seq, name);
    if (!folder_path(folder, l->dir, "snapshots"))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    return snapshot_open(folder, name, out, why);
}

enum err restore_late_each(const struct restore_late *l,
                           enum err (*fn)(void *arg, const struct snapshot_record *r), void *arg,
                           struct err_text *why)
{
    struct snapshot *s = NULL;
    enum err e = open_it(l, &s, why);
    if (e == ERR_OK)
        e = backup_late_each(s, fn, arg);
    snapshot_close(s);
    return e;
}

/* ---- the archive of the new epoch */

int restore_late_allowed(struct cli *c)
{
    const char *dir = c->config.archive_dir;
    if (dir[0] == '\0')
        return cli_fail(c, CLI_USAGE,
                        c->ja ? "記録が途中から始まるバックアップの復元には、設定に archive_dir "
                                "(台帳の書庫)が必要です"
                              : "a backup whose journal begins late needs archive_dir, the "
                                "ledger's, in the configuration: what is not for Redis goes there");
    if (access(dir, W_OK) != 0)
        return cli_fail(c, CLI_INPUT, "archive_dir: %s: %s", dir, cli_errno(c));
    return CLI_OK;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static enum err remove_part(const char *part, struct err_text *why)
{
    if (nftw(part, remove_one, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return err_say(why, ERR_IO, "%s: %s", part, strerrordesc_np(errno));
    return ERR_OK;
}

/* Under its own name, or under the epoch's, when Redis' partition had no head yet. A ledger that
 * had used it would have left its note. */
enum err restore_late_sweep(const struct cli *c, const char *begun, struct err_text *why)
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
    enum err e = remove_part(part, why);
    if (e != ERR_OK || strlen(begun) != SEGMENT_EPOCH_DIGITS || access(old, F_OK) != 0 ||
        access(note, F_OK) == 0 || errno != ENOENT)
        return e;
    if (rename(old, part) != 0)
        return err_say(why, ERR_IO, "%s: %s", old, strerrordesc_np(errno));
    return remove_part(part, why);
}

struct rewrite {
    const struct restore_late *late;
    struct segment_builder builder;
    const char *epoch;
    char journal[FOLDER_PATH_BYTES]; /* of the new archive */
    struct err_text *why;
};

static enum err end_segment(struct rewrite *w)
{
    uint8_t before[SHA256_BYTES];
    enum err e = segment_write(&w->builder, w->journal, w->why);
    memcpy(before, w->builder.head.digest, sizeof before);
    return e == ERR_OK ? segment_begin(&w->builder, SEGMENT_JOURNAL, w->epoch, "journal", before)
                       : e;
}

static enum err on_entry(void *arg, const struct segment_entry *e)
{
    struct rewrite *w = arg;
    if (e->pos.seq > w->late->seq)
        return ERR_OK;
    enum err x = w->builder.head.count < SEGMENT_ENTRIES ? segment_add(&w->builder, e) : ERR_LIMIT;
    if (x == ERR_LIMIT) {
        x = end_segment(w);
        if (x == ERR_OK)
            x = segment_add(&w->builder, e);
    }
    return x == ERR_OK && e->pos.seq == w->late->seq ? end_segment(w) : x;
}

static bool on_closed(void *arg, const struct segment_head *h)
{
    const struct rewrite *w = arg;
    return h->last.seq < w->late->seq;
}

static enum err write_segments(struct rewrite *w)
{
    char from[FOLDER_PATH_BYTES];
    struct segment_report report;
    struct segment_range all = {.entry = on_entry, .closed = on_closed, .arg = w};
    if (!folder_path(from, w->late->dir, "journal"))
        return err_say(w->why, ERR_INVAL, "the folder's name is too long");
    enum err e = segment_begin(&w->builder, SEGMENT_JOURNAL, w->epoch, "journal", NULL);
    return e == ERR_OK && w->late->seq >= w->late->first
               ? segment_walk_range(from, &all, &report, NULL, w->why)
               : e;
}

enum err restore_late_archive(struct restore_late *l, const char *epoch, struct err_text *why)
{
    char part[FOLDER_PATH_BYTES];
    struct rewrite w = {.late = l, .epoch = epoch, .why = why};
    struct snapshot *s = NULL;
    const char *archive = l->cli->config.archive_dir;
    if (!folder_path(part, archive, PART_NAME) || !folder_path(w.journal, part, "journal"))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    enum err e = remove_part(part, why);
    if (e == ERR_OK)
        e = folder_make(w.journal, why);
    if (e == ERR_OK)
        e = write_segments(&w);
    if (e == ERR_OK)
        e = open_it(l, &s, why);
    if (e == ERR_OK)
        e = backup_late_copy(s, part, epoch, w.builder.head.previous, NULL, NULL, why);
    snapshot_close(s);
    segment_builder_fini(&w.builder);
    return e;
}

enum err restore_late_settle(const struct restore_late *l, const char *epoch, struct err_text *why)
{
    char part[FOLDER_PATH_BYTES];
    char to[FOLDER_PATH_BYTES];
    const char *archive = l->cli->config.archive_dir;
    if (!folder_path(part, archive, PART_NAME) || !folder_path(to, archive, epoch))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    if (rename(part, to) != 0)
        return err_say(why, ERR_IO, "%s: %s", to, strerrordesc_np(errno));
    return folder_sync(archive, why);
}
