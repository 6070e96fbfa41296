/* What the files of lib/bus share. Nobody else includes this. */
#ifndef LIU_BUS_BUS_PRIVATE_H
#define LIU_BUS_BUS_PRIVATE_H

#include "bus/bus.h"
#include "obs/metrics.h"

/* The user id of the self-probe. Those that begin with ~ are ours: no party can have one. */
#define BUS_RESERVED_USER '~'
#define BUS_PROBE_USER "~probe"

#define BUS_NAME_BYTES 32
#define BUS_DOMAIN_BYTES 201
#define BUS_ENDPOINT_BYTES 256
#define BUS_PRIORITY_ZAP 0u
#define BUS_PRIORITY_MONITOR 7u

struct probe_run;

struct bus_door {
    struct bus *bus;
    struct bus_door *next;
    struct bus_door_config config; /* its texts are not kept, only the copies below */
    char name[BUS_NAME_BYTES];
    char zap_domain[BUS_DOMAIN_BYTES];
    char endpoint[BUS_ENDPOINT_BYTES];
    char server_public_z85[CURVE_Z85_BYTES];
    void *socket; /* NULL once closed */
    void *monitor;
    struct loop_source *source;
    struct loop_source *monitor_source;
    bool paused;
    bool draining; /* the rest of an over-long message is still in the socket */
    bool reading;  /* inside door_read: freed there when closed by a callback */
    uint8_t number;
    unsigned connections;
    int64_t failed_logged_ms;
    uint64_t failed_unlogged;
    struct {
        struct metric *received, *sent, *garbage, *send_gone, *send_full;
        struct metric *accepted, *accept_failed, *disconnected, *shaken;
        struct metric *failed_auth, *failed_protocol, *failed_other, *connections;
    } count;
};

struct bus {
    struct loop *loop;
    void *context;
    bus_lookup_fn *lookup;
    void *lookup_arg;
    struct bus_door *doors;
    uint8_t doors_opened; /* since the start, wrapping */
    void *zap;
    struct loop_source *zap_source;
    struct curve_keys probe_keys;    /* let in */
    char fresh_z85[CURVE_Z85_BYTES]; /* of the running probe: to be refused, and not counted */
    struct probe_run *probe;
    struct {
        struct metric *zap_allowed, *zap_refused, *zap_malformed, *probe_ok, *probe_failed;
    } count;
};

/* zap.c */
enum err zap_open(struct bus *b, struct err_text *why) LIU_MUST_USE;
void zap_close(struct bus *b);

/* door.c */
void door_monitor_read(void *arg, unsigned events);

/* probe.c: the run ends without a result; of one door: its legs no longer count. */
void probe_abort(struct bus *b);
void probe_forget(struct bus *b, const struct bus_door *d);

#endif
