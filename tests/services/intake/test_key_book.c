/* A key names one holder; changing or forgetting a holder frees its keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "services/intake/core/key_book.h"

static char k1[] = "key-1";
static char k2[] = "key-2";
static char k3[] = "key-3";

static void a_key_is_found_with_another_holder_only(void **state)
{
    (void)state;
    struct key_book *b;
    assert_int_equal(key_book_create(&b), ERR_OK);
    char *a_keys[] = {k1, k2};
    char *b_keys[] = {k3};
    assert_int_equal(key_book_set(b, "p:a", a_keys, 2), ERR_OK);
    assert_int_equal(key_book_set(b, "f:a", b_keys, 1), ERR_OK);
    assert_null(key_book_other_holder(b, k1, "p:a"));
    assert_string_equal(key_book_other_holder(b, k2, "p:b"), "p:a");
    assert_string_equal(key_book_other_holder(b, k3, "p:a"), "f:a");
    assert_null(key_book_other_holder(b, "key-4", "p:b"));
    key_book_destroy(b);
    key_book_destroy(NULL);
}

static void a_change_frees_the_old_keys(void **state)
{
    (void)state;
    struct key_book *b;
    assert_int_equal(key_book_create(&b), ERR_OK);
    char *first[] = {k1, k2};
    char *second[] = {k2, k3};
    assert_int_equal(key_book_set(b, "p:a", first, 2), ERR_OK);
    assert_int_equal(key_book_set(b, "p:a", second, 2), ERR_OK);
    assert_null(key_book_other_holder(b, k1, "p:b"));
    assert_string_equal(key_book_other_holder(b, k2, "p:b"), "p:a");
    assert_int_equal(key_book_set(b, "p:a", NULL, 0), ERR_OK);
    assert_null(key_book_other_holder(b, k2, "p:b"));
    key_book_destroy(b);
}

static void thousands_of_holders_are_told_apart(void **state)
{
    (void)state;
    struct key_book *b;
    assert_int_equal(key_book_create(&b), ERR_OK);
    char id[16];
    char key[16];
    char *keys[] = {key};
    for (int i = 0; i < 20000; i++) {
        (void)snprintf(id, sizeof id, "p:%d", i);
        (void)snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(key_book_set(b, id, keys, 1), ERR_OK);
    }
    for (int i = 0; i < 20000; i += 999) {
        (void)snprintf(id, sizeof id, "p:%d", i);
        (void)snprintf(key, sizeof key, "k%d", i);
        assert_string_equal(key_book_other_holder(b, key, "p:x"), id);
    }
    key_book_destroy(b);
}

static void an_id_too_long_to_be_one_is_refused(void **state)
{
    (void)state;
    struct key_book *b;
    assert_int_equal(key_book_create(&b), ERR_OK);
    char *keys[] = {k1};
    assert_int_equal(key_book_set(b, "p:0123456789012345678901234567890123456789", keys, 1),
                     ERR_LIMIT);
    assert_null(key_book_other_holder(b, k1, "p:x"));
    key_book_destroy(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_found_with_another_holder_only),
        cmocka_unit_test(a_change_frees_the_old_keys),
        cmocka_unit_test(thousands_of_holders_are_told_apart),
        cmocka_unit_test(an_id_too_long_to_be_one_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
