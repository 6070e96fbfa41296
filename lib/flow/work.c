/* What a decide function sees of a work, and the commit that comes of it. */
#include "flow/internal.h"

#include <assert.h>
#include <string.h>

#include "base/text.h"

struct arena *work_arena(struct work *w)
{
    return &w->arena;
}

int64_t work_now_ms(const struct work *w)
{
    return w->now_ms;
}

const void *work_message(const struct work *w)
{
    return w->message;
}

const uint8_t *work_payload(const struct work *w, size_t *bytes)
{
    *bytes = w->payload_bytes;
    return w->payload;
}

const char *work_actor(const struct work *w)
{
    return w->actor;
}

Ismap__Liu__V1__Role work_role(const struct work *w)
{
    return w->role;
}

const char *work_door(const struct work *w)
{
    return w->door == NULL ? "" : w->door->name;
}

uint64_t work_event_seq(const struct work *w)
{
    return w->event_seq;
}

const char *work_timer_record(const struct work *w)
{
    return w->timer_record == NULL ? "" : w->timer_record;
}

const char *work_cause(const struct work *w)
{
    return w->cause;
}

const char *flow_short_type(const char *full_name)
{
    size_t n = strlen(FLOW_PACKAGE);
    return strncmp(full_name, FLOW_PACKAGE, n) == 0 ? full_name + n : full_name;
}

const char *work_derive_id(struct work *w, const char *prefix)
{
    struct crypto_part parts[] = {{w->actor, strlen(w->actor)}, {w->cause, strlen(w->cause)}};
    uint8_t digest[SHA256_BYTES];
    char text[20];
    if (crypto_digest("ismap-liu/v1/id", parts, 2, digest) != ERR_OK) {
        w->failed = true;
        return "";
    }
    text_base32(digest, 10, text);
    const char *id = arena_printf(&w->arena, "%s-%s", prefix, text);
    if (id == NULL) {
        w->failed = true;
        return "";
    }
    return id;
}

/* ---- reading */

struct work_read *work_read_find(struct work *w, enum record_kind kind, const char *id)
{
    for (size_t i = 0; i < w->n_reads; i++)
        if (w->reads[i].kind == kind && strcmp(w->reads[i].id, id) == 0)
            return &w->reads[i];
    return NULL;
}

struct work_read *work_read_add(struct work *w, enum record_kind kind, const char *id)
{
    if (w->n_reads == LIMIT_WORK_READS)
        return NULL;
    if (w->n_reads == w->cap_reads) {
        size_t cap = w->cap_reads == 0 ? 8 : w->cap_reads * 2;
        struct work_read *more = arena_alloc(&w->arena, cap * sizeof *more);
        if (more == NULL)
            return NULL;
        if (w->n_reads > 0)
            memcpy(more, w->reads, w->n_reads * sizeof *more);
        w->reads = more;
        w->cap_reads = cap;
    }
    char *copy = arena_strdup(&w->arena, id);
    if (copy == NULL)
        return NULL;
    struct work_read *r = &w->reads[w->n_reads++];
    *r = (struct work_read){.kind = kind, .id = copy};
    return r;
}

/* A first attempt trusts the mirror (the commit guards it), an urgent one also what is kept; a
 * later one asks Redis. */
static void read_from_mirror(struct work *w, struct work_read *r)
{
    const uint8_t *value;
    size_t bytes;
    uint64_t revision;
    if (record_type_of(r->kind)->immutable && load_from_immutables(w->flow, r))
        return;
    if (w->attempts > 0)
        return;
    if (!directory_record(w->flow->dir, r->kind, r->id, &revision, &value, &bytes)) {
        if (w->certain || !work_urgent(w) ||
            !kept_find(w->flow->kept, r->kind, r->id, &revision, &value, &bytes))
            return;
        w->guessed = true;
    }
    ProtobufCMessage *m = NULL;
    if (revision > 0 &&
        wire_unpack(&w->arena, record_type_of(r->kind)->descriptor, value, bytes, &m) != ERR_OK)
        return;
    r->revision = revision;
    r->exists = revision > 0;
    r->message = m;
    r->loaded = true;
}

bool work_get(struct work *w, enum record_kind kind, const char *id, const void **message)
{
    *message = NULL;
    struct work_read *r = work_read_find(w, kind, id);
    if (r == NULL) {
        r = work_read_add(w, kind, id);
        if (r == NULL) {
            w->failed = true;
            return true; /* the run ends as failed whatever it decides */
        }
        read_from_mirror(w, r);
    } else if (r->blind) { /* an earlier run only wrote it */
        *r = (struct work_read){.kind = kind, .id = r->id};
        read_from_mirror(w, r);
    }
    if (r->loaded)
        *message = r->message;
    return r->loaded;
}

