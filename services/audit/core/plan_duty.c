/* From the input to duties: who audits what at all, by when. Contradictions are refused here. */
#include "services/audit/core/plan_duty.h"

#include <string.h>

void plan_fault(struct plan_work *w, const char *field, const char *rule, const char *ja,
                const char *en)
{
    audit_fault_add(w->faults, w->arena, 0, field, rule, ja, en);
}

uint32_t plan_period(const struct plan_work *w, unsigned side)
{
    return side == 0 ? w->in->policy->rotation_years : w->in->policy->internal_cycle_years;
}

static size_t index_of(const struct plan_work *w, const struct catalogue_item *it)
{
    return (size_t)(it - w->in->catalogue->items);
}

static const struct catalogue_item *find(const struct plan_work *w, const char *id)
{
    return catalogue_find(w->in->catalogue, id);
}

/* First control behind the one at i that does not hang below it. */
static size_t end_below(const struct plan_work *w, size_t i)
{
    const struct catalogue *c = w->in->catalogue;
    bool objective = c->items[i].objective;
    for (i++; objective && i < c->n && !c->items[i].objective; i++)
        ;
    return i;
}

static void check_years(struct plan_work *w)
{
    const struct plan_policy *p = w->in->policy;
    if (w->in->catalogue->n == 0)
        plan_fault(w, "catalogue", "R60", "管理基準に管理策がありません",
                   "the catalogue has no control at all");
    if (p->rotation_years == 0 || p->rotation_years > PLAN_YEARS_MAX)
        plan_fault(w, "rotation_years", "R63", "年数は 1 から 10 までです",
                   "must be 1 to 10 years");
    if (p->internal_cycle_years == 0 || p->internal_cycle_years > PLAN_YEARS_MAX)
        plan_fault(w, "internal_cycle_years", "R68", "年数は 1 から 10 までです",
                   "must be 1 to 10 years");
    w->years =
        p->rotation_years > p->internal_cycle_years ? p->rotation_years : p->internal_cycle_years;
    int64_t open = w->in->open_year == 0 ? 1 : (int64_t)w->in->open_year - w->in->first_year + 1;
    if (open < 1 || open > w->years)
        plan_fault(w, "open_year", "R65", "計画できる最初の年が計画の期間の外です",
                   "the first year that can be planned lies outside the plan");
    if (w->in->cycle_first_year > w->in->first_year)
        plan_fault(w, "cycle_first_year", "R68", "周期の最初の年が計画の最初の年より後です",
                   "the cycle's first year is after the plan's first year");
    w->open = (uint32_t)(open < 1 || open > w->years ? 1 : open);
}

static void check_hours(struct plan_work *w)
{
    const struct plan_policy *p = w->in->policy;
    bool ok = p->hours_external <= PLAN_HOURS_MAX && p->hours_internal <= PLAN_HOURS_MAX;
    for (size_t k = 0; k < p->n_effort; k++)
        ok = ok && p->effort[k].design_hours <= PLAN_HOURS_MAX &&
             p->effort[k].operating_hours <= PLAN_HOURS_MAX;
    if (!ok)
        plan_fault(w, "hours", "R71", "1 項目の工数は 10000 時間までです",
                   "an item takes at most 10000 hours");
    for (size_t k = 0; k < p->n_ceilings; k++)
        for (size_t j = 0; j < k; j++)
            if (p->ceilings[j].year == p->ceilings[k].year &&
                p->ceilings[j].party == p->ceilings[k].party)
                plan_fault(w, arena_printf(w->arena, "ceilings[%zu]", k), "R71",
                           "同じ年と主体の上限が二つあります",
                           "a second ceiling for the same year and party");
}

/* R67: once a service, and only for applications up to a day. */
static void check_special(struct plan_work *w)
{
    const struct plan_policy *p = w->in->policy;
    if (!w->in->special_measure)
        return;
    w->special = true;
    if (!p->special_measure_offered)
        plan_fault(w, "special_measure", "R67", "特例措置はこの規則にありません",
                   "the rulebook offers no special measure");
    else if (w->in->applied_day > p->special_until_day)
        plan_fault(w, "special_measure", "R67", "特例措置の申請期限を過ぎています",
                   "applied for after the last day of the special measure");
    if (w->in->special_used)
        plan_fault(w, "special_measure", "R67", "特例措置は一つのサービスに一度だけです",
                   "the service has had the special measure before");
}

