/* Events take effect exactly once: the cursor is in the commit of the effect, whatever becomes of
 * that commit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "rows.h"

static int up(void **state)
{
    (void)state;
    fake_up(&rows_service);
    assert_int_equal(consumer_start(&fake.flow, 0, 0), ERR_OK);
    return 0;
}

static int down(void **state)
{
    (void)state;
    fake_down();
    return 0;
}

static uint64_t offered;

static void offer_bytes(const char *type, const uint8_t *data, size_t bytes)
{
    pb_entry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    e.type = (char *)(uintptr_t)type;
    e.payload = (ProtobufCBinaryData){.len = bytes, .data = (uint8_t *)(uintptr_t)data};
    offered = fake.flow.tail_seq + 1;
    consumer_offer(&fake.flow, offered, &e);
    fake.flow.tail_seq = offered;
}

/* The journal's next entry: a party of this id has changed. */
static void offer(const char *id)
{
    Ismap__Liu__V1__PartyChanged m = ISMAP__LIU__V1__PARTY_CHANGED__INIT;
    uint8_t packed[128];
    m.id = (char *)(uintptr_t)id;
    offer_bytes(m.base.descriptor->name, packed, ismap__liu__v1__party_changed__pack(&m, packed));
}

static uint64_t cursor(void)
{
    struct arena a;
    arena_init(&a, 4096);
    const Ismap__Liu__V1__Cursor *c = fake_load(&a, RECORD_CURSOR, "intake");
    uint64_t seq = c == NULL ? 0 : c->seq;
    arena_fini(&a);
    return seq;
}

static void go(void)
{
    consumer_go(&fake.flow);
    fake_turn();
}

/* Until nothing moves: commits answered by the rules, retry timers fired. */
static void settle(void)
{
    for (int i = 0; i < 100; i++) {
        go();
        fake_commit_all();
        fake_fire();
    }
}

static void a_batch_is_one_commit_with_the_cursor(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "case-%d", i);
        offer(id);
    }
    go();
    assert_int_equal(fake.n_commits, 1);
    assert_int_equal(fake.commits[0].commit->n_puts, 6);
    assert_int_equal(fake.commits[0].commit->n_entries, 5);
    assert_null(fake.commits[0].commit->receipt_party);
    fake_commit_ok();
    assert_int_equal(cursor(), 5);
    for (int i = 0; i < 5; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "case-%d", i);
        assert_int_equal(touched(id), 1);
    }
}

/* The third touches what the first writes: it is decided again after the first is on disk. */
static void a_batch_is_cut_before_an_overlap(void **state)
{
    (void)state;
    offer("case-a");
    offer("case-b");
    offer("case-a");
    offer("case-c");
    go();
    assert_int_equal(fake.n_commits, 1);
    assert_int_equal(fake.commits[0].commit->n_puts, 3);
    fake_commit_ok();
    assert_int_equal(cursor(), 2);
    settle();
    assert_int_equal(cursor(), 4);
    assert_int_equal(touched("case-a"), 2);
    assert_int_equal(touched("case-b"), 1);
    assert_int_equal(touched("case-c"), 1);
}

static void more_than_a_batch_goes_in_batches(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "case-%d", i);
        offer(id);
    }
    go();
    assert_true(fake.commits[0].commit->n_entries <= LIMIT_CONSUMER_EVENTS);
    settle();
    assert_int_equal(cursor(), 100);
    assert_true(fake.commits_seen >= 4 && fake.commits_seen <= 10);
    assert_int_equal(touched("case-0"), 1);
    assert_int_equal(touched("case-99"), 1);
}

static void types_of_no_interest_move_the_cursor_along(void **state)
{
    (void)state;
    offer("case-a");
    offer_bytes("ismap.liu.v1.PlanMade", NULL, 0);
    offer_bytes("", NULL, 0);
    settle();
    assert_int_equal(cursor(), 3);
    assert_int_equal(touched("case-a"), 1);
}

static bool quarantined(uint64_t seq)
{
    char id[48];
    (void)snprintf(id, sizeof id, "intake/%llu", (unsigned long long)seq);
    return fake_revision(RECORD_QUARANTINED, id) > 0;
}

static void what_fails_for_good_goes_to_quarantine_in_the_same_commit(void **state)
{
    (void)state;
    static const uint8_t junk[] = {0x0a, 0x7f, 'x'};
    offer("case-a");
    offer(REFUSED_ID);
    offer("case-b");
    offer_bytes("ismap.liu.v1.PartyChanged", junk, sizeof junk);
    offer("case-c");
    settle();
    assert_int_equal(cursor(), 5);
    assert_true(quarantined(2));
    assert_true(quarantined(4));
    assert_false(quarantined(1));
    assert_int_equal(touched(REFUSED_ID), 0);
    assert_int_equal(touched("case-a"), 1);
    assert_int_equal(touched("case-b"), 1);
    assert_int_equal(touched("case-c"), 1);
}

