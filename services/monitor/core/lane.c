/* Numbering of alerts; see lane.h. */
#include "services/monitor/core/lane.h"

#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "services/monitor/core/sip.h"

/* NULL when it is not remembered. */
static const uint8_t *digest_of(const struct lane_state *s, uint64_t seq)
{
    for (size_t i = s->n_recent; i-- > 0;) {
        const struct lane_batch *b = &s->recent[i];
        uint64_t n = b->n_bytes / LANE_DIGEST_BYTES;
        if (seq >= b->first_seq && seq - b->first_seq < n)
            return b->digests + (size_t)(seq - b->first_seq) * LANE_DIGEST_BYTES;
    }
    return NULL;
}

static bool push_valid(const struct lane_push *p)
{
    return p->epoch > 0 && p->first_seq > 0 && p->n > 0 && p->n <= LANE_ALERTS_MAX &&
           p->first_seq <= UINT64_MAX - p->n;
}

void lane_digests(const struct slice *alerts, size_t n, uint8_t *out)
{
    static const struct sip_key key = {0x6c69752d6c616e65u, 0x616c657274763031u};
    for (size_t i = 0; i < n; i++)
        be64_put(out + i * LANE_DIGEST_BYTES, sip_hash(&key, alerts[i].data, alerts[i].bytes));
}

struct lane_result lane_check(const struct lane_state *s, const struct lane_push *p)
{
    struct lane_result r = {.expected_epoch = s->epoch == 0 ? 1 : s->epoch,
                            .expected_seq = s->epoch == 0 ? 1 : s->next_seq};
    if (!push_valid(p)) {
        r.answer = LANE_INVALID;
        return r;
    }
    if (p->epoch < s->epoch) {
        r.answer = LANE_OLD_EPOCH;
        return r;
    }
    if (p->epoch > s->epoch) {
        r.expected_epoch = p->epoch;
        r.expected_seq = 1;
        r.answer = p->first_seq == 1 ? LANE_TAKEN : LANE_GAP;
        return r;
    }
    if (p->first_seq > s->next_seq) {
        r.answer = LANE_GAP;
        return r;
    }
    uint64_t known = s->next_seq - p->first_seq;
    r.skip = known < p->n ? (uint32_t)known : p->n;
    for (uint32_t i = 0; i < r.skip; i++) {
        const uint8_t *before = digest_of(s, p->first_seq + i);
        if (before == NULL ||
            memcmp(before, p->digests + (size_t)i * LANE_DIGEST_BYTES, LANE_DIGEST_BYTES) == 0)
            continue;
        r.answer = LANE_CHANGED;
        r.changed_seq = p->first_seq + i;
        return r;
    }
    r.answer = LANE_TAKEN;
    return r;
}

void lane_take(struct lane_state *s, const struct lane_push *p, uint32_t skip, uint32_t taken)
{
    if (p->epoch > s->epoch) {
        s->epoch = p->epoch;
        s->n_recent = 0;
        s->next_seq = 1;
    }
    if (taken <= skip)
        return;
    if (s->n_recent >= LANE_RECENT_MAX) {
        memmove(&s->recent[0], &s->recent[1], (LANE_RECENT_MAX - 1) * sizeof s->recent[0]);
        s->n_recent = LANE_RECENT_MAX - 1;
    }
    s->recent[s->n_recent++] = (struct lane_batch){
        .first_seq = p->first_seq + skip,
        .digests = p->digests + (size_t)skip * LANE_DIGEST_BYTES,
        .n_bytes = (size_t)(taken - skip) * LANE_DIGEST_BYTES,
    };
    s->next_seq = p->first_seq + taken;
}
