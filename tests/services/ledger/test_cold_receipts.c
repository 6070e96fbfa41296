/* Receipts that leave Redis, against a model: whatever is done in whatever order, a message takes
 * effect once, its repetition gets the answer of the first time, and other bytes under its id are
 * refused. Redis is killed and the ledger restarted in between; its file is lost.
 */
#include "services/ledger/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/clock.h"
#include "ismap/liu/v1/event.pb-c.h"
#include "services/ledger/cold_file.h"
#include "services/ledger/ledger_private.h"
#include "store/cold.h"

#define IDS 300
#define WAIT_MS 20000

/* ---- the clock of all but Redis can be set */

static int64_t jump_ms;
int64_t __real_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void)
{
    return __real_clock_wall_ms() + jump_ms;
}

struct model {
    uint64_t seq[IDS]; /* 0 = not taken */
    uint8_t variant[IDS];
    unsigned colds, duplicates, mismatches;
};

struct got {
    bool done;
    enum commit_status status;
    uint64_t seq;
    char reply[32];
    char type[32];
};

static void on_commit(void *arg, const struct commit_result *r)
{
    struct got *g = arg;
    *g = (struct got){.done = true, .status = r->status, .seq = r->seq};
    if (r->status != COMMIT_DUPLICATE)
        return;
    (void)snprintf(g->reply, sizeof g->reply, "%.*s", (int)r->reply_bytes, (const char *)r->reply);
    (void)snprintf(g->type, sizeof g->type, "%s", r->reply_type);
}

static void until_done(struct rig *r, const struct got *g)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    while (!g->done && clock_mono_ms() < until)
        assert_int_equal(loop_turn(r->loop, 20), ERR_OK);
    assert_true(g->done);
}

struct message {
    char id[16];
    char reply[32];
    uint8_t hash[32];
    uint8_t packed[256];
    struct commit_entry entry;
    struct commit commit;
};

/* As a service builds it. */
static void message(struct message *m, size_t i, uint8_t variant)
{
    Ismap__Liu__V1__JournalEntry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    Ismap__Liu__V1__StoredReply reply = ISMAP__LIU__V1__STORED_REPLY__INIT;
    *m = (struct message){.hash = {variant, (uint8_t)i, (uint8_t)(i >> 8)}};
    (void)snprintf(m->id, sizeof m->id, "m-%04zu", i);
    (void)snprintf(m->reply, sizeof m->reply, "reply %zu", i);
    reply.type = (char *)(uintptr_t) "T";
    reply.payload = (ProtobufCBinaryData){strlen(m->reply), (uint8_t *)m->reply};
    e.at_ms = clock_wall_ms();
    e.actor = (char *)(uintptr_t) "csp-a";
    e.cause = m->id;
    e.request_hash = (ProtobufCBinaryData){sizeof m->hash, m->hash};
    e.reply = &reply;
    m->entry = (struct commit_entry){.data = m->packed,
                                     .bytes = ismap__liu__v1__journal_entry__pack(&e, m->packed),
                                     .type = "T"};
    m->commit = (struct commit){.receipt_party = "csp-a",
                                .receipt_id = m->id,
                                .receipt_until_ms = e.at_ms + 72LL * 3600 * 1000,
                                .reply = (const uint8_t *)m->reply,
                                .reply_bytes = strlen(m->reply),
                                .reply_type = "T",
                                .now_ms = e.at_ms,
                                .entries = &m->entry,
                                .n_entries = 1};
    memcpy(m->commit.request_hash, m->hash, sizeof m->hash);
}

static struct got commit(struct rig *r, const struct message *m)
{
    struct got g = {0};
    assert_int_equal(store_commit(r->store, STORE_MAIN, &m->commit, on_commit, &g), ERR_OK);
    until_done(r, &g);
    return g;
}

static struct got look(struct rig *r, const struct message *m)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    for (;;) {
        struct got g = {.status = COMMIT_COLD};
        if (store_receipt(r->store, "csp-a", m->id, m->hash, on_commit, &g) == ERR_OK)
            until_done(r, &g);
        if (g.status != COMMIT_COLD && g.status != COMMIT_UNAVAILABLE)
            return g;
        assert_true(clock_mono_ms() < until);
        rig_turn(r, 5);
    }
}

