/* What a client can do wrong: a typed answer or a closed connection, a counted metric, and the next
 * client is served as before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <zmq.h>

#include "base/clock.h"
#include "base/limits.h"
#include "ismap/liu/v1/health.pb-c.h"
#include "rig.h"
#include "wire/unpack.h"

#define ROLE(x) ISMAP__LIU__V1__ROLE__ROLE_##x
#define NAME(x) "ismap.liu.v1." x
#define REFUSED "liu_requests_refused_total"
#define GARBAGE "liu_frames_garbage_total"

static struct rig rig;

static int up(void **state)
{
    (void)state;
    if (rig_up(&rig, STACK_BIT(STACK_INTAKE) | STACK_BIT(STACK_MONITOR), NULL) != 0)
        return -1;
    (void)rig_party(&rig, "acme");
    (void)rig_party(&rig, "mof");
    (void)rig_party(&rig, "moj");
    (void)rig_feed(&rig, "jp-csirt");
    return 0;
}

static int down(void **state)
{
    (void)state;
    return rig_down(&rig);
}

static void good_client_is_served(enum stack_service svc)
{
    Ismap__Liu__V1__GetHealth m = ISMAP__LIU__V1__GET_HEALTH__INIT;
    struct client c;
    client_open(&c, &rig.stack, svc, rig_who(&rig, "acme"));
    pb_reply *r = client_call(&c, &m.base);
    assert_status(r, ST(OK));
    const Ismap__Liu__V1__Health *h = client_payload(&c, r, &ismap__liu__v1__health__descriptor);
    assert_true(h->ready);
    client_close(&c);
    assert_int_equal(stack_http(&rig.stack, svc, "/healthz", NULL, 0), 200);
}

/* Sends bytes as they are; the answer must be this, and the metric must move. */
static void refused(const struct identity *who, unsigned door, const uint8_t *data, size_t bytes,
                    Ismap__Liu__V1__Status status, const char *rule)
{
    enum stack_service svc = door >= STACK_SERVICES ? STACK_MONITOR : (enum stack_service)door;
    struct client c;
    int64_t before = stack_metric(&rig.stack, svc, REFUSED);
    client_open(&c, &rig.stack, door, who);
    client_send(&c, data, bytes);
    pb_reply *r = client_receive(&c, CLIENT_WAIT_MS);
    assert_status(r, status);
    assert_null(r->receipt);
    if (rule != NULL && !reply_has_rule(r, rule))
        fail_msg("no violation of %s, but of %s", rule,
                 r->n_details == 0 ? "nothing" : r->details[0]->rule);
    for (size_t i = 0; i < r->n_details; i++) {
        assert_true(r->details[i]->message_ja[0] != '\0');
        assert_true(r->details[i]->message_en[0] != '\0');
    }
    client_close(&c);
    assert_true(stack_metric(&rig.stack, svc, REFUSED) > before);
    good_client_is_served(svc);
}

static void envelope_is_refused(const char *who, unsigned door, const ProtobufCMessage *m,
                                const struct how *how, Ismap__Liu__V1__Status status,
                                const char *rule)
{
    struct client c;
    const uint8_t *data;
    size_t bytes;
    client_open(&c, &rig.stack, door, rig_who(&rig, who));
    client_envelope(&c, m, how, &data, &bytes);
    refused(rig_who(&rig, who), door, data, bytes, status, rule);
    client_close(&c);
}

