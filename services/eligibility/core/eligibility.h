/* Judgment of LIU applicability (ISMAP-LIU該当性): one pure function from facts and rules to a
 * verdict that explains itself.
 *
 * Pure C: no clock, no store, no wire. The same input gives the same verdict on every machine and
 * in every order of the assessments; replay relies on it. All strings are NUL-terminated UTF-8,
 * never NULL unless said so, and are borrowed from the caller; what the verdict points to lives in
 * the arena or is borrowed from the input.
 *
 * The enums carry the numbers of the messages (case.proto, judgment.proto); map.c asserts that.
 *
 * Version: raise ELIG_CORE_VERSION whenever a golden verdict changes.
 */
#ifndef LIU_ELIGIBILITY_CORE_H
#define LIU_ELIGIBILITY_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/date.h"

#define ELIG_CORE_VERSION "eligibility-1"

/* Bounds of what is judged; beyond them ERR_LIMIT. */
#define ELIG_ASSESSMENTS_MAX 64
#define ELIG_QUESTIONS_MAX 32
#define ELIG_FINDINGS_MAX 256

/* ---- words */

enum elig_model { ELIG_MODEL_UNSET, ELIG_MODEL_SAAS, ELIG_MODEL_PAAS, ELIG_MODEL_IAAS };

/* 影響度, ordered (R21). */
enum elig_level { ELIG_LEVEL_UNSET, ELIG_LEVEL_LOW, ELIG_LEVEL_MODERATE, ELIG_LEVEL_HIGH };

enum elig_answer { ELIG_ANSWER_UNSET, ELIG_ANSWER_YES, ELIG_ANSWER_NO, ELIG_ANSWER_UNKNOWN };

/* Where a question comes from: stated by the criterion (S), from an example (E), inferred (I). */
enum elig_basis { ELIG_BASIS_UNSET, ELIG_BASIS_STATED, ELIG_BASIS_EXAMPLE, ELIG_BASIS_INFERRED };

/* What an answer other than the matching one does. S questions with UNSET decide. */
enum elig_effect {
    ELIG_EFFECT_UNSET,
    ELIG_EFFECT_DECIDES,   /* the business does not match */
    ELIG_EFFECT_REVIEW,    /* a person looks before anything is decided */
    ELIG_EFFECT_NOTE,      /* stands in the reasons, nothing more */
    ELIG_EFFECT_COMPLETES, /* incomplete: returned to the applicant, never a failed match */
    ELIG_EFFECT_EXIT,      /* the information is outside the scheme: LIU is not needed */
};

enum elig_result {
    ELIG_RESULT_OPEN,
    ELIG_RESULT_ELIGIBLE,     /* 該当性あり */
    ELIG_RESULT_NOT_ELIGIBLE, /* 該当性なし */
    ELIG_RESULT_NOT_NEEDED,   /* class 1 only */
};

enum elig_state {
    ELIG_STATE_NONE, /* not judged yet */
    ELIG_STATE_WAITING_MINISTRY,
    ELIG_STATE_WAITING_CONFIRMATION,
    ELIG_STATE_WAITING_APPLICANT,
    ELIG_STATE_DECIDED,
    ELIG_STATE_WAITING_REVIEW,
};

enum elig_outcome {
    ELIG_OUTCOME_UNSET,
    ELIG_OUTCOME_MET,
    ELIG_OUTCOME_NOT_MET,
    ELIG_OUTCOME_OPEN,
    ELIG_OUTCOME_NOTE,
};

/* ---- facts */

struct elig_answered {
    const char *question;
    enum elig_answer answer;
};

/* One business (業務) as one side sees it. */
struct elig_claim {
    const char *description;
    const char *code; /* claimed entry of the target list; "" = unlisted */
    const struct elig_answered *answers;
    size_t n_answers;
};

struct elig_item {
    uint32_t confidentiality_class; /* 機密性 1 to 3; 0 = not stated */
    enum elig_level confidentiality;
    enum elig_level integrity;
    enum elig_level availability;
};

/* A ministry's sheet (影響度評価シート). A later sheet of the same ministry and bureau replaces an
 * earlier one. */
struct elig_assessment {
    const char *ministry; /* party */
    const char *body;     /* the ministry it belongs to: bodies are counted, not bureaux (R12) */
    const char *bureau;
    struct elig_claim business;
    const struct elig_item *items;
    size_t n_items;
    int64_t received_at_ms;
};

