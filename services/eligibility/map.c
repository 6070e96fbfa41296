/* Field by field, no casts between enums but where the numbers are asserted to be the same. */
#include "services/eligibility/map.h"

#define SAME(core, wire) _Static_assert((int)(core) == (int)(wire), #core " differs from " #wire)

SAME(ELIG_MODEL_UNSET, ISMAP__LIU__V1__SERVICE_MODEL__SERVICE_MODEL_UNSPECIFIED);
SAME(ELIG_MODEL_SAAS, ISMAP__LIU__V1__SERVICE_MODEL__SERVICE_MODEL_SAAS);
SAME(ELIG_MODEL_PAAS, ISMAP__LIU__V1__SERVICE_MODEL__SERVICE_MODEL_PAAS);
SAME(ELIG_MODEL_IAAS, ISMAP__LIU__V1__SERVICE_MODEL__SERVICE_MODEL_IAAS);
SAME(ELIG_LEVEL_UNSET, ISMAP__LIU__V1__IMPACT_LEVEL__IMPACT_LEVEL_UNSPECIFIED);
SAME(ELIG_LEVEL_LOW, ISMAP__LIU__V1__IMPACT_LEVEL__IMPACT_LEVEL_LOW);
SAME(ELIG_LEVEL_MODERATE, ISMAP__LIU__V1__IMPACT_LEVEL__IMPACT_LEVEL_MODERATE);
SAME(ELIG_LEVEL_HIGH, ISMAP__LIU__V1__IMPACT_LEVEL__IMPACT_LEVEL_HIGH);
SAME(ELIG_ANSWER_UNSET, ISMAP__LIU__V1__ANSWER__ANSWER_UNSPECIFIED);
SAME(ELIG_ANSWER_YES, ISMAP__LIU__V1__ANSWER__ANSWER_YES);
SAME(ELIG_ANSWER_NO, ISMAP__LIU__V1__ANSWER__ANSWER_NO);
SAME(ELIG_ANSWER_UNKNOWN, ISMAP__LIU__V1__ANSWER__ANSWER_UNKNOWN);
SAME(ELIG_BASIS_UNSET, ISMAP__LIU__V1__BASIS__BASIS_UNSPECIFIED);
SAME(ELIG_BASIS_STATED, ISMAP__LIU__V1__BASIS__BASIS_STATED);
SAME(ELIG_BASIS_EXAMPLE, ISMAP__LIU__V1__BASIS__BASIS_EXAMPLE);
SAME(ELIG_BASIS_INFERRED, ISMAP__LIU__V1__BASIS__BASIS_INFERRED);
SAME(ELIG_EFFECT_UNSET, ISMAP__LIU__V1__EFFECT__EFFECT_UNSPECIFIED);
SAME(ELIG_EFFECT_DECIDES, ISMAP__LIU__V1__EFFECT__EFFECT_DECIDES);
SAME(ELIG_EFFECT_REVIEW, ISMAP__LIU__V1__EFFECT__EFFECT_REVIEW);
SAME(ELIG_EFFECT_NOTE, ISMAP__LIU__V1__EFFECT__EFFECT_NOTE);
SAME(ELIG_EFFECT_COMPLETES, ISMAP__LIU__V1__EFFECT__EFFECT_COMPLETES);
SAME(ELIG_EFFECT_EXIT, ISMAP__LIU__V1__EFFECT__EFFECT_EXIT);
SAME(ELIG_RESULT_OPEN, ISMAP__LIU__V1__VERDICT_RESULT__VERDICT_RESULT_UNSPECIFIED);
SAME(ELIG_RESULT_ELIGIBLE, ISMAP__LIU__V1__VERDICT_RESULT__VERDICT_RESULT_ELIGIBLE);
SAME(ELIG_RESULT_NOT_ELIGIBLE, ISMAP__LIU__V1__VERDICT_RESULT__VERDICT_RESULT_NOT_ELIGIBLE);
SAME(ELIG_RESULT_NOT_NEEDED, ISMAP__LIU__V1__VERDICT_RESULT__VERDICT_RESULT_NOT_NEEDED);
SAME(ELIG_STATE_NONE, ISMAP__LIU__V1__JUDGMENT_STATE__JUDGMENT_STATE_UNSPECIFIED);
SAME(ELIG_STATE_WAITING_MINISTRY, ISMAP__LIU__V1__JUDGMENT_STATE__JUDGMENT_STATE_WAITING_MINISTRY);
SAME(ELIG_STATE_WAITING_CONFIRMATION,
     ISMAP__LIU__V1__JUDGMENT_STATE__JUDGMENT_STATE_WAITING_CONFIRMATION);
SAME(ELIG_STATE_WAITING_APPLICANT,
     ISMAP__LIU__V1__JUDGMENT_STATE__JUDGMENT_STATE_WAITING_APPLICANT);
