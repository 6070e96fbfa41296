/* See bases.h. */
#include "services/audit/bases.h"

#include <string.h>

#include "base/date.h"
#include "domain/effective.h"
#include "services/audit/standing.h"

#define DEPENDENTS_STEP                                                                            \
    24u /* timers of one commit: with what Redis adds, below LIMIT_WORK_WRITES */

typedef Ismap__Liu__V1__AuditBase pb_base;
typedef Ismap__Liu__V1__PlanInherited pb_inherited;

/* The bases of a scope, each once; more than SCOPE_BASES_MAX are refused when they are stated. */
struct numbers {
    const char *of[SCOPE_BASES_MAX];
    int32_t lapsed[SCOPE_BASES_MAX]; /* civil year; 0 = stands */
    size_t n;
};

static size_t find(const struct numbers *b, const char *number)
{
    size_t i = 0;
    while (i < b->n && strcmp(b->of[i], number) != 0)
        i++;
    return i;
}

static bool collect(const pb_scope *s, struct numbers *b)
{
    for (size_t i = 0; s != NULL && i < s->n_inherited; i++) {
        size_t at = find(b, s->inherited[i]->base_number);
        if (at == SCOPE_BASES_MAX)
            return false;
        b->of[at] = s->inherited[i]->base_number;
        b->n = at == b->n ? at + 1 : b->n;
    }
    return true;
}

/* R83 suspended, R43 expired; 0 while it is valid. */
static int32_t lapsed_year(const struct work *w, const Ismap__Liu__V1__Listing *l,
                           const Ismap__Liu__V1__Hold *h)
{
    int32_t until = EFFECTIVE_NO_DAY;
    if (date_parse(l->valid_until, &until) != ERR_OK)
        until = EFFECTIVE_NO_DAY;
    enum effective_state s = effective_state_of((enum listing_state)l->state,
                                                h == NULL ? HOLD_UNSET : (enum hold_state)h->state,
                                                until, date_of_ms(work_now_ms(w)));
    if (effective_is_valid(s))
        return 0;
    if (s == EFFECTIVE_SUSPENDED && h != NULL)
        return audit_year_of(h->since_ms);
    if (s == EFFECTIVE_EXPIRED && until != EFFECTIVE_NO_DAY)
        return audit_year_of(date_start_ms(until + 1));
    return audit_year_of(work_now_ms(w));
}

static bool look(struct work *w, struct numbers *b)
{
    bool loaded = true;
    for (size_t i = 0; i < b->n; i++) {
        const void *listing = NULL;
        const void *hold = NULL;
        bool there = work_get(w, RECORD_LISTING, b->of[i], &listing);
        there &= work_get(w, RECORD_HOLD, b->of[i], &hold);
        b->lapsed[i] = there && listing != NULL ? lapsed_year(w, listing, hold) : 0;
        loaded &= there;
    }
    return loaded;
}

bool bases_apply(struct work *w, const pb_scope **scope, bool *memory)
{
    struct arena *a = work_arena(w);
    const pb_scope *old = *scope;
    struct numbers b = {.n = 0};
    *memory = true;
    if (old == NULL || old->n_inherited == 0)
        return true;
    (void)collect(old, &b);
    if (!look(w, &b))
        return false;
    pb_scope *s = scope_edit(a, old, old->case_id, old->provider);
    pb_inherited *items = arena_alloc(a, old->n_inherited * sizeof *items);
    pb_inherited **list = arena_alloc(a, old->n_inherited * sizeof *list);
    *scope = NULL;
    *memory = s != NULL && items != NULL && list != NULL;
    if (!*memory)
        return true;
    for (size_t i = 0; i < old->n_inherited; i++) {
        size_t at = find(&b, old->inherited[i]->base_number);
        items[i] = *old->inherited[i];
        items[i].lapsed_year = at < b.n ? b.lapsed[at] : 0;
        list[i] = &items[i];
    }
    s->inherited = list;
    *scope = s;
    return true;
}

/* ---- circles */

