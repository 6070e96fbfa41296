/* Reports come in: what a year's audit really covered and found. R65, R69, R72
 *
 * A report is kept as it came and never changed; a correction is a report of its own that names the
 * one it corrects. What counts for coverage and the next plan goes into the standing.
 */
#include <string.h>

#include "base/date.h"
#include "domain/validity.h"
#include "services/audit/audit_record.h"
#include "services/audit/standing.h"

/* Both submissions in one shape; borrowed from the message. */
struct submission {
    const char *case_id;
    int32_t year;
    Ismap__Liu__V1__AuditParty party;
    pb_results *results;
    Ismap__Liu__V1__DocumentRef *document;
    Ismap__Liu__V1__DocumentRef *internal_report;
    const char *approved_by;
    const char *approved_on;
    const char *corrects;
};

/* The records it is held against. */
struct ground {
    const pb_plan *plan;
    const pb_standing *standing;
    struct catalogue catalogue;
    struct plan core_plan;
    struct audit_results results;
};

static enum decide no_report(struct work *w, Ismap__Liu__V1__Status status, const char *field,
                             const char *rule, const char *ja, const char *en)
{
    return work_refuse(w, status, field, rule, ja, en);
}

/* R41: 3 to 12 months, not in the future. */
static void check_period(struct work *w, const pb_results *r)
{
    int32_t start = 0;
    int32_t end = 0;
    if (date_parse(r->period_start, &start) != ERR_OK || date_parse(r->period_end, &end) != ERR_OK)
        return; /* told by the checks of the wire */
    if (validity_audit_period(start, end, NULL) != PERIOD_OK)
        (void)no_report(w, STATUS(INVALID_ARGUMENT), "results.periodEnd", "R41",
                        "監査対象期間は3か月以上12か月以内にしてください。",
                        "The audit period must be 3 to 12 months.");
    if (end > date_of_ms(work_now_ms(w)))
        (void)no_report(w, STATUS(INVALID_ARGUMENT), "results.periodEnd", "R41",
                        "監査対象期間がまだ終わっていません。",
                        "The audit period is not over yet.");
}

static void check_year(struct work *w, const struct submission *s, const struct ground *g)
{
    int32_t first = audit_record_first_year(g->plan);
    int32_t last = first + (int32_t)g->plan->years - 1;
    int32_t now = audit_year_of(work_now_ms(w));
    last = last < now ? last : now;
    if (s->year < first || s->year > last) {
        const char *ja =
            arena_printf(work_arena(w), "計画の年は %d から、報告できるのは %d までです。",
                         (int)first, (int)last);
        const char *en =
            arena_printf(work_arena(w), "The plan begins in %d; reports are taken up to %d.",
                         (int)first, (int)last);
        (void)no_report(w, STATUS(FAILED_PRECONDITION), "year", "R65", ja == NULL ? "" : ja,
                        en == NULL ? "" : en);
    }
    const pb_year *y = standing_find_year(g->standing, s->year, s->party);
    const char *latest = y == NULL ? "" : y->report_id;
    if (strcmp(latest, s->corrects) == 0)
        return;
    const char *en =
        arena_printf(work_arena(w), "The latest report of this year is \"%s\".", latest);
    const char *ja = arena_printf(work_arena(w), "この年の最新の報告の番号は「%s」です。", latest);
    (void)no_report(w,
                    latest[0] == '\0' || s->corrects[0] != '\0' ? STATUS(FAILED_PRECONDITION)
                                                                : STATUS(ALREADY_EXISTS),
                    "corrects", "R72", ja == NULL ? "" : ja, en == NULL ? "" : en);
}

