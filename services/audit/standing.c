/* Lists of a message are replaced by longer copies; their items are borrowed until one is changed.
 */
#include "services/audit/standing.h"

#include <stdlib.h>
#include <string.h>

typedef Ismap__Liu__V1__AuditedItem pb_history;
typedef Ismap__Liu__V1__OpenFinding pb_open;

/* A copy of a list of pointers with room for more. */
static void *longer(struct arena *a, const void *list, size_t n, size_t more)
{
    void **out = arena_alloc(a, (n + more + 1) * sizeof *out);
    if (out != NULL && n > 0)
        memcpy(out, list, n * sizeof *out);
    return out;
}

pb_standing *standing_edit(struct arena *a, const pb_standing *old, const char *case_id,
                           const char *provider)
{
    pb_standing *s = arena_alloc(a, sizeof *s);
    if (s == NULL)
        return NULL;
    if (old != NULL)
        *s = *old;
    else
        ismap__liu__v1__audit_standing__init(s);
    s->case_id = lend(case_id);
    s->provider = lend(provider);
    return s;
}

const pb_year *standing_find_year(const pb_standing *s, int32_t year, Ismap__Liu__V1__AuditParty p)
{
    for (size_t i = 0; s != NULL && i < s->n_years; i++)
        if (s->years[i]->year == year && s->years[i]->party == p)
            return s->years[i];
    return NULL;
}

pb_year *standing_year(struct arena *a, pb_standing *s, int32_t year, Ismap__Liu__V1__AuditParty p)
{
    pb_year **years = longer(a, s->years, s->n_years, 1);
    pb_year *y = arena_alloc(a, sizeof *y);
    if (years == NULL || y == NULL)
        return NULL;
    s->years = years;
    for (size_t i = 0; i < s->n_years; i++) {
        if (years[i]->year != year || years[i]->party != p)
            continue;
        *y = *years[i];
        years[i] = y;
        return y;
    }
    ismap__liu__v1__year_report__init(y);
    y->year = year;
    y->party = p;
    years[s->n_years++] = y;
    return y;
}

static int by_control(const void *x, const void *y)
{
    const pb_history *a = *(const pb_history *const *)x;
    const pb_history *b = *(const pb_history *const *)y;
    int order = strcmp(a->control_id, b->control_id);
    if (order == 0)
        order = (a->party > b->party) - (a->party < b->party);
    return order != 0 ? order : (a->year > b->year) - (a->year < b->year);
}

static bool failed(const pb_results *r, const char *control_id)
{
    for (size_t i = 0; i < r->n_findings; i++)
        if (r->findings[i]->severity > FINDING(OBSERVATION) &&
            strcmp(r->findings[i]->control_id, control_id) == 0)
            return true;
    return false;
}

/* With more than can be kept the oldest years go: planning looks back as far as its longest cycle.
 */
static size_t forget(pb_history **all, size_t n)
{
    while (n > STANDING_HISTORY_MAX) {
        int32_t oldest = INT32_MAX;
        size_t kept = 0;
        for (size_t i = 0; i < n; i++)
            oldest = all[i]->year < oldest ? all[i]->year : oldest;
        for (size_t i = 0; i < n; i++)
            if (all[i]->year != oldest)
                all[kept++] = all[i];
        n = kept;
    }
    return n;
}

bool standing_audited(struct arena *a, pb_standing *s, const pb_results *r, int32_t year,
                      Ismap__Liu__V1__AuditParty p)
{
    pb_history **all = longer(a, s->history, s->n_history, r->n_controls);
    pb_history *added = arena_alloc(a, (r->n_controls + 1) * sizeof *added);
    size_t n = s->n_history;
    if (all == NULL || added == NULL)
        return false;
    for (size_t i = 0; i < r->n_controls; i++) {
        const Ismap__Liu__V1__AuditedControl *k = r->controls[i];
        const struct audited_control core = {.id = k->control_id,
                                             .mode = (enum plan_mode)k->mode,
                                             .auditor = k->auditor,
                                             .operated_by = k->operator_};
        if (!results_counts(&core, (enum plan_party)p))
            continue;
        pb_history *h = &added[i];
        ismap__liu__v1__audited_item__init(h);
        h->control_id = k->control_id;
        h->party = p;
        h->year = year;
        h->mode = k->mode;
        h->result = failed(r, k->control_id) ? RESULT(FAILED) : RESULT(PASSED);
        if (bsearch(&h, all, s->n_history, sizeof *all, by_control) == NULL)
            all[n++] = h;
    }
    qsort(all, n, sizeof *all, by_control);
    s->n_history = forget(all, n);
    s->history = all;
    return true;
}

