/* What the freezer's thread does with files: segments and snapshots into the file of cold records,
 * and looking up what was asked for. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/limits.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "services/ledger/cold.h"
#include "services/ledger/ledger_private.h"
#include "services/ledger/retention_plan.h"
#include "services/ledger/segment_format.h"
#include "store/receipts.h"
#include "store/records.h"
#include "wire/unpack.h"

#define LOOK_BYTES (16u << 20) /* of values in one answer, about */
#define SNAPSHOT_STEP 5000     /* records of a snapshot in one step */
#define AGAIN_MAX 2000
#define RECEIPT_BYTES (LIMIT_REPLY_JOURNALED + 1024)
#define DROP_MIN 1000 /* receipts that may go in one step, at the least */

/* At least as long as Redis would have kept it, and its filter does (check_time in liu.lua). */
#define RECEIPT_MS (2 * (LIMIT_RECEIPT_WINDOW_MS + 2 * LIMIT_CLOCK_AHEAD_MS))

/* ---- lists */

void cold_list_clear(struct cold_list *l)
{
    buf_clear(&l->ids);
    buf_clear(&l->data);
    l->n = 0;
}

void cold_list_fini(struct cold_list *l)
{
    buf_fini(&l->ids);
    buf_fini(&l->data);
    free(l->items);
    l->items = NULL;
    l->n = l->cap = 0;
}

const char *cold_list_id(const struct cold_list *l, const struct cold_item *i)
{
    return (const char *)l->ids.data + i->id_at;
}

enum err cold_list_add(struct cold_list *l, uint32_t kind, const char *id, size_t id_bytes,
                       uint64_t revision)
{
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 256 : 2 * l->cap;
        struct cold_item *more = realloc(l->items, cap * sizeof(*more));
        if (more == NULL)
            return ERR_NOMEM;
        l->items = more;
        l->cap = cap;
    }
    size_t at = l->ids.len;
    enum err e = buf_put(&l->ids, id, id_bytes);
    if (e == ERR_OK)
        e = buf_put(&l->ids, "", 1);
    if (e == ERR_OK)
        l->items[l->n++] = (struct cold_item){.kind = kind, .revision = revision, .id_at = at};
    return e;
}

/* ---- the freezer */

static enum err keep(struct cold *c, const struct cold_record *r, struct err_text *why)
{
    if (r->kind >= RECORD_KINDS || !record_freezes((enum record_kind)r->kind) || r->id_bytes == 0 ||
        r->id_bytes > COLD_ID_MAX)
        return ERR_OK;
    enum err e = cold_put(c->file, r, why);
    return e == ERR_OK ? cold_list_add(&c->list, r->kind, r->id, r->id_bytes, r->revision) : e;
}

/* What the Function keeps for a repetition of the entry's message. */
static enum err keep_receipt(struct cold *c, const Ismap__Liu__V1__JournalEntry *j, uint64_t seq,
                             struct err_text *why)
{
    char id[RECEIPT_NAME_BYTES];
    struct commit was;
    struct buf value;
    if (!receipt_of_entry(j, &was) || !receipt_name(&was, id))
        return ERR_OK;
    buf_init(&value, RECEIPT_BYTES);
    enum err e = receipt_encode(&value, seq, &was);
    struct cold_record r = {.kind = RECORD_RECEIPT,
                            .id = id,
                            .id_bytes = strlen(id),
                            .revision = seq,
                            .seq = seq,
                            .value = value.data,
                            .bytes = value.len,
                            .drop_ms = j->at_ms + RECEIPT_MS};
    if (e == ERR_OK)
        e = keep(c, &r, why);
    buf_fini(&value);
    return e;
}

static enum err keep_entry(struct cold *c, const struct segment_entry *entry, struct err_text *why)
{
    struct arena a;
    ProtobufCMessage *m = NULL;
    arena_init(&a, 4 * (size_t)LIMIT_WORK_ARENA_BYTES);
    enum err e =
        wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, entry->data, entry->bytes, &m);
    const Ismap__Liu__V1__JournalEntry *j = (const void *)m;
    for (size_t i = 0; e == ERR_OK && i < j->n_puts; i++) {
        const Ismap__Liu__V1__RecordPut *p = j->puts[i];
        struct cold_record r = {.kind = p->kind,
                                .id = p->id,
                                .id_bytes = strlen(p->id),
                                .revision = p->revision,
                                .seq = entry->pos.seq,
                                .value = p->value.data,
                                .bytes = p->value.len};
        e = keep(c, &r, why);
    }
    if (e == ERR_OK)
        e = keep_receipt(c, j, entry->pos.seq, why);
    if (e == ERR_OK && j->at_ms > c->entry_ms)
        c->entry_ms = j->at_ms;
    arena_fini(&a);
    return e == ERR_PROTO ? err_say(why, ERR_DATA_LOSS, "entry %llu cannot be read",
                                    (unsigned long long)entry->pos.seq)
                          : e;
}

