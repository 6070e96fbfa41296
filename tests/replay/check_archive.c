/* What the ledger may do, and what must be in its files: nothing leaves the store that is not on
 * the disk and passed by every consumer; files and stream are the whole journal, and all of the
 * noise.
 */
#include "replay/check_archive.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "replay/check.h"
#include "replay/check_retention.h"
#include "replay/files.h"
#include "services/ledger/folder.h"
#include "services/ledger/ledger_private.h"
#include "services/ledger/mark.h"
#include "services/ledger/segment.h"
#include "services/ledger/snapshot.h"

#define EPOCH_DIR SIM_ARCHIVE "/" SIM_EPOCH
#define FEEDS 16
#define TEXT_BYTES 4096

/* Entries of a stream that were found on the disk: its first so many. */
struct found {
    uint64_t n;
    uint64_t gone; /* trimmed, when it was looked last */
};

struct check_archive_count check_archive_count;

static struct {
    struct found journal, feeds[FEEDS];
} check;

/* ---- one stream, as the store was given it */

struct truth {
    const char *name;
    const struct mem_noise *feed; /* NULL = the journal */
    uint64_t n;                   /* entries compared */
};

static bool is_entry(const struct truth *t, const struct segment_entry *e)
{
    if (t->feed != NULL) {
        const struct mem_noise_entry *m = t->n < t->feed->n ? &t->feed->entries[t->n] : NULL;
        return m != NULL && e->pos.seq == m->ms && e->pos.sub == m->sub && e->bytes == m->bytes &&
               memcmp(e->data, m->data, m->bytes) == 0;
    }
    const struct mem_entry *m = t->n < memstore_head(&sim.store) ? &sim.store.journal[t->n] : NULL;
    return m != NULL && e->pos.seq == t->n + 1 && e->bytes == m->bytes &&
           memcmp(e->data, m->data, m->bytes) == 0 && e->link_bytes == strlen(m->link) &&
           memcmp(e->link, m->link, e->link_bytes) == 0;
}

static enum err compare(void *arg, const struct segment_entry *e)
{
    struct truth *t = arg;
    if (!is_entry(t, e)) {
        sim_fail("entry %" PRIu64 " of the archived %s is not what the store was given", t->n + 1,
                 t->name);
        return ERR_CONFLICT;
    }
    t->n++;
    return ERR_OK;
}

static void dir_of(const struct truth *t, char out[FOLDER_PATH_BYTES])
{
    (void)snprintf(out, FOLDER_PATH_BYTES, EPOCH_DIR "/%s%s", t->feed == NULL ? "" : "noise/",
                   t->name);
}

static bool is_before(const struct mark *m, const char *name)
{
    struct segment_pos first;
    struct segment_pos last;
    return segment_name_range(m->kind, name, &first, &last) &&
           segment_pos_compare(last, m->last) <= 0;
}

/* Reads the segments that are on the disk on from t->n, as long as entries are wanted. */
static void read_on(struct truth *t, uint64_t wanted)
{
    char dir[FOLDER_PATH_BYTES];
    char path[FOLDER_PATH_BYTES];
    struct folder_names names = {0};
    struct err_text why = {""};
    uint64_t at = 0; /* entries of the segments passed over */
    struct mark mark = {.told_seq = 0};
    bool removed = false;
    dir_of(t, dir);
    files_see_disk(true);
    check_mark(dir, &mark, &removed);
    at = mark.all_entries;
    if (t->n < at) /* archived and removed since the last look */
        t->n = at;
    enum err e = folder_list(dir, ".seg", false, &names, &why);
    for (size_t i = 0; e == ERR_OK && i < names.n && t->n < wanted; i++) {
        struct segment *s = NULL;
        struct segment_entry entry;
        if (t->feed == NULL ? strtoull(names.items[i] + 21, NULL, 10) <= t->n
                            : removed && is_before(&mark, names.items[i]))
            continue;
        e = folder_path(path, dir, names.items[i]) ? segment_open(path, &s, &why) : ERR_INVAL;
        at = t->feed == NULL ? t->n : at;
        while (e == ERR_OK && segment_next(s, &entry))
            if (++at > t->n)
                e = compare(t, &entry);
        segment_close(s);
    }
    folder_names_fini(&names);
    files_see_disk(false);
    if (t->n < wanted)
        sim_fail("%" PRIu64 " entries of the %s were trimmed, %" PRIu64 " are on the disk %s",
                 wanted, t->name, t->n, why.text);
}

/* ---- whenever something left */

static void check_cursors(uint64_t gone)
{
    for (size_t i = 0; i < SIM_NODES; i++) {
        const struct service *s = sim.nodes[i].svc;
        const struct mem_record *r = memstore_record(&sim.store, RECORD_CURSOR, s->name);
        Ismap__Liu__V1__Cursor *c =
            r == NULL ? NULL : ismap__liu__v1__cursor__unpack(NULL, r->bytes, r->value);
        if (s->n_consumers > 0 && (c == NULL || c->seq < gone))
            sim_fail("entry %" PRIu64 " was trimmed, %s is at %" PRIu64, gone, s->name,
                     c == NULL ? 0 : c->seq);
        ismap__liu__v1__cursor__free_unpacked(c, NULL);
    }
}

