/* Turns of the loop: who is called, in which order, and who is not called any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <zmq.h>

#include "base/clock.h"
#include "base/limits.h"
#include "loop/loop.h"

static char trace[256];

static void note(const char *word)
{
    size_t used = strlen(trace);
    (void)snprintf(trace + used, sizeof(trace) - used, "%s ", word);
}

struct probe {
    const char *word;
    struct loop *loop;
    int fd;
    bool read_it;
    unsigned seen;
    int calls;
    struct loop_source *source;
    struct loop_source *victim;
    struct loop_timer *timer;
    struct loop_timer *victim_timer;
};

static void on_fd(void *arg, unsigned events)
{
    struct probe *p = arg;
    p->calls++;
    p->seen = events;
    note(p->word);
    uint64_t v;
    if (p->read_it)
        (void)!read(p->fd, &v, sizeof(v));
    if (p->victim != NULL) {
        loop_remove(p->victim);
        p->victim = NULL;
    }
}

static void on_timer(void *arg)
{
    struct probe *p = arg;
    p->calls++;
    note(p->word);
    if (p->victim_timer != NULL) {
        loop_cancel_timer(p->victim_timer);
        p->victim_timer = NULL;
    }
}

static struct loop *fresh_loop(void)
{
    struct loop *l = NULL;
    trace[0] = '\0';
    assert_int_equal(loop_create(&l), ERR_OK);
    return l;
}

static int ready_fd(void)
{
    int fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static void lower_priority_number_runs_first(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    struct probe p[4] = {{.word = "p5"}, {.word = "p0"}, {.word = "p3a"}, {.word = "p3b"}};
    unsigned priority[4] = {5, 0, 3, 3};
    for (int i = 0; i < 4; i++) {
        p[i].fd = ready_fd();
        assert_int_equal(
            loop_add_fd(l, p[i].fd, LOOP_READ, priority[i], p[i].word, on_fd, &p[i], &p[i].source),
            ERR_OK);
    }
    assert_int_equal(loop_turn(l, 1000), ERR_OK);
    assert_string_equal(trace, "p0 p3a p3b p5 ");
    loop_destroy(l);
    for (int i = 0; i < 4; i++)
        (void)close(p[i].fd);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    assert_int_equal(loop_add_fd(l, 0, LOOP_READ, 8, "x", on_fd, NULL, NULL), ERR_INVAL);
    assert_int_equal(loop_add_fd(l, -1, LOOP_READ, 0, "x", on_fd, NULL, NULL), ERR_INVAL);
    assert_int_equal(loop_add_fd(l, 0, LOOP_READ, 0, "x", NULL, NULL, NULL), ERR_INVAL);
    assert_int_equal(loop_add_socket(l, NULL, LOOP_READ, 0, "x", on_fd, NULL, NULL), ERR_INVAL);
    assert_int_equal(loop_add_timer(l, 0, -1, on_timer, NULL, NULL), ERR_INVAL);
    assert_int_equal(loop_turn(l, -1), ERR_INTERNAL); /* would sleep for ever */
    loop_destroy(l);
    loop_destroy(NULL);
}

static void sources_are_bounded(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    for (int i = 0; i < LIMIT_LOOP_SOURCES; i++)
        assert_int_equal(loop_add_fd(l, 0, 0, 0, "x", on_fd, NULL, NULL), ERR_OK);
    assert_int_equal(loop_add_fd(l, 0, 0, 0, "x", on_fd, NULL, NULL), ERR_LIMIT);
    loop_destroy(l);
}

static void a_source_removed_in_the_turn_is_not_called(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    struct probe first = {.word = "first", .fd = ready_fd()};
    struct probe second = {.word = "second", .fd = ready_fd()};
    assert_int_equal(
        loop_add_fd(l, second.fd, LOOP_READ, 2, "second", on_fd, &second, &second.source), ERR_OK);
    assert_int_equal(loop_add_fd(l, first.fd, LOOP_READ, 1, "first", on_fd, &first, &first.source),
                     ERR_OK);
    first.victim = second.source;
    assert_int_equal(loop_turn(l, 1000), ERR_OK);
    assert_int_equal(second.calls, 0);
    first.victim = first.source; /* itself */
    assert_int_equal(loop_turn(l, 1000), ERR_OK);
    assert_int_equal(loop_turn(l, 0), ERR_OK);
    assert_int_equal(first.calls, 2);
    loop_destroy(l);
    (void)close(first.fd);
    (void)close(second.fd);
}

