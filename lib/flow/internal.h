/* Shared by the files of lib/flow only.
 *
 * The way of a message through them: message.c (envelope, sender, role, shape) -> work.c (what
 * decide functions see) -> engine.c, lock.c (loads, locks, commit, retry) -> reply.c (answer,
 * receipt). Events come in by tail.c and consumer.c, timers by timers.c, FetchEvents waits in
 * fetch.c. life.c starts and ends it all.
 */
#ifndef LIU_FLOW_INTERNAL_H
#define LIU_FLOW_INTERNAL_H

#include "base/hash.h"
#include "base/limits.h"
#include "bus/bus.h"
#include "flow/service.h"
#include "flow/work.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "ismap/liu/v1/health.pb-c.h"
#include "obs/http.h"
#include "obs/log.h"
#include "obs/metrics.h"
#include "store/cold.h"
#include "store/settings.h"
#include "wire/unpack.h"
#include "wire/validate.h"

#define FLOW_PACKAGE "ismap.liu.v1."
#define FLOW_STATUS(x) ISMAP__LIU__V1__STATUS__STATUS_##x

typedef Ismap__Liu__V1__Envelope pb_envelope;
typedef Ismap__Liu__V1__Reply pb_reply;
typedef Ismap__Liu__V1__Receipt pb_receipt;
typedef Ismap__Liu__V1__JournalEntry pb_entry;
typedef Ismap__Liu__V1__Upkeep pb_upkeep;

/* ---- directory.c: who may speak, and small shared records, in memory from the journal */

struct actor {
    char key[80];          /* "p:<id>" or "f:<id>" */
    const char *id;        /* behind the prefix */
    enum record_kind kind; /* RECORD_PARTY or RECORD_FEED */
    Ismap__Liu__V1__Role role;
    uint64_t revision;
    bool revoked;
    unsigned in_flight;
    unsigned waiting;   /* FetchEvents */
    struct arena arena; /* of `keys` */
    const Ismap__Liu__V1__PartyKeys *keys;
    UT_hash_handle hh;
};

struct directory;

enum err directory_create(struct directory **out) LIU_MUST_USE;
void directory_destroy(struct directory *d);
/* Takes in one record of kind PARTY, FEED or ACTIVE, unless a newer one is known. */
enum err directory_update(struct directory *d, enum record_kind kind, const char *id,
                          uint64_t revision, const uint8_t *value, size_t bytes);
struct actor *directory_actor(struct directory *d, const char *key);
/* bus_lookup_fn: the live actor whose CURVE key this is. */
const char *directory_by_curve(void *arg, const char *public_z85);
/* Whose frame is it? The User-Id names the actor and the key that opened the connection, so that a
 * connection opened with a key that has been replaced is worth nothing. NULL = nobody's now. */
struct actor *directory_sender(struct directory *d, const char *user_id);
/* Packed bytes of a mirrored record; false = not mirrored. revision 0 = does not exist. */
bool directory_record(struct directory *d, enum record_kind kind, const char *id,
                      uint64_t *revision, const uint8_t **value, size_t *bytes);
size_t directory_size(const struct directory *d);

/* ---- kept.c: records of the kinds a service keeps (view_row), for the first attempt of urgent
 * works. Fed at start, by the journal's tail, by own commits and by what is read. */

struct kept;

enum err kept_create(const struct service *svc, size_t records_max, size_t bytes_max,
                     struct kept **out) LIU_MUST_USE;
void kept_destroy(struct kept *k);
/* Takes in a record unless its kind is not kept, or a newer one is known. Without room or memory it
 * is left out; then it is read. */
void kept_take(struct kept *k, enum record_kind kind, const char *id, uint64_t revision,
               const uint8_t *value, size_t bytes);
/* Packed bytes, borrowed until the next call; revision 0 = does not exist. False = it is not known
 * here. */
bool kept_find(struct kept *k, enum record_kind kind, const char *id, uint64_t *revision,
               const uint8_t **value, size_t *bytes);

/* ---- work.c */

enum work_source { WORK_MESSAGE, WORK_EVENT, WORK_TIMER };

struct work_read {
    enum record_kind kind;
    const char *id;
    bool loaded;
    bool exists;
    bool absent; /* it does not exist among the cold ones either (cold.c) */
    bool blind;  /* only written, as new: nobody asked for it */
    uint64_t revision;
    const void *message; /* unpacked */
};

struct work_write {
    enum record_kind kind;
    const char *id;
    uint64_t expected;
    const uint8_t *value;
    size_t bytes;
};

