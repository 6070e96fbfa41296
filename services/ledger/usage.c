/* Measures what the memory is used for (store/measure.h) and writes it, with the budgets, as
 * RECORD_UPKEEP "usage": all services read it and refuse by it (lib/flow/upkeep.c). One measures,
 * so that all go by the same figures. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ismap/liu/v1/health.pb-c.h"
#include "services/ledger/ledger_private.h"

#define USAGE_EVERY_MS 1000
#define USAGE_TIGHT_MS 200
#define WRITE_EVERY_MS 30000
#define TIGHT_PERCENT 70

typedef Ismap__Liu__V1__Upkeep pb_upkeep;
typedef Ismap__Liu__V1__FamilyUsage pb_family;

static uint64_t budget_of(const struct ledger *l, int family, uint64_t max_bytes)
{
    return max_bytes / 100 * (uint64_t)l->set->budget[family];
}

bool usage_tight(const struct ledger *l, enum family f)
{
    const struct usage *u = &l->usage;
    return store_pressure(l->store) >= STORE_PRESSURE_NOISE ||
           (u->budget[f] > 0 && u->bytes[f] > u->budget[f] / 100 * TIGHT_PERCENT);
}

static void done(struct ledger *l)
{
    bool tight = usage_tight(l, FAMILY_JOURNAL) || usage_tight(l, FAMILY_NOISE);
    l->usage.busy = false;
    l->usage.next_ms = clock_mono_ms() + (tight ? USAGE_TIGHT_MS : USAGE_EVERY_MS);
}

/* ---- the record */

static void written(void *arg, const struct commit_result *r)
{
    struct ledger *l = arg;
    if (ledger_answered(l))
        return;
    l->usage.known = r->status == COMMIT_OK;
    if (r->status == COMMIT_OK) {
        l->usage.revision++;
        l->usage.written_ms = clock_mono_ms();
        memcpy(l->usage.told, l->usage.bytes, sizeof(l->usage.told));
        memcpy(l->usage.told_budget, l->usage.budget, sizeof(l->usage.told_budget));
    } else if (r->status == COMMIT_REFUSED || r->status == COMMIT_BROKEN) {
        ledger_fault(l, "usage-failed", "usage", r->text);
    }
    done(l);
}

static enum err write_record(struct ledger *l)
{
    struct usage *u = &l->usage;
    pb_family rows[N_FAMILIES + 1]; /* and what is not in Redis any more, for `status` */
    pb_family *pointers[N_FAMILIES + 1];
    pb_upkeep m = ISMAP__LIU__V1__UPKEEP__INIT;
    for (int i = 0; i < N_FAMILIES; i++) {
        ismap__liu__v1__family_usage__init(&rows[i]);
        rows[i].family = (char *)(uintptr_t)budget_family((enum family)i)->name;
        rows[i].bytes = u->bytes[i];
        rows[i].budget_bytes = u->budget[i];
        pointers[i] = &rows[i];
    }
    ismap__liu__v1__family_usage__init(&rows[N_FAMILIES]);
    rows[N_FAMILIES].family = (char *)(uintptr_t) "cold";
    rows[N_FAMILIES].bytes = l->cold->file_bytes;
    pointers[N_FAMILIES] = &rows[N_FAMILIES];
    m.at_ms = clock_wall_ms();
    m.families = pointers;
    m.n_families = N_FAMILIES + (l->cold->file_bytes > 0);
    if (ismap__liu__v1__upkeep__get_packed_size(&m) > sizeof(u->value))
        return ERR_INTERNAL;
    size_t bytes = ismap__liu__v1__upkeep__pack(&m, u->value);
    u->put = (struct commit_put){.kind = RECORD_UPKEEP,
                                 .id = "usage",
                                 .expected = u->revision,
                                 .value = u->value,
                                 .value_bytes = bytes};
    u->commit = (struct commit){.reply_type = "", .now_ms = m.at_ms, .puts = &u->put, .n_puts = 1};
    return store_commit(l->store, STORE_MAIN, &u->commit, written, l);
}

static void revision_read(void *arg, enum err e, const struct store_record *r, size_t n);