struct elig_case {
    const char *id;
    const char *provider;
    enum elig_model model;
    uint32_t confidentiality_class; /* highest class, as the provider says; 0 = not stated */
    struct elig_claim business;
    const struct elig_assessment *assessments;
    size_t n_assessments;
    const char *const *asked_ministries;
    size_t n_asked;
    int64_t submitted_at_ms; /* its day in Tokyo is the receipt date of R1 */
};

/* The operator's decision on a case that waits for one (R23). */
struct elig_confirmation {
    bool confirm;
    const char *operator;
    const char *reason;
    int64_t at_ms;
};

/* ---- rules */

struct elig_question {
    const char *id; /* TB1.Q2 */
    const char *text_ja;
    const char *text_en;
    enum elig_answer match;
    enum elig_basis basis;
    enum elig_effect effect;
    const char *any_of; /* one matching answer within the group is enough; "" = no group */
    const char *quote;
};

struct elig_target {
    const char *code; /* TB-1 */
    const char *criterion_ja;
    const char *criterion_en;
    const struct elig_question *checklist;
    size_t n_checklist;
    size_t n_examples; /* how many there are; what they say is never looked at */
    const char *impact_example_ja;
    const char *impact_example_en;
};

struct elig_list {
    uint32_t version;
    const struct elig_target *entries;
    size_t n_entries;
};

struct elig_citation {
    const char *rule;
    const char *source;
    const char *text_ja;
    const char *text_en;
    const char *confidence;
};

/* Parameters; words are those of the rulebook. */
struct elig_rules {
    const char *regime; /* A or B */
    const char *effective_from;
    const char *effective_until; /* "" = open-ended */
    const char *next_regime;     /* the regime that follows on next_from; "" = none (R1) */
    const char *next_from;
    const struct elig_citation *citations;
    size_t n_citations;
    const enum elig_model *service_models;
    size_t n_service_models;
    uint32_t confidentiality_class;
    uint32_t min_ministries_listed;
    uint32_t min_ministries_unlisted;
    bool bureaux_count_once;
    const char *listed_not_low_policy;
    const char *validity_confirmation;
    const char *unlisted_disagreement_policy;
    uint32_t verdict_valid_months; /* 0 = unlimited */
    bool tb3_both_required;
};

/* Everything the rules must satisfy before they may be used. ERR_INVAL, *path (static or in the
 * arena, the name of the field in the rulebook) and *why say what is wrong. */
enum err elig_rules_check(struct arena *a, const struct elig_rules *r, const char **path,
                          const char **why) LIU_MUST_USE;

/* The same for one entry of the list: complete, ids and codes in grammar, at least one question
 * that decides, groups of more than one. Common rule 6 of the list: an impact example is a part of
 * it. */
enum err elig_target_check(struct arena *a, const struct elig_target *t, const char **path,
                           const char **why) LIU_MUST_USE;

/* NULL when the code is not on the list. */
const struct elig_target *elig_target_find(const struct elig_list *list, const char *code);

/* ---- the verdict */

struct elig_finding {
    const char *rule;
    const char *criterion_ja;
    const char *criterion_en;
    const char *fact;
    enum elig_outcome outcome;
    const char *citation;
    const char *evidence_ja; /* for a negative or open one: what would change it; else "" */
    const char *evidence_en;
};

struct elig_verdict {
    enum elig_result result; /* OPEN unless DECIDED */
    enum elig_state state;
    const struct elig_finding *findings;
    size_t n_findings;
    const char *matched_code; /* "" = to be considered (要検討業務) */
    const char *regime;       /* that governs the case; "" when no rulebook is in force */
    int64_t decided_at_ms;    /* 0 while open */
    const char
        *decided_by;       /* "rule", the operator, or under regime B the ministry; "" while open */
    const char *waits_for; /* party id or "operator"; "" = nobody */
    char valid_until[DATE_TEXT_BYTES]; /* "" = unlimited or not eligible */
    bool proposes_list_addition;
    bool retry; /* open only because no rulebook was in force: judge again later */
};

struct elig_input {
    const struct elig_case *c;
    const struct elig_rules *rules;               /* NULL: none is active */
    const struct elig_list *list;                 /* NULL: none is active */
    const struct elig_confirmation *confirmation; /* NULL: none */
    int64_t now_ms; /* becomes decided_at_ms when the rules decide; not used otherwise */
};

/* Judges. Rules that elig_rules_check refuses give unspecified findings but never undefined
 * behaviour. A confirmation counts only where the case waits for one. ERR_NOMEM, ERR_LIMIT. */
enum err elig_judge(struct arena *a, const struct elig_input *in,
                    struct elig_verdict *out) LIU_MUST_USE;

#endif
