/* A Redis of its own with an initialised partition, and the ledger on a loop beside it. */
#ifndef LIU_TESTS_LEDGER_RIG_H
#define LIU_TESTS_LEDGER_RIG_H

#include "loop/loop.h"
#include "services/ledger/ledger.h"
#include "services/ledger/segment.h"
#include "store/store.h"
#include "support/redis.h"

#define RIG_EPOCH "00112233445566778899aabbccddeeff"

struct rig {
    struct test_redis redis;
    struct loop *loop;
    struct store *store;
    struct ledger_settings set;
    void *ledger;
    char archive[128];
    char journal[256]; /* folder of the journal's segments */
    uint64_t head;     /* entries written */
};

/* All fail the test. The partition starts with a party "csp-a", a feed "feed-1" and entry 1. */
void rig_begin(struct rig *r);
/* The same with an entry 1 of the test's own. */
void rig_begin_with(struct rig *r, const void *entry, size_t bytes);
void rig_end(struct rig *r);
void rig_remove(const char *dir); /* with all that is in it, when it is there */

/* Connects a loop and a store (again, in a child). */
void rig_connect(struct rig *r);
void rig_disconnect(struct rig *r);

void rig_start_ledger(struct rig *r);
void rig_stop_ledger(struct rig *r);
void rig_restart_ledger(struct rig *r, bool lose_file); /* without its table of what is cold */
void rig_restart_redis(struct rig *r); /* SIGKILL; until the store is ready again */
unsigned rig_draw(uint32_t *seed, unsigned below);

/* Entries "entry <seq>" for the public and csp-a. */
void rig_add(struct rig *r, uint64_t n);
void rig_noise(struct rig *r, const char *text);
/* A consumer's cursor, new. */
void rig_cursor(struct rig *r, const char *consumer, uint64_t seq);

/* A command of the test's own: integer answer, or number of elements. */
long long rig_ask(struct rig *r, const char *command);

/* Turns the loop until the walk of `dir` counts this many entries, at most 20 s; the walk must be
 * sound. */
void rig_await(struct rig *r, const char *dir, uint64_t entries);
void rig_turn(struct rig *r, int64_t ms);

/* Of the ledger's own record; 0 = none. */
uint64_t rig_ledger_cursor(struct rig *r);

#endif
