/* May these rules, and this entry of the list, be used at all? Refused here once, so that the rule
 * functions can trust what they read. */
#include "services/eligibility/core/eligibility.h"

#include <string.h>

#define MINISTRIES_MAX 16u
#define VALID_MONTHS_MAX 120u

static enum err wrong(const char **path, const char **why, const char *where, const char *what)
{
    *path = where != NULL ? where : "";
    *why = what;
    return ERR_INVAL;
}

static bool is_word(const char *word, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

static const char *const REGIMES[] = {"A", "B", NULL};

static enum err check_dates(const struct elig_rules *r, const char **path, const char **why)
{
    int32_t from;
    int32_t until = INT32_MAX;
    int32_t next;
    if (!is_word(r->regime, REGIMES))
        return wrong(path, why, "regime", "must be A or B (R1)");
    if (date_parse(r->effective_from, &from) != ERR_OK)
        return wrong(path, why, "effective_from", "must be a date YYYY-MM-DD");
    if (r->effective_until[0] != '\0' && date_parse(r->effective_until, &until) != ERR_OK)
        return wrong(path, why, "effective_until", "must be a date YYYY-MM-DD, or left out");
    if (until < from)
        return wrong(path, why, "effective_until", "lies before effective_from");
    if (r->next_regime[0] == '\0' && r->next_from[0] == '\0')
        return ERR_OK;
    if (!is_word(r->next_regime, REGIMES))
        return wrong(path, why, "next_regime", "must be A or B, with next_from");
    if (date_parse(r->next_from, &next) != ERR_OK)
        return wrong(path, why, "next_from", "must be a date YYYY-MM-DD, with next_regime");
    if (next <= from || next > until)
        return wrong(path, why, "next_from", "must lie within the rulebook's own dates");
    return ERR_OK;
}

struct policy {
    const char *path;
    const char *const *words;
    size_t offset;
    const char *why;
};

static const char *const NOT_LOW[] = {"NOT_ELIGIBLE", "TO_BE_CONSIDERED", "REFER_TO_OPERATOR",
                                      NULL};
static const char *const CONFIRMATION[] = {"OPERATOR", "AUTOMATIC", NULL};
static const char *const DISAGREEMENT[] = {"NOT_ELIGIBLE", "REQUEST_THIRD", "HOLD_FOR_COMMITTEE",
                                           NULL};

static const struct policy POLICIES[] = {
    {"eligibility.listed_not_low_policy", NOT_LOW,
     offsetof(struct elig_rules, listed_not_low_policy),
     "must be NOT_ELIGIBLE, TO_BE_CONSIDERED or REFER_TO_OPERATOR (R22)"},
    {"eligibility.validity_confirmation", CONFIRMATION,
     offsetof(struct elig_rules, validity_confirmation), "must be OPERATOR or AUTOMATIC (R23)"},
    {"eligibility.unlisted_disagreement_policy", DISAGREEMENT,
     offsetof(struct elig_rules, unlisted_disagreement_policy),
     "must be NOT_ELIGIBLE, REQUEST_THIRD or HOLD_FOR_COMMITTEE (R24)"},
};

static enum err check_policies(const struct elig_rules *r, const char **path, const char **why)
{
    for (size_t i = 0; i < sizeof POLICIES / sizeof POLICIES[0]; i++) {
        const char *word;
        memcpy(&word, (const char *)r + POLICIES[i].offset, sizeof word);
        if (!is_word(word, POLICIES[i].words))
            return wrong(path, why, POLICIES[i].path, POLICIES[i].why);
    }
    return ERR_OK;
}

enum err elig_rules_check(struct arena *a, const struct elig_rules *r, const char **path,
                          const char **why)
{
    enum err e = check_dates(r, path, why);
    if (e != ERR_OK)
        return e;
    if (r->n_service_models == 0)
        return wrong(path, why, "eligibility.service_models", "must name at least one model (R10)");
    for (size_t i = 0; i < r->n_service_models; i++)
        if (r->service_models[i] < ELIG_MODEL_SAAS || r->service_models[i] > ELIG_MODEL_IAAS)
            return wrong(path, why, arena_printf(a, "eligibility.service_models[%zu]", i),
                         "must be SAAS, PAAS or IAAS");
    if (r->confidentiality_class < 1 || r->confidentiality_class > 3)
        return wrong(path, why, "eligibility.confidentiality_class", "must be 1, 2 or 3 (R11)");
    if (r->min_ministries_listed < 1 || r->min_ministries_listed > MINISTRIES_MAX)
        return wrong(path, why, "eligibility.min_ministries_listed", "must be 1 to 16 (R12)");
    if (r->min_ministries_unlisted < r->min_ministries_listed ||
        r->min_ministries_unlisted > MINISTRIES_MAX)
        return wrong(path, why, "eligibility.min_ministries_unlisted",
                     "must be min_ministries_listed to 16 (R12)");
    if (r->verdict_valid_months > VALID_MONTHS_MAX)
        return wrong(path, why, "eligibility.verdict_valid_months",
                     "must be 0 (unlimited) to 120 (R28)");
    return check_policies(r, path, why);
}

static bool is_token(const char *s)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";
    size_t n = strlen(s);
    return n > 0 && n <= 32 && strspn(s, allowed) == n;
}

