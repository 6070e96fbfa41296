/* Stands in for the runtime under the service's handlers: records in memory, one work at a time.
 *
 * It keeps the promises handlers rely on: what was not asked for before makes them wait and run
 * again, records come unpacked from their packed form, and only an accepted outcome is kept.
 */
#ifndef TEST_ELIGIBILITY_FAKE_WORK_H
#define TEST_ELIGIBILITY_FAKE_WORK_H

#include "flow/work.h"

#define FAKE_RECORDS_MAX 32
#define FAKE_EVENTS_MAX 4
#define FAKE_AUDIENCE_MAX 8

struct fake_bytes {
    const uint8_t *data; /* NULL = does not exist */
    size_t bytes;
};

struct fake_record {
    enum record_kind kind;
    const char *id;
    struct fake_bytes value;
    bool asked;
    bool loaded;
};

struct fake_put {
    enum record_kind kind;
    const char *id;
    struct fake_bytes value;
};

struct fake_event {
    const ProtobufCMessageDescriptor *type;
    struct fake_bytes value;
    const char *audience[FAKE_AUDIENCE_MAX];
    size_t n_audience;
};

struct work {
    struct arena arena;
    int64_t now_ms;
    const char *actor;
    Ismap__Liu__V1__Role role;
    const void *message;
    const char *timer_record;
    const struct signing_key *key; /* NULL = the scheme has none */
    struct fake_record records[FAKE_RECORDS_MAX];
    size_t n_records;
    /* outcome of the last run */
    struct fake_put puts[8];
    size_t n_puts;
    struct fake_event events[FAKE_EVENTS_MAX];
    size_t n_events;
    const char *timer_kind;
    int64_t timer_due_ms;
    const ProtobufCMessage *reply; /* unpacked again */
    Ismap__Liu__V1__Status status;
    const char *field; /* of the first refusal */
    const char *en;
};

void fake_init(struct work *w);
void fake_fini(struct work *w);
void fake_store(struct work *w, enum record_kind kind, const char *id, const ProtobufCMessage *m);
/* NULL when it does not exist. */
const void *fake_load(struct work *w, enum record_kind kind, const char *id);
/* An event of the last run, unpacked. */
const void *fake_event(struct work *w, size_t i);
bool fake_told(const struct work *w, size_t i, const char *party);

/* Runs until the handler no longer waits; keeps its puts when it did not refuse. */
Ismap__Liu__V1__Status fake_run(struct work *w, work_fn *fn, const void *message);
Ismap__Liu__V1__Status fake_send(struct work *w, const char *actor, Ismap__Liu__V1__Role role,
                                 work_fn *fn, const void *message);

#endif
