/* Sits between redis-server and the kernel, see shim.h. Only for tests, and never instrumented:
 * redis-server is not.
 */
#include "durability/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

ssize_t write(int fd, const void *p, size_t n);
ssize_t writev(int fd, const struct iovec *v, int n);
int fdatasync(int fd);
int fsync(int fd);

#define TORN_BYTES 9u /* within the last EXEC, wherever transactions end */

static int log_fd = -1;
static ino_t file; /* the append-only file in use */
static uint64_t length;
static uint64_t synced;

static void path_of(char out[256], const char *name)
{
    const char *dir = getenv("LIU_SHIM_DIR");
    (void)snprintf(out, 256, "%s/%s", dir == NULL ? "/nonexistent" : dir, name);
}

static int told(const char *name)
{
    char path[256];
    path_of(path, name);
    return access(path, F_OK) == 0;
}

static void record(enum shim_kind kind, const void *p, size_t n)
{
    struct shim_record r = {(uint32_t)kind, (uint32_t)n, length, synced};
    struct iovec v[2] = {{&r, sizeof r}, {(void *)(uintptr_t)p, n}};
    if (log_fd < 0) {
        char path[256];
        path_of(path, "log");
        log_fd = open(path, O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0600);
    }
    (void)!syscall(SYS_writev, log_fd, v, n > 0 ? 2 : 1);
}

static int is_append_file(int fd, const struct stat *st)
{
    static const char end[] = ".incr.aof";
    char link[64];
    char path[512];
    if (!S_ISREG(st->st_mode))
        return 0;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path);
    return n > (ssize_t)sizeof end &&
           memcmp(path + n - (ssize_t)sizeof end + 1, end, sizeof end - 1) == 0;
}

static void wrote(int fd, const struct iovec *v, ssize_t n)
{
    static char reply[SHIM_REPLY_MAX];
    struct stat st;
    int e = errno;
    size_t kept = 0;
    if (n <= 0 || fstat(fd, &st) != 0)
        return;
    if (is_append_file(fd, &st)) {
        if (st.st_ino != file) { /* what it held before this process wrote counts as synced */
            file = st.st_ino;
            synced = (uint64_t)st.st_size - (uint64_t)n;
        }
        length = (uint64_t)st.st_size;
        record(SHIM_WRITE, NULL, 0);
    } else if (S_ISSOCK(st.st_mode)) {
        for (size_t left = (size_t)n; left > 0 && kept < sizeof reply; v++) {
            size_t part = v->iov_len < left ? v->iov_len : left;
            left -= part;
            part = part < sizeof reply - kept ? part : sizeof reply - kept;
            memcpy(reply + kept, v->iov_base, part);
            kept += part;
        }
        record(SHIM_REPLY, reply, kept);
    }
    errno = e;
}

ssize_t write(int fd, const void *p, size_t n)
{
    struct iovec v = {(void *)(uintptr_t)p, n};
    ssize_t r = syscall(SYS_write, fd, p, n);
    wrote(fd, &v, r);
    return r;
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
    ssize_t r = syscall(SYS_writev, fd, v, n);
    wrote(fd, v, r);
    return r;
}

static void lose(int fd, uint64_t keep)
{
    record(SHIM_LOST, NULL, 0);
    (void)!ftruncate(fd, (off_t)(synced + keep));
    (void)syscall(SYS_fsync, fd);
    (void)kill(getpid(), SIGKILL);
}

static int sync_one(int fd, long call)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !is_append_file(fd, &st) || st.st_ino != file)
        return (int)syscall(call, fd);
    if (told("lose"))
        lose(fd, 0);
    if (told("torn"))
        lose(fd, length - synced - TORN_BYTES);
    if (told("lie"))
        return 0;
    int r = (int)syscall(call, fd);
    if (r == 0)
        synced = (uint64_t)st.st_size;
    record(SHIM_SYNC, NULL, 0);
    return r;
}

int fdatasync(int fd)
{
    return sync_one(fd, SYS_fdatasync);
}

int fsync(int fd)
{
    return sync_one(fd, SYS_fsync);
}
