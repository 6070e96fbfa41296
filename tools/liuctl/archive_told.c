/* See archive_told.h. */
#include "liuctl/archive_told.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "services/ledger/retention_told.h"

struct told_event {
    struct told_event *next;
    uint64_t seq;
    char epoch[SEGMENT_EPOCH_DIGITS + 1]; /* of what was removed */
    char stream[SEGMENT_STREAM_BYTES];
    struct segment_pos last;
    uint8_t digest[SHA256_BYTES];
};

struct told_journal {
    struct told_journal *next;
    char epoch[SEGMENT_EPOCH_DIGITS + 1];
    uint64_t first; /* 0 = not known */
    uint64_t last;
    bool sound;
};

static enum err keep(struct archive_told *t, uint64_t seq, const Ismap__Liu__V1__SegmentsExpired *x)
{
    struct told_event *e = arena_alloc(t->arena, sizeof *e);
    if (e == NULL)
        return ERR_NOMEM;
    *e = (struct told_event){.next = t->events, .seq = seq, .last = {x->last_seq, x->last_sub}};
    if (x->digest.len != SHA256_BYTES || !text_copy(e->epoch, sizeof e->epoch, x->epoch) ||
        !text_copy(e->stream, sizeof e->stream, x->stream))
        return ERR_OK; /* it tells of nothing that a mark could say */
    memcpy(e->digest, x->digest.data, SHA256_BYTES);
    t->events = e;
    return ERR_OK;
}

enum err told_entry(void *told, const struct segment_entry *raw)
{
    struct arena a;
    arena_init(&a, 4 * (size_t)LIMIT_WORK_ARENA_BYTES);
    const Ismap__Liu__V1__SegmentsExpired *x = expired_read(&a, raw->data, raw->bytes);
    enum err e =
        x == NULL ? ERR_OK : keep(told, raw->pos.seq, x); /* unreadable: a rebuild's to tell */
    arena_fini(&a);
    return e;
}

enum err told_journal_end(struct archive_told *t, const char *epoch, uint64_t first, uint64_t last,
                          bool sound)
{
    struct told_journal *j = arena_alloc(t->arena, sizeof *j);
    if (j == NULL)
        return ERR_NOMEM;
    *j = (struct told_journal){.next = t->journals, .first = first, .last = last, .sound = sound};
    (void)text_copy(j->epoch, sizeof j->epoch, epoch);
    t->journals = j;
    return ERR_OK;
}

const char *told_fault(const struct archive_told *t, const struct mark *m)
{
    if (m->kind == SEGMENT_JOURNAL && strcmp(m->epoch, m->told_epoch) == 0 &&
        m->told_seq <= m->last.seq)
        return "not told: the entry that would say so went with it";
    for (const struct told_event *e = t->events; e != NULL; e = e->next)
        if (e->seq == m->told_seq && strcmp(e->epoch, m->epoch) == 0 &&
            strcmp(e->stream, m->stream) == 0 && segment_pos_compare(e->last, m->last) == 0 &&
            memcmp(e->digest, m->digest, SHA256_BYTES) == 0)
            return NULL;
    for (const struct told_journal *j = t->journals; j != NULL; j = j->next)
        if (strcmp(j->epoch, m->told_epoch) == 0)
            return j->sound && j->last >= m->told_seq && j->first <= m->told_seq
                       ? "not told: no entry of the journal says that this was removed"
                       : NULL;
    return "not told: the journal that says so is not in the archive";
}