struct work_event {
    const char *type;
    const uint8_t *payload;
    size_t bytes;
    const char **audience;
    size_t n_audience;
};

struct work_scan_state {
    bool asked;
    bool loaded;
    enum record_kind kind;
    const char *page;
    uint32_t max;
    struct work_page result;
};

struct flow;
struct lock;
struct flow_door;
struct batch;

struct work {
    struct flow *flow;
    enum work_source source;
    struct arena arena;
    int64_t now_ms;
    int64_t began_us;
    unsigned attempts;
    work_fn *decide;

    /* message */
    struct flow_door *door;
    struct bus_peer peer;
    pb_envelope *envelope;
    const struct dispatch_row *row;
    char actor_key[80];
    enum record_kind actor_kind;
    Ismap__Liu__V1__Role role;
    uint64_t actor_revision;
    bool counted; /* in the actor's in_flight */
    uint8_t request_hash[SHA256_BYTES];
    const char *request_id;

    /* event, timer */
    uint64_t event_seq;
    const char *event_type; /* NULL: the entry cannot be read */
    struct batch *batch;
    const char *timer_kind;
    const char *timer_record;
    int64_t timer_due_ms;
    const char *timer_member;

    const char *actor; /* id shown to decide functions and in the journal */
    const char *cause;
    const void *message;
    const uint8_t *payload;
    size_t payload_bytes;

    /* reads of this attempt */
    struct work_read *reads;
    size_t n_reads;
    size_t cap_reads;
    struct work_scan_state scan;
    bool head_asked;
    bool head_loaded;
    uint64_t head_seq;
    bool view_waits; /* the tail has to reach head_seq first ... */
    bool view_late;  /* ... but did not in time */
    int64_t view_until_ms;
    unsigned loading; /* answers awaited */
    bool load_failed;
    bool unreadable; /* a record that was read does not fit or cannot be unpacked */
    bool cold_known; /* the generation that was read first (cold.c) ... */
    bool cold_asked; /* ... or is read with the others now */
    uint64_t cold_generation;
    int64_t cold_until_ms; /* waits for the ledger; 0 = does not */
    bool guessed;          /* something of it came from memory alone (kept.c) */
    bool certain;          /* nothing may: what was decided on a guess came to nothing */

    /* outcome of this run */
    struct work_write *puts;
    size_t n_puts;
    struct work_event *events;
    size_t n_events;
    struct commit_timer *timers;
    size_t n_timers;
    struct commit_noise noise;
    bool quiet;
    const char *rulebook_hash;
    const uint8_t *reply; /* packed; NULL = none */
    size_t reply_bytes;
    const char *reply_type;
    Ismap__Liu__V1__Status status;
    struct faults faults;
    bool failed; /* out of memory or over a limit while building the outcome */

    /* engine */
    struct commit commit;
    bool committed;
    uint64_t commit_seq;
    int64_t commit_at_ms;
    bool duplicate;
    int64_t resend_until_ms;
    bool receipt_checked;
    bool receipt_cold;        /* the commit did not know whether it is the first of its id */
    bool receipt_waits;       /* among cold_waiters */
    int64_t receipt_until_ms; /* the ledger is waited for at most so long; 0 = was not asked */
    struct lock *locks[LIMIT_WORK_WRITES + 2]; /* the serial one and one it read, too */
    size_t n_locks;
    struct lock *serial; /* ROW_SERIAL */
    struct work *next;   /* in whatever queue it waits */
    struct work *prev_all, *next_all;
};

struct work_read *work_read_find(struct work *w, enum record_kind kind, const char *id);
struct work_read *work_read_add(struct work *w, enum record_kind kind, const char *id);
void work_reset_outcome(struct work *w);
void work_drop_reads(struct work *w);
void work_keep_puts(struct work *w); /* its commit holds: memory learns at once */
/* Packs what decide left into w->commit; ERR_NOMEM. */
enum err work_build_commit(struct work *w) LIU_MUST_USE;
bool work_has_writes(const struct work *w);
const char *flow_short_type(const char *full_name);

/* ---- the runtime */

struct flow_settings {
    char *endpoint;
    char *http_address;
    char *curve_key_file;
    char *second_endpoint;
    char *second_curve_key_file;
    char *signing_key_file;
    char *redis_address;
    struct store_tls_settings redis_tls;
    char *redis_user;
    char *redis_password_file;
    char *partition;
    char *scheme_instance;
    char *log_level;
    int64_t redis_timeout_ms;
    int64_t redis_replicas;
    int64_t drain_ms;
};

