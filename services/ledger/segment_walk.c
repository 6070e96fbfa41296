/* A folder of segments: which are there, and whether they make one chain. */
#include "services/ledger/mark.h"
#include "services/ledger/segment_format.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A sound file under the name that its own header gives it. */
static enum err open_named(const char *dir, const char *name, struct segment **out,
                           struct err_text *why)
{
    char path[FOLDER_PATH_BYTES];
    char own[SEGMENT_NAME_BYTES];
    if (!folder_path(path, dir, name))
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

static bool is_removed(const struct mark *m, const char *name)
{
    struct segment_pos first;
    struct segment_pos last;
    return segment_name_range(m->kind, name, &first, &last) &&
           segment_pos_compare(last, m->last) <= 0;
}

enum err segment_last(const char *dir, struct segment_head *out, bool *found, struct err_text *why)
{
    struct folder_names l = {0};
    struct segment *s = NULL;
    struct err_text fault = {{0}};
    *found = false;
    enum err e = folder_list(dir, SEGMENT_SUFFIX, true, &l, why);
    struct mark mark = {.told_seq = 0};
    bool removed = false;
    if (e == ERR_OK)
        e = mark_read(dir, MARK_FILE, &mark, &removed, why);
    if (e == ERR_OK && removed && (l.n == 0 || is_removed(&mark, l.items[l.n - 1])))
        e = err_say(why, ERR_DATA_LOSS, "%s: missing: the segments behind those that were removed",
                    dir);
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
    folder_names_fini(&l);
    return e;
}

struct walk {
    const char *dir;
    const struct segment_range *range;
    struct segment_report *report;
    struct buf *text;
    bool ended;
    bool handed;    /* an entry was handed out */
    bool overtaken; /* files were removed meanwhile: the mark is a newer one */
    bool broken;    /* the segment before was not sound: the chain cannot be followed to the next */
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
    const struct segment_range *r = w->range;
    while (e == ERR_OK && r->entry != NULL && w->report->faults == 0 && segment_next(s, &entry)) {
        w->handed = true;
        e = r->entry(r->arg, &entry);
    }
    if (e == ERR_OK && w->report->faults == 0 && r->closed != NULL)
        w->ended = !r->closed(r->arg, segment_head_of(s));
    return e;
}

/* As if the segments up to there had been seen. */
static void begin_behind(struct segment_report *r, const struct mark *m)
{
    r->removed = r->found = true;
    r->mark = *m;
    r->last = (struct segment_head){.kind = m->kind, .last = m->last};
    memcpy(r->last.epoch, m->epoch, sizeof(r->last.epoch));
    memcpy(r->last.stream, m->stream, sizeof(r->last.stream));
    memcpy(r->last.digest, m->digest, SHA256_BYTES);
}

/* Was the file removed since the names were listed? *is true: the walk goes on behind what was.
 * ERR_AGAIN: whoever gets the entries would miss some in the middle. */
static enum err overtaken(struct walk *w, const char *name, bool *is, struct err_text *why)
{
    struct mark now;
    const struct segment_range *r = w->range;
    *is = false;
    if (mark_read(w->dir, MARK_FILE, &now, is, NULL) != ERR_OK)
        *is = false;
    *is = *is && is_removed(&now, name) &&
          (!w->report->removed || segment_pos_compare(now.last, w->report->mark.last) > 0);
    if (!*is)
        return ERR_OK;
    if (r->entry != NULL && !r->gaps && (w->handed || r->after > 0))
        return err_say(why, ERR_AGAIN,
                       "%s: segments were removed while they were read, their period being over: "
                       "run it again",
                       w->dir);
    begin_behind(w->report, &now);
    w->overtaken = true;
    w->broken = false;
    return ERR_OK;
}

static enum err visit(struct walk *w, const char *name, struct err_text *why)
{
    struct segment *s = NULL;
    struct err_text fault = {{0}};
    bool gone = false;
    enum err e = open_named(w->dir, name, &s, &fault);
    if (e == ERR_NOMEM)
        return e;
    if (e != ERR_OK) {
        e = overtaken(w, name, &gone, why);
        if (e != ERR_OK || gone)
            return e;
        w->report->segments++;
        tell(w, name, fault.text);
        w->broken = true;
        return ERR_OK;
    }
    const struct segment_head *h = segment_head_of(s);
    w->report->segments++;
    (void)fits(w, name, h);
    w->broken = false;
    w->report->last = *h;
    w->report->found = true;
    w->report->entries += h->count;
    e = hand_out(w, s);
    segment_close(s);
    return e;
}

/* Last sequence in the name of a journal's segment; 0 when it is none. */
static uint64_t name_last(const char *name)
{
    return strlen(name) > 21 ? strtoull(name + 21, NULL, 10) : 0;
}

/* As if the segments that were removed had been seen. */
static enum err take_mark(struct walk *w, const char *dir, struct err_text *why)
{
    struct segment_report *r = w->report;
    struct err_text fault = {{0}};
    bool found = false;
    enum err e = mark_read(dir, MARK_FILE, &r->mark, &found, &fault);
    if (e == ERR_DATA_LOSS) {
        tell(w, MARK_FILE, "damaged: what was removed is not known");
        w->broken = true;
        return ERR_OK;
    }
    if (e != ERR_OK)
        return err_say(why, e, "%s", fault.text);
    if (found && w->range->after == 0)
        begin_behind(r, &r->mark);
    else if (found) /* what is missing between there and the mark is missing */
        r->removed = r->found = true;
    return ERR_OK;
}

static enum err visit_all(struct walk *w, const struct folder_names *l, struct err_text *why)
{
    struct segment_report *r = w->report;
    enum err e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && !w->ended && i < l->n; i++) {
        if (r->removed && is_removed(&r->mark, l->items[i]))
            r->leftover += !w->overtaken;
        else if (w->range->after == 0 || name_last(l->items[i]) > w->range->after)
            e = visit(w, l->items[i], why);
    }
    if (e == ERR_OK && r->removed && r->segments == 0 && w->range->after < r->mark.last.seq)
        tell(w, MARK_FILE, "missing: the segments behind those that were removed");
    return e;
}