/* However often: memory comes back, the event is as good as before. */
static void an_event_without_memory_is_not_quarantined(void **state)
{
    (void)state;
    offer(SHORT_ID);
    offer("case-b");
    rows_short = true;
    for (int i = 0; i < 2 * LIMIT_COMMIT_ATTEMPTS; i++)
        settle();
    assert_int_equal(cursor(), 0);
    assert_false(quarantined(1));
    rows_short = false;
    settle();
    rows_short = true;
    assert_int_equal(cursor(), 2);
    assert_int_equal(touched(SHORT_ID), 1);
}

/* However often: it is the store that is away, not the event that is bad. */
static void a_passing_fault_never_advances_the_cursor(void **state)
{
    (void)state;
    offer("case-a");
    offer("case-b");
    fake.reads_fail = true;
    settle();
    assert_int_equal(cursor(), 0);
    assert_false(quarantined(1));
    fake.reads_fail = false;
    settle();
    assert_int_equal(cursor(), 2);
    assert_int_equal(touched("case-a"), 1);
    assert_int_equal(touched("case-b"), 1);
}

/* The commit happened, but nobody said so: the cursor tells. */
static void an_unknown_commit_takes_effect_once(void **state)
{
    (void)state;
    static const bool done[] = {true, false};
    for (unsigned i = 0; i < 2; i++) {
        offer("case-a");
        offer("case-b");
        go();
        fake_commit_as(COMMIT_UNKNOWN, done[i]);
        settle();
        assert_int_equal(cursor(), 2 * i + 2);
        assert_int_equal(touched("case-a"), i + 1);
        assert_int_equal(touched("case-b"), i + 1);
    }
}

static void a_conflict_is_decided_again(void **state)
{
    (void)state;
    Ismap__Liu__V1__Case c = ISMAP__LIU__V1__CASE__INIT;
    offer("case-a");
    go();
    c.evidence_version = 7;
    (void)fake_store(RECORD_CASE, "case-a", &c.base); /* another process was first */
    settle();
    assert_int_equal(touched("case-a"), 8);
    assert_int_equal(cursor(), 1);
}

static void events_wait_while_memory_is_short(void **state)
{
    (void)state;
    fake.pressure = STORE_PRESSURE_FULL;
    offer("case-a");
    settle();
    assert_int_equal(touched("case-a"), 0);
    assert_true(consumer_waits(&fake.flow));
    fake.pressure =
        STORE_PRESSURE_CASES; /* what was accepted goes on while new cases are refused */
    settle();
    assert_int_equal(touched("case-a"), 1);
    assert_false(consumer_waits(&fake.flow));
}

/* A second start at the cursor acts on nothing twice. */
static void entries_before_the_cursor_are_passed_over(void **state)
{
    (void)state;
    offer("case-a");
    settle();
    Ismap__Liu__V1__PartyChanged m = ISMAP__LIU__V1__PARTY_CHANGED__INIT;
    uint8_t packed[64];
    m.id = (char *)(uintptr_t) "case-a";
    pb_entry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    e.type = (char *)(uintptr_t)m.base.descriptor->name;
    e.payload.data = packed;
    e.payload.len = ismap__liu__v1__party_changed__pack(&m, packed);
    consumer_offer(&fake.flow, 1, &e);
    settle();
    assert_int_equal(touched("case-a"), 1);
}

/* ---- quarantine settled by an operator */

static void settle_order(bool requeue, uint64_t seq, const char *id, bool sign)
{
    const struct fake_how how = {.from = "acme", .id = id, .sign = sign};
    Ismap__Liu__V1__RequeueEvent again = ISMAP__LIU__V1__REQUEUE_EVENT__INIT;
    Ismap__Liu__V1__DiscardEvent discard = ISMAP__LIU__V1__DISCARD_EVENT__INIT;
    again.seq = discard.seq = seq;
    again.reason = discard.reason = (char *)(uintptr_t) "mended";
    fake_message(requeue ? &again.base : &discard.base, &how);
    fake_turn();
}

/* The commit that waits is done, and its first entry becomes the journal's next. */
static void journal_it(void)
{
    struct arena a;
    ProtobufCMessage *m;
    arena_init(&a, 1024 * 1024);
    const struct commit *c = fake.commits[0].commit;
    assert_int_equal(fake.n_commits, 1);
    assert_int_equal(wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, c->entries[0].data,
                                 c->entries[0].bytes, &m),
                     ERR_OK);
    const pb_entry *e = (const pb_entry *)m;
    assert_int_equal(e->n_audience, 0); /* operators only */
    assert_string_equal(e->actor, "acme");
    fake_commit_ok();
    offer_bytes(e->type, e->payload.data, e->payload.len);
    arena_fini(&a);
}

