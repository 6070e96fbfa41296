/* The C library's calls on files, for paths of files.h; every other path goes to the real ones.
 * Names that end with 64 are the same calls as others of our objects name them. */
#include "replay/files_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "replay/sim.h"

#define FD_BASE 100000
#define FDS 32
#define FOLDERS 4

struct handle {
    struct inode *inode; /* NULL = free */
    size_t at;
    char path[FILES_PATH];
    FILE *stream; /* NULL = by number only */
};

struct folder {
    bool open;
    char path[FILES_PATH];
    struct name *next;
    struct dirent entry;
};

static struct handle handles[FDS];
static struct folder folders[FOLDERS];

/* The linker's names for what stands behind, and for what stands in front of it. */
int __real_open(const char *path, int flags, ...);
int __real_close(int fd);
ssize_t __real_read(int fd, void *p, size_t n);
ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __real_pwrite64(int fd, const void *p, size_t n, off_t at);
off_t __real_lseek(int fd, off_t at, int whence);
int __real_fsync(int fd);
int __real_sync_file_range(int fd, off_t at, off_t n, unsigned flags);
int __real_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __real_access(const char *path, int mode);
int __real_stat(const char *path, struct stat *st);
int __real_fstat(int fd, struct stat *st);
int __real_mkdir(const char *path, mode_t mode);
DIR *__real_opendir(const char *path);
struct dirent *__real_readdir(DIR *d);
int __real_closedir(DIR *d);
FILE *__real_fopen64(const char *path, const char *mode);
int __real_fileno(FILE *f);

