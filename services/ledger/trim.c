/* Takes out of Redis what is archived. Everything is read anew for each trim: it is rare, and the Function
 * checks the cursors again itself. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "obs/log.h"
#include "services/ledger/ledger_private.h"
#include "wire/unpack.h"

#define PARTY_BYTES_MAX (4u << 20)
#define KEYS_A_CALL 512
#define NUMBER_BYTES 48

void trim_init(struct trim *t)
{
    buf_init(&t->parties, PARTY_BYTES_MAX);
}

void trim_fini(struct trim *t)
{
    buf_fini(&t->parties);
}

static void done(struct ledger *l)
{
    l->trim.busy = false;
    l->trim.next_ms = clock_mono_ms() + LEDGER_TRIM_MS;
}

/* ---- one call of liu_trim */

struct call {
    struct key keys[KEYS_A_CALL + 3];
    char numbers[KEYS_A_CALL + 6][NUMBER_BYTES];
    const char *argv[2 * KEYS_A_CALL + 16];
    size_t bytes[2 * KEYS_A_CALL + 16];
    size_t n_keys;
    size_t n_args;
};

static void call_begin(struct ledger *l, struct call *c)
{
    key_head(&c->keys[0], l->partition);
    key_journal(&c->keys[1], l->partition);
    key_records(&c->keys[2], l->partition, RECORD_CURSOR);
    c->n_keys = 3;
}

static void call_number(struct call *c, uint64_t v)
{
    (void)snprintf(c->numbers[c->n_args++], NUMBER_BYTES, "%llu", (unsigned long long)v);
}

/* The epoch goes before what call_number collected. */
static enum err call_send(struct ledger *l, const struct call *c, store_raw_fn *fn)
{
    struct call *m = malloc(sizeof(*m));
    if (m == NULL)
        return ERR_NOMEM;
    char n_keys[16];
    int argc = 0;
    (void)snprintf(n_keys, sizeof(n_keys), "%zu", c->n_keys);
    m->argv[argc++] = "FCALL";
    m->argv[argc++] = "liu_trim";
    m->argv[argc++] = n_keys;
    for (size_t i = 0; i < c->n_keys; i++)
        m->argv[argc++] = c->keys[i].text;
    m->argv[argc++] = l->epoch;
    for (size_t i = 0; i < c->n_args; i++)
        m->argv[argc++] = c->numbers[i];
    for (int i = 0; i < argc; i++)
        m->bytes[i] = strlen(m->argv[i]);
    l->pending++;
    enum err e = store_raw(l->store, argc, m->argv, m->bytes, fn, l);
    if (e != ERR_OK)
        l->pending--;
    free(m);
    return e;
}

/* The answer as a number; false with the reason told. */
static bool answer(struct ledger *l, enum err e, const redisReply *r, uint64_t *out)
{
    if (e == ERR_OK && r->type == REDIS_REPLY_INTEGER && r->integer >= 0) {
        *out = (uint64_t)r->integer;
        return true;
    }
    if (e == ERR_OK)
        ledger_fault(l, "trim-refused", "trim", r->type == REDIS_REPLY_ERROR ? r->str : "answer");
    return false;
}

/* ---- the journal */

static void trim_some(struct ledger *l);

static void trimmed(void *arg, enum err e, const struct redisReply *reply)
{
    struct ledger *l = arg;
    struct trim *t = &l->trim;
    uint64_t gone = 0;
    if (ledger_answered(l))
        return;
    if (!answer(l, e, reply, &gone)) {
        done(l);
        return;
    }
    /* the first call tells how far it came; the others cut their indexes there */
    t->target = gone;
    if (t->at < t->parties.len) {
        trim_some(l);
        return;
    }
    if (gone > t->gone) {
        char text[NUMBER_BYTES];
        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)gone);
        log_event(LOG_LEVEL_INFO, "trimmed", "entries that are archived left Redis", "up_to", text,
                  NULL);
        t->gone = gone;
        metric_set(l->m_trimmed, (int64_t)gone);
    }
    done(l);
}

static void trim_some(struct ledger *l)
{
    struct trim *t = &l->trim;
    struct call *c = calloc(1, sizeof(*c));
    enum err e = ERR_NOMEM;
    if (c != NULL) {
        call_begin(l, c);
        while (t->at < t->parties.len && c->n_keys < KEYS_A_CALL + 3) {
            const char *id = (const char *)t->parties.data + t->at;
            key_audience(&c->keys[c->n_keys], l->partition, id);
            c->n_keys += c->keys[c->n_keys].bytes > 0;
            t->at += strlen(id) + 1;
        }
        call_number(c, t->target);
        call_number(c, l->journal.archived.seq);
        call_number(c, c->n_keys - 3);
        e = call_send(l, c, trimmed);
        free(c);
    }
    if (e != ERR_OK)
        done(l);
}

static void parties_read(void *arg, enum err e, const char *next_page, const char *const *ids,
                         const struct store_record *records, size_t n)
{
    struct ledger *l = arg;
    struct trim *t = &l->trim;
    (void)records;
    if (ledger_answered(l))
        return;
    for (size_t i = 0; e == ERR_OK && i < n; i++)
        e = buf_put(&t->parties, ids[i], strlen(ids[i]) + 1);
    if (e == ERR_OK && *next_page != '\0') {
        l->pending++;
        e = store_scan(l->store, RECORD_PARTY, next_page, 256, parties_read, l);
        if (e == ERR_OK)
            return;
        l->pending--;
    }
    if (e == ERR_OK)
        trim_some(l);
    else
        done(l);
}

