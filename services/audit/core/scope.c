/* See scope.h. */
#include "services/audit/core/scope.h"

#include <stdlib.h>
#include <string.h>

#include "base/date.h"

static void fault_at(struct arena *a, struct audit_faults *f, const char *list, size_t i,
                     const char *part, const char *rule, const char *ja, const char *en)
{
    const char *field = arena_printf(a, "%s[%zu]%s", list, i, part);
    audit_fault_add(f, a, 0, field == NULL ? list : field, rule, ja, en);
}

static void fault(struct arena *a, struct audit_faults *f, size_t i, const char *rule,
                  const char *ja, const char *en)
{
    fault_at(a, f, "controls", i, "", rule, ja, en);
}

static bool *marks(struct arena *a, const struct catalogue *c)
{
    bool *m = arena_alloc(a, (c->n + 1) * sizeof *m);
    if (m != NULL)
        memset(m, 0, (c->n + 1) * sizeof *m);
    return m;
}

/* ---- statements */

/* Of each control: excluded itself, or with its objective. NULL: no memory. */
static bool *excluded_of(struct arena *a, const struct catalogue *c,
                         const struct scope_statement *s)
{
    bool *out = marks(a, c);
    for (size_t k = 0; out != NULL && k < s->n_excluded; k++) {
        const struct catalogue_item *it = catalogue_find(c, s->excluded[k].id);
        if (it == NULL)
            continue;
        size_t i = (size_t)(it - c->items);
        out[i] = true;
        for (i++; it->objective && i < c->n && !c->items[i].objective; i++)
            out[i] = true;
    }
    return out;
}

static size_t objective_of(const struct catalogue *c, size_t i)
{
    while (i > 0 && !c->items[i].objective)
        i--;
    return i;
}

static void check_excluded(struct arena *a, const struct catalogue *c,
                           const struct scope_statement *s, const bool *excluded, bool *seen,
                           struct audit_faults *f)
{
    for (size_t k = 0; k < s->n_excluded; k++) {
        const struct catalogue_item *it = catalogue_find(c, s->excluded[k].id);
        const char *rule = "R64";
        const char *ja = NULL;
        const char *en = NULL;
        if (it == NULL) {
            rule = "R60";
            ja = "計画の管理基準にない管理策です。";
            en = "This control is not in the plan's catalogue.";
        } else if (it->tier != CATALOGUE_CONTROLS) {
            ja = "除外できるのは管理策基準の管理策だけです。";
            en = "Only controls of the controls tier can be excluded.";
        } else if (seen[it - c->items]) {
            ja = "同じ管理策が二度挙げられています。";
            en = "This control is named twice.";
        } else if (it->basic_statement && !it->objective &&
                   !excluded[objective_of(c, (size_t)(it - c->items))]) {
            rule = "R61";
            ja = "基本言明要件は、統制目標を除外しない限り除外できません。";
            en = "A basic requirement is excluded only together with its objective.";
        }
        if (en != NULL)
            fault_at(a, f, "excluded", k, ".controlId", rule, ja, en);
        if (it != NULL)
            seen[it - c->items] = true;
    }
}

static void check_people(struct arena *a, const struct catalogue *c,
                         const struct scope_statement *s, const bool *excluded,
                         struct audit_faults *f)
{
    for (size_t k = 0; k < s->n_operators; k++) {
        const struct catalogue_item *it = catalogue_find(c, s->operators[k].id);
        if (it == NULL)
            fault_at(a, f, "operators", k, ".controlId", "R60", "計画の管理基準にない管理策です。",
                     "This control is not in the plan's catalogue.");
        else if (excluded[it - c->items])
            fault_at(a, f, "operators", k, ".controlId", "R64",
                     "除外した管理策を運用する者が挙げられています。",
                     "Somebody operates what is excluded.");
    }
    for (size_t k = 0; k < s->n_auditors; k++)
        for (size_t j = 0; j < k; j++)
            if (strcmp(s->auditors[j], s->auditors[k]) == 0) {
                fault_at(a, f, "auditors", k, "", "R69", "同じ内部監査人が二度挙げられています。",
                         "This auditor is named twice.");
                break;
            }
}

