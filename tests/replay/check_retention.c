/* See check_retention.h. */
#include "replay/check_retention.h"

#include <inttypes.h>
#include <string.h>

#include "base/arena.h"
#include "replay/sim.h"
#include "services/ledger/mark.h"
#include "services/ledger/retention_told.h"

#define ENTRY_BYTES (1u << 20)
#define FEEDS 16

typedef Ismap__Liu__V1__SegmentsExpired pb_expired;

/* NULL: the entry is something else. */
static const pb_expired *expired_of(struct arena *a, uint64_t seq)
{
    const struct mem_entry *e =
        seq == 0 || seq > memstore_head(&sim.store) ? NULL : &sim.store.journal[seq - 1];
    return e == NULL || strcmp(e->type, "SegmentsExpired") != 0
               ? NULL
               : expired_read(a, e->data, e->bytes);
}

void check_mark(const char *dir, struct mark *m, bool *found)
{
    struct err_text why = {""};
    struct arena a;
    if (mark_read(dir, MARK_FILE, m, found, &why) != ERR_OK)
        sim_fail("a mark is not whole: %s", why.text);
    if (!*found)
        return;
    arena_init(&a, ENTRY_BYTES);
    const pb_expired *x = expired_of(&a, m->told_seq);
    if (x == NULL || !expired_is(x, m) || x->segments != m->segments)
        sim_fail("%s is marked up to %" PRIu64 " by entry %" PRIu64 ", which does not say so",
                 m->stream, m->last.seq, m->told_seq);
    arena_fini(&a);
}

void check_retention_settled(uint64_t *segments)
{
    struct {
        char feed[SEGMENT_STREAM_BYTES];
        struct segment_pos last;
    } feeds[FEEDS] = {{.feed = ""}};
    struct arena a;
    arena_init(&a, ENTRY_BYTES);
    for (uint64_t seq = 1; seq <= memstore_head(&sim.store); seq++) {
        size_t i = 0;
        const pb_expired *x = expired_of(&a, seq);
        if (x == NULL)
            continue;
        while (i < FEEDS - 1 && feeds[i].feed[0] != '\0' && strcmp(feeds[i].feed, x->stream) != 0)
            i++;
        (void)snprintf(feeds[i].feed, sizeof feeds[i].feed, "%s", x->stream);
        if (segment_pos_compare((struct segment_pos){x->first_seq, x->first_sub}, feeds[i].last) <=
            0)
            sim_fail("entry %" PRIu64 " tells again that noise of %s expired", seq, x->stream);
        feeds[i].last = (struct segment_pos){x->last_seq, x->last_sub};
        *segments += x->segments;
        arena_reset(&a);
    }
    arena_fini(&a);
}