/* Who spoke at a door while another of its name was open. */
struct door_user {
    char id[40];
    int64_t at_ms;
};
#define DOOR_USERS 32

enum flow_door_state { FLOW_DOOR_OPEN, FLOW_DOOR_LEAVING, FLOW_DOOR_SHUT };

struct flow_door {
    struct flow *flow;
    char name[16]; /* two doors have one name while keys are changed */
    bool urgent;
    struct bus_door *door; /* NULL = this place is free */
    /* leaving: serves on until `until_ms`; shut: answers what is under way */
    enum flow_door_state state;
    char asked[256]; /* endpoint as the settings have it */
    char public_z85[CURVE_Z85_BYTES];
    int64_t key_at_ms; /* when its key file was made */
    int64_t until_ms;
    bool old; /* one of its name with a newer key is open */
    struct door_user users[DOOR_USERS];
};

#define FLOW_DOORS_MAX 12 /* three names, two keys, and as many on their way out */

/* Counters whose growth rings for a while (alarms.c). */
enum alarm_count { ALARM_QUARANTINED, ALARM_REUSED, N_ALARM_COUNTS };

enum flow_phase { FLOW_WAITS_FOR_STORE, FLOW_LOADING, FLOW_PROBING, FLOW_READY, FLOW_STOPPING };

struct flow {
    const struct service *svc;
    void *state;
    struct flow_settings set;
    void *svc_settings;
    const char *conf_path;         /* of both, for a reload ... */
    const struct conf_table *conf; /* ... the runtime's and the service's table; NULL = none */
    struct loop *loop;
    struct store *store;
    struct bus *bus;
    struct directory *dir;
    struct kept *kept;
    struct signing_key *scheme_key;
    struct signing_key *old_keys[8]; /* of the scheme, since the start */
    size_t n_old_keys;
    struct {
        int64_t next_ms;
        uint64_t inode;
        int64_t at_s, at_ns;
    } key_seen; /* the scheme's key file, as it was read last */
    struct obs_http *http;
    struct flow_door doors[FLOW_DOORS_MAX];
    bool doors_late; /* settings were read before the doors could follow them */
    struct loop_timer *doors_timer;

    enum flow_phase phase;
    const char *why_not;
    int64_t started_at_ms;
    int64_t last_now_ms;
    bool clock_told; /* that the journal is too far ahead to be followed */
    int64_t drain_until_ms;
    int exit_status;
    bool probe_ok;
    bool store_broken; /* journal and head differ: nothing is written until a person has looked */
    size_t load_step;
    char load_page[64];

    struct arena_pool memory; /* of messages that are not urgent */
    size_t works;             /* alive */
    struct work *all_works;
    struct {
        char *member;
        int64_t due_ms;
    } due[LIMIT_DUE_IN_LINE]; /* timers found due, from due_at on */
    size_t due_at, n_due;
    bool due_firing, due_asked;
    bool timers_more;                      /* some have fired since the last look */
    struct timer_pause *timer_pauses;      /* uthash by member */
    struct lock *locks;                    /* uthash by key */
    struct work *view_waiters;             /* for the tail to reach a head they have seen */
    struct work *cold_waiters;             /* for the ledger to put back what is cold */
    struct work *first_later, *last_later; /* events and timers with their records, for a turn */
    int64_t turn_us;                       /* of this turn, for events and timers */
    struct work *resend;                   /* outcome unknown: waits for the store */
    struct work *unsigned_replies; /* committed in this turn, their receipts not signed yet */

    uint64_t tail_seq; /* every entry up to here has been taken in */
    struct consumer *consumer;
    struct fetch *fetch;
    struct upkeep *upkeep;
    int64_t alarm_seen[N_ALARM_COUNTS];
    int64_t alarm_at_ms[N_ALARM_COUNTS];
    struct immutable *immutables;
    size_t n_immutables;

    struct metric *m_requests;
    struct metric *m_refused;
    struct metric *m_commits;
    struct metric *m_conflicts;
    struct metric *m_mismatches;
    struct metric *m_quarantined;
    struct metric *m_commit_us;
    struct metric *m_works;
    struct metric *m_head;
    struct metric *m_consumed;
    struct metric *m_garbage;
    struct metric *m_cold_asked;
    struct metric *m_cold_late;
    struct metric *m_log_dropped; /* NULL in tests */
    uint64_t log_dropped_told;
};

