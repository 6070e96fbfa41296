/* Records that leave Redis and come back, against a model: whatever is done in whatever order, a
 * record has the revision and content that was committed last, none is written twice under one id,
 * and one that never was is found by nobody. Redis is killed and the ledger restarted in between;
 * its file is lost once.
 */
#include "services/ledger/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "services/ledger/cold_file.h"
#include "services/ledger/drop.h"
#include "services/ledger/ledger_private.h"
#include "store/cold.h"

#define IDS 60
#define WAIT_MS 20000

struct model {
    uint64_t revision[IDS]; /* 0 = was never written */
    uint64_t value[IDS];
    uint64_t writes;
    uint64_t thawed, shown, absent;
};

struct got {
    bool done;
    enum err e;
    enum commit_status status;
    uint64_t generation;
    char letter;
    bool exists;
    uint64_t revision;
    char value[64];
};

static void take_value(struct got *g, const struct store_record *r)
{
    g->exists = r->exists;
    g->revision = r->exists ? r->revision : 0;
    size_t n = r->bytes < sizeof g->value - 1 ? r->bytes : sizeof g->value - 1;
    if (r->exists)
        memcpy(g->value, r->value, n);
    g->value[r->exists ? n : 0] = '\0';
}

static void on_read(void *arg, enum err e, const struct store_record *records, size_t n)
{
    struct got *g = arg;
    g->e = e;
    g->done = true;
    if (e == ERR_OK && n == 1)
        take_value(g, &records[0]);
}

static void on_seek(void *arg, enum err e, uint64_t generation, const char *letters,
                    const struct store_record *shown, size_t n)
{
    struct got *g = arg;
    g->e = e;
    g->done = true;
    g->generation = generation;
    if (e != ERR_OK || n != 1)
        return;
    g->letter = letters[0];
    if (g->letter == COLD_SHOWN)
        take_value(g, &shown[0]);
}

static void on_commit(void *arg, const struct commit_result *r)
{
    struct got *g = arg;
    g->status = r->status;
    g->done = true;
}

static void until_done(struct rig *r, const struct got *g)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    while (!g->done && clock_mono_ms() < until)
        assert_int_equal(loop_turn(r->loop, 20), ERR_OK);
    assert_true(g->done);
}

static const char *id_of(size_t i)
{
    static char id[16];
    (void)snprintf(id, sizeof id, "C-%04zu", i);
    return id;
}

/* As a service reads: what is not there is sought; `want` as it says. */
static struct got look(struct rig *r, size_t i, enum cold_want want)
{
    struct got g = {0};
    struct store_key key = {RECORD_CASE, id_of(i)};
    int64_t until = clock_mono_ms() + WAIT_MS;
    for (;;) {
        uint64_t generation = g.generation;
        g = (struct got){.generation = generation};
        if (store_read(r->store, &key, 1, on_read, &g) == ERR_OK)
            until_done(r, &g);
        else
            rig_turn(r, 20);
        if (g.done && g.e == ERR_OK && g.exists)
            return g;
        bool read = g.done && g.e == ERR_OK;
        g = (struct got){.letter = COLD_BUSY};
        if (read && store_seek(r->store, want, &key, 1, on_seek, &g) == ERR_OK)
            until_done(r, &g);
        if (g.done && g.e == ERR_OK && (g.letter == COLD_ABSENT || g.letter == COLD_SHOWN))
            return g;
        assert_true(clock_mono_ms() < until);
        rig_turn(r, 5);
    }
}

static int64_t made_ago_ms; /* entries were */

