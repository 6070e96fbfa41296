/* What leaves the store in memory, as the Function's liu_trim has it. */
#include "replay/memstore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ismap/liu/v1/event.pb-c.h"

#define TRIM_MAX 64 /* of one call, as in liu.lua */
#define OVERHEAD 40
#define EMPTY_BYTES (512u << 10) /* of a store with nothing in it */

static const char *check_cursors(const struct memstore *s, uint64_t seq, char text[200])
{
    for (size_t i = 0; i < s->n_scan[RECORD_CURSOR]; i++) {
        const struct mem_record *r = s->scan[RECORD_CURSOR][i];
        Ismap__Liu__V1__Cursor *c = ismap__liu__v1__cursor__unpack(NULL, r->bytes, r->value);
        uint64_t at = c == NULL ? 0 : c->seq;
        ismap__liu__v1__cursor__free_unpacked(c, NULL);
        if (at >= seq)
            continue;
        (void)snprintf(text, 200, "consumer %.80s is at %llu", r->id, (unsigned long long)at);
        return text;
    }
    return NULL;
}

/* Everything before the first that stays: Redis leaves what shares a node with it. */
static uint64_t trim_feed(struct memstore *s, const char *feed, const char *first_kept)
{
    struct mem_noise *f = (struct mem_noise *)(uintptr_t)memstore_noise(s, feed);
    char *dash;
    uint64_t ms = strtoull(first_kept, &dash, 10);
    uint64_t sub = *dash == '-' ? strtoull(dash + 1, NULL, 10) : 0;
    uint64_t n = 0;
    while (f != NULL && f->gone < f->n && n < TRIM_MAX) {
        const struct mem_noise_entry *e = &f->entries[f->gone];
        if (e->ms > ms || (e->ms == ms && e->sub >= sub))
            break;
        s->bytes[FAMILY_NOISE] -= e->bytes + OVERHEAD;
        f->gone++;
        n++;
    }
    return n;
}

const char *memstore_trim(struct memstore *s, const struct store_trim *t, uint64_t *gone,
                          char text[200])
{
    uint64_t seq = t->seq;
    if (seq > t->archived || seq >= memstore_head(s))
        return "not archived";
    const char *why = check_cursors(s, seq, text);
    if (why != NULL)
        return why;
    if (seq > s->gone + TRIM_MAX)
        seq = s->gone + TRIM_MAX;
    for (; s->gone < seq; s->gone++)
        s->bytes[FAMILY_JOURNAL] -= s->journal[s->gone].bytes + OVERHEAD;
    *gone = seq;
    if (t->n_feeds > 0)
        *gone = 0;
    for (size_t i = 0; i < t->n_feeds; i++)
        *gone += trim_feed(s, t->feeds[i], t->first_kept[i]);
    return NULL;
}

uint64_t memstore_used(const struct memstore *s)
{
    uint64_t n = EMPTY_BYTES;
    for (int i = 0; i < N_FAMILIES; i++)
        n += s->bytes[i];
    return n;
}

void memstore_measure(const struct memstore *s, uint64_t bytes[N_FAMILIES])
{
    memcpy(bytes, s->bytes, sizeof s->bytes);
}
