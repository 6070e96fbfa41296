/* Parties as the protocol wants them: each request has one id and the same bytes however often it
 * is sent, until an answer comes that settles it; events are fetched without a gap. What comes back
 * is held against what the store has.
 */
#ifndef LIU_TESTS_REPLAY_AGENT_H
#define LIU_TESTS_REPLAY_AGENT_H

#include "replay/world.h"

#define AGENT_DOORS 3

struct agent;

struct request {
    UT_hash_handle hh;    /* by id, within its agent */
    struct request *next; /* all of a run */
    struct agent *agent;
    struct link *link;
    char id[72];
    const char *type;
    bool reserve;           /* the last memory is for it */
    bool changes, numbered; /* numbered: PushAlerts, without a receipt by id */
    uint8_t *frame;
    size_t bytes;
    unsigned tries;
    bool settled;
    bool spoiled; /* other content was sent under its id: any answer may be that one's */
    Ismap__Liu__V1__Status status;
    char rule[32]; /* of the first detail of a refusal */
    bool acknowledged;
    bool recalled; /* asked for again at the end, and answered */
    unsigned recalls;
    uint64_t seq; /* of the receipt */
    int64_t at_ms;
    uint8_t *reply; /* payload of the OK answer */
    size_t reply_bytes;
    const char *reply_type;
    uint64_t inside_of; /* incarnation of the service that `inside` is about */
    unsigned inside;    /* copies that reached the service and were not answered */
    int64_t clean_us;   /* a copy reached it then while none was inside */
    void (*done)(struct request *r);
    void *done_arg;
};

struct agent {
    const struct party *party;
    unsigned key; /* which pair of keys it uses */
    struct link *links[SIM_NODES][AGENT_DOORS];
    struct request *requests;
    struct request *all;
    uint64_t serial;
    /* follows events */
    bool follows;
    uint64_t after;
    uint64_t *seen;
    size_t n_seen, cap_seen;
    struct request *fetch;
    /* a feed's counters */
    uint64_t lane_epoch[2], lane_next[2];
    uint64_t pushed_epoch[2];
    struct request *pushed[2]; /* the last one of a lane */
};

struct agents {
    struct agent items[WORLD_PARTIES];
    size_t n;
    size_t open;       /* requests not settled, FetchEvents not counted */
    uint64_t answered; /* of a run */
    size_t recalling;  /* that agents_recall asked for and that are not answered */
    uint64_t recalled;
};
extern struct agents agents;

void agents_begin(void);
void agents_end(void);
struct agent *agent_of(const char *id); /* NULL = no such party */

struct agent_how {
    const char *id;      /* NULL = a new one */
    const char *door;    /* NULL = "main" */
    int64_t deadline_ms; /* 0 = none */
    bool unsigned_;
    void (*done)(struct request *r);
    void *done_arg;
};
/* Sends a message to a service and goes on until it is settled. The request lives to the run's end.
 */
struct request *agent_send(struct agent *a, int node, const ProtobufCMessage *m,
                           const struct agent_how *how);
/* The same bytes once more, although it is settled. */
void agent_repeat(struct request *r);
/* Another message under the id of this one, whose answers are not looked at. */
void agent_impostor(struct request *r, const ProtobufCMessage *m);
void agent_follow(struct agent *a, int node);
void agent_rekey(struct agent *a, unsigned key);

/* At the end: the same bytes once more of everything that was acknowledged, until it is answered.
 */
void agents_recall(void);
void agents_check_recalled(void);
/* At the end: everybody was told of what is for it, once, in order. */
void agents_check_followed(void);

#endif
