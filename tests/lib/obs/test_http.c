/* The private port, asked over real sockets by the thread that also turns the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "obs/http.h"
#include "obs/log.h"
#include "obs/metrics.h"

static struct loop *loop;
static struct obs_http *http;
static bool is_ready;
static char answer[65536];

static bool ready(void *arg, const char **why)
{
    *why = arg;
    return is_ready;
}

static char reason[] = "redis: connection refused";

static int start(void **state)
{
    struct err_text why;
    (void)state;
    is_ready = true;
    log_set_level(LOG_LEVEL_ERROR);
    if (loop_create(&loop) != ERR_OK)
        return -1;
    return obs_http_create(loop, "127.0.0.1:0", ready, reason, &http, &why) == ERR_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    obs_http_destroy(http);
    loop_destroy(loop);
    http = NULL;
    metrics_reset();
    return 0;
}

static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(obs_http_port(http))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Turns the loop until the peer closes; what it said is in `answer`. False after 3 s. */
static bool hear(int fd)
{
    size_t n = 0;
    int64_t until_ms = clock_mono_ms() + 3000;
    while (clock_mono_ms() < until_ms) {
        assert_int_equal(loop_turn(loop, 5), ERR_OK);
        ssize_t got = recv(fd, answer + n, sizeof answer - 1 - n, 0);
        if (got > 0) {
            n += (size_t)got;
            answer[n] = '\0';
        } else if (got == 0 || errno != EAGAIN) {
            return true;
        }
    }
    return false;
}

static const char *ask(const char *request)
{
    int fd = dial();
    answer[0] = '\0';
    say(fd, request);
    bool closed = hear(fd);
    (void)close(fd);
    assert_true(closed);
    return answer;
}

#define END " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

