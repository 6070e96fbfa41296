/* Checks a plan against the rules' own words. Nothing here comes from the planner, and nothing may.
 */
#include "services/audit/core/plan.h"

#include <string.h>

/* Years as bits: bit y for year y. */
struct seen {
    uint32_t external;
    uint32_t internal;
    bool excluded;
    bool important;
    bool annual;
};

struct checker {
    struct arena *arena;
    const struct plan_input *in;
    const struct plan *plan;
    struct audit_faults *faults;
    struct seen *seen;
};

static void fault(struct checker *c, const char *id, const char *rule, const char *ja,
                  const char *en)
{
    audit_fault_add(c->faults, c->arena, 0, id, rule, ja, en);
}

/* Bits of the years first .. first + n - 1. */
static uint32_t years_from(uint32_t first, uint32_t n)
{
    return ((1u << n) - 1u) << first;
}

static uint32_t bits(uint32_t v)
{
    uint32_t n = 0;
    for (; v != 0; v &= v - 1)
        n++;
    return n;
}

static struct seen *seen_of(struct checker *c, const char *id)
{
    const struct catalogue_item *it = catalogue_find(c->in->catalogue, id);
    return it == NULL ? NULL : &c->seen[it - c->in->catalogue->items];
}

/* An id below an excluded one: 9.2.1 covers 9.2.1.6.PB, and 9.5.2.P covers 9.5.2.1.PB. */
static bool covers(const struct catalogue_item *above, const struct catalogue_item *below)
{
    size_t n = above->objective ? 3 : 4;
    return memcmp(above->numbers, below->numbers, n * sizeof(above->numbers[0])) == 0;
}

static void read_input(struct checker *c)
{
    const struct catalogue *cat = c->in->catalogue;
    for (size_t k = 0; k < c->in->n_excluded; k++) {
        const struct catalogue_item *above = catalogue_find(cat, c->in->excluded[k]);
        for (size_t i = 0; above != NULL && i < cat->n; i++)
            if (covers(above, &cat->items[i]))
                c->seen[i].excluded = true;
    }
    for (size_t k = 0; k < c->in->policy->n_important; k++) {
        struct seen *s = seen_of(c, c->in->policy->important[k].id);
        if (s == NULL)
            continue;
        s->important = true;
        s->annual = c->in->policy->important[k].annual;
    }
}

static const char *rule_for(const struct catalogue_item *it, enum plan_party party)
{
    if (party == PLAN_INTERNAL)
        return "R68";
    return it->tier == CATALOGUE_CONTROLS ? "R63" : "R62";
}

/* One item: known, allowed, not twice, with the right reason and hours. */
static void read_item(struct checker *c, const struct plan_item *item)
{
    const struct catalogue_item *it = catalogue_find(c->in->catalogue, item->control_id);
    const struct plan_policy *policy = c->in->policy;
    if (it == NULL || item->year < 1 || item->year > c->plan->years) {
        fault(c, item->control_id, "R60", "一覧にない管理策か、計画の外の年です",
              "not in the catalogue, or a year outside the plan");
        return;
    }
    bool external = item->party == PLAN_EXTERNAL;
    if (!external && item->party != PLAN_INTERNAL) {
        fault(c, it->id, "R68", "監査の主体が不明です", "audited by neither party");
        return;
    }
    struct seen *s = &c->seen[it - c->in->catalogue->items];
    uint32_t *years = external ? &s->external : &s->internal;
    if ((*years >> item->year) & 1u)
        fault(c, it->id, rule_for(it, item->party), "同じ年に二度あります",
              "twice in the same year");
    *years |= 1u << item->year;
    if (it->not_assessed || s->excluded)
        fault(c, it->id, "R64", "評価の対象でない管理策です", "this control is not to be audited");
    bool belongs =
        external ? (it->tier == CATALOGUE_CONTROLS ? s->important : !it->objective)
                 : it->objective && (policy->internal_all_tiers || it->tier == CATALOGUE_CONTROLS);
    if (!belongs)
        fault(c, it->id, rule_for(it, item->party), "この監査の対象ではありません",
              "does not belong to this audit");
    if (strcmp(item->rule, rule_for(it, item->party)) != 0 ||
        item->hours != (external ? policy->hours_external : policy->hours_internal))
        fault(c, it->id, rule_for(it, item->party), "根拠または工数が違います",
              "wrong reason or hours");
}

/* `want`: exactly so many of each window, or at least with `or_more`. */
static void check_windows(struct checker *c, const char *id, const char *rule, uint32_t years,
                          uint32_t window, bool sliding, bool or_more)
{
    for (uint32_t first = 1; first + window - 1 <= c->plan->years; first += sliding ? 1 : window) {
        uint32_t n = bits(years & years_from(first, window));
        if (n == 0 || (n > 1 && !or_more)) {
            fault(c, id, rule, "周期の中の回数が違います",
                  "wrong number of times within the cycle");
            return;
        }
    }
}

