/* See kill_step.h. */
#include "services/ledger/kill_step.h"

#include <signal.h>
#include <unistd.h>

struct kill_step kill_step = {.at = -1};

int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __wrap_unlink(const char *path);

static void step(const char *path, bool renamed, bool before)
{
    if (kill_step.at < 0 || !kill_step.counts(path, renamed))
        return;
    if (before)
        kill_step.so_far++;
    if (kill_step.so_far == kill_step.at && before == kill_step.before)
        (void)kill(getpid(), SIGKILL);
}

int __wrap_rename(const char *from, const char *to)
{
    step(to, true, true);
    int r = __real_rename(from, to);
    step(to, true, false);
    return r;
}

int __wrap_unlink(const char *path)
{
    step(path, false, true);
    int r = __real_unlink(path);
    step(path, false, false);
    return r;
}
