/* A context with its ZAP handler. The handler is there before the first door and goes after the
 * last. */
#include "bus/bus_private.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "bus/profile.h"

static void count_on(struct bus *b)
{
    static const char zap[] = "liu_bus_zap_total";
    static const char zap_help[] = "Handshakes decided by the ZAP handler, without the self-probe";
    static const char probe[] = "liu_bus_probe_total";
    static const char probe_help[] = "Self-probes of the doors by outcome";
    b->count.zap_allowed = metrics_counter(zap, "result=\"allowed\"", zap_help);
    b->count.zap_refused = metrics_counter(zap, "result=\"refused\"", zap_help);
    b->count.zap_malformed = metrics_counter(zap, "result=\"malformed\"", zap_help);
    b->count.probe_ok = metrics_counter(probe, "result=\"ok\"", probe_help);
    b->count.probe_failed = metrics_counter(probe, "result=\"failed\"", probe_help);
}

enum err bus_create(struct loop *l, bus_lookup_fn *lookup, void *arg, struct bus **out,
                    struct err_text *why)
{
    *out = NULL;
    if (lookup == NULL)
        return err_say(why, ERR_INVAL, "a bus needs a lookup of keys");
    struct bus *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return err_say(why, ERR_NOMEM, "no memory");
    b->loop = l;
    b->lookup = lookup;
    b->lookup_arg = arg;
    count_on(b);
    enum err e = curve_keys_generate(&b->probe_keys);
    if (e != ERR_OK) {
        (void)err_say(why, e, "this libzmq has no CURVE");
        goto out;
    }
    b->context = profile_context();
    if (b->context == NULL) {
        e = err_say(why, ERR_IO, "cannot make a ZeroMQ context: %s", zmq_strerror(errno));
        goto out;
    }
    e = zap_open(b, why);
out:
    if (e != ERR_OK) {
        bus_destroy(b);
        return e;
    }
    *out = b;
    return ERR_OK;
}

void bus_destroy(struct bus *b)
{
    if (b == NULL)
        return;
    int saved = errno;
    probe_abort(b);
    while (b->doors != NULL) {
        assert(!b->doors->reading); /* stop the loop first */
        bus_close(b->doors);
    }
    zap_close(b);
    if (b->context != NULL) {
        (void)zmq_ctx_shutdown(b->context);
        while (zmq_ctx_term(b->context) != 0 && errno == EINTR) {
            /* interrupted: the context is still there */
        }
    }
    curve_keys_wipe(&b->probe_keys);
    free(b);
    errno = saved;
}
