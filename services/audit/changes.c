/* Change notices (変更届): kept as they came, and the case is planned again. R48, R66 */
#include "base/date.h"
#include "services/audit/audit_record.h"
#include "services/audit/bases.h"
#include "services/audit/standing.h"

typedef Ismap__Liu__V1__SubmitChangeNotice pb_submitted;
typedef Ismap__Liu__V1__ChangeNotice pb_notice;

struct change {
    const pb_submitted *m;
    const pb_plan *plan;
    int32_t changed_day;
    int32_t today;
    struct catalogue catalogue;
    struct scope_statement before;
    pb_notice *notice;
    pb_scope *scope;       /* edited */
    pb_standing *standing; /* edited */
};

static bool adopts(const struct change *c)
{
    return c->m->kind == ISMAP__LIU__V1__CHANGE_KIND__CHANGE_KIND_ADOPTED;
}

/* Every fault at once. ERR_INVAL: refused. */
static enum err check(struct work *w, struct change *c, const Ismap__Liu__V1__Catalogue *catalogue,
                      const pb_scope *scope)
{
    struct arena *a = work_arena(w);
    struct audit_faults faults = {.n = 0};
    const struct scope_notice n = {.adopts = adopts(c),
                                   .stated = scope != NULL && scope->version > 0,
                                   .before = &c->before,
                                   .controls = (const char *const *)c->m->controls,
                                   .n = c->m->n_controls,
                                   .changed_day = c->changed_day,
                                   .today = c->today};
    enum err e = catalogue == NULL ? ERR_INTERNAL
                                   : audit_record_catalogue(a, catalogue, &c->catalogue, &faults);
    if (e == ERR_OK && !scope_statement(a, scope, &c->before))
        e = ERR_NOMEM;
    if (e != ERR_OK)
        return e == ERR_NOMEM ? e : ERR_INTERNAL;
    e = scope_check_notice(a, &c->catalogue, &n, &faults);
    if (e == ERR_INVAL)
        (void)audit_refuse_faults(w, STATUS(INVALID_ARGUMENT), "", &faults);
    return e;
}

static uint32_t late_days(const struct change *c, const Ismap__Liu__V1__Rulebook *rules)
{
    uint32_t days = rules == NULL || rules->audit == NULL ? 0 : rules->audit->change_notice_days;
    int32_t late = c->today - c->changed_day - (int32_t)days;
    return days == 0 || late <= 0 ? 0 : (uint32_t)late;
}

static pb_notice *make_notice(struct work *w, const struct change *c,
                              const Ismap__Liu__V1__Rulebook *rules)
{
    pb_notice *n = arena_alloc(work_arena(w), sizeof *n);
    if (n == NULL)
        return NULL;
    ismap__liu__v1__change_notice__init(n);
    n->id = lend(work_derive_id(w, "CN"));
    n->case_id = c->plan->case_id;
    n->provider = c->plan->provider;
    n->received_at_ms = work_now_ms(w);
    n->notice = (pb_submitted *)(uintptr_t)c->m;
    n->late_days = late_days(c, rules);
    n->catalogue_version = c->plan->catalogue_version;
    return n;
}

/* The scope remembers the latest notices. */
static bool remember(struct arena *a, struct change *c)
{
    pb_scope *s = c->scope;
    Ismap__Liu__V1__NoticeRef *r = arena_alloc(a, sizeof *r);
    Ismap__Liu__V1__NoticeRef **list = arena_alloc(a, (s->n_notices + 1) * sizeof *list);
    size_t n = 0;
    if (r == NULL || list == NULL)
        return false;
    for (size_t i = s->n_notices >= SCOPE_NOTICES_MAX ? 1 : 0; i < s->n_notices; i++)
        list[n++] = s->notices[i];
    ismap__liu__v1__notice_ref__init(r);
    r->notice_id = c->notice->id;
    r->kind = c->m->kind;
    r->changed_on = c->m->changed_on;
    r->received_at_ms = c->notice->received_at_ms;
    r->late_days = c->notice->late_days;
    r->controls = (uint32_t)c->m->n_controls;
    list[n++] = r;
    s->notices = list;
    s->n_notices = n;
    return true;
}

/* Takes the controls out of the exclusions; with an objective come its detailed controls. */
static enum err adopt(struct arena *a, struct change *c, const char *const **controls, size_t *n)
{
    pb_scope *s = c->scope;
    struct scope_statement now;
    Ismap__Liu__V1__PlanExclusion **list = arena_alloc(a, (s->n_excluded + 1) * sizeof *list);
    size_t kept = 0;
    if (list == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < s->n_excluded; i++) {
        const struct catalogue_item *it = catalogue_find(&c->catalogue, s->excluded[i]->control_id);
        bool named = false;
        for (size_t k = 0; k < c->m->n_controls; k++)
            named |= it != NULL && catalogue_find(&c->catalogue, c->m->controls[k]) == it;
        if (!named)
            list[kept++] = s->excluded[i];
    }
    s->excluded = list;
    s->n_excluded = kept;
    if (!scope_statement(a, s, &now))
        return ERR_NOMEM;
    *controls = scope_adopted(a, &c->catalogue, &c->before, &now, n);
    return *controls == NULL ? ERR_NOMEM : ERR_OK;
}

