/* What this machine takes for one durable write with nothing around it, as far apart as the
 * critical alerts that are compared with it: back to back everything is warm, and half as long.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "drive/drive.h"

#define VALUE_BYTES_MAX 65536

static int dial(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && text_copy(at.sun_path, sizeof at.sun_path, path) &&
        connect(fd, (const struct sockaddr *)&at, sizeof at) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static bool set_once(int fd, const char *command, size_t bytes)
{
    char answer[64];
    ssize_t n = send(fd, command, bytes, MSG_NOSIGNAL);
    if (n < 0 || (size_t)n != bytes)
        return false;
    n = recv(fd, answer, sizeof answer, 0);
    return n == 5 && memcmp(answer, "+OK\r\n", 5) == 0;
}

static int measure(struct cli *c, int fd, uint64_t count, uint64_t pause_ms, uint64_t bytes,
                   struct samples *out)
{
    static char command[VALUE_BYTES_MAX + 128];
    static char value[VALUE_BYTES_MAX + 1];
    memset(value, 'x', bytes);
    int n = snprintf(command, sizeof command,
                     "*3\r\n$3\r\nSET\r\n$15\r\nliu-drive:floor\r\n$%llu\r\n%s\r\n",
                     (unsigned long long)bytes, value);
    for (uint64_t i = 0; i < count; i++) {
        (void)nanosleep(&(struct timespec){.tv_sec = (time_t)(pause_ms / 1000),
                                           .tv_nsec = (long)(pause_ms % 1000) * 1000000},
                        NULL);
        int64_t began = clock_mono_us();
        if (!set_once(fd, command, (size_t)n))
            return cli_fail(c, CLI_TEMPORARY, "Redis did not take a SET");
        samples_add(out, clock_mono_us() - began);
    }
    return CLI_OK;
}

int drive_floor(struct cli *c, struct cli_args *a)
{
    struct samples samples = {0};
    uint64_t count;
    uint64_t pause_ms;
    uint64_t bytes;
    const char *path = cli_option(a, "--redis");
    const char *out = cli_option(a, "--out");
    if (!drive_number(c, a, "--count", 200, 1000000, &count) ||
        !drive_number(c, a, "--pause-ms", 5, 10000, &pause_ms) ||
        !drive_number(c, a, "--bytes", 6000, VALUE_BYTES_MAX, &bytes) || !cli_done(c, a))
        return CLI_USAGE;
    if (path == NULL)
        return cli_usage(c, "give --redis SOCKET");
    int fd = dial(path);
    if (fd < 0)
        return cli_fail(c, CLI_TEMPORARY, "%s: Redis does not answer there", path);
    int status = measure(c, fd, count, pause_ms, bytes, &samples);
    (void)close(fd);
    json_t *j = json_object();
    (void)json_object_set_new(
        j, "what", json_string("one SET of a suspension's size at a time, fsync always"));
    (void)json_object_set_new(j, "bytes", json_integer((json_int_t)bytes));
    (void)json_object_set_new(j, "latency", samples_json(&samples));
    int wrote = drive_report(c, j, out);
    samples_fini(&samples);
    return status == CLI_OK ? wrote : status;
}
