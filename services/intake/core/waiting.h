/* Who waits for whom: the one question that forms, mail and meetings never answer.
 *
 * A pure function of what is recorded of a case and of its judgment. It names the one who has to
 * act next, since when, and why; nobody when nothing is owed.
 */
#ifndef LIU_INTAKE_CORE_WAITING_H
#define LIU_INTAKE_CORE_WAITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "services/intake/core/case_fsm.h"

/* Numbers of JudgmentState in judgment.proto. */
enum judgment_state {
    JUDGMENT_NONE = 0, /* no judgment yet */
    JUDGMENT_WAITING_MINISTRY = 1,
    JUDGMENT_WAITING_CONFIRMATION = 2,
    JUDGMENT_WAITING_APPLICANT = 3,
    JUDGMENT_DECIDED = 4,
    JUDGMENT_WAITING_REVIEW = 5,
};

struct waiting_facts {
    enum case_state state;
    const char *provider;
    char *const *asked; /* ministries asked, in the applicant's order */
    size_t n_asked;
    const char *const *assessed_by; /* ministries that have assessed */
    size_t n_assessed;
    int64_t submitted_at_ms;
    int64_t accepted_at_ms;
    enum judgment_state judgment;
    const char *judgment_waits_for; /* as the judgment says; "" = it does not */
    int64_t judged_at_ms;
    uint32_t evidence_version;        /* of the case */
    uint32_t judged_evidence_version; /* that the judgment saw */
};

/* Why; each has one text. */
enum waiting_reason {
    WAITING_NOBODY_DECIDED,
    WAITING_NOBODY_WITHDRAWN,
    WAITING_NOBODY_JUDGING,     /* the rules are at work: nobody has to act */
    WAITING_FIRST_ASSESSMENT,   /* a ministry that was asked */
    WAITING_ASK_A_MINISTRY,     /* the provider has to name one */
    WAITING_FURTHER_ASSESSMENT, /* unlisted business: a further ministry */
    WAITING_ASK_ANOTHER_MINISTRY,
    WAITING_CONFIRMATION, /* the operator, R23 */
    WAITING_REVIEW,       /* the operator */
    WAITING_APPLICANT,    /* the provider answers a question */
    WAITING_REASONS
};

struct waiting {
    enum waiting_reason reason;
    const char *who; /* party id, "operator", or "" for nobody; borrowed from the facts or static */
    int64_t since_ms;   /* 0 for nobody */
    const char *why_ja; /* static */
    const char *why_en;
};

void waiting_decide(const struct waiting_facts *f, struct waiting *out);

#endif
