/* Records leave Redis and come back: see store/cold.h for the whole, cold_file.h for where they
 * are.
 *
 * The freezer follows the archived segments. One at a time: what it wrote goes into the file
 * (durable), then a new generation is published with the segment's last entry, then the records
 * leave Redis that still have the revision the segment gave them. A crash in between leaves both
 * copies, and Redis' counts; the segment is gone through again. A segment's turn comes when it is
 * freeze_seconds old (5 when records fill 70 % of their budget) and every consumer has passed it.
 * Of a new file the newest snapshot is the first part; receipts, which are in no snapshot, come of
 * the segments of their time. So is it where the archive has the entries behind the file no more
 * (their period was over): no receipt of theirs is within its window.
 *
 * What services ask for is looked up and put back, and noted, so that it can leave again. Nothing
 * is answered while the file has not all that has left (it was lost, and is being made again).
 */
#ifndef LIU_LEDGER_COLD_H
#define LIU_LEDGER_COLD_H

#include "services/ledger/archiver.h"
#include "services/ledger/cold_file.h"
#include "services/ledger/snapshot.h"
#include "store/cold.h"

#define COLD_TIGHT_SECONDS 5
#define COLD_CALL 32 /* records that leave in one call: Redis does nothing else meanwhile */

struct cold_item {
    uint32_t kind;
    uint64_t revision;
    size_t id_at; /* in ids, NUL-terminated */
    size_t value_at, bytes;
    bool known; /* answers: it is cold, the value is in data */
    bool skip;  /* answers: nothing can be said now */
    bool show;  /* answers: it stays where it is */
    bool forget;
};

struct cold_list {
    struct buf ids;
    struct buf data;
    struct cold_item *items;
    size_t n, cap;
};

enum err cold_list_add(struct cold_list *l, uint32_t kind, const char *id, size_t id_bytes,
                       uint64_t revision) LIU_MUST_USE;
void cold_list_clear(struct cold_list *l);
void cold_list_fini(struct cold_list *l);
const char *cold_list_id(const struct cold_list *l, const struct cold_item *i);

enum cold_stage {
    COLD_OFF,     /* nothing was ever frozen, and nothing shall be */
    COLD_OPENING, /* record, then file */
    COLD_IDLE,
    COLD_FEEDING,    /* the worker has the list */
    COLD_PUBLISHING, /* the generation */
    COLD_FREEZING,   /* calls for the list */
    COLD_CLEARING,   /* the worker notes that what had been put back has left again */
};

struct ledger;

struct cold {
    struct ledger *ledger;
    struct archiver *worker;
    enum cold_stage stage;
    bool waits; /* an answer of store or worker is to come */
    char dir[1024];
    int64_t next_ms;
    int64_t again_ms; /* what was put back is looked at then */

    /* the generation */
    bool known;
    uint64_t file_bytes;
    uint64_t stored; /* state.stored, as the loop may read it */
    uint64_t revision;
    uint64_t published; /* entry up to which records may be cold */
    uint64_t publishing;
    uint8_t value[256];
    struct commit_put put;
    struct commit commit;

    /* one step of the freezer; the worker's while COLD_FEEDING and COLD_CLEARING */
    struct archive_job job;
    struct cold_file *file; /* the worker's always */
    struct snapshot *snapshot;
    struct folder_names segments;
    struct cold_state state; /* the worker's, too */
    struct cold_list list;
    uint64_t at;       /* done up to here */
    uint64_t limit;    /* and at most up to here */
    int64_t age_s;     /* that a segment must have */
    uint64_t least;    /* a snapshot may be of here */
    uint64_t behind;   /* where the receipts that are still needed begin: no snapshot has them */
    uint64_t to;       /* done up to here with it */
    uint64_t covers;   /* the list belongs to entries up to here */
    int64_t entry_ms;  /* newest time of an entry */
    int64_t server_ms; /* by Redis' clock when the step began; 0 = not known */
    bool partial;      /* of a snapshot: more of it follows */
    bool thawed;       /* the list is of what had been put back */
    int64_t before_ms;
    size_t sent; /* of the list */

    /* answers; the worker's while `looking` */
    struct loop_timer *timer;
    bool asking, looking;
    struct archive_job look;
    struct cold_list asked;
    size_t answered;
    int64_t answer_ms;
    uint64_t answer_generation;

    struct metric *m_records, *m_receipts, *m_frozen, *m_thawed, *m_bytes;
};

enum err cold_create(struct ledger *l, struct cold **out) LIU_MUST_USE;
void cold_start(struct ledger *l); /* the epoch is known */
void cold_go(struct ledger *l);    /* every tick */
void cold_stop(struct cold *c);    /* ends the thread; NULL-safe */
void cold_free(struct cold *c);    /* NULL-safe */

/* cold_step.c, on the worker's thread: job->arg is the struct cold */
void cold_step_open(struct archive_job *job);
void cold_step_feed(struct archive_job *job);  /* ERR_AGAIN: nothing is due */
void cold_step_again(struct archive_job *job); /* what was put back; ERR_AGAIN: nothing is due */
void cold_step_clear(struct archive_job *job);
void cold_step_look(struct archive_job *job);

/* cold_answer.c */
void cold_answer_tick(void *cold);

#endif
