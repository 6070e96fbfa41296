/* A backlog is worked off in small steps with a rest behind each, so that neither Redis nor the
 * processor is taken from a critical alert for long. Memory first: a family of keys that is short
 * of it does not rest (usage_tight). */
#include "services/ledger/ledger_private.h"

#define REST_MS 2

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

static void step(void *arg)
{
    struct ledger *l = arg;
    l->pace = NULL; /* it has fired */
    one_stream(l);
    if (l->trim.rests)
        trim_step(l);
    pace_go(l);
}

void pace_go(struct ledger *l)
{
    if (l->pace == NULL && pace_behind(l) &&
        loop_add_timer(l->loop, REST_MS, 0, step, l, &l->pace) != ERR_OK)
        l->pace = NULL; /* the next tick tries again */
}
