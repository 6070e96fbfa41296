/* archive check: every file of the ledger's archive, without Redis. A rebuild looks at the journal
 * and its snapshots; this looks at the feeds' noise, too, and at archives of earlier epochs. The
 * ledger may go on meanwhile: a file has its name when it is whole. What a folder's mark says was
 * removed must be told by a journal: so the journals come first.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "liuctl/archive_told.h"
#include "liuctl/commands.h"
#include "liuctl/fault_lines.h"
#include "services/ledger/journal_begins.h"
#include "services/ledger/mark.h"
#include "services/ledger/retention_folder.h"
#include "services/ledger/snapshot.h"

#define FAULT_BYTES_MAX (1024 * 1024)

struct check {
    struct cli *cli;
    const char *epoch;
    size_t streams;
    size_t faults;
    struct archive_told told;
    struct err_text *why;
};

static json_t *removed_json(const struct segment_report *r)
{
    const struct mark *m = &r->mark;
    return json_pack("{s:I, s:I, s:I, s:I, s:s, s:I}", "files", (json_int_t)m->all_segments,
                     "entries", (json_int_t)m->all_entries,
                     m->kind == SEGMENT_JOURNAL ? "upToSeq" : "upToMs", (json_int_t)m->last.seq,
                     "stillThere", (json_int_t)r->leftover, "toldEpoch", m->told_epoch, "toldSeq",
                     (json_int_t)m->told_seq);
}

/* A line for people: what was removed, and where the archive begins. */
static void print_removed(const struct check *x, const struct segment_report *r)
{
    char when[CLI_TIME_BYTES];
    const struct mark *m = &r->mark;
    if (m->kind == SEGMENT_JOURNAL)
        (void)snprintf(when, sizeof when, x->cli->ja ? "%" PRIu64 "番" : "entry %" PRIu64,
                       m->last.seq);
    else
        cli_time((int64_t)m->last.seq, when);
    (void)printf(x->cli->ja ? "  保存期間を過ぎて削除済み: ファイル %" PRIu64 "、記録 %" PRIu64
                              " 件、%sまで(記録簿 %.8s の %" PRIu64 " 番)\n"
                            : "  removed, their period being over: %" PRIu64 " files, %" PRIu64
                              " entries, up to %s (journal %.8s, entry %" PRIu64 ")\n",
                 m->all_segments, m->all_entries, when, m->told_epoch, m->told_seq);
    if (r->leftover > 0)
        (void)printf(x->cli->ja ? "  そのうち %zu ファイルはまだ残っています。台帳が削除します\n"
                                : "  %zu of these files are still there: the ledger removes them\n",
                     r->leftover);
}

static void keep_line(void *list, const char *line)
{
    (void)json_array_append_new(list, json_string(line));
}

/* One line, or one JSON object, for a folder; then each fault. `r` has what was removed; NULL =
 * nothing can be. */
static void print_folder(struct check *x, const char *name, size_t files, uint64_t entries,
                         const struct segment_report *r, struct buf *faults)
{
    bool removed = r != NULL && r->removed;
    json_t *list = json_array();
    fault_lines(faults, x->cli->ja, keep_line, list);
    size_t n = json_array_size(list);
    x->streams++;
    x->faults += n;
    if (x->cli->json) {
        json_t *j =
            json_pack("{s:s, s:s, s:I, s:I, s:O}", "epoch", x->epoch, "folder", name, "files",
                      (json_int_t)files, "entries", (json_int_t)entries, "faults", list);
        if (removed)
            (void)json_object_set_new(j, "removed", removed_json(r));
        char *text = j == NULL ? NULL : json_dumps(j, JSON_COMPACT);
        (void)printf("%s\n", text == NULL ? "{}" : text);
        free(text);
        json_decref(j);
    } else {
        (void)printf(x->cli->ja ? "%s/%s: ファイル %zu、記録 %" PRIu64 " 件、不備 %zu\n"
                                : "%s/%s: %zu files, %" PRIu64 " entries, %zu faults\n",
                     x->epoch, name, files, entries, n);
        if (removed)
            print_removed(x, r);
        for (size_t i = 0; i < n; i++)
            (void)printf("  %s\n", json_string_value(json_array_get(list, i)));
    }
    json_decref(list);
}

/* `lost`: a fault that a walk does not see, or NULL. */
static enum err check_stream(struct check *x, const char *dir, const char *name, const char *stream,
                             const char *lost, struct err_text *why)
{
    bool journal = strcmp(name, "journal") == 0;
    uint64_t first = 0;
    struct segment_report report = {0};
    struct buf faults;
    buf_init(&faults, FAULT_BYTES_MAX);
    struct segment_range all = {
        .entry = journal ? told_entry : NULL, .gaps = true, .arg = &x->told};
    enum err e = segment_walk_range(dir, &all, &report, &faults, why);
    if (e == ERR_IO) { /* a fault of this folder; the others are looked at, too */
        (void)buf_printf(&faults, "%s\n", why->text);
        e = ERR_DATA_LOSS;
    }
    bool walked = e == ERR_OK || e == ERR_DATA_LOSS;
    if (lost != NULL && walked)
        (void)buf_printf(&faults, "%s\n", lost);
    if (journal && walked && segment_first(dir, &first, NULL) != ERR_OK)
        first = 0;
    if (journal && walked && report.found &&
        told_journal_end(&x->told, x->epoch, first, report.last.last.seq, e == ERR_OK) != ERR_OK)
        e = ERR_NOMEM;
    /* of a journal that another one tells of, later: it may not be read yet */
    bool now = !journal || strcmp(report.mark.told_epoch, x->epoch) == 0;
    const char *untold =
        now && walked && report.removed ? told_fault(&x->told, &report.mark) : NULL;
    if (untold != NULL)
        (void)buf_printf(&faults, "%s/retention.mark: %s\n", dir, untold);
    if (e == ERR_OK && report.found &&
        (strcmp(report.last.stream, stream) != 0 || strcmp(report.last.epoch, x->epoch) != 0))
        (void)buf_printf(&faults, "%s: in the wrong place: it is %s of epoch %s\n", dir,
                         report.last.stream, report.last.epoch);
    if (e == ERR_OK || e == ERR_DATA_LOSS) {
        print_folder(x, name, report.segments, report.entries, &report, &faults);
        e = ERR_OK;
    }
    buf_fini(&faults);
    return e;
}

