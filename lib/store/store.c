/* Puts the connections together: readiness, clock, epoch, memory pressure. */
#include "store/store_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "crypto/crypto.h"
#include "obs/log.h"
#include "obs/metrics.h"

#define CLOCK_MS 20
#define TIMEOUT_MS 2000
#define HOOKS_MAX 16

/* The loop cannot forget an after-callback, so it is given a place that outlives the store. */
static struct store *hooks[HOOKS_MAX];

struct loop *store_loop(const struct store *s)
{
    return s->loop;
}

const char *store_address(const struct store *s)
{
    return s->address;
}

const char *store_user(const struct store *s)
{
    return s->user;
}

const char *store_password_file(const struct store *s)
{
    return s->password_file;
}

const char *store_partition(const struct store *s)
{
    return s->partition;
}

const char *store_tls_name(const struct store *s)
{
    return s->tls_name;
}

enum err store_tls_context(const struct store *s, struct tls_context **out, struct err_text *why)
{
    const struct tls_files files = {.ca = s->tls_ca, .cert = s->tls_cert, .key = s->tls_key};
    return tls_context_create(&files, out, why);
}

int64_t store_timeout_ms(const struct store *s)
{
    return s->timeout_ms;
}

uint32_t store_replicas(const struct store *s)
{
    return s->replicas;
}

void store_set_timeout(struct store *s, int64_t timeout_ms)
{
    s->timeout_ms = timeout_ms <= 0 ? TIMEOUT_MS : timeout_ms;
}

int64_t store_jitter(struct store *s, int64_t most_ms)
{
    s->jitter ^= s->jitter << 13;
    s->jitter ^= s->jitter >> 7;
    s->jitter ^= s->jitter << 17;
    return most_ms <= 0 ? 0 : (int64_t)(s->jitter % (uint64_t)most_ms);
}

void store_memory(struct store *s, const struct check_memory *m)
{
    static const char *const says[] = {
        "memory pressure is over", "memory at 70 %: noise is refused",
        "memory at 85 %: new cases are refused too",
        "memory at 95 %: only what is urgent is taken, consumers trickle",
        "memory at 97.5 %: only what is urgent is taken, consumers wait"};
    enum store_pressure p = check_pressure(m);
    metric_set(s->m_used, (int64_t)m->used_bytes);
    metric_set(s->m_max, (int64_t)m->max_bytes);
    if (p != s->pressure)
        log_event(p > s->pressure ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "redis-memory", says[p], NULL);
    s->memory = *m;
    s->pressure = p;
}

void store_reached(struct store *s, uint64_t seq)
{
    if (seq > s->head_seq)
        s->head_seq = seq;
}

enum err store_head_seen(struct store *s, const struct head *head, uint64_t least,
                         struct err_text *why)
{
    if (s->epoch[0] == '\0')
        memcpy(s->epoch, head->epoch, sizeof(s->epoch));
    if (strcmp(s->epoch, head->epoch) != 0)
        return err_say(
            why, ERR_DATA_LOSS,
            "the epoch changed from %s to %s: the store was restored or replaced; restart this "
            "service",
            s->epoch, head->epoch);
    if (head->seq < least)
        return err_say(
            why, ERR_DATA_LOSS,
            "the journal ends with entry %llu, but entry %llu was there before: Redis has "
            "an older file; bring back the right one, or restore",
            (unsigned long long)head->seq, (unsigned long long)least);
    store_reached(s, head->seq);
    return ERR_OK;
}

bool store_may_begin(struct store *s, bool confirmed)
{
    int64_t now = clock_mono_ms();
    if (confirmed || s->unconfirmed_ms == 0 || s->epoch[0] != '\0')
        return true;
    if (s->unconfirmed_until_ms == 0)
        s->unconfirmed_until_ms =
            s->unconfirmed_ms < INT64_MAX - now ? now + s->unconfirmed_ms : INT64_MAX;
    if (now < s->unconfirmed_until_ms)
        return false;
    log_event(LOG_LEVEL_ERROR, "store-unconfirmed",
              "the ledger does not confirm this start of Redis: it is used all the same, because "
              "suspensions cannot wait",
              NULL);
    return true;
}

static void lane_changed(struct store *s, const struct conn *c, bool ready)
{
    for (size_t i = 0; i < N_LANES; i++) {
        if (s->lanes[i].conn == c && !ready)
            lane_drop(&s->lanes[i], c->why);
    }
}

