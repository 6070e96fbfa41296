/* What the archiver calls archived is there after a loss of power, whichever of its calls on files
 * failed before, and wherever the process before it ended. On the disk of the simulation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "replay/files.h"
#include "replay/sim.h"
#include "services/ledger/archiver.h"

#define DIR_PATH "/sim/archive/epoch/journal"
#define SEEDS 20
#define CALLS_MAX 64

struct sim sim;

void *sim_need(void *p)
{
    assert_non_null(p);
    return p;
}

void sim_trace(const char *fmt, ...)
{
    (void)fmt;
}

/* Entries first to last as a segment behind `previous`. */
static void build(struct segment_builder *b, uint64_t first, uint64_t last, const uint8_t *previous)
{
    assert_int_equal(segment_begin(b, SEGMENT_JOURNAL, SIM_EPOCH, "journal", previous), ERR_OK);
    for (uint64_t seq = first; seq <= last; seq++) {
        struct segment_entry e = {.pos = {seq, 0}, .data = (const uint8_t *)"entry", .bytes = 5};
        assert_int_equal(segment_add(b, &e), ERR_OK);
    }
}

static void write_it(struct archive_job *job, struct segment_builder *b)
{
    *job = (struct archive_job){.task = ARCHIVE_WRITE, .dir = DIR_PATH, .builder = b};
    archive_job_run(job);
}

static uint64_t last_found(void)
{
    struct archive_job job = {.task = ARCHIVE_OPEN, .dir = DIR_PATH};
    archive_job_run(&job);
    assert_int_equal(job.result, ERR_OK);
    return job.found ? job.head.last.seq : 0;
}

static void begin(uint64_t seed)
{
    sim = (struct sim){.rng = {seed}};
    files_begin();
}

/* One segment with its folders, cut off behind the call `call`; is there a call so late? */
static bool cut_at(uint64_t call, struct segment_builder *b, struct archive_job *job)
{
    build(b, 1, 3, NULL);
    files_cut_after(call);
    write_it(job, b);
    bool cut = files_is_cut();
    files_uncut();
    return cut;
}

static void what_is_found_after_a_crash_survives_a_loss_of_power(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        bool cut = true;
        for (uint64_t call = 1; cut; call++) {
            struct segment_builder b = {0};
            struct archive_job job;
            assert_true(call < CALLS_MAX);
            begin(seed);
            cut = cut_at(call, &b, &job);
            uint64_t found = last_found();
            files_power_loss();
            assert_int_equal(last_found(), found);
            segment_builder_fini(&b);
            files_end();
        }
    }
}

static void what_is_written_at_the_second_try_survives_a_loss_of_power(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        bool cut = true;
        for (uint64_t call = 1; cut; call++) {
            struct segment_builder b = {0};
            struct archive_job job;
            assert_true(call < CALLS_MAX);
            begin(seed);
            cut = cut_at(call, &b, &job);
            assert_true(cut || job.result == ERR_OK);
            write_it(&job, &b);
            assert_int_equal(job.result, ERR_OK);
            files_power_loss();
            assert_int_equal(last_found(), 3);
            segment_builder_fini(&b);
            files_end();
        }
    }
}

/* The disk of the simulation is worth something: it loses what nobody synced. */
static void what_was_not_synced_can_be_lost(void **state)
{
    unsigned lost = 0;
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct segment_builder b = {0};
        struct archive_job job;
        begin(seed);
        for (uint64_t call = 1; cut_at(call, &b, &job); call++)
            ;
        build(&b, 4, 5, job.head.digest);
        files_cut_after(4); /* open, write, write, fsync; not the name */
        write_it(&job, &b);
        files_uncut();
        files_power_loss();
        lost += last_found() == 3;
        segment_builder_fini(&b);
        files_end();
    }
    assert_int_equal(lost, SEEDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_found_after_a_crash_survives_a_loss_of_power),
        cmocka_unit_test(what_is_written_at_the_second_try_survives_a_loss_of_power),
        cmocka_unit_test(what_was_not_synced_can_be_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