static void exclude(struct plan_work *w)
{
    for (size_t k = 0; k < w->in->n_excluded; k++) {
        const struct plan_excluded *x = &w->in->excluded[k];
        const struct catalogue_item *it = find(w, x->id);
        if (it == NULL || it->tier != CATALOGUE_CONTROLS) {
            plan_fault(w, x->id, "R64", "除外できる管理策基準の管理策ではありません",
                       "not a control of the controls tier, so it cannot be excluded");
            continue;
        }
        if (x->reason == NULL || x->reason[0] == '\0')
            plan_fault(w, x->id, "R64", "除外の理由がありません",
                       "excluded without a justification");
        size_t end = end_below(w, index_of(w, it));
        for (size_t i = index_of(w, it); i < end; i++)
            w->duties[i].excluded = true;
    }
}

static void inherit(struct plan_work *w)
{
    for (size_t k = 0; k < w->in->n_inherited; k++) {
        const struct plan_inherited *x = &w->in->inherited[k];
        const struct catalogue_item *it = find(w, x->id);
        if (it == NULL || it->tier != CATALOGUE_CONTROLS) {
            plan_fault(w, x->id, "R70", "引き継げる管理策基準の管理策ではありません",
                       "not a control of the controls tier, so it cannot be inherited");
            continue;
        }
        if (x->base == NULL || x->base[0] == '\0')
            plan_fault(w, x->id, "R70", "基盤サービスの登録番号がありません",
                       "inherited without the number of the base service");
        if (w->duties[index_of(w, it)].excluded)
            plan_fault(w, x->id, "R70", "除外した管理策は引き継げません",
                       "both excluded and inherited");
        size_t end = end_below(w, index_of(w, it));
        for (size_t i = index_of(w, it); i < end; i++)
            w->duties[i].inherited |= x->lapsed_year == 0;
    }
}

static void set_important(struct plan_work *w)
{
    const struct plan_policy *policy = w->in->policy;
    for (size_t k = 0; k < policy->n_important; k++) {
        const struct plan_important *im = &policy->important[k];
        const struct catalogue_item *it = find(w, im->id);
        if (it == NULL) {
            plan_fault(w, im->id, "R63", "重要な管理策が管理基準の一覧にありません",
                       "this important control is not in the catalogue");
        } else if (it->tier != CATALOGUE_CONTROLS) {
            plan_fault(w, im->id, "R63", "重要な管理策は管理策基準から選びます",
                       "important controls are chosen from the controls tier");
        } else if (w->duties[index_of(w, it)].important) {
            plan_fault(w, im->id, "R63", "重要な管理策が二度挙げられています",
                       "this important control is named twice");
        } else {
            struct plan_duty *d = &w->duties[index_of(w, it)];
            d->important = true;
            d->sides[0].annual = im->annual;
            d->sides[0].rotates = !im->annual;
        }
    }
}

static void set_duties(struct plan_work *w)
{
    const struct catalogue *c = w->in->catalogue;
    bool all_tiers = w->in->policy->internal_all_tiers;
    for (size_t i = 0; i < c->n; i++) {
        const struct catalogue_item *it = &c->items[i];
        struct plan_duty *d = &w->duties[i];
        struct plan_side *external = &d->sides[0];
        struct plan_side *internal = &d->sides[1];
        bool every_year = it->tier != CATALOGUE_CONTROLS && !it->objective;
        internal->rotates = it->objective && (all_tiers || it->tier == CATALOGUE_CONTROLS);
        internal->rule = internal->rotates ? "R68" : "R66";
        external->annual |= every_year;
        external->rule = every_year ? "R62" : d->important ? "R63" : "R66";
        d->adopted = !it->not_assessed && !d->excluded && !d->inherited;
        for (unsigned s = 0; s < 2; s++) {
            d->sides[s].annual &= d->adopted;
            d->sides[s].rotates &= d->adopted;
            d->sides[s].last = PLAN_NEVER;
            d->sides[s].adopted = PLAN_NEVER;
        }
    }
}

