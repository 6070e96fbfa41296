/* A stand-in for the runtime (lib/flow) under a service's decisions: records in memory, one work at
 * a time.
 *
 * It keeps the promises that decisions rely on: what was not asked for makes them wait and run
 * again, records come unpacked from their packed form, a put of a record that exists needs to have
 * been read, what a run left that waited or refused is dropped, and the runtime's limits hold.
 * Views are told after each commit.
 */
#ifndef LIU_TESTS_SUPPORT_FAKE_WORK_H
#define LIU_TESTS_SUPPORT_FAKE_WORK_H

#include "base/limits.h"
#include "flow/service.h"
#include "flow/work.h"
#include "wire/validate.h"

#define FAKE_RECORDS_MAX 256
#define FAKE_TIMERS_MAX 256

struct fake_record {
    enum record_kind kind;
    char id[96];
    const ProtobufCMessageDescriptor *type;
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
    /* the test's to set */
    const char *service; /* acts when a timer fires */
    int64_t now_ms;
    const char *door;              /* "main" at first */
    const struct signing_key *key; /* of the scheme; NULL = it has none */
    const struct view_row *views;  /* told of what is written, with this state */
    size_t n_views;
    void *view_state;
    bool views_stuck; /* they never catch up */

    /* the work at hand */
    const char *actor;
    Ismap__Liu__V1__Role role;
    const void *message;
    const uint8_t *payload;
    size_t payload_bytes;
    const char *timer_record;
    unsigned serial; /* makes derived ids differ from message to message */
    bool rules_loaded;
    bool scan_loaded;
    bool head_loaded;

    /* the store */
    struct fake_record records[FAKE_RECORDS_MAX]; /* without value: asked for, does not exist */
    size_t n_records;
    struct fake_record *late; /* written, but the views will be told only when asked to catch up */
    struct fake_timer timers[FAKE_TIMERS_MAX];
    size_t n_timers;

    /* outcome of the last work */
    unsigned runs;
    unsigned n_reads; /* records it asked for */
    struct fake_record puts[LIMIT_WORK_WRITES];
    size_t n_puts;
    struct fake_event events[LIMIT_WORK_ENTRIES];
    size_t n_events;
    struct fake_timer set[FAKE_TIMERS_MAX];
    size_t n_set;
    const uint8_t *noise; /* in the arena */
    size_t noise_bytes;
    bool quiet;
    const ProtobufCMessage *reply; /* unpacked again, NULL = none */
    Ismap__Liu__V1__Status status;
    struct faults faults;
    bool no_memory;
};

void fake_init(struct work *w, const char *service, int64_t now_ms);
void fake_fini(struct work *w);

/* Writes a record as a service would; the views are told. */
void fake_store(struct work *w, enum record_kind kind, const char *id, const ProtobufCMessage *m);
/* As fake_store, a moment ago: the views hear of it after work_views_current. */
void fake_store_late(struct work *w, enum record_kind kind, const char *id,
                     const ProtobufCMessage *m);
/* NULL when it does not exist. In the arena of w. */
const void *fake_load(struct work *w, enum record_kind kind, const char *id);
/* Makes this the rulebook in force. */
void fake_rules(struct work *w, const Ismap__Liu__V1__Rulebook *rules);

/* Runs a decision for a message of this sender until it is done; commits what it put. */
Ismap__Liu__V1__Status fake_send(struct work *w, const char *actor, Ismap__Liu__V1__Role role,
                                 work_fn *fn, void *state, const ProtobufCMessage *m);
/* The same for an event of the journal, acted on by the service itself. */
Ismap__Liu__V1__Status fake_hear(struct work *w, work_fn *fn, void *state,
                                 const ProtobufCMessage *event);
/* Fires the timer: it is removed, unless the decision sets it again. */
Ismap__Liu__V1__Status fake_fire(struct work *w, const char *kind, const char *record, work_fn *fn,
                                 void *state);

/* Was it told, in both languages? */
bool fake_has_fault(const struct work *w, const char *field, const char *rule);
/* The n-th (from 0) event of this type, NULL when there are fewer. */
const struct fake_event *fake_event(const struct work *w, const char *type, size_t n);
size_t fake_events(const struct work *w, const char *type);
bool fake_told(const struct fake_event *e, const char *party);
/* When the timer is due; -1 = not set. */
int64_t fake_due(const struct work *w, const char *kind, const char *record);

#endif
