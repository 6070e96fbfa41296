/* A file read again: reloadable rows are taken over, of the others it is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "conf/conf.h"

struct settings {
    char *name;
    char *level;
    int64_t port;
    int64_t wait_ms;
    bool drill;
};

static const struct conf_row rows[] = {
    {"name", CONF_STRING, offsetof(struct settings, name), 1, 300, "liu", "its name", false},
    {"level", CONF_STRING, offsetof(struct settings, level), 1, 8, "info", "of the log", true},
    {"port", CONF_INT, offsetof(struct settings, port), 1, 65535, "9101", "to listen on", false},
    {"wait_ms", CONF_INT, offsetof(struct settings, wait_ms), 0, 60000, "100", "in ms", true},
    {"drill", CONF_BOOL, offsetof(struct settings, drill), 0, 0, "false", "a drill", true},
};

static struct settings live, fresh;
static const struct conf_table live_table = {rows, 5, &live};
static const struct conf_table fresh_table = {rows, 5, &fresh};
static char path[] = "/tmp/liu-reload-XXXXXX";

struct told {
    size_t n;
    char text[8][128];
};

static void tell(void *arg, const struct conf_change *c)
{
    struct told *t = arg;
    assert_true(t->n < 8);
    (void)snprintf(t->text[t->n++], sizeof t->text[0], "%.32s %.32s %.32s %s", c->row->name, c->was,
                   c->now, c->taken ? "taken" : "restart");
}

static void load(const char *text, const struct conf_table *table)
{
    struct buf report;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    buf_init(&report, 4096);
    assert_int_equal(conf_load(path, table, 1, &report), ERR_OK);
    buf_fini(&report);
}

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int drop_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void what_differs_is_told_and_the_reloadable_taken(void **state)
{
    (void)state;
    struct told t = {0};
    load("name: one\nlevel: info\n", &live_table);
    load("name: two\nlevel: debug\nport: 1\nwait_ms: 7\ndrill: true\n", &fresh_table);
    conf_take(&live_table, &fresh_table, 1, tell, &t);
    static const char *const want[] = {"name one two restart", "level info debug taken",
                                       "port 9101 1 restart", "wait_ms 100 7 taken",
                                       "drill false true taken"};
    assert_int_equal(t.n, 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(t.text[i], want[i]);
    assert_string_equal(live.name, "one");
    assert_string_equal(live.level, "debug");
    assert_int_equal(live.port, 9101);
    assert_int_equal(live.wait_ms, 7);
    assert_true(live.drill);
    conf_free(&fresh_table, 1); /* each text has one owner */
    assert_string_equal(live.level, "debug");
    conf_free(&live_table, 1);
}

static void the_same_file_changes_nothing(void **state)
{
    (void)state;
    struct told t = {0};
    load("name: one\n", &live_table);
    load("name: one\n", &fresh_table);
    conf_take(&live_table, &fresh_table, 1, tell, &t);
    assert_int_equal(t.n, 0);
    conf_free(&fresh_table, 1);
    conf_free(&live_table, 1);
}

static void what_a_file_no_longer_says_is_the_default_again(void **state)
{
    (void)state;
    struct told t = {0};
    load("wait_ms: 9\nlevel: debug\n", &live_table);
    load("", &fresh_table);
    conf_take(&live_table, &fresh_table, 1, tell, &t);
    assert_int_equal(t.n, 2);
    assert_int_equal(live.wait_ms, 100);
    assert_string_equal(live.level, "info");
    conf_free(&fresh_table, 1);
    conf_free(&live_table, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_differs_is_told_and_the_reloadable_taken),
        cmocka_unit_test(the_same_file_changes_nothing),
        cmocka_unit_test(what_a_file_no_longer_says_is_the_default_again),
    };
    return cmocka_run_group_tests(tests, make_file, drop_file);
}
