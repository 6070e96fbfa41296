/* See folder.h. */
#include "services/ledger/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "services/ledger/ease.h"

#define PIECE_BYTES (256u << 10)

bool folder_path(char out[FOLDER_PATH_BYTES], const char *dir, const char *name)
{
    int n = snprintf(out, FOLDER_PATH_BYTES, "%s/%s", dir, name);
    return n > 0 && n < FOLDER_PATH_BYTES;
}

static enum err io(struct err_text *why, const char *what, const char *path)
{
    return err_say(why, ERR_IO, "%s %s: %s", what, path, strerrordesc_np(errno));
}

enum err folder_sync(const char *path, struct err_text *why)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return io(why, "open", path);
    enum err e = fsync(fd) == 0 ? ERR_OK : io(why, "fsync", path);
    (void)close(fd);
    return e;
}

enum err folder_settle(const char *path, struct err_text *why)
{
    char above[FOLDER_PATH_BYTES];
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof(above))
        return err_say(why, ERR_INVAL, "the folder's name is empty or too long");
    memcpy(above, path, n + 1);
    enum err e = folder_sync(path, why);
    while (e == ERR_OK && n > 0) {
        if (above[--n] != '/' && n > 0)
            continue;
        if (n > 0)
            above[n] = '\0';
        else
            (void)snprintf(above, sizeof(above), "%s", *path == '/' ? "/" : ".");
        if (access(above, W_OK) != 0)
            break; /* nobody like us made anything there, or above */
        e = folder_sync(above, why);
    }
    return e;
}

enum err folder_make(const char *dir, struct err_text *why)
{
    char path[FOLDER_PATH_BYTES];
    size_t len = strlen(dir);
    if (len == 0 || len >= sizeof(path))
        return err_say(why, ERR_INVAL, "the folder's name is empty or too long");
    struct stat st;
    if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
        return ERR_OK;
    size_t parent = 0; /* length of the parent of what is being made */
    for (size_t i = 1; i <= len; i++) {
        if (dir[i] != '/' && dir[i] != '\0')
            continue;
        memcpy(path, dir, i);
        path[i] = '\0';
        if (mkdir(path, 0750) != 0 && errno != EEXIST)
            return io(why, "mkdir", path);
        if (parent > 0)
            path[parent] = '\0';
        enum err e = folder_sync(parent > 0 ? path : dir[0] == '/' ? "/" : ".", why);
        if (e != ERR_OK)
            return e;
        parent = i;
    }
    return ERR_OK;
}

enum err folder_write_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return ERR_IO;
        p += done;
        n -= (size_t)done;
    }
    return ERR_OK;
}

enum err folder_write_gently(int fd, const uint8_t *p, size_t n)
{
    enum err e = ERR_OK;
    while (e == ERR_OK && n > 0) {
        size_t piece = n < PIECE_BYTES ? n : PIECE_BYTES;
        off_t at = lseek(fd, 0, SEEK_CUR);
        e = folder_write_all(fd, p, piece);
        p += piece;
        n -= piece;
        if (e != ERR_OK || at < 0 || piece < PIECE_BYTES)
            continue; /* what is small is the fsync's */
        /* a file system that cannot do it writes all at the fsync */
        (void)sync_file_range(fd, at, (off_t)piece,
                              SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                                  SYNC_FILE_RANGE_WAIT_AFTER);
        ease();
    }
    return e;
}

static bool ends_with(const char *s, const char *suffix)
{
    size_t n = strlen(s);
    size_t m = strlen(suffix);
    return n > m && strcmp(s + n - m, suffix) == 0;
}

static int by_name(const void *x, const void *y)
{
    return strcmp(x, y);
}

static enum err add_name(struct folder_names *l, const char *name)
{
    size_t len = strlen(name);
    if (len >= FOLDER_NAME_BYTES)
        return ERR_OK; /* not one of ours */
    if (l->n == FOLDER_FILES_MAX)
        return ERR_LIMIT;
    if (l->n == l->cap) {
        size_t cap = l->cap == 0 ? 256 : l->cap * 2;
        void *p = realloc(l->items, cap * sizeof(*l->items));
        if (p == NULL)
            return ERR_NOMEM;
        l->items = p;
        l->cap = cap;
    }
    memcpy(l->items[l->n++], name, len + 1);
    return ERR_OK;
}

enum err folder_list(const char *dir, const char *suffix, bool clean, struct folder_names *out,
                     struct err_text *why)
{
    char temporary[32];
    (void)snprintf(temporary, sizeof(temporary), "%s" FOLDER_TEMPORARY, suffix);
    DIR *d = opendir(dir);
    if (d == NULL)
        return errno == ENOENT ? ERR_OK
                               : err_say(why, ERR_IO, "%s: %s", dir, strerrordesc_np(errno));
    enum err e = ERR_OK;
    const struct dirent *f;
    while (e == ERR_OK && (f = readdir(d)) != NULL) {
        char path[FOLDER_PATH_BYTES];
        if (ends_with(f->d_name, suffix))
            e = add_name(out, f->d_name);
        else if (clean && ends_with(f->d_name, temporary) && folder_path(path, dir, f->d_name))
            (void)unlink(path);
    }
    (void)closedir(d);
    if (e != ERR_OK)
        return err_say(why, e, "%s: %s", dir, err_name(e));
    if (out->n > 0)
        qsort(out->items, out->n, sizeof(*out->items), by_name);
    return ERR_OK;
}

void folder_names_fini(struct folder_names *l)
{
    free(l->items);
    *l = (struct folder_names){0};
}
