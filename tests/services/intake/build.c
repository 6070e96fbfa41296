/* See build.h. */
#include "build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "wire/unpack.h"

#define NEW(w, type, init)                                                                         \
    __extension__({                                                                                \
        type *made = arena_alloc(work_arena(w), sizeof *made);                                     \
        assert_non_null(made);                                                                     \
        init(made);                                                                                \
        made;                                                                                      \
    })

pb_party *build_party(struct work *w, const char *id, Ismap__Liu__V1__Role role, char key_char,
                      const struct signing_key *key)
{
    pb_party *p = NEW(w, pb_party, ismap__liu__v1__party__init);
    p->id = lend(id);
    p->role = role;
    p->name_ja = lend("名称");
    p->name_en = lend("name");
    p->keys = NEW(w, Ismap__Liu__V1__PartyKeys, ismap__liu__v1__party_keys__init);
    char *curve = arena_alloc(work_arena(w), 41);
    memset(curve, key_char, 40);
    p->keys->curve = arena_dup(work_arena(w), &curve, sizeof curve);
    p->keys->n_curve = 1;
    if (key != NULL) {
        Ismap__Liu__V1__SigningKey *k =
            NEW(w, Ismap__Liu__V1__SigningKey, ismap__liu__v1__signing_key__init);
        k->key_id = lend(signing_key_id(key));
        k->public_key.len = ED25519_KEY_BYTES;
        k->public_key.data = arena_alloc(work_arena(w), ED25519_KEY_BYTES);
        signing_key_public(key, k->public_key.data);
        p->keys->signing = arena_dup(work_arena(w), &k, sizeof k);
        p->keys->n_signing = 1;
    }
    return p;
}

static Ismap__Liu__V1__BusinessClaim *business(struct work *w)
{
    Ismap__Liu__V1__BusinessClaim *b =
        NEW(w, Ismap__Liu__V1__BusinessClaim, ismap__liu__v1__business_claim__init);
    b->description = lend("advisory council meetings");
    b->target_code = lend("TB-1");
    return b;
}

pb_assessment *build_assessment(struct work *w, const char *ministry, const char *provider)
{
    pb_assessment *a = NEW(w, pb_assessment, ismap__liu__v1__assessment__init);
    a->ministry = lend(ministry);
    a->bureau = lend("Planning Bureau");
    a->provider = lend(provider);
    a->service_name = lend(SERVICE_NAME);
    a->business = business(w);
    a->assessor = lend("assessor");
    a->approver = lend("approver");
    a->assessed_on = lend("2024-05-20");
    Ismap__Liu__V1__InformationItem *it =
        NEW(w, Ismap__Liu__V1__InformationItem, ismap__liu__v1__information_item__init);
    it->description = lend("minutes before publication");
    it->confidentiality_class = 2;
    it->integrity_class = 1;
    it->availability_class = 1;
    it->confidentiality = ISMAP__LIU__V1__IMPACT_LEVEL__IMPACT_LEVEL_LOW;
    it->integrity = ISMAP__LIU__V1__IMPACT_LEVEL__IMPACT_LEVEL_LOW;
    it->availability = ISMAP__LIU__V1__IMPACT_LEVEL__IMPACT_LEVEL_LOW;
    char *category = lend("administration");
    it->damage_categories = arena_dup(work_arena(w), &category, sizeof category);
    it->n_damage_categories = 1;
    it->reason = lend("published within days");
    a->items = arena_dup(work_arena(w), &it, sizeof it);
    a->n_items = 1;
    return a;
}

pb_application *build_application(struct work *w, const char *const *asked)
{
    pb_application *m = NEW(w, pb_application, ismap__liu__v1__submit_pre_application__init);
    m->service =
        NEW(w, Ismap__Liu__V1__ServiceDescription, ismap__liu__v1__service_description__init);
    m->service->name = lend(SERVICE_NAME);
    m->service->model = ISMAP__LIU__V1__SERVICE_MODEL__SERVICE_MODEL_SAAS;
    m->service->function_used = lend("web conference");
    m->service->confidentiality_class = 2;
    m->business = business(w);
    m->gbiz_id = lend("g-123");
    size_t n = 0;
    while (asked[n] != NULL)
        n++;
    m->asked_ministries = arena_alloc(work_arena(w), n * sizeof *m->asked_ministries);
    m->n_asked_ministries = n;
    for (size_t i = 0; i < n; i++)
        m->asked_ministries[i] = lend(asked[i]);
    return m;
}

Ismap__Liu__V1__SignedAssessment *build_signed(struct work *w, const pb_assessment *a,
                                               const struct signing_key *key)
{
    Ismap__Liu__V1__SignedAssessment *s =
        NEW(w, Ismap__Liu__V1__SignedAssessment, ismap__liu__v1__signed_assessment__init);
    const uint8_t *bytes = NULL;
    assert_int_equal(wire_pack(work_arena(w), &a->base, &bytes, &s->assessment.len), ERR_OK);
    s->assessment.data = arena_dup(work_arena(w), bytes, s->assessment.len);
    s->key_id = lend(signing_key_id(key));
    s->signature.len = ED25519_SIGNATURE_BYTES;
    s->signature.data = arena_alloc(work_arena(w), ED25519_SIGNATURE_BYTES);
    struct crypto_part parts[] = {{a->ministry, strlen(a->ministry)},
                                  {a->provider, strlen(a->provider)},
                                  {s->assessment.data, s->assessment.len}};
    assert_int_equal(crypto_sign(key, DOMAIN_ASSESSMENT, parts, 3, s->signature.data), ERR_OK);
    return s;
}

