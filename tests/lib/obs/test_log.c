/* Log lines are valid JSON whatever is in them, and a reader who stops costs lines, never time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/clock.h"
#include "obs/log.h"

static int saved_stderr;
static int pipe_fd[2];
static char text[2 * 1024 * 1024];
static size_t text_n;

static int catch_stderr(void **state)
{
    (void)state;
    text_n = 0;
    saved_stderr = dup(STDERR_FILENO);
    if (saved_stderr < 0 || pipe2(pipe_fd, O_CLOEXEC) != 0)
        return -1;
    log_set_level(LOG_LEVEL_INFO);
    return dup2(pipe_fd[1], STDERR_FILENO) < 0 ? -1 : 0;
}

static void give_back(void)
{
    if (saved_stderr < 0)
        return;
    (void)dup2(saved_stderr, STDERR_FILENO);
    (void)close(saved_stderr);
    (void)close(pipe_fd[1]);
    saved_stderr = -1;
}

static int release_stderr(void **state)
{
    (void)state;
    log_stop();
    give_back();
    return close(pipe_fd[0]);
}

static void read_some(size_t most)
{
    ssize_t n = read(pipe_fd[0], text + text_n, most);
    assert_true(n >= 0);
    text_n += (size_t)n;
}

/* All that was written, NUL-terminated; nothing more can come. */
static void read_rest(void)
{
    give_back();
    size_t before;
    do {
        before = text_n;
        assert_true(text_n < sizeof text - 1);
        read_some(sizeof text - 1 - text_n);
    } while (text_n > before);
    text[text_n] = '\0';
}

/* The next line as JSON, *at moved behind it; NULL at the end. */
static json_t *next_line(char **at)
{
    char *end = strchr(*at, '\n');
    if (end == NULL)
        return NULL;
    *end = '\0';
    json_t *o = json_loads(*at, JSON_REJECT_DUPLICATES, NULL);
    if (o == NULL)
        fail_msg("not JSON: %s", *at);
    *at = end + 1;
    return o;
}

static const char *value(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    return s == NULL ? "(none)" : s;
}

static void line_has_time_level_service_event_message_and_pairs(void **state)
{
    char *at = text;
    (void)state;
    assert_int_equal(log_start("intake", LOG_LEVEL_INFO), ERR_OK);
    log_event(LOG_LEVEL_WARN, "redis-lost", "connection lost", "address", "a:1", "why", "gone",
              NULL);
    log_stop();
    read_rest();
    json_t *o = next_line(&at);
    assert_non_null(o);
    assert_int_equal(strlen(value(o, "time")), 24);
    assert_int_equal(value(o, "time")[23], 'Z');
    assert_string_equal(value(o, "level"), "warn");
    assert_string_equal(value(o, "service"), "intake");
    assert_string_equal(value(o, "event"), "redis-lost");
    assert_string_equal(value(o, "message"), "connection lost");
    assert_string_equal(value(o, "address"), "a:1");
    assert_string_equal(value(o, "why"), "gone");
    assert_int_equal(json_object_size(o), 7);
    json_decref(o);
    assert_null(next_line(&at));
}

