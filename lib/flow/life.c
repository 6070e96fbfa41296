/* The life of a service between its configuration and its end, the same for all of them.
 *
 * Start: signals, log, store (wait until it is right), parties and views from Redis, tail of the
 * journal, doors, own probe, ready. Stop walks back: no new messages, answer what is under way
 * within drain_ms, close. It needs no process of its own: tests/replay runs several side by side.
 */
#include "flow/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define PROBE_PERIOD_MS 60000
#define DRAIN_TICK_MS 10
/* A door closed right behind an answer may lose it on a busy machine. */
#define LAST_ANSWERS_MS 200
#define SWEEP_MS 500
#define FIRST_KEPT_END 9007199254740992u /* above any sequence */

int64_t flow_now_ms(struct flow *f)
{
    int64_t now = clock_wall_ms();
    if (now > f->last_now_ms)
        f->last_now_ms = now;
    return f->last_now_ms;
}

void flow_not_ready(struct flow *f, const char *why)
{
    if (f->why_not != why && strcmp(f->why_not, why) != 0)
        log_event(LOG_LEVEL_INFO, "not-ready", why, NULL);
    f->why_not = why;
}

/* ---- loading parties, feeds, pointers and views */

struct load_step {
    enum record_kind kind;
    const struct view_row *view; /* NULL = directory */
};

static bool load_step_at(const struct flow *f, size_t i, struct load_step *out)
{
    static const enum record_kind base[] = {RECORD_PARTY, RECORD_FEED, RECORD_ACTIVE};
    size_t n = sizeof base / sizeof base[0];
    if (i < n) {
        *out = (struct load_step){.kind = base[i]};
        return true;
    }
    if (i - n >= f->svc->n_views)
        return false;
    *out = (struct load_step){.kind = f->svc->views[i - n].kind, .view = &f->svc->views[i - n]};
    return true;
}

static void load_next(struct flow *f);
static void load_retry(void *flow);

static void load_again(struct flow *f)
{
    struct loop_timer *t;
    f->phase = FLOW_WAITS_FOR_STORE;
    if (loop_add_timer(f->loop, 500, 0, load_retry, f, &t) != ERR_OK)
        loop_stop(f->loop);
}

static void on_load(void *arg, enum err e, const char *next_page, const char *const *ids,
                    const struct store_record *records, size_t n)
{
    struct flow *f = arg;
    struct load_step step;
    if (e != ERR_OK || !load_step_at(f, f->load_step, &step)) {
        load_again(f);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (step.view == NULL) {
            if (directory_update(f->dir, step.kind, ids[i], records[i].revision, records[i].value,
                                 records[i].bytes) == ERR_NOMEM)
                flow_out_of_memory(f);
            continue;
        }
        kept_take(f->kept, step.kind, ids[i], records[i].revision, records[i].value,
                  records[i].bytes);
        if (step.view->changed == NULL)
            continue;
        struct arena a;
        arena_init(&a, LIMIT_WORK_ARENA_BYTES);
        ProtobufCMessage *m;
        e = wire_unpack(&a, record_type_of(step.kind)->descriptor, records[i].value,
                        records[i].bytes, &m);
        if (e == ERR_OK)
            step.view->changed(f->state, ids[i], records[i].revision, m);
        else if (e == ERR_NOMEM)
            flow_out_of_memory(f);
        arena_fini(&a);
    }
    (void)text_copy(f->load_page, sizeof f->load_page, next_page);
    if (f->load_page[0] == '\0')
        f->load_step++;
    load_next(f);
}

static void loaded(struct flow *f);

static void load_next(struct flow *f)
{
    struct load_step step;
    if (!load_step_at(f, f->load_step, &step))
        loaded(f);
    else if (store_scan(f->store, step.kind, f->load_page, 512, on_load, f) != ERR_OK)
        load_again(f);
}

/* The last entry's time: a clock that was put back while we were down would refuse what is sent now
 * as being from the future. */
