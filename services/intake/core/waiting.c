/* Who has to act next; see waiting.h. */
#include "services/intake/core/waiting.h"

#include <string.h>

static const struct {
    const char *ja;
    const char *en;
} texts[WAITING_REASONS] = {
    [WAITING_NOBODY_DECIDED] = {"該当性の判断は完了しています。", "the judgment is decided"},
    [WAITING_NOBODY_WITHDRAWN] = {"申請は取り下げられました。",
                                  "the application has been withdrawn"},
    [WAITING_NOBODY_JUDGING] = {"該当性を判断しています。", "the judgment is being computed"},
    [WAITING_FIRST_ASSESSMENT] = {"依頼を受けた府省庁の影響度評価を待っています。",
                                  "waits for the impact assessment of the ministry that was asked"},
    [WAITING_ASK_A_MINISTRY] = {"影響度評価がありません。評価する府省庁が必要です。",
                                "there is no assessment; a ministry has to be found to make one"},
    [WAITING_FURTHER_ASSESSMENT] =
        {"一覧にない業務のため、別の府省庁の影響度評価を待っています。",
         "the business is not on the list: waits for a further ministry's assessment"},
    [WAITING_ASK_ANOTHER_MINISTRY] =
        {"一覧にない業務のため、別の府省庁の影響度評価が必要です。",
         "the business is not on the list: a further ministry has to be found"},
    [WAITING_CONFIRMATION] = {"低位とする評価の妥当性の確認を待っています。",
                              "waits for the confirmation that 'low' is valid"},
    [WAITING_REVIEW] = {"運用支援機関による確認を待っています。",
                        "waits for a review by the operating support body"},
    [WAITING_APPLICANT] = {"申請者の回答を待っています。", "waits for an answer of the applicant"},
};

/* The first ministry asked that has not assessed; NULL when all have. */
static const char *unanswered(const struct waiting_facts *f)
{
    for (size_t i = 0; i < f->n_asked; i++) {
        size_t k = 0;
        while (k < f->n_assessed && strcmp(f->asked[i], f->assessed_by[k]) != 0)
            k++;
        if (k == f->n_assessed)
            return f->asked[i];
    }
    return NULL;
}

static void say(struct waiting *out, enum waiting_reason reason, const char *who, int64_t since_ms)
{
    *out = (struct waiting){reason, who, who[0] == '\0' ? 0 : since_ms, texts[reason].ja,
                            texts[reason].en};
}

static void of_judgment(const struct waiting_facts *f, struct waiting *out)
{
    const char *named = f->judgment_waits_for;
    const char *ministry = unanswered(f);
    int64_t since = f->judged_at_ms;
    switch (f->judgment) {
    case JUDGMENT_DECIDED:
        say(out, WAITING_NOBODY_DECIDED, "", 0);
        return;
    case JUDGMENT_WAITING_MINISTRY:
        if (ministry != NULL)
            say(out, WAITING_FURTHER_ASSESSMENT, ministry, since);
        else
            say(out, WAITING_ASK_ANOTHER_MINISTRY, named[0] != '\0' ? named : f->provider, since);
        return;
    case JUDGMENT_WAITING_CONFIRMATION:
        say(out, WAITING_CONFIRMATION, named[0] != '\0' ? named : "operator", since);
        return;
    case JUDGMENT_WAITING_REVIEW:
        say(out, WAITING_REVIEW, named[0] != '\0' ? named : "operator", since);
        return;
    case JUDGMENT_WAITING_APPLICANT:
        say(out, WAITING_APPLICANT, named[0] != '\0' ? named : f->provider, since);
        return;
    case JUDGMENT_NONE:
    default:
        say(out, WAITING_NOBODY_JUDGING, "", 0);
        return;
    }
}

void waiting_decide(const struct waiting_facts *f, struct waiting *out)
{
    if (f->state == CASE_WITHDRAWN) {
        say(out, WAITING_NOBODY_WITHDRAWN, "", 0);
    } else if (f->state != CASE_ACCEPTED) {
        const char *ministry = unanswered(f);
        if (ministry != NULL)
            say(out, WAITING_FIRST_ASSESSMENT, ministry, f->submitted_at_ms);
        else
            say(out, WAITING_ASK_A_MINISTRY, f->provider, f->submitted_at_ms);
    } else if (f->judgment != JUDGMENT_DECIDED &&
               f->judged_evidence_version < f->evidence_version) {
        /* newer evidence than the judgment has seen: it is being judged again */
        say(out, WAITING_NOBODY_JUDGING, "", 0);
    } else {
        of_judgment(f, out);
    }
}
