/* A lane goes on over noise, up to the first message that is not there, and never over one whose
 * entry was lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "liuctl/recover_lane.h"

#define BULK ISMAP__LIU__V1__LANE__LANE_BULK
#define URGENT ISMAP__LIU__V1__LANE__LANE_URGENT
#define ALERTS 8
#define COUNT(x) (sizeof(x) / sizeof(x)[0])

struct said {
    uint64_t epoch, first;
    unsigned n;
    bool marked;   /* the rest is told behind the message */
    uint64_t next; /* what was taken ends before */
    uint32_t counted;
    uint32_t skipped;
    bool in_journal;
    bool urgent;
};

static uint8_t bytes[4096];

static size_t packed(const struct said *s)
{
    Ismap__Liu__V1__KeptAlerts m = ISMAP__LIU__V1__KEPT_ALERTS__INIT;
    Ismap__Liu__V1__TakenAlerts taken = ISMAP__LIU__V1__TAKEN_ALERTS__INIT;
    Ismap__Liu__V1__Alert alerts[ALERTS];
    Ismap__Liu__V1__Alert *list[ALERTS];
    for (unsigned i = 0; i < s->n; i++) {
        ismap__liu__v1__alert__init(&alerts[i]);
        alerts[i].observed_at_ms = (int64_t)(s->epoch * 1000 + s->first + i);
        list[i] = &alerts[i];
    }
    m.epoch = s->epoch;
    m.lane = s->urgent ? URGENT : BULK;
    m.first_seq = s->first;
    m.alerts = list;
    m.n_alerts = s->n;
    taken.next_seq = s->next;
    taken.counted = s->counted;
    taken.in_journal = s->in_journal;
    taken.skipped = s->skipped;
    m.taken = s->marked ? &taken : NULL;
    return ismap__liu__v1__kept_alerts__pack(&m, bytes);
}

/* A lane in epoch 2 at 10 with 100 counted, and what it is after the messages. */
struct row {
    const char *fact;
    struct said said[3];
    uint64_t epoch, next, counted;
};

static const struct row table[] = {
    {"without noise it stays", {{0}}, 2, 10, 100},
    {"noise moves it on", {{.epoch = 2, .first = 10, .n = 3}}, 2, 13, 103},
    {"message by message",
     {{.epoch = 2, .first = 10, .n = 3}, {.epoch = 2, .first = 13, .n = 5}},
     2,
     18,
     108},
    {"what was there is not counted twice",
     {{.epoch = 2, .first = 8, .n = 2}, {.epoch = 2, .first = 8, .n = 4}},
     2,
     12,
     102},
    {"up to the first that is missing", {{.epoch = 2, .first = 11, .n = 3}}, 2, 10, 100},
    {"it stops before one whose entry was lost",
     {{.epoch = 2, .first = 10, .n = 2},
      {.epoch = 2, .first = 12, .n = 3, .marked = true, .next = 15, .in_journal = true},
      {.epoch = 2, .first = 15, .n = 3}},
     2,
     12,
     102},
    {"of one that was taken in part it goes up to there",
     {{.epoch = 2, .first = 10, .n = 6, .marked = true, .next = 14, .counted = 1}},
     2,
     14,
     101},
    {"a message does not move it whose beginning came with one that is missing",
     {{.epoch = 2, .first = 10, .n = 6, .marked = true, .next = 16, .counted = 3, .skipped = 3}},
     2,
     10,
     100},
    {"and does when that one is there",
     {{.epoch = 2, .first = 10, .n = 3},
      {.epoch = 2, .first = 10, .n = 6, .marked = true, .next = 16, .counted = 3, .skipped = 3}},
     2,
     16,
     106},
    {"a part that says nonsense is none",
     {{.epoch = 2, .first = 10, .n = 2, .marked = true, .next = 99, .counted = 1}},
     2,
     10,
     100},
    {"a higher epoch begins with 1",
     {{.epoch = 3, .first = 1, .n = 4}, {.epoch = 3, .first = 5, .n = 1}},
     3,
     6,
     105},
    {"and nowhere else", {{.epoch = 3, .first = 2, .n = 4}}, 2, 10, 100},
    {"a lower one is over", {{.epoch = 1, .first = 10, .n = 4}}, 2, 10, 100},
    {"the other lane's is not its own",
     {{.epoch = 2, .first = 10, .n = 3, .urgent = true}},
     2,
     10,
     100},
};

static size_t base_lane(uint8_t *out)
{
    uint8_t digests[2 * LANE_DIGEST_BYTES];
    const struct said taken = {.epoch = 2, .first = 8, .n = 2};
    struct slice alerts[2];
    size_t n = 0;
    Ismap__Liu__V1__AlertOutcome outcome = ISMAP__LIU__V1__ALERT_OUTCOME__INIT;
    Ismap__Liu__V1__AlertOutcome *outcomes[] = {&outcome};
    Ismap__Liu__V1__TakenBatch batch = ISMAP__LIU__V1__TAKEN_BATCH__INIT;
    Ismap__Liu__V1__TakenBatch *recent[] = {&batch};
    Ismap__Liu__V1__FeedLane m = ISMAP__LIU__V1__FEED_LANE__INIT;
    assert_int_equal(slices_find(bytes, packed(&taken), SLICES_FIELD_ALERTS, alerts, 2, &n),
                     ERR_OK);
    lane_digests(alerts, n, digests);
    outcome.seq = 9;
    batch.first_seq = 8;
    batch.digests = (ProtobufCBinaryData){sizeof digests, digests};
    batch.outcomes = outcomes;
    batch.n_outcomes = 1;
    m.feed = (char *)(uintptr_t) "f";
    m.lane = BULK;
    m.epoch = 2;
    m.next_seq = 10;
    m.counted = 100;
    m.recent = recent;
    m.n_recent = 1;
    return ismap__liu__v1__feed_lane__pack(&m, out);
}

