/* PushAlerts as a whole: what a feed is answered, what is written, who is told. R80, R82, R83, R92
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "wire/unpack.h"
#include "world.h"

static struct said said;

static void low_alerts_are_counted_and_archived_without_an_entry(void **state)
{
    struct world *wd = *state;
    said_begin(&said, BULK, 1);
    for (int i = 0; i < 256; i++)
        say(&said, LIMITED, i % 2 == 0 ? "s1.example" : "nowhere.example");
    assert_int_equal(push(wd, "weak", &said), OK);
    assert_int_equal(taken(wd)->taken, 256);
    assert_int_equal(taken(wd)->next_seq, 257);
    assert_int_equal(taken(wd)->n_outcomes, 0);
    assert_int_equal(wd->w.n_events, 0);
    assert_true(wd->w.quiet);
    assert_int_equal(wd->w.noise_bytes, wd->w.payload_bytes);
    assert_int_equal(wd->w.n_puts, 1);
    const pb_lane *lane = fake_load(&wd->w, RECORD_LANE, "weak/bulk");
    assert_int_equal(lane->counted, 256);
    assert_int_equal(lane->n_recent, 1);
    assert_int_equal(lane->recent[0]->digests.len, 256 * 8);
}

/* What was taken of the noise that the last message left; NULL = all of it, only counted. */
static const Ismap__Liu__V1__TakenAlerts *kept(struct world *wd)
{
    ProtobufCMessage *m;
    assert_int_equal(wire_unpack(&wd->w.arena, &ismap__liu__v1__push_alerts__descriptor,
                                 wd->w.noise, wd->w.noise_bytes, &m),
                     ERR_OK);
    assert_int_equal(((pb_push *)(void *)m)->n_alerts, said.push.n_alerts);
    assert_memory_equal(wd->w.noise, wd->w.payload, wd->w.payload_bytes);
    assert_int_equal(wire_unpack(&wd->w.arena, &ismap__liu__v1__kept_alerts__descriptor,
                                 wd->w.noise, wd->w.noise_bytes, &m),
                     ERR_OK);
    return ((pb_kept *)(void *)m)->taken;
}

static void noise_says_what_its_message_does_not(void **state)
{
    struct world *wd = *state;
    said_begin(&said, BULK, 1);
    say(&said, LIMITED, "s1.example");
    assert_int_equal(push(wd, "strong", &said), OK);
    assert_null(kept(wd));
    said_begin(&said, BULK, 2);
    say(&said, LIMITED, "s1.example");
    say(&said, GRAVE, "s1.example");
    assert_int_equal(push(wd, "strong", &said), OK);
    assert_true(kept(wd)->in_journal);
    assert_int_equal(kept(wd)->next_seq, 4);
    assert_int_equal(kept(wd)->counted, 1);
    said_begin(&said, BULK, 4); /* known, and no news: in no entry, and not counted */
    say(&said, GRAVE, "s1.example");
    say(&said, LIMITED, "s1.example");
    assert_int_equal(push(wd, "strong", &said), OK);
    assert_true(wd->w.quiet);
    assert_false(kept(wd)->in_journal);
    assert_int_equal(kept(wd)->next_seq, 6);
    assert_int_equal(kept(wd)->counted, 1);
}

