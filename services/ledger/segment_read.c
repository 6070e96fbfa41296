/* The reading side of one file: nothing is believed before its digest is right. */
#include "services/ledger/segment_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/ledger/ease.h"

#define READ_PIECE_BYTES (128u << 10)

struct segment {
    struct segment_head head;
    uint8_t *data;
    size_t bytes; /* without the trailer */
    size_t at;
};

static enum err read_all(int fd, uint8_t *p, size_t n)
{
    while (n > 0) {
        ease();
        ssize_t got = read(fd, p, n < READ_PIECE_BYTES ? n : READ_PIECE_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ERR_IO;
        p += got;
        n -= (size_t)got;
    }
    return ERR_OK;
}

static enum err load(const char *path, struct segment *s, size_t *bytes, struct err_text *why)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_say(why, ERR_IO, "%s", strerrordesc_np(errno));
    enum err e = ERR_OK;
    if (fstat(fd, &st) != 0)
        e = err_say(why, ERR_IO, "%s", strerrordesc_np(errno));
    else if (st.st_size < SEGMENT_HEADER_BYTES + SHA256_BYTES ||
             st.st_size > (off_t)SEGMENT_BYTES_MAX)
        e = err_say(why, ERR_DATA_LOSS, "damaged: %lld bytes long", (long long)st.st_size);
    if (e == ERR_OK) {
        *bytes = (size_t)st.st_size;
        s->data = malloc(*bytes);
        if (s->data == NULL)
            e = err_say(why, ERR_NOMEM, "no memory");
        else if (read_all(fd, s->data, *bytes) != ERR_OK)
            e = err_say(why, ERR_IO, "read: %s", strerrordesc_np(errno));
    }
    (void)close(fd);
    return e;
}

/* The entry at *at, which moves behind it; false when it does not fit into what is left. */
static bool take_entry(const struct segment *s, size_t *at, struct segment_entry *out)
{
    size_t left = s->bytes - *at;
    if (left < SEGMENT_ENTRY_BYTES)
        return false;
    const uint8_t *p = s->data + *at;
    *out = (struct segment_entry){
        .pos = {be64_get(p), be64_get(p + 8)},
        .data = p + SEGMENT_ENTRY_BYTES,
        .bytes = be32_get(p + 16),
        .link_bytes = be32_get(p + 20),
    };
    left -= SEGMENT_ENTRY_BYTES;
    if (out->bytes > left || out->link_bytes > left - out->bytes)
        return false;
    out->link = out->data + out->bytes;
    *at += SEGMENT_ENTRY_BYTES + out->bytes + out->link_bytes;
    return true;
}

/* What the header says of the entries must be true of them. */
static enum err check_entries(struct segment *s, struct err_text *why)
{
    struct segment_head *h = &s->head;
    size_t at = SEGMENT_HEADER_BYTES;
    uint32_t n = 0;
    struct segment_pos last = {0};
    struct segment_entry e = {.link_bytes = 0};
    while (at < s->bytes) {
        if (!take_entry(s, &at, &e))
            return err_say(why, ERR_DATA_LOSS, "damaged: entry %u is cut off", n);
        if (n == 0 ? segment_pos_compare(h->first, e.pos) != 0
                   : !segment_follows(h->kind, last, e.pos))
            return err_say(why, ERR_DATA_LOSS, "damaged: entry %u is out of order", n);
        last = e.pos;
        n++;
    }
    if (e.link_bytes > sizeof(h->link))
        return err_say(why, ERR_DATA_LOSS, "damaged: the last link is too long");
    h->link_bytes = e.link_bytes;
    if (e.link_bytes > 0)
        memcpy(h->link, e.link, e.link_bytes);
    if (n == 0 || n != h->count || segment_pos_compare(last, h->last) != 0)
        return err_say(why, ERR_DATA_LOSS, "damaged: %u entries, the header says %u", n, h->count);
    return ERR_OK;
}

static enum err check(struct segment *s, size_t bytes, struct err_text *why)
{
    uint8_t digest[SHA256_BYTES];
    s->bytes = bytes - SHA256_BYTES;
    enum err e = segment_decode_head(s->data, &s->head, why);
    if (e != ERR_OK)
        return e;
    if (s->head.body_bytes != s->bytes - SEGMENT_HEADER_BYTES)
        return err_say(why, ERR_DATA_LOSS, "damaged: %zu bytes of entries, the header says %llu",
                       s->bytes - SEGMENT_HEADER_BYTES, (unsigned long long)s->head.body_bytes);
    e = segment_hash(s->data, s->bytes, digest);
    if (e != ERR_OK)
        return err_say(why, e, "SHA-256 failed");
    if (memcmp(digest, s->data + s->bytes, SHA256_BYTES) != 0)
        return err_say(why, ERR_DATA_LOSS, "damaged: the digest does not fit the bytes");
    memcpy(s->head.digest, digest, SHA256_BYTES);
    s->at = SEGMENT_HEADER_BYTES;
    return check_entries(s, why);
}

enum err segment_open(const char *path, struct segment **out, struct err_text *why)
{
    *out = NULL;
    size_t bytes = 0;
    struct segment *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return err_say(why, ERR_NOMEM, "no memory");
    enum err e = load(path, s, &bytes, why);
    if (e == ERR_OK)
        e = check(s, bytes, why);
    if (e == ERR_OK)
        *out = s;
    else
        segment_close(s);
    return e;
}

void segment_close(struct segment *s)
{
    if (s == NULL)
        return;
    free(s->data);
    free(s);
}

const struct segment_head *segment_head_of(const struct segment *s)
{
    return &s->head;
}

bool segment_next(struct segment *s, struct segment_entry *out)
{
    return s->at < s->bytes && take_entry(s, &s->at, out);
}

void segment_rewind(struct segment *s)
{
    s->at = SEGMENT_HEADER_BYTES;
}

enum err segment_peek(const char *path, struct buf *room, struct segment_entry *out,
                      struct err_text *why)
{
    const size_t front = SEGMENT_HEADER_BYTES + SEGMENT_ENTRY_BYTES;
    struct segment_head head;
    buf_clear(room);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_say(why, ERR_IO, "%s: %s", path, strerrordesc_np(errno));
    uint8_t *p = buf_room(room, front + SEGMENT_DATA_MAX + SEGMENT_LINK_MAX);
    enum err e = p == NULL ? ERR_NOMEM : read_all(fd, p, front);
    if (e == ERR_OK)
        e = segment_decode_head(p, &head, why);
    if (e == ERR_OK) {
        const uint8_t *entry = p + SEGMENT_HEADER_BYTES;
        *out = (struct segment_entry){.pos = {be64_get(entry), be64_get(entry + 8)},
                                      .data = p + front,
                                      .bytes = be32_get(entry + 16),
                                      .link_bytes = be32_get(entry + 20)};
        out->link = out->data + out->bytes;
        if (out->bytes > SEGMENT_DATA_MAX || out->link_bytes > SEGMENT_LINK_MAX)
            e = ERR_DATA_LOSS;
        else
            e = read_all(fd, p + front, out->bytes + out->link_bytes);
    }
    (void)close(fd);
    return e == ERR_OK ? ERR_OK : err_say(why, e, "%s: its first entry cannot be read", path);
}
