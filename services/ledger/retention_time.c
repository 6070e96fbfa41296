/* See retention_time.h. */
#include "services/ledger/retention_time.h"

#include "base/arena.h"
#include "base/limits.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "services/ledger/retention_folder.h"
#include "services/ledger/segment_format.h"
#include "wire/unpack.h"

#define SPANS 64           /* halves of halves: more than a folder can have files */
#define FILES_A_LOOK 20000 /* that are read of one journal, whatever times they say */
#define ROOM_BYTES (SEGMENT_DATA_MAX + 1024u)

struct look {
    const atomic_bool *stop;
    struct retention_seen *seen;
    struct buf room;
    size_t left; /* files */
    struct err_text *why;
};

/* Between two segments of a journal, whose first entries are of these times. */
struct span {
    size_t low;
    size_t high;
    int64_t low_ms;
    int64_t high_ms;
};

/* *at_ms < 0: it cannot be read. */
static enum err time_of(struct look *l, const char *dir, const char *name, int64_t *at_ms)
{
    char path[FOLDER_PATH_BYTES];
    struct segment_entry entry;
    struct arena a;
    ProtobufCMessage *m = NULL;
    struct err_text fault = {{0}};
    *at_ms = -1;
    if (l->stop != NULL && atomic_load_explicit(l->stop, memory_order_relaxed))
        return ERR_AGAIN;
    if (l->left == 0 || !folder_path(path, dir, name))
        return ERR_OK;
    l->left--;
    enum err e = segment_peek(path, &l->room, &entry, &fault);
    if (e != ERR_OK)
        return e == ERR_NOMEM ? err_say(l->why, e, "no memory") : ERR_OK;
    arena_init(&a, 4 * (size_t)LIMIT_WORK_ARENA_BYTES);
    if (wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, entry.data, entry.bytes, &m) ==
        ERR_OK)
        *at_ms = ((const Ismap__Liu__V1__JournalEntry *)(const void *)m)->at_ms;
    arena_fini(&a);
    retention_see(l->seen, *at_ms);
    return ERR_OK;
}

static bool is_wide(const struct span *s)
{
    int64_t apart_ms = s->high_ms - s->low_ms;
    return s->high - s->low > 1 && (apart_ms > RETENTION_JUMP_MS || -apart_ms > RETENTION_JUMP_MS);
}

/* Of a segment in the middle, or behind it when that cannot be read. */
static enum err halve(struct look *l, const char *dir, const struct folder_names *n,
                      const struct span *s, struct span out[2], bool *halved)
{
    int64_t at_ms = -1;
    enum err e = ERR_OK;
    size_t mid = s->low + (s->high - s->low) / 2;
    for (; e == ERR_OK && mid < s->high && l->left > 0; mid++) {
        e = time_of(l, dir, n->items[mid], &at_ms);
        if (at_ms >= 0)
            break;
    }
    *halved = e == ERR_OK && at_ms >= 0;
    out[0] = (struct span){s->low, mid, s->low_ms, at_ms};
    out[1] = (struct span){mid, s->high, at_ms, s->high_ms};
    return e;
}

static enum err look_journal(struct look *l, const char *dir, const struct folder_names *n)
{
    struct span spans[SPANS];
    size_t at = 0;
    size_t low = 0;
    size_t high = n->n - 1;
    struct span all = {.low_ms = -1, .high_ms = -1};
    enum err e = ERR_OK;
    l->left = FILES_A_LOOK;
    for (; e == ERR_OK && all.low_ms < 0 && low < n->n && l->left > 0; low++)
        e = time_of(l, dir, n->items[all.low = low], &all.low_ms);
    for (; e == ERR_OK && all.high_ms < 0 && high > all.low && l->left > 0; high--)
        e = time_of(l, dir, n->items[all.high = high], &all.high_ms);
    if (e == ERR_OK && all.low_ms >= 0 && all.high_ms >= 0)
        spans[at++] = all;
    while (e == ERR_OK && at > 0) {
        struct span s = spans[--at];
        struct span half[2];
        bool halved = false;
        if (is_wide(&s))
            e = halve(l, dir, n, &s, half, &halved);
        for (size_t i = 0; halved && i < 2 && at < SPANS; i++)
            spans[at++] = half[i];
    }
    return e;
}

static void look_noise(struct look *l, const struct folder_names *n)
{
    struct segment_pos first;
    struct segment_pos last;
    for (size_t i = 0; i < n->n; i++)
        if (segment_name_range(SEGMENT_NOISE, n->items[i], &first, &last) &&
            last.seq <= INT64_MAX) {
            retention_see(l->seen, (int64_t)first.seq);
            retention_see(l->seen, (int64_t)last.seq);
        }
}

static enum err look_one(void *arg, const struct retention_folder *f)
{
    struct look *l = arg;
    struct folder_names n = {0};
    enum err e = folder_list(f->dir, SEGMENT_SUFFIX, false, &n, l->why);
    if (e == ERR_OK && n.n > 0 && f->kind == SEGMENT_JOURNAL)
        e = look_journal(l, f->dir, &n);
    else if (e == ERR_OK)
        look_noise(l, &n);
    folder_names_fini(&n);
    /* a folder that cannot be listed shows nothing: what goes, goes later */
    return e == ERR_NOMEM || e == ERR_AGAIN ? e : ERR_OK;
}

enum err retention_look(const char *archive_dir, const atomic_bool *stop,
                        struct retention_seen *out, struct err_text *why)
{
    struct look l = {.stop = stop, .seen = out, .why = why};
    buf_init(&l.room, ROOM_BYTES);
    enum err e = retention_each(archive_dir, look_one, &l, why);
    buf_fini(&l.room);
    return e;
}
