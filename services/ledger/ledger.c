/* Life of the ledger, its cursor, and the feeds it finds. */
#include "services/ledger/ledger.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "obs/log.h"
#include "services/ledger/core/retention.h"
#include "services/ledger/ledger_private.h"
#include "wire/unpack.h"

#define SAY_AGAIN_MS 60000

void ledger_fault(struct ledger *l, const char *event, const char *what, const char *why)
{
    int64_t now = clock_mono_ms();
    metric_add(l->m_failures, 1);
    if (strcmp(l->said, event) == 0 && now - l->said_ms < SAY_AGAIN_MS)
        return;
    (void)snprintf(l->said, sizeof(l->said), "%s", event);
    l->said_ms = now;
    log_event(LOG_LEVEL_ERROR, event, why, "what", what, NULL);
}

void ledger_stream_broken(struct ledger *l, const char *event, const char *what, const char *why)
{
    ledger_fault(l, event, what, why);
    (void)snprintf(l->not_ready, sizeof(l->not_ready), "%s: %s: %s", event, what, why);
    int64_t broken = l->journal.state == STREAM_BROKEN;
    for (size_t i = 0; i < l->n_feeds; i++)
        broken += l->feeds[i]->state == STREAM_BROKEN;
    metric_set(l->m_broken, broken);
}

static bool is_ready(void *state, const char **why)
{
    const struct ledger *l = state;
    if (l->stopped)
        *why = "the store has another epoch: restart the ledger";
    else if (l->not_ready[0] != '\0')
        *why = l->not_ready;
    else
        return true;
    return false;
}

static void halted(void *arg, enum err e, uint64_t seq, const char *why)
{
    struct ledger *l = arg;
    if (ledger_answered(l))
        return;
    if (e == ERR_OK) {
        char text[32];
        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)seq);
        log_event(LOG_LEVEL_ERROR, "store-halted",
                  "nothing commits any more: the journal has lost entries that are archived",
                  "head", text, NULL);
    } else {
        ledger_fault(l, "halt-failed", "journal", why);
        l->halting = true;
    }
}

void ledger_halt(struct ledger *l)
{
    if (!l->halting || !store_ready(l->store, NULL))
        return;
    l->pending++;
    l->halting = store_halt(l->store, halted, l) != ERR_OK;
    if (l->halting)
        l->pending--;
}

static void release(struct ledger *l)
{
    stream_fini(&l->journal);
    for (size_t i = 0; i < l->n_feeds; i++) {
        stream_fini(l->feeds[i]);
        free(l->feeds[i]);
    }
    cold_free(l->cold);
    retention_free(l->retention);
    trim_fini(&l->trim);
    snapshots_fini(&l->snapshots);
    free(l);
}

bool ledger_answered(struct ledger *l)
{
    l->pending--;
    if (!l->dead)
        return false;
    if (l->pending == 0)
        release(l);
    return true;
}

/* ---- the cursor */

static void cursor_go(struct ledger *l);

static void cursor_committed(void *arg, const struct commit_result *r)
{
    struct ledger *l = arg;
    if (ledger_answered(l))
        return;
    l->cursor_busy = false;
    if (r->status == COMMIT_OK) {
        l->cursor_revision++;
        l->cursor_seq = l->cursor_next;
        cursor_go(l);
        return;
    }
    /* it may have been written, or not: the record tells, and the revision keeps a late one out */
    l->cursor_known = false;
    if (r->status == COMMIT_REFUSED || r->status == COMMIT_BROKEN)
        ledger_fault(l, "cursor-failed", "cursor", r->text);
}

static void cursor_read(void *arg, enum err e, const struct store_record *r, size_t n)
{
    struct ledger *l = arg;
    if (ledger_answered(l))
        return;
    l->cursor_busy = false;
    if (e != ERR_OK || n != 1)
        return;
    struct arena a;
    ProtobufCMessage *m = NULL;
    arena_init(&a, 8192);
    l->cursor_seq = 0;
    l->cursor_revision = r[0].exists ? r[0].revision : 0;
    if (r[0].exists &&
        wire_unpack(&a, &ismap__liu__v1__cursor__descriptor, r[0].value, r[0].bytes, &m) == ERR_OK)
        l->cursor_seq = ((const Ismap__Liu__V1__Cursor *)m)->seq;
    arena_fini(&a);
    l->cursor_known = true;
    if (l->cursor_seq > l->journal.archived.seq)
        ledger_fault(l, "archive-behind-cursor", l->journal.dir,
                     "segments that were archived are not in the folder");
    cursor_go(l);
}