static void conn_changed(struct conn *c, bool ready)
{
    struct store *s = c->store;
    bool all = true;
    for (size_t i = 0; i < N_CONNS; i++)
        all = all && s->conns[i].state == CONN_READY;
    lane_changed(s, c, ready);
    if (c == &s->conns[CONN_TAIL] && !ready)
        tail_lost(s);
    if (all == s->ready)
        return;
    s->ready = all;
    metric_set(s->m_ready, all);
    log_event(all ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, all ? "store-ready" : "store-not-ready",
              all ? "the store is ready" : "the store is not ready", "epoch", s->epoch, "why",
              c->why, NULL);
    if (s->on_ready != NULL)
        s->on_ready(s->on_ready_arg, all);
}

static void on_clock(void *arg)
{
    struct store *s = arg;
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < N_CONNS; i++)
        conn_tick(&s->conns[i], now);
    tail_resume(s);
    certs_tick(s, now);
    if (now >= s->memory_at_ms) {
        s->memory_at_ms =
            now + (s->pressure == STORE_PRESSURE_NONE ? CHECK_MEMORY_MS : CHECK_MEMORY_SHORT_MS);
        check_memory_now(s);
    }
}

static void on_after(void *arg)
{
    struct store *s = *(struct store **)arg;
    if (s == NULL)
        return;
    for (size_t i = 0; i < N_LANES; i++)
        lane_flush(&s->lanes[i]);
    bell_ring(s);
    for (size_t i = 0; i < N_CONNS; i++)
        conn_flush(&s->conns[i]);
    metric_set(s->m_pending, (int64_t)store_commits_pending(s));
}

static enum err hook(struct store *s)
{
    for (size_t i = 0; i < HOOKS_MAX; i++) {
        if (hooks[i] != NULL)
            continue;
        enum err e = loop_add_after(s->loop, on_after, &hooks[i]);
        if (e != ERR_OK)
            return e;
        hooks[i] = s;
        s->hook = &hooks[i];
        return ERR_OK;
    }
    return ERR_LIMIT;
}

static void metrics(struct store *s)
{
    s->m_used = metrics_gauge("liu_redis_used_bytes", NULL, "Memory Redis uses");
    s->m_max = metrics_gauge("liu_redis_max_bytes", NULL, "maxmemory of Redis; 0 = unlimited");
    s->m_ready =
        metrics_gauge("liu_store_ready", NULL, "1 when all connections are up and checked");
    s->m_commits = metrics_counter("liu_store_commits_total", NULL, "Commits that are durable");
    s->m_conflicts =
        metrics_counter("liu_store_conflicts_total", NULL, "Commits that met another's change");
    s->m_calls = metrics_counter("liu_store_calls_total", NULL, "Calls of the Function");
    s->m_commit_us =
        metrics_histogram("liu_store_commit_seconds", NULL, "From queueing to durable");
    static const struct {
        enum commit_status status;
        const char *label;
    } failed[] = {{COMMIT_REFUSED, "why=\"refused\""},
                  {COMMIT_UNKNOWN, "why=\"unknown\""},
                  {COMMIT_UNAVAILABLE, "why=\"unavailable\""},
                  {COMMIT_BROKEN, "why=\"broken\""},
                  {COMMIT_LATE, "why=\"late\""}};
    for (size_t i = 0; i < sizeof failed / sizeof failed[0]; i++)
        s->m_failed[failed[i].status] =
            metrics_counter("liu_store_commits_failed_total", failed[i].label,
                            "Commits that did not hold, conflicts apart");
    s->m_pending = metrics_gauge("liu_store_commits_pending", NULL, "Commits queued or in flight");
}

static const char *or_empty(const char *s)
{
    return s == NULL ? "" : s;
}

/* With tls: the files must be good now; without it there must be none, lest somebody believes that
 * they protect him. */
static enum err configure_tls(struct store *s, const struct store_config *c, struct err_text *why)
{
    const char *const texts[] = {or_empty(c->tls.ca), or_empty(c->tls.cert), or_empty(c->tls.key),
                                 or_empty(c->tls_name)};
    struct tls_context *context = NULL;
    if (!address_is_tls(s->address)) {
        for (size_t i = 0; i < 4; i++)
            if (texts[i][0] != '\0')
                return err_say(
                    why, ERR_CONFIG,
                    "%s: TLS is configured, but this is no tls: or sentinel-tls: address",
                    s->address);
        return ERR_OK;
    }
    if (!text_copy(s->tls_ca, sizeof(s->tls_ca), texts[0]) ||
        !text_copy(s->tls_cert, sizeof(s->tls_cert), texts[1]) ||
        !text_copy(s->tls_key, sizeof(s->tls_key), texts[2]) ||
        !text_copy(s->tls_name, sizeof(s->tls_name), texts[3]))
        return err_say(why, ERR_CONFIG, "a setting of the store is too long");
    if (s->tls_name[0] == '\0')
        address_host(s->address, s->tls_name);
    enum err e = store_tls_context(s, &context, why);
    tls_context_free(context);
    return e;
}

