/* A backlog is worked off in small steps with a rest behind each, so that neither Redis nor the
 * processor is taken from a critical alert for long. Urgent alerts seldom come alone: behind one
 * the backlog waits for a moment, but not on and on. Memory first: a family of keys that is short
 * of it neither rests nor waits (usage_tight). */
#include <string.h>

#include "base/clock.h"
#include "services/ledger/ledger_private.h"

#define REST_MS 2
#define GIVE_WAY_MS 100        /* behind what was urgent */
#define GIVE_WAY_STEP_MS 200   /* a step is made at least so often */
#define GIVE_WAY_MOST_MS 5000  /* then the backlog waits no more */
#define GIVE_WAY_PAUSE_MS 1000 /* before nothing urgent came for so long */

/* One stream a step, in turn. */
static void one_stream(struct ledger *l)
{
    size_t n = l->n_feeds + 1;
    for (size_t i = 0; i < n; i++) {
        size_t k = (l->pace_turn + i) % n;
        struct stream *s = k == 0 ? &l->journal : l->feeds[k - 1];
        if (!s->rests)
            continue;
        s->rests = false;
        l->pace_turn = k + 1;
        stream_go(s);
        return;
    }
}

bool pace_behind(const struct ledger *l)
{
    bool rests = l->trim.rests || l->journal.rests;
    for (size_t i = 0; i < l->n_feeds; i++)
        rests = rests || l->feeds[i]->rests;
    return rests;
}

void pace_lane(void *ledger, const char *id, uint64_t revision, const ProtobufCMessage *m)
{
    struct ledger *l = ledger;
    const char *lane = strchr(id, '/');
    (void)revision;
    (void)m;
    if (l == NULL || lane == NULL || strcmp(lane, "/urgent") != 0)
        return;
    int64_t now = clock_mono_ms();
    if (l->urgent_ms == 0 || now - l->urgent_ms >= GIVE_WAY_PAUSE_MS)
        l->urgent_since_ms = now;
    l->urgent_ms = now;
}

static bool gives_way(const struct ledger *l)
{
    int64_t now = clock_mono_ms();
    if (usage_tight(l, FAMILY_JOURNAL) || usage_tight(l, FAMILY_INDEX) ||
        usage_tight(l, FAMILY_NOISE) || now - l->stepped_ms >= GIVE_WAY_STEP_MS)
        return false;
    return l->urgent_ms > 0 && now - l->urgent_ms < GIVE_WAY_MS &&
           now - l->urgent_since_ms < GIVE_WAY_MOST_MS;
}

static void step(void *arg)
{
    struct ledger *l = arg;
    l->pace = NULL; /* it has fired */
    if (!gives_way(l)) {
        l->stepped_ms = clock_mono_ms();
        one_stream(l);
        if (l->trim.rests)
            trim_step(l);
    }
    pace_go(l);
}

void pace_go(struct ledger *l)
{
    if (l->pace == NULL && pace_behind(l) &&
        loop_add_timer(l->loop, REST_MS, 0, step, l, &l->pace) != ERR_OK)
        l->pace = NULL; /* the next tick tries again */
}
