/* What a plan rests on and what is proved of it, as messages and back. */
#include "services/audit/audit_record.h"

#include <assert.h>
#include <string.h>

#include "base/date.h"

static_assert((int)PLAN_BOTH == (int)ISMAP__LIU__V1__AUDIT_MODE__AUDIT_MODE_BOTH, "mode");
static_assert((int)PLAN_SKIPPED == (int)ISMAP__LIU__V1__AUDIT_RESULT__AUDIT_RESULT_SKIPPED,
              "result");
static_assert((int)PLAN_BASE_LAPSED == (int)ISMAP__LIU__V1__PLAN_CAUSE__PLAN_CAUSE_BASE_LAPSED,
              "cause");

/* The wire's strings are `char *` but never written through. */
static char *text(struct arena *a, const char *s)
{
    return arena_strdup(a, s == NULL ? "" : s);
}

/* A list of n messages of `type` in the field `field` of m, `row` for each of them. */
#define MESSAGES(a, m, field, count, type)                                                         \
    (((m)->field = arena_alloc((a), ((count) + 1) * sizeof(*(m)->field))) != NULL                  \
         ? arena_alloc((a), ((count) + 1) * sizeof(type))                                          \
         : NULL)

static enum err put_scope(struct arena *a, const struct plan_input *in,
                          Ismap__Liu__V1__PlanBasis *m)
{
    Ismap__Liu__V1__PlanExclusion *x =
        MESSAGES(a, m, excluded, in->n_excluded, Ismap__Liu__V1__PlanExclusion);
    Ismap__Liu__V1__PlanInherited *h =
        MESSAGES(a, m, inherited, in->n_inherited, Ismap__Liu__V1__PlanInherited);
    Ismap__Liu__V1__PlanTrigger *t =
        MESSAGES(a, m, triggers, in->n_triggers, Ismap__Liu__V1__PlanTrigger);
    if (x == NULL || h == NULL || t == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < in->n_excluded; i++) {
        ismap__liu__v1__plan_exclusion__init(&x[i]);
        x[i].control_id = text(a, in->excluded[i].id);
        x[i].reason = text(a, in->excluded[i].reason);
        m->excluded[m->n_excluded++] = &x[i];
    }
    for (size_t i = 0; i < in->n_inherited; i++) {
        ismap__liu__v1__plan_inherited__init(&h[i]);
        h[i].control_id = text(a, in->inherited[i].id);
        h[i].base_number = text(a, in->inherited[i].base);
        h[i].lapsed_year = in->inherited[i].lapsed_year;
        m->inherited[m->n_inherited++] = &h[i];
    }
    for (size_t i = 0; i < in->n_triggers; i++) {
        ismap__liu__v1__plan_trigger__init(&t[i]);
        t[i].control_id = text(a, in->triggers[i].id);
        t[i].cause = (Ismap__Liu__V1__PlanCause)in->triggers[i].cause;
        t[i].year = in->triggers[i].year;
        t[i].ref = text(a, in->triggers[i].ref);
        m->triggers[m->n_triggers++] = &t[i];
    }
    return ERR_OK;
}

/* What of history decides: what lies in the plan, the last audit of each control and party before
 * it, and the first of each party. */
struct deciding {
    const struct plan_input *in;
    int32_t *last; /* of each control and party, before the plan */
    const struct plan_history *first[2];
};

/* Place in `last`; SIZE_MAX when the entry decides nothing. */
static size_t place_of(const struct plan_input *in, const struct plan_history *e)
{
    const struct catalogue_item *it = catalogue_find(in->catalogue, e->id);
    if (it == NULL || e->result == PLAN_SKIPPED)
        return SIZE_MAX;
    return 2 * (size_t)(it - in->catalogue->items) + (e->party == PLAN_EXTERNAL ? 0 : 1);
}

static void look_at(struct deciding *d, const struct plan_history *e)
{
    size_t at = place_of(d->in, e);
    if (at == SIZE_MAX)
        return;
    if (e->year < d->in->first_year && e->year > d->last[at])
        d->last[at] = e->year;
    if (d->first[at % 2] == NULL || e->year < d->first[at % 2]->year)
        d->first[at % 2] = e;
}

static bool decides(const struct deciding *d, const struct plan_history *e)
{
    size_t at = place_of(d->in, e);
    return at != SIZE_MAX &&
           (e->year >= d->in->first_year || e->year == d->last[at] || e == d->first[at % 2]);
}