/* The lane after these messages; freed by the caller. */
static Ismap__Liu__V1__FeedLane *after(const struct said *said, size_t n)
{
    static struct recover_lane r;
    uint8_t base[512];
    struct buf out;
    assert_int_equal(recover_lane_begin(&r, BULK, base, base_lane(base)), ERR_OK);
    for (size_t i = 0; i < n && said[i].n > 0; i++)
        recover_lane_take(&r, 1, (int64_t)i + 1, bytes, packed(&said[i]));
    buf_init(&out, 1 << 20);
    assert_int_equal(recover_lane_end(&r, "f", &out), ERR_OK);
    Ismap__Liu__V1__FeedLane *m = ismap__liu__v1__feed_lane__unpack(NULL, out.len, out.data);
    assert_non_null(m);
    assert_true(r.moved == (m->next_seq != 10 || m->epoch != 2));
    buf_fini(&out);
    recover_lane_fini(&r);
    return m;
}

static void each_lane_is_put_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(table); i++) {
        const struct row *t = &table[i];
        Ismap__Liu__V1__FeedLane *m = after(t->said, COUNT(t->said));
        if (m->epoch != t->epoch || m->next_seq != t->next || m->counted != t->counted)
            fail_msg("%s: epoch %llu next %llu counted %llu", t->fact, (unsigned long long)m->epoch,
                     (unsigned long long)m->next_seq, (unsigned long long)m->counted);
        ismap__liu__v1__feed_lane__free_unpacked(m, NULL);
    }
}

static void the_last_messages_are_remembered_as_the_service_does(void **state)
{
    (void)state;
    struct said said[LANE_RECENT_MAX + 2];
    uint8_t digests[LANE_DIGEST_BYTES];
    struct slice alert;
    size_t n = 0;
    for (unsigned i = 0; i < COUNT(said); i++)
        said[i] = (struct said){.epoch = 2, .first = 10 + i, .n = 1};
    Ismap__Liu__V1__FeedLane *m = after(said, 2);
    assert_int_equal(m->n_recent, 3);
    assert_int_equal(m->recent[0]->outcomes[0]->seq, 9); /* those of before stay */
    assert_int_equal(m->recent[1]->n_outcomes, 0);
    ismap__liu__v1__feed_lane__free_unpacked(m, NULL);
    m = after(said, COUNT(said));
    assert_int_equal(m->n_recent, LANE_RECENT_MAX);
    for (size_t i = 0; i < m->n_recent; i++) {
        size_t size = packed(&said[COUNT(said) - LANE_RECENT_MAX + i]);
        assert_int_equal(slices_find(bytes, size, SLICES_FIELD_ALERTS, &alert, 1, &n), ERR_OK);
        lane_digests(&alert, 1, digests);
        assert_int_equal(m->recent[i]->digests.len, sizeof digests);
        assert_memory_equal(m->recent[i]->digests.data, digests, sizeof digests);
    }
    ismap__liu__v1__feed_lane__free_unpacked(m, NULL);
}

static void a_lane_begins_with_noise_alone(void **state)
{
    (void)state;
    static struct recover_lane r[2];
    struct buf out;
    const struct said said[] = {{.epoch = 5, .first = 1, .n = 4},
                                {.epoch = 5, .first = 1, .n = 2, .urgent = true}};
    assert_int_equal(recover_lane_begin(&r[0], URGENT, NULL, 0), ERR_OK);
    assert_int_equal(recover_lane_begin(&r[1], BULK, NULL, 0), ERR_OK);
    for (size_t i = 0; i < COUNT(said); i++)
        recover_lane_take(r, 2, 7, bytes, packed(&said[i]));
    recover_lane_take(r, 2, 8, (const uint8_t *)"\xff\xff", 2);
    assert_int_equal(r[0].state.next_seq, 3);
    assert_int_equal(r[1].state.next_seq, 5);
    assert_int_equal(r[1].heard_ms, 7);
    buf_init(&out, 1 << 20);
    assert_int_equal(recover_lane_end(&r[1], "f", &out), ERR_OK);
    uint8_t base[512];
    size_t n = base_lane(base);
    assert_true(recover_lane_further(out.data, out.len, base, n));
    assert_false(recover_lane_further(base, n, out.data, out.len));
    assert_false(recover_lane_further(base, n, base, n));
    assert_true(recover_lane_further(base, n, NULL, 0));
    buf_fini(&out);
    recover_lane_fini(&r[0]);
    recover_lane_fini(&r[1]);
}

static void a_lane_is_known_as_it_was_before_its_last_message(void **state)
{
    (void)state;
    uint8_t base[512];
    struct buf out;
    buf_init(&out, 1 << 20);
    assert_true(recover_lane_before(base, base_lane(base), &out));
    Ismap__Liu__V1__FeedLane *m = ismap__liu__v1__feed_lane__unpack(NULL, out.len, out.data);
    assert_non_null(m);
    assert_int_equal(m->next_seq, 8);
    assert_int_equal(m->counted, 99); /* one of the two had an outcome */
    assert_int_equal(m->n_recent, 0);
    assert_false(recover_lane_before(out.data, out.len, &out)); /* nothing is known before it */
    assert_false(recover_lane_before((const uint8_t *)"\xff", 1, &out));
    ismap__liu__v1__feed_lane__free_unpacked(m, NULL);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_lane_is_put_right),
        cmocka_unit_test(the_last_messages_are_remembered_as_the_service_does),
        cmocka_unit_test(a_lane_begins_with_noise_alone),
        cmocka_unit_test(a_lane_is_known_as_it_was_before_its_last_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