enum err segment_walk_range(const char *dir, const struct segment_range *r,
                            struct segment_report *out, struct buf *text, struct err_text *why)
{
    struct walk w = {.dir = dir, .range = r, .report = out, .text = text};
    struct folder_names l = {0};
    *out = (struct segment_report){0};
    if (r->after > 0) { /* as if the segments up to there had been seen */
        out->found = true;
        out->last = (struct segment_head){
            .kind = SEGMENT_JOURNAL, .stream = "journal", .last = {r->after, 0}};
        memcpy(out->last.digest, r->digest, SHA256_BYTES);
        memcpy(out->last.epoch, r->epoch, SEGMENT_EPOCH_DIGITS);
    }
    /* names first: what goes between the two is behind the mark */
    enum err e = folder_list(dir, SEGMENT_SUFFIX, false, &l, why);
    if (e == ERR_OK)
        e = take_mark(&w, dir, why);
    if (e == ERR_OK)
        e = visit_all(&w, &l, why);
    if (e == ERR_OK && out->faults > 0)
        e = err_say(why, ERR_DATA_LOSS, "%s: %zu of %zu segments are not as they were written", dir,
                    out->faults, out->segments);
    folder_names_fini(&l);
    return e;
}

enum err segment_first(const char *dir, uint64_t *first, struct err_text *why)
{
    struct folder_names l = {0};
    struct mark mark;
    bool removed = false;
    *first = 0;
    enum err e = folder_list(dir, SEGMENT_SUFFIX, false, &l, why);
    if (e == ERR_OK)
        e = mark_read(dir, MARK_FILE, &mark, &removed, why);
    for (size_t i = 0; e == ERR_OK && *first == 0 && i < l.n; i++)
        if (!removed || !is_removed(&mark, l.items[i]))
            *first = strtoull(l.items[i], NULL, 10);
    folder_names_fini(&l);
    return e;
}

bool segment_digest(const char *dir, const struct folder_names *names, uint64_t last,
                    uint8_t out[SHA256_BYTES])
{
    char path[FOLDER_PATH_BYTES];
    for (size_t i = names->n; i-- > 0;) {
        if (name_last(names->items[i]) != last || !folder_path(path, dir, names->items[i]))
            continue;
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        bool ok = fd >= 0 && lseek(fd, -(off_t)SHA256_BYTES, SEEK_END) >= 0 &&
                  read(fd, out, SHA256_BYTES) == SHA256_BYTES;
        if (fd >= 0)
            (void)close(fd);
        return ok;
    }
    return false;
}

enum err segment_walk(const char *dir, segment_entry_fn *fn, void *arg, struct segment_report *out,
                      struct buf *text, struct err_text *why)
{
    struct segment_range all = {.entry = fn, .arg = arg};
    return segment_walk_range(dir, &all, out, text, why);
}