static void what_is_mended_and_requeued_takes_effect_once(void **state)
{
    (void)state;
    offer(REFUSED_ID);
    settle();
    assert_true(quarantined(1));
    settle_order(true, 1, "order-0001", false);
    assert_int_equal(fake_status(fake.n_sent - 1), FLOW_STATUS(UNAUTHENTICATED));
    settle_order(true, 7, "order-0002", true);
    assert_int_equal(fake_status(fake.n_sent - 1), FLOW_STATUS(NOT_FOUND));

    /* not mended yet: it comes back, under the number of the entry that played it again */
    settle_order(true, 1, "order-0003", true);
    journal_it();
    settle();
    assert_int_equal(cursor(), 2);
    assert_true(quarantined(2));
    assert_int_equal(touched(REFUSED_ID), 0);

    rows_mended = true;
    settle_order(true, 2, "order-0004", true);
    journal_it();
    offer("case-a");
    settle();
    assert_int_equal(fake_status(fake.n_sent - 1), FLOW_STATUS(OK));
    assert_int_equal(touched(REFUSED_ID), 1);
    assert_int_equal(touched("case-a"), 1);
    assert_int_equal(cursor(), 4);

    settle_order(true, 2, "order-0005", true);
    assert_int_equal(fake_status(fake.n_sent - 1), FLOW_STATUS(ALREADY_EXISTS));
    assert_true(fake_has_rule(fake.n_sent - 1, "P-SETTLED"));
    settle_order(false, 1, "order-0006", true);
    assert_int_equal(fake_status(fake.n_sent - 1), FLOW_STATUS(ALREADY_EXISTS));
    settle();
    assert_int_equal(touched(REFUSED_ID), 1);
    rows_mended = false;
}

static void what_is_discarded_or_unreadable_is_not_played_again(void **state)
{
    (void)state;
    static const uint8_t junk[] = {0x0a, 0x7f, 'x'};
    offer(REFUSED_ID);
    consumer_offer(&fake.flow, 2, NULL);
    fake.flow.tail_seq = 2;
    offer_bytes("ismap.liu.v1.EventRequeued", junk, sizeof junk); /* nobody's */
    settle();
    assert_int_equal(cursor(), 3);
    assert_true(quarantined(1) && quarantined(2));
    rows_mended = true;
    settle_order(true, 2, "order-0001", true);
    assert_int_equal(fake_status(fake.n_sent - 1), FLOW_STATUS(FAILED_PRECONDITION));
    settle_order(false, 2, "order-0002", true);
    journal_it();
    settle_order(false, 1, "order-0003", true);
    journal_it();
    assert_int_equal(fake_status(fake.n_sent - 1), FLOW_STATUS(OK));
    settle_order(true, 1, "order-0004", true);
    assert_int_equal(fake_status(fake.n_sent - 1), FLOW_STATUS(ALREADY_EXISTS));
    settle();
    assert_int_equal(touched(REFUSED_ID), 0);
    rows_mended = false;
}

/* An event that another service is to act on again. */
static void what_is_requeued_for_another_service_is_passed_over(void **state)
{
    (void)state;
    Ismap__Liu__V1__PartyChanged m = ISMAP__LIU__V1__PARTY_CHANGED__INIT;
    Ismap__Liu__V1__EventRequeued e = ISMAP__LIU__V1__EVENT_REQUEUED__INIT;
    uint8_t inner[64], packed[256];
    m.id = (char *)(uintptr_t) "case-a";
    e.consumer = (char *)(uintptr_t) "audit";
    e.seq = 1;
    e.type = (char *)(uintptr_t)m.base.descriptor->name;
    e.payload.len = ismap__liu__v1__party_changed__pack(&m, inner);
    e.payload.data = inner;
    offer_bytes(e.base.descriptor->name, packed, ismap__liu__v1__event_requeued__pack(&e, packed));
    settle();
    assert_int_equal(touched("case-a"), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, up, down)
    const struct CMUnitTest tests[] = {
        T(a_batch_is_one_commit_with_the_cursor),
        T(a_batch_is_cut_before_an_overlap),
        T(more_than_a_batch_goes_in_batches),
        T(types_of_no_interest_move_the_cursor_along),
        T(what_fails_for_good_goes_to_quarantine_in_the_same_commit),
        T(an_event_without_memory_is_not_quarantined),
        T(a_passing_fault_never_advances_the_cursor),
        T(an_unknown_commit_takes_effect_once),
        T(a_conflict_is_decided_again),
        T(events_wait_while_memory_is_short),
        T(entries_before_the_cursor_are_passed_over),
        T(what_is_mended_and_requeued_takes_effect_once),
        T(what_is_discarded_or_unreadable_is_not_played_again),
        T(what_is_requeued_for_another_service_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
