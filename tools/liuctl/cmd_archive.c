/* archive check: every file of the ledger's archive, without Redis. A rebuild looks at the journal
 * and its snapshots; this looks at the feeds' noise, too, and at archives of earlier epochs. The
 * ledger may go on meanwhile: a file has its name when it is whole.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "liuctl/commands.h"
#include "services/ledger/folder.h"
#include "services/ledger/snapshot.h"

#define FAULT_BYTES_MAX (1024 * 1024)

struct check {
    struct cli *cli;
    const char *epoch;
    size_t streams;
    size_t faults;
};

/* One line, or one JSON object, for a folder; then each fault. */
static void print_folder(struct check *x, const char *name, size_t files, uint64_t entries,
                         struct buf *faults)
{
    json_t *list = json_array();
    char *rest = NULL;
    bool any = faults->len > 0 && buf_put(faults, "", 1) == ERR_OK;
    for (char *line = any ? strtok_r((char *)faults->data, "\n", &rest) : NULL; line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        (void)json_array_append_new(list, json_string(line));
    size_t n = json_array_size(list);
    x->streams++;
    x->faults += n;
    if (x->cli->json) {
        json_t *j =
            json_pack("{s:s, s:s, s:I, s:I, s:O}", "epoch", x->epoch, "folder", name, "files",
                      (json_int_t)files, "entries", (json_int_t)entries, "faults", list);
        char *text = j == NULL ? NULL : json_dumps(j, JSON_COMPACT);
        (void)printf("%s\n", text == NULL ? "{}" : text);
        free(text);
        json_decref(j);
    } else {
        (void)printf(x->cli->ja ? "%s/%s: ファイル %zu、記録 %" PRIu64 " 件、不備 %zu\n"
                                : "%s/%s: %zu files, %" PRIu64 " entries, %zu faults\n",
                     x->epoch, name, files, entries, n);
        for (size_t i = 0; i < n; i++)
            (void)printf("  %s\n", json_string_value(json_array_get(list, i)));
    }
    json_decref(list);
}

static enum err check_stream(struct check *x, const char *dir, const char *name, const char *stream,
                             struct err_text *why)
{
    struct segment_report report = {0};
    struct buf faults;
    buf_init(&faults, FAULT_BYTES_MAX);
    enum err e = segment_walk(dir, NULL, NULL, &report, &faults, why);
    if (e == ERR_OK && report.found &&
        (strcmp(report.last.stream, stream) != 0 || strcmp(report.last.epoch, x->epoch) != 0))
        (void)buf_printf(&faults, "%s: in the wrong place: it is %s of epoch %s\n", dir,
                         report.last.stream, report.last.epoch);
    if (e == ERR_OK || e == ERR_DATA_LOSS) {
        print_folder(x, name, report.segments, report.entries, &faults);
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
    enum err e = snapshot_survey(dir, x->epoch, &report, &faults, why);
    if (e == ERR_OK)
        print_folder(x, "snapshots", report.files, 0, &faults);
    buf_fini(&faults);
    return e;
}

/* Folders of one epoch; one that does not exist holds nothing. */
static enum err check_epoch(struct check *x, const char *archive, struct err_text *why)
{
    char dir[FOLDER_PATH_BYTES];
    char sub[FOLDER_PATH_BYTES];
    char noise[FOLDER_PATH_BYTES];
    struct folder_names feeds = {0};
    if (!folder_path(dir, archive, x->epoch) || !folder_path(sub, dir, "journal") ||
        !folder_path(noise, dir, "noise"))
        return err_say(why, ERR_INVAL, "%s: the name is too long", archive);
    enum err e = check_stream(x, sub, "journal", "journal", why);
    if (e == ERR_OK)
        e = check_snapshots(x, dir, why);
    if (e == ERR_OK)
        e = folder_list(noise, "", false, &feeds, why);
    for (size_t i = 0; e == ERR_OK && i < feeds.n; i++) {
        const char *name = arena_printf(&x->cli->arena, "noise/%s", feeds.items[i]);
        if (feeds.items[i][0] == '.')
            continue;
        if (name == NULL || !folder_path(sub, noise, feeds.items[i]))
            e = ERR_NOMEM;
        else
            e = check_stream(x, sub, name, feeds.items[i], why);
    }
    folder_names_fini(&feeds);
    return e;
}

int cmd_archive_check(struct cli *c, struct cli_args *a)
{
    struct check x = {.cli = c};
    struct folder_names epochs = {0};
    struct err_text why = {""};
    struct stat st;
    if (!cli_done(c, a))
        return CLI_USAGE;
    int status = cli_load_config(c);
    if (status != CLI_OK)
        return status;
    const char *dir = c->config.archive_dir;
    if (dir[0] == '\0' || stat(dir, &st) != 0)
        return cli_usage(c, "archive_dir: %s",
                         dir[0] != '\0' ? strerrordesc_np(errno)
                         : c->ja        ? "設定ファイルに書いてください"
                                        : "set it in the configuration");
    enum err e = folder_list(dir, "", false, &epochs, &why);
    for (size_t i = 0; e == ERR_OK && i < epochs.n; i++) {
        x.epoch = epochs.items[i];
        if (strlen(x.epoch) == SEGMENT_EPOCH_DIGITS &&
            strspn(x.epoch, "0123456789abcdef") == SEGMENT_EPOCH_DIGITS)
            e = check_epoch(&x, dir, &why);
    }
    folder_names_fini(&epochs);
    if (e != ERR_OK)
        return cli_fail(c, CLI_TEMPORARY, "%s", why.text[0] == '\0' ? err_name(e) : why.text);
    if (x.streams == 0)
        return cli_fail(c, CLI_REFUSED, "%s: %s", dir,
                        c->ja ? "書庫がありません" : "there is no archive here");
    return x.faults > 0 ? CLI_NEGATIVE : CLI_OK;
}
