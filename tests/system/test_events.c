/* FetchEvents: who sees what, how waiting and waking go, and that a cursor loses nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/clock.h"
#include "rig.h"

#define NAME(x) "ismap.liu.v1." x
#define FAR 1000000u

static struct rig rig;

static int up(void **state)
{
    (void)state;
    if (rig_up(&rig, STACK_BIT(STACK_INTAKE) | STACK_BIT(STACK_MONITOR), NULL) != 0)
        return -1;
    (void)rig_party(&rig, "acme");
    (void)rig_party(&rig, "blossom");
    (void)rig_party(&rig, "mof");
    (void)rig_party(&rig, "moj");
    return 0;
}

static int down(void **state)
{
    (void)state;
    return rig_down(&rig);
}

static uint64_t head(void)
{
    return (uint64_t)stack_metric(&rig.stack, STACK_INTAKE, "liu_journal_seq");
}

static void open_as(struct client *c, unsigned door, const char *id)
{
    client_open(c, &rig.stack, door, rig_who(&rig, id));
}

static size_t count(const char *who, unsigned door, uint64_t after, const char *type)
{
    struct client c;
    open_as(&c, door, who);
    const Ismap__Liu__V1__Events *ev = client_fetch(&c, after, 0, type);
    assert_true(ev->next_seq >= after);
    for (size_t i = 0; i < ev->n_events; i++) {
        assert_true(ev->events[i]->seq > (i == 0 ? after : ev->events[i - 1]->seq));
        if (type != NULL)
            assert_string_equal(ev->events[i]->type, type);
    }
    size_t n = ev->n_events;
    client_close(&c);
    return n;
}

/* A case of acme's that asks mof: they and the operator are told, nobody else; on every service. */
static void only_the_audience_is_told(void **state)
{
    (void)state;
    static const unsigned doors[] = {STACK_INTAKE, STACK_MONITOR};
    uint64_t after = head();
    (void)rig_open_case(&rig, "acme", "tb2", "mof");
    rig_tailed(&rig, STACK_INTAKE, after + 1);
    rig_tailed(&rig, STACK_MONITOR, after + 1);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(count("acme", doors[i], after, NULL), 1);
        assert_int_equal(count("mof", doors[i], after, NULL), 1);
        assert_int_equal(count("operator", doors[i], after, NULL), 1);
        assert_int_equal(count("blossom", doors[i], after, NULL), 0);
        assert_int_equal(count("moj", doors[i], after, NULL), 0);
    }
}

static void types_filter_and_the_cursor_moves_all_the_same(void **state)
{
    (void)state;
    struct client c;
    uint64_t after = head();
    const char *id = rig_open_case(&rig, "acme", "tb2", "mof");
    rig_assess(&rig, id, "tb2-mof", "mof");
    rig_tailed(&rig, STACK_INTAKE, after + 2);
    assert_int_equal(count("acme", STACK_INTAKE, after, NAME("AssessmentRecorded")), 1);
    assert_int_equal(count("acme", STACK_INTAKE, after, NAME("CaseSubmitted")), 1);
    assert_int_equal(count("operator", STACK_INTAKE, after, NAME("AssessmentRecorded")), 1);
    open_as(&c, STACK_INTAKE, "acme");
    const Ismap__Liu__V1__Events *ev = client_fetch(&c, after, 0, NAME("SuspensionImposed"));
    assert_int_equal(ev->n_events, 0);
    assert_true(ev->next_seq >= after + 2);
    client_close(&c);
    open_as(&c, STACK_INTAKE, "moj"); /* none of it is for moj */
    ev = client_fetch(&c, after, 0, NULL);
    assert_int_equal(ev->n_events, 0);
    assert_true(ev->next_seq >= after + 2);
    client_close(&c);
}

static void fetch_begin(struct client *c, uint64_t after, uint32_t wait_ms, char id[65])
{
    Ismap__Liu__V1__FetchEvents ask = ISMAP__LIU__V1__FETCH_EVENTS__INIT;
    const uint8_t *data;
    size_t bytes;
    ask.after_seq = after;
    ask.wait_ms = wait_ms;
    client_envelope(c, &ask.base, NULL, &data, &bytes);
    memcpy(id, c->last_id, 65);
    client_send(c, data, bytes);
}

/* Woken long before the wait is over, also by what another service wrote. */
static void a_waiter_is_woken_at_once(void **state)
{
    (void)state;
    static const unsigned doors[] = {STACK_INTAKE, STACK_MONITOR};
    struct client c[2];
    char ids[2][65];
    uint64_t after = head();
    for (size_t i = 0; i < 2; i++) {
        rig_tailed(&rig, doors[i], after);
        open_as(&c[i], doors[i], "mof");
        fetch_begin(&c[i], after, 25000, ids[i]);
        assert_null(client_receive(&c[i], 300)); /* it waits */
    }
    (void)rig_open_case(&rig, "blossom", "tb4", "moj"); /* not for mof: does not wake it */
    assert_null(client_receive(&c[0], 300));
    int64_t began = clock_mono_ms();
    (void)rig_open_case(&rig, "acme", "tb2", "mof");
    for (size_t i = 0; i < 2; i++) {
        pb_reply *r = client_await(&c[i], ids[i], CLIENT_WAIT_MS);
        assert_status(r, ST(OK));
        const Ismap__Liu__V1__Events *ev =
            client_payload(&c[i], r, &ismap__liu__v1__events__descriptor);
        assert_int_equal(ev->n_events, 1);
        assert_string_equal(ev->events[0]->type, NAME("CaseSubmitted"));
        client_close(&c[i]);
    }
    assert_true(clock_mono_ms() - began < 10000);
}

