/* Every message type with every field set: bytes to JSON to bytes, and through scan and unpack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fill.h"
#include "wire/json.h"
#include "wire/unpack.h"
#include "wire/validate.h"

#define SEED 20220601
#define ROUNDS 20

static void same_bytes(struct arena *a, const ProtobufCMessage *x, const ProtobufCMessage *y)
{
    const uint8_t *p;
    const uint8_t *q;
    size_t n;
    size_t m;
    assert_int_equal(wire_pack(a, x, &p, &n), ERR_OK);
    assert_int_equal(wire_pack(a, y, &q, &m), ERR_OK);
    if (n != m || memcmp(p, q, n) != 0)
        fail_msg("%s: %zu bytes became %zu others", x->descriptor->name, n, m);
}

static void through_json(struct arena *a, const ProtobufCMessage *m)
{
    struct err_text why = {{0}};
    ProtobufCMessage *back = NULL;
    json_t *json = wire_to_json(m);
    assert_non_null(json);
    assert_int_equal(json_object_size(json), m->descriptor->n_fields);
    char *text = json_dumps(json, JSON_INDENT(1));
    json_decref(json);
    assert_non_null(text);
    if (wire_from_json_text(a, m->descriptor, text, strlen(text), &back, &why) != ERR_OK)
        fail_msg("%s: %s in %s", m->descriptor->name, why.text, text);
    free(text);
    same_bytes(a, m, back);
}

static void through_bytes(struct arena *a, const ProtobufCMessage *m)
{
    struct faults f = {0};
    ProtobufCMessage *back = NULL;
    const uint8_t *data;
    size_t bytes;
    assert_int_equal(wire_pack(a, m, &data, &bytes), ERR_OK);
    assert_int_equal(wire_scan(m->descriptor, data, bytes, a, &f), ERR_OK);
    if (f.n > 0)
        fail_msg("%s: %s %s", m->descriptor->name, f.items[0].field, f.items[0].rule);
    assert_int_equal(wire_unpack(a, m->descriptor, data, bytes, &back), ERR_OK);
    same_bytes(a, m, back);
    wire_validate(a, back, &f); /* full of faults; must only survive */
}

static void every_type_comes_back(void **state)
{
    (void)state;
    uint64_t seed = SEED;
    for (size_t i = 0; i < ROUNDS * wire_type_count(); i++) {
        struct arena a;
        arena_init(&a, 8 * 1024 * 1024);
        ProtobufCMessage *m = fill_message(&a, wire_type_at(i % wire_type_count()), &seed);
        assert_non_null(m);
        through_json(&a, m);
        through_bytes(&a, m);
        arena_fini(&a);
    }
}

static void the_filler_leaves_no_field_out(void **state)
{
    (void)state;
    uint64_t seed = SEED;
    struct arena a;
    arena_init(&a, 1024 * 1024);
    for (size_t i = 0; i < wire_type_count(); i++) {
        arena_reset(&a);
        const ProtobufCMessageDescriptor *d = wire_type_at(i);
        ProtobufCMessage *m = fill_message(&a, d, &seed);
        assert_non_null(m);
        json_t *json = wire_to_json(m);
        assert_int_equal(json_object_size(json), d->n_fields);
        json_decref(json);
    }
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_comes_back),
        cmocka_unit_test(the_filler_leaves_no_field_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
