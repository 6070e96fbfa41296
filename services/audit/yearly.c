/* The clock of the yearly report on internal audits (内部監査に係る報告書) and of coverage. R68,
 * R72
 *
 * One year is watched at a time, the earliest that is not settled: its report is reminded of, found
 * missing on the day after it was due, and then what the years so far have covered is looked at.
 */
#include "base/date.h"
#include "ismap/liu/v1/listing.pb-c.h"
#include "services/audit/audit_record.h"
#include "services/audit/bases.h"
#include "services/audit/standing.h"

/* When the rulebook does not say: the due date of the report is not official (R72, inferred). */
#define DUE_MONTHS_DEFAULT 3u
#define REMIND_DAYS_DEFAULT 30u

struct due_days {
    int32_t remind;
    int32_t due; /* last day */
};

static struct due_days due_days_of(const pb_audit_rules *rules, int32_t year)
{
    uint32_t months = rules == NULL ? 0 : rules->internal_report_due_months;
    uint32_t days = rules == NULL ? 0 : rules->internal_report_remind_days;
    char text[DATE_TEXT_BYTES];
    int32_t next_year = 0;
    months = months == 0 ? DUE_MONTHS_DEFAULT : months;
    days = days == 0 ? REMIND_DAYS_DEFAULT : days;
    for (int32_t y = year + 1, i = 3; i >= 0; i--, y /= 10)
        text[i] = (char)('0' + y % 10);
    text[4] = text[7] = '-';
    text[5] = text[8] = '0';
    text[6] = text[9] = '1';
    text[10] = '\0';
    if (date_parse(text, &next_year) != ERR_OK)
        next_year = 0; /* a year that no message can name */
    struct due_days d = {.due = date_add_months(next_year, (int32_t)months) - 1};
    d.remind = d.due - (int32_t)days;
    return d;
}

static bool is_listed(const Ismap__Liu__V1__Listing *l)
{
    return l != NULL && (l->state == ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_REGISTERED ||
                         l->state == ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_RENEWAL_PENDING);
}

static void watch(struct work *w, pb_standing *s, const pb_audit_rules *rules, int32_t year)
{
    s->watched_year = year;
    work_timer(w, TIMER_YEARLY, s->case_id, date_start_ms(due_days_of(rules, year).remind));
}

enum decide audit_on_registration(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__RegistrationDecided *ev = work_message(w);
    const void *found = NULL;
    const void *old = NULL;
    const Ismap__Liu__V1__Rulebook *rules = NULL;
    const char *hash = NULL;
    if (!bases_moved(w, ev->number))
        return DECIDE_WAIT;
    if (ev->state != ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_REGISTERED)
        return DECIDE_DONE;
    bool loaded = work_get(w, RECORD_LISTING, ev->number, &found);
    loaded &= work_rulebook(w, &rules, &hash);
    if (!loaded)
        return DECIDE_WAIT;
    const Ismap__Liu__V1__Listing *l = found;
    if (l == NULL)
        return DECIDE_DONE;
    if (!work_get(w, RECORD_STANDING, l->case_id, &old))
        return DECIDE_WAIT;
    pb_standing *s = standing_edit(work_arena(w), old, l->case_id, l->provider);
    if (s == NULL)
        return work_no_memory(w);
    s->number = l->number;
    if (s->since_year == 0)
        s->since_year = audit_year_of(work_now_ms(w));
    if (s->watched_year == 0)
        watch(w, s, rules == NULL ? NULL : rules->audit, s->since_year);
    work_put(w, RECORD_STANDING, s->case_id, &s->base);
    return DECIDE_DONE;
}

enum decide audit_on_cancellation(struct work *w, void *state)
{
    (void)state;
    const Ismap__Liu__V1__RegistrationCancelled *ev = work_message(w);
    return bases_moved(w, ev->number) ? DECIDE_DONE : DECIDE_WAIT;
}

