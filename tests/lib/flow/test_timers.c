/* Timers that are due together: a few at a time, each once, and with them only a part of a turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

#include "rows.h"

#define MANY 200

static int up(void **state)
{
    (void)state;
    fake_up(&rows_service);
    return timers_start(&fake.flow) == ERR_OK ? 0 : -1;
}

static int down(void **state)
{
    (void)state;
    fake_down();
    return 0;
}

static void make_due(const char *kind, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        char member[64];
        (void)snprintf(member, sizeof member, "%s|case-%u", kind, i);
        fake_due(member);
    }
}

static void assert_touched(unsigned n, unsigned times)
{
    for (unsigned i = 0; i < n; i++) {
        char id[64];
        (void)snprintf(id, sizeof id, "case-%u", i);
        assert_int_equal(touched(id), times);
    }
}

static void those_due_together_go_a_few_at_a_time(void **state)
{
    (void)state;
    make_due("touch", MANY);
    fake_fire();
    assert_int_equal(fake.n_commits, LIMIT_DUE_IN_FLIGHT);
    while (fake.n_commits > 0) {
        fake_commit_ok();
        assert_in_range(fake.n_commits, 0, LIMIT_DUE_IN_FLIGHT);
    }
    assert_int_equal(fake_n_due(), 0);
    assert_int_equal(fake.commits_seen, MANY);
    assert_touched(MANY, 1);
    assert_int_equal(fake.flow.works, 0);
}

static void looks_in_between_fire_nothing_twice(void **state)
{
    (void)state;
    make_due("touch", MANY);
    for (int i = 0; i < 4 * MANY && fake_n_due() > 0; i++) {
        fake_fire();
        if (fake.n_commits > 0 && i % 2 == 0)
            fake_commit_ok();
    }
    fake_commit_all();
    assert_int_equal(fake.commits_seen, MANY);
    assert_touched(MANY, 1);
}

/* One whose commit does not hold keeps no other from its turn, and is left for later. */
static void one_that_fails_waits_alone(void **state)
{
    (void)state;
    make_due("touch", MANY);
    fake_fire();
    fake_commit_as(COMMIT_UNAVAILABLE, false);
    fake_commit_all();
    assert_int_equal(fake_n_due(), 1);
    fake_fire();
    assert_int_equal(fake.n_commits, 0); /* not before its pause is over */
}

static void an_unknown_kind_hurts_no_one(void **state)
{
    (void)state;
    fake_due("unknown|case-0");
    make_due("touch", 3);
    fake_fire();
    fake_commit_all();
    assert_int_equal(fake_n_due(), 1);
    assert_touched(3, 1);
}

/* Each of them takes a whole turn's part, and a query is answered between any two. */
static void messages_come_in_between(void **state)
{
    (void)state;
    make_due("slow", 4);
    fake_look();
    fake_answer();
    assert_int_equal(fake.n_commits, 1);
    load_turn_ends(&fake.flow); /* the part of this turn is used up */
    for (size_t i = 1; i <= 4; i++) {
        assert_int_equal(fake.n_commits, i);
        send_query(NULL);
        assert_int_equal(fake.n_sent, i);
        load_turn_ends(&fake.flow);
    }
    fake_commit_all();
    assert_touched(4, 1);
}

/* What fired, and what was set: from the journal alone timers can be given back. */
static void the_journal_says_what_became_of_timers(void **state)
{
    (void)state;
    struct arena a;
    ProtobufCMessage *m = NULL;
    arena_init(&a, LIMIT_WORK_ARENA_BYTES);
    make_due("touch", 1);
    fake_fire();
    assert_int_equal(fake.n_commits, 1);
    const struct commit_entry *raw = &fake.commits[0].commit->entries[0];
    assert_int_equal(
        wire_unpack(&a, &ismap__liu__v1__journal_entry__descriptor, raw->data, raw->bytes, &m),
        ERR_OK);
    const pb_entry *e = (const void *)m;
    assert_int_equal(e->n_timers, 1);
    assert_string_equal(e->timers[0]->owner, rows_service.name);
    assert_string_equal(e->timers[0]->member, "touch|case-0");
    assert_int_equal(e->timers[0]->due_ms, -1);
    fake_commit_all();
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(those_due_together_go_a_few_at_a_time, up, down),
        cmocka_unit_test_setup_teardown(looks_in_between_fire_nothing_twice, up, down),
        cmocka_unit_test_setup_teardown(one_that_fails_waits_alone, up, down),
        cmocka_unit_test_setup_teardown(an_unknown_kind_hurts_no_one, up, down),
        cmocka_unit_test_setup_teardown(messages_come_in_between, up, down),
        cmocka_unit_test_setup_teardown(the_journal_says_what_became_of_timers, up, down),
    };
    return cmocka_run_group_tests_name("timers", tests, NULL, NULL);
}
