/* The table of message types, and the properties of our .proto files that lib/wire rests on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/limits.h"
#include "wire/path.h"
#include "wire/unpack.h"

#define PROTO_DIR LIU_SOURCE_DIR "/proto/ismap/liu/v1"

/* Messages declared in one .proto file, all of which must be in the table. */
static size_t messages_in(const char *name)
{
    char path[512];
    char line[512];
    char word[128];
    size_t n = 0;
    (void)snprintf(path, sizeof path, "%s/%s", PROTO_DIR, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f) != NULL) {
        if (sscanf(line, "message %100[A-Za-z0-9]", word) != 1)
            continue;
        char full[160];
        (void)snprintf(full, sizeof full, "ismap.liu.v1.%s", word);
        if (wire_type(full) == NULL)
            fail_msg("%s is not in lib/wire/types.c", full);
        n++;
    }
    (void)fclose(f);
    return n;
}

static void every_message_of_the_proto_files_is_in_the_table(void **state)
{
    (void)state;
    size_t n = 0;
    DIR *d = opendir(PROTO_DIR);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (strstr(e->d_name, ".proto") != NULL)
            n += messages_in(e->d_name);
    (void)closedir(d);
    assert_int_equal(n, wire_type_count());
}

static void every_reachable_message_is_in_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < wire_type_count(); i++) {
        const ProtobufCMessageDescriptor *d = wire_type_at(i);
        for (unsigned f = 0; f < d->n_fields; f++) {
            if (d->fields[f].type != PROTOBUF_C_TYPE_MESSAGE)
                continue;
            const ProtobufCMessageDescriptor *sub = d->fields[f].descriptor;
            assert_ptr_equal(wire_type(sub->name), sub);
        }
    }
}

static void the_table_is_sorted_and_searchable(void **state)
{
    (void)state;
    for (size_t i = 0; i < wire_type_count(); i++) {
        const ProtobufCMessageDescriptor *d = wire_type_at(i);
        if (i > 0 && strcmp(wire_type_at(i - 1)->name, d->name) >= 0)
            fail_msg("%s is out of order", d->name);
        assert_ptr_equal(wire_type(d->name), d);
    }
    assert_null(wire_type(""));
    assert_null(wire_type("ismap.liu.v1.Nothing"));
    assert_null(wire_type("Case"));
}

/* Longest chain of messages from d down; the walk ends at `left` so that a cycle shows as too deep.
 */
static size_t depth_of(const ProtobufCMessageDescriptor *d, size_t left)
{
    size_t deepest = 0;
    for (unsigned f = 0; left > 0 && f < d->n_fields; f++) {
        if (d->fields[f].type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        size_t below = depth_of(d->fields[f].descriptor, left - 1);
        deepest = below > deepest ? below : deepest;
    }
    return 1 + deepest;
}

static void no_message_is_recursive(void **state)
{
    (void)state;
    for (size_t i = 0; i < wire_type_count(); i++)
        if (depth_of(wire_type_at(i), 2 * LIMIT_NESTING) > LIMIT_NESTING)
            fail_msg("%s is recursive or too deep", wire_type_at(i)->name);
}

static void a_cycle_would_show_as_too_deep(void **state)
{
    (void)state;
    ProtobufCMessageDescriptor cycle = {.n_fields = 1};
    ProtobufCFieldDescriptor field = {.type = PROTOBUF_C_TYPE_MESSAGE, .descriptor = &cycle};
    cycle.fields = &field;
    assert_true(depth_of(&cycle, 2 * LIMIT_NESTING) > LIMIT_NESTING);
}

static void only_supported_kinds_of_fields_are_used(void **state)
{
    (void)state;
    for (size_t i = 0; i < wire_type_count(); i++) {
        const ProtobufCMessageDescriptor *d = wire_type_at(i);
        assert_true(d->n_fields < 64); /* bit sets of fields */
        for (unsigned n = 0; n < d->n_fields; n++) {
            const ProtobufCFieldDescriptor *f = &d->fields[n];
            if (f->type == PROTOBUF_C_TYPE_FLOAT || f->type == PROTOBUF_C_TYPE_DOUBLE ||
                (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 ||
                (f->label != PROTOBUF_C_LABEL_NONE && f->label != PROTOBUF_C_LABEL_REPEATED) ||
                strlen(f->name) >= WIRE_NAME_BYTES)
                fail_msg("%s.%s is of a kind that lib/wire does not know", d->name, f->name);
        }
    }
}

static void enums_start_with_unspecified(void **state)
{
    (void)state;
    for (size_t i = 0; i < wire_type_count(); i++) {
        const ProtobufCMessageDescriptor *d = wire_type_at(i);
        for (unsigned n = 0; n < d->n_fields; n++) {
            if (d->fields[n].type != PROTOBUF_C_TYPE_ENUM)
                continue;
            const ProtobufCEnumDescriptor *e = d->fields[n].descriptor;
            const ProtobufCEnumValue *zero = protobuf_c_enum_descriptor_get_value(e, 0);
            assert_non_null(zero);
            if (strcmp(e->short_name, "Status") != 0 && strstr(zero->name, "_UNSPECIFIED") == NULL)
                fail_msg("%s begins with %s", e->name, zero->name);
        }
    }
}

static void json_names_are_lower_camel_case(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"id", "id"},
        {"sent_at_ms", "sentAtMs"},
        {"why_ja", "whyJa"},
        {"acts_alone_up_to", "actsAloneUpTo"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char out[WIRE_NAME_BYTES];
        wire_json_name(names[i][0], out);
        assert_string_equal(out, names[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_of_the_proto_files_is_in_the_table),
        cmocka_unit_test(every_reachable_message_is_in_the_table),
        cmocka_unit_test(the_table_is_sorted_and_searchable),
        cmocka_unit_test(no_message_is_recursive),
        cmocka_unit_test(a_cycle_would_show_as_too_deep),
        cmocka_unit_test(only_supported_kinds_of_fields_are_used),
        cmocka_unit_test(enums_start_with_unspecified),
        cmocka_unit_test(json_names_are_lower_camel_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
