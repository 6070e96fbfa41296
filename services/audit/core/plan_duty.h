/* Of the planner only: what the rules ask of each control, derived from the input once. The check
 * and the certificate derive it again for themselves. */
#ifndef LIU_AUDIT_CORE_PLAN_DUTY_H
#define LIU_AUDIT_CORE_PLAN_DUTY_H

#include "services/audit/core/plan.h"

#define PLAN_NEVER INT32_MIN

/* One party's business with one control. Years are of the plan: 1 is first_year, 0 the one before.
 */
struct plan_side {
    bool annual;
    bool rotates;
    const char *rule;       /* that asks for it: R62, R63, R68; R66 when none does */
    int32_t last;           /* audited last, PLAN_NEVER; at most the open year */
    uint32_t done;          /* bit y: audited in year y of the plan */
    uint32_t done_modes[2]; /* bit y: its design, its operation; none = not said */
    bool failed;            /* so ended the last audit */
    int32_t adopted;        /* year in which it came into scope, PLAN_NEVER = always was */
    uint32_t from;          /* rotates: first turn of the plan is in from .. due; due 0 = no turn */
    uint32_t due;
    uint32_t turn;   /* the first turn, when it is decided */
    uint32_t forced; /* does not rotate: audited in this year besides; 0 = not */
    enum plan_cause cause;
    const char *ref;
    uint32_t before;                  /* bit y: the plan before has it in year y */
    const struct plan_effort *effort; /* its own row */
};

struct plan_duty {
    bool excluded;
    bool inherited;
    bool adopted; /* can be audited: not excluded, not inherited, not an overview */
    bool important;
    struct plan_side sides[2]; /* external, internal */
};

struct plan_work {
    struct arena *arena;
    const struct plan_input *in;
    struct audit_faults *faults;
    struct plan_duty *duties; /* as long as the catalogue */
    uint32_t years;
    uint32_t open;         /* first year that can be planned */
    uint32_t before_years; /* bit y: the plan before has the year, and it is open */
    bool special;          /* R67: year 1 */
    const struct plan_effort *tier_effort[CATALOGUE_TIERS][2];
    enum plan_mode tier_mode[CATALOGUE_TIERS][2];
};

#define PLAN_SIDE(party) ((party) == PLAN_EXTERNAL ? 0 : 1)

/* Refuses what cannot be together, fills duties up to from and due. ERR_INVAL with faults,
 * ERR_NOMEM, ERR_LIMIT. */
enum err plan_duties(struct plan_work *w) LIU_MUST_USE;

/* Years between two turns of a party. */
uint32_t plan_period(const struct plan_work *w, unsigned side);

enum plan_mode plan_mode_in(const struct plan_work *w, size_t control, unsigned side,
                            uint32_t year);
uint32_t plan_hours_in(const struct plan_work *w, size_t control, unsigned side,
                       enum plan_mode mode);

/* Whether the control has an item of that party in that year, once turns are decided. */
bool plan_is_due(const struct plan_work *w, size_t control, unsigned side, uint32_t year);

/* Decides `turn` of everything that rotates (plan_level.c). ERR_INVAL when ceilings are too low. */
enum err plan_level(struct plan_work *w) LIU_MUST_USE;

/* Gives each internal item of an open year its auditor (plan_staff.c). ERR_INVAL when nobody may.
 */
enum err plan_staff(struct plan_work *w, struct plan *p) LIU_MUST_USE;

/* Compares with the plan before (plan_moves.c). */
enum err plan_moves(struct plan_work *w, struct plan *p) LIU_MUST_USE;

void plan_fault(struct plan_work *w, const char *field, const char *rule, const char *ja,
                const char *en);

#endif
