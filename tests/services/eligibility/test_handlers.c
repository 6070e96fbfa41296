/* The service's doors: who is judged when, what is recorded and told, what is refused. */
#include "services/eligibility/fixture.h"

#include <stdlib.h>
#include <string.h>

#include "support/fake_work.h"
#include "services/eligibility/judging.h"
#include "tools/rulebook/rulebook.h"
#include "wire/unpack.h"

#define STATUS(name) ISMAP__LIU__V1__STATUS__STATUS_##name
#define ROLE(name) ISMAP__LIU__V1__ROLE__ROLE_##name
#define STATE(name) ISMAP__LIU__V1__JUDGMENT_STATE__JUDGMENT_STATE_##name
#define RESULT(name) ISMAP__LIU__V1__VERDICT_RESULT__VERDICT_RESULT_##name
#define CASE_ID "case-1"

static struct work w;
static struct signing_key *key;

static char *lend(const char *s)
{
    char *copy = arena_strdup(&w.arena, s);
    assert_non_null(copy);
    return copy;
}

static void *message(size_t bytes)
{
    void *m = arena_alloc(&w.arena, bytes);
    assert_non_null(m);
    return m;
}

#define NEW(type, lower) new_##lower()
#define MAKER(type, lower)                                                                         \
    static PB(type) * new_##lower(void)                                                            \
    {                                                                                              \
        PB(type) *m = message(sizeof *m);                                                          \
        ismap__liu__v1__##lower##__init(m);                                                        \
        return m;                                                                                  \
    }
MAKER(Case, case)
MAKER(SubmitPreApplication, submit_pre_application)
MAKER(ServiceDescription, service_description)
MAKER(BusinessClaim, business_claim)
MAKER(QuestionAnswer, question_answer)
MAKER(RecordedAssessment, recorded_assessment)
MAKER(Assessment, assessment)
MAKER(InformationItem, information_item)
MAKER(ConfirmVerdict, confirm_verdict)
MAKER(TargetBusiness, target_business)
MAKER(Question, question)

static void activate(const char *id, const char *ref)
{
    PB(Active) a = ISMAP__LIU__V1__ACTIVE__INIT;
    a.ref = lend(ref);
    a.version = 1;
    fake_store(&w, RECORD_ACTIVE, id, &a.base);
}

static void store_rules(void)
{
    PB(Rulebook) *r = NULL;
    PB(TargetList) *t = NULL;
    const uint8_t *data;
    size_t bytes;
    char hash[RULEBOOK_HASH_BYTES];
    assert_int_equal(rulebook_load(LIU_SOURCE_DIR "/rules/regime-a.yaml", &w.arena, &r, NULL),
                     ERR_OK);
    assert_int_equal(targets_load(LIU_SOURCE_DIR "/rules/targets.yaml", &w.arena, &t, NULL),
                     ERR_OK);
    assert_int_equal(rulebook_canonical(&w.arena, r, &data, &bytes, hash), ERR_OK);
    fake_store(&w, RECORD_RULEBOOK, hash, &r->base);
    fake_store(&w, RECORD_TARGETS, "1", &t->base);
    activate("rulebook", hash);
    activate("targets", "1");
}

static int setup(void **state)
{
    static const uint8_t seed[32] = {7};
    (void)state;
    fake_init(&w, "eligibility", 1718000000000);
    assert_int_equal(signing_key_from_seed("scheme-1", seed, &key), ERR_OK);
    w.key = key;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    signing_key_free(key);
    fake_fini(&w);
    return 0;
}

