/* Unpacking under a budget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "ismap/liu/v1/alert.pb-c.h"
#include "ismap/liu/v1/case.pb-c.h"
#include "wire/unpack.h"

#define MIB (1024u * 1024u)

static void a_packed_message_comes_back(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 64 * 1024);
    Ismap__Liu__V1__CaseOpened m;
    ismap__liu__v1__case_opened__init(&m);
    char id[] = "case-1";
    m.case_id = id;
    m.state = ISMAP__LIU__V1__CASE_STATE__CASE_STATE_ACCEPTED;
    const uint8_t *data;
    size_t bytes;
    assert_int_equal(wire_pack(&a, &m.base, &data, &bytes), ERR_OK);
    ProtobufCMessage *out = NULL;
    assert_int_equal(wire_unpack(&a, m.base.descriptor, data, bytes, &out), ERR_OK);
    const Ismap__Liu__V1__CaseOpened *back = (const void *)out;
    assert_string_equal(back->case_id, "case-1");
    assert_int_equal(back->state, m.state);
    arena_fini(&a);
}

static void no_bytes_are_a_message_of_defaults(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 4096);
    ProtobufCMessage *out = NULL;
    assert_int_equal(wire_unpack(&a, wire_type("ismap.liu.v1.SubmitAssessment"), NULL, 0, &out),
                     ERR_OK);
    assert_null(((const Ismap__Liu__V1__SubmitAssessment *)(const void *)out)->assessment);
    arena_fini(&a);
}

static void malformed_bytes_are_a_protocol_error(void **state)
{
    (void)state;
    static const struct {
        uint8_t data[8];
        size_t bytes;
    } bad[] = {
        {{0x0a}, 1},            /* length missing */
        {{0x0a, 0x05, 'a'}, 3}, /* cut short */
        {{0x08, 0x01}, 2},      /* number where text belongs */
        {{0x0b, 0x0c}, 2},      /* groups */
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 7},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct arena a;
        arena_init(&a, 64 * 1024);
        ProtobufCMessage *out = NULL;
        assert_int_equal(
            wire_unpack(&a, &ismap__liu__v1__get_case__descriptor, bad[i].data, bad[i].bytes, &out),
            ERR_PROTO);
        assert_null(out);
        arena_fini(&a);
    }
}

/* 2 bytes on the wire become a message of 100 bytes and more. */
static void amplification_ends_at_the_budget(void **state)
{
    (void)state;
    uint8_t *data = malloc(MIB);
    assert_non_null(data);
    for (size_t i = 0; i < MIB; i += 2) {
        data[i] = 4 << 3 | 2; /* PushAlerts.alerts */
        data[i + 1] = 0;
    }
    struct arena a;
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    ProtobufCMessage *out = NULL;
    assert_int_equal(wire_unpack(&a, &ismap__liu__v1__push_alerts__descriptor, data, MIB, &out),
                     ERR_NOMEM);
    assert_null(out);
    assert_true(a.spent);
    assert_true(a.used_bytes <= LIMIT_WORK_ARENA_BYTES);
    arena_fini(&a);
    free(data);
}

/* Each budget from nothing upwards either fits or is refused; a sanitizer sees the rest. */
static void every_place_of_running_out_is_clean(void **state)
{
    (void)state;
    static const uint8_t data[] = {0x0a, 0x06, 0x0a, 0x04, 'n',  'a',  'm',  'e',  0x12,
                                   0x07, 0x0a, 0x01, 'd',  0x1a, 0x02, 0x0a, 0x00, 0x22,
                                   0x03, 'm',  'o',  'f',  0x7a, 0x01, 'u'};
    size_t refused = 0;
    for (size_t budget = 0; budget < 2048; budget += 16) {
        struct arena a;
        arena_init(&a, budget);
        ProtobufCMessage *out = NULL;
        enum err e = wire_unpack(&a, &ismap__liu__v1__submit_pre_application__descriptor, data,
                                 sizeof data, &out);
        assert_true(e == ERR_OK || (e == ERR_NOMEM && out == NULL));
        refused += e == ERR_NOMEM;
        arena_fini(&a);
    }
    assert_true(refused > 10 && refused < 127);
}

static void packing_beyond_the_budget_is_refused(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 16);
    Ismap__Liu__V1__GetCase m;
    ismap__liu__v1__get_case__init(&m);
    char id[] = "a case id of more than sixteen bytes";
    m.case_id = id;
    const uint8_t *data;
    size_t bytes;
    assert_int_equal(wire_pack(&a, &m.base, &data, &bytes), ERR_NOMEM);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packed_message_comes_back),
        cmocka_unit_test(no_bytes_are_a_message_of_defaults),
        cmocka_unit_test(malformed_bytes_are_a_protocol_error),
        cmocka_unit_test(amplification_ends_at_the_budget),
        cmocka_unit_test(every_place_of_running_out_is_clean),
        cmocka_unit_test(packing_beyond_the_budget_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
