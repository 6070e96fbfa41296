/* The JSON mapping: spellings that are read, faults with their place, what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "wire/json.h"
#include "wire/unpack.h"

static const ProtobufCMessageDescriptor *type_of(const char *name)
{
    char full[128];
    (void)snprintf(full, sizeof full, "ismap.liu.v1.%s", name);
    const ProtobufCMessageDescriptor *d = wire_type(full);
    assert_non_null(d);
    return d;
}

/* read, and what is written again */
static const struct {
    const char *type;
    const char *in;
    const char *out;
} read[] = {
    {"Envelope", "{}", "{}"},
    {"Envelope", "{\"sentAtMs\":\"1750000000000\"}", "{\"sentAtMs\": \"1750000000000\"}"},
    {"Envelope", "{\"sentAtMs\":1750000000000}", "{\"sentAtMs\": \"1750000000000\"}"},
    {"Envelope", "{\"sent_at_ms\":-5}", "{\"sentAtMs\": \"-5\"}"},
    {"Envelope", "{\"sentAtMs\":\"-9223372036854775808\"}",
     "{\"sentAtMs\": \"-9223372036854775808\"}"},
    {"Envelope", "{\"sentAtMs\":\"9223372036854775807\"}",
     "{\"sentAtMs\": \"9223372036854775807\"}"},
    {"Envelope", "{\"sentAtMs\":\"-0\",\"deadlineMs\":null}", "{}"},
    {"PushAlerts", "{\"epoch\":\"18446744073709551615\"}", "{\"epoch\": \"18446744073709551615\"}"},
    {"Envelope", "{\"version\":\"4294967295\"}", "{\"version\": 4294967295}"},
    {"Envelope", "{\"payload\":\"_-8\"}", "{\"payload\": \"/+8=\"}"},
    {"Envelope", "{\"version\":0,\"id\":\"\",\"payload\":\"\"}", "{}"},
    {"PushAlerts", "{\"lane\":\"LANE_BULK\"}", "{\"lane\": \"LANE_BULK\"}"},
    {"PushAlerts", "{\"lane\":1}", "{\"lane\": \"LANE_URGENT\"}"},
    {"PushAlerts", "{\"lane\":99}", "{\"lane\": 99}"},
    {"AddParty", "{\"party\":{},\"replace\":true}", "{\"party\": {}, \"replace\": true}"},
    {"AddParty", "{\"party\":null,\"replace\":false}", "{}"},
    {"PartyKeys", "{\"curve\":[],\"signing\":[{},{\"keyId\":\"k\"}]}",
     "{\"signing\": [{}, {\"keyId\": \"k\"}]}"},
    {"GetCase", "{\"caseId\":\"業務\\u0041\"}", "{\"caseId\": \"業務A\"}"},
};

static void spellings_are_read_and_written_in_one_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof read / sizeof read[0]; i++) {
        struct arena a;
        struct err_text why = {{0}};
        ProtobufCMessage *m = NULL;
        arena_init(&a, 64 * 1024);
        if (wire_from_json_text(&a, type_of(read[i].type), read[i].in, strlen(read[i].in), &m,
                                &why) != ERR_OK)
            fail_msg("%s: %s", read[i].in, why.text);
        json_t *json = wire_to_json(m);
        assert_non_null(json);
        char *text = json_dumps(json, 0);
        assert_string_equal(text, read[i].out);
        free(text);
        json_decref(json);
        arena_fini(&a);
    }
}