static bool concerns(enum plan_party party, unsigned side)
{
    return party == PLAN_ANY_PARTY || PLAN_SIDE(party) == side;
}

static bool has_tier(enum catalogue_tier said, int tier)
{
    return said == CATALOGUE_NO_TIER || (int)said == tier;
}

static void take_effort(struct plan_work *w, const struct plan_effort *e, unsigned side)
{
    const struct catalogue_item *it = e->id == NULL ? NULL : find(w, e->id);
    if (it != NULL)
        w->duties[index_of(w, it)].sides[side].effort = e;
    for (int t = CATALOGUE_GOVERNANCE; e->id == NULL && t < CATALOGUE_TIERS; t++)
        if (has_tier(e->tier, t))
            w->tier_effort[t][side] = e;
}

static void take_mode(struct plan_work *w, const struct plan_mode_rule *m, unsigned side)
{
    for (int t = CATALOGUE_GOVERNANCE; t < CATALOGUE_TIERS; t++)
        if (has_tier(m->tier, t))
            w->tier_mode[t][side] = m->mode;
}

/* From the last row to the first: the first that fits stays. */
static void set_effort(struct plan_work *w)
{
    const struct plan_policy *p = w->in->policy;
    for (size_t k = p->n_effort; k-- > 0;) {
        if (p->effort[k].id != NULL && find(w, p->effort[k].id) == NULL)
            plan_fault(w, p->effort[k].id, "R71", "工数の管理策が管理基準の一覧にありません",
                       "effort is given for a control that is not in the catalogue");
        for (unsigned side = 0; side < 2; side++)
            if (concerns(p->effort[k].party, side))
                take_effort(w, &p->effort[k], side);
    }
    for (size_t k = p->n_modes; k-- > 0;)
        for (unsigned side = 0; side < 2; side++)
            if (concerns(p->modes[k].party, side))
                take_mode(w, &p->modes[k], side);
}

/* Year of the plan of a civil year. */
static int64_t year_of(const struct plan_work *w, int32_t civil)
{
    return (int64_t)civil - w->in->first_year + 1;
}

static void read_history(struct plan_work *w)
{
    for (size_t k = 0; k < w->in->n_history; k++) {
        const struct plan_history *h = &w->in->history[k];
        const struct catalogue_item *it = find(w, h->id);
        int64_t y = year_of(w, h->year);
        if (it == NULL || y > w->open || y < INT32_MIN + 1 || h->result == PLAN_SKIPPED)
            continue;
        struct plan_side *s = &w->duties[index_of(w, it)].sides[PLAN_SIDE(h->party)];
        if (y >= s->last) {
            s->failed = h->result == PLAN_FAILED || (y == s->last && s->failed);
            s->last = (int32_t)y;
        }
        if (y < 1)
            continue;
        s->done |= 1u << y;
        s->done_modes[0] |= h->mode == PLAN_DESIGN || h->mode == PLAN_BOTH ? 1u << y : 0;
        s->done_modes[1] |= h->mode == PLAN_OPERATING || h->mode == PLAN_BOTH ? 1u << y : 0;
    }
}

static void read_before(struct plan_work *w)
{
    for (size_t k = 0; k < w->in->n_before; k++) {
        const struct plan_before *b = &w->in->before[k];
        int64_t y = year_of(w, b->year);
        if (y < w->open || y > w->years)
            continue;
        w->before_years |= 1u << y;
        const struct catalogue_item *it = find(w, b->id);
        if (it != NULL)
            w->duties[index_of(w, it)].sides[PLAN_SIDE(b->party)].before |= 1u << y;
    }
}

/* Something happened in `year`: audited in the first open year after which it counts as resolved.
 */
static void force(struct plan_work *w, struct plan_side *s, enum plan_cause cause, int64_t year,
                  const char *ref)
{
    if (s->last != PLAN_NEVER && s->last > year)
        return;
    uint32_t to = w->open;
    if (year > to)
        to = year > w->years ? w->years + 1 : (uint32_t)year;
    if (to <= w->years && ((s->done >> to) & 1u) != 0)
        to++;
    if (to > w->years || s->annual || (s->forced != 0 && s->forced <= to))
        return;
    s->forced = to;
    s->cause = cause;
    s->ref = ref;
}

