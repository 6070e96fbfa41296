/* The Function alone: commits are encoded as the store does, sent over a blocking connection, and
 * the answers decoded. Each test has a partition of its own on one server.
 */
#ifndef LIU_TESTS_STORE_FUNCTION_FIXTURE_H
#define LIU_TESTS_STORE_FUNCTION_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "store/encode.h"
#include "store/store.h"
#include "support/redis.h"

#define EPOCH "00112233445566778899aabbccddeeff"
#define OTHER_EPOCH "ffeeddccbbaa99887766554433221100"
#define AT 1760000000000LL

struct fixture {
    struct test_redis redis;
    redisContext *c;
    struct encoder encoder;
    struct encoder_call call;
    char partition[16];
    struct answer_text texts[32];
    struct commit_result results[32];
    redisReply *reply; /* of the last call: results point into it */
};

int fixture_start(void **state); /* group set-up: server and library */
int fixture_stop(void **state);
int fixture_partition(void **state); /* test set-up: an initialised partition with party "min-a" */
int fixture_done(void **state);

/* Sends what was added. The error text of the whole call, or NULL with f->results filled. */
const char *fixture_send(struct fixture *f);
/* One commit alone. */
struct commit_result *fixture_commit(struct fixture *f, const struct commit *c);
void fixture_add(struct fixture *f, const struct commit *c);

/* Any command, printf-like as hiredis has it; freed with the next one. */
redisReply *fixture_ask(struct fixture *f, const char *format, ...);

/* A commit that writes one new record, one entry for min-a, with a receipt: the plain path. Uses
 * static memory that the next call reuses round robin. */
struct commit plain(const char *id);

/* All keys and values of the partition as one text, for "nothing changed". Static. */
const char *fixture_digest(struct fixture *f);

#endif
