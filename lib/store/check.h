/* Is this a Redis to keep acknowledged work in? Asked at every connect and every ten seconds.
 *
 * Refused, each with its reason: not a primary; version below 7; append file off, or not synced
 * before answers; last append write failed; eviction allowed; snapshots on; aof-load-truncated yes
 * (a torn tail would be dropped silently); another Function library; no head, or another epoch than
 * before. A service that knows nothing of this start of Redis waits for the ledger's word, too.
 */
#ifndef LIU_STORE_CHECK_H
#define LIU_STORE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

#define CHECK_EVERY_MS 10000
#define CHECK_MEMORY_MS 250
#define CHECK_MEMORY_SHORT_MS 50 /* while it is short */
#define CHECK_AGAIN_MS 500       /* while refused */
#define CHECK_WAITS_MS 100       /* while the ledger is to confirm */

struct conn;

/* Sends the questions; conn_checked tells the outcome. `first`: authenticate before. */
void check_start(struct conn *c, bool first);

/* Asks how much memory is used: the checks come too rarely for one that fills in seconds. */
void check_memory_now(struct store *s);

/* ---- the judgments, without a connection. Each returns ERR_OK or fills `why`. */

/* The text INFO answers (sections server, replication, persistence, memory). */
struct check_memory {
    uint64_t used_bytes;
    uint64_t max_bytes; /* 0 = unlimited */
    int64_t server_ms;  /* by Redis' clock; 0 = it does not say */
};
enum err check_info(const char *info, struct check_memory *memory,
                    struct err_text *why) LIU_MUST_USE;

/* Are `wanted` replicas in reach, and would Redis itself refuse writes without them
 * (min-replicas-to-write)? `info` as above; wanted 0 is always good. */
enum err check_replicas(const char *info, uint32_t wanted, struct err_text *why) LIU_MUST_USE;

/* The value of a line "name:value" of such a text; "" when there is none. */
void check_info_value(const char *info, const char *name, char out[64]);

/* One setting of CONFIG GET; settings that do not matter are good. */
enum err check_setting(const char *name, const char *value, struct err_text *why) LIU_MUST_USE;

enum store_pressure check_pressure(const struct check_memory *m);

#endif
