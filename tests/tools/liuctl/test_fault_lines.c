/* Faults that a walk has told come to the person, whatever the files are called and however many
 * there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/text.h"
#include "liuctl/fault_lines.h"

struct seen {
    size_t n;
    char last[64];
};

static void take(void *arg, const char *line)
{
    struct seen *s = arg;
    s->n++;
    assert_true(text_copy(s->last, sizeof s->last, line));
    assert_true(text_is_utf8(line, strlen(line)));
}

static void names_may_hold_any_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n;
        const char *last;
    } rows[] = {
        {"", 0, ""},
        {"a.seg: damaged\n", 1, "a.seg: damaged"},
        {"a.seg: damaged\nb.seg: missing\n", 2, "b.seg: missing"},
        {"\xff\xfe.seg: damaged\n", 1, "??.seg: damaged"},
        {"\x1b[2Ja\x7f.seg\t: damaged\n", 1, "?[2Ja?.seg?: damaged"},
        {"書庫.seg: damaged\n", 1, "書庫.seg: damaged"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct seen s = {.n = 0};
        struct buf b;
        buf_init(&b, 1024);
        (void)buf_puts(&b, rows[i].text);
        fault_lines(&b, false, take, &s);
        assert_int_equal(s.n, rows[i].n);
        assert_string_equal(s.last, rows[i].last);
        buf_fini(&b);
    }
}

static void more_than_the_buffer_takes_is_said(void **state)
{
    (void)state;
    for (size_t max = 0; max < 100; max++) {
        struct seen s = {.n = 0};
        struct buf b;
        buf_init(&b, max);
        for (unsigned i = 0; i < 20; i++)
            (void)buf_printf(&b, "%u.seg: damaged\n", i);
        fault_lines(&b, false, take, &s);
        assert_int_equal(s.n, (max == 0 ? 0 : (max - 1) / strlen("0.seg: damaged\n")) + 1);
        assert_non_null(strstr(s.last, "more faults"));
        buf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_may_hold_any_bytes),
        cmocka_unit_test(more_than_the_buffer_takes_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
