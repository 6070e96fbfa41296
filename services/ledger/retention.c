/* Takes out of the archive what is older than its period (core/retention.h), one removal at a time:
 * plan, event, mark, files (mark.h). A plan that is there already is gone on with, and told of
 * once: the receipt of its commit is made of its range, and because a receipt does not live for
 * ever, the event is looked for in the archived journal first, when that has reached the head of
 * then.
 *
 * Removing needs two clocks that agree: this machine's, and that of the services, as the newest
 * archived entry of the journal has it. The earlier one counts. Where both are of one machine, they
 * are wrong together: so the archive must show that the time has passed (retention_time.h), and a
 * clock that was set far while the ledger ran removes nothing either.
 *
 * One folder after the other, in rounds: a plan that cannot be finished stays and is tried again in
 * the next round, the folders behind it have their turn meanwhile.
 *
 * Of the journal nothing goes that Redis still has: what has left it was passed by every consumer.
 * Nor anything behind the oldest snapshot, and a good one is looked for again before files go.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "obs/log.h"
#include "services/ledger/core/retention.h"
#include "services/ledger/ledger_private.h"
#include "services/ledger/retention_plan.h"
#include "services/ledger/retention_time.h"
#include "services/ledger/retention_told.h"
#include "wire/unpack.h"

#define FIRST_LOOK_MS 10000
#define NEXT_ROUND_MS 60000 /* when a plan could not be finished */
#define SEGMENTS_A_STEP 16  /* read whole before they go */
#define JOURNAL_A_STEP 256  /* of the journal; all snapshots are read for each step */
#define ENTRY_BYTES 1024
#define ID_BYTES 35

struct totals {
    uint64_t segments;
    uint64_t entries;
    uint64_t to; /* the latest that was removed: ms; of the journal its entry */
};

struct retention {
    struct ledger *ledger;
    bool busy; /* the job is the maker's with all below but `known`, or a commit is under way */
    int64_t next_ms;
    int64_t boot_ms; /* wall clock at 0 of the other one, at the start */
    struct totals known[RETENTION_CLASSES];
    struct archive_job job;
    atomic_bool stop;
    int64_t days[RETENTION_CLASSES];
    int64_t now_ms;                         /* by the clocks */
    int64_t believed_ms[RETENTION_CLASSES]; /* of these, by what the archive shows */
    uint64_t left;                          /* the journal has left Redis up to here */
    struct totals seen[RETENTION_CLASSES];
    bool found; /* `plan` of the folder `dir` is to be told of, */
    bool old;   /* perhaps it was already: by */
    uint64_t told_seq;
    uint64_t archived;
    uint64_t wait_seq; /* an old plan is looked for when this is archived; 0 = not known */
    struct mark plan;
    char root[FOLDER_PATH_BYTES]; /* of its epoch */
    char dir[FOLDER_PATH_BYTES];
    size_t gone; /* files */
    struct err_text fault[RETENTION_CLASSES];
    bool passes; /* folders up to the one of `failed` had their turn */
    /* the round */
    bool has_failed;
    struct mark failed; /* a plan that could not be finished, the last one */
    bool bad[RETENTION_CLASSES];
    struct err_text waits[RETENTION_CLASSES]; /* why something that is due does not go */
    /* the commit */
    char id[ID_BYTES];
    uint8_t payload[ENTRY_BYTES / 2];
    uint8_t entry_bytes[ENTRY_BYTES];
    struct commit_entry entry;
    struct commit commit;
    Ismap__Liu__V1__RetentionPeriod rows[RETENTION_CLASSES];
    Ismap__Liu__V1__RetentionPeriod *row_list[RETENTION_CLASSES];
    struct metric *m_removed;
    struct metric *m_waiting;
};

static int64_t days_of(const struct ledger *l, enum retention_class c)
{
    return c == RETENTION_JOURNAL ? l->set->retain_journal_days : l->set->retain_noise_days;
}

static bool any_period(const struct retention *r)
{
    bool any = false;
    for (int c = 0; c < RETENTION_CLASSES; c++)
        any = any || r->days[c] > 0;
    return any;
}

