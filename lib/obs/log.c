/* Log lines leave the callers through a byte ring; one thread writes them out.
 *
 * The writer asks poll before each write and writes at most PIPE_BUF bytes, so that it too can be
 * stopped while nobody reads. The ring is static: a writer that had to be left behind at the end of
 * the process still has valid memory.
 */
#include "obs/log.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define LOG_LINE_BYTES PIPE_BUF
#define LOG_RING_BYTES (256 * 1024)
#define LOG_TAIL_BYTES 16 /* kept free in a line for its end, with the mark of a cut */
#define LOG_POLL_MS 50
#define LOG_STOP_MS 1000
#define LOG_PAIRS_MAX 32

static const char *const level_names[] = {"debug", "info", "warn", "error"};

enum log_mode { MODE_TEXT, MODE_RING, MODE_STOPPED };

static struct {
    pthread_mutex_t lock;
    pthread_cond_t filled;   /* something to write, or stop */
    pthread_cond_t finished; /* the writer has ended */
    pthread_t writer;
    enum log_mode mode;
    enum log_level least;
    bool stopping;
    bool writer_runs;
    int64_t stop_at_ms; /* monotonic; valid while stopping */
    uint64_t dropped;
    uint64_t dropped_told;
    size_t head; /* bytes ever put; the place is modulo the ring */
    size_t tail; /* bytes ever taken */
    char service[64];
    char ring[LOG_RING_BYTES];
} g = {.lock = PTHREAD_MUTEX_INITIALIZER, .least = LOG_LEVEL_INFO};

struct line {
    char data[LOG_LINE_BYTES];
    size_t len;
    bool cut;
};

/* All or nothing, so that an escape or a character is never split. */
static bool line_put(struct line *l, const char *p, size_t n)
{
    size_t most = sizeof l->data - LOG_TAIL_BYTES;
    if (l->cut || l->len > most || n > most - l->len) {
        l->cut = true;
        return false;
    }
    memcpy(l->data + l->len, p, n);
    l->len += n;
    return true;
}

static void line_puts(struct line *l, const char *s)
{
    (void)line_put(l, s, strlen(s));
}

static size_t character_bytes(const char *s)
{
    for (size_t n = 1; n <= 4; n++) {
        if (s[n - 1] == '\0')
            return 0;
        if (text_is_utf8(s, n))
            return n;
    }
    return 0;
}

static void line_put_character(struct line *l, const char *s, size_t n, bool quoted)
{
    unsigned char c = (unsigned char)s[0];
    bool c1 = n == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0; /* terminals obey these too */
    if (n == 0) {
        line_puts(l, "\xef\xbf\xbd"); /* U+FFFD */
    } else if (quoted && (c == '"' || c == '\\')) {
        char escape[2] = {'\\', (char)c};
        (void)line_put(l, escape, sizeof escape);
    } else if (c == '\n') {
        line_puts(l, "\\n");
    } else if (c < 0x20 || c == 0x7f || c1) {
        char escape[8];
        int len = snprintf(escape, sizeof escape, "\\u%04x", c1 ? (unsigned char)s[1] : c);
        (void)line_put(l, escape, (size_t)len);
    } else {
        (void)line_put(l, s, n);
    }
}

static void line_put_escaped(struct line *l, const char *s, bool quoted)
{
    while (*s != '\0' && !l->cut) {
        size_t n = character_bytes(s);
        line_put_character(l, s, n, quoted);
        s += n == 0 ? 1 : n;
    }
}

static void line_put_string(struct line *l, const char *s)
{
    if (!line_put(l, "\"", 1))
        return;
    line_put_escaped(l, s, true);
    l->data[l->len++] = '"'; /* from the kept tail when the text was cut */
}

static void line_put_pair(struct line *l, const char *name, const char *value)
{
    size_t before = l->len;
    line_puts(l, l->len > 1 ? "," : "");
    line_put_string(l, name);
    line_puts(l, ":");
    if (l->cut) { /* no room for the name: no half pair */
        l->len = before;
        return;
    }
    size_t start = l->len;
    line_put_string(l, value);
    if (l->len == start)
        l->len = before;
}