static enum err put_history(struct arena *a, const struct plan_input *in,
                            Ismap__Liu__V1__PlanBasis *m)
{
    size_t places = 2 * in->catalogue->n;
    struct deciding d = {.in = in, .last = arena_alloc(a, (places + 1) * sizeof(*d.last))};
    Ismap__Liu__V1__AuditedItem *h =
        MESSAGES(a, m, history, in->n_history, Ismap__Liu__V1__AuditedItem);
    if (d.last == NULL || h == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < places; i++)
        d.last[i] = INT32_MIN;
    for (size_t i = 0; i < in->n_history; i++)
        look_at(&d, &in->history[i]);
    for (size_t i = 0; i < in->n_history; i++) {
        const struct plan_history *e = &in->history[i];
        Ismap__Liu__V1__AuditedItem *to = &h[m->n_history];
        if (!decides(&d, e))
            continue;
        ismap__liu__v1__audited_item__init(to);
        to->control_id = text(a, e->id);
        to->party = (Ismap__Liu__V1__AuditParty)e->party;
        to->year = e->year;
        to->result = (Ismap__Liu__V1__AuditResult)e->result;
        to->mode = (Ismap__Liu__V1__AuditMode)e->mode;
        m->history[m->n_history++] = to;
    }
    return ERR_OK;
}

static enum err put_people(struct arena *a, const struct plan_input *in,
                           Ismap__Liu__V1__PlanBasis *m)
{
    Ismap__Liu__V1__PlanOperator *o =
        MESSAGES(a, m, operators, in->n_operators, Ismap__Liu__V1__PlanOperator);
    Ismap__Liu__V1__PlannedItem *b =
        MESSAGES(a, m, previous, in->n_before, Ismap__Liu__V1__PlannedItem);
    m->auditors = arena_alloc(a, (in->n_auditors + 1) * sizeof(*m->auditors));
    if (o == NULL || b == NULL || m->auditors == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < in->n_operators; i++) {
        ismap__liu__v1__plan_operator__init(&o[i]);
        o[i].control_id = text(a, in->operators[i].id);
        o[i].person = text(a, in->operators[i].person);
        m->operators[m->n_operators++] = &o[i];
    }
    for (size_t i = 0; i < in->n_auditors; i++)
        m->auditors[m->n_auditors++] = text(a, in->auditors[i]);
    for (size_t i = 0; i < in->n_before; i++) {
        int32_t open = in->open_year != 0 ? in->open_year : in->first_year;
        if (in->before[i].year < open)
            continue; /* history: it decides nothing */
        ismap__liu__v1__planned_item__init(&b[m->n_previous]);
        b[m->n_previous].control_id = text(a, in->before[i].id);
        b[m->n_previous].party = (Ismap__Liu__V1__AuditParty)in->before[i].party;
        b[m->n_previous].year = in->before[i].year;
        m->previous[m->n_previous] = &b[m->n_previous];
        m->n_previous++;
    }
    return ERR_OK;
}

enum err audit_record_put_basis(struct arena *a, const struct plan_input *in,
                                Ismap__Liu__V1__AuditPlan *plan)
{
    Ismap__Liu__V1__PlanBasis *m = arena_alloc(a, sizeof(*m));
    if (m == NULL)
        return ERR_NOMEM;
    ismap__liu__v1__plan_basis__init(m);
    char day[DATE_TEXT_BYTES];
    m->open_year = in->open_year;
    m->cycle_first_year = in->cycle_first_year;
    m->special_measure = in->special_measure;
    m->special_used = in->special_used;
    if (in->special_measure) {
        date_format(in->applied_day, day);
        m->applied_on = text(a, day);
    }
    plan->basis = m;
    enum err e = put_scope(a, in, m);
    if (e == ERR_OK)
        e = put_history(a, in, m);
    return e == ERR_OK ? put_people(a, in, m) : e;
}

