/* hiredis' reader over our own descriptor: its connections block, cannot be cancelled and, after a
 * time-out, can hand an earlier command's answer to a later one
 * (docs/decisions/0002-redis-client.md).
 */
#include "store/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "obs/log.h"
#include "store/check.h"
#include "store/dial.h"
#include "store/encode.h"
#include "store/reply.h"
#include "store/store_private.h"

#define OUT_BYTES_MAX (64 * 1024 * 1024)
#define READ_BYTES (64 * 1024)
#define READS_A_TURN 8
#define BACK_OFF_FIRST_MS 100
#define BACK_OFF_MOST_MS 5000

/* A count of elements comes from the server: 13 bytes can ask for gigabytes. */
static redisReplyObjectFunctions capped;
#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif
static void *(*create_array)(const redisReadTask *, element_count);

static void *create_array_capped(const redisReadTask *task, element_count n)
{
    return (size_t)n > LIMIT_REDIS_REPLY_ELEMENTS ? NULL : create_array(task, n);
}

static redisReader *reader_create(void)
{
    redisReader *r = redisReaderCreate();
    if (r == NULL)
        return NULL;
    if (create_array == NULL) {
        capped = *r->fn;
        create_array = capped.createArray;
        capped.createArray = create_array_capped;
    }
    r->fn = &capped;
    return r;
}

enum err conn_init(struct conn *c, struct store *s, const char *name, unsigned priority)
{
    *c = (struct conn){.store = s, .name = name, .priority = priority, .fd = -1};
    c->check_at_ms = INT64_MAX;
    (void)text_copy(c->why, sizeof(c->why), "not connected yet");
    buf_init(&c->out, OUT_BYTES_MAX);
    c->ring = calloc(LIMIT_REDIS_PENDING, sizeof(*c->ring));
    return c->ring == NULL ? ERR_NOMEM : ERR_OK;
}

static void end_pending(struct conn *c)
{
    size_t n = c->n_pending;
    c->in_callback = true;
    while (n-- > 0) {
        struct conn_pending p = c->ring[c->first];
        redisReply *none = NULL;
        c->first = (c->first + 1) % LIMIT_REDIS_PENDING;
        c->n_pending--;
        p.fn(p.arg, p.begin >= c->sent ? ERR_UNAVAILABLE : ERR_TIMEOUT, &none);
    }
    c->in_callback = false;
}

static void close_all(struct conn *c)
{
    loop_remove(c->source);
    c->source = NULL;
    resolve_drop(c->resolve);
    c->resolve = NULL;
    tls_free(c->tls);
    c->tls = NULL;
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
    if (c->reader != NULL)
        redisReaderFree(c->reader);
    c->reader = NULL;
    buf_clear(&c->out);
    c->check_at_ms = INT64_MAX;
}

static void end(struct conn *c)
{
    bool was_ready = c->state == CONN_READY;
    bool first = c->back_off_ms == 0;
    int64_t now = clock_mono_ms();
    c->lost = false;
    close_all(c);
    c->state = CONN_AWAY;
    c->back_off_ms = c->back_off_ms == 0 ? BACK_OFF_FIRST_MS : c->back_off_ms * 2;
    if (c->back_off_ms > BACK_OFF_MOST_MS)
        c->back_off_ms = BACK_OFF_MOST_MS;
    c->retry_at_ms = now + c->back_off_ms / 2 + store_jitter(c->store, c->back_off_ms);
    if (was_ready || first)
        log_event(LOG_LEVEL_WARN, was_ready ? "redis-lost" : "redis-away",
                  was_ready ? "connection to Redis lost" : "no connection to Redis", "connection",
                  c->name, "why", c->why, NULL);
    end_pending(c);
    if (was_ready)
        c->changed(c, false);
}

void conn_fini(struct conn *c)
{
    if (c->ring == NULL)
        return;
    close_all(c);
    c->state = CONN_AWAY;
    end_pending(c);
    buf_fini(&c->out);
    free(c->ring);
    c->ring = NULL;
}

