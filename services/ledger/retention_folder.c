/* See retention_folder.h. */
#include "services/ledger/retention_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/ledger/core/retention.h"
#include "services/ledger/segment_format.h"

#define FAULT_BYTES 4096

static enum err each_feed(const char *dir, const char *epoch, retention_fn *fn, void *arg,
                          struct err_text *why)
{
    char noise[FOLDER_PATH_BYTES];
    char sub[FOLDER_PATH_BYTES];
    struct folder_names feeds = {0};
    if (!folder_path(noise, dir, "noise"))
        return err_say(why, ERR_INVAL, "%s: the name is too long", dir);
    enum err e = folder_list(noise, "", false, &feeds, why);
    for (size_t i = 0; e == ERR_OK && i < feeds.n; i++) {
        if (feeds.items[i][0] == '.')
            continue;
        if (!folder_path(sub, noise, feeds.items[i]))
            e = err_say(why, ERR_INVAL, "%s: the name is too long", noise);
        else
            e = fn(arg, &(struct retention_folder){sub, epoch, feeds.items[i]});
    }
    folder_names_fini(&feeds);
    return e;
}

enum err retention_each(const char *archive_dir, retention_fn *fn, void *arg, struct err_text *why)
{
    char dir[FOLDER_PATH_BYTES];
    struct folder_names epochs = {0};
    enum err e = folder_list(archive_dir, "", false, &epochs, why);
    for (size_t i = 0; e == ERR_OK && i < epochs.n; i++) {
        const char *epoch = epochs.items[i];
        if (strlen(epoch) != SEGMENT_EPOCH_DIGITS ||
            strspn(epoch, "0123456789abcdef") != SEGMENT_EPOCH_DIGITS)
            continue;
        if (!folder_path(dir, archive_dir, epoch))
            e = err_say(why, ERR_INVAL, "%s: the name is too long", archive_dir);
        else
            e = each_feed(dir, epoch, fn, arg, why);
    }
    folder_names_fini(&epochs);
    return e;
}

/* ---- a plan */

struct plan {
    struct mark *mark;
    size_t due; /* segments that may go */
    bool stays; /* the one behind them was seen */
};

static bool on_closed(void *arg, const struct segment_head *h)
{
    struct plan *p = arg;
    struct mark *m = p->mark;
    if (m->segments == p->due) {
        p->stays = true;
        return false;
    }
    if (m->segments == 0)
        m->first = h->first;
    m->last = h->last;
    memcpy(m->digest, h->digest, SHA256_BYTES);
    m->segments++;
    m->entries += h->count;
    return true;
}

/* How many of the files behind `before` may go. */
static enum err count_due(const char *dir, const struct mark *before, int64_t days, int64_t now_ms,
                          size_t most, size_t *due, struct err_text *why)
{
    struct folder_names l = {0};
    struct segment_pos first;
    struct segment_pos last;
    size_t n = 0;
    enum err e = folder_list(dir, SEGMENT_SUFFIX, false, &l, why);
    uint64_t *ended_ms = e == ERR_OK ? malloc((l.n + 1) * sizeof(*ended_ms)) : NULL;
    if (e == ERR_OK && ended_ms == NULL)
        e = err_say(why, ERR_NOMEM, "no memory");
    for (size_t i = 0; e == ERR_OK && i < l.n; i++)
        if (segment_name_range(SEGMENT_NOISE, l.items[i], &first, &last) &&
            segment_pos_compare(last, before->last) > 0)
            ended_ms[n++] = last.seq;
    *due = e == ERR_OK ? retention_due(ended_ms, n, days, now_ms, most) : 0;
    free(ended_ms);
    folder_names_fini(&l);
    return e;
}

static enum err first_fault(struct buf *text, const char *dir, struct err_text *why)
{
    char *end = NULL;
    if (text->len == 0 || buf_put(text, "", 1) != ERR_OK)
        return err_say(why, ERR_DATA_LOSS, "%s: not as it was written", dir);
    end = strchr((char *)text->data, '\n');
    if (end != NULL)
        *end = '\0';
    return err_say(why, ERR_DATA_LOSS, "%s", (const char *)text->data);
}

enum err retention_plan(const struct retention_folder *f, int64_t days, int64_t now_ms, size_t most,
                        struct mark *out, bool *due, struct err_text *why)
{
    struct mark before;
    struct plan p = {.mark = out};
    struct segment_report report;
    struct buf text;
    bool marked = false;
    *due = false;
    enum err e = mark_read(f->dir, MARK_FILE, &before, &marked, why);
    if (e == ERR_OK)
        e = count_due(f->dir, &before, days, now_ms, most, &p.due, why);
    *out = (struct mark){.kind = SEGMENT_NOISE, .days = (uint64_t)days};
    (void)snprintf(out->epoch, sizeof(out->epoch), "%s", f->epoch);
    (void)snprintf(out->stream, sizeof(out->stream), "%s", f->stream);
    if (e != ERR_OK || p.due == 0)
        return e;
    buf_init(&text, FAULT_BYTES);
    struct segment_range range = {.closed = on_closed, .arg = &p};
    e = segment_walk_range(f->dir, &range, &report, &text, why);
    if (e == ERR_DATA_LOSS)
        e = first_fault(&text, f->dir, why);
    buf_fini(&text);
    if (e != ERR_OK)
        return e;
    if (!p.stays || strcmp(report.last.epoch, f->epoch) != 0 ||
        strcmp(report.last.stream, f->stream) != 0)
        return err_say(why, ERR_DATA_LOSS, "%s: in the wrong place: it is %s of epoch %s", f->dir,
                       report.last.stream, report.last.epoch);
    out->all_segments = before.all_segments + out->segments;
    out->all_entries = before.all_entries + out->entries;
    *due = true;
    return ERR_OK;
}
