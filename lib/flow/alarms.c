/* Which of the rules of deploy/prometheus/rules.yml a service can see broken by itself, so that
 * `liuctl status` tells them where no Prometheus runs. A test holds names and sections against that
 * file and the runbook. */
#include "flow/internal.h"

#include "base/clock.h"
#include "store/budget.h"

#define LATELY_MS (10 * 60 * 1000)
#define LAG_ENTRIES 1000
#define USAGE_OLD_MS (2 * 60 * 1000)
#define BACKUP_OLD_MS (26LL * 3600 * 1000)
#define CERTIFICATE_S (30LL * 24 * 3600)
#define DRILL_OLD_MS (8 * 24 * 3600 * 1000LL)
#define BUDGET_PERCENT 85

static bool is_lagging(const struct flow *f)
{
    return f->consumer != NULL && f->tail_seq > consumer_seq(f) + LAG_ENTRIES;
}

static bool is_waiting(const struct flow *f)
{
    return consumer_waits(f);
}

static bool is_unready(const struct flow *f)
{
    return !store_ready(f->store, NULL);
}

static bool whole(const struct flow *f, enum store_pressure at_least)
{
    return store_pressure(f->store) >= at_least;
}

static bool is_short_for_noise(const struct flow *f)
{
    return whole(f, STORE_PRESSURE_NOISE) && !whole(f, STORE_PRESSURE_CASES);
}

static bool is_short_for_cases(const struct flow *f)
{
    return whole(f, STORE_PRESSURE_CASES) && !whole(f, STORE_PRESSURE_RESERVE);
}

static bool is_short_for_all(const struct flow *f)
{
    return whole(f, STORE_PRESSURE_RESERVE);
}

static bool is_family_full(const struct flow *f)
{
    const pb_upkeep *u = upkeep_usage(f);
    for (size_t i = 0; u != NULL && i < u->n_families; i++)
        if (u->families[i]->budget_bytes > 0 &&
            u->families[i]->bytes > u->families[i]->budget_bytes / 100 * BUDGET_PERCENT)
            return true;
    return false;
}

static bool is_usage_old(const struct flow *f)
{
    const pb_upkeep *u = upkeep_usage(f);
    int64_t since = u == NULL ? f->started_at_ms : u->at_ms;
    return clock_wall_ms() - since > USAGE_OLD_MS;
}

static bool is_backup_old(const struct flow *f)
{
    const pb_upkeep *b = upkeep_backup(f);
    return b == NULL || clock_wall_ms() - b->at_ms > BACKUP_OLD_MS;
}

static bool is_drill_old(const struct flow *f)
{
    const pb_upkeep *d = upkeep_drill(f);
    return d == NULL || clock_wall_ms() - d->at_ms > DRILL_OLD_MS;
}

static bool is_certificate_old(const struct flow *f)
{
    int64_t until_s = store_tls_until_s(f->store);
    return until_s != 0 && until_s - clock_wall_ms() / 1000 < CERTIFICATE_S;
}

static bool has_lately(const struct flow *f, enum alarm_count c)
{
    return f->alarm_at_ms[c] > 0 && clock_mono_ms() - f->alarm_at_ms[c] < LATELY_MS;
}

static bool has_quarantined(const struct flow *f)
{
    return has_lately(f, ALARM_QUARANTINED);
}

static bool has_reused(const struct flow *f)
{
    return has_lately(f, ALARM_REUSED);
}

static bool is_probe_bad(const struct flow *f)
{
    return f->phase == FLOW_READY && !f->probe_ok;
}