SAME(ELIG_STATE_DECIDED, ISMAP__LIU__V1__JUDGMENT_STATE__JUDGMENT_STATE_DECIDED);
SAME(ELIG_STATE_WAITING_REVIEW, ISMAP__LIU__V1__JUDGMENT_STATE__JUDGMENT_STATE_WAITING_REVIEW);
SAME(ELIG_OUTCOME_UNSET, ISMAP__LIU__V1__OUTCOME__OUTCOME_UNSPECIFIED);
SAME(ELIG_OUTCOME_MET, ISMAP__LIU__V1__OUTCOME__OUTCOME_MET);
SAME(ELIG_OUTCOME_NOT_MET, ISMAP__LIU__V1__OUTCOME__OUTCOME_NOT_MET);
SAME(ELIG_OUTCOME_OPEN, ISMAP__LIU__V1__OUTCOME__OUTCOME_OPEN);
SAME(ELIG_OUTCOME_NOTE, ISMAP__LIU__V1__OUTCOME__OUTCOME_NOTE);

static enum err map_claim(struct arena *a, const PB(BusinessClaim) * m, struct elig_claim *out)
{
    *out = (struct elig_claim){.description = "", .code = ""};
    if (m == NULL)
        return ERR_OK;
    struct elig_answered *answers = arena_alloc(a, m->n_answers * sizeof *answers);
    if (answers == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < m->n_answers; i++)
        answers[i] = (struct elig_answered){m->answers[i]->question,
                                            (enum elig_answer)m->answers[i]->answer};
    *out = (struct elig_claim){.description = m->description,
                               .code = m->target_code,
                               .answers = answers,
                               .n_answers = m->n_answers};
    return ERR_OK;
}

static enum err map_assessment(struct arena *a, const PB(RecordedAssessment) * m,
                               struct elig_assessment *out)
{
    const PB(Assessment) *s = m->assessment;
    *out = (struct elig_assessment){.ministry = "", .body = m->body, .bureau = ""};
    out->received_at_ms = m->received_at_ms;
    if (s == NULL)
        return map_claim(a, NULL, &out->business);
    struct elig_item *items = arena_alloc(a, s->n_items * sizeof *items);
    if (items == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < s->n_items; i++)
        items[i] = (struct elig_item){
            .confidentiality_class = s->items[i]->confidentiality_class,
            .confidentiality = (enum elig_level)s->items[i]->confidentiality,
            .integrity = (enum elig_level)s->items[i]->integrity,
            .availability = (enum elig_level)s->items[i]->availability,
        };
    out->ministry = s->ministry;
    out->bureau = s->bureau;
    out->items = items;
    out->n_items = s->n_items;
    if (m->body[0] == '\0')
        out->body = s->ministry;
    return map_claim(a, s->business, &out->business);
}

enum err map_case(struct arena *a, const PB(Case) * m, struct elig_case *out)
{
    const PB(SubmitPreApplication) *app = m->application;
    *out = (struct elig_case){.id = m->id, .provider = m->provider};
    out->submitted_at_ms = m->submitted_at_ms;
    struct elig_assessment *sheets = arena_alloc(a, m->n_assessments * sizeof *sheets);
    if (sheets == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < m->n_assessments; i++)
        if (map_assessment(a, m->assessments[i], &sheets[i]) != ERR_OK)
            return ERR_NOMEM;
    out->assessments = sheets;
    out->n_assessments = m->n_assessments;
    if (app == NULL)
        return map_claim(a, NULL, &out->business);
    if (app->service != NULL) {
        out->model = (enum elig_model)app->service->model;
        out->confidentiality_class = app->service->confidentiality_class;
    }
    const char **asked = arena_alloc(a, app->n_asked_ministries * sizeof(const char *));
    if (asked == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < app->n_asked_ministries; i++)
        asked[i] = app->asked_ministries[i];
    out->asked_ministries = asked;
    out->n_asked = app->n_asked_ministries;
    return map_claim(a, app->business, &out->business);
}

enum err map_rules(struct arena *a, const PB(Rulebook) * m, struct elig_rules *out)
{
    static const PB(EligibilityRules) none = ISMAP__LIU__V1__ELIGIBILITY_RULES__INIT;
    const PB(EligibilityRules) *e = m->eligibility != NULL ? m->eligibility : &none;
    struct elig_citation *citations = arena_alloc(a, m->n_citations * sizeof *citations);
    enum elig_model *models = arena_alloc(a, e->n_service_models * sizeof *models);
    if (citations == NULL || models == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < m->n_citations; i++) {
        const PB(Citation) *c = m->citations[i];
        citations[i] =
            (struct elig_citation){c->rule, c->source, c->text_ja, c->text_en, c->confidence};
    }
    for (size_t i = 0; i < e->n_service_models; i++)
        models[i] = (enum elig_model)e->service_models[i];
    *out = (struct elig_rules){
        .regime = m->regime,
        .effective_from = m->effective_from,
        .effective_until = m->effective_until,
        .next_regime = m->next_regime,
        .next_from = m->next_from,
        .citations = citations,
        .n_citations = m->n_citations,
        .service_models = models,
        .n_service_models = e->n_service_models,
        .confidentiality_class = e->confidentiality_class,
        .min_ministries_listed = e->min_ministries_listed,
        .min_ministries_unlisted = e->min_ministries_unlisted,
        .bureaux_count_once = e->bureaux_count_once != 0,
        .listed_not_low_policy = e->listed_not_low_policy,
        .validity_confirmation = e->validity_confirmation,
        .unlisted_disagreement_policy = e->unlisted_disagreement_policy,
        .verdict_valid_months = e->verdict_valid_months,
        .tb3_both_required = e->tb3_both_required != 0,
    };
    return ERR_OK;
}

