/* The real programs for a test: a private Redis and any of the five services, each with its own
 * keys, on loopback ports that were free.
 *
 * Everything lives in one directory that stack_destroy removes (it stays, and its name is printed,
 * when a service ended with a sanitizer's report). Processes are ended by their own pid, and end
 * with the test when that is killed. What returns false or -1 says why on stderr. It blocks: not
 * for services.
 */
#ifndef LIU_TESTS_SUPPORT_STACK_H
#define LIU_TESTS_SUPPORT_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bus/keys.h"
#include "crypto/crypto.h"
#include "support/redis.h"

#define STACK_INSTANCE "liu-test" /* scheme_instance of all */
#define STACK_READY_MS 30000
#define STACK_STOP_MS 20000

enum stack_service {
    STACK_INTAKE,
    STACK_ELIGIBILITY,
    STACK_AUDIT,
    STACK_MONITOR,
    STACK_LEDGER,
    STACK_SERVICES
};

enum stack_door { /* main doors under the numbers of their services, then monitor's others */
                  STACK_URGENT = STACK_SERVICES,
                  STACK_BULK,
                  STACK_DOORS
};

#define STACK_BIT(s) (1u << (unsigned)(s))
#define STACK_ALL ((1u << STACK_SERVICES) - 1u)

/* Who speaks: a party or feed with both keys. */
struct identity {
    char id[40];
    struct curve_keys curve;
    struct signing_key *signing; /* key id: <id>-1 */
};

struct stack {
    char dir[64];
    struct test_redis redis;
    struct identity operator_;
    struct identity servers[STACK_SERVICES]; /* CURVE keys only */
    struct signing_key *scheme;              /* signs receipts, verdicts, notices */
    unsigned ports[STACK_DOORS];
    unsigned http[STACK_SERVICES];
    pid_t pids[STACK_SERVICES]; /* 0 = not running */
    bool reported;              /* a sanitizer spoke: keep the files */
};

const char *stack_name(enum stack_service s); /* "intake" */

/* Directory, keys and configuration; no process yet. */
bool stack_prepare(struct stack *s);
/* Redis (`extra` as of test_redis_start) and genesis by liuctl. */
bool stack_genesis(struct stack *s, const char *const *extra);
/* Both, then these services (STACK_BIT), ready. */
bool stack_create(struct stack *s, unsigned services);
void stack_destroy(struct stack *s); /* a stack that was never prepared, and zeroed, is fine */

/* ---- processes */

bool stack_spawn(struct stack *s, enum stack_service svc);
/* stderr goes to this descriptor instead of <dir>/<name>.log, which is the default (-1). */
bool stack_spawn_to(struct stack *s, enum stack_service svc, int err_fd);
bool stack_wait_ready(struct stack *s, enum stack_service svc, int64_t timeout_ms);
bool stack_start(struct stack *s, unsigned services); /* spawn, then wait for all */
/* SIGTERM and wait: the exit status, 128 + signal; -1: it did not end in STACK_STOP_MS, and was
 * killed. */
int stack_stop(struct stack *s, enum stack_service svc);
void stack_kill(struct stack *s, enum stack_service svc); /* SIGKILL and wait */
/* Waits for a process that is about to end by itself; as stack_stop. */
int stack_wait_end(struct stack *s, enum stack_service svc, int64_t timeout_ms);

/* Runs <bin>/<program> and waits; stdout and stderr together go to `out` (NUL-terminated, cut).
 * Returns its exit status, 128 + signal, or -1. argv is NULL-terminated, without the program. */
int stack_run(const char *program, const char *const *argv, char *out, size_t out_bytes);

/* ---- the private port */

/* Status code of GET path, -1 when there was no answer in 2 s. `body` (may be NULL) is
 * NUL-terminated. */
int stack_http(const struct stack *s, enum stack_service svc, const char *path, char *body,
               size_t body_bytes);
/* Sum of all samples of a metric, -1 when it cannot be read. */
int64_t stack_metric(const struct stack *s, enum stack_service svc, const char *name);

/* ---- files */

/* Path of <dir>/<name>, in a buffer that the next call but three overwrites. */
const char *stack_path(const struct stack *s, const char *name);
bool stack_write_file(const char *path, const char *text, unsigned mode);
/* Whole text of <dir>/<name>, "" when there is none; the caller frees it. */
char *stack_read_file(const struct stack *s, const char *name);
/* Is the word in the service's log? */
bool stack_logged(const struct stack *s, enum stack_service svc, const char *word);

/* ---- identities */

bool identity_make(struct identity *out, const char *id);
void identity_free(struct identity *i);

#endif