static void expect(struct rig *r, struct model *m, size_t i, uint8_t variant, const struct got *g)
{
    char reply[32];
    (void)snprintf(reply, sizeof reply, "reply %zu", i);
    switch (g->status) {
    case COMMIT_OK:
        if (m->seq[i] != 0)
            fail_msg("m-%04zu took effect twice", i);
        m->seq[i] = g->seq;
        m->variant[i] = variant;
        r->head++;
        break;
    case COMMIT_DUPLICATE:
        if (g->seq != m->seq[i])
            fail_msg("m-%04zu: entry %llu instead of %llu", i, (unsigned long long)g->seq,
                     (unsigned long long)m->seq[i]);
        assert_int_equal(variant, m->variant[i]);
        assert_string_equal(g->reply, reply);
        assert_string_equal(g->type, "T");
        m->duplicates++;
        break;
    case COMMIT_MISMATCH:
        assert_true(m->seq[i] != 0);
        assert_int_not_equal(variant, m->variant[i]);
        m->mismatches++;
        break;
    default:
        fail_msg("m-%04zu: status %d", i, (int)g->status);
    }
}

/* As a service takes a message: when the commit does not know, the ledger is asked. */
static void send(struct rig *r, struct model *m, size_t i, uint8_t variant)
{
    struct message message_;
    int64_t until = clock_mono_ms() + WAIT_MS;
    message(&message_, i, variant);
    struct got g = commit(r, &message_);
    while (g.status == COMMIT_COLD) {
        m->colds++;
        g = look(r, &message_);
        if (g.status == COMMIT_OK)
            g = commit(r, &message_);
        assert_true(clock_mono_ms() < until);
    }
    expect(r, m, i, variant, &g);
}

static void begin(struct rig *r)
{
    uint8_t packed[64];
    Ismap__Liu__V1__JournalEntry e = ISMAP__LIU__V1__JOURNAL_ENTRY__INIT;
    e.at_ms = 1;
    rig_begin_with(r, packed, ismap__liu__v1__journal_entry__pack(&e, packed));
    r->set.freeze_seconds = 1;
    r->set.cold_filter = 1;
    r->set.segment_entries = 8;
    r->set.snapshot_entries = 20;
    rig_start_ledger(r);
}

static long long receipts_left(struct rig *r)
{
    return rig_ask(r, "KEYS {p0}:rcpt:*");
}

static void until_left(struct rig *r)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    while (receipts_left(r) > 0) {
        assert_true(clock_mono_ms() < until);
        rig_turn(r, 50);
    }
}

static void receipts_leave_and_still_answer(void **state)
{
    (void)state;
    struct rig r;
    static struct model m;
    m = (struct model){.colds = 0};
    begin(&r);
    for (size_t i = 0; i < 40; i++)
        send(&r, &m, i, 1);
    until_left(&r);
    for (size_t i = 0; i < 40; i++)
        send(&r, &m, i, i % 2 == 0 ? 1 : 2);
    assert_int_equal(m.colds, 40);
    assert_int_equal(m.duplicates, 20);
    assert_int_equal(m.mismatches, 20);
    assert_int_equal(receipts_left(&r), 0); /* an answer brings nothing back */
    rig_restart_ledger(&r, true);
    for (size_t i = 0; i < 42; i++)
        send(&r, &m, i, 1);
    assert_int_equal(m.duplicates, 60);
    rig_end(&r);
}

