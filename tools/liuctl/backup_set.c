/* See backup_set.h. */
#include "liuctl/backup_set.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/text.h"

#define PIECE_BYTES (1024u * 1024)

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

enum err backup_records_put(struct backup_records *r, uint32_t kind, const char *id,
                            size_t id_bytes, uint64_t revision, const uint8_t *value, size_t bytes)
{
    char key[160];
    struct backup_record *m = NULL;
    (void)snprintf(key, sizeof key, "%u/%.*s", kind, (int)id_bytes, id);
    HASH_FIND_STR(r->all, key, m);
    if (m == NULL) {
        m = calloc(1, sizeof *m);
        if (m == NULL)
            return ERR_NOMEM;
        memcpy(m->key, key, sizeof m->key);
        HASH_ADD_STR(r->all, key, m);
    }
    m->revision = revision;
    m->bytes = bytes;
    struct crypto_part part = {value, bytes};
    return crypto_sha256(&part, 1, m->digest);
}

enum err backup_records_take(struct backup_records *r, const Ismap__Liu__V1__JournalEntry *e)
{
    enum err x = ERR_OK;
    for (size_t i = 0; x == ERR_OK && i < e->n_puts; i++) {
        const Ismap__Liu__V1__RecordPut *p = e->puts[i];
        if (backup_kind((enum record_kind)p->kind))
            x = backup_records_put(r, p->kind, p->id, strlen(p->id), p->revision, p->value.data,
                                   p->value.len);
    }
    return x;
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

/* The digest of what is left of the file, and how many bytes that are. */
static bool digest_of(FILE *f, uint8_t digest[SHA256_BYTES], uint64_t *bytes)
{
    struct crypto_hash *h = crypto_hash_create();
    uint8_t *p = malloc(PIECE_BYTES);
    bool ok = h != NULL && p != NULL;
    *bytes = 0;
    for (size_t n = 1; ok && n > 0; *bytes += n) {
        n = fread(p, 1, PIECE_BYTES, f);
        ok = crypto_hash_add(h, p, n) == ERR_OK;
    }
    ok = ok && ferror(f) == 0 && crypto_hash_end(h, digest) == ERR_OK;
    crypto_hash_destroy(h);
    free(p);
    return ok;
}

json_t *backup_file(const char *dir, const char *name)
{
    char path[BACKUP_PATH_BYTES];
    struct stat st;
    uint8_t digest[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    uint64_t n = 0;
    json_t *j = NULL;
    FILE *f = backup_path(path, dir, name) ? fopen(path, "rb") : NULL;
    if (f == NULL)
        return NULL;
    if (fstat(fileno(f), &st) == 0 && S_ISREG(st.st_mode) && digest_of(f, digest, &n)) {
        text_hex(digest, sizeof digest, hex);
        j = json_pack("{s:s, s:I, s:s}", "name", name, "bytes", (json_int_t)n, "sha256", hex);
    }
    (void)fclose(f);
    return j;
}