/* A notice, a finding or an incident. R66 */
static void pull(struct plan_work *w, const struct plan_trigger *t)
{
    const struct catalogue_item *it = find(w, t->id);
    if (it == NULL || !w->duties[index_of(w, it)].adopted)
        return;
    struct plan_duty *d = &w->duties[index_of(w, it)];
    int64_t year = year_of(w, t->year);
    bool soft = t->cause == PLAN_CHANGED || t->cause == PLAN_ADOPTED;
    for (unsigned s = 0; s < 2; s++) {
        bool touches = s == 0 ? !it->objective || d->important : it->objective;
        if (t->cause == PLAN_ADOPTED && year > d->sides[s].adopted)
            d->sides[s].adopted = (int32_t)year;
        if (touches && (!soft || w->in->policy->force_on_change))
            force(w, &d->sides[s], t->cause, year, t->ref);
    }
}

/* The listing of the base service is over. R70 */
static void pull_lapsed(struct plan_work *w, const struct plan_inherited *x)
{
    const struct catalogue_item *it = find(w, x->id);
    if (it == NULL || x->lapsed_year == 0)
        return;
    size_t end = end_below(w, index_of(w, it));
    for (size_t i = index_of(w, it); i < end; i++)
        for (unsigned s = 0; s < 2; s++)
            if (w->duties[i].sides[s].rotates)
                force(w, &w->duties[i].sides[s], PLAN_BASE_LAPSED, year_of(w, x->lapsed_year),
                      x->base);
}

static void pull_triggers(struct plan_work *w)
{
    for (size_t k = 0; k < w->in->n_triggers; k++)
        pull(w, &w->in->triggers[k]);
    for (size_t k = 0; k < w->in->n_inherited; k++)
        pull_lapsed(w, &w->in->inherited[k]);
    for (size_t i = 0; i < w->in->catalogue->n; i++)
        for (unsigned s = 0; s < 2; s++) {
            struct plan_side *side = &w->duties[i].sides[s];
            if (side->failed && w->duties[i].adopted)
                force(w, side, PLAN_FAILED_AUDIT, side->last, NULL);
        }
}

/* Sliding: by `period` years after the last audit; of what was never audited, after the year before
 * the cycle began or the party audited anything, or the year before it was adopted. */
static int64_t due_sliding(const struct plan_side *s, int64_t first, uint32_t period)
{
    int64_t last = s->last != PLAN_NEVER ? s->last : first - 1;
    if (s->last == PLAN_NEVER && s->adopted != PLAN_NEVER && s->adopted - 1 > last)
        last = s->adopted - 1;
    return last + period;
}

/* The year of the plan, perhaps before it, in which the first plan of the service began. */
static int64_t cycle_start(const struct plan_work *w)
{
    return w->in->cycle_first_year == 0 ? 1 : year_of(w, w->in->cycle_first_year);
}

/* Fixed: by the end of the period that holds the open year; at once when the period before went by
 * without; in the next period when this one has its audit. */
static int64_t due_fixed(const struct plan_work *w, const struct plan_side *s, int64_t first,
                         uint32_t period, uint32_t *from)
{
    int64_t start = cycle_start(w);
    int64_t begin = ((int64_t)w->open - start) / period * period + start;
    if (s->last != PLAN_NEVER && s->last >= begin) {
        *from = (uint32_t)(begin + period);
        return begin + 2 * (int64_t)period - 1;
    }
    int64_t since = s->last != PLAN_NEVER ? s->last : first - 1;
    if (s->last == PLAN_NEVER && s->adopted != PLAN_NEVER && s->adopted - 1 > since)
        since = s->adopted - 1;
    return since < begin - period ? begin - 1 : begin + period - 1;
}

