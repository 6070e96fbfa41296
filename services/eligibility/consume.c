/* New evidence: a case was opened, a sheet recorded, or a rulebook may have come. Judges again
 * unless the case is decided: what is decided never changes by itself. */
#include "services/eligibility/core/judgment_fsm.h"
#include "services/eligibility/judging.h"

static enum decide judge_case(struct work *w, const char *case_id)
{
    const void *c = NULL;
    const void *j = NULL;
    struct judging_rules rules;
    struct judging_outcome found;
    bool ready = work_get(w, RECORD_CASE, case_id, &c) & work_get(w, RECORD_JUDGMENT, case_id, &j) &
                 judging_rules_in_force(w, &rules);
    if (!ready)
        return DECIDE_WAIT;
    if (c == NULL)
        return work_refuse(w, ISMAP__LIU__V1__STATUS__STATUS_NOT_FOUND, "caseId", "P-NOT-FOUND",
                           "案件がありません", "There is no such case");
    const PB(Case) *record = c;
    const PB(Judgment) *before = j;
    if (record->state == ISMAP__LIU__V1__CASE_STATE__CASE_STATE_WITHDRAWN)
        return DECIDE_DONE;
    enum err e = judging_run(w, record, &rules, NULL, work_now_ms(w), &found);
    if (e != ERR_OK)
        return judging_failed(w, e);
    enum elig_state from = ELIG_STATE_NONE;
    enum elig_state next;
    if (before != NULL && before->verdict != NULL)
        from = (enum elig_state)before->verdict->state;
    const struct judgment_facts facts = {.found = (enum elig_state)found.verdict->state};
    if (judgment_step(from, JUDGMENT_EVIDENCE, &facts, &next) != FSM_OK)
        return DECIDE_DONE;
    if (found.retry)
        work_timer(w, JUDGING_RETRY_KIND, case_id, work_now_ms(w) + JUDGING_RETRY_MS);
    bool same = false;
    if (from != ELIG_STATE_NONE)
        e = judging_same(w, before->verdict, found.verdict, &same);
    if (e == ERR_OK && !same)
        e = judging_record(w, record, found.verdict, NULL, NULL);
    return e == ERR_OK ? DECIDE_DONE : judging_failed(w, e);
}

enum decide on_case_submitted(struct work *w, void *state)
{
    const PB(CaseSubmitted) *m = work_message(w);
    (void)state;
    return judge_case(w, m->case_id);
}

enum decide on_assessment_recorded(struct work *w, void *state)
{
    const PB(AssessmentRecorded) *m = work_message(w);
    (void)state;
    return judge_case(w, m->case_id);
}

enum decide on_rejudge(struct work *w, void *state)
{
    (void)state;
    return judge_case(w, work_timer_record(w));
}
