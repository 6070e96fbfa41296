/* The store itself on a loop, against a Redis of the test's own. */
#ifndef LIU_TESTS_STORE_CLIENT_FIXTURE_H
#define LIU_TESTS_STORE_CLIENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "store/store.h"
#include "support/redis.h"

#define EPOCH "00112233445566778899aabbccddeeff"
#define AT 1760000000000LL
#define WAIT_MS 8000

struct client {
    struct test_redis redis;
    struct loop *loop;
    struct store *store;
};

/* Group: a server, initialised through store_load_library and store_init. */
int client_server_start(void **state);
int client_server_stop(void **state);
/* Test: a loop and a store that is ready. */
int client_open(void **state);
int client_close(void **state);

/* Opens a further store on a loop of its own, without waiting. */
void client_connect(struct client *c, const char *address, int64_t timeout_ms);
/* As a service does, which waits for the ledger's word that long. */
void client_connect_waiting(struct client *c, const char *address, int64_t unconfirmed_ms);
void client_disconnect(struct client *c);
enum err client_init_store(struct client *c, struct err_text *why);

/* Turns the loop until *flag or ready; fails the test when it takes longer than WAIT_MS. */
void client_until(struct client *c, const bool *flag);
void client_until_ready(struct client *c);
/* The reason why the store is not ready, once it holds `part`. */
void client_until_refused(struct client *c, const char *part);

/* A commit with an entry and a new case record; its memory lives until the slot is used again. */
struct commit_memory {
    char id[40];
    struct commit_put put;
    struct commit_entry entry;
    const char *audience[1];
    struct commit commit;
};
void commit_make(struct commit_memory *m, const char *id, bool receipt);

/* Commits and waits; text is kept. */
struct committed {
    bool done;
    enum commit_status status;
    uint64_t seq;
    char text[200];
};
commit_fn on_committed; /* arg: struct committed */
struct committed client_commit(struct client *c, enum store_lane lane, const struct commit *commit);

#endif