static void look(struct found *f, struct truth *t, uint64_t gone)
{
    f->gone = gone;
    t->n = f->n;
    if (f->n < gone)
        read_on(t, gone);
    f->n = t->n;
}

void check_archive(void)
{
    struct truth journal = {.name = "journal"};
    if (check.journal.gone != sim.store.gone) {
        check_archive_count.trimmed += sim.store.gone - check.journal.gone;
        check_cursors(sim.store.gone);
        look(&check.journal, &journal, sim.store.gone);
    }
    size_t i = 0;
    for (const struct mem_noise *f = sim.store.noise; f != NULL && i < FEEDS; f = f->hh.next, i++) {
        struct truth noise = {.name = f->feed, .feed = f};
        if (check.feeds[i].gone != f->gone)
            look(&check.feeds[i], &noise, f->gone);
    }
}

/* ---- at the end */

static bool is_whole(const struct stream *s, struct segment_pos last)
{
    return s->has_archived && segment_pos_compare(s->archived, last) == 0;
}

bool check_archive_rests(void)
{
    const struct flow *f = sim.nodes[NODE_LEDGER].flow;
    const struct ledger *l = f == NULL ? NULL : f->state;
    struct segment_pos head = {memstore_head(&sim.store), 0};
    bool whole = l != NULL && is_whole(&l->journal, head);
    for (const struct mem_noise *n = sim.store.noise; whole && n != NULL; n = n->hh.next) {
        struct segment_pos last = {n->entries[n->n - 1].ms, n->entries[n->n - 1].sub};
        bool found = false;
        for (size_t i = 0; i < l->n_feeds && !found; i++)
            found = strcmp(l->feeds[i]->name, n->feed) == 0 && is_whole(l->feeds[i], last);
        whole = found;
    }
    return whole;
}

/* All segments make one chain, and what they hold is the beginning of what was given. */
static void check_stream(const struct mem_noise *feed, uint64_t wanted)
{
    struct truth t = {.name = feed == NULL ? "journal" : feed->feed, .feed = feed};
    char dir[FOLDER_PATH_BYTES];
    struct segment_report report;
    struct err_text why = {""};
    struct buf text;
    struct mark mark = {.told_seq = 0};
    bool removed = false;
    buf_init(&text, TEXT_BYTES);
    dir_of(&t, dir);
    check_mark(dir, &mark, &removed);
    t.n = mark.all_entries;
    enum err e = segment_walk(dir, compare, &t, &report, &text, &why);
    if (e != ERR_OK)
        sim_fail("the archive of %s: %s %.*s", t.name, why.text, (int)text.len,
                 text.data == NULL ? "" : (const char *)text.data);
    else if (t.n != wanted)
        sim_fail("%" PRIu64 " entries of %s are archived, there are %" PRIu64, t.n, t.name, wanted);
    buf_fini(&text);
    check_archive_count.archived += t.n;
}

static void check_snapshot(struct snapshot *s)
{
    struct snapshot_record r;
    uint64_t seq = snapshot_head_of(s)->seq;
    uint64_t n = 0;
    bool end = false;
    while (snapshot_next(s, &r, &end) == ERR_OK && !end && sim.failed[0] == '\0') {
        check_as_of(seq, &r);
        n++;
    }
    if (n != check_count_as_of(seq))
        sim_fail("the snapshot of entry %" PRIu64 " has %" PRIu64 " records, there were %" PRIu64,
                 seq, n, check_count_as_of(seq));
}

static void check_snapshots(void)
{
    struct snapshot *s = NULL;
    struct err_text why = {""};
    struct buf text;
    buf_init(&text, TEXT_BYTES);
    if (snapshot_newest(EPOCH_DIR, SIM_EPOCH, &s, &text, &why) != ERR_OK || text.len > 0)
        sim_fail("snapshots: %s %.*s", why.text, (int)text.len,
                 text.data == NULL ? "" : (const char *)text.data);
    if (s != NULL) {
        check_archive_count.snapshots++;
        check_snapshot(s);
    }
    snapshot_close(s);
    buf_fini(&text);
}

void check_archive_settled(void)
{
    const struct flow *f = sim.nodes[NODE_LEDGER].flow;
    const char *why = "it is down";
    if (f == NULL || !f->svc->ready(f->state, &why))
        sim_fail("the ledger is not ready: %s", why);
    check_archive();
    check_stream(NULL, memstore_head(&sim.store));
    for (const struct mem_noise *n = sim.store.noise; n != NULL; n = n->hh.next)
        check_stream(n, n->n);
    check_retention_settled(&check_archive_count.removed);
    check_snapshots();
}

void check_archive_begin(void)
{
    memset(&check, 0, sizeof check);
}
