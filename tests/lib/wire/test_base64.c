/* Base64: the vectors of RFC 4648, section 10, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/base64.h"

static const struct {
    const char *data;
    const char *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xff\xfe\xfb", "//77"},
};

static void vectors_encode_and_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        size_t n = strlen(vectors[i].data);
        char text[64];
        uint8_t data[64];
        size_t bytes = 99;
        base64_encode((const uint8_t *)vectors[i].data, n, text);
        assert_string_equal(text, vectors[i].text);
        assert_int_equal(strlen(text), BASE64_TEXT_BYTES(n));
        assert_int_equal(base64_decode(text, strlen(text), data, &bytes), ERR_OK);
        assert_int_equal(bytes, n);
        assert_true(n <= BASE64_DATA_BYTES(strlen(text)));
        assert_memory_equal(data, vectors[i].data, n);
    }
}

static void every_byte_comes_back(void **state)
{
    (void)state;
    uint8_t all[256];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)(i * 7);
    for (size_t n = 0; n <= sizeof all; n++) {
        char text[BASE64_TEXT_BYTES(256) + 1];
        uint8_t back[BASE64_DATA_BYTES(sizeof text)];
        size_t bytes;
        base64_encode(all, n, text);
        assert_int_equal(base64_decode(text, strlen(text), back, &bytes), ERR_OK);
        assert_int_equal(bytes, n);
        assert_memory_equal(back, all, n);
    }
}

static void url_alphabet_and_missing_padding_are_read(void **state)
{
    (void)state;
    uint8_t data[8];
    size_t bytes;
    assert_int_equal(base64_decode("__77", 4, data, &bytes), ERR_OK);
    assert_memory_equal(data, "\xff\xfe\xfb", 3);
    assert_int_equal(base64_decode("Zg", 2, data, &bytes), ERR_OK);
    assert_int_equal(bytes, 1);
}

static void wrong_text_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Z",        "Z===",  "Zg=",    "Zm8==", "=",    "==",   "====",       "Zm9v=",    "Zm9vY",
        "Zg==Zg==", "Zm 9v", "Zm9v\n", "Zh==",  "Zm9=", "Z*9v", "Zm\xc3\xa9", "Zm9v====", "Zg=a",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t data[16];
        size_t bytes = 0;
        if (base64_decode(bad[i], strlen(bad[i]), data, &bytes) != ERR_INVAL)
            fail_msg("accepted: %s", bad[i]);
    }
    uint8_t data[4];
    size_t bytes;
    assert_int_equal(base64_decode("Zm\0v", 4, data, &bytes), ERR_INVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_encode_and_decode),
        cmocka_unit_test(every_byte_comes_back),
        cmocka_unit_test(url_alphabet_and_missing_padding_are_read),
        cmocka_unit_test(wrong_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
