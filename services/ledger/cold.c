/* The freezer's steps on the loop: cold.h says in which order and why. */
#include "services/ledger/cold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ismap/liu/v1/health.pb-c.h"
#include "obs/log.h"
#include "services/ledger/ledger_private.h"
#include "wire/unpack.h"

#define ANSWER_MS 20 /* how often it is looked at what was asked for */
#define RETRY_MS 1000
#define AGAIN_MS 30000
#define AGAIN_TIGHT_MS 2000
#define IDS_BYTES (64u << 20)
#define DATA_BYTES (32u << 20)

static void step(struct cold *c);

static void later(struct cold *c, enum cold_stage stage)
{
    c->stage = stage;
    c->next_ms = clock_mono_ms() + RETRY_MS;
}

static int64_t age_s(const struct cold *c)
{
    const struct ledger *l = c->ledger;
    bool tight = usage_tight(l, FAMILY_RECORDS) || usage_tight(l, FAMILY_RECEIPTS);
    return tight && l->set->freeze_seconds > COLD_TIGHT_SECONDS ? COLD_TIGHT_SECONDS
                                                                : l->set->freeze_seconds;
}

/* ---- the worker */

static void worked(void *arg, struct archive_job *job)
{
    struct cold *c = arg;
    enum cold_stage was = c->stage;
    c->waits = false;
    if (job->result == ERR_AGAIN) {
        if (c->thawed)
            c->again_ms = clock_mono_ms() + AGAIN_MS;
        c->thawed = false;
        c->stage = COLD_IDLE;
        return;
    }
    if (job->result != ERR_OK) {
        ledger_fault(c->ledger, "cold-failed", "cold records", job->why.text);
        c->thawed = false;
        c->next_ms = clock_mono_ms() + LEDGER_RETRY_MS;
        c->stage = was == COLD_OPENING ? COLD_OPENING : COLD_IDLE;
        return;
    }
    c->stored = c->state.stored;
    c->file_bytes = c->state.file_bytes;
    metric_set(c->m_records, (int64_t)c->state.records);
    metric_set(c->m_receipts, (int64_t)c->state.receipts);
    metric_set(c->m_bytes, (int64_t)c->state.file_bytes);
    if (was == COLD_OPENING || (was == COLD_FEEDING && !c->thawed)) {
        c->publishing = was == COLD_OPENING ? c->published : c->covers;
        c->stage = COLD_PUBLISHING;
    } else if (was == COLD_FEEDING) {
        c->stage = COLD_FREEZING;
    } else {
        c->thawed = false;
        c->stage = COLD_IDLE;
    }
    c->sent = 0;
    if (was == COLD_OPENING)
        cold_list_clear(&c->list);
    step(c);
}

static void submit(struct cold *c, void (*call)(struct archive_job *job))
{
    c->waits = true;
    c->job = (struct archive_job){.task = ARCHIVE_CALL, .call = call, .done = worked, .arg = c};
    archiver_submit(c->worker, &c->job);
}

/* ---- the generation */

static void generation_read(void *arg, enum err e, const struct store_record *r, size_t n)
{
    struct ledger *l = arg;
    struct cold *c = l->cold;
    struct arena a;
    ProtobufCMessage *m = NULL;
    if (ledger_answered(l))
        return;
    c->waits = false;
    if (e != ERR_OK || n != 1) {
        later(c, c->stage);
        return;
    }
    arena_init(&a, 4096);
    c->known = !r[0].exists || wire_unpack(&a, &ismap__liu__v1__upkeep__descriptor, r[0].value,
                                           r[0].bytes, &m) == ERR_OK;
    c->revision = r[0].exists ? r[0].revision : 0;
    if (m != NULL)
        c->published = ((const Ismap__Liu__V1__Upkeep *)(const void *)m)->seq;
    arena_fini(&a);
    if (!c->known) {
        ledger_fault(l, "cold-failed", "generation", "the record cannot be read");
        later(c, c->stage);
    } else if (c->revision == 0 && l->set->freeze_seconds == 0) {
        c->stage = COLD_OFF;
    } else {
        step(c);
    }
}

static void read_generation(struct cold *c)
{
    static const struct store_key key = {RECORD_UPKEEP, COLD_GENERATION};
    c->waits = true;
    c->ledger->pending++;
    if (store_read(c->ledger->store, &key, 1, generation_read, c->ledger) == ERR_OK)
        return;
    c->waits = false;
    c->ledger->pending--;
    later(c, c->stage);
}

