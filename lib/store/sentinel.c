/* hiredis' blocking calls serve here: this runs on a thread that has nothing else to do. */
#include "store/sentinel.h"

#include <string.h>
#include <sys/time.h>

#include "base/text.h"
#include "store/reply.h"

#define PREFIX "sentinel:"
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
    return strncmp(text, PREFIX, strlen(PREFIX)) == 0;
}

static enum err split(const char *text, struct sentinels *out, struct err_text *why)
{
    const char *name = text + strlen(PREFIX);
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

static bool ask_one(const char *host, const char *port, const char *name, struct address *out)
{
    struct timeval limit = {.tv_usec = ASK_MS * 1000};
    uint64_t number = 0;
    bool found = false;
    if (text_u64(port, 65535, &number) != ERR_OK)
        return false;
    redisContext *c = redisConnectWithTimeout(host, (int)number, limit);
    if (c != NULL && c->err == 0 && redisSetTimeout(c, limit) == REDIS_OK) {
        redisReply *r = redisCommand(c, "SENTINEL get-master-addr-by-name %s", name);
        found = take(r, out);
        freeReplyObject(r);
    }
    redisFree(c);
    return found;
}

bool sentinel_ask(const char *text, struct address *out)
{
    struct sentinels s = {0};
    if (split(text, &s, NULL) != ERR_OK)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (ask_one(s.at[i].host, s.at[i].port, s.name, out))
            return true;
    }
    return false;
}
