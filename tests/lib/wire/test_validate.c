/* The validator: each kind of check once, paths, all faults at once, the defaults. Messages are
 * written as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "ismap/liu/v1/alert.pb-c.h"
#include "ismap/liu/v1/case.pb-c.h"
#include "ismap/liu/v1/listing.pb-c.h"
#include "wire/json.h"
#include "wire/unpack.h"
#include "wire/validate.h"

#define Z85 "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define B32 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define ENVELOPE(id, at) "{\"version\":1,\"id\":\"" id "\",\"type\":\"t\",\"sentAtMs\":\"" at "\"}"

static const struct {
    const char *type;
    const char *json;
    const char *faults; /* "path rule" of each, in order, each followed by ';' */
} cases[] = {
    /* CHECK_REQUIRED for text, number, enum, message, bytes, list */
    {"GetCase", "{\"caseId\":\"case-1\"}", ""},
    {"GetCase", "{}", "caseId P-FIELD;"},
    {"AddParty", "{}", "party P-FIELD;"},
    {"QuestionAnswer", "{\"question\":\"TB1.Q1\"}", "answer R20;"},
    {"SigningKey", "{\"keyId\":\"k\"}", "publicKey P-FIELD;"},
    {"PartyKeys", "{}", "curve P-FIELD;"},
    {"PushAlerts", "{}", "epoch P-SEQUENCE;lane P-SEQUENCE;firstSeq P-SEQUENCE;alerts P-ITEMS;"},
    /* formats */
    {"GetCase", "{\"caseId\":\"a case\"}", "caseId P-FIELD;"},
    {"RevokeParty", "{\"id\":\"-x\",\"reason\":\"r\"}", "id P-FIELD;"},
    {"DecideRegistration",
     "{\"number\":\"n\",\"committeeDate\":\"2025-02-30\",\"decisionReference\":\"d\"}",
     "committeeDate R46;"},
    {"ServiceIdentity",
     "{\"domains\":[\"example.jp\",\"UPPER.jp\"],\"addressRanges\":[\"192.0.2.1/24\"]}",
     "domains[1] P-FIELD;addressRanges[0] P-FIELD;"},
    {"PartyKeys", "{\"curve\":[\"" Z85 "\",\"short\"]}", "curve[1] P-FIELD;"},
    {"Envelope", ENVELOPE("id-00001", "1750000000000"), ""},
    {"Envelope", ENVELOPE("id/00001", "1750000000000"), "id P-ID;"},
    {"Envelope", ENVELOPE("id-1", "1750000000000"), "id P-ID;"},
    {"Envelope", ENVELOPE("id-00001", "5"), "sentAtMs P-TIME;"},
    /* an optional field counts only when it is set */
    {"DocumentRef", "{\"reference\":\"r\",\"sha256\":\"" B32 "\"}", ""},
    {"DocumentRef", "{\"reference\":\"r\",\"sha256\":\"" B32 "\",\"issuedOn\":\"x\"}",
     "issuedOn R40;"},
    /* bounds: numbers, bytes, lists */
    {"ServiceDescription",
     "{\"name\":\"n\",\"model\":1,\"functionUsed\":\"f\",\"confidentialityClass\":4}",
     "confidentialityClass R11;"},
    {"ServiceDescription",
     "{\"name\":\"n\",\"model\":2,\"functionUsed\":\"f\",\"confidentialityClass\":3}", ""},
    {"SigningKey", "{\"keyId\":\"k\",\"publicKey\":\"AAAA\"}", "publicKey P-FIELD;"},
    {"PartyKeys", "{\"curve\":[\"" Z85 "\",\"" Z85 "\",\"" Z85 "\"]}", "curve P-FIELD;"},
    {"SubmitPreApplication",
     "{\"service\":{\"name\":\"n\",\"model\":1,\"functionUsed\":\"f\",\"confidentialityClass\":2},"
     "\"business\":{\"description\":\"d\"},\"gbizId\":\"g\",\"askedMinistries\":[\"\",\"mof\"]}",
     "askedMinistries[0] R12;"},
    {"FetchEvents", "{\"max\":257,\"waitMs\":30001}", "max P-FETCH;waitMs P-FETCH;"},
    {"FetchEvents", "{\"max\":256,\"waitMs\":30000}", ""},
    {"PushAlerts",
     "{\"epoch\":\"18446744073709551615\",\"lane\":1,\"firstSeq\":\"9223372036854775808\","
     "\"alerts\":["
     "{\"alertId\":\"a\",\"observedAtMs\":\"1750000000000\"}]}",
     ""},
    /* enums */
    {"QuestionAnswer", "{\"question\":\"q\",\"answer\":999}", "answer P-ENUM;"},
    {"QuestionAnswer", "{\"question\":\"q\",\"answer\":-1}", "answer P-ENUM;"},
    {"CiaEffect", "{}", ""},
    {"CiaEffect", "{\"integrity\":5}", "integrity P-ENUM;"},
    {"EligibilityRules", "{\"serviceModels\":[1,77]}", "serviceModels[1] P-ENUM;"},
};

