/* store recover: the way out of a halt. The journal in Redis has lost entries that the archive has
 * (or holds others under their numbers), so it can never be written to again: what archive and
 * Redis have between them becomes a backup, the halted partition is emptied, and the backup is
 * restored under a new epoch. The backup's last entry is the operator's signed order.
 *
 * Killed anywhere it is run again with the same folder. Until the folder has its name nothing is
 * changed; from then on it has all there is, and what is in Redis can go.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "liuctl/backup.h"
#include "liuctl/commands.h"
#include "liuctl/recover.h"
#include "liuctl/restore.h"
#include "liuctl/store_clear.h"
#include "liuctl/store_order.h"

#define ASIDE_TOLD 20
#define DUMP_NAME "halted"

struct recover {
    struct cli *cli;
    const char *dir;
    char *reason;
    struct session session;
    struct recover_found found;
    struct recover_state state;
    size_t aside;
    uint64_t set_aside; /* --set-aside; 0 = not given */
};

static unsigned long long ull(uint64_t n)
{
    return (unsigned long long)n;
}

/* ---- what would be done */

static bool is_whole(const struct recover_found *f)
{
    return !f->halted && f->right == f->head && f->archived <= f->now;
}

/* Entries between the two are in neither: it is more likely that this is not the store's archive
 * than that all that Redis has behind it is to go. */
static bool is_apart(const struct recover_found *f)
{
    return !f->halted && f->first > f->archived + 1;
}

/* The same of a halted store: its archive was lost in part, or is another one. How many entries of
 * Redis would be set aside: that needs a word of its own. 0 = it is not so. */
static uint64_t behind_gap(const struct recover_found *f)
{
    return f->first > f->archived + 1 ? f->head - f->first + 1 : 0;
}

static int refuse_gap(struct cli *c, const struct recover_found *f, uint64_t n, uint64_t said)
{
    if (n == 0)
        return cli_fail(c, CLI_REFUSED,
                        c->ja ? "書庫と Redis の間に欠けた記録はありません。--set-aside %llu "
                                "を外してください"
                              : "no entries are missing between archive and Redis: leave "
                                "--set-aside %llu out",
                        ull(said));
    return cli_fail(c, CLI_REFUSED,
                    c->ja
                        ? "書庫は %llu で終わり、Redis の記録は %llu から始まります。間の記録は"
                          "どこにもないため、Redis の %llu 件をすべて除くことになります。"
                          "archive_dir が台帳の書庫か、書庫の続きが別の場所にないか確認して"
                          "ください。それでも進めるときは --set-aside %llu を付けてください"
                        : "the archive ends with entry %llu, Redis' journal begins with %llu, and "
                          "what is between is in neither: all %llu entries of Redis would be set "
                          "aside. Is archive_dir the ledger's, is the rest of it elsewhere? To go "
                          "on all the same give --set-aside %llu",
                    ull(f->archived), ull(f->first), ull(n), ull(n));
}

static void tell(const struct cli *c, const struct recover_found *f)
{
    uint64_t upto = recover_upto(f);
    if (c->json)
        return;
    (void)printf(c->ja ? "Redis の記録: %llu まで%s\n書庫の記録: %llu まで\n"
                       : "Redis' journal ends with entry %llu%s\nthe archive ends with entry "
                         "%llu\n",
                 ull(f->head), f->halted ? (c->ja ? " (停止中)" : " (halted)") : "",
                 ull(f->archived));
    if (f->archived > f->right)
        (void)printf(c->ja ? "Redis から失われ、書庫から戻すもの: %llu から %llu\n"
                           : "lost by Redis, brought back from the archive: %llu to %llu\n",
                     ull(f->right + 1), ull(f->archived));
    if (behind_gap(f) > 0)
        (void)printf(c->ja ? "書庫にも Redis にもないもの: %llu から %llu\n"
                             "その後ろにあるため除き、控えに残すもの: %llu から %llu (%llu 件)\n"
                           : "in neither: %llu to %llu\nbehind that, set aside and kept in the "
                             "copy: %llu to %llu (%llu entries)\n",
                     ull(f->archived + 1), ull(f->first - 1), ull(f->first), ull(f->head),
                     ull(behind_gap(f)));
    else if (f->head > f->right)
        (void)printf(c->ja ? "書庫と食い違うため除き、控えに残すもの: %llu から %llu\n"
                           : "other than the archive's, set aside and kept in the copy: %llu to "
                             "%llu\n",
                     ull(f->right + 1), ull(f->head));
    if (f->noted > upto)
        (void)printf(c->ja ? "どこにも残っていないもの: %llu から %llu。送信者の受領証でのみ分かり"
                             "ます (liuctl journal check)\n"
                           : "in no file: %llu to %llu; only their senders' receipts tell (liuctl "
                             "journal check)\n",
                     ull(upto + 1), ull(f->noted));
    (void)printf(c->ja ? "復旧後の記録: %llu まで、新しい世代(epoch)\n"
                       : "after the recovery: entries 1 to %llu, under a new epoch\n",
                 ull(upto + 1));
}

