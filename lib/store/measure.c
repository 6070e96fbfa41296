#include "store/measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/reply.h"
#include "store/store_private.h"

#define RANDOM_KEYS 16
#define SAMPLES "64" /* elements of a key; the usual 5 swing too much */

static const char *const owners[] = {"intake", "eligibility", "audit", "monitor", "ledger"};
#define N_OWNERS (sizeof(owners) / sizeof(owners[0]))

/* What is asked for, and into which sum the answer goes. */
enum sum {
    SUM_KEYS, /* of DBSIZE */
    SUM_PARTIES,
    SUM_PUBLIC,
    SUM_PARTY,
    SUM_RECEIPT,
    SUM_FAMILY, /* + family */
    N_SUMS = SUM_FAMILY + N_FAMILIES
};

struct measure {
    struct store *store;
    struct store_measure what; /* counts only */
    store_measure_fn *fn;
    void *arg;
    unsigned pending;
    bool failed, drawn;
    uint64_t left_bytes; /* filters of receipts */
    uint64_t sum[N_SUMS];
    uint64_t n[N_SUMS]; /* keys that exist */
    struct key random[RANDOM_KEYS];
    size_t n_random;
};

struct probe {
    struct measure *m;
    enum sum sum;
};

static void next(struct measure *m);

static void on_number(void *arg, enum err e, redisReply **reply)
{
    struct probe *p = arg;
    struct measure *m = p->m;
    int64_t v = 0;
    if (e != ERR_OK || reply_error(*reply) != NULL)
        m->failed = true;
    if (reply_integer(*reply, &v) && v >= 0) { /* nil: no such key */
        m->sum[p->sum] += (uint64_t)v;
        m->n[p->sum]++;
    }
    free(p);
    next(m);
}

static void on_key(void *arg, enum err e, redisReply **reply)
{
    struct probe *p = arg;
    struct measure *m = p->m;
    const char *s = NULL;
    size_t n = 0;
    char prefix[PARTITION_BYTES_MAX + 16];
    if (e != ERR_OK || reply_error(*reply) != NULL)
        m->failed = true;
    int len = snprintf(prefix, sizeof(prefix), "{%s}:rcpt:", m->store->partition);
    if (reply_string(*reply, &s, &n) && n <= KEY_BYTES_MAX && m->n_random < RANDOM_KEYS &&
        strncmp(s, prefix, (size_t)len) == 0) {
        struct key *k = &m->random[m->n_random++];
        memcpy(k->text, s, n);
        k->text[n] = '\0';
        k->bytes = n;
    }
    free(p);
    next(m);
}

/* "number bits count made_ms;...": an expired one counts until the next is made. */
static void on_left(void *arg, enum err e, redisReply **reply)
{
    struct probe *p = arg;
    struct measure *m = p->m;
    const char *at = reply_text(*reply);
    char *end;
    if (e != ERR_OK || reply_error(*reply) != NULL)
        m->failed = true;
    while (at != NULL) {
        (void)strtoull(at, &end, 10);
        m->left_bytes += strtoull(end, &end, 10) / 8;
        at = strchr(end, ';');
        at = at == NULL ? NULL : at + 1;
    }
    free(p);
    next(m);
}

static struct probe *probe(struct measure *m, enum sum sum)
{
    struct probe *p = malloc(sizeof(*p));
    if (p != NULL)
        *p = (struct probe){m, sum};
    return p;
}

static void sent(struct measure *m, struct probe *p, enum err e)
{
    m->pending += e == ERR_OK;
    m->failed = m->failed || e != ERR_OK;
    if (e != ERR_OK)
        free(p);
}

static void ask(struct measure *m, enum sum sum, conn_reply_fn *fn, const char *command,
                const char *a, const char *b)
{
    struct probe *p = probe(m, sum);
    if (p == NULL) {
        m->failed = true;
        return;
    }
    sent(m, p,
         conn_command(&m->store->conns[CONN_READS], m->store->timeout_ms, fn, p, command, a, b,
                      b == NULL ? NULL : "SAMPLES", SAMPLES, NULL));
}

static void usage(struct measure *m, enum sum sum, const struct key *k)
{
    if (k->bytes > 0)
        ask(m, sum, on_number, "MEMORY", "USAGE", k->text);
}

