/* One thread that does the blocking work on segments, behind a queue: writing, syncing, reading
 * back.
 *
 * Jobs are embedded in what they belong to and handed over: between archiver_submit and the call of
 * `done` (on the loop's thread) only the worker touches them. Jobs run in the order they were
 * submitted. The queue is bounded by its users: each stream has one job at most.
 */
#ifndef LIU_LEDGER_ARCHIVER_H
#define LIU_LEDGER_ARCHIVER_H

#include "loop/loop.h"
#include "services/ledger/segment.h"

struct archiver;
struct archive_job;

/* Who goes first when the processor or the disk is wanted by several; all behind other services. */
enum archiver_rank { ARCHIVER_WRITER, ARCHIVER_READER, ARCHIVER_MAKER };

typedef void archive_done_fn(void *arg, struct archive_job *job);

enum archive_task {
    ARCHIVE_OPEN,  /* segment_last of dir -> head, found */
    ARCHIVE_WRITE, /* segment_write of builder into dir */
    ARCHIVE_CALL,  /* call(job), which sets result */
};

struct archive_job {
    enum archive_task task;
    const char *dir;                       /* borrowed until done */
    struct segment_builder *builder;       /* WRITE: borrowed until done */
    void (*call)(struct archive_job *job); /* CALL: on the worker's thread */
    archive_done_fn *done;
    void *arg;
    /* results */
    enum err result;
    struct err_text why;
    struct segment_head head;
    bool found;
    struct archive_job *next; /* the archiver's */
};

/* Starts the thread. ERR_NOMEM, ERR_IO. */
enum err archiver_create(struct loop *l, enum archiver_rank rank,
                         struct archiver **out) LIU_MUST_USE;

/* The calling thread steps behind what others want of the processor: no right is needed for that,
 * and none brings it back. `nice` as in setpriority(2). A process that leads a session steps back
 * as a whole where the kernel weighs sessions. */
void archiver_step_back(int nice);

/* Does the job, here and now: for the worker. */
void archive_job_run(struct archive_job *job);

/* Whether its work rests no more (ease.h), because others wait for it. */
void archiver_hurry(struct archiver *a, bool hurry);

/* Never fails: nothing is allocated. */
void archiver_submit(struct archiver *a, struct archive_job *job);

/* Waits for the job that is running (an fsync can take a while), drops those that wait; `done` is
 * called for none of them any more. NULL-safe. */
void archiver_destroy(struct archiver *a);

#endif
