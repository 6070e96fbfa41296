/* Schema tables: one row for each field of the messages that a file may set. */
#include "tools/rulebook/schema.h"

#include "ismap/liu/v1/judgment.pb-c.h"
#include "ismap/liu/v1/alert.pb-c.h"

#define PB(name) Ismap__Liu__V1__##name
#define COUNT(rows) ((uint32_t)(sizeof(rows) / sizeof(rows)[0]))
#define TEXT_MAX 4096

#define TEXT(type, field)                                                                          \
    CYAML_FIELD_STRING_PTR(#field, CYAML_FLAG_POINTER, type, field, 1, TEXT_MAX)
#define TEXT_OPTIONAL(type, field)                                                                 \
    CYAML_FIELD_STRING_PTR(#field, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, field, 0,       \
                           TEXT_MAX)
#define NUMBER(type, field) CYAML_FIELD_UINT(#field, CYAML_FLAG_DEFAULT, type, field)
#define NUMBER_OPTIONAL(type, field) CYAML_FIELD_UINT(#field, CYAML_FLAG_OPTIONAL, type, field)
#define FLAG(type, field) CYAML_FIELD_BOOL(#field, CYAML_FLAG_DEFAULT, type, field)
#define FLAG_OPTIONAL(type, field) CYAML_FIELD_BOOL(#field, CYAML_FLAG_OPTIONAL, type, field)
#define WORD(type, field, words)                                                                   \
    CYAML_FIELD_ENUM(#field, CYAML_FLAG_STRICT, type, field, words, COUNT(words))
#define WORD_OPTIONAL(type, field, words)                                                          \
    CYAML_FIELD_ENUM(#field, CYAML_FLAG_STRICT | CYAML_FLAG_OPTIONAL, type, field, words,          \
                     COUNT(words))
#define LIST(type, field, entry, min, max)                                                         \
    CYAML_FIELD_SEQUENCE_COUNT(#field, CYAML_FLAG_POINTER, type, field, n_##field, entry, min, max)
#define LIST_OPTIONAL(type, field, entry, max)                                                     \
    CYAML_FIELD_SEQUENCE_COUNT(#field, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, field,      \
                               n_##field, entry, 0, max)
#define SECTION(type, field, rows)                                                                 \
    CYAML_FIELD_MAPPING_PTR(#field, CYAML_FLAG_POINTER, type, field, rows)

static const cyaml_strval_t MODELS[] = {{"SAAS", 1}, {"PAAS", 2}, {"IAAS", 3}};
static const cyaml_strval_t ANSWERS[] = {{"YES", 1}, {"NO", 2}};
static const cyaml_strval_t BASES[] = {{"S", 1}, {"E", 2}, {"I", 3}};
static const cyaml_strval_t EFFECTS[] = {
    {"DECIDES", 1}, {"REVIEW", 2}, {"NOTE", 3}, {"COMPLETES", 4}, {"EXIT", 5}};
static const cyaml_strval_t SEVERITIES[] = {
    {"LOW", 1}, {"MODERATE", 2}, {"HIGH", 3}, {"CRITICAL", 4}};
static const cyaml_strval_t TIERS[] = {
    {"ANY", 0}, {"GOVERNANCE", 1}, {"MANAGEMENT", 2}, {"CONTROLS", 3}};
static const cyaml_strval_t PARTIES[] = {{"BOTH", 0}, {"EXTERNAL", 1}, {"INTERNAL", 2}};
static const cyaml_strval_t MODES[] = {{"DESIGN", 1}, {"OPERATING", 2}, {"BOTH", 3}};
static const cyaml_strval_t LEVELS[] = {
    {"ANY", 0}, {"NONE", 1}, {"LIMITED", 2}, {"SERIOUS", 3}, {"GRAVE", 4}};

static const cyaml_schema_value_t WORDS_ENTRY = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX)};

/* ---- target list */

static const cyaml_schema_field_t QUESTION[] = {
    TEXT(PB(Question), id),
    TEXT(PB(Question), text_ja),
    TEXT(PB(Question), text_en),
    WORD(PB(Question), match, ANSWERS),
    WORD(PB(Question), basis, BASES),
    WORD(PB(Question), effect, EFFECTS),
    TEXT_OPTIONAL(PB(Question), any_of),
    TEXT_OPTIONAL(PB(Question), quote),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t QUESTION_ENTRY = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, PB(Question), QUESTION)};

static const cyaml_schema_field_t TARGET[] = {
    TEXT(PB(TargetBusiness), code),
    TEXT(PB(TargetBusiness), criterion_ja),
    TEXT(PB(TargetBusiness), criterion_en),
    LIST(PB(TargetBusiness), checklist, &QUESTION_ENTRY, 1, 32),
    LIST_OPTIONAL(PB(TargetBusiness), examples_ja, &WORDS_ENTRY, 32),
    LIST_OPTIONAL(PB(TargetBusiness), examples_en, &WORDS_ENTRY, 32),
    TEXT(PB(TargetBusiness), impact_example_ja),
    TEXT(PB(TargetBusiness), impact_example_en),
    TEXT_OPTIONAL(PB(TargetBusiness), from_case),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t TARGET_ENTRY = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, PB(TargetBusiness), TARGET)};

static const cyaml_schema_field_t TARGETS[] = {
    NUMBER(PB(TargetList), version),
    TEXT(PB(TargetList), adopted_on),
    LIST(PB(TargetList), entries, &TARGET_ENTRY, 1, 256),
    CYAML_FIELD_END,
};
const cyaml_schema_value_t targets_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, PB(TargetList), TARGETS)};