bool standing_findings(struct arena *a, pb_standing *s, const pb_report *r)
{
    size_t all = s->n_findings + r->results->n_findings;
    pb_open **list = arena_alloc(a, (all + 1) * sizeof *list);
    pb_open *added = arena_alloc(a, (r->results->n_findings + 1) * sizeof *added);
    size_t n = 0;
    if (list == NULL || added == NULL)
        return false;
    for (size_t i = 0; i < s->n_findings; i++)
        if (r->corrects[0] == '\0' || strcmp(s->findings[i]->report_id, r->corrects) != 0)
            list[n++] = s->findings[i];
    for (size_t i = 0; i < r->results->n_findings; i++) {
        ismap__liu__v1__open_finding__init(&added[i]);
        added[i].report_id = r->id;
        added[i].finding = r->results->findings[i];
        added[i].party = r->party;
        added[i].year = r->year;
        list[n++] = &added[i];
    }
    size_t drop = n > STANDING_FINDINGS_MAX ? n - STANDING_FINDINGS_MAX : 0;
    s->findings = list + drop;
    s->n_findings = n - drop;
    return true;
}

const char *standing_problem_id(struct arena *a, Ismap__Liu__V1__AuditProblemKind kind,
                                int32_t year)
{
    static const char *const words[] = {"problem",  "missing", "insufficient",
                                        "coverage", "plan",    "base"};
    size_t at = (size_t)kind < sizeof words / sizeof words[0] ? (size_t)kind : 0;
    return arena_printf(a, "%s-%d", words[at], (int)year);
}

bool standing_edit_problem(struct arena *a, pb_standing *s, const char *id, pb_problem **out)
{
    *out = NULL;
    for (size_t i = 0; i < s->n_problems; i++) {
        if (s->problems[i]->resolved_at_ms != 0 || strcmp(s->problems[i]->id, id) != 0)
            continue;
        pb_problem **list = longer(a, s->problems, s->n_problems, 0);
        pb_problem *p = arena_dup(a, s->problems[i], sizeof *p);
        if (list == NULL || p == NULL)
            return false;
        list[i] = p;
        s->problems = list;
        *out = p;
        return true;
    }
    return true;
}

bool standing_resolve(struct work *w, pb_standing *s, Ismap__Liu__V1__AuditProblemKind kind,
                      int32_t year, const char *resolution)
{
    pb_problem *p = NULL;
    const char *id = standing_problem_id(work_arena(w), kind, year);
    if (id == NULL || !standing_edit_problem(work_arena(w), s, id, &p))
        return false;
    if (p == NULL)
        return true;
    p->resolved_at_ms = work_now_ms(w);
    p->resolved_by = lend(work_actor(w));
    p->resolution = lend(resolution);
    standing_tell(w, s, p, false);
    return true;
}

bool standing_resolve_all(struct work *w, pb_standing *s, Ismap__Liu__V1__AuditProblemKind kind,
                          const char *resolution)
{
    bool ok = true;
    for (size_t i = 0; ok && i < s->n_problems; i++)
        if (s->problems[i]->kind == kind)
            ok = standing_resolve(w, s, kind, s->problems[i]->year, resolution);
    return ok;
}

