/* Follows the journal with one XREAD at a time when a bell (bell.c) tells that it has grown, and
 * now and then without. Sequences have no gaps, so every entry must be the next one: anything else
 * means that entries are missing, and the tail stops.
 */
#include "store/store_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "obs/log.h"
#include "store/reply.h"

#define TAIL_EVERY_MS 200
#define TAIL_ENTRIES 256

bool entry_decode(const redisReply *r, struct store_entry *out)
{
    const char *p = NULL;
    size_t n = 0;
    *out = (struct store_entry){0};
    if (!reply_string(reply_at(r, 0), &p, &n) || stream_seq(p, n, &out->seq) != ERR_OK)
        return false;
    const redisReply *fields = reply_at(r, 1);
    for (size_t i = 0; i + 1 < reply_count(fields); i += 2) {
        const char *name = reply_text(reply_at(fields, i));
        if (name == NULL || !reply_string(reply_at(fields, i + 1), &p, &n))
            return false;
        if (strcmp(name, "e") == 0) {
            out->data = (const uint8_t *)p;
            out->bytes = n;
        } else if (strcmp(name, "l") == 0) {
            out->link = (const uint8_t *)p;
            out->link_bytes = n;
        }
    }
    return out->data != NULL && out->link != NULL;
}

static void stop(struct store *s, const char *why)
{
    char seq[24];
    (void)snprintf(seq, sizeof(seq), "%llu", (unsigned long long)s->tail.seq);
    log_event(LOG_LEVEL_ERROR, "journal-broken", "the journal cannot be followed", "why", why,
              "after", seq, NULL);
    s->tail.stopped = true;
    s->tail.fn(s->tail.arg, ERR_DATA_LOSS, NULL, 0);
}

static void hand_on(struct store *s, const redisReply *list)
{
    size_t n = reply_count(list);
    struct store_entry *entries = calloc(n + 1, sizeof(*entries));
    if (entries == NULL)
        return; /* asked for again */
    for (size_t i = 0; i < n; i++) {
        if (!entry_decode(reply_at(list, i), &entries[i]) ||
            entries[i].seq != s->tail.seq + 1 + i) {
            stop(s, "an entry is missing or cannot be read");
            n = 0;
        }
    }
    if (n > 0) {
        s->tail.seq += n;
        store_reached(s, s->tail.seq);
        s->tail.fn(s->tail.arg, ERR_OK, entries, n);
    }
    free(entries);
}

static void on_reply(void *arg, enum err e, redisReply **reply)
{
    struct store *s = arg;
    s->tail.asked = false;
    if (e != ERR_OK)
        return;
    const char *text = reply_error(*reply);
    if (text != NULL) {
        conn_lose(&s->conns[CONN_TAIL], text);
        return;
    }
    const redisReply *list = reply_at(reply_at(*reply, 0), 1); /* nil: nothing new */
    s->tail.look_at_ms = clock_mono_ms() + TAIL_EVERY_MS;
    uint64_t before = s->tail.seq;
    if (reply_count(list) > 0)
        hand_on(s, list);
    else if (s->tail.heard == s->tail.heard_asked)
        s->tail.heard = s->tail.seq; /* told of what is not there */
    if (reply_count(list) > 0 && s->tail.seq == before)
        return; /* no memory: the clock asks again */
    if (reply_count(list) == TAIL_ENTRIES)
        tail_look(s);
    else
        tail_resume(s);
}

void tail_heard(struct store *s, uint64_t seq)
{
    if (seq > s->tail.heard)
        s->tail.heard = seq;
    tail_resume(s);
}

void tail_look(struct store *s)
{
    s->tail.look_at_ms = 0;
    tail_resume(s);
}

void tail_lost(struct store *s)
{
    s->tail.position_seen = false;
}

/* The journal must reach at least to where this tail has been. */
static void on_position(void *arg, enum err e, redisReply **reply)
{
    struct store *s = arg;
    const char *p = NULL;
    size_t n = 0;
    struct head head;
    s->tail.asked = false;
    if (e != ERR_OK)
        return;
    if (!reply_string(*reply, &p, &n) || head_parse(p, n, &head) != ERR_OK ||
        strcmp(head.epoch, s->epoch) != 0) {
        conn_lose(&s->conns[CONN_TAIL], "the head cannot be read");
        return;
    }
    if (head.seq < s->tail.seq) {
        stop(s, "the journal ends before the place to go on from");
        return;
    }
    s->tail.position_seen = true;
    tail_look(s);
}

static void ask_entries(struct store *s)
{
    struct conn *c = &s->conns[CONN_TAIL];
    struct key k;
    char after[32];
    key_journal(&k, s->partition);
    (void)snprintf(after, sizeof(after), "%llu-0", (unsigned long long)s->tail.seq);
    struct buf *out = conn_out(c);
    resp_array(out, 6);
    resp_text(out, "XREAD");
    resp_text(out, "COUNT");
    resp_number(out, TAIL_ENTRIES);
    resp_text(out, "STREAMS");
    resp_text(out, k.text);
    resp_text(out, after);
    s->tail.heard_asked = s->tail.heard;
    s->tail.asked = conn_send(c, s->timeout_ms, on_reply, s) == ERR_OK;
}

void tail_resume(struct store *s)
{
    struct conn *c = &s->conns[CONN_TAIL];
    struct key k;
    if (s->tail.fn == NULL || s->tail.asked || s->tail.stopped || c->state != CONN_READY || c->lost)
        return;
    if (s->tail.position_seen) {
        if (s->tail.heard > s->tail.seq || clock_mono_ms() >= s->tail.look_at_ms)
            ask_entries(s);
        return;
    }
    key_head(&k, s->partition);
    s->tail.asked = conn_command(c, s->timeout_ms, on_position, s, "GET", k.text, NULL) == ERR_OK;
}

enum err store_tail(struct store *s, uint64_t from, store_tail_fn *fn, void *arg)
{
    if (s->tail.fn != NULL)
        return ERR_EXISTS;
    s->tail = (struct tail){.fn = fn, .arg = arg, .seq = from};
    loop_again(s->loop);
    return ERR_OK;
}