static void line_end(struct line *l)
{
    const char *end = l->cut ? ",\"cut\":true}\n" : "}\n";
    size_t n = strlen(end);
    memcpy(l->data + l->len, end, n);
    l->len += n;
}

static void line_begin(struct line *l, enum log_level level, const char *event, const char *message)
{
    struct timespec t;
    struct tm tm;
    char stamp[64];
    (void)clock_gettime(CLOCK_REALTIME, &t);
    (void)gmtime_r(&t.tv_sec, &tm);
    size_t n = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    (void)snprintf(stamp + n, sizeof stamp - n, ".%03dZ", (int)(t.tv_nsec / 1000000));
    l->len = 0;
    l->cut = false;
    line_puts(l, "{");
    line_put_pair(l, "time", stamp);
    line_put_pair(l, "level", level_names[level]);
    line_put_pair(l, "service", g.service);
    line_put_pair(l, "event", event);
    line_put_pair(l, "message", message);
}

static void format_json(struct line *l, enum log_level level, const char *event,
                        const char *message, va_list ap)
{
    line_begin(l, level, event, message);
    for (int i = 0; i < LOG_PAIRS_MAX; i++) {
        const char *name = va_arg(ap, const char *);
        if (name == NULL)
            break;
        const char *value = va_arg(ap, const char *);
        line_put_pair(l, name, value == NULL ? "" : value);
    }
    line_end(l);
}

static void format_text(struct line *l, enum log_level level, const char *event,
                        const char *message, va_list ap)
{
    l->len = 0;
    l->cut = false;
    line_puts(l, level_names[level]);
    line_puts(l, ": ");
    line_put_escaped(l, message, false);
    line_puts(l, " [");
    line_puts(l, event);
    line_puts(l, "]");
    for (int i = 0; i < LOG_PAIRS_MAX && !l->cut; i++) {
        const char *name = va_arg(ap, const char *);
        if (name == NULL)
            break;
        const char *value = va_arg(ap, const char *);
        line_puts(l, " ");
        line_puts(l, name);
        line_puts(l, "=");
        line_put_string(l, value == NULL ? "" : value);
    }
    l->data[l->len++] = '\n';
}

/* Waits until stderr takes bytes; false when the time for it is over. */
static bool wait_writable(void)
{
    for (;;) {
        struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
        if (poll(&p, 1, LOG_POLL_MS) == 1)
            return true;
        pthread_mutex_lock(&g.lock);
        bool late = g.stopping && clock_mono_ms() >= g.stop_at_ms;
        pthread_mutex_unlock(&g.lock);
        if (late)
            return false;
    }
}

static bool write_out(const char *p, size_t n)
{
    while (n > 0) {
        if (!wait_writable())
            return false;
        ssize_t done = write(STDERR_FILENO, p, n);
        if (done < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (done < 0) /* closed: nobody will ever read these */
            return true;
        p += done;
        n -= (size_t)done;
    }
    return true;
}

/* Whole lines from the ring, at least one; called with the lock held and the ring not empty. */
static size_t take_lines(char out[LOG_LINE_BYTES])
{
    size_t n = g.head - g.tail < LOG_LINE_BYTES ? g.head - g.tail : LOG_LINE_BYTES;
    for (size_t i = 0; i < n; i++)
        out[i] = g.ring[(g.tail + i) % LOG_RING_BYTES];
    while (out[n - 1] != '\n')
        n--;
    g.tail += n;
    return n;
}

static size_t tell_dropped(struct line *l, uint64_t count)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)count);
    line_begin(l, LOG_LEVEL_WARN, "log-lines-dropped",
               "log lines were dropped: the reader stopped");
    line_put_pair(l, "count", text);
    line_end(l);
    return l->len;
}

static void *writer_main(void *arg)
{
    (void)arg;
    static char chunk[LOG_LINE_BYTES];
    static struct line note;
    bool ok = true;
    pthread_mutex_lock(&g.lock);
    while (ok) {
        while (g.head == g.tail && !g.stopping)
            pthread_cond_wait(&g.filled, &g.lock);
        if (g.head == g.tail)
            break;
        size_t n = take_lines(chunk);
        uint64_t lost = g.dropped - g.dropped_told;
        g.dropped_told = g.dropped;
        pthread_mutex_unlock(&g.lock);
        ok = write_out(chunk, n);
        if (ok && lost > 0)
            ok = write_out(note.data, tell_dropped(&note, lost));
        pthread_mutex_lock(&g.lock);
    }
    g.writer_runs = false;
    pthread_cond_signal(&g.finished);
    pthread_mutex_unlock(&g.lock);
    return NULL;
}