static void a_paused_source_is_silent_until_resumed(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    struct probe p = {.word = "p", .fd = ready_fd()};
    assert_int_equal(loop_add_fd(l, p.fd, LOOP_READ, 0, "p", on_fd, &p, &p.source), ERR_OK);
    loop_set_events(p.source, 0);
    assert_int_equal(loop_turn(l, 0), ERR_OK);
    assert_int_equal(p.calls, 0);
    loop_set_events(p.source, LOOP_WRITE);
    assert_int_equal(loop_turn(l, 0), ERR_OK);
    assert_int_equal(p.calls, 1);
    assert_int_equal(p.seen, LOOP_WRITE);
    loop_destroy(l);
    (void)close(p.fd);
}

static void a_hang_up_comes_as_read(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct probe p = {.word = "p", .fd = ends[1]};
    assert_int_equal(loop_add_fd(l, ends[1], LOOP_WRITE, 0, "p", on_fd, &p, &p.source), ERR_OK);
    (void)close(ends[0]);
    assert_int_equal(loop_turn(l, 1000), ERR_OK);
    assert_true((p.seen & LOOP_READ) != 0);
    loop_destroy(l);
    (void)close(ends[1]);
}

/* ---- a ZeroMQ socket whose callback takes only some of what waits */

struct taker {
    void *socket;
    int per_turn;
    int taken;
    int calls;
};

static void on_socket(void *arg, unsigned events)
{
    struct taker *t = arg;
    (void)events;
    t->calls++;
    char b[8];
    for (int i = 0; i < t->per_turn; i++)
        if (zmq_recv(t->socket, b, sizeof(b), ZMQ_DONTWAIT) >= 0)
            t->taken++;
}

static void messages_left_behind_wake_the_next_turn(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    void *ctx = zmq_ctx_new();
    void *in = zmq_socket(ctx, ZMQ_PULL), *out = zmq_socket(ctx, ZMQ_PUSH);
    assert_int_equal(zmq_bind(in, "inproc://t"), 0);
    assert_int_equal(zmq_connect(out, "inproc://t"), 0);
    struct taker t = {.socket = in, .per_turn = 2};
    assert_int_equal(loop_add_socket(l, in, LOOP_READ, 0, "pull", on_socket, &t, NULL), ERR_OK);
    for (int i = 0; i < 7; i++)
        assert_int_equal(zmq_send(out, "x", 1, 0), 1);
    for (int turn = 1; turn <= 4; turn++) {
        assert_int_equal(loop_turn(l, 2000), ERR_OK);
        assert_int_equal(t.taken, turn < 4 ? turn * 2 : 7);
    }
    assert_int_equal(loop_turn(l, 0), ERR_OK);
    assert_int_equal(t.calls, 4);
    loop_destroy(l);
    assert_int_equal(zmq_close(in), 0);
    assert_int_equal(zmq_close(out), 0);
    assert_int_equal(zmq_ctx_term(ctx), 0);
}

/* ---- timers */

static void turns_for(struct loop *l, int64_t ms)
{
    int64_t end = clock_mono_ms() + ms;
    for (int64_t now = clock_mono_ms(); now < end; now = clock_mono_ms())
        assert_int_equal(loop_turn(l, end - now), ERR_OK);
}

static void timers_fire_by_due_time_then_by_age(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    struct probe p[5] = {
        {.word = "30"}, {.word = "10a"}, {.word = "20"}, {.word = "10b"}, {.word = "0"}};
    int64_t delay[5] = {30, 10, 20, 10, -5};
    for (int i = 0; i < 5; i++)
        assert_int_equal(loop_add_timer(l, delay[i], 0, on_timer, &p[i], &p[i].timer), ERR_OK);
    turns_for(l, 60);
    assert_string_equal(trace, "0 10a 10b 20 30 ");
    loop_destroy(l);
}

static void of_many_timers_each_fires_once_unless_cancelled(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    enum { N = 500 };
    static struct probe p[N];
    for (int i = 0; i < N; i++) {
        p[i] = (struct probe){.word = ""};
        assert_int_equal(loop_add_timer(l, (i * 37) % 50, 0, on_timer, &p[i], &p[i].timer), ERR_OK);
    }
    for (int i = 0; i < N; i += 3)
        loop_cancel_timer(p[i].timer);
    turns_for(l, 150);
    for (int i = 0; i < N; i++)
        assert_int_equal(p[i].calls, i % 3 == 0 ? 0 : 1);
    loop_destroy(l);
}

