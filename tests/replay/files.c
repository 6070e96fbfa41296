/* See files.h: names, what of them is on the disk, and losses of power. */
#include "replay/files_private.h"

#include <stdlib.h>
#include <string.h>

#include "replay/sim.h"

struct files files;
struct files_count files_count;

/* ---- what a name stands for */

struct inode *inode_new(bool is_dir)
{
    struct inode *i = sim_need(calloc(1, sizeof *i));
    i->is_dir = is_dir;
    i->next = files.inodes;
    files.inodes = i;
    return i;
}

static void name_set(struct name **all, const char *path, struct inode *i)
{
    struct name *e = NULL;
    HASH_FIND_STR(*all, path, e);
    if (e != NULL && i == NULL) {
        HASH_DEL(*all, e);
        free(e);
    } else if (e != NULL) {
        e->inode = i;
    } else if (i != NULL) {
        size_t n = strlen(path) + 1;
        e = sim_need(calloc(1, sizeof *e + n));
        memcpy(e->path, path, n);
        e->inode = i;
        HASH_ADD_STR(*all, path, e);
    }
}

size_t files_parent(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (size_t)(slash - path);
}

/* With all folders above it. */
static bool is_on_disk(const char *path)
{
    for (size_t n = strlen(path); n >= sizeof FILES_TOP; n--) {
        struct name *e = NULL;
        if (path[n] != '\0' && path[n] != '/')
            continue;
        HASH_FIND(hh, files.on_disk, path, (unsigned)n, e);
        if (e == NULL)
            return false;
    }
    return true;
}

struct inode *files_find(const char *path)
{
    struct name *e = NULL;
    if (!files.sees_disk)
        HASH_FIND_STR(files.names, path, e);
    else if (is_on_disk(path))
        HASH_FIND_STR(files.on_disk, path, e);
    return e == NULL ? NULL : e->inode;
}

void files_change(const char *path, struct inode *i, const char *from)
{
    struct change *c = sim_need(calloc(1, sizeof *c));
    (void)snprintf(c->path, sizeof c->path, "%s", path);
    (void)snprintf(c->from, sizeof c->from, "%s", from == NULL ? "" : from);
    c->inode = i;
    if (files.last_change == NULL)
        files.changes = c;
    else
        files.last_change->next = c;
    files.last_change = c;
    name_set(&files.names, path, i);
    if (from != NULL)
        name_set(&files.names, from, NULL);
    files.dir_changes++;
    size_t n = files_parent(path);
    char dir[FILES_PATH];
    (void)snprintf(dir, sizeof dir, "%.*s", (int)n, path);
    struct inode *d = files_find(dir);
    if (d != NULL)
        d->changed = files.dir_changes;
}

static void to_disk(const struct change *c)
{
    name_set(&files.on_disk, c->path, c->inode);
    if (c->from[0] != '\0')
        name_set(&files.on_disk, c->from, NULL);
}

static bool is_in(const char *path, const char *dir)
{
    size_t n = files_parent(path);
    return strlen(dir) == n && memcmp(path, dir, n) == 0;
}

void files_sync_dir(const char *dir)
{
    struct change **at = &files.changes;
    files.last_change = NULL;
    while (*at != NULL) {
        struct change *c = *at;
        if (!is_in(c->path, dir)) {
            files.last_change = c;
            at = &c->next;
            continue;
        }
        to_disk(c);
        *at = c->next;
        free(c);
    }
}

void files_sync_bytes(struct inode *i)
{
    free(i->disk);
    i->disk = sim_need(malloc(i->n + 1));
    if (i->n > 0)
        memcpy(i->disk, i->data, i->n);
    i->n_disk = i->n;
    i->synced = true;
}

/* ---- loss of power */

/* Of each folder a beginning of what was not synced. */
static void lose_names(void)
{
    char stops[LOST_DIRS][FILES_PATH];
    size_t n_stops = 0;
    for (struct change *c = files.changes, *next; c != NULL; c = next) {
        bool stopped = false;
        next = c->next;
        for (size_t i = 0; i < n_stops; i++)
            stopped = stopped || is_in(c->path, stops[i]);
        if (!stopped && n_stops < LOST_DIRS && rng_below(&sim.rng, 2) == 0) {
            (void)snprintf(stops[n_stops++], FILES_PATH, "%.*s", (int)files_parent(c->path),
                           c->path);
            stopped = true;
        }
        if (!stopped)
            to_disk(c);
        free(c);
    }
    files.changes = files.last_change = NULL;
}

static void lose_bytes(struct inode *i)
{
    if (i->is_dir || i->synced)
        return;
    uint64_t dice = rng_below(&sim.rng, 3);
    if (dice == 0) {      /* what it was, or nothing */
        i->n = i->n_disk; /* what was synced was in `data` once: there is room for it */
        if (i->n > 0)
            memcpy(i->data, i->disk, i->n);
    } else if (dice == 1) {
        i->n = (size_t)rng_below(&sim.rng, i->n + 1);
    }
    files_sync_bytes(i);
}

/* A file whose folder is not there is not there. */
static void lose_orphans(void)
{
    struct name *e, *next;
    HASH_ITER(hh, files.on_disk, e, next)
    {
        if (is_on_disk(e->path))
            continue;
        HASH_DEL(files.on_disk, e);
        free(e);
    }
}

static void names_free(struct name **all)
{
    struct name *e, *next;
    HASH_ITER(hh, *all, e, next)
    {
        HASH_DEL(*all, e);
        free(e);
    }
}

void files_power_loss(void)
{
    struct name *e, *next;
    sim_trace("power is lost: what was not synced is gone, or some of it");
    files_count.losses++;
    lose_names();
    for (struct inode *i = files.inodes; i != NULL; i = i->next)
        lose_bytes(i);
    lose_orphans();
    names_free(&files.names);
    HASH_ITER(hh, files.on_disk, e, next)
    {
        name_set(&files.names, e->path, e->inode);
    }
    files.dir_changes++;
    for (struct inode *i = files.inodes; i != NULL; i = i->next)
        if (i->is_dir)
            i->changed = files.dir_changes;
}

/* ---- the worker's end */

void files_cut_after(uint64_t n)
{
    files.cutting = true;
    files.left = n;
}

bool files_is_cut(void)
{
    return files.cutting && files.left == 0;
}

void files_uncut(void)
{
    files_count.cut += files_is_cut();
    files.cutting = false;
}

bool files_last_change(void)
{
    return files.cutting && files.left > 0 && --files.left == 0;
}

void files_see_disk(bool on)
{
    files.sees_disk = on;
}

/* ---- life */

void files_begin(void)
{
    static const char *const tops[] = {"/", FILES_TOP};
    files = (struct files){.dir_changes = 1};
    for (size_t i = 0; i < 2; i++) {
        name_set(&files.names, tops[i], inode_new(true));
        name_set(&files.on_disk, tops[i], files.inodes);
    }
}

void files_end(void)
{
    for (struct change *c = files.changes, *next; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    names_free(&files.names);
    names_free(&files.on_disk);
    for (struct inode *i = files.inodes, *next; i != NULL; i = next) {
        next = i->next;
        free(i->data);
        free(i->disk);
        free(i);
    }
    files = (struct files){.dir_changes = 0};
}