static enum err on_aside(void *arg, uint64_t seq, const Ismap__Liu__V1__JournalEntry *e)
{
    struct recover *r = arg;
    char at[CLI_TIME_BYTES];
    cli_time(e->at_ms, at);
    if (r->aside++ < ASIDE_TOLD)
        cli_note(r->cli, r->cli->ja ? "除くもの: %llu %s %s %s %s" : "set aside: %llu %s %s %s %s",
                 ull(seq), at, e->actor, e->cause, e->type);
    return recover_state_aside(&r->state, e);
}

/* ---- the folder */

static int order(struct recover *r, struct commit_entry *out)
{
    struct cli *c = r->cli;
    const struct recover_found *f = &r->found;
    struct store_order o;
    Ismap__Liu__V1__RecoverStore m = ISMAP__LIU__V1__RECOVER_STORE__INIT;
    Ismap__Liu__V1__StoreRecovered ev = ISMAP__LIU__V1__STORE_RECOVERED__INIT;
    m.epoch = ev.epoch = (char *)(uintptr_t)store_epoch(r->session.store);
    m.head_seq = ev.head_seq = f->head;
    m.kept_seq = ev.kept_seq = f->right;
    m.archived_seq = ev.archived_seq = f->archived;
    m.reason = ev.reason = r->reason;
    int status = store_order_sign(c, &m.base, &o);
    if (status != CLI_OK)
        return status;
    ev.operator_ = (char *)(uintptr_t)c->identity;
    ev.order = (ProtobufCBinaryData){.len = o.bytes, .data = (uint8_t *)(uintptr_t)o.envelope};
    return store_order_entry(c, &o, &ev.base, clock_wall_ms(), out) ? CLI_OK : cli_no_memory(c);
}

