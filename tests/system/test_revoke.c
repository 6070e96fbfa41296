/* A party with requests open is revoked: after the revocation's receipt nothing of it commits
 * anywhere, what waits is answered PERMISSION_DENIED, and its connections are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "rig.h"

#define FLOOD 100

static struct rig rig;

static int up(void **state)
{
    (void)state;
    if (rig_up(&rig, STACK_BIT(STACK_INTAKE) | STACK_BIT(STACK_MONITOR), NULL) != 0)
        return -1;
    (void)rig_party(&rig, "acme");
    (void)rig_party(&rig, "blossom");
    (void)rig_party(&rig, "mof");
    return 0;
}

static int down(void **state)
{
    (void)state;
    return rig_down(&rig);
}

static void handshake_is_refused(const struct identity *who, unsigned door)
{
    struct client c;
    client_open(&c, &rig.stack, door, who);
    assert_int_not_equal(bus_client_send(c.bus, "x", 1, CLIENT_WAIT_MS), ERR_OK);
    assert_int_equal(bus_client_state(c.bus), ERR_AUTH);
    client_close(&c);
}

/* The flood is under way when the revocation is sent: each of its messages has either a receipt
 * from before, or a refusal; none commits after. */
static void nothing_commits_after_the_receipt(void **state)
{
    (void)state;
    struct client c;
    size_t before = 0, refused = 0;
    client_open(&c, &rig.stack, STACK_INTAKE, rig_who(&rig, "acme"));
    Ismap__Liu__V1__SubmitPreApplication *m = rig_application(&rig, "tb1", NULL);
    for (int i = 0; i < FLOOD; i++) {
        const uint8_t *data;
        size_t bytes;
        client_envelope(&c, &m->base, NULL, &data, &bytes);
        client_send(&c, data, bytes);
    }
    pb_reply *revoked = rig_revoke(&rig, "acme");
    assert_status(revoked, ST(OK));
    for (int i = 0; i < FLOOD; i++) {
        const uint8_t *data;
        size_t bytes;
        client_envelope(&c, &m->base, NULL, &data, &bytes);
        if (bus_client_send(c.bus, data, bytes, 1000) != ERR_OK)
            break;
    }
    for (int i = 0; i < 2 * FLOOD; i++) {
        pb_reply *r = client_receive(&c, 1000);
        if (r == NULL)
            break;
        if (r->status == ST(OK)) {
            assert_true(r->receipt->seq < revoked->receipt->seq);
            before++;
        } else {
            assert_status(r, ST(PERMISSION_DENIED));
            assert_null(r->receipt);
            refused++;
        }
    }
    assert_true(refused >= FLOOD);
    assert_true(before + refused >= FLOOD);
    client_close(&c);
    handshake_is_refused(rig_who(&rig, "acme"), STACK_INTAKE);
    rig_tailed(&rig, STACK_MONITOR, revoked->receipt->seq);
    handshake_is_refused(rig_who(&rig, "acme"), STACK_MONITOR);
    const uint64_t head = (uint64_t)stack_metric(&rig.stack, STACK_INTAKE, "liu_journal_seq");
    const Ismap__Liu__V1__Events *ev = client_fetch(&rig.operator_, revoked->receipt->seq, 0, NULL);
    assert_true(ev->next_seq >= head);
    for (size_t i = 0; i < ev->n_events; i++)
        assert_string_not_equal(ev->events[i]->actor, "acme");
}

/* On every service, also one that does not write parties. */
static void waiting_fetches_are_denied(void **state)
{
    (void)state;
    static const unsigned doors[] = {STACK_INTAKE, STACK_MONITOR};
    struct client c[2];
    Ismap__Liu__V1__FetchEvents ask = ISMAP__LIU__V1__FETCH_EVENTS__INIT;
    ask.after_seq = (uint64_t)stack_metric(&rig.stack, STACK_INTAKE, "liu_journal_seq");
    ask.wait_ms = 2500;
    for (size_t i = 0; i < 2; i++) {
        const uint8_t *data;
        size_t bytes;
        client_open(&c[i], &rig.stack, doors[i], rig_who(&rig, "blossom"));
        client_envelope(&c[i], &ask.base, NULL, &data, &bytes);
        client_send(&c[i], data, bytes);
        assert_null(client_receive(&c[i], 200));
    }
    pb_reply *revoked = rig_revoke(&rig, "blossom");
    assert_status(revoked, ST(OK));
    for (size_t i = 0; i < 2; i++) {
        assert_status(client_receive(&c[i], CLIENT_WAIT_MS), ST(PERMISSION_DENIED));
        rig_tailed(&rig, doors[i], revoked->receipt->seq);
        assert_status(client_call(&c[i], &ask.base), ST(PERMISSION_DENIED));
        client_close(&c[i]);
    }
}

