/* The parties of examples/ on a real stack, and the steps of a service's life. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/date.h"
#include "wire/json.h"

#define RIG_ARENA_BYTES (32 * 1024 * 1024)
#define POLL_US 50000
#define POLLS (STACK_READY_MS * 1000 / POLL_US)

#define lend(s) ((char *)(uintptr_t)(s))

int rig_up(struct rig *r, unsigned services, const char *const *redis_extra)
{
    *r = (struct rig){.n_ids = 0};
    arena_init(&r->arena, RIG_ARENA_BYTES);
    if (!stack_prepare(&r->stack) || !stack_genesis(&r->stack, redis_extra) ||
        !stack_start(&r->stack, services)) {
        (void)rig_down(r);
        return -1;
    }
    if ((services & STACK_BIT(STACK_INTAKE)) != 0) {
        client_open(&r->operator_, &r->stack, STACK_INTAKE, &r->stack.operator_);
        r->has_operator = true;
    }
    return 0;
}

int rig_down(struct rig *r)
{
    if (r->has_operator)
        client_close(&r->operator_);
    for (size_t i = 0; i < r->n_ids; i++)
        identity_free(&r->ids[i]);
    stack_destroy(&r->stack);
    arena_fini(&r->arena);
    return r->stack.reported ? -1 : 0;
}

void *rig_message(struct rig *r, const ProtobufCMessageDescriptor *d, const char *example)
{
    char path[256];
    char *text = NULL;
    size_t cap = 0;
    ProtobufCMessage *m = NULL;
    struct err_text why = {""};
    (void)snprintf(path, sizeof path, LIU_SOURCE_DIR "/examples/%s", example);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    ssize_t n = getdelim(&text, &cap, 0, f);
    (void)fclose(f);
    assert_true(n > 0);
    enum err e = wire_from_json_text(&r->arena, d, text, (size_t)n, &m, &why);
    free(text);
    if (e != ERR_OK)
        fail_msg("%s: %s", path, why.text);
    return m;
}

/* ---- who */

const struct identity *rig_stranger(struct rig *r, const char *id)
{
    assert_true(r->n_ids < RIG_IDENTITIES);
    struct identity *i = &r->ids[r->n_ids++];
    assert_true(identity_make(i, id));
    return i;
}

const struct identity *rig_who(struct rig *r, const char *id)
{
    if (strcmp(id, "operator") == 0)
        return &r->stack.operator_;
    for (size_t i = 0; i < r->n_ids; i++)
        if (strcmp(r->ids[i].id, id) == 0)
            return &r->ids[i];
    fail_msg("nobody is called %s", id);
    return NULL;
}

Ismap__Liu__V1__PartyKeys *rig_keys(struct rig *r, const struct identity *who)
{
    Ismap__Liu__V1__PartyKeys *k = arena_alloc(&r->arena, sizeof *k);
    Ismap__Liu__V1__SigningKey *s = arena_alloc(&r->arena, sizeof *s);
    uint8_t *key = arena_alloc(&r->arena, ED25519_KEY_BYTES);
    assert_true(k != NULL && s != NULL && key != NULL);
    ismap__liu__v1__party_keys__init(k);
    ismap__liu__v1__signing_key__init(s);
    signing_key_public(who->signing, key);
    s->key_id = lend(signing_key_id(who->signing));
    s->public_key = (ProtobufCBinaryData){.len = ED25519_KEY_BYTES, .data = key};
    k->curve = arena_alloc(&r->arena, sizeof *k->curve);
    k->signing = arena_alloc(&r->arena, sizeof *k->signing);
    assert_true(k->curve != NULL && k->signing != NULL);
    k->curve[0] = lend(who->curve.public_z85);
    k->signing[0] = s;
    k->n_curve = k->n_signing = 1;
    return k;
}

const struct identity *rig_party(struct rig *r, const char *id)
{
    char path[64];
    Ismap__Liu__V1__AddParty add = ISMAP__LIU__V1__ADD_PARTY__INIT;
    const struct identity *who = rig_stranger(r, id);
    (void)snprintf(path, sizeof path, "parties/%s.json", id);
    add.party = rig_message(r, &ismap__liu__v1__party__descriptor, path);
    add.party->keys = rig_keys(r, who);
    pb_reply *reply = client_sign(&r->operator_, &add.base);
    assert_status(reply, ST(OK));
    for (int i = 0; i < STACK_SERVICES; i++)
        if (r->stack.pids[i] != 0)
            rig_tailed(r, (enum stack_service)i, reply->receipt->seq);
    return who;
}

const struct identity *rig_feed(struct rig *r, const char *id)
{
    char path[64];
    struct client c;
    Ismap__Liu__V1__AddFeed add = ISMAP__LIU__V1__ADD_FEED__INIT;
    const struct identity *who = rig_stranger(r, id);
    (void)snprintf(path, sizeof path, "feeds/%s.json", id);
    add.feed = rig_message(r, &ismap__liu__v1__feed__descriptor, path);
    add.feed->keys = rig_keys(r, who);
    client_open(&c, &r->stack, STACK_MONITOR, &r->stack.operator_);
    pb_reply *reply = client_sign(&c, &add.base);
    assert_status(reply, ST(OK));
    rig_tailed(r, STACK_MONITOR, reply->receipt->seq);
    client_close(&c);
    return who;
}