static void record_go(struct ledger *l)
{
    static const struct store_key key = {RECORD_UPKEEP, "usage"};
    l->pending++;
    enum err e = l->usage.known ? write_record(l) : store_read(l->store, &key, 1, revision_read, l);
    if (e == ERR_OK)
        return;
    l->pending--;
    done(l);
}

static void revision_read(void *arg, enum err e, const struct store_record *r, size_t n)
{
    struct ledger *l = arg;
    if (ledger_answered(l))
        return;
    if (e != ERR_OK || n != 1) {
        done(l);
        return;
    }
    l->usage.known = true;
    l->usage.revision = r[0].exists ? r[0].revision : 0;
    record_go(l);
}

/* Small changes wait, so that a quiet store stays quiet. */
static bool worth_telling(const struct ledger *l)
{
    const struct usage *u = &l->usage;
    if (u->written_ms == 0 || clock_mono_ms() - u->written_ms >= WRITE_EVERY_MS)
        return true;
    for (int i = 0; i < N_FAMILIES; i++) {
        uint64_t step = u->budget[i] / 50;
        if (u->bytes[i] > u->told[i] + step || u->told[i] > u->bytes[i] + step ||
            u->budget[i] != u->told_budget[i])
            return true;
    }
    return false;
}

/* ---- measuring */

static void measured(void *arg, enum err e, const uint64_t *bytes)
{
    struct ledger *l = arg;
    struct usage *u = &l->usage;
    uint64_t used, max;
    if (ledger_answered(l))
        return;
    if (e != ERR_OK) {
        done(l);
        return;
    }
    store_memory_used(l->store, &used, &max);
    for (int i = 0; i < N_FAMILIES; i++) {
        u->bytes[i] = bytes[i];
        u->budget[i] = budget_of(l, i, max);
    }
    if (worth_telling(l))
        record_go(l);
    else
        done(l);
}

/* Some parties now, others next time. */
static void parties_read(void *arg, enum err e, const char *next_page, const char *const *ids,
                         const struct store_record *records, size_t n)
{
    struct ledger *l = arg;
    struct usage *u = &l->usage;
    const char *feeds[MEASURE_SAMPLES];
    (void)records;
    if (ledger_answered(l))
        return;
    struct store_measure what = {.parties = ids,
                                 .n_parties = n < MEASURE_SAMPLES ? n : MEASURE_SAMPLES,
                                 .feeds = feeds,
                                 .feeds_all = l->n_feeds};
    while (what.n_feeds < MEASURE_SAMPLES && what.n_feeds < l->n_feeds)
        feeds[what.n_feeds++] = l->feeds[u->feed++ % l->n_feeds]->name;
    l->pending++;
    if (e == ERR_OK && strlen(next_page) < sizeof(u->page))
        (void)snprintf(u->page, sizeof(u->page), "%s", next_page);
    if (e == ERR_OK && store_measure(l->store, &what, measured, l) == ERR_OK)
        return;
    l->pending--;
    done(l);
}

void usage_start(struct ledger *l)
{
    l->usage.next_ms = clock_mono_ms() + USAGE_EVERY_MS;
}

void usage_go(struct ledger *l)
{
    struct usage *u = &l->usage;
    if (u->busy || l->stopped || clock_mono_ms() < u->next_ms || !store_ready(l->store, NULL) ||
        strcmp(l->confirm.run, store_run(l->store)) != 0)
        return; /* nothing is written to a store that may be older than its archive */
    u->busy = true;
    l->pending++;
    if (store_scan(l->store, RECORD_PARTY, u->page, MEASURE_SAMPLES, parties_read, l) == ERR_OK)
        return;
    l->pending--;
    done(l);
}

enum err usage_check(const struct ledger_settings *set, struct err_text *why)
{
    int64_t sum = 0;
    for (int i = 0; i < N_FAMILIES; i++)
        sum += set->budget[i];
    if (sum <= BUDGET_PERCENT_MAX)
        return ERR_OK;
    return err_say(why, ERR_CONFIG, "budget_*: together %d %%, at most %d: the rest is the reserve",
                   (int)sum, BUDGET_PERCENT_MAX);
}
