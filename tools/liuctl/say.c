/* What goes to stderr: complaints, notes, questions, and what is being waited for. */
#include "liuctl/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define TEXT_BYTES 4096
#define WAIT_TOLD_MS 1000
#define BAR_COLUMNS 20

static void put_json(json_t *j)
{
    char *text = j == NULL ? NULL : json_dumps(j, JSON_COMPACT);
    (void)fprintf(stderr, "%s\n", text == NULL ? "{\"error\":{}}" : text);
    free(text);
    json_decref(j);
}

/* `details` is taken over; NULL = none. Text that is not UTF-8 (a file's name) is left out. */
static void put_error(const char *status, int exit, const char *text, json_t *details)
{
    json_t *message = json_string(text);
    json_t *list = details != NULL ? details : json_array();
    put_json(json_pack("{s:{s:s, s:i, s:o, s:o}}", "error", "status", status, "exit", exit,
                       "message", message != NULL ? message : json_string(""), "details", list));
}

static const char *local_status(int exit)
{
    static const char *const names[] = {"OK", "NEGATIVE", "USAGE", "INPUT", "REFUSED", "TEMPORARY"};
    return exit >= CLI_OK && exit <= CLI_TEMPORARY ? names[exit] : "USAGE";
}

static void complain(const struct cli *c, int status, const char *fmt, va_list ap) LIU_PRINTF(3, 0);

static void complain(const struct cli *c, int status, const char *fmt, va_list ap)
{
    char text[TEXT_BYTES];
    (void)vsnprintf(text, sizeof text, fmt, ap);
    if (c->json)
        put_error(local_status(status), status, text, NULL);
    else
        (void)fprintf(stderr, "liuctl: %s\n", text);
}

int cli_usage(struct cli *c, const char *fmt, ...)
{
    if (c->complained)
        return CLI_USAGE;
    c->complained = true;
    va_list ap;
    va_start(ap, fmt);
    complain(c, CLI_USAGE, fmt, ap);
    va_end(ap);
    if (!c->json)
        (void)fprintf(stderr, "liuctl: %s\n",
                      c->ja ? "使い方は --help をご覧ください" : "see --help");
    return CLI_USAGE;
}

int cli_fail(struct cli *c, int status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    complain(c, status, fmt, ap);
    va_end(ap);
    return status;
}

const char *cli_errno(const struct cli *c)
{
    static const struct {
        int number;
        const char *ja;
    } words[] = {
        {ENOENT, "ファイルまたはフォルダがありません"},
        {EACCES, "アクセス権がありません"},
        {EPERM, "許されていない操作です"},
        {EISDIR, "フォルダです"},
        {ENOTDIR, "フォルダではありません"},
        {EEXIST, "すでにあります"},
        {ENOSPC, "ディスクに空きがありません"},
        {EROFS, "読み取り専用です"},
        {EIO, "入出力エラーです"},
        {ENAMETOOLONG, "名前が長すぎます"},
        {EPIPE, "出力先が閉じられました"},
    };
    int e = errno;
    for (size_t i = 0; c->ja && i < sizeof words / sizeof words[0]; i++)
        if (words[i].number == e)
            return words[i].ja;
    return strerror(e);
}

int cli_no_memory(struct cli *c)
{
    return cli_fail(c, CLI_TEMPORARY, c->ja ? "メモリが足りません" : "no memory");
}

int cli_redis_away(struct cli *c)
{
    return cli_fail(c, CLI_TEMPORARY, c->ja ? "Redis に接続できません" : "Redis is away");
}

void cli_print_refusal(struct cli *c, const Ismap__Liu__V1__Reply *r)
{
    const char *name = cli_status_name(r->status);
    if (c->json) {
        json_t *details = json_array();
        for (size_t i = 0; i < r->n_details; i++) {
            const Ismap__Liu__V1__Violation *v = r->details[i];
            json_t *j = json_pack("{s:s, s:s, s:s, s:s}", "field", v->field, "rule", v->rule,
                                  "messageJa", v->message_ja, "messageEn", v->message_en);
            if (v->number > 0)
                (void)json_object_set_new(j, "number", json_integer((json_int_t)v->number));
            (void)json_array_append_new(details, j);
        }
        const char *first = "";
        if (r->n_details > 0)
            first = c->ja ? r->details[0]->message_ja : r->details[0]->message_en;
        put_error(name, cli_status_exit(r->status), first, details);
        return;
    }
    (void)fprintf(stderr, "liuctl: %s\n", name);
    for (size_t i = 0; i < r->n_details; i++) {
        const Ismap__Liu__V1__Violation *v = r->details[i];
        (void)fprintf(stderr, "  %s%s[%s] %s\n", v->field, v->field[0] == '\0' ? "" : ": ", v->rule,
                      c->ja ? v->message_ja : v->message_en);
    }
}