static void a_critical_alert_suspends_in_one_commit_and_tells_everyone(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "strong", GRAVE, "www.s1.example"), OK);
    assert_int_equal(verdict(wd, 0), V(SUSPENDED));
    assert_true(suspended(wd, "LIU-1"));
    assert_int_equal(wd->w.n_puts, 4); /* incident, hold, brake, lane */
    const struct fake_event *e = fake_event(&wd->w, "SuspensionImposed", 0);
    assert_non_null(e);
    assert_true(fake_told(e, "public") && fake_told(e, "csp-1") && fake_told(e, "mof") &&
                fake_told(e, "meti"));
    assert_int_equal(e->n_audience, 4);
    const Ismap__Liu__V1__SuspensionImposed *n = (const void *)e->payload;
    assert_string_equal(n->number, "LIU-1");
    assert_string_equal(n->cause, "alert"); /* the public is not told which feed */
    assert_string_equal(n->key_id, "scheme-1");
    assert_int_equal(n->signature.len, 64);
    e = fake_event(&wd->w, "IncidentOpened", 0);
    assert_non_null(e);
    assert_true(fake_told(e, "csp-1"));
    const pb_incident *inc = incident_of(wd, 0);
    assert_int_equal(inc->state, INCIDENT_SUSPENDED);
    assert_int_equal(inc->severity, SEVERITY_CRITICAL);
    assert_string_equal(inc->rulebook_hash, "rules-in-force");
    assert_int_equal(inc->n_sources, 1);
    assert_int_equal(inc->sources[0]->alert_hash.len, 32);
    assert_true(inc->why_ja[0] != '\0' && inc->why_en[0] != '\0');
    assert_int_equal(fake_due(&wd->w, TIMER_PRELIM, inc->id), wd->w.now_ms + 24LL * 3600 * 1000);
    assert_int_equal(fake_due(&wd->w, TIMER_FINAL, inc->id),
                     wd->w.now_ms + 30LL * 24 * 3600 * 1000);
    const pb_hold *h = fake_load(&wd->w, RECORD_HOLD, "LIU-1");
    assert_int_equal(h->n_history, 1);
    assert_string_equal(h->incident_id, inc->id);
    const pb_brake *b = fake_load(&wd->w, RECORD_BRAKE, BRAKE_ID);
    assert_int_equal(b->suspensions, 1);
}

static void everything_a_critical_alert_needs_is_read_in_two_round_trips(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "strong", GRAVE, "s1.example"), OK);
    assert_true(wd->w.runs <= 3); /* the first only learns the rulebook, which the runtime keeps */
}

static void a_notice_goes_out_unsigned_rather_than_not(void **state)
{
    struct world *wd = *state;
    wd->w.key = NULL;
    assert_int_equal(push_one(wd, "strong", GRAVE, "s1.example"), OK);
    const struct fake_event *e = fake_event(&wd->w, "SuspensionImposed", 0);
    assert_non_null(e);
    assert_int_equal(
        ((const Ismap__Liu__V1__SuspensionImposed *)(const void *)e->payload)->signature.len, 0);
}

static void a_second_critical_alert_is_one_more_source(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "strong", GRAVE, "s1.example"), OK);
    assert_int_equal(push_one(wd, "weak", GRAVE, "s1.example"), OK);
    assert_int_equal(verdict(wd, 0), V(DUPLICATE));
    assert_int_equal(wd->w.n_events, 0);
    assert_int_equal(incident_of(wd, 0)->n_sources, 2);
    /* the same feed again within a minute leaves the record alone */
    assert_int_equal(push_one(wd, "weak", GRAVE, "s1.example"), OK);
    assert_int_equal(verdict(wd, 0), V(DUPLICATE));
    assert_true(wd->w.quiet);
    assert_int_equal(wd->w.n_puts, 1);
    assert_true(wd->w.noise_bytes > 0);
}

static void criticals_among_bulk_noise_suspend_in_their_batchs_commit(void **state)
{
    struct world *wd = *state;
    said_begin(&said, BULK, 1);
    for (int i = 0; i < 100; i++)
        say(&said, LIMITED, "s1.example");
    say(&said, GRAVE, "s1.example");
    say(&said, GRAVE, "s2.example");
    say(&said, GRAVE, "s1.example");
    assert_int_equal(push(wd, "strong", &said), OK);
    assert_int_equal(taken(wd)->taken, 103);
    assert_int_equal(taken(wd)->outcomes[0]->seq, 101);
    assert_int_equal(verdict(wd, 0), V(SUSPENDED));
    assert_int_equal(verdict(wd, 1), V(SUSPENDED));
    assert_int_equal(verdict(wd, 2), V(DUPLICATE));
    assert_true(suspended(wd, "LIU-1") && suspended(wd, "LIU-2"));
    assert_int_equal(fake_events(&wd->w, "SuspensionImposed"), 2);
    assert_true(wd->w.noise_bytes > 0);
}

