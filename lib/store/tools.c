/* For liuctl, the ledger and tests: loading the library, genesis, trimming, any command. These also
 * work on a store that its checks refuse, since they are what mends it.
 */
#include "store/store_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/reply.h"

#define TOOLS_WAIT_MS 10000

static enum err wait_connected(struct store *s, struct err_text *why)
{
    struct conn *c = &s->conns[CONN_READS];
    int64_t end = clock_mono_ms() + TOOLS_WAIT_MS;
    while (c->state < CONN_REFUSED) {
        if (clock_mono_ms() >= end)
            return err_say(why, ERR_UNAVAILABLE, "no connection to Redis at %s: %s", s->address,
                           c->why);
        enum err e = loop_turn(s->loop, 10);
        if (e != ERR_OK && e != ERR_AGAIN)
            return err_say(why, e, "the loop failed");
    }
    return ERR_OK;
}

static void check_all_now(struct store *s)
{
    for (size_t i = 0; i < N_CONNS; i++) {
        if (s->conns[i].check_at_ms != INT64_MAX)
            s->conns[i].check_at_ms = 0;
    }
}

struct wait {
    struct store *store;
    bool done;
    enum err e;
    struct err_text *why;
    int64_t at_ms;
};

static enum err finish(struct store *s, struct wait *w)
{
    /* the connection's own time limit ends the wait: the answer never comes after w is gone */
    while (!w->done) {
        enum err e = loop_turn(s->loop, 10);
        if (e != ERR_OK && e != ERR_AGAIN)
            conn_lose(&s->conns[CONN_READS], "the loop failed");
    }
    check_all_now(s);
    return w->e;
}

static void on_loaded(void *arg, enum err e, redisReply **reply)
{
    struct wait *w = arg;
    const char *text = reply_error(*reply);
    w->done = true;
    w->e = e;
    if (e != ERR_OK)
        (void)err_say(w->why, e, "the connection to Redis was lost");
    else if (text != NULL)
        w->e = err_say(w->why, ERR_CONFIG, "the Function library is refused: %s", text);
}

enum err store_load_library(struct store *s, struct err_text *why)
{
    struct wait w = {.store = s, .why = why};
    enum err e = wait_connected(s, why);
    if (e == ERR_OK)
        e = conn_command(&s->conns[CONN_READS], s->timeout_ms, on_loaded, &w, "FUNCTION", "LOAD",
                         "REPLACE", store_library_text(), NULL);
    return e == ERR_OK ? finish(s, &w) : e;
}

static void on_init(void *arg, enum err e, redisReply **reply)
{
    struct wait *w = arg;
    const char *text = reply_error(*reply);
    const char *p = NULL;
    size_t n = 0;
    struct answer_text answer;
    struct commit_result r;
    w->done = true;
    w->e = e;
    if (e != ERR_OK)
        (void)err_say(w->why, e,
                      "the connection to Redis was lost: look whether the store was initialised");
    else if (text != NULL)
        w->e = err_say(w->why, strncmp(text, "LIUEXISTS", 9) == 0 ? ERR_EXISTS : ERR_CONFIG, "%s",
                       text);
    else if (!reply_string(reply_at(*reply, 0), &p, &n) ||
             answer_decode((const uint8_t *)p, n, w->at_ms, &answer, &r) != ERR_OK)
        w->e = err_say(w->why, ERR_PROTO, "the answer of Redis cannot be read");
    else if (r.status != COMMIT_OK)
        w->e = err_say(w->why, ERR_INVAL, "refused: %s", r.text);
}

enum err store_init(struct store *s, const char *epoch, const struct commit *first,
                    struct err_text *why)
{
    struct wait w = {.store = s, .why = why, .at_ms = first->now_ms};
    struct encoder encoder;
    const char *text = "";
    if (strlen(epoch) != EPOCH_DIGITS || strspn(epoch, "0123456789abcdef") != EPOCH_DIGITS)
        return err_say(why, ERR_INVAL, "an epoch has %d hexadecimal digits", EPOCH_DIGITS);
    if (first->n_entries == 0)
        return err_say(why, ERR_INVAL, "genesis needs its entry");
    enum err e = wait_connected(s, why);
    if (e != ERR_OK)
        return e;
    struct conn *c = &s->conns[CONN_READS];
    struct encoder_call call = {.function = "liu_init",
                                .epoch = epoch,
                                .receipt_window_ms = s->receipt_window_ms,
                                .receipts_max = s->receipts_max,
                                .all_records = true};
    e = encoder_init(&encoder, s->partition);
    if (e == ERR_OK)
        e = encoder_add(&encoder, first, &text);
    if (e == ERR_OK)
        e = encoder_finish(&encoder, &call, conn_out(c));
    encoder_fini(&encoder);
    if (e == ERR_OK)
        e = conn_send(c, s->timeout_ms, on_init, &w);
    if (e != ERR_OK)
        return err_say(why, e, "genesis cannot be sent: %s", text);
    return finish(s, &w);
}

struct asked {
    store_raw_fn *raw;
    store_trim_fn *trim;
    void *arg;
};

