/* The driver of a judgment: one table of rules in their order, and the few ways to end. */
#include "services/eligibility/core/judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "domain/validity.h"

#define REGIME_A 1u
#define REGIME_B 2u

struct rule_row {
    const char *rule;
    void (*run)(struct judge *j);
    unsigned regimes;
    bool always; /* also after a settlement: its findings belong to the reasons */
};

/* A rule that finds no rulebook in force ends everything: it leaves `regime` empty. */
static const struct rule_row RULES[] = {
    {"R1", rule_r1, REGIME_A | REGIME_B, false},  {"R10", rule_r10, REGIME_A | REGIME_B, true},
    {"R11", rule_r11, REGIME_A | REGIME_B, true}, {"R20", rule_r20, REGIME_A, false},
    {"R21", rule_r21, REGIME_A | REGIME_B, true}, {"R12", rule_r12, REGIME_A | REGIME_B, false},
    {"R22", rule_r22, REGIME_A, false},           {"R23", rule_r23, REGIME_A, false},
    {"R30", rule_r30, REGIME_B, false},           {"R28", rule_r28, REGIME_A | REGIME_B, true},
    {"R27", rule_r27, REGIME_A | REGIME_B, true},
};

const char *judge_text(struct judge *j, const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (n < 0)
        return "";
    if ((size_t)n < sizeof line) {
        const char *s = arena_strdup(j->arena, line);
        if (s != NULL)
            return s;
    } else {
        size_t size = (size_t)n + 1;
        char *long_text = arena_alloc(j->arena, size);
        if (long_text != NULL) {
            va_start(ap, fmt);
            (void)vsnprintf(long_text, size, fmt, ap);
            va_end(ap);
            return long_text;
        }
    }
    j->failed = ERR_NOMEM;
    return "";
}

static const char *citation_of(struct judge *j, const char *rule)
{
    const struct elig_rules *r = j->in->rules;
    for (size_t i = 0; r != NULL && i < r->n_citations; i++) {
        const struct elig_citation *c = &r->citations[i];
        if (strcmp(c->rule, rule) == 0)
            return judge_text(j, "%s [%s]", c->source, c->confidence);
    }
    return "";
}

void judge_find(struct judge *j, const struct criterion *c, const struct found *f)
{
    if (j->v->n_findings >= ELIG_FINDINGS_MAX) {
        j->failed = ERR_LIMIT;
        return;
    }
    bool open = f->outcome == ELIG_OUTCOME_NOT_MET || f->outcome == ELIG_OUTCOME_OPEN;
    j->findings[j->v->n_findings++] = (struct elig_finding){
        .rule = c->rule,
        .criterion_ja = c->ja,
        .criterion_en = c->en,
        .fact = f->fact != NULL ? f->fact : "",
        .outcome = f->outcome,
        .citation = f->citation != NULL ? f->citation : citation_of(j, c->rule),
        .evidence_ja = open && f->evidence_ja != NULL ? f->evidence_ja : "",
        .evidence_en = open && f->evidence_en != NULL ? f->evidence_en : "",
    };
}

static void settle(struct judge *j, enum elig_state state, const char *waits_for)
{
    if (j->settled)
        return;
    j->settled = true;
    j->v->state = state;
    j->v->waits_for = waits_for;
}

void judge_wait(struct judge *j, enum elig_state state, const char *waits_for)
{
    settle(j, state, waits_for);
}

void judge_decide(struct judge *j, enum elig_result result)
{
    if (j->settled)
        return;
    settle(j, ELIG_STATE_DECIDED, "");
    j->v->result = result;
    j->v->decided_at_ms = j->in->now_ms;
    j->v->decided_by = "rule";
    j->v->proposes_list_addition = result == ELIG_RESULT_ELIGIBLE && j->proposes_entry;
}

