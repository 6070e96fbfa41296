/* R20: does the business match the entry it claims? Only the closed checklist of the list version
 * in force is looked at. Provider and ministries answer apart; examples never decide. A failed
 * match makes the business one to be considered (要検討業務), it never refuses. */
#include "services/eligibility/core/judge.h"

#include <stdio.h>
#include <string.h>

/* Provider first, then one for each sheet that claims the same entry. */
struct side {
    const char *name;
    const struct elig_claim *claim;
};

enum stand { STAND_MATCH, STAND_OTHER, STAND_UNKNOWN };
enum agreed { AGREED_MATCH, AGREED_OTHER, AGREED_UNKNOWN, AGREED_DIFFERENT };

/* A question that stands alone, or a group of which one matching answer is enough. */
struct unit {
    const struct elig_question *q[ELIG_QUESTIONS_MAX];
    size_t n;
    bool decides;
};

struct matching {
    struct judge *j;
    struct side sides[ELIG_ASSESSMENTS_MAX + 1];
    size_t n_sides;
    bool failed;
    bool open;
    bool exit;
};

static enum elig_answer answer_of(const struct elig_claim *c, const char *question)
{
    enum elig_answer found = ELIG_ANSWER_UNSET;
    for (size_t i = 0; i < c->n_answers; i++) {
        if (strcmp(c->answers[i].question, question) != 0)
            continue;
        if (found != ELIG_ANSWER_UNSET && found != c->answers[i].answer)
            return ELIG_ANSWER_UNKNOWN; /* two answers to one question are none */
        found = c->answers[i].answer;
    }
    return found;
}

static enum stand stand_of(const struct elig_claim *c, const struct elig_question *q)
{
    enum elig_answer a = answer_of(c, q->id);
    if (a != ELIG_ANSWER_YES && a != ELIG_ANSWER_NO)
        return STAND_UNKNOWN;
    return a == q->match ? STAND_MATCH : STAND_OTHER;
}

/* One side on a unit: one match satisfies it; it fails only when every answer is the other one. */
static enum stand unit_stand(const struct elig_claim *c, const struct unit *u)
{
    enum stand worst = STAND_OTHER;
    for (size_t i = 0; i < u->n; i++) {
        enum stand s = stand_of(c, u->q[i]);
        if (s == STAND_MATCH)
            return STAND_MATCH;
        if (s == STAND_UNKNOWN)
            worst = STAND_UNKNOWN;
    }
    return worst;
}

static bool all_match(const struct matching *m, const struct elig_question *q)
{
    for (size_t i = 0; i < m->n_sides; i++)
        if (stand_of(m->sides[i].claim, q) != STAND_MATCH)
            return false;
    return true;
}

/* A match needs one question on which all sides give the matching answer: two sides that satisfy a
 * group by different questions do not speak of the same facts. */
static enum agreed unit_agreed(const struct matching *m, const struct unit *u)
{
    size_t counts[3] = {0, 0, 0};
    for (size_t i = 0; i < u->n; i++)
        if (all_match(m, u->q[i]))
            return AGREED_MATCH;
    for (size_t i = 0; i < m->n_sides; i++)
        counts[unit_stand(m->sides[i].claim, u)]++;
    if (counts[STAND_OTHER] == m->n_sides)
        return AGREED_OTHER;
    if (counts[STAND_MATCH] > 0 && counts[STAND_OTHER] > 0)
        return AGREED_DIFFERENT;
    return counts[STAND_UNKNOWN] > 0 ? AGREED_UNKNOWN : AGREED_DIFFERENT;
}

static const char *answer_name(enum elig_answer a)
{
    switch (a) {
    case ELIG_ANSWER_YES:
        return "YES";
    case ELIG_ANSWER_NO:
        return "NO";
    case ELIG_ANSWER_UNKNOWN:
        return "UNKNOWN";
    case ELIG_ANSWER_UNSET:
        break;
    }
    return "MISSING";
}

static const char *fact_of(const struct matching *m, const struct elig_question *q)
{
    const char *fact = judge_text(m->j, "%s match=%s", q->id, answer_name(q->match));
    for (size_t i = 0; i < m->n_sides; i++)
        fact = judge_text(m->j, "%s %s=%s", fact, m->sides[i].name,
                          answer_name(answer_of(m->sides[i].claim, q->id)));
    return fact;
}

static const char *citation_of_question(struct judge *j, const struct elig_question *q)
{
    static const char *const basis[] = {"?", "S", "E", "I"};
    const char *b = (unsigned)q->basis < 4 ? basis[q->basis] : "?";
    const char *entry = judge_text(j, "%s v%u %s", j->target->code, j->in->list->version, b);
    return q->quote[0] != '\0' ? judge_text(j, "%s「%s」", entry, q->quote) : entry;
}

