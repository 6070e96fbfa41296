/* The tables of checks themselves: every row names a real field, every request has rows, every text
 * comes in two languages; and one good message of each bigger kind passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "wire/checks.h"
#include "wire/json.h"
#include "wire/unpack.h"

#define Z85 "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define B32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define B64                                                                                        \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
#define SHEET                                                                                         \
    "{\"ministry\":\"mof\",\"bureau\":\"大臣官房\",\"provider\":\"acme\",\"serviceName\":\"Acme " \
    "Meet\","                                                                                         \
    "\"business\":{\"description\":\"会議\",\"targetCode\":\"TB-1\",\"answers\":[{\"question\":"    \
    "\"TB1.Q1\","                                                                                     \
    "\"answer\":\"ANSWER_YES\"}]},\"items\":[{\"description\":\"予定\",\"confidentialityClass\":"   \
    "2,"                                                                                              \
    "\"integrityClass\":1,\"availabilityClass\":1,\"confidentiality\":\"IMPACT_LEVEL_LOW\","          \
    "\"integrity\":\"IMPACT_LEVEL_LOW\",\"availability\":\"IMPACT_LEVEL_LOW\","                       \
    "\"damageCategories\":[\"work\"],\"reason\":\"公開予定\"}],\"assessor\":\"山田\","          \
    "\"approver\":\"鈴木\","                                                                        \
    "\"assessedOn\":\"2025-04-01\"}"

static const char *const requests[] = {
    "Envelope",
    "FetchEvents",
    "AddParty",
    "Party",
    "PartyKeys",
    "SigningKey",
    "RevokeParty",
    "ListParties",
    "AddFeed",
    "Feed",
    "RevokeFeed",
    "ListFeeds",
    "SubmitPreApplication",
    "ServiceDescription",
    "BaseService",
    "BusinessClaim",
    "QuestionAnswer",
    "SignedAssessment",
    "SubmitAssessment",
    "Assessment",
    "InformationItem",
    "GetCase",
    "ListCases",
    "ListWaiting",
    "GetVerdict",
    "ReplayVerdict",
    "GetPlan",
    "ConfirmVerdict",
    "TargetBusiness",
    "Question",
    "ActivateRulebook",
    "SubmitRegistration",
    "DocumentRef",
    "ServiceIdentity",
    "DecideRegistration",
    "ListRegistry",
    "GetRegistryEntry",
    "QueryProcurable",
    "DeclareUse",
    "PushAlerts",
    "Alert",
    "ServiceRef",
    "ConfirmIncident",
    "LiftSuspension",
    "SuspendService",
    "ListIncidents",
    "GetIncident",
    "SubmitAuditReport",
    "SubmitInternalReport",
    "AuditResults",
    "AuditedControl",
    "SkippedControl",
    "AuditFinding",
    "GetAuditReport",
    "GetAuditStanding",
    "ListAuditProblems",
    "ResolveAuditProblem",
    "GetPlanRevisions",
    "ReplanCase",
    "ReplanAll",
    "PutCatalogue",
    "Catalogue",
    "ControlItem",
    "ActivateCatalogue",
    "ListCatalogues",
    "SubmitChangeNotice",
    "GetChangeNotice",
    "NameAffectedControls",
    "StateAuditScope",
    "PlanExclusion",
    "PlanOperator",
    "PlanInherited",
    "GetAuditScope",
};

static const struct {
    const char *type;
    const char *json;
} good[] = {
    {"AddParty", "{\"party\":{\"id\":\"mof\",\"role\":\"ROLE_MINISTRY\",\"nameJa\":\"財務省\","
                 "\"nameEn\":\"MOF\","
                 "\"keys\":{\"curve\":[\"" Z85
                 "\"],\"signing\":[{\"keyId\":\"k1\",\"publicKey\":\"" B32 "\"}]}}}"},
    {"AddFeed",
     "{\"feed\":{\"id\":\"feed-1\",\"nameJa\":\"監視\",\"operatorBody\":\"soc\",\"keys\":{"
     "\"curve\":[\"" Z85
     "\"]},\"speaksFor\":[\"*\"],\"actsAloneUpTo\":\"SEVERITY_CRITICAL\",\"heartbeatS\":60}}"},
    {"SubmitPreApplication", "{\"service\":{\"name\":\"Acme "
                             "Meet\",\"model\":\"SERVICE_MODEL_SAAS\",\"functionUsed\":\"会議\","
                             "\"confidentialityClass\":2,\"baseServices\":[{\"name\":\"IaaS\","
                             "\"registrationNumber\":\"C21-0001-2\"}]},"
                             "\"business\":{\"description\":\"会議\",\"targetCode\":\"TB-1\"},"
                             "\"attached\":[{\"assessment\":\"AAAA\","
                             "\"keyId\":\"k1\",\"signature\":\"" B64
                             "\"}],\"askedMinistries\":[\"mof\"],\"gbizId\":\"G-1\"}"},
    {"SubmitAssessment", "{\"caseId\":\"case-0123456789ABCDEF\",\"assessment\":" SHEET "}"},
    {"ConfirmVerdict", "{\"caseId\":\"case-1\",\"confirm\":true,\"reason\":\"妥当\","
                       "\"listAddition\":{\"code\":\"TB-9\","
                       "\"criterionJa\":\"基準\",\"criterionEn\":\"criterion\",\"checklist\":[{"
                       "\"id\":\"TB9.Q1\",\"textJa\":\"問\","
                       "\"textEn\":\"question\",\"match\":\"ANSWER_YES\",\"basis\":\"BASIS_"
                       "STATED\",\"effect\":\"EFFECT_DECIDES\"}]}}"},
    {"SubmitRegistration",
     "{\"caseId\":\"case-1\",\"statement\":{\"reference\":\"doc/1\",\"sha256\":\"" B32 "\"},"
     "\"auditPeriodStart\":\"2024-04-01\",\"auditPeriodEnd\":\"2025-03-31\",\"identity\":{"
     "\"domains\":"
     "[\"meet.example.jp\"],\"addressRanges\":[\"192.0.2.0/24\",\"2001:db8::/"
     "32\"]},\"regions\":[\"東京\"]}"},
    {"SubmitRegistration", "{\"caseId\":\"case-1\",\"auditPeriodStart\":\"2024-04-01\","
                           "\"auditPeriodEnd\":\"2025-03-31\"}"},
    {"DeclareUse",
     "{\"number\":\"LIU-1\",\"business\":\"TB-1\",\"dataClass\":2,\"level\":\"IMPACT_LEVEL_LOW\"}"},
    {"QueryProcurable",
     "{\"list\":\"REGISTRY_LIST_ISMAP_LIU\",\"dataClass\":2,\"level\":\"IMPACT_LEVEL_LOW\"}"},
    {"PushAlerts",
     "{\"epoch\":1,\"lane\":\"LANE_URGENT\",\"firstSeq\":1,\"alerts\":[{\"alertId\":\"a-1\","
     "\"observedAtMs\":\"1750000000000\",\"service\":{\"domain\":\"MEET.example.jp.\"},"
     "\"actual\":{\"confidentiality\":\"EFFECT_LEVEL_GRAVE\"}}]}"},
    {"LiftSuspension", "{\"number\":\"LIU-1\",\"reason\":\"復旧\",\"basis\":\"委員会\","
                       "\"decidedOn\":\"2025-05-01\"}"},
    {"SuspendService", "{\"number\":\"LIU-1\",\"reason\":\"重大\",\"basis\":\"委員会\"}"},
    {"ConfirmIncident", "{\"incidentId\":\"inc-1\",\"reason\":\"確認\"}"},
    {"ActivateRulebook", "{\"canonical\":\"AAAA\",\"reason\":\"改定\"}"},
    {"FetchEvents", "{}"},
    {"GetHealth", "{}"},
    {"GetTargets", "{}"},
};

static const ProtobufCMessageDescriptor *type_of(const char *name)
{
    char full[128];
    (void)snprintf(full, sizeof full, "ismap.liu.v1.%s", name);
    const ProtobufCMessageDescriptor *d = wire_type(full);
    assert_non_null(d);
    return d;
}

static void every_request_has_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        if (checks_of(type_of(requests[i])) == NULL)
            fail_msg("%s has no checks", requests[i]);
    assert_null(checks_of(type_of("JournalEntry")));
}

static void check_row(const struct check_table *t, size_t i)
{
    const struct check *c = &t->checks[i];
    const ProtobufCFieldDescriptor *f =
        protobuf_c_message_descriptor_get_field_by_name(t->type, c->field);
    if (f == NULL)
        fail_msg("%s has no field %s", t->type->name, c->field);
    for (size_t j = 0; j < i; j++)
        if (strcmp(t->checks[j].field, c->field) == 0)
            fail_msg("%s.%s has two rows", t->type->name, c->field);
    if ((c->ja == NULL) != (c->en == NULL))
        fail_msg("%s.%s speaks one language only", t->type->name, c->field);
    if (c->max != 0 && c->min > c->max)
        fail_msg("%s.%s has wrong bounds", t->type->name, c->field);
    if (f->type == PROTOBUF_C_TYPE_BYTES && c->max == 0)
        fail_msg("%s.%s has no bound", t->type->name, c->field);
    const struct check *const *by_field = checks_of(t->type);
    assert_non_null(by_field);
    assert_ptr_equal(by_field[f - t->type->fields], c);
}

static void rows_name_real_fields_once_in_two_languages(void **state)
{
    (void)state;
    size_t n = 0;
    for (const struct check_table *t; (t = checks_table_at(n)) != NULL; n++)
        for (size_t i = 0; i < t->n; i++)
            check_row(t, i);
    assert_true(n >= sizeof requests / sizeof requests[0]);
}

static void rules_are_of_the_scheme_or_the_protocol(void **state)
{
    (void)state;
    for (size_t n = 0; checks_table_at(n) != NULL; n++) {
        const struct check_table *t = checks_table_at(n);
        for (size_t i = 0; i < t->n; i++) {
            const char *rule = t->checks[i].rule;
            if (rule != NULL && strncmp(rule, "P-", 2) != 0 &&
                (rule[0] != 'R' || strspn(rule + 1, "0123456789") != strlen(rule) - 1))
                fail_msg("%s.%s cites %s", t->type->name, t->checks[i].field, rule);
        }
    }
}

static void good_messages_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct arena a;
        struct faults f = {0};
        struct err_text why = {{0}};
        ProtobufCMessage *m = NULL;
        const uint8_t *data;
        size_t bytes;
        arena_init(&a, 256 * 1024);
        if (wire_from_json_text(&a, type_of(good[i].type), good[i].json, strlen(good[i].json), &m,
                                &why) != ERR_OK)
            fail_msg("%s: %s", good[i].type, why.text);
        assert_int_equal(wire_pack(&a, m, &data, &bytes), ERR_OK);
        assert_int_equal(wire_scan(m->descriptor, data, bytes, &a, &f), ERR_OK);
        assert_int_equal(wire_unpack(&a, m->descriptor, data, bytes, &m), ERR_OK);
        wire_validate(&a, m, &f);
        if (f.n > 0)
            fail_msg("%s: %s %s %s", good[i].type, f.items[0].field, f.items[0].rule,
                     f.items[0].en);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_has_rows),
        cmocka_unit_test(rows_name_real_fields_once_in_two_languages),
        cmocka_unit_test(rules_are_of_the_scheme_or_the_protocol),
        cmocka_unit_test(good_messages_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