bool work_rulebook(struct work *w, const Ismap__Liu__V1__Rulebook **rules, const char **hash)
{
    *rules = NULL;
    *hash = "";
    const Ismap__Liu__V1__Active *active;
    if (!work_get(w, RECORD_ACTIVE, "rulebook", (const void **)&active))
        return false;
    if (active == NULL)
        return true;
    if (!work_get(w, RECORD_RULEBOOK, active->ref, (const void **)rules))
        return false;
    *hash = active->ref;
    w->rulebook_hash = active->ref;
    return true;
}

bool work_scan(struct work *w, enum record_kind kind, const char *page, uint32_t max,
               struct work_page *out)
{
    *out = (struct work_page){.next_page = ""};
    struct work_scan_state *s = &w->scan;
    if (s->asked && s->loaded && s->kind == kind && strcmp(s->page, page) == 0) {
        *out = s->result;
        return true;
    }
    if (page[0] == COLD_PAGE && record_freezes(kind) && strlen(page) <= COLD_PAGE_BYTES)
        return cold_scan(w, kind, page, max, out);
    if (page[strspn(page, "0123456789")] != '\0') {
        (void)work_refuse(w, FLOW_STATUS(INVALID_ARGUMENT), "page", "P-PAGE",
                          "前の応答の nextPage をそのまま指定してください。",
                          "Give nextPage of the answer before, unchanged.");
        return true;
    }
    char *copy = arena_strdup(&w->arena, page);
    if (copy == NULL || s->asked) { /* one scan a work */
        w->failed = w->failed || copy == NULL || s->loaded;
        return s->loaded || copy == NULL;
    }
    *s = (struct work_scan_state){
        .asked = true, .kind = kind, .page = copy, .max = max == 0 || max > 256 ? 256 : max};
    return false;
}

bool work_head(struct work *w, uint64_t *seq, const char **epoch)
{
    *epoch = store_epoch(w->flow->store);
    *seq = w->head_seq;
    w->head_asked = true;
    return w->head_loaded;
}

bool work_views_current(struct work *w)
{
    w->head_asked = true;
    bool current = w->head_loaded && (w->flow->tail_seq >= w->head_seq || w->view_late);
    w->view_waits = w->head_loaded && !current;
    return current;
}

void work_drop_reads(struct work *w)
{
    w->reads = NULL;
    w->n_reads = 0;
    w->cap_reads = 0;
    w->scan = (struct work_scan_state){0};
    w->head_asked = false;
    w->head_loaded = false;
    w->guessed = false;
    w->cold_known = false;
    w->cold_asked = false;
    w->cold_until_ms = 0;
}

void work_keep_puts(struct work *w)
{
    for (size_t i = 0; i < w->n_puts; i++)
        flow_take_put(w->flow, w->puts[i].kind, w->puts[i].id, w->puts[i].expected + 1,
                      w->puts[i].value, w->puts[i].bytes);
}

bool work_certain(const struct work *w)
{
    return !w->guessed;
}

/* ---- outcome */

void work_reset_outcome(struct work *w)
{
    w->puts = NULL;
    w->n_puts = 0;
    w->events = NULL;
    w->n_events = 0;
    w->timers = NULL;
    w->n_timers = 0;
    w->noise = (struct commit_noise){0};
    w->quiet = false;
    w->rulebook_hash = "";
    w->reply = NULL;
    w->reply_bytes = 0;
    w->reply_type = "";
    w->status = FLOW_STATUS(OK);
    w->faults = (struct faults){0};
    w->failed = false;
    w->view_waits = false;
}

bool work_has_writes(const struct work *w)
{
    return w->n_puts > 0 || w->n_events > 0 || w->n_timers > 0 || w->noise.data != NULL;
}

/* Room for one more item in a list of the outcome, allocated once at its limit. */
static void *list_grow(struct work *w, void **list, size_t n, size_t item_bytes, size_t limit)
{
    if (*list == NULL)
        *list = arena_alloc(&w->arena, limit * item_bytes);
    if (*list == NULL || n >= limit) {
        w->failed = true;
        return NULL;
    }
    return (unsigned char *)*list + n * item_bytes;
}

