/* Shared by the files of the ledger only: ledger.c (life, cursor), stream.c (one stream into its
 * folder), trim.c. One thread but for the archiver's jobs. */
#ifndef LIU_LEDGER_LEDGER_PRIVATE_H
#define LIU_LEDGER_LEDGER_PRIVATE_H

#include "base/arena.h"
#include "obs/metrics.h"
#include "services/ledger/archiver.h"
#include "services/ledger/cold.h"
#include "services/ledger/ledger.h"
#include "services/ledger/snapshot.h"
#include "store/link.h"
#include "store/measure.h"
#include "store/store.h"

#define LEDGER_DIR_BYTES 1024

enum stream_state {
    STREAM_OPENING, /* the last segment is being read, or waits to be */
    STREAM_RUNNING,
    STREAM_BROKEN, /* a person has to look; told in the log, and the ledger is not ready */
};

struct stream {
    struct ledger *ledger;
    enum segment_kind kind;
    enum stream_state state;
    char name[SEGMENT_STREAM_BYTES]; /* "journal" or the feed */
    char dir[LEDGER_DIR_BYTES];
    bool has_archived;           /* archived and chain are filled */
    struct segment_pos archived; /* durable up to here */
    uint8_t chain[SHA256_BYTES]; /* digest of the last segment */
    bool has_collected;
    struct segment_pos collected; /* read from Redis up to here */
    char link[LINK_DIGITS + 1];   /* journal: of the last entry collected; "" = not known */
    struct segment_builder builders[2];
    unsigned active;  /* the builder that collects; the other one is being written */
    int64_t since_ms; /* its first entry came */
    bool busy;        /* the job is the archiver's */
    bool unwritten;   /* the other builder failed to be written: tried again */
    bool reading;
    bool rests;        /* there is more to read: pace.c goes on */
    size_t page_bytes; /* of the last reading */
    uint32_t page;     /* adapts to what fits into a reply */
    uint32_t asked;    /* of the reading under way */
    int64_t retry_ms;
    struct archive_job job;
};

struct trim {
    bool busy;
    bool rests;       /* between two calls: pace.c goes on */
    bool tight;       /* journal and index; of the whole round, so that it takes enough at once */
    bool tight_noise; /* likewise */
    bool noise_turn;  /* of two trims */
    bool is_noise;    /* the one under way */
    bool cut;         /* the round is over before all is gone that may go */
    int64_t next_ms;
    uint64_t least;      /* cursor of all consumers */
    uint32_t waits_seen; /* bits of trim_waits_for */
    uint64_t head;
    uint64_t target;    /* last sequence to go */
    uint64_t reached;   /* in this round */
    uint64_t gone;      /* by earlier rounds */
    struct buf parties; /* ids, NUL-terminated, of the audience */
    size_t n_parties;
    size_t at;        /* byte in parties: the next call's first */
    int64_t noise_ms; /* next trim of noise */
    size_t feed;      /* the call's first, */
    size_t feed_end;  /* and behind its last */
};

struct confirm {
    struct ledger *ledger;
    char dir[LEDGER_DIR_BYTES];
    char path[LEDGER_DIR_BYTES + 8];
    char tmp[LEDGER_DIR_BYTES + 16];
    uint64_t seq; /* noted before this start of the ledger; 0 = nothing */
    char link[LINK_DIGITS + 1];
    uint64_t noted;
    char line[80]; /* being written */
    bool writing;
    struct archive_job job;
    bool asking;
    uint64_t asked_seq;
    char asked[STORE_RUN_BYTES]; /* start of Redis that is being compared */
    char run[STORE_RUN_BYTES];   /* the last one that was; "" = none */
};

struct rewrite {
    bool busy;
    bool watching;  /* one was started: how does it end? */
    unsigned quiet; /* checks in a row in which little was written */
    uint64_t bytes; /* at the last check */
    int64_t looked_ms;
    int64_t next_ms;
    int64_t hold_ms;
    struct metric *m_bytes;
    struct metric *m_started;
};

struct reader;
struct retention;

struct snapshots {
    struct ledger *ledger;
    char dir[LEDGER_DIR_BYTES];
    bool busy;       /* the job is the maker's, and so are head, faults and lost */
    bool known;      /* the newest one was looked for */
    uint64_t seq;    /* of the newest one; 0 = none */
    uint64_t wanted; /* up to here at least, when several are needed */
    int64_t next_ms; /* by the clock */
    int64_t retry_ms;
    atomic_bool stop;
    struct snapshot_head head;
    struct buf faults;
    bool lost; /* the journal's segments: no snapshot is made of what was begun anew */
    struct archive_job job;
    struct metric *m_seq;
};

struct usage {
    bool busy;
    int64_t next_ms;
    size_t feed;   /* sampled next */
    char page[64]; /* of parties, likewise */
    uint64_t bytes[N_FAMILIES];
    uint64_t budget[N_FAMILIES]; /* 0 = none */
    uint64_t told[N_FAMILIES];   /* as the record has it */
    uint64_t told_budget[N_FAMILIES];
    bool known; /* the record's revision */
    uint64_t revision;
    int64_t written_ms;
    uint8_t value[512];
    struct commit_put put;
    struct commit commit;
};

