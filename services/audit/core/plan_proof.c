/* The input in the rules' own words, for check and certificate. */
#include "services/audit/core/plan_proof.h"

#include <string.h>

#define ADOPTED_BASE (1 << 20)

uint32_t proof_period(const struct proof *p, unsigned side)
{
    return side == 0 ? p->in->policy->rotation_years : p->in->policy->internal_cycle_years;
}

uint32_t proof_span(uint32_t first, uint32_t last)
{
    uint32_t bits = 0;
    for (uint32_t y = first; y <= last && y < 32; y++)
        bits |= 1u << y;
    return bits;
}

static struct proof_control *control(const struct proof *p, const char *id)
{
    const struct catalogue_item *it = catalogue_find(p->in->catalogue, id);
    return it == NULL ? NULL : &p->controls[it - p->in->catalogue->items];
}

static int64_t plan_year(const struct proof *p, int32_t civil)
{
    return (int64_t)civil - p->in->first_year + 1;
}

static bool below(const struct catalogue_item *above, const struct catalogue_item *it)
{
    size_t n = above->objective ? 3 : 4;
    return memcmp(above->numbers, it->numbers, n * sizeof(above->numbers[0])) == 0;
}

static void read_duty(const struct proof *p, size_t i)
{
    const struct catalogue_item *it = &p->in->catalogue->items[i];
    struct proof_control *c = &p->controls[i];
    bool controls = it->tier == CATALOGUE_CONTROLS;
    bool objective = it->objective && (controls || p->in->policy->internal_all_tiers);
    c->in_scope = !it->not_assessed && !c->excluded && !c->inherited;
    c->sides[0].rule = c->important ? "R63" : !controls && !it->objective ? "R62" : "R66";
    c->sides[1].rule = objective ? "R68" : "R66";
    c->sides[0].in_turn = c->in_scope && c->important && !c->sides[0].every_year;
    c->sides[0].every_year = c->in_scope && (controls ? c->sides[0].every_year : !it->objective);
    c->sides[1].in_turn = c->in_scope && objective;
}

static void read_scope(struct proof *p)
{
    const struct catalogue *cat = p->in->catalogue;
    for (size_t k = 0; k < p->in->n_excluded; k++) {
        const struct catalogue_item *above = catalogue_find(cat, p->in->excluded[k].id);
        for (size_t i = 0; above != NULL && i < cat->n; i++)
            p->controls[i].excluded |= below(above, &cat->items[i]);
    }
    for (size_t k = 0; k < p->in->n_inherited; k++) {
        const struct catalogue_item *above = catalogue_find(cat, p->in->inherited[k].id);
        for (size_t i = 0; above != NULL && i < cat->n; i++)
            p->controls[i].inherited |=
                p->in->inherited[k].lapsed_year == 0 && below(above, &cat->items[i]);
    }
    for (size_t k = 0; k < p->in->policy->n_important; k++) {
        struct proof_control *c = control(p, p->in->policy->important[k].id);
        if (c == NULL)
            continue;
        c->important = true;
        c->sides[0].every_year = p->in->policy->important[k].annual;
    }
    for (size_t i = 0; i < cat->n; i++)
        read_duty(p, i);
}

static void read_audit(const struct proof *p, struct proof_side *s, const struct plan_history *h)
{
    int64_t y = plan_year(p, h->year);
    bool failed = h->result == PLAN_FAILED;
    uint32_t bit = y >= 1 ? 1u << y : 0;
    if (!s->audited || y > s->last)
        s->last_failed = failed;
    else if (y == s->last)
        s->last_failed |= failed;
    s->last = s->audited && s->last > y ? s->last : y;
    s->audited = true;
    s->history |= bit;
    s->designs |= h->mode == PLAN_DESIGN || h->mode == PLAN_BOTH ? bit : 0;
    s->operatings |= h->mode == PLAN_OPERATING || h->mode == PLAN_BOTH ? bit : 0;
}

static void read_past(struct proof *p, int64_t first[2])
{
    for (size_t k = 0; k < p->in->n_history; k++) {
        const struct plan_history *h = &p->in->history[k];
        struct proof_control *c = control(p, h->id);
        unsigned n = h->party == PLAN_EXTERNAL ? 0 : 1;
        if (c == NULL || h->result == PLAN_SKIPPED)
            continue;
        first[n] = plan_year(p, h->year) < first[n] ? plan_year(p, h->year) : first[n];
        if (plan_year(p, h->year) <= p->open)
            read_audit(p, &c->sides[n], h);
    }
    for (size_t k = 0; k < p->in->n_before; k++) {
        const struct plan_before *b = &p->in->before[k];
        int64_t y = plan_year(p, b->year);
        struct proof_control *c = control(p, b->id);
        if (y < p->open || y > p->years)
            continue;
        p->before_years |= 1u << y;
        if (c != NULL)
            c->sides[b->party == PLAN_EXTERNAL ? 0 : 1].before |= 1u << y;
    }
}

