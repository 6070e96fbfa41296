/* What the rule functions of one judgment share. Private to the core.
 *
 * A rule function records findings and may settle the judgment. The driver runs the functions in
 * the order of one table; after a settlement only the rows marked `always` still run, so that the
 * reasons are complete.
 */
#ifndef LIU_ELIGIBILITY_JUDGE_H
#define LIU_ELIGIBILITY_JUDGE_H

#include "services/eligibility/core/eligibility.h"

/* R20: how the claimed entry stands. */
enum judge_match {
    JUDGE_UNLISTED, /* no entry, or the match failed: to be considered (要検討業務) */
    JUDGE_LISTED,
    JUDGE_OPEN, /* answers are missing or differ */
};

struct judge {
    struct arena *arena;
    const struct elig_input *in;
    struct elig_verdict *v;
    struct elig_finding *findings; /* ELIG_FINDINGS_MAX of them */
    enum err failed;               /* first failure; checked once at the end */
    bool settled;
    bool proposes_entry; /* unlisted because no entry fits, so that one may be added */
    bool review;         /* a review question asks for a person */
    enum judge_match match;
    const struct elig_target *target;
    const struct elig_assessment **sheets; /* canonical order, replaced ones left out */
    size_t n_sheets;
    size_t n_bodies; /* distinct, as R12 counts them */
    size_t n_low;    /* bodies whose sheets are all low */
};

/* What was checked, for people. */
struct criterion {
    const char *rule;
    const char *ja;
    const char *en;
};

/* Texts of a finding beyond its criterion. NULL reads as "". */
struct found {
    enum elig_outcome outcome;
    const char *fact;
    const char *evidence_ja;
    const char *evidence_en;
    const char *citation; /* NULL = the rulebook's citation of the rule */
};

void judge_find(struct judge *j, const struct criterion *c, const struct found *f);

/* Formatted text in the arena; never NULL (a failure is kept in `failed`). */
const char *judge_text(struct judge *j, const char *fmt, ...) LIU_PRINTF(2, 3);

/* The rules decide, now. */
void judge_decide(struct judge *j, enum elig_result result);
/* Stays open. */
void judge_wait(struct judge *j, enum elig_state state, const char *waits_for);
/* Waits for the operator, or takes the decision the operator already made. */
void judge_operator(struct judge *j, enum elig_state state);

/* Whom an answer is awaited from: the first asked ministry without a sheet, else the provider, who
 * has to win a further one. */
const char *judge_next_ministry(const struct judge *j);

/* Level of a sheet: the maximum over all cells; UNSET when a cell is not stated (R21). */
enum elig_level judge_level(const struct elig_assessment *s);
const char *judge_level_name(enum elig_level l);

/* order.c: drops replaced sheets, sorts the others. */
void judge_order_sheets(struct judge *j);
/* The name R12 counts: the body, or party and bureau where bureaux count apart. */
bool judge_same_body(const struct judge *j, const struct elig_assessment *x,
                     const struct elig_assessment *y);

/* gates.c */
void rule_r1(struct judge *j);
void rule_r10(struct judge *j);
void rule_r11(struct judge *j);
/* match.c */
void rule_r20(struct judge *j);
/* impact.c */
void rule_r21(struct judge *j);
void rule_r12(struct judge *j);
void rule_r22(struct judge *j);
void rule_r23(struct judge *j);
void rule_r30(struct judge *j);
/* judge.c */
void rule_r27(struct judge *j);
void rule_r28(struct judge *j);

#endif