int __wrap_open(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __wrap_close(int fd);
ssize_t __wrap_read(int fd, void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at);
off_t __wrap_lseek(int fd, off_t at, int whence);
off_t __wrap_lseek64(int fd, off_t at, int whence);
int __wrap_fsync(int fd);
int __wrap_sync_file_range(int fd, off_t at, off_t n, unsigned flags);
int __wrap_rename(const char *from, const char *to);
int __wrap_unlink(const char *path);
int __wrap_access(const char *path, int mode);
int __wrap_stat(const char *path, struct stat *st);
int __wrap_stat64(const char *path, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstat64(int fd, struct stat *st);
int __wrap_mkdir(const char *path, mode_t mode);
DIR *__wrap_opendir(const char *path);
struct dirent *__wrap_readdir(DIR *d);
int __wrap_closedir(DIR *d);
FILE *__wrap_fopen64(const char *path, const char *mode);
int __wrap_fileno(FILE *f);
time_t __wrap_time(time_t *out);

/* ---- which are ours, and what goes wrong */

/* The root, too: it is synced when a folder is made below it. */
static bool ours(const char *path)
{
    return strcmp(path, "/") == 0 ||
           (strncmp(path, FILES_TOP, sizeof FILES_TOP - 1) == 0 &&
            (path[sizeof FILES_TOP - 1] == '/' || path[sizeof FILES_TOP - 1] == '\0'));
}

static struct handle *handle_of(int fd)
{
    return fd >= FD_BASE && fd < FD_BASE + FDS ? &handles[fd - FD_BASE] : NULL;
}

static int fails(int with)
{
    errno = with;
    return -1;
}

bool files_may_change(void)
{
    if (files.sees_disk)
        abort();
    if (files_is_cut())
        return fails(EIO) == 0;
    if (files.cutting)
        return !files_last_change() || fails(EIO) == 0;
    if (!rng_chance(&sim.rng, sim.faults.disk))
        return true;
    sim_trace("the disk fails");
    files_count.failed++;
    return fails(rng_below(&sim.rng, 2) == 0 ? EIO : ENOSPC) == 0;
}

/* ---- files by number */

static int handle_new(const char *path, struct inode *i)
{
    for (int k = 0; k < FDS; k++) {
        if (handles[k].inode != NULL)
            continue;
        handles[k] = (struct handle){.inode = i};
        (void)snprintf(handles[k].path, FILES_PATH, "%s", path);
        return FD_BASE + k;
    }
    return fails(EMFILE);
}

static int file_open(const char *path, int flags)
{
    struct inode *i = files_find(path);
    if (strlen(path) >= FILES_PATH)
        return fails(ENAMETOOLONG);
    if (i == NULL && (flags & O_CREAT) == 0)
        return fails(ENOENT);
    if (i != NULL && (flags & O_EXCL) != 0)
        return fails(EEXIST);
    if (i == NULL) {
        char dir[FILES_PATH];
        (void)snprintf(dir, sizeof dir, "%.*s", (int)files_parent(path), path);
        if (files_find(dir) == NULL)
            return fails(ENOENT);
        if (!files_may_change())
            return -1;
        i = inode_new(false);
        files_change(path, i, NULL);
    } else if ((flags & O_TRUNC) != 0) {
        if (!files_may_change())
            return -1;
        i->n = 0;
        i->synced = false;
    }
    return handle_new(path, i);
}

static void put(struct inode *i, size_t at, const void *p, size_t n)
{
    if (at + n > i->cap) {
        i->cap = 2 * (at + n);
        i->data = sim_need(realloc(i->data, i->cap));
    }
    if (n > 0)
        memcpy(i->data + at, p, n);
    i->n = at + n > i->n ? at + n : i->n;
    i->at_s = clock_wall_ms() / 1000;
    i->synced = false;
}

/* A write that fails, or that the process ends in, has written a part. */
static ssize_t write_at(struct handle *h, const void *p, size_t n, size_t at)
{
    bool alive = !files_is_cut();
    if (!files_may_change()) {
        int why = errno;
        if (alive)
            put(h->inode, at, p, (size_t)rng_below(&sim.rng, n + 1));
        return fails(why);
    }
    put(h->inode, at, p, n);
    return (ssize_t)n;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return ours(path) ? file_open(path, flags) : __real_open(path, flags, mode);
}

int __wrap_open64(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
    va_end(ap);
    return ours(path) ? file_open(path, flags) : __real_open(path, flags, mode);
}

int __wrap_close(int fd)
{
    struct handle *h = handle_of(fd);
    if (h == NULL)
        return __real_close(fd);
    h->inode = NULL;
    return 0;
}

static ssize_t read_at(struct handle *h, void *p, size_t n)
{
    const struct inode *i = h->inode;
    size_t bytes = files.sees_disk ? i->n_disk : i->n;
    const uint8_t *data = files.sees_disk ? i->disk : i->data;
    size_t left = h->at < bytes ? bytes - h->at : 0;
    n = n < left ? n : left;
    if (n > 0)
        memcpy(p, data + h->at, n);
    h->at += n;
    return (ssize_t)n;
}

ssize_t __wrap_read(int fd, void *p, size_t n)
{
    struct handle *h = handle_of(fd);
    return h == NULL ? __real_read(fd, p, n) : read_at(h, p, n);
}

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
    struct handle *h = handle_of(fd);
    if (h == NULL)
        return __real_write(fd, p, n);
    ssize_t done = write_at(h, p, n, h->at);
    h->at += done < 0 ? 0 : (size_t)done;
    return done;
}

ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at)
{
    struct handle *h = handle_of(fd);
    return h == NULL ? __real_pwrite64(fd, p, n, at) : write_at(h, p, n, (size_t)at);
}

off_t __wrap_lseek(int fd, off_t at, int whence)
{
    struct handle *h = handle_of(fd);
    if (h == NULL)
        return __real_lseek(fd, at, whence);
    off_t from = whence == SEEK_CUR ? (off_t)h->at : whence == SEEK_END ? (off_t)h->inode->n : 0;
    h->at = (size_t)(from + at);
    return from + at;
}

off_t __wrap_lseek64(int fd, off_t at, int whence)
{
    return __wrap_lseek(fd, at, whence);
}

int __wrap_fsync(int fd)
{
    struct handle *h = handle_of(fd);
    if (h == NULL)
        return __real_fsync(fd);
    if (!files_may_change())
        return -1;
    if (h->inode->is_dir)
        files_sync_dir(h->path);
    else
        files_sync_bytes(h->inode);
    return 0;
}

int __wrap_sync_file_range(int fd, off_t at, off_t n, unsigned flags)
{
    return handle_of(fd) == NULL ? __real_sync_file_range(fd, at, n, flags) : 0;
}

static int stat_of(const struct inode *i, struct stat *st)
{
    memset(st, 0, sizeof *st);
    st->st_mode = i->is_dir ? S_IFDIR | 0750 : S_IFREG | 0440;
    st->st_size = (off_t)(files.sees_disk ? i->n_disk : i->n);
    st->st_mtim.tv_sec = i->is_dir ? (time_t)i->changed : (time_t)i->at_s;
    return 0;
}