/* ---- rulebook */

static const cyaml_schema_field_t CITATION[] = {
    TEXT(PB(Citation), rule),
    TEXT(PB(Citation), source),
    TEXT_OPTIONAL(PB(Citation), text_ja),
    TEXT_OPTIONAL(PB(Citation), text_en),
    TEXT(PB(Citation), confidence),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t CITATION_ENTRY = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, PB(Citation), CITATION)};

static const cyaml_schema_value_t MODEL_ENTRY = {
    CYAML_VALUE_ENUM(CYAML_FLAG_STRICT, PB(ServiceModel), MODELS, COUNT(MODELS))};

static const cyaml_schema_field_t ELIGIBILITY[] = {
    LIST(PB(EligibilityRules), service_models, &MODEL_ENTRY, 1, 3),
    NUMBER(PB(EligibilityRules), confidentiality_class),
    NUMBER(PB(EligibilityRules), min_ministries_listed),
    NUMBER(PB(EligibilityRules), min_ministries_unlisted),
    FLAG(PB(EligibilityRules), bureaux_count_once),
    TEXT(PB(EligibilityRules), listed_not_low_policy),
    TEXT(PB(EligibilityRules), validity_confirmation),
    TEXT(PB(EligibilityRules), unlisted_disagreement_policy),
    NUMBER(PB(EligibilityRules), verdict_valid_months),
    LIST(PB(EligibilityRules), damage_categories, &WORDS_ENTRY, 0, 64),
    NUMBER(PB(EligibilityRules), review_days_unlisted),
    FLAG(PB(EligibilityRules), tb3_both_required),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t IMPORTANT[] = {
    TEXT(PB(ImportantControl), id),
    FLAG(PB(ImportantControl), annual),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t IMPORTANT_ENTRY = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, PB(ImportantControl), IMPORTANT)};

static const cyaml_schema_field_t EFFORT[] = {
    TEXT_OPTIONAL(PB(AuditEffort), control_id),     WORD_OPTIONAL(PB(AuditEffort), tier, TIERS),
    WORD_OPTIONAL(PB(AuditEffort), party, PARTIES), NUMBER(PB(AuditEffort), design_hours),
    NUMBER(PB(AuditEffort), operating_hours),       CYAML_FIELD_END,
};
static const cyaml_schema_value_t EFFORT_ENTRY = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, PB(AuditEffort), EFFORT)};

static const cyaml_schema_field_t CEILING[] = {
    NUMBER_OPTIONAL(PB(AuditCeiling), year),
    WORD_OPTIONAL(PB(AuditCeiling), party, PARTIES),
    NUMBER(PB(AuditCeiling), hours),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t CEILING_ENTRY = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, PB(AuditCeiling), CEILING)};