static void sixteen_listings_are_suspended_by_one_urgent_message(void **state)
{
    struct world *wd = *state;
    said_begin(&said, URGENT, 1);
    char domains[16][24];
    for (unsigned i = 0; i < 16; i++) {
        (void)snprintf(domains[i], sizeof domains[i], "s%u.example", i + 1);
        say(&said, GRAVE, domains[i]);
    }
    assert_int_equal(push(wd, "strong", &said), OK);
    assert_int_equal(taken(wd)->taken, 16);
    assert_int_equal(fake_events(&wd->w, "SuspensionImposed"), 16);
}

static void what_one_commit_cannot_hold_is_taken_with_the_next_message(void **state)
{
    struct world *wd = *state;
    world_rules(wd, 0, "PERSON_URGENT");
    char domains[40][24];
    uint64_t next = 1;
    unsigned messages = 0;
    for (unsigned i = 0; i < 40; i++)
        (void)snprintf(domains[i], sizeof domains[i], "s%u.example", i + 1);
    while (next <= 40) {
        said_begin(&said, BULK, next);
        for (unsigned i = (unsigned)next - 1; i < 40; i++)
            say(&said, GRAVE, domains[i]);
        assert_int_equal(push(wd, "strong", &said), OK);
        assert_true(taken(wd)->taken > 0);
        assert_int_equal(taken(wd)->n_outcomes, taken(wd)->taken);
        next = taken(wd)->next_seq;
        assert_true(++messages < 10);
    }
    for (unsigned i = 0; i < 40; i++) {
        char number[16];
        (void)snprintf(number, sizeof number, "LIU-%u", i + 1);
        assert_true(suspended(wd, number));
    }
    /* and so it does when the feed sends the whole message again each time */
    said_begin(&said, BULK, 1);
    for (unsigned i = 0; i < 40; i++)
        say(&said, GRAVE, domains[i]);
    assert_int_equal(push(wd, "strong", &said), STATUS(ALREADY_EXISTS)); /* other alert ids */
}

static void a_whole_message_sent_again_makes_progress(void **state)
{
    struct world *wd = *state;
    world_rules(wd, 0, "PERSON_URGENT");
    char domains[40][24];
    said_begin(&said, BULK, 1);
    for (unsigned i = 0; i < 40; i++) {
        (void)snprintf(domains[i], sizeof domains[i], "s%u.example", i + 1);
        say(&said, GRAVE, domains[i]);
    }
    uint32_t total = 0;
    for (unsigned i = 0; i < 5 && total < 40; i++) {
        assert_int_equal(push(wd, "strong", &said), OK);
        assert_int_equal(taken(wd)->skipped, total);
        total += taken(wd)->taken;
    }
    assert_int_equal(total, 40);
}

static void high_opens_one_incident_while_it_is_open(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "weak", SERIOUS, "s3.example"), OK);
    assert_int_equal(verdict(wd, 0), V(INCIDENT));
    assert_int_equal(fake_events(&wd->w, "IncidentOpened"), 1);
    assert_int_equal(fake_events(&wd->w, "AlarmRang"), 0);
    const char *id = incident_of(wd, 0)->id;
    assert_int_equal(push_one(wd, "other", SERIOUS, "s3.example"), OK);
    assert_int_equal(verdict(wd, 0), V(DUPLICATE));
    assert_string_equal(incident_of(wd, 0)->id, id);
    assert_false(suspended(wd, "LIU-3"));
}

