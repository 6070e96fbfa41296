/* What operators, audit bodies and providers ask: a report, a standing, the problems found. */
#include "services/audit/audit_record.h"
#include "services/audit/bases.h"
#include "services/audit/standing.h"

enum decide audit_get_report(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__GetAuditReport *m = work_message(w);
    const void *found = NULL;
    if (!work_get(w, RECORD_AUDIT_REPORT, m->report_id, &found))
        return DECIDE_WAIT;
    const pb_report *r = found;
    if (r == NULL || !audit_may_see(w, r->provider))
        return audit_not_found(w, "reportId");
    work_reply(w, &r->base);
    return DECIDE_DONE;
}

/* The gaps as of the last year that is over. */
static enum decide answer(struct work *w, const pb_standing *s, const struct coverage *c,
                          int32_t upto)
{
    Ismap__Liu__V1__AuditStandingAnswer reply = ISMAP__LIU__V1__AUDIT_STANDING_ANSWER__INIT;
    Ismap__Liu__V1__OverdueObjective *items = arena_alloc(work_arena(w), c->n_gaps * sizeof *items);
    Ismap__Liu__V1__OverdueObjective **list = arena_alloc(work_arena(w), c->n_gaps * sizeof *list);
    if (items == NULL || list == NULL)
        return work_no_memory(w);
    for (size_t i = 0; i < c->n_gaps; i++) {
        ismap__liu__v1__overdue_objective__init(&items[i]);
        items[i].control_id = lend(c->gaps[i].id);
        items[i].last_year = c->gaps[i].last_year;
        list[i] = &items[i];
    }
    reply.standing = (pb_standing *)(uintptr_t)s;
    reply.objectives = c->objectives;
    reply.covered = c->covered;
    reply.overdue = list;
    reply.n_overdue = c->n_gaps;
    reply.covered_to = s->since_year == 0 || upto < s->since_year ? 0 : upto;
    work_reply(w, &reply.base);
    return DECIDE_DONE;
}

enum decide audit_get_standing(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__GetAuditStanding *m = work_message(w);
    const void *plan = NULL;
    const void *standing = NULL;
    const void *catalogue = NULL;
    const void *scope = NULL;
    const Ismap__Liu__V1__Rulebook *rules = NULL;
    const char *hash = NULL;
    struct coverage c = {0};
    bool loaded = work_get(w, RECORD_PLAN, m->case_id, &plan);
    loaded &= work_get(w, RECORD_STANDING, m->case_id, &standing);
    loaded &= work_get(w, RECORD_AUDIT_SCOPE, m->case_id, &scope);
    loaded &= work_rulebook(w, &rules, &hash);
    if (!loaded)
        return DECIDE_WAIT;
    const pb_plan *p = plan;
    if (p == NULL || !audit_may_see(w, p->provider))
        return audit_not_found(w, "caseId");
    const pb_scope *applied = scope;
    bool memory = true;
    loaded = bases_apply(w, &applied, &memory);
    loaded &= work_get(w, RECORD_CATALOGUE, p->catalogue_version, &catalogue);
    if (!loaded)
        return DECIDE_WAIT;
    if (!memory)
        return work_no_memory(w);
    const pb_standing *s = standing_edit(work_arena(w), standing, p->case_id, p->provider);
    int32_t upto = audit_year_of(work_now_ms(w)) - 1;
    enum err e = s == NULL ? ERR_NOMEM : ERR_OK;
    if (e == ERR_OK && catalogue != NULL && rules != NULL && rules->audit != NULL)
        e = audit_coverage(work_arena(w), s, applied, catalogue, rules->audit, upto, &c);
    if (e == ERR_NOMEM)
        return work_no_memory(w);
    return answer(w, s, &c, upto);
}

static bool has_problem(const pb_standing *s, bool all)
{
    for (size_t i = 0; i < s->n_problems; i++)
        if (all || s->problems[i]->resolved_at_ms == 0)
            return true;
    return false;
}

enum decide audit_list_problems(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__ListAuditProblems *m = work_message(w);
    struct work_page page;
    uint32_t max = m->max == 0 || m->max > AUDIT_PAGE_MAX ? AUDIT_PAGE_MAX : m->max;
    if (!work_scan(w, RECORD_STANDING, m->page, max, &page))
        return DECIDE_WAIT;
    if (work_refused(w))
        return DECIDE_DONE;
    Ismap__Liu__V1__AuditProblemList reply = ISMAP__LIU__V1__AUDIT_PROBLEM_LIST__INIT;
    reply.next_page = lend(page.next_page);
    reply.standings = arena_alloc(work_arena(w), (page.n + 1) * sizeof(pb_standing *));
    pb_standing *copies = arena_alloc(work_arena(w), (page.n + 1) * sizeof *copies);
    if (reply.standings == NULL || copies == NULL)
        return work_no_memory(w);
    for (size_t i = 0; i < page.n; i++) {
        const pb_standing *s = page.messages[i];
        if (!has_problem(s, m->all) || !audit_may_see(w, s->provider))
            continue;
        copies[i] = *s;
        copies[i].n_history = 0;
        copies[i].n_findings = 0;
        reply.standings[reply.n_standings++] = &copies[i];
    }
    work_reply(w, &reply.base);
    return DECIDE_DONE;
}

enum decide audit_resolve_problem(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__ResolveAuditProblem *m = work_message(w);
    const void *standing = NULL;
    pb_problem *p = NULL;
    if (!work_get(w, RECORD_STANDING, m->case_id, &standing))
        return DECIDE_WAIT;
    const pb_standing *old = standing;
    if (old == NULL)
        return audit_not_found(w, "caseId");
    pb_standing *s = standing_edit(work_arena(w), old, old->case_id, old->provider);
    if (s == NULL || !standing_edit_problem(work_arena(w), s, m->problem_id, &p))
        return work_no_memory(w);
    if (p == NULL)
        return audit_not_found(w, "problemId");
    p->resolved_at_ms = work_now_ms(w);
    p->resolved_by = lend(work_actor(w));
    p->resolution = m->resolution;
    standing_tell(w, s, p, false);
    work_put(w, RECORD_STANDING, s->case_id, &s->base);
    return DECIDE_DONE;
}
