/* What is known about the store beside its checks: the families' usage as the ledger measured it,
 * the last backup and the last restore drill. Read four times a second, because memory can fill
 * within seconds; whoever refuses for want of memory asks flow_refuses. */
#include "flow/internal.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "store/budget.h"

#define TICK_MS 250
#define KEEP_BYTES 8192

static const struct store_key keys[] = {
    {RECORD_UPKEEP, "usage"},         {RECORD_UPKEEP, "backup"},      {RECORD_UPKEEP, "drill"},
    {RECORD_UPKEEP, COLD_GENERATION}, {RECORD_CURSOR, "eligibility"}, {RECORD_CURSOR, "audit"}};
#define N_KEYS (sizeof keys / sizeof keys[0])
#define COLD 3
#define FIRST_CURSOR 4

/* What liuctl noted, and when as a metric. */
struct noted {
    struct arena memory;
    uint64_t revision;
    const pb_upkeep *last; /* NULL = not known */
    struct metric *at_s;
};

struct upkeep {
    bool asked;
    struct arena usage_memory;
    uint64_t usage_revision, cold_revision;
    const pb_upkeep *usage; /* NULL = not known */
    struct noted backup, drill;
    bool full_of_noise, full; /* the family of noise, any other */
    bool backlog;             /* consumers are too far behind for more cases */
    struct metric *bytes[N_FAMILIES], *budget[N_FAMILIES], *waits, *usage_s;
};

/* A family refuses only what makes it grow: records that fill their budget for good must not keep
 * alerts out for good. */
bool flow_refuses(const struct flow *f, enum store_pressure what)
{
    const struct upkeep *u = f->upkeep;
    if (store_pressure(f->store) >= what)
        return true;
    return u != NULL && ((what == STORE_PRESSURE_NOISE && u->full_of_noise) ||
                         (what == STORE_PRESSURE_CASES && (u->full || u->backlog)));
}

uint64_t upkeep_cold(const struct flow *f)
{
    return f->upkeep == NULL ? 0 : f->upkeep->cold_revision;
}

const pb_upkeep *upkeep_usage(const struct flow *f)
{
    return f->upkeep == NULL ? NULL : f->upkeep->usage;
}

const pb_upkeep *upkeep_backup(const struct flow *f)
{
    return f->upkeep == NULL ? NULL : f->upkeep->backup.last;
}

const pb_upkeep *upkeep_drill(const struct flow *f)
{
    return f->upkeep == NULL ? NULL : f->upkeep->drill.last;
}

static void take_usage(struct upkeep *u)
{
    u->full = u->full_of_noise = false;
    for (size_t i = 0; i < u->usage->n_families; i++) {
        const Ismap__Liu__V1__FamilyUsage *x = u->usage->families[i];
        enum family f = budget_find(x->family);
        if (f == N_FAMILIES) /* of a later version */
            continue;
        enum store_pressure p = budget_pressure(f, x->bytes, x->budget_bytes);
        u->full_of_noise = u->full_of_noise || p == STORE_PRESSURE_NOISE;
        u->full = u->full || p == STORE_PRESSURE_CASES;
        metric_set(u->bytes[f], (int64_t)x->bytes);
        metric_set(u->budget[f], (int64_t)x->budget_bytes);
    }
    metric_set(u->usage_s, u->usage->at_ms / 1000);
}

static const pb_upkeep *unpack(struct arena *a, const struct store_record *r)
{
    ProtobufCMessage *m;
    arena_reset(a);
    if (!r->exists ||
        wire_unpack(a, &ismap__liu__v1__upkeep__descriptor, r->value, r->bytes, &m) != ERR_OK)
        return NULL;
    return (const pb_upkeep *)(const void *)m;
}

static void take_noted(struct noted *n, const struct store_record *r)
{
    if (!r->exists || r->revision == n->revision)
        return;
    n->last = unpack(&n->memory, r);
    n->revision = r->revision;
    if (n->last != NULL)
        metric_set(n->at_s, n->last->at_ms / 1000);
}

static void told(bool over, const char *begins, const char *ends)
{
    log_event(over ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "store-budget", over ? begins : ends, NULL);
}