static void ask_left(struct measure *m, const struct key *k)
{
    struct probe *p = probe(m, SUM_KEYS);
    if (p == NULL)
        m->failed = true;
    else
        sent(m, p,
             conn_command(&m->store->conns[CONN_READS], m->store->timeout_ms, on_left, p, "GET",
                          k->text, NULL));
}

static void ask_all(struct measure *m, const struct store_measure *what)
{
    const char *partition = m->store->partition;
    struct key k;
    for (int kind = RECORD_NONE + 1; kind < RECORD_KINDS; kind++) {
        key_records(&k, partition, (enum record_kind)kind);
        usage(m, SUM_FAMILY + FAMILY_RECORDS, &k);
    }
    key_cold(&k, partition);
    usage(m, SUM_FAMILY + FAMILY_RECORDS, &k);
    key_left(&k, partition);
    ask_left(m, &k);
    key_journal(&k, partition);
    usage(m, SUM_FAMILY + FAMILY_JOURNAL, &k);
    key_audience(&k, partition, "public");
    usage(m, SUM_PUBLIC, &k);
    for (size_t i = 0; i < N_OWNERS; i++) {
        key_timers(&k, partition, owners[i]);
        usage(m, SUM_FAMILY + FAMILY_TIMERS, &k);
    }
    for (size_t i = 0; i < what->n_parties; i++) {
        key_audience(&k, partition, what->parties[i]);
        usage(m, SUM_PARTY, &k);
    }
    for (size_t i = 0; i < what->n_feeds; i++) {
        key_noise(&k, partition, what->feeds[i]);
        usage(m, SUM_FAMILY + FAMILY_NOISE, &k);
    }
    key_records(&k, partition, RECORD_PARTY);
    ask(m, SUM_PARTIES, on_number, "HLEN", k.text, NULL);
    ask(m, SUM_KEYS, on_number, "DBSIZE", NULL, NULL);
    for (size_t i = 0; i < RANDOM_KEYS; i++)
        ask(m, SUM_KEYS, on_key, "RANDOMKEY", NULL, NULL);
}

static void finish(struct measure *m)
{
    uint64_t bytes[N_FAMILIES];
    for (size_t i = 0; i < N_FAMILIES; i++)
        bytes[i] = m->sum[SUM_FAMILY + i];
    bytes[FAMILY_INDEX] = m->sum[SUM_PUBLIC];
    if (m->what.n_parties > 0)
        bytes[FAMILY_INDEX] += m->sum[SUM_PARTY] * m->sum[SUM_PARTIES] / m->what.n_parties;
    if (m->what.n_feeds > 0)
        bytes[FAMILY_NOISE] = bytes[FAMILY_NOISE] * m->what.feeds_all / m->what.n_feeds;
    /* keys of other families are few, and none of them is drawn as a receipt */
    if (m->n[SUM_RECEIPT] > 0)
        bytes[FAMILY_RECEIPTS] = m->sum[SUM_KEYS] * m->sum[SUM_RECEIPT] / m->n[SUM_RECEIPT];
    bytes[FAMILY_RECEIPTS] += m->left_bytes;
    m->fn(m->arg, m->failed ? ERR_UNAVAILABLE : ERR_OK, m->failed ? NULL : bytes);
    free(m);
}

static void next(struct measure *m)
{
    if (--m->pending > 0)
        return;
    if (!m->drawn && !m->failed && m->n_random > 0) {
        m->drawn = true;
        m->pending = 1; /* held while sending */
        for (size_t i = 0; i < m->n_random; i++)
            usage(m, SUM_RECEIPT, &m->random[i]);
        if (--m->pending > 0)
            return;
    }
    finish(m);
}

enum err store_measure(struct store *s, const struct store_measure *what, store_measure_fn *fn,
                       void *arg)
{
    const struct conn *c = &s->conns[CONN_READS];
    if (c->state != CONN_READY || c->lost)
        return ERR_UNAVAILABLE;
    if (what->n_parties > MEASURE_SAMPLES || what->n_feeds > MEASURE_SAMPLES)
        return ERR_INVAL;
    struct measure *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return ERR_NOMEM;
    *m = (struct measure){.store = s, .what = *what, .fn = fn, .arg = arg};
    m->what.parties = m->what.feeds = NULL;
    ask_all(m, what);
    if (m->pending > 0)
        return ERR_OK; /* a part that could not be asked is told at the end */
    free(m);
    return ERR_UNAVAILABLE;
}