/* One record and its journal entry, under guard of the generation when it is new. */
static enum commit_status put(struct rig *r, size_t i, uint64_t expected, uint64_t generation,
                              const char *value)
{
    uint8_t packed[256];
    struct got g = {0};
    const char *id = id_of(i);
    Ismap__Liu__V1__RecordPut put = ISMAP__LIU__V1__RECORD_PUT__INIT;
    Ismap__Liu__V1__RecordPut *puts[] = {&put};
    Ismap__Liu__V1__JournalEntry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    put.kind = RECORD_CASE;
    put.id = (char *)(uintptr_t)id;
    put.revision = expected + 1;
    put.value = (ProtobufCBinaryData){strlen(value), (uint8_t *)(uintptr_t)value};
    e.at_ms = clock_wall_ms() - made_ago_ms;
    e.puts = puts;
    e.n_puts = 1;
    struct commit_entry entry = {
        .data = packed, .bytes = ismap__liu__v1__journal_entry__pack(&e, packed), .type = "T"};
    struct commit_put record = {.kind = RECORD_CASE,
                                .id = id,
                                .expected = expected,
                                .value = (const uint8_t *)value,
                                .value_bytes = strlen(value)};
    struct commit_guard guard = {RECORD_UPKEEP, COLD_GENERATION, generation};
    struct commit c = {.reply_type = "",
                       .now_ms = clock_wall_ms(),
                       .puts = &record,
                       .n_puts = 1,
                       .entries = &entry,
                       .n_entries = 1,
                       .guards = &guard,
                       .n_guards = expected == 0 ? 1 : 0};
    assert_int_equal(store_commit(r->store, STORE_MAIN, &c, on_commit, &g), ERR_OK);
    until_done(r, &g);
    r->head += g.status == COMMIT_OK;
    return g.status;
}

static void expect(const struct model *m, size_t i, const struct got *g)
{
    char value[64];
    if (g->revision != m->revision[i])
        fail_msg("%s: revision %llu instead of %llu", id_of(i), (unsigned long long)g->revision,
                 (unsigned long long)m->revision[i]);
    (void)snprintf(value, sizeof value, "value %llu", (unsigned long long)m->value[i]);
    if (m->revision[i] > 0)
        assert_string_equal(g->value, value);
}

static void check_one(struct rig *r, struct model *m, size_t i, enum cold_want want)
{
    struct got g = look(r, i, want);
    expect(m, i, &g);
    m->shown += g.letter == COLD_SHOWN;
    m->absent += g.letter == COLD_ABSENT;
}

/* As a decision writes: looks, then commits, again on conflict. */
static void write_one(struct rig *r, struct model *m, size_t i)
{
    char value[64];
    (void)snprintf(value, sizeof value, "value %llu", (unsigned long long)++m->writes);
    for (int attempt = 0; attempt < 50; attempt++) {
        struct got g = look(r, i, COLD_PUT_BACK);
        expect(m, i, &g);
        enum commit_status s = put(r, i, g.revision, g.generation, value);
        if (s == COMMIT_OK) {
            m->revision[i]++;
            m->value[i] = m->writes;
            return;
        }
        assert_int_equal(s, COMMIT_CONFLICT);
    }
    fail_msg("%s: never committed", id_of(i));
}

/* Who takes a record for new that is cold, on what he was told under an older generation or never.
 */
static void write_blindly(struct rig *r, struct model *m, size_t i)
{
    if (m->revision[i] > 0)
        assert_int_equal(put(r, i, 0, 0, "second"), COMMIT_CONFLICT);
}

static void begin(struct rig *r, bool small_filter)
{
    uint8_t packed[64];
    Ismap__Liu__V1__JournalEntry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    e.at_ms = 1;
    rig_begin_with(r, packed, ismap__liu__v1__journal_entry__pack(&e, packed));
    r->set.freeze_seconds = 1;
    r->set.cold_filter = small_filter ? 1 : 8;
    r->set.segment_entries = 8;
    rig_start_ledger(r);
}

static void until_frozen(struct rig *r, long long left)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    while (rig_ask(r, "HLEN {p0}:r:case") > left) {
        assert_true(clock_mono_ms() < until);
        rig_turn(r, 50);
    }
}

static void records_leave_and_are_found(void **state)
{
    (void)state;
    struct rig r;
    struct model m = {.writes = 0};
    begin(&r, false);
    for (size_t i = 0; i < 20; i++)
        write_one(&r, &m, i);
    until_frozen(&r, 0);
    for (size_t i = 0; i < 20; i++)
        write_blindly(&r, &m, i);
    for (size_t i = 0; i < 25; i++)
        check_one(&r, &m, i, COLD_SHOW);
    assert_int_equal(rig_ask(&r, "HLEN {p0}:r:case"), 0); /* a look leaves nothing behind */
    assert_int_equal(m.shown, 20);
    for (size_t i = 0; i < 20; i++)
        check_one(&r, &m, i, COLD_PUT_BACK);
    assert_int_equal(rig_ask(&r, "HLEN {p0}:r:case"), 20);
    write_one(&r, &m, 3);
    write_one(&r, &m, 20);
    for (size_t i = 0; i < 25; i++)
        check_one(&r, &m, i, COLD_PUT_BACK);
    rig_end(&r);
}