static enum err cursor_write(struct ledger *l)
{
    Ismap__Liu__V1__Cursor c;
    ismap__liu__v1__cursor__init(&c);
    c.consumer = (char *)(uintptr_t) "ledger";
    c.seq = l->cursor_next = l->journal.archived.seq;
    c.epoch = l->epoch;
    if (ismap__liu__v1__cursor__get_packed_size(&c) > sizeof(l->cursor_value))
        return ERR_INTERNAL;
    size_t bytes = ismap__liu__v1__cursor__pack(&c, l->cursor_value);
    l->cursor_put = (struct commit_put){.kind = RECORD_CURSOR,
                                        .id = "ledger",
                                        .expected = l->cursor_revision,
                                        .value = l->cursor_value,
                                        .value_bytes = bytes};
    l->cursor_commit = (struct commit){
        .reply_type = "", .now_ms = clock_wall_ms(), .puts = &l->cursor_put, .n_puts = 1};
    return store_commit(l->store, STORE_MAIN, &l->cursor_commit, cursor_committed, l);
}

static void cursor_go(struct ledger *l)
{
    if (l->cursor_busy || l->stopped || !l->journal.has_archived || !store_ready(l->store, NULL))
        return;
    if (l->cursor_known && l->cursor_seq >= l->journal.archived.seq)
        return;
    static const struct store_key key = {RECORD_CURSOR, "ledger"};
    l->cursor_busy = true;
    l->pending++;
    enum err e = l->cursor_known ? cursor_write(l) : store_read(l->store, &key, 1, cursor_read, l);
    if (e != ERR_OK) {
        l->cursor_busy = false;
        l->pending--;
    }
}

void ledger_archived(struct ledger *l)
{
    metric_set(l->m_archived, (int64_t)l->journal.archived.seq);
    cursor_go(l);
}

/* ---- feeds */

static bool known_feed(const struct ledger *l, const char *id)
{
    for (size_t i = 0; i < l->n_feeds; i++)
        if (strcmp(l->feeds[i]->name, id) == 0)
            return true;
    return false;
}