/* R66, R70: the first year that is open, not before the event and not audited yet, unless an audit
 * came after the event. The earliest of several events decides, the first named of equals. */
static void demand(const struct proof *p, struct proof_side *s, int64_t at, enum plan_cause cause,
                   const char *ref)
{
    if ((s->audited && s->last > at) || s->every_year)
        return;
    int64_t y = at > p->open ? at : p->open;
    if (y <= p->years && (s->history & (1u << y)) != 0)
        y++;
    if (y > p->years || (s->must != 0 && s->must <= y))
        return;
    s->must = (uint32_t)y;
    s->cause = cause;
    s->ref = ref;
}

static void read_trigger(const struct proof *p, const struct plan_trigger *t)
{
    struct proof_control *c = control(p, t->id);
    if (c == NULL || !c->in_scope)
        return;
    bool objective = p->in->catalogue->items[c - p->controls].objective;
    bool soft = t->cause == PLAN_ADOPTED || t->cause == PLAN_CHANGED;
    int64_t y = plan_year(p, t->year);
    for (unsigned n = 0; n < 2 && t->cause == PLAN_ADOPTED; n++)
        if (y + ADOPTED_BASE > c->sides[n].adopted)
            c->sides[n].adopted = y + ADOPTED_BASE;
    if (soft && !p->in->policy->force_on_change)
        return;
    if (!objective || c->important)
        demand(p, &c->sides[0], y, t->cause, t->ref);
    if (objective)
        demand(p, &c->sides[1], y, t->cause, t->ref);
}

static void read_lapse(const struct proof *p, const struct plan_inherited *h)
{
    const struct catalogue *cat = p->in->catalogue;
    const struct catalogue_item *above = catalogue_find(cat, h->id);
    for (size_t i = 0; above != NULL && h->lapsed_year != 0 && i < cat->n; i++)
        for (unsigned n = 0; n < 2; n++)
            if (below(above, &cat->items[i]) && p->controls[i].sides[n].in_turn)
                demand(p, &p->controls[i].sides[n], plan_year(p, h->lapsed_year), PLAN_BASE_LAPSED,
                       h->base);
}

static void read_events(struct proof *p)
{
    for (size_t k = 0; k < p->in->n_triggers; k++)
        read_trigger(p, &p->in->triggers[k]);
    for (size_t k = 0; k < p->in->n_inherited; k++)
        read_lapse(p, &p->in->inherited[k]);
    for (size_t i = 0; i < p->in->catalogue->n; i++)
        for (unsigned n = 0; n < 2; n++)
            if (p->controls[i].in_scope && p->controls[i].sides[n].last_failed)
                demand(p, &p->controls[i].sides[n], p->controls[i].sides[n].last, PLAN_FAILED_AUDIT,
                       NULL);
}

/* R63, R68: by when the turn is due, from when it may be. */
static void set_turn(const struct proof *p, struct proof_side *s, unsigned n, int64_t first)
{
    int64_t period = proof_period(p, n);
    int64_t since = first - 1;
    if (s->audited)
        since = s->last;
    else if (s->adopted != 0 && s->adopted - ADOPTED_BASE - 1 > since)
        since = s->adopted - ADOPTED_BASE - 1;
    int64_t earliest = p->open + ((s->history >> p->open) & 1u);
    s->due_said = since + period;
    if (n == 1 && !p->in->policy->internal_sliding) {
        int64_t over = (p->open - p->cycle) / period; /* fixed periods before this one */
        int64_t begin = p->cycle + over * period;
        if (s->audited && since >= begin) {
            earliest = begin + period;
            s->due_said = begin + 2 * period - 1;
        } else {
            s->due_said = begin + period - 1;
            if (since < begin - period)
                s->due_said = begin - 1;
        }
    }
    int64_t latest = s->due_said > earliest ? s->due_said : earliest;
    if (s->must != 0 && s->must <= latest) {
        earliest = s->must;
        latest = s->must;
    } else {
        s->cause = PLAN_NO_CAUSE;
    }
    s->must = 0;
    s->earliest = (uint32_t)earliest;
    s->latest = latest > p->years ? 0 : (uint32_t)latest;
}

