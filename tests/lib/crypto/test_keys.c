/* Key files: what is written is read again, and everything else is refused with a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/text.h"
#include "crypto/crypto.h"

/* RFC 8032, 7.1, test 1 */
#define SEED_HEX "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define PUBLIC_HEX "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"

static char folder[] = "/tmp/liu-keys-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/key", folder);
    return 0;
}

static int drop_folder(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(folder);
}

static void put_file(const char *text, size_t n, mode_t mode)
{
    (void)unlink(path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void key_file_holds_id_and_seed(void **state)
{
    static const char text[] = "key_id csp-1.2024_a\ned25519_secret " SEED_HEX "\n";
    struct signing_key *k = NULL;
    struct err_text why = {""};
    uint8_t public_key[ED25519_KEY_BYTES];
    char hex[2 * ED25519_KEY_BYTES + 1];
    (void)state;
    put_file(text, strlen(text), 0600);
    assert_int_equal(signing_key_load(path, &k, &why), ERR_OK);
    assert_string_equal(signing_key_id(k), "csp-1.2024_a");
    signing_key_public(k, public_key);
    text_hex(public_key, sizeof public_key, hex);
    assert_string_equal(hex, PUBLIC_HEX);
    signing_key_free(k);
}

static void saved_key_is_private_and_reads_back(void **state)
{
    struct signing_key *made = NULL;
    struct signing_key *read = NULL;
    struct err_text why = {""};
    struct stat st;
    uint8_t a[ED25519_KEY_BYTES];
    uint8_t b[ED25519_KEY_BYTES];
    (void)state;
    (void)unlink(path);
    mode_t old = umask(0);
    assert_int_equal(signing_key_generate("scheme-1", &made), ERR_OK);
    assert_int_equal(signing_key_save(made, path, &why), ERR_OK);
    (void)umask(old);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_nlink, 1);
    assert_int_equal(signing_key_load(path, &read, &why), ERR_OK);
    signing_key_public(made, a);
    signing_key_public(read, b);
    assert_memory_equal(a, b, sizeof a);
    assert_string_equal(signing_key_id(read), "scheme-1");
    signing_key_free(made);
    signing_key_free(read);
}

static void generated_keys_differ(void **state)
{
    struct signing_key *k[2] = {NULL, NULL};
    uint8_t p[2][ED25519_KEY_BYTES];
    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(signing_key_generate("k", &k[i]), ERR_OK);
        signing_key_public(k[i], p[i]);
        signing_key_free(k[i]);
    }
    assert_memory_not_equal(p[0], p[1], ED25519_KEY_BYTES);
}

static void existing_file_is_never_overwritten(void **state)
{
    struct signing_key *k = NULL;
    struct err_text why = {""};
    char text[8] = "";
    (void)state;
    put_file("mine", 4, 0600);
    assert_int_equal(signing_key_generate("k", &k), ERR_OK);
    assert_int_equal(signing_key_save(k, path, &why), ERR_EXISTS);
    signing_key_free(k);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fread(text, 1, sizeof text, f), 4);
    (void)fclose(f);
    assert_string_equal(text, "mine");
}

static void file_that_others_can_read_is_refused(void **state)
{
    static const char text[] = "key_id a\ned25519_secret " SEED_HEX "\n";
    static const mode_t modes[] = {0604, 0640, 0610, 0601, 0602, 0620, 0644, 0666, 0777};
    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct signing_key *k = NULL;
        struct err_text why = {""};
        put_file(text, strlen(text), modes[i]);
        assert_int_equal(signing_key_load(path, &k, &why), ERR_AUTH);
        assert_non_null(strstr(why.text, "chmod 600"));
    }
}

static void missing_file_and_folder_are_told_apart(void **state)
{
    struct signing_key *k = NULL;
    struct err_text why = {""};
    (void)state;
    (void)unlink(path);
    assert_int_equal(signing_key_load(path, &k, &why), ERR_NOT_FOUND);
    assert_non_null(strstr(why.text, path));
    assert_int_equal(signing_key_load(folder, &k, NULL), ERR_INVAL);
}

static void malformed_files_are_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "\n",
        "key_id a\n",
        "ed25519_secret " SEED_HEX "\nkey_id a\n",
        "key_id \ned25519_secret " SEED_HEX "\n",
        "key_id a b\ned25519_secret " SEED_HEX "\n",
        "key_id  a\ned25519_secret " SEED_HEX "\n",
        "key_id a/b\ned25519_secret " SEED_HEX "\n",
        "key_id a\r\ned25519_secret " SEED_HEX "\r\n",
        "key_id a\ned25519_secret " SEED_HEX,
        "key_id a\ned25519_secret " SEED_HEX "\n\n",
        "key_id a\ned25519_secret " SEED_HEX "00\n",
        "key_id a\ned25519_secret 00\n",
        "key_id a\ned25519_secret  " SEED_HEX "\n",
        "key_id a\n\ned25519_secret " SEED_HEX "\n",
        "Key_id a\ned25519_secret " SEED_HEX "\n",
        "key_id "
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\ned25519_"
        "secret " SEED_HEX "\n",
    };
    static const char with_nul[] = "key_id a\ned25519_secret " SEED_HEX "\n\0x";
    struct signing_key *k = NULL;
    struct err_text why;
    char big[300];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        put_file(rows[i], strlen(rows[i]), 0600);
        if (signing_key_load(path, &k, &why) != ERR_INVAL)
            fail_msg("accepted: %s", rows[i]);
        assert_null(strstr(why.text, "9d61")); /* a reason never shows the secret */
    }
    put_file(with_nul, sizeof with_nul, 0600);
    assert_int_equal(signing_key_load(path, &k, &why), ERR_INVAL);
    memset(big, 'x', sizeof big);
    put_file(big, sizeof big, 0600);
    assert_int_equal(signing_key_load(path, &k, &why), ERR_INVAL);
}

static void bad_key_ids_are_refused(void **state)
{
    uint8_t seed[32] = {0};
    struct signing_key *k = NULL;
    (void)state;
    assert_int_equal(signing_key_from_seed("", seed, &k), ERR_INVAL);
    assert_int_equal(signing_key_from_seed("a\n", seed, &k), ERR_INVAL);
    assert_int_equal(signing_key_from_seed("\xe9\x8d\xb5", seed, &k), ERR_INVAL);
    assert_null(k);
    signing_key_free(NULL);
}

static void save_into_a_missing_folder_says_so(void **state)
{
    uint8_t seed[32] = {1};
    struct signing_key *k = NULL;
    struct err_text why = {""};
    (void)state;
    assert_int_equal(signing_key_from_seed("k", seed, &k), ERR_OK);
    assert_int_equal(signing_key_save(k, "/nonexistent-liu/key", &why), ERR_IO);
    assert_non_null(strstr(why.text, "/nonexistent-liu/key"));
    signing_key_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(key_file_holds_id_and_seed),
        cmocka_unit_test(saved_key_is_private_and_reads_back),
        cmocka_unit_test(generated_keys_differ),
        cmocka_unit_test(existing_file_is_never_overwritten),
        cmocka_unit_test(file_that_others_can_read_is_refused),
        cmocka_unit_test(missing_file_and_folder_are_told_apart),
        cmocka_unit_test(malformed_files_are_refused),
        cmocka_unit_test(bad_key_ids_are_refused),
        cmocka_unit_test(save_into_a_missing_folder_says_so),
    };
    return cmocka_run_group_tests(tests, make_folder, drop_folder);
}
