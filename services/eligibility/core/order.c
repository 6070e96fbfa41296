/* A canonical order of the sheets: a verdict must not depend on who answered first. */
#include "services/eligibility/core/judge.h"

#include <stdlib.h>
#include <string.h>

static int compare_u64(uint64_t x, uint64_t y)
{
    return (x > y) - (x < y);
}

static int compare_claims(const struct elig_claim *x, const struct elig_claim *y)
{
    int d = strcmp(x->code, y->code);
    if (d == 0)
        d = compare_u64(x->n_answers, y->n_answers);
    for (size_t i = 0; d == 0 && i < x->n_answers; i++) {
        d = strcmp(x->answers[i].question, y->answers[i].question);
        if (d == 0)
            d = (int)x->answers[i].answer - (int)y->answers[i].answer;
    }
    return d;
}

static int compare_items(const struct elig_assessment *x, const struct elig_assessment *y)
{
    int d = compare_u64(x->n_items, y->n_items);
    for (size_t i = 0; d == 0 && i < x->n_items; i++) {
        const struct elig_item *p = &x->items[i];
        const struct elig_item *q = &y->items[i];
        d = compare_u64(p->confidentiality_class, q->confidentiality_class);
        if (d == 0)
            d = (int)p->confidentiality - (int)q->confidentiality;
        if (d == 0)
            d = (int)p->integrity - (int)q->integrity;
        if (d == 0)
            d = (int)p->availability - (int)q->availability;
    }
    return d;
}

static int compare_sheets(const void *left, const void *right)
{
    const struct elig_assessment *x = *(const struct elig_assessment *const *)left;
    const struct elig_assessment *y = *(const struct elig_assessment *const *)right;
    int d = strcmp(x->body, y->body);
    if (d == 0)
        d = strcmp(x->ministry, y->ministry);
    if (d == 0)
        d = strcmp(x->bureau, y->bureau);
    if (d == 0)
        d = compare_claims(&x->business, &y->business);
    return d != 0 ? d : compare_items(x, y);
}

static bool replaced(const struct elig_case *c, const struct elig_assessment *s)
{
    for (size_t i = 0; i < c->n_assessments; i++) {
        const struct elig_assessment *o = &c->assessments[i];
        if (o->received_at_ms > s->received_at_ms && strcmp(o->ministry, s->ministry) == 0 &&
            strcmp(o->bureau, s->bureau) == 0)
            return true;
    }
    return false;
}

bool judge_same_body(const struct judge *j, const struct elig_assessment *x,
                     const struct elig_assessment *y)
{
    if (j->in->rules->bureaux_count_once)
        return strcmp(x->body, y->body) == 0;
    return strcmp(x->ministry, y->ministry) == 0 && strcmp(x->bureau, y->bureau) == 0;
}

void judge_order_sheets(struct judge *j)
{
    const struct elig_case *c = j->in->c;
    for (size_t i = 0; i < c->n_assessments; i++)
        if (!replaced(c, &c->assessments[i]))
            j->sheets[j->n_sheets++] = &c->assessments[i];
    if (j->n_sheets > 1)
        qsort(j->sheets, j->n_sheets, sizeof(const struct elig_assessment *), compare_sheets);
}
