/* The planner: duties (plan_duty.c), whose turn is when (plan_level.c), and the items of it. */
#include "services/audit/core/plan_duty.h"

#include <string.h>

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

static struct plan_item item_of(const struct plan_work *w, size_t control, unsigned side,
                                uint32_t year)
{
    const struct plan_side *s = &w->duties[control].sides[side];
    bool done = ((s->done >> year) & 1u) != 0;
    bool caused = !done && s->cause != PLAN_NO_CAUSE && (year == s->turn || year == s->forced);
    struct plan_item item = {.control_id = w->in->catalogue->items[control].id,
                             .party = side == 0 ? PLAN_EXTERNAL : PLAN_INTERNAL,
                             .year = year,
                             .rule = s->rule,
                             .mode = plan_mode_in(w, control, side, year)};
    if (caused) {
        item.rule = s->cause == PLAN_BASE_LAPSED ? "R70" : "R66";
        item.cause = s->cause;
        item.ref = s->ref;
    }
    item.hours = plan_hours_in(w, control, side, item.mode);
    return item;
}

/* Writes all items; with out->items NULL it only counts them. */
static void write_all(const struct plan_work *w, struct plan *out)
{
    out->n = 0;
    for (uint32_t year = 1; year <= out->years; year++) {
        out->loads[year - 1].year = year;
        for (unsigned side = 0; side < 2; side++)
            for (size_t i = 0; i < w->in->catalogue->n; i++) {
                if (!plan_is_due(w, i, side, year))
                    continue;
                if (out->items != NULL) {
                    struct plan_item *item = &out->items[out->n];
                    *item = item_of(w, i, side, year);
                    count_item(&out->loads[year - 1], item, w->in->catalogue->items[i].tier);
                }
                out->n++;
            }
    }
}

enum err audit_plan_make(struct arena *a, const struct plan_input *in, struct plan *out,
                         struct audit_faults *faults)
{
    *out = (struct plan){0};
    struct plan_work w = {.arena = a, .in = in, .faults = faults};
    enum err e = plan_duties(&w);
    if (e == ERR_OK)
        e = plan_level(&w);
    if (e != ERR_OK)
        return e;
    out->years = w.years;
    write_all(&w, out);
    out->items = arena_alloc(a, out->n * sizeof(*out->items));
    if (out->items == NULL)
        return ERR_NOMEM;
    write_all(&w, out);
    e = plan_staff(&w, out);
    return e == ERR_OK ? plan_moves(&w, out) : e;
}