static PB(BusinessClaim) * claim(const char *code)
{
    static const char *const ids[] = {"TB8.Q1", "TB8.Q2", "TB8.Q3"};
    PB(BusinessClaim) *c = NEW(BusinessClaim, business_claim);
    c->description = lend("日程の連絡");
    c->target_code = lend(code);
    if (code[0] == '\0')
        return c;
    c->answers = message(3 * sizeof(PB(QuestionAnswer) *));
    c->n_answers = 3;
    for (size_t i = 0; i < 3; i++) {
        c->answers[i] = NEW(QuestionAnswer, question_answer);
        c->answers[i]->question = lend(ids[i]);
        c->answers[i]->answer =
            i < 2 ? ISMAP__LIU__V1__ANSWER__ANSWER_YES : ISMAP__LIU__V1__ANSWER__ANSWER_NO;
    }
    return c;
}

static PB(Case) * new_record(const char *code)
{
    PB(Case) *c = NEW(Case, case);
    PB(SubmitPreApplication) *app = NEW(SubmitPreApplication, submit_pre_application);
    app->service = NEW(ServiceDescription, service_description);
    app->service->name = lend("日程くん");
    app->service->model = ISMAP__LIU__V1__SERVICE_MODEL__SERVICE_MODEL_SAAS;
    app->service->confidentiality_class = 2;
    app->business = claim(code);
    app->asked_ministries = message(sizeof(char *));
    app->asked_ministries[0] = lend("mic");
    app->n_asked_ministries = 1;
    c->id = lend(CASE_ID);
    c->provider = lend("csp-a");
    c->state = ISMAP__LIU__V1__CASE_STATE__CASE_STATE_SUBMITTED;
    c->application = app;
    c->submitted_at_ms = w.now_ms - 1000;
    c->assessments = message(8 * sizeof(PB(RecordedAssessment) *));
    c->evidence_version = 1;
    return c;
}

static void add_sheet(PB(Case) * c, const char *ministry, PB(ImpactLevel) level)
{
    PB(RecordedAssessment) *r = NEW(RecordedAssessment, recorded_assessment);
    PB(Assessment) *s = NEW(Assessment, assessment);
    s->ministry = lend(ministry);
    s->business = claim(c->application->business->target_code);
    s->items = message(sizeof(PB(InformationItem) *));
    s->n_items = 1;
    s->items[0] = NEW(InformationItem, information_item);
    s->items[0]->confidentiality_class = 2;
    s->items[0]->confidentiality = s->items[0]->integrity = s->items[0]->availability = level;
    r->assessment = s;
    r->body = s->ministry;
    r->received_at_ms = w.now_ms;
    c->assessments[c->n_assessments++] = r;
    c->evidence_version++;
}

#define LOW ISMAP__LIU__V1__IMPACT_LEVEL__IMPACT_LEVEL_LOW
#define HIGH ISMAP__LIU__V1__IMPACT_LEVEL__IMPACT_LEVEL_HIGH

static PB(Status) opened(const PB(Case) * c)
{
    PB(CaseSubmitted) m = ISMAP__LIU__V1__CASE_SUBMITTED__INIT;
    m.case_id = c->id;
    fake_store(&w, RECORD_CASE, c->id, &c->base);
    w.actor = "eligibility";
    return fake_hear(&w, on_case_submitted, NULL, &m.base);
}

static PB(Status) assessed(const PB(Case) * c)
{
    PB(AssessmentRecorded) m = ISMAP__LIU__V1__ASSESSMENT_RECORDED__INIT;
    m.case_id = c->id;
    fake_store(&w, RECORD_CASE, c->id, &c->base);
    w.actor = "eligibility";
    return fake_hear(&w, on_assessment_recorded, NULL, &m.base);
}

static const PB(Judgment) * judgment(void)
{
    const PB(Judgment) *j = fake_load(&w, RECORD_JUDGMENT, CASE_ID);
    assert_non_null(j);
    return j;
}

static PB(Status) get(const char *actor, PB(Role) role)
{
    PB(GetVerdict) m = ISMAP__LIU__V1__GET_VERDICT__INIT;
    m.case_id = lend(CASE_ID);
    return fake_send(&w, actor, role, on_get_verdict, NULL, &m.base);
}

