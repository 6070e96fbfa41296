/* Receipts of a turn share one signature: each path leads from its leaf to the signed root,
 * recomputed here from the protocol's text alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "rows.h"

static int up(void **state)
{
    (void)state;
    fake_up(&rows_service);
    return 0;
}

static int down(void **state)
{
    (void)state;
    fake_down();
    return 0;
}

static void put_u64(uint8_t out[8], uint64_t v)
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        out[i] = (uint8_t)v;
}

static void root_of(const pb_receipt *r, const char *sender, const char *id,
                    uint8_t node[SHA256_BYTES])
{
    uint8_t seq[8], at[8];
    put_u64(seq, r->seq);
    put_u64(at, (uint64_t)r->at_ms);
    struct crypto_part leaf[] = {{r->epoch, strlen(r->epoch)},
                                 {seq, 8},
                                 {at, 8},
                                 {r->request_hash.data, r->request_hash.len},
                                 {sender, strlen(sender)},
                                 {id, strlen(id)}};
    assert_int_equal(crypto_digest("ismap-liu/v1/receipt", leaf, 6, node), ERR_OK);
    for (size_t i = 0; i < r->n_path; i++) {
        uint8_t text[1 + 2 * SHA256_BYTES] = {0x01};
        bool left = r->path[i]->sibling_is_left;
        assert_int_equal(r->path[i]->hash.len, SHA256_BYTES);
        memcpy(text + 1, left ? r->path[i]->hash.data : node, SHA256_BYTES);
        memcpy(text + 1 + SHA256_BYTES, left ? node : r->path[i]->hash.data, SHA256_BYTES);
        struct crypto_part all = {text, sizeof text};
        assert_int_equal(crypto_sha256(&all, 1, node), ERR_OK);
    }
}

static bool verifies(const pb_receipt *r, const char *sender, const char *id)
{
    uint8_t root[SHA256_BYTES], key[ED25519_KEY_BYTES];
    root_of(r, sender, id, root);
    signing_key_public(fake.flow.scheme_key, key);
    struct crypto_part part = {root, sizeof root};
    return crypto_verify(key, "ismap-liu/v1/receipt", &part, 1, r->signature.data) == ERR_OK;
}

/* All commits of the turn are answered before it ends. */
static void one_turn_of(size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char id[32];
        (void)snprintf(id, sizeof id, "case-%zu", i);
        send_touch(id, NULL);
    }
    fake_turn();
    assert_int_equal(fake.n_commits, n);
    for (size_t i = 0; i < n; i++) {
        struct commit_result r = {
            .status = COMMIT_OK, .seq = 100 + i, .at_ms = FAKE_NOW, .text = ""};
        fake.commits[i].fn(fake.commits[i].arg, &r);
    }
    fake.n_commits = 0;
    assert_int_equal(fake.n_sent, 0); /* nothing goes out unsigned */
    fake_turn();
    assert_int_equal(fake.n_sent, n);
}

static void every_leaf_leads_to_the_signed_root(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 33};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        const size_t n = sizes[s];
        size_t depth = 0;
        fake_down();
        fake_up(&rows_service);
        one_turn_of(n);
        for (size_t i = 1; i < n; i *= 2)
            depth++;
        for (size_t i = 0; i < n; i++) {
            pb_receipt *r = fake.sent[i].reply->receipt;
            const char *id = fake.sent[i].reply->request_id;
            assert_non_null(r);
            assert_string_equal(r->key_id, "scheme-1");
            assert_int_equal(r->signature.len, ED25519_SIGNATURE_BYTES);
            assert_memory_equal(r->signature.data, fake.sent[0].reply->receipt->signature.data,
                                ED25519_SIGNATURE_BYTES);
            assert_true(r->n_path <= depth);
            assert_true(verifies(r, "acme", id));
            assert_false(verifies(r, "other", id));
            assert_false(verifies(r, "acme", "another-id"));
            r->seq++;
            assert_false(verifies(r, "acme", id));
            r->seq--;
            if (r->n_path > 0) {
                r->path[0]->sibling_is_left = !r->path[0]->sibling_is_left;
                assert_false(verifies(r, "acme", id));
            }
        }
    }
}

static void without_a_scheme_key_receipts_are_unsigned(void **state)
{
    (void)state;
    signing_key_free(fake.flow.scheme_key);
    fake.flow.scheme_key = NULL;
    send_touch("case-a", NULL);
    fake_commit_all();
    assert_int_equal(fake_status(0), FLOW_STATUS(OK));
    assert_non_null(fake.sent[0].reply->receipt);
    assert_int_equal(fake.sent[0].reply->receipt->signature.len, 0);
    assert_string_equal(fake.sent[0].reply->receipt->key_id, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_leaf_leads_to_the_signed_root, up, down),
        cmocka_unit_test_setup_teardown(without_a_scheme_key_receipts_are_unsigned, up, down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
