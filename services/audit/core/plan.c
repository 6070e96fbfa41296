/* The planner. Controls that rotate are dealt like cards, in id order, so that both the whole year
 * and each domain within it are level. History only decides who is dealt first. */
#include "services/audit/core/plan.h"

#include <string.h>

#define NEVER INT32_MIN

enum duty { DUTY_NONE, DUTY_ANNUAL, DUTY_ROTATES };

/* What is decided for one control of the catalogue. */
struct duty_of {
    enum duty external;
    const char *rule; /* of the external duty */
    bool internal;
    bool excluded;
    int32_t last_external; /* civil year, NEVER */
    int32_t last_internal;
    uint32_t external_slot; /* 0-based year within the period */
    uint32_t internal_slot;
};

struct planner {
    struct arena *arena;
    const struct plan_input *in;
    struct audit_faults *faults;
    struct duty_of *duties; /* as long as the catalogue */
    uint32_t years;
    uint64_t hours[PLAN_YEARS_MAX]; /* dealt so far, what is the same every year left out */
};

static void fault(struct planner *p, const char *id, const char *rule, const char *ja,
                  const char *en)
{
    audit_fault_add(p->faults, p->arena, 0, id, rule, ja, en);
}

static size_t index_of(const struct planner *p, const struct catalogue_item *it)
{
    return (size_t)(it - p->in->catalogue->items);
}

static void check_years(struct planner *p)
{
    const struct plan_policy *policy = p->in->policy;
    if (policy->rotation_years == 0 || policy->rotation_years > PLAN_YEARS_MAX)
        fault(p, "rotation_years", "R63", "年数は 1 から 10 までです", "must be 1 to 10 years");
    if (policy->internal_cycle_years == 0 || policy->internal_cycle_years > PLAN_YEARS_MAX)
        fault(p, "internal_cycle_years", "R68", "年数は 1 から 10 までです",
              "must be 1 to 10 years");
}

static void exclude(struct planner *p)
{
    const struct catalogue *c = p->in->catalogue;
    for (size_t k = 0; k < p->in->n_excluded; k++) {
        const struct catalogue_item *it = catalogue_find(c, p->in->excluded[k]);
        if (it == NULL || it->tier != CATALOGUE_CONTROLS) {
            fault(p, p->in->excluded[k], "R64", "除外できる管理策基準の管理策ではありません",
                  "not a control of the controls tier, so it cannot be excluded");
            continue;
        }
        size_t i = index_of(p, it);
        p->duties[i].excluded = true;
        /* details follow their objective in the order of the catalogue */
        for (i++; it->objective && i < c->n && !c->items[i].objective; i++)
            p->duties[i].excluded = true;
    }
}

static void set_important(struct planner *p)
{
    const struct plan_policy *policy = p->in->policy;
    for (size_t k = 0; k < policy->n_important; k++) {
        const struct plan_important *im = &policy->important[k];
        const struct catalogue_item *it = catalogue_find(p->in->catalogue, im->id);
        if (it == NULL) {
            fault(p, im->id, "R63", "重要な管理策が管理基準の一覧にありません",
                  "this important control is not in the catalogue");
        } else if (it->tier != CATALOGUE_CONTROLS) {
            fault(p, im->id, "R63", "重要な管理策は管理策基準から選びます",
                  "important controls are chosen from the controls tier");
        } else if (p->duties[index_of(p, it)].external != DUTY_NONE) {
            fault(p, im->id, "R63", "重要な管理策が二度挙げられています",
                  "this important control is named twice");
        } else {
            struct duty_of *d = &p->duties[index_of(p, it)];
            d->external = im->annual ? DUTY_ANNUAL : DUTY_ROTATES;
            d->rule = "R63";
        }
    }
}

static void set_duties(struct planner *p)
{
    const struct catalogue *c = p->in->catalogue;
    bool all_tiers = p->in->policy->internal_all_tiers;
    for (size_t i = 0; i < c->n; i++) {
        const struct catalogue_item *it = &c->items[i];
        struct duty_of *d = &p->duties[i];
        if (it->not_assessed || d->excluded) {
            d->external = DUTY_NONE;
            continue;
        }
        if (it->tier != CATALOGUE_CONTROLS && !it->objective) {
            d->external = DUTY_ANNUAL;
            d->rule = "R62";
        }
        d->internal = it->objective && (all_tiers || it->tier == CATALOGUE_CONTROLS);
    }
}

