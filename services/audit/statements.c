/* What a provider states of its service: what is not adopted, who operates and audits what. Each
 * statement takes the place of the one before. R61, R64, R66, R69
 *
 * One by which no plan could be made is refused with every fault: a plan is made on trial.
 */
#include <string.h>

#include "services/audit/audit_record.h"
#include "services/audit/bases.h"
#include "services/audit/standing.h"

typedef Ismap__Liu__V1__StateAuditScope pb_statement;

struct stating {
    const pb_statement *m;
    const pb_plan *plan;
    const pb_scope *old;
    const pb_standing *standing;
    const Ismap__Liu__V1__Rulebook *rules;
    const Ismap__Liu__V1__Catalogue *catalogue;
    pb_scope *scope;
    const pb_scope *applied; /* the new one, with what its bases are now */
    uint32_t adopted;
};

static pb_scope *edit(struct work *w, const struct stating *t)
{
    pb_scope *s = scope_edit(work_arena(w), t->old, t->plan->case_id, t->plan->provider);
    if (s == NULL)
        return NULL;
    s->version++;
    s->stated_at_ms = work_now_ms(w);
    s->document = t->m->document;
    s->excluded = t->m->excluded;
    s->n_excluded = t->m->n_excluded;
    s->inherited = t->m->inherited;
    s->n_inherited = t->m->n_inherited;
    s->operators = t->m->operators;
    s->n_operators = t->m->n_operators;
    s->auditors = t->m->auditors;
    s->n_auditors = t->m->n_auditors;
    return s;
}

/* What was excluded and is not any more is newly adopted. */
static enum err adopt(struct work *w, struct stating *t, const struct catalogue *c,
                      const struct scope_statement *now, const char *ref)
{
    struct scope_statement old;
    size_t n = 0;
    if (!scope_statement(work_arena(w), t->old, &old))
        return ERR_NOMEM;
    const char *const *controls = scope_adopted(work_arena(w), c, &old, now, &n);
    if (controls == NULL)
        return ERR_NOMEM;
    t->adopted = (uint32_t)n;
    return scope_happened(w, t->scope, controls, n,
                          &(struct plan_trigger){.cause = PLAN_ADOPTED,
                                                 .year = audit_year_of(work_now_ms(w)),
                                                 .ref = ref});
}

static enum err try_it(struct work *w, const struct stating *t, struct audit_faults *faults)
{
    struct audit_making m = {.catalogue = t->catalogue,
                             .rules = t->rules == NULL ? NULL : t->rules->audit,
                             .standing = t->standing,
                             .scope = t->applied,
                             .first_year = audit_year_of(work_now_ms(w))};
    return m.rules == NULL ? ERR_OK : audit_make(work_arena(w), &m, faults);
}

/* ERR_INVAL: refused, with every fault. */
static enum err check(struct work *w, struct stating *t, const char *ref)
{
    struct arena *a = work_arena(w);
    struct audit_faults faults = {.n = 0};
    struct catalogue c = {.n = 0};
    struct scope_statement now;
    enum err e =
        t->catalogue == NULL ? ERR_INTERNAL : audit_record_catalogue(a, t->catalogue, &c, &faults);
    if (e != ERR_OK)
        return e == ERR_NOMEM ? e : ERR_INTERNAL;
    if (!scope_statement(a, t->scope, &now))
        return ERR_NOMEM;
    e = scope_check_statement(a, &c, &now, &faults);
    if (e == ERR_INVAL) {
        (void)audit_refuse_faults(w, STATUS(INVALID_ARGUMENT), "", &faults);
        return e;
    }
    if (e == ERR_OK)
        e = adopt(w, t, &c, &now, ref);
    if (e == ERR_OK)
        e = try_it(w, t, &faults);
    if (e == ERR_INVAL)
        (void)audit_refuse_faults(w, STATUS(FAILED_PRECONDITION), "scope.", &faults);
    return e;
}