/* Numbers of a journal are those of its epoch. */
static void count_up(struct totals of[RETENTION_CLASSES], const struct ledger *l,
                     const struct mark *m, uint64_t segments, uint64_t entries)
{
    struct totals *t = &of[retention_class_of(m->kind)];
    bool counts = m->kind == SEGMENT_NOISE || strcmp(m->epoch, l->epoch) == 0;
    t->segments += segments;
    t->entries += entries;
    if (counts && m->last.seq > t->to)
        t->to = m->last.seq;
}

/* ---- on the maker's thread */

/* When the newest archived entry of the journal was made; 0 = not known. */
static int64_t journal_ms(const struct ledger *l)
{
    struct folder_names names = {0};
    struct segment *s = NULL;
    struct segment_entry entry = {.data = NULL};
    struct arena a;
    ProtobufCMessage *m = NULL;
    char path[FOLDER_PATH_BYTES];
    int64_t at_ms = 0;
    arena_init(&a, 4 * (size_t)LIMIT_WORK_ARENA_BYTES);
    if (folder_list(l->journal.dir, ".seg", false, &names, NULL) == ERR_OK && names.n > 0 &&
        folder_path(path, l->journal.dir, names.items[names.n - 1]) &&
        segment_open(path, &s, NULL) == ERR_OK) {
        while (segment_next(s, &entry))
            ;
        if (entry.data != NULL && wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor,
                                              entry.data, entry.bytes, &m) == ERR_OK)
            at_ms = ((const Ismap__Liu__V1__JournalEntry *)(const void *)m)->at_ms;
    }
    segment_close(s);
    arena_fini(&a);
    folder_names_fini(&names);
    return at_ms;
}

static bool is_of(const struct mark *m, const struct retention_folder *f)
{
    return m->kind == f->kind && strcmp(m->epoch, f->epoch) == 0 &&
           strcmp(m->stream, f->stream) == 0;
}

/* A plan that was made before, and perhaps told: gone on with unless the period was made longer
 * since. What the clocks say now does not end it: they may be wrong, or unread. */
static enum err old_plan(struct retention *r, const struct retention_folder *f,
                         const struct mark *mark, bool *again, struct err_text *why)
{
    bool found = false;
    int64_t days = r->days[retention_class_of(f->kind)];
    int64_t ended_ms = 0;
    *again = false;
    enum err e = mark_read(f->dir, MARK_PLAN, &r->plan, &found, why);
    if (e != ERR_OK || !found)
        return e;
    if (!is_of(&r->plan, f))
        return err_say(why, ERR_DATA_LOSS, "%s/" MARK_PLAN ": of another stream", f->dir);
    bool longer = days > (int64_t)r->plan.days;
    *again = segment_pos_compare(r->plan.last, mark->last) > 0;
    if (longer && r->now_ms <= 0) {
        *again = false;
        return ERR_OK; /* not known: it stays, and waits */
    }
    if (longer && *again) {
        e = retention_ended(f, r->plan.last, &ended_ms, why);
        if (e != ERR_OK)
            return e;
        *again = retention_over(ended_ms, days, r->believed_ms[retention_class_of(f->kind)]);
    }
    /* a kill may have come between its renaming and the folder's sync */
    return *again ? folder_sync(f->dir, why) : mark_drop_plan(f->dir, why);
}

/* Was the plan told of before? Not known, and nothing to do yet, before wait_seq is archived. */
static enum err look_back(struct retention *r, struct err_text *why)
{
    const struct ledger *l = r->ledger;
    uint64_t after = strcmp(r->plan.told_epoch, l->epoch) == 0 ? r->plan.told_seq : 0;
    r->old = true;
    if (r->wait_seq == 0 || r->archived < r->wait_seq)
        return ERR_OK;
    return expired_find(l->journal.dir, after, &r->plan, &r->stop, &r->told_seq, why);
}

