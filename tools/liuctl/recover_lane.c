/* See recover_lane.h. */
#include "liuctl/recover_lane.h"

#include <string.h>

#include "base/limits.h"
#include "wire/unpack.h"

typedef Ismap__Liu__V1__FeedLane pb_lane;
typedef Ismap__Liu__V1__TakenBatch pb_batch;
typedef Ismap__Liu__V1__KeptAlerts pb_kept;

/* NULL when it cannot be read. */
static pb_lane *lane_of(struct arena *a, const uint8_t *data, size_t bytes)
{
    ProtobufCMessage *m = NULL;
    return bytes > 0 &&
                   wire_unpack(a, &ismap__liu__v1__feed_lane__descriptor, data, bytes, &m) == ERR_OK
               ? (pb_lane *)(void *)m
               : NULL;
}

bool recover_lane_further(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes)
{
    struct arena arena;
    arena_init(&arena, LIMIT_WORK_ARENA_BYTES);
    const pb_lane *x = lane_of(&arena, a, a_bytes);
    const pb_lane *y = lane_of(&arena, b, b_bytes);
    bool further = x != NULL && (y == NULL || x->epoch > y->epoch ||
                                 (x->epoch == y->epoch && x->next_seq > y->next_seq));
    arena_fini(&arena);
    return further;
}

static enum err put_lane(const pb_lane *m, struct buf *out)
{
    size_t n = ismap__liu__v1__feed_lane__get_packed_size(m);
    uint8_t *room = buf_room(out, n);
    if (room == NULL)
        return ERR_NOMEM;
    out->len += ismap__liu__v1__feed_lane__pack(m, room);
    return ERR_OK;
}

bool recover_lane_before(const uint8_t *lane, size_t bytes, struct buf *out)
{
    struct arena arena;
    arena_init(&arena, LIMIT_WORK_ARENA_BYTES);
    pb_lane *m = lane_of(&arena, lane, bytes);
    bool known = m != NULL && m->n_recent > 0 && m->recent[m->n_recent - 1]->first_seq > 1;
    if (known) {
        const pb_batch *last = m->recent[--m->n_recent];
        size_t counted = last->digests.len / LANE_DIGEST_BYTES;
        counted -= last->n_outcomes < counted ? last->n_outcomes : counted;
        m->next_seq = last->first_seq;
        m->counted -= counted < m->counted ? counted : m->counted;
        buf_clear(out);
        known = put_lane(m, out) == ERR_OK;
    }
    arena_fini(&arena);
    return known;
}

enum err recover_lane_begin(struct recover_lane *r, Ismap__Liu__V1__Lane lane, const uint8_t *base,
                            size_t bytes)
{
    memset(r, 0, sizeof *r);
    r->lane = lane;
    arena_init(&r->arena, LIMIT_WORK_ARENA_BYTES);
    if (bytes == 0)
        return ERR_OK;
    const pb_lane *m = lane_of(&r->arena, base, bytes);
    if (m == NULL)
        return ERR_PROTO;
    r->base = m;
    r->counted = m->counted;
    r->heard_ms = m->last_heard_ms;
    r->state.epoch = m->epoch;
    r->state.next_seq = m->next_seq;
    size_t first = m->n_recent > LANE_RECENT_MAX ? m->n_recent - LANE_RECENT_MAX : 0;
    for (size_t i = first; i < m->n_recent; i++)
        r->state.recent[r->state.n_recent++] =
            (struct lane_batch){.first_seq = m->recent[i]->first_seq,
                                .digests = m->recent[i]->digests.data,
                                .n_bytes = m->recent[i]->digests.len};
    return ERR_OK;
}

void recover_lane_fini(struct recover_lane *r)
{
    arena_fini(&r->arena);
}

static void take(struct recover_lane *r, int64_t at_ms, const pb_kept *m,
                 const struct slice *alerts)
{
    /* one more than are remembered: the oldest is still needed while the newest is made */
    uint8_t *digests = r->kept[r->next_kept];
    const struct lane_push push = {
        .epoch = m->epoch, .first_seq = m->first_seq, .n = (uint32_t)m->n_alerts, digests};
    lane_digests(alerts, m->n_alerts, digests);
    const struct lane_result res = lane_check(&r->state, &push);
    if (m->taken != NULL && m->taken->skipped > res.skip)
        return; /* what an earlier message had brought is missing, noise or not */
    uint64_t end = m->taken == NULL ? m->first_seq + m->n_alerts : m->taken->next_seq;
    if (res.answer != LANE_TAKEN || end <= m->first_seq + res.skip ||
        end > m->first_seq + m->n_alerts)
        return;
    uint32_t fresh = (uint32_t)(end - m->first_seq) - res.skip;
    lane_take(&r->state, &push, res.skip, (uint32_t)(end - m->first_seq));
    r->next_kept = (r->next_kept + 1) % (LANE_RECENT_MAX + 1);
    r->counted += m->taken != NULL && m->taken->counted < fresh ? m->taken->counted : fresh;
    if (at_ms > r->heard_ms)
        r->heard_ms = at_ms;
    r->moved = true;
}

void recover_lane_take(struct recover_lane *lanes, size_t n, int64_t at_ms, const uint8_t *data,
                       size_t bytes)
{
    struct arena arena;
    struct slice alerts[LANE_ALERTS_MAX];
    ProtobufCMessage *m = NULL;
    size_t found = 0;
    arena_init(&arena, LIMIT_WORK_ARENA_BYTES);
    enum err e = wire_unpack(&arena, &ismap__liu__v1__kept_alerts__descriptor, data, bytes, &m);
    const pb_kept *k = (const void *)m;
    bool counts =
        e == ERR_OK && (k->taken == NULL || !k->taken->in_journal) &&
        slices_find(data, bytes, SLICES_FIELD_ALERTS, alerts, LANE_ALERTS_MAX, &found) == ERR_OK &&
        found == k->n_alerts;
    for (size_t i = 0; counts && i < n; i++)
        if (lanes[i].lane == k->lane)
            take(&lanes[i], at_ms, k, alerts);
    arena_fini(&arena);
}

/* Batches of the record keep what was decided about them. */
static void batch_of(const struct recover_lane *r, const struct lane_batch *b, pb_batch *out)
{
    ismap__liu__v1__taken_batch__init(out);
    out->first_seq = b->first_seq;
    out->digests =
        (ProtobufCBinaryData){.len = b->n_bytes, .data = (uint8_t *)(uintptr_t)b->digests};
    for (size_t i = 0; r->base != NULL && i < r->base->n_recent; i++) {
        const pb_batch *was = r->base->recent[i];
        if (was->digests.data == b->digests) {
            out->outcomes = was->outcomes;
            out->n_outcomes = was->n_outcomes;
        }
    }
}

enum err recover_lane_end(const struct recover_lane *r, const char *feed, struct buf *out)
{
    pb_lane m = ISMAP__LIU__V1__FEED_LANE__INIT;
    pb_batch batches[LANE_RECENT_MAX];
    pb_batch *recent[LANE_RECENT_MAX];
    for (size_t i = 0; i < r->state.n_recent; i++) {
        batch_of(r, &r->state.recent[i], &batches[i]);
        recent[i] = &batches[i];
    }
    m.feed = (char *)(uintptr_t)feed;
    m.lane = r->lane;
    m.epoch = r->state.epoch;
    m.next_seq = r->state.next_seq;
    m.recent = recent;
    m.n_recent = r->state.n_recent;
    m.last_heard_ms = r->heard_ms;
    m.counted = r->counted;
    buf_clear(out);
    return put_lane(&m, out);
}
