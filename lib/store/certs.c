#include "store/certs.h"

#include "base/clock.h"
#include "obs/log.h"
#include "obs/metrics.h"
#include "store/store_private.h"

#define LOOK_MS (3600 * 1000)
#define LOOK_AGAIN_MS (60 * 1000)

static void set(struct certs *c, int which, int64_t until_s)
{
    static const char *const labels[N_CERTS] = {"of=\"own\"", "of=\"ca\"", "of=\"server\""};
    c->until_s[which] = until_s;
    if (c->metrics[which] == NULL)
        c->metrics[which] =
            metrics_gauge("liu_redis_tls_until_timestamp_seconds", labels[which],
                          "the certificate of TLS to Redis is good until then; 0 = none");
    metric_set(c->metrics[which], until_s);
}

static void end_probe(struct certs *c)
{
    loop_remove(c->source);
    c->source = NULL;
    resolve_drop(c->probe);
    c->probe = NULL;
}

static void on_probed(void *arg, unsigned events)
{
    struct store *s = arg;
    struct err_text why = {""};
    (void)events;
    int64_t until_s = resolve_take_until_s(s->certs.probe, &why);
    end_probe(&s->certs);
    if (until_s != 0) {
        set(&s->certs, CERT_SERVER, until_s);
        return;
    }
    s->certs.next_ms = clock_mono_ms() + LOOK_AGAIN_MS;
    log_event(LOG_LEVEL_WARN, "tls-refused", "a new connection to Redis would not be made", "why",
              why.text, NULL);
}

static void look(struct store *s)
{
    struct certs *c = &s->certs;
    struct tls_context *context = NULL;
    struct err_text why = {""};
    if (store_tls_context(s, &context, &why) != ERR_OK) {
        c->next_ms = clock_mono_ms() + LOOK_AGAIN_MS;
        log_event(LOG_LEVEL_WARN, "tls-refused", "a new connection to Redis would not be made",
                  "why", why.text, NULL);
        return;
    }
    set(c, CERT_OWN, tls_context_own_until_s(context));
    set(c, CERT_CA, tls_context_ca_until_s(context));
    if (resolve_probe(s->address, context, s->tls_name, &c->probe) != ERR_AGAIN)
        return;
    if (loop_add_fd(s->loop, resolve_fd(c->probe), LOOP_READ, 4, "redis-tls", on_probed, s,
                    &c->source) != ERR_OK)
        end_probe(c);
}

void certs_tick(struct store *s, int64_t now_ms)
{
    struct certs *c = &s->certs;
    if (!c->wanted || !address_is_tls(s->address) || !s->ready || c->probe != NULL ||
        now_ms < c->next_ms)
        return;
    c->next_ms = now_ms + LOOK_MS;
    look(s);
}

void certs_fini(struct store *s)
{
    if (s->certs.probe != NULL)
        end_probe(&s->certs);
}

void store_tls_look(struct store *s)
{
    s->certs.wanted = true;
    s->certs.next_ms = 0;
}

int64_t store_tls_until_s(const struct store *s)
{
    int64_t first = 0;
    for (int i = 0; i < N_CERTS; i++)
        if (s->certs.until_s[i] != 0 && (first == 0 || s->certs.until_s[i] < first))
            first = s->certs.until_s[i];
    return first;
}