static void hostile_values_stay_inside_their_string(void **state)
{
    static const struct {
        const char *in;
        const char *out;
    } rows[] = {
        {"\"}{\\", "\"}{\\"},
        {"a\nb\r\t\x1b[31m\x7f", "a\nb\r\t\x1b[31m\x7f"},
        {"\xe5\xbd\xb1\xe9\x9f\xbf", "\xe5\xbd\xb1\xe9\x9f\xbf"},
        {"\xc2\x9b"
         "31m",
         "\xc2\x9b"
         "31m"},
        {"a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"cut\xe5\xbd", "cut\xef\xbf\xbd\xef\xbf\xbd"},
        {"", ""},
    };
    char *at = text;
    (void)state;
    assert_int_equal(log_start("intake", LOG_LEVEL_INFO), ERR_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        log_event(LOG_LEVEL_INFO, "test", rows[i].in, "value", rows[i].in, NULL);
    log_event(LOG_LEVEL_INFO, "test", "no value", "value", (const char *)NULL);
    log_stop();
    read_rest();
    for (size_t i = 0; i < text_n; i++) /* nothing raw that a terminal would obey */
        assert_true((unsigned char)text[i] >= 0x20 || text[i] == '\n');
    assert_null(strstr(text, "\xc2\x9b"));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *o = next_line(&at);
        assert_non_null(o);
        assert_string_equal(value(o, "value"), rows[i].out);
        assert_string_equal(value(o, "message"), rows[i].out);
        json_decref(o);
    }
}

/* 12 lines a round: what a pipe holds while nobody reads. */
static void cut_round(size_t from)
{
    static char big[3 * 4096];
    char *at = text;
    memset(big, '\\', sizeof big - 1); /* each becomes two bytes */
    assert_int_equal(log_start("intake", LOG_LEVEL_INFO), ERR_OK);
    for (size_t n = from; n < from + 12; n++)
        log_event(LOG_LEVEL_INFO, n % 2 == 0 ? "even" : "event", big + sizeof big - 1 - n / 2,
                  "name", "value", "name2", big + sizeof big - 1 - (n - from), "name3", "x", NULL);
    log_stop();
    read_rest();
    for (size_t n = from; n < from + 12; n++) {
        char *start = at;
        json_t *o = next_line(&at);
        assert_non_null(o);
        assert_true(strlen(start) < 4096);
        if (json_object_get(o, "cut") == NULL)
            assert_string_equal(value(o, "name3"), "x");
        else
            assert_true(strlen(start) > 4000);
        json_decref(o);
    }
}

static void long_lines_are_cut_and_still_json(void **state)
{
    for (size_t from = 3600; from < 3960; from += 12) {
        cut_round(from);
        assert_int_equal(release_stderr(state), 0);
        assert_int_equal(catch_stderr(state), 0);
    }
}

static void lines_below_the_level_are_not_written(void **state)
{
    char *at = text;
    (void)state;
    assert_int_equal(log_start("intake", LOG_LEVEL_WARN), ERR_OK);
    log_event(LOG_LEVEL_INFO, "quiet", "m", NULL);
    log_set_level(LOG_LEVEL_DEBUG);
    log_event(LOG_LEVEL_DEBUG, "loud", "m", NULL);
    log_stop();
    read_rest();
    json_t *o = next_line(&at);
    assert_non_null(o);
    assert_string_equal(value(o, "event"), "loud");
    json_decref(o);
    assert_null(next_line(&at));
}

static void stopped_reader_never_stops_the_caller(void **state)
{
    enum { LINES = 20000 };
    char *at = text;
    json_t *o;
    uint64_t seen = 0;
    uint64_t told = 0;
    int64_t last = -1;
    (void)state;
    assert_int_equal(log_start("intake", LOG_LEVEL_INFO), ERR_OK);
    int64_t started_ms = clock_mono_ms();
    for (int i = 0; i < LINES; i++) {
        char number[16];
        (void)snprintf(number, sizeof number, "%d", i);
        log_event(LOG_LEVEL_INFO, "flood", "nobody reads this", "n", number, NULL);
    }
    assert_true(clock_mono_ms() - started_ms < 5000);
    uint64_t dropped = log_dropped();
    assert_true(dropped > 0);

    /* the reader comes back: what was kept is whole and in order, and the loss is told */
    while (memmem(text, text_n, "log-lines-dropped", 17) == NULL)
        read_some(65536);
    log_event(LOG_LEVEL_INFO, "after", "m", NULL);
    while (memmem(text, text_n, "\"after\"", 7) == NULL)
        read_some(65536);
    log_stop();
    read_rest();
    while ((o = next_line(&at)) != NULL) {
        if (strcmp(value(o, "event"), "flood") == 0) {
            int64_t n = strtol(value(o, "n"), NULL, 10);
            assert_true(n > last);
            last = n;
            seen++;
        } else if (strcmp(value(o, "event"), "log-lines-dropped") == 0) {
            told += strtoull(value(o, "count"), NULL, 10);
        } else {
            assert_string_equal(value(o, "event"), "after");
        }
        json_decref(o);
    }
    assert_int_equal(told, dropped);
    assert_int_equal(seen + dropped, LINES);
}

static void stop_does_not_wait_for_a_stopped_reader(void **state)
{
    (void)state;
    assert_int_equal(log_start("intake", LOG_LEVEL_INFO), ERR_OK);
    for (int i = 0; i < 5000; i++)
        log_event(LOG_LEVEL_INFO, "flood", "nobody reads this", NULL);
    int64_t started_ms = clock_mono_ms();
    log_stop();
    int64_t took_ms = clock_mono_ms() - started_ms;
    assert_true(took_ms < 1500);
    log_event(LOG_LEVEL_INFO, "late", "after the end", NULL); /* returns as well */
    assert_true(clock_mono_ms() - started_ms < 2000);
}

static void writer_takes_no_signals(void **state)
{
    sigset_t term;
    sigset_t pending;
    (void)state;
    assert_int_equal(log_start("intake", LOG_LEVEL_INFO), ERR_OK);
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &term, NULL), 0);
    assert_int_equal(kill(getpid(), SIGTERM), 0); /* would end the process in any open thread */
    (void)usleep(20000);
    assert_int_equal(sigpending(&pending), 0);
    assert_int_equal(sigismember(&pending, SIGTERM), 1);
    int sig = 0;
    assert_int_equal(sigwait(&term, &sig), 0);
    assert_int_equal(sigprocmask(SIG_UNBLOCK, &term, NULL), 0);
}