static pb_document *document(struct work *w, const char *issuer)
{
    pb_document *d = NEW(w, pb_document, ismap__liu__v1__document_ref__init);
    d->reference = lend("archive/1");
    d->sha256.len = 32;
    d->sha256.data = arena_alloc(work_arena(w), 32);
    d->issuer = lend(issuer);
    return d;
}

pb_registration *build_registration(struct work *w, const char *case_id, const char *issuer)
{
    pb_registration *m = NEW(w, pb_registration, ismap__liu__v1__submit_registration__init);
    m->case_id = lend(case_id);
    m->statement = document(w, "");
    m->audit_report = document(w, issuer);
    m->management_confirmation = document(w, "");
    m->internal_audit_report = document(w, "");
    m->audit_period_start = lend("2023-04-01");
    m->audit_period_end = lend("2024-03-31");
    m->scope = lend("web conference, Tokyo region");
    return m;
}

pb_judgment *build_judgment(struct work *w, const char *case_id, enum judgment_state state,
                            enum verdict_result r)
{
    pb_judgment *j = NEW(w, pb_judgment, ismap__liu__v1__judgment__init);
    j->verdict = NEW(w, Ismap__Liu__V1__Verdict, ismap__liu__v1__verdict__init);
    j->verdict->case_id = lend(case_id);
    j->verdict->state = (Ismap__Liu__V1__JudgmentState)state;
    j->verdict->result = (Ismap__Liu__V1__VerdictResult)r;
    j->verdict->matched_code = lend("TB-1");
    j->verdict->list_version = 1;
    j->verdict->evidence_version = 9;
    j->verdict->decided_at_ms = w->now_ms;
    return j;
}

void build_rulebook(struct work *w)
{
    pb_rulebook rules;
    ismap__liu__v1__rulebook__init(&rules);
    Ismap__Liu__V1__ListingRules listing;
    ismap__liu__v1__listing_rules__init(&listing);
    listing.validity_months = 16;
    listing.expiry_inclusive = true;
    listing.number_prefix = lend("LIU");
    rules.listing = &listing;
    fake_rules(w, &rules);
}

const char *open_case(struct work *w)
{
    static const char *const asked[] = {"mof", "meti", NULL};
    assert_int_equal(fake_send(w, "csp", ROLE(PROVIDER), intake_submit_pre_application, NULL,
                               &build_application(w, asked)->base),
                     STATUS(OK));
    return ((const Ismap__Liu__V1__CaseOpened *)w->reply)->case_id;
}

const char *eligible_case(struct work *w)
{
    const char *id = open_case(w);
    fake_store(w, RECORD_PARTY, "mof", &build_party(w, "mof", ROLE(MINISTRY), 'm', NULL)->base);
    Ismap__Liu__V1__SubmitAssessment m;
    ismap__liu__v1__submit_assessment__init(&m);
    m.case_id = lend(id);
    m.assessment = build_assessment(w, "mof", "csp");
    assert_int_equal(fake_send(w, "mof", ROLE(MINISTRY), intake_submit_assessment, NULL, &m.base),
                     STATUS(OK));
    fake_store(w, RECORD_JUDGMENT, id,
               &build_judgment(w, id, JUDGMENT_DECIDED, VERDICT_ELIGIBLE)->base);
    return id;
}

const char *registered(struct work *w)
{
    const char *id = eligible_case(w);
    build_rulebook(w);
    fake_store(w, RECORD_PARTY, "auditor",
               &build_party(w, "auditor", ROLE(AUDIT_BODY), 'a', NULL)->base);
    assert_int_equal(fake_send(w, "csp", ROLE(PROVIDER), intake_submit_registration, NULL,
                               &build_registration(w, id, "auditor")->base),
                     STATUS(OK));
    const char *number = ((const Ismap__Liu__V1__RegistrationReceived *)w->reply)->number;
    Ismap__Liu__V1__DecideRegistration d;
    ismap__liu__v1__decide_registration__init(&d);
    d.number = lend(number);
    d.register_ = true;
    d.committee_date = lend("2024-06-05");
    d.decision_reference = lend("committee 12-3");
    assert_int_equal(fake_send(w, "ipa", ROLE(OPERATOR), intake_decide_registration, NULL, &d.base),
                     STATUS(OK));
    return number;
}

void hold(struct work *w, const char *number, enum hold_state state)
{
    pb_hold h;
    ismap__liu__v1__hold__init(&h);
    h.number = lend(number);
    h.state = (Ismap__Liu__V1__HoldState)state;
    h.since_ms = w->now_ms;
    fake_store(w, RECORD_HOLD, number, &h.base);
}