static PB(Status) confirm(bool yes, PB(TargetBusiness) * addition)
{
    PB(ConfirmVerdict) *m = NEW(ConfirmVerdict, confirm_verdict);
    m->case_id = lend(CASE_ID);
    m->confirm = yes;
    m->reason = lend("二省庁の評価は妥当");
    m->list_addition = addition;
    return fake_send(&w, "ipa", ROLE(OPERATOR), on_confirm_verdict, NULL, &m->base);
}

static PB(ReplayResult) * replayed(void)
{
    PB(ReplayVerdict) m = ISMAP__LIU__V1__REPLAY_VERDICT__INIT;
    m.case_id = lend(CASE_ID);
    assert_int_equal(fake_send(&w, "csp-a", ROLE(PROVIDER), on_replay_verdict, NULL, &m.base),
                     STATUS(OK));
    PB(ReplayResult) *r = message(sizeof *r);
    memcpy(r, w.reply, sizeof *r);
    return r;
}

static void a_case_is_judged_when_it_opens_and_when_a_sheet_comes(void **state)
{
    (void)state;
    store_rules();
    PB(Case) *c = new_record("TB-8");
    assert_int_equal(opened(c), STATUS(OK));
    assert_int_equal(judgment()->verdict->state, STATE(WAITING_MINISTRY));
    assert_string_equal(judgment()->verdict->waits_for, "mic");
    assert_true(fake_told(&w.events[0], "csp-a") && fake_told(&w.events[0], "mic"));
    add_sheet(c, "mof", LOW);
    assert_int_equal(assessed(c), STATUS(OK));
    assert_int_equal(judgment()->verdict->result, RESULT(ELIGIBLE));
    assert_string_equal(judgment()->verdict->matched_code, "TB-8");
    assert_int_equal(judgment()->verdict->list_version, 1);
    assert_int_equal(judgment()->verdict->evidence_version, 2);
    assert_string_equal(judgment()->service_name, "日程くん");
    assert_true(fake_told(&w.events[0], "mof") && fake_told(&w.events[0], "mic"));
}

static void a_verdict_is_signed_over_case_and_bytes(void **state)
{
    uint8_t public_key[ED25519_KEY_BYTES];
    (void)state;
    store_rules();
    PB(Case) *c = new_record("TB-8");
    add_sheet(c, "mof", LOW);
    assert_int_equal(assessed(c), STATUS(OK));
    const PB(VerdictChanged) *e = (const void *)w.events[0].payload;
    const struct crypto_part parts[] = {{CASE_ID, strlen(CASE_ID)},
                                        {e->verdict.data, e->verdict.len}};
    signing_key_public(key, public_key);
    assert_int_equal(e->signature.len, ED25519_SIGNATURE_BYTES);
    assert_string_equal(e->key_id, "scheme-1");
    assert_int_equal(crypto_verify(public_key, DOMAIN_VERDICT, parts, 2, e->signature.data),
                     ERR_OK);
    assert_int_equal(crypto_verify(public_key, DOMAIN_NOTICE, parts, 2, e->signature.data),
                     ERR_AUTH);
    w.key = NULL;
    add_sheet(c, "mic", LOW);
    c->id = lend("case-2");
    assert_int_equal(assessed(c), STATUS(OK));
    e = (const void *)w.events[0].payload;
    assert_int_equal(e->signature.len, 0);
}

static void what_is_decided_or_unchanged_is_not_written_again(void **state)
{
    (void)state;
    store_rules();
    PB(Case) *c = new_record("TB-8");
    assert_int_equal(opened(c), STATUS(OK));
    assert_int_equal(opened(c), STATUS(OK));
    assert_int_equal(w.n_puts + w.n_events, 0);
    add_sheet(c, "mof", LOW);
    assert_int_equal(assessed(c), STATUS(OK));
    add_sheet(c, "mic", HIGH);
    assert_int_equal(assessed(c), STATUS(OK));
    assert_int_equal(w.n_puts + w.n_events, 0);
    assert_int_equal(judgment()->verdict->result, RESULT(ELIGIBLE));
}

