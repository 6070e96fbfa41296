/* Works that touch the same record wait for each other here, in bounded lines: within a process
 * there is no CONFLICT. What a work may hold while it waits is said in engine.c.
 */
#include "flow/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

struct lock {
    char key[160];
    struct work *holder;
    struct work *first; /* in line */
    struct work *last;
    unsigned n_waiting;
    UT_hash_handle hh;
};

static struct lock *lock_find(struct flow *f, const char *key)
{
    struct lock *l = NULL;
    HASH_FIND_STR(f->locks, key, l);
    return l;
}

static bool lock_hold(struct work *w, struct lock *l)
{
    if (w->n_locks == LIMIT_WORK_WRITES + 2)
        return false;
    l->holder = w;
    w->locks[w->n_locks++] = l;
    return true;
}

bool work_urgent(const struct work *w)
{
    return w->door != NULL && (w->door->urgent || (w->row->flags & ROW_URGENT) != 0);
}

/* Wait in line, urgent works before all others; false when the line is full. */
static bool lock_wait(struct lock *l, struct work *w)
{
    bool urgent = work_urgent(w);
    struct work *before = urgent ? NULL : l->last;
    if (l->n_waiting >= (urgent ? 2u : 1u) * LIMIT_WAITERS_PER_RECORD)
        return false;
    for (struct work *x = l->first; urgent && x != NULL && work_urgent(x); x = x->next)
        before = x;
    w->next = before == NULL ? l->first : before->next;
    if (before == NULL)
        l->first = w;
    else
        before->next = w;
    if (w->next == NULL)
        l->last = w;
    l->n_waiting++;
    return true;
}

static void lock_free(struct flow *f, struct lock *l)
{
    HASH_DEL(f->locks, l);
    free(l);
}

/* The next in line holds it and runs again. */
static void lock_pass(struct flow *f, struct lock *l)
{
    struct work *w = l->first;
    if (w == NULL) {
        lock_free(f, l);
        return;
    }
    l->first = w->next;
    if (l->first == NULL)
        l->last = NULL;
    l->n_waiting--;
    w->next = NULL;
    (void)lock_hold(w, l); /* there is room: a work in line holds nothing but its serial lock */
    work_restart(w);
}

/* Passing a lock on runs the next in line, which may at once ask for another lock of this list: it
 * must find that one held and get in line, or two works would hold it. */
void lock_release(struct work *w, bool keep_serial)
{
    struct flow *f = w->flow;
    struct lock *held[LIMIT_WORK_WRITES + 2];
    size_t n = w->n_locks;
    if (n > 0)
        memcpy(held, w->locks, n * sizeof held[0]);
    w->n_locks = 0;
    for (size_t i = 0; i < n; i++) {
        if (keep_serial && held[i] == w->serial)
            w->locks[w->n_locks++] = held[i];
    }
    for (size_t i = 0; i < n; i++)
        if (!(keep_serial && held[i] == w->serial))
            lock_pass(f, held[i]);
}

void lock_release_all(struct work *w)
{
    lock_release(w, false);
}

bool lock_take(struct work *w, const char *key)
{
    struct flow *f = w->flow;
    struct lock *l = lock_find(f, key);
    if (l == NULL) {
        l = calloc(1, sizeof *l);
        if (l != NULL) {
            (void)text_copy(l->key, sizeof l->key, key);
            HASH_ADD_STR(f->locks, key, l);
        }
        if (l == NULL || !HASH_IS_IN(l)) {
            free(l);
            w->failed = w->arena.no_memory = true;
            return true;
        }
    }
    if (l->holder == w)
        return true;
    if (l->holder == NULL) {
        if (!lock_hold(w, l))
            w->failed = true;
        return true;
    }
    lock_release(w, true);
    if (!lock_wait(l, w)) {
        (void)work_refuse(w, FLOW_STATUS(ABORTED), "", "P-BUSY",
                          "同じ記録への要求が混み合っています。少し待って再送してください。",
                          "Too many requests for the same record. Wait a moment and send again.");
        w->failed = true;
        return true;
    }
    return false;
}

bool lock_take_serial(struct work *w)
{
    char key[160];
    (void)snprintf(key, sizeof key, "serial/%s/%s", w->actor_key, w->door->name);
    bool now = lock_take(w, key);
    w->serial = lock_find(w->flow, key);
    return now;
}

static void record_key(char out[160], enum record_kind kind, const char *id)
{
    (void)snprintf(out, 160, "%d/%s", (int)kind, id);
}

bool lock_take_record(struct work *w, enum record_kind kind, const char *id)
{
    char key[160];
    record_key(key, kind, id);
    return lock_take(w, key);
}

bool lock_free_for(struct flow *f, enum record_kind kind, const char *id, const struct work *w)
{
    char key[160];
    record_key(key, kind, id);
    const struct lock *l = lock_find(f, key);
    return l == NULL || l->holder == NULL || l->holder == w;
}

void locks_destroy(struct flow *f)
{
    struct lock *l, *l2;
    HASH_ITER(hh, f->locks, l, l2)
    {
        lock_free(f, l);
    }
}