void work_put(struct work *w, enum record_kind kind, const char *id, const ProtobufCMessage *m)
{
    const struct record_type *t = record_type_of(kind);
    assert(t != NULL && m->descriptor == t->descriptor);
    assert(record_written_by(t, w->flow->svc->name));
    const struct work_read *r = work_read_find(w, kind, id);
    struct work_write *put = NULL;
    for (size_t i = 0; i < w->n_puts; i++) /* a second put of the same record replaces the first */
        if (w->puts[i].kind == kind && strcmp(w->puts[i].id, id) == 0)
            put = &w->puts[i];
    if (put == NULL) {
        put = list_grow(w, (void **)&w->puts, w->n_puts, sizeof *put, LIMIT_WORK_WRITES);
        if (put == NULL)
            return;
        w->n_puts++;
    }
    put->kind = kind;
    put->id = arena_strdup(&w->arena, id);
    put->expected = r == NULL ? 0 : r->revision;
    if (put->id == NULL || wire_pack(&w->arena, m, &put->value, &put->bytes) != ERR_OK)
        w->failed = true;
}

static bool audience_has(const struct work_event *e, const char *party)
{
    for (size_t i = 0; i < e->n_audience; i++)
        if (strcmp(e->audience[i], party) == 0)
            return true;
    return false;
}

void work_emit(struct work *w, const ProtobufCMessage *event, const char *const *audience,
               size_t n_audience)
{
    struct work_event *e =
        list_grow(w, (void **)&w->events, w->n_events, sizeof *e, LIMIT_WORK_ENTRIES);
    if (e == NULL)
        return;
    w->n_events++;
    e->type = event->descriptor->name;
    if (n_audience > LIMIT_AUDIENCE) {
        w->failed = true;
        return;
    }
    e->audience = arena_alloc(&w->arena, (n_audience + 1) * sizeof *e->audience);
    if (e->audience == NULL || wire_pack(&w->arena, event, &e->payload, &e->bytes) != ERR_OK) {
        w->failed = true;
        return;
    }
    e->n_audience = 0;
    for (size_t i = 0; i < n_audience; i++) {
        if (audience[i][0] == '\0' || audience_has(e, audience[i]))
            continue;
        char *copy = arena_strdup(&w->arena, audience[i]);
        if (copy == NULL) {
            w->failed = true;
            return;
        }
        e->audience[e->n_audience++] = copy;
    }
}

void work_timer(struct work *w, const char *kind, const char *record, int64_t due_ms)
{
    struct commit_timer *t =
        list_grow(w, (void **)&w->timers, w->n_timers, sizeof *t, LIMIT_WORK_WRITES);
    if (t == NULL)
        return;
    w->n_timers++;
    t->owner = w->flow->svc->name;
    t->member = arena_printf(&w->arena, "%s|%s", kind, record);
    t->due_ms = due_ms;
    t->expected_due_ms = -1;
    if (t->member == NULL)
        w->failed = true;
}

void work_noise(struct work *w, const char *feed, const uint8_t *data, size_t bytes)
{
    w->noise = (struct commit_noise){.feed = feed, .data = data, .bytes = bytes};
}

void work_quiet(struct work *w)
{
    w->quiet = true;
}

void work_reply(struct work *w, const ProtobufCMessage *payload)
{
    w->reply_type = payload->descriptor->name;
    if (wire_pack(&w->arena, payload, &w->reply, &w->reply_bytes) != ERR_OK)
        w->failed = true;
}

enum decide work_refuse(struct work *w, Ismap__Liu__V1__Status status, const char *field,
                        const char *rule, const char *ja, const char *en)
{
    if (w->status == FLOW_STATUS(OK))
        w->status = status;
    faults_add(&w->faults, &w->arena, field, rule, ja, en);
    return DECIDE_DONE;
}

bool work_refused(const struct work *w)
{
    return w->status != FLOW_STATUS(OK);
}

enum decide work_no_memory(struct work *w)
{
    w->failed = true;
    w->arena.no_memory = w->arena.no_memory || !w->arena.spent;
    return DECIDE_DONE;
}

enum decide work_start_again(struct work *w)
{
    flow_out_of_memory(w->flow);
    return work_no_memory(w);
}

enum err work_sign(struct work *w, const char *domain, const struct crypto_part *parts, size_t n,
                   uint8_t out[ED25519_SIGNATURE_BYTES], const char **key_id)
{
    if (w->flow->scheme_key == NULL)
        return ERR_UNAVAILABLE;
    *key_id = signing_key_id(w->flow->scheme_key);
    return crypto_sign(w->flow->scheme_key, domain, parts, n, out);
}

