/* The key of an effect is (sender, id), its hash covers type and content: a message takes effect
 * once however often it comes, also over a crash of the service, and its receipt proves it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "rig.h"
#include "wire/unpack.h"

static struct rig rig;

static int up(void **state)
{
    (void)state;
    if (rig_up(&rig, STACK_BIT(STACK_INTAKE), NULL) != 0)
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

static void same_effect(const pb_reply *first, const pb_reply *again)
{
    assert_status(first, ST(OK));
    assert_status(again, ST(OK));
    assert_non_null(first->receipt);
    assert_non_null(again->receipt);
    assert_false(first->receipt->duplicate);
    assert_true(again->receipt->duplicate);
    assert_int_equal(again->receipt->seq, first->receipt->seq);
    assert_int_equal(again->receipt->at_ms, first->receipt->at_ms);
    assert_string_equal(again->receipt->epoch, first->receipt->epoch);
    assert_string_equal(again->type, first->type);
    assert_int_equal(again->payload.len, first->payload.len);
    if (first->payload.len > 0)
        assert_memory_equal(again->payload.data, first->payload.data, first->payload.len);
}

/* Sends the very same bytes twice, with a kill -9 of the service in between when wished. */
static void twice(const char *who, const ProtobufCMessage *m, bool sign, bool kill_between)
{
    struct client c;
    const uint8_t *data;
    size_t bytes;
    char id[65];
    client_open(&c, &rig.stack, STACK_INTAKE, rig_who(&rig, who));
    client_envelope(&c, m, &(struct how){.sign = sign}, &data, &bytes);
    memcpy(id, c.last_id, sizeof id);
    pb_reply *first = client_exchange(&c, data, bytes);
    assert_status(first, ST(OK));
    if (kill_between) {
        stack_kill(&rig.stack, STACK_INTAKE);
        assert_true(stack_start(&rig.stack, STACK_BIT(STACK_INTAKE)));
    }
    pb_reply *again = client_exchange(&c, data, bytes);
    same_effect(first, again);
    assert_true(receipt_verifies(&rig.stack, first->receipt, who, id));
    assert_true(receipt_verifies(&rig.stack, again->receipt, who, id));
    client_close(&c);
}

static void the_same_message_takes_effect_once(void **state)
{
    (void)state;
    twice("acme", &rig_application(&rig, "tb1", NULL)->base, false, false);
}

static void the_stored_reply_survives_a_crash(void **state)
{
    (void)state;
    twice("acme", &rig_application(&rig, "tb2", NULL)->base, false, true);
}

/* The second copy would be refused (the sheet is there already), were it not for the receipt. */
static void a_refusal_gives_way_to_the_stored_reply(void **state)
{
    (void)state;
    const char *id = rig_open_case(&rig, "acme", "tb2", "mof");
    twice("mof", &rig_assessment(&rig, id, "tb2-mof")->base, true, false);
    id = rig_open_case(&rig, "acme", "tb2", "mof");
    twice("mof", &rig_assessment(&rig, id, "tb2-mof")->base, true, true);
}

static void other_content_under_the_id_is_refused(void **state)
{
    (void)state;
    struct client c;
    int64_t reused = stack_metric(&rig.stack, STACK_INTAKE, "liu_id_reused_total");
    Ismap__Liu__V1__SubmitPreApplication *m = rig_application(&rig, "tb1", NULL);
    client_open(&c, &rig.stack, STACK_INTAKE, rig_who(&rig, "acme"));
    pb_reply *first = client_ask(&c, &m->base, &(struct how){.id = "reused-id-1"});
    assert_status(first, ST(OK));
    m->contact = (char *)(uintptr_t) "other@acme.example";
    pb_reply *r = client_ask(&c, &m->base, &(struct how){.id = "reused-id-1"});
    assert_status(r, ST(ALREADY_EXISTS));
    assert_true(reply_has_rule(r, "P-ID-REUSED"));
    assert_null(r->receipt);
    m->contact = (char *)(uintptr_t) "third@acme.example";
    assert_status(client_ask(&c, &m->base, &(struct how){.id = "reused-id-1"}), ST(ALREADY_EXISTS));
    assert_int_equal(stack_metric(&rig.stack, STACK_INTAKE, "liu_id_reused_total"), reused + 2);
    const Ismap__Liu__V1__Events *told = client_fetch(&c, 0, 0, "ismap.liu.v1.IdReused");
    assert_int_equal(told->n_events, 1); /* once, and to the party */
    assert_string_equal(told->events[0]->actor, "acme");
    client_close(&c);
}