static void read_items(struct proof *p)
{
    for (size_t k = 0; k < p->plan->n; k++) {
        const struct plan_item *item = &p->plan->items[k];
        struct proof_control *c = control(p, item->control_id);
        if (c == NULL || item->year < 1 || item->year > p->years)
            continue;
        struct proof_side *s = &c->sides[item->party == PLAN_EXTERNAL ? 0 : 1];
        s->items |= 1u << item->year;
        bool past =
            item->year < p->open || (item->year == p->open && ((s->history >> p->open) & 1u) != 0);
        if (!past && (s->turn == 0 || item->year < s->turn))
            s->turn = item->year;
    }
}

enum err proof_read(struct proof *p)
{
    p->cycle = p->in->cycle_first_year == 0 ? 1 : plan_year(p, p->in->cycle_first_year);
    int64_t first[2] = {p->cycle, p->cycle};
    p->years = p->plan->years;
    p->open = p->in->open_year == 0 ? 1 : (uint32_t)plan_year(p, p->in->open_year);
    p->controls = arena_alloc(p->arena, p->in->catalogue->n * sizeof(*p->controls));
    if (p->controls == NULL)
        return ERR_NOMEM;
    read_scope(p);
    read_past(p, first);
    read_events(p);
    for (size_t i = 0; i < p->in->catalogue->n; i++)
        for (unsigned n = 0; n < 2; n++)
            if (p->controls[i].sides[n].in_turn)
                set_turn(p, &p->controls[i].sides[n], n, first[n]);
    read_items(p);
    return ERR_OK;
}

static enum plan_mode said_mode(const struct proof *p, enum catalogue_tier tier, unsigned side)
{
    enum plan_party party = side == 0 ? PLAN_EXTERNAL : PLAN_INTERNAL;
    for (size_t k = 0; k < p->in->policy->n_modes; k++) {
        const struct plan_mode_rule *m = &p->in->policy->modes[k];
        if ((m->tier == CATALOGUE_NO_TIER || m->tier == tier) &&
            (m->party == PLAN_ANY_PARTY || m->party == party))
            return m->mode;
    }
    return PLAN_BOTH;
}

enum plan_mode proof_mode(const struct proof *p, size_t i, unsigned side, uint32_t year)
{
    const struct proof_control *c = &p->controls[i];
    const struct proof_side *s = &c->sides[side];
    uint32_t bit = 1u << year;
    enum plan_mode said = said_mode(p, p->in->catalogue->items[i].tier, side);
    if ((s->history & bit) != 0) {
        if ((s->designs & bit) != 0)
            return (s->operatings & bit) != 0 ? PLAN_BOTH : PLAN_DESIGN;
        return (s->operatings & bit) != 0 ? PLAN_OPERATING : said;
    }
    if (s->cause != PLAN_NO_CAUSE && (year == s->must || (s->in_turn && year == s->turn)))
        return PLAN_BOTH;
    if (p->in->special_measure && side == 0 && year == 1)
        return c->important && s->every_year ? PLAN_BOTH : PLAN_DESIGN;
    return said;
}

uint32_t proof_hours(const struct proof *p, size_t i, unsigned side, enum plan_mode mode)
{
    const struct plan_policy *policy = p->in->policy;
    const struct catalogue_item *it = &p->in->catalogue->items[i];
    enum plan_party party = side == 0 ? PLAN_EXTERNAL : PLAN_INTERNAL;
    for (unsigned own = 2; own-- > 0;) /* rows of the control first */
        for (size_t k = 0; k < policy->n_effort; k++) {
            const struct plan_effort *e = &policy->effort[k];
            bool fits =
                own == 1 ? e->id != NULL && strcmp(e->id, it->id) == 0
                         : e->id == NULL && (e->tier == CATALOGUE_NO_TIER || e->tier == it->tier);
            if (!fits || (e->party != PLAN_ANY_PARTY && e->party != party))
                continue;
            return (mode != PLAN_OPERATING ? e->design_hours : 0) +
                   (mode != PLAN_DESIGN ? e->operating_hours : 0);
        }
    uint32_t whole = party == PLAN_EXTERNAL ? policy->hours_external : policy->hours_internal;
    return mode == PLAN_BOTH ? whole : whole / 2 + whole % 2;
}

uint32_t proof_turn_hours(const struct proof *p, size_t i, unsigned side, uint32_t year)
{
    if (p->controls[i].sides[side].cause != PLAN_NO_CAUSE)
        return proof_hours(p, i, side, PLAN_BOTH);
    /* in a year that is no history the mode depends on the year alone */
    return proof_hours(p, i, side, proof_mode(p, i, side, year));
}

bool proof_moves(const struct proof *p, size_t i, unsigned side, uint32_t year)
{
    const struct proof_side *s = &p->controls[i].sides[side];
    return s->in_turn && year >= p->open && !(year == p->open && ((s->history >> year) & 1u) != 0);
}
