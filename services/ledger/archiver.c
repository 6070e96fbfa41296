/* A list under a mutex each way, and an eventfd that wakes the loop. */
#include "services/ledger/archiver.h"

#include "services/ledger/ease.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

struct queue {
    struct archive_job *first;
    struct archive_job **last;
};

struct archiver {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct queue todo;
    struct queue done;
    bool stop;
    atomic_bool hurry;
    enum archiver_rank rank;
    int fd;
    struct loop_source *source;
};

static void push(struct queue *q, struct archive_job *job)
{
    job->next = NULL;
    *q->last = job;
    q->last = &job->next;
}

static struct archive_job *pop(struct queue *q)
{
    struct archive_job *job = q->first;
    if (job != NULL) {
        q->first = job->next;
        if (q->first == NULL)
            q->last = &q->first;
    }
    return job;
}

void archiver_step_back(int nice)
{
    /* on Linux both are a thread's own */
    (void)sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), nice);
    if (gettid() != getpid() || getsid(0) != getpid())
        return;
    char text[8];
    int fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return; /* sessions are not weighed */
    (void)snprintf(text, sizeof(text), "%d", nice);
    ssize_t n = write(fd, text, strlen(text));
    (void)n;
    (void)close(fd);
}

static void *work(void *arg)
{
    static const struct {
        int nice;
        unsigned percent; /* of a processor; somebody waits for what the reader does */
    } rank[] = {
        [ARCHIVER_WRITER] = {5, 25}, [ARCHIVER_READER] = {10, 100}, [ARCHIVER_MAKER] = {15, 10}};
    struct archiver *a = arg;
    archiver_step_back(rank[a->rank].nice);
    (void)pthread_mutex_lock(&a->mutex);
    while (!a->stop) {
        struct archive_job *job = pop(&a->todo);
        if (job == NULL) {
            (void)pthread_cond_wait(&a->wake, &a->mutex);
            continue;
        }
        (void)pthread_mutex_unlock(&a->mutex);
        ease_begin(rank[a->rank].percent, &a->hurry);
        archive_job_run(job);
        (void)pthread_mutex_lock(&a->mutex);
        push(&a->done, job);
        /* the counter is far from full, so this write cannot fail */
        ssize_t n = write(a->fd, &(uint64_t){1}, sizeof(uint64_t));
        (void)n;
    }
    (void)pthread_mutex_unlock(&a->mutex);
    return NULL;
}

static void woken(void *arg, unsigned events)
{
    struct archiver *a = arg;
    uint64_t count;
    (void)events;
    if (read(a->fd, &count, sizeof(count)) < 0)
        return;
    for (;;) {
        (void)pthread_mutex_lock(&a->mutex);
        struct archive_job *job = pop(&a->done);
        (void)pthread_mutex_unlock(&a->mutex);
        if (job == NULL)
            return;
        job->done(job->arg, job);
    }
}

enum err archiver_create(struct loop *l, enum archiver_rank rank, struct archiver **out)
{
    struct archiver *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return ERR_NOMEM;
    a->rank = rank;
    a->todo.last = &a->todo.first;
    a->done.last = &a->done.first;
    (void)pthread_mutex_init(&a->mutex, NULL);
    (void)pthread_cond_init(&a->wake, NULL);
    enum err e = ERR_IO;
    a->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (a->fd >= 0)
        e = loop_add_fd(l, a->fd, LOOP_READ, 5, "archiver", woken, a, &a->source);
    if (e == ERR_OK && pthread_create(&a->thread, NULL, work, a) != 0)
        e = ERR_IO;
    if (e == ERR_OK) {
        *out = a;
        return ERR_OK;
    }
    loop_remove(a->source);
    if (a->fd >= 0)
        (void)close(a->fd);
    (void)pthread_cond_destroy(&a->wake);
    (void)pthread_mutex_destroy(&a->mutex);
    free(a);
    return e;
}

void archiver_hurry(struct archiver *a, bool hurry)
{
    atomic_store_explicit(&a->hurry, hurry, memory_order_relaxed);
}

void archiver_submit(struct archiver *a, struct archive_job *job)
{
    (void)pthread_mutex_lock(&a->mutex);
    push(&a->todo, job);
    (void)pthread_cond_signal(&a->wake);
    (void)pthread_mutex_unlock(&a->mutex);
}

void archiver_destroy(struct archiver *a)
{
    if (a == NULL)
        return;
    (void)pthread_mutex_lock(&a->mutex);
    a->stop = true;
    archiver_hurry(a, true);
    (void)pthread_cond_signal(&a->wake);
    (void)pthread_mutex_unlock(&a->mutex);
    (void)pthread_join(a->thread, NULL);
    loop_remove(a->source);
    (void)close(a->fd);
    (void)pthread_cond_destroy(&a->wake);
    (void)pthread_mutex_destroy(&a->mutex);
    free(a);
}
