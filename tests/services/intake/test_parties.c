/* Parties: added, replaced, revoked by operators; a key has one live holder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "build.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "services/intake/intake.h"

static struct work w;
static struct intake *intake;

static int setup(void **state)
{
    (void)state;
    fake_init(&w, "intake", 1718000000000);
    void *made = NULL;
    assert_int_equal(intake_service.create(NULL, &made, NULL), ERR_OK);
    intake = made;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    intake_service.destroy(intake);
    fake_fini(&w);
    return 0;
}

static Ismap__Liu__V1__Status add(pb_party *p, bool replace)
{
    Ismap__Liu__V1__AddParty m;
    ismap__liu__v1__add_party__init(&m);
    m.party = p;
    m.replace = replace;
    Ismap__Liu__V1__Status s =
        fake_send(&w, "ipa", ROLE(OPERATOR), intake_add_party, intake, &m.base);
    if (s == STATUS(OK)) /* as the runtime does from the journal */
        intake_party_changed(intake, p->id, 1, fake_load(&w, RECORD_PARTY, p->id));
    return s;
}

static Ismap__Liu__V1__Status revoke(const char *id)
{
    Ismap__Liu__V1__RevokeParty m;
    ismap__liu__v1__revoke_party__init(&m);
    m.id = lend(id);
    m.reason = lend("left");
    Ismap__Liu__V1__Status s =
        fake_send(&w, "ipa", ROLE(OPERATOR), intake_revoke_party, intake, &m.base);
    if (s == STATUS(OK))
        intake_party_changed(intake, id, 2, fake_load(&w, RECORD_PARTY, id));
    return s;
}

static void a_party_is_added_once_and_replaced_when_said_so(void **state)
{
    (void)state;
    assert_int_equal(add(build_party(&w, "mof", ROLE(MINISTRY), 'm', NULL), false), STATUS(OK));
    assert_int_equal(w.n_events, 1);
    assert_string_equal(w.events[0].type, "PartyChanged");
    assert_int_equal(w.events[0].n_audience, 0);
    const pb_party *p = fake_load(&w, RECORD_PARTY, "mof");
    assert_string_equal(p->changed_by, "ipa");
    assert_int_equal(p->changed_at_ms, w.now_ms);

    assert_int_equal(add(build_party(&w, "mof", ROLE(MINISTRY), 'n', NULL), false),
                     STATUS(ALREADY_EXISTS));
    assert_int_equal(add(build_party(&w, "mof", ROLE(MINISTRY), 'n', NULL), true), STATUS(OK));
    assert_int_equal(add(build_party(&w, "mof", ROLE(PROVIDER), 'n', NULL), true),
                     STATUS(FAILED_PRECONDITION));
}

static void a_key_of_another_live_party_or_feed_is_refused(void **state)
{
    (void)state;
    assert_int_equal(add(build_party(&w, "mof", ROLE(MINISTRY), 'm', NULL), false), STATUS(OK));
    assert_int_equal(add(build_party(&w, "meti", ROLE(MINISTRY), 'm', NULL), false),
                     STATUS(INVALID_ARGUMENT));
    assert_true(fake_has_fault(&w, "party.keys.curve[0]", "P-KEY-TAKEN"));
    assert_int_equal(revoke("mof"), STATUS(OK));
    assert_int_equal(add(build_party(&w, "meti", ROLE(MINISTRY), 'm', NULL), false), STATUS(OK));

    pb_feed feed;
    ismap__liu__v1__feed__init(&feed);
    feed.keys = build_party(&w, "x", ROLE(PROVIDER), 'f', NULL)->keys;
    intake_feed_changed(intake, "csp", 1, &feed.base);
    assert_int_equal(add(build_party(&w, "csp", ROLE(PROVIDER), 'f', NULL), false),
                     STATUS(INVALID_ARGUMENT));
}

/* The journal has not told yet: the key's own record has. */
static void a_key_taken_this_moment_is_refused(void **state)
{
    (void)state;
    char id[RECORD_KEY_ID_BYTES];
    pb_party *p = build_party(&w, "mof", ROLE(MINISTRY), 'm', NULL);
    Ismap__Liu__V1__KeyHolder k = ISMAP__LIU__V1__KEY_HOLDER__INIT;
    assert_int_equal(record_key_id(p->keys->curve[0], id), ERR_OK);
    k.holder = lend("f:jp-csirt");
    fake_store(&w, RECORD_KEY, id, &k.base);
    assert_int_equal(add(p, false), STATUS(INVALID_ARGUMENT));
    assert_true(fake_has_fault(&w, "party.keys.curve[0]", "P-KEY-TAKEN"));
    assert_null(fake_load(&w, RECORD_PARTY, "mof"));
    k.holder = lend(""); /* given back */
    fake_store(&w, RECORD_KEY, id, &k.base);
    assert_int_equal(add(p, false), STATUS(OK));
    const Ismap__Liu__V1__KeyHolder *now = fake_load(&w, RECORD_KEY, id);
    assert_string_equal(now->holder, "p:mof");

    /* a rotation gives back the old key and takes the new one */
    assert_int_equal(add(build_party(&w, "mof", ROLE(MINISTRY), 'n', NULL), true), STATUS(OK));
    assert_string_equal(((const Ismap__Liu__V1__KeyHolder *)fake_load(&w, RECORD_KEY, id))->holder,
                        "");
    assert_int_equal(add(build_party(&w, "meti", ROLE(MINISTRY), 'm', NULL), false), STATUS(OK));
}

