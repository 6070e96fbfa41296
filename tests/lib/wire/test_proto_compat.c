/* Fields that were released keep number, type and name for ever: old journals must decode and old
 * clients be understood. proto/released.txt holds what was released; after a release it is written
 * anew with
 *
 *     test_wire_proto_compat --print > proto/released.txt
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "wire/unpack.h"

#define RELEASED LIU_SOURCE_DIR "/proto/released.txt"
#define LINE_BYTES 256
#define LINES_MAX 4096

struct lines {
    char (*text)[LINE_BYTES];
    size_t n;
};

static const char *type_name(const ProtobufCFieldDescriptor *f)
{
    static const char *const scalar[] = {
        [PROTOBUF_C_TYPE_INT32] = "int32",       [PROTOBUF_C_TYPE_SINT32] = "sint32",
        [PROTOBUF_C_TYPE_SFIXED32] = "sfixed32", [PROTOBUF_C_TYPE_INT64] = "int64",
        [PROTOBUF_C_TYPE_SINT64] = "sint64",     [PROTOBUF_C_TYPE_SFIXED64] = "sfixed64",
        [PROTOBUF_C_TYPE_UINT32] = "uint32",     [PROTOBUF_C_TYPE_FIXED32] = "fixed32",
        [PROTOBUF_C_TYPE_UINT64] = "uint64",     [PROTOBUF_C_TYPE_FIXED64] = "fixed64",
        [PROTOBUF_C_TYPE_FLOAT] = "float",       [PROTOBUF_C_TYPE_DOUBLE] = "double",
        [PROTOBUF_C_TYPE_BOOL] = "bool",         [PROTOBUF_C_TYPE_STRING] = "string",
        [PROTOBUF_C_TYPE_BYTES] = "bytes",
    };
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        return ((const ProtobufCMessageDescriptor *)f->descriptor)->name;
    if (f->type == PROTOBUF_C_TYPE_ENUM)
        return ((const ProtobufCEnumDescriptor *)f->descriptor)->name;
    return scalar[f->type];
}

static void add(struct lines *l, const char *text)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->text[i], text) == 0)
            return;
    if (l->n == LINES_MAX || strlen(text) >= LINE_BYTES)
        abort(); /* raise the limit of this test */
    memcpy(l->text[l->n++], text, strlen(text) + 1);
}

static void add_enum(struct lines *l, const ProtobufCEnumDescriptor *e)
{
    char text[LINE_BYTES];
    for (unsigned v = 0; v < e->n_value_names; v++) {
        const ProtobufCEnumValueIndex *name = &e->values_by_name[v];
        (void)snprintf(text, sizeof text, "%s.%s = %d value", e->name, name->name,
                       e->values[name->index].value);
        add(l, text);
    }
}

static void add_message(struct lines *l, const ProtobufCMessageDescriptor *d)
{
    char text[LINE_BYTES];
    for (unsigned i = 0; i < d->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &d->fields[i];
        (void)snprintf(text, sizeof text, "%s.%s = %u %s %s", d->name, f->name, f->id, type_name(f),
                       f->label == PROTOBUF_C_LABEL_REPEATED ? "repeated" : "single");
        add(l, text);
        if (f->type == PROTOBUF_C_TYPE_ENUM)
            add_enum(l, f->descriptor);
    }
}

static struct lines lines_now(void)
{
    struct lines l = {calloc(LINES_MAX, LINE_BYTES), 0};
    if (l.text == NULL)
        abort();
    for (size_t i = 0; i < wire_type_count(); i++)
        add_message(&l, wire_type_at(i));
    return l;
}

static struct lines lines_released(void)
{
    struct lines l = {calloc(LINES_MAX, LINE_BYTES), 0};
    FILE *f = fopen(RELEASED, "r");
    char text[LINE_BYTES];
    if (l.text == NULL || f == NULL)
        abort();
    while (fgets(text, sizeof text, f) != NULL) {
        text[strcspn(text, "\n")] = '\0';
        if (text[0] != '\0' && text[0] != '#')
            add(&l, text);
    }
    (void)fclose(f);
    return l;
}

/* Lines of `old` that `now` has lost; the first one in `first`. */
static size_t broken(const struct lines *old, const struct lines *now, const char **first)
{
    size_t n = 0;
    for (size_t i = 0; i < old->n; i++) {
        size_t j = 0;
        while (j < now->n && strcmp(old->text[i], now->text[j]) != 0)
            j++;
        if (j == now->n && n++ == 0)
            *first = old->text[i];
    }
    return n;
}

static void released_fields_are_unchanged(void **state)
{
    (void)state;
    struct lines old = lines_released();
    struct lines now = lines_now();
    const char *first = "";
    assert_true(old.n > 400);
    size_t n = broken(&old, &now, &first);
    if (n > 0)
        fail_msg("%zu released definitions were removed or changed, the first: %s", n, first);
    free(old.text);
    free(now.text);
}

static void a_changed_number_would_be_seen(void **state)
{
    (void)state;
    struct lines now = lines_now();
    struct lines old = {calloc(LINES_MAX, LINE_BYTES), 0};
    const char *first = "";
    assert_non_null(old.text);
    add(&old, "ismap.liu.v1.Case.id = 1 string single");
    assert_int_equal(broken(&old, &now, &first), 0);
    add(&old, "ismap.liu.v1.Case.id = 2 string single");
    add(&old, "ismap.liu.v1.CaseState.CASE_STATE_GONE = 9 value");
    assert_int_equal(broken(&old, &now, &first), 2);
    assert_string_equal(first, "ismap.liu.v1.Case.id = 2 string single");
    free(old.text);
    free(now.text);
}

static void no_number_is_used_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < wire_type_count(); i++) {
        const ProtobufCMessageDescriptor *d = wire_type_at(i);
        for (unsigned f = 1; f < d->n_fields; f++)
            assert_true(d->fields[f - 1].id < d->fields[f].id);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(released_fields_are_unchanged),
        cmocka_unit_test(a_changed_number_would_be_seen),
        cmocka_unit_test(no_number_is_used_twice),
    };
    if (argc == 2 && strcmp(argv[1], "--print") == 0) {
        struct lines now = lines_now();
        for (size_t i = 0; i < now.n; i++)
            (void)puts(now.text[i]);
        free(now.text);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
