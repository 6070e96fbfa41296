#include "store/dial.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define READ_BYTES 4096

bool dial_number(const struct address *a, char name[DIAL_NAME_BYTES])
{
    return getnameinfo((const struct sockaddr *)&a->sa, a->bytes, name, DIAL_NAME_BYTES, NULL, 0,
                       NI_NUMERICHOST) == 0;
}

static enum err wait_for(const struct dial *d, bool write, struct err_text *why)
{
    struct pollfd p = {.fd = d->fd, .events = write ? POLLOUT : POLLIN};
    for (;;) {
        int64_t left_ms = d->until_ms - clock_mono_ms();
        int n = left_ms <= 0 ? 0 : poll(&p, 1, (int)left_ms);
        if (n > 0)
            return ERR_OK;
        if (n == 0)
            return err_say(why, ERR_TIMEOUT, "no answer within the time limit");
        if (errno != EINTR)
            return err_say(why, ERR_IO, "%s", strerror(errno));
    }
}

static enum err connect_to(struct dial *d, const struct address *a, struct err_text *why)
{
    int fault = 0;
    socklen_t n = sizeof(fault);
    if (d->fd < 0)
        return err_say(why, ERR_IO, "%s", strerror(errno));
    if (connect(d->fd, (const struct sockaddr *)&a->sa, a->bytes) == 0)
        return ERR_OK;
    if (errno != EINPROGRESS)
        return err_say(why, ERR_IO, "%s", strerror(errno));
    enum err e = wait_for(d, true, why);
    if (e == ERR_OK && getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &fault, &n) != 0)
        fault = errno;
    return e == ERR_OK && fault != 0 ? err_say(why, ERR_IO, "%s", strerror(fault)) : e;
}

enum err dial_open(struct dial *d, const struct address *a, const struct tls_context *tls,
                   const char *name, int64_t limit_ms, struct err_text *why)
{
    *d = (struct dial){.until_ms = clock_mono_ms() + limit_ms};
    d->fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    enum err e = connect_to(d, a, why);
    if (e != ERR_OK || tls == NULL)
        return e;
    d->tls = tls_create(tls, d->fd, name);
    if (d->tls == NULL)
        return err_say(why, ERR_NOMEM, "TLS: no memory");
    for (;;) {
        e = tls_handshake(d->tls);
        if (e != ERR_AGAIN)
            return e == ERR_OK ? e : err_say(why, e, "%s", tls_why(d->tls));
        e = wait_for(d, tls_wants_write(d->tls), why);
        if (e != ERR_OK)
            return e;
    }
}

/* After a call that answered less than 1: waits when that helps. */
static enum err again(const struct dial *d, ssize_t n, bool write, struct err_text *why)
{
    if (n == 0)
        return err_say(why, ERR_IO, "the server closed the connection");
    if (errno == EAGAIN || errno == EINTR)
        return wait_for(d, d->tls != NULL ? tls_wants_write(d->tls) : write, why);
    return err_say(why, ERR_IO, "%s", d->tls != NULL ? tls_why(d->tls) : strerror(errno));
}

static enum err send_all(struct dial *d, const char *p, size_t n, struct err_text *why)
{
    enum err e = ERR_OK;
    while (n > 0 && e == ERR_OK) {
        ssize_t sent = d->tls != NULL ? tls_send(d->tls, p, n) : send(d->fd, p, n, MSG_NOSIGNAL);
        if (sent > 0) {
            p += sent;
            n -= (size_t)sent;
        } else {
            e = again(d, sent, true, why);
        }
    }
    return e;
}

enum err dial_ask(struct dial *d, const char *command, size_t n, redisReply **out,
                  struct err_text *why)
{
    char bytes[READ_BYTES];
    void *reply = NULL;
    redisReader *reader = redisReaderCreate();
    *out = NULL;
    enum err e = reader == NULL ? ERR_NOMEM : send_all(d, command, n, why);
    while (e == ERR_OK && reply == NULL) {
        ssize_t got = d->tls != NULL ? tls_recv(d->tls, bytes, sizeof(bytes))
                                     : recv(d->fd, bytes, sizeof(bytes), 0);
        if (got <= 0)
            e = again(d, got, false, why);
        else if (redisReaderFeed(reader, bytes, (size_t)got) != REDIS_OK ||
                 redisReaderGetReply(reader, &reply) != REDIS_OK)
            e = err_say(why, ERR_PROTO, "not an answer of Redis");
    }
    if (reader != NULL)
        redisReaderFree(reader);
    *out = reply;
    return e;
}

void dial_close(struct dial *d)
{
    tls_free(d->tls);
    d->tls = NULL;
    if (d->fd >= 0)
        (void)close(d->fd);
    d->fd = -1;
}
