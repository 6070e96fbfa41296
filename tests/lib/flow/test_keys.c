/* The scheme's key changes with its file, and never into another one of the same id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flow/internal.h"

static struct flow flow;
static char path[64];

static void put_key(const char *id)
{
    struct signing_key *k;
    struct err_text why;
    (void)unlink(path);
    assert_int_equal(signing_key_generate(id, &k), ERR_OK);
    assert_int_equal(signing_key_save(k, path, &why), ERR_OK);
    signing_key_free(k);
}

static void look(void)
{
    flow.key_seen.next_ms = 0;
    flow.key_seen.at_s = 0; /* files of one test may have one time */
    keys_look(&flow);
}

static void a_new_key_takes_over_and_an_id_never_changes_its_key(void **state)
{
    uint8_t first[ED25519_KEY_BYTES], now[ED25519_KEY_BYTES];
    (void)state;
    (void)snprintf(path, sizeof path, "/tmp/liu-keys-%ld", (long)getpid());
    flow.set.signing_key_file = path;
    put_key("a");
    look();
    assert_string_equal(signing_key_id(flow.scheme_key), "a");
    signing_key_public(flow.scheme_key, first);
    put_key("a");
    look();
    signing_key_public(flow.scheme_key, now);
    assert_memory_equal(first, now, sizeof now);
    put_key("b");
    look();
    assert_string_equal(signing_key_id(flow.scheme_key), "b");
    put_key("a");
    look();
    assert_string_equal(signing_key_id(flow.scheme_key), "b");
    assert_int_equal(chmod(path, 0644), 0); /* a file that others can read is none */
    look();
    assert_int_equal(unlink(path), 0);
    look();
    assert_string_equal(signing_key_id(flow.scheme_key), "b");
    keys_free(&flow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_key_takes_over_and_an_id_never_changes_its_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
