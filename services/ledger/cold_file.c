/* See cold_file.h. */
#include "services/ledger/cold_file.h"

#include <errno.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "crypto/crypto.h"
#include "services/ledger/folder.h"
#include "store/records.h"

#define MAP_BYTES ((size_t)1 << 40) /* of addresses, not of disk */
#define ROOM_BYTES (512u << 20)     /* more than two commits take; no disk until it is written */
#define KEY_BYTES (4 + COLD_ID_MAX)
#define DIGEST_BYTES 16
#define HEAD_BYTES (8 + 8 + DIGEST_BYTES)

struct cold_file {
    char *dir;
    MDB_env *env; /* NULL = it is to be opened again */
    MDB_dbi records, receipts, expiry, thawed, meta;
    bool no_receipts; /* reading only: of a version that kept none */
    MDB_txn *txn;     /* begun; NULL = none is */
    bool reading;
};

static enum err lmdb(int rc, const char *what, struct err_text *why)
{
    if (rc == 0)
        return ERR_OK;
    if (rc == MDB_NOTFOUND)
        return ERR_NOT_FOUND;
    enum err e = rc == ENOMEM ? ERR_NOMEM
                 : rc == MDB_CORRUPTED || rc == MDB_INVALID || rc == MDB_PAGE_NOTFOUND ||
                         rc == MDB_VERSION_MISMATCH || rc == MDB_PANIC
                     ? ERR_DATA_LOSS
                     : ERR_IO;
    return err_say(why, e, "cold records: %s: %s", what, mdb_strerror(rc));
}

static enum err open_databases(struct cold_file *f, struct err_text *why)
{
    MDB_txn *txn;
    unsigned flags = f->reading ? 0 : MDB_CREATE;
    int rc = mdb_txn_begin(f->env, NULL, f->reading ? MDB_RDONLY : 0, &txn);
    if (rc != 0)
        return lmdb(rc, "open", why);
    rc = mdb_dbi_open(txn, "records", flags, &f->records);
    if (rc == 0)
        rc = mdb_dbi_open(txn, "thawed", flags, &f->thawed);
    if (rc == 0)
        rc = mdb_dbi_open(txn, "meta", flags, &f->meta);
    if (rc == 0)
        rc = mdb_dbi_open(txn, "expiry", flags, &f->expiry);
    if (rc == 0)
        rc = mdb_dbi_open(txn, "receipts", flags, &f->receipts);
    f->no_receipts = rc == MDB_NOTFOUND && f->reading;
    if (f->no_receipts)
        rc = 0;
    if (rc == 0)
        return lmdb(mdb_txn_commit(txn), "open", why);
    mdb_txn_abort(txn);
    return lmdb(rc, "open", why);
}

/* How long the file is, and how long with all its pages. */
static int lengths(const struct cold_file *f, int *fd, uint64_t *is, uint64_t *whole)
{
    MDB_envinfo info;
    MDB_stat pages;
    struct stat st;
    int rc = mdb_env_get_fd(f->env, fd);
    if (rc == 0)
        rc = mdb_env_info(f->env, &info);
    if (rc == 0)
        rc = mdb_env_stat(f->env, &pages);
    if (rc != 0)
        return rc;
    *whole = ((uint64_t)info.me_last_pgno + 1) * pages.ms_psize;
    if (fstat(*fd, &st) != 0) /* last: a writer beside us has made it longer before */
        return errno;
    *is = (uint64_t)st.st_size;
    return 0;
}

/* The file is mapped: a page behind its end would end the process with a signal. */
static enum err check_length(const struct cold_file *f, struct err_text *why)
{
    int fd;
    uint64_t is = 0, whole = 0;
    int rc = lengths(f, &fd, &is, &whole);
    if (rc != 0 || is >= whole)
        return lmdb(rc, "length", why);
    return err_say(why, ERR_DATA_LOSS,
                   "cold records: %s is cut off, %llu of %llu bytes: remove it while the ledger is "
                   "stopped, it is made again of the segments",
                   f->dir, (unsigned long long)is, (unsigned long long)whole);
}

/* LMDB does not write the last pages of a commit when they are free already: so that what is
 * shorter than its pages was cut off, also after a kill, the file is longer than a commit needs,
 * beforehand. */
static enum err lengthen(const struct cold_file *f, struct err_text *why)
{
    int fd;
    uint64_t is = 0, whole = 0;
    int rc = lengths(f, &fd, &is, &whole);
    if (rc == 0 && is < whole + ROOM_BYTES / 2 &&
        (ftruncate(fd, (off_t)(whole + ROOM_BYTES)) != 0 || fsync(fd) != 0))
        rc = errno;
    return lmdb(rc, "length", why);
}