/* The folder gets its name when all of it is on disk. */
static int give_name(struct recover *r, const char *part)
{
    struct cli *c = r->cli;
    char *parent = arena_strdup(&c->arena, r->dir);
    char *slash = parent == NULL ? NULL : strrchr(parent, '/');
    if (slash != NULL)
        slash[slash == parent] = '\0';
    int fd = rename(part, r->dir) != 0
                 ? -1
                 : open(slash == NULL ? "." : parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return ok ? CLI_OK : cli_fail(c, CLI_TEMPORARY, "%s: %s", r->dir, cli_errno(c));
}

static int make(struct recover *r)
{
    struct cli *c = r->cli;
    uint8_t random[4];
    char hex[2 * sizeof random + 1];
    struct commit_entry last = {.type = ""};
    if (crypto_random(random, sizeof random) != ERR_OK)
        return CLI_TEMPORARY;
    text_hex(random, sizeof random, hex);
    const char *part = arena_printf(&c->arena, "%s.part-%s", r->dir, hex);
    const char *dump = arena_printf(&c->arena, "%s.part-%s/" DUMP_NAME, r->dir, hex);
    if (part == NULL || dump == NULL)
        return cli_no_memory(c);
    if (mkdir(part, 0700) != 0)
        return cli_fail(c, CLI_INPUT, "%s: %s", part, cli_errno(c));
    int status = recover_dump(&r->session, &r->found, dump, on_aside, r);
    if (status == CLI_OK)
        status = order(r, &last);
    struct backup_recover b = {.head = r->found.head_text,
                               .right = r->found.right,
                               .upto = recover_upto(&r->found),
                               .last = last,
                               .file = DUMP_NAME,
                               .record = recover_state_record,
                               .timer = recover_state_timer,
                               .kept = recover_state_kept,
                               .entry = recover_state_entry,
                               .state = recover_state_lines,
                               .arg = &r->state};
    if (status == CLI_OK)
        status = backup_recovered(&r->session, part, &b);
    return status == CLI_OK ? give_name(r, part) : status;
}

static void on_halted(void *arg, enum err e, uint64_t seq, const char *why)
{
    struct recover *r = arg;
    (void)seq;
    if (e != ERR_OK)
        (void)cli_fail(r->cli, CLI_REFUSED, "%s", why);
    r->session.err = e;
    r->session.done = true;
}

/* A store whose journal differs from the archive, and that nobody has halted: first nothing more is
 * written to it. */
static int halt(struct recover *r)
{
    if (store_halt(r->session.store, on_halted, r) != ERR_OK)
        return cli_redis_away(r->cli);
    int status = session_wait(&r->session);
    return status == CLI_OK ? recover_compare(&r->session, &r->found) : status;
}

static int prepare(struct recover *r)
{
    struct cli *c = r->cli;
    int status = session_open_halted(c, &r->session);
    if (status == CLI_OK)
        status = store_order_allowed(&r->session);
    if (status == CLI_OK)
        status = recover_compare(&r->session, &r->found);
    if (status != CLI_OK)
        return status;
    if (is_whole(&r->found))
        return cli_fail(c, CLI_REFUSED,
                        c->ja ? "保存先は停止しておらず、書庫とも一致します。復旧は不要です"
                              : "the store is not halted and agrees with its archive: there is "
                                "nothing to recover");
    if (is_apart(&r->found))
        return cli_fail(c, CLI_REFUSED,
                        c->ja ? "書庫は %llu で終わり、Redis の記録は %llu から始まります。停止して"
                                "いない保存先を、間の記録がない書庫から復旧はしません。archive_dir "
                                "が台帳の書庫か確認してください"
                              : "the archive ends with entry %llu, Redis' journal begins with "
                                "%llu: a store that is not halted is not recovered from an archive "
                                "that lacks what is between. Is archive_dir the ledger's?",
                        ull(r->found.archived), ull(r->found.first));
    if (r->found.begins > r->found.right + 1)
        return cli_fail(c, CLI_REFUSED,
                        c->ja ? "書庫は %llu から始まり、Redis の正しい記録は %llu で終わります。"
                                "間の記録で始まったり終わったりした期限は、どこにもありません。"
                                "liuctl restore で最後のバックアップから復元してください"
                              : "the archive begins with entry %llu, what is right of Redis ends "
                                "with %llu: timers of the entries between are in no file. liuctl "
                                "restore brings back the last backup",
                        ull(r->found.begins), ull(r->found.right));
    tell(c, &r->found);
    if (c->dry_run)
        return CLI_OK;
    if (behind_gap(&r->found) != r->set_aside)
        return refuse_gap(c, &r->found, behind_gap(&r->found), r->set_aside);
    if (!cli_confirm(c, c->ja ? "停止した保存先を控え、空にして、新しい世代で復旧しますか"
                              : "Copy the halted store, empty it, and bring it back under a new "
                                "epoch?"))
        return CLI_USAGE;
    if (!r->found.halted)
        status = halt(r);
    recover_state_init(&r->state, &r->session, &r->found);
    if (status == CLI_OK)
        status = make(r);
    recover_state_fini(&r->state);
    return status;
}

/* ---- from the folder on */

/* CLI_NEGATIVE: it is done already. */
static int clear(struct session *s, const char *head, const char *epoch)
{
    struct cli *c = s->cli;
    struct store_heads at;
    int status = store_heads(s, &at);
    size_t n = strlen(at.now);
    bool halted = n > 7 && strcmp(at.now + n - 7, " halted") == 0;
    if (status != CLI_OK)
        return status;
    if (n > 0 && !halted && strncmp(at.now, epoch, strlen(epoch)) != 0)
        return CLI_NEGATIVE;
    if (n > 0 && strcmp(at.now, head) != 0)
        return cli_fail(c, CLI_REFUSED,
                        c->ja ? "このフォルダは、この停止のものではありません。新しいフォルダを指定"
                                "してください"
                              : "this folder is of another halt: name a new one");
    if (n == 0 && at.begun[0] == '\0')
        return CLI_OK; /* it was emptied */
    return restore_sweep(s, &at, false);
}

static int empty(struct cli *c, const char *head, const char *epoch)
{
    struct session s;
    int status = session_open(c, &s, false);
    if (status == CLI_OK)
        status = clear(&s, head, epoch);
    session_close(&s);
    return status;
}

/* `check`: looks at the folder, and whether Redis has room for it; changes nothing. */
static int restore(struct cli *c, const char *dir, bool check, uint64_t *head)
{
    struct cli aside = *c;
    struct restored got;
    memset(&aside.config, 0, sizeof aside.config);
    aside.yes = true;
    aside.dry_run = check;
    aside.quiet = c->quiet || check;
    arena_init(&aside.arena, LIMIT_WORK_ARENA_BYTES);
    int status = restore_for_drill(&aside, dir, false, &got);
    *head = got.head;
    backup_records_fini(&got.records);
    cli_free_config(&aside);
    arena_fini(&aside.arena);
    return status;
}

static int finish(struct cli *c, const char *dir, const json_t *manifest)
{
    const char *head = json_string_value(json_object_get(manifest, BACKUP_RECOVERS));
    const char *epoch = json_string_value(json_object_get(manifest, "epoch"));
    uint64_t seq = 0;
    if (head == NULL || epoch == NULL)
        return cli_fail(c, CLI_INPUT,
                        c->ja ? "%s は store recover のフォルダではありません。新しいフォルダを指定"
                                "してください"
                              : "%s is no folder of store recover: name a new one",
                        dir);
    int status = restore(c, dir, true, &seq);
    if (status == CLI_OK)
        status = empty(c, head, epoch);
    if (status == CLI_NEGATIVE) {
        cli_note(c, c->ja ? "この復旧は済んでいます" : "this recovery was done already");
        return CLI_OK;
    }
    if (status == CLI_OK)
        status = restore(c, dir, false, &seq);
    if (status == CLI_OK)
        cli_note(c,
                 c->ja
                     ? "復旧しました。理由と命令者は記録簿の %llu 番にあります。サービスを再起動し"
                       "てください"
                     : "recovered; entry %llu of the journal says who and why. Restart the "
                       "services",
                 ull(seq));
    return status;
}

int cmd_store_recover(struct cli *c, struct cli_args *a)
{
    struct recover r = {.cli = c};
    char path[BACKUP_PATH_BYTES];
    const char *reason = cli_option(a, "--reason");
    const char *entries = cli_option(a, "--set-aside");
    json_error_t where;
    r.dir = cli_next(a);
    if (entries != NULL &&
        (text_u64(entries, UINT64_MAX, &r.set_aside) != ERR_OK || r.set_aside == 0))
        return cli_usage(c,
                         c->ja ? "--set-aside: 件数を指定してください: %s"
                               : "--set-aside: a number of entries: %s",
                         entries);
    if (!cli_done(c, a) || r.dir == NULL)
        return cli_usage(c, c->ja ? "控えを置く新しいフォルダと --reason を指定してください"
                                  : "name a new folder for the copy, and --reason");
    if (!backup_path(path, r.dir, "manifest.json"))
        return cli_fail(c, CLI_INPUT, "%s: %s", r.dir, err_name(ERR_LIMIT));
    int status = CLI_OK;
    if (access(path, F_OK) != 0) {
        status = store_order_reason(c, reason, &r.reason);
        if (status == CLI_OK)
            status = prepare(&r);
        if (r.session.loop != NULL)
            session_close(&r.session);
        if (status != CLI_OK || c->dry_run)
            return status;
    } else if (c->dry_run) {
        cli_note(c,
                 c->ja ? "%s から復旧を続けます (--dry-run)"
                       : "would go on with the recovery from %s (--dry-run)",
                 r.dir);
        return CLI_OK;
    }
    json_t *manifest = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    status =
        manifest == NULL ? cli_fail(c, CLI_INPUT, "%s", where.text) : finish(c, r.dir, manifest);
    json_decref(manifest);
    return status;
}
