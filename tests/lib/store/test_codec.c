/* Key names, heads, answers and the encoder's bounds, without a server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "store/encode.h"
#include "store/records.h"

static void keys_carry_the_partitions_tag(void **state)
{
    struct key k;
    (void)state;
    key_receipt(&k, "p0", "min-a", "id-1");
    assert_string_equal(k.text, "{p0}:rcpt:min-a:id-1");
    assert_int_equal(k.bytes, strlen(k.text));
    key_records(&k, "p0", RECORD_HOLD);
    assert_string_equal(k.text, "{p0}:r:hold");
    key_records(&k, "p0", RECORD_KINDS);
    assert_int_equal(k.bytes, 0);
    char longest[KEY_BYTES_MAX + 1];
    memset(longest, 'x', KEY_BYTES_MAX);
    longest[KEY_BYTES_MAX] = '\0';
    key_audience(&k, "p0", longest);
    assert_int_equal(k.bytes, 0);
    key_audience(&k, "p0", "");
    assert_int_equal(k.bytes, 0);
}

static void heads_are_read_strictly(void **state)
{
    struct head h;
    static const char *const bad[] = {"",
                                      "00112233445566778899aabbccddeeff",
                                      "00112233445566778899aabbccddeeff 1 2",
                                      "00112233445566778899aabbccddeeff x 2 l",
                                      "00112233445566778899aabbccddeefG 1 2 l",
                                      "00112233445566778899aabbccddeeff 99999999999999999999 2 l"};
    static const char good[] = "00112233445566778899aabbccddeeff 12 1760000000000 abc";
    (void)state;
    assert_int_equal(head_parse(good, strlen(good), &h), ERR_OK);
    assert_int_equal(h.seq, 12);
    assert_int_equal(h.at_ms, 1760000000000LL);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(head_parse(bad[i], strlen(bad[i]), &h), ERR_PROTO);
}

static void stream_ids_are_read_strictly(void **state)
{
    uint64_t seq = 0;
    (void)state;
    assert_int_equal(stream_seq("42-0", 4, &seq), ERR_OK);
    assert_int_equal(seq, 42);
    assert_int_equal(stream_seq("42-1", 4, &seq), ERR_PROTO);
    assert_int_equal(stream_seq("42", 2, &seq), ERR_PROTO);
    assert_int_equal(stream_seq("-0", 2, &seq), ERR_PROTO);
}

static void answers_that_make_no_sense_are_refused(void **state)
{
    struct answer_text t;
    struct commit_result r;
    uint8_t p[64] = {0};
    (void)state;
    assert_int_equal(answer_decode(p, 8, 0, &t, &r), ERR_PROTO);
    assert_int_equal(answer_decode(p, 9, 5, &t, &r), ERR_OK);
    assert_int_equal(r.at_ms, 5);
    p[0] = 10;
    assert_int_equal(answer_decode(p, 9, 0, &t, &r), ERR_PROTO);
    p[0] = COMMIT_DUPLICATE;
    assert_int_equal(answer_decode(p, 40, 0, &t, &r), ERR_PROTO);
    p[9 + 49] = 200; /* a type longer than the rest */
    assert_int_equal(answer_decode(p, sizeof(p), 0, &t, &r), ERR_PROTO);
}

static void call_is_full_at_its_limits(void **state)
{
    struct encoder e;
    const char *why = NULL;
    struct commit c = {.now_ms = 1};
    (void)state;
    assert_int_equal(encoder_init(&e, "p0"), ERR_OK);
    for (int i = 0; i < LIMIT_BATCH_REQUESTS; i++)
        assert_int_equal(encoder_add(&e, &c, &why), ERR_OK);
    assert_int_equal(encoder_add(&e, &c, &why), ERR_AGAIN);
    encoder_clear(&e);
    uint8_t *big = calloc(1, LIMIT_BATCH_BYTES);
    assert_non_null(big);
    struct commit_put put = {RECORD_CASE, "a", 0, big, LIMIT_BATCH_BYTES};
    struct commit large = {.now_ms = 1, .puts = &put, .n_puts = 1};
    assert_int_equal(encoder_add(&e, &large, &why), ERR_OK); /* alone it may go */
    assert_int_equal(encoder_add(&e, &c, &why), ERR_AGAIN);
    encoder_clear(&e);
    free(big);
    const char *many[LIMIT_AUDIENCE + 1];
    for (size_t i = 0; i <= LIMIT_AUDIENCE; i++)
        many[i] = "x";
    struct commit_entry entry = {NULL, 0, "T", many, LIMIT_AUDIENCE + 1};
    struct commit loud = {.now_ms = 1, .entries = &entry, .n_entries = 1};
    assert_int_equal(encoder_add(&e, &loud, &why), ERR_LIMIT);
    entry.n_audience = LIMIT_AUDIENCE;
    assert_int_equal(encoder_add(&e, &loud, &why), ERR_OK);
    c.now_ms = -1;
    assert_int_equal(encoder_add(&e, &c, &why), ERR_INVAL);
    encoder_fini(&e);
}

static void every_kind_has_a_name_a_type_and_a_writer(void **state)
{
    (void)state;
    for (int k = RECORD_NONE + 1; k < RECORD_KINDS; k++) {
        const struct record_type *t = record_type_of((enum record_kind)k);
        assert_non_null(t);
        assert_int_equal(t->kind, k);
        assert_non_null(t->descriptor);
        assert_non_null(t->writer);
        for (int other = RECORD_NONE + 1; other < k; other++)
            assert_string_not_equal(t->name, record_type_of((enum record_kind)other)->name);
    }
    assert_null(record_type_of(RECORD_NONE));
    assert_null(record_type_of(RECORD_KINDS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_carry_the_partitions_tag),
        cmocka_unit_test(heads_are_read_strictly),
        cmocka_unit_test(stream_ids_are_read_strictly),
        cmocka_unit_test(answers_that_make_no_sense_are_refused),
        cmocka_unit_test(call_is_full_at_its_limits),
        cmocka_unit_test(every_kind_has_a_name_a_type_and_a_writer),
    };
    return cmocka_run_group_tests_name("store_codec", tests, NULL, NULL);
}