static void waiting_ends_empty_with_the_cursor_moved(void **state)
{
    (void)state;
    struct client c;
    uint64_t after = head();
    (void)rig_open_case(&rig, "blossom", "tb4", "moj");
    rig_tailed(&rig, STACK_INTAKE, after + 1);
    open_as(&c, STACK_INTAKE, "mof");
    int64_t began = clock_mono_ms();
    const Ismap__Liu__V1__Events *ev = client_fetch(&c, after, 600, NULL);
    assert_int_equal(ev->n_events, 0);
    assert_true(ev->next_seq >= after + 1);
    assert_true(clock_mono_ms() - began >= 500);
    client_close(&c);
}

static void a_second_fetch_answers_the_first(void **state)
{
    (void)state;
    struct client c;
    char first[65], second[65];
    uint64_t after = head();
    open_as(&c, STACK_INTAKE, "mof");
    fetch_begin(&c, after, 25000, first);
    assert_null(client_receive(&c, 200));
    fetch_begin(&c, after, 800, second);
    pb_reply *r = client_receive(&c, CLIENT_WAIT_MS);
    assert_status(r, ST(OK));
    assert_string_equal(r->request_id, first);
    const Ismap__Liu__V1__Events *ev = client_payload(&c, r, &ismap__liu__v1__events__descriptor);
    assert_int_equal(ev->n_events, 0);
    assert_int_equal(ev->next_seq, after);
    r = client_receive(&c, CLIENT_WAIT_MS);
    assert_status(r, ST(OK));
    assert_string_equal(r->request_id, second);
    client_close(&c);
}

static pb_reply *fetch_at(struct client *c, const char *epoch, uint64_t after)
{
    Ismap__Liu__V1__FetchEvents ask = ISMAP__LIU__V1__FETCH_EVENTS__INIT;
    ask.epoch = (char *)(uintptr_t)epoch;
    ask.after_seq = after;
    ask.wait_ms = 10000;
    return client_call(c, &ask.base);
}

static void another_epoch_or_beyond_the_head_is_data_loss(void **state)
{
    (void)state;
    struct client c;
    char text[32];
    open_as(&c, STACK_INTAKE, "mof");
    const Ismap__Liu__V1__Events *ev = client_fetch(&c, 0, 0, NULL);
    assert_int_equal(strlen(ev->epoch), 32);
    pb_reply *r = fetch_at(&c, "0123456789abcdef0123456789abcdef", 1);
    assert_status(r, ST(DATA_LOSS));
    assert_true(reply_has_rule(r, "P-EPOCH"));
    r = fetch_at(&c, ev->epoch, ev->head_seq + FAR);
    assert_status(r, ST(DATA_LOSS));
    assert_true(reply_has_rule(r, "P-HEAD"));
    (void)snprintf(text, sizeof text, "%llu", (unsigned long long)head());
    assert_non_null(strstr(r->details[0]->message_en, text));
    client_close(&c);
}

/* What the operator can see of acme's is what acme got, whatever the size of the steps. */
static void resuming_loses_and_repeats_nothing(void **state)
{
    (void)state;
    struct client c;
    uint64_t seqs[64];
    size_t want = 0, got = 0;
    uint64_t from = head();
    for (int i = 0; i < 7; i++) {
        (void)rig_open_case(&rig, "acme", "tb2", "mof");
        (void)rig_open_case(&rig, "blossom", "tb4", "moj");
    }
    rig_tailed(&rig, STACK_INTAKE, from + 14);
    open_as(&c, STACK_INTAKE, "acme");
    for (uint64_t after = from; after < from + 14;) {
        Ismap__Liu__V1__FetchEvents ask = ISMAP__LIU__V1__FETCH_EVENTS__INIT;
        ask.after_seq = after;
        ask.max = 2;
        pb_reply *r = client_call(&c, &ask.base);
        assert_status(r, ST(OK));
        const Ismap__Liu__V1__Events *ev =
            client_payload(&c, r, &ismap__liu__v1__events__descriptor);
        assert_true(ev->n_events <= 2);
        assert_true(ev->next_seq > after);
        for (size_t i = 0; i < ev->n_events; i++)
            seqs[got++] = ev->events[i]->seq;
        after = ev->next_seq;
    }
    client_close(&c);
    const Ismap__Liu__V1__Events *all = client_fetch(&rig.operator_, from, 0, NULL);
    for (size_t i = 0; i < all->n_events; i++) {
        if (strcmp(all->events[i]->actor, "acme") != 0)
            continue;
        assert_true(want < got);
        assert_int_equal(seqs[want++], all->events[i]->seq);
    }
    assert_int_equal(want, 7);
    assert_int_equal(got, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_audience_is_told),
        cmocka_unit_test(types_filter_and_the_cursor_moves_all_the_same),
        cmocka_unit_test(a_waiter_is_woken_at_once),
        cmocka_unit_test(waiting_ends_empty_with_the_cursor_moved),
        cmocka_unit_test(a_second_fetch_answers_the_first),
        cmocka_unit_test(another_epoch_or_beyond_the_head_is_data_loss),
        cmocka_unit_test(resuming_loses_and_repeats_nothing),
    };
    return cmocka_run_group_tests(tests, up, down);
}
