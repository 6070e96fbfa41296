/* Registered services for a measurement: N cases through the whole path (pre-application,
 * assessment, verdict, main application, decision), step by step for all of them. Their
 * registration numbers, and with --cases their case ids, are added to files.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "drive/drive.h"
#include "ismap/liu/v1/case.pb-c.h"
#include "ismap/liu/v1/judgment.pb-c.h"
#include "ismap/liu/v1/listing.pb-c.h"
#include "wire/unpack.h"

#define WAIT_MS 60000
#define STATUS(x) ISMAP__LIU__V1__STATUS__STATUS_##x
#define TEXT(s) ((char *)(uintptr_t)(s))

#define WINDOW 64
#define STEP_WAIT_MS 10000

struct prepared {
    char case_id[64];
    char number[64];
};

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
    uint64_t count;
    struct prepared *services;
};

enum took { TOOK_IT, TOOK_LATER /* ask again */ };

/* What is asked for each service, and what its answer gives. */
struct step {
    const char *name;
    size_t lane; /* in struct prepare */
    bool (*send)(struct prepare *p, uint64_t k);
    enum took (*take)(struct prepared *s, const ProtobufCMessage *answer); /* NULL = nothing */
    const ProtobufCMessageDescriptor *answer;
    bool later; /* what is not there yet comes by itself */
};

static bool send(const struct prepare *p, struct lane *l, uint64_t k, const ProtobufCMessage *m,
                 bool sign)
{
    char id[80];
    (void)snprintf(id, sizeof id, "prepare-%llx-%s-%llu-%llu", (unsigned long long)p->run,
                   m->descriptor->short_name, (unsigned long long)clock_mono_us(),
                   (unsigned long long)k);
    return lane_send(l, id, m, sign, 5000);
}

