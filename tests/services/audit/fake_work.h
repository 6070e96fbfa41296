/* Stands in for the runtime: one work at a time, records in a small table, what was decided kept
 * for the test to look at. A record that was not asked for in an earlier run makes work_get answer
 * false once, as the runtime does, so that DECIDE_WAIT is exercised. */
#ifndef LIU_TESTS_AUDIT_FAKE_WORK_H
#define LIU_TESTS_AUDIT_FAKE_WORK_H

#include "flow/work.h"

struct fake_record {
    enum record_kind kind;
    const char *id;
    const void *message; /* NULL = does not exist */
    bool loaded;
};

struct work {
    struct arena arena;
    int64_t now_ms;
    const void *message;
    const char *actor;
    Ismap__Liu__V1__Role role;
    const char *timer_record;
    struct fake_record records[32];
    size_t n_records;
    const Ismap__Liu__V1__Rulebook *rules;
    bool rules_loaded;
    const char *cause; /* work_derive_id; NULL = "cause" */
    /* outcome */
    struct fake_record puts[8];
    struct fake_record events[8]; /* id is the audience's first */
    const char *faults[16];       /* "field rule" */
    size_t n_faults;
    const ProtobufCMessage *put;
    enum record_kind put_kind;
    const char *put_id;
    size_t n_puts;
    const ProtobufCMessage *event;
    const char *audience;
    size_t n_events;
    const char *timer_kind;
    int64_t timer_due_ms;
    const ProtobufCMessage *reply;
    Ismap__Liu__V1__Status status;
    bool no_memory;
};

void fake_begin(struct work *w);
void fake_end(struct work *w);
void fake_record(struct work *w, enum record_kind kind, const char *id, const void *message);

/* The record of this kind that was put; NULL when none was. */
const void *fake_put(const struct work *w, enum record_kind kind);
/* The event of this type that was emitted; NULL when none was. */
const void *fake_event(const struct work *w, const ProtobufCMessageDescriptor *d);
/* Was this fault told? */
bool fake_fault(const struct work *w, const char *field_and_rule);

/* Runs until the function no longer waits; how many runs it took. */
unsigned fake_run(struct work *w, work_fn *fn);

#endif