static enum err check_snapshots(struct check *x, const char *dir, struct err_text *why)
{
    struct snapshot_report report = {0};
    struct buf faults;
    buf_init(&faults, FAULT_BYTES_MAX);
    uint64_t first = 0;
    char journal[FOLDER_PATH_BYTES];
    if (!folder_path(journal, dir, "journal") ||
        segment_first(journal, &first, NULL) != ERR_OK) /* before: it only comes nearer */
        first = 0;                                      /* told with the journal */
    enum err e = snapshot_survey(dir, x->epoch, &report, &faults, why);
    if (e == ERR_IO) {
        (void)buf_printf(&faults, "%s\n", why->text);
        e = ERR_OK;
        first = 0;
    }
    if (e == ERR_OK && first > 1 && report.newest + 1 < first)
        (void)buf_printf(&faults,
                         "%s/snapshots: no good snapshot makes up for what was before entry "
                         "%" PRIu64 ", where the journal's segments begin\n",
                         dir, first);
    if (e == ERR_OK)
        print_folder(x, "snapshots", report.files, 0, NULL, &faults);
    buf_fini(&faults);
    return e;
}

/* One that does not exist holds nothing. */
static enum err check_journal(struct check *x, const char *archive, struct err_text *why)
{
    char dir[FOLDER_PATH_BYTES];
    char sub[FOLDER_PATH_BYTES];
    if (!folder_path(dir, archive, x->epoch) || !folder_path(sub, dir, "journal"))
        return err_say(why, ERR_INVAL, "%s: the name is too long", archive);
    struct err_text lost = {""};
    enum err e = journal_lost(dir, &lost, why);
    if (e == ERR_OK || e == ERR_DATA_LOSS || e == ERR_IO) /* the walk tells of it */
        e = check_stream(x, sub, "journal", "journal", lost.text[0] == '\0' ? NULL : lost.text,
                         why);
    return e == ERR_OK ? check_snapshots(x, dir, why) : e;
}

/* What of an epoch's journal went while a later one was written is told there. */
static enum err check_told_later(struct check *x, const struct retention_folder *f)
{
    struct mark m;
    struct buf faults;
    bool found = false;
    if (mark_read(f->dir, MARK_FILE, &m, &found, NULL) != ERR_OK || !found ||
        strcmp(m.told_epoch, f->epoch) == 0)
        return ERR_OK; /* told with the folder */
    const char *untold = told_fault(&x->told, &m);
    if (untold == NULL)
        return ERR_OK;
    buf_init(&faults, FAULT_BYTES_MAX);
    (void)buf_printf(&faults, "%s/retention.mark: %s\n", f->dir, untold);
    print_folder(x, "journal", 0, 0, NULL, &faults);
    buf_fini(&faults);
    return ERR_OK;
}

static enum err check_feed(void *arg, const struct retention_folder *f)
{
    struct check *x = arg;
    const char *name = arena_printf(&x->cli->arena, "noise/%s", f->stream);
    x->epoch = f->epoch;
    if (f->kind == SEGMENT_JOURNAL)
        return check_told_later(x, f);
    return name == NULL ? ERR_NOMEM : check_stream(x, f->dir, name, f->stream, NULL, x->why);
}

int cmd_archive_check(struct cli *c, struct cli_args *a)
{
    struct folder_names epochs = {0};
    struct err_text why = {""};
    struct check x = {.cli = c, .why = &why, .told = {.arena = &c->arena}};
    struct stat st;
    if (!cli_done(c, a))
        return CLI_USAGE;
    int status = cli_load_config(c);
    if (status != CLI_OK)
        return status;
    const char *dir = c->config.archive_dir;
    if (dir[0] == '\0')
        return cli_usage(c, "archive_dir: %s",
                         c->ja ? "設定ファイルに書いてください" : "set it in the configuration");
    if (stat(dir, &st) != 0)
        return cli_usage(c, "archive_dir: %s: %s", dir, cli_errno(c));
    enum err e = folder_list(dir, "", false, &epochs, &why);
    for (size_t i = 0; e == ERR_OK && i < epochs.n; i++) {
        x.epoch = epochs.items[i];
        if (strlen(x.epoch) == SEGMENT_EPOCH_DIGITS &&
            strspn(x.epoch, "0123456789abcdef") == SEGMENT_EPOCH_DIGITS)
            e = check_journal(&x, dir, &why);
    }
    if (e == ERR_OK)
        e = retention_each(dir, check_feed, &x, &why);
    folder_names_fini(&epochs);
    if (e != ERR_OK)
        return cli_fail(c, CLI_TEMPORARY, "%s", why.text[0] == '\0' ? err_name(e) : why.text);
    if (x.streams == 0)
        return cli_fail(c, CLI_REFUSED, "%s: %s", dir,
                        c->ja ? "書庫がありません" : "there is no archive here");
    return x.faults > 0 ? CLI_NEGATIVE : CLI_OK;
}