static const char *name_of(const struct prepare *p, uint64_t k, char out[64])
{
    (void)snprintf(out, 64, "Measured Service %llx-%llu", (unsigned long long)p->run,
                   (unsigned long long)k);
    return out;
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

static bool submit(struct prepare *p, uint64_t k)
{
    Ismap__Liu__V1__SubmitPreApplication m = ISMAP__LIU__V1__SUBMIT_PRE_APPLICATION__INIT;
    Ismap__Liu__V1__ServiceDescription s = ISMAP__LIU__V1__SERVICE_DESCRIPTION__INIT;
    Ismap__Liu__V1__BusinessClaim b;
    Ismap__Liu__V1__QuestionAnswer qa[4];
    Ismap__Liu__V1__QuestionAnswer *list[4];
    char *asked[] = {TEXT(p->ministry_id)};
    char name[64];
    answers_of(&b, qa, list);
    s.name = TEXT(name_of(p, k, name));
    s.model = ISMAP__LIU__V1__SERVICE_MODEL__SERVICE_MODEL_SAAS;
    s.function_used = TEXT("web meetings");
    s.confidentiality_class = 2;
    m.service = &s;
    m.business = &b;
    m.asked_ministries = asked;
    m.n_asked_ministries = 1;
    m.gbiz_id = TEXT("1234567890123");
    m.contact = TEXT("prepare@provider.example");
    return send(p, &p->provider, k, &m.base, false);
}

static enum took take_case(struct prepared *s, const ProtobufCMessage *answer)
{
    const Ismap__Liu__V1__CaseOpened *o = (const void *)answer;
    (void)snprintf(s->case_id, sizeof s->case_id, "%s", o->case_id);
    return TOOK_IT;
}

static bool assess(struct prepare *p, uint64_t k)
{
    Ismap__Liu__V1__SubmitAssessment m = ISMAP__LIU__V1__SUBMIT_ASSESSMENT__INIT;
    Ismap__Liu__V1__Assessment x = ISMAP__LIU__V1__ASSESSMENT__INIT;
    Ismap__Liu__V1__InformationItem item = ISMAP__LIU__V1__INFORMATION_ITEM__INIT;
    Ismap__Liu__V1__InformationItem *items[] = {&item};
    Ismap__Liu__V1__BusinessClaim b;
    Ismap__Liu__V1__QuestionAnswer qa[4];
    Ismap__Liu__V1__QuestionAnswer *list[4];
    char *damage[] = {TEXT("administration")};
    char name[64];
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
    x.service_name = TEXT(name_of(p, k, name));
    x.business = &b;
    x.items = items;
    x.n_items = 1;
    x.assessor = TEXT("assessor");
    x.approver = TEXT("approver");
    x.assessed_on = TEXT("2026-11-01");
    m.case_id = p->services[k].case_id;
    m.assessment = &x;
    return send(p, &p->ministry, k, &m.base, true);
}

static bool ask_verdict(struct prepare *p, uint64_t k)
{
    Ismap__Liu__V1__GetVerdict m = ISMAP__LIU__V1__GET_VERDICT__INIT;
    m.case_id = p->services[k].case_id;
    return send(p, &p->judge, k, &m.base, false);
}

static enum took take_verdict(struct prepared *s, const ProtobufCMessage *answer)
{
    const Ismap__Liu__V1__Judgment *j = (const void *)answer;
    (void)s;
    return j->verdict != NULL &&
                   j->verdict->result == ISMAP__LIU__V1__VERDICT_RESULT__VERDICT_RESULT_ELIGIBLE
               ? TOOK_IT
               : TOOK_LATER;
}

static bool apply(struct prepare *p, uint64_t k)
{
    static uint8_t hash[32] = {1};
    Ismap__Liu__V1__DocumentRef doc = ISMAP__LIU__V1__DOCUMENT_REF__INIT;
    Ismap__Liu__V1__SubmitRegistration m = ISMAP__LIU__V1__SUBMIT_REGISTRATION__INIT;
    Ismap__Liu__V1__ServiceIdentity who = ISMAP__LIU__V1__SERVICE_IDENTITY__INIT;
    char domain[64];
    char *domains[] = {domain};
    (void)snprintf(domain, sizeof domain, "svc%llu-%llx.example", (unsigned long long)k,
                   (unsigned long long)p->run);
    doc.reference = TEXT("doc-1");
    doc.sha256 = (ProtobufCBinaryData){.len = sizeof hash, .data = hash};
    doc.issued_on = TEXT("2026-10-15");
    doc.issuer = TEXT(p->auditor_id);
    who.domains = domains;
    who.n_domains = 1;
    m.case_id = p->services[k].case_id;
    m.statement = m.audit_report = m.management_confirmation = m.internal_audit_report = &doc;
    m.audit_period_start = TEXT("2025-10-01");
    m.audit_period_end = TEXT("2026-09-30");
    m.identity = &who;
    m.scope = TEXT("the whole service");
    return send(p, &p->provider, k, &m.base, false);
}

static enum took take_number(struct prepared *s, const ProtobufCMessage *answer)
{
    const Ismap__Liu__V1__RegistrationReceived *r = (const void *)answer;
    (void)snprintf(s->number, sizeof s->number, "%s", r->number);
    return TOOK_IT;
}

static bool decide(struct prepare *p, uint64_t k)
{
    Ismap__Liu__V1__DecideRegistration d = ISMAP__LIU__V1__DECIDE_REGISTRATION__INIT;
    d.number = p->services[k].number;
    d.register_ = true;
    d.committee_date = TEXT("2026-11-20");
    d.decision_reference = TEXT("measurement");
    return send(p, &p->operator, k, &d.base, true);
}

/* The answer to one request; false when it is none that the step can take. */
static bool take(struct prepare *p, const struct step *s, struct lane *l,
                 const Ismap__Liu__V1__Reply *r, uint64_t *k, enum took *took)
{
    const char *dash = strrchr(r->request_id, '-');
    ProtobufCMessage *answer = NULL;
    if (dash == NULL || text_u64(dash + 1, p->count - 1, k) != ERR_OK)
        return cli_fail(p->cli, CLI_TEMPORARY, "an answer to nothing: %s", r->request_id) == CLI_OK;
    if (r->status == STATUS(NOT_FOUND) && s->later) {
        *took = TOOK_LATER;
        return true;
    }
    if (r->status != STATUS(OK)) {
        cli_print_refusal(p->cli, r);
        return false;
    }
    *took = TOOK_IT;
    if (s->take == NULL)
        return true;
    if (strcmp(r->type, s->answer->name) != 0 ||
        wire_unpack(&l->cli.arena, s->answer, r->payload.data, r->payload.len, &answer) != ERR_OK)
        return cli_fail(p->cli, CLI_TEMPORARY, "%s: not %s", r->type, s->answer->name) == CLI_OK;
    *took = s->take(&p->services[*k], answer);
    return true;
}

/* One step of all services, WINDOW of them at a time. */
static int run_step(struct prepare *p, const struct step *s)
{
    struct lane *l = (struct lane *)((char *)p + s->lane);
    int64_t until = clock_mono_ms() + WAIT_MS;
    for (uint64_t next = 0, open = 0, done = 0; done < p->count;) {
        uint64_t k = 0;
        enum took took = TOOK_IT;
        for (; open < WINDOW && next < p->count && s->send(p, next); open++)
            next++;
        const Ismap__Liu__V1__Reply *r = lane_recv(l, STEP_WAIT_MS);
        if (r == NULL)
            return cli_fail(p->cli, CLI_TEMPORARY, "%s: no answer", s->name);
        if (!take(p, s, l, r, &k, &took))
            return cli_fail(p->cli, CLI_TEMPORARY, "%s: not accepted", s->name);
        if (took == TOOK_IT) {
            open--;
            done++;
            until = clock_mono_ms() + WAIT_MS;
            continue;
        }
        (void)nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
        if (clock_mono_ms() > until || !s->send(p, k))
            return cli_fail(p->cli, CLI_TEMPORARY, "%s: not in time", s->name);
    }
    return CLI_OK;
}

#define LANE(name) offsetof(struct prepare, name)

static const struct step steps[] = {
    {"pre-application", LANE(provider), submit, take_case, &ismap__liu__v1__case_opened__descriptor,
     false},
    {"assessment", LANE(ministry), assess, NULL, NULL, false},
    {"verdict", LANE(judge), ask_verdict, take_verdict, &ismap__liu__v1__judgment__descriptor,
     true},
    {"main application", LANE(provider), apply, take_number,
     &ismap__liu__v1__registration_received__descriptor, false},
    {"decision", LANE(operator), decide, NULL, NULL, false},
};

static int run(struct prepare *p, FILE *numbers, FILE *cases)
{
    int status = CLI_OK;
    p->services = calloc(p->count + 1, sizeof *p->services);
    if (p->services == NULL)
        return cli_fail(p->cli, CLI_TEMPORARY, "no memory");
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && status == CLI_OK && p->count > 0; i++)
        status = run_step(p, &steps[i]);
    for (uint64_t k = 0; k < p->count && status == CLI_OK; k++) {
        (void)fprintf(numbers, "%s\n", p->services[k].number);
        if (cases != NULL)
            (void)fprintf(cases, "%s\n", p->services[k].case_id);
    }
    free(p->services);
    return status;
}

