/* Reads archived entries for those who follow events from far behind, on a thread of its own. The
 * last segments read are kept: a follower asks for the same one dozens of times.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "flow/archive.h"
#include "services/ledger/folder.h"
#include "services/ledger/journal_begins.h"
#include "services/ledger/ledger_private.h"

#define KEPT 3      /* segments, 16 MiB each at most by their making */
#define ASK_MS 200  /* then what was found so far is the answer */
#define ASKS_MAX 64 /* waiting */
#define SUFFIX ".seg"

struct kept {
    char name[FOLDER_NAME_BYTES];
    struct segment *segment;
    uint64_t used;
};

struct asked {
    struct reader *reader;
    struct archive_ask *ask;
    struct archive_job job;
    struct asked *next, *prev;
};

struct reader {
    struct ledger *ledger;
    struct archiver *worker;
    struct asked *asked;
    size_t n_asked;
    /* the worker's */
    struct folder_names names;
    struct timespec names_time; /* of the folder when they were read */
    struct kept kept[KEPT];
    uint64_t uses;
};

static uint64_t first_of(const char *name)
{
    return strtoull(name, NULL, 10);
}

static uint64_t last_of(const char *name)
{
    return strlen(name) > 21 ? strtoull(name + 21, NULL, 10) : 0;
}

/* ---- on the worker's thread */

static enum err names_look(struct reader *r, const char *dir, struct err_text *why)
{
    struct stat st;
    if (stat(dir, &st) != 0)
        return err_say(why, ERR_NOT_FOUND, "%s: nothing is archived", dir);
    if (r->names.n > 0 && st.st_mtim.tv_sec == r->names_time.tv_sec &&
        st.st_mtim.tv_nsec == r->names_time.tv_nsec)
        return ERR_OK;
    folder_names_fini(&r->names);
    r->names_time = st.st_mtim;
    return folder_list(dir, SUFFIX, false, &r->names, why);
}