static void ungraded_rings_once_and_never_suspends(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "strong", UNSTATED, "s4.example"), OK);
    assert_int_equal(verdict(wd, 0), V(INCIDENT));
    assert_int_equal(fake_events(&wd->w, "AlarmRang"), 1);
    assert_int_equal(fake_event(&wd->w, "IncidentOpened", 0)->n_audience, 0);
    assert_true(incident_of(wd, 0)->rings);
    assert_int_equal(push_one(wd, "strong", UNSTATED, "s4.example"), OK);
    assert_int_equal(verdict(wd, 0), V(DUPLICATE));
    assert_int_equal(wd->w.n_events, 0);
    assert_int_equal(push_one(wd, "weak", UNSTATED, "s4.example"), OK);
    assert_int_equal(verdict(wd, 0), V(INCIDENT)); /* another feed, another question for a person */
    assert_false(suspended(wd, "LIU-4"));
}

static void the_policy_worst_lets_the_ungraded_suspend(void **state)
{
    struct world *wd = *state;
    world_rules(wd, 20, "WORST");
    assert_int_equal(push_one(wd, "strong", UNSTATED, "s4.example"), OK);
    assert_int_equal(verdict(wd, 0), V(SUSPENDED));
}

static void critical_about_nobody_rings_for_a_person(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "strong", GRAVE, "nowhere.example"), OK);
    assert_int_equal(verdict(wd, 0), V(UNMATCHED));
    const struct fake_event *e = fake_event(&wd->w, "AlarmRang", 0);
    assert_non_null(e);
    assert_int_equal(e->n_audience, 0);
    assert_string_equal(((const pb_alarm *)(const void *)e->payload)->kind, "UNMATCHED");
    assert_string_equal(incident_of(wd, 0)->number, "");
}

static void an_unclear_match_suspends_nobody(void **state)
{
    struct world *wd = *state;
    world_listing(wd, "LIU-50", "s5.example", "csp-50",
                  ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_REGISTERED);
    assert_int_equal(push_one(wd, "strong", GRAVE, "s5.example"), OK);
    assert_int_equal(verdict(wd, 0), V(UNMATCHED));
    assert_false(suspended(wd, "LIU-5") || suspended(wd, "LIU-50"));
}

static void an_application_with_anothers_domain_does_not_shield_it(void **state)
{
    struct world *wd = *state;
    world_listing(wd, "LIU-91", "s6.example", "csp-6",
                  ISMAP__LIU__V1__LISTING_STATE__LISTING_STATE_APPLIED);
    assert_int_equal(push_one(wd, "strong", GRAVE, "s6.example"), OK);
    assert_int_equal(verdict(wd, 0), V(SUSPENDED));
    assert_true(suspended(wd, "LIU-6"));
}

static void what_is_not_registered_is_not_suspended(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "strong", GRAVE, "applied.example"), OK);
    assert_int_equal(verdict(wd, 0), V(INCIDENT));
    assert_false(suspended(wd, "LIU-90"));
    assert_int_equal(fake_events(&wd->w, "AlarmRang"), 1);
}

static void two_weak_feeds_of_independent_operators_suspend(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "weak", GRAVE, "s7.example"), OK);
    assert_int_equal(verdict(wd, 0), V(INCIDENT));
    assert_int_equal(fake_events(&wd->w, "AlarmRang"), 1);
    assert_false(suspended(wd, "LIU-7"));
    wd->w.now_ms += 3600 * 1000;
    assert_int_equal(push_one(wd, "other", GRAVE, "s7.example"), OK);
    assert_int_equal(verdict(wd, 0), V(SUSPENDED));
    assert_true(suspended(wd, "LIU-7"));
    assert_int_equal(fake_events(&wd->w, "IncidentOpened"), 0);
    const pb_incident *inc = incident_of(wd, 0);
    assert_int_equal(inc->n_sources, 2);
    assert_int_equal(inc->n_steps, 2);
    assert_false(inc->rings);
}

static void two_weak_feeds_too_far_apart_do_not(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "weak", GRAVE, "s7.example"), OK);
    wd->w.now_ms += 3600 * 1000 + 1;
    assert_int_equal(push_one(wd, "other", GRAVE, "s7.example"), OK);
    assert_int_equal(verdict(wd, 0), V(DUPLICATE));
    assert_false(suspended(wd, "LIU-7"));
}