static const struct alarm_row rows[] = {
    {"LiuStoreNotReady", true, is_unready, "store-not-ready",
     "Redis is away, or it failed its checks", "Redisに接続できないか、検査に失敗しました"},
    {"LiuConsumerLag", true, is_lagging, "consumer-lag",
     "more than 1000 entries behind the journal", "ジャーナルから1000件以上遅れています"},
    {"LiuConsumerWaits", true, is_waiting, "memory-full",
     "accepted work waits until there is memory again",
     "受付済みの処理が、メモリーが空くまで待っています"},
    {"LiuEventsQuarantined", true, has_quarantined, "quarantined-events",
     "an event failed for good in the last ten minutes: a person has to look",
     "直近10分に処理できないイベントがあり、人の確認が必要です"},
    {"LiuIdReused", false, has_reused, "id-reused",
     "a message id was used for other bytes in the last ten minutes",
     "直近10分に、同じIDで内容の異なるメッセージがありました"},
    {"LiuProbeFails", true, is_probe_bad, "handshake-failures", "its own door does not let it in",
     "自分の受付口に接続できません"},
    {"LiuMemoryNoise", false, is_short_for_noise, "memory-full",
     "Redis is 70 % full: noise is refused",
     "Redisのメモリーが70%を超え、通常の通報を断っています"},
    {"LiuMemoryCases", true, is_short_for_cases, "memory-full",
     "Redis is 85 % full: new cases are refused",
     "Redisのメモリーが85%を超え、新しい案件を断っています"},
    {"LiuMemoryReserve", true, is_short_for_all, "memory-full",
     "Redis is 95 % full: only what is urgent is taken",
     "Redisのメモリーが95%を超え、緊急のもの以外を断っています"},
    {"LiuFamilyFull", false, is_family_full, "memory-full",
     "a family of keys has used 85 % of its budget", "キー分類のひとつが割当の85%を使いました"},
    {"LiuUsageOld", false, is_usage_old, "ledger-faults",
     "the ledger has not measured the store for two minutes",
     "2分以上、使用量が計測されていません"},
    {"LiuBackupOld", false, is_backup_old, "backup",
     "the last backup is older than 26 hours, or there is none",
     "直近26時間以内のバックアップがありません"},
    {"LiuCertificateExpires", true, is_certificate_old, "rotating-certificates",
     "a certificate of TLS to Redis expires within 30 days: services could not connect any more",
     "30日以内にRedisとのTLS証明書の期限が切れ、以後は接続できなくなります"},
    {"LiuDrillOld", false, is_drill_old, "restore-drill",
     "no restore drill went well in the last eight days",
     "直近8日間に成功した復元訓練がありません"},
};

const struct alarm_row *alarm_rows(size_t *n)
{
    *n = sizeof rows / sizeof rows[0];
    return rows;
}

/* When did a counter last grow? */
void alarms_tick(struct flow *f)
{
    const struct metric *const counters[N_ALARM_COUNTS] = {
        [ALARM_QUARANTINED] = f->m_quarantined, [ALARM_REUSED] = f->m_mismatches};
    for (int i = 0; i < N_ALARM_COUNTS; i++) {
        int64_t now = metric_value(counters[i]);
        if (now > f->alarm_seen[i])
            f->alarm_at_ms[i] = clock_mono_ms();
        f->alarm_seen[i] = now;
    }
}

static Ismap__Liu__V1__Alarm *alarm_of(struct work *w, const struct alarm_row *row)
{
    Ismap__Liu__V1__Alarm *a = arena_alloc(&w->arena, sizeof *a);
    if (a == NULL)
        return NULL;
    ismap__liu__v1__alarm__init(a);
    a->name = (char *)(uintptr_t)row->name;
    a->page = row->page;
    a->text_en = (char *)(uintptr_t)row->en;
    a->text_ja = (char *)(uintptr_t)row->ja;
    a->runbook = (char *)(uintptr_t)row->section;
    return a;
}

void alarms_tell(struct work *w, Ismap__Liu__V1__Health *h)
{
    size_t most = sizeof rows / sizeof rows[0];
    h->alarms = arena_alloc(&w->arena, most * sizeof(struct Ismap__Liu__V1__Alarm *));
    for (size_t i = 0; h->alarms != NULL && i < most; i++) {
        if (!rows[i].rings(w->flow))
            continue;
        h->alarms[h->n_alarms] = alarm_of(w, &rows[i]);
        h->n_alarms += h->alarms[h->n_alarms] != NULL;
    }
}