static void take_cursors(struct flow *f, const struct store_record *r)
{
    struct upkeep *u = f->upkeep;
    uint64_t least = f->tail_seq, seq, used, max;
    for (size_t i = 0; i < N_KEYS - FIRST_CURSOR; i++)
        if (r[i].exists && cursor_read_seq(&r[i], &seq) == ERR_OK && seq < least)
            least = seq;
    store_memory_used(f->store, &used, &max);
    bool before = u->backlog;
    u->backlog = !budget_backlog_fits(f->tail_seq - least, max);
    if (u->backlog != before)
        told(u->backlog, "consumers are far behind: new cases are refused",
             "consumers are near enough for new cases");
}

static void on_read(void *arg, enum err e, const struct store_record *r, size_t n)
{
    struct flow *f = arg;
    struct upkeep *u = f->upkeep;
    u->asked = false;
    if (e != ERR_OK || n != N_KEYS)
        return;
    take_cursors(f, r + FIRST_CURSOR);
    u->cold_revision = r[COLD].exists ? r[COLD].revision : 0;
    if (r[0].exists && r[0].revision != u->usage_revision) {
        bool noise = u->full_of_noise, cases = u->full;
        u->usage = unpack(&u->usage_memory, &r[0]);
        u->usage_revision = r[0].revision;
        if (u->usage != NULL)
            take_usage(u);
        if (u->full_of_noise != noise)
            told(u->full_of_noise, "noise is over its budget and refused",
                 "noise is within its budget");
        if (u->full != cases)
            told(u->full, "a family is over its budget: new cases are refused",
                 "all families but that of noise are within their budgets");
    }
    take_noted(&u->backup, &r[1]);
    take_noted(&u->drill, &r[2]);
}

static void on_tick(void *arg)
{
    struct flow *f = arg;
    struct upkeep *u = f->upkeep;
    uint64_t dropped = log_dropped();
    metric_set(u->waits, consumer_waits(f));
    if (f->m_log_dropped != NULL)
        metric_add(f->m_log_dropped, dropped - f->log_dropped_told);
    f->log_dropped_told = dropped;
    alarms_tick(f);
    keys_look(f);
    if (!u->asked && store_ready(f->store, NULL))
        u->asked = store_read(f->store, keys, N_KEYS, on_read, f) == ERR_OK;
}

enum err upkeep_start(struct flow *f)
{
    struct loop_timer *t;
    struct upkeep *u = calloc(1, sizeof *u);
    f->upkeep = u;
    if (u == NULL)
        return ERR_NOMEM;
    arena_init(&u->usage_memory, KEEP_BYTES);
    arena_init(&u->backup.memory, KEEP_BYTES);
    arena_init(&u->drill.memory, KEEP_BYTES);
    for (int i = 0; i < N_FAMILIES; i++) {
        char label[48];
        (void)snprintf(label, sizeof label, "family=\"%s\"", budget_family((enum family)i)->name);
        u->bytes[i] = metrics_gauge("liu_store_family_bytes", label,
                                    "memory of a family of keys, estimated by the ledger");
        u->budget[i] =
            metrics_gauge("liu_store_family_budget_bytes", label, "its budget; 0 = none");
    }
    metric_set(metrics_gauge("liu_build_info", "version=\"" LIU_VERSION "\"", "always 1"), 1);
    u->usage_s = metrics_gauge("liu_store_usage_timestamp_seconds", "", "last measured");
    u->waits = metrics_gauge("liu_consumer_waits", "", "1 = events wait for memory");
    u->backup.at_s =
        metrics_gauge("liu_backup_timestamp_seconds", "", "end of the last backup; 0 = none");
    u->drill.at_s = metrics_gauge("liu_drill_timestamp_seconds", "",
                                  "end of the last restore drill that went well; 0 = none");
    return loop_add_timer(f->loop, TICK_MS, TICK_MS, on_tick, f, &t);
}

void upkeep_destroy(struct flow *f)
{
    struct upkeep *u = f->upkeep;
    if (u == NULL)
        return;
    arena_fini(&u->usage_memory);
    arena_fini(&u->backup.memory);
    arena_fini(&u->drill.memory);
    free(u);
    f->upkeep = NULL;
}