static ProtobufCMessage *message_of(struct arena *a, const char *type, const char *json)
{
    char full[128];
    struct err_text why = {{0}};
    ProtobufCMessage *m = NULL;
    (void)snprintf(full, sizeof full, "ismap.liu.v1.%s", type);
    if (wire_from_json_text(a, wire_type(full), json, strlen(json), &m, &why) != ERR_OK)
        fail_msg("%s: %s", json, why.text);
    return m;
}

static void describe(const struct faults *f, char *out, size_t cap)
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < f->n; i++) {
        int n = snprintf(out + used, cap - used, "%s %s;", f->items[i].field, f->items[i].rule);
        assert_true(n > 0 && (size_t)n < cap - used);
        used += (size_t)n;
    }
}

static void golden_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a;
        struct faults f = {0};
        char found[2048];
        arena_init(&a, 256 * 1024);
        wire_validate(&a, message_of(&a, cases[i].type, cases[i].json), &f);
        describe(&f, found, sizeof found);
        if (strcmp(found, cases[i].faults) != 0)
            fail_msg("%s %s:\n found    %s\n expected %s", cases[i].type, cases[i].json, found,
                     cases[i].faults);
        arena_fini(&a);
    }
}

static void all_faults_of_a_sheet_come_at_once(void **state)
{
    (void)state;
    struct arena a;
    struct faults f = {0};
    char found[2048];
    arena_init(&a, 256 * 1024);
    wire_validate(&a,
                  message_of(&a, "SubmitAssessment",
                             "{\"assessment\":{\"business\":{\"answers\":[{\"answer\":1}]},"
                             "\"assessedOn\":\"yesterday\","
                             "\"items\":[{\"confidentialityClass\":9,\"integrityClass\":3}]}}"),
                  &f);
    describe(&f, found, sizeof found);
    assert_string_equal(
        found, "caseId P-FIELD;"
               "assessment.ministry R14;assessment.bureau R14;assessment.provider R14;"
               "assessment.serviceName R14;assessment.business.description R14;"
               "assessment.business.answers[0].question R20;"
               "assessment.items[0].description R14;"
               "assessment.items[0].confidentialityClass R14;"
               "assessment.items[0].integrityClass R14;"
               "assessment.items[0].availabilityClass R14;"
               "assessment.items[0].confidentiality R14;"
               "assessment.items[0].integrity R14;"
               "assessment.items[0].availability R14;"
               "assessment.items[0].damageCategories R14;"
               "assessment.items[0].reason R14;"
               "assessment.assessor R14;assessment.approver R14;assessment.assessedOn R14;");
    assert_false(f.more);
    arena_fini(&a);
}

static void a_fault_of_bounds_tells_the_bounds_in_both_languages(void **state)
{
    (void)state;
    struct arena a;
    struct faults f = {0};
    arena_init(&a, 64 * 1024);
    wire_validate(&a, message_of(&a, "SigningKey", "{\"keyId\":\"k\",\"publicKey\":\"AAAA\"}"), &f);
    assert_int_equal(f.n, 1);
    assert_non_null(strstr(f.items[0].ja, "公開鍵"));
    assert_non_null(strstr(f.items[0].ja, "（32〜32バイト）"));
    assert_non_null(strstr(f.items[0].en, "(32 to 32 bytes)"));
    arena_fini(&a);
}

static void faults_of(struct arena *a, const ProtobufCMessage *m, const char *expected)
{
    struct faults f = {0};
    char found[8192];
    wire_validate(a, m, &f);
    describe(&f, found, sizeof found);
    assert_string_equal(found, expected);
}

static void a_string_without_a_row_has_at_most_4096_bytes(void **state)
{
    (void)state;
    struct arena a;
    char text[4098];
    arena_init(&a, 64 * 1024);
    Ismap__Liu__V1__IncidentStep m;
    ismap__liu__v1__incident_step__init(&m);
    memset(text, 'a', sizeof text);
    m.by = text;
    text[4096] = '\0';
    faults_of(&a, &m.base, "");
    text[4096] = 'a';
    text[4097] = '\0';
    faults_of(&a, &m.base, "by P-LENGTH;");
    arena_fini(&a);
}

static void a_list_without_a_row_has_at_most_256_items(void **state)
{
    (void)state;
    struct arena a;
    char name[] = "mof";
    char *names[257];
    arena_init(&a, 64 * 1024);
    for (size_t i = 0; i < 257; i++)
        names[i] = name;
    Ismap__Liu__V1__ServiceUsers m;
    ismap__liu__v1__service_users__init(&m);
    m.ministries = names;
    m.n_ministries = 256;
    faults_of(&a, &m.base, "");
    m.n_ministries = 257;
    faults_of(&a, &m.base, "ministries P-ITEMS;");
    arena_fini(&a);
}

