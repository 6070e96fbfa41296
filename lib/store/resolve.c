/* The thread and the caller each hold one half of a socket pair and a reference to the job, so
 * either may go first.
 */
#include "store/resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "store/dial.h"
#include "store/sentinel.h"

#define PROBE_MS 2000

struct resolve {
    atomic_int references;
    int ends[2]; /* ours, the thread's */
    char host[256];
    char port[6];
    char sentinels[300];     /* "" = host and port */
    struct tls_context *tls; /* NULL = Sentinels are asked in clear */
    char tls_name[ADDRESS_HOST_BYTES];
    struct address address;
    struct err_text why;
    bool found;
    bool probe;
    int64_t until_s;
};

enum err address_split(const char *text, char host[ADDRESS_HOST_BYTES], char port[6],
                       struct err_text *why)
{
    const char *rest = text + strlen("tcp:"); /* tls: is as long */
    const char *colon = strrchr(rest, ':');
    uint64_t number = 0;
    if (colon == NULL || colon == rest || (size_t)(colon - rest) >= 256)
        return err_say(why, ERR_CONFIG, "%s: %.4shost:port is expected", text, text);
    if (text_u64(colon + 1, 65535, &number) != ERR_OK || number == 0 || strlen(colon + 1) > 5)
        return err_say(why, ERR_CONFIG, "%s: the port must be 1 to 65535", text);
    size_t n = (size_t)(colon - rest);
    memcpy(host, rest, n);
    host[n] = '\0';
    if (host[0] == '[' && n > 2 && host[n - 1] == ']') {
        memmove(host, host + 1, n - 2);
        host[n - 2] = '\0';
    }
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return ERR_OK;
}

enum err address_check(const char *text, struct err_text *why)
{
    char host[256];
    char port[6];
    if (sentinel_form(text))
        return sentinel_check(text, why);
    if (strncmp(text, "tcp:", 4) == 0 || address_is_tls(text))
        return address_split(text, host, port, why);
    if (strncmp(text, "unix:", 5) != 0)
        return err_say(why, ERR_CONFIG,
                       "%s: unix:/path, tcp:host:port, tls:host:port, sentinel: or "
                       "sentinel-tls:NAME@host:port,... is expected",
                       text);
    size_t n = strlen(text + 5);
    if (n == 0 || n >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return err_say(why, ERR_CONFIG, "%s: the path is empty or too long", text);
    return ERR_OK;
}

bool address_is_tls(const char *text)
{
    return strncmp(text, "tls:", 4) == 0 || sentinel_is_tls(text);
}

void address_host(const char *text, char host[ADDRESS_HOST_BYTES])
{
    char port[6];
    host[0] = '\0';
    if (strncmp(text, "unix:", 5) == 0 || sentinel_form(text) ||
        address_split(text, host, port, NULL) != ERR_OK)
        host[0] = '\0';
}

bool address_moves(const char *text)
{
    return sentinel_form(text);
}

static void release(struct resolve *r)
{
    if (atomic_fetch_sub(&r->references, 1) != 1)
        return;
    tls_context_free(r->tls);
    free(r);
}

bool address_look_up(const char *host, const char *port, int flags, struct address *out)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
    struct addrinfo *list = NULL;
    if (getaddrinfo(host, port, &hints, &list) != 0 || list == NULL)
        return false;
    bool ok = list->ai_addrlen <= sizeof(out->sa);
    if (ok) {
        memcpy(&out->sa, list->ai_addr, list->ai_addrlen);
        out->bytes = list->ai_addrlen;
    }
    freeaddrinfo(list);
    return ok;
}

static void probe(struct resolve *r)
{
    char number[DIAL_NAME_BYTES] = "";
    struct dial d = {.fd = -1};
    const char *name = r->tls_name;
    if (name[0] == '\0' && dial_number(&r->address, number))
        name = number;
    if (dial_open(&d, &r->address, r->tls, name, PROBE_MS, &r->why) == ERR_OK)
        r->until_s = tls_server_until_s(d.tls);
    dial_close(&d);
}

