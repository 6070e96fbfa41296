/* Planning again: for the reasons that are pending in a case's standing. R65, R66
 *
 * Whatever happens sets the timer of the case; the plan is made in a commit of its own. A plan that
 * differs in nothing is not put. The plan of years that reports may still come for is kept.
 */
#include <string.h>

#include "base/text.h"
#include "obs/log.h"
#include "services/audit/audit_record.h"
#include "services/audit/bases.h"
#include "services/audit/runs.h"
#include "services/audit/standing.h"

#define REVISIONS_MAX 16u

typedef Ismap__Liu__V1__PlanRevision pb_revision;

struct again {
    const pb_plan *from;
    const Ismap__Liu__V1__Active *active;
    const Ismap__Liu__V1__Catalogue *catalogue;
    const Ismap__Liu__V1__Rulebook *rules;
    const char *hash;
    pb_standing *standing; /* edited */
    struct audit_making making;
};

uint32_t audit_revision(const pb_plan *p)
{
    return p->revision == 0 ? 1 : p->revision;
}

static const char *revision_id(struct work *w, const char *case_id, uint32_t revision)
{
    const char *id = arena_printf(work_arena(w), "%s/%u", case_id, revision);
    return id == NULL ? "" : id;
}

bool audit_get_kept(struct work *w, const char *case_id, uint32_t revision, const void **plan)
{
    return work_get(w, RECORD_PLAN_KEPT, revision_id(w, case_id, revision), plan);
}

static bool is_reported(const pb_standing *s, int32_t year, Ismap__Liu__V1__AuditParty p)
{
    const pb_year *y = standing_find_year(s, year, p);
    return y != NULL && y->report_id[0] != '\0';
}

/* The first year that can still be planned: this one, or the next when both audits of this one have
 * been reported. */
static int32_t open_year(const pb_standing *s, const pb_plan *from, int64_t now_ms)
{
    int32_t year = audit_year_of(now_ms);
    int32_t first = audit_record_first_year(from);
    year += is_reported(s, year, PARTY(EXTERNAL)) && is_reported(s, year, PARTY(INTERNAL));
    return year > first ? year : first;
}

static bool same_plan(const struct again *g)
{
    const pb_plan *m = g->from;
    const struct plan *p = &g->making.plan;
    if (m->n_items != p->n || m->years != p->years ||
        audit_record_first_year(m) != g->making.first_year ||
        strcmp(m->catalogue_version, g->active->ref) != 0 ||
        strcmp(m->rulebook_hash, g->hash) != 0 || strcmp(m->core_version, AUDIT_CORE_VERSION) != 0)
        return false;
    for (size_t i = 0; i < m->n_items; i++) {
        const Ismap__Liu__V1__PlanItem *x = m->items[i];
        const struct plan_item *y = &p->items[i];
        if (strcmp(x->control_id, y->control_id) != 0 || (int)x->party != (int)y->party ||
            x->year != y->year || strcmp(x->reason, y->rule) != 0 || x->hours != y->hours ||
            (int)x->mode != (int)y->mode || (int)x->cause != (int)y->cause)
            return false;
    }
    return true;
}

/* The old plan stays for reports of its years before the new one begins. */
static bool keep_old(struct work *w, struct again *g)
{
    struct arena *a = work_arena(w);
    pb_standing *s = g->standing;
    int32_t first = audit_record_first_year(g->from);
    Ismap__Liu__V1__KeptPlan *k = arena_alloc(a, sizeof *k);
    Ismap__Liu__V1__KeptPlan **list = arena_alloc(a, (s->n_kept + 1) * sizeof *list);
    size_t n = 0;
    if (g->making.first_year <= first)
        return true;
    if (k == NULL || list == NULL)
        return false;
    for (size_t i = s->n_kept >= STANDING_KEPT_MAX ? 1 : 0; i < s->n_kept; i++)
        list[n++] = s->kept[i];
    ismap__liu__v1__kept_plan__init(k);
    k->revision = audit_revision(g->from);
    k->first_year = first;
    k->last_year = g->making.first_year - 1;
    list[n++] = k;
    s->kept = list;
    s->n_kept = n;
    work_put(w, RECORD_PLAN_KEPT, revision_id(w, s->case_id, k->revision), &g->from->base);
    return true;
}