/* Closes a file that was written. */
static int close_written(struct cli *c, FILE *f, const char *path, int status)
{
    return f == NULL || fclose(f) == 0 ? status
                                       : cli_fail(c, CLI_USAGE, "%s: %s", path, strerror(errno));
}

int drive_prepare(struct cli *c, struct cli_args *a)
{
    struct prepare p = {.cli = c, .run = (uint64_t)clock_wall_ms()};
    const char *path = cli_option(a, "--numbers");
    const char *cases_path = cli_option(a, "--cases");
    p.provider_id = cli_option(a, "--provider");
    p.ministry_id = cli_option(a, "--ministry");
    p.auditor_id = cli_option(a, "--auditor");
    const char *operator_id = cli_option(a, "--operator");
    if (!drive_number(c, a, "--count", 100, 100000, &p.count) || !cli_done(c, a))
        return CLI_USAGE;
    if (path == NULL || p.provider_id == NULL || p.ministry_id == NULL || p.auditor_id == NULL ||
        operator_id == NULL)
        return cli_usage(c,
                         "give --numbers FILE, --provider, --ministry, --auditor and --operator");
    FILE *f = fopen(path, "ae");
    FILE *cases = cases_path == NULL ? NULL : fopen(cases_path, "ae");
    int status = CLI_OK;
    if (f == NULL || (cases == NULL && cases_path != NULL))
        status = cli_fail(c, CLI_USAGE, "%s: %s", f == NULL ? path : cases_path, strerror(errno));
    if (status == CLI_OK)
        status = lane_open(&p.provider, c, p.provider_id, CLI_INTAKE);
    if (status == CLI_OK)
        status = lane_open(&p.ministry, c, p.ministry_id, CLI_INTAKE);
    if (status == CLI_OK)
        status = lane_open(&p.operator, c, operator_id, CLI_INTAKE);
    if (status == CLI_OK)
        status = lane_open(&p.judge, c, p.provider_id, CLI_ELIGIBILITY);
    if (status == CLI_OK)
        status = run(&p, f, cases);
    lane_close(&p.provider);
    lane_close(&p.ministry);
    lane_close(&p.operator);
    lane_close(&p.judge);
    status = close_written(c, f, path, status);
    return close_written(c, cases, cases_path, status);
}
