/* A store, a bus and a clock in memory under the runtime's files: the test decides when an answer
 * comes and what it says. The commits obey the Function's rules (guards, revisions, receipts).
 *
 * What the store is asked waits until fake_turn (reads) or fake_commit_* (commits).
 */
#ifndef LIU_TESTS_FLOW_FAKE_H
#define LIU_TESTS_FLOW_FAKE_H

#include "flow/internal.h"
#include "ismap/liu/v1/case.pb-c.h"
#include "ismap/liu/v1/party.pb-c.h"

#define FAKE_NOW 1790000000000LL
#define FAKE_EPOCH "0123456789abcdef0123456789abcdef"
#define FAKE_COMMITS 1024
#define FAKE_SENT 1024

struct fake_commit {
    const struct commit *commit;
    commit_fn *fn;
    void *arg;
    enum store_lane lane;
};

struct fake_sent {
    struct arena arena;
    pb_reply *reply;
    uint8_t peer;
};

struct fake {
    struct flow flow;
    int64_t now_ms;
    bool ready;
    bool reads_fail;
    enum store_pressure pressure;
    struct fake_commit commits[FAKE_COMMITS]; /* not answered yet, in order */
    size_t n_commits;
    size_t commits_seen;
    size_t reads_seen;
    size_t receipts_asked;
    struct fake_sent sent[FAKE_SENT];
    size_t n_sent;
    size_t seeks_seen;
    char cold_id[96];        /* asked for, not put back: may be cold */
    bool receipts_cold;      /* looked up: the ledger was asked */
    uint64_t seq;            /* head of the journal */
    struct signing_key *key; /* of every party */
};

extern struct fake fake; /* one at a time */

/* A service of this name with these rows. */
void fake_up(const struct service *svc);
void fake_down(void);

/* Record in the store, as another service would write it; returns the revision. */
uint64_t fake_store(enum record_kind kind, const char *id, const ProtobufCMessage *m);
/* NULL when there is none; in the arena. */
const void *fake_load(struct arena *a, enum record_kind kind, const char *id);
uint64_t fake_revision(enum record_kind kind, const char *id);
/* Stored, and told to the directory unless `quietly`. */
void fake_party(const char *id, Ismap__Liu__V1__Role role, bool revoked, bool quietly);

/* How a message differs from a plain one of "acme", connection 1. */
struct fake_how {
    const char *from;
    const char *id;
    uint8_t peer;
    int64_t sent_at_ms;
    int64_t deadline_ms;
    bool sign;
    const struct signing_key *key;
};
void fake_message(const ProtobufCMessage *m, const struct fake_how *how);

void fake_answer(void);     /* answers all reads and receipts; the turn goes on */
void fake_turn(void);       /* answers all reads and receipts, then signs the turn's receipts */
void fake_commit_ok(void);  /* the oldest commit is done by the rules, then a turn */
void fake_commit_all(void); /* until nothing is left */
/* The oldest commit is answered so; `done`: it took effect all the same. Then a turn. */
void fake_commit_as(enum commit_status status, bool done);
void fake_look(void); /* every timer of the loop once */
void fake_fire(void); /* the same, then a turn */

/* Timers of the service, fake_timers.c: KIND|RECORD, due now. */
#define FAKE_DUE 256
void fake_due(const char *member);
size_t fake_n_due(void);
bool fake_timers_hold(const struct commit *c); /* what the commit fires is still there */
void fake_timers_apply(const struct commit *c);
void fake_timers_clear(void);

void fake_curve(const char *id, char out[CURVE_Z85_BYTES]); /* a party's key */

/* Status of the n-th answer. */
Ismap__Liu__V1__Status fake_status(size_t n);
bool fake_has_rule(size_t n, const char *rule);

#endif
