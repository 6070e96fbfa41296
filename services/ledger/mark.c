/* See mark.h. A file is taken only when writing what was read gives the same bytes. */
#include "services/ledger/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "services/ledger/segment_format.h"

#define MAGIC "liu-retention 1"
#define DIGEST_LINE (7 + 2 * SHA256_BYTES + 1) /* "sha256 ...\n" */

static enum err io(struct err_text *why, const char *what, const char *path)
{
    return err_say(why, ERR_IO, "%s %s: %s", what, path, strerrordesc_np(errno));
}

static const char *kind_name(enum segment_kind kind)
{
    return kind == SEGMENT_JOURNAL ? "journal" : "noise";
}

/* Without the last line. */
static size_t encode(const struct mark *m, char out[MARK_BYTES])
{
    char digest[2 * SHA256_BYTES + 1];
    text_hex(m->digest, SHA256_BYTES, digest);
    int n =
        snprintf(out, MARK_BYTES,
                 MAGIC "\nclass %s\nepoch %s\nstream %s\nfirst %" PRIu64 " %" PRIu64
                       "\nlast %" PRIu64 " %" PRIu64 "\ndigest %s\nsegments %" PRIu64 " %" PRIu64
                       "\nentries %" PRIu64 " %" PRIu64 "\ndays %" PRIu64 "\ntold %s %" PRIu64 "\n",
                 kind_name(m->kind), m->epoch, m->stream, m->first.seq, m->first.sub, m->last.seq,
                 m->last.sub, digest, m->segments, m->all_segments, m->entries, m->all_entries,
                 m->days, m->told_epoch[0] == '\0' ? "-" : m->told_epoch, m->told_seq);
    return n > 0 && n < MARK_BYTES - DIGEST_LINE ? (size_t)n : 0;
}

static enum err add_digest(char text[MARK_BYTES], size_t n)
{
    uint8_t digest[SHA256_BYTES];
    struct crypto_part part = {text, n};
    enum err e = crypto_sha256_any_thread(&part, 1, digest);
    if (e != ERR_OK)
        return e;
    memcpy(text + n, "sha256 ", 7);
    text_hex(digest, SHA256_BYTES, text + n + 7);
    memcpy(text + n + DIGEST_LINE - 1, "\n", 2);
    return ERR_OK;
}

/* ---- reading */

/* The next value of a line, ended with a NUL in place. */
static char *value(char **at)
{
    char *p = *at;
    size_t n = strcspn(p, " \n");
    if (p[n] != '\0')
        p[n++] = '\0';
    *at = p + n;
    return p;
}

static bool number(char **at, uint64_t *out)
{
    return text_u64(value(at), UINT64_MAX, out) == ERR_OK;
}

static bool word(char **at, const char *want)
{
    return strcmp(value(at), want) == 0;
}

static bool decode(char *text, struct mark *m)
{
    char *at = text;
    bool ok = word(&at, "liu-retention") && word(&at, "1") && word(&at, "class");
    const char *kind = value(&at);
    m->kind = strcmp(kind, "journal") == 0 ? SEGMENT_JOURNAL : SEGMENT_NOISE;
    ok = ok && strcmp(kind, kind_name(m->kind)) == 0 && word(&at, "epoch") &&
         text_copy(m->epoch, sizeof(m->epoch), value(&at)) && word(&at, "stream") &&
         text_copy(m->stream, sizeof(m->stream), value(&at)) && word(&at, "first") &&
         number(&at, &m->first.seq) && number(&at, &m->first.sub) && word(&at, "last") &&
         number(&at, &m->last.seq) && number(&at, &m->last.sub) && word(&at, "digest");
    ok = ok && text_unhex(value(&at), m->digest, SHA256_BYTES) == ERR_OK;
    ok = ok && word(&at, "segments") && number(&at, &m->segments) &&
         number(&at, &m->all_segments) && word(&at, "entries") && number(&at, &m->entries) &&
         number(&at, &m->all_entries) && word(&at, "days") && number(&at, &m->days) &&
         word(&at, "told");
    const char *told = value(&at);
    if (strcmp(told, "-") != 0)
        ok = ok && text_copy(m->told_epoch, sizeof(m->told_epoch), told);
    return ok && number(&at, &m->told_seq);
}

