/* Registered services for a measurement: N cases through the whole path (pre-application,
 * assessment, verdict, main application, decision), their registration numbers written to a file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "drive/drive.h"
#include "ismap/liu/v1/case.pb-c.h"
#include "ismap/liu/v1/judgment.pb-c.h"
#include "ismap/liu/v1/listing.pb-c.h"
#include "wire/unpack.h"

#define WAIT_MS 60000
#define TEXT(s) ((char *)(uintptr_t)(s))

struct prepare {
    struct cli *cli;
    struct lane provider;
    struct lane ministry;
    struct lane operator;
    struct lane judge; /* the provider at eligibility */
    const char *provider_id;
    const char *ministry_id;
    const char *auditor_id;
    uint64_t run;
    uint64_t k;
    char case_id[64];
    char number[64];
};

/* One request and its answer. The answer lives until the lane's next one. */
static const ProtobufCMessage *ask(struct prepare *p, struct lane *l, const ProtobufCMessage *m,
                                   bool sign)
{
    char id[64];
    (void)snprintf(id, sizeof id, "prepare-%llx-%llu", (unsigned long long)p->run,
                   (unsigned long long)clock_mono_us());
    const Ismap__Liu__V1__Reply *r = lane_send(l, id, m, sign, 5000) ? lane_recv(l, 10000) : NULL;
    ProtobufCMessage *answer = NULL;
    if (r == NULL || r->status != ISMAP__LIU__V1__STATUS__STATUS_OK) {
        if (r != NULL)
            cli_print_refusal(p->cli, r);
        (void)cli_fail(p->cli, CLI_TEMPORARY, "%s was not accepted", m->descriptor->name);
        return NULL;
    }
    const ProtobufCMessageDescriptor *d = wire_type(r->type);
    if (d == NULL ||
        wire_unpack(&l->cli.arena, d, r->payload.data, r->payload.len, &answer) != ERR_OK)
        return NULL;
    return answer;
}

static void answers_of(Ismap__Liu__V1__BusinessClaim *b, Ismap__Liu__V1__QuestionAnswer qa[4],
                       Ismap__Liu__V1__QuestionAnswer *list[4])
{
    static const char *const questions[] = {"TB1.Q1", "TB1.Q2", "TB1.Q3", "TB1.Q4"};
    ismap__liu__v1__business_claim__init(b);
    b->description = TEXT("Joint drafting with experts of a policy that will be published");
    b->target_code = TEXT("TB-1");
    for (size_t i = 0; i < 4; i++) {
        ismap__liu__v1__question_answer__init(&qa[i]);
        qa[i].question = TEXT(questions[i]);
        qa[i].answer =
            i == 3 ? ISMAP__LIU__V1__ANSWER__ANSWER_NO : ISMAP__LIU__V1__ANSWER__ANSWER_YES;
        list[i] = &qa[i];
    }
    b->answers = list;
    b->n_answers = 4;
}

static bool submit(struct prepare *p, const char *name)
{
    Ismap__Liu__V1__SubmitPreApplication m = ISMAP__LIU__V1__SUBMIT_PRE_APPLICATION__INIT;
    Ismap__Liu__V1__ServiceDescription s = ISMAP__LIU__V1__SERVICE_DESCRIPTION__INIT;
    Ismap__Liu__V1__BusinessClaim b;
    Ismap__Liu__V1__QuestionAnswer qa[4];
    Ismap__Liu__V1__QuestionAnswer *list[4];
    char *asked[] = {TEXT(p->ministry_id)};
    answers_of(&b, qa, list);
    s.name = TEXT(name);
    s.model = ISMAP__LIU__V1__SERVICE_MODEL__SERVICE_MODEL_SAAS;
    s.function_used = TEXT("web meetings");
    s.confidentiality_class = 2;
    m.service = &s;
    m.business = &b;
    m.asked_ministries = asked;
    m.n_asked_ministries = 1;
    m.gbiz_id = TEXT("1234567890123");
    m.contact = TEXT("prepare@provider.example");
    const Ismap__Liu__V1__CaseOpened *o = (const void *)ask(p, &p->provider, &m.base, false);
    if (o != NULL)
        (void)snprintf(p->case_id, sizeof p->case_id, "%s", o->case_id);
    return o != NULL;
}

static bool assess(struct prepare *p, const char *name)
{
    Ismap__Liu__V1__SubmitAssessment m = ISMAP__LIU__V1__SUBMIT_ASSESSMENT__INIT;
    Ismap__Liu__V1__Assessment x = ISMAP__LIU__V1__ASSESSMENT__INIT;
    Ismap__Liu__V1__InformationItem item = ISMAP__LIU__V1__INFORMATION_ITEM__INIT;
    Ismap__Liu__V1__InformationItem *items[] = {&item};
    Ismap__Liu__V1__BusinessClaim b;
    Ismap__Liu__V1__QuestionAnswer qa[4];
    Ismap__Liu__V1__QuestionAnswer *list[4];
    char *damage[] = {TEXT("administration")};
    answers_of(&b, qa, list);
    item.description = TEXT("minutes of the council");
    item.confidentiality_class = 2;
    item.integrity_class = 1;
    item.availability_class = 1;
    item.confidentiality = item.integrity = item.availability =
        ISMAP__LIU__V1__IMPACT_LEVEL__IMPACT_LEVEL_LOW;
    item.damage_categories = damage;
    item.n_damage_categories = 1;
    item.reason = TEXT("to be published anyway");
    x.ministry = TEXT(p->ministry_id);
    x.bureau = TEXT("Secretariat");
    x.provider = TEXT(p->provider_id);
    x.service_name = TEXT(name);
    x.business = &b;
    x.items = items;
    x.n_items = 1;
    x.assessor = TEXT("assessor");
    x.approver = TEXT("approver");
    x.assessed_on = TEXT("2026-11-01");
    m.case_id = p->case_id;
    m.assessment = &x;
    return ask(p, &p->ministry, &m.base, true) != NULL;
}