static void shut(struct cold_file *f)
{
    if (f->env != NULL)
        mdb_env_close(f->env);
    f->env = NULL;
}

static enum err open_env(struct cold_file *f, struct err_text *why)
{
    int rc = mdb_env_create(&f->env);
    if (rc == 0)
        rc = mdb_env_set_mapsize(f->env, MAP_BYTES);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(f->env, 5);
    if (rc == 0)
        rc = mdb_env_open(f->env, f->dir,
                          MDB_NOTLS | MDB_NORDAHEAD | (f->reading ? MDB_RDONLY : 0u), 0600);
    if (rc == 0 && !f->reading) {
        int dead; /* readers that were killed would keep old pages for ever */
        rc = mdb_reader_check(f->env, &dead);
    }
    enum err e = lmdb(rc, f->dir, why);
    if (e == ERR_OK)
        e = check_length(f, why);
    if (e == ERR_OK && !f->reading)
        e = lengthen(f, why);
    if (e == ERR_OK)
        e = open_databases(f, why);
    if (e != ERR_OK)
        shut(f);
    return e;
}

enum err cold_open(const char *dir, bool reading, struct cold_file **out, struct err_text *why)
{
    struct stat st;
    enum err e = ERR_OK;
    if (reading && stat(dir, &st) != 0)
        return err_say(why, ERR_NOT_FOUND, "%s: there are no cold records", dir);
    if (!reading)
        e = folder_make(dir, why);
    if (e != ERR_OK)
        return e;
    struct cold_file *f = calloc(1, sizeof *f);
    if (f == NULL)
        return ERR_NOMEM;
    f->reading = reading;
    f->dir = strdup(dir);
    e = f->dir == NULL ? ERR_NOMEM : open_env(f, why);
    if (e != ERR_OK) {
        cold_close(f);
        return e;
    }
    *out = f;
    return ERR_OK;
}

void cold_close(struct cold_file *f)
{
    if (f == NULL)
        return;
    cold_abandon(f);
    shut(f);
    free(f->dir);
    free(f);
}

/* When the disk fails at the last page of a commit, LMDB gives up until it is opened again; what is
 * on the disk is whole, with that commit or without it. */
static enum err begin(struct cold_file *f, unsigned flags, const char *what, MDB_txn **out,
                      struct err_text *why)
{
    int rc = f->env == NULL ? MDB_PANIC : mdb_txn_begin(f->env, NULL, flags, out);
    if (rc == MDB_PANIC) {
        shut(f);
        enum err e = open_env(f, why);
        if (e != ERR_OK)
            return e;
        rc = mdb_txn_begin(f->env, NULL, flags, out);
    }
    return lmdb(rc, what, why);
}

/* The transaction that is open, or one for reading alone. */
static enum err read_begin(struct cold_file *f, MDB_txn **out, struct err_text *why)
{
    *out = f->txn;
    return f->txn != NULL ? ERR_OK : begin(f, MDB_RDONLY, "read", out, why);
}

static void read_end(struct cold_file *f, MDB_txn *txn)
{
    if (txn != f->txn)
        mdb_txn_abort(txn);
}

enum err cold_begin(struct cold_file *f, struct err_text *why)
{
    enum err e = begin(f, 0, "write", &f->txn, why);
    if (e == ERR_OK)
        e = lengthen(f, why);
    if (e != ERR_OK)
        cold_abandon(f);
    return e;
}

enum err cold_commit(struct cold_file *f, struct err_text *why)
{
    MDB_txn *txn = f->txn;
    f->txn = NULL;
    enum err e = lmdb(mdb_txn_commit(txn), "write", why);
    return e == ERR_OK ? lengthen(f, why) : e;
}

void cold_abandon(struct cold_file *f)
{
    if (f->txn != NULL)
        mdb_txn_abort(f->txn);
    f->txn = NULL;
}

static size_t key_of(uint8_t out[KEY_BYTES], uint32_t kind, const char *id, size_t id_bytes)
{
    be32_put(out, kind);
    memcpy(out + 4, id, id_bytes);
    return 4 + id_bytes;
}