static const char *question_fault(const struct elig_target *t, size_t i, const char **field)
{
    const struct elig_question *q = &t->checklist[i];
    *field = "id";
    if (!is_token(q->id))
        return "must be 1 to 32 of [A-Za-z0-9._-]";
    for (size_t k = 0; k < i; k++)
        if (strcmp(t->checklist[k].id, q->id) == 0)
            return "is there twice";
    *field = "text_ja";
    if (q->text_ja[0] == '\0')
        return "is missing";
    *field = "text_en";
    if (q->text_en[0] == '\0')
        return "is missing";
    *field = "match";
    if (q->match != ELIG_ANSWER_YES && q->match != ELIG_ANSWER_NO)
        return "must be YES or NO";
    *field = "basis";
    if (q->basis < ELIG_BASIS_STATED || q->basis > ELIG_BASIS_INFERRED)
        return "must be S, E or I";
    *field = "effect";
    if (q->basis == ELIG_BASIS_INFERRED && q->effect == ELIG_EFFECT_UNSET)
        return "an inferred question must say what it does";
    if (q->basis == ELIG_BASIS_STATED &&
        (q->effect == ELIG_EFFECT_NOTE || q->effect == ELIG_EFFECT_REVIEW))
        return "a stated question decides";
    if (q->basis == ELIG_BASIS_EXAMPLE && q->any_of[0] == '\0' && q->effect != ELIG_EFFECT_NOTE)
        return "an example can only widen a group or be noted";
    if (q->effect > ELIG_EFFECT_EXIT)
        return "is unknown";
    *field = "any_of";
    if (q->any_of[0] == '\0')
        return NULL;
    for (size_t k = 0; k < t->n_checklist; k++)
        if (k != i && strcmp(t->checklist[k].any_of, q->any_of) == 0)
            return NULL;
    return "a group needs a second question";
}

enum err elig_target_check(struct arena *a, const struct elig_target *t, const char **path,
                           const char **why)
{
    if (!is_token(t->code))
        return wrong(path, why, "code", "must be 1 to 32 of [A-Za-z0-9._-]");
    if (t->criterion_ja[0] == '\0')
        return wrong(path, why, "criterion_ja", "is missing");
    if (t->criterion_en[0] == '\0')
        return wrong(path, why, "criterion_en", "is missing");
    if (t->impact_example_ja[0] == '\0')
        return wrong(path, why, "impact_example_ja", "is missing (影響度評価例)");
    if (t->impact_example_en[0] == '\0')
        return wrong(path, why, "impact_example_en", "is missing");
    if (t->n_checklist == 0 || t->n_checklist > ELIG_QUESTIONS_MAX)
        return wrong(path, why, "checklist", "must have 1 to 32 questions");
    bool decides = false;
    for (size_t i = 0; i < t->n_checklist; i++) {
        const char *field;
        const char *fault = question_fault(t, i, &field);
        if (fault != NULL)
            return wrong(path, why, arena_printf(a, "checklist[%zu].%s", i, field), fault);
        decides |= t->checklist[i].basis == ELIG_BASIS_STATED ||
                   (t->checklist[i].basis == ELIG_BASIS_INFERRED &&
                    t->checklist[i].effect == ELIG_EFFECT_DECIDES);
    }
    if (!decides)
        return wrong(path, why, "checklist", "no question decides");
    return ERR_OK;
}

const struct elig_target *elig_target_find(const struct elig_list *list, const char *code)
{
    for (size_t i = 0; code[0] != '\0' && i < list->n_entries; i++)
        if (strcmp(list->entries[i].code, code) == 0)
            return &list->entries[i];
    return NULL;
}
