/* What no plan can do without: the squares and moves of each party and domain by itself, as if the
 * others were not there. Turn by turn, each along the cheapest way through the turns that are
 * already placed; squares are convex, so the sum is the least there is for the domain.
 */
#include "services/audit/core/plan_proof.h"

#include <string.h>

#define WEIGHT ((int64_t)1 << 24) /* of a square against a move */
#define FAR (INT64_MAX / 4)

/* Turns of a domain that may be in the same years at the same price. */
struct sort {
    uint32_t earliest;
    uint32_t latest;
    uint32_t avoid; /* years where they count as moved */
    uint32_t n;
    uint32_t x[PROOF_YEARS];
};

struct domain {
    const struct proof *p;
    unsigned side;
    struct sort *sorts;
    size_t n;
    uint32_t cells[PROOF_YEARS];
    int64_t arc[PROOF_YEARS][PROOF_YEARS]; /* one turn goes from year to year */
    size_t by[PROOF_YEARS][PROOF_YEARS];   /* of that sort */
    int64_t cost;
};

static int64_t moved(const struct domain *d, const struct sort *s, uint32_t year)
{
    int64_t n = 0;
    for (uint32_t y = year; y <= d->p->years; y += proof_period(d->p, d->side))
        n += (s->avoid >> y) & 1u;
    return n;
}

static void add_turn(struct domain *d, const struct proof_side *s)
{
    uint32_t avoid = (s->before & d->p->before_years) == 0 ? 0 : d->p->before_years & ~s->before;
    size_t i = 0;
    while (i < d->n && (d->sorts[i].earliest != s->earliest || d->sorts[i].latest != s->latest ||
                        d->sorts[i].avoid != avoid))
        i++;
    if (i == d->n)
        d->sorts[d->n++] = (struct sort){s->earliest, s->latest, avoid, 0, {0}};
    d->sorts[i].n++;
}

static void find_arcs(struct domain *d)
{
    for (uint32_t y = 1; y < PROOF_YEARS; y++)
        for (uint32_t z = 1; z < PROOF_YEARS; z++)
            d->arc[y][z] = FAR;
    for (size_t i = 0; i < d->n; i++) {
        const struct sort *s = &d->sorts[i];
        for (uint32_t y = s->earliest; y <= s->latest; y++)
            for (uint32_t z = s->earliest; s->x[y] > 0 && z <= s->latest; z++) {
                int64_t cost = moved(d, s, z) - moved(d, s, y);
                if (cost < d->arc[y][z]) {
                    d->arc[y][z] = cost;
                    d->by[y][z] = i;
                }
            }
    }
}

/* One turn of the sort more: it goes to some year, whose turns make room where that is cheaper. */
static void place(struct domain *d, struct sort *s)
{
    int64_t dist[PROOF_YEARS];
    uint32_t came[PROOF_YEARS] = {0};
    uint32_t end = s->earliest;
    find_arcs(d);
    for (uint32_t y = 1; y < PROOF_YEARS; y++)
        dist[y] = y >= s->earliest && y <= s->latest ? moved(d, s, y) : FAR;
    for (uint32_t round = 1; round <= d->p->years; round++)
        for (uint32_t y = d->p->open; y <= d->p->years; y++)
            for (uint32_t z = d->p->open; z <= d->p->years; z++)
                if (dist[y] != FAR && d->arc[y][z] != FAR && dist[y] + d->arc[y][z] < dist[z]) {
                    dist[z] = dist[y] + d->arc[y][z];
                    came[z] = y;
                }
    for (uint32_t y = d->p->open; y <= d->p->years; y++)
        if (dist[y] + WEIGHT * (2 * (int64_t)d->cells[y] + 1) <
            dist[end] + WEIGHT * (2 * (int64_t)d->cells[end] + 1))
            end = y;
    d->cost += dist[end] + WEIGHT * (2 * (int64_t)d->cells[end] + 1);
    d->cells[end]++;
    uint32_t y = end;
    for (uint32_t hops = 0; came[y] != 0 && hops < PROOF_YEARS; hops++) {
        struct sort *g = &d->sorts[d->by[came[y]][y]];
        g->x[came[y]]--;
        g->x[y]++;
        y = came[y];
    }
    s->x[y]++;
}

enum err proof_least(const struct proof *p, uint64_t *squares, uint64_t *moves)
{
    const struct catalogue *c = p->in->catalogue;
    struct sort *sorts = arena_alloc(p->arena, (c->n + 1) * sizeof *sorts);
    *squares = 0;
    *moves = 0;
    if (sorts == NULL)
        return ERR_NOMEM;
    for (unsigned n = 0; n < 2; n++)
        for (size_t i = 0; i < c->n;) {
            struct domain d = {.p = p, .side = n, .sorts = sorts};
            uint16_t number = c->items[i].numbers[0];
            for (; i < c->n && c->items[i].numbers[0] == number; i++)
                if (p->controls[i].sides[n].in_turn && p->controls[i].sides[n].turn != 0)
                    add_turn(&d, &p->controls[i].sides[n]);
            for (size_t k = 0; k < d.n; k++)
                for (uint32_t of = 0; of < d.sorts[k].n; of++)
                    place(&d, &d.sorts[k]);
            *squares += (uint64_t)(d.cost / WEIGHT);
            *moves += (uint64_t)(d.cost % WEIGHT);
        }
    return ERR_OK;
}