static void a_withdrawn_case_is_left_alone_and_a_missing_one_refused(void **state)
{
    PB(CaseSubmitted) m = ISMAP__LIU__V1__CASE_SUBMITTED__INIT;
    (void)state;
    store_rules();
    PB(Case) *c = new_record("TB-8");
    c->state = ISMAP__LIU__V1__CASE_STATE__CASE_STATE_WITHDRAWN;
    assert_int_equal(opened(c), STATUS(OK));
    assert_int_equal(w.n_puts, 0);
    m.case_id = lend("case-9");
    assert_int_equal(fake_hear(&w, on_case_submitted, NULL, &m.base), STATUS(NOT_FOUND));
}

static void without_a_rulebook_the_case_waits_and_is_tried_again(void **state)
{
    (void)state;
    PB(Case) *c = new_record("TB-8");
    add_sheet(c, "mof", LOW);
    assert_int_equal(opened(c), STATUS(OK));
    assert_int_equal(judgment()->verdict->state, STATE(WAITING_REVIEW));
    assert_int_equal(fake_due(&w, JUDGING_RETRY_KIND, CASE_ID), w.now_ms + JUDGING_RETRY_MS);
    assert_int_equal(confirm(true, NULL), STATUS(FAILED_PRECONDITION));
    store_rules();
    assert_int_equal(fake_fire(&w, JUDGING_RETRY_KIND, CASE_ID, on_rejudge, NULL), STATUS(OK));
    assert_int_equal(judgment()->verdict->result, RESULT(ELIGIBLE));
    assert_int_equal(w.n_set, 0);
}

static void only_those_concerned_see_a_verdict(void **state)
{
    (void)state;
    store_rules();
    assert_int_equal(get("ipa", ROLE(OPERATOR)), STATUS(NOT_FOUND));
    PB(Case) *c = new_record("TB-8");
    add_sheet(c, "mof", LOW);
    assert_int_equal(assessed(c), STATUS(OK));
    assert_int_equal(get("ipa", ROLE(OPERATOR)), STATUS(OK));
    assert_int_equal(get("csp-a", ROLE(PROVIDER)), STATUS(OK));
    assert_int_equal(get("mof", ROLE(MINISTRY)), STATUS(OK));
    assert_string_equal(((const PB(Judgment) *)w.reply)->verdict->case_id, CASE_ID);
    assert_int_equal(get("csp-b", ROLE(PROVIDER)), STATUS(NOT_FOUND));
    assert_int_equal(get("mic", ROLE(MINISTRY)), STATUS(NOT_FOUND));
    assert_int_equal(get("csp-a", ROLE(AUDIT_BODY)), STATUS(NOT_FOUND));
}

static void prepare_unlisted(void)
{
    store_rules();
    PB(Case) *c = new_record("");
    add_sheet(c, "mof", LOW);
    add_sheet(c, "mic", LOW);
    assert_int_equal(assessed(c), STATUS(OK));
    assert_int_equal(judgment()->verdict->state, STATE(WAITING_CONFIRMATION));
}

static void a_confirmation_decides_once(void **state)
{
    (void)state;
    prepare_unlisted();
    assert_int_equal(confirm(true, NULL), STATUS(OK));
    assert_int_equal(judgment()->verdict->result, RESULT(ELIGIBLE));
    assert_string_equal(judgment()->verdict->decided_by, "ipa");
    assert_string_equal(judgment()->confirmation->reason, "二省庁の評価は妥当");
    assert_true(judgment()->verdict->proposes_list_addition);
    assert_int_equal(w.n_events, 1);
    assert_int_equal(confirm(false, NULL), STATUS(FAILED_PRECONDITION));
    assert_int_equal(judgment()->verdict->result, RESULT(ELIGIBLE));
}

