/* See scopes.h. */
#include "services/audit/scopes.h"

#include <string.h>

typedef Ismap__Liu__V1__PlanTrigger pb_trigger;

pb_scope *scope_edit(struct arena *a, const pb_scope *old, const char *case_id,
                     const char *provider)
{
    pb_scope *s = arena_alloc(a, sizeof *s);
    if (s == NULL)
        return NULL;
    if (old != NULL)
        *s = *old;
    else
        ismap__liu__v1__audit_scope__init(s);
    s->case_id = lend(case_id);
    s->provider = lend(provider);
    return s;
}

static bool to_core(struct arena *a, const pb_scope *s, struct scope_triggers *out)
{
    size_t n = s == NULL ? 0 : s->n_triggers;
    struct plan_trigger *t = arena_alloc(a, (n + 1) * sizeof *t);
    *out = (struct scope_triggers){t, n};
    for (size_t i = 0; t != NULL && i < n; i++)
        t[i] = (struct plan_trigger){.id = s->triggers[i]->control_id,
                                     .cause = (enum plan_cause)s->triggers[i]->cause,
                                     .year = s->triggers[i]->year,
                                     .ref = s->triggers[i]->ref};
    return t != NULL;
}

enum err scope_happened(struct work *w, pb_scope *s, const char *const *controls, size_t n,
                        const struct plan_trigger *what)
{
    struct arena *a = work_arena(w);
    struct scope_triggers old;
    struct scope_triggers all;
    struct plan_trigger *t = arena_alloc(a, (n + 1) * sizeof *t);
    const struct scope_triggers more = {t, n};
    if (t == NULL || !to_core(a, s, &old))
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        t[i] = *what;
        t[i].id = controls[i];
    }
    enum err e =
        scope_merge(a, &old, &more, audit_year_of(work_now_ms(w)) - SCOPE_TRIGGER_YEARS, &all);
    if (e != ERR_OK)
        return e;
    pb_trigger *items = arena_alloc(a, (all.n + 1) * sizeof *items);
    pb_trigger **list = arena_alloc(a, (all.n + 1) * sizeof *list);
    if (items == NULL || list == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < all.n; i++) {
        ismap__liu__v1__plan_trigger__init(&items[i]);
        items[i].control_id = lend(all.items[i].id);
        items[i].cause = (Ismap__Liu__V1__PlanCause)all.items[i].cause;
        items[i].year = all.items[i].year;
        items[i].ref = lend(all.items[i].ref);
        list[i] = &items[i];
    }
    s->triggers = list;
    s->n_triggers = all.n;
    return ERR_OK;
}

bool scope_drop(struct arena *a, pb_scope *s, enum plan_cause cause, const char *ref)
{
    pb_trigger **list = arena_alloc(a, (s->n_triggers + 1) * sizeof *list);
    size_t n = 0;
    if (list == NULL)
        return false;
    for (size_t i = 0; i < s->n_triggers; i++)
        if ((int)s->triggers[i]->cause != (int)cause || strcmp(s->triggers[i]->ref, ref) != 0)
            list[n++] = s->triggers[i];
    s->triggers = list;
    s->n_triggers = n;
    return true;
}

Ismap__Liu__V1__IncidentRef *scope_incident(struct arena *a, pb_scope *s, const char *incident_id)
{
    Ismap__Liu__V1__IncidentRef *r = arena_alloc(a, sizeof *r);
    Ismap__Liu__V1__IncidentRef **list = arena_alloc(a, (s->n_incidents + 1) * sizeof *list);
    size_t n = s->n_incidents;
    if (r == NULL || list == NULL)
        return NULL;
    ismap__liu__v1__incident_ref__init(r);
    r->incident_id = lend(incident_id);
    for (size_t i = 0; i < n; i++)
        list[i] = s->incidents[i];
    s->incidents = list;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i]->incident_id, incident_id) != 0)
            continue;
        *r = *list[i];
        list[i] = r;
        return r;
    }
    if (n >= SCOPE_INCIDENTS_MAX)
        memmove(list, list + 1, --n * sizeof *list);
    list[n++] = r;
    s->n_incidents = n;
    return r;
}

bool scope_statement(struct arena *a, const pb_scope *s, struct scope_statement *out)
{
    size_t n_excluded = s == NULL ? 0 : s->n_excluded;
    size_t n_operators = s == NULL ? 0 : s->n_operators;
    struct plan_excluded *x = arena_alloc(a, (n_excluded + 1) * sizeof *x);
    struct plan_operator *o = arena_alloc(a, (n_operators + 1) * sizeof *o);
    size_t n_inherited = s == NULL ? 0 : s->n_inherited;
    struct plan_inherited *h = arena_alloc(a, (n_inherited + 1) * sizeof *h);
    *out = (struct scope_statement){.excluded = x, .operators = o, .inherited = h};
    if (x == NULL || o == NULL || h == NULL)
        return false;
    for (size_t i = 0; i < n_inherited; i++)
        h[i] = (struct plan_inherited){s->inherited[i]->control_id, s->inherited[i]->base_number,
                                       s->inherited[i]->lapsed_year};
    out->n_inherited = n_inherited;
    for (size_t i = 0; i < n_excluded; i++)
        x[i] = (struct plan_excluded){s->excluded[i]->control_id, s->excluded[i]->reason};
    for (size_t i = 0; i < n_operators; i++)
        o[i] = (struct plan_operator){s->operators[i]->control_id, s->operators[i]->person};
    out->n_excluded = n_excluded;
    out->n_operators = n_operators;
    if (s != NULL) {
        out->auditors = (const char *const *)s->auditors;
        out->n_auditors = s->n_auditors;
    }
    return true;
}

/* What the plan's catalogue has. */
static const struct plan_excluded *known(struct arena *a, const struct catalogue *c,
                                         const struct scope_statement *st, size_t *n)
{
    struct plan_excluded *x = arena_alloc(a, (st->n_excluded + 1) * sizeof *x);
    *n = 0;
    for (size_t i = 0; x != NULL && i < st->n_excluded; i++)
        if (catalogue_find(c, st->excluded[i].id) != NULL)
            x[(*n)++] = st->excluded[i];
    return x;
}

static const struct plan_inherited *known_inherited(struct arena *a, const struct catalogue *c,
                                                    const struct scope_statement *st, size_t *n)
{
    struct plan_inherited *x = arena_alloc(a, (st->n_inherited + 1) * sizeof *x);
    *n = 0;
    for (size_t i = 0; x != NULL && i < st->n_inherited; i++)
        if (catalogue_find(c, st->inherited[i].id) != NULL)
            x[(*n)++] = st->inherited[i];
    return x;
}

enum err scope_input(struct arena *a, const pb_scope *s, struct plan_input *in)
{
    struct scope_triggers t;
    struct scope_statement st;
    if (s == NULL)
        return ERR_OK;
    if (!to_core(a, s, &t) || !scope_statement(a, s, &st))
        return ERR_NOMEM;
    in->triggers = t.items;
    in->n_triggers = t.n;
    in->excluded = known(a, in->catalogue, &st, &in->n_excluded);
    in->operators = st.operators;
    in->n_operators = st.n_operators;
    in->auditors = st.auditors;
    in->n_auditors = st.n_auditors;
    in->inherited = known_inherited(a, in->catalogue, &st, &in->n_inherited);
    return in->excluded == NULL || in->inherited == NULL ? ERR_NOMEM : ERR_OK;
}