/* life.c. Before flow_start: svc, set, svc_settings, memory and scheme_key are filled. After
 * it, also when it failed, flow_destroy; the caller runs the loop in between. */
enum err flow_start(struct flow *f, struct err_text *why) LIU_MUST_USE;
void flow_stop(void *flow); /* orderly: the loop stops when what is under way has been answered */
void flow_destroy(struct flow *f);
int64_t flow_now_ms(struct flow *f); /* never runs backwards */
/* An entry of the journal was made at this time: ours is not earlier (within
 * LIMIT_CLOCK_FOLLOWED_MS). */
void flow_follow_clock(struct flow *f, int64_t at_ms);
void flow_not_ready(struct flow *f, const char *why);
bool flow_ready(void *flow, const char **why); /* obs_ready_fn */
void flow_probe(void *flow);                   /* of all doors */

/* doors.c: doors with one or two keys at once, opened and closed while the service runs */
enum err doors_open(struct flow *f, struct err_text *why) LIU_MUST_USE; /* all that are set */
/* Are there keys for what these settings want? ERR_OK, or why not. */
enum err doors_check(const struct flow_settings *set, struct err_text *why) LIU_MUST_USE;
/* The settings or key files may have changed: opens what is missing and then, when all is open,
 * lets go what is no longer wanted. What cannot be opened is logged and changes nothing. */
void doors_follow(struct flow *f);
void doors_pause(struct flow *f); /* stopping */

/* door_users.c */
void doors_used(struct flow_door *d, const char *actor_key);
void doors_tell(struct work *w, Ismap__Liu__V1__Health *h);

/* service.c */
void flow_reload(void *flow);         /* reload.c: SIGHUP */
int flow_log_level(const char *text); /* -1 = no level */

/* message.c */
/* Is the work's message signed by one of these keys? */
bool message_signed_by(const struct work *w, const Ismap__Liu__V1__PartyKeys *keys);
/* Refuses the work as one whose message is older than receipts are kept. */
void message_refuse_stale(struct work *w);
bus_message_fn message_arrived;
bus_garbage_fn message_garbage;

/* engine.c */
struct work *work_create(struct flow *f, enum work_source source);
void work_destroy(struct work *w);       /* releases locks, counters, memory */
void work_run(struct work *w);           /* decides, loads, commits; ends in work_finish */
void work_restart(struct work *w);       /* on fresh records */
void engine_store_ready(struct flow *f); /* sends again what has an unknown outcome */
void engine_sweep(void *flow);           /* timer: gives up what was unknown for too long */
void engine_destroy(struct flow *f);     /* at the end: frees what is left without waking anyone */
void work_fail(struct work *w);          /* our own mistake: INTERNAL, or the timer comes again */

/* load.c */
void work_load(struct work *w); /* asks for what is not loaded yet, then runs the work again */
void load_views_moved(struct flow *f); /* the tail took something in, or time has passed */
void load_turn_ends(void *flow);       /* loop after-callback */
void immutables_destroy(struct flow *f);
/* A load has ended badly: the store cannot be reached, or w's refusal says what else. */
void load_give_up(struct work *w);
/* Its records are there: runs it, events and timers in their part of the turn. */
void load_run(struct work *w);
void load_fill(struct work *w, struct work_read *r, const struct store_record *rec);

/* cold.c: records that were not found and may have left Redis (store/cold.h) */
/* Is the generation to be read with the records asked for now? */
bool cold_wants_generation(const struct work *w);
void cold_take_generation(struct work *w, const struct store_record *r);
/* New records of kinds that may be cold count as read and not found. */
void cold_add_puts(struct work *w);
/* Something that was not found may be cold. */
bool cold_in_doubt(const struct work *w);
/* A page of cold records behind those of Redis, as work_scan has it; `page` begins with COLD_PAGE.
 */
bool cold_scan(struct work *w, enum record_kind kind, const char *page, uint32_t max,
               struct work_page *out);
/* Clears the doubt, then runs the work again. */
void cold_seek(struct work *w);
/* The ledger was asked for the message's receipt: looks again (engine_receipt) in a moment, or says
 * that it is away. */
void cold_receipt_later(struct work *w);
void engine_receipt(struct work *w); /* engine.c: is there an earlier copy's receipt? */
/* Answers a message with this and nothing else, whatever was decided. */
void engine_give_up(struct work *w, Ismap__Liu__V1__Status status, const char *rule, const char *ja,
                    const char *en);
/* The guard that what was not found was not cold either; false when none is needed. */
bool cold_guard(const struct work *w, struct commit_guard *out);