static void a_denial_is_not_eligible(void **state)
{
    (void)state;
    prepare_unlisted();
    assert_int_equal(confirm(false, NULL), STATUS(OK));
    assert_int_equal(judgment()->verdict->result, RESULT(NOT_ELIGIBLE));
}

static void a_case_that_waits_for_others_cannot_be_confirmed(void **state)
{
    (void)state;
    store_rules();
    assert_int_equal(confirm(true, NULL), STATUS(NOT_FOUND));
    PB(Case) *c = new_record("");
    add_sheet(c, "mof", LOW);
    assert_int_equal(assessed(c), STATUS(OK));
    assert_int_equal(confirm(true, NULL), STATUS(FAILED_PRECONDITION));
    assert_int_equal(judgment()->verdict->state, STATE(WAITING_MINISTRY));
}

static void evidence_the_operator_has_not_seen_stops_the_confirmation(void **state)
{
    (void)state;
    prepare_unlisted();
    PB(Case) *c = new_record("");
    add_sheet(c, "mof", LOW);
    add_sheet(c, "mic", LOW);
    add_sheet(c, "meti", HIGH);
    fake_store(&w, RECORD_CASE, CASE_ID, &c->base);
    assert_int_equal(confirm(true, NULL), STATUS(FAILED_PRECONDITION));
    assert_int_equal(judgment()->verdict->state, STATE(WAITING_CONFIRMATION));
}

static PB(TargetBusiness) * addition(void)
{
    PB(TargetBusiness) *t = NEW(TargetBusiness, target_business);
    PB(Question) *q = NEW(Question, question);
    q->id = lend("TB9.Q1");
    q->text_ja = lend("会議の日程だけを扱いますか");
    q->text_en = lend("Does it handle dates of meetings only?");
    q->match = ISMAP__LIU__V1__ANSWER__ANSWER_YES;
    q->basis = ISMAP__LIU__V1__BASIS__BASIS_STATED;
    q->effect = ISMAP__LIU__V1__EFFECT__EFFECT_DECIDES;
    t->code = lend("TB-9");
    t->criterion_ja = lend("会議の日程を調整する業務");
    t->criterion_en = lend("Work that settles the dates of meetings");
    t->checklist = message(sizeof(PB(Question) *));
    t->checklist[0] = q;
    t->n_checklist = 1;
    t->impact_example_ja = lend("日程。漏えいの影響は小さい（低位）。");
    t->impact_example_en = lend("Dates: a leak has little effect (low).");
    return t;
}

static void a_confirmed_business_may_join_the_list_for_later_cases_only(void **state)
{
    (void)state;
    prepare_unlisted();
    assert_int_equal(confirm(true, addition()), STATUS(OK));
    const PB(TargetList) *list = fake_load(&w, RECORD_TARGETS, "2");
    const PB(Active) *active = fake_load(&w, RECORD_ACTIVE, "targets");
    assert_non_null(list);
    assert_int_equal(list->n_entries, 9);
    assert_string_equal(list->entries[8]->code, "TB-9");
    assert_string_equal(list->entries[8]->from_case, CASE_ID);
    assert_string_equal(list->adopted_on, "2024-06-10");
    assert_string_equal(active->ref, "2");
    assert_int_equal(active->version, 2);
    assert_int_equal(judgment()->verdict->list_version, 1);
    assert_int_equal(w.n_events, 2);
    assert_true(fake_told(&w.events[1], "public"));
    assert_string_equal(
        ((const PB(TargetListChanged) *)(const void *)w.events[1].payload)->added_code, "TB-9");
    assert_true(replayed()->identical);
}

