/* Buffers that stop at their maximum and arenas that stop at their budget. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"

static void buffer_takes_its_maximum_and_not_a_byte_more(void **state)
{
    static const size_t maxima[] = {1, 2, 255, 256, 257, 1000, 4096};
    static uint8_t bytes[4096];
    (void)state;
    for (size_t i = 0; i < sizeof maxima / sizeof maxima[0]; i++) {
        struct buf b;
        buf_init(&b, maxima[i]);
        assert_int_equal(buf_put(&b, bytes, maxima[i]), ERR_OK);
        assert_int_equal(b.len, maxima[i]);
        assert_int_equal(buf_put(&b, bytes, 1), ERR_LIMIT);
        assert_int_equal(b.len, maxima[i]);
        assert_true(b.failed);
        buf_fini(&b);
    }
}

static void buffer_failure_sticks_until_cleared(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 4);
    assert_int_equal(buf_puts(&b, "abcde"), ERR_LIMIT);
    assert_int_not_equal(buf_puts(&b, "a"), ERR_OK);
    assert_int_not_equal(buf_put(&b, NULL, 0), ERR_OK);
    assert_null(buf_room(&b, 1));
    assert_int_equal(b.len, 0);
    buf_clear(&b);
    assert_int_equal(buf_puts(&b, "abcd"), ERR_OK);
    assert_memory_equal(b.data, "abcd", 4);
    buf_fini(&b);
    buf_fini(&b);
    buf_fini(NULL);
}

static void buffer_of_huge_request_does_not_wrap(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1000);
    assert_int_equal(buf_puts(&b, "abc"), ERR_OK);
    assert_null(buf_room(&b, SIZE_MAX));
    assert_true(b.failed);
    buf_fini(&b);
}

static void buffer_grows_in_small_steps_without_loss(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 100000);
    for (unsigned i = 0; i < 100000; i++) {
        uint8_t byte = (uint8_t)(i * 7);
        assert_int_equal(buf_put(&b, &byte, 1), ERR_OK);
    }
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal(b.data[i], (uint8_t)(i * 7));
    buf_fini(&b);
}

static void buffer_formats_and_consumes(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 64);
    assert_int_equal(buf_printf(&b, "%s-%d", "abc", 42), ERR_OK);
    assert_int_equal(b.len, 6);
    buf_consume(&b, 4);
    assert_int_equal(b.len, 2);
    assert_memory_equal(b.data, "42", 2);
    buf_consume(&b, 2);
    assert_int_equal(b.len, 0);
    assert_int_equal(buf_printf(&b, "%100d", 1), ERR_LIMIT);
    assert_true(b.failed);
    buf_fini(&b);
}

static void arena_memory_is_zeroed_and_aligned_after_reset_too(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 1000000);
    for (int round = 0; round < 3; round++) {
        for (size_t n = 0; n < 300; n++) {
            unsigned char *p = arena_alloc(&a, n);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % 16, 0);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(p[i], 0);
            if (n > 0)
                memset(p, 0xa5, n);
        }
        arena_reset(&a);
        assert_int_equal(a.used_bytes, 0);
    }
    arena_fini(&a);
    arena_fini(&a);
    arena_fini(NULL);
}

static void arena_pieces_do_not_overlap(void **state)
{
    unsigned char *pieces[200];
    struct arena a;
    (void)state;
    arena_init(&a, 1000000);
    for (size_t i = 0; i < 200; i++) {
        pieces[i] = arena_alloc(&a, 100 + i);
        assert_non_null(pieces[i]);
        memset(pieces[i], (int)i, 100 + i);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t j = 0; j < 100 + i; j++)
            assert_int_equal(pieces[i][j], i);
    arena_fini(&a);
}

static void arena_stops_at_its_budget_and_says_why(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 64);
    assert_non_null(arena_alloc(&a, 32));
    assert_false(a.spent);
    assert_null(arena_alloc(&a, 33));
    assert_true(a.spent);
    assert_non_null(arena_alloc(&a, 32));
    assert_null(arena_alloc(&a, 1));
    arena_reset(&a);
    assert_false(a.spent);
    assert_non_null(arena_alloc(&a, 64));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 15));
    arena_fini(&a);
}

static void arena_of_zero_bytes_gives_nothing(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 0);
    assert_null(arena_alloc(&a, 1));
    assert_true(a.spent);
    arena_fini(&a);
}

static void arena_strings_are_whole_or_absent(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 32);
    assert_string_equal(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
    assert_string_equal(arena_strdup(&a, "123456789012345"), "123456789012345");
    assert_null(arena_strdup(&a, "y"));
    assert_null(arena_printf(&a, "%s", "y"));
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffer_takes_its_maximum_and_not_a_byte_more),
        cmocka_unit_test(buffer_failure_sticks_until_cleared),
        cmocka_unit_test(buffer_of_huge_request_does_not_wrap),
        cmocka_unit_test(buffer_grows_in_small_steps_without_loss),
        cmocka_unit_test(buffer_formats_and_consumes),
        cmocka_unit_test(arena_memory_is_zeroed_and_aligned_after_reset_too),
        cmocka_unit_test(arena_pieces_do_not_overlap),
        cmocka_unit_test(arena_stops_at_its_budget_and_says_why),
        cmocka_unit_test(arena_of_zero_bytes_gives_nothing),
        cmocka_unit_test(arena_strings_are_whole_or_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
