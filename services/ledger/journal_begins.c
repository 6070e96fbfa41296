/* See journal_begins.h. */
#include "services/ledger/journal_begins.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/ledger/mark.h"
#include "services/ledger/segment_format.h"
#include "services/ledger/snapshot.h"

/* Does the segment that begins with `first` name none before it? */
static enum err names_none(const char *journal, uint64_t first, bool *none, struct err_text *why)
{
    static const uint8_t zeros[SHA256_BYTES];
    struct folder_names l = {0};
    struct segment_head h;
    char path[FOLDER_PATH_BYTES];
    uint8_t bytes[SEGMENT_HEADER_BYTES];
    ssize_t got = -1;
    *none = false;
    enum err e = folder_list(journal, SEGMENT_SUFFIX, false, &l, why);
    size_t i = 0;
    while (e == ERR_OK && i < l.n && strtoull(l.items[i], NULL, 10) != first)
        i++;
    if (e == ERR_OK && i < l.n && folder_path(path, journal, l.items[i])) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        got = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
        if (fd >= 0)
            (void)close(fd);
        if (got < 0)
            e = err_say(why, ERR_IO, "%s: cannot be read", path);
        else if (got < SEGMENT_HEADER_BYTES)
            e = err_say(why, ERR_DATA_LOSS, "%s: damaged", path);
        else
            e = segment_decode_head(bytes, &h, why);
        *none = e == ERR_OK && memcmp(h.previous, zeros, SHA256_BYTES) == 0;
    }
    folder_names_fini(&l);
    return e;
}

/* The last entry of the newest snapshot, by its name; 0 = there is none. */
static enum err newest_snapshot(const char *dir, uint64_t *seq, struct err_text *why)
{
    struct folder_names l = {0};
    char folder[FOLDER_PATH_BYTES];
    *seq = 0;
    if (!folder_path(folder, dir, "snapshots"))
        return err_say(why, ERR_INVAL, "%s: the name is too long", dir);
    enum err e = folder_list(folder, ".snap", false, &l, why);
    if (e == ERR_OK && l.n > 0)
        *seq = strtoull(l.items[l.n - 1], NULL, 10);
    folder_names_fini(&l);
    return e;
}

/* Does a snapshot belong to these segments, of which the first is `first`, 0 = there is none? A
 * restore's own names the segment that it wrote last, or none when it wrote none; the ledger's
 * name one that is there. */
static enum err belongs(const char *dir, const char *journal, uint64_t first, bool *yes,
                        struct err_text *why)
{
    static const uint8_t zeros[SHA256_BYTES];
    struct folder_names snapshots = {0};
    struct folder_names segments = {0};
    struct snapshot_head h;
    char folder[FOLDER_PATH_BYTES];
    uint8_t digest[SHA256_BYTES];
    *yes = false;
    if (!folder_path(folder, dir, "snapshots"))
        return err_say(why, ERR_INVAL, "%s: the name is too long", dir);
    enum err e = folder_list(folder, ".snap", false, &snapshots, why);
    if (e == ERR_OK)
        e = folder_list(journal, SEGMENT_SUFFIX, false, &segments, why);
    for (size_t i = snapshots.n; e == ERR_OK && !*yes && i-- > 0;) {
        e = snapshot_peek(folder, snapshots.items[i], &h, why);
        if (e != ERR_OK) {
            e = e == ERR_DATA_LOSS ? ERR_OK : e; /* a survey tells */
            continue;
        }
        *yes = memcmp(h.segment, zeros, SHA256_BYTES) == 0
                   ? first == 0 || h.seq + 1 == first
                   : segment_digest(journal, &segments, h.seq, digest) &&
                         memcmp(digest, h.segment, SHA256_BYTES) == 0;
    }
    folder_names_fini(&snapshots);
    folder_names_fini(&segments);
    return e;
}

struct beginning {
    uint64_t first;    /* by the segments; 0 = there is none */
    uint64_t snapshot; /* the newest */
    bool anew;         /* no segment and no mark says what was before */
    bool meant;        /* that nothing is before it */
};

static enum err look(const char *dir, struct beginning *b, struct err_text *why)
{
    struct mark mark;
    char journal[FOLDER_PATH_BYTES];
    bool marked = false;
    *b = (struct beginning){.first = 0};
    if (!folder_path(journal, dir, "journal"))
        return err_say(why, ERR_INVAL, "%s: the name is too long", dir);
    enum err e = segment_first(journal, &b->first, why);
    if (e == ERR_OK)
        e = mark_read(journal, MARK_FILE, &mark, &marked, why);
    b->meant = marked && mark.last.seq + 1 == b->first;
    if (e == ERR_OK && !marked && b->first > 1)
        e = names_none(journal, b->first, &b->anew, why);
    else
        b->anew = !marked && b->first == 0;
    if (e == ERR_OK)
        e = newest_snapshot(dir, &b->snapshot, why);
    if (e == ERR_OK && b->anew)
        e = belongs(dir, journal, b->first, &b->meant, why);
    return e;
}

enum err journal_lost(const char *dir, struct err_text *what, struct err_text *why)
{
    struct beginning b;
    what->text[0] = '\0';
    enum err e = look(dir, &b, why);
    if (e != ERR_OK || !b.anew || b.meant || b.snapshot == 0)
        return e;
    if (b.first == 0)
        (void)err_say(what, ERR_DATA_LOSS,
                      "%s/journal: missing: all segments, which the snapshots beside it name", dir);
    else
        (void)err_say(what, ERR_DATA_LOSS,
                      "%s/journal: missing: the segments before entry %llu: it was begun anew "
                      "there, and no snapshot belongs to it",
                      dir, (unsigned long long)b.first);
    return ERR_OK;
}

enum err journal_begins(const char *dir, uint64_t store_first, uint64_t *first,
                        struct err_text *why)
{
    struct beginning b;
    *first = 0;
    enum err e = look(dir, &b, why);
    /* else a restore has put the snapshot there, and nothing yet came */
    uint64_t begins = b.first > 0 ? b.first : store_first;
    if (e != ERR_OK || !b.meant || begins <= 1 || b.snapshot + 1 < begins ||
        (b.first == 0 && b.snapshot + 1 != begins))
        return e;
    /* Redis keeps its entries for a while, whatever the archive does */
    if (store_first > 0 && store_first < begins)
        begins = store_first;
    *first = begins > 1 ? begins : 0;
    return ERR_OK;
}