void conn_lose(struct conn *c, const char *why)
{
    if (c->state == CONN_AWAY || c->lost)
        return;
    (void)text_copy(c->why, sizeof(c->why), why);
    if (c->in_callback)
        c->lost = true;
    else
        end(c);
}

void conn_checked(struct conn *c, const char *why, bool elsewhere, bool waits)
{
    bool was_ready = c->state == CONN_READY;
    if (!conn_connected(c))
        return;
    c->check_at_ms = clock_mono_ms() + (why == NULL ? CHECK_EVERY_MS
                                        : waits     ? CHECK_WAITS_MS
                                                    : CHECK_AGAIN_MS);
    if (why != NULL && strcmp(why, c->why) != 0)
        log_event(waits ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR, "redis-refused",
                  "Redis is not used as it is", "connection", c->name, "why", why, NULL);
    if (why != NULL && elsewhere && address_moves(store_address(c->store))) {
        conn_lose(c, why);
        return;
    }
    (void)text_copy(c->why, sizeof(c->why), why == NULL ? "" : why);
    c->state = why == NULL ? CONN_READY : CONN_REFUSED;
    if (why == NULL && !store_is_bell(c)) /* which is not sure before it listens */
        c->back_off_ms = 0;
    if (was_ready != (why == NULL))
        c->changed(c, why == NULL);
    if (why == NULL && store_is_bell(c))
        bell_listen(c->store);
    else
        tail_resume(c->store);
}

struct buf *conn_out(struct conn *c)
{
    return &c->out;
}

enum err conn_send(struct conn *c, int64_t timeout_ms, conn_reply_fn *fn, void *arg)
{
    enum err e = ERR_OK;
    if (!conn_connected(c))
        e = ERR_UNAVAILABLE;
    else if (c->out.failed || c->n_pending == LIMIT_REDIS_PENDING)
        e = ERR_LIMIT;
    if (e != ERR_OK) {
        c->out.len = c->state >= CONN_CHECKING ? (size_t)(c->queued - c->sent) : 0;
        c->out.failed = false;
        return e;
    }
    size_t last = (c->first + c->n_pending) % LIMIT_REDIS_PENDING;
    uint64_t end_at = c->sent + c->out.len;
    c->ring[last] = (struct conn_pending){.fn = fn,
                                          .arg = arg,
                                          .begin = c->queued,
                                          .end = end_at,
                                          .deadline_ms = clock_mono_ms() + timeout_ms};
    c->queued = end_at;
    c->n_pending++;
    loop_again(store_loop(c->store));
    return ERR_OK;
}

enum err conn_command(struct conn *c, int64_t timeout_ms, conn_reply_fn *fn, void *arg,
                      const char *first, ...)
{
    va_list ap;
    size_t n = 1;
    va_start(ap, first);
    while (va_arg(ap, const char *) != NULL)
        n++;
    va_end(ap);
    resp_array(&c->out, n);
    resp_text(&c->out, first);
    va_start(ap, first);
    for (size_t i = 1; i < n; i++)
        resp_text(&c->out, va_arg(ap, const char *));
    va_end(ap);
    return conn_send(c, timeout_ms, fn, arg);
}

