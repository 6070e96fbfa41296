/* The private port. libmicrohttpd runs without threads: its epoll descriptor is one more source of
 * the loop, and a slow timer lets it close idle connections.
 */
#include "obs/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/text.h"
#include "obs/log.h"
#include "obs/metrics.h"

#define HTTP_CONNECTIONS 32u
#define HTTP_IDLE_S 10u
#define HTTP_CONNECTION_BYTES ((size_t)16 * 1024)
#define HTTP_GROWTH_BYTES ((size_t)2 * 1024)
#define HTTP_TICK_MS 1000
#define HTTP_RUNS_PER_TURN 8
#define HTTP_PRIORITY 7u
#define METRICS_BYTES_MAX (2u * 1024 * 1024)

struct obs_http {
    struct loop *loop;
    struct loop_source *source;
    struct loop_timer *tick;
    struct loop_timer *soon; /* NULL, or about to go on with what a turn left over */
    struct MHD_Daemon *daemon;
    obs_ready_fn *ready;
    void *arg;
};

static void on_soon(void *arg);

static void on_event(void *arg, unsigned events)
{
    struct obs_http *h = arg;
    (void)events;
    /* A time-out of 0 means it has more to do that the edge-triggered descriptor will not show. */
    for (int i = 0; i < HTTP_RUNS_PER_TURN; i++) {
        MHD_UNSIGNED_LONG_LONG wait_ms = 0;
        (void)MHD_run(h->daemon);
        if (MHD_get_timeout(h->daemon, &wait_ms) != MHD_YES || wait_ms != 0)
            return;
    }
    if (h->soon == NULL && loop_add_timer(h->loop, 1, 0, on_soon, h, &h->soon) != ERR_OK)
        h->soon = NULL; /* the tick comes within a second */
}

static void on_soon(void *arg)
{
    struct obs_http *h = arg;
    h->soon = NULL;
    on_event(h, 0);
}

static void on_tick(void *arg)
{
    on_event(arg, 0);
}

static void on_library_log(void *arg, const char *fmt, va_list ap) LIU_PRINTF(2, 0);
static void on_library_log(void *arg, const char *fmt, va_list ap)
{
    char text[256];
    (void)arg;
    (void)vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\r\n")] = '\0';
    log_event(LOG_LEVEL_WARN, "http-library", text, NULL);
}

static enum MHD_Result answer(struct MHD_Connection *c, unsigned status, const char *type,
                              struct MHD_Response *r)
{
    if (r == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        (void)MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, MHD_HTTP_METHOD_GET);
    enum MHD_Result done = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return done;
}

