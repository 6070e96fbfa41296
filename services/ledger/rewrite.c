/* Starts the rewrite of Redis' append-only file: when it has grown enough, while little is written,
 * and with nothing left to archive or trim: Redis stands still while it forks, the longer the more
 * memory it has in use. How fast it grows is measured on the file itself, so that noise counts as
 * commits do. Redis does only one at a time; one is asked for only when none is under way.
 */
#include "store/rewrite.h"

#include <stdio.h>

#include "base/clock.h"
#include "obs/log.h"
#include "services/ledger/ledger_private.h"

#define QUIET_CHECKS 2          /* in a row */
#define REWRITE_RETRY_MS 600000 /* after one that failed */
#define MEGABYTE (1024 * 1024u)

void rewrite_init(struct rewrite *w)
{
    w->m_bytes = metrics_gauge("liu_ledger_append_file_bytes", "", "Redis' append-only file");
    w->m_started = metrics_counter("liu_ledger_rewrites_total", "",
                                   "rewrites of the append-only file started by the ledger");
}

static void done(struct ledger *l, int64_t wait_ms)
{
    l->rewrite.busy = false;
    l->rewrite.next_ms = clock_mono_ms() + wait_ms;
}

static int64_t every_ms(const struct ledger *l)
{
    return l->set->rewrite_seconds * 1000;
}

static void started(void *arg, enum err e, const char *why)
{
    struct ledger *l = arg;
    if (ledger_answered(l))
        return;
    if (e != ERR_OK) {
        if (e == ERR_CONFLICT)
            ledger_fault(l, "rewrite-failed", "append-only file", why);
        done(l, e == ERR_CONFLICT ? REWRITE_RETRY_MS : every_ms(l));
        return;
    }
    char bytes[24];
    (void)snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)l->rewrite.bytes);
    log_event(LOG_LEVEL_INFO, "rewrite-started", "Redis rewrites its append-only file", "bytes",
              bytes, NULL);
    metric_add(l->rewrite.m_started, 1);
    l->rewrite.watching = true;
    done(l, every_ms(l));
}

/* How the one that was started ended. True while it runs. */
static bool watch(struct ledger *l, const struct store_append_file *f)
{
    struct rewrite *w = &l->rewrite;
    char bytes[24];
    if (!w->watching || f->rewriting)
        return f->rewriting;
    w->watching = false;
    if (f->failed) {
        ledger_fault(l, "rewrite-failed", "append-only file",
                     "Redis could not rewrite it: its log says why (memory, disk)");
        w->hold_ms = clock_mono_ms() + REWRITE_RETRY_MS;
        return false;
    }
    (void)snprintf(bytes, sizeof(bytes), "%llu", (unsigned long long)f->bytes);
    log_event(LOG_LEVEL_INFO, "rewrite-done", "the append-only file is rewritten", "bytes", bytes,
              NULL);
    return false;
}

static bool grown(const struct ledger *l, const struct store_append_file *f)
{
    uint64_t growth = (uint64_t)l->set->rewrite_growth;
    return growth > 0 && f->bytes >= (uint64_t)l->set->rewrite_min * MEGABYTE &&
           f->bytes - f->base_bytes >= f->base_bytes / 100 * growth && f->bytes > f->base_bytes;
}

static void looked(void *arg, enum err e, const struct store_append_file *f)
{
    struct ledger *l = arg;
    struct rewrite *w = &l->rewrite;
    int64_t now = clock_mono_ms();
    if (ledger_answered(l))
        return;
    if (e != ERR_OK) {
        w->quiet = 0;
        done(l, every_ms(l));
        return;
    }
    uint64_t written = f->bytes > w->bytes ? f->bytes - w->bytes : 0;
    int64_t ms = now - w->looked_ms > 0 ? now - w->looked_ms : 1;
    bool quiet = w->looked_ms > 0 && f->bytes >= w->bytes &&
                 written * 1000 / (uint64_t)ms <= (uint64_t)l->set->rewrite_quiet * 1024;
    w->quiet = quiet && !pace_behind(l) ? w->quiet + 1 : 0;
    w->bytes = f->bytes;
    w->looked_ms = now;
    metric_set(w->m_bytes, (int64_t)f->bytes);
    if (watch(l, f) || now < w->hold_ms || w->quiet < QUIET_CHECKS || !grown(l, f)) {
        done(l, every_ms(l));
        return;
    }
    w->quiet = 0;
    l->pending++;
    if (store_rewrite(l->store, started, l) != ERR_OK) {
        l->pending--;
        done(l, every_ms(l));
    }
}

void rewrite_go(struct ledger *l)
{
    struct rewrite *w = &l->rewrite;
    if (w->busy || l->stopped || clock_mono_ms() < w->next_ms || !store_ready(l->store, NULL))
        return;
    w->busy = true;
    l->pending++;
    if (store_append_file(l->store, looked, l) != ERR_OK) {
        l->pending--;
        done(l, every_ms(l));
    }
}