static void on_raw(void *arg, enum err e, redisReply **reply)
{
    struct asked *a = arg;
    a->raw(a->arg, e == ERR_TIMEOUT ? ERR_UNAVAILABLE : e, *reply);
    free(a);
}

static enum err ask(struct conn *c, int64_t timeout_ms, conn_reply_fn *fn, struct asked a)
{
    struct asked *copy = malloc(sizeof(*copy));
    if (copy == NULL)
        conn_out(c)->failed = true; /* conn_send drops the half-written command */
    else
        *copy = a;
    enum err e = conn_send(c, timeout_ms, fn, copy);
    if (e != ERR_OK)
        free(copy);
    return e;
}

enum err store_raw(struct store *s, int argc, const char *const *argv, const size_t *argv_bytes,
                   store_raw_fn *fn, void *arg)
{
    struct conn *c = &s->conns[CONN_READS];
    if (argc < 1)
        return ERR_INVAL;
    if (!conn_connected(c))
        return ERR_UNAVAILABLE;
    resp_array(conn_out(c), (size_t)argc);
    for (int i = 0; i < argc; i++)
        resp_string(conn_out(c), argv[i], argv_bytes == NULL ? strlen(argv[i]) : argv_bytes[i]);
    return ask(c, s->timeout_ms, on_raw, (struct asked){.raw = fn, .arg = arg});
}

static void on_trim(void *arg, enum err e, redisReply **reply)
{
    struct asked *a = arg;
    int64_t gone = 0;
    const char *text = reply_error(*reply);
    if (e != ERR_OK)
        a->trim(a->arg, ERR_UNAVAILABLE, 0, "Redis is away");
    else if (text != NULL)
        a->trim(a->arg, ERR_CONFLICT, 0, text);
    else if (!reply_integer(*reply, &gone))
        a->trim(a->arg, ERR_PROTO, 0, "the answer of Redis cannot be read");
    else
        a->trim(a->arg, ERR_OK, (uint64_t)gone, "");
    free(a);
}

enum err store_halt(struct store *s, store_trim_fn *fn, void *arg)
{
    struct conn *c = &s->conns[CONN_READS];
    struct buf *out = conn_out(c);
    struct key k;
    if (c->state != CONN_READY || c->lost)
        return ERR_UNAVAILABLE;
    key_head(&k, s->partition);
    resp_array(out, 5);
    resp_text(out, "FCALL");
    resp_text(out, "liu_halt");
    resp_number(out, 1);
    resp_text(out, k.text);
    resp_text(out, s->epoch);
    return ask(c, s->timeout_ms, on_trim, (struct asked){.trim = fn, .arg = arg});
}

enum err store_confirm(struct store *s, uint64_t seq, const char *link, store_trim_fn *fn,
                       void *arg)
{
    struct conn *c = &s->conns[CONN_READS];
    struct buf *out = conn_out(c);
    struct key k;
    if (c->state != CONN_READY || c->lost)
        return ERR_UNAVAILABLE;
    resp_array(out, 8);
    resp_text(out, "FCALL");
    resp_text(out, "liu_confirm");
    resp_number(out, 2);
    key_head(&k, s->partition);
    resp_text(out, k.text);
    key_journal(&k, s->partition);
    resp_text(out, k.text);
    resp_text(out, s->epoch);
    resp_number(out, seq);
    resp_text(out, link);
    return ask(c, s->timeout_ms, on_trim, (struct asked){.trim = fn, .arg = arg});
}

enum err store_trim(struct store *s, const struct store_trim *t, store_trim_fn *fn, void *arg)
{
    struct conn *c = &s->conns[CONN_READS];
    struct buf *out = conn_out(c);
    struct key k;
    if (c->state != CONN_READY || c->lost)
        return ERR_UNAVAILABLE;
    size_t n_keys = 3 + 1 + t->n_parties + t->n_feeds;
    resp_array(out, 3 + n_keys + 4 + t->n_feeds);
    resp_text(out, "FCALL");
    resp_text(out, "liu_trim");
    resp_number(out, n_keys);
    key_head(&k, s->partition);
    resp_text(out, k.text);
    key_journal(&k, s->partition);
    resp_text(out, k.text);
    key_records(&k, s->partition, RECORD_CURSOR);
    resp_text(out, k.text);
    key_audience(&k, s->partition, "public");
    resp_text(out, k.text);
    for (size_t i = 0; i < t->n_parties; i++) {
        key_audience(&k, s->partition, t->parties[i]);
        resp_string(out, k.text, k.bytes);
    }
    for (size_t i = 0; i < t->n_feeds; i++) {
        key_noise(&k, s->partition, t->feeds[i]);
        resp_string(out, k.text, k.bytes);
    }
    resp_text(out, s->epoch);
    resp_number(out, t->seq);
    resp_number(out, t->archived);
    resp_number(out, 1 + t->n_parties);
    for (size_t i = 0; i < t->n_feeds; i++)
        resp_text(out, t->first_kept[i]);
    return ask(c, s->timeout_ms, on_trim, (struct asked){.trim = fn, .arg = arg});
}