static const struct {
    const char *type;
    const char *in;
    const char *why; /* begins with */
} refused[] = {
    {"SubmitAssessment", "{\"assessment\":{\"items\":[{},{\"reason\":5}]}}",
     "assessment.items[1].reason: expected a string"},
    {"SubmitAssessment", "{\"assessment\":{\"items\":[{},7]}}",
     "assessment.items[1]: expected an object"},
    {"SubmitAssessment", "{\"assessment\":{\"items\":{}}}", "assessment.items: expected a list"},
    {"SubmitAssessment", "{\"assessment\":[]}", "assessment: expected an object"},
    {"SubmitAssessment", "{\"assessment\":{\"wrong\":1}}",
     "assessment: there is no field \"wrong\" here"},
    {"GetCase", "[]", "expected an object"},
    {"GetCase", "{\"caseid\":\"x\"}", "there is no field \"caseid\" here"},
    {"GetCase", "{\"caseId\":\"a\",\"case_id\":\"b\"}", "caseId: the field is there twice"},
    {"GetCase", "{\"caseId\":\"a\",\"caseId\":\"b\"}", "line 1 column 22: duplicate object key"},
    {"GetCase", "{\"caseId\":\"a\\u0000b\"}", "line 1 column 20: text must not contain NUL"},
    {"GetCase", "{\n  \"caseId\": }", "line 2 column 13: unexpected token near '}'"},
    {"GetCase", "", "line 1 column 0: '[' or '{' expected near end of file"},
    {"GetCase", "{} {}", "line 1 column 4: end of file expected near '{'"},
    {"Envelope", "{\"sentAtMs\":1.5}", "sentAtMs: expected an integer"},
    {"Envelope", "{\"sentAtMs\":\"1e3\"}", "sentAtMs: expected an integer"},
    {"Envelope", "{\"sentAtMs\":\"\"}", "sentAtMs: expected an integer"},
    {"Envelope", "{\"sentAtMs\":\"+1\"}", "sentAtMs: expected an integer"},
    {"Envelope", "{\"sentAtMs\":true}", "sentAtMs: expected an integer"},
    {"Envelope", "{\"sentAtMs\":\"9223372036854775808\"}", "sentAtMs: the integer is out of range"},
    {"Envelope", "{\"sentAtMs\":\"-9223372036854775809\"}",
     "sentAtMs: the integer is out of range"},
    {"Envelope", "{\"version\":4294967296}", "version: the integer is out of range"},
    {"Envelope", "{\"version\":-1}", "version: the integer is out of range"},
    {"PushAlerts", "{\"epoch\":\"18446744073709551616\"}", "epoch: expected an integer"},
    {"PushAlerts", "{\"lane\":\"lane_bulk\"}", "lane: no value has this name"},
    {"PushAlerts", "{\"lane\":2147483648}", "lane: the integer is out of range"},
    {"PushAlerts", "{\"lane\":[]}", "lane: expected the name of a value"},
    {"AddParty", "{\"replace\":1}", "replace: expected true or false"},
    {"Envelope", "{\"payload\":\"A\"}", "payload: expected bytes in base64"},
    {"Envelope", "{\"payload\":\"AA=\"}", "payload: expected bytes in base64"},
    {"Envelope", "{\"payload\":\"A A=\"}", "payload: expected bytes in base64"},
    {"Envelope", "{\"payload\":3}", "payload: expected bytes in base64"},
    {"PartyKeys", "{\"curve\":[\"a\",null]}", "curve[1]: expected a string"},
    {"GetCase", "[[[[[[[[[[[[[", "line 1 column 13: nested deeper than 12"},
    {"GetCase", "{\"[[[[[[[[[[[[[\":1}", "there is no field \"[[[[[[[[[[[[[\" here"},
    {"GetCase", "{\"x\\\"[[[[[[[[[[[[[\":1}", "there is no field \"x\"[[[[[[[[[[[[[\" here"},
};

static void faults_are_told_with_their_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct arena a;
        struct err_text why = {{0}};
        ProtobufCMessage *m = NULL;
        arena_init(&a, 64 * 1024);
        enum err e = wire_from_json_text(&a, type_of(refused[i].type), refused[i].in,
                                         strlen(refused[i].in), &m, &why);
        if (e != ERR_INVAL || strncmp(why.text, refused[i].why, strlen(refused[i].why)) != 0)
            fail_msg("%s:\n found    %s %s\n expected %s", refused[i].in, err_name(e), why.text,
                     refused[i].why);
        assert_null(m);
        arena_fini(&a);
    }
}

