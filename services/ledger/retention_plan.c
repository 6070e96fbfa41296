/* See retention_plan.h. */
#include "services/ledger/retention_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/limits.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "services/ledger/segment_format.h"
#include "services/ledger/snapshot.h"
#include "wire/unpack.h"

#define FAULT_BYTES 4096

/* ---- the age of a journal's segment */

struct ages {
    const struct retention_period *period;
    uint64_t upto;
    int64_t ended_ms; /* of the segment that is being read */
    size_t n;         /* that go */
};

/* An entry that cannot be read has no age: nothing goes. */
static enum err take_entry(void *arg, const struct segment_entry *e)
{
    struct ages *a = arg;
    struct arena arena;
    ProtobufCMessage *m = NULL;
    if (a->period != NULL && a->period->stop != NULL &&
        atomic_load_explicit(a->period->stop, memory_order_relaxed))
        return ERR_AGAIN;
    arena_init(&arena, 4 * (size_t)LIMIT_WORK_ARENA_BYTES);
    enum err err =
        wire_unpack(&arena, &ismap__liu__v1__journal_entry__descriptor, e->data, e->bytes, &m);
    int64_t at_ms =
        err == ERR_OK ? ((const Ismap__Liu__V1__JournalEntry *)(const void *)m)->at_ms : 0;
    if (at_ms > a->ended_ms)
        a->ended_ms = at_ms;
    arena_fini(&arena);
    return err == ERR_OK || err == ERR_NOMEM ? err : ERR_DATA_LOSS;
}

static bool goes(void *arg, const struct segment_head *h)
{
    struct ages *a = arg;
    bool over = a->n < a->period->most && h->last.seq <= a->upto &&
                retention_over(a->ended_ms, a->period->days, a->period->now_ms);
    a->n += over;
    a->ended_ms = 0;
    return over;
}

enum err retention_segment_ended(const char *path, int64_t *at_ms, struct err_text *why)
{
    struct segment *s = NULL;
    struct segment_entry entry;
    struct ages a = {.ended_ms = 0};
    enum err e = segment_open(path, &s, why);
    while (e == ERR_OK && segment_next(s, &entry))
        e = take_entry(&a, &entry);
    segment_close(s);
    *at_ms = a.ended_ms;
    return e;
}

enum err retention_ended(const struct retention_folder *f, struct segment_pos last, int64_t *at_ms,
                         struct err_text *why)
{
    struct folder_names l = {0};
    struct segment_pos from;
    struct segment_pos to;
    char path[FOLDER_PATH_BYTES];
    *at_ms = (int64_t)last.seq;
    if (f->kind == SEGMENT_NOISE)
        return ERR_OK;
    enum err e = folder_list(f->dir, SEGMENT_SUFFIX, false, &l, why);
    size_t i = 0;
    while (e == ERR_OK && i < l.n &&
           (!segment_name_range(f->kind, l.items[i], &from, &to) || to.seq != last.seq))
        i++;
    if (e == ERR_OK && (i == l.n || !folder_path(path, f->dir, l.items[i])))
        e = err_say(why, ERR_NOT_FOUND, "%s: the segments of the plan are missing", f->dir);
    folder_names_fini(&l);
    return e == ERR_OK ? retention_segment_ended(path, at_ms, why) : e;
}

/* ---- snapshots */

/* The entry of the oldest snapshot, by its name; 0 = there is none. */
static enum err oldest_snapshot(const char *root, uint64_t *seq, struct err_text *why)
{
    struct folder_names l = {0};
    char folder[FOLDER_PATH_BYTES];
    *seq = 0;
    if (!folder_path(folder, root, "snapshots"))
        return err_say(why, ERR_INVAL, "%s: the name is too long", root);
    enum err e = folder_list(folder, ".snap", false, &l, why);
    if (e == ERR_OK && l.n > 0)
        *seq = strtoull(l.items[0], NULL, 10);
    folder_names_fini(&l);
    return e;
}

static enum err all_good(const struct retention_folder *f, uint64_t last, struct err_text *why)
{
    struct snapshot_report report;
    struct buf text;
    buf_init(&text, FAULT_BYTES);
    enum err e = snapshot_survey(f->root, f->epoch, &report, &text, why);
    if (e == ERR_OK && report.faults > 0)
        e = err_say(why, ERR_DATA_LOSS,
                    "%s: %zu of %zu snapshots are not good (liuctl archive check): nothing goes "
                    "from the journal",
                    f->root, report.faults, report.files);
    else if (e == ERR_OK && report.newest < last)
        e = err_say(why, ERR_DATA_LOSS, "%s: no snapshot makes up for entry %llu", f->root,
                    (unsigned long long)last);
    buf_fini(&text);
    return e;
}

enum err retention_covered(const char *root, const char *epoch, uint64_t last, struct err_text *why)
{
    struct snapshot *s = NULL;
    char folder[FOLDER_PATH_BYTES];
    enum err e = snapshot_newest(root, epoch, &s, NULL, why);
    if (e == ERR_OK && (s == NULL || snapshot_head_of(s)->seq < last))
        e = err_say(why, ERR_DATA_LOSS, "%s: no good snapshot makes up for entry %llu", root,
                    (unsigned long long)last);
    snapshot_close(s);
    if (e == ERR_OK && folder_path(folder, root, "snapshots"))
        e = folder_settle(folder, why); /* whoever put it there: it stays, or nothing goes */
    return e;
}

/* ---- the plan */

static enum err plan_journal(const struct retention_folder *f, const struct retention_period *p,
                             struct mark *out, bool *due, struct err_text *why)
{
    struct ages a = {.period = p};
    struct retention_choice c = {.days = p->days, .entry = take_entry, .goes = goes, .arg = &a};
    *due = false;
    *out = (struct mark){.kind = f->kind};
    enum err e = oldest_snapshot(f->root, &a.upto, why);
    if (p->upto < a.upto)
        a.upto = p->upto;
    if (e != ERR_OK || a.upto == 0 || p->days == 0)
        return e;
    e = retention_plan_by(f, &c, out, due, why);
    if (e == ERR_OK && *due)
        e = all_good(f, out->last.seq, why);
    *due = *due && e == ERR_OK;
    return e;
}

uint64_t retention_upto(const struct retention_folder *f, const Ismap__Liu__V1__Health *h)
{
    if (h == NULL || f->kind != SEGMENT_JOURNAL || strcmp(f->epoch, h->epoch) != 0)
        return UINT64_MAX;
    for (size_t i = 0; i < h->n_retention; i++)
        if (retention_named(h->retention[i]->record_class) == RETENTION_JOURNAL)
            return h->retention[i]->left_seq;
    return UINT64_MAX;
}

enum err retention_plan(const struct retention_folder *f, const struct retention_period *p,
                        struct mark *out, bool *due, struct err_text *why)
{
    return f->kind == SEGMENT_JOURNAL ? plan_journal(f, p, out, due, why)
                                      : retention_plan_noise(f, p, out, due, why);
}
