/* retention show: the periods in force as the ledger tells them, and, where its archive can be
 * read, what would go next. It looks only.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/text.h"
#include "ismap/liu/v1/health.pb-c.h"
#include "liuctl/commands.h"
#include "services/ledger/core/retention.h"
#include "services/ledger/retention_plan.h"
#include "services/ledger/retention_time.h"

typedef Ismap__Liu__V1__RetentionPeriod pb_period;

struct show {
    struct cli *cli;
    struct cli_table table;
    json_t *next;
    const Ismap__Liu__V1__Health *ledger; /* NULL: does not answer */
    int64_t days[RETENTION_CLASSES];
    int64_t now_ms[RETENTION_CLASSES]; /* as the ledger would believe it */
    size_t faults;
};

static const char *days_text(struct cli *c, int64_t days)
{
    if (days == 0)
        return c->ja ? "無期限" : "for ever";
    return arena_printf(&c->arena, c->ja ? "%" PRId64 "日" : "%" PRId64 " days", days);
}

static const char *digits(struct cli *c, uint64_t n)
{
    return arena_printf(&c->arena, "%" PRIu64, n);
}

static const char *time_text(struct cli *c, int64_t ms)
{
    char when[CLI_TIME_BYTES];
    cli_time(ms, when);
    return arena_printf(&c->arena, "%s", when);
}

/* NULL: the ledger does not answer. */
static const Ismap__Liu__V1__Health *ask_ledger(struct cli *c)
{
    Ismap__Liu__V1__GetHealth m = ISMAP__LIU__V1__GET_HEALTH__INIT;
    ProtobufCMessage *answer = NULL;
    if (c->config.endpoints[CLI_LEDGER][0] == '\0' || cli_load_keys(c) != CLI_OK ||
        cli_request_quiet(c, CLI_LEDGER, &m.base, false, &answer) != CLI_OK)
        return NULL;
    return (const void *)answer;
}

static const pb_period *period_of(const Ismap__Liu__V1__Health *h, enum retention_class class)
{
    for (size_t i = 0; h != NULL && i < h->n_retention; i++)
        if (retention_named(h->retention[i]->record_class) == class)
            return h->retention[i];
    return NULL;
}

/* Up to when, or up to which entry. */
static const char *position_text(struct cli *c, enum retention_class class, uint64_t at)
{
    if (class == RETENTION_NOISE)
        return time_text(c, (int64_t)at);
    return arena_printf(&c->arena, c->ja ? "%" PRIu64 "番" : "entry %" PRIu64, at);
}

/* ---- periods */

/* Of what was removed: the last. */
static uint64_t removed_to(const pb_period *p, enum retention_class class)
{
    return class == RETENTION_JOURNAL ? p->removed_to_seq : (uint64_t)p->removed_to_ms;
}

static json_t *period_json(enum retention_class class, const pb_period *p)
{
    const struct retention_rule *rule = retention_rule_of(class);
    json_t *j = json_pack("{s:s, s:I, s:s}", "class", rule->name, "leastDays",
                          (json_int_t)rule->least_days, "reason", rule->reason_en);
    if (p != NULL)
        (void)json_object_update_new(
            j, json_pack("{s:I, s:I, s:I, s:I}", "periodDays", (json_int_t)p->period_days,
                         "removedFiles", (json_int_t)p->removed_segments, "removedEntries",
                         (json_int_t)p->removed_entries,
                         class == RETENTION_JOURNAL ? "removedToSeq" : "removedToMs",
                         (json_int_t)removed_to(p, class)));
    if (p != NULL && p->waits[0] != '\0')
        (void)json_object_set_new(j, "waits", json_string(p->waits));
    return j;
}