/* A signature's key that was replaced signs nothing any more; the new one does. */
static void a_replaced_key_signs_no_more(void **state)
{
    (void)state;
    struct client c;
    Ismap__Liu__V1__AddParty add = ISMAP__LIU__V1__ADD_PARTY__INIT;
    struct identity newer = {.id = ""};
    const char *id = NULL;
    (void)rig_party(&rig, "cirrus");
    id = rig_open_case(&rig, "cirrus", "tb2", "mof");
    assert_true(identity_make(&newer, "mof-new"));
    add.replace = true;
    add.party = rig_message(&rig, &ismap__liu__v1__party__descriptor, "parties/mof.json");
    add.party->keys = rig_keys(&rig, &newer);
    add.party->keys->curve[0] = (char *)(uintptr_t)rig_who(&rig, "mof")->curve.public_z85;
    client_open(&c, &rig.stack, STACK_INTAKE, rig_who(&rig, "mof"));
    assert_status(client_sign(&rig.operator_, &add.base), ST(OK));
    Ismap__Liu__V1__SubmitAssessment *m = rig_assessment(&rig, id, "tb2-mof");
    m->assessment->provider = (char *)(uintptr_t) "cirrus";
    assert_status(client_sign(&c, &m->base), ST(UNAUTHENTICATED));
    assert_status(client_ask(&c, &m->base, &(struct how){.sign = true, .signer = &newer}), ST(OK));
    client_close(&c);
    identity_free(&newer);
}

/* Two operators at two services in the same moment: one of them gets the key. */
static void a_key_is_given_to_one_of_a_party_and_a_feed(void **state)
{
    (void)state;
    struct client feeds;
    client_open(&feeds, &rig.stack, STACK_MONITOR, &rig.stack.operator_);
    for (int i = 0; i < 10; i++) {
        struct identity shared = {.id = ""};
        char id[32];
        const uint8_t *party, *feed;
        size_t party_bytes, feed_bytes;
        Ismap__Liu__V1__AddParty add = ISMAP__LIU__V1__ADD_PARTY__INIT;
        Ismap__Liu__V1__AddFeed add_feed = ISMAP__LIU__V1__ADD_FEED__INIT;
        (void)snprintf(id, sizeof id, "shared-%d", i);
        assert_true(identity_make(&shared, id));
        add.party = rig_message(&rig, &ismap__liu__v1__party__descriptor, "parties/moj.json");
        add_feed.feed = rig_message(&rig, &ismap__liu__v1__feed__descriptor, "feeds/jp-csirt.json");
        add.party->id = add_feed.feed->id = id;
        add.party->keys = add_feed.feed->keys = rig_keys(&rig, &shared);
        client_envelope(&rig.operator_, &add.base, &(struct how){.sign = true}, &party,
                        &party_bytes);
        client_envelope(&feeds, &add_feed.base, &(struct how){.sign = true}, &feed, &feed_bytes);
        client_send(&rig.operator_, party, party_bytes);
        client_send(&feeds, feed, feed_bytes);
        const pb_reply *a = client_await(&rig.operator_, rig.operator_.last_id, 10000);
        const pb_reply *b = client_await(&feeds, feeds.last_id, 10000);
        assert_non_null(a);
        assert_non_null(b);
        assert_int_equal((a->status == ST(OK)) + (b->status == ST(OK)), 1);
        assert_true(reply_has_rule(a->status == ST(OK) ? b : a, "P-KEY-TAKEN"));
        identity_free(&shared);
    }
    client_close(&feeds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_commits_after_the_receipt),
        cmocka_unit_test(waiting_fetches_are_denied),
        cmocka_unit_test(a_replaced_key_signs_no_more),
        cmocka_unit_test(a_key_is_given_to_one_of_a_party_and_a_feed),
    };
    return cmocka_run_group_tests(tests, up, down);
}
