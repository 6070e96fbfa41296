/* See retention_told.h. */
#include "services/ledger/retention_told.h"

#include <string.h>

#include "base/limits.h"
#include "services/ledger/mark.h"
#include "wire/unpack.h"

#define ENTRY_ARENA_BYTES (4 * (size_t)LIMIT_WORK_ARENA_BYTES)

const Ismap__Liu__V1__SegmentsExpired *expired_read(struct arena *a, const uint8_t *entry,
                                                    size_t bytes)
{
    const ProtobufCMessageDescriptor *type = &ismap__liu__v1__segments_expired__descriptor;
    ProtobufCMessage *m = NULL;
    if (wire_unpack(a, &ismap__liu__v1__journal_entry__descriptor, entry, bytes, &m) != ERR_OK)
        return NULL;
    const Ismap__Liu__V1__JournalEntry *j = (const void *)m;
    if (strcmp(j->type, type->name) != 0 ||
        wire_unpack(a, type, j->payload.data, j->payload.len, &m) != ERR_OK)
        return NULL;
    return (const void *)m;
}

bool expired_is(const Ismap__Liu__V1__SegmentsExpired *x, const struct mark *m)
{
    return strcmp(x->epoch, m->epoch) == 0 && strcmp(x->stream, m->stream) == 0 &&
           x->first_seq == m->first.seq && x->first_sub == m->first.sub &&
           x->last_seq == m->last.seq && x->last_sub == m->last.sub &&
           x->digest.len == SHA256_BYTES && memcmp(x->digest.data, m->digest, SHA256_BYTES) == 0;
}

/* An entry that cannot be read for want of memory may be the one that is looked for. */
static enum err find_in(struct segment *s, uint64_t after, const struct mark *m, uint64_t *seq,
                        struct err_text *why)
{
    struct segment_entry e;
    enum err err = ERR_OK;
    while (err == ERR_OK && *seq == 0 && segment_next(s, &e)) {
        struct arena a;
        arena_init(&a, ENTRY_ARENA_BYTES);
        const Ismap__Liu__V1__SegmentsExpired *x =
            e.pos.seq > after ? expired_read(&a, e.data, e.bytes) : NULL;
        if (x != NULL && expired_is(x, m))
            *seq = e.pos.seq;
        else if (x == NULL && a.no_memory)
            err = err_say(why, ERR_NOMEM, "no memory to read the archived journal");
        arena_fini(&a);
    }
    return err;
}

enum err expired_find(const char *journal, uint64_t after, const struct mark *m,
                      const atomic_bool *stop, uint64_t *seq, struct err_text *why)
{
    struct folder_names l = {0};
    struct segment_pos first;
    struct segment_pos last;
    char path[FOLDER_PATH_BYTES];
    *seq = 0;
    enum err e = folder_list(journal, ".seg", false, &l, why);
    for (size_t i = 0; e == ERR_OK && *seq == 0 && i < l.n; i++) {
        struct segment *s = NULL;
        if (!segment_name_range(SEGMENT_JOURNAL, l.items[i], &first, &last) || last.seq <= after)
            continue;
        if (atomic_load(stop))
            e = ERR_AGAIN;
        else if (!folder_path(path, journal, l.items[i]))
            e = err_say(why, ERR_INVAL, "%s: the name is too long", journal);
        else
            e = segment_open(path, &s, why);
        if (e == ERR_OK)
            e = find_in(s, after, m, seq, why);
        segment_close(s);
    }
    folder_names_fini(&l);
    return e;
}
