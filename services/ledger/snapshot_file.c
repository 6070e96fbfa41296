/* One snapshot: written in one pass, its header last; read in two, the first of which only checks.
 */
#include "services/ledger/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "services/ledger/ease.h"
#include "services/ledger/folder.h"

#define MAGIC "LIUSNP1\n"
#define FORMAT 1u
#define HEADER_BYTES 256u
#define SIGNED_BYTES 224u /* of the header, which its digest covers */
#define RECORD_BYTES 20u  /* before the id */
#define CHUNK_BYTES (256u * 1024)

struct snapshot_writer {
    struct snapshot_head head;
    struct crypto_hash *hash;
    struct buf chunk;
    struct buf last; /* kind and id of the record before, to keep the order */
    int fd;
    char dir[FOLDER_PATH_BYTES];
    char path[FOLDER_PATH_BYTES];
    char temporary[FOLDER_PATH_BYTES];
};

struct snapshot {
    struct snapshot_head head;
    FILE *file;
    struct buf record;
    uint64_t left; /* bytes of records */
};

void snapshot_name(uint64_t seq, char out[FOLDER_NAME_BYTES])
{
    (void)snprintf(out, FOLDER_NAME_BYTES, "%020" PRIu64 ".snap", seq);
}

int snapshot_compare(const struct snapshot_record *x, const struct snapshot_record *y)
{
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    size_t n = x->id_bytes < y->id_bytes ? x->id_bytes : y->id_bytes;
    int order = memcmp(x->id, y->id, n);
    if (order != 0 || x->id_bytes == y->id_bytes)
        return order;
    return x->id_bytes < y->id_bytes ? -1 : 1;
}

static enum err io(struct err_text *why, const char *what, const char *path)
{
    return err_say(why, ERR_IO, "%s %s: %s", what, path, strerrordesc_np(errno));
}

/* ---- the header */

static enum err digest_of(const uint8_t header[HEADER_BYTES], uint8_t out[SHA256_BYTES])
{
    struct crypto_part part = {header, SIGNED_BYTES};
    return crypto_sha256_any_thread(&part, 1, out);
}

static enum err encode(struct snapshot_head *h, uint8_t out[HEADER_BYTES])
{
    memset(out, 0, HEADER_BYTES);
    memcpy(out, MAGIC, 8);
    be32_put(out + 8, FORMAT);
    memcpy(out + 16, h->epoch, SEGMENT_EPOCH_DIGITS);
    be64_put(out + 48, h->seq);
    memcpy(out + 56, h->link, LINK_DIGITS);
    memcpy(out + 96, h->segment, SHA256_BYTES);
    be64_put(out + 128, h->previous_seq);
    memcpy(out + 136, h->previous, SHA256_BYTES);
    be64_put(out + 168, h->records);
    be64_put(out + 176, h->body_bytes);
    memcpy(out + 184, h->body, SHA256_BYTES);
    enum err e = digest_of(out, h->digest);
    memcpy(out + SIGNED_BYTES, h->digest, SHA256_BYTES);
    return e;
}

static enum err decode(const uint8_t in[HEADER_BYTES], struct snapshot_head *h,
                       struct err_text *why)
{
    uint8_t digest[SHA256_BYTES];
    *h = (struct snapshot_head){.seq = be64_get(in + 48),
                                .previous_seq = be64_get(in + 128),
                                .records = be64_get(in + 168),
                                .body_bytes = be64_get(in + 176)};
    enum err e = digest_of(in, digest);
    if (e != ERR_OK)
        return err_say(why, e, "SHA-256 failed");
    if (memcmp(in, MAGIC, 8) != 0 || be32_get(in + 8) != FORMAT)
        return err_say(why, ERR_DATA_LOSS, "damaged: not a snapshot of format %u", FORMAT);
    if (memcmp(digest, in + SIGNED_BYTES, SHA256_BYTES) != 0)
        return err_say(why, ERR_DATA_LOSS, "damaged: the digest does not fit the header");
    memcpy(h->epoch, in + 16, SEGMENT_EPOCH_DIGITS);
    memcpy(h->link, in + 56, LINK_DIGITS);
    memcpy(h->segment, in + 96, SHA256_BYTES);
    memcpy(h->previous, in + 136, SHA256_BYTES);
    memcpy(h->body, in + 184, SHA256_BYTES);
    memcpy(h->digest, digest, SHA256_BYTES);
    return ERR_OK;
}

/* ---- writing */