/* The last of the heap moves into the hole and is earlier than what is above it. */
static void cancelling_in_another_branch_keeps_the_order(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    struct probe p[9] = {{.word = "1"},  {.word = "50"}, {.word = "2"},
                         {.word = "60"}, {.word = "70"}, {.word = "3"},
                         {.word = "4"},  {.word = "80"}, {.word = "90"}};
    int64_t delay[9] = {1, 50, 2, 60, 70, 3, 4, 80, 90};
    for (int i = 0; i < 9; i++) {
        if (i == 7)
            loop_cancel_timer(p[3].timer);
        assert_int_equal(loop_add_timer(l, delay[i], 0, on_timer, &p[i], &p[i].timer), ERR_OK);
    }
    turns_for(l, 120);
    assert_string_equal(trace, "1 2 3 4 50 70 80 90 ");
    loop_destroy(l);
}

static void a_timer_may_cancel_another_and_itself(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    struct probe killer = {.word = "killer"}, victim = {.word = "victim"}, own = {.word = "own"};
    assert_int_equal(loop_add_timer(l, 5, 0, on_timer, &killer, &killer.timer), ERR_OK);
    assert_int_equal(loop_add_timer(l, 5, 0, on_timer, &victim, &victim.timer), ERR_OK);
    assert_int_equal(loop_add_timer(l, 6, 2, on_timer, &own, &own.timer), ERR_OK);
    killer.victim_timer = victim.timer;
    own.victim_timer = own.timer;
    turns_for(l, 40);
    assert_string_equal(trace, "killer own ");
    loop_destroy(l);
}

static void a_one_shot_may_cancel_itself(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    struct probe own = {.word = "own"};
    assert_int_equal(loop_add_timer(l, 0, 0, on_timer, &own, &own.timer), ERR_OK);
    own.victim_timer = own.timer;
    turns_for(l, 5);
    assert_int_equal(own.calls, 1);
    loop_destroy(l);
}

static void a_period_repeats_and_missed_ones_are_not_made_up(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    struct probe p = {.word = "p"};
    assert_int_equal(loop_add_timer(l, 10, 10, on_timer, &p, &p.timer), ERR_OK);
    struct timespec nap = {.tv_nsec = 65 * 1000 * 1000};
    (void)nanosleep(&nap, NULL);
    assert_int_equal(loop_turn(l, 0), ERR_OK);
    assert_int_equal(loop_turn(l, 0), ERR_OK);
    assert_int_equal(p.calls, 1);
    int64_t start = clock_mono_ms();
    turns_for(l, 25);
    assert_in_range(p.calls, 2, 2 + (clock_mono_ms() - start) / 10);
    loop_cancel_timer(p.timer);
    loop_destroy(l);
}

static void re_arm(void *arg)
{
    struct probe *p = arg;
    p->calls++;
    assert_int_equal(loop_add_timer(p->loop, 0, 0, re_arm, p, NULL), ERR_OK);
}

static void a_timer_of_zero_fires_once_a_turn(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    struct probe p = {.loop = l};
    assert_int_equal(loop_add_timer(l, 0, 0, re_arm, &p, NULL), ERR_OK);
    for (int turn = 1; turn <= 10; turn++) {
        assert_int_equal(loop_turn(l, 1000), ERR_OK);
        assert_int_equal(p.calls, turn);
    }
    loop_destroy(l);
}

static void timers_of_one_turn_are_bounded(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    struct probe p = {.word = ""};
    for (int i = 0; i < LIMIT_TIMERS_PER_TURN + 10; i++)
        assert_int_equal(loop_add_timer(l, 0, 0, on_timer, &p, NULL), ERR_OK);
    assert_int_equal(loop_turn(l, 1000), ERR_OK);
    assert_int_equal(p.calls, LIMIT_TIMERS_PER_TURN);
    assert_int_equal(loop_turn(l, 1000), ERR_OK);
    assert_int_equal(p.calls, LIMIT_TIMERS_PER_TURN + 10);
    loop_destroy(l);
}

/* ---- after, again, stop, slow */

static void on_after(void *arg)
{
    note(arg);
}

