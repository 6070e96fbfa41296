/* How everything is: the services, what the store is filled with, the last backup, silent feeds,
 * and what rings, each with its section of docs/runbook.md.
 *
 * --json: one line a service (Health), then one line with what concerns all of them. */
#include <string.h>

#include "base/clock.h"
#include "ismap/liu/v1/health.pb-c.h"
#include "ismap/liu/v1/party.pb-c.h"
#include "liuctl/commands.h"

#define ARCHIVE_LAG 100000

typedef Ismap__Liu__V1__Health pb_health;
typedef Ismap__Liu__V1__Alarm pb_alarm;
typedef Ismap__Liu__V1__Upkeep pb_upkeep;

static const char *const names[] = {"intake", "eligibility", "audit", "monitor",
                                    "urgent", "bulk",        "ledger"};

struct ringing {
    pb_alarm alarm;
    const char *services; /* that tell it */
};

struct status {
    struct cli *c;
    struct cli_table services;
    const pb_health *healths[CLI_SERVICES];
    const pb_upkeep *usage, *backup, *drill; /* the newest that a service knows */
    const pb_health *memory;
    int64_t tls_until_s; /* the first of all services; 0 = none has TLS to Redis */
    struct ringing alarms[64];
    size_t n_alarms;
    const char **silent;
    size_t n_silent;
    int worst;
};

static const char *digits(struct cli *c, uint64_t n)
{
    return arena_printf(&c->arena, "%llu", (unsigned long long)n);
}

static const char *ready_word(const struct cli *c, bool ready)
{
    if (c->ja)
        return ready ? "可" : "不可";
    return ready ? "yes" : "NO";
}

static const char *size_text(struct cli *c, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double v = (double)bytes;
    size_t u = 0;
    for (; v >= 1024 && u + 1 < sizeof units / sizeof units[0]; u++)
        v /= 1024;
    return arena_printf(&c->arena, u == 0 ? "%.0f %s" : "%.1f %s", v, units[u]);
}

static const char *age_text(struct cli *c, int64_t at_ms)
{
    int64_t s = (clock_wall_ms() - at_ms) / 1000;
    if (s < 120)
        return arena_printf(&c->arena, c->ja ? "%lld秒前" : "%lld s ago", (long long)s);
    if (s < 7200)
        return arena_printf(&c->arena, c->ja ? "%lld分前" : "%lld min ago", (long long)(s / 60));
    return arena_printf(&c->arena, c->ja ? "%lld時間前" : "%lld h ago", (long long)(s / 3600));
}

static void ring(struct status *s, const pb_alarm *a, const char *service)
{
    for (size_t i = 0; i < s->n_alarms; i++) {
        struct ringing *r = &s->alarms[i];
        if (strcmp(r->alarm.name, a->name) != 0)
            continue;
        const char *more = arena_printf(&s->c->arena, "%s,%s", r->services, service);
        r->services = more == NULL ? r->services : more;
        return;
    }
    if (s->n_alarms < sizeof s->alarms / sizeof s->alarms[0])
        s->alarms[s->n_alarms++] = (struct ringing){*a, service};
}

/* What only one who sees all services can tell. */
static void ring_own(struct status *s, const char *name, bool page, const char *section,
                     const char *en, const char *ja, const char *service)
{
    pb_alarm a = ISMAP__LIU__V1__ALARM__INIT;
    a.name = (char *)(uintptr_t)name;
    a.page = page;
    a.runbook = (char *)(uintptr_t)section;
    a.text_en = (char *)(uintptr_t)en;
    a.text_ja = (char *)(uintptr_t)ja;
    ring(s, &a, service);
}

/* A service that is down, or answers that it cannot. */
static void no_health(struct status *s, const char *name)
{
    struct cli *c = s->c;
    const Ismap__Liu__V1__Reply *r = c->reply;
    const char *why = c->ja ? "応答なし" : "no answer";
    if (r != NULL && r->n_details > 0)
        why = c->ja ? r->details[0]->message_ja : r->details[0]->message_en;
    else if (r != NULL)
        why = cli_status_name(r->status);
    const char *cells[] = {name, ready_word(c, false), "", "", "", "", "", why};
    if (c->json)
        cli_print_json(c, json_pack("{s:s,s:b,s:s}", "service", name, "ready", 0, "whyNot", why));
    cli_table_row(c, &s->services, 8, cells);
    if (r == NULL)
        ring_own(s, "LiuServiceDown", true, "service-down", "does not answer", "応答がありません",
                 name);
    else
        ring_own(s, "LiuStoreNotReady", true, "store-not-ready", "answers, but is not ready",
                 "応答はありますが、準備ができていません", name);
    s->worst = CLI_TEMPORARY;
}

