/* The ledger's threads on the time line: a job takes a while, then it is done as a whole, or the
 * process ends in the midst of it. The loop goes on meanwhile, as it does beside a thread. */
#include "services/ledger/archiver.h"

#include <stdlib.h>

#include "replay/files.h"
#include "replay/sim.h"

#define JOB_US 2000
#define CUT_AFTER 16 /* changes, at most */

struct archiver {
    struct node *node;
    struct archive_job *first;
    struct archive_job **last;
    bool busy;
};

static void next(struct archiver *a);

static void on_done(void *arg)
{
    struct archiver *a = arg;
    struct archive_job *job = a->first;
    a->first = job->next;
    if (a->first == NULL)
        a->last = &a->first;
    a->busy = false;
    next(a);
    job->done(job->arg, job);
}

static void on_cut(void *arg)
{
    struct node *n = arg;
    files_uncut();
    node_dies(n);
}

static void on_run(void *arg)
{
    struct archiver *a = arg;
    bool cut = !files_is_cut() && rng_chance(&sim.rng, sim.faults.crash_at_work);
    if (cut)
        files_cut_after(1 + rng_below(&sim.rng, CUT_AFTER));
    archive_job_run(a->first);
    if (cut && files_is_cut())
        sim_after(0, on_cut, a->node);
    else
        sim_after_node(a->node, sim_delay_us(20, JOB_US), on_done, a, NULL);
    if (cut && !files_is_cut())
        files_uncut();
}

static void next(struct archiver *a)
{
    if (a->busy || a->first == NULL)
        return;
    a->busy = true;
    sim_after_node(a->node, sim_delay_us(20, JOB_US), on_run, a, NULL);
}

enum err archiver_create(struct loop *l, enum archiver_rank rank, struct archiver **out)
{
    (void)l, (void)rank;
    struct archiver *a = sim_need(calloc(1, sizeof *a));
    a->node = sim.current;
    a->last = &a->first;
    *out = a;
    return ERR_OK;
}

void archiver_hurry(struct archiver *a, bool hurry)
{
    (void)a, (void)hurry;
}

void archiver_submit(struct archiver *a, struct archive_job *job)
{
    job->next = NULL;
    *a->last = job;
    a->last = &job->next;
    next(a);
}

/* What is scheduled for it is void: the service ends with it. */
void archiver_destroy(struct archiver *a)
{
    free(a);
}

void archiver_step_back(int nice)
{
    (void)nice;
}
