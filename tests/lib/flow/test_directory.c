/* Who may come in: keys in rotation, revocation, newer and older news, records nobody can read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "flow/internal.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define KEY_C "cccccccccccccccccccccccccccccccccccccccc"

static struct directory *dir;

static int up(void **state)
{
    (void)state;
    return directory_create(&dir) == ERR_OK ? 0 : -1;
}

static int down(void **state)
{
    (void)state;
    directory_destroy(dir);
    return 0;
}

static enum err tell(const char *id, uint64_t revision, const char *first, const char *second,
                     bool revoked)
{
    uint8_t packed[512];
    Ismap__Liu__V1__Party p = ISMAP__LIU__V1__PARTY__INIT;
    Ismap__Liu__V1__PartyKeys keys = ISMAP__LIU__V1__PARTY_KEYS__INIT;
    char *list[] = {(char *)(uintptr_t)first, (char *)(uintptr_t)second};
    keys.curve = list;
    keys.n_curve = second == NULL ? 1 : 2;
    p.id = (char *)(uintptr_t)id;
    p.role = ISMAP__LIU__V1__ROLE__ROLE_MINISTRY;
    p.keys = &keys;
    p.revoked = revoked;
    size_t n = ismap__liu__v1__party__pack(&p, packed);
    return directory_update(dir, RECORD_PARTY, id, revision, packed, n);
}

static void owner_is(const char *key, const char *owner)
{
    const char *got = directory_by_curve(dir, key);
    if (owner == NULL) {
        assert_null(got);
        return;
    }
    assert_non_null(got);
    assert_ptr_equal(directory_sender(dir, got), directory_actor(dir, owner));
    assert_non_null(directory_actor(dir, owner));
}

static void two_keys_let_in_while_they_rotate(void **state)
{
    (void)state;
    assert_int_equal(tell("mof", 1, KEY_A, NULL, false), ERR_OK);
    owner_is(KEY_A, "p:mof");
    assert_int_equal(tell("mof", 2, KEY_A, KEY_B, false), ERR_OK);
    owner_is(KEY_A, "p:mof");
    owner_is(KEY_B, "p:mof");
    assert_int_equal(tell("mof", 3, KEY_B, NULL, false), ERR_OK);
    owner_is(KEY_A, NULL);
    owner_is(KEY_B, "p:mof");
    assert_int_equal(directory_size(dir), 1);
}

static void a_connection_of_a_replaced_key_is_nobodys(void **state)
{
    (void)state;
    char opened[160];
    assert_int_equal(tell("mof", 1, KEY_A, NULL, false), ERR_OK);
    (void)snprintf(opened, sizeof opened, "%s", directory_by_curve(dir, KEY_A));
    assert_non_null(directory_sender(dir, opened));
    assert_int_equal(tell("mof", 2, KEY_B, NULL, false), ERR_OK);
    assert_null(directory_sender(dir, opened));
    assert_int_equal(tell("moj", 1, KEY_A, NULL, false), ERR_OK);
    assert_null(directory_sender(dir, opened)); /* nor the next owner's */
    assert_null(directory_sender(dir, "p:mof"));
}

static void revocation_closes_every_key(void **state)
{
    (void)state;
    assert_int_equal(tell("mof", 1, KEY_A, KEY_B, false), ERR_OK);
    assert_int_equal(tell("mof", 2, KEY_A, KEY_B, true), ERR_OK);
    owner_is(KEY_A, NULL);
    owner_is(KEY_B, NULL);
    assert_true(directory_actor(dir, "p:mof")->revoked);
    assert_int_equal(directory_actor(dir, "p:mof")->revision, 2);
}

static void older_news_change_nothing(void **state)
{
    (void)state;
    assert_int_equal(tell("mof", 5, KEY_A, NULL, true), ERR_OK);
    assert_int_equal(tell("mof", 4, KEY_A, NULL, false), ERR_OK);
    owner_is(KEY_A, NULL);
    assert_true(directory_actor(dir, "p:mof")->revoked);
    assert_int_equal(tell("mof", 6, KEY_A, NULL, false), ERR_OK);
    owner_is(KEY_A, "p:mof");
}

