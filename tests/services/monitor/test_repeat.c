/* A feed that lost the answer pushes again: it is told what was recorded, and nothing happens
 * twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "world.h"

static struct said said;

static const pb_outcome *outcome(const struct world *wd, size_t n)
{
    assert_true(n < taken(wd)->n_outcomes);
    return taken(wd)->outcomes[n];
}

static void a_repeated_critical_alert_is_told_its_verdict_and_incident(void **state)
{
    struct world *wd = *state;
    char incident[64];
    said_begin(&said, URGENT, 1);
    say(&said, GRAVE, "s1.example");
    assert_int_equal(push(wd, "strong", &said), OK);
    (void)snprintf(incident, sizeof incident, "%s", outcome(wd, 0)->incident_id);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(push(wd, "strong", &said), OK);
        assert_int_equal(taken(wd)->taken, 0);
        assert_int_equal(taken(wd)->n_outcomes, 1);
        assert_int_equal(outcome(wd, 0)->seq, 1);
        assert_int_equal(verdict(wd, 0), V(SUSPENDED));
        assert_string_equal(outcome(wd, 0)->incident_id, incident);
        assert_string_equal(outcome(wd, 0)->number, "LIU-1");
        assert_int_equal(wd->w.n_events, 0);
    }
}

static void an_overlap_is_told_old_and_new_in_order(void **state)
{
    struct world *wd = *state;
    said_begin(&said, BULK, 1);
    say(&said, GRAVE, "s1.example");
    say(&said, LIMITED, "s2.example"); /* counted: no outcome */
    say(&said, GRAVE, "nowhere.example");
    assert_int_equal(push(wd, "strong", &said), OK);
    say(&said, GRAVE, "s1.example");
    assert_int_equal(push(wd, "strong", &said), OK);
    assert_int_equal(taken(wd)->skipped, 3);
    assert_int_equal(taken(wd)->taken, 1);
    assert_int_equal(taken(wd)->n_outcomes, 3);
    static const uint64_t seqs[] = {1, 3, 4};
    static const int verdicts[] = {V(SUSPENDED), V(UNMATCHED), V(DUPLICATE)};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(outcome(wd, i)->seq, seqs[i]);
        assert_int_equal(verdict(wd, i), verdicts[i]);
    }
}

static void what_is_remembered_is_bounded(void **state)
{
    struct world *wd = *state;
    said_begin(&said, BULK, 1);
    for (int i = 0; i < 100; i++)
        say(&said, GRAVE, "s1.example");
    assert_int_equal(push(wd, "strong", &said), OK);
    assert_int_equal(taken(wd)->n_outcomes, 100);
    assert_int_equal(push(wd, "strong", &said), OK);
    assert_int_equal(taken(wd)->n_outcomes, LIMIT_LANE_OUTCOMES);
    for (uint64_t next = 101; next <= 104; next++) { /* four more messages */
        said_begin(&said, BULK, next);
        say(&said, GRAVE, "s1.example");
        assert_int_equal(push(wd, "strong", &said), OK);
    }
    const pb_lane *lane = fake_load(&wd->w, RECORD_LANE, "strong/bulk");
    assert_int_equal(lane->n_recent, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(lane->recent[i]->n_outcomes, 1);
}

static void a_higher_epoch_forgets_the_outcomes_of_the_lower(void **state)
{
    struct world *wd = *state;
    said_begin(&said, URGENT, 1);
    say(&said, GRAVE, "s1.example");
    assert_int_equal(push(wd, "strong", &said), OK);
    said.push.epoch = 2;
    assert_int_equal(push(wd, "strong", &said), OK);
    assert_int_equal(verdict(wd, 0), V(DUPLICATE));
    assert_int_equal(push(wd, "strong", &said), OK);
    assert_int_equal(taken(wd)->n_outcomes, 1);
    assert_int_equal(verdict(wd, 0), V(DUPLICATE));
}

static void a_word_of_life_keeps_the_outcomes(void **state)
{
    struct world *wd = *state;
    pb_feed feed = *(const pb_feed *)fake_load(&wd->w, RECORD_FEED, "strong");
    feed.heartbeat_s = 60;
    fake_store(&wd->w, RECORD_FEED, "strong", &feed.base);
    said_begin(&said, URGENT, 1);
    say(&said, GRAVE, "s1.example");
    assert_int_equal(push(wd, "strong", &said), OK);
    for (int i = 0; i < 3; i++) {
        wd->w.now_ms += 61000;
        assert_int_equal(push(wd, "strong", &said), OK);
        assert_int_equal(wd->w.n_puts, 1); /* last heard */
        assert_int_equal(verdict(wd, 0), V(SUSPENDED));
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        T(a_repeated_critical_alert_is_told_its_verdict_and_incident),
        T(an_overlap_is_told_old_and_new_in_order),
        T(what_is_remembered_is_bounded),
        T(a_higher_epoch_forgets_the_outcomes_of_the_lower),
        T(a_word_of_life_keeps_the_outcomes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
