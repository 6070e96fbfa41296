/* Who waits for whom, for every stage a case can be in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "expect.h"
#include "services/intake/core/waiting.h"

static char mof[] = "mof";
static char meti[] = "meti";
static char *asked[] = {mof, meti};
static const char *const by_mof[] = {"mof"};
static const char *const by_both[] = {"meti", "mof"};

struct row {
    const char *what;
    enum case_state state;
    size_t n_asked;
    const char *const *assessed_by;
    size_t n_assessed;
    enum judgment_state judgment;
    const char *named;
    uint32_t judged_evidence;
    enum waiting_reason reason;
    const char *who;
    int64_t since_ms;
};

#define SUBMITTED_AT 100
#define JUDGED_AT 300

static const struct row rows[] = {
    {"nobody has assessed: the first asked", CASE_SUBMITTED, 2, NULL, 0, JUDGMENT_NONE, "", 0,
     WAITING_FIRST_ASSESSMENT, "mof", SUBMITTED_AT},
    {"nobody was asked: the provider", CASE_SUBMITTED, 0, NULL, 0, JUDGMENT_NONE, "", 0,
     WAITING_ASK_A_MINISTRY, "csp", SUBMITTED_AT},
    {"withdrawn", CASE_WITHDRAWN, 2, NULL, 0, JUDGMENT_NONE, "", 0, WAITING_NOBODY_WITHDRAWN, "",
     0},
    {"accepted, not judged yet", CASE_ACCEPTED, 2, by_mof, 1, JUDGMENT_NONE, "", 0,
     WAITING_NOBODY_JUDGING, "", 0},
    {"judged on older evidence", CASE_ACCEPTED, 2, by_mof, 1, JUDGMENT_WAITING_MINISTRY, "", 1,
     WAITING_NOBODY_JUDGING, "", 0},
    {"unlisted, a second ministry was asked", CASE_ACCEPTED, 2, by_mof, 1,
     JUDGMENT_WAITING_MINISTRY, "", 2, WAITING_FURTHER_ASSESSMENT, "meti", JUDGED_AT},
    {"unlisted, all asked have answered", CASE_ACCEPTED, 2, by_both, 2, JUDGMENT_WAITING_MINISTRY,
     "", 2, WAITING_ASK_ANOTHER_MINISTRY, "csp", JUDGED_AT},
    {"unlisted, the judgment names one", CASE_ACCEPTED, 0, by_mof, 1, JUDGMENT_WAITING_MINISTRY,
     "mic", 2, WAITING_ASK_ANOTHER_MINISTRY, "mic", JUDGED_AT},
    {"confirmation", CASE_ACCEPTED, 2, by_both, 2, JUDGMENT_WAITING_CONFIRMATION, "", 2,
     WAITING_CONFIRMATION, "operator", JUDGED_AT},
    {"confirmation by a named one", CASE_ACCEPTED, 2, by_both, 2, JUDGMENT_WAITING_CONFIRMATION,
     "ipa", 2, WAITING_CONFIRMATION, "ipa", JUDGED_AT},
    {"review", CASE_ACCEPTED, 1, by_mof, 1, JUDGMENT_WAITING_REVIEW, "", 2, WAITING_REVIEW,
     "operator", JUDGED_AT},
    {"applicant", CASE_ACCEPTED, 1, by_mof, 1, JUDGMENT_WAITING_APPLICANT, "", 2, WAITING_APPLICANT,
     "csp", JUDGED_AT},
    {"decided", CASE_ACCEPTED, 1, by_mof, 1, JUDGMENT_DECIDED, "", 2, WAITING_NOBODY_DECIDED, "",
     0},
    {"decided stays decided", CASE_ACCEPTED, 1, by_mof, 1, JUDGMENT_DECIDED, "", 1,
     WAITING_NOBODY_DECIDED, "", 0},
};

static void the_next_to_act_is_named_with_time_and_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        struct waiting_facts f = {
            .state = r->state,
            .provider = "csp",
            .asked = asked,
            .n_asked = r->n_asked,
            .assessed_by = r->assessed_by,
            .n_assessed = r->n_assessed,
            .submitted_at_ms = SUBMITTED_AT,
            .accepted_at_ms = 200,
            .judgment = r->judgment,
            .judgment_waits_for = r->named,
            .judged_at_ms = JUDGED_AT,
            .evidence_version = 2,
            .judged_evidence_version = r->judged_evidence,
        };
        struct waiting w;
        waiting_decide(&f, &w);
        if (w.reason != r->reason || strcmp(w.who, r->who) != 0 || w.since_ms != r->since_ms)
            fail_msg("%s: reason %d, %s since %lld", r->what, (int)w.reason, w.who,
                     (long long)w.since_ms);
        assert_true(is_japanese(w.why_ja));
        assert_true(is_english(w.why_en));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_to_act_is_named_with_time_and_reason)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
