/* See waiters.h. */
#include "flow/waiters.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/text.h"

struct line {
    char audience[80];
    struct waiter *first;
    UT_hash_handle hh;
};

bool waiter_sees_all(const struct work *w)
{
    return w->role == ISMAP__LIU__V1__ROLE__ROLE_OPERATOR;
}

const char *waiter_audience(const struct work *w)
{
    return w->actor_kind == RECORD_PARTY ? w->actor : "public";
}

bool waiter_wants(const Ismap__Liu__V1__FetchEvents *ask, const char *type)
{
    for (size_t i = 0; i < ask->n_types; i++)
        if (strcmp(ask->types[i], type) == 0)
            return true;
    return ask->n_types == 0;
}

static struct line *line_of(struct waiters *q, const char *audience)
{
    struct line *l = NULL;
    HASH_FIND_STR(q->lines, audience, l);
    return l;
}

static struct line *line_new(struct waiters *q, const char *audience)
{
    struct line *l = calloc(1, sizeof *l);
    if (l == NULL)
        return NULL;
    if (text_copy(l->audience, sizeof l->audience, audience))
        HASH_ADD_STR(q->lines, audience, l);
    if (HASH_IS_IN(l))
        return l;
    free(l);
    return NULL;
}

struct waiter *waiters_add(struct waiters *q, struct work *w)
{
    const char *audience = waiter_sees_all(w) ? AUDIENCE_ALL : waiter_audience(w);
    struct line *l = line_of(q, audience);
    struct waiter *x = calloc(1, sizeof *x);
    if (x == NULL)
        return NULL;
    x->work = w;
    HASH_ADD(hh, q->peers, work->peer, sizeof w->peer, x);
    if (!HASH_IS_IN(x)) {
        free(x);
        return NULL;
    }
    if (l == NULL)
        l = line_new(q, audience);
    if (l == NULL) {
        HASH_DEL(q->peers, x);
        free(x);
        return NULL;
    }
    x->line = l;
    x->connected = true;
    DL_PREPEND(q->all, x);
    DL_PREPEND2(l->first, x, line_prev, line_next);
    q->n++;
    return x;
}

void waiters_overtake(struct waiters *q, struct waiter *x)
{
    if (x->connected)
        HASH_DEL(q->peers, x);
    x->connected = false;
}

static void unmark(struct waiters *q, struct waiter *x)
{
    if (x->woken_prev != NULL)
        DL_DELETE2(q->woken, x, woken_prev, woken_next);
    x->woken_prev = x->woken_next = NULL;
}

void waiters_remove(struct waiters *q, struct waiter *x)
{
    struct line *l = x->line;
    waiters_overtake(q, x);
    unmark(q, x);
    DL_DELETE(q->all, x);
    DL_DELETE2(l->first, x, line_prev, line_next);
    if (l->first == NULL) {
        HASH_DEL(q->lines, l);
        free(l);
    }
    q->n--;
    free(x);
}

struct waiter *waiters_by_peer(struct waiters *q, const struct bus_peer *peer)
{
    struct waiter *x = NULL;
    HASH_FIND(hh, q->peers, peer, sizeof *peer, x);
    return x;
}

static void mark_line(struct waiters *q, const struct line *l, uint64_t seq, const char *type)
{
    for (struct waiter *x = l == NULL ? NULL : l->first; x != NULL; x = x->line_next) {
        if (seq <= x->after || !waiter_wants(x->ask, type))
            continue;
        x->woken = true;
        if (x->woken_prev == NULL) /* the first one's points to the last */
            DL_APPEND2(q->woken, x, woken_prev, woken_next);
    }
}

void waiters_mark(struct waiters *q, uint64_t seq, const pb_entry *e)
{
    bool public = false;
    if (e->type[0] == '\0' || q->n == 0)
        return;
    for (size_t i = 0; i < e->n_audience; i++)
    public = public || strcmp(e->audience[i], "public") == 0;
    if (public) {
        for (struct line *l = q->lines; l != NULL; l = l->hh.next)
            mark_line(q, l, seq, e->type);
        return;
    }
    mark_line(q, line_of(q, AUDIENCE_ALL), seq, e->type);
    for (size_t i = 0; i < e->n_audience; i++)
        mark_line(q, line_of(q, e->audience[i]), seq, e->type);
}

struct waiter *waiters_take_marked(struct waiters *q)
{
    struct waiter *x = q->woken;
    if (x != NULL)
        unmark(q, x);
    return x;
}