/* The service from which this one inherits the control; "" when it audits it itself or is not of
 * this registry. False: not loaded yet. */
static bool base_of(struct work *w, const char *number, const char *control, const char **out)
{
    const void *listing = NULL;
    const void *scope = NULL;
    *out = "";
    if (!work_get(w, RECORD_LISTING, number, &listing))
        return false;
    if (listing == NULL)
        return true;
    const char *case_id = ((const Ismap__Liu__V1__Listing *)listing)->case_id;
    if (!work_get(w, RECORD_AUDIT_SCOPE, case_id, &scope))
        return false;
    const pb_scope *s = scope;
    for (size_t i = 0; s != NULL && i < s->n_inherited; i++)
        if (strcmp(s->inherited[i]->control_id, control) == 0)
            *out = s->inherited[i]->base_number;
    return true;
}

/* Of what is looked at further down, each number counts once: a work has only so many reads. */
static bool seen_or_room(struct numbers *seen, const char *number)
{
    size_t at = find(seen, number);
    if (at < seen->n)
        return true;
    if (seen->n == SCOPE_CHAIN_MAX)
        return false;
    seen->of[seen->n++] = number;
    return true;
}

enum err bases_circle(struct work *w, const pb_scope *now, const char *own, size_t *at)
{
    struct numbers seen = {.n = 0};
    bool loaded = true;
    for (*at = 0; own[0] != '\0' && *at < now->n_inherited; (*at)++) {
        const pb_inherited *x = now->inherited[*at];
        const char *number = x->base_number;
        for (size_t hop = 0; number[0] != '\0' && hop <= SCOPE_CHAIN_MAX; hop++) {
            if (strcmp(number, own) == 0)
                return ERR_OK;
            if (hop > 0 && !seen_or_room(&seen, number))
                return ERR_LIMIT;
            loaded &= base_of(w, number, x->control_id, &number);
        }
    }
    *at = now->n_inherited;
    return loaded ? ERR_OK : ERR_AGAIN;
}

/* ---- who depends on whom */

static pb_base *edit(struct work *w, const char *number, const pb_base *old)
{
    pb_base *b = arena_alloc(work_arena(w), sizeof *b);
    size_t n = old == NULL ? 0 : old->n_dependents;
    char **list = arena_alloc(work_arena(w), (n + 1) * sizeof *list);
    if (b == NULL || list == NULL)
        return NULL;
    ismap__liu__v1__audit_base__init(b);
    b->number = lend(number);
    for (size_t i = 0; i < n; i++)
        list[i] = old->dependents[i];
    b->dependents = list;
    b->n_dependents = n;
    return b;
}

/* With a walk under way it begins anew: places have moved. */
static void put(struct work *w, const pb_base *old, const pb_base *b)
{
    if (old != NULL && old->walking)
        work_timer(w, TIMER_BASES, b->number, work_now_ms(w));
    work_put(w, RECORD_AUDIT_BASE, b->number, &b->base);
}

static enum err follow(struct work *w, const char *number, const pb_base *old, const char *case_id,
                       bool depends)
{
    pb_base *b = edit(w, number, old);
    if (b == NULL)
        return ERR_NOMEM;
    size_t at = 0;
    while (at < b->n_dependents && strcmp(b->dependents[at], case_id) != 0)
        at++;
    if ((at < b->n_dependents) == depends)
        return ERR_OK;
    if (depends && b->n_dependents >= BASE_DEPENDENTS_MAX)
        return ERR_LIMIT;
    if (depends)
        b->dependents[b->n_dependents++] = lend(case_id);
    else
        b->dependents[at] = b->dependents[--b->n_dependents];
    b->walking = old != NULL && old->walking;
    put(w, old, b);
    return ERR_OK;
}

