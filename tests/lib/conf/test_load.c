/* Configuration files: what is taken, and the exact words for what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "conf/conf.h"

struct first {
    char *name;
    int64_t port;
    bool drill;
};

struct second {
    char *key_file;
    int64_t offset;
};

static const struct conf_row first_rows[] = {
    {"name", CONF_STRING, offsetof(struct first, name), 2, 8, NULL, "name of the service", false},
    {"port", CONF_INT, offsetof(struct first, port), 1, 65535, "9101", "port to listen on", false},
    {"drill", CONF_BOOL, offsetof(struct first, drill), 0, 0, "false", "mark everything as a drill",
     true},
};

static const struct conf_row second_rows[] = {
    {"key_file", CONF_PATH, offsetof(struct second, key_file), 0, 0, "",
     "private key; empty = none", false},
    {"offset_ms", CONF_INT, offsetof(struct second, offset), -10, 10, "-3", "offset in ms", true},
};

static struct first first;
static struct second second;
static const struct conf_table tables[] = {
    {first_rows, 3, &first},
    {second_rows, 2, &second},
};

static char path[] = "/tmp/liu-conf-XXXXXX";
static struct buf report;

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    buf_init(&report, 65536);
    return fd < 0 ? -1 : close(fd);
}

static int drop_file(void **state)
{
    (void)state;
    buf_fini(&report);
    return unlink(path);
}

static enum err load_bytes(const char *text, size_t n)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    buf_clear(&report);
    enum err e = conf_load(path, tables, 2, &report);
    assert_int_equal(buf_put(&report, "", 1), ERR_OK);
    return e;
}

static enum err load(const char *text)
{
    return load_bytes(text, strlen(text));
}

static const char *told(void)
{
    return (const char *)report.data;
}

/* The report is exactly these lines, each after the file's name. */
static void assert_told(const char *text, const char *const *lines, size_t n)
{
    char want[4096] = "";
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += (size_t)snprintf(want + len, sizeof want - len, "%s:%s\n", path, lines[i]);
    if (strcmp(told(), want) != 0)
        fail_msg("for <%s>\nwant: %s\ngot: %s", text, want, told());
}

static void values_and_defaults_reach_both_structs(void **state)
{
    (void)state;
    assert_int_equal(load("# a comment\nname: intake\ndrill: true\noffset_ms: 10\n"), ERR_OK);
    assert_string_equal(told(), "");
    assert_string_equal(first.name, "intake");
    assert_int_equal(first.port, 9101);
    assert_true(first.drill);
    assert_string_equal(second.key_file, "");
    assert_int_equal(second.offset, 10);
    conf_free(tables, 2);
    assert_null(first.name);
    conf_free(tables, 2);
}

static void text_may_be_quoted_and_japanese(void **state)
{
    (void)state;
    assert_int_equal(load("name: \"\xe9\x9b\xb2\"\nkey_file: '/run/a b: #c'\nport: 1\n"), ERR_OK);
    assert_string_equal(first.name, "\xe9\x9b\xb2");
    assert_string_equal(second.key_file, "/run/a b: #c");
    assert_int_equal(second.offset, -3);
    conf_free(tables, 2);
}

static void bounds_belong_to_the_range(void **state)
{
    (void)state;
    assert_int_equal(load("name: ab\nport: 65535\noffset_ms: -10\n"), ERR_OK);
    assert_int_equal(first.port, 65535);
    assert_int_equal(second.offset, -10);
    conf_free(tables, 2);
}