static void check_inherited(struct arena *a, const struct catalogue *c,
                            const struct scope_statement *s, const bool *excluded, bool *seen,
                            struct audit_faults *f)
{
    for (size_t k = 0; k < s->n_inherited; k++) {
        const struct catalogue_item *it = catalogue_find(c, s->inherited[k].id);
        const char *rule = "R70";
        const char *ja = NULL;
        const char *en = NULL;
        if (it == NULL) {
            rule = "R60";
            ja = "計画の管理基準にない管理策です。";
            en = "This control is not in the plan's catalogue.";
        } else if (it->tier != CATALOGUE_CONTROLS) {
            ja = "引き継げるのは管理策基準の管理策だけです。";
            en = "Only controls of the controls tier can be inherited.";
        } else if (excluded[it - c->items]) {
            ja = "除外した管理策は引き継げません。";
            en = "It is both excluded and inherited.";
        } else if (seen[it - c->items]) {
            ja = "同じ管理策が二度挙げられています。";
            en = "This control is named twice.";
        }
        if (en != NULL)
            fault_at(a, f, "inherited", k, ".controlId", rule, ja, en);
        if (it != NULL)
            seen[it - c->items] = true;
    }
}

enum err scope_check_statement(struct arena *a, const struct catalogue *c,
                               const struct scope_statement *s, struct audit_faults *faults)
{
    size_t before = faults->n;
    bool *excluded = excluded_of(a, c, s);
    bool *seen = marks(a, c);
    bool *inherited = marks(a, c);
    if (excluded == NULL || seen == NULL || inherited == NULL)
        return ERR_NOMEM;
    check_excluded(a, c, s, excluded, seen, faults);
    check_inherited(a, c, s, excluded, inherited, faults);
    check_people(a, c, s, excluded, faults);
    return faults->n == before ? ERR_OK : ERR_INVAL;
}

const char *const *scope_adopted(struct arena *a, const struct catalogue *c,
                                 const struct scope_statement *old,
                                 const struct scope_statement *now, size_t *n)
{
    const bool *was = excluded_of(a, c, old);
    const bool *is = excluded_of(a, c, now);
    const char **out = arena_alloc(a, (c->n + 1) * sizeof *out);
    *n = 0;
    if (was == NULL || is == NULL || out == NULL)
        return NULL;
    for (size_t i = 0; i < c->n; i++)
        if (was[i] && !is[i])
            out[(*n)++] = c->items[i].id;
    return out;
}

/* ---- what happens */

enum err scope_check_controls(struct arena *a, const struct catalogue *c,
                              const char *const *controls, size_t n, struct audit_faults *faults)
{
    size_t before = faults->n;
    bool *seen = marks(a, c);
    if (seen == NULL)
        return ERR_NOMEM;
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

/* What is excluded does not change, and only what is excluded is adopted. */
static void check_adoption(struct arena *a, const struct catalogue *c, const struct scope_notice *n,
                           const bool *excluded, struct audit_faults *f)
{
    for (size_t i = 0; i < n->n; i++) {
        const struct catalogue_item *it = catalogue_find(c, n->controls[i]);
        bool itself = false;
        if (it == NULL)
            continue;
        for (size_t k = 0; k < n->before->n_excluded; k++)
            itself |= catalogue_find(c, n->before->excluded[k].id) == it;
        if (!n->adopts && excluded[it - c->items])
            fault(a, f, i, "R64", "除外した管理策です。採用した場合はその旨を届け出てください。",
                  "This control is excluded; if it is adopted now, that is the change.");
        else if (n->adopts && !excluded[it - c->items])
            fault(a, f, i, "R48", "既に採用している管理策です。",
                  "This control is adopted already.");
        else if (n->adopts && !itself)
            fault(a, f, i, "R64", "統制目標が除外されています。統制目標を採用してください。",
                  "It is excluded with its objective: adopt the objective.");
    }
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
    const bool *excluded = n->stated && e != ERR_NOMEM ? excluded_of(a, c, n->before) : NULL;
    if (n->stated && excluded == NULL)
        return ERR_NOMEM;
    if (n->stated)
        check_adoption(a, c, n, excluded, faults);
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