static void find_question(struct matching *m, const struct elig_question *q, struct found f)
{
    const struct criterion c = {"R20", q->text_ja, q->text_en};
    f.fact = fact_of(m, q);
    f.citation = citation_of_question(m->j, q);
    judge_find(m->j, &c, &f);
}

static struct found evidence_for(struct judge *j, const struct elig_question *q, enum agreed a)
{
    const char *want = answer_name(q->match);
    if (a == AGREED_DIFFERENT)
        return (struct found){
            .outcome = ELIG_OUTCOME_OPEN,
            .evidence_ja = judge_text(j, "%sについて申請者と省庁の回答の相違を解消すること", q->id),
            .evidence_en =
                judge_text(j, "Provider and ministry settle their difference on %s", q->id)};
    if (a == AGREED_UNKNOWN || q->effect == ELIG_EFFECT_COMPLETES)
        return (struct found){
            .outcome = ELIG_OUTCOME_OPEN,
            .evidence_ja = judge_text(
                j, "%sへの「はい」または「いいえ」の回答（該当となる回答: %s）", q->id, want),
            .evidence_en =
                judge_text(j, "A definite answer to %s (the matching one is %s)", q->id, want)};
    return (struct found){
        .outcome = ELIG_OUTCOME_NOT_MET,
        .evidence_ja = judge_text(
            j, "%sへの回答が事実として%sであること。現状では要検討業務として扱う", q->id, want),
        .evidence_en = judge_text(j, "%s being in fact %s; as it is, a business to be considered",
                                  q->id, want)};
}

static void note_result(struct matching *m, const struct unit *u, enum agreed a)
{
    if (a == AGREED_UNKNOWN || a == AGREED_DIFFERENT)
        m->open = true;
    if (a != AGREED_OTHER)
        return;
    if (u->q[0]->effect == ELIG_EFFECT_EXIT)
        m->exit = true;
    else if (u->q[0]->effect == ELIG_EFFECT_COMPLETES)
        m->open = true;
    else
        m->failed = true;
}

static void judge_deciding_unit(struct matching *m, const struct unit *u)
{
    enum agreed a = unit_agreed(m, u);
    note_result(m, u, a);
    for (size_t i = 0; i < u->n; i++) {
        if (a != AGREED_MATCH)
            find_question(m, u->q[i], evidence_for(m->j, u->q[i], a));
        else if (all_match(m, u->q[i]))
            find_question(m, u->q[i], (struct found){.outcome = ELIG_OUTCOME_MET});
        else
            find_question(m, u->q[i], (struct found){.outcome = ELIG_OUTCOME_NOTE});
    }
}

static void judge_other_unit(struct matching *m, const struct unit *u)
{
    const struct elig_question *q = u->q[0];
    struct judge *j = m->j;
    if (all_match(m, q)) {
        find_question(m, q, (struct found){.outcome = ELIG_OUTCOME_MET});
        return;
    }
    if (q->basis != ELIG_BASIS_INFERRED || q->effect != ELIG_EFFECT_REVIEW || m->failed) {
        find_question(m, q, (struct found){.outcome = ELIG_OUTCOME_NOTE});
        return;
    }
    j->review = true;
    find_question(
        m, q,
        (struct found){.outcome = ELIG_OUTCOME_OPEN,
                       .evidence_ja = judge_text(j, "%sについての運用支援機関の確認", q->id),
                       .evidence_en = judge_text(j,
                                                 "A person of the operating support "
                                                 "body looks into %s",
                                                 q->id)});
}

static bool decides(const struct elig_question *q)
{
    if (q->basis == ELIG_BASIS_STATED)
        return true;
    return q->basis == ELIG_BASIS_INFERRED &&
           (q->effect == ELIG_EFFECT_DECIDES || q->effect == ELIG_EFFECT_COMPLETES ||
            q->effect == ELIG_EFFECT_EXIT);
}

/* The group of `q` as the rulebook reads it: 及び in TB-3 may mean both (tb3_both_required). */
static const char *group_of(const struct judge *j, const struct elig_question *q)
{
    if (j->in->rules->tb3_both_required && strcmp(j->target->code, "TB-3") == 0)
        return "";
    return q->any_of;
}