static void faults_of_a_party_are_told_at_once(void **state)
{
    (void)state;
    pb_party *p = build_party(&w, "public", ROLE(FEED), 'm', NULL);
    p->revoked = true;
    p->keys->curve[0][39] = '\0';
    Ismap__Liu__V1__SigningKey bad;
    ismap__liu__v1__signing_key__init(&bad);
    Ismap__Liu__V1__SigningKey *signing[] = {&bad};
    p->keys->signing = signing;
    p->keys->n_signing = 1;
    assert_int_equal(add(p, false), STATUS(INVALID_ARGUMENT));
    assert_true(fake_has_fault(&w, "party.id", "P-RESERVED"));
    assert_true(fake_has_fault(&w, "party.role", "P-ROLE"));
    assert_true(fake_has_fault(&w, "party.revoked", "P-FIELD"));
    assert_true(fake_has_fault(&w, "party.keys.curve[0]", "P-KEYS"));
    assert_true(fake_has_fault(&w, "party.keys.signing[0].publicKey", "P-KEYS"));
    assert_true(fake_has_fault(&w, "party.keys.signing[0].keyId", "P-KEYS"));
    assert_int_equal(w.faults.n, 6);
    p->keys = NULL;
    assert_int_equal(add(p, false), STATUS(INVALID_ARGUMENT));
    assert_true(fake_has_fault(&w, "party.keys", "P-KEYS"));
}

static void revoking_is_once_never_oneself_and_never_a_stranger(void **state)
{
    (void)state;
    assert_int_equal(revoke("ipa"), STATUS(FAILED_PRECONDITION));
    assert_true(fake_has_fault(&w, "id", "P-SELF"));
    assert_int_equal(revoke("mof"), STATUS(NOT_FOUND));
    assert_int_equal(add(build_party(&w, "mof", ROLE(MINISTRY), 'm', NULL), false), STATUS(OK));
    assert_int_equal(revoke("mof"), STATUS(OK));
    assert_true(((const Ismap__Liu__V1__PartyChanged *)w.events[0].payload)->revoked);
    assert_true(((const pb_party *)fake_load(&w, RECORD_PARTY, "mof"))->revoked);
    assert_int_equal(revoke("mof"), STATUS(FAILED_PRECONDITION));
}

static void parties_are_listed(void **state)
{
    (void)state;
    assert_int_equal(add(build_party(&w, "mof", ROLE(MINISTRY), 'm', NULL), false), STATUS(OK));
    assert_int_equal(add(build_party(&w, "csp", ROLE(PROVIDER), 'c', NULL), false), STATUS(OK));
    Ismap__Liu__V1__ListParties m;
    ismap__liu__v1__list_parties__init(&m);
    assert_int_equal(fake_send(&w, "ipa", ROLE(OPERATOR), intake_list_parties, intake, &m.base),
                     STATUS(OK));
    const Ismap__Liu__V1__PartyList *list = (const Ismap__Liu__V1__PartyList *)w.reply;
    assert_int_equal(list->n_parties, 2);
    assert_string_equal(list->parties[1]->id, "csp");
}

static void only_the_named_roles_may_send_and_decisions_are_signed(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        const char *roles; /* o operator p provider m ministry a audit body b observer f feed */
        bool changes;
        bool is_signed;
    } expected[] = {
        {"AddParty", "o", true, true},
        {"RevokeParty", "o", true, true},
        {"ListParties", "o", false, false},
        {"SubmitPreApplication", "p", true, false},
        {"SubmitAssessment", "m", true, true},
        {"GetCase", "opm", false, false},
        {"ListCases", "opm", false, false},
        {"ListWaiting", "opm", false, false},
        {"SubmitRegistration", "p", true, false},
        {"DecideRegistration", "o", true, true},
        {"WithdrawCase", "p", true, true},
        {"WithdrawRegistration", "p", true, true},
        {"CancelRegistration", "o", true, true},
        {"DeclareUse", "m", true, false},
        {"ListRegistry", "opmab", false, false},
        {"GetRegistryEntry", "opmab", false, false},
        {"QueryProcurable", "opmab", false, false},
    };
    static const char letters[] = "?opmafb";
    assert_int_equal(intake_service.n_rows, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < intake_service.n_rows; i++) {
        const struct dispatch_row *row = &intake_service.rows[i];
        assert_string_equal(row->type->short_name, expected[i].type);
        for (unsigned role = 0; role < 7; role++)
            assert_int_equal((row->roles & ROLE_BIT(role)) != 0,
                             strchr(expected[i].roles, letters[role]) != NULL);
        assert_int_equal((row->flags & ROW_CHANGES) != 0, expected[i].changes);
        assert_int_equal((row->flags & ROW_SIGNED) != 0, expected[i].is_signed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_party_is_added_once_and_replaced_when_said_so, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_key_of_another_live_party_or_feed_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_key_taken_this_moment_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(faults_of_a_party_are_told_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(revoking_is_once_never_oneself_and_never_a_stranger, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(parties_are_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(only_the_named_roles_may_send_and_decisions_are_signed,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