static void each_fault_has_line_field_and_reason(void **state)
{
    static const struct {
        const char *text;
        const char *told;
    } rows[] = {
        {"port: 1\n", "2: name: missing; it is required (name of the service)"},
        {"name: ab\nport: 0\n", "2: port: out of bounds, want 1 to 65535"},
        {"name: ab\nport: 65536\n", "2: port: out of bounds, want 1 to 65535"},
        {"name: ab\nport: 99999999999999999999\n", "2: port: out of bounds, want 1 to 65535"},
        {"name: ab\nport: -1\n", "2: port: out of bounds, want 1 to 65535"},
        {"name: ab\nport: 0x50\n", "2: port: not a whole number in decimal digits"},
        {"name: ab\nport: -\n",
         "2: not YAML: block sequence entries are not allowed in this context"},
        {"name: ab\nport: 1.5\n", "2: port: not a whole number in decimal digits"},
        {"name: ab\nport: \"80\"\n", "2: port: want a number without quotes"},
        {"name: ab\nport:\n", "2: port: has no value"},
        {"name: ab\ndrill: yes\n", "2: drill: want true or false"},
        {"name: ab\ndrill: 'true'\n", "2: drill: want true or false without quotes"},
        {"name: a\n", "1: name: the text has 1 bytes, want at least 2"},
        {"name: abcdefghi\n", "1: name: the text has 9 bytes, want at most 8"},
        {"name: \"a\\tb\"\n", "1: name: the text holds a control character (byte 2)"},
        {"name: \"a\\0b\"\n", "1: name: the text is not UTF-8 or holds a NUL"},
        {"name: ab\nkey_file: \"/a\\nb\"\n",
         "2: key_file: the path holds a control character (byte 3)"},
        {"name: ab\nprot: 1\n", "2: prot: no such setting; did you mean port?"},
        {"name: ab\nvolcano: 1\n", "2: volcano: no such setting"},
        {"name: ab\n\"po\\nrt\": 1\n", "2: po?rt: no such setting; did you mean port?"},
        {"name: ab\nport: 1\nport: 2\n", "3: port: given twice, first in line 2"},
        {"name: ab\nport: [1, 2]\n", "2: port: want one value, not a list, mapping or alias"},
        {"name: ab\nport: {a: {b: c}}\ndrill: true\n",
         "2: port: want one value, not a list, mapping or alias"},
        {"name: ab\n? [a]\n: 1\n", "2: a name must be plain text"},
        {"name: ab\nport: !!int 1\n", "2: port: anchors and tags are not used here"},
        {"name: &x ab\n", "1: name: anchors and tags are not used here"},
        {"name: ab\n---\nname: cd\n", "2: a second document; want one mapping"},
        {"- name\n", "1: want one mapping of names to values"},
        {"name\n", "1: want one mapping of names to values"},
        {"", "1: name: missing; it is required (name of the service)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(load(rows[i].text), ERR_CONFIG);
        assert_told(rows[i].text, &rows[i].told, 1);
        assert_null(first.name);
    }
}

static void all_faults_are_told_at_once(void **state)
{
    static const char *const want[] = {
        "1: port: out of bounds, want 1 to 65535",
        "2: drill: want true or false",
        "3: colour: no such setting",
        "5: key_file: want one value, not a list, mapping or alias",
        "7: name: missing; it is required (name of the service)",
    };
    static const char text[] =
        "port: 0\ndrill: maybe\ncolour: red\noffset_ms: 1\nkey_file:\n  a: b\n";
    (void)state;
    assert_int_equal(load(text), ERR_CONFIG);
    assert_told(text, want, sizeof want / sizeof want[0]);
}

static void what_is_not_yaml_is_told_with_its_line(void **state)
{
    static const struct {
        const char *text;
        const char *line;
    } rows[] = {
        {"name: ab\nport: [1\n", ":3: not YAML: "},  {"name: ab\n\tport: 1\n", ":2: not YAML: "},
        {"name: \"ab\nport: 1\n", ":3: not YAML: "}, {"name: *x\n", NULL},
        {"name: a\xff\n", ":1: not YAML: "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(load(rows[i].text), ERR_CONFIG);
        if (rows[i].line != NULL && strstr(told(), rows[i].line) == NULL)
            fail_msg("for <%s>: %s", rows[i].text, told());
        assert_null(strstr(told(), "missing"));
    }
}

static void missing_and_unreadable_files_are_faults(void **state)
{
    (void)state;
    buf_clear(&report);
    assert_int_equal(conf_load("/nonexistent-liu.yaml", tables, 2, &report), ERR_CONFIG);
    assert_memory_equal(report.data, "/nonexistent-liu.yaml:0: ", 25);
    buf_clear(&report);
    assert_int_equal(conf_load("/tmp", tables, 2, &report), ERR_CONFIG);
    assert_memory_equal(report.data, "/tmp:0: not a regular file", 26);
}

static void too_long_a_file_is_refused(void **state)
{
    size_t n = (size_t)64 * 1024 + 1;
    char *text = test_malloc(n);
    (void)state;
    memset(text, '\n', n);
    assert_int_equal(load_bytes(text, n), ERR_CONFIG);
    assert_non_null(strstr(told(), "longer than 65536 bytes"));
    test_free(text);
}

static void deep_nesting_is_refused_not_followed(void **state)
{
    static char text[5000];
    (void)state;
    size_t n = (size_t)snprintf(text, sizeof text, "name: ");
    memset(text + n, '[', sizeof text - n - 1);
    assert_int_equal(load(text), ERR_CONFIG);
}

static void every_cut_of_a_file_is_survived(void **state)
{
    static const char text[] =
        "name: ab\nport: [1, {a: b}]\nkey_file: \"\\u00e9\\x07\"\n--- !x\n- &a *a\n";
    (void)state;
    for (size_t n = 0; n < sizeof text; n++) {
        enum err e = load_bytes(text, n);
        if (e == ERR_OK)
            conf_free(tables, 2);
        else
            assert_int_not_equal(report.len, 1);
    }
}

static void the_printed_example_explains_and_loads(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 65536);
    conf_print(tables, 2, &b);
    assert_int_equal(buf_put(&b, "", 1), ERR_OK);
    const char *text = (const char *)b.data;
    assert_non_null(strstr(text, "# name of the service (text, 2 to 8 bytes; required)\nname: \n"));
    assert_non_null(strstr(text, "# port to listen on (number, 1 to 65535)\nport: 9101\n"));
    assert_non_null(strstr(text, "(true or false; read again on SIGHUP)\ndrill: false\n"));
    assert_non_null(strstr(text, "# private key; empty = none (path)\nkey_file: \"\"\n"));
    assert_int_equal(load(text), ERR_CONFIG);
    static const char *const want[] = {"2: name: has no value"};
    assert_told(text, want, 1);
    buf_clear(&b);
    conf_print(tables + 1, 1, &b);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(b.data, 1, b.len, f), b.len);
    assert_int_equal(fclose(f), 0);
    buf_clear(&report);
    assert_int_equal(conf_load(path, tables + 1, 1, &report), ERR_OK);
    assert_int_equal(second.offset, -3);
    conf_free(tables + 1, 1);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_defaults_reach_both_structs),
        cmocka_unit_test(text_may_be_quoted_and_japanese),
        cmocka_unit_test(bounds_belong_to_the_range),
        cmocka_unit_test(each_fault_has_line_field_and_reason),
        cmocka_unit_test(all_faults_are_told_at_once),
        cmocka_unit_test(what_is_not_yaml_is_told_with_its_line),
        cmocka_unit_test(missing_and_unreadable_files_are_faults),
        cmocka_unit_test(too_long_a_file_is_refused),
        cmocka_unit_test(deep_nesting_is_refused_not_followed),
        cmocka_unit_test(every_cut_of_a_file_is_survived),
        cmocka_unit_test(the_printed_example_explains_and_loads),
    };
    return cmocka_run_group_tests(tests, make_file, drop_file);
}