static void ids_of_two_senders_are_independent(void **state)
{
    (void)state;
    struct client a, b;
    Ismap__Liu__V1__SubmitPreApplication *mine = rig_application(&rig, "tb1", NULL);
    Ismap__Liu__V1__SubmitPreApplication *theirs = rig_application(&rig, "tb3", NULL);
    client_open(&a, &rig.stack, STACK_INTAKE, rig_who(&rig, "acme"));
    client_open(&b, &rig.stack, STACK_INTAKE, rig_who(&rig, "blossom"));
    pb_reply *first = client_ask(&a, &mine->base, &(struct how){.id = "common-id"});
    pb_reply *second = client_ask(&b, &theirs->base, &(struct how){.id = "common-id"});
    assert_status(first, ST(OK));
    assert_status(second, ST(OK));
    assert_false(second->receipt->duplicate);
    assert_true(second->receipt->seq > first->receipt->seq);
    assert_true(receipt_verifies(&rig.stack, second->receipt, "blossom", "common-id"));
    client_close(&a);
    client_close(&b);
}

static void a_refused_message_may_be_corrected_under_its_id(void **state)
{
    (void)state;
    struct client c;
    Ismap__Liu__V1__SubmitPreApplication *m = rig_application(&rig, "tb1", NULL);
    client_open(&c, &rig.stack, STACK_INTAKE, rig_who(&rig, "acme"));
    m->service->model = ISMAP__LIU__V1__SERVICE_MODEL__SERVICE_MODEL_UNSPECIFIED;
    pb_reply *r = client_ask(&c, &m->base, &(struct how){.id = "corrected-1"});
    assert_status(r, ST(INVALID_ARGUMENT));
    m->service->model = ISMAP__LIU__V1__SERVICE_MODEL__SERVICE_MODEL_SAAS;
    r = client_ask(&c, &m->base, &(struct how){.id = "corrected-1"});
    assert_status(r, ST(OK));
    assert_false(r->receipt->duplicate);
    client_close(&c);
}

#define BURST 31

/* Many in one turn share one signature over a tree: every path leads to the signed root, and to no
 * other request. */
static void receipts_of_a_burst_verify(void **state)
{
    (void)state;
    struct client c;
    char ids[BURST][16];
    size_t seen = 0, with_path = 0;
    client_open(&c, &rig.stack, STACK_INTAKE, rig_who(&rig, "acme"));
    Ismap__Liu__V1__SubmitPreApplication *m = rig_application(&rig, "tb1", NULL);
    for (int i = 0; i < BURST; i++) {
        const uint8_t *data;
        size_t bytes;
        (void)snprintf(ids[i], sizeof ids[i], "burst-%05d", i);
        client_envelope(&c, &m->base, &(struct how){.id = ids[i]}, &data, &bytes);
        client_send(&c, data, bytes);
    }
    for (; seen < BURST; seen++) {
        pb_reply *r = client_receive(&c, CLIENT_WAIT_MS);
        assert_status(r, ST(OK));
        assert_true(receipt_verifies(&rig.stack, r->receipt, "acme", r->request_id));
        assert_false(receipt_verifies(&rig.stack, r->receipt, "mof", r->request_id));
        assert_false(receipt_verifies(&rig.stack, r->receipt, "acme", "burst-x"));
        r->receipt->seq++;
        assert_false(receipt_verifies(&rig.stack, r->receipt, "acme", r->request_id));
        with_path += r->receipt->n_path > 0;
    }
    assert_true(with_path > 0);
    client_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_message_takes_effect_once),
        cmocka_unit_test(the_stored_reply_survives_a_crash),
        cmocka_unit_test(a_refusal_gives_way_to_the_stored_reply),
        cmocka_unit_test(other_content_under_the_id_is_refused),
        cmocka_unit_test(ids_of_two_senders_are_independent),
        cmocka_unit_test(a_refused_message_may_be_corrected_under_its_id),
        cmocka_unit_test(receipts_of_a_burst_verify),
    };
    return cmocka_run_group_tests(tests, up, down);
}