static bool to_core(struct arena *a, const pb_results *r, struct audit_results *out)
{
    struct audited_control *k = arena_alloc(a, r->n_controls * sizeof *k);
    const char **skipped = arena_alloc(a, r->n_skipped * sizeof *skipped);
    struct audit_finding *f = arena_alloc(a, r->n_findings * sizeof *f);
    if (k == NULL || skipped == NULL || f == NULL)
        return false;
    for (size_t i = 0; i < r->n_controls; i++)
        k[i] = (struct audited_control){.id = r->controls[i]->control_id,
                                        .mode = (enum plan_mode)r->controls[i]->mode,
                                        .auditor = r->controls[i]->auditor,
                                        .operated_by = r->controls[i]->operator_};
    for (size_t i = 0; i < r->n_skipped; i++)
        skipped[i] = r->skipped[i]->control_id;
    for (size_t i = 0; i < r->n_findings; i++)
        f[i] = (struct audit_finding){.id = r->findings[i]->finding_id,
                                      .control = r->findings[i]->control_id,
                                      .correction = r->findings[i]->correction,
                                      .correct_by = r->findings[i]->correct_by};
    *out = (struct audit_results){.controls = k,
                                  .n_controls = r->n_controls,
                                  .skipped = skipped,
                                  .n_skipped = r->n_skipped,
                                  .findings = f,
                                  .n_findings = r->n_findings};
    return true;
}

/* Everything that makes the report unacceptable, at once. ERR_INVAL: refused. */
static enum err check(struct work *w, const struct submission *s, struct ground *g,
                      const Ismap__Liu__V1__Catalogue *catalogue)
{
    struct arena *a = work_arena(w);
    struct audit_faults faults = {.n = 0};
    struct err_text why = {""};
    enum err e = audit_record_catalogue(a, catalogue, &g->catalogue, &faults);
    if (e == ERR_OK)
        e = audit_record_read_plan(a, g->plan, &g->core_plan, &why);
    if (e == ERR_OK && !to_core(a, s->results, &g->results))
        e = ERR_NOMEM;
    if (e != ERR_OK)
        return e == ERR_NOMEM ? e : ERR_INTERNAL;
    check_year(w, s, g);
    check_period(w, s->results);
    e = results_check(a, &g->catalogue, &g->results, &faults);
    if (e == ERR_INVAL)
        (void)audit_refuse_faults(w, STATUS(INVALID_ARGUMENT), "results.", &faults);
    if (e == ERR_OK && work_refused(w))
        e = ERR_INVAL;
    return e;
}

static bool set_shortfalls(struct arena *a, pb_report *r, const struct audit_faults *f)
{
    size_t n = audit_faults_kept(f);
    Ismap__Liu__V1__Shortfall *items = arena_alloc(a, n * sizeof *items);
    r->shortfalls = arena_alloc(a, n * sizeof(Ismap__Liu__V1__Shortfall *));
    if (items == NULL || r->shortfalls == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        ismap__liu__v1__shortfall__init(&items[i]);
        items[i].field = lend(f->items[i].field);
        items[i].rule = lend(f->items[i].rule);
        items[i].message_ja = lend(f->items[i].ja);
        items[i].message_en = lend(f->items[i].en);
        r->shortfalls[i] = &items[i];
    }
    r->n_shortfalls = n;
    return true;
}

/* The record of a report that can be taken in. NULL: no memory. */
static pb_report *make_report(struct work *w, const struct submission *s, const struct ground *g)
{
    struct arena *a = work_arena(w);
    struct results_summary sum = {0};
    struct audit_faults lacks = {.n = 0};
    pb_report *r = arena_alloc(a, sizeof *r);
    uint32_t year = (uint32_t)(s->year - audit_record_first_year(g->plan) + 1);
    if (r == NULL || results_compare(a, &g->catalogue, &g->core_plan, (enum plan_party)s->party,
                                     year, &g->results, &sum) != ERR_OK)
        return NULL;
    ismap__liu__v1__audit_report__init(r);
    if (s->party == PARTY(INTERNAL))
        results_content(a, &g->results, &sum,
                        s->approved_by[0] != '\0' && s->approved_on[0] != '\0', &lacks);
    r->id = lend(work_derive_id(w, "AR"));
    r->case_id = lend(s->case_id);
    r->provider = g->plan->provider;
    r->party = s->party;
    r->year = s->year;
    r->submitted_by = lend(work_actor(w));
    r->received_at_ms = work_now_ms(w);
    r->results = s->results;
    r->document = s->document;
    r->internal_report = s->internal_report;
    r->approved_by = lend(s->approved_by);
    r->approved_on = lend(s->approved_on);
    r->corrects = lend(s->corrects);
    r->plan_hash = g->plan->plan_hash;
    r->catalogue_version = g->plan->catalogue_version;
    r->state = lacks.n > 0 ? REPORT(INSUFFICIENT) : REPORT(ACCEPTED);
    r->planned = sum.planned;
    r->performed = sum.performed;
    r->skipped = sum.skipped;
    r->unplanned = sum.unplanned;
    r->unexplained = (char **)(uintptr_t)sum.unexplained;
    r->n_unexplained = sum.n_unexplained;
    return set_shortfalls(a, r, &lacks) ? r : NULL;
}