static void a_feed_outside_its_field_neither_suspends_nor_corroborates(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "narrow", GRAVE, "s8.example"), OK);
    assert_int_equal(verdict(wd, 0), V(INCIDENT));
    assert_int_equal(push_one(wd, "weak", GRAVE, "s8.example"), OK);
    assert_false(suspended(wd, "LIU-8"));
    assert_int_equal(push_one(wd, "narrow", GRAVE, "s2.example"), OK);
    assert_true(suspended(wd, "LIU-2"));
}

static void the_brake_holds_back_rings_and_has_a_clock(void **state)
{
    struct world *wd = *state;
    world_rules(wd, 2, "PERSON_URGENT");
    said_begin(&said, URGENT, 1);
    say(&said, GRAVE, "s1.example");
    say(&said, GRAVE, "s2.example");
    say(&said, GRAVE, "s3.example");
    assert_int_equal(push(wd, "strong", &said), OK);
    assert_int_equal(verdict(wd, 2), V(HELD_BY_BRAKE));
    assert_false(suspended(wd, "LIU-3"));
    const pb_incident *inc = incident_of(wd, 2);
    assert_int_equal(inc->state, INCIDENT_HELD);
    assert_true(inc->rings);
    assert_int_equal(fake_due(&wd->w, TIMER_BRAKE, inc->id), wd->w.now_ms + 600 * 1000);
    assert_int_equal(fake_events(&wd->w, "AlarmRang"), 1);
    const pb_brake *b = fake_load(&wd->w, RECORD_BRAKE, BRAKE_ID);
    assert_int_equal(b->suspensions, 2);
    assert_int_equal(b->held, 1);
    /* it rings again until someone answers */
    wd->w.now_ms += 600 * 1000;
    fake_fire(&wd->w, TIMER_BRAKE, inc->id, timer_brake, wd->mon);
    assert_int_equal(fake_events(&wd->w, "AlarmRang"), 1);
    assert_int_equal(fake_due(&wd->w, TIMER_BRAKE, inc->id), wd->w.now_ms + 600 * 1000);
    /* a new window lets the next alert suspend it */
    wd->w.now_ms += 3600 * 1000;
    assert_int_equal(push_one(wd, "strong", GRAVE, "s3.example"), OK);
    assert_int_equal(verdict(wd, 0), V(SUSPENDED));
    b = fake_load(&wd->w, RECORD_BRAKE, BRAKE_ID);
    assert_int_equal(b->held, 0);
    assert_int_equal(fake_due(&wd->w, TIMER_BRAKE, inc->id), -1);
}

static void a_gap_an_overlap_a_change_and_an_old_epoch(void **state)
{
    struct world *wd = *state;
    said_begin(&said, BULK, 2);
    say(&said, LIMITED, "s1.example");
    assert_int_equal(push(wd, "weak", &said), STATUS(OUT_OF_RANGE));
    assert_true(fake_has_fault(&wd->w, "firstSeq", "P-LANE-GAP"));
    said.push.first_seq = 1;
    say(&said, LIMITED, "s1.example");
    assert_int_equal(push(wd, "weak", &said), OK);
    say(&said, LIMITED, "s1.example");
    assert_int_equal(push(wd, "weak", &said), OK);
    assert_int_equal(taken(wd)->taken, 1);
    assert_int_equal(taken(wd)->skipped, 2);
    assert_int_equal(push(wd, "weak", &said), OK);
    assert_int_equal(taken(wd)->taken, 0);
    assert_int_equal(taken(wd)->next_seq, 4);
    assert_int_equal(wd->w.n_puts, 0);
    said.refs[1].domain = TEXT("changed.example");
    assert_int_equal(push(wd, "weak", &said), STATUS(ALREADY_EXISTS));
    said.push.epoch = 2;
    assert_int_equal(push(wd, "weak", &said), OK);
    assert_int_equal(taken(wd)->taken, 3);
    said.push.epoch = 1;
    assert_int_equal(push(wd, "weak", &said), STATUS(FAILED_PRECONDITION));
    assert_true(fake_has_fault(&wd->w, "epoch", "P-LANE-EPOCH"));
}