bool standing_reason(struct work *w, pb_standing *s, Ismap__Liu__V1__ReplanCause cause,
                     const char *ref)
{
    struct arena *a = work_arena(w);
    Ismap__Liu__V1__ReplanReason **list = longer(a, s->pending, s->n_pending, 1);
    Ismap__Liu__V1__ReplanReason *r = arena_alloc(a, sizeof *r);
    size_t n = s->n_pending;
    if (list == NULL || r == NULL)
        return false;
    ismap__liu__v1__replan_reason__init(r);
    r->cause = cause;
    r->ref = lend(ref);
    r->at_ms = work_now_ms(w);
    if (n >= STANDING_PENDING_MAX)
        memmove(list, list + 1, --n * sizeof *list);
    list[n++] = r;
    s->pending = list;
    s->n_pending = n;
    return true;
}

bool standing_replan(struct work *w, pb_standing *s, Ismap__Liu__V1__ReplanCause cause,
                     const char *ref)
{
    int64_t now_ms = work_now_ms(w);
    int64_t due_ms = now_ms + (cause == CAUSE(INCIDENT) ? STANDING_INCIDENT_PAUSE_MS : 0);
    bool waits = s->n_pending > 0 && s->replan_due_ms > now_ms;
    if (waits && s->replan_due_ms <= due_ms)
        due_ms = s->replan_due_ms; /* with what is due before, not later */
    else if (s->replan_due_ms >= due_ms && s->replan_due_ms - due_ms <= STANDING_INCIDENT_PAUSE_MS)
        /* A timer's due time names what it causes: no two of a case may share it, although a clock
         * stands still. */
        due_ms = s->replan_due_ms + 1;
    s->replan_due_ms = due_ms;
    work_timer(w, TIMER_REPLAN, s->case_id, due_ms);
    return standing_reason(w, s, cause, ref);
}

pb_problem *standing_problem(struct arena *a, pb_standing *s, Ismap__Liu__V1__AuditProblemKind kind,
                             int32_t year, int64_t now_ms, const char *ja, const char *en,
                             bool *news)
{
    const char *id = standing_problem_id(a, kind, year);
    pb_problem **list = longer(a, s->problems, s->n_problems, 1);
    pb_problem *p = arena_alloc(a, sizeof *p);
    *news = true;
    if (id == NULL || list == NULL || p == NULL)
        return NULL;
    pb_problem *open = NULL;
    if (!standing_edit_problem(a, s, id, &open))
        return NULL;
    if (open != NULL) {
        *news = false;
        return open;
    }
    ismap__liu__v1__audit_problem__init(p);
    p->id = lend(id);
    p->kind = kind;
    p->year = year;
    p->since_ms = now_ms;
    p->why_ja = lend(ja);
    p->why_en = lend(en);
    size_t n = s->n_problems;
    if (n >= STANDING_PROBLEMS_MAX)
        memmove(list, list + 1, --n * sizeof *list);
    list[n++] = p;
    s->problems = list;
    s->n_problems = n;
    return p;
}

const struct plan_history *standing_history(struct arena *a, const pb_standing *s, size_t *n)
{
    *n = s == NULL ? 0 : s->n_history;
    struct plan_history *out = arena_alloc(a, (*n + 1) * sizeof *out);
    for (size_t i = 0; out != NULL && i < *n; i++)
        out[i] = (struct plan_history){.id = s->history[i]->control_id,
                                       .party = (enum plan_party)s->history[i]->party,
                                       .year = s->history[i]->year,
                                       .result = (enum plan_result)s->history[i]->result,
                                       .mode = (enum plan_mode)s->history[i]->mode};
    return out;
}

void standing_tell(struct work *w, const pb_standing *s, pb_problem *p, bool found)
{
    const char *audience[] = {s->provider};
    Ismap__Liu__V1__AuditProblemFound f = ISMAP__LIU__V1__AUDIT_PROBLEM_FOUND__INIT;
    Ismap__Liu__V1__AuditProblemResolved r = ISMAP__LIU__V1__AUDIT_PROBLEM_RESOLVED__INIT;
    f.case_id = r.case_id = s->case_id;
    f.provider = r.provider = s->provider;
    f.number = r.number = s->number;
    f.problem = r.problem = p;
    work_emit(w, found ? &f.base : &r.base, audience, 1);
}
