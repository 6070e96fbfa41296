/* Loads what a decision asked for: records, the journal's head, a page of a scan. */
#include "flow/internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define IMMUTABLES_MAX 64
#define VIEW_WAIT_MS 1000
#define TURN_US 4000 /* of a turn for what no one waits for */

/* Parsed immutable records (rulebooks, target lists, catalogues) are kept for good. */
struct immutable {
    char key[96];
    struct arena arena;
    const ProtobufCMessage *message;
    uint64_t revision;
    UT_hash_handle hh;
};

/* ---- events and timers take a part of each turn only, so that messages come in between */

static void run_timed(struct work *w)
{
    struct flow *f = w->flow;
    int64_t began = clock_mono_us();
    work_run(w);
    f->turn_us += clock_mono_us() - began;
}

/* Its records are there. Those of a batch arrive together: what is beyond the turn's part waits in
 * line. */
void load_run(struct work *w)
{
    struct flow *f = w->flow;
    if (w->source == WORK_MESSAGE) {
        work_run(w);
    } else if (f->first_later == NULL && f->turn_us < TURN_US) {
        run_timed(w);
    } else {
        w->next = NULL;
        *(f->first_later == NULL ? &f->first_later : &f->last_later->next) = w;
        f->last_later = w;
    }
}

void load_turn_ends(void *flow)
{
    struct flow *f = flow;
    bool ran = false;
    while (f->first_later != NULL && f->turn_us < TURN_US) {
        struct work *w = f->first_later;
        f->first_later = w->next;
        w->next = NULL;
        run_timed(w);
        ran = true;
    }
    f->turn_us = 0;
    if (ran || f->first_later != NULL) /* its commit is to be sent, too */
        loop_again(f->loop);
}

void load_give_up(struct work *w)
{
    if (w->load_failed)
        (void)work_refuse(w, FLOW_STATUS(UNAVAILABLE), "", "P-STORE",
                          "保存先に接続できません。しばらくして再送してください。",
                          "The store cannot be reached. Send again in a moment.");
    if (w->source == WORK_MESSAGE)
        reply_send(w);
    else
        consumer_work_done(w, false);
}

static void loaded_one(struct work *w)
{
    if (--w->loading > 0)
        return;
    if (w->load_failed) {
        load_give_up(w);
        return;
    }
    if (w->unreadable) {
        w->unreadable = false;
        work_reset_outcome(w);
        work_fail(w);
        return;
    }
    if (cold_in_doubt(w))
        cold_seek(w);
    else
        load_run(w);
}

bool load_from_immutables(struct flow *f, struct work_read *r)
{
    char key[96];
    (void)snprintf(key, sizeof key, "%d/%s", (int)r->kind, r->id);
    struct immutable *m = NULL;
    HASH_FIND_STR(f->immutables, key, m);
    if (m == NULL)
        return false;
    r->message = m->message;
    r->revision = m->revision;
    r->exists = true;
    r->loaded = true;
    return true;
}

static const ProtobufCMessage *immutable_keep(struct flow *f, const struct work_read *r,
                                              const struct store_record *rec)
{
    struct immutable *m = f->n_immutables < IMMUTABLES_MAX ? calloc(1, sizeof *m) : NULL;
    if (m == NULL)
        return NULL;
    arena_init(&m->arena, LIMIT_WORK_ARENA_BYTES);
    ProtobufCMessage *msg;
    if (wire_unpack(&m->arena, record_type_of(r->kind)->descriptor, rec->value, rec->bytes, &msg) !=
        ERR_OK) {
        arena_fini(&m->arena);
        free(m);
        return NULL;
    }
    m->message = msg;
    m->revision = rec->revision;
    (void)snprintf(m->key, sizeof m->key, "%d/%s", (int)r->kind, r->id);
    HASH_ADD_STR(f->immutables, key, m);
    if (!HASH_IS_IN(m)) {
        arena_fini(&m->arena);
        free(m);
        return NULL;
    }
    f->n_immutables++;
    return msg;
}

void load_fill(struct work *w, struct work_read *r, const struct store_record *rec)
{
    r->loaded = true;
    r->exists = rec->exists;
    r->revision = rec->exists ? rec->revision : 0;
    if (!rec->exists)
        return;
    kept_take(w->flow->kept, r->kind, r->id, rec->revision, rec->value, rec->bytes);
    const struct record_type *t = record_type_of(r->kind);
    if (t->immutable)
        r->message = immutable_keep(w->flow, r, rec);
    ProtobufCMessage *m = NULL;
    if (r->message == NULL) {
        if (wire_unpack(&w->arena, t->descriptor, rec->value, rec->bytes, &m) != ERR_OK) {
            log_event(LOG_LEVEL_ERROR, "record-unreadable", "a stored record cannot be read",
                      "kind", t->name, "id", r->id, NULL);
            w->unreadable = true; /* must not look as if it did not exist */
        }
        r->message = m;
    }
}

static void on_records(void *arg, enum err e, const struct store_record *records, size_t n)
{
    struct work *w = arg;
    if (e != ERR_OK)
        w->load_failed = true;
    size_t at = 0;
    if (e == ERR_OK && w->cold_asked && n > 0)
        cold_take_generation(w, &records[at++]);
    for (size_t i = 0; e == ERR_OK && i < w->n_reads; i++)
        if (!w->reads[i].loaded && at < n)
            load_fill(w, &w->reads[i], &records[at++]);
    loaded_one(w);
}

static void on_head(void *arg, enum err e, uint64_t seq)
{
    struct work *w = arg;
    w->load_failed = w->load_failed || e != ERR_OK;
    w->head_loaded = true;
    w->head_seq = seq;
    loaded_one(w);
}