static void published(void *arg, const struct commit_result *r)
{
    struct ledger *l = arg;
    struct cold *c = l->cold;
    if (ledger_answered(l))
        return;
    c->waits = false;
    if (r->status != COMMIT_OK) {
        c->known = false; /* it may be written, or by another: the record tells */
        if (r->status == COMMIT_REFUSED || r->status == COMMIT_BROKEN)
            ledger_fault(l, "cold-failed", "generation", r->text);
        later(c, c->stage);
        return;
    }
    c->revision++;
    c->published = c->publishing;
    c->stage = COLD_FREEZING;
    step(c);
}

/* Under a new revision whatever is written from now on stays until the next one. */
static void publish(struct cold *c)
{
    struct ledger *l = c->ledger;
    Ismap__Liu__V1__Upkeep m = ISMAP__LIU__V1__UPKEEP__INIT;
    Ismap__Liu__V1__FamilyUsage row = ISMAP__LIU__V1__FAMILY_USAGE__INIT;
    Ismap__Liu__V1__FamilyUsage *rows[] = {&row};
    if (c->publishing < c->published) /* the file is being made again */
        c->publishing = c->published;
    row.family = (char *)(uintptr_t) "cold";
    row.bytes = c->state.file_bytes;
    m.at_ms = clock_wall_ms();
    m.seq = c->publishing;
    m.families = rows;
    m.n_families = 1;
    if (ismap__liu__v1__upkeep__get_packed_size(&m) > sizeof(c->value))
        return;
    size_t bytes = ismap__liu__v1__upkeep__pack(&m, c->value);
    c->put = (struct commit_put){.kind = RECORD_UPKEEP,
                                 .id = COLD_GENERATION,
                                 .expected = c->revision,
                                 .value = c->value,
                                 .value_bytes = bytes};
    c->commit = (struct commit){.reply_type = "", .now_ms = m.at_ms, .puts = &c->put, .n_puts = 1};
    c->waits = true;
    l->pending++;
    if (store_commit(l->store, STORE_MAIN, &c->commit, published, l) == ERR_OK)
        return;
    c->waits = false;
    l->pending--;
    later(c, c->stage);
}

/* ---- records leave */

static void done(struct cold *c)
{
    char text[32];
    if (c->thawed) {
        c->stage = COLD_CLEARING;
        submit(c, cold_step_clear);
        return;
    }
    if (!c->partial && c->to > c->at) {
        c->at = c->to;
        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)c->at);
        log_event(LOG_LEVEL_INFO, "frozen", "records last written up to this entry left Redis",
                  "up_to", text, NULL);
    }
    c->stage = COLD_IDLE;
}

static void frozen(void *arg, enum err e, int64_t n, const char *why)
{
    struct ledger *l = arg;
    struct cold *c = l->cold;
    if (ledger_answered(l))
        return;
    c->waits = false;
    if (e == ERR_OK) {
        c->sent = c->list.n - c->sent > COLD_CALL ? c->sent + COLD_CALL : c->list.n;
        metric_add(c->m_frozen, (uint64_t)n);
        step(c);
        return;
    }
    if (e == ERR_CONFLICT) { /* someone else's generation: ours begins anew */
        ledger_fault(l, "cold-failed", "records", why);
        c->known = false;
        later(c, COLD_PUBLISHING);
        return;
    }
    later(c, COLD_FREEZING); /* perhaps it happened: then the same again finds nothing */
}

static void freeze(struct cold *c)
{
    struct cold_move moves[COLD_CALL];
    struct ledger *l = c->ledger;
    size_t n = 0;
    for (size_t i = c->sent; i < c->list.n && n < COLD_CALL; i++) {
        const struct cold_item *item = &c->list.items[i];
        moves[n++] = (struct cold_move){.kind = (enum record_kind)item->kind,
                                        .id = cold_list_id(&c->list, item),
                                        .revision = item->revision};
    }
    if (n == 0) {
        done(c);
        return;
    }
    c->waits = true;
    l->pending++;
    if (store_freeze(l->store, c->revision, (uint64_t)l->set->cold_filter << 23, moves, n, frozen,
                     l) == ERR_OK)
        return;
    c->waits = false;
    l->pending--;
    later(c, COLD_FREEZING);
}

