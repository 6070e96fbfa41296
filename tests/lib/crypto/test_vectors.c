/* docs/test-vectors.json, which shares no code with OpenSSL, and the vectors of FIPS 180-4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/text.h"
#include "crypto/crypto.h"

#define PARTS_MAX 8
#define PART_BYTES_MAX 512

struct vector {
    const char *name;
    const char *domain;
    bool valid;
    struct crypto_part parts[PARTS_MAX];
    size_t n;
    uint8_t bytes[PARTS_MAX][PART_BYTES_MAX];
    uint8_t digest[SHA256_BYTES];
    uint8_t seed[ED25519_KEY_BYTES];
    uint8_t public_key[ED25519_KEY_BYTES];
    uint8_t signature[ED25519_SIGNATURE_BYTES];
};

static json_t *file;

static int load_file(void **state)
{
    (void)state;
    file = json_load_file(LIU_SOURCE_DIR "/docs/test-vectors.json", JSON_REJECT_DUPLICATES, NULL);
    return json_is_array(file) ? 0 : -1;
}

static int drop_file(void **state)
{
    (void)state;
    json_decref(file);
    return 0;
}

static void hex_field(const json_t *o, const char *name, uint8_t *out, size_t n)
{
    assert_int_equal(text_unhex(json_string_value(json_object_get(o, name)), out, n), ERR_OK);
}

static void read_vector(size_t index, struct vector *v)
{
    const json_t *o = json_array_get(file, index);
    const json_t *parts = json_object_get(o, "parts_hex");
    v->name = json_string_value(json_object_get(o, "name"));
    v->domain = json_string_value(json_object_get(o, "domain"));
    v->valid = json_is_true(json_object_get(o, "valid"));
    v->n = json_array_size(parts);
    assert_true(v->n <= PARTS_MAX);
    for (size_t i = 0; i < v->n; i++) {
        const char *hex = json_string_value(json_array_get(parts, i));
        size_t bytes = strlen(hex) / 2;
        assert_true(bytes <= PART_BYTES_MAX);
        assert_int_equal(text_unhex(hex, v->bytes[i], bytes), ERR_OK);
        v->parts[i] = (struct crypto_part){v->bytes[i], bytes};
    }
    hex_field(o, "digest_hex", v->digest, sizeof v->digest);
    hex_field(o, "seed_hex", v->seed, sizeof v->seed);
    hex_field(o, "public_hex", v->public_key, sizeof v->public_key);
    hex_field(o, "signature_hex", v->signature, sizeof v->signature);
}

static void digests_are_those_of_the_file(void **state)
{
    (void)state;
    assert_true(json_array_size(file) >= 16);
    for (size_t i = 0; i < json_array_size(file); i++) {
        struct vector v;
        uint8_t digest[SHA256_BYTES];
        read_vector(i, &v);
        assert_int_equal(crypto_digest(v.domain, v.parts, v.n, digest), ERR_OK);
        assert_memory_equal(digest, v.digest, sizeof digest);
    }
}

static void valid_signatures_are_made_and_accepted(void **state)
{
    size_t seen = 0;
    (void)state;
    for (size_t i = 0; i < json_array_size(file); i++) {
        struct vector v;
        uint8_t made[ED25519_SIGNATURE_BYTES];
        uint8_t public_key[ED25519_KEY_BYTES];
        struct signing_key *k = NULL;
        read_vector(i, &v);
        if (!v.valid)
            continue;
        seen++;
        assert_int_equal(signing_key_from_seed("k", v.seed, &k), ERR_OK);
        signing_key_public(k, public_key);
        assert_memory_equal(public_key, v.public_key, sizeof public_key);
        assert_int_equal(crypto_sign(k, v.domain, v.parts, v.n, made), ERR_OK);
        assert_memory_equal(made, v.signature, sizeof made);
        assert_int_equal(crypto_verify(v.public_key, v.domain, v.parts, v.n, v.signature), ERR_OK);
        signing_key_free(k);
    }
    assert_true(seen >= 8);
}

static void bad_signatures_are_refused(void **state)
{
    size_t seen = 0;
    (void)state;
    for (size_t i = 0; i < json_array_size(file); i++) {
        struct vector v;
        read_vector(i, &v);
        if (v.valid)
            continue;
        seen++;
        if (crypto_verify(v.public_key, v.domain, v.parts, v.n, v.signature) != ERR_AUTH)
            fail_msg("accepted: %s", v.name);
    }
    assert_true(seen >= 8);
}

static void every_flipped_bit_of_a_signature_is_refused(void **state)
{
    struct vector v;
    (void)state;
    read_vector(2, &v);
    for (size_t bit = 0; bit < 8 * sizeof v.signature; bit++) {
        v.signature[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_equal(crypto_verify(v.public_key, v.domain, v.parts, v.n, v.signature),
                         ERR_AUTH);
        v.signature[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    assert_int_equal(crypto_verify(v.public_key, v.domain, v.parts, v.n, v.signature), ERR_OK);
}

static void keys_of_small_order_verify_nothing(void **state)
{
    /* y of every point whose order divides 8, and y + p where it still fits */
    static const char *const keys[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        for (int sign = 0; sign < 2; sign++) {
            uint8_t key[ED25519_KEY_BYTES];
            uint8_t signature[ED25519_SIGNATURE_BYTES] = {1};
            assert_int_equal(text_unhex(keys[i], key, sizeof key), ERR_OK);
            key[ED25519_KEY_BYTES - 1] |= (uint8_t)(sign << 7);
            for (unsigned text = 0; text < 16; text++) { /* order 8: one text in 8 would fit */
                struct crypto_part part = {&text, sizeof text};
                assert_int_equal(crypto_verify(key, DOMAIN_MESSAGE, &part, 1, signature), ERR_AUTH);
            }
        }
}

