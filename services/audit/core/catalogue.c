/* Ids, order and counts of the catalogue. The file's lines are read in catalogue_csv.c. */
#include "services/audit/core/catalogue.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 9999u

/* One number without sign or leading zero; *p moves behind it. 0 = there is none. */
static unsigned read_number(const char **p)
{
    unsigned v = 0;
    if (**p < '1' || **p > '9')
        return 0;
    while (**p >= '0' && **p <= '9') {
        v = v * 10 + (unsigned)(**p - '0');
        if (v > NUMBER_MAX)
            return 0;
        (*p)++;
    }
    return v;
}

static bool read_suffix(const char *p, struct catalogue_item *out)
{
    if (*p == '\0')
        return true;
    if (strcmp(p, ".P") != 0 && strcmp(p, ".B") != 0 && strcmp(p, ".PB") != 0)
        return false;
    out->provider_specific = p[1] == 'P';
    out->basic_statement = strchr(p, 'B') != NULL;
    return true;
}

static enum catalogue_tier tier_of(unsigned chapter)
{
    if (chapter == 3)
        return CATALOGUE_GOVERNANCE;
    return chapter == 4 ? CATALOGUE_MANAGEMENT : CATALOGUE_CONTROLS;
}

bool catalogue_read_id(const char *id, struct catalogue_item *out)
{
    *out = (struct catalogue_item){0};
    size_t len = strlen(id);
    if (len >= CATALOGUE_ID_BYTES)
        return false;
    const char *p = id;
    size_t n = 0;
    while (n < 4) {
        unsigned v = read_number(&p);
        if (v == 0)
            return false;
        out->numbers[n++] = (uint16_t)v;
        if (p[0] != '.' || p[1] < '0' || p[1] > '9')
            break;
        p++;
    }
    if (n < 3 || out->numbers[0] < 3 || out->numbers[0] > 18 || !read_suffix(p, out))
        return false;
    memcpy(out->id, id, len + 1);
    out->objective = n == 3;
    out->tier = tier_of(out->numbers[0]);
    return true;
}

int catalogue_compare(const struct catalogue_item *x, const struct catalogue_item *y)
{
    for (size_t i = 0; i < 4; i++)
        if (x->numbers[i] != y->numbers[i])
            return x->numbers[i] < y->numbers[i] ? -1 : 1;
    return 0;
}

/* Equal numbers in the order of the file, so that the later line is the one at fault. */
static int by_number(const void *x, const void *y)
{
    const struct catalogue_item *a = x;
    const struct catalogue_item *b = y;
    int c = catalogue_compare(a, b);
    if (c != 0)
        return c;
    return a->line < b->line ? -1 : a->line > b->line;
}

static int by_number_only(const void *x, const void *y)
{
    return catalogue_compare(x, y);
}

static const struct catalogue_item *find_numbers(const struct catalogue *c,
                                                 const struct catalogue_item *key)
{
    if (c->n == 0)
        return NULL;
    return bsearch(key, c->items, c->n, sizeof(*c->items), by_number_only);
}

static int by_text(const void *x, const void *y)
{
    const struct catalogue_item *const *a = x;
    const struct catalogue_item *const *b = y;
    int c = strcmp((*a)->id, (*b)->id);
    if (c != 0)
        return c;
    return catalogue_compare(*a, *b);
}

/* First of by_id that is not before `id`. */
static const struct catalogue_item *find_text(const struct catalogue *c, const char *id)
{
    size_t low = 0;
    size_t high = c->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(c->by_id[mid]->id, id) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < c->n && strcmp(c->by_id[low]->id, id) == 0 ? c->by_id[low] : NULL;
}