static const cyaml_schema_field_t MODE[] = {
    WORD_OPTIONAL(PB(AuditModeRule), tier, TIERS),
    WORD_OPTIONAL(PB(AuditModeRule), party, PARTIES),
    WORD(PB(AuditModeRule), mode, MODES),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t MODE_ENTRY = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, PB(AuditModeRule), MODE)};

static const cyaml_schema_field_t AUDIT[] = {
    NUMBER(PB(AuditRules), rotation_years),
    NUMBER(PB(AuditRules), internal_cycle_years),
    FLAG(PB(AuditRules), internal_all_tiers),
    FLAG(PB(AuditRules), internal_sliding),
    LIST(PB(AuditRules), important, &IMPORTANT_ENTRY, 1, 2048),
    NUMBER(PB(AuditRules), hours_per_external_item),
    NUMBER(PB(AuditRules), hours_per_internal_item),
    NUMBER_OPTIONAL(PB(AuditRules), internal_report_due_months),
    NUMBER_OPTIONAL(PB(AuditRules), internal_report_remind_days),
    NUMBER_OPTIONAL(PB(AuditRules), change_notice_days),
    LIST_OPTIONAL(PB(AuditRules), incident_controls, &WORDS_ENTRY, 256),
    LIST_OPTIONAL(PB(AuditRules), effort, &EFFORT_ENTRY, 2048),
    LIST_OPTIONAL(PB(AuditRules), ceilings, &CEILING_ENTRY, 32),
    LIST_OPTIONAL(PB(AuditRules), modes, &MODE_ENTRY, 16),
    FLAG_OPTIONAL(PB(AuditRules), force_on_change),
    TEXT_OPTIONAL(PB(AuditRules), special_measure_until),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t GRADE[] = {
    WORD(PB(GradeRow), severity, SEVERITIES),
    WORD_OPTIONAL(PB(GradeRow), min_confidentiality, LEVELS),
    WORD_OPTIONAL(PB(GradeRow), min_integrity, LEVELS),
    WORD_OPTIONAL(PB(GradeRow), min_availability, LEVELS),
    NUMBER_OPTIONAL(PB(GradeRow), min_data_class),
    NUMBER_OPTIONAL(PB(GradeRow), min_agencies),
    FLAG_OPTIONAL(PB(GradeRow), base_involved),
    FLAG_OPTIONAL(PB(GradeRow), any_effect),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t GRADE_ENTRY = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, PB(GradeRow), GRADE)};

static const cyaml_schema_field_t INCIDENT[] = {
    LIST(PB(IncidentRules), grades, &GRADE_ENTRY, 1, 64),
    TEXT(PB(IncidentRules), ungraded_policy),
    NUMBER(PB(IncidentRules), corroborating_operators),
    NUMBER(PB(IncidentRules), corroboration_window_s),
    NUMBER(PB(IncidentRules), brake_suspensions),
    NUMBER(PB(IncidentRules), brake_window_s),
    NUMBER(PB(IncidentRules), brake_clock_s),
    NUMBER(PB(IncidentRules), prelim_hours),
    NUMBER(PB(IncidentRules), final_days),
    TEXT(PB(IncidentRules), lift_authority),
    WORD(PB(IncidentRules), top_grade, SEVERITIES),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t LISTING[] = {
    NUMBER(PB(ListingRules), validity_months),
    FLAG(PB(ListingRules), expiry_inclusive),
    TEXT(PB(ListingRules), number_prefix),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t RULEBOOK[] = {
    TEXT(PB(Rulebook), name),
    TEXT(PB(Rulebook), regime),
    TEXT(PB(Rulebook), effective_from),
    TEXT_OPTIONAL(PB(Rulebook), effective_until),
    TEXT_OPTIONAL(PB(Rulebook), next_regime),
    TEXT_OPTIONAL(PB(Rulebook), next_from),
    LIST(PB(Rulebook), citations, &CITATION_ENTRY, 0, 256),
    SECTION(PB(Rulebook), eligibility, ELIGIBILITY),
    SECTION(PB(Rulebook), audit, AUDIT),
    SECTION(PB(Rulebook), incident, INCIDENT),
    SECTION(PB(Rulebook), listing, LISTING),
    CYAML_FIELD_END,
};
const cyaml_schema_value_t rulebook_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, PB(Rulebook), RULEBOOK)};
