/* The snapshots of a folder: which are good, and whether they make one chain with each other and
 * with the segments.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/ledger/folder.h"
#include "services/ledger/segment_format.h"
#include "services/ledger/snapshot.h"

struct survey {
    const char *epoch;
    char folder[FOLDER_PATH_BYTES];
    char journal[FOLDER_PATH_BYTES];
    struct folder_names names;
    struct folder_names segments;
    struct snapshot_report *report;
    struct buf *text;
    bool known; /* `last` is the one before, which is good */
    struct snapshot_head last;
};

static void tell(struct survey *v, const char *name, const char *fault)
{
    v->report->faults++;
    if (v->text != NULL)
        (void)buf_printf(v->text, "%s/%s: %s\n", v->folder, name, fault);
}

static enum err begin(struct survey *v, const char *dir, const char *epoch,
                      struct snapshot_report *report, struct buf *text, struct err_text *why)
{
    *v = (struct survey){.epoch = epoch, .report = report, .text = text};
    *report = (struct snapshot_report){0};
    if (!folder_path(v->folder, dir, "snapshots") || !folder_path(v->journal, dir, "journal"))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    enum err e = folder_list(v->folder, ".snap", false, &v->names, why);
    return e == ERR_OK ? folder_list(v->journal, SEGMENT_SUFFIX, false, &v->segments, why) : e;
}

static void end(struct survey *v)
{
    folder_names_fini(&v->names);
    folder_names_fini(&v->segments);
}

/* Is there a segment that begins behind `seq`, or ends with it? Then this one must be there. */
static bool reaches(const struct survey *v, uint64_t seq)
{
    const char *last = v->segments.n == 0 ? "" : v->segments.items[v->segments.n - 1];
    const char *first = v->segments.n == 0 ? "" : v->segments.items[0];
    return strlen(last) > 21 && strtoull(last + 21, NULL, 10) >= seq &&
           strtoull(first, NULL, 10) <= seq;
}

/* Segments and snapshots may be removed while they are looked at. */
static bool is_gone(const char *folder, const char *name)
{
    char path[FOLDER_PATH_BYTES];
    return folder_path(path, folder, name) && access(path, F_OK) != 0 && errno == ENOENT;
}

/* Do the segments still reach it, listed again? */
static bool reaches_still(struct survey *v, uint64_t seq)
{
    struct folder_names now = {0};
    if (!reaches(v, seq))
        return false;
    if (folder_list(v->journal, SEGMENT_SUFFIX, false, &now, NULL) != ERR_OK)
        return true;
    folder_names_fini(&v->segments);
    v->segments = now;
    return reaches(v, seq);
}

static const char *fault_of(struct survey *v, const struct snapshot_head *h, bool first)
{
    uint8_t digest[SHA256_BYTES];
    if (strcmp(h->epoch, v->epoch) != 0)
        return "in the wrong place: of another epoch";
    bool there = segment_digest(v->journal, &v->segments, h->seq, digest);
    if (there && memcmp(digest, h->segment, SHA256_BYTES) != 0)
        return "replaced: it does not belong to the segment that ends with its entry";
    if (!there && reaches_still(v, h->seq))
        return "in the wrong place: no segment ends with its entry";
    if (first || !v->known)
        return NULL; /* older ones are removed in time */
    if (h->previous_seq != v->last.seq)
        return h->previous_seq > v->last.seq ? "missing: the snapshot before this one"
                                             : NULL; /* made when the one between was not good */
    if (memcmp(h->previous, v->last.digest, SHA256_BYTES) != 0)
        return "replaced: this snapshot or the one before it";
    return NULL;
}

/* A good one stays open in *out. */
static enum err look(struct survey *v, size_t i, struct snapshot **out)
{
    struct err_text fault = {{0}};
    const char *name = v->names.items[i];
    v->report->files++;
    enum err e = snapshot_open(v->folder, name, out, &fault);
    if (e == ERR_NOMEM)
        return e;
    if (e == ERR_IO && is_gone(v->folder, name)) { /* a newer one is there */
        v->report->files--;
        v->known = false;
        return ERR_OK;
    }
    const char *what = e != ERR_OK ? fault.text : fault_of(v, snapshot_head_of(*out), i == 0);
    if (what != NULL) {
        tell(v, name, what);
        snapshot_close(*out);
        *out = NULL;
        v->known = false;
        return ERR_OK;
    }
    v->last = *snapshot_head_of(*out);
    v->known = true;
    v->report->newest = v->last.seq;
    return ERR_OK;
}

enum err snapshot_survey(const char *dir, const char *epoch, struct snapshot_report *out,
                         struct buf *text, struct err_text *why)
{
    struct survey v;
    enum err e = begin(&v, dir, epoch, out, text, why);
    for (size_t i = 0; e == ERR_OK && i < v.names.n; i++) {
        struct snapshot *s = NULL;
        e = look(&v, i, &s);
        snapshot_close(s);
    }
    end(&v);
    return e;
}

enum err snapshot_newest(const char *dir, const char *epoch, struct snapshot **out,
                         struct buf *text, struct err_text *why)
{
    struct survey v;
    struct snapshot_report report;
    *out = NULL;
    enum err e = begin(&v, dir, epoch, &report, text, why);
    for (size_t i = v.names.n; e == ERR_OK && *out == NULL && i-- > 0;) {
        v.known = false;
        e = look(&v, i, out);
    }
    end(&v);
    return e;
}