static void paths_and_methods_have_their_answers(void **state)
{
    static const struct {
        const char *request;
        const char *status;
        const char *holds;
    } rows[] = {
        {"GET /healthz" END, "HTTP/1.1 200 ", "\r\n\r\nalive\n"},
        {"GET /readyz" END, "HTTP/1.1 200 ", "\r\n\r\nready\n"},
        {"GET /metrics" END, "HTTP/1.1 200 ", "Content-Type: text/plain; version=0.0.4"},
        {"GET /metrics?x=1" END, "HTTP/1.1 200 ", "Content-Type: text/plain; version=0.0.4"},
        {"GET /" END, "HTTP/1.1 404 ", "not found"},
        {"GET /metrics/" END, "HTTP/1.1 404 ", "not found"},
        {"GET /healthz/../metrics" END, "HTTP/1.1 404 ", "not found"},
        {"POST /metrics" END, "HTTP/1.1 405 ", "Allow: GET"},
        {"DELETE /healthz" END, "HTTP/1.1 405 ", "Allow: GET"},
        {"HEAD /healthz" END, "HTTP/1.1 405 ", "Allow: GET"},
        {"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405 ",
         "Allow: GET"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *got = ask(rows[i].request);
        if (strncmp(got, rows[i].status, strlen(rows[i].status)) != 0 ||
            strstr(got, rows[i].holds) == NULL)
            fail_msg("for %s\n%s", rows[i].request, got);
    }
}

static void not_ready_is_503_with_the_reason(void **state)
{
    (void)state;
    is_ready = false;
    const char *got = ask("GET /readyz" END);
    assert_memory_equal(got, "HTTP/1.1 503 ", 13);
    assert_non_null(strstr(got, "\r\n\r\nredis: connection refused\n"));
    assert_memory_equal(ask("GET /healthz" END), "HTTP/1.1 200 ", 13);
}

static void metrics_page_shows_the_values_of_now(void **state)
{
    (void)state;
    struct metric *m = metrics_counter("asked_total", "", "Asked.");
    metric_add(m, 7);
    assert_non_null(strstr(ask("GET /metrics" END), "\nasked_total 7\n"));
    metric_add(m, 1);
    assert_non_null(strstr(ask("GET /metrics" END), "\nasked_total 8\n"));
}

static void garbage_ends_the_connection_only(void **state)
{
    static const char *const rows[] = {
        "\x16\x03\x01\x02\x01\x01\xff\xff\r\n\r\n",
        "GET\r\n\r\n",
        "GET /metrics HTTP/9.9\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nContent-Length: -5\r\nConnection: close\r\n\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        (void)ask(rows[i]);
    assert_memory_equal(ask("GET /healthz" END), "HTTP/1.1 200 ", 13);
}

static void endless_headers_are_cut_off(void **state)
{
    static char big[64 * 1024];
    (void)state;
    size_t n = (size_t)snprintf(big, sizeof big, "GET /healthz HTTP/1.1\r\nX: ");
    memset(big + n, 'a', sizeof big - n);
    int fd = dial();
    ssize_t sent = send(fd, big, sizeof big, MSG_NOSIGNAL);
    assert_true(sent > 20000);
    answer[0] = '\0';
    assert_true(hear(fd));
    (void)close(fd);
    assert_memory_equal(ask("GET /healthz" END), "HTTP/1.1 200 ", 13);
}

static void silent_connections_leave_room_again_when_they_go(void **state)
{
    enum { MANY = 40 };
    int fds[MANY];
    (void)state;
    for (int i = 0; i < MANY; i++) {
        fds[i] = dial();
        say(fds[i], "GET /hea");
        assert_int_equal(loop_turn(loop, 1), ERR_OK);
    }
    int late = dial();
    say(late, "GET /healthz" END);
    for (int i = 0; i < 20; i++)
        assert_int_equal(loop_turn(loop, 5), ERR_OK);
    char byte;
    assert_true(recv(late, &byte, 1, 0) <= 0); /* 32 are in: this one waits or was refused */
    (void)close(late);
    for (int i = 0; i < MANY; i++)
        (void)close(fds[i]);
    for (int i = 0; i < 20; i++)
        assert_int_equal(loop_turn(loop, 5), ERR_OK);
    assert_memory_equal(ask("GET /healthz" END), "HTTP/1.1 200 ", 13);
}

static void request_in_single_bytes_is_answered(void **state)
{
    static const char request[] = "GET /healthz" END;
    (void)state;
    int fd = dial();
    answer[0] = '\0';
    for (size_t i = 0; i < sizeof request - 1; i++) {
        assert_int_equal(send(fd, request + i, 1, MSG_NOSIGNAL), 1);
        assert_int_equal(loop_turn(loop, 0), ERR_OK);
    }
    assert_true(hear(fd));
    (void)close(fd);
    assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
}

static void bad_addresses_are_refused_with_words(void **state)
{
    static const char *const rows[] = {"",
                                       "9101",
                                       ":9101",
                                       "127.0.0.1",
                                       "127.0.0.1:",
                                       "127.0.0.1:65536",
                                       "127.0.0.1:x",
                                       "localhost:1",
                                       "[::1:1",
                                       "256.1.1.1:80",
                                       "[]:1"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct obs_http *h = NULL;
        struct err_text why = {""};
        if (obs_http_create(loop, rows[i], ready, NULL, &h, &why) != ERR_CONFIG)
            fail_msg("accepted: %s", rows[i]);
        assert_null(h);
        assert_memory_equal(why.text, rows[i], strlen(rows[i]));
    }
}

static void port_in_use_is_an_error_that_says_so(void **state)
{
    char address[32];
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t n = sizeof at;
    struct obs_http *h = NULL;
    struct err_text why = {""};
    (void)state;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    (void)snprintf(address, sizeof address, "127.0.0.1:%u", ntohs(at.sin_port));
    assert_int_equal(obs_http_create(loop, address, ready, NULL, &h, &why), ERR_IO);
    assert_null(h);
    assert_non_null(strstr(why.text, "cannot listen"));
    (void)close(fd);
}

#define STARTED(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STARTED(paths_and_methods_have_their_answers),
        STARTED(not_ready_is_503_with_the_reason),
        STARTED(metrics_page_shows_the_values_of_now),
        STARTED(garbage_ends_the_connection_only),
        STARTED(endless_headers_are_cut_off),
        STARTED(silent_connections_leave_room_again_when_they_go),
        STARTED(request_in_single_bytes_is_answered),
        STARTED(bad_addresses_are_refused_with_words),
        STARTED(port_in_use_is_an_error_that_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