static void an_incomplete_or_taken_entry_leaves_everything_as_it_was(void **state)
{
    (void)state;
    prepare_unlisted();
    PB(TargetBusiness) *t = addition();
    t->impact_example_ja = lend("");
    assert_int_equal(confirm(true, t), STATUS(INVALID_ARGUMENT));
    assert_string_equal(w.faults.items[0].field, "listAddition.impact_example_ja");
    t = addition();
    t->n_checklist = 0;
    assert_int_equal(confirm(true, t), STATUS(INVALID_ARGUMENT));
    t = addition();
    t->code = lend("TB-8");
    assert_int_equal(confirm(true, t), STATUS(INVALID_ARGUMENT));
    assert_string_equal(w.faults.items[0].field, "listAddition.code");
    assert_int_equal(confirm(false, addition()), STATUS(INVALID_ARGUMENT));
    assert_int_equal(judgment()->verdict->state, STATE(WAITING_CONFIRMATION));
    assert_null(fake_load(&w, RECORD_TARGETS, "2"));
}

static void replay_gives_the_same_bytes_until_the_evidence_changes(void **state)
{
    PB(ReplayVerdict) m = ISMAP__LIU__V1__REPLAY_VERDICT__INIT;
    (void)state;
    prepare_unlisted();
    assert_true(replayed()->identical);
    assert_int_equal(confirm(true, NULL), STATUS(OK));
    w.now_ms += 1000000;
    PB(ReplayResult) *r = replayed();
    assert_true(r->identical);
    assert_int_equal(r->stored.len, r->computed.len);
    m.case_id = lend(CASE_ID);
    assert_int_equal(fake_send(&w, "csp-b", ROLE(PROVIDER), on_replay_verdict, NULL, &m.base),
                     STATUS(NOT_FOUND));
    PB(Case) *c = new_record("");
    c->evidence_version = 9;
    fake_store(&w, RECORD_CASE, CASE_ID, &c->base);
    assert_int_equal(fake_send(&w, "ipa", ROLE(OPERATOR), on_replay_verdict, NULL, &m.base),
                     STATUS(FAILED_PRECONDITION));
}

static void replay_shows_a_verdict_that_was_tampered_with(void **state)
{
    (void)state;
    prepare_unlisted();
    PB(Judgment) *j = message(sizeof *j);
    memcpy(j, judgment(), sizeof *j);
    j->verdict->state = STATE(DECIDED);
    j->verdict->result = RESULT(ELIGIBLE);
    fake_store(&w, RECORD_JUDGMENT, CASE_ID, &j->base);
    PB(ReplayResult) *r = replayed();
    assert_false(r->identical);
    assert_int_equal(r->verdict->state, STATE(WAITING_CONFIRMATION));
}

static void the_target_list_is_read_by_version_or_as_in_force(void **state)
{
    PB(GetTargets) m = ISMAP__LIU__V1__GET_TARGETS__INIT;
    (void)state;
    assert_int_equal(fake_send(&w, "x", ROLE(OBSERVER), on_get_targets, NULL, &m.base),
                     STATUS(NOT_FOUND));
    store_rules();
    assert_int_equal(fake_send(&w, "x", ROLE(OBSERVER), on_get_targets, NULL, &m.base), STATUS(OK));
    assert_int_equal(((const PB(TargetList) *)w.reply)->n_entries, 8);
    m.version = 7;
    assert_int_equal(fake_send(&w, "x", ROLE(OBSERVER), on_get_targets, NULL, &m.base),
                     STATUS(NOT_FOUND));
}

static PB(Status) activate_bytes(const uint8_t *data, size_t bytes)
{
    PB(ActivateRulebook) m = ISMAP__LIU__V1__ACTIVATE_RULEBOOK__INIT;
    m.canonical.data = arena_dup(&w.arena, data, bytes);
    m.canonical.len = bytes;
    m.reason = lend("改定");
    return fake_send(&w, "ipa", ROLE(OPERATOR), on_activate_rulebook, NULL, &m.base);
}