/* The first whose last entry is behind `after`; n when there is none. */
static size_t names_find(const struct folder_names *l, uint64_t after)
{
    size_t low = 0;
    size_t high = l->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (last_of(l->items[middle]) <= after)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum err segment_get(struct reader *r, const char *dir, const char *name,
                            struct segment **out, struct err_text *why)
{
    struct kept *oldest = &r->kept[0];
    char path[FOLDER_PATH_BYTES];
    for (size_t i = 0; i < KEPT; i++) {
        struct kept *k = &r->kept[i];
        if (k->segment != NULL && strcmp(k->name, name) == 0) {
            k->used = ++r->uses;
            *out = k->segment;
            segment_rewind(*out);
            return ERR_OK;
        }
        if (k->used < oldest->used)
            oldest = k;
    }
    if (!folder_path(path, dir, name))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    segment_close(oldest->segment);
    oldest->segment = NULL;
    enum err e = segment_open(path, &oldest->segment, why);
    if (e != ERR_OK)
        return e;
    (void)snprintf(oldest->name, sizeof(oldest->name), "%s", name);
    oldest->used = ++r->uses;
    *out = oldest->segment;
    return ERR_OK;
}

/* False: the answer is full before this entry. */
static bool keep_entry(struct archive_ask *ask, const struct segment_entry *e)
{
    if (ask->n > 0 && (ask->n == ask->max || ask->data.len + e->bytes > ARCHIVE_ASK_BYTES))
        return false;
    if (buf_put(&ask->data, e->data, e->bytes) != ERR_OK)
        return false;
    ask->entries[ask->n++] = (struct store_entry){.seq = e->pos.seq, .bytes = e->bytes};
    return true;
}

/* *full: nothing more fits, or nothing more is asked for. */
static enum err read_segment(struct reader *r, struct archive_ask *ask, const char *dir,
                             const char *name, bool *full)
{
    struct segment *s = NULL;
    struct segment_entry e;
    enum err err = segment_get(r, dir, name, &s, &ask->why);
    if (err != ERR_OK)
        return err;
    const struct segment_head *h = segment_head_of(s);
    if (strcmp(h->epoch, r->ledger->epoch) != 0 || h->kind != SEGMENT_JOURNAL)
        return err_say(&ask->why, ERR_DATA_LOSS, "%s: of another epoch or stream", name);
    while (!*full && segment_next(s, &e)) {
        bool wanted = false;
        if (e.pos.seq <= ask->next)
            continue;
        *full = e.pos.seq > ask->to;
        if (!*full && ask->wanted(ask, e.data, e.bytes, &wanted) == ERR_NOMEM)
            return err_say(&ask->why, ERR_NOMEM, "%s: no memory to read it", name);
        *full = *full || (wanted && !keep_entry(ask, &e));
        if (!*full)
            ask->next = e.pos.seq;
        *full = *full || ask->n == ask->max;
    }
    return ERR_OK;
}

/* Is what is asked for kept no more? */
static enum err look_begin(const struct reader *r, struct archive_ask *ask)
{
    char dir[LEDGER_DIR_BYTES];
    const struct ledger *l = r->ledger;
    uint64_t first = 0;
    (void)snprintf(dir, sizeof(dir), "%s/%s", l->set->archive_dir, l->epoch);
    enum err e = journal_begins(dir, ask->store_first, &first, &ask->why);
    ask->begins = first > ask->after + 1 ? first : 0;
    return e == ERR_OK ? ERR_NOT_FOUND : e;
}

static enum err read_segments(struct reader *r, struct archive_ask *ask)
{
    const char *dir = r->ledger->journal.dir; /* never changes */
    int64_t until = clock_mono_ms() + ASK_MS;
    bool full = false;
    enum err e = names_look(r, dir, &ask->why);
    size_t i = e == ERR_OK ? names_find(&r->names, ask->after) : 0;
    if (e == ERR_OK && (i == r->names.n || first_of(r->names.items[i]) > ask->after + 1))
        e = ERR_NOT_FOUND;
    for (; e == ERR_OK && !full && i < r->names.n && ask->next < ask->to; i++) {
        if (first_of(r->names.items[i]) > ask->next + 1)
            break; /* a hole: told when it is asked for */
        e = read_segment(r, ask, dir, r->names.items[i], &full);
        full = full || clock_mono_ms() > until;
    }
    return e;
}

static void read_ask(struct archive_job *job)
{
    const struct asked *a = job->arg;
    struct reader *r = a->reader;
    struct archive_ask *ask = a->ask;
    ask->next = ask->after;
    ask->result = read_segments(r, ask);
    if (ask->result == ERR_IO && ask->next == ask->after) {
        folder_names_fini(&r->names); /* perhaps a file was removed since they were listed */
        ask->result = read_segments(r, ask);
    }
    if (ask->result == ERR_NOT_FOUND)
        ask->result = look_begin(r, ask);
    const uint8_t *p = ask->data.data;
    for (size_t k = 0; k < ask->n; k++) {
        ask->entries[k].data = p;
        p += ask->entries[k].bytes;
    }
    job->result = ask->result;
}

/* ---- on the loop */

static void forget(struct asked *a)
{
    struct reader *r = a->reader;
    if (a->prev != NULL)
        a->prev->next = a->next;
    else
        r->asked = a->next;
    if (a->next != NULL)
        a->next->prev = a->prev;
    r->n_asked--;
    free(a);
}

static void read_done(void *arg, struct archive_job *job)
{
    struct asked *a = arg;
    struct ledger *l = a->reader->ledger;
    struct archive_ask *ask = a->ask;
    (void)job;
    if (ask->result != ERR_OK && ask->result != ERR_NOT_FOUND)
        ledger_fault(l, "archive-unreadable", "journal", ask->why.text);
    metric_add(l->m_asked, 1);
    forget(a);
    ask->done(ask);
}

enum err reader_ask(struct reader *r, struct archive_ask *ask)
{
    struct asked *a = r->n_asked >= ASKS_MAX ? NULL : calloc(1, sizeof(*a));
    if (a == NULL)
        return ERR_LIMIT;
    *a = (struct asked){.reader = r, .ask = ask, .next = r->asked};
    if (r->asked != NULL)
        r->asked->prev = a;
    r->asked = a;
    r->n_asked++;
    a->job =
        (struct archive_job){.task = ARCHIVE_CALL, .call = read_ask, .done = read_done, .arg = a};
    archiver_submit(r->worker, &a->job);
    return ERR_OK;
}

enum err reader_create(struct ledger *l, struct reader **out)
{
    struct reader *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_NOMEM;
    r->ledger = l;
    enum err e = archiver_create(l->loop, ARCHIVER_READER, &r->worker);
    if (e != ERR_OK) {
        free(r);
        return e;
    }
    *out = r;
    return ERR_OK;
}

void reader_destroy(struct reader *r)
{
    if (r == NULL)
        return;
    archiver_destroy(r->worker);
    while (r->asked != NULL) {
        struct archive_ask *ask = r->asked->ask;
        forget(r->asked);
        ask->drop(ask);
    }
    for (size_t i = 0; i < KEPT; i++)
        segment_close(r->kept[i].segment);
    folder_names_fini(&r->names);
    free(r);
}
