/* Cases in shorthand, judged by the shipped rulebook and target list.
 *
 * Answers: "Q1=Y Q2=N Q3=U" for the questions of the claimed entry (TB-1 -> TB1.Q1 ...).
 * Levels: one letter for C, I and A of each item, items separated by commas: "LLL,LMH"; "-" = not
 * stated.
 */
#ifndef TEST_ELIGIBILITY_FIXTURE_H
#define TEST_ELIGIBILITY_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "services/eligibility/core/eligibility.h"

#define SHEETS_MAX 6

struct sheet_spec {
    const char *ministry; /* NULL ends the list */
    const char *levels;
    const char *code;    /* NULL = the provider's */
    const char *answers; /* NULL = the provider's */
    const char *bureau;
    const char *body;    /* NULL = the ministry */
    uint32_t item_class; /* 0 = 2 */
    int64_t received_at_ms;
};

struct case_spec {
    const char *name;
    const char *code;
    const char *answers; /* NULL = every question of the entry with its matching answer */
    struct sheet_spec sheets[SHEETS_MAX];
    enum elig_model model;   /* 0 = SaaS */
    uint32_t provider_class; /* 0 = 2 */
    const char *received;    /* NULL = 2024-04-01 */
    const char *asked[3];
};

struct fixture {
    struct arena arena;
    struct elig_rules rules; /* of regime A; a test may change its copy */
    struct elig_list list;
};

/* Loads rules/regime-a.yaml and rules/targets.yaml; fails the test when they do not load. */
void fixture_init(struct fixture *f);
void fixture_fini(struct fixture *f);

/* In the fixture's arena. */
struct elig_case *fixture_case(struct fixture *f, const struct case_spec *spec);

#define FIXTURE_NOW_MS 1714521600000 /* 2024-05-01T00:00:00Z */

/* Judges; asserts success. `k` may be NULL. */
struct elig_verdict fixture_judge(struct fixture *f, const struct elig_case *c,
                                  const struct elig_confirmation *k);
struct elig_verdict fixture_run(struct fixture *f, const struct case_spec *spec,
                                const struct elig_confirmation *k);

/* "ELIGIBLE", "NOT_ELIGIBLE", "NOT_NEEDED", or the state an open verdict waits in. */
const char *fixture_word(const struct elig_verdict *v);

/* First finding of a rule whose fact contains the text; NULL when there is none. */
const struct elig_finding *fixture_finding(const struct elig_verdict *v, const char *rule,
                                           const char *fact);

/* The verdict as text, in the arena. */
const char *fixture_text(struct fixture *f, const struct elig_verdict *v);

#endif