static enum err start_thread(void)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&g.filled, NULL);
    pthread_cond_init(&g.finished, &attr);
    pthread_condattr_destroy(&attr);
    /* signals are the loop's business, whichever is started first */
    sigset_t all;
    sigset_t old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int rc = pthread_create(&g.writer, NULL, writer_main, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return rc == 0 ? ERR_OK : ERR_IO;
}

enum err log_start(const char *service, enum log_level least)
{
    pthread_mutex_lock(&g.lock);
    enum err e = g.writer_runs ? ERR_EXISTS : ERR_OK;
    if (e == ERR_OK) {
        (void)text_copy(g.service, sizeof g.service, service);
        g.least = least;
        g.stopping = false;
        g.head = 0;
        g.tail = 0;
        g.dropped = 0;
        g.dropped_told = 0;
        e = start_thread();
        g.writer_runs = e == ERR_OK;
        g.mode = e == ERR_OK ? MODE_RING : MODE_TEXT;
    }
    pthread_mutex_unlock(&g.lock);
    return e;
}

void log_stop(void)
{
    pthread_mutex_lock(&g.lock);
    if (g.mode != MODE_RING) {
        pthread_mutex_unlock(&g.lock);
        return;
    }
    g.mode = MODE_STOPPED;
    g.stopping = true;
    g.stop_at_ms = clock_mono_ms() + LOG_STOP_MS - 2LL * LOG_POLL_MS;
    pthread_cond_signal(&g.filled);
    struct timespec until;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOG_STOP_MS / 1000;
    int rc = 0;
    while (g.writer_runs && rc == 0)
        rc = pthread_cond_timedwait(&g.finished, &g.lock, &until);
    bool ended = !g.writer_runs;
    pthread_mutex_unlock(&g.lock);
    if (ended)
        (void)pthread_join(g.writer, NULL);
    else
        (void)pthread_detach(g.writer);
}

void log_set_level(enum log_level least)
{
    pthread_mutex_lock(&g.lock);
    g.least = least;
    pthread_mutex_unlock(&g.lock);
}

uint64_t log_dropped(void)
{
    pthread_mutex_lock(&g.lock);
    uint64_t n = g.dropped;
    pthread_mutex_unlock(&g.lock);
    return n;
}

static void ring_put(const struct line *l)
{
    pthread_mutex_lock(&g.lock);
    if (g.mode == MODE_RING && LOG_RING_BYTES - (g.head - g.tail) >= l->len) {
        size_t at = g.head % LOG_RING_BYTES;
        size_t first = LOG_RING_BYTES - at < l->len ? LOG_RING_BYTES - at : l->len;
        memcpy(g.ring + at, l->data, first);
        memcpy(g.ring, l->data + first, l->len - first);
        g.head += l->len;
        pthread_cond_signal(&g.filled);
    } else {
        g.dropped++;
    }
    pthread_mutex_unlock(&g.lock);
}

/* Outside the writer's life: a tool may wait for its reader, a service that ends may not. */
static void write_directly(const struct line *l, bool may_wait)
{
    struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (may_wait || poll(&p, 1, LOG_POLL_MS) == 1)
        (void)!write(STDERR_FILENO, l->data, l->len);
}

void log_event(enum log_level level, const char *event, const char *message, ...)
{
    int saved = errno;
    pthread_mutex_lock(&g.lock);
    bool wanted = level >= g.least;
    enum log_mode mode = g.mode;
    pthread_mutex_unlock(&g.lock);
    if (wanted) {
        struct line l;
        va_list ap;
        va_start(ap, message);
        if (mode == MODE_TEXT)
            format_text(&l, level, event, message, ap);
        else
            format_json(&l, level, event, message, ap);
        va_end(ap);
        if (mode == MODE_RING)
            ring_put(&l);
        else
            write_directly(&l, mode == MODE_TEXT);
    }
    errno = saved;
}