/* A new id needs no ledger; one that may be known is neither taken nor refused without it. */
static void without_the_ledger_new_messages_are_taken(void **state)
{
    (void)state;
    struct rig r;
    static struct model m;
    struct message old;
    m = (struct model){.colds = 0};
    begin(&r);
    for (size_t i = 0; i < 20; i++)
        send(&r, &m, i, 1);
    until_left(&r);
    rig_stop_ledger(&r);
    for (size_t i = 20; i < 60; i++)
        send(&r, &m, i, 1);
    assert_int_equal(m.colds, 0);
    for (size_t i = 0; i < 20; i++) {
        struct got g = {0};
        message(&old, i, 1);
        assert_int_equal(commit(&r, &old).status, COMMIT_COLD);
        assert_int_equal(store_receipt(r.store, "csp-a", old.id, old.hash, on_commit, &g), ERR_OK);
        until_done(&r, &g);
        assert_int_equal(g.status, COMMIT_COLD);
    }
    rig_start_ledger(&r);
    for (size_t i = 0; i < 60; i++)
        send(&r, &m, i, 1);
    assert_int_equal(m.duplicates, 60);
    rig_end(&r);
}

#define YEARS_MS (5 * 365 * 86400000LL)

static int make_old(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    const struct timeval old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    (void)st;
    (void)ftw;
    return flag == FTW_F && strstr(path, ".seg") != NULL ? utimes(path, old) : 0;
}

/* What a file's time says, by whatever clock, makes no receipt old. */
static void a_lost_file_has_the_receipts_of_segments_that_look_old(void **state)
{
    (void)state;
    struct rig r;
    static struct model m;
    m = (struct model){.colds = 0};
    begin(&r);
    for (size_t i = 0; i < 30; i++)
        send(&r, &m, i, 1);
    until_left(&r);
    rig_stop_ledger(&r);
    assert_int_equal(nftw(r.archive, make_old, 16, FTW_PHYS), 0);
    rig_start_ledger(&r);
    rig_restart_ledger(&r, true);
    for (size_t i = 0; i < 30; i++)
        send(&r, &m, i, 1);
    assert_int_equal(m.duplicates, 30);
    rig_end(&r);
}

/* All but Redis believe that years have passed; then their clock is put right. */
static void a_clock_that_is_years_ahead_for_a_while_forgets_no_receipt(void **state)
{
    (void)state;
    struct rig r;
    static struct model m;
    m = (struct model){.colds = 0};
    begin(&r);
    for (size_t i = 0; i < 20; i++)
        send(&r, &m, i, 1);
    until_left(&r);
    jump_ms = YEARS_MS;
    rig_restart_ledger(&r, false);
    for (size_t i = 20; i < 40; i++)
        send(&r, &m, i, 1);
    until_left(&r);
    for (size_t i = 0; i < 10; i++)
        send(&r, &m, i, 1);
    jump_ms = 0;
    rig_restart_ledger(&r, false);
    for (size_t i = 0; i < 40; i++)
        send(&r, &m, i, 1);
    assert_int_equal(m.duplicates, 50);
    int64_t until = clock_mono_ms() + WAIT_MS;
    while (rig_ask(&r, "HLEN {p0}:asked") > 0) { /* also what was answered in the future */
        assert_true(clock_mono_ms() < until);
        rig_turn(&r, 50);
    }
    rig_end(&r);
}

static void any_order_against_the_model(void **state)
{
    (void)state;
    struct rig r;
    static struct model m;
    uint32_t seed = (uint32_t)clock_mono_us();
    const char *given = getenv("LIU_SEED");
    m = (struct model){.colds = 0};
    if (given != NULL)
        seed = (uint32_t)strtoul(given, NULL, 10);
    (void)printf("seed %u\n", seed);
    begin(&r);
    int64_t until = clock_mono_ms() + 5000;
    for (unsigned step = 0; clock_mono_ms() < until; step++) {
        size_t i = rig_draw(&seed, IDS);
        unsigned what = rig_draw(&seed, 1000);
        if (what < 850)
            send(&r, &m, i, (uint8_t)rig_draw(&seed, 2));
        else if (what < 980)
            rig_turn(&r, (int64_t)rig_draw(&seed, 200));
        else if (what < 984)
            rig_restart_redis(&r);
        else if (what < 990)
            rig_restart_ledger(&r, step % 3 == 0);
        else
            rig_turn(&r, 1500);
    }
    for (size_t i = 0; i < IDS; i++)
        send(&r, &m, i, (uint8_t)rig_draw(&seed, 2));
    assert_true(m.colds > 0);
    rig_end(&r);
}