pb_reply *rig_revoke(struct rig *r, const char *id)
{
    Ismap__Liu__V1__RevokeParty m = ISMAP__LIU__V1__REVOKE_PARTY__INIT;
    m.id = lend(id);
    m.reason = lend("鍵の漏えい");
    return client_sign(&r->operator_, &m.base);
}

void rig_tailed(struct rig *r, enum stack_service svc, uint64_t seq)
{
    for (int i = 0; i < POLLS; i++) {
        if (stack_metric(&r->stack, svc, "liu_journal_seq") >= (int64_t)seq)
            return;
        (void)usleep(POLL_US / 5);
    }
    fail_msg("%s does not follow the journal", stack_name(svc));
}

/* ---- steps */

static void open_as(struct rig *r, struct client *c, unsigned door, const char *id)
{
    client_open(c, &r->stack, door, rig_who(r, id));
}

Ismap__Liu__V1__SubmitPreApplication *rig_application(struct rig *r, const char *key,
                                                      const char *asked)
{
    char path[64];
    (void)snprintf(path, sizeof path, "cases/%s.json", key);
    Ismap__Liu__V1__SubmitPreApplication *m =
        rig_message(r, &ismap__liu__v1__submit_pre_application__descriptor, path);
    m->n_asked_ministries = asked == NULL ? 0 : 1;
    m->asked_ministries = arena_alloc(&r->arena, sizeof *m->asked_ministries);
    assert_non_null(m->asked_ministries);
    m->asked_ministries[0] = lend(asked);
    return m;
}

const char *rig_open_case(struct rig *r, const char *provider, const char *key, const char *asked)
{
    struct client c;
    open_as(r, &c, STACK_INTAKE, provider);
    pb_reply *reply = client_persist(&c, &rig_application(r, key, asked)->base, false);
    assert_status(reply, ST(OK));
    const Ismap__Liu__V1__CaseOpened *opened =
        client_payload(&c, reply, &ismap__liu__v1__case_opened__descriptor);
    const char *id = arena_strdup(&r->arena, opened->case_id);
    assert_non_null(id);
    client_close(&c);
    return id;
}

Ismap__Liu__V1__SubmitAssessment *rig_assessment(struct rig *r, const char *case_id,
                                                 const char *sheet)
{
    char path[64];
    Ismap__Liu__V1__SubmitAssessment *m = arena_alloc(&r->arena, sizeof *m);
    assert_non_null(m);
    ismap__liu__v1__submit_assessment__init(m);
    (void)snprintf(path, sizeof path, "assessments/%s.json", sheet);
    m->case_id = lend(case_id);
    m->assessment = rig_message(r, &ismap__liu__v1__assessment__descriptor, path);
    return m;
}

void rig_assess(struct rig *r, const char *case_id, const char *sheet, const char *ministry)
{
    struct client c;
    open_as(r, &c, STACK_INTAKE, ministry);
    assert_status(client_persist(&c, &rig_assessment(r, case_id, sheet)->base, true), ST(OK));
    client_close(&c);
}

void rig_await_eligible(struct rig *r, const char *case_id, const char *provider)
{
    Ismap__Liu__V1__GetVerdict m = ISMAP__LIU__V1__GET_VERDICT__INIT;
    struct client c;
    m.case_id = lend(case_id);
    open_as(r, &c, STACK_ELIGIBILITY, provider);
    for (int i = 0; i < POLLS; i++, (void)usleep(POLL_US)) {
        pb_reply *reply = client_call(&c, &m.base);
        if (reply->status != ST(OK))
            continue;
        const Ismap__Liu__V1__Judgment *j =
            client_payload(&c, reply, &ismap__liu__v1__judgment__descriptor);
        if (j->verdict->state != ISMAP__LIU__V1__JUDGMENT_STATE__JUDGMENT_STATE_DECIDED)
            continue;
        assert_int_equal(j->verdict->result,
                         ISMAP__LIU__V1__VERDICT_RESULT__VERDICT_RESULT_ELIGIBLE);
        client_close(&c);
        return;
    }
    fail_msg("no verdict for %s", case_id);
}

void rig_await_plan(struct rig *r, const char *case_id, const char *provider)
{
    Ismap__Liu__V1__GetPlan m = ISMAP__LIU__V1__GET_PLAN__INIT;
    struct client c;
    m.case_id = lend(case_id);
    open_as(r, &c, STACK_AUDIT, provider);
    for (int i = 0; i < POLLS; i++, (void)usleep(POLL_US)) {
        pb_reply *reply = client_call(&c, &m.base);
        if (reply->status != ST(OK))
            continue;
        const Ismap__Liu__V1__AuditPlan *plan =
            client_payload(&c, reply, &ismap__liu__v1__audit_plan__descriptor);
        assert_int_equal(plan->years, 3);
        client_close(&c);
        return;
    }
    fail_msg("no plan for %s", case_id);
}

