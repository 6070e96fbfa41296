/* docs/protocol-vectors.json: what a client in another language must produce and verify, checked
 * against the code that the services run. The file is made without OpenSSL and libprotobuf. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/text.h"
#include "crypto/crypto.h"
#include "ismap/liu/v1/case.pb-c.h"
#include "ismap/liu/v1/envelope.pb-c.h"

#define BLOB_MAX 2048

struct blob {
    uint8_t data[BLOB_MAX];
    size_t bytes;
};

static json_t *file;

static int load_file(void **state)
{
    (void)state;
    file =
        json_load_file(LIU_SOURCE_DIR "/docs/protocol-vectors.json", JSON_REJECT_DUPLICATES, NULL);
    return json_is_object(file) ? 0 : -1;
}

static int drop_file(void **state)
{
    (void)state;
    json_decref(file);
    return 0;
}

static const char *text_of(const json_t *o, const char *name)
{
    const char *s = json_string_value(json_object_get(o, name));
    assert_non_null(s);
    return s;
}

static void hex_of(const json_t *o, const char *name, struct blob *out)
{
    const char *s = text_of(o, name);
    out->bytes = strlen(s) / 2;
    assert_true(out->bytes <= BLOB_MAX);
    assert_int_equal(text_unhex(s, out->data, out->bytes), ERR_OK);
}

static struct crypto_part part_of(const char *s)
{
    return (struct crypto_part){s, strlen(s)};
}

static void be64(uint8_t out[8], json_int_t v)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)((uint64_t)v >> (56 - 8 * i));
}

/* Signs with the vector's seed and verifies: both must agree with the file. */
static void signature_holds(const json_t *v, const struct crypto_part *parts, size_t n)
{
    struct blob seed, public_key, signature, digest;
    uint8_t made[ED25519_SIGNATURE_BYTES];
    uint8_t sum[SHA256_BYTES];
    struct signing_key *k = NULL;
    const char *domain = text_of(v, "domain");
    hex_of(v, "seed_hex", &seed);
    hex_of(v, "public_hex", &public_key);
    hex_of(v, "signature_hex", &signature);
    hex_of(v, "digest_hex", &digest);
    assert_int_equal(crypto_digest(domain, parts, n, sum), ERR_OK);
    assert_memory_equal(sum, digest.data, sizeof sum);
    assert_int_equal(signing_key_from_seed("k", seed.data, &k), ERR_OK);
    assert_int_equal(crypto_sign(k, domain, parts, n, made), ERR_OK);
    assert_memory_equal(made, signature.data, sizeof made);
    assert_int_equal(crypto_verify(public_key.data, domain, parts, n, made), ERR_OK);
    made[9] ^= 1;
    assert_int_equal(crypto_verify(public_key.data, domain, parts, n, made), ERR_AUTH);
    signing_key_free(k);
}

static void an_envelope_unpacks_and_its_signature_is_over_its_fields(void **state)
{
    (void)state;
    const json_t *v = json_object_get(file, "envelope");
    struct blob frame, want;
    hex_of(v, "frame_hex", &frame);
    Ismap__Liu__V1__Envelope *env = ismap__liu__v1__envelope__unpack(NULL, frame.bytes, frame.data);
    assert_non_null(env);
    assert_int_equal(ismap__liu__v1__envelope__get_packed_size(env), frame.bytes);
    uint8_t at[8];
    uint8_t sum[SHA256_BYTES];
    be64(at, env->sent_at_ms);
    struct crypto_part payload = {env->payload.data, env->payload.len};
    assert_int_equal(crypto_sha256(&payload, 1, sum), ERR_OK);
    struct crypto_part parts[] = {
        part_of(env->type),
        part_of(env->id),
        part_of(text_of(v, "sender")),
        part_of(text_of(v, "scheme_instance")),
        {at, sizeof at},
        {sum, sizeof sum},
    };
    signature_holds(json_object_get(v, "signature"), parts, sizeof parts / sizeof parts[0]);
    hex_of(json_object_get(v, "signature"), "signature_hex", &want);
    assert_int_equal(env->signature.len, want.bytes);
    assert_memory_equal(env->signature.data, want.data, want.bytes);

    struct crypto_part request[] = {part_of(env->type), payload};
    hex_of(v, "request_hash_hex", &want);
    assert_int_equal(crypto_digest(DOMAIN_REQUEST, request, 2, sum), ERR_OK);
    assert_memory_equal(sum, want.data, sizeof sum);

    Ismap__Liu__V1__SubmitAssessment *m =
        ismap__liu__v1__submit_assessment__unpack(NULL, env->payload.len, env->payload.data);
    assert_non_null(m);
    assert_string_equal(m->assessment->business->target_code, "TB-1");
    assert_int_equal(m->assessment->n_items, 1);
    ismap__liu__v1__submit_assessment__free_unpacked(m, NULL);
    ismap__liu__v1__envelope__free_unpacked(env, NULL);
}