void judge_operator(struct judge *j, enum elig_state state)
{
    static const struct criterion decision = {
        "R23", "運用支援機関による確認（確認または否認を理由とともに記録する）",
        "Decision of the operating support body, recorded with its reasons"};
    const struct elig_confirmation *k = j->in->confirmation;
    if (j->settled)
        return;
    if (k == NULL) {
        judge_find(
            j, &decision,
            &(struct found){.outcome = ELIG_OUTCOME_OPEN,
                            .fact = "confirmation=none",
                            .evidence_ja = "運用支援機関が理由を付して確認または否認すること",
                            .evidence_en = "The operating support body confirms or denies it, "
                                           "with reasons"});
        settle(j, state, "operator");
        return;
    }
    judge_find(
        j, &decision,
        &(struct found){.outcome = k->confirm ? ELIG_OUTCOME_MET : ELIG_OUTCOME_NOT_MET,
                        .fact = judge_text(j, "confirmation=%s operator=%s reason=%s",
                                           k->confirm ? "YES" : "NO", k->operator, k->reason),
                        .evidence_ja = "否認の理由を解消した新たな事前申請",
                        .evidence_en = "A new pre-application that removes the reasons given"});
    judge_decide(j, k->confirm ? ELIG_RESULT_ELIGIBLE : ELIG_RESULT_NOT_ELIGIBLE);
    j->v->decided_by = k->operator;
    j->v->decided_at_ms = k->at_ms;
}

const char *judge_next_ministry(const struct judge *j)
{
    const struct elig_case *c = j->in->c;
    for (size_t i = 0; i < c->n_asked; i++) {
        bool answered = false;
        for (size_t k = 0; k < j->n_sheets && !answered; k++)
            answered = strcmp(j->sheets[k]->ministry, c->asked_ministries[i]) == 0;
        if (!answered)
            return c->asked_ministries[i];
    }
    return c->provider;
}

void rule_r27(struct judge *j)
{
    static const struct criterion not_a_registration = {
        "R27", "該当性の判断は登録ではない。登録の可否は本申請の後に別途決定される",
        "The verdict is not a registration; whether to register is decided separately"};
    if (j->v->result == ELIG_RESULT_ELIGIBLE)
        judge_find(j, &not_a_registration,
                   &(struct found){.outcome = ELIG_OUTCOME_NOTE, .fact = "registration=separate"});
}

void rule_r28(struct judge *j)
{
    static const struct criterion bound = {
        "R28",
        "判断は、評価されたサービスと業務に限って有効であり、新たな業務には新たな評価を要する",
        "The verdict holds for the service and business assessed; another business needs its own"};
    if (j->v->result != ELIG_RESULT_ELIGIBLE)
        return;
    uint32_t months = j->in->rules->verdict_valid_months;
    if (months > 0 && months <= VALIDITY_MONTHS_MAX) {
        int32_t first = date_of_ms(j->v->decided_at_ms) + 1;
        date_format(validity_period_last_day(first, (int32_t)months), j->v->valid_until);
    }
    bool limited = j->v->valid_until[0] != '\0';
    judge_find(j, &bound,
               &(struct found){.outcome = ELIG_OUTCOME_NOTE,
                               .fact = judge_text(j, "valid_until=%s business=%s",
                                                  limited ? j->v->valid_until : "unlimited",
                                                  j->in->c->business.description)});
}

static void run_rules(struct judge *j)
{
    rule_r1(j);
    if (j->v->regime[0] == '\0')
        return;
    unsigned regime = strcmp(j->v->regime, "B") == 0 ? REGIME_B : REGIME_A;
    for (size_t i = 1; i < sizeof RULES / sizeof RULES[0]; i++) {
        const struct rule_row *row = &RULES[i];
        if ((row->regimes & regime) != 0 && (!j->settled || row->always))
            row->run(j);
    }
}

enum err elig_judge(struct arena *a, const struct elig_input *in, struct elig_verdict *out)
{
    memset(out, 0, sizeof *out);
    out->matched_code = out->regime = out->decided_by = out->waits_for = "";
    if (in->c->n_assessments > ELIG_ASSESSMENTS_MAX)
        return ERR_LIMIT;
    struct judge j = {.arena = a, .in = in, .v = out};
    j.findings = arena_alloc(a, ELIG_FINDINGS_MAX * sizeof *j.findings);
    j.sheets = arena_alloc(a, (in->c->n_assessments + 1) * sizeof(const struct elig_assessment *));
    if (j.findings == NULL || j.sheets == NULL)
        return ERR_NOMEM;
    judge_order_sheets(&j);
    run_rules(&j);
    out->findings = j.findings;
    return j.failed;
}