static void read_history(struct planner *p)
{
    for (size_t i = 0; i < p->in->catalogue->n; i++) {
        p->duties[i].last_external = NEVER;
        p->duties[i].last_internal = NEVER;
    }
    for (size_t k = 0; k < p->in->n_history; k++) {
        const struct plan_history *h = &p->in->history[k];
        const struct catalogue_item *it = catalogue_find(p->in->catalogue, h->id);
        if (it == NULL || h->year >= p->in->first_year)
            continue;
        struct duty_of *d = &p->duties[index_of(p, it)];
        int32_t *last = h->party == PLAN_EXTERNAL ? &d->last_external : &d->last_internal;
        if (h->year > *last)
            *last = h->year;
    }
}

static bool rotates(const struct duty_of *d, enum plan_party party)
{
    return party == PLAN_EXTERNAL ? d->external == DUTY_ROTATES : d->internal;
}

static int32_t last_of(const struct duty_of *d, enum plan_party party)
{
    return party == PLAN_EXTERNAL ? d->last_external : d->last_internal;
}

/* Slots with more to take come first, then the earlier: an incomplete last round then leaves no
 * domain more than one apart. */
static void turn_order(const size_t quota[PLAN_YEARS_MAX], uint32_t period,
                       uint32_t order[PLAN_YEARS_MAX])
{
    for (uint32_t i = 0; i < period; i++) {
        uint32_t at = i;
        for (; at > 0 && quota[order[at - 1]] < quota[i]; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

/* Deals the controls that were last audited in `year`, in id order, one to each slot in turn. They
 * fill what is free of the earliest years. */
static void deal_group(struct planner *p, enum plan_party party, int32_t year, size_t members,
                       uint32_t period, size_t room[PLAN_YEARS_MAX])
{
    size_t quota[PLAN_YEARS_MAX] = {0};
    for (uint32_t s = 0; s < period && members > 0; s++) {
        quota[s] = room[s] < members ? room[s] : members;
        room[s] -= quota[s];
        members -= quota[s];
    }
    uint32_t order[PLAN_YEARS_MAX];
    turn_order(quota, period, order);
    uint32_t s = 0;
    for (size_t i = 0; i < p->in->catalogue->n; i++) {
        struct duty_of *d = &p->duties[i];
        if (!rotates(d, party) || last_of(d, party) != year)
            continue;
        while (quota[order[s]] == 0)
            s = (s + 1) % period;
        quota[order[s]]--;
        if (party == PLAN_EXTERNAL)
            d->external_slot = order[s];
        else
            d->internal_slot = order[s];
        s = (s + 1) % period;
    }
}

/* An even share for each slot; what is left over goes one by one to the slots whose heaviest year
 * is the lightest so far, the earliest of equals, so that the leftovers of both parties do not
 * meet. */
static void share(struct planner *p, size_t n, uint32_t period, uint32_t hours,
                  size_t room[PLAN_YEARS_MAX])
{
    for (uint32_t s = 0; s < period; s++)
        room[s] = n / period;
    for (size_t left = n % period; left > 0; left--) {
        uint32_t best = period;
        uint64_t least = UINT64_MAX;
        for (uint32_t s = 0; s < period; s++) {
            uint64_t most = 0;
            for (uint32_t y = s; y < p->years; y += period)
                most = p->hours[y] > most ? p->hours[y] : most;
            if (room[s] == n / period && most < least) {
                least = most;
                best = s;
            }
        }
        room[best]++;
    }
    for (uint32_t y = 0; y < p->years; y++)
        p->hours[y] += (uint64_t)room[y % period] * hours;
}

/* Groups from the one audited longest ago (never first) to the latest. R65 */
static void deal(struct planner *p, enum plan_party party, uint32_t period, uint32_t hours)
{
    size_t n = 0;
    for (size_t i = 0; i < p->in->catalogue->n; i++)
        n += rotates(&p->duties[i], party);
    size_t room[PLAN_YEARS_MAX] = {0};
    share(p, n, period, hours, room);
    int64_t done = (int64_t)NEVER - 1;
    while (n > 0) {
        int64_t next = INT64_MAX;
        size_t members = 0;
        for (size_t i = 0; i < p->in->catalogue->n; i++) {
            int64_t last = last_of(&p->duties[i], party);
            if (!rotates(&p->duties[i], party) || last <= done || last > next)
                continue;
            members = last == next ? members + 1 : 1;
            next = last;
        }
        deal_group(p, party, (int32_t)next, members, period, room);
        n -= members;
        done = next;
    }
}

static void count_item(struct plan_load *l, const struct plan_item *item, enum catalogue_tier tier)
{
    if (item->party == PLAN_INTERNAL) {
        l->internal_items++;
        l->internal_hours += item->hours;
        return;
    }
    l->external_items++;
    l->external_hours += item->hours;
    l->governance += tier == CATALOGUE_GOVERNANCE;
    l->management += tier == CATALOGUE_MANAGEMENT;
    l->important += tier == CATALOGUE_CONTROLS;
}

static bool is_due(const struct planner *p, const struct duty_of *d, enum plan_party party,
                   uint32_t year)
{
    const struct plan_policy *policy = p->in->policy;
    if (party == PLAN_INTERNAL)
        return d->internal && (year - 1) % policy->internal_cycle_years == d->internal_slot;
    return d->external == DUTY_ANNUAL ||
           (d->external == DUTY_ROTATES && (year - 1) % policy->rotation_years == d->external_slot);
}

/* Writes the items of one year and party; with out->items NULL it only counts them. */
static void write_year(const struct planner *p, struct plan *out, enum plan_party party,
                       uint32_t year)
{
    const struct plan_policy *policy = p->in->policy;
    for (size_t i = 0; i < p->in->catalogue->n; i++) {
        const struct duty_of *d = &p->duties[i];
        if (!is_due(p, d, party, year))
            continue;
        if (out->items != NULL) {
            struct plan_item *item = &out->items[out->n];
            *item = (struct plan_item){.control_id = p->in->catalogue->items[i].id,
                                       .party = party,
                                       .year = year,
                                       .rule = party == PLAN_EXTERNAL ? d->rule : "R68",
                                       .hours = party == PLAN_EXTERNAL ? policy->hours_external
                                                                       : policy->hours_internal};
            count_item(&out->loads[year - 1], item, p->in->catalogue->items[i].tier);
        }
        out->n++;
    }
}

static void write_all(const struct planner *p, struct plan *out)
{
    out->n = 0;
    for (uint32_t year = 1; year <= out->years; year++) {
        out->loads[year - 1].year = year;
        write_year(p, out, PLAN_EXTERNAL, year);
        write_year(p, out, PLAN_INTERNAL, year);
    }
}

enum err audit_plan_make(struct arena *a, const struct plan_input *in, struct plan *out,
                         struct audit_faults *faults)
{
    *out = (struct plan){0};
    struct planner p = {.arena = a, .in = in, .faults = faults};
    size_t before = faults->n;
    if (in->n_history > PLAN_HISTORY_MAX || in->catalogue->n > CATALOGUE_ITEMS_MAX)
        return ERR_LIMIT;
    p.duties = arena_alloc(a, in->catalogue->n * sizeof(*p.duties));
    if (p.duties == NULL)
        return ERR_NOMEM;
    check_years(&p);
    exclude(&p);
    set_important(&p);
    if (faults->n != before)
        return ERR_INVAL;
    set_duties(&p);
    read_history(&p);
    const struct plan_policy *policy = in->policy;
    p.years = policy->rotation_years > policy->internal_cycle_years ? policy->rotation_years
                                                                    : policy->internal_cycle_years;
    deal(&p, PLAN_EXTERNAL, policy->rotation_years, policy->hours_external);
    deal(&p, PLAN_INTERNAL, policy->internal_cycle_years, policy->hours_internal);
    out->years = p.years;
    write_all(&p, out);
    out->items = arena_alloc(a, out->n * sizeof(*out->items));
    if (out->items == NULL)
        return ERR_NOMEM;
    write_all(&p, out);
    return ERR_OK;
}
