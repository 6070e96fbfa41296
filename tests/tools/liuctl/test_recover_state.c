/* Timers and lanes at a recovered journal's end: as Redis has them, changed by what comes back and
 * without what is set aside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ismap/liu/v1/alert.pb-c.h"
#include "liuctl/recover.h"
#include "store/store.h"

#define COUNT(x) (sizeof(x) / sizeof(x)[0])
#define RIGHT 10

/* What recover_state.c needs of others; noise has a test of its own. */
int recover_noise(struct recover_state *r)
{
    (void)r;
    return CLI_OK;
}

const char *store_epoch(const struct store *s)
{
    (void)s;
    return "00112233445566778899aabbccddeeff";
}

typedef Ismap__Liu__V1__JournalEntry pb_entry;

static const struct recover_found found = {.right = RIGHT, .archived = RIGHT + 2};
static struct recover_state state;
static struct session session;

static void put(pb_entry *e, Ismap__Liu__V1__RecordPut *p, unsigned kind, const char *id)
{
    ismap__liu__v1__record_put__init(p);
    p->kind = kind;
    p->id = (char *)(uintptr_t)id;
    *e->puts = p;
    e->n_puts = 1;
}

/* An entry that sets the timer "expire|L-1" of intake (0 = says nothing of it), and puts the
 * record. */
static void entry(bool aside, uint64_t seq, int64_t due_ms, const char *record)
{
    pb_entry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    Ismap__Liu__V1__TimerPut timer = ISMAP__LIU__V1__TIMER_PUT__INIT;
    Ismap__Liu__V1__TimerPut *timers[] = {&timer};
    Ismap__Liu__V1__RecordPut record_put;
    Ismap__Liu__V1__RecordPut *puts[1];
    timer.owner = (char *)(uintptr_t) "intake";
    timer.member = (char *)(uintptr_t) "expire|L-1";
    timer.due_ms = due_ms;
    e.timers = timers;
    e.n_timers = due_ms != 0;
    e.puts = puts;
    if (record != NULL)
        put(&e, &record_put, RECORD_LISTING, record);
    assert_int_equal(aside ? recover_state_aside(&state, &e) : recover_state_entry(&state, seq, &e),
                     ERR_OK);
}

struct row {
    const char *fact;
    int64_t aside;       /* what a set aside entry says of the timer; 0 = nothing */
    int64_t in_redis;    /* 0 = it is not there */
    int64_t right, back; /* what the last right entry says, and one that comes back */
    const char *record;  /* that the journal has */
    const char *line;    /* "" = none */
};

#define LINE(due) "timer\tintake\t" due "\texpire|L-1\n"

static const struct row table[] = {
    {"as Redis has it", 0, 5, 0, 0, "L-1", LINE("5")},
    {"what comes back changes it", 0, 5, 0, 7, "L-1", LINE("7")},
    {"or brings it", 0, 0, 0, 7, "L-1", LINE("7")},
    {"or ends it", 0, 5, 0, -1, "L-1", ""},
    {"what was set aside is undone as the journal says", 9, 9, 5, 0, "L-1", LINE("5")},
    {"also what it had ended", -1, 0, 5, 0, "L-1", LINE("5")},
    {"what came new with it goes", 9, 9, 0, 0, "L-2", ""},
    {"but stays when its record does: an older entry may have set it", 9, 9, 0, 0, "L-1",
     LINE("9")},
    {"what it had ended and no entry tells of is not made up", -1, 0, 0, 0, "L-1", ""},
};

static void each_timer_is_as_it_should_be(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT(table); i++) {
        const struct row *t = &table[i];
        struct buf out;
        buf_init(&out, 4096);
        recover_state_init(&state, &session, &found);
        if (t->aside != 0)
            entry(true, RIGHT + 1, t->aside, NULL);
        if (t->in_redis != 0)
            recover_state_timer(&state, "intake", "expire|L-1", t->in_redis);
        entry(false, RIGHT, t->right, t->record);
        entry(false, RIGHT + 1, t->back, NULL);
        assert_int_equal(recover_state_lines(&state, &out), ERR_OK);
        assert_int_equal(buf_put(&out, "", 1), ERR_OK);
        if (strcmp((const char *)out.data, t->line) != 0)
            fail_msg("%s: '%s'", t->fact, (const char *)out.data);
        recover_state_fini(&state);
        buf_fini(&out);
    }
}

/* Of an archive that begins late the snapshot tells which records there are; its ids have no end.
 */