static void check_control(struct checker *c, const struct catalogue_item *it, const struct seen *s)
{
    const struct plan_policy *policy = c->in->policy;
    uint32_t all = years_from(1, c->plan->years);
    if (it->not_assessed || s->excluded)
        return;
    if (it->tier != CATALOGUE_CONTROLS && !it->objective && s->external != all)
        fault(c, it->id, "R62", "毎年の監査から漏れています",
              "missing from the audit of some year");
    if (it->tier == CATALOGUE_CONTROLS && s->important && s->annual && s->external != all)
        fault(c, it->id, "R63", "毎年の監査から漏れています",
              "missing from the audit of some year");
    if (it->tier == CATALOGUE_CONTROLS && s->important && !s->annual)
        check_windows(c, it->id, "R63", s->external, policy->rotation_years, false, false);
    if (it->objective && (policy->internal_all_tiers || it->tier == CATALOGUE_CONTROLS))
        check_windows(c, it->id, "R68", s->internal, policy->internal_cycle_years,
                      policy->internal_sliding, true);
}

/* Loads of rotating controls and of objectives: the heaviest year is at most one above the
 * lightest. */
static void check_level(struct checker *c, enum plan_party party, const char *rule)
{
    uint32_t least = UINT32_MAX;
    uint32_t most = 0;
    for (uint32_t y = 1; y <= c->plan->years; y++) {
        uint32_t n = 0;
        for (size_t i = 0; i < c->in->catalogue->n; i++) {
            const struct seen *s = &c->seen[i];
            uint32_t v = party == PLAN_INTERNAL       ? s->internal
                         : s->important && !s->annual ? s->external
                                                      : 0;
            n += (v >> y) & 1u;
        }
        least = n < least ? n : least;
        most = n > most ? n : most;
    }
    if (most > least + 1)
        fault(c, "loads", rule, "年ごとの負荷の差が 1 を超えています",
              "loads of the years differ by more than one");
}

static void check_loads(struct checker *c)
{
    struct plan_load want[PLAN_YEARS_MAX] = {{0}};
    for (uint32_t y = 1; y <= c->plan->years; y++)
        want[y - 1].year = y;
    for (size_t i = 0; i < c->in->catalogue->n; i++) {
        const struct seen *s = &c->seen[i];
        enum catalogue_tier tier = c->in->catalogue->items[i].tier;
        for (uint32_t y = 1; y <= c->plan->years; y++) {
            struct plan_load *w = &want[y - 1];
            uint32_t ext = (s->external >> y) & 1u;
            w->internal_items += (s->internal >> y) & 1u;
            w->external_items += ext;
            w->governance += tier == CATALOGUE_GOVERNANCE ? ext : 0;
            w->management += tier == CATALOGUE_MANAGEMENT ? ext : 0;
            w->important += tier == CATALOGUE_CONTROLS ? ext : 0;
        }
    }
    for (uint32_t y = 0; y < c->plan->years; y++) {
        want[y].external_hours = want[y].external_items * c->in->policy->hours_external;
        want[y].internal_hours = want[y].internal_items * c->in->policy->hours_internal;
        if (memcmp(&want[y], &c->plan->loads[y], sizeof(want[y])) != 0)
            fault(c, "loads", "R71", "年ごとの集計が明細と合いません",
                  "the table of loads does not agree with the items");
    }
}

enum err audit_plan_check(struct arena *a, const struct plan_input *in, const struct plan *p,
                          struct audit_faults *faults)
{
    struct checker c = {.arena = a, .in = in, .plan = p, .faults = faults};
    const struct plan_policy *policy = in->policy;
    size_t before = faults->n;
    uint32_t longer = policy->rotation_years > policy->internal_cycle_years
                          ? policy->rotation_years
                          : policy->internal_cycle_years;
    if (p->years != longer || p->years < 1 || p->years > PLAN_YEARS_MAX) {
        fault(&c, "years", "R63", "計画の年数が違います", "wrong number of years");
        return ERR_INVAL;
    }
    c.seen = arena_alloc(a, in->catalogue->n * sizeof(*c.seen));
    if (c.seen == NULL)
        return ERR_NOMEM;
    read_input(&c);
    for (size_t i = 0; i < p->n; i++)
        read_item(&c, &p->items[i]);
    for (size_t i = 0; i < in->catalogue->n; i++)
        check_control(&c, &in->catalogue->items[i], &c.seen[i]);
    check_level(&c, PLAN_EXTERNAL, "R63");
    check_level(&c, PLAN_INTERNAL, "R68");
    check_loads(&c);
    return faults->n == before ? ERR_OK : ERR_INVAL;
}
