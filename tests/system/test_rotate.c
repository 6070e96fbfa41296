/* A service's CURVE key is changed while a client sends without pause: both keys are live in the
 * middle, each request takes effect once, and at the end the old key opens nothing. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/text.h"
#include "ismap/liu/v1/health.pb-c.h"
#include "rig.h"

#define IN_FLIGHT 8
#define AGAIN_MS 400

static struct rig rig;

static int up(void **state)
{
    (void)state;
    if (rig_up(&rig, STACK_BIT(STACK_INTAKE), NULL) != 0)
        return -1;
    (void)rig_party(&rig, "acme");
    return 0;
}

static int down(void **state)
{
    (void)state;
    return rig_down(&rig);
}

/* ---- a client with two ways, as docs/protocol.md tells it: without an answer by one of them the
 * same bytes go by the other */

struct request {
    char id[24]; /* empty = none */
    const uint8_t *data;
    size_t bytes;
    int64_t again_ms;
    unsigned tries;
};

struct stream {
    struct client ways[2];
    size_t n_ways;
    size_t prefers;
    struct request open[IN_FLIGHT];
    unsigned sent, answered, duplicates;
};

static void request_make(struct stream *s, struct request *r)
{
    struct how h = {.id = r->id};
    const Ismap__Liu__V1__SubmitPreApplication *m = rig_application(&rig, "tb1", NULL);
    *r = (struct request){.again_ms = 0};
    (void)snprintf(r->id, sizeof r->id, "rotate-%06u", s->sent++);
    client_envelope(&s->ways[0], &m->base, &h, &r->data, &r->bytes);
}

static void take(struct stream *s, const pb_reply *r)
{
    assert_status(r, ST(OK));
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        if (strcmp(s->open[i].id, r->request_id) != 0)
            continue;
        s->open[i].id[0] = '\0';
        s->answered++;
        s->duplicates += r->receipt->duplicate ? 1 : 0;
    }
}

static void step(struct stream *s, bool fresh)
{
    int64_t now = clock_mono_ms();
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        struct request *r = &s->open[i];
        if (r->id[0] == '\0' && fresh)
            request_make(s, r);
        if (r->id[0] == '\0' || now < r->again_ms)
            continue;
        struct client *c = &s->ways[(s->prefers + r->tries++) % s->n_ways];
        (void)bus_client_send(c->bus, r->data, r->bytes, 20);
        r->again_ms = now + AGAIN_MS;
    }
    for (size_t i = 0; i < s->n_ways; i++)
        for (pb_reply *r; (r = client_receive(&s->ways[i], 2)) != NULL;)
            take(s, r);
}

static void stream_for(struct stream *s, unsigned requests)
{
    int64_t until = clock_mono_ms() + CLIENT_WAIT_MS;
    for (unsigned most = s->sent + requests; s->sent < most;) {
        assert_true(clock_mono_ms() < until);
        step(s, true);
    }
}

static void stream_end(struct stream *s)
{
    int64_t until = clock_mono_ms() + CLIENT_WAIT_MS;
    while (s->answered < s->sent) {
        assert_true(clock_mono_ms() < until);
        step(s, false);
    }
}

/* ---- the operator */

static const Ismap__Liu__V1__Health *health(struct client *c)
{
    Ismap__Liu__V1__GetHealth ask = ISMAP__LIU__V1__GET_HEALTH__INIT;
    pb_reply *r = client_call(c, &ask.base);
    assert_status(r, ST(OK));
    return client_payload(c, r, &ismap__liu__v1__health__descriptor);
}

static void hup(void)
{
    assert_int_equal(kill(rig.stack.pids[STACK_INTAKE], SIGHUP), 0);
}

static void wait_for_log(const char *word, struct stream *s)
{
    int64_t until = clock_mono_ms() + CLIENT_WAIT_MS;
    while (!stack_logged(&rig.stack, STACK_INTAKE, word)) {
        assert_true(clock_mono_ms() < until);
        step(s, true);
    }
}

static void signed_by_the_scheme(const Ismap__Liu__V1__Door *d)
{
    uint8_t key[ED25519_KEY_BYTES];
    const struct crypto_part parts[] = {
        {STACK_INSTANCE, strlen(STACK_INSTANCE)},
        {"intake", 6},
        {d->name, strlen(d->name)},
        {d->endpoint, strlen(d->endpoint)},
        {d->public_key, strlen(d->public_key)},
    };
    signing_key_public(rig.stack.scheme, key);
    assert_int_equal(d->signature.len, ED25519_SIGNATURE_BYTES);
    assert_int_equal(crypto_verify(key, DOMAIN_DOOR, parts, 5, d->signature.data), ERR_OK);
}

static void settings_add(const char *text)
{
    char *all = stack_read_file(&rig.stack, "intake.yaml");
    char more[4096];
    (void)snprintf(more, sizeof more, "%s%s", all, text);
    assert_true(stack_write_file(stack_path(&rig.stack, "intake.yaml"), more, 0600));
    free(all);
}