static enum err digest_of(const uint8_t *key, size_t key_bytes, const uint8_t fixed[16],
                          const uint8_t *value, size_t bytes, uint8_t out[SHA256_BYTES])
{
    static const char domain[] = "ismap-liu/v1/cold";
    uint8_t length[4];
    be32_put(length, (uint32_t)key_bytes);
    struct crypto_part parts[] = {
        {domain, sizeof domain}, {length, 4}, {key, key_bytes}, {fixed, 16}, {value, bytes}};
    return crypto_sha256_any_thread(parts, sizeof parts / sizeof parts[0], out);
}

/* ---- records */

static MDB_dbi table_of(const struct cold_file *f, uint32_t kind)
{
    return kind == RECORD_RECEIPT ? f->receipts : f->records;
}

static size_t expiry_of(uint8_t out[8 + KEY_BYTES], int64_t drop_ms, const MDB_val *key)
{
    be64_put(out, (uint64_t)drop_ms);
    memcpy(out + 8, key->mv_data, key->mv_size);
    return 8 + key->mv_size;
}

static enum err put_expiry(struct cold_file *f, int64_t drop_ms, const MDB_val *key,
                           uint8_t revision[8], struct err_text *why)
{
    uint8_t at[8 + KEY_BYTES];
    MDB_val k = {expiry_of(at, drop_ms, key), at};
    MDB_val v = {8, revision};
    return lmdb(mdb_put(f->txn, f->expiry, &k, &v, 0), "write", why);
}

/* Its time is over, unless a later use of its id has come into its place. */
static int drop_one(struct cold_file *f, MDB_val *key, const MDB_val *revision)
{
    MDB_val there;
    int rc = mdb_get(f->txn, f->receipts, key, &there);
    bool later = rc == 0 && revision->mv_size == 8 && there.mv_size >= 8 &&
                 memcmp(there.mv_data, revision->mv_data, 8) != 0;
    return rc != 0 || later ? rc : mdb_del(f->txn, f->receipts, key, NULL);
}

enum err cold_drop(struct cold_file *f, int64_t now_ms, size_t max, struct err_text *why)
{
    uint8_t copy[KEY_BYTES];
    MDB_cursor *c;
    MDB_val at, v;
    enum err e = lmdb(mdb_cursor_open(f->txn, f->expiry, &c), "write", why);
    if (e != ERR_OK)
        return e;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < max; i++) {
        rc = mdb_cursor_get(c, &at, &v, MDB_FIRST);
        if (rc != 0 || at.mv_size <= 8 || (int64_t)be64_get(at.mv_data) > now_ms)
            break;
        MDB_val key = {at.mv_size - 8, copy};
        if (key.mv_size > sizeof(copy))
            break;
        memcpy(copy, (const uint8_t *)at.mv_data + 8, key.mv_size);
        rc = drop_one(f, &key, &v);
        if (rc == 0 || rc == MDB_NOTFOUND)
            rc = mdb_cursor_del(c, 0);
    }
    mdb_cursor_close(c);
    return rc == 0 || rc == MDB_NOTFOUND ? ERR_OK : lmdb(rc, "write", why);
}

enum err cold_put(struct cold_file *f, const struct cold_record *r, struct err_text *why)
{
    uint8_t key[KEY_BYTES];
    uint8_t digest[SHA256_BYTES];
    uint8_t fixed[16];
    MDB_val value;
    if (r->id_bytes == 0 || r->id_bytes > COLD_ID_MAX)
        return ERR_INVAL;
    MDB_val k = {key_of(key, r->kind, r->id, r->id_bytes), key};
    int rc = mdb_get(f->txn, table_of(f, r->kind), &k, &value);
    if (rc == 0 && value.mv_size >= HEAD_BYTES && be64_get(value.mv_data) >= r->revision)
        return ERR_OK;
    if (rc != 0 && rc != MDB_NOTFOUND)
        return lmdb(rc, "read", why);
    be64_put(fixed, r->revision);
    be64_put(fixed + 8, r->seq);
    enum err e = digest_of(key, k.mv_size, fixed, r->value, r->bytes, digest);
    if (e != ERR_OK)
        return e;
    value = (MDB_val){HEAD_BYTES + r->bytes, NULL};
    rc = mdb_put(f->txn, table_of(f, r->kind), &k, &value, MDB_RESERVE);
    if (rc != 0)
        return lmdb(rc, "write", why);
    uint8_t *p = value.mv_data;
    memcpy(p, fixed, sizeof(fixed));
    memcpy(p + sizeof(fixed), digest, DIGEST_BYTES);
    if (r->bytes > 0)
        memcpy(p + HEAD_BYTES, r->value, r->bytes);
    return r->kind == RECORD_RECEIPT ? put_expiry(f, r->drop_ms, &k, fixed, why) : ERR_OK;
}

