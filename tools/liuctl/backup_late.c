/* See backup_late.h. */
#include "liuctl/backup_late.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FAULT_BYTES_MAX (256u * 1024)

/* `faults`: what is not good of the snapshots that are there, a line each. */
static int none_covers(struct cli *c, const struct backup_late *l, const char *dir,
                       struct buf *faults)
{
    if (faults->len > 0 && buf_put(faults, "", 1) == ERR_OK)
        (void)cli_fail(c, CLI_REFUSED, "%s", (const char *)faults->data);
    unsigned long long first = l->first;
    if (l->seq > 0)
        return cli_fail(
            c, CLI_REFUSED,
            c->ja ? "%s/snapshots: 記録は %llu 番から始まりますが、正しいスナップショットは %llu "
                    "番が最後で、その間の記録がありません"
                  : "%s/snapshots: the journal begins with entry %llu, the newest good snapshot is "
                    "of entry %llu: what lies between is in no file",
            dir, first, (unsigned long long)l->seq);
    return cli_fail(c, CLI_REFUSED,
                    c->ja
                        ? "%s/snapshots: 記録は %llu 番から始まり、それより前を補う正しい"
                          "スナップショットがありません"
                        : "%s/snapshots: the journal begins with entry %llu, and no good snapshot "
                          "has what was before",
                    dir, first);
}

static int open_newest(struct cli *c, const char *dir, const char *epoch, struct backup_late *l)
{
    struct err_text why = {""};
    struct buf faults;
    int status = CLI_OK;
    buf_init(&faults, FAULT_BYTES_MAX);
    enum err e = snapshot_newest(dir, epoch, &l->from, &faults, &why);
    if (l->from != NULL) {
        l->seq = snapshot_head_of(l->from)->seq;
        memcpy(l->link, snapshot_head_of(l->from)->link, sizeof l->link);
    }
    if (e != ERR_OK)
        status = cli_fail(c, CLI_TEMPORARY, "%s", why.text);
    else if (l->from == NULL || l->seq + 1 < l->first)
        status = none_covers(c, l, dir, &faults);
    buf_fini(&faults);
    return status;
}

int backup_late_open(struct session *s, struct backup_late *out)
{
    struct cli *c = s->cli;
    struct err_text why = {""};
    const char *epoch = store_epoch(s->store);
    *out = (struct backup_late){.first = 0};
    if (c->config.archive_dir[0] == '\0')
        return CLI_OK;
    const char *dir = arena_printf(&c->arena, "%s/%s", c->config.archive_dir, epoch);
    const char *journal = arena_printf(&c->arena, "%s/%s/journal", c->config.archive_dir, epoch);
    if (dir == NULL || journal == NULL)
        return cli_no_memory(c);
    enum err e = segment_first(journal, &out->first, &why);
    if (e != ERR_OK)
        return cli_fail(c, e == ERR_DATA_LOSS ? CLI_REFUSED : CLI_TEMPORARY, "%s", why.text);
    return out->first <= 1 ? CLI_OK : open_newest(c, dir, epoch, out);
}

void backup_late_close(struct backup_late *l)
{
    snapshot_close(l->from);
    l->from = NULL;
}

enum err backup_late_each(struct snapshot *from,
                          enum err (*fn)(void *arg, const struct snapshot_record *r), void *arg)
{
    struct snapshot_record r;
    bool end = false;
    enum err e = snapshot_next(from, &r, &end);
    while (e == ERR_OK && !end) {
        e = fn(arg, &r);
        if (e == ERR_OK)
            e = snapshot_next(from, &r, &end);
    }
    return e;
}

struct copy {
    struct snapshot_writer *to;
    enum err (*fn)(void *arg, const struct snapshot_record *r);
    void *arg;
};

static enum err copy_one(void *arg, const struct snapshot_record *r)
{
    struct copy *k = arg;
    enum err e = snapshot_put(k->to, r);
    return e == ERR_OK && k->fn != NULL ? k->fn(k->arg, r) : e;
}

enum err backup_late_copy(struct snapshot *from, const char *dir, const char *epoch,
                          const uint8_t segment[SHA256_BYTES],
                          enum err (*fn)(void *arg, const struct snapshot_record *r), void *arg,
                          struct err_text *why)
{
    char folder[FOLDER_PATH_BYTES];
    struct copy k = {.fn = fn, .arg = arg};
    struct snapshot_head h = {.seq = snapshot_head_of(from)->seq};
    memcpy(h.epoch, epoch, SEGMENT_EPOCH_DIGITS);
    memcpy(h.link, snapshot_head_of(from)->link, sizeof h.link);
    memcpy(h.segment, segment, SHA256_BYTES);
    if (!folder_path(folder, dir, "snapshots"))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    enum err e = snapshot_create(folder, &h, &k.to, why);
    if (e != ERR_OK)
        return e;
    e = backup_late_each(from, copy_one, &k);
    if (e == ERR_OK)
        return snapshot_finish(k.to, NULL, why);
    snapshot_abandon(k.to);
    return err_say(why, e, "%s: %s", folder, err_name(e));
}