static unsigned journal_cases(void)
{
    unsigned n = 0;
    uint64_t at = 0;
    for (;;) {
        const Ismap__Liu__V1__Events *e =
            client_fetch(&rig.operator_, at, 0, "ismap.liu.v1.CaseSubmitted");
        n += (unsigned)e->n_events;
        if (e->next_seq >= e->head_seq)
            return n;
        at = e->next_seq;
    }
}

/* A faulty key file changes nothing; a good one is taken up without a restart. */
static void second_key(struct stream *s, struct curve_keys *second)
{
    struct err_text why = {""};
    char text[256];
    (void)snprintf(text, sizeof text,
                   "second_endpoint: tcp://127.0.0.1:*\nsecond_curve_key_file: %s/second.curve\n",
                   rig.stack.dir);
    settings_add(text);
    assert_true(stack_write_file(stack_path(&rig.stack, "second.curve"), "no key\n", 0600));
    hup();
    wait_for_log("reload-refused", s);
    assert_int_equal(unlink(stack_path(&rig.stack, "second.curve")), 0);
    assert_int_equal(curve_keys_generate(second), ERR_OK);
    assert_int_equal(curve_keys_save(second, stack_path(&rig.stack, "second.curve"), &why), ERR_OK);
    hup();
    wait_for_log(second->public_z85, s);
}

/* Both are told, signed; the old one is told to be old. Gives the endpoint of the new one. */
static void both_are_told(const struct curve_keys *second, char endpoint[256])
{
    const Ismap__Liu__V1__Health *h = health(&rig.operator_);
    assert_int_equal(h->n_doors, 2);
    const Ismap__Liu__V1__Door *young = h->doors[h->doors[0]->old ? 1 : 0];
    const Ismap__Liu__V1__Door *old = h->doors[h->doors[0]->old ? 0 : 1];
    assert_true(old->old && !young->old);
    assert_string_equal(young->public_key, second->public_z85);
    assert_string_equal(old->public_key, rig.stack.servers[STACK_INTAKE].curve.public_z85);
    signed_by_the_scheme(young);
    signed_by_the_scheme(old);
    (void)text_copy(endpoint, 256, young->endpoint);
}

/* Who still uses the old one is known to operators, and to nobody else. */
static void users_are_told_to_operators(struct client *other)
{
    const Ismap__Liu__V1__Health *h = health(&rig.operator_);
    const Ismap__Liu__V1__Door *old = h->doors[h->doors[0]->old ? 0 : 1];
    bool seen = false;
    assert_true(old->connections >= 2);
    for (size_t i = 0; i < old->n_users; i++)
        seen |= strcmp(old->users[i]->id, "acme") == 0;
    assert_true(seen);
    h = health(other);
    for (size_t i = 0; i < h->n_doors; i++)
        assert_true(h->doors[i]->connections == 0 && h->doors[i]->n_users == 0);
}

static void old_key_is_refused(const struct identity *who)
{
    struct client old;
    client_open(&old, &rig.stack, STACK_INTAKE, who);
    assert_int_not_equal(bus_client_wait(old.bus, 1000), ERR_OK);
    client_close(&old);
}

static void the_key_changes_under_load_and_nothing_is_lost(void **state)
{
    (void)state;
    struct stream s = {.n_ways = 1};
    const struct identity *acme = rig_who(&rig, "acme");
    struct curve_keys second;
    char endpoint[256];
    client_open(&s.ways[0], &rig.stack, STACK_INTAKE, acme);
    stream_for(&s, 50);
    second_key(&s, &second);
    both_are_told(&second, endpoint);

    struct client other; /* served side by side */
    client_open_at(&other, endpoint, second.public_z85, acme);
    stream_for(&s, 50);
    users_are_told_to_operators(&other);

    /* the client gets its second way and keeps sending by the old one until that is closed */
    client_open_at(&s.ways[1], endpoint, second.public_z85, acme);
    s.n_ways = 2;
    stream_for(&s, 50);
    client_close(&rig.operator_);
    client_open_at(&rig.operator_, endpoint, second.public_z85, &rig.stack.operator_);
    assert_int_equal(unlink(stack_path(&rig.stack, "intake.curve")), 0);
    settings_add("drain_ms: 300\n");
    hup();
    wait_for_log("door-closed", &s);
    stream_for(&s, 50);
    s.prefers = 1;
    stream_for(&s, 50);
    stream_end(&s);
    assert_int_equal(journal_cases(), s.sent);
    assert_int_equal(health(&rig.operator_)->n_doors, 1);
    old_key_is_refused(acme);
    client_close(&other);
    client_close(&s.ways[0]);
    client_close(&s.ways[1]);

    /* so it starts again, with the one pair that is left */
    assert_int_equal(stack_stop(&rig.stack, STACK_INTAKE), 0);
    assert_true(stack_start(&rig.stack, STACK_BIT(STACK_INTAKE)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_changes_under_load_and_nothing_is_lost),
    };
    return cmocka_run_group_tests_name("rotate", tests, up, down);
}
