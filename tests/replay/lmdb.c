/* LMDB, as far as the ledger's table uses it, on the disk of files.h: what a transaction has
 * written is on the disk when it ends, or has not happened; the file itself is a name in its folder
 * and may be lost with it. When the second page of a transaction cannot be written the database
 * gives up for good (MDB_PANIC), as LMDB does.
 */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "replay/files_private.h"
#include "replay/sim.h"

#define DBS 8
#define PAGE_BYTES 4096
#define PAGES_EACH 16 /* entries of a page, about */

struct item { /* key, then value */
    uint8_t *data;
    size_t key_bytes, bytes;
};

struct db {
    char name[16];
    struct item *items; /* by key */
    size_t n, cap;
};

struct database { /* what a file holds */
    struct database *next;
    const struct inode *inode;
    struct db dbs[DBS];
};

struct edit {
    struct edit *next;
    MDB_dbi dbi;
    struct item now; /* the key; bytes are none */
    struct item was; /* data NULL = it was not there */
};

struct MDB_env {
    struct database *database;
    bool panics;
};

struct MDB_txn {
    struct MDB_env *env;
    bool writes, changed;
    struct edit *edits; /* the last one first */
};

struct MDB_cursor {
    struct MDB_txn *txn;
    MDB_dbi dbi;
    size_t at;
    bool set;
};

static struct database *databases;

/* ---- sorted items */

static int compare(const struct item *i, const MDB_val *key)
{
    size_t n = i->key_bytes < key->mv_size ? i->key_bytes : key->mv_size;
    int order = memcmp(i->data, key->mv_data, n);
    return order != 0 ? order : (i->key_bytes > key->mv_size) - (i->key_bytes < key->mv_size);
}