static enum err look_at(struct retention *r, const struct retention_folder *f, struct err_text *why)
{
    struct mark mark;
    bool marked = false;
    size_t n = 0;
    enum retention_class class = retention_class_of(f->kind);
    bool passed = r->passes;
    bool own = strcmp(f->epoch, r->ledger->epoch) == 0;
    struct retention_period period = {.days = r->days[class],
                                      .now_ms = r->believed_ms[class],
                                      .most = class == RETENTION_JOURNAL ? JOURNAL_A_STEP
                                                                         : SEGMENTS_A_STEP,
                                      .upto = own ? r->left : UINT64_MAX,
                                      .stop = &r->stop};
    enum err e = mark_read(f->dir, MARK_FILE, &mark, &marked, why);
    if (e == ERR_OK && marked && !is_of(&mark, f))
        e = err_say(why, ERR_DATA_LOSS, "%s/" MARK_FILE ": of another stream", f->dir);
    if (e == ERR_OK && marked)
        count_up(r->seen, r->ledger, &mark, mark.all_segments, mark.all_entries);
    r->passes = passed && !is_of(&r->failed, f);
    if (e != ERR_OK || period.days == 0 || r->found || passed)
        return e;
    r->old = false;
    if (marked)
        e = mark_sweep(f->dir, &mark, &n, why);
    if (e == ERR_OK)
        e = old_plan(r, f, &mark, &r->found, why);
    if (e == ERR_OK && r->found) {
        e = look_back(r, why);
    } else if (e == ERR_OK) {
        e = retention_plan(f, &period, &r->plan, &r->found, why);
        r->plan.told_seq = r->archived;
        (void)text_copy(r->plan.told_epoch, sizeof(r->plan.told_epoch), r->ledger->epoch);
        if (e == ERR_OK && r->found)
            e = mark_write(f->dir, MARK_PLAN, &r->plan, why);
    }
    r->found = r->found && e == ERR_OK;
    if (r->found) {
        (void)snprintf(r->dir, sizeof(r->dir), "%s", f->dir);
        (void)snprintf(r->root, sizeof(r->root), "%s", f->root);
    }
    return e;
}

/* One folder's fault does not keep the others. */
static enum err look_one(void *arg, const struct retention_folder *f)
{
    struct retention *r = arg;
    struct err_text why = {{0}};
    if (atomic_load(&r->stop))
        return ERR_AGAIN;
    enum err e = look_at(r, f, &why);
    struct err_text *fault = &r->fault[retention_class_of(f->kind)];
    if (e != ERR_OK && e != ERR_AGAIN && fault->text[0] == '\0')
        (void)err_say(fault, e, "%s", why.text[0] == '\0' ? err_name(e) : why.text);
    return e == ERR_NOMEM || e == ERR_AGAIN ? e : ERR_OK;
}

/* What time is it, as far as a period is concerned? */
static enum err look_at_time(struct retention *r, struct err_text *why)
{
    const struct ledger *l = r->ledger;
    struct retention_seen *seen = calloc(1, sizeof(*seen));
    int64_t services_ms = journal_ms(l);
    r->now_ms = clock_wall_ms();
    if (services_ms < r->now_ms)
        r->now_ms = services_ms;
    enum err e =
        seen == NULL ? ERR_NOMEM : retention_look(l->set->archive_dir, &r->stop, seen, why);
    for (int c = 0; e == ERR_OK && c < RETENTION_CLASSES; c++)
        r->believed_ms[c] = retention_believed(seen, r->now_ms, r->days[c]);
    free(seen);
    return e;
}

static void look(struct archive_job *job)
{
    struct retention *r = job->arg;
    job->result = any_period(r) ? look_at_time(r, &job->why) : ERR_OK;
    if (job->result == ERR_OK)
        job->result = retention_each(r->ledger->set->archive_dir, look_one, r, &job->why);
}

