/* See journal_archived.h. */
#include "liuctl/journal_archived.h"

#include <stdlib.h>
#include <string.h>

#include "services/ledger/folder.h"
#include "services/ledger/segment_format.h"

#define LAST_AT 21 /* in a name: "first-last.seg", twenty digits each */

struct reading {
    uint64_t next, store;
    segment_entry_fn *fn;
    void *arg;
};

/* ERR_NOT_FOUND: the next one is not there, and nothing behind it is told. */
static enum err read_one(struct reading *r, const char *dir, const char *name, struct err_text *why)
{
    char path[FOLDER_PATH_BYTES];
    struct segment *s = NULL;
    struct segment_entry e;
    if (strlen(name) <= LAST_AT || strtoull(name, NULL, 10) >= r->store ||
        strtoull(name + LAST_AT, NULL, 10) < r->next)
        return ERR_OK;
    if (!folder_path(path, dir, name))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    enum err x = segment_open(path, &s, why);
    while (x == ERR_OK && segment_next(s, &e)) {
        if (e.pos.seq < r->next || e.pos.seq >= r->store)
            continue;
        x = e.pos.seq == r->next ? r->fn(r->arg, &e) : ERR_NOT_FOUND;
        r->next += x == ERR_OK;
    }
    segment_close(s);
    return x;
}

int journal_archived(struct session *s, uint64_t from, uint64_t store, segment_entry_fn *fn,
                     void *arg, uint64_t *last)
{
    struct cli *c = s->cli;
    struct folder_names l = {0};
    struct err_text why = {""};
    struct reading r = {from, store, fn, arg};
    *last = from - 1;
    if (c->config.archive_dir[0] == '\0')
        return CLI_OK;
    const char *dir =
        arena_printf(&c->arena, "%s/%s/journal", c->config.archive_dir, store_epoch(s->store));
    if (dir == NULL)
        return cli_no_memory(c);
    enum err e = folder_list(dir, SEGMENT_SUFFIX, false, &l, &why);
    for (size_t i = 0; e == ERR_OK && i < l.n; i++)
        e = read_one(&r, dir, l.items[i], &why);
    folder_names_fini(&l);
    *last = r.next - 1;
    return e == ERR_OK || e == ERR_NOT_FOUND ? CLI_OK : cli_fail(c, CLI_TEMPORARY, "%s", why.text);
}
