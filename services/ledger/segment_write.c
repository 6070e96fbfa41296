/* The writing side: whole in memory, then one file that appears complete or not at all. */
#include "services/ledger/segment_format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum err segment_begin(struct segment_builder *b, enum segment_kind kind, const char *epoch,
                       const char *stream, const uint8_t previous[SHA256_BYTES])
{
    if (strlen(epoch) != SEGMENT_EPOCH_DIGITS ||
        strspn(epoch, "0123456789abcdef") != SEGMENT_EPOCH_DIGITS || *stream == '\0' ||
        strlen(stream) >= SEGMENT_STREAM_BYTES)
        return ERR_INVAL;
    if (b->buf.max == 0)
        buf_init(&b->buf, SEGMENT_BYTES_MAX - SHA256_BYTES);
    buf_clear(&b->buf);
    b->head = (struct segment_head){.kind = kind};
    memcpy(b->head.epoch, epoch, SEGMENT_EPOCH_DIGITS + 1);
    memcpy(b->head.stream, stream, strlen(stream) + 1);
    if (previous != NULL)
        memcpy(b->head.previous, previous, SHA256_BYTES);
    static const uint8_t room[SEGMENT_HEADER_BYTES];
    return buf_put(&b->buf, room, sizeof(room));
}

void segment_builder_fini(struct segment_builder *b)
{
    if (b != NULL)
        buf_fini(&b->buf);
}

enum err segment_add(struct segment_builder *b, const struct segment_entry *e)
{
    struct segment_head *h = &b->head;
    if (h->count > 0 ? !segment_follows(h->kind, h->last, e->pos)
                     : h->kind == SEGMENT_JOURNAL && e->pos.sub != 0)
        return ERR_INVAL;
    size_t bytes = SEGMENT_ENTRY_BYTES + e->bytes + e->link_bytes;
    if (e->bytes > SEGMENT_DATA_MAX || e->link_bytes > SEGMENT_LINK_MAX ||
        bytes > b->buf.max - b->buf.len || h->count == UINT32_MAX)
        return ERR_LIMIT;
    uint8_t *p = buf_room(&b->buf, bytes);
    if (p == NULL) {
        b->buf.failed = false; /* nothing was appended: it may be tried again */
        return ERR_NOMEM;
    }
    be64_put(p, e->pos.seq);
    be64_put(p + 8, e->pos.sub);
    be32_put(p + 16, (uint32_t)e->bytes);
    be32_put(p + 20, (uint32_t)e->link_bytes);
    if (e->bytes > 0)
        memcpy(p + SEGMENT_ENTRY_BYTES, e->data, e->bytes);
    if (e->link_bytes > 0)
        memcpy(p + SEGMENT_ENTRY_BYTES + e->bytes, e->link, e->link_bytes);
    b->buf.len += bytes;
    if (h->count == 0)
        h->first = e->pos;
    h->last = e->pos;
    h->link_bytes = e->link_bytes;
    if (e->link_bytes > 0)
        memcpy(h->link, e->link, e->link_bytes);
    h->count++;
    return ERR_OK;
}

static enum err io(struct err_text *why, const char *what, const char *path)
{
    return err_say(why, ERR_IO, "%s %s: %s", what, path, strerrordesc_np(errno));
}

static enum err write_file(const struct segment_builder *b, const char *path, struct err_text *why)
{
    enum err e = ERR_OK;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0440);
    if (fd < 0)
        return io(why, "open", path);
    if (folder_write_gently(fd, b->buf.data, b->buf.len) != ERR_OK ||
        folder_write_all(fd, b->head.digest, SHA256_BYTES) != ERR_OK)
        e = io(why, "write", path);
    else if (fsync(fd) != 0)
        e = io(why, "fsync", path);
    if (close(fd) != 0 && e == ERR_OK)
        e = io(why, "close", path);
    if (e != ERR_OK)
        (void)unlink(path);
    return e;
}

/* The first one of a folder makes the folders above durable, too: making them may have ended in a
 * fault, after which they are there and perhaps not on the disk. */
static enum err sync_name(const struct segment_builder *b, const char *dir, struct err_text *why)
{
    static const uint8_t none[SHA256_BYTES];
    bool first = memcmp(b->head.previous, none, SHA256_BYTES) == 0;
    return first ? folder_settle(dir, why) : folder_sync(dir, why);
}

/* After a crash between rename and cursor, or a fault of the sync behind the rename, the same
 * segment may be written again: the same bytes are fine. */
static enum err already_there(const struct segment_builder *b, const char *path,
                              struct err_text *why)
{
    struct segment *s = NULL;
    enum err e = segment_open(path, &s, why);
    if (e != ERR_OK)
        return e;
    bool same = memcmp(segment_head_of(s)->digest, b->head.digest, SHA256_BYTES) == 0;
    segment_close(s);
    return same ? ERR_OK : err_say(why, ERR_EXISTS, "%s: another segment has this name", path);
}

enum err segment_write(struct segment_builder *b, const char *dir, struct err_text *why)
{
    char name[SEGMENT_NAME_BYTES];
    char temporary[SEGMENT_NAME_BYTES + sizeof(FOLDER_TEMPORARY)];
    char path[FOLDER_PATH_BYTES];
    char from[FOLDER_PATH_BYTES];
    if (b->head.count == 0)
        return err_say(why, ERR_INVAL, "a segment without entries");
    b->head.body_bytes = b->buf.len - SEGMENT_HEADER_BYTES;
    segment_encode_head(&b->head, b->buf.data);
    enum err e = segment_hash(b->buf.data, b->buf.len, b->head.digest);
    if (e != ERR_OK)
        return err_say(why, e, "SHA-256 failed");
    segment_name(&b->head, name);
    (void)snprintf(temporary, sizeof(temporary), "%s%s", name, FOLDER_TEMPORARY);
    if (!folder_path(path, dir, name) || !folder_path(from, dir, temporary))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    e = folder_make(dir, why);
    if (e != ERR_OK)
        return e;
    if (access(path, F_OK) == 0) {
        e = already_there(b, path, why);
        return e == ERR_OK ? sync_name(b, dir, why) : e;
    }
    (void)unlink(from); /* an interrupted write left it, and it is read-only */
    e = write_file(b, from, why);
    if (e != ERR_OK)
        return e;
    if (rename(from, path) != 0) {
        e = io(why, "rename", from);
        (void)unlink(from);
        return e;
    }
    return sync_name(b, dir, why);
}
