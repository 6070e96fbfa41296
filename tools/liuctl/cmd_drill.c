/* drill: a backup is restored into an empty private Redis, compared with its own journal, and then
 * with the store it was made of: nothing there may be older than in the backup, or differ at the
 * same revision. What went well is noted in the store (`status`, liu_drill_timestamp_seconds). */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "liuctl/cold_check.h"
#include "liuctl/commands.h"
#include "liuctl/restore.h"
#include "liuctl/upkeep_note.h"

#define PAGE 512
#define DIFFERENCES_TOLD 20

struct drill {
    struct cli *cli;
    struct restored got;
    struct session session; /* of the store that works */
    enum record_kind kind;
    char page[64];
    size_t same, newer, differences;
};

static void differ(struct drill *d, const char *id, const char *what)
{
    if (d->differences++ < DIFFERENCES_TOLD)
        (void)printf("%s/%s: %s\n", record_type_of(d->kind)->name, id, what);
}

static enum err compare(struct drill *d, const char *id, const struct store_record *live)
{
    uint8_t digest[SHA256_BYTES];
    struct backup_record *m = backup_records_find(&d->got.records, (int)d->kind, id);
    struct crypto_part part = {live->value, live->bytes};
    if (m == NULL || live->revision > m->revision) { /* of after the backup */
        d->newer++;
        if (m != NULL)
            m->seen = true;
        return ERR_OK;
    }
    m->seen = true;
    if (live->revision < m->revision) {
        differ(d, id, "is older than in the backup");
        return ERR_OK;
    }
    enum err e = crypto_sha256(&part, 1, digest);
    if (e == ERR_OK && memcmp(m->digest, digest, sizeof digest) != 0)
        differ(d, id, "is not what the backup has under the same revision");
    d->same += e == ERR_OK;
    return e;
}

static void on_scan(void *arg, enum err e, const char *next_page, const char *const *ids,
                    const struct store_record *records, size_t n)
{
    struct drill *d = arg;
    for (size_t i = 0; e == ERR_OK && i < n; i++)
        e = compare(d, ids[i], &records[i]);
    (void)text_copy(d->page, sizeof d->page, next_page == NULL ? "" : next_page);
    d->session.err = e;
    d->session.done = true;
}

/* The restore has marked them; here it is asked whether the store still has each. */
static void forget_seen(struct drill *d)
{
    struct backup_record *m, *next;
    HASH_ITER(hh, d->got.records.all, m, next)
    m->seen = false;
}

/* Those that are not in Redis: in the ledger's table, or lost. */
static int compare_cold(struct drill *d)
{
    struct backup_record *m, *next;
    struct cold_check k = {0};
    struct buf value;
    int status = cold_check_open(&k, &d->session);
    buf_init(&value, LIMIT_REDIS_REPLY_BYTES);
    HASH_ITER(hh, d->got.records.all, m, next)
    {
        struct cold_record r;
        struct err_text why = {""};
        const char *id = strchr(m->key, '/');
        enum err e = ERR_NOT_FOUND;
        if (status != CLI_OK || m->seen || id++ == NULL)
            continue;
        d->kind = (enum record_kind)strtoul(m->key, NULL, 10);
        buf_clear(&value);
        if (k.file != NULL && record_freezes(d->kind))
            e = cold_get(k.file, d->kind, id, strlen(id), &value, &r, &why);
        if (e == ERR_OK) {
            e = compare(d, id,
                        &(struct store_record){.exists = true,
                                               .revision = r.revision,
                                               .value = value.data,
                                               .bytes = value.len});
        } else if (e == ERR_NOT_FOUND) {
            differ(d, id, "is in the backup only");
            e = ERR_OK;
        }
        if (e != ERR_OK)
            status =
                cli_fail(d->cli, CLI_TEMPORARY, "%s", why.text[0] == '\0' ? err_name(e) : why.text);
    }
    buf_fini(&value);
    cold_check_end(&k);
    return status;
}