/* The descriptor, or TLS over it. */
static ssize_t link_send(struct conn *c, const void *p, size_t n)
{
    return c->tls != NULL ? tls_send(c->tls, p, n) : send(c->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static ssize_t link_recv(struct conn *c, void *p, size_t n)
{
    return c->tls != NULL ? tls_recv(c->tls, p, n) : recv(c->fd, p, n, MSG_DONTWAIT);
}

static const char *link_why(const struct conn *c)
{
    return c->tls != NULL && errno == EPROTO ? tls_why(c->tls) : strerror(errno);
}

/* TLS may have to write in order to read. */
static void set_events(struct conn *c)
{
    bool write = c->out.len > 0 || (c->tls != NULL && tls_wants_write(c->tls));
    loop_set_events(c->source, LOOP_READ | (write ? LOOP_WRITE : 0));
}

void conn_flush(struct conn *c)
{
    if (!conn_connected(c) || c->out.len == 0)
        return;
    while (c->out.len > 0) {
        ssize_t n = link_send(c, c->out.data, c->out.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n <= 0) {
            conn_lose(c, link_why(c));
            return;
        }
        c->sent += (uint64_t)n;
        buf_consume(&c->out, (size_t)n);
    }
    set_events(c);
}

static void hand_out(struct conn *c, redisReply *reply)
{
    if (bell_takes(c, reply)) {
        c->reply_bytes = 0;
        freeReplyObject(reply);
        return;
    }
    if (c->n_pending == 0) {
        freeReplyObject(reply);
        conn_lose(c, "Redis sent an answer nobody asked for");
        return;
    }
    struct conn_pending p = c->ring[c->first];
    c->first = (c->first + 1) % LIMIT_REDIS_PENDING;
    c->n_pending--;
    c->reply_bytes = 0;
    c->in_callback = true;
    p.fn(p.arg, ERR_OK, &reply);
    c->in_callback = false;
    freeReplyObject(reply);
}

/* False when the connection ended. */
static bool take_replies(struct conn *c)
{
    for (;;) {
        void *reply = NULL;
        if (redisReaderGetReply(c->reader, &reply) != REDIS_OK) {
            conn_lose(c, "Redis' answer cannot be read or exceeds a limit");
            return false;
        }
        if (reply == NULL)
            return true;
        hand_out(c, reply);
        if (c->lost)
            end(c);
        if (c->reader == NULL)
            return false;
    }
}

static void read_replies(struct conn *c)
{
    char bytes[READ_BYTES];
    /* what TLS has decrypted makes no descriptor readable: it is taken to the end */
    for (int i = 0; i < READS_A_TURN || (c->tls != NULL && tls_pending(c->tls)); i++) {
        ssize_t n = link_recv(c, bytes, sizeof(bytes));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (n <= 0) {
            conn_lose(c, n == 0 ? "Redis closed the connection" : link_why(c));
            return;
        }
        c->reply_bytes += (size_t)n;
        if (c->reply_bytes > LIMIT_REDIS_REPLY_BYTES ||
            redisReaderFeed(c->reader, bytes, (size_t)n) != REDIS_OK) {
            conn_lose(c, "an answer of Redis exceeds the limit of its size");
            return;
        }
        if (!take_replies(c) || (c->tls == NULL && (size_t)n < sizeof(bytes)))
            return;
    }
}

static void established(struct conn *c)
{
    c->reader = reader_create();
    if (c->reader == NULL) {
        conn_lose(c, "no memory");
        return;
    }
    c->sent = 0;
    c->queued = 0;
    c->reply_bytes = 0;
    buf_clear(&c->out);
    c->state = CONN_CHECKING;
    loop_set_events(c->source, LOOP_READ);
    check_start(c, true);
}

static void shake_hands(struct conn *c)
{
    enum err e = tls_handshake(c->tls);
    if (e == ERR_OK)
        established(c);
    else if (e == ERR_AGAIN)
        loop_set_events(c->source, tls_wants_write(c->tls) ? LOOP_WRITE : LOOP_READ);
    else
        conn_lose(c, tls_why(c->tls));
}

/* Who the server must be: what the settings say, else the host of the address, else, where only
 * Sentinels know it, the number they told. */
static bool peer_name(const struct conn *c, char name[ADDRESS_HOST_BYTES])
{
    struct address a = {.bytes = sizeof(a.sa)};
    if (store_tls_name(c->store)[0] != '\0')
        return text_copy(name, ADDRESS_HOST_BYTES, store_tls_name(c->store));
    return getpeername(c->fd, (struct sockaddr *)&a.sa, &a.bytes) == 0 && dial_number(&a, name);
}

static void start_tls(struct conn *c)
{
    struct tls_context *context = NULL;
    struct err_text why = {""};
    char name[ADDRESS_HOST_BYTES] = "";
    if (store_tls_context(c->store, &context, &why) == ERR_OK && peer_name(c, name)) {
        c->tls = tls_create(context, c->fd, name);
    }
    tls_context_free(context);
    if (c->tls != NULL)
        shake_hands(c);
    else
        conn_lose(c, why.text[0] != '\0' ? why.text : "TLS: no memory");
}

/* The descriptor is connected, or it failed to. */
static void connected(struct conn *c)
{
    int e = 0;
    socklen_t n = sizeof(e);
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &n) != 0 || e != 0)
        conn_lose(c, strerror(e != 0 ? e : errno));
    else if (address_is_tls(store_address(c->store)))
        start_tls(c);
    else
        established(c);
}

