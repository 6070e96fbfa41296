/* Takes out of Redis what is archived, in rounds of many small calls: Redis has one thread, and
 * whatever else is asked of it waits for each call. Everything is read anew for each round: it is
 * rare, and the Function checks the cursors again itself. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "obs/log.h"
#include "services/ledger/ledger_private.h"
#include "wire/unpack.h"

#define PARTY_BYTES_MAX (4u << 20)
#define PARTIES_A_CALL 64
#define FEEDS_A_CALL 32
#define ROUND_ENTRIES 20000 /* then cursors are read again */
#define TIGHT_MS 100

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
    struct trim *t = &l->trim;
    int64_t wait_ms = l->set->trim_seconds * 1000;
    if (t->tight || usage_tight(l, FAMILY_NOISE) || t->cut)
        wait_ms = TIGHT_MS;
    t->busy = t->cut = false;
    t->next_ms = clock_mono_ms() + wait_ms;
}

/* The next call comes after a rest. */
static void rest(struct ledger *l, bool tight)
{
    l->trim.rests = true;
    if (tight)
        trim_step(l);
    else
        pace_go(l);
}

/* ---- the journal */

static void trimmed(void *arg, enum err e, uint64_t gone, const char *why)
{
    struct ledger *l = arg;
    struct trim *t = &l->trim;
    if (ledger_answered(l))
        return;
    if (e != ERR_OK) {
        if (e != ERR_UNAVAILABLE)
            ledger_fault(l, "trim-refused", "journal", why);
        done(l);
        return;
    }
    if (t->reached == 0 && t->target > gone + ROUND_ENTRIES) {
        t->target = gone + ROUND_ENTRIES;
        t->cut = true;
    }
    t->reached = gone;
    if (t->reached < t->target || t->at < t->parties.len) {
        rest(l, t->tight);
        return;
    }
    if (gone > t->gone) {
        char text[32];
        (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)gone);
        log_event(LOG_LEVEL_INFO, "trimmed", "entries that are archived left Redis", "up_to", text,
                  NULL);
        t->gone = gone;
        metric_set(l->m_trimmed, (int64_t)gone);
    }
    done(l);
}

/* First the journal, with the public index, then the indexes of the parties up to there. */
static void trim_journal(struct ledger *l)
{
    struct trim *t = &l->trim;
    const char *parties[PARTIES_A_CALL];
    struct store_trim call = {
        .seq = t->target, .archived = l->journal.archived.seq, .parties = parties};
    while (t->reached >= t->target && t->at < t->parties.len && call.n_parties < PARTIES_A_CALL) {
        const char *id = (const char *)t->parties.data + t->at;
        parties[call.n_parties++] = id;
        t->at += strlen(id) + 1;
    }
    l->pending++;
    if (store_trim(l->store, &call, trimmed, l) != ERR_OK) {
        l->pending--;
        done(l);
    }
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
        trim_journal(l);
    else
        done(l);
}

static void read_parties(struct ledger *l)
{
    struct trim *t = &l->trim;
    buf_clear(&t->parties);
    t->at = 0;
    t->reached = 0;
    l->pending++;
    if (store_scan(l->store, RECORD_PARTY, "", 256, parties_read, l) != ERR_OK) {
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
    if (t->tight && keep > (seq - t->gone) / 4 * 3) /* a quarter goes, until it is enough */
        keep = (seq - t->gone) / 4 * 3;
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

/* The first position that stays: behind what is archived, and not younger than noise_keep. */
static struct segment_pos noise_stays(const struct ledger *l, const struct stream *s)
{
    int64_t keep_s = l->trim.tight_noise ? 0 : l->set->noise_keep;
    int64_t cut = clock_wall_ms() - keep_s * 1000;
    struct segment_pos next = {s->archived.seq, s->archived.sub + 1};
    if (cut < 0 || next.seq < (uint64_t)cut)
        return next;
    return (struct segment_pos){(uint64_t)cut, 0};
}

static void noise_trimmed(void *arg, enum err e, uint64_t gone, const char *why)
{
    struct ledger *l = arg;
    struct trim *t = &l->trim;
    if (ledger_answered(l))
        return;
    if (e != ERR_OK && e != ERR_UNAVAILABLE)
        ledger_fault(l, "trim-refused", "noise", why);
    if (gone == 0)
        t->feed = t->feed_end;
    if (e == ERR_OK && t->feed < l->n_feeds)
        rest(l, t->tight_noise);
    else
        done(l);
}

/* Some feeds, from t->feed on. The journal's part of the call is one that changes nothing. */
static void trim_noise(struct ledger *l)
{
    char kept[FEEDS_A_CALL][48];
    const char *feeds[FEEDS_A_CALL];
    const char *first_kept[FEEDS_A_CALL];
    struct store_trim call = {.feeds = feeds, .first_kept = first_kept};
    struct trim *t = &l->trim;
    for (t->feed_end = t->feed; t->feed_end < l->n_feeds && call.n_feeds < FEEDS_A_CALL;
         t->feed_end++) {
        const struct stream *s = l->feeds[t->feed_end];
        if (!s->has_archived)
            continue;
        struct segment_pos stays = noise_stays(l, s);
        (void)snprintf(kept[call.n_feeds], sizeof(kept[0]), "%llu-%llu",
                       (unsigned long long)stays.seq, (unsigned long long)stays.sub);
        feeds[call.n_feeds] = s->name;
        first_kept[call.n_feeds] = kept[call.n_feeds];
        call.n_feeds++;
    }
    l->pending++;
    if (call.n_feeds > 0 && store_trim(l->store, &call, noise_trimmed, l) == ERR_OK)
        return;
    l->pending--;
    done(l);
}

/* ---- turns */

void trim_step(struct ledger *l)
{
    struct trim *t = &l->trim;
    t->rests = false;
    if (l->stopped || !store_ready(l->store, NULL))
        done(l);
    else if (t->is_noise)
        trim_noise(l);
    else
        trim_journal(l);
}

void trim_go(struct ledger *l)
{
    struct trim *t = &l->trim;
    int64_t now = clock_mono_ms();
    if (t->busy || l->stopped || now < t->next_ms || !store_ready(l->store, NULL))
        return;
    t->busy = true;
    t->tight = usage_tight(l, FAMILY_JOURNAL) || usage_tight(l, FAMILY_INDEX);
    t->tight_noise = usage_tight(l, FAMILY_NOISE);
    t->noise_turn = !t->noise_turn; /* neither holds up the other */
    if (t->noise_turn && (now >= t->noise_ms || t->tight_noise)) {
        t->noise_ms = now + 2 * l->set->trim_seconds * 1000;
        t->is_noise = true;
        t->feed = 0;
        trim_noise(l);
        return;
    }
    t->is_noise = false;
    if (l->journal.state != STREAM_RUNNING || !l->journal.has_archived ||
        l->journal.archived.seq <= t->gone) {
        t->busy = false;
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
