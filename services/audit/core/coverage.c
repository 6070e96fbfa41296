/* Coverage told from history alone: what is planned does not count. */
#include "services/audit/core/coverage.h"

int32_t coverage_window_end(const struct plan_policy *policy, int32_t since, int32_t upto)
{
    int32_t cycle = (int32_t)policy->internal_cycle_years;
    int32_t years = upto - since + 1;
    if (since == 0 || cycle == 0 || years < cycle)
        return 0;
    return policy->internal_sliding ? upto : since + years / cycle * cycle - 1;
}

/* Or inherited, while the base service stands. R64, R70 */
static bool is_excluded(const struct plan_input *in, const struct catalogue_item *it)
{
    for (size_t k = 0; k < in->n_excluded; k++)
        if (catalogue_find(in->catalogue, in->excluded[k].id) == it)
            return true;
    for (size_t k = 0; k < in->n_inherited; k++)
        if (in->inherited[k].lapsed_year == 0 &&
            catalogue_find(in->catalogue, in->inherited[k].id) == it)
            return true;
    return false;
}

enum err coverage_of(struct arena *a, const struct plan_input *in, int32_t since, int32_t upto,
                     struct coverage *out)
{
    const struct catalogue *c = in->catalogue;
    *out = (struct coverage){0};
    int32_t *last = arena_alloc(a, c->n * sizeof(*last));
    out->gaps = arena_alloc(a, c->n * sizeof(*out->gaps));
    if (last == NULL || out->gaps == NULL)
        return ERR_NOMEM;
    int32_t end = coverage_window_end(in->policy, since, upto);
    for (size_t k = 0; k < in->n_history; k++) {
        const struct plan_history *h = &in->history[k];
        const struct catalogue_item *it = catalogue_find(c, h->id);
        if (it != NULL && h->party == PLAN_INTERNAL && h->result != PLAN_SKIPPED &&
            h->year > last[it - c->items])
            last[it - c->items] = h->year;
    }
    int32_t first = end - (int32_t)in->policy->internal_cycle_years + 1;
    for (size_t i = 0; i < c->n; i++) {
        const struct catalogue_item *it = &c->items[i];
        bool counted = it->objective && !it->not_assessed &&
                       (in->policy->internal_all_tiers || it->tier == CATALOGUE_CONTROLS);
        if (!counted || is_excluded(in, it))
            continue;
        out->objectives++;
        if (end == 0 || last[i] >= first)
            out->covered++;
        else
            out->gaps[out->n_gaps++] = (struct coverage_gap){it->id, last[i]};
    }
    return ERR_OK;
}