/* It was told: mark, then the files. */
static void finish(struct archive_job *job)
{
    struct retention *r = job->arg;
    job->result = ERR_OK;
    if (r->plan.kind == SEGMENT_JOURNAL)
        job->result = retention_covered(r->root, r->plan.epoch, r->plan.last.seq, &job->why);
    if (job->result == ERR_OK)
        job->result = mark_write(r->dir, MARK_FILE, &r->plan, &job->why);
    if (job->result == ERR_OK)
        job->result = mark_drop_plan(r->dir, &job->why);
    if (job->result == ERR_OK)
        job->result = mark_sweep(r->dir, &r->plan, &r->gone, &job->why);
}

/* ---- on the loop */

static void rest(struct retention *r, int64_t ms)
{
    r->busy = false;
    r->found = false;
    r->next_ms = clock_mono_ms() + ms;
}

static void show_waiting(struct retention *r)
{
    int64_t n = 0;
    for (int c = 0; c < RETENTION_CLASSES; c++)
        n += r->waits[c].text[0] != '\0';
    metric_set(r->m_waiting, n);
}

/* Something of this class is due and does not go: told until a round went without. */
static void waits(struct retention *r, enum retention_class c, const char *what, const char *why)
{
    r->bad[c] = true;
    (void)err_say(&r->waits[c], ERR_AGAIN, "%s", why);
    /* a ticket of its own (LiuRemovalWaits): archiving and trimming go on */
    log_event(LOG_LEVEL_ERROR, "retention-failed", why, "what", what, NULL);
    show_waiting(r);
}

static void give_way(struct retention *r, const char *why)
{
    waits(r, retention_class_of(r->plan.kind), r->plan.stream, why);
    r->failed = r->plan;
    r->has_failed = true;
    rest(r, 0);
}

static void round_over(struct retention *r)
{
    int64_t ms = r->ledger->set->retention_seconds * 1000;
    for (int c = 0; c < RETENTION_CLASSES; c++) {
        if (!r->bad[c])
            r->waits[c].text[0] = '\0';
        r->bad[c] = false;
    }
    show_waiting(r);
    rest(r, r->has_failed && ms > NEXT_ROUND_MS ? NEXT_ROUND_MS : ms);
    r->has_failed = false;
}

static void finished(void *arg, struct archive_job *job)
{
    struct retention *r = arg;
    char last[64];
    if (job->result != ERR_OK) {
        give_way(r, job->why.text);
        return;
    }
    r->wait_seq = 0;
    (void)snprintf(last, sizeof(last), "%" PRIu64 ".%" PRIu64, r->plan.last.seq, r->plan.last.sub);
    log_event(LOG_LEVEL_INFO, "segments-removed", "their period is over", "stream", r->plan.stream,
              "epoch", r->plan.epoch, "last", last, NULL);
    metric_add(r->m_removed, r->gone);
    count_up(r->known, r->ledger, &r->plan, r->plan.segments, r->plan.entries);
    rest(r, 0); /* is there more? */
}

static bool clock_jumped(const struct retention *r)
{
    int64_t moved_ms = clock_wall_ms() - clock_mono_ms() - r->boot_ms;
    return moved_ms > RETENTION_JUMP_MS || moved_ms < -RETENTION_JUMP_MS;
}

static void submit(struct retention *r, void (*call)(struct archive_job *),
                   void (*done)(void *, struct archive_job *))
{
    r->job = (struct archive_job){.task = ARCHIVE_CALL, .call = call, .done = done, .arg = r};
    archiver_submit(r->ledger->maker, &r->job);
}

static void was_told(struct retention *r, uint64_t seq)
{
    (void)text_copy(r->plan.told_epoch, sizeof(r->plan.told_epoch), r->ledger->epoch);
    r->plan.told_seq = seq;
    submit(r, finish, finished);
}

static void told(void *arg, const struct commit_result *c)
{
    struct ledger *l = arg;
    if (ledger_answered(l))
        return;
    struct retention *r = l->retention;
    if (c->status == COMMIT_OK || c->status == COMMIT_DUPLICATE) {
        was_told(r, c->seq);
        return;
    }
    if (c->status != COMMIT_UNKNOWN && c->status != COMMIT_UNAVAILABLE)
        give_way(r, c->text);
    else
        rest(r, LEDGER_RETRY_MS); /* the plan is there */
}