static void set_due(struct plan_work *w)
{
    int64_t first[2] = {cycle_start(w), cycle_start(w)};
    for (size_t k = 0; k < w->in->n_history; k++) {
        const struct plan_history *h = &w->in->history[k];
        int64_t y = year_of(w, h->year);
        unsigned s = PLAN_SIDE(h->party);
        if (h->result != PLAN_SKIPPED && y < first[s] && find(w, h->id) != NULL)
            first[s] = y;
    }
    for (size_t i = 0; i < w->in->catalogue->n; i++)
        for (unsigned k = 0; k < 2; k++) {
            struct plan_side *s = &w->duties[i].sides[k];
            if (!s->rotates)
                continue;
            s->from = w->open + ((s->done >> w->open) & 1u);
            int64_t due = k == 0 || w->in->policy->internal_sliding
                              ? due_sliding(s, first[k], plan_period(w, k))
                              : due_fixed(w, s, first[k], plan_period(w, k), &s->from);
            due = due < s->from ? s->from : due;
            if (s->forced != 0 && s->forced <= due) {
                s->from = s->forced;
                due = s->forced;
            } else {
                s->cause = PLAN_NO_CAUSE;
            }
            s->forced = 0;
            s->due = due > w->years ? 0 : (uint32_t)due;
        }
}

enum plan_mode plan_mode_in(const struct plan_work *w, size_t control, unsigned side, uint32_t year)
{
    const struct plan_duty *d = &w->duties[control];
    const struct plan_side *s = &d->sides[side];
    enum plan_mode mode = w->tier_mode[w->in->catalogue->items[control].tier][side];
    mode = mode == PLAN_NO_MODE ? PLAN_BOTH : mode;
    if ((s->done >> year) & 1u) {
        int said =
            (int)((s->done_modes[0] >> year) & 1u) + 2 * (int)((s->done_modes[1] >> year) & 1u);
        return said != 0 ? (enum plan_mode)said : mode;
    }
    if (s->cause != PLAN_NO_CAUSE && (year == s->turn || year == s->forced))
        return PLAN_BOTH;
    if (w->special && side == 0 && year == 1)
        return d->important && s->annual ? PLAN_BOTH : PLAN_DESIGN;
    return mode;
}

uint32_t plan_hours_in(const struct plan_work *w, size_t control, unsigned side,
                       enum plan_mode mode)
{
    const struct plan_policy *p = w->in->policy;
    const struct plan_effort *e = w->duties[control].sides[side].effort;
    uint32_t whole = side == 0 ? p->hours_external : p->hours_internal;
    if (e == NULL)
        e = w->tier_effort[w->in->catalogue->items[control].tier][side];
    if (e == NULL)
        return mode == PLAN_BOTH ? whole : (whole + 1) / 2;
    return (mode == PLAN_OPERATING ? 0 : e->design_hours) +
           (mode == PLAN_DESIGN ? 0 : e->operating_hours);
}

bool plan_is_due(const struct plan_work *w, size_t control, unsigned side, uint32_t year)
{
    const struct plan_side *s = &w->duties[control].sides[side];
    if (year <= w->open && ((s->done >> year) & 1u) != 0)
        return true;
    if (year < w->open)
        return false;
    if (s->annual || year == s->forced)
        return true;
    return s->rotates && s->due != 0 && year >= s->turn &&
           (year - s->turn) % plan_period(w, side) == 0;
}

enum err plan_duties(struct plan_work *w)
{
    const struct plan_input *in = w->in;
    size_t before = w->faults->n;
    if (in->n_history > PLAN_HISTORY_MAX || in->n_before > PLAN_HISTORY_MAX ||
        in->n_triggers > PLAN_HISTORY_MAX || in->n_operators > PLAN_HISTORY_MAX ||
        in->n_auditors > PLAN_STAFF_MAX || in->catalogue->n > PLAN_CONTROLS_MAX ||
        in->policy->n_effort > PLAN_EFFORT_MAX || in->policy->n_ceilings > PLAN_CEILINGS_MAX)
        return ERR_LIMIT;
    w->duties = arena_alloc(w->arena, in->catalogue->n * sizeof(*w->duties));
    if (w->duties == NULL)
        return ERR_NOMEM;
    check_years(w);
    check_hours(w);
    check_special(w);
    exclude(w);
    inherit(w);
    set_important(w);
    set_effort(w);
    if (w->faults->n != before)
        return ERR_INVAL;
    set_duties(w);
    read_history(w);
    read_before(w);
    pull_triggers(w);
    set_due(w);
    return ERR_OK;
}
