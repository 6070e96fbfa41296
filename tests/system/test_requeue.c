/* An event that fails for good, is mended and played again by an operator's order: it takes effect
 * once, also over a crash of the consumer, and a second order finds it settled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "loop/loop.h"
#include "obs/log.h"
#include "rig.h"
#include "store/store.h"
#include "wire/unpack.h"

#define GHOST "C-ABCDEFGHABCDEFGH"

static struct rig rig;
static struct loop *loop;
static struct store *store;

static int up(void **state)
{
    (void)state;
    struct err_text why;
    if (rig_up(&rig, STACK_BIT(STACK_INTAKE) | STACK_BIT(STACK_ELIGIBILITY), NULL) != 0)
        return -1;
    (void)rig_party(&rig, "acme");
    log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
    struct store_config config = {.address = rig.stack.redis.address, .partition = "p0"};
    if (loop_create(&loop) != ERR_OK || store_create(loop, &config, &store, &why) != ERR_OK)
        return -1;
    return 0;
}

static int down(void **state)
{
    (void)state;
    store_destroy(store);
    loop_destroy(loop);
    return rig_down(&rig);
}

/* ---- past the services, as a faulty program could write */

struct answer {
    bool done;
    enum commit_status status;
    uint64_t seq;
};

static void on_answer(void *arg, const struct commit_result *r)
{
    struct answer *a = arg;
    *a = (struct answer){true, r->status, r->seq};
}

/* One entry with this event (NULL = none) and this put (NULL = none); its number. */
static uint64_t commit_past(const ProtobufCMessage *event, const struct commit_put *put)
{
    static uint8_t payload[1024], packed[32768];
    Ismap__Liu__V1__JournalEntry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    Ismap__Liu__V1__RecordPut p = ISMAP__LIU__V1__RECORD_PUT__INIT;
    Ismap__Liu__V1__RecordPut *ps = &p;
    struct answer a = {.done = false};
    e.at_ms = clock_wall_ms();
    e.actor = (char *)(uintptr_t) "drill";
    e.cause = (char *)(uintptr_t)(event != NULL ? "drill-event" : "drill-put");
    if (event != NULL) {
        e.type = (char *)(uintptr_t)event->descriptor->name;
        e.payload.len = protobuf_c_message_pack(event, payload);
        e.payload.data = payload;
    }
    if (put != NULL) {
        p.kind = (uint32_t)put->kind;
        p.id = (char *)(uintptr_t)put->id;
        p.revision = put->expected + 1;
        p.value.len = put->value_bytes;
        p.value.data = (uint8_t *)(uintptr_t)put->value;
        e.n_puts = 1;
        e.puts = &ps;
    }
    assert_true(ismap__liu__v1__journal_entry__get_packed_size(&e) <= sizeof packed);
    struct commit_entry entry = {.data = packed,
                                 .bytes = ismap__liu__v1__journal_entry__pack(&e, packed),
                                 .type = event == NULL ? "" : "CaseSubmitted"};
    struct commit c = {.reply_type = "",
                       .now_ms = e.at_ms,
                       .entries = &entry,
                       .n_entries = 1,
                       .puts = put,
                       .n_puts = put == NULL ? 0 : 1};
    int64_t until = clock_mono_ms() + CLIENT_WAIT_MS;
    while (!store_ready(store, NULL) && clock_mono_ms() < until)
        (void)loop_turn(loop, 10);
    assert_int_equal(store_commit(store, STORE_MAIN, &c, on_answer, &a), ERR_OK);
    while (!a.done && clock_mono_ms() < until)
        (void)loop_turn(loop, 10);
    assert_int_equal(a.status, COMMIT_OK);
    return a.seq;
}

/* ---- the operator */

static pb_reply *order(struct client *c, uint64_t seq)
{
    Ismap__Liu__V1__RequeueEvent m = ISMAP__LIU__V1__REQUEUE_EVENT__INIT;
    m.seq = seq;
    m.reason = (char *)(uintptr_t) "the case is there now";
    return client_sign(c, &m.base);
}