static json_t *show_periods(struct cli *c, const Ismap__Liu__V1__Health *h)
{
    static const char *const head_en[] = {"CLASS",         "KEPT",  "AT LEAST",
                                          "REMOVED FILES", "UP TO", "WHY"};
    static const char *const head_ja[] = {"区分",     "保存期間", "最短",
                                          "削除済み", "いつまで", "理由"};
    struct cli_table t = {0};
    json_t *list = json_array();
    cli_table_row(c, &t, 6, c->ja ? head_ja : head_en);
    for (int i = 0; i < RETENTION_CLASSES; i++) {
        enum retention_class class = (enum retention_class)i;
        const struct retention_rule *rule = retention_rule_of(class);
        const pb_period *p = period_of(h, class);
        bool any = p != NULL && p->removed_segments > 0;
        const char *cells[] = {rule->name,
                               p == NULL ? "?" : days_text(c, p->period_days),
                               days_text(c, rule->least_days),
                               p == NULL ? "?" : digits(c, p->removed_segments),
                               any ? position_text(c, class, removed_to(p, class)) : "-",
                               c->ja ? rule->reason_ja : rule->reason_en};
        cli_table_row(c, &t, 6, cells);
        (void)json_array_append_new(list, period_json(class, p));
    }
    if (!c->json)
        cli_table_print(c, &t);
    for (size_t i = 0; h != NULL && i < h->n_retention; i++)
        if (h->retention[i]->waits[0] != '\0')
            cli_note(c,
                     c->ja ? "%sの削除は待機中です: %s" : "removal of what is due of %s waits: %s",
                     h->retention[i]->record_class, h->retention[i]->waits);
    if (h == NULL)
        cli_note(c, "%s",
                 c->ja ? "台帳が応答しないため、有効な保存期間は分かりません"
                       : "the ledger does not answer: the periods in force are not known");
    return list;
}

/* ---- what would go */

static enum err show_folder(void *arg, const struct retention_folder *f)
{
    struct show *s = arg;
    struct cli *c = s->cli;
    struct mark m;
    struct err_text why = {""};
    bool due = false;
    enum retention_class class = retention_class_of(f->kind);
    struct retention_period p = {.days = s->days[class],
                                 .now_ms = s->now_ms[class],
                                 .most = FOLDER_FILES_MAX,
                                 .upto = retention_upto(f, s->ledger)};
    enum err e = p.days > 0 ? retention_plan(f, &p, &m, &due, &why) : ERR_OK;
    if (e == ERR_DATA_LOSS) {
        s->faults++;
        (void)cli_fail(c, CLI_NEGATIVE, "%s", why.text);
        return ERR_OK;
    }
    if (e != ERR_OK || !due)
        return e;
    (void)json_array_append_new(
        s->next,
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "class", retention_rule_of(class)->name,
                  "epoch", f->epoch, "stream", f->stream, "files", (json_int_t)m.segments,
                  "entries", (json_int_t)m.entries,
                  class == RETENTION_JOURNAL ? "fromSeq" : "fromMs", (json_int_t)m.first.seq,
                  class == RETENTION_JOURNAL ? "upToSeq" : "upToMs", (json_int_t)m.last.seq));
    const char *cells[] = {f->epoch,
                           f->stream,
                           digits(c, m.segments),
                           digits(c, m.entries),
                           position_text(c, class, m.first.seq),
                           position_text(c, class, m.last.seq)};
    cli_table_row(c, &s->table, 6, cells);
    return ERR_OK;
}

static enum err look_at_time(struct show *s, const char *dir, struct err_text *why)
{
    struct retention_seen *seen = calloc(1, sizeof *seen);
    enum err e = seen == NULL ? ERR_NOMEM : retention_look(dir, NULL, seen, why);
    for (int i = 0; e == ERR_OK && i < RETENTION_CLASSES; i++)
        s->now_ms[i] = retention_believed(seen, clock_wall_ms(), s->days[i]);
    free(seen);
    return e;
}

static void print_next(struct show *s)
{
    struct cli *c = s->cli;
    if (!c->json) {
        (void)printf(c->ja ? "\n記録%s、情報源%sで、次に削除されるもの:%s\n"
                           : "\njournal kept %s, noise %s, would go next:%s\n",
                     days_text(c, s->days[RETENTION_JOURNAL]),
                     days_text(c, s->days[RETENTION_NOISE]),
                     s->table.rows > 1 ? ""
                     : c->ja           ? " なし"
                                       : " nothing");
        if (s->table.rows > 1)
            cli_table_print(c, &s->table);
    }
    if (s->ledger == NULL && s->days[RETENTION_JOURNAL] > 0)
        cli_note(c, "%s",
                 c->ja
                     ? "台帳が応答しないため、Redis に残る記録もこの表に含まれることがあります"
                     : "the ledger does not answer: entries that Redis still has, which stay, may "
                       "be among these");
}