static void list_items_have_a_length_of_their_own(void **state)
{
    (void)state;
    struct arena a;
    char *items[1];
    arena_init(&a, 64 * 1024);
    Ismap__Liu__V1__ServiceIdentity m;
    ismap__liu__v1__service_identity__init(&m);
    char longer[258];
    memset(longer, 'a', sizeof longer - 1);
    longer[257] = '\0';
    items[0] = longer;
    m.aliases = items;
    m.n_aliases = 1;
    faults_of(&a, &m.base, "aliases[0] P-FIELD;");
    longer[256] = '\0';
    faults_of(&a, &m.base, "");
    arena_fini(&a);
}

static void bad_utf8_is_found_without_a_scan(void **state)
{
    (void)state;
    struct arena a;
    char text[] = "\xe6\xa5";
    arena_init(&a, 64 * 1024);
    Ismap__Liu__V1__GetCase m;
    ismap__liu__v1__get_case__init(&m);
    m.case_id = text;
    faults_of(&a, &m.base, "caseId P-UTF8;");
    arena_fini(&a);
}

static void unknown_fields_are_found_without_a_scan(void **state)
{
    (void)state;
    static const uint8_t top[] = {0x0a, 0x01, 'c', 0x78, 0x01};
    static const uint8_t nested[] = {0x0a, 0x01, 'c', 0x12, 0x02, 0x78, 0x01};
    struct arena a;
    ProtobufCMessage *m = NULL;
    arena_init(&a, 64 * 1024);
    assert_int_equal(wire_unpack(&a, &ismap__liu__v1__get_case__descriptor, top, sizeof top, &m),
                     ERR_OK);
    faults_of(&a, m, " P-UNKNOWN-FIELD;");
    struct faults f = {0};
    assert_int_equal(
        wire_unpack(&a, &ismap__liu__v1__submit_assessment__descriptor, nested, sizeof nested, &m),
        ERR_OK);
    wire_validate(&a, m, &f);
    assert_string_equal(f.items[0].field, "assessment");
    assert_string_equal(f.items[0].rule, "P-UNKNOWN-FIELD");
    arena_fini(&a);
}

static void scan_and_validation_tell_a_fault_once(void **state)
{
    (void)state;
    static const uint8_t data[] = {0x0a, 0x02, 0xe6, 0xa5, 0x78, 0x01};
    struct arena a;
    struct faults f = {0};
    ProtobufCMessage *m = NULL;
    arena_init(&a, 64 * 1024);
    const ProtobufCMessageDescriptor *d = &ismap__liu__v1__get_case__descriptor;
    assert_int_equal(wire_scan(d, data, sizeof data, &a, &f), ERR_OK);
    assert_int_equal(wire_unpack(&a, d, data, sizeof data, &m), ERR_OK);
    wire_validate(&a, m, &f);
    assert_int_equal(f.n, 2);
    arena_fini(&a);
}

static void no_more_than_the_limit_is_told(void **state)
{
    (void)state;
    struct arena a;
    struct faults f = {0};
    Ismap__Liu__V1__Alert none;
    ismap__liu__v1__alert__init(&none);
    Ismap__Liu__V1__Alert *alerts[200];
    arena_init(&a, 256 * 1024);
    for (size_t i = 0; i < 200; i++)
        alerts[i] = &none;
    Ismap__Liu__V1__PushAlerts m;
    ismap__liu__v1__push_alerts__init(&m);
    m.alerts = alerts;
    m.n_alerts = 200;
    wire_validate(&a, &m.base, &f);
    assert_int_equal(f.n, LIMIT_VIOLATIONS);
    assert_true(f.more);
    arena_fini(&a);
}

static void the_same_fault_counts_once_and_texts_are_copied(void **state)
{
    (void)state;
    struct arena a;
    struct faults f = {0};
    char field[] = "a.b";
    arena_init(&a, 4096);
    faults_add(&f, &a, field, "R1", "ja", "en");
    field[0] = 'x';
    faults_add(&f, &a, "a.b", "R1", "ja", "en");
    faults_add(&f, &a, "a.b", "R2", "ja", "en");
    assert_int_equal(f.n, 2);
    assert_string_equal(f.items[0].field, "a.b");
    faults_add(&f, &a, "a.b", "R3", NULL, "a text that could not be made has no place");
    assert_int_equal(f.n, 2);
    assert_true(f.more);
    arena_fini(&a);
    f = (struct faults){0};
    faults_add(&f, &a, NULL, "R1", "ja", "en");
    assert_int_equal(f.n, 1); /* never none */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_cases),
        cmocka_unit_test(all_faults_of_a_sheet_come_at_once),
        cmocka_unit_test(a_fault_of_bounds_tells_the_bounds_in_both_languages),
        cmocka_unit_test(a_string_without_a_row_has_at_most_4096_bytes),
        cmocka_unit_test(a_list_without_a_row_has_at_most_256_items),
        cmocka_unit_test(list_items_have_a_length_of_their_own),
        cmocka_unit_test(bad_utf8_is_found_without_a_scan),
        cmocka_unit_test(unknown_fields_are_found_without_a_scan),
        cmocka_unit_test(scan_and_validation_tell_a_fault_once),
        cmocka_unit_test(no_more_than_the_limit_is_told),
        cmocka_unit_test(the_same_fault_counts_once_and_texts_are_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