static enum err pack_payload(struct retention *r, size_t *bytes)
{
    Ismap__Liu__V1__SegmentsExpired e = ISMAP__LIU__V1__SEGMENTS_EXPIRED__INIT;
    struct mark *m = &r->plan;
    e.record_class = (char *)(uintptr_t)retention_rule_of(retention_class_of(m->kind))->name;
    e.epoch = m->epoch;
    e.stream = m->stream;
    e.first_seq = m->first.seq;
    e.first_sub = m->first.sub;
    e.last_seq = m->last.seq;
    e.last_sub = m->last.sub;
    e.digest = (ProtobufCBinaryData){.len = SHA256_BYTES, .data = m->digest};
    e.segments = m->segments;
    e.entries = m->entries;
    e.period_days = (uint32_t)m->days;
    *bytes = ismap__liu__v1__segments_expired__get_packed_size(&e);
    if (*bytes > sizeof(r->payload))
        return ERR_INTERNAL;
    *bytes = ismap__liu__v1__segments_expired__pack(&e, r->payload);
    return ERR_OK;
}

static enum err build(struct retention *r)
{
    static const ProtobufCMessageDescriptor *const type =
        &ismap__liu__v1__segments_expired__descriptor;
    Ismap__Liu__V1__JournalEntry j = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    size_t n = 0;
    enum err e = pack_payload(r, &n);
    struct crypto_part part = {r->payload, n};
    r->commit = (struct commit){.receipt_party = "ledger", /* no message has an id with a colon */
                                .receipt_id = r->id,
                                .reply_type = "",
                                .now_ms = clock_wall_ms(),
                                .entries = &r->entry,
                                .n_entries = 1};
    if (e == ERR_OK)
        e = crypto_sha256(&part, 1, r->commit.request_hash);
    if (e != ERR_OK)
        return e;
    memcpy(r->id, "r:", 2);
    text_hex(r->commit.request_hash, (ID_BYTES - 3) / 2, r->id + 2);
    j.at_ms = r->commit.now_ms;
    j.actor = (char *)(uintptr_t) "ledger";
    j.cause = r->id;
    j.type = (char *)(uintptr_t)type->name;
    j.payload = (ProtobufCBinaryData){.len = n, .data = r->payload};
    if (ismap__liu__v1__journal_entry__get_packed_size(&j) > sizeof(r->entry_bytes))
        return ERR_INTERNAL;
    r->entry = (struct commit_entry){.data = r->entry_bytes, .type = type->short_name};
    r->entry.bytes = ismap__liu__v1__journal_entry__pack(&j, r->entry_bytes);
    return ERR_OK;
}

static void tell(struct retention *r)
{
    struct ledger *l = r->ledger;
    r->wait_seq = 0; /* what comes of it may be behind the head that was read */
    enum err e = l->stopped ? ERR_UNAVAILABLE : build(r);
    l->pending++;
    if (e == ERR_OK)
        e = store_commit(l->store, STORE_MAIN, &r->commit, told, l);
    if (e == ERR_OK)
        return;
    l->pending--;
    rest(r, LEDGER_RETRY_MS);
}

static void head_read(void *arg, enum err e, uint64_t seq)
{
    struct ledger *l = arg;
    if (ledger_answered(l))
        return;
    if (e == ERR_OK)
        l->retention->wait_seq = seq;
    rest(l->retention, LEDGER_TICK_MS);
}

static void ask_head(struct retention *r)
{
    struct ledger *l = r->ledger;
    l->pending++;
    if (store_head(l->store, head_read, l) == ERR_OK)
        return;
    l->pending--;
    rest(r, LEDGER_RETRY_MS);
}