static int show_next(struct show *s)
{
    static const char *const head_en[] = {"EPOCH", "STREAM", "FILES", "ENTRIES", "FROM", "UP TO"};
    static const char *const head_ja[] = {"世代", "記録・情報源", "ファイル",
                                          "件数", "から",         "まで"};
    struct cli *c = s->cli;
    struct err_text why = {""};
    struct stat st;
    const char *dir = c->config.archive_dir;
    if (dir[0] == '\0' || stat(dir, &st) != 0) {
        cli_note(c,
                 c->ja ? "archive_dir: %s。次に削除されるものは分かりません"
                       : "archive_dir: %s: what would go next is not known",
                 dir[0] != '\0' ? strerrordesc_np(errno)
                 : c->ja        ? "設定がありません"
                                : "not set");
        return CLI_OK;
    }
    cli_table_row(c, &s->table, 6, c->ja ? head_ja : head_en);
    enum err e = look_at_time(s, dir, &why);
    if (e == ERR_OK)
        e = retention_each(dir, show_folder, s, &why);
    if (e != ERR_OK)
        return cli_fail(c, CLI_TEMPORARY, "%s", why.text[0] == '\0' ? err_name(e) : why.text);
    print_next(s);
    return s->faults > 0 ? CLI_NEGATIVE : CLI_OK;
}

/* *days stays when the option was not given. */
static int days_option(struct cli *c, const char *name, const char *said,
                       enum retention_class class, int64_t *days)
{
    struct err_text why = {""};
    uint64_t n = 0;
    if (said == NULL)
        return CLI_OK;
    if (text_u64(said, RETENTION_DAYS_MAX, &n) != ERR_OK ||
        retention_check(class, (int64_t)n, &why) != ERR_OK)
        return cli_usage(c,
                         c->ja ? "%s %s: 0(無期限)か、%d から %d の日数です"
                               : "%s %s: must be 0 (for ever) or %d to %d days",
                         name, said, (int)retention_rule_of(class)->least_days, RETENTION_DAYS_MAX);
    *days = (int64_t)n;
    return CLI_OK;
}

int cmd_retention_show(struct cli *c, struct cli_args *a)
{
    static const char *const options[RETENTION_CLASSES] = {"--journal-days", "--noise-days"};
    struct show s = {.cli = c, .next = NULL};
    bool known = false;
    int status = CLI_OK;
    for (int i = 0; status == CLI_OK && i < RETENTION_CLASSES; i++) {
        s.days[i] = -1;
        status = days_option(c, options[i], cli_option(a, options[i]), (enum retention_class)i,
                             &s.days[i]);
    }
    if (status != CLI_OK || !cli_done(c, a))
        return CLI_USAGE;
    status = cli_load_config(c);
    if (status != CLI_OK)
        return status;
    const Ismap__Liu__V1__Health *h = ask_ledger(c);
    s.ledger = h;
    for (int i = 0; i < RETENTION_CLASSES; i++) {
        const pb_period *p = period_of(h, (enum retention_class)i);
        known = known || s.days[i] >= 0 || p != NULL;
        if (s.days[i] < 0)
            s.days[i] = p == NULL ? 0 : (int64_t)p->period_days;
    }
    s.next = json_array();
    json_t *periods = show_periods(c, h);
    if (known)
        status = show_next(&s);
    if (c->json)
        cli_print_json(c, json_pack("{s:O, s:O, s:I, s:I}", "classes", periods, "next", s.next,
                                    "noiseDays", (json_int_t)s.days[RETENTION_NOISE], "journalDays",
                                    (json_int_t)s.days[RETENTION_JOURNAL]));
    json_decref(periods);
    json_decref(s.next);
    return status;
}
