/* Random catalogues, policies and pasts for the planner's tests, from a seed: the same everywhere.
 */
#ifndef LIU_TESTS_AUDIT_PLAN_RANDOM_H
#define LIU_TESTS_AUDIT_PLAN_RANDOM_H

#include "services/audit/core/plan.h"

struct world {
    struct arena a;
    struct catalogue c;
    struct plan_policy policy;
    struct plan_input in;
    struct plan plan;
    struct plan_certificate cert;
    struct audit_faults faults;
    uint64_t seed;
};

/* What may be in it. */
struct world_size {
    uint32_t domains;    /* at most */
    uint32_t objectives; /* of a domain, at most */
    uint32_t details;    /* of an objective, at most */
    uint32_t years;      /* periods, at most */
    bool equal;          /* both periods are `years` */
    bool efforts;        /* hours that differ within a party */
    bool special;        /* the special measure */
    bool events;         /* inheritance, triggers, failed audits, an open year behind the first */
};

void world_begin(struct world *w, uint64_t seed, const struct world_size *size);
void world_end(struct world *w);

/* 0 .. n - 1; 0 when n is 0. */
uint32_t world_below(struct world *w, uint32_t n);

/* A past: any controls in any years up to the open one. */
void world_history(struct world *w);

/* The plan is what was planned before a change. */
void world_keep_plan(struct world *w);

#endif