static void load_clock(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct flow *f = arg;
    struct arena a;
    ProtobufCMessage *m;
    arena_init(&a, 4 * (size_t)LIMIT_WORK_ARENA_BYTES);
    if (e == ERR_OK && n == 1 &&
        wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, entries[0].data,
                    entries[0].bytes, &m) == ERR_OK)
        flow_follow_clock(f, ((const pb_entry *)m)->at_ms);
    arena_fini(&a);
    if (e == ERR_OK)
        load_next(f);
    else
        load_again(f);
}

static void load_head(void *arg, enum err e, uint64_t seq)
{
    struct flow *f = arg;
    if (e != ERR_OK) {
        load_again(f);
        return;
    }
    f->tail_seq = seq; /* what changes from here on comes by the tail */
    f->load_step = 0;
    f->load_page[0] = '\0';
    if (store_entries(f->store, seq, seq, 1, load_clock, f) != ERR_OK)
        load_again(f);
}

static void load_begin(struct flow *f)
{
    f->phase = FLOW_LOADING;
    flow_not_ready(f, "loading parties and views");
    if (store_head(f->store, load_head, f) != ERR_OK)
        load_again(f);
}

static void load_retry(void *flow)
{
    struct flow *f = flow;
    if (f->phase == FLOW_WAITS_FOR_STORE && store_ready(f->store, NULL))
        load_begin(f);
}

/* ---- the way in */

static void on_probe(void *arg, bool ok, const char *why)
{
    struct flow *f = arg;
    if (f->probe_ok != ok || f->phase == FLOW_PROBING)
        log_event(ok ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, ok ? "probe-ok" : "probe-failed",
                  ok ? "strangers are refused, known keys are let in" : why, NULL);
    f->probe_ok = ok;
    if (ok && f->phase == FLOW_PROBING) {
        f->phase = FLOW_READY;
        f->why_not = "";
        char ms[24];
        (void)snprintf(ms, sizeof ms, "%lld", (long long)(clock_wall_ms() - f->started_at_ms));
        log_event(LOG_LEVEL_INFO, "ready", "serving", "after_ms", ms, NULL);
        if (f->svc->start != NULL)
            f->svc->start(f->state);
        consumer_go(f);
        doors_follow(f);
    }
}

void flow_probe(void *flow)
{
    struct flow *f = flow;
    if (f->phase != FLOW_STOPPING && bus_probe(f->bus, on_probe, f) != ERR_OK)
        on_probe(f, false, "the self-probe could not start");
}

static enum err open_up(struct flow *f, struct err_text *why)
{
    enum err e = bus_create(f->loop, directory_by_curve, f->dir, &f->bus, why);
    if (e == ERR_OK)
        e = doors_open(f, why);
    struct loop_timer *t;
    if (e == ERR_OK)
        e = loop_add_timer(f->loop, PROBE_PERIOD_MS, PROBE_PERIOD_MS, flow_probe, f, &t);
    return e;
}

static void fail(struct flow *f, const char *event, const char *why)
{
    log_event(LOG_LEVEL_ERROR, event, why, NULL);
    f->exit_status = 1;
    loop_stop(f->loop);
}

/* The consumer and the tail go on behind `from`; revision 0: the consumer has no cursor yet. */
static void follow_from(struct flow *f, uint64_t from, uint64_t revision)
{
    struct err_text why = {""};
    enum err e = consumer_start(f, from, revision);
    if (e == ERR_OK)
        e = tail_start(f, from);
    if (e == ERR_OK)
        e = open_up(f, &why);
    if (e != ERR_OK) {
        fail(f, "start-failed", why.text[0] != '\0' ? why.text : err_name(e));
        return;
    }
    f->phase = FLOW_PROBING;
    flow_not_ready(f, "probing its own doors");
    flow_probe(f);
}

/* A consumer that is new acts on what Redis still has. What was before it is in the records that it
 * decides by; acting on events of years ago is not what a new part of the system is for. */