static unsigned events(struct client *c, const char *type)
{
    const Ismap__Liu__V1__Events *e = client_fetch(c, 0, 0, type);
    return (unsigned)e->n_events;
}

static void await_events(struct client *c, const char *type, unsigned n)
{
    int64_t until = clock_mono_ms() + CLIENT_WAIT_MS;
    while (events(c, type) < n && clock_mono_ms() < until)
        (void)usleep(20000);
    assert_int_equal(events(c, type), n);
}

/* The pre-application of a real case, under the id that the event names. */
static void mend(const char *real)
{
    static uint8_t value[16384];
    struct client acme;
    Ismap__Liu__V1__GetCase ask = ISMAP__LIU__V1__GET_CASE__INIT;
    client_open(&acme, &rig.stack, STACK_INTAKE, rig_who(&rig, "acme"));
    ask.case_id = (char *)(uintptr_t)real;
    const Ismap__Liu__V1__CaseView *view = client_payload(&acme, client_call(&acme, &ask.base),
                                                          &ismap__liu__v1__case_view__descriptor);
    Ismap__Liu__V1__Case c = *view->record;
    c.id = (char *)(uintptr_t)GHOST;
    assert_true(ismap__liu__v1__case__get_packed_size(&c) <= sizeof value);
    const struct commit_put put = {.kind = RECORD_CASE,
                                   .id = GHOST,
                                   .value = value,
                                   .value_bytes = ismap__liu__v1__case__pack(&c, value)};
    (void)commit_past(NULL, &put);
    client_close(&acme);
}

static void an_event_is_mended_and_played_again_once(void **state)
{
    (void)state;
    struct client o;
    Ismap__Liu__V1__CaseSubmitted m = ISMAP__LIU__V1__CASE_SUBMITTED__INIT;
    const char *real = rig_open_case(&rig, "acme", "tb1", NULL);
    client_open(&o, &rig.stack, STACK_ELIGIBILITY, &rig.stack.operator_);
    await_events(&o, "ismap.liu.v1.VerdictChanged", 1);
    m.case_id = (char *)(uintptr_t)GHOST;
    m.provider = (char *)(uintptr_t) "acme";
    uint64_t seq = commit_past(&m.base, NULL);
    await_events(&o, "ismap.liu.v1.EventQuarantined", 1);

    /* others went on; mended, it is acted on once, whatever happens to the consumer meanwhile */
    mend(real);
    assert_status(order(&o, seq + 1000), ST(NOT_FOUND));
    assert_status(order(&o, seq), ST(OK));
    stack_kill(&rig.stack, STACK_ELIGIBILITY);
    assert_true(stack_start(&rig.stack, STACK_BIT(STACK_ELIGIBILITY)));
    await_events(&o, "ismap.liu.v1.VerdictChanged", 2);
    pb_reply *again = order(&o, seq);
    assert_status(again, ST(ALREADY_EXISTS));
    assert_true(reply_has_rule(again, "P-SETTLED"));
    (void)rig_open_case(&rig, "acme", "tb2", NULL); /* the line has moved on: nothing follows */
    await_events(&o, "ismap.liu.v1.VerdictChanged", 3);
    assert_int_equal(events(&o, "ismap.liu.v1.EventRequeued"), 1);
    assert_int_equal(events(&o, "ismap.liu.v1.EventQuarantined"), 1);

    struct client acme; /* an operator's affair */
    client_open(&acme, &rig.stack, STACK_ELIGIBILITY, rig_who(&rig, "acme"));
    assert_status(order(&acme, seq), ST(PERMISSION_DENIED));
    assert_int_equal(events(&acme, "ismap.liu.v1.EventRequeued"), 0);
    client_close(&acme);
    client_close(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_mended_and_played_again_once),
    };
    return cmocka_run_group_tests_name("requeue", tests, up, down);
}
