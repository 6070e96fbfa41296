/* See journal_begins.h. */
#include "services/ledger/journal_begins.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "services/ledger/mark.h"
#include "services/ledger/segment_format.h"

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

enum err journal_begins(const char *dir, uint64_t store_first, uint64_t *first,
                        struct err_text *why)
{
    struct mark mark;
    char journal[FOLDER_PATH_BYTES];
    uint64_t begins = 0;
    uint64_t snapshot = 0;
    bool meant = false; /* that nothing is before it */
    *first = 0;
    if (!folder_path(journal, dir, "journal"))
        return err_say(why, ERR_INVAL, "%s: the name is too long", dir);
    enum err e = segment_first(journal, &begins, why);
    if (e == ERR_OK)
        e = mark_read(journal, MARK_FILE, &mark, &meant, why);
    meant = meant && mark.last.seq + 1 == begins;
    bool archived =
        begins > 0; /* else a restore has put the snapshot there, and nothing yet came */
    if (e == ERR_OK && !archived)
        meant = (begins = store_first) > 0;
    else if (e == ERR_OK && !meant && begins > 1)
        e = names_none(journal, begins, &meant, why);
    if (e == ERR_OK && meant && begins > 1)
        e = newest_snapshot(dir, &snapshot, why);
    if (e != ERR_OK || !meant || begins <= 1 || snapshot + 1 < begins ||
        (!archived && snapshot + 1 != begins))
        return e;
    /* Redis keeps its entries for a while, whatever the archive does */
    if (store_first > 0 && store_first < begins)
        begins = store_first;
    *first = begins > 1 ? begins : 0;
    return ERR_OK;
}