static void on_socket(void *arg, unsigned events)
{
    struct conn *c = arg;
    if (c->state == CONN_CONNECTING) {
        if (c->tls != NULL)
            shake_hands(c);
        else
            connected(c);
        return;
    }
    if ((events & LOOP_WRITE) != 0)
        conn_flush(c);
    if (((events & LOOP_READ) != 0 || c->tls != NULL) && c->reader != NULL)
        read_replies(c);
    if (c->tls != NULL && c->reader != NULL)
        set_events(c);
}

static void start_connect(struct conn *c, const struct address *a)
{
    int on = 1;
    int family = a->sa.ss_family;
    c->state = CONN_CONNECTING;
    c->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0) {
        conn_lose(c, strerror(errno));
        return;
    }
    if (family != AF_UNIX) {
        (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        (void)setsockopt(c->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    if (connect(c->fd, (const struct sockaddr *)&a->sa, a->bytes) != 0 && errno != EINPROGRESS) {
        conn_lose(c, strerror(errno));
        return;
    }
    if (loop_add_fd(store_loop(c->store), c->fd, LOOP_WRITE, c->priority, c->name, on_socket, c,
                    &c->source) != ERR_OK)
        conn_lose(c, "the loop takes no more descriptors");
}

static void on_resolved(void *arg, unsigned events)
{
    struct conn *c = arg;
    struct address a;
    struct err_text why = {""};
    (void)events;
    enum err e = resolve_take(c->resolve, &a, &why);
    loop_remove(c->source);
    c->source = NULL;
    resolve_drop(c->resolve);
    c->resolve = NULL;
    if (e != ERR_OK)
        conn_lose(c, why.text);
    else
        start_connect(c, &a);
}

static void start(struct conn *c, int64_t now_ms)
{
    struct address a;
    struct tls_context *tls = NULL;
    struct err_text why = {"the name of the Redis host cannot be resolved"};
    c->state = CONN_RESOLVING;
    c->since_ms = now_ms;
    enum err e = ERR_OK;
    if (address_moves(store_address(c->store)) && address_is_tls(store_address(c->store)))
        e = store_tls_context(c->store, &tls, &why);
    if (e == ERR_OK)
        e = resolve_start(store_address(c->store), tls, store_tls_name(c->store), &a, &c->resolve);
    if (e == ERR_OK)
        start_connect(c, &a);
    else if (e != ERR_AGAIN)
        conn_lose(c, why.text);
    else if (loop_add_fd(store_loop(c->store), resolve_fd(c->resolve), LOOP_READ, c->priority,
                         c->name, on_resolved, c, &c->source) != ERR_OK)
        conn_lose(c, "the loop takes no more descriptors");
}

void conn_tick(struct conn *c, int64_t now_ms)
{
    if (c->lost && !c->in_callback)
        end(c);
    switch (c->state) {
    case CONN_AWAY:
        if (now_ms >= c->retry_at_ms)
            start(c, now_ms);
        break;
    case CONN_RESOLVING: /* the resolver has its own time limits */
        break;
    case CONN_CONNECTING:
        if (now_ms - c->since_ms > store_timeout_ms(c->store))
            conn_lose(c, c->tls == NULL
                             ? "no connection within the time limit"
                             : "TLS: no answer within the time limit; is this a port of TLS?");
        break;
    default:
        if (c->n_pending > 0 && now_ms >= c->ring[c->first].deadline_ms)
            conn_lose(c, "no answer within the time limit");
        else if (now_ms >= c->check_at_ms)
            check_start(c, c->state == CONN_REFUSED);
        break;
    }
}