/* lock.c */
bool work_urgent(const struct work *w);
bool lock_free_for(struct flow *f, enum record_kind kind, const char *id, const struct work *w);
/* Takes the lock or queues the work behind it (false). */
bool lock_take(struct work *w, const char *key);
/* The sender's own line, for rows that are ROW_SERIAL; kept until the work ends. */
bool lock_take_serial(struct work *w);
bool lock_take_record(struct work *w, enum record_kind kind, const char *id);
void lock_release(struct work *w, bool keep_serial);
void lock_release_all(struct work *w);
void locks_destroy(struct flow *f); /* without waking anyone */

/* load.c: an immutable record that has been parsed before; false = it must be read. */
bool load_from_immutables(struct flow *f, struct work_read *r);

/* reply.c */
void reply_send(struct work *w); /* answers and destroys the work */
void reply_plain(struct flow_door *d, const struct bus_peer *peer, const char *request_id,
                 Ismap__Liu__V1__Status status, const char *field, const char *rule, const char *ja,
                 const char *en);
void reply_sign_turn(void *flow); /* loop after-callback */

/* kept.c */
/* A record as a commit left it, for directory and memory: of the journal's, and at once of our own,
 * so that who was answered meets what the answer said. Older news change nothing. */
void flow_take_put(struct flow *f, enum record_kind kind, const char *id, uint64_t revision,
                   const uint8_t *value, size_t bytes);
void flow_out_of_memory(struct flow *f); /* stops, to start again */

/* tail.c */
enum err tail_start(struct flow *f, uint64_t from);

/* quarantine.c: RequeueEvent and DiscardEvent, at services that consume */
work_fn quarantine_requeue, quarantine_discard;

/* consumer.c, consumer_queue.c */
enum err consumer_start(struct flow *f, uint64_t seq, uint64_t revision);
void consumer_destroy(struct flow *f);
/* An entry passed by: queued when this service acts on its type; NULL = it cannot be read. */
void consumer_offer(struct flow *f, uint64_t seq, const pb_entry *e);
/* Sequence of a cursor's record, 0 when there is none. ERR_NOMEM, ERR_PROTO. */
enum err cursor_read_seq(const struct store_record *r, uint64_t *seq) LIU_MUST_USE;
void consumer_go(struct flow *f);
void consumer_work_done(struct work *w, bool decided);
uint64_t consumer_seq(const struct flow *f);
/* Events are there, and memory is too short for what they would write. */
bool consumer_waits(const struct flow *f);

/* timers.c */
enum err timers_start(struct flow *f);
void timers_destroy(struct flow *f);
/* Did the timer's commit hold (it is gone), or is it to be tried again after a while? */
void timers_fired(struct flow *f, const char *member, bool held);

/* fetch.c */
enum err fetch_create(struct flow *f);
void fetch_destroy(struct flow *f);
void fetch_begin(struct work *w); /* a FetchEvents message whose shape is good */
void fetch_entry(struct flow *f, uint64_t seq, const pb_entry *e);
void fetch_wake(struct flow *f); /* after a run of entries */
/* Everyone gets an empty answer; at this door only, NULL = at all. */
void fetch_answer_all(struct flow *f, const struct flow_door *d);

/* upkeep.c: what is known about the store beside its checks */
enum err upkeep_start(struct flow *f) LIU_MUST_USE;
void upkeep_destroy(struct flow *f);
/* Is this refused for want of memory, of the whole (all that the level says) or of its family? */
bool flow_refuses(const struct flow *f, enum store_pressure what);
uint64_t upkeep_cold(const struct flow *f); /* generation as last seen; 0 = nothing is cold */
const pb_upkeep *upkeep_usage(const struct flow *f); /* NULL = not known */
const pb_upkeep *upkeep_backup(const struct flow *f);
const pb_upkeep *upkeep_drill(const struct flow *f);

/* keys.c: looks at the scheme's key file now and then; another key in it takes over */
void keys_look(struct flow *f);
void keys_free(struct flow *f);

/* alarms.c */
struct alarm_row {
    const char *name; /* of the rule in deploy/prometheus/rules.yml */
    bool page;
    bool (*rings)(const struct flow *f);
    const char *section; /* of docs/runbook.md */
    const char *en, *ja;
};
const struct alarm_row *alarm_rows(size_t *n);
void alarms_tick(struct flow *f);
void alarms_tell(struct work *w, Ismap__Liu__V1__Health *h);

/* health.c */
void health_answer(struct work *w);

#endif
