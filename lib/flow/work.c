/* What a decide function sees of a work. */
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