enum err mark_read(const char *dir, const char *name, struct mark *out, bool *found,
                   struct err_text *why)
{
    char path[FOLDER_PATH_BYTES];
    char text[MARK_BYTES + 1];
    char copy[MARK_BYTES + 1];
    char again[MARK_BYTES];
    *found = false;
    *out = (struct mark){.told_seq = 0};
    if (!folder_path(path, dir, name))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? ERR_OK : io(why, "open", path);
    ssize_t got = read(fd, text, MARK_BYTES);
    (void)close(fd);
    if (got < 0)
        return io(why, "read", path);
    *found = true;
    text[got] = '\0';
    memcpy(copy, text, (size_t)got + 1);
    bool ok = strlen(text) == (size_t)got && decode(copy, out);
    size_t n = ok ? encode(out, again) : 0;
    if (n == 0 || add_digest(again, n) != ERR_OK || strcmp(again, text) != 0)
        return err_say(why, ERR_DATA_LOSS, "%s: damaged", path);
    return ERR_OK;
}

/* ---- writing */

enum err mark_write(const char *dir, const char *name, const struct mark *m, struct err_text *why)
{
    char path[FOLDER_PATH_BYTES];
    char from[FOLDER_PATH_BYTES];
    char temporary[FOLDER_NAME_BYTES];
    char text[MARK_BYTES];
    size_t n = encode(m, text);
    if (n == 0 || add_digest(text, n) != ERR_OK)
        return err_say(why, ERR_INTERNAL, "%s/%s: cannot be encoded", dir, name);
    (void)snprintf(temporary, sizeof(temporary), "%s" FOLDER_TEMPORARY, name);
    if (!folder_path(path, dir, name) || !folder_path(from, dir, temporary))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    int fd = open(from, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return io(why, "open", from);
    enum err e = ERR_OK;
    if (folder_write_all(fd, (const uint8_t *)text, n + DIGEST_LINE) != ERR_OK || fsync(fd) != 0)
        e = io(why, "write", from);
    if (close(fd) != 0 && e == ERR_OK)
        e = io(why, "close", from);
    if (e == ERR_OK && rename(from, path) != 0)
        e = io(why, "rename", from);
    if (e != ERR_OK) {
        (void)unlink(from);
        return e;
    }
    return folder_sync(dir, why);
}

enum err mark_drop_plan(const char *dir, struct err_text *why)
{
    char path[FOLDER_PATH_BYTES];
    if (!folder_path(path, dir, MARK_PLAN))
        return err_say(why, ERR_INVAL, "the folder's name is too long");
    if (unlink(path) == 0)
        return folder_sync(dir, why);
    return errno == ENOENT ? ERR_OK : io(why, "unlink", path);
}

/* ---- files */

/* `digits` of a number at *at, which moves behind them and `end`. */
static bool take_number(const char **at, size_t digits, char end, uint64_t *out)
{
    char text[24];
    if (strspn(*at, "0123456789") != digits || (*at)[digits] != end)
        return false;
    memcpy(text, *at, digits);
    text[digits] = '\0';
    *at += digits + 1;
    return text_u64(text, UINT64_MAX, out) == ERR_OK;
}

bool segment_name_range(enum segment_kind kind, const char *name, struct segment_pos *first,
                        struct segment_pos *last)
{
    const char *at = name;
    *first = *last = (struct segment_pos){0, 0};
    if (kind == SEGMENT_JOURNAL)
        return take_number(&at, 20, '-', &first->seq) && take_number(&at, 20, '.', &last->seq) &&
               strcmp(at - 1, SEGMENT_SUFFIX) == 0;
    return take_number(&at, 20, '.', &first->seq) && take_number(&at, 10, '-', &first->sub) &&
           take_number(&at, 20, '.', &last->seq) && take_number(&at, 10, '.', &last->sub) &&
           strcmp(at - 1, SEGMENT_SUFFIX) == 0;
}

enum err mark_sweep(const char *dir, const struct mark *m, size_t *n, struct err_text *why)
{
    struct folder_names l = {0};
    struct segment_pos first;
    struct segment_pos last;
    char path[FOLDER_PATH_BYTES];
    *n = 0;
    enum err e = folder_list(dir, SEGMENT_SUFFIX, false, &l, why);
    for (size_t i = 0; e == ERR_OK && i < l.n; i++) {
        if (!segment_name_range(m->kind, l.items[i], &first, &last) ||
            segment_pos_compare(last, m->last) > 0 || !folder_path(path, dir, l.items[i]))
            continue;
        if (*n == 0) /* the mark first: a kill may have come before the folder's sync */
            e = folder_sync(dir, why);
        if (e != ERR_OK)
            break;
        if (unlink(path) != 0 && errno != ENOENT)
            e = io(why, "unlink", path);
        else
            (*n)++;
    }
    if (e == ERR_OK && *n > 0)
        e = folder_sync(dir, why);
    folder_names_fini(&l);
    return e;
}
