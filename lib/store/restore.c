/* One command at a time on the reading connection, which tools may use on a store that its checks
 * refuse: a partition under restore has no head.
 */
#include "store/restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/reply.h"
#include "store/store_private.h"

#define WAIT_MS 10000
#define CALL_MS 60000 /* a snapshot of many timers, a batch behind a slow disk */
#define OWNERS_MAX 8
#define REQUESTS_MAX 512 /* of a restore, for which nobody waits */

struct call {
    bool done;
    enum err e;
    struct err_text *why;
    struct store_snapshot *snapshot;
    const char *const *owners;
};

static enum err wait_connected(struct store *s, struct err_text *why)
{
    struct conn *c = &s->conns[CONN_READS];
    int64_t end = clock_mono_ms() + WAIT_MS;
    while (c->state < CONN_REFUSED) {
        enum err e = loop_turn(s->loop, 10);
        if ((e != ERR_OK && e != ERR_AGAIN) || clock_mono_ms() >= end)
            return err_say(why, ERR_UNAVAILABLE, "no connection to Redis at %s: %s", s->address,
                           c->why);
    }
    return ERR_OK;
}

static enum err finish(struct store *s, struct call *w)
{
    /* the connection's own time limit ends the wait: the answer never comes after w is gone */
    while (!w->done) {
        enum err e = loop_turn(s->loop, 10);
        if (e != ERR_OK && e != ERR_AGAIN)
            conn_lose(&s->conns[CONN_READS], "the loop failed");
    }
    return w->e;
}

/* True when the reply can be looked at. */
static bool answered(struct call *w, enum err e, const redisReply *reply)
{
    const char *text = reply_error(reply);
    w->done = true;
    w->e = e;
    if (e != ERR_OK)
        (void)err_say(w->why, e, "the connection to Redis was lost");
    else if (text != NULL)
        w->e = err_say(w->why, strncmp(text, "LIUEXISTS", 9) == 0 ? ERR_EXISTS : ERR_CONFIG, "%s",
                       text);
    return w->e == ERR_OK;
}

/* ---- snapshot */

static bool take_hash(const struct store_snapshot *out, enum record_kind kind, const redisReply *r)
{
    if (!reply_is_array(r))
        return false;
    for (size_t i = 0; i + 1 < reply_count(r); i += 2) {
        const char *id = reply_text(reply_at(r, i));
        const char *p = NULL;
        size_t n = 0;
        if (id == NULL || !reply_string(reply_at(r, i + 1), &p, &n) || n < 8)
            return false;
        out->record(out->arg, kind, id, (const uint8_t *)p, n);
    }
    return true;
}

static bool take_timers(const struct store_snapshot *out, const char *owner, const redisReply *r)
{
    if (!reply_is_array(r))
        return false;
    for (size_t i = 0; i + 1 < reply_count(r); i += 2) {
        const char *member = reply_text(reply_at(r, i));
        const char *due = reply_text(reply_at(r, i + 1));
        if (member == NULL || due == NULL)
            return false;
        out->timer(out->arg, owner, member, (int64_t)strtod(due, NULL));
    }
    return true;
}

static void on_snapshot(void *arg, enum err e, redisReply **reply)
{
    struct call *w = arg;
    struct store_snapshot *out = w->snapshot;
    const char *p = NULL;
    size_t n = 0;
    if (!answered(w, e, *reply))
        return;
    bool ok = reply_string(reply_at(*reply, 0), &p, &n) && head_parse(p, n, &out->head) == ERR_OK &&
              take_hash(out, RECORD_CURSOR, reply_at(*reply, 1)) &&
              take_hash(out, RECORD_LANE, reply_at(*reply, 2));
    for (size_t i = 3; ok && i < reply_count(*reply); i++)
        ok = take_timers(out, w->owners[i - 3], reply_at(*reply, i));
    if (!ok)
        w->e = err_say(w->why, ERR_PROTO, "the store's state cannot be read");
}

enum err store_snapshot(struct store *s, const char *const *owners, size_t n_owners,
                        struct store_snapshot *out, struct err_text *why)
{
    struct call w = {.why = why, .snapshot = out, .owners = owners};
    struct key k;
    if (n_owners > OWNERS_MAX)
        return ERR_INVAL;
    enum err e = wait_connected(s, why);
    if (e != ERR_OK)
        return e;
    struct buf *b = conn_out(&s->conns[CONN_READS]);
    resp_array(b, 7 + n_owners);
    resp_text(b, "FCALL");
    resp_text(b, "liu_snapshot");
    resp_number(b, 3 + n_owners);
    key_head(&k, s->partition);
    resp_text(b, k.text);
    key_records(&k, s->partition, RECORD_CURSOR);
    resp_text(b, k.text);
    key_records(&k, s->partition, RECORD_LANE);
    resp_text(b, k.text);
    for (size_t i = 0; i < n_owners; i++) {
        key_timers(&k, s->partition, owners[i]);
        resp_text(b, k.text);
    }
    resp_number(b, 2);
    e = conn_send(&s->conns[CONN_READS], CALL_MS, on_snapshot, &w);
    return e == ERR_OK ? finish(s, &w) : err_say(why, e, "Redis is away");
}