static bool eligible(struct prepare *p)
{
    Ismap__Liu__V1__GetVerdict m = ISMAP__LIU__V1__GET_VERDICT__INIT;
    m.case_id = p->case_id;
    for (int64_t until = clock_mono_ms() + WAIT_MS; clock_mono_ms() < until;) {
        char id[64];
        ProtobufCMessage *answer;
        (void)snprintf(id, sizeof id, "verdict-%llx-%llu", (unsigned long long)p->run,
                       (unsigned long long)clock_mono_us());
        const Ismap__Liu__V1__Reply *r =
            lane_send(&p->judge, id, &m.base, false, 5000) ? lane_recv(&p->judge, 10000) : NULL;
        if (r != NULL && r->status == ISMAP__LIU__V1__STATUS__STATUS_OK &&
            wire_unpack(&p->judge.cli.arena, &ismap__liu__v1__judgment__descriptor, r->payload.data,
                        r->payload.len, &answer) == ERR_OK &&
            ((const Ismap__Liu__V1__Judgment *)answer)->verdict->result ==
                ISMAP__LIU__V1__VERDICT_RESULT__VERDICT_RESULT_ELIGIBLE)
            return true;
        (void)nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    }
    (void)cli_fail(p->cli, CLI_TEMPORARY, "%s: no positive verdict", p->case_id);
    return false;
}

static bool apply(struct prepare *p)
{
    static uint8_t hash[32] = {1};
    Ismap__Liu__V1__DocumentRef doc = ISMAP__LIU__V1__DOCUMENT_REF__INIT;
    Ismap__Liu__V1__SubmitRegistration m = ISMAP__LIU__V1__SUBMIT_REGISTRATION__INIT;
    Ismap__Liu__V1__ServiceIdentity who = ISMAP__LIU__V1__SERVICE_IDENTITY__INIT;
    char domain[64];
    char *domains[] = {domain};
    (void)snprintf(domain, sizeof domain, "svc%llu-%llx.example", (unsigned long long)p->k,
                   (unsigned long long)p->run);
    doc.reference = TEXT("doc-1");
    doc.sha256 = (ProtobufCBinaryData){.len = sizeof hash, .data = hash};
    doc.issued_on = TEXT("2026-10-15");
    doc.issuer = TEXT(p->auditor_id);
    who.domains = domains;
    who.n_domains = 1;
    m.case_id = p->case_id;
    m.statement = m.audit_report = m.management_confirmation = m.internal_audit_report = &doc;
    m.audit_period_start = TEXT("2025-10-01");
    m.audit_period_end = TEXT("2026-09-30");
    m.identity = &who;
    m.scope = TEXT("the whole service");
    const Ismap__Liu__V1__RegistrationReceived *r =
        (const void *)ask(p, &p->provider, &m.base, false);
    if (r == NULL)
        return false;
    (void)snprintf(p->number, sizeof p->number, "%s", r->number);
    Ismap__Liu__V1__DecideRegistration d = ISMAP__LIU__V1__DECIDE_REGISTRATION__INIT;
    d.number = p->number;
    d.register_ = true;
    d.committee_date = TEXT("2026-11-20");
    d.decision_reference = TEXT("measurement");
    return ask(p, &p->operator, & d.base, true) != NULL;
}

static int run(struct prepare *p, uint64_t count, FILE *f)
{
    for (p->k = 0; p->k < count; p->k++) {
        char name[64];
        (void)snprintf(name, sizeof name, "Measured Service %llu", (unsigned long long)p->k);
        if (!submit(p, name) || !assess(p, name) || !eligible(p) || !apply(p))
            return CLI_TEMPORARY;
        (void)fprintf(f, "%s\n", p->number);
    }
    return CLI_OK;
}

int drive_prepare(struct cli *c, struct cli_args *a)
{
    struct prepare p = {.cli = c, .run = (uint64_t)clock_wall_ms()};
    uint64_t count;
    const char *path = cli_option(a, "--numbers");
    p.provider_id = cli_option(a, "--provider");
    p.ministry_id = cli_option(a, "--ministry");
    p.auditor_id = cli_option(a, "--auditor");
    const char *operator_id = cli_option(a, "--operator");
    if (!drive_number(c, a, "--count", 100, 100000, &count) || !cli_done(c, a))
        return CLI_USAGE;
    if (path == NULL || p.provider_id == NULL || p.ministry_id == NULL || p.auditor_id == NULL ||
        operator_id == NULL)
        return cli_usage(c,
                         "give --numbers FILE, --provider, --ministry, --auditor and --operator");
    FILE *f = fopen(path, "we");
    if (f == NULL)
        return cli_fail(c, CLI_USAGE, "%s: %s", path, strerror(errno));
    int status = lane_open(&p.provider, c, p.provider_id, CLI_INTAKE);
    if (status == CLI_OK)
        status = lane_open(&p.ministry, c, p.ministry_id, CLI_INTAKE);
    if (status == CLI_OK)
        status = lane_open(&p.operator, c, operator_id, CLI_INTAKE);
    if (status == CLI_OK)
        status = lane_open(&p.judge, c, p.provider_id, CLI_ELIGIBILITY);
    if (status == CLI_OK)
        status = run(&p, count, f);
    lane_close(&p.provider);
    lane_close(&p.ministry);
    lane_close(&p.operator);
    lane_close(&p.judge);
    if (fclose(f) != 0)
        status = cli_fail(c, CLI_USAGE, "%s: %s", path, strerror(errno));
    return status;
}