static void a_hundred_thousand_levels_are_refused(void **state)
{
    (void)state;
    char *text = malloc(100000);
    assert_non_null(text);
    memset(text, '[', 100000);
    struct arena a;
    ProtobufCMessage *m = NULL;
    arena_init(&a, 4096);
    assert_int_equal(wire_from_json_text(&a, type_of("GetCase"), text, 100000, &m, NULL),
                     ERR_INVAL);
    arena_fini(&a);
    free(text);
}

static void a_tree_with_text_that_is_not_utf8_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t bytes;
    } bad[] = {{"\xff", 1}, {"a\0b", 3}};
    for (size_t i = 0; i < 2; i++) {
        struct arena a;
        ProtobufCMessage *m = NULL;
        arena_init(&a, 4096);
        json_t *json =
            json_pack("{s:o}", "caseId", json_stringn_nocheck(bad[i].text, bad[i].bytes));
        assert_non_null(json);
        assert_int_equal(wire_from_json(&a, type_of("GetCase"), json, &m, NULL), ERR_INVAL);
        json_decref(json);
        arena_fini(&a);
    }
}

static void the_arena_bounds_what_is_read(void **state)
{
    (void)state;
    static const char text[] = "{\"party\":{\"id\":\"mof\",\"keys\":{\"curve\":[\"a\",\"b\"],"
                               "\"signing\":[{\"publicKey\":\"AAAA\"}]}}}";
    size_t refused_times = 0;
    for (size_t budget = 0; budget < 2048; budget += 16) {
        struct arena a;
        ProtobufCMessage *m = NULL;
        arena_init(&a, budget);
        enum err e = wire_from_json_text(&a, type_of("AddParty"), text, sizeof text - 1, &m, NULL);
        assert_true((e == ERR_OK && m != NULL) || (e == ERR_NOMEM && m == NULL));
        refused_times += e == ERR_NOMEM;
        arena_fini(&a);
    }
    assert_true(refused_times > 10 && refused_times < 127);
}

static void typed(const char *type, const uint8_t *data, size_t bytes, const char *expected)
{
    json_t *json = wire_typed_to_json(type, data, bytes);
    assert_non_null(json);
    char *text = json_dumps(json, 0);
    assert_string_equal(text, expected);
    free(text);
    json_decref(json);
}

static void a_typed_payload_is_unpacked_by_its_name(void **state)
{
    (void)state;
    static const uint8_t data[] = {0x0a, 0x01, 'c'};
    typed("ismap.liu.v1.GetCase", data, 3,
          "{\"type\": \"ismap.liu.v1.GetCase\", \"payload\": {\"caseId\": \"c\"}}");
    typed("other.Type", data, 3, "{\"type\": \"other.Type\", \"payloadBytes\": \"CgFj\"}");
    typed("ismap.liu.v1.GetCase", data, 2,
          "{\"type\": \"ismap.liu.v1.GetCase\", \"payloadBytes\": \"CgE=\"}");
}

static void text_that_is_not_utf8_cannot_be_written(void **state)
{
    (void)state;
    static const uint8_t data[] = {0x12, 0x03, 0x12, 0x01, 0xff};
    struct arena a;
    ProtobufCMessage *m = NULL;
    arena_init(&a, 4096);
    assert_int_equal(wire_unpack(&a, type_of("SubmitAssessment"), data, sizeof data, &m), ERR_OK);
    assert_null(wire_to_json(m));
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spellings_are_read_and_written_in_one_way),
        cmocka_unit_test(faults_are_told_with_their_place),
        cmocka_unit_test(a_hundred_thousand_levels_are_refused),
        cmocka_unit_test(a_tree_with_text_that_is_not_utf8_is_refused),
        cmocka_unit_test(the_arena_bounds_what_is_read),
        cmocka_unit_test(a_typed_payload_is_unpacked_by_its_name),
        cmocka_unit_test(text_that_is_not_utf8_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