/* ---- restore */

static void on_batch(void *arg, enum err e, redisReply **reply)
{
    struct call *w = arg;
    if (!answered(w, e, *reply))
        return;
    for (size_t i = 0; w->e == ERR_OK && i < reply_count(*reply); i++) {
        const char *p = NULL;
        size_t n = 0;
        struct answer_text text;
        struct commit_result r;
        if (!reply_string(reply_at(*reply, i), &p, &n) ||
            answer_decode((const uint8_t *)p, n, 0, &text, &r) != ERR_OK)
            w->e = err_say(w->why, ERR_PROTO, "the answer of Redis cannot be read");
        else if (r.status != COMMIT_OK)
            w->e = err_say(w->why, ERR_DATA_LOSS, "refused: %s", r.text);
    }
}

enum err store_restore_begin(struct store_restore *r, struct store *s, const char *epoch,
                             uint64_t seq, const char *link, struct err_text *why)
{
    char first[LINK_DIGITS + 1];
    *r = (struct store_restore){.store = s};
    if (strlen(epoch) != EPOCH_DIGITS || strspn(epoch, "0123456789abcdef") != EPOCH_DIGITS)
        return err_say(why, ERR_INVAL, "an epoch has %d hexadecimal digits", EPOCH_DIGITS);
    memcpy(r->epoch, epoch, EPOCH_DIGITS + 1);
    enum err e = seq == 0 ? link_first(epoch, first) : ERR_OK;
    if (e == ERR_OK)
        (void)snprintf(r->begin, sizeof r->begin, "%s %llu %s", epoch, (unsigned long long)seq,
                       seq == 0 ? first : link);
    if (e == ERR_OK)
        e = store_load_library(s, why);
    if (e == ERR_OK)
        e = encoder_init(&r->encoder, s->partition);
    r->encoder.requests_max = REQUESTS_MAX;
    return e;
}

static enum err send_batch(struct store_restore *r, struct err_text *why)
{
    struct store *s = r->store;
    struct call w = {.why = why};
    struct encoder_call call = {.function = "liu_restore",
                                .epoch = r->begun ? r->epoch : r->begin,
                                .receipt_window_ms = s->receipt_window_ms,
                                .receipts_max = s->receipts_max,
                                .all_records = !r->begun,
                                .restoring = true};
    enum err e = wait_connected(s, why);
    if (e == ERR_OK)
        e = encoder_finish(&r->encoder, &call, conn_out(&s->conns[CONN_READS]));
    if (e == ERR_OK)
        e = conn_send(&s->conns[CONN_READS], CALL_MS, on_batch, &w);
    if (e != ERR_OK)
        return err_say(why, e, "Redis is away");
    r->begun = true;
    return finish(s, &w);
}

enum err store_restore_add(struct store_restore *r, const struct commit *c, struct err_text *why)
{
    const char *text = "";
    enum err e = encoder_add(&r->encoder, c, &text);
    if (e == ERR_AGAIN) {
        e = send_batch(r, why);
        if (e != ERR_OK)
            return e;
        e = encoder_add(&r->encoder, c, &text);
    }
    return e == ERR_OK ? ERR_OK : err_say(why, e, "%s", text);
}

static void on_end(void *arg, enum err e, redisReply **reply)
{
    (void)answered(arg, e, *reply);
}

enum err store_restore_freeze(struct store_restore *r, uint64_t generation, uint64_t filter_bits,
                              const struct cold_move *moves, size_t n, struct err_text *why)
{
    struct store *s = r->store;
    struct conn *c = &s->conns[CONN_READS];
    struct call w = {.why = why};
    struct key head;
    enum err e = r->encoder.n_requests > 0 ? send_batch(r, why) : ERR_OK;
    if (e == ERR_OK)
        e = wait_connected(s, why);
    if (e != ERR_OK)
        return e;
    key_restoring(&head, s->partition);
    e = cold_freeze_call(conn_out(c), s->partition, &head, r->epoch, generation, filter_bits, moves,
                         n);
    if (e != ERR_OK)
        return err_say(why, e, "what may not leave Redis was to leave it");
    e = conn_send(c, CALL_MS, on_end, &w);
    return e == ERR_OK ? finish(s, &w) : err_say(why, e, "Redis is away");
}

enum err store_restore_end(struct store_restore *r, struct err_text *why)
{
    struct store *s = r->store;
    struct conn *c = &s->conns[CONN_READS];
    struct call w = {.why = why};
    enum err e = r->encoder.n_requests > 0 ? send_batch(r, why) : ERR_OK;
    struct key keys[3];
    if (e == ERR_OK)
        e = wait_connected(s, why);
    if (e != ERR_OK)
        return e;
    key_restoring(&keys[0], s->partition);
    key_journal(&keys[1], s->partition);
    key_head(&keys[2], s->partition);
    e = conn_command(c, CALL_MS, on_end, &w, "FCALL", "liu_restored", "3", keys[0].text,
                     keys[1].text, keys[2].text, r->epoch, NULL);
    return e == ERR_OK ? finish(s, &w) : err_say(why, e, "Redis is away");
}

void store_restore_fini(struct store_restore *r)
{
    if (r != NULL)
        encoder_fini(&r->encoder);
}
