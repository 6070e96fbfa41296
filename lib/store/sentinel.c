#include "store/sentinel.h"

#include <string.h>

#include "base/text.h"
#include "store/dial.h"
#include "store/reply.h"

#define PLAIN "sentinel:"
#define TLS "sentinel-tls:"
#define NAME_BYTES 64
#define ASK_MS 500

struct sentinels {
    char name[NAME_BYTES];
    size_t n;
    struct {
        char host[256];
        char port[6];
    } at[SENTINELS_MAX];
};

bool sentinel_form(const char *text)
{
    return strncmp(text, PLAIN, strlen(PLAIN)) == 0 || sentinel_is_tls(text);
}

bool sentinel_is_tls(const char *text)
{
    return strncmp(text, TLS, strlen(TLS)) == 0;
}

static enum err split(const char *text, struct sentinels *out, struct err_text *why)
{
    const char *name = strchr(text, ':') + 1;
    const char *at = strchr(name, '@');
    if (at == NULL || at == name || (size_t)(at - name) >= NAME_BYTES)
        return err_say(why, ERR_CONFIG, "%s: sentinel:NAME@host:port,host:port is expected", text);
    memcpy(out->name, name, (size_t)(at - name));
    out->name[at - name] = '\0';
    for (const char *p = at + 1;;) {
        char one[300] = "tcp:";
        size_t n = strcspn(p, ",");
        if (out->n == SENTINELS_MAX)
            return err_say(why, ERR_CONFIG, "%s: at most %d Sentinels", text, SENTINELS_MAX);
        if (n + strlen(one) >= sizeof(one))
            return err_say(why, ERR_CONFIG, "%s: a host's name is too long", text);
        memcpy(one + strlen(one), p, n); /* the rest is zero */
        enum err e = address_split(one, out->at[out->n].host, out->at[out->n].port, why);
        if (e != ERR_OK)
            return e;
        out->n++;
        if (p[n] == '\0')
            return ERR_OK;
        p += n + 1;
    }
}

enum err sentinel_check(const char *text, struct err_text *why)
{
    struct sentinels s = {0};
    return split(text, &s, why);
}

/* The answer is a host and a port, nil when this Sentinel does not know the name. */
static bool take(const redisReply *r, struct address *out)
{
    const char *host = reply_text(reply_at(r, 0));
    const char *port = reply_text(reply_at(r, 1));
    return host != NULL && port != NULL && address_look_up(host, port, 0, out);
}

static bool ask_one(const char *host, const char *port, const struct tls_context *tls,
                    const char *tls_name, const char *name, struct address *out,
                    struct err_text *why)
{
    struct dial d = {.fd = -1};
    struct address at;
    struct err_text reason = {""};
    redisReply *r = NULL;
    char *command = NULL;
    bool found = false;
    if (!address_look_up(host, port, 0, &at)) {
        (void)err_say(why, ERR_NOT_FOUND, "%s: no such host", host);
        return false;
    }
    int n = redisFormatCommand(&command, "SENTINEL get-master-addr-by-name %s", name);
    enum err e = n < 0 ? ERR_NOMEM : dial_open(&d, &at, tls, tls_name, ASK_MS, &reason);
    if (e == ERR_OK)
        e = dial_ask(&d, command, (size_t)n, &r, &reason);
    if (e == ERR_OK) {
        found = take(r, out);
        (void)err_say(&reason, e, "it knows no primary of the name %s", name);
    }
    if (!found)
        (void)err_say(why, e, "the Sentinel %s: %s", host, reason.text);
    freeReplyObject(r);
    redisFreeCommand(command);
    dial_close(&d);
    return found;
}

bool sentinel_ask(const char *text, const struct tls_context *tls, const char *tls_name,
                  struct address *out, struct err_text *why)
{
    struct sentinels s = {0};
    if (split(text, &s, why) != ERR_OK)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        const char *host = s.at[i].host;
        const char *must = tls_name[0] == '\0' ? host : tls_name;
        if (ask_one(host, s.at[i].port, tls, must, s.name, out, why))
            return true;
    }
    return false;
}