static void take_health(struct status *s, enum cli_service i, const pb_health *h)
{
    struct cli *c = s->c;
    s->healths[i] = h;
    if (h->usage != NULL && (s->usage == NULL || h->usage->at_ms > s->usage->at_ms))
        s->usage = h->usage;
    if (h->backup != NULL && (s->backup == NULL || h->backup->at_ms > s->backup->at_ms))
        s->backup = h->backup;
    if (h->drill != NULL && (s->drill == NULL || h->drill->at_ms > s->drill->at_ms))
        s->drill = h->drill;
    if (h->tls_until_s != 0 && (s->tls_until_s == 0 || h->tls_until_s < s->tls_until_s))
        s->tls_until_s = h->tls_until_s;
    s->memory = h;
    if (c->json)
        cli_print(c, &h->base);
    uint64_t behind = h->head_seq > h->consumed_seq ? h->head_seq - h->consumed_seq : 0;
    const char *cells[] = {h->service,
                           ready_word(c, h->ready),
                           digits(c, h->head_seq),
                           digits(c, behind),
                           digits(c, h->requests_in_flight),
                           strcmp(h->memory_pressure, "none") == 0 ? "ok" : h->memory_pressure,
                           h->version,
                           h->why_not};
    cli_table_row(c, &s->services, 8, cells);
    for (size_t k = 0; k < h->n_alarms; k++)
        ring(s, h->alarms[k], h->service);
    if (h->archived_seq > 0 && h->head_seq > h->archived_seq + ARCHIVE_LAG)
        ring_own(s, "LiuArchiveLag", false, "ledger-faults",
                 "more than 100,000 journal entries are not archived",
                 "10万件を超える記録が保管されていません", h->service);
    if (!h->ready)
        s->worst = CLI_TEMPORARY;
}

static void ask_services(struct status *s)
{
    struct cli *c = s->c;
    const char *version = NULL;
    for (int i = 0; i < CLI_SERVICES; i++) {
        if (i == CLI_URGENT || i == CLI_BULK || c->config.endpoints[i][0] == '\0')
            continue;
        Ismap__Liu__V1__GetHealth m = ISMAP__LIU__V1__GET_HEALTH__INIT;
        ProtobufCMessage *answer;
        int one = cli_request_quiet(c, (enum cli_service)i, &m.base, false, &answer);
        const pb_health *h = (void *)answer;
        if (one != CLI_OK || h == NULL) {
            no_health(s, names[i]);
            continue;
        }
        take_health(s, (enum cli_service)i, h);
        if (version != NULL && strcmp(version, h->version) != 0)
            ring_own(s, "LiuVersionsDiffer", false, "upgrade", "services of different versions run",
                     "版の異なるサービスが動いています", h->service);
        version = version == NULL ? h->version : version;
    }
}

/* Operators only: others may not list feeds, and are told nothing of them. */
static void ask_feeds(struct status *s)
{
    struct cli *c = s->c;
    const char *page = "";
    if (s->healths[CLI_MONITOR] == NULL)
        return;
    do {
        Ismap__Liu__V1__ListFeeds m = ISMAP__LIU__V1__LIST_FEEDS__INIT;
        ProtobufCMessage *answer;
        m.page = (char *)(uintptr_t)page;
        if (cli_request_quiet(c, CLI_MONITOR, &m.base, false, &answer) != CLI_OK || answer == NULL)
            return;
        const Ismap__Liu__V1__FeedList *l = (void *)answer;
        const char **more = arena_alloc(&c->arena, (s->n_silent + l->n_feeds + 1) * sizeof *more);
        if (more == NULL)
            return;
        if (s->n_silent > 0)
            memcpy(more, s->silent, s->n_silent * sizeof *more);
        s->silent = more;
        for (size_t i = 0; i < l->n_feeds && i < l->n_heard; i++)
            if (l->heard[i]->silent)
                s->silent[s->n_silent++] = l->feeds[i]->id;
        page = l->next_page;
    } while (page[0] != '\0');
    if (s->n_silent > 0)
        ring_own(s, "LiuFeedSilent", false, "silent-feed",
                 "a feed is silent for longer than its heartbeat",
                 "通報元から所定の間隔を超えて通報がありません", "monitor");
}