static void sha256_matches_fips_180_4(void **state)
{
    static const struct {
        const char *first;
        const char *second;
        const char *hex;
    } rows[] = {
        {"", "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"a", "bc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkl", "jklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct crypto_part parts[] = {{rows[i].first, strlen(rows[i].first)},
                                      {rows[i].second, strlen(rows[i].second)}};
        uint8_t digest[SHA256_BYTES];
        char hex[2 * SHA256_BYTES + 1];
        assert_int_equal(crypto_sha256(parts, 2, digest), ERR_OK);
        text_hex(digest, sizeof digest, hex);
        assert_string_equal(hex, rows[i].hex);
    }
}

static void too_long_a_text_is_a_limit_and_the_next_one_works(void **state)
{
    uint8_t seed[ED25519_KEY_BYTES] = {7};
    uint8_t signature[ED25519_SIGNATURE_BYTES];
    struct signing_key *k = NULL;
    size_t bytes = (size_t)2 * 1024 * 1024 + 1;
    uint8_t *big = test_calloc(1, bytes);
    struct crypto_part long_part = {big, bytes};
    struct crypto_part short_part = {big, 3};
    (void)state;
    assert_int_equal(signing_key_from_seed("k", seed, &k), ERR_OK);
    assert_int_equal(crypto_sign(k, DOMAIN_NOTICE, &long_part, 1, signature), ERR_LIMIT);
    assert_int_equal(crypto_sign(k, DOMAIN_NOTICE, &short_part, 1, signature), ERR_OK);
    signing_key_free(k);
    test_free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_those_of_the_file),
        cmocka_unit_test(valid_signatures_are_made_and_accepted),
        cmocka_unit_test(bad_signatures_are_refused),
        cmocka_unit_test(every_flipped_bit_of_a_signature_is_refused),
        cmocka_unit_test(keys_of_small_order_verify_nothing),
        cmocka_unit_test(sha256_matches_fips_180_4),
        cmocka_unit_test(too_long_a_text_is_a_limit_and_the_next_one_works),
    };
    return cmocka_run_group_tests(tests, load_file, drop_file);
}
