/* The gates before any checklist: regime, service model, class of the information. */
#include "services/eligibility/core/judge.h"

#include <inttypes.h>
#include <string.h>

static const struct criterion REGIME = {
    "R1", "申請の受付日に施行されている規則により判断する",
    "The rules in force on the date of receipt govern the application"};

static bool day_of(const char *text, int32_t *day)
{
    return text[0] != '\0' && date_parse(text, day) == ERR_OK;
}

static const char *regime_on(const struct elig_rules *r, int32_t day)
{
    int32_t from;
    int32_t until;
    int32_t next;
    if (!day_of(r->effective_from, &from) || day < from)
        return "";
    if (r->effective_until[0] != '\0' && (!day_of(r->effective_until, &until) || day > until))
        return "";
    if (r->next_regime[0] != '\0' && day_of(r->next_from, &next) && day >= next)
        return r->next_regime;
    return r->regime;
}

void rule_r1(struct judge *j)
{
    const struct elig_rules *r = j->in->rules;
    char received[DATE_TEXT_BYTES];
    int32_t day = date_of_ms(j->in->c->submitted_at_ms);
    date_format(day, received);
    if (r != NULL && j->in->list != NULL)
        j->v->regime = regime_on(r, day);
    if (j->v->regime[0] != '\0') {
        judge_find(j, &REGIME,
                   &(struct found){
                       .outcome = ELIG_OUTCOME_MET,
                       .fact = judge_text(j, "received=%s regime=%s", received, j->v->regime)});
        return;
    }
    const char *fact;
    if (r == NULL)
        fact = judge_text(j, "received=%s rulebook=none", received);
    else if (j->in->list == NULL)
        fact = judge_text(j, "received=%s target_list=none", received);
    else
        fact = judge_text(j, "received=%s rulebook=%s..%s", received, r->effective_from,
                          r->effective_until);
    judge_find(
        j, &REGIME,
        &(struct found){
            .outcome = ELIG_OUTCOME_OPEN,
            .fact = fact,
            .evidence_ja = "受付日に施行されている規則と対象業務一覧を運用支援機関が有効にすること",
            .evidence_en = "The operating support body activates a rulebook that is in "
                           "force on the date of receipt, and a target list"});
    j->v->retry = true;
    judge_wait(j, ELIG_STATE_WAITING_REVIEW, "operator");
}

void rule_r10(struct judge *j)
{
    static const struct criterion model = {"R10", "サービスがSaaSであること",
                                           "The service model is SaaS"};
    static const char *const names[] = {"UNSPECIFIED", "SAAS", "PAAS", "IAAS"};
    const struct elig_rules *r = j->in->rules;
    enum elig_model m = j->in->c->model;
    bool allowed = false;
    for (size_t i = 0; i < r->n_service_models; i++)
        allowed |= m != ELIG_MODEL_UNSET && r->service_models[i] == m;
    judge_find(
        j, &model,
        &(struct found){.outcome = allowed ? ELIG_OUTCOME_MET : ELIG_OUTCOME_NOT_MET,
                        .fact = judge_text(j, "service.model=%s", (unsigned)m < 4 ? names[m] : "?"),
                        .evidence_ja = "SaaSとして提供されるサービスについての事前申請",
                        .evidence_en = "A pre-application for a service provided as SaaS"});
    if (!allowed)
        judge_decide(j, ELIG_RESULT_NOT_ELIGIBLE);
}

void rule_r11(struct judge *j)
{
    static const struct criterion cls = {"R11",
                                         "取り扱う情報の機密性の最高区分が機密性２であること",
                                         "The highest confidentiality class handled is class 2"};
    const struct elig_case *c = j->in->c;
    uint32_t limit = j->in->rules->confidentiality_class;
    uint32_t highest = c->confidentiality_class;
    const char *by = "provider";
    for (size_t i = 0; i < j->n_sheets; i++) {
        for (size_t k = 0; k < j->sheets[i]->n_items; k++) {
            uint32_t item = j->sheets[i]->items[k].confidentiality_class;
            if (item > highest) {
                highest = item;
                by = j->sheets[i]->ministry;
            }
        }
    }
    if (highest == 0) {
        judge_find(j, &cls,
                   &(struct found){.outcome = ELIG_OUTCOME_OPEN,
                                   .fact = "class.highest=not stated",
                                   .evidence_ja = "機密性の区分を記入した事前申請",
                                   .evidence_en = "A pre-application that states the class"});
        judge_wait(j, ELIG_STATE_WAITING_APPLICANT, c->provider);
        return;
    }
    bool needed = highest >= limit;
    judge_find(
        j, &cls,
        &(struct found){
            .outcome = highest == limit ? ELIG_OUTCOME_MET : ELIG_OUTCOME_NOT_MET,
            .fact = judge_text(j, "class.highest=%" PRIu32 " stated_by=%s provider=%" PRIu32,
                               highest, by, c->confidentiality_class),
            .evidence_ja = needed ? "機密性３の情報を取り扱わない業務についての事前申請"
                                  : "機密性２の情報を取り扱うことの申告（現状ではLIUは不要）",
            .evidence_en = needed
                               ? "A pre-application for business without class-3 information"
                               : "A statement that class-2 information is handled (as it is, LIU "
                                 "is not needed)"});
    if (highest > limit)
        judge_decide(j, ELIG_RESULT_NOT_ELIGIBLE);
    else if (highest < limit)
        judge_decide(j, ELIG_RESULT_NOT_NEEDED);
}