/* The id becomes a folder's name. */
static bool is_feed_id(const char *id)
{
    size_t n = strlen(id);
    return n > 0 && n <= 64 && id[0] != '-' &&
           strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static void add_feed(struct ledger *l, const char *id)
{
    if (known_feed(l, id) || !is_feed_id(id))
        return;
    if (l->n_feeds == LEDGER_FEEDS_MAX) {
        ledger_fault(l, "too-many-feeds", id, "the noise of this feed is not archived");
        return;
    }
    struct stream *s = malloc(sizeof(*s));
    if (s == NULL)
        return; /* found again next time */
    stream_init(s, l, SEGMENT_NOISE, id);
    l->feeds[l->n_feeds++] = s;
    stream_go(s);
}

static void feeds_read(void *arg, enum err e, const char *next_page, const char *const *ids,
                       const struct store_record *records, size_t n)
{
    struct ledger *l = arg;
    (void)records;
    if (ledger_answered(l))
        return;
    for (size_t i = 0; e == ERR_OK && i < n; i++)
        add_feed(l, ids[i]);
    if (e == ERR_OK && *next_page != '\0') {
        l->pending++;
        if (store_scan(l->store, RECORD_FEED, next_page, 256, feeds_read, l) == ERR_OK)
            return;
        l->pending--;
    }
    l->finding = false;
    l->find_ms = clock_mono_ms() + LEDGER_FEEDS_MS;
}

static void find_feeds(struct ledger *l)
{
    if (l->finding || clock_mono_ms() < l->find_ms || !store_ready(l->store, NULL))
        return;
    l->finding = true;
    l->pending++;
    if (store_scan(l->store, RECORD_FEED, "", 256, feeds_read, l) != ERR_OK) {
        l->pending--;
        l->finding = false;
    }
}

/* ---- life */

static void tick(void *arg)
{
    struct ledger *l = arg;
    if (l->stopped)
        return;
    if (store_ready(l->store, NULL) && strcmp(store_epoch(l->store), l->epoch) != 0) {
        l->stopped = true;
        ledger_fault(l, "store-changed", "epoch",
                     "the store has another epoch: restart the ledger");
        return;
    }
    ledger_halt(l);
    archiver_hurry(l->archiver, usage_tight(l, FAMILY_JOURNAL) || usage_tight(l, FAMILY_NOISE));
    find_feeds(l);
    stream_go(&l->journal);
    confirm_go(l);
    for (size_t i = 0; i < l->n_feeds; i++)
        stream_go(l->feeds[i]);
    cursor_go(l);
    trim_go(l);
    snapshots_go(l);
    rewrite_go(l);
    usage_go(l);
    pace_go(l);
    cold_go(l);
    retention_go(l);
}

static enum err create(const struct service_env *env, void **state, struct err_text *why)
{
    struct ledger *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return ERR_NOMEM;
    l->loop = env->loop;
    l->store = env->store;
    l->set = env->settings;
    l->m_archived =
        metrics_gauge("liu_ledger_archived_seq", "", "journal entries that are in files");
    l->m_segments = metrics_counter("liu_ledger_segments_total", "", "segments closed");
    l->m_failures = metrics_counter("liu_ledger_failures_total", "", "faults of archive and trim");
    l->m_trimmed = metrics_gauge("liu_ledger_trimmed_seq", "", "journal entries that left Redis");
    l->m_broken = metrics_gauge("liu_ledger_broken_streams", "",
                                "streams that are not archived any more until a person has looked");
    l->m_asked =
        metrics_counter("liu_ledger_archive_reads_total", "", "pages of events read from segments");
    trim_init(&l->trim);
    snapshots_init(&l->snapshots, l);
    rewrite_init(&l->rewrite);
    l->confirm.ledger = l;
    if (strlen(l->set->archive_dir) > LEDGER_DIR_BYTES - 160) {
        release(l);
        return err_say(why, ERR_CONFIG, "archive_dir: too long");
    }
    enum err e = usage_check(l->set, why);
    if (e == ERR_OK)
        e = retention_check(RETENTION_NOISE, l->set->retain_noise_days, why);
    if (e == ERR_OK)
        e = retention_check(RETENTION_JOURNAL, l->set->retain_journal_days, why);
    if (e != ERR_OK) {
        release(l);
        return e;
    }
    e = archiver_create(l->loop, ARCHIVER_WRITER, &l->archiver);
    if (e == ERR_OK)
        e = archiver_create(l->loop, ARCHIVER_MAKER, &l->maker);
    if (e == ERR_OK)
        e = reader_create(l, &l->reader);
    if (e == ERR_OK)
        e = cold_create(l, &l->cold);
    if (e == ERR_OK)
        e = retention_create(l, &l->retention);
    if (e != ERR_OK) {
        reader_destroy(l->reader);
        archiver_destroy(l->maker);
        archiver_destroy(l->archiver);
        release(l);
        return err_say(why, e, "the archiver's thread cannot be started");
    }
    *state = l;
    return ERR_OK;
}

static void start(void *state)
{
    struct ledger *l = state;
    (void)snprintf(l->epoch, sizeof(l->epoch), "%s", store_epoch(l->store));
    stream_init(&l->journal, l, SEGMENT_JOURNAL, "journal");
    confirm_init(l);
    usage_start(l);
    cold_start(l);
    if (loop_add_timer(l->loop, LEDGER_TICK_MS, LEDGER_TICK_MS, tick, l, &l->timer) != ERR_OK)
        ledger_fault(l, "segment-failed", "timer", "no memory: restart the ledger");
    tick(l);
}

static void destroy(void *state)
{
    struct ledger *l = state;
    loop_cancel_timer(l->timer);
    loop_cancel_timer(l->pace);
    atomic_store(&l->snapshots.stop, true);
    retention_stop(l->retention);
    cold_stop(l->cold);
    reader_destroy(l->reader);
    archiver_destroy(l->maker);
    archiver_destroy(l->archiver);
    l->dead = true;
    if (l->pending == 0)
        release(l);
}

static void health(void *state, Ismap__Liu__V1__Health *h)
{
    const struct ledger *l = state;
    if (l != NULL && l->journal.has_archived)
        h->archived_seq = l->journal.archived.seq;
    if (l != NULL)
        retention_health(l, h);
}

static enum err archive(void *state, struct archive_ask *ask)
{
    struct ledger *l = state;
    return l->journal.dir[0] == '\0' || l->stopped ? ERR_UNAVAILABLE : reader_ask(l->reader, ask);
}

#define ROW(n, t, f, lo, hi, fb, h)                                                                \
    {                                                                                              \
        .name = n, .type = t, .offset = offsetof(struct ledger_settings, f), .min = lo, .max = hi, \
        .fallback = fb, .help = h                                                                  \
    }

#define RELOADABLE_ROW(n, t, f, lo, hi, fb, h)                                                     \
    {                                                                                              \
        .name = n, .type = t, .offset = offsetof(struct ledger_settings, f), .min = lo, .max = hi, \
        .fallback = fb, .help = h, .reloadable = true                                              \
    }

#define BUDGET(f, n, fb, h) ROW(n, CONF_INT, budget[f], 1, BUDGET_PERCENT_MAX, fb, h)

static const struct conf_row settings[] = {
    ROW("archive_dir", CONF_PATH, archive_dir, 1, 0, NULL, "folder of the segments"),
    ROW("segment_entries", CONF_INT, segment_entries, 1, 1000000, "10000",
        "entries after which a segment is closed"),
    RELOADABLE_ROW("segment_seconds", CONF_INT, segment_seconds, 1, 86400, "60",
                   "age in seconds at which a segment is closed"),
    RELOADABLE_ROW("keep_entries", CONF_INT, keep_entries, 1, 1000000000, "1000000",
                   "journal entries kept in Redis, at the least"),
    RELOADABLE_ROW("noise_keep", CONF_INT, noise_keep, 0, 31536000, "3600",
                   "seconds that noise is kept in Redis, at the least"),
    RELOADABLE_ROW("trim_seconds", CONF_INT, trim_seconds, 1, 86400, "5",
                   "seconds between two trims"),
    ROW("rewrite_growth", CONF_INT, rewrite_growth, 0, 100000, "100",
        "growth in percent after which Redis' append-only file is rewritten; 0 = never"),
    ROW("rewrite_min", CONF_INT, rewrite_min, 0, 1000000, "64",
        "MiB below which it is not rewritten"),
    ROW("rewrite_quiet", CONF_INT, rewrite_quiet, 1, 1000000, "64",
        "KiB a second: a rewrite is started only while less is written"),
    ROW("rewrite_seconds", CONF_INT, rewrite_seconds, 1, 3600, "5",
        "seconds over which that is measured"),
    RELOADABLE_ROW("snapshot_entries", CONF_INT, snapshot_entries, 1, 1000000000, "200000",
                   "archived entries after which a snapshot is made"),
    RELOADABLE_ROW("snapshot_seconds", CONF_INT, snapshot_seconds, 1, 31536000, "21600",
                   "seconds after which a snapshot is made, when anything was archived since"),
    ROW("freeze_seconds", CONF_INT, freeze_seconds, 0, 31536000, "0",
        "age in seconds at which records leave Redis for files; 0 = never"),
    ROW("cold_filter", CONF_INT, cold_filter, 1, 512, "8",
        "MiB of the filter that knows which records have left, when it is made"),
    ROW("retain_noise_days", CONF_INT, retain_noise_days, 0, RETENTION_DAYS_MAX, "0",
        "days that noise stays in the archive; 0 = for ever, else 500 or more"),
    ROW("retain_journal_days", CONF_INT, retain_journal_days, 0, RETENTION_DAYS_MAX, "0",
        "days that the journal's entries stay in it; 0 = for ever, else 1600 or more"),
    ROW("retention_seconds", CONF_INT, retention_seconds, 1, 86400, "3600",
        "seconds between two looks for what is older"),
    ROW("snapshot_keep", CONF_INT, snapshot_keep, 1, 1000, "3", "snapshots kept"),
    ROW("trim_waits_for", CONF_STRING, trim_waits_for, 0, 255, "eligibility,audit",
        "consumers without whose cursor nothing is trimmed, comma-separated"),
    BUDGET(FAMILY_RECORDS, "budget_records", "40", "percent of maxmemory for records"),
    BUDGET(FAMILY_RECEIPTS, "budget_receipts", "15", "for receipts, which live 72 hours"),
    BUDGET(FAMILY_JOURNAL, "budget_journal", "14", "for the journal; trimmed from 70 % of it on"),
    BUDGET(FAMILY_INDEX, "budget_index", "4", "for the journal's index by party"),
    BUDGET(FAMILY_NOISE, "budget_noise", "10", "for noise; trimmed from 70 % of it on"),
    BUDGET(FAMILY_TIMERS, "budget_timers", "2", "for timers"),
};

const struct service ledger_service = {
    .name = "ledger",
    .main_fallback = "tcp://127.0.0.1:5705",
    .http_fallback = "127.0.0.1:9105",
    .settings = settings,
    .n_settings = sizeof(settings) / sizeof(settings[0]),
    .settings_bytes = sizeof(struct ledger_settings),
    .create = create,
    .start = start,
    .ready = is_ready,
    .health = health,
    .archive = archive,
    .destroy = destroy,
};
