/* Signals, each in a child of its own: what a first TERM, a second one and HUP do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "loop/loop.h"

struct seen {
    struct loop *loop;
    int stops;
    int reloads;
};

static void on_stop(void *arg)
{
    struct seen *s = arg;
    s->stops++;
    loop_stop(s->loop);
}

static void on_reload(void *arg)
{
    struct seen *s = arg;
    s->reloads++;
}

static void hang(void)
{
    for (;;) {
        struct timespec nap = {.tv_sec = 1};
        (void)nanosleep(&nap, NULL);
    }
}

static int drains_on(int signo)
{
    struct seen s = {.stops = 0};
    if (loop_create(&s.loop) != ERR_OK ||
        loop_handle_signals(s.loop, on_stop, on_reload, &s) != ERR_OK)
        return 10;
    if (loop_handle_signals(s.loop, on_stop, on_reload, &s) != ERR_EXISTS)
        return 11;
    (void)kill(getpid(), SIGHUP);
    (void)kill(getpid(), signo);
    if (loop_run(s.loop) != ERR_OK)
        return 12;
    loop_destroy(s.loop);
    return s.stops == 1 && s.reloads == 1 ? 0 : 13;
}

static int second_one_ends(int signo)
{
    struct seen s = {.stops = 0};
    if (loop_create(&s.loop) != ERR_OK || loop_handle_signals(s.loop, on_stop, NULL, &s) != ERR_OK)
        return 10;
    (void)kill(getpid(), SIGTERM);
    if (loop_run(s.loop) != ERR_OK)
        return 12;
    (void)kill(getpid(), signo);
    hang(); /* a loop that does not turn any more */
    return 14;
}

static int pipe_is_ignored(int signo)
{
    struct seen s = {.stops = 0};
    int ends[2];
    (void)signo;
    if (loop_create(&s.loop) != ERR_OK ||
        loop_handle_signals(s.loop, on_stop, NULL, &s) != ERR_OK || pipe(ends) != 0)
        return 10;
    (void)close(ends[0]);
    bool told = write(ends[1], "x", 1) < 0 && errno == EPIPE;
    (void)close(ends[1]);
    loop_destroy(s.loop);
    return told ? 0 : 11;
}

static void expect_exit(int (*body)(int), int signo, int status)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)alarm(20);
        _exit(body(signo));
    }
    int got = 0;
    assert_int_equal(waitpid(pid, &got, 0), pid);
    assert_true(WIFEXITED(got));
    assert_int_equal(WEXITSTATUS(got), status);
}

static void term_and_int_drain_and_hup_reloads(void **state)
{
    (void)state;
    expect_exit(drains_on, SIGTERM, 0);
    expect_exit(drains_on, SIGINT, 0);
}

static void a_second_signal_ends_even_a_hanging_loop(void **state)
{
    (void)state;
    expect_exit(second_one_ends, SIGTERM, 1);
    expect_exit(second_one_ends, SIGINT, 1);
}

static void a_closed_reader_does_not_kill(void **state)
{
    (void)state;
    expect_exit(pipe_is_ignored, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(term_and_int_drain_and_hup_reloads),
        cmocka_unit_test(a_second_signal_ends_even_a_hanging_loop),
        cmocka_unit_test(a_closed_reader_does_not_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