void cli_note(struct cli *c, const char *fmt, ...)
{
    char text[TEXT_BYTES];
    if (c->quiet)
        return;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (c->json)
        put_json(json_pack("{s:s}", "note", text));
    else
        (void)fprintf(stderr, "%s\n", text);
}

bool cli_confirm(struct cli *c, const char *question)
{
    if (c->yes)
        return true;
    if (isatty(STDIN_FILENO) != 1) {
        (void)cli_fail(c, CLI_USAGE,
                       c->ja ? "%s -- 端末ではないため --yes が必要です"
                             : "%s -- not a terminal: say --yes",
                       question);
        return false;
    }
    (void)fprintf(stderr, "%s [y/N] ", question);
    char line[16];
    return fgets(line, sizeof line, stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
}

void cli_wait_begin(struct cli *c, struct cli_wait *w, const char *what)
{
    int64_t now = clock_mono_ms();
    *w = (struct cli_wait){.cli = c, .what = what, .since_ms = now, .next_ms = now + WAIT_TOLD_MS};
}

void cli_wait_tick(struct cli_wait *w, const char *detail)
{
    const struct cli *c = w->cli;
    int64_t now = clock_mono_ms();
    if (c->quiet || c->json || c->patient || now < w->next_ms)
        return;
    bool terminal = isatty(STDERR_FILENO) == 1;
    if (!terminal && w->shown)
        return;
    w->next_ms = now + WAIT_TOLD_MS;
    w->shown = true;
    (void)fprintf(stderr, c->ja ? "%s%s を待っています%s%s" : "%swaiting for %s%s%s",
                  terminal ? "\r" : "", w->what, detail == NULL ? "" : ": ",
                  detail == NULL ? "" : detail);
    if (terminal)
        (void)fprintf(stderr, " (%lld s)\033[K", (long long)((now - w->since_ms) / 1000));
    else
        (void)fputc('\n', stderr);
}

/* "[##########----------]  50 %  500/1000, " */
static int bar(char *out, size_t room, uint64_t done, uint64_t all)
{
    char text[BAR_COLUMNS + 1];
    uint64_t part = done < all ? done : all;
    memset(text, '-', BAR_COLUMNS);
    memset(text, '#', (size_t)(part * BAR_COLUMNS / all));
    text[BAR_COLUMNS] = '\0';
    return snprintf(out, room, "[%s] %3u %%  %llu/%llu, ", text, (unsigned)(part * 100 / all),
                    (unsigned long long)part, (unsigned long long)all);
}

void cli_wait_count(struct cli_wait *w, uint64_t done, uint64_t all)
{
    char detail[BAR_COLUMNS + 128];
    int64_t now = clock_mono_ms();
    if (now < w->next_ms || now <= w->since_ms)
        return;
    uint64_t rate = done * 1000 / (uint64_t)(now - w->since_ms);
    int n = all > 0 ? bar(detail, sizeof detail, done, all)
                    : snprintf(detail, sizeof detail, "%llu, ", (unsigned long long)done);
    n += snprintf(detail + n, sizeof detail - (size_t)n, "%llu/s", (unsigned long long)rate);
    if (all > done && rate > 0)
        (void)snprintf(detail + n, sizeof detail - (size_t)n,
                       w->cli->ja ? "、残り約 %llu 秒" : ", about %llu s left",
                       (unsigned long long)((all - done) / rate));
    cli_wait_tick(w, detail);
}

void cli_wait_end(struct cli_wait *w)
{
    if (w->shown && isatty(STDERR_FILENO) == 1)
        (void)fputs("\r\033[K", stderr);
    w->shown = false;
}