/* History from the reports that still count, without the corrected one. False: return DECIDE_WAIT.
 */
static bool history_again(struct work *w, pb_standing *s, const char *corrected, bool *memory)
{
    bool loaded = true;
    *memory = true;
    s->history = NULL;
    s->n_history = 0;
    for (size_t i = 0; i < s->n_years; i++) {
        const void *found = NULL;
        const pb_year *y = s->years[i];
        if (y->report_id[0] == '\0' || strcmp(y->report_id, corrected) == 0)
            continue;
        loaded &= work_get(w, RECORD_AUDIT_REPORT, y->report_id, &found);
        const pb_report *r = found;
        if (loaded && r != NULL)
            *memory &= standing_audited(work_arena(w), s, r->results, r->year, r->party);
    }
    return loaded;
}

/* A report that lacks something opens the way to a found problem, one that suffices closes it. R72
 */
static bool follow_up(struct work *w, pb_standing *s, const pb_report *r)
{
    bool news = false;
    if (r->party != PARTY(INTERNAL))
        return true;
    if (r->state == REPORT(ACCEPTED))
        return standing_resolve(w, s, PROBLEM(REPORT_MISSING), r->year, r->id) &&
               standing_resolve(w, s, PROBLEM(REPORT_INSUFFICIENT), r->year, r->id);
    if (!standing_resolve(w, s, PROBLEM(REPORT_MISSING), r->year, r->id))
        return false;
    pb_problem *p =
        standing_problem(work_arena(w), s, PROBLEM(REPORT_INSUFFICIENT), r->year, work_now_ms(w),
                         "内部監査に係る報告書の内容が不十分です。",
                         "The yearly report on the internal audit does not suffice.", &news);
    if (p != NULL && news)
        standing_tell(w, s, p, true);
    return p != NULL;
}

static void tell_and_answer(struct work *w, const pb_report *r)
{
    const char *audience[] = {r->provider, r->submitted_by};
    Ismap__Liu__V1__AuditReportRecorded ev = ISMAP__LIU__V1__AUDIT_REPORT_RECORDED__INIT;
    Ismap__Liu__V1__ReportRecorded reply = ISMAP__LIU__V1__REPORT_RECORDED__INIT;
    ev.report_id = reply.report_id = r->id;
    ev.case_id = r->case_id;
    ev.provider = r->provider;
    ev.party = r->party;
    ev.year = r->year;
    ev.state = reply.state = r->state;
    ev.planned = reply.planned = r->planned;
    ev.performed = reply.performed = r->performed;
    ev.skipped = reply.skipped = r->skipped;
    ev.findings = (uint32_t)r->results->n_findings;
    reply.shortfalls = r->shortfalls;
    reply.n_shortfalls = r->n_shortfalls;
    reply.unexplained = r->unexplained;
    reply.n_unexplained = r->n_unexplained;
    work_emit(w, &ev.base, audience, 2);
    work_reply(w, &reply.base);
}

static enum decide record(struct work *w, const struct submission *s, const struct ground *g)
{
    struct arena *a = work_arena(w);
    pb_report *r = make_report(w, s, g);
    pb_standing *st = standing_edit(a, g->standing, s->case_id, g->plan->provider);
    bool memory = r != NULL && st != NULL;
    if (memory && s->corrects[0] != '\0' && !history_again(w, st, s->corrects, &memory))
        return DECIDE_WAIT;
    pb_year *y = memory ? standing_year(a, st, s->year, s->party) : NULL;
    memory = y != NULL && standing_audited(a, st, r->results, r->year, r->party) &&
             standing_findings(a, st, r);
    if (!memory)
        return work_no_memory(w);
    y->state = r->state;
    y->report_id = r->id;
    y->changed_at_ms = work_now_ms(w);
    y->findings = (uint32_t)r->results->n_findings;
    tell_and_answer(w, r);
    if (!follow_up(w, st, r) || !standing_replan(w, st, CAUSE(REPORT), r->id))
        return work_no_memory(w);
    work_put(w, RECORD_AUDIT_REPORT, r->id, &r->base);
    work_put(w, RECORD_STANDING, st->case_id, &st->base);
    return DECIDE_DONE;
}

