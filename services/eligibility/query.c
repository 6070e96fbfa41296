/* Reading verdicts and the target list, and computing a verdict again from what is stored. */
#include <inttypes.h>
#include <string.h>

#include "services/eligibility/judging.h"
#include "wire/unpack.h"

#define STATUS(name) ISMAP__LIU__V1__STATUS__STATUS_##name

static enum decide not_found(struct work *w)
{
    return work_refuse(w, STATUS(NOT_FOUND), "caseId", "P-NOT-FOUND", "判断がありません",
                       "There is no such verdict");
}

/* A verdict that the asker may not see is not there. */
static bool may_see(const struct work *w, const PB(Judgment) * j)
{
    switch ((int)work_role(w)) {
    case ISMAP__LIU__V1__ROLE__ROLE_OPERATOR:
        return true;
    case ISMAP__LIU__V1__ROLE__ROLE_PROVIDER:
        return strcmp(j->provider, work_actor(w)) == 0;
    case ISMAP__LIU__V1__ROLE__ROLE_MINISTRY:
        for (size_t i = 0; i < j->n_ministries; i++)
            if (strcmp(j->ministries[i], work_actor(w)) == 0)
                return true;
        return false;
    default:
        return false;
    }
}

enum decide on_get_verdict(struct work *w, void *state)
{
    const PB(GetVerdict) *m = work_message(w);
    const void *j = NULL;
    (void)state;
    if (!work_get(w, RECORD_JUDGMENT, m->case_id, &j))
        return DECIDE_WAIT;
    if (j == NULL || !may_see(w, j))
        return not_found(w);
    work_reply(w, &((const PB(Judgment) *)j)->base);
    return DECIDE_DONE;
}

static enum decide cannot(struct work *w, const char *ja, const char *en)
{
    return work_refuse(w, STATUS(FAILED_PRECONDITION), "caseId", "P-REPLAY", ja, en);
}

static enum err replay(struct work *w, const PB(Judgment) * j, const PB(Case) * c,
                       const struct judging_rules *rules)
{
    struct arena *a = work_arena(w);
    PB(ReplayResult) *answer = arena_alloc(a, sizeof *answer);
    struct judging_outcome found;
    const uint8_t *stored;
    const uint8_t *computed;
    size_t n;
    size_t m;
    if (answer == NULL)
        return ERR_NOMEM;
    ismap__liu__v1__replay_result__init(answer);
    enum err e = judging_run(w, c, rules, j->confirmation, j->verdict->decided_at_ms, &found);
    if (e == ERR_OK)
        e = wire_pack(a, &j->verdict->base, &stored, &n);
    if (e == ERR_OK)
        e = wire_pack(a, &found.verdict->base, &computed, &m);
    if (e != ERR_OK)
        return e;
    answer->identical = n == m && memcmp(stored, computed, n) == 0;
    answer->stored.data = arena_dup(a, stored, n);
    answer->stored.len = n;
    answer->computed.data = arena_dup(a, computed, m);
    answer->computed.len = m;
    answer->verdict = found.verdict;
    if (answer->stored.data == NULL || answer->computed.data == NULL)
        return ERR_NOMEM;
    work_reply(w, &answer->base);
    return ERR_OK;
}

enum decide on_replay_verdict(struct work *w, void *state)
{
    const PB(ReplayVerdict) *m = work_message(w);
    struct judging_rules rules;
    const void *record = NULL;
    const void *c = NULL;
    (void)state;
    bool ready = work_get(w, RECORD_JUDGMENT, m->case_id, &record) &
                 work_get(w, RECORD_CASE, m->case_id, &c);
    if (!ready)
        return DECIDE_WAIT;
    const PB(Judgment) *j = record;
    if (j == NULL || c == NULL || j->verdict == NULL || !may_see(w, j))
        return not_found(w);
    if (((const PB(Case) *)c)->evidence_version != j->verdict->evidence_version)
        return cannot(w,
                      "判断の後に案件の証拠が変わったため、記録からは再現できません（仕訳帳から再現"
                      "してください）",
                      "The case's evidence has changed since the verdict; replay it from the "
                      "journal instead");
    if (!judging_rules_of(w, j->verdict, &rules))
        return DECIDE_WAIT;
    if ((j->verdict->rulebook_hash[0] != '\0' && rules.rules == NULL) ||
        (j->verdict->list_version != 0 && rules.list == NULL))
        return cannot(w, "判断に用いた規則または対象業務一覧が見つかりません",
                      "The rulebook or target list the verdict names is missing");
    enum err e = replay(w, j, c, &rules);
    return e == ERR_OK ? DECIDE_DONE : judging_failed(w, e);
}

enum decide on_get_targets(struct work *w, void *state)
{
    const PB(GetTargets) *m = work_message(w);
    const void *active = NULL;
    const void *list = NULL;
    const char *id = NULL;
    (void)state;
    if (m->version != 0) {
        id = arena_printf(work_arena(w), "%" PRIu32, m->version);
        if (id == NULL)
            return work_no_memory(w);
    } else {
        if (!work_get(w, RECORD_ACTIVE, "targets", &active))
            return DECIDE_WAIT;
        if (active != NULL)
            id = ((const PB(Active) *)active)->ref;
    }
    if (id != NULL && !work_get(w, RECORD_TARGETS, id, &list))
        return DECIDE_WAIT;
    if (list == NULL)
        return work_refuse(w, STATUS(NOT_FOUND), "version", "P-NOT-FOUND",
                           "対象業務一覧のこの版はありません",
                           "There is no such version of the list");
    work_reply(w, &((const PB(TargetList) *)list)->base);
    return DECIDE_DONE;
}