/* Not one of them may be forgotten for being in Redis again, also when the ledger was away. */
static void what_was_put_back_leaves_again(void **state)
{
    (void)state;
    struct rig r;
    struct model m = {.writes = 0};
    begin(&r, false);
    for (size_t i = 0; i < 10; i++)
        write_one(&r, &m, i);
    until_frozen(&r, 0);
    for (size_t i = 0; i < 10; i++)
        check_one(&r, &m, i, COLD_PUT_BACK);
    rig_turn(&r, 2200);
    rig_restart_ledger(&r, false);
    until_frozen(&r, 0);
    for (size_t i = 0; i < 10; i++)
        check_one(&r, &m, i, COLD_SHOW);
    rig_end(&r);
}

static void a_lost_file_is_made_again_before_anything_is_said(void **state)
{
    (void)state;
    struct rig r;
    struct model m = {.writes = 0};
    begin(&r, false);
    for (size_t i = 0; i < 30; i++)
        write_one(&r, &m, i % 10); /* three revisions of each, in several segments */
    until_frozen(&r, 0);
    rig_restart_ledger(&r, true);
    for (size_t i = 0; i < 12; i++)
        check_one(&r, &m, i, COLD_PUT_BACK);
    rig_end(&r);
}

/* One of the journal's head. */
static void until_snapshot(struct rig *r)
{
    const struct ledger *l = r->ledger;
    int64_t until = clock_mono_ms() + WAIT_MS;
    while (l->snapshots.head.seq < r->head) {
        assert_true(clock_mono_ms() < until);
        rig_turn(r, 50);
    }
}

/* The newest snapshot is of an entry behind the last one whose records may be cold, and the
 * segments are too old for receipts. */
static void a_lost_file_begins_with_a_snapshot_that_is_newer(void **state)
{
    (void)state;
    struct rig r;
    struct model m = {.writes = 0};
    begin(&r, false);
    made_ago_ms = 10 * 86400000LL;
    for (size_t i = 0; i < 20; i++)
        write_one(&r, &m, i % 10);
    until_frozen(&r, 0);
    rig_stop_ledger(&r);
    r.set.freeze_seconds = 0;
    r.set.snapshot_entries = 10;
    r.set.snapshot_seconds = 1;
    rig_start_ledger(&r);
    for (size_t i = 0; i < 20; i++)
        write_one(&r, &m, 10 + i % 10);
    until_snapshot(&r);
    made_ago_ms = 0;
    write_one(&r, &m, 20);
    rig_await(&r, r.journal, r.head);
    rig_restart_ledger(&r, true);
    for (size_t i = 0; i < 25; i++)
        check_one(&r, &m, i, COLD_PUT_BACK);
    rig_end(&r);
}

/* The file is lost, or it ends before the first segment that is left: freezing had been off. */
static void it_goes_on_from_a_snapshot_when_older_segments_are_gone(void **state)
{
    (void)state;
    for (int lost = 0; lost < 2; lost++) {
        struct rig r;
        struct model m = {.writes = 0};
        begin(&r, false);
        for (size_t i = 0; i < 20; i++)
            write_one(&r, &m, i % 10);
        until_frozen(&r, 0);
        rig_stop_ledger(&r);
        r.set.freeze_seconds = 0;
        r.set.snapshot_entries = 10;
        r.set.snapshot_seconds = 1;
        rig_start_ledger(&r);
        for (size_t i = 0; i < 20; i++)
            write_one(&r, &m, 5 + i % 10);
        until_snapshot(&r);
        uint64_t head = r.head;
        rig_stop_ledger(&r);
        r.set.snapshot_entries = 1000000;
        r.set.snapshot_seconds = 1000000;
        rig_start_ledger(&r);
        for (size_t i = 12; i < 30; i++)
            write_one(&r, &m, i);
        rig_await(&r, r.journal, r.head);
        assert_true(drop_segments(r.journal, head) > 0);
        r.set.freeze_seconds = 1;
        rig_restart_ledger(&r, lost == 1);
        until_frozen(&r, 0);
        for (size_t i = 0; i < 35; i++)
            check_one(&r, &m, i, COLD_SHOW);
        rig_end(&r);
    }
}