/* YYYY-MM-DD so many days before today. */
static char *days_ago(struct rig *r, int32_t days)
{
    char *out = arena_alloc(&r->arena, DATE_TEXT_BYTES);
    assert_non_null(out);
    date_format(date_of_ms(clock_wall_ms()) - days, out);
    return out;
}

const char *rig_register(struct rig *r, const char *case_id, const char *key, const char *provider)
{
    char path[64];
    struct client c;
    (void)snprintf(path, sizeof path, "registrations/%s.json", key);
    Ismap__Liu__V1__SubmitRegistration *m =
        rig_message(r, &ismap__liu__v1__submit_registration__descriptor, path);
    m->case_id = lend(case_id);
    m->audit_period_start = days_ago(r, 365);
    m->audit_period_end = days_ago(r, 45);
    m->statement->issued_on = m->management_confirmation->issued_on = days_ago(r, 20);
    m->audit_report->issued_on = days_ago(r, 10);
    m->internal_audit_report->issued_on = days_ago(r, 30);
    open_as(r, &c, STACK_INTAKE, provider);
    pb_reply *reply = client_persist(&c, &m->base, false);
    assert_status(reply, ST(OK));
    const Ismap__Liu__V1__RegistrationReceived *got =
        client_payload(&c, reply, &ismap__liu__v1__registration_received__descriptor);
    const char *number = arena_strdup(&r->arena, got->number);
    assert_non_null(number);
    client_close(&c);
    return number;
}

void rig_decide(struct rig *r, const char *number)
{
    Ismap__Liu__V1__DecideRegistration m = ISMAP__LIU__V1__DECIDE_REGISTRATION__INIT;
    m.number = lend(number);
    m.register_ = true;
    m.committee_date = days_ago(r, 0);
    m.decision_reference = lend("2026-4");
    m.reason = lend("要件を満たす");
    assert_status(client_persist(&r->operator_, &m.base, true), ST(OK));
}

void rig_use(struct rig *r, const char *number, const char *ministry)
{
    char path[64];
    struct client c;
    (void)snprintf(path, sizeof path, "uses/%s.json", ministry);
    Ismap__Liu__V1__DeclareUse *m = rig_message(r, &ismap__liu__v1__declare_use__descriptor, path);
    m->number = lend(number);
    open_as(r, &c, STACK_INTAKE, ministry);
    assert_status(client_persist(&c, &m->base, false), ST(OK));
    client_close(&c);
}

Ismap__Liu__V1__PushAlerts *rig_alert(struct rig *r, uint64_t seq, const char *domain,
                                      Ismap__Liu__V1__EffectLevel effect)
{
    Ismap__Liu__V1__PushAlerts *m =
        rig_message(r, &ismap__liu__v1__push_alerts__descriptor, "alerts/critical.json");
    m->first_seq = seq;
    m->alerts[0]->service->domain = lend(domain);
    m->alerts[0]->observed_at_ms = clock_wall_ms();
    m->alerts[0]->actual->confidentiality = effect;
    return m;
}

Ismap__Liu__V1__EffectiveState rig_state(struct rig *r, const char *number, const char *asker)
{
    Ismap__Liu__V1__GetRegistryEntry m = ISMAP__LIU__V1__GET_REGISTRY_ENTRY__INIT;
    struct client c;
    m.number = lend(number);
    open_as(r, &c, STACK_INTAKE, asker);
    pb_reply *reply = client_call(&c, &m.base);
    assert_status(reply, ST(OK));
    const Ismap__Liu__V1__Registry *list =
        client_payload(&c, reply, &ismap__liu__v1__registry__descriptor);
    assert_int_equal(list->n_entries, 1);
    Ismap__Liu__V1__EffectiveState state = list->entries[0]->state;
    client_close(&c);
    return state;
}

bool rig_procurable(struct rig *r, const char *number, const char *asker)
{
    Ismap__Liu__V1__QueryProcurable m = ISMAP__LIU__V1__QUERY_PROCURABLE__INIT;
    struct client c;
    bool found = false;
    m.list = ISMAP__LIU__V1__REGISTRY_LIST__REGISTRY_LIST_ISMAP_LIU;
    m.data_class = 2;
    m.level = ISMAP__LIU__V1__IMPACT_LEVEL__IMPACT_LEVEL_LOW;
    open_as(r, &c, STACK_INTAKE, asker);
    pb_reply *reply = client_call(&c, &m.base);
    assert_status(reply, ST(OK));
    const Ismap__Liu__V1__Procurable *list =
        client_payload(&c, reply, &ismap__liu__v1__procurable__descriptor);
    for (size_t i = 0; i < list->n_entries; i++)
        found = found || strcmp(list->entries[i]->number, number) == 0;
    client_close(&c);
    return found;
}
