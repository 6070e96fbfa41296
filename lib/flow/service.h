/* What a service is: tables. The runtime (lib/flow) does the rest.
 *
 * A main.c is: return service_main(argc, argv, &the_service);
 */
#ifndef LIU_FLOW_SERVICE_H
#define LIU_FLOW_SERVICE_H

#include "conf/conf.h"
#include "flow/work.h"
#include "ismap/liu/v1/health.pb-c.h"
#include "loop/loop.h"
#include "store/store.h"

#define ROLE_BIT(role) (1u << (unsigned)(role))
#define ROLES_ALL 0xffffffffu

#define ROW_CHANGES                                                                                \
    1u /* leaves an effect: stale check, receipt by (sender, id), durable before the answer */
#define ROW_SIGNED 2u     /* needs the sender's Ed25519 signature */
#define ROW_NO_RECEIPT 4u /* changes, but is idempotent by itself (numbered alerts) */
#define ROW_URGENT 8u     /* own Redis connection, never refused for memory pressure */
#define ROW_NOISE 16u     /* refused first when memory runs short (70 %) */
#define ROW_NEW_CASE 32u  /* refused second (85 %); at 95 % every change that is not urgent is */
#define ROW_RESERVE 128u  /* an operator's order that is taken at 95 %, too */
#define ROW_SERIAL                                                                                 \
    64u /* one at a time for each sender and door, in the order of arrival (numbered lanes) */

/* One message type: who may send it, how big, how checked, who decides. Shape is checked by the
 * tables of lib/wire before `decide` is called. */
struct dispatch_row {
    const ProtobufCMessageDescriptor *type;
    unsigned roles; /* ROLE_BIT(...) of the senders allowed */
    unsigned flags;
    uint32_t bytes_max; /* of the payload; 0 = LIMIT_PAYLOAD_BYTES */
    const char *doors;  /* names allowed, comma-separated; NULL = "main" */
    work_fn *decide;
};

/* One event type this service acts on. Each takes effect exactly once: the cursor is in the same
 * commit. */
struct consumer_row {
    const ProtobufCMessageDescriptor *type;
    work_fn *decide;
};

struct timer_row {
    const char *kind;
    work_fn *decide;
};

/* Records kept in memory. `changed` is called for each at start and whenever one changes, before
 * anyone is told of the event; only for what is looked at without being loaded (matching),
 * decisions use work_get. `kept`: work_get of an urgent work finds them in memory on its first
 * attempt instead of reading Redis (at most LIMIT_KEPT_RECORDS and LIMIT_KEPT_BYTES; what is beyond
 * is read). */
struct view_row {
    enum record_kind kind;
    void (*changed)(void *service_state, const char *id, uint64_t revision,
                    const ProtobufCMessage *m); /* may be NULL */
    bool kept;
};

struct door_row {
    const char *name;     /* "main" comes by itself; others are listed here */
    const char *setting;  /* configuration name of its endpoint, e.g. "urgent_endpoint" */
    const char *fallback; /* default endpoint */
    const char *second;   /* name of its endpoint under the second key */
    bool urgent;
};

/* Handed to create: parts a service may use beside works (the ledger does). */
struct service_env {
    struct loop *loop;
    struct store *store;
    const void *settings; /* the service's own settings struct, filled */
    const char *name;
};

struct archive_ask;

struct service {
    const char *name;
    const char *main_fallback; /* default endpoint of the main door */
    const char *http_fallback; /* default address of the private port */
    const struct dispatch_row *rows;
    size_t n_rows;
    const struct consumer_row *consumers;
    size_t n_consumers;
    const struct timer_row *timers;
    size_t n_timers;
    const struct view_row *views;
    size_t n_views;
    const struct door_row *doors;
    size_t n_doors;
    const struct conf_row
        *settings; /* further settings of this service; offsets into settings_bytes */
    size_t n_settings;
    size_t settings_bytes;
    enum err (*create)(const struct service_env *env, void **state,
                       struct err_text *why);     /* NULL = no state */
    void (*start)(void *state);                   /* store ready, views loaded; may be NULL */
    bool (*ready)(void *state, const char **why); /* after start: its own reasons; may be NULL */
    /* What only the service knows of its health; may be NULL. Texts are borrowed until it returns.
     */
    void (*health)(void *state, Ismap__Liu__V1__Health *h);
    /* Entries that have left Redis, see flow/archive.h. ERR_OK: given back later; anything else:
     * not taken, ask again. NULL = this service has no archive. */
    enum err (*archive)(void *state, struct archive_ask *ask);
    void (*destroy)(void *state);
};

/* Parses arguments (-c FILE, --check-config, --print-config, --version, --help), runs until
 * SIGTERM. Returns the exit status: 0 orderly, 1 failure, 2 wrong usage or configuration. */
int service_main(int argc, char **argv, const struct service *svc);

#endif