/* ---- the commit */

/* Local bookkeeping that a rebuild does not need: the journal itself tells it. */
static bool journaled(enum record_kind kind)
{
    return kind != RECORD_CURSOR;
}

/* Timers are in no record: with them the journal alone can give back what Redis has lost. */
static bool entry_timers(struct work *w, pb_entry *entry)
{
    size_t n = w->commit.n_timers;
    if (n == 0)
        return true;
    entry->timers = arena_alloc(&w->arena, n * sizeof *entry->timers);
    Ismap__Liu__V1__TimerPut *t = arena_alloc(&w->arena, n * sizeof *t);
    if (entry->timers == NULL || t == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        ismap__liu__v1__timer_put__init(&t[i]);
        t[i].owner = (char *)(uintptr_t)w->commit.timers[i].owner;
        t[i].member = (char *)(uintptr_t)w->commit.timers[i].member;
        t[i].due_ms = w->commit.timers[i].due_ms;
        entry->timers[i] = &t[i];
    }
    entry->n_timers = n;
    return true;
}

static bool leaves_receipt(const struct work *w)
{
    return w->source == WORK_MESSAGE && (w->row->flags & ROW_NO_RECEIPT) == 0;
}

static enum err entry_pack(struct work *w, const struct work_event *e, bool first,
                           struct commit_entry *out)
{
    pb_entry entry = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    Ismap__Liu__V1__StoredReply reply = ISMAP__LIU__V1__STORED_REPLY__INIT;
    entry.at_ms = w->now_ms;
    entry.actor = (char *)(uintptr_t)(w->actor_kind == RECORD_FEED
                                          ? arena_printf(&w->arena, "feed/%s", w->actor)
                                          : w->actor);
    entry.cause = (char *)(uintptr_t)w->cause;
    entry.type = (char *)(uintptr_t)(e == NULL ? "" : e->type);
    entry.rulebook_hash = (char *)(uintptr_t)w->rulebook_hash;
    if (w->envelope != NULL)
        entry.trace = w->envelope->trace;
    if (e != NULL) {
        entry.payload =
            (ProtobufCBinaryData){.len = e->bytes, .data = (uint8_t *)(uintptr_t)e->payload};
        entry.audience = (char **)(uintptr_t)e->audience;
        entry.n_audience = e->n_audience;
    }
    if (first) {
        if (w->source == WORK_MESSAGE)
            entry.request_hash =
                (ProtobufCBinaryData){.len = SHA256_BYTES, .data = w->request_hash};
        if (leaves_receipt(w) && w->reply_bytes <= LIMIT_REPLY_JOURNALED) {
            reply.type = (char *)(uintptr_t)w->reply_type;
            reply.payload = (ProtobufCBinaryData){.len = w->reply_bytes,
                                                  .data = (uint8_t *)(uintptr_t)w->reply};
            entry.reply = &reply;
        }
        entry.puts = arena_alloc(&w->arena, (w->n_puts + 1) * sizeof *entry.puts);
        Ismap__Liu__V1__RecordPut *puts = arena_alloc(&w->arena, (w->n_puts + 1) * sizeof *puts);
        if (entry.puts == NULL || puts == NULL || !entry_timers(w, &entry))
            return ERR_NOMEM;
        for (size_t i = 0; i < w->n_puts; i++) {
            const struct work_write *p = &w->puts[i];
            if (!journaled(p->kind))
                continue;
            Ismap__Liu__V1__RecordPut *put = &puts[entry.n_puts];
            ismap__liu__v1__record_put__init(put);
            put->kind = (uint32_t)p->kind;
            put->id = (char *)(uintptr_t)p->id;
            put->revision = p->expected + 1;
            put->value =
                (ProtobufCBinaryData){.len = p->bytes, .data = (uint8_t *)(uintptr_t)p->value};
            entry.puts[entry.n_puts++] = put;
        }
    }
    if (entry.actor == NULL)
        return ERR_NOMEM;
    out->type = e == NULL ? "" : flow_short_type(e->type);
    out->audience = e == NULL ? NULL : e->audience;
    out->n_audience = e == NULL ? 0 : e->n_audience;
    return wire_pack(&w->arena, &entry.base, &out->data, &out->bytes);
}