static void a_duplicate_of_a_critical_alert_has_no_second_effect(void **state)
{
    struct world *wd = *state;
    said_begin(&said, URGENT, 1);
    say(&said, GRAVE, "s1.example");
    assert_int_equal(push(wd, "strong", &said), OK);
    assert_int_equal(push(wd, "strong", &said), OK);
    assert_int_equal(taken(wd)->skipped, 1);
    assert_int_equal(wd->w.n_events, 0);
    assert_int_equal(wd->w.n_puts, 0);
}

static void each_door_takes_its_own_lane_and_size(void **state)
{
    struct world *wd = *state;
    said_begin(&said, URGENT, 1);
    for (int i = 0; i < 17; i++)
        say(&said, GRAVE, "s1.example");
    assert_int_equal(push(wd, "strong", &said), STATUS(INVALID_ARGUMENT));
    said.push.n_alerts = 1;
    assert_int_equal(world_send(wd, "strong", FEED, "bulk", push_alerts, &said.push.base),
                     STATUS(INVALID_ARGUMENT));
    assert_true(fake_has_fault(&wd->w, "lane", "P-LANE"));
}

static void a_feed_that_cries_wolf_loses_the_urgent_door_not_the_bulk_one(void **state)
{
    struct world *wd = *state;
    for (unsigned i = 0; i < DOOR_STRIKES; i++)
        assert_int_equal(push_one(wd, "strong", LIMITED, "s1.example"), OK);
    assert_int_equal(push_one(wd, "strong", GRAVE, "s1.example"), STATUS(RESOURCE_EXHAUSTED));
    assert_true(fake_has_fault(&wd->w, "", "P-URGENT-MISUSED"));
    assert_false(suspended(wd, "LIU-1"));
    said_begin(&said, BULK, 1);
    say(&said, GRAVE, "s1.example");
    assert_int_equal(push(wd, "strong", &said), OK);
    assert_true(suspended(wd, "LIU-1"));
    fake_mono_ms += DOOR_CLOSED_MS; /* the works' time may stand still meanwhile */
    assert_int_equal(push_one(wd, "strong", GRAVE, "s2.example"), OK);
    assert_true(suspended(wd, "LIU-2"));
}

static void nothing_is_taken_without_a_rulebook_or_from_a_revoked_feed(void **state)
{
    struct world *wd = *state;
    pb_rulebook empty = ISMAP__LIU__V1__RULEBOOK__INIT;
    fake_rules(&wd->w, &empty);
    assert_int_equal(push_one(wd, "strong", GRAVE, "s1.example"), STATUS(FAILED_PRECONDITION));
    world_rules(wd, 20, "PERSON_URGENT");
    assert_int_equal(push_one(wd, "nobody", GRAVE, "s1.example"), STATUS(PERMISSION_DENIED));
}

static void more_users_than_one_entry_can_name_are_all_told(void **state)
{
    struct world *wd = *state;
    static char names[600][12];
    static char *list[600];
    pb_users u = ISMAP__LIU__V1__SERVICE_USERS__INIT;
    for (unsigned i = 0; i < 600; i++) {
        (void)snprintf(names[i], sizeof names[i], "min-%u", i);
        list[i] = names[i];
    }
    u.number = TEXT("LIU-1");
    u.ministries = list;
    u.n_ministries = 600;
    fake_store(&wd->w, RECORD_USERS, "LIU-1", &u.base);
    assert_int_equal(push_one(wd, "strong", GRAVE, "s1.example"), OK);
    size_t told = 0;
    for (size_t i = 0; i < fake_events(&wd->w, "SuspensionImposed"); i++)
        told += fake_event(&wd->w, "SuspensionImposed", i)->n_audience;
    assert_int_equal(told, 603); /* public, provider, mof and the users */
}

