/* Pre-applications: the plain path, attached sheets, and who sees a case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "build.h"

static struct work w;
static struct signing_key *mof_key;

static int setup(void **state)
{
    (void)state;
    fake_init(&w, "intake", 1718000000000);
    static const uint8_t seed[32] = {1, 2, 3};
    assert_int_equal(signing_key_from_seed("mof-1", seed, &mof_key), ERR_OK);
    fake_store(&w, RECORD_PARTY, "mof",
               &build_party(&w, "mof", ROLE(MINISTRY), 'm', mof_key)->base);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    signing_key_free(mof_key);
    fake_fini(&w);
    return 0;
}

static const char *const nobody[] = {NULL};
static const char *const two[] = {"mof", "meti", NULL};

static Ismap__Liu__V1__Status submit(pb_application *m)
{
    return fake_send(&w, "csp", ROLE(PROVIDER), intake_submit_pre_application, NULL, &m->base);
}

static void attach(pb_application *m, Ismap__Liu__V1__SignedAssessment **list, size_t n)
{
    m->attached = list;
    m->n_attached = n;
}

static void the_plain_path_reads_nothing_and_opens_a_waiting_case(void **state)
{
    (void)state;
    pb_application *m = build_application(&w, two);
    assert_int_equal(submit(m), STATUS(OK));
    assert_int_equal(w.n_reads, 0);
    assert_int_equal(w.runs, 1);
    const Ismap__Liu__V1__CaseOpened *reply = (const Ismap__Liu__V1__CaseOpened *)w.reply;
    assert_int_equal(reply->state, ISMAP__LIU__V1__CASE_STATE__CASE_STATE_SUBMITTED);
    const pb_case *c = fake_load(&w, RECORD_CASE, reply->case_id);
    assert_non_null(c);
    assert_string_equal(c->provider, "csp");
    assert_int_equal(c->submitted_at_ms, w.now_ms);
    assert_int_equal(c->accepted_at_ms, 0);
    assert_int_equal(c->evidence_version, 1);
    assert_string_equal(c->application->service->name, SERVICE_NAME);

    assert_int_equal(w.n_events, 1);
    assert_string_equal(w.events[0].type, "CaseSubmitted");
    assert_true(fake_told(&w.events[0], "csp") && fake_told(&w.events[0], "mof") &&
                fake_told(&w.events[0], "meti"));
    assert_int_equal(w.events[0].n_audience, 3);
}

static void a_signed_sheet_makes_the_case_accepted(void **state)
{
    (void)state;
    pb_application *m = build_application(&w, nobody);
    Ismap__Liu__V1__SignedAssessment *list[] = {
        build_signed(&w, build_assessment(&w, "mof", "csp"), mof_key)};
    attach(m, list, 1);
    assert_int_equal(submit(m), STATUS(OK));
    const Ismap__Liu__V1__CaseOpened *reply = (const Ismap__Liu__V1__CaseOpened *)w.reply;
    assert_int_equal(reply->state, ISMAP__LIU__V1__CASE_STATE__CASE_STATE_ACCEPTED);
    const pb_case *c = fake_load(&w, RECORD_CASE, reply->case_id);
    assert_int_equal(c->accepted_at_ms, w.now_ms);
    assert_int_equal(c->application->n_attached, 0);
    assert_int_equal(c->n_assessments, 1);
    const pb_recorded *r = c->assessments[0];
    assert_true(r->attached);
    assert_string_equal(r->assessment->ministry, "mof");
    assert_string_equal(r->body, "mof");
    uint8_t hash[SHA256_BYTES];
    struct crypto_part part = {list[0]->assessment.data, list[0]->assessment.len};
    assert_int_equal(crypto_sha256(&part, 1, hash), ERR_OK);
    assert_int_equal(r->evidence_hash.len, SHA256_BYTES);
    assert_memory_equal(r->evidence_hash.data, hash, SHA256_BYTES);
    assert_true(fake_told(&w.events[0], "mof"));
}

static void bureaux_are_recorded_under_their_ministry(void **state)
{
    (void)state;
    pb_party *p = build_party(&w, "mof", ROLE(MINISTRY), 'm', mof_key);
    p->body = lend("treasury");
    fake_store(&w, RECORD_PARTY, "mof", &p->base);
    pb_application *m = build_application(&w, nobody);
    Ismap__Liu__V1__SignedAssessment *list[] = {
        build_signed(&w, build_assessment(&w, "mof", "csp"), mof_key)};
    attach(m, list, 1);
    assert_int_equal(submit(m), STATUS(OK));
    const pb_case *c =
        fake_load(&w, RECORD_CASE, ((const Ismap__Liu__V1__CaseOpened *)w.reply)->case_id);
    assert_string_equal(c->assessments[0]->body, "treasury");
}

/* Each spoils one thing about the attached sheet. */
static void altered(pb_assessment *a, Ismap__Liu__V1__SignedAssessment *s)
{
    (void)a;
    s->assessment.data[s->assessment.len - 1] ^= 1;
}
static void other_key_id(pb_assessment *a, Ismap__Liu__V1__SignedAssessment *s)
{
    (void)a;
    s->key_id = lend("mof-2");
}
static void short_signature(pb_assessment *a, Ismap__Liu__V1__SignedAssessment *s)
{
    (void)a;
    s->signature.len = 63;
}
static void garbage(pb_assessment *a, Ismap__Liu__V1__SignedAssessment *s)
{
    (void)a;
    s->assessment.data[0] = 0xff;
    s->assessment.len = 1;
}
static void other_service(pb_assessment *a, Ismap__Liu__V1__SignedAssessment *s)
{
    (void)s;
    a->service_name = lend("Other");
}
static void other_provider(pb_assessment *a, Ismap__Liu__V1__SignedAssessment *s)
{
    (void)s;
    a->provider = lend("csp-2");
}
static void unknown_ministry(pb_assessment *a, Ismap__Liu__V1__SignedAssessment *s)
{
    (void)s;
    a->ministry = lend("nobody");
}
static void not_a_ministry(pb_assessment *a, Ismap__Liu__V1__SignedAssessment *s)
{
    (void)s;
    a->ministry = lend("csp-3");
}
static void revoked_ministry(pb_assessment *a, Ismap__Liu__V1__SignedAssessment *s)
{
    (void)s;
    a->ministry = lend("gone");
}
static void no_approver(pb_assessment *a, Ismap__Liu__V1__SignedAssessment *s)
{
    (void)s;
    a->approver = lend("");
}
static void no_reason(pb_assessment *a, Ismap__Liu__V1__SignedAssessment *s)
{
    (void)s;
    a->items[0]->reason = lend("");
}

