/* The operator confirms or denies what the rules leave to a person (R23), and with a confirmation
 * the target list may grow by a complete entry. Other verdicts are never touched. */
#include <inttypes.h>
#include <string.h>

#include "services/eligibility/core/judgment_fsm.h"
#include "services/eligibility/judging.h"

#define ENTRIES_MAX 256
#define STATUS(name) ISMAP__LIU__V1__STATUS__STATUS_##name

struct confirming {
    const PB(ConfirmVerdict) * m;
    const PB(Case) * c;
    const PB(Judgment) * before;
    struct judging_rules rules;
    PB(Confirmation) * confirmation;
    PB(Verdict) * verdict;
};

static enum decide not_now(struct work *w, const char *ja, const char *en)
{
    return work_refuse(w, STATUS(FAILED_PRECONDITION), "caseId", "R23", ja, en);
}

/* True: nothing stands against it. */
static bool allowed(struct work *w, const struct confirming *k)
{
    enum elig_state from = (enum elig_state)k->before->verdict->state;
    enum elig_state next;
    bool by_operator = strcmp(k->verdict->decided_by, work_actor(w)) == 0;
    const struct judgment_facts facts = {.found = by_operator ? (enum elig_state)k->verdict->state
                                                              : ELIG_STATE_NONE,
                                         .has_reason = k->m->reason[0] != '\0'};
    switch (judgment_step(from, k->m->confirm ? JUDGMENT_CONFIRM : JUDGMENT_DENY, &facts, &next)) {
    case FSM_OK:
        return true;
    case FSM_UNKNOWN:
        (void)not_now(w, "この案件は運用支援機関の確認を待つ状態にありません",
                      "The case does not wait for the operating support body");
        return false;
    case FSM_GUARDED:
        break;
    }
    (void)not_now(
        w, "現在の事実と規則では確認できません。理由を付し、最新の判断を確認してください",
        "It cannot be confirmed on the present facts and rules; give a reason and read the "
        "latest verdict");
    return false;
}

static void fault(struct work *w, const char *field, const char *ja, const char *en)
{
    (void)work_refuse(w, STATUS(INVALID_ARGUMENT), field, "R23", ja, en);
}

/* Common rule 6 of the list: an entry is complete or not at all. */
static enum err check_addition(struct work *w, const struct confirming *k)
{
    struct arena *a = work_arena(w);
    const PB(TargetBusiness) *t = k->m->list_addition;
    struct elig_target entry;
    struct elig_list list;
    const char *path = "";
    const char *why = "";
    if (!k->m->confirm || !k->verdict->proposes_list_addition || k->rules.list == NULL) {
        fault(w, "listAddition", "要検討業務の確認以外では対象業務一覧に追加できません",
              "Only the confirmation of a to-be-considered business can add to the list");
        return ERR_OK;
    }
    if (map_target(a, t, &entry) != ERR_OK || map_list(a, k->rules.list, &list) != ERR_OK)
        return ERR_NOMEM;
    enum err e = elig_target_check(a, &entry, &path, &why);
    if (e == ERR_INVAL) {
        const char *field = arena_printf(a, "listAddition.%s", path);
        const char *ja = arena_printf(a, "対象業務一覧の項目として不備があります（%s）", why);
        if (field == NULL || ja == NULL)
            return ERR_NOMEM;
        fault(w, field, ja, why);
    } else if (elig_target_find(&list, entry.code) != NULL) {
        fault(w, "listAddition.code", "この番号は既に対象業務一覧にあります",
              "The code is on the list already");
    } else if (list.n_entries >= ENTRIES_MAX) {
        fault(w, "listAddition", "対象業務一覧が上限に達しています", "The target list is full");
    }
    return e == ERR_INVAL ? ERR_OK : e;
}

