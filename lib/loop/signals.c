/* Signals arrive as a descriptor, so that handlers are ordinary callbacks. After the first TERM or
 * INT the default is put back in a stricter form: a real handler that ends the process, because the
 * second one is sent when the loop itself hangs.
 */
#include "loop/loop_private.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "obs/log.h"

static void end_now(int signo)
{
    (void)signo;
    _exit(1);
}

static void second_one_ends(void)
{
    struct sigaction act = {.sa_handler = end_now};
    sigset_t set;
    (void)sigemptyset(&act.sa_mask);
    (void)sigaction(SIGTERM, &act, NULL);
    (void)sigaction(SIGINT, &act, NULL);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void on_signal(void *arg, unsigned events)
{
    struct loop *l = arg;
    struct loop_signals *s = &l->signals;
    struct signalfd_siginfo info;
    (void)events;
    while (s->fd >= 0 && read(s->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGHUP) {
            log_event(LOG_LEVEL_INFO, "signal-reload", "SIGHUP: reloading", NULL);
            if (s->reload != NULL)
                s->reload(s->arg);
            continue;
        }
        log_event(LOG_LEVEL_INFO, "signal-stop", "stopping; a second signal ends at once", NULL);
        second_one_ends();
        if (s->stop != NULL)
            s->stop(s->arg);
    }
}

enum err loop_handle_signals(struct loop *l, loop_tick_fn *stop, loop_tick_fn *reload, void *arg)
{
    struct loop_signals *s = &l->signals;
    if (s->fd >= 0)
        return ERR_EXISTS;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t set;
    (void)sigemptyset(&ignore.sa_mask);
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGHUP);
    if (sigaction(SIGPIPE, &ignore, NULL) != 0)
        return ERR_IO;
    int rc = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (rc != 0) {
        errno = rc;
        return ERR_IO;
    }
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    *s = (struct loop_signals){.fd = fd, .stop = stop, .reload = reload, .arg = arg};
    enum err e = loop_add_fd(l, fd, LOOP_READ, 0, "signals", on_signal, l, &s->source);
    if (e != ERR_OK) {
        (void)close(fd);
        s->fd = -1;
    }
    return e;
}

void signals_fini(struct loop *l)
{
    struct loop_signals *s = &l->signals;
    if (s->fd < 0)
        return;
    loop_remove(s->source);
    (void)close(s->fd);
    s->fd = -1;
}