/* The first one that is not before the key. */
static size_t find(const struct db *d, const MDB_val *key, bool *is)
{
    size_t low = 0, high = d->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&d->items[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *is = low < d->n && compare(&d->items[low], key) == 0;
    return low;
}

static struct item item_new(const MDB_val *key, const void *value, size_t bytes)
{
    struct item i = {.key_bytes = key->mv_size, .bytes = bytes};
    i.data = sim_need(calloc(1, key->mv_size + bytes + 1));
    memcpy(i.data, key->mv_data, key->mv_size);
    if (value != NULL && bytes > 0)
        memcpy(i.data + key->mv_size, value, bytes);
    return i;
}

static void insert(struct db *d, size_t at, struct item i)
{
    if (d->n == d->cap) {
        d->cap = d->cap == 0 ? 32 : 2 * d->cap;
        d->items = sim_need(realloc(d->items, d->cap * sizeof *d->items));
    }
    memmove(&d->items[at + 1], &d->items[at], (d->n - at) * sizeof *d->items);
    d->items[at] = i;
    d->n++;
}

static void take_out(struct db *d, size_t at)
{
    d->n--;
    memmove(&d->items[at], &d->items[at + 1], (d->n - at) * sizeof *d->items);
}

static struct db *db_of(const struct MDB_txn *t, MDB_dbi dbi)
{
    return &t->env->database->dbs[dbi];
}

/* ---- life */

int mdb_env_create(MDB_env **env)
{
    *env = calloc(1, sizeof **env);
    return *env == NULL ? ENOMEM : 0;
}

int mdb_env_set_mapsize(MDB_env *env, size_t size)
{
    (void)env, (void)size;
    return 0;
}

int mdb_env_set_maxdbs(MDB_env *env, MDB_dbi dbs)
{
    (void)env;
    return dbs <= DBS ? 0 : EINVAL;
}

int mdb_env_open(MDB_env *env, const char *path, unsigned int flags, mdb_mode_t mode)
{
    char file[FILES_PATH];
    (void)snprintf(file, sizeof file, "%s/data.mdb", path);
    int fd = open(file, (flags & MDB_RDONLY) != 0 ? O_RDONLY : O_RDWR | O_CREAT, mode);
    if (fd < 0)
        return errno;
    (void)close(fd);
    const struct inode *inode = files_find(file);
    memory_calm();
    for (env->database = databases; env->database != NULL; env->database = env->database->next)
        if (env->database->inode == inode)
            break;
    if (env->database == NULL) {
        env->database = sim_need(calloc(1, sizeof *env->database));
        env->database->inode = inode;
        env->database->next = databases;
        databases = env->database;
    }
    memory_uncalm();
    return 0;
}

void mdb_env_close(MDB_env *env)
{
    free(env);
}

int mdb_reader_check(MDB_env *env, int *dead)
{
    (void)env;
    *dead = 0;
    return 0;
}

char *mdb_strerror(int err)
{
    return err == MDB_PANIC ? (char *)(uintptr_t) "MDB_PANIC" : strerror(err);
}

static void db_empty(struct db *d)
{
    for (size_t i = 0; i < d->n; i++)
        free(d->items[i].data);
    free(d->items);
    *d = (struct db){.n = 0};
}

void lmdb_end(void)
{
    while (databases != NULL) {
        struct database *d = databases;
        databases = d->next;
        for (size_t i = 0; i < DBS; i++)
            db_empty(&d->dbs[i]);
        free(d);
    }
}

/* ---- transactions */

int mdb_txn_begin(MDB_env *env, MDB_txn *parent, unsigned int flags, MDB_txn **txn)
{
    (void)parent;
    if (env->panics)
        return MDB_PANIC;
    *txn = calloc(1, sizeof **txn);
    if (*txn == NULL)
        return ENOMEM;
    **txn = (struct MDB_txn){.env = env, .writes = (flags & MDB_RDONLY) == 0};
    return 0;
}

static void undo(MDB_txn *txn, const struct edit *c)
{
    struct db *d = db_of(txn, c->dbi);
    const MDB_val key = {c->now.key_bytes, c->now.data};
    bool is;
    size_t at = find(d, &key, &is);
    if (is) {
        free(d->items[at].data);
        take_out(d, at);
    }
    if (c->was.data != NULL)
        insert(d, at, c->was);
}

static void end(MDB_txn *txn, bool holds)
{
    while (txn->edits != NULL) {
        struct edit *c = txn->edits;
        txn->edits = c->next;
        if (holds)
            free(c->was.data);
        else
            undo(txn, c);
        free(c->now.data);
        free(c);
    }
    free(txn);
}

void mdb_txn_abort(MDB_txn *txn)
{
    memory_calm();
    end(txn, false);
    memory_uncalm();
}

int mdb_txn_commit(MDB_txn *txn)
{
    struct MDB_env *env = txn->env;
    int why = 0;
    bool holds = true;
    if (txn->changed && !files_may_change()) { /* its pages */
        why = errno;
        holds = false;
    } else if (txn->changed && !files_may_change()) { /* the page that makes it hold */
        why = errno;
        env->panics = true;
        holds = files_is_cut() && rng_below(&sim.rng, 2) == 0;
    }
    memory_calm();
    end(txn, holds);
    memory_uncalm();
    return why;
}

int mdb_dbi_open(MDB_txn *txn, const char *name, unsigned int flags, MDB_dbi *dbi)
{
    for (MDB_dbi i = 0; i < DBS; i++) {
        struct db *d = db_of(txn, i);
        if (d->name[0] == '\0' && (flags & MDB_CREATE) == 0)
            return MDB_NOTFOUND;
        if (d->name[0] != '\0' && strcmp(d->name, name) != 0)
            continue;
        txn->changed = txn->changed || d->name[0] == '\0';
        (void)snprintf(d->name, sizeof d->name, "%s", name);
        *dbi = i;
        return 0;
    }
    return MDB_DBS_FULL;
}

int mdb_stat(MDB_txn *txn, MDB_dbi dbi, MDB_stat *stat)
{
    *stat = (MDB_stat){.ms_psize = PAGE_BYTES, .ms_entries = db_of(txn, dbi)->n};
    return 0;
}

int mdb_env_info(MDB_env *env, MDB_envinfo *info)
{
    *info = (MDB_envinfo){.me_last_pgno = 1};
    for (size_t i = 0; i < DBS; i++)
        info->me_last_pgno += env->database->dbs[i].n / PAGES_EACH;
    return 0;
}

/* The file holds no pages here, so it is never too short for them; its length is that of another
 * one. */
int mdb_env_stat(MDB_env *env, MDB_stat *stat)
{
    (void)env;
    *stat = (MDB_stat){.ms_psize = 0};
    return 0;
}

int mdb_env_get_fd(MDB_env *env, mdb_filehandle_t *fd)
{
    static int length = -1;
    (void)env;
    if (length < 0)
        length = memfd_create("cold", MFD_CLOEXEC);
    *fd = length;
    return length < 0 ? errno : 0;
}

/* ---- items */

int mdb_get(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
    const struct db *d = db_of(txn, dbi);
    bool is;
    size_t at = find(d, key, &is);
    if (!is)
        return MDB_NOTFOUND;
    *data = (MDB_val){d->items[at].bytes, d->items[at].data + d->items[at].key_bytes};
    return 0;
}

/* For undoing it. */
static void note(MDB_txn *txn, MDB_dbi dbi, const MDB_val *key, struct item was)
{
    struct edit *c = sim_need(calloc(1, sizeof *c));
    *c = (struct edit){.next = txn->edits, .dbi = dbi, .now = item_new(key, NULL, 0), .was = was};
    txn->edits = c;
    txn->changed = true;
}

int mdb_put(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data, unsigned int flags)
{
    struct db *d = db_of(txn, dbi);
    struct item was = {.data = NULL};
    bool is;
    if (!txn->writes || key->mv_size == 0 || key->mv_size > 511)
        return !txn->writes ? EACCES : MDB_BAD_VALSIZE;
    memory_calm();
    size_t at = find(d, key, &is);
    struct item i = item_new(key, (flags & MDB_RESERVE) != 0 ? NULL : data->mv_data, data->mv_size);
    if (is) {
        was = d->items[at];
        d->items[at] = i;
    } else {
        insert(d, at, i);
    }
    note(txn, dbi, key, was);
    memory_uncalm();
    if ((flags & MDB_RESERVE) != 0)
        data->mv_data = i.data + i.key_bytes;
    return 0;
}

static int remove_at(MDB_txn *txn, MDB_dbi dbi, size_t at)
{
    struct db *d = db_of(txn, dbi);
    struct item was = d->items[at];
    const MDB_val key = {was.key_bytes, was.data};
    if (!txn->writes)
        return EACCES;
    memory_calm();
    take_out(d, at);
    note(txn, dbi, &key, was);
    memory_uncalm();
    return 0;
}

int mdb_del(MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *data)
{
    (void)data;
    bool is;
    size_t at = find(db_of(txn, dbi), key, &is);
    return is ? remove_at(txn, dbi, at) : MDB_NOTFOUND;
}

/* ---- walks */

int mdb_cursor_open(MDB_txn *txn, MDB_dbi dbi, MDB_cursor **cursor)
{
    *cursor = calloc(1, sizeof **cursor);
    if (*cursor == NULL)
        return ENOMEM;
    **cursor = (struct MDB_cursor){.txn = txn, .dbi = dbi};
    return 0;
}

void mdb_cursor_close(MDB_cursor *cursor)
{
    free(cursor);
}

int mdb_cursor_get(MDB_cursor *c, MDB_val *key, MDB_val *data, MDB_cursor_op op)
{
    const struct db *d = db_of(c->txn, c->dbi);
    bool is;
    if (op == MDB_SET_RANGE)
        c->at = find(d, key, &is);
    else if (op == MDB_FIRST || (op == MDB_NEXT && !c->set))
        c->at = 0;
    else if (op == MDB_NEXT)
        c->at++;
    else
        return EINVAL;
    c->set = true;
    if (c->at >= d->n)
        return MDB_NOTFOUND;
    const struct item *i = &d->items[c->at];
    *key = (MDB_val){i->key_bytes, i->data};
    *data = (MDB_val){i->bytes, i->data + i->key_bytes};
    return 0;
}

int mdb_cursor_del(MDB_cursor *c, unsigned int flags)
{
    (void)flags;
    return remove_at(c->txn, c->dbi, c->at);
}