enum err snapshot_create(const char *dir, const struct snapshot_head *h,
                         struct snapshot_writer **out, struct err_text *why)
{
    char name[FOLDER_NAME_BYTES];
    static const uint8_t room[HEADER_BYTES];
    enum err e = folder_make(dir, why);
    if (e != ERR_OK)
        return e;
    struct snapshot_writer *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return err_say(why, ERR_NOMEM, "no memory");
    w->fd = -1;
    w->head = *h;
    w->head.records = w->head.body_bytes = 0;
    buf_init(&w->chunk, SEGMENT_DATA_MAX + SNAPSHOT_ID_MAX + 2 * CHUNK_BYTES);
    buf_init(&w->last, SNAPSHOT_ID_MAX + 4);
    w->hash = crypto_hash_create();
    snapshot_name(h->seq, name);
    if (w->hash == NULL) {
        e = err_say(why, ERR_NOMEM, "no memory");
    } else if (!folder_path(w->path, dir, name) ||
               strlen(w->path) + sizeof(FOLDER_TEMPORARY) > sizeof(w->temporary)) {
        e = err_say(why, ERR_INVAL, "the folder's name is too long");
    } else {
        (void)snprintf(w->dir, sizeof(w->dir), "%s", dir);
        (void)snprintf(w->temporary, sizeof(w->temporary), "%.4080s" FOLDER_TEMPORARY, w->path);
        (void)unlink(w->temporary); /* an interrupted write left it, and it is read-only */
        w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0440);
        if (w->fd < 0 || folder_write_all(w->fd, room, sizeof(room)) != ERR_OK)
            e = io(why, "write", w->temporary);
    }
    if (e != ERR_OK)
        snapshot_abandon(w);
    else
        *out = w;
    return e;
}

static enum err flush(struct snapshot_writer *w)
{
    enum err e = crypto_hash_add(w->hash, w->chunk.data, w->chunk.len);
    if (e == ERR_OK)
        e = folder_write_gently(w->fd, w->chunk.data, w->chunk.len);
    buf_clear(&w->chunk);
    return e;
}

static bool rises(struct snapshot_writer *w, const struct snapshot_record *r)
{
    if (w->last.len == 0)
        return true;
    struct snapshot_record last = {.kind = be32_get(w->last.data),
                                   .id = (const char *)w->last.data + 4,
                                   .id_bytes = w->last.len - 4};
    return snapshot_compare(&last, r) < 0;
}

enum err snapshot_put(struct snapshot_writer *w, const struct snapshot_record *r)
{
    uint8_t front[RECORD_BYTES];
    if (r->id_bytes > SNAPSHOT_ID_MAX || r->bytes > SEGMENT_DATA_MAX)
        return ERR_LIMIT;
    if (r->id_bytes == 0 || !rises(w, r))
        return ERR_INVAL;
    be32_put(front, r->kind);
    be32_put(front + 4, (uint32_t)r->id_bytes);
    be64_put(front + 8, r->revision);
    be32_put(front + 16, (uint32_t)r->bytes);
    buf_clear(&w->last);
    enum err e = buf_put(&w->last, front, 4);
    if (e == ERR_OK)
        e = buf_put(&w->last, r->id, r->id_bytes);
    if (e == ERR_OK)
        e = buf_put(&w->chunk, front, sizeof(front));
    if (e == ERR_OK)
        e = buf_put(&w->chunk, r->id, r->id_bytes);
    if (e == ERR_OK && r->bytes > 0)
        e = buf_put(&w->chunk, r->value, r->bytes);
    w->head.records++;
    w->head.body_bytes += RECORD_BYTES + r->id_bytes + r->bytes;
    if (e == ERR_OK && w->chunk.len >= CHUNK_BYTES)
        e = flush(w);
    return e;
}

void snapshot_abandon(struct snapshot_writer *w)
{
    if (w == NULL)
        return;
    if (w->fd >= 0) {
        (void)close(w->fd);
        (void)unlink(w->temporary);
    }
    crypto_hash_destroy(w->hash);
    buf_fini(&w->chunk);
    buf_fini(&w->last);
    free(w);
}

enum err snapshot_finish(struct snapshot_writer *w, struct snapshot_head *out, struct err_text *why)
{
    uint8_t header[HEADER_BYTES];
    enum err e = flush(w);
    if (e == ERR_OK)
        e = crypto_hash_end(w->hash, w->head.body);
    if (e == ERR_OK)
        e = encode(&w->head, header);
    if (e == ERR_OK && pwrite(w->fd, header, sizeof(header), 0) != (ssize_t)sizeof(header))
        e = ERR_IO;
    if (e == ERR_OK && fsync(w->fd) != 0)
        e = ERR_IO;
    if (e == ERR_OK && rename(w->temporary, w->path) != 0)
        e = ERR_IO;
    if (e != ERR_OK) {
        (void)io(why, "write", w->temporary);
        snapshot_abandon(w);
        return e;
    }
    (void)close(w->fd);
    w->fd = -1;
    e = folder_sync(w->dir, why);
    if (out != NULL)
        *out = w->head;
    snapshot_abandon(w);
    return e;
}

/* ---- reading */

void snapshot_close(struct snapshot *s)
{
    if (s == NULL)
        return;
    if (s->file != NULL)
        (void)fclose(s->file);
    buf_fini(&s->record);
    free(s);
}

const struct snapshot_head *snapshot_head_of(const struct snapshot *s)
{
    return &s->head;
}

