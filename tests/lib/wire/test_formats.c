/* The formats of text, flag by flag. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/text.h"
#include "wire/text_check.h"

#define L63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz01234567890"

static const struct {
    unsigned flag;
    const char *good[8];
    const char *bad[14];
} formats[] = {
    {CHECK_DATE,
     {"2025-04-01", "2024-02-29", "1900-01-01", "2999-12-31"},
     {"", "2025-4-1", "2025-02-29", "2025-13-01", "20250401", "2025-04-01 ", "2025/04/01",
      "令和7年4月1日", "3000-01-01", "-025-04-01"}},
    {CHECK_ID,
     {"ab", "a1", "9z", "mof-it", "abcdefghijklmnopqrstuvwxyz-01234", "a-"},
     {"", "a", "-a", "Ab", "a_b", "a.b", "a b", "abcdefghijklmnopqrstuvwxyz-012345", "あい"}},
    {CHECK_TOKEN, {"a", "C22-0001-2", "a/b", "A.b_c-9"}, {"", "a b", "a:b", "業", "a\n", "*"}},
    {CHECK_MESSAGE_ID, {"a", "A.b_c-9"}, {"", "a/b", "a b", "a\t"}},
    {CHECK_DOMAIN,
     {"example.jp", "a.b", "xn--wgv71a.example", "1.example.com", L63 ".jp"},
     {"", "localhost", "Example.jp", "example.jp.", ".example.jp", "a..b", "-a.jp", "a-.jp",
      "a_b.jp", "192.0.2.1", L63 "x.jp", "*.example.jp", "例え.jp"}},
    {CHECK_CIDR,
     {"192.0.2.0/24", "192.0.2.1/32", "0.0.0.0/0", "2001:db8::/32", "::1/128", "198.51.100.128/25"},
     {"", "192.0.2.0", "192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/", "192.0.2/24", "2001:db8::1/32",
      "2001:db8::/129", "/24", "192.0.2.0/2a", "192.0.2.0/+8", "192.0.2.0/0024", "192.0.2.0/24/"}},
    {CHECK_Z85,
     {"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"},
     {"", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf77",
      "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf\"", "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf "}},
};

static void good_ones_pass_and_bad_ones_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        for (size_t g = 0; g < 8 && formats[i].good[g] != NULL; g++)
            if (text_check_format(formats[i].flag, formats[i].good[g],
                                  strlen(formats[i].good[g])) != 0)
                fail_msg("flag %u refuses %s", formats[i].flag, formats[i].good[g]);
        for (size_t b = 0; b < 14 && formats[i].bad[b] != NULL; b++)
            if (text_check_format(formats[i].flag, formats[i].bad[b], strlen(formats[i].bad[b])) !=
                formats[i].flag)
                fail_msg("flag %u accepts \"%s\"", formats[i].flag, formats[i].bad[b]);
    }
}

static void a_domain_has_at_most_253_bytes(void **state)
{
    (void)state;
    static const char longest[] =
        L63 "." L63 "." L63 "."
            "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz.01234567.a";
    assert_int_equal(text_check_format(CHECK_DOMAIN, longest + sizeof longest - 1 - 253, 253), 0);
    assert_int_equal(text_check_format(CHECK_DOMAIN, longest + sizeof longest - 1 - 254, 254),
                     CHECK_DOMAIN);
}

static void times_lie_between_2000_and_2999(void **state)
{
    (void)state;
    assert_true(text_check_time(946684800000));
    assert_false(text_check_time(946684799999));
    assert_true(text_check_time(32503679999999));
    assert_false(text_check_time(32503680000000));
    assert_false(text_check_time(INT64_MIN));
    assert_false(text_check_time(0));
}

/* The quick way for ASCII agrees with the slow one at every place of every byte. */
static void quick_utf8_agrees_with_the_slow_one(void **state)
{
    (void)state;
    for (size_t n = 0; n < 20; n++)
        for (size_t at = 0; at < n; at++)
            for (unsigned byte = 0; byte < 256; byte++) {
                char text[20];
                memset(text, 'a', sizeof text);
                text[at] = (char)byte;
                assert_int_equal(text_check_utf8(text, n), text_is_utf8(text, n));
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_pass_and_bad_ones_are_named),
        cmocka_unit_test(a_domain_has_at_most_253_bytes),
        cmocka_unit_test(times_lie_between_2000_and_2999),
        cmocka_unit_test(quick_utf8_agrees_with_the_slow_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