static void after_callbacks_end_each_turn_in_order(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    struct probe p = {.word = "source", .fd = ready_fd()}, t = {.word = "timer"};
    char a[] = "a", b[] = "b";
    assert_int_equal(loop_add_after(l, on_after, a), ERR_OK);
    assert_int_equal(loop_add_after(l, on_after, b), ERR_OK);
    assert_int_equal(loop_add_timer(l, 0, 0, on_timer, &t, NULL), ERR_OK);
    assert_int_equal(loop_add_fd(l, p.fd, LOOP_READ, 0, "p", on_fd, &p, NULL), ERR_OK);
    assert_int_equal(loop_turn(l, 1000), ERR_OK);
    assert_string_equal(trace, "source timer a b ");
    for (int i = 2; i < 16; i++)
        assert_int_equal(loop_add_after(l, on_after, a), ERR_OK);
    assert_int_equal(loop_add_after(l, on_after, a), ERR_LIMIT);
    loop_destroy(l);
    (void)close(p.fd);
}

static void again_skips_one_sleep(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    struct probe p = {.word = "late"};
    assert_int_equal(loop_add_timer(l, 800, 0, on_timer, &p, NULL), ERR_OK);
    loop_again(l);
    int64_t start = clock_mono_ms();
    assert_int_equal(loop_turn(l, -1), ERR_OK);
    assert_in_range(clock_mono_ms() - start, 0, 600);
    assert_int_equal(p.calls, 0);
    assert_int_equal(loop_turn(l, -1), ERR_OK);
    assert_int_equal(p.calls, 1);
    loop_destroy(l);
}

static void stop_at_third(void *arg)
{
    struct probe *p = arg;
    assert_int_equal(loop_turn(p->loop, 0), ERR_INTERNAL); /* a turn within a turn */
    if (++p->calls == 3)
        loop_stop(p->loop);
}

static void run_goes_on_until_stop(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    struct probe p = {.loop = l};
    assert_int_equal(loop_add_timer(l, 1, 1, stop_at_third, &p, NULL), ERR_OK);
    assert_int_equal(loop_run(l), ERR_OK);
    assert_int_equal(p.calls, 3);
    loop_destroy(l);
}

static void sleep_long(void *arg)
{
    (void)arg;
    struct timespec nap = {.tv_nsec = 12 * 1000 * 1000};
    (void)nanosleep(&nap, NULL);
}

static void sleepy_source(void *arg, unsigned events)
{
    (void)events;
    sleep_long(arg);
}

static void a_slow_turn_names_its_slowest_source(void **state)
{
    (void)state;
    struct loop *l = fresh_loop();
    char path[] = "/tmp/liu-loop-XXXXXX";
    int file = mkstemp(path), saved = dup(STDERR_FILENO), fd = ready_fd();
    assert_true(file >= 0 && saved >= 0);
    assert_int_equal(loop_add_fd(l, fd, LOOP_READ, 0, "sleepy", sleepy_source, NULL, NULL), ERR_OK);
    assert_true(dup2(file, STDERR_FILENO) >= 0);
    enum err e = loop_turn(l, 1000);
    enum err again = loop_turn(l, 1000); /* within a second: counted, not written */
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    char text[4096] = "";
    assert_true(pread(file, text, sizeof(text) - 1, 0) > 0);
    assert_int_equal(e, ERR_OK);
    assert_int_equal(again, ERR_OK);
    char *line = strstr(text, "slow-turn");
    assert_non_null(line);
    assert_non_null(strstr(line, "sleepy"));
    assert_null(strstr(line + 1, "slow-turn"));
    loop_destroy(l);
    (void)unlink(path);
    (void)close(file);
    (void)close(saved);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lower_priority_number_runs_first),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(sources_are_bounded),
        cmocka_unit_test(a_source_removed_in_the_turn_is_not_called),
        cmocka_unit_test(a_paused_source_is_silent_until_resumed),
        cmocka_unit_test(a_hang_up_comes_as_read),
        cmocka_unit_test(messages_left_behind_wake_the_next_turn),
        cmocka_unit_test(timers_fire_by_due_time_then_by_age),
        cmocka_unit_test(of_many_timers_each_fires_once_unless_cancelled),
        cmocka_unit_test(cancelling_in_another_branch_keeps_the_order),
        cmocka_unit_test(a_timer_may_cancel_another_and_itself),
        cmocka_unit_test(a_one_shot_may_cancel_itself),
        cmocka_unit_test(a_period_repeats_and_missed_ones_are_not_made_up),
        cmocka_unit_test(a_timer_of_zero_fires_once_a_turn),
        cmocka_unit_test(timers_of_one_turn_are_bounded),
        cmocka_unit_test(after_callbacks_end_each_turn_in_order),
        cmocka_unit_test(again_skips_one_sleep),
        cmocka_unit_test(run_goes_on_until_stop),
        cmocka_unit_test(a_slow_turn_names_its_slowest_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