static void on_first_kept(void *arg, enum err e, const struct store_entry *entries, size_t n)
{
    struct flow *f = arg;
    if (e != ERR_OK || n != 1) {
        load_again(f);
        return;
    }
    if (entries[0].seq > 1) {
        char seq[24];
        (void)snprintf(seq, sizeof seq, "%llu", (unsigned long long)entries[0].seq);
        log_event(LOG_LEVEL_WARN, "consumer-starts-late",
                  "a consumer without a cursor begins with the first entry kept in Redis", "seq",
                  seq, NULL);
    }
    follow_from(f, entries[0].seq - 1, 0);
}

static void on_cursor(void *arg, enum err e, const struct store_record *records, size_t n)
{
    struct flow *f = arg;
    uint64_t from = f->tail_seq;
    if (e != ERR_OK || n != 1) {
        load_again(f);
        return;
    }
    if (f->svc->n_consumers > 0 && !records[0].exists) {
        if (store_entries(f->store, 1, FIRST_KEPT_END, 1, on_first_kept, f) != ERR_OK)
            load_again(f);
        return;
    }
    if (f->svc->n_consumers > 0 && cursor_read_seq(&records[0], &from) != ERR_OK) {
        load_again(f); /* beginning anew would act on every event once more */
        return;
    }
    follow_from(f, from, records[0].exists ? records[0].revision : 0);
}

static void loaded(struct flow *f)
{
    struct store_key key = {.kind = RECORD_CURSOR, .id = f->svc->name};
    if (store_read(f->store, &key, 1, on_cursor, f) != ERR_OK)
        load_again(f);
}

static void on_store(void *arg, bool ready)
{
    struct flow *f = arg;
    const char *why = "";
    if (!ready) {
        (void)store_ready(f->store, &why);
        log_event(LOG_LEVEL_WARN, "store-lost", why, NULL);
        return;
    }
    log_event(LOG_LEVEL_INFO, "store-ready", "the store is checked", "epoch", store_epoch(f->store),
              NULL);
    if (f->phase == FLOW_WAITS_FOR_STORE)
        load_begin(f);
    engine_store_ready(f);
    consumer_go(f);
}

/* ---- stop */

static void drain(void *flow)
{
    struct flow *f = flow;
    if (f->works > 0 && clock_mono_ms() < f->drain_until_ms)
        return;
    if (f->works > 0)
        log_event(LOG_LEVEL_WARN, "drain-cut",
                  "stopping with work under way: nothing acknowledged is lost", NULL);
    loop_stop(f->loop);
}

void flow_stop(void *flow)
{
    struct flow *f = flow;
    struct loop_timer *t;
    log_event(LOG_LEVEL_INFO, "stopping", "no new messages; answering what is under way", NULL);
    f->phase = FLOW_STOPPING;
    f->why_not = "stopping";
    f->drain_until_ms = clock_mono_ms() + f->set.drain_ms;
    doors_pause(f);
    fetch_answer_all(f, NULL);
    if (loop_add_timer(f->loop, LAST_ANSWERS_MS, DRAIN_TICK_MS, drain, f, &t) != ERR_OK)
        loop_stop(f->loop);
}

/* ---- start and end */

static void metrics_create(struct flow *f)
{
    f->m_requests = metrics_counter("liu_requests_total", "", "messages that reached a door");
    f->m_refused = metrics_counter("liu_requests_refused_total", "",
                                   "messages refused before they were decided");
    f->m_commits = metrics_counter("liu_commits_total", "", "commits that are durable");
    f->m_conflicts = metrics_counter("liu_conflicts_total", "",
                                     "commits decided again because state had changed");
    f->m_mismatches =
        metrics_counter("liu_id_reused_total", "", "requests whose id was used for other bytes");
    f->m_quarantined =
        metrics_counter("liu_events_quarantined_total", "", "events that failed for good");
    f->m_commit_us = metrics_histogram("liu_commit_seconds", "",
                                       "from a message's arrival to its durable commit");
    f->m_works = metrics_gauge("liu_works_in_flight", "", "pieces of work under way");
    f->m_head = metrics_gauge("liu_journal_seq", "", "last journal entry taken in");
    f->m_consumed = metrics_gauge("liu_consumed_seq", "", "journal entries acted on up to here");
    f->m_log_dropped =
        metrics_counter("liu_log_lines_dropped_total", "", "log lines that nobody read in time");
    f->m_cold_asked = metrics_counter("liu_cold_asked_total", "",
                                      "works that waited for a record from the archive");
    f->m_cold_late = metrics_counter("liu_cold_late_total", "",
                                     "of them, given up because it did not come in time");
    f->m_garbage =
        metrics_counter("liu_frames_garbage_total", "", "messages that were not one frame");
}

