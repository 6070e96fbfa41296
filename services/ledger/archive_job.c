/* What a worker does with a job, whoever the worker is. */
#include "services/ledger/archiver.h"
#include "services/ledger/folder.h"

/* A segment that is found counts as archived, and what it holds leaves Redis: so its name must be
 * durable, although the process that gave it may have ended before it had synced the folder. */
static enum err open_last(struct archive_job *job)
{
    enum err e = segment_last(job->dir, &job->head, &job->found, &job->why);
    return e == ERR_OK && job->found ? folder_settle(job->dir, &job->why) : e;
}

void archive_job_run(struct archive_job *job)
{
    job->why.text[0] = '\0';
    if (job->task == ARCHIVE_OPEN) {
        job->result = open_last(job);
    } else if (job->task == ARCHIVE_CALL) {
        job->call(job);
    } else {
        job->result = segment_write(job->builder, job->dir, &job->why);
        job->head = job->builder->head;
    }
}
