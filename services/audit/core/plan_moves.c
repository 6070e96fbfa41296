/* What differs from the plan before, in the years that both have and that are open, and why. */
#include "services/audit/core/plan_duty.h"

#include <string.h>

static const char *why(const struct plan_work *w, size_t i, unsigned side, uint32_t from,
                       uint32_t to)
{
    const struct plan_duty *d = &w->duties[i];
    const struct plan_side *s = &d->sides[side];
    if (d->excluded || w->in->catalogue->items[i].not_assessed)
        return "R64";
    if (d->inherited)
        return "R70";
    if (to != 0 && s->cause != PLAN_NO_CAUSE && (to == s->turn || to == s->forced))
        return s->cause == PLAN_BASE_LAPSED ? "R70" : "R66";
    if (to == 0 || (from != 0 && (from > s->due || from < s->from)))
        return "R65";
    return s->rule;
}

static void add(struct plan *p, const struct plan_move *m)
{
    if (p->moves != NULL)
        p->moves[p->n_moves] = *m;
    p->n_moves++;
}

/* Years that went and years that came are paired in their order. */
static void of_control(const struct plan_work *w, struct plan *p, size_t i, unsigned side)
{
    const struct plan_side *s = &w->duties[i].sides[side];
    uint32_t now = 0;
    for (uint32_t y = w->open; y <= w->years; y++)
        now |= plan_is_due(w, i, side, y) ? 1u << y : 0;
    uint32_t gone = s->before & ~now;
    uint32_t come = now & ~s->before & w->before_years;
    while (gone != 0 || come != 0) {
        uint32_t from = gone == 0 ? 0 : (uint32_t)__builtin_ctz(gone);
        uint32_t to = come == 0 ? 0 : (uint32_t)__builtin_ctz(come);
        int32_t base = w->in->first_year - 1;
        struct plan_move m = {.control_id = w->in->catalogue->items[i].id,
                              .party = side == 0 ? PLAN_EXTERNAL : PLAN_INTERNAL,
                              .from_year = from == 0 ? 0 : base + (int32_t)from,
                              .to_year = to == 0 ? 0 : base + (int32_t)to,
                              .rule = why(w, i, side, from, to)};
        if (to != 0 && (to == s->turn || to == s->forced))
            m.cause = s->cause;
        add(p, &m);
        gone &= gone - (gone != 0);
        come &= come - (come != 0);
    }
}

static void all(const struct plan_work *w, struct plan *p)
{
    const struct plan_input *in = w->in;
    p->n_moves = 0;
    for (unsigned side = 0; side < 2; side++)
        for (size_t i = 0; i < in->catalogue->n; i++)
            of_control(w, p, i, side);
    for (size_t k = 0; k < in->n_before; k++) {
        const struct plan_before *b = &in->before[k];
        int64_t y = (int64_t)b->year - in->first_year + 1;
        if (y < w->open || y > w->years || catalogue_find(in->catalogue, b->id) != NULL)
            continue;
        struct plan_move m = {
            .control_id = b->id, .party = b->party, .from_year = b->year, .rule = "R60"};
        add(p, &m);
    }
}

enum err plan_moves(struct plan_work *w, struct plan *p)
{
    if (w->in->n_before == 0)
        return ERR_OK;
    p->moves = NULL;
    all(w, p);
    p->moves = arena_alloc(w->arena, (p->n_moves + 1) * sizeof(*p->moves));
    if (p->moves == NULL)
        return ERR_NOMEM;
    all(w, p);
    return ERR_OK;
}
