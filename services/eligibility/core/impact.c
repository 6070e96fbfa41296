/* Impact (影響度) and what follows from it: levels, the number of ministries, and the policies for
 * listed, to-be-considered and regime B cases. */
#include "services/eligibility/core/judge.h"

#include <inttypes.h>
#include <string.h>

const char *judge_level_name(enum elig_level l)
{
    static const char *const names[] = {"UNSPECIFIED", "LOW", "MODERATE", "HIGH"};
    return (unsigned)l < 4 ? names[l] : "?";
}

enum elig_level judge_level(const struct elig_assessment *s)
{
    enum elig_level overall = s->n_items > 0 ? ELIG_LEVEL_LOW : ELIG_LEVEL_UNSET;
    bool unstated = s->n_items == 0;
    for (size_t i = 0; i < s->n_items; i++) {
        const enum elig_level cells[] = {s->items[i].confidentiality, s->items[i].integrity,
                                         s->items[i].availability};
        for (size_t k = 0; k < 3; k++) {
            unstated |= cells[k] == ELIG_LEVEL_UNSET;
            if (cells[k] > overall)
                overall = cells[k];
        }
    }
    /* A missing cell hides nothing that is above low, but it never counts as low. */
    return unstated && overall == ELIG_LEVEL_LOW ? ELIG_LEVEL_UNSET : overall;
}

static bool body_is_low(const struct judge *j, const struct elig_assessment *body)
{
    for (size_t i = 0; i < j->n_sheets; i++)
        if (judge_same_body(j, j->sheets[i], body) && judge_level(j->sheets[i]) != ELIG_LEVEL_LOW)
            return false;
    return true;
}

static void count_bodies(struct judge *j)
{
    for (size_t i = 0; i < j->n_sheets; i++) {
        bool seen = false;
        for (size_t k = 0; k < i && !seen; k++)
            seen = judge_same_body(j, j->sheets[k], j->sheets[i]);
        if (seen)
            continue;
        j->n_bodies++;
        j->n_low += body_is_low(j, j->sheets[i]) ? 1 : 0;
    }
}

void rule_r21(struct judge *j)
{
    static const struct criterion low = {
        "R21", "業務・情報の影響度が、全ての情報項目の機密性・完全性・可用性について低位であること",
        "The impact is low for confidentiality, integrity and availability of every information "
        "item"};
    count_bodies(j);
    for (size_t i = 0; i < j->n_sheets; i++) {
        const struct elig_assessment *s = j->sheets[i];
        enum elig_level level = judge_level(s);
        judge_find(
            j, &low,
            &(struct found){
                .outcome = level == ELIG_LEVEL_LOW ? ELIG_OUTCOME_MET : ELIG_OUTCOME_NOT_MET,
                .fact = judge_text(j, "ministry=%s body=%s items=%zu overall=%s", s->ministry,
                                   s->body, s->n_items, judge_level_name(level)),
                .evidence_ja = "全ての項目を低位とする、当該省庁による評価",
                .evidence_en = "An assessment by that ministry with every item low"});
    }
}

/* R12: enough ministries? Waits for the next one when not. */
static bool enough(struct judge *j, uint32_t required, const char *why)
{
    static const struct criterion number = {
        "R12", "必要な数の省庁による影響度評価があること（同一省庁の部局は一つと数える）",
        "Assessments by the required number of ministries (bureaux of one ministry count once)"};
    bool met = j->n_bodies >= required;
    judge_find(
        j, &number,
        &(struct found){
            .outcome = met ? ELIG_OUTCOME_MET : ELIG_OUTCOME_OPEN,
            .fact = judge_text(j, "ministries=%zu required=%" PRIu32 " %s sheets=%zu replaced=%zu",
                               j->n_bodies, required, why, j->n_sheets,
                               j->in->c->n_assessments - j->n_sheets),
            .evidence_ja = "まだ評価していない省庁による影響度評価",
            .evidence_en = "An assessment by a ministry that has not assessed yet"});
    if (!met)
        judge_wait(j, ELIG_STATE_WAITING_MINISTRY, judge_next_ministry(j));
    return met;
}

void rule_r12(struct judge *j)
{
    const struct elig_rules *r = j->in->rules;
    if (strcmp(j->v->regime, "B") == 0)
        (void)enough(j, r->min_ministries_listed > 0 ? r->min_ministries_listed : 1, "procurement");
    else if (j->match == JUDGE_LISTED)
        (void)enough(j, r->min_ministries_listed, "listed");
    else
        (void)enough(j, r->min_ministries_unlisted, "unlisted");
}

