/* What the archive answers to those who follow from behind. */
#include "services/ledger/rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/clock.h"
#include "flow/archive.h"
#include "services/ledger/drop.h"
#include "services/ledger/folder.h"
#include "services/ledger/mark.h"

static struct rig rig;

static int begin(void **state)
{
    (void)state;
    rig_begin(&rig);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_end(&rig);
    return 0;
}

static struct archive_ask *answered;

static bool no_memory;
static uint64_t store_first; /* in what is asked */

static enum err even_only(const struct archive_ask *ask, const uint8_t *data, size_t bytes,
                          bool *is)
{
    (void)ask;
    *is = (data[bytes - 1] - '0') % 2 == 0;
    return no_memory ? ERR_NOMEM : ERR_OK;
}

static void on_answered(struct archive_ask *ask)
{
    answered = ask;
}

static void on_dropped(struct archive_ask *ask)
{
    buf_fini(&ask->data);
}

/* Asks and waits; the caller frees the data. */
static void ask_archive(struct archive_ask *ask, uint64_t after, uint64_t to, uint32_t max)
{
    *ask = (struct archive_ask){.after = after,
                                .to = to,
                                .store_first = store_first,
                                .max = max,
                                .wanted = even_only,
                                .done = on_answered,
                                .drop = on_dropped};
    buf_init(&ask->data, 1u << 20);
    answered = NULL;
    assert_int_equal(ledger_service.archive(rig.ledger, ask), ERR_OK);
    int64_t until = clock_mono_ms() + 10000;
    while (answered == NULL && clock_mono_ms() < until)
        rig_turn(&rig, 5);
    assert_ptr_equal(answered, ask);
}

struct archive_case {
    uint64_t after, to;
    uint32_t max;
    enum err result;
    uint64_t next;
    size_t n;
    uint64_t first;
};

static void the_archive_answers_what_is_asked(void **state)
{
    /* segments of ten, 40 entries archived */
    static const struct archive_case cases[] = {
        {0, 40, 256, ERR_OK, 40, 20, 2},
        {0, 40, 5, ERR_OK, 10, 5, 2},
        {10, 40, 5, ERR_OK, 20, 5, 12},
        {7, 9, 5, ERR_OK, 9, 1, 8},
        {8, 9, 5, ERR_OK, 9, 0, 0},
        {39, 1000, 5, ERR_OK, 40, 1, 40},
        {40, 1000, 5, ERR_NOT_FOUND, 40, 0, 0},
    };
    (void)state;
    static struct archive_ask ask;
    rig.set.segment_seconds = 600;
    rig_add(&rig, 42);
    rig_start_ledger(&rig);
    rig_await(&rig, rig.journal, 40);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct archive_case *c = &cases[i];
        ask_archive(&ask, c->after, c->to, c->max);
        if (ask.result != c->result || ask.next != c->next || ask.n != c->n ||
            (c->n > 0 && ask.entries[0].seq != c->first))
            fail_msg("case %zu: %s, %zu entries up to %llu", i, err_name(ask.result), ask.n,
                     (unsigned long long)ask.next);
        for (size_t k = 0; k < ask.n; k++)
            assert_int_equal(ask.entries[k].data[ask.entries[k].bytes - 1] - '0',
                             ask.entries[k].seq % 10);
        buf_fini(&ask.data);
    }
    assert_int_equal(drop_segments(rig.journal, 10), 1);
    ask_archive(&ask, 0, 40, 5);
    assert_int_equal(ask.result, ERR_NOT_FOUND);
    assert_int_equal(ask.begins, 0); /* it is missing */
    buf_fini(&ask.data);
}

/* That a snapshot is there is seen by its name. */
static void put_snapshot(uint64_t seq)
{
    char dir[300];
    char path[400];
    struct err_text why = {{0}};
    (void)snprintf(dir, sizeof(dir), "%s/" RIG_EPOCH "/snapshots", rig.archive);
    (void)snprintf(path, sizeof(path), "%s/%020llu.snap", dir, (unsigned long long)seq);
    assert_int_equal(folder_make(dir, &why), ERR_OK);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
}

/* The mark comes before the files go; who asks meanwhile is served, or told. */
static void who_asks_for_what_is_kept_no_more_is_told_where_it_begins(void **state)
{
    static const struct {
        uint64_t after, store_first;
        enum err result;
        uint64_t begins;
    } cases[] = {
        {0, 0, ERR_NOT_FOUND, 21},  {0, 41, ERR_NOT_FOUND, 21}, {19, 0, ERR_NOT_FOUND, 21},
        {0, 15, ERR_NOT_FOUND, 15}, {20, 0, ERR_OK, 0},         {40, 0, ERR_NOT_FOUND, 0},
    };
    (void)state;
    static struct archive_ask ask;
    struct err_text why = {{0}};
    struct mark m = {.kind = SEGMENT_JOURNAL,
                     .epoch = RIG_EPOCH,
                     .stream = "journal",
                     .first = {1, 0},
                     .last = {20, 0},
                     .segments = 2,
                     .entries = 20,
                     .days = 5000};
    rig.set.segment_seconds = 600;
    rig_add(&rig, 42);
    rig_start_ledger(&rig);
    rig_await(&rig, rig.journal, 40);
    put_snapshot(30);
    ask_archive(&ask, 0, 40, 5);
    assert_int_equal(ask.result, ERR_OK);
    buf_fini(&ask.data);
    assert_int_equal(mark_write(rig.journal, MARK_FILE, &m, &why), ERR_OK);
    assert_int_equal(drop_segments(rig.journal, 20), 2);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        store_first = cases[i].store_first;
        ask_archive(&ask, cases[i].after, 40, 5);
        if (ask.result != cases[i].result || ask.begins != cases[i].begins)
            fail_msg("case %zu: %s, begins with %llu", i, err_name(ask.result),
                     (unsigned long long)ask.begins);
        buf_fini(&ask.data);
    }
}

static void what_is_asked_at_the_end_is_dropped(void **state)
{
    (void)state;
    static struct archive_ask asks[64];
    rig_add(&rig, 20);
    rig_start_ledger(&rig);
    rig_await(&rig, rig.journal, 21);
    for (size_t i = 0; i < 64; i++) {
        asks[i] = (struct archive_ask){
            .to = 20, .max = 5, .wanted = even_only, .done = on_answered, .drop = on_dropped};
        buf_init(&asks[i].data, 1u << 20);
        assert_int_equal(ledger_service.archive(rig.ledger, &asks[i]), ERR_OK);
    }
    struct archive_ask more = asks[0];
    assert_int_equal(ledger_service.archive(rig.ledger, &more), ERR_LIMIT);
}

int main(void)
{
#define CASE(t) cmocka_unit_test_setup_teardown(t, begin, end)
    const struct CMUnitTest tests[] = {
        CASE(the_archive_answers_what_is_asked),
        CASE(who_asks_for_what_is_kept_no_more_is_told_where_it_begins),
        CASE(what_is_asked_at_the_end_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
