/* A stand-in for the runtime (lib/flow) under monitor's decisions: records in memory, one work at a
 * time.
 *
 * It keeps the promises that decisions rely on: what was not asked for makes them wait and run
 * again, records come unpacked from their packed form, a put of a record that exists needs to have
 * been read, and what a run left that waited or refused is dropped. Views are told after each
 * commit.
 */
#ifndef LIU_TESTS_MONITOR_FAKE_WORK_H
#define LIU_TESTS_MONITOR_FAKE_WORK_H

#include "flow/service.h"
#include "flow/work.h"
#include "base/limits.h"
#include "wire/validate.h"

#define FAKE_RECORDS_MAX 256
#define FAKE_TIMERS_MAX 256

struct fake_record {
    enum record_kind kind;
    char id[80];
    uint8_t *value; /* NULL = does not exist */
    size_t bytes;
    unsigned revision;
    bool loaded;  /* for the work at hand */
    bool pending; /* asked for */
};

struct fake_event {
    const char *type;                /* short name */
    const ProtobufCMessage *payload; /* unpacked again */
    const char *const *audience;
    size_t n_audience;
};

struct fake_timer {
    char kind[16];
    char record[80];
    int64_t due_ms; /* < 0 = removed */
};

struct work {
    struct arena arena;
    int64_t now_ms;
    const char *actor;
    Ismap__Liu__V1__Role role;
    const char *door;
    const void *message;
    const uint8_t *payload;
    size_t payload_bytes;
    const char *timer_record;
    struct fake_record *late; /* written, but the views will be told only when asked to catch up */
    void *late_state;
    bool views_stuck; /* they never catch up */
    bool no_key;      /* work_sign answers ERR_UNAVAILABLE */
    const struct view_row *views;
    size_t n_views;

    struct fake_record records[FAKE_RECORDS_MAX];
    size_t n_records;
    struct fake_timer timers[FAKE_TIMERS_MAX]; /* as committed */
    size_t n_timers;
    bool rules_loaded;
    bool scan_loaded;

    /* outcome of the last work */
    unsigned runs;
    unsigned n_reads;
    struct fake_record puts[LIMIT_WORK_WRITES];
    size_t n_puts;
    struct fake_event events[LIMIT_WORK_ENTRIES];
    size_t n_events;
    struct fake_timer set[FAKE_TIMERS_MAX];
    size_t n_set;
    size_t noise_bytes;
    bool quiet;
    const ProtobufCMessage *reply;
    Ismap__Liu__V1__Status status;
    struct faults faults;
    bool no_memory;
};

void fake_init(struct work *w, const struct service *svc);
void fake_fini(struct work *w);

/* Writes a record as a service would; the views of `state` are told. */
void fake_store(struct work *w, void *state, enum record_kind kind, const char *id,
                const ProtobufCMessage *m);
/* As fake_store, a moment ago: the views hear of it after work_views_current. */
void fake_store_late(struct work *w, void *state, enum record_kind kind, const char *id,
                     const ProtobufCMessage *m);
/* NULL when it does not exist. In the arena of w. */
const void *fake_load(struct work *w, enum record_kind kind, const char *id);

Ismap__Liu__V1__Status fake_send(struct work *w, const char *actor, Ismap__Liu__V1__Role role,
                                 const char *door, work_fn *fn, void *state,
                                 const ProtobufCMessage *m);
/* Fires the timer: it is removed, unless the decision sets it again. */
void fake_fire(struct work *w, const char *kind, const char *record, work_fn *fn, void *state);

bool fake_has_fault(const struct work *w, const char *field, const char *rule);
/* The n-th (from 0) event of this type, NULL when there are fewer. */
const struct fake_event *fake_event(const struct work *w, const char *type, size_t n);
size_t fake_events(const struct work *w, const char *type);
bool fake_told(const struct fake_event *e, const char *party);
/* -1 = not set. */
extern int64_t fake_mono_ms; /* of the monotonic clock; works have their own time */
int64_t fake_due(const struct work *w, const char *kind, const char *record);

#endif