void rule_r22(struct judge *j)
{
    static const struct criterion listed = {
        "R22", "対象業務に該当し、かつ影響度が低位であること（両方を要する）",
        "The business is a target business and the impact is low; both are needed"};
    const char *policy = j->in->rules->listed_not_low_policy;
    if (j->match != JUDGE_LISTED)
        return;
    bool low = j->n_low == j->n_bodies;
    judge_find(
        j, &listed,
        &(struct found){.outcome = low ? ELIG_OUTCOME_MET : ELIG_OUTCOME_NOT_MET,
                        .fact = judge_text(j, "matched=%s low=%zu of %zu policy=%s",
                                           j->v->matched_code, j->n_low, j->n_bodies, policy),
                        .evidence_ja = "全ての評価省庁による低位の評価を伴う新たな事前申請",
                        .evidence_en = "A new pre-application with low results from all "
                                       "assessing ministries"});
    if (low && j->review)
        judge_operator(j, ELIG_STATE_WAITING_REVIEW);
    else if (low)
        judge_decide(j, ELIG_RESULT_ELIGIBLE);
    else if (strcmp(policy, "REFER_TO_OPERATOR") == 0)
        judge_operator(j, ELIG_STATE_WAITING_REVIEW);
    else if (strcmp(policy, "TO_BE_CONSIDERED") == 0) {
        j->match = JUDGE_UNLISTED;
        j->v->matched_code = "";
        (void)enough(j, j->in->rules->min_ministries_unlisted, "to be considered");
    } else {
        judge_decide(j, ELIG_RESULT_NOT_ELIGIBLE);
    }
}

static void rule_r24(struct judge *j)
{
    static const struct criterion disagree = {
        "R24", "要検討業務について、省庁の評価に低位でないものがある場合の取扱い",
        "What follows when not all ministries rate a to-be-considered business low"};
    const struct elig_rules *r = j->in->rules;
    const char *policy = r->unlisted_disagreement_policy;
    judge_find(j, &disagree,
               &(struct found){
                   .outcome = ELIG_OUTCOME_NOT_MET,
                   .fact = judge_text(j, "low=%zu of %zu policy=%s", j->n_low, j->n_bodies, policy),
                   .evidence_ja = "必要な数の省庁が全て低位とする新たな事前申請",
                   .evidence_en = "A new pre-application that all required ministries "
                                  "rate low"});
    if (strcmp(policy, "HOLD_FOR_COMMITTEE") == 0) {
        judge_operator(j, ELIG_STATE_WAITING_REVIEW);
        return;
    }
    if (strcmp(policy, "REQUEST_THIRD") != 0) {
        judge_decide(j, ELIG_RESULT_NOT_ELIGIBLE);
        return;
    }
    size_t other = j->n_bodies - j->n_low;
    if (!enough(j, r->min_ministries_unlisted + 1, "after disagreement"))
        return;
    if (j->n_low >= r->min_ministries_unlisted && j->n_low > other)
        judge_operator(j, ELIG_STATE_WAITING_CONFIRMATION);
    else
        judge_decide(j, ELIG_RESULT_NOT_ELIGIBLE);
}

void rule_r23(struct judge *j)
{
    static const struct criterion validity = {
        "R23", "複数の省庁の結果が低位であり、その妥当性が確認されること",
        "Several ministries rate the business low, and the validity of that is confirmed"};
    const char *policy = j->in->rules->validity_confirmation;
    if (j->n_low != j->n_bodies) {
        rule_r24(j);
        return;
    }
    judge_find(j, &validity,
               &(struct found){.outcome = ELIG_OUTCOME_MET,
                               .fact = judge_text(j, "low=%zu of %zu confirmation_by=%s", j->n_low,
                                                  j->n_bodies, policy)});
    if (strcmp(policy, "AUTOMATIC") == 0)
        judge_decide(j, ELIG_RESULT_ELIGIBLE);
    else
        judge_operator(j, ELIG_STATE_WAITING_CONFIRMATION);
}

void rule_r30(struct judge *j)
{
    static const struct criterion agency = {
        "R30", "調達を行う省庁が自ら影響度の低位を確認すること（事前申請による判断は行わない）",
        "The procuring ministry itself confirms that the impact is low; no list match is needed"};
    bool low = j->n_low == j->n_bodies;
    judge_find(j, &agency,
               &(struct found){.outcome = low ? ELIG_OUTCOME_MET : ELIG_OUTCOME_NOT_MET,
                               .fact = judge_text(j, "low=%zu of %zu", j->n_low, j->n_bodies),
                               .evidence_ja = "調達を行う省庁による低位の評価",
                               .evidence_en = "A low assessment by the procuring ministry"});
    judge_decide(j, low ? ELIG_RESULT_ELIGIBLE : ELIG_RESULT_NOT_ELIGIBLE);
    if (j->n_bodies == 1)
        j->v->decided_by = j->sheets[0]->ministry;
}
