/* The self-probe: the one proof that the doors are closed to strangers is a stranger who is
 * refused. Two legs a door, both through TCP and the whole handshake: a fresh key and the probe's
 * own.
 */
#include "bus/bus_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zmq.h>

#include "base/text.h"
#include "bus/monitor.h"
#include "bus/profile.h"
#include "obs/log.h"

#define PROBE_MS 2000

struct probe_leg {
    struct probe_run *run;
    const struct bus_door *door;
    void *socket;
    void *monitor;
    struct loop_source *source;
    bool stranger; /* must be refused */
    bool done;
};

struct probe_run {
    struct bus *bus;
    bus_probe_fn *fn;
    void *arg;
    struct loop_timer *timer;
    const char *wrong; /* the first fault; NULL = none yet */
    size_t left;
    size_t count;
    struct probe_leg legs[];
};

static void close_leg(struct probe_leg *leg)
{
    loop_remove(leg->source);
    if (leg->socket != NULL) {
        monitor_detach(leg->socket, leg->monitor);
        (void)zmq_close(leg->socket);
    }
    leg->source = NULL;
    leg->socket = leg->monitor = NULL;
}

static void free_run(struct probe_run *run)
{
    for (size_t i = 0; i < run->count; i++)
        close_leg(&run->legs[i]);
    loop_cancel_timer(run->timer);
    run->bus->probe = NULL;
    run->bus->fresh_z85[0] = '\0';
    free(run);
}

/* Event probe-failed: a door lets strangers in, or nobody at all. The service must not be ready. */
static void finish(struct probe_run *run)
{
    struct bus *b = run->bus;
    bus_probe_fn *fn = run->fn;
    void *arg = run->arg;
    const char *wrong = run->wrong;
    free_run(run);
    metric_add(wrong == NULL ? b->count.probe_ok : b->count.probe_failed, 1);
    if (wrong != NULL)
        log_event(LOG_LEVEL_ERROR, "probe-failed", "the doors do not authenticate as they must",
                  "why", wrong, NULL);
    if (fn != NULL)
        fn(arg, wrong == NULL, wrong == NULL ? "ok" : wrong);
}

/* What this event says of the leg: "" nothing, NULL as it must be, else the fault. */
static const char *judge(const struct probe_leg *leg, uint16_t event)
{
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        return leg->stranger ? "fresh-key-accepted" : NULL;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        return leg->stranger ? NULL : "probe-key-refused";
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        return "handshake-failed";
    case ZMQ_EVENT_CLOSED:
    case ZMQ_EVENT_DISCONNECTED:
        return "no-connection";
    default:
        return "";
    }
}

static void leg_read(void *arg, unsigned events)
{
    struct probe_leg *leg = arg;
    struct probe_run *run = leg->run;
    struct monitor_event ev;
    (void)events;
    while (!leg->done && monitor_next(leg->monitor, &ev)) {
        const char *verdict = judge(leg, ev.event);
        if (verdict != NULL && *verdict == '\0')
            continue;
        leg->done = true;
        run->left--;
        if (run->wrong == NULL)
            run->wrong = verdict;
    }
    if (leg->done)
        close_leg(leg);
    if (run->left == 0)
        finish(run);
}

static void too_late(void *arg)
{
    struct probe_run *run = arg;
    run->timer = NULL; /* fires once and is gone */
    if (run->wrong == NULL)
        run->wrong = "timeout";
    finish(run);
}

/* A door on all addresses is probed on loopback. */
static void reachable(const char *bound, char out[BUS_ENDPOINT_BYTES])
{
    static const char any4[] = "tcp://0.0.0.0:", any6[] = "tcp://[::]:";
    const char *host = "", *rest = bound;
    if (strncmp(bound, any4, sizeof(any4) - 1) == 0) {
        host = "tcp://127.0.0.1:";
        rest = bound + sizeof(any4) - 1;
    } else if (strncmp(bound, any6, sizeof(any6) - 1) == 0) {
        host = "tcp://[::1]:";
        rest = bound + sizeof(any6) - 1;
    }
    size_t head = strlen(host);
    memcpy(out, host, head);
    (void)text_copy(out + head, BUS_ENDPOINT_BYTES - head, rest);
}

static enum err start_leg(struct probe_leg *leg, const struct curve_keys *keys)
{
    struct bus *b = leg->run->bus;
    char endpoint[BUS_ENDPOINT_BYTES];
    struct profile_curve c = {.keys = keys, .server_public_z85 = leg->door->server_public_z85};
    enum err e = profile_socket(b->context, PROFILE_PROBE, &c, &leg->socket, NULL);
    if (e == ERR_OK)
        e = monitor_attach(b->context, leg->socket, &leg->monitor, NULL);
    if (e == ERR_OK)
        e = loop_add_socket(b->loop, leg->monitor, LOOP_READ, BUS_PRIORITY_MONITOR, "probe",
                            leg_read, leg, &leg->source);
    if (e != ERR_OK)
        return e;
    reachable(leg->door->endpoint, endpoint);
    return zmq_connect(leg->socket, endpoint) == 0 ? ERR_OK : ERR_IO;
}

enum err bus_probe(struct bus *b, bus_probe_fn *fn, void *arg)
{
    size_t doors = 0;
    struct curve_keys fresh;
    if (b->probe != NULL)
        return ERR_AGAIN;
    for (const struct bus_door *d = b->doors; d != NULL; d = d->next)
        doors++;
    if (doors == 0)
        return ERR_NOT_FOUND;
    enum err e = curve_keys_generate(&fresh);
    if (e != ERR_OK)
        return e;
    struct probe_run *run = calloc(1, sizeof(*run) + 2 * doors * sizeof(struct probe_leg));
    if (run == NULL) {
        curve_keys_wipe(&fresh);
        return ERR_NOMEM;
    }
    *run = (struct probe_run){.bus = b, .fn = fn, .arg = arg};
    b->probe = run;
    memcpy(b->fresh_z85, fresh.public_z85, CURVE_Z85_BYTES);
    e = loop_add_timer(b->loop, PROBE_MS, 0, too_late, run, &run->timer);
    for (const struct bus_door *d = b->doors; e == ERR_OK && d != NULL; d = d->next) {
        for (int i = 0; e == ERR_OK && i < 2; i++) {
            struct probe_leg *leg = &run->legs[run->count++];
            *leg = (struct probe_leg){.run = run, .door = d, .stranger = i == 0};
            run->left++;
            e = start_leg(leg, leg->stranger ? &fresh : &b->probe_keys);
        }
    }
    curve_keys_wipe(&fresh);
    if (e != ERR_OK)
        free_run(run);
    return e;
}

void probe_abort(struct bus *b)
{
    if (b->probe != NULL)
        free_run(b->probe);
}

void probe_forget(struct bus *b, const struct bus_door *d)
{
    struct probe_run *run = b->probe;
    if (run == NULL)
        return;
    for (size_t i = 0; i < run->count; i++) {
        struct probe_leg *leg = &run->legs[i];
        if (leg->door != d)
            continue;
        if (!leg->done)
            run->left--;
        leg->done = true;
        close_leg(leg);
    }
    if (run->left == 0)
        free_run(run);
}
