/* A folder of segments: which are there, and whether they make one chain. */
#include "services/ledger/segment_format.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct names {
    char (*items)[SEGMENT_NAME_BYTES];
    size_t n;
    size_t cap;
};

static bool ends_with(const char *s, const char *suffix)
{
    size_t n = strlen(s);
    size_t m = strlen(suffix);
    return n > m && strcmp(s + n - m, suffix) == 0;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(x, y);
}

static enum err add_name(struct names *l, const char *name)
{
    size_t len = strlen(name);
    if (len >= SEGMENT_NAME_BYTES)
        return ERR_OK; /* not one of ours */
    if (l->n == SEGMENT_FILES_MAX)
        return ERR_LIMIT;
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 256 : l->cap * 2;
        void *p = realloc(l->items, cap * sizeof(*l->items));
        if (p == NULL)
            return ERR_NOMEM;
        l->items = p;
        l->cap = cap;
    }
    memcpy(l->items[l->n++], name, len + 1);
    return ERR_OK;
}

/* Names have fixed-width numbers, so the order of names is the order of positions. A folder that
 * does not exist is an empty one. `clean` removes temporary files. */
static enum err list(const char *dir, bool clean, struct names *out, struct err_text *why)
{
    DIR *d = opendir(dir);
    if (d == NULL)
        return errno == ENOENT ? ERR_OK
                               : err_say(why, ERR_IO, "%s: %s", dir, strerrordesc_np(errno));
    enum err e = ERR_OK;
    const struct dirent *f;
    while (e == ERR_OK && (f = readdir(d)) != NULL) {
        char path[SEGMENT_PATH_BYTES];
        if (ends_with(f->d_name, SEGMENT_SUFFIX))
            e = add_name(out, f->d_name);
        else if (clean && ends_with(f->d_name, SEGMENT_SUFFIX SEGMENT_TEMPORARY) &&
                 segment_path(path, dir, f->d_name))
            (void)unlink(path);
    }
    (void)closedir(d);
    if (e != ERR_OK)
        return err_say(why, e, "%s: %s", dir, err_name(e));
    if (out->n > 0)
        qsort(out->items, out->n, sizeof(*out->items), by_name);
    return ERR_OK;
}

/* A sound file under the name that its own header gives it. */
static enum err open_named(const char *dir, const char *name, struct segment **out,
                           struct err_text *why)
{
    char path[SEGMENT_PATH_BYTES];
    char own[SEGMENT_NAME_BYTES];
    if (!segment_path(path, dir, name))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    enum err e = segment_open(path, out, why);
    if (e != ERR_OK)
        return e;
    segment_name(segment_head_of(*out), own);
    if (strcmp(own, name) == 0)
        return ERR_OK;
    segment_close(*out);
    *out = NULL;
    return err_say(why, ERR_DATA_LOSS, "in the wrong place: it is %s", own);
}

enum err segment_last(const char *dir, struct segment_head *out, bool *found, struct err_text *why)
{
    struct names l = {0};
    struct segment *s = NULL;
    struct err_text fault = {{0}};
    *found = false;
    enum err e = list(dir, true, &l, why);
    if (e != ERR_OK || l.n == 0)
        goto out;
    e = open_named(dir, l.items[l.n - 1], &s, &fault);
    if (e != ERR_OK) {
        e = err_say(why, e, "%s/%s: %s", dir, l.items[l.n - 1], fault.text);
        goto out;
    }
    *out = *segment_head_of(s);
    *found = true;
out:
    segment_close(s);
    free(l.items);
    return e;
}

struct walk {
    const char *dir;
    segment_entry_fn *fn;
    void *arg;
    struct segment_report *report;
    struct buf *text;
    bool broken; /* the segment before was not sound: the chain cannot be followed to the next */
};

static void tell(struct walk *w, const char *name, const char *fault)
{
    w->report->faults++;
    if (w->text != NULL)
        (void)buf_printf(w->text, "%s/%s: %s\n", w->dir, name, fault);
}

/* How a sound segment fits behind the last sound one; false with a fault told. */
static bool fits(struct walk *w, const char *name, const struct segment_head *h)
{
    static const uint8_t zeros[SHA256_BYTES];
    const struct segment_head *last = &w->report->last;
    if (!w->report->found) {
        if (w->broken || memcmp(h->previous, zeros, SHA256_BYTES) == 0)
            return true;
        tell(w, name, "missing: the segments before this one");
        return false;
    }
    if (h->kind != last->kind || strcmp(h->epoch, last->epoch) != 0 ||
        strcmp(h->stream, last->stream) != 0) {
        tell(w, name, "in the wrong place: of another stream or epoch");
        return false;
    }
    if (w->broken)
        return true;
    bool chained = memcmp(h->previous, last->digest, SHA256_BYTES) == 0;
    if (!segment_follows(h->kind, last->last, h->first)) {
        tell(w, name,
             segment_pos_compare(h->first, last->last) > 0
                 ? "missing: the segments between this one and the one before"
                 : "in the wrong place: overlaps the segment before");
        return false;
    }
    if (!chained)
        tell(w, name,
             h->kind == SEGMENT_NOISE ? "missing or replaced: the segment before this one"
                                      : "replaced: this segment or the one before it");
    return chained;
}

static enum err hand_out(struct walk *w, struct segment *s)
{
    struct segment_entry entry;
    enum err e = ERR_OK;
    while (e == ERR_OK && w->fn != NULL && w->report->faults == 0 && segment_next(s, &entry))
        e = w->fn(w->arg, &entry);
    return e;
}

static enum err visit(struct walk *w, const char *name)
{
    struct segment *s = NULL;
    struct err_text fault = {{0}};
    w->report->segments++;
    enum err e = open_named(w->dir, name, &s, &fault);
    if (e == ERR_NOMEM)
        return e;
    if (e != ERR_OK) {
        tell(w, name, fault.text);
        w->broken = true;
        return ERR_OK;
    }
    const struct segment_head *h = segment_head_of(s);
    (void)fits(w, name, h);
    w->broken = false;
    w->report->last = *h;
    w->report->found = true;
    w->report->entries += h->count;
    e = hand_out(w, s);
    segment_close(s);
    return e;
}

enum err segment_walk(const char *dir, segment_entry_fn *fn, void *arg, struct segment_report *out,
                      struct buf *text, struct err_text *why)
{
    struct walk w = {.dir = dir, .fn = fn, .arg = arg, .report = out, .text = text};
    struct names l = {0};
    *out = (struct segment_report){0};
    enum err e = list(dir, false, &l, why);
    for (size_t i = 0; e == ERR_OK && i < l.n; i++)
        e = visit(&w, l.items[i]);
    if (e == ERR_OK && out->faults > 0)
        e = err_say(why, ERR_DATA_LOSS, "%s: %zu of %zu segments are not as they were written", dir,
                    out->faults, out->segments);
    free(l.items);
    return e;
}
