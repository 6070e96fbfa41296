/* What the tests of the core rules expect of a list of violations. */
#ifndef LIU_TESTS_INTAKE_EXPECT_H
#define LIU_TESTS_INTAKE_EXPECT_H

#include <string.h>

#include "base/text.h"
#include "services/intake/core/violations.h"

struct expected {
    const char *field;
    const char *rule;
};

static inline bool is_japanese(const char *s)
{
    bool found = false;
    for (const char *p = s; *p != '\0'; p++)
        found = found || (unsigned char)*p >= 0x80;
    return found && text_is_utf8(s, strlen(s));
}

static inline bool is_english(const char *s)
{
    for (const char *p = s; *p != '\0'; p++)
        if ((unsigned char)*p >= 0x80)
            return false;
    return s[0] != '\0';
}

/* Exactly these, in this order, each in both languages. */
static inline void assert_violations(const struct violations *v, const struct expected *expected,
                                     size_t n)
{
    for (size_t i = 0; i < n && i < v->n; i++) {
        assert_string_equal(v->items[i].field, expected[i].field);
        assert_string_equal(v->items[i].rule, expected[i].rule);
        assert_true(is_japanese(v->items[i].ja));
        assert_true(is_english(v->items[i].en));
    }
    assert_int_equal(v->n, n);
}

#endif
