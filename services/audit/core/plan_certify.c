/* How good a plan is, told from its items and the rules alone: nothing here comes from the planner.
 */
#include "services/audit/core/plan.h"

#include <string.h>

/* What the rules demand, counted from the catalogue. */
struct demand {
    uint64_t annual;   /* external items of every year */
    uint64_t rotating; /* external items, each once in rotation_years */
    uint64_t internal; /* objectives, each at least once in internal_cycle_years */
    bool *rotates;     /* of each item of the catalogue */
};

struct counting {
    const struct plan_input *in;
    const struct plan *plan;
    struct demand demand;
    bool *excluded;
    bool *important;
    bool *annual;
};

static bool below(const struct catalogue_item *above, const struct catalogue_item *it)
{
    size_t n = above->objective ? 3 : 4;
    return memcmp(above->numbers, it->numbers, n * sizeof(above->numbers[0])) == 0;
}

static void mark(struct counting *k)
{
    const struct catalogue *c = k->in->catalogue;
    for (size_t j = 0; j < k->in->n_excluded; j++) {
        const struct catalogue_item *above = catalogue_find(c, k->in->excluded[j]);
        for (size_t i = 0; above != NULL && i < c->n; i++)
            k->excluded[i] |= below(above, &c->items[i]);
    }
    for (size_t j = 0; j < k->in->policy->n_important; j++) {
        const struct plan_important *im = &k->in->policy->important[j];
        const struct catalogue_item *it = catalogue_find(c, im->id);
        if (it == NULL)
            continue;
        k->important[it - c->items] = true;
        k->annual[it - c->items] = im->annual;
    }
}

static void count_demand(struct counting *k)
{
    const struct catalogue *c = k->in->catalogue;
    for (size_t i = 0; i < c->n; i++) {
        const struct catalogue_item *it = &c->items[i];
        if (it->not_assessed || k->excluded[i])
            continue;
        bool controls = it->tier == CATALOGUE_CONTROLS;
        bool every = controls ? k->important[i] && k->annual[i] : !it->objective;
        k->demand.rotates[i] = controls && k->important[i] && !k->annual[i];
        k->demand.annual += every;
        k->demand.rotating += k->demand.rotates[i];
        k->demand.internal += it->objective && (controls || k->in->policy->internal_all_tiers);
    }
}

static uint64_t divide_up(uint64_t n, uint64_t by)
{
    return (n + by - 1) / by;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t r = a % b;
        a = b;
        b = r;
    }
    return a == 0 ? 1 : a;
}

/* What no plan goes below whose loads differ by at most one, of each party for itself: the
 * leftovers of both meet in some year only when there are more of them than years. Only for equal
 * periods. */
static uint64_t level_bound(const struct counting *k)
{
    const struct plan_policy *p = k->in->policy;
    const struct demand *d = &k->demand;
    uint64_t years = p->rotation_years;
    if (years != p->internal_cycle_years)
        return 0;
    uint64_t he = p->hours_external;
    uint64_t hi = p->hours_internal;
    uint64_t external = d->rotating % years;
    uint64_t internal = d->internal % years;
    uint64_t least = d->rotating / years * he + d->internal / years * hi;
    if (external + internal > years)
        return least + he + hi;
    uint64_t one = external > 0 ? he : 0;
    uint64_t other = internal > 0 ? hi : 0;
    return least + (one > other ? one : other);
}

static uint64_t bound_of(const struct counting *k)
{
    const struct plan_policy *p = k->in->policy;
    const struct demand *d = &k->demand;
    uint64_t he = p->hours_external;
    uint64_t hi = p->hours_internal;
    uint64_t years = k->plan->years;
    uint64_t moved = d->rotating * he * (years / p->rotation_years) +
                     d->internal * hi * (years / p->internal_cycle_years);
    uint64_t unit = common_divisor(he, hi);
    uint64_t even = divide_up(divide_up(moved, years), unit) * unit;
    uint64_t rotating = divide_up(d->rotating, p->rotation_years) * he;
    uint64_t internal = divide_up(d->internal, p->internal_cycle_years) * hi;
    uint64_t most = even > rotating ? even : rotating;
    uint64_t level = level_bound(k);
    most = most > internal ? most : internal;
    return d->annual * he + (most > level ? most : level);
}

/* Of one domain and party, the items of each year that could be in another. */
static uint32_t spread_of(const struct counting *k, uint16_t domain, enum plan_party party)
{
    const struct catalogue *c = k->in->catalogue;
    uint32_t n[PLAN_YEARS_MAX] = {0};
    for (size_t i = 0; i < k->plan->n; i++) {
        const struct plan_item *item = &k->plan->items[i];
        const struct catalogue_item *it = catalogue_find(c, item->control_id);
        if (it != NULL && it->numbers[0] == domain && item->party == party && item->year >= 1 &&
            item->year <= k->plan->years &&
            (party == PLAN_INTERNAL || k->demand.rotates[it - c->items]))
            n[item->year - 1]++;
    }
    uint32_t least = n[0];
    uint32_t most = n[0];
    for (uint32_t y = 1; y < k->plan->years; y++) {
        least = n[y] < least ? n[y] : least;
        most = n[y] > most ? n[y] : most;
    }
    return most - least;
}

static uint32_t spread(const struct counting *k)
{
    const struct catalogue *c = k->in->catalogue;
    uint32_t worst = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (i > 0 && c->items[i].numbers[0] == c->items[i - 1].numbers[0])
            continue;
        uint32_t external = spread_of(k, c->items[i].numbers[0], PLAN_EXTERNAL);
        uint32_t internal = spread_of(k, c->items[i].numbers[0], PLAN_INTERNAL);
        worst = external > worst ? external : worst;
        worst = internal > worst ? internal : worst;
    }
    return worst;
}

static uint32_t fit(uint64_t v)
{
    return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

enum err audit_plan_certify(struct arena *a, const struct plan_input *in, const struct plan *p,
                            struct plan_certificate *out)
{
    *out = (struct plan_certificate){0};
    struct counting k = {.in = in, .plan = p};
    size_t n = in->catalogue->n;
    k.excluded = arena_alloc(a, n);
    k.important = arena_alloc(a, n);
    k.annual = arena_alloc(a, n);
    k.demand.rotates = arena_alloc(a, n);
    if (k.excluded == NULL || k.important == NULL || k.annual == NULL || k.demand.rotates == NULL)
        return ERR_NOMEM;
    mark(&k);
    count_demand(&k);
    uint64_t hours[PLAN_YEARS_MAX] = {0};
    uint64_t total = 0;
    for (size_t i = 0; i < p->n; i++)
        if (p->items[i].year >= 1 && p->items[i].year <= p->years && p->years <= PLAN_YEARS_MAX) {
            hours[p->items[i].year - 1] += p->items[i].hours;
            total += p->items[i].hours;
        }
    uint32_t most = 0;
    uint32_t least = 0;
    for (uint32_t y = 1; y < p->years; y++) {
        most = hours[y] > hours[most] ? y : most;
        least = hours[y] < hours[least] ? y : least;
    }
    uint64_t bound = bound_of(&k);
    out->heaviest_year = most + 1;
    out->heaviest_hours = fit(hours[most]);
    out->lightest_hours = fit(hours[least]);
    out->bound_hours = fit(bound);
    out->gap_hours = fit(hours[most] > bound ? hours[most] - bound : 0);
    out->total_hours = fit(total);
    out->domain_spread = spread(&k);
    return ERR_OK;
}