enum err audit_record_put_certificate(struct arena *a, const struct plan_certificate *k,
                                      Ismap__Liu__V1__AuditPlan *plan)
{
    Ismap__Liu__V1__PlanCertificate *m = arena_alloc(a, sizeof(*m));
    if (m == NULL)
        return ERR_NOMEM;
    ismap__liu__v1__plan_certificate__init(m);
    Ismap__Liu__V1__PlanCover *c = MESSAGES(a, m, covers, k->n_covers, Ismap__Liu__V1__PlanCover);
    int32_t *years = arena_alloc(a, (k->n_covers * PLAN_YEARS_MAX + 1) * sizeof(*years));
    if (c == NULL || years == NULL)
        return ERR_NOMEM;
    m->heaviest_year = k->heaviest_year;
    m->heaviest_hours = k->heaviest_hours;
    m->lightest_hours = k->lightest_hours;
    m->bound_hours = k->bound_hours;
    m->gap_hours = k->gap_hours;
    m->total_hours = k->total_hours;
    m->domain_spread = k->domain_spread;
    m->spread_squares = k->spread_squares;
    m->moves = k->moves;
    m->overdue = k->overdue;
    m->spread_bound = k->spread_bound;
    m->moves_bound = k->moves_bound;
    m->proved = k->proved;
    int32_t base = audit_record_first_year(plan) - 1;
    for (size_t i = 0; i < k->n_covers; i++) {
        ismap__liu__v1__plan_cover__init(&c[i]);
        c[i].control_id = text(a, k->covers[i].control_id);
        c[i].party = (Ismap__Liu__V1__AuditParty)k->covers[i].party;
        c[i].last_year = k->covers[i].last_year;
        c[i].due_year = k->covers[i].due_year;
        c[i].overdue = k->covers[i].overdue;
        c[i].years = &years[i * PLAN_YEARS_MAX];
        for (int32_t y = 1; y <= PLAN_YEARS_MAX; y++)
            if ((k->covers[i].years >> y) & 1u)
                c[i].years[c[i].n_years++] = base + y;
        m->covers[m->n_covers++] = &c[i];
    }
    plan->certificate = m;
    return ERR_OK;
}

enum err audit_record_put_moves(struct arena *a, const struct plan *p,
                                Ismap__Liu__V1__AuditPlan *plan)
{
    Ismap__Liu__V1__PlanMove *m = MESSAGES(a, plan, moves, p->n_moves, Ismap__Liu__V1__PlanMove);
    if (m == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < p->n_moves; i++) {
        ismap__liu__v1__plan_move__init(&m[i]);
        m[i].control_id = text(a, p->moves[i].control_id);
        m[i].party = (Ismap__Liu__V1__AuditParty)p->moves[i].party;
        m[i].from_year = p->moves[i].from_year;
        m[i].to_year = p->moves[i].to_year;
        m[i].reason = text(a, p->moves[i].rule);
        m[i].cause = (Ismap__Liu__V1__PlanCause)p->moves[i].cause;
        plan->moves[plan->n_moves++] = &m[i];
    }
    return ERR_OK;
}

/* ---- and back */

/* Rows of the core for the n messages of a list; never NULL for want of entries. */
#define ROWS(a, n, type) arena_alloc((a), ((n) + 1) * sizeof(type))

static enum err get_scope(struct arena *a, const Ismap__Liu__V1__PlanBasis *m,
                          struct plan_input *in)
{
    struct plan_excluded *x = ROWS(a, m->n_excluded, *x);
    struct plan_inherited *h = ROWS(a, m->n_inherited, *h);
    struct plan_trigger *t = ROWS(a, m->n_triggers, *t);
    struct plan_operator *o = ROWS(a, m->n_operators, *o);
    if (x == NULL || h == NULL || t == NULL || o == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < m->n_excluded; i++)
        x[i] = (struct plan_excluded){m->excluded[i]->control_id, m->excluded[i]->reason};
    for (size_t i = 0; i < m->n_inherited; i++)
        h[i] = (struct plan_inherited){m->inherited[i]->control_id, m->inherited[i]->base_number,
                                       m->inherited[i]->lapsed_year};
    for (size_t i = 0; i < m->n_triggers; i++)
        t[i] = (struct plan_trigger){m->triggers[i]->control_id,
                                     (enum plan_cause)m->triggers[i]->cause, m->triggers[i]->year,
                                     m->triggers[i]->ref};
    for (size_t i = 0; i < m->n_operators; i++)
        o[i] = (struct plan_operator){m->operators[i]->control_id, m->operators[i]->person};
    in->excluded = x;
    in->n_excluded = m->n_excluded;
    in->inherited = h;
    in->n_inherited = m->n_inherited;
    in->triggers = t;
    in->n_triggers = m->n_triggers;
    in->operators = o;
    in->n_operators = m->n_operators;
    in->auditors = (const char *const *)m->auditors;
    in->n_auditors = m->n_auditors;
    return ERR_OK;
}