static uint64_t first_of(const char *name)
{
    return strtoull(name, NULL, 10);
}

static uint64_t last_of(const char *name)
{
    return strlen(name) > 21 ? strtoull(name + 21, NULL, 10) : 0;
}

/* The first segment that ends behind c->at. */
static enum err next_segment(struct cold *c, char path[FOLDER_PATH_BYTES], struct err_text *why)
{
    const char *dir = c->ledger->journal.dir;
    size_t low = 0;
    struct stat st;
    if (c->segments.n == 0 || last_of(c->segments.items[c->segments.n - 1]) <= c->at) {
        folder_names_fini(&c->segments);
        enum err e = folder_list(dir, ".seg", false, &c->segments, why);
        if (e != ERR_OK)
            return e;
    }
    size_t high = c->segments.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (last_of(c->segments.items[middle]) <= c->at)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == c->segments.n || last_of(c->segments.items[low]) > c->limit)
        return ERR_AGAIN;
    const char *name = c->segments.items[low];
    if (first_of(name) > c->at + 1)
        return err_say(why, ERR_DATA_LOSS, "%s: entries before it are missing", name);
    if (!folder_path(path, dir, name))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    if (stat(path, &st) != 0) {
        bool gone = errno == ENOENT;
        enum err e = err_say(why, gone ? ERR_AGAIN : ERR_IO, "%s: cannot be read", name);
        folder_names_fini(&c->segments); /* perhaps it was removed since they were listed */
        return e;
    }
    /* without an age the clock has no say: it may have been set back since */
    return c->age_s > 0 && st.st_mtime + c->age_s > time(NULL) ? ERR_AGAIN : ERR_OK;
}

static enum err feed_segment(struct cold *c, const char *path, struct err_text *why)
{
    struct segment *s = NULL;
    struct segment_entry e;
    enum err err = segment_open(path, &s, why);
    if (err == ERR_OK && strcmp(segment_head_of(s)->epoch, c->ledger->epoch) != 0)
        err = err_say(why, ERR_DATA_LOSS, "%s: of another epoch", path);
    while (err == ERR_OK && segment_next(s, &e))
        if (e.pos.seq > c->at)
            err = keep_entry(c, &e, why);
    if (err == ERR_OK)
        c->to = c->covers = segment_head_of(s)->last.seq;
    segment_close(s);
    return err;
}

/* A file that cannot go on with the segments begins with what the newest snapshot has. */
static enum err feed_snapshot(struct cold *c, struct err_text *why)
{
    struct snapshot_record r;
    bool end = false;
    enum err e = ERR_OK;
    uint64_t seq = snapshot_head_of(c->snapshot)->seq;
    while (e == ERR_OK && !end && c->list.n < SNAPSHOT_STEP && c->list.data.len < LOOK_BYTES) {
        e = snapshot_next(c->snapshot, &r, &end);
        struct cold_record out = {.kind = r.kind,
                                  .id = r.id,
                                  .id_bytes = r.id_bytes,
                                  .revision = r.revision,
                                  .seq = seq,
                                  .value = r.value,
                                  .bytes = r.bytes};
        if (e == ERR_OK && !end)
            e = keep(c, &out, why);
    }
    c->partial = !end;
    c->covers = seq;
    c->to = seq < c->behind ? seq : c->behind;
    return e;
}

/* By what receipts are past their time: three clocks have to say so, because each may be wrong,
 * this machine's, that of the services (the newest entry) and that of Redis, whose filters tell who
 * is asked for. */
static int64_t receipts_now_ms(const struct cold *c)
{
    int64_t wall_ms = clock_wall_ms();
    int64_t now_ms = wall_ms < c->entry_ms ? wall_ms : c->entry_ms;
    return now_ms < c->server_ms ? now_ms : c->server_ms;
}

/* The last entry before the segments that are gone through: those whose receipts may still be
 * needed, as far as the archive has them. The newer counts of what a segment's entries say and of
 * the time of its file: either may be of a wrong clock, and to go through more does no harm. */
