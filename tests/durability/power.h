/* A Redis with the shim inside, a store on it, commits under way, and the two judgments: was every
 * acknowledgement sent after its sync, and is everything acknowledged still there.
 */
#ifndef LIU_TESTS_DURABILITY_POWER_H
#define LIU_TESTS_DURABILITY_POWER_H

#include "lib/store/client_fixture.h"

#define POWER_COMMITS 3000

struct power_one {
    struct commit_memory memory;
    struct power *power;
    enum { POWER_IDLE, POWER_SENT, POWER_AGAIN, POWER_DONE } state;
    uint64_t seq; /* as acknowledged */
};

struct power {
    struct client client;
    char dir[64]; /* the shim's */
    struct power_one *all;
    size_t done;
};

/* Group. The server runs with the shim; its commits are `all`. */
int power_start(void **state);
int power_stop(void **state);
/* Test: each its own server. */

/* The shim's files: `lose`, `torn`, `lie`. */
void power_tell(const struct power *p, const char *name, bool on);

bool power_restart(struct power *p);       /* the server, with the shim */
bool power_restart_ready(struct power *p); /* and the client uses it */

/* Commits until `done` of them are acknowledged, or until the server is gone. */
void power_run(struct power *p, size_t done);
/* The same until the store refuses this Redis. */
void power_run_while_ready(struct power *p, size_t done);
/* The same until the server has ended (told to lose), and waits for its end. */
void power_run_until_dead(struct power *p);

/* Acknowledged commits that are not in the journal at the place they were told. The journal must be
 * without gaps and end where its head says: else the test fails. */
size_t power_missing(const struct power *p);

/* From the shim's log and the append-only file: acknowledgements seen on the wire, and those sent
 * before the sync of their transaction. */
struct power_order {
    size_t acknowledged;
    size_t early;
    size_t syncs;
    size_t lost; /* times the power failed with bytes not yet synced */
};
struct power_order power_order(const struct power *p);

#endif