static enum MHD_Result answer_text(struct MHD_Connection *c, unsigned status, const char *text)
{
    char line[256];
    int n = snprintf(line, sizeof line, "%s\n", text);
    size_t bytes = n < 0 ? 0 : (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    return answer(c, status, "text/plain; charset=utf-8",
                  MHD_create_response_from_buffer(bytes, line, MHD_RESPMEM_MUST_COPY));
}

static enum MHD_Result answer_metrics(struct MHD_Connection *c)
{
    struct buf b;
    buf_init(&b, METRICS_BYTES_MAX);
    metrics_render(&b);
    if (b.failed) {
        buf_fini(&b);
        return answer_text(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "no room for the metrics");
    }
    struct MHD_Response *r = MHD_create_response_from_buffer(b.len, b.data, MHD_RESPMEM_MUST_FREE);
    if (r == NULL)
        buf_fini(&b);
    return answer(c, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", r);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_bytes, void **state)
{
    static char seen;
    struct obs_http *h = arg;
    (void)version;
    (void)body;
    (void)body_bytes;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0)
        return answer_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET");
    if (*state == NULL) { /* only the headers have come */
        *state = &seen;
        return MHD_YES;
    }
    if (*body_bytes > 0) { /* nobody asked for a body */
        *body_bytes = 0;
        return MHD_YES;
    }
    if (strcmp(url, "/metrics") == 0)
        return answer_metrics(c);
    if (strcmp(url, "/healthz") == 0)
        return answer_text(c, MHD_HTTP_OK, "alive");
    if (strcmp(url, "/readyz") == 0) {
        const char *why = NULL;
        if (h->ready(h->arg, &why))
            return answer_text(c, MHD_HTTP_OK, "ready");
        return answer_text(c, MHD_HTTP_SERVICE_UNAVAILABLE, why == NULL ? "not ready" : why);
    }
    return answer_text(c, MHD_HTTP_NOT_FOUND, "not found");
}

/* host:port or [v6]:port, numeric only: a name could take seconds to resolve. */
static enum err parse_address(const char *address, struct addrinfo **out, struct err_text *why)
{
    char host[64];
    const char *colon = strrchr(address, ':');
    uint64_t port;
    if (colon == NULL || text_u64(colon + 1, 65535, &port) != ERR_OK)
        return err_say(why, ERR_CONFIG, "%s: want an address and port such as 127.0.0.1:9101",
                       address);
    size_t n = (size_t)(colon - address);
    const char *start = address;
    if (n >= 2 && start[0] == '[' && start[n - 1] == ']') {
        start++;
        n -= 2;
    }
    if (n == 0 || n >= sizeof host)
        return err_say(why, ERR_CONFIG, "%s: want a numeric address before the port", address);
    memcpy(host, start, n);
    host[n] = '\0';
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    int rc = getaddrinfo(host, colon + 1, &hints, out);
    if (rc != 0 || *out == NULL)
        return err_say(why, ERR_CONFIG, "%s: %s", address, gai_strerror(rc));
    return ERR_OK;
}

static struct MHD_Daemon *start_daemon(struct obs_http *h, const struct addrinfo *at)
{
    unsigned flags = MHD_USE_EPOLL | MHD_USE_ERROR_LOG;
    if (at->ai_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL,
        MHD_OPTION_SOCK_ADDR, at->ai_addr, MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS,
        MHD_OPTION_CONNECTION_TIMEOUT, HTTP_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        HTTP_CONNECTION_BYTES, MHD_OPTION_CONNECTION_MEMORY_INCREMENT, HTTP_GROWTH_BYTES,
        MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
}

static enum err join_loop(struct obs_http *h)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL || info->epoll_fd < 0)
        return ERR_INTERNAL;
    enum err e = loop_add_fd(h->loop, info->epoll_fd, LOOP_READ, HTTP_PRIORITY, "http", on_event, h,
                             &h->source);
    if (e == ERR_OK)
        e = loop_add_timer(h->loop, HTTP_TICK_MS, HTTP_TICK_MS, on_tick, h, &h->tick);
    return e;
}

enum err obs_http_create(struct loop *l, const char *address, obs_ready_fn *ready, void *arg,
                         struct obs_http **out, struct err_text *why)
{
    struct addrinfo *at = NULL;
    enum err e = parse_address(address, &at, why);
    if (e != ERR_OK)
        return e;
    struct obs_http *h = calloc(1, sizeof *h);
    if (h == NULL) {
        freeaddrinfo(at);
        return err_say(why, ERR_NOMEM, "%s: no memory", address);
    }
    h->loop = l;
    h->ready = ready;
    h->arg = arg;
    errno = 0;
    h->daemon = start_daemon(h, at);
    int cause = errno;
    freeaddrinfo(at);
    if (h->daemon == NULL) {
        char room[128];
        e = err_say(why, ERR_IO, "%s: cannot listen: %s", address,
                    cause == 0 ? "refused by libmicrohttpd" : strerror_r(cause, room, sizeof room));
    } else {
        e = join_loop(h);
        if (e != ERR_OK)
            (void)err_say(why, e, "%s: cannot join the loop: %s", address, err_name(e));
    }
    if (e != ERR_OK) {
        obs_http_destroy(h);
        return e;
    }
    *out = h;
    return ERR_OK;
}

uint16_t obs_http_port(const struct obs_http *h)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info == NULL ? 0 : info->port;
}

void obs_http_destroy(struct obs_http *h)
{
    if (h == NULL)
        return;
    loop_cancel_timer(h->tick);
    loop_cancel_timer(h->soon);
    loop_remove(h->source);
    if (h->daemon != NULL)
        MHD_stop_daemon(h->daemon);
    free(h);
}