static enum err configure(struct store *s, const struct store_config *c, struct err_text *why)
{
    enum err e = address_check(c->address == NULL ? "" : c->address, why);
    if (e != ERR_OK)
        return e;
    if (!text_copy(s->address, sizeof(s->address), c->address) ||
        !text_copy(s->user, sizeof(s->user), c->user == NULL ? "" : c->user) ||
        !text_copy(s->password_file, sizeof(s->password_file),
                   c->password_file == NULL ? "" : c->password_file) ||
        !text_copy(s->partition, sizeof(s->partition), c->partition == NULL ? "p0" : c->partition))
        return err_say(why, ERR_CONFIG, "a setting of the store is too long");
    s->timeout_ms = c->timeout_ms <= 0 ? TIMEOUT_MS : c->timeout_ms;
    s->replicas = c->replicas;
    s->unconfirmed_ms = c->unconfirmed_ms;
    s->halted_too = c->halted_too;
    /* A message sent with a clock ahead is taken that much longer, and one that was taken may wait:
     * its receipt must outlive both. */
    s->receipt_window_ms = LIMIT_RECEIPT_WINDOW_MS + 2 * LIMIT_CLOCK_AHEAD_MS;
    s->receipts_max = LIMIT_RECEIPTS_PER_PARTY;
    return configure_tls(s, c, why);
}

enum err store_create(struct loop *l, const struct store_config *c, struct store **out,
                      struct err_text *why)
{
    static const char *const names[N_CONNS] = {"redis-urgent", "redis-main", "redis-read",
                                               "redis-tail", "redis-bell"};
    static const unsigned priorities[N_CONNS] = {1, 3, 3, 4, 4};
    struct store *s = calloc(1, sizeof(*s));
    *out = NULL;
    if (s == NULL)
        return err_say(why, ERR_NOMEM, "no memory");
    s->loop = l;
    enum err e = configure(s, c, why);
    if (e != ERR_OK) {
        free(s);
        return e;
    }
    metrics(s);
    for (size_t i = 0; i < N_CONNS && e == ERR_OK; i++) {
        e = conn_init(&s->conns[i], s, names[i], priorities[i]);
        s->conns[i].changed = conn_changed;
    }
    for (size_t i = 0; i < N_LANES && e == ERR_OK; i++)
        e = lane_init(&s->lanes[i], s, &s->conns[i]);
    if (e == ERR_OK)
        e = crypto_random(&s->jitter, sizeof(s->jitter));
    s->jitter |= 1;
    if (e == ERR_OK)
        e = loop_add_timer(l, 0, CLOCK_MS, on_clock, s, &s->clock);
    if (e == ERR_OK)
        e = hook(s);
    if (e != ERR_OK) {
        store_destroy(s);
        return err_say(why, e, "the store cannot be set up: %s", err_name(e));
    }
    *out = s;
    return ERR_OK;
}

void store_destroy(struct store *s)
{
    if (s == NULL)
        return;
    if (s->hook != NULL)
        *s->hook = NULL;
    loop_cancel_timer(s->clock);
    loop_cancel_timer(s->bell);
    s->on_ready = NULL;
    certs_fini(s);
    for (size_t i = 0; i < N_CONNS; i++)
        conn_fini(&s->conns[i]);
    for (size_t i = 0; i < N_LANES; i++)
        lane_fini(&s->lanes[i]);
    free(s);
}

bool store_ready(const struct store *s, const char **why)
{
    if (why != NULL) {
        *why = "";
        for (size_t i = 0; i < N_CONNS && (*why)[0] == '\0'; i++) {
            if (s->conns[i].state != CONN_READY)
                *why = s->conns[i].why[0] != '\0' ? s->conns[i].why : "connecting";
        }
    }
    return s->ready;
}

const char *store_run(const struct store *s)
{
    return s->run;
}

const char *store_epoch(const struct store *s)
{
    return s->epoch;
}

int64_t store_server_ms(const struct store *s)
{
    return s->memory.server_ms;
}

enum store_pressure store_pressure(const struct store *s)
{
    return s->pressure;
}

void store_memory_used(const struct store *s, uint64_t *used_bytes, uint64_t *max_bytes)
{
    *used_bytes = s->memory.used_bytes;
    *max_bytes = s->memory.max_bytes;
}

void store_on_ready(struct store *s, void (*fn)(void *arg, bool ready), void *arg)
{
    s->on_ready = fn;
    s->on_ready_arg = arg;
}