/* Behind the last record in Redis come the cold ones, as soon as there may be any. */
static void on_scan_end(void *arg, enum err e, const struct store_record *generation, size_t n)
{
    struct work *w = arg;
    w->load_failed = w->load_failed || e != ERR_OK || n != 1;
    if (!w->load_failed && generation != NULL && generation[0].exists)
        w->scan.result.next_page = "~"; /* COLD_PAGE */
    loaded_one(w);
}

static void on_scan(void *arg, enum err e, const char *next_page, const char *const *ids,
                    const struct store_record *records, size_t n)
{
    struct work *w = arg;
    struct work_scan_state *s = &w->scan;
    s->loaded = true;
    w->load_failed = w->load_failed || e != ERR_OK;
    if (e == ERR_OK) {
        const char **out_ids = arena_alloc(&w->arena, (n + 1) * sizeof *out_ids);
        const void **out = arena_alloc(&w->arena, (n + 1) * sizeof *out);
        char *page = arena_strdup(&w->arena, next_page);
        w->load_failed = w->load_failed || out_ids == NULL || out == NULL || page == NULL;
        size_t kept = 0;
        for (size_t i = 0; !w->load_failed && i < n; i++) {
            ProtobufCMessage *m;
            if (wire_unpack(&w->arena, record_type_of(s->kind)->descriptor, records[i].value,
                            records[i].bytes, &m) != ERR_OK) {
                w->unreadable = true; /* a list must not leave out what does not fit */
                break;
            }
            out_ids[kept] = arena_strdup(&w->arena, ids[i]);
            w->load_failed = out_ids[kept] == NULL;
            out[kept++] = m;
        }
        s->result =
            (struct work_page){.next_page = page, .ids = out_ids, .messages = out, .n = kept};
    }
    static const struct store_key generation = {RECORD_UPKEEP, COLD_GENERATION};
    bool end = e == ERR_OK && next_page[0] == '\0' && record_freezes(s->kind);
    if (!end)
        loaded_one(w);
    else if (store_read(w->flow->store, &generation, 1, on_scan_end, w) != ERR_OK)
        on_scan_end(w, ERR_UNAVAILABLE, NULL, 0);
}

/* ---- waiting for the views */

static void views_wait(struct work *w)
{
    if (w->view_until_ms == 0)
        w->view_until_ms = clock_mono_ms() + VIEW_WAIT_MS;
    w->next = w->flow->view_waiters;
    w->flow->view_waiters = w;
}

void load_views_moved(struct flow *f)
{
    struct work *w = f->view_waiters;
    f->view_waiters = NULL; /* those that run may wait anew */
    while (w != NULL) {
        struct work *next = w->next;
        w->next = NULL;
        if (f->tail_seq < w->head_seq && clock_mono_ms() < w->view_until_ms) {
            views_wait(w);
        } else {
            w->view_late = f->tail_seq < w->head_seq;
            if (w->view_late)
                log_event(LOG_LEVEL_WARN, "views-late",
                          "decided on views that lag behind the journal", "cause", w->cause, NULL);
            work_run(w);
        }
        w = next;
    }
}

/* What has to be read, and what was at hand. */
static size_t missing(struct work *w, struct store_key keys[LIMIT_WORK_READS + 1], bool *at_hand)
{
    size_t n = 0;
    w->cold_asked = cold_wants_generation(w);
    if (w->cold_asked)
        keys[n++] = (struct store_key){.kind = RECORD_UPKEEP, .id = COLD_GENERATION};
    for (size_t i = 0; i < w->n_reads; i++) {
        struct work_read *r = &w->reads[i];
        if (r->loaded)
            continue;
        if (record_type_of(r->kind)->immutable && load_from_immutables(w->flow, r)) {
            *at_hand = true;
        } else {
            keys[n++] = (struct store_key){.kind = r->kind, .id = r->id};
        }
    }
    return n;
}

/* The extra count keeps early answers from running the work. */
void work_load(struct work *w)
{
    struct store *s = w->flow->store;
    struct store_key keys[LIMIT_WORK_READS + 1];
    bool progress = false;
    w->loading = 1;
    w->load_failed = false;
    if (w->head_asked && !w->head_loaded) {
        w->loading++;
        if (store_head(s, on_head, w) != ERR_OK)
            on_head(w, ERR_UNAVAILABLE, 0);
    }
    size_t n = missing(w, keys, &progress);
    if (n > 0) {
        bool urgent = w->door != NULL && w->door->urgent;
        w->loading++;
        if ((urgent ? store_read_urgent : store_read)(s, keys, n, on_records, w) != ERR_OK)
            on_records(w, ERR_UNAVAILABLE, NULL, 0);
    }
    if (w->scan.asked && !w->scan.loaded) {
        w->loading++;
        if (store_scan(s, w->scan.kind, w->scan.page, w->scan.max, on_scan, w) != ERR_OK)
            on_scan(w, ERR_UNAVAILABLE, "", NULL, NULL, 0);
    }
    if (w->loading == 1 && !progress && w->view_waits) {
        views_wait(w);
        return;
    }
    if (w->loading == 1 && !progress && cold_in_doubt(w)) {
        cold_seek(w);
        return;
    }
    if (w->loading == 1 && !progress && !w->load_failed) { /* our mistake: it waits for nothing */
        log_event(LOG_LEVEL_ERROR, "decide-waits-for-nothing",
                  "a decision asked for nothing and waits", "cause", w->cause, NULL);
        work_fail(w);
        return;
    }
    loaded_one(w);
}

void immutables_destroy(struct flow *f)
{
    struct immutable *m, *m2;
    HASH_ITER(hh, f->immutables, m, m2)
    {
        HASH_DEL(f->immutables, m);
        arena_fini(&m->arena);
        free(m);
    }
}