static bool has_field(const char *field)
{
    for (size_t i = 0; i < w.faults.n; i++)
        if (strcmp(w.faults.items[i].field, field) == 0)
            return true;
    return false;
}

static void a_sheet_that_is_not_the_ministrys_own_is_refused_with_its_path(void **state)
{
    (void)state;
    static const struct {
        void (*before)(pb_assessment *, Ismap__Liu__V1__SignedAssessment *);
        void (*after)(pb_assessment *, Ismap__Liu__V1__SignedAssessment *);
        const char *field;
    } rows[] = {
        {NULL, altered, NULL}, /* unreadable, incomplete or unsigned: refused in any case */
        {NULL, other_key_id, "attached[0].signature"},
        {NULL, short_signature, "attached[0].signature"},
        {NULL, garbage, "attached[0].assessment"},
        {other_service, NULL, "attached[0].assessment.serviceName"},
        {other_provider, NULL, "attached[0].assessment.provider"},
        {unknown_ministry, NULL, "attached[0].assessment.ministry"},
        {not_a_ministry, NULL, "attached[0].assessment.ministry"},
        {revoked_ministry, NULL, "attached[0].assessment.ministry"},
        {no_approver, NULL, "attached[0].assessment.approver"},
        {no_reason, NULL, "attached[0].assessment.items[0].reason"},
    };
    pb_party *gone = build_party(&w, "gone", ROLE(MINISTRY), 'g', mof_key);
    gone->revoked = true;
    fake_store(&w, RECORD_PARTY, "gone", &gone->base);
    fake_store(&w, RECORD_PARTY, "csp-3",
               &build_party(&w, "csp-3", ROLE(PROVIDER), 'p', mof_key)->base);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pb_assessment *a = build_assessment(&w, "mof", "csp");
        if (rows[i].before != NULL)
            rows[i].before(a, NULL);
        Ismap__Liu__V1__SignedAssessment *s = build_signed(&w, a, mof_key);
        if (rows[i].after != NULL)
            rows[i].after(a, s);
        pb_application *m = build_application(&w, nobody);
        attach(m, &s, 1);
        assert_int_equal(submit(m), STATUS(INVALID_ARGUMENT));
        if (rows[i].field != NULL && !has_field(rows[i].field))
            fail_msg("row %zu: no fault at %s", i, rows[i].field);
    }
}

static void two_sheets_of_one_ministry_are_refused(void **state)
{
    (void)state;
    pb_application *m = build_application(&w, nobody);
    Ismap__Liu__V1__SignedAssessment *list[] = {
        build_signed(&w, build_assessment(&w, "mof", "csp"), mof_key),
        build_signed(&w, build_assessment(&w, "mof", "csp"), mof_key)};
    attach(m, list, 2);
    assert_int_equal(submit(m), STATUS(INVALID_ARGUMENT));
    assert_true(fake_has_fault(&w, "attached[1].assessment.ministry", "R12"));
    assert_int_equal(w.faults.n, 1);
}

