/* See backup_set.h. */
#include "liuctl/backup_set.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/text.h"

#define FILE_BYTES_MAX (1024LL * 1024 * 1024)
#define RECORD_OVERHEAD_BYTES 96 /* of a field of a hash: two strings, a place in its table */

bool backup_kind(enum record_kind kind)
{
    return record_journaled(kind);
}

struct backup_record *backup_records_find(struct backup_records *r, int kind, const char *id)
{
    char key[160];
    struct backup_record *m = NULL;
    (void)snprintf(key, sizeof key, "%d/%s", kind, id);
    HASH_FIND_STR(r->all, key, m);
    return m;
}

static enum err take_put(struct backup_records *r, const Ismap__Liu__V1__RecordPut *p)
{
    struct backup_record *m = backup_records_find(r, (int)p->kind, p->id);
    if (m == NULL) {
        m = calloc(1, sizeof *m);
        if (m == NULL)
            return ERR_NOMEM;
        (void)snprintf(m->key, sizeof m->key, "%u/%s", p->kind, p->id);
        HASH_ADD_STR(r->all, key, m);
    }
    m->revision = p->revision;
    m->bytes = p->value.len;
    struct crypto_part part = {p->value.data, p->value.len};
    return crypto_sha256(&part, 1, m->digest);
}

enum err backup_records_take(struct backup_records *r, const Ismap__Liu__V1__JournalEntry *e)
{
    enum err x = ERR_OK;
    for (size_t i = 0; x == ERR_OK && i < e->n_puts; i++)
        if (backup_kind((enum record_kind)e->puts[i]->kind))
            x = take_put(r, e->puts[i]);
    return x;
}

uint64_t backup_records_memory(const struct backup_records *r)
{
    uint64_t n = 0;
    for (const struct backup_record *m = r->all; m != NULL; m = m->hh.next)
        n += m->bytes + strlen(m->key) + RECORD_OVERHEAD_BYTES;
    return n;
}

static int by_key(const struct backup_record *a, const struct backup_record *b)
{
    return strcmp(a->key, b->key);
}

enum err backup_records_digest(struct backup_records *r, char hex[2 * SHA256_BYTES + 1])
{
    uint8_t d[SHA256_BYTES] = {0};
    enum err e = ERR_OK;
    HASH_SORT(r->all, by_key);
    for (struct backup_record *m = r->all; e == ERR_OK && m != NULL; m = m->hh.next) {
        uint8_t before[SHA256_BYTES];
        uint8_t revision[8];
        memcpy(before, d, sizeof before);
        be64_put(revision, m->revision);
        struct crypto_part parts[] = {{before, sizeof before},
                                      {m->key, strlen(m->key) + 1},
                                      {revision, sizeof revision},
                                      {m->digest, sizeof m->digest}};
        e = crypto_sha256(parts, 4, d);
    }
    text_hex(d, sizeof d, hex);
    return e;
}

void backup_records_fini(struct backup_records *r)
{
    struct backup_record *m, *next;
    HASH_ITER(hh, r->all, m, next)
    {
        HASH_DEL(r->all, m);
        free(m);
    }
}

bool backup_path(char out[BACKUP_PATH_BYTES], const char *dir, const char *name)
{
    int n = snprintf(out, BACKUP_PATH_BYTES, "%s/%s", dir, name);
    return n > 0 && n < BACKUP_PATH_BYTES;
}

json_t *backup_file(const char *dir, const char *name)
{
    char path[BACKUP_PATH_BYTES];
    struct stat st;
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    json_t *j = NULL;
    FILE *f = backup_path(path, dir, name) ? fopen(path, "rb") : NULL;
    if (f == NULL)
        return NULL;
    if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) && st.st_size < FILE_BYTES_MAX) {
        size_t n = (size_t)st.st_size;
        uint8_t *p = malloc(n + 1);
        struct crypto_part part = {p, n};
        if (p != NULL && fread(p, 1, n, f) == n && crypto_sha256(&part, 1, digest) == ERR_OK) {
            text_hex(digest, sizeof digest, hex);
            j = json_pack("{s:s, s:I, s:s}", "name", name, "bytes", (json_int_t)n, "sha256", hex);
        }
        free(p);
    }
    (void)fclose(f);
    return j;
}