/* What it points to is the database's. */
static enum err decode(const MDB_val *k, const MDB_val *v, struct cold_record *out,
                       struct err_text *why)
{
    uint8_t digest[SHA256_BYTES];
    const uint8_t *key = k->mv_data;
    const uint8_t *p = v->mv_data;
    if (k->mv_size < 4 || v->mv_size < HEAD_BYTES)
        return err_say(why, ERR_DATA_LOSS, "a cold record has not its form");
    *out = (struct cold_record){.kind = be32_get(key),
                                .id = (const char *)key + 4,
                                .id_bytes = k->mv_size - 4,
                                .revision = be64_get(p),
                                .seq = be64_get(p + 8),
                                .value = p + HEAD_BYTES,
                                .bytes = v->mv_size - HEAD_BYTES};
    enum err e = digest_of(key, k->mv_size, p, out->value, out->bytes, digest);
    if (e == ERR_OK && memcmp(digest, p + 16, DIGEST_BYTES) != 0)
        e = err_say(why, ERR_DATA_LOSS, "cold record %u/%.*s: it is not as it was written",
                    out->kind, (int)out->id_bytes, out->id);
    return e;
}

enum err cold_get(struct cold_file *f, uint32_t kind, const char *id, size_t id_bytes,
                  struct buf *data, struct cold_record *out, struct err_text *why)
{
    uint8_t key[KEY_BYTES];
    MDB_val value;
    MDB_txn *txn;
    if (id_bytes == 0 || id_bytes > COLD_ID_MAX)
        return ERR_NOT_FOUND;
    enum err e = read_begin(f, &txn, why);
    if (e != ERR_OK)
        return e;
    MDB_val k = {key_of(key, kind, id, id_bytes), key};
    e = kind == RECORD_RECEIPT && f->no_receipts
            ? ERR_NOT_FOUND
            : lmdb(mdb_get(txn, table_of(f, kind), &k, &value), "read", why);
    if (e == ERR_OK)
        e = decode(&k, &value, out, why);
    if (e == ERR_OK && data != NULL && out->bytes > 0)
        e = buf_put(data, out->value, out->bytes);
    read_end(f, txn);
    out->id = id;
    out->id_bytes = id_bytes;
    out->value = NULL;
    return e;
}

/* ---- walks */

enum err cold_each_record(struct cold_file *f, uint32_t kind, const char *after, cold_each_fn *fn,
                          void *arg, struct err_text *why)
{
    uint8_t key[KEY_BYTES + 1];
    MDB_cursor *c;
    MDB_txn *txn;
    size_t n = strlen(after);
    if (n > COLD_ID_MAX)
        return ERR_INVAL;
    enum err e = read_begin(f, &txn, why);
    if (e != ERR_OK)
        return e;
    if (kind == RECORD_RECEIPT && f->no_receipts) {
        read_end(f, txn);
        return ERR_OK;
    }
    e = lmdb(mdb_cursor_open(txn, table_of(f, kind), &c), "read", why);
    if (e != ERR_OK) {
        read_end(f, txn);
        return e;
    }
    MDB_val k = {key_of(key, kind, after, n), key};
    key[k.mv_size] = 0; /* the first key behind it */
    k.mv_size += n > 0;
    MDB_val v;
    struct cold_record r;
    bool more = true;
    int rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
    while (rc == 0 && e == ERR_OK && more) {
        e = decode(&k, &v, &r, why);
        more = e == ERR_OK && r.kind == kind && fn(arg, &r);
        if (more)
            rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    }
    if (e == ERR_OK && rc != 0 && rc != MDB_NOTFOUND)
        e = lmdb(rc, "read", why);
    mdb_cursor_close(c);
    read_end(f, txn);
    return e;
}

enum err cold_each_thawed(struct cold_file *f, int64_t before_ms, cold_each_fn *fn, void *arg,
                          struct err_text *why)
{
    MDB_cursor *c;
    MDB_txn *txn;
    enum err e = read_begin(f, &txn, why);
    if (e != ERR_OK)
        return e;
    e = lmdb(mdb_cursor_open(txn, f->thawed, &c), "read", why);
    if (e != ERR_OK) {
        read_end(f, txn);
        return e;
    }
    MDB_val k, v;
    bool more = true;
    int rc = 0;
    while (more && (rc = mdb_cursor_get(c, &k, &v, MDB_NEXT)) == 0) {
        const uint8_t *p = k.mv_data;
        if (k.mv_size <= 4 || v.mv_size != 8 || (int64_t)be64_get(v.mv_data) >= before_ms)
            continue;
        struct cold_record r = {
            .kind = be32_get(p), .id = (const char *)p + 4, .id_bytes = k.mv_size - 4};
        more = fn(arg, &r);
    }
    if (rc != 0 && rc != MDB_NOTFOUND)
        e = lmdb(rc, "read", why);
    mdb_cursor_close(c);
    read_end(f, txn);
    return e;
}