/* A report of a year before the plan in force is held against the plan of that year. False: return
 * DECIDE_WAIT. */
static bool plan_of_year(struct work *w, const struct submission *s, struct ground *g)
{
    const void *kept = NULL;
    if (g->standing == NULL || s->year >= audit_record_first_year(g->plan))
        return true;
    for (size_t i = 0; i < g->standing->n_kept; i++) {
        const Ismap__Liu__V1__KeptPlan *k = g->standing->kept[i];
        if (s->year < k->first_year || s->year > k->last_year)
            continue;
        if (!audit_get_kept(w, s->case_id, k->revision, &kept))
            return false;
        g->plan = kept != NULL ? kept : g->plan;
        return true;
    }
    return true;
}

static enum decide submit(struct work *w, const struct submission *s)
{
    const void *plan = NULL;
    const void *standing = NULL;
    const void *catalogue = NULL;
    struct ground g = {.plan = NULL};
    bool loaded = work_get(w, RECORD_PLAN, s->case_id, &plan);
    loaded &= work_get(w, RECORD_STANDING, s->case_id, &standing);
    if (!loaded)
        return DECIDE_WAIT;
    g.plan = plan;
    g.standing = standing;
    if (g.plan == NULL || !audit_may_see(w, g.plan->provider))
        return audit_not_found(w, "caseId");
    if (!plan_of_year(w, s, &g))
        return DECIDE_WAIT;
    if (!work_get(w, RECORD_CATALOGUE, g.plan->catalogue_version, &catalogue))
        return DECIDE_WAIT;
    enum err e = catalogue == NULL ? ERR_INTERNAL : check(w, s, &g, catalogue);
    if (e == ERR_NOMEM)
        return work_no_memory(w);
    if (e == ERR_INVAL)
        return DECIDE_DONE;
    if (e != ERR_OK)
        return audit_bad_catalogue(w);
    return record(w, s, &g);
}

/* R55: the body is registered on this day. False: return what is in *d. */
static bool body_is_registered(struct work *w, enum decide *d)
{
    const void *found = NULL;
    int32_t until = 0;
    *d = DECIDE_WAIT;
    if (!work_get(w, RECORD_PARTY, work_actor(w), &found))
        return false;
    const Ismap__Liu__V1__Party *p = found;
    if (p == NULL || p->valid_until[0] == '\0' || date_parse(p->valid_until, &until) != ERR_OK ||
        until >= date_of_ms(work_now_ms(w)))
        return true;
    *d = work_refuse(w, STATUS(FAILED_PRECONDITION), "", "R55",
                     "監査機関の登録の有効期間が過ぎています。",
                     "The registration of the audit body has lapsed.");
    return false;
}

enum decide audit_submit_report(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__SubmitAuditReport *m = work_message(w);
    enum decide d = DECIDE_WAIT;
    if (!body_is_registered(w, &d))
        return d;
    const struct submission s = {.case_id = m->case_id,
                                 .year = m->year,
                                 .party = PARTY(EXTERNAL),
                                 .results = m->results,
                                 .document = m->document,
                                 .approved_by = "",
                                 .approved_on = "",
                                 .corrects = m->corrects};
    return submit(w, &s);
}

enum decide audit_submit_internal(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__SubmitInternalReport *m = work_message(w);
    const struct submission s = {.case_id = m->case_id,
                                 .year = m->year,
                                 .party = PARTY(INTERNAL),
                                 .results = m->results,
                                 .document = m->document,
                                 .internal_report = m->internal_report,
                                 .approved_by = m->approved_by,
                                 .approved_on = m->approved_on,
                                 .corrects = m->corrects};
    return submit(w, &s);
}
