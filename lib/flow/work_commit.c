/* The commit that comes of a decided work: entries, guards, puts, timers, receipt. */
#include "flow/internal.h"

#include <string.h>

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
