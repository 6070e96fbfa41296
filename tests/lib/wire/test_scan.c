/* What only the raw bytes show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "wire/unpack.h"
#include "wire/validate.h"

/* Bytes of string literals: an embedded NUL counts. */
#define WIRE(s) s, sizeof(s) - 1

static const struct {
    const char *what;
    const char *type;
    const char *data;
    size_t bytes;
    const char *field; /* NULL: no fault */
    const char *rule;
} cases[] = {
    {"plain text", "GetCase",
     WIRE("\x0a\x03"
          "abc"),
     NULL, NULL},
    {"nothing", "GetCase", WIRE(""), NULL, NULL},
    {"NUL in text", "GetCase",
     WIRE("\x0a\x03"
          "a\0c"),
     "caseId", "P-NUL"},
    {"NUL at the end", "GetCase",
     WIRE("\x0a\x02"
          "a\0"),
     "caseId", "P-NUL"},
    {"NUL far behind", "GetCase",
     WIRE("\x0a\x12"
          "0123456789abcdef\0z"),
     "caseId", "P-NUL"},
    {"NUL in bytes is content", "Event",
     WIRE("\x2a\x03"
          "a\0c"),
     NULL, NULL},
    {"cut sequence", "GetCase",
     WIRE("\x0a\x02"
          "\xe6\xa5"),
     "caseId", "P-UTF8"},
    {"surrogate", "GetCase",
     WIRE("\x0a\x03"
          "\xed\xa0\x80"),
     "caseId", "P-UTF8"},
    {"overlong", "GetCase",
     WIRE("\x0a\x02"
          "\xc0\xaf"),
     "caseId", "P-UTF8"},
    {"bad behind good words", "GetCase",
     WIRE("\x0a\x0a"
          "01234567\xff"
          "9"),
     "caseId", "P-UTF8"},
    {"Japanese", "GetCase",
     WIRE("\x0a\x06"
          "\xe6\xa5\xad\xe5\x8b\x99"),
     NULL, NULL},
    {"in a sub-message", "SubmitAssessment",
     WIRE("\x12\x05\x12\x03"
          "a\0b"),
     "assessment.bureau", "P-NUL"},
    {"in a list of messages", "SubmitAssessment",
     WIRE("\x12\x0c\x32\x00\x0a\x01"
          "m"
          "\x32\x05\x0a\x03"
          "x\0y"),
     "assessment.items[1].description", "P-NUL"},
    {"in a list of strings", "SubmitPreApplication",
     WIRE("\x22\x01"
          "a"
          "\x22\x01"
          "\0"),
     "askedMinistries[1]", "P-NUL"},
    {"unknown number", "GetCase", WIRE("\x78\x01"), "", "P-UNKNOWN-FIELD"},
    {"unknown text", "SubmitAssessment",
     WIRE("\x12\x05\xfa\x01\x02"
          "hi"),
     "assessment", "P-UNKNOWN-FIELD"},
    {"unknown fixed 64", "GetCase",
     WIRE("\x79"
          "12345678"),
     "", "P-UNKNOWN-FIELD"},
    {"unknown fixed 32", "GetCase",
     WIRE("\x7d"
          "1234"),
     "", "P-UNKNOWN-FIELD"},
    {"text twice", "GetCase",
     WIRE("\x0a\x01"
          "a"
          "\x0a\x01"
          "b"),
     "caseId", "P-DUPLICATE-FIELD"},
    {"message twice", "SubmitAssessment", WIRE("\x12\x00\x12\x00"), "assessment",
     "P-DUPLICATE-FIELD"},
    {"list items", "SubmitPreApplication",
     WIRE("\x22\x01"
          "a"
          "\x22\x01"
          "b"),
     NULL, NULL},
};

static const ProtobufCMessageDescriptor *type_of(const char *name)
{
    char full[128];
    snprintf(full, sizeof full, "ismap.liu.v1.%s", name);
    const ProtobufCMessageDescriptor *d = wire_type(full);
    assert_non_null(d);
    return d;
}

static void faults_are_found_with_their_path(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena a;
        struct faults f = {0};
        arena_init(&a, 64 * 1024);
        assert_int_equal(wire_scan(type_of(cases[i].type), (const uint8_t *)cases[i].data,
                                   cases[i].bytes, &a, &f),
                         ERR_OK);
        if (f.n != (cases[i].field == NULL ? 0 : 1))
            fail_msg("%s: %zu faults", cases[i].what, f.n);
        if (f.n > 0) {
            assert_string_equal(f.items[0].field, cases[i].field);
            assert_string_equal(f.items[0].rule, cases[i].rule);
            assert_true(f.items[0].ja[0] != '\0' && f.items[0].en[0] != '\0');
        }
        arena_fini(&a);
    }
}

static void malformed_bytes_are_a_protocol_error(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t bytes;
    } bad[] = {
        {WIRE("\x0a")},
        {WIRE("\x0a\x05"
              "abc")},
        {WIRE("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
        {WIRE("\x08\x01")},
        {WIRE("\x0b")},
        {WIRE("\x0c")},
        {WIRE("\x02\x00")},
        {WIRE("\x00\x00")},
        {WIRE("\x79"
              "1234567")},
        {WIRE("\x7d"
              "123")},
        {WIRE("\x78\x80")},
        {WIRE("\x80")},
        {WIRE("\x78\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
        {WIRE("\x88\x80\x80\x80\x80\x01\x00")},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct arena a;
        struct faults f = {0};
        arena_init(&a, 4096);
        if (wire_scan(type_of("GetCase"), (const uint8_t *)bad[i].data, bad[i].bytes, &a, &f) !=
            ERR_PROTO)
            fail_msg("case %zu was accepted", i);
        arena_fini(&a);
    }
}

static void no_more_than_the_limit_is_told(void **state)
{
    (void)state;
    uint8_t data[3 * 100];
    for (size_t i = 0; i < sizeof data; i += 3)
        memcpy(data + i, "\x22\x01\xff", 3);
    struct arena a;
    struct faults f = {0};
    arena_init(&a, 64 * 1024);
    assert_int_equal(wire_scan(type_of("SubmitPreApplication"), data, sizeof data, &a, &f), ERR_OK);
    assert_int_equal(f.n, LIMIT_VIOLATIONS);
    assert_true(f.more);
    assert_string_equal(f.items[63].field, "askedMinistries[63]");
    arena_fini(&a);
}

static void a_fault_without_memory_is_still_a_fault(void **state)
{
    (void)state;
    for (size_t budget = 0; budget < 1024; budget += 16) {
        struct arena a;
        struct faults f = {0};
        arena_init(&a, budget);
        assert_int_equal(wire_scan(type_of("SubmitPreApplication"),
                                   (const uint8_t *)"\x22\x01\xff\x2a\x01\xff", 6, &a, &f),
                         ERR_OK);
        assert_true(f.n > 0);
        assert_non_null(f.items[0].ja);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_are_found_with_their_path),
        cmocka_unit_test(malformed_bytes_are_a_protocol_error),
        cmocka_unit_test(no_more_than_the_limit_is_told),
        cmocka_unit_test(a_fault_without_memory_is_still_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