static int level_of(const struct flow *f)
{
    int level = flow_log_level(f->set.log_level);
    return level < 0 ? LOG_LEVEL_INFO : level;
}

/* The ledger compares each start of Redis with its archive. Whoever suspends services does not wait
 * for a dead ledger for ever (docs/decisions/0021). */
static int64_t unconfirmed_ms(const struct flow *f)
{
    if (f->svc->archive != NULL)
        return 0;
    for (size_t i = 0; i < f->svc->n_doors; i++)
        if (f->svc->doors[i].urgent)
            return LIMIT_UNCONFIRMED_MS;
    return INT64_MAX;
}

enum err flow_start(struct flow *f, struct err_text *why)
{
    metrics_create(f);
    f->why_not = "waiting for the store";
    f->started_at_ms = clock_wall_ms();
    enum err e = loop_create(&f->loop);
    if (e == ERR_OK)
        e = loop_handle_signals(f->loop, flow_stop, flow_reload, f);
    if (e == ERR_OK)
        e = log_start(f->svc->name, (enum log_level)level_of(f));
    if (e == ERR_OK)
        e = directory_create(&f->dir);
    if (e == ERR_OK)
        e = kept_create(f->svc, LIMIT_KEPT_RECORDS, LIMIT_KEPT_BYTES, &f->kept);
    if (e == ERR_OK)
        e = fetch_create(f);
    struct store_config sc = {.address = f->set.redis_address,
                              .user = f->set.redis_user,
                              .password_file = f->set.redis_password_file,
                              .partition = f->set.partition,
                              .timeout_ms = f->set.redis_timeout_ms,
                              .replicas = (uint32_t)f->set.redis_replicas,
                              .unconfirmed_ms = unconfirmed_ms(f)};
    store_take_tls(&sc, &f->set.redis_tls);
    if (e == ERR_OK)
        e = store_create(f->loop, &sc, &f->store, why);
    if (e == ERR_OK)
        store_tls_look(f->store);
    struct service_env env = {
        .loop = f->loop, .store = f->store, .settings = f->svc_settings, .name = f->svc->name};
    if (e == ERR_OK && f->svc->create != NULL)
        e = f->svc->create(&env, &f->state, why);
    if (e == ERR_OK)
        e = obs_http_create(f->loop, f->set.http_address, flow_ready, f, &f->http, why);
    if (e == ERR_OK)
        e = timers_start(f);
    if (e == ERR_OK)
        e = upkeep_start(f);
    struct loop_timer *t;
    if (e == ERR_OK)
        e = loop_add_timer(f->loop, SWEEP_MS, SWEEP_MS, engine_sweep, f, &t);
    if (e == ERR_OK)
        e = loop_add_after(f->loop, load_turn_ends, f);
    if (e == ERR_OK)
        e = loop_add_after(f->loop, reply_sign_turn, f);
    if (e == ERR_OK)
        store_on_ready(f->store, on_store, f);
    return e;
}

/* The store goes first: it ends what is outstanding, and those callbacks still answer by the doors,
 * look at waiters and wake works that decide on the service's state. */
void flow_destroy(struct flow *f)
{
    f->phase = FLOW_STOPPING;
    store_destroy(f->store);
    fetch_destroy(f);
    consumer_destroy(f);
    timers_destroy(f);
    upkeep_destroy(f);
    engine_destroy(f);
    bus_destroy(f->bus);
    obs_http_destroy(f->http);
    if (f->svc->destroy != NULL && f->state != NULL)
        f->svc->destroy(f->state);
    directory_destroy(f->dir);
    kept_destroy(f->kept);
    loop_destroy(f->loop);
    keys_free(f);
    log_stop();
}