static enum decide put(struct work *w, const struct stating *t, const char *ref)
{
    Ismap__Liu__V1__ScopeChanged ev = ISMAP__LIU__V1__SCOPE_CHANGED__INIT;
    Ismap__Liu__V1__AuditScopeStated reply = ISMAP__LIU__V1__AUDIT_SCOPE_STATED__INIT;
    const char *audience[] = {t->plan->provider};
    pb_standing *st =
        standing_edit(work_arena(w), t->standing, t->plan->case_id, t->plan->provider);
    if (st == NULL || !standing_replan(w, st, CAUSE(SCOPE), ref))
        return work_no_memory(w);
    ev.case_id = t->plan->case_id;
    ev.provider = t->plan->provider;
    ev.version = reply.version = t->scope->version;
    ev.excluded = (uint32_t)t->scope->n_excluded;
    ev.adopted = reply.adopted = t->adopted;
    work_emit(w, &ev.base, audience, 1);
    work_reply(w, &reply.base);
    work_put(w, RECORD_AUDIT_SCOPE, t->scope->case_id, &t->scope->base);
    work_put(w, RECORD_STANDING, st->case_id, &st->base);
    return DECIDE_DONE;
}

/* Nobody inherits from himself, be it by way of others. */
static enum err check_bases(struct work *w, const struct stating *t)
{
    const char *own = t->standing == NULL ? "" : t->standing->number;
    size_t at = 0;
    enum err e = bases_circle(w, t->scope, own, &at);
    if (e == ERR_OK && at < t->scope->n_inherited) {
        const char *field = arena_printf(work_arena(w), "inherited[%zu].baseNumber", at);
        (void)work_refuse(
            w, STATUS(INVALID_ARGUMENT), field == NULL ? "inherited" : field, "R70",
            "管理策の引継ぎが自らの登録番号に戻ります。誰も監査しない管理策になります。",
            "What is inherited leads back to the service itself: nobody would audit "
            "this control.");
        return ERR_INVAL;
    }
    return e == ERR_OK ? bases_follow(w, t->old, t->scope) : e;
}

static enum decide state_scope(struct work *w, struct stating *t)
{
    bool memory = true;
    t->scope = edit(w, t);
    t->applied = t->scope;
    if (t->scope != NULL && !bases_apply(w, &t->applied, &memory))
        return DECIDE_WAIT;
    const char *ref =
        t->scope == NULL ? NULL : arena_printf(work_arena(w), "scope-%u", t->scope->version);
    enum err e = ref == NULL || !memory ? ERR_NOMEM : check_bases(w, t);
    if (e == ERR_OK)
        e = check(w, t, ref);
    switch (e) {
    case ERR_AGAIN:
        return DECIDE_WAIT;
    case ERR_OK:
        return put(w, t, ref);
    case ERR_INVAL:
        return DECIDE_DONE;
    case ERR_NOMEM:
        return work_no_memory(w);
    case ERR_LIMIT:
        return work_refuse(w, STATUS(RESOURCE_EXHAUSTED), "inherited", "P-LIMIT",
                           "監査を待つ管理策、基盤サービス、またはその利用の件数が上限を超えます。",
                           "More would wait for its audit, or depend on a base service, than is "
                           "kept; a service has at most 16 bases.");
    default:
        return audit_bad_catalogue(w);
    }
}

enum decide audit_state_scope(struct work *w, void *state)
{
    (void)state;
    struct stating t = {.m = work_message(w)};
    const void *plan = NULL;
    const void *scope = NULL;
    const void *standing = NULL;
    const void *catalogue = NULL;
    const char *hash = NULL;
    bool loaded = work_get(w, RECORD_PLAN, t.m->case_id, &plan);
    loaded &= work_get(w, RECORD_AUDIT_SCOPE, t.m->case_id, &scope);
    loaded &= work_get(w, RECORD_STANDING, t.m->case_id, &standing);
    loaded &= work_rulebook(w, &t.rules, &hash);
    if (!loaded)
        return DECIDE_WAIT;
    t.plan = plan;
    t.old = scope;
    t.standing = standing;
    if (t.plan == NULL || !audit_may_see(w, t.plan->provider))
        return audit_not_found(w, "caseId");
    if (!work_get(w, RECORD_CATALOGUE, t.plan->catalogue_version, &catalogue))
        return DECIDE_WAIT;
    t.catalogue = catalogue;
    return state_scope(w, &t);
}