enum err audit_record_basis(struct arena *a, const Ismap__Liu__V1__AuditPlan *plan,
                            struct plan_input *in)
{
    const Ismap__Liu__V1__PlanBasis *m = plan->basis;
    in->first_year = audit_record_first_year(plan);
    if (m == NULL)
        return ERR_OK;
    struct plan_history *h = ROWS(a, m->n_history, *h);
    struct plan_before *b = ROWS(a, m->n_previous, *b);
    if (h == NULL || b == NULL)
        return ERR_NOMEM;
    in->open_year = m->open_year;
    in->cycle_first_year = m->cycle_first_year;
    in->special_measure = m->special_measure != 0;
    in->special_used = m->special_used != 0;
    if (m->applied_on[0] != '\0' && date_parse(m->applied_on, &in->applied_day) != ERR_OK)
        return ERR_INVAL;
    for (size_t i = 0; i < m->n_history; i++)
        h[i] = (struct plan_history){.id = m->history[i]->control_id,
                                     .party = (enum plan_party)m->history[i]->party,
                                     .year = m->history[i]->year,
                                     .result = (enum plan_result)m->history[i]->result,
                                     .mode = (enum plan_mode)m->history[i]->mode};
    for (size_t i = 0; i < m->n_previous; i++)
        b[i] = (struct plan_before){m->previous[i]->control_id,
                                    (enum plan_party)m->previous[i]->party, m->previous[i]->year};
    in->history = h;
    in->n_history = m->n_history;
    in->before = b;
    in->n_before = m->n_previous;
    return get_scope(a, m, in);
}

enum err audit_record_before(struct arena *a, const Ismap__Liu__V1__AuditPlan *plan,
                             struct plan_input *in)
{
    struct plan_before *b = ROWS(a, plan->n_items, *b);
    if (b == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < plan->n_items; i++)
        b[i] =
            (struct plan_before){plan->items[i]->control_id, (enum plan_party)plan->items[i]->party,
                                 audit_record_first_year(plan) + (int32_t)plan->items[i]->year - 1};
    in->before = b;
    in->n_before = plan->n_items;
    in->cycle_first_year = plan->basis != NULL && plan->basis->cycle_first_year != 0
                               ? plan->basis->cycle_first_year
                               : audit_record_first_year(plan);
    return ERR_OK;
}

enum err audit_record_certificate(struct arena *a, const Ismap__Liu__V1__AuditPlan *plan,
                                  struct plan_certificate *k)
{
    const Ismap__Liu__V1__PlanCertificate *m = plan->certificate;
    *k = (struct plan_certificate){0};
    if (m == NULL)
        return ERR_NOT_FOUND;
    k->covers = ROWS(a, m->n_covers, *k->covers);
    if (k->covers == NULL)
        return ERR_NOMEM;
    k->heaviest_year = m->heaviest_year;
    k->heaviest_hours = m->heaviest_hours;
    k->lightest_hours = m->lightest_hours;
    k->bound_hours = m->bound_hours;
    k->gap_hours = m->gap_hours;
    k->total_hours = m->total_hours;
    k->domain_spread = m->domain_spread;
    k->spread_squares = m->spread_squares;
    k->moves = m->moves;
    k->overdue = m->overdue;
    k->spread_bound = m->spread_bound;
    k->moves_bound = m->moves_bound;
    k->proved = m->proved;
    k->n_covers = m->n_covers;
    for (size_t i = 0; i < m->n_covers; i++) {
        const Ismap__Liu__V1__PlanCover *f = m->covers[i];
        k->covers[i] = (struct plan_cover){.control_id = f->control_id,
                                           .party = (enum plan_party)f->party,
                                           .last_year = f->last_year,
                                           .due_year = f->due_year,
                                           .overdue = f->overdue != 0};
        for (size_t j = 0; j < f->n_years; j++) {
            int64_t y = (int64_t)f->years[j] - audit_record_first_year(plan) + 1;
            if (y < 1 || y > PLAN_YEARS_MAX)
                return ERR_INVAL;
            k->covers[i].years |= 1u << y;
        }
    }
    return ERR_OK;
}

enum err audit_record_get_moves(struct arena *a, const Ismap__Liu__V1__AuditPlan *plan,
                                struct plan *out)
{
    out->moves = ROWS(a, plan->n_moves, *out->moves);
    if (out->moves == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < plan->n_moves; i++) {
        const Ismap__Liu__V1__PlanMove *m = plan->moves[i];
        out->moves[i] = (struct plan_move){.control_id = m->control_id,
                                           .party = (enum plan_party)m->party,
                                           .from_year = m->from_year,
                                           .to_year = m->to_year,
                                           .rule = m->reason,
                                           .cause = (enum plan_cause)m->cause};
    }
    out->n_moves = plan->n_moves;
    return ERR_OK;
}
