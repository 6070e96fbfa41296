/* See scope.h. */
#include "services/audit/core/scope.h"

#include <stdlib.h>
#include <string.h>

#include "base/date.h"

static void fault(struct arena *a, struct audit_faults *f, size_t i, const char *rule,
                  const char *ja, const char *en)
{
    const char *field = arena_printf(a, "controls[%zu]", i);
    audit_fault_add(f, a, 0, field == NULL ? "controls" : field, rule, ja, en);
}

enum err scope_check_controls(struct arena *a, const struct catalogue *c,
                              const char *const *controls, size_t n, struct audit_faults *faults)
{
    size_t before = faults->n;
    bool *seen = arena_alloc(a, (c->n + 1) * sizeof *seen);
    if (seen == NULL)
        return ERR_NOMEM;
    memset(seen, 0, (c->n + 1) * sizeof *seen);
    for (size_t i = 0; i < n; i++) {
        const struct catalogue_item *it = catalogue_find(c, controls[i]);
        if (it == NULL)
            fault(a, faults, i, "R60", "計画の管理基準にない管理策です。",
                  "This control is not in the plan's catalogue.");
        else if (it->not_assessed)
            fault(a, faults, i, "R66", "監査の対象とならない項目です。",
                  "There is nothing to audit under this number.");
        else if (seen[it - c->items])
            fault(a, faults, i, "R66", "同じ管理策が二度挙げられています。",
                  "This control is named twice.");
        else
            seen[it - c->items] = true;
    }
    return faults->n == before ? ERR_OK : ERR_INVAL;
}

enum err scope_check_notice(struct arena *a, const struct catalogue *c,
                            const struct scope_notice *n, struct audit_faults *faults)
{
    size_t before = faults->n;
    if (n->changed_day > date_add_months(n->today, 12) ||
        n->changed_day < date_add_months(n->today, -12 * SCOPE_TRIGGER_YEARS))
        audit_fault_add(faults, a, 0, "changedOn", "R48",
                        "変更日は10年前から1年後までの日にしてください。",
                        "The day of a change is at most ten years ago and one year ahead.");
    enum err e = scope_check_controls(a, c, n->controls, n->n, faults);
    return e != ERR_OK || faults->n == before ? e : ERR_INVAL;
}

static const char *ref_of(const struct plan_trigger *t)
{
    return t->ref == NULL ? "" : t->ref;
}

static bool is_change(const struct plan_trigger *t)
{
    return t->cause == PLAN_CHANGED || t->cause == PLAN_ADOPTED;
}

/* Those that stand for the same are neighbours, the one that counts first. */
static int compare(const void *x, const void *y)
{
    const struct plan_trigger *a = x;
    const struct plan_trigger *b = y;
    int order = strcmp(a->id, b->id);
    if (order == 0)
        order = (a->cause > b->cause) - (a->cause < b->cause);
    if (order == 0 && !is_change(a))
        order = strcmp(ref_of(a), ref_of(b));
    if (order == 0)
        order = (a->year < b->year) - (a->year > b->year);
    return order != 0 ? order : strcmp(ref_of(b), ref_of(a));
}

static bool same(const struct plan_trigger *a, const struct plan_trigger *b)
{
    return a->cause == b->cause && strcmp(a->id, b->id) == 0 &&
           (is_change(a) || strcmp(ref_of(a), ref_of(b)) == 0);
}

enum err scope_merge(struct arena *a, const struct scope_triggers *old,
                     const struct scope_triggers *more, int32_t oldest_year,
                     struct scope_triggers *out)
{
    struct plan_trigger *all = arena_alloc(a, (old->n + more->n + 1) * sizeof *all);
    const struct scope_triggers *const both[] = {old, more};
    size_t n = 0;
    size_t kept = 0;
    if (all == NULL)
        return ERR_NOMEM;
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < both[k]->n; i++)
            if (both[k]->items[i].year >= oldest_year)
                all[n++] = both[k]->items[i];
    qsort(all, n, sizeof *all, compare);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !same(&all[kept - 1], &all[i]))
            all[kept++] = all[i];
    *out = (struct scope_triggers){all, kept};
    return kept > SCOPE_TRIGGERS_MAX ? ERR_LIMIT : ERR_OK;
}