/* ---- for people */

static void print_memory(struct status *s)
{
    static const char *const head_en[] = {"MEMORY OF REDIS", "USED", "BUDGET", "%"};
    static const char *const head_ja[] = {"Redisのメモリー", "使用", "割当", "%"};
    struct cli *c = s->c;
    struct cli_table t = {0};
    if (s->memory == NULL)
        return;
    cli_table_row(c, &t, 4, c->ja ? head_ja : head_en);
    for (size_t i = 0; s->usage != NULL && i <= s->usage->n_families; i++) {
        bool all = i == s->usage->n_families;
        const char *name = all ? (c->ja ? "全体" : "all") : s->usage->families[i]->family;
        uint64_t used = all ? s->memory->redis_used_bytes : s->usage->families[i]->bytes;
        uint64_t most = all ? s->memory->redis_max_bytes : s->usage->families[i]->budget_bytes;
        const char *cells[] = {name, size_text(c, used), most == 0 ? "-" : size_text(c, most),
                               most == 0 ? "-" : digits(c, used * 100 / most)};
        cli_table_row(c, &t, 4, cells);
    }
    (void)printf("\n");
    cli_table_print(c, &t);
}

/* How far the archive reaches, at both ends. */
static void print_archive(const struct status *s)
{
    const struct cli *c = s->c;
    const pb_health *h = s->healths[CLI_LEDGER];
    char when[CLI_TIME_BYTES];
    if (h == NULL || h->archived_seq == 0)
        return;
    (void)printf(c->ja ? "書庫: %llu番まで" : "archive: up to entry %llu",
                 (unsigned long long)h->archived_seq);
    for (size_t i = 0; i < h->n_retention; i++) {
        const Ismap__Liu__V1__RetentionPeriod *r = h->retention[i];
        if (r->removed_segments == 0)
            continue;
        if (r->removed_to_seq > 0)
            (void)snprintf(when, sizeof when, c->ja ? "%llu番" : "entry %llu",
                           (unsigned long long)r->removed_to_seq);
        else
            cli_time(r->removed_to_ms, when);
        (void)printf(c->ja ? "、%sは%sまで削除済み(%lluファイル)"
                           : "; %s up to %s is removed (%llu files)",
                     r->record_class, when, (unsigned long long)r->removed_segments);
    }
    (void)printf("\n");
    for (size_t i = 0; i < h->n_retention; i++)
        if (h->retention[i]->waits[0] != '\0')
            (void)printf(c->ja ? "  %sの削除は待機中です: %s\n"
                               : "  removal of what is due of %s waits: %s\n",
                         h->retention[i]->record_class, h->retention[i]->waits);
}

static void print_rest(struct status *s)
{
    struct cli *c = s->c;
    (void)printf("\n%s: ", c->ja ? "バックアップ" : "backup");
    if (s->backup == NULL)
        (void)printf("%s\n", c->ja ? "なし" : "none");
    else
        (void)printf(c->ja ? "%s、%lluまで、%s\n" : "%s, up to %llu, %s\n",
                     age_text(c, s->backup->at_ms), (unsigned long long)s->backup->seq,
                     s->backup->place);
    (void)printf("%s: ", c->ja ? "復元訓練" : "restore drill");
    if (s->drill == NULL)
        (void)printf("%s\n", c->ja ? "なし" : "none");
    else
        (void)printf(c->ja ? "正常、%s、%lluまで、%.1f秒、%s\n"
                           : "OK %s, up to %llu, in %.1f s, %s\n",
                     age_text(c, s->drill->at_ms), (unsigned long long)s->drill->seq,
                     (double)s->drill->took_ms / 1000, s->drill->place);
    print_archive(s);
    if (s->tls_until_s != 0)
        (void)printf(c->ja ? "Redisとの証明書: あと%lld日\n"
                           : "certificates to Redis: %lld days left\n",
                     (long long)((s->tls_until_s - clock_wall_ms() / 1000) / 86400));
    (void)printf("%s:", c->ja ? "沈黙している通報元" : "silent feeds");
    for (size_t i = 0; i < s->n_silent; i++)
        (void)printf(" %s", s->silent[i]);
    (void)printf("%s\n", s->n_silent > 0 ? "" : c->ja ? " なし" : " none");
}

