/* Reports held against catalogue and plan. Marks are kept by place in the catalogue, so that
 * everything is linear but the look-up of ids. */
#include "services/audit/core/results.h"

#include <string.h>

#define AUDITED 1u
#define SKIPPED 2u
#define COUNTS 4u

static void fault_at(struct audit_faults *f, struct arena *a, const char *list, size_t i,
                     const char *field, const char *rule, const char *ja, const char *en)
{
    const char *path = arena_printf(a, "%s[%zu].%s", list, i, field);
    audit_fault_add(f, a, 0, path == NULL ? list : path, rule, ja, en);
}

/* Marks the control; a fault when there is none, or when it is marked already. */
static void mark(struct arena *a, const struct catalogue *c, uint8_t *marks, const char *list,
                 size_t i, const char *id, uint8_t bit, struct audit_faults *f)
{
    const struct catalogue_item *it = catalogue_find(c, id);
    if (it == NULL) {
        fault_at(f, a, list, i, "controlId", "R60", "管理基準にない番号です",
                 "not a control of the catalogue the plan was made from");
        return;
    }
    uint8_t *m = &marks[it - c->items];
    if (*m != 0)
        fault_at(f, a, list, i, "controlId", "R65", "同じ管理策が二度記載されています",
                 "this control is named twice");
    *m |= bit;
}

static bool same_finding_before(const struct audit_results *r, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(r->findings[k].id, r->findings[i].id) == 0)
            return true;
    return false;
}

enum err results_check(struct arena *a, const struct catalogue *c, const struct audit_results *r,
                       struct audit_faults *faults)
{
    size_t before = faults->n;
    uint8_t *marks = arena_alloc(a, c->n);
    if (marks == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < r->n_controls; i++)
        mark(a, c, marks, "controls", i, r->controls[i].id, AUDITED, faults);
    for (size_t i = 0; i < r->n_skipped; i++)
        mark(a, c, marks, "skipped", i, r->skipped[i], SKIPPED, faults);
    for (size_t i = 0; i < r->n_findings; i++) {
        const struct catalogue_item *it = catalogue_find(c, r->findings[i].control);
        if (it == NULL || (marks[it - c->items] & AUDITED) == 0)
            fault_at(faults, a, "findings", i, "controlId", "R72",
                     "監査した管理策についての発見事項ではありません",
                     "the finding is about no control that was audited");
        if (same_finding_before(r, i))
            fault_at(faults, a, "findings", i, "findingId", "R72", "発見事項の番号が重複しています",
                     "two findings have this id");
    }
    return faults->n == before ? ERR_OK : ERR_INVAL;
}

bool results_counts(const struct audited_control *k, enum plan_party party)
{
    return party == PLAN_EXTERNAL || k->auditor[0] == '\0' ||
           strcmp(k->auditor, k->operated_by) != 0;
}

enum err results_compare(struct arena *a, const struct catalogue *c, const struct plan *p,
                         enum plan_party party, uint32_t year, const struct audit_results *r,
                         struct results_summary *out)
{
    *out = (struct results_summary){0};
    uint8_t *marks = arena_alloc(a, c->n);
    out->unexplained = arena_alloc(a, p->n * sizeof(*out->unexplained));
    if (marks == NULL || out->unexplained == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < r->n_controls; i++) {
        const struct catalogue_item *it = catalogue_find(c, r->controls[i].id);
        if (it != NULL)
            marks[it - c->items] |= results_counts(&r->controls[i], party) ? COUNTS : AUDITED;
        out->unplanned += it != NULL;
    }
    for (size_t i = 0; i < r->n_skipped; i++) {
        const struct catalogue_item *it = catalogue_find(c, r->skipped[i]);
        if (it != NULL)
            marks[it - c->items] |= SKIPPED;
    }
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_item *item = &p->items[i];
        const struct catalogue_item *it = catalogue_find(c, item->control_id);
        if (item->party != party || item->year != year || it == NULL)
            continue;
        uint8_t m = marks[it - c->items];
        out->planned++;
        out->unplanned -= (m & (COUNTS | AUDITED)) != 0;
        if ((m & COUNTS) != 0)
            out->performed++;
        else if ((m & SKIPPED) != 0)
            out->skipped++;
        else
            out->unexplained[out->n_unexplained++] = item->control_id;
    }
    return ERR_OK;
}

void results_content(struct arena *a, const struct audit_results *r,
                     const struct results_summary *s, bool approved, struct audit_faults *faults)
{
    for (size_t i = 0; i < r->n_controls; i++)
        if (!results_counts(&r->controls[i], PLAN_INTERNAL))
            fault_at(faults, a, "controls", i, "auditor", "R69",
                     "監査した者が管理策の運用者本人です",
                     "audited by the one who operates it, so it does not count");
    for (size_t i = 0; i < s->n_unexplained; i++)
        audit_fault_add(faults, a, 0, s->unexplained[i], "R72",
                        "この年の計画にありますが、監査も理由の記載もありません",
                        "planned for the year, neither audited nor left out with a reason");
    for (size_t i = 0; i < r->n_findings; i++)
        if (r->findings[i].correction[0] == '\0' || r->findings[i].correct_by[0] == '\0')
            fault_at(faults, a, "findings", i, "correction", "R72",
                     "是正の内容または期限の記載がありません",
                     "neither correction nor its day may be left out");
    if (!approved)
        audit_fault_add(faults, a, 0, "approvedBy", "R72",
                        "経営者の承認（承認者と承認日）の記載がありません",
                        "the management's approval and its day are not stated");
}