/* ---- what comes next */

static void choose(struct cold *c)
{
    struct ledger *l = c->ledger;
    int64_t now = clock_mono_ms();
    bool tight = usage_tight(l, FAMILY_RECORDS);
    c->age_s = age_s(c);
    c->thawed = false;
    if (l->set->freeze_seconds == 0 && c->stored >= c->published)
        return; /* only what had left is answered for */
    if (tight && c->again_ms > now + AGAIN_TIGHT_MS)
        c->again_ms = now + AGAIN_TIGHT_MS;
    c->stage = COLD_FEEDING;
    c->server_ms = store_server_ms(l->store);
    if (c->stored >= c->published && now >= c->again_ms) {
        c->again_ms = now + (tight ? AGAIN_TIGHT_MS : AGAIN_MS);
        c->before_ms = clock_wall_ms() - 1000 * c->age_s;
        c->thawed = true;
        submit(c, cold_step_again);
        return;
    }
    /* what left before may be needed for the file whatever its age */
    c->limit = c->stored < c->published ? c->published : l->trim.least;
    if (c->limit > l->journal.archived.seq || !l->journal.has_archived)
        c->limit = l->journal.archived.seq;
    c->least = l->trim.least < l->journal.archived.seq ? l->trim.least : l->journal.archived.seq;
    if (c->stored < c->published)
        c->age_s = 0;
    submit(c, cold_step_feed);
}

static void step(struct cold *c)
{
    struct ledger *l = c->ledger;
    if (c->waits || l->stopped || !store_ready(l->store, NULL))
        return;
    if (!c->known && c->stage != COLD_FEEDING && c->stage != COLD_CLEARING)
        read_generation(c);
    else if (c->stage == COLD_OPENING)
        submit(c, cold_step_open);
    else if (c->stage == COLD_PUBLISHING)
        publish(c);
    else if (c->stage == COLD_FREEZING)
        freeze(c);
    else if (c->stage == COLD_IDLE)
        choose(c);
}

void cold_go(struct ledger *l)
{
    struct cold *c = l->cold;
    if (c->stage != COLD_OFF && clock_mono_ms() >= c->next_ms && l->journal.state == STREAM_RUNNING)
        step(c);
}

/* ---- life */

enum err cold_create(struct ledger *l, struct cold **out)
{
    struct cold *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_NOMEM;
    c->ledger = l;
    c->stage = COLD_OPENING;
    buf_init(&c->list.ids, IDS_BYTES);
    buf_init(&c->list.data, 0);
    buf_init(&c->asked.ids, IDS_BYTES);
    buf_init(&c->asked.data, DATA_BYTES);
    c->m_records = metrics_gauge("liu_ledger_cold_records", "", "records in the file of cold ones");
    c->m_receipts =
        metrics_gauge("liu_ledger_cold_receipts", "", "receipts in the file of cold records");
    c->m_bytes = metrics_gauge("liu_ledger_cold_bytes", "", "size of that file");
    c->m_frozen = metrics_counter("liu_ledger_frozen_total", "", "records that left Redis");
    c->m_thawed = metrics_counter("liu_ledger_thawed_total", "", "records put back into Redis");
    enum err e = archiver_create(l->loop, ARCHIVER_READER, &c->worker);
    if (e != ERR_OK) {
        free(c);
        return e;
    }
    *out = c;
    return ERR_OK;
}

void cold_start(struct ledger *l)
{
    struct cold *c = l->cold;
    (void)snprintf(c->dir, sizeof(c->dir), "%s/%s/cold", l->set->archive_dir, l->epoch);
    if (loop_add_timer(l->loop, ANSWER_MS, ANSWER_MS, cold_answer_tick, c, &c->timer) != ERR_OK)
        ledger_fault(l, "cold-failed", "timer", "no memory: restart the ledger");
}

void cold_stop(struct cold *c)
{
    if (c == NULL)
        return;
    if (c->timer != NULL)
        loop_cancel_timer(c->timer);
    archiver_destroy(c->worker);
    c->worker = NULL;
    cold_close(c->file);
    c->file = NULL;
}

void cold_free(struct cold *c)
{
    if (c == NULL)
        return;
    snapshot_close(c->snapshot);
    folder_names_fini(&c->segments);
    cold_list_fini(&c->list);
    cold_list_fini(&c->asked);
    free(c);
}