static int compare_all(struct drill *d)
{
    struct cli *c = d->cli;
    int status = CLI_OK;
    forget_seen(d);
    for (int k = RECORD_NONE + 1; status == CLI_OK && k < RECORD_KINDS; k++) {
        d->kind = (enum record_kind)k;
        d->page[0] = '\0';
        if (!backup_kind(d->kind))
            continue;
        do {
            if (store_scan(d->session.store, d->kind, d->page, PAGE, on_scan, d) != ERR_OK)
                return cli_redis_away(c);
            status = session_wait(&d->session);
        } while (status == CLI_OK && d->page[0] != '\0');
    }
    if (status == CLI_OK)
        status = compare_cold(d);
    if (status != CLI_OK)
        return status;
    return d->differences == 0
               ? CLI_OK
               : cli_fail(c, CLI_NEGATIVE, c->ja ? "相違 %zu 件" : "%zu differences",
                          d->differences);
}

static int run(struct drill *d, struct cli *aside, const char *dir)
{
    struct cli *c = d->cli;
    uint64_t head = 0;
    int status = restore_for_drill(aside, dir, true, &d->got);
    if (c->dry_run) /* nothing was restored that could be compared */
        return status;
    if (status == CLI_OK)
        status = session_open(c, &d->session, true);
    if (status == CLI_OK)
        status = session_head(&d->session, &head);
    if (status != CLI_OK)
        return status;
    if (strcmp(store_epoch(d->session.store), d->got.epoch) != 0 || head < d->got.head)
        return cli_fail(c, CLI_NEGATIVE,
                        c->ja
                            ? "%s は、この保存先のバックアップではありません"
                            : "%s is no backup of this store: another epoch, or its head is ahead",
                        dir);
    return compare_all(d);
}

static void tell(struct drill *d, const char *dir, const Ismap__Liu__V1__Upkeep *m)
{
    struct cli *c = d->cli;
    char when[CLI_TIME_BYTES];
    cli_time(m->at_ms, when);
    if (c->json)
        cli_print_json(c, json_pack("{s:b,s:s,s:I,s:I,s:I,s:I,s:I,s:s}", "ok", 1, "at", when,
                                    "tookMs", (json_int_t)m->took_ms, "head", (json_int_t)m->seq,
                                    "records", (json_int_t)HASH_COUNT(d->got.records.all), "same",
                                    (json_int_t)d->same, "newer", (json_int_t)d->newer, "backup",
                                    dir));
    else
        (void)printf(c->ja ? "正常 %s: %s "
                             "を%.1f秒で復元し照合しました。番号%lluまで、状態%u件、一致%"
                             "zu件、以後に変更%zu件\n"
                           : "OK %s: %s restored and compared in %.1f s: up to entry %llu, %u "
                             "records, %zu as in the store, %zu "
                             "changed since\n",
                     when, dir, (double)m->took_ms / 1000, (unsigned long long)m->seq,
                     HASH_COUNT(d->got.records.all), d->same, d->newer);
}

int cmd_drill(struct cli *c, struct cli_args *a)
{
    const char *into = cli_option(a, "--into");
    const char *dir = cli_next(a);
    if (!cli_done(c, a) || dir == NULL || into == NULL)
        return cli_usage(c, c->ja ? "バックアップと --into (空のRedisの設定)を指定してください"
                                  : "name the backup, and --into the settings of an empty Redis");
    struct drill d = {.cli = c};
    struct cli aside = *c;
    Ismap__Liu__V1__Upkeep m = ISMAP__LIU__V1__UPKEEP__INIT;
    int64_t since_ms = clock_mono_ms();
    memset(&aside.config, 0, sizeof aside.config);
    aside.config_path = into;
    aside.yes = true;
    arena_init(&aside.arena, LIMIT_WORK_ARENA_BYTES);
    int status = run(&d, &aside, dir);
    m.at_ms = clock_wall_ms();
    m.seq = d.got.head;
    m.place = (char *)(uintptr_t)dir;
    m.took_ms = clock_mono_ms() - since_ms;
    bool drilled = status == CLI_OK && !c->dry_run;
    if (drilled && !upkeep_note(&d.session, "drill", &m))
        status = cli_fail(c, CLI_TEMPORARY, "%s",
                          c->ja ? "結果を記録できませんでした" : "the result could not be noted");
    if (drilled && status == CLI_OK)
        tell(&d, dir, &m);
    if (d.session.loop != NULL)
        session_close(&d.session);
    backup_records_fini(&d.got.records);
    cli_free_config(&aside);
    arena_fini(&aside.arena);
    return status;
}