static void a_record_of_the_snapshot_keeps_its_timer(void **unused)
{
    static const struct {
        const char *id;
        size_t bytes;
        const char *line;
    } kept[] = {{"L-12", 3, LINE("9")}, {"L-12", 4, ""}, {"L-2", 3, ""}};
    (void)unused;
    for (size_t i = 0; i < COUNT(kept); i++) {
        struct buf out;
        buf_init(&out, 4096);
        recover_state_init(&state, &session, &found);
        entry(true, RIGHT + 1, 9, NULL);
        recover_state_timer(&state, "intake", "expire|L-1", 9);
        recover_state_kept(&state, kept[i].id, kept[i].bytes);
        assert_int_equal(recover_state_lines(&state, &out), ERR_OK);
        assert_int_equal(buf_put(&out, "", 1), ERR_OK);
        assert_string_equal((const char *)out.data, kept[i].line);
        recover_state_fini(&state);
        buf_fini(&out);
    }
}

/* ---- lanes */

static size_t lane(uint8_t *out, uint64_t next_seq, uint64_t first)
{
    uint8_t digest[8] = {0};
    Ismap__Liu__V1__TakenBatch batch = ISMAP__LIU__V1__TAKEN_BATCH__INIT;
    Ismap__Liu__V1__TakenBatch *recent[] = {&batch};
    Ismap__Liu__V1__FeedLane m = ISMAP__LIU__V1__FEED_LANE__INIT;
    batch.first_seq = first;
    batch.digests = (ProtobufCBinaryData){sizeof digest, digest};
    m.epoch = 1;
    m.next_seq = next_seq;
    m.recent = recent;
    m.n_recent = first != 0;
    return ismap__liu__v1__feed_lane__pack(&m, out);
}

/* An entry that leaves the lane expecting next_seq, after a message that began with `first`. */
static void lane_entry(bool aside, uint64_t seq, uint64_t next_seq, uint64_t first)
{
    uint8_t value[256];
    pb_entry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    Ismap__Liu__V1__RecordPut record_put;
    Ismap__Liu__V1__RecordPut *puts[1];
    e.puts = puts;
    put(&e, &record_put, RECORD_LANE, "f/bulk");
    record_put.value = (ProtobufCBinaryData){lane(value, next_seq, first), value};
    assert_int_equal(aside ? recover_state_aside(&state, &e) : recover_state_entry(&state, seq, &e),
                     ERR_OK);
}

static void lane_in_redis(uint64_t next_seq)
{
    uint8_t value[256] = {0};
    size_t n = lane(value + 8, next_seq, 0);
    recover_state_record(&state, RECORD_LANE, "f/bulk", value, n + 8);
}

static uint64_t next_of_lane(void)
{
    const struct recover_item *i = recover_state_lane(&state, "f/bulk", false);
    uint64_t next = 0;
    if (i != NULL && i->value != NULL) {
        Ismap__Liu__V1__FeedLane *m = ismap__liu__v1__feed_lane__unpack(NULL, i->bytes, i->value);
        assert_non_null(m);
        next = m->next_seq;
        ismap__liu__v1__feed_lane__free_unpacked(m, NULL);
    }
    recover_state_fini(&state);
    recover_state_init(&state, &session, &found);
    return next;
}

static void a_lane_is_the_furthest_that_was_not_set_aside(void **unused)
{
    (void)unused;
    recover_state_init(&state, &session, &found);
    lane_in_redis(20); /* its last numbers were noise */
    lane_entry(false, RIGHT, 15, 14);
    assert_int_equal(next_of_lane(), 20);
    lane_in_redis(20);
    lane_entry(false, RIGHT + 1, 31, 30);
    assert_int_equal(next_of_lane(), 31);
    lane_entry(true, RIGHT + 1, 21, 18);
    lane_entry(true, RIGHT + 2, 26, 25);
    lane_in_redis(30);
    lane_entry(false, RIGHT, 15, 14);
    assert_int_equal(next_of_lane(), 18); /* as it was before the first of them */
    lane_entry(true, RIGHT + 1, 21, 18);
    lane_in_redis(21);
    lane_entry(false, RIGHT + 1, 25, 24);
    assert_int_equal(next_of_lane(), 25); /* the archive's goes further */
    lane_entry(true, RIGHT + 1, 21, 1);
    lane_in_redis(21);
    assert_int_equal(next_of_lane(), 0); /* nothing else is known */
    recover_state_fini(&state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_timer_is_as_it_should_be),
        cmocka_unit_test(a_record_of_the_snapshot_keeps_its_timer),
        cmocka_unit_test(a_lane_is_the_furthest_that_was_not_set_aside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