/* With the ledger away a cold record is neither found nor taken for absent. */
static void without_the_ledger_nothing_is_said(void **state)
{
    (void)state;
    struct rig r;
    struct model m = {.writes = 0};
    begin(&r, false);
    for (size_t i = 0; i < 8; i++)
        write_one(&r, &m, i);
    until_frozen(&r, 0);
    rig_stop_ledger(&r);
    for (int turn = 0; turn < 5; turn++)
        for (size_t i = 0; i < 8; i++) {
            struct got g = {0};
            struct store_key key = {RECORD_CASE, id_of(i)};
            assert_int_equal(store_seek(r.store, COLD_PUT_BACK, &key, 1, on_seek, &g), ERR_OK);
            until_done(&r, &g);
            assert_int_equal(g.letter, COLD_ASKED);
            write_blindly(&r, &m, i);
        }
    check_one(&r, &m, 40, COLD_PUT_BACK); /* one that never was is known to be none */
    rig_start_ledger(&r);
    for (size_t i = 0; i < 8; i++)
        check_one(&r, &m, i, COLD_PUT_BACK);
    rig_end(&r);
}

/* ---- memory is short */

#define BALLAST (32 << 20) /* so that the steps of pressure are far apart */

static void until_used(struct rig *r, uint64_t least)
{
    uint64_t used = 0;
    uint64_t max;
    int64_t until = clock_mono_ms() + WAIT_MS;
    while (used < least) {
        assert_true(clock_mono_ms() < until);
        rig_turn(r, 20);
        store_memory_used(r->store, &used, &max);
    }
}

/* As if so many per mille of the memory were used. */
static void pressed(struct rig *r, uint64_t per_mille, enum store_pressure until)
{
    char command[64];
    uint64_t used;
    uint64_t max;
    int64_t give_up = clock_mono_ms() + WAIT_MS;
    store_memory_used(r->store, &used, &max);
    (void)snprintf(command, sizeof command, "CONFIG SET maxmemory %llu",
                   (unsigned long long)(used / per_mille * 1000));
    (void)rig_ask(r, command);
    while (store_pressure(r->store) != until) {
        assert_true(clock_mono_ms() < give_up);
        rig_turn(r, 20);
    }
}

/* One seek; what it says. */
static char seek(struct rig *r, enum cold_want want, enum record_kind kind, const char *id)
{
    struct got g = {0};
    struct store_key key = {kind, id};
    assert_int_equal(store_seek(r->store, want, &key, 1, on_seek, &g), ERR_OK);
    until_done(r, &g);
    assert_int_equal(g.e, ERR_OK);
    return g.letter;
}

/* Until the ledger has said so. */
static void until_said(struct rig *r, enum cold_want want, enum record_kind kind, const char *id,
                       char letter)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    while (seek(r, want, kind, id) != letter) {
        assert_true(clock_mono_ms() < until);
        rig_turn(r, 5);
    }
}

static void ask_for_pages(struct rig *r, unsigned n)
{
    char id[64];
    for (unsigned i = 0; i < n; i++) {
        (void)snprintf(id, sizeof id, "~%ctest %u", COLD_PAGE_END, i);
        (void)seek(r, COLD_SHOW, RECORD_CASE, id);
    }
}

/* A filter of eight ones: any may have. */
static void receipts_may_have_left(struct rig *r)
{
    (void)rig_ask(r, "SETRANGE {p0}:left:1 0 \xff");
    (void)rig_ask(r, "EVAL redis.call('SET','{p0}:left','1\\0328\\0321\\0321') 0");
}

static void until_asked(struct rig *r, long long most)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    while (rig_ask(r, "HLEN {p0}:asked") > most) {
        assert_true(clock_mono_ms() < until);
        rig_turn(r, 20);
    }
}

/* Lists that nobody answers leave room for receipts, which are looked up whatever the pressure;
 * the lists are forgotten, and asked for again when there is memory. Records come back until
 * consumers stand still. */
