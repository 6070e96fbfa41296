/* A stand-in for the runtime (lib/flow) under handlers: records in memory, one work at a time.
 *
 * It keeps the promises that handlers rely on: what has not been asked for makes them wait and run
 * again, records come unpacked from their packed form, the outcome of a run that waited or refused
 * is dropped.
 */
#ifndef LIU_TESTS_INTAKE_FAKE_WORK_H
#define LIU_TESTS_INTAKE_FAKE_WORK_H

#include "flow/work.h"
#include "wire/validate.h"

#define FAKE_RECORDS_MAX 96
#define FAKE_EVENTS_MAX 4
#define FAKE_AUDIENCE_MAX 32

struct fake_record {
    enum record_kind kind;
    char id[64];
    uint8_t *value;
    size_t bytes;
    bool loaded; /* asked for by the work at hand */
    bool pending;
};

struct fake_event {
    const char *type;
    const ProtobufCMessage *payload; /* unpacked again */
    const char *audience[FAKE_AUDIENCE_MAX];
    size_t n_audience;
};

struct work {
    struct arena arena;
    int64_t now_ms;
    const char *actor;
    Ismap__Liu__V1__Role role;
    const void *message;
    const uint8_t *payload;
    size_t payload_bytes;
    const char *timer_record;
    unsigned serial; /* makes derived ids differ from message to message */

    struct fake_record
        records[FAKE_RECORDS_MAX]; /* a record without value was asked for and does not exist */
    size_t n_records;
    bool head_loaded;
    bool scan_loaded;
    bool rules_loaded;

    /* outcome of the last run */
    size_t n_reads; /* records, pages and heads it asked for */
    unsigned runs;
    struct fake_record puts[8];
    size_t n_puts;
    struct fake_event events[FAKE_EVENTS_MAX];
    size_t n_events;
    const char *timer_kind;
    int64_t timer_due_ms;
    const ProtobufCMessage *reply;
    Ismap__Liu__V1__Status status;
    struct faults faults;
    bool no_memory;
};

void fake_init(struct work *w);
void fake_fini(struct work *w);

/* Writes a record as another service would. */
void fake_store(struct work *w, enum record_kind kind, const char *id, const ProtobufCMessage *m);
/* NULL when it does not exist. In the arena of w. */
const void *fake_load(struct work *w, enum record_kind kind, const char *id);

/* Runs a handler for a message of this sender until it is done; commits what it put. */
Ismap__Liu__V1__Status fake_send(struct work *w, const char *actor, Ismap__Liu__V1__Role role,
                                 work_fn *fn, void *state, const ProtobufCMessage *m);
void fake_fire(struct work *w, const char *record, work_fn *fn, void *state);

bool fake_has_fault(const struct work *w, const char *field, const char *rule);
bool fake_told(const struct fake_event *e, const char *party);

#endif