struct ledger {
    struct loop *loop;
    struct store *store;
    const struct ledger_settings *set;
    struct archiver *archiver;
    struct reader *reader;
    struct cold *cold;
    struct retention *retention;
    struct archiver *maker; /* of snapshots: takes long, and waits for everything else */
    struct snapshots snapshots;
    struct confirm confirm;
    struct rewrite rewrite;
    struct loop_timer *timer;
    struct loop_timer *pace; /* runs while there is a backlog */
    size_t pace_turn;
    char epoch[SEGMENT_EPOCH_DIGITS + 1];
    bool stopped;   /* another epoch appeared */
    size_t pending; /* calls of the store whose answer is to come */
    bool dead;      /* destroyed; freed with the last answer */
    struct stream journal;
    struct stream *feeds[LEDGER_FEEDS_MAX];
    size_t n_feeds;
    bool finding;
    int64_t find_ms;
    bool halting;        /* the store is being told to stop */
    char not_ready[192]; /* why, since a stream is broken; "" = none is */
    char said[64];       /* last fault told, and when: one line a minute */
    int64_t said_ms;

    /* cursor */
    bool cursor_known;
    bool cursor_busy;
    uint64_t cursor_revision;
    uint64_t cursor_seq;
    uint64_t cursor_next; /* being committed */
    uint8_t cursor_value[128];
    struct commit_put cursor_put;
    struct commit cursor_commit;

    struct trim trim;
    struct usage usage;
    struct metric *m_archived;
    struct metric *m_segments;
    struct metric *m_failures;
    struct metric *m_trimmed;
    struct metric *m_broken;
    struct metric *m_asked;
};

/* Log event, at most one line a minute for the same event; counted always. */
void ledger_fault(struct ledger *l, const char *event, const char *what, const char *why);

/* An answer of the store came. True: the ledger is gone (freed with the last one), touch nothing.
 */
bool ledger_answered(struct ledger *l);

/* The stream is broken: told by event, metric and readiness. */
void ledger_stream_broken(struct ledger *l, const char *event, const char *what, const char *why);

/* The journal ends before the archive: nobody may give its numbers again. Every tick until done. */
void ledger_halt(struct ledger *l);

/* A journal segment is durable. */
void ledger_archived(struct ledger *l);

/* stream.c */
void stream_init(struct stream *s, struct ledger *l, enum segment_kind kind, const char *name);
void stream_fini(struct stream *s);
void stream_go(
    struct stream *s); /* does what there is to do; called at every tick and after each step */

/* The journal has lost what the archive holds: the stream is broken, and the store is halted. Or it
 * holds something else in its place, which is for a person to judge. */
void stream_lost(struct stream *s, const char *why);
void stream_differs(struct stream *s, const char *why);

/* confirm.c */
void confirm_init(struct ledger *l);
void confirm_go(struct ledger *l);

/* snapshots.c */
#define SNAPSHOT_RETRY_MS 60000
void snapshots_init(struct snapshots *p, struct ledger *l);
void snapshots_fini(struct snapshots *p);
void snapshots_go(struct ledger *l);

/* rewrite.c */
void rewrite_init(struct rewrite *w);
void rewrite_go(struct ledger *l);

/* reader.c */
struct archive_ask;
enum err reader_create(struct ledger *l, struct reader **out) LIU_MUST_USE;
void reader_destroy(struct reader *r); /* drops what was asked; NULL-safe */
/* ERR_LIMIT: too many wait. */
enum err reader_ask(struct reader *r, struct archive_ask *ask) LIU_MUST_USE;

/* trim.c */
void trim_init(struct trim *t);
void trim_fini(struct trim *t);
void trim_go(struct ledger *l);
void trim_step(struct ledger *l); /* the next call of the trim that rests */

/* pace.c */
void pace_go(struct ledger *l); /* what rests goes on in a moment */
bool pace_behind(const struct ledger *l);

/* retention.c */
enum err retention_create(struct ledger *l, struct retention **out) LIU_MUST_USE;
void retention_stop(struct retention *r); /* the maker's thread ends soon; NULL-safe */
void retention_free(struct retention *r); /* NULL-safe */
void retention_go(struct ledger *l);
/* Borrowed until the next call. */
void retention_health(const struct ledger *l, Ismap__Liu__V1__Health *h);

/* usage.c */
/* The first measurement comes after the first look at the journal, whose faults are told before
 * anything is written. */
void usage_start(struct ledger *l);
void usage_go(struct ledger *l);
/* Memory is short: what is archived leaves at once, whatever is asked to be kept. */
bool usage_tight(const struct ledger *l, enum family f);
enum err usage_check(const struct ledger_settings *set, struct err_text *why);

#endif