enum err bases_follow(struct work *w, const pb_scope *old, const pb_scope *now)
{
    struct numbers was = {.n = 0};
    struct numbers is = {.n = 0};
    const void *found[2 * SCOPE_BASES_MAX] = {NULL};
    bool loaded = true;
    if (!collect(old, &was) || !collect(now, &is))
        return ERR_LIMIT;
    for (size_t i = 0; i < was.n + is.n; i++)
        loaded &=
            work_get(w, RECORD_AUDIT_BASE, i < was.n ? was.of[i] : is.of[i - was.n], &found[i]);
    if (!loaded)
        return ERR_AGAIN;
    enum err e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < was.n; i++)
        if (find(&is, was.of[i]) == is.n)
            e = follow(w, was.of[i], found[i], now->case_id, false);
    for (size_t i = 0; e == ERR_OK && i < is.n; i++)
        if (find(&was, is.of[i]) == was.n)
            e = follow(w, is.of[i], found[was.n + i], now->case_id, true);
    return e;
}

bool bases_moved(struct work *w, const char *number)
{
    const void *found = NULL;
    if (!work_get(w, RECORD_AUDIT_BASE, number, &found))
        return false;
    const pb_base *old = found;
    if (old == NULL || old->n_dependents == 0)
        return true;
    pb_base *b = arena_dup(work_arena(w), old, sizeof *b);
    if (b == NULL) {
        (void)work_no_memory(w);
        return true;
    }
    b->next = 0;
    b->walking = 1;
    work_put(w, RECORD_AUDIT_BASE, number, &b->base);
    work_timer(w, TIMER_BASES, number, work_now_ms(w));
    return true;
}

/* Each dependent gets a timer of its own, so that its plan is a commit of its own. */
enum decide audit_on_bases(struct work *w, void *state)
{
    (void)state;
    const char *number = work_timer_record(w);
    const void *found = NULL;
    if (!work_get(w, RECORD_AUDIT_BASE, number, &found))
        return DECIDE_WAIT;
    const pb_base *old = found;
    if (old == NULL || !old->walking)
        return DECIDE_DONE;
    pb_base *b = arena_dup(work_arena(w), old, sizeof *b);
    if (b == NULL)
        return work_no_memory(w);
    for (uint32_t k = 0; k < DEPENDENTS_STEP && b->next < b->n_dependents; k++, b->next++) {
        const char *id = arena_printf(work_arena(w), "%s/%s", number, b->dependents[b->next]);
        if (id == NULL)
            return work_no_memory(w);
        work_timer(w, TIMER_BASE, id, work_now_ms(w));
    }
    b->walking = b->next < b->n_dependents;
    b->next = b->walking ? b->next : 0;
    if (b->walking)
        work_timer(w, TIMER_BASES, number, work_now_ms(w));
    work_put(w, RECORD_AUDIT_BASE, number, &b->base);
    return DECIDE_DONE;
}

/* ---- the problem */

static bool name_controls(struct arena *a, pb_problem *p, const pb_scope *s)
{
    char **ids = arena_alloc(a, (s->n_inherited + 1) * sizeof *ids);
    size_t n = 0;
    if (ids == NULL)
        return false;
    for (size_t i = 0; i < s->n_inherited && n < STANDING_PROBLEM_CONTROLS_MAX; i++)
        if (s->inherited[i]->lapsed_year != 0)
            ids[n++] = s->inherited[i]->control_id;
    p->controls = ids;
    p->n_controls = n;
    return true;
}

bool bases_tell(struct work *w, pb_standing *st, const pb_scope *applied)
{
    const pb_inherited *first = NULL;
    bool news = false;
    for (size_t i = 0; applied != NULL && first == NULL && i < applied->n_inherited; i++)
        if (applied->inherited[i]->lapsed_year != 0)
            first = applied->inherited[i];
    if (first == NULL)
        return standing_resolve_all(w, st, PROBLEM(BASE), "stands");
    pb_problem *p =
        standing_problem(work_arena(w), st, PROBLEM(BASE), first->lapsed_year, work_now_ms(w),
                         "管理策を引き継いでいる基盤サービスの登録が有効ではありません。",
                         "The registration of a base service, whose controls are inherited, is "
                         "not valid.",
                         &news);
    if (p == NULL || !name_controls(work_arena(w), p, applied))
        return false;
    if (news)
        standing_tell(w, st, p, true);
    return true;
}