static enum err trigger(struct work *w, struct change *c)
{
    struct arena *a = work_arena(w);
    const char *const *controls = (const char *const *)c->m->controls;
    size_t n = c->m->n_controls;
    enum err e = ERR_OK;
    if (adopts(c) && c->scope->version > 0)
        e = adopt(a, c, &controls, &n);
    return e != ERR_OK ? e
                       : scope_happened(w, c->scope, controls, n,
                                        &(struct plan_trigger){
                                            .cause = adopts(c) ? PLAN_ADOPTED : PLAN_CHANGED,
                                            .year = audit_year_of(date_start_ms(c->changed_day)),
                                            .ref = c->notice->id});
}

static void tell_and_answer(struct work *w, const struct change *c)
{
    Ismap__Liu__V1__ChangeNoticeRecorded ev = ISMAP__LIU__V1__CHANGE_NOTICE_RECORDED__INIT;
    Ismap__Liu__V1__ChangeNoticeReceived reply = ISMAP__LIU__V1__CHANGE_NOTICE_RECEIVED__INIT;
    const char *audience[] = {c->notice->provider};
    ev.notice_id = reply.notice_id = c->notice->id;
    ev.case_id = c->notice->case_id;
    ev.provider = c->notice->provider;
    ev.kind = c->m->kind;
    ev.changed_on = c->m->changed_on;
    ev.controls = (uint32_t)c->m->n_controls;
    ev.late_days = reply.late_days = c->notice->late_days;
    work_emit(w, &ev.base, audience, 1);
    work_reply(w, &reply.base);
}

static enum decide record(struct work *w, struct change *c)
{
    enum err e = c->notice == NULL || c->scope == NULL || c->standing == NULL ? ERR_NOMEM : ERR_OK;
    if (e == ERR_OK)
        e = trigger(w, c);
    if (e == ERR_LIMIT)
        return work_refuse(w, STATUS(RESOURCE_EXHAUSTED), "controls", "P-LIMIT",
                           "監査を待つ変更の件数が上限を超えます。",
                           "More changes would wait for their audit than are kept.");
    if (e != ERR_OK || !remember(work_arena(w), c) ||
        !standing_replan(w, c->standing, CAUSE(CHANGE), c->notice->id))
        return work_no_memory(w);
    tell_and_answer(w, c);
    work_put(w, RECORD_CHANGE_NOTICE, c->notice->id, &c->notice->base);
    work_put(w, RECORD_AUDIT_SCOPE, c->scope->case_id, &c->scope->base);
    work_put(w, RECORD_STANDING, c->standing->case_id, &c->standing->base);
    return DECIDE_DONE;
}

enum decide audit_submit_change(struct work *w, void *state)
{
    (void)state;
    const pb_submitted *m = work_message(w);
    struct arena *a = work_arena(w);
    const void *plan = NULL;
    const void *scope = NULL;
    const void *standing = NULL;
    const void *catalogue = NULL;
    const Ismap__Liu__V1__Rulebook *rules = NULL;
    const char *hash = NULL;
    struct change c = {.m = m, .today = date_of_ms(work_now_ms(w))};
    bool loaded = work_get(w, RECORD_PLAN, m->case_id, &plan);
    loaded &= work_get(w, RECORD_AUDIT_SCOPE, m->case_id, &scope);
    loaded &= work_get(w, RECORD_STANDING, m->case_id, &standing);
    loaded &= work_rulebook(w, &rules, &hash);
    if (!loaded)
        return DECIDE_WAIT;
    c.plan = plan;
    if (c.plan == NULL || !audit_may_see(w, c.plan->provider))
        return audit_not_found(w, "caseId");
    if (!work_get(w, RECORD_CATALOGUE, c.plan->catalogue_version, &catalogue))
        return DECIDE_WAIT;
    if (date_parse(m->changed_on, &c.changed_day) != ERR_OK)
        c.changed_day = INT32_MIN / 2; /* told by the checks of the wire */
    enum err e = check(w, &c, catalogue, scope);
    if (e == ERR_NOMEM)
        return work_no_memory(w);
    if (e == ERR_INVAL)
        return DECIDE_DONE;
    if (e != ERR_OK)
        return audit_bad_catalogue(w);
    c.notice = make_notice(w, &c, rules);
    c.scope = scope_edit(a, scope, c.plan->case_id, c.plan->provider);
    c.standing = standing_edit(a, standing, c.plan->case_id, c.plan->provider);
    return record(w, &c);
}

enum decide audit_get_change(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__GetChangeNotice *m = work_message(w);
    const void *found = NULL;
    if (!work_get(w, RECORD_CHANGE_NOTICE, m->notice_id, &found))
        return DECIDE_WAIT;
    const pb_notice *n = found;
    if (n == NULL || !audit_may_see(w, n->provider))
        return audit_not_found(w, "noticeId");
    work_reply(w, &n->base);
    return DECIDE_DONE;
}

/* A case with a plan of which nothing was said has an empty scope. */
enum decide audit_get_scope(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__GetAuditScope *m = work_message(w);
    const void *plan = NULL;
    const void *found = NULL;
    bool loaded = work_get(w, RECORD_PLAN, m->case_id, &plan);
    loaded &= work_get(w, RECORD_AUDIT_SCOPE, m->case_id, &found);
    if (!loaded)
        return DECIDE_WAIT;
    const pb_plan *p = plan;
    if (p == NULL || !audit_may_see(w, p->provider))
        return audit_not_found(w, "caseId");
    const pb_scope *applied = found;
    bool memory = true;
    if (!bases_apply(w, &applied, &memory))
        return DECIDE_WAIT;
    const pb_scope *s = memory ? scope_edit(work_arena(w), applied, p->case_id, p->provider) : NULL;
    if (s == NULL)
        return work_no_memory(w);
    work_reply(w, &s->base);
    return DECIDE_DONE;
}