static void a_rulebook_is_activated_under_its_hash(void **state)
{
    PB(Rulebook) *r = NULL;
    const uint8_t *data;
    size_t bytes;
    char hash[RULEBOOK_HASH_BYTES];
    (void)state;
    assert_int_equal(rulebook_load(LIU_SOURCE_DIR "/rules/regime-b.yaml", &w.arena, &r, NULL),
                     ERR_OK);
    assert_int_equal(rulebook_canonical(&w.arena, r, &data, &bytes, hash), ERR_OK);
    assert_int_equal(activate_bytes(data, bytes), STATUS(OK));
    assert_string_equal(((const PB(RulebookActive) *)w.reply)->hash, hash);
    assert_non_null(fake_load(&w, RECORD_RULEBOOK, hash));
    const PB(Active) *a = fake_load(&w, RECORD_ACTIVE, "rulebook");
    assert_string_equal(a->ref, hash);
    assert_int_equal(a->version, 1);
    assert_true(fake_told(&w.events[0], "public"));
    assert_int_equal(activate_bytes(data, bytes), STATUS(OK));
    assert_int_equal(w.n_puts, 1);
    a = fake_load(&w, RECORD_ACTIVE, "rulebook");
    assert_int_equal(a->version, 2);
}

static void a_rulebook_that_is_wrong_or_not_canonical_is_refused(void **state)
{
    PB(Rulebook) *r = NULL;
    const uint8_t *data;
    size_t bytes;
    static const uint8_t padding[] = {0x12,
                                      0x00}; /* an empty regime again: unpacks, packs otherwise */
    (void)state;
    assert_int_equal(rulebook_load(LIU_SOURCE_DIR "/rules/regime-a.yaml", &w.arena, &r, NULL),
                     ERR_OK);
    assert_int_equal(rulebook_canonical(&w.arena, r, &data, &bytes, NULL), ERR_OK);
    uint8_t *padded = message(bytes + sizeof padding);
    memcpy(padded, padding, sizeof padding);
    memcpy(padded + sizeof padding, data, bytes);
    assert_int_equal(activate_bytes(padded, bytes + sizeof padding), STATUS(INVALID_ARGUMENT));
    assert_int_equal(activate_bytes((const uint8_t *)"\xff\xff", 2), STATUS(INVALID_ARGUMENT));
    r->eligibility->min_ministries_listed = 0;
    assert_int_equal(rulebook_canonical(&w.arena, r, &data, &bytes, NULL), ERR_OK);
    assert_int_equal(activate_bytes(data, bytes), STATUS(INVALID_ARGUMENT));
    assert_string_equal(w.faults.items[0].field, "canonical.eligibility.min_ministries_listed");
    assert_null(fake_load(&w, RECORD_ACTIVE, "rulebook"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_case_is_judged_when_it_opens_and_when_a_sheet_comes),
        T(a_verdict_is_signed_over_case_and_bytes),
        T(what_is_decided_or_unchanged_is_not_written_again),
        T(a_withdrawn_case_is_left_alone_and_a_missing_one_refused),
        T(without_a_rulebook_the_case_waits_and_is_tried_again),
        T(only_those_concerned_see_a_verdict),
        T(a_confirmation_decides_once),
        T(a_denial_is_not_eligible),
        T(a_case_that_waits_for_others_cannot_be_confirmed),
        T(evidence_the_operator_has_not_seen_stops_the_confirmation),
        T(a_confirmed_business_may_join_the_list_for_later_cases_only),
        T(an_incomplete_or_taken_entry_leaves_everything_as_it_was),
        T(replay_gives_the_same_bytes_until_the_evidence_changes),
        T(replay_shows_a_verdict_that_was_tampered_with),
        T(the_target_list_is_read_by_version_or_as_in_force),
        T(a_rulebook_is_activated_under_its_hash),
        T(a_rulebook_that_is_wrong_or_not_canonical_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