static void a_form_without_identity_or_with_a_ministry_twice_is_refused(void **state)
{
    (void)state;
    static const char *const twice[] = {"mof", "mof", NULL};
    pb_application *m = build_application(&w, twice);
    m->gbiz_id = lend("");
    assert_int_equal(submit(m), STATUS(INVALID_ARGUMENT));
    assert_true(fake_has_fault(&w, "gbizId", "R15"));
    assert_true(fake_has_fault(&w, "askedMinistries[1]", "R12"));
    assert_int_equal(w.n_puts, 0);
}

static void a_case_is_seen_by_those_concerned_only(void **state)
{
    (void)state;
    const char *id = open_case(&w);
    static const struct {
        const char *who;
        Ismap__Liu__V1__Role role;
        bool sees;
    } rows[] = {
        {"ipa", ROLE(OPERATOR), true},    {"csp", ROLE(PROVIDER), true},
        {"csp-2", ROLE(PROVIDER), false}, {"mof", ROLE(MINISTRY), true},
        {"meti", ROLE(MINISTRY), true},   {"mic", ROLE(MINISTRY), false},
        {"csp", ROLE(OBSERVER), false},   {"mof", ROLE(PROVIDER), false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        Ismap__Liu__V1__GetCase get;
        ismap__liu__v1__get_case__init(&get);
        get.case_id = lend(id);
        assert_int_equal(fake_send(&w, rows[i].who, rows[i].role, intake_get_case, NULL, &get.base),
                         rows[i].sees ? STATUS(OK) : STATUS(NOT_FOUND));
        Ismap__Liu__V1__ListCases list;
        ismap__liu__v1__list_cases__init(&list);
        assert_int_equal(
            fake_send(&w, rows[i].who, rows[i].role, intake_list_cases, NULL, &list.base),
            STATUS(OK));
        assert_int_equal(((const Ismap__Liu__V1__CaseList *)w.reply)->n_cases,
                         rows[i].sees ? 1 : 0);
    }
    Ismap__Liu__V1__GetCase get;
    ismap__liu__v1__get_case__init(&get);
    get.case_id = lend("C-NONE");
    assert_int_equal(fake_send(&w, "ipa", ROLE(OPERATOR), intake_get_case, NULL, &get.base),
                     STATUS(NOT_FOUND));
}

static void waiting_lists_those_that_wait_and_says_for_whom(void **state)
{
    (void)state;
    const char *decided = eligible_case(&w);
    const char *waiting = open_case(&w);
    Ismap__Liu__V1__ListWaiting m;
    ismap__liu__v1__list_waiting__init(&m);
    assert_int_equal(fake_send(&w, "csp", ROLE(PROVIDER), intake_list_waiting, NULL, &m.base),
                     STATUS(OK));
    const Ismap__Liu__V1__CaseList *list = (const Ismap__Liu__V1__CaseList *)w.reply;
    assert_int_equal(list->n_cases, 1);
    assert_string_equal(list->cases[0]->record->id, waiting);
    assert_string_equal(list->cases[0]->waits_for, "mof");
    assert_true(list->cases[0]->waits_why_ja[0] != '\0' && list->cases[0]->waits_why_en[0] != '\0');

    Ismap__Liu__V1__GetCase get;
    ismap__liu__v1__get_case__init(&get);
    get.case_id = lend(decided);
    assert_int_equal(fake_send(&w, "csp", ROLE(PROVIDER), intake_get_case, NULL, &get.base),
                     STATUS(OK));
    const Ismap__Liu__V1__CaseView *v = (const Ismap__Liu__V1__CaseView *)w.reply;
    assert_string_equal(v->waits_for, "");
    assert_int_equal(v->record->assessments[0]->assessment->n_items, 1);

    Ismap__Liu__V1__ListCases all;
    ismap__liu__v1__list_cases__init(&all);
    assert_int_equal(fake_send(&w, "csp", ROLE(PROVIDER), intake_list_cases, NULL, &all.base),
                     STATUS(OK));
    list = (const Ismap__Liu__V1__CaseList *)w.reply;
    assert_int_equal(list->n_cases, 2);
    assert_int_equal(list->cases[0]->record->assessments[0]->assessment->n_items, 0); /* abridged */
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_plain_path_reads_nothing_and_opens_a_waiting_case),
        TEST(a_signed_sheet_makes_the_case_accepted),
        TEST(bureaux_are_recorded_under_their_ministry),
        TEST(a_sheet_that_is_not_the_ministrys_own_is_refused_with_its_path),
        TEST(two_sheets_of_one_ministry_are_refused),
        TEST(a_form_without_identity_or_with_a_ministry_twice_is_refused),
        TEST(a_case_is_seen_by_those_concerned_only),
        TEST(waiting_lists_those_that_wait_and_says_for_whom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
