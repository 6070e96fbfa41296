/* See retention_folder.h. */
#include "services/ledger/retention_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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
            e = fn(arg, &(struct retention_folder){SEGMENT_NOISE, dir, sub, epoch, feeds.items[i]});
    }
    folder_names_fini(&feeds);
    return e;
}

static enum err journal_of(const char *dir, const char *epoch, retention_fn *fn, void *arg,
                           struct err_text *why)
{
    char sub[FOLDER_PATH_BYTES];
    if (!folder_path(sub, dir, "journal"))
        return err_say(why, ERR_INVAL, "%s: the name is too long", dir);
    if (access(sub, F_OK) != 0)
        return ERR_OK;
    return fn(arg, &(struct retention_folder){SEGMENT_JOURNAL, dir, sub, epoch, "journal"});
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
            e = journal_of(dir, epoch, fn, arg, why);
        if (e == ERR_OK)
            e = each_feed(dir, epoch, fn, arg, why);
    }
    folder_names_fini(&epochs);
    return e;
}

/* ---- a plan */

enum retention_class retention_class_of(enum segment_kind kind)
{
    return kind == SEGMENT_JOURNAL ? RETENTION_JOURNAL : RETENTION_NOISE;
}

struct plan {
    struct mark *mark;
    const struct retention_choice *choice;
    char newest[SEGMENT_NAME_BYTES];
    bool stays; /* the one behind them was seen */
};

static bool on_closed(void *arg, const struct segment_head *h)
{
    struct plan *p = arg;
    struct mark *m = p->mark;
    char name[SEGMENT_NAME_BYTES];
    segment_name(h, name);
    if (strcmp(name, p->newest) == 0 || !p->choice->goes(p->choice->arg, h)) {
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

static enum err on_entry(void *arg, const struct segment_entry *e)
{
    const struct plan *p = arg;
    return p->choice->entry(p->choice->arg, e);
}

/* How many of the files behind `before` may go. */
static enum err count_due(const char *dir, const struct mark *before,
                          const struct retention_period *p, size_t *due, struct err_text *why)
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
    *due = e == ERR_OK ? retention_due(ended_ms, n, p->days, p->now_ms, p->most) : 0;
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

static enum err find_newest(struct plan *p, const char *dir, struct err_text *why)
{
    struct folder_names l = {0};
    enum err e = folder_list(dir, SEGMENT_SUFFIX, false, &l, why);
    if (e == ERR_OK && l.n > 0)
        (void)snprintf(p->newest, sizeof(p->newest), "%s", l.items[l.n - 1]);
    folder_names_fini(&l);
    return e;
}

enum err retention_plan_by(const struct retention_folder *f, const struct retention_choice *c,
                           struct mark *out, bool *due, struct err_text *why)
{
    struct mark before;
    struct plan p = {.mark = out, .choice = c};
    struct segment_report report;
    struct buf text;
    bool marked = false;
    *due = false;
    *out = (struct mark){.kind = f->kind, .days = (uint64_t)c->days};
    (void)snprintf(out->epoch, sizeof(out->epoch), "%s", f->epoch);
    (void)snprintf(out->stream, sizeof(out->stream), "%s", f->stream);
    enum err e = mark_read(f->dir, MARK_FILE, &before, &marked, why);
    if (e == ERR_OK)
        e = find_newest(&p, f->dir, why);
    if (e != ERR_OK || p.newest[0] == '\0')
        return e;
    buf_init(&text, FAULT_BYTES);
    struct segment_range range = {
        .entry = c->entry == NULL ? NULL : on_entry, .closed = on_closed, .arg = &p};
    e = segment_walk_range(f->dir, &range, &report, &text, why);
    if (e == ERR_DATA_LOSS)
        e = first_fault(&text, f->dir, why);
    buf_fini(&text);
    if (e != ERR_OK || out->segments == 0)
        return e;
    if (!p.stays || report.last.kind != f->kind || strcmp(report.last.epoch, f->epoch) != 0 ||
        strcmp(report.last.stream, f->stream) != 0)
        return err_say(why, ERR_DATA_LOSS, "%s: in the wrong place: it is %s of epoch %s", f->dir,
                       report.last.stream, report.last.epoch);
    out->all_segments = before.all_segments + out->segments;
    out->all_entries = before.all_entries + out->entries;
    *due = true;
    return ERR_OK;
}

struct due {
    size_t left; /* segments that may go */
};

static bool is_due(void *arg, const struct segment_head *h)
{
    struct due *d = arg;
    (void)h;
    return d->left > 0 && d->left-- > 0;
}

enum err retention_plan_noise(const struct retention_folder *f, const struct retention_period *p,
                              struct mark *out, bool *due, struct err_text *why)
{
    struct mark before;
    struct due d = {0};
    bool marked = false;
    struct retention_choice c = {.days = p->days, .goes = is_due, .arg = &d};
    *due = false;
    enum err e = mark_read(f->dir, MARK_FILE, &before, &marked, why);
    if (e == ERR_OK)
        e = count_due(f->dir, &before, p, &d.left, why);
    *out = (struct mark){.kind = f->kind};
    return e != ERR_OK || d.left == 0 ? e : retention_plan_by(f, &c, out, due, why);
}