static bool remind(struct work *w, pb_standing *s, int32_t due)
{
    pb_year *y = standing_year(work_arena(w), s, s->watched_year, PARTY(INTERNAL));
    char *day = arena_alloc(work_arena(w), DATE_TEXT_BYTES);
    const char *audience[] = {s->provider};
    Ismap__Liu__V1__InternalReportReminded ev = ISMAP__LIU__V1__INTERNAL_REPORT_REMINDED__INIT;
    if (y == NULL || day == NULL)
        return false;
    date_format(due, day);
    y->due_on = day;
    if (y->state != REPORT(UNSPECIFIED))
        return true; /* it is there already */
    y->state = REPORT(DUE);
    y->changed_at_ms = work_now_ms(w);
    ev.case_id = s->case_id;
    ev.provider = s->provider;
    ev.number = s->number;
    ev.year = s->watched_year;
    ev.due_on = day;
    work_emit(w, &ev.base, audience, 1);
    return true;
}

static bool miss(struct work *w, pb_standing *s)
{
    bool news = false;
    pb_year *y = standing_year(work_arena(w), s, s->watched_year, PARTY(INTERNAL));
    if (y == NULL)
        return false;
    if (y->state != REPORT(UNSPECIFIED) && y->state != REPORT(DUE))
        return true;
    y->state = REPORT(MISSING);
    y->changed_at_ms = work_now_ms(w);
    pb_problem *p = standing_problem(
        work_arena(w), s, PROBLEM(REPORT_MISSING), s->watched_year, work_now_ms(w),
        "内部監査に係る報告書が期限までに提出されていません。",
        "The yearly report on the internal audit was not there when it was due.", &news);
    if (p != NULL && news)
        standing_tell(w, s, p, true);
    return p != NULL;
}