static void receipts_are_looked_up_while_memory_is_short(void **state)
{
    static const struct {
        uint64_t per_mille;
        enum store_pressure pressure;
        bool back;
    } rows[] = {{960, STORE_PRESSURE_RESERVE, true}, {1100, STORE_PRESSURE_FULL, false}};
    (void)state;
    struct rig r;
    struct model m = {.writes = 0};
    char id[32];
    char ballast[64];
    begin(&r, false);
    for (size_t i = 0; i < 10; i++)
        write_one(&r, &m, i);
    until_frozen(&r, 0);
    (void)snprintf(ballast, sizeof ballast, "SETRANGE ballast %d x", BALLAST);
    (void)rig_ask(&r, ballast);
    until_used(&r, BALLAST);
    receipts_may_have_left(&r);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rig_stop_ledger(&r);
        ask_for_pages(&r, COLD_ASKED_OTHERS + 3);
        assert_int_equal(rig_ask(&r, "HLEN {p0}:asked"), COLD_ASKED_OTHERS);
        assert_int_equal(seek(&r, COLD_PUT_BACK, RECORD_CASE, id_of(i)), COLD_BUSY);
        (void)snprintf(id, sizeof id, "csp-a:never-%zu", i);
        assert_int_equal(seek(&r, COLD_SHOW, RECORD_RECEIPT, id), COLD_ASKED);
        pressed(&r, rows[i].per_mille, rows[i].pressure);
        rig_start_ledger(&r);
        until_said(&r, COLD_SHOW, RECORD_RECEIPT, id, COLD_ABSENT);
        until_asked(&r, 1);
        if (rows[i].back) {
            until_said(&r, COLD_PUT_BACK, RECORD_CASE, id_of(i), COLD_HERE);
        } else {
            (void)seek(&r, COLD_PUT_BACK, RECORD_CASE, id_of(i));
            until_asked(&r, 0);
            assert_int_equal(rig_ask(&r, "HEXISTS {p0}:r:case C-0001"), 0);
        }
        (void)rig_ask(&r, "CONFIG SET maxmemory 0");
        until_said(&r, COLD_SHOW, RECORD_CASE, "~\ntest", COLD_SHOWN);
    }
    rig_end(&r);
}

/* Somebody always waits. */
static void old_answers_are_forgotten_while_lists_go_on(void **state)
{
    (void)state;
    struct rig r;
    struct model m = {.writes = 0};
    char id[64];
    begin(&r, false);
    write_one(&r, &m, 0);
    until_frozen(&r, 0);
    until_said(&r, COLD_SHOW, RECORD_CASE, id_of(0), COLD_SHOWN);
    int64_t until = clock_mono_ms() + 4000;
    for (unsigned i = 0; rig_ask(&r, "HEXISTS {p0}:asked =case/C-0000") > 0; i++) {
        (void)snprintf(id, sizeof id, "~%ctest %u", COLD_PAGE_END, i);
        assert_int_equal(seek(&r, COLD_SHOW, RECORD_CASE, id), COLD_ASKED);
        assert_true(clock_mono_ms() < until);
        rig_turn(&r, 5);
    }
    rig_end(&r);
}

static void any_order_against_the_model(void **state)
{
    (void)state;
    struct rig r;
    struct model m = {.writes = 0};
    uint32_t seed = (uint32_t)clock_mono_us();
    const char *given = getenv("LIU_SEED");
    if (given != NULL)
        seed = (uint32_t)strtoul(given, NULL, 10);
    (void)printf("seed %u\n", seed);
    begin(&r, true);
    int64_t until = clock_mono_ms() + 5000;
    for (unsigned step = 0; clock_mono_ms() < until; step++) {
        size_t i = rig_draw(&seed, IDS);
        unsigned what = rig_draw(&seed, 1000);
        if (what < 400)
            write_one(&r, &m, i);
        else if (what < 600)
            check_one(&r, &m, i, COLD_PUT_BACK);
        else if (what < 800)
            check_one(&r, &m, i, COLD_SHOW);
        else if (what < 950)
            write_blindly(&r, &m, i);
        else if (what < 980)
            rig_turn(&r, (int64_t)rig_draw(&seed, 400));
        else if (what < 984)
            rig_restart_redis(&r);
        else if (what < 990)
            rig_restart_ledger(&r, step % 3 == 0);
        else
            rig_turn(&r, 1500);
    }
    for (size_t i = 0; i < IDS; i++)
        check_one(&r, &m, i, COLD_SHOW);
    assert_true(m.shown > 0);
    rig_end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_leave_and_are_found),
        cmocka_unit_test(what_was_put_back_leaves_again),
        cmocka_unit_test(a_lost_file_is_made_again_before_anything_is_said),
        cmocka_unit_test(a_lost_file_begins_with_a_snapshot_that_is_newer),
        cmocka_unit_test(it_goes_on_from_a_snapshot_when_older_segments_are_gone),
        cmocka_unit_test(without_the_ledger_nothing_is_said),
        cmocka_unit_test(receipts_are_looked_up_while_memory_is_short),
        cmocka_unit_test(old_answers_are_forgotten_while_lists_go_on),
        cmocka_unit_test(any_order_against_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
