/* R61 over a small catalogue: each thing that may be wrong, and what may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "services/audit/core/statement.h"

static const char whole[] = "control,choice,reason\n"
                            "3.1.2,declared,\r\n"
                            "3.1.2.1,declared\n"
                            "\n"
                            "# objectives\n"
                            "9.2.1,declared\n"
                            "9.2.1.6.PB,declared\n"
                            "9.2.1.7,excluded,no users of its own, none at all\n"
                            "9.5.2.P,excluded,no virtual machines\n";

static enum err check(const char *from, const char *to, struct statement_counts *counts,
                      struct audit_faults *faults)
{
    static const char *const ids[] = {"3.1.1",      "3.1.2",   "3.1.2.1", "9.2.1",
                                      "9.2.1.6.PB", "9.2.1.7", "9.5.2.P", "9.5.2.1.PB"};
    struct arena a;
    struct catalogue c;
    struct catalogue_item items[8];
    struct statement_entry *entries;
    size_t n;
    char text[1024];
    *faults = (struct audit_faults){.n = 0};
    arena_init(&a, 1u << 20);
    for (size_t i = 0; i < 8; i++) {
        assert_true(catalogue_read_id(ids[i], &items[i]));
        items[i].not_assessed = i == 0;
    }
    assert_int_equal(catalogue_index(&a, items, 8, &c, faults), ERR_OK);
    const char *at = strstr(whole, from);
    assert_non_null(at);
    size_t head = (size_t)(at - whole);
    memcpy(text, whole, head);
    memcpy(text + head, to, strlen(to));
    memcpy(text + head + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
    enum err e = statement_parse(&a, text, &entries, &n, faults);
    if (e == ERR_OK)
        e = statement_check(&a, &c, entries, n, counts, faults);
    for (size_t i = 0; i < audit_faults_kept(faults); i++)
        assert_string_equal(faults->items[i].rule, "R61");
    arena_fini(&a);
    return e;
}

static void a_whole_statement_passes(void **state)
{
    (void)state;
    struct statement_counts k;
    static struct audit_faults faults;
    assert_int_equal(check("", "", &k, &faults), ERR_OK);
    assert_int_equal(k.declared, 4);
    assert_int_equal(k.excluded, 2);
    assert_int_equal(k.carried, 1); /* 9.5.2.1.PB, although B */
}

static void each_gap_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *from;
        const char *to;
        const char *en;
    } rows[] = {
        {"3.1.2.1,declared", "3.1.2.1,excluded,why", "governance and management"},
        {"3.1.2.1,declared", "", "does not speak"},
        {"9.2.1,declared", "", "does not speak"},
        {"9.2.1.6.PB,declared", "9.2.1.6.PB,excluded,why", "basic statement"},
        {"9.2.1.7,excluded,no users of its own, none at all", "9.2.1.7,excluded,",
         "without a reason"},
        {"9.2.1.7,excluded,no users of its own, none at all", "9.2.1.7,excluded",
         "without a reason"},
        {"9.5.2.P,excluded,no virtual machines", "9.5.2.P,excluded", "without a reason"},
        {"9.5.2.P,excluded,no virtual machines", "9.5.2.P,declared", "does not speak"},
        {"# objectives", "9.5.2.1.PB,declared", "its objective is excluded"},
        {"# objectives", "9.2.1,declared", "named twice"},
        {"# objectives", "9.2.9,declared", "not in the catalogue"},
        {"# objectives", "9.2.1 declared", "not control,"},
        {"# objectives", "9.2.1,perhaps", "not control,"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct statement_counts k;
        static struct audit_faults faults;
        bool named = false;
        assert_int_equal(check(rows[i].from, rows[i].to, &k, &faults), ERR_INVAL);
        for (size_t j = 0; j < audit_faults_kept(&faults); j++)
            named |= strstr(faults.items[j].en, rows[i].en) != NULL;
        if (!named)
            fail_msg("%s -> %s", rows[i].to, faults.items[0].en);
    }
}

static void other_encodings_are_named(void **state)
{
    (void)state;
    static const char *const texts[] = {"5.1.1,excluded,\x8a\xc7\x97\x9d\n", "\xff\xfe"
                                                                             "5"};
    static const char *const says[] = {"is not UTF-8", "is UTF-16"};
    for (size_t i = 0; i < 2; i++) {
        struct arena a;
        struct audit_faults faults = {.n = 0};
        struct statement_entry *entries = NULL;
        size_t n = 0;
        arena_init(&a, 1u << 20);
        char *text = arena_strdup(&a, texts[i]);
        assert_non_null(text);
        assert_int_equal(statement_parse(&a, text, &entries, &n, &faults), ERR_INVAL);
        assert_int_equal(faults.n, 1);
        assert_string_equal(faults.items[0].field, "encoding");
        assert_non_null(strstr(faults.items[0].en, says[i]));
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_statement_passes),
        cmocka_unit_test(each_gap_is_named),
        cmocka_unit_test(other_encodings_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