/* ---- what is around them */

static enum err set_meta(struct cold_file *f, const char *name, uint64_t seq, struct err_text *why)
{
    uint8_t be[8];
    be64_put(be, seq);
    MDB_val k = {strlen(name), (void *)(uintptr_t)name};
    MDB_val v = {sizeof(be), be};
    return lmdb(mdb_put(f->txn, f->meta, &k, &v, 0), "write", why);
}

enum err cold_set_stored(struct cold_file *f, uint64_t seq, struct err_text *why)
{
    return set_meta(f, "stored", seq, why);
}

enum err cold_set_frozen(struct cold_file *f, uint64_t seq, struct err_text *why)
{
    return set_meta(f, "frozen", seq, why);
}

enum err cold_set_thawed(struct cold_file *f, uint32_t kind, const char *id, size_t id_bytes,
                         int64_t at_ms, struct err_text *why)
{
    uint8_t key[KEY_BYTES];
    uint8_t be[8];
    if (id_bytes == 0 || id_bytes > COLD_ID_MAX)
        return ERR_INVAL;
    MDB_val k = {key_of(key, kind, id, id_bytes), key};
    be64_put(be, (uint64_t)at_ms);
    MDB_val v = {sizeof(be), be};
    return lmdb(mdb_put(f->txn, f->thawed, &k, &v, 0), "write", why);
}

enum err cold_clear_thawed(struct cold_file *f, uint32_t kind, const char *id, size_t id_bytes,
                           int64_t before_ms, struct err_text *why)
{
    uint8_t key[KEY_BYTES];
    MDB_val v;
    if (id_bytes == 0 || id_bytes > COLD_ID_MAX)
        return ERR_INVAL;
    MDB_val k = {key_of(key, kind, id, id_bytes), key};
    int rc = mdb_get(f->txn, f->thawed, &k, &v);
    if (rc == MDB_NOTFOUND ||
        (rc == 0 && v.mv_size == 8 && (int64_t)be64_get(v.mv_data) >= before_ms))
        return ERR_OK;
    return lmdb(rc == 0 ? mdb_del(f->txn, f->thawed, &k, NULL) : rc, "write", why);
}

static enum err get_meta(struct cold_file *f, MDB_txn *txn, const char *name, uint64_t *out,
                         struct err_text *why)
{
    MDB_val k = {strlen(name), (void *)(uintptr_t)name};
    MDB_val v;
    *out = 0;
    int rc = mdb_get(txn, f->meta, &k, &v);
    if (rc == MDB_NOTFOUND)
        return ERR_OK;
    if (rc == 0 && v.mv_size != 8)
        return err_say(why, ERR_DATA_LOSS, "cold records: %s has not its form", name);
    if (rc == 0)
        *out = be64_get(v.mv_data);
    return lmdb(rc, "read", why);
}

enum err cold_state(struct cold_file *f, struct cold_state *out, struct err_text *why)
{
    MDB_stat records = {0}, receipts = {0}, thawed = {0};
    MDB_envinfo info = {0};
    MDB_txn *txn;
    *out = (struct cold_state){0};
    enum err e = read_begin(f, &txn, why);
    if (e != ERR_OK)
        return e;
    e = get_meta(f, txn, "stored", &out->stored, why);
    if (e == ERR_OK)
        e = get_meta(f, txn, "frozen", &out->frozen, why);
    if (e == ERR_OK)
        e = lmdb(mdb_stat(txn, f->records, &records), "read", why);
    if (e == ERR_OK && !f->no_receipts)
        e = lmdb(mdb_stat(txn, f->receipts, &receipts), "read", why);
    if (e == ERR_OK)
        e = lmdb(mdb_stat(txn, f->thawed, &thawed), "read", why);
    if (e == ERR_OK)
        e = lmdb(mdb_env_info(f->env, &info), "read", why);
    out->records = records.ms_entries;
    out->receipts = receipts.ms_entries;
    out->thawed = thawed.ms_entries;
    out->file_bytes = (info.me_last_pgno + 1) * records.ms_psize;
    read_end(f, txn);
    return e;
}