/* The unit that begins at question `first`; false when an earlier question already took it in. */
static bool unit_at(const struct judge *j, size_t first, struct unit *u)
{
    const struct elig_target *t = j->target;
    const char *group = group_of(j, &t->checklist[first]);
    *u = (struct unit){.n = 0};
    for (size_t i = 0; group[0] != '\0' && i < first; i++)
        if (strcmp(group_of(j, &t->checklist[i]), group) == 0)
            return false;
    for (size_t i = first; i < t->n_checklist && u->n < ELIG_QUESTIONS_MAX; i++) {
        const struct elig_question *q = &t->checklist[i];
        if (i != first && (group[0] == '\0' || strcmp(group_of(j, q), group) != 0))
            continue;
        u->q[u->n++] = q;
        u->decides |= decides(q);
    }
    return true;
}

static void judge_checklist(struct matching *m)
{
    struct unit u;
    for (int deciding = 1; deciding >= 0; deciding--)
        for (size_t i = 0; i < m->j->target->n_checklist; i++) {
            if (!unit_at(m->j, i, &u) || u.decides != (deciding == 1))
                continue;
            if (u.decides)
                judge_deciding_unit(m, &u);
            else
                judge_other_unit(m, &u);
        }
}

static const struct criterion ENTRY = {
    "R20", "対象業務一覧の項目の基準に、一覧の質問への回答により該当すること",
    "The business matches the criterion of an entry of the target list by its closed checklist"};

/* A ministry that sees the business under another entry differs from the provider. */
static void collect_sides(struct matching *m)
{
    struct judge *j = m->j;
    const struct elig_claim *own = &j->in->c->business;
    m->sides[m->n_sides++] = (struct side){"provider", own};
    for (size_t i = 0; i < j->n_sheets; i++) {
        const struct elig_assessment *s = j->sheets[i];
        if (strcmp(s->business.code, own->code) == 0) {
            m->sides[m->n_sides++] =
                (struct side){judge_text(j, "ministry %s", s->ministry), &s->business};
            continue;
        }
        m->open = true;
        judge_find(
            j, &ENTRY,
            &(struct found){
                .outcome = ELIG_OUTCOME_OPEN,
                .fact = judge_text(j, "code provider=%s ministry %s=%s", own->code, s->ministry,
                                   s->business.code[0] != '\0' ? s->business.code : "unlisted"),
                .evidence_ja = "申請者と省庁が同じ項目を対象業務として挙げること",
                .evidence_en = "Provider and ministry name the same entry of the list"});
    }
}

static void note_unlisted(struct judge *j, const char *fact)
{
    j->proposes_entry = true;
    judge_find(j, &ENTRY, &(struct found){.outcome = ELIG_OUTCOME_NOTE, .fact = fact});
}

static void rule_unlisted(struct judge *j)
{
    const struct elig_claim *own = &j->in->c->business;
    if (own->code[0] != '\0')
        note_unlisted(j, judge_text(j, "code=%s not on list v%u: to be considered", own->code,
                                    j->in->list->version));
    else
        note_unlisted(j, "code=unlisted: to be considered");
    for (size_t i = 0; i < j->n_sheets; i++) {
        const struct elig_assessment *s = j->sheets[i];
        if (elig_target_find(j->in->list, s->business.code) != NULL)
            judge_find(j, &ENTRY,
                       &(struct found){.outcome = ELIG_OUTCOME_NOTE,
                                       .fact = judge_text(j,
                                                          "ministry %s sees %s, which the provider "
                                                          "does not claim",
                                                          s->ministry, s->business.code)});
    }
}

static void conclude(struct matching *m)
{
    struct judge *j = m->j;
    const char *code = j->target->code;
    if (m->failed) {
        j->review = false;
        j->match = JUDGE_UNLISTED;
        note_unlisted(j, judge_text(j, "code=%s did not match: to be considered", code));
    } else if (m->open) {
        j->match = JUDGE_OPEN;
        judge_wait(j, ELIG_STATE_WAITING_APPLICANT, j->in->c->provider);
    } else if (m->exit && j->n_sheets > 0) {
        judge_decide(j, ELIG_RESULT_NOT_NEEDED);
    } else if (m->exit) {
        judge_wait(j, ELIG_STATE_WAITING_MINISTRY, judge_next_ministry(j));
    } else {
        j->match = JUDGE_LISTED;
        j->v->matched_code = code;
        judge_find(
            j, &ENTRY,
            &(struct found){.outcome = ELIG_OUTCOME_MET,
                            .fact = judge_text(j, "code=%s list=v%u", code, j->in->list->version)});
    }
}

void rule_r20(struct judge *j)
{
    j->target = elig_target_find(j->in->list, j->in->c->business.code);
    if (j->target == NULL) {
        rule_unlisted(j);
        return;
    }
    if (j->target->n_checklist > ELIG_QUESTIONS_MAX) {
        j->failed = ERR_LIMIT;
        return;
    }
    struct matching m = {.j = j};
    collect_sides(&m);
    judge_checklist(&m);
    conclude(&m);
}