static void closed_reader_is_survived(void **state)
{
    (void)state;
    struct sigaction old;
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    assert_int_equal(sigaction(SIGPIPE, &ignore, &old), 0);
    assert_int_equal(log_start("intake", LOG_LEVEL_INFO), ERR_OK);
    int other[2];
    assert_int_equal(pipe(other), 0);
    assert_int_equal(dup2(other[1], STDERR_FILENO), STDERR_FILENO);
    (void)close(other[0]);
    (void)close(other[1]);
    for (int i = 0; i < 100; i++)
        log_event(LOG_LEVEL_INFO, "test", "nobody is there", NULL);
    log_stop();
    assert_int_equal(sigaction(SIGPIPE, &old, NULL), 0);
}

static void it_starts_once_and_again_after_a_stop(void **state)
{
    (void)state;
    log_stop(); /* nothing to stop */
    assert_int_equal(log_start("a", LOG_LEVEL_INFO), ERR_OK);
    assert_int_equal(log_start("a", LOG_LEVEL_INFO), ERR_EXISTS);
    log_stop();
    assert_int_equal(log_start("b", LOG_LEVEL_INFO), ERR_OK);
    log_event(LOG_LEVEL_INFO, "test", "m", NULL);
    log_stop();
    read_rest();
    assert_non_null(strstr(text, "\"service\":\"b\""));
}

/* Runs first: before log_start lines are text. */
static void tools_write_plain_text(void **state)
{
    (void)state;
    log_event(LOG_LEVEL_ERROR, "key-bad", "cannot read \"key\"\x1b[2J", "path", "/a \"b\"", NULL);
    read_rest();
    assert_string_equal(text,
                        "error: cannot read \"key\"\\u001b[2J [key-bad] path=\"/a \\\"b\\\"\"\n");
}

#define CAUGHT(f) cmocka_unit_test_setup_teardown(f, catch_stderr, release_stderr)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CAUGHT(tools_write_plain_text),
        CAUGHT(line_has_time_level_service_event_message_and_pairs),
        CAUGHT(hostile_values_stay_inside_their_string),
        CAUGHT(long_lines_are_cut_and_still_json),
        CAUGHT(lines_below_the_level_are_not_written),
        CAUGHT(stopped_reader_never_stops_the_caller),
        CAUGHT(stop_does_not_wait_for_a_stopped_reader),
        CAUGHT(writer_takes_no_signals),
        CAUGHT(closed_reader_is_survived),
        CAUGHT(it_starts_once_and_again_after_a_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