static void read_parties(struct ledger *l)
{
    struct trim *t = &l->trim;
    buf_clear(&t->parties);
    t->at = 0;
    enum err e = buf_put(&t->parties, "public", sizeof("public"));
    l->pending++;
    if (e == ERR_OK)
        e = store_scan(l->store, RECORD_PARTY, "", 256, parties_read, l);
    if (e != ERR_OK) {
        l->pending--;
        done(l);
    }
}

static void head_read(void *arg, enum err e, uint64_t seq)
{
    struct ledger *l = arg;
    struct trim *t = &l->trim;
    if (ledger_answered(l))
        return;
    uint64_t keep = (uint64_t)l->set->keep_entries;
    t->target = seq > keep ? seq - keep : 0;
    if (t->target > t->least)
        t->target = t->least;
    if (t->target > l->journal.archived.seq)
        t->target = l->journal.archived.seq;
    if (t->target == seq && seq > 0)
        t->target = seq - 1; /* the head itself always stays */
    if (e != ERR_OK || t->target <= t->gone)
        done(l);
    else
        read_parties(l);
}

/* Bit of a consumer in trim_waits_for, 0 when it is not there; `all` gets the bits of all. */
static uint32_t wait_bit(const char *list, const char *consumer, uint32_t *all)
{
    uint32_t bit = 1;
    uint32_t found = 0;
    *all = 0;
    size_t len = strlen(consumer);
    while (*list != '\0' && bit != 0) {
        size_t n = strcspn(list, ", ");
        if (n > 0) {
            *all |= bit;
            if (n == len && memcmp(list, consumer, n) == 0)
                found = bit;
            bit <<= 1;
        }
        list += n;
        list += strspn(list, ", ");
    }
    return found;
}

static void count_cursor(struct ledger *l, const char *id, const struct store_record *r)
{
    uint32_t all;
    struct arena a;
    ProtobufCMessage *m = NULL;
    uint64_t seq = 0;
    arena_init(&a, 8192);
    if (wire_unpack(&a, &ismap__liu__v1__cursor__descriptor, r->value, r->bytes, &m) == ERR_OK)
        seq = ((const Ismap__Liu__V1__Cursor *)m)->seq;
    arena_fini(&a);
    if (seq < l->trim.least)
        l->trim.least = seq;
    l->trim.waits_seen |= wait_bit(l->set->trim_waits_for, id, &all);
}

static void cursors_read(void *arg, enum err e, const char *next_page, const char *const *ids,
                         const struct store_record *records, size_t n)
{
    struct ledger *l = arg;
    struct trim *t = &l->trim;
    uint32_t all;
    if (ledger_answered(l))
        return;
    for (size_t i = 0; e == ERR_OK && i < n; i++)
        count_cursor(l, ids[i], &records[i]);
    l->pending++;
    if (e == ERR_OK && *next_page != '\0') {
        e = store_scan(l->store, RECORD_CURSOR, next_page, 64, cursors_read, l);
    } else if (e == ERR_OK) {
        (void)wait_bit(l->set->trim_waits_for, "", &all);
        if ((t->waits_seen & all) != all)
            t->least = 0;
        e = store_head(l->store, head_read, l);
    }
    if (e != ERR_OK) {
        l->pending--;
        done(l);
    }
}

/* ---- noise */

static void noise_trimmed(void *arg, enum err e, const struct redisReply *reply)
{
    struct ledger *l = arg;
    uint64_t gone;
    if (ledger_answered(l))
        return;
    (void)answer(l, e, reply, &gone);
    done(l);
}

/* The first position that stays: behind what is archived, and not younger than noise_keep. */
static struct segment_pos noise_stays(const struct ledger *l, const struct stream *s)
{
    int64_t cut = clock_wall_ms() - l->set->noise_keep * 1000;
    struct segment_pos next = {s->archived.seq, s->archived.sub + 1};
    if (cut < 0 || next.seq < (uint64_t)cut)
        return next;
    return (struct segment_pos){(uint64_t)cut, 0};
}

/* The journal's part of the call is one that changes nothing. */
static bool trim_noise(struct ledger *l)
{
    struct call *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return false;
    call_begin(l, c);
    call_number(c, 0);
    call_number(c, 0);
    call_number(c, 0);
    for (size_t i = 0; i < l->n_feeds; i++) {
        const struct stream *s = l->feeds[i];
        if (!s->has_archived)
            continue;
        struct segment_pos stays = noise_stays(l, s);
        key_noise(&c->keys[c->n_keys++], l->partition, s->name);
        (void)snprintf(c->numbers[c->n_args++], NUMBER_BYTES, "%llu-%llu",
                       (unsigned long long)stays.seq, (unsigned long long)stays.sub);
    }
    bool sent = c->n_keys > 3 && call_send(l, c, noise_trimmed) == ERR_OK;
    free(c);
    return sent;
}

void trim_go(struct ledger *l)
{
    struct trim *t = &l->trim;
    int64_t now = clock_mono_ms();
    if (t->busy || l->stopped || now < t->next_ms || !store_ready(l->store, NULL))
        return;
    t->busy = true;
    if (now >= t->noise_ms) {
        t->noise_ms = now + 2 * LEDGER_TRIM_MS;
        if (trim_noise(l))
            return;
    }
    if (l->journal.state != STREAM_RUNNING || !l->journal.has_archived ||
        l->journal.archived.seq <= t->gone) {
        done(l);
        return;
    }
    t->least = UINT64_MAX;
    t->waits_seen = 0;
    l->pending++;
    if (store_scan(l->store, RECORD_CURSOR, "", 64, cursors_read, l) != ERR_OK) {
        l->pending--;
        done(l);
    }
}