static void garbage_frames_are_refused(void **state)
{
    (void)state;
    static const uint8_t zeros[64];
    static const uint8_t open_end[] = {0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 'x'};
    static const uint8_t group[] = {0x0b, 0x0b, 0x0b, 0x0b};
    static const uint8_t varint[] = {0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    uint8_t noise[4096];
    assert_int_equal(crypto_random(noise, sizeof noise), ERR_OK);
    noise[0] = 0xff;
    const struct {
        const uint8_t *data;
        size_t bytes;
    } cases[] = {{zeros, sizeof zeros},
                 {open_end, sizeof open_end},
                 {group, sizeof group},
                 {varint, sizeof varint},
                 {noise, sizeof noise}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refused(rig_who(&rig, "acme"), STACK_INTAKE, cases[i].data, cases[i].bytes,
                ST(INVALID_ARGUMENT), NULL);
    refused(rig_who(&rig, "jp-csirt"), STACK_URGENT, noise, sizeof noise, ST(INVALID_ARGUMENT),
            NULL);
}

static void envelopes_out_of_bounds_are_refused(void **state)
{
    (void)state;
    Ismap__Liu__V1__ListParties m = ISMAP__LIU__V1__LIST_PARTIES__INIT;
    static const uint8_t broken_payload[] = {0x0a, 0x40, 'x'};
    int64_t now = clock_wall_ms();
    const struct {
        struct how how;
        Ismap__Liu__V1__Status status;
        const char *rule;
    } rows[] = {
        {{.type = NAME("NoSuchThing")}, ST(UNIMPLEMENTED), "P-TYPE"},
        {{.type = NAME("Case")}, ST(UNIMPLEMENTED), "P-TYPE"},
        {{.type = NAME("PushAlerts")}, ST(UNIMPLEMENTED), "P-TYPE"},
        {{.version = 2}, ST(INVALID_ARGUMENT), "P-VERSION"},
        {{.id = "short"}, ST(INVALID_ARGUMENT), "P-ID"},
        {{.id = "has space in it"}, ST(INVALID_ARGUMENT), "P-ID"},
        {{.deadline_ms = now - 60000}, ST(DEADLINE_EXCEEDED), "P-DEADLINE"},
        {{.payload = broken_payload, .payload_bytes = sizeof broken_payload},
         ST(INVALID_ARGUMENT),
         "P-PAYLOAD"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        envelope_is_refused("operator", STACK_INTAKE, &m.base, &rows[i].how, rows[i].status,
                            rows[i].rule);
}

static void wrong_roles_are_refused(void **state)
{
    (void)state;
    Ismap__Liu__V1__ListParties list = ISMAP__LIU__V1__LIST_PARTIES__INIT;
    Ismap__Liu__V1__RevokeParty revoke = ISMAP__LIU__V1__REVOKE_PARTY__INIT;
    revoke.id = (char *)(uintptr_t) "operator";
    revoke.reason = (char *)(uintptr_t) "x";
    envelope_is_refused("acme", STACK_INTAKE, &list.base, NULL, ST(PERMISSION_DENIED), "P-ROLE");
    envelope_is_refused("acme", STACK_INTAKE, &revoke.base, &(struct how){.sign = true},
                        ST(PERMISSION_DENIED), "P-ROLE");
    envelope_is_refused("mof", STACK_INTAKE, &rig_application(&rig, "tb1", NULL)->base, NULL,
                        ST(PERMISSION_DENIED), "P-ROLE");
    envelope_is_refused("jp-csirt", STACK_INTAKE, &list.base, NULL, ST(PERMISSION_DENIED),
                        "P-ROLE");
    envelope_is_refused(
        "acme", STACK_URGENT,
        &rig_alert(&rig, 1, "x.example", ISMAP__LIU__V1__EFFECT_LEVEL__EFFECT_LEVEL_GRAVE)->base,
        NULL, ST(PERMISSION_DENIED), "P-ROLE");
}

static void times_outside_the_window_are_refused(void **state)
{
    (void)state;
    Ismap__Liu__V1__SubmitPreApplication *m = rig_application(&rig, "tb1", NULL);
    int64_t now = clock_wall_ms();
    envelope_is_refused("acme", STACK_INTAKE, &m->base,
                        &(struct how){.sent_at_ms = now - LIMIT_RECEIPT_WINDOW_MS - 60000},
                        ST(FAILED_PRECONDITION), "P-STALE");
    envelope_is_refused("acme", STACK_INTAKE, &m->base,
                        &(struct how){.sent_at_ms = now + LIMIT_CLOCK_AHEAD_MS + 60000},
                        ST(FAILED_PRECONDITION), "P-AHEAD");
    envelope_is_refused("acme", STACK_INTAKE, &m->base, &(struct how){.sent_at_ms = -5},
                        ST(INVALID_ARGUMENT), "P-TIME");
}

static void signatures_must_be_the_senders_own(void **state)
{
    (void)state;
    Ismap__Liu__V1__SubmitAssessment *m = rig_assessment(&rig, "CASE-0000000000000000", "tb2-mof");
    int64_t before = clock_wall_ms() - 1000;
    const struct {
        struct how how;
        Ismap__Liu__V1__Status status;
    } rows[] = {
        {{.sign = false}, ST(UNAUTHENTICATED)},
        {{.sign = true, .signer = rig_who(&rig, "moj")}, ST(UNAUTHENTICATED)},
        {{.sign = true, .signer = rig_who(&rig, "moj"), .key_id = "mof-1"}, ST(UNAUTHENTICATED)},
        {{.sign = true, .key_id = "mof-2"}, ST(UNAUTHENTICATED)},
        {{.sign = true, .sign_id = "another-message", .sent_at_ms = before}, ST(UNAUTHENTICATED)},
        {{.sign = true, .instance = "another-scheme"}, ST(UNAUTHENTICATED)},
        {{.sign = true, .sent_at_ms = before - LIMIT_RECEIPT_WINDOW_MS}, ST(FAILED_PRECONDITION)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        envelope_is_refused("mof", STACK_INTAKE, &m->base, &rows[i].how, rows[i].status, NULL);
}

/* The application of tb1 with one byte of a string replaced. */
static void text_is_refused(const char *with, size_t bytes)
{
    struct arena a;
    const uint8_t *data;
    size_t n;
    arena_init(&a, 65536);
    Ismap__Liu__V1__SubmitPreApplication *m = rig_application(&rig, "tb1", NULL);
    m->contact = (char *)(uintptr_t) "MARK-THIS@acme.example";
    assert_int_equal(wire_pack(&a, &m->base, &data, &n), ERR_OK);
    uint8_t *copy = arena_dup(&a, data, n);
    assert_non_null(copy);
    uint8_t *at = memmem(copy, n, "MARK", 4);
    assert_non_null(at);
    memcpy(at, with, bytes);
    envelope_is_refused("acme", STACK_INTAKE, &m->base,
                        &(struct how){.payload = copy, .payload_bytes = n}, ST(INVALID_ARGUMENT),
                        NULL);
    arena_fini(&a);
}

static void broken_text_and_unknown_enums_are_refused(void **state)
{
    (void)state;
    text_is_refused("\xff\xfe", 2);
    text_is_refused("\xc0\xaf", 2);
    text_is_refused("\xed\xa0\x80", 3);
    text_is_refused("\0", 1);
    Ismap__Liu__V1__SubmitPreApplication *m = rig_application(&rig, "tb1", NULL);
    m->service->model = (Ismap__Liu__V1__ServiceModel)99;
    envelope_is_refused("acme", STACK_INTAKE, &m->base, NULL, ST(INVALID_ARGUMENT), NULL);
    m->service->model = (Ismap__Liu__V1__ServiceModel)0;
    envelope_is_refused("acme", STACK_INTAKE, &m->base, NULL, ST(INVALID_ARGUMENT), NULL);
}

static void all_faults_come_in_one_answer(void **state)
{
    (void)state;
    struct client c;
    Ismap__Liu__V1__SubmitPreApplication *m = rig_message(
        &rig, &ismap__liu__v1__submit_pre_application__descriptor, "cases/three-faults.json");
    client_open(&c, &rig.stack, STACK_INTAKE, rig_who(&rig, "acme"));
    pb_reply *r = client_call(&c, &m->base);
    assert_status(r, ST(INVALID_ARGUMENT));
    assert_true(r->n_details >= 3);
    client_close(&c);
}

static void payloads_over_the_types_limit_are_refused(void **state)
{
    (void)state;
    static uint8_t big[LIMIT_PAYLOAD_BYTES + 1];
    Ismap__Liu__V1__ListParties m = ISMAP__LIU__V1__LIST_PARTIES__INIT;
    envelope_is_refused("operator", STACK_INTAKE, &m.base,
                        &(struct how){.payload = big, .payload_bytes = sizeof big},
                        ST(INVALID_ARGUMENT), "P-SIZE");
}

/* ---- below the client of lib/bus: frames that it would never send */

struct raw {
    void *context;
    void *socket;
};

static void raw_open(struct raw *r, const struct identity *who, unsigned door,
                     enum stack_service owner)
{
    char endpoint[64];
    int linger = 0, limit = CLIENT_WAIT_MS;
    (void)snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", rig.stack.ports[door]);
    r->context = zmq_ctx_new();
    r->socket = zmq_socket(r->context, ZMQ_DEALER);
    assert_non_null(r->socket);
    const char *server = rig.stack.servers[owner].curve.public_z85;
    (void)zmq_setsockopt(r->socket, ZMQ_CURVE_SERVERKEY, server, strlen(server) + 1);
    (void)zmq_setsockopt(r->socket, ZMQ_CURVE_PUBLICKEY, who->curve.public_z85, CURVE_Z85_BYTES);
    (void)zmq_setsockopt(r->socket, ZMQ_CURVE_SECRETKEY, who->curve.secret_z85, CURVE_Z85_BYTES);
    (void)zmq_setsockopt(r->socket, ZMQ_LINGER, &linger, sizeof linger);
    (void)zmq_setsockopt(r->socket, ZMQ_RCVTIMEO, &limit, sizeof limit);
    assert_int_equal(zmq_connect(r->socket, endpoint), 0);
}

static void raw_close(struct raw *r)
{
    assert_int_equal(zmq_close(r->socket), 0);
    assert_int_equal(zmq_ctx_term(r->context), 0);
}

static void an_empty_frame_is_garbage(void **state)
{
    (void)state;
    struct raw raw;
    char in[4096];
    int64_t before = stack_metric(&rig.stack, STACK_INTAKE, GARBAGE);
    raw_open(&raw, rig_who(&rig, "acme"), STACK_INTAKE, STACK_INTAKE);
    assert_int_equal(zmq_send(raw.socket, "", 0, 0), 0);
    assert_true(zmq_recv(raw.socket, in, sizeof in, 0) > 0);
    raw_close(&raw);
    assert_true(stack_metric(&rig.stack, STACK_INTAKE, GARBAGE) > before);
    good_client_is_served(STACK_INTAKE);
}

static void too_many_frames_are_counted_as_garbage(void **state)
{
    (void)state;
    static const int counts[] = {2, 3, 500};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct raw raw;
        char in[4096];
        struct arena a;
        ProtobufCMessage *m;
        int64_t before = stack_metric(&rig.stack, STACK_INTAKE, GARBAGE);
        raw_open(&raw, rig_who(&rig, "acme"), STACK_INTAKE, STACK_INTAKE);
        for (int f = 0; f < counts[i]; f++)
            assert_int_equal(zmq_send(raw.socket, "frame", 5, f + 1 < counts[i] ? ZMQ_SNDMORE : 0),
                             5);
        int n = zmq_recv(raw.socket, in, sizeof in, 0);
        assert_true(n > 0);
        arena_init(&a, 65536);
        assert_int_equal(
            wire_unpack(&a, &ismap__liu__v1__reply__descriptor, (uint8_t *)in, (size_t)n, &m),
            ERR_OK);
        assert_status((pb_reply *)(void *)m, ST(INVALID_ARGUMENT));
        arena_fini(&a);
        raw_close(&raw);
        assert_true(stack_metric(&rig.stack, STACK_INTAKE, GARBAGE) > before);
        good_client_is_served(STACK_INTAKE);
    }
}

/* No answer: the connection is closed, and what follows on it is not served. */
static void oversize_frames_close_the_connection(void **state)
{
    (void)state;
    static const struct {
        unsigned door;
        size_t bytes;
        const char *who;
        enum stack_service svc;
    } rows[] = {{STACK_INTAKE, LIMIT_FRAME_BYTES + 1, "acme", STACK_INTAKE},
                {STACK_URGENT, LIMIT_URGENT_FRAME_BYTES + 1, "jp-csirt", STACK_MONITOR}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct raw raw;
        char in[64];
        int limit = 700;
        uint8_t *big = calloc(1, rows[i].bytes);
        assert_non_null(big);
        raw_open(&raw, rig_who(&rig, rows[i].who), rows[i].door, rows[i].svc);
        assert_int_equal(zmq_send(raw.socket, big, rows[i].bytes, 0), (int)rows[i].bytes);
        (void)zmq_setsockopt(raw.socket, ZMQ_RCVTIMEO, &limit, sizeof limit);
        assert_int_equal(zmq_recv(raw.socket, in, sizeof in, 0), -1);
        raw_close(&raw);
        free(big);
        good_client_is_served(rows[i].svc);
    }
}

static void wrong_keys_are_refused_at_the_door(void **state)
{
    (void)state;
    static const unsigned doors[] = {STACK_INTAKE, STACK_MONITOR, STACK_URGENT, STACK_BULK};
    const struct identity *nobody = rig_stranger(&rig, "nobody");
    for (size_t i = 0; i < sizeof doors / sizeof doors[0]; i++) {
        struct client c;
        client_open(&c, &rig.stack, doors[i], nobody);
        assert_int_not_equal(bus_client_send(c.bus, "x", 1, CLIENT_WAIT_MS), ERR_OK);
        assert_int_equal(bus_client_state(c.bus), ERR_AUTH);
        client_close(&c);
    }
    good_client_is_served(STACK_INTAKE);
    good_client_is_served(STACK_MONITOR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(garbage_frames_are_refused),
        cmocka_unit_test(envelopes_out_of_bounds_are_refused),
        cmocka_unit_test(wrong_roles_are_refused),
        cmocka_unit_test(times_outside_the_window_are_refused),
        cmocka_unit_test(signatures_must_be_the_senders_own),
        cmocka_unit_test(broken_text_and_unknown_enums_are_refused),
        cmocka_unit_test(all_faults_come_in_one_answer),
        cmocka_unit_test(payloads_over_the_types_limit_are_refused),
        cmocka_unit_test(an_empty_frame_is_garbage),
        cmocka_unit_test(too_many_frames_are_counted_as_garbage),
        cmocka_unit_test(oversize_frames_close_the_connection),
        cmocka_unit_test(wrong_keys_are_refused_at_the_door),
    };
    return cmocka_run_group_tests(tests, up, down);
}