static enum err build_entries(struct work *w)
{
    bool puts_only = w->n_events == 0 && w->n_puts > 0 && !w->quiet;
    size_t n = puts_only ? 1 : w->n_events;
    if (n == 0)
        return ERR_OK;
    struct commit_entry *entries = arena_alloc(&w->arena, n * sizeof *entries);
    if (entries == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        enum err e = entry_pack(w, puts_only ? NULL : &w->events[i], i == 0, &entries[i]);
        if (e != ERR_OK)
            return e;
    }
    w->commit.entries = entries;
    w->commit.n_entries = n;
    return ERR_OK;
}

/* Guards: what was read and is not written (a put checks its own revision), and the sender. */
static enum err build_guards(struct work *w)
{
    struct commit_guard *g = arena_alloc(&w->arena, (w->n_reads + 2) * sizeof *g);
    if (g == NULL)
        return ERR_NOMEM;
    size_t n = 0;
    bool sender = false;
    for (size_t i = 0; i < w->n_reads; i++) {
        const struct work_read *r = &w->reads[i];
        bool written = false;
        for (size_t j = 0; j < w->n_puts && !written; j++)
            written = w->puts[j].kind == r->kind && strcmp(w->puts[j].id, r->id) == 0;
        /* The sender counts as it was when it was let in: what is read later may be its revocation,
         * which nobody has looked at. */
        bool is_sender =
            w->source == WORK_MESSAGE && r->kind == w->actor_kind && strcmp(r->id, w->actor) == 0;
        if (is_sender && w->attempts == 0)
            continue;
        sender = sender || is_sender;
        if (!written && !(record_type_of(r->kind)->immutable && r->exists))
            g[n++] = (struct commit_guard){.kind = r->kind, .id = r->id, .revision = r->revision};
    }
    if (w->source == WORK_MESSAGE && !sender)
        g[n++] = (struct commit_guard){
            .kind = w->actor_kind, .id = w->actor, .revision = w->actor_revision};
    if (cold_guard(w, &g[n]))
        n++;
    w->commit.guards = g;
    w->commit.n_guards = n;
    return ERR_OK;
}

static enum err build_puts(struct work *w)
{
    struct commit_put *puts = arena_alloc(&w->arena, (w->n_puts + 1) * sizeof *puts);
    if (puts == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < w->n_puts; i++)
        puts[i] = (struct commit_put){.kind = w->puts[i].kind,
                                      .id = w->puts[i].id,
                                      .expected = w->puts[i].expected,
                                      .value = w->puts[i].value,
                                      .value_bytes = w->puts[i].bytes};
    w->commit.puts = puts;
    w->commit.n_puts = w->n_puts;
    return ERR_OK;
}

/* The timer that fired goes first: it must still be due as it was read, and is deleted. */
static bool build_timers(struct work *w)
{
    struct commit_timer *t = arena_alloc(&w->arena, (w->n_timers + 1) * sizeof *t);
    if (t == NULL)
        return false;
    t[0] = (struct commit_timer){.owner = w->flow->svc->name,
                                 .member = w->timer_member,
                                 .due_ms = -1,
                                 .expected_due_ms = w->timer_due_ms};
    for (size_t i = 0; i < w->n_timers; i++)
        t[i + 1] = w->timers[i];
    w->commit.timers = t;
    w->commit.n_timers = w->n_timers + 1;
    return true;
}

enum err work_build_commit(struct work *w)
{
    w->commit = (struct commit){.now_ms = w->now_ms,
                                .timers = w->timers,
                                .n_timers = w->n_timers,
                                .noise = w->noise.data == NULL ? NULL : &w->noise,
                                .reply_type = ""};
    if (w->source == WORK_TIMER && !build_timers(w))
        return ERR_NOMEM;
    if (w->source == WORK_MESSAGE) {
        w->commit.reply = w->reply;
        w->commit.reply_bytes = w->reply_bytes;
        w->commit.reply_type = w->reply_type;
    }
    if (leaves_receipt(w)) {
        w->commit.receipt_party = w->actor;
        w->commit.receipt_id = w->request_id;
        w->commit.receipt_until_ms =
            w->envelope->sent_at_ms + LIMIT_RECEIPT_WINDOW_MS + LIMIT_CLOCK_AHEAD_MS;
        memcpy(w->commit.request_hash, w->request_hash, SHA256_BYTES);
    }
    enum err e = build_entries(w);
    if (e == ERR_OK)
        e = build_guards(w);
    if (e == ERR_OK)
        e = build_puts(w);
    return e;
}