enum err snapshot_next(struct snapshot *s, struct snapshot_record *out, bool *end)
{
    uint8_t front[RECORD_BYTES];
    *end = s->left == 0;
    if (*end)
        return ERR_OK;
    if (s->left < sizeof(front) || fread(front, 1, sizeof(front), s->file) != sizeof(front))
        return ERR_IO;
    size_t id = be32_get(front + 4);
    size_t value = be32_get(front + 16);
    s->left -= sizeof(front);
    if (id == 0 || id > SNAPSHOT_ID_MAX || value > SEGMENT_DATA_MAX || id + value > s->left)
        return ERR_IO;
    buf_clear(&s->record);
    uint8_t *p = buf_room(&s->record, id + value);
    if (p == NULL)
        return ERR_NOMEM;
    if (fread(p, 1, id + value, s->file) != id + value)
        return ERR_IO;
    s->left -= id + value;
    *out = (struct snapshot_record){.kind = be32_get(front),
                                    .id = (const char *)p,
                                    .id_bytes = id,
                                    .revision = be64_get(front + 8),
                                    .value = p + id,
                                    .bytes = value};
    return ERR_OK;
}

static enum err check_body(struct snapshot *s, struct err_text *why)
{
    uint8_t digest[SHA256_BYTES];
    uint8_t *chunk = malloc(CHUNK_BYTES);
    struct crypto_hash *hash = crypto_hash_create();
    enum err e = chunk == NULL || hash == NULL ? ERR_NOMEM : ERR_OK;
    uint64_t left = s->head.body_bytes;
    while (e == ERR_OK && left > 0) {
        size_t n = fread(chunk, 1, left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES, s->file);
        e = n == 0 ? ERR_IO : crypto_hash_add(hash, chunk, n);
        left -= n;
        ease();
    }
    if (e == ERR_OK)
        e = crypto_hash_end(hash, digest);
    crypto_hash_destroy(hash);
    free(chunk);
    if (e != ERR_OK)
        return err_say(why, e, "cannot be read: %s", err_name(e));
    if (memcmp(digest, s->head.body, SHA256_BYTES) != 0)
        return err_say(why, ERR_DATA_LOSS, "damaged: the digest does not fit the records");
    return ERR_OK;
}

static enum err load_head(const char *path, struct snapshot *s, struct err_text *why)
{
    uint8_t header[HEADER_BYTES];
    struct stat st;
    s->file = fopen(path, "rbe");
    if (s->file == NULL || fstat(fileno(s->file), &st) != 0)
        return err_say(why, ERR_IO, "%s", strerrordesc_np(errno));
    if (st.st_size < (off_t)HEADER_BYTES)
        return err_say(why, ERR_DATA_LOSS, "damaged: %lld bytes long", (long long)st.st_size);
    if (fread(header, 1, sizeof(header), s->file) != sizeof(header))
        return err_say(why, ERR_IO, "cannot be read");
    enum err e = decode(header, &s->head, why);
    if (e == ERR_OK && (uint64_t)st.st_size - HEADER_BYTES != s->head.body_bytes)
        e = err_say(why, ERR_DATA_LOSS, "damaged: %lld bytes of records, the header says %" PRIu64,
                    (long long)st.st_size - (long long)HEADER_BYTES, s->head.body_bytes);
    return e;
}

static enum err load(const char *path, struct snapshot *s, struct err_text *why)
{
    enum err e = load_head(path, s, why);
    if (e == ERR_OK)
        e = check_body(s, why);
    if (e == ERR_OK && fseek(s->file, (long)HEADER_BYTES, SEEK_SET) != 0)
        e = err_say(why, ERR_IO, "%s", strerrordesc_np(errno));
    s->left = s->head.body_bytes;
    return e;
}

static enum err open_as(const char *dir, const char *name,
                        enum err (*how)(const char *, struct snapshot *, struct err_text *),
                        struct snapshot **out, struct err_text *why)
{
    char path[FOLDER_PATH_BYTES];
    char own[FOLDER_NAME_BYTES];
    *out = NULL;
    if (!folder_path(path, dir, name))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    struct snapshot *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return err_say(why, ERR_NOMEM, "no memory");
    buf_init(&s->record, SEGMENT_DATA_MAX + SNAPSHOT_ID_MAX);
    enum err e = how(path, s, why);
    if (e == ERR_OK) {
        snapshot_name(s->head.seq, own);
        if (strcmp(own, name) != 0)
            e = err_say(why, ERR_DATA_LOSS, "in the wrong place: it is %s", own);
    }
    if (e == ERR_OK)
        *out = s;
    else
        snapshot_close(s);
    return e;
}

enum err snapshot_open(const char *dir, const char *name, struct snapshot **out,
                       struct err_text *why)
{
    return open_as(dir, name, load, out, why);
}

enum err snapshot_peek(const char *dir, const char *name, struct snapshot_head *out,
                       struct err_text *why)
{
    struct snapshot *s = NULL;
    enum err e = open_as(dir, name, load_head, &s, why);
    if (e == ERR_OK)
        *out = s->head;
    snapshot_close(s);
    return e;
}