static void put_revision(struct work *w, const struct again *g, const pb_plan *to)
{
    pb_revision r = ISMAP__LIU__V1__PLAN_REVISION__INIT;
    Ismap__Liu__V1__PlanRevised ev = ISMAP__LIU__V1__PLAN_REVISED__INIT;
    const char *audience[] = {to->provider};
    r.case_id = ev.case_id = to->case_id;
    r.provider = ev.provider = to->provider;
    r.revision = ev.revision = to->revision;
    r.at_ms = work_now_ms(w);
    r.reasons = ev.reasons = g->standing->pending;
    r.n_reasons = ev.n_reasons = g->standing->n_pending;
    r.from_hash = g->from->plan_hash;
    r.to_hash = ev.plan_hash = to->plan_hash;
    r.from_catalogue = g->from->catalogue_version;
    r.to_catalogue = to->catalogue_version;
    r.from_rulebook = g->from->rulebook_hash;
    r.to_rulebook = to->rulebook_hash;
    r.from_first_year = audit_record_first_year(g->from);
    r.to_first_year = g->making.first_year;
    r.moves = to->moves;
    r.n_moves = to->n_moves;
    ev.moves = (uint32_t)to->n_moves;
    work_put(w, RECORD_PLAN_REVISION, revision_id(w, r.case_id, r.revision), &r.base);
    work_emit(w, &ev.base, audience, 1);
}

static enum decide put_new(struct work *w, struct again *g)
{
    pb_plan *to = NULL;
    const struct audit_record_about about = {.case_id = g->from->case_id,
                                             .provider = g->from->provider,
                                             .catalogue_version = g->active->ref,
                                             .rulebook_hash = g->hash,
                                             .made_at_ms = work_now_ms(w),
                                             .first_year = g->making.first_year,
                                             .in = &g->making.in,
                                             .certificate = &g->making.certificate,
                                             .revision = audit_revision(g->from) + 1};
    if (audit_record_plan(work_arena(w), &g->making.plan, &about, &to) != ERR_OK ||
        !keep_old(w, g) || !standing_resolve_all(w, g->standing, PROBLEM(PLAN), "planned again"))
        return work_no_memory(w);
    put_revision(w, g, to);
    work_put(w, RECORD_PLAN, to->case_id, &to->base);
    return DECIDE_DONE;
}

/* The plan in force stays; a person has to look. Log event "plan-refused". */
static enum decide refuse_new(struct work *w, struct again *g, enum err e,
                              const struct audit_faults *faults)
{
    bool news = false;
    const struct audit_fault *f = faults->n > 0 ? &faults->items[0] : NULL;
    const char *field = f == NULL ? "catalogue" : f->field;
    const char *ja = arena_printf(work_arena(w), "計画を作り直せません: %s: %s", field,
                                  f == NULL ? err_name(e) : f->ja);
    const char *en = arena_printf(work_arena(w), "It cannot be planned again: %s: %s", field,
                                  f == NULL ? err_name(e) : f->en);
    log_event(LOG_LEVEL_WARN, "plan-refused", "a case cannot be planned again", "case",
              g->from->case_id, "field", field, "why", f == NULL ? err_name(e) : f->en, NULL);
    pb_problem *p =
        ja == NULL || en == NULL
            ? NULL
            : standing_problem(work_arena(w), g->standing, PROBLEM(PLAN),
                               audit_year_of(work_now_ms(w)), work_now_ms(w), ja, en, &news);
    if (p == NULL)
        return work_no_memory(w);
    if (news)
        standing_tell(w, g->standing, p, true);
    return DECIDE_DONE;
}

static enum decide plan_again(struct work *w, struct again *g)
{
    struct audit_faults faults = {.n = 0};
    enum err e = ERR_INVAL;
    g->making.before = g->from;
    g->making.standing = g->standing;
    g->making.catalogue = g->catalogue;
    g->making.first_year = open_year(g->standing, g->from, work_now_ms(w));
    if (g->catalogue != NULL && g->rules != NULL && g->rules->audit != NULL) {
        g->making.rules = g->rules->audit;
        e = audit_make(work_arena(w), &g->making, &faults);
    }
    if (e == ERR_NOMEM)
        return work_no_memory(w);
    enum decide d = DECIDE_DONE;
    if (e != ERR_OK)
        d = refuse_new(w, g, e, &faults);
    else if (!same_plan(g))
        d = put_new(w, g);
    g->standing->n_pending = 0;
    work_put(w, RECORD_STANDING, g->standing->case_id, &g->standing->base);
    return d;
}

/* `run` 0: for the reasons in the standing, and because of `base` if it is one; otherwise as a part
 * of that run, once. */