static enum err find_behind(struct cold *c, struct err_text *why)
{
    char path[FOLDER_PATH_BYTES];
    const char *dir = c->ledger->journal.dir;
    folder_names_fini(&c->segments);
    enum err e = folder_list(dir, SEGMENT_SUFFIX, false, &c->segments, why);
    c->behind = 0;
    for (size_t i = c->segments.n; e == ERR_OK && i-- > 0 && c->behind == 0;) {
        int64_t ended_ms = 0;
        struct stat st;
        if (!folder_path(path, dir, c->segments.items[i]))
            return err_say(why, ERR_INVAL, "the folder's name is too long");
        e = retention_segment_ended(path, &ended_ms, why);
        if (ended_ms > c->entry_ms)
            c->entry_ms = ended_ms;
        if (e == ERR_OK && stat(path, &st) == 0 && (int64_t)st.st_mtime * 1000 > ended_ms)
            ended_ms = (int64_t)st.st_mtime * 1000;
        if (e == ERR_OK && ended_ms + RECEIPT_MS < receipts_now_ms(c))
            c->behind = last_of(c->segments.items[i]);
    }
    uint64_t first = c->segments.n == 0 ? 0 : first_of(c->segments.items[0]);
    if (first > c->behind + 1)
        c->behind = first - 1;
    return e;
}

/* Has the archive still, or again, no entry behind c->at, but later ones? Then what it had is in a
 * snapshot (decision 0026). */
static bool begins_behind(const struct cold *c)
{
    return c->segments.n > 0 && first_of(c->segments.items[0]) > c->at + 1;
}

static enum err open_snapshot(struct cold *c, struct err_text *why)
{
    char dir[FOLDER_PATH_BYTES];
    if (!folder_path(dir, c->ledger->set->archive_dir, c->ledger->epoch))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    enum err e = find_behind(c, why);
    if (e != ERR_OK || c->behind == 0)
        return e;
    e = snapshot_newest(dir, c->ledger->epoch, &c->snapshot, NULL, why);
    if (e != ERR_OK || !begins_behind(c))
        return e;
    uint64_t seq = c->snapshot == NULL ? 0 : snapshot_head_of(c->snapshot)->seq;
    if (seq + 1 >= first_of(c->segments.items[0]))
        return ERR_OK;
    snapshot_close(c->snapshot);
    c->snapshot = NULL;
    return err_say(why, ERR_DATA_LOSS, "%s: entries before it are missing, and in no good snapshot",
                   c->segments.items[0]);
}

static enum err choose(struct cold *c, char path[FOLDER_PATH_BYTES], struct err_text *why)
{
    enum err e = c->snapshot == NULL && c->at == 0 ? open_snapshot(c, why) : ERR_OK;
    if (e == ERR_OK && c->snapshot == NULL) {
        e = next_segment(c, path, why);
        if (e != ERR_DATA_LOSS || !begins_behind(c))
            return e;
        e = open_snapshot(c, why);
    }
    if (e != ERR_OK || c->snapshot == NULL)
        return e != ERR_OK ? e : ERR_AGAIN;
    uint64_t seq = snapshot_head_of(c->snapshot)->seq;
    return seq > c->limit && seq > c->least ? ERR_AGAIN : ERR_OK;
}

void cold_step_feed(struct archive_job *job)
{
    struct cold *c = job->arg;
    char path[FOLDER_PATH_BYTES];
    cold_list_clear(&c->list);
    c->partial = false;
    enum err e = choose(c, path, &job->why);
    if (e == ERR_OK)
        e = cold_begin(c->file, &job->why);
    if (e != ERR_OK) {
        job->result = e;
        return;
    }
    e = c->snapshot != NULL ? feed_snapshot(c, &job->why) : feed_segment(c, path, &job->why);
    if (e == ERR_OK)
        e = cold_drop(c->file, receipts_now_ms(c), 2 * c->list.n + DROP_MIN, &job->why);
    if (e == ERR_OK && c->at > c->state.frozen)
        e = cold_set_frozen(c->file, c->at, &job->why);
    if (e == ERR_OK && !c->partial && c->to > c->state.stored)
        e = cold_set_stored(c->file, c->to, &job->why);
    if (e == ERR_OK)
        e = cold_commit(c->file, &job->why);
    else
        cold_abandon(c->file);
    if (e != ERR_OK || !c->partial) {
        snapshot_close(c->snapshot); /* a failed one begins anew */
        c->snapshot = NULL;
    }
    if (e == ERR_OK)
        e = cold_state(c->file, &c->state, &job->why);
    job->result = e;
}

void cold_step_open(struct archive_job *job)
{
    struct cold *c = job->arg;
    enum err e = c->file != NULL ? ERR_OK : cold_open(c->dir, false, &c->file, &job->why);
    if (e == ERR_OK)
        e = cold_state(c->file, &c->state, &job->why);
    c->at = c->state.frozen;
    job->result = e;
}

/* ---- what had been put back */

struct again {
    struct cold *c;
    enum err e;
};

