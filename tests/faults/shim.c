/* Sits between a program and the kernel, see shim.h. Only for drills, and never instrumented: it
 * works inside programs with and without sanitizers.
 */
#include "faults/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define WATCHED_MAX 1024

/* What is interposed. The C library's headers put attributes on some that a definition may lack. */
ssize_t write(int fd, const void *p, size_t n);
ssize_t writev(int fd, const struct iovec *v, int n);
ssize_t send(int fd, const void *p, size_t n, int flags);
ssize_t recv(int fd, void *p, size_t n, int flags);
int fdatasync(int fd);
int fsync(int fd);
int rename(const char *from, const char *to);

static volatile struct faults *shared; /* NULL: inert */
static atomic_char asked[WATCHED_MAX]; /* a call of the Function went out on this descriptor */

__attribute__((constructor)) static void attach(void)
{
    char path[PATH_MAX];
    const char *dir = getenv("LIU_FAULTS");
    if (dir == NULL)
        return;
    (void)snprintf(path, sizeof path, "%s/%s.faults", dir, program_invocation_short_name);
    int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0)
        return;
    void *p = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    shared = p == MAP_FAILED ? NULL : p;
    (void)close(fd);
}

static void seen(void)
{
    (void)__atomic_add_fetch(&shared->seen, 1, __ATOMIC_SEQ_CST);
}

static bool armed(enum fault_point point)
{
    return shared != NULL && shared->point == (int64_t)point;
}

static bool comes_now(enum fault_point point)
{
    return armed(point) && __atomic_sub_fetch(&shared->countdown, 1, __ATOMIC_SEQ_CST) == 0;
}

static void die(void)
{
    seen();
    (void)kill(getpid(), SIGKILL);
}

static void at(enum fault_point point)
{
    if (comes_now(point))
        die();
}

/* ---- files */

/* Logs go on: a drill wants to read them. */
static bool is_file(int fd)
{
    struct stat st;
    int e = errno;
    bool yes = fd > STDERR_FILENO && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    errno = e;
    return yes;
}

static ssize_t no_space(int fd, const struct iovec *v)
{
    seen();
    if (v->iov_len > 1 && syscall(SYS_write, fd, v->iov_base, v->iov_len / 2) > 0)
        return (ssize_t)(v->iov_len / 2);
    errno = ENOSPC;
    return -1;
}

static ssize_t file_write(int fd, const struct iovec *v, int n)
{
    at(FAULT_BEFORE_WRITE);
    if (comes_now(FAULT_TORN_WRITE)) {
        (void)!syscall(SYS_write, fd, v->iov_base, v->iov_len / 2);
        die();
    }
    return shared->disk_full != 0 ? no_space(fd, v) : syscall(SYS_writev, fd, v, n);
}

static int file_sync(int fd, long call)
{
    if (shared == NULL || !is_file(fd))
        return (int)syscall(call, fd);
    at(FAULT_BEFORE_SYNC);
    if (shared->sync_delay_us > 0) {
        int64_t us = shared->sync_delay_us;
        struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
        seen();
        (void)nanosleep(&t, NULL);
    }
    int r = (int)syscall(call, fd);
    at(FAULT_AFTER_SYNC);
    return r;
}

int fdatasync(int fd)
{
    return file_sync(fd, SYS_fdatasync);
}

int fsync(int fd)
{
    return file_sync(fd, SYS_fsync);
}

int rename(const char *from, const char *to)
{
    at(FAULT_RENAME);
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---- sockets */

static sa_family_t family_of(int fd)
{
    struct sockaddr_storage sa;
    socklen_t n = sizeof sa;
    int e = errno;
    bool known = getsockname(fd, (struct sockaddr *)&sa, &n) == 0;
    errno = e;
    return known ? sa.ss_family : AF_UNSPEC;
}

static bool is_call(const void *p, size_t n)
{
    return memmem(p, n, "FCALL\r\n", 7) != NULL;
}

static ssize_t peer_send(int fd, const void *p, size_t n, int flags)
{
    bool call =
        (armed(FAULT_BEFORE_COMMIT) || armed(FAULT_AFTER_COMMIT) || armed(FAULT_AFTER_ANSWER)) &&
        is_call(p, n);
    bool reply =
        (armed(FAULT_BEFORE_REPLY) || armed(FAULT_AFTER_REPLY)) && family_of(fd) == AF_INET;
    if (call)
        at(FAULT_BEFORE_COMMIT);
    if (reply)
        at(FAULT_BEFORE_REPLY);
    ssize_t r = syscall(SYS_sendto, fd, p, n, flags, NULL, 0);
    if (call)
        at(FAULT_AFTER_COMMIT);
    if (reply)
        at(FAULT_AFTER_REPLY);
    if (call && fd < WATCHED_MAX)
        asked[fd] = 1;
    return r;
}

ssize_t send(int fd, const void *p, size_t n, int flags)
{
    return shared == NULL ? syscall(SYS_sendto, fd, p, n, flags, NULL, 0)
                          : peer_send(fd, p, n, flags);
}

ssize_t recv(int fd, void *p, size_t n, int flags)
{
    ssize_t r = syscall(SYS_recvfrom, fd, p, n, flags, NULL, NULL);
    if (shared != NULL && r > 0 && fd >= 0 && fd < WATCHED_MAX && atomic_exchange(&asked[fd], 0))
        at(FAULT_AFTER_ANSWER);
    return r;
}

ssize_t write(int fd, const void *p, size_t n)
{
    struct iovec v = {(void *)(uintptr_t)p, n};
    return shared == NULL || !is_file(fd) ? syscall(SYS_write, fd, p, n) : file_write(fd, &v, 1);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
    return shared == NULL || n < 1 || !is_file(fd) ? syscall(SYS_writev, fd, v, n)
                                                   : file_write(fd, v, n);
}

/* ---- the time of day */

static int64_t ahead_ms(clockid_t clock)
{
    return shared != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
               ? shared->clock_ahead_ms
               : 0;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    int64_t ms = ahead_ms(clock);
    int r = (int)syscall(SYS_clock_gettime, clock, t);
    if (r == 0 && ms != 0) {
        int64_t ns = t->tv_nsec + ms % 1000 * 1000000;
        t->tv_sec += ms / 1000 + (ns >= 1000000000) - (ns < 0);
        t->tv_nsec = ns + (ns < 0 ? 1000000000 : 0) - (ns >= 1000000000 ? 1000000000 : 0);
    }
    return r;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec t;
    (void)zone;
    int r = clock_gettime(CLOCK_REALTIME, &t);
    *tv = (struct timeval){.tv_sec = t.tv_sec, .tv_usec = t.tv_nsec / 1000};
    return r;
}

time_t time(time_t *out)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t);
    if (out != NULL)
        *out = t.tv_sec;
    return t.tv_sec;
}
