/* R69: who audits what internally. Everybody gets an even share of the hours of a year, nobody what
 * he operates. */
#include "services/audit/core/plan_duty.h"

#include <string.h>

struct staff {
    struct plan_work *w;
    uint64_t *barred; /* of each control: bit k for auditor k, in words of 64 */
    size_t words;
    uint64_t hours[PLAN_STAFF_MAX]; /* of the year */
};

/* An objective's operators operate its detailed controls, and these the objective as well: whoever
 * audits the objective looks at them. */
static void bar(struct staff *t, const struct plan_operator *o)
{
    const struct catalogue *c = t->w->in->catalogue;
    const struct catalogue_item *it = catalogue_find(c, o->id);
    if (it == NULL)
        return;
    for (size_t k = 0; k < t->w->in->n_auditors; k++) {
        if (strcmp(t->w->in->auditors[k], o->person) != 0)
            continue;
        size_t i = (size_t)(it - c->items);
        uint64_t bit = 1ULL << (k % 64);
        t->barred[i * t->words + k / 64] |= bit;
        for (size_t j = i + 1; it->objective && j < c->n && !c->items[j].objective; j++)
            t->barred[j * t->words + k / 64] |= bit;
        while (i > 0 && !c->items[i].objective)
            i--;
        t->barred[i * t->words + k / 64] |= bit;
    }
}

/* The one with the fewest hours so far, the first of equals; n_auditors when nobody may. */
static size_t choose(const struct staff *t, size_t control)
{
    size_t n = t->w->in->n_auditors;
    size_t best = n;
    for (size_t k = 0; k < n; k++)
        if (((t->barred[control * t->words + k / 64] >> (k % 64)) & 1u) == 0 &&
            (best == n || t->hours[k] < t->hours[best]))
            best = k;
    return best;
}

enum err plan_staff(struct plan_work *w, struct plan *p)
{
    const struct plan_input *in = w->in;
    struct staff t = {.w = w, .words = (in->n_auditors + 63) / 64};
    size_t before = w->faults->n;
    if (in->n_auditors == 0)
        return ERR_OK;
    t.barred = arena_alloc(w->arena, in->catalogue->n * t.words * sizeof(*t.barred));
    if (t.barred == NULL)
        return ERR_NOMEM;
    for (size_t k = 0; k < in->n_operators; k++)
        bar(&t, &in->operators[k]);
    uint32_t year = 0;
    for (size_t i = 0; i < p->n; i++) {
        struct plan_item *item = &p->items[i];
        if (item->party != PLAN_INTERNAL || item->year < w->open)
            continue;
        if (item->year != year)
            memset(t.hours, 0, sizeof t.hours);
        year = item->year;
        const struct catalogue_item *it = catalogue_find(in->catalogue, item->control_id);
        size_t k = choose(&t, (size_t)(it - in->catalogue->items));
        if (k == in->n_auditors) {
            plan_fault(w, item->control_id, "R69", "運用に携わらない内部監査人がいません",
                       "every internal auditor operates this control");
            continue;
        }
        item->auditor = in->auditors[k];
        t.hours[k] += item->hours;
    }
    return w->faults->n == before ? ERR_OK : ERR_INVAL;
}