enum err catalogue_index_named(struct arena *a, struct catalogue_item *items, size_t n,
                               struct catalogue *out, struct audit_faults *faults)
{
    size_t before = faults->n;
    const struct catalogue_item **by_id = arena_alloc(a, n * sizeof(*by_id));
    if (by_id == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        by_id[i] = &items[i];
    if (n > 0)
        qsort(by_id, n, sizeof(*by_id), by_text);
    for (size_t i = 1; i < n; i++) {
        const struct catalogue_item *first = by_id[i - 1];
        const struct catalogue_item *second = by_id[i];
        if (strcmp(first->id, second->id) != 0)
            continue;
        const char *at = first->path != NULL ? first->path : "?";
        const char *again = second->path != NULL ? second->path : "?";
        audit_fault_add(faults, a, second->line, second->id, "R60",
                        arena_printf(a, "%s(%u 行目)は %s(%u 行目)と重複しています", again,
                                     second->line, at, first->line),
                        arena_printf(a, "%s (line %u) has the id of %s (line %u)", again,
                                     second->line, at, first->line));
    }
    *out = (struct catalogue){.items = items, .n = n, .by_id = by_id};
    return faults->n == before ? ERR_OK : ERR_INVAL;
}

const struct catalogue_item *catalogue_find(const struct catalogue *c, const char *id)
{
    if (c->by_id != NULL)
        return find_text(c, id);
    struct catalogue_item key;
    if (!catalogue_read_id(id, &key))
        return NULL;
    const struct catalogue_item *found = find_numbers(c, &key);
    return found != NULL && strcmp(found->id, id) == 0 ? found : NULL;
}

enum err catalogue_index(struct arena *a, struct catalogue_item *items, size_t n,
                         struct catalogue *out, struct audit_faults *faults)
{
    size_t before = faults->n;
    *out = (struct catalogue){.items = items, .n = n};
    if (n > 0)
        qsort(items, n, sizeof(*items), by_number);
    for (size_t i = 1; i < n; i++)
        if (catalogue_compare(&items[i - 1], &items[i]) == 0)
            audit_fault_add(faults, a, items[i].line, "id", "R60",
                            arena_printf(a, "%s は %s(%u 行目)と重複しています", items[i].id,
                                         items[i - 1].id, items[i - 1].line),
                            arena_printf(a, "%s is the same control as %s (line %u)", items[i].id,
                                         items[i - 1].id, items[i - 1].line));
    for (size_t i = 0; i < n; i++) {
        if (items[i].objective)
            continue;
        struct catalogue_item parent = items[i];
        parent.numbers[3] = 0;
        if (find_numbers(out, &parent) == NULL)
            audit_fault_add(faults, a, items[i].line, "id", "R60",
                            arena_printf(a, "%s の統制目標が一覧にありません", items[i].id),
                            arena_printf(a, "the objective of %s is not in the list", items[i].id));
    }
    return faults->n == before ? ERR_OK : ERR_INVAL;
}

void catalogue_count(const struct catalogue *c, struct catalogue_counts *out)
{
    *out = (struct catalogue_counts){0};
    for (size_t i = 0; i < c->n; i++) {
        const struct catalogue_item *it = &c->items[i];
        if (it->objective)
            out->objectives[it->tier]++;
        else
            out->detailed[it->tier]++;
        out->basic_statement += it->basic_statement;
        out->provider_specific += it->objective && it->provider_specific;
        out->not_assessed += it->not_assessed;
    }
}

struct known_counts {
    const char *version;
    struct catalogue_counts counts;
};

/* Counted from the published text of each version. */
static const struct known_counts known[] = {
    {"2022-04-01",
     {.objectives =
          {[CATALOGUE_GOVERNANCE] = 6, [CATALOGUE_MANAGEMENT] = 21, [CATALOGUE_CONTROLS] = 121},
      .detailed =
          {[CATALOGUE_GOVERNANCE] = 18, [CATALOGUE_MANAGEMENT] = 64, [CATALOGUE_CONTROLS] = 31},
      .basic_statement = 31,
      .provider_specific = 7,
      .not_assessed = 1}},
};

static void check_count(struct arena *a, const char *what, uint32_t want, uint32_t got,
                        struct audit_faults *faults)
{
    if (want != got)
        audit_fault_add(faults, a, 0, what, "R60",
                        arena_printf(a, "%u 件のはずが %u 件です", want, got),
                        arena_printf(a, "expected %u, found %u", want, got));
}

bool catalogue_check_counts(struct arena *a, const char *version, const struct catalogue_counts *c,
                            struct audit_faults *faults)
{
    static const char *const objectives[] = {"", "governance objectives", "management objectives",
                                             "controls objectives"};
    static const char *const detailed[] = {"", "governance detailed", "management detailed",
                                           "controls detailed"};
    for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
        const struct catalogue_counts *w = &known[k].counts;
        if (strcmp(known[k].version, version) != 0)
            continue;
        for (int t = CATALOGUE_GOVERNANCE; t < CATALOGUE_TIERS; t++) {
            check_count(a, objectives[t], w->objectives[t], c->objectives[t], faults);
            check_count(a, detailed[t], w->detailed[t], c->detailed[t], faults);
        }
        check_count(a, "basic_statement_B", w->basic_statement, c->basic_statement, faults);
        check_count(a, "provider_specific_P", w->provider_specific, c->provider_specific, faults);
        check_count(a, "not assessed", w->not_assessed, c->not_assessed, faults);
        return true;
    }
    return false;
}