enum err map_target(struct arena *a, const PB(TargetBusiness) * m, struct elig_target *out)
{
    struct elig_question *q = arena_alloc(a, m->n_checklist * sizeof *q);
    if (q == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < m->n_checklist; i++) {
        const PB(Question) *s = m->checklist[i];
        q[i] = (struct elig_question){
            .id = s->id,
            .text_ja = s->text_ja,
            .text_en = s->text_en,
            .match = (enum elig_answer)s->match,
            .basis = (enum elig_basis)s->basis,
            .effect = (enum elig_effect)s->effect,
            .any_of = s->any_of,
            .quote = s->quote,
        };
    }
    *out = (struct elig_target){
        .code = m->code,
        .criterion_ja = m->criterion_ja,
        .criterion_en = m->criterion_en,
        .checklist = q,
        .n_checklist = m->n_checklist,
        .n_examples = m->n_examples_ja,
        .impact_example_ja = m->impact_example_ja,
        .impact_example_en = m->impact_example_en,
    };
    return ERR_OK;
}

enum err map_list(struct arena *a, const PB(TargetList) * m, struct elig_list *out)
{
    struct elig_target *entries = arena_alloc(a, m->n_entries * sizeof *entries);
    if (entries == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < m->n_entries; i++)
        if (map_target(a, m->entries[i], &entries[i]) != ERR_OK)
            return ERR_NOMEM;
    *out = (struct elig_list){m->version, entries, m->n_entries};
    return ERR_OK;
}

void map_confirmation(const PB(Confirmation) * m, struct elig_confirmation *out)
{
    *out = (struct elig_confirmation){m->confirm != 0, m->operator_, m->reason, m->at_ms};
}

/* A copy the message may own; *ok falls when memory is out. */
static char *own(struct arena *a, const char *s, bool *ok)
{
    char *copy = arena_strdup(a, s);
    if (copy == NULL)
        *ok = false;
    return copy;
}

static PB(Finding) * map_finding(struct arena *a, const struct elig_finding *f, bool *ok)
{
    PB(Finding) *m = arena_alloc(a, sizeof *m);
    if (m == NULL) {
        *ok = false;
        return NULL;
    }
    ismap__liu__v1__finding__init(m);
    m->rule = own(a, f->rule, ok);
    m->criterion_ja = own(a, f->criterion_ja, ok);
    m->criterion_en = own(a, f->criterion_en, ok);
    m->fact = own(a, f->fact, ok);
    m->outcome = (PB(Outcome))f->outcome;
    m->citation = own(a, f->citation, ok);
    m->evidence_ja = own(a, f->evidence_ja, ok);
    m->evidence_en = own(a, f->evidence_en, ok);
    return m;
}

enum err map_verdict(struct arena *a, const struct elig_verdict *v, const struct map_context *x,
                     PB(Verdict) * *out)
{
    bool ok = true;
    PB(Verdict) *m = arena_alloc(a, sizeof *m);
    PB(Finding) **findings = arena_alloc(a, (v->n_findings + 1) * sizeof(PB(Finding) *));
    if (m == NULL || findings == NULL)
        return ERR_NOMEM;
    ismap__liu__v1__verdict__init(m);
    for (size_t i = 0; i < v->n_findings; i++)
        findings[i] = map_finding(a, &v->findings[i], &ok);
    m->case_id = own(a, x->case_id, &ok);
    m->result = (PB(VerdictResult))v->result;
    m->state = (PB(JudgmentState))v->state;
    m->findings = findings;
    m->n_findings = v->n_findings;
    m->matched_code = own(a, v->matched_code, &ok);
    m->list_version = x->list_version;
    m->rulebook_hash = own(a, x->rulebook_hash, &ok);
    m->regime = own(a, v->regime, &ok);
    m->core_version = own(a, ELIG_CORE_VERSION, &ok);
    m->evidence_version = x->evidence_version;
    m->decided_at_ms = v->decided_at_ms;
    m->decided_by = own(a, v->decided_by, &ok);
    m->waits_for = own(a, v->waits_for, &ok);
    m->valid_until = own(a, v->valid_until, &ok);
    m->proposes_list_addition = v->proposes_list_addition;
    *out = m;
    return ok ? ERR_OK : ERR_NOMEM;
}