static bool add_thawed(void *arg, const struct cold_record *r)
{
    struct again *g = arg;
    struct cold *c = g->c;
    struct cold_record found;
    struct err_text why;
    enum err e = cold_get(c->file, r->kind, r->id, r->id_bytes, NULL, &found, &why);
    if (e == ERR_OK)
        g->e = cold_list_add(&c->list, r->kind, r->id, r->id_bytes, found.revision);
    return g->e == ERR_OK && c->list.n < AGAIN_MAX;
}

void cold_step_again(struct archive_job *job)
{
    struct cold *c = job->arg;
    struct again g = {.c = c};
    cold_list_clear(&c->list);
    job->result = cold_each_thawed(c->file, c->before_ms, add_thawed, &g, &job->why);
    if (job->result == ERR_OK)
        job->result = g.e != ERR_OK ? g.e : c->list.n == 0 ? ERR_AGAIN : ERR_OK;
}

void cold_step_clear(struct archive_job *job)
{
    struct cold *c = job->arg;
    enum err e = cold_begin(c->file, &job->why);
    for (size_t i = 0; e == ERR_OK && i < c->list.n; i++) {
        const char *id = cold_list_id(&c->list, &c->list.items[i]);
        e = cold_clear_thawed(c->file, c->list.items[i].kind, id, strlen(id), c->before_ms,
                              &job->why);
    }
    if (e == ERR_OK)
        e = cold_commit(c->file, &job->why);
    else
        cold_abandon(c->file);
    job->result = e;
}

/* ---- answers */

/* That it was put back is noted before it is, so that nothing stays for having been asked for once.
 */
static enum err note(struct cold *c, struct err_text *why)
{
    bool any = false;
    for (size_t i = 0; i < c->asked.n; i++)
        any = any || (c->asked.items[i].known && !c->asked.items[i].show);
    if (!any)
        return ERR_OK;
    enum err e = cold_begin(c->file, why);
    for (size_t i = 0; e == ERR_OK && i < c->asked.n; i++) {
        const char *id = cold_list_id(&c->asked, &c->asked.items[i]);
        if (c->asked.items[i].known && !c->asked.items[i].show)
            e = cold_set_thawed(c->file, c->asked.items[i].kind, id, strlen(id), c->answer_ms, why);
    }
    if (e == ERR_OK)
        return cold_commit(c->file, why);
    cold_abandon(c->file);
    return e;
}

struct page {
    struct cold *c;
    struct buf *out;
    size_t n;
    enum err e;
};

static bool add_to_page(void *arg, const struct cold_record *r)
{
    struct page *p = arg;
    p->e = buf_printf(p->out, "%.*s\n", (int)r->id_bytes, r->id);
    return p->e == ERR_OK && ++p->n < COLD_PAGE_IDS;
}

/* The text of a page stands where a record would be. */
static enum err look_page(struct cold *c, struct cold_item *item, const char *id,
                          struct err_text *why)
{
    char after[COLD_ID_MAX + 1];
    size_t n = strcspn(id, (const char[]){COLD_PAGE_END, '\0'});
    (void)snprintf(after, sizeof(after), "%.*s", (int)(n < COLD_ID_MAX ? n : COLD_ID_MAX), id);
    struct page p = {.c = c, .out = &c->asked.data};
    enum err e = cold_each_record(c->file, item->kind, after, add_to_page, &p, why);
    if (e == ERR_OK)
        e = p.e;
    item->known = e == ERR_OK;
    item->skip = e != ERR_OK;
    item->bytes = e == ERR_OK ? c->asked.data.len - item->value_at : 0;
    return e;
}

void cold_step_look(struct archive_job *job)
{
    struct cold *c = job->arg;
    struct cold_list *l = &c->asked;
    enum err worst = ERR_OK;
    for (size_t i = 0; i < l->n; i++) {
        struct cold_item *item = &l->items[i];
        struct cold_record r;
        const char *id = cold_list_id(l, item);
        item->value_at = l->data.len;
        item->skip = !item->forget && l->data.len > LOOK_BYTES; /* next time */
        if (item->skip || item->forget)
            continue;
        if (id[0] == COLD_PAGE) {
            enum err bad = look_page(c, item, id + 1, &job->why);
            worst = bad != ERR_OK ? bad : worst;
            continue;
        }
        enum err e = cold_get(c->file, item->kind, id, strlen(id), &l->data, &r, &job->why);
        item->known = e == ERR_OK;
        item->skip = e != ERR_OK && e != ERR_NOT_FOUND;
        item->revision = item->known ? r.revision : 0;
        item->bytes = item->known ? r.bytes : 0;
        worst = item->skip ? e : worst;
    }
    if (worst == ERR_OK)
        worst =
            note(c, &job->why); /* a full disk must not keep a record out: it only stays longer */
    job->result = worst;
}