static void a_silent_feed_rings_once_until_it_speaks_again(void **state)
{
    struct world *wd = *state;
    assert_int_equal(push_one(wd, "weak", SERIOUS, "s1.example"), OK);
    int64_t due = wd->w.now_ms + 60 * 1000;
    assert_int_equal(fake_due(&wd->w, TIMER_WATCH, "weak"), due);
    wd->w.now_ms += 30 * 1000;
    assert_int_equal(push_one(wd, "weak", SERIOUS, "s1.example"), OK);
    assert_int_equal(fake_due(&wd->w, TIMER_WATCH, "weak"), due); /* not moved at each word */
    wd->w.now_ms = due;
    fake_fire(&wd->w, TIMER_WATCH, "weak", timer_watch, wd->mon);
    assert_int_equal(wd->w.n_events, 0);
    assert_int_equal(fake_due(&wd->w, TIMER_WATCH, "weak"), due + 30 * 1000);
    wd->w.now_ms = due + 30 * 1000;
    fake_fire(&wd->w, TIMER_WATCH, "weak", timer_watch, wd->mon);
    assert_int_equal(fake_events(&wd->w, "AlarmRang"), 1);
    assert_int_equal(fake_due(&wd->w, TIMER_WATCH, "weak"), -1);
    wd->w.now_ms += 1000;
    assert_int_equal(push_one(wd, "weak", SERIOUS, "s1.example"), OK);
    assert_int_equal(fake_due(&wd->w, TIMER_WATCH, "weak"), wd->w.now_ms + 60 * 1000);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(low_alerts_are_counted_and_archived_without_an_entry),
        IN_WORLD(noise_says_what_its_message_does_not),
        IN_WORLD(a_critical_alert_suspends_in_one_commit_and_tells_everyone),
        IN_WORLD(everything_a_critical_alert_needs_is_read_in_two_round_trips),
        IN_WORLD(a_notice_goes_out_unsigned_rather_than_not),
        IN_WORLD(a_second_critical_alert_is_one_more_source),
        IN_WORLD(criticals_among_bulk_noise_suspend_in_their_batchs_commit),
        IN_WORLD(sixteen_listings_are_suspended_by_one_urgent_message),
        IN_WORLD(what_one_commit_cannot_hold_is_taken_with_the_next_message),
        IN_WORLD(a_whole_message_sent_again_makes_progress),
        IN_WORLD(high_opens_one_incident_while_it_is_open),
        IN_WORLD(ungraded_rings_once_and_never_suspends),
        IN_WORLD(the_policy_worst_lets_the_ungraded_suspend),
        IN_WORLD(critical_about_nobody_rings_for_a_person),
        IN_WORLD(an_unclear_match_suspends_nobody),
        IN_WORLD(an_application_with_anothers_domain_does_not_shield_it),
        IN_WORLD(what_is_not_registered_is_not_suspended),
        IN_WORLD(two_weak_feeds_of_independent_operators_suspend),
        IN_WORLD(two_weak_feeds_too_far_apart_do_not),
        IN_WORLD(a_feed_outside_its_field_neither_suspends_nor_corroborates),
        IN_WORLD(the_brake_holds_back_rings_and_has_a_clock),
        IN_WORLD(a_gap_an_overlap_a_change_and_an_old_epoch),
        IN_WORLD(a_duplicate_of_a_critical_alert_has_no_second_effect),
        IN_WORLD(each_door_takes_its_own_lane_and_size),
        IN_WORLD(a_feed_that_cries_wolf_loses_the_urgent_door_not_the_bulk_one),
        IN_WORLD(nothing_is_taken_without_a_rulebook_or_from_a_revoked_feed),
        IN_WORLD(more_users_than_one_entry_can_name_are_all_told),
        IN_WORLD(a_silent_feed_rings_once_until_it_speaks_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