static void looked(void *arg, struct archive_job *job)
{
    struct retention *r = arg;
    const struct ledger *l = r->ledger;
    if (job->result == ERR_OK)
        memcpy(r->known, r->seen, sizeof(r->known));
    for (int c = 0; c < RETENTION_CLASSES; c++)
        if (r->fault[c].text[0] != '\0')
            waits(r, (enum retention_class)c, "archive", r->fault[c].text);
    if (job->result != ERR_OK) {
        for (int c = 0; c < RETENTION_CLASSES; c++)
            if (r->days[c] > 0)
                waits(r, (enum retention_class)c, "archive", job->why.text);
        if (!any_period(r))
            ledger_fault(r->ledger, "retention-failed", "archive", job->why.text);
        rest(r, l->set->retention_seconds * 1000);
    } else if (!r->found)
        round_over(r);
    else if (!r->old)
        tell(r);
    else if (r->wait_seq == 0)
        ask_head(r);
    else if (r->archived < r->wait_seq)
        rest(r, LEDGER_TICK_MS);
    else if (r->told_seq > 0)
        was_told(r, r->told_seq);
    else
        tell(r);
}

void retention_go(struct ledger *l)
{
    struct retention *r = l->retention;
    /* Nothing goes on the word of a store that has not been compared with the archive. */
    if (r->busy || l->stopped || l->journal.state != STREAM_RUNNING ||
        clock_mono_ms() < r->next_ms || !store_ready(l->store, NULL) ||
        strcmp(l->confirm.run, store_run(l->store)) != 0)
        return;
    r->busy = true;
    r->found = r->old = false;
    r->told_seq = 0;
    r->archived = l->journal.has_archived ? l->journal.archived.seq : 0;
    r->left = l->trim.gone;
    for (int c = 0; c < RETENTION_CLASSES; c++)
        r->days[c] = days_of(l, (enum retention_class)c);
    if (any_period(r) && clock_jumped(r)) {
        for (int c = 0; c < RETENTION_CLASSES; c++)
            if (r->days[c] > 0)
                waits(r, (enum retention_class)c, "clock",
                      "it was set by more than 12 days: is it right? then restart the ledger");
        rest(r, l->set->retention_seconds * 1000);
        return;
    }
    memset(r->seen, 0, sizeof(r->seen));
    memset(r->fault, 0, sizeof(r->fault));
    r->passes = r->has_failed;
    submit(r, look, looked);
}

void retention_health(const struct ledger *l, Ismap__Liu__V1__Health *h)
{
    struct retention *r = l->retention;
    for (int c = 0; c < RETENTION_CLASSES; c++) {
        const struct retention_rule *rule = retention_rule_of((enum retention_class)c);
        Ismap__Liu__V1__RetentionPeriod *row = r->row_list[c] = &r->rows[c];
        ismap__liu__v1__retention_period__init(row);
        row->record_class = (char *)(uintptr_t)rule->name;
        row->least_days = (uint32_t)rule->least_days;
        row->period_days = (uint32_t)days_of(l, (enum retention_class)c);
        row->removed_segments = r->known[c].segments;
        row->removed_entries = r->known[c].entries;
        row->waits = r->waits[c].text;
        if (c == RETENTION_JOURNAL) {
            row->removed_to_seq = r->known[c].to;
            row->left_seq = l->trim.gone;
        } else {
            row->removed_to_ms = (int64_t)r->known[c].to;
        }
    }
    h->retention = r->row_list;
    h->n_retention = RETENTION_CLASSES;
}

enum err retention_create(struct ledger *l, struct retention **out)
{
    struct retention *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_NOMEM;
    int64_t wait_ms = l->set->retention_seconds * 1000;
    r->ledger = l;
    r->boot_ms = clock_wall_ms() - clock_mono_ms();
    r->next_ms = clock_mono_ms() + (wait_ms < FIRST_LOOK_MS ? wait_ms : FIRST_LOOK_MS);
    atomic_init(&r->stop, false);
    r->m_removed = metrics_counter("liu_ledger_removed_segments_total", "",
                                   "files that went because their period is over");
    r->m_waiting = metrics_gauge("liu_ledger_removals_waiting", "",
                                 "classes of records of which something due cannot be removed");
    *out = r;
    return ERR_OK;
}

void retention_stop(struct retention *r)
{
    if (r != NULL)
        atomic_store(&r->stop, true);
}

void retention_free(struct retention *r)
{
    free(r);
}