static void an_attached_assessment_is_signed_for_its_provider(void **state)
{
    (void)state;
    const json_t *v = json_object_get(file, "attached_assessment");
    struct blob sheet;
    hex_of(v, "assessment_hex", &sheet);
    struct crypto_part parts[] = {part_of(text_of(v, "ministry")),
                                  part_of(text_of(v, "provider")),
                                  {sheet.data, sheet.bytes}};
    assert_string_equal(text_of(json_object_get(v, "signature"), "domain"), DOMAIN_ASSESSMENT);
    signature_holds(json_object_get(v, "signature"), parts, 3);
}

static void leaf_of(const json_t *r, uint8_t out[SHA256_BYTES])
{
    uint8_t seq[8];
    uint8_t at[8];
    struct blob hash;
    be64(seq, json_integer_value(json_object_get(r, "seq")));
    be64(at, json_integer_value(json_object_get(r, "at_ms")));
    hex_of(r, "request_hash_hex", &hash);
    struct crypto_part parts[] = {
        part_of(text_of(r, "epoch")),
        {seq, 8},
        {at, 8},
        {hash.data, hash.bytes},
        part_of(text_of(r, "party")),
        part_of(text_of(r, "id")),
    };
    assert_int_equal(crypto_digest(DOMAIN_RECEIPT, parts, 6, out), ERR_OK);
}

/* The verification that docs/protocol.md gives. */
static void climb(const json_t *path, uint8_t node[SHA256_BYTES])
{
    static const uint8_t tag = 1;
    for (size_t i = 0; i < json_array_size(path); i++) {
        const json_t *step = json_array_get(path, i);
        struct blob hash;
        uint8_t up[SHA256_BYTES];
        hex_of(step, "hash_hex", &hash);
        bool left = json_is_true(json_object_get(step, "sibling_is_left"));
        struct crypto_part parts[] = {{&tag, 1},
                                      {left ? hash.data : node, SHA256_BYTES},
                                      {left ? node : hash.data, SHA256_BYTES}};
        assert_int_equal(crypto_sha256(parts, 3, up), ERR_OK);
        memcpy(node, up, sizeof up);
    }
}

static void every_receipt_leads_to_the_signed_root(void **state)
{
    (void)state;
    const json_t *v = json_object_get(file, "receipts");
    const json_t *rows = json_object_get(v, "receipts");
    struct blob root;
    hex_of(v, "root_hex", &root);
    struct crypto_part part = {root.data, root.bytes};
    signature_holds(json_object_get(v, "signature"), &part, 1);
    assert_int_equal(json_array_size(rows), 5);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *r = json_array_get(rows, i);
        struct blob leaf;
        uint8_t node[SHA256_BYTES];
        hex_of(r, "leaf_hex", &leaf);
        leaf_of(r, node);
        assert_memory_equal(node, leaf.data, sizeof node);
        climb(json_object_get(r, "path"), node);
        assert_memory_equal(node, root.data, sizeof node);
        leaf_of(r, node);
        climb(json_object_get(json_array_get(rows, (i + 1) % 5), "path"), node);
        assert_memory_not_equal(node, root.data, sizeof node);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_envelope_unpacks_and_its_signature_is_over_its_fields),
        cmocka_unit_test(an_attached_assessment_is_signed_for_its_provider),
        cmocka_unit_test(every_receipt_leads_to_the_signed_root),
    };
    return cmocka_run_group_tests(tests, load_file, drop_file);
}
