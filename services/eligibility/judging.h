/* What all doors of the service share: reading the rules in force, running the core, recording.
 *
 * Functions that read return false for "not loaded yet": the caller returns DECIDE_WAIT.
 */
#ifndef LIU_ELIGIBILITY_JUDGING_H
#define LIU_ELIGIBILITY_JUDGING_H

#include "flow/work.h"
#include "services/eligibility/map.h"

/* Any pointer may be NULL: none is in force. */
struct judging_rules {
    const PB(Rulebook) * rules;
    const char *hash;          /* "" = none */
    const PB(Active) * active; /* of the target list */
    const PB(TargetList) * list;
};

/* The rulebook and the target list in force, both guarded. */
bool judging_rules_in_force(struct work *w, struct judging_rules *out);

/* The rules named by a verdict, for replay. */
bool judging_rules_of(struct work *w, const PB(Verdict) * v, struct judging_rules *out);

struct judging_outcome {
    PB(Verdict) * verdict;
    bool retry; /* no rulebook was in force: judge again later */
};

/* Runs the core. `confirmation` may be NULL. ERR_NOMEM, ERR_LIMIT. */
enum err judging_run(struct work *w, const PB(Case) * c, const struct judging_rules *r,
                     const PB(Confirmation) * confirmation, int64_t now_ms,
                     struct judging_outcome *out) LIU_MUST_USE;

/* Signs the verdict, puts the judgment and emits VerdictChanged to the provider, the asked and the
 * assessing ministries. *stored (may be NULL) is the judgment put. */
enum err judging_record(struct work *w, const PB(Case) * c, PB(Verdict) * verdict,
                        PB(Confirmation) * confirmation, const PB(Judgment) * *stored) LIU_MUST_USE;

/* The same bytes? ERR_NOMEM when they cannot be packed. */
enum err judging_same(struct work *w, const PB(Verdict) * x, const PB(Verdict) * y,
                      bool *same) LIU_MUST_USE;

/* The answer to a failure of the functions above. */
enum decide judging_failed(struct work *w, enum err e);

/* Retry of a case that was judged without a rulebook in force. */
#define JUDGING_RETRY_KIND "rejudge"
#define JUDGING_RETRY_MS 60000

/* Handlers of the service's tables. */
work_fn on_case_submitted;
work_fn on_assessment_recorded;
work_fn on_rejudge;
work_fn on_confirm_verdict;
work_fn on_get_verdict;
work_fn on_replay_verdict;
work_fn on_get_targets;
work_fn on_activate_rulebook;

#endif