/* The gaps become one problem of the year; with none left those of earlier years are resolved. */
static bool note_coverage(struct work *w, pb_standing *s, const struct coverage *c)
{
    struct arena *a = work_arena(w);
    bool news = false;
    if (c->n_gaps == 0) {
        bool ok = true;
        for (int32_t y = s->since_year; ok && y <= s->watched_year; y++)
            ok = standing_resolve(w, s, PROBLEM(COVERAGE), y, "covered");
        return ok;
    }
    pb_problem *p =
        standing_problem(a, s, PROBLEM(COVERAGE), s->watched_year, work_now_ms(w),
                         "期間内に内部監査で網羅されていない統制目標があります。",
                         "Objectives were not covered by internal audits in time.", &news);
    size_t n =
        c->n_gaps < STANDING_PROBLEM_CONTROLS_MAX ? c->n_gaps : STANDING_PROBLEM_CONTROLS_MAX;
    char **ids = arena_alloc(a, (n + 1) * sizeof *ids);
    if (p == NULL || ids == NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        ids[i] = lend(c->gaps[i].id);
    p->controls = ids;
    p->n_controls = n;
    if (news)
        standing_tell(w, s, p, true);
    return true;
}

enum err audit_coverage(struct arena *a, const pb_standing *s,
                        const Ismap__Liu__V1__AuditScope *scope,
                        const Ismap__Liu__V1__Catalogue *catalogue, const pb_audit_rules *rules,
                        int32_t upto, struct coverage *out)
{
    struct audit_faults faults = {.n = 0};
    struct catalogue *c = arena_alloc(a, sizeof *c);
    struct plan_policy *policy = arena_alloc(a, sizeof *policy);
    if (c == NULL || policy == NULL)
        return ERR_NOMEM;
    struct plan_input in = {.catalogue = c, .policy = policy};
    in.history = standing_history(a, s, &in.n_history);
    enum err e = in.history == NULL ? ERR_NOMEM : audit_record_catalogue(a, catalogue, c, &faults);
    if (e == ERR_OK)
        e = audit_record_policy(a, rules, policy);
    if (e == ERR_OK)
        e = scope_input(a, scope, &in);
    return e == ERR_OK ? coverage_of(a, &in, s == NULL ? 0 : s->since_year, upto, out) : e;
}

/* The watched year is over and its report was due: settle it and watch the next. */
static enum decide settle(struct work *w, pb_standing *s, const pb_scope *scope,
                          const Ismap__Liu__V1__Catalogue *catalogue, const pb_audit_rules *rules)
{
    struct coverage c = {0};
    enum err e = ERR_OK;
    if (!miss(w, s))
        return work_no_memory(w);
    if (catalogue != NULL && rules != NULL)
        e = audit_coverage(work_arena(w), s, scope, catalogue, rules, s->watched_year, &c);
    if (e == ERR_NOMEM || (e == ERR_OK && c.objectives > 0 && !note_coverage(w, s, &c)))
        return work_no_memory(w);
    if (!standing_replan(w, s, CAUSE(YEAR), ""))
        return work_no_memory(w);
    watch(w, s, rules, s->watched_year + 1);
    work_put(w, RECORD_STANDING, s->case_id, &s->base);
    return DECIDE_DONE;
}

static enum decide look(struct work *w, const pb_standing *old, const pb_scope *scope,
                        const Ismap__Liu__V1__Catalogue *catalogue, const pb_audit_rules *rules)
{
    int64_t now = work_now_ms(w);
    pb_standing *s = standing_edit(work_arena(w), old, old->case_id, old->provider);
    if (s == NULL)
        return work_no_memory(w);
    struct due_days d = due_days_of(rules, s->watched_year);
    if (now < date_start_ms(d.remind)) { /* the rules have changed */
        work_timer(w, TIMER_YEARLY, s->case_id, date_start_ms(d.remind));
        return DECIDE_DONE;
    }
    if (now >= date_start_ms(d.due + 1))
        return settle(w, s, scope, catalogue, rules);
    if (!remind(w, s, d.due))
        return work_no_memory(w);
    work_timer(w, TIMER_YEARLY, s->case_id, date_start_ms(d.due + 1));
    work_put(w, RECORD_STANDING, s->case_id, &s->base);
    return DECIDE_DONE;
}

enum decide audit_on_yearly(struct work *w, void *state)
{
    (void)state;
    const char *case_id = work_timer_record(w);
    const void *standing = NULL;
    const void *plan = NULL;
    const void *listing = NULL;
    const void *catalogue = NULL;
    const void *scope = NULL;
    const Ismap__Liu__V1__Rulebook *rules = NULL;
    const char *hash = NULL;
    bool loaded = work_get(w, RECORD_STANDING, case_id, &standing);
    loaded &= work_get(w, RECORD_AUDIT_SCOPE, case_id, &scope);
    loaded &= work_get(w, RECORD_PLAN, case_id, &plan);
    loaded &= work_rulebook(w, &rules, &hash);
    if (!loaded)
        return DECIDE_WAIT;
    const pb_standing *s = standing;
    const pb_plan *p = plan;
    if (s == NULL || s->watched_year == 0)
        return DECIDE_DONE;
    loaded = work_get(w, RECORD_LISTING, s->number, &listing);
    if (p != NULL)
        loaded &= work_get(w, RECORD_CATALOGUE, p->catalogue_version, &catalogue);
    const pb_scope *applied = scope;
    bool memory = true;
    loaded &= bases_apply(w, &applied, &memory);
    if (!loaded)
        return DECIDE_WAIT;
    if (!memory)
        return work_no_memory(w);
    if (!is_listed(listing)) { /* watched again when it is registered again */
        pb_standing *stop = standing_edit(work_arena(w), s, s->case_id, s->provider);
        if (stop == NULL)
            return work_no_memory(w);
        stop->watched_year = 0;
        work_put(w, RECORD_STANDING, s->case_id, &stop->base);
        return DECIDE_DONE;
    }
    return look(w, s, applied, catalogue, rules == NULL ? NULL : rules->audit);
}