static size_t seen;

static bool count(void *arg, const struct cold_record *r)
{
    (void)r;
    ++*(size_t *)arg;
    return true;
}

static void what_is_past_its_time_is_dropped(void **state)
{
    (void)state;
    char dir[] = "/tmp/liu-receipts-XXXXXX";
    char path[64];
    struct err_text why;
    struct cold_file *f;
    struct cold_state s;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/cold", dir);
    assert_int_equal(cold_open(path, false, &f, &why), ERR_OK);
    assert_int_equal(cold_begin(f, &why), ERR_OK);
    for (unsigned i = 0; i < 100; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "p:%u", (i * 37) % 100);
        struct cold_record r = {.kind = RECORD_RECEIPT,
                                .id = id,
                                .id_bytes = strlen(id),
                                .revision = 1 + i,
                                .seq = 1 + i,
                                .value = (const uint8_t *)"x",
                                .bytes = 1,
                                .drop_ms = 1000 + i};
        assert_int_equal(cold_put(f, &r, &why), ERR_OK);
    }
    assert_int_equal(cold_drop(f, 1039, 30, &why), ERR_OK); /* a step takes what it may */
    assert_int_equal(cold_commit(f, &why), ERR_OK);
    assert_int_equal(cold_state(f, &s, &why), ERR_OK);
    assert_int_equal(s.receipts, 70);
    assert_int_equal(s.records, 0);
    assert_int_equal(cold_begin(f, &why), ERR_OK);
    assert_int_equal(cold_drop(f, 1039, 1000, &why), ERR_OK);
    assert_int_equal(cold_commit(f, &why), ERR_OK);
    seen = 0;
    assert_int_equal(cold_each_record(f, RECORD_RECEIPT, "", count, &seen, &why), ERR_OK);
    assert_int_equal(seen, 60);
    cold_close(f);
    rig_remove(dir);
}

/* An id that is used again after its window: the end of the first receipt's time is not the
 * second's, which still keeps a repetition from taking effect. */
static void a_later_use_of_an_id_outlives_the_first(void **state)
{
    (void)state;
    static const int64_t drop_ms[] = {1000, 2000};
    char dir[] = "/tmp/liu-receipts-XXXXXX";
    char path[64];
    struct err_text why;
    struct cold_file *f;
    struct cold_record got;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/cold", dir);
    assert_int_equal(cold_open(path, false, &f, &why), ERR_OK);
    assert_int_equal(cold_begin(f, &why), ERR_OK);
    for (unsigned i = 0; i < 2; i++) {
        struct cold_record r = {.kind = RECORD_RECEIPT,
                                .id = "p:again",
                                .id_bytes = 7,
                                .revision = 5 + i,
                                .seq = 5 + i,
                                .value = (const uint8_t *)"x",
                                .bytes = 1,
                                .drop_ms = drop_ms[i]};
        assert_int_equal(cold_put(f, &r, &why), ERR_OK);
    }
    assert_int_equal(cold_drop(f, 1500, 10, &why), ERR_OK);
    assert_int_equal(cold_get(f, RECORD_RECEIPT, "p:again", 7, NULL, &got, &why), ERR_OK);
    assert_int_equal(got.revision, 6);
    assert_int_equal(cold_drop(f, 2500, 10, &why), ERR_OK);
    assert_int_equal(cold_get(f, RECORD_RECEIPT, "p:again", 7, NULL, &got, &why), ERR_NOT_FOUND);
    assert_int_equal(cold_commit(f, &why), ERR_OK);
    cold_close(f);
    rig_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_past_its_time_is_dropped),
        cmocka_unit_test(a_later_use_of_an_id_outlives_the_first),
        cmocka_unit_test(receipts_leave_and_still_answer),
        cmocka_unit_test(without_the_ledger_new_messages_are_taken),
        cmocka_unit_test(a_lost_file_has_the_receipts_of_segments_that_look_old),
        cmocka_unit_test(a_clock_that_is_years_ahead_for_a_while_forgets_no_receipt),
        cmocka_unit_test(any_order_against_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