/* Keys that are being changed: what is left to do is at the old doors. */
static void print_old_doors(const struct status *s)
{
    const struct cli *c = s->c;
    for (int i = 0; i < CLI_SERVICES; i++)
        for (size_t k = 0; s->healths[i] != NULL && k < s->healths[i]->n_doors; k++) {
            const Ismap__Liu__V1__Door *d = s->healths[i]->doors[k];
            if (d->old)
                (void)printf(c->ja ? "古い鍵の受付: %s %s (接続%u)。liuctl doors %s\n"
                                   : "door of an old key: %s %s (connections: %u); see liuctl "
                                     "doors %s\n",
                             s->healths[i]->service, d->name, (unsigned)d->connections,
                             s->healths[i]->service);
        }
}

static void print_alarms(struct status *s)
{
    struct cli *c = s->c;
    (void)printf("%s:%s\n", c->ja ? "警報" : "alarms",
                 s->n_alarms > 0 ? ""
                 : c->ja         ? " なし"
                                 : " none");
    for (size_t i = 0; i < s->n_alarms; i++) {
        const struct ringing *r = &s->alarms[i];
        (void)printf("  %s %s (%s): %s\n      docs/runbook.md#%s\n",
                     r->alarm.page ? (c->ja ? "至急" : "PAGE  ") : (c->ja ? "通常" : "ticket"),
                     r->alarm.name, r->services, c->ja ? r->alarm.text_ja : r->alarm.text_en,
                     r->alarm.runbook);
    }
}

/* ---- for programs */

static void print_summary(struct status *s)
{
    json_t *alarms = json_array();
    json_t *silent = json_array();
    json_t *j = json_object();
    for (size_t i = 0; i < s->n_alarms; i++) {
        const struct ringing *r = &s->alarms[i];
        (void)json_array_append_new(
            alarms, json_pack("{s:s,s:s,s:b,s:s,s:s}", "name", r->alarm.name, "services",
                              r->services, "page", (int)r->alarm.page, "text", r->alarm.text_en,
                              "runbook", r->alarm.runbook));
    }
    for (size_t i = 0; i < s->n_silent; i++)
        (void)json_array_append_new(silent, json_string(s->silent[i]));
    (void)json_object_set_new(j, "alarms", alarms);
    (void)json_object_set_new(j, "silentFeeds", silent);
    (void)json_object_set_new(j, "backupAtMs",
                              json_integer(s->backup == NULL ? 0 : s->backup->at_ms));
    (void)json_object_set_new(j, "tlsUntilS", json_integer(s->tls_until_s));
    (void)json_object_set_new(j, "drillAtMs", json_integer(s->drill == NULL ? 0 : s->drill->at_ms));
    cli_print_json(s->c, j);
}

int cmd_status(struct cli *c, struct cli_args *a)
{
    static const char *const head_en[] = {"SERVICE",   "READY",  "HEAD",    "BEHIND",
                                          "IN FLIGHT", "MEMORY", "VERSION", "WHY NOT"};
    static const char *const head_ja[] = {"サービス", "準備",   "最終番号", "遅れ",
                                          "処理中",   "記憶域", "版",       "理由"};
    if (!cli_done(c, a))
        return CLI_USAGE;
    int status = cli_load_keys(c);
    if (status != CLI_OK)
        return status;
    if (c->config.timeout_ms > 3000)
        c->config.timeout_ms = 3000;
    struct status s = {.c = c, .worst = CLI_OK};
    cli_table_row(c, &s.services, 8, c->ja ? head_ja : head_en);
    ask_services(&s);
    ask_feeds(&s);
    if (c->json) {
        print_summary(&s);
        return s.worst;
    }
    cli_table_print(c, &s.services);
    print_memory(&s);
    print_rest(&s);
    print_old_doors(&s);
    print_alarms(&s);
    return s.worst;
}
