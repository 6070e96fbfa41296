/* R61, control by control. */
#include "services/audit/core/statement.h"

#include <string.h>

#include "base/rows.h"

#define LINES_MAX 16384

struct reading {
    struct arena *arena;
    const struct catalogue *c;
    const struct statement_entry **of; /* of each control, NULL = nothing is said */
    struct audit_faults *faults;
};

static void fault(struct reading *r, const struct statement_entry *e, const char *id,
                  const char *ja, const char *en)
{
    audit_fault_add(r->faults, r->arena, e != NULL ? e->line : 0, id, "R61", ja, en);
}

static void place(struct reading *r, const struct statement_entry *e)
{
    const struct catalogue_item *it = catalogue_find(r->c, e->id);
    if (it == NULL) {
        fault(r, e, e->id, "管理基準の一覧にない管理策です", "not in the catalogue");
        return;
    }
    const struct statement_entry **of = &r->of[it - r->c->items];
    if (*of != NULL)
        fault(r, e, e->id, "二度挙げられています", "named twice");
    if (e->choice == STATEMENT_EXCLUDED && (e->reason == NULL || e->reason[0] == '\0'))
        fault(r, e, e->id, "採用しない理由がありません", "not declared, without a reason");
    *of = e;
}

static void check_one(struct reading *r, size_t i, const struct statement_entry *objective,
                      struct statement_counts *counts)
{
    const struct catalogue_item *it = &r->c->items[i];
    const struct statement_entry *e = r->of[i];
    bool carried = objective != NULL && objective->choice == STATEMENT_EXCLUDED;
    counts->declared += e != NULL && e->choice == STATEMENT_DECLARED;
    counts->excluded += e != NULL && e->choice == STATEMENT_EXCLUDED;
    counts->carried += carried && e == NULL;
    if (carried) {
        if (e != NULL && e->choice == STATEMENT_DECLARED)
            fault(r, e, it->id, "統制目標を除外した管理策は採用できません",
                  "declared although its objective is excluded");
        return;
    }
    if (e == NULL)
        fault(r, NULL, it->id, "言明されていません", "the statement does not speak of it");
    else if (e->choice != STATEMENT_EXCLUDED)
        return;
    else if (it->tier != CATALOGUE_CONTROLS)
        fault(r, e, it->id, "ガバナンス基準とマネジメント基準は除外できません",
              "governance and management cannot be excluded");
    else if (it->basic_statement)
        fault(r, e, it->id, "基本言明要件は統制目標を除外しない限り必須です",
              "a basic statement requirement is declared unless its objective is excluded");
}

enum err statement_check(struct arena *a, const struct catalogue *c,
                         const struct statement_entry *entries, size_t n,
                         struct statement_counts *counts, struct audit_faults *faults)
{
    struct reading r = {.arena = a, .c = c, .faults = faults};
    size_t before = faults->n;
    *counts = (struct statement_counts){0};
    r.of = arena_alloc(a, (c->n + 1) * sizeof(*r.of));
    if (r.of == NULL)
        return ERR_NOMEM;
    for (size_t k = 0; k < n; k++)
        place(&r, &entries[k]);
    const struct statement_entry *objective = NULL;
    for (size_t i = 0; i < c->n; i++) {
        if (c->items[i].objective)
            objective = NULL;
        if (!c->items[i].not_assessed)
            check_one(&r, i, objective, counts);
        if (c->items[i].objective)
            objective = r.of[i];
    }
    return faults->n == before ? ERR_OK : ERR_INVAL;
}

static bool read_row(char *row, struct statement_entry *e)
{
    char *fields[3] = {row, NULL, NULL};
    if (rows_cut(row, fields, 3) < 2)
        return false;
    e->id = fields[0];
    e->reason = fields[2];
    e->choice = strcmp(fields[1], "declared") == 0 ? STATEMENT_DECLARED : STATEMENT_EXCLUDED;
    return e->choice == STATEMENT_DECLARED || strcmp(fields[1], "excluded") == 0;
}

enum err statement_parse(struct arena *a, char *text, struct statement_entry **entries, size_t *n,
                         struct audit_faults *faults)
{
    size_t before = faults->n;
    size_t lines = 1;
    struct rows rows;
    char *row;
    *n = 0;
    for (const char *p = text; *p != '\0'; p++)
        lines += *p == '\n';
    if (lines > LINES_MAX)
        return ERR_LIMIT;
    *entries = arena_alloc(a, lines * sizeof(**entries));
    if (*entries == NULL)
        return ERR_NOMEM;
    if (rows_encoding_fault(text, strlen(text), true) != NULL) {
        audit_fault_add(faults, a, 0, "encoding", "R61",
                        rows_encoding_fault(text, strlen(text), true),
                        rows_encoding_fault(text, strlen(text), false));
        return ERR_INVAL;
    }
    rows_begin(&rows, text, "control,");
    while ((row = rows_next(&rows)) != NULL) {
        struct statement_entry *e = &(*entries)[*n];
        *e = (struct statement_entry){.line = rows.line};
        if (read_row(row, e))
            (*n)++;
        else
            audit_fault_add(faults, a, rows.line, "line", "R61",
                            "「管理策,declared か excluded,理由」の形ではありません",
                            "not control,declared or excluded,reason");
    }
    return faults->n == before ? ERR_OK : ERR_INVAL;
}