int __wrap_fstat(int fd, struct stat *st)
{
    struct handle *h = handle_of(fd);
    return h == NULL ? __real_fstat(fd, st) : stat_of(h->inode, st);
}

int __wrap_fstat64(int fd, struct stat *st)
{
    return __wrap_fstat(fd, st);
}

/* ---- names */

int __wrap_rename(const char *from, const char *to)
{
    if (!ours(from))
        return __real_rename(from, to);
    struct inode *i = files_find(from);
    if (i == NULL)
        return fails(ENOENT);
    if (!files_may_change())
        return -1;
    files_change(to, i, from);
    return 0;
}

int __wrap_unlink(const char *path)
{
    if (!ours(path))
        return __real_unlink(path);
    if (files_find(path) == NULL)
        return fails(ENOENT);
    if (!files_may_change())
        return -1;
    files_change(path, NULL, NULL);
    return 0;
}

int __wrap_access(const char *path, int mode)
{
    if (!ours(path))
        return __real_access(path, mode);
    return files_find(path) == NULL ? fails(ENOENT) : 0;
}

int __wrap_stat(const char *path, struct stat *st)
{
    if (!ours(path))
        return __real_stat(path, st);
    const struct inode *i = files_find(path);
    return i == NULL ? fails(ENOENT) : stat_of(i, st);
}

int __wrap_stat64(const char *path, struct stat *st)
{
    return __wrap_stat(path, st);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    if (!ours(path))
        return __real_mkdir(path, mode);
    if (files_find(path) != NULL)
        return fails(EEXIST);
    if (!files_may_change())
        return -1;
    files_change(path, inode_new(true), NULL);
    return 0;
}

/* ---- folders */

DIR *__wrap_opendir(const char *path)
{
    if (!ours(path))
        return __real_opendir(path);
    const struct inode *i = files_find(path);
    for (size_t k = 0; k < FOLDERS && i != NULL; k++) {
        struct folder *f = &folders[k];
        if (f->open)
            continue;
        f->open = true;
        (void)snprintf(f->path, sizeof f->path, "%s", path);
        f->next = files.sees_disk ? files.on_disk : files.names;
        return (DIR *)(void *)f;
    }
    (void)fails(ENOENT);
    return NULL;
}

static struct folder *folder_of(DIR *d)
{
    for (size_t k = 0; k < FOLDERS; k++)
        if ((void *)d == (void *)&folders[k])
            return &folders[k];
    return NULL;
}

struct dirent *__wrap_readdir(DIR *d)
{
    struct folder *f = folder_of(d);
    if (f == NULL)
        return __real_readdir(d);
    size_t n = strlen(f->path);
    while (f->next != NULL) {
        const struct name *e = f->next;
        f->next = e->hh.next;
        if (files_parent(e->path) != n || memcmp(e->path, f->path, n) != 0)
            continue;
        (void)snprintf(f->entry.d_name, sizeof f->entry.d_name, "%.200s", e->path + n + 1);
        return &f->entry;
    }
    return NULL;
}

int __wrap_closedir(DIR *d)
{
    struct folder *f = folder_of(d);
    if (f == NULL)
        return __real_closedir(d);
    f->open = false;
    return 0;
}

/* ---- streams, for reading */

static ssize_t stream_read(void *handle, char *p, size_t n)
{
    return read_at(handle, p, n);
}

static int stream_seek(void *handle, off64_t *at, int whence)
{
    struct handle *h = handle;
    *at = __wrap_lseek((int)(h - handles) + FD_BASE, *at, whence);
    return 0;
}

static int stream_close(void *handle)
{
    ((struct handle *)handle)->inode = NULL;
    return 0;
}

FILE *__wrap_fopen64(const char *path, const char *mode)
{
    if (!ours(path))
        return __real_fopen64(path, mode);
    int fd = file_open(path, O_RDONLY);
    struct handle *h = handle_of(fd);
    if (h == NULL)
        return NULL;
    h->stream = sim_need(fopencookie(
        h, "rb",
        (cookie_io_functions_t){.read = stream_read, .seek = stream_seek, .close = stream_close}));
    return h->stream;
}

int __wrap_fileno(FILE *f)
{
    for (int k = 0; k < FDS; k++)
        if (handles[k].inode != NULL && handles[k].stream == f)
            return FD_BASE + k;
    return __real_fileno(f);
}

/* The clock that files have their times of. */
time_t __wrap_time(time_t *out)
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    if (out != NULL)
        *out = now;
    return now;
}
