/* Checks a plan against the rules' own words. Nothing here comes from the planner, and nothing may.
 */
#include "services/audit/core/plan_proof.h"

#include <string.h>

struct checker {
    struct proof p;
    struct audit_faults *faults;
};

static void fault(struct checker *c, const char *id, const char *rule, const char *ja,
                  const char *en)
{
    audit_fault_add(c->faults, c->p.arena, 0, id, rule, ja, en);
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

/* Reason, mode and hours of one item. */
static void check_words(struct checker *c, const struct plan_item *item, size_t i, unsigned n)
{
    const struct proof_side *s = &c->p.controls[i].sides[n];
    const char *id = item->control_id;
    bool past = ((s->history >> item->year) & 1u) != 0 && item->year <= c->p.open;
    bool caused = !past && s->cause != PLAN_NO_CAUSE &&
                  (item->year == s->must || (s->in_turn && item->year == s->turn));
    const char *rule = !caused ? s->rule : s->cause == PLAN_BASE_LAPSED ? "R70" : "R66";
    if (!same_text(item->rule, rule) || item->cause != (caused ? s->cause : PLAN_NO_CAUSE) ||
        !same_text(item->ref, caused ? s->ref : NULL))
        fault(c, id, rule, "根拠が違います", "wrong reason");
    if (item->mode != proof_mode(&c->p, i, n, item->year))
        fault(c, id, "R67", "監査の方法が違います", "wrong mode of audit");
    if (item->hours != proof_hours(&c->p, i, n, proof_mode(&c->p, i, n, item->year)))
        fault(c, id, "R71", "工数が違います", "wrong hours");
}

static void check_item(struct checker *c, size_t k, uint32_t *seen)
{
    const struct plan_item *item = &c->p.plan->items[k];
    const struct catalogue_item *it = catalogue_find(c->p.in->catalogue, item->control_id);
    if (it == NULL || item->year < 1 || item->year > c->p.years) {
        fault(c, item->control_id, "R60", "一覧にない管理策か、計画の外の年です",
              "not in the catalogue, or a year outside the plan");
        return;
    }
    if (item->party != PLAN_EXTERNAL && item->party != PLAN_INTERNAL) {
        fault(c, it->id, "R68", "監査の主体が不明です", "audited by neither party");
        return;
    }
    unsigned n = item->party == PLAN_EXTERNAL ? 0 : 1;
    size_t i = (size_t)(it - c->p.in->catalogue->items);
    const struct proof_control *ctl = &c->p.controls[i];
    const struct proof_side *s = &ctl->sides[n];
    if ((seen[2 * i + n] >> item->year) & 1u)
        fault(c, it->id, s->rule, "同じ年に二度あります", "twice in the same year");
    seen[2 * i + n] |= 1u << item->year;
    bool past = ((s->history >> item->year) & 1u) != 0 && item->year <= c->p.open;
    if (!past && !ctl->in_scope)
        fault(c, it->id, ctl->inherited ? "R70" : "R64", "評価の対象でない管理策です",
              "this control is not to be audited");
    else if (!past && !s->every_year && !s->in_turn && item->year != s->must)
        fault(c, it->id,
              n == 1                           ? "R68"
              : it->tier == CATALOGUE_CONTROLS ? "R63"
                                               : "R62",
              "この監査の対象ではありません", "does not belong to this audit");
    check_words(c, item, i, n);
}

/* By year, external first, then in the catalogue's order: one plan has one text. */
static void check_order(struct checker *c)
{
    uint64_t last = 0;
    for (size_t k = 0; k < c->p.plan->n; k++) {
        const struct plan_item *item = &c->p.plan->items[k];
        const struct catalogue_item *it = catalogue_find(c->p.in->catalogue, item->control_id);
        uint64_t i = it == NULL ? 0 : (uint64_t)(it - c->p.in->catalogue->items);
        uint64_t key = (uint64_t)item->year << 40 | (uint64_t)item->party << 32 | i;
        if (key < last) {
            fault(c, item->control_id, "R65", "明細の順序が違います", "items out of order");
            return;
        }
        last = key;
    }
}

/* The turn is in time, and comes again each period: in every window of it, and not more often. */
static void check_turns(struct checker *c, const char *id, const struct proof_side *s, unsigned n)
{
    uint32_t planned = s->items & proof_span(s->turn, c->p.years) & proof_span(c->p.open, 31);
    if (s->latest == 0 ? s->turn != 0 : s->turn == 0) {
        fault(c, id, s->rule, "周期の中の回数が違います", "wrong number of times within the cycle");
        return;
    }
    if (s->turn == 0)
        return;
    uint32_t want = 0;
    for (uint32_t y = s->turn; y <= c->p.years; y += proof_period(&c->p, n))
        want |= 1u << y;
    if (planned != want)
        fault(c, id, s->rule, "周期の中の回数が違います", "wrong number of times within the cycle");
    if (s->turn < s->earliest || s->turn > s->latest)
        fault(c, id, s->cause != PLAN_NO_CAUSE ? "R66" : s->rule, "監査すべき年に監査されません",
              "not audited in the years in which it is due");
}

static void check_control(struct checker *c, size_t i)
{
    const char *id = c->p.in->catalogue->items[i].id;
    uint32_t closed = proof_span(1, c->p.open - 1);
    for (unsigned n = 0; n < 2; n++) {
        const struct proof_side *s = &c->p.controls[i].sides[n];
        uint32_t now = 1u << c->p.open;
        if ((s->items & closed) != (s->history & closed) || (s->history & now & ~s->items) != 0)
            fault(c, id, "R65", "実績と違います", "the past is not as it was audited");
        if (s->every_year && (proof_span(c->p.open, c->p.years) & ~s->items) != 0)
            fault(c, id, s->rule, "毎年の監査から漏れています",
                  "missing from the audit of some year");
        if (s->must != 0 && !s->in_turn && ((s->items >> s->must) & 1u) == 0)
            fault(c, id, "R66", "臨時の監査が漏れています",
                  "what happened to it asks for an audit that is missing");
        if (s->in_turn)
            check_turns(c, id, s, n);
    }
}

/* R63, R68: the turns of a party are as even as due years allow: no turn can go, by itself or by
 * pushing others on, to a year that has two fewer. Ceilings may demand otherwise. */
static void check_even(struct checker *c, unsigned n)
{
    uint32_t turns[PROOF_YEARS] = {0};
    bool reach[PROOF_YEARS][PROOF_YEARS] = {{false}};
    for (size_t i = 0; i < c->p.in->catalogue->n; i++) {
        const struct proof_side *s = &c->p.controls[i].sides[n];
        if (!s->in_turn || s->turn == 0)
            continue;
        turns[s->turn]++;
        for (uint32_t y = s->earliest; y <= s->latest; y++)
            reach[s->turn][y] = true;
    }
    for (uint32_t k = 1; k <= c->p.years; k++)
        for (uint32_t y = 1; y <= c->p.years; y++)
            for (uint32_t z = 1; z <= c->p.years; z++)
                reach[y][z] |= reach[y][k] && reach[k][z];
    for (uint32_t y = 1; y <= c->p.years; y++)
        for (uint32_t z = 1; z <= c->p.years; z++)
            if (reach[y][z] && turns[y] >= turns[z] + 2) {
                fault(c, "loads", n == 0 ? "R63" : "R68",
                      "年ごとの件数の差を縮められるのに縮めていません",
                      "the counts of the years differ by more than due years ask");
                return;
            }
}

static void check_ceilings(struct checker *c, const struct plan_load *loads)
{
    for (size_t k = 0; k < c->p.in->policy->n_ceilings; k++) {
        const struct plan_ceiling *cap = &c->p.in->policy->ceilings[k];
        for (uint32_t y = c->p.open; y <= c->p.years; y++) {
            uint64_t h = 0;
            h += cap->party != PLAN_INTERNAL ? loads[y - 1].external_hours : 0;
            h += cap->party != PLAN_EXTERNAL ? loads[y - 1].internal_hours : 0;
            if ((cap->year == 0 || cap->year == c->p.in->first_year + (int32_t)y - 1) &&
                h > cap->hours)
                fault(c, "ceilings", "R71", "上限を超えています", "above a ceiling");
        }
    }
}

static void check_loads(struct checker *c)
{
    const struct plan *plan = c->p.plan;
    struct plan_load want[PLAN_YEARS_MAX] = {{0}};
    for (uint32_t y = 0; y < plan->years; y++)
        want[y].year = y + 1;
    for (size_t k = 0; k < plan->n; k++) {
        const struct plan_item *item = &plan->items[k];
        const struct catalogue_item *it = catalogue_find(c->p.in->catalogue, item->control_id);
        if (it == NULL || item->year < 1 || item->year > plan->years)
            continue;
        struct plan_load *w = &want[item->year - 1];
        bool external = item->party == PLAN_EXTERNAL;
        w->external_items += external;
        w->external_hours += external ? item->hours : 0;
        w->internal_items += !external;
        w->internal_hours += external ? 0 : item->hours;
        w->governance += external && it->tier == CATALOGUE_GOVERNANCE;
        w->management += external && it->tier == CATALOGUE_MANAGEMENT;
        w->important += external && it->tier == CATALOGUE_CONTROLS;
    }
    for (uint32_t y = 0; y < plan->years; y++)
        if (memcmp(&want[y], &plan->loads[y], sizeof(want[y])) != 0)
            fault(c, "loads", "R71", "年ごとの集計が明細と合いません",
                  "the table of loads does not agree with the items");
    check_ceilings(c, want);
}

static bool operates(const struct checker *c, const char *person, const struct catalogue_item *it)
{
    for (size_t k = 0; k < c->p.in->n_operators; k++) {
        const struct plan_operator *o = &c->p.in->operators[k];
        const struct catalogue_item *of = catalogue_find(c->p.in->catalogue, o->id);
        if (of == NULL || strcmp(o->person, person) != 0)
            continue;
        size_t n = of->objective || it->objective ? 3 : 4;
        if (memcmp(of->numbers, it->numbers, n * sizeof(it->numbers[0])) == 0)
            return true;
    }
    return false;
}

static void check_auditor(struct checker *c, const struct plan_item *item)
{
    const struct catalogue_item *it = catalogue_find(c->p.in->catalogue, item->control_id);
    bool needed =
        item->party == PLAN_INTERNAL && item->year >= c->p.open && c->p.in->n_auditors > 0;
    bool known = false;
    if (item->auditor == NULL || item->auditor[0] == '\0') {
        if (needed)
            fault(c, item->control_id, "R69", "監査人が割り当てられていません",
                  "nobody is assigned to audit it");
        return;
    }
    for (size_t k = 0; k < c->p.in->n_auditors; k++)
        known |= strcmp(c->p.in->auditors[k], item->auditor) == 0;
    if (!needed || !known)
        fault(c, item->control_id, "R69", "知らない監査人です", "an auditor that was not named");
    if (it != NULL && operates(c, item->auditor, it))
        fault(c, item->control_id, "R69", "監査人が自ら運用する管理策です",
              "the auditor operates this control");
}

/* The report of moves says all that differs from the plan before, and nothing else. */
static enum err check_moves(struct checker *c)
{
    const struct catalogue *cat = c->p.in->catalogue;
    uint32_t *gone = arena_alloc(c->p.arena, 2 * cat->n * sizeof(*gone));
    uint32_t *come = arena_alloc(c->p.arena, 2 * cat->n * sizeof(*come));
    if (gone == NULL || come == NULL)
        return ERR_NOMEM;
    for (size_t k = 0; k < c->p.plan->n_moves; k++) {
        const struct plan_move *m = &c->p.plan->moves[k];
        const struct catalogue_item *it = catalogue_find(cat, m->control_id);
        if (it == NULL)
            continue;
        size_t at = 2 * (size_t)(it - cat->items) + (m->party == PLAN_EXTERNAL ? 0 : 1);
        int64_t from = (int64_t)m->from_year - c->p.in->first_year + 1;
        int64_t to = (int64_t)m->to_year - c->p.in->first_year + 1;
        gone[at] |= m->from_year != 0 && from >= 0 && from < 32 ? 1u << from : 0;
        come[at] |= m->to_year != 0 && to >= 0 && to < 32 ? 1u << to : 0;
    }
    for (size_t i = 0; i < cat->n; i++)
        for (unsigned n = 0; n < 2; n++) {
            const struct proof_side *s = &c->p.controls[i].sides[n];
            uint32_t open = proof_span(c->p.open, c->p.years);
            if (gone[2 * i + n] != (s->before & open & ~s->items) ||
                come[2 * i + n] != (s->items & c->p.before_years & ~s->before))
                fault(c, cat->items[i].id, "R65", "前の計画との違いの記載が違います",
                      "what moved against the plan before is told wrongly");
        }
    return ERR_OK;
}

static bool check_years(struct checker *c)
{
    const struct plan_policy *policy = c->p.in->policy;
    uint32_t longer = policy->rotation_years > policy->internal_cycle_years
                          ? policy->rotation_years
                          : policy->internal_cycle_years;
    uint32_t years = c->p.plan->years;
    int64_t open =
        c->p.in->open_year == 0 ? 1 : (int64_t)c->p.in->open_year - c->p.in->first_year + 1;
    if (c->p.in->cycle_first_year > c->p.in->first_year) {
        fault(c, "cycle_first_year", "R68", "周期の最初の年が計画の最初の年より後です",
              "the cycle's first year is after the plan's first year");
        return false;
    }
    if (years == longer && years >= 1 && years <= PLAN_YEARS_MAX && policy->rotation_years > 0 &&
        policy->internal_cycle_years > 0 && open >= 1 && open <= years)
        return true;
    fault(c, "years", "R63", "計画の年数が違います", "wrong number of years");
    return false;
}

enum err audit_plan_check(struct arena *a, const struct plan_input *in, const struct plan *p,
                          struct audit_faults *faults)
{
    struct checker c = {.p = {.arena = a, .in = in, .plan = p}, .faults = faults};
    size_t before = faults->n;
    if (!check_years(&c))
        return ERR_INVAL;
    uint32_t *seen = arena_alloc(a, 2 * in->catalogue->n * sizeof(*seen));
    if (seen == NULL || proof_read(&c.p) != ERR_OK)
        return ERR_NOMEM;
    for (size_t k = 0; k < p->n; k++) {
        check_item(&c, k, seen);
        check_auditor(&c, &p->items[k]);
    }
    check_order(&c);
    for (size_t i = 0; i < in->catalogue->n; i++)
        check_control(&c, i);
    if (in->policy->n_ceilings == 0) {
        check_even(&c, 0);
        check_even(&c, 1);
    }
    check_loads(&c);
    if (in->n_before > 0 && check_moves(&c) == ERR_NOMEM)
        return ERR_NOMEM;
    return faults->n == before ? ERR_OK : ERR_INVAL;
}