static void a_freed_key_may_be_taken_by_another(void **state)
{
    (void)state;
    assert_int_equal(tell("mof", 1, KEY_A, NULL, false), ERR_OK);
    assert_int_equal(tell("mof", 2, KEY_C, NULL, false), ERR_OK);
    assert_int_equal(tell("moj", 1, KEY_A, NULL, false), ERR_OK);
    owner_is(KEY_A, "p:moj");
    assert_int_equal(tell("mof", 3, KEY_C, NULL, true), ERR_OK); /* does not touch moj's */
    owner_is(KEY_A, "p:moj");
    owner_is(KEY_C, NULL);
}

/* In doubt nobody is let in. */
static void an_unreadable_record_locks_its_party_out(void **state)
{
    (void)state;
    static const uint8_t junk[] = {0x0a, 0x7f, 'x'};
    assert_int_equal(tell("mof", 1, KEY_A, NULL, false), ERR_OK);
    assert_int_not_equal(directory_update(dir, RECORD_PARTY, "mof", 2, junk, sizeof junk), ERR_OK);
    owner_is(KEY_A, NULL);
    assert_true(directory_actor(dir, "p:mof")->revoked);
}

static void parties_and_feeds_of_one_name_are_two(void **state)
{
    (void)state;
    uint8_t packed[512];
    Ismap__Liu__V1__Feed f = ISMAP__LIU__V1__FEED__INIT;
    Ismap__Liu__V1__PartyKeys keys = ISMAP__LIU__V1__PARTY_KEYS__INIT;
    char *list[] = {(char *)(uintptr_t)KEY_B};
    keys.curve = list;
    keys.n_curve = 1;
    f.id = (char *)(uintptr_t) "mof";
    f.keys = &keys;
    size_t n = ismap__liu__v1__feed__pack(&f, packed);
    assert_int_equal(tell("mof", 1, KEY_A, NULL, false), ERR_OK);
    assert_int_equal(directory_update(dir, RECORD_FEED, "mof", 1, packed, n), ERR_OK);
    owner_is(KEY_A, "p:mof");
    owner_is(KEY_B, "f:mof");
    assert_int_equal(directory_actor(dir, "f:mof")->role, ISMAP__LIU__V1__ROLE__ROLE_FEED);
    assert_int_equal(directory_actor(dir, "p:mof")->role, ISMAP__LIU__V1__ROLE__ROLE_MINISTRY);
}

static void mirrored_records_are_handed_out_as_stored(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {1, 2, 3};
    uint64_t revision;
    const uint8_t *value;
    size_t n;
    assert_false(directory_record(dir, RECORD_CASE, "x", &revision, &value, &n));
    assert_true(directory_record(dir, RECORD_ACTIVE, "rulebook", &revision, &value, &n));
    assert_int_equal(revision, 0); /* known not to be there */
    assert_int_equal(directory_update(dir, RECORD_ACTIVE, "rulebook", 3, bytes, 3), ERR_OK);
    assert_true(directory_record(dir, RECORD_ACTIVE, "rulebook", &revision, &value, &n));
    assert_int_equal(revision, 3);
    assert_int_equal(n, 3);
    assert_memory_equal(value, bytes, 3);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, up, down)
    const struct CMUnitTest tests[] = {
        T(two_keys_let_in_while_they_rotate),     T(a_connection_of_a_replaced_key_is_nobodys),
        T(revocation_closes_every_key),           T(older_news_change_nothing),
        T(a_freed_key_may_be_taken_by_another),   T(an_unreadable_record_locks_its_party_out),
        T(parties_and_feeds_of_one_name_are_two), T(mirrored_records_are_handed_out_as_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