static void *run(void *arg)
{
    struct resolve *r = arg;
    if (r->sentinels[0] != '\0')
        r->found = sentinel_ask(r->sentinels, r->tls, r->tls_name, &r->address, &r->why);
    else
        r->found = address_look_up(r->host, r->port, AI_ADDRCONFIG, &r->address);
    if (r->probe && r->found)
        probe(r);
    (void)send(r->ends[1], "x", 1, MSG_NOSIGNAL);
    (void)close(r->ends[1]);
    release(r);
    return NULL;
}

static enum err start_thread(struct resolve *r)
{
    pthread_t thread;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, r->ends) != 0)
        return ERR_IO;
    atomic_init(&r->references, 2);
    if (pthread_create(&thread, NULL, run, r) != 0) {
        (void)close(r->ends[0]);
        (void)close(r->ends[1]);
        return ERR_IO;
    }
    (void)pthread_detach(thread);
    return ERR_AGAIN;
}

static enum err prepare(const char *text, struct tls_context *tls, const char *tls_name,
                        struct resolve *r)
{
    r->tls = tls;
    if (!text_copy(r->tls_name, sizeof(r->tls_name), tls_name))
        return ERR_CONFIG;
    if (!sentinel_form(text))
        return address_split(text, r->host, r->port, NULL);
    return text_copy(r->sentinels, sizeof(r->sentinels), text) ? ERR_OK : ERR_CONFIG;
}

static enum err begin(struct resolve *r, enum err e, struct resolve **out)
{
    if (e == ERR_OK)
        e = start_thread(r);
    if (e != ERR_AGAIN) {
        tls_context_free(r->tls);
        free(r);
        return e;
    }
    *out = r;
    return ERR_AGAIN;
}

enum err resolve_start(const char *text, struct tls_context *tls, const char *tls_name,
                       struct address *address, struct resolve **out)
{
    *out = NULL;
    *address = (struct address){0};
    if (strncmp(text, "unix:", 5) == 0) {
        struct sockaddr_un un = {.sun_family = AF_UNIX};
        if (!text_copy(un.sun_path, sizeof(un.sun_path), text + 5))
            return ERR_CONFIG;
        memcpy(&address->sa, &un, sizeof(un));
        address->bytes = sizeof(un);
        return ERR_OK;
    }
    struct resolve *r = calloc(1, sizeof(*r));
    if (r == NULL) {
        tls_context_free(tls);
        return ERR_NOMEM;
    }
    enum err e = prepare(text, tls, tls_name, r);
    if (e == ERR_OK && r->sentinels[0] == '\0' &&
        address_look_up(r->host, r->port, AI_NUMERICHOST, address)) {
        tls_context_free(tls);
        free(r);
        return ERR_OK;
    }
    return begin(r, e, out);
}

enum err resolve_probe(const char *text, struct tls_context *tls, const char *tls_name,
                       struct resolve **out)
{
    struct resolve *r = calloc(1, sizeof(*r));
    *out = NULL;
    if (r == NULL) {
        tls_context_free(tls);
        return ERR_NOMEM;
    }
    r->probe = true;
    return begin(r, prepare(text, tls, tls_name, r), out);
}

int64_t resolve_take_until_s(struct resolve *r, struct err_text *why)
{
    struct address a;
    if (resolve_take(r, &a, why) != ERR_OK)
        return 0;
    if (r->until_s == 0)
        (void)err_say(why, ERR_IO, "%s", r->why.text);
    return r->until_s;
}

int resolve_fd(const struct resolve *r)
{
    return r->ends[0];
}

enum err resolve_take(struct resolve *r, struct address *address, struct err_text *why)
{
    char byte = 0;
    if (recv(r->ends[0], &byte, 1, 0) != 1 || !r->found)
        return err_say(why, ERR_NOT_FOUND, "%s",
                       r->why.text[0] != '\0' ? r->why.text
                                              : "the name of the Redis host cannot be resolved");
    *address = r->address;
    return ERR_OK;
}

void resolve_drop(struct resolve *r)
{
    if (r == NULL)
        return;
    (void)close(r->ends[0]);
    release(r);
}