static enum decide replan(struct work *w, const char *case_id, uint32_t run, const char *base)
{
    const void *plan = NULL;
    const void *standing = NULL;
    const void *active = NULL;
    const void *catalogue = NULL;
    const void *scope = NULL;
    const void *submitted = NULL;
    struct again g = {.hash = ""};
    bool loaded = work_get(w, RECORD_PLAN, case_id, &plan);
    loaded &= work_get(w, RECORD_STANDING, case_id, &standing);
    loaded &= work_get(w, RECORD_AUDIT_SCOPE, case_id, &scope);
    loaded &= work_get(w, RECORD_CASE, case_id, &submitted);
    loaded &= work_get(w, RECORD_ACTIVE, "catalogue", &active);
    loaded &= work_rulebook(w, &g.rules, &g.hash);
    if (!loaded)
        return DECIDE_WAIT;
    g.from = plan;
    g.active = active;
    g.making.scope = scope;
    const pb_standing *old = standing;
    if (g.from == NULL || g.active == NULL || (run != 0 && old != NULL && old->run >= run))
        return DECIDE_DONE;
    bool memory = true;
    loaded = bases_apply(w, &g.making.scope, &memory);
    loaded &= work_get(w, RECORD_CATALOGUE, g.active->ref, &catalogue);
    if (!loaded)
        return DECIDE_WAIT;
    g.catalogue = catalogue;
    g.standing = standing_edit(work_arena(w), standing, case_id, g.from->provider);
    if (g.standing == NULL || !memory || !bases_tell(w, g.standing, g.making.scope) ||
        (base != NULL && !standing_reason(w, g.standing, CAUSE(BASE), base)))
        return work_no_memory(w);
    if (run != 0) {
        const char *ref = arena_printf(work_arena(w), "%u", run);
        if (ref == NULL || !standing_reason(w, g.standing, CAUSE(CATALOGUE), ref))
            return work_no_memory(w);
        g.standing->run = run;
    }
    if (audit_is_withdrawn(submitted)) { /* it keeps the plan it had, and counts as done */
        g.standing->n_pending = 0;
        work_put(w, RECORD_STANDING, case_id, &g.standing->base);
        return DECIDE_DONE;
    }
    return plan_again(w, &g);
}

enum decide audit_on_replan(struct work *w, void *state)
{
    (void)state;
    return replan(w, work_timer_record(w), 0, NULL);
}

enum decide audit_on_mass(struct work *w, void *state)
{
    (void)state;
    const char *record = work_timer_record(w);
    const char *slash = strchr(record, '/');
    char number[12] = {0};
    uint64_t run = 0;
    if (slash == NULL || (size_t)(slash - record) >= sizeof number)
        return DECIDE_DONE;
    memcpy(number, record, (size_t)(slash - record));
    if (text_u64(number, UINT32_MAX, &run) != ERR_OK || run == 0)
        return DECIDE_DONE;
    return replan(w, slash + 1, (uint32_t)run, NULL);
}

enum decide audit_on_base(struct work *w, void *state)
{
    (void)state;
    const char *record = work_timer_record(w);
    const char *slash = strchr(record, '/');
    char *number = arena_strdup(work_arena(w), record);
    if (slash == NULL)
        return DECIDE_DONE;
    if (number == NULL)
        return work_no_memory(w);
    number[slash - record] = '\0';
    return replan(w, slash + 1, 0, number);
}

enum decide audit_replan_case(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__ReplanCase *m = work_message(w);
    const void *plan = NULL;
    const void *standing = NULL;
    bool loaded = work_get(w, RECORD_PLAN, m->case_id, &plan);
    loaded &= work_get(w, RECORD_STANDING, m->case_id, &standing);
    if (!loaded)
        return DECIDE_WAIT;
    const pb_plan *p = plan;
    if (p == NULL)
        return audit_not_found(w, "caseId");
    pb_standing *s = standing_edit(work_arena(w), standing, p->case_id, p->provider);
    if (s == NULL || !standing_replan(w, s, CAUSE(ORDER), m->reason))
        return work_no_memory(w);
    work_put(w, RECORD_STANDING, s->case_id, &s->base);
    return DECIDE_DONE;
}

/* Newest first. */
enum decide audit_get_revisions(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__GetPlanRevisions *m = work_message(w);
    const void *found = NULL;
    if (!work_get(w, RECORD_PLAN, m->case_id, &found))
        return DECIDE_WAIT;
    const pb_plan *p = found;
    if (p == NULL || !audit_may_see(w, p->provider))
        return audit_not_found(w, "caseId");
    Ismap__Liu__V1__PlanRevisions reply = ISMAP__LIU__V1__PLAN_REVISIONS__INIT;
    reply.revisions = arena_alloc(work_arena(w), REVISIONS_MAX * sizeof(pb_revision *));
    if (reply.revisions == NULL)
        return work_no_memory(w);
    bool loaded = true;
    uint32_t newest = audit_revision(p);
    newest = m->before != 0 && m->before <= newest ? m->before - 1 : newest;
    for (uint32_t r = newest; r > 1 && r + REVISIONS_MAX > newest; r--) {
        loaded &= work_get(w, RECORD_PLAN_REVISION, revision_id(w, p->case_id, r), &found);
        if (loaded && found != NULL)
            reply.revisions[reply.n_revisions++] = (pb_revision *)(uintptr_t)found;
    }
    if (!loaded)
        return DECIDE_WAIT;
    work_reply(w, &reply.base);
    return DECIDE_DONE;
}