static enum err grow_list(struct work *w, const struct confirming *k)
{
    static const char *const everyone[] = {"public"};
    struct arena *a = work_arena(w);
    const PB(TargetList) *old = k->rules.list;
    PB(TargetList) list = ISMAP__LIU__V1__TARGET_LIST__INIT;
    PB(Active) active = ISMAP__LIU__V1__ACTIVE__INIT;
    PB(TargetListChanged) event = ISMAP__LIU__V1__TARGET_LIST_CHANGED__INIT;
    PB(TargetBusiness) **entries =
        arena_alloc(a, (old->n_entries + 1) * sizeof(PB(TargetBusiness) *));
    PB(TargetBusiness) *added = arena_dup(a, k->m->list_addition, sizeof *added);
    char *adopted_on = arena_alloc(a, DATE_TEXT_BYTES);
    char *id = arena_printf(a, "%" PRIu32, old->version + 1);
    char *by = arena_strdup(a, work_actor(w));
    if (entries == NULL || added == NULL || adopted_on == NULL || id == NULL || by == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < old->n_entries; i++)
        entries[i] = old->entries[i];
    added->from_case = k->c->id;
    entries[old->n_entries] = added;
    date_format(date_of_ms(work_now_ms(w)), adopted_on);
    list.version = old->version + 1;
    list.entries = entries;
    list.n_entries = old->n_entries + 1;
    list.adopted_on = adopted_on;
    active.ref = id;
    active.version = list.version;
    active.since_ms = work_now_ms(w);
    active.by = by;
    event.version = list.version;
    event.added_code = added->code;
    event.from_case = k->c->id;
    work_put(w, RECORD_TARGETS, id, &list.base);
    work_put(w, RECORD_ACTIVE, "targets", &active.base);
    work_emit(w, &event.base, everyone, 1);
    return ERR_OK;
}

static enum err make_confirmation(struct work *w, struct confirming *k)
{
    struct arena *a = work_arena(w);
    PB(Confirmation) *c = arena_alloc(a, sizeof *c);
    if (c == NULL)
        return ERR_NOMEM;
    ismap__liu__v1__confirmation__init(c);
    c->confirm = k->m->confirm;
    c->reason = k->m->reason;
    c->operator_ = arena_strdup(a, work_actor(w));
    c->at_ms = work_now_ms(w);
    k->confirmation = c;
    return c->operator_ != NULL ? ERR_OK : ERR_NOMEM;
}

static enum err confirm(struct work *w, struct confirming *k)
{
    struct judging_outcome found;
    const PB(Judgment) *stored = NULL;
    enum err e = make_confirmation(w, k);
    if (e == ERR_OK)
        e = judging_run(w, k->c, &k->rules, k->confirmation, work_now_ms(w), &found);
    if (e != ERR_OK)
        return e;
    k->verdict = found.verdict;
    if (!allowed(w, k))
        return ERR_OK;
    bool grows = k->m->list_addition != NULL;
    if (grows)
        e = check_addition(w, k);
    if (e != ERR_OK || work_refused(w))
        return e;
    e = judging_record(w, k->c, k->verdict, k->confirmation, &stored);
    if (e == ERR_OK && grows)
        e = grow_list(w, k);
    if (e == ERR_OK)
        work_reply(w, &stored->base);
    return e;
}

enum decide on_confirm_verdict(struct work *w, void *state)
{
    struct confirming k = {.m = work_message(w)};
    const void *c = NULL;
    const void *j = NULL;
    (void)state;
    bool ready = work_get(w, RECORD_CASE, k.m->case_id, &c) &
                 work_get(w, RECORD_JUDGMENT, k.m->case_id, &j) &
                 judging_rules_in_force(w, &k.rules);
    if (!ready)
        return DECIDE_WAIT;
    k.c = c;
    k.before = j;
    if (k.c == NULL || k.before == NULL || k.before->verdict == NULL)
        return work_refuse(w, STATUS(NOT_FOUND), "caseId", "P-NOT-FOUND", "判断がありません",
                           "There is no such verdict");
    if (k.c->state == ISMAP__LIU__V1__CASE_STATE__CASE_STATE_WITHDRAWN)
        return not_now(w, "事前申請は取り下げられています", "The pre-application was withdrawn");
    if (k.c->evidence_version != k.before->verdict->evidence_version &&
        k.before->verdict->state != ISMAP__LIU__V1__JUDGMENT_STATE__JUDGMENT_STATE_DECIDED)
        return not_now(w, "新たな評価が届いています。最新の判断を確認してください",
                       "New evidence has come in; read the latest verdict first");
    enum err e = confirm(w, &k);
    return e == ERR_OK ? DECIDE_DONE : judging_failed(w, e);
}
